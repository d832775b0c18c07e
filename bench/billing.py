"""Billing a million confirmed orders, against the least it can cost: SQL that joins, multiplies and sums.

`python -m bench.billing prepare SHOP TARGET` makes a warehouse of which nothing is billed; `baseline` and `night` bill it,
`stored` copies what the night wrote.
"""

import shutil
import sys
import time
from datetime import date
from pathlib import Path

import duckdb

from models.tables.base import declaration
from models.tables.billing import (
    BillingException,
    CustomerExposure,
    DailyBilling,
    Invoice,
    InvoiceLine,
    JournalEntry,
    PaymentApplied,
    PaymentOnAccount,
    Receivable,
    RefundDue,
    Reminder,
)
from pipelines.stages import STAGES, Night
from pipelines.warehouse import Warehouse
from pipelines.warehouse.store import FILE_NAME, place
from pipelines.workspace import Workspace

BILLED = (
    BillingException, CustomerExposure, DailyBilling, Invoice, InvoiceLine, JournalEntry, PaymentApplied, PaymentOnAccount,
    Receivable, RefundDue, Reminder,
)  # fmt: skip
BASELINE = """
    CREATE TABLE billed AS
    SELECT order_id, customer_id, currency, sum(net) AS net, sum(round(net * rate_percent / 100, 2)) AS tax
    FROM (
        SELECT o.order_id, o.customer_id, o.currency, rate_percent,
               round(quantity * l.unit_price, 2) - coalesce(l.discount_amount, 0) AS net
        FROM core.orders o JOIN core.order_lines l USING (order_id) LEFT JOIN feeds.products p USING (sku)
        LEFT JOIN rates r ON r.tax_code = coalesce(l.tax_code, p.tax_code, 'STD') AND r.country = coalesce(o.country, 'DE')
    ) GROUP BY ALL
"""


def prepare(shop: Path, target: Path) -> None:
    """Copy a shop and its warehouse; every order of the copy is confirmed and nothing is billed."""
    shutil.rmtree(target, ignore_errors=True)
    (target / "warehouse").mkdir(parents=True)
    shutil.copytree(shop / "rules", target / "rules")
    shutil.copyfile(shop / "orderhouse.toml", target / "orderhouse.toml")
    with duckdb.connect(shop / "warehouse" / FILE_NAME) as settled:
        settled.execute("CHECKPOINT")
    shutil.copyfile(shop / "warehouse" / FILE_NAME, target / "warehouse" / FILE_NAME)
    with Warehouse(target / "warehouse") as warehouse:
        with warehouse.transaction():
            for table in BILLED:
                warehouse.run(f"DELETE FROM {place(table)}")
            warehouse.run(
                """UPDATE core.orders SET channel = 'online', status = 'confirmed', has_refused_fact = false, billing = 'none',
                   as_of = (SELECT max(as_of) FROM core.nights)"""
            )
            warehouse.run("UPDATE core.order_lines SET invoiced = 0, credited = 0")
            warehouse.run("DELETE FROM core.meta WHERE name = 'billing_rules'")
        warehouse.run("CHECKPOINT")


def baseline(shop: Path) -> None:
    """Join, multiply and sum."""
    with duckdb.connect(shop / "warehouse" / FILE_NAME) as warehouse:
        rates = shop / "rules" / "tax_rates.csv"
        warehouse.execute(f"CREATE TEMP TABLE rates AS FROM read_csv('{rates}')")
        started = time.perf_counter()
        warehouse.execute(BASELINE)
        print(f"seconds={time.perf_counter() - started:.2f}")
        warehouse.execute("DROP TABLE billed")


def night(shop: Path) -> None:
    """The stage of the night: documents, numbers, chain, books, receivables, all stored and committed."""
    with Warehouse(shop / "warehouse") as warehouse:
        as_of: date = warehouse.value("SELECT max(as_of) FROM core.nights")
        tonight = Night(warehouse, Workspace(shop), as_of)
        started = time.perf_counter()
        with warehouse.stage(as_of, "billing"):
            STAGES["billing"](tonight)
        print(f"seconds={time.perf_counter() - started:.2f}")
        for table in (Invoice, InvoiceLine, JournalEntry):
            print(f"{declaration(table).name}={warehouse.count(table)}")


def stored(shop: Path) -> None:
    """What storing the rows of the night costs by itself: documents, lines and entries copied by bare SQL."""
    copy = shop / "copy.duckdb"
    copy.unlink(missing_ok=True)
    with duckdb.connect(shop / "warehouse" / FILE_NAME) as warehouse:
        warehouse.execute(f"ATTACH '{copy}' AS copied")
        started = time.perf_counter()
        for table in (Invoice, InvoiceLine, JournalEntry):
            warehouse.execute(f"CREATE TABLE copied.{declaration(table).name} AS FROM {place(table)}")
        warehouse.execute("CHECKPOINT copied")
        print(f"seconds={time.perf_counter() - started:.2f}")
    copy.unlink()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["prepare", shop, target]:
            prepare(Path(shop), Path(target))
        case ["baseline", shop]:
            baseline(Path(shop))
        case ["night", shop]:
            night(Path(shop))
        case ["stored", shop]:
            stored(Path(shop))
