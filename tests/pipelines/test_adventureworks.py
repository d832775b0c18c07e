"""AdventureWorks: a maker of bicycles told by the tables of its database, and its figures added up from the raw files."""

import shutil
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from fnmatch import fnmatch
from itertools import permutations
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.rules import demand, stock
from models.rules.intake import parsed
from models.tables import FEEDS
from models.tables.base import polars_schema
from models.tables.feeds import Inbound, StockCount, StockMovement, Supplier, SupplierProduct
from pipelines import sources
from pipelines.nightly import nightly
from pipelines.sources import Mapped, SourceFile
from pipelines.warehouse.store import FILE_NAME
from pipelines.workspace import PROJECT, SETTINGS_FILE, OrderhouseError, Workspace
from tests.builders import frame
from tests.realdata import hashes
from tests.shops import query

SOURCE = PROJECT / "data" / "sources" / "adventureworks"
LAST = date(2013, 12, 31)
ZONE = "America/Los_Angeles"
TABLES = {
    "categories": "Production.ProductCategory",
    "costs": "Production.ProductCostHistory",
    "customers": "Sales.Customer",
    "inventory": "Production.ProductInventory",
    "ledger": "Production.TransactionLedger",
    "prices": "Production.ProductListPriceHistory",
    "products": "Production.Product",
    "purchase_lines": "Purchasing.PurchaseOrderDetail",
    "purchases": "Purchasing.PurchaseOrderHeader",
    "sales": "Sales.SalesOrderHeader",
    "stores": "Sales.Store",
    "subcategories": "Production.ProductSubcategory",
    "territories": "Sales.SalesTerritory",
    "vendor_products": "Purchasing.ProductVendor",
    "vendors": "Purchasing.Vendor",
}
"""The tables of the company, by the name used here."""


def taken(folder: Path) -> list[Path]:
    """The files of a folder that the source takes, by name."""
    patterns = sources.described(SOURCE).files.values()
    return [
        file
        for file in sorted(folder.iterdir())
        if any(fnmatch(file.name.lower(), pattern.lower()) for pattern in patterns)
    ]


@pytest.fixture(scope="module")
def folder(realdata: Path) -> Path:
    """The raw files."""
    found = realdata / "adventureworks"
    if not found.is_dir():
        pytest.skip(f"no AdventureWorks: {found} is no folder")
    return found


