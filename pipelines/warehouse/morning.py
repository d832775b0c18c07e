"""What a night leaves for people: records that wait, and the rows that ask for attention."""

from datetime import date, timedelta

import polars as pl

from models.rules.lifecycle import FACTS
from models.tables import FEEDS
from models.tables.base import declaration, empty, polars_schema
from models.tables.intake import WaitingRow
from pipelines.warehouse import nights
from pipelines.warehouse.store import Warehouse
from pipelines.warehouse.versions import current

TOLD_DAYS = 7
"""A decision that had no effect is told of for so many days."""

WAITS_FOR = {"order_id", "invoice_number", "sku", "location_id"}
"""The columns of a record that name what it may wait for."""


def _with_amount(asked: str) -> str:
    """A query of rows that name an order, with the amount of it in the reporting currency."""
    return f"""
        WITH asked AS MATERIALIZED ({asked}),
        ordered AS (
            SELECT order_id, CAST(sum(gross_amount_r - discount_amount_r) AS DECIMAL(38, 4)) AS amount
            FROM core.sales_entries SEMI JOIN asked USING (order_id) WHERE kind = 'ordered' GROUP BY order_id
        )
        SELECT * FROM asked LEFT JOIN ordered USING (order_id) ORDER BY ALL"""


def waiting(warehouse: Warehouse, as_of: date, since: nights.Since) -> pl.DataFrame:
    """Accepted records whose order, product or invoice has not arrived; an order dated after the day has.

    What was there before and did not wait does not begin to, unless a file was retracted or the first locations came: but
    then only what came or took effect since is looked at, and what waited before.
    """
    orders = "(SELECT order_id FROM feeds.orders WHERE file_id NOT IN (FROM retracted_files))"
    skus = f"({current('products', as_of, ['sku'])})"
    invoices = "(SELECT invoice_number FROM core.invoices)"
    places = f"({current('locations', as_of, ['location_id'])})"
    new_places = f"(FROM feeds.locations WHERE {since.came})"
    everything = since.before is None or bool(warehouse.filled("core.retractions"))
    parts, filled = [], warehouse.filled(*(f"feeds.{feed}" for feed in FEEDS), new_places)

    def ask(feed: str, parent: str, column: str, known: str, where: str = "true", *, everything: bool) -> None:
        if f"feeds.{feed}" not in filled:
            return
        rows = f"({current(feed, as_of)})" if everything else _suspected(warehouse, feed, as_of, since)
        key = ", ".join(declaration(FEEDS[feed]).key)
        parts.append(f"""
            SELECT '{feed}' AS feed, concat_ws('/', {key}) AS key, '{parent} ' || {column} AS waits_for, file_id, record_number
            FROM {rows} ANTI JOIN {known} USING ({column}) WHERE {column} IS NOT NULL AND {where}""")

    ask("order_lines", "order", "order_id", orders, everything=everything)
    ask("order_events", "order", "order_id", orders, everything=everything)
    ask("payments", "order", "order_id", orders, "invoice_number IS NULL", everything=everything)
    ask("payments", "invoice", "invoice_number", invoices, everything=everything)
    for feed in ("stock_movements", "stock_counts", "inbound"):
        ask(feed, "product", "sku", skus, everything=everything)
        if "feeds.locations" in filled:
            ask(feed, "location", "location_id", places, everything=everything or new_places in filled)
    if not parts:
        return empty(WaitingRow)
    return warehouse.frame(
        f"""
        SELECT w.*, f.as_of AS since FROM ({" UNION ALL ".join(parts)}) w
        JOIN (SELECT file_id, min(as_of) AS as_of FROM core.feed_files WHERE status = 'loaded' GROUP BY ALL) f USING (file_id)
        ORDER BY ALL
        """
    ).cast(polars_schema(WaitingRow))


