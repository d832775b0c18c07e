"""The feeds: what partners, shops, warehouses and people hand over (the contract is shared with them; names stay).

Each class is one feed. In the warehouse every accepted version of a row is kept, with the file and record it came from.
"""

from models.tables import column
from models.tables.base import Day, Moment, Money, Quantity, Ratio, Table, table

CHANNELS = ("online", "store", "agent")
EVENTS = (
    "placed",
    "confirmed",
    "held",
    "released",
    "rejected",
    "allocated",
    "picked",
    "packed",
    "shipped",
    "in_transit",
    "delivered",
    "delivery_failed",
    "returned",
    "cancelled",
    "closed",
    "note",
)


class Provenance(Table):
    """Where an accepted row came from."""

    file_id: str = column.identifier("The sha256 of the delivered file the row came from.")
    record_number: int = column.quantity("The data record in that file, counted from 1.", unit="records", minimum=1)


@table("products", kind="feed", key=("sku",), arrives_by="updated_at")
class Product(Provenance):
    """What is sold, and what it costs. One row per SKU."""

    sku: str = column.identifier("Stock keeping unit.")
    name: str = column.text("What the product is called.")
    category: str = column.text("Category for reports.", optional=True)
    unit_price: Money = column.money("List price of one unit.", minimum=0)
    unit_cost: Money = column.money("Cost of one unit; none = unknown.", optional=True, minimum=0)
    currency: str = column.currency("Currency of price and cost.", optional=True)
    tax_code: str = column.identifier("Tax code of the product.", optional=True)
    supplier_id: str = column.identifier("The supplier it is bought from.", optional=True)
    pack_size: Quantity = column.quantity("Units in one pack of the supplier.", optional=True, minimum=1, default=1)
    min_order_quantity: Quantity = column.quantity("Least quantity the supplier sells.", optional=True, minimum=0)
    weight_kg: Ratio = column.decimal("Weight of one unit.", unit="kg", optional=True, minimum=0)
    barcode: str = column.identifier("Barcode on the product.", optional=True)
    supplier_sku: str = column.identifier("The supplier's own number of the product.", optional=True)
    stated_safety_stock: Quantity = column.quantity(
        "The safety stock another system keeps; shown beside ours, decides nothing.", optional=True, minimum=0
    )
    stated_reorder_point: Quantity = column.quantity(
        "The stock at which another system orders; shown beside ours, decides nothing.", optional=True, minimum=0
    )
    is_stocked: bool = column.flag("False for services and gift cards.", optional=True, default=True)
    is_active: bool = column.flag("False when the product is no longer sold.", optional=True, default=True)
    updated_at: Moment = column.moment("When this version of the row was written.", optional=True)


@table("suppliers", kind="feed", key=("supplier_id",), arrives_by="updated_at")
class Supplier(Provenance):
    """Who we buy from. One row per supplier."""

    supplier_id: str = column.identifier("The supplier.")
    name: str = column.text("Name of the supplier.")
    email: str = column.text("Where orders are sent.", optional=True, personal=True)
    country: str = column.country("Country of the supplier.", optional=True)
    currency: str = column.currency("Currency of its prices.", optional=True)
    lead_time_days: Quantity = column.quantity("Stated days from order to receipt.", unit="days", minimum=0)
    min_order_amount: Money = column.money("Least amount of one order.", optional=True)
    order_weekdays: str = column.weekdays("Days on which it takes orders; none = any.", optional=True)
    updated_at: Moment = column.moment("When this version of the row was written.", optional=True)


