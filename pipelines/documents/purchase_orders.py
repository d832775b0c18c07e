"""Purchase orders as suppliers get them: a letter, a spreadsheet and a CSV of each, and an index of what was made."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from models.rules import money
from models.tables.base import TableClass
from models.tables.feeds import Product
from models.tables.reorder import PurchaseOrderLine, ReorderProposal
from pipelines.documents.files import name_of, whole
from pipelines.documents.tables import Described, as_csv, as_xlsx, declared, found, write_csv
from pipelines.documents.typeset import Column, Letter, Party, Press, Total, sender
from pipelines.documents.wording import country, dated, spelled
from pipelines.warehouse.read import Published, published
from pipelines.workspace import OrderhouseError, Workspace

INDEX = "index.csv"
LINE: dict[str, tuple[TableClass, str]] = {
    "purchase_order_id": (PurchaseOrderLine, "purchase_order_id"),
    "line_no": (PurchaseOrderLine, "line_no"),
    "supplier_id": (PurchaseOrderLine, "supplier_id"),
    "supplier_sku": (Product, "supplier_sku"),
    "sku": (PurchaseOrderLine, "sku"),
    "name": (Product, "name"),
    "quantity": (PurchaseOrderLine, "quantity"),
    "unit_cost": (PurchaseOrderLine, "unit_cost"),
    "currency": (PurchaseOrderLine, "currency"),
    "amount": (ReorderProposal, "amount"),
    "location_id": (PurchaseOrderLine, "location_id"),
    "ordered_on": (PurchaseOrderLine, "ordered_on"),
    "expected_on": (PurchaseOrderLine, "expected_on"),
}
"""The columns of a supplier's files, and where each is declared."""
LINES = """
    SELECT o.*, p.name, s.name AS supplier_name, s.email, s.country, l.name AS location_name,
           l.postcode AS location_postcode, l.country AS location_country,
           coalesce(t.supplier_sku, CASE WHEN p.supplier_id = o.supplier_id THEN p.supplier_sku END) AS supplier_sku
    FROM purchase_orders o
    LEFT JOIN products p ON p.sku = o.sku
    LEFT JOIN suppliers s ON s.supplier_id = o.supplier_id
    LEFT JOIN supplier_products t ON t.supplier_id = o.supplier_id AND t.sku = o.sku
    LEFT JOIN locations l ON l.location_id = o.location_id
    WHERE o.ordered_on = $day
    ORDER BY o.purchase_order_id, o.line_no
"""


@dataclass(frozen=True)
class Made:
    """A purchase order whose files were made; `unshown` are letters that no font has."""

    purchase_order_id: str
    lines: int
    pdf: Path
    unshown: str


@dataclass(frozen=True)
class Written:
    """The orders of a day, the folder of their files, and the last day before with orders, where this one has none."""

    day: date
    folder: Path
    made: Sequence[Made]
    last_day: date | None


def written(workspace: Workspace, night: date | None = None, order: str | None = None) -> Written:
    """Write the files of the purchase orders of a night, or of one order, and the index of those whose files are there.

    Args:
        workspace: the workspace.
        night: the day the orders were sent; none = the newest published night, or the order's own.
        order: only this one.

    Raises:
        OrderhouseError: nothing is published yet, there is no such order, or a file cannot be written.
    """
    with published(workspace) as opened:
        pointer = workspace.pointer()
        assert pointer is not None
        day = night or pointer.as_of
        if order is not None:
            day = _day_of(opened, order, night, pointer.as_of)
        lines = _with_amount(found(opened, LINES, {"day": day}))
        before = opened.rows(
            "SELECT max(ordered_on) AS day FROM purchase_orders WHERE ordered_on <= $day", {"day": day}
        )
    folder = workspace.documents / "purchase_orders" / str(day)
    orders = {str(key[0]): rows for key, rows in lines.group_by("purchase_order_id", maintain_order=True)}
    wanted = {name: rows for name, rows in orders.items() if order in (None, name)}
    made = []
    if wanted:
        press = Press(workspace)
        made = [_order(workspace, press, folder, rows) for rows in wanted.values()]
        _index(folder, orders)
    return Written(day, folder, made, before[0]["day"])


def _day_of(opened: Published, order: str, night: date | None, as_of: date) -> date:
    days = opened.rows("SELECT DISTINCT ordered_on FROM purchase_orders WHERE purchase_order_id = ?", [order])
    if not days:
        near = opened.rows(
            """SELECT DISTINCT purchase_order_id FROM purchase_orders WHERE contains(lower(purchase_order_id), lower(?))
               ORDER BY purchase_order_id DESC LIMIT 3""",
            [order],
        )
        hint = f" Did you mean {', '.join(row['purchase_order_id'] for row in near)}?" if near else ""
        raise OrderhouseError(f"No purchase order {order} was sent up to {as_of}.{hint}")
    sent: date = days[0]["ordered_on"]
    if night is not None and night != sent:
        raise OrderhouseError(f"The purchase order {order} was sent on {sent}, not on {night}; leave --night away.")
    return sent


def _with_amount(lines: pl.DataFrame) -> pl.DataFrame:
    amount = money.times(pl.col("quantity"), pl.col("unit_cost"), pl.col("currency"))
    return lines.with_columns(amount=pl.when(pl.col("unit_cost").is_not_null()).then(amount))


def _total(lines: pl.DataFrame) -> Decimal | None:
    """What the lines with a known cost come to; none where no cost is known."""
    known = lines["amount"].drop_nulls()
    total = known.sum() if len(known) else None
    assert total is None or isinstance(total, Decimal)
    return total


