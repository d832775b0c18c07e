"""CSV. Lines whose commas and quotes provably stand where they must go to Polars in bulk, which gives the same as
reading them record by record; every other record is read by itself."""

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from pipelines.feeds import exact, lines
from pipelines.feeds.records import NUMBER, Held, Opened, Records, broken_records, named, numbered, numbers_from
from pipelines.feeds.streams import Stream, as_delivered, blocks, decoded, is_utf8

_OTHER_MARK = re.compile(rb'"[^"\r\n]*"([;\t|])')
_ASCII = bytes(range(128)) + b"\x7f" * 128
"""Makes every byte beyond ASCII one that is, at the same place."""


def opened(stream: Stream) -> Opened:
    """A CSV file, its header read."""
    head = stream.start(".csv")
    head = head.lstrip(b"\r\n")
    if not head:
        stream.close()
        raise Held("The file is empty; deliver it with its header row.")
    found = exact.record(head, 0, stream.is_done)
    if found is None or found.fields is None:
        stream.close()
        raise Held(f"The header row cannot be read ({_unreadable(head, found)}); deliver the file with a header row.")
    names = named([decoded(cell) for cell in found.fields])
    return Opened(names, blocks(stream, head[found.end :], Delimited(names)))


def _unreadable(head: bytes, found: exact.Found | None) -> str:
    """What is wrong with a header row."""
    separated = _OTHER_MARK.match(head)
    if separated:
        return f"the values are separated by {separated.group(1).decode()!r}, not by commas"
    return found.what if found else exact.UNCLOSED if head.startswith(b'"') else "it has no end"


@dataclass
class _Walk:
    """The records of some lines: runs of lines to read in bulk, and the records read by themselves."""

    consumed: int
    next_number: int
    runs: list[tuple[int, int, int]] = field(default_factory=list)
    """First line, the line after the last, number of the first record."""
    rows: list[list[bytes]] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    broken: list[tuple[int, str, str]] = field(default_factory=list)
    spans: list[tuple[int, int, int]] = field(default_factory=list)
    """Number, start and stop of each record read by itself, broken ones included."""


