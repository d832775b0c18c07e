"""What lies where, what is it worth, how old is it, and what is wrong with it?"""

from datetime import timedelta
from typing import Literal

import polars as pl
import streamlit as st

from dashboards import charts, filters, layout, queries, wording
from dashboards.charts import goods
from dashboards.queries import Scope, stock
from dashboards.wording import count, money, whole
from models.tables.stock import AGE_BUCKETS

OLD = ("181-365", "366+")
TITLES = {
    "location_id": ("Location", "Where it lies."),
    "abc": ("ABC", "By revenue: the first 80 %, the next 15 %, the rest; U = unsold."),
    "cover_days": ("Cover (days)", "Days that what is on hand lasts at the demand expected a day."),
    "last_sold_on": ("Last sold", "The last day with a shipment from there."),
    "days_since": ("Days since", "Days since the last sale from there."),
    "first_day": ("There since", "The first day with a movement or count."),
    "since": ("Since", "The first day of being oversold."),
    "kind": ("Kind", "Why it moved."),
}
STATES: dict[str, Literal["dead", "slow"]] = {"Dead": "dead", "Slow": "slow"}


def figures(scope: Scope, currency: str) -> None:
    """The whole stock in a few numbers."""
    found = stock.summary(scope)
    unknown = f"{whole(found['unknown'])} of unknown cost" if found["unknown"] else "every cost known"
    cover = found["cover_days"]
    shown = (
        (
            "Stock at cost",
            wording.compact(found["value"], currency),
            unknown,
            "On hand at the cost and exchange rate of the day. Oversold units count below zero; unknown cost is in no amount.",
        ),
        (
            "Units on hand",
            wording.compact(found["units"]),
            f"of {count(found['skus'], 'SKU')}",
            "Units of positions above zero.",
        ),
        (
            "Cover",
            f"{cover:,.0f} {'day' if round(cover) == 1 else 'days'}" if cover is not None else "–",
            "half last longer",
            "Days that what is on hand lasts at the demand expected a day: the middle of all positions with demand.",
        ),
        (
            "Out of stock",
            whole(found["out_of_stock"]),
            f"{wording.rate(found['out_of_stock'], found['wanted'])} of those in demand",
            f"Positions with demand and nothing on hand; for {whole(found['nothing_coming'])} nothing is on its way either.",
        ),
        (
            "Oversold",
            whole(found["oversold"]),
            count(found["oversold_units"], "unit") + " short",
            "Positions below zero: more left than was there.",
        ),
    )
    with layout.figures(5):
        for label, value, note, help_text in shown:
            layout.figure(label, value, note=note, help=help_text)


def value_over_time(scope: Scope, currency: str) -> None:
    """How the value of the stock developed."""
    days = stock.value_by_day(scope, currency)
    values = days["value"].to_list()
    back = min(28, len(values) - 1)
    title = f"Stock {wording.moved(values[-1], values[-1 - back])} in {count(back, 'day')}" if back else "Stock at cost"
    layout.chart(
        charts.over_time(days["day"].to_list(), [charts.Line("at cost", values)], currency, height=300),
        f"{title}, to {money(values[-1], currency)}",
        key="value",
        note=f"{currency} at the end of each day, at its exchange rate, {wording.span(days['day'][0], days['day'][-1])}; "
        "of unknown cost or rate apart",
    )


def ageing(scope: Scope, currency: str) -> None:
    """How long it has been lying."""
    found = stock.ageing(scope)
    value = dict(found.select("bucket", "value").iter_rows())
    values = [value.get(bucket, 0) for bucket in AGE_BUCKETS]
    old = sum(value.get(bucket, 0) for bucket in OLD)
    title = (
        f"{wording.rate(old, sum(values))} of the stock has been lying for over half a year: {money(old, currency)}"
        if old
        else "Nothing has been lying for over half a year"
    )
    unknown = int(found["unknown"].sum())
    layout.chart(
        goods.ages([bucket.replace("-", "–") for bucket in AGE_BUCKETS], values, currency) if any(values) else None,
        title,
        key="ageing",
        note="at cost, first in first out over all locations"
        + ("; the filter on locations does not apply" if scope.locations else "")
        + (f"; {count(unknown, 'unit')} of unknown cost apart" if unknown else ""),
        empty="Nothing is on hand.",
    )


