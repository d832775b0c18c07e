"""How the shop bills: by which policy, with which tax, and whose invoices are made by the month."""

from dataclasses import dataclass
from datetime import date, timedelta

POLICIES = {"on_confirmation": "confirmation", "on_shipment": "shipment", "on_delivery": "delivery"}


@dataclass(frozen=True)
class Policies:
    """How the shop bills, and the date its documents bear.

    `country` is the company's own, where an order has none. Customers in `consolidated_customers` get one invoice per
    currency for the orders up to `month_ends_on` (see `month_to_bill`; none: no month is billed tonight). The orders in
    `overdue_orders` could not be billed when their month was, and wait for no other.
    """

    issued_on: date
    prices_include_tax: bool = False
    tax_rounding: str = "per_rate"
    default_tax_code: str = "STD"
    shipping_tax_code: str = "STD"
    country: str | None = None
    consolidated_customers: tuple[str, ...] = ()
    month_ends_on: date | None = None
    overdue_orders: tuple[str, ...] = ()


def month_to_bill(as_of: date, acted_before: date | None) -> date | None:
    """The last day of the month whose monthly invoices are made tonight: on that day, or in the first night that acts
    after it; none where no month is billed.

    Args:
        as_of: the night.
        acted_before: the last night before it that acted outward; none: there was none.
    """
    if (as_of + timedelta(days=1)).day == 1:
        return as_of
    month_before = as_of.replace(day=1) - timedelta(days=1)
    return month_before if acted_before is not None and acted_before < month_before else None