@pytest.fixture(scope="module")
def raw(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The raw files as views, for plain SQL beside the source."""
    with duckdb.connect() as connection:
        for name, table in TABLES.items():
            connection.execute(f"CREATE VIEW {name} AS FROM '{folder / table}.parquet'")
        yield connection


@pytest.fixture(scope="module")
def company(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The company after one night over all its files."""
    root = tmp_path_factory.mktemp("adventureworks") / "company"
    landing = root / "landing" / "adventureworks"
    landing.mkdir(parents=True)
    for file in taken(folder):
        shutil.copy2(file, landing / file.name)
    (root / SETTINGS_FILE).write_text(
        f'[business]\ntime_zone = "{ZONE}"\nreporting_currency = "USD"\ngoes_live_on = 2011-04-15\n', encoding="utf-8"
    )
    found = Workspace(root)
    assert nightly(found, LAST).is_green
    return found


def rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    """The answer of the raw files."""
    return connection.sql(sql).fetchall()


def pairs(company: Workspace, sql: str) -> dict[str, Decimal]:
    """The answer of the newest publication, by its first column."""
    found: list[tuple[Any, ...]] = query(company, sql)
    return dict(found)


# A whole night over the real files


def test_every_record_of_the_company_is_accepted_or_rejected_with_its_reason(company: Workspace) -> None:
    files = query(company, "SELECT name, rows_in, accepted, rejected, duplicates FROM feed_files ORDER BY name")
    assert files == [
        ("Production.Product.parquet", 504, 504, 0, 0),
        ("Production.ProductCategory.parquet", 4, 4, 0, 0),
        ("Production.ProductCostHistory.parquet", 395, 395, 0, 0),
        ("Production.ProductInventory.parquet", 1_069, 1_069, 0, 0),
        ("Production.ProductListPriceHistory.parquet", 395, 395, 0, 0),
        ("Production.ProductSubcategory.parquet", 37, 37, 0, 0),
        ("Production.TransactionLedger.parquet", 144_038, 144_038, 0, 0),
        ("Purchasing.ProductVendor.parquet", 460, 460, 0, 0),
        ("Purchasing.PurchaseOrderDetail.parquet", 3_567, 3_567, 0, 0),
        ("Purchasing.PurchaseOrderHeader.parquet", 1_587, 1_587, 0, 0),
        ("Purchasing.ShipMethod.parquet", 5, 5, 0, 0),
        ("Purchasing.Vendor.parquet", 104, 86, 18, 0),
        ("Sales.Customer.parquet", 19_820, 19_820, 0, 0),
        ("Sales.SalesOrderHeader.parquet", 19_704, 19_704, 0, 0),
        ("Sales.SalesTerritory.parquet", 10, 10, 0, 0),
        ("Sales.Store.parquet", 701, 701, 0, 0),
    ]


def test_only_vendors_that_sell_nothing_are_rejected(company: Workspace, raw: duckdb.DuckDBPyConnection) -> None:
    vendors = rows(
        raw, "SELECT BusinessEntityID FROM vendors ANTI JOIN vendor_products USING (BusinessEntityID) ORDER BY 1"
    )
    assert len(vendors) == 18
    told = [
        (f"BusinessEntityID: missing: no product of vendor {vendor} says how long it takes",) for (vendor,) in vendors
    ]
    assert query(company, "SELECT reasons[1] FROM rejected_rows ORDER BY ALL") == sorted(told)
    assert query(company, "SELECT count(*) FROM rejected_rows WHERE len(reasons) > 1") == [(0,)]
    assert rows(raw, "SELECT count(*) FROM purchases SEMI JOIN vendors ON VendorID = BusinessEntityID") == [(1_587,)]
    assert query(company, "SELECT count(*) FROM waiting_rows") == [(0,)]


def test_products_have_the_cost_and_price_of_the_day(company: Workspace, raw: duckdb.DuckDBPyConnection) -> None:
    expected = rows(
        raw,
        """SELECT ProductID::VARCHAR, p.Name, c.Name, ListPrice, nullif(StandardCost, 0),
                  SellEndDate IS NULL OR SellEndDate >= '2013-12-31'
           FROM products p LEFT JOIN subcategories s USING (ProductSubcategoryID)
           LEFT JOIN categories c USING (ProductCategoryID) ORDER BY 1""",
    )
    found = query(company, "SELECT sku, name, category, unit_price, unit_cost, is_active FROM products ORDER BY sku")
    assert found == expected
    assert len(found) == 504
    assert [sum(row[place] is None for row in found) for place in (2, 4)] == [209, 200]
    assert sum(not row[5] for row in found) == 98


def test_stock_is_valued_at_the_cost_of_its_day(company: Workspace, raw: duckdb.DuckDBPyConnection) -> None:
    expected = rows(
        raw,
        """WITH moved AS (SELECT ProductID, sum(Quantity) AS units FROM inventory GROUP BY 1
                          UNION ALL SELECT ProductID, if(TransactionType = 'S', -Quantity, Quantity) FROM ledger
                          WHERE TransactionDate <= '2012-01-01')
           SELECT ProductID::VARCHAR, (sum(units) * any_value(StandardCost))::DECIMAL(18, 4)
           FROM moved JOIN costs USING (ProductID)
           WHERE DATE '2012-01-01' BETWEEN StartDate AND coalesce(EndDate, '2199-12-31') GROUP BY 1 ORDER BY 1""",
    )
    values = "SELECT sku, arg_max(value, day) FROM stock_history WHERE day <= '2012-01-01' GROUP BY 1 ORDER BY 1"
    found = pairs(company, values)
    assert [(sku, found[sku]) for sku, _ in expected] == expected
    assert len(expected) == 71


def test_every_vendor_of_a_product_is_known_and_the_quickest_is_first(
    company: Workspace, raw: duckdb.DuckDBPyConnection
) -> None:
    offers = rows(
        raw,
        """SELECT BusinessEntityID::VARCHAR, ProductID::VARCHAR, LastReceiptCost, MinOrderQty, AverageLeadTime
           FROM vendor_products ORDER BY ALL""",
    )
    columns = "supplier_id, sku, unit_cost, min_order_quantity, lead_time_days"
    assert query(company, f"SELECT {columns} FROM supplier_products ORDER BY ALL") == offers
    quickest = rows(raw, "SELECT ProductID::VARCHAR, min(AverageLeadTime) FROM vendor_products GROUP BY 1 ORDER BY 1")
    assert query(company, "SELECT sku, lead_time_days FROM supplier_products WHERE rank = 1 ORDER BY 1") == quickest
    assert (len(offers), len(quickest)) == (460, 265)
    ranks = query(
        company, "SELECT count(*) FROM (SELECT sku FROM supplier_products GROUP BY sku HAVING max(rank) <> count(*))"
    )
    assert ranks == [(0,)]
    assert query(company, "SELECT count(*) FROM suppliers") == [(86,)]


def test_movements_are_those_of_the_ledger(company: Workspace, raw: duckdb.DuckDBPyConnection) -> None:
    told = rows(
        raw,
        """SELECT CASE TransactionType WHEN 'S' THEN 'shipment' ELSE 'receipt' END AS kind, count(*),
                  sum(CASE TransactionType WHEN 'S' THEN -Quantity ELSE Quantity END)::BIGINT,
                  sum(CASE TransactionType WHEN 'P' THEN Quantity * ActualCost END) FROM ledger GROUP BY 1 ORDER BY 1""",
    )
    assert told == [("receipt", 60_060, 4_485_832, Decimal("24295768.5295")), ("shipment", 83_978, -213_255, None)]
    columns = "kind, count(*), sum(quantity)::BIGINT, sum(quantity * unit_cost)"
    assert query(company, f"SELECT {columns} FROM stock_movements GROUP BY 1 ORDER BY 1") == told


@pytest.fixture(scope="module")
def positions(company: Workspace) -> pl.DataFrame:
    """The positions that the rules make of the accepted rows."""

    def accepted(feed: type[StockMovement] | type[StockCount] | type[Inbound], name: str) -> pl.DataFrame:
        with duckdb.connect(company.published / "current.duckdb", read_only=True) as published:
            schema = polars_schema(feed)
            return published.sql(f"SELECT {', '.join(schema.names())} FROM {name}").pl().cast(schema)

    with duckdb.connect(company.published / "current.duckdb", read_only=True) as published:
        costs = published.sql("SELECT sku, unit_cost, currency, updated_at FROM products").pl()
    ledger = stock.ledger(accepted(StockMovement, "stock_movements"), accepted(StockCount, "stock_counts"), LAST, ZONE)
    versions = costs.with_columns(taken_in_on=pl.lit(LAST), version=pl.int_range(pl.len()))
    rates = stock.rates(pl.DataFrame(schema={"currency": pl.String, "quoted_on": pl.Date, "rate": pl.Float64}), "USD")
    valued = stock.unit_costs(versions, LAST, ZONE, "USD")
    return stock.positions(ledger, LAST, valued, rates, accepted(Inbound, "inbound"))


def test_stock_is_what_was_counted_and_what_the_ledger_moved_since(
    positions: pl.DataFrame, company: Workspace, raw: duckdb.DuckDBPyConnection
) -> None:
    expected = rows(
        raw,
        """WITH opening AS (SELECT ProductID, sum(Quantity) AS units FROM inventory GROUP BY 1),
                moved AS (SELECT ProductID, sum(if(TransactionType = 'S', -Quantity, Quantity)) AS units FROM ledger
                          WHERE TransactionDate BETWEEN '2011-04-16' AND '2013-12-31' GROUP BY 1)
           SELECT ProductID::VARCHAR, 'AW', (coalesce(o.units, 0) + coalesce(m.units, 0))::BIGINT AS on_hand,
                  CASE WHEN StandardCost > 0 OR on_hand = 0 THEN (on_hand * StandardCost)::DECIMAL(18, 4) END
           FROM opening o FULL JOIN moved m USING (ProductID) JOIN products USING (ProductID) ORDER BY 1""",
    )
    found = positions.sort("sku").select("sku", "location_id", "on_hand", "value").rows()
    assert found == expected
    assert (len(found), sum(row[2] for row in found)) == (503, 335_974 + 892_425 + 3_593_407 - 213_255)
    assert sum(row[2] < 0 for row in found) == 45
    assert sum(row[3] or 0 for row in found) == Decimal("109618776.1149")
    columns = "sku, location_id, on_hand, value"
    assert query(company, f"SELECT {columns} FROM stock_positions ORDER BY sku") == expected


def test_purchases_received_on_pending_or_rejected_orders_are_seen(
    company: Workspace, raw: duckdb.DuckDBPyConnection
) -> None:
    lines = rows(
        raw,
        """SELECT 'PO' || PurchaseOrderID, PurchaseOrderDetailID, VendorID::VARCHAR, d.ProductID::VARCHAR, OrderQty,
                  UnitPrice, OrderDate::DATE, DueDate::DATE, ReceivedQty::BIGINT,
                  ['ordered', 'confirmed', 'cancelled', 'received'][Status]
           FROM purchase_lines d JOIN purchases USING (PurchaseOrderID) ORDER BY 2""",
    )
    columns = "purchase_order_id, line_no, supplier_id, sku, quantity, unit_cost, ordered_on, expected_on"
    assert query(company, f"SELECT {columns}, received_quantity, status FROM inbound ORDER BY line_no") == lines
    assert len(lines) == 3_567
    odd = """SELECT status, count(*), sum(received_quantity)::INT FROM inbound
             WHERE status IN ('ordered', 'cancelled') AND received_quantity > 0 GROUP BY 1 ORDER BY 1"""
    assert query(company, odd) == [("cancelled", 104, 32_537), ("ordered", 2, 6)]
    # Their goods are in the ledger all the same.
    booked = """SELECT count(*), sum(m.quantity)::INT FROM inbound i JOIN stock_movements m
                ON m.reference = i.purchase_order_id AND m.sku = i.sku WHERE status IN ('ordered', 'cancelled')"""
    assert query(company, booked) == [(106, 32_538 + 6)]


def test_what_the_ledger_never_booked_in_is_still_expected(
    positions: pl.DataFrame, raw: duckdb.DuckDBPyConnection
) -> None:
    expected = rows(
        raw,
        """SELECT d.ProductID::VARCHAR, sum(OrderQty)::BIGINT FROM purchase_lines d ANTI JOIN ledger l
           ON TransactionType = 'P' AND ReferenceOrderID = PurchaseOrderID AND l.ProductID = d.ProductID
           GROUP BY 1 ORDER BY 1""",
    )
    assert sum(row[1] for row in expected) == 28_200
    found = positions.filter(pl.col("inbound") > 0).sort("sku")
    assert found.select("sku", "inbound").rows() == expected


def test_orders_and_their_lines_are_those_of_the_ledger(company: Workspace, raw: duckdb.DuckDBPyConnection) -> None:
    lines = rows(
        raw,
        """SELECT 'SO' || ReferenceOrderID, ReferenceOrderLineID, ProductID::VARCHAR, Quantity, ActualCost
           FROM ledger WHERE TransactionType = 'S' ORDER BY ALL""",
    )
    kept = query(company, "SELECT order_id, line_no, sku, quantity, unit_price FROM order_lines ORDER BY ALL")
    assert len(kept) == 83_978
    assert kept == lines
    orders = rows(
        raw,
        """SELECT SalesOrderNumber, if(OnlineOrderFlag, 'online', 'agent'), CustomerID::VARCHAR, OrderDate::DATE,
                  DueDate::DATE, CASE WHEN ShipDate <= '2013-12-31' THEN ShipDate::DATE END, CountryRegionCode, Freight
           FROM sales JOIN territories USING (TerritoryID) ORDER BY 1""",
    )
    found = query(
        company,
        f"""SELECT order_id, channel, customer_id, (ordered_at AT TIME ZONE '{ZONE}')::DATE, first_promised_on,
                   shipped_on, ship_country, shipping_amount FROM orders ORDER BY 1""",
    )
    assert found == orders
    assert len(found) == 19_704
    # Shipped a week after their day, the last week's wait; the ledger has taken their goods out already.
    waiting = """SELECT count(DISTINCT order_id), sum(quantity)::INT FROM order_lines JOIN orders USING (order_id)
                 WHERE fulfilment = 'none'"""
    assert query(company, waiting) == [(612, 7_483)]


def test_sales_reconcile_to_the_totals_of_the_orders_to_the_cent(
    company: Workspace, raw: duckdb.DuckDBPyConnection
) -> None:
    exact = rows(
        raw,
        """SELECT if(OnlineOrderFlag, 'online', 'agent') AS channel, sum(worth)::DECIMAL(18, 4), sum(rounded)::DECIMAL(18, 2),
                  sum(SubTotal)::DECIMAL(18, 4)
           FROM sales JOIN (SELECT ReferenceOrderID AS SalesOrderID, sum(Quantity * ActualCost) AS worth,
                                   sum(round(Quantity * ActualCost, 2)) AS rounded
                            FROM ledger WHERE TransactionType = 'S' GROUP BY 1) USING (SalesOrderID)
           GROUP BY 1 ORDER BY 1""",
    )
    assert exact == [
        ("agent", Decimal("84827412.0421"), Decimal("84827413.69"), Decimal("68802605.1019")),
        ("online", Decimal("20985847.4907"), Decimal("20985848.16"), Decimal("20985847.4907")),
    ]
    found = query(company, "SELECT channel, sum(goods_amount), sum(discount_amount) FROM orders GROUP BY 1 ORDER BY 1")
    assert found == [
        ("agent", Decimal("84827413.69"), Decimal("16024808.45")),
        ("online", Decimal("20985848.16"), Decimal("0")),
    ]
    assert query(company, "SELECT sum(net_amount) FROM daily_orders") == [(Decimal("89788453.40"),)]
    # No order is off its total by a cent, but for what rounding its lines took or gave.
    totals: dict[str, Decimal] = dict(rows(raw, "SELECT SalesOrderNumber, SubTotal FROM sales"))
    net = pairs(company, "SELECT order_id, goods_amount - discount_amount FROM orders")
    assert net.keys() == totals.keys()
    assert max(abs(net[order] - totals[order]) for order in net) < Decimal("0.01")


def test_customers_are_persons_without_a_name_and_shops_with_one(
    company: Workspace, raw: duckdb.DuckDBPyConnection
) -> None:
    expected = rows(
        raw,
        """SELECT CustomerID::VARCHAR, s.Name, if(StoreID IS NULL, 'consumer', 'business'), CountryRegionCode
           FROM customers c LEFT JOIN stores s ON StoreID = BusinessEntityID
           LEFT JOIN territories USING (TerritoryID) ORDER BY 1""",
    )
    assert query(company, "SELECT customer_id, name, segment, country FROM customers ORDER BY 1") == expected
    assert (len(expected), sum(row[1] is not None for row in expected)) == (19_820, 1_336)


def test_lead_times_measure_nothing_since_goods_are_booked_in_on_the_day_of_their_order(
    company: Workspace, raw: duckdb.DuckDBPyConnection
) -> None:
    with duckdb.connect(company.published / "current.duckdb", read_only=True) as published:
        inbound, suppliers, terms = (
            published.sql(f"SELECT {', '.join(polars_schema(table).names())} FROM {name}").pl()
            for table, name in ((Inbound, "inbound"), (Supplier, "suppliers"), (SupplierProduct, "supplier_products"))
        )
    found = demand.lead_times(inbound, suppliers, terms)
    measured = found.filter(pl.col("receipts") > 0)
    receipts = rows(
        raw,
        """SELECT VendorID::VARCHAR, count(*) FROM purchases JOIN purchase_lines USING (PurchaseOrderID)
           WHERE Status = 4 GROUP BY 1 ORDER BY 1""",
    )
    assert measured.select("supplier_id", "receipts").rows() == receipts
    assert set(measured.select("lead_time_mean_days", "lead_time_sd_days").rows()) == {(0, 0)}
    assert (measured.height, found.height, measured["receipts"].sum()) == (79, 86, 3_452)
    stated = rows(
        raw,
        """SELECT BusinessEntityID::VARCHAR, quantile_disc(AverageLeadTime, 0.5)::BIGINT FROM vendor_products
           GROUP BY 1 ORDER BY 1""",
    )
    assert found.select("supplier_id", "stated_days").rows() == stated


def test_the_company_s_own_levels_are_told_beside_ours(company: Workspace, raw: duckdb.DuckDBPyConnection) -> None:
    expected = rows(raw, "SELECT ProductID::VARCHAR, SafetyStockLevel, ReorderPoint FROM products ORDER BY ALL")
    told = query(company, "SELECT sku, stated_safety_stock, stated_reorder_point FROM products ORDER BY ALL")
    assert told == expected
    assert len(told) == 504


def test_received_and_booked_in_are_told_apart_and_no_unit_is_lost(folder: Path) -> None:
    names = ("Production.TransactionLedger", "Purchasing.PurchaseOrderDetail", "Purchasing.PurchaseOrderHeader")
    given_files = [
        SourceFile(folder / f"{name}.parquet", f"{name}.parquet", name, sequence, True)
        for sequence, name in enumerate(names, 1)
    ]
    told = sources.proof(SOURCE, given_files, "booked")
    columns = ("order_status", "lines", "ordered", "received", "sent_back", "lines_not_booked", "booked")
    assert told.select(columns).rows() == [
        ("approved", 9, 28_200, 28_200, 0, 9, 0),
        ("complete", 3_452, 859_881, 851_652, 10_378, 0, 859_881),
        ("pending", 2, 6, 6, 0, 0, 6),
        ("rejected", 104, 32_538, 32_537, 32_536, 0, 32_538),
    ]
    assert (told["lines"].sum(), told["booked"].sum()) == (3_567, 892_425)


def test_the_night_of_the_company_run_again_changes_nothing(company: Workspace) -> None:
    before, published = hashes(company.warehouse / FILE_NAME), company.pointer()
    assert published is not None
    shown = hashes(published.file)
    again = nightly(company, LAST)
    assert again.publication is not None
    assert hashes(company.warehouse / FILE_NAME) == before
    assert hashes(again.publication.file) == shown


# Drawn files

Table = tuple[str, str, Sequence[str]]
"""A drawn table: view, header, rows; columns left out are empty."""
HEADERS = sources.described(SOURCE).columns


def drawn(folder: Path, *tables: Table) -> Mapped:
    """What drawn tables give, taken in in this order."""
    return sources.mapped(SOURCE, list(files(folder, *tables)), "UTC")


def files(folder: Path, *tables: Table) -> Iterator[SourceFile]:
    """Drawn tables as files."""
    for sequence, (view, header, lines) in enumerate(tables, 1):
        pattern = sources.described(SOURCE).files[view].removesuffix("[.-]*")
        file = folder / f"{pattern}-{sequence}.csv"
        content = frame(header, *lines, schema={name.strip(): pl.String() for name in header.split("|")})
        missing = [pl.lit(None, pl.String).alias(name) for name in HEADERS[view] if name not in content.columns]
        content.with_columns(missing).write_csv(file)
        yield SourceFile(file, file.name, file.stem, sequence, True)


def latest(mapped: Mapped, feed: str, columns: str, as_of: str = "2014-01-01") -> list[tuple[Any, ...]]:
    """What counts in the end of what was given to a feed: of every key its last version, by updated_at, then as taken."""
    table = FEEDS[feed]
    accepted = parsed(mapped.rows[feed], table, mapped.time_zone).accepted
    own = [name for name in polars_schema(table) if name not in ("file_id", "record_number")]
    sequence = {file.file_id: file.sequence for file in mapped.files.values()}
    order = accepted.with_columns(
        pl.col("file_id").replace_strict(sequence, return_dtype=pl.Int64).alias("sequence")
    ).sort("sequence", "record_number")
    kept = order.unique(own, keep="first", maintain_order=True)
    if "updated_at" in own:
        kept = kept.filter(
            pl.col("updated_at").is_null() | (pl.col("updated_at") <= pl.lit(as_of).str.to_datetime(time_zone="UTC"))
        ).sort("updated_at", nulls_last=False, maintain_order=True)
    key = {"products": ["sku"], "inbound": ["purchase_order_id", "line_no"], "order_lines": ["order_id", "line_no"]}
    names = [name.strip() for name in columns.split("|")]
    by = key.get(feed, own[:1])
    return kept.unique(by, keep="last", maintain_order=True).sort(by).select(names).rows()


PRODUCTS = (
    "products",
    "ProductID | Name | StandardCost | ListPrice | ProductSubcategoryID | SellEndDate",
    ["1 | Bolt | 0 | 0 | | ", "7 | Bike | 30 | 90 | 2 | 2012-05-29"],
)
COSTS = (
    "costs",
    "ProductID | StartDate | StandardCost",
    ["7 | 2011-05-31T00:00:00 | 20", "7 | 2012-01-01T00:00:00 | 30"],
)
PRICES = (
    "prices",
    "ProductID | StartDate | ListPrice",
    ["7 | 2011-05-31T00:00:00 | 80", "7 | 2012-01-01T00:00:00 | 90"],
)
SUBCATEGORIES = ("subcategories", "ProductSubcategoryID | ProductCategoryID | Name", ["2 | 1 | Road Bikes"])
CATEGORIES = ("categories", "ProductCategoryID | Name", ["1 | Bikes"])


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4), (4, 3, 2, 1, 0), (2, 0, 4, 1, 3)])
def test_a_product_has_its_prices_and_category_in_whatever_order_they_come(
    tmp_path: Path, order: tuple[int, ...]
) -> None:
    tables = [PRODUCTS, COSTS, PRICES, SUBCATEGORIES, CATEGORIES]
    found = drawn(tmp_path, *(tables[place] for place in order))
    bolt = ("1", None, Decimal(0), None, True)
    columns = "sku | category | unit_price | unit_cost | is_active"
    # Before the first price the first, then each on its day; after the last day of sale it is no longer active.
    for day, price, cost, is_active in [
        ("2011-01-01", 80, 20, True),
        ("2011-12-31", 80, 20, True),
        ("2012-01-01", 90, 30, True),
        ("2012-05-29", 90, 30, True),
        ("2012-05-30", 90, 30, False),
    ]:
        bike = ("7", "Bikes", Decimal(price), Decimal(cost), is_active)
        assert latest(found, "products", columns, day) == [bolt, bike], day


