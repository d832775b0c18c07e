"""What a night decides once and for all: its rows are written down beside the warehouse and never decided anew."""

from models.tables.base import TableClass
from models.tables.billing import Invoice, InvoiceLine, JournalEntry, PaymentApplied, Reminder
from models.tables.entry import NightEvent
from models.tables.lifecycle import TrackingUpdate
from models.tables.reorder import PurchaseOrderLine

ISSUED: dict[TableClass, str] = {
    NightEvent: "as_of IN ({nights})",
    TrackingUpdate: "as_of IN ({nights})",
    PurchaseOrderLine: "ordered_on IN ({nights})",
    Invoice: "issued_on IN ({nights})",
    InvoiceLine: "invoice_number IN (SELECT invoice_number FROM core.invoices WHERE issued_on IN ({nights}))",
    PaymentApplied: "applied_on IN ({nights})",
    Reminder: "as_of IN ({nights})",
    JournalEntry: "as_of IN ({nights})",
}
"""The ledgers that nights write, and the condition of the rows that some nights wrote."""
