"""The rule tables: policies with dates, as people write them in `rules/*.csv`; checked like feeds."""

import polars as pl

from models.tables import column
from models.tables.base import Day, Ratio, Table, TableClass, table
from models.tables.billing import Account, ReminderLevel
from models.tables.feeds import CHANNELS, EVENTS
from models.tables.lifecycle import STATUSES
from models.tables.reorder import ReorderPolicy


@table("lifecycle", kind="state", key=("status", "event"), is_published=False)
class Transition(Table):
    """Which administrative event leads from which status to which. One row per status and event."""

    status: str = column.choice("Status before.", STATUSES)
    event: str = column.choice("What happens.", EVENTS)
    next_status: str = column.choice("Status after.", STATUSES, optional=True)


@table("channels", kind="state", key=("channel",), is_published=False)
class Channel(Table):
    """How channels differ. One row per channel."""

    channel: str = column.choice("The channel.", CHANNELS)
    handed_over_at_sale: bool = column.flag("True: the goods are handed over when the order is placed.")
    gates: str = column.choice("Whether findings hold its orders, or only warn.", ("all", "warn"))
    billing: str = column.choice(
        "When it is billed; `none`: it bills for itself; empty: the setting.",
        ("on_confirmation", "on_shipment", "on_delivery", "none"),
        optional=True,
    )
    prices_include_tax: bool = column.flag("Its prices are gross; none = the setting.", optional=True)


GATES = ("no_lines", "unknown_currency", "unknown_sku", "unknown_customer")
"""What every order is asked before it is confirmed."""


@table("gates", kind="state", key=("gate", "valid_from"), is_published=False)
class Gate(Table):
    """What each gate does to an order. One row per gate and first day."""

    gate: str = column.choice("The gate.", GATES)
    severity: str = column.choice("What a finding does.", ("reject", "hold", "warn", "off"))
    limit: Ratio = column.decimal("The limit it compares with.", unit="of the gate", optional=True)
    valid_from: Day = column.day("From when on; none = always.", optional=True)


@table("feeds_expected", kind="state", key=("feed", "valid_from"), is_published=False)
class ExpectedFeed(Table):
    """Which feeds must come on which days. One row per feed and first day."""

    feed: str = column.identifier("The feed or source.")
    weekdays: str = column.weekdays("On which days; none = every day.", optional=True)
    valid_from: Day = column.day("From when on; none = always.", optional=True)


@table("tax_rates", kind="state", key=("tax_code", "country", "valid_from"), is_published=False)
class TaxRate(Table):
    """What tax is due. One row per tax code, country and first day."""

    tax_code: str = column.identifier("The tax code of a line or product.")
    country: str = column.country("Where it is due.")
    valid_from: Day = column.day("From when on; none = always.", optional=True)
    rate_percent: Ratio = column.decimal("The rate.", unit="percent", minimum=0)
    category: str = column.choice(
        "Category of EN 16931.", ("S", "Z", "E", "AE", "K", "G", "O"), optional=True, default="S"
    )
    exemption_reason: str = column.text("Why no tax is due.", optional=True)


RULE_TABLES: dict[str, TableClass] = {
    "lifecycle": Transition,
    "channels": Channel,
    "gates": Gate,
    "feeds_expected": ExpectedFeed,
    "tax_rates": TaxRate,
    "reorder_policies": ReorderPolicy,
    "reminder_levels": ReminderLevel,
    "accounts": Account,
}
"""Every rule table by the name of its file; `tax_rates` is the shop's own and may be absent."""
CONTRADICTIONS: dict[str, tuple[pl.Expr, pl.Expr]] = {
    "reorder_policies": (
        pl.col("minimum_on_hand") > pl.col("maximum_on_hand"),
        pl.format("minimum_on_hand {} is above maximum_on_hand {}", "minimum_on_hand", "maximum_on_hand"),
    ),
    "tax_rates": (
        (pl.col("category") != "S") & (pl.col("rate_percent") > 0),
        pl.format(
            "category {} is for what is not taxed, and its rate is {} percent",
            "category",
            pl.col("rate_percent").cast(pl.Float64),
        ),
    ),
}
"""Rule tables with columns that can contradict one another: which rows do, and how that is said."""
