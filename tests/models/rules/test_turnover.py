"""Turnover: what was sold against what was kept, both at cost, every calendar day counted."""

from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import duckdb
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from models.rules import stock, turnover
from models.tables.base import empty, polars_schema, validated
from models.tables.feeds import ExchangeRate
from models.tables.stock import StockLedger
from models.tables.turnover import InventoryTurnover
from tests.builders import frame

AS_OF = date(2026, 10, 31)
COST = {"valid_from": pl.Date, "unit_cost": pl.Decimal(18, 4), "currency": pl.String}
PERIOD = {"first_on": pl.Date, "last_on": pl.Date}
OCTOBER = frame("period | first_on | last_on", "2026-10 | 2026-10-01 | 2026-10-31", schema=PERIOD)
SALES = {"day": pl.Date, "net_amount": pl.Decimal(18, 4)}


def moved(*rows: str) -> pl.DataFrame:
    """A ledger as drawn."""
    drawn = frame("sku | location_id | moved_on | kind | quantity", *rows, schema=StockLedger)
    return (
        drawn.with_row_index("row")
        .select(*drawn.columns, unit_cost=None, reference=None, movement_id=pl.format("M{}", "row"), is_derived=False)
        .select(polars_schema(StockLedger).names())
        .cast(polars_schema(StockLedger))
    )


def costs(*rows: str) -> pl.DataFrame:
    return frame("sku | valid_from | unit_cost | currency", *rows, schema=COST)


ONE_COST = costs("A | 1970-01-01 | 2 | EUR")


def rates(*rows: str) -> pl.DataFrame:
    return stock.rates(frame("currency | quoted_on | rate", *rows, schema=ExchangeRate), "EUR")


def turned(
    ledger: pl.DataFrame,
    periods: pl.DataFrame = OCTOBER,
    dated: pl.DataFrame = ONE_COST,
    quoted: pl.DataFrame | None = None,
    sales: pl.DataFrame | None = None,
) -> pl.DataFrame:
    known = rates() if quoted is None else quoted
    kept = stock.history(ledger, AS_OF, dated, known)
    return validated(InventoryTurnover, turnover.inventory_turnover(kept, ledger, periods, dated, known, sales))


def only(rows: pl.DataFrame, *columns: str) -> tuple[object, ...]:
    (row,) = rows[columns].rows()
    return row


def test_periods_are_months_and_years_up_to_the_night_and_the_last_365_days():
    named = turnover.periods(date(2025, 11, 20), date(2026, 1, 15))
    assert [tuple(map(str, row)) for row in named.rows()] == [
        ("2025", "2025-01-01", "2025-12-31"),
        ("last_365_days", "2025-01-16", "2026-01-15"),
        ("2025-11", "2025-11-01", "2025-11-30"),
        ("2025-12", "2025-12-01", "2025-12-31"),
        ("2026", "2026-01-01", "2026-01-15"),
        ("2026-01", "2026-01-01", "2026-01-15"),
    ]


def test_a_leap_year_has_its_twenty_ninth_of_february():
    named = turnover.periods(date(2024, 2, 29), date(2025, 1, 1)).filter(pl.col("period").is_in(["2024-02", "2024"]))
    assert sorted(map(str, named["last_on"])) == ["2024-02-29", "2024-12-31"]


def test_turnover_is_cost_of_goods_sold_by_average_inventory_at_cost():
    found = turned(
        moved(
            "A | W | 2026-09-20 | receipt  | 100",
            "A | W | 2026-10-11 | shipment | -40",
            "A | W | 2026-10-21 | return   | 10",
            "A | W | 2026-10-21 | write_off | -5",
            "A | W | 2026-11-01 | shipment | -60",
        ),
        sales=frame(
            "day | sku | location_id | net_amount",
            "2026-10-11 | A | W | 200",
            "2026-10-21 | A | W | -50",
            "2026-11-01 | A | W | 300",
            schema=SALES,
        ),
    )
    # by hand: 30 units at 2; (10 days x 100 + 10 x 60 + 11 x 65) x 2 / 31 days = 4630 / 31
    assert only(found, "cogs_amount", "average_inventory_amount", "sold") == (60, Decimal("149.3548"), 30)
    assert only(found, "turnover", "inventory_days") == (Decimal("0.401728"), Decimal("77.166647"))
    # 30 sold of 30 + 65; margin (200 - 50 - 60) / 149.3548
    assert only(found, "sell_through_rate", "gmroi") == (Decimal("0.315789"), Decimal("0.602592"))
    assert only(found, "stock_out_days") == (0,)


