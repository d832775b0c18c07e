"""Bookkeeping: invoices, credit notes and payments as entries whose debit is their credit.

What is booked is never changed: a payment that was voided, or came again corrected, is a further document of its own.
"""

from datetime import date

import polars as pl

from models.rules import money
from models.tables.base import empty, polars_schema
from models.tables.billing import ENTRIES, JournalEntry, PaymentApplied

BOOKED = ["entry", "tax_code", "country"]
NOTHING = pl.DataFrame(
    schema={
        "payment_id": pl.String,
        "customer_id": pl.String,
        "currency": pl.String,
        "amount": money.SUM,
        "booked_on": pl.Date,
        "change_no": pl.Int64,
    }
)
"""No payment to book."""
NOT_APPLIED = empty(PaymentApplied).with_columns(customer_id=pl.lit(None, pl.String), debtor_id=pl.lit(None, pl.String))
"""Nothing that a payment pays."""
NONE_HANDED_OVER = pl.DataFrame(
    schema={
        "payment_id": pl.String,
        "from_customer_id": pl.String,
        "customer_id": pl.String,
        "currency": pl.String,
        "amount": money.SUM,
        "change_no": pl.Int64,
    }
)
"""Nothing on the account of another customer."""
DOCUMENT = ["document_id", "source", "booked_on", "customer_id", "payment_id", "currency"]


def journal_entries(
    invoices: pl.DataFrame,
    invoice_lines: pl.DataFrame,
    payments: pl.DataFrame,
    applied: pl.DataFrame,
    handed_over: pl.DataFrame,
    accounts: pl.DataFrame,
    as_of: date,
) -> pl.DataFrame:
    """Book what was issued, paid and applied.

    An invoice debits what the customer owes and credits revenue, shipping and tax by tax code and country; a credit
    note the other way round. A payment debits the bank and credits the customer's account; where it is applied it
    leaves the account for what he owes.

    Args:
        invoices: Invoice rows to book, whole documents.
        invoice_lines: InvoiceLine rows of these documents.
        payments: rows of `changed`: what of payments is not booked yet.
        applied: PaymentApplied rows to book, with customer_id of the payment and debtor_id, the invoice's customer.
        handed_over: rows of `handed_over`.
        accounts: Account rows; of those that fit an entry the one with the fewest empty cells gives the account.
        as_of: the night that books.

    Returns:
        JournalEntry rows, ordered by their key; a document that comes to nothing has none.
    """
    booked = pl.concat(
        [
            _documents(invoices, invoice_lines),
            _payments(payments),
            _applications(applied),
            _handed_over(handed_over, as_of),
        ]
    ).filter(pl.col("amount") != 0)
    place = pl.col("entry").replace_strict({entry: place for place, entry in enumerate(ENTRIES)}, return_dtype=pl.Int64)
    schema = polars_schema(JournalEntry)
    return (
        booked.join(_chosen(booked.select(BOOKED).unique(), accounts), on=BOOKED, nulls_equal=True, validate="m:1")
        .sort("document_id", place, "tax_code", "country", "customer_id", nulls_last=False)
        .with_columns(
            as_of=pl.lit(as_of),
            entry_no=pl.int_range(1, pl.len() + 1).over("document_id"),
            debit_amount=pl.col("amount").clip(0),
            credit_amount=(-pl.col("amount")).clip(0),
        )
        .select(schema.names())
        .cast(schema)
        .sort("document_id", "entry_no")
    )


