"""Demand: what was asked for, day by day, and how much of it to expect.

Days are rows only where something was asked for or nothing was on hand; days without a row had stock and no demand.
What is expected of each SKU is said in `demand_voices`; its rules are found here too.
"""

from datetime import date, timedelta

import polars as pl

from models.rules.demand_voices import (
    ITEM,
    VOICES,
    growths,
    levels,
    measured,
    norms,
    ordered,
    seasons,
    shop_days,
    whole_days,
)
from models.tables.base import polars_schema
from models.tables.demand import DemandClass, DemandDay, SupplierLeadTime

__all__ = ["VOICES", "growths", "levels", "measured", "norms", "seasons", "shop_days"]
"""What of `demand_voices` is found here too."""
STATED_TRUST = 3
"""How many receipts outweigh the days a supplier states."""


def daily(
    orders: pl.DataFrame,
    lines: pl.DataFrame,
    shipments: pl.DataFrame,
    allocations: pl.DataFrame,
    out_of_stock: pl.DataFrame,
    *,
    default_location: str,
) -> pl.DataFrame:
    """Count what was asked for on each day, and mark the days on which nothing was left.

    Args:
        orders: see `asked`, as the next three.
        lines: OrderLine rows of these.
        shipments: where they were shipped from.
        allocations: where they are allocated.
        out_of_stock: see `marked`.
        default_location: where nothing else is known.

    Returns:
        DemandDay rows, ordered by SKU, location and day.
    """
    return marked(asked(orders, lines, shipments, allocations, default_location=default_location), out_of_stock)


def asked(
    orders: pl.DataFrame,
    lines: pl.DataFrame,
    shipments: pl.DataFrame,
    allocations: pl.DataFrame,
    *,
    default_location: str,
) -> pl.DataFrame:
    """Count what was asked for on each day.

    Demand is ordered less cancelled before shipping, on the day it was ordered; rejected orders are none, returns are
    apart. Each unit counts where it was shipped from, else where it is allocated, else at the order's location, else at
    the default one.

    Args:
        orders: Order rows: order_id, status, ordered_on, location_id.
        lines: OrderLine rows of these: order_id, line_no, sku, quantity, cancelled.
        shipments: order_id, line_no, location_id, quantity of accepted shipments; without a location they say nothing.
        allocations: the same of tonight's allocation.
        default_location: where nothing else is known.

    Returns:
        day, sku, location_id, quantity, in no certain order.
    """
    placed = orders.filter(pl.col("status") != "rejected").select("order_id", "ordered_on", "location_id")
    wanted = (
        lines.select("order_id", "line_no", "sku", left=pl.col("quantity") - pl.col("cancelled"))
        .filter(pl.col("left") > 0)
        .join(placed, on="order_id", validate="m:1")
    )
    shipped, rest = placed_at(wanted, shipments)
    allocated, rest = placed_at(rest, allocations)
    rest = rest.with_columns(location_id=pl.coalesce("location_id", pl.lit(default_location)))
    columns = ["sku", "location_id", "ordered_on", "left"]
    return (
        pl.concat([part.select(columns) for part in (shipped, allocated, rest)])
        .group_by("sku", "location_id", day="ordered_on")
        .agg(quantity=pl.col("left").sum())
        .select("day", *ITEM, "quantity")
    )


def marked(asked: pl.DataFrame, out_of_stock: pl.DataFrame) -> pl.DataFrame:
    """Mark the days on which nothing was left.

    Args:
        asked: rows of `asked`.
        out_of_stock: sku, location_id, day of every day that ended without stock.

    Returns:
        DemandDay rows, ordered by SKU, location and day.
    """
    empty_days = out_of_stock.select(*ITEM, "day", is_out_of_stock=pl.lit(True)).unique()
    schema = polars_schema(DemandDay)
    return (
        asked.join(empty_days, on=[*ITEM, "day"], how="full", coalesce=True, validate="1:1")
        .with_columns(pl.col("quantity").fill_null(0), pl.col("is_out_of_stock").fill_null(False))
        .select(schema.names())
        .cast(schema)
        .sort(*ITEM, "day")
    )


