"""Reorder: what planners approved is ordered, and what to buy next is proposed with its reason."""

import hashlib
import json
from datetime import timedelta

import polars as pl

from models.rules import purchases
from models.rules import reorder as rules
from models.tables.base import empty, validated
from models.tables.demand import DemandClass, DemandLevel, DemandWeekday, SupplierLeadTime
from models.tables.reorder import (
    OpenDemand,
    PurchaseOrderLine,
    RefusedDecision,
    ReorderException,
    ReorderPlan,
    ReorderProposal,
    Supply,
)
from models.tables.stock import StockLedger, StockPosition
from pipelines.stages.demand import BUCKET
from pipelines.stages.night import Night
from pipelines.warehouse import demand, reorder, stock
from pipelines.warehouse.morning import TOLD_DAYS


def proposed(night: Night) -> int:
    """Order what was approved, plan every SKU, and propose what should be bought."""
    warehouse, as_of, settings = night.warehouse, night.as_of, night.settings.reorder
    tonight = f"as_of = DATE '{as_of}'"
    decisions = night.rows("decisions").filter(pl.col("subject") == "reorder")
    before = reorder.published(warehouse, as_of, night.time_zone)
    bought = purchases.purchase_orders(before, decisions, warehouse.table(PurchaseOrderLine), as_of)
    written = _ordered(night, bought.lines)
    recent = decisions.filter(pl.col("decided_at").dt.date() >= as_of - timedelta(days=TOLD_DAYS))
    refused = bought.refused.join(recent, on="decision_id", how="semi")
    written += night.put(RefusedDecision, purchases.refusals(refused, as_of), tonight)

    orders, lines = reorder.open_orders(warehouse)
    nowhere = pl.DataFrame(
        schema={"order_id": pl.String, "line_no": pl.Int64, "location_id": pl.String, "quantity": pl.Int64}
    )
    waiting = rules.commitments(orders, lines, nowhere, as_of, default_location=night.default_location)
    coming = purchases.supplies(stock.inbound(warehouse, as_of), warehouse.table(PurchaseOrderLine), as_of)
    written += night.put(OpenDemand, waiting, "true") + night.put(Supply, coming, "true")

    planned = _planned(night, waiting, coming)
    written += night.put(ReorderPlan, planned.plans, "true")
    written += night.put(ReorderException, planned.exceptions, tonight)
    skips = purchases.skips(before, decisions, as_of)
    proposals = rules.proposals(planned.plans, night.rows("suppliers"), skips, budget=settings.budget)
    written += night.put(ReorderProposal, proposals, tonight)
    by_itself = purchases.purchase_orders(
        proposals.with_columns(published_at=pl.lit(None, before.schema["published_at"])),
        decisions.clear(),
        warehouse.table(PurchaseOrderLine),
        as_of,
        auto_approve_below=settings.auto_approve_below,
    )
    return written + _ordered(night, by_itself.lines)


def _ordered(night: Night, lines: pl.DataFrame) -> int:
    """Send purchase orders, in a night that may; a rebuild reads back what was sent."""
    if night.issued is not None:
        lines = night.issued[PurchaseOrderLine]
    elif not night.may_order:
        return 0
    return night.warehouse.append_new(PurchaseOrderLine, validated(PurchaseOrderLine, lines))


def _planned(night: Night, waiting: pl.DataFrame, coming: pl.DataFrame) -> rules.Planned:
    """Plan every SKU, so many at once; a shop that tells nothing of its stock has no plan."""
    warehouse, as_of, settings = night.warehouse, night.as_of, night.settings.reorder
    if not warehouse.count(StockLedger):
        return rules.Planned(empty(ReorderPlan), empty(ReorderException))
    levels, classes = warehouse.table(DemandLevel), warehouse.table(DemandClass)
    products = night.rows("products")
    policies = night.rules["reorder_policies"]
    costs = rules.Costs(
        settings.order_line_cost,
        settings.holding_rate,
        settings.maximum_cover_days,
        currency=night.settings.business.reporting_currency,
    )
    told = json.dumps(settings.model_dump(mode="json"), sort_keys=True) + policies.write_csv()
    suppliers, terms, rates = night.rows("suppliers"), night.rows("supplier_products"), night.rates_tonight
    peers, dear = (
        rules.peers(levels, products, as_of),
        rules.dear_cost(products, suppliers, terms, rates, night.settings.business.reporting_currency),
    )
    parts = []
    for bucket in demand.find_skus(warehouse, BUCKET):
        within = demand.within(bucket)
        skus = demand.skus_of(warehouse, bucket)
        here, waits, comes, sold = (
            rows.join(skus, on="sku", how="semi") for rows in (levels, waiting, coming, products)
        )
        planned = rules.plans(
            warehouse.table(StockPosition, f"as_of = DATE '{as_of}' AND {within}"),
            here,
            classes,
            waits,
            comes,
            sold,
            suppliers,
            terms,
            warehouse.table(SupplierLeadTime),
            policies,
            rates,
            warehouse.table(DemandWeekday).cast({"weekday": pl.Int8, "factor": pl.Float64}),
            as_of,
            costs=costs,
            policy_version=hashlib.sha256(told.encode()).hexdigest()[:12],
            all_levels=levels,
            all_peers=peers,
            dear=dear,
        )
        seen = rules.with_seen(planned.plans, demand.days(warehouse, within), here, settings.history_days)
        parts.append(rules.Planned(seen, planned.exceptions))
    return rules.Planned(
        pl.concat([empty(ReorderPlan), *(part.plans for part in parts)]),
        pl.concat([empty(ReorderException), *(part.exceptions for part in parts)]),
    )
