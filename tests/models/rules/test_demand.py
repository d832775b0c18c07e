"""Demand: what was asked for, counted where it is sent from; how it behaves; what several voices expect of it."""

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.rules import demand
from models.tables.base import empty, validated
from models.tables.demand import DemandClass, DemandDay, DemandLevel, SupplierLeadTime
from models.tables.feeds import Inbound
from tests.builders import frame

DAY = {"day": pl.Date, "is_out_of_stock": pl.Boolean}
ORDERS = frame(
    "order_id | status | ordered_on | location_id",
    "o1 | confirmed | 2026-01-01 | ",
    "o2 | rejected | 2026-01-01 | ",
    "o3 | received | 2026-01-02 | SHOP",
    schema={"ordered_on": pl.Date},
)
NO_PLACES = frame("order_id | line_no | location_id | quantity", "o1 | 1 | X | 0").clear()
NO_DAYS = frame("sku | location_id | day", "A | X | 2026-01-01", schema={"day": pl.Date}).clear()
NO_STARTS = frame("sku | location_id | first_on", "A | W | 2026-01-01", schema={"first_on": pl.Date}).clear()
EVEN = pl.DataFrame({"weekday": range(1, 8), "factor": [1.0] * 7}, schema_overrides={"weekday": pl.Int8})
STEADY = pl.DataFrame({"origin": range(5), "factor": [1.0] * 5})


def daily(lines: pl.DataFrame, **given_frames: pl.DataFrame) -> list[tuple[Any, ...]]:
    found = demand.daily(
        ORDERS,
        lines,
        given_frames.get("shipments", NO_PLACES),
        given_frames.get("allocations", NO_PLACES),
        given_frames.get("out_of_stock", NO_DAYS),
        default_location="MAIN",
    )
    return validated(DemandDay, found).select("sku", "location_id", pl.col("day").dt.day(), "quantity").rows()


def line(*rows: str) -> pl.DataFrame:
    return frame("order_id | line_no | sku | quantity | cancelled", *rows)


def place(*rows: str) -> pl.DataFrame:
    return frame("order_id | line_no | location_id | quantity", *rows)


def days(*rows: str) -> pl.DataFrame:
    return frame("day | sku | location_id | quantity | is_out_of_stock", *rows, schema=DAY)


def history(quantities: list[int], as_of: date, sku: str = "A", out: tuple[int, ...] = ()) -> pl.DataFrame:
    """Demand of the days up to as_of, of which those in `out` (from 0) ended without stock."""
    first = as_of - timedelta(days=len(quantities) - 1)
    rows = [
        (first + timedelta(days=number), sku, "W", quantity, number in out)
        for number, quantity in enumerate(quantities)
        if quantity or number in out
    ]
    return pl.DataFrame(rows, schema=empty(DemandDay).schema, orient="row")


def start(sku: str, first_on: date) -> pl.DataFrame:
    return pl.DataFrame([(sku, "W", first_on)], schema=NO_STARTS.schema, orient="row")


def measured(quantities: list[int], out: tuple[int, ...] = (), **named: Any) -> dict[str, Any]:
    as_of = date(2026, 6, 30)
    since = start("A", as_of - timedelta(days=len(quantities) - 1))
    found = demand.measured(history(quantities, as_of, out=out), since, EVEN, STEADY, as_of, **named)
    return found.row(0, named=True)


def test_demand_is_what_was_ordered_less_what_was_cancelled_and_a_rejected_order_is_none() -> None:
    lines = line("o1 | 1 | A | 5 | 2", "o1 | 2 | A | 1 | 0", "o1 | 3 | B | 2 | 2", "o2 | 1 | A | 9 | 0")
    assert daily(lines) == [("A", "MAIN", 1, 4)]


