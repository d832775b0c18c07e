"""The figures of stock, demand and reorder that the certificate of a night compares, each counted over all rows."""

from datetime import date

import polars as pl

from models.rules.certificate import Compared
from models.rules.reorder import rederived
from models.tables.reorder import ReorderPlan
from pipelines.warehouse import nights
from pipelines.warehouse.store import Warehouse
from pipelines.warehouse.versions import current

DERIVED = ("lowest_balance", "safety_stock", "economic_lot", "target", "needed", "quantity")


def compared(warehouse: Warehouse, as_of: date) -> list[Compared]:
    """Every movement is in a position or waits, opening + in - out is closing, and every proposal follows from its row.

    Args:
        warehouse: after the stages of stock, demand, reorder and turnover.
        as_of: the night.
    """
    one, tonight = warehouse.value, f"DATE '{as_of}'"
    products = f"({current('products', as_of, ['sku'])})"
    locations = f"({current('locations', as_of, ['location_id'])})"
    voided = nights.voided("movement")
    known = f"""sku IN (FROM {products}) AND (location_id IN (FROM {locations}) OR NOT EXISTS (FROM {locations}))"""
    positions = f"(SELECT * FROM core.stock_positions WHERE as_of = {tonight})"
    return [
        Compared(
            "every_movement_counts_once",
            one(
                f"""SELECT count(*) FROM ({current("stock_movements", as_of)})
                    WHERE {known} AND movement_id NOT IN ({voided})"""
            ),
            one("SELECT count(*) FROM core.stock_ledger WHERE NOT is_derived"),
            "Movements of known products and locations up to this day, against those in the ledger.",
        ),
        Compared(
            "counts_are_met",
            0,
            one(
                f"""SELECT count(*) FROM (FROM ({current("stock_counts", as_of)}) WHERE {known}) c
                    ASOF LEFT JOIN core.stock_history h
                    ON c.sku = h.sku AND c.location_id = h.location_id AND c.counted_on >= h.day
                    WHERE coalesce(h.on_hand, 0) <> c.quantity"""
            ),
            "Counts that stock does not close at on their day.",
        ),
        Compared(
            "movements_add_up_to_positions",
            0,
            one(
                f"""SELECT count(*) FROM (
                        SELECT sku, location_id, sum(quantity) AS moved FROM core.stock_ledger GROUP BY ALL) l
                    FULL JOIN {positions} p USING (sku, location_id) WHERE coalesce(moved, 0) <> coalesce(on_hand, 0)"""
            ),
            "Items where all that came in less all that went out is not the position of the night.",
        ),
        Compared(
            "history_ends_at_the_positions",
            0,
            one(
                f"""SELECT count(*) FROM {positions} p FULL JOIN (
                        SELECT sku, location_id, arg_max(on_hand, day) AS on_hand FROM core.stock_history GROUP BY ALL) h
                    USING (sku, location_id) WHERE coalesce(p.on_hand, 0) <> coalesce(h.on_hand, 0)"""
            ),
            "Items whose last day of history is not the position of the night.",
        ),
        Compared(
            "ages_add_up_to_the_stock",
            0,
            one(
                f"""SELECT count(*) FROM (
                        SELECT sku, greatest(sum(quantity), 0) AS left_over FROM core.stock_ledger
                        WHERE kind <> 'transfer' GROUP BY sku)
                    FULL JOIN (SELECT sku, sum(quantity) AS aged FROM marts.stock_ageing WHERE as_of = {tonight} GROUP BY sku)
                    USING (sku) WHERE coalesce(left_over, 0) <> coalesce(aged, 0)"""
            ),
            "SKUs whose units by age are not what came in less what went out, transfers aside.",
        ),
        Compared(
            "demand_is_what_was_ordered",
            one(
                """SELECT coalesce(sum(quantity - cancelled), 0)::BIGINT FROM core.order_lines
                   ANTI JOIN (SELECT order_id FROM core.orders WHERE status = 'rejected') USING (order_id)"""
            ),
            one("SELECT coalesce(sum(quantity), 0)::BIGINT FROM marts.demand_daily"),
            "Units ordered and not cancelled, against units of daily demand.",
        ),
        Compared(
            "every_proposal_follows_from_its_row",
            0,
            _not_rederived(warehouse),
            "Plans whose quantity cannot be derived again from their columns.",
        ),
        Compared(
            "nothing_is_ordered_twice",
            0,
            one(
                """SELECT count(*) FROM (SELECT proposal_id, proposed_on FROM core.purchase_orders
                   GROUP BY ALL HAVING count(*) > 1)"""
            ),
            "Proposals that more than one purchase order line was sent for.",
        ),
    ]


def _not_rederived(warehouse: Warehouse) -> int:
    """Plans that the rule, given only their stored columns, would not write again."""
    plans = warehouse.table(ReorderPlan)
    again = rederived(plans)
    both = plans.select("proposal_id", *DERIVED).join(again, on="proposal_id", suffix="_again", validate="1:1")
    is_off = pl.any_horizontal(
        (pl.col(name).cast(pl.Float64) - pl.col(f"{name}_again").cast(pl.Float64)).abs() > 1e-6 for name in DERIVED
    )
    return both.select(is_off.fill_null(False).sum()).item()
