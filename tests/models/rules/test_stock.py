"""Stock: positions that add up, counts that win, transfers that balance, layers that are eaten in the order they came."""

from collections import defaultdict
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from models.rules import stock
from models.tables.base import empty, polars_schema, validated
from models.tables.feeds import ExchangeRate, Inbound, StockCount, StockMovement
from models.tables.stock import StockAgeing, StockHistory, StockLedger, StockPosition
from tests.builders import frame

AS_OF = date(2026, 10, 31)
ZONE = "Europe/Berlin"
VERSION = {
    "unit_cost": pl.Decimal(18, 4),
    "currency": pl.String,
    "updated_at": pl.Datetime("us", "UTC"),
    "taken_in_on": pl.Date,
}
SHIPPED = {"occurred_at": pl.Datetime("us", "UTC"), "location_id": pl.String}
NO_COUNTS = empty(StockCount)


def movements(*rows: str) -> pl.DataFrame:
    drawn = frame(
        "movement_id | sku | location_id | moved_at | kind | quantity | reference", *rows, schema=StockMovement
    )
    return drawn.with_columns(unit_cost=pl.lit(None, pl.Decimal(18, 4)))


def counts(*rows: str) -> pl.DataFrame:
    return frame("sku | location_id | counted_on | quantity", *rows, schema=StockCount)


def moved(*rows: str) -> pl.DataFrame:
    """A ledger as drawn."""
    drawn = frame("sku | location_id | moved_on | kind | quantity", *rows, schema=StockLedger)
    return (
        drawn.with_row_index("row")
        .select(
            *drawn.columns,
            unit_cost=None,
            reference=None,
            movement_id=pl.format("M{}", "row"),
            is_derived=pl.lit(False),
        )
        .cast(polars_schema(StockLedger))
        .select(polars_schema(StockLedger).names())
    )


def versions(*rows: str) -> pl.DataFrame:
    return frame("sku | version | unit_cost | currency | updated_at | taken_in_on", *rows, schema=VERSION)


def costs(*rows: str) -> pl.DataFrame:
    """Each SKU's cost in EUR, forever."""
    drawn = frame("sku | unit_cost", *rows, schema={"unit_cost": pl.Decimal(18, 4)})
    return drawn.select("sku", "unit_cost", valid_from=pl.lit(stock.BEGINNING), currency=pl.lit("EUR"))


def euro() -> pl.DataFrame:
    return stock.rates(empty(ExchangeRate), "EUR")


def drawn(rows: pl.DataFrame, *columns: str) -> list[tuple[object, ...]]:
    return [
        tuple(str(cell) if isinstance(cell, date | Decimal) else cell for cell in row) for row in rows[columns].rows()
    ]


def test_a_position_is_the_sum_of_its_movements_up_to_the_end_of_the_day_where_the_shop_is():
    told = movements(
        "M1 | A | W | 2026-10-01T08:00:00Z | receipt  | 10 | ",
        "M2 | A | W | 2026-10-31T22:59:59Z | shipment | -3 | O1",
        "M3 | A | W | 2026-10-31T23:00:00Z | shipment | -4 | O2",
    )
    written = validated(StockLedger, stock.ledger(told, NO_COUNTS, AS_OF, ZONE))
    assert drawn(written, "movement_id", "moved_on", "quantity") == [
        ("M1", "2026-10-01", 10),
        ("M2", "2026-10-31", -3),
    ], "at 23:00 UTC the first of November has begun in Berlin"
    assert stock.positions(written, AS_OF, costs("A | 2"), euro())["on_hand"].to_list() == [7]


def test_a_count_that_differs_posts_the_difference_at_the_end_of_its_day():
    told = movements(
        "M1 | A | W | 2026-10-01T08:00:00Z | receipt  | 10 | ",
        "z2 | A | W | 2026-10-05T20:00:00Z | shipment | -3 | O1",
        "M3 | A | W | 2026-10-06T08:00:00Z | shipment | -1 | O2",
    )
    written = stock.ledger(told, counts("A | W | 2026-10-05 | 5"), AS_OF, ZONE)
    assert drawn(written, "moved_on", "kind", "quantity", "movement_id", "is_derived") == [
        ("2026-10-01", "receipt", 10, "M1", False),
        ("2026-10-05", "shipment", -3, "z2", False),
        ("2026-10-05", "count_adjustment", -2, "count:A@W:2026-10-05", True),
        ("2026-10-06", "shipment", -1, "M3", False),
    ]


