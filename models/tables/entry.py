"""Order entry: what the gates found, and what the night decided on it."""

from models.tables import column
from models.tables.base import Day, Moment, Quantity, Table, table

SEVERITIES = ("reject", "hold", "warn")


@table("order_findings", kind="state", key=("order_id", "line_no", "gate"), is_kept=True)
class OrderFinding(Table):
    """What the gates found about an order. One row per order, line and gate."""

    order_id: str = column.identifier("The order.")
    line_no: Quantity = column.quantity("The line; none = the whole order.", unit="number", optional=True)
    gate: str = column.identifier("The gate that found it.")
    severity: str = column.choice("What it does to the order.", SEVERITIES)
    facts: str = column.text("What was found, in words.")
    is_open: bool = column.flag("True while it stands.")
    as_of: Day = column.day("The night that found it first.")
    closed_on: Day = column.day("The night on which it was gone.", optional=True)


@table("night_events", kind="state", key=("event_id",), is_published=False, is_kept=True)
class NightEvent(Table):
    """What the night itself decided about an order, told as events. One row per decided event."""

    event_id: str = column.text("The order and the event: `<order_id>:confirmed`.")
    order_id: str = column.identifier("The order.")
    event: str = column.choice("What was decided.", ("confirmed", "held", "released", "rejected", "cancelled"))
    occurred_at: Moment = column.moment("From when on it holds.")
    reason: str = column.text("The gates or the person behind it.", optional=True)
    as_of: Day = column.day("The night that decided it.")
