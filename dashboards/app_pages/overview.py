"""Can I trust today, what needs me, and what changed since yesterday?"""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import streamlit as st

from dashboards import charts, filters, layout, queries, wording
from dashboards.queries import Scope, intake, lifecycle, overview, trends
from dashboards.wording import count, money, plain, whole
from pipelines.workspace import find

SHOWN_PER_ROLE = 4
FLOW = {
    "received": ("Received", None),
    "confirmed": ("Confirmed", True),
    "held": ("Put on hold", False),
    "shipped": ("Shipped", True),
    "delivered": ("Delivered", True),
    "cancelled": ("Cancelled", False),
}


def trust(scope: Scope) -> None:
    """Say whether the night's proofs hold and which feeds came."""
    proofs = overview.certificate(scope)
    feeds = intake.feeds_arrived(scope)
    left, right = st.columns(2, gap="medium")
    with left, st.container(border=True, height="stretch", key="card_certificate"):
        broken = proofs.filter(~pl.col("is_green"))
        if proofs.is_empty():
            light, title, text = "red", "No certificate", "This publication carries no proofs; do not rely on it."
        elif broken.height:
            names = wording.listed([wording.words(name).lower() for name in broken["proof"].to_list()[:3]])
            light, title, text = (
                "red",
                "Do not rely on today",
                f"{count(broken.height, 'proof')} of {proofs.height} failed: {names}.",
            )
        else:
            light, title, text = (
                "green",
                "Today's figures are proven",
                f"All {count(proofs.height, 'proof')} of the night agree.",
            )
        shown = proofs if proofs.height <= 14 else proofs.head(13)
        ticks = "".join(
            f"<li>{'✓' if row['is_green'] else '✗'} {plain(wording.words(row['proof']))}</li>"
            for row in shown.iter_rows(named=True)
        )
        ticks += f"<li>and {proofs.height - shown.height} more</li>" if shown.height < proofs.height else ""
        st.html(
            f'<div class="oh-trust {light}"><i></i><div><h3>{title}</h3><p class="oh-note">{plain(text)}</p></div></div>'
            f'<ul class="oh-ticks">{ticks}</ul>'
        )
        if proofs.height:
            with st.popover("See the proofs", width="content"):
                layout.table(
                    proofs.select("is_green", "proof", "expected", "found", "details"),
                    key="certificate",
                    tables=("certificate",),
                    titles={"is_green": ("Holds", "Ticked when what was expected is what was found.")},
                )
    with right, st.container(border=True, height="stretch", key="card_feeds"):
        came = feeds.filter(pl.col("files") > 0)
        missing = feeds.filter((pl.col("files") == 0) & ((pl.col("days_of_28") >= 20) | (pl.col("same_weekdays") >= 3)))
        if feeds.is_empty():
            layout.nothing(
                "No file has ever been taken in.", "Drop files in landing/<feed>/ and run orderhouse nightly."
            )
            return
        title = f"{count(came.height, 'feed')} came" + (
            f", {missing.height} did not that usually do" if missing.height else ""
        )
        lines = "".join(_feed(row, scope.as_of, row["feed"] in missing["feed"]) for row in feeds.iter_rows(named=True))
        st.html(
            f'<div class="oh-title"><h3>{plain(title)}</h3><p>records of the night</p></div><div class="oh-feeds">{lines}</div>'
        )


def _feed(row: dict[str, object], as_of: date, is_missing: bool) -> str:
    last = row["last_on"]
    if row["files"]:
        said = whole(int(str(row["rows_in"]))) + (
            f", {whole(int(str(row['rejected'])))} rejected" if row["rejected"] else ""
        )
    else:
        when = wording.day(last, year=last.year != as_of.year) if isinstance(last, date) else "never"
        said = "held" if row["held"] and last is None else f"{'⚠ ' if is_missing else ''}last came {when}"
    name = plain(row["feed"])
    return f'<div class="{"late" if is_missing else ""}"><span title="{name}">{name}</span><span>{plain(said)}</span></div>'


def needs(scope: Scope, currency: str) -> None:
    """What needs a person, by role and money."""
    counts = overview.attention_counts(scope)
    items = overview.attention(scope)
    if counts.is_empty():
        layout.heading("What needs attention")
        layout.nothing("Nothing needs a person this morning.")
        return
    new = int(counts["new"].sum())
    layout.heading(
        "What needs attention",
        f"{count(int(counts['items'].sum()), 'thing')} to do, {new or 'none'} new since the night before; the most money first.",
    )
    roles = counts.iter_rows(named=True)
    for pair in zip(*[iter([*roles, None])] * 2, strict=False):
        for column, role in zip(st.columns(2, gap="medium"), pair, strict=True):
            if role:
                with column, st.container(border=True, height="stretch", key=f"card_todo_{role['role']}"):
                    _role(scope, items.filter(pl.col("role") == role["role"]), role, currency)
    with st.expander(
        f"All {count(int(counts['items'].sum()), 'thing')} to do", key="all_attention", on_change="rerun"
    ) as everything:
        if everything.open:
            layout.table(
                items.head(queries.ROWS_SHOWN),
                key="attention",
                tables=("attention",),
                whole=lambda: items,
                total=items.height,
            )


