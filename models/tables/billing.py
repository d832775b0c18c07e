"""Billing: what was invoiced and credited, who paid what, what is open, owed back and booked."""

from models.tables import column
from models.tables.base import Amount, Day, Money, Quantity, Ratio, Table, table

DOCUMENT_KINDS = ("invoice", "credit_note")
BILLING_EVENTS = ("confirmation", "shipment", "delivery", "cancellation", "return", "correction")
TAX_CATEGORIES = ("S", "Z", "E", "AE", "K", "G", "O")
EXCEPTION_REASONS = (
    "unknown_tax_country",
    "unknown_tax_rate",
    "negative_total",
    "amount_too_large",
    "refused_fact",
    "on_hold",
)
BUCKETS = ("not_due", "1-30", "31-60", "61-90", "91+")
ON_ACCOUNT_REASONS = (
    "overpaid",
    "not_billed_yet",
    "billed_elsewhere",
    "other_currency",
    "unknown_invoice",
    "unknown_order",
    "paid_back_too_much",
)
ENTRIES = ("receivable", "revenue", "shipping", "tax", "bank", "on_account")
BOOKED = ("invoice", "credit_note", "payment", "application")


@table("invoices", kind="ledger", key=("invoice_number",))
class Invoice(Table):
    """Every invoice and credit note as it was issued, with its buyer as he was known then; amounts of a credit note are
    positive too. One row per invoice or credit note."""

    invoice_number: str = column.identifier("The number of the document.")
    kind: str = column.choice("What it is.", DOCUMENT_KINDS)
    series: str = column.identifier("The series it is numbered in, `INV-2026`.")
    sequence: Quantity = column.quantity("Its number in the series.", unit="number", minimum=0)
    issued_on: Day = column.day("The date it bears.")
    order_id: str = column.identifier("The order; none = several orders of one customer.", optional=True)
    customer_id: str = column.identifier("Who is billed; a sale may have nobody.", optional=True)
    currency: str = column.currency("Currency of all its amounts.")
    net_amount: Amount = column.money("Sum of its lines without tax.")
    tax_amount: Amount = column.money("Tax of its lines.")
    gross_amount: Amount = column.money("What is to be paid, or what is credited.")
    due_on: Day = column.day("When it is to be paid; a credit note counts at once.")
    credits_invoice_number: str = column.identifier("The invoice a credit note corrects.", optional=True)
    supplied_on: Day = column.day("The day all of its order had been sent, where that came before.", optional=True)
    buyer_name: str = column.text("Name of the buyer.", optional=True, personal=True)
    buyer_street: str = column.text("Street of the buyer.", optional=True, personal=True)
    buyer_city: str = column.text("City of the buyer.", optional=True, personal=True)
    buyer_postcode: str = column.text("Postcode of the buyer.", optional=True, personal=True)
    buyer_country: str = column.country("Country of the buyer.", optional=True)
    buyer_tax_id: str = column.text("Tax identification of the buyer.", optional=True, personal=True)
    content_hash: str = column.text(
        "SHA-256 over the previous hash and the document; recipe in models/rules/numbering.py."
    )
    previous_hash: str = column.text("The hash of the document of its kind issued before; zeros for the first one.")


@table("invoice_lines", kind="ledger", key=("invoice_number", "line_no"))
class InvoiceLine(Table):
    """What invoices and credit notes are made of; quantities and amounts of a credit note are positive too. One row per
    line of an invoice or credit note."""

    invoice_number: str = column.identifier("The document.")
    line_no: Quantity = column.quantity("The line in its document.", unit="number", minimum=1)
    order_id: str = column.identifier("The order.")
    order_line_no: Quantity = column.quantity("The order's line; none = shipping.", unit="number", optional=True)
    sku: str = column.identifier("What is billed; none = shipping.", optional=True)
    description: str = column.text("What it is called.")
    quantity: Quantity = column.quantity("How many.", minimum=1)
    unit_price: Money = column.money(
        "Price of one unit as the order has it, with tax where its prices include tax.", minimum=0
    )
    discount_amount: Money = column.money(
        "The part of the order line's discount that these units carry, as prices are."
    )
    tax_code: str = column.identifier("Tax code.")
    tax_country: str = column.country("Where the tax is due.")
    tax_rate: Ratio = column.decimal("Tax as a part of the net amount, 0.19 for 19 percent.", unit="rate", minimum=0)
    tax_category: str = column.choice("Category of EN 16931.", TAX_CATEGORIES)
    exemption_reason: str = column.text("Why no tax is due.", optional=True)
    net_amount: Money = column.money("Amount without tax, discount taken off.")
    tax_amount: Money = column.money("Its share of the document's tax.")
    prices_include_tax: bool = column.flag("The price and discount include tax.")
    event: str = column.choice("What made it billable, or undid it.", BILLING_EVENTS)
    revision: Quantity = column.quantity(
        "Units of the order line on earlier documents of this kind: with order, line and event it is there once.",
        minimum=0,
    )
    ordered: Quantity = column.quantity(
        "Units of the order line when it was billed, which share its discount.", minimum=1
    )
    line_discount_amount: Money = column.money("Discount of the whole order line when it was billed.", minimum=0)
    credits_invoice_number: str = column.identifier("The invoice a credit note's line corrects.", optional=True)
    credits_line_no: Quantity = column.quantity("The line it corrects.", unit="number", optional=True)


