"""One CSV record, read by itself: the norm that reading in bulk must keep to."""

import re
from dataclasses import dataclass

from pipelines.feeds.lines import COMMA, CR, LF
from pipelines.feeds.streams import TOO_LONG, Stream

UNCLOSED = "a quote is opened and never closed"
STRAY = "text follows a closing quote"
_QUOTED = re.compile(rb'"([^"]*+(?:""[^"]*+)*+)"')
_UNQUOTED = re.compile(rb"[^,\r\n]*+")
_LINE_END = re.compile(rb"\r\n|\n|\r")
_BREAK = re.compile(rb"[\r\n]")
_FIELD_END = re.compile(rb"[,\r\n]")


@dataclass(frozen=True)
class Found:
    """One record: its fields, or what is wrong with it; its line stops at `stop`, the next one starts at `end`."""

    stop: int
    end: int
    fields: list[bytes] | None = None
    what: str = ""


def record(data: bytes, start: int, is_last: bool) -> Found | None:
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
                return Found(size, size, what=UNCLOSED) if is_last else None
            place = quoted.end()
            fields.append(quoted.group(1).replace(b'""', b'"'))
        else:
            plain = _UNQUOTED.match(data, place)
            place = plain.end() if plain else place
            fields.append(data[opened:place])
        if place == size:
            return Found(size, size, fields) if is_last else None
        if data[place] == COMMA:
            place += 1
            continue
        if data[place] in (LF, CR):
            if data[place] == CR and place + 1 == size and not is_last:
                return None
            return Found(place, place + (2 if data[place : place + 2] == b"\r\n" else 1), fields)
        line = _LINE_END.search(data, opened)
        if line is None or (line.end() == size and not is_last):
            return Found(size, size, what=STRAY) if is_last else None
        return Found(line.start(), line.end(), what=STRAY)


def end_of_overlong(stream: Stream, start: int) -> tuple[int, str]:
    """Where a very long record ends, read piece by piece, and what is wrong with it.

    Args:
        stream: It stands where the record starts.
        start: That place.
    """
    state, line_end, base = "start", None, start
    while data := stream.read(1 << 20):
        place = 0
        while place < len(data):
            if state == "start":
                state = "quoted" if data[place : place + 1] == b'"' else "plain"
                place += state == "quoted"
                line_end = None
            elif state in ("plain", "line"):
                found = (_BREAK if state == "line" else _FIELD_END).search(data, place)
                if found is None:
                    break
                place = found.end()
                if found.group() != b",":
                    return base + place, STRAY if state == "line" else TOO_LONG
                state = "start"
            elif state == "quoted":
                quote = data.find(b'"', place)
                if line_end is None:
                    line = _BREAK.search(data, place, quote if quote >= 0 else len(data))
                    line_end = base + line.end() if line else None
                if quote < 0:
                    break
                state, place = "closed", quote + 1
            elif data[place] == ord('"'):
                state, place = "quoted", place + 1
            elif data[place] == COMMA:
                state, place = "start", place + 1
            elif data[place] in (LF, CR):
                return base + place + 1, TOO_LONG
            elif line_end is not None:
                return line_end, STRAY
            else:
                state = "line"
        base += len(data)
    return base, UNCLOSED if state == "quoted" else TOO_LONG
