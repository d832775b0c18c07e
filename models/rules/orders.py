"""The order as a whole: its money and its place, completed from what the stages decided."""

from datetime import date

import polars as pl

from models.rules import money
from models.rules.calendar import business_date
from models.tables.base import polars_schema
from models.tables.lifecycle import Order, OrderLine


def completed(
    delivered: pl.DataFrame,
    delivered_lines: pl.DataFrame,
    folded: pl.DataFrame,
    countries: pl.DataFrame,
    first_promises: pl.DataFrame,
    goes_live_on: date,
    as_of: date,
    time_zone: str,
) -> pl.DataFrame:
    """Put together what is known of each order.

    Goods and discount are sums over its lines, each rounded to the order's currency first. How far it is billed and
    paid is put in by billing, later in the night.

    Args:
        delivered: DeliveredOrder rows, one per order.
        delivered_lines: DeliveredOrderLine rows of these orders.
        folded: orders of `lifecycle.folded`: order_id, status, fulfilment, confirmed_at, shipped_at, delivered_at,
            has_refused_fact.
        countries: customer_id, country of known customers.
        first_promises: order_id, first_promised_on of orders with several versions: what the first that promised one said.
        goes_live_on: orders placed before it are history.
        as_of: the night.
        time_zone: the business time zone.

    Returns:
        Order rows, ordered by order_id.
    """
    amounts = (
        delivered_lines.join(delivered.select("order_id", "currency"), on="order_id", validate="m:1")
        .with_columns(
            goods=money.times(pl.col("quantity"), pl.col("unit_price"), pl.col("currency")),
            discount=money.rounded(pl.col("discount_amount").fill_null(money.ZERO), pl.col("currency")),
        )
        .group_by("order_id")
        .agg(goods_amount=pl.col("goods").sum(), discount_amount=pl.col("discount").sum())
    )
    return (
        delivered.join(first_promises, on="order_id", how="left", validate="1:1")
        .join(amounts, on="order_id", how="left", validate="1:1")
        .join(folded, on="order_id", how="left", validate="1:1")
        .join(countries, on="customer_id", how="left", validate="m:1")
        .with_columns(
            pl.col("goods_amount", "discount_amount").fill_null(money.ZERO),
            billing=pl.lit("none"),
            payment=pl.lit("none"),
            first_promised_on=pl.coalesce("first_promised_on", "promised_on"),
            ordered_on=business_date(pl.col("ordered_at"), time_zone),
            shipped_on=business_date(pl.col("shipped_at"), time_zone),
            delivered_on=business_date(pl.col("delivered_at"), time_zone),
            country=pl.coalesce("ship_country", "country"),
            as_of=pl.lit(as_of),
        )
        .with_columns(is_history=pl.col("ordered_on") < goes_live_on)
        .select(polars_schema(Order).names())
        .cast(polars_schema(Order))
        .sort("order_id")
    )


def completed_lines(delivered_lines: pl.DataFrame, numbers: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Put the whole numbers of the lifecycle beside each line.

    Args:
        delivered_lines: DeliveredOrderLine rows.
        numbers: lines of `lifecycle.folded`, one per line.
        as_of: the night.

    Returns:
        OrderLine rows, ordered by their key.
    """
    return (
        delivered_lines.join(numbers, on=["order_id", "line_no"], how="left", validate="1:1")
        .with_columns(invoiced=pl.lit(0, pl.Int64), credited=pl.lit(0, pl.Int64), as_of=pl.lit(as_of))
        .select(polars_schema(OrderLine).names())
        .cast(polars_schema(OrderLine))
        .sort("order_id", "line_no")
    )