@table("locations", kind="feed", key=("location_id",), arrives_by="updated_at")
class Location(Provenance):
    """Warehouses and stores. One row per location."""

    location_id: str = column.identifier("The warehouse or store.")
    name: str = column.text("Name of the location.")
    country: str = column.country("Country of the location.", optional=True)
    postcode: str = column.text("Postcode of the location.", optional=True)
    time_zone: str = column.text("IANA time zone of its clock; none = the business time zone.", optional=True)
    priority: Quantity = column.quantity(
        "Which location serves first; 1 = first.", unit="rank", optional=True, minimum=1
    )
    cutoff_time: str = column.clock("Orders up to this minute are handled the same day.", optional=True)
    daily_order_capacity: Quantity = column.quantity("Orders it can send in a day.", unit="orders", optional=True)
    handling_days: Quantity = column.quantity(
        "Working days from order to hand-over.", unit="days", optional=True, minimum=0
    )
    is_shippable: bool = column.flag("False where nothing is shipped from.", optional=True, default=True)
    updated_at: Moment = column.moment("When this version of the row was written.", optional=True)


@table("customers", kind="feed", key=("customer_id",), arrives_by="updated_at")
class Customer(Provenance):
    """Who buys from us. One row per customer."""

    customer_id: str = column.identifier("The customer.")
    name: str = column.text("Name of the customer.", optional=True, personal=True)
    email: str = column.text("E-mail address.", optional=True, personal=True)
    phone: str = column.text("Telephone number.", optional=True, personal=True)
    segment: str = column.choice("Consumer or business.", ("consumer", "business"), optional=True)
    priority: Quantity = column.quantity(
        "1 = served first.", unit="rank", optional=True, minimum=1, maximum=5, default=5
    )
    street: str = column.text("Street and number.", optional=True, personal=True)
    city: str = column.text("City.", optional=True, personal=True)
    postcode: str = column.text("Postcode.", optional=True, personal=True)
    region: str = column.text("Region or state.", optional=True)
    country: str = column.country("Country.", optional=True)
    tax_id: str = column.text("Tax identification.", optional=True, personal=True)
    payment_terms_days: Quantity = column.quantity(
        "Days until an invoice is due.", unit="days", optional=True, minimum=0, default=0
    )
    credit_limit: Money = column.money("Most that may be open at once.", optional=True)
    reminders_blocked: bool = column.flag("True: no payment reminders are sent.", optional=True, default=False)
    language: str = column.text("Language of documents.", optional=True)
    updated_at: Moment = column.moment("When this version of the row was written.", optional=True)


class OrderHeader(Provenance):
    """What a channel says of an order, shared by the feed and the published table."""

    order_id: str = column.identifier("The order.")
    channel: str = column.choice("Where the order was placed.", CHANNELS)
    customer_id: str = column.identifier("The customer; a store sale may have none.", optional=True)
    ordered_at: Moment = column.moment("When the order was placed.")
    currency: str = column.currency("Currency of all its prices.", is_listed=False)
    service_level: str = column.choice(
        "How fast it shall arrive.", ("standard", "express", "same_day"), optional=True, default="standard"
    )
    requested_on: Day = column.day("The day the customer wishes.", optional=True)
    location_id: str = column.identifier("The store of a store sale, or the preferred location.", optional=True)
    ship_policy: str = column.choice("May it be shipped in parts.", ("partial", "complete", "line"), optional=True)
    prices_include_tax: bool = column.flag(
        "Prices are gross; none = the channel's rule, else the setting.", optional=True
    )
    ship_name: str = column.text("Name on the parcel.", optional=True, personal=True)
    ship_street: str = column.text("Street of delivery.", optional=True, personal=True)
    ship_city: str = column.text("City of delivery.", optional=True, personal=True)
    ship_postcode: str = column.text("Postcode of delivery.", optional=True, personal=True)
    ship_country: str = column.country("Country of delivery.", optional=True)
    agent_id: str = column.identifier("The agent who took the order.", optional=True)
    shipping_amount: Money = column.money("What the customer pays for shipping.", optional=True, minimum=0)
    note: str = column.text("Free words.", optional=True)
    updated_at: Moment = column.moment("When this version of the row was written.", optional=True)


@table("orders", kind="feed", key=("order_id",), arrives_by="ordered_at")
class DeliveredOrder(OrderHeader):
    """Orders as the channels delivered them. One row per order."""

    promised_on: Day = column.day("The day the channel promised.", optional=True)


