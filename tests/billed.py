"""A small shop that is billed night by night, drawn as tables."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import polars as pl

from models.rules import billing, billing_policies, numbering
from models.tables.base import empty, polars_schema, validated
from models.tables.billing import BillingException, Invoice, InvoiceLine
from models.tables.feeds import Customer
from models.tables.lifecycle import Order, OrderLine
from models.tables.rules import Channel, TaxRate
from tests.builders import frame

NIGHT = date(2026, 11, 24)
CHANNELS = frame(
    "channel | handed_over_at_sale | gates | billing | prices_include_tax",
    "online | false | all | on_confirmation | ",
    "agent | false | all | on_shipment | ",
    "store | true | warn | none | true",
    schema=Channel,
)
TAX_RATES = frame(
    "tax_code | country | valid_from | rate_percent | category | exemption_reason",
    "STD | DE |  | 19 | S | ",
    "RED | DE |  | 7 | S | ",
    "ZERO | DE |  | 0 | Z | ",
    "EXPORT | DE |  | 0 | G | export",
    "STD | GB |  | 17.5 | S | ",
    "STD | GB | 2011-01-04 | 20 | S | ",
    "STD | GB | 2026-12-01 | 21 | S | ",
    "STD | JP |  | 10 | S | ",
    "STD | KW |  | 5 | S | ",
    schema=TaxRate,
)
PRODUCTS = frame(
    "sku | name | tax_code", "A | Apple | ", "B | Book | RED", "C | Card | ZERO", schema={"tax_code": pl.String}
)
CUSTOMERS = frame(
    "customer_id | name | street | city | postcode | country | payment_terms_days",
    "K1 | Ann | Road 1 | Bonn | 53111 | DE | 30",
    "K2 | Bob | | | | | ",
    "M1 | Month Ltd | Road 2 | Kiel | 24103 | DE | 14",
    schema=Customer,
)
ORDER = {
    "channel": "online",
    "customer_id": "K1",
    "currency": "EUR",
    "status": "confirmed",
    "country": "DE",
    "is_history": False,
    "has_refused_fact": False,
}
LINE = {"sku": "A", "cancelled": 0, "shipped": 0, "delivered": 0, "returned": 0}


def whole(rows: pl.DataFrame, table: Any, defaults: dict[str, Any]) -> pl.DataFrame:
    """Rows of a table of which only a few columns are drawn."""
    schema = polars_schema(table)
    missing = {name: defaults.get(name) for name in schema.names() if name not in rows.columns}
    return rows.with_columns(pl.lit(value, schema[name]).alias(name) for name, value in missing.items()).select(
        schema.names()
    )


def orders(header: str, *rows: str) -> pl.DataFrame:
    """Order rows: confirmed, online, from K1 in Germany in EUR where nothing else is drawn."""
    return whole(frame(header, *rows, schema=Order), Order, ORDER)


def lines(header: str, *rows: str) -> pl.DataFrame:
    """OrderLine rows: of apples, nothing done yet where nothing else is drawn."""
    return whole(frame(header, *rows, schema=OrderLine), OrderLine, LINE)


def whole_customers(rows: pl.DataFrame) -> pl.DataFrame:
    """Customer rows of which only a few columns are drawn."""
    return whole(rows, Customer, {})


@dataclass
class Shop:
    """What is stored between nights, and one method per night."""

    policies: billing_policies.Policies = field(default_factory=lambda: billing_policies.Policies(NIGHT))
    channels: pl.DataFrame = field(default_factory=lambda: CHANNELS)
    tax_rates: pl.DataFrame = field(default_factory=lambda: TAX_RATES)
    customers: pl.DataFrame = field(default_factory=lambda: whole_customers(CUSTOMERS))
    invoices: pl.DataFrame = field(default_factory=lambda: empty(Invoice))
    invoice_lines: pl.DataFrame = field(default_factory=lambda: empty(InvoiceLine))

    def drafts(
        self, asked: pl.DataFrame, their_lines: pl.DataFrame, withdrawn: Collection[str] = (), **changed: Any
    ) -> billing.Drafts:
        """What a night would issue."""
        drafts = billing.drafts(
            asked,
            their_lines,
            PRODUCTS,
            self.customers,
            self.channels,
            self.tax_rates,
            self.invoices,
            self.invoice_lines,
            replace(self.policies, **changed),
            withdrawn,
        )
        validated(BillingException, drafts.exceptions)
        return drafts

    def night(
        self, asked: pl.DataFrame, their_lines: pl.DataFrame, withdrawn: Collection[str] = (), **changed: Any
    ) -> numbering.Issued:
        """Bill, number, chain and store."""
        issued = self.issue(self.drafts(asked, their_lines, withdrawn, **changed), **changed)
        self.invoices = pl.concat([self.invoices, issued.invoices])
        self.invoice_lines = pl.concat([self.invoice_lines, issued.invoice_lines])
        return issued

    def issue(self, drafts: billing.Drafts, **changed: Any) -> numbering.Issued:
        """Number and chain drafts after what is stored."""
        last = self.invoices.group_by("series").agg(pl.col("sequence").max(), pl.col("issued_on").max())
        hashes = dict(numbering.tips(self.invoices).select("kind", "content_hash").rows())
        day = replace(self.policies, **changed).issued_on
        numbers = numbering.numbered(drafts.documents, last, day)
        issued = numbering.chained(numbers, drafts.documents, drafts.lines, hashes)
        return numbering.Issued(validated(Invoice, issued.invoices), validated(InvoiceLine, issued.invoice_lines))


def broken(invoices: pl.DataFrame, invoice_lines: pl.DataFrame) -> pl.DataFrame:
    """Documents that are not what was issued, and places where one is missing."""
    return pl.concat([numbering.changed(invoices, invoice_lines), numbering.cut(invoices)]).unique(
        "invoice_number", keep="first", maintain_order=True
    )


def shown(rows: pl.DataFrame, header: str) -> list[tuple[Any, ...]]:
    """The named columns of rows, decimals without trailing zeros, to compare with `drawn`."""
    names = [name.strip() for name in header.split("|")]
    return [tuple(_plain(value) for value in row) for row in rows.select(names).rows()]


def drawn(header: str, *rows: str) -> list[tuple[Any, ...]]:
    """Rows as a person writes them."""
    width = len(header.split("|"))
    cells = [tuple(cell.strip() for cell in row.split("|")) for row in rows]
    assert all(len(row) == width for row in cells)
    return cells


def _plain(value: Any) -> str:
    if value is None:
        return ""
    text = f"{value:f}" if hasattr(value, "as_tuple") else str(value)
    return text.rstrip("0").rstrip(".") if "." in text and hasattr(value, "as_tuple") else text
