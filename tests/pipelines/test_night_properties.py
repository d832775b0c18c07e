"""Nights over random shops: whenever a file comes, the end is the same, every proof holds, and no rerun changes a thing."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from random import Random

import polars as pl
import pytest

from models.tables import CATALOG
from models.tables.base import declaration, polars_schema
from models.tables.feeds import EVENTS
from pipelines.nightly import nightly
from pipelines.stages import Night
from pipelines.warehouse import Warehouse, publish, store
from pipelines.warehouse.store import place
from pipelines.warehouse.versions import current
from pipelines.workspace import Workspace
from tests.shops import DECIDED_BY_NIGHT, assert_same, contents, drawn, in_buckets, land, query, shop

SETTINGS = """
[business]
time_zone = "Europe/Berlin"
reporting_currency = "GBP"
goes_live_on = 2026-01-02
"""
FIRST = date(2026, 1, 1)
NIGHTS = [FIRST + timedelta(days=number) for number in range(4)]
LAST = NIGHTS[-1]
GATHERED_FROM = (0, 3, 10_000)
"""All frames gathered in files before they are added, some, or none; where all are, a night works in small buckets too."""

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
ORDERS = ("o1", "o2", "o3", "o4")
USUAL = ("shipped", "delivered", "returned", "cancelled", "cancelled", "returned", "confirmed")
DECISIONS = (
    *(("hold", order, "release") for order in ORDERS),
    *(("order", order, action) for order in ORDERS for action in ("cancel", "reject", "approve")),
    *(("event", f"e{number}", "void") for number in range(1, 9)),
    *(("payment", payment, "void") for payment in ("p1", "p1", "p2", "p2", "p3", "p3")),
)
Tables = dict[str, pl.DataFrame]
Row = tuple[str, ...]


class Chance(Random):
    """What may stand in the rows of a small shop."""

    def one(self, *values: object) -> str:
        """One of a few values as a file has it; none is empty."""
        value = self.choice(values)
        return "" if value is None else str(value)

    def moment(self) -> str:
        """A moment of one of the days, as the shop's clock shows it."""
        return f"{self.choice(NIGHTS)}T{self.one('00:00', '00:30', '09:00', '12:00', '23:30')}:00"

    def revised(self) -> str:
        """When a row was written, where that is said."""
        return self.choice(("", self.moment()))

    def row(self, feed: str) -> Row:
        """Any row of a feed."""
        one, price = self.one, self.one("0.01", "1.25", "19.99", "3.335")
        rows: dict[str, Row] = {
            "products": (one("A", "B", "C"), "Fruit", price, one("fruit", "toys", None), self.revised()),
            "customers": (one("c1", "c2", "c3"), one("GB", "FR", None), self.revised()),
            "exchange_rates": ("EUR", one(*NIGHTS), one("0.8", "0.9", "1.1")),
            "orders": (
                one(*ORDERS),
                one("online", "store"),
                one("c1", "c3", None),
                self.moment(),
                one("GBP", "ZZZ"),
                self.revised(),
            ),
            "order_lines": (
                one(*ORDERS),
                one(1, 2),
                one("A", "B", "B", "C"),
                one(0, 1, 4),
                price,
                one(None, "0.50"),
                self.revised(),
            ),
            "order_events": (
                f"e{self.randint(1, 12)}",
                one(*ORDERS),
                one(None, None, 1, 2),
                one(*USUAL, *EVENTS),
                self.moment(),
                one(None, None, 1, 2),
            ),
            "payments": (one("p1", "p2", "p3"), one(*ORDERS), price, "GBP", one(*NIGHTS)),
            "decisions": (one("d1", "d2", "d3", "d4"), *self.choice(DECISIONS), "ann", self.moment()),
        }
        return rows[feed]

    def order(self, order: str) -> dict[str, Row]:
        """An order that could be confirmed, with a line."""
        one, price = self.one, self.one("0.01", "1.25", "19.99", "3.335")
        channel, currency = one("online", "agent", "store"), one("GBP", "EUR")
        return {
            "orders": (order, channel, one("c1", "c2"), self.moment(), currency, ""),
            "order_lines": (order, "1", one("A", "B"), one(1, 2, 3, 4), price, one(None, "0.50"), ""),
        }


