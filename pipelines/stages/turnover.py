"""Turnover: how often stock was sold, and what it earned, month by month and year by year."""

from datetime import date

import polars as pl

from models.rules import turnover as rules
from models.tables.base import empty
from models.tables.stock import StockHistory, StockLedger
from models.tables.turnover import InventoryTurnover
from pipelines.stages.night import Night
from pipelines.stages.stock import BUCKET
from pipelines.warehouse import demand, turnover


def turned(night: Night) -> int:
    """Set what was sold against the stock kept for it, in every period that changed since the night before."""
    warehouse = night.warehouse
    first_day = turnover.first_day(warehouse, night.as_of)
    if first_day is None:
        return night.put(InventoryTurnover, empty(InventoryTurnover), "true")
    periods = rules.periods(first_day, night.as_of)
    turnover.keep(warehouse, periods["period"])
    if not night.is_new("turnover"):
        periods = periods.filter(pl.col("last_on") >= night.changed_from("turnover"))
    since: date = periods.select(pl.col("first_on").min()).item()
    turnover.forget(warehouse, periods["period"])
    written = 0
    sales = turnover.sales(warehouse, since, night.default_location)
    for bucket in demand.find_skus(warehouse, BUCKET):
        theirs = demand.within(bucket)
        skus = demand.skus_of(warehouse, bucket)
        figures = rules.inventory_turnover(
            warehouse.table(StockHistory, theirs),
            warehouse.table(StockLedger, f"{theirs} AND moved_on >= DATE '{since}'"),
            periods,
            night.costs(f"WHERE {theirs}"),
            night.currency_rates,
            sales.join(skus, on="sku", how="semi"),
        )
        written += night.put(InventoryTurnover, figures, "false")
    night.note_done("turnover")
    return written
