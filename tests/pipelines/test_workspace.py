"""Decisions that people write: one file, whole, once."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from pipelines.workspace import Decision, OrderhouseError, Workspace, decision_id

NOON = datetime(2026, 3, 2, 12, 0, 0, 123_000, tzinfo=UTC)


def decision(name: str, quantity: int | None = 6, reason: str | None = None) -> Decision:
    return Decision(name, "reorder", "A@W", "approve", quantity, "Ann", NOON, reason)


def test_decisions_are_one_file_as_the_feed_wants_it(tmp_path: Path) -> None:
    file = Workspace(tmp_path).decide([decision("d1"), decision("d2", None, 'too "dear", said Bo\nreally')])
    assert file is not None
    assert file.parent == tmp_path / "landing" / "decisions"
    assert file.read_text(encoding="utf-8") == (
        "decision_id,subject,subject_id,action,quantity,decided_by,decided_at,reason\n"
        "d1,reorder,A@W,approve,6,Ann,2026-03-02T12:00:00.123+00:00,\n"
        'd2,reorder,A@W,approve,,Ann,2026-03-02T12:00:00.123+00:00,"too ""dear"", said Bo\nreally"\n'
    )
    assert [found.name for found in file.parent.iterdir()] == [file.name]


def test_what_was_decided_already_is_not_written_again(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.decide([decision("d1")])
    assert workspace.decide([decision("d1")]) is None
    assert workspace.decide([decision("d1"), decision("d2")]) is not None
    assert [found.decision_id for found in workspace.decided(date.min)] == ["d1", "d2"]
    assert len(list((tmp_path / "landing" / "decisions").iterdir())) == 2


def test_decisions_are_read_back_as_they_were_written(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    given = [decision("d1"), decision("d2", None, "=1+1, ü")]
    workspace.decide(given)
    assert workspace.decided(date.min) == given


def test_what_a_night_took_in_is_found_in_the_archive_from_that_night_on(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    file = workspace.decide([decision("d1")])
    assert file is not None
    (tmp_path / "archive" / "ab").mkdir(parents=True)
    file.rename(tmp_path / "archive" / "ab" / "abc")
    line = {"sha256": "abc", "feed": "decisions", "name": file.name, "night": "2026-03-02", "taken_in": 1}
    (tmp_path / "archive" / "deliveries.ndjson").write_text(json.dumps(line) + "\n")
    assert workspace.decided(date(2026, 3, 2)) == [decision("d1")]
    assert workspace.decided(date(2026, 3, 3)) == []
    assert workspace.decide([decision("d1")]) is None


def test_files_of_others_are_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "landing" / "decisions"
    folder.mkdir(parents=True)
    (folder / "half.csv").write_text("decision_id,subject\nx,reorder\n")
    (folder / "binary.csv").write_bytes(b"\xff\xfe\x00")
    (folder / ".draft.csv").write_text("decision_id\n")
    workspace = Workspace(tmp_path)
    assert workspace.decided(date.min) == []
    workspace.decide([decision("d1")])
    assert len(workspace.decided(date.min)) == 1


def test_an_id_follows_from_what_was_seen_and_chosen() -> None:
    assert decision_id("reorder", date(2026, 3, 2), "A@W", "approve", 6) == decision_id(
        "reorder", "2026-03-02", "A@W", "approve", "6"
    )
    assert decision_id("reorder", "A", "BC") != decision_id("reorder", "AB", "C")
    assert len(decision_id("reorder", "x" * 500)) <= 64


def test_a_landing_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "landing").write_text("a file")
    with pytest.raises(OrderhouseError, match=r"The decision was not saved: .* cannot be written"):
        Workspace(tmp_path).decide([decision("d1")])


@pytest.mark.parametrize(
    "setting",
    [
        "[billing]\ninvoice_series = ' '",
        "[billing]\ncredit_series = 'CR\\n'",
        "[billing]\nfirst_number = 99999999999999999999",
        "[publish]\nnights = 9999999",
    ],
)
def test_a_setting_that_no_night_could_use_is_refused(setting: str, tmp_path: Path) -> None:
    (tmp_path / "orderhouse.toml").write_text(setting.replace("\\n'", '\\n"').replace("'CR", '"CR'), encoding="utf-8")
    with pytest.raises(OrderhouseError, match=setting.splitlines()[1].split()[0]):
        _ = Workspace(tmp_path).settings


def test_a_variable_that_cannot_be_read_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDERHOUSE_REORDER", "notjson")
    with pytest.raises(OrderhouseError, match="A variable of the environment cannot be read"):
        _ = Workspace(tmp_path).settings


@pytest.mark.parametrize("series", ["INV", "RE-Ä 7", "A/1", "Ö"])
def test_a_series_may_be_called_as_people_do(series: str, tmp_path: Path) -> None:
    (tmp_path / "orderhouse.toml").write_text(f"[billing]\ninvoice_series = '{series}'\n", encoding="utf-8")
    assert Workspace(tmp_path).settings.billing.invoice_series == series
