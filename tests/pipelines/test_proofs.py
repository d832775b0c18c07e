"""The certificate of a night: every proof is green where all is well, and red where what it is about is spoilt."""

from collections.abc import Iterator

import pytest

from pipelines.checks import PROOFS
from pipelines.nightly import nightly
from pipelines.stages import STAGES, Night
from pipelines.warehouse import Warehouse, proofs
from tests.pipelines.test_supply_nights import MONDAY, TUESDAY, decide, proposed, selling_shop
from tests.shops import land

ONE_ORDER = f"order_id = 'o{MONDAY}'"
SPOILT = {
    "files_add_up": "UPDATE core.feed_files SET duplicates = duplicates + 1 WHERE feed = 'products'",
    "accepted_rows_are_stored": "DELETE FROM feeds.products WHERE sku = 'B'",
    "rejected_rows_are_kept": "DELETE FROM core.rejected_rows",
    "nothing_is_set_aside_in_vain": """INSERT INTO feeds.repeated_products BY NAME
        SELECT * REPLACE ('Z' AS sku) FROM feeds.products WHERE sku = 'A'""",
    "every_order_is_in_one_status": f"DELETE FROM core.orders WHERE {ONE_ORDER}",
    "no_order_twice": f"INSERT INTO core.orders SELECT * FROM core.orders WHERE {ONE_ORDER}",
    "every_line_has_its_numbers": f"DELETE FROM core.order_lines WHERE {ONE_ORDER}",
    "numbers_are_possible": f"UPDATE core.order_lines SET returned = delivered + 1 WHERE {ONE_ORDER}",
    "every_event_is_on_a_timeline": f"DELETE FROM core.order_timeline WHERE event_id = 'e{MONDAY}'",
    "units_ordered_are_sold": f"DELETE FROM core.sales_entries WHERE kind = 'ordered' AND {ONE_ORDER}",
    "units_undone_are_booked": "DELETE FROM core.sales_entries WHERE kind <> 'ordered'",
    "daily_orders_are_the_sum_of_sales": f"UPDATE marts.daily_orders SET net_amount = 7 WHERE day = DATE '{MONDAY}'",
    "daily_sales_are_the_sum_of_sales": f"UPDATE marts.daily_sales SET net_amount = 7 WHERE day = DATE '{MONDAY}'",
    "orders_are_counted_once": f"UPDATE marts.daily_orders SET orders = 7 WHERE day = DATE '{MONDAY}'",
    "every_movement_counts_once": "DELETE FROM core.stock_ledger WHERE NOT is_derived AND kind = 'receipt'",
    "counts_are_met": "UPDATE core.stock_history SET on_hand = on_hand + 1",
    "movements_add_up_to_positions": "UPDATE core.stock_ledger SET quantity = quantity + 1 WHERE kind = 'receipt'",
    "history_ends_at_the_positions": "UPDATE core.stock_positions SET on_hand = on_hand + 1",
    "ages_add_up_to_the_stock": "UPDATE marts.stock_ageing SET quantity = quantity + 1",
    "numbers_have_no_gap": "DELETE FROM core.invoices WHERE kind = 'invoice' AND sequence = 2",
    "dates_follow_numbers": "UPDATE core.invoices SET issued_on = DATE '2020-01-01' WHERE kind = 'invoice' AND sequence = 2",
    "documents_are_chained": "UPDATE core.invoices SET previous_hash = 'x' WHERE kind = 'invoice' AND sequence = 2",
    "documents_are_the_sums_of_their_lines": f"UPDATE core.invoice_lines SET net_amount = net_amount + 1 WHERE {ONE_ORDER}",
    "nothing_is_billed_twice": f"INSERT INTO core.invoice_lines SELECT * FROM core.invoice_lines WHERE {ONE_ORDER}",
    "lines_show_what_is_billed": f"UPDATE core.order_lines SET invoiced = invoiced + 1 WHERE {ONE_ORDER}",
    "no_more_stands_than_is_owed": f"UPDATE core.order_lines SET cancelled = quantity WHERE {ONE_ORDER}",
    "every_unit_is_billed_or_accounted_for": f"""INSERT INTO core.billing_gaps BY NAME
        SELECT DATE '{TUESDAY}' AS as_of, order_id, line_no FROM core.order_lines WHERE {ONE_ORDER}""",
    "payments_are_applied_or_on_account": "DELETE FROM core.payments_on_account",
    "invoices_are_paid_at_most_in_full": "DELETE FROM core.payments_applied",
    "books_balance": "DELETE FROM core.journal_entries WHERE entry = 'bank'",
    "books_agree_with_receivables": f"UPDATE marts.daily_billing SET outstanding_amount = 7 WHERE day = DATE '{TUESDAY}'",
    "demand_is_what_was_ordered": "UPDATE marts.demand_daily SET quantity = quantity + 1 WHERE quantity > 0",
    "every_proposal_follows_from_its_row": "UPDATE marts.reorder_plans SET quantity = quantity + 1",
    "nothing_is_ordered_twice": """INSERT INTO core.purchase_orders
        SELECT * REPLACE (line_no + 1 AS line_no) FROM core.purchase_orders""",
}  # fmt: skip
"""What makes each proof red."""