def test_what_a_day_costs_is_what_the_product_cost_then():
    dearer = costs("A | 1970-01-01 | 2 | EUR", "A | 2026-10-16 | 3 | EUR")
    found = turned(
        moved(
            "A | W | 2026-10-01 | receipt  | 10",
            "A | W | 2026-10-15 | shipment | -1",
            "A | W | 2026-10-16 | shipment | -1",
        ),
        dated=dearer,
    )
    # 2 + 3 sold; (14 days x 10 x 2 + 1 x 9 x 2 + 16 x 8 x 3) / 31 = 682 / 31
    assert only(found, "cogs_amount", "average_inventory_amount") == (5, 22)


def test_a_foreign_cost_goes_at_the_rate_of_each_day():
    dollars = costs("A | 1970-01-01 | 1 | USD")
    quoted = rates("USD | 2026-09-30 | 0.5", "USD | 2026-10-11 | 0.25", "USD | 2026-10-31 | 1")
    found = turned(
        moved("A | W | 2026-10-01 | receipt | 10", "A | W | 2026-10-31 | shipment | -4"), dated=dollars, quoted=quoted
    )
    # (10 days x 10 x 0.5 + 20 x 10 x 0.25 + 1 x 6 x 1) / 31 = 106 / 31
    assert only(found, "cogs_amount", "average_inventory_amount") == (4, Decimal("3.4194"))


def test_days_before_the_first_rate_make_the_average_unknown_unless_nothing_was_there():
    dollars, quoted = costs("A | 1970-01-01 | 1 | USD"), rates("USD | 2026-10-11 | 0.5")
    early = turned(moved("A | W | 2026-10-10 | receipt | 31"), dated=dollars, quoted=quoted)
    late = turned(moved("A | W | 2026-10-11 | receipt | 31"), dated=dollars, quoted=quoted)
    assert only(early, "average_inventory_amount", "turnover") == (None, None)
    assert only(late, "average_inventory_amount", "turnover") == (Decimal("10.5"), 0)
    gone = moved(
        "A | W | 2026-10-10 | receipt | 31", "A | W | 2026-10-10 | write_off | -31", "A | W | 2026-10-11 | receipt | 31"
    )
    assert only(turned(gone, dated=dollars, quoted=quoted), "average_inventory_amount") == (Decimal("10.5"),)


def test_one_unknown_cost_makes_the_amounts_unknown_and_not_smaller():
    halfway = costs("A | 1970-01-01 | 2 | EUR", "A | 2026-10-16 |  | EUR")
    found = turned(moved("A | W | 2026-10-01 | receipt | 10", "A | W | 2026-10-20 | shipment | -4"), dated=halfway)
    assert only(found, "cogs_amount", "average_inventory_amount", "turnover", "inventory_days") == (None,) * 4
    assert only(found, "sold", "sell_through_rate") == (4, Decimal("0.4"))
    early = turned(moved("A | W | 2026-10-01 | receipt | 10", "A | W | 2026-10-15 | shipment | -10"), dated=halfway)
    # sold out before the cost became unknown: 14 days x 10 x 2 / 31
    assert only(early, "cogs_amount", "average_inventory_amount") == (20, Decimal("9.0323"))


def test_a_sku_without_a_product_version_has_units_and_no_amounts():
    found = turned(moved("B | W | 2026-10-01 | receipt | 10", "B | W | 2026-10-20 | shipment | -4"))
    assert only(found, "cogs_amount", "average_inventory_amount", "sold") == (None, None, 4)


def test_nothing_sold_turns_over_zero_times_and_its_days_have_no_end():
    found = turned(moved("A | W | 2026-10-01 | receipt | 10"), sales=frame(
        "day | sku | location_id | net_amount", "2026-10-11 | Z | W | 200", schema=SALES
    ))  # fmt: skip
    assert only(found, "cogs_amount", "turnover", "inventory_days", "sold") == (0, 0, None, 0)
    assert only(found, "sell_through_rate", "gmroi") == (0, 0)


