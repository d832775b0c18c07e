"""Stock, demand and reorder over random files and nights: whenever a file comes, the end is the same."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from random import Random

import polars as pl
import pytest

from pipelines.nightly import nightly
from pipelines.workspace import Workspace
from tests.shops import DECIDED_BY_NIGHT, assert_same, contents, in_buckets, land, shop

FIRST = date(2026, 1, 28)
NIGHTS = [FIRST + timedelta(days=number) for number in range(6)]
LAST = len(NIGHTS) - 1
SETTINGS = """
[business]
time_zone = "Europe/Berlin"
reporting_currency = "GBP"
goes_live_on = 2026-01-01
[stock]
shipments_from_events = {from_events}
"""
HEADERS = {
    "products": "sku | name | unit_price | unit_cost | currency | supplier_id | pack_size | updated_at",
    "suppliers": "supplier_id | name | lead_time_days | updated_at",
    "supplier_products": "supplier_id | sku | unit_cost | lead_time_days | rank | updated_at",
    "locations": "location_id | name | priority",
    "customers": "customer_id | country",
    "exchange_rates": "currency | quoted_on | rate",
    "orders": "order_id | channel | customer_id | ordered_at | currency | location_id | updated_at",
    "order_lines": "order_id | line_no | sku | quantity | unit_price",
    "order_events": "event_id | order_id | line_no | event | occurred_at | quantity | location_id",
    "stock_movements": "movement_id | sku | location_id | moved_at | kind | quantity | reference",
    "stock_counts": "sku | location_id | counted_on | quantity",
    "inbound": "purchase_order_id | line_no | supplier_id | sku | location_id | quantity | ordered_on | expected_on"
    " | received_on | status | received_quantity | updated_at",
    "decisions": "decision_id | subject | subject_id | action | decided_by | decided_at",
}
MOST = {
    "products": 4,
    "suppliers": 2,
    "supplier_products": 3,
    "locations": 2,
    "exchange_rates": 4,
    "orders": 8,
    "order_lines": 10,
    "order_events": 12,
    "stock_movements": 16,
    "stock_counts": 6,
    "inbound": 8,
    "decisions": 2,
}
TABLES = (
    "stock_ledger",
    "stock_history",
    "stock_positions",
    "stock_ageing",
    "demand_daily",
    "demand_classes",
    "demand_levels",
    "demand_weekdays",
    "supplier_lead_times",
    "open_demand",
    "supplies",
    "reorder_plans",
    "reorder_proposals",
    "reorder_exceptions",
    "inventory_turnover",
)


class Chance(Random):
    """What may stand in the rows of a shop with stock."""

    def one(self, *values: object) -> str:
        """One of a few values as a file has it; none is empty."""
        value = self.choice(values)
        return "" if value is None else str(value)

    def day(self) -> str:
        """One of the days, or one before."""
        return str(FIRST + timedelta(days=self.randint(-30, LAST)))

    def moment(self) -> str:
        """A moment of one of the days, as the shop's clock shows it."""
        return f"{self.day()}T{self.one('00:00', '00:30', '12:00', '23:30')}:00"

    def row(self, feed: str) -> tuple[str, ...]:
        """Any row of a feed."""
        one = self.one
        sku, place, supplier = one("A", "A", "B", "C"), one("W", "W", "V"), one("s1", "s2")
        ordered = FIRST + timedelta(days=self.randint(-20, LAST))
        rows: dict[str, tuple[str, ...]] = {
            "products": (
                sku,
                "Thing",
                "2",
                one("1", "0.335", None),
                one(None, "EUR"),
                one("s1", None),
                one(1, 6),
                self.moment(),
            ),
            "suppliers": (supplier, "Maker", one(3, 10), self.moment()),
            "supplier_products": (supplier, sku, one("0.9", None), one(2, None), one(1, 2), self.moment()),
            "locations": (place, "Place", one(1, 2, None)),
            "exchange_rates": ("EUR", self.day(), one("0.8", "0.9")),
            "orders": (
                f"o{self.randint(1, 9)}",
                "online",
                "c1",
                self.moment(),
                "GBP",
                one(place, None),
                one(None, self.moment()),
            ),
            "order_lines": (f"o{self.randint(1, 9)}", one(1, 2), one("A", "B"), one(1, 4, 9), "2"),
            "order_events": (
                f"e{self.randint(1, 30)}",
                f"o{self.randint(1, 9)}",
                one(None, 1),
                one("confirmed", "shipped", "shipped", "delivered", "cancelled", "returned"),
                self.moment(),
                one(None, None, 1),
                one(None, "W", "V"),
            ),
            "stock_movements": (
                f"m{self.randint(1, 40)}",
                sku,
                place,
                self.moment(),
                one("receipt", "shipment", "return", "adjustment", "transfer", "write_off"),
                one(20, 7, -3, -5),
                one(None, "o1", "t1"),
            ),
            "stock_counts": (sku, place, self.day(), one(0, 4, 11)),
            "inbound": (
                one("p1", "p2", "p3"),
                "1",
                supplier,
                sku,
                place,
                "12",
                str(ordered),
                str(ordered + timedelta(days=5)),
                *self.choice(
                    ((str(ordered + timedelta(days=6)), "received", "12"), ("", "ordered", ""), ("", "confirmed", "4"))
                ),
                self.moment(),
            ),
            "decisions": (
                f"d{self.randint(1, 3)}",
                "movement",
                f"m{self.randint(1, 40)}",
                "void",
                "ann",
                self.moment(),
            ),
        }
        return rows[feed]


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


