"""What the visitor looks at: the night, and the filters. Both stay in the URL, so that a page can be sent to a colleague."""

import hashlib
from datetime import date, timedelta
from urllib.parse import urlencode

import streamlit as st

from dashboards import queries, wording
from dashboards.queries import Dimension, Scope
from pipelines.workspace import Publication, Workspace

NEWEST = "newest"
PERIODS = {"7 days": 7, "4 weeks": 28, "13 weeks": 91, "52 weeks": 364}
ALL, DATES = "all", "dates"
USUAL = "4 weeks"
DIMENSIONS: dict[Dimension, int] = {
    "supplier": 200,
    "channel": 170,
    "category": 190,
    "location": 190,
    "country": 170,
    "abc": 130,
}
"""What can be chosen from a list, and how wide the list is."""
ANY_DAY = "any day"
DUE = {ANY_DAY: None, "today": 0, "in 7 days": 7}


def publication(workspace: Workspace) -> Publication | None:
    """Let the visitor choose a kept publication; the newest unless another is chosen."""
    newest = workspace.pointer()
    if newest is None:
        return None
    kept = {found.as_of.isoformat(): found for found in workspace.publications() if found.as_of < newest.as_of}
    chosen = st.selectbox(
        "As of",
        [NEWEST, *kept],
        key="as_of",
        bind="query-params",
        help="Which night's truth is shown. Earlier nights show what was known then.",
    )
    return newest if chosen == NEWEST else kept[chosen]


def offered(file: str, as_of: date, time_zone: str, used: tuple[str, ...]) -> Scope:
    """Show the filters that the page uses; the others keep their choice out of sight."""
    whole = Scope(file=file, time_zone=time_zone, as_of=as_of, start=as_of, end=as_of)
    first = queries.first_day(whole) or as_of
    with st.container(key="filters", horizontal=True, gap="small"):
        spots = {
            name: st.container(key=f"filter_{name}" if name in used else f"unused_{name}", width="content")
            for name in ("period", *DIMENSIONS, "sku", "due")
        }
    with spots["period"]:
        period = st.segmented_control(
            "Period",
            [*PERIODS, ALL, DATES],
            default=USUAL,
            key="period",
            bind="query-params",
            required=True,
            help=f"Up to {wording.day(as_of)}.",
        )
        start, end = _bounds(period or USUAL, first, as_of)
    if period == DATES and "period" in used:
        with st.container(key="filter_dates"):
            picked = st.date_input(
                "From and to",
                (max(first, as_of - timedelta(days=27)), as_of),
                min_value=first,
                max_value=as_of,
                key="dates",
                bind="query-params",
                format="YYYY-MM-DD",
                width=280,
            )
        if isinstance(picked, tuple) and len(picked) == 2:
            start, end = picked
    chosen: dict[str, tuple[str, ...]] = {}
    for dimension, width in DIMENSIONS.items():
        with spots[dimension]:
            called = labels(whole, dimension)
            picked_values = st.multiselect(
                "ABC" if dimension == "abc" else dimension.capitalize(),
                list(called),
                key=dimension,
                bind="query-params",
                format_func=called.__getitem__,
                placeholder="all",
                width=width,
            )
            chosen[dimension] = tuple(picked_values) if dimension in used else ()
    with spots["sku"]:
        wanted = st.text_input(
            "SKU",
            key="sku",
            bind="query-params",
            placeholder="number or name",
            help="A part of a SKU or of its name is enough.",
            max_chars=64,
            width=160,
        )
    with spots["due"]:
        due = st.segmented_control(
            "To order",
            list(DUE),
            default=ANY_DAY,
            key="due",
            bind="query-params",
            required=True,
            help="By the last day on which ordering is still in time.",
        )
        days = DUE[due or ANY_DAY]
    return Scope(
        file=file,
        time_zone=time_zone,
        as_of=as_of,
        start=start,
        end=end,
        channels=chosen["channel"],
        categories=chosen["category"],
        countries=chosen["country"],
        locations=chosen["location"],
        suppliers=chosen["supplier"],
        classes=chosen["abc"],
        wanted=wanted.strip() if "sku" in used else "",
        order_by=as_of + timedelta(days=days) if "due" in used and days is not None else None,
    )


def labels(scope: Scope, dimension: Dimension) -> dict[str, str]:
    """What the choices of a filter are called, which is also what stands in the address."""
    known = queries.names(scope, dimension) if dimension in ("location", "supplier") else {}
    return {
        value: f"{known[value]} · {value}" if known.get(value, value) != value else value
        for value in queries.choices(scope, dimension)
    }


def _bounds(period: str, first: date, as_of: date) -> tuple[date, date]:
    if period in PERIODS:
        return as_of - timedelta(days=PERIODS[period] - 1), as_of
    return (first, as_of) if period == ALL else (max(first, as_of - timedelta(days=27)), as_of)


def said(scope: Scope, used: tuple[str, ...]) -> str:
    """Period and filters in words, for a page that found nothing."""
    parts = [wording.span(scope.start, scope.end)] if "period" in used else []
    return ", ".join([*parts, *narrowed(scope, used)]) or "no filter"


def narrowed(scope: Scope, used: tuple[str, ...]) -> list[str]:
    """The filters that are on, in words."""
    parts = []
    chosen: dict[str, tuple[str, ...]] = {
        "supplier": scope.suppliers,
        "channel": scope.channels,
        "category": scope.categories,
        "location": scope.locations,
        "country": scope.countries,
        "abc": scope.classes,
    }
    for dimension, values in chosen.items():
        if values and dimension in used:
            named = "ABC class" if dimension == "abc" else dimension
            parts.append(f"{named} {wording.listed([wording.name(dimension, value) for value in values])}")
    if scope.wanted:
        parts.append(f"SKU {scope.wanted}")
    if scope.order_by:
        parts.append(f"to order by {wording.day(scope.order_by, year=False)}")
    return parts


def digest(scope: Scope) -> str:
    """A short word that changes with any filter or night."""
    return hashlib.sha256(repr(scope).encode()).hexdigest()[:12]


def link(page: str, **more: str) -> str:
    """The address of a page that keeps the night and the filters, but not the one thing looked at."""
    kept = {name for name in st.query_params if name not in ("order", "sku", "invoice", *more)}
    pairs = [(name, value) for name in sorted(kept) for value in st.query_params.get_all(name)]
    query = urlencode([*pairs, *more.items()])
    return f"{page}?{query}" if query else page