def test_no_ratio_of_stock_that_was_never_there():
    found = turned(moved("A | W | 2026-10-01 | receipt | 5", "A | W | 2026-10-01 | shipment | -5"))
    assert only(found, "cogs_amount", "average_inventory_amount", "turnover", "inventory_days", "gmroi") == (
        10,
        0,
        None,
        None,
        None,
    )
    assert only(found, "sold", "sell_through_rate", "stock_out_days") == (5, 1, 31)


def test_oversold_stock_lowers_the_average_and_has_no_ratio_where_that_is_not_above_zero():
    found = turned(moved("A | W | 2026-10-30 | shipment | -31"))
    assert only(found, "average_inventory_amount", "turnover", "inventory_days") == (-4, None, None)
    assert only(found, "sold", "sell_through_rate", "stock_out_days") == (31, 1, 2)


def test_more_returned_than_shipped_is_shown_as_it_is():
    found = turned(moved("A | W | 2026-10-01 | return | 4"))
    assert only(found, "cogs_amount", "sold", "turnover", "inventory_days") == (-8, -4, -1, None)
    assert only(found, "sell_through_rate") == (None,), "-4 sold and 4 left add up to nothing"


def test_stock_out_days_count_from_the_first_movement_and_end_with_stock():
    found = turned(
        moved(
            "A | W | 2026-10-05 | receipt  | 3",
            "A | W | 2026-10-05 | shipment | -3",
            "A | W | 2026-10-08 | receipt  | 3",
            "A | W | 2026-10-30 | shipment | -4",
        )
    )
    assert only(found, "stock_out_days") == (5,), "the 5th, 6th, 7th, 30th and 31st"


def test_a_period_sees_what_lies_in_it_both_ends_included():
    periods = frame(
        "period | first_on | last_on",
        "before | 2026-10-01 | 2026-10-09",
        "eve | 2026-10-01 | 2026-10-10",
        "within | 2026-10-11 | 2026-10-12",
        "last | 2026-10-13 | 2026-10-13",
        "after | 2026-10-14 | 2026-10-20",
        schema=PERIOD,
    )
    found = turned(moved("A | W | 2026-10-10 | receipt | 10", "A | W | 2026-10-13 | shipment | -7"), periods)
    assert found["period", "average_inventory_amount", "sold", "stock_out_days"].rows() == [
        ("after", 6, 0, 0),
        ("eve", 2, 0, 0),
        ("last", 6, 7, 0),
        ("within", 20, 0, 0),
    ], "a period before the first movement has no row"


def test_a_transfer_is_no_sale():
    found = turned(
        moved(
            "A | W | 2026-10-01 | receipt | 4",
            "A | W | 2026-10-02 | transfer | -4",
            "A | S | 2026-10-02 | transfer | 4",
        )
    )
    assert found["location_id", "sold", "cogs_amount"].rows() == [("S", 0, 0), ("W", 0, 0)]


def test_months_add_up_to_the_year():
    ledger = moved(
        "A | W | 2026-01-31 | receipt  | 31",
        "A | W | 2026-02-01 | shipment | -3",
        "A | W | 2026-10-31 | shipment | -5",
    )
    found = turned(ledger, turnover.periods(date(2026, 1, 31), AS_OF), costs("A | 1970-01-01 | 0.0045 | EUR"))
    year, months = found.filter(period="2026"), found.filter(pl.col("period").str.starts_with("2026-"))
    assert months.height == 10
    assert months["cogs_amount"].sum() == year["cogs_amount"].item() == Decimal("0.036")
    assert months["sold"].sum() == year["sold"].item() == 8


