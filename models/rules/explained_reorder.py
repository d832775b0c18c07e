"""Why so much is proposed: every figure of a plan, with the numbers it comes from put in.

The plan's row holds what decided; the other rows say where its figures come from. Nothing is decided here.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

import polars as pl

Row = Mapping[str, Any]

VOICES = {
    "fast": "fast smoothing, weekdays and growth",
    "flat": "plain average",
    "croston": "Croston, SBA",
    "tsb": "Teunter, Syntetos and Babai",
}
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
CHASES = {
    "overdue": "overdue, counted today",
    "long_overdue": "long overdue, not counted: ask the supplier",
    "unconfirmed": "not confirmed, not counted: ask the supplier",
}
FLAGS = {
    "no_cost": "its cost is unknown, so there is no economic lot and no amount",
    "no_exchange_rate": "no exchange rate for its currency, so there is no economic lot and no amount in the reporting currency",
    "currencies_differ": "its cost is in another currency than its supplier's",
    "like_sku_unknown": "the SKU that the planner likened it to has no demand of its own",
    "new_item": "it is new, known for less than 60 days",
    "no_longer_sold": "it is no longer sold, so only what open orders lack is bought",
    "overdue_inbound": "a purchase is overdue and counted as if it came today",
    "minimum_over_maximum": "the supplier's minimum is more than the maximum allows; the minimum won",
}
MOST_DAYS = 14
MOST_LISTED = 10


class Told(NamedTuple):
    """One figure of a plan, and how it comes about."""

    topic: str
    sentence: str


@dataclass(frozen=True)
class Facts:
    """What is known of one SKU at one location: the rows of the tables of these names, none where there is none."""

    plan: Row
    proposal: Row | None
    open_demand: Sequence[Row]
    supplies: Sequence[Row]
    demand_class: Row | None
    demand_level: Row | None
    demand_weekdays: Sequence[Row]
    supplier_lead_time: Row | None
    stated_days: int | None
    """What the supplier states for this SKU, else for all it sells."""


def derivation(facts: Facts) -> list[Told]:
    """Say how a plan comes about, figure by figure, in the order in which they follow from each other."""
    plan = facts.plan
    return [
        Told("Position", _position(plan)),
        Told("Promised", _promised(facts)),
        Told("Inbound", _inbound(facts)),
        Told("Class", _class(facts)),
        *_forecast(facts),
        Told("Lead time", _lead_time(facts)),
        Told("Order days", _order_days(plan)),
        Told("Safety stock", _safety_stock(plan)),
        Told("Economic lot", _economic_lot(plan)),
        Told("Target", _target(plan)),
        Told("Balance", _balance(plan)),
        *_chain(plan),
        *_rest(facts),
    ]


def ahead(projected: pl.DataFrame, marked: Collection[date]) -> pl.DataFrame:
    """Draw the days ahead together, so that they fit a small table: weeks, cut where something happens.

    Args:
        projected: rows of `reorder.projected` of one SKU and location.
        marked: days that end a row whatever happens.

    Returns:
        first_day, day (the last of the row), opening, promised, inbound, forecast (sums), balance; every day where
        there are at most 14.
    """
    first = pl.col("day").min()
    ends = (
        pl.lit(projected.height <= MOST_DAYS)
        | (pl.col("promised") != 0)
        | (pl.col("inbound") != 0)
        | pl.col("day").is_in(list(marked))
        | ((pl.col("day") - first).dt.total_days() % 7 == 0)
    )
    return (
        projected.with_columns(row=ends.shift(1, fill_value=False).cum_sum())
        .group_by("row", maintain_order=True)
        .agg(
            pl.col("day").first().alias("first_day"),
            pl.col("day").last(),
            pl.col("opening").first(),
            pl.col("promised", "inbound").sum(),
            pl.col("forecast").sum().round(4),
            pl.col("balance").last(),
        )
        .drop("row")
    )


def figure(value: Decimal | float | None) -> str:
    """A figure as it is stored, with at most four places and no zeros that say nothing."""
    if value is None:
        return "none"
    text = f"{value:.4f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _share(value: Decimal) -> str:
    return f"{figure(value * 100)} %"


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"


def _listed(parts: Sequence[str]) -> str:
    more = len(parts) - MOST_LISTED
    return "; ".join([*parts[:MOST_LISTED], *([f"and {more} more"] if more > 0 else [])])


def _position(plan: Row) -> str:
    oversold = ", oversold" if plan["on_hand"] < 0 else ""
    return f"{plan['on_hand']} on hand at the end of {_day(plan['as_of'])}{oversold}."


def _promised(facts: Facts) -> str:
    plan = facts.plan
    if not facts.open_demand:
        return "No open order waits for it."
    parts = [
        f"{row['quantity']} by {_day(row['due_on'])}{' (overdue)' if row['due_on'] < plan['as_of'] else ''}"
        for row in facts.open_demand
    ]
    return f"{_listed(parts)}. Up to the lowest day: {plan['promised']}, of these {plan['overdue']} overdue."


def _inbound(facts: Facts) -> str:
    if not facts.supplies:
        return "Nothing is on its way."
    parts = []
    for row in facts.supplies:
        chase = f" ({CHASES.get(row['chase'], row['chase'])})" if row["chase"] else ""
        line = f"{row['purchase_order_id']}/{row['line_no']}"
        parts.append(f"{row['quantity']} on {_day(row['due_on'])} by {line} of {row['supplier_id']}{chase}")
    return f"{_listed(parts)}. Up to the lowest day: {facts.plan['inbound']}."


def _class(facts: Facts) -> str:
    plan, found = facts.plan, facts.demand_class
    if found is None:
        return f"Planned as {plan['abc']}; it has no class of its own."
    parts = [f"{found['abc']} by revenue"]
    if found["xyz"]:
        parts.append(f"{found['xyz']} by variation ({figure(found['variation'])})")
    if found["demand_class"]:
        interval, size = figure(found["demand_interval_days"]), figure(found["size_variation"])
        parts.append(f"{found['demand_class']} (demand every {interval} days, CV² {size})")
    planned = f"; planned as {plan['abc']}" if plan["abc"] != found["abc"] else ""
    return f"{', '.join(parts)}{planned}."


def _forecast(facts: Facts) -> Iterator[Told]:
    plan, level = facts.plan, facts.demand_level
    source = {
        "like_sku": f", as {plan['like_sku']} sells, by the planner",
        "category": ", as others of its category do: it is new",
    }.get(plan["rate_source"], "")
    if plan["safety_source"] == "do_not_stock":
        yield Told("Forecast", "None: only what open orders lack is bought.")
    elif plan["rate_source"] == "own" and level is None:
        yield Told("Forecast", "0 a day: nothing was ever asked for.")
    else:
        yield Told("Forecast", f"{figure(plan['rate'])} a day{source}.")
    if level is not None:
        seen = (
            f"{figure(level['rate'])} a day over {level['observed_days']} days; {figure(level['rate_in_stock'])} over the "
            f"{level['in_stock_days']} of them that ended with stock; {level['demand_days']} days with demand in all."
        )
        yield Told("Seen", seen)
        voices = [
            f"{figure(level[f'{voice}_weight'])} × {figure(level[voice])} ({words})" for voice, words in VOICES.items()
        ]
        unused = "" if plan["rate_source"] == "own" else "; not planned with"
        yield Told("Voices", f"{' + '.join(voices)} = {figure(level['level'])} a day{unused}.")
    if facts.demand_weekdays:
        factors = [f"{WEEKDAYS[row['weekday'] - 1]} {figure(row['factor'])}" for row in facts.demand_weekdays]
        yield Told("Weekdays", f"{', '.join(factors)} times an average day.")


def _lead_time(facts: Facts) -> str:
    plan, found = facts.plan, facts.supplier_lead_time
    stated = "nothing stated" if facts.stated_days is None else f"{facts.stated_days} days stated"
    planned = f"planned with {figure(plan['lead_time_days'])} ± {figure(plan['lead_time_sd_days'])} days"
    if found is None or not found["receipts"]:
        return f"{stated}; nothing received yet to measure; {planned}."
    measured = (
        f"measured {figure(found['lead_time_mean_days'])} ± {figure(found['lead_time_sd_days'])} days over "
        f"{found['receipts']} receipt{'s' * (found['receipts'] > 1)} of {found['supplier_id']}, {found['late_receipts']} late"
    )
    if facts.stated_days and found["stated_ratio"] is not None:
        measured += f", {figure(found['stated_ratio'])} times what is stated"
    return f"{stated}; {measured}; {planned}."


def _order_days(plan: Row) -> str:
    return (
        f"Ordered on {_day(plan['order_on'])} it arrives on {_day(plan['first_arrival_on'])}; ordered at the next order "
        f"day, {_day(plan['next_review_on'])}, on {_day(plan['last_arrival_on'])}: {plan['review_days']} days later."
    )


def _safety_stock(plan: Row) -> str:
    kept = f"{figure(plan['safety_stock'])} units"
    source = {
        "minimum_on_hand": f"{kept}: the planner's minimum.",
        "safety_stock_quantity": f"{kept}: the planner's own.",
        "do_not_stock": "None: only what open orders lack is bought.",
    }.get(plan["safety_source"])
    if source is not None:
        return source
    if plan["abc"] == "U":
        return "None: it is unsold."
    span = plan["lead_time_days"] + plan["review_days"]
    z, rate, lump, spread = (figure(plan[name]) for name in ("service_factor", "rate", "lump", "lead_time_sd_days"))
    capped = ", at most the planner's maximum" if plan["maximum_on_hand"] is not None else ""
    return (
        f"z·√(d·L·lump + d²·σL²) = {z}·√({rate}·{figure(span)}·{lump} + {rate}²·{spread}²) = {kept}{capped}; "
        f"z for a service level of {_share(plan['service_level'])}{_cheaper(plan)}, L = lead time and review."
    )


def _cheaper(plan: Row) -> str:
    """Why the factor is more than its service level asks for."""
    dear, cost, rate = plan.get("dear_unit_cost"), plan["unit_cost"], plan["currency_rate"]
    if dear is None or cost is None or rate is None or not 0 < cost * rate < dear:
        return ""
    return f", more as a unit costs {figure(cost * rate)} and a dear one {figure(dear)}"


def _economic_lot(plan: Row) -> str:
    lot = figure(plan["economic_lot"])
    if not plan["economic_lot"]:
        return "None: without a cost, its exchange rate or demand there is no cheapest quantity."
    order, rate, holding = (figure(plan[name]) for name in ("order_line_cost", "rate", "holding_rate"))
    cost = figure(plan["unit_cost"] * plan["currency_rate"])
    at_most = (
        f", at most the {figure(plan['maximum_cover'])} of the maximum cover"
        if plan["maximum_cover"] is not None
        else ""
    )
    return f"√(2·K·d·365 / (h·cost)) = √(2·{order}·{rate}·365 / ({holding}·{cost})) = {lot} units{at_most}."


def _target(plan: Row) -> str:
    target = figure(plan["target"])
    if plan["maximum_on_hand"] is not None:
        return f"{target} units: the planner's maximum."
    safety, cover, lot = (figure(plan[name]) for name in ("safety_stock", "cover", "economic_lot"))
    return (
        f"{safety} safety stock + the larger of {cover} (cover of {plan['cover_days']} days) and {lot} (economic lot) = "
        f"{target} units."
    )


def _balance(plan: Row) -> str:
    lowest = figure(plan["lowest_balance"])
    return (
        f"{plan['on_hand']} on hand - {plan['promised']} promised + {plan['inbound']} inbound - "
        f"{figure(plan['forecast'])} forecast = {lowest} on {_day(plan['lowest_on'])}, the lowest between the two arrivals."
    )


def _chain(plan: Row) -> Iterator[Told]:
    """The steps from the balance to the quantity."""
    lowest, safety = figure(plan["lowest_balance"]), figure(plan["safety_stock"])
    if not plan["needed"]:
        yield Told("Needed", f"Nothing: {lowest} is not below the safety stock of {safety}.")
        return
    target = figure(plan["target"])
    yield Told(
        "Needed",
        f"{lowest} is below the safety stock of {safety}, so up to {target} are needed: {plan['needed']} in whole units.",
    )
    yield Told("Minimum", f"The supplier sells at least {plan['minimum_order_quantity']}: {plan['after_minimum']}.")
    yield Told("Packs", f"Packs of {plan['pack_size']}, rounded {plan['rounding']}: {plan['after_pack']}.")
    limit = "no limit" if plan["maximum_quantity"] is None else f"at most {plan['maximum_quantity']}"
    yield Told("Maximum", f"By maximum cover and planner {limit}: {plan['after_maximum']}.")
    amount = (
        f" at {figure(plan['unit_cost'])} = {figure(plan['amount'])} {plan['currency'] or ''}".rstrip()
        if plan["amount"] is not None
        else ""
    )
    yield Told("Quantity", f"{plan['quantity']}{amount} from {plan['supplier_id']}.")


def _rest(facts: Facts) -> Iterator[Told]:
    """What a planner should know, who decided, and what became of the proposal."""
    plan, proposal = facts.plan, facts.proposal
    if plan["flags"]:
        words = "; ".join(FLAGS.get(flag, flag.replace("_", " ")) for flag in plan["flags"])
        yield Told("Note", f"{words[0].upper()}{words[1:]}.")
    decided = plan["policy"] or "no row of reorder_policies, the settings alone"
    yield Told("Policy", f"{decided}; version {plan['policy_version']}.")
    if proposal is None:
        return
    said = []
    if proposal["skipped_until"] is not None:
        said.append(f"a planner skipped it until {_day(proposal['skipped_until'])}")
    if proposal["waits_for_budget"]:
        said.append("it waits, the budget is used up by items of higher priority")
    if proposal["supplier_short_amount"] is not None:
        short = figure(proposal["supplier_short_amount"])
        said.append(f"all proposals of the supplier together lack {short} to its least amount of an order")
    words = "; ".join([f"{proposal['proposal_id']}", *said])
    yield Told("Proposal", f"{words}.")