def changed(payments: pl.DataFrame, booked: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Say what of payments is not booked yet, or has to be taken back since they were voided or came again corrected.

    Args:
        payments: payment_id, customer_id, amount, currency, received_on, is_voided.
        booked: payment_id, currency, amount, changes (how often it was booked) of what the bank was debited for them.
        as_of: the night; a later change of a payment counts from it.

    Returns:
        payment_id, customer_id, currency, amount, booked_on, change_no; ordered by payment, then currency.
    """
    key = ["payment_id", "currency"]
    now = payments.filter(~pl.col("is_voided")).select(*key, now_amount=pl.col("amount").cast(money.SUM))
    told = payments.select("payment_id", "customer_id", "received_on")
    before = booked.group_by("payment_id").agg(changes=pl.col("changes").sum())
    return (
        now.join(booked.drop("changes"), on=key, how="full", coalesce=True, validate="1:1")
        .with_columns(amount=pl.col("now_amount").fill_null(0) - pl.col("amount").fill_null(0))
        .filter(pl.col("amount") != 0)
        .join(told, on="payment_id", how="left", validate="m:1")
        .join(before, on="payment_id", how="left", validate="m:1")
        .sort(key)
        .select(
            "payment_id",
            "customer_id",
            "currency",
            "amount",
            booked_on=pl.when(pl.col("changes").is_null()).then("received_on").otherwise(pl.lit(as_of)),
            change_no=pl.col("changes").fill_null(0) + pl.int_range(1, pl.len() + 1).over("payment_id"),
        )
    )


def handed_over(accounts: pl.DataFrame, payments: pl.DataFrame, booked: pl.DataFrame) -> pl.DataFrame:
    """Say what stands on the account of another customer than the one a payment belongs to, since that became known later.

    Args:
        accounts: payment_id, currency, customer_id, amount: what stands on account by the books, tonight's entries among them.
        payments: payment_id, customer_id: to whom each belongs now.
        booked: payment_id of each document that booked a payment, tonight's among them.

    Returns:
        payment_id, from_customer_id, customer_id, currency, amount, change_no; ordered by payment, currency and customer.
    """
    changes = booked.group_by("payment_id").agg(changes=pl.len().cast(pl.Int64))
    return (
        accounts.rename({"customer_id": "from_customer_id"})
        .join(payments.select("payment_id", "customer_id"), on="payment_id", validate="m:1")
        .filter((pl.col("amount") != 0) & pl.col("from_customer_id").ne_missing(pl.col("customer_id")))
        .join(changes, on="payment_id", how="left", validate="m:1")
        .sort("payment_id", "currency", "from_customer_id")
        .select(
            "payment_id",
            "from_customer_id",
            "customer_id",
            "currency",
            "amount",
            change_no=pl.col("changes").fill_null(0) + pl.int_range(1, pl.len() + 1).over("payment_id"),
        )
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
        payment_id=pl.lit(None, pl.String),
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
        document_id=pl.format("{}#{}", "payment_id", "change_no"),
        source=pl.lit("payment"),
        amount=pl.col("amount").cast(money.SUM),
    )
    return _moved(booked, ("bank", "customer_id"), ("on_account", "customer_id"))


def _applications(applied: pl.DataFrame) -> pl.DataFrame:
    booked = applied.with_columns(
        document_id=pl.format("{}>{}#{}", "payment_id", "invoice_number", "entry_no"),
        booked_on="applied_on",
        source=pl.lit("application"),
    )
    return _moved(booked, ("on_account", "customer_id"), ("receivable", "debtor_id"))


def _handed_over(handed_over: pl.DataFrame, as_of: date) -> pl.DataFrame:
    booked = handed_over.with_columns(
        document_id=pl.format("{}#{}", "payment_id", "change_no"),
        booked_on=pl.lit(as_of),
        source=pl.lit("payment"),
        amount=pl.col("amount").cast(money.SUM),
    )
    return _moved(booked, ("on_account", "from_customer_id"), ("on_account", "customer_id"))


def _moved(booked: pl.DataFrame, debited: tuple[str, str], credited: tuple[str, str]) -> pl.DataFrame:
    """One amount from one entry and its customer to another."""
    none = pl.lit(None, pl.String)
    sides = [(*debited, pl.col("amount")), (*credited, -pl.col("amount"))]
    return pl.concat(
        [
            booked.with_columns(
                entry=pl.lit(entry), customer_id=pl.col(customer), tax_code=none, country=none, amount=amount
            ).select(*DOCUMENT, *BOOKED, "amount")
            for entry, customer, amount in sides
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
