"""Billing: what is billed and credited tonight, as documents that are complete but for their numbers.

Everything follows from whole numbers per order line: what is due by the order's policy, less what stands on invoices.
Shipping is handled as one more line of its order, with the number 0 while it is computed. Every rule here works on any
set of whole orders; the orders of a customer who is billed by the month, or was, belong together.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from models.rules import billing_tax, money
from models.tables.base import polars_schema
from models.tables.billing import BillingException, BillingGap, Invoice, InvoiceLine

LINE = ["order_id", "line_no"]
SHIPPING = 0
POLICIES = {"on_confirmation": "confirmation", "on_shipment": "shipment", "on_delivery": "delivery"}
BUYER = ["buyer_name", "buyer_street", "buyer_city", "buyer_postcode", "buyer_country", "buyer_tax_id"]
DOCUMENT = [
    "document",
    "kind",
    "issued_on",
    "order_id",
    "customer_id",
    "currency",
    "net_amount",
    "tax_amount",
    "gross_amount",
    "due_on",
    "credits_invoice_number",
    "supplied_on",
    *BUYER,
]
BILLED = [
    *LINE,
    "sku",
    "ordered",
    "unit_price",
    "discount_amount",
    "tax_code",
    "currency",
    "tax_country",
    "prices_include_tax",
    "policy",
    "document",
    "order_row",
    "invoiced",
    "credited",
    "corrected",
    "to_bill",
    "goods_left",
    "discount_left",
]
SHIP_TO = ["ship_name", "ship_street", "ship_city", "ship_postcode", "ship_country"]
CUSTOMER = ["name", "street", "city", "postcode", "country", "tax_id", "payment_terms_days"]
TOO_LARGE = 10**14
LAST_DAY = date(2199, 12, 31)
"""No contract lets a date be later, whatever the terms of a customer are."""


@dataclass(frozen=True)
class Policies:
    """How the shop bills, and the date its documents bear.

    `country` is the company's own, where an order has none. Customers in `consolidated_customers` get one invoice per
    currency in the nights that `consolidates` says (see `closes_a_month`), and none in others.
    """

    issued_on: date
    prices_include_tax: bool = False
    tax_rounding: str = "per_rate"
    default_tax_code: str = "STD"
    shipping_tax_code: str = "STD"
    country: str | None = None
    consolidated_customers: tuple[str, ...] = ()
    consolidates: bool = False


@dataclass(frozen=True)
class Drafts:
    """Documents complete but for their numbers, and the orders that could not be billed.

    `documents` and `lines` belong together by `document`; `lines` are InvoiceLine rows but for the invoice number.
    """

    documents: pl.DataFrame
    lines: pl.DataFrame
    exceptions: pl.DataFrame


def closes_a_month(as_of: date, acted_before: date | None) -> bool:
    """Say whether monthly invoices are made tonight: on the last day of a month, or in the first night that acts after it.

    Args:
        as_of: the night.
        acted_before: the last night before it that acted outward; none: there was none.
    """
    if (as_of + timedelta(days=1)).day == 1:
        return True
    return acted_before is not None and acted_before < as_of.replace(day=1) - timedelta(days=1)


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
        billed_currency, goods_amount (quantity x price), credited (units), left (units that stand), goods_left,
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
        .join(invoices.select("invoice_number", billed_currency="currency"), on="invoice_number", validate="m:1")
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

    A line whose price, discount, product, currency, own tax code or, where that shares a discount, quantity was revised
    after it was invoiced is credited in full and billed anew, and so is what stands on an invoice that was withdrawn.

    Shipping goes with the first invoice of its order and is credited only when everything was cancelled, or the order
    rejected, before anything was shipped. History is left out.

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
    return _counted(orders, lines, standing(invoice_lines, invoices), channels, policies, withdrawn)[0]


def _counted(
    orders: pl.DataFrame,
    lines: pl.DataFrame,
    stands: pl.DataFrame,
    channels: pl.DataFrame,
    policies: Policies,
    withdrawn: Collection[str],
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The positions, and what stands of each line invoiced with is_corrected."""
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
    is_due = pl.col("goods_to_bill") | (pl.col("corrected") > 0)
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
    policy = pl.col("billing").replace_strict(POLICIES, default=None, return_dtype=pl.String)
    return (
        orders.filter(~pl.col("is_history"))
        .join(
            channels.select("channel", policy=policy, channel_includes_tax="prices_include_tax"),
            on="channel",
            how="left",
            validate="m:1",
        )
        .join(first, on="order_id", how="left", validate="1:1")
        .with_columns(
            policy=pl.coalesce("first_event", "policy"),
            prices_include_tax=pl.coalesce(
                "prices_include_tax", "channel_includes_tax", pl.lit(policies.prices_include_tax)
            ),
            tax_country=pl.coalesce("country", pl.lit(policies.country, pl.String)),
            is_rejected=pl.col("status") == "rejected",
            is_monthly=is_monthly,
            document=pl.when(is_monthly)
            .then(pl.format("customer {} {}", "customer_id", "currency"))
            .otherwise(pl.format("order {}", "order_id")),
        )
        .with_columns(
            waits=pl.col("policy").is_null() | (pl.col("is_monthly") & ~pl.lit(policies.consolidates)),
            is_held=pl.when((pl.col("status") == "on_hold") & (pl.col("policy") != "confirmation"))
            .then(pl.lit("on_hold"))
            .when(is_confirmed & pl.col("has_refused_fact"))
            .then(pl.lit("refused_fact")),
        )
        .with_columns(may_bill=is_confirmed & ~pl.col("waits") & pl.col("is_held").is_null())
        .select(
            "order_id",
            "currency",
            "tax_country",
            "prices_include_tax",
            "policy",
            "document",
            "is_rejected",
            "is_held",
            "waits",
            "may_bill",
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
        "may_bill",
        now_sku="sku",
        now_unit_price="unit_price",
        now_discount_amount="discount_amount",
        now_ordered="ordered",
        now_currency="currency",
        now_tax_code="tax_code",
    )
    is_revised = (
        pl.col("sku").ne_missing(pl.col("now_sku"))
        | (pl.col("unit_price") != pl.col("now_unit_price"))
        | (pl.col("line_discount_amount") != pl.col("now_discount_amount"))
        | ((pl.col("ordered") != pl.col("now_ordered")) & (pl.col("now_discount_amount") != 0))
        | (pl.col("billed_currency") != pl.col("now_currency"))
        | (pl.col("tax_code") != pl.col("now_tax_code")).fill_null(False)
    )
    is_withdrawn = pl.col("invoice_number").is_in(list(withdrawn))
    return stands.join(terms, on=LINE, validate="m:1").select(
        pl.exclude("may_bill", "^now_.*$"),
        is_corrected=pl.col("may_bill") & (pl.col("left") > 0) & (is_revised | is_withdrawn),
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
        .agg(is_undone=is_undone, goods_to_bill=(pl.col("to_bill") > 0).any())
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


def billed_units(invoice_lines: pl.DataFrame) -> pl.DataFrame:
    """Count the units of each order line on invoices and on credit notes.

    Args:
        invoice_lines: InvoiceLine rows of whole orders.

    Returns:
        order_id, line_no, invoiced, credited, corrected (credited only to be billed anew); ordered by line.
    """
    is_credit = pl.col("credits_invoice_number").is_not_null()
    return (
        invoice_lines.filter(pl.col("order_line_no").is_not_null())
        .group_by("order_id", line_no="order_line_no")
        .agg(
            invoiced=pl.col("quantity").filter(~is_credit).sum(),
            credited=pl.col("quantity").filter(is_credit).sum(),
            corrected=pl.col("quantity").filter(is_credit & (pl.col("event") == "correction")).sum(),
        )
        .sort(LINE)
    )


def billing_axis(lines: pl.DataFrame, units: pl.DataFrame) -> pl.DataFrame:
    """Say how far each order is billed.

    `credited`: nothing stands any more; `partly_credited`: something was cancelled or returned after its invoice;
    `partly_invoiced`: units are still to be billed. What was only corrected counts as invoiced.

    Args:
        lines: OrderLine rows of whole orders.
        units: rows of `billed_units` of these orders.

    Returns:
        order_id, billing; ordered by order.
    """
    stand = pl.col("invoiced") - pl.col("credited")
    to_come = (pl.col("quantity") - pl.col("cancelled") - pl.col("returned") - stand).clip(0)
    counted = (
        lines.select(*LINE, "quantity", "cancelled", "returned")
        .join(units, on=LINE, how="left", validate="1:1")
        .with_columns(pl.col("invoiced", "credited", "corrected").fill_null(0))
        .group_by("order_id")
        .agg(pl.col("invoiced", "credited", "corrected").sum(), to_come=to_come.sum())
    )
    return counted.select(
        "order_id",
        billing=pl.when(pl.col("invoiced") == 0)
        .then(pl.lit("none"))
        .when(stand == 0)
        .then(pl.lit("credited"))
        .when(pl.col("credited") > pl.col("corrected"))
        .then(pl.lit("partly_credited"))
        .when(pl.col("to_come") > 0)
        .then(pl.lit("partly_invoiced"))
        .otherwise(pl.lit("invoiced")),
    ).sort("order_id")


def coverage(positions: pl.DataFrame) -> pl.DataFrame:
    """Say where every unit of the order lines is, and what it is worth: billed, billable, waiting, cancelled, returned.

    Amounts are as prices are, without shipping; of each count the price of its units and their share of the discount,
    taken cumulatively, so that they add up to the line. Rejected orders are left out.

    Args:
        positions: rows of `positions`, with tonight's documents among the invoice lines.

    Returns:
        order_id, line_no, currency, ordered, invoiced, credited, billable (could not be billed, see the exceptions),
        waiting (not billable yet), cancelled, returned, gap (ordered less all these, credits the other way round);
        ordered_amount, standing_amount (invoiced less credited), to_come_amount, undone_amount, gap_amount. gap is
        always 0. gap_amount is none where a correction is still to be made; elsewhere it is at most two of the smallest
        coins for each unit credited, because a credit note shares its invoice line. Ordered by the first two.
    """
    stand = pl.col("invoiced") - pl.col("credited")
    open_units = pl.col("ordered") - pl.col("cancelled") - pl.col("returned")
    is_settled = pl.col("may_bill") & (pl.col("corrected") == 0)
    discount = money.rounded(pl.col("discount_amount"), pl.col("currency"))

    def worth(units: pl.Expr) -> pl.Expr:
        currency = pl.col("currency")
        shared = money.share(discount, units, pl.col("ordered"), currency)
        return money.times(units, pl.col("unit_price"), currency) - shared

    return (
        positions.filter((pl.col("line_no") != SHIPPING) & ~pl.col("is_rejected"))
        .with_columns(
            billable=(pl.col("due") - stand).clip(0),
            waiting=(open_units - pl.max_horizontal(pl.col("due"), stand)).clip(0),
            ordered_amount=worth(pl.col("ordered")),
            standing_amount=pl.col("goods_left") - pl.col("discount_left"),
            to_come_amount=worth(open_units) - worth(stand),
            undone_amount=worth(pl.col("ordered")) - worth(open_units),
        )
        .select(
            *LINE,
            "currency",
            "ordered",
            "invoiced",
            "credited",
            "billable",
            "waiting",
            "cancelled",
            "returned",
            "ordered_amount",
            "standing_amount",
            "to_come_amount",
            "undone_amount",
            gap=open_units - stand - pl.col("billable") - pl.col("waiting"),
            gap_amount=pl.when(is_settled).then(
                pl.col("ordered_amount")
                - pl.col("standing_amount")
                - pl.col("to_come_amount")
                - pl.col("undone_amount")
            ),
        )
        .sort(LINE)
    )


def gaps(covered: pl.DataFrame, coins: int, as_of: date) -> pl.DataFrame:
    """Find lines of which units are nowhere, or more money than sharing can account for.

    Args:
        covered: rows of `coverage`.
        coins: how many of the smallest coins each unit credited may be off.
        as_of: the night.

    Returns:
        BillingGap rows, ordered by their key; empty where all is well.
    """
    schema = polars_schema(BillingGap)
    allowed = money.coin(pl.col("currency")) * (pl.col("credited") * coins).cast(pl.Decimal(38, 0))
    return (
        covered.filter((pl.col("gap") != 0) | (pl.col("gap_amount").abs() > allowed).fill_null(False))
        .with_columns(as_of=pl.lit(as_of))
        .select(schema.names())
        .cast(schema)
        .sort("order_id", "line_no")
    )


def drafts(
    orders: pl.DataFrame,
    lines: pl.DataFrame,
    products: pl.DataFrame,
    customers: pl.DataFrame,
    channels: pl.DataFrame,
    tax_rates: pl.DataFrame,
    invoices: pl.DataFrame,
    invoice_lines: pl.DataFrame,
    policies: Policies,
    withdrawn: Collection[str] = (),
) -> Drafts:
    """Make tonight's invoices and credit notes, without numbers; as it stands this is the dry run too.

    An order that cannot be billed is left out with its reason, the others are billed. A credit note names one invoice
    and copies its price and tax by cumulative share; the newest invoice of a line is credited first. What was billed
    is not billed again, so that the same night run again makes nothing.

    Args:
        orders: Order rows.
        lines: OrderLine rows of these orders.
        products: sku, name, tax_code as of the night.
        customers: Customer rows as of the night.
        channels: Channel rows.
        tax_rates: TaxRate rows.
        invoices: Invoice rows that bill these orders.
        invoice_lines: InvoiceLine rows of these orders, credit notes among them.
        policies: how the shop bills.
        withdrawn: numbers of invoices that a decision withdrew: credited in full, and billed anew as things stand.

    Returns:
        documents, ordered by kind and document; their lines, ordered alike, then by line_no; BillingException rows,
        ordered by their key.

    Source: RULES sections 6 and 11; EN 16931 for the tax of a document.
    """
    stands = standing(invoice_lines, invoices)
    counted, judged = _counted(orders, lines, stands, channels, policies, withdrawn)
    billed = _priced(counted.filter(pl.col("to_bill") > 0), products, tax_rates, policies)
    refused = _refused(billed)
    billed = billed.join(refused, on="order_id", how="anti", maintain_order="left")
    invoiced = _invoices(billed, orders, customers, policies)
    credited = _credit_notes(_undone(counted, judged, refused), invoices, policies.issued_on)
    held = counted.filter(pl.col("is_held").is_not_null()).select("order_id", reason="is_held").unique()
    return Drafts(
        pl.concat([credited[0], invoiced[0]]),
        pl.concat([credited[1], invoiced[1]]),
        _exceptions(pl.concat([held, refused.select("order_id", "reason")]), refused, policies.issued_on),
    )


def _priced(to_bill: pl.DataFrame, products: pl.DataFrame, tax_rates: pl.DataFrame, policies: Policies) -> pl.DataFrame:
    """Put amount and tax rate beside what is to be billed, in the order of documents, orders and lines, shipping last.

    The amount of a part is that of all units up to it less what stands of those before, so that parts add up to the line.
    """
    is_shipping = pl.col("line_no") == SHIPPING
    upto = pl.col("invoiced") - pl.col("credited") - pl.col("corrected") + pl.col("to_bill")
    currency = pl.col("currency")
    discount = money.rounded(pl.col("discount_amount"), currency)
    place = pl.col("order_row").cast(pl.Int64) * 2**31 + pl.when(is_shipping).then(2**31 - 1).otherwise("line_no")
    return (
        to_bill.join(products.select("sku", "name", product_tax_code="tax_code"), on="sku", how="left", validate="m:1")
        .with_columns(
            tax_code=pl.when(is_shipping)
            .then(pl.lit(policies.shipping_tax_code))
            .otherwise(pl.coalesce("tax_code", "product_tax_code", pl.lit(policies.default_tax_code))),
            description=pl.when(is_shipping).then(pl.lit("Shipping")).otherwise(pl.coalesce("name", "sku")),
            goods=money.times(upto, pl.col("unit_price"), currency) - pl.col("goods_left"),
            discount=money.share(discount, upto, pl.col("ordered"), currency).cast(money.SUM) - pl.col("discount_left"),
        )
        .with_columns(pl.col("goods", "discount").clip(0))
        .with_columns(amount=pl.col("goods") - pl.col("discount"))
        .join(
            billing_tax.in_force(tax_rates, policies.issued_on),
            on=["tax_code", "tax_country"],
            how="left",
            validate="m:1",
        )
        .sort(place)
    )


def _refused(billed: pl.DataFrame) -> pl.DataFrame:
    """Orders that cannot be billed: order_id, reason, about; the first reason that holds."""
    is_known = pl.col("tax_country").is_not_null()
    unknown = billed.filter(pl.col("tax_rate").is_null()).select(
        "order_id",
        reason=pl.when(is_known).then(pl.lit("unknown_tax_rate")).otherwise(pl.lit("unknown_tax_country")),
        about=pl.format("tax code {} in {}", "tax_code", pl.col("tax_country").fill_null("no country")),
    )
    with_tax = pl.max_horizontal("goods", "discount") * (pl.col("tax_rate").fill_null(0) + 1)
    large = billed.filter(with_tax >= TOO_LARGE).select(
        "order_id", reason=pl.lit("amount_too_large"), about=pl.format("line {}", "line_no")
    )
    factor = pl.col("tax_rate") + 1
    negative = (
        billed.join(billed.filter(pl.col("amount") < 0), on="order_id", how="semi")
        .with_columns(
            net=pl.when("prices_include_tax").then(pl.col("amount").cast(money.EXACT) / factor).otherwise("amount"),
            gross=pl.when("prices_include_tax").then("amount").otherwise(pl.col("amount").cast(money.EXACT) * factor),
        )
        .group_by("order_id")
        .agg(pl.col("net", "gross").sum())
        .filter(pl.min_horizontal("net", "gross") < 0)
        .select(
            "order_id",
            reason=pl.lit("negative_total"),
            about=pl.col("net").round(2).cast(pl.Decimal(38, 2)).cast(pl.String),
        )
    )
    return pl.concat([unknown, large, negative]).unique("order_id", keep="first", maintain_order=True).sort("order_id")


def _exceptions(found: pl.DataFrame, refused: pl.DataFrame, as_of: date) -> pl.DataFrame:
    told = {
        "unknown_tax_country": "No country is known to tax it in; name the country of delivery, or the company's.",
        "unknown_tax_rate": "There is no rate for {}; add it to tax_rates.csv.",
        "negative_total": "It comes to {} without tax; mend its discounts.",
        "amount_too_large": "The amount of {} is more than an invoice can hold; mend its quantity or price.",
        "refused_fact": "A physical event of it was refused; void that event, or have it shipped anyway.",
        "on_hold": "Goods have left although it is on hold; release or cancel it.",
    }
    schema = polars_schema(BillingException)
    sentence = pl.col("reason").replace_strict(told, return_dtype=pl.String)
    return (
        found.join(refused, on=["order_id", "reason"], how="left", validate="1:1")
        .with_columns(
            as_of=pl.lit(as_of), sentence=sentence.str.replace("{}", pl.col("about").fill_null(""), literal=True)
        )
        .select(schema.names())
        .cast(schema)
        .sort("order_id", "reason")
    )


def _invoices(
    billed: pl.DataFrame, orders: pl.DataFrame, customers: pl.DataFrame, policies: Policies
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Put priced lines into invoices: one per order, or per customer and currency where they are monthly."""
    taxed = billing_tax.taxed(billed, policies.tax_rounding).rename({"discount_amount": "line_discount_amount"})
    none = pl.lit(None, pl.String)
    lines = _numbered_lines(
        taxed.with_columns(
            order_line_no=pl.when(pl.col("line_no") != SHIPPING).then("line_no"),
            quantity="to_bill",
            discount_amount="discount",
            event="policy",
            revision="invoiced",
            credits_invoice_number=none,
            credits_line_no=pl.lit(None, pl.Int64),
        )
    )
    placed = orders.select("order_id", "customer_id", "currency", "shipped_on", *SHIP_TO)
    is_whole = pl.col("document").str.starts_with("order ")
    terms = pl.col("payment_terms_days").fill_null(0).clip(0, (LAST_DAY - policies.issued_on).days)
    of_customer = pl.col("street").is_not_null()

    def of_buyer(name: str) -> pl.Expr:
        return pl.when(of_customer).then(name).otherwise(f"ship_{name}").alias(f"buyer_{name}")

    heads = (
        lines.group_by("document", maintain_order=True)
        .agg(pl.col("order_id").first(), pl.col("net_amount", "tax_amount").cast(money.SUM).sum())
        .join(placed, on="order_id", how="left", validate="m:1", maintain_order="left")
        .join(
            customers.select("customer_id", *CUSTOMER),
            on="customer_id",
            how="left",
            validate="m:1",
            maintain_order="left",
        )
        .with_columns(
            of_buyer("street"),
            of_buyer("city"),
            of_buyer("postcode"),
            of_buyer("country"),
            buyer_name=pl.coalesce("name", "ship_name"),
            buyer_tax_id="tax_id",
            kind=pl.lit("invoice"),
            issued_on=pl.lit(policies.issued_on),
            order_id=pl.when(is_whole).then("order_id"),
            supplied_on=pl.when(is_whole & (pl.col("shipped_on") <= policies.issued_on)).then("shipped_on"),
            due_on=pl.lit(policies.issued_on) + pl.duration(days=terms),
            credits_invoice_number=none,
        )
    )
    return _documents(heads), lines


def _undone(counted: pl.DataFrame, judged: pl.DataFrame, refused: pl.DataFrame) -> pl.DataFrame:
    """Find the invoice lines to credit, with `units` of each: those to correct wholly, then the newest first.

    Where an order cannot be billed tonight nothing of it is corrected; what is not due is credited all the same.
    """
    is_refused = pl.col("order_id").is_in(refused["order_id"].to_list())
    asked = counted.filter((pl.col("to_credit") > 0) | (pl.col("corrected") > 0)).select(
        *LINE,
        "cancelled",
        "returned",
        credited_before="credited",
        returns_credited="credited_as_return",
        to_credit=pl.when(is_refused)
        .then((pl.col("invoiced") - pl.col("credited") - pl.col("due")).clip(0))
        .otherwise("to_credit"),
    )
    open_lines = (
        judged.filter(pl.col("left") > 0)
        .join(asked, on=LINE, validate="m:1")
        .with_columns(is_corrected=pl.col("is_corrected") & ~is_refused)
        .sort(*LINE, "revision", descending=[False, False, True])
    )
    plain = pl.when("is_corrected").then(0).otherwise("left")
    rest = pl.col("to_credit") - (plain.cum_sum().over(LINE) - plain)
    is_return = pl.col("returned") > pl.col("returns_credited")
    return (
        open_lines.with_columns(
            units=pl.when("is_corrected").then("left").otherwise(pl.min_horizontal("left", rest).clip(0)),
            event=pl.when("is_corrected")
            .then(pl.lit("correction"))
            .when(is_return)
            .then(pl.lit("return"))
            .when(pl.col("cancelled") > 0)
            .then(pl.lit("cancellation"))
            .otherwise(pl.lit("correction")),
        )
        .with_columns(revision=pl.col("credited_before") + pl.col("units").cum_sum().over(LINE) - pl.col("units"))
        .filter(pl.col("units") > 0)
    )


def _credit_notes(undone: pl.DataFrame, invoices: pl.DataFrame, issued_on: date) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Put what is credited into credit notes, one per invoice, each amount the cumulative share of the invoice's."""
    upto = pl.col("credited") + pl.col("units")

    def part(amount: str) -> pl.Expr:
        whole, units, currency = pl.col(amount), pl.col("quantity"), pl.col("billed_currency")
        upto_now, before = (money.share(whole, each, units, currency) for each in (upto, pl.col("credited")))
        return (upto_now - before).cast(money.SUM).alias(amount)

    without_tax = pl.col("goods_amount") - pl.col("discount_amount")
    net = pl.when("prices_include_tax").then(without_tax - pl.col("tax_amount")).otherwise(without_tax)
    lines = _numbered_lines(
        undone.sort("invoice_number", "invoice_line_no")
        .with_columns(part("goods_amount"), part("discount_amount"), part("tax_amount"))
        .with_columns(
            document=pl.format("credit {}", "invoice_number"),
            order_line_no=pl.when(pl.col("line_no") != SHIPPING).then("line_no"),
            quantity="units",
            net_amount=net,
            credits_invoice_number="invoice_number",
            credits_line_no="invoice_line_no",
        )
    )
    heads = (
        lines.group_by("document", maintain_order=True)
        .agg(pl.col("credits_invoice_number").first(), pl.col("net_amount", "tax_amount").cast(money.SUM).sum())
        .join(
            invoices.select("order_id", "customer_id", "currency", *BUYER, credits_invoice_number="invoice_number"),
            on="credits_invoice_number",
            validate="1:1",
            maintain_order="left",
        )
        .with_columns(
            kind=pl.lit("credit_note"),
            issued_on=pl.lit(issued_on),
            due_on=pl.lit(issued_on),
            supplied_on=pl.lit(None, pl.Date),
        )
    )
    return _documents(heads), lines


def _numbered_lines(lines: pl.DataFrame) -> pl.DataFrame:
    """Count the lines of each document from 1, in the order they stand in."""
    row = pl.int_range(pl.len(), dtype=pl.Int64)
    is_first = pl.col("document") != pl.col("document").shift()
    start = pl.when(is_first.fill_null(True)).then(row).forward_fill()
    schema = pl.Schema((name, dtype) for name, dtype in polars_schema(InvoiceLine).items() if name != "invoice_number")
    return lines.with_columns(line_no=row - start + 1).select("document", *schema).cast(schema)


def _documents(heads: pl.DataFrame) -> pl.DataFrame:
    """The heads of documents as they are before they get a number."""
    schema = pl.Schema((name, dtype) for name, dtype in polars_schema(Invoice).items() if name in DOCUMENT)
    return (
        heads.with_columns(gross_amount=pl.col("net_amount") + pl.col("tax_amount"))
        .select(DOCUMENT)
        .cast(schema)
        .sort("document")
    )
