"""How do orders and sales develop, against the period and the year before, and why did they move?"""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
import streamlit as st

from dashboards import charts, layout, queries, wording
from dashboards.queries import Dimension, Grain, Scope, trends
from dashboards.queries.trends import AMOUNTS
from dashboards.wording import money, whole
from models.rules import explained

METRICS = {"Net sales": "net_amount", "Gross sales": "gross_amount", "Orders": "orders", "Units": "units"}
DEFINITIONS = {
    "Orders": "Orders placed that day, rejected ones apart. "
    "By category, every order with a line in it: the categories do not add up to the total.",
    "Units": "Units ordered that day; what was cancelled or returned later is not taken off.",
    "Gross sales": "Quantity x price of orders placed that day, without tax and shipping, before discounts.",
    "Average order": "Gross sales less discounts, by order placed.",
    "Net sales": "Gross sales less discounts, less what was cancelled (on the day of the cancellation) "
    "and returned (on the day of the return).",
    "Business date": "The day, in the business time zone, on which the order was placed.",
    "Period before": "As many days, right before.",
    "Year before": "The same days 52 weeks earlier, so that weekdays meet weekdays.",
    "Exchange": "Amounts are in the reporting currency, at the rate of their day, else the last one before. "
    "Without any rate they are in no sum and are listed apart.",
    "Volume": "Units more or less, at the average price of the period before.",
    "Mix": "Dearer or cheaper products among the units sold.",
    "Price": "The same products dearer or cheaper, discounts included.",
}
EVERY: dict[Grain, str] = {"day": "1d", "week": "1w", "month": "1mo"}


def grained(frame: pl.DataFrame, days: list[date], grain: Grain) -> pl.DataFrame:
    """Daily figures summed by week (from Monday) or month of `days`, which may be the days they are compared with."""
    values = [name for name in ("orders", "orders_apart", *AMOUNTS) if name in frame.columns]
    return (
        frame.select(values)
        .with_columns(pl.Series("day", days).dt.truncate(EVERY[grain]))
        .group_by("day")
        .agg(pl.col(values).sum())
        .sort("day")
    )


def cut(scope: Scope, grain: Grain) -> tuple[bool, bool]:
    """Whether the first, and the last, week or month lies only in part within the period."""
    edges = pl.Series([scope.start, scope.end])
    starts = edges.dt.truncate(EVERY[grain])
    following = edges.dt.offset_by("1d").dt.truncate(EVERY[grain])
    return grain != "day" and starts[0] != edges[0], grain != "day" and following[1] <= edges[1]


def has(scope: Scope, first: date) -> bool:
    """Whether the history covers the whole period."""
    return scope.start >= first


def figures(sums: dict[str, pl.DataFrame], covered: dict[str, bool], currency: str, grain: Grain) -> None:
    """Orders, units, gross, net and the average order, against before."""
    shown: dict[str, Callable[[pl.DataFrame], Any]] = {
        "Orders": lambda days: days["orders"].sum(),
        "Units": lambda days: days["units"].sum(),
        "Gross sales": lambda days: days["gross_amount"].sum(),
        "Net sales": lambda days: days["net_amount"].sum(),
        "Average order": average_order,
    }
    with layout.figures(len(shown)):
        for label, figure in shown.items():
            value, before, year = (figure(sums[side]) for side in ("now", "before", "year"))
            said = whole(value) if label in ("Orders", "Units") else wording.compact(value, currency)
            if label == "Average order":
                said = money(value, currency)
            steps = grained(sums["now"], sums["now"]["day"].to_list(), grain)
            trend = [float(figure(step)) for step in steps.iter_slices(1)] if steps.height > 2 else None
            layout.figure(
                label,
                said,
                change=wording.change_rate(value, before) if covered["before"] else None,
                against="vs period before",
                note="no earlier period",
                trend=trend,
                help=DEFINITIONS[label],
                below=wording.versus(wording.change_rate(value, year) if covered["year"] else None, "a year before"),
            )


def average_order(days: pl.DataFrame) -> Decimal:
    """Gross sales less discounts, by order placed; orders whose amounts are in no sum count on neither side."""
    orders = int(days["orders"].sum()) - int(days["orders_apart"].sum())
    amount: Decimal = days.select((pl.col("gross_amount") - pl.col("discount_amount")).sum()).item()
    return amount / orders if orders else Decimal(0)