def test_a_half_is_rounded_away_from_zero():
    two_days = frame("period | first_on | last_on", "x | 2026-10-01 | 2026-10-02", schema=PERIOD)
    ledger = moved(
        "A | W | 2026-10-02 | receipt | 1", "B | W | 2026-10-01 | receipt | 129", "B | W | 2026-10-02 | shipment | -2"
    )
    found = turned(ledger, two_days, costs("A | 1970-01-01 | 0.0001 | EUR", "B | 1970-01-01 | 1 | EUR"))
    # 0.0001 / 2 days; 2 / 128
    assert found["average_inventory_amount"].to_list() == [Decimal("0.0001"), 128]
    assert found["turnover"].to_list() == [0, Decimal("0.015625")]
    # 1 / 128 = 0.0078125
    fewer = moved("B | W | 2026-10-01 | receipt | 129", "B | W | 2026-10-01 | shipment | -1")
    rare = turned(fewer, two_days, costs("B | 1970-01-01 | 1 | EUR"))
    assert only(rare, "average_inventory_amount", "turnover") == (128, Decimal("0.007813"))


def test_nothing_in_gives_nothing_out():
    assert_frame_equal(turned(empty(StockLedger)), empty(InventoryTurnover))


def test_an_amount_beyond_all_money_is_unknown_and_stops_nothing():
    ledger = moved("A | W | 2026-10-01 | receipt | 1000000000", "A | W | 2026-10-02 | shipment | -1000000000")
    assert (
        only(turned(ledger, dated=costs("A | 1970-01-01 | 99999999999999 | EUR")), "cogs_amount", "turnover")
        == (None,) * 2
    )


FIRST = date(2026, 8, 20)
MOVED = st.tuples(
    st.sampled_from("AB"),
    st.sampled_from("WS"),
    st.integers(0, 72),
    st.sampled_from(["receipt", "shipment", "return", "write_off"]),
    st.integers(-9, 9).filter(bool),
)
DATED = costs(
    "A | 1970-01-01 | 2 | EUR",
    "A | 2026-09-03 | 3.1234 | EUR",
    "A | 2026-10-12 | 4 | USD",
    "B | 1970-01-01 | 7 | USD",
    "B | 2026-10-20 | 1.5 | EUR",
)
QUOTED = rates("USD | 2026-09-01 | 0.87654321", "USD | 2026-09-15 | 0.9", "USD | 2026-10-14 | 1.1234567891")
PERIODS = turnover.periods(FIRST, AS_OF)


def drawn_ledger(rows: list[tuple[str, str, int, str, int]]) -> pl.DataFrame:
    return moved(
        *(
            f"{sku} | {place} | {FIRST + timedelta(days=day)} | {kind} | {quantity}"
            for sku, place, day, kind, quantity in rows
        )
    )


def held(rows: pl.DataFrame, of: str, what: str) -> dict[str, list[tuple[date, object]]]:
    """What holds from when on, by whose it is."""
    return {key: list(part["valid_from", what].rows()) for (key,), part in rows.partition_by(of, as_dict=True).items()}


COSTS_HELD, CURRENCIES_HELD = held(DATED, "sku", "unit_cost"), held(DATED, "sku", "currency")
RATES_HELD = held(QUOTED, "currency", "rate")


def day_by_day(
    ledger: pl.DataFrame, sku: str, place: str, first_on: date, last_on: date
) -> tuple[Decimal | None, int, int]:
    """Average inventory, stock-out days and units sold of one SKU and location, the slow way."""

    def valid(rows: list[tuple[date, object]], day: date) -> object:
        return next((what for since, what in reversed(rows) if since <= day), None)

    mine = [
        (day, kind, quantity)
        for of, at, day, kind, quantity in ledger["sku", "location_id", "moved_on", "kind", "quantity"].rows()
        if (of, at) == (sku, place)
    ]
    first_movement = min(day for day, _, _ in mine)
    values: list[Decimal | None] = []
    stock_out_days = 0
    days = [first_on + timedelta(days=number) for number in range((last_on - first_on).days + 1)]
    for day in days:
        on_hand = sum(quantity for on, _, quantity in mine if on <= day)
        stock_out_days += day >= first_movement and on_hand <= 0
        rate = valid(RATES_HELD[valid(CURRENCIES_HELD[sku], day)], day)
        if on_hand:
            values.append(None if rate is None else on_hand * valid(COSTS_HELD[sku], day) * rate)
    average = None
    if None not in values:
        average = (sum(values, Decimal(0)) / len(days)).quantize(Decimal("0.0001"), ROUND_HALF_UP)
    sold = -sum(quantity for on, kind, quantity in mine if kind in ("shipment", "return") and first_on <= on <= last_on)
    return average, stock_out_days, sold


