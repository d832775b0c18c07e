"""What a table allows is what is let through, and everything that is not is refused by name."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pandera.errors
import polars as pl
import pytest

from models.tables import CATALOG
from models.tables.base import TableClass, columns, declaration, polars_schema, validated
from models.tables.rules import RULE_TABLES

TABLES = [*CATALOG, *RULE_TABLES.values()]
KNOWN_CHECKS = {"isin", "greater_than_or_equal_to", "less_than_or_equal_to", "not_equal_to"}
SAMPLES: dict[Any, Any] = {
    pl.String: "x",
    pl.Int64: 1,
    pl.Date: date(2026, 1, 1),
    pl.Datetime: datetime(2026, 1, 1, tzinfo=UTC),
    pl.Boolean: True,
    pl.Decimal: Decimal(1),
    pl.List: ["x"],
}


def row(table: TableClass, **instead: Any) -> pl.DataFrame:
    """One row that the table allows, with other values in some columns."""
    schema = polars_schema(table)
    cells = {
        column.name: column.choices[0] if column.choices else SAMPLES[schema[column.name].base_type()]
        for column in columns(table)
    }
    return pl.DataFrame({name: [value] for name, value in (cells | instead).items()}, schema=schema)


def faults(table: TableClass) -> Iterator[tuple[str, Any]]:
    """For every limit of every column a value that breaks it."""
    for column in columns(table):
        if column.is_required:
            yield column.name, None
        if column.choices:
            yield column.name, "no such word"
        if column.minimum is not None:
            yield column.name, column.minimum - 1
        if column.maximum is not None:
            yield column.name, column.maximum + 1
        if column.is_nonzero:
            yield column.name, 0


@pytest.mark.parametrize("table", TABLES, ids=lambda table: declaration(table).name)
def test_a_row_within_all_limits_is_let_through_and_one_beyond_any_is_refused(table: TableClass) -> None:
    assert validated(table, row(table)).equals(row(table))
    assert validated(table, row(table).clear()).is_empty()
    for name, value in faults(table):
        with pytest.raises(pandera.errors.SchemaError, match=name):
            validated(table, row(table, **{name: value}))


@pytest.mark.parametrize("table", TABLES, ids=lambda table: declaration(table).name)
def test_no_table_has_a_limit_that_the_quick_look_does_not_know(table: TableClass) -> None:
    schema = table.to_schema()
    assert not schema.checks
    assert not schema.unique
    assert {check.name for column in schema.columns.values() for check in column.checks} <= KNOWN_CHECKS
