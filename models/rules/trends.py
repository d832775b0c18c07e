"""Order trends: every change of sales is one entry on its own day; every sales figure is a sum of entries."""

from datetime import date

import polars as pl

from models.rules import money, tax
from models.rules.calendar import business_date
from models.tables.base import TableClass, declaration, polars_schema
from models.tables.trends import DailyOrders, DailySales, SalesEntry

LINE = ["order_id", "line_no"]


def entries(
    orders: pl.DataFrame,
    lines: pl.DataFrame,
    effects: pl.DataFrame,
    products: pl.DataFrame,
    tax_codes: pl.DataFrame,
    exchange_rates: pl.DataFrame,
    tax_rates: pl.DataFrame,
    *,
    prices_include_tax: pl.DataFrame,
    default_tax_code: str,
    default_country: str | None,
    reporting_currency: str,
    time_zone: str,
) -> pl.DataFrame:
    """Book each order line on the day it was ordered, and what was cancelled or returned of it on the day that happened.

    Amounts are net of tax, rounded per line to the currency's places. What is cancelled and returned of a line are
    cumulative shares of the line, so that parts add up to the whole. In the reporting currency each entry goes at the
    rate of its own day, else the last earlier one; without any rate that amount is null.

    Args:
        orders: Order rows; rejected ones give nothing.
        lines: OrderLine rows of these orders.
        effects: order_id, line_no, event (cancelled / returned), occurred_at, quantity of accepted events.
        products: sku, category as of the night.
        tax_codes: sku, valid_from, tax_code: from which day on which code of a product holds (`stock.dated`); a sale keeps
            that of its day.
        exchange_rates: ExchangeRate rows as of the night.
        tax_rates: TaxRate rows.
        prices_include_tax: channel, channel_includes_tax: what holds where an order does not say.
        default_tax_code: of lines and products without one.
        default_country: of orders without one.
        reporting_currency: the currency of reports.
        time_zone: the business time zone.

    Returns:
        SalesEntry rows, ordered by their key.

    Source: RULES section 11, Sales.
    """
    sold = orders.filter(pl.col("status") != "rejected").select(
        "order_id", "channel", "country", "currency", "ordered_on", "prices_include_tax"
    )
    listed = (
        lines.select(*LINE, "sku", "quantity", "unit_price", "discount_amount", line_tax_code="tax_code")
        .join(sold, on="order_id", validate="m:1")
        .join(products.select("sku", "category"), on="sku", how="left", validate="m:1")
        .join(prices_include_tax, on="channel", how="left", validate="m:1")
        .with_columns(
            is_gross=pl.coalesce("prices_include_tax", "channel_includes_tax"),
            gross_amount=money.stored(money.times(pl.col("quantity"), pl.col("unit_price"), pl.col("currency"))),
            discount_amount=money.stored(
                money.rounded(pl.col("discount_amount").fill_null(money.ZERO), pl.col("currency"))
            ),
        )
    )
    listed = _net(listed, tax_codes, tax_rates, default_tax_code, default_country)
    ordered = listed.select(
        *LINE,
        "channel",
        "country",
        "category",
        "sku",
        "currency",
        "gross_amount",
        "discount_amount",
        day="ordered_on",
        kind=pl.lit("ordered"),
        units="quantity",
    )
    parts = (
        effects.join(listed, on=LINE, validate="m:1", suffix="_line")
        .sort(*LINE, "occurred_at", "event", "event_id")
        .with_columns(upto=pl.col("quantity").cum_sum().over(LINE))
        .with_columns(before=pl.col("upto") - pl.col("quantity"), day=business_date(pl.col("occurred_at"), time_zone))
    )

    def part(amount: str) -> pl.Expr:
        whole, units, currency = pl.col(amount), pl.col("quantity_line"), pl.col("currency")
        return money.share(whole, pl.col("upto"), units, currency) - money.share(
            whole, pl.col("before"), units, currency
        )

    undone = (
        parts.with_columns(gross_amount=part("gross_amount"), discount_amount=part("discount_amount"))
        .group_by(*LINE, "day", kind="event")
        .agg(
            pl.col("channel", "country", "category", "sku", "currency").first(),
            units=pl.col("quantity").sum(),
            gross_amount=_sum_or_null("gross_amount"),
            discount_amount=_sum_or_null("discount_amount"),
        )
    )
    columns = ordered.columns
    booked = pl.concat([ordered, undone.select(columns).cast(ordered.schema)])
    return (
        _with_rate(booked, exchange_rates, reporting_currency)
        .with_columns(
            gross_amount_r=money.converted(pl.col("gross_amount"), pl.col("rate"), reporting_currency),
            discount_amount_r=money.converted(pl.col("discount_amount"), pl.col("rate"), reporting_currency),
        )
        .with_columns(_both_or_none("gross_amount", "discount_amount"))
        .with_columns(_both_or_none("gross_amount_r", "discount_amount_r"))
        .select(polars_schema(SalesEntry).names())
        .cast(polars_schema(SalesEntry))
        .sort(*LINE, "day", "kind")
    )


def _both_or_none(*amounts: str) -> list[pl.Expr]:
    """An entry has all its amounts or none, so that sums of them fit together."""
    is_known = pl.all_horizontal(pl.col(amount).is_not_null() for amount in amounts)
    return [pl.when(is_known).then(amount).otherwise(None).alias(amount) for amount in amounts]