def test_a_unit_counts_where_it_was_shipped_else_allocated_else_where_the_order_says() -> None:
    lines = line("o1 | 1 | A | 6 | 0", "o3 | 1 | A | 4 | 0")
    shipments = place("o1 | 1 | W1 | 2", "o1 | 1 | W2 | 1", "o1 | 1 |  | 1")
    assert daily(lines, shipments=shipments, allocations=place("o1 | 1 | W2 | 2", "o3 | 1 | W1 | 1")) == [
        ("A", "MAIN", 1, 1),
        ("A", "SHOP", 2, 3),
        ("A", "W1", 1, 2),
        ("A", "W1", 2, 1),
        ("A", "W2", 1, 3),
    ]


def test_more_shipped_than_a_line_has_left_counts_no_further() -> None:
    assert daily(line("o1 | 1 | A | 6 | 2"), shipments=place("o1 | 1 | W1 | 5", "o1 | 1 | W2 | 1")) == [
        ("A", "W1", 1, 4)
    ]


def test_a_day_without_stock_is_a_day_also_without_demand() -> None:
    out = frame("sku | location_id | day", "A | MAIN | 2026-01-01", "A | MAIN | 2026-01-03", schema=NO_DAYS.schema)
    found = demand.daily(ORDERS, line("o1 | 1 | A | 5 | 0"), NO_PLACES, NO_PLACES, out, default_location="MAIN")
    assert found.select("quantity", "is_out_of_stock").rows() == [(5, True), (0, True)]


def test_days_without_stock_are_left_out_of_the_rate_in_stock_and_both_rates_are_shown() -> None:
    found = measured([2, 2, 2, 0, 0, 0, 0, 0, 2, 2], out=(3, 4, 5, 6, 7))
    assert (found["rate"], found["rate_in_stock"]) == (1.0, 2.0)
    assert (found["observed_days"], found["in_stock_days"], found["demand_days"]) == (10, 5, 5)


def test_what_never_had_stock_has_one_rate() -> None:
    found = measured([3, 1], out=(0, 1))
    assert (found["rate"], found["rate_in_stock"]) == (2.0, 2.0)


def test_a_day_on_which_stock_ran_out_still_teaches_the_voices() -> None:
    assert measured([1, 1, 7, 0, 0, 1], out=(2, 3, 4))["flat"] == pytest.approx((1 + 1 + 6 + 1) / 4)


def test_rates_look_back_no_further_than_the_history() -> None:
    assert measured([100, 1, 1], history_days=2)["rate"] == 1.0


def test_days_before_the_first_sale_count_once_the_item_was_stocked() -> None:
    as_of = date(2026, 6, 30)
    known = start("A", as_of - timedelta(days=9))
    found = demand.measured(history([5], as_of), known, EVEN, STEADY, as_of)
    assert found["rate"].to_list() == [0.5]
    assert demand.measured(history([5], as_of), NO_STARTS, EVEN, STEADY, as_of)["rate"].to_list() == [5.0]


def test_what_was_never_asked_for_is_known_and_expects_nothing() -> None:
    as_of = date(2026, 6, 30)
    found = demand.measured(empty(DemandDay), start("A", date(2026, 1, 1)), EVEN, STEADY, as_of)
    level = validated(DemandLevel, demand.levels(found, demand.norms(found)))
    assert level.select("rate", "level", "lump", "observed_days", "demand_days").row(0) == (0, 0, 0, 181, 0)


def test_a_giant_day_moves_the_level_by_six_typical_days_and_stays_in_the_lumpiness() -> None:
    quantities = [2] * 9 + [500]
    found = measured(quantities)
    assert found["flat"] == pytest.approx((9 * 2 + 12) / 10)
    assert found["rate"] == pytest.approx(51.8)
    assert found["size_ratio"] == pytest.approx(10 * (9 * 4 + 250_000) / 518**2, abs=1e-6)


@pytest.mark.parametrize(("large_days", "counted"), [(2, 12), (3, 500), (4, 500)])
def test_a_giant_day_that_comes_a_third_time_is_no_accident_and_counts(large_days: int, counted: int) -> None:
    quantities = [2] * 20 + [500] * large_days
    assert measured(quantities)["flat"] == pytest.approx((20 * 2 + large_days * counted) / (20 + large_days))


