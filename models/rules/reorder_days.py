"""The days ahead: what will be on hand at the end of each, if nothing is bought."""

from datetime import date, timedelta

import polars as pl

ITEM = ["sku", "location_id"]
PLACES = 4
"""Figures of a plan are stored with so many places, and used as they are stored."""


def season_upto(days: pl.Expr, season: pl.DataFrame, as_of: date) -> pl.Expr:
    """Average days that the first so many days after as_of are worth, their weekdays considered."""
    factors = season.sort("weekday")["factor"].cast(pl.Float64).to_list()
    sums = [0.0]
    for offset in range(1, 8):
        sums.append(round(sums[-1] + factors[(as_of + timedelta(days=offset)).weekday()], 6))
    return (days // 7) * sums[7] + (days % 7).replace_strict(dict(enumerate(sums[:7])), return_dtype=pl.Float64)


def balances(
    items: pl.DataFrame,
    waiting: pl.DataFrame,
    coming: pl.DataFrame,
    season: pl.DataFrame,
    as_of: date,
    *,
    from_today: bool = False,
) -> pl.DataFrame:
    """Walk the days: what will be on hand at the end of each, from the first arrival to the last, if nothing is bought.

    balance = on hand − open demand due + purchases due − forecast beyond open demand, each summed up to the day. The
    forecast nets against open orders due from today on and never stands on top of them; what is overdue should have
    gone by now, is no part of what is still to be asked for, and stands beside it.

    Args:
        items: plans, or any rows with sku, location_id, on_hand, rate and first_arrival_on, last_arrival_on (or
            first_in, last_in: the same in days from as_of).
        waiting: rows of `commitments`.
        coming: Supply rows; those counted.
        season: rows of `demand.seasons`.
        as_of: the night.
        from_today: start with as_of instead of the first arrival, to be looked at.

    Returns:
        sku, location_id, day, promised, overdue (of these), inbound, forecast (beyond promised), balance; in the order
        of items, then by day.
    """
    if "first_in" not in items.columns:
        items = items.with_columns(
            first_in=(pl.col("first_arrival_on") - pl.lit(as_of)).dt.total_days(),
            last_in=(pl.col("last_arrival_on") - pl.lit(as_of)).dt.total_days(),
        )
    heads = items.select(
        *ITEM,
        "on_hand",
        pl.col("rate").cast(pl.Float64),
        item=pl.int_range(pl.len(), dtype=pl.UInt32),
        first_day=pl.lit(0, pl.Int64) if from_today else pl.col("first_in"),
        last_day="last_in",
    )

    def due(rows: pl.DataFrame, **figures: pl.Expr) -> pl.DataFrame:
        day = pl.max_horizontal((pl.col("due_on") - pl.lit(as_of)).dt.total_days(), "first_day")
        return (
            rows.select(*ITEM, "due_on", "quantity")
            .join(heads.select(*ITEM, "item", "first_day", "last_day"), on=ITEM, validate="m:1")
            .with_columns(offset=day)
            .filter(pl.col("offset") <= pl.col("last_day"))
            .group_by("item", "offset")
            .agg(**figures)
        )

    quantity = pl.col("quantity")
    promised = due(waiting, promised=quantity.sum(), overdue=quantity.filter(pl.col("due_on") < as_of).sum())
    inbound = due(coming.filter(pl.col("is_counted")), inbound=quantity.sum())
    expected = pl.col("rate") * season_upto(pl.col("offset"), season, as_of)
    total = (pl.col("inbound") + pl.col("on_hand")).cast(pl.Float64)
    place = ["item", "offset"]
    return (
        heads.with_columns(offset=pl.int_ranges("first_day", pl.col("last_day") + 1))
        .drop("first_day", "last_day")
        .explode("offset")
        .join(promised, on=place, how="left", validate="1:1", maintain_order="left")
        .join(inbound, on=place, how="left", validate="1:1", maintain_order="left")
        .with_columns(pl.col("promised", "overdue", "inbound").fill_null(0).cum_sum().over("item"))
        .with_columns(forecast=(expected - (pl.col("promised") - pl.col("overdue"))).clip(lower_bound=0).round(PLACES))
        .select(
            *ITEM,
            "item",
            "offset",
            "promised",
            "overdue",
            "inbound",
            "forecast",
            day=pl.lit(as_of) + pl.duration(days=pl.col("offset")),
            balance=(total - pl.col("promised") - pl.col("forecast")).round(PLACES),
        )
    )


def projected(planned: pl.DataFrame, waiting: pl.DataFrame, coming: pl.DataFrame, season: pl.DataFrame) -> pl.DataFrame:
    """Show each plan day by day, from its night to the last arrival: how the balance comes about, if nothing is bought.

    opening − promised + inbound − forecast = balance, the opening of the day after. The lowest balance from the first
    arrival on is the plan's `lowest_balance`.

    Args:
        planned: ReorderPlan or ReorderProposal rows of one night, also as stored.
        waiting: rows of `commitments` of that night.
        coming: Supply rows of that night; those counted.
        season: rows of `demand.seasons` of that night.

    Returns:
        sku, location_id, day, opening, promised and inbound (due that day; what is overdue on the first), forecast
        (demand expected that day beyond open orders; below 0 where orders due that day had been expected before),
        balance; in the order of planned, then by day.
    """
    as_of: date = planned["as_of"].to_list()[0] if planned.height else date(1970, 1, 1)
    walked = balances(planned, waiting, coming, season, as_of, from_today=True)
    day_before = {
        name: pl.col(name).shift(1, fill_value=0).over("item").alias(f"{name}_before")
        for name in ("promised", "inbound", "forecast")
    }
    before = pl.col("balance").shift(1).over("item")
    on_hand = planned.select(*ITEM, "on_hand")
    return (
        walked.join(on_hand, on=ITEM, validate="m:1", maintain_order="left")
        .with_columns(*day_before.values(), opening=before.fill_null(pl.col("on_hand").cast(pl.Float64)))
        .select(
            *ITEM,
            "day",
            "opening",
            *(pl.col(name) - pl.col(f"{name}_before") for name in ("promised", "inbound")),
            (pl.col("forecast") - pl.col("forecast_before")).round(PLACES),
            "balance",
        )
    )
