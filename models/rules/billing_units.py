"""Units of billing: what of every order line is due, billed, to bill and to credit.

Everything follows from whole numbers per order line: what is due by the order's policy, less what stands on invoices.
Shipping is handled as one more line of its order, with the number 0 while it is computed. Every rule here works on any
set of whole orders; the orders of a customer who is billed by the month, or was, belong together.
"""

from collections.abc import Collection

import polars as pl

from models.rules import money
from models.rules.billing_policies import POLICIES, Policies

LINE = ["order_id", "line_no"]
SHIPPING = 0


def with_gone(
    orders: pl.DataFrame, lines: pl.DataFrame, invoices: pl.DataFrame, invoice_lines: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Add the orders and lines that were invoiced and are no more, since their file was taken back: nothing is due of them.

    Such an order counts as rejected, such a line as cancelled in full, so that what stands of them is credited.

    Args:
        orders: Order rows.
        lines: OrderLine rows of these orders.
        invoices: Invoice rows that bill these orders, or those that are no more.
        invoice_lines: InvoiceLine rows of these orders.

    Returns:
        Order rows and OrderLine rows, those that were there first.
    """
    billed = invoice_lines.filter(pl.col("order_line_no").is_not_null() & pl.col("credits_invoice_number").is_null())
    as_billed = (
        billed.sort("order_id", "order_line_no", "revision")
        .group_by("order_id", line_no="order_line_no", maintain_order=True)
        .agg(pl.col("sku", "unit_price", "tax_code").last(), quantity=pl.col("quantity").sum())
    )
    gone_lines = as_billed.join(lines, on=LINE, how="anti").with_columns(cancelled="quantity")
    heads = invoices.select("invoice_number", "customer_id", "currency", "issued_on")
    gone = (
        billed.join(orders, on="order_id", how="anti")
        .join(heads, on="invoice_number", validate="m:1")
        .sort("order_id", "issued_on")
        .group_by("order_id", maintain_order=True)
        .agg(
            pl.col("customer_id", "currency", "prices_include_tax").first(),
            country=pl.col("tax_country").first(),
        )
        .with_columns(status=pl.lit("rejected"), is_history=False, has_refused_fact=False)
    )
    return pl.concat([orders, _completed(gone, orders)]), pl.concat([lines, _completed(gone_lines, lines, 0)])


def _completed(rows: pl.DataFrame, like: pl.DataFrame, number: int | None = None) -> pl.DataFrame:
    """Rows with all columns of a table: whole numbers that are missing are `number`, everything else is none."""
    missing = {name: dtype for name, dtype in like.schema.items() if name not in rows.columns}
    return rows.with_columns(
        pl.lit(number if dtype == pl.Int64 else None, dtype).alias(name) for name, dtype in missing.items()
    ).select(pl.col(name).cast(dtype) for name, dtype in like.schema.items())


def standing(invoice_lines: pl.DataFrame, invoices: pl.DataFrame) -> pl.DataFrame:
    """Say what still stands of each line invoiced, after its credit notes.

    Args:
        invoice_lines: InvoiceLine rows of whole orders, credit notes among them.
        invoices: the Invoice rows they stand on.

    Returns:
        The lines of invoices, line_no being the order's (0: shipping) and invoice_line_no the invoice's, with
        billed_currency, billed_customer_id, goods_amount (quantity x price), credited (units), left (units that stand), goods_left,
        discount_left.
    """
    goods = pl.col("net_amount").cast(money.SUM) + pl.col("discount_amount")
    lines = invoice_lines.with_columns(
        goods_amount=pl.when("prices_include_tax").then(goods + pl.col("tax_amount")).otherwise(goods)
    )
    is_invoice = pl.col("credits_invoice_number").is_null()
    credits = (
        lines.filter(~is_invoice)
        .group_by(invoice_number="credits_invoice_number", invoice_line_no="credits_line_no")
        .agg(
            credited=pl.col("quantity").sum(),
            goods_credited=pl.col("goods_amount").sum(),
            discount_credited=pl.col("discount_amount").cast(money.SUM).sum(),
            credited_as_return=pl.col("quantity").filter(pl.col("event") == "return").sum(),
        )
    )
    return (
        lines.filter(is_invoice)
        .rename({"line_no": "invoice_line_no", "order_line_no": "line_no"})
        .join(credits, on=["invoice_number", "invoice_line_no"], how="left", validate="1:1")
        .join(
            invoices.select("invoice_number", billed_currency="currency", billed_customer_id="customer_id"),
            on="invoice_number",
            validate="m:1",
        )
        .with_columns(
            pl.col("line_no").fill_null(SHIPPING),
            pl.col("credited", "credited_as_return").fill_null(0),
            pl.col("goods_credited", "discount_credited").fill_null(0),
        )
        .with_columns(
            left=pl.col("quantity") - pl.col("credited"),
            goods_left=pl.col("goods_amount") - pl.col("goods_credited"),
            discount_left=pl.col("discount_amount").cast(money.SUM) - pl.col("discount_credited"),
        )
    )


def positions(
    orders: pl.DataFrame,
    lines: pl.DataFrame,
    invoice_lines: pl.DataFrame,
    invoices: pl.DataFrame,
    channels: pl.DataFrame,
    policies: Policies,
    withdrawn: Collection[str] = (),
) -> pl.DataFrame:
    """Count what is due, billed, to bill and to credit of every order line, and of the shipping of every order.

    Due is, by the policy of the order: ordered less cancelled and returned once it is confirmed, what was shipped less
    returned, or what was delivered less returned. An order keeps the policy it was first billed by. What is due beyond
    the invoices is to bill; invoices beyond what is due are to credit. Nothing more is billed of an order that is not
    confirmed, on hold, rejected, has a refused fact, was placed where the channel bills for itself, or waits for the
    end of its customer's month; it is credited all the same. A rejected order owes only what had left the house.

    A line whose price, discount, product, own tax code or, where that shares a discount, quantity was revised after it
    was invoiced is credited in full and billed anew; so are all lines of an order whose currency, customer, country of
    delivery or own word on prices with tax was, and what stands on an invoice that was withdrawn. That waits for no end of
    a month.

    Shipping goes with the first invoice of its order, by itself where it was told only later, and is credited only when
    everything was cancelled, or the order rejected, before anything was shipped. Of history nothing is billed; what was,
    before it became that, is credited.

    Args:
        orders: Order rows.
        lines: OrderLine rows of these orders.
        invoice_lines: InvoiceLine rows of these orders.
        invoices: Invoice rows that bill these orders.
        channels: Channel rows.
        policies: how the shop bills.
        withdrawn: numbers of invoices that a decision withdrew.

    Returns:
        One row per line, and per shipping that is or was charged (line_no 0), with ordered, cancelled, returned,
        invoiced, credited, due, is_held (what holds back units that are due: refused_fact / on_hold), to_bill,
        corrected (units to credit that are billed anew), to_credit (units to credit besides those), the terms of line
        and order, and goods_left and discount_left: what stands of the line's amounts besides what is corrected.
    """
    return counted(orders, lines, standing(invoice_lines, invoices), channels, policies, withdrawn)[0]


def counted(
    orders: pl.DataFrame,
    lines: pl.DataFrame,
    stands: pl.DataFrame,
    channels: pl.DataFrame,
    policies: Policies,
    withdrawn: Collection[str],
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Count as `positions` does, from what stands.

    Args:
        orders: Order rows.
        lines: OrderLine rows of these orders.
        stands: rows of `standing` of these orders.
        channels: Channel rows.
        policies: how the shop bills.
        withdrawn: numbers of invoices that a decision withdrew.

    Returns:
        Rows of `positions`, and what stands of each line invoiced with is_corrected.
    """
    asked = _orders(orders, stands, channels, policies)
    charge = ["shipping_amount", "shipping_billed"]
    goods = lines.select(
        *LINE,
        "sku",
        "unit_price",
        "tax_code",
        "cancelled",
        "returned",
        "shipped",
        "delivered",
        discount_amount=pl.col("discount_amount").fill_null(0),
        ordered="quantity",
    ).join(asked.drop(charge), on="order_id", validate="m:1")
    goods_stand = _judged(goods, stands, withdrawn)
    goods = _with_units(goods, goods_stand)
    shipping = _shipping(goods, asked.filter((pl.col("shipping_amount") > 0) | pl.col("shipping_billed")))
    shipping_stands = _judged(shipping, stands, withdrawn)
    is_due = pl.col("goods_to_bill") | pl.col("goods_billed") | (pl.col("corrected") > 0)
    shipping = _with_units(shipping, shipping_stands).with_columns(to_bill=pl.when(is_due).then("to_bill").otherwise(0))
    return pl.concat([goods, shipping.select(goods.columns)]), pl.concat([goods_stand, shipping_stands])


def _orders(orders: pl.DataFrame, stands: pl.DataFrame, channels: pl.DataFrame, policies: Policies) -> pl.DataFrame:
    """How each order is billed: by which policy, whether more may be billed tonight, in which document and tax terms.

    Ordered by document and order; `order_row` counts them, so that lines can be put into that order by a number.
    """
    first = stands.group_by("order_id").agg(
        first_event=pl.col("event").min(), shipping_billed=(pl.col("line_no") == SHIPPING).any()
    )
    is_confirmed = pl.col("status").is_in(["confirmed", "closed", "cancelled"])
    is_monthly = pl.col("customer_id").is_in(list(policies.consolidated_customers)).fill_null(False)
    is_overdue = pl.col("order_id").is_in(list(policies.overdue_orders))
    is_of_later_month = (
        pl.lit(True)
        if policies.month_ends_on is None
        else (pl.col("ordered_on") > policies.month_ends_on).fill_null(False)
    )
    policy = pl.col("billing").replace_strict(POLICIES, default=None, return_dtype=pl.String)
    return (
        orders.join(
            channels.select("channel", policy=policy, channel_includes_tax="prices_include_tax"),
            on="channel",
            how="left",
            validate="m:1",
        )
        .join(first, on="order_id", how="left", validate="1:1")
        .filter(~pl.col("is_history") | pl.col("first_event").is_not_null())
        .with_columns(
            policy=pl.coalesce("first_event", "policy"),
            prices_include_tax=pl.coalesce(
                "prices_include_tax", "channel_includes_tax", pl.lit(policies.prices_include_tax)
            ),
            own_includes_tax="prices_include_tax",
            own_country="ship_country",
            tax_country=pl.coalesce("country", pl.lit(policies.country, pl.String)),
            is_rejected=pl.col("status") == "rejected",
            is_monthly=is_monthly,
            document=pl.when(is_monthly)
            .then(pl.format("customer {} {}", "customer_id", "currency"))
            .otherwise(pl.format("order {}", "order_id")),
        )
        .with_columns(
            waits=pl.col("policy").is_null() | (pl.col("is_monthly") & ~is_overdue & is_of_later_month),
            is_held=pl.when((pl.col("status") == "on_hold") & (pl.col("policy") != "confirmation"))
            .then(pl.lit("on_hold"))
            .when(is_confirmed & pl.col("has_refused_fact"))
            .then(pl.lit("refused_fact")),
        )
        .with_columns(may_correct=is_confirmed & ~pl.col("is_history") & pl.col("is_held").is_null())
        .with_columns(may_bill=pl.col("may_correct") & ~pl.col("waits"))
        .select(
            "order_id",
            "customer_id",
            "currency",
            "tax_country",
            "own_country",
            "prices_include_tax",
            "own_includes_tax",
            "policy",
            "document",
            "is_rejected",
            "is_held",
            "waits",
            "may_bill",
            "may_correct",
            "shipping_amount",
            pl.col("shipping_billed").fill_null(False),
        )
        .sort("document", "order_id")
        .with_row_index("order_row")
    )


def _judged(lines: pl.DataFrame, stands: pl.DataFrame, withdrawn: Collection[str]) -> pl.DataFrame:
    """Say of each line invoiced whether it has to be credited and billed anew, because its terms are others now."""
    terms = lines.select(
        *LINE,
        "may_correct",
        now_sku="sku",
        now_unit_price="unit_price",
        now_discount_amount="discount_amount",
        now_ordered="ordered",
        now_currency="currency",
        now_tax_code="tax_code",
        now_customer_id="customer_id",
        now_country="own_country",
        now_includes_tax="own_includes_tax",
    )
    is_revised = (
        pl.col("sku").ne_missing(pl.col("now_sku"))
        | (pl.col("unit_price") != pl.col("now_unit_price"))
        | (pl.col("line_discount_amount") != pl.col("now_discount_amount"))
        | ((pl.col("ordered") != pl.col("now_ordered")) & (pl.col("now_discount_amount") != 0))
        | (pl.col("billed_currency") != pl.col("now_currency"))
        | (pl.col("tax_code") != pl.col("now_tax_code")).fill_null(False)
        | (pl.col("billed_customer_id") != pl.col("now_customer_id")).fill_null(False)
        | (pl.col("tax_country") != pl.col("now_country")).fill_null(False)
        | (pl.col("prices_include_tax") != pl.col("now_includes_tax")).fill_null(False)
    )
    is_withdrawn = pl.col("invoice_number").is_in(list(withdrawn))
    return stands.join(terms, on=LINE, validate="m:1").select(
        pl.exclude("may_correct", "^now_.*$"),
        is_corrected=pl.col("may_correct") & (pl.col("left") > 0) & (is_revised | is_withdrawn),
    )


def _with_units(lines: pl.DataFrame, judged: pl.DataFrame) -> pl.DataFrame:
    """Put beside each line how many units are due, on invoices, to bill and to credit."""
    stays = pl.when("is_corrected").then(0)
    billed = judged.group_by(LINE).agg(
        pl.col("credited", "credited_as_return").sum(),
        invoiced=pl.col("quantity").sum(),
        corrected=pl.col("left").filter("is_corrected").sum(),
        goods_left=stays.otherwise("goods_left").sum(),
        discount_left=stays.otherwise("discount_left").sum(),
    )
    entitled = (
        pl.when(pl.col("is_rejected") | (pl.col("policy") == "shipment"))
        .then(pl.col("shipped") - pl.col("returned"))
        .when(pl.col("policy") == "delivery")
        .then(pl.col("delivered") - pl.col("returned"))
        .otherwise(pl.col("ordered") - pl.col("cancelled") - pl.col("returned"))
    )
    stand = pl.col("invoiced") - pl.col("credited")
    is_open = pl.col("entitled") > stand
    return (
        lines.join(billed, on=LINE, how="left", validate="1:1")
        .with_columns(
            pl.col("invoiced", "credited", "credited_as_return", "corrected").fill_null(0),
            pl.col("goods_left", "discount_left").fill_null(0).cast(money.SUM),
            entitled=entitled.clip(0),
        )
        .with_columns(
            due=pl.when("may_bill").then("entitled").otherwise(pl.min_horizontal("entitled", stand)),
            is_held=pl.when(is_open & ~pl.col("waits")).then("is_held"),
        )
        .with_columns(
            to_bill=(pl.col("due") - stand + pl.col("corrected")).clip(0),
            to_credit=(stand - pl.col("corrected") - pl.col("due")).clip(0),
        )
        .drop("entitled")
    )


def _shipping(goods: pl.DataFrame, charged: pl.DataFrame) -> pl.DataFrame:
    """The shipping of each order as one more line: one unit, undone when all was cancelled before it left."""
    is_undone = (pl.col("shipped").sum() == 0) & (
        pl.col("is_rejected").first() | (pl.col("ordered").sum() == pl.col("cancelled").sum())
    )
    of_goods = (
        goods.join(charged.select("order_id"), on="order_id", how="semi")
        .group_by("order_id")
        .agg(
            is_undone=is_undone,
            goods_to_bill=(pl.col("to_bill") > 0).any(),
            goods_billed=(pl.col("invoiced") > pl.col("credited")).any(),
        )
    )
    price = pl.col("shipping_amount").fill_null(0)
    unit = pl.when(pl.col("is_undone") | (price == 0)).then(0).otherwise(1).cast(pl.Int64)
    none = pl.lit(None, pl.String)
    return charged.join(of_goods, on="order_id", validate="1:1").with_columns(
        line_no=pl.lit(SHIPPING, pl.Int64),
        sku=none,
        tax_code=none,
        unit_price=price,
        discount_amount=price - price,
        ordered=pl.lit(1, pl.Int64),
        cancelled=1 - unit,
        returned=pl.lit(0, pl.Int64),
        shipped=unit,
        delivered=unit,
    )
