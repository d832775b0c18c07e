"""The proof of a night, and what it leaves for people to do."""

from models.tables import column
from models.tables.base import Amount, Day, Table, table

ROLES = ("operator", "billing", "planner", "support")


@table("attention", kind="night", key=("as_of", "item_id"), schema="marts")
class AttentionItem(Table):
    """What needs a person this morning. One row per night and thing to do."""

    as_of: Day = column.day("The night.")
    item_id: str = column.text("The thing to do, the same every night.")
    role: str = column.choice("Who shall do it.", ROLES)
    kind: str = column.identifier("What kind of thing it is.")
    subject_id: str = column.text("The order, file or product it is about.")
    amount: Amount = column.money("Money at stake; none = unknown.", optional=True, unit="reporting currency")
    due_on: Day = column.day("By when.", optional=True)
    first_seen_on: Day = column.day("The night that noticed it first.")
    sentence: str = column.text("What to do and why.")
    page: str = column.identifier("The page that shows more.")


@table("certificate", kind="night", key=("as_of", "proof"), schema="marts")
class Proof(Table):
    """What was proven of a night, each an equality of two counts or sums. One row per night and proof."""

    as_of: Day = column.day("The night.")
    proof: str = column.identifier("What was proven.")
    expected: str = column.text("The figure it must have.")
    found: str = column.text("The figure it has.")
    is_green: bool = column.flag("True when both agree.")
    details: str = column.text("What was compared, and the first violations.", optional=True)