MOST = {
    "products": 3,
    "customers": 3,
    "exchange_rates": 4,
    "orders": 1,
    "order_lines": 2,
    "order_events": 12,
    "payments": 4,
    "decisions": 4,
}
"""At most so many rows of each feed beside the orders."""


@dataclass(frozen=True)
class File:
    """A file, and the night before which it lands."""

    night: int
    feed: str
    name: str
    rows: tuple[tuple[str, ...], ...]

    @property
    def file_id(self) -> str:
        """The sha256 of its bytes."""
        text = drawn(HEADERS[self.feed], *(" | ".join(row) for row in self.rows))
        return hashlib.sha256(text.encode()).hexdigest()

    def land(self, workspace: Workspace) -> None:
        """Drop it."""
        land(workspace, self.feed, self.name, HEADERS[self.feed], *(" | ".join(row) for row in self.rows))


def deliveries(chance: Chance) -> list[File]:
    """The files of a small shop, each row in one of two files of its night.

    Four orders that could be confirmed come sometime with a line each, and beside them whatever else: revisions, rows
    twice, lines and events of orders that are not there yet, what contradicts, people's decisions, files retracted by
    name or id, corrected ones of them whenever they come, and a retraction that is taken back.
    """
    placed: dict[tuple[int, str, int], list[Row]] = {
        (0, "products", 0): [("A", "Apple", "1.25", "fruit", ""), ("B", "Bear", "19.99", "toys", "")],
        (0, "customers", 0): [("c1", "GB", ""), ("c2", "FR", "")],
    }

    def put(night: int, feed: str, row: Row) -> None:
        placed.setdefault((night, feed, chance.randint(0, 1)), []).append(row)

    for order in ORDERS:
        night = chance.choice((0, 0, 1, 2, 3))
        for feed, row in chance.order(order).items():
            put(night, feed, row)
    for feed, most in MOST.items():
        for _ in range(chance.randint(0, most)):
            put(chance.randint(0, 3), feed, chance.row(feed))
    files = [
        File(night, feed, f"{night}-{feed}-{number}.csv", tuple(rows))
        for (night, feed, number), rows in sorted(placed.items())
    ]
    for number in range(chance.choice((0, 1, 2, 3))):
        night, retracted = chance.randint(0, 3), chance.choice(files)
        subject = chance.choice((retracted.name, retracted.file_id))
        decision = (f"r{number}", "file", subject, "retract", "ann", chance.moment())
        files.append(File(night, "decisions", f"{night}-retraction-{number}.csv", (decision,)))
        kept = [row for row in retracted.rows if chance.random() < 0.7]
        night, added = chance.randint(0, 3), chance.row(retracted.feed)
        files.append(File(night, retracted.feed, f"{night}-corrected-{number}.csv", (*kept, added)))
    return files


def ran(root: Path, files: Iterable[File], runs: list[int], gathered_from: int, again: int | None = None) -> Workspace:
    """The shop after these nights were run, each over what has landed by then; one of them is run again at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "GATHERED_FROM", gathered_from)
        if gathered_from == 0:
            in_buckets(patch, 2)
        return _ran(shop(root, SETTINGS), files, runs, again)


def _ran(found: Workspace, files: Iterable[File], runs: list[int], again: int | None) -> Workspace:
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


@pytest.fixture(autouse=True, scope="module")
def in_small_steps() -> Iterator[None]:
    """Every publication but the first replaces what changed in a copy of the one before, as on a large history."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(publish, "WHOLE_BELOW", 0)
        patch.setattr(publish, "SMALL_STEP", 0)
        yield


def assert_shown(found: Workspace) -> None:
    """What is published is what the warehouse has, feeds as of the last night."""
    pointer = found.pointer()
    assert pointer is not None
    with Warehouse(found.warehouse) as warehouse:
        Night(warehouse, found, LAST)
        warehouse.run(f"ATTACH '{pointer.file}' AS shown (READ_ONLY)")
        for table in CATALOG:
            declared = declaration(table)
            if declared.is_published and place(table) not in publish.FEEDS_COMPLETED and declared.kind != "night":
                kept = f"SELECT {', '.join(polars_schema(table))} FROM {place(table)}"
                kept = current(declared.name, LAST) if declared.kind == "feed" else kept
                shown = f"FROM shown.main.{declared.name}"
                for rows in (f"({kept}) EXCEPT ALL ({shown})", f"({shown}) EXCEPT ALL ({kept})"):
                    assert warehouse.frame(rows).is_empty(), declared.name