def deliveries(chance: Chance) -> list[File]:
    """Files of every feed, most of them late; ledgers and keys are used again with other content too."""
    placed: dict[tuple[int, str], list[tuple[str, ...]]] = {
        (0, "customers"): [("c1", "GB")],
        (0, "suppliers"): [("s1", "Maker", "5", "")],
        (0, "products"): [
            ("A", "Apple", "2", "1", "", "s1", "6", "2025-12-01T00:00:00"),
            ("B", "Bear", "3", "", "", "", "", "2025-12-01T00:00:00"),
        ],
        (0, "stock_movements"): [("m0", "A", "W", "2026-01-20T12:00:00", "receipt", "5", "")],
    }
    for feed, most in MOST.items():
        for _ in range(chance.randint(most // 2, most)):
            placed.setdefault((chance.randint(0, LAST), feed), []).append(chance.row(feed))
    return [File(night, feed, f"{night}-{feed}.csv", tuple(rows)) for (night, feed), rows in sorted(placed.items())]


def ran(root: Path, files: Iterable[File], runs: list[int], settings: str, *, again: bool) -> Workspace:
    """The shop after these nights were run, each over what has landed by then; the last of them twice, where asked."""
    found = shop(root, settings)
    waiting = sorted(files, key=lambda file: (file.night, file.name))
    for night in runs:
        for file in [file for file in waiting if file.night <= night]:
            file.land(found)
            waiting.remove(file)
        run = nightly(found, NIGHTS[night])
        assert run.is_green, run.broken_proofs
    if again:
        before = contents(found)
        assert nightly(found, NIGHTS[LAST]).is_green
        assert_same(before, contents(found))
    return found


def ended(found: Workspace) -> dict[str, pl.DataFrame]:
    """The tables of stock, demand and reorder as of the last night."""
    tables = {name: rows for name, rows in contents(found).items() if name in TABLES}
    return {
        name: rows.filter(pl.col("as_of") == NIGHTS[LAST]) if "as_of" in rows.columns else rows
        for name, rows in tables.items()
    }


@pytest.mark.parametrize("seed", range(4))
def test_whenever_files_come_stock_demand_and_plans_end_the_same(seed: int, tmp_path: Path) -> None:
    chance = Chance(seed)
    files = deliveries(chance)
    settings = SETTINGS.format(from_events=chance.one("true", "false"))
    runs = [*sorted(chance.sample(range(LAST), chance.randint(1, 4))), LAST]
    with pytest.MonkeyPatch.context() as patch:
        in_buckets(patch, 1)
        at_once = ended(ran(tmp_path / "one", files, [LAST], settings, again=seed % 2 == 0))
    one_by_one = ended(ran(tmp_path / "many", files, runs, settings, again=seed % 2 == 1))
    assert_same(at_once, one_by_one, DECIDED_BY_NIGHT)
