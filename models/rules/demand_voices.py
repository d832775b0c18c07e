"""Voices: what several forecasts expect of each SKU, and how far each is believed.

The smoothed averages are taken as weighted sums over the rows of days, which is what the recursions come to, so that a
day without demand costs nothing. The clock of a SKU counts the days it could sell: a day that began and ended without
stock is no day of it; the day on which the stock ran out still is.

What the whole shop tells about a SKU (weekdays, growth, which voice to trust, how lumpy demand comes) is measured
first and handed in, so that SKUs can be worked on apart: the parts give what the whole gives.
"""

from datetime import date, timedelta

import polars as pl

from models.tables.base import polars_schema
from models.tables.demand import DemandLevel

ITEM = ["sku", "location_id"]
VOICES = ("fast", "flat", "croston", "tsb")
SMOOTHING = 0.1
"""Smoothing of every recursive voice, as statsforecast has it for Croston."""
GIANT = 6
"""A day moves the level by at most so many typical days of the SKU,"""
RECURRING = 3
"""or by as much as the SKU sold on so many days: what comes again is no accident."""
PIECE_DAYS = 28
"""A backtest forecasts so many days, as often as `BACKTESTS` says."""
BACKTESTS = 4
TRUST = 1
"""How many backtests of its own outweigh the shop's."""
SPREAD_TRUST = 6
"""With so many days with demand a SKU's own lumpiness counts as much as the shop's; it gains with their square."""
SHARPNESS = 2
"""Weight of a voice = its relative loss to minus this power."""
MICRO = 1_000_000
"""Shop figures are summed as whole millionths: their sum is the same in any order."""


class Series:
    """The days of some SKUs laid out for measuring: `rows` are days with a row, `heads` one row per SKU and
    location."""

    def __init__(self, days: pl.DataFrame, starts: pl.DataFrame, as_of: date, history_days: int) -> None:
        """Number the SKUs, cap giant days and set the clock of each.

        Args:
            days: DemandDay rows; days after as_of are left out.
            starts: sku, location_id, first_on: first day stocked, where known; also of SKUs never asked for.
            as_of: the night.
            history_days: how far back rates look.
        """
        window_from = as_of - timedelta(days=history_days - 1)
        listed = ordered(days.filter(pl.col("day") <= as_of), *ITEM, "day")
        is_new = pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift()) for name in ITEM)
        listed = listed.with_columns(series=(is_new.cum_sum() - 1).cast(pl.UInt32)).with_columns(
            pl.col("series").set_sorted()
        )
        firsts = listed.group_by("series", maintain_order=True).agg(
            pl.col(*ITEM).first(),
            first_day=pl.col("day").first(),
            typical=pl.col("quantity").filter(pl.col("quantity") > 0).median(),
            demand_days=(pl.col("quantity") > 0).sum().cast(pl.Int64),
            units=pl.col("quantity").sum().cast(pl.Float64),
            squares=pl.col("quantity").cast(pl.Float64).pow(2).sum(),
        )
        firsts = firsts.with_columns(most=_most_counted(listed, firsts["typical"]))
        self.as_of, self.longest = as_of, history_days
        self.heads = (
            firsts.join(starts.select(*ITEM, "first_on"), on=ITEM, how="full", coalesce=True, validate="1:1")
            .with_columns(first_on=pl.min_horizontal("first_day", "first_on"))
            .filter(pl.col("first_on") <= as_of)
            .with_columns(begin=pl.max_horizontal("first_on", pl.lit(window_from)))
            .with_columns(
                observed_days=whole_days(pl.lit(as_of), pl.col("begin")) + 1,
            )
            .drop("first_day")
        )
        self.rows = self._clocked(listed)

    def _clocked(self, listed: pl.DataFrame) -> pl.DataFrame:
        """Put the day of the history, the clock and what is counted of a giant day beside each row of the window."""
        known = self.heads.filter(pl.col("series").is_not_null()).sort("series")
        begin, most = (known[name] for name in ("begin", "most"))
        follows = (pl.col("series") == pl.col("series").shift()) & (
            whole_days(pl.col("day"), pl.col("day").shift()) == 1
        )
        had_none = (follows & pl.col("is_out_of_stock").shift()).fill_null(False)
        place = pl.col("series")
        rows = (
            listed.drop(ITEM)
            .with_columns(
                is_left_out=pl.col("is_out_of_stock") & had_none,
                day_no=whole_days(pl.col("day"), pl.lit(begin).gather(place)) + 1,
            )
            .filter(pl.col("day_no") >= 1)
            .with_columns(
                piece=pl.min_horizontal(
                    whole_days(pl.lit(self.as_of), pl.col("day")) // PIECE_DAYS, pl.lit(BACKTESTS, pl.Int64)
                ),
                counted=pl.min_horizontal(pl.col("quantity").cast(pl.Float64), pl.lit(most).gather(place)),
            )
        )
        if not rows.select(pl.col("is_left_out").any()).item():
            return rows.with_columns(clock="day_no")
        missed = pl.col("is_left_out").cast(pl.Int64).cum_sum().over("series")
        return rows.with_columns(clock=pl.col("day_no") - missed)


