"""All that is asked of a published file: one named query per figure, chart and table, and nothing that could change it."""

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
Dimension = Literal["channel", "category", "country"]
Grain = Literal["day", "week", "month"]

STAGES = ("received", "on_hold", "confirmed", "allocated", "partly_shipped", "in_transit")
"""The stages of an order that is open, in the order it passes them."""
STAGE = """
    CASE WHEN status IN ('rejected', 'cancelled', 'on_hold') THEN status
         WHEN fulfilment IN ('returned', 'partly_returned') THEN 'returned'
         WHEN fulfilment = 'delivered' THEN 'delivered'
         WHEN status = 'closed' THEN 'closed'
         WHEN fulfilment IN ('shipped', 'partly_delivered') THEN 'in_transit'
         WHEN fulfilment IN ('partly_shipped', 'allocated') THEN fulfilment
         ELSE status END"""
PROMISED = "coalesce(promised_on, first_promised_on)"
AMOUNTS = (
    "units",
    "gross_amount",
    "discount_amount",
    "cancelled_amount",
    "returned_units",
    "returned_amount",
    "net_amount",
)


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


def _filters(scope: Scope, *dimensions: Dimension) -> tuple[str, dict[str, Any]]:
    """The filters as a condition and its values; only those that the table has."""
    chosen: dict[str, tuple[str, ...]] = {
        "channel": scope.channels,
        "category": scope.categories,
        "country": scope.countries,
    }
    used: dict[str, Any] = {name: chosen[name] for name in dimensions if chosen[name]}
    conditions = [f"AND list_contains(${name}, coalesce({name}, '{UNKNOWN}'))" for name in used]
    return " ".join(conditions), used


def _period(scope: Scope) -> dict[str, Any]:
    return {"start": scope.start, "end": scope.end}


# What there is to look at


def first_day(scope: Scope) -> date | None:
    """The first day with sales."""
    found: date | None = read(scope, "SELECT min(day) AS day FROM daily_orders")["day"][0]
    return found


def first_file(scope: Scope) -> date | None:
    """The first night that took a file in."""
    found: date | None = read(scope, "SELECT min(as_of) AS day FROM feed_files")["day"][0]
    return found


def choices(scope: Scope, dimension: Dimension) -> list[str]:
    """The values a filter offers, the best selling first."""
    found = read(
        scope,
        f"SELECT coalesce({dimension}, '{UNKNOWN}') AS choice FROM daily_sales GROUP BY 1 ORDER BY sum(gross_amount) DESC, 1 LIMIT 300",
    )
    return found["choice"].to_list()


# Overview


def certificate(scope: Scope) -> pl.DataFrame:
    """The proofs of the last night, broken ones first."""
    return read(
        scope,
        "SELECT as_of, proof, expected, found, is_green, details FROM certificate"
        " WHERE as_of = (SELECT max(as_of) FROM certificate) ORDER BY is_green, proof",
    )


def feeds_arrived(scope: Scope) -> pl.DataFrame:
    """Each feed: when it came last, what came that day, and on how many of the last 28 days it came."""
    return read(
        scope,
        """
        SELECT feed, max(as_of) FILTER (status = 'loaded') AS last_on,
               count(*) FILTER (as_of = $as_of AND status = 'loaded') AS files,
               coalesce(sum(rows_in) FILTER (as_of = $as_of), 0)::BIGINT AS rows_in,
               coalesce(sum(rejected) FILTER (as_of = $as_of), 0)::BIGINT AS rejected,
               count(*) FILTER (status = 'held') AS held,
               count(DISTINCT as_of) FILTER (status = 'loaded' AND as_of > $as_of - 28) AS days_of_28,
               count(DISTINCT as_of) FILTER (status = 'loaded' AND as_of > $as_of - 28 AND as_of < $as_of
                                             AND dayofweek(as_of) = dayofweek($as_of)) AS same_weekdays
        FROM feed_files WHERE as_of <= $as_of GROUP BY feed ORDER BY feed
        """,
        as_of=scope.as_of,
    )


