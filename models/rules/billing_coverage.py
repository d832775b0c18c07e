"""Coverage of billing: what of every line is on documents, how far an order is billed, and that nothing is nowhere."""

from datetime import date

import polars as pl

from models.rules import money
from models.rules.billing_units import LINE, SHIPPING
from models.tables.base import polars_schema
from models.tables.billing import BillingGap


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


def billing_axis(orders: pl.DataFrame, lines: pl.DataFrame, units: pl.DataFrame) -> pl.DataFrame:
    """Say how far each order is billed.

    `credited`: nothing stands any more, and nothing is to come; `partly_credited`: something was cancelled or returned after its invoice;
    `partly_invoiced`: units are still to be billed. What was only corrected counts as invoiced.

    Args:
        orders: order_id, status of these orders; nothing is to come of one that is rejected.
        lines: OrderLine rows of whole orders.
        units: rows of `billed_units` of these orders.

    Returns:
        order_id, billing; ordered by order.
    """
    stand = pl.col("invoiced") - pl.col("credited")
    units_to_come = (pl.col("quantity") - pl.col("cancelled") - pl.col("returned") - stand).clip(0)
    to_come = pl.when(pl.col("status") == "rejected").then(0).otherwise(units_to_come)
    counted = (
        lines.select(*LINE, "quantity", "cancelled", "returned")
        .join(units, on=LINE, how="left", validate="1:1")
        .join(orders.select("order_id", "status"), on="order_id", how="left", validate="m:1")
        .with_columns(pl.col("invoiced", "credited", "corrected").fill_null(0))
        .group_by("order_id")
        .agg(pl.col("invoiced", "credited", "corrected").sum(), to_come=to_come.sum())
    )
    return counted.select(
        "order_id",
        billing=pl.when(pl.col("invoiced") == 0)
        .then(pl.lit("none"))
        .when((stand == 0) & (pl.col("to_come") == 0))
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