def where(scope: Scope, currency: str) -> None:
    """Value by location, category and class."""
    left, right = st.columns(2, gap="medium")
    with left:
        by(scope, "location", currency)
        by(scope, "abc", currency)
    with right:
        by(scope, "category", currency)


def by(scope: Scope, dimension: Literal["location", "category", "abc"], currency: str) -> None:
    """Value by one of these."""
    found = stock.by(scope, dimension)
    values = found["value"].to_list()
    named = queries.names(scope, "location") if dimension == "location" else {}
    labels = [named.get(name, name) if named else wording.name(dimension, name) for name in found["name"]]
    if dimension == "abc":
        labels = [f"Class {label}" if len(label) == 1 else "Not classed" for label in labels]
    words = "ABC class" if dimension == "abc" else dimension
    total = sum(values)
    has_shares = values[-1] >= 0 < total and len(values) > 1
    layout.chart(
        charts.ranked(labels, values, None, currency, limit=10),
        f"{labels[0]} holds {wording.rate(values[0], total)} of the stock" if has_shares else f"Stock by {words}",
        key=f"by_{dimension}",
        note=f"{currency} at cost, by {words}" + (f"; the first 10 of {len(labels)}" if len(labels) > 10 else ""),
    )


def wrong(scope: Scope) -> None:
    """What is oversold, and transfers of which one side is missing."""
    short, halves = stock.oversold(scope), stock.half_transfers(scope)
    layout.heading("Oversold", "More left than was there: count it, or deliver the missing receipt.")
    layout.table(
        short,
        key="oversold",
        tables=("stock_positions", "products"),
        titles=TITLES,
        empty="Nothing is oversold.",
        height=None if short.height < 8 else 330,
    )
    layout.heading(
        "Transfers with one side only", "Goods that left one location and arrived at none, or the other way round."
    )
    layout.table(
        halves,
        key="half_transfers",
        tables=("attention",),
        titles={"first_seen_on": ("Since", "The day of the side that is known.")},
        empty="Every transfer has both its sides.",
        height=None if halves.height < 6 else 250,
    )


def unsold(scope: Scope, currency: str) -> None:
    """Slow and dead stock."""
    layout.heading(
        "Slow and dead stock",
        f"Dead: in stock, and not sold from there for {stock.SLOW_DAYS} days. "
        f"Slow: still sold, but what is on hand lasts for more than {stock.SLOW_DAYS} days.",
    )
    found = {label: stock.slow(scope, state) for label, state in STATES.items()}
    most = "Dead" if found["Dead"].height or not found["Slow"].height else "Slow"
    label = (
        st.segmented_control(
            "Show", list(STATES), default=most, key="unsold", required=True, label_visibility="collapsed"
        )
        or most
    )
    rows = found[label]
    if rows.height:
        known = rows["value"].drop_nulls()
        layout.note(
            f"{count(rows.height, 'position')} with {money(known.sum(), currency)} at cost"
            + (f", {whole(rows.height - len(known))} of unknown cost." if len(known) < rows.height else ".")
        )
    layout.table(
        rows.head(queries.ROWS_SHOWN),
        key=f"unsold_{STATES[label]}",
        tables=("stock_positions", "products"),
        titles=TITLES,
        whole=lambda: rows,
        total=rows.height,
        empty=_nothing_unsold(scope, label),
        height=None if rows.height < 9 else 360,
        file=f"{STATES[label]}_stock",
    )


def _nothing_unsold(scope: Scope, label: str) -> str:
    if label == "Slow":
        return f"Nothing on hand lasts for more than {stock.SLOW_DAYS} days."
    first = stock.first_day(scope)
    young = first is not None and first > scope.as_of - timedelta(days=stock.SLOW_DAYS)
    since = f": stock is known since {wording.day(first)} only" if young else ""
    return f"Nothing in stock has gone unsold for {stock.SLOW_DAYS} days{since}."