def test_a_count_that_agrees_posts_nothing():
    told = movements("M1 | A | W | 2026-10-01T08:00:00Z | receipt | 10 | ")
    assert stock.ledger(told, counts("A | W | 2026-10-05 | 10"), AS_OF, ZONE)["kind"].to_list() == ["receipt"]
    assert stock.ledger(movements(), counts("B | W | 2026-10-05 | 0"), AS_OF, ZONE).is_empty()


def test_a_count_before_any_movement_is_the_opening_stock():
    written = stock.ledger(empty(StockMovement), counts("A | W | 2026-10-05 | 40"), AS_OF, ZONE)
    assert drawn(written, "moved_on", "kind", "quantity") == [("2026-10-05", "count_adjustment", 40)]


def test_a_second_count_posts_only_what_changed_since_the_first():
    told = movements(
        "M1 | A | W | 2026-10-01T08:00:00Z | receipt  | 10 | ",
        "M2 | A | W | 2026-10-07T08:00:00Z | shipment | -4 | O1",
    )
    counted = counts("A | W | 2026-10-05 | 8", "A | W | 2026-10-09 | 5", "A | W | 2026-10-10 | 5")
    written = stock.ledger(told, counted, AS_OF, ZONE)
    # by hand: 10 counted as 8: -2; 8 - 4 = 4 counted as 5: +1; 5 counted as 5: nothing
    assert drawn(written.filter("is_derived"), "moved_on", "quantity") == [("2026-10-05", -2), ("2026-10-09", 1)]


def test_a_movement_that_arrives_late_changes_the_adjustment_and_not_what_was_counted():
    told = movements("M1 | A | W | 2026-10-01T08:00:00Z | receipt | 10 | ")
    late = movements("M0 | A | W | 2026-10-02T08:00:00Z | shipment | -2 | O1")
    counted = counts("A | W | 2026-10-05 | 7")
    before = stock.ledger(told, counted, AS_OF, ZONE)
    after = stock.ledger(pl.concat([told, late]), counted, AS_OF, ZONE)
    assert before.filter("is_derived")["quantity"].to_list() == [-3]
    assert after.filter("is_derived")["quantity"].to_list() == [-1]
    assert before["quantity"].sum() == after["quantity"].sum() == 7


def test_a_count_dated_after_the_night_waits():
    told = movements("M1 | A | W | 2026-10-01T08:00:00Z | receipt | 10 | ")
    assert stock.ledger(told, counts("A | W | 2026-11-01 | 3"), AS_OF, ZONE).height == 1
    assert stock.ledger(told, counts("A | W | 2026-10-31 | 3"), AS_OF, ZONE).height == 2


def test_what_names_an_unknown_product_or_location_waits_and_the_rest_goes_on():
    told = movements(
        "M1 | A | W | 2026-10-01T08:00:00Z | receipt | 1 | ",
        "M2 | X | W | 2026-10-01T08:00:00Z | receipt | 2 | ",
        "M3 | A | Y | 2026-10-01T08:00:00Z | receipt | 3 | ",
        "M4 | X | Y | 2026-10-01T08:00:00Z | receipt | 4 | ",
    )
    skus, places = frame("sku", "A", "B"), frame("location_id", "W")
    parted = stock.known(told, skus, places)
    assert parted.known["movement_id"].to_list() == ["M1"]
    assert drawn(parted.unknown, "movement_id", "waits_for") == [
        ("M2", "product X"),
        ("M3", "location Y"),
        ("M4", "product X"),
    ]
    assert stock.known(told, skus, places.clear()).known["movement_id"].to_list() == ["M1", "M3"], (
        "a shop that keeps no list of locations may name any"
    )


def test_an_event_without_a_location_waits_for_one():
    shipped = frame("order_id | sku | location_id", "O1 | A | ", schema={"location_id": pl.String})
    for places in (frame("location_id", "W"), frame("location_id", "W").clear()):
        assert stock.known(shipped, frame("sku", "A"), places).unknown["waits_for"].to_list() == ["location ?"]


