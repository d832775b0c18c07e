"""The physical lines of a block of bytes; CR, LF and CR LF each end one."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from pipelines.feeds.streams import as_delivered

COMMA, LF, CR = b",\n\r"


def last_line_end(buffer: bytes) -> int:
    """Just after the last line end that is surely one."""
    return buffer.rfind(b"\n") + 1 or buffer.rfind(b"\r", 0, len(buffer) - 1) + 1


def unified(body: bytes) -> bytes:
    """Lines without quotes across them, each ended by LF."""
    if b"\r" in body:
        body = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return body if body.endswith(b"\n") else body + b"\n"


def unblanked(body: bytes) -> bytes:
    """The same lines without the blank ones."""
    while b"\n\n" in body:
        body = body.replace(b"\n\n", b"\n")
    return body[1:] if body.startswith(b"\n") else body


def is_even(body: bytes, width: int) -> bool:
    """True when between any two line ends stand this many commas."""
    data = np.frombuffer(body, np.uint8)
    commas, line_ends = np.flatnonzero(data == COMMA), np.flatnonzero(data == LF)
    if len(commas) != width * len(line_ends):
        return False
    if width == 0 or not len(commas):
        return True
    return bool((commas[width - 1 :: width] < line_ends).all() and (commas[width::width] > line_ends[:-1]).all())


def bounds(buffer: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Where each line starts, and where its content stops."""
    data = np.frombuffer(buffer, np.uint8)
    is_end = data == LF
    returns = data == CR
    if returns.any():
        is_end[:-1] |= returns[:-1] & (data[1:] != LF)
        is_end[-1] |= returns[-1]
    found = np.flatnonzero(is_end)
    starts = np.append(0, found + 1)
    stops = found - ((data[found] == LF) & (found > 0) & (data[found - 1] == CR))
    return (starts[:-1], stops) if starts[-1] == len(data) else (starts, np.append(stops, len(data)))


class Lines:
    """The lines of a block, each ended by LF and each a record; found only when one is asked for."""

    def __init__(self, body: bytes, first: int) -> None:
        self.body = body
        self.first = first

    @cached_property
    def ends(self) -> np.ndarray:
        """Where each line ends."""
        return np.flatnonzero(np.frombuffer(self.body, np.uint8) == LF)

    def raw(self, numbers: Sequence[int]) -> list[str]:
        """The lines of these record numbers."""
        places = [number - self.first for number in numbers]
        return [
            as_delivered(self.body[self.ends[place - 1] + 1 if place else 0 : self.ends[place]]) for place in places
        ]
