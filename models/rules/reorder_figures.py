"""The figures of a plan, each from the columns of its own row: the plan is made of them, and proven by them again.

All are rounded as they are stored before they are used, so that a quantity follows from its row.
"""

from statistics import NormalDist

import polars as pl

from models.rules.reorder_days import PLACES

CHEAP_EXTRA = 0.7
"""Standard deviations that an item is kept safer for being cheaper by a factor of e (2.718) than a dear one."""
MOST_DEVIATIONS = 3.719016
"""No item is kept safer than to 0.9999."""


def economic_lot(rate: pl.Expr, unit_cost: pl.Expr, order_line_cost: pl.Expr, holding_rate: pl.Expr) -> pl.Expr:
    """The quantity at which buying again and holding cost the least together: sqrt(2·K·d·365 / (h·cost)).

    Args:
        rate: units a day.
        unit_cost: cost of one unit.
        order_line_cost: cost of one order line, in the same currency.
        holding_rate: cost of holding, as a share of the cost a year.

    Source: Harris (1913).
    """
    return (2 * order_line_cost * rate * 365 / (holding_rate * unit_cost)).sqrt()


def safety_stock(
    service_factor: pl.Expr, rate: pl.Expr, lump: pl.Expr, span_days: pl.Expr, lead_time_sd_days: pl.Expr
) -> pl.Expr:
    """What is kept against demand and lead times that turn out higher: z·sqrt(d·L·lump + d²·σL²).

    With steady demand d·lump is the variance of a day, and this the textbook's z·sqrt(L·σd² + d²·σL²).

    Args:
        service_factor: z, standard deviations that keep the service level.
        rate: d, units a day.
        lump: variance of demand per unit of demand.
        span_days: L, days of lead time and review.
        lead_time_sd_days: σL.

    Source: Silver, Pyke and Thomas (2017), ch. 6, with compound demand.
    """
    return service_factor * (rate * span_days * lump + (rate * lead_time_sd_days).pow(2)).sqrt()


def cost_in_reporting_currency() -> pl.Expr:
    """The cost of a unit in the reporting currency; none without cost or rate."""
    return pl.col("unit_cost").cast(pl.Float64) * pl.col("currency_rate").cast(pl.Float64)


def service_factor(levels: pl.Series) -> pl.Expr:
    """Standard deviations of the normal that keep the service level, within 0.5 and 0.9999, and more for the cheap.

    A unit short is a unit short, whatever it costs; that it is there costs little where the unit does. Per unit of
    money the most is served when the chance to run out goes with the cost.
    """
    factors = {level: round(NormalDist().inv_cdf(min(max(level, 0.5), 0.9999)), 6) for level in levels.unique()}
    cheaper = pl.col("dear_unit_cost") / pl.when(cost_in_reporting_currency() > 0).then(cost_in_reporting_currency())
    extra = (CHEAP_EXTRA * cheaper.clip(lower_bound=1).log()).fill_null(0)
    kept = pl.col("service_level").replace_strict(factors, return_dtype=pl.Float64)
    return (kept + extra).clip(upper_bound=MOST_DEVIATIONS).round(6)


def computed_safety_stock() -> pl.Expr:
    """The safety stock of the service level; none for what is unsold."""
    span = pl.col("lead_time_days") + pl.col("review_days")
    kept = safety_stock(pl.col("service_factor"), pl.col("rate"), pl.col("lump"), span, pl.col("lead_time_sd_days"))
    return pl.when(pl.col("abc") == "U").then(0.0).otherwise(kept.round(PLACES))


def computed_economic_lot() -> pl.Expr:
    """The economic lot within the maximum cover; 0 where cost or rate is none."""
    cost = cost_in_reporting_currency()
    lot = economic_lot(pl.col("rate"), cost, pl.col("order_line_cost"), pl.col("holding_rate"))
    is_known = (cost > 0) & (pl.col("rate") > 0) & (pl.col("holding_rate") > 0)
    return pl.when(is_known).then(pl.min_horizontal(lot, "maximum_cover").round(PLACES)).otherwise(0.0)