def _suspected(warehouse: Warehouse, feed: str, as_of: date, since: nights.Since) -> str:
    """A table of the rows of a feed that came or took effect since, or waited before, as they count tonight."""
    declared, name = declaration(FEEDS[feed]), f"suspected_{feed}"
    # a row of a ledger has no versions that had to be known; in steps: how few they are is known to the next one
    key = ", ".join(("file_sequence", "record_number") if declared.is_ledger else declared.key)
    warehouse.run(
        f"""CREATE OR REPLACE TEMP TABLE {name} AS
            SELECT {key} FROM feeds.{feed} WHERE {since.came}
            UNION ALL
            SELECT {key} FROM feeds.{feed} SEMI JOIN (
                SELECT file_sequence, record_number FROM core.waiting_rows JOIN core.feed_files f USING (file_id)
                WHERE waiting_rows.feed = '{feed}') USING (file_sequence, record_number)"""
    )
    columns = [*declared.key, *(WAITS_FOR & set(polars_schema(FEEDS[feed]))), "file_id", "record_number"]
    rows = current(feed, as_of, list(dict.fromkeys(columns)), f"SEMI JOIN {name} USING ({key})")
    warehouse.run(f"CREATE OR REPLACE TEMP TABLE {name} AS {rows}")
    return name


def open_rejects(warehouse: Warehouse) -> pl.DataFrame:
    """Rejected records, by feed and file, that nobody has sent again or given up by a decision.

    Returns:
        feed, file_id, records, seen_on.
    """
    return warehouse.frame(
        """SELECT feed, file_id, count(*) AS records, min(as_of) AS seen_on FROM core.rejected_rows
           WHERE file_id || ':' || record_number NOT IN (SELECT subject_id FROM decided WHERE subject = 'reject')
           AND file_id NOT IN (FROM retracted_files)
           GROUP BY ALL ORDER BY ALL"""
    )


def unclear_retractions(warehouse: Warehouse) -> pl.DataFrame:
    """Decisions to retract a file that do not say which: decision_id, subject_id, decided_on, files."""
    return warehouse.frame("FROM unclear_retractions ORDER BY decision_id")


def orders_on_hold(warehouse: Warehouse) -> pl.DataFrame:
    """Orders on hold with their amount in the reporting currency."""
    return warehouse.frame(_with_amount("SELECT order_id FROM core.orders WHERE status = 'on_hold'"))


def open_holds(warehouse: Warehouse) -> pl.DataFrame:
    """Open findings that hold an order."""
    return warehouse.frame(
        "SELECT order_id, facts, as_of FROM core.order_findings WHERE is_open AND severity = 'hold' ORDER BY ALL"
    )


def refused_facts(warehouse: Warehouse) -> pl.DataFrame:
    """The first refused physical event of each order that waits for a decision on it."""
    return warehouse.frame(
        _with_amount(
            f"""SELECT order_id, event, reason FROM core.order_timeline
               SEMI JOIN (SELECT order_id FROM core.orders WHERE has_refused_fact) USING (order_id)
               WHERE NOT is_accepted AND reason <> 'voided'
               AND event IN ({", ".join(f"'{fact}'" for fact in FACTS)})
               QUALIFY row_number() OVER (PARTITION BY order_id ORDER BY occurred_at, event_id) = 1"""
        )
    )


def open_promises(warehouse: Warehouse) -> pl.DataFrame:
    """Orders that are promised for a day and are not closed; where no feed tells of deliveries, what is shipped is done."""
    return warehouse.frame(
        _with_amount(
            """SELECT order_id, coalesce(promised_on, first_promised_on) AS promised_on, fulfilment FROM core.orders
               WHERE status IN ('received', 'confirmed', 'on_hold') AND coalesce(promised_on, first_promised_on) IS NOT NULL
               AND (fulfilment <> 'shipped'
                    OR EXISTS (FROM core.orders WHERE fulfilment IN ('partly_delivered', 'delivered')))"""
        )
    )


def without_rate(warehouse: Warehouse) -> pl.DataFrame:
    """Sales that are in no total, by currency."""
    return warehouse.frame(
        """SELECT currency, count(*) AS lines FROM core.sales_entries
           WHERE gross_amount_r IS NULL AND kind = 'ordered' GROUP BY ALL ORDER BY ALL"""
    )


def open_proposals(warehouse: Warehouse, as_of: date) -> pl.DataFrame:
    """Tonight's proposals that nobody skipped and that were not sent: supplier_id, amount_r, order_by."""
    return warehouse.frame(
        f"""SELECT supplier_id, amount_r, order_by FROM marts.reorder_proposals
            WHERE as_of = DATE '{as_of}' AND skipped_until IS NULL AND (proposal_id, as_of) NOT IN (
                SELECT (proposal_id, proposed_on) FROM core.purchase_orders) ORDER BY ALL"""
    )


def orders_not_billed(warehouse: Warehouse, as_of: date) -> pl.DataFrame:
    """Tonight's billing exceptions with the amount of their order: order_id, reason, sentence, amount."""
    return warehouse.frame(
        _with_amount("SELECT order_id, reason, sentence FROM core.billing_exceptions WHERE as_of = ?"), [as_of]
    )