def placed_at(asked: pl.DataFrame, places: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split units by the place named for them.

    Args:
        asked: order_id, line_no, left and others, one row per line.
        places: order_id, line_no, location_id, quantity; more than a line has left is cut, in order of location.

    Returns:
        The units with a place, a row per line and place, and the lines with what is left (above 0).
    """
    line = ["order_id", "line_no"]
    named = (
        places.filter(pl.col("location_id").is_not_null())
        .group_by(*line, place="location_id")
        .agg(at=pl.col("quantity").sum())
        .join(asked, on=line, validate="m:1")
        .sort(*line, "place")
        .with_columns(before=pl.col("at").cum_sum().over(line) - pl.col("at"))
        .with_columns(at=pl.min_horizontal("at", pl.col("left") - pl.col("before")))
        .filter(pl.col("at") > 0)
    )
    used = named.group_by(line).agg(used=pl.col("at").sum())
    rest = (
        asked.join(used, on=line, how="left", validate="1:1")
        .with_columns(left=pl.col("left") - pl.col("used").fill_null(0))
        .filter(pl.col("left") > 0)
        .select(asked.columns)
    )
    return named.with_columns(left="at", location_id="place").select(asked.columns), rest


def classes(
    days: pl.DataFrame, starts: pl.DataFrame, revenue: pl.DataFrame, as_of: date, history_days: int = 365
) -> pl.DataFrame:
    """Sort each SKU by revenue (ABC), by how much its demand varies (XYZ), and by how often and how evenly it sells.

    Rates, variation and intervals are of the last `history_days`, days without stock left out of all but `rate`; over
    several locations a day is without stock when all of them are. XYZ: sample standard deviation of weekly demand over
    its mean (a shop that is closed on Sundays varies from day to day however steadily it sells; of daily demand below
    two weeks), X below 0.5, Y below 1.0. Class: intervals below 1.32 days smooth or erratic, from there intermittent or
    lumpy; the second of each from a squared variation of sizes of 0.49 on.

    Args:
        days: DemandDay rows.
        starts: sku, location_id, first_on.
        revenue: sku, amount in the reporting currency over the same days.
        as_of: the night.
        history_days: how far back to look.

    Returns:
        DemandClass rows, ordered by SKU.

    Source: Syntetos, Boylan and Croston (2005).
    """
    window = pl.col("day").is_between(as_of - timedelta(days=history_days - 1), as_of)
    known = (
        pl.concat(
            [
                days.filter(pl.col("day") <= as_of).group_by(ITEM).agg(first_on=pl.col("day").min()),
                starts.select(*ITEM, "first_on"),
            ]
        )
        .filter(pl.col("first_on") <= as_of)
        .group_by("sku")
        .agg(pl.col("first_on").min(), places=pl.col("location_id").n_unique())
        .with_columns(
            observed=whole_days(
                pl.lit(as_of), pl.max_horizontal("first_on", pl.lit(as_of - timedelta(days=history_days - 1)))
            )
            + 1
        )
    )
    within = days.filter(window).select(*ITEM, "day", pl.col("quantity").cast(pl.Float64), "is_out_of_stock")
    empty_days = (
        within.filter("is_out_of_stock")
        .group_by("sku", "day")
        .agg(empty=pl.len())
        .join(known, on="sku", validate="m:1")
        .filter(pl.col("empty") >= pl.col("places"))
        .select("sku", "day", is_empty=pl.lit(True))
    )
    if known.select((pl.col("places") > 1).any()).item():
        within = within.group_by("sku", "day").agg(pl.col("quantity").sum())
    by_day = (
        within.join(empty_days, on=["sku", "day"], how="left", validate="m:1")
        if empty_days.height
        else within.with_columns(is_empty=pl.lit(False))
    ).with_columns(pl.col("is_empty").fill_null(False))
    by_day = _numbered(by_day)
    kept = pl.col("quantity").filter(~pl.col("is_empty"))
    sizes = pl.col("quantity").filter(~pl.col("is_empty") & (pl.col("quantity") > 0))
    sums = by_day.group_by("item", maintain_order=True).agg(
        pl.col("sku").first(),
        asked=pl.col("quantity").sum(),
        kept=kept.sum(),
        squares=kept.pow(2).sum(),
        sales=sizes.len().cast(pl.Int64),
        size_mean=sizes.mean(),
        size_sd=sizes.std().fill_null(0.0),
        empty_days=pl.col("is_empty").sum().cast(pl.Int64),
    )
    found = known.join(sums, on="sku", how="left", validate="1:1")
    found = found.join(
        _weekly_variation(by_day, found.drop_nulls("item"), as_of), on="item", how="left", validate="1:1"
    ).with_columns(pl.col("asked", "kept", "squares", "sales", "empty_days").fill_null(0))
    in_stock, sold = pl.col("observed") - pl.col("empty_days"), pl.col("sales") > 0
    mean = pl.col("kept") / in_stock
    daily_variation = pl.when(in_stock > 1).then(_variation(pl.col("kept"), pl.col("squares"), in_stock)).otherwise(0.0)
    ranked = _abc(revenue)
    schema = polars_schema(DemandClass)
    return (
        found.with_columns(
            rate=pl.col("asked") / pl.col("observed"),
            rate_in_stock=pl.when(in_stock > 0).then(mean).otherwise(pl.col("asked") / pl.col("observed")),
            demand_interval_days=pl.when(sold).then(in_stock / pl.col("sales")),
            size_variation=pl.when(sold).then((pl.col("size_sd") / pl.col("size_mean")).pow(2)),
            variation=pl.when(sold).then(pl.coalesce("weekly_variation", daily_variation)),
        )
        .with_columns(pl.col("rate", "rate_in_stock", "demand_interval_days", "size_variation", "variation").round(6))
        .join(ranked, on="sku", how="full", coalesce=True, validate="1:1")
        .with_columns(
            pl.col("abc").fill_null("U"),
            pl.col("rate", "rate_in_stock").fill_null(0.0),
            xyz=pl.when(pl.col("variation") < 0.5)
            .then(pl.lit("X"))
            .when(pl.col("variation") < 1.0)
            .then(pl.lit("Y"))
            .when(pl.col("variation").is_not_null())
            .then(pl.lit("Z")),
            demand_class=demand_class(pl.col("demand_interval_days"), pl.col("size_variation")),
        )
        .select(schema.names())
        .cast(schema)
        .sort("sku")
    )


def _variation(total: pl.Expr, squares: pl.Expr, count: pl.Expr) -> pl.Expr:
    """Standard deviation of a sample over its mean, from its sums."""
    mean = total / count
    return ((squares - total * mean) / (count - 1)).clip(lower_bound=0).sqrt() / mean


def _numbered(by_day: pl.DataFrame) -> pl.DataFrame:
    """The days of each SKU in their order, under its number: numbers that grow are grouped faster than names."""
    number = (pl.col("sku") != pl.col("sku").shift()).fill_null(True).cum_sum().cast(pl.Int64)
    return ordered(by_day, "sku", "day").with_columns(item=number).with_columns(pl.col("item").set_sorted())


def _weekly_variation(by_day: pl.DataFrame, observed: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """How much whole weeks differ, back from as_of: item, weekly_variation; none below two weeks with stock or unsold.

    A week is measured by its days with stock; one without any is left out.
    """
    week = whole_days(pl.lit(as_of), pl.col("day")) // 7
    most = 1 + (by_day.select(week.max()).item() or 0)
    rate = pl.col("kept") / (7 - pl.col("empty"))
    sums = (
        by_day.with_columns(slot=pl.col("item") * most + most - 1 - week)  # grows along the rows
        .with_columns(pl.col("slot").set_sorted())
        .group_by("slot", maintain_order=True)
        .agg(
            kept=pl.col("quantity").filter(~pl.col("is_empty")).sum(),
            empty=pl.col("is_empty").sum().cast(pl.Int64),
        )
        .with_columns(item=pl.col("slot") // most, week=most - 1 - pl.col("slot") % most)
        .join(
            observed.select("item", weeks=pl.col("observed") // 7),
            on="item",
            validate="m:1",
            maintain_order="left",
        )
        .filter(pl.col("week") < pl.col("weeks"))
        .with_columns(rate=pl.when(pl.col("empty") < 7).then(rate))
        .group_by("item", maintain_order=True)
        .agg(
            pl.col("weeks").first() - pl.col("rate").is_null().sum().cast(pl.Int64),
            total=pl.col("rate").sum(),
            squares=pl.col("rate").pow(2).sum(),
        )
    )
    return sums.filter((pl.col("weeks") > 1) & (pl.col("total") > 0)).select(
        "item", weekly_variation=_variation(pl.col("total"), pl.col("squares"), pl.col("weeks"))
    )


def demand_class(interval_days: pl.Expr, size_variation: pl.Expr) -> pl.Expr:
    """Smooth, erratic, intermittent or lumpy; none without an interval."""
    is_frequent, is_even = interval_days < 1.32, size_variation < 0.49
    return (
        pl.when(is_frequent & is_even)
        .then(pl.lit("smooth"))
        .when(is_frequent)
        .then(pl.lit("erratic"))
        .when(is_even)
        .then(pl.lit("intermittent"))
        .when(interval_days.is_not_null())
        .then(pl.lit("lumpy"))
    )


def _abc(revenue: pl.DataFrame) -> pl.DataFrame:
    """A up to 80 % of revenue, the item that crosses it included, B to 95 %, C the rest, U unsold."""
    before = pl.col("amount").cum_sum() - pl.col("amount")
    return (
        revenue.group_by("sku")
        .agg(pl.col("amount").sum())
        .with_columns(pl.when(pl.col("amount") > 0).then("amount").otherwise(0))
        .sort("amount", "sku", descending=[True, False])
        .select(
            "sku",
            abc=pl.when(pl.col("amount") <= 0)
            .then(pl.lit("U"))
            .when(before * 100 < pl.col("amount").sum() * 80)
            .then(pl.lit("A"))
            .when(before * 100 < pl.col("amount").sum() * 95)
            .then(pl.lit("B"))
            .otherwise(pl.lit("C")),
        )
    )


def lead_times(inbound: pl.DataFrame, suppliers: pl.DataFrame, terms: pl.DataFrame | None = None) -> pl.DataFrame:
    """Measure how long each supplier takes from order to receipt, beside what it states.

    Mean and spread are of its receipts as they are (sample standard deviation, 0 below two). What is planned with is
    drawn to the stated days as if they had been seen three times. A receipt dated before its order is counted apart
    and measured nowhere.

    Args:
        inbound: Inbound rows; those received count.
        suppliers: Supplier rows; suppliers met only in inbound are listed too, without stated days.
        terms: supplier_id, sku, lead_time_days, where a supplier states them by SKU.

    Returns:
        SupplierLeadTime rows, ordered by supplier.
    """
    stated = suppliers.select("supplier_id", stated_days="lead_time_days")
    by_sku = (
        inbound.select("supplier_id", "sku").clear().with_columns(sku_days=pl.lit(None, pl.Int64))
        if terms is None
        else terms.select("supplier_id", "sku", sku_days="lead_time_days")
    )
    received = (
        inbound.filter((pl.col("status") == "received") & pl.col("received_on").is_not_null())
        .select("supplier_id", "sku", "ordered_on", "expected_on", "received_on")
        .join(stated, on="supplier_id", how="left", validate="m:1")
        .join(by_sku, on=["supplier_id", "sku"], how="left", validate="m:1")
        .with_columns(
            taken=whole_days(pl.col("received_on"), pl.col("ordered_on")), told=pl.coalesce("sku_days", "stated_days")
        )
    )
    usable = pl.col("taken") >= 0
    taken, compared = pl.col("taken").filter(usable), usable & pl.col("told").is_not_null()
    sums = received.group_by("supplier_id").agg(
        receipts=usable.sum().cast(pl.Int64),
        mean=taken.mean(),
        total=taken.sum(),
        sd=taken.std(),
        late_receipts=(usable & (pl.col("received_on") > pl.col("expected_on"))).sum().cast(pl.Int64),
        impossible_receipts=(~usable).sum().cast(pl.Int64),
        compared=compared.sum().cast(pl.Int64),
        compared_taken=pl.col("taken").filter(compared).sum(),
        compared_told=pl.col("told").filter(compared).sum(),
    )
    prior = STATED_TRUST * pl.col("compared_told") / pl.col("compared")
    schema = polars_schema(SupplierLeadTime)
    return (
        stated.join(sums, on="supplier_id", how="full", coalesce=True, validate="1:1")
        .with_columns(
            pl.col("receipts", "late_receipts", "impossible_receipts").fill_null(0), pl.col("sd").fill_null(0.0)
        )
        .with_columns(
            lead_time_mean_days=pl.coalesce("mean", "stated_days").round(6),
            lead_time_sd_days=pl.col("sd").round(6),
            planned_days=pl.when(pl.col("receipts") == 0)
            .then(pl.col("stated_days"))
            .when(pl.col("stated_days").is_null())
            .then(pl.col("mean"))
            .otherwise((pl.col("total") + STATED_TRUST * pl.col("stated_days")) / (pl.col("receipts") + STATED_TRUST))
            .round(6),
            stated_ratio=pl.when(pl.col("compared_told") > 0)
            .then((pl.col("compared_taken") + prior) / (pl.col("compared_told") + prior))
            .round(6),
        )
        .select(schema.names())
        .cast(schema)
        .sort("supplier_id")
    )


def seen(days: pl.DataFrame, items: pl.DataFrame, as_of: date, history_days: int = 365) -> pl.DataFrame:
    """Say what demand over a lead time was really seen, as the quantile of the service level, nearest rank.

    The history is cut back from as_of into whole stretches of the item's own length. It cannot exceed what was seen,
    so it is shown beside the safety stock and decides nothing.

    Args:
        days: DemandDay rows.
        items: sku, location_id, span_days (at least 1), service_level, first_on.
        as_of: the night.
        history_days: how far back to look.

    Returns:
        sku, location_id, stretches, seen_quantity (none without a whole stretch), in the order of items.
    """
    planned = items.select(
        *ITEM,
        "span_days",
        pl.col("service_level").cast(pl.Float64),
        stretches=pl.min_horizontal(whole_days(pl.lit(as_of), pl.col("first_on")) + 1, pl.lit(history_days))
        // pl.col("span_days"),
    )
    sums = (
        days.filter((pl.col("quantity") > 0) & (pl.col("day") <= as_of))
        .join(planned, on=ITEM, validate="m:1")
        .with_columns(stretch=whole_days(pl.lit(as_of), pl.col("day")) // pl.col("span_days"))
        .filter(pl.col("stretch") < pl.col("stretches"))
        .group_by(*ITEM, "stretch")
        .agg(pl.col("quantity").sum())
        .sort(*ITEM, "quantity", descending=[False, False, True])
        .group_by(ITEM, maintain_order=True)
        .agg("quantity")
    )
    from_top = pl.col("stretches") - (pl.col("stretches") * pl.col("service_level") - 1e-9).ceil().cast(pl.Int64)
    return planned.join(sums, on=ITEM, how="left", validate="1:1", maintain_order="left").select(
        *ITEM,
        "stretches",
        seen_quantity=pl.when(pl.col("stretches") > 0).then(
            pl.col("quantity").list.get(from_top, null_on_oob=True).fill_null(0)
        ),
    )
