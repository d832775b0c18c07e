"""Billing: what is due is invoiced or credited once, what was paid meets it, and what is overdue is reminded of."""

from dataclasses import dataclass

import polars as pl

from models.rules import billing as rules
from models.rules import billing_coverage, billing_figures, bookkeeping, numbering, receivables
from models.rules.billing_policies import Policies, month_to_bill
from models.rules.billing_units import positions, with_gone
from models.rules.calendar import business_date
from models.tables.base import empty, validated
from models.tables.billing import (
    BillingException,
    BillingGap,
    CustomerExposure,
    DailyBilling,
    Invoice,
    InvoiceLine,
    JournalEntry,
    PaymentApplied,
    PaymentOnAccount,
    Receivable,
    RefundDue,
    Reminder,
)
from models.tables.lifecycle import Order, OrderLine
from pipelines.stages.buckets import ahead
from pipelines.stages.night import BUCKET, Night
from pipelines.warehouse import billing

COINS = 2
"""So many of the smallest coins each unit credited may be off, since a credit note shares its invoice line."""


def billed(night: Night) -> int:
    """Issue the documents of the night, let payments meet them, remind of what is overdue, and book it all."""
    written = _read_back(night) if night.issued is not None else 0
    written += _documents(night)
    billing.find_due(night.warehouse, night.as_of, night.since, everything=night.is_new("billing"))
    written += _payments(night)
    written += _reminders(night)
    written += night.put(CustomerExposure, _exposure(night), "true")
    written += night.put(DailyBilling, _daily(night), "true")
    night.note_done("billing")
    return written


def _read_back(night: Night) -> int:
    """In a rebuild: what this night issued when it ran first."""
    assert night.issued is not None
    ledgers = (Invoice, InvoiceLine, PaymentApplied, Reminder, JournalEntry)
    return sum(night.warehouse.append_new(table, validated(table, night.issued[table])) for table in ledgers)


def policies(night: Night) -> Policies:
    """How the shop bills tonight."""
    settings, warehouse = night.settings.billing, night.warehouse
    acted_before = billing.acted_before(warehouse, night.as_of)
    return Policies(
        issued_on=night.as_of,
        prices_include_tax=settings.prices_include_tax,
        tax_rounding=settings.tax_rounding,
        default_tax_code=settings.default_tax_code,
        shipping_tax_code=settings.shipping_tax_code,
        country=night.settings.company.country,
        consolidated_customers=tuple(settings.consolidated_customers),
        month_ends_on=month_to_bill(night.as_of, acted_before),
        overdue_orders=billing.refused_on(warehouse, acted_before),
    )


def _documents(night: Night) -> int:
    """Draft, number and chain what is due, bucket by bucket in the order of the numbers; a missed night issues nothing."""
    policy = policies(night)
    withdrawn = _withdrawn(night)
    products = night.rows("products", "sku", "name", "tax_code")
    night.put(BillingException, empty(BillingException), f"as_of = DATE '{night.as_of}'")
    night.put(BillingGap, empty(BillingGap), f"as_of = DATE '{night.as_of}'")
    buckets = billing.find_orders(
        night.warehouse,
        night.as_of,
        withdrawn=withdrawn,
        monthly_customers=policy.consolidated_customers,
        consolidates=policy.month_ends_on is not None and night.acts,
        bucket_size=BUCKET,
    )
    hashes = dict(billing.tips(night.warehouse).select("kind", "content_hash").iter_rows())
    ends = numbering.Ends(billing.last_documents(night.warehouse), hashes)
    with night.warehouse.gathered():
        return sum(
            _bucket(night, known, products, policy, withdrawn, ends)
            for _, known in ahead(buckets, lambda bucket: _known(night, bucket))
        )


def _withdrawn(night: Night) -> list[str]:
    """The invoices of earlier nights that people decided to credit and bill anew: tonight's cannot have been seen yet."""
    decisions = night.rows("decisions", "subject", "subject_id", "action")
    asked = (pl.col("subject") == "invoice") & pl.col("action").is_in(["credit", "void"])
    return billing.issued_before(night.warehouse, night.as_of, decisions.filter(asked)["subject_id"].to_list())


