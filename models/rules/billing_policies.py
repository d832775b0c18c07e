"""How the shop bills: by which policy, with which tax, and whose invoices are made by the month."""

from dataclasses import dataclass
from datetime import date, timedelta

POLICIES = {"on_confirmation": "confirmation", "on_shipment": "shipment", "on_delivery": "delivery"}


@dataclass(frozen=True)
class Policies:
    """How the shop bills, and the date its documents bear.

    `country` is the company's own, where an order has none. Customers in `consolidated_customers` get one invoice per
    currency in the nights that `consolidates` says (see `closes_a_month`), and none in others.
    """

    issued_on: date
    prices_include_tax: bool = False
    tax_rounding: str = "per_rate"
    default_tax_code: str = "STD"
    shipping_tax_code: str = "STD"
    country: str | None = None
    consolidated_customers: tuple[str, ...] = ()
    consolidates: bool = False


def closes_a_month(as_of: date, acted_before: date | None) -> bool:
    """Say whether monthly invoices are made tonight: on the last day of a month, or in the first night that acts after it.

    Args:
        as_of: the night.
        acted_before: the last night before it that acted outward; none: there was none.
    """
    if (as_of + timedelta(days=1)).day == 1:
        return True
    return acted_before is not None and acted_before < as_of.replace(day=1) - timedelta(days=1)
