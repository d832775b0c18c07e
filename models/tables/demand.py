"""Demand: what was asked for, how it behaves, how much of it is expected, and how long suppliers take."""

from models.tables import column
from models.tables.base import Day, Quantity, Ratio, Table, table

DEMAND_CLASSES = ("smooth", "erratic", "intermittent", "lumpy")


@table("demand_daily", kind="state", key=("day", "sku", "location_id"), schema="marts")
class DemandDay(Table):
    """What was asked for on a day. One row per SKU, location and day with demand or without stock."""

    day: Day = column.day("Business date.")
    sku: str = column.identifier("What was asked for.")
    location_id: str = column.identifier("Where it is, or would be, sent from.")
    quantity: Quantity = column.quantity("Ordered less cancelled before shipping; returns apart.", minimum=0)
    is_out_of_stock: bool = column.flag("Nothing was on hand at the end of the day.")


@table("demand_classes", kind="state", key=("sku",), schema="marts")
class DemandClass(Table):
    """How a SKU sells, as of the last night. One row per SKU."""

    sku: str = column.identifier("The SKU, over all locations.")
    abc: str = column.choice("By revenue: the first 80 %, the next 15 %, the rest; U = unsold.", ("A", "B", "C", "U"))
    xyz: str = column.choice(
        "By variation of weekly demand: below 0.5, below 1.0, the rest; none = unsold.", ("X", "Y", "Z"), optional=True
    )
    demand_class: str = column.choice(
        "Syntetos-Boylan class by interval and size of demand; none = unsold.", DEMAND_CLASSES, optional=True
    )
    rate: Ratio = column.decimal("Demand a day over all days of its history.", unit="units a day", minimum=0)
    rate_in_stock: Ratio = column.decimal(
        "Demand a day over the days that ended with stock.", unit="units a day", minimum=0
    )
    demand_interval_days: Ratio = column.decimal(
        "Average days between days with demand (ADI).", unit="days", optional=True, minimum=0
    )
    size_variation: Ratio = column.decimal(
        "Squared variation of the size of days with demand (CV²).", unit="ratio", optional=True, minimum=0
    )
    variation: Ratio = column.decimal(
        "Standard deviation of weekly demand over its mean; of daily demand below two weeks.",
        unit="ratio",
        optional=True,
        minimum=0,
    )


@table("demand_levels", kind="state", key=("sku", "location_id"), schema="marts")
class DemandLevel(Table):
    """How much is expected a day, and which voice said what. One row per SKU and location."""

    sku: str = column.identifier("The SKU.")
    location_id: str = column.identifier("The location.")
    first_on: Day = column.day("First day it was stocked or asked for.")
    observed_days: Quantity = column.quantity("Days of history looked at.", unit="days", minimum=0)
    in_stock_days: Quantity = column.quantity("Of these, days that ended with stock.", unit="days", minimum=0)
    demand_days: Quantity = column.quantity("Days with demand in all its history.", unit="days", minimum=0)
    rate: Ratio = column.decimal("Demand a day over all days.", unit="units a day", minimum=0)
    rate_in_stock: Ratio = column.decimal("Demand a day over days with stock.", unit="units a day", minimum=0)
    fast: Ratio = column.decimal(
        "Voice: fast smoothing, weekdays and growth of the shop.", unit="units a day", minimum=0
    )
    flat: Ratio = column.decimal("Voice: plain average of the whole window.", unit="units a day", minimum=0)
    croston: Ratio = column.decimal("Voice: Croston's method, SBA.", unit="units a day", minimum=0)
    tsb: Ratio = column.decimal("Voice: Teunter, Syntetos and Babai.", unit="units a day", minimum=0)
    fast_weight: Ratio = column.decimal("Weight of the voice `fast`.", unit="share", minimum=0)
    flat_weight: Ratio = column.decimal("Weight of the voice `flat`.", unit="share", minimum=0)
    croston_weight: Ratio = column.decimal("Weight of the voice `croston`.", unit="share", minimum=0)
    tsb_weight: Ratio = column.decimal("Weight of the voice `tsb`.", unit="share", minimum=0)
    level: Ratio = column.decimal("What is expected on an average day.", unit="units a day", minimum=0)
    lump: Ratio = column.decimal("Variance of demand per unit of demand: how lumpy it comes.", unit="units", minimum=0)


@table("supplier_lead_times", kind="state", key=("supplier_id",), schema="marts")
class SupplierLeadTime(Table):
    """How long a supplier takes from order to receipt. One row per supplier."""

    supplier_id: str = column.identifier("The supplier.")
    receipts: Quantity = column.quantity("Receipts it was measured on.", unit="receipts", minimum=0)
    lead_time_mean_days: Ratio = column.decimal(
        "Mean days from order to receipt; without receipts the stated days.", unit="days", optional=True, minimum=0
    )
    lead_time_sd_days: Ratio = column.decimal(
        "Standard deviation of the sample; 0 below two receipts.", unit="days", minimum=0
    )
    stated_days: Quantity = column.quantity("What the supplier states.", unit="days", optional=True, minimum=0)
    late_receipts: Quantity = column.quantity("Receipts after the day expected.", unit="receipts", minimum=0)
    impossible_receipts: Quantity = column.quantity(
        "Receipts dated before their order, left out.", unit="receipts", minimum=0
    )
    planned_days: Ratio = column.decimal(
        "What is planned with: the mean, drawn to the stated days while receipts are few.",
        unit="days",
        optional=True,
        minimum=0,
    )
    stated_ratio: Ratio = column.decimal(
        "Days taken over days stated, drawn to 1 while receipts are few; none = nothing to compare.",
        unit="ratio",
        optional=True,
        minimum=0,
    )


@table("demand_weekdays", kind="state", key=("weekday",), schema="marts")
class DemandWeekday(Table):
    """How much more or less than on an average day the shop sells on each weekday. One row per weekday."""

    weekday: Quantity = column.quantity("1 = Monday.", unit="number", minimum=1)
    factor: Ratio = column.decimal("Times an average day.", unit="times", minimum=0)
