"""Where orders are, and what happened to them."""

from typing import Any

import polars as pl

from dashboards.queries import ROWS_DOWNLOADED, ROWS_SHOWN, Scope, filtered, period, read

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


def stages(scope: Scope) -> pl.DataFrame:
    """How many orders are in each stage now, how long they have been open, and what they are worth."""
    condition, values = filtered(scope, "channel", "country")
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


def funnel(scope: Scope) -> dict[str, int]:
    """The orders placed in the period and how many of them reached each step, ever."""
    condition, values = filtered(scope, "channel", "country")
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
        **period(scope),
        **values,
    ).row(0, named=True)


def step_days(scope: Scope) -> pl.DataFrame:
    """How many days each step took, for the orders of the period that have made it: half, nine of ten, and how many."""
    condition, values = filtered(scope, "channel", "country")
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
    return read(scope, " UNION ALL ".join(parts), **period(scope), **values)


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
    condition, values = filtered(scope, "channel", "country")
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
    condition, values = filtered(scope, "channel", "country")
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
    condition, values = filtered(scope, "channel", "country")
    return read(
        scope,
        f"""
        SELECT gate, severity, count(*) FILTER (is_open) AS open, count(*) FILTER (NOT is_open) AS closed
        FROM order_findings JOIN orders USING (order_id)
        WHERE (is_open OR ordered_on BETWEEN $start AND $end) {condition}
        GROUP BY 1, 2 ORDER BY open DESC, closed DESC, gate
        """,
        **period(scope),
        **values,
    )


def findings(scope: Scope) -> pl.DataFrame:
    """The findings that stand, those that stop an order first."""
    condition, values = filtered(scope, "channel", "country")
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
