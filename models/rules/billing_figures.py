"""The figures of billing: what was invoiced, collected and open day by day, for how long sales stay open, and how a night
compares with those before it."""

from datetime import date, timedelta

import polars as pl

from models.rules import money
from models.tables.base import polars_schema
from models.tables.billing import DailyBilling

RECENT_NIGHTS = 28
"""A night is compared with so many before it."""
SALES_DAYS = 90
"""Days sales outstanding looks at so many days of invoices."""


def daily_billing(
    issued: pl.DataFrame, collected: pl.DataFrame, rates: pl.DataFrame, reporting_currency: str, as_of: date
) -> pl.DataFrame:
    """Say day by day what was invoiced, credited and collected, and what was open when the day ended.

    Args:
        issued: day, currency, kind, documents, amount: issued documents added up.
        collected: day, currency, amount: payments applied added up.
        rates: rows of `stock.rates`: from which day on which exchange rate holds.
        reporting_currency: the currency of reports.
        as_of: the night, the last day.

    Returns:
        DailyBilling rows, ordered by their key: every day from the first document of a currency on.
    """
    schema = polars_schema(DailyBilling)
    key = ["day", "currency"]

    def told(kind: str, count: str, amount: str) -> pl.DataFrame:
        rows = issued.filter(pl.col("kind") == kind)
        return rows.select(*key, pl.col("documents").alias(count), pl.col("amount").alias(amount))

    days = (
        pl.concat([issued.select(key), collected.select(key)])
        .group_by("currency")
        .agg(day=pl.date_ranges(pl.col("day").min(), pl.lit(as_of)).first())
        .explode("day")
    )
    amounts = ["invoiced_amount", "credited_amount", "collected_amount"]
    counted = (
        days.join(told("invoice", "invoices", amounts[0]), on=key, how="left", validate="1:1")
        .join(told("credit_note", "credit_notes", amounts[1]), on=key, how="left", validate="1:1")
        .join(collected.rename({"amount": amounts[2]}), on=key, how="left", validate="1:1")
        .with_columns(pl.col("invoices", "credit_notes").fill_null(0), pl.col(amounts).fill_null(0).cast(money.SUM))
        .sort("currency", "day")
    )
    change = pl.col("invoiced_amount") - pl.col("credited_amount") - pl.col("collected_amount")
    counted = counted.with_columns(outstanding_amount=change.cum_sum().over("currency"))
    return (
        counted.sort("day")
        .join_asof(
            rates.sort("valid_from"), left_on="day", right_on="valid_from", by="currency", check_sortedness=False
        )
        .with_columns(
            money.converted(pl.col(amount), pl.col("rate"), reporting_currency).alias(f"{amount}_r")
            for amount in (*amounts, "outstanding_amount")
        )
        .select(schema.names())
        .cast(schema)
        .sort(key)
    )


def days_sales_outstanding(days: pl.DataFrame) -> pl.DataFrame:
    """Say for how many days' worth of sales customers still owe: what is open, in days of the last 90 days' invoices.

    Args:
        days: day, invoiced_amount, credited_amount, outstanding_amount: one row per day without a gap, in one currency.

    Returns:
        day, sales_days (one place; none before 90 days are known, or where nothing was invoiced in them); ordered by day.
    """
    upto = (pl.col("invoiced_amount") - pl.col("credited_amount")).cum_sum()
    billed = upto - upto.shift(SALES_DAYS, fill_value=0)
    exact = pl.col("outstanding_amount").cast(pl.Float64) * SALES_DAYS / billed.cast(pl.Float64)
    is_known = pl.int_range(pl.len()) >= SALES_DAYS - 1
    return days.sort("day").select("day", sales_days=pl.when(is_known & (billed > 0)).then(exact.round(1)))


def compared(issued: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Set what a night issues beside what the nights before issued.

    Args:
        issued: day, currency, kind, documents, amount of the night and of those before it.
        as_of: the night.

    Returns:
        kind, currency, documents, amount, nights (of the 28 days before, those that issued some), usual_documents and
        usual_amount (their medians; none without such a night), least_amount and most_amount of them; ordered by the
        first two, the kind of invoices first.
    """
    key = ["kind", "currency"]
    tonight = issued.filter(pl.col("day") == as_of).select(*key, "documents", "amount")
    recent = issued.filter(pl.col("day").is_between(as_of - timedelta(days=RECENT_NIGHTS), as_of - timedelta(days=1)))
    usual = (
        recent.sort("amount")
        .group_by(key)
        .agg(
            nights=pl.len().cast(pl.Int64),
            usual_documents=pl.col("documents").sort().get((pl.len() - 1) // 2),
            usual_amount=pl.col("amount").sort().get((pl.len() - 1) // 2),
            least_amount=pl.col("amount").min(),
            most_amount=pl.col("amount").max(),
        )
    )
    return (
        tonight.join(usual, on=key, how="full", coalesce=True, validate="1:1")
        .with_columns(pl.col("documents", "amount", "nights").fill_null(0))
        .sort("kind", "currency", descending=[True, False])
    )
