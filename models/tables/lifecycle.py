"""Where every order is: status, axes, numbers per line, the timeline and what the customer is told."""

from models.tables import column
from models.tables.base import Amount, Day, Moment, Quantity, Table, table
from models.tables.feeds import EVENTS, OrderHeader, OrderLineHeader

STATUSES = ("received", "on_hold", "rejected", "confirmed", "cancelled", "closed")
FULFILMENT = (
    "none",
    "allocated",
    "partly_shipped",
    "shipped",
    "partly_delivered",
    "delivered",
    "partly_returned",
    "returned",
)
BILLING = ("none", "partly_invoiced", "invoiced", "partly_credited", "credited")
PAYMENT = ("none", "partly_paid", "paid", "overpaid")
ANOMALIES = (
    "shipped_before_confirmed",
    "delivered_before_confirmed",
    "delivered_before_shipped",
    "event_before_ordered",
    "delivered_without_shipped",
    "returned_without_delivered",
    "shipped_on_hold",
)
REFUSALS = (
    "voided",
    "not_allowed_from_state",
    "order_rejected",
    "more_than_possible",
    "nothing_left",
    "quantity_without_line",
    "unknown_line",
)
STEPS = (
    "received",
    "confirmed",
    "packed",
    "shipped",
    "in_transit",
    "delivered",
    "delivery_failed",
    "delayed",
    "on_hold",
    "cancelled",
    "returned",
)


@table("orders", kind="state", key=("order_id",))
class Order(OrderHeader):
    """Every order as of the last night: its status, its axes and its money. One row per order."""

    status: str = column.choice("Where the order stands.", STATUSES)
    fulfilment: str = column.choice("How far its goods are.", FULFILMENT)
    billing: str = column.choice("How far it is billed.", BILLING)
    payment: str = column.choice("How far it is paid.", PAYMENT)
    goods_amount: Amount = column.money("Quantity x price over its lines, in the order's currency.")
    discount_amount: Amount = column.money("Discounts of its lines, in the order's currency.")
    first_promised_on: Day = column.day("The first day it was promised for.", optional=True)
    promised_on: Day = column.day("The day it is promised for now.", optional=True)
    ordered_on: Day = column.day("Business date of `ordered_at`.")
    confirmed_at: Moment = column.moment("When it was first confirmed.", optional=True)
    shipped_on: Day = column.day("Business date of its last shipment, once all is shipped.", optional=True)
    delivered_on: Day = column.day("Business date of its last delivery, once all is delivered.", optional=True)
    country: str = column.country("Country of delivery, else of the customer.", optional=True)
    is_history: bool = column.flag("Placed before the shop went live here: never billed, reminded or messaged.")
    has_refused_fact: bool = column.flag("A physical event was refused: nothing more is done until a decision.")
    as_of: Day = column.day("The night that last went through its events.")


@table("order_lines", kind="state", key=("order_id", "line_no"))
class OrderLine(OrderLineHeader):
    """Every order line with its whole numbers. One row per order line."""

    cancelled: Quantity = column.quantity("Cancelled before shipping.", minimum=0)
    allocated: Quantity = column.quantity("Promised stock.", minimum=0)
    picked: Quantity = column.quantity("Taken from the shelf.", minimum=0)
    packed: Quantity = column.quantity("Packed.", minimum=0)
    shipped: Quantity = column.quantity("Left the house; at least what was delivered.", minimum=0)
    delivered: Quantity = column.quantity("Reached the customer; at least what was returned.", minimum=0)
    returned: Quantity = column.quantity("Came back.", minimum=0)
    invoiced: Quantity = column.quantity("On invoices.", minimum=0)
    credited: Quantity = column.quantity("On credit notes.", minimum=0)
    as_of: Day = column.day("The night that last went through its events.")


@table("order_timeline", kind="state", key=("event_id",))
class TimelineEntry(Table):
    """What happened to an order, told or decided, and what came of it. One row per event of an order."""

    order_id: str = column.identifier("The order.")
    line_no: Quantity = column.quantity("The line; none = the whole order.", unit="number", optional=True)
    event_id: str = column.text("The event.")
    occurred_at: Moment = column.moment("When it happened.")
    event: str = column.choice("What happened.", EVENTS)
    quantity: Quantity = column.quantity("How many it was told for; none = all that was left.", optional=True)
    is_accepted: bool = column.flag("False: it changed nothing.")
    reason: str = column.text("Why it was refused, else the words that came with it.", optional=True)
    anomaly: str = column.choice("What is strange about it.", ANOMALIES, optional=True)
    source: str = column.choice("Who said it.", ("feed", "night"))
    location_id: str = column.identifier("Where.", optional=True)
    carrier: str = column.text("Who carries the parcel.", optional=True)
    tracking_no: str = column.text("The carrier's number of the parcel.", optional=True)


@table("tracking_updates", kind="ledger", key=("order_id", "parcel_id", "step"))
class TrackingUpdate(Table):
    """What a customer is told, once per step. One row per order, parcel and step."""

    order_id: str = column.identifier("The order.")
    parcel_id: str = column.text("The parcel; the order's number where there is none.")
    step: str = column.choice("The step reached.", STEPS)
    occurred_at: Moment = column.moment("When it was reached.")
    carrier: str = column.text("Who carries the parcel.", optional=True)
    tracking_no: str = column.text("The carrier's number of the parcel.", optional=True)
    promised_on: Day = column.day("The day promised when the update was made.", optional=True)
    as_of: Day = column.day("The night that issued it.")


@table("line_effects", kind="state", key=("order_id", "line_no", "event_id"), is_published=False)
class LineEffect(Table):
    """The units an accepted event really changed on a line; shipped and delivered ones only where the stock depends on
    them: where it follows from events, or an order left from several places. One row per event and line."""

    order_id: str = column.identifier("The order.")
    line_no: Quantity = column.quantity("The line.", unit="number")
    event_id: str = column.text("The event.")
    event: str = column.choice("What happened.", ("cancelled", "returned", "shipped", "delivered"))
    occurred_at: Moment = column.moment("When it happened.")
    quantity: Quantity = column.quantity("Units it changed.", minimum=1)