@dataclass(frozen=True)
class _Known:
    """One bucket of orders: they, their lines and customers, and the documents that bill them."""

    orders: pl.DataFrame
    lines: pl.DataFrame
    customers: pl.DataFrame
    invoices: pl.DataFrame
    invoice_lines: pl.DataFrame


def _known(night: Night, bucket: int) -> _Known:
    """What a bucket needs; in a night that acts with the orders and lines that were invoiced and are no more."""
    warehouse, theirs = night.warehouse, billing.within(bucket)
    orders, lines = warehouse.table(Order, theirs), warehouse.table(OrderLine, theirs)
    stored = billing.lines_of(warehouse, bucket)
    invoices = billing.invoices_of(warehouse, stored)
    if night.acts:
        orders, lines = with_gone(orders, lines, invoices, stored)
    customers = night.customers_of(orders, "customer_id", *rules.CUSTOMER)
    return _Known(orders, lines, customers, invoices, stored)


def _bucket(
    night: Night,
    known: _Known,
    products: pl.DataFrame,
    policy: Policies,
    withdrawn: list[str],
    ends: numbering.Ends,
) -> int:
    """One bucket of orders: its documents, what it shows of them, and what is left."""
    warehouse, orders, lines = night.warehouse, known.orders, known.lines
    stored, invoices = known.invoice_lines, known.invoices
    units = billing_coverage.billed_units(stored)
    written = 0
    if night.acts:
        drafts = rules.drafts(
            orders,
            lines,
            products,
            known.customers,
            night.channels,
            night.rules["tax_rates"],
            known.invoices,
            stored,
            policy,
            withdrawn,
        )
        written += warehouse.append(BillingException, validated(BillingException, drafts.exceptions))
        if night.issued is None and drafts.documents.height:
            issued = _issued(night, drafts, ends)
            written += warehouse.append(Invoice, validated(Invoice, issued.invoices))
            written += warehouse.append(InvoiceLine, validated(InvoiceLine, issued.invoice_lines))
            written += _booked(night, issued.invoices, issued.invoice_lines)
            stored, invoices = pl.concat([stored, issued.invoice_lines]), pl.concat([invoices, issued.invoices])
            units = billing_coverage.billed_units(stored)
        written += _proven(night, orders, lines, stored, invoices, policy, withdrawn)
    billing.note_billed(warehouse, units, billing_coverage.billing_axis(orders, lines, units))
    return written


def _issued(night: Night, drafts: rules.Drafts, ends: numbering.Ends) -> numbering.Issued:
    """Documents get their numbers last, each the next of its series and bound to the one before; `ends` moves on."""
    settings = night.settings.billing
    numbers = numbering.numbered(
        drafts.documents,
        ends.documents,
        night.as_of,
        invoice_series=settings.invoice_series,
        credit_series=settings.credit_series,
        first_number=settings.first_number,
        width=settings.number_width,
    )
    issued = numbering.chained(numbers, drafts.documents, drafts.lines, ends.hashes)
    ends.move(issued.invoices)
    return issued


def _proven(
    night: Night,
    orders: pl.DataFrame,
    lines: pl.DataFrame,
    invoice_lines: pl.DataFrame,
    invoices: pl.DataFrame,
    policy: Policies,
    withdrawn: list[str],
) -> int:
    """Note the lines of which units or money are nowhere; there are none."""
    counted = positions(orders, lines, invoice_lines, invoices, night.channels, policy, withdrawn)
    gaps = billing_coverage.gaps(billing_coverage.coverage(counted), COINS, night.as_of)
    return night.warehouse.append(BillingGap, validated(BillingGap, gaps))


def _booked(
    night: Night,
    invoices: pl.DataFrame,
    invoice_lines: pl.DataFrame,
    payments: pl.DataFrame = bookkeeping.NOTHING,
    applied: pl.DataFrame = bookkeeping.NOT_APPLIED,
    handed_over: pl.DataFrame = bookkeeping.NONE_HANDED_OVER,
) -> int:
    """Book documents and payments."""
    entries = bookkeeping.journal_entries(
        invoices, invoice_lines, payments, applied, handed_over, night.rules["accounts"], night.as_of
    )
    return night.warehouse.append(JournalEntry, validated(JournalEntry, entries))