@settings(max_examples=25, deadline=None)
@given(st.lists(MOVED, min_size=1, max_size=20))
def test_the_average_of_changes_is_the_average_of_days(rows):
    ledger = drawn_ledger(rows)
    found = turned(ledger, PERIODS, DATED, QUOTED)
    ends = {period: (first_on, last_on) for period, first_on, last_on in PERIODS.rows()}
    columns = ("average_inventory_amount", "stock_out_days", "sold")
    for period, sku, place, *figures in found["period", "sku", "location_id", *columns].rows():
        assert tuple(figures) == day_by_day(ledger, sku, place, *ends[period]), (period, sku, place)


@settings(max_examples=25, deadline=None)
@given(st.lists(MOVED, max_size=20), st.randoms(use_true_random=False))
def test_neither_the_order_of_rows_nor_a_split_by_sku_changes_anything(rows, random):
    ledger = drawn_ledger(rows)
    order = list(range(ledger.height))
    random.shuffle(order)
    whole = turned(ledger, PERIODS, DATED, QUOTED)
    assert_frame_equal(whole, turned(ledger[order], PERIODS.reverse(), DATED.reverse(), QUOTED.reverse()))
    split = [turned(ledger.filter(pl.col("sku") == sku), PERIODS, DATED, QUOTED) for sku in "AB"]
    assert_frame_equal(whole, pl.concat(split).sort("period", "sku", "location_id"))


