"""What every format gives: blocks of text records, the broken ones beside them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from models.rules import intake
from pipelines.feeds import limits
from pipelines.workspace import OrderhouseError

NUMBER = "record_number"
WHOLE_RECORD = "record"
NAMES_TOLD = 20
BROKEN: dict[str, Any] = {NUMBER: pl.Int64, "raw": pl.String, "reasons": pl.List(pl.String)}


class Held(OrderhouseError):
    """A file that cannot be taken; the message is the sentence that says why and what to do."""


@contextmanager
def held_if_damaged() -> Iterator[None]:
    """Whatever breaks in here is the fault of the file, and holds it."""
    try:
        yield
    except Held:
        raise
    except Exception as error:
        what = " ".join(str(error).split())[:200] or "it is damaged"
        raise Held(f"The file cannot be read to its end ({what}); deliver it again.") from error


def broken_records(rows: Sequence[tuple[int, str, str]] = ()) -> pl.DataFrame:
    """Number, raw text, and what is wrong, of records that cannot be read."""
    told = pl.DataFrame(rows, schema=BROKEN | {"reasons": pl.String}, orient="row")
    return told.with_columns(pl.concat_list(pl.format(f"{WHOLE_RECORD}: structure: {{}}", "reasons")).alias("reasons"))


@dataclass(frozen=True)
class Records:
    """A block of a file's data records.

    `texts` holds the readable ones: a text column per column of the file, in its order (empty is null), and
    `record_number`. `broken` holds the others: record_number, raw, reasons. `extra` names the columns seen so far that
    the feed does not have. `lookup` finds the lines of records by their numbers, where the file has lines.
    """

    texts: pl.DataFrame
    broken: pl.DataFrame = field(default_factory=broken_records)
    is_typed: bool = False
    extra: tuple[str, ...] = ()
    lookup: Callable[[Sequence[int]], list[str]] | None = field(default=None, repr=False)

    def raw(self, numbers: Sequence[int]) -> list[str]:
        """The records of `texts` with these numbers, as they were delivered; those of typed formats as JSON."""
        if self.lookup:
            return self.lookup(numbers)
        return [text.replace(intake.NO_VALUE, "") for text in self.values(numbers)]

    def values(self, numbers: Sequence[int]) -> list[str]:
        """The same records as JSON objects of column and text, in the file's order of columns."""
        rows = self.texts.filter(pl.col(NUMBER).is_in(list(numbers))).drop(NUMBER)
        if rows.width == 0:
            return ["{}"] * len(numbers)
        return rows.select(pl.struct(pl.all()).struct.json_encode()).to_series().to_list()


@dataclass(frozen=True)
class Opened:
    """An opened file: its columns as far as its head names them, and its records still to come."""

    names: tuple[str, ...] | None
    blocks: Iterator[Records]


def no_texts(names: Iterable[str] = ()) -> pl.DataFrame:
    """The texts of no record, under these columns."""
    schema: dict[str, Any] = {name: pl.String for name in names if name != NUMBER}
    return pl.DataFrame(schema=schema | {NUMBER: pl.Int64})


def numbers_from(first: int, height: int) -> pl.Series:
    """The numbers of records that follow each other."""
    return pl.int_range(first, first + height, dtype=pl.Int64, eager=True).alias(NUMBER)


def told_names(names: Sequence[str]) -> tuple[str, ...]:
    """Some names as a sentence gives them: nothing invisible in them, no long ones, and not very many."""
    told = [intake.visible(name[: intake.SHOWN]) + "…" * (len(name) > intake.SHOWN) for name in names[:NAMES_TOLD]]
    return (*told, f"{len(names) - NAMES_TOLD} more") if len(names) > NAMES_TOLD else tuple(told)


def numbered(texts: pl.DataFrame, numbers: pl.Series) -> pl.DataFrame:
    """Texts with their record numbers, also where there is no other column."""
    return pl.DataFrame([*texts.get_columns(), numbers])


def named(cells: Sequence[str | None]) -> tuple[str, ...]:
    """The names of a header row; a column without one is called by its place.

    Raises:
        Held: a name stands there twice, or there are too many.
    """
    if len(cells) > limits.MOST_COLUMNS:
        raise Held(
            f"The header has {len(cells)} columns, more than {limits.MOST_COLUMNS}; deliver the feed's own columns."
        )
    names = tuple(cell if cell else f"column {place}" for place, cell in enumerate(cells, start=1))
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise Held(f"The header names {', '.join(told_names(twice))} twice; name each column once.")
    return names
