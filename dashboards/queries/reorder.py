"""What should be bought and why, what was decided and sent, and what is missing."""

from datetime import date
from typing import Any

import polars as pl

from dashboards.queries import ROWS_DOWNLOADED, Scope, filtered, read
from dashboards.queries.stock import matched
from models.rules.explained_reorder import Facts
from models.rules.reorder_days import projected


def proposals(scope: Scope) -> pl.DataFrame:
    """What the night proposes, by supplier, the most urgent first; with the order it became part of by itself."""
    condition, values = filtered(scope, "supplier", "location", "abc")
    search, wanted = matched(scope)
    due = "AND order_by <= $order_by" if scope.order_by else ""
    return read(
        scope,
        f"""
        SELECT * FROM (
            SELECT proposal_id, supplier_id, suppliers.name AS supplier_name, sku, products.name AS name, category, location_id,
                   locations.name AS location_name, p.abc AS abc, on_hand, promised, inbound, lowest_balance, safety_stock,
                   needed_on, order_on, order_by, first_arrival_on, next_review_on, p.quantity AS quantity,
                   p.unit_cost AS unit_cost, p.currency AS currency, amount, amount_r, p.pack_size AS pack_size,
                   minimum_order_quantity, flags, sentence, waits_for_budget, skipped_until, supplier_short_amount,
                   suppliers.min_order_amount AS min_order_amount, suppliers.currency AS supplier_currency,
                   coalesce(terms.supplier_sku, products.supplier_sku) AS supplier_sku, products.barcode AS barcode,
                   sent.purchase_order_id AS purchase_order_id
            FROM reorder_proposals AS p LEFT JOIN suppliers USING (supplier_id) LEFT JOIN products USING (sku)
            LEFT JOIN locations USING (location_id) LEFT JOIN supplier_products AS terms USING (supplier_id, sku)
            LEFT JOIN (SELECT proposal_id, min(purchase_order_id) AS purchase_order_id FROM purchase_orders
                       WHERE proposed_on = $as_of GROUP BY ALL) AS sent USING (proposal_id)
            WHERE as_of = $as_of)
        WHERE true {condition} {search} {due}
        ORDER BY supplier_name, supplier_id, order_by, amount_r DESC NULLS LAST, sku, location_id LIMIT {ROWS_DOWNLOADED}
        """,
        as_of=scope.as_of,
        order_by=scope.order_by,
        **values,
        **wanted,
    )


def counts(scope: Scope) -> dict[str, Any]:
    """How much is planned, proposed, to chase, refused and not plannable, whatever the filters."""
    return read(
        scope,
        """
        SELECT (SELECT count(*) FROM reorder_plans) AS plans,
               (SELECT count(*) FROM reorder_proposals WHERE as_of = $as_of) AS proposals,
               (SELECT count(*) FROM supplies WHERE chase IS NOT NULL) AS chase,
               (SELECT count(DISTINCT purchase_order_id) FROM purchase_orders) AS orders
        """,
        as_of=scope.as_of,
    ).row(0, named=True)


def next_due(scope: Scope) -> date | None:
    """The next day on which something is due in."""
    found: date | None = read(scope, "SELECT min(due_on) AS day FROM supplies WHERE is_counted")["day"][0]
    return found


def facts(scope: Scope, proposal_id: str) -> Facts:
    """Everything one proposal follows from."""

    def rows(sql: str, **parameters: Any) -> list[dict[str, Any]]:
        return read(scope, sql, **parameters).to_dicts()

    def first(sql: str, **parameters: Any) -> dict[str, Any] | None:
        return next(iter(rows(sql, **parameters)), None)

    [plan] = _plan(scope, proposal_id).to_dicts()
    item = {"sku": plan["sku"], "location": plan["location_id"]}
    here = "sku = $sku AND location_id = $location"
    stated = first(
        """SELECT coalesce(
               (SELECT lead_time_days FROM supplier_products WHERE supplier_id = $supplier AND sku = $sku),
               (SELECT lead_time_days FROM suppliers WHERE supplier_id = $supplier)) AS days""",
        supplier=plan["supplier_id"],
        sku=plan["sku"],
    )
    return Facts(
        plan=plan,
        proposal=plan,
        open_demand=rows(f"SELECT * FROM open_demand WHERE {here} ORDER BY due_on", **item),
        supplies=rows(f"SELECT * FROM supplies WHERE {here} ORDER BY due_on, purchase_order_id, line_no", **item),
        demand_class=first("SELECT * FROM demand_classes WHERE sku = $sku", sku=plan["sku"]),
        demand_level=first(f"SELECT * FROM demand_levels WHERE {here}", **item),
        demand_weekdays=rows("SELECT * FROM demand_weekdays ORDER BY weekday"),
        supplier_lead_time=first(
            "SELECT * FROM supplier_lead_times WHERE supplier_id = $supplier", supplier=plan["supplier_id"]
        ),
        stated_days=stated["days"] if stated else None,
    )


