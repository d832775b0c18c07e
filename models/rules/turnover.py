"""Inventory turnover: how often stock was sold in a period, and what it earned on what it cost to keep."""

from datetime import date, timedelta

import polars as pl

from models.rules import money, stock
from models.tables.base import polars_schema
from models.tables.turnover import InventoryTurnover

KEY = ["period", *stock.PLACE]
YEAR_DAYS = 365
_NO_SALES = pl.DataFrame(
    schema=pl.Schema({"day": pl.Date(), "sku": pl.String(), "location_id": pl.String(), "net_amount": money.SUM})
)
LARGEST_SUM = 1e21
"""No stock adds up to this much over the days of a period; beyond it the mean counts as unknown."""


def periods(first_day: date, as_of: date) -> pl.DataFrame:
    """Name the months and years from a first day up to the night, and the last 365 days.

    A month or year that has not ended goes up to the night; one that began before the first day is taken whole.

    Returns:
        period, first_on, last_on (both ends included), ordered by first_on and period.
    """
    months = pl.DataFrame({"first_on": pl.date_range(first_day.replace(day=1), as_of, "1mo", eager=True)})
    years = pl.DataFrame({"first_on": pl.date_range(first_day.replace(month=1, day=1), as_of, "1y", eager=True)})
    first_on = pl.col("first_on")
    latest = pl.DataFrame(
        {
            "period": [f"last_{YEAR_DAYS}_days"],
            "first_on": [as_of - timedelta(days=YEAR_DAYS - 1)],
            "last_on": [as_of],
        }
    )
    named = [
        months.select(first_on.dt.to_string("%Y-%m").alias("period"), first_on, last_on=first_on.dt.month_end()),
        years.select(
            first_on.dt.to_string("%Y").alias("period"),
            first_on,
            last_on=first_on.dt.offset_by("1y").dt.offset_by("-1d"),
        ),
        latest,
    ]
    return pl.concat(named).with_columns(last_on=pl.min_horizontal("last_on", pl.lit(as_of))).sort("first_on", "period")


def inventory_turnover(
    history: pl.DataFrame,
    ledger: pl.DataFrame,
    periods: pl.DataFrame,
    costs: pl.DataFrame,
    rates: pl.DataFrame,
    sales: pl.DataFrame | None = None,
) -> pl.DataFrame:
    r"""Set what was sold in each period against the stock that was kept for it, both at cost.

    .. math:: turnover = \frac{\sum_d units_d \cdot cost_d}{\frac{1}{n} \sum_{d=1}^{n} on\_hand_d \cdot cost_d}

    Shipped less returned units are sold, each at the cost and exchange rate of its day. The average is over every
    calendar day of the period, both ends included, 0 before the first movement, so that inventory_days (days of the
    period / turnover) does not depend on how much of the period had stock. It is exact: each stretch of days without a
    change counts as often as it is long. Days with a negative position (oversold) lower the average. A ratio is null
    where what it is divided by is not above 0. One unknown cost or rate makes the amount of its period null, never less.

    Args:
        history: StockHistory rows from the first movement on.
        ledger: StockLedger rows.
        periods: period, first_on, last_on, at least one; no day after the night.
        costs: see `stock.unit_costs`.
        rates: see `stock.rates`.
        sales: day, sku, location_id, net_amount in the reporting currency; a key without rows sold for nothing. Not
            given: it and gmroi are null.

    Returns:
        InventoryTurnover rows of every SKU and location with a movement up to the end of the period, ordered by key.
    """
    schema = polars_schema(InventoryTurnover)
    average, cogs, sold = pl.col("average_inventory_amount"), pl.col("cogs_amount"), pl.col("sold")
    calendar = periods.select("period", day=pl.date_ranges("first_on", "last_on")).explode("day")
    kept = _kept(history, periods, rates)
    gone = _sold(ledger, calendar, costs, rates)
    earned = _earned(sales, calendar)
    return (
        kept.join(gone, on=KEY, how="left", validate="1:1")
        .join(earned, on=KEY, how="left", validate="1:1")
        .with_columns(
            sold.fill_null(0),
            cogs_amount=pl.when(sold.is_null()).then(pl.lit(0).cast(money.SUM)).otherwise(cogs),
            net_sales_amount=pl.when(pl.col("is_earned").is_null() & pl.lit(sales is not None))
            .then(pl.lit(0).cast(money.SUM))
            .otherwise("net_amount"),
        )
        .with_columns(
            turnover=_ratio(cogs, average),
            inventory_days=_ratio(pl.col("days").cast(money.SUM) * average, cogs, also=average),
            sell_through_rate=_ratio(sold, sold + pl.col("ending").clip(lower_bound=0)),
            gmroi=_ratio(pl.col("net_sales_amount") - cogs, average),
        )
        .select(schema.names())
        .cast(schema)
        .sort(KEY)
    )