def attention(scope: Scope) -> pl.DataFrame:
    """The things to do of the last night, the most money first; what was summed up as "more of the kind" last."""
    return read(
        scope,
        f"""
        SELECT role, sentence, amount, due_on, first_seen_on, kind, subject_id, page FROM attention
        WHERE as_of = (SELECT max(as_of) FROM attention) AND as_of = $as_of
        ORDER BY subject_id = 'more', amount DESC NULLS LAST, due_on NULLS LAST, first_seen_on, item_id LIMIT {ROWS_DOWNLOADED}
        """,
        as_of=scope.as_of,
    )


def attention_counts(scope: Scope) -> pl.DataFrame:
    """How many things each role has to do, how much money is in them, and how many are new."""
    return read(
        scope,
        """
        SELECT role, count(*) AS items, coalesce(sum(amount), 0)::DECIMAL(18, 2) AS amount,
               count(*) FILTER (first_seen_on = $as_of) AS new
        FROM attention WHERE as_of = $as_of GROUP BY role ORDER BY amount DESC, role
        """,
        as_of=scope.as_of,
    )


def events_by_day(scope: Scope) -> pl.DataFrame:
    """Orders that reached each step, by business date, over the scope's period; days without any are zero."""
    condition, values = _filters(scope, "channel", "country")
    orders = f"SEMI JOIN (SELECT order_id FROM orders WHERE true {condition}) USING (order_id)" if condition else ""
    return read(
        scope,
        f"""
        WITH told AS (
            SELECT occurred_at::DATE AS day, event, order_id FROM order_timeline {orders}
            WHERE is_accepted AND occurred_at >= $start::DATE::TIMESTAMPTZ AND occurred_at < ($end::DATE + 1)::TIMESTAMPTZ
              AND event IN ('confirmed', 'held', 'shipped', 'delivered', 'cancelled', 'returned', 'rejected')
            UNION ALL
            SELECT ordered_on, 'received', order_id FROM orders WHERE ordered_on BETWEEN $start AND $end {condition}
        )
        SELECT day::DATE AS day, event, count(DISTINCT order_id) AS orders
        FROM (SELECT unnest(generate_series($start::TIMESTAMP, $end::TIMESTAMP, INTERVAL 1 DAY)) AS day) AS days
        CROSS JOIN (SELECT unnest(['received', 'confirmed', 'held', 'shipped', 'delivered', 'cancelled', 'returned',
                                  'rejected']) AS event) AS steps
        LEFT JOIN told USING (day, event) GROUP BY 1, 2 ORDER BY 1, 2
        """,
        **_period(scope),
        **values,
    )


def stages(scope: Scope) -> pl.DataFrame:
    """How many orders are in each stage now, how long they have been open, and what they are worth."""
    condition, values = _filters(scope, "channel", "country")
    return read(
        scope,
        f"""
        SELECT {STAGE} AS stage,
               CASE WHEN $as_of - ordered_on <= 1 THEN '0–1' WHEN $as_of - ordered_on <= 3 THEN '2–3'
                    WHEN $as_of - ordered_on <= 7 THEN '4–7' WHEN $as_of - ordered_on <= 14 THEN '8–14' ELSE '15+' END AS age,
               count(*) AS orders
        FROM orders WHERE true {condition} GROUP BY 1, 2 ORDER BY 1, 2
        """,
        as_of=scope.as_of,
        **values,
    )


