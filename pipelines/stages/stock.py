"""Stock: what moved, what is on hand and what it is worth."""

import polars as pl

from models.rules import stock as rules
from models.tables.stock import StockAgeing, StockHistory, StockLedger, StockPosition
from pipelines.stages.night import Night
from pipelines.warehouse import stock

BUCKET = 20_000
"""SKUs handled at once."""


def stocked(night: Night) -> int:
    """Write down what moved of every touched SKU, and say how all of them stand."""
    warehouse, as_of, zone = night.warehouse, night.as_of, night.time_zone
    from_events = night.settings.stock.shipments_from_events
    buckets = stock.find_touched(
        warehouse,
        as_of,
        night.since,
        everything=night.is_new("stock"),
        from_events=from_events,
        bucket_size=BUCKET,
    )
    revalued = stock.days_revalued(night.since)
    night.note_changed("turnover", f"SELECT from_day FROM touched_stock UNION ALL {revalued}")
    skus, locations = night.rows("products", "sku"), night.rows("locations", "location_id")
    written = 0
    for bucket in buckets:
        within = stock.within(bucket)
        costs = night.costs(within)
        moved = rules.ledger(
            rules.known(stock.movements(warehouse, as_of, bucket), skus, locations).known,
            rules.known(stock.counts(warehouse, as_of, bucket), skus, locations).known,
            as_of,
            zone,
            _shipped(night, bucket, skus) if from_events else None,
        )
        theirs = within.removeprefix("WHERE ")
        written += night.put(StockLedger, moved, theirs)
        written += night.put(StockHistory, rules.history(moved, as_of, costs, night.currency_rates), theirs)
    costs, tonight = night.costs(), f"as_of = DATE '{as_of}'"
    positions = rules.positions(
        stock.totals(warehouse),
        as_of,
        costs,
        night.currency_rates,
        rules.known(stock.inbound(warehouse, as_of), skus, locations).known,
        rules.known(stock.allocated(warehouse, night.default_location), skus, locations).known,
    )
    written += night.put(StockPosition, positions, tonight)
    ages = rules.ageing(stock.layers(warehouse), as_of, costs, night.currency_rates)
    written += night.put(StockAgeing, ages, tonight)
    night.note_done("stock")
    return written


def _shipped(night: Night, bucket: int, skus: pl.DataFrame) -> pl.DataFrame:
    """What orders say was shipped; of unknown products nothing, and wherever it was said to be."""
    told = stock.shipped(night.warehouse, bucket, night.default_location)
    return rules.known(told, skus, told.select("location_id").clear()).known
