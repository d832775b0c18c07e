"""Charts of goods: how old they are, how a balance came about, and where it goes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import plotly.graph_objects as go

from dashboards import wording
from dashboards.charts import TICKS, blank, faint, numbers, palette
from dashboards.wording import compact, drawn, shortened


def ages(buckets: Sequence[str], values: Sequence[Any], unit: str) -> go.Figure:
    """A bar per age, the older the warmer, with its amount and share."""
    colours = palette()
    heights = [float(value) for value in values]
    total = sum(heights)
    figure = blank(300, hovermode="closest", bargap=0.28)
    warm = [*([colours.series[0]] * (len(buckets) - 2)), *([colours.series[1]] * 2)]
    figure.add_bar(
        x=list(range(len(buckets))),
        y=heights,
        marker_color=warm,
        customdata=[
            [bucket, drawn(wording.money(value, unit)), wording.rate(value, total)]
            for bucket, value in zip(buckets, heights, strict=True)
        ],
        hovertemplate="<b>%{customdata[0]} days</b><br>%{customdata[1]}<br>%{customdata[2]}<extra></extra>",
    )
    for place, value in enumerate(heights):
        share = wording.rate(value, total) if value else ""
        figure.add_annotation(
            x=place,
            y=max(value, 0),
            text=f"<b>{compact(value)}</b>"
            + (f'<br><span style="color:{colours.muted}">{share}</span>' if share else ""),
            yanchor="bottom",
            yshift=2,
            showarrow=False,
        )
    figure.update_xaxes(
        tickvals=list(range(len(buckets))), ticktext=list(buckets), ticks="", title_text="days since it came in"
    )
    figure.update_yaxes(title_text=drawn(unit), tickformat="~s", nticks=5, range=[0, (max(heights) or 1) * 1.2])
    return figure


@dataclass(frozen=True)
class Count:
    """What was counted, and when."""

    day: date
    quantity: int


def balances(
    changes: Mapping[str, Sequence[tuple[date, int]]], counts: Mapping[str, Sequence[Count]], last: date
) -> go.Figure:
    """The balance of one SKU by location, as steps; diamonds are counts.

    Args:
        changes: by location, the closing balance of each day on which it became another.
        counts: by location.
        last: the day up to which the last balance holds.
    """
    colours = palette()
    height = 320
    figure = blank(height)
    ends: list[tuple[float, str, str]] = []
    every = [float(quantity) for steps in changes.values() for _, quantity in steps] or [0.0]
    for place, (name, steps) in enumerate(changes.items()):
        colour = colours.series[place % len(colours.series)]
        figure.add_scatter(
            x=[*(day for day, _ in steps), last],
            y=[*(quantity for _, quantity in steps), steps[-1][1]],
            name=drawn(shortened(name, 30)),
            mode="lines",
            line={"color": colour, "width": 2, "shape": "hv"},
            hovertemplate="%{y:,}",
        )
        ends.append((float(steps[-1][1]), name, colour))
    for place, name in enumerate(changes):
        found = counts.get(name, ())
        if found:
            figure.add_scatter(
                x=[count.day for count in found],
                y=[count.quantity for count in found],
                name=drawn(f"counted, {shortened(name, 30)}"),
                mode="markers",
                marker={
                    "symbol": "diamond",
                    "size": 9,
                    "color": colours.surface,
                    "line": {"width": 2, "color": colours.series[place % len(colours.series)]},
                },
                hovertemplate="%{y:,}",
            )
    spread = (max(*every, 0) - min(*every, 0)) or 1
    placed: float | None = None
    for value, text, colour in sorted(ends):
        at = value if placed is None else max(value, placed + spread * 17 / (height - 60))
        placed = at
        figure.add_annotation(
            x=last,
            y=at,
            text=drawn(shortened(text, 20)),
            xanchor="left",
            xshift=8,
            showarrow=False,
            font={"color": colour, "size": 12},
        )
    longest = max((len(shortened(name, 20)) for name in changes), default=0)
    if min(every) < 0:
        figure.add_hline(y=0, line={"color": colours.bad, "width": 1.5})
    figure.update_layout(margin={"r": 14 + 6.6 * longest, "l": 8, "t": 12, "b": 8})
    figure.update_xaxes(hoverformat="%a %-d %b %Y", tickformatstops=TICKS, nticks=9)
    figure.update_yaxes(rangemode="tozero", tickformat=",d", title_text="units on hand", nticks=6)
    return figure


@dataclass(frozen=True)
class Plan:
    """What the projected balance of a plan is measured by."""

    safety_stock: float
    order_on: date
    first_arrival_on: date
    last_arrival_on: date
    lowest_on: date
    quantity: int


def days_ahead(days: Sequence[date], balance: Sequence[Any], inbound: Sequence[int], plan: Plan) -> go.Figure:
    """The balance of every day to come, with and without the order, against the safety stock; the band is the time between
    the two arrivals, in which the lowest balance decides."""
    colours = palette()
    height = 330
    without = [value or 0.0 for value in numbers(balance)]
    ordered = [
        value + plan.quantity if day >= plan.first_arrival_on else None
        for day, value in zip(days, without, strict=True)
    ]
    figure = blank(height)
    figure.add_vrect(
        x0=plan.first_arrival_on,
        x1=plan.last_arrival_on,
        fillcolor=faint(colours.muted, 0.12),
        line_width=0,
        layer="below",
    )
    figure.add_scatter(
        x=list(days),
        y=without,
        name="without an order",
        mode="lines",
        line={"color": colours.series[0], "width": 2.5, "shape": "hv"},
        hovertemplate="%{y:,.1f}",
    )
    if plan.quantity:
        figure.add_scatter(
            x=list(days),
            y=ordered,
            name=f"with {wording.whole(plan.quantity)} ordered",
            mode="lines",
            line={"color": colours.good, "width": 2, "dash": "dash", "shape": "hv"},
            hovertemplate="%{y:,.1f}",
        )
    come = [place for place, quantity in enumerate(inbound) if quantity]
    figure.add_scatter(
        x=[days[place] for place in come],
        y=[without[place] for place in come],
        name="due in",
        mode="markers",
        customdata=[inbound[place] for place in come],
        marker={
            "symbol": "triangle-up",
            "size": 11,
            "color": colours.good,
            "line": {"width": 1, "color": colours.surface},
        },
        hovertemplate="%{customdata:,} due in",
    )
    at = days.index(plan.lowest_on) if plan.lowest_on in days else None
    if at is not None:
        figure.add_scatter(
            x=[days[at]],
            y=[without[at]],
            mode="markers",
            hoverinfo="skip",
            cliponaxis=False,
            marker={"size": 10, "color": colours.surface, "line": {"width": 2.5, "color": colours.bad}},
        )
        figure.add_annotation(
            x=days[at],
            y=without[at],
            text=f"lowest: {without[at]:,.1f}".replace("-", "−"),
            xanchor="right",
            yanchor="top",
            xshift=-6,
            yshift=-4,
            showarrow=False,
            font={"color": colours.bad, "size": 12},
        )
    figure.add_hline(y=plan.safety_stock, line={"color": colours.series[1], "width": 1.5, "dash": "dot"})
    figure.add_hline(y=0, line={"color": colours.muted, "width": 1})
    every = [*without, *(value for value in ordered if value is not None), plan.safety_stock, 0.0]
    spread = (max(every) - min(every)) or 1
    ends = [(plan.safety_stock, "safety stock", colours.series[1]), (without[-1], "without", colours.series[0])]
    if plan.quantity and ordered[-1] is not None:
        ends.append((ordered[-1], "with the order", colours.good))
    placed: float | None = None
    for value, text, colour in sorted(ends):
        place = value if placed is None else max(value, placed + spread * 1.16 * 17 / (height - 60))
        placed = place
        figure.add_annotation(
            x=days[-1],
            y=place,
            text=text,
            xanchor="left",
            xshift=8,
            showarrow=False,
            font={"color": colour, "size": 12},
        )
    figure.add_annotation(
        x=plan.first_arrival_on,
        y=1,
        yref="paper",
        yanchor="bottom",
        xanchor="right",
        text=f"ordered on {plan.order_on.day} {plan.order_on:%b}, it arrives",
        showarrow=False,
        font={"color": colours.muted, "size": 12},
    )
    figure.update_layout(margin={"r": 106, "l": 8, "t": 24, "b": 8})
    figure.update_xaxes(hoverformat="%a %-d %b %Y", tickformatstops=TICKS, nticks=8, range=[days[0], days[-1]])
    figure.update_yaxes(
        tickformat=",d",
        title_text="units",
        nticks=6,
        range=[min(every) - 0.1 * spread, max(every) + 0.06 * spread],
    )
    return figure