def taken_in(scope: Scope) -> dict[str, Any]:
    """What the last night took in: files, records, rejects, duplicates, held files."""
    return read(
        scope,
        """
        SELECT count(*) FILTER (status = 'loaded') AS files, coalesce(sum(rows_in), 0)::BIGINT AS rows_in,
               coalesce(sum(accepted), 0)::BIGINT AS accepted, coalesce(sum(rejected), 0)::BIGINT AS rejected,
               coalesce(sum(duplicates), 0)::BIGINT AS duplicates, count(*) FILTER (status = 'held') AS held
        FROM feed_files WHERE as_of = $as_of
        """,
        as_of=scope.as_of,
    ).row(0, named=True)


def net_until(scope: Scope, last: date) -> pl.DataFrame:
    """Net sales of every day up to `last`, to compare two publications by."""
    return read(
        scope,
        "SELECT day, sum(net_amount)::DECIMAL(18, 2) AS net_amount FROM daily_orders WHERE day <= $last GROUP BY day ORDER BY day",
        last=last,
    )


# Trends


def sales_by_day(scope: Scope) -> pl.DataFrame:
    """Orders and amounts of every day of the period; a day without orders is zero."""
    table = "daily_sales" if scope.categories else "daily_orders"
    condition, values = _filters(scope, "channel", "country", *(("category",) if scope.categories else ()))
    sums = ", ".join(
        f"coalesce(sum({name}), 0)::{'BIGINT' if 'units' in name else 'DECIMAL(18, 2)'} AS {name}" for name in AMOUNTS
    )
    if scope.categories:
        orders = f"""(SELECT day, count(DISTINCT order_id) AS orders FROM sales_entries
                      WHERE kind = 'ordered' AND day BETWEEN $start AND $end {condition} GROUP BY day)"""
    else:
        orders = f"(SELECT day, sum(orders) AS orders FROM daily_orders WHERE day BETWEEN $start AND $end {condition} GROUP BY day)"
    return read(
        scope,
        f"""
        WITH days AS (SELECT unnest(generate_series($start::TIMESTAMP, $end::TIMESTAMP, INTERVAL 1 DAY))::DATE AS day),
             sales AS (SELECT day, {sums} FROM {table} WHERE day BETWEEN $start AND $end {condition} GROUP BY day)
        SELECT day, coalesce(orders, 0)::BIGINT AS orders, {", ".join(f"coalesce({name}, 0) AS {name}" for name in AMOUNTS)}
        FROM days LEFT JOIN sales USING (day) LEFT JOIN {orders} AS counted USING (day) ORDER BY day
        """,
        **_period(scope),
        **values,
    )


def sales_by(scope: Scope, dimension: Dimension) -> pl.DataFrame:
    """Orders and amounts of the period by one dimension. Orders by category count every order with a line in it."""
    by_category = bool(scope.categories) or dimension == "category"
    condition, values = _filters(scope, "channel", "country", *(("category",) if by_category else ()))
    sums = ", ".join(f"sum({name})::{'BIGINT' if 'units' in name else 'DECIMAL(18, 2)'} AS {name}" for name in AMOUNTS)
    where = f"WHERE day BETWEEN $start AND $end {condition}"
    named = f"coalesce({dimension}, '{UNKNOWN}') AS name"
    if by_category:
        return read(
            scope,
            f"""
            WITH sales AS (SELECT {named}, {sums} FROM daily_sales {where} GROUP BY 1),
                 counted AS (SELECT {named}, count(DISTINCT order_id) AS orders FROM sales_entries {where} AND kind = 'ordered' GROUP BY 1)
            SELECT sales.name, coalesce(orders, 0)::BIGINT AS orders, sales.* EXCLUDE (name)
            FROM sales LEFT JOIN counted USING (name) ORDER BY net_amount DESC, name
            """,
            **_period(scope),
            **values,
        )
    return read(
        scope,
        f"SELECT {named}, sum(orders)::BIGINT AS orders, {sums} FROM daily_orders {where} GROUP BY 1 ORDER BY net_amount DESC, name",
        **_period(scope),
        **values,
    )


