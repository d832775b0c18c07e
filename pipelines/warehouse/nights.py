"""What a night reads: which orders something happened to, and their rows as of the end of its day."""

from datetime import date

import polars as pl

from models.tables import FEEDS
from models.tables.base import polars_schema
from models.tables.lifecycle import Order
from models.tables.trends import SalesEntry
from pipelines.warehouse.store import Warehouse
from pipelines.warehouse.versions import current

PHYSICAL = ("picked", "packed", "shipped", "in_transit", "delivered", "returned")
DECIDED_EVENTS = {"release": "released", "reject": "rejected", "cancel": "cancelled", "approve": "confirmed"}
"""What a person's decision on an order is, told as an event."""


def last_night(warehouse: Warehouse, before: date | None = None) -> date | None:
    """The last closed business date, or the last one before a day."""
    found: date | None = warehouse.value(
        "SELECT max(as_of) FROM core.nights WHERE as_of < coalesce(CAST(? AS DATE), DATE '9999-12-31')", [before]
    )
    return found


def first_night(warehouse: Warehouse) -> date | None:
    """The first closed business date."""
    found: date | None = warehouse.value("SELECT min(as_of) FROM core.nights")
    return found


def newest_file(warehouse: Warehouse) -> int:
    """The sequence of the file taken in last; 0 before the first."""
    return int(warehouse.value("SELECT coalesce(max(file_sequence), 0) FROM core.feed_files"))


def close(warehouse: Warehouse, as_of: date) -> None:
    """Note that a night is closed, and up to which file it has seen everything."""
    warehouse.run("INSERT OR REPLACE INTO core.nights VALUES (?, ?)", [as_of, newest_file(warehouse)])


def prepare(warehouse: Warehouse, as_of: date, bucket_size: int) -> int:
    """Find the orders that something happened to since the night before, in buckets; returns how many buckets.

    Touched are the orders with rows that came or took effect since, the ones not confirmed yet, the ones this night has
    already changed (it may be running again), and those whose product, customer or exchange rate changed in what counts
    for an order. Temporary tables `retracted_files` and `touched` (order_id, bucket) are left for the stages.
    """
    before = last_night(warehouse, as_of)
    seen = int(warehouse.value("SELECT file_sequence FROM core.nights WHERE as_of = ?", [before]) or 0) if before else 0
    warehouse.run("CREATE OR REPLACE TEMP TABLE retracted_files (file_id VARCHAR)")
    warehouse.run(
        f"""
        CREATE OR REPLACE TEMP TABLE retractions AS
        SELECT DISTINCT f.file_id, d.fresh FROM core.feed_files f JOIN (
            SELECT subject_id, file_sequence > {seen} OR arrives_on > {_day(before)} AS fresh FROM feeds.decisions
            WHERE subject = 'file' AND action = 'retract' AND arrives_on <= {_day(as_of)}
        ) d ON d.subject_id IN (f.file_id, f.name)
        """
    )
    warehouse.run("INSERT INTO retracted_files SELECT DISTINCT file_id FROM retractions")
    warehouse.run(
        f"""
        CREATE OR REPLACE TEMP TABLE touched AS
        SELECT order_id, (row_number() OVER (ORDER BY order_id) - 1) // {bucket_size} AS bucket
        FROM ({_touched(as_of, before, seen)})
        """
    )
    return int(warehouse.value("SELECT coalesce(max(bucket) + 1, 0) FROM touched"))


def _day(day: date | None) -> str:
    return f"DATE '{day}'" if day else "DATE '0001-01-01'"


