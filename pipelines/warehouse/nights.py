"""What a night reads: which orders something happened to, and their rows as of the end of its day."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import polars as pl

from models.rules.lifecycle import FACTS
from models.rules.retraction import retracted
from models.tables import FEEDS
from models.tables.base import polars_schema
from models.tables.certificate import Proof
from models.tables.intake import FeedFile
from models.tables.lifecycle import Order
from models.tables.trends import SalesEntry
from pipelines.warehouse.store import Warehouse
from pipelines.warehouse.versions import current

KNOWN_ORDERS = "SELECT order_id FROM core.orders UNION ALL SELECT order_id FROM core.sales_entries"
"""The orders that nights know; one that is no more leaves its sales last, and a night that died before that finds it so."""
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


def broken_proofs(warehouse: Warehouse, as_of: date) -> list[str]:
    """What the certificate of a night found wrong, proof by proof; nothing where it is green."""
    broken = warehouse.table(Proof, "as_of = ? AND NOT is_green", [as_of]).sort("proof")
    return [f"{row['proof']}: expected {row['expected']}, found {row['found']}" for row in broken.iter_rows(named=True)]


def close(warehouse: Warehouse, as_of: date, rules: str, *, acts: bool) -> None:
    """Note that a night is closed, up to which file it has seen everything, by which rules, and whether it acted."""
    warehouse.run(
        "INSERT OR REPLACE INTO core.nights VALUES (?, ?, ?, ?)", [as_of, newest_file(warehouse), rules, acts]
    )


class Since(NamedTuple):
    """What the night before had seen: its date, its newest file, and whether it went by the same rules."""

    before: date | None
    seen: int
    is_same: bool

    @property
    def came(self) -> str:
        """The condition of rows that came or took effect since, or will yet."""
        day = day_of(self.before)
        return f"(file_sequence > {self.seen} OR arrives_on > {day} OR revised_on > {day})"


def since(warehouse: Warehouse, as_of: date, rules: str) -> Since:
    """What is known of the night before; its rules are compared with `rules`."""
    before = last_night(warehouse, as_of)
    if before is None:
        return Since(None, 0, False)
    seen, known = warehouse.connection.execute(
        "SELECT file_sequence, rules FROM core.nights WHERE as_of = ?", [before]
    ).fetchall()[0]
    return Since(before, int(seen or 0), known == rules)


def find_retracted(warehouse: Warehouse, as_of: date) -> None:
    """Find the files that do not count tonight, those that did not count the night before, and what is unclear of them.

    Left are the temporary tables `retracted_files` and `retracted_before` (file_id), and `unclear_retractions` of
    tonight: decision_id, subject_id, decided_on, files.
    """
    before = last_night(warehouse, as_of)
    seen = int(warehouse.value("SELECT file_sequence FROM core.nights WHERE as_of = ?", [before]) or 0)
    for table, day, newest in (
        ("retracted_before", before or as_of, seen),
        ("retracted_files", as_of, newest_file(warehouse)),
    ):
        warehouse.run(f"CREATE OR REPLACE TEMP TABLE {table} (file_id VARCHAR)")
        columns = ["decision_id", "file_id", "subject", "subject_id", "action", "decided_at", "arrives_on"]
        known = current("decisions", day, columns, f"WHERE file_sequence <= {newest}", table)
        decisions = warehouse.frame(
            f"""SELECT decision_id, file_id, subject_id, decided_at, arrives_on AS decided_on FROM ({known})
                WHERE subject = 'file' AND action = 'retract'"""
        )
        with warehouse.given(retractions=decisions):
            named = "SELECT subject_id FROM retractions"
            files = warehouse.table(
                FeedFile,
                f"file_sequence <= {newest} AND (file_id IN ({named}) OR status <> 'held' AND name IN ({named}))",
            )
        found = retracted(decisions, files)
        warehouse.insert(table, found.files)
    with warehouse.given(unclear=found.unclear):
        warehouse.run(
            """CREATE OR REPLACE TEMP TABLE unclear_retractions AS
               FROM unclear WHERE files > 0 OR subject_id NOT IN (SELECT name FROM core.feed_files WHERE status = 'held')"""
        )


def prepare(warehouse: Warehouse, as_of: date, rules: str, bucket_size: int, *, acts: bool) -> int:
    """Find the orders that something happened to since the night before, in buckets; returns how many buckets.

    Touched are the orders with rows that came, took effect or were retracted since, the ones this night has already
    changed (it may be running again), and those whose product, customer or exchange rate changed in what counts for an
    order; all of them when settings or rule tables (`rules` stands for them) are not those of the night before. A night
    that acts outward touches what missed nights changed too: nobody has been told of that. The night is noted as one
    whose rows are still to be published, and whose documents to be written.

    Left for the stages are the temporary tables `decided` (the decisions in effect), `changed_files` (files retracted
    since, or not any more), `touched` (order_id, bucket), `gone` (touched orders that are no more, since all their files
    were retracted), and `hidden_events` (event_id, file_id): events of retracted files that another file tells too; the
    others stay visible.
    """
    before, seen, is_same = since(warehouse, as_of, rules)
    for noted in ("unpublished", "unwritten"):
        warehouse.run(f"INSERT OR IGNORE INTO core.{noted}_nights VALUES (?)", [as_of])
    warehouse.run(f"CREATE OR REPLACE TEMP TABLE decided AS {current('decisions', as_of)}")
    warehouse.run(
        f"""CREATE OR REPLACE TEMP TABLE changed_files AS
            SELECT file_id FROM core.retractions WHERE changed_on > {day_of(before)}"""
    )
    _find_hidden(warehouse, as_of)
    suspected = _touched(warehouse, as_of, before if is_same else None, seen, acts=acts)
    warehouse.run(f"CREATE OR REPLACE TEMP TABLE suspected AS {suspected}")
    warehouse.run(
        f"""
        CREATE OR REPLACE TEMP TABLE touched AS
        SELECT order_id, (row_number() OVER (ORDER BY order_id) - 1) // {bucket_size} AS bucket
        FROM suspected SEMI JOIN ({current("orders", as_of, ["order_id"])} UNION ALL {KNOWN_ORDERS}) USING (order_id)
        """
    )
    warehouse.run(
        f"""CREATE OR REPLACE TEMP TABLE gone AS
            SELECT order_id FROM touched ANTI JOIN ({current("orders", as_of, ["order_id"])}) USING (order_id)"""
    )
    return int(warehouse.value("SELECT coalesce(max(bucket) + 1, 0) FROM touched"))


def note_unpublished(warehouse: Warehouse) -> None:
    """Remember for the next publication which orders the night changed."""
    warehouse.run("INSERT INTO core.unpublished_orders SELECT order_id FROM touched")


def day_of(day: date | None) -> str:
    """A date as SQL has it; none is before all dates."""
    return f"DATE '{day}'" if day else "DATE '0001-01-01'"


def _find_hidden(warehouse: Warehouse, as_of: date) -> None:
    """Leave the temporary table `hidden_events`."""
    warehouse.run("CREATE OR REPLACE TEMP TABLE hidden_events (event_id VARCHAR, file_id VARCHAR)")
    if not warehouse.filled("retracted_files"):
        return
    told = f"(FROM feeds.order_events WHERE arrives_on <= {day_of(as_of)})"
    warehouse.run(
        f"""
        INSERT INTO hidden_events
        SELECT event_id, file_id FROM {told}
        SEMI JOIN (SELECT event_id FROM {told} WHERE file_id IN (FROM retracted_files)) USING (event_id)
        QUALIFY row_number() OVER (PARTITION BY event_id
            ORDER BY file_id IN (FROM retracted_files), file_sequence DESC, record_number DESC) > 1
        """
    )


def _touched(warehouse: Warehouse, as_of: date, before: date | None, seen: int, *, acts: bool) -> str:
    """A query of the touched orders, and of ids that are no order's; what nothing new came of is not looked at."""
    if before is None:
        return f"SELECT order_id FROM ({current('orders', as_of, ['order_id'])}) UNION ({KNOWN_ORDERS})"
    since, tonight = day_of(before), day_of(as_of)
    retracts = bool(warehouse.filled("changed_files"))
    fresh = f"""(file_sequence > {seen} OR arrives_on > {since} AND arrives_on <= {tonight}
                 OR revised_on > {since} AND revised_on <= {tonight}
                 {"OR file_id IN (FROM changed_files)" if retracts else ""})"""
    missed = f"""SELECT as_of FROM core.nights WHERE NOT acts AND as_of > coalesce(
                    (SELECT max(as_of) FROM core.nights WHERE acts AND as_of < {tonight}), DATE '0001-01-01')"""

    def new(feed: str) -> str:
        """The rows of a feed that came, took effect or were retracted since."""
        return f"(FROM feeds.{feed} WHERE {fresh})"

    def upset(feed: str, key: str, wanted: str) -> str:
        """What all rows say, set aside or not, whose keys the files have that were retracted since, or not any more."""
        rows = f"(SELECT * FROM feeds.{feed} UNION ALL BY NAME SELECT * FROM feeds.repeated_{feed})"
        return f"""SELECT {wanted} FROM {rows} SEMI JOIN (
                       SELECT {key} FROM {rows} WHERE file_id IN (FROM changed_files)) USING ({key})"""

    def changed(feed: str, key: str, columns: str) -> str:
        """Keys of a feed whose columns differ from the night before, which knew fewer files."""
        within = f"SEMI JOIN (SELECT {key} FROM {new(feed)}) USING ({key})"
        names = [key, *columns.split(", ")]
        now = current(feed, as_of, names, within)
        then = current(feed, before, names, f"{within} WHERE file_sequence <= {seen}", "retracted_before")
        return f"""SELECT {key} FROM ((({now}) EXCEPT ({then})) UNION (({then}) EXCEPT ({now})))
                   {f"UNION {upset(feed, key, key)}" if retracts else ""}"""

    decided = (
        f"(SELECT * FROM feeds.decisions SEMI JOIN (SELECT decision_id FROM {new('decisions')}) USING (decision_id))"
    )
    parts = [f"SELECT order_id FROM {new(feed)}" for feed in ("orders", "order_lines", "order_events", "payments")]
    parts += [
        f"SELECT order_id FROM core.orders WHERE as_of = {tonight} OR {acts} AND as_of IN ({missed})",
        f"SELECT order_id FROM core.order_findings WHERE {tonight} IN (as_of, closed_on)",
        f"SELECT order_id FROM core.night_events WHERE as_of = {tonight}",
    ]
    if retracts:
        parts += [upset("order_events", "event_id", "order_id"), upset("payments", "payment_id", "order_id")]
    if warehouse.filled("retracted_files"):
        parts.append(
            f"""SELECT order_id FROM feeds.order_events WHERE file_id IN (FROM retracted_files)
                AND event_id IN (SELECT event_id FROM {new("order_events")})"""
        )
    news = {
        "decisions": (
            f"SELECT subject_id FROM {decided} WHERE subject IN ('order', 'hold', 'allocation')",
            f"""SELECT order_id FROM feeds.order_events
                WHERE event_id IN (SELECT subject_id FROM {decided} WHERE subject = 'event')""",
            f"""SELECT order_id FROM feeds.payments
                WHERE payment_id IN (SELECT subject_id FROM {decided} WHERE subject = 'payment')""",
        ),
        "products": (
            f"SELECT order_id FROM feeds.order_lines WHERE sku IN ({changed('products', 'sku', 'category, tax_code')})",
        ),
        "customers": (
            f"SELECT order_id FROM feeds.orders WHERE customer_id IN ({changed('customers', 'customer_id', 'country')})",
        ),
        "exchange_rates": (
            f"""SELECT order_id FROM core.sales_entries e
                JOIN (SELECT currency, min(quoted_on) AS since FROM {new("exchange_rates")} GROUP BY ALL) r
                ON e.currency = r.currency AND e.day >= r.since""",
        ),
    }
    came = warehouse.filled(*map(new, news))
    parts += [part for feed, asked in news.items() if new(feed) in came for part in asked]
    return f"SELECT DISTINCT order_id FROM ({' UNION ALL '.join(parts)})"