def test_shipments_come_from_events_only_where_the_warehouse_told_none_for_the_order_and_sku():
    told = movements(
        "M1 | A | W | 2026-10-01T08:00:00Z | receipt  | 50 | ",
        "M2 | A | W | 2026-10-02T08:00:00Z | shipment | -1 | O1",
        "M3 | B | W | 2026-10-02T08:00:00Z | return   |  1 | O2",
    )
    shipped = frame(
        "order_id | line_no | sku | location_id | occurred_at | quantity",
        "O1 | 1 | A | W | 2026-10-02T09:00:00Z | 5",
        "O1 | 2 | B | W | 2026-10-02T09:00:00Z | 2",
        "O2 | 1 | B | W | 2026-10-03T09:00:00Z | 3",
        "O2 | 1 | B | W | 2026-10-03T10:00:00Z | 1",
        "O3 | 1 | A | W | 2026-11-01T09:00:00Z | 9",
        schema=SHIPPED,
    )
    written = validated(StockLedger, stock.ledger(told, NO_COUNTS, AS_OF, ZONE, shipped))
    assert drawn(written.filter("is_derived"), "movement_id", "sku", "moved_on", "kind", "quantity", "reference") == [
        ("shipped:O1/2@W:2026-10-02", "B", "2026-10-02", "shipment", -2, "O1"),
        ("shipped:O2/1@W:2026-10-03", "B", "2026-10-03", "shipment", -4, "O2"),
    ]
    assert stock.ledger(told, NO_COUNTS, AS_OF, ZONE).filter("is_derived").is_empty(), "off unless asked for"


def test_a_count_is_compared_with_derived_shipments_too():
    told = movements("M1 | A | W | 2026-10-01T08:00:00Z | receipt | 10 | ")
    shipped = frame(
        "order_id | line_no | sku | location_id | occurred_at | quantity",
        "O1 | 1 | A | W | 2026-10-02T09:00:00Z | 4",
        schema=SHIPPED,
    )
    written = stock.ledger(told, counts("A | W | 2026-10-03 | 6"), AS_OF, ZONE, shipped)
    assert written["kind"].to_list() == ["receipt", "shipment"]


def test_a_transfer_with_one_side_only_is_named():
    told = movements(
        "M1 | A | W | 2026-10-01T08:00:00Z | transfer | -5 | T1",
        "M2 | A | S | 2026-10-03T08:00:00Z | transfer |  5 | T1",
        "M3 | A | W | 2026-10-02T08:00:00Z | transfer | -4 | T2",
        "M4 | A | S | 2026-10-03T08:00:00Z | transfer |  3 | T2",
        "M5 | B | W | 2026-10-02T08:00:00Z | transfer | -4 | T2",
        "M6 | C | W | 2026-10-04T08:00:00Z | transfer | -1 | ",
        "M7 | C | S | 2026-10-04T18:00:00Z | transfer |  1 | ",
        "M8 | C | S | 2026-10-05T08:00:00Z | transfer |  1 | ",
        "M9 | C | S | 2026-10-05T08:00:00Z | receipt  |  1 | ",
    )
    written = stock.ledger(told, NO_COUNTS, AS_OF, ZONE)
    named = stock.unbalanced_transfers(written)
    assert drawn(named, "sku", "reference", "moved_on", "quantity_in", "quantity_out", "movement_ids") == [
        ("A", "T2", "2026-10-02", 3, 4, ["M3", "M4"]),
        ("B", "T2", "2026-10-02", 0, 4, ["M5"]),
        ("C", None, "2026-10-05", 1, 0, ["M8"]),
    ]


def test_the_cost_of_a_day_is_the_product_version_valid_at_its_end():
    told = versions(
        "A | 2 | 3 | EUR | 2026-10-10T22:30:00Z | 2026-10-20",
        "A | 1 | 2 | EUR | 2026-10-01T08:00:00Z | 2026-10-20",
        "A | 3 | 9 | EUR | 2026-11-01T08:00:00Z | 2026-10-20",
        "B | 1 | 5 |     |                      | 2026-10-20",
        "B | 2 | 6 |     |                      | 2026-10-25",
    )
    dated = stock.unit_costs(told, AS_OF, ZONE, "EUR")
    assert drawn(dated, "sku", "valid_from", "unit_cost", "currency") == [
        ("A", "1970-01-01", "2.0000", "EUR"),
        ("A", "2026-10-11", "3.0000", "EUR"),
        ("B", "1970-01-01", "5.0000", "EUR"),
        ("B", "2026-10-25", "6.0000", "EUR"),
    ]
    days = frame("sku | day", "A | 2020-01-01", "A | 2026-10-10", "A | 2026-10-11", schema={"day": pl.Date})
    assert stock.costed(days, "day", dated).sort("day")["unit_cost"].to_list() == [2, 2, 3]