def whole_days(later: pl.Expr, earlier: pl.Expr) -> pl.Expr:
    return (later - earlier).dt.total_days()


def _most_counted(listed: pl.DataFrame, typical: pl.Series) -> pl.Series:
    """How much of a day counts at most, by series: some typical days, or the third largest day."""
    most = GIANT * typical
    giants = (
        listed.filter(pl.col("quantity") > pl.lit(most).gather(pl.col("series")))
        .group_by("series")
        .agg(pl.col("quantity").top_k(RECURRING).min().cast(pl.Float64), times=pl.len())
        .filter(pl.col("times") >= RECURRING)
    )
    return most.scatter(giants["series"], giants["quantity"])


def ordered(days: pl.DataFrame, *key: str) -> pl.DataFrame:
    """The rows by their key; sorted only where they are not."""
    is_after: pl.Expr = pl.lit(False)
    for name in reversed(key):
        now, before = pl.col(name), pl.col(name).shift()
        is_after = (now > before) | ((now == before) & is_after)
    return days if days.select(is_after.slice(1).all()).item() else days.sort(*key)


def shop_days(days: pl.DataFrame, starts: pl.DataFrame, as_of: date, history_days: int = 365) -> pl.DataFrame:
    """Add up what the shop sold on each day, every SKU measured in its own typical days.

    Results of parts of the shop are put one under the other; `seasons` and `growths` add them up.

    Args:
        days: DemandDay rows.
        starts: sku, location_id, first_on.
        as_of: the night.
        history_days: how far back to look.

    Returns:
        day, sold (millionths of a typical day), established (the same of SKUs known before the window of `growths`).
    """
    series = Series(days, starts, as_of, history_days)
    heads = series.heads.filter(pl.col("series").is_not_null()).sort("series")
    is_old = heads.select(pl.col("first_on") <= as_of - timedelta(days=_GROWTH_DAYS)).to_series()
    place = pl.col("series")
    return (
        series.rows.filter(pl.col("quantity") > 0)
        .with_columns(sold=(pl.col("counted") / pl.lit(heads["typical"]).gather(place) * MICRO).round().cast(pl.Int64))
        .with_columns(established=pl.when(pl.lit(is_old).cast(pl.Boolean).gather(place)).then("sold").otherwise(0))
        .group_by("day")
        .agg(pl.col("sold", "established").sum())
        .sort("day")
    )


_GROWTH_SPAN = 2 * PIECE_DAYS
_GROWTH_DAYS = BACKTESTS * PIECE_DAYS + 2 * _GROWTH_SPAN
_SEASON_PRIOR = 20 * MICRO
_GROWTH_PRIOR = 50 * MICRO


