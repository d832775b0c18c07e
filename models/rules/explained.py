"""Why sales moved: one change, split into parts that add up to it."""

import polars as pl

from models.rules import money

PARTS = ("volume", "mix", "price", "cancelled", "returned")


def moved(items: pl.LazyFrame, reporting_currency: str) -> pl.LazyFrame:
    """Say for every item how much more or less it sold because of volume, mix, price, cancellations and returns.

    With q units, a amount after discounts and p = a / q of an item, Q and A their sums, P = A / Q (0 before, 1 after):
    volume = (q1 - q0) P0, price = q1 (p1 - p0), mix = (q1 - q0) (p0 - P0), taken as what is left of a1 - a0, so that the
    rounded parts of every item, and so of all, add up to the change exactly. An item that did not sell before has no
    earlier price: all but its volume is mix. When nothing at all sold before, P0 is the later average. What was
    cancelled and returned counts against sales.

    Args:
        items: one row per item sold, cancelled or returned in one of the periods; `units_before`, `units_after`, and of
            the reporting currency `amount_*` (ordered, after discounts), `cancelled_amount_*`, `returned_amount_*`.
            Nulls count as zero.

    Returns:
        The items in their order with a column for each of PARTS and `change_amount`, which is their sum.

    Source: price-volume-mix analysis as taught in management accounting, at the grain of the item.
    """
    kinds = ("amount", "cancelled_amount", "returned_amount")
    filled = items.with_columns(
        pl.col("units_before", "units_after").fill_null(0),
        *(
            pl.col(f"{kind}_{when}").cast(money.STORED).fill_null(money.ZERO)
            for kind in kinds
            for when in ("before", "after")
        ),
    )
    before, after = pl.col("units_before"), pl.col("units_after")
    sold_before, sold_after = pl.col("amount_before"), pl.col("amount_after")
    had_any = before.sum() > 0
    base_amount = pl.when(had_any).then(sold_before.sum()).otherwise(sold_after.sum())
    base_units = pl.when(had_any).then(before.sum()).otherwise(after.sum())
    currency = pl.lit(reporting_currency)
    at_old_price = money.share(sold_before, after, before, currency)
    return (
        filled.with_columns(
            volume=money.share(base_amount, after - before, base_units, currency),
            price=pl.when((before > 0) & (after > 0)).then(sold_after - at_old_price).otherwise(money.ZERO),
            cancelled=pl.col("cancelled_amount_before") - pl.col("cancelled_amount_after"),
            returned=pl.col("returned_amount_before") - pl.col("returned_amount_after"),
        )
        .with_columns(mix=sold_after - sold_before - pl.col("volume") - pl.col("price"))
        .with_columns(change_amount=pl.sum_horizontal(PARTS))
    )
