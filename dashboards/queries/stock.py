"""What lies where, what it cost, how old it is, and how it came to be."""

from datetime import date, timedelta
from typing import Any, Literal

import polars as pl

from dashboards.queries import ROWS_DOWNLOADED, ROWS_SHOWN, UNKNOWN, Scope, filtered, read

SLOW_DAYS = 180
"""So long without a sale is dead, so long a cover slow (RULES 9)."""
WEEKS = 52


def matched(scope: Scope) -> tuple[str, dict[str, Any]]:
    """The wanted part of a SKU or of its name, as a condition and its value."""
    if not scope.wanted:
        return "", {}
    found = "contains(lower(sku), lower($wanted)) OR contains(lower(coalesce(name, '')), lower($wanted))"
    return f"AND ({found})", {"wanted": scope.wanted}


def _items(scope: Scope, *, with_location: bool = True) -> tuple[str, dict[str, Any]]:
    """The positions of the night within the filters, with what is known of each, as a query."""
    condition, values = filtered(scope, "category", "abc", *(("location",) if with_location else ()))
    search, wanted = matched(scope)
    sql = f"""
        SELECT * FROM (
            SELECT sku, location_id, products.name AS name, products.category AS category, abc, on_hand, allocated, available,
                   inbound, stock_positions.unit_cost AS unit_cost, stock_positions.currency AS currency, value,
                   coalesce(level, 0) AS level, first_on,
                   CASE WHEN level > 0 THEN greatest(on_hand, 0)::DOUBLE / level::DOUBLE END AS cover_days
            FROM stock_positions LEFT JOIN products USING (sku) LEFT JOIN demand_classes USING (sku)
            LEFT JOIN demand_levels USING (sku, location_id) WHERE as_of = $as_of)
        WHERE true {condition} {search}"""
    return sql, values | wanted | {"as_of": scope.as_of}


SOLD = "SELECT sku, location_id, max(moved_on) AS last_sold_on FROM stock_ledger WHERE kind = 'shipment' GROUP BY ALL"


def is_kept(scope: Scope) -> bool:
    """Whether the shop tells anything of its stock."""
    return bool(
        read(scope, "SELECT count(*) > 0 AS is_kept FROM stock_positions WHERE as_of = $as_of", as_of=scope.as_of)[
            "is_kept"
        ][0]
    )


def summary(scope: Scope) -> dict[str, Any]:
    """The whole stock in a few numbers; positions of unknown value are in no amount and counted apart."""
    items, values = _items(scope)
    return read(
        scope,
        f"""
        SELECT count(*) AS positions, count(DISTINCT sku) FILTER (on_hand > 0) AS skus,
               coalesce(sum(on_hand) FILTER (on_hand > 0), 0)::BIGINT AS units,
               coalesce(sum(value), 0)::DECIMAL(38, 2) AS value,
               count(*) FILTER (on_hand <> 0 AND value IS NULL) AS unknown,
               count(*) FILTER (on_hand < 0) AS oversold,
               coalesce(-sum(on_hand) FILTER (on_hand < 0), 0)::BIGINT AS oversold_units,
               count(*) FILTER (on_hand <= 0 AND level > 0) AS out_of_stock, count(*) FILTER (level > 0) AS wanted,
               count(*) FILTER (on_hand <= 0 AND level > 0 AND inbound = 0) AS nothing_coming,
               median(cover_days) AS cover_days
        FROM ({items})
        """,
        **values,
    ).row(0, named=True)


def by(scope: Scope, dimension: Literal["location", "category", "abc"]) -> pl.DataFrame:
    """Value at cost and units by one dimension, the most first."""
    items, values = _items(scope)
    column = "location_id" if dimension == "location" else dimension
    return read(
        scope,
        f"""
        SELECT coalesce({column}, '{UNKNOWN}') AS name, coalesce(sum(value), 0)::DECIMAL(38, 2) AS value,
               sum(on_hand)::BIGINT AS on_hand, count(DISTINCT sku) AS skus,
               count(*) FILTER (on_hand <> 0 AND value IS NULL) AS unknown
        FROM ({items}) GROUP BY 1 ORDER BY value DESC, name
        """,
        **values,
    )


