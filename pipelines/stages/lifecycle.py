"""Lifecycle: where every order stands, and what customers are told of it."""

import polars as pl

from models.rules import lifecycle, orders, tracking
from models.tables.base import validated
from models.tables.lifecycle import LineEffect, Order, OrderLine, TimelineEntry, TrackingUpdate
from pipelines.stages.buckets import ahead
from pipelines.stages.night import Night
from pipelines.warehouse import nights


def advanced(night: Night) -> int:
    """Fold the events of every touched order into its status, its numbers and its timeline."""
    nights.note_unpublished(night.warehouse)
    shipped_anyway = nights.shipped_anyway(night.warehouse)
    with night.warehouse.gathered():
        written = sum(
            _advanced(night, bucket, shipped_anyway, *told)
            for bucket, told in ahead(night.buckets, lambda bucket: _told(night, bucket))
        )
    if night.issued is not None:
        written += night.warehouse.append_new(TrackingUpdate, validated(TrackingUpdate, night.issued[TrackingUpdate]))
    return written


def _told(night: Night, bucket: int) -> tuple[pl.DataFrame, ...]:
    """What is known of one bucket of orders: they, their lines, their events, the countries of their customers, and what
    they were promised for first."""
    within = nights.bucket_within(bucket)
    delivered = night.rows("orders", within=within)
    lines = night.rows("order_lines", within=within).join(delivered.select("order_id"), on="order_id", how="semi")
    told = nights.events(night.warehouse, night.as_of, bucket, night.handed_over)
    countries = night.customers_of(delivered, "customer_id", "country")
    return delivered, lines, told, countries, nights.first_promises(night.warehouse, night.as_of, bucket)


def _advanced(
    night: Night,
    bucket: int,
    shipped_anyway: pl.DataFrame,
    delivered: pl.DataFrame,
    lines: pl.DataFrame,
    told: pl.DataFrame,
    countries: pl.DataFrame,
    first_promises: pl.DataFrame,
) -> int:
    """One bucket of orders; its frames are gone when the next but one is read."""
    folded = lifecycle.folded(
        delivered.select("order_id", "ordered_at"),
        lines.select("order_id", "line_no", "quantity"),
        told,
        night.rules["lifecycle"],
    )
    whole = orders.completed(
        delivered,
        lines,
        lifecycle.let_go(folded, shipped_anyway),
        countries,
        first_promises,
        night.goes_live_on,
        night.as_of,
        night.time_zone,
    )
    numbers = orders.completed_lines(lines, folded.lines, night.as_of)
    effects = folded.effects.filter(_is_kept(folded.timeline, night.settings.stock.shipments_from_events))
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


def _is_kept(timeline: pl.DataFrame, from_events: bool) -> pl.Expr:
    """Which effects of events are stored: undone units, and goods sent where stock or demand depends on the event."""
    undone = pl.col("event").is_in(["cancelled", "returned"])
    if from_events:
        return undone | pl.col("event").is_in(["shipped", "delivered"])
    scattered = (
        timeline.filter((pl.col("event") == "shipped") & pl.col("is_accepted"))
        .group_by("order_id")
        .agg(pl.col("location_id").n_unique())
        .filter(pl.col("location_id") > 1)["order_id"]
    )
    return undone | (pl.col("event") == "shipped") & pl.col("order_id").is_in(scattered.to_list())
