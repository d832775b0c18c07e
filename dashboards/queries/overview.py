"""What the morning asks: is it proven, what needs a person, what moved."""

import polars as pl

from dashboards.queries import ROWS_DOWNLOADED, Scope, filtered, period, read
from models.rules.attention import SUMMED_UP


def certificate(scope: Scope) -> pl.DataFrame:
    """The proofs of the last night, broken ones first."""
    return read(
        scope,
        "SELECT as_of, proof, expected, found, is_green, details FROM certificate"
        " WHERE as_of = (SELECT max(as_of) FROM certificate) ORDER BY is_green, proof",
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
    """How many things each role has to do, those summed up in one row among them, how much money is in them, how many are new."""
    return read(
        scope,
        """
        SELECT role, sum(coalesce(TRY_CAST(regexp_extract(sentence, $summed_up, 1) AS BIGINT), 1))::BIGINT AS items,
               coalesce(sum(amount), 0)::DECIMAL(38, 4) AS amount,
               count(*) FILTER (first_seen_on = $as_of) AS new
        FROM attention WHERE as_of = $as_of GROUP BY role ORDER BY amount DESC, role
        """,
        as_of=scope.as_of,
        summed_up=SUMMED_UP,
    )


def events_by_day(scope: Scope) -> pl.DataFrame:
    """Orders that reached each step, by business date, over the scope's period; days without any are zero."""
    condition, values = filtered(scope, "channel", "country")
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
        **period(scope),
        **values,
    )
