from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.rules import explained

COLUMNS = (
    "units_before",
    "units_after",
    "amount_before",
    "amount_after",
    "cancelled_amount_before",
    "cancelled_amount_after",
    "returned_amount_before",
    "returned_amount_after",
)


def items(*rows: str) -> pl.LazyFrame:
    """Items drawn as `units | units | amount | amount | cancelled | cancelled | returned | returned`, before and after."""
    cells = [[Decimal(cell.strip()) for cell in row.split("|")] for row in rows]
    schema = {name: pl.Int64 if name.startswith("units") else pl.Decimal(18, 4) for name in COLUMNS}
    return pl.LazyFrame([[int(row[0]), int(row[1]), *row[2:]] for row in cells], schema=schema, orient="row")


def totals(*rows: str) -> dict[str, Decimal]:
    return (
        explained.moved(items(*rows), "EUR")
        .select(pl.col(*explained.PARTS, "change_amount").sum())
        .collect()
        .row(0, named=True)
    )


@pytest.mark.parametrize(
    ("why", "row", "amount"),
    [
        ("volume", "10 | 15 | 100 | 150 | 0 | 0 | 0 | 0", "50"),
        ("price", "10 | 10 | 100 | 120 | 0 | 0 | 0 | 0", "20"),
        ("cancelled", "10 | 10 | 100 | 100 | 5 | 30 | 0 | 0", "-25"),
        ("returned", "10 | 10 | 100 | 100 | 0 | 0 | 40 | 10", "30"),
    ],
)
def test_a_change_with_one_cause_is_given_to_that_cause_alone(why: str, row: str, amount: str) -> None:
    found = totals(row)
    assert {part: found[part] for part in explained.PARTS if found[part]} == {why: Decimal(amount)}
    assert found["change_amount"] == Decimal(amount)


def test_selling_more_of_the_dear_and_less_of_the_cheap_at_equal_units_is_mix() -> None:
    # by hand: 10 units at 1 and 10 at 9 before; 5 at 1 and 15 at 9 after: 140 - 100
    found = totals("10 | 5 | 10 | 5 | 0 | 0 | 0 | 0", "10 | 15 | 90 | 135 | 0 | 0 | 0 | 0")
    assert {part: found[part] for part in explained.PARTS if found[part]} == {"mix": Decimal(40)}


def test_a_new_item_moves_volume_and_mix_but_no_price() -> None:
    # by hand: the average before is 10; 2 new units at 25 are 20 of volume and 30 of mix
    found = totals("5 | 5 | 50 | 50 | 0 | 0 | 0 | 0", "0 | 2 | 0 | 50 | 0 | 0 | 0 | 0")
    assert (found["volume"], found["mix"], found["price"]) == (Decimal(20), Decimal(30), Decimal(0))


def test_an_item_no_longer_sold_moves_volume_and_mix_but_no_price() -> None:
    # by hand: the average before is 100 / 10 = 10; 5 units less are -50, the item sold at 4 each: 30 of mix
    found = totals("5 | 0 | 20 | 0 | 0 | 0 | 0 | 0", "5 | 5 | 80 | 80 | 0 | 0 | 0 | 0")
    assert (found["volume"], found["mix"], found["price"]) == (Decimal(-50), Decimal(30), Decimal(0))


def test_sales_from_nothing_are_all_volume_in_sum() -> None:
    found = totals("0 | 2 | 0 | 7 | 0 | 0 | 0 | 0", "0 | 1 | 0 | 20 | 0 | 0 | 0 | 0")
    assert (found["volume"], found["mix"], found["price"], found["change_amount"]) == tuple(
        map(Decimal, ("27", "0", "0", "27"))
    )


def test_no_sales_in_either_period_explain_nothing() -> None:
    empty = explained.moved(items(), "EUR").collect()
    assert empty.height == 0
    assert totals("0 | 0 | 0 | 0 | 0 | 0 | 3 | 1")["change_amount"] == Decimal(2)


amounts = st.decimals(0, 10_000, places=4)
rows = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50), *(amounts,) * 6), min_size=1, max_size=8)


@settings(max_examples=60, deadline=None)
@given(rows)
def test_the_parts_always_add_up_to_the_change_of_net_sales(drawn: list[tuple[int | Decimal, ...]]) -> None:
    # an item without units has no amount
    sold = [(b, a, rb if b else Decimal(0), ra if a else Decimal(0), *rest) for b, a, rb, ra, *rest in drawn]
    schema = {name: pl.Int64 if name.startswith("units") else pl.Decimal(18, 4) for name in COLUMNS}
    found = explained.moved(pl.LazyFrame(sold, schema=schema, orient="row"), "EUR").collect()
    change = sum((ra - rb) - (ca - cb) - (ta - tb) for _, _, rb, ra, cb, ca, tb, ta in sold)
    assert found["change_amount"].sum() == change
    assert sum((found[part].sum() for part in explained.PARTS), Decimal(0)) == change
