"""A sample shop: believable feeds of any size, for trying Orderhouse out and for measuring it.

The same seed and sizes give the same files, byte for byte. What a day's orders are, who placed them and what becomes of
them depends on seed, sizes and that day alone, and their ids carry the day. A file of a day holds what was handed over
on it: also what happened that day to orders of the 45 days before. Stock has a memory and is walked from the first day
of the whole sample (`history_from`). So two stretches written one after the other are the same files as both at once.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from models.tables import FEEDS
from models.tables.base import own_columns
from pipelines.sample import rows
from pipelines.sample.clock import Calendar
from pipelines.sample.dirt import dirtied
from pipelines.sample.orders import Draft, draft, merged
from pipelines.sample.settings import settle
from pipelines.sample.shop import STORY_DAYS, Shop
from pipelines.sample.stock import StockRoom
from pipelines.workspace import OrderhouseError

__all__ = ["FEEDS_TOLD", "Written", "settle", "write"]

FEEDS_TOLD = (
    "products", "suppliers", "locations", "customers", "exchange_rates", "orders", "order_lines", "order_events",
    "stock_movements", "stock_counts", "inbound", "payments", "support_cases",
)  # fmt: skip
STOCK_FEEDS = {"stock_movements", "stock_counts", "inbound"}
SORTED_BY = {"orders": "ordered_at", "order_events": "occurred_at", "stock_movements": "moved_at"}
DAYS_AHEAD, ORDERS_AT_ONCE = 150, 4000


@dataclass
class Written:
    """What was written: rows of each feed, and the number of files."""

    first: date
    last: date
    rows: dict[str, int] = field(default_factory=dict)
    files: int = 0


class _Sample:
    """Rows that are told already and wait for the day on whose file they stand."""

    def __init__(self, shop: Shop, dirt: float, feeds: tuple[str, ...]) -> None:
        self.shop, self.dirt, self.feeds = shop, dirt, feeds
        self.columns = {feed: [column.name for column in own_columns(FEEDS[feed])] for feed in feeds}
        self.waiting: dict[str, list[pl.DataFrame]] = {feed: [] for feed in feeds}

    def tell(self, feed: str, told: pl.DataFrame) -> None:
        """Keep the rows of a feed, a few of them broken."""
        if feed in self.feeds and not told.is_empty():
            missing = [pl.lit(None, pl.String).alias(name) for name in self.columns[feed] if name not in told.columns]
            whole = told.with_columns(pl.col("_on").cast(pl.Int64), *missing).select("_on", "_key", *self.columns[feed])
            self.waiting[feed].append(dirtied(feed, whole, self.dirt, self.shop.seed))

    def orders_of(self, calendar: Calendar, told: Draft) -> None:
        """Everything that orders ever give."""
        for feed, teller in rows.TELLERS.items():
            if feed in self.feeds:
                self.tell(feed, teller(self.shop, calendar, told))
        if "order_events" in self.feeds:
            self.tell("order_events", rows.order_events(self.shop, calendar, told, self.dirt))

    def masters(self, days: list[date], begin: date) -> None:
        """Products, people, places and rates: all of them on the first day, later what is new or changed."""
        shop = self.shop
        if days[0] == begin:
            self.tell("suppliers", shop.suppliers(begin))
            self.tell("locations", shop.locations(begin))
        for feed, table in (("products", shop.products), ("customers", shop.customers), ("exchange_rates", shop.rates)):
            if feed in self.feeds:
                self.tell(feed, table(days, begin))

    def due(self, feed: str, first: date, last: date) -> dict[date, pl.DataFrame]:
        """The rows of a feed that stand on the files of some days; what comes later waits on."""
        if not self.waiting[feed]:
            return {}
        waiting, low, high = pl.concat(self.waiting[feed]), first.toordinal(), last.toordinal()
        self.waiting[feed] = [waiting.filter(pl.col("_on") > high)]
        order = ["_on", SORTED_BY.get(feed, "_key"), "_key"]
        found = waiting.filter(pl.col("_on").is_between(low, high)).sort(order, nulls_last=True)
        by_day = found.partition_by("_on", as_dict=True, maintain_order=True)
        return {date.fromordinal(on): part.drop("_on", "_key") for (on,), part in by_day.items()}


def write(
    landing: Path,
    *,
    first: date,
    last: date,
    orders_per_day: float,
    skus: int,
    seed: int,
    history_from: date | None = None,
    feeds: tuple[str, ...] | None = None,
    dirt: float = 0.02,
    progress: Callable[[str], None] | None = None,
) -> Written:
    """Write the sample shop's files of some days, one per feed and day: `<landing>/<feed>/<feed>-YYYY-MM-DD.csv`.

    Args:
        landing: the landing folder of a workspace; created where absent.
        first: the first day to write.
        last: the last one.
        orders_per_day: orders on an average day of an average week and year.
        skus: products of the shop.
        seed: another seed is another shop.
        history_from: the first day of the whole sample, when these days continue one; it has the full master data.
        feeds: only these feeds (all without it); the others' rows are the same whichever are asked for.
        dirt: share of broken rows in every feed; a smaller share of orders contradicts itself.
        progress: told a line now and then.

    Raises:
        OrderhouseError: sizes or days that make no shop, or an unknown feed.
    """
    begin, asked = history_from or first, feeds or FEEDS_TOLD
    _refuse_nonsense(first, last, begin, orders_per_day, skus, dirt, asked)
    shop, written = Shop(seed, orders_per_day, skus), Written(first, last, dict.fromkeys(asked, 0))
    sample = _Sample(shop, dirt, asked)
    remembered = max(begin, first - timedelta(days=STORY_DAYS + 5))
    walks = bool(STOCK_FEEDS.intersection(asked))
    start = begin if walks else remembered
    calendar = Calendar(start, (last - start).days + DAYS_AHEAD)
    room = StockRoom(shop, calendar, start) if walks else None
    # Some days at once, for speed; the files are the same whatever their number.
    at_once = max(1, min(31, int(ORDERS_AT_ONCE / orders_per_day)))
    for days in _stretches(start, last, at_once):
        drafts = [draft(shop, calendar, day, dirt) for day in days]
        if room:
            for day, one in zip(days, drafts, strict=True):
                room.walk(day, rows.movements(shop, one))
            for feed, found in room.told().items():
                sample.tell(feed, found)
        recent = [one for day, one in zip(days, drafts, strict=True) if day >= remembered]
        if recent:
            sample.orders_of(calendar, merged(recent))
            sample.masters([day for day in days if day >= remembered], begin)
        for feed in asked:
            for day, found in sample.due(feed, max(first, days[0]), days[-1]).items():
                _put(landing / feed / f"{feed}-{day}.csv", found)
                written.rows[feed] += len(found)
                written.files += 1
        if progress and days[-1] >= first:
            done, wanted = (days[-1] - first).days + 1, (last - first).days + 1
            progress(f"sample: {done} of {wanted} days, {sum(written.rows.values()):,} rows in {written.files:,} files")
    return written


def _stretches(first: date, last: date, length: int) -> Iterator[list[date]]:
    days = [first + timedelta(days=offset) for offset in range((last - first).days + 1)]
    for start in range(0, len(days), length):
        yield days[start : start + length]


def _put(path: Path, rows_of_day: pl.DataFrame) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".tmp")
    rows_of_day.write_csv(unfinished)
    unfinished.replace(path)


def _refuse_nonsense(
    first: date, last: date, begin: date, orders_per_day: float, skus: int, dirt: float, feeds: tuple[str, ...]
) -> None:
    if unknown := [feed for feed in feeds if feed not in FEEDS_TOLD]:
        raise OrderhouseError(f"The sample tells no feed {unknown[0]}; choose from {', '.join(FEEDS_TOLD)}.")
    if last < first:
        raise OrderhouseError(
            f"The sample would end on {last}, before its first day {first}; ask for at least one day."
        )
    if begin > first:
        raise OrderhouseError(f"The sample began on {begin}; {first} is before that, so begin there or later.")
    if not 0 < orders_per_day < sys.maxsize or skus < 1:
        raise OrderhouseError("A sample needs at least one order and one SKU; give larger numbers.")
    if not 0 <= dirt <= 0.5:
        raise OrderhouseError(f"A share of {dirt} dirty rows makes no sample; choose one between 0 and 0.5.")