def _ratio(part: pl.Expr, whole: pl.Expr, *, also: pl.Expr | None = None) -> pl.Expr:
    """Part / whole with six places, half away from zero; null where the whole (or `also`) is not above 0."""
    is_above = whole > 0 if also is None else (whole > 0) & (also > 0)
    exact = part.cast(money.EXACT) / pl.when(is_above).then(whole).cast(money.EXACT)
    return exact.round(6, mode="half_away_from_zero").cast(pl.Decimal(24, 10), strict=False)


def _kept(history: pl.DataFrame, periods: pl.DataFrame, rates: pl.DataFrame) -> pl.DataFrame:
    """The average inventory, stock-out days and ending stock of each period."""
    following = pl.col("day").shift(-1).over(stock.PLACE)
    running = _running(rates)
    stretches = (
        history.sort(*stock.PLACE, "day")
        .with_columns(worth=stock.local_value("on_hand"), ended_on=following.dt.offset_by("-1d"))
        .pipe(_summed_up, running, pl.col("day").dt.offset_by("-1d"), "before")
        .pipe(_summed_up, running, pl.col("ended_on"), "upto")
        .sort("day")
    )
    return pl.concat([_kept_in(period, stretches, running) for period in periods.partition_by("period")])


def _kept_in(period: pl.DataFrame, stretches: pl.DataFrame, running: pl.DataFrame) -> pl.DataFrame:
    """The same of one period, by SKU and location.

    A stretch of days without a change is worth its value times the sum of its days' exchange rates. Sums of rates up to a
    day only grow, so that the part of a stretch within the period is found by cutting the sums at the period's ends.
    """
    (name, first_on, last_on), *_ = period.select("period", "first_on", "last_on").rows()
    days = (last_on - first_on).days + 1
    ends = (
        running.select("currency")
        .unique()
        .pipe(_summed_up, running, pl.lit(first_on - timedelta(days=1)), "first")
        .pipe(_summed_up, running, pl.lit(last_on), "last")
    )
    began = pl.max_horizontal("day", pl.lit(first_on))
    stretch = (pl.min_horizontal("ended_on", pl.lit(last_on)) - began).dt.total_days() + 1
    rate_sum = pl.min_horizontal("rate_sum_upto", "rate_sum_last") - pl.max_horizontal(
        "rate_sum_before", "rate_sum_first"
    )
    rated_days = pl.min_horizontal("rated_days_upto", "rated_days_last") - pl.max_horizontal(
        "rated_days_before", "rated_days_first"
    )
    is_sum = (pl.col("worth").cast(pl.Float64) * rate_sum.cast(pl.Float64)).abs() < LARGEST_SUM
    worth = pl.when(is_sum & (rated_days == stretch)).then("worth").cast(money.EXACT) * rate_sum
    total = pl.when(pl.col("on_hand") == 0).then(pl.lit(0).cast(money.EXACT)).otherwise(worth)
    average = pl.col("total") / pl.lit(days).cast(money.EXACT)
    return (
        stretches.filter((pl.col("day") <= last_on) & (pl.col("ended_on").is_null() | (pl.col("ended_on") >= first_on)))
        .join(ends, on="currency", how="left", validate="m:1", maintain_order="left")
        .with_columns(total=total, stretch=stretch)
        .group_by(stock.PLACE)
        .agg(
            total=_sum_or_null("total"),
            stock_out_days=pl.col("stretch").filter(pl.col("on_hand") <= 0).sum(),
            ending=pl.col("on_hand").last(),
        )
        .select(
            pl.lit(name).alias("period"),
            *stock.PLACE,
            average.round(4, mode="half_away_from_zero").cast(money.SUM).alias("average_inventory_amount"),
            "stock_out_days",
            "ending",
            pl.lit(days, pl.Int64).alias("days"),
        )
    )