def test_a_version_that_another_supersedes_from_its_own_day_on_never_held():
    told = versions(
        "A | 1 | 7 | EUR |                      | 2026-10-20",
        "A | 2 | 2 | EUR | 2026-10-01T08:00:00Z | 2026-10-20",
        "A | 3 | 2 | EUR | 2026-10-02T08:00:00Z | 2026-10-20",
        "A | 4 | 2 | USD | 2026-10-03T08:00:00Z | 2026-10-20",
        "A | 5 |   | USD | 2026-10-03T09:00:00Z | 2026-10-20",
    )
    assert drawn(stock.unit_costs(told, AS_OF, ZONE, "EUR"), "valid_from", "unit_cost", "currency") == [
        ("1970-01-01", "2.0000", "EUR"),
        ("2026-10-03", None, "USD"),
    ]


def test_a_position_shows_what_is_free_what_is_under_way_and_what_it_is_worth():
    written = moved(
        "A | W | 2026-10-01 | receipt | 10",
        "A | W | 2026-11-01 | receipt | 99",
        "B | W | 2026-10-01 | shipment | -2",
        "C | W | 2026-10-01 | receipt | 1",
        "C | S | 2026-10-01 | receipt | 1",
        "C | S | 2026-10-02 | write_off | -1",
    )
    inbound = frame(
        "purchase_order_id | line_no | sku | location_id | quantity | ordered_on | received_on | status | received_quantity",
        "P1 | 1 | A | W | 6 | 2026-10-30 |  | ordered | ",
        "P1 | 2 | D | W | 4 | 2026-10-30 |  | confirmed | ",
        schema=Inbound,
    )
    allocated = frame("sku | location_id | quantity", "A | W | 3", "A | W | 1")
    found = stock.positions(written, AS_OF, costs("A | 1.2345", "B | 2", "D | 1"), euro(), inbound, allocated)
    assert drawn(
        validated(StockPosition, found),
        *("sku", "location_id", "on_hand", "allocated", "available", "inbound", "unit_cost", "currency", "value"),
    ) == [
        ("A", "W", 10, 4, 6, 6, "1.2345", "EUR", "12.3450"),
        ("B", "W", -2, 0, -2, 0, "2.0000", "EUR", "-4.0000"),
        ("C", "S", 0, 0, 0, 0, None, None, "0.0000"),
        ("C", "W", 1, 0, 1, 0, None, None, None),
        ("D", "W", 0, 0, 0, 4, "1.0000", "EUR", "0.0000"),
    ]


def test_value_goes_at_the_last_rate_up_to_the_day_and_is_unknown_before_the_first():
    quoted = frame(
        "currency | quoted_on | rate",
        "USD | 2026-10-10 | 0.9",
        "USD | 2026-10-20 | 0.33345",
        "USD | 2026-11-01 | 7",
        schema=ExchangeRate,
    )
    dollars = costs("A | 1").with_columns(currency=pl.lit("USD"))
    written = moved("A | W | 2026-10-01 | receipt | 1")

    def value(day: int) -> Decimal | None:
        return stock.positions(written, date(2026, 10, day), dollars, stock.rates(quoted, "EUR"))["value"].item()

    # 0.33345 has no four places: half away from zero
    assert [value(day) for day in (9, 10, 19, 20, 31)] == [None, *map(Decimal, ("0.9", "0.9", "0.3335", "0.3335"))]


