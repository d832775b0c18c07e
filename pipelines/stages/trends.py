"""Trends: sales, and the days they fall on."""

import polars as pl

from models.rules import stock as stock_rules
from models.rules import trends
from models.tables.lifecycle import LineEffect, Order, OrderLine
from models.tables.trends import DailyOrders, DailySales, SalesEntry
from pipelines.stages.buckets import ahead
from pipelines.stages.night import Night
from pipelines.warehouse import nights, stock

DAILY_KEYS = "day IN (SELECT day FROM days) OR (day, channel) NOT IN (SELECT (day, channel) FROM calendar)"


def booked(night: Night) -> int:
    """Book the sales of every touched order, and add up the days they fall on."""
    warehouse, business = night.warehouse, night.settings.business
    products = night.rows("products", "sku", "category")
    versions = stock.product_versions(warehouse, night.as_of)
    tax_codes = stock_rules.dated(versions, ("tax_code",), night.as_of, night.time_zone)
    rates = night.rows("exchange_rates")
    channels = night.rules["channels"].select(
        "channel",
        channel_includes_tax=pl.col("prices_include_tax").fill_null(night.settings.billing.prices_include_tax),
    )
    warehouse.run(
        """CREATE OR REPLACE TEMP TABLE old_days AS
           SELECT DISTINCT day FROM core.sales_entries SEMI JOIN touched USING (order_id)"""
    )
    written = 0
    with warehouse.gathered():
        for bucket, (orders, lines, effects) in ahead(night.buckets, lambda bucket: _sold(night, bucket)):
            entries = trends.entries(
                orders,
                lines,
                effects,
                products,
                tax_codes,
                rates,
                night.rules["tax_rates"],
                prices_include_tax=channels,
                default_tax_code=night.settings.billing.default_tax_code,
                default_country=night.settings.company.country,
                reporting_currency=business.reporting_currency,
                time_zone=night.time_zone,
            )
            written += night.put(SalesEntry, entries, _within(bucket))
    night.note_changed(
        "turnover",
        "SELECT day FROM old_days UNION SELECT day FROM core.sales_entries SEMI JOIN touched USING (order_id)",
    )
    days = nights.daily_days(warehouse, night.as_of)
    with warehouse.given(days=days):
        entries = nights.entries_by_day(warehouse)
        placed = nights.orders_by_day(warehouse)
        written += night.put(DailySales, trends.daily_sales(entries, days), DAILY_KEYS)
        written += night.put(DailyOrders, trends.daily_orders(entries, placed, days), DAILY_KEYS)
    return written


def _within(bucket: int) -> str:
    return f"order_id IN (SELECT order_id FROM touched WHERE bucket = {bucket})"


def _sold(night: Night, bucket: int) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """One bucket of orders, their lines, and what was cancelled and returned of them."""
    theirs = _within(bucket)
    return (
        night.warehouse.table(Order, theirs),
        night.warehouse.table(OrderLine, theirs),
        night.warehouse.table(LineEffect, f"{theirs} AND event IN ('cancelled', 'returned')"),
    )
