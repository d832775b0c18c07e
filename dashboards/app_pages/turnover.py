"""How often does stock turn over, where does money lie idle, and what does it earn?"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl
import streamlit as st

from dashboards import charts, layout, queries, wording
from dashboards.queries import Scope, stock, turnover
from dashboards.queries.turnover import YEAR, Grouping, Period
from dashboards.wording import NARROW, count, money, whole

GROUPINGS: dict[str, Grouping] = {"Category": "category", "ABC": "abc", "Location": "location"}


@dataclass(frozen=True)
class Metric:
    """One figure: its column, how it is said, which way is good, and how it is summed up."""

    column: str
    say: Callable[[float], str]
    more_is_good: bool
    unit: str
    summed: str
    decimals: int = 1
    factor: int = 1
    declared: str = ""

    @property
    def described(self) -> str:
        """What the table says of it."""
        return layout.declared("inventory_turnover")[self.declared or self.column].description


METRICS = {
    "Turnover": Metric(
        "turnover",
        lambda value: f"{value:,.2f}{NARROW}×",
        True,
        "times",
        "Σ cost of goods sold / Σ average inventory",
        2,
    ),
    "Days of inventory": Metric(
        "inventory_days",
        lambda value: f"{value:,.0f} days",
        False,
        "days",
        "days of the period × Σ average inventory / Σ cost of goods sold",
        0,
    ),
    "GMROI": Metric(
        "gmroi",
        lambda value: f"{value:,.2f}",
        True,
        "times",
        "Σ (net sales − cost of goods sold) / Σ average inventory",
        2,
    ),
    "Sell-through": Metric(
        "sell_through_rate",
        lambda value: wording.rate(value, 1),
        True,
        "% of what there was",
        "Σ sold / (Σ sold + Σ on hand at the end)",
        0,
        100,
    ),
}
STOCK_OUT = "Stock-out days"
METRICS["Stock-outs"] = Metric(
    "stock_out_rate",
    lambda value: wording.rate(value, 1),
    False,
    "% of days",
    "Σ stock-out days / Σ days since the first movement",
    1,
    100,
    "stock_out_days",
)
TITLES = {
    "cogs_amount": ("Cost of goods sold", "Units shipped less returned, at the cost of their day; unknown cost apart."),
    "average_inventory_amount": ("Average inventory", "Mean of the days' inventory at cost; unknown cost apart."),
    "sell_through_rate": ("Sell-through (%)", "Sold / (sold + on hand at the end)."),
    "stock_out_days": ("Stock-out days", "Days that ended with nothing on hand, all locations together."),
    "stock_out_rate": ("Without stock (%)", "Stock-out days as a share of the days since the first movement."),
    "ending": ("On hand at the end", "Units at the end of the period."),
    "turnover": ("Turnover (times)", "Cost of goods sold / average inventory."),
    "inventory_days": ("Days of inventory", "Days of the period / turnover."),
    "gmroi": ("GMROI (times)", "(Net sales - cost of goods sold) / average inventory."),
    "unknown": ("Unknown", "Locations of which cost or rate is unknown: in no amount."),
    "abc": ("ABC", "By revenue: the first 80 %, the next 15 %, the rest; U = unsold."),
}


def said(period: Period) -> str:
    """A period as people call it."""
    if period.name == YEAR:
        return "last 365 days"
    return f"{period.first_on:%b %Y}" if len(period.name) == 7 else period.name


def is_cut(period: Period) -> bool:
    """Whether a month or year has not ended yet."""
    following = pl.Series([period.last_on]).dt.offset_by("1d").to_list()[0]
    return period.name != YEAR and (following.day != 1 or (len(period.name) == 4 and following.month != 1))


def chosen(periods: list[Period], first: date) -> Period:
    """Let the visitor choose a period; the year, or the newest whole month of a shop that is younger."""
    newest_first = sorted(
        periods, key=lambda period: (len(period.name) == 7, period.name != YEAR, [-ord(c) for c in period.name])
    )
    months = [period for period in newest_first if len(period.name) == 7]
    year = next(period for period in periods if period.name == YEAR)
    young = year.first_on < first
    whole_months = [month for month in months if not is_cut(month) and month.first_on >= first] or months
    usual = whole_months[0] if young and whole_months else year
    labels = {said(period): period for period in newest_first}
    label = st.selectbox(
        "Period", list(labels), index=list(labels).index(said(usual)), key="turnover_of", bind="query-params", width=160
    )
    return labels[label or said(usual)]


def before(period: Period, periods: list[Period]) -> Period | None:
    """The whole period right before, if both are whole."""
    if is_cut(period) or period.name == YEAR:
        return None
    earlier = [found for found in periods if len(found.name) == len(period.name) and found.name < period.name]
    return max(earlier, key=lambda found: found.name) if earlier else None


def figures(now: dict[str, Any], then: dict[str, Any] | None, then_said: str) -> None:
    """The metrics over everything chosen."""
    described = layout.declared("inventory_turnover")
    with layout.figures(5):
        for label, metric in list(METRICS.items())[:4]:
            value, old = now[metric.column], then[metric.column] if then else None
            layout.figure(
                label,
                metric.say(value) if value is not None else "–",
                change=wording.change_rate(value, old) if value is not None and old is not None else None,
                against=f"vs {then_said}",
                note="not known" if value is None else "nothing before to compare",
                more_is_good=metric.more_is_good,
                help=f"{metric.described} Over all that is chosen: {metric.summed}.",
            )
        layout.figure(
            STOCK_OUT,
            whole(now["stock_out_days"]),
            note=f"{wording.rate(now['stock_out_days'], now['kept_days'])} of days × positions",
            help=described["stock_out_days"].description + " Summed over all SKUs and locations chosen.",
        )


def definition(label: str, metric: Metric, now: dict[str, Any], period: Period, currency: str) -> None:
    """What a metric is, and how its figure came about."""
    described = layout.declared("inventory_turnover")
    value = now[metric.column]
    cost, average = (money(now[name], currency) for name in ("cogs_amount", "average_inventory_amount"))
    worked = {
        "turnover": f"{cost} / {average}",
        "inventory_days": f"{period.days} days × {average} / {cost}",
        "gmroi": f"earned on {average} of average inventory",
        "sell_through_rate": f"{whole(now['sold'])} / ({whole(now['sold'])} + {whole(now['ending'])}) units",
        "stock_out_rate": f"{whole(now['stock_out_days'])} / {whole(now['kept_days'])} days",
    }[metric.column]
    with st.popover("What it means", icon=":material/help:", key="definition"):
        layout.definitions(
            {
                label: metric.described,
                "Summed up": f"{metric.summed}; never a mean of ratios.",
                "Here": f"{worked} = {metric.say(value)}" if value is not None else "not known: nothing to divide by",
                "Cost of goods sold": described["cogs_amount"].description,
                "Average inventory": described["average_inventory_amount"].description
                + " Both ends included, 0 before the first movement; oversold days lower it.",
                STOCK_OUT: described["stock_out_days"].description,
                "Period": f"{wording.span(period.first_on, period.last_on)}, {count(period.days, 'day')}.",
            }
        )


def trend(scope: Scope, periods: list[Period], label: str, metric: Metric, height: int) -> None:
    """The metric month by month."""
    months = [period for period in periods if len(period.name) == 7][-24:]
    found = turnover.by_month(scope, months)
    of_month = {row["name"]: row[metric.column] for row in found.iter_rows(named=True)}
    shown = [month for month in months if month.name in of_month]
    values = [of_month[month.name] for month in shown]
    values = [value * metric.factor if value is not None else None for value in values]
    full = [value for month, value in zip(shown, values, strict=True) if not is_cut(month) and value is not None]
    moved = f" {wording.moved(full[-1], full[-2])} in {said(_last_whole(shown))}" if len(full) > 1 else " by month"
    cut = bool(shown) and is_cut(shown[-1])
    layout.chart(
        charts.over_time(
            [month.first_on for month in shown],
            [charts.Line(label, values)],
            metric.unit,
            hover="%B %Y",
            decimals=metric.decimals,
            hollow=(False, cut),
            is_monthly=True,
            height=height,
        )
        if any(value is not None for value in values)
        else None,
        f"{label}{moved}",
        key="trend",
        note=f"{metric.unit} per month"
        + (f"; hollow: {said(shown[-1])} goes up to {wording.day(scope.as_of, year=False)} only" if cut else ""),
        empty="No month has both sales and stock at a known cost.",
    )


def _last_whole(months: list[Period]) -> Period:
    return [month for month in months if not is_cut(month)][-1]


def by_group(scope: Scope, period: Period, earlier: Period | None, label: str, metric: Metric) -> None:
    """The metric by category, class or location."""
    name = st.session_state.get("turnover_by") or "Category"
    grouping = GROUPINGS.get(name, "category")
    now = turnover.by(scope, period, grouping).filter(pl.col(metric.column).is_not_null())
    worst_first = now.sort(metric.column, "name", descending=[not metric.more_is_good, False])
    then = dict(turnover.by(scope, earlier, grouping).select("name", metric.column).iter_rows()) if earlier else {}
    named = queries.names(scope, "location") if grouping == "location" else {}
    labels = [_group(grouping, value, named) for value in worst_first["name"]]
    values = worst_first[metric.column].to_list()
    lowered = label if label == "GMROI" else label.lower()
    extreme = f"lowest {lowered}" if metric.more_is_good else f"most {lowered}"
    title = (
        f"{labels[0]} is the slowest: {metric.say(values[0])}"
        if label in ("Turnover", "Days of inventory") and len(labels) > 1
        else f"{labels[0]} has the {extreme}: {metric.say(values[0])}"
        if len(labels) > 1
        else f"{label} by {name if name == 'ABC' else name.lower()}"
    )
    layout.chart(
        charts.ranked(
            labels,
            values,
            [then.get(value) for value in worst_first["name"]] if earlier else None,
            "",
            before_name=f"in {said(earlier)}" if earlier else "",
            more_is_good=metric.more_is_good,
            say=lambda value, _: metric.say(value),
        )
        if labels
        else None,
        title,
        key="by_group",
        note=f"{said(period)}, the worst first" + (f"; tick: {said(earlier)}" if earlier else ""),
        empty="No group has both sales and stock at a known cost.",
    )


def _group(grouping: Grouping, value: str, named: dict[str, str]) -> str:
    if grouping == "abc":
        return f"Class {value}" if len(value) == 1 else "Not classed"
    return named.get(value, value) if grouping == "location" else wording.name(grouping, value)


def items(scope: Scope, period: Period) -> None:
    """Every SKU, the most money in stock first, and those of unknown cost."""
    found = turnover.by_sku(scope, period)
    shown = found.select(
        "sku",
        "name",
        "category",
        "abc",
        "average_inventory_amount",
        "cogs_amount",
        pl.col("turnover").cast(pl.Decimal(18, 2)),
        "inventory_days",
        pl.col("gmroi").cast(pl.Decimal(18, 2)),
        pl.col("sell_through_rate") * 100,
        "sold",
        "ending",
        "stock_out_days",
        pl.col("stock_out_rate") * 100,
        "unknown",
    )
    layout.heading("By SKU", f"{said(period)}, over the locations chosen; the most money in stock first.")
    titles = {
        name: (f"{label} ({layout.opened().currency})" if name.endswith("_amount") else label, text)
        for name, (label, text) in TITLES.items()
    }
    layout.table(
        shown.head(queries.ROWS_SHOWN),
        key="items",
        tables=("inventory_turnover", "products"),
        titles=titles,
        whole=lambda: found,
        total=shown.height,
        height=420 if shown.height > 10 else None,
        file=f"inventory_turnover_{period.name}",
    )


def page() -> None:
    """Turnover of a period."""
    at = layout.opened()
    scope = at.scope
    periods = turnover.periods(scope)
    first = stock.first_day(scope)
    if not periods or first is None:
        layout.nothing(
            f"No stock is known as of {wording.day(scope.as_of)}, so nothing can turn over.",
            "Deliver stock_movements or stock_counts, and products with their unit_cost.",
        )
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="choices"):
        period = chosen(periods, first)
        label = (
            st.segmented_control(
                "Metric", list(METRICS), default="Turnover", key="turnover_figure", bind="query-params", required=True
            )
            or "Turnover"
        )
        st.segmented_control(
            "By", list(GROUPINGS), default="Category", key="turnover_by", bind="query-params", required=True
        )
        meaning = st.container(width="content")
    now = turnover.whole(scope, period)
    if now is None:
        layout.nothing(
            f"Nothing was in stock for {at.said} in {said(period)}.", "Take a filter away, or choose another period."
        )
        return
    metric = METRICS[label]
    with meaning:
        definition(label, metric, now, period, at.currency)
    earlier = before(period, periods)
    then = turnover.whole(scope, earlier) if earlier else None
    figures(now, then, said(earlier) if earlier else "")
    notes = []
    if period.first_on < first:
        notes.append(
            f"Stock is known since {wording.day(first)}: the {(first - period.first_on).days} days before count with no stock, "
            "so that the average is lower, and the turnover higher, than of a period with stock on every day."
        )
    if now["unknown"]:
        notes.append(
            f"Of {count(now['items'], 'position')} (a SKU at a location) {count(now['unknown'], 'has', 'have')} an unknown cost or "
            f"exchange rate and {'is' if now['unknown'] == 1 else 'are'} in no amount; what was sold of them, "
            f"{count(now['unknown_sold'], 'unit')}, counts in sell-through, and their days in stock-out days."
        )
    for text in notes:
        layout.note(text)
    left, right = st.columns(2, gap="medium")
    with left:
        groups = turnover.by(scope, period, GROUPINGS.get(st.session_state.get("turnover_by") or "", "category")).height
        trend(scope, periods, label, metric, max(320, min(12 + 44 * groups, 520)))
    with right:
        by_group(scope, period, earlier, label, metric)
    items(scope, period)


page()