def everything(scope: Scope) -> str | None:
    """All positions; the SKU of the one chosen, if any."""
    layout.heading("Positions", "The most valuable first. Choose a row to see how its balance came about.")
    total = stock.summary(scope)["positions"]
    found = stock.positions(scope)
    row = layout.table(
        found,
        key="positions",
        tables=("stock_positions", "products"),
        titles=TITLES,
        choose=True,
        whole=lambda: stock.positions(scope, limit=queries.ROWS_DOWNLOADED),
        total=total,
        height=None if found.height < 9 else 400,
        file="stock_positions",
        of=filters.digest(scope),
    )
    return found["sku"][row] if row is not None else None


def story(scope: Scope, sku: str, currency: str) -> None:
    """One SKU: where it lies, and how its balance came about."""
    found = stock.places(scope, sku)
    if found.is_empty():
        return
    head = found.row(0, named=True)
    named = queries.names(scope, "location")
    with st.container(border=True, key="card_sku"):
        st.html(
            f'<div class="oh-title"><h3>{wording.plain(sku)}: {wording.plain(head["name"] or "no name known")}</h3>'
            "<p>units on hand at the end of each day, by location; diamonds are counts</p></div>"
        )
        rate = float(found["level"].sum())
        on_hand, values = int(found["on_hand"].sum()), found["value"].drop_nulls()
        layout.facts(
            {
                "Category": head["category"] or "unknown",
                "ABC": head["abc"] or "not classed",
                "On hand": whole(on_hand),
                "Available": whole(found["available"].sum()),
                "On its way": whole(found["inbound"].sum()),
                "Expected a day": f"{rate:,.2f}",
                "Cover": f"{max(on_hand, 0) / rate:,.0f} days" if rate else "–",
                "At cost": money(values.sum(), currency) if len(values) else "unknown",
                "Last sold": wording.day(found["last_sold_on"].max()),  # type: ignore[arg-type]
            }
        )
        order = found["location_id"].to_list()
        changes = {named.get(place, place): [] for place in order}  # type: ignore[var-annotated]
        for place, day, quantity in stock.balances(scope, sku).iter_rows():
            changes[named.get(place, place)].append((day, quantity))
        counted: dict[str, list[goods.Count]] = {}
        for place, day, quantity in stock.counts(scope, sku).iter_rows():
            counted.setdefault(named.get(place, place), []).append(goods.Count(day, quantity))
        st.plotly_chart(
            goods.balances({name: steps for name, steps in changes.items() if steps}, counted, scope.as_of),
            theme=None,
            key="balance",
            alt=f"The balance of {sku} over time",
            config={"displayModeBar": False},
        )
        moved = stock.movements(scope, sku)
        layout.table(
            moved.head(queries.ROWS_SHOWN).with_columns(pl.col("kind").replace(wording.MOVEMENTS)),
            key="movements",
            tables=("stock_ledger",),
            titles=TITLES,
            whole=lambda: moved,
            total=moved.height,
            height=300 if moved.height > 7 else None,
            file=f"stock_ledger_{wording.file_name(sku)}",
        )


def page() -> None:
    """Stock of the night."""
    at = layout.opened()
    scope = at.scope
    if not stock.is_kept(scope):
        layout.nothing(
            f"No stock is known as of {wording.day(scope.as_of)}.",
            "Deliver the feeds stock_movements or stock_counts; the next night shows positions, value and age.",
        )
        return
    if not stock.summary(scope)["positions"]:
        layout.nothing(f"No position for {at.said}.", "Take a filter away.")
        return
    wanted = stock.named(scope) if scope.wanted else None
    spot = st.container()
    figures(scope, at.currency)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        value_over_time(scope, at.currency)
    with right:
        ageing(scope, at.currency)
    where(scope, at.currency)
    chosen = everything(scope)
    if chosen:
        story(scope, chosen, at.currency)
    wrong(scope)
    unsold(scope, at.currency)
    if wanted and not chosen:
        with spot:
            story(scope, wanted, at.currency)


page()
