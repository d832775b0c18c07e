"""What a night does, stage by stage: read tables, call their rules, hand the frames to the warehouse.

Each stage is committed with its marker, and does the same whenever it runs again.
"""

import hashlib
import json
from collections.abc import Callable
from datetime import date
from functools import cached_property

import polars as pl

from models.rules import attention, certificate, entry, lifecycle, orders, tracking, trends
from models.rules.calendar import end_of_day
from models.tables.base import TableClass, empty, own_columns, validated
from models.tables.certificate import AttentionItem, Proof
from models.tables.entry import NightEvent, OrderFinding
from models.tables.intake import FeedFile, WaitingRow
from models.tables.lifecycle import LineEffect, Order, OrderLine, TimelineEntry, TrackingUpdate
from models.tables.rules import RULE_TABLES
from models.tables.trends import DailyOrders, DailySales, SalesEntry
from pipelines import feeds
from pipelines.warehouse import Warehouse, morning, nights, proofs
from pipelines.workspace import OrderhouseError, Workspace

BUCKET = 100_000
"""Orders handled at once: the memory of a night is bounded by it."""
DAILY_KEYS = "day IN (SELECT day FROM days) OR (day, channel) NOT IN (SELECT (day, channel) FROM calendar)"


def rule_table(workspace: Workspace, name: str) -> pl.DataFrame:
    """The rows of a rule table, checked like a feed.

    Raises:
        OrderhouseError: a row that breaks the table, or a file that cannot be read.
    """
    table, file = RULE_TABLES[name], workspace.rule_file(name)
    if not file.exists():
        return empty(table)
    try:
        taken = list(feeds.read(file, file.name, table, workspace.settings.business.time_zone))
    except feeds.Held as held:
        raise OrderhouseError(f"Rule table {file}: {held}") from held
    for rejected in (each.rejected for each in taken):
        if rejected.height:
            first = rejected.row(0, named=True)
            raise OrderhouseError(
                f"Rule table {file}, row {first['record_number']}: {'; '.join(first['reasons'])}; mend it."
            )
    names = [column.name for column in own_columns(table)]
    return pl.concat([each.accepted.select(names) for each in taken]) if taken else empty(table)


class Night:
    """One business date being closed: where, when, and by which rule tables."""

    def __init__(
        self,
        warehouse: Warehouse,
        workspace: Workspace,
        as_of: date,
        *,
        acts: bool = True,
        issued: dict[TableClass, pl.DataFrame] | None = None,
    ) -> None:
        """Find out which orders something happened to.

        Args:
            warehouse: the open warehouse.
            workspace: the workspace.
            as_of: the business date.
            acts: False for a missed date that a later run closes: nothing is told to customers in it.
            issued: what this night issued when it ran first, to be read back by a rebuild.
        """
        self.issued = issued
        self.warehouse, self.workspace, self.as_of, self.acts = warehouse, workspace, as_of, acts
        self.settings = workspace.settings
        self.time_zone = self.settings.business.time_zone
        self.buckets = range(nights.prepare(warehouse, as_of, self.fingerprint, BUCKET, acts=acts))

    @cached_property
    def rules(self) -> dict[str, pl.DataFrame]:
        """Every rule table by name."""
        return {name: rule_table(self.workspace, name) for name in RULE_TABLES}

    @cached_property
    def fingerprint(self) -> str:
        """Stands for all settings and rules that decide about orders: where it changes, every order is judged anew."""
        decides = self.settings.model_dump(mode="json", include={"business", "company", "orders", "billing"})
        tables = {name: rows.write_csv() for name, rows in self.rules.items() if name != "gates"}
        gates = entry.severities(self.rules["gates"], self.as_of).write_csv()
        return hashlib.sha256(json.dumps([decides, tables, gates], sort_keys=True).encode()).hexdigest()

    @cached_property
    def handed_over(self) -> list[str]:
        """Channels that hand the goods over at the sale."""
        return self.rules["channels"].filter("handed_over_at_sale")["channel"].to_list()

    @cached_property
    def goes_live_on(self) -> date:
        """Orders placed before this day are history."""
        return self.settings.business.goes_live_on or nights.first_night(self.warehouse) or self.as_of

    def rows(self, feed: str, *columns: str, within: str = "") -> pl.DataFrame:
        """The current rows of a feed tonight: the columns named, else all."""
        return nights.rows(self.warehouse, feed, self.as_of, columns, within)

    def put(self, table: TableClass, frame: pl.DataFrame, where: str) -> int:
        """Replace rows of a table by rows proven to satisfy it."""
        return self.warehouse.replace(table, validated(table, frame), where)


def entered(night: Night) -> int:
    """Pass every order that is not confirmed yet through the gates."""
    skus = night.rows("products", "sku")
    customers = night.rows("customers", "customer_id")
    written = 0
    for bucket in night.buckets:
        within = nights.bucket_within(bucket)
        judged = nights.judged(night.warehouse, night.as_of, bucket, night.handed_over)
        lines = night.rows("order_lines", "order_id", "line_no", "sku", within=within)
        lines = lines.join(judged.select("order_id"), on="order_id", how="semi")
        found = entry.findings(
            judged, lines, skus, customers, night.rules["gates"], night.rules["channels"], night.as_of
        )
        decided = entry.entered(
            judged,
            found,
            nights.known_findings(night.warehouse, night.as_of, bucket).join(judged, on="order_id", how="semi"),
            night.as_of,
            end_of_day(night.as_of, night.time_zone),
            auto_confirm=night.settings.orders.auto_confirm,
        )
        with night.warehouse.given(judged=judged.select("order_id")):
            theirs = "order_id IN (FROM judged UNION FROM gone)"
            written += night.put(OrderFinding, decided.findings, theirs)
            events = decided.events
            if night.issued is not None:
                events = night.issued[NightEvent].join(judged, on="order_id", how="semi")
            written += night.put(NightEvent, events, theirs)
    return written


