"""Order entry: every order passes the gates each night until it is confirmed; what they find, and what follows from it."""

from datetime import date, datetime, timedelta
from typing import NamedTuple

import polars as pl
import pycountry

from models.tables.base import polars_schema
from models.tables.entry import NightEvent, OrderFinding

CURRENCIES = frozenset(currency.alpha_3 for currency in pycountry.currencies)
"""The currency codes of ISO 4217."""
FINDING_KEY = ["order_id", "line_no", "gate"]


def severities(gates: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """What each gate does on a day: of several rows of a gate the one that began last.

    Args:
        gates: Gate rows.
        as_of: the night.

    Returns:
        gate, severity, limit; gates that are off left out.
    """
    return (
        gates.filter(pl.col("valid_from").is_null() | (pl.col("valid_from") <= as_of))
        .sort("gate", "valid_from", nulls_last=False)
        .group_by("gate", maintain_order=True)
        .last()
        .filter(pl.col("severity") != "off")
        .select("gate", "severity", "limit")
    )


def findings(
    orders: pl.DataFrame,
    lines: pl.DataFrame,
    skus: pl.DataFrame,
    customers: pl.DataFrame,
    gates: pl.DataFrame,
    channels: pl.DataFrame,
    as_of: date,
) -> pl.DataFrame:
    """Say of each order what stands against it tonight.

    Gates: `no_lines`, `unknown_currency` (not of ISO 4217), `unknown_sku`, `unknown_customer` (online and agent: also
    none at all; a store sale only when it names one that is unknown). A channel whose gates only warn makes every
    finding a warning.

    Args:
        orders: order_id, channel, customer_id, currency of the orders to judge.
        lines: order_id, line_no, sku of all their lines.
        skus: sku of every known product.
        customers: customer_id of every known customer.
        gates: Gate rows.
        channels: Channel rows.
        as_of: the night.

    Returns:
        OrderFinding rows found tonight, all open, ordered by their key.
    """
    order_wide = pl.lit(None, pl.Int64).alias("line_no")
    no_lines = orders.join(lines, on="order_id", how="anti").select(
        "order_id", order_wide, gate=pl.lit("no_lines"), facts=pl.lit("The order has no lines.")
    )
    unknown_currency = orders.filter(~pl.col("currency").is_in(list(CURRENCIES))).select(
        "order_id",
        order_wide,
        gate=pl.lit("unknown_currency"),
        facts=pl.format("{} is no currency of ISO 4217.", "currency"),
    )
    unknown_sku = (
        lines.join(orders.select("order_id"), on="order_id", how="semi")
        .join(skus, on="sku", how="anti")
        .select(
            "order_id",
            "line_no",
            gate=pl.lit("unknown_sku"),
            facts=pl.format("Line {} orders {}, which is no known product.", "line_no", "sku"),
        )
    )
    is_named = pl.col("customer_id").is_not_null()
    unknown_customer = (
        orders.filter(is_named | (pl.col("channel") != "store"))
        .join(customers, on="customer_id", how="anti")
        .select(
            "order_id",
            order_wide,
            gate=pl.lit("unknown_customer"),
            facts=pl.when(is_named)
            .then(pl.format("Customer {} is not known.", "customer_id"))
            .otherwise(pl.lit("The order names no customer.")),
        )
    )
    lenient = channels.filter(pl.col("gates") == "warn").select("channel", is_lenient=pl.lit(True))
    return (
        pl.concat([no_lines, unknown_currency, unknown_sku, unknown_customer])
        .join(severities(gates, as_of), on="gate", how="inner", validate="m:1")
        .join(orders.select("order_id", "channel"), on="order_id", validate="m:1")
        .join(lenient, on="channel", how="left", validate="m:1")
        .with_columns(
            severity=pl.when(pl.col("is_lenient")).then(pl.lit("warn")).otherwise("severity"),
            is_open=pl.lit(True),
            as_of=pl.lit(as_of),
            closed_on=pl.lit(None, pl.Date),
        )
        .select(polars_schema(OrderFinding).names())
        .sort(FINDING_KEY)
    )


class Entered(NamedTuple):
    """What a night decided at the gates, for the orders it judged."""

    findings: pl.DataFrame
    events: pl.DataFrame


def entered(
    orders: pl.DataFrame,
    found: pl.DataFrame,
    known: pl.DataFrame,
    as_of: date,
    end_of_day: datetime,
    *,
    auto_confirm: bool,
) -> Entered:
    """Confirm, hold or reject each order by what the gates found, and keep the history of the findings.

    A finding is closed on the night it is gone, or waived by a release. An order with nothing against it is confirmed
    as of the moment it was placed; one that a finding had held or rejected before, at the end of this night. An order
    that the feed confirmed, or that has physical facts, is past the gates: its findings are recorded and hold nothing. An
    order that ended while it was held is neither released nor confirmed any more.

    Args:
        orders: order_id, ordered_at, is_past_gates, is_confirmed_by_feed, is_released, is_ended (its feed or a person
            cancelled or rejected it) of the orders to judge.
        found: tonight's findings of `findings`.
        known: OrderFinding rows of earlier nights of these orders.
        as_of: the night.
        end_of_day: its last moment, UTC.
        auto_confirm: the setting; off: only the feed or a person confirms.

    Returns:
        OrderFinding and NightEvent rows of these orders, to replace all of them; each ordered by its key.
    """
    judged = orders.select("order_id", "is_past_gates", "is_released")
    blocking = pl.col("severity").is_in(["reject", "hold"])
    tonight = (
        found.join(judged, on="order_id", how="left", validate="m:1")
        .with_columns(is_waived=(pl.col("severity") == "hold") & pl.col("is_released"))
        .join(known.select(*FINDING_KEY, first="as_of"), on=FINDING_KEY, how="left", validate="1:1", nulls_equal=True)
        .with_columns(
            as_of=pl.coalesce("first", "as_of"),
            is_open=~pl.col("is_waived"),
            closed_on=pl.when("is_waived").then(pl.lit(as_of)).otherwise(None),
        )
    )
    already_closed = known.filter(~pl.col("is_open"))
    tonight = tonight.join(
        already_closed.select(*FINDING_KEY, closed_before="closed_on"),
        on=FINDING_KEY,
        how="left",
        validate="1:1",
        nulls_equal=True,
    ).with_columns(
        closed_on=pl.when(pl.col("is_waived")).then(pl.coalesce("closed_before", "closed_on")).otherwise("closed_on")
    )
    gone = known.join(found, on=FINDING_KEY, how="anti", nulls_equal=True).with_columns(
        is_open=pl.lit(False), closed_on=pl.coalesce("closed_on", pl.lit(as_of))
    )
    names = polars_schema(OrderFinding).names()
    history = pl.concat([tonight.select(names), gone.select(names)]).sort(FINDING_KEY)

    standing = (
        tonight.filter(blocking & ~pl.col("is_past_gates") & ~pl.col("is_waived"))
        .group_by("order_id")
        .agg(
            is_rejecting=(pl.col("severity") == "reject").any(),
            gates=pl.col("gate").unique().sort().str.join(", "),
        )
    )
    before = (
        known.filter(blocking)
        .group_by("order_id")
        .agg(
            was_held=(pl.col("severity") == "hold").any(),
            gates_before=pl.col("gate").unique().sort().str.join(", "),
        )
    )
    state = (
        orders.join(standing, on="order_id", how="left", validate="1:1")
        .join(before, on="order_id", how="left", validate="1:1")
        .with_columns(is_clear=pl.col("gates").is_null(), was_blocked=pl.col("gates_before").is_not_null())
    )
    is_past = pl.col("is_past_gates")
    is_held_now = ~pl.col("is_rejecting").fill_null(True)
    was_held = pl.col("was_held").fill_null(False)
    waived = tonight.filter("is_waived").group_by("order_id").agg(waived=pl.col("gate").unique().sort().str.join(", "))
    state = state.join(waived, on="order_id", how="left", validate="1:1")
    is_waived = pl.col("waived").is_not_null()
    is_late = ~is_past & (pl.col("was_blocked") | is_waived)
    is_confirming = (
        pl.col("is_clear") & ~pl.col("is_confirmed_by_feed") & ~(is_late & pl.col("is_ended")) & auto_confirm
    )
    instant_before = end_of_day - timedelta(microseconds=1)

    def told(event: str, when: pl.Expr, at: pl.Expr, reason: pl.Expr) -> pl.DataFrame:
        return state.filter(when).select(
            event_id=pl.concat_str("order_id", pl.lit(f":{event}")),
            order_id="order_id",
            event=pl.lit(event),
            occurred_at=at,
            reason=reason,
            as_of=pl.lit(as_of),
        )

    late = pl.lit(end_of_day).dt.cast_time_unit("us")
    events = pl.concat(
        [
            told("rejected", pl.col("is_rejecting").fill_null(False), pl.col("ordered_at"), pl.col("gates")),
            told(
                "held",
                is_held_now | (pl.col("is_clear") & ~is_past & (was_held | is_waived)),
                pl.col("ordered_at"),
                pl.coalesce("gates", "gates_before", "waived"),
            ),
            told(
                "released",
                pl.col("is_clear") & ~is_past & was_held & ~pl.col("is_released") & ~pl.col("is_ended"),
                pl.lit(instant_before).dt.cast_time_unit("us"),
                pl.lit("nothing stands against it any more"),
            ),
            told(
                "confirmed",
                is_confirming,
                pl.when(is_late).then(late).otherwise(pl.col("ordered_at")),
                pl.lit(None, pl.String),
            ),
        ]
    )
    return Entered(history, events.cast(polars_schema(NightEvent)).sort("event_id"))