def test_of_giant_days_that_come_again_the_largest_count_as_much_as_the_third() -> None:
    found = measured([2] * 10 + [900, 40, 30, 50])
    assert found["flat"] == pytest.approx((10 * 2 + 3 * 40 + 30) / 14)


# --- The published methods, written here once more as their authors state them: Croston (1972) with the correction of
# Syntetos and Boylan (2005), Teunter, Syntetos and Babai (2011), simple exponential smoothing; started by the first
# value, as statsforecast does (`_ses_forecast`, `_croston_sba`, `_tsb`). A plain loop, independent of the rule's sums.


def ses(values: list[float], alpha: float = 0.1) -> float:
    level = values[0]
    for value in values[1:]:
        level = alpha * value + (1 - alpha) * level
    return level


def croston_sba(values: list[int]) -> float:
    places = [number for number, value in enumerate(values, start=1) if value]
    gaps = [now - before for before, now in zip([0, *places], places, strict=False)]
    return 0.95 * ses([float(value) for value in values if value]) / ses([float(gap) for gap in gaps])


def tsb(values: list[int]) -> float:
    return ses([float(value > 0) for value in values]) * ses([float(value) for value in values if value])


SERIES = [
    [3, 0, 0, 2, 0, 1, 1, 0, 0, 0, 4, 0],
    [0, 0, 0, 5],
    [1],
    [2, 3, 2, 4, 3, 2, 3, 3],
    [0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0],
]


@pytest.mark.parametrize("values", SERIES)
def test_the_voices_say_what_the_published_methods_say(values: list[int]) -> None:
    found = measured(values)
    assert found["fast"] == pytest.approx(ses([float(value) for value in values]), abs=1e-6)
    assert found["croston"] == pytest.approx(croston_sba(values), abs=1e-6)
    assert found["tsb"] == pytest.approx(tsb(values), abs=1e-6)
    assert found["flat"] == pytest.approx(sum(values) / len(values), abs=1e-6)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=150).filter(any))
def test_the_voices_say_what_the_published_methods_say_of_any_history(values: list[int]) -> None:
    values = [value + 3 if value else 0 for value in values]  # 4..6: no day is a giant
    found = measured(values)
    assert found["fast"] == pytest.approx(ses([float(value) for value in values]), abs=1e-6)
    assert found["croston"] == pytest.approx(croston_sba(values), abs=1e-6)
    assert found["tsb"] == pytest.approx(tsb(values), abs=1e-6)


def test_a_spell_without_stock_is_no_time_for_the_voices() -> None:
    with_spell = measured([3, 0, 2, 0, 0, 0, 0, 1], out=(3, 4, 5, 6))
    without = measured([3, 0, 2, 0, 1])
    assert {voice: with_spell[voice] for voice in demand.VOICES} == {voice: without[voice] for voice in demand.VOICES}


def test_a_spell_without_stock_of_one_sku_is_no_time_of_the_others() -> None:
    as_of, spell = date(2026, 6, 30), tuple(range(10, 20))
    alone = [history([1] * 60, as_of, sku, out) for sku, out in (("A", ()), ("B", spell), ("C", ()))]
    together = pl.concat(alone)
    found = demand.measured(together, NO_STARTS, EVEN, STEADY, as_of)
    apart = pl.concat([demand.measured(each, NO_STARTS, EVEN, STEADY, as_of) for each in alone])
    assert found.equals(apart)
    assert found["flat"].to_list() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("last", range(7))