def bucket_within(bucket: int) -> str:
    """The condition that narrows rows with an order_id to one bucket of touched orders.

    The bounds let a scan pass over what lies outside: orders that come together mostly have ids that sort together.
    """
    theirs = f"FROM touched WHERE bucket = {bucket}"
    return f"""WHERE order_id BETWEEN (SELECT min(order_id) {theirs}) AND (SELECT max(order_id) {theirs})
               AND order_id IN (SELECT order_id {theirs})"""


def rows(warehouse: Warehouse, feed: str, as_of: date, columns: Sequence[str] = (), within: str = "") -> pl.DataFrame:
    """The current rows of a feed at the end of a day: the columns named, else all."""
    schema = polars_schema(FEEDS[feed])
    wanted = pl.Schema({name: schema[name] for name in columns or schema})
    return warehouse.frame(current(feed, as_of, columns, within)).cast(wanted)


def first_promises(warehouse: Warehouse, as_of: date, bucket: int) -> pl.DataFrame:
    """The day that each order of a bucket was promised for first, of those with several versions: order_id,
    first_promised_on."""
    day = day_of(as_of)
    schema = polars_schema(Order)
    return warehouse.frame(
        f"""SELECT order_id, arg_min(promised_on, (coalesce(updated_at, '0001-01-01'::TIMESTAMPTZ), file_sequence, record_number))
                   AS first_promised_on
            FROM (FROM feeds.orders {bucket_within(bucket)}) SEMI JOIN feeds.revised_orders USING (order_id)
            WHERE promised_on IS NOT NULL AND file_id NOT IN (FROM retracted_files)
            AND coalesce(arrives_on, {day}) <= {day} AND coalesce(revised_on, {day}) <= {day} GROUP BY order_id"""
    ).cast({name: schema[name] for name in ("order_id", "first_promised_on")})


