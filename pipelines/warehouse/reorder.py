"""What the night reads about purchases: open demand, what was proposed and published, and what was decided."""

from datetime import date

import polars as pl

from models.rules.calendar import end_of_day
from models.tables.base import polars_schema
from models.tables.lifecycle import Order, OrderLine
from models.tables.reorder import ReorderProposal
from pipelines.warehouse.store import Warehouse


def open_orders(warehouse: Warehouse) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Confirmed orders with units neither cancelled nor shipped, and these lines."""
    waiting = """(SELECT * FROM core.order_lines WHERE quantity - cancelled > shipped)"""
    orders = warehouse.frame(
        f"""SELECT order_id, status, location_id, first_promised_on, requested_on FROM core.orders
            SEMI JOIN {waiting} USING (order_id) WHERE status = 'confirmed'"""
    )
    lines = warehouse.frame(
        f"""SELECT order_id, line_no, sku, quantity, cancelled, shipped FROM {waiting}
            SEMI JOIN (SELECT order_id FROM core.orders WHERE status = 'confirmed') USING (order_id)"""
    )
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