def advanced(night: Night) -> int:
    """Fold the events of every touched order into its status, its numbers and its timeline."""
    countries = night.rows("customers", "customer_id", "country")
    nights.note_changed(night.warehouse)
    with night.warehouse.gathered():
        written = sum(_advanced(night, bucket, countries) for bucket in night.buckets)
    if night.issued is not None:
        written += night.warehouse.append_new(TrackingUpdate, validated(TrackingUpdate, night.issued[TrackingUpdate]))
    return written


def _advanced(night: Night, bucket: int, countries: pl.DataFrame) -> int:
    """One bucket of orders; its frames are gone when the next one is read."""
    within = nights.bucket_within(bucket)
    delivered = night.rows("orders", within=within)
    lines = night.rows("order_lines", within=within).join(delivered.select("order_id"), on="order_id", how="semi")
    told = nights.events(night.warehouse, night.as_of, bucket, night.handed_over)
    folded = lifecycle.folded(
        delivered.select("order_id", "ordered_at"),
        lines.select("order_id", "line_no", "quantity"),
        told,
        night.rules["lifecycle"],
    )
    whole = orders.completed(
        delivered,
        lines,
        folded.orders,
        countries,
        nights.paid(night.warehouse, night.as_of, bucket),
        night.goes_live_on,
        night.as_of,
        night.time_zone,
    )
    numbers = orders.completed_lines(lines, folded.lines, night.as_of)
    effects = folded.effects.filter(pl.col("event").is_in(["cancelled", "returned"]))
    theirs = f"order_id IN (SELECT order_id FROM touched WHERE bucket = {bucket})"
    written = night.put(Order, whole, theirs)
    written += night.put(OrderLine, numbers, theirs)
    written += night.put(TimelineEntry, folded.timeline, theirs)
    written += night.put(LineEffect, effects, theirs)
    if night.acts and night.issued is None:
        live = whole.filter(~pl.col("is_history"))
        updates = tracking.updates(live, folded.timeline, numbers, night.as_of)
        written += night.warehouse.append_new(TrackingUpdate, validated(TrackingUpdate, updates))
    return written


def booked(night: Night) -> int:
    """Book the sales of every touched order, and add up the days they fall on."""
    warehouse, business = night.warehouse, night.settings.business
    products = night.rows("products", "sku", "category", "tax_code")
    rates = night.rows("exchange_rates")
    channels = night.rules["channels"].select(
        "channel",
        channel_includes_tax=pl.col("prices_include_tax").fill_null(night.settings.billing.prices_include_tax),
    )
    warehouse.run(
        """CREATE OR REPLACE TEMP TABLE old_days AS
           SELECT DISTINCT day FROM core.sales_entries SEMI JOIN touched USING (order_id)"""
    )
    written = 0
    for bucket in night.buckets:
        theirs = f"order_id IN (SELECT order_id FROM touched WHERE bucket = {bucket})"
        entries = trends.entries(
            warehouse.table(Order, theirs),
            warehouse.table(OrderLine, theirs),
            warehouse.table(LineEffect, theirs),
            products,
            rates,
            night.rules["tax_rates"],
            prices_include_tax=channels,
            default_tax_code=night.settings.billing.default_tax_code,
            default_country=night.settings.company.country,
            reporting_currency=business.reporting_currency,
            time_zone=night.time_zone,
        )
        written += night.put(SalesEntry, entries, theirs)
    days = nights.daily_days(warehouse, night.as_of)
    with warehouse.given(days=days):
        entries = nights.entries_by_day(warehouse)
        placed = nights.orders_by_day(warehouse)
        written += night.put(DailySales, trends.daily_sales(entries, days), DAILY_KEYS)
        written += night.put(DailyOrders, trends.daily_orders(entries, placed, days), DAILY_KEYS)
    return written


def proven(night: Night) -> int:
    """List what waits and what needs a person, and prove the night."""
    warehouse, tonight = night.warehouse, f"as_of = DATE '{night.as_of}'"
    waits = morning.waiting(warehouse, night.as_of)
    written = night.put(WaitingRow, waits, "true")
    files = warehouse.table(FeedFile)
    found = [
        attention.held_files(files),
        attention.rejected_records(morning.open_rejects(warehouse, night.as_of)),
        attention.waiting_records(waits, night.as_of),
        attention.orders_on_hold(morning.orders_on_hold(warehouse), morning.open_holds(warehouse)),
        attention.refused_facts(morning.refused_facts(warehouse)),
        attention.late_orders(morning.open_promises(warehouse), night.as_of),
        attention.missing_rates(morning.without_rate(warehouse)),
    ]
    before = nights.last_night(warehouse, night.as_of)
    known = warehouse.table(AttentionItem, "as_of = ?", [before]).select("item_id", "first_seen_on")
    written += night.put(AttentionItem, attention.attention(found, known, night.as_of), tonight)
    proof = certificate.certificate(night.as_of, proofs.compared(warehouse, night.as_of))
    written += night.put(Proof, proof, tonight)
    nights.close(warehouse, night.as_of, night.fingerprint, acts=night.acts)
    return written


STAGES: dict[str, Callable[[Night], int]] = {
    "entry": entered,
    "lifecycle": advanced,
    "trends": booked,
    "certificate": proven,
}
"""The stages of a night after intake, in order; each returns how many rows it wrote."""
