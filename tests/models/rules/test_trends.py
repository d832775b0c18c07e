"""Sales: every change on its own day, in cents that add up, in one currency where a rate is known."""

from datetime import date

import polars as pl

from models.rules import trends
from models.tables.base import empty, polars_schema
from models.tables.feeds import ExchangeRate
from models.tables.lifecycle import LineEffect
from models.tables.rules import TaxRate
from models.tables.trends import SalesEntry
from tests.builders import frame

ORDERS = {
    "ordered_on": pl.Date,
    "prices_include_tax": pl.Boolean,
    "country": pl.String,
}
MONEY = pl.Decimal(18, 4)
LINES = {"unit_price": MONEY, "discount_amount": MONEY, "tax_code": pl.String}
PRODUCTS = frame("sku | category", "A | fruit", "B | toys")
CODES = frame(
    "sku | valid_from | tax_code",
    "A | 1970-01-01 | STD",
    "B | 1970-01-01 | ",
    "C | 1970-01-01 | STD",
    "C | 2026-03-01 | RED",
    schema={"valid_from": pl.Date, "tax_code": pl.String},
)
CHANNELS = frame(
    "channel | channel_includes_tax", "online | false", "store | true", schema={"channel_includes_tax": pl.Boolean}
)
RATES = frame(
    "currency | quoted_on | rate",
    "USD | 2026-01-02 | 0.5",
    "USD | 2026-01-04 | 0.25",
    schema={"quoted_on": pl.Date, "rate": pl.Decimal(24, 10)},
)
TAX = frame(
    "tax_code | country | valid_from | rate_percent | category | exemption_reason",
    "STD | GB | | 20 | S | ",
    "STD | GB | 2026-01-03 | 25 | S | ",
    "RED | GB | | 5 | S | ",
    schema=TaxRate,
)


def entries(orders: pl.DataFrame, lines: pl.DataFrame, effects: pl.DataFrame | None = None) -> pl.DataFrame:
    return trends.entries(
        orders,
        lines,
        empty(LineEffect) if effects is None else effects,
        PRODUCTS,
        CODES,
        RATES,
        TAX,
        prices_include_tax=CHANNELS,
        default_tax_code="STD",
        default_country="GB",
        reporting_currency="GBP",
        time_zone="Europe/London",
    )


def order(*rows: str) -> pl.DataFrame:
    return frame(
        "order_id | channel | country | currency | ordered_on | prices_include_tax | status", *rows, schema=ORDERS
    )


def line(*rows: str) -> pl.DataFrame:
    return frame("order_id | line_no | sku | quantity | unit_price | discount_amount | tax_code", *rows, schema=LINES)


def amounts(found: pl.DataFrame, *columns: str) -> list[tuple[object, ...]]:
    return found.select(
        pl.col(name).cast(pl.Float64) if name.endswith(("amount", "_r")) else name for name in columns
    ).rows()


def test_a_line_is_booked_on_the_day_of_its_order_with_its_discount() -> None:
    found = entries(
        order("o1 | online | GB | GBP | 2026-01-01 | | confirmed"), line("o1 | 1 | A | 3 | 1.255 | 0.50 | ")
    )
    assert amounts(found, "day", "kind", "category", "units", "gross_amount", "discount_amount_r") == [
        (date(2026, 1, 1), "ordered", "fruit", 3, 3.77, 0.5)
    ]


def test_a_sale_keeps_the_tax_code_that_its_product_had_that_day() -> None:
    found = entries(
        order(*(f"o{day} | store | GB | GBP | {day} | | confirmed" for day in ("2026-02-28", "2026-03-01"))),
        line(*(f"o{day} | 1 | C | 1 | 105 | | " for day in ("2026-02-28", "2026-03-01"))),
    )
    assert amounts(found, "day", "gross_amount") == [(date(2026, 2, 28), 84), (date(2026, 3, 1), 100)]


def test_a_rejected_order_sells_nothing() -> None:
    assert entries(
        order("o1 | online | GB | GBP | 2026-01-01 | | rejected"), line("o1 | 1 | A | 3 | 1 | | ")
    ).is_empty()


def test_what_comes_back_carries_its_share_of_price_and_discount_and_all_of_it_the_whole() -> None:
    effects = frame(
        "order_id | line_no | event_id | event | occurred_at | quantity",
        "o1 | 1 | e1 | cancelled | 2026-01-02T10:00:00 | 1",
        "o1 | 1 | e2 | returned | 2026-01-03T10:00:00 | 1",
        "o1 | 1 | e3 | returned | 2026-01-03T23:30:00 | 1",
        schema=LineEffect,
    )
    found = entries(
        order("o1 | online | GB | GBP | 2026-01-01 | | confirmed"), line("o1 | 1 | A | 3 | 3.335 | 0.10 | "), effects
    )
    assert amounts(found, "day", "kind", "units", "gross_amount", "discount_amount") == [
        (date(2026, 1, 1), "ordered", 3, 10.01, 0.1),
        (date(2026, 1, 2), "cancelled", 1, 3.34, 0.03),
        (date(2026, 1, 3), "returned", 2, 6.67, 0.07),
    ]