def test_received_closes_a_purchase_and_before_that_the_rest_stays_open():
    inbound = frame(
        "purchase_order_id | line_no | quantity | ordered_on | received_on | status | received_quantity",
        "P1 | 1 | 10 | 2026-10-01 |            | ordered   |    ",
        "P1 | 2 | 10 | 2026-10-01 |            | confirmed | 4  ",
        "P1 | 3 | 10 | 2026-10-01 |            | confirmed | 12 ",
        "P1 | 4 | 10 | 2026-10-01 |            | confirmed | 10 ",
        "P2 | 1 | 10 | 2026-10-01 | 2026-10-31 | received  | 6  ",
        "P2 | 2 | 10 | 2026-10-01 | 2026-11-01 | received  | 6  ",
        "P3 | 1 | 10 | 2026-10-01 |            | cancelled |    ",
        "P4 | 1 | 10 | 2026-10-31 |            | ordered   |    ",
        "P4 | 2 | 10 | 2026-11-01 |            | ordered   |    ",
        schema=Inbound,
    )
    assert drawn(stock.open_inbound(inbound, AS_OF), "purchase_order_id", "line_no", "open_quantity") == [
        ("P1", 1, 10),
        ("P1", 2, 6),
        ("P2", 2, 10),
        ("P4", 1, 10),
    ]


def test_what_goes_out_eats_the_oldest_layer_over_all_locations():
    written = moved(
        "A | W | 2026-08-01 | receipt  | 10",
        "A | S | 2026-10-01 | return   | 4",
        "A | S | 2026-10-05 | shipment | -12",
        "A | W | 2026-10-06 | transfer | -6",
        "A | S | 2026-10-06 | transfer | 6",
        "A | W | 2026-10-20 | count_adjustment | 1",
        "A | W | 2026-11-01 | shipment | -3",
        "B | W | 2026-10-01 | receipt  | 3",
        "B | W | 2026-10-02 | shipment | -3",
    )
    aged = validated(StockAgeing, stock.ageing(written, AS_OF, costs("A | 1.25"), euro()))
    # of 10 + 4 + 1 twelve are gone: 2 of October 1st (30 days old), 1 of October 20th
    assert drawn(aged, "sku", "bucket", "quantity", "value") == [("A", "0-30", 3, "3.7500")]


def test_a_deficit_eats_the_next_layer():
    written = moved(
        "A | W | 2026-10-01 | shipment | -5",
        "A | W | 2026-10-02 | receipt  | 3",
        "A | W | 2026-10-03 | receipt  | 4",
    )
    assert stock.ageing(written, date(2026, 10, 2), costs(), euro()).is_empty()
    assert drawn(stock.ageing(written, AS_OF, costs(), euro()), "quantity", "value") == [(2, None)]


def test_each_age_falls_into_its_bucket():
    ages = [0, 30, 31, 60, 61, 90, 91, 180, 181, 365, 366, 4000]
    written = moved(*(f"A | W | {AS_OF - timedelta(days=age)} | receipt | {10 + n}" for n, age in enumerate(ages)))
    assert drawn(stock.ageing(written, AS_OF, costs("A | 1"), euro()), "bucket", "quantity") == [
        ("0-30", 10 + 11),
        ("31-60", 12 + 13),
        ("61-90", 14 + 15),
        ("91-180", 16 + 17),
        ("181-365", 18 + 19),
        ("366+", 20 + 21),
    ]


def test_history_keeps_only_the_days_on_which_something_changed():
    dated = stock.unit_costs(
        versions(
            "A | 1 | 2 | EUR | 2026-01-01T08:00:00Z | ",
            "A | 2 | 3 | EUR | 2026-10-10T08:00:00Z | ",
            "A | 3 | 4 | EUR | 2026-10-28T08:00:00Z | ",
        ),
        AS_OF,
        ZONE,
        "EUR",
    )
    written = moved(
        "A | W | 2026-10-01 | receipt  | 5",
        "A | W | 2026-10-01 | shipment | -5",
        "A | W | 2026-10-03 | receipt  | 10",
        "A | W | 2026-10-05 | receipt  | 1",
        "A | W | 2026-10-05 | shipment | -1",
        "A | W | 2026-10-20 | shipment | -10",
        "A | W | 2026-11-02 | receipt  | 7",
    )
    kept = validated(StockHistory, stock.history(written, AS_OF, dated, euro()))
    assert drawn(kept, "day", "on_hand", "unit_cost", "value") == [
        ("2026-10-01", 0, "2.0000", "0.0000"),  # the first movement, though it closed at nothing
        ("2026-10-03", 10, "2.0000", "20.0000"),
        ("2026-10-10", 10, "3.0000", "30.0000"),  # only the cost changed
        ("2026-10-20", 0, "3.0000", "0.0000"),  # the new cost of October 28th finds nothing
    ]