@pytest.mark.parametrize("seed", range(8))
def test_whenever_files_come_the_nights_end_where_one_night_over_everything_ends(seed: int, tmp_path: Path) -> None:
    chance = Chance(seed)
    files = deliveries(chance)
    runs = [*sorted(chance.sample((0, 1, 2), chance.randint(1, 3))), 3]
    at_once = ran(tmp_path / "one", files, [3], GATHERED_FROM[seed % 3])
    one_by_one = ran(tmp_path / "many", files, runs, GATHERED_FROM[seed % 3 - 1], again=chance.choice(runs))
    assert_shown(one_by_one)
    assert_same_end(contents(at_once), contents(one_by_one))


def assert_same_end(*both: Tables) -> None:
    """Both ended alike, but for what was decided on the night that it was decided.

    A night confirms, holds or rejects an order by what it knows; a night that knew less may have decided otherwise, and
    what is confirmed stays so. That can only be where a gate found something on one of the nights, where somebody else
    decided on the order too, or where the order was revised. Such orders are left out, and with them the days on which
    they count otherwise; everything else must be the same to the row, but that more steps may have been told to
    customers than are true in the end.
    """
    apart = differing("night_events", both, "event_id", "event", "occurred_at", "reason")
    assert apart <= doubtful(both), f"decided otherwise without a reason: {apart - doubtful(both)}"
    is_apart, days = pl.col("order_id").is_in(sorted(apart)), differing_days(both)
    alike(both, "orders", pl.col("order_id"))
    for name in both[0]:
        if name.endswith("_feed") or name in ("feed_files", "rejected_rows", "waiting_rows"):
            alike(both, name)
        elif name in ("orders", "order_lines", "order_timeline", "line_effects", "sales_entries"):
            alike(both, name, where=~is_apart)
        elif name in ("daily_orders", "daily_sales"):
            alike(both, name, where=~pl.col("day").is_in(days))
    confirmed = {order for each in both for order in each["night_events"].filter(event="confirmed")["order_id"]}
    is_judged = ~pl.col("order_id").is_in(sorted(apart | confirmed))
    alike(both, "order_findings", where=is_judged & pl.col("is_open"))
    at_once, one_by_one = (
        set(each["tracking_updates"].filter(~is_apart).select("order_id", "parcel_id", "step").rows()) for each in both
    )
    assert at_once <= one_by_one, "a step that was reached was never told"


def alike(both: Sequence[Tables], name: str, *columns: pl.Expr, where: pl.Expr | bool = True) -> None:
    """The rows of a table are the same in both, but for the nights they name."""
    one, other = ({name: each[name].filter(where).select(*columns or (pl.all(),))} for each in both)
    assert_same(one, other, DECIDED_BY_NIGHT)


def doubtful(both: Sequence[Tables]) -> set[str]:
    """The orders on which two nights may decide differently."""
    is_decided = (pl.col("event") == "confirmed") & (pl.col("source") == "feed") | (
        pl.col("event_id").str.starts_with("decision:")
    )
    return {
        order
        for each in both
        for orders in (
            each["order_findings"]["order_id"],
            each["order_timeline"].filter(is_decided)["order_id"],
            each["orders_feed"].filter(pl.col("order_id").is_duplicated())["order_id"],
        )
        for order in orders
    }


def differing(name: str, both: Sequence[Tables], *columns: str) -> set[str]:
    """The orders whose rows of a table are not the same in both."""
    rows = [set(each[name].select("order_id", *columns).rows()) for each in both]
    return {str(order) for order, *_ in rows[0] ^ rows[1]}


def differing_days(both: Sequence[Tables]) -> list[date]:
    """The days on which an order counts otherwise."""
    entries = [set(each["sales_entries"].select("day", pl.exclude("day")).rows()) for each in both]
    counted = [
        set(each["orders"].select("ordered_on", "order_id", pl.col("status") == "rejected", "country").rows())
        for each in both
    ]
    return sorted({row[0] for sets in (entries, counted) for row in sets[0] ^ sets[1]})


# What these properties found first