def target() -> pl.Expr:
    """What an order fills up to: the planner's maximum, else safety stock and the larger of cover and economic lot."""
    filled = pl.col("safety_stock") + pl.max_horizontal("cover", "economic_lot")
    return pl.coalesce(pl.col("maximum_on_hand").cast(pl.Float64), filled).round(PLACES)


def _maximum_quantity() -> pl.Expr:
    """The whole packs that fit on the day of arrival under the maximum cover and the planner's maximum."""
    cover = pl.when(pl.col("rate") > 0).then("maximum_cover")
    room = pl.min_horizontal(cover, pl.col("maximum_on_hand").cast(pl.Float64)) - pl.col("arrival_balance")
    units = room.round(PLACES).floor().clip(0, 10**12).cast(pl.Int64)
    return units // pl.col("pack_size") * pl.col("pack_size")


def _packs_up(quantity: pl.Expr, pack: pl.Expr) -> pl.Expr:
    return -(-quantity // pack) * pack


def chain() -> dict[str, pl.Expr]:
    """The figures from the lowest balance to the quantity, each from columns of the row before it, in order."""
    pack, minimum, wish = pl.col("pack_size"), pl.col("minimum_order_quantity"), pl.col("after_minimum")
    least = _packs_up(pl.max_horizontal(minimum, (pl.col("lowest_balance") < 0).cast(pl.Int64)), pack)
    rounded = (
        pl.when(pl.col("rounding") == "up")
        .then(_packs_up(wish, pack))
        .when(pl.col("rounding") == "down")
        .then(wish // pack * pack)
        .otherwise((2 * wish + pack) // (2 * pack) * pack)
    )
    missing = (pl.col("target") - pl.col("lowest_balance")).round(PLACES).ceil().cast(pl.Int64)
    cut = pl.min_horizontal("after_pack", "maximum_quantity")
    return {
        "maximum_quantity": _maximum_quantity(),
        "needed": pl.when(pl.col("lowest_balance") < pl.col("safety_stock")).then(missing).otherwise(0),
        "after_minimum": pl.when(pl.col("needed") > 0).then(pl.max_horizontal("needed", minimum)).otherwise(0),
        "after_pack": pl.when(wish > 0).then(pl.max_horizontal(rounded, least)).otherwise(0),
        "after_maximum": pl.when(wish > 0).then(pl.max_horizontal(cut, least)).otherwise(0),
        "quantity": pl.col("after_maximum"),
    }


def rederived(proposed: pl.DataFrame) -> pl.DataFrame:
    """Compute each quantity once more, from the stored figures of its row alone.

    Args:
        proposed: ReorderProposal or ReorderPlan rows.

    Returns:
        proposal_id and, as they follow from the row, lowest_balance, service_factor, safety_stock, economic_lot, target,
        maximum_quantity, needed, after_minimum, after_pack, after_maximum, quantity; in the order given.
    """
    decimals = [name for name, dtype in proposed.schema.items() if isinstance(dtype, pl.Decimal)]
    rows = proposed.with_columns(pl.col(decimals).cast(pl.Float64))
    balance = pl.col("on_hand") + pl.col("inbound") - pl.col("promised") - pl.col("forecast")
    rows = rows.with_columns(
        lowest_balance=balance.round(PLACES),
        service_factor=service_factor(rows["service_level"]),
        economic_lot=computed_economic_lot(),
    )
    at_most = pl.col("maximum_on_hand").cast(pl.Float64).fill_null(float("inf"))
    rows = rows.with_columns(
        safety_stock=pl.when(pl.col("safety_source") == "service_level")
        .then(pl.min_horizontal(computed_safety_stock(), at_most))
        .otherwise("safety_stock")
    ).with_columns(target=target())
    steps = chain()
    for name, figure in steps.items():
        rows = rows.with_columns(figure.alias(name))
    figures = ("lowest_balance", "service_factor", "safety_stock", "economic_lot", "target")
    return rows.select("proposal_id", *figures, *steps)