def test_the_fast_voice_knows_on_which_weekday_it_listens(last: int) -> None:
    as_of = date(2026, 6, 22) + timedelta(days=last)  # a Monday and the days after it
    open_days = EVEN.with_columns(factor=pl.when(pl.col("weekday") > 5).then(0.0).otherwise(1.4))
    days_back = [as_of - timedelta(days=age) for age in range(200, -1, -1)]
    sold = history([0 if day.weekday() > 4 else 7 for day in days_back], as_of)
    found = demand.measured(sold, NO_STARTS, open_days, STEADY, as_of)
    assert found["fast"].to_list() == pytest.approx([5.0], abs=1e-6)  # five days of 7, whichever day it is


def test_the_fast_voice_grows_with_the_shop() -> None:
    growing = STEADY.with_columns(factor=pl.when(pl.col("origin") == 0).then(1.2).otherwise(1.0))
    found = demand.measured(history([2] * 60, date(2026, 6, 30)), NO_STARTS, EVEN, growing, date(2026, 6, 30))
    assert found.select("fast", "flat").rows() == [(2.4, 2.0)]


def test_a_backtest_compares_each_voice_with_the_days_that_followed() -> None:
    quantities = [1] * 28 + [2] * 28
    found = measured(quantities)
    # Four weeks ago every voice said 1 (Croston 0.95); the days since sold 2: squared errors 1, 1, 1.05², 1.
    losses = [1.0, 1.0, 1.05**2, 1.0]
    mean = sum(losses) / 4
    assert found["backtests"] == 1
    assert [found[f"{voice}_loss"] for voice in demand.VOICES] == pytest.approx(
        [loss / mean for loss in losses], abs=1e-6
    )


def test_the_voice_that_did_best_weighs_most_and_a_new_item_follows_the_shop() -> None:
    as_of = date(2026, 6, 30)
    rising = [1] * 120 + [2] * 28 + [4] * 28 + [8] * 28
    parts = pl.concat([history(rising, as_of, "OLD"), history([1] * 5, as_of, "NEW")])
    found = demand.measured(parts, NO_STARTS, EVEN, STEADY, as_of)
    level = demand.levels(found, demand.norms(found)).select("sku", "fast_weight", "flat_weight")
    new, old = level.sort("sku").rows()
    assert old[1] > old[2] and new[1] > new[2]
    assert new[1] == pytest.approx(old[1])  # the shop's loss is the old item's: the only one with a backtest


def test_weights_are_shares_and_the_level_lies_between_the_voices() -> None:
    found = demand.measured(
        history([3, 0, 0, 2, 0, 1, 1] * 20, date(2026, 6, 30)), NO_STARTS, EVEN, STEADY, date(2026, 6, 30)
    )
    figures = demand.levels(found, demand.norms(found)).drop("sku", "location_id", "first_on")
    row = figures.cast(pl.Float64).row(0, named=True)
    assert sum(row[f"{voice}_weight"] for voice in demand.VOICES) == pytest.approx(1, abs=1e-5)
    assert min(row[voice] for voice in demand.VOICES) <= row["level"] <= max(row[voice] for voice in demand.VOICES)


def test_lumpiness_of_steady_demand_is_its_plain_variance_over_its_mean() -> None:
    quantities = [9, 11] * 150
    found = demand.measured(history(quantities, date(2026, 6, 30)), NO_STARTS, EVEN, STEADY, date(2026, 6, 30))
    assert float(demand.levels(found, demand.norms(found))["lump"][0]) == pytest.approx(1 / 10, rel=0.01)


def test_a_weekday_that_sells_double_has_a_higher_factor_and_weekdays_average_one() -> None:
    as_of = date(2026, 6, 28)  # a Sunday
    week = [4, 4, 4, 4, 4, 8, 0]
    parts = pl.concat([history(week * 20, as_of, f"S{number}") for number in range(30)])
    factors = demand.seasons(demand.shop_days(parts, NO_STARTS, as_of))["factor"].to_list()
    assert sum(factors) == pytest.approx(7, abs=1e-5)
    assert factors[5] == pytest.approx(2 * factors[0], rel=0.05)
    assert factors[6] < 0.1