def test_a_balance_that_does_not_add_up_is_named():
    before = frame("sku | location_id | on_hand", "A | W | 5", "B | W | 1")
    between = moved(
        "A | W | 2026-10-02 | receipt | 4", "A | W | 2026-10-02 | shipment | -2", "C | W | 2026-10-02 | receipt | 1"
    )
    good = frame("sku | location_id | on_hand", "A | W | 7", "B | W | 1", "C | W | 1")
    assert stock.broken_balances(before, between, good).is_empty()
    bad = frame("sku | location_id | on_hand", "A | W | 7", "C | W | 2")
    assert stock.broken_balances(before, between, bad).rows() == [("B", "W", 1, 0, 0, 0), ("C", "W", 0, 1, 0, 2)]


def test_a_count_the_ledger_does_not_close_at_is_named():
    written = moved("A | W | 2026-10-02 | receipt | 4")
    counted = counts(
        "A | W | 2026-10-01 | 1", "A | W | 2026-10-03 | 4", "A | W | 2026-10-04 | 5", "B | W | 2026-10-04 | 0"
    )
    assert drawn(stock.missed_counts(written, counted, AS_OF), "counted_on", "counted", "on_hand") == [
        ("2026-10-01", 1, 0),
        ("2026-10-04", 5, 4),
    ]


def test_nothing_in_gives_nothing_out():
    nothing = stock.ledger(empty(StockMovement), NO_COUNTS, AS_OF, ZONE, frame(
        "order_id | line_no | sku | location_id | occurred_at | quantity", schema=SHIPPED | {
            "order_id": pl.String, "sku": pl.String, "line_no": pl.Int64, "quantity": pl.Int64}
    ))  # fmt: skip
    no_costs = stock.unit_costs(versions().cast({"sku": pl.String}), AS_OF, ZONE, "EUR")
    assert_frame_equal(nothing, empty(StockLedger))
    assert_frame_equal(stock.positions(nothing, AS_OF, no_costs, euro(), empty(Inbound)), empty(StockPosition))
    assert_frame_equal(stock.ageing(nothing, AS_OF, no_costs, euro()), empty(StockAgeing))
    assert_frame_equal(stock.history(nothing, AS_OF, no_costs, euro()), empty(StockHistory))
    assert stock.unbalanced_transfers(nothing).is_empty()
    assert stock.missed_counts(nothing, NO_COUNTS, AS_OF).is_empty()


def test_a_value_beyond_all_money_is_unknown_and_stops_nothing():
    written = moved("A | W | 2026-10-01 | receipt | 1000000000")
    dear = costs("A | 99999999999999")
    assert stock.positions(written, AS_OF, dear, euro())["value"].to_list() == [None]


MOVED = st.tuples(
    st.sampled_from("AB"),
    st.sampled_from("WS"),
    st.integers(0, 70),
    st.sampled_from(["receipt", "shipment", "return", "adjustment", "transfer", "write_off"]),
    st.integers(-9, 9).filter(bool),
)
COUNTED = st.dictionaries(
    st.tuples(st.sampled_from("AB"), st.sampled_from("WS"), st.integers(0, 70)), st.integers(0, 9)
)
FIRST = date(2026, 8, 25)


def drawn_movements(rows: list[tuple[str, str, int, str, int]]) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "movement_id": f"M{number:03}",
                "sku": sku,
                "location_id": place,
                "moved_at": datetime.combine(FIRST + timedelta(days=day), time(9), UTC),
                "kind": kind,
                "quantity": quantity,
                "unit_cost": None,
                "reference": None,
            }
            for number, (sku, place, day, kind, quantity) in enumerate(rows)
        ],
        schema={
            name: dtype
            for name, dtype in polars_schema(StockMovement).items()
            if name not in ("file_id", "record_number")
        },
    )


def drawn_counts(counted: dict[tuple[str, str, int], int]) -> pl.DataFrame:
    return pl.DataFrame(
        [(sku, place, FIRST + timedelta(days=day), quantity) for (sku, place, day), quantity in counted.items()],
        schema={"sku": pl.String, "location_id": pl.String, "counted_on": pl.Date, "quantity": pl.Int64},
        orient="row",
    )


