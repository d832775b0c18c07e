"""Excel workbooks: the first sheet, every number with the digits it has, every error as an error."""

import json
import re
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import polars as pl

from models.rules import intake
from pipelines.feeds import limits
from pipelines.feeds.ndjson import whole
from pipelines.feeds.records import NUMBER, Held, Opened, Records, broken_records, held_if_damaged, named
from pipelines.feeds.streams import kind
from pipelines.feeds.typed import positional

_LAST_COLUMN = 16_384
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
_DATE_FORMATS = {*range(14, 23), *range(27, 37), *range(50, 59)}
_PLAIN_NUMBER = re.compile(r"-?[0-9]{1,15}")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")

Row = list[str | None]


def opened(path: Path) -> Opened:
    """A workbook, the header of its first sheet read."""
    with path.open("rb") as file:
        head = file.read(64)
    if not head.startswith(b"PK\x03\x04"):
        raise Held(f"The file is named .xlsx but its content is {kind(head)}; save it as an Excel workbook.")
    with held_if_damaged():
        book = _Book(path)
        rows = book.rows()
        header = next(rows, None)
        if header is None:
            raise Held("The first sheet is empty; deliver it with its header row.")
        names = named(header)
    return Opened(names, _blocks(book, rows, names))


def _blocks(book: "_Book", rows: Iterator[Row], names: tuple[str, ...]) -> Iterator[Records]:
    number = 1
    try:
        with held_if_damaged():
            while (part := list(islice(rows, limits.SHEET_ROWS))) or number == 1:
                yield _block(part, names, number)
                number += len(part)
                if not part:
                    break
    finally:
        book.close()


def _block(rows: list[Row], names: tuple[str, ...], first: int) -> Records:
    good: list[Row] = []
    numbers: list[int] = []
    broken: list[tuple[int, str, str]] = []
    for number, row in enumerate(rows, start=first):
        if len(row) > len(names):
            raw = json.dumps(row, ensure_ascii=False)
            broken.append((number, raw[: limits.LONGEST_RAW], f"a value in column {len(row)}, which has no header"))
        else:
            good.append(row + [None] * (len(names) - len(row)))
            numbers.append(number)
    schema: dict[str, Any] = {str(place): pl.String for place in range(len(names))}
    texts = pl.DataFrame(good, schema=schema, orient="row").select(
        *(pl.col(place).alias(name) for place, name in zip(schema, names, strict=True) if name != NUMBER),
        pl.Series(NUMBER, numbers, pl.Int64),
    )
    return Records(texts, broken_records(broken), is_typed=True)


class _Book:
    """The first sheet of an Excel workbook, every number with the digits it has, every error as an error."""

    def __init__(self, path: Path) -> None:
        self.zip = zipfile.ZipFile(path)
        members = {member.filename: member for member in self.zip.infolist()}
        if "xl/workbook.xml" not in members:
            raise Held("The file is named .xlsx but holds no Excel workbook; save it as one.")
        if limits.is_bomb(sum(member.file_size for member in members.values()), path.stat().st_size):
            raise Held(
                f"The workbook unpacks to over {limits.MOST_UNPACKED} times its size, as a zip bomb does; deliver it as CSV."
            )
        book = ElementTree.fromstring(self.zip.read("xl/workbook.xml"))
        self.is_from_1904 = any(
            part.get("date1904") in ("1", "true") for part in book.iter() if _local(part) == "workbookPr"
        )
        sheet = next((part for part in book.iter() if _local(part) == "sheet"), None)
        if sheet is None:
            raise Held("The workbook has no sheet; deliver it with one.")
        if sheet.get("state", "visible") != "visible":
            raise Held(f"The first sheet, {sheet.get('name')}, is hidden; move the sheet to be read to the front.")
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

    def rows(self) -> Iterator[Row]:
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
                    if place >= _LAST_COLUMN:
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
            is_open = kind != "str" and any(_local(part) == "f" for part in cell)
            return intake.NO_VALUE + "a formula without its value" if is_open else None
        match kind:
            case "s":
                return self.texts[_place(value)]
            case "str":
                return _unescaped(value)
            case "b":
                return "true" if value.strip() in ("1", "true") else "false"
            case "e":
                return intake.NO_VALUE + value
            case "d":
                return value
        value = value.strip()
        if not _NUMBER.fullmatch(value):
            return intake.NO_VALUE + value
        if int(cell.get("s", 0)) in self.date_styles:
            return _serial(float(value), self.is_from_1904) or positional(value)
        return value if _PLAIN_NUMBER.fullmatch(value) else positional(repr(float(value)))


def _place(text: str) -> int:
    place = int(text)
    if place < 0:
        raise ValueError(f"text {place}")
    return place


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
    return _ESCAPE.sub(lambda found: whole(chr(int(found.group(1), 16))), text) if "_x" in text else text


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