def lands(found: Workspace, feed: str, name: str, *rows: str) -> None:
    """Drop a file of the feed's columns above."""
    File(0, feed, name, tuple(tuple(cell.strip() for cell in row.split("|")) for row in rows)).land(found)


@pytest.fixture
def two_orders(tmp_path: Path) -> Workspace:
    """A shop with an order on each of its first two days, before its first night."""
    found = shop(tmp_path / "shop", SETTINGS)
    lands(found, "products", "p.csv", "A | Apple | 2 | fruit |")
    lands(found, "customers", "c.csv", "c1 | GB |")
    lands(found, "orders", "o1.csv", "o1 | online | c1 | 2026-01-01T12:00:00 | GBP |")
    lands(found, "orders", "o2.csv", "o2 | online | c1 | 2026-01-02T12:00:00 | GBP |")
    lands(found, "order_lines", "l.csv", "o1 | 1 | A | 3 | 2 | |", "o2 | 1 | A | 5 | 2 | |")
    return found


def test_an_order_whose_file_is_retracted_is_no_more(two_orders: Workspace) -> None:
    nightly(two_orders, NIGHTS[1])
    lands(two_orders, "decisions", "d.csv", "d1 | file | o1.csv | retract | ann | 2026-01-03T08:00:00")
    assert nightly(two_orders, NIGHTS[2]).is_green
    assert query(two_orders, "SELECT order_id FROM orders") == [("o2",)]
    assert query(two_orders, "SELECT min(day), sum(units)::INT FROM daily_sales") == [(NIGHTS[1], 5)]
    assert query(two_orders, "SELECT key, waits_for FROM waiting_rows") == [("o1/1", "order o1")]


def test_a_retraction_known_before_its_date_shows_on_its_date(two_orders: Workspace) -> None:
    lands(two_orders, "decisions", "d.csv", "d1 | file | p.csv | retract | ann | 2026-01-03T08:00:00")
    nightly(two_orders, NIGHTS[1])
    assert query(two_orders, "SELECT (SELECT count(*) FROM products), list(DISTINCT category) FROM daily_sales") == [
        (1, ["fruit"])
    ]
    nightly(two_orders, NIGHTS[2])
    assert query(two_orders, "SELECT (SELECT count(*) FROM products), list(DISTINCT category) FROM daily_sales") == [
        (0, [None])
    ]


def test_sales_follow_a_customer_whose_country_is_corrected(two_orders: Workspace) -> None:
    nightly(two_orders, NIGHTS[1])
    lands(two_orders, "customers", "moved.csv", "c1 | FR |")
    nightly(two_orders, NIGHTS[2])
    assert query(two_orders, "SELECT country, sum(orders)::INT FROM daily_orders WHERE orders > 0 GROUP BY ALL") == [
        ("FR", 2)
    ]


def test_a_voided_payment_pays_nothing(two_orders: Workspace) -> None:
    lands(two_orders, "payments", "p.csv", "p1 | o1 | 6 | GBP | 2026-01-02")
    nightly(two_orders, NIGHTS[1])
    assert query(two_orders, "SELECT payment FROM orders ORDER BY order_id") == [("overpaid",), ("none",)]
    lands(two_orders, "decisions", "d.csv", "d1 | payment | p1 | void | ann | 2026-01-03T08:00:00")
    nightly(two_orders, NIGHTS[2])
    assert query(two_orders, "SELECT payment FROM orders ORDER BY order_id") == [("none",), ("none",)]


def test_what_is_cancelled_before_the_first_order_counts_on_its_own_day(two_orders: Workspace) -> None:
    lands(two_orders, "order_events", "e.csv", "e1 | o1 | | cancelled | 2025-12-30T12:00:00 |")
    assert nightly(two_orders, NIGHTS[1]).is_green
    assert query(two_orders, "SELECT day, units::INT, cancelled_amount::INT FROM daily_orders ORDER BY day") == [
        (date(2025, 12, 30), 0, 6),
        (NIGHTS[0], 3, 0),
        (NIGHTS[1], 5, 0),
    ]


def test_an_order_moved_to_another_day_leaves_nothing_behind(two_orders: Workspace) -> None:
    nightly(two_orders, NIGHTS[1])
    lands(two_orders, "orders", "again.csv", "o1 | online | c1 | 2026-01-02T13:00:00 | GBP | 2026-01-02T13:00:00")
    assert nightly(two_orders, NIGHTS[2]).is_green
    assert query(two_orders, "SELECT day, orders::INT, units::INT FROM daily_orders ORDER BY day") == [
        (NIGHTS[1], 2, 8),
        (NIGHTS[2], 0, 0),
    ]


