"""What needs a person: one sentence each, the most money first, long lists closed by one summary."""

from datetime import date

import polars as pl

from models.rules import attention
from models.tables.intake import FeedFile, WaitingRow
from tests.builders import frame

NIGHT = date(2026, 1, 5)
SEEN = {"item_id": pl.String, "first_seen_on": pl.Date}
MONEY = {"amount": pl.Decimal(38, 4), "first_promised_on": pl.Date}
NOTHING_BEFORE = frame("item_id | first_seen_on", schema=SEEN)


def told(*found: pl.DataFrame, before: pl.DataFrame = NOTHING_BEFORE) -> list[tuple[object, ...]]:
    return attention.attention(list(found), before, NIGHT).select("item_id", "sentence", "first_seen_on").rows()


def test_a_held_file_says_why() -> None:
    files = frame(
        "file_id | feed | name | status | reason | rows_in | accepted | rejected | duplicates | as_of | file_sequence",
        "f1 | orders | a.xlsx | held | it is no workbook | 0 | 0 | 0 | 0 | 2026-01-03 | 1",
        "f2 | orders | b.csv | loaded | | 1 | 1 | 0 | 0 | 2026-01-03 | 2",
        schema=FeedFile,
    )
    assert told(attention.held_files(files)) == [
        ("held_file:orders/a.xlsx", "File orders/a.xlsx is held: it is no workbook", date(2026, 1, 3))
    ]


def test_a_retraction_that_does_not_say_which_file_is_asked_about() -> None:
    unclear = frame(
        "decision_id | subject_id | decided_on | files",
        "d1 | a.csv | 2026-01-04 | 2",
        "d2 | b.csv | 2026-01-04 | 0",
        schema={"decided_on": pl.Date},
    )
    assert [sentence for _, sentence, _ in told(attention.unclear_retractions(unclear))] == [
        "Nothing is retracted by decision d1: 2 files are named a.csv; decide again with the file_id of the one.",
        "Nothing is retracted by decision d2: no file named b.csv was taken in; decide again with its right name or file_id.",
    ]


def test_what_waits_since_tonight_only_is_no_work_yet() -> None:
    waiting = frame(
        "feed | key | waits_for | file_id | record_number | since",
        "payments | p1 | order o1 | f | 1 | 2026-01-04",
        "order_lines | o2/1 | order o2 | f | 1 | 2026-01-05",
        schema=WaitingRow,
    )
    assert [item for item, *_ in told(attention.waiting_records(waiting, NIGHT))] == ["waiting_records:payments"]


def test_an_order_is_late_the_day_after_its_promise_until_it_has_arrived() -> None:
    orders = frame(
        "order_id | first_promised_on | fulfilment | amount",
        "due | 2026-01-05 | none | 1",
        "late | 2026-01-04 | shipped | 2",
        "there | 2026-01-04 | delivered | 3",
        schema=MONEY,
    )
    assert told(attention.late_orders(orders, NIGHT)) == [
        (
            "late_order:late",
            "Order late was promised for 2026-01-04 and is shipped: tell the customer and find out why.",
            date(2026, 1, 5),
        )
    ]


def test_what_was_seen_before_keeps_its_first_day() -> None:
    refused = frame("order_id | event | reason | amount", "o1 | shipped | nothing_left | 5", schema=MONEY)
    before = frame("item_id | first_seen_on", "refused_fact:o1 | 2026-01-02", schema=SEEN)
    assert [first for *_, first in told(attention.refused_facts(refused), before=before)] == [date(2026, 1, 2)]
    assert [first for *_, first in told(attention.refused_facts(refused))] == [NIGHT]


def test_a_long_list_shows_the_largest_amounts_and_sums_up_the_rest() -> None:
    orders = pl.DataFrame({"order_id": [f"o{n:03}" for n in range(103)], "amount": range(103)}).cast(
        {"amount": pl.Decimal(38, 4)}
    )
    findings = frame("order_id | facts | as_of", schema={"order_id": pl.String, "facts": pl.String, "as_of": pl.Date})
    rows = attention.attention([attention.orders_on_hold(orders, findings)], NOTHING_BEFORE, NIGHT)
    assert rows.height == attention.SHOWN + 1
    rest = rows.filter(pl.col("subject_id") == "more")
    assert rest.select(pl.col("amount").cast(pl.Int64), "sentence").row(0) == (
        0 + 1 + 2,
        "3 more of the kind: order on hold.",
    )
    assert "o002" not in rows["subject_id"].to_list()


def test_nothing_to_do_is_an_empty_list() -> None:
    assert told() == []