def test_a_shop_without_sales_knows_neither_weekdays_nor_growth() -> None:
    nothing = demand.shop_days(empty(DemandDay), NO_STARTS, date(2026, 6, 30))
    assert demand.seasons(nothing)["factor"].to_list() == [1.0] * 7
    assert demand.growths(nothing, date(2026, 6, 30))["factor"].to_list() == [1.0] * 5


def test_a_shop_that_sells_more_and_more_is_expected_to_go_on() -> None:
    as_of = date(2026, 6, 30)
    rising = [2] * 300 + [3] * 56
    parts = pl.concat([history(rising, as_of, f"S{number}") for number in range(30)])
    factors = demand.growths(demand.shop_days(parts, NO_STARTS, as_of), as_of)["factor"].to_list()
    assert 1.1 < factors[0] < 1.5**0.42
    assert factors[4] == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    ("interval", "variation", "expected"),
    [
        (1.3199, 0.4899, "smooth"),
        (1.3199, 0.49, "erratic"),
        (1.32, 0.4899, "intermittent"),
        (1.32, 0.49, "lumpy"),
        (None, None, None),
    ],
)
def test_classes_of_demand_change_at_1_32_and_0_49(
    interval: float | None, variation: float | None, expected: str | None
) -> None:
    rows = pl.DataFrame({"a": [interval], "v": [variation]}, schema={"a": pl.Float64, "v": pl.Float64})
    assert rows.select(demand.demand_class(pl.col("a"), pl.col("v"))).item() == expected


def classes(parts: pl.DataFrame, revenue: pl.DataFrame, as_of: date, starts: pl.DataFrame = NO_STARTS) -> pl.DataFrame:
    return validated(DemandClass, demand.classes(parts, starts, revenue, as_of))


NO_REVENUE = frame("sku | amount", "A | 0").clear()


@pytest.mark.parametrize(
    ("quantities", "expected"),
    [([2, 2, 2], "X"), ([1, 2, 3], "Y"), ([0, 1, 2], "Z"), ([101, 200, 299], "X"), ([1, 100, 199], "Y")],
)
def test_xyz_changes_at_a_variation_of_a_half_and_of_one(quantities: list[int], expected: str) -> None:
    # Of m - d, m, m + d the sample standard deviation is d: the variation d / m.
    as_of = date(2026, 6, 30)
    found = classes(history(quantities, as_of), NO_REVENUE, as_of, start("A", date(2026, 6, 28)))
    assert found["xyz"].to_list() == [expected]


def test_a_shop_that_is_closed_on_sundays_may_sell_steadily_all_the_same() -> None:
    # Six days of 5 and one of none, every week: weeks do not differ at all, days by 0.41 of their mean.
    as_of = date(2026, 6, 28)  # a Sunday
    found = classes(history([5, 5, 5, 5, 5, 5, 0] * 4, as_of), NO_REVENUE, as_of, start("A", date(2026, 6, 1)))
    assert found.select("xyz", "variation").rows() == [("X", 0)]


@pytest.mark.parametrize(("weeks", "variation", "expected"), [([2, 6], 0.7071, "Y"), ([0, 4, 0, 4], 1.1547, "Z")])
def test_xyz_is_measured_by_whole_weeks_back_from_the_night(weeks: list[int], variation: float, expected: str) -> None:
    # Of 2 and 6 the sample deviation is sqrt(8), of 0, 4, 0, 4 sqrt(16 / 3); the three days before are no whole week.
    as_of = date(2026, 6, 30)
    quantities = [9, 9, 9] + [units for week in weeks for units in (week, 0, 0, 0, 0, 0, 0)]
    found = classes(history(quantities, as_of), NO_REVENUE, as_of).row(0, named=True)
    assert (float(found["variation"]), found["xyz"]) == (pytest.approx(variation, abs=1e-4), expected)