@table("billing_exceptions", kind="night", key=("as_of", "order_id", "reason"))
class BillingException(Table):
    """What should be billed and could not be. One row per night, order not billed and reason."""

    as_of: Day = column.day("The night.")
    order_id: str = column.identifier("The order.")
    reason: str = column.choice("Why it is not billed.", EXCEPTION_REASONS)
    sentence: str = column.text("What it is about and what to do.")


@table("billing_gaps", kind="night", key=("as_of", "order_id", "line_no"))
class BillingGap(Table):
    """Order lines whose units or money are not all billed, to be billed, waiting, cancelled or returned; empty where all
    is well. One row per night and order line."""

    as_of: Day = column.day("The night.")
    order_id: str = column.identifier("The order.")
    line_no: Quantity = column.quantity("The line.", unit="number")
    gap: Quantity = column.quantity("Units ordered that are nowhere.")
    gap_amount: Amount = column.money("Net worth, as prices are, that is nowhere.", optional=True)


@table("payments_applied", kind="ledger", key=("payment_id", "invoice_number", "entry_no"))
class PaymentApplied(Table):
    """Which payment pays which invoice. One row per payment, invoice and change."""

    payment_id: str = column.identifier("The payment.")
    invoice_number: str = column.identifier("The invoice.")
    entry_no: Quantity = column.quantity("The how-manieth change between the two.", unit="number", minimum=1)
    amount: Amount = column.money("What it pays; negative where it is taken off the invoice again.", nonzero=True)
    currency: str = column.currency("Currency of the amount.")
    applied_on: Day = column.day("The night of the change.")


@table("receivables", kind="night", key=("as_of", "invoice_number"))
class Receivable(Table):
    """What customers owe. One row per night and open invoice."""

    as_of: Day = column.day("The night.")
    invoice_number: str = column.identifier("The open invoice.")
    order_id: str = column.identifier("Its order; none = several.", optional=True)
    customer_id: str = column.identifier("Who owes it.", optional=True)
    currency: str = column.currency("Currency of the amount.")
    open_amount: Amount = column.money("What is still to be paid.", minimum=0)
    due_on: Day = column.day("When it was to be paid.")
    days_overdue: Quantity = column.quantity("Days since then; 0 = not due yet.", unit="days", minimum=0)
    bucket: str = column.choice("Age of the debt in days.", BUCKETS)


@table("payments_on_account", kind="state", key=("payment_id",))
class PaymentOnAccount(Table):
    """What of a payment pays no invoice, and why. One row per payment with something left."""

    payment_id: str = column.identifier("The payment.")
    invoice_number: str = column.identifier("The invoice it names.", optional=True)
    order_id: str = column.identifier("The order it names, else that of its invoice.", optional=True)
    customer_id: str = column.identifier("Whose payment it is, where that is known.", optional=True)
    currency: str = column.currency("Currency of the amount.")
    amount: Amount = column.money("What is left of it after what was paid back.", nonzero=True)
    received_on: Day = column.day("The day it was booked.")
    reason: str = column.choice("Why it pays nothing.", ON_ACCOUNT_REASONS)


@table("refunds_due", kind="state", key=("payment_id",), is_kept=True)
class RefundDue(Table):
    """Money that is owed back. One row per payment with something owed back."""

    payment_id: str = column.identifier("The payment it came with.")
    order_id: str = column.identifier("The order.", optional=True)
    customer_id: str = column.identifier("To whom it is owed.", optional=True)
    currency: str = column.currency("Currency of the amount.")
    amount: Amount = column.money("What is owed back.", minimum=0)
    since: Day = column.day("The night since which it is owed.")


