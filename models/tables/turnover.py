"""Inventory turnover: how often stock was sold, and what it earned."""

from models.tables import column
from models.tables.base import Amount, Quantity, Ratio, Table, table


@table("inventory_turnover", kind="state", key=("period", "sku", "location_id"), schema="marts")
class InventoryTurnover(Table):
    """How often stock turned over, and what it earned on what it cost. One row per period, SKU and location."""

    period: str = column.text("A month (`2026-10`), a year (`2026`), both up to the night, or `last_365_days`.")
    sku: str = column.identifier("The product.")
    location_id: str = column.identifier("Where it lay.")
    cogs_amount: Amount = column.money(
        "Cost of goods sold: units shipped less returned, at the cost of their day; none where one is unknown.",
        optional=True,
        unit="reporting currency",
    )
    average_inventory_amount: Amount = column.money(
        "Mean of the days' inventory at cost, every calendar day of the period; none where a day's is unknown.",
        optional=True,
        unit="reporting currency",
    )
    turnover: Ratio = column.decimal(
        "Cost of goods sold / average inventory; none where that is not above 0.", unit="times", optional=True
    )
    inventory_days: Ratio = column.decimal(
        "Days of the period / turnover; none where that is not above 0.", unit="days", optional=True
    )
    sold: Quantity = column.quantity("Units shipped less returned.")
    sell_through_rate: Ratio = column.decimal(
        "Sold / (sold + on hand at the end, 0 where oversold); none where that sum is not above 0.",
        unit="share",
        optional=True,
    )
    net_sales_amount: Amount = column.money(
        "Net sales; none where one has no exchange rate, or sales are unknown.",
        optional=True,
        unit="reporting currency",
    )
    gmroi: Ratio = column.decimal(
        "(Net sales - cost of goods sold) / average inventory; none where that is not above 0, or sales are unknown.",
        unit="times",
        optional=True,
    )
    stock_out_days: Quantity = column.quantity(
        "Days that ended with nothing on hand, from the first movement on.", unit="days", minimum=0
    )
