"""Stock: every movement that counts, and the positions, values and ages that follow from them."""

from models.tables import column
from models.tables.base import Amount, Day, Money, Quantity, Table, table

LEDGER_KINDS = ("receipt", "shipment", "return", "adjustment", "transfer", "write_off", "count_adjustment")
AGE_BUCKETS = ("0-30", "31-60", "61-90", "91-180", "181-365", "366+")


@table("stock_ledger", kind="state", key=("sku", "location_id", "movement_id", "is_derived"))
class StockLedger(Table):
    """Goods in and out, what counts and shipped events imply included; every position is a sum of these.
    One row per movement."""

    sku: str = column.identifier("What moved.")
    location_id: str = column.identifier("Where.")
    moved_on: Day = column.day("Business date of the movement; a count's adjustment is the end of its day.")
    kind: str = column.choice("Why it moved.", LEDGER_KINDS)
    quantity: Quantity = column.quantity("Signed: in is positive, out is negative.", nonzero=True)
    unit_cost: Money = column.money("Cost of one unit as the movement told it; nothing is valued by it.", optional=True)
    reference: str = column.text("The order, purchase or transfer it belongs to.", optional=True)
    movement_id: str = column.text(
        "The delivered movement, or `count:sku@location:day`, or `shipped:order/line@location:day`."
    )
    is_derived: bool = column.flag("True where the night made it from a count or a shipped event.")


@table("stock_positions", kind="night", key=("as_of", "sku", "location_id"))
class StockPosition(Table):
    """What is on hand, promised away, left to promise and under way, and what it cost. One row per night, SKU and
    location."""

    as_of: Day = column.day("The night.")
    sku: str = column.identifier("The product.")
    location_id: str = column.identifier("Where it lies.")
    on_hand: Quantity = column.quantity("Sum of the ledger up to the end of the day; negative where oversold.")
    allocated: Quantity = column.quantity("Units on hand that orders have been given.", minimum=0)
    available: Quantity = column.quantity("On hand less allocated.")
    inbound: Quantity = column.quantity("Units bought that have not arrived.", minimum=0)
    unit_cost: Money = column.money(
        "Cost of one unit by the product version valid that day; none = unknown.", optional=True
    )
    currency: str = column.currency("Currency of the unit cost.", optional=True)
    value: Amount = column.money(
        "On hand at cost, at the exchange rate of the day; none where cost or rate is unknown.",
        optional=True,
        unit="reporting currency",
    )


@table("stock_history", kind="state", key=("sku", "location_id", "day"))
class StockHistory(Table):
    """How stock changed: the closing position of each day on which it, or its cost, became another; it holds until the
    next row. One row per SKU, location and day with a change."""

    sku: str = column.identifier("The product.")
    location_id: str = column.identifier("Where it lies.")
    day: Day = column.day("The first day that closed like this.")
    on_hand: Quantity = column.quantity("At the end of the day; negative where oversold.")
    unit_cost: Money = column.money("Cost of one unit that day; none = unknown.", optional=True)
    currency: str = column.currency("Currency of the unit cost.", optional=True)
    value: Amount = column.money(
        "On hand at cost, at the exchange rate of this day; none where cost or rate is unknown.",
        optional=True,
        unit="reporting currency",
    )


@table("stock_ageing", kind="night", key=("as_of", "sku", "bucket"), schema="marts")
class StockAgeing(Table):
    """How long what is left has been lying: first in, first out over all locations. One row per night, SKU and age."""

    as_of: Day = column.day("The night.")
    sku: str = column.identifier("The product.")
    bucket: str = column.choice("Days since it came in.", AGE_BUCKETS)
    quantity: Quantity = column.quantity("Units of that age.", minimum=1)
    value: Amount = column.money(
        "At the cost and exchange rate of the day; none where unknown.", optional=True, unit="reporting currency"
    )
