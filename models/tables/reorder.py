"""Reorder: the planner's policies, what is proposed and why, and what was ordered."""

from models.tables import column
from models.tables.base import Amount, Day, Money, Quantity, Ratio, Table, Texts, table

ROUNDINGS = ("up", "down", "nearest")
RATE_SOURCES = ("own", "like_sku", "category")
SAFETY_SOURCES = ("service_level", "safety_stock_quantity", "minimum_on_hand", "do_not_stock")
CHASES = ("overdue", "long_overdue", "unconfirmed")


@table(
    "reorder_policies",
    kind="state",
    key=("sku", "category", "supplier_id", "abc", "location_id"),
    is_published=False,
)
class ReorderPolicy(Table):
    """What a planner wants for some SKUs; an empty cell says nothing.
    One row per SKU, category, supplier, class and location."""

    sku: str = column.identifier("The SKU; none = any.", optional=True)
    category: str = column.text("The category; none = any.", optional=True)
    supplier_id: str = column.identifier("The supplier; none = any.", optional=True)
    abc: str = column.choice("The class by revenue; none = any.", ("A", "B", "C", "U"), optional=True)
    location_id: str = column.identifier("The location; none = any.", optional=True)
    service_level: Ratio = column.decimal(
        "Share of cycles without a shortage: 0.98 for 98 %.", unit="share", optional=True, minimum=0, maximum=1
    )
    safety_stock_quantity: Quantity = column.quantity("The planner's own safety stock.", optional=True, minimum=0)
    minimum_on_hand: Quantity = column.quantity("Order when less than this is left.", optional=True, minimum=0)
    maximum_on_hand: Quantity = column.quantity("Never have more than this.", optional=True, minimum=0)
    like_sku: str = column.identifier("It is expected to sell like this SKU.", optional=True)
    cover_days: Quantity = column.quantity(
        "Days an order covers; none = the review period.", unit="days", optional=True, minimum=0
    )
    maximum_cover_days: Quantity = column.quantity(
        "Most days that stock may last after arrival.", unit="days", optional=True, minimum=0
    )
    review_days: Quantity = column.quantity(
        "Days until the supplier is looked at again.", unit="days", optional=True, minimum=1
    )
    rounding: str = column.choice("How packs are filled; none = up.", ROUNDINGS, optional=True)
    do_not_stock: bool = column.flag("Buy only what open orders lack.", optional=True)


class Supplied(Table):
    """What one purchase line costs, shared by proposals and purchase orders."""

    supplier_id: str = column.identifier("Who it is bought from.")
    sku: str = column.identifier("What is bought.")
    location_id: str = column.identifier("Where it shall arrive.")
    quantity: Quantity = column.quantity("How many.", minimum=0)
    unit_cost: Money = column.money("Cost of one unit; none = unknown.", optional=True, minimum=0)
    currency: str = column.currency("Currency of the cost.", optional=True)


