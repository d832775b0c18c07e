"""The dry run: what a night would bill, beside recent nights, and nothing of it stays."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipelines.cli import main
from pipelines.dry_run import dry_run
from pipelines.nightly import nightly
from pipelines.workspace import OrderhouseError
from tests.pipelines.test_billing_nights import DOCUMENTS, FIRST, LINES, ORDERS, SECOND, THIRD, billing_shop, lands
from tests.shops import assert_same, contents, query


def test_a_dry_run_says_what_the_night_then_bills_and_leaves_nothing_behind(tmp_path: Path) -> None:
    found = billing_shop(tmp_path / "shop")
    nightly(found, FIRST)
    lands(found, "orders", "o3.csv", ORDERS, "o3 | online | k1 | 2026-03-04T09:00:00Z | EUR | 3.00")
    lands(found, "order_lines", "l3.csv", LINES, "o3 | 1 | A | 2 | 2.50 |")
    header = ORDERS.replace("shipping_amount", "ship_country")
    lands(found, "orders", "o4.csv", header, "o4 | online | k1 | 2026-03-04T09:00:00Z | EUR | FR")
    lands(found, "order_lines", "l4.csv", LINES, "o4 | 1 | A | 2 | 2.50 |")
    before, landed = contents(found), sorted(found.landing.rglob("*.csv"))
    dry = dry_run(found, THIRD)
    # 5.00 + 3.00 = 8.00, 19 % = 1.52
    [invoices] = dry.documents
    assert (invoices["kind"], invoices["documents"], str(invoices["amount"])) == ("invoice", 1, "9.5200")
    assert (invoices["nights"], invoices["usual_documents"], str(invoices["usual_amount"])) == (1, 2, "37.9200")
    assert [(row["order_id"], row["reason"]) for row in dry.left_out] == [("o4", "unknown_tax_rate")]
    told = list(dry.lines())
    assert told[0] == "Dry run of 2026-03-04: nothing was numbered, stored or sent."
    assert "1 of            9.52   usually 2 of 37.92" in told[1]
    assert_same(before, contents(found))
    assert sorted(found.landing.rglob("*.csv")) == landed
    assert not list(found.warehouse.glob("dry-run-*"))
    nightly(found, THIRD)
    assert query(found, DOCUMENTS)[-1] == ("INV-2026-000000003", THIRD, "o3", "8.0000", "1.5200", "9.5200")


def test_a_dry_run_of_a_night_that_ran_before_tells_only_what_is_new(tmp_path: Path) -> None:
    found = billing_shop(tmp_path / "shop")
    nightly(found, FIRST)
    assert dry_run(found, FIRST).documents == []
    lands(found, "orders", "o3.csv", ORDERS, "o3 | online | k1 | 2026-03-02T09:00:00Z | EUR |")
    lands(found, "order_lines", "l3.csv", LINES, "o3 | 1 | A | 2 | 2.50 |")
    assert [row["documents"] for row in dry_run(found, FIRST).documents] == [1]


def test_a_dry_run_before_any_night_works_and_one_of_an_earlier_date_is_refused(tmp_path: Path) -> None:
    found = billing_shop(tmp_path / "shop")
    assert [row["documents"] for row in dry_run(found, SECOND).documents] == [2]
    nightly(found, SECOND)
    with pytest.raises(OrderhouseError, match="is closed and 2026-03-03 came after it"):
        dry_run(found, FIRST)


def test_programs_read_the_dry_run_as_json(tmp_path: Path) -> None:
    found = billing_shop(tmp_path / "shop")
    done = CliRunner().invoke(main, ["-w", str(found.root), "dry-run", "--as-of", str(FIRST), "--json"])
    assert done.exit_code == 0
    told = json.loads(done.stdout)
    assert (told["as_of"], told["documents"][0]["amount"], told["left_out"]) == ("2026-03-02", "37.9200", [])
