"""Money: the one place that multiplies and rounds it.

Amounts are decimals with their currency beside them. Rounding is half away from zero, to the currency's own places.
"""

from collections.abc import Callable
from decimal import Decimal
from functools import reduce

import polars as pl

EXACT = pl.Decimal(38, 10)
SUM = pl.Decimal(38, 4)
STORED = pl.Decimal(18, 4)
ZERO = pl.lit(0).cast(STORED)
BEYOND_ALL_MONEY = 1e24
LARGEST_VALUE = 1e18

PLACES: dict[int, tuple[str, ...]] = {
    0: (
        "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF",
    ),
    3: ("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"),
    4: ("CLF", "UYW"),
}  # fmt: skip
"""Minor units of ISO 4217 (list one, 2024) for every currency that has not two."""


def places(currency: str) -> int:
    """How many places the amounts of a currency have."""
    return next((count for count, currencies in PLACES.items() if currency in currencies), 2)


def _by_places(currency: pl.Expr, of: Callable[[int], pl.Expr]) -> pl.Expr:
    """What holds of the places of a currency."""
    return reduce(
        lambda otherwise, places: pl.when(currency.is_in(PLACES[places])).then(of(places)).otherwise(otherwise),
        PLACES,
        of(2),
    )


def rounded(amount: pl.Expr, currency: pl.Expr) -> pl.Expr:
    """An amount rounded half away from zero to the places of its currency, as wide as a sum."""
    return _by_places(currency, lambda places: amount.round(places, mode="half_away_from_zero").cast(SUM))


def coin(currency: pl.Expr) -> pl.Expr:
    """The smallest amount of a currency."""
    return _by_places(currency, lambda places: pl.lit(Decimal(1).scaleb(-places)).cast(SUM))


def written(amount: pl.Expr, currency: pl.Expr) -> pl.Expr:
    """An amount as a sentence has it: in the places of its currency, and more where it has more."""
    text = amount.cast(SUM).cast(pl.String)
    return _by_places(
        currency,
        lambda places: text.str.replace(rf"(\.\d{{{places}}}\d*?)0*$", "${1}").str.strip_suffix("."),
    )


def times(quantity: pl.Expr, price: pl.Expr, currency: pl.Expr) -> pl.Expr:
    """Quantity x price in the currency's places."""
    return rounded(quantity.cast(pl.Decimal(38, 0)) * price.cast(pl.Decimal(38, 4)), currency)


def at_rate(amount: pl.Expr, rate: pl.Expr) -> pl.Expr:
    """An amount in the reporting currency with four places, as sums of many need it; null without a rate, or where it is
    beyond all value."""
    is_money = (amount.cast(pl.Float64) * rate.cast(pl.Float64)).abs() < LARGEST_VALUE
    exact = pl.when(is_money).then(amount).cast(EXACT) * rate.cast(EXACT)
    return exact.round(4, mode="half_away_from_zero").cast(SUM)


def stored(amount: pl.Expr) -> pl.Expr:
    """An amount as a row keeps it: null from 10^14 on, where no contract lets an amount be."""
    return amount.cast(STORED, strict=False)


def share(amount: pl.Expr, part: pl.Expr, whole: pl.Expr, currency: pl.Expr) -> pl.Expr:
    """The part of an amount that `part` of `whole` units carry, rounded.

    Shares of growing parts are taken cumulatively by the caller, so that the parts of a line add up to the line.
    A whole of zero carries nothing.
    """
    exact = amount.cast(pl.Decimal(38, 8)) * part.cast(pl.Decimal(38, 0)) / whole.cast(pl.Decimal(38, 0))
    return stored(pl.when(whole == 0).then(ZERO).when(part == whole).then(amount).otherwise(rounded(exact, currency)))


def converted(amount: pl.Expr, rate: pl.Expr, reporting_currency: str) -> pl.Expr:
    """An amount in the reporting currency; null where there is no rate, or where it comes to more than is money."""
    is_money = (amount.cast(pl.Float64) * rate.cast(pl.Float64)).abs() < BEYOND_ALL_MONEY
    kept = pl.when(is_money).then(amount).otherwise(None)
    return stored(rounded(kept.cast(EXACT) * rate.cast(EXACT), pl.lit(reporting_currency)))


def net_of_tax(amount: pl.Expr, rate_percent: pl.Expr, currency: pl.Expr) -> pl.Expr:
    """A gross amount without the tax it includes, rounded."""
    return rounded(amount.cast(EXACT) / (rate_percent.cast(EXACT) / 100 + 1), currency)
