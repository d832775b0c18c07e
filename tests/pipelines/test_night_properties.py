"""Nights over random shops: whenever a file comes, the end is the same, every proof holds, and no rerun changes a thing."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.tables.feeds import EVENTS
from pipelines.nightly import nightly
from pipelines.workspace import Workspace
from tests.shops import DECIDED_BY_NIGHT, assert_same, contents, land, shop

SETTINGS = """
[business]
time_zone = "Europe/Berlin"
reporting_currency = "GBP"
goes_live_on = 2026-01-02
"""
FIRST = date(2026, 1, 1)
NIGHTS = [FIRST + timedelta(days=number) for number in range(4)]
LAST = NIGHTS[-1]

HEADERS = {
    "products": "sku | name | unit_price | category | updated_at",
    "customers": "customer_id | country | updated_at",
    "exchange_rates": "currency | quoted_on | rate",
    "orders": "order_id | channel | customer_id | ordered_at | currency | updated_at",
    "order_lines": "order_id | line_no | sku | quantity | unit_price | discount_amount | updated_at",
    "order_events": "event_id | order_id | line_no | event | occurred_at | quantity",
    "payments": "payment_id | order_id | amount | currency | received_on",
    "decisions": "decision_id | subject | subject_id | action | decided_by | decided_at",
}
ORDERS, SKUS, CUSTOMERS = ("o1", "o2", "o3", "o4"), ("A", "B", "C"), ("c1", "c2")
Cell = st.SearchStrategy[str]


def one_of(*values: object) -> Cell:
    """One of a few values as a file has it; none is empty."""
    return st.sampled_from(["" if value is None else str(value) for value in values])


DAYS = st.sampled_from(NIGHTS).map(str)
MOMENTS = st.builds("{}T{}:00".format, DAYS, one_of("00:00", "00:30", "09:00", "12:00", "23:30"))
REVISED = st.one_of(st.just(""), MOMENTS)
UNITS, MONEY = one_of(1, 2, 3, 4, 0), one_of("0.01", "1.25", "19.99", "3.335")
USUAL = ("shipped", "delivered", "returned", "cancelled", "cancelled", "returned", "confirmed")
DECISIONS = st.one_of(
    st.tuples(st.just("hold"), one_of(*ORDERS), st.just("release")),
    st.tuples(st.just("order"), one_of(*ORDERS), one_of("cancel", "reject", "approve")),
    st.tuples(st.just("event"), one_of("e1", "e2", "e3"), st.just("void")),
    st.tuples(st.just("payment"), one_of("p1", "p2"), st.just("void")),
    st.tuples(
        st.just("file"),
        st.builds("{}-{}-{}.csv".format, one_of(0, 1, 2), one_of(*HEADERS), one_of(0, 1)),
        st.just("retract"),
    ),
)
ROWS: dict[str, st.SearchStrategy[tuple[str, ...]]] = {
    "products": st.tuples(one_of(*SKUS), one_of("Apple", "Pear"), MONEY, one_of("fruit", "toys", None), REVISED),
    "customers": st.tuples(one_of(*CUSTOMERS), one_of("GB", "FR", None), REVISED),
    "exchange_rates": st.tuples(st.just("EUR"), DAYS, one_of("0.8", "0.9", "1.1")),
    "orders": st.tuples(
        one_of(*ORDERS),
        one_of("online", "store", "agent"),
        one_of("c1", "c2", None),
        MOMENTS,
        one_of("GBP", "GBP", "EUR", "ZZZ"),
        REVISED,
    ),
    "order_lines": st.tuples(
        one_of(*ORDERS), one_of(1, 1, 2), one_of(*SKUS), UNITS, MONEY, one_of(None, None, "0.50"), REVISED
    ),
    "order_events": st.tuples(
        st.builds("e{}".format, st.integers(1, 12)),
        one_of(*ORDERS),
        one_of(None, None, 1, 2),
        one_of(*USUAL, *EVENTS),
        MOMENTS,
        one_of(None, None, 1, 2),
    ),
    "payments": st.tuples(one_of("p1", "p2", "p3"), one_of(*ORDERS), MONEY, one_of("GBP", "EUR"), DAYS),
    "decisions": st.builds(
        lambda number, what, when: (f"d{number}", *what, "ann", when), st.integers(1, 5), DECISIONS, MOMENTS
    ),
}
SIZES = {
    "products": (2, 6),
    "customers": (1, 4),
    "orders": (3, 8),
    "order_lines": (4, 12),
    "order_events": (4, 16),
}


@dataclass(frozen=True)
class File:
    """A file, and the night before which it lands."""

    night: int
    feed: str
    name: str
    rows: tuple[tuple[str, ...], ...]

    def land(self, workspace: Workspace) -> None:
        """Drop it."""
        land(workspace, self.feed, self.name, HEADERS[self.feed], *(" | ".join(row) for row in self.rows))


@st.composite
def deliveries(draw: st.DrawFn) -> list[File]:
    """The files of a small shop: rows in any order, some twice, each in one of two files of its night."""
    files = []
    for feed, rows in ROWS.items():
        least, most = SIZES.get(feed, (0, 4))
        placed = st.tuples(st.integers(0, len(NIGHTS) - 1), st.integers(0, 1), rows)
        drawn = draw(st.lists(placed, min_size=least, max_size=most))
        for night, number in sorted({(night, number) for night, number, _ in drawn}):
            theirs = tuple(row for *place, row in drawn if tuple(place) == (night, number))
            files.append(File(night, feed, f"{night}-{feed}-{number}.csv", theirs))
    return files


def ran(root: Path, files: Iterable[File], runs: list[int], again: int | None = None) -> Workspace:
    """The shop after these nights were run, each over what has landed by then; one of them is run again at once."""
    found = shop(root, SETTINGS)
    waiting = sorted(files, key=lambda file: (file.night, file.name))
    for night in runs:
        for file in [file for file in waiting if file.night <= night]:
            file.land(found)
            waiting.remove(file)
        run = nightly(found, NIGHTS[night])
        assert run.is_green, run.broken_proofs
        if night == again:
            before = contents(found)
            assert nightly(found, NIGHTS[night]).is_green
            assert_same(before, contents(found))
    return found


@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(deliveries(), st.lists(st.integers(0, 2), unique=True).map(sorted), st.integers(0, 3))
def test_whenever_files_come_the_nights_end_where_one_night_over_everything_ends(
    files: list[File], earlier: list[int], again: int
) -> None:
    with TemporaryDirectory() as work:
        at_once = contents(ran(Path(work) / "one", files, [len(NIGHTS) - 1]))
        one_by_one = contents(ran(Path(work) / "many", files, [*earlier, len(NIGHTS) - 1], again))
    assert_same_end(at_once, one_by_one)


ORDER_TABLES = ("orders", "order_lines", "order_timeline", "line_effects", "sales_entries")


def assert_same_end(at_once: dict[str, pl.DataFrame], one_by_one: dict[str, pl.DataFrame]) -> None:
    """Both ended alike, but for what was decided on the night that it was decided.

    A night confirms, holds or rejects an order by what it knows; a night that knew less may have decided otherwise, and
    what is confirmed stays so. That can only be where a gate found something on one of the nights, or where somebody
    else confirmed the order too. Such orders are left out, and with them the days on which they count otherwise;
    everything else must be the same to the row.
    """
    both = (at_once, one_by_one)
    apart = differing("night_events", both, "event_id", "event", "occurred_at", "reason")
    confirmed = pl.col("event").is_in(["confirmed"]) & (pl.col("source") != "night")
    doubtful = {
        order
        for each in both
        for order in (
            *each["order_findings"]["order_id"],
            *each["order_timeline"].filter(confirmed | pl.col("event_id").str.starts_with("decision:"))["order_id"],
        )
    }
    assert apart <= doubtful, f"decided otherwise without a reason: {apart - doubtful}"
    assert_same(*({"keys": each["orders"].select("order_id")} for each in both))
    for name in at_once:
        if name.endswith("_feed") or name in ("feed_files", "rejected_rows", "waiting_rows"):
            assert_same(*({name: each[name]} for each in both), DECIDED_BY_NIGHT)
    for name in ORDER_TABLES:
        kept = ({name: each[name].filter(~pl.col("order_id").is_in(apart))} for each in both)
        assert_same(*kept, DECIDED_BY_NIGHT)
    days = differing_days(both)
    for name in ("daily_orders", "daily_sales"):
        assert_same(*({name: each[name].filter(~pl.col("day").is_in(days))} for each in both))
    open_findings = (
        {
            "order_findings": each["order_findings"]
            .join(each["night_events"].filter(pl.col("event") == "confirmed"), on="order_id", how="anti")
            .filter(pl.col("is_open") & ~pl.col("order_id").is_in(apart))
        }
        for each in both
    )
    assert_same(*open_findings, DECIDED_BY_NIGHT)
    steps = [
        set(
            each["tracking_updates"]
            .filter(~pl.col("order_id").is_in(apart))
            .select("order_id", "parcel_id", "step")
            .rows()
        )
        for each in both
    ]
    assert steps[0] <= steps[1], "a step that was reached was never told"


def differing(name: str, both: tuple[dict[str, pl.DataFrame], ...], *columns: str) -> set[str]:
    """The orders whose rows of a table are not the same in both."""
    rows = [set(each[name].select("order_id", *columns).rows()) for each in both]
    return {str(order) for order, *_ in rows[0] ^ rows[1]}


def differing_days(both: tuple[dict[str, pl.DataFrame], ...]) -> list[date]:
    """The days on which an order counts otherwise."""
    entries = [set(each["sales_entries"].select("day", pl.exclude("day")).rows()) for each in both]
    counted = [
        set(each["orders"].select("ordered_on", "order_id", pl.col("status") == "rejected", "country").rows())
        for each in both
    ]
    return sorted({row[0] for sets in (entries, counted) for row in sets[0] ^ sets[1]})
