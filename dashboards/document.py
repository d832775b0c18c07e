"""One invoice or credit note: its head, buyer, lines, tax, what was paid, corrected and reminded, and its files."""

import re
import shlex
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import streamlit as st

from dashboards import filters, layout, wording
from dashboards.queries import Scope, billing
from dashboards.wording import exact, plain
from pipelines.workspace import find

MOST_ORDERS = 6
"""So many orders of a document are linked."""
MIMES = {".pdf": "application/pdf", ".xml": "application/xml"}
TITLES = {
    "method": ("Paid by", "Card, transfer, cash."),
    "received_on": ("Received", "The day the payment was booked."),
    "open_amount": ("Open", "What is still to be paid."),
    "fee": ("Fee", "What the reminder costs the customer."),
    "as_of": ("Sent", "The night that issued it."),
    "level": ("Reminder", "Which one it is."),
}
Row = Mapping[str, Any]


def looked_up(scope: Scope, wanted: str) -> None:
    """The document of this number, or the documents of this order."""
    numbers = billing.found(scope, wanted)
    if numbers:
        story(scope, numbers[0], "found", of=numbers[1:])
        return
    order = billing.order(scope, wanted)
    if order is None:
        layout.nothing(
            f"No invoice, credit note or order {wanted} is known as of {wording.day(scope.as_of)}.",
            "Look for a typing error, or choose a newer night.",
        )
        return
    why = (
        order["sentence"]
        or ("It was placed before the shop went live here, so it is never billed." if order["is_history"] else "")
        or ("It was " + order["status"] + "." if order["status"] in ("cancelled", "rejected") else "")
        or "It is not due for billing yet, or its channel bills for itself."
    )
    layout.nothing(f"Order {order['order_id']} is not billed. {why}")


def story(scope: Scope, number: str, key: str, of: list[str] | None = None) -> None:
    """One document: head, buyer, lines, tax, what was paid, corrected and reminded, and its files."""
    family = billing.together(scope, number)
    row = family.filter(pl.col("invoice_number") == number).row(0, named=True)
    unit, is_invoice = row["currency"], row["kind"] == "invoice"
    invoice_number = number if is_invoice else row["credits_invoice_number"]
    paid = billing.applied(scope, invoice_number)
    balance = billing.balance(family, paid)
    left = max(balance["open_amount"], Decimal(0))
    state = (
        f"corrects {invoice_number}"
        if not is_invoice
        else f"{exact(left, unit)} open, due {wording.day(row['due_on'])}"
        if left
        else "nothing open"
    )
    found = billing.lines(scope, number)
    prices = "with tax" if found["prices_include_tax"].any() else "without tax"
    with st.container(border=True, key=f"card_document_{key}"):
        st.html(
            f'<div class="oh-title"><h3>{plain(wording.DOCUMENTS[row["kind"]])} {plain(number)}: {plain(state)}</h3>'
            f"<p>amounts in {plain(unit)}, prices {prices}</p></div>"
        )
        head(row)
        files(row, key)
        lines_and_tax(number, found, key)
        if is_invoice:
            payments(scope, family, paid, balance, key)
        layout.todo("See also", "", _related(found, family, number, of or []))


def _related(lines: pl.DataFrame, family: pl.DataFrame, number: str, of: list[str]) -> list[layout.Todo]:
    """The orders of a document, what corrects it or what it corrects, and the other documents of its order."""
    orders = lines["order_id"].unique(maintain_order=True).to_list()
    links = [
        layout.Todo(f"Order {name}", "", "its lines, events and findings", filters.link("lifecycle", order=name))
        for name in orders[:MOST_ORDERS]
    ]
    links += [
        layout.Todo(
            f"{wording.DOCUMENTS[row['kind']]} {row['invoice_number']}",
            exact(row["gross_amount"], row["currency"]),
            ("what it corrects, " if row["kind"] == "invoice" else "correction, ")
            + f"issued {wording.day(row['issued_on'])}",
            filters.link("billing", invoice=row["invoice_number"]),
        )
        for row in family.filter(pl.col("invoice_number") != number).iter_rows(named=True)
    ]
    theirs = family["invoice_number"].to_list()
    return links + [
        layout.Todo(f"Document {name}", "", "of the same order", filters.link("billing", invoice=name))
        for name in of
        if name not in theirs
    ]


def head(row: Row) -> None:
    """Numbers, days and amounts of a document, and its buyer."""
    layout.facts(
        {
            "Issued": wording.day(row["issued_on"]),
            "Due": wording.day(row["due_on"]),
            "Supplied": wording.day(row["supplied_on"]),
            "Net": exact(row["net_amount"], row["currency"]),
            "Tax": exact(row["tax_amount"], row["currency"]),
            "Gross": exact(row["gross_amount"], row["currency"]),
        }
    )
    st.html(f'<div class="oh-title"><h3>Buyer: {plain(row["buyer_name"] or wording.NOBODY)}</h3></div>')
    place = " ".join(part for part in (row["buyer_postcode"], row["buyer_city"]) if part)
    layout.facts(
        {
            "Customer": row["customer_id"] or "–",
            "Street": row["buyer_street"] or "–",
            "Place": place or "–",
            "Country": wording.country(row["buyer_country"]) if row["buyer_country"] else "–",
            "Tax number": row["buyer_tax_id"] or "–",
        }
    )


