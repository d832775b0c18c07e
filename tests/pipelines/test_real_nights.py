"""Nights over the real data: what came in, what became of it, and figures that anybody can add up from the files."""

import csv
import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest

from pipelines import verify
from pipelines.nightly import nightly, replay
from pipelines.warehouse.store import FILE_NAME
from pipelines.workspace import Workspace
from tests.realdata import assert_same_warehouses, hashes, online_retail, oracle, taxed
from tests.shops import query

FIRST, LAST = date(2010, 12, 1), date(2011, 8, 31)
THIRTIETH = date(2010, 12, 30)
PENNY = Decimal("0.01")


@pytest.fixture(scope="module")
def web_shop(realdata: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The web shop after one night over all its files."""
    found = taxed(online_retail(tmp_path_factory.mktemp("online_retail") / "shop"))
    assert nightly(found, LAST).is_green
    return found


@pytest.fixture(scope="module")
def clothes_shop(realdata: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The clothes shop after one night over all its files."""
    found = taxed(oracle(tmp_path_factory.mktemp("oracle") / "shop"))
    assert nightly(found, date(2022, 4, 12)).is_green
    return found


def records(folder: Path, pattern: str = "*.csv") -> Iterator[dict[str, str]]:
    """The records of the delivered files, as Python's own reader sees them."""
    for file in sorted(folder.glob(pattern)):
        with file.open(encoding="utf-8", newline="") as opened:
            yield from csv.DictReader(opened)


def is_sale(line: dict[str, str]) -> bool:
    """A line of an order: something sold, not for less than nothing."""
    return int(line["Quantity"]) > 0 and Decimal(line["UnitPrice"]) >= 0


def worth(line: dict[str, str]) -> Decimal:
    """Quantity x price."""
    return int(line["Quantity"]) * Decimal(line["UnitPrice"])


# The web shop


def test_every_line_of_the_web_shop_is_accepted_or_rejected_with_its_reason(web_shop: Workspace) -> None:
    files = query(
        web_shop,
        """SELECT count(*), sum(rows_in)::INT, sum(accepted)::INT, sum(rejected)::INT, sum(duplicates)::INT, list(DISTINCT status)
           FROM feed_files""",
    )
    assert files == [(219, 320_705, 318_386, 2_319, 0, ["loaded"])]
    reasons = query(
        web_shop,
        """SELECT regexp_extract(reasons[1], '^(\\w+: \\w+)', 1) || CASE WHEN contains(reasons[1], 'no cancellation')
                  THEN ', no cancellation' ELSE '' END AS reason, count(*) FROM rejected_rows GROUP BY ALL ORDER BY ALL""",
    )
    assert reasons == [
        ("CustomerID: missing", 282),
        ("Quantity: range", 58),
        ("Quantity: range, no cancellation", 925),
        ("StockCode: not_allowed", 1_052),
        ("UnitPrice: range", 2),
    ]


def test_orders_lines_and_gross_sales_are_those_of_the_files(web_shop: Workspace, realdata: Path) -> None:
    orders, lines, units, gross = set(), 0, 0, Decimal(0)
    for line in records(realdata / "online_retail" / "by-day"):
        if is_sale(line):
            orders.add(line["InvoiceNo"])
            lines, units = lines + 1, units + int(line["Quantity"])
            gross += worth(line).quantize(PENNY, ROUND_HALF_UP)
    assert (len(orders), lines, gross) == (12_978, 313_931, Decimal("6304826.06"))
    assert query(web_shop, "SELECT count(*), sum(goods_amount) FROM orders") == [(len(orders), gross)]
    assert query(web_shop, "SELECT count(*), sum(quantity)::INT, sum(shipped)::INT FROM order_lines") == [
        (lines, units, units)
    ]
    for table in ("daily_orders", "daily_sales"):
        assert query(web_shop, f"SELECT sum(gross_amount), sum(units)::INT FROM {table}") == [(gross, units)]
    assert query(web_shop, "SELECT sum(orders)::INT FROM daily_orders") == [(len(orders),)]


def test_sales_reconcile_to_the_files_to_the_penny(web_shop: Workspace, realdata: Path) -> None:
    total, rounding, rejected, cancelled = Decimal(0), Decimal(0), Decimal(0), Decimal(0)
    refused = set(
        query(web_shop, "SELECT f.name, r.record_number FROM rejected_rows r JOIN feed_files f USING (file_id)")
    )
    for file in sorted((realdata / "online_retail" / "by-day").glob("*.csv")):
        for number, line in enumerate(records(file.parent, file.name), 1):
            total += worth(line)
            if (file.name, number) in refused:
                rejected += worth(line)
            elif is_sale(line):
                rounding += worth(line) - worth(line).quantize(PENNY, ROUND_HALF_UP)
            else:
                cancelled += worth(line)
    assert total == Decimal("5761931.382")
    assert (rejected, rounding) == (Decimal("-335503.76"), Decimal("0.002"))
    [(gross, returned, net)] = query(
        web_shop, "SELECT sum(gross_amount), sum(returned_amount), sum(net_amount) FROM daily_orders"
    )
    at_another_price = cancelled + Decimal(str(returned))
    assert (returned, at_another_price) == (Decimal("249598.69"), Decimal("42207.77"))
    assert Decimal(str(gross)) - Decimal(str(returned)) == Decimal(str(net))
    assert Decimal(str(net)) + at_another_price + rejected + rounding == total


def test_the_night_of_the_web_shop_run_again_changes_nothing(web_shop: Workspace) -> None:
    before, published = hashes(web_shop.warehouse / FILE_NAME), web_shop.pointer()
    assert published is not None
    shown = hashes(published.file)
    again = nightly(web_shop, LAST)
    assert again.publication is not None
    assert again.publication.number == published.number + 1
    assert hashes(web_shop.warehouse / FILE_NAME) == before
    assert hashes(again.publication.file) == shown


# The clothes shop


def test_every_record_of_the_clothes_shop_is_accepted_or_rejected_with_its_reason(clothes_shop: Workspace) -> None:
    files = query(clothes_shop, "SELECT name, rows_in, accepted, rejected, duplicates FROM feed_files ORDER BY name")
    assert files == [
        ("customers.csv", 392, 392, 0, 0),
        ("inventory.csv", 566, 566, 0, 0),
        ("order_items.csv", 3_914, 3_914, 0, 0),
        ("orders.csv", 1_950, 1_950, 0, 0),
        ("products.csv", 46, 46, 0, 0),
        ("shipments.csv", 1_892, 1_885, 7, 0),
        ("stores.csv", 23, 23, 0, 0),
    ]


def test_orders_items_and_sales_of_the_clothes_shop_are_those_of_the_files(
    clothes_shop: Workspace, realdata: Path
) -> None:
    folder = realdata / "oracle_customer_orders" / "csv"
    status = {order["order_id"]: order["order_status"] for order in records(folder, "orders.csv")}
    items = list(records(folder, "order_items.csv"))
    units = sum(int(item["quantity"]) for item in items)
    gross = sum(int(item["quantity"]) * Decimal(item["unit_price"]) for item in items)
    undone: Counter[str] = Counter()
    for item in items:
        undone[status[item["order_id"]]] += int(item["quantity"])
    assert (len(status), len(items), units, gross) == (1_950, 3_914, 11_827, Decimal("308598.53"))
    assert query(clothes_shop, "SELECT count(*), sum(goods_amount) FROM orders") == [(1_950, gross)]
    told = "SELECT count(*), sum(quantity)::INT, sum(cancelled)::INT, sum(returned)::INT FROM order_lines"
    assert query(clothes_shop, told) == [(3_914, units, undone["CANCELLED"], undone["REFUNDED"])]
    assert query(clothes_shop, "SELECT status, count(*) FROM orders GROUP BY ALL ORDER BY ALL") == [
        ("cancelled", 35),
        ("confirmed", 1_915),
    ]
    assert query(clothes_shop, "SELECT count(*) FROM orders WHERE fulfilment = 'returned'") == [(23,)]
    assert query(clothes_shop, "SELECT sum(gross_amount) FROM daily_sales") == [(gross,)]


def test_parcels_of_the_clothes_shop_are_its_shipments(clothes_shop: Workspace, realdata: Path) -> None:
    folder = realdata / "oracle_customer_orders" / "csv"
    used = {item["shipment_id"] for item in records(folder, "order_items.csv")} - {""}
    state = {each["shipment_id"]: each["shipment_status"] for each in records(folder, "shipments.csv")}
    assert (len(state), len(used)) == (1_892, 1_885)
    told = query(
        clothes_shop,
        """SELECT tracking_no, list(DISTINCT event ORDER BY event) FROM order_timeline
           WHERE tracking_no IS NOT NULL GROUP BY ALL""",
    )
    events = {
        "CREATED": ["packed"],
        "SHIPPED": ["shipped"],
        "IN-TRANSIT": ["in_transit", "shipped"],
        "DELIVERED": ["delivered", "shipped"],
    }
    assert sorted(told) == sorted((shipment, events[state[shipment]]) for shipment in used)


def test_the_night_of_the_clothes_shop_run_again_changes_nothing(clothes_shop: Workspace) -> None:
    before = hashes(clothes_shop.warehouse / FILE_NAME)
    nightly(clothes_shop, date(2022, 4, 12))
    assert hashes(clothes_shop.warehouse / FILE_NAME) == before


# Night by night


@pytest.fixture(scope="module")
def thirty_days(realdata: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The web shop after one night over its first thirty days, with no later file in landing."""
    found = taxed(online_retail(tmp_path_factory.mktemp("thirty_days") / "shop", THIRTIETH))
    assert nightly(found, THIRTIETH).is_green
    return found


@pytest.fixture(scope="module")
def thirty_nights(realdata: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The web shop after its first thirty nights, one by one."""
    found = taxed(online_retail(tmp_path_factory.mktemp("thirty_nights") / "shop", THIRTIETH))
    run = replay(found, FIRST, THIRTIETH)
    assert run.is_green
    assert len(run.closed) == 30
    return found


def test_thirty_nights_one_by_one_end_where_one_night_over_them_ends(
    thirty_days: Workspace, thirty_nights: Workspace
) -> None:
    assert_same_warehouses(thirty_days, thirty_nights, THIRTIETH)


def test_files_that_land_every_few_days_end_where_one_night_over_them_ends(realdata: Path, tmp_path: Path) -> None:
    last = date(2010, 12, 8)
    at_once, landing = online_retail(tmp_path / "at_once", last), online_retail(tmp_path / "landing", FIRST)
    nightly(landing, FIRST)
    for newest in (date(2010, 12, 5), last):
        for file in sorted((at_once.landing / "online_retail").iterdir()):
            if FIRST < date.fromisoformat(file.stem) <= newest:
                shutil.copy2(file, landing.landing / "online_retail")
        assert nightly(landing, newest).is_green
    nightly(at_once, last)
    assert_same_warehouses(at_once, landing, last)


def test_what_lies_in_files_of_later_days_waits_for_its_night(thirty_days: Workspace, tmp_path: Path) -> None:
    everything = taxed(online_retail(tmp_path / "everything"))
    nightly(everything, THIRTIETH)
    for table in ("orders", "order_lines", "order_timeline", "daily_orders", "daily_sales", "tracking_updates"):
        told = f"SELECT * FROM {table} ORDER BY ALL"
        assert query(everything, told) == query(thirty_days, told)
    assert query(everything, "SELECT count(*) FROM waiting_rows") == [(0,)]


# Billed in full


STANDING = """SELECT sum(CASE kind WHEN 'invoice' THEN 1 ELSE -1 END * net_amount) AS net,
                     sum(CASE kind WHEN 'invoice' THEN 1 ELSE -1 END * tax_amount) AS tax,
                     sum(CASE kind WHEN 'invoice' THEN 1 ELSE -1 END * gross_amount) AS gross FROM invoices"""


def rounded(amount: Decimal) -> Decimal:
    return amount.quantize(PENNY, ROUND_HALF_UP)


def due(found: Workspace) -> dict[str, Decimal]:
    """What each order owes without tax: its units neither cancelled nor returned at their price, each line rounded."""
    owed: dict[str, Decimal] = {}
    for order, quantity, price in query(
        found,
        """SELECT order_id, quantity - cancelled - returned, unit_price FROM order_lines
           WHERE order_id NOT IN (SELECT order_id FROM orders WHERE status = 'rejected' OR status = 'on_hold')""",
    ):
        assert isinstance(order, str)
        assert isinstance(quantity, int)
        assert isinstance(price, Decimal)
        owed[order] = owed.get(order, Decimal(0)) + rounded(quantity * price)
    return {order: amount for order, amount in owed.items() if amount}


def assert_billed_to_the_penny(found: Workspace) -> Decimal:
    """Invoices less credit notes are what the order lines owe, with a fifth of tax on top; returns it without tax."""
    owed = due(found).values()
    net, tax = sum(owed, Decimal(0)), sum((rounded(amount * Decimal("0.2")) for amount in owed), Decimal(0))
    assert query(found, STANDING) == [(net, tax, net + tax)]
    assert query(found, "SELECT reason, count(*) FROM billing_exceptions GROUP BY ALL") == []
    assert verify.invoices(found).holds
    return net


def test_the_web_shop_billed_in_one_night_adds_up_to_its_order_lines(web_shop: Workspace) -> None:
    # all orders less what was cancelled of them, as the sales of the files reconcile
    assert assert_billed_to_the_penny(web_shop) == Decimal("6304826.06") - Decimal("249598.69")


def test_the_clothes_shop_billed_in_full_adds_up_to_its_order_lines(clothes_shop: Workspace) -> None:
    assert_billed_to_the_penny(clothes_shop)


def test_the_web_shop_billed_night_by_night_comes_to_the_same(thirty_nights: Workspace) -> None:
    [(net, _, gross)] = query(thirty_nights, STANDING)
    assert net == sum(due(thirty_nights).values())
    outstanding = "SELECT sum(outstanding_amount) FROM daily_billing WHERE day = DATE '2010-12-30'"
    assert query(thirty_nights, outstanding) == [(gross,)]
    assert query(thirty_nights, "SELECT count(*) > 100 FROM invoices WHERE kind = 'credit_note'") == [(True,)]
    assert verify.invoices(thirty_nights).holds
