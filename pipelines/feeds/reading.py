"""Opens a file by the ending of its name, and parses its records for the feed it was delivered to."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from models.rules import intake
from models.tables.base import TableClass, own_columns
from pipelines.feeds import delimited, ndjson, parquet, xlsx
from pipelines.feeds.contract import fitted, require
from pipelines.feeds.records import NUMBER, Held, Opened, Records, told_names
from pipelines.feeds.streams import Stream

FORMATS = (".csv", ".csv.gz", ".parquet", ".ndjson", ".xlsx")
REJECTED = {NUMBER: pl.Int64, "raw": pl.String, "reasons": pl.List(pl.String), "values": pl.String}


@dataclass(frozen=True)
class Taken:
    """A block of a feed's records after parsing.

    `accepted` has the feed's columns and record_number; `rejected` record_number, raw, reasons and values. `extra`
    names the columns seen so far that the feed does not have.
    """

    accepted: pl.DataFrame
    rejected: pl.DataFrame
    extra: tuple[str, ...]


def opened(path: Path, name: str) -> Opened:
    """A file by the ending of its name.

    Raises:
        Held: as `records`.
    """
    lowered = name.lower()
    if lowered.endswith(".csv.gz"):
        return delimited.opened(Stream(path, is_packed=True))
    if lowered.endswith(".csv"):
        return delimited.opened(Stream(path))
    if lowered.endswith(".ndjson"):
        return ndjson.opened(Stream(path))
    if lowered.endswith(".parquet"):
        return parquet.opened(path)
    if lowered.endswith(".xlsx"):
        return xlsx.opened(path)
    raise Held(f"The name does not end in {', '.join(FORMATS[:-1])} or {FORMATS[-1]}; rename the file to what it is.")


def records(path: Path, name: str) -> Iterator[Records]:
    """The data records of an archived file, block by block; at least one block, which may be empty.

    Args:
        path: Where the bytes are.
        name: The name the file was delivered under; its ending says the format.

    Raises:
        Held: the file is not what its name says, or cannot be read to its end (also after some blocks).
    """
    yield from opened(path, name).blocks


def read(path: Path, name: str, feed: TableClass, time_zone: str) -> Iterator[Taken]:
    """The rows of a delivered file, typed, and its rejected records with every reason, block by block.

    Args:
        path: Where the bytes are.
        name: The name the file was delivered under.
        feed: The feed it was delivered to.
        time_zone: The business time zone.

    Raises:
        Held: as `records`, or a required column is missing. After some blocks it means that the whole file is held:
            what came before does not count.
    """
    for block in fitting(path, name, feed):
        accepted, rejected = taken([(name, block)], feed, time_zone)
        yield Taken(accepted.drop("file_id", strict=False), rejected.drop("file_id"), block.extra)


def fitting(path: Path, name: str, feed: TableClass) -> Iterator[Records]:
    """The data records of a file delivered to a feed, with the columns that the feed asks for.

    Raises:
        Held: as `read`.
    """
    delivery = opened(path, name)
    own = {column.name for column in own_columns(feed)}
    seen = dict.fromkeys(delivery.names or ())
    if delivery.names is not None:
        require(delivery.names, feed)
    is_any_read = False
    for block in delivery.blocks:
        seen.update(dict.fromkeys(name for name in block.texts.columns if name != NUMBER))
        is_any_read = is_any_read or block.texts.height > 0
        yield replace(block, extra=told_names([name for name in seen if name not in own]))
    if delivery.names is None and is_any_read:
        require(tuple(seen), feed)


def taken(blocks: Sequence[tuple[str, Records]], feed: TableClass, time_zone: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows of some blocks, parsed together: many small files cost as little as one large one.

    Args:
        blocks: each with the file_id of its file.
        feed: The feed the files were delivered to.
        time_zone: The business time zone.

    Returns:
        accepted: the feed's columns, file_id and record_number; rejected: file_id, record_number, raw, reasons, values.
    """
    own = [column.name for column in own_columns(feed)]
    texts = []
    for file_id, block in blocks:
        names = [name for name in own if name in block.texts.columns]
        kept = block.texts.select(NUMBER, *names).with_columns(file_id=pl.lit(file_id))
        texts.append(kept.with_columns(fitted(feed, names)) if block.is_typed else kept)
    accepted, refused = intake.parsed(pl.concat(texts, how="diagonal").rechunk(), feed, time_zone)
    rejected = []
    by_file = {str(file_id): rows for (file_id,), rows in refused.group_by("file_id", maintain_order=True)}
    for file_id, block in blocks:
        parts = [block.broken.with_columns(values=pl.lit(None, pl.String))]
        if file_id in by_file:
            told = by_file[file_id].join(block.texts.select(NUMBER), on=NUMBER, how="semi", maintain_order="left")
            numbers = told[NUMBER].to_list()
            told = told.with_columns(
                raw=pl.Series(block.raw(numbers), dtype=pl.String),
                values=pl.Series(block.values(numbers), dtype=pl.String),
            )
            parts.append(told.select(list(REJECTED)))
        rejected.append(pl.concat(parts).sort(NUMBER).with_columns(file_id=pl.lit(file_id)))
    return accepted, pl.concat(rejected)


def raw(path: Path, name: str, numbers: Sequence[int]) -> pl.DataFrame:
    """Some records of a file as they were delivered, read anew.

    Args:
        path: Where the bytes are.
        name: The name the file was delivered under.
        numbers: The record numbers wanted.

    Returns:
        record_number, raw, values (as JSON; none where the record itself is broken); ordered by record_number.

    Raises:
        Held: as `records`.
    """
    wanted = sorted(set(numbers))
    found = [pl.DataFrame(schema={NUMBER: pl.Int64, "raw": pl.String, "values": pl.String})]
    for block in records(path, name):
        here = block.texts.filter(pl.col(NUMBER).is_in(wanted))[NUMBER].to_list()
        if here:
            told = {NUMBER: here, "raw": block.raw(here), "values": block.values(here)}
            found.append(pl.DataFrame(told, schema=found[0].schema))
        broken = block.broken.filter(pl.col(NUMBER).is_in(wanted))
        found.append(broken.select(NUMBER, "raw", values=pl.lit(None, pl.String)))
    return pl.concat(found).sort(NUMBER)
