"""How orders and sales develop."""

from datetime import date

import polars as pl

from dashboards.queries import UNKNOWN, Dimension, Scope, filtered, period, read

AMOUNTS = (
    "units",
    "gross_amount",
    "discount_amount",
    "cancelled_amount",
    "returned_units",
    "returned_amount",
    "net_amount",
)


def sales_by_day(scope: Scope) -> pl.DataFrame:
    """Orders, those of them whose amounts are in no sum (no exchange rate), and amounts of every day of the period; a day
    without orders is zero."""
    table = "daily_sales" if scope.categories else "daily_orders"
    condition, values = filtered(scope, "channel", "country", *(("category",) if scope.categories else ()))
    sums = ", ".join(
        f"coalesce(sum({name}), 0)::{'BIGINT' if 'units' in name else 'DECIMAL(38, 4)'} AS {name}" for name in AMOUNTS
    )
    if scope.categories:
        orders = f"""(SELECT day, count(DISTINCT order_id) AS orders FROM sales_entries
                      WHERE kind = 'ordered' AND day BETWEEN $start AND $end {condition} GROUP BY day)"""
    else:
        orders = f"(SELECT day, sum(orders) AS orders FROM daily_orders WHERE day BETWEEN $start AND $end {condition} GROUP BY day)"
    return read(
        scope,
        f"""
        WITH days AS (SELECT unnest(generate_series($start::TIMESTAMP, $end::TIMESTAMP, INTERVAL 1 DAY))::DATE AS day),
             sales AS (SELECT day, {sums} FROM {table} WHERE day BETWEEN $start AND $end {condition} GROUP BY day),
             apart AS (SELECT day, count(DISTINCT order_id) AS orders_apart FROM sales_entries
                       WHERE kind = 'ordered' AND gross_amount_r IS NULL AND day BETWEEN $start AND $end {condition} GROUP BY day)
        SELECT day, coalesce(orders, 0)::BIGINT AS orders, coalesce(orders_apart, 0)::BIGINT AS orders_apart,
               {", ".join(f"coalesce({name}, 0) AS {name}" for name in AMOUNTS)}
        FROM days LEFT JOIN sales USING (day) LEFT JOIN {orders} AS counted USING (day) LEFT JOIN apart USING (day) ORDER BY day
        """,
        **period(scope),
        **values,
    )


def net_until(scope: Scope, last: date) -> pl.DataFrame:
    """Net sales of every day up to `last`, to compare two publications by."""
    return read(
        scope,
        "SELECT day, sum(net_amount)::DECIMAL(38, 4) AS net_amount FROM daily_orders WHERE day <= $last GROUP BY day ORDER BY day",
        last=last,
    )


def sales_by(scope: Scope, dimension: Dimension) -> pl.DataFrame:
    """Orders and amounts of the period by one dimension. Orders by category count every order with a line in it."""
    by_category = bool(scope.categories) or dimension == "category"
    condition, values = filtered(scope, "channel", "country", *(("category",) if by_category else ()))
    sums = ", ".join(f"sum({name})::{'BIGINT' if 'units' in name else 'DECIMAL(38, 4)'} AS {name}" for name in AMOUNTS)
    where = f"WHERE day BETWEEN $start AND $end {condition}"
    named = f"coalesce({dimension}, '{UNKNOWN}') AS name"
    if by_category:
        return read(
            scope,
            f"""
            WITH sales AS (SELECT {named}, {sums} FROM daily_sales {where} GROUP BY 1),
                 counted AS (SELECT {named}, count(DISTINCT order_id) AS orders FROM sales_entries {where} AND kind = 'ordered' GROUP BY 1)
            SELECT sales.name, coalesce(orders, 0)::BIGINT AS orders, sales.* EXCLUDE (name)
            FROM sales LEFT JOIN counted USING (name) ORDER BY net_amount DESC, name
            """,
            **period(scope),
            **values,
        )
    return read(
        scope,
        f"SELECT {named}, sum(orders)::BIGINT AS orders, {sums} FROM daily_orders {where} GROUP BY 1 ORDER BY net_amount DESC, name",
        **period(scope),
        **values,
    )


def sold_items(scope: Scope, earlier: Scope) -> pl.DataFrame:
    """What every SKU sold in two periods, as `models.rules.explained` wants it; sales without a rate apart."""
    condition, values = filtered(scope, "channel", "category", "country")
    sides = {"before": "day BETWEEN $earlier_start AND $earlier_end", "after": "day BETWEEN $start AND $end"}
    net = "gross_amount_r - discount_amount_r"
    sums = ", ".join(
        f"""coalesce(sum(units) FILTER (kind = 'ordered' AND {side}), 0)::BIGINT AS units_{name},
            coalesce(sum({net}) FILTER (kind = 'ordered' AND {side}), 0)::DECIMAL(18, 4) AS amount_{name},
            coalesce(sum({net}) FILTER (kind = 'cancelled' AND {side}), 0)::DECIMAL(18, 4) AS cancelled_amount_{name},
            coalesce(sum({net}) FILTER (kind = 'returned' AND {side}), 0)::DECIMAL(18, 4) AS returned_amount_{name}"""
        for name, side in sides.items()
    )
    return read(
        scope,
        f"""
        SELECT sku, any_value(products.name) AS name, coalesce(any_value(entries.category), '{UNKNOWN}') AS category, {sums}
        FROM sales_entries AS entries LEFT JOIN products USING (sku)
        WHERE gross_amount_r IS NOT NULL AND ({" OR ".join(f"({side})" for side in sides.values())})
              {condition.replace("coalesce(category", "coalesce(entries.category")}
        GROUP BY sku ORDER BY sku
        """,
        **period(scope),
        earlier_start=earlier.start,
        earlier_end=earlier.end,
        **values,
    )


def without_rate(scope: Scope) -> pl.DataFrame:
    """Sales of the period that are in no sum, since no exchange rate is known."""
    condition, values = filtered(scope, "channel", "category", "country")
    return read(
        scope,
        f"""
        SELECT currency, count(DISTINCT order_id) AS orders,
               sum(CASE WHEN kind = 'ordered' THEN units ELSE 0 END)::BIGINT AS units,
               sum(CASE WHEN kind = 'ordered' THEN gross_amount ELSE 0 END)::DECIMAL(38, 4) AS gross_amount,
               sum(CASE WHEN kind = 'ordered' THEN gross_amount - discount_amount
                        ELSE discount_amount - gross_amount END)::DECIMAL(38, 4) AS net_amount
        FROM sales_entries WHERE gross_amount_r IS NULL AND day BETWEEN $start AND $end {condition}
        GROUP BY currency ORDER BY currency
        """,
        **period(scope),
        **values,
    )
