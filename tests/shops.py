"""Small workspaces for tests: feeds drawn in the test, nights run over them, tables compared by content."""

import os
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest

from models.tables import CATALOG
from models.tables.base import declaration
from pipelines.warehouse.store import FILE_NAME, in_utc, place
from pipelines.workspace import Workspace

SETTINGS = """
[business]
time_zone = "Europe/London"
reporting_currency = "GBP"
goes_live_on = 2026-01-01
"""
DECIDED_BY_NIGHT = (
    "as_of", "closed_on", "first_seen_on", "since", "billing", "payment", "invoiced", "credited",
)  # fmt: skip
"""Columns that differ between one night over all and night by night."""
BILLED_BY_NIGHT = (
    "invoices", "invoice_lines", "billing_exceptions", "billing_gaps", "payments_applied", "payments_on_account", "receivables",
    "refunds_due", "reminders", "customer_exposure", "journal_entries", "daily_billing",
)  # fmt: skip
"""Tables that follow from what each night issued."""


def shop(root: Path, settings: str = SETTINGS) -> Workspace:
    """An empty workspace."""
    (root / "landing").mkdir(parents=True)
    (root / "orderhouse.toml").write_text(settings, encoding="utf-8")
    return Workspace(root)


def drawn(header: str, *rows: str) -> str:
    """A CSV as drawn: cells between `|`."""
    return "".join(",".join(cell.strip() for cell in line.split("|")) + "\n" for line in (header, *rows))


def land(workspace: Workspace, feed: str, name: str, header: str, *rows: str) -> Path:
    """Drop a CSV as drawn into landing, long ago: no night need look twice whether it still grows."""
    folder = workspace.landing / feed
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text(drawn(header, *rows), encoding="utf-8")
    os.utime(file, (0, 0))
    return file


def contents(workspace: Workspace) -> dict[str, pl.DataFrame]:
    """Every table of the warehouse, sorted by all its columns."""
    with duckdb.connect(workspace.warehouse / FILE_NAME, read_only=True) as found:
        found.execute("SET TimeZone = 'UTC'")
        return {
            declaration(table).name + ("_feed" if declaration(table).kind == "feed" else ""): in_utc(
                found.sql(f"SELECT * FROM {place(table)} ORDER BY ALL").pl()
            )
            for table in CATALOG
        }


def assert_same(
    one: dict[str, pl.DataFrame],
    other: dict[str, pl.DataFrame],
    but: tuple[str, ...] = (),
    apart: tuple[str, ...] = (),
) -> None:
    """Both have the same rows in every table, columns in `but` and tables in `apart` left out."""
    assert one.keys() == other.keys()
    for name, rows in one.items():
        if name in apart:
            continue
        kept = [column for column in rows.columns if column not in but]
        left, right = (frame.select(kept).sort(kept) for frame in (rows, other[name]))
        assert left.equals(right), f"{name} differs:\n{left}\n{right}"


def in_buckets(patch: pytest.MonkeyPatch, size: int) -> None:
    """From now on nights work on so few orders and SKUs at once, and read every feed whenever they ask for it."""
    patch.setattr("pipelines.stages.night.SMALL", 0)
    for stage in ("night", "billing", "stock", "demand", "reorder", "turnover"):
        patch.setattr(f"pipelines.stages.{stage}.BUCKET", size)


def query(workspace: Workspace, sql: str) -> list[tuple[object, ...]]:
    """Rows of the newest publication."""
    with duckdb.connect(workspace.published / "current.duckdb", read_only=True) as found:
        found.execute("SET TimeZone = 'UTC'")
        return found.sql(sql).fetchall()


def day(text: str) -> date:
    """A date as written."""
    return date.fromisoformat(text)


def small_shop(root: Path) -> Workspace:
    """A shop with two products, one customer and three days of orders."""
    found = shop(root)
    land(
        found,
        "products",
        "products.csv",
        "sku | name | unit_price | category",
        "A | Apple | 1.25 | fruit",
        "B | Bear | 19.99 | toys",
    )
    land(found, "customers", "customers.csv", "customer_id | name | country", "c1 | Zoe | GB", "c2 | Ann | FR")
    header = "order_id | channel | customer_id | ordered_at | currency"
    land(
        found,
        "orders",
        "orders-1.csv",
        header,
        "o1 | online | c1 | 2026-01-01T10:00:00Z | GBP",
        "o2 | store | | 2026-01-01T11:00:00Z | GBP",
    )
    land(
        found,
        "orders",
        "orders-2.csv",
        header,
        "o3 | agent | c2 | 2026-01-02T10:00:00Z | GBP",
        "o4 | online | c9 | 2026-01-02T12:00:00Z | GBP",
    )
    land(
        found,
        "order_lines",
        "order_lines.csv",
        "order_id | line_no | sku | quantity | unit_price | discount_amount",
        "o1 | 1 | A | 4 | 1.25 | 0.50",
        "o1 | 2 | B | 1 | 19.99 |",
        "o2 | 1 | A | 2 | 1.30 |",
        "o3 | 1 | B | 3 | 18.00 |",
        "o4 | 1 | X | 1 | 5.00 |",
    )
    land(
        found,
        "order_events",
        "order_events.csv",
        "event_id | order_id | line_no | event | occurred_at | quantity",
        "e1 | o1 | | shipped | 2026-01-02T09:00:00Z |",
        "e2 | o1 | | delivered | 2026-01-03T09:00:00Z |",
        "e3 | o1 | 1 | returned | 2026-01-03T12:00:00Z | 1",
        "e4 | o3 | 1 | cancelled | 2026-01-03T08:00:00Z | 2",
    )
    return found
