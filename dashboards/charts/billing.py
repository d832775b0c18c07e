"""Charts of money: how old what is owed is."""

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from dashboards import wording
from dashboards.charts import blank, palette
from dashboards.wording import compact, drawn


def owed_by_age(ages: Sequence[str], values: Sequence[Any], invoices: Sequence[int], unit: str) -> go.Figure:
    """A bar per age of what is owed, the first of them not due yet, the older the warmer, with its amount and share."""
    colours = palette()
    heights = [float(value) for value in values]
    total = sum(heights)
    last = len(ages) - 1
    figure = blank(300, hovermode="closest", bargap=0.28)
    figure.add_bar(
        x=list(range(len(ages))),
        y=heights,
        marker_color=[
            colours.series[0] if place == 0 else colours.bad if place >= last - 1 else colours.series[1]
            for place in range(len(ages))
        ],
        customdata=[
            [age, drawn(wording.money(value, unit)), wording.rate(value, total), wording.count(number, "invoice")]
            for age, value, number in zip(ages, heights, invoices, strict=True)
        ],
        hovertemplate="<b>%{customdata[0]}</b><br>%{customdata[1]}<br>%{customdata[2]}<br>%{customdata[3]}<extra></extra>",
    )
    for place, value in enumerate(heights):
        share = f'<br><span style="color:{colours.muted}">{wording.rate(value, total)}</span>' if value else ""
        figure.add_annotation(
            x=place,
            y=max(value, 0),
            text=f"<b>{compact(value)}</b>{share}",
            yanchor="bottom",
            yshift=2,
            showarrow=False,
        )
    figure.update_xaxes(
        tickvals=list(range(len(ages))), ticktext=list(ages), ticks="", title_text="days since it was to be paid"
    )
    figure.update_yaxes(title_text=drawn(unit), tickformat="~s", nticks=5, range=[0, (max(heights) or 1) * 1.2])
    return figure