PURCHASES = (
    "purchases",
    "PurchaseOrderID | Status | VendorID | OrderDate",
    ["1 | 4 | 50 | 2011-04-16", "2 | 1 | 50 | 2011-04-16", "3 | 3 | 50 | 2011-04-16", "4 | 2 | 50 | 2011-04-16"],
)
PURCHASE_LINES = (
    "purchase_lines",
    "PurchaseOrderID | PurchaseOrderDetailID | ProductID | OrderQty | ReceivedQty | UnitPrice | DueDate | ModifiedDate",
    [
        "1 | 1 | 7 | 4 | 3.00 | 2.5 | 2011-04-30 | 2011-04-23",
        "1 | 2 | 8 | 5 | 5.00 | 2.5 | 2011-04-30 | 2011-04-23",
        "2 | 3 | 7 | 6 | 6.00 | 2.5 | 2011-04-30 | 2011-04-23",
        "3 | 4 | 7 | 7 | 7.00 | 2.5 | 2011-04-30 | 2011-04-23",
        "4 | 5 | 7 | 8 | 8.00 | 2.5 | 2011-04-30 | 2015-08-12",
        "4 | 6 | 8 | 9 | 0.00 | 2.5 | 2011-04-30 | 2015-08-12",
    ],
)
LEDGER = (
    "movements",
    "TransactionID | ProductID | ReferenceOrderID | ReferenceOrderLineID | TransactionDate | TransactionType | Quantity | ActualCost",
    [
        "1 | 7 | 1 | 1 | 2011-04-17T00:00:00 | P | 4 | 2.5",
        "2 | 8 | 1 | 2 | 2011-04-17T00:00:00 | P | 5 | 2.5",
        "3 | 7 | 2 | 1 | 2011-04-17T00:00:00 | P | 6 | 2.5",
        "4 | 7 | 3 | 1 | 2011-04-17T00:00:00 | P | 7 | 2.5",
    ],
)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_purchase_is_told_by_its_line_its_order_and_the_ledger_together(
    tmp_path: Path, order: tuple[int, ...]
) -> None:
    tables = [PURCHASES, PURCHASE_LINES, LEDGER]
    found = drawn(tmp_path, *(tables[place] for place in order))
    columns = "purchase_order_id | line_no | sku | quantity | received_quantity | received_on | status"
    booked, written = date(2011, 4, 17), date(2015, 8, 12)
    assert latest(found, "inbound", columns) == [
        ("PO1", 1, "7", 4, 3, booked, "received"),
        ("PO1", 2, "8", 5, 5, booked, "received"),
        ("PO2", 3, "7", 6, 6, booked, "ordered"),
        ("PO3", 4, "7", 7, 7, booked, "cancelled"),
        ("PO4", 5, "7", 8, 8, written, "confirmed"),
        ("PO4", 6, "8", 9, 0, None, "confirmed"),
    ]
    lines = next(file_id for file_id in found.rows_in if "Detail" in file_id)
    assert found.parts[lines] == frozenset(range(1, 7))


