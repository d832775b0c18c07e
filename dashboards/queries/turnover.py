"""How often stock turned over, summed up right: sums divided by sums, never a mean of ratios.

An item whose cost is unknown has no amount: it is in no ratio of amounts, and counted as `unknown`.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import polars as pl

from dashboards.queries import ROWS_DOWNLOADED, UNKNOWN, Scope, filtered, read
from dashboards.queries.stock import first_day, matched
from models.rules import turnover

Grouping = Literal["category", "abc", "location"]
YEAR = f"last_{turnover.YEAR_DAYS}_days"


@dataclass(frozen=True)
class Period:
    """A month, a year or the last year, as published."""

    name: str
    first_on: date
    last_on: date

    @property
    def days(self) -> int:
        """Its calendar days up to the night."""
        return (self.last_on - self.first_on).days + 1


def periods(scope: Scope) -> list[Period]:
    """The periods there are figures for, the oldest first."""
    first = first_day(scope)
    if first is None:
        return []
    known = set(read(scope, "SELECT DISTINCT period FROM inventory_turnover")["period"])
    return [Period(*row) for row in turnover.periods(first, scope.as_of).iter_rows() if row[0] in known]


def _figures(scope: Scope, of: list[Period], name: str, more: str = "") -> pl.DataFrame:
    """The figures of these periods, summed by `name` (SQL over the rows of the table)."""
    condition, values = filtered(scope, "category", "abc", "location")
    search, wanted = matched(scope)
    endings = ", ".join(f"arg_max(on_hand, day) FILTER (day <= $lasts[{place + 1}])" for place in range(len(of)))
    return read(
        scope,
        f"""
        WITH periods AS (SELECT unnest($names) AS period, unnest($firsts) AS first_on, unnest($lasts) AS last_on,
                                unnest(range(1, len($names) + 1)) AS place),
             rows AS (
                SELECT inventory_turnover.*, first_on, last_on, place, products.name AS name, category, abc,
                       cogs_amount IS NOT NULL AND average_inventory_amount IS NOT NULL AS is_known
                FROM inventory_turnover JOIN periods USING (period)
                LEFT JOIN products USING (sku) LEFT JOIN demand_classes USING (sku)),
             chosen AS (SELECT * FROM rows WHERE true {condition} {search}),
             kept AS (
                SELECT sku, location_id, min(day) AS begun_on, [{endings}] AS endings FROM stock_history GROUP BY ALL),
             closed AS (
                SELECT *, endings[place] AS ending, last_on - greatest(first_on, begun_on) + 1 AS kept_days
                FROM chosen LEFT JOIN kept USING (sku, location_id)),
             summed AS (
                SELECT {name} AS name, {more} any_value(last_on - first_on + 1) AS days, count(*) AS items,
                       count(*) FILTER (NOT is_known) AS unknown,
                       coalesce(sum(sold) FILTER (NOT is_known), 0)::BIGINT AS unknown_sold,
                       coalesce(sum(cogs_amount) FILTER (is_known), 0) AS cogs,
                       coalesce(sum(average_inventory_amount) FILTER (is_known), 0) AS average,
                       sum(net_sales_amount - cogs_amount) FILTER (is_known) AS margin,
                       sum(average_inventory_amount) FILTER (is_known AND net_sales_amount IS NOT NULL) AS earning,
                       sum(sold)::BIGINT AS sold, sum(greatest(ending, 0))::BIGINT AS ending,
                       sum(stock_out_days)::BIGINT AS stock_out_days, sum(kept_days)::BIGINT AS kept_days
                FROM closed GROUP BY ALL)
        SELECT * EXCLUDE (cogs, average, margin, earning),
               cogs::DECIMAL(38, 2) AS cogs_amount, average::DECIMAL(38, 2) AS average_inventory_amount,
               CASE WHEN average > 0 THEN cogs::DOUBLE / average::DOUBLE END AS turnover,
               CASE WHEN average > 0 AND cogs > 0 THEN days * average::DOUBLE / cogs::DOUBLE END AS inventory_days,
               CASE WHEN earning > 0 THEN margin::DOUBLE / earning::DOUBLE END AS gmroi,
               CASE WHEN sold + ending > 0 THEN sold::DOUBLE / (sold + ending) END AS sell_through_rate,
               CASE WHEN kept_days > 0 THEN stock_out_days::DOUBLE / kept_days END AS stock_out_rate
        FROM summed ORDER BY average DESC, name LIMIT {ROWS_DOWNLOADED}
        """,
        **values,
        **wanted,
        names=tuple(period.name for period in of),
        firsts=tuple(period.first_on for period in of),
        lasts=tuple(period.last_on for period in of),
    )


def whole(scope: Scope, period: Period) -> dict[str, Any] | None:
    """The figures of a period over everything chosen; none where that is nothing."""
    found = _figures(scope, [period], "'all'")
    row = found.row(0, named=True) if found.height else None
    return row if row is not None and row["items"] else None


def by(scope: Scope, period: Period, grouping: Grouping) -> pl.DataFrame:
    """The figures of a period by category, class or location, the most stock first."""
    column = "location_id" if grouping == "location" else grouping
    return _figures(scope, [period], f"coalesce({column}, '{UNKNOWN}')")


def by_month(scope: Scope, months: list[Period]) -> pl.DataFrame:
    """The figures of every month, the oldest first."""
    return _figures(scope, months, "period").sort("name")


def by_sku(scope: Scope, period: Period) -> pl.DataFrame:
    """The figures of a period by SKU over the chosen locations, the most stock first."""
    return _figures(
        scope, [period], "any_value(name)", "sku, any_value(category) AS category, any_value(abc) AS abc,"
    ).select("sku", "name", "category", "abc", pl.exclude("sku", "name", "category", "abc"))
