"""All that is asked of a published file: one named query per figure, chart and table, and nothing that could change it.

Here is what every page asks; the queries of one page are in the module of its name.
"""

import threading
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal

import duckdb
import polars as pl
import streamlit as st

UNKNOWN = "(unknown)"
"""What a filter and a chart say where the data says nothing."""
WEEKS_OF_A_YEAR = 52
ROWS_SHOWN = 1_000
ROWS_DOWNLOADED = 100_000
CHOICES = 1_000
Dimension = Literal["channel", "category", "country", "location", "supplier", "abc"]
Grain = Literal["day", "week", "month"]


@dataclass(frozen=True)
class Scope:
    """Which publication is looked at, and through which filters; no choice means all."""

    file: str
    time_zone: str
    as_of: date
    start: date
    end: date
    channels: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    locations: tuple[str, ...] = ()
    suppliers: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    wanted: str = ""
    """A part of a SKU or of its name."""
    order_by: date | None = None
    """Only what has to be ordered up to this day."""

    @property
    def days(self) -> int:
        """Length of the period, both ends included."""
        return (self.end - self.start).days + 1

    def back(self, days: int) -> "Scope":
        """The same filters, a number of days earlier."""
        return replace(self, start=self.start - timedelta(days=days), end=self.end - timedelta(days=days))

    def before(self) -> "Scope":
        """The period of the same length right before."""
        return self.back(self.days)

    def year_before(self) -> "Scope":
        """The period 52 weeks earlier, so that weekdays meet weekdays."""
        return self.back(7 * WEEKS_OF_A_YEAR)

    def last(self, days: int) -> "Scope":
        """The last days up to the business date."""
        return replace(self, start=self.as_of - timedelta(days=days - 1), end=self.as_of)


@st.cache_resource(max_entries=4, show_spinner=False, on_release=lambda connection: connection.close())
def _connection(file: str, time_zone: str) -> duckdb.DuckDBPyConnection:
    """A connection that can read this file and do nothing else.

    Raises:
        FileNotFoundError: the publication is no longer kept.
    """
    if not Path(file).exists():
        raise FileNotFoundError(file)
    connection = duckdb.connect(file, read_only=True)
    connection.execute(f"SET TimeZone = '{time_zone}'")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


_OPENING = threading.Lock()


@st.cache_data(max_entries=600, show_spinner=False)
def _read(file: str, time_zone: str, sql: str, parameters: tuple[tuple[str, Any], ...]) -> pl.DataFrame:
    with _OPENING:
        cursor = _connection(file, time_zone).cursor()
    with cursor:
        return cursor.sql(sql, params={name: list(v) if isinstance(v, tuple) else v for name, v in parameters}).pl()


def read(scope: Scope, sql: str, **parameters: Any) -> pl.DataFrame:
    """Ask the scope's publication; the answer is kept as long as the file, which never changes."""
    named = {name: value for name, value in parameters.items() if f"${name}" in sql}
    return _read(scope.file, scope.time_zone, sql, tuple(sorted(named.items())))


COLUMNS = {"location": "location_id", "supplier": "supplier_id"}
"""Where a dimension's column has another name."""


def filtered(scope: Scope, *dimensions: Dimension) -> tuple[str, dict[str, Any]]:
    """The filters as a condition and its values; only those that the table has."""
    chosen: dict[str, tuple[str, ...]] = {
        "channel": scope.channels,
        "category": scope.categories,
        "country": scope.countries,
        "location": scope.locations,
        "supplier": scope.suppliers,
        "abc": scope.classes,
    }
    used: dict[str, Any] = {name: chosen[name] for name in dimensions if chosen[name]}
    conditions = [f"AND list_contains(${name}, coalesce({COLUMNS.get(name, name)}, '{UNKNOWN}'))" for name in used]
    return " ".join(conditions), used


def period(scope: Scope) -> dict[str, Any]:
    return {"start": scope.start, "end": scope.end}


def first_day(scope: Scope) -> date | None:
    """The first day with sales."""
    found: date | None = read(scope, "SELECT min(day) AS day FROM daily_orders")["day"][0]
    return found


OFFERED = {
    "category": """SELECT coalesce(category, '(unknown)') AS choice, sum(gross_amount) AS weight FROM daily_sales GROUP BY 1
                   UNION ALL SELECT coalesce(category, '(unknown)'), 0 FROM products GROUP BY 1""",
    "location": """SELECT location_id AS choice, -priority AS weight FROM locations
                   UNION ALL SELECT DISTINCT location_id, NULL FROM stock_positions WHERE as_of = $as_of""",
    "supplier": """SELECT supplier_id AS choice, 0 AS weight FROM suppliers
                   UNION ALL SELECT DISTINCT supplier_id, NULL FROM reorder_plans""",
    "abc": """SELECT DISTINCT coalesce(abc, '(unknown)') AS choice, -ascii(abc) AS weight FROM stock_positions
              LEFT JOIN demand_classes USING (sku) WHERE as_of = $as_of""",
}


def choices(scope: Scope, dimension: Dimension) -> list[str]:
    """The values a filter offers: the best selling first, locations by their priority."""
    every = OFFERED.get(
        dimension,
        f"SELECT coalesce({dimension}, '{UNKNOWN}') AS choice, gross_amount AS weight FROM daily_sales",
    )
    found = read(
        scope,
        f"SELECT choice FROM ({every}) GROUP BY 1 ORDER BY sum(weight) DESC NULLS LAST, 1 LIMIT {CHOICES}",
        as_of=scope.as_of,
    )
    return found["choice"].to_list()


def names(scope: Scope, dimension: Dimension) -> dict[str, str]:
    """The names of locations or suppliers by their id."""
    found = read(scope, f"SELECT {dimension}_id, name FROM {dimension}s ORDER BY 1")
    return dict(found.iter_rows())