def test_a_purchase_in_no_known_state_is_rejected(tmp_path: Path) -> None:
    lines = (PURCHASE_LINES[0], PURCHASE_LINES[1], PURCHASE_LINES[2][:1])
    found = drawn(tmp_path, lines, (PURCHASES[0], PURCHASES[1], ["1 | 9 | 50 | 2011-04-16"]))
    assert [rejected["reasons"].to_list() for rejected in found.broken.values()] == [[["Status: not_allowed: 9"]]]


def test_the_quickest_vendor_is_first_then_the_cheapest_then_the_lowest_number(tmp_path: Path) -> None:
    found = drawn(
        tmp_path,
        (
            "vendor_products",
            "ProductID | BusinessEntityID | AverageLeadTime | LastReceiptCost | MinOrderQty",
            [
                "1 | 100 | 15 | 9 | 1",
                "1 | 20 | 9 | 10.5 | 1",
                "1 | 3 | 9 | 9.5 | 1",
                "1 | 1 | 9 | 10.5 | 1",
                "2 | 100 | 40 | 1 | 1",
            ],
        ),
        ("vendors", "BusinessEntityID | Name", ["100 | Ann", "7 | Nobody"]),
    )
    ranks = {(row["sku"], row["rank"]): row["supplier_id"] for row in found.rows["supplier_products"].to_dicts()}
    assert ranks == {("1", "1"): "3", ("1", "2"): "1", ("1", "3"): "20", ("1", "4"): "100", ("2", "1"): "100"}
    # The middle of 15 and 40 is the lower one; a vendor of nothing cannot say.
    assert found.rows["suppliers"].select("supplier_id", "lead_time_days").rows() == [("100", "15")]
    assert [rejected["reasons"].to_list() for rejected in found.broken.values()] == [
        [["BusinessEntityID: missing: no product of vendor 7 says how long it takes"]]
    ]