def sold_items(scope: Scope, earlier: Scope) -> pl.DataFrame:
    """What every SKU sold in two periods, as `models.rules.explained` wants it; sales without a rate apart."""
    condition, values = _filters(scope, "channel", "category", "country")
    sides = {"before": "day BETWEEN $earlier_start AND $earlier_end", "after": "day BETWEEN $start AND $end"}
    net = "gross_amount_r - discount_amount_r"
    sums = ", ".join(
        f"""coalesce(sum(units) FILTER (kind = 'ordered' AND {side}), 0)::BIGINT AS units_{name},
            coalesce(sum({net}) FILTER (kind = 'ordered' AND {side}), 0)::DECIMAL(18, 4) AS amount_{name},
            coalesce(sum({net}) FILTER (kind = 'cancelled' AND {side}), 0)::DECIMAL(18, 4) AS cancelled_amount_{name},
            coalesce(sum({net}) FILTER (kind = 'returned' AND {side}), 0)::DECIMAL(18, 4) AS returned_amount_{name}"""
        for name, side in sides.items()
    )
    return read(
        scope,
        f"""
        SELECT sku, any_value(products.name) AS name, coalesce(any_value(entries.category), '{UNKNOWN}') AS category, {sums}
        FROM sales_entries AS entries LEFT JOIN products USING (sku)
        WHERE gross_amount_r IS NOT NULL AND ({" OR ".join(f"({side})" for side in sides.values())})
              {condition.replace("coalesce(category", "coalesce(entries.category")}
        GROUP BY sku ORDER BY sku
        """,
        **_period(scope),
        earlier_start=earlier.start,
        earlier_end=earlier.end,
        **values,
    )


def without_rate(scope: Scope) -> pl.DataFrame:
    """Sales of the period that are in no sum, since no exchange rate is known."""
    condition, values = _filters(scope, "channel", "category", "country")
    return read(
        scope,
        f"""
        SELECT currency, count(DISTINCT order_id) AS orders,
               sum(CASE WHEN kind = 'ordered' THEN units ELSE 0 END)::BIGINT AS units,
               sum(CASE WHEN kind = 'ordered' THEN gross_amount ELSE 0 END)::DECIMAL(18, 2) AS gross_amount,
               sum(CASE WHEN kind = 'ordered' THEN gross_amount - discount_amount
                        ELSE discount_amount - gross_amount END)::DECIMAL(18, 2) AS net_amount
        FROM sales_entries WHERE gross_amount_r IS NULL AND day BETWEEN $start AND $end {condition}
        GROUP BY currency ORDER BY currency
        """,
        **_period(scope),
        **values,
    )


# Lifecycle


def funnel(scope: Scope) -> dict[str, int]:
    """The orders placed in the period and how many of them reached each step, ever."""
    condition, values = _filters(scope, "channel", "country")
    return read(
        scope,
        f"""
        SELECT count(*) AS placed,
               count(*) FILTER (confirmed_at IS NOT NULL OR fulfilment NOT IN ('none', 'allocated')) AS confirmed,
               count(*) FILTER (fulfilment NOT IN ('none', 'allocated')) AS shipped,
               count(*) FILTER (fulfilment IN ('partly_delivered', 'delivered', 'partly_returned', 'returned')) AS delivered,
               count(*) FILTER (fulfilment IN ('partly_returned', 'returned')) AS returned,
               count(*) FILTER (status = 'cancelled') AS cancelled, count(*) FILTER (status = 'rejected') AS rejected,
               count(*) FILTER (status = 'on_hold') AS on_hold
        FROM orders WHERE ordered_on BETWEEN $start AND $end {condition}
        """,
        **_period(scope),
        **values,
    ).row(0, named=True)


