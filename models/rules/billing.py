"""Billing: what is billed and credited tonight, as documents that are complete but for their numbers."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

import polars as pl

from models.rules import billing_tax, money
from models.rules.billing_policies import Policies
from models.rules.billing_units import LINE, SHIPPING, counted, standing
from models.tables.base import polars_schema
from models.tables.billing import BillingException, Invoice, InvoiceLine

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
SHIP_TO = ["ship_name", "ship_street", "ship_city", "ship_postcode", "ship_country"]
CUSTOMER = ["name", "street", "city", "postcode", "country", "tax_id", "payment_terms_days"]
TOO_LARGE = 10**14
LAST_DAY = date(2199, 12, 31)
"""No contract lets a date be later, whatever the terms of a customer are."""


@dataclass(frozen=True)
class Drafts:
    """Documents complete but for their numbers, and the orders that could not be billed.

    `documents` and `lines` belong together by `document`; `lines` are InvoiceLine rows but for the invoice number.
    """

    documents: pl.DataFrame
    lines: pl.DataFrame
    exceptions: pl.DataFrame


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
    found, judged = counted(orders, lines, stands, channels, policies, withdrawn)
    billed = _priced(found.filter(pl.col("to_bill") > 0), products, tax_rates, policies)
    refused = _refused(billed)
    billed = billed.join(refused, on="order_id", how="anti", maintain_order="left")
    invoiced = _invoices(billed, orders, customers, policies)
    credited = _credit_notes(_undone(found, judged, refused), invoices, policies.issued_on)
    held = found.filter(pl.col("is_held").is_not_null()).select("order_id", reason="is_held").unique()
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


def _undone(positions: pl.DataFrame, judged: pl.DataFrame, refused: pl.DataFrame) -> pl.DataFrame:
    """Find the invoice lines to credit, with `units` of each: those to correct wholly, then the newest first.

    What was sent back and what was cancelled are parts of their own, so that each says which it is.
    Where an order cannot be billed tonight nothing of it is corrected; what is not due is credited all the same.
    """
    is_refused = pl.col("order_id").is_in(refused["order_id"].to_list())
    asked = positions.filter((pl.col("to_credit") > 0) | (pl.col("corrected") > 0)).select(
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
    sent_back = (
        pl.col("returned") - pl.col("returns_credited") - (pl.col("taken").cum_sum().over(LINE) - pl.col("taken"))
    )
    taken = (
        open_lines.with_columns(
            taken=pl.when("is_corrected").then(0).otherwise(pl.min_horizontal("left", rest).clip(0))
        )
        .with_columns(sent_back=pl.min_horizontal("taken", sent_back.clip(0)))
        .with_row_index("place")
    )
    why = pl.when(pl.col("cancelled") > 0).then(pl.lit("cancellation")).otherwise(pl.lit("correction"))
    parts = [
        taken.filter("is_corrected").with_columns(units="left", event=pl.lit("correction")),
        taken.with_columns(units="sent_back", event=pl.lit("return")),
        taken.with_columns(
            credited=pl.col("credited") + pl.col("sent_back"), units=pl.col("taken") - pl.col("sent_back"), event=why
        ),
    ]
    return (
        pl.concat(parts)
        .filter(pl.col("units") > 0)
        .sort("place", maintain_order=True)
        .with_columns(revision=pl.col("credited_before") + pl.col("units").cum_sum().over(LINE) - pl.col("units"))
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
        undone.sort("invoice_number", "invoice_line_no", maintain_order=True)
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