def test_a_week_is_measured_by_its_days_with_stock() -> None:
    # Weeks of 14, 8 in four days with stock, none with stock: 2 a day in both that count.
    as_of = date(2026, 6, 30)
    quantities = [2] * 7 + [2, 2, 2, 2, 0, 0, 0] + [0] * 7
    found = classes(history(quantities, as_of, out=tuple(range(11, 21))), NO_REVENUE, as_of)
    assert found.select("xyz", "variation").rows() == [("X", 0)]


def test_the_item_that_crosses_eighty_percent_is_a_ties_go_by_sku_and_unsold_is_u() -> None:
    revenue = frame("sku | amount", "A1 | 79", "B2 | 8", "B1 | 8", "C1 | 5", "U1 | 0", "U2 | -3")
    found = classes(empty(DemandDay), revenue, date(2026, 6, 30)).select("sku", "abc").rows()
    assert found == [("A1", "A"), ("B1", "A"), ("B2", "B"), ("C1", "C"), ("U1", "U"), ("U2", "U")]


def test_exactly_eighty_percent_is_crossed_by_nobody_else() -> None:
    revenue = frame("sku | amount", "A | 80", "B | 15", "C | 5")
    assert classes(empty(DemandDay), revenue, date(2026, 6, 30))["abc"].to_list() == ["A", "B", "C"]


def test_a_sku_without_sales_has_no_class_of_demand() -> None:
    as_of = date(2026, 6, 30)
    found = classes(empty(DemandDay), NO_REVENUE, as_of, start("A", as_of))
    assert found.select("abc", "xyz", "demand_class", "rate").rows() == [("U", None, None, 0)]


def test_a_sku_is_without_stock_when_all_its_locations_are() -> None:
    parts = days(
        "2026-06-28 | A | W | 4 | false",
        "2026-06-28 | A | V | 2 | false",
        "2026-06-29 | A | W | 0 | true",
        "2026-06-29 | A | V | 0 | true",
        "2026-06-30 | A | W | 0 | true",
    )
    found = classes(parts, NO_REVENUE, date(2026, 6, 30)).row(0, named=True)
    assert (found["rate"], found["rate_in_stock"]) == (2, 3)
    assert found["demand_interval_days"] == 2  # two days it could sell, one with demand


def test_lead_times_are_measured_with_their_spread_and_stated_ones_are_the_prior() -> None:
    inbound = frame(
        "supplier_id | sku | ordered_on | expected_on | received_on | status",
        "S1 | A | 2026-01-01 | 2026-01-08 | 2026-01-09 | received",
        "S1 | A | 2026-01-01 | 2026-01-08 | 2026-01-13 | received",
        "S1 | B | 2026-01-01 | 2026-01-20 | 2026-01-11 | received",
        "S1 | B | 2026-01-10 | 2026-01-20 | 2026-01-09 | received",
        "S1 | B | 2026-01-10 | 2026-01-20 |  | confirmed",
        "S3 | B | 2026-01-01 | 2026-01-01 | 2026-01-05 | received",
        schema=empty(Inbound).schema,
    )
    suppliers = frame("supplier_id | lead_time_days", "S1 | 7", "S2 | 5")
    found = validated(SupplierLeadTime, demand.lead_times(inbound, suppliers))
    shown = found.select(
        "supplier_id",
        "receipts",
        pl.col("lead_time_mean_days", "lead_time_sd_days").cast(pl.Float64),
        "stated_days",
        "late_receipts",
        "impossible_receipts",
        pl.col("planned_days", "stated_ratio").cast(pl.Float64),
    ).rows()
    # S1 took 8, 12 and 10 days: planned (30 + 3 x 7) / (3 + 3), that is 51 / 42 of what it states.
    assert shown == [
        ("S1", 3, 10.0, 2.0, 7, 2, 1, 8.5, pytest.approx(51 / 42, abs=1e-6)),
        ("S2", 0, 5.0, 0.0, 5, 0, 0, 5.0, None),
        ("S3", 1, 4.0, 0.0, None, 1, 0, 4.0, None),
    ]


