"""Demand: what was asked for, how it behaves, how much of it is expected, and how long suppliers take."""

from datetime import date, timedelta
from itertools import groupby

import polars as pl

from models.rules import demand as rules
from models.tables.base import polars_schema
from models.tables.demand import DemandClass, DemandDay, DemandLevel, DemandWeekday, SupplierLeadTime
from pipelines.stages.night import Night
from pipelines.warehouse import demand

BUCKET = 10_000
"""SKUs measured at once."""


def expected(night: Night) -> int:
    """Count what was asked for, and say of every SKU how it sells and what to expect."""
    written = _counted(night) + measured(night)
    inbound = night.rows("inbound").filter(pl.col("ordered_on") <= night.as_of)
    times = rules.lead_times(inbound, night.rows("suppliers"), night.rows("supplier_products"))
    written += night.put(SupplierLeadTime, times, "true")
    night.note_done("demand")
    return written


def _counted(night: Night) -> int:
    """Count the demand of the days that changed, and mark those without stock."""
    warehouse, everything = night.warehouse, night.is_new("demand")
    demand.find_stock(warehouse, everything=everything)
    changed = demand.find_days(warehouse, night.as_of, everything=everything)
    nowhere = pl.DataFrame(
        schema={"order_id": pl.String, "line_no": pl.Int64, "location_id": pl.String, "quantity": pl.Int64}
    )
    parts = [demand.counted(warehouse)]
    for first, last in _months(changed):
        orders, lines, shipments = demand.asked(warehouse, first, last)
        parts.append(rules.asked(orders, lines, shipments, nowhere, default_location=night.default_location))
    days = rules.marked(pl.concat(parts), demand.without_stock(warehouse, night.as_of))
    demand.forget_changed(warehouse)
    return night.put(DemandDay, days, "false")


def _months(days: list[date]) -> list[tuple[date, date]]:
    """The first and last of the days of each month: so many orders are looked at together."""
    return [
        (month[0], month[-1]) for month in (list(each) for _, each in groupby(days, lambda day: day.replace(day=1)))
    ]


def measured(night: Night) -> int:
    """Measure every SKU: first what the whole shop says about it, then how it sells itself."""
    warehouse, as_of, history = night.warehouse, night.as_of, night.settings.reorder.history_days
    buckets = [demand.within(bucket) for bucket in demand.find_skus(warehouse, BUCKET)] or ["false"]

    def known(within: str) -> tuple[pl.DataFrame, pl.DataFrame]:
        return demand.days(warehouse, within), demand.starts(warehouse, within)

    shop = pl.concat([rules.shop_days(*known(within), as_of, history) for within in buckets])
    season, growth = rules.seasons(shop), rules.growths(shop, as_of)
    revenue = demand.revenue(warehouse, as_of - timedelta(days=history - 1), as_of)
    found, classes = [], []
    for within in buckets:
        days, starts = known(within)
        found.append(rules.measured(days, starts, season, growth, as_of, history))
        here = rules.classes(days, starts, revenue, as_of, history)
        classes.append(here.join(found[-1], on="sku", how="semi"))
    levels = rules.levels(pl.concat(found), pl.concat([rules.norms(part) for part in found]))
    written = night.put(DemandWeekday, season.cast(polars_schema(DemandWeekday)), "true") + night.put(
        DemandLevel, levels, "true"
    )
    return written + night.put(DemandClass, pl.concat(classes), "true")
