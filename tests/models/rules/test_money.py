"""Money: multiplied and rounded in one place, half away from zero, to the currency's own places."""

from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.rules import money
from tests.builders import frame

AMOUNT, CURRENCY = pl.col("amount"), pl.col("currency")


def one(expression: pl.Expr, **columns: object) -> object:
    types = {"amount": pl.Decimal(18, 4), "price": pl.Decimal(18, 4), "rate": pl.Decimal(24, 10)}
    found = pl.DataFrame({name: [value] for name, value in columns.items()}).cast(
        {name: types[name] for name in columns if name in types}
    )
    return found.select(expression).item()


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [
        ("0.0050", "EUR", "0.01"),
        ("0.0049", "EUR", "0.00"),
        ("-0.0050", "EUR", "-0.01"),
        ("2.5000", "JPY", "3"),
        ("2.4999", "JPY", "2"),
        ("1.0005", "KWD", "1.001"),
        ("1.2345", "CLF", "1.2345"),
    ],
)
def test_half_goes_away_from_zero_at_the_places_of_the_currency(amount: str, currency: str, expected: str) -> None:
    assert one(money.rounded(AMOUNT, CURRENCY), amount=Decimal(amount), currency=currency) == Decimal(expected)


def test_quantity_times_price_is_exact_before_it_is_rounded() -> None:
    drawn = frame(
        "quantity | price | currency", "3 | 0.335 | EUR", "7 | 99999999.9999 | USD", "1000000000 | 0.0001 | JPY"
    )
    found = drawn.with_columns(pl.col("price").cast(pl.Decimal(18, 4))).select(
        money.times(pl.col("quantity"), pl.col("price"), CURRENCY)
    )
    assert found.to_series().to_list() == [Decimal("1.01"), Decimal("700000000.00"), Decimal(100000)]


def test_tax_is_taken_out_of_a_gross_price() -> None:
    assert (
        one(money.net_of_tax(AMOUNT, pl.lit(Decimal("19.00")), CURRENCY), amount=Decimal("119"), currency="EUR") == 100
    )


@given(
    amount=st.decimals("0", "99999999", places=2),
    parts=st.lists(st.integers(1, 50), min_size=1, max_size=12),
)
def test_shares_of_growing_parts_add_up_to_the_whole(amount: Decimal, parts: list[int]) -> None:
    whole, upto, shares = sum(parts), 0, []
    for part in parts:
        shares.append(
            one(
                money.share(AMOUNT, pl.lit(upto + part), pl.lit(whole), CURRENCY)
                - money.share(AMOUNT, pl.lit(upto), pl.lit(whole), CURRENCY),
                amount=amount,
                currency="EUR",
            )
        )
        upto += part
    assert sum(shares) == amount  # type: ignore[arg-type]
