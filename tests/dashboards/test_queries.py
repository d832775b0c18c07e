from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl
import pytest

from dashboards import queries
from dashboards.queries import Scope, overview, trends
from models.rules import explained
from tests.dashboards.sample_publication import AS_OF, daily, publish

CHANNEL, COUNTRY = ["online", "online", "store", "online"], ["DE", None, "DE", "FR"]


@pytest.fixture(scope="module")
def scope(tmp_path_factory: pytest.TempPathFactory) -> Scope:
    """Four orders of three days; one has no exchange rate, one was cancelled a day later."""
    # order | line | day | kind | channel | country | category | sku | units | currency | gross | discount | gross R | discount R
    rows = [
        ("A", 1, date(2026, 11, 22), "ordered", "online", "DE", "Toys", "S1", 2, "EUR", 20, 0, 20, 0),
        ("A", 2, date(2026, 11, 22), "ordered", "online", "DE", "Books", "S2", 1, "EUR", 5, 1, 5, 1),
        ("B", 1, date(2026, 11, 22), "ordered", "online", None, "Toys", "S1", 1, "EUR", 10, 0, 10, 0),
        ("C", 1, date(2026, 11, 24), "ordered", "store", "DE", None, "S3", 4, "EUR", 40, 0, 40, 0),
        ("B", 1, date(2026, 11, 23), "cancelled", "online", None, "Toys", "S1", 1, "EUR", 10, 0, 10, 0),
        ("D", 1, date(2026, 11, 24), "ordered", "online", "FR", "Toys", "S1", 7, "XOF", 7000, 0, None, None),
    ]
    columns = [
        "order_id",
        "line_no",
        "day",
        "kind",
        "channel",
        "country",
        "category",
        "sku",
        "units",
        "currency",
        "gross_amount",
        "discount_amount",
        "gross_amount_r",
        "discount_amount_r",
    ]
    entries = pl.DataFrame(rows, schema=columns, orient="row")
    file = publish(tmp_path_factory.mktemp("small"), {"sales_entries": entries} | daily(entries, 3, AS_OF))
    return Scope(str(file), "Europe/Berlin", AS_OF, date(2026, 11, 22), AS_OF)


def test_a_day_without_sales_is_zero_and_a_cancellation_counts_on_its_own_day(scope: Scope) -> None:
    found = trends.sales_by_day(scope).select("day", "orders", "units", "net_amount").rows()
    assert found == [
        (date(2026, 11, 22), 2, 4, Decimal("34.00")),
        (date(2026, 11, 23), 0, 0, Decimal("-10.00")),
        (date(2026, 11, 24), 2, 11, Decimal("40.00")),
    ]


def test_a_filter_on_category_counts_the_orders_with_a_line_in_it(scope: Scope) -> None:
    found = trends.sales_by_day(replace(scope, categories=("Books",)))
    assert found.select("orders", "units", "net_amount").rows() == [
        (1, 1, Decimal("4.00")),
        (0, 0, Decimal(0)),
        (0, 0, Decimal(0)),
    ]


def test_what_is_unknown_can_be_chosen_like_any_other(scope: Scope) -> None:
    found = trends.sales_by(replace(scope, countries=(queries.UNKNOWN,)), "channel")
    assert found.select("name", "orders", "gross_amount", "net_amount").rows() == [
        ("online", 1, Decimal("10.00"), Decimal("0.00")),
        ("store", 0, Decimal("0.00"), Decimal("0.00")),
    ]


def test_every_split_adds_up_to_the_whole(scope: Scope) -> None:
    whole = trends.sales_by_day(scope)["net_amount"].sum()
    for dimension in ("channel", "category", "country"):
        assert trends.sales_by(scope, dimension)["net_amount"].sum() == whole  # type: ignore[arg-type]


def test_amounts_without_a_rate_are_apart_and_in_no_sum(scope: Scope) -> None:
    assert trends.without_rate(scope).rows() == [("XOF", 1, 7, Decimal("7000.00"), Decimal("7000.00"))]
    assert trends.sales_by_day(scope)["gross_amount"].sum() == Decimal(75)


def test_the_causes_of_a_change_are_the_change_of_the_daily_figures(scope: Scope) -> None:
    today, before = replace(scope, start=AS_OF), replace(scope, end=date(2026, 11, 23))
    parts = explained.moved(trends.sold_items(today, before).lazy(), "EUR").collect()
    net = [trends.sales_by_day(side)["net_amount"].sum() for side in (today, before)]
    assert parts["change_amount"].sum() == net[0] - net[1] == Decimal(16)


def test_a_value_of_a_filter_is_never_read_as_sql(scope: Scope) -> None:
    hostile = replace(scope, channels=("x' OR 1=1 --",))
    assert trends.sales_by_day(hostile)["orders"].sum() == 0


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE x AS SELECT 1",
        "COPY (SELECT 1) TO 'x.csv'",
        "SELECT * FROM read_text('/etc/hostname')",
        "ATTACH 'x.duckdb' AS x",
        "SET enable_external_access = true",
        "INSTALL httpfs",
    ],
)
def test_nothing_but_reading_the_publication_is_possible(scope: Scope, statement: str) -> None:
    connection = queries._connection(scope.file, scope.time_zone)
    with pytest.raises(duckdb.Error):
        connection.sql(statement).fetchall()


def test_a_publication_that_is_no_longer_kept_is_told_apart(scope: Scope, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        overview.certificate(replace(scope, file=str(tmp_path / "orderhouse-2026-01-01-1.duckdb")))


def test_what_is_summed_up_in_one_row_counts_as_so_many_things(tmp_path: Path) -> None:
    day = date(2026, 11, 20)
    rows = [
        (AS_OF, "refund_due:p1", "billing", "refund_due", "p1", Decimal(9), day, "Pay back 9.00 EUR.", "billing"),
        (AS_OF, "refund_due:more", "billing", "refund_due", "more", Decimal(4), day, "820 more of the kind: refund due.", "billing"),
        (AS_OF, "held_file:more", "operator", "held_file", "more", None, AS_OF, "File more is held: it is empty.", "intake"),
    ]  # fmt: skip
    names = ["as_of", "item_id", "role", "kind", "subject_id", "amount", "first_seen_on", "sentence", "page"]
    file = publish(tmp_path, {"attention": pl.DataFrame(rows, schema=names, orient="row")})
    found = overview.attention_counts(Scope(str(file), "Europe/Berlin", AS_OF, AS_OF, AS_OF))
    assert found.rows() == [("billing", 821, Decimal("13.00"), 0), ("operator", 1, Decimal("0.00"), 1)]
