"""Reorder: what to buy tonight, from whom, how much, and every figure it follows from.

A plan looks at the days on which a purchase made today would arrive before one made at the supplier's next order day:
if the lowest projected balance of these days is below the safety stock, it is filled up to the target. All figures
are rounded as they are stored before they are used, so that a quantity follows from its row; `rederived` proves it.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import polars as pl

from models.rules import money
from models.rules.demand import placed_at, seen
from models.rules.policies import bought_from, resolved
from models.rules.reorder_days import ITEM, PLACES, balances, projected, season_upto
from models.rules.reorder_figures import (
    chain,
    computed_economic_lot,
    computed_safety_stock,
    cost_in_reporting_currency,
    economic_lot,
    rederived,
    safety_stock,
    service_factor,
    target,
)
from models.rules.reorder_words import sentence
from models.tables.base import polars_schema
from models.tables.reorder import ReorderException, ReorderPlan, ReorderProposal

__all__ = [
    "Costs",
    "Planned",
    "balances",
    "commitments",
    "dear_cost",
    "economic_lot",
    "peers",
    "plans",
    "projected",
    "proposals",
]
__all__ += ["rederived", "safety_stock", "with_seen"]
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
REVIEW_DAYS = 7
YOUNG_DAYS = 60


@dataclass(frozen=True)
class Costs:
    """What buying and holding costs, in the reporting currency, and how long stock may last."""

    order_line_cost: Decimal = Decimal("2.00")
    holding_rate: Decimal = Decimal("0.25")
    maximum_cover_days: int | None = None
    service_level: Decimal = Decimal("0.95")
    currency: str | None = None
    """The reporting currency: that of every cost for which nobody names one."""


@dataclass(frozen=True)
class Planned:
    """Every item planned, and those that could not be."""

    plans: pl.DataFrame
    exceptions: pl.DataFrame


def commitments(
    orders: pl.DataFrame, lines: pl.DataFrame, allocations: pl.DataFrame, as_of: date, *, default_location: str
) -> pl.DataFrame:
    """List what open orders still wait for, where and by when.

    Confirmed orders only: ordered less cancelled less shipped. Due on the first promise, else the day requested, else
    today; a day before as_of is overdue. Each unit waits where it is allocated, else at the order's location, else the default.

    Args:
        orders: Order rows.
        lines: OrderLine rows of these.
        allocations: order_id, line_no, location_id, quantity of tonight's allocation.
        as_of: the night.
        default_location: where nothing else is known.

    Returns:
        sku, location_id, due_on, quantity; ordered by the first three.
    """
    due_on = pl.coalesce("first_promised_on", "requested_on", pl.lit(as_of))
    waiting = orders.filter(pl.col("status") == "confirmed").select("order_id", "location_id", due_on=due_on)
    open_lines = (
        lines.select("order_id", "line_no", "sku", left=pl.col("quantity") - pl.col("cancelled") - pl.col("shipped"))
        .filter(pl.col("left") > 0)
        .join(waiting, on="order_id", validate="m:1")
    )
    allocated, rest = placed_at(open_lines, allocations)
    rest = rest.with_columns(location_id=pl.coalesce("location_id", pl.lit(default_location)))
    return (
        pl.concat([allocated, rest]).group_by(*ITEM, "due_on").agg(quantity=pl.col("left").sum()).sort(*ITEM, "due_on")
    )


def peers(levels: pl.DataFrame, products: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Say what a new item of each category may be expected to sell: the median of those there for 60 days or more.

    Args:
        levels: DemandLevel rows of the whole shop.
        products: sku, category.
        as_of: the night.

    Returns:
        category, location_id, level, lump; ordered by both.
    """
    is_old = (pl.lit(as_of) - pl.col("first_on")).dt.total_days() + 1 >= YOUNG_DAYS
    return (
        levels.filter(is_old)
        .join(products.select("sku", "category"), on="sku", validate="m:1")
        .filter(pl.col("category").is_not_null())
        .group_by("category", "location_id")
        .agg(pl.col("level", "lump").cast(pl.Float64).median().round(6))
        .sort("category", "location_id")
    )


