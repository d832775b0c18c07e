"""Tracking: what a customer is told of an order, a few plain steps taken from the same state as everything else."""

from datetime import date
from typing import NamedTuple

import polars as pl

from models.tables.base import polars_schema
from models.tables.lifecycle import STEPS, TrackingUpdate

STEP_OF_EVENT = {
    "confirmed": "confirmed",
    "held": "on_hold",
    "packed": "packed",
    "shipped": "shipped",
    "in_transit": "in_transit",
    "delivered": "delivered",
    "delivery_failed": "delivery_failed",
    "cancelled": "cancelled",
    "returned": "returned",
}
PARCEL_STEPS = ("packed", "shipped", "in_transit", "delivered", "delivery_failed")
"""Told per parcel, the others per order."""
LAST_STEPS = ("cancelled", "returned")
"""Reached with the last unit, the others with the first."""
WORDS = {
    "received": "Order received",
    "confirmed": "Order confirmed",
    "packed": "Packed",
    "shipped": "Shipped",
    "in_transit": "Out for delivery",
    "delivered": "Delivered",
    "delivery_failed": "Could not be delivered",
    "on_hold": "On hold",
    "cancelled": "Cancelled",
    "returned": "Returned",
}
STEP_KEY = ["order_id", "parcel_id", "step"]


class Whereabouts(NamedTuple):
    """Where one order is."""

    now: str
    """One sentence."""
    steps: pl.DataFrame
    """occurred_at, step, words, parcel_id, carrier, tracking_no; in the order of time."""


def updates(orders: pl.DataFrame, timeline: pl.DataFrame, lines: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Say which steps every order and parcel has reached, and when first.

    A parcel is named by its carrier's number, else by the order's. `packed` to `delivery_failed` are reached with the
    first unit, `returned` when all that was shipped came back, `cancelled` when the whole order is. A rejected order
    was never confirmed to the customer. Only accepted events count.

    Args:
        orders: order_id, ordered_at, status.
        timeline: TimelineEntry rows of these orders, in any order.
        lines: order_id, shipped, returned of these orders.
        as_of: the night that tells it.

    Returns:
        TrackingUpdate rows, one per order, parcel and step, ordered by order, moment, step and parcel; those told on
        earlier nights included. The promised day is empty.
    """
    return (
        _reached(orders, timeline, lines)
        .with_columns(promised_on=pl.lit(None, dtype=pl.Date), as_of=pl.lit(as_of))
        .select(polars_schema(TrackingUpdate).names())
    )


def where(order: pl.DataFrame, timeline: pl.DataFrame, lines: pl.DataFrame) -> Whereabouts:
    """Answer "where is my order?" in one sentence and its steps.

    Args:
        order: order_id, ordered_at, status of the one order.
        timeline: its TimelineEntry rows.
        lines: its OrderLine rows (quantity, cancelled, shipped, delivered, returned).
    """
    steps = _reached(order, timeline, lines).select(
        "occurred_at",
        "step",
        pl.col("step").replace_strict(WORDS, return_dtype=pl.String).alias("words"),
        "parcel_id",
        "carrier",
        "tracking_no",
    )
    return Whereabouts(_now(order["status"].item(), lines), steps)


def _reached(orders: pl.DataFrame, timeline: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    units = lines.group_by("order_id").agg(pl.col("shipped", "returned").sum())
    told = (
        timeline.filter(pl.col("is_accepted") & pl.col("event").is_in(list(STEP_OF_EVENT)))
        .select(
            "order_id",
            "occurred_at",
            "event_id",
            "carrier",
            "tracking_no",
            step=pl.col("event").replace_strict(STEP_OF_EVENT, return_dtype=pl.Enum(STEPS)),
        )
        .join(orders.select("order_id", "status"), on="order_id", validate="m:1")
        .join(units, on="order_id", how="left", validate="m:1")
        .filter(
            pl.when(pl.col("step") == "confirmed")
            .then(pl.col("status") != "rejected")
            .when(pl.col("step") == "cancelled")
            .then(pl.col("status") == "cancelled")
            .when(pl.col("step") == "returned")
            .then(pl.col("returned") >= pl.col("shipped"))
            .otherwise(True)
        )
    )
    is_of_parcel = pl.col("step").is_in(list(PARCEL_STEPS))
    is_last = pl.col("step").is_in(list(LAST_STEPS))
    named = told.with_columns(
        pl.when(is_of_parcel).then("carrier"),
        pl.when(is_of_parcel).then("tracking_no"),
        parcel_id=pl.when(is_of_parcel).then(pl.coalesce("tracking_no", "order_id")).otherwise("order_id"),
    ).sort("occurred_at", "event_id")
    first = named.filter(~is_last).unique(STEP_KEY, keep="first", maintain_order=True)
    last = named.filter(is_last).unique(STEP_KEY, keep="last", maintain_order=True)
    received = orders.select(
        "order_id",
        parcel_id="order_id",
        step=pl.lit("received", dtype=pl.Enum(STEPS)),
        occurred_at="ordered_at",
    )
    return (
        pl.concat([received, first, last], how="diagonal")
        .sort("order_id", "occurred_at", "step", "parcel_id")
        .select(*STEP_KEY, "occurred_at", "carrier", "tracking_no")
        .with_columns(pl.col("step").cast(pl.String))
    )


def _now(status: str, lines: pl.DataFrame) -> str:
    if status == "rejected":
        return "The order was not accepted."
    if status == "cancelled":
        return "The order was cancelled."
    sums = lines.select(pl.col("quantity", "cancelled", "shipped", "delivered", "returned").sum()).row(0, named=True)
    total = sums["quantity"] - sums["cancelled"]
    units = {
        "returned": sums["returned"],
        "delivered": sums["delivered"] - sums["returned"],
        "on the way": sums["shipped"] - sums["delivered"],
        "still to be shipped": total - sums["shipped"],
        "cancelled": sums["cancelled"],
    }
    start = {"received": "Received, not yet confirmed", "on_hold": "On hold", "closed": "Closed"}.get(
        status, "Confirmed"
    )
    parts = [f"{count} {words}" for words, count in units.items() if count]
    if not parts:
        return f"{start}."
    return f"{start}; of {sums['quantity']} {'unit' if sums['quantity'] == 1 else 'units'}: {', '.join(parts)}."