def all_of(told: pl.DataFrame, counted: pl.DataFrame) -> list[pl.DataFrame]:
    """Everything that follows from movements and counts."""
    written = stock.ledger(told, counted, AS_OF, ZONE)
    dated = stock.unit_costs(
        versions("A | 1 | 2 | EUR | 2026-01-01T08:00:00Z | ", "A | 2 | 3.5 | EUR | 2026-10-10T08:00:00Z | "),
        AS_OF,
        ZONE,
        "EUR",
    )
    given = (AS_OF, dated, euro())
    return [written, stock.positions(written, *given), stock.ageing(written, *given), stock.history(written, *given)]


@settings(max_examples=60, deadline=None)
@given(st.lists(MOVED, max_size=25), COUNTED, st.randoms(use_true_random=False))
def test_neither_the_order_of_arrival_nor_a_split_by_sku_changes_anything(rows, counted, random):
    told, counts_ = drawn_movements(rows), drawn_counts(counted)
    whole = all_of(told, counts_)
    order = list(range(told.height))
    random.shuffle(order)
    for one, other in zip(whole, all_of(told[order], counts_.reverse()), strict=True):
        assert_frame_equal(one, other)
    split = [all_of(told.filter(pl.col("sku") == sku), counts_.filter(pl.col("sku") == sku)) for sku in "AB"]
    for one, *parts in zip(whole, *split, strict=True):
        assert_frame_equal(one, pl.concat(parts))


@settings(max_examples=60, deadline=None)
@given(st.lists(MOVED, max_size=25), COUNTED)
def test_stock_adds_up_whatever_moves_and_is_counted(rows, counted):
    told, counts_ = drawn_movements(rows), drawn_counts(counted)
    written, positions, aged, kept = all_of(told, counts_)
    yesterday = stock.positions(written, AS_OF - timedelta(days=1), costs(), euro())
    today = written.filter(pl.col("moved_on") == AS_OF)
    assert stock.broken_balances(yesterday, today, positions).is_empty()
    assert stock.missed_counts(written, counts_, AS_OF).is_empty()
    last = kept.group_by("sku", "location_id").agg(pl.col("on_hand").last()).sort("sku", "location_id")
    assert_frame_equal(last, positions.select("sku", "location_id", "on_hand"))
    assert kept.filter(
        (pl.col("on_hand") == pl.col("on_hand").shift(1).over("sku", "location_id"))
        & (pl.col("unit_cost") == pl.col("unit_cost").shift(1).over("sku", "location_id"))
    ).is_empty()
    in_all = written.filter(pl.col("kind") != "transfer").group_by("sku").agg(pl.col("quantity").sum())
    left = aged.group_by("sku").agg(left=pl.col("quantity").sum())
    assert (
        in_all.join(left, on="sku", how="left")
        .filter(pl.col("left").fill_null(0) != pl.max_horizontal("quantity", 0))
        .is_empty()
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(MOVED, max_size=25), COUNTED)
def test_layers_are_what_a_warehouse_with_a_queue_would_have_left(rows, counted):
    written, _, aged, _ = all_of(drawn_movements(rows), drawn_counts(counted))
    left: dict[tuple[str, str], int] = defaultdict(int)
    for sku in "AB":
        queue: list[list[object]] = []
        deficit = 0
        for day, kind, quantity in (
            written.filter(pl.col("sku") == sku)
            .sort("moved_on", maintain_order=True)["moved_on", "kind", "quantity"]
            .rows()
        ):
            if kind == "transfer":
                continue
            if quantity > 0:
                eaten = min(deficit, quantity)
                deficit -= eaten
                queue.append([day, quantity - eaten])
                continue
            wanted = -quantity
            while wanted and queue:
                eaten = min(wanted, queue[0][1])
                queue[0][1] -= eaten
                wanted -= eaten
                if not queue[0][1]:
                    queue.pop(0)
            deficit += wanted
        for day, units in queue:
            age = (AS_OF - day).days
            bucket = next((name for end, name in ((30, "0-30"), (60, "31-60"), (90, "61-90")) if age <= end), None)
            left[sku, bucket] += units
    found = {(sku, bucket): quantity for sku, bucket, quantity in aged["sku", "bucket", "quantity"].rows()}
    assert found == {key: units for key, units in left.items() if units}