def _sum_or_null(amount: str) -> pl.Expr:
    return pl.when(pl.col(amount).is_null().any()).then(None).otherwise(pl.col(amount).sum())


def _net(
    listed: pl.DataFrame,
    tax_codes: pl.DataFrame,
    tax_rates: pl.DataFrame,
    default_code: str,
    default_country: str | None,
) -> pl.DataFrame:
    """Take the tax out of gross prices; null where the rate is not known."""
    is_gross = pl.col("is_gross").fill_null(False)
    if not listed.select(is_gross.any()).item():
        return listed
    coded = listed.sort("ordered_on").join_asof(
        tax_codes.select("sku", "valid_from", product_tax_code="tax_code").sort("valid_from"),
        left_on="ordered_on",
        right_on="valid_from",
        by="sku",
        check_sortedness=False,
    )
    taxed = tax.rates(
        coded.rename({"country": "_country"}).with_columns(
            tax_code=pl.coalesce("line_tax_code", "product_tax_code", pl.lit(default_code)),
            country=pl.coalesce("_country", pl.lit(default_country, pl.String)),
            day="ordered_on",
        ),
        tax_rates,
    )
    return taxed.with_columns(
        pl.when(is_gross)
        .then(money.stored(money.net_of_tax(pl.col(amount), pl.col("rate_percent"), pl.col("currency"))))
        .otherwise(amount)
        .alias(amount)
        for amount in ("gross_amount", "discount_amount")
    ).with_columns(country="_country")


def _with_rate(booked: pl.DataFrame, exchange_rates: pl.DataFrame, reporting_currency: str) -> pl.DataFrame:
    """Put the exchange rate of its day beside each row; 1 for the reporting currency."""
    if booked.select((pl.col("currency") == reporting_currency).all()).item():
        return booked.with_columns(rate=pl.lit(1).cast(pl.Decimal(24, 10)))
    quoted = exchange_rates.select("currency", "quoted_on", "rate").sort("quoted_on")
    return (
        booked.sort("day")
        .join_asof(quoted, left_on="day", right_on="quoted_on", by="currency", check_sortedness=False)
        .with_columns(
            rate=pl.when(pl.col("currency") == reporting_currency)
            .then(pl.lit(1).cast(pl.Decimal(24, 10)))
            .otherwise("rate")
        )
    )


def daily_sales(booked: pl.DataFrame, days: pl.DataFrame) -> pl.DataFrame:
    """Add the entries of each day up by channel, country and category.

    Args:
        booked: SalesEntry rows of these days.
        days: day, channel that must be there; a pair without entries becomes one row of zeros.

    Returns:
        DailySales rows, ordered by their key.
    """
    return _complete(_sums(booked, DailySales), days, DailySales)


def daily_orders(booked: pl.DataFrame, orders: pl.DataFrame, days: pl.DataFrame) -> pl.DataFrame:
    """Add the entries of each day up by channel and country, and count the orders placed.

    Args:
        booked: SalesEntry rows of these days.
        orders: Order rows placed on these days; rejected ones are not counted.
        days: day, channel that must be there; a pair without orders becomes one row of zeros.

    Returns:
        DailyOrders rows, ordered by their key.
    """
    key = list(declaration(DailyOrders).key)
    counted = (
        orders.filter(pl.col("status") != "rejected")
        .group_by("channel", "country", day="ordered_on")
        .agg(orders=pl.len().cast(pl.Int64))
    )
    placed = _sums(booked, DailyOrders).join(
        counted, on=key, how="full", coalesce=True, nulls_equal=True, validate="1:1"
    )
    return _complete(placed, days, DailyOrders)


def _sums(booked: pl.DataFrame, table: TableClass) -> pl.DataFrame:
    """Amounts by the key of a daily table."""

    def total(column: pl.Expr, kind: str) -> pl.Expr:
        return column.filter(pl.col("kind") == kind).sum()

    kept = pl.col("gross_amount_r") - pl.col("discount_amount_r")
    return (
        booked.group_by(declaration(table).key)
        .agg(
            units=total(pl.col("units"), "ordered"),
            gross_amount=total(pl.col("gross_amount_r"), "ordered"),
            discount_amount=total(pl.col("discount_amount_r"), "ordered"),
            cancelled_amount=total(kept, "cancelled"),
            returned_units=total(pl.col("units"), "returned"),
            returned_amount=total(kept, "returned"),
        )
        .with_columns(
            net_amount=pl.col("gross_amount")
            - pl.col("discount_amount")
            - pl.col("cancelled_amount")
            - pl.col("returned_amount")
        )
    )


def _complete(sums: pl.DataFrame, days: pl.DataFrame, table: TableClass) -> pl.DataFrame:
    """The rows of a daily table with zeros where a day has nothing for a channel, and where a row lacks a figure."""
    key = list(declaration(table).key)
    empty_days = days.select("day", "channel").join(sums, on=["day", "channel"], how="anti")
    schema = polars_schema(table)
    return (
        pl.concat([sums, empty_days], how="diagonal")
        .with_columns(pl.col(name).fill_null(0) for name in sums.columns if name not in key)
        .select(schema.names())
        .cast(schema)
        .sort(key, nulls_last=False)
    )


def calendar(first: date, last: date, channels: list[str]) -> pl.DataFrame:
    """Every day from first to last for every channel.

    Returns:
        day, channel.
    """
    days = pl.DataFrame({"day": pl.date_range(first, last, eager=True)})
    return days.join(pl.DataFrame({"channel": channels}, schema={"channel": pl.String}), how="cross")