@table("reminders", kind="ledger", key=("invoice_number", "level"))
class Reminder(Table):
    """Reminders sent for overdue invoices, each level once. One row per invoice and level."""

    invoice_number: str = column.identifier("The overdue invoice.")
    level: Quantity = column.quantity("Which reminder it is.", unit="number", minimum=1)
    as_of: Day = column.day("The night that issued it.")
    customer_id: str = column.identifier("Who is reminded.", optional=True)
    currency: str = column.currency("Currency of the amounts.")
    open_amount: Amount = column.money("What was open then.", minimum=0)
    days_overdue: Quantity = column.quantity("Days overdue then.", unit="days", minimum=1)
    fee: Money = column.money("What the reminder costs the customer.", optional=True, minimum=0)


@table("customer_exposure", kind="state", key=("customer_id", "currency"))
class CustomerExposure(Table):
    """What each customer owes and will owe: what a credit limit is compared with. One row per customer and currency."""

    customer_id: str = column.identifier("The customer.")
    currency: str = column.currency("Currency of the amounts.")
    receivable_amount: Amount = column.money("Open invoices.")
    uninvoiced_amount: Amount = column.money("Open orders that are not billed yet, as prices are.")
    exposure_amount: Amount = column.money("Both.")


@table("daily_billing", kind="state", key=("day", "currency"), schema="marts")
class DailyBilling(Table):
    """What was invoiced, credited and collected, and what was open at the end of the day: open = open the day before +
    invoiced - credited - collected. One row per day from the first document on, and currency."""

    day: Day = column.day("The business date.")
    currency: str = column.currency("Currency of the amounts.")
    invoices: Quantity = column.quantity("Invoices issued.", unit="documents", minimum=0)
    credit_notes: Quantity = column.quantity("Credit notes issued.", unit="documents", minimum=0)
    invoiced_amount: Amount = column.money("Invoiced, tax included.")
    credited_amount: Amount = column.money("Credited, tax included.")
    collected_amount: Amount = column.money("Payments applied less those taken off invoices again.")
    outstanding_amount: Amount = column.money("Open at the end of the day.")
    invoiced_amount_r: Amount = column.money(
        "Invoiced, at the day's exchange rate; none: no rate.", optional=True, unit="reporting currency"
    )
    credited_amount_r: Amount = column.money(
        "Credited, at the day's exchange rate; none: no rate.", optional=True, unit="reporting currency"
    )
    collected_amount_r: Amount = column.money(
        "Collected, at the day's exchange rate; none: no rate.", optional=True, unit="reporting currency"
    )
    outstanding_amount_r: Amount = column.money(
        "Open, at the day's exchange rate; none: no rate.", optional=True, unit="reporting currency"
    )


@table("journal_entries", kind="ledger", key=("document_id", "entry_no"))
class JournalEntry(Table):
    """What bookkeeping takes over; debit = credit per document. One row per document and account touched."""

    document_id: str = column.text(
        "The invoice or credit note; `payment#n`, n counting its changes; `payment>invoice#n` where it is applied."
    )
    entry_no: Quantity = column.quantity("The entry in its document.", unit="number", minimum=1)
    source: str = column.choice("What is booked.", BOOKED)
    booked_on: Day = column.day("The day it counts.")
    entry: str = column.choice("What the entry is.", ENTRIES)
    account: str = column.text("The account by `accounts.csv`; none = no row of it fits.", optional=True)
    tax_code: str = column.identifier("Tax code of revenue and tax.", optional=True)
    country: str = column.country("Where that tax is due.", optional=True)
    customer_id: str = column.identifier("The customer.", optional=True)
    payment_id: str = column.identifier("The payment that is booked or applied.", optional=True)
    as_of: Day = column.day("The night that booked it.")
    currency: str = column.currency("Currency of the amounts.")
    debit_amount: Amount = column.money("Debit.", minimum=0)
    credit_amount: Amount = column.money("Credit.", minimum=0)


@table("reminder_levels", kind="state", key=("level",), is_published=False)
class ReminderLevel(Table):
    """After how many days which reminder is sent. One row per level."""

    level: Quantity = column.quantity("Which reminder.", unit="number", minimum=1)
    overdue_days: Quantity = column.quantity("Days overdue from which on it is sent.", unit="days", minimum=1)
    fee: Money = column.money("What it costs the customer, in the invoice's currency.", optional=True, minimum=0)


@table("accounts", kind="state", key=("entry", "tax_code", "country"), is_published=False)
class Account(Table):
    """Which account an entry is booked on; an empty cell is any, the fullest row wins. One row per entry, tax code and country."""

    entry: str = column.choice("What the entry is.", ENTRIES)
    tax_code: str = column.identifier("Tax code; none = any.", optional=True)
    country: str = column.country("Where the tax is due; none = any.", optional=True)
    account: str = column.text("The account.")
