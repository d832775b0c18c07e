"""NDJSON: an object per line, numbers with the digits they have."""

import json
import re
from collections.abc import Sequence
from typing import Any

import polars as pl

from models.rules import intake
from pipelines.feeds import limits
from pipelines.feeds.lines import last_line_end
from pipelines.feeds.records import NUMBER, Held, Opened, Records, broken_records
from pipelines.feeds.streams import TOO_LONG, Stream, as_delivered, blocks, decoded

NAMELESS = "no name"
_LINE_ENDS = re.compile(rb"[\r\n]+")
_DOCUMENT = re.compile(rb"\[\s*(?:\{|$)")
_SURROGATE = re.compile("[\ud800-\udfff]")


def opened(stream: Stream) -> Opened:
    """An NDJSON file; its columns are the keys its objects turn out to have."""
    return Opened(None, blocks(stream, stream.start(".ndjson"), _Objects()))


class _Twice(ValueError):
    pass


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _Twice(next(name for name in names if names.count(name) > 1))
    return found


_JSON = json.JSONDecoder(object_pairs_hook=_once, parse_float=str, parse_int=str, parse_constant=str)


class _Objects:
    """The records of an NDJSON file."""

    def __init__(self) -> None:
        self.columns: dict[str, None] = {}
        self.next_number = 1

    def take(self, buffer: bytes, is_last: bool) -> tuple[Records | None, int]:
        """The records of a buffer that are there to their end, and how many bytes they are."""
        cut = len(buffer) if is_last else last_line_end(buffer)
        lines = [line for line in _LINE_ENDS.split(buffer[:cut]) if line.strip(b" \t")]
        return self._block(lines) if lines else None, cut

    def end_of_overlong(self, stream: Stream, start: int) -> tuple[int, str]:
        """Where the very long record that starts here ends, and what is wrong with it."""
        end = start
        while data := stream.read(1 << 20):
            if found := _LINE_ENDS.search(data):
                return end + found.end(), TOO_LONG
            end += len(data)
        return end, TOO_LONG

    def _block(self, lines: list[bytes]) -> Records:
        rows: list[dict[str, str | None]] = []
        numbers: list[int] = []
        broken: list[tuple[int, str, str]] = []
        first = self.next_number
        self.next_number += len(lines)
        for number, line in enumerate(lines, start=first):
            found = _record(line)
            if isinstance(found, str):
                broken.append((number, as_delivered(line), found))
                continue
            rows.append(found)
            numbers.append(number)
            self.columns.update(dict.fromkeys(found))
            if len(self.columns) > limits.MOST_COLUMNS:
                raise Held(
                    f"The objects have more than {limits.MOST_COLUMNS} different keys; deliver the feed's own columns."
                )
        if first == 1:
            _require_objects(lines[0].strip(), bool(rows))
        columns = [
            pl.Series(name, [row.get(name) for row in rows], pl.String) for name in self.columns if name != NUMBER
        ]
        texts = pl.DataFrame([*columns, pl.Series(NUMBER, numbers, pl.Int64)])

        def lookup(wanted: Sequence[int]) -> list[str]:
            return [as_delivered(lines[one - first]) for one in wanted]

        return Records(texts, broken_records(broken), lookup=lookup)


def _require_objects(head: bytes, is_any_read: bool) -> None:
    """See that the first lines are objects, or may have been.

    Raises:
        Held: they are one JSON document, or no JSON at all.
    """
    if _DOCUMENT.match(head) or (head == b"{" and not is_any_read):
        raise Held("The file is one JSON document, not an object on every line; write one object per line.")
    if not is_any_read and not head.startswith(b"{"):
        raise Held("The file is named .ndjson but holds no JSON object; give it the ending of what it is.")


def _record(line: bytes) -> dict[str, str | None] | str:
    """The texts of one JSON object, or what is wrong with it."""
    text = decoded(line)
    try:
        found = _JSON.decode(text)
    except _Twice as error:
        return f"the key {intake.visible(whole(str(error)))} stands there twice"
    except RecursionError:
        return "it is nested too deeply"
    except json.JSONDecodeError as error:
        return f"no JSON object ({error.msg} at character {error.pos + 1})"
    if not isinstance(found, dict):
        return "no JSON object, but another value"
    record = {name or NAMELESS: _text(value) for name, value in found.items()}
    if "\\u" in text:
        return {whole(name): whole(value) if value else value for name, value in record.items()}
    return record


def _text(value: Any) -> str | None:
    if isinstance(value, str):
        return value or None
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else intake.NO_VALUE + json.dumps(value, ensure_ascii=False)


def whole(text: str) -> str:
    """Half a character, which JSON can say and no file can hold, is marked like a byte that is no UTF-8."""
    return _SURROGATE.sub(chr(intake.UNDECODABLE + 0xED), text)