def test_a_supplier_is_measured_against_what_it_states_for_the_sku() -> None:
    inbound = frame(
        "supplier_id | sku | ordered_on | expected_on | received_on | status",
        "S1 | A | 2026-01-01 | 2026-01-31 | 2026-01-31 | received",
        schema=empty(Inbound).schema,
    )
    suppliers = frame("supplier_id | lead_time_days", "S1 | 7")
    terms = frame("supplier_id | sku | lead_time_days", "S1 | A | 30")
    assert float(demand.lead_times(inbound, suppliers, terms)["stated_ratio"][0]) == 1.0


def test_what_was_seen_of_a_lead_time_is_the_nearest_rank_of_whole_stretches() -> None:
    as_of = date(2026, 6, 30)
    # Ten stretches of two days: 20, 18, ..., 2; the 0.9 quantile is the ninth smallest.
    quantities = [number for total in range(10, 0, -1) for number in (total, total)]
    items = pl.DataFrame(
        {"sku": ["A", "B"], "location_id": ["W", "W"], "span_days": [2, 30], "service_level": [0.9, 0.9]}
    ).with_columns(first_on=pl.lit(date(2026, 6, 11)))
    found = demand.seen(history(quantities, as_of), items, as_of)
    assert found.rows() == [("A", "W", 10, 18), ("B", "W", 0, None)]


def whole(parts: pl.DataFrame, as_of: date) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    sold = demand.shop_days(parts, NO_STARTS, as_of)
    return sold, demand.seasons(sold), demand.growths(sold, as_of)


HISTORIES = st.dictionaries(
    st.sampled_from(["A", "B", "C", "D"]),
    st.lists(st.sampled_from([0, 0, 0, 1, 2, 9, 400]), min_size=1, max_size=130).filter(any),
    min_size=1,
)


@settings(max_examples=25, deadline=None)
@given(HISTORIES, st.randoms())
def test_the_order_of_rows_does_not_matter(histories: dict[str, list[int]], random: Any) -> None:
    as_of = date(2026, 6, 30)
    parts = pl.concat([history(quantities, as_of, sku) for sku, quantities in histories.items()])
    places = list(range(parts.height))
    random.shuffle(places)
    _, season, growth = whole(parts, as_of)
    assert whole(parts[places], as_of)[1].equals(season)
    first = demand.measured(parts.sort("sku", "day"), NO_STARTS, season, growth, as_of)
    assert demand.measured(parts[places], NO_STARTS, season, growth, as_of).equals(first)
    assert classes(parts[places], NO_REVENUE, as_of).equals(classes(parts, NO_REVENUE, as_of))


@settings(max_examples=25, deadline=None)
@given(HISTORIES, st.sets(st.sampled_from(["A", "B", "C", "D"])))
def test_the_parts_of_a_shop_give_what_the_whole_gives(histories: dict[str, list[int]], one: set[str]) -> None:
    as_of = date(2026, 6, 30)
    parts = pl.concat([history(quantities, as_of, sku) for sku, quantities in histories.items()])
    halves = [parts.filter(pl.col("sku").is_in(list(one))), parts.filter(~pl.col("sku").is_in(list(one)))]
    _, season, growth = whole(parts, as_of)
    sold = pl.concat([demand.shop_days(half, NO_STARTS, as_of) for half in halves])
    assert demand.seasons(sold).equals(season)
    assert demand.growths(sold, as_of).equals(growth)
    found = demand.measured(parts, NO_STARTS, season, growth, as_of)
    by_half = [demand.measured(half, NO_STARTS, season, growth, as_of) for half in halves]
    assert pl.concat(by_half).sort("sku").equals(found)
    shop = pl.concat([demand.norms(half) for half in by_half])
    levels = pl.concat([demand.levels(half, shop) for half in by_half]).sort("sku")
    assert levels.equals(demand.levels(found, demand.norms(found)))