def first_day(scope: Scope) -> date | None:
    """The first day of which stock is known."""
    found: date | None = read(scope, "SELECT min(day) AS day FROM stock_history")["day"][0]
    return found


def value_by_day(scope: Scope, reporting: str) -> pl.DataFrame:
    """Stock at cost at the end of every day of the last year, at the exchange rate of each; without one it is left out."""
    items, values = _items(scope)
    first = max(first_day(scope) or scope.as_of, scope.as_of - timedelta(days=7 * WEEKS - 1))
    return read(
        scope,
        f"""
        WITH known AS (
                SELECT day, currency, (on_hand * unit_cost)::DOUBLE AS worth,
                       lead(day) OVER (PARTITION BY sku, location_id ORDER BY day) AS until
                FROM stock_history SEMI JOIN ({items}) USING (sku, location_id) WHERE day <= $as_of),
             changes AS (
                SELECT greatest(day, $start) AS day, currency, sum(worth) AS change FROM (
                    SELECT day, currency, worth FROM known
                    UNION ALL SELECT until, currency, -worth FROM known WHERE until IS NOT NULL)
                WHERE worth IS NOT NULL GROUP BY ALL),
             days AS (
                SELECT day::DATE AS day, currency
                FROM (SELECT unnest(generate_series($start::TIMESTAMP, $as_of::TIMESTAMP, INTERVAL 1 DAY)) AS day)
                CROSS JOIN (SELECT DISTINCT currency FROM changes UNION SELECT $reporting)),
             held AS (
                SELECT day, currency, sum(coalesce(change, 0)) OVER (PARTITION BY currency ORDER BY day) AS worth
                FROM days LEFT JOIN changes USING (day, currency)),
             rates AS (SELECT currency, quoted_on, rate::DOUBLE AS rate FROM exchange_rates WHERE currency <> $reporting)
        SELECT day, sum(coalesce(worth * CASE WHEN held.currency = $reporting THEN 1 ELSE rate END, 0))::DECIMAL(38, 2) AS value
        FROM held ASOF LEFT JOIN rates ON held.currency = rates.currency AND held.day >= rates.quoted_on
        GROUP BY day ORDER BY day
        """,
        **values,
        start=first,
        reporting=reporting,
    )


def ageing(scope: Scope) -> pl.DataFrame:
    """How long what is left has been lying, over all locations."""
    items, values = _items(scope, with_location=False)
    return read(
        scope,
        f"""
        SELECT bucket, sum(quantity)::BIGINT AS quantity, coalesce(sum(value), 0)::DECIMAL(38, 2) AS value,
               coalesce(sum(quantity) FILTER (value IS NULL), 0)::BIGINT AS unknown
        FROM stock_ageing SEMI JOIN ({items}) USING (sku) WHERE as_of = $as_of GROUP BY bucket ORDER BY bucket
        """,
        **values,
    )


def positions(scope: Scope, *, limit: int = ROWS_SHOWN) -> pl.DataFrame:
    """What lies where, the most valuable first."""
    items, values = _items(scope)
    return read(
        scope,
        f"""
        SELECT sku, name, category, abc, location_id, on_hand, allocated, available, inbound,
               cover_days, last_sold_on, unit_cost, currency, value
        FROM ({items}) LEFT JOIN ({SOLD}) USING (sku, location_id)
        ORDER BY value DESC NULLS LAST, sku, location_id LIMIT {limit}
        """,
        **values,
    )


def oversold(scope: Scope) -> pl.DataFrame:
    """Where more left than was there, the most first."""
    items, values = _items(scope)
    return read(
        scope,
        f"""
        SELECT sku, name, location_id, on_hand, inbound, since.day AS since, value FROM ({items})
        LEFT JOIN (
            SELECT sku, location_id, min(day) AS day FROM stock_history LEFT JOIN (
                SELECT sku, location_id, max(day) AS last_on FROM stock_history WHERE on_hand >= 0 GROUP BY ALL
            ) USING (sku, location_id) WHERE on_hand < 0 AND (last_on IS NULL OR day > last_on) GROUP BY ALL
        ) AS since USING (sku, location_id)
        WHERE on_hand < 0 ORDER BY value NULLS LAST, on_hand, sku, location_id LIMIT {ROWS_DOWNLOADED}
        """,
        **values,
    )


