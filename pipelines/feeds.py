"""All reading of what was delivered: an archived file of any format becomes blocks of text records, then typed rows.

A file is read block by block and never held whole. Lines whose commas and quotes provably stand where they must go to
Polars in bulk, which gives the same as reading them record by record; every other record is read by itself. A record
that cannot be read is kept as it was, with the reason; a file that cannot be read at all is `Held`.
"""

import codecs
import difflib
import gzip
import json
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import IO, Any
from xml.etree import ElementTree

import numpy as np
import polars as pl

from models.rules import intake
from models.tables.base import TableClass, own_columns
from pipelines.workspace import OrderhouseError

FORMATS = (".csv", ".csv.gz", ".parquet", ".ndjson", ".xlsx")
UNFINISHED = (".tmp", ".part", ".crdownload")

BLOCK = 16 << 20
LONGEST_RECORD = 16 << 20
LONGEST_RAW = 1 << 20
MOST_COLUMNS = 2_000
LEAST_BOMB = 64 << 20
MOST_UNPACKED = 200
_ROWS = 100_000
_NUMBER = "record_number"
_WHOLE_RECORD = "record"


class Held(OrderhouseError):
    """A file that cannot be taken; the message is the sentence that says why and what to do."""


@dataclass(frozen=True)
class Records:
    """A block of a file's data records.

    `texts` holds the readable ones: a text column per column of the file, in its order (empty is null), and
    `record_number`. `broken` holds the others: record_number, raw, reasons. `extra` names the columns seen so far that
    the feed does not have.
    """

    texts: pl.DataFrame
    broken: pl.DataFrame
    is_typed: bool = False
    extra: tuple[str, ...] = ()
    _raw: Callable[[Sequence[int]], list[str]] | None = field(default=None, repr=False)

    def raw(self, numbers: Sequence[int]) -> list[str]:
        """The records of `texts` with these numbers, as they were delivered; those of typed formats as JSON."""
        return self._raw(numbers) if self._raw else self.values(numbers)

    def values(self, numbers: Sequence[int]) -> list[str]:
        """The same records as JSON objects of column and text, in the file's order of columns."""
        rows = self.texts.filter(pl.col(_NUMBER).is_in(list(numbers))).drop(_NUMBER)
        if rows.width == 0:
            return ["{}"] * len(numbers)
        return rows.select(pl.struct(pl.all()).struct.json_encode()).to_series().to_list()


@dataclass(frozen=True)
class Taken:
    """A block of a feed's records after parsing.

    `accepted` has the feed's columns and record_number; `rejected` record_number, raw, reasons and values. `extra`
    names the columns seen so far that the feed does not have.
    """

    accepted: pl.DataFrame
    rejected: pl.DataFrame
    extra: tuple[str, ...]


REJECTED = {_NUMBER: pl.Int64, "raw": pl.String, "reasons": pl.List(pl.String), "values": pl.String}
_BROKEN: dict[str, Any] = {_NUMBER: pl.Int64, "raw": pl.String, "reasons": pl.List(pl.String)}


@dataclass(frozen=True)
class _Delivery:
    """An opened file: its columns as far as its head names them, and its records still to come."""

    names: tuple[str, ...] | None
    blocks: Iterator[Records]


# What lies in landing


