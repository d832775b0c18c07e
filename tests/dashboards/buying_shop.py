"""A small shop that keeps stock and buys, run by real nights: something to propose, to chase, oversold, dead, of unknown cost."""

from datetime import date, timedelta
from pathlib import Path

from pipelines.nightly import nightly
from pipelines.workspace import Workspace
from tests.shops import day, land, shop

LAST = day("2026-03-02")
HARMFUL = "Apple **red** [x](http://example.invalid) <img src=x onerror=alert(1)> $y$"
SETTINGS = """
[business]
time_zone = "UTC"
reporting_currency = "GBP"
default_location = "W"
"""


def buying_shop(root: Path, last: date = LAST) -> Workspace:
    """Sixty days of sales up to `last`: two A and one C a day from the warehouse, one B a day from the other.

    A comes from Orchard in packs of 6, B from Nordlicht; both run low. One purchase of A is overdue. D was never sold,
    O is oversold by 3, C has no known cost. A was counted 20 days before.
    """
    found = shop(root, SETTINGS)
    days = [last - timedelta(days=ago) for ago in range(59, -1, -1)]
    first = last - timedelta(days=200)
    land(
        found,
        "products",
        "products.csv",
        "sku | name | category | unit_price | unit_cost | supplier_id | pack_size | supplier_sku",
        f"A-100 | {HARMFUL} | Fruit | 4.00 | 2.00 | s1 | 6 | =1+1",
        "B-200 | Bear | Toys | 20.00 | 9.00 | s2 | 1 | N-7",
        "C-300 | Cup | Kitchen | 5.00 | | s1 | 1 |",
        "D-400 | Duck | Toys | 9.00 | 5.00 | s2 | 1 |",
        "O-500 | Owl | Toys | 8.00 | 3.00 | s2 | 1 |",
    )
    land(
        found,
        "suppliers",
        "suppliers.csv",
        "supplier_id | name | lead_time_days | min_order_amount",
        "s1 | Orchard & Sons | 3 | 1000.00",
        "s2 | Nordlicht | 10 |",
    )
    land(found, "locations", "locations.csv", "location_id | name | priority", "W | Warehouse | 1", "V | Annex | 2")
    land(found, "customers", "customers.csv", "customer_id | country", "c1 | GB")
    sold = (("A-100", "W", 2, "4.00"), ("B-200", "V", 1, "20.00"), ("C-300", "W", 1, "5.00"))
    header = "order_id | channel | customer_id | ordered_at | currency | location_id"
    land(
        found,
        "orders",
        "orders.csv",
        header,
        *(f"{sku}-{on} | online | c1 | {on}T08:00:00Z | GBP | {place}" for on in days for sku, place, *_ in sold),
    )
    header = "order_id | line_no | sku | quantity | unit_price"
    lines = [f"{sku}-{on} | 1 | {sku} | {units} | {price}" for on in days for sku, _, units, price in sold]
    land(found, "order_lines", "lines.csv", header, *lines)
    header = "event_id | order_id | event | occurred_at | location_id"
    shipped = [
        f"e-{sku}-{on} | {sku}-{on} | shipped | {on}T09:00:00Z | {place}" for on in days for sku, place, *_ in sold
    ]
    land(found, "order_events", "events.csv", header, *shipped)
    header = "movement_id | sku | location_id | moved_at | kind | quantity | reference"
    sent = [
        f"m-{sku}-{on} | {sku} | {place} | {on}T09:00:00Z | shipment | -{units} | {sku}-{on}"
        for on in days
        for sku, place, units, _ in sold
    ]
    begun = days[0] - timedelta(days=1)
    land(
        found,
        "stock_movements",
        "moves.csv",
        header,
        f"r1 | A-100 | W | {begun}T09:00:00Z | receipt | 130 |",
        f"r2 | B-200 | V | {begun}T09:00:00Z | receipt | 65 |",
        f"r3 | C-300 | W | {begun}T09:00:00Z | receipt | 90 |",
        f"r4 | D-400 | W | {first}T09:00:00Z | receipt | 4 |",
        f"r5 | O-500 | V | {begun}T09:00:00Z | write_off | -3 |",
        *sent,
    )
    counted = last - timedelta(days=20)
    land(
        found,
        "stock_counts",
        "counts.csv",
        "sku | location_id | counted_on | quantity",
        f"A-100 | W | {counted} | {130 - 2 * 40}",
    )
    header = (
        "purchase_order_id | line_no | supplier_id | sku | location_id | quantity | ordered_on | expected_on | status"
    )
    late = last - timedelta(days=3)
    land(found, "inbound", "inbound.csv", header, f"P1 | 1 | s1 | A-100 | W | 6 | {late} | {late} | confirmed")
    return found


def run(found: Workspace, as_of: date = LAST) -> Workspace:
    """Close a night; it must be green."""
    assert nightly(found, as_of).is_green
    return found