def seasons(sold: pl.DataFrame) -> pl.DataFrame:
    """Say how much more or less than on an average day is asked for on each weekday.

    Drawn to 1 by twenty typical days of sales per weekday, so that a small shop has hardly any season. Weekdays
    average 1.

    Args:
        sold: rows of `shop_days`.

    Returns:
        weekday (1 = Monday), factor; seven rows.
    """
    by_day = sold.group_by("day").agg(pl.col("sold").sum())
    span = by_day.select(first=pl.col("day").min(), last=pl.col("day").max()).row(0)
    week = pl.DataFrame({"weekday": range(1, 8)}, schema={"weekday": pl.Int8})
    if span[0] is None:
        return week.with_columns(factor=pl.lit(1.0))
    days = pl.DataFrame({"day": pl.date_range(*span, eager=True)}).join(by_day, on="day", how="left", validate="1:1")
    sums = days.group_by(weekday=pl.col("day").dt.weekday()).agg(
        sold=pl.col("sold").sum(), share=pl.len() / pl.lit(days.height / 7)
    )
    found = week.join(sums, on="weekday", how="left", validate="1:1")
    even = found["sold"].sum() / 7
    factor = (pl.col("sold") / pl.col("share") + _SEASON_PRIOR) / (even + _SEASON_PRIOR)
    return found.select("weekday", factor=factor.fill_null(1.0)).with_columns(
        factor=(pl.col("factor") / pl.col("factor").mean()).round(6)
    )


