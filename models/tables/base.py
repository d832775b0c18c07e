"""How a table is declared: once, as a class. Validation, dictionary, labels and the parsing of feeds all read it here.

A table is a Pandera model whose columns are made by the functions of `column`; `table(...)` adds its name, its place, its kind
and its key. A column function fixes what a value may be (an identifier, an amount of money, a day); the annotation beside
it is the type that Polars stores.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal

import pandera.polars as pa
import polars as pl

Money = Annotated[pl.Decimal, 18, 4]
"""An amount of money with at most four places; its currency stands beside it."""
Amount = Annotated[pl.Decimal, 38, 4]
"""A sum of amounts of money, however many and large they are."""
Ratio = Annotated[pl.Decimal, 24, 10]
"""An exact decimal that is no money: a weight, an exchange rate."""
Moment = Annotated[pl.Datetime, "us", "UTC"]
"""A moment, stored as UTC."""
Day = pl.Date
Quantity = pl.Int64
Texts = Annotated[pl.List, pl.String]

Kind = Literal["feed", "state", "night", "ledger"]
Schema = Literal["feeds", "core", "marts"]


@dataclass(frozen=True)
class Declaration:
    """What a table is besides its columns.

    `arrives_by` is the column whose moment decides in which night a feed's row takes effect (none: at once);
    `is_ledger` marks the feeds whose keys are never revised, `is_kept` the state tables that hold what was decided or
    noted once and cannot be computed again.
    """

    name: str
    schema: Schema
    kind: Kind
    key: tuple[str, ...]
    arrives_by: str | None = None
    is_ledger: bool = False
    is_published: bool = True
    is_kept: bool = False


@dataclass(frozen=True)
class Column:
    """One column as the rest of the program sees it; `type` is the word used in the feed contract."""

    name: str
    type: str
    description: str
    is_required: bool
    unit: str | None
    is_personal: bool
    choices: tuple[str, ...] | None
    minimum: int | None
    maximum: int | None
    default: Any
    is_nonzero: bool


class Table(pa.DataFrameModel):
    """A table of Orderhouse; see `table` for its declaration."""

    class Config:
        """Exactly the declared columns, no silent conversion."""

        strict = True
        coerce = False


TableClass = type[Table]
_DECLARATIONS: dict[TableClass, Declaration] = {}


def table(
    name: str,
    *,
    kind: Kind,
    key: tuple[str, ...],
    schema: Schema | None = None,
    arrives_by: str | None = None,
    is_ledger: bool = False,
    is_published: bool = True,
    is_kept: bool = False,
) -> Callable[[TableClass], TableClass]:
    """Declare a class as the table `name` with its kind and key."""

    def declare(cls: TableClass) -> TableClass:
        place: Schema = schema or ("feeds" if kind == "feed" else "core")
        _DECLARATIONS[cls] = Declaration(name, place, kind, key, arrives_by, is_ledger, is_published, is_kept)
        return cls

    return declare


def declaration(cls: TableClass) -> Declaration:
    """The name, place, kind and key of a table."""
    return _DECLARATIONS[cls]


PROVENANCE = ("file_id", "record_number")
"""The columns of every accepted feed row that say where it came from; they stand last."""


def _fields(cls: TableClass) -> dict[str, Any]:
    fields = cls.to_schema().columns
    return dict(sorted(fields.items(), key=lambda item: item[0] in PROVENANCE))


@cache
def columns(cls: TableClass) -> tuple[Column, ...]:
    """The columns of a table in the order they were written."""
    found = []
    for name, field in _fields(cls).items():
        meta = field.metadata or {}
        found.append(
            Column(
                name=name,
                type=meta["type"],
                description=field.description or "",
                is_required=not field.nullable,
                unit=meta["unit"],
                is_personal=meta["is_personal"],
                choices=meta["choices"],
                minimum=meta["minimum"],
                maximum=meta["maximum"],
                default=meta["default"],
                is_nonzero=meta["is_nonzero"],
            )
        )
    return tuple(found)


@cache
def polars_schema(cls: TableClass) -> pl.Schema:
    """The Polars types of a table's columns, in order."""
    return pl.Schema({name: field.dtype.type for name, field in _fields(cls).items()})


def own_columns(cls: TableClass) -> tuple[Column, ...]:
    """The columns a feed's file has: all but where the row came from."""
    return tuple(column for column in columns(cls) if column.name not in PROVENANCE)


def empty(cls: TableClass) -> pl.DataFrame:
    """A frame of the table without rows."""
    return pl.DataFrame(schema=polars_schema(cls))


def validated(cls: TableClass, frame: pl.DataFrame) -> pl.DataFrame:
    """The same frame, proven to satisfy its table: by one look over all columns, and where that finds anything, by Pandera,
    which says what it is.

    Raises:
        pandera.errors.SchemaError: a column, type or value that the table does not allow; a bug, never bad input.
    """
    rows = frame.select(polars_schema(cls).names())
    if rows.schema == polars_schema(cls) and not rows.select(_is_broken(cls)).item():
        return rows
    return cls.to_schema().validate(rows)


@cache
def _is_broken(cls: TableClass) -> pl.Expr:
    """Whether a frame of the right types has a value that its table does not allow."""
    broken: list[pl.Expr] = []
    for column in columns(cls):
        value = pl.col(column.name)
        if column.is_required:
            broken.append(value.null_count() > 0)
        if column.choices is not None:
            broken.append((~value.is_in(column.choices)).any())
        if column.minimum is not None:
            broken.append((value < column.minimum).any())
        if column.maximum is not None:
            broken.append((value > column.maximum).any())
        if column.is_nonzero:
            broken.append((value == 0).any())
    return pl.any_horizontal(broken)
