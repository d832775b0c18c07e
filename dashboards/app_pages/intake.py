"""What came in, what was turned away and why, and what is still missing?"""

from dataclasses import replace
from datetime import date, timedelta
from functools import partial

import polars as pl
import streamlit as st

from dashboards import charts, layout, queries, wording
from dashboards.queries import Scope, intake
from dashboards.wording import count, rate, whole


def figures(scope: Scope) -> None:
    """Files and records, by what became of them."""
    now, before = intake.intake_counts(scope), intake.intake_counts(scope.before())
    first = intake.first_file(scope)
    is_covered = first is not None and first <= scope.before().start
    with layout.figures(5):
        layout.figure(
            "Files",
            whole(now["files"]),
            note=f"{whole(now['duplicate_files'])} came twice",
            help="Delivered files of the period.",
        )
        layout.figure(
            "Records",
            wording.compact(now["rows_in"]),
            note=f"{rate(now['accepted'], now['rows_in'])} accepted",
            help="Records in = accepted + rejected + duplicate, for every file.",
        )
        layout.figure(
            "Rejected",
            whole(now["rejected"]),
            change=wording.change_rate(now["rejected"], before["rejected"]) if is_covered else None,
            against="vs period before",
            more_is_good=False,
            note=f"{rate(now['rejected'], now['rows_in'])} of records",
            help="Records that break the feed contract. They are kept, and can be repaired and resubmitted.",
        )
        layout.figure(
            "Waiting",
            whole(now["waiting"]),
            note="for an order or a product",
            help="Accepted records whose order, product or invoice has not arrived yet, as of the night.",
        )
        layout.figure(
            "Held files",
            whole(now["held"]),
            note="tried again every night",
            help="Files that could not be read to their end, or that lack a required column.",
        )


def calendar(scope: Scope) -> None:
    """Which feed came when."""
    feeds = intake.feeds_arrived(scope)
    shown = scope if 14 <= scope.days <= 92 else scope.last(35)
    shown = replace(shown, start=max(shown.start, intake.first_file(scope) or shown.start))
    cells = {
        (row["feed"], row["day"]): (row["rows_in"], row["rejected"])
        for row in intake.arrivals(shown).iter_rows(named=True)
        if row["files"]
    }
    days = [shown.start + timedelta(days=ahead) for ahead in range(shown.days)]
    overdue = feeds.filter((pl.col("last_on") < scope.as_of) & (pl.col("days_of_28") >= 20))
    names = wording.listed(
        [f"{row['feed']} ({wording.ago((scope.as_of - row['last_on']).days)})" for row in overdue.iter_rows(named=True)]
    )
    title = f"Did not come although it usually does: {names}" if names else "Every feed that comes daily has come"
    layout.chart(
        charts.arrivals(feeds["feed"].to_list(), days, cells) if feeds.height else None,
        title,
        key="calendar",
        note="files by feed and night: the stronger the colour, the more records; an orange dot: some were rejected",
        empty="No file has ever been taken in.",
    )