def growths(sold: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Say how much more the shop sells than when the fast voice listened, tonight and at each backtest.

    The last 56 days against the 56 before, of SKUs that were there all the time, drawn to 1 where little is sold,
    within half and double; carried from the middle of the fast voice's memory to the middle of what it forecasts.

    Args:
        sold: rows of `shop_days`.
        as_of: the night.

    Returns:
        origin (0 = tonight, 1 = one backtest ago, …), factor.
    """
    by_day = (
        sold.group_by("day").agg(pl.col("established").sum()).with_columns(age=whole_days(pl.lit(as_of), pl.col("day")))
    )
    carried = ((1 - SMOOTHING) / SMOOTHING + PIECE_DAYS / 2) / _GROWTH_SPAN
    rows = []
    for origin in range(BACKTESTS + 1):
        end = origin * PIECE_DAYS
        recent, before = (
            int(by_day.filter(pl.col("age").is_between(start, start + _GROWTH_SPAN - 1))["established"].sum())
            for start in (end, end + _GROWTH_SPAN)
        )
        ratio: float = min(max((recent + _GROWTH_PRIOR) / (before + _GROWTH_PRIOR), 0.5), 2.0)
        rows.append((origin, round(ratio**carried, 6)))
    return pl.DataFrame(rows, schema={"origin": pl.Int64, "factor": pl.Float64}, orient="row")


def measured(
    days: pl.DataFrame,
    starts: pl.DataFrame,
    season: pl.DataFrame,
    growth: pl.DataFrame,
    as_of: date,
    history_days: int = 365,
) -> pl.DataFrame:
    """Measure how each SKU sells, what each voice expects, and how far each was off in the last months.

    The voices, each in units a day: `fast`, exponential smoothing of the day's demand over that of its weekdays'
    factors, times the shop's growth; `flat`, the average of the window; `croston`, size over interval, both smoothed,
    times 1 − α/2 (Syntetos and Boylan); `tsb`, size times the smoothed chance of a sale (Teunter, Syntetos and
    Babai). The first value starts each recursion. A backtest repeats them as of one to four pieces of 28 days ago
    against the days that followed; the loss of a voice is its mean squared error over that of all four (1 = average).

    Args:
        days: DemandDay rows, best in their order; all of history, of which rates use the last `history_days`.
        starts: sku, location_id, first_on: first day stocked, where known.
        season: rows of `seasons`.
        growth: rows of `growths`.
        as_of: the night.
        history_days: how far back rates and voices look.

    Returns:
        One row per SKU and location known, ordered by both: first_on, observed_days, in_stock_days, demand_days, rate,
        rate_in_stock, the voices, their losses (`fast_loss`, …; none without a backtest), backtests, size (mean of days
        with demand, of all history), size_ratio (E[x²]/E[x]², at least 1).

    Source: Croston (1972); Syntetos and Boylan (2005); Teunter, Syntetos and Babai (2011).
    """
    series = Series(days, starts, as_of, history_days)
    sums = _piece_sums(series)
    heads = series.heads
    pieces = (
        heads.filter(pl.col("series").is_not_null())
        .select("series", "begin")
        .join(pl.DataFrame({"piece": range(BACKTESTS + 1)}, schema={"piece": pl.Int64}), how="cross")
    )
    end = pl.lit(as_of) - pl.duration(days=pl.col("piece") * PIECE_DAYS)
    upto = (
        pieces.sort("series", "piece")
        .with_columns(upto_days=(whole_days(end, pl.col("begin")) + 1).clip(lower_bound=0))
        .join(sums, on=["series", "piece"], how="left", validate="1:1", maintain_order="left")
        .with_columns(pl.col(*_PIECE_SUMS).fill_null(0))
    )
    total = pl.all().exclude("series", "piece", "begin", "upto_days", "alone_counted", "alone_missed")
    upto = (
        upto.with_columns(alone_counted="counted", alone_missed="missed")
        .with_columns(total.cum_sum(reverse=True).over("series"))
        .with_columns(clock=pl.col("upto_days") - pl.col("missed"))
        .join(growth.rename({"origin": "piece", "factor": "growth"}), on="piece", validate="m:1", maintain_order="left")
        .with_columns(**_voices(_smoothed_season(season, as_of)))
    )
    piece_days = pl.col("upto_days") - pl.col("upto_days").shift(-1).over("series") - pl.col("alone_missed")
    next_days, next_sold = piece_days.shift(1).over("series"), pl.col("alone_counted").shift(1).over("series")
    tests = (
        upto.with_columns(next_days=next_days, next_sold=next_sold)
        .filter((pl.col("piece") > 0) & (pl.col("sales") > 0) & (pl.col("clock") >= PIECE_DAYS))
        .filter(pl.col("next_days") >= PIECE_DAYS // 4)
        .with_columns(
            (pl.col(voice) - pl.col("next_sold") / pl.col("next_days")).pow(2).alias(f"{voice}_loss")
            for voice in VOICES
        )
        .group_by("series")
        .agg(*(pl.col(f"{voice}_loss").mean() for voice in VOICES), backtests=pl.len().cast(pl.Int64))
    )
    average = pl.mean_horizontal(f"{voice}_loss" for voice in VOICES)
    losses = tests.with_columns(
        pl.when(average > 0).then(pl.col(f"{voice}_loss") / average).otherwise(1.0).round(6).alias(f"{voice}_loss")
        for voice in VOICES
    )
    now = upto.filter(pl.col("piece") == 0).select("series", *VOICES, "asked", "asked_in_stock", "out_days")
    zero = pl.col("demand_days") > 0
    return (
        heads.join(now, on="series", how="left", validate="m:1")
        .join(losses, on="series", how="left", validate="m:1")
        .with_columns(
            pl.col(*VOICES, "asked", "asked_in_stock", "out_days", "demand_days", "backtests").fill_null(0),
        )
        .with_columns(in_stock_days=pl.col("observed_days") - pl.col("out_days"))
        .with_columns(rate=pl.col("asked") / pl.col("observed_days"))
        .select(
            *ITEM,
            "first_on",
            "observed_days",
            "in_stock_days",
            "demand_days",
            pl.col("rate").round(6),
            rate_in_stock=pl.when(pl.col("in_stock_days") > 0)
            .then(pl.col("asked_in_stock") / pl.col("in_stock_days"))
            .otherwise("rate")
            .round(6),
            **{voice: pl.col(voice).round(6) for voice in VOICES},
            **{f"{voice}_loss": pl.col(f"{voice}_loss") for voice in VOICES},
            backtests="backtests",
            size=pl.when(zero).then(pl.col("units") / pl.col("demand_days")).round(6),
            size_ratio=pl.when(zero).then(pl.col("squares") * pl.col("demand_days") / pl.col("units").pow(2)).round(6),
        )
        .sort(ITEM)
    )


_PIECE_SUMS = (
    "asked",
    "asked_in_stock",
    "out_days",
    "missed",
    "sales",
    "counted",
    "fast_sum",
    "chance_sum",
    "size_sum",
    "gap_sum",
)


def _piece_sums(series: Series) -> pl.DataFrame:
    """What each piece of each SKU's history adds to the voices.

    A recursion l(n) = (1 − α) l(n − 1) + α x(n), started at the first value, is (1 − α)^n times the sum of
    c(t) x(t) (1 − α)^−t with c = 1 for the first value and α for the others.
    """
    keep = 1 - SMOOTHING
    grown = pl.lit(pl.Series([keep**-power for power in range(4000)]))

    def start(number: str) -> pl.Expr:
        return pl.when(pl.col(number) == 1).then(1.0).otherwise(SMOOTHING)

    slots = BACKTESTS + 1
    slot = pl.col("series").cast(pl.Int64) * slots + BACKTESTS - pl.col("piece")  # grows along the rows
    rows = series.rows.with_columns(slot=slot).with_columns(pl.col("slot").set_sorted())
    plain_sums = rows.group_by("slot", maintain_order=True).agg(
        asked=pl.col("quantity").sum(),
        asked_in_stock=pl.col("quantity").filter(~pl.col("is_out_of_stock")).sum(),
        out_days=pl.col("is_out_of_stock").sum().cast(pl.Int64),
        missed=pl.col("is_left_out").sum().cast(pl.Int64),
    )
    is_first = (pl.col("series") != pl.col("series").shift()).fill_null(True)
    number = pl.int_range(pl.len(), dtype=pl.Int64)
    sold = (
        rows.lazy()
        .filter((pl.col("quantity") > 0) & ~pl.col("is_left_out"))
        .select("series", "slot", "clock", "counted")
        .with_columns(
            gap=pl.when(is_first).then("clock").otherwise(pl.col("clock") - pl.col("clock").shift()),
            sale=number - pl.when(is_first).then(number).forward_fill() + 1,
        )
        .with_columns(
            by_day=grown.gather(pl.col("clock")) * start("clock"),
            by_sale=grown.gather(pl.col("sale")) * start("sale"),
        )
        .with_columns(pl.col("slot").set_sorted())
        .collect()
    )
    voices = sold.group_by("slot", maintain_order=True).agg(
        sales=pl.len().cast(pl.Int64),
        counted=pl.col("counted").sum(),
        fast_sum=(pl.col("counted") * pl.col("by_day")).sum(),
        chance_sum=pl.col("by_day").sum(),
        size_sum=(pl.col("counted") * pl.col("by_sale")).sum(),
        gap_sum=(pl.col("gap") * pl.col("by_sale")).sum(),
    )
    return (
        plain_sums.join(voices, on="slot", how="left", validate="1:1")
        .with_columns(
            series=(pl.col("slot") // slots).cast(pl.UInt32),
            piece=BACKTESTS - pl.col("slot") % slots,
        )
        .drop("slot")
    )


def _smoothed_season(season: pl.DataFrame, as_of: date) -> float:
    """What smoothing makes of the weekdays' factors up to as_of, and so up to every whole number of weeks before."""
    factors, keep = season.sort("weekday")["factor"].to_list(), 1 - SMOOTHING
    week = [factors[(as_of - timedelta(days=age)).weekday()] * keep**age for age in range(7)]
    return float(SMOOTHING * sum(week) / (1 - keep**7))


def _voices(smoothed_season: float) -> dict[str, pl.Expr]:
    """What each voice says, from the sums up to a day."""
    keep = pl.lit(1 - SMOOTHING)
    by_day, by_sale = keep.pow(pl.col("clock")), keep.pow(pl.col("sales"))
    size, gap = pl.col("size_sum") * by_sale, pl.col("gap_sum") * by_sale

    def sold(value: pl.Expr) -> pl.Expr:
        return pl.when((pl.col("sales") > 0) & (pl.col("clock") > 0)).then(value).otherwise(0.0)

    return {
        "fast": sold(pl.col("fast_sum") * by_day / smoothed_season * pl.col("growth")),
        "flat": sold(pl.col("counted") / pl.col("clock")),
        "croston": sold(size / gap * (1 - SMOOTHING / 2)),
        "tsb": sold(size * pl.col("chance_sum") * by_day),
    }


def norms(found: pl.DataFrame) -> pl.DataFrame:
    """Add up what SKUs lend each other: how far each voice is off, and how uneven sizes are.

    Results of parts of the shop are put one under the other; `levels` adds them up.

    Args:
        found: rows of `measured`.

    Returns:
        figure (a voice, or `size_ratio`), total (millionths), items.
    """
    tested = found.filter(pl.col("backtests") > 0)
    sized = found.filter(pl.col("demand_days") >= 3)
    parts = [(voice, tested[f"{voice}_loss"]) for voice in VOICES] + [("size_ratio", sized["size_ratio"])]
    rows = [(name, int((values * MICRO).round().cast(pl.Int64).sum()), len(values)) for name, values in parts]
    return pl.DataFrame(rows, schema={"figure": pl.String, "total": pl.Int64, "items": pl.Int64}, orient="row")


def levels(found: pl.DataFrame, shop: pl.DataFrame) -> pl.DataFrame:
    """Weigh the voices of each SKU by how well they did, and say how much to expect a day and how lumpy it comes.

    The loss of a voice is drawn to the shop's as if that were one backtest more; its weight is the loss to minus the
    second power. Lumpiness is the variance of daily demand per unit of demand: E[x²]/E[x] of days with demand, whose
    unevenness E[x²]/E[x]² is drawn to the shop's, less the mean of all days; with steady demand that is the plain
    variance over the mean.

    Args:
        found: rows of `measured`.
        shop: rows of `norms`, of all parts of the shop.

    Returns:
        DemandLevel rows, ordered by SKU and location.
    """
    sums = shop.group_by("figure").agg(pl.col("total", "items").sum())
    norm = {figure: total / MICRO / items if items else 1.0 for figure, total, items in sums.rows()}
    tested = pl.col("backtests").fill_null(0)

    def weight(voice: str) -> pl.Expr:
        mean = norm.get(voice, 1.0)
        seen_loss = pl.col(f"{voice}_loss").fill_null(mean)
        return ((tested * seen_loss + TRUST * mean) / (tested + TRUST)).clip(lower_bound=0.01).pow(-SHARPNESS)

    own = pl.col("demand_days").cast(pl.Float64).pow(2)
    ratio = (own * pl.col("size_ratio") + SPREAD_TRUST**2 * norm.get("size_ratio", 1.0)) / (own + SPREAD_TRUST**2)
    schema = polars_schema(DemandLevel)
    return (
        found.with_columns(weight(voice).alias(f"{voice}_weight") for voice in VOICES)
        .with_columns(all_weights=pl.sum_horizontal(f"{voice}_weight" for voice in VOICES))
        .with_columns(
            (pl.col(f"{voice}_weight") / pl.col("all_weights")).round(6).alias(f"{voice}_weight") for voice in VOICES
        )
        .with_columns(level=pl.sum_horizontal(pl.col(voice) * pl.col(f"{voice}_weight") for voice in VOICES).round(6))
        .with_columns(
            lump=(pl.col("size") * ratio - pl.col("rate_in_stock")).clip(lower_bound=0).fill_null(0.0).round(6)
        )
        .select(schema.names())
        .cast(schema)
        .sort(ITEM)
    )
