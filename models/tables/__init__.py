"""What the data is: one class per table, and the catalogue of them all in process order."""

from models.tables.base import TableClass, declaration
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
from models.tables.certificate import AttentionItem, Proof
from models.tables.demand import DemandClass, DemandDay, DemandLevel, DemandWeekday, SupplierLeadTime
from models.tables.entry import NightEvent, OrderFinding
from models.tables.feeds import (
    Customer,
    Decision,
    DeliveredOrder,
    DeliveredOrderLine,
    ExchangeRate,
    Inbound,
    Location,
    OrderEvent,
    Payment,
    Product,
    StockCount,
    StockMovement,
    Supplier,
    SupplierProduct,
    SupportCase,
)
from models.tables.intake import FeedFile, RejectedRow, WaitingRow
from models.tables.lifecycle import LineEffect, Order, OrderLine, TimelineEntry, TrackingUpdate
from models.tables.reorder import (
    OpenDemand,
    PurchaseOrderLine,
    RefusedDecision,
    ReorderException,
    ReorderPlan,
    ReorderProposal,
    Supply,
)
from models.tables.stock import StockAgeing, StockHistory, StockLedger, StockPosition
from models.tables.trends import DailyOrders, DailySales, SalesEntry
from models.tables.turnover import InventoryTurnover

FEEDS: dict[str, TableClass] = {
    declaration(feed).name: feed
    for feed in (
        Product,
        Supplier,
        Location,
        Customer,
        DeliveredOrder,
        DeliveredOrderLine,
        OrderEvent,
        StockMovement,
        StockCount,
        Inbound,
        Payment,
        SupportCase,
        ExchangeRate,
        Decision,
        SupplierProduct,
    )
}
"""Every feed of the contract by its name."""

CATALOG: tuple[TableClass, ...] = (
    *FEEDS.values(),
    FeedFile,
    RejectedRow,
    WaitingRow,
    OrderFinding,
    NightEvent,
    Order,
    OrderLine,
    TimelineEntry,
    LineEffect,
    TrackingUpdate,
    SalesEntry,
    DailyOrders,
    DailySales,
    StockLedger,
    StockPosition,
    StockHistory,
    StockAgeing,
    Invoice,
    InvoiceLine,
    BillingException,
    BillingGap,
    PaymentApplied,
    PaymentOnAccount,
    Receivable,
    RefundDue,
    Reminder,
    CustomerExposure,
    JournalEntry,
    DailyBilling,
    DemandDay,
    DemandClass,
    DemandLevel,
    DemandWeekday,
    SupplierLeadTime,
    OpenDemand,
    Supply,
    ReorderPlan,
    ReorderProposal,
    ReorderException,
    PurchaseOrderLine,
    RefusedDecision,
    InventoryTurnover,
    AttentionItem,
    Proof,
)
"""Every table in process order."""