def dear_cost(
    products: pl.DataFrame,
    suppliers: pl.DataFrame,
    terms: pl.DataFrame,
    rates: pl.DataFrame,
    currency: str | None = None,
) -> float | None:
    """Say from which unit cost on goods are dear in this shop: three quarters of what it stocks cost no more.

    Args:
        products: Product rows of the whole shop.
        suppliers: Supplier rows.
        terms: SupplierProduct rows.
        rates: currency, rate: units of the reporting currency for one, tonight.
        currency: that of every cost for which nobody names one.

    Returns:
        A unit cost in the reporting currency; none where no cost is known.
    """
    sold = products.filter(pl.col("is_stocked").fill_null(True) & pl.col("is_active").fill_null(True))
    costs = (
        bought_from(sold, suppliers, terms, reporting_currency=currency)
        .join(rates.select("currency", currency_rate="rate"), on="currency", validate="m:1")
        .select(cost=cost_in_reporting_currency())
        .filter(pl.col("cost") > 0)
    )
    found = costs["cost"].quantile(0.75, interpolation="nearest")
    return None if found is None else round(found, PLACES)


def plans(
    positions: pl.DataFrame,
    levels: pl.DataFrame,
    classes: pl.DataFrame,
    waiting: pl.DataFrame,
    coming: pl.DataFrame,
    products: pl.DataFrame,
    suppliers: pl.DataFrame,
    terms: pl.DataFrame,
    lead_times: pl.DataFrame,
    policies: pl.DataFrame,
    rates: pl.DataFrame,
    season: pl.DataFrame,
    as_of: date,
    *,
    costs: Costs,
    policy_version: str,
    all_levels: pl.DataFrame | None = None,
    all_peers: pl.DataFrame | None = None,
    dear: float | None = None,
) -> Planned:
    """Plan every SKU at every location where it has stock, demand or open orders.

    SKUs are worked on apart: the plans of parts of the shop are those of the whole, given `classes`, `all_levels`,
    `all_peers` and `dear` of the whole. Services are not planned; of what is no longer sold only what open orders lack is
    bought.

    Args:
        positions: StockPosition rows of the night; a row with nothing on hand for what shall be bought the first time.
        levels: DemandLevel rows of these SKUs.
        classes: DemandClass rows.
        waiting: rows of `commitments`.
        coming: Supply rows; those counted.
        products: Product rows.
        suppliers: Supplier rows.
        terms: SupplierProduct rows.
        lead_times: SupplierLeadTime rows.
        policies: ReorderPolicy rows.
        rates: currency, rate: units of the reporting currency for one, tonight.
        season: rows of `demand.seasons`.
        as_of: the night.
        costs: what buying and holding costs.
        policy_version: stands for policies and settings in force.
        all_levels: DemandLevel rows of the whole shop, for `like_sku`; none = `levels`.
        all_peers: rows of `peers` of the whole shop; none = those of `levels`.
        dear: the `dear_cost` of the whole shop; none = that of `products`.

    Returns:
        plans: ReorderPlan rows, ordered by SKU and location; `quantity` 0 where nothing is needed.
        exceptions: ReorderException rows of the others.
    """
    wanted = pl.concat([rows.select(ITEM) for rows in (positions, levels, waiting)]).unique().sort(ITEM)
    sold = products.filter(pl.col("is_stocked").fill_null(True))
    planned_skus = wanted.join(sold.select("sku"), on="sku", how="semi", maintain_order="left")
    offers = bought_from(sold, suppliers, terms, reporting_currency=costs.currency)
    items = (
        planned_skus.join(offers, on="sku", validate="m:1", maintain_order="left")
        .join(
            sold.select("sku", "category", is_sold=pl.col("is_active").fill_null(True)),
            on="sku",
            validate="m:1",
            maintain_order="left",
        )
        .join(classes.select("sku", "abc"), on="sku", how="left", validate="m:1", maintain_order="left")
        .join(positions.select(*ITEM, "on_hand"), on=ITEM, how="left", validate="1:1", maintain_order="left")
        .with_columns(pl.col("abc").fill_null("U"), pl.col("on_hand").fill_null(0))
    )
    unplanned = _exceptions(wanted, products, items, as_of)
    items = items.filter(pl.col("supplier_id").is_not_null()).with_row_index("item")
    items = resolved(items, policies)
    items = _with_rate(
        items, levels, all_levels if all_levels is not None else levels, classes, all_peers, products, as_of
    )
    items = _with_calendar(items, lead_times, as_of)
    dear = dear_cost(products, suppliers, terms, rates, costs.currency) if dear is None else dear
    items = _with_stock_wanted(items, rates, season, as_of, costs, dear)
    walked = balances(items, waiting, coming, season, as_of)
    items = _with_lowest(items, walked, coming, as_of)
    return Planned(_chained(items, as_of, policy_version), unplanned)