def test_what_lies_on_all_shelves_is_one_count(tmp_path: Path) -> None:
    shelves = ["1 | 6 | 324", "2 | 1 | 0", "1 | 1 | 408", "3 | 1 | 5", "3 | 6 | many"]
    found = drawn(tmp_path, ("inventory", "ProductID | LocationID | Quantity", shelves))
    counts = found.rows["stock_counts"].select("sku", "location_id", "counted_on", "quantity", "record_number").rows()
    assert counts == [("2", "AW", "2011-04-15", "0", 2), ("1", "AW", "2011-04-15", "732", 3)]
    assert [rejected["reasons"].to_list() for rejected in found.broken.values()] == [[["Quantity: format: many"]]]


def test_a_movement_of_an_unknown_kind_or_without_a_whole_quantity_is_rejected(tmp_path: Path) -> None:
    lines = [
        "1 | 7 | 1 | 1 | 2011-04-17T00:00:00 | X | 4 | 2.5",
        "2 | 7 | 1 | 1 | 2011-04-17T00:00:00 | P | -4 | 2.5",
        "3 | 7 | 1 | 0 | 2011-04-17T00:00:00 | | 1.5 | 0",
        "4 | 7 | 9 | 0 | 2011-04-17T00:00:00 | W | 2 | 0",
    ]
    found = drawn(tmp_path, (LEDGER[0], LEDGER[1], lines))
    assert [rejected["reasons"].to_list() for rejected in found.broken.values()] == [
        [
            ["TransactionType: not_allowed: X"],
            ["Quantity: format: -4"],
            ["TransactionType: missing: in or out is not said", "Quantity: format: 1.5"],
        ]
    ]
    made = found.rows["stock_movements"].select("movement_id", "kind", "quantity", "unit_cost", "reference").rows()
    assert made == [("4", "receipt", "2", None, "WO9")]


