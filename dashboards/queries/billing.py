"""What was billed, paid, owed and booked: amounts of one currency, or in the reporting currency, never a sum over several."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import polars as pl

from dashboards.queries import ROWS_DOWNLOADED, ROWS_SHOWN, Scope, period, read
from models.rules import billing_figures, billing_tax, money, receivables
from models.tables.base import polars_schema
from models.tables.billing import Invoice, InvoiceLine, PaymentApplied

SUM = "DECIMAL(38, 4)"
AMOUNTS = ("invoiced_amount", "credited_amount", "collected_amount", "outstanding_amount")


# Currencies


def currencies(scope: Scope) -> list[str]:
    """The currencies of everything billed, paid or owed, that of the most documents first."""
    return read(
        scope,
        """SELECT currency FROM (
               SELECT currency, sum(invoices + credit_notes) AS weight FROM daily_billing GROUP BY 1
               UNION ALL SELECT currency, 0 FROM payments_on_account)
           GROUP BY 1 ORDER BY sum(weight) DESC, 1""",
    )["currency"].to_list()


def converted(scope: Scope, rows: pl.DataFrame, reporting: str, *amounts: str) -> pl.DataFrame:
    """Put amounts in the reporting currency beside those of each row, `_r`, at the rate of the night; none where there is none."""
    quoted = read(
        scope,
        "SELECT currency, arg_max(rate, quoted_on) AS rate FROM exchange_rates WHERE quoted_on <= $as_of AND currency <> $reporting"
        " GROUP BY 1 UNION ALL SELECT $reporting, 1 ORDER BY 1",
        as_of=scope.as_of,
        reporting=reporting,
    )
    return (
        rows.join(quoted, on="currency", how="left", validate="m:1", maintain_order="left")
        .with_columns(money.converted(pl.col(name), pl.col("rate"), reporting).alias(f"{name}_r") for name in amounts)
        .drop("rate")
    )


def shown(scope: Scope, rows: pl.DataFrame, only: str | None, reporting: str, *amounts: str) -> pl.DataFrame:
    """Rows with `amounts` in the one currency they are looked at in: those of `only`, else all in the reporting currency."""
    if only is not None:
        return rows.filter(pl.col("currency") == only)
    return converted(scope, rows, reporting, *amounts).with_columns(pl.col(f"{name}_r").alias(name) for name in amounts)


# The night


def tonight(scope: Scope) -> pl.DataFrame:
    """What the night issued beside the nights before, by kind and currency: rows of `billing_figures.compared`."""
    issued = read(
        scope,
        f"""
        SELECT day, currency, 'invoice' AS kind, invoices AS documents, invoiced_amount::{SUM} AS amount
        FROM daily_billing WHERE day >= $first AND invoices > 0
        UNION ALL SELECT day, currency, 'credit_note', credit_notes, credited_amount::{SUM}
        FROM daily_billing WHERE day >= $first AND credit_notes > 0
        ORDER BY 1, 2, 3
        """,
        first=scope.as_of - timedelta(days=billing_figures.RECENT_NIGHTS),
    )
    return billing_figures.compared(issued, scope.as_of)


def days(scope: Scope, only: str | None, *, but: str = "") -> pl.DataFrame:
    """What was invoiced, credited, collected and open, every day from the first document on.

    Args:
        only: a currency; none = all of them in the reporting currency, those without a rate left out.
        but: a query of the currencies that are left out.
    """
    ending, condition = ("", "WHERE currency = $only") if only is not None else ("_r", "")
    condition = f"WHERE currency NOT IN ({but})" if but else condition
    sums = ", ".join(f"coalesce(sum({name}{ending}), 0)::{SUM} AS {name}" for name in AMOUNTS)
    return read(
        scope,
        f"SELECT day, sum(invoices)::BIGINT AS invoices, sum(credit_notes)::BIGINT AS credit_notes, {sums}"
        f" FROM daily_billing {condition} GROUP BY day ORDER BY day",
        only=only,
    )


def sales_days(scope: Scope, only: str | None) -> pl.DataFrame:
    """Days sales outstanding of each day; a currency that was billed without an exchange rate is on neither side of it."""
    unrated = "SELECT currency FROM daily_billing WHERE outstanding_amount_r IS NULL AND invoices + credit_notes > 0"
    return billing_figures.days_sales_outstanding(days(scope, only, but="" if only is not None else unrated))


def without_rate(scope: Scope) -> pl.DataFrame:
    """What of the period is in no amount in the reporting currency, by currency; and what is open of it now."""
    return read(
        scope,
        f"""
        SELECT currency, count(*) AS days, sum(invoices)::BIGINT AS invoices, sum(invoiced_amount)::{SUM} AS invoiced_amount,
               sum(credited_amount)::{SUM} AS credited_amount, sum(collected_amount)::{SUM} AS collected_amount,
               max(now.outstanding_amount)::{SUM} AS outstanding_amount
        FROM daily_billing d LEFT JOIN (
            SELECT currency, outstanding_amount FROM daily_billing WHERE day = $as_of) now USING (currency)
        WHERE outstanding_amount_r IS NULL AND day BETWEEN $start AND $end GROUP BY 1 ORDER BY 1
        """,
        **period(scope),
        as_of=scope.as_of,
    )


def payments_told(scope: Scope) -> int:
    """How many payments any feed ever told."""
    return int(read(scope, "SELECT count(*) AS payments FROM payments")["payments"][0])


def exceptions(scope: Scope, reporting: str) -> pl.DataFrame:
    """Orders that should be billed and could not be, the most money first; `since` is the first kept night it was so."""
    found = read(
        scope,
        f"""
        WITH now AS (SELECT * FROM billing_exceptions WHERE as_of = $as_of),
             first AS (SELECT order_id, reason, min(as_of) AS since FROM billing_exceptions
                       WHERE as_of <= $as_of GROUP BY ALL)
        SELECT order_id, reason, sentence, since, channel, ordered_on, customer_id, goods_amount::{SUM} AS goods_amount, currency
        FROM now JOIN first USING (order_id, reason) LEFT JOIN orders USING (order_id)
        ORDER BY order_id, reason LIMIT {ROWS_DOWNLOADED}
        """,
        as_of=scope.as_of,
    )
    return (
        converted(scope, found, reporting, "goods_amount")
        .sort("goods_amount_r", "order_id", descending=[True, False], nulls_last=True)
        .drop("goods_amount_r")
    )


# What is open


def ageing(scope: Scope) -> pl.DataFrame:
    """What is open by currency and age: currency, bucket, invoices, open_amount."""
    return read(
        scope,
        f"""SELECT currency, bucket, count(*) AS invoices, sum(open_amount)::{SUM} AS open_amount
            FROM receivables WHERE as_of = $as_of GROUP BY ALL ORDER BY ALL""",
        as_of=scope.as_of,
    )


def debtors(scope: Scope, only: str | None, reporting: str) -> pl.DataFrame:
    """Who owes how much and since when, the most money overdue first; exposure beside the credit limit.

    The limit is in the reporting currency and compared with what is lent in all currencies, as far as their rates are known.
    """
    owed = read(
        scope,
        f"""
        WITH open AS (SELECT * FROM receivables WHERE as_of = $as_of),
             sent AS (SELECT invoice_number, count(*) AS reminders, max(as_of) AS reminded_on FROM reminders GROUP BY 1)
        SELECT coalesce(open.customer_id, '') AS customer_id, open.currency AS currency, count(*) AS invoices,
               sum(open_amount)::{SUM} AS open_amount,
               coalesce(sum(open_amount) FILTER (days_overdue > 0), 0)::{SUM} AS overdue_amount,
               max(days_overdue) AS days_overdue, coalesce(sum(reminders), 0)::BIGINT AS reminders,
               max(reminded_on) AS reminded_on, arg_min(buyer_name, open.due_on) AS buyer_name
        FROM open LEFT JOIN sent USING (invoice_number) LEFT JOIN invoices USING (invoice_number)
        GROUP BY ALL ORDER BY 1, 2
        """,
        as_of=scope.as_of,
    )
    lent = read(
        scope,
        f"""SELECT customer_id, currency, exposure_amount::{SUM} AS exposure_amount,
                   credit_limit::{SUM} AS credit_limit, name
            FROM customer_exposure LEFT JOIN customers USING (customer_id) ORDER BY 1, 2""",
    )
    exposure = (
        converted(scope, lent, reporting, "exposure_amount")
        .with_columns(
            shown_amount=pl.col("exposure_amount")
            .filter(pl.col("currency") == (only or reporting))
            .first()
            .over("customer_id")
        )
        .group_by("customer_id")
        .agg(
            pl.col("name", "credit_limit").first(),
            exposure_amount=pl.col("shown_amount").first()
            if only is not None
            else pl.when(pl.col("exposure_amount_r").is_not_null().any()).then(pl.col("exposure_amount_r").sum()),
            is_over=pl.col("exposure_amount_r").sum() > pl.col("credit_limit").first(),
        )
    )
    rows = shown(scope, owed, only, reporting, "open_amount", "overdue_amount").join(
        exposure, on="customer_id", how="left", validate="m:1", maintain_order="left"
    )
    return (
        rows.filter(pl.col("open_amount").is_not_null())
        .group_by("customer_id", maintain_order=True)
        .agg(
            pl.coalesce("name", "buyer_name").drop_nulls().first().alias("name"),
            pl.col("open_amount", "overdue_amount").sum(),
            pl.col("days_overdue").max(),
            pl.col("invoices", "reminders").sum(),
            pl.col("exposure_amount").first(),
            pl.col("credit_limit").first(),
            pl.col("is_over").any(),
            pl.col("reminded_on").max(),
        )
        .sort("overdue_amount", "open_amount", "customer_id", descending=[True, True, False])
        .select("name", "customer_id", pl.exclude("name", "customer_id"))
    )


def open_invoices(scope: Scope, customer_id: str, only: str | None) -> pl.DataFrame:
    """The open invoices of a customer, or of nobody known, the oldest first."""
    condition = "AND receivables.currency = $only" if only is not None else ""
    return read(
        scope,
        f"""
        SELECT invoice_number, order_id, due_on, days_overdue, open_amount::{SUM} AS open_amount, currency,
               coalesce(reminders, 0)::BIGINT AS reminders, reminded_on
        FROM receivables
        LEFT JOIN (SELECT invoice_number, count(*) AS reminders, max(as_of) AS reminded_on FROM reminders GROUP BY 1)
            USING (invoice_number)
        WHERE as_of = $as_of AND coalesce(customer_id, '') = $customer_id {condition} ORDER BY due_on, invoice_number
        """,
        as_of=scope.as_of,
        customer_id=customer_id,
        only=only,
    )


# What is owed back, and on account


def owed_back(scope: Scope) -> pl.DataFrame:
    """Money that is owed back, the longest first, with what became of its order."""
    return read(
        scope,
        f"""
        SELECT payment_id, order_id, refunds_due.customer_id AS customer_id, name, amount::{SUM} AS amount,
               refunds_due.currency AS currency, since, status, billing, payments.method AS method,
               payments.received_on AS received_on
        FROM refunds_due LEFT JOIN customers USING (customer_id) LEFT JOIN orders USING (order_id)
        LEFT JOIN (SELECT payment_id, any_value(method) AS method, min(received_on) AS received_on FROM payments GROUP BY 1)
            AS payments USING (payment_id)
        ORDER BY since, payment_id LIMIT {ROWS_DOWNLOADED}
        """,
    )


def on_account(scope: Scope) -> pl.DataFrame:
    """What of payments pays nothing and is not owed back, the oldest first; `is_stuck`: its order could not be billed."""
    return read(
        scope,
        f"""
        SELECT payment_id, reason, amount::{SUM} AS amount, currency, received_on, order_id, invoice_number, customer_id, name,
               order_id IS NOT NULL AND order_id IN (SELECT order_id FROM billing_exceptions WHERE as_of = $as_of) AS is_stuck
        FROM payments_on_account LEFT JOIN customers USING (customer_id) WHERE reason <> 'overpaid'
        ORDER BY received_on, payment_id LIMIT {ROWS_DOWNLOADED}
        """,
        as_of=scope.as_of,
    )


# Documents


def documents(scope: Scope, only: str | None, *, limit: int = ROWS_SHOWN) -> pl.DataFrame:
    """The documents issued in the period, the newest first, with what is open of each invoice."""
    condition = "AND invoices.currency = $only" if only is not None else ""
    return read(
        scope,
        f"""
        SELECT invoice_number, kind, issued_on, invoices.order_id AS order_id, buyer_name, net_amount, tax_amount, gross_amount,
               CASE WHEN kind = 'invoice' THEN coalesce(open_amount, 0)::{SUM} END AS open_amount,
               invoices.currency AS currency, invoices.due_on AS due_on, credits_invoice_number
        FROM invoices LEFT JOIN (SELECT * FROM receivables WHERE as_of = $as_of) AS open USING (invoice_number)
        WHERE issued_on BETWEEN $start AND $end {condition}
        ORDER BY issued_on DESC, series DESC, sequence DESC LIMIT {limit}
        """,
        **period(scope),
        as_of=scope.as_of,
        only=only,
    )


def issued(scope: Scope, only: str | None) -> int:
    """How many documents were issued in the period."""
    condition = "AND currency = $only" if only is not None else ""
    found = read(
        scope,
        f"SELECT count(*) AS documents FROM invoices WHERE issued_on BETWEEN $start AND $end {condition}",
        **period(scope),
        only=only,
    )
    return int(found["documents"][0])


def found(scope: Scope, wanted: str) -> list[str]:
    """The documents of this number, else those of this order, invoices first."""
    return read(
        scope,
        """
        WITH named AS (SELECT invoice_number FROM invoices WHERE lower(invoice_number) = lower($wanted)),
             of_order AS (SELECT DISTINCT invoice_number FROM invoice_lines WHERE lower(order_id) = lower($wanted))
        SELECT invoice_number FROM invoices
        WHERE invoice_number IN (FROM named)
              OR (invoice_number IN (FROM of_order) AND (SELECT count(*) FROM named) = 0)
        ORDER BY kind DESC, issued_on, sequence LIMIT 100
        """,
        wanted=wanted,
    )["invoice_number"].to_list()


def order(scope: Scope, wanted: str) -> dict[str, Any] | None:
    """An order, and why it is not billed, if the night said so."""
    rows = read(
        scope,
        """
        SELECT order_id, status, is_history,
               (SELECT min(sentence) FROM billing_exceptions e WHERE e.order_id = orders.order_id AND e.as_of = $as_of) AS sentence
        FROM orders WHERE lower(order_id) = lower($wanted) LIMIT 1
        """,
        as_of=scope.as_of,
        wanted=wanted,
    )
    return rows.row(0, named=True) if rows.height else None


def together(scope: Scope, number: str) -> pl.DataFrame:
    """An invoice with its credit notes: Invoice rows, whichever of them is named."""
    rows = read(
        scope,
        """
        WITH named AS (SELECT coalesce(credits_invoice_number, invoice_number) AS invoice_number FROM invoices
                       WHERE invoice_number = $number)
        SELECT * FROM invoices WHERE coalesce(credits_invoice_number, invoice_number) IN (FROM named)
        ORDER BY kind DESC, issued_on, sequence
        """,
        number=number,
    )
    return rows.cast(polars_schema(Invoice))


def lines(scope: Scope, number: str) -> pl.DataFrame:
    """The lines of one document: InvoiceLine rows."""
    rows = read(scope, "SELECT * FROM invoice_lines WHERE invoice_number = $number ORDER BY line_no", number=number)
    return rows.cast(polars_schema(InvoiceLine))


def tax(document_lines: pl.DataFrame) -> pl.DataFrame:
    """The tax table of one document."""
    return billing_tax.breakdown(document_lines).drop("invoice_number")


def applied(scope: Scope, number: str) -> pl.DataFrame:
    """What payments paid of an invoice, change by change: PaymentApplied rows with how and when it was paid."""
    return read(
        scope,
        f"""
        SELECT applied_on, payment_id, amount::{SUM} AS amount, payments_applied.currency AS currency, entry_no,
               invoice_number, received_on, method
        FROM payments_applied
        LEFT JOIN (SELECT payment_id, min(received_on) AS received_on, any_value(method) AS method FROM payments GROUP BY 1)
            AS payments USING (payment_id)
        WHERE invoice_number = $number ORDER BY applied_on, payment_id, entry_no
        """,
        number=number,
    )


def balance(documents: pl.DataFrame, paid: pl.DataFrame) -> dict[str, Any]:
    """What was billed, credited and paid of one invoice, and what is open of it: a row of `receivables.balances`."""
    schema = polars_schema(PaymentApplied)
    return receivables.balances(documents, paid.select(schema.names()).cast(schema)).row(0, named=True)


def account_of(scope: Scope, numbers: Sequence[str], order_ids: Sequence[str]) -> pl.DataFrame:
    """What is on account for these documents and orders."""
    return read(
        scope,
        f"""SELECT payment_id, reason, amount::{SUM} AS amount, currency, received_on FROM payments_on_account
            WHERE list_contains($numbers, invoice_number) OR list_contains($orders, order_id) ORDER BY received_on, payment_id""",
        numbers=tuple(numbers),
        orders=tuple(order_ids),
    )


def reminders(scope: Scope, number: str) -> pl.DataFrame:
    """The reminders sent for an invoice."""
    return read(
        scope,
        """SELECT level, as_of, open_amount, days_overdue, fee, currency FROM reminders
           WHERE invoice_number = $number ORDER BY level""",
        number=number,
    )


# Bookkeeping


def booked(scope: Scope, first: date | None, last: date | None) -> tuple[pl.DataFrame, int]:
    """What these nights booked, by account and currency, and how many entries that are; no bounds = every night."""
    condition, values = _nights(first, last)
    found = read(
        scope,
        f"""
        SELECT account, string_agg(DISTINCT entry, ', ' ORDER BY entry) AS entry, currency, count(*) AS entries,
               sum(debit_amount)::{SUM} AS debit_amount, sum(credit_amount)::{SUM} AS credit_amount,
               (sum(debit_amount) - sum(credit_amount))::{SUM} AS balance
        FROM journal_entries {condition} GROUP BY account, currency ORDER BY currency, account NULLS FIRST
        """,
        **values,
    )
    return found, int(found["entries"].sum())


def journal(scope: Scope, first: date | None, last: date | None) -> pl.DataFrame:
    """What these nights booked, every entry: JournalEntry rows."""
    condition, values = _nights(first, last)
    return read(scope, f"SELECT * FROM journal_entries {condition} ORDER BY booked_on, document_id, entry_no", **values)


def _nights(first: date | None, last: date | None) -> tuple[str, dict[str, Any]]:
    return ("WHERE as_of BETWEEN $first AND $last", {"first": first, "last": last}) if first and last else ("", {})