class OrderLineHeader(Provenance):
    """What a channel says of an order line, shared by the feed and the published table."""

    order_id: str = column.identifier("The order.")
    line_no: Quantity = column.quantity("The line in its order.", unit="number", minimum=1)
    sku: str = column.identifier("What was ordered.")
    quantity: Quantity = column.quantity("How many were ordered.", minimum=1)
    unit_price: Money = column.money("Price of one unit, in the order's currency.", minimum=0)
    discount_amount: Money = column.money("Discount on the whole line.", optional=True, minimum=0)
    tax_code: str = column.identifier("Tax code; none = the product's.", optional=True)
    updated_at: Moment = column.moment("When this version of the row was written.", optional=True)


@table("order_lines", kind="feed", key=("order_id", "line_no"))
class DeliveredOrderLine(OrderLineHeader):
    """Order lines as the channels delivered them; each takes effect with its order. One row per order line."""


@table("order_events", kind="feed", key=("event_id",), arrives_by="occurred_at", is_ledger=True)
class OrderEvent(Provenance):
    """What happened to an order, told by shops, warehouses and carriers. One row per event."""

    event_id: str = column.identifier("The event; never used twice.")
    order_id: str = column.identifier("The order.")
    line_no: Quantity = column.quantity("The line; none = the whole order.", unit="number", optional=True)
    event: str = column.choice("What happened.", EVENTS)
    occurred_at: Moment = column.moment("When it happened.")
    quantity: Quantity = column.quantity("How many; none = all that is left.", optional=True, minimum=1)
    location_id: str = column.identifier("Where it happened.", optional=True)
    carrier: str = column.text("Who carries the parcel.", optional=True)
    tracking_no: str = column.text("The carrier's number of the parcel.", optional=True)
    reason: str = column.text("Why.", optional=True)
    actor: str = column.text("Who did it.", optional=True, personal=True)


@table("stock_movements", kind="feed", key=("movement_id",), arrives_by="moved_at", is_ledger=True)
class StockMovement(Provenance):
    """Goods in and out of a location. One row per movement."""

    movement_id: str = column.identifier("The movement; never used twice.")
    sku: str = column.identifier("What moved.")
    location_id: str = column.identifier("Where.")
    moved_at: Moment = column.moment("When.")
    kind: str = column.choice("Why it moved.", ("receipt", "shipment", "return", "adjustment", "transfer", "write_off"))
    quantity: Quantity = column.quantity("Signed: in is positive, out is negative.", nonzero=True)
    unit_cost: Money = column.money("Cost of one unit received.", optional=True, minimum=0)
    reference: str = column.text("The order, purchase or transfer it belongs to.", optional=True)


@table("stock_counts", kind="feed", key=("sku", "location_id", "counted_on"), arrives_by="counted_on")
class StockCount(Provenance):
    """Stock as counted at the end of a day. One row per SKU, location and day."""

    sku: str = column.identifier("What was counted.")
    location_id: str = column.identifier("Where.")
    counted_on: Day = column.day("At the end of which day.")
    quantity: Quantity = column.quantity("How many there were.", minimum=0)


@table("inbound", kind="feed", key=("purchase_order_id", "line_no"), arrives_by="ordered_on")
class Inbound(Provenance):
    """Purchases under way and received. One row per purchase order line."""

    purchase_order_id: str = column.identifier("The purchase order.")
    line_no: Quantity = column.quantity("Its line.", unit="number")
    supplier_id: str = column.identifier("The supplier.")
    sku: str = column.identifier("What was bought.")
    location_id: str = column.identifier("Where it shall arrive.")
    quantity: Quantity = column.quantity("How many were ordered.", minimum=1)
    unit_cost: Money = column.money("Cost of one unit.", optional=True, minimum=0)
    ordered_on: Day = column.day("When it was ordered.")
    expected_on: Day = column.day("When it is expected.")
    received_on: Day = column.day("When it arrived; required when received.", optional=True)
    status: str = column.choice("Where it stands.", ("ordered", "confirmed", "received", "cancelled"))
    received_quantity: Quantity = column.quantity("How many arrived.", optional=True, minimum=0)
    reference: str = column.text("Our purchase order and line, `PO-…/1`.", optional=True)
    updated_at: Moment = column.moment("When this version of the row was written.", optional=True)