def sold(*lines: str) -> Table:
    """Lines of order 9 as the ledger has them, drawn: line | quantity | price."""
    cells = [[cell.strip() for cell in line.split("|")] for line in lines]
    return (
        LEDGER[0],
        LEDGER[1],
        [
            f"{place} | 7 | 9 | {line} | 2011-06-01T00:00:00 | S | {quantity} | {price}"
            for place, (line, quantity, price) in enumerate(cells, 1)
        ],
    )


def ordered(total: object) -> Table:
    """Order 9, worth this much."""
    header = "SalesOrderID | SalesOrderNumber | Status | OnlineOrderFlag | CustomerID | OrderDate | ShipDate | SubTotal"
    return "sales", header, [f"9 | SO9 | 5 | false | 1 | 2011-06-01T00:00:00 | 2011-06-08T00:00:00 | {total}"]


@pytest.mark.parametrize("is_ledger_first", [True, False])
def test_what_an_order_is_worth_less_than_its_lines_is_their_discount(tmp_path: Path, is_ledger_first: bool) -> None:
    tables = [sold("1 | 1 | 10", "2 | 2 | 10", "3 | 1 | 0"), ordered("20.00")]
    found = drawn(tmp_path, *(tables if is_ledger_first else tables[::-1]))
    # By hand: 10.00 off 30.00, a third of each line; 3.33 of the first, 10.00 - 3.33 of the second.
    lines = latest(found, "order_lines", "line_no | quantity | unit_price | discount_amount")
    assert lines == [(1, 1, 10, Decimal("3.33")), (2, 2, 10, Decimal("6.67")), (3, 1, 0, Decimal(0))]
    events = found.rows["order_events"].select("event_id", "event", "occurred_at").rows()
    assert events == [("SO9/shipped", "shipped", "2011-06-08T00:00:00")]