def slow(scope: Scope, state: Literal["dead", "slow"]) -> pl.DataFrame:
    """What was not sold for so long (dead), or lasts for so long (slow, of what is still sold); the most money first."""
    items, values = _items(scope)
    is_dead = f"coalesce(last_sold_on, first_day) <= $as_of - {SLOW_DAYS}"
    condition = is_dead if state == "dead" else f"NOT coalesce({is_dead}, false) AND cover_days > {SLOW_DAYS}"
    return read(
        scope,
        f"""
        SELECT sku, name, category, location_id, on_hand, value, last_sold_on, $as_of - last_sold_on AS days_since,
               cover_days, first_day
        FROM ({items}) LEFT JOIN ({SOLD}) USING (sku, location_id)
        LEFT JOIN (SELECT sku, location_id, min(day) AS first_day FROM stock_history GROUP BY ALL) USING (sku, location_id)
        WHERE on_hand > 0 AND {condition} ORDER BY value DESC NULLS LAST, on_hand DESC, sku, location_id LIMIT {ROWS_DOWNLOADED}
        """,
        **values,
    )


def half_transfers(scope: Scope) -> pl.DataFrame:
    """Transfers of which one side is missing."""
    search = "AND contains(lower(subject_id), lower($wanted))" if scope.wanted else ""
    items, values = _items(scope, with_location=False)
    within = f"AND EXISTS (FROM ({items}) AS items WHERE starts_with(subject_id, items.sku || '/'))"
    return read(
        scope,
        f"""
        SELECT sentence, first_seen_on FROM attention
        WHERE as_of = $as_of AND kind = 'half_transfer' {search} {within if scope.categories or scope.classes else ""}
        ORDER BY first_seen_on, item_id
        """,
        **(values | {"wanted": scope.wanted}),
    )


# One SKU


def named(scope: Scope) -> str | None:
    """The SKU that the search names in full, if it does."""
    found = read(
        scope,
        "SELECT DISTINCT sku FROM stock_positions WHERE as_of = $as_of AND lower(sku) = lower($wanted)",
        as_of=scope.as_of,
        wanted=scope.wanted,
    )
    return str(found["sku"][0]) if found.height else None


def places(scope: Scope, sku: str) -> pl.DataFrame:
    """Where one SKU lies."""
    items, values = _items(Scope(scope.file, scope.time_zone, scope.as_of, scope.start, scope.end))
    return read(
        scope,
        f"""SELECT items.*, last_sold_on FROM ({items}) AS items LEFT JOIN ({SOLD}) USING (sku, location_id)
            WHERE sku = $sku ORDER BY on_hand DESC, location_id""",
        **values,
        sku=sku,
    )


def balances(scope: Scope, sku: str) -> pl.DataFrame:
    """How its stock changed: the closing balance of each day with a change, by location."""
    return read(
        scope,
        "SELECT location_id, day, on_hand FROM stock_history WHERE sku = $sku ORDER BY location_id, day",
        sku=sku,
    )


def counts(scope: Scope, sku: str) -> pl.DataFrame:
    """What people counted of it."""
    return read(
        scope,
        """SELECT location_id, counted_on AS day, quantity FROM stock_counts
           WHERE sku = $sku AND counted_on <= $as_of ORDER BY location_id, day""",
        sku=sku,
        as_of=scope.as_of,
    )


def movements(scope: Scope, sku: str) -> pl.DataFrame:
    """Everything that moved it, the newest first."""
    return read(
        scope,
        f"""
        SELECT moved_on, location_id, kind, quantity, reference, movement_id, is_derived FROM stock_ledger
        WHERE sku = $sku ORDER BY moved_on DESC, location_id, movement_id LIMIT {ROWS_DOWNLOADED}
        """,
        sku=sku,
    )