def _order(workspace: Workspace, press: Press, folder: Path, lines: pl.DataFrame) -> Made:
    """Write the three files of one order."""
    head = lines.row(0, named=True)
    number, day = head["purchase_order_id"], head["ordered_on"]
    stem = folder / name_of(number)
    total = _total(lines)
    facts: list[tuple[str, str | int]] = [
        ("Document", "Purchase order"),
        ("Number", number),
        ("From", workspace.settings.company.name),
        ("To", head["supplier_name"] or head["supplier_id"]),
        ("Ordered on", str(day)),
        ("Lines", lines.height),
        ("Total", f"{spelled(total, head['currency'])} {head['currency'] or ''}".strip() if total is not None else ""),
        *((f"Deliver to {row['location_id']}", _place(row)) for row in _places(lines)),
    ]
    table = Described(
        lines,
        {name: declared(*LINE[name]) for name in LINE},
        day,
        facts,
        workspace.settings.business.reporting_currency,
    )
    as_csv(table, stem.with_name(f"{stem.name}.csv"))
    as_xlsx(table, stem.with_name(f"{stem.name}.xlsx"))
    set_ = press.letter(letter(workspace, lines))
    pdf = stem.with_name(f"{stem.name}.pdf")
    with whole(pdf) as draft:
        draft.write_bytes(set_.pdf)
    return Made(number, lines.height, pdf, set_.unshown)


def letter(workspace: Workspace, lines: pl.DataFrame) -> Letter:
    """A purchase order in the words of a letter; a column that says the same on every line becomes a fact above it."""
    head = lines.row(0, named=True)
    currency: str | None = head["currency"]
    rows = lines.to_dicts()
    has_own_number = lines["supplier_sku"].is_not_null().any()
    is_one_place, is_one_day = lines["location_id"].n_unique() == 1, lines["expected_on"].n_unique() == 1
    facts = [("Order date", dated(head["ordered_on"])), ("Supplier", head["supplier_id"])]
    if is_one_day:
        facts.append(("Expected", dated(head["expected_on"])))
    places = [(row["location_id"], _place(row)) for row in _places(lines)]
    facts += [("Deliver to", place if is_one_place else f"{name}: {place}") for name, place in places]
    if currency:
        facts.append(("Currency", currency))
    cells: list[tuple[Column, Any]] = [(Column("Line"), lambda row: str(row["line_no"]))]
    if has_own_number:
        cells.append((Column("Your number", 1.1), lambda row: row["supplier_sku"] or ""))
    cells += [
        (Column("Our SKU", 1.1), lambda row: row["sku"]),
        (Column("Description", 2.8), lambda row: row["name"] or ""),
    ]
    if not is_one_place:
        cells.append((Column("Deliver to", 1.3), lambda row: row["location_id"]))
    if not is_one_day:
        cells.append((Column("Expected"), lambda row: str(row["expected_on"])))
    cells += [
        (Column("Quantity"), lambda row: f"{row['quantity']:,}"),
        (Column("Unit cost"), lambda row: spelled(row["unit_cost"], currency)),
        (Column("Amount"), lambda row: spelled(row["amount"], currency)),
    ]
    total, unpriced = _total(lines), lines["unit_cost"].null_count()
    totals = [Total(f"Total {currency or ''}".strip(), spelled(total, currency))] if total is not None else []
    notes = [f"Please state the number {head['purchase_order_id']} on your confirmation, delivery note and invoice."]
    if unpriced:
        said = "1 line has" if unpriced == 1 else f"{unpriced:,} lines have"
        notes.insert(0, f"{said} no agreed cost{', and no part in the total' if totals else ''}: please confirm it.")
    who = [country(head["country"]), head["email"]]
    return Letter(
        title="Purchase order",
        number=head["purchase_order_id"],
        day=head["ordered_on"],
        sender=sender(workspace),
        receiver=Party(head["supplier_name"] or head["supplier_id"], [line for line in who if line]),
        facts=facts,
        columns=[column for column, _ in cells],
        rows=[[said(row) for _, said in cells] for row in rows],
        totals=totals,
        notes=notes,
    )


def _places(lines: pl.DataFrame) -> list[dict[str, Any]]:
    """The locations of an order, in the order of their ids."""
    return (
        lines.select("location_id", "location_name", "location_postcode", "location_country")
        .unique("location_id")
        .sort("location_id")
        .to_dicts()
    )


def _place(row: dict[str, Any]) -> str:
    """A location as a letter names it."""
    parts = (row["location_name"] or row["location_id"], row["location_postcode"], country(row["location_country"]))
    return ", ".join(part for part in parts if part)


def _index(folder: Path, orders: dict[str, pl.DataFrame]) -> None:
    """List the orders of the day whose files are there."""
    rows = []
    for number, lines in orders.items():
        stem = name_of(number)
        if not (folder / f"{stem}.pdf").exists():
            continue
        head = lines.row(0, named=True)
        rows.append(
            {
                **{name: head[name] for name in ("purchase_order_id", "supplier_id", "supplier_name", "email")},
                "ordered_on": head["ordered_on"],
                "first_expected_on": lines["expected_on"].min(),
                "lines": lines.height,
                "units": lines["quantity"].sum(),
                "total_amount": spelled(_total(lines), head["currency"]).replace(",", ""),
                "currency": head["currency"],
                **{form: f"{stem}.{form}" for form in ("pdf", "xlsx", "csv")},
            }
        )
    write_csv(pl.DataFrame(rows, infer_schema_length=None), folder / INDEX)