def _payments(night: Night) -> int:
    """Let payments meet what they pay, and say what is open, on account and owed back."""
    warehouse, as_of = night.warehouse, night.as_of
    documents, covers = billing.due_documents(warehouse), billing.due_covers(warehouse)
    payments, before = billing.due_payments(warehouse), billing.due_applied(warehouse)
    new = empty(PaymentApplied)
    if night.issued is None:
        new = validated(PaymentApplied, receivables.applied(documents, covers, payments, before, as_of))
    applied = pl.concat([before, new])
    written = warehouse.append(PaymentApplied, new)
    expected = receivables.expectations(*billing.due_orders(warehouse), night.channels)
    kept = receivables.on_account(documents, payments, applied, expected)
    written += night.put(PaymentOnAccount, kept, "payment_id IN (SELECT payment_id FROM due_payments)")
    owed = receivables.refunds_due(warehouse.table(PaymentOnAccount), warehouse.table(RefundDue), as_of)
    written += night.put(RefundDue, owed, "true")
    billing.note_paid(warehouse, receivables.payment_axis(documents, covers, applied, kept))
    is_open = receivables.receivables(documents, applied, as_of)
    written += night.put(Receivable, is_open, f"as_of = DATE '{as_of}'")
    written += billing.keep_open(warehouse, as_of, receivables.aged(billing.days_due(warehouse, as_of), as_of))
    if night.issued is None:
        owners = payments.select("payment_id", "customer_id")
        debtors = documents.select("invoice_number", debtor_id="customer_id")
        changed = bookkeeping.changed(_ours(night, payments, applied), billing.booked(warehouse), as_of)
        moved = new.join(owners, on="payment_id", how="left", validate="m:1").join(
            debtors, on="invoice_number", how="left", validate="m:1"
        )
        written += _booked(night, empty(Invoice), empty(InvoiceLine), changed, moved)
        handed_over = bookkeeping.handed_over(
            billing.booked_on_account(warehouse), owners, billing.payment_documents(warehouse)
        )
        written += _booked(night, empty(Invoice), empty(InvoiceLine), handed_over=handed_over)
    return written


def _ours(night: Night, payments: pl.DataFrame, applied: pl.DataFrame) -> pl.DataFrame:
    """The payments that belong into these books: what came before the shop went live, and paid nothing here, is in others."""
    used = applied["payment_id"].unique().to_list()
    return payments.filter((pl.col("received_on") >= night.goes_live_on) | pl.col("payment_id").is_in(used))


def _reminders(night: Night) -> int:
    """Remind of what is overdue, in a night that acts."""
    if not night.acts or night.issued is not None:
        return 0
    warehouse, levels = night.warehouse, night.rules["reminder_levels"]
    earliest = levels["overdue_days"].min()
    overdue = warehouse.table(Receivable, "as_of = ? AND days_overdue >= ?", [night.as_of, earliest])
    if overdue.is_empty():
        return 0
    is_open = pl.coalesce(
        business_date(pl.col("closed_at"), night.time_zone) > night.as_of, pl.col("status") != "closed"
    )
    blocked = receivables.blocked(
        overdue,
        billing.covers_of(warehouse, overdue),
        night.rows("customers", "customer_id", "reminders_blocked"),
        night.rows("support_cases").filter(is_open),
    )
    due = receivables.reminders(overdue, levels, billing.reminded(warehouse, night.as_of), blocked)
    return warehouse.append_new(Reminder, validated(Reminder, due))


def _exposure(night: Night) -> pl.DataFrame:
    owed = billing.owed_by_customer(night.warehouse, night.as_of)
    return receivables.exposure(owed, *billing.not_billed_yet(night.warehouse), night.channels)


def _daily(night: Night) -> pl.DataFrame:
    return billing_figures.daily_billing(
        billing.issued_by_day(night.warehouse),
        billing.collected_by_day(night.warehouse),
        night.currency_rates,
        night.settings.business.reporting_currency,
        night.as_of,
    )