def _touched(as_of: date, before: date | None, seen: int) -> str:
    if before is None:
        return f"SELECT DISTINCT order_id FROM ({current('orders', as_of, ['order_id'])})"
    since = _day(before)
    fresh = f"(file_sequence > {seen} OR arrives_on > {since} OR revised_on > {since})"

    def changed(feed: str, key: str, columns: str) -> str:
        """Keys of a feed whose columns differ from the night before."""
        within = f"SEMI JOIN (SELECT {key} FROM feeds.{feed} WHERE {fresh}) USING ({key})"
        names = [key, *columns.split(", ")]
        return f"SELECT {key} FROM ({current(feed, as_of, names, within)} EXCEPT ({_as_seen(feed, before, names, seen, within)}))"

    return f"""
        SELECT DISTINCT order_id FROM (
            SELECT order_id FROM feeds.orders WHERE {fresh}
            UNION ALL SELECT order_id FROM feeds.order_lines WHERE {fresh}
            UNION ALL SELECT order_id FROM feeds.order_events WHERE {fresh}
            UNION ALL SELECT order_id FROM feeds.payments WHERE {fresh} AND order_id IS NOT NULL
            UNION ALL SELECT subject_id FROM feeds.decisions WHERE {fresh} AND subject IN ('order', 'hold', 'allocation')
            UNION ALL SELECT order_id FROM feeds.order_events WHERE event_id IN (
                SELECT subject_id FROM feeds.decisions WHERE {fresh} AND subject = 'event')
            UNION ALL SELECT order_id FROM feeds.order_events WHERE file_id IN (SELECT file_id FROM retractions WHERE fresh)
            UNION ALL SELECT order_id FROM feeds.order_lines WHERE file_id IN (SELECT file_id FROM retractions WHERE fresh)
            UNION ALL SELECT order_id FROM feeds.orders WHERE file_id IN (SELECT file_id FROM retractions WHERE fresh)
            UNION ALL SELECT order_id FROM core.orders WHERE status IN ('received', 'on_hold') OR as_of = {_day(as_of)}
            UNION ALL SELECT order_id FROM core.order_findings WHERE severity = 'reject' AND is_open
            UNION ALL SELECT order_id FROM core.order_findings WHERE {_day(as_of)} IN (as_of, closed_on)
            UNION ALL SELECT order_id FROM core.night_events WHERE as_of = {_day(as_of)}
            UNION ALL SELECT order_id FROM feeds.order_lines WHERE sku IN ({changed("products", "sku", "category, tax_code")})
            UNION ALL SELECT order_id FROM feeds.orders
                WHERE customer_id IN ({changed("customers", "customer_id", "country")})
            UNION ALL SELECT order_id FROM core.orders
                WHERE currency IN (SELECT currency FROM feeds.exchange_rates WHERE {fresh} AND file_sequence > {seen})
        )
        SEMI JOIN ({current("orders", as_of, ["order_id"])}) USING (order_id)
    """


def _as_seen(feed: str, before: date, names: list[str], seen: int, within: str) -> str:
    """The rows of a feed as the night before saw them: of the files it knew."""
    return current(feed, before, names, f"{within} WHERE file_sequence <= {seen}")


def bucket_within(bucket: int) -> str:
    """The join that narrows rows with an order_id to one bucket of touched orders."""
    return f"SEMI JOIN (SELECT order_id FROM touched WHERE bucket = {bucket}) USING (order_id)"


def rows(warehouse: Warehouse, feed: str, as_of: date, within: str = "") -> pl.DataFrame:
    """The current rows of a feed at the end of a day."""
    return warehouse.frame(current(feed, as_of, within=within)).cast(polars_schema(FEEDS[feed]))


def judged(warehouse: Warehouse, as_of: date, bucket: int, handed_over: list[str]) -> pl.DataFrame:
    """The orders of a bucket that the gates judge tonight: those that no earlier night confirmed.

    Returns:
        order_id, ordered_at, channel, customer_id, currency, is_past_gates, is_confirmed_by_feed, is_released.
    """
    within = bucket_within(bucket)
    physical = ", ".join(f"'{event}'" for event in PHYSICAL)
    sold = ", ".join(f"'{channel}'" for channel in handed_over) or "NULL"
    return warehouse.frame(
        f"""
        WITH told AS (
            SELECT order_id, bool_or(event = 'confirmed') AS has_confirmed, bool_or(event IN ({physical})) AS has_facts,
                   bool_or(event = 'released') AS has_released
            FROM ({told_events(as_of, within)}) WHERE NOT is_voided GROUP BY order_id
        )
        SELECT o.order_id, o.ordered_at, o.channel, o.customer_id, o.currency,
               coalesce(has_confirmed OR has_facts, false) OR coalesce(o.channel IN ({sold}), false) AS is_past_gates,
               coalesce(has_confirmed, false) AS is_confirmed_by_feed, coalesce(has_released, false) AS is_released
        FROM ({current("orders", as_of, within=within)}) o LEFT JOIN told USING (order_id)
        ANTI JOIN (SELECT order_id FROM core.night_events WHERE event = 'confirmed' AND as_of < {_day(as_of)}) USING (order_id)
        ORDER BY order_id
        """
    )