def test_what_missed_nights_changed_is_told_in_the_night_that_acts(two_orders: Workspace) -> None:
    nightly(two_orders, NIGHTS[0])
    nightly(two_orders, NIGHTS[3])
    assert query(two_orders, "SELECT order_id, step, as_of FROM tracking_updates ORDER BY step") == [
        ("o2", "confirmed", NIGHTS[3]),
        ("o2", "received", NIGHTS[3]),
    ]


def test_a_line_of_an_order_dated_later_waits_for_nothing(two_orders: Workspace) -> None:
    nightly(two_orders, NIGHTS[0])
    assert query(two_orders, "SELECT count(*) FROM waiting_rows") == [(0,)]


@pytest.mark.parametrize(
    ("told", "status"),
    [
        (("order_events", "e1 | o3 | | cancelled | 2026-01-02T12:00:00 |"), "cancelled"),
        (("order_events", "e1 | o3 | 1 | cancelled | 2026-01-02T12:00:00 | 2"), "cancelled"),
        (("decisions", "d1 | order | o3 | reject | ann | 2026-01-02T12:00:00"), "rejected"),
        (("order_events", "e1 | o3 | 1 | cancelled | 2026-01-02T12:00:00 | 1"), "confirmed"),
    ],
    ids=["wholly", "line by line", "by a person", "a part only"],
)
def test_an_order_that_ended_while_it_was_held_is_not_released_when_its_product_comes(
    two_orders: Workspace, told: tuple[str, str], status: str
) -> None:
    lands(two_orders, "orders", "o3.csv", "o3 | online | c1 | 2026-01-01T12:00:00 | GBP |")
    lands(two_orders, "order_lines", "l3.csv", "o3 | 1 | X | 2 | 2 | |")
    nightly(two_orders, NIGHTS[0])
    feed, row = told
    lands(two_orders, feed, "end.csv", row)
    nightly(two_orders, NIGHTS[1])
    lands(two_orders, "products", "x.csv", "X | Xylophone | 2 | toys |")
    nightly(two_orders, NIGHTS[2])
    assert query(two_orders, "SELECT status FROM orders WHERE order_id = 'o3'") == [(status,)]
    assert query(two_orders, "SELECT count(*) FROM order_timeline WHERE NOT is_accepted") == [(0,)]
    assert query(two_orders, "SELECT count(*) FROM order_findings WHERE order_id = 'o3' AND is_open") == [(0,)]


def test_a_new_rate_looks_at_the_orders_whose_sales_it_changes_and_at_no_other(two_orders: Workspace) -> None:
    lands(two_orders, "exchange_rates", "r1.csv", "EUR | 2025-12-31 | 0.8")
    lands(two_orders, "orders", "o3.csv", "o3 | online | c1 | 2026-01-01T12:00:00 | EUR |")
    lands(two_orders, "orders", "o4.csv", "o4 | online | c1 | 2026-01-02T12:00:00 | EUR |")
    lands(two_orders, "order_lines", "l3.csv", "o3 | 1 | A | 1 | 10 | |", "o4 | 1 | A | 1 | 10 | |")
    nightly(two_orders, NIGHTS[1])
    lands(two_orders, "exchange_rates", "r2.csv", "EUR | 2026-01-02 | 0.9")
    nightly(two_orders, NIGHTS[2])
    assert query(two_orders, "SELECT order_id, as_of FROM orders WHERE currency = 'EUR' ORDER BY order_id") == [
        ("o3", NIGHTS[1]),
        ("o4", NIGHTS[2]),
    ]
    told = "SELECT order_id, gross_amount_r::VARCHAR FROM sales_entries WHERE currency = 'EUR' ORDER BY order_id"
    assert query(two_orders, told) == [("o3", "8.0000"), ("o4", "9.0000")]
    lands(two_orders, "decisions", "d.csv", "d1 | file | r2.csv | retract | ann | 2026-01-04T08:00:00")
    nightly(two_orders, NIGHTS[3])
    assert query(two_orders, told) == [("o3", "8.0000"), ("o4", "8.0000")]