def over_time(
    sums: dict[str, pl.DataFrame], covered: dict[str, bool], scope: Scope, currency: str, metric: str, grain: Grain
) -> None:
    """The metric by day, week or month, against before."""
    name = METRICS[metric]
    unit = currency if name.endswith("_amount") else metric.lower()
    days = sums["now"]["day"].to_list()
    series = {side: grained(frame, days, grain) for side, frame in sums.items()}
    lines = [charts.Line("this period", series["now"][name].to_list())]
    if covered["before"] and scope.days < 364:
        lines.append(charts.Line("period before", series["before"][name].to_list(), is_reference=True))
    if covered["year"]:
        lines.append(
            charts.Line(
                "year before", series["year"][name].to_list(), is_reference=scope.days >= 364 or not covered["before"]
            )
        )
    edges = cut(scope, grain)
    partial = wording.listed([word for word, is_cut in zip(("first", "last"), edges, strict=True) if is_cut])
    title = f"{metric} {_against(sums, covered, name, unit)}"
    note = f"{unit} per {grain}, {wording.span(scope.start, scope.end)}" + (
        f"; hollow: the {partial} {grain} lies only in part within the period" if partial else ""
    )
    layout.chart(
        charts.over_time(
            series["now"]["day"].to_list(),
            lines,
            unit,
            hover={"day": "%a %-d %b %Y", "week": "week of %-d %b %Y", "month": "%B %Y"}[grain],
            hollow=edges,
            height=330,
        ),
        title,
        key="over_time",
        note=note,
    )


def _against(sums: dict[str, pl.DataFrame], covered: dict[str, bool], name: str, unit: str) -> str:
    now = sums["now"][name].sum()
    words = {"before": "the period before", "year": "the year before"}
    parts = [
        f"{wording.moved(now, sums[side][name].sum())} against {said}" for side, said in words.items() if covered[side]
    ]
    if len(parts) == 2 and parts[0].split(" ")[0] == parts[1].split(" ")[0] in ("rose", "fell"):
        parts[1] = parts[1].split(" ", 1)[1]
    said = money(now, unit) if name.endswith("_amount") else whole(now)
    return " and ".join(parts) or f"in this period: {said}; no earlier period is known to compare with"


def split(scope: Scope, currency: str, metric: str, dimension: Dimension, total: Any, *, is_covered: bool) -> None:
    """The metric by one dimension, against before; `total` is the metric over all of it."""
    name = METRICS[metric]
    unit = currency if name.endswith("_amount") else metric.lower()
    now = trends.sales_by(scope, dimension)
    before = (
        trends.sales_by(scope.before(), dimension).select("name", pl.col(name).alias("before")) if is_covered else None
    )
    both = now.select("name", name)
    if before is not None:
        both = both.join(before, on="name", how="full", coalesce=True).with_columns(pl.col(name, "before").fill_null(0))
    both = both.sort(name, "name", descending=[True, False])
    names = [wording.name(dimension, value) for value in both["name"].to_list()]
    made = (
        charts.ranked(
            names,
            both[name].to_list(),
            both["before"].to_list() if before is not None else None,
            unit,
            before_name="in the period before",
        )
        if names
        else None
    )
    is_shared = name == "orders" and dimension == "category"
    title = f"{metric} by {dimension}"
    if names and total > 0:
        verb = "is in" if is_shared else "brought"
        title = f"{wording.shortened(names[0], 40)} {verb} {wording.rate(both[name][0], total)} of {metric.lower()}"
    note = f"{unit} by {dimension}" + (", an order counts in each of its categories" if is_shared else "")
    layout.chart(
        made,
        title,
        key=f"by_{dimension}",
        note=note + ("; the tick marks the period before" if before is not None else ""),
    )


def why(scope: Scope, earlier: Scope, words: str, currency: str) -> None:
    """Split the change of net sales into its causes, to the cent."""
    items = trends.sold_items(scope, earlier)
    if items.is_empty():
        layout.chart(None, "Why net sales moved", key="why", empty="Nothing was sold in either period.")
        return
    parts = explained.moved(items.lazy(), currency).collect()
    sums: dict[str, Decimal] = parts.select(pl.col(explained.PARTS).sum()).row(0, named=True)
    net = {
        when: parts.select(
            (pl.col(f"amount_{when}") - pl.col(f"cancelled_amount_{when}") - pl.col(f"returned_amount_{when}")).sum()
        ).item()
        for when in ("before", "after")
    }
    change: Decimal = parts.select(pl.col("change_amount").sum()).item()
    largest = max(sums, key=lambda part: sums[part] * (1 if change >= 0 else -1))
    said = {
        "volume": "units sold",
        "mix": "the mix of products",
        "price": "prices",
        "cancelled": "cancellations",
        "returned": "returns",
    }[largest]
    title = f"Net sales {wording.moved(net['after'], net['before'])} ({wording.signed(change, currency)}), above all by {said}"
    left, right = st.columns([3, 2], gap="medium")
    with left:
        labels = {"volume": "Volume", "mix": "Mix", "price": "Price", "cancelled": "Cancelled", "returned": "Returned"}
        layout.chart(
            charts.waterfall(
                [(labels[part], amount) for part, amount in sums.items()],
                (words.capitalize(), net["before"]),
                ("This period", net["after"]),
                currency,
            ),
            title,
            key="why",
            note="The parts add up to the change exactly; what they mean is under Definitions.",
        )
    movers = (
        parts.group_by("category")
        .agg(pl.col("change_amount", *explained.PARTS).sum())
        .sort(pl.col("change_amount").abs(), "category", descending=[True, False])
    )
    names = [wording.name("category", value) for value in movers["category"].to_list()]
    with right:
        layout.chart(
            charts.ranked(names, movers["change_amount"].to_list(), None, currency, limit=7, is_change=True),
            f"{wording.shortened(names[0])} moved most: {wording.signed(movers['change_amount'][0], currency)}",
            key="movers_chart",
            note=f"change of net sales by category, {currency}",
        )
    titles = {
        part: (labels[part], DEFINITIONS.get(labels[part], f"Less {part} than before counts as plus."))
        for part in explained.PARTS
    }
    layout.table(
        parts.sort(pl.col("change_amount").abs(), "sku", descending=[True, False])
        .select("sku", "name", "category", "change_amount", *explained.PARTS, "units_before", "units_after")
        .head(queries.ROWS_SHOWN),
        key="movers",
        tables=("products",),
        height=252,
        total=parts.height,
        whole=lambda: parts,
        file="why_it_moved",
        titles={
            "change_amount": ("Change", f"Change of net sales, {currency}."),
            "units_before": ("Units before", "Units ordered."),
            "units_after": ("Units now", "Units ordered."),
            **titles,
        },
    )