class Derivation(Supplied):
    """Every figure a quantity follows from."""

    as_of: Day = column.day("The night.")
    proposal_id: str = column.text("`sku@location`, the subject of decisions.")
    amount: Amount = column.money("Quantity x cost.", optional=True, minimum=0)
    amount_r: Amount = column.money(
        "The same in the reporting currency; none without a rate.",
        optional=True,
        minimum=0,
        unit="reporting currency",
    )
    order_on: Day = column.day("The day it can be ordered: tonight's, or the supplier's next order day.")
    order_by: Day = column.day("The last day on which ordering it is still in time.")
    first_arrival_on: Day = column.day("When it arrives if ordered then.")
    next_review_on: Day = column.day("The next day the supplier can be ordered from.")
    last_arrival_on: Day = column.day("When it arrives if ordered only then.")
    needed_on: Day = column.day("First day from arrival on with less than the safety stock.", optional=True)
    policy: str = column.text("The policy rows that decided.")
    policy_version: str = column.text("Which version of policies and settings.")
    on_hand: Quantity = column.quantity("On hand at the end of the night's day; negative = oversold.")
    promised: Quantity = column.quantity("Open demand due up to the lowest day.", minimum=0)
    overdue: Quantity = column.quantity("Of these, units that should have gone before the night.", minimum=0)
    inbound: Quantity = column.quantity("Purchases due up to the lowest day.", minimum=0)
    inbound_by_day: str = column.text("Purchases due up to the last arrival, by day.", optional=True)
    forecast: Ratio = column.decimal(
        "Demand expected up to the lowest day beyond open orders.", unit="units", minimum=0
    )
    lowest_on: Day = column.day("The day of the lowest balance between the two arrivals.")
    lowest_balance: Ratio = column.decimal("On hand less promised and forecast plus inbound, that day.", unit="units")
    arrival_balance: Ratio = column.decimal("The same on the day of the first arrival.", unit="units")
    abc: str = column.choice("The class planned with.", ("A", "B", "C", "U"))
    rate: Ratio = column.decimal("Demand expected on an average day.", unit="units a day", minimum=0)
    rate_source: str = column.choice("Where the rate comes from.", RATE_SOURCES)
    like_sku: str = column.identifier("The SKU it is planned like.", optional=True)
    service_level: Ratio = column.decimal("Share of cycles without a shortage.", unit="share", minimum=0)
    dear_unit_cost: Ratio = column.decimal(
        "Cost of a dear unit; what costs less is kept a little safer. None = the planner's own service level.",
        unit="reporting currency",
        optional=True,
        minimum=0,
    )
    service_factor: Ratio = column.decimal(
        "Standard deviations that keep it, more for the cheap.", unit="standard deviations", minimum=0
    )
    lump: Ratio = column.decimal("Variance of demand per unit.", unit="units", minimum=0)
    lead_time_days: Ratio = column.decimal("Days from order to receipt planned with.", unit="days", minimum=0)
    lead_time_sd_days: Ratio = column.decimal("Their spread.", unit="days", minimum=0)
    review_days: Quantity = column.quantity("Days between the two order days.", unit="days", minimum=1)
    safety_stock: Ratio = column.decimal("The balance it shall not fall below.", unit="units", minimum=0)
    seen_stretches: Quantity = column.quantity(
        "Stretches of lead time and review in its history.", unit="stretches", optional=True, minimum=0
    )
    seen_quantity: Quantity = column.quantity(
        "Demand of such a stretch that the share of the service level did not exceed; shown beside, decides nothing.",
        optional=True,
        minimum=0,
    )
    safety_source: str = column.choice("Where it comes from.", SAFETY_SOURCES)
    cover_days: Quantity = column.quantity("Days an order covers.", unit="days", minimum=0)
    cover: Ratio = column.decimal("Demand expected in the days an order covers.", unit="units", minimum=0)
    maximum_cover: Ratio = column.decimal(
        "Demand expected in the most days that stock may last; none = no limit.", unit="units", optional=True, minimum=0
    )
    order_line_cost: Money = column.money("What buying again costs.", unit="reporting currency", minimum=0)
    holding_rate: Ratio = column.decimal("What holding costs, of the value a year.", unit="share a year", minimum=0)
    currency_rate: Ratio = column.decimal(
        "Units of the reporting currency for one of the currency.", unit="rate", optional=True, minimum=0
    )
    economic_lot: Ratio = column.decimal(
        "What is cheapest to buy at once, within the maximum cover; 0 without a cost.", unit="units", minimum=0
    )
    maximum_on_hand: Quantity = column.quantity("The planner's maximum.", optional=True, minimum=0)
    target: Ratio = column.decimal("The balance an order fills up to.", unit="units", minimum=0)
    needed: Quantity = column.quantity("Target less lowest balance, whole units.", minimum=0)
    minimum_order_quantity: Quantity = column.quantity("Least quantity the supplier sells.", minimum=0)
    after_minimum: Quantity = column.quantity("Needed, at least the supplier's minimum.", minimum=0)
    pack_size: Quantity = column.quantity("Units in one pack.", minimum=1)
    rounding: str = column.choice("How packs are filled.", ROUNDINGS)
    after_pack: Quantity = column.quantity("The same in whole packs.", minimum=0)
    maximum_quantity: Quantity = column.quantity(
        "Whole packs that keep within maximum cover and maximum.", optional=True, minimum=0
    )
    after_maximum: Quantity = column.quantity("The same, cut to that.", minimum=0)
    steps: Texts = column.texts("The steps from needed to the quantity, in order.")
    flags: Texts = column.texts("What a planner should know of it.")
    sentence: str = column.text("The plan in a sentence.")


