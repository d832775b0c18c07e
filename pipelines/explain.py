"""Why so much of a SKU is proposed: what a planner asks, answered from what is published."""

import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

import polars as pl

from models.rules.explained_reorder import Facts, Row, ahead, derivation, figure
from models.rules.reorder_days import projected
from pipelines.warehouse.read import Published, published
from pipelines.workspace import OrderhouseError, Workspace

WIDTH = 120
PLAN = {
    "sku": pl.String,
    "location_id": pl.String,
    "as_of": pl.Date,
    "on_hand": pl.Int64,
    "rate": pl.Decimal(24, 10),
    "first_arrival_on": pl.Date,
    "last_arrival_on": pl.Date,
}
DUE = {"sku": pl.String, "location_id": pl.String, "due_on": pl.Date, "quantity": pl.Int64}
COMING = DUE | {"is_counted": pl.Boolean}
SEASON = {"weekday": pl.Int64, "factor": pl.Decimal(24, 10)}
"""What `projected` looks at; the tables themselves would take longer to load than to ask."""
INDENT = 14
"""Where the sentences begin, beside their topics."""


def explained(workspace: Workspace, sku: str, location_id: str | None = None) -> dict[str, Any]:
    """How the plan of a SKU comes about, at one location or at all, one after the other.

    Returns:
        sku, name, as_of, plans (of each location the published rows it follows from, `derivation`, and `days`, the
        projected days), exceptions (why it could not be planned), text.

    Raises:
        OrderhouseError: nothing is published yet, or the SKU or the location is unknown.
    """
    with published(workspace) as found:
        pointer = workspace.pointer()
        assert pointer is not None
        here = "sku = $sku AND ($location IS NULL OR location_id = $location)"
        given = {"sku": sku, "location": location_id}
        exceptions = found.rows(
            f"SELECT * FROM reorder_exceptions WHERE {here} AND as_of = $as_of ORDER BY ALL",
            given | {"as_of": pointer.as_of},
        )
        planned = found.rows(f"SELECT * FROM reorder_plans WHERE {here} ORDER BY location_id", given)
        products = found.rows("SELECT name, is_stocked FROM products WHERE sku = $sku", {"sku": sku})
        if not planned and not exceptions:
            raise OrderhouseError(_unplanned(found, products, sku, location_id, pointer.as_of))
        facts = [(each, _days(each)) for each in (_facts(found, plan) for plan in planned)]
    name = products[0]["name"] if products else None
    plans = [
        asdict(each)
        | {
            "location_id": each.plan["location_id"],
            "derivation": [told._asdict() for told in derivation(each)],
            "days": days.to_dicts(),
        }
        for each, days in facts
    ]
    text = [f"{sku} {name or ''}".rstrip() + f", as of {pointer.as_of}"]
    for row in exceptions:
        text += ["", f"{sku} at {row['location_id']}: not planned. {row['sentence']}"]
    for each, days in facts:
        text += ["", *_told(each, days)]
    return {
        "sku": sku,
        "name": name,
        "as_of": pointer.as_of,
        "plans": plans,
        "exceptions": exceptions,
        "text": "\n".join(text),
    }


def _facts(found: Published, plan: dict[str, Any]) -> Facts:
    """The published rows that the plan follows from."""
    item = {"sku": plan["sku"], "location": plan["location_id"]}
    here = "sku = $sku AND location_id = $location"
    supplier = {"supplier": plan["supplier_id"]}

    def first(sql: str, params: dict[str, Any]) -> dict[str, Any] | None:
        return next(iter(found.rows(sql, params)), None)

    stated = first(
        """SELECT coalesce(
               (SELECT lead_time_days FROM supplier_products WHERE supplier_id = $supplier AND sku = $sku),
               (SELECT lead_time_days FROM suppliers WHERE supplier_id = $supplier)) AS days""",
        supplier | {"sku": plan["sku"]},
    )
    return Facts(
        plan=plan,
        proposal=first(
            f"SELECT * FROM reorder_proposals WHERE {here} AND as_of = $as_of", item | {"as_of": plan["as_of"]}
        ),
        open_demand=found.rows(f"SELECT * FROM open_demand WHERE {here} ORDER BY due_on", item),
        supplies=found.rows(f"SELECT * FROM supplies WHERE {here} ORDER BY due_on, purchase_order_id, line_no", item),
        demand_class=first("SELECT * FROM demand_classes WHERE sku = $sku", {"sku": plan["sku"]}),
        demand_level=first(f"SELECT * FROM demand_levels WHERE {here}", item),
        demand_weekdays=found.rows("SELECT * FROM demand_weekdays ORDER BY weekday"),
        supplier_lead_time=first("SELECT * FROM supplier_lead_times WHERE supplier_id = $supplier", supplier),
        stated_days=stated["days"] if stated else None,
    )