def judged(warehouse: Warehouse, as_of: date, bucket: int, handed_over: list[str]) -> pl.DataFrame:
    """The orders of a bucket that the gates judge tonight: those that no earlier night confirmed.

    Returns:
        order_id, ordered_at, channel, customer_id, currency, is_past_gates, is_confirmed_by_feed, is_released,
        may_be_ended (something of it was cancelled or rejected).
    """
    within = bucket_within(bucket)
    physical = ", ".join(f"'{event}'" for event in FACTS)
    sold = ", ".join(f"'{channel}'" for channel in handed_over) or "NULL"
    return warehouse.frame(
        f"""
        WITH told AS (
            SELECT order_id, bool_or(event = 'confirmed') AS has_confirmed, bool_or(event IN ({physical})) AS has_facts,
                   bool_or(event = 'released') AS has_released, bool_or(event IN ('cancelled', 'rejected')) AS has_ending
            FROM ({told_events(as_of, within)}) WHERE NOT is_voided GROUP BY order_id
        )
        SELECT o.order_id, o.ordered_at, o.channel, o.customer_id, o.currency,
               coalesce(has_confirmed OR has_facts, false) OR coalesce(o.channel IN ({sold}), false) AS is_past_gates,
               coalesce(has_confirmed, false) AS is_confirmed_by_feed, coalesce(has_released, false) AS is_released,
               coalesce(has_ending, false) AS may_be_ended
        FROM ({current("orders", as_of, within=within)}) o LEFT JOIN told USING (order_id)
        ANTI JOIN (SELECT order_id FROM core.night_events WHERE event = 'confirmed' AND as_of < {day_of(as_of)}) USING (order_id)
        ORDER BY order_id
        """
    )