def test_each_entry_is_converted_at_the_rate_of_its_own_day_else_the_last_earlier_one() -> None:
    orders = order(*(f"o{d} | online | GB | USD | 2026-01-0{d} | | confirmed" for d in (1, 2, 3, 4)))
    found = entries(orders, line(*(f"o{d} | 1 | A | 1 | 10 | | " for d in (1, 2, 3, 4))))
    assert amounts(found, "order_id", "gross_amount_r") == [("o1", None), ("o2", 5.0), ("o3", 5.0), ("o4", 2.5)]


def test_gross_prices_are_divided_by_the_rate_of_the_day_and_an_unknown_rate_is_counted_apart() -> None:
    orders = order(
        "o1 | store | GB | GBP | 2026-01-01 | | confirmed",
        "o2 | store | GB | GBP | 2026-01-03 | | confirmed",
        "o3 | store | GB | GBP | 2026-01-03 | false | confirmed",
        "o4 | online | FR | GBP | 2026-01-03 | true | confirmed",
    )
    found = entries(orders, line(*(f"o{n} | 1 | A | 1 | 30 | | " for n in (1, 2, 3, 4))))
    assert amounts(found, "order_id", "country", "gross_amount") == [
        ("o1", "GB", 25.0),
        ("o2", "GB", 24.0),
        ("o3", "GB", 30.0),
        ("o4", "FR", None),
    ]


BOOKED = frame(
    "order_id | line_no | day | kind | channel | country | category | sku | units | currency | gross_amount | discount_amount"
    " | gross_amount_r | discount_amount_r",
    "o1 | 1 | 2026-01-01 | ordered | online | GB | fruit | A | 3 | GBP | 9 | 1 | 9 | 1",
    "o1 | 2 | 2026-01-01 | ordered | online | GB | toys | B | 1 | GBP | 5 | 0 | 5 | 0",
    "o1 | 1 | 2026-01-02 | returned | online | GB | fruit | A | 1 | GBP | 3 | 0.33 | 3 | 0.33",
    "o2 | 1 | 2026-01-01 | ordered | online | | fruit | A | 1 | USD | 7 | 0 | | ",
    schema=SalesEntry,
)


def test_days_add_up_and_a_day_without_orders_is_there_with_zeros() -> None:
    days = trends.calendar(date(2026, 1, 1), date(2026, 1, 3), ["online", "store"])
    placed = order(
        "o1 | online | GB | GBP | 2026-01-01 | | confirmed",
        "o2 | online | | USD | 2026-01-01 | | confirmed",
        "o3 | online | GB | GBP | 2026-01-01 | | rejected",
    )
    found = trends.daily_orders(BOOKED, placed, days)
    assert amounts(
        found, "day", "channel", "country", "orders", "units", "gross_amount", "returned_amount", "net_amount"
    ) == [
        (date(2026, 1, 1), "online", None, 1, 1, 0.0, 0.0, 0.0),
        (date(2026, 1, 1), "online", "GB", 1, 4, 14.0, 0.0, 13.0),
        (date(2026, 1, 1), "store", None, 0, 0, 0.0, 0.0, 0.0),
        (date(2026, 1, 2), "online", "GB", 0, 0, 0.0, 2.67, -2.67),
        (date(2026, 1, 2), "store", None, 0, 0, 0.0, 0.0, 0.0),
        (date(2026, 1, 3), "online", None, 0, 0, 0.0, 0.0, 0.0),
        (date(2026, 1, 3), "store", None, 0, 0, 0.0, 0.0, 0.0),
    ]


def test_categories_of_a_day_add_up_to_the_day() -> None:
    days = trends.calendar(date(2026, 1, 1), date(2026, 1, 2), ["online"])
    by_category = trends.daily_sales(BOOKED, days)
    by_day = trends.daily_orders(BOOKED, empty_orders(), days)
    assert by_category["net_amount"].sum() == by_day["net_amount"].sum()
    assert by_category.height == 4


def empty_orders() -> pl.DataFrame:
    return order().cast({"channel": pl.String, "status": pl.String, "ordered_on": pl.Date, "country": pl.String})


def test_nothing_ordered_is_an_empty_table() -> None:
    assert trends.daily_sales(BOOKED.clear(), trends.calendar(date(2026, 1, 1), date(2026, 1, 1), [])).is_empty()
    assert polars_schema(ExchangeRate).names()[0] == "currency"