@pytest.fixture(scope="module")
def proven(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    """The last night of a shop that sold, cancelled, billed, was paid, counted, rejected and ordered something."""
    found = selling_shop(tmp_path_factory.mktemp("proofs") / "shop")
    land(
        found,
        "order_events",
        "cancelled.csv",
        "event_id | order_id | event | occurred_at",
        f"x1 | late | cancelled | {MONDAY}T12:00:00Z",
    )
    land(
        found,
        "orders",
        "late.csv",
        "order_id | channel | customer_id | ordered_at | currency",
        f"late | online | c1 | {MONDAY}T11:00:00Z | GBP",
        "odd | online | c1 | yesterday | GBP",
    )
    land(found, "order_lines", "late.csv", "order_id | line_no | sku | quantity | unit_price", "late | 1 | B | 1 | 20")
    land(found, "stock_counts", "counts.csv", "sku | location_id | counted_on | quantity", f"A | W | {MONDAY} | 12")
    land(
        found,
        "payments",
        "payments.csv",
        "payment_id | order_id | amount | currency | received_on",
        f"p1 | o{MONDAY} | 5 | GBP | {MONDAY}",
    )
    (found.root / "rules").mkdir()
    (found.root / "rules" / "tax_rates.csv").write_text(
        "tax_code,country,valid_from,rate_percent,category\nSTD,GB,2020-01-01,20,S\n"
    )
    assert nightly(found, MONDAY).is_green
    [(proposal, _)] = proposed(found)
    decide(found, f"d1 | reorder | {proposal} | approve | | ann | {TUESDAY}T08:00:00Z |")
    assert nightly(found, TUESDAY).is_green
    with Warehouse(found.warehouse) as warehouse:
        night = Night(warehouse, found, TUESDAY)
        with warehouse.transaction():
            STAGES["billing"](night)
        yield night


def red(night: Night) -> set[str]:
    """The proofs that are red."""
    return {each.proof for each in proofs.compared(night.warehouse, night.as_of) if each.expected != each.found}


def test_every_proof_can_be_red() -> None:
    assert set(SPOILT) == set(PROOFS)


def test_where_all_is_well_every_proof_is_green(proven: Night) -> None:
    assert {each.proof for each in proofs.compared(proven.warehouse, proven.as_of)} == set(PROOFS)
    assert not red(proven)


@pytest.mark.parametrize("proof", SPOILT)
def test_what_is_spoilt_makes_its_proof_red(proof: str, proven: Night) -> None:
    warehouse = proven.warehouse
    warehouse.run("BEGIN")
    try:
        assert warehouse.changed(SPOILT[proof]), "nothing was spoilt"
        assert proof in red(proven)
    finally:
        warehouse.run("ROLLBACK")
