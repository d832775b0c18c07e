"""Business dates: when a day ends."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import polars as pl


def business_date(moment: pl.Expr, time_zone: str) -> pl.Expr:
    """The day on which a moment falls in the business time zone."""
    return moment.dt.convert_time_zone(time_zone).dt.date()


def end_of_day(day: date, time_zone: str) -> datetime:
    """The last moment of a business date, in UTC: a microsecond before the next one begins."""
    midnight = datetime.combine(day + timedelta(days=1), time(), ZoneInfo(time_zone))
    return midnight.astimezone(UTC) - timedelta(microseconds=1)