class Delimited:
    """The records of a CSV file after its header."""

    def __init__(self, columns: tuple[str, ...]) -> None:
        self.columns = columns
        self.next_number = 1
        self.places = {str(place): name for place, name in enumerate(columns) if name != NUMBER}

    def take(self, buffer: bytes, is_last: bool) -> tuple[Records | None, int]:
        """The records of a buffer that are there to their end, and how many bytes they are."""
        cut = len(buffer) if is_last else lines.last_line_end(buffer)
        if cut == 0:
            return None, 0
        if b'"' not in buffer:
            plain = self.plain(lines.unified(buffer[:cut]))
            if plain is not None:
                body, texts = plain
                first, height = self.next_number, body.count(b"\n")
                self.next_number += height
                texts = numbered(texts, numbers_from(first, height))
                return Records(texts, lookup=lines.Lines(body, first).raw), cut
        return self._mixed(buffer[:cut], is_last)

    def end_of_overlong(self, stream: Stream, start: int) -> tuple[int, str]:
        """Where the very long record that starts here ends, and what is wrong with it."""
        return exact.end_of_overlong(stream, start)

    def plain(self, body: bytes) -> tuple[bytes, pl.DataFrame] | None:
        """Lines without a quote, when each has as many fields as the header and all of it is UTF-8."""
        width = len(self.columns) - 1
        if width == 0 or not lines.is_even(body, width):
            body = lines.unblanked(body)
            if not lines.is_even(body, width):
                return None
        if not body or not is_utf8(body):
            return None
        texts = self._bulk(body, body.count(b"\n"))
        return None if texts is None else (body, texts)

    def _bulk(self, body: bytes, height: int) -> pl.DataFrame | None:
        """Well-formed lines, read by Polars; none should it not see as many records."""
        schema: dict[str, Any] = {str(place): pl.String for place in range(len(self.columns))}
        if body.startswith(codecs.BOM_UTF8):  # here it belongs to the first value; Polars takes one away
            body = codecs.BOM_UTF8 + body
        try:
            found = pl.read_csv(body, has_header=False, schema=schema)
        except pl.exceptions.PolarsError:
            return None
        if found.height != height:
            return None
        return found.select(pl.col(place).alias(name) for place, name in self.places.items())

    def _mixed(self, buffer: bytes, is_last: bool, is_exact: bool = False) -> tuple[Records | None, int]:
        """Any lines: those that are surely well-formed in bulk, every other record by itself."""
        starts, stops = lines.bounds(buffer)
        is_blank = starts == stops
        is_sure = np.zeros(len(starts), bool) if is_exact else self.sure(buffer, starts)
        before = np.append(0, np.cumsum(~is_blank))
        walk = self._walk(buffer, is_last, (starts, stops), is_sure | is_blank, before)
        first = self.next_number
        if walk.next_number == first:
            return None, walk.consumed
        texts = self._texts(walk)
        spans = np.array(walk.spans, np.int64).reshape(-1, 3)
        if walk.runs:
            begin, until, began = np.array(walk.runs, np.int64).T
            size = before[until] - before[begin]
            run = b"\n".join(buffer[starts[a] : stops[b - 1]] for a, b in zip(begin, until, strict=True))
            body = lines.unblanked(lines.unified(run))
            bulk = self._bulk(body, int(size.sum())) if body else None
            if bulk is None and body:
                return self._mixed(buffer, is_last, is_exact=True)
            if bulk is not None:
                inside = np.zeros(len(starts) + 1, np.int8)
                inside[begin] += 1
                inside[until] -= 1
                kept = np.flatnonzero((np.cumsum(inside)[:-1] > 0) & ~is_blank)
                numbers = before[kept] + np.repeat(began - before[begin], size)
                spans = np.concatenate([spans, np.column_stack([numbers, starts[kept], stops[kept]])])
                if b'"' in body:
                    bulk = bulk.with_columns(pl.when(pl.all() != "").then(pl.all()))
                bulk = numbered(bulk, pl.Series(NUMBER, numbers, pl.Int64))
                texts = pl.concat([bulk, texts]).sort(NUMBER) if walk.rows else bulk
        self.next_number = walk.next_number
        place_of = np.zeros((walk.next_number - first, 2), np.int64)
        place_of[spans[:, 0] - first] = spans[:, 1:]

        def lookup(wanted: Sequence[int]) -> list[str]:
            return [as_delivered(buffer[slice(*place_of[one - first])]) for one in wanted]

        return Records(texts, broken_records(walk.broken), lookup=lookup), walk.consumed

    def _walk(
        self,
        buffer: bytes,
        is_last: bool,
        bounds: tuple[np.ndarray, np.ndarray],
        is_easy: np.ndarray,
        before: np.ndarray,
    ) -> _Walk:
        """Go from one doubtful line to the next and read the record that starts there.

        Args:
            buffer: The bytes.
            is_last: True when nothing comes after them.
            bounds: Where each line starts and stops.
            is_easy: Which lines can be read in bulk, if a record starts there.
            before: How many lines that are not blank stand before each line.
        """
        starts, stops = bounds
        ends = np.append(starts[1:], len(buffer))
        walk = _Walk(len(buffer), self.next_number)
        line = 0

        def run_to(place: int) -> None:
            if place > line:
                walk.runs.append((line, place, walk.next_number))
                walk.next_number += int(before[place] - before[line])

        for place in np.flatnonzero(~is_easy).tolist():
            if place < line:
                continue
            run_to(place)
            start, stop, end = int(starts[place]), int(stops[place]), int(ends[place])
            text = buffer[start:stop]
            is_quoted = b'"' in text
            found = exact.record(buffer, start, is_last) if is_quoted else exact.Found(stop, end, text.split(b","))
            if found is None:
                walk.consumed = start
                return walk
            number = walk.next_number
            if found.fields is not None and len(found.fields) == len(self.columns):
                walk.rows.append(found.fields)
                walk.numbers.append(number)
            else:
                what = found.what or self._miscounted(found.fields or [])
                walk.broken.append((number, as_delivered(buffer[start : found.stop]), what))
            walk.spans.append((number, start, found.stop))
            walk.next_number += 1
            line = int(np.searchsorted(starts, found.end)) if found.end > end else place + 1
        run_to(len(starts))
        return walk

    def _texts(self, walk: _Walk) -> pl.DataFrame:
        """The records read by themselves."""
        columns = [
            pl.Series(name, [decoded(row[int(place)]) or None for row in walk.rows], pl.String)
            for place, name in self.places.items()
        ]
        return pl.DataFrame([*columns, pl.Series(NUMBER, walk.numbers, pl.Int64)])

    def _miscounted(self, fields: Sequence[bytes]) -> str:
        return f"{len(fields)} {'field' if len(fields) == 1 else 'fields'} where the header has {len(self.columns)}"

    @cached_property
    def strict_line(self) -> str:
        """A line whose commas and quotes stand where they must, for the header's number of fields."""
        cell = r'(?:[^",\r\n]+|"[^"\r\n]*(?:""[^"\r\n]*)*")?'
        return rf"^(?:{cell},){{{len(self.columns) - 1}}}{cell}\r?\n?$"

    def sure(self, body: bytes, starts: np.ndarray) -> np.ndarray:
        """Which lines are records by themselves, if a record starts there."""
        import pyarrow as pa

        plain = body if body.isascii() else body.translate(_ASCII)
        offsets = np.append(starts, len(body)).astype(np.int64)
        rows = pl.Series(pa.LargeStringArray.from_buffers(len(starts), pa.py_buffer(offsets), pa.py_buffer(plain)))
        try:
            sure = rows.str.contains(self.strict_line).to_numpy().copy()
        except pl.exceptions.PolarsError:
            return np.zeros(len(starts), bool)
        if plain is not body and not is_utf8(body):
            for line in rows.str.contains("\x7f", literal=True).arg_true().to_list():
                sure[line] = sure[line] and is_utf8(body[offsets[line] : offsets[line + 1]])
        return sure
