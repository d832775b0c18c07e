"""Invoices and credit notes as they are published, whole: what every file of them is made from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from models.rules import billing_tax
from models.tables.base import polars_schema
from models.tables.billing import InvoiceLine
from pipelines.warehouse.read import Published

Row = dict[str, Any]


@dataclass(frozen=True)
class Billed:
    """One document: its Invoice row, its InvoiceLine rows in their order, and the tax of each category and rate."""

    head: Row
    lines: list[Row]
    taxes: list[Row]


def billed(opened: Published, numbers: Sequence[str]) -> list[Billed]:
    """The documents with these numbers, in that order; unknown numbers are left out."""
    asked = {"numbers": list(numbers)}
    heads = opened.rows("SELECT * FROM invoices WHERE invoice_number IN (SELECT unnest($numbers))", asked)
    found = opened.rows(
        """SELECT * FROM invoice_lines WHERE invoice_number IN (SELECT unnest($numbers))
           ORDER BY invoice_number, line_no""",
        asked,
    )
    lines, taxes = _by_number(found), _by_number(_taxes(found))
    by_number = {head["invoice_number"]: head for head in heads}
    return [
        Billed(by_number[number], lines.get(number, []), taxes.get(number, []))
        for number in numbers
        if number in by_number
    ]


def _taxes(lines: list[Row]) -> list[Row]:
    schema = polars_schema(InvoiceLine)
    rows = pl.DataFrame(lines, schema=dict(schema)) if lines else pl.DataFrame(schema=schema)
    return billing_tax.breakdown(rows).to_dicts()


def _by_number(rows: list[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["invoice_number"], []).append(row)
    return found