@settings(max_examples=10, deadline=None)
@given(
    lines=st.lists(st.tuples(st.integers(1, 40), st.integers(0, 99_999_999)), min_size=1, max_size=6),
    share=st.integers(0, 100),
)
def test_discounts_add_up_to_what_the_order_is_worth_less(
    tmp_path_factory: pytest.TempPathFactory, lines: list[tuple[int, int]], share: int
) -> None:
    told = [(units, Decimal(price) / 10_000) for units, price in lines]
    worth = sum((units * price for units, price in told), Decimal(0))
    total = (worth * share / 100).quantize(Decimal("0.0001"))
    drawn_lines = [f"{place} | {units} | {price:f}" for place, (units, price) in enumerate(told, 1)]
    found = drawn(tmp_path_factory.mktemp("discounts"), sold(*drawn_lines), ordered(f"{total:f}"))
    kept = latest(found, "order_lines", "quantity | unit_price | discount_amount")
    cent = Decimal("0.01")
    rounded = sum(((units * price).quantize(cent, "ROUND_HALF_UP") for units, price in told), Decimal(0))
    off = rounded - total.quantize(cent, "ROUND_HALF_UP")
    discounts: list[Decimal] = [discount or Decimal(0) for _, _, discount in kept]
    assert sum(discounts) == (max(off, Decimal(0)) if worth > total else 0)
    for (units, price, _), discount in zip(kept, discounts, strict=True):
        assert 0 <= discount <= units * price + cent