def candidates(folder: Path) -> list[Path]:
    """The files in a landing folder that claim to be complete, by name."""
    if not folder.is_dir():
        return []
    found = (path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    return sorted((path for path in found if not path.name.lower().endswith(UNFINISHED)), key=lambda path: path.name)


def look(paths: Sequence[Path]) -> dict[Path, tuple[int, int]]:
    """Size and time of change of each file that is still there; equal in two looks, the file is complete."""
    seen = {}
    for path in paths:
        try:
            stat = path.stat()
        except FileNotFoundError:
            continue
        seen[path] = (stat.st_size, stat.st_mtime_ns)
    return seen


# What a feed asks for


def template(feed: TableClass) -> str:
    """The header line of a feed's CSV file."""
    return ",".join(column.name for column in own_columns(feed))


def contract(feed: TableClass) -> list[tuple[str, str, str, str]]:
    """Column, type with its limits, `*` where required, and description, for every column of a feed."""
    lines = []
    for column in own_columns(feed):
        limits = [
            " / ".join(column.choices or ()),
            f">= {column.minimum}" if column.minimum is not None else "",
            f"<= {column.maximum}" if column.maximum is not None else "",
            "not 0" if column.is_nonzero else "",
        ]
        kind = " ".join([column.type, *(limit for limit in limits if limit)])
        lines.append((column.name, kind, "*" if column.is_required else "", column.description))
    return lines


# Reading


def records(path: Path, name: str) -> Iterator[Records]:
    """The data records of an archived file, block by block; at least one block, which may be empty.

    Args:
        path: Where the bytes are.
        name: The name the file was delivered under; its ending says the format.

    Raises:
        Held: the file is not what its name says, or cannot be read to its end (also after some blocks).
    """
    yield from _opened(path, name).blocks


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
    delivery = _opened(path, name)
    own = {column.name for column in own_columns(feed)}
    seen = dict.fromkeys(delivery.names or ())
    if delivery.names is not None:
        _require(delivery.names, feed)
    is_any_read = False
    for block in delivery.blocks:
        seen.update(dict.fromkeys(name for name in block.texts.columns if name != _NUMBER))
        is_any_read = is_any_read or block.texts.height > 0
        yield replace(block, extra=tuple(name for name in seen if name not in own))
    if delivery.names is None and is_any_read:
        _require(tuple(seen), feed)


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
        kept = block.texts.select(_NUMBER, *names).with_columns(file_id=pl.lit(file_id))
        texts.append(kept.with_columns(_fitted(feed, names)) if block.is_typed else kept)
    accepted, refused = intake.parsed(pl.concat(texts, how="diagonal").rechunk(), feed, time_zone)
    rejected = []
    by_file = {str(file_id): rows for (file_id,), rows in refused.group_by("file_id", maintain_order=True)}
    for file_id, block in blocks:
        parts = [block.broken.with_columns(values=pl.lit(None, pl.String))]
        if file_id in by_file:
            told = by_file[file_id].join(block.texts.select(_NUMBER), on=_NUMBER, how="semi", maintain_order="left")
            numbers = told[_NUMBER].to_list()
            told = told.with_columns(
                raw=pl.Series(block.raw(numbers), dtype=pl.String),
                values=pl.Series(block.values(numbers), dtype=pl.String),
            )
            parts.append(told.select(list(REJECTED)))
        rejected.append(pl.concat(parts).sort(_NUMBER).with_columns(file_id=pl.lit(file_id)))
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
    found = [pl.DataFrame(schema={_NUMBER: pl.Int64, "raw": pl.String, "values": pl.String})]
    for block in records(path, name):
        here = block.texts.filter(pl.col(_NUMBER).is_in(wanted))[_NUMBER].to_list()
        if here:
            told = {_NUMBER: here, "raw": block.raw(here), "values": block.values(here)}
            found.append(pl.DataFrame(told, schema=found[0].schema))
        broken = block.broken.filter(pl.col(_NUMBER).is_in(wanted))
        found.append(broken.select(_NUMBER, "raw", values=pl.lit(None, pl.String)))
    return pl.concat(found).sort(_NUMBER)


def _fitted(feed: TableClass, names: list[str]) -> list[pl.Expr]:
    """A day at midnight is a day, a time of whole minutes a clock time: some formats have no other way to say it."""
    midnight, minute = r"^([0-9]{4}-[0-9]{2}-[0-9]{2})T00:00:00(?:\.0+)?$", r"^([0-9]{2}:[0-9]{2}):00(?:\.0+)?$"
    patterns = {"date": midnight, "time": minute}
    return [
        pl.col(column.name).str.replace(patterns[column.type], "${1}")
        for column in own_columns(feed)
        if column.type in patterns and column.name in names
    ]


def _require(names: tuple[str, ...], feed: TableClass) -> None:
    own = [column.name for column in own_columns(feed)]
    extra = {name.strip().lower(): name for name in names if name not in own}
    missing = [column.name for column in own_columns(feed) if column.is_required and column.name not in names]
    if not missing:
        return
    told = []
    for name in missing:
        near = difflib.get_close_matches(name, extra, n=1)
        told.append(f"{name} (is it {intake.visible(extra[near[0]])!r}?)" if near else name)
    what = "The required column" + ("s" if len(missing) > 1 else "")
    separator = next((mark for mark in ";\t|" if len(names) == 1 and mark in names[0]), None)
    hint = f"; its values are separated by {separator!r}, not by commas" if separator else ""
    raise Held(
        f"{what} {', '.join(told)} {'are' if len(missing) > 1 else 'is'} missing{hint}; deliver the file with it."
    )


def _opened(path: Path, name: str) -> _Delivery:
    lowered = name.lower()
    if lowered.endswith(".csv.gz"):
        return _csv(_Stream(path, is_packed=True))
    if lowered.endswith(".csv"):
        return _csv(_Stream(path))
    if lowered.endswith(".ndjson"):
        return _ndjson(_Stream(path))
    if lowered.endswith(".parquet"):
        return _parquet(path)
    if lowered.endswith(".xlsx"):
        return _xlsx(path)
    raise Held(f"The name does not end in {', '.join(FORMATS[:-1])} or {FORMATS[-1]}; rename the file to what it is.")


_KINDS = (
    (b"\x1f\x8b", "a gzip file"),
    (b"PK\x03\x04", "a zip or Excel file"),
    (b"PAR1", "a Parquet file"),
    (b"\xd0\xcf\x11\xe0", "an old or password-protected Excel file"),
    (b"%PDF", "a PDF"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
    (b"\x00\x00\xfe\xff", "UTF-32 text"),
)


def _kind(head: bytes) -> str:
    """What a file is by its first bytes."""
    found = next((kind for mark, kind in _KINDS if head.startswith(mark)), "text")
    even, odd = head[:64:2], head[1:64:2]
    is_wide = any(
        zeros.count(0) > len(zeros) * 0.8 and not other.count(0) for zeros, other in ((even, odd), (odd, even))
    )
    return "UTF-16 text" if found == "text" and is_wide else found


def _no_text(kind: str, wanted: str) -> Held:
    hint = "; save it as UTF-8" if kind.startswith("UTF") else "; give it the ending of what it is"
    return Held(f"The file is named {wanted} but its content is {kind}{hint}.")


def _cut_short(error: BaseException) -> Held:
    what = " ".join(str(error).split())[:200] or "it is damaged"
    return Held(f"The file cannot be read to its end ({what}); deliver it again.")


def _bomb(unpacked: int, packed: int) -> bool:
    return unpacked > LEAST_BOMB and unpacked > MOST_UNPACKED * packed


class _Stream:
    """The bytes of a text file from front to end, unpacked where they are packed."""

    def __init__(self, path: Path, is_packed: bool = False) -> None:
        self.packed_size = path.stat().st_size
        self.is_packed = is_packed
        if is_packed:
            with path.open("rb") as file:
                if not file.read(2).startswith(b"\x1f\x8b"):
                    raise Held("The file is named .csv.gz but is no gzip file; give it the ending of what it is.")
        self._file: IO[bytes] = gzip.open(path, "rb") if is_packed else path.open("rb", buffering=0)  # type: ignore[assignment]  # noqa: SIM115

    def read(self, size: int) -> bytes:
        """At most this many bytes; none at the end only."""
        parts, wanted = [], size
        try:
            while wanted > 0 and (part := self._file.read(wanted)):
                parts.append(part)
                wanted -= len(part)
                if self.is_packed and _bomb(self._file.tell(), self.packed_size):
                    raise Held(
                        f"The file unpacks to over {MOST_UNPACKED} times its size, as a gzip bomb does; "
                        "deliver it unpacked, as .csv."
                    )
        except (EOFError, OSError, zlib.error) as error:
            raise _cut_short(error) from error
        return b"".join(parts)

    def seek(self, place: int) -> None:
        """Go on reading from this place."""
        try:
            self._file.seek(place)
        except (EOFError, OSError, zlib.error) as error:
            raise _cut_short(error) from error

    def tell(self) -> int:
        """The place of the next byte."""
        return self._file.tell()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def _undecodable(error: UnicodeError) -> tuple[str, int]:
    """Bytes that are no UTF-8, as the characters that mark them."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(intake.UNDECODABLE + byte) for byte in error.object[error.start : error.end]), error.end


codecs.register_error("orderhouse", _undecodable)


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", errors="orderhouse")


def _as_delivered(data: bytes, more: int = 0) -> str:
    """A record as a person may see it, shortened where it is very long."""
    more += max(len(data) - LONGEST_RAW, 0)
    text = data[:LONGEST_RAW].decode("utf-8", errors="backslashreplace")
    return f"{text}… ({more} bytes more)" if more else text


def _broken(rows: list[tuple[int, str, str]]) -> pl.DataFrame:
    numbers, raws, what = ([row[place] for row in rows] for place in range(3))
    told = pl.DataFrame({_NUMBER: numbers, "raw": raws, "reasons": what}, schema=_BROKEN | {"reasons": pl.String})
    return told.with_columns(pl.concat_list(pl.format(f"{_WHOLE_RECORD}: structure: {{}}", "reasons")).alias("reasons"))


def _named(cells: Sequence[str | None]) -> tuple[str, ...]:
    """The names of a header row; a column without one is called by its place.

    Raises:
        Held: a name stands there twice, or there are too many.
    """
    if len(cells) > MOST_COLUMNS:
        raise Held(f"The header has {len(cells)} columns, more than {MOST_COLUMNS}; deliver the feed's own columns.")
    names = tuple(cell if cell else f"column {place}" for place, cell in enumerate(cells, start=1))
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise Held(f"The header names {', '.join(map(intake.visible, twice))} twice; name each column once.")
    return names


# CSV

_QUOTED = re.compile(rb'"([^"]*+(?:""[^"]*+)*+)"')
_UNQUOTED = re.compile(rb"[^,\r\n]*+")
_LINE_END = re.compile(rb"\r\n|\n|\r")
_COMMA, _LF, _CR = 44, 10, 13


@dataclass(frozen=True)
class _Found:
    """One record: its fields, or what is wrong with it; its line stops at `stop`, the next one starts at `end`."""

    stop: int
    end: int
    fields: list[bytes] | None = None
    what: str = ""


def _record(data: bytes, start: int, is_last: bool) -> _Found | None:
    """Read one record exactly; none when its end is not in the data and more is to come.

    Args:
        data: The bytes.
        start: Where the record starts.
        is_last: True when nothing comes after the data.
    """
    fields, place, size = [], start, len(data)
    while True:
        opened = place
        if data[place : place + 1] == b'"':
            quoted = _QUOTED.match(data, place)
            if quoted is None:
                return _Found(size, size, what="a quote is opened and never closed") if is_last else None
            place = quoted.end()
            fields.append(quoted.group(1).replace(b'""', b'"'))
        else:
            plain = _UNQUOTED.match(data, place)
            place = plain.end() if plain else place
            fields.append(data[opened:place])
        if place == size:
            return _Found(size, size, fields) if is_last else None
        if data[place] == _COMMA:
            place += 1
            continue
        if data[place] in (_LF, _CR):
            if data[place] == _CR and place + 1 == size and not is_last:
                return None
            return _Found(place, place + (2 if data[place : place + 2] == b"\r\n" else 1), fields)
        line = _LINE_END.search(data, opened)
        if line is None or (line.end() == size and not is_last):
            return _Found(size, size, what="text follows a closing quote") if is_last else None
        return _Found(line.start(), line.end(), what="text follows a closing quote")


def _csv(stream: _Stream) -> _Delivery:
    head = stream.read(BLOCK)
    kind = _kind(head)
    if kind != "text":
        stream.close()
        raise _no_text(kind, ".csv")
    start = 3 if head.startswith(codecs.BOM_UTF8) else 0
    while head[start : start + 1] in (b"\r", b"\n"):
        start += 1
    is_last = len(head) < BLOCK
    if start == len(head):
        stream.close()
        raise Held("The file is empty; deliver it with its header row.")
    found = _record(head, start, is_last)
    if found is None or found.fields is None:
        stream.close()
        raise Held(
            "The header row cannot be read (an open quote, or a line without end); deliver the file with a header row."
        )
    names = _named([_decoded(cell) for cell in found.fields])
    return _Delivery(names, _Csv(stream, names).blocks(head[found.end :], is_last))


class _Csv:
    """The records of a CSV file after its header."""

    def __init__(self, stream: _Stream, names: tuple[str, ...]) -> None:
        self.stream = stream
        self.names = names
        self.next_number = 1

    @cached_property
    def strict_line(self) -> str:
        """A line whose commas and quotes stand where they must, for the header's number of fields."""
        cell = r'(?:[^",\r\n]+|"[^"\r\n]*(?:""[^"\r\n]*)*")?'
        return rf"^(?:{cell},){{{len(self.names) - 1}}}{cell}\r?\n?$"

    def blocks(self, buffer: bytes, is_last: bool) -> Iterator[Records]:
        """All records from the buffer on."""
        is_any = False
        try:
            while True:
                block, consumed = self._take(buffer, is_last)
                if block is not None:
                    is_any = True
                    yield block
                if is_last:
                    break
                buffer = buffer[consumed:]
                if len(buffer) > LONGEST_RECORD:
                    yield self._endless(self.stream.tell() - len(buffer))
                    is_any, buffer = True, b""
                more = self.stream.read(BLOCK)
                is_last = len(more) < BLOCK
                buffer += more
            if not is_any:
                yield Records(self._frame([]), _broken([]))
        finally:
            self.stream.close()

    def _take(self, buffer: bytes, is_last: bool) -> tuple[Records | None, int]:
        """The records of a buffer that are there to their end, and how many bytes they are."""
        cut = len(buffer) if is_last else _last_line_end(buffer)
        if cut == 0:
            return None, 0
        if b'"' not in buffer:
            plain = self._plain(_unified(buffer[:cut]))
            if plain is not None:
                body, texts = plain
                first = self.next_number
                self.next_number += texts.height
                texts = texts.with_columns(pl.int_range(first, first + texts.height, dtype=pl.Int64).alias(_NUMBER))
                lines = _Lines(body, first)
                return Records(texts, _broken([]), _raw=lines.raw), cut
        return self._mixed(buffer, cut, is_last)

    def _plain(self, body: bytes) -> tuple[bytes, pl.DataFrame] | None:
        """Lines without a quote, when each has as many fields as the header and all of it is UTF-8."""
        if len(self.names) == 1 or not self._is_even(body):
            body = _unblanked(body)
            if not self._is_even(body):
                return None
        if not body or not _is_utf8(body):
            return None
        texts = self._bulk(body, body.count(b"\n"))
        return None if texts is None else (body, texts)

    def _is_even(self, body: bytes) -> bool:
        """True when between any two line ends stand as many commas as in the header."""
        data = np.frombuffer(body, np.uint8)
        commas, line_ends = np.flatnonzero(data == _COMMA), np.flatnonzero(data == _LF)
        width = len(self.names) - 1
        if len(commas) != width * len(line_ends):
            return False
        if width == 0 or not len(commas):
            return True
        return bool((commas[width - 1 :: width] < line_ends).all() and (commas[width::width] > line_ends[:-1]).all())

    def _bulk(self, body: bytes, height: int) -> pl.DataFrame | None:
        """Well-formed lines, read by Polars; none should it not see as many records."""
        schema: dict[str, Any] = {str(place): pl.String for place in range(len(self.names))}
        try:
            found = pl.read_csv(body, has_header=False, schema=schema)
        except pl.exceptions.PolarsError:
            return None
        if found.height != height:
            return None
        return found.select(
            pl.col(place).alias(name) for place, name in zip(schema, self.names, strict=True) if name != _NUMBER
        )

    def _frame(self, rows: Sequence[Sequence[bytes]], numbers: Sequence[int] = ()) -> pl.DataFrame:
        """Records read by themselves."""
        columns = [
            pl.Series(name, [_decoded(row[place]) or None for row in rows], pl.String)
            for place, name in enumerate(self.names)
            if name != _NUMBER
        ]
        return pl.DataFrame([*columns, pl.Series(_NUMBER, numbers, pl.Int64)])

    def _mixed(self, buffer: bytes, cut: int, is_last: bool, is_exact: bool = False) -> tuple[Records | None, int]:
        """Any lines: those that are surely well-formed in bulk, every other record by itself."""
        buffer = buffer[:cut]
        starts, stops = _lines(buffer)
        ends = np.append(starts[1:], cut)
        is_blank = starts == stops
        is_sure = np.zeros(len(starts), bool) if is_exact else self._sure(buffer, starts)
        before = np.append(0, np.cumsum(~is_blank))
        first = number = self.next_number
        line, consumed, width = 0, cut, len(self.names)
        runs: list[tuple[int, int, int]] = []
        rows: list[list[bytes]] = []
        row_numbers: list[int] = []
        broken: list[tuple[int, str, str]] = []
        own_spans: list[tuple[int, int, int]] = []
        for place in np.flatnonzero(~(is_sure | is_blank)).tolist():
            if place < line:
                continue
            if place > line:
                runs.append((line, place, number))
                number += int(before[place] - before[line])
            start, stop, end = int(starts[place]), int(stops[place]), int(ends[place])
            text = buffer[start:stop]
            found = _record(buffer, start, is_last) if b'"' in text else _Found(stop, end, text.split(b","))
            if found is None:
                consumed = start
                break
            if found.fields is not None and len(found.fields) == width:
                rows.append(found.fields)
                row_numbers.append(number)
            else:
                what = found.what or _miscounted(found.fields or [], self.names)
                broken.append((number, _as_delivered(buffer[start : found.stop]), what))
            own_spans.append((number, start, found.stop))
            number += 1
            line = place + 1
            if found.end > end:
                line = int(np.searchsorted(starts, found.end))
        else:
            if line < len(starts):
                runs.append((line, len(starts), number))
                number += int(before[len(starts)] - before[line])
        if number == first:
            return None, consumed
        texts = self._frame(rows, row_numbers)
        spans = np.array(own_spans, np.int64).reshape(-1, 3)
        if runs:
            begin, until, began = np.array(runs, np.int64).T
            size = before[until] - before[begin]
            body = _unblanked(
                _unified(b"\n".join(buffer[starts[a] : stops[b - 1]] for a, b in zip(begin, until, strict=True)))
            )
            bulk = self._bulk(body, int(size.sum())) if body else None
            if bulk is None and body:
                return self._mixed(buffer, cut, is_last, is_exact=True)
            if bulk is not None:
                inside = np.zeros(len(starts) + 1, np.int8)
                inside[begin] += 1
                inside[until] -= 1
                kept = np.flatnonzero((np.cumsum(inside)[:-1] > 0) & ~is_blank)
                numbers = before[kept] + np.repeat(began - before[begin], size)
                spans = np.concatenate([spans, np.column_stack([numbers, starts[kept], stops[kept]])])
                if b'"' in body:
                    bulk = bulk.with_columns(pl.when(pl.all() != "").then(pl.all()))
                bulk = bulk.with_columns(pl.Series(_NUMBER, numbers, pl.Int64))
                texts = pl.concat([bulk, texts]).sort(_NUMBER) if rows else bulk
        self.next_number = number
        place_of = np.zeros((number - first, 2), np.int64)
        place_of[spans[:, 0] - first] = spans[:, 1:]

        def raw(wanted: Sequence[int]) -> list[str]:
            return [_as_delivered(buffer[slice(*place_of[one - first])]) for one in wanted]

        return Records(texts, _broken(broken), _raw=raw), consumed

    def _sure(self, body: bytes, starts: np.ndarray) -> np.ndarray:
        """Which lines are records by themselves, if a record starts there."""
        import pyarrow as pa

        plain = body if body.isascii() else body.translate(_ASCII)
        offsets = np.append(starts, len(body)).astype(np.int64)
        lines = pl.Series(pa.LargeStringArray.from_buffers(len(starts), pa.py_buffer(offsets), pa.py_buffer(plain)))
        try:
            sure = lines.str.contains(self.strict_line).to_numpy().copy()
        except pl.exceptions.PolarsError:
            return np.zeros(len(starts), bool)
        if plain is not body and not _is_utf8(body):
            high = lines.str.contains("\x7f", literal=True).arg_true().to_list()
            for line in high:
                sure[line] = sure[line] and _is_utf8(body[offsets[line] : offsets[line + 1]])
        return sure

    def _endless(self, start: int) -> Records:
        """Step over one record too long to be held, to where the next one starts."""
        self.stream.seek(start)
        head = self.stream.read(LONGEST_RAW)
        end, what = _end_of_endless(self.stream, start)
        self.stream.seek(end)
        number = self.next_number
        self.next_number += 1
        raw = _as_delivered(head, end - start - len(head))
        return Records(self._frame([]), _broken([(number, raw, what)]))


_ASCII = bytes(range(128)) + b"\x7f" * 128
"""Makes every byte beyond ASCII one that is, at the same place."""


def _end_of_endless(stream: _Stream, start: int) -> tuple[int, str]:
    """Where a very long record ends, read piece by piece, and what is wrong with it."""
    stream.seek(start)
    state, line_end, base = "start", None, start
    while data := stream.read(1 << 20):
        place = 0
        while place < len(data):
            if state == "start":
                state = "quoted" if data[place : place + 1] == b'"' else "plain"
                place += state == "quoted"
                line_end = None
            elif state in ("plain", "line"):
                found = re.compile(rb"[\r\n]" if state == "line" else rb"[,\r\n]").search(data, place)
                if found is None:
                    break
                place = found.end()
                if found.group() != b",":
                    what = "text follows a closing quote" if state == "line" else "it is longer than 16 MiB"
                    return base + place, what
                state = "start"
            elif state == "quoted":
                quote = data.find(b'"', place)
                if line_end is None:
                    line = re.compile(rb"[\r\n]").search(data, place, quote if quote >= 0 else len(data))
                    line_end = base + line.end() if line else None
                if quote < 0:
                    break
                state, place = "closed", quote + 1
            elif data[place] == ord('"'):
                state, place = "quoted", place + 1
            elif data[place] == _COMMA:
                state, place = "start", place + 1
            elif data[place] in (_LF, _CR):
                return base + place + 1, "it is longer than 16 MiB"
            elif line_end is not None:
                return line_end, "text follows a closing quote"
            else:
                state = "line"
        base += len(data)
    return base, "a quote is opened and never closed" if state == "quoted" else "it is longer than 16 MiB"


def _miscounted(fields: Sequence[bytes], names: Sequence[str]) -> str:
    return f"{len(fields)} {'field' if len(fields) == 1 else 'fields'} where the header has {len(names)}"


def _last_line_end(buffer: bytes) -> int:
    """Just after the last line end that is surely one."""
    return buffer.rfind(b"\n") + 1 or buffer.rfind(b"\r", 0, len(buffer) - 1) + 1


def _unified(body: bytes) -> bytes:
    """Lines without quotes across them, each ended by LF."""
    if b"\r" in body:
        body = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return body if body.endswith(b"\n") else body + b"\n"


def _unblanked(body: bytes) -> bytes:
    """The same lines without the blank ones."""
    while b"\n\n" in body:
        body = body.replace(b"\n\n", b"\n")
    return body[1:] if body.startswith(b"\n") else body


def _is_utf8(data: bytes) -> bool:
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _lines(buffer: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Where each physical line starts, and where its content stops."""
    data = np.frombuffer(buffer, np.uint8)
    is_end = data == _LF
    returns = data == _CR
    if returns.any():
        is_end[:-1] |= returns[:-1] & (data[1:] != _LF)
        is_end[-1] |= returns[-1]
    found = np.flatnonzero(is_end)
    starts = np.append(0, found + 1)
    stops = found - ((data[found] == _LF) & (found > 0) & (data[found - 1] == _CR))
    return (starts[:-1], stops) if starts[-1] == len(data) else (starts, np.append(stops, len(data)))


class _Lines:
    """The lines of a block, found only when one is asked for."""

    def __init__(self, body: bytes, first: int) -> None:
        self.body = body
        self.first = first

    @cached_property
    def ends(self) -> np.ndarray:
        """Where each line ends."""
        return np.flatnonzero(np.frombuffer(self.body, np.uint8) == _LF)

    def raw(self, numbers: Sequence[int]) -> list[str]:
        """The lines of these record numbers."""
        places = [number - self.first for number in numbers]
        return [
            _as_delivered(self.body[self.ends[place - 1] + 1 if place else 0 : self.ends[place]]) for place in places
        ]


# NDJSON


class _Twice(ValueError):
    pass


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _Twice(next(name for name in names if names.count(name) > 1))
    return found


_JSON = json.JSONDecoder(object_pairs_hook=_once, parse_float=str, parse_int=str, parse_constant=str)
_SURROGATE = re.compile("[\ud800-\udfff]")


def _ndjson(stream: _Stream) -> _Delivery:
    head = stream.read(BLOCK)
    kind = _kind(head)
    if kind != "text":
        stream.close()
        raise _no_text(kind, ".ndjson")
    return _Delivery(None, _ndjson_blocks(stream, head.removeprefix(codecs.BOM_UTF8), len(head) < BLOCK))


def _ndjson_blocks(stream: _Stream, buffer: bytes, is_last: bool) -> Iterator[Records]:
    number, is_any = 1, False
    names: dict[str, None] = {}
    try:
        while True:
            cut = len(buffer) if is_last else _last_line_end(buffer)
            lines = [line for line in re.split(rb"[\r\n]+", buffer[:cut]) if line.strip(b" \t")]
            if lines:
                is_any = True
                yield _json_block(lines, number, names)
                number += len(lines)
            if is_last:
                break
            buffer = buffer[cut:]
            if len(buffer) > LONGEST_RECORD:
                yield _endless_line(stream, stream.tell() - len(buffer), number)
                is_any, number, buffer = True, number + 1, b""
            more = stream.read(BLOCK)
            is_last = len(more) < BLOCK
            buffer += more
        if not is_any:
            yield Records(pl.DataFrame(schema={_NUMBER: pl.Int64}), _broken([]))
    finally:
        stream.close()


def _endless_line(stream: _Stream, start: int, number: int) -> Records:
    stream.seek(start)
    head, end = stream.read(LONGEST_RAW), start + LONGEST_RAW
    while data := stream.read(1 << 20):
        found = re.search(rb"[\r\n]", data)
        end += found.end() if found else len(data)
        if found:
            break
    stream.seek(end)
    raw = _as_delivered(head, end - start - len(head))
    return Records(pl.DataFrame(schema={_NUMBER: pl.Int64}), _broken([(number, raw, "it is longer than 16 MiB")]))


def _json_block(lines: list[bytes], first: int, names: dict[str, None]) -> Records:
    rows: list[dict[str, str | None]] = []
    numbers: list[int] = []
    broken: list[tuple[int, str, str]] = []
    for number, line in enumerate(lines, start=first):
        found = _json_record(line)
        if isinstance(found, str):
            broken.append((number, _as_delivered(line), found))
        else:
            rows.append(found)
            numbers.append(number)
            names.update(dict.fromkeys(found))
            if len(names) > MOST_COLUMNS:
                raise Held(f"The objects have more than {MOST_COLUMNS} different keys; deliver the feed's own columns.")
    columns = {name: pl.Series(name, [row.get(name) for row in rows], pl.String) for name in names if name != _NUMBER}
    texts = pl.DataFrame([*columns.values(), pl.Series(_NUMBER, numbers, pl.Int64)])

    def raw(wanted: Sequence[int]) -> list[str]:
        return [_as_delivered(lines[one - first]) for one in wanted]

    return Records(texts, _broken(broken), _raw=raw)


def _json_record(line: bytes) -> dict[str, str | None] | str:
    """The texts of one JSON object, or what is wrong with it."""
    text = _decoded(line)
    try:
        found = _JSON.decode(text)
    except _Twice as error:
        return f"the key {intake.visible(_whole(str(error)))} stands there twice"
    except RecursionError:
        return "it is nested too deeply"
    except ValueError as error:
        return f"no JSON object ({error})"
    if not isinstance(found, dict):
        return "no JSON object, but another value"
    record = {name: _json_text(value) for name, value in found.items()}
    if "\\u" in text:
        return {_whole(name): _whole(value) if value else value for name, value in record.items()}
    return record


def _json_text(value: Any) -> str | None:
    if isinstance(value, str):
        return value or None
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else intake.NO_VALUE + json.dumps(value, ensure_ascii=False)


def _whole(text: str) -> str:
    """Half a character, which JSON can say and no file can hold, is marked like a byte that is no UTF-8."""
    return _SURROGATE.sub(chr(intake.UNDECODABLE + 0xED), text)


# Parquet

_DAYS = (-719_162, 2_932_896)
"""The first day of the year 1 and the last of 9999, counted from 1970."""


def _parquet(path: Path) -> _Delivery:
    import pyarrow.parquet as pq

    with path.open("rb") as file:
        head = file.read(64)
    if not head.startswith(b"PAR1"):
        raise Held(
            f"The file is named .parquet but its content is {_kind(head) if head else 'empty'}; deliver it again."
        )
    try:
        file_ = pq.ParquetFile(path)
        names = _named(file_.schema_arrow.names)
    except Held:
        raise
    except Exception as error:
        raise _cut_short(error) from error
    return _Delivery(names, _parquet_blocks(file_, names))


def _parquet_blocks(file: Any, names: tuple[str, ...]) -> Iterator[Records]:
    number = 1
    try:
        batches = file.iter_batches(batch_size=_ROWS)
        while True:
            try:
                batch = next(batches, None)
                if batch is None:
                    break
                columns = [
                    _arrow_texts(column).alias(name)
                    for name, column in zip(names, batch.columns, strict=True)
                    if name != _NUMBER
                ]
            except Exception as error:
                raise _cut_short(error) from error
            numbers = pl.int_range(number, number + batch.num_rows, dtype=pl.Int64, eager=True).alias(_NUMBER)
            number += batch.num_rows
            yield Records(pl.DataFrame([*columns, numbers]), _broken([]), is_typed=True)
        if number == 1:
            schema: dict[str, Any] = {name: pl.String for name in names if name != _NUMBER}
            yield Records(pl.DataFrame(schema=schema | {_NUMBER: pl.Int64}), _broken([]), is_typed=True)
    finally:
        file.close()


def _arrow_texts(column: Any) -> pl.Series:
    """A typed column as the text each value has in a CSV file."""
    import pyarrow as pa

    kind, types = column.type, pa.types
    if types.is_dictionary(kind):
        return _arrow_texts(column.dictionary_decode())
    if types.is_null(kind):
        return pl.Series([None] * len(column), dtype=pl.String)
    if types.is_string(kind) or types.is_large_string(kind):
        try:
            column.validate(full=True)
        except pa.ArrowInvalid:
            data = column.cast(pa.large_binary()).to_pylist()
            return _emptied(pl.Series([None if one is None else _decoded(one) for one in data], dtype=pl.String))
        return _emptied(pl.Series(column))
    if types.is_boolean(kind) or types.is_integer(kind):
        return pl.Series(column).cast(pl.String)
    if types.is_floating(kind):
        return _float_texts(pl.Series(column.cast(pa.float32()) if types.is_float16(kind) else column))
    if types.is_decimal(kind):
        if types.is_decimal128(kind) and kind.scale >= 0:
            texts = pl.Series(column).cast(pl.String)
        else:
            texts = pl.Series(
                [None if one is None else format(one, "f") for one in column.to_pylist()], dtype=pl.String
            )
        return texts.str.replace(r"^(-?[0-9]+)\.0+$", "${1}").str.replace(r"(\.[0-9]*[1-9])0+$", "${1}")
    if types.is_date(kind):
        days = pl.Series(column.cast(pa.int32() if types.is_date32(kind) else pa.int64())).cast(pl.Int64)
        if types.is_date64(kind):
            days = days // 86_400_000
        return _calendar_texts(days, pl.Date(), "days", _DAYS, "%Y-%m-%d", "")
    if types.is_timestamp(kind):
        scale = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[kind.unit]
        counted = pl.Series(column.cast(pa.int64()))
        within = (_DAYS[0] * 86_400 * scale, (_DAYS[1] + 1) * 86_400 * scale - 1)
        if kind.unit == "s":
            return _calendar_texts(counted, pl.Datetime("ms"), "s", within, "%Y-%m-%dT%H:%M:%S%.f", "Z" * bool(kind.tz))
        return _calendar_texts(
            counted, pl.Datetime(kind.unit), kind.unit, within, "%Y-%m-%dT%H:%M:%S%.f", "Z" * bool(kind.tz)
        )
    if types.is_time(kind):
        return pl.Series(column).dt.to_string("%H:%M:%S%.f")
    told = (None if one is None else intake.NO_VALUE + _told(one) for one in column.to_pylist())
    return pl.Series(list(told), dtype=pl.String)


def _told(value: Any) -> str:
    if isinstance(value, bytes):
        return repr(value)
    return json.dumps(value, ensure_ascii=False, default=str)


def _emptied(texts: pl.Series) -> pl.Series:
    texts = texts.cast(pl.String).alias("text")
    return texts.to_frame().select(pl.when(pl.col("text") != "").then("text")).to_series()


def _calendar_texts(
    counted: pl.Series, type_: pl.DataType, unit: str, within: tuple[int, int], shape: str, zone: str
) -> pl.Series:
    """Days or moments counted from 1970 as text; those beyond the calendar as the bare number."""
    count = pl.col("count")
    inside = pl.when(count.is_between(*within)).then(count)
    scaled = inside * 1000 if unit == "s" else inside.cast(pl.Int32) if unit == "days" else inside
    text = scaled.cast(type_).dt.to_string(shape) + zone
    return counted.alias("count").to_frame().select(pl.coalesce(text, count.cast(pl.String))).to_series()


def _float_texts(numbers: pl.Series) -> pl.Series:
    """The shortest text of each float, whole ones without a point."""
    number = pl.col("number")
    whole = (number.round(0) == number) & (number.abs() < 2**53)
    rows = numbers.alias("number").to_frame()
    texts = rows.select(
        pl.when(whole)
        .then(pl.when(whole).then(number).cast(pl.Int64).cast(pl.String))
        .otherwise(number.cast(pl.String))
    ).to_series()
    odd = texts.str.contains(r"[0-9]e|\.0$").fill_null(False).arg_true()
    if odd.len():
        texts = texts.scatter(odd, [_positional(text) for text in texts.gather(odd)])
    return texts


def _positional(number: str) -> str:
    """A number without an exponent, and without a point where it is whole."""
    text = format(Decimal(number), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


# XLSX

_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
_DATE_FORMATS = {*range(14, 23), *range(27, 37), *range(50, 59)}
_PLAIN_NUMBER = re.compile(r"-?[0-9]{1,15}")


def _xlsx(path: Path) -> _Delivery:
    with path.open("rb") as file:
        head = file.read(64)
    if not head.startswith(b"PK\x03\x04"):
        kind = _kind(head) if head else "empty"
        raise Held(f"The file is named .xlsx but its content is {kind}; save it as an Excel workbook.")
    try:
        book = _Book(path)
        rows = book.rows()
        names = _named(_header(rows))
    except Held:
        raise
    except Exception as error:
        raise _cut_short(error) from error
    return _Delivery(names, _xlsx_blocks(book, rows, names))


def _header(rows: Iterator[list[str | None]]) -> list[str | None]:
    first = next(rows, None)
    if first is None:
        raise Held("The first sheet is empty; deliver it with its header row.")
    return first


def _xlsx_blocks(book: "_Book", rows: Iterator[list[str | None]], names: tuple[str, ...]) -> Iterator[Records]:
    number, is_done, is_any = 1, False, False
    while not is_done:
        good: list[list[str | None]] = []
        numbers: list[int] = []
        broken: list[tuple[int, str, str]] = []
        try:
            while len(good) + len(broken) < _ROWS // 4:
                row = next(rows, None)
                if row is None:
                    is_done = True
                    break
                if len(row) > len(names):
                    raw = json.dumps(row, ensure_ascii=False)
                    broken.append((number, raw[:LONGEST_RAW], f"a value in column {len(row)}, which has no header"))
                else:
                    good.append(row + [None] * (len(names) - len(row)))
                    numbers.append(number)
                number += 1
        except Exception as error:
            book.close()
            raise _cut_short(error) from error
        if is_done and is_any and not good and not broken:
            break
        is_any = True
        schema: dict[str, Any] = {str(place): pl.String for place in range(len(names))}
        texts = pl.DataFrame(good, schema=schema, orient="row").select(
            *(pl.col(place).alias(name) for place, name in zip(schema, names, strict=True) if name != _NUMBER),
            pl.Series(_NUMBER, numbers, pl.Int64),
        )
        yield Records(texts, _broken(broken), is_typed=True)
    book.close()


class _Book:
    """The first sheet of an Excel workbook, every number with the digits it has, every error as an error."""

    def __init__(self, path: Path) -> None:
        self.zip = zipfile.ZipFile(path)
        members = {member.filename: member for member in self.zip.infolist()}
        if "xl/workbook.xml" not in members:
            raise Held("The file is named .xlsx but holds no Excel workbook; save it as one.")
        if _bomb(sum(member.file_size for member in members.values()), path.stat().st_size):
            raise Held(
                f"The workbook unpacks to over {MOST_UNPACKED} times its size, as a zip bomb does; deliver it as CSV."
            )
        book = ElementTree.fromstring(self.zip.read("xl/workbook.xml"))
        self.is_from_1904 = any(
            part.get("date1904") in ("1", "true") for part in book.iter() if _local(part) == "workbookPr"
        )
        sheet = next((part for part in book.iter() if _local(part) == "sheet"), None)
        if sheet is None:
            raise Held("The workbook has no sheet; deliver it with one.")
        wanted = next((value for name, value in sheet.attrib.items() if name.endswith("}id")), None)
        targets = {
            part.get("Id"): part.get("Target", "")
            for part in ElementTree.fromstring(self.zip.read("xl/_rels/workbook.xml.rels"))
        }
        target = targets.get(wanted, "")
        self.sheet = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
        self.texts = self._shared() if "xl/sharedStrings.xml" in members else []
        self.date_styles = self._date_styles() if "xl/styles.xml" in members else set()

    def close(self) -> None:
        """Let go of the file."""
        self.zip.close()

    def _shared(self) -> list[str]:
        texts = []
        with self.zip.open("xl/sharedStrings.xml") as file:
            for _, part in ElementTree.iterparse(file):
                if _local(part) == "si":
                    texts.append(_rich(part))
                    part.clear()
        return texts

    def _date_styles(self) -> set[int]:
        root = ElementTree.fromstring(self.zip.read("xl/styles.xml"))
        own = {
            int(part.get("numFmtId", -1)): part.get("formatCode", "")
            for part in root.iter()
            if _local(part) == "numFmt"
        }
        formats = next((part for part in root if _local(part) == "cellXfs"), None)
        ids = [int(part.get("numFmtId", 0)) for part in formats] if formats is not None else []
        return {style for style, id_ in enumerate(ids) if (_is_date(own[id_]) if id_ in own else id_ in _DATE_FORMATS)}

    def rows(self) -> Iterator[list[str | None]]:
        """The rows of the first sheet that hold anything, each to its last cell that does."""
        with self.zip.open(self.sheet) as file:
            data = None
            for event, part in ElementTree.iterparse(file, ("start", "end")):
                if event == "start":
                    data = part if _local(part) == "sheetData" else data
                    continue
                if _local(part) != "row":
                    continue
                cells: dict[int, str] = {}
                place = -1
                for cell in part:
                    place = _column(cell.get("r")) if cell.get("r") else place + 1
                    if place >= 16_384:
                        raise ValueError(f"a cell at {cell.get('r')}")
                    text = self._cell(cell)
                    if text:
                        cells[place] = text
                if data is not None:
                    data.clear()
                if cells:
                    yield [cells.get(place) for place in range(max(cells) + 1)]

    def _cell(self, cell: ElementTree.Element) -> str | None:
        kind = cell.get("t", "n")
        if kind == "inlineStr":
            return _rich(cell)
        value = next((part.text for part in cell if _local(part) == "v"), None)
        if value is None:
            return None
        match kind:
            case "s":
                return self.texts[int(value)]
            case "str":
                return _unescaped(value)
            case "b":
                return "true" if value.strip() in ("1", "true") else "false"
            case "e":
                return intake.NO_VALUE + value
            case "d":
                return value
        value = value.strip()
        if int(cell.get("s", 0)) in self.date_styles:
            return _serial(float(value), self.is_from_1904) or _positional(value)
        return value if _PLAIN_NUMBER.fullmatch(value) else _positional(repr(float(value)))


def _local(part: ElementTree.Element) -> str:
    return part.tag.rpartition("}")[2]


def _rich(part: ElementTree.Element) -> str:
    """The text of a cell, its differently formatted pieces joined, phonetic hints left out."""
    pieces = []
    for child in part:
        name = _local(child)
        if name == "t":
            pieces.append(child.text or "")
        elif name in ("r", "is"):
            pieces.append(_rich(child))
    return _unescaped("".join(pieces)) if _local(part) != "r" else "".join(pieces)


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda found: _whole(chr(int(found.group(1), 16))), text) if "_x" in text else text


def _column(place: str | None) -> int:
    """The number of a column from the place of a cell, such as `AB12`, counted from 0."""
    number = 0
    for letter in place or "":
        if not letter.isalpha():
            break
        number = number * 26 + ord(letter.upper()) - 64
    return number - 1


def _is_date(code: str) -> bool:
    """True for a number format that shows a day or a time of day."""
    shown = re.sub(r'"[^"]*"|\\.|_.|\*.', "", code)
    if re.search(r"\[[hms]+\]", shown, re.IGNORECASE):
        return False
    shown = re.sub(r"\[[^\]]*\]", "", shown.split(";")[0])
    return "general" not in shown.lower() and bool(re.search(r"[dmyhs]", shown, re.IGNORECASE))


def _serial(serial: float, is_from_1904: bool) -> str | None:
    """The day and time of an Excel date, or the time alone where it has no day; none where there is no such day."""
    if not 0 <= serial < 2_958_466 or (not is_from_1904 and 60 <= serial < 61):
        return None
    first = datetime(1904, 1, 1) if is_from_1904 else datetime(1899, 12, 30 if serial >= 61 else 31)  # noqa: DTZ001
    moment = first + timedelta(milliseconds=round(serial * 86_400_000))
    text = moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds")
    return text[11:] if serial < 1 else text