def voided(subject: str) -> str:
    """A query of the facts of a kind that a person declared void up to the end of the day."""
    return f"SELECT subject_id FROM decided WHERE subject = '{subject}' AND action = 'void'"


def shipped_anyway(warehouse: Warehouse) -> pl.DataFrame:
    """The decisions to let an order go on although a physical event of it was refused: subject_id, decided_at."""
    return warehouse.frame(
        """SELECT subject_id, decided_at FROM decided
           WHERE action = 'ship_anyway' AND subject IN ('order', 'event') ORDER BY ALL"""
    )


def told_events(as_of: date, within: str) -> str:
    """A query of the events of orders that partners and people told up to the end of a day.

    A person's decision on an order is such an event: its id is the decision's. Voided events are marked, those of
    retracted files too.
    """
    cases = " ".join(f"WHEN '{action}' THEN '{event}'" for action, event in DECIDED_EVENTS.items())
    decided = ", ".join(f"'{action}'" for action in DECIDED_EVENTS)
    return f"""
        SELECT order_id, line_no, event_id, event, occurred_at, quantity, reason, location_id, carrier, tracking_no,
               'feed' AS source,
               event_id IN ({voided("event")}) OR file_id IN (FROM retracted_files) AS is_voided
        FROM (FROM feeds.order_events {within}) ANTI JOIN hidden_events USING (event_id, file_id) WHERE arrives_on <= {day_of(as_of)}
        UNION ALL
        SELECT order_id, NULL, 'decision:' || decision_id, event, decided_at, NULL,
               concat_ws(': ', decided_by, reason), NULL, NULL, NULL, 'night', false
        FROM (
            SELECT *, subject_id AS order_id, CASE action {cases} END AS event
            FROM decided WHERE subject IN ('order', 'hold') AND action IN ({decided})
        ) {within}
    """


def told(warehouse: Warehouse, as_of: date, within: str) -> pl.DataFrame:
    """What partners and people told of some orders up to the end of a day, nothing that a night decided."""
    return warehouse.frame(told_events(as_of, within))