def files(row: Row, key: str) -> None:
    """The files the night wrote for a document, else the command that makes them."""
    found = written(find().documents, row["issued_on"], row["invoice_number"])
    if not any(path.suffix == ".pdf" for path in found):
        layout.note("Its PDF is not there yet; this makes it:")
        st.code(f"orderhouse documents invoices --invoice {shlex.quote(row['invoice_number'])}", language=None)
    if found:
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"downloads_files_{key}"):
            st.html('<span class="oh-quiet">As the customer gets it</span>')
            for path in found:
                layout.download(
                    path.name,
                    path.read_bytes,
                    path.name,
                    MIMES.get(path.suffix, "application/octet-stream"),
                    f"file_{path.name}_{key}",
                )


def written(folder: Path, issued_on: date, number: str) -> list[Path]:
    """The files of a document, its PDF first."""
    if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*", number):
        return []
    found = (folder / "invoices" / str(issued_on)).glob(f"{number}.*")
    return sorted((path for path in found if path.is_file()), key=lambda path: (path.suffix != ".pdf", path.name))


def lines_and_tax(number: str, found: pl.DataFrame, key: str) -> None:
    """What a document is made of."""
    name = wording.file_name(number)
    several = found["order_id"].n_unique() > 1
    columns = [
        "line_no", "sku", "description", "quantity", "unit_price", "discount_amount", "tax_code", "tax_rate", "net_amount",
        "tax_amount",
    ]  # fmt: skip
    st.html('<div class="oh-title"><h3>Lines</h3></div>')
    layout.table(
        found.select(*(["order_id"] if several else []), *columns).with_columns(_percent("tax_rate")),
        key=f"document_lines_{key}",
        tables=("invoice_lines",),
        titles={
            "sku": ("SKU", "What is billed; none = shipping."),
            "tax_rate": ("Tax (%)", "Percent of the net amount."),
        },
        whole=lambda: found,
        height=330 if found.height > 8 else None,
        file=f"invoice_lines_{name}",
    )
    table = billing.tax(found).with_columns(
        _percent("tax_rate"), pl.col("tax_category").replace(wording.TAX_CATEGORIES)
    )
    st.html('<div class="oh-title"><h3>Tax</h3></div>')
    layout.table(
        table,
        key=f"document_tax_{key}",
        tables=("invoice_lines",),
        titles={
            "tax_rate": ("Tax (%)", "Percent of the net amount."),
            "tax_category": ("Kind of tax", "Category of EN 16931."),
            "net_amount": ("Net", "Of the lines of this kind and rate."),
            "tax_amount": ("Tax", "Of the lines of this kind and rate, rounded once."),
        },
        file=f"tax_{name}",
    )


def _percent(rate: str) -> pl.Expr:
    return (pl.col(rate).cast(pl.Decimal(38, 10)) * 100).round(2).cast(pl.Decimal(18, 2)).alias(rate)


def payments(scope: Scope, family: pl.DataFrame, paid: pl.DataFrame, balance: Row, key: str) -> None:
    """What was paid of an invoice, what is on account beside it, and the reminders."""
    number, unit = balance["invoice_number"], balance["currency"]
    name = wording.file_name(number)
    amounts = [exact(balance[part], unit) for part in ("gross_amount", "credited_amount", "paid_amount", "open_amount")]
    st.html(
        f'<div class="oh-title"><h3>Payments</h3><p>{plain("{} billed − {} credited − {} paid = {} open".format(*amounts))}</p></div>'
    )
    layout.table(
        paid.select("applied_on", "payment_id", "amount", "currency", "received_on", "method"),
        key=f"document_payments_{key}",
        tables=("payments_applied",),
        titles=TITLES
        | {
            "amount": ("Applied", "What it pays; below zero where it was taken off the invoice again."),
            "applied_on": ("Night", "The night of the change."),
        },
        empty="Nothing has been paid of it.",
        file=f"payments_applied_{name}",
    )
    orders = billing.lines(scope, number)["order_id"].unique().to_list()
    spare = billing.account_of(scope, family["invoice_number"].to_list(), orders)
    if spare.height:
        layout.note("On account for it or its order:")
        layout.table(
            spare.with_columns(pl.col("reason").replace(wording.ON_ACCOUNT)),
            key=f"document_account_{key}",
            tables=("payments_on_account",),
            titles=TITLES,
            file=f"payments_on_account_{name}",
        )
    sent = billing.reminders(scope, number)
    st.html('<div class="oh-title"><h3>Reminders</h3></div>')
    layout.table(
        sent, key=f"document_reminders_{key}", tables=("reminders",), titles=TITLES | {"days_overdue": ("Days overdue", "Then.")},
        empty="No reminder was sent.", file=f"reminders_{name}",
    )  # fmt: skip
