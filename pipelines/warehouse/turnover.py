"""What the night reads about turnover: since when there is stock, and what was sold from where."""

from datetime import date

import polars as pl

from models.rules.money import SUM
from pipelines.warehouse.store import Warehouse


def first_day(warehouse: Warehouse, as_of: date) -> date | None:
    """The first day of any stock up to the night; none where there never was any."""
    found: date | None = warehouse.value("SELECT min(day) FROM core.stock_history WHERE day <= ?", [as_of])
    return found


def keep(warehouse: Warehouse, periods: pl.Series) -> None:
    """Take out the periods that are no more, such as the year up to the night before."""
    with warehouse.given(kept=periods.to_frame("period")):
        warehouse.run("DELETE FROM marts.inventory_turnover WHERE period NOT IN (FROM kept)")


def forget(warehouse: Warehouse, periods: pl.Series) -> None:
    """Take out the periods that are computed anew."""
    with warehouse.given(changed=periods.to_frame("period")):
        warehouse.run("DELETE FROM marts.inventory_turnover WHERE period IN (FROM changed)")


def sales(warehouse: Warehouse, since: date, default_location: str) -> pl.DataFrame:
    """Net sales since a day by SKU and the place they were sent from: the order's first shipment, else the order's own
    location, else the default one. A sale without an exchange rate makes its amount unknown.

    Returns:
        day, sku, location_id, net_amount in the reporting currency.
    """
    return warehouse.frame(
        f"""
        WITH sold AS (SELECT * FROM core.sales_entries WHERE day >= DATE '{since}'),
        places AS (
            SELECT order_id, arg_min(location_id, (occurred_at, event_id)) AS place
            FROM core.order_timeline SEMI JOIN sold USING (order_id)
            WHERE event = 'shipped' AND is_accepted AND location_id IS NOT NULL GROUP BY ALL
        )
        SELECT day, sku, coalesce(place, location_id, ?) AS location_id,
               CASE WHEN bool_and(gross_amount_r IS NOT NULL) THEN
                   sum(CASE kind WHEN 'ordered' THEN 1 ELSE -1 END * (gross_amount_r - discount_amount_r)) END AS net_amount
        FROM sold LEFT JOIN places USING (order_id)
        LEFT JOIN (SELECT order_id, location_id FROM core.orders) USING (order_id) GROUP BY ALL
        """,
        [default_location],
    ).cast({"net_amount": SUM})
