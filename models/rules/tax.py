"""Tax rates from the dated table."""

import polars as pl


def rates(taxed: pl.DataFrame, tax_rates: pl.DataFrame) -> pl.DataFrame:
    """Look up the tax rate of each row on its day: of the rates of its code and country the last that had begun.

    Args:
        taxed: any rows with tax_code, country, day.
        tax_rates: TaxRate rows.

    Returns:
        The same rows in the same order, with rate_percent; null where no rate is known.
    """
    begun = tax_rates.select(
        "tax_code", "country", "rate_percent", begins_on=pl.col("valid_from").fill_null(pl.date(1970, 1, 1))
    ).sort("begins_on")
    return (
        taxed.with_row_index("_row")
        .sort("day")
        .join_asof(begun, left_on="day", right_on="begins_on", by=["tax_code", "country"], check_sortedness=False)
        .sort("_row")
        .drop("_row", "begins_on")
    )