@table("reorder_plans", kind="state", key=("sku", "location_id"), schema="marts")
class ReorderPlan(Derivation):
    """How each SKU stands, proposed or not, as of the last night. One row per SKU and location."""


@table("reorder_proposals", kind="night", key=("as_of", "proposal_id"), schema="marts")
class ReorderProposal(Derivation):
    """What should be bought, and everything it follows from. One row per night, SKU and location proposed."""

    kind: str = column.choice("What is proposed.", ("buy",))
    waits_for_budget: bool = column.flag("The budget is used up by items of higher priority.")
    supplier_short_amount: Amount = column.money(
        "What all proposals of its supplier lack to the least amount of an order.", optional=True, minimum=0
    )
    skipped_until: Day = column.day("A planner skipped it until this day.", optional=True)


@table("reorder_exceptions", kind="night", key=("as_of", "sku", "location_id", "reason"), schema="marts")
class ReorderException(Table):
    """What could not be planned, and why. One row per night, SKU, location and reason."""

    as_of: Day = column.day("The night.")
    sku: str = column.identifier("The SKU.")
    location_id: str = column.identifier("The location.")
    reason: str = column.choice("Why.", ("unknown_sku", "no_supplier", "unknown_supplier"))
    sentence: str = column.text("What to do.")


@table("purchase_orders", kind="ledger", key=("purchase_order_id", "line_no"))
class PurchaseOrderLine(Supplied):
    """What was ordered from suppliers; a sent line is never changed. One row per purchase order line."""

    purchase_order_id: str = column.identifier("The purchase order.")
    line_no: Quantity = column.quantity("Its line.", unit="number", minimum=1)
    ordered_on: Day = column.day("When it was ordered.")
    expected_on: Day = column.day("When it is expected.")
    approved_by: str = column.text("Who approved it; `auto` = by its amount.", personal=True)
    decision_id: str = column.identifier("The decision that approved it.", optional=True)
    proposal_id: str = column.text("The proposal it comes from.")
    proposed_on: Day = column.day("The night of that proposal.")


@table("open_demand", kind="state", key=("sku", "location_id", "due_on"), schema="marts")
class OpenDemand(Table):
    """What confirmed orders still wait for. One row per SKU, location and day due."""

    sku: str = column.identifier("What is waited for.")
    location_id: str = column.identifier("Where it is, or would be, sent from.")
    due_on: Day = column.day("By when; a day before the night is overdue.")
    quantity: Quantity = column.quantity("Units ordered, neither cancelled nor shipped.", minimum=1)


@table("supplies", kind="state", key=("purchase_order_id", "line_no"), schema="marts")
class Supply(Table):
    """What is on its way, each unit counted once. One row per purchase line still open."""

    purchase_order_id: str = column.identifier("The purchase order.")
    line_no: Quantity = column.quantity("Its line.", unit="number")
    supplier_id: str = column.identifier("The supplier.")
    sku: str = column.identifier("What comes.")
    location_id: str = column.identifier("Where.")
    quantity: Quantity = column.quantity("Units still to come.", minimum=1)
    expected_on: Day = column.day("The day it was expected.")
    due_on: Day = column.day("The day it is counted on: overdue counts today.")
    is_counted: bool = column.flag("False: no longer relied on.")
    chase: str = column.choice("Why the supplier should be asked.", CHASES, optional=True)


@table("refused_decisions", kind="night", key=("as_of", "decision_id"), schema="marts")
class RefusedDecision(Table):
    """Approvals that ordered nothing, and why. One row per night and decision of the last days."""

    as_of: Day = column.day("The night.")
    decision_id: str = column.identifier("The decision.")
    proposal_id: str = column.text("The proposal it names.")
    reason: str = column.choice("Why.", ("no_proposal", "superseded", "already_ordered", "no_quantity"))
    sentence: str = column.text("What to do.")
