"""The bytes of a text file, unpacked where they are packed, and the characters they are."""

import codecs
import gzip
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Protocol

from models.rules import intake
from pipelines.feeds import limits
from pipelines.feeds.records import Held, Records, broken_records, held_if_damaged, no_texts

TOO_LONG = "it is longer than 16 MiB"
_GZIP = b"\x1f\x8b"
_KINDS = (
    (_GZIP, "a gzip file"),
    (b"PK\x03\x04", "a zip or Excel file"),
    (b"PAR1", "a Parquet file"),
    (b"\xd0\xcf\x11\xe0", "an old or password-protected Excel file"),
    (b"%PDF", "a PDF"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
    (b"\x00\x00\xfe\xff", "UTF-32 text"),
)


def kind(head: bytes) -> str:
    """What a file is by its first bytes."""
    if not head:
        return "empty"
    found = next((told for mark, told in _KINDS if head.startswith(mark)), "text")
    even, odd = head[:64:2], head[1:64:2]
    is_wide = any(
        zeros.count(0) > len(zeros) * 0.8 and not other.count(0) for zeros, other in ((even, odd), (odd, even))
    )
    return "UTF-16 text" if found == "text" and is_wide else found


class Stream:
    """The bytes of a text file from front to end."""

    def __init__(self, path: Path, is_packed: bool = False) -> None:
        self.packed_size = path.stat().st_size
        self.is_packed = is_packed
        self.is_done = False
        if is_packed:
            with path.open("rb") as file:
                if file.read(2) != _GZIP:
                    raise Held("The file is named .csv.gz but is no gzip file; give it the ending of what it is.")
        self._file: IO[bytes] = gzip.open(path, "rb") if is_packed else path.open("rb", buffering=0)  # type: ignore[assignment]  # noqa: SIM115

    def start(self, ending: str) -> bytes:
        """The first block, without a byte order mark.

        Raises:
            Held: it is no text, though its name ends like this.
        """
        head = self.block()
        found = kind(head)
        if found in ("text", "empty"):
            return head.removeprefix(codecs.BOM_UTF8)
        self.close()
        hint = "save it as UTF-8" if found.startswith("UTF") else "give it the ending of what it is"
        raise Held(f"The file is named {ending} but its content is {found}; {hint}.")

    def block(self) -> bytes:
        """The next block; `is_done` when it is the last."""
        data = self.read(limits.BLOCK)
        self.is_done = len(data) < limits.BLOCK
        return data

    def read(self, size: int) -> bytes:
        """At most this many bytes; none at the end only."""
        parts, wanted = [], size
        with held_if_damaged():
            while wanted > 0 and (part := self._file.read(wanted)):
                parts.append(part)
                wanted -= len(part)
                if self.is_packed and limits.is_bomb(self._file.tell(), self.packed_size):
                    raise Held(
                        f"The file unpacks to over {limits.MOST_UNPACKED} times its size, as a gzip bomb does; "
                        "deliver it unpacked, as .csv."
                    )
        return b"".join(parts)

    def seek(self, place: int) -> None:
        """Go on reading from this place."""
        with held_if_damaged():
            self._file.seek(place)

    def tell(self) -> int:
        """The place of the next byte."""
        return self._file.tell()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


class Reader(Protocol):
    """What reads the records of a text format."""

    next_number: int

    @property
    def columns(self) -> Iterable[str]:
        """The columns known so far."""

    def take(self, buffer: bytes, is_last: bool) -> tuple[Records | None, int]:
        """The records of a buffer that are there to their end, and how many bytes they are."""

    def end_of_overlong(self, stream: Stream, start: int) -> tuple[int, str]:
        """Where the very long record that starts here ends, and what is wrong with it."""


def blocks(stream: Stream, buffer: bytes, reader: Reader) -> Iterator[Records]:
    """All records of a stream, from the bytes already read on; at least one block, which may be empty."""
    is_any = False
    try:
        while True:
            block, consumed = reader.take(buffer, stream.is_done)
            if block is not None:
                is_any = True
                yield block
            if stream.is_done:
                break
            buffer = buffer[consumed:]
            if len(buffer) > limits.LONGEST_RECORD:
                yield _overlong(stream, stream.tell() - len(buffer), reader)
                is_any, buffer = True, b""
            buffer += stream.block()
        if not is_any:
            yield Records(no_texts(reader.columns))
    finally:
        stream.close()


def _overlong(stream: Stream, start: int, reader: Reader) -> Records:
    """Step over one record too long to be held, to where the next one starts."""
    stream.seek(start)
    head = stream.read(limits.LONGEST_RAW)
    stream.seek(start)
    end, what = reader.end_of_overlong(stream, start)
    stream.seek(end)
    number = reader.next_number
    reader.next_number += 1
    raw = as_delivered(head[: end - start], max(end - start - len(head), 0))
    return Records(no_texts(reader.columns), broken_records([(number, raw, what)]))


# Characters


def _undecodable(error: UnicodeError) -> tuple[str, int]:
    """Bytes that are no UTF-8, as the characters that mark them."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(intake.UNDECODABLE + byte) for byte in error.object[error.start : error.end]), error.end


codecs.register_error("orderhouse", _undecodable)


def decoded(data: bytes) -> str:
    """The text of some bytes, those that are no UTF-8 marked."""
    return data.decode("utf-8", errors="orderhouse")


def as_delivered(data: bytes, more: int = 0) -> str:
    """A record as a person may see it, shortened where it is very long."""
    more += max(len(data) - limits.LONGEST_RAW, 0)
    text = data[: limits.LONGEST_RAW].decode("utf-8", errors="backslashreplace")
    return f"{text}… ({more} bytes more)" if more else text


def is_utf8(data: bytes) -> bool:
    """True when all of it is UTF-8."""
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
