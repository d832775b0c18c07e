"""A small shop that bills, run by real nights: paid, overpaid, credited, overdue, without a tax rate, without an exchange rate."""

from datetime import date
from pathlib import Path

from pipelines.nightly import nightly, replay
from pipelines.workspace import Workspace
from tests.shops import day, land, shop

FIRST, SECOND, LAST = day("2026-03-02"), day("2026-03-03"), day("2026-03-10")
HARMFUL = "Ann **bold** [x](http://example.invalid) <img src=x onerror=alert(1)> $y$ und sämtliche Nachfahren KG"
SETTINGS = """
[business]
time_zone = "UTC"
reporting_currency = "EUR"
goes_live_on = 2026-03-01
[company]
name = "Haus & Hof"
country = "DE"
"""
TAX_RATES = "tax_code,country,valid_from,rate_percent,category,exemption_reason\nSTD,DE,,19,S,\nSTD,GB,,20,S,\n"


def billing_shop(root: Path, *, are_payments_told: bool = True) -> Workspace:
    """Four orders of the first day and one of the last, all due at once.

    o1: 2 x 10.00 + 19 % = 23.80 EUR; 30.00 came on the 5th, one piece came back on the last day.
    o2: 50.00 + 20 % = 60.00 GBP, of which 20.00 came on the 5th. A pound is 1.20 EUR.
    o3: 100.00 + 19 % = 119.00 CHF, of no known exchange rate. o4 goes where no tax rate is known; 7.00 EUR came for it.
    o5: 10.00 + 19 % = 11.90 EUR, on the last day. 5.00 EUR name an order that nobody knows.
    """
    found = shop(root, SETTINGS)
    (root / "rules").mkdir()
    (root / "rules" / "tax_rates.csv").write_text(TAX_RATES, encoding="utf-8")
    land(found, "products", "products.csv", "sku | name | unit_price", "A | Apple | 10.00")
    land(
        found,
        "customers",
        "customers.csv",
        "customer_id | name | street | city | postcode | country | credit_limit",
        f"c1 | {HARMFUL} | Road 1 | Bonn | 53111 | DE | 100.00",
        "c2 | Bob | Way 2 | London | E1 | GB | 30.00",
        "c3 | Cy | Lane 3 | Boston | 02108 | US |",
    )
    land(found, "exchange_rates", "rates.csv", "currency | quoted_on | rate", "GBP | 2026-03-01 | 1.20")
    land(
        found,
        "orders",
        "orders.csv",
        "order_id | channel | customer_id | ordered_at | currency",
        "o1 | online | c1 | 2026-03-02T08:00:00Z | EUR",
        "o2 | online | c2 | 2026-03-02T08:00:00Z | GBP",
        "o3 | online | c1 | 2026-03-02T08:00:00Z | CHF",
        "o4 | online | c3 | 2026-03-02T08:00:00Z | EUR",
        "o5 | online | c1 | 2026-03-10T08:00:00Z | EUR",
    )
    land(
        found,
        "order_lines",
        "lines.csv",
        "order_id | line_no | sku | quantity | unit_price",
        "o1 | 1 | A | 2 | 10.00",
        "o2 | 1 | A | 1 | 50.00",
        "o3 | 1 | A | 1 | 100.00",
        "o4 | 1 | A | 1 | 10.00",
        "o5 | 1 | A | 1 | 10.00",
    )
    land(
        found,
        "order_events",
        "events.csv",
        "event_id | order_id | line_no | event | occurred_at | quantity",
        "e1 | o1 | | shipped | 2026-03-03T08:00:00Z |",
        "e2 | o1 | | delivered | 2026-03-04T08:00:00Z |",
        "e3 | o1 | 1 | returned | 2026-03-10T09:00:00Z | 1",
    )
    if are_payments_told:
        land(
            found,
            "payments",
            "payments.csv",
            "payment_id | order_id | amount | currency | received_on | method",
            "p1 | o1 | 30.00 | EUR | 2026-03-05 | transfer",
            "p2 | o2 | 20.00 | GBP | 2026-03-05 | card",
            "p3 | gone | 5.00 | EUR | 2026-03-05 | card",
            "p4 | o4 | 7.00 | EUR | 2026-03-05 | card",
        )
    return found


def billed(found: Workspace, last: date = LAST) -> Workspace:
    """Close the nights up to the last; all must be green."""
    assert nightly(found, FIRST).is_green
    if last > FIRST:
        assert replay(found, SECOND, last).is_green
    return found
