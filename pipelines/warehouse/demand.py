"""What the night reads about demand: the days that changed, who asked for what on them, and days without stock."""

from datetime import date

import polars as pl

from models.tables.base import polars_schema
from models.tables.demand import DemandDay
from models.tables.lifecycle import Order, OrderLine
from pipelines.warehouse.store import Warehouse

ASKED = """SELECT ordered_on AS day, sku, CAST(sum(quantity - cancelled) AS BIGINT) AS quantity
           FROM core.order_lines JOIN core.orders USING (order_id)
           WHERE status <> 'rejected' AND quantity > cancelled GROUP BY ALL"""
COUNTED = """SELECT day, sku, CAST(sum(quantity) AS BIGINT) AS quantity FROM marts.demand_daily
             WHERE quantity > 0 GROUP BY ALL"""
CHANGED = """(day IN (FROM demand_days) OR EXISTS (FROM changed_skus t WHERE t.sku = d.sku AND d.day >= t.from_day))"""
"""Rows of demand, as `d`, that tonight may change."""


def find_stock(warehouse: Warehouse, *, everything: bool) -> None:
    """Gather the SKUs whose stock changed since demand was last counted; left is the temporary table `changed_skus`
    (sku, from_day)."""
    noted = "SELECT sku, day AS from_day FROM core.stock_history" if everything else "FROM core.changed_stock"
    warehouse.run(
        f"""CREATE OR REPLACE TEMP TABLE changed_skus AS
            SELECT sku, min(from_day) AS from_day FROM ({noted}) GROUP BY sku"""
    )


def find_days(warehouse: Warehouse, as_of: date, *, everything: bool) -> list[date]:
    """Find the days whose demand tonight may change; left is the temporary table `demand_days` (day).

    Those of touched orders, and those on which what orders ask for is not what was counted; tonight, for what is without
    stock.
    """
    orders = "core.orders" if everything else "core.orders SEMI JOIN touched USING (order_id)"
    counted = "UNION ALL SELECT day FROM marts.demand_daily" if everything else ""
    warehouse.run(
        f"""
        CREATE OR REPLACE TEMP TABLE demand_days AS
        SELECT DISTINCT day FROM (
            SELECT ordered_on AS day FROM {orders}
            UNION ALL SELECT day FROM ({ASKED}) a FULL JOIN ({COUNTED}) c USING (day, sku)
                WHERE a.quantity IS DISTINCT FROM c.quantity
            UNION ALL SELECT DATE '{as_of}' {counted}
        ) ORDER BY day
        """
    )
    return warehouse.frame("FROM demand_days")["day"].to_list()


def asked(warehouse: Warehouse, first: date, last: date) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """The orders of changed days between two, their lines, and where these were shipped from.

    Returns:
        orders: order_id, status, ordered_on, location_id. lines: order_id, line_no, sku, quantity, cancelled.
        shipments: order_id, line_no, location_id, quantity; an order that left from one place has all its units there.
    """
    within = f"""(SELECT order_id FROM core.orders WHERE ordered_on BETWEEN DATE '{first}' AND DATE '{last}'
                  AND ordered_on IN (FROM demand_days))"""
    orders = warehouse.frame(
        f"SELECT order_id, status, ordered_on, location_id FROM core.orders SEMI JOIN {within} USING (order_id)"
    )
    lines = warehouse.frame(
        f"""SELECT order_id, line_no, sku, quantity, cancelled FROM core.order_lines
            SEMI JOIN {within} USING (order_id)"""
    )
    shipments = warehouse.frame(
        f"""
        WITH places AS (
            SELECT order_id, min(location_id) AS location_id, count(DISTINCT location_id) AS places
            FROM core.order_timeline SEMI JOIN {within} USING (order_id)
            WHERE event = 'shipped' AND is_accepted AND location_id IS NOT NULL GROUP BY ALL
        )
        SELECT order_id, line_no, location_id, shipped AS quantity
        FROM core.order_lines JOIN (FROM places WHERE places = 1) USING (order_id) WHERE shipped > 0
        UNION ALL
        SELECT e.order_id, e.line_no, t.location_id, CAST(sum(e.quantity) AS BIGINT)
        FROM core.line_effects e JOIN core.order_timeline t USING (event_id)
        SEMI JOIN (FROM places WHERE places > 1) p ON p.order_id = e.order_id
        WHERE e.event = 'shipped' AND t.location_id IS NOT NULL GROUP BY ALL
        """
    )
    wanted = polars_schema(Order) | polars_schema(OrderLine)
    orders, lines, shipments = (
        frame.cast({name: wanted[name] for name in frame.columns}) for frame in (orders, lines, shipments)
    )
    return orders, lines, shipments