def given_up(warehouse: Warehouse) -> list[str]:
    """The names and ids of files that a decision retracted."""
    return warehouse.frame(
        """SELECT DISTINCT subject_id FROM decided
           WHERE subject = 'file' AND action = 'retract' ORDER BY ALL"""
    )["subject_id"].to_list()


def orders_rejected(warehouse: Warehouse, rates: pl.DataFrame) -> pl.DataFrame:
    """Orders that a gate rejects as things stand, and what they ask for: they have no sales yet.

    Args:
        warehouse: the warehouse.
        rates: tonight's exchange rates: currency, rate.

    Returns:
        gate, orders, amount in the reporting currency, seen_on.
    """
    with warehouse.given(rates_tonight=rates):
        return warehouse.frame(
            """SELECT gate, count(*) AS orders, min(seen_on) AS seen_on,
                      CAST(sum((goods_amount - discount_amount) * rate) AS DECIMAL(38, 4)) AS amount
               FROM (SELECT gate, order_id, min(as_of) AS seen_on FROM core.order_findings
                     WHERE is_open AND severity = 'reject' GROUP BY ALL)
               JOIN (FROM core.orders WHERE status = 'rejected') USING (order_id)
               LEFT JOIN rates_tonight USING (currency) GROUP BY gate ORDER BY gate"""
        )


def missing_feeds(warehouse: Warehouse, expected: pl.DataFrame, as_of: date) -> list[str]:
    """The feeds expected on a day of which no file came for its night, by name.

    Args:
        warehouse: the warehouse.
        expected: ExpectedFeed rows; of a feed the row of the latest valid_from up to the day counts.
        as_of: the night; a file that a later run took in came for it too.
    """
    came = set(
        warehouse.frame("SELECT DISTINCT feed FROM core.feed_files WHERE status <> 'held' AND as_of >= ?", [as_of])[
            "feed"
        ]
    )
    first = pl.col("valid_from").fill_null(date.min)
    rows = expected.filter(first <= as_of).sort(first).unique("feed", keep="last", maintain_order=True)
    return sorted(
        row["feed"]
        for row in rows.iter_rows(named=True)
        if (not row["weekdays"] or f"{as_of:%a}" in [name.strip() for name in row["weekdays"].split(",")])
        and row["feed"] not in came
    )


def recent_decisions(warehouse: Warehouse, as_of: date) -> pl.DataFrame:
    """The decisions of the last days on orders, events, movements, payments and invoices, and whether these are known.

    Returns:
        decision_id, subject, subject_id, action, is_known, decided_on.
    """
    known = " ".join(
        f"WHEN {subjects} THEN subject_id IN (SELECT {column} FROM {place})"
        for subjects, column, place in (
            ("subject IN ('order', 'hold')", "order_id", "core.orders"),
            ("subject = 'event'", "event_id", "feeds.order_events"),
            ("subject = 'movement'", "movement_id", "feeds.stock_movements"),
            ("subject = 'payment'", "payment_id", "feeds.payments"),
            ("subject = 'invoice'", "invoice_number", "core.invoices WHERE kind = 'invoice'"),
        )
    )
    recent = f"""SELECT decision_id, subject, subject_id, action, decided_on FROM decided
                 JOIN (SELECT decision_id, min(arrives_on) AS decided_on FROM feeds.decisions GROUP BY ALL) USING (decision_id)
                 WHERE decided_on > DATE '{as_of - timedelta(days=TOLD_DAYS)}'
                 AND subject IN ('order', 'hold', 'event', 'movement', 'payment', 'invoice')"""
    if not warehouse.filled(f"({recent})"):
        return warehouse.frame(f"SELECT *, true AS is_known FROM ({recent})")
    return warehouse.frame(f"SELECT *, CASE {known} END AS is_known FROM ({recent}) ORDER BY decision_id")


def is_approved(warehouse: Warehouse, as_of: date, stage: str) -> bool:
    """True where a person let a stage act on this day although something expected did not come."""
    found = warehouse.value(
        f"""SELECT count(*) FROM feeds.decisions SEMI JOIN decided USING (decision_id)
            WHERE subject = 'stage' AND subject_id = ? AND action = 'approve' AND arrives_on = DATE '{as_of}'""",
        [stage],
    )
    return bool(found)