def step_days(scope: Scope) -> pl.DataFrame:
    """How many days each step took, for the orders of the period that have made it: half, nine of ten, and how many."""
    condition, values = _filters(scope, "channel", "country")
    steps = {
        "confirmed": "epoch(confirmed_at - ordered_at) / 86400",
        "shipped": "shipped_on - ordered_on",
        "delivered": "delivered_on - shipped_on",
        "door_to_door": "delivered_on - ordered_on",
    }
    parts = [
        f"""SELECT '{step}' AS step, quantile_cont({days}, 0.5)::DOUBLE AS half,
                   quantile_cont({days}, 0.9)::DOUBLE AS most, count({days}) AS orders
            FROM orders WHERE ordered_on BETWEEN $start AND $end {condition}"""
        for step, days in steps.items()
    ]
    return read(scope, " UNION ALL ".join(parts), **_period(scope), **values)


def is_delivery_told(scope: Scope) -> bool:
    """Whether any feed ever says that something was delivered; where none does, what is shipped is done."""
    found = read(
        scope, "SELECT count(*) > 0 AS is_told FROM orders WHERE fulfilment IN ('partly_delivered', 'delivered')"
    )
    return bool(found["is_told"][0])


def open_stages(scope: Scope) -> tuple[str, ...]:
    """The stages in which something is still to be done."""
    return STAGES if is_delivery_told(scope) else STAGES[:-1]


def usual_days(scope: Scope) -> dict[str, float | None]:
    """The days within which 95 % of recent orders were shipped, and delivered after that; the measure of stuck."""
    return read(
        scope,
        """
        SELECT quantile_cont(shipped_on - ordered_on, 0.95)::DOUBLE AS to_ship,
               quantile_cont(delivered_on - shipped_on, 0.95)::DOUBLE AS to_deliver
        FROM orders WHERE ordered_on BETWEEN $as_of::DATE - 120 AND $as_of AND channel <> 'store'
        """,
        as_of=scope.as_of,
    ).row(0, named=True)


def open_orders(scope: Scope, *, limit: int = ROWS_SHOWN) -> pl.DataFrame:
    """Orders that are late or slower than usual, the latest first."""
    condition, values = _filters(scope, "channel", "country")
    usual = usual_days(scope)
    return read(
        scope,
        f"""
        WITH staged AS (SELECT *, {STAGE} AS stage, {PROMISED} AS promise FROM orders WHERE true {condition}),
             timed AS (
                SELECT *, CASE WHEN promise < $as_of THEN $as_of - promise END AS days_late,
                       $as_of - ordered_on AS age_days,
                       CASE WHEN stage = 'in_transit' AND $as_of - shipped_on > $to_deliver THEN 'slow delivery'
                            WHEN stage = 'on_hold' AND $as_of - ordered_on > 1 THEN 'held'
                            WHEN stage NOT IN ('in_transit', 'on_hold') AND $as_of - ordered_on > $to_ship THEN 'slow to ship' END AS stuck
                FROM staged WHERE stage IN {open_stages(scope)})
        SELECT order_id, stage,
               CASE WHEN has_refused_fact THEN 'refused fact' WHEN days_late IS NOT NULL THEN 'late' ELSE stuck END AS trouble,
               days_late, age_days, ordered_on,
               promise AS promised_on, channel, country, service_level, goods_amount, currency
        FROM timed WHERE days_late IS NOT NULL OR stuck IS NOT NULL OR has_refused_fact
        ORDER BY days_late DESC NULLS LAST, age_days DESC, order_id LIMIT {limit}
        """,
        as_of=scope.as_of,
        to_ship=max(usual["to_ship"] or 3.0, 1.0),
        to_deliver=max(usual["to_deliver"] or 7.0, 1.0),
        **values,
    )


def open_counts(scope: Scope) -> dict[str, Any]:
    """Open orders, the late and the held ones, and the middle age."""
    condition, values = _filters(scope, "channel", "country")
    return read(
        scope,
        f"""
        SELECT count(*) AS open, count(*) FILTER ({PROMISED} < $as_of) AS late, count({PROMISED}) AS promised,
               count(*) FILTER (status = 'on_hold') AS on_hold, count(*) FILTER (has_refused_fact) AS refused,
               median($as_of - ordered_on)::DOUBLE AS middle_age
        FROM orders WHERE {STAGE} IN {open_stages(scope)} {condition}
        """,
        as_of=scope.as_of,
        **values,
    ).row(0, named=True)