def _running(rates: pl.DataFrame) -> pl.DataFrame:
    """Each exchange rate with the sum of the days' rates before it, and the number of these days."""
    held = (pl.col("valid_from") - pl.col("valid_from").shift(1)).dt.total_days().over("currency").fill_null(0)
    last = pl.col("rate").shift(1).over("currency").fill_null(0)
    return (
        rates.sort("currency", "valid_from")
        .with_columns(held=held, last=last)
        .with_columns(
            sum_before=(pl.col("last") * pl.col("held").cast(money.EXACT)).cum_sum().over("currency"),
            days_before=pl.col("held").cum_sum().over("currency"),
        )
        .select("currency", "valid_from", "rate", "sum_before", "days_before")
        .sort("valid_from")
    )


def _summed_up(rows: pl.DataFrame, running: pl.DataFrame, day: pl.Expr, suffix: str) -> pl.DataFrame:
    """Put beside each row the sum of its currency's daily rates up to a day, and on how many days there was one.

    Both are 0 before the first rate, and none where the day or the currency is none.
    """
    if not rows.height:
        return rows.with_columns(
            pl.lit(None, money.EXACT).alias(f"rate_sum_{suffix}"), pl.lit(None, pl.Int64).alias(f"rated_days_{suffix}")
        )
    asked = rows.with_columns(asked=day)
    held = (pl.col("asked") - pl.col("valid_from")).dt.total_days() + 1
    is_known = pl.col("asked").is_not_null() & pl.col("currency").is_not_null()
    both = {
        f"rate_sum_{suffix}": (pl.col("sum_before") + pl.col("rate") * held.cast(money.EXACT)).fill_null(0),
        f"rated_days_{suffix}": (pl.col("days_before") + held).fill_null(0),
    }
    return (
        asked.sort("asked", nulls_last=True)
        .join_asof(running, left_on="asked", right_on="valid_from", by="currency", check_sortedness=False)
        .with_columns(pl.when(is_known).then(value).alias(name) for name, value in both.items())
        .drop("asked", *running.columns[1:])
    )


def _sold(ledger: pl.DataFrame, calendar: pl.DataFrame, costs: pl.DataFrame, rates: pl.DataFrame) -> pl.DataFrame:
    """Units shipped less returned, and their cost, of each period."""
    shipped = (
        ledger.filter(pl.col("kind").is_in(["shipment", "return"]))
        .group_by(*stock.PLACE, day="moved_on")
        .agg(sold=-pl.col("quantity").sum())
    )
    return (
        stock.valued(stock.costed(shipped, "day", costs), "day", "sold", rates)
        .join(calendar, on="day")
        .group_by(KEY)
        .agg(
            pl.col("sold").sum(),
            cogs_amount=_sum_or_null("value"),
        )
    )


def _earned(sales: pl.DataFrame | None, calendar: pl.DataFrame) -> pl.DataFrame:
    """Net sales of each period."""
    told = _NO_SALES if sales is None else sales
    return (
        told.join(calendar, on="day")
        .group_by(KEY)
        .agg(net_amount=_sum_or_null("net_amount").cast(money.SUM), is_earned=pl.lit(True))
    )


def _sum_or_null(amount: str) -> pl.Expr:
    return pl.when(pl.col(amount).is_null().any()).then(None).otherwise(pl.col(amount).sum())