def _plan(scope: Scope, proposal_id: str) -> pl.DataFrame:
    sql = "SELECT * FROM reorder_proposals WHERE as_of = $as_of AND proposal_id = $proposal_id"
    return read(scope, sql, as_of=scope.as_of, proposal_id=proposal_id)


def days_ahead(scope: Scope, proposal_id: str) -> pl.DataFrame:
    """What will be on hand at the end of each day up to the last arrival, if nothing is bought."""
    plan = _plan(scope, proposal_id)
    item = {"sku": plan["sku"][0], "location": plan["location_id"][0]}
    here = "sku = $sku AND location_id = $location"
    waiting = read(scope, f"SELECT * FROM open_demand WHERE {here} ORDER BY ALL", **item)
    coming = read(scope, f"SELECT * FROM supplies WHERE {here} ORDER BY ALL", **item)
    return projected(plan, waiting, coming, read(scope, "SELECT * FROM demand_weekdays ORDER BY weekday"))


def decisions(scope: Scope) -> pl.DataFrame:
    """The decisions on purchases that the night knew."""
    return read(
        scope,
        """SELECT decision_id, subject_id, action, quantity, decided_by, decided_at, reason FROM decisions
           WHERE subject = 'reorder' ORDER BY decided_at, decision_id""",
    )


def purchase_orders(scope: Scope) -> pl.DataFrame:
    """Lines of purchase orders sent, the newest first."""
    condition, values = filtered(scope, "supplier", "location")
    search, wanted = matched(scope)
    return read(
        scope,
        f"""
        SELECT * FROM (
            SELECT purchase_order_id, line_no, ordered_on, supplier_id, suppliers.name AS supplier_name, sku,
                   products.name AS name, location_id, quantity, purchase_orders.unit_cost AS unit_cost,
                   purchase_orders.currency AS currency, (quantity * purchase_orders.unit_cost)::DECIMAL(38, 2) AS amount,
                   expected_on, approved_by, proposal_id
            FROM purchase_orders LEFT JOIN suppliers USING (supplier_id) LEFT JOIN products USING (sku))
        WHERE true {condition} {search}
        ORDER BY ordered_on DESC, purchase_order_id, line_no LIMIT {ROWS_DOWNLOADED}
        """,
        **values,
        **wanted,
    )


def to_chase(scope: Scope) -> pl.DataFrame:
    """Purchases that are late or were never confirmed, the latest first."""
    condition, values = filtered(scope, "supplier", "location")
    search, wanted = matched(scope)
    return read(
        scope,
        f"""
        SELECT * FROM (
            SELECT chase, supplier_id, suppliers.name AS supplier_name, email, purchase_order_id, line_no, sku,
                   products.name AS name, location_id, quantity, expected_on, $as_of - expected_on AS days_late, is_counted
            FROM supplies LEFT JOIN suppliers USING (supplier_id) LEFT JOIN products USING (sku) WHERE chase IS NOT NULL)
        WHERE true {condition} {search} ORDER BY expected_on, supplier_id, purchase_order_id, line_no LIMIT {ROWS_DOWNLOADED}
        """,
        as_of=scope.as_of,
        **values,
        **wanted,
    )


def refused(scope: Scope) -> pl.DataFrame:
    """Approvals of the last days that ordered nothing."""
    return read(
        scope,
        """
        SELECT sentence, proposal_id, reason, decided_by, decided_at, quantity FROM refused_decisions
        LEFT JOIN (SELECT decision_id, decided_by, decided_at, quantity FROM decisions) USING (decision_id)
        WHERE as_of = $as_of ORDER BY decided_at DESC, decision_id
        """,
        as_of=scope.as_of,
    )


def exceptions(scope: Scope) -> pl.DataFrame:
    """What could not be planned, and what to do."""
    condition, values = filtered(scope, "location")
    search = "AND contains(lower(sku), lower($wanted))" if scope.wanted else ""
    return read(
        scope,
        f"""SELECT sentence, sku, location_id, reason FROM reorder_exceptions
            WHERE as_of = $as_of {condition} {search} ORDER BY reason, sku, location_id LIMIT {ROWS_DOWNLOADED}""",
        as_of=scope.as_of,
        wanted=scope.wanted,
        **values,
    )