EVERYTHING = [
    PRODUCTS,
    COSTS,
    PRICES,
    SUBCATEGORIES,
    CATEGORIES,
    PURCHASES,
    PURCHASE_LINES,
    LEDGER,
    sold("1 | 1 | 10", "2 | 2 | 10"),
    ordered("20.00"),
    ("customers", "CustomerID | StoreID | TerritoryID", ["1 | 5 | 3", "2 | | 3"]),
    ("stores", "BusinessEntityID | Name", ["5 | Wheels"]),
    ("territories", "TerritoryID | Name | CountryRegionCode", ["3 | Central | US"]),
    ("vendors", "BusinessEntityID | Name", ["50 | Ann"]),
    ("vendor_products", "ProductID | BusinessEntityID | AverageLeadTime | LastReceiptCost", ["7 | 50 | 15 | 9"]),
    ("inventory", "ProductID | LocationID | Quantity", ["7 | 1 | 5", "7 | 6 | 4"]),
]


@settings(max_examples=5, deadline=None)
@given(order=st.permutations(EVERYTHING), first=st.integers(1, len(EVERYTHING) - 1))
def test_files_of_two_nights_give_what_one_night_over_both_gives(
    tmp_path_factory: pytest.TempPathFactory, order: list[Table], first: int
) -> None:
    landed = list(files(tmp_path_factory.mktemp("nights"), *order))
    at_once = sources.mapped(SOURCE, landed, "UTC")
    known = [SourceFile(file.path, file.name, file.file_id, file.sequence, False) for file in landed[:first]]
    nights = [sources.mapped(SOURCE, part, "UTC") for part in (landed[:first], [*known, *landed[first:]])]
    for feed, given_rows in at_once.rows.items():
        assert pl.concat([night.rows[feed] for night in nights]).equals(given_rows), feed
    rejected = {file_id: bad["reasons"].to_list() for file_id, bad in at_once.broken.items()}
    assert {file_id: bad["reasons"].to_list() for night in nights for file_id, bad in night.broken.items()} == rejected


# Parts: records that another file completes


def test_a_part_delivered_again_says_nothing_new(tmp_path: Path) -> None:
    again = (SUBCATEGORIES[0], SUBCATEGORIES[1], [*SUBCATEGORIES[2], "3 | 1 | Gloves"])
    found = drawn(tmp_path, SUBCATEGORIES, again)
    assert sorted(found.parts.values(), key=min) == [frozenset({1}), frozenset({2})]


def test_a_source_that_names_an_unknown_part_says_what_to_mend(tmp_path: Path) -> None:
    (tmp_path / "source.toml").write_text(
        'title = "x"\nparts = ["price"]\n[files]\nprices = "*"\n[columns]\nprices = ["a"]\n', encoding="utf-8"
    )
    with pytest.raises(OrderhouseError, match="parts names price, which is no view; name one of prices"):
        sources.described(tmp_path)
