"""Bookkeeping: invoices, credit notes and payments as entries whose debit is their credit."""

import polars as pl

from models.rules import money
from models.tables.base import polars_schema
from models.tables.billing import ENTRIES, JournalEntry

BOOKED = ["entry", "tax_code", "country"]
DOCUMENT = ["document_id", "source", "booked_on", "customer_id", "currency"]


def journal_entries(
    invoices: pl.DataFrame,
    invoice_lines: pl.DataFrame,
    payments: pl.DataFrame,
    applied: pl.DataFrame,
    accounts: pl.DataFrame,
) -> pl.DataFrame:
    """Book what was issued, paid and applied.

    An invoice debits what the customer owes and credits revenue, shipping and tax by tax code and country; a credit
    note the other way round. A payment debits the bank and credits the customer's account; where it is applied it
    leaves the account for what he owes.

    Args:
        invoices: Invoice rows to book, whole documents.
        invoice_lines: InvoiceLine rows of these documents.
        payments: payment_id, customer_id, amount, currency, received_on of payments to book.
        applied: PaymentApplied rows to book, with customer_id.
        accounts: Account rows; of those that fit an entry the one with the fewest empty cells gives the account.

    Returns:
        JournalEntry rows, ordered by their key; a document that comes to nothing has none.
    """
    booked = pl.concat([_documents(invoices, invoice_lines), _payments(payments), _applications(applied)]).filter(
        pl.col("amount") != 0
    )
    place = pl.col("entry").replace_strict({entry: place for place, entry in enumerate(ENTRIES)}, return_dtype=pl.Int64)
    schema = polars_schema(JournalEntry)
    return (
        booked.join(_chosen(booked.select(BOOKED).unique(), accounts), on=BOOKED, nulls_equal=True, validate="m:1")
        .sort("document_id", place, "tax_code", "country", nulls_last=False)
        .with_columns(
            entry_no=pl.int_range(1, pl.len() + 1).over("document_id"),
            debit_amount=pl.col("amount").clip(0),
            credit_amount=(-pl.col("amount")).clip(0),
        )
        .select(schema.names())
        .cast(schema)
        .sort("document_id", "entry_no")
    )


def _documents(invoices: pl.DataFrame, invoice_lines: pl.DataFrame) -> pl.DataFrame:
    """Debit (positive) and credit of invoices and credit notes."""
    sign = pl.when(pl.col("kind") == "invoice").then(1).otherwise(-1).cast(pl.Decimal(38, 0))
    heads = invoices.select(
        "customer_id",
        "currency",
        "gross_amount",
        document_id="invoice_number",
        source="kind",
        booked_on="issued_on",
        sign=sign,
    )
    lines = invoice_lines.select(
        "tax_code",
        pl.col("net_amount", "tax_amount").cast(money.SUM),
        document_id="invoice_number",
        country="tax_country",
        entry=pl.when(pl.col("order_line_no").is_null()).then(pl.lit("shipping")).otherwise(pl.lit("revenue")),
    ).join(heads, on="document_id", validate="m:1")
    sold = lines.group_by(*DOCUMENT, *BOOKED).agg(amount=(-pl.col("sign") * pl.col("net_amount")).sum())
    taxed = (
        lines.with_columns(entry=pl.lit("tax"))
        .group_by(*DOCUMENT, *BOOKED)
        .agg(amount=(-pl.col("sign") * pl.col("tax_amount")).sum())
    )
    none = pl.lit(None, pl.String)
    owed = heads.with_columns(
        entry=pl.lit("receivable"), tax_code=none, country=none, amount=pl.col("sign") * pl.col("gross_amount")
    )
    columns = [*DOCUMENT, *BOOKED, pl.col("amount").cast(money.SUM)]
    return pl.concat([each.select(columns) for each in (owed, sold, taxed)])


def _payments(payments: pl.DataFrame) -> pl.DataFrame:
    booked = payments.with_columns(
        document_id="payment_id",
        booked_on="received_on",
        source=pl.lit("payment"),
        amount=pl.col("amount").cast(money.SUM),
    )
    return _moved(booked, "bank", "on_account")


def _applications(applied: pl.DataFrame) -> pl.DataFrame:
    booked = applied.with_columns(
        document_id=pl.format("{}>{}#{}", "payment_id", "invoice_number", "entry_no"),
        booked_on="applied_on",
        source=pl.lit("application"),
    )
    return _moved(booked, "on_account", "receivable")


def _moved(booked: pl.DataFrame, debited: str, credited: str) -> pl.DataFrame:
    """One amount from one entry to another."""
    none = pl.lit(None, pl.String)
    sides = [(debited, pl.col("amount")), (credited, -pl.col("amount"))]
    return pl.concat(
        [
            booked.with_columns(entry=pl.lit(entry), tax_code=none, country=none, amount=amount).select(
                *DOCUMENT, *BOOKED, "amount"
            )
            for entry, amount in sides
        ]
    )


def _chosen(asked: pl.DataFrame, accounts: pl.DataFrame) -> pl.DataFrame:
    """The account of each entry, tax code and country; none where no row fits."""
    fits = pl.all_horizontal(
        pl.col(f"{name}_given").is_null() | pl.col(f"{name}_given").eq_missing(pl.col(name))
        for name in ("tax_code", "country")
    )
    given = accounts.rename({"tax_code": "tax_code_given", "country": "country_given"})
    fitting = (
        asked.join(given, on="entry", how="left")
        .with_columns(account=pl.when(fits).then("account"))
        .with_columns(
            rank=pl.when(pl.col("account").is_null())
            .then(0)
            .otherwise(1 + 2 * pl.col("tax_code_given").is_not_null() + pl.col("country_given").is_not_null())
        )
    )
    return (
        fitting.sort(*BOOKED, "rank", "account", descending=[False, False, False, True, False])
        .unique(BOOKED, keep="first", maintain_order=True)
        .select(*BOOKED, "account")
    )


def unbalanced(entries: pl.DataFrame) -> pl.DataFrame:
    """Find documents whose debit is not their credit.

    Args:
        entries: JournalEntry rows of whole documents.

    Returns:
        document_id, currency, debit_amount, credit_amount; empty where all is well.
    """
    return (
        entries.group_by("document_id", "currency")
        .agg(pl.col("debit_amount", "credit_amount").sum())
        .filter(pl.col("debit_amount") != pl.col("credit_amount"))
        .sort("document_id", "currency")
    )