def findings_by_gate(scope: Scope) -> pl.DataFrame:
    """What the gates found on orders of the period: standing and gone."""
    condition, values = _filters(scope, "channel", "country")
    return read(
        scope,
        f"""
        SELECT gate, severity, count(*) FILTER (is_open) AS open, count(*) FILTER (NOT is_open) AS closed
        FROM order_findings JOIN orders USING (order_id)
        WHERE (is_open OR ordered_on BETWEEN $start AND $end) {condition}
        GROUP BY 1, 2 ORDER BY open DESC, closed DESC, gate
        """,
        **_period(scope),
        **values,
    )


def findings(scope: Scope) -> pl.DataFrame:
    """The findings that stand, those that stop an order first."""
    condition, values = _filters(scope, "channel", "country")
    return read(
        scope,
        f"""
        SELECT order_id, line_no, gate, severity, facts, order_findings.as_of AS as_of, goods_amount, currency
        FROM order_findings JOIN orders USING (order_id) WHERE is_open {condition}
        ORDER BY CASE severity WHEN 'reject' THEN 0 WHEN 'hold' THEN 1 ELSE 2 END, goods_amount DESC NULLS LAST, order_id
        LIMIT {ROWS_DOWNLOADED}
        """,
        **values,
    )


def order(scope: Scope, order_id: str) -> dict[str, Any] | None:
    """One order: where it stands."""
    found = read(
        scope,
        f"SELECT orders.* EXCLUDE (note), {STAGE} AS stage FROM orders WHERE order_id = $order_id",
        order_id=order_id,
    )
    return found.row(0, named=True) if found.height else None


def order_lines(scope: Scope, order_id: str) -> pl.DataFrame:
    """Its lines with their whole numbers."""
    return read(
        scope,
        """
        SELECT line_no, sku, products.name AS name, quantity, order_lines.unit_price AS unit_price, discount_amount,
               cancelled, allocated, picked, packed, shipped, delivered, returned
        FROM order_lines LEFT JOIN products USING (sku) WHERE order_id = $order_id ORDER BY line_no
        """,
        order_id=order_id,
    )


def order_timeline(scope: Scope, order_id: str) -> pl.DataFrame:
    """Everything that was told or decided about it, in the order of time."""
    return read(
        scope,
        """
        SELECT occurred_at, event, line_no, quantity, is_accepted, reason, anomaly, source, location_id, carrier, tracking_no
        FROM order_timeline WHERE order_id = $order_id ORDER BY occurred_at, event_id LIMIT 2000
        """,
        order_id=order_id,
    )


def order_findings(scope: Scope, order_id: str) -> pl.DataFrame:
    """What the gates found about it."""
    return read(
        scope,
        "SELECT line_no, gate, severity, facts, is_open, as_of, closed_on FROM order_findings"
        " WHERE order_id = $order_id ORDER BY gate, line_no",
        order_id=order_id,
    )


# Intake


def intake_counts(scope: Scope) -> dict[str, Any]:
    """Files and records of the period, by what became of them."""
    return read(
        scope,
        """
        SELECT count(*) AS files, coalesce(sum(rows_in), 0)::BIGINT AS rows_in, coalesce(sum(accepted), 0)::BIGINT AS accepted,
               coalesce(sum(rejected), 0)::BIGINT AS rejected, coalesce(sum(duplicates), 0)::BIGINT AS duplicates,
               count(*) FILTER (status = 'held') AS held, count(*) FILTER (status = 'duplicate') AS duplicate_files,
               (SELECT count(*) FROM waiting_rows) AS waiting
        FROM feed_files WHERE as_of BETWEEN $start AND $end
        """,
        **_period(scope),
    ).row(0, named=True)


