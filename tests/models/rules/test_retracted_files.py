"""Files taken back: a name means the one file that was there, and what it does not tell is asked."""

import polars as pl

from models.rules.retraction import retracted
from tests.builders import frame

DECISIONS = "decision_id | file_id | subject_id | decided_at | decided_on"
MOMENTS = {"decided_at": pl.Datetime("us", "UTC"), "decided_on": pl.Date}
FILES = "file_id | feed | name | as_of | file_sequence"


def decisions(*rows: str) -> pl.DataFrame:
    return frame(DECISIONS, *rows, schema=MOMENTS)


def files(*rows: str) -> pl.DataFrame:
    return frame(FILES, *rows, schema={"as_of": pl.Date})


def taken_back(decided: pl.DataFrame, delivered: pl.DataFrame) -> list[str]:
    return retracted(decided, delivered).files["file_id"].to_list()


ON_THE_THIRD = "d1 | dd | a.csv | 2026-01-03T08:00:00 | 2026-01-03"
FAULTY = "f1 | orders | a.csv | 2026-01-02 | 1"
CORRECTED = "f2 | orders | a.csv | 2026-01-03 | 2"


def test_no_decision_takes_nothing_back() -> None:
    assert taken_back(decisions().cast(MOMENTS), files(FAULTY)) == []


def test_a_name_means_the_file_that_was_there_not_the_corrected_one_that_comes_with_the_decision() -> None:
    assert taken_back(decisions(ON_THE_THIRD), files(FAULTY)) == ["f1"]
    assert taken_back(decisions(ON_THE_THIRD), files(FAULTY, CORRECTED)) == ["f1"]


def test_a_name_of_which_no_file_was_there_means_the_first_that_comes_and_no_other() -> None:
    early = decisions("d1 | dd | a.csv | 2026-01-01T08:00:00 | 2026-01-01")
    assert taken_back(early, files(FAULTY, CORRECTED)) == ["f1"]
    assert taken_back(decisions("d1 | dd | a.csv | 2026-01-02T08:00:00 | 2026-01-02"), files(FAULTY)) == ["f1"]


def test_two_people_who_take_back_the_same_file_by_name_take_back_one() -> None:
    twice = decisions(ON_THE_THIRD, "d2 | dd | a.csv | 2026-01-03T09:00:00 | 2026-01-03")
    found = retracted(twice, files(FAULTY, CORRECTED))
    assert (found.files["file_id"].to_list(), found.unclear.height) == (["f1"], 0)


def test_the_corrected_file_may_be_taken_back_by_the_same_name_later() -> None:
    both = decisions(ON_THE_THIRD, "d2 | dd | a.csv | 2026-01-04T08:00:00 | 2026-01-04")
    assert taken_back(both, files(FAULTY, CORRECTED)) == ["f1", "f2"]


def test_a_name_that_several_files_have_takes_none_back_and_is_asked_about() -> None:
    found = retracted(decisions("d1 | dd | a.csv | 2026-01-04T08:00:00 | 2026-01-04"), files(FAULTY, CORRECTED))
    assert found.files.is_empty()
    assert found.unclear.drop("decided_on").rows() == [("d1", "a.csv", 2)]


def test_nobody_is_asked_any_more_once_one_of_the_files_is_taken_back_by_its_id() -> None:
    both = decisions(
        "d1 | dd | a.csv | 2026-01-04T08:00:00 | 2026-01-04", "d2 | dd | f1 | 2026-01-05T08:00:00 | 2026-01-05"
    )
    found = retracted(both, files(FAULTY, CORRECTED))
    assert (found.files["file_id"].to_list(), found.unclear.height) == (["f1"], 0)


def test_a_name_that_no_file_has_is_asked_about() -> None:
    found = retracted(decisions("d1 | dd | b.csv | 2026-01-03T08:00:00 | 2026-01-03"), files(FAULTY))
    assert found.unclear.drop("decided_on").rows() == [("d1", "b.csv", 0)]


def test_a_name_means_one_file_of_each_feed_that_has_it() -> None:
    assert taken_back(decisions(ON_THE_THIRD), files(FAULTY, "f3 | order_lines | a.csv | 2026-01-02 | 3")) == [
        "f1",
        "f3",
    ]


def test_a_retraction_is_undone_by_taking_back_the_file_it_came_in() -> None:
    undone = "d2 | de | dd | 2026-01-04T08:00:00 | 2026-01-04"
    delivered = files(FAULTY, "dd | decisions | d.csv | 2026-01-03 | 2", "de | decisions | e.csv | 2026-01-04 | 3")
    assert taken_back(decisions(ON_THE_THIRD, undone), delivered) == ["dd"]
    redone = decisions(ON_THE_THIRD, undone, "d3 | df | de | 2026-01-05T08:00:00 | 2026-01-05")
    assert taken_back(redone, delivered) == ["de", "f1"]


def test_a_decision_by_id_counts_before_its_file_comes() -> None:
    by_id = decisions("d1 | dd | f1 | 2026-01-01T08:00:00 | 2026-01-01")
    assert taken_back(by_id, files(CORRECTED)) == []
    assert taken_back(by_id, files(FAULTY, CORRECTED)) == ["f1"]
