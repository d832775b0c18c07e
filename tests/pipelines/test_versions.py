"""What counts of the rows of a key: the same, however large the frames are in which they came."""

import gzip
import os
from datetime import date, timedelta
from pathlib import Path
from random import Random

import polars as pl
import pytest

from pipelines import intake
from pipelines.feeds import limits
from pipelines.warehouse import store, versions
from pipelines.workspace import Workspace
from tests.shops import assert_same, drawn, land, shop

NIGHTS = [date(2026, 1, 1) + timedelta(days=number) for number in range(3)]
EVENTS = "event_id | order_id | event | occurred_at"
PRODUCTS = "sku | name | unit_price | updated_at"
SALES = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
ADDED_AT_ONCE, LARGE_ONES_GATHERED, ALL_GATHERED = 10**9, 4, 0


def event(chance: Random, key: int) -> str:
    """One of two rows that a key may have: of a ledger the second contradicts the first."""
    return (
        f"e{key} | o{key % 7} | {chance.choice(['shipped', 'shipped', 'shipped', 'delivered'])} | 2026-01-01T12:00:00Z"
    )


def product(chance: Random, key: int) -> str:
    """One of the versions of a product."""
    updated_at = chance.choice(["", "", f"2026-01-0{chance.randint(1, 3)}T08:00:00Z"])
    return f"s{key} | Apple | {chance.randint(1, 2)} | {updated_at}"


def sale(chance: Random, number: int) -> str:
    """A line of the web shop, each of an order of its own or of one that has come before."""
    return f"{chance.choice([number, number % 5])},s{number % 3},Apple,2,2026-01-01 10:00:00,1.50,7.0,France"


def deliver(found: Workspace, night: int) -> None:
    """Files of a night: keys that come anew, again, twice in a file, in another file, with other content; and one torn."""
    chance = Random(night)
    for name, rows in (("many", 60), ("few", 3), ("more", 40)):
        events = [event(chance, chance.randint(0, 40 + 60 * night)) for _ in range(rows)]
        land(found, "order_events", f"{night}-{name}.csv", EVENTS, *events)
        products = [product(chance, chance.randint(0, 9 + 9 * night)) for _ in range(rows)]
        land(found, "products", f"{night}-{name}.csv", PRODUCTS, *products)
    noise = (f"e{key} | o{chance.random()} | shipped | 2026-01-01T12:00:00Z" for key in range(200))
    torn = found.landing / "order_events" / f"{night}-nightly.csv.gz"
    torn.write_bytes(gzip.compress(drawn(EVENTS, *noise).encode(), mtime=0)[:-900])
    lines = [sale(chance, 100 * night + number) for number in range(30)]
    folder = found.landing / "online_retail"
    folder.mkdir(exist_ok=True)
    (folder / f"2026-01-0{night + 1}.csv").write_text("\n".join([SALES, *lines, *lines[:3]]) + "\n", encoding="utf-8")


def taken_in(root: Path, gathered_from: int) -> dict[str, pl.DataFrame]:
    """What the tables of a shop have after each night's files were taken in, rows set aside too."""
    found = shop(root)
    with pytest.MonkeyPatch.context() as patch, store.Warehouse(found.warehouse) as warehouse:
        patch.setattr(store, "GATHERED_FROM", gathered_from)
        patch.setattr(intake, "TOGETHER", 20)
        patch.setattr(limits, "BLOCK", 512)
        for number, night in enumerate(NIGHTS):
            deliver(found, number)
            for file in found.landing.rglob("*.*"):
                os.utime(file, (0, 0))
            with warehouse.transaction():
                deliveries = intake.take_in(warehouse, found, night, lambda _: None)
            intake.clear(warehouse, found, deliveries, lambda _: None)
        tables = warehouse.connection.sql(
            """SELECT schema_name || '.' || table_name FROM duckdb_tables()
               WHERE schema_name = 'feeds' OR table_name IN ('feed_files', 'rejected_rows')"""
        ).fetchall()
        return {name: warehouse.frame(f"FROM {name} ORDER BY ALL") for (name,) in tables}


def test_rows_end_where_they_belong_whether_they_are_gathered_or_added_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once = taken_in(tmp_path / "at-once", ADDED_AT_ONCE)
    assert_same(at_once, taken_in(tmp_path / "mixed", LARGE_ONES_GATHERED))
    torn, unload = list[int](), versions.unload

    def noted(warehouse: store.Warehouse, feed: str, sequence: int) -> None:
        stored = f"SELECT count(*) FROM ({warehouse.awaiting(f'feeds.{feed}')}) WHERE file_sequence = {sequence}"
        torn.append(int(warehouse.value(stored)))
        unload(warehouse, feed, sequence)

    monkeypatch.setattr(versions, "unload", noted)
    assert_same(at_once, taken_in(tmp_path / "gathered", ALL_GATHERED))
    assert max(torn) > 0, "no file was torn after a part of it had been gathered"
    for kind in ("repeated_order_events", "repeated_products", "repeated_orders", "revised_products"):
        assert at_once[f"feeds.{kind}"].height > 0
    files, rejected = at_once["core.feed_files"], at_once["core.rejected_rows"]
    assert files.filter(status="held")["name"].to_list() == [f"{night}-nightly.csv.gz" for night in range(3)]
    assert rejected.filter(pl.col("reasons").list.join("").str.contains("key_conflict")).height > 5
