"""Verification: whatever is changed, taken out, put in or cut off in a published file is found, and said."""

import json
import shutil
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

from pipelines import verify
from pipelines.cli import main
from pipelines.nightly import nightly
from pipelines.stages import STAGES, Night
from pipelines.workspace import OrderhouseError, Workspace
from tests.pipelines.test_billing_nights import EVENTS, FIRST, LINES, ORDERS, SECOND, THIRD, billing_shop, lands


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Three nights: four invoices and a credit note."""
    found = billing_shop(tmp_path_factory.mktemp("verify") / "shop")
    nightly(found, FIRST)
    lands(found, "order_events", "e.csv", EVENTS, "e1 | o1 | 1 | cancelled | 2026-03-03T08:00:00Z | 1")
    lands(found, "orders", "o3.csv", ORDERS, "o3 | online | k1 | 2026-03-03T09:00:00Z | EUR | 3.00")
    lands(found, "order_lines", "l3.csv", LINES, "o3 | 1 | A | 2 | 2.50 |")
    nightly(found, SECOND)
    lands(found, "orders", "o4.csv", ORDERS, "o4 | online | k2 | 2026-03-04T09:00:00Z | EUR |")
    lands(found, "order_lines", "l4.csv", LINES, "o4 | 1 | B | 1 | 9.99 |")
    nightly(found, THIRD)
    return found


def tampered(shop: Workspace, folder: Path, *statements: str) -> dict[str, list[str]]:
    """What verification finds in a copy of the published file after somebody was at it, by check."""
    pointer = shop.pointer()
    assert pointer is not None
    copy = folder / pointer.file.name
    shutil.copyfile(pointer.file, copy)
    with duckdb.connect(copy) as opened:
        for statement in statements:
            opened.execute(statement)
    return {check.name: check.wrong for check in verify.invoices(shop, copy).checks if not check.holds}


def test_what_a_night_published_holds(shop: Workspace) -> None:
    found = verify.invoices(shop)
    assert found.holds
    assert {check.name: check.checked for check in found.checks} == {
        "numbers": 5, "content": 5, "chain": 5, "totals": 7, "tax": 7, "coverage": 7, "end": 5,
    }  # fmt: skip


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE invoices SET buyer_name = 'Eve' WHERE invoice_number = 'INV-2026-000000002'",
        "UPDATE invoices SET due_on = due_on + 1 WHERE invoice_number = 'INV-2026-000000002'",
        "UPDATE invoice_lines SET description = 'Bread' WHERE invoice_number = 'INV-2026-000000002'",
    ],
)
def test_one_changed_value_is_found(shop: Workspace, statement: str, tmp_path: Path) -> None:
    assert tampered(shop, tmp_path, statement) == {"content": ["INV-2026-000000002 was changed"]}


def test_a_changed_amount_is_found_in_every_way(shop: Workspace, tmp_path: Path) -> None:
    found = tampered(
        shop, tmp_path, "UPDATE invoice_lines SET net_amount = 1 WHERE invoice_number = 'INV-2026-000000002'"
    )
    assert set(found) == {"content", "totals", "tax"}


def test_a_document_taken_out_of_the_middle_is_found(shop: Workspace, tmp_path: Path) -> None:
    found = tampered(
        shop,
        tmp_path,
        "DELETE FROM invoices WHERE invoice_number = 'INV-2026-000000002'",
        "DELETE FROM invoice_lines WHERE invoice_number = 'INV-2026-000000002'",
    )
    assert found["numbers"] == ["INV-2026: numbers are missing between 1 and 4, of which 3 are there"]
    assert found["chain"] == ["INV-2026-000000003 does not follow the document before it: one was taken out or put in"]
    assert found["coverage"] == ["order line o2/1 shows or owes another quantity than its documents"]


def test_a_document_cut_off_at_the_end_is_found_by_the_fingerprint_alone(shop: Workspace, tmp_path: Path) -> None:
    found = tampered(
        shop,
        tmp_path,
        "DELETE FROM invoices WHERE invoice_number = 'INV-2026-000000004'",
        "DELETE FROM invoice_lines WHERE invoice_number = 'INV-2026-000000004'",
        "UPDATE order_lines SET invoiced = 0 WHERE order_id = 'o4'",
    )
    assert found == {
        "end": [
            "the last invoice is INV-2026-000000003 of 3, and the night of 2026-03-04 ended with INV-2026-000000004 of 4"
        ]
    }


def test_a_red_rerun_of_a_published_night_leaves_its_end_as_it_was(
    shop: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Workspace(shutil.copytree(shop.root, tmp_path / "shop", symlinks=True))
    lands(found, "orders", "o5.csv", ORDERS, "o5 | online | k1 | 2026-03-04T10:00:00Z | EUR |")
    lands(found, "order_lines", "l5.csv", LINES, "o5 | 1 | B | 1 | 9.99 |")

    def shortened(night: Night) -> int:
        written = STAGES["trends"](night)
        night.warehouse.run("DELETE FROM marts.daily_sales WHERE units > 0 AND day = ?", [THIRD])
        return written

    with monkeypatch.context() as patched:
        patched.setattr("pipelines.nightly.STAGES", {**STAGES, "trends": shortened})
        assert not nightly(found, THIRD).is_green
    assert verify.invoices(found).holds
    before = found.pointer()
    assert nightly(found, THIRD).is_green
    assert verify.invoices(found).holds
    assert before is not None
    assert verify.invoices(found, before.file).holds


def test_every_credit_note_taken_out_is_found(shop: Workspace, tmp_path: Path) -> None:
    found = tampered(
        shop,
        tmp_path,
        "DELETE FROM invoice_lines WHERE credits_invoice_number IS NOT NULL",
        "DELETE FROM invoices WHERE kind = 'credit_note'",
    )
    assert found["end"] == [
        "the last credit note is none of 0, and the night of 2026-03-04 ended with CRN-2026-000000001 of 1"
    ]


def test_a_line_billed_twice_is_found(shop: Workspace, tmp_path: Path) -> None:
    found = tampered(
        shop,
        tmp_path,
        """UPDATE invoice_lines SET order_id = 'o2' WHERE invoice_number = 'INV-2026-000000004'""",
    )
    assert "order o2, line 1, is on INV-2026-000000002 and INV-2026-000000004" in found["coverage"]


def test_without_the_journal_the_end_cannot_be_checked_and_that_is_said(shop: Workspace, tmp_path: Path) -> None:
    pointer = shop.pointer()
    assert pointer is not None
    elsewhere = Workspace(tmp_path)
    [end] = [check for check in verify.invoices(elsewhere, pointer.file).checks if not check.holds]
    assert end.name == "end"
    assert "has no fingerprint of the night of 2026-03-04; bring that folder back" in end.wrong[0]


def test_the_command_ends_with_1_where_something_is_wrong_and_says_what_was_checked(
    shop: Workspace, tmp_path: Path
) -> None:
    run = CliRunner()
    done = run.invoke(main, ["-w", str(shop.root), "verify", "invoices"])
    assert done.exit_code == 0
    assert "ok    chain        every document is bound to the one before it (5 checked)" in done.stdout
    done = run.invoke(main, ["-w", str(shop.root), "verify", "invoices", "--json"])
    assert json.loads(done.stdout)["holds"] is True
    nothing = tmp_path / "nothing.duckdb"
    nothing.write_text("no database", encoding="utf-8")
    done = run.invoke(main, ["-w", str(shop.root), "verify", "invoices", "--file", str(nothing)])
    assert done.exit_code == 1
    assert "is no published file of this program" in done.stderr
    with pytest.raises(OrderhouseError, match="is not there; name a published file"):
        verify.invoices(shop, tmp_path / "missing.duckdb")