def told_events(as_of: date, within: str) -> str:
    """A query of the events of orders that partners and people told up to the end of a day.

    A person's decision on an order is such an event: its id is the decision's. Voided events are marked.
    """
    cases = " ".join(f"WHEN '{action}' THEN '{event}'" for action, event in DECIDED_EVENTS.items())
    decided = ", ".join(f"'{action}'" for action in DECIDED_EVENTS)
    voided = f"""SELECT subject_id FROM feeds.decisions
                 WHERE subject = 'event' AND action = 'void' AND arrives_on <= {_day(as_of)}"""
    return f"""
        SELECT order_id, line_no, event_id, event, occurred_at, quantity, reason, location_id, carrier, tracking_no,
               'feed' AS source,
               event_id IN ({voided}) OR file_id IN (FROM retracted_files) AS is_voided
        FROM (FROM feeds.order_events {within}) WHERE arrives_on <= {_day(as_of)}
        UNION ALL
        SELECT order_id, NULL, 'decision:' || decision_id, event, decided_at, NULL,
               concat_ws(': ', decided_by, reason), NULL, NULL, NULL, 'night', false
        FROM (
            SELECT *, subject_id AS order_id, CASE action {cases} END AS event
            FROM ({current("decisions", as_of)})
            WHERE subject IN ('order', 'hold') AND action IN ({decided})
        ) {within}
    """


def known_findings(warehouse: Warehouse, as_of: date, bucket: int) -> pl.DataFrame:
    """What earlier nights found about the orders of a bucket, as it stood before tonight."""
    return warehouse.frame(
        f"""
        SELECT order_id, line_no, gate, severity, facts,
               is_open OR coalesce(closed_on >= {_day(as_of)}, false) AS is_open, as_of,
               CASE WHEN closed_on < {_day(as_of)} THEN closed_on END AS closed_on
        FROM core.order_findings {bucket_within(bucket)} WHERE as_of < {_day(as_of)}
        ORDER BY ALL
        """
    )


def events(warehouse: Warehouse, as_of: date, bucket: int, handed_over: list[str]) -> pl.DataFrame:
    """Every event of the orders of a bucket: told, decided, and the hand-over of a sale over the counter.

    An order of a channel that hands over at the sale is delivered when it is placed, unless its feed tells of goods
    or cancels the whole order.
    """
    within = bucket_within(bucket)
    physical = ", ".join(f"'{event}'" for event in PHYSICAL)
    sold = ", ".join(f"'{channel}'" for channel in handed_over) or "NULL"
    return warehouse.frame(
        f"""
        WITH told AS ({told_events(as_of, within)}),
        night AS (
            SELECT order_id, NULL::BIGINT AS line_no, event_id, event, occurred_at, NULL::BIGINT AS quantity, reason,
                   NULL::VARCHAR AS location_id, NULL::VARCHAR AS carrier, NULL::VARCHAR AS tracking_no, 'night' AS source,
                   false AS is_voided
            FROM core.night_events {within} WHERE as_of <= {_day(as_of)}
            UNION ALL
            SELECT order_id, NULL, order_id || ':delivered', 'delivered', ordered_at, NULL, 'handed over at the sale',
                   location_id, NULL, NULL, 'night', false
            FROM ({current("orders", as_of, within=within)}) WHERE channel IN ({sold})
            AND order_id NOT IN (SELECT order_id FROM told WHERE NOT is_voided
                                 AND (event IN ({physical}) OR event = 'cancelled' AND line_no IS NULL))
            AND order_id IN (SELECT order_id FROM feeds.order_lines)
        )
        SELECT * FROM told UNION ALL SELECT * FROM night
        """
    )


