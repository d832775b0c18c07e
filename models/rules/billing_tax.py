"""Tax on invoices: the rate in force, and the tax of each line so that lines add up to what the document owes."""

from datetime import date

import polars as pl

from models.rules import money

EXACT_TAX = pl.Decimal(38, 14)


def in_force(tax_rates: pl.DataFrame, day: date) -> pl.DataFrame:
    """The tax rates of one day: of each code and country the last that had begun.

    Args:
        tax_rates: TaxRate rows.
        day: the issue date.

    Returns:
        tax_code, tax_country, tax_rate (0..1), tax_category, exemption_reason, tax_group; one row per code and
        country. Rows of one category and rate have one tax_group: EN 16931 sums them up before it rounds.
    """
    begins_on = pl.col("valid_from").fill_null(pl.date(1970, 1, 1))
    return (
        tax_rates.with_columns(begins_on=begins_on)
        .filter(pl.col("begins_on") <= day)
        .sort("begins_on", "rate_percent")
        .unique(["tax_code", "country"], keep="last", maintain_order=True)
        .select(
            "tax_code",
            tax_country="country",
            tax_rate=(pl.col("rate_percent").cast(pl.Decimal(38, 12)) / 100).cast(pl.Decimal(24, 10)),
            tax_category=pl.col("category").fill_null("S"),
            exemption_reason="exemption_reason",
        )
        .with_columns(tax_group=pl.struct("tax_category", "tax_rate").rank("dense").cast(pl.UInt32))
        .sort("tax_code", "tax_country")
    )


def taxed(lines: pl.DataFrame, rounding: str) -> pl.DataFrame:
    """Put net and tax beside each line.

    `per_rate`: the tax of a document's lines of one category and rate is that rate of their sum, rounded once; each
    line carries what it adds to the rounded tax of the lines before it, so that they add up. `per_line`: every line's
    tax is rounded by itself. Of prices that include tax, the tax is what they hold: net and tax add up to the price.

    Args:
        lines: document, tax_group, tax_rate, prices_include_tax, amount (as prices are), currency; the lines
            of a document side by side, in their order.
        rounding: per_rate or per_line.

    Returns:
        The same rows in the same order with net_amount and tax_amount; null where they come to 10^14 or more.
    """
    whole = [pl.col(name) for name in ("document", "tax_group", "prices_include_tax")]
    narrow = lines.select(
        pl.col("document").rle_id(),
        *whole[1:],
        "tax_rate",
        "currency",
        "amount",
        row=pl.int_range(pl.len(), dtype=pl.UInt32),
    )
    if rounding == "per_line":
        found = narrow.with_columns(tax_amount=_tax(narrow, "amount"))
    else:
        narrow = narrow.sort(*whole, "row").with_columns(upto=pl.col("amount").cum_sum())
        is_first = pl.any_horizontal(column.ne_missing(column.shift()) for column in whole)
        before = pl.when(is_first).then(pl.col("upto") - pl.col("amount")).forward_fill()
        narrow = narrow.with_columns(upto=pl.col("upto") - before, is_first=is_first)
        narrow = narrow.with_columns(tax_upto=_tax(narrow, "upto"))
        tax_before = pl.when("is_first").then(money.ZERO.cast(money.SUM)).otherwise(pl.col("tax_upto").shift())
        found = narrow.with_columns(tax_amount=pl.col("tax_upto") - tax_before).sort("row")
    net = pl.when("prices_include_tax").then(pl.col("amount") - pl.col("tax_amount")).otherwise("amount")
    return lines.hstack(found.select(net_amount=money.stored(net), tax_amount=money.stored(pl.col("tax_amount"))))


def _tax(lines: pl.DataFrame, amount: str) -> pl.Expr:
    """The tax on an amount, or in it where prices include tax, rounded to the currency."""
    within, currency = pl.col(amount).cast(money.SUM), pl.col("currency")
    on_top = money.rounded(within.cast(EXACT_TAX) * pl.col("tax_rate").cast(EXACT_TAX), currency)
    if not lines["prices_include_tax"].any():
        return on_top
    included = within - money.net_of_tax(within, pl.col("tax_rate") * 100, currency)
    return pl.when("prices_include_tax").then(included).otherwise(on_top)


def breakdown(invoice_lines: pl.DataFrame) -> pl.DataFrame:
    """The tax table of each document, as EN 16931 wants it printed.

    Args:
        invoice_lines: InvoiceLine rows of whole documents.

    Returns:
        invoice_number, tax_category, tax_rate, exemption_reason (the first one told), net_amount, tax_amount; ordered
        by the first three.
    """
    key = ["invoice_number", "tax_category", "tax_rate"]
    return (
        invoice_lines.group_by(key)
        .agg(
            pl.col("exemption_reason").sort_by("line_no").drop_nulls().first(),
            pl.col("net_amount", "tax_amount").cast(money.SUM).sum(),
        )
        .sort(key)
    )