def counted(warehouse: Warehouse) -> pl.DataFrame:
    """What was counted before on the days whose stock alone changed: day, sku, location_id, quantity."""
    return warehouse.frame(
        f"""SELECT day, sku, location_id, quantity FROM marts.demand_daily d
            WHERE quantity > 0 AND day NOT IN (FROM demand_days) AND {CHANGED}"""
    )


def forget_changed(warehouse: Warehouse) -> None:
    """Take out the days that are counted anew, and the note of whose stock changed."""
    warehouse.run(f"DELETE FROM marts.demand_daily d WHERE {CHANGED}")
    warehouse.run("DELETE FROM core.changed_stock")


def without_stock(warehouse: Warehouse, as_of: date) -> pl.DataFrame:
    """The changed days that ended with nothing on hand: sku, location_id, day."""
    return warehouse.frame(
        f"""
        WITH stretches AS (
            SELECT sku, location_id, on_hand, day AS first_day,
                   coalesce(lead(day) OVER (PARTITION BY sku, location_id ORDER BY day) - 1, DATE '{as_of}') AS last_day
            FROM core.stock_history
        ),
        empty AS (SELECT * FROM stretches WHERE on_hand <= 0)
        SELECT sku, location_id, day FROM empty JOIN demand_days ON day BETWEEN first_day AND last_day
        UNION
        SELECT sku, location_id, CAST(unnest(range(greatest(first_day, from_day), last_day + 1, INTERVAL 1 DAY)) AS DATE)
        FROM empty JOIN changed_skus USING (sku) WHERE last_day >= from_day
        """
    )


def starts(warehouse: Warehouse, where: str = "true") -> pl.DataFrame:
    """The first day each SKU was stocked at each location: sku, location_id, first_on."""
    return warehouse.frame(
        f"SELECT sku, location_id, min(day) AS first_on FROM core.stock_history WHERE {where} GROUP BY ALL"
    )


def days(warehouse: Warehouse, where: str) -> pl.DataFrame:
    """Days with demand or without stock of some SKUs, in no certain order."""
    names = ", ".join(polars_schema(DemandDay).names())
    return warehouse.frame(f"SELECT {names} FROM marts.demand_daily WHERE {where}").cast(polars_schema(DemandDay))


def find_skus(warehouse: Warehouse, bucket_size: int) -> range:
    """Every SKU with demand or stock, in buckets; left is the temporary table `sku_buckets` (sku, bucket)."""
    warehouse.run(
        f"""
        CREATE OR REPLACE TEMP TABLE sku_buckets AS
        SELECT sku, (row_number() OVER (ORDER BY sku) - 1) // {bucket_size} AS bucket FROM (
            SELECT sku FROM marts.demand_daily UNION SELECT sku FROM core.stock_history
            UNION SELECT sku FROM core.stock_positions UNION SELECT sku FROM marts.open_demand)
        """
    )
    return range(int(warehouse.value("SELECT coalesce(max(bucket) + 1, 0) FROM sku_buckets")))


def skus_of(warehouse: Warehouse, bucket: int) -> pl.DataFrame:
    """The SKUs of one bucket: sku."""
    return warehouse.frame(f"SELECT sku FROM sku_buckets WHERE bucket = {bucket}")


def within(bucket: int) -> str:
    """The condition that narrows rows with a SKU to one bucket; as bounds, so that a scan passes over what lies outside."""
    theirs = f"FROM sku_buckets WHERE bucket = {bucket}"
    return f"sku BETWEEN (SELECT min(sku) {theirs}) AND (SELECT max(sku) {theirs})"


def revenue(warehouse: Warehouse, first: date, last: date) -> pl.DataFrame:
    """Net sales of each SKU in the reporting currency: sku, amount; sales without an exchange rate are left out."""
    return warehouse.frame(
        f"""SELECT sku, CAST(sum(CASE kind WHEN 'ordered' THEN 1 ELSE -1 END
                                 * (gross_amount_r - discount_amount_r)) AS DECIMAL(38, 4)) AS amount
            FROM core.sales_entries WHERE day BETWEEN DATE '{first}' AND DATE '{last}' AND gross_amount_r IS NOT NULL
            GROUP BY ALL ORDER BY ALL"""
    )