def arrivals(scope: Scope) -> pl.DataFrame:
    """Records taken in by feed and night."""
    return read(
        scope,
        """
        SELECT feed, as_of AS day, count(*) FILTER (status = 'loaded') AS files, sum(rows_in)::BIGINT AS rows_in,
               sum(rejected)::BIGINT AS rejected, count(*) FILTER (status = 'held') AS held
        FROM feed_files WHERE as_of BETWEEN $start AND $end GROUP BY 1, 2 ORDER BY 1, 2
        """,
        **_period(scope),
    )


def rejects_by_reason(scope: Scope, feeds: tuple[str, ...] = ()) -> pl.DataFrame:
    """Rejected records by night and reason code; a record with two reasons counts under both."""
    chosen = "AND list_contains($feeds, feed)" if feeds else ""
    return read(
        scope,
        f"""
        SELECT as_of AS day, feed, trim(split_part(reason, ':', 2)) AS code, trim(split_part(reason, ':', 1)) AS column_name,
               count(*) AS records
        FROM (SELECT as_of, feed, unnest(reasons) AS reason FROM rejected_rows WHERE as_of BETWEEN $start AND $end {chosen})
        GROUP BY ALL ORDER BY 1, 5 DESC, 2, 3, 4
        """,
        **_period(scope),
        feeds=feeds,
    )


def rejected(scope: Scope, feeds: tuple[str, ...] = (), *, limit: int = ROWS_SHOWN) -> pl.DataFrame:
    """Rejected records of the period with their reasons, the newest first."""
    chosen = "AND list_contains($feeds, r.feed)" if feeds else ""
    return read(
        scope,
        f"""
        SELECT r.as_of AS as_of, r.feed AS feed, file.name AS name, record_number, reasons, raw, "values", r.file_id AS file_id
        FROM rejected_rows AS r
        LEFT JOIN (SELECT file_id, min(name) AS name FROM feed_files GROUP BY ALL) AS file ON file.file_id = r.file_id
        WHERE r.as_of BETWEEN $start AND $end {chosen}
        ORDER BY r.as_of DESC, r.feed, file.name, record_number LIMIT {limit}
        """,
        **_period(scope),
        feeds=feeds,
    )


def rejected_count(scope: Scope, feeds: tuple[str, ...] = ()) -> int:
    """How many records of the period were rejected."""
    chosen = "AND list_contains($feeds, feed)" if feeds else ""
    sql = f"SELECT count(*) AS records FROM rejected_rows WHERE as_of BETWEEN $start AND $end {chosen}"
    return int(read(scope, sql, **_period(scope), feeds=feeds)["records"][0])


def files(scope: Scope, *, limit: int = ROWS_SHOWN) -> pl.DataFrame:
    """Delivered files of the period, the newest first."""
    return read(
        scope,
        f"""
        SELECT as_of, feed, name, status, rows_in, accepted, rejected, duplicates, reason, file_id
        FROM feed_files WHERE as_of BETWEEN $start AND $end ORDER BY file_sequence DESC, name LIMIT {limit}
        """,
        **_period(scope),
    )


def held_files(scope: Scope) -> pl.DataFrame:
    """Files that could not be read and are tried again every night."""
    return read(
        scope, "SELECT as_of, feed, name, reason FROM feed_files WHERE status = 'held' ORDER BY as_of DESC, name"
    )


def waiting(scope: Scope) -> pl.DataFrame:
    """Accepted records that wait for something, the oldest first."""
    return read(
        scope,
        'SELECT feed, "key", waits_for, since, $as_of - since AS days_waiting FROM waiting_rows'
        f' ORDER BY since, feed, "key" LIMIT {ROWS_DOWNLOADED}',
        as_of=scope.as_of,
    )
