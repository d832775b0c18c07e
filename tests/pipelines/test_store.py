"""The warehouse file: what it stores comes back the same, older files are carried over, newer ones refused."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.tables import OrderEvent, Product
from models.tables.base import polars_schema
from pipelines.nightly import nightly
from pipelines.warehouse import Warehouse
from pipelines.workspace import OrderhouseError
from tests.shops import DECIDED_BY_NIGHT, assert_same, contents, day, query, small_shop


def test_a_file_of_a_newer_program_is_refused_in_a_sentence(tmp_path: Path) -> None:
    found = small_shop(tmp_path / "shop")
    nightly(found, day("2026-01-02"))
    with Warehouse(found.warehouse) as warehouse:
        warehouse.run("UPDATE core.meta SET value = '99' WHERE name = 'schema_version'")
    with pytest.raises(OrderhouseError, match="was written by a newer Orderhouse"):
        nightly(found, day("2026-01-03"))


def test_a_file_of_an_older_program_is_carried_over_and_its_state_recomputed(tmp_path: Path) -> None:
    current, old = small_shop(tmp_path / "current"), small_shop(tmp_path / "old")
    for found in (current, old):
        nightly(found, day("2026-01-02"))
    with Warehouse(old.warehouse) as warehouse:
        warehouse.run("ALTER TABLE core.orders DROP COLUMN country")
        warehouse.run("ALTER TABLE core.sales_entries DROP COLUMN sku")
        warehouse.run("ALTER TABLE feeds.products DROP COLUMN barcode")
        warehouse.run("DROP TABLE feeds.repeated_products")
        warehouse.run("DROP TABLE feeds.revised_customers")
    for found in (current, old):
        assert nightly(found, day("2026-01-03")).is_green
    assert_same(contents(current), contents(old), DECIDED_BY_NIGHT)
    assert query(old, "SELECT count(*) FROM products") == [(2,)]


def test_tables_and_queries_with_rows_are_told_from_those_without(tmp_path: Path) -> None:
    found = small_shop(tmp_path / "shop")
    nightly(found, day("2026-01-02"))
    bears, cats = (f"(FROM feeds.products WHERE name = '{name}')" for name in ("Bear", "Cat"))
    with Warehouse(found.warehouse) as warehouse:
        assert warehouse.filled("feeds.products", "feeds.payments", bears, cats) == {"feeds.products", bears}


def test_a_delivered_table_of_another_shape_asks_for_a_rebuild(tmp_path: Path) -> None:
    found = small_shop(tmp_path / "shop")
    nightly(found, day("2026-01-02"))
    with Warehouse(found.warehouse) as warehouse:
        warehouse.run("ALTER TABLE feeds.products RENAME COLUMN name TO title")
    with pytest.raises(OrderhouseError, match=r"feeds\.products .* another shape .* run `orderhouse rebuild`"):
        nightly(found, day("2026-01-03"))


TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=20)
MOMENT = st.datetimes(datetime(1970, 1, 1), datetime(2199, 12, 31)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    rows=st.lists(st.tuples(TEXT, MOMENT, st.none() | st.integers(1, 10**9), st.none() | TEXT), max_size=30),
    is_gathered=st.booleans(),
)
def test_frames_come_back_as_they_were_stored(
    tmp_path: Path, rows: list[tuple[object, ...]], is_gathered: bool
) -> None:
    schema = polars_schema(OrderEvent)
    frame = pl.DataFrame(
        rows, schema={name: schema[name] for name in ("event_id", "occurred_at", "quantity", "reason")}, orient="row"
    )
    frame = frame.with_columns(
        pl.lit(None, dtype).alias(name) for name, dtype in schema.items() if name not in frame.columns
    )
    with Warehouse(tmp_path / "w") as warehouse:
        warehouse.run("DELETE FROM feeds.order_events")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("pipelines.warehouse.store.GATHERED_FROM", 0 if is_gathered else 10**9)
            with warehouse.gathered():
                warehouse.append(OrderEvent, frame)
        stored = warehouse.table(OrderEvent)
    order = ["event_id", "occurred_at", "quantity", "reason"]
    assert stored.select(schema.names()).sort(order).equals(frame.select(schema.names()).sort(order))


def test_money_keeps_every_place(tmp_path: Path) -> None:
    amounts = [Decimal("99999999999999.9999"), Decimal("0.0001"), Decimal("-0.0001")]
    schema = polars_schema(Product)
    frame = pl.DataFrame({"unit_price": amounts}, schema={"unit_price": schema["unit_price"]})
    frame = frame.with_columns(
        pl.lit(None, dtype).alias(name) for name, dtype in schema.items() if name != "unit_price"
    )
    with Warehouse(tmp_path / "w") as warehouse:
        warehouse.append(Product, frame)
        assert warehouse.table(Product)["unit_price"].to_list() == amounts