def _role(scope: Scope, items: pl.DataFrame, role: dict[str, object], currency: str) -> None:
    summary = f"{count(int(str(role['items'])), 'thing')}" + (
        f", {money(Decimal(str(role['amount'])), currency)}" if role["amount"] else ""
    )
    todos = []
    suppliers = filters.labels(scope, "supplier")
    for row in items.head(SHOWN_PER_ROLE).iter_rows(named=True):
        due = f" · due {wording.day(row['due_on'], year=False)}" if row["due_on"] else ""
        first = (
            "new" if row["first_seen_on"] == scope.as_of else f"since {wording.day(row['first_seen_on'], year=False)}"
        )
        todos.append(
            layout.Todo(
                row["sentence"],
                money(row["amount"], currency) if row["amount"] else "",
                first + due,
                filters.link(row["page"], **_subject(row, suppliers)),
            )
        )
    layout.todo(wording.ROLES.get(str(role["role"]), str(role["role"])), summary, todos)


def _subject(row: dict[str, Any], suppliers: dict[str, str]) -> dict[str, str]:
    """What a page shall look at first, as its address says it."""
    kind, subject = row["kind"], row["subject_id"]
    if subject == "more":
        return {}
    if kind in ("order_on_hold", "refused_fact", "late_order"):
        return {"order": subject}
    if kind in ("not_billed", "debt_to_collect"):
        return {"invoice": subject}
    if kind == "purchase":
        return {"supplier": suppliers.get(subject, subject)}
    if kind in ("oversold", "half_transfer", "not_planned"):
        return {"sku": subject.split("@")[0].split("/")[0]}
    return {}


def changes(scope: Scope, currency: str) -> list[str]:
    """What changed since the night before, in sentences."""
    yesterday = replace(scope, start=scope.as_of - timedelta(days=1), end=scope.as_of - timedelta(days=1))
    today = scope.last(1)
    now, before = trends.sales_by_day(today).row(0, named=True), trends.sales_by_day(yesterday).row(0, named=True)
    by_channel = _contributions(today, yesterday)
    week_ago = trends.sales_by_day(today.back(7)).row(0, named=True)
    weekday = wording.change_rate(now["net_amount"], week_ago["net_amount"])
    found = [
        f"{count(now['orders'], 'order')} came in, {_more(now['orders'] - before['orders'])} than the day before; net sales "
        f"{wording.moved(now['net_amount'], before['net_amount'])} to {money(now['net_amount'], currency)}{wording.share_words(by_channel)}"
        + (f"; that is {wording.percent(weekday)} against the {scope.as_of:%A} before." if weekday is not None else ".")
    ]
    back = [
        f"{money(now[f'{kind}_amount'], currency)} {kind}"
        + (f" ({count(now['returned_units'], 'unit')})" if kind == "returned" else "")
        for kind in ("cancelled", "returned")
        if now[f"{kind}_amount"]
    ]
    if back:
        found.append(f"{wording.listed(back)} on that day.")
    taken = intake.taken_in(scope)
    if taken["rows_in"] or taken["held"]:
        rejected = (
            f"; {whole(taken['rejected'])} were rejected ({wording.rate(taken['rejected'], taken['rows_in'])})"
            if taken["rejected"]
            else ", none rejected"
        )
        held = f"; {count(taken['held'], 'file')} held" if taken["held"] else ""
        found.append(f"{count(taken['files'], 'file')} brought {count(taken['rows_in'], 'record')}{rejected}{held}.")
    earlier = _earlier(scope)
    if earlier is None:
        found.append("No earlier publication is kept to compare with, so late facts are not shown.")
        return found
    found += _standing(scope, earlier)
    late = _late_facts(scope, earlier, currency)
    found.append(late or f"No late fact changed a figure published on {wording.day(earlier.as_of, year=False)}.")
    return found


def _more(difference: int) -> str:
    return (
        f"{whole(abs(difference))} {'more' if difference > 0 else 'fewer'}" if difference else "neither more nor fewer"
    )


def _contributions(now: Scope, before: Scope) -> list[tuple[str, Decimal]]:
    sides = [dict(trends.sales_by(side, "channel").select("name", "net_amount").iter_rows()) for side in (now, before)]
    names = sorted({*sides[0], *sides[1]})
    return [
        (
            wording.CHANNELS.get(name, f"in channel {name}"),
            sides[0].get(name, Decimal(0)) - sides[1].get(name, Decimal(0)),
        )
        for name in names
    ]


def _earlier(scope: Scope) -> Scope | None:
    kept = [found for found in find().publications() if found.as_of < scope.as_of and found.file.exists()]
    return replace(scope, file=str(kept[0].file), as_of=kept[0].as_of) if kept else None


