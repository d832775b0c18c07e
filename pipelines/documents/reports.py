"""Reports for spreadsheets and other programs: what is published, with the names of things beside their ids."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from models.rules import money
from models.tables.base import Column, TableClass, columns, declaration, polars_schema
from models.tables.billing import Invoice, JournalEntry, Receivable
from models.tables.demand import DemandClass
from models.tables.feeds import Customer, Product, Supplier
from models.tables.reorder import PurchaseOrderLine, ReorderProposal
from models.tables.stock import StockAgeing, StockPosition
from models.tables.turnover import InventoryTurnover
from pipelines.documents.tables import WRITERS, Described, declared, found
from pipelines.warehouse.read import published
from pipelines.workspace import Workspace

BESIDE: dict[str, tuple[TableClass, str]] = {
    "product_name": (Product, "name"),
    "category": (Product, "category"),
    "abc": (DemandClass, "abc"),
    "supplier_name": (Supplier, "name"),
    "customer_name": (Customer, "name"),
    "amount": (ReorderProposal, "amount"),
}
"""What stands beside a table's own columns, and where it is declared."""
SELECTED = {
    "product_name": "products.name AS product_name",
    "category": "products.category",
    "abc": "demand_classes.abc",
    "supplier_name": "suppliers.name AS supplier_name",
    "customer_name": "customers.name AS customer_name",
}
JOINED = {"products": "sku", "demand_classes": "sku", "suppliers": "supplier_id", "customers": "customer_id"}


@dataclass(frozen=True)
class Report:
    """A report: the table it shows, and the columns that stand first, of its own or beside; the others follow."""

    title: str
    table: TableClass
    first: tuple[str, ...]

    @property
    def beside(self) -> tuple[str, ...]:
        """The columns of other tables."""
        own = polars_schema(self.table)
        return tuple(name for name in self.first if name not in own)

    @property
    def columns(self) -> dict[str, Column]:
        """Every column in its order, with its declaration."""
        own = {column.name: column for column in columns(self.table)}
        leading = {name: own[name] if name in own else declared(*BESIDE[name]) for name in self.first}
        return leading | {name: column for name, column in own.items() if name not in leading}


@dataclass(frozen=True)
class Export:
    """A report in a file."""

    file: Path
    report: str
    rows: int
    as_of: date
    publication: int


REPORTS: dict[str, Report] = {
    "stock": Report("Stock", StockPosition, ("as_of", "sku", "product_name", "category", "location_id")),
    "reorder": Report(
        "Reorder",
        ReorderProposal,
        (
            "as_of", "proposal_id", "sku", "product_name", "location_id", "supplier_id", "supplier_name", "quantity",
            "unit_cost", "currency", "amount", "order_by", "needed_on", "sentence",
        ),
    ),
    "purchase_orders": Report(
        "Purchase orders",
        PurchaseOrderLine,
        (
            "purchase_order_id", "line_no", "supplier_id", "supplier_name", "sku", "product_name", "location_id",
            "quantity", "unit_cost", "currency", "amount", "ordered_on", "expected_on",
        ),
    ),
    "turnover": Report(
        "Turnover", InventoryTurnover, ("period", "sku", "product_name", "category", "abc", "location_id")
    ),
    "invoices": Report(
        "Invoices and credit notes",
        Invoice,
        (
            "invoice_number", "kind", "issued_on", "due_on", "order_id", "customer_id", "buyer_name", "currency", "net_amount",
            "tax_amount", "gross_amount", "credits_invoice_number",
        ),
    ),
    "receivables": Report(
        "Receivables",
        Receivable,
        (
            "as_of", "invoice_number", "customer_id", "customer_name", "currency", "open_amount", "due_on", "days_overdue",
            "bucket",
        ),
    ),
    "journal_entries": Report(
        "Journal entries",
        JournalEntry,
        (
            "document_id", "entry_no", "booked_on", "source", "entry", "account", "currency", "debit_amount", "credit_amount",
        ),
    ),
    "ageing": Report("Ageing", StockAgeing, ("as_of", "sku", "product_name", "category", "bucket")),
}  # fmt: skip


def exported(workspace: Workspace, name: str, form: str, out: Path | None = None) -> Export:
    """Write a report of the newest publication.

    Of tables with a slice per night the newest night is shown, of all others everything. Rows are in the order of the
    table's key.

    Args:
        workspace: the workspace.
        name: one of REPORTS.
        form: one of WRITERS.
        out: the file, or a folder for it; none = the workspace's exports, as `<report>-<as_of>.<format>`.

    Raises:
        OrderhouseError: nothing is published yet, or the file cannot be written.
    """
    report = REPORTS[name]
    with published(workspace) as opened:
        pointer = workspace.pointer()
        assert pointer is not None
        rows = found(opened, _sql(report), {"as_of": pointer.as_of} if _is_nightly(report) else None)
    if "amount" in report.beside:
        amount = money.times(pl.col("quantity"), pl.col("unit_cost"), pl.col("currency"))
        rows = rows.with_columns(amount=pl.when(pl.col("unit_cost").is_not_null()).then(amount))
    kinds = {column: _kind(report, column) for column in report.columns}
    rows = rows.select(*kinds).cast(kinds)  # type: ignore[arg-type]
    told = " ".join((report.table.__doc__ or "").split())
    facts: list[tuple[str, str | int]] = [
        ("Report", report.title),
        ("What it shows", told),
        ("As of", str(pointer.as_of)),
        ("Rows", rows.height),
        ("Company", workspace.settings.company.name),
        ("Reporting currency", workspace.settings.business.reporting_currency),
        ("Publication", pointer.number),
    ]
    table = Described(rows, report.columns, pointer.as_of, facts, workspace.settings.business.reporting_currency)
    file = _file(out or workspace.exports, f"{name}-{pointer.as_of}.{form}", is_folder=out is None)
    WRITERS[form](table, file)
    return Export(file, name, rows.height, pointer.as_of, pointer.number)


def _file(out: Path, name: str, *, is_folder: bool) -> Path:
    """The file to write: `out` itself, or `name` in it where it is a folder, or has no ending."""
    return out / name if is_folder or out.is_dir() or not out.suffix else out


def _is_nightly(report: Report) -> bool:
    return declaration(report.table).kind == "night"


def _kind(report: Report, name: str) -> pl.DataType:
    own = polars_schema(report.table)
    if name in own:
        return own[name]
    table, original = BESIDE[name]
    return polars_schema(table)[original]


def _sql(report: Report) -> str:
    table = declaration(report.table)
    own = [f"t.{name}" for name in polars_schema(report.table)]
    beside = [SELECTED[name] for name in report.beside if name in SELECTED]
    joins = [
        f"LEFT JOIN {other} ON {other}.{key} = t.{key}"
        for other, key in JOINED.items()
        if any(column.startswith(f"{other}.") for column in beside)
    ]
    where = "WHERE t.as_of = $as_of" if _is_nightly(report) else ""
    order = ", ".join(f"t.{name}" for name in table.key)
    return f"SELECT {', '.join(own + beside)} FROM {table.name} t {' '.join(joins)} {where} ORDER BY {order}"
