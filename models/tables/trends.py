"""Order trends: one fact per change of sales, and the days they add up to."""

from models.tables import column
from models.tables.base import Amount, Day, Money, Quantity, Table, table
from models.tables.feeds import CHANNELS


@table("sales_entries", kind="state", key=("order_id", "line_no", "day", "kind"))
class SalesEntry(Table):
    """Each change of sales on its own day; every sales figure is a sum of these. One row per order line, day and kind."""

    order_id: str = column.identifier("The order.")
    line_no: Quantity = column.quantity("The line.", unit="number")
    day: Day = column.day("Business date of the change.")
    kind: str = column.choice("What changed.", ("ordered", "cancelled", "returned"))
    channel: str = column.choice("Where it was ordered.", CHANNELS)
    country: str = column.country("Country of delivery, else of the customer.", optional=True)
    category: str = column.text("Category of the product.", optional=True)
    sku: str = column.identifier("What was sold.")
    units: Quantity = column.quantity("Units ordered, cancelled or returned.")
    currency: str = column.currency("The order's currency.", is_listed=False)
    gross_amount: Money = column.money(
        "Quantity x price, net of tax, in the order's currency; none: its tax rate is not known, or it is 10^14 or more.",
        optional=True,
    )
    discount_amount: Money = column.money("Its discount, net of tax, in the order's currency.", optional=True)
    gross_amount_r: Money = column.money(
        "The same in the reporting currency; none without a rate.", optional=True, unit="reporting currency"
    )
    discount_amount_r: Money = column.money(
        "The same in the reporting currency; none without a rate.", optional=True, unit="reporting currency"
    )


class DailyAmounts(Table):
    """Amounts of one day in the reporting currency, net of tax."""

    day: Day = column.day("Business date.")
    channel: str = column.choice("Where it was ordered.", CHANNELS, optional=True)
    country: str = column.country("Country of delivery, else of the customer.", optional=True)
    units: Quantity = column.quantity("Units ordered.", minimum=0)
    gross_amount: Amount = column.money("Quantity x price of orders placed that day.", unit="reporting currency")
    discount_amount: Amount = column.money("Discounts of orders placed that day.", unit="reporting currency")
    cancelled_amount: Amount = column.money("Cancelled that day, less its discount.", unit="reporting currency")
    returned_units: Quantity = column.quantity("Units returned that day.", minimum=0)
    returned_amount: Amount = column.money("Returned that day, less its discount.", unit="reporting currency")
    net_amount: Amount = column.money("Gross less discounts, cancelled and returned.", unit="reporting currency")


@table("daily_orders", kind="state", key=("day", "channel", "country"), schema="marts")
class DailyOrders(DailyAmounts):
    """Orders and sales by day, channel and country. One row per day, channel and country."""

    orders: Quantity = column.quantity("Orders placed that day, rejected ones apart.", unit="orders", minimum=0)


@table("daily_sales", kind="state", key=("day", "channel", "country", "category"), schema="marts")
class DailySales(DailyAmounts):
    """Sales by day, channel, country and category. One row per day, channel, country and category."""

    category: str = column.text("Category of the product.", optional=True)