def known_findings(warehouse: Warehouse, as_of: date, bucket: int) -> pl.DataFrame:
    """What earlier nights found about the orders of a bucket, as it stood before tonight."""
    return warehouse.frame(
        f"""
        SELECT order_id, line_no, gate, severity, facts,
               is_open OR coalesce(closed_on >= {day_of(as_of)}, false) AS is_open, as_of,
               CASE WHEN closed_on < {day_of(as_of)} THEN closed_on END AS closed_on
        FROM (FROM core.order_findings {bucket_within(bucket)}) WHERE as_of < {day_of(as_of)}
        ORDER BY ALL
        """
    )


def events(warehouse: Warehouse, as_of: date, bucket: int, handed_over: list[str]) -> pl.DataFrame:
    """Every event of the orders of a bucket: told, decided, and the hand-over of a sale over the counter.

    An order of a channel that hands over at the sale is delivered when it is placed, unless its feed tells of goods
    or cancels the whole order.
    """
    within = bucket_within(bucket)
    physical = ", ".join(f"'{event}'" for event in FACTS)
    sold = ", ".join(f"'{channel}'" for channel in handed_over) or "NULL"
    return warehouse.frame(
        f"""
        WITH told AS ({told_events(as_of, within)}),
        night AS (
            SELECT order_id, NULL::BIGINT AS line_no, event_id, event, occurred_at, NULL::BIGINT AS quantity, reason,
                   NULL::VARCHAR AS location_id, NULL::VARCHAR AS carrier, NULL::VARCHAR AS tracking_no, 'night' AS source,
                   false AS is_voided
            FROM (FROM core.night_events {within}) WHERE as_of <= {day_of(as_of)}
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


def daily_days(warehouse: Warehouse, as_of: date) -> pl.DataFrame:
    """The days whose figures tonight may change: day, channel, complete for every channel seen.

    Those with entries of touched orders, before (temporary table `old_days`) or now, those that count other orders than
    before, and those that are not there yet. The temporary table `calendar` is left: every day from the first order on,
    and earlier ones that have entries, for every channel.
    """
    warehouse.run(
        f"""
        CREATE OR REPLACE TEMP TABLE calendar AS
        SELECT day, channel FROM (
            SELECT unnest(range(min(ordered_on), {day_of(as_of)} + 1, INTERVAL 1 DAY))::DATE AS day FROM core.orders
            UNION SELECT day FROM core.sales_entries
        ) CROSS JOIN (SELECT DISTINCT channel FROM core.orders)
        """
    )
    return warehouse.frame(
        """
        SELECT day, channel FROM calendar WHERE day IN (
            SELECT day FROM calendar ANTI JOIN marts.daily_orders USING (day, channel)
            UNION SELECT day FROM core.sales_entries SEMI JOIN touched USING (order_id)
            UNION SELECT day FROM old_days
            UNION SELECT day FROM (
                SELECT ordered_on AS day, channel, country, count(*) AS orders FROM core.orders
                WHERE status <> 'rejected' GROUP BY ALL
                EXCEPT SELECT day, channel, country, orders FROM marts.daily_orders)
            UNION SELECT day FROM (
                SELECT day, channel, country, orders FROM marts.daily_orders WHERE orders > 0
                EXCEPT SELECT ordered_on, channel, country, count(*) FROM core.orders
                WHERE status <> 'rejected' GROUP BY ALL)
        ) ORDER BY ALL
        """
    )


def entries_by_day(warehouse: Warehouse) -> pl.DataFrame:
    """Sales entries added up by everything the daily tables tell apart, on the given `days`.

    Returns:
        day, channel, country, category, kind, units, gross_amount_r, discount_amount_r.
    """
    schema = polars_schema(SalesEntry)
    names = ["day", "channel", "country", "category", "kind"]
    return warehouse.frame(
        """SELECT day, channel, country, category, kind, CAST(sum(units) AS BIGINT) AS units,
                  CAST(sum(gross_amount_r) AS DECIMAL(38, 4)) AS gross_amount_r,
                  CAST(sum(discount_amount_r) AS DECIMAL(38, 4)) AS discount_amount_r
           FROM core.sales_entries SEMI JOIN days USING (day) GROUP BY ALL"""
    ).cast({name: schema[name] for name in names})


def orders_by_day(warehouse: Warehouse) -> pl.DataFrame:
    """The orders placed on the given `days`: ordered_on, channel, country, status."""
    names = ["ordered_on", "channel", "country", "status"]
    return warehouse.frame(
        f"SELECT {', '.join(names)} FROM core.orders WHERE ordered_on IN (SELECT day FROM days)"
    ).cast({name: polars_schema(Order)[name] for name in names})
