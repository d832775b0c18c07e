"""Invoices and credit notes as customers get them: a PDF that carries its e-invoice, the e-invoice by itself, and an index.

The published row is the record and the file a view of it: made again it is the same, byte for byte.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import polars as pl
import zxingcpp

from pipelines.documents import einvoices, hybrid
from pipelines.documents.billed import Billed, Row, billed
from pipelines.documents.einvoices import EInvoice
from pipelines.documents.files import name_of, whole
from pipelines.documents.tables import write_csv
from pipelines.documents.typeset import Column, Letter, Party, Press, Total, sender
from pipelines.documents.wording import country, dated, legible, spelled
from pipelines.warehouse.read import Published, published
from pipelines.workspace import Company, OrderhouseError, Workspace

INDEX = "index.csv"
TITLES = {"invoice": "Invoice", "credit_note": "Credit note"}
TOGETHER = 25
"""So many documents are read and made at once."""
AT_ONE_DESK = 100
"""Of more documents every core makes some: its start costs as much as fifty of them."""
TOLD_EVERY = 250
LARGEST_CODE = Decimal("999999999.99")
"""A payment code holds no larger amount."""
Say = Callable[[str], None]


@dataclass(frozen=True)
class Made:
    """A document whose files were made; `unshown` are letters that no font has, `note` says what is missing and why."""

    invoice_number: str
    pdf: Path
    sha256: str
    unshown: str
    note: str

    @property
    def has_einvoice(self) -> bool:
        """True where the XML files are there too."""
        return not self.note


@dataclass(frozen=True)
class Written:
    """The documents of a night, the folder of their files, and the last night before with documents."""

    day: date
    folder: Path
    made: Sequence[Made]
    last_day: date | None


def written(
    workspace: Workspace, night: date | None = None, number: str | None = None, say: Say = lambda _: None
) -> Written:
    """Write the files of the documents of a night and their index, or those of one document.

    Args:
        workspace: the workspace.
        night: the night that issued them; none = the newest published one, or the document's own.
        number: only this one; the index stays as it is.
        say: is told of progress.

    Raises:
        OrderhouseError: nothing is published yet, there is no such document, or a file cannot be written.
    """
    with published(workspace) as opened:
        pointer = workspace.pointer()
        assert pointer is not None
        day = night or pointer.as_of
        if number is not None:
            day = _day_of(opened, number, night, pointer.as_of)
        heads = opened.rows(
            """SELECT invoice_number, kind, order_id, customer_id, due_on, gross_amount, currency FROM invoices
               WHERE issued_on = $day AND ($number IS NULL OR invoice_number = $number)
               ORDER BY kind DESC, series, sequence""",
            {"day": day, "number": number},
        )
        before = opened.rows("SELECT max(issued_on) AS day FROM invoices WHERE issued_on <= $day", {"day": day})
    folder = workspace.documents / "invoices" / str(day)
    made = list(all_made(workspace, folder, [head["invoice_number"] for head in heads], say))
    if made and number is None:
        _index(folder, heads, made)
    return Written(day, folder, made, before[0]["day"])


def _day_of(opened: Published, number: str, night: date | None, as_of: date) -> date:
    days = opened.rows("SELECT issued_on FROM invoices WHERE invoice_number = ?", [number])
    if not days:
        near = opened.rows(
            """SELECT invoice_number FROM invoices WHERE contains(lower(invoice_number), lower(?))
               ORDER BY invoice_number DESC LIMIT 3""",
            [number],
        )
        hint = f" Did you mean {', '.join(row['invoice_number'] for row in near)}?" if near else ""
        raise OrderhouseError(f"No invoice or credit note {number} was issued up to {as_of}.{hint}")
    issued: date = days[0]["issued_on"]
    if night is not None and night != issued:
        raise OrderhouseError(f"{number} was issued on {issued}, not on {night}; leave --night away.")
    return issued


def all_made(workspace: Workspace, folder: Path, numbers: list[str], say: Say) -> Iterator[Made]:
    """Make the files of documents, over all cores where there are many."""
    parts = [numbers[start : start + TOGETHER] for start in range(0, len(numbers), TOGETHER)]
    if len(numbers) <= AT_ONE_DESK:
        desk = Desk(workspace, folder)
        for part in parts:
            yield from desk.made(part)
        return
    count = 0
    for done in _side_by_side(workspace, folder, parts):
        yield from done
        count += len(done)
        if count % TOLD_EVERY < TOGETHER or count == len(numbers):
            say(f"{count:,} of {len(numbers):,} documents made")


def _side_by_side(workspace: Workspace, folder: Path, parts: list[list[str]]) -> Iterator[list[Made]]:
    """Make parts in processes of their own; where one of these dies, what is left is made here."""
    done = 0
    try:
        with ProcessPoolExecutor(
            min(os.cpu_count() or 1, len(parts)),
            get_context("spawn"),
            initializer=_sit_down,
            initargs=(workspace, folder),
        ) as pool:
            for made in pool.map(_made_here, parts):
                done += 1
                yield made
    except BrokenProcessPool:
        desk = Desk(workspace, folder)
        yield from (desk.made(part) for part in parts[done:])


class Desk:
    """Where documents are made one after the other: the press and the company stay at hand."""

    def __init__(self, workspace: Workspace, folder: Path) -> None:
        self.workspace, self.folder, self.press = workspace, folder, Press(workspace)

    def made(self, numbers: list[str]) -> list[Made]:
        """Make the files of some documents."""
        with published(self.workspace) as opened:
            documents = billed(opened, numbers)
        return [self._made_or_said(document) for document in documents]

    def _made_or_said(self, document: Billed) -> Made:
        """Make a document; one that cannot be made stops no other."""
        number = document.head["invoice_number"]
        try:
            return self._made(document)
        except OrderhouseError:
            raise
        except Exception as error:  # whatever is wrong with one document, the others are made
            pdf = self.folder / f"{name_of(number)}.pdf"
            pdf.unlink(missing_ok=True)
            return Made(
                number, pdf, "", "", f"{number} was not made ({type(error).__name__}: {error}); please report it."
            )

    def _made(self, document: Billed) -> Made:
        number, company = document.head["invoice_number"], self.workspace.settings.company
        einvoice, note = None, ""
        try:
            einvoice = einvoices.made(document, company)
        except OrderhouseError as error:
            note = str(error)
        set_ = self.press.letter(letter(self.workspace, document, einvoice))
        pdf = hybrid.completed(set_.pdf) if einvoice else set_.pdf
        stem = self.folder / name_of(number)
        contents = {
            "pdf": pdf,
            "ubl.xml": einvoice.ubl if einvoice else None,
            "cii.xml": einvoice.cii if einvoice else None,
        }
        for ending, content in contents.items():
            file = stem.with_name(f"{stem.name}.{ending}")
            if content is None:
                file.unlink(missing_ok=True)
                continue
            with whole(file) as draft:
                draft.write_bytes(content)
        return Made(number, stem.with_name(f"{stem.name}.pdf"), hashlib.sha256(pdf).hexdigest(), set_.unshown, note)


_desk: Desk | None = None


def _sit_down(workspace: Workspace, folder: Path) -> None:
    """Set up the desk of a process."""
    global _desk  # noqa: PLW0603
    _desk = Desk(workspace, folder)


def _made_here(numbers: list[str]) -> list[Made]:
    assert _desk is not None
    return _desk.made(numbers)


def letter(workspace: Workspace, document: Billed, einvoice: EInvoice | None = None) -> Letter:
    """A document in the words of a letter."""
    head, company = document.head, workspace.settings.company
    currency = head["currency"]
    code, columns = payment_code(document, company), _columns(document)
    return Letter(
        title=TITLES[head["kind"]],
        number=head["invoice_number"],
        day=head["issued_on"],
        sender=sender(workspace),
        receiver=_buyer(head),
        facts=_facts(head),
        columns=[column for column, _ in columns],
        rows=[[said(line) for _, said in columns] for line in document.lines],
        totals=[
            Total("Net", spelled(head["net_amount"], currency), is_sum=False),
            *(_tax(row, currency) for row in document.taxes),
            Total(f"Total {currency}", spelled(head["gross_amount"], currency)),
        ],
        notes=_notes(document, company),
        picture=_picture(code) if code else "",
        caption="Scan to pay" if code else "",
        attached=einvoice.cii.decode() if einvoice else "",
    )


def payment_code(document: Billed, company: Company) -> str:
    """What a banking app reads from the code of an invoice in euro: whom to pay, how much and for what; else nothing.

    Source: EPC069-12, version 002.
    """
    head = document.head
    is_payable = head["kind"] == "invoice" and 0 < head["gross_amount"] <= LARGEST_CODE
    if head["currency"] != "EUR" or not company.iban or not is_payable:
        return ""
    amount = f"EUR{head['gross_amount']:.2f}"
    told = ("BCD", "002", "1", "SCT", "", legible(company.name)[:70], company.iban.replace(" ", ""), amount, "", "")
    return "\n".join([*told, legible(head["invoice_number"])[:140]])


def _picture(code: str) -> str:
    """The code as SVG: in UTF-8, as it says of itself, without a mark of the encoding, which banking apps do not expect."""
    return zxingcpp.create_barcode(code.encode(), zxingcpp.QRCode, ec_level="M", eci="Unknown").to_svg()


def _buyer(head: Row) -> Party:
    town = " ".join(part for part in (head["buyer_postcode"], head["buyer_city"]) if part)
    tax = f"Tax id {head['buyer_tax_id']}" if head["buyer_tax_id"] else None
    lines = (head["buyer_street"], town, country(head["buyer_country"]), tax)
    name = head["buyer_name"] or head["customer_id"] or "Customer"
    return Party(name, [line for line in lines if line])


def _facts(head: Row) -> list[tuple[str, str]]:
    is_invoice = head["kind"] == "invoice"
    facts = [
        ("Invoice date" if is_invoice else "Date", dated(head["issued_on"])),
        ("Due", dated(head["due_on"]) if is_invoice else None),
        ("Corrects invoice", head["credits_invoice_number"]),
        ("Sent", dated(head["supplied_on"]) if head["supplied_on"] else None),
        ("Order", head["order_id"]),
        ("Customer", head["customer_id"]),
    ]
    return [(name, said) for name, said in facts if said]


def _columns(document: Billed) -> list[tuple[Column, Callable[[Row], str]]]:
    """The columns of the lines; those that would say the same or nothing on every line are left out."""
    currency = document.head["currency"]
    with_tax = {line["prices_include_tax"] for line in document.lines}
    columns: list[tuple[Column, Callable[[Row], str]]] = [(Column("Line"), lambda line: str(line["line_no"]))]
    if document.head["order_id"] is None:
        columns.append((Column("Order", 1.1), lambda line: line["order_id"]))
    columns += [
        (Column("SKU", 1), lambda line: line["sku"] or ""),
        (Column("Description", 2.6), lambda line: line["description"]),
        (Column("Quantity"), lambda line: f"{line['quantity']:,}"),
        (
            Column("Price with tax" if with_tax == {True} else "Price"),
            lambda line: spelled(line["unit_price"], currency),
        ),
    ]
    if len(with_tax) == 2:
        columns.append((Column("With tax"), lambda line: "yes" if line["prices_include_tax"] else "no"))
    if any(line["discount_amount"] for line in document.lines):
        columns.append((Column("Discount"), lambda line: spelled(line["discount_amount"] or None, currency)))
    return [
        *columns,
        (Column("Tax"), lambda line: _percent(line["tax_rate"])),
        (Column("Net"), lambda line: spelled(line["net_amount"], currency)),
    ]


def _percent(rate: Decimal) -> str:
    return f"{(rate * 100).normalize():f} %"


def _tax(row: Row, currency: str) -> Total:
    said = f"{_percent(row['tax_rate'])} tax on {spelled(row['net_amount'], currency)}"
    return Total(said, spelled(row["tax_amount"], currency), is_sum=False)


def _notes(document: Billed, company: Company) -> list[str]:
    head, notes = document.head, []
    total = f"{spelled(head['gross_amount'], head['currency'])} {head['currency']}"
    with_tax = {line["prices_include_tax"] for line in document.lines}
    if with_tax == {True}:
        notes.append("Prices and discounts include tax; the net amounts are without it.")
    elif len(with_tax) == 2:
        notes.append("Prices and discounts include tax where the line says so; the net amounts are without it.")
    for row in document.taxes:
        reason = row["exemption_reason"] or einvoices.EXEMPT.get(row["tax_category"])
        if reason:
            notes.append(f"No tax on {spelled(row['net_amount'], head['currency'])} {head['currency']}: {reason}.")
    if head["kind"] == "credit_note":
        notes.append(
            f"This credit note of {total} is set against invoice {head['credits_invoice_number']}; what was paid beyond "
            "what is then owed will be paid back."
        )
    elif head["gross_amount"] > 0:
        iban = (company.iban or "").replace(" ", "")
        where = f" to {' '.join(iban[at : at + 4] for at in range(0, len(iban), 4))}" if iban else ""
        notes.append(f"Please pay {total}{where} by {dated(head['due_on'])}, stating {head['invoice_number']}.")
    else:
        notes.append("Nothing is to be paid.")
    return notes


def _index(folder: Path, heads: list[Row], made: list[Made]) -> None:
    """List the documents of the night with their files."""
    by_number = {each.invoice_number: each for each in made}
    rows: list[dict[str, Any]] = []
    for head in heads:
        each = by_number[head["invoice_number"]]
        stem = each.pdf.name.removesuffix(".pdf")
        rows.append(
            {name: head[name] for name in ("invoice_number", "kind", "order_id", "customer_id", "due_on")}
            | {
                "gross_amount": spelled(head["gross_amount"], head["currency"]).replace(",", ""),
                "currency": head["currency"],
                "pdf": each.pdf.name if each.sha256 else "",
                "ubl": f"{stem}.ubl.xml" if each.has_einvoice else "",
                "cii": f"{stem}.cii.xml" if each.has_einvoice else "",
                "pdf_sha256": each.sha256,
                "note": each.note,
            }
        )
    write_csv(pl.DataFrame(rows, infer_schema_length=None), folder / INDEX)