def _standing(scope: Scope, earlier: Scope) -> list[str]:
    sides = [
        dict(lifecycle.stages(side).group_by("stage").agg(pl.col("orders").sum()).iter_rows())
        for side in (scope, earlier)
    ]
    moves = []
    for stage, words in (("on_hold", "on hold"), ("confirmed", "waiting to ship"), ("in_transit", "on the way")):
        now, before = (side.get(stage, 0) for side in sides)
        if now or before:
            moves.append(f"{whole(now)} {words} ({wording.signed(now - before)})")
    return [f"Orders now: {wording.listed(moves)}, against {wording.day(earlier.as_of, year=False)}."] if moves else []


def _late_facts(scope: Scope, earlier: Scope, currency: str) -> str:
    sides = [trends.net_until(side, earlier.as_of) for side in (scope, earlier)]
    both = sides[0].join(sides[1], on="day", how="full", coalesce=True, suffix="_before")
    change = pl.col("net_amount").fill_null(0) - pl.col("net_amount_before").fill_null(0)
    moved = both.with_columns(change=change).filter(pl.col("change") != 0)
    if moved.is_empty():
        return ""
    most = moved.sort(pl.col("change").abs(), descending=True).row(0, named=True)
    total = moved["change"].sum()
    where = (
        f"on {wording.day(most['day'], year=False)}"
        if moved.height == 1
        else f"over {count(moved.height, 'day')}, most of it on {wording.day(most['day'], year=False)}"
    )
    return (
        f"Facts that came late changed earlier net sales by {'+' if total > 0 else ''}{money(total, currency)} {where}."
    )


def flow(scope: Scope) -> None:
    """How many orders passed each step that day, over the last two weeks."""
    days = overview.events_by_day(scope.last(14))
    layout.heading(
        "Flow of orders",
        f"Orders that reached each step on {wording.day(scope.as_of, year=False)}; the line is the last two weeks.",
    )
    with layout.figures(len(FLOW)):
        for event, (label, more_is_good) in FLOW.items():
            series = days.filter(pl.col("event") == event).sort("day")["orders"].to_list()
            usual = sorted(series[:-1])[len(series[:-1]) // 2]
            layout.figure(
                label,
                whole(series[-1]),
                note=f"usually {whole(usual)}",
                trend=series,
                more_is_good=more_is_good,
                help=f"Orders of the day; usually = the middle of the 13 days before. {label} counts an order once per day.",
            )


def sales(scope: Scope, currency: str) -> None:
    """Net sales against the week before and the year before."""
    first = queries.first_day(scope) or scope.as_of
    week, four = scope.last(7), scope.last(28)
    layout.heading("Sales")
    sums = {
        side: trends.sales_by_day(days)
        for side, days in {"now": week, "before": week.before(), "year": week.year_before()}.items()
    }
    has_year = week.year_before().start >= first
    left, right = st.columns([1, 2], gap="medium")
    daily = trends.sales_by_day(four)
    with left:
        for label, name, unit in (("Net sales, 7 days", "net_amount", currency), ("Orders, 7 days", "orders", "")):
            now, before, year = (sums[side][name].sum() for side in ("now", "before", "year"))
            layout.figure(
                label,
                wording.compact(now, unit),
                change=wording.change_rate(now, before),
                against="vs week before",
                trend=[float(value) for value in daily[name].to_list()],
                below=wording.versus(wording.change_rate(now, year) if has_year else None, "a year before"),
                help=f"{wording.span(week.start, week.end)}. Net: gross less discounts, cancelled and returned, without tax and shipping.",
            )
    net = {
        side: trends.sales_by_day(days)["net_amount"]
        for side, days in {"now": four, "before": four.before(), "year": four.year_before()}.items()
    }
    lines = [charts.Line("these 4 weeks", net["now"].to_list())]
    reference, words = ("year", "a year before") if four.year_before().start >= first else ("before", "4 weeks before")
    lines.append(charts.Line(words, net[reference].to_list(), is_reference=True))
    with right:
        week_change = wording.moved(sums["now"]["net_amount"].sum(), sums["before"]["net_amount"].sum())
        driver = wording.share_words(_contributions(week, week.before()))
        layout.chart(
            charts.over_time(daily["day"].to_list(), lines, currency, height=290),
            f"Net sales of the last 7 days {week_change} against the week before{driver}",
            key="sales",
            note=f"{currency} per day, {wording.span(four.start, four.end)}",
        )


def page() -> None:
    """The morning at a glance."""
    at = layout.opened()
    trust(at.scope)
    needs(at.scope, at.currency)
    with st.container(border=True, key="card_changes"):
        st.html('<div class="oh-title"><h3>What changed since the night before</h3></div>')
        layout.sentences(changes(at.scope, at.currency))
    flow(at.scope)
    sales(at.scope, at.currency)


page()
