"""What the night reads about purchases: open demand, what was proposed and published, and what was decided."""

from datetime import date

import polars as pl

from models.rules.calendar import end_of_day
from models.tables.base import polars_schema
from models.tables.lifecycle import Order, OrderLine
from models.tables.reorder import ReorderProposal
from pipelines.warehouse.store import Warehouse


def open_orders(warehouse: Warehouse) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Confirmed orders with units neither cancelled nor gone, and these lines.

    Gone is what was shipped, and what the warehouse took out for the order and SKU before anybody told it shipped.
    """
    warehouse.run(
        """
        CREATE OR REPLACE TEMP TABLE open_lines AS
        WITH confirmed AS (
            SELECT order_id FROM core.orders
            WHERE status = 'confirmed' AND fulfilment NOT IN ('shipped', 'delivered', 'returned')
        ),
        lines AS (SELECT * FROM core.order_lines SEMI JOIN confirmed USING (order_id)),
        waiting AS (
            SELECT order_id, line_no, sku, quantity, cancelled, shipped, quantity - cancelled - shipped AS still,
                   sum(quantity - cancelled - shipped) OVER (
                       PARTITION BY order_id, sku ORDER BY line_no ROWS UNBOUNDED PRECEDING) AS upto
            FROM lines WHERE quantity - cancelled > shipped
        ),
        taken AS (
            SELECT order_id, sku, units - told AS untold
            FROM (SELECT reference AS order_id, sku, -sum(quantity) AS units FROM core.stock_ledger
                  WHERE kind = 'shipment' AND NOT is_derived AND reference IN (SELECT order_id FROM waiting) GROUP BY ALL)
            JOIN (SELECT order_id, sku, sum(shipped) AS told FROM lines GROUP BY ALL) USING (order_id, sku)
        )
        SELECT order_id, line_no, sku, quantity, cancelled,
               CAST(shipped + greatest(0, least(still, coalesce(untold, 0) - (upto - still))) AS BIGINT) AS shipped
        FROM waiting LEFT JOIN taken USING (order_id, sku)
        """
    )
    orders = warehouse.frame(
        """SELECT order_id, status, location_id, first_promised_on, requested_on FROM core.orders
           SEMI JOIN open_lines USING (order_id) ORDER BY order_id"""
    )
    lines = warehouse.frame("FROM open_lines ORDER BY order_id, line_no")
    wanted = polars_schema(Order) | polars_schema(OrderLine)
    orders, lines = (frame.cast({name: wanted[name] for name in frame.columns}) for frame in (orders, lines))
    return orders, lines


def note_published(warehouse: Warehouse, as_of: date, published_at: str) -> None:
    """Remember when a night was published first."""
    warehouse.run("INSERT OR IGNORE INTO core.publications VALUES (?, CAST(? AS TIMESTAMPTZ))", [as_of, published_at])


def published(warehouse: Warehouse, as_of: date, time_zone: str) -> pl.DataFrame:
    """What earlier nights proposed for people to decide on, and when they could see it first.

    A green night counts as published at the end of its day, or before that when it was. What a missed night proposed was
    never on show.

    Returns:
        ReorderProposal rows with published_at.
    """
    names = polars_schema(ReorderProposal).names()
    nights = warehouse.frame(
        f"""SELECT n.as_of, p.published_at AS seen_at FROM core.nights n
            LEFT JOIN core.publications p USING (as_of)
            WHERE n.acts AND n.as_of < DATE '{as_of}'
            AND n.as_of NOT IN (SELECT as_of FROM marts.certificate WHERE NOT is_green)"""
    )
    ends = pl.Series([end_of_day(day, time_zone) for day in nights["as_of"]], dtype=pl.Datetime("us", "UTC"))
    nights = nights.select(
        "as_of", published_at=pl.min_horizontal(pl.col("seen_at").cast(pl.Datetime("us", "UTC")), pl.lit(ends))
    )
    rows = warehouse.table(
        ReorderProposal,
        f"""as_of < DATE '{as_of}' AND proposal_id IN (
            SELECT subject_id FROM feeds.decisions WHERE subject = 'reorder')""",
    )
    return rows.join(nights, on="as_of").select(*names, "published_at")