def rejects(scope: Scope) -> None:
    """Rejected records by reason over time, and as a list to download."""
    layout.heading("Rejected records", "Repair them in the downloaded file, then: orderhouse reject resubmit.")
    feeds = sorted(set(intake.rejects_by_reason(scope)["feed"].to_list()))
    if not feeds:
        layout.nothing(f"No record was rejected in {layout.opened().said}.")
        return
    chosen = tuple(st.multiselect("Feed", feeds, key="feed", bind="query-params", placeholder="all feeds", width=320))
    by_reason = intake.rejects_by_reason(scope, chosen)
    codes = by_reason.select("day", pl.col("code").replace(_CODES).alias("name"), pl.col("records").alias("value"))
    days, apart = _drawn(scope, codes)
    top = (
        by_reason.group_by("code", "column_name")
        .agg(pl.col("records").sum())
        .sort("records", "code", "column_name", descending=[True, False, False])
    )
    total = intake.rejected_count(scope, chosen)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        most = codes.group_by("name").agg(pl.col("value").sum()).sort("value", "name", descending=[True, False]).row(0)
        meaning = wording.REASONS.get(_BY_NAME.get(most[0], ""), "")
        title = (
            f"Most rejects: {most[0].lower()}" + (f" ({meaning})" if meaning else "") + f", {count(most[1], 'record')}"
        )
        layout.chart(
            charts.stacked_days(codes, days, "records"),
            title,
            key="reasons",
            note=f"rejected records per night by reason, {wording.span(days[0], days[-1])}{apart}",
        )
    with right:
        names = [f"{row['column_name']}: {wording.words(row['code']).lower()}" for row in top.iter_rows(named=True)]
        layout.chart(
            charts.ranked(names, top["records"].to_list(), None, "records", limit=6),
            f"{names[0].split(':')[0]} is the column that fails most",
            key="columns",
            note="records by column and reason",
        )
    found = intake.rejected(scope, chosen)
    titles = {
        "name": ("File", "Name of the file as it was delivered."),
        "record_number": ("Record", "The data record in that file, counted from 1."),
    }
    layout.table(
        found,
        key="rejected",
        tables=("rejected_rows", "feed_files"),
        titles=titles,
        total=total,
        hide=("values", "file_id"),
        file="rejected_rows",
        whole=lambda: intake.rejected(scope, chosen, limit=queries.ROWS_DOWNLOADED),
    )
    with st.container(horizontal=True, vertical_alignment="center", key="feed_shape"):
        st.html('<span class="oh-quiet">In the feed\'s own columns, with the reasons, to repair:</span>')
        for feed in chosen or tuple(feeds):
            st.download_button(
                wording.literal(feed),
                partial(to_repair, scope, feed),
                f"rejected_{wording.file_name(feed)}_{scope.as_of}.csv",
                "text/csv",
                key=f"repair_{feed}",
                on_click="ignore",
                type="tertiary",
                icon=":material/build:",
            )


def to_repair(scope: Scope, feed: str) -> bytes:
    """The rejected records of a feed in its own columns."""
    return layout.as_csv(layout.in_feed_shape(intake.rejected(scope, (feed,), limit=queries.ROWS_DOWNLOADED), feed))


def _drawn(scope: Scope, codes: pl.DataFrame) -> tuple[list[date], str]:
    """The nights to draw, without a first one that took in all the history and would dwarf the others; and what to say of it."""
    first = intake.first_file(scope) or scope.start
    start = max(scope.start, first)
    nights = codes.group_by("day").agg(pl.col("value").sum()).sort("day")
    later = nights.filter(pl.col("day") > first)
    said = ""
    if (
        start == first
        and later.height >= 3
        and nights["day"][0] == first
        and nights["value"][0] > 10 * max(later["value"].to_list())
    ):
        said = f"; not drawn: the first night, with all the history, {whole(nights['value'][0])}"
        start += timedelta(days=1)
    return [start + timedelta(days=ahead) for ahead in range((scope.end - start).days + 1)], said


_CODES = {code: wording.words(code) for code in wording.REASONS}
_BY_NAME = {name: code for code, name in _CODES.items()}


def page() -> None:
    """Intake of files."""
    at = layout.opened()
    scope = at.scope
    figures(scope)
    calendar(scope)
    held = intake.held_files(scope)
    if held.height:
        layout.heading("Held files", "Nothing of them is loaded; a corrected file under any name takes their place.")
        layout.table(held, key="held", tables=("feed_files",))
    rejects(scope)
    waiting = intake.waiting(scope)
    layout.heading("Waiting records", "Accepted, and without effect until what they wait for arrives.")
    titles = {"days_waiting": ("Days waiting", "Days since the night that took it in.")}
    layout.table(
        waiting.head(queries.ROWS_SHOWN),
        key="waiting",
        tables=("waiting_rows",),
        titles=titles,
        whole=lambda: waiting,
        total=waiting.height,
        empty="No record is waiting.",
    )
    layout.heading("Files")
    total = intake.intake_counts(scope)["files"]
    layout.table(
        intake.files(scope),
        key="files",
        tables=("feed_files",),
        total=total,
        hide=("file_id",),
        whole=lambda: intake.files(scope, limit=queries.ROWS_DOWNLOADED),
        empty=f"No file came in {at.said}.",
    )


page()
