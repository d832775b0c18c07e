"""Every chart: one look in light and dark, titles that say something, names on the lines instead of legends."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from math import log1p
from typing import Any

import plotly.graph_objects as go
import polars as pl
import streamlit as st

from dashboards import wording
from dashboards.wording import compact, drawn, shortened

FONT = '"Source Sans", "Source Sans 3", "Source Sans Pro", sans-serif'


@dataclass(frozen=True)
class Palette:
    """The colours of one theme; the series are told apart by colour-blind readers too (after Okabe and Ito)."""

    text: str
    muted: str
    grid: str
    surface: str
    good: str
    bad: str
    series: tuple[str, ...]
    ramp: tuple[str, ...]
    """From little to much, of one hue."""


LIGHT = Palette(
    text="#18222d",
    muted="#5b6b7b",
    grid="#e6ebf0",
    surface="#ffffff",
    good="#0a8f68",
    bad="#c2410c",
    series=("#0b6bb5", "#d97a00", "#0a8f68", "#b0529a", "#4aa8dd", "#8a6d3b", "#c2410c", "#5b6b7b"),
    ramp=("#d6e8f7", "#9cc9ec", "#559fd8", "#0b6bb5", "#07406d"),
)
DARK = Palette(
    text="#e6edf3",
    muted="#9aa9b8",
    grid="#26313c",
    surface="#10161d",
    good="#3ecf9c",
    bad="#ff8a5c",
    series=("#5fb3f0", "#f2a93b", "#3ecf9c", "#e08bcd", "#9bd3f7", "#cbb07a", "#ff8a5c", "#9aa9b8"),
    ramp=("#1d3a54", "#28587f", "#3a80b5", "#5fb3f0", "#b9defa"),
)


def palette() -> Palette:
    """The colours of the theme that the visitor sees."""
    return DARK if st.context.theme.type == "dark" else LIGHT


def template(colours: Palette) -> go.layout.Template:
    """The one Plotly template."""
    axis = {
        "automargin": True,
        "zeroline": False,
        "gridcolor": colours.grid,
        "linecolor": colours.grid,
        "tickfont": {"color": colours.muted, "size": 12},
        "title": {"font": {"color": colours.muted, "size": 12}, "standoff": 8},
    }
    return go.layout.Template(
        layout={
            "font": {"family": FONT, "size": 13, "color": colours.text},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "colorway": list(colours.series),
            "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
            "xaxis": axis | {"showgrid": False, "ticks": "outside", "ticklen": 4, "tickcolor": colours.grid},
            "yaxis": axis | {"showline": False},
            "hoverlabel": {
                "bgcolor": colours.surface,
                "bordercolor": colours.grid,
                "font": {"family": FONT, "color": colours.text, "size": 13},
            },
            "hovermode": "x unified",
            "separators": ".,",
            "showlegend": False,
            "bargap": 0.35,
            "barcornerradius": 3,
            "dragmode": False,
        }
    )


def blank(height: int, **layout: Any) -> go.Figure:
    """An empty figure of the one look."""
    figure = go.Figure()
    figure.update_layout(template=template(palette()), height=height, **layout)
    return figure


def faint(colour: str, opacity: float) -> str:
    """A colour that lets the ground through."""
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"


def numbers(values: Sequence[Any]) -> list[float | None]:
    """Decimals as the numbers that a chart draws."""
    return [float(value) if isinstance(value, Decimal) else value for value in values]


@dataclass(frozen=True)
class Line:
    """One line over time; `is_reference` is what the others are measured against."""

    name: str
    values: Sequence[Any]
    is_reference: bool = False


def over_time(
    days: Sequence[date],
    lines: Sequence[Line],
    unit: str,
    *,
    hover: str = "%a %-d %b %Y",
    decimals: int = 0,
    height: int = 300,
    hollow: tuple[bool, bool] = (False, False),
    is_monthly: bool = False,
) -> go.Figure:
    """Lines over days, weeks or months, each named at its end; a first or last point that is only a part is hollow."""
    colours = palette()
    figure = blank(height)
    ends: list[tuple[float, str, str]] = []
    main = 0
    for line in lines:
        colour = colours.muted if line.is_reference else colours.series[main % len(colours.series)]
        main += not line.is_reference
        values = numbers(line.values)
        figure.add_scatter(
            x=list(days),
            y=values,
            name=drawn(line.name),
            mode="lines" if len(days) > 1 else "markers",
            line={
                "color": colour,
                "width": 1.5 if line.is_reference else 2.5,
                "dash": "dot" if line.is_reference else "solid",
            },
            fill="tozeroy" if len(lines) <= 2 and not line.is_reference else None,
            fillcolor=faint(colour, 0.08),
            hovertemplate=f"%{{y:,.{decimals}f}}{' ' + drawn(unit) if len(unit) == 3 else ''}",
        )
        known = [value for value in values if value is not None]
        if known:
            ends.append((values[-1] if values[-1] is not None else known[-1], line.name, colour))
    places = [place for place, is_hollow in zip((0, -1), hollow, strict=True) if is_hollow]
    if lines and len(days) > 1 and places:
        figure.add_scatter(
            x=[days[place] for place in places],
            y=[numbers(lines[0].values)[place] for place in places],
            mode="markers",
            hoverinfo="skip",
            cliponaxis=False,
            marker={"size": 9, "color": colours.surface, "line": {"width": 2, "color": colours.series[0]}},
        )
    _name_ends(
        figure,
        days[-1],
        ends,
        height,
        [value for line in lines for value in numbers(line.values) if value is not None],
    )
    longest = max((len(shortened(line.name, 18)) for line in lines), default=0)
    figure.update_layout(margin={"r": 14 + 6.6 * longest, "l": 8, "t": 12, "b": 8})
    figure.update_xaxes(hoverformat=hover, tickformatstops=TICKS, nticks=8, range=_room(days))
    if is_monthly:
        named = list(days)[:: -(-len(days) // 12) or 1]
        figure.update_xaxes(tickvals=named, ticktext=[f"{day:%b}<br>{day:%Y}" for day in named], tickformatstops=[])
    most = max((abs(value) for line in lines for value in numbers(line.values) if value is not None), default=0)
    figure.update_yaxes(
        rangemode="tozero", tickformat="~s" if most >= 1000 else ",~r", title_text=drawn(unit), nticks=6
    )
    return figure


TICKS = [
    {"dtickrange": [None, 7 * 86_400_000], "value": "%-d %b"},
    {"dtickrange": [7 * 86_400_000, "M1"], "value": "%-d %b"},
    {"dtickrange": ["M1", None], "value": "%b %Y"},
]


def _room(days: Sequence[date]) -> list[date] | None:
    return [days[0], days[-1]] if len(days) > 1 else None


def _name_ends(
    figure: go.Figure, x: date, ends: list[tuple[float, str, str]], height: int, values: list[float]
) -> None:
    """Write every name at the end of its line, pushed apart where they would overlap."""
    top = max(values, default=0) or 1
    step = top * 17 / max(height - 60, 1)
    placed: float | None = None
    for value, text, colour in sorted(ends, key=lambda end: end[0]):
        place = value if placed is None else max(value, placed + step)
        placed = place
        figure.add_annotation(
            x=x,
            y=place,
            text=drawn(shortened(text, 18)),
            xanchor="left",
            xshift=8,
            showarrow=False,
            font={"color": colour, "size": 12},
        )


def ranked(
    names: Sequence[str],
    values: Sequence[Any],
    before: Sequence[Any] | None,
    unit: str,
    *,
    before_name: str = "before",
    limit: int = 12,
    is_change: bool = False,
    more_is_good: bool = True,
    say: Callable[[float, str], str] = compact,
) -> go.Figure:
    """Bars from the largest down, each under its name, value and change; a tick marks where it was before.

    With `is_change` the values are changes themselves: signed, and coloured by their direction. `say` words a value.
    """
    colours = palette()
    shown = min(len(names), limit)
    now = [float(value) for value in values[:shown]]
    then = [float(value) for value in before[:shown]] if before is not None else [None] * shown
    rows = list(range(shown))
    figure = blank(44 * shown + 12, hovermode="closest", margin={"l": 2, "r": 2, "t": 4, "b": 4})
    figure.add_bar(
        x=now,
        y=rows,
        orientation="h",
        width=0.26,
        marker_color=[
            colours.series[0] if not is_change else colours.good if value >= 0 else colours.bad for value in now
        ],
        customdata=[
            [
                drawn(full),
                drawn(wording.signed(value, unit) if is_change else say(value, unit)),
                drawn(f"{say(old, unit)} {before_name}" if old is not None else ""),
            ]
            for full, value, old in zip(names, now, then, strict=False)
        ],
        hovertemplate="<b>%{customdata[0]}</b><br>%{customdata[1]}<br>%{customdata[2]}<extra></extra>",
    )
    if before is not None:
        figure.add_scatter(
            x=then,
            y=rows,
            mode="markers",
            hoverinfo="skip",
            marker={"symbol": "line-ns", "size": 11, "line": {"width": 2, "color": colours.text}},
        )
    for row, value, old in zip(rows, now, then, strict=True):
        change = wording.change_rate(value, old) if old is not None else None
        is_level = change is None or abs(change) < 0.005
        colour = colours.muted if is_level else colours.good if ((change or 0) > 0) == more_is_good else colours.bad
        said = (
            ""
            if before is None
            else "new"
            if change is None and value
            else wording.percent(change)
            if change is not None
            else ""
        )
        text = wording.signed(value) if is_change else f"<b>{say(value, '')}</b>"
        figure.add_annotation(
            x=1,
            xref="paper",
            y=row,
            yshift=14,
            xanchor="right",
            showarrow=False,
            align="right",
            text=text + (f'   <span style="color:{colour}">{said}</span>' if said else ""),
        )
        figure.add_annotation(
            x=0, xref="paper", y=row, yshift=14, xanchor="left", showarrow=False, text=drawn(shortened(names[row], 32))
        )
    every = [0.0, *now, *(value for value in then if value is not None)]
    width = (max(every) - min(every)) or 1
    figure.update_xaxes(
        visible=False, range=[min(every) - (0.01 * width if min(every) < 0 else 0), max(every) + 0.01 * width]
    )
    figure.update_yaxes(visible=False, range=[shown - 0.6, -0.68])
    return figure


def waterfall(steps: Sequence[tuple[str, Any]], start: tuple[str, Any], end: tuple[str, Any], unit: str) -> go.Figure:
    """From one sum to another, step by step. The axis starts near the sums, so that small steps are seen; it says so."""
    colours = palette()
    names = [start[0], *(name for name, _ in steps), end[0]]
    amounts = [float(start[1]), *(float(amount) for _, amount in steps), float(end[1])]
    figure = blank(320, hovermode="closest", bargap=0.45)
    level, tops, bottoms = float(start[1]), [max(amounts[0], 0)], [min(amounts[0], 0)]
    for amount in amounts[1:-1]:
        tops.append(max(level, level + amount))
        bottoms.append(min(level, level + amount))
        level += amount
    tops.append(max(amounts[-1], 0))
    bottoms.append(min(amounts[-1], 0))
    low = min(amounts[0], amounts[-1], *bottoms[1:-1])
    high = max(tops)
    floor = max(0.0, low - 0.35 * (high - low)) if low > 0.5 * high else min(0.0, low)
    last = len(names) - 1
    colour = [
        colours.series[0] if place in (0, last) else colours.good if amount >= 0 else colours.bad
        for place, amount in enumerate(amounts)
    ]
    bases = [floor if place in (0, last) else bottom for place, bottom in enumerate(bottoms)]
    figure.add_bar(
        x=list(range(len(names))),
        y=[top - base for top, base in zip(tops, bases, strict=True)],
        base=bases,
        marker_color=colour,
        customdata=[
            [drawn(name), drawn(wording.money(amount, unit))] for name, amount in zip(names, amounts, strict=True)
        ],
        hovertemplate="<b>%{customdata[0]}</b><br>%{customdata[1]}<extra></extra>",
    )
    for place, amount in enumerate(amounts):
        text = compact(amount) if place in (0, last) else wording.signed(amount)
        figure.add_annotation(
            x=place,
            y=tops[place],
            text=text,
            yanchor="bottom",
            yshift=2,
            showarrow=False,
            font={"size": 13, "color": colour[place]},
        )
    level = float(start[1])
    for place, amount in enumerate([0.0, *amounts[1:-1]]):
        level += amount
        figure.add_shape(
            type="line",
            x0=place + 0.28,
            x1=place + 0.72,
            y0=level,
            y1=level,
            line={"color": colours.muted, "width": 1, "dash": "dot"},
        )
    figure.update_xaxes(
        tickvals=list(range(len(names))),
        ticktext=[drawn(name) for name in names],
        ticks="",
        tickfont={"color": colours.text, "size": 13},
    )
    figure.update_yaxes(
        range=[floor, high + 0.14 * (high - floor)],
        tickformat="~s",
        nticks=5,
        title_text=f"{drawn(unit)}{', axis cut' if floor > 0 else ''}",
    )
    return figure


def stacked_days(
    frame: pl.DataFrame, days: Sequence[date], unit: str, *, limit: int = 6, height: int = 280
) -> go.Figure:
    """Bars per day, stacked by name, the most frequent at the bottom; the names stand above in their colours.

    Args:
        frame: columns day, name, value.
    """
    colours = palette()
    frame = frame.filter(pl.col("day").is_in(list(days)))
    totals = frame.group_by("name").agg(pl.col("value").sum()).sort("value", "name", descending=[True, False])
    top = totals["name"].to_list()[:limit]
    named = frame.with_columns(pl.when(pl.col("name").is_in(top)).then("name").otherwise(pl.lit("Other")).alias("name"))
    summed = named.group_by("day", "name").agg(pl.col("value").sum())
    figure = blank(height, barmode="stack", bargap=0.25)
    names = [*top, *(["Other"] if totals.height > limit else [])]

    def colour(place: int, name: str) -> str:
        return colours.muted if name == "Other" else colours.series[place % len(colours.series)]

    for place, name in enumerate(names):
        of_day = dict(summed.filter(pl.col("name") == name).select("day", "value").iter_rows())
        figure.add_bar(
            x=list(days),
            y=[of_day.get(day, 0) for day in days],
            name=drawn(shortened(name, 40)),
            marker_color=colour(place, name),
            hovertemplate="%{y:,}",
        )
    legend = " ".join(
        f'<span style="color:{colour(place, name)}">■</span> {drawn(shortened(name, 34))} '
        for place, name in enumerate(names)
    )
    figure.add_annotation(
        x=0,
        y=1,
        xref="paper",
        yref="paper",
        xanchor="left",
        yanchor="bottom",
        yshift=8,
        text=legend,
        showarrow=False,
        align="left",
    )
    figure.update_layout(margin={"t": 34, "l": 8, "r": 8, "b": 8})
    figure.update_xaxes(tickformatstops=TICKS, hoverformat="%a %-d %b %Y", nticks=8)
    figure.update_yaxes(title_text=drawn(unit), rangemode="tozero", tickformat="~s", nticks=5)
    return figure


def stage_ages(frame: pl.DataFrame, stages: Sequence[str], ages: Sequence[str]) -> go.Figure:
    """Open orders by stage, shaded by their age in days.

    Args:
        frame: columns stage, age, orders.
    """
    colours = palette()
    found = {(stage, age): orders for stage, age, orders in frame.select("stage", "age", "orders").iter_rows()}
    present = [stage for stage in stages if any((stage, age) in found for age in ages)]
    figure = blank(86 + 40 * len(present), barmode="stack", hovermode="closest")
    for place, age in enumerate(ages):
        figure.add_bar(
            x=[found.get((stage, age), 0) for stage in present],
            y=list(range(len(present))),
            orientation="h",
            width=0.62,
            marker_color=colours.ramp[place],
            name=age,
            customdata=[[wording.STAGES.get(stage, stage), age] for stage in present],
            hovertemplate="%{customdata[0]}, %{customdata[1]} days old: <b>%{x:,}</b><extra></extra>",
        )
    totals = [sum(found.get((stage, age), 0) for age in ages) for stage in present]
    for place, total in enumerate(totals):
        figure.add_annotation(x=total, y=place, text=wording.whole(total), xanchor="left", xshift=6, showarrow=False)
    legend = "days since ordered:  " + "  ".join(
        f'<span style="color:{colours.ramp[place]}">■</span> {age}' for place, age in enumerate(ages)
    )
    figure.add_annotation(
        x=0,
        y=1,
        xref="paper",
        yref="paper",
        xanchor="left",
        yanchor="bottom",
        yshift=6,
        text=legend,
        showarrow=False,
        font={"color": colours.muted, "size": 12},
    )
    figure.update_layout(margin={"t": 32, "l": 8, "r": 8, "b": 8})
    figure.update_xaxes(title_text="orders", nticks=6, range=[0, max([1, *totals]) * 1.12], tickformat=",d")
    figure.update_yaxes(
        tickvals=list(range(len(present))),
        ticktext=[wording.STAGES.get(stage, stage) for stage in present],
        range=[len(present) - 0.4, -0.6],
        showgrid=False,
        tickfont={"color": colours.text, "size": 13},
        ticklabelstandoff=6,
    )
    return figure


def funnel(steps: Sequence[tuple[str, int]]) -> go.Figure:
    """How many reached each step, with the share of the first."""
    colours = palette()
    figure = blank(46 + 44 * len(steps), hovermode=False)
    rows = list(range(len(steps)))
    first = steps[0][1] if steps else 0
    figure.add_bar(
        x=[number for _, number in steps],
        y=rows,
        orientation="h",
        width=0.66,
        marker_color=[*colours.series[:1]] * len(steps),
        marker_opacity=[1 - 0.08 * row for row in rows],
    )
    for row, (_, number) in enumerate(steps):
        text = wording.whole(number) + (f"  ·  {wording.rate(number, first)}" if row else "")
        inside = first and number / first > 0.4
        figure.add_annotation(
            x=number,
            y=row,
            text=text,
            xanchor="right" if inside else "left",
            xshift=-10 if inside else 8,
            showarrow=False,
            font={"color": colours.surface if inside else colours.text, "size": 13},
        )
    figure.update_xaxes(visible=False, range=[0, (first or 1) * 1.02])
    figure.update_yaxes(
        tickvals=rows,
        ticktext=[name for name, _ in steps],
        range=[len(steps) - 0.4, -0.6],
        showgrid=False,
        tickfont={"color": colours.text, "size": 13},
        ticklabelstandoff=6,
    )
    return figure


def ranges(rows: Sequence[tuple[str, float, float, int]]) -> go.Figure:
    """A dot where half have made it, a line to where nine of ten have, in days.

    Args:
        rows: name, days of half, days of nine of ten, how many orders.
    """
    colours = palette()
    figure = blank(86 + 44 * len(rows), hovermode="closest")
    places = list(range(len(rows)))
    for place, (_, half, most, _) in enumerate(rows):
        figure.add_shape(
            type="line",
            x0=half,
            x1=most,
            y0=place,
            y1=place,
            line={"color": faint(colours.series[0], 0.35), "width": 8},
            layer="below",
        )
    hover = [[name, f"{half:.1f}", f"{most:.1f}", wording.whole(number)] for name, half, most, number in rows]
    for values, size in (([row[1] for row in rows], 15), ([row[2] for row in rows], 9)):
        figure.add_scatter(
            x=values,
            y=places,
            mode="markers",
            marker={"size": size, "color": colours.series[0], "line": {"width": 2, "color": colours.surface}},
            customdata=hover,
            hovertemplate="<b>%{customdata[0]}</b><br>half within %{customdata[1]} days<br>"
            "nine of ten within %{customdata[2]} days<br>%{customdata[3]} orders<extra></extra>",
        )
    longest = max([1.0, *(row[2] for row in rows)])
    for place, (_, _, most, _) in enumerate(rows):
        figure.add_annotation(
            x=most,
            y=place,
            text=f"{rows[place][1]:.1f} → {most:.1f}",
            xanchor="left",
            xshift=12,
            showarrow=False,
            font={"size": 12, "color": colours.muted},
        )
    figure.update_xaxes(title_text="days", range=[-0.02 * longest, longest * 1.25], nticks=6, showgrid=True)
    figure.update_yaxes(
        tickvals=places,
        ticktext=[name for name, *_ in rows],
        range=[len(rows) - 0.4, -0.6],
        showgrid=False,
        tickfont={"color": colours.text, "size": 13},
        ticklabelstandoff=6,
    )
    return figure


def arrivals(feeds: Sequence[str], days: Sequence[date], cells: dict[tuple[str, date], tuple[int, int]]) -> go.Figure:
    """A calendar of feeds: filled where files came, the darker the more against the feed's own best day, a gap where none did.

    Args:
        cells: (feed, day) -> (records, rejected).
    """
    colours = palette()
    most = {feed: max((cells.get((feed, day), (0, 0))[0] for day in days), default=0) or 1 for feed in feeds}
    strength = [
        [0.25 + 0.75 * log1p(cells[feed, day][0]) / log1p(most[feed]) if (feed, day) in cells else None for day in days]
        for feed in feeds
    ]
    hover = [
        [
            f"{wording.whole(cells[feed, day][0])} records, {wording.whole(cells[feed, day][1])} rejected"
            if (feed, day) in cells
            else "nothing came"
            for day in days
        ]
        for feed in feeds
    ]
    noon = datetime(days[0].year, days[0].month, days[0].day)  # noqa: DTZ001
    figure = blank(64 + 30 * len(feeds), hovermode="closest")
    figure.add_heatmap(
        x=list(days),
        y=list(range(len(feeds))),
        z=strength,
        customdata=hover,
        xgap=2,
        ygap=4,
        zmin=0,
        zmax=1,
        showscale=False,
        colorscale=[[0, colours.ramp[0]], [0.5, colours.ramp[2]], [1, colours.ramp[3]]],
        text=[[drawn(feed)] * len(days) for feed in feeds],
        hoverongaps=False,
        hovertemplate="<b>%{text}</b>, %{x|%a %-d %b %Y}<br>%{customdata}<extra></extra>",
    )
    bad = [(day, place) for place, feed in enumerate(feeds) for day in days if cells.get((feed, day), (0, 0))[1]]
    figure.add_scatter(
        x=[day for day, _ in bad],
        y=[place for _, place in bad],
        mode="markers",
        hoverinfo="skip",
        marker={"size": 5, "color": colours.series[1], "line": {"width": 1, "color": colours.surface}},
    )
    figure.update_xaxes(
        tickformatstops=TICKS,
        nticks=8,
        ticks="",
        range=[noon - timedelta(hours=13), noon + timedelta(days=len(days) - 1, hours=13)],
    )
    figure.update_yaxes(
        tickvals=list(range(len(feeds))),
        ticktext=[drawn(shortened(feed, 24)) for feed in feeds],
        range=[len(feeds) - 0.4, -0.6],
        ticks="",
        showgrid=False,
        tickfont={"color": colours.text, "size": 13},
        ticklabelstandoff=6,
    )
    return figure


def story(moments: Sequence[datetime], events: Sequence[str], kinds: Sequence[str]) -> go.Figure:
    """What happened to one order, on a line of time: done, decided by the night, strange, refused."""
    colours = palette()
    looks = {
        "told": (colours.series[0], "circle"),
        "decided": (colours.good, "diamond"),
        "strange": (colours.series[1], "triangle-up"),
        "refused": (colours.bad, "x"),
    }
    figure = blank(170, hovermode="closest")
    figure.add_scatter(
        x=list(moments), y=[0] * len(moments), mode="lines", line={"color": colours.grid, "width": 4}, hoverinfo="skip"
    )
    for kind, (colour, symbol) in looks.items():
        here = [place for place, found in enumerate(kinds) if found == kind]
        if here:
            figure.add_scatter(
                x=[moments[place] for place in here],
                y=[0] * len(here),
                mode="markers",
                text=[drawn(events[place]) for place in here],
                marker={
                    "size": 13,
                    "color": colour,
                    "symbol": symbol,
                    "line": {"width": 1.5, "color": colours.surface},
                },
                hovertemplate="<b>%{text}</b><br>%{x|%a %-d %b %Y, %H:%M}<extra>" + kind + "</extra>",
            )
    length = (max(moments) - min(moments)).total_seconds() or 1
    taken: dict[int, float] = {}
    for place, moment in enumerate(moments):
        at = (moment - min(moments)).total_seconds() / length
        level = next((level for level in (1, -1, 2, -2, 3, -3) if at - taken.get(level, -1) > 0.11), None)
        if level is None:
            continue
        taken[level] = at
        figure.add_annotation(
            x=moment,
            y=0,
            ax=0,
            ay=-22 * level,
            text=drawn(events[place]),
            showarrow=True,
            arrowhead=0,
            arrowcolor=colours.grid,
            arrowwidth=1,
            font={"size": 12, "color": looks[kinds[place]][0]},
        )
    pad = timedelta(seconds=length * 0.06 + 600)
    figure.update_xaxes(
        range=[min(moments) - pad, max(moments) + pad],
        nticks=7,
        tickformat="%-d %b %H:%M" if length < 5 * 86_400 else "%-d %b",
    )
    figure.update_yaxes(visible=False, range=[-1, 1])
    return figure