def _days(facts: Facts) -> pl.DataFrame:
    """The projected days of a plan."""

    def rows(found: Sequence[Row], kinds: dict[str, Any]) -> pl.DataFrame:
        return pl.DataFrame({name: [row[name] for row in found] for name in kinds}, schema=kinds)

    return projected(
        rows([facts.plan], PLAN),
        rows(facts.open_demand, DUE),
        rows(facts.supplies, COMING),
        rows(facts.demand_weekdays, SEASON),
    )


def _told(facts: Facts, days: pl.DataFrame) -> list[str]:
    """A plan as text: its sentence, its derivation, the days ahead."""
    plan = facts.plan
    lines = [f"{plan['sku']} at {plan['location_id']}", *_wrapped(plan["sentence"], "  ", "  "), ""]
    for told in derivation(facts):
        lines += _wrapped(told.sentence, f"  {told.topic:<{INDENT}}", " " * (INDENT + 2))
    return [*lines, "", *_table(plan, days)]


def _wrapped(text: str, first: str, others: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=others, break_long_words=False)


def _table(plan: Row, days: pl.DataFrame) -> list[str]:
    """The days ahead as a small table, if nothing is bought."""
    notes: dict[date, list[str]] = {}
    for name, words in (
        ("first_arrival_on", "first arrival"),
        ("needed_on", "first below the safety stock"),
        ("lowest_on", "lowest"),
        ("last_arrival_on", "last arrival"),
    ):
        if plan[name] is not None:
            notes.setdefault(plan[name], []).append(words)
    figures = ("opening", "promised", "inbound", "forecast", "balance")
    cells = [["day", *figures, ""]]
    for row in ahead(days, list(notes)).iter_rows(named=True):
        first, last = row["first_day"], row["day"]
        span = f"{last:%d %b}" if first == last else f"{first:%d %b} to {last:%d %b}"
        cells.append([span, *(figure(row[name]) for name in figures), ", ".join(notes.get(last, []))])
    widths = [max(len(line[place]) for line in cells) for place in range(len(figures) + 1)]
    lines = ["  The days ahead, if nothing is bought: opening - promised + inbound - forecast = balance"]
    for day, *others, note in cells:
        told = [f"{value:>{width}}" for value, width in zip(others, widths[1:], strict=True)]
        lines.append(f"  {'  '.join([f'{day:<{widths[0]}}', *told, note])}".rstrip())
    return lines


def _unplanned(found: Published, products: list[dict[str, Any]], sku: str, location_id: str | None, as_of: date) -> str:
    """Why there is no plan to explain, and what to do."""
    if location_id is not None:
        places = found.rows("SELECT location_id FROM reorder_plans WHERE sku = ? ORDER BY location_id", [sku])
        if places:
            named = ", ".join(row["location_id"] for row in places)
            return f"{sku} has no plan at {location_id} as of {as_of}; it has one at {named}."
        known = {row["location_id"] for row in found.rows("SELECT location_id FROM locations")}
        if known and location_id not in known:
            return f"No location {location_id} is known as of {as_of}; the shop's are {', '.join(sorted(known)[:5])}."
    if not products:
        near = found.rows(
            """SELECT sku FROM (SELECT sku FROM products UNION SELECT sku FROM reorder_plans)
               WHERE contains(lower(sku), lower($sku)) OR jaro_winkler_similarity(lower(sku), lower($sku)) > 0.8
               ORDER BY jaro_winkler_similarity(lower(sku), lower($sku)) DESC, sku LIMIT 3""",
            {"sku": sku},
        )
        hint = f" Did you mean {', '.join(row['sku'] for row in near)}?" if near else ""
        return f"No SKU {sku} is known as of {as_of}.{hint}"
    if products[0]["is_stocked"] is False:
        return f"{sku} is a service or the like that is not stocked, so it is not planned."
    if not found.rows("SELECT 1 FROM reorder_plans LIMIT 1"):
        return f"Nothing is planned as of {as_of}, as no stock was told of; deliver stock_movements or stock_counts."
    at = f" at {location_id}" if location_id else ""
    return f"{sku} has neither stock, demand nor open orders{at} as of {as_of}, so there is nothing to plan."
