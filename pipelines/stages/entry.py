"""Entry: the gates."""

import polars as pl

from models.rules import entry, lifecycle
from models.rules.calendar import end_of_day
from models.tables.entry import NightEvent, OrderFinding
from pipelines.stages.buckets import ahead
from pipelines.stages.night import Night
from pipelines.warehouse import nights


def entered(night: Night) -> int:
    """Pass every order that is not confirmed yet through the gates."""
    skus = night.rows("products", "sku")
    written = 0
    for bucket, (judged, lines, customers) in ahead(night.buckets, lambda bucket: _judged(night, bucket)):
        found = entry.findings(
            judged, lines, skus, customers, night.rules["gates"], night.rules["channels"], night.as_of
        )
        known = nights.known_findings(night.warehouse, night.as_of, bucket).join(judged, on="order_id", how="semi")
        decided = entry.entered(
            judged.with_columns(is_ended=pl.col("order_id").is_in(_ended(night, judged, found, known))),
            found,
            known,
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


def _judged(night: Night, bucket: int) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """The orders of a bucket that the gates judge, their lines and their customers as far as they are known."""
    within = nights.bucket_within(bucket)
    judged = nights.judged(night.warehouse, night.as_of, bucket, night.handed_over)
    lines = night.rows("order_lines", "order_id", "line_no", "sku", within=within)
    lines = lines.join(judged.select("order_id"), on="order_id", how="semi")
    return judged, lines, night.customers_of(judged, "customer_id")


def _ended(night: Night, judged: pl.DataFrame, found: pl.DataFrame, known: pl.DataFrame) -> list[str]:
    """The orders with findings that partners or people cancelled or rejected, as the fold of what they told says."""
    blocked = pl.concat([found.select("order_id"), known.select("order_id")])
    asked = judged.filter("may_be_ended").join(blocked, on="order_id", how="semi")
    if asked.is_empty():
        return []
    with night.warehouse.given(asked=asked.select("order_id")):
        theirs = "WHERE order_id IN (FROM asked)"
        lines = night.rows("order_lines", "order_id", "line_no", "quantity", within=theirs)
        told = nights.told(night.warehouse, night.as_of, theirs)
    folded = lifecycle.folded(asked.select("order_id", "ordered_at"), lines, told, night.rules["lifecycle"])
    return folded.orders.filter(pl.col("status").is_in(["cancelled", "rejected"]))["order_id"].to_list()
