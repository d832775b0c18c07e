"""Tables drawn in tests: `frame("sku | on_hand", "A | 3")`."""

import re
from collections.abc import Mapping
from typing import Any

import polars as pl

from models.tables.base import TableClass, polars_schema


def frame(header: str, *rows: str, schema: TableClass | Mapping[str, Any] | None = None) -> pl.DataFrame:
    """A frame as drawn: an empty cell is none, a whole number is one, everything else is text until `schema` casts it.

    Args:
        header: names of the columns between `|`.
        rows: their cells between `|`.
        schema: a table, or types by column; columns it does not name keep what they are.
    """
    names = [name.strip() for name in header.split("|")]
    cells = [[_cell(cell.strip()) for cell in row.split("|")] for row in rows]
    for row in cells:
        assert len(row) == len(names), f"{row} has {len(row)} cells, the header {len(names)}"
    types = polars_schema(schema) if isinstance(schema, type) else dict(schema or {})
    columns = {name: [row[place] for row in cells] for place, name in enumerate(names)}
    return pl.DataFrame([_column(name, values, types.get(name)) for name, values in columns.items()])


def _cell(text: str) -> str | int | None:
    if text == "":
        return None
    return int(text) if re.fullmatch(r"-?\d+", text) else text


def _column(name: str, values: list[str | int | None], dtype: Any) -> pl.Series:
    if any(isinstance(value, str) for value in values) or dtype == pl.String:
        values = [None if value is None else str(value) for value in values]
    series = pl.Series(name, values)
    if dtype is None or series.dtype == dtype:
        return series
    if series.dtype != pl.String:
        return series.cast(dtype)
    if dtype == pl.Boolean:
        return series.replace_strict({"true": True, "false": False}, default=None, return_dtype=pl.Boolean)
    if dtype == pl.Date:
        return series.str.to_date()
    if isinstance(dtype, pl.Datetime):
        return series.str.to_datetime(time_unit="us", time_zone="UTC")
    return series.cast(dtype)
