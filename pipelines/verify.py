"""Checking issued documents again, from a published file alone: nobody has to trust the night that wrote it.

What is cut off at the end of the file shows only against the fingerprint that each night leaves in the journal.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from models.rules import numbering
from models.tables.base import TableClass, declaration, polars_schema
from models.tables.billing import Invoice, InvoiceLine
from pipelines import journal
from pipelines.warehouse.read import Published
from pipelines.workspace import OrderhouseError, Workspace

TOGETHER = 50_000
"""So many documents are read and checked at once."""
SHOWN = 20
"""So many findings of a check are told one by one."""
OF_ORDERS = """
    SELECT order_id || '/' || line_no AS place FROM order_lines l FULL JOIN (
        SELECT order_id, order_line_no AS line_no, coalesce(sum(quantity) FILTER (credits_invoice_number IS NULL), 0) AS invoiced,
               coalesce(sum(quantity) FILTER (credits_invoice_number IS NOT NULL), 0) AS credited
        FROM invoice_lines WHERE order_line_no IS NOT NULL GROUP BY ALL) b USING (order_id, line_no)
    WHERE coalesce(l.invoiced <> coalesce(b.invoiced, 0) OR l.credited <> coalesce(b.credited, 0), false)
    OR coalesce(b.invoiced - b.credited, 0) > coalesce(quantity - cancelled - returned, 0) ORDER BY ALL"""


@dataclass
class Check:
    """One thing that was checked, over how many rows, and what was found wrong."""

    name: str
    what: str
    checked: int
    wrong: list[str]

    @property
    def holds(self) -> bool:
        """True where nothing is wrong."""
        return not self.wrong


@dataclass(frozen=True)
class Verified:
    """All checks of one file."""

    file: Path
    as_of: str
    checks: list[Check]

    @property
    def holds(self) -> bool:
        """True where nothing is wrong."""
        return all(check.holds for check in self.checks)

    def lines(self) -> Iterator[str]:
        """As an auditor reads it."""
        yield f"{self.file.name}, as of {self.as_of}"
        for check in self.checks:
            yield f"{'ok   ' if check.holds else 'WRONG'} {check.name:<12} {check.what} ({check.checked:,} checked)"
            yield from (f"        {told}" for told in check.wrong[:SHOWN])
            if len(check.wrong) > SHOWN:
                yield f"        and {len(check.wrong) - SHOWN:,} more"


def invoices(workspace: Workspace, file: Path | None = None, say: Callable[[str], None] = lambda _: None) -> Verified:
    """Check numbers, chain, totals, tax and coverage of all documents of a published file, and its end.

    Args:
        workspace: the workspace, whose journal holds the fingerprints.
        file: another published file than the newest one, a copy of it sent to an auditor, say.
        say: is told of progress.

    Raises:
        OrderhouseError: there is no such file, or it is no published file.
    """
    pointer = workspace.pointer()
    if file is None and pointer is None:
        raise OrderhouseError(f"Nothing is published in {workspace.root} yet; run `orderhouse nightly` first.")
    checked = file or (pointer.file if pointer else Path())
    if not checked.exists():
        raise OrderhouseError(f"{checked} is not there; name a published file, or leave --file out for the newest one.")
    try:
        opened = Published(checked)
        as_of = str(opened.rows("SELECT max(as_of) AS as_of FROM certificate")[0]["as_of"])
        heads = _read(opened, Invoice)
    except duckdb.Error as error:
        raise OrderhouseError(
            f"{checked} is no published file of this program ({str(error).splitlines()[0]})."
        ) from error
    with opened.connection:
        checks = [_numbers(heads), *_documents(opened, heads, say), _coverage(opened)]
    number = pointer.number if pointer and pointer.file.name == checked.name else None
    return Verified(checked, as_of, [*checks, _end(workspace, as_of, number, heads)])


def _read(opened: Published, table: TableClass, where: str = "true", *values: object) -> pl.DataFrame:
    schema = polars_schema(table)
    names = ", ".join(schema.names())
    query = f"SELECT {names} FROM {declaration(table).name} WHERE {where}"
    return opened.connection.sql(query, params=list(values)).pl().cast(dict(schema))


def _numbers(heads: pl.DataFrame) -> Check:
    told = {
        "gap": "numbers are missing between {} and {}, of which {} are there",
        "repeat": "a number between {} and {} is there twice ({} documents)",
        "date_goes_back": "dates go back between {} and {} ({} documents)",
    }
    found = numbering.gaps(heads)
    wrong = [
        f"{row['series']}: {told[row['reason']].format(row['first'], row['last'], row['documents'])}"
        for row in found.iter_rows(named=True)
    ]
    return Check("numbers", "each series without gap or repeat, dates in its order", heads.height, wrong)


def _documents(opened: Published, heads: pl.DataFrame, say: Callable[[str], None]) -> Iterator[Check]:
    """The checks that read every line, so many documents at a time."""
    ordered = heads.sort("invoice_number")
    wrong: dict[str, list[str]] = {"content": [], "totals": [], "tax": []}
    lines = 0
    for start in range(0, ordered.height, TOGETHER):
        part = ordered.slice(start, TOGETHER)
        first, last = part["invoice_number"][0], part["invoice_number"][-1]
        theirs = _read(opened, InvoiceLine, "invoice_number BETWEEN ? AND ?", first, last)
        known = theirs.join(part, on="invoice_number", how="semi")
        lines += theirs.height
        wrong["content"] += numbering.changed(part, known)["invoice_number"].to_list()
        wrong["totals"] += numbering.wrong_totals(part, theirs)["invoice_number"].to_list()
        wrong["tax"] += numbering.wrong_tax(known, part.select("invoice_number", "currency"))[
            "invoice_number"
        ].to_list()
        say(f"{min(start + TOGETHER, ordered.height):,} of {ordered.height:,} documents checked")
    cut = numbering.cut(heads)["invoice_number"].to_list()
    yield Check(
        "content",
        "every document is what its hash says",
        heads.height,
        [f"{number} was changed" for number in wrong["content"]],
    )
    yield Check(
        "chain",
        "every document is bound to the one before it",
        heads.height,
        [f"{number} does not follow the document before it: one was taken out or put in" for number in cut],
    )
    yield Check(
        "totals",
        "net, tax and gross are the sums of the lines",
        lines,
        [f"{number} does not add up" for number in wrong["totals"]],
    )
    yield Check(
        "tax",
        "tax is that of the rates, to the coin",
        lines,
        [f"{number} has another tax than its rates say" for number in sorted(set(wrong["tax"]))],
    )


def _coverage(opened: Published) -> Check:
    """Nothing is billed twice, credited beyond its invoice, or stands without being owed; orders show the same."""
    narrow = opened.connection.sql(
        """SELECT invoice_number, line_no, order_id, order_line_no, event, revision, quantity, net_amount, tax_amount,
                  credits_invoice_number, credits_line_no FROM invoice_lines"""
    ).pl()
    wrong = [
        f"order {row['order_id']}, line {row['order_line_no'] or 'shipping'}, is on {' and '.join(row['invoice_numbers'])}"
        for row in numbering.billed_twice(narrow).iter_rows(named=True)
    ]
    wrong += [
        f"more is credited of {row['invoice_number']}, line {row['line_no']}, than it holds"
        for row in numbering.credited_too_much(narrow).iter_rows(named=True)
    ]
    wrong += [
        f"order line {row['place']} shows or owes another quantity than its documents" for row in opened.rows(OF_ORDERS)
    ]
    return Check("coverage", "every unit billed once, credited at most once, and owed", narrow.height, wrong)


def _end(workspace: Workspace, as_of: str, number: int | None, heads: pl.DataFrame) -> Check:
    """The end of each chain, against the fingerprint that its publication left outside the database.

    A file under another name than the newest one's is compared with every publication of its night.
    """
    noted = journal.fingerprints(workspace, as_of)
    what = "nothing is cut off at the end, by the fingerprint in the journal"
    if not noted:
        missing = (
            f"{workspace.journal} has no fingerprint of the night of {as_of}; bring that folder back to check the end"
        )
        return Check("end", what, 0, [missing])
    asked = [noted[number]] if number in noted else [noted[each] for each in sorted(noted, reverse=True)]
    wrong = min((_cut_off(kept, as_of, heads) for kept in asked), key=bool)
    return Check("end", what, sum(tip["documents"] for tip in asked[0]), wrong)


def _cut_off(kept: list[dict[str, Any]], as_of: str, heads: pl.DataFrame) -> list[str]:
    """Where the chains end otherwise than one fingerprint says."""
    found = {row["kind"]: row for row in numbering.tips(heads).iter_rows(named=True)}
    wrong = []
    for tip in kept:
        here = found.pop(tip["kind"], {"documents": 0, "invoice_number": "none", "content_hash": None})
        if here["content_hash"] != tip["content_hash"] or here["documents"] != tip["documents"]:
            wrong.append(
                f"the last {tip['kind'].replace('_', ' ')} is {here['invoice_number']} of {here['documents']:,}, and the night "
                f"of {as_of} ended with {tip['invoice_number']} of {tip['documents']:,}"
            )
    return wrong + [f"the night of {as_of} knew of no {kind.replace('_', ' ')}" for kind in found]