def bicycles(folder: Path) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Movements, counts and product versions of AdventureWorks: sales go out, purchases and finished work come in."""
    told = pl.read_parquet(folder / "Production.TransactionLedger.parquet")
    movements = told.select(
        movement_id=pl.col("TransactionID").cast(pl.String),
        sku=pl.col("ProductID").cast(pl.String),
        location_id=pl.lit("AW"),
        moved_at=pl.col("TransactionDate").dt.replace_time_zone("UTC"),
        kind=pl.col("TransactionType").replace_strict({"S": "shipment", "P": "receipt", "W": "receipt"}),
        quantity=pl.when(pl.col("TransactionType") == "S").then(-pl.col("Quantity")).otherwise("Quantity"),
        unit_cost=None,
        reference=pl.col("ReferenceOrderID").cast(pl.String),
    )
    counts = (
        pl.read_parquet(folder / "Production.ProductInventory.parquet")
        .group_by(sku=pl.col("ProductID").cast(pl.String))
        .agg(quantity=pl.col("Quantity").sum().cast(pl.Int64))
        .with_columns(location_id=pl.lit("AW"), counted_on=pl.lit(date(2011, 4, 15)))
    )
    costs_told = pl.read_parquet(folder / "Production.ProductCostHistory.parquet").select(
        "ProductID", "StandardCost", updated_at="StartDate"
    )
    never_changed = pl.read_parquet(folder / "Production.Product.parquet").select(
        "ProductID", "StandardCost", updated_at=pl.lit(None, pl.Datetime("us"))
    )
    versions = (
        pl.concat([costs_told, never_changed.join(costs_told, on="ProductID", how="anti")])
        .sort("ProductID", "updated_at")
        .select(
            sku=pl.col("ProductID").cast(pl.String),
            version=pl.int_range(pl.len()),
            unit_cost="StandardCost",
            currency=pl.lit(None, pl.String),
            updated_at=pl.col("updated_at").dt.replace_time_zone("UTC"),
            taken_in_on=pl.lit(AS_OF),
        )
    )
    return movements, counts, versions


def test_positions_and_turnover_of_adventureworks_are_what_plain_sql_says(realdata):
    folder = realdata / "adventureworks"
    as_of = date(2013, 12, 31)
    movements, counts, versions = bicycles(folder)
    ledger = stock.ledger(movements, counts, as_of, "UTC")
    dated, known = stock.unit_costs(versions, as_of, "UTC", "USD"), stock.rates(empty(ExchangeRate), "USD")
    positions = stock.positions(ledger, as_of, dated, known)
    kept = stock.history(ledger, as_of, dated, known)
    periods = turnover.periods(date(2011, 4, 15), as_of)
    found = turnover.inventory_turnover(kept, ledger, periods, dated, known)
    with duckdb.connect() as sql:
        sql.execute(f"SET file_search_path = '{folder}'")
        sql.execute("""
            CREATE TABLE moved AS
            SELECT ProductID p, TransactionDate::DATE d, CASE TransactionType WHEN 'S' THEN -Quantity ELSE Quantity END q,
                   TransactionType = 'S' AS sold
            FROM 'Production.TransactionLedger.parquet'
            UNION ALL SELECT ProductID, DATE '2011-04-15', sum(Quantity), false
            FROM 'Production.ProductInventory.parquet' GROUP BY 1""")
        on_hand = sql.sql("SELECT p::VARCHAR sku, sum(q)::BIGINT on_hand FROM moved GROUP BY 1 ORDER BY 1").pl()
        sql.execute("""
            CREATE TABLE cost AS
            SELECT p.ProductID p, d::DATE d, coalesce(
                (SELECT StandardCost FROM 'Production.ProductCostHistory.parquet' h
                 WHERE h.ProductID = p.ProductID AND h.StartDate <= d ORDER BY StartDate DESC LIMIT 1),
                (SELECT StandardCost FROM 'Production.ProductCostHistory.parquet' h
                 WHERE h.ProductID = p.ProductID ORDER BY StartDate LIMIT 1), p.StandardCost)::DECIMAL(18, 4) c
            FROM 'Production.Product.parquet' p, range(DATE '2011-01-01', DATE '2014-01-01', INTERVAL 1 DAY) r(d)""")
        by_day = """
            SELECT p, d, c, coalesce(sum(q) OVER (PARTITION BY p ORDER BY d), 0) on_hand, coalesce(s, 0) s
            FROM cost LEFT JOIN (SELECT p, d, sum(q) q, sum(-q) FILTER (sold) s FROM moved GROUP BY ALL) USING (p, d)"""
        expected = sql.sql(f"""
            SELECT '2012' AS period, * FROM (SELECT p::VARCHAR sku, sum(s)::BIGINT sold, sum(s * c) cogs, avg(on_hand * c) average,
                   count(*) FILTER (on_hand <= 0) AS stock_out_days FROM ({by_day})
                   WHERE year(d) = 2012 GROUP BY ALL)
            UNION ALL
            SELECT 'last_365_days', * FROM (SELECT p::VARCHAR, sum(s), sum(s * c), avg(on_hand * c),
                   count(*) FILTER (on_hand <= 0) FROM ({by_day}) WHERE year(d) = 2013 GROUP BY ALL)
            UNION ALL
            SELECT '2013-02', * FROM (SELECT p::VARCHAR, sum(s), sum(s * c), avg(on_hand * c),
                   count(*) FILTER (on_hand <= 0) FROM ({by_day}) WHERE d BETWEEN '2013-02-01' AND '2013-02-28' GROUP BY ALL)
            """).pl()
    assert_frame_equal(positions["sku", "on_hand"], on_hand)
    asked = found.filter(pl.col("period").is_in(["2012", "2013-02", "last_365_days"]))
    both = asked.join(expected, on=["period", "sku"], how="left", validate="1:1", suffix="_by_sql")
    assert both.height > 1_300
    assert both.filter(pl.col("sold") != pl.col("sold_by_sql")).is_empty()
    assert both.filter(pl.col("cogs_amount") != pl.col("cogs").cast(pl.Decimal(38, 4))).is_empty()
    assert both.filter(
        (pl.col("average_inventory_amount").cast(pl.Float64) - pl.col("average")).abs() > 0.0001
    ).is_empty()
    turns = pl.col("cogs").cast(pl.Float64) / pl.col("average")
    ratio = both.filter(pl.col("average") > 0)
    assert ratio.filter((pl.col("turnover").cast(pl.Float64) - turns).abs() > 1e-5 * turns.abs() + 1e-6).is_empty()
    assert both.filter((pl.col("average") <= 0) & pl.col("turnover").is_not_null()).is_empty()
    late_starters = kept.group_by("sku").agg(pl.col("day").min()).filter(pl.col("day") > date(2012, 1, 1))
    full = both.join(late_starters, on="sku", how="anti")
    assert full.height > 1_000
    assert full.filter(pl.col("stock_out_days") != pl.col("stock_out_days_by_sql")).is_empty()