def paid(warehouse: Warehouse, as_of: date, bucket: int) -> pl.DataFrame:
    """What was paid for the orders of a bucket, in the order's own currency.

    Returns:
        order_id, amount.
    """
    voided = f"""SELECT subject_id FROM feeds.decisions
                 WHERE subject = 'payment' AND action = 'void' AND arrives_on <= {_day(as_of)}"""
    return warehouse.frame(
        f"""
        SELECT p.order_id, CAST(sum(p.amount) AS DECIMAL(18, 4)) AS amount
        FROM ({current("payments", as_of, within="")}) p
        JOIN (SELECT order_id, currency FROM ({current("orders", as_of, within=bucket_within(bucket))})) o
            ON o.order_id = p.order_id AND o.currency = p.currency
        WHERE p.payment_id NOT IN ({voided}) GROUP BY ALL ORDER BY ALL
        """
    )


def daily_days(warehouse: Warehouse, as_of: date) -> pl.DataFrame:
    """The days whose figures tonight may change: day, channel, complete for every channel seen.

    All of them when the calendar or the channels changed, else those with entries of touched orders, before or now,
    and the ones since the night before.
    """
    before = last_night(warehouse, as_of)
    first: date | None = warehouse.value("SELECT min(ordered_on) FROM core.orders")
    if first is None:
        return pl.DataFrame(schema={"day": pl.Date, "channel": pl.String})
    is_same = before is not None and warehouse.value(
        """SELECT (SELECT list(DISTINCT channel ORDER BY channel) FROM core.orders)
                = (SELECT list(DISTINCT channel ORDER BY channel) FROM marts.daily_orders)
              AND (SELECT min(ordered_on) FROM core.orders) = (SELECT min(day) FROM marts.daily_orders)"""
    )
    days = f"SELECT unnest(range({_day(first)}, {_day(as_of)} + 1, INTERVAL 1 DAY))::DATE AS day"
    if is_same:
        days += f""" INTERSECT (
            SELECT day FROM core.sales_entries SEMI JOIN touched USING (order_id)
            UNION SELECT day FROM old_days
            UNION SELECT ordered_on FROM core.orders SEMI JOIN touched USING (order_id)
            UNION SELECT unnest(range({_day(before)} + 1, {_day(as_of)} + 1, INTERVAL 1 DAY))::DATE)"""
    return warehouse.frame(
        f"SELECT day, channel FROM ({days}) CROSS JOIN (SELECT DISTINCT channel FROM core.orders) ORDER BY ALL"
    )


def entries_by_day(warehouse: Warehouse) -> pl.DataFrame:
    """Sales entries added up by everything the daily tables tell apart, on the given `days`.

    Returns:
        day, channel, country, category, kind, units, gross_amount_r, discount_amount_r.
    """
    schema = polars_schema(SalesEntry)
    names = ["day", "channel", "country", "category", "kind", "units", "gross_amount_r", "discount_amount_r"]
    return warehouse.frame(
        """SELECT day, channel, country, category, kind, CAST(sum(units) AS BIGINT) AS units,
                  CAST(sum(gross_amount_r) AS DECIMAL(18, 4)) AS gross_amount_r,
                  CAST(sum(discount_amount_r) AS DECIMAL(18, 4)) AS discount_amount_r
           FROM core.sales_entries SEMI JOIN days USING (day) GROUP BY ALL"""
    ).cast({name: schema[name] for name in names})


def orders_by_day(warehouse: Warehouse) -> pl.DataFrame:
    """The orders placed on the given `days`: ordered_on, channel, country, status."""
    names = ["ordered_on", "channel", "country", "status"]
    return warehouse.frame(
        f"SELECT {', '.join(names)} FROM core.orders WHERE ordered_on IN (SELECT day FROM days)"
    ).cast({name: polars_schema(Order)[name] for name in names})