def page() -> None:
    """Order trends."""
    at = layout.opened()
    scope, currency = at.scope, at.currency
    first = queries.first_day(scope) or scope.as_of
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium", key="what"):
        metric = (
            st.segmented_control(
                "Metric", list(METRICS), default="Net sales", key="metric", bind="query-params", required=True
            )
            or "Net sales"
        )
        usual: Grain = "day" if scope.days <= 62 else "week" if scope.days <= 400 else "month"
        chosen = st.segmented_control(
            "By", ["auto", *EVERY], default="auto", key="grain", bind="query-params", required=True
        )
        grain: Grain = usual if chosen in (None, "auto") else chosen  # type: ignore[assignment]
        with st.popover("Definitions", icon=":material/menu_book:"):
            layout.facts({})
            st.html(
                "".join(
                    f'<p style="margin-bottom:.5rem"><b>{name}.</b> {text}</p>' for name, text in DEFINITIONS.items()
                )
            )
    sides = {"now": scope, "before": scope.before(), "year": scope.year_before()}
    sums: dict[str, pl.DataFrame] = {side: trends.sales_by_day(found) for side, found in sides.items()}
    covered = {side: has(found, first) for side, found in sides.items()}
    if not sums["now"]["orders"].sum() and not sums["now"]["net_amount"].sum():
        layout.nothing(f"No sales for {at.said}.", "Choose a longer period, or take a filter off.")
        return
    figures(sums, covered, currency, usual)
    over_time(sums, covered, scope, currency, metric, grain)
    dimensions: tuple[Dimension, ...] = ("channel", "category", "country")
    for column, dimension in zip(st.columns(3, gap="small"), dimensions, strict=True):
        with column:
            split(scope, currency, metric, dimension, sums["now"][METRICS[metric]].sum(), is_covered=covered["before"])
    comparable: dict[str, Any] = {"period before": "before", "year before": "year"}
    possible = [words for words, side in comparable.items() if covered[side]]
    layout.heading("Why it moved")
    if possible:
        against = possible[0]
        if len(possible) > 1:
            against = (
                st.segmented_control(
                    "Against the", possible, default=possible[0], key="against", bind="query-params", required=True
                )
                or possible[0]
            )
        why(scope, sides[comparable[against]], against, currency)
    else:
        layout.nothing(
            f"Nothing earlier to compare with: sales begin on {wording.day(first)}.", "Choose a shorter period."
        )
    apart = trends.without_rate(scope)
    if apart.height:
        layout.heading(
            "Apart: amounts without an exchange rate",
            "In no sum on this page. Deliver the rates in the feed exchange_rates and they move up by themselves.",
        )
        layout.table(apart, key="without_rate", tables=("sales_entries", "daily_orders"), titles=_own_currency())
    layout.heading(f"All figures by {grain}")
    rows = grained(sums["now"], sums["now"]["day"].to_list(), grain).sort("day", descending=True)
    layout.table(
        rows if rows["orders_apart"].sum() else rows.drop("orders_apart"),
        key="figures",
        tables=("daily_orders",),
        titles={
            "day": (grain.capitalize(), "First day of it."),
            "orders_apart": (
                "Orders apart",
                "Of these orders, those whose amounts have no exchange rate and are in no sum.",
            ),
        },
        file=f"sales_by_{grain}",
    )


def _own_currency() -> dict[str, tuple[str, str]]:
    return {
        "orders": ("Orders", "Orders with such an amount."),
        "units": ("Units", "Units ordered."),
        "gross_amount": ("Gross sales", "In the currency of the row."),
        "net_amount": ("Net sales", "In the currency of the row."),
    }


page()