def _exceptions(wanted: pl.DataFrame, products: pl.DataFrame, items: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """The items nobody can plan, each with what to do."""
    unknown = wanted.join(products, on="sku", how="anti").select(
        *ITEM,
        reason=pl.lit("unknown_sku"),
        sentence=pl.format("{} is not among the products: deliver it in the products feed.", "sku"),
    )
    homeless = items.filter(pl.col("supplier_id").is_null()).select(
        *ITEM,
        reason=pl.when("is_named").then(pl.lit("unknown_supplier")).otherwise(pl.lit("no_supplier")),
        sentence=pl.when("is_named")
        .then(pl.format("The supplier of {} is not known: deliver it in the suppliers feed.", "sku"))
        .otherwise(pl.format("{} has no supplier: name one in products or supplier_products.", "sku")),
    )
    schema = polars_schema(ReorderException)
    return (
        pl.concat([unknown, homeless])
        .with_columns(as_of=pl.lit(as_of))
        .select(schema.names())
        .cast(schema)
        .sort(*ITEM, "reason")
    )


def _with_rate(
    items: pl.DataFrame,
    levels: pl.DataFrame,
    all_levels: pl.DataFrame,
    classes: pl.DataFrame,
    all_peers: pl.DataFrame | None,
    products: pl.DataFrame,
    as_of: date,
) -> pl.DataFrame:
    """Put the expected demand a day beside each item.

    Of the SKU that the planner named for it; a new item of that named for its likes, else of its category; its own.
    """
    figures = (pl.col("level").cast(pl.Float64), pl.col("lump").cast(pl.Float64))
    own = levels.select(*ITEM, "first_on", *figures)
    others = all_levels.select(like_sku="sku", location_id="location_id", like_level=figures[0], like_lump=figures[1])
    anywhere = others.group_by("like_sku").agg(
        any_level=pl.col("like_level").mean().round(6), any_lump=pl.col("like_lump").mean().round(6)
    )
    category = (peers(all_levels, products, as_of) if all_peers is None else all_peers).rename(
        {"level": "peer_level", "lump": "peer_lump"}
    )
    is_young = ((pl.lit(as_of) - pl.col("first_on")).dt.total_days() + 1 < YOUNG_DAYS).fill_null(False)
    like_level = pl.coalesce("like_level", "any_level")
    is_like = pl.col("is_own_like_sku") | is_young | pl.col("first_on").is_null()
    source = (
        pl.when(like_level.is_not_null() & is_like)
        .then(pl.lit("like_sku"))
        .when(is_young & pl.col("peer_level").is_not_null())
        .then(pl.lit("category"))
        .otherwise(pl.lit("own"))
    )

    def by_source(like: pl.Expr, peer: pl.Expr, mine: pl.Expr) -> pl.Expr:
        return (
            pl.when(pl.col("rate_source") == "like_sku")
            .then(like)
            .when(pl.col("rate_source") == "category")
            .then(peer)
            .otherwise(mine)
        )

    idle = pl.col("do_not_stock")
    return (
        items.join(own, on=ITEM, how="left", validate="1:1", maintain_order="left")
        .join(others, on=["like_sku", "location_id"], how="left", validate="m:1", maintain_order="left")
        .join(anywhere, on="like_sku", how="left", validate="m:1", maintain_order="left")
        .join(category, on=["category", "location_id"], how="left", validate="m:1", maintain_order="left")
        .join(
            classes.select(like_sku="sku", like_abc="abc"),
            on="like_sku",
            how="left",
            validate="m:1",
            maintain_order="left",
        )
        .with_columns(do_not_stock=pl.col("do_not_stock").fill_null(False) | ~pl.col("is_sold"))
        .with_columns(rate_source=source, is_young=is_young, is_like_sku_known=like_level.is_not_null())
        .with_columns(
            rate=pl.when(idle)
            .then(0.0)
            .otherwise(by_source(like_level, pl.col("peer_level"), pl.col("level")))
            .fill_null(0.0),
            lump=by_source(pl.coalesce("like_lump", "any_lump"), pl.col("peer_lump"), pl.col("lump")).fill_null(0.0),
            abc=by_source(pl.col("like_abc"), pl.lit("C"), pl.col("abc")).fill_null("C"),
        )
    )


def _with_calendar(items: pl.DataFrame, lead_times: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Put the supplier's days beside each item: when it can be ordered, next and after that, and when it arrives."""
    pairs = items.select("order_weekdays", wish="review_days").unique()
    offsets = [_order_days(weekdays, review, as_of) for weekdays, review in pairs.rows()]
    calendar = pairs.with_columns(
        order_in=pl.Series([first for first, _ in offsets], dtype=pl.Int64),
        review_in=pl.Series([second for _, second in offsets], dtype=pl.Int64),
    )
    measured = lead_times.select(
        "supplier_id",
        pl.col("planned_days", "stated_ratio").cast(pl.Float64),
        lead_time_sd_days=pl.col("lead_time_sd_days").cast(pl.Float64),
    )
    stated = pl.col("stated_days").cast(pl.Float64)
    arrives_in = pl.col("lead_time_days").round().cast(pl.Int64)
    return (
        items.rename({"review_days": "wish"})
        .join(
            calendar, on=["order_weekdays", "wish"], how="left", nulls_equal=True, validate="m:1", maintain_order="left"
        )
        .join(measured, on="supplier_id", how="left", validate="m:1", maintain_order="left")
        .with_columns(
            lead_time_days=pl.when((stated > 0) & pl.col("stated_ratio").is_not_null())
            .then(stated * pl.col("stated_ratio"))
            .otherwise(pl.coalesce("planned_days", stated, pl.lit(0.0)))
            .round(PLACES),
            lead_time_sd_days=pl.col("lead_time_sd_days").fill_null(0.0).round(PLACES),
            review_days=pl.col("review_in") - pl.col("order_in"),
        )
        .with_columns(
            first_in=pl.col("order_in") + arrives_in,
            last_in=pl.col("review_in") + arrives_in,
        )
    )


def _order_days(weekdays: str | None, review_days: int | None, as_of: date) -> tuple[int, int]:
    """In how many days the supplier takes the next order, and the one after."""
    taken = {WEEKDAYS.index(name.strip()) for name in weekdays.split(",")} if weekdays else set(range(7))

    def first(after: int) -> int:
        return next(days for days in range(after, after + 7) if (as_of + timedelta(days=days)).weekday() in taken)

    order_in = first(0)
    if review_days is not None:
        return order_in, first(order_in + review_days)
    return order_in, first(order_in + 1) if weekdays else order_in + REVIEW_DAYS


def _with_stock_wanted(
    items: pl.DataFrame, rates: pl.DataFrame, season: pl.DataFrame, as_of: date, costs: Costs, dear: float | None
) -> pl.DataFrame:
    """Put safety stock, cover and economic lot beside each item, and the target they make."""
    service = pl.coalesce(pl.col("service_level").cast(pl.Float64), pl.lit(float(costs.service_level)))
    items = items.with_columns(
        service_level=service.round(PLACES),
        dear_unit_cost=pl.when(~pl.col("is_own_service_level")).then(pl.lit(dear, pl.Float64)),
    )
    stocked = ~pl.col("do_not_stock")
    items = (
        items.join(
            rates.select("currency", currency_rate="rate"),
            on="currency",
            how="left",
            validate="m:1",
            maintain_order="left",
        )
        .with_columns(
            service_factor=service_factor(items["service_level"]),
            cover_days=pl.coalesce("cover_days", "review_days"),
            maximum_cover_days=pl.coalesce("maximum_cover_days", pl.lit(costs.maximum_cover_days, pl.Int64)),
            rounding=pl.col("rounding").fill_null("up"),
            order_line_cost=pl.lit(float(costs.order_line_cost)),
            holding_rate=pl.lit(float(costs.holding_rate)),
            maximum_on_hand=pl.when(stocked).then("maximum_on_hand"),
            safety_source=pl.when(~stocked)
            .then(pl.lit("do_not_stock"))
            .when(pl.col("minimum_on_hand").is_not_null())
            .then(pl.lit("minimum_on_hand"))
            .when(pl.col("safety_stock_quantity").is_not_null())
            .then(pl.lit("safety_stock_quantity"))
            .otherwise(pl.lit("service_level")),
        )
        .with_columns(
            cover=_expected("last_in", "cover_days", season, as_of),
            maximum_cover=_expected("first_in", "maximum_cover_days", season, as_of),
        )
    )
    planners = pl.coalesce("minimum_on_hand", "safety_stock_quantity").cast(pl.Float64)
    safety = pl.when(stocked).then(planners.fill_null(computed_safety_stock())).otherwise(0.0)
    at_most = pl.col("maximum_on_hand").cast(pl.Float64).fill_null(float("inf"))
    return items.with_columns(
        safety_stock=pl.min_horizontal(safety, at_most), economic_lot=computed_economic_lot()
    ).with_columns(target=target())


def _expected(after: str, days: str, season: pl.DataFrame, as_of: date) -> pl.Expr:
    """Demand expected in some days after a day, both columns in days from as_of; none where the number is none."""
    start = pl.col(after)
    return (
        pl.col("rate") * (season_upto(start + pl.col(days), season, as_of) - season_upto(start, season, as_of))
    ).round(PLACES)


def _with_lowest(items: pl.DataFrame, walked: pl.DataFrame, coming: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Put the lowest day and its balance beside each item, and what comes by when."""
    low = pl.col("balance").arg_min()
    safety = items.select(item=pl.int_range(pl.len(), dtype=pl.UInt32), safety_stock="safety_stock")
    lowest = (
        walked.join(safety, on="item", validate="m:1", maintain_order="left")
        .group_by("item", maintain_order=True)
        .agg(
            *(pl.col(name).get(low) for name in ("promised", "overdue", "inbound", "forecast")),
            lowest_on=pl.col("day").get(low),
            lowest_balance=pl.col("balance").get(low),
            arrival_balance=pl.col("balance").first(),
            needed_on=pl.col("day").filter(pl.col("balance") < pl.col("safety_stock")).first(),
        )
    )
    until = items.select(*ITEM, last_on=pl.lit(as_of) + pl.duration(days=pl.col("last_in")))
    due = (
        coming.filter(pl.col("is_counted"))
        .join(until, on=ITEM, validate="m:1")
        .filter(pl.col("due_on") <= pl.col("last_on"))
        .group_by(*ITEM, "due_on")
        .agg(pl.col("quantity").sum(), is_overdue=(pl.col("chase") == "overdue").any())
        .sort(*ITEM, "due_on")
        .group_by(ITEM, maintain_order=True)
        .agg(
            coming=pl.col("quantity").sum(),
            inbound_by_day=pl.format("{} on {}", "quantity", "due_on").str.join("; "),
            deliveries=pl.len(),
            last_due_on=pl.col("due_on").last(),
            has_overdue=pl.col("is_overdue").fill_null(False).any(),
        )
    )
    return (
        items.with_columns(item=pl.int_range(pl.len(), dtype=pl.UInt32))
        .join(lowest, on="item", validate="1:1", maintain_order="left")
        .join(due, on=ITEM, how="left", validate="1:1", maintain_order="left")
    )


def _chained(items: pl.DataFrame, as_of: date, policy_version: str) -> pl.DataFrame:
    """Turn need into quantity step by step, and set out the plan with all its figures."""
    planned = items
    for name, figure in chain().items():
        planned = planned.with_columns(figure.alias(name))
    in_time = (pl.col("needed_on") - pl.lit(as_of)).dt.total_days() - (pl.col("first_in") - pl.col("order_in"))
    any_day_in = pl.when(pl.col("order_weekdays").is_null()).then(pl.max_horizontal("order_in", in_time))
    amount = money.times(pl.col("quantity"), pl.col("unit_cost"), pl.col("currency"))
    planned = planned.with_columns(
        as_of=pl.lit(as_of),
        proposal_id=pl.format("{}@{}", *ITEM),
        policy_version=pl.lit(policy_version),
        amount=pl.when(pl.col("unit_cost").is_not_null()).then(amount),
        order_on=_day("order_in", as_of),
        order_by=pl.lit(as_of) + pl.duration(days=pl.coalesce(any_day_in, "order_in")),
        first_arrival_on=_day("first_in", as_of),
        last_arrival_on=_day("last_in", as_of),
        next_review_on=_day("review_in", as_of),
        steps=_steps(),
        flags=_flags(),
        seen_stretches=pl.lit(None, pl.Int64),
        seen_quantity=pl.lit(None, pl.Int64),
    ).with_columns(amount_r=money.at_rate(pl.col("amount"), pl.col("currency_rate")))
    schema = polars_schema(ReorderPlan)
    return planned.with_columns(sentence=sentence()).select(schema.names()).cast(schema).sort(ITEM)


def _day(days: str, as_of: date) -> pl.Expr:
    return pl.lit(as_of) + pl.duration(days=pl.col(days))


def _steps() -> pl.Expr:
    """The steps from needed to the quantity that changed it."""
    steps = (
        ("needed", None, pl.lit("needed")),
        ("after_minimum", "needed", pl.format("minimum order quantity {}", "minimum_order_quantity")),
        ("after_pack", "after_minimum", pl.format("packs of {}, {}", "pack_size", "rounding")),
        ("after_maximum", "after_pack", pl.format("maximum {}", "maximum_quantity")),
    )
    told = [
        pl.when((pl.col(name) != pl.col(before)) if before else pl.col(name) > 0).then(pl.format("{}: {}", what, name))
        for name, before, what in steps
    ]
    return pl.concat_list(told).list.drop_nulls()


def _flags() -> pl.Expr:
    """What a planner should know of a plan, beyond its figures."""
    flags = {
        "no_cost": pl.col("unit_cost").is_null(),
        "no_exchange_rate": pl.col("unit_cost").is_not_null() & pl.col("currency_rate").is_null(),
        "currencies_differ": pl.col("currencies_differ"),
        "like_sku_unknown": pl.col("like_sku").is_not_null() & ~pl.col("is_like_sku_known"),
        "new_item": pl.col("is_young"),
        "no_longer_sold": ~pl.col("is_sold"),
        "overdue_inbound": pl.col("has_overdue"),
        "minimum_over_maximum": pl.col("quantity") > pl.col("maximum_quantity"),
    }
    return pl.concat_list(pl.when(holds).then(pl.lit(name)) for name, holds in flags.items()).list.drop_nulls()


def proposals(
    planned: pl.DataFrame, suppliers: pl.DataFrame, skips: pl.DataFrame, *, budget: Decimal | None = None
) -> pl.DataFrame:
    """Propose every purchase that is planned, and say which are skipped or wait for the budget.

    Looks at all plans together. The budget is given to A before B before C, then to what is needed first, then to
    what lacks the most days of demand, until an item exceeds it; from there on all wait. A skipped item takes no
    budget, nor does one without a known amount.

    Args:
        planned: ReorderPlan rows of the whole shop.
        suppliers: Supplier rows.
        skips: rows of `purchases.skips`.
        budget: the most that a night may propose, in the reporting currency; none = no limit.

    Returns:
        ReorderProposal rows, ordered by proposal_id.
    """
    schema = polars_schema(ReorderProposal)
    minimum = pl.col("min_order_amount").cast(pl.Decimal(38, 4))
    missing = (pl.col("lowest_balance") - pl.col("safety_stock")).cast(pl.Float64)
    claimed = pl.when(pl.col("skipped_until").is_null()).then("amount_r").fill_null(money.ZERO.cast(money.SUM))
    waits = pl.lit(False) if budget is None else (claimed.cum_sum() > pl.lit(budget, pl.Decimal(38, 4))) & (claimed > 0)
    return (
        planned.filter(pl.col("quantity") > 0)
        .join(suppliers.select("supplier_id", "min_order_amount"), on="supplier_id", how="left", validate="m:1")
        .join(skips.select("proposal_id", "skipped_until"), on="proposal_id", how="left", validate="1:1")
        .sort("abc", "needed_on", missing / pl.max_horizontal("rate", pl.lit(0.001)), "proposal_id")
        .with_columns(kind=pl.lit("buy"), waits_for_budget=waits)
        .with_columns(bought=pl.col("amount").sum().over("supplier_id"))
        .with_columns(supplier_short_amount=pl.when(pl.col("bought") < minimum).then(minimum - pl.col("bought")))
        .select(schema.names())
        .cast(schema)
        .sort("proposal_id")
    )


def with_seen(planned: pl.DataFrame, days: pl.DataFrame, levels: pl.DataFrame, history_days: int = 365) -> pl.DataFrame:
    """Put beside each plan what demand over lead time and review was really seen: see `demand.seen`.

    Args:
        planned: ReorderPlan or ReorderProposal rows of one night.
        days: DemandDay rows of these SKUs.
        levels: DemandLevel rows of these SKUs.
        history_days: how far back to look.

    Returns:
        The rows in their order, with seen_stretches and seen_quantity; none without a whole stretch.
    """
    if not planned.height:
        return planned
    span = (pl.col("lead_time_days") + pl.col("review_days")).ceil().cast(pl.Int64).clip(lower_bound=1)
    items = planned.select(*ITEM, "service_level", span_days=span).join(
        levels.select(*ITEM, "first_on"), on=ITEM, how="left", validate="1:1", maintain_order="left"
    )
    found = seen(days, items, planned["as_of"].to_list()[0], history_days).rename({"stretches": "seen_stretches"})
    return (
        planned.drop("seen_stretches", "seen_quantity")
        .join(found, on=ITEM, how="left", validate="1:1", maintain_order="left")
        .select(planned.columns)
    )