@table("payments", kind="feed", key=("payment_id",), arrives_by="received_on", is_ledger=True)
class Payment(Provenance):
    """Money received and paid back; each names an invoice or an order. One row per payment."""

    payment_id: str = column.identifier("The payment; never used twice.")
    invoice_number: str = column.identifier("The invoice it pays.", optional=True)
    order_id: str = column.identifier("The order it pays.", optional=True)
    amount: Money = column.money("Positive = received, negative = paid back.", nonzero=True)
    currency: str = column.currency("Currency of the amount.")
    received_on: Day = column.day("The day it was booked.")
    method: str = column.text("Card, transfer, cash.", optional=True)


@table("support_cases", kind="feed", key=("case_id",), arrives_by="opened_at")
class SupportCase(Provenance):
    """What customers asked. One row per case."""

    case_id: str = column.identifier("The case.")
    order_id: str = column.identifier("The order it is about.", optional=True)
    customer_id: str = column.identifier("Who asked.", optional=True)
    opened_at: Moment = column.moment("When it was opened.")
    closed_at: Moment = column.moment("When it was closed.", optional=True)
    topic: str = column.text("What it is about.")
    priority: str = column.choice("How urgent it is.", ("low", "normal", "high", "urgent"), optional=True)
    status: str = column.choice("Where it stands.", ("open", "waiting", "closed"))
    subject: str = column.text("The customer's words.", optional=True, personal=True)
    updated_at: Moment = column.moment("When this version of the row was written.", optional=True)


@table("exchange_rates", kind="feed", key=("currency", "quoted_on"), arrives_by="quoted_on")
class ExchangeRate(Provenance):
    """What a currency was worth. One row per currency and day."""

    currency: str = column.currency("The currency.")
    quoted_on: Day = column.day("The day of the rate.")
    rate: Ratio = column.decimal("Units of the reporting currency for one of `currency`.", unit="rate", positive=True)


@table("decisions", kind="feed", key=("decision_id",), arrives_by="decided_at")
class Decision(Provenance):
    """What people decided. One row per decision."""

    decision_id: str = column.identifier("The decision.")
    subject: str = column.choice(
        "What kind of thing was decided on.",
        (
            "reorder",
            "hold",
            "allocation",
            "reject",
            "order",
            "event",
            "movement",
            "payment",
            "invoice",
            "file",
            "stage",
        ),
    )
    subject_id: str = column.text("Which one.")
    action: str = column.choice(
        "What was decided.",
        (
            "approve",
            "change",
            "skip",
            "release",
            "reject",
            "cancel",
            "resubmit",
            "ship_anyway",
            "void",
            "credit",
            "retract",
        ),
    )
    quantity: Quantity = column.quantity("How many, where the action needs it.", optional=True)
    decided_by: str = column.text("Who decided.", personal=True)
    decided_at: Moment = column.moment("When.")
    reason: str = column.text("Why.", optional=True)


@table("supplier_products", kind="feed", key=("supplier_id", "sku"), arrives_by="updated_at")
class SupplierProduct(Provenance):
    """What a supplier sells and on which terms; wins over products and suppliers. One row per supplier and SKU."""

    supplier_id: str = column.identifier("The supplier.")
    sku: str = column.identifier("The product.")
    supplier_sku: str = column.identifier("The supplier's own number.", optional=True)
    unit_cost: Money = column.money("Cost of one unit.", optional=True, minimum=0)
    currency: str = column.currency("Currency of the cost.", optional=True)
    min_order_quantity: Quantity = column.quantity("Least quantity it sells.", optional=True, minimum=0)
    pack_size: Quantity = column.quantity("Units in one pack.", optional=True, minimum=1)
    lead_time_days: Quantity = column.quantity("Stated days to receipt.", unit="days", optional=True, minimum=0)
    rank: Quantity = column.quantity("1 = bought here first.", unit="rank", optional=True)
    updated_at: Moment = column.moment("When this version of the row was written.", optional=True)
