"""Excel workbooks: the first sheet as a person sees it."""

import io
import zipfile
from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from tests.delivered import COUNTS, broken, dropped, held, taken, texts


def test_a_workbook_gives_the_values_of_its_first_sheet(tmp_path: Path) -> None:
    path = tmp_path / "f.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet, day = book.add_worksheet(), book.add_format({"num_format": "yyyy-mm-dd"})
        moment, clock = (book.add_format({"num_format": code}) for code in ("yyyy-mm-dd hh:mm:ss", "hh:mm"))
        sheet.write_row(2, 0, ["a", "b", "c", "d"])
        sheet.write_row(3, 0, ["007", 5, 19.99, 0.1234567890123])
        sheet.write_datetime(5, 0, datetime.fromisoformat("2024-01-05"), day)
        sheet.write_datetime(5, 1, datetime.fromisoformat("2024-01-05T13:45:01"), moment)
        sheet.write_datetime(5, 2, time(8, 30), clock)
        sheet.write_boolean(5, 3, True)
        sheet.write_row(6, 0, [" x ", 1e21, 1e-7, "tab\tand\nline"])
        sheet.write_row(7, 0, ["too", "many", "values", "in", "here"])
        book.add_worksheet("other").write(0, 0, "no")
    assert texts(path) == [
        [1, "007", "5", "19.99", "0.1234567890123"],
        [2, "2024-01-05T00:00:00", "2024-01-05T13:45:01", "08:30:00", "true"],
        [3, " x ", "1000000000000000000000", "0.0000001", "tab\tand\nline"],
    ]
    assert [number for number, *_ in broken(path)] == [4]


def test_a_workbook_of_a_feed_is_taken_and_a_formula_error_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "f.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet, day = book.add_worksheet(), book.add_format({"num_format": "dd.mm.yyyy"})
        sheet.write_row(0, 0, COUNTS.split(","))
        sheet.write_row(1, 0, [4711, "L", None, 3])
        sheet.write_datetime(1, 2, datetime.fromisoformat("2024-01-05"), day)
        sheet.write_row(2, 0, ["A", "L", "2024-01-05", 3.5])
        sheet.write_formula(3, 0, "=NA()", None, "#N/A")
        sheet.write_row(3, 1, ["L", "2024-01-05", 1])
    accepted, rejected = taken(path)
    assert accepted == [("4711", "L", date(2024, 1, 5), 3, 1)]
    assert rejected == [(2, ["quantity: format: 3.5"]), (3, ["sku: structure: #N/A"])]


def test_what_is_no_workbook_is_held(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as other:
        other.writestr("word/document.xml", "<x/>")
    assert "workbook" in held(dropped(tmp_path, "f.xlsx", packed.getvalue()))
    assert "text" in held(dropped(tmp_path, "f.xlsx", COUNTS))
    assert "empty" in held(dropped(tmp_path, "f.xlsx", b""))
    assert "end" in held(dropped(tmp_path, "f.xlsx", b"PK\x03\x04 and no more"))


def counted(path: Path, row: Sequence[Any] = ("A", "L", "2024-01-05", 1)) -> Path:
    """A workbook of one stock count."""
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, COUNTS.split(","))
        sheet.write_row(1, 0, row)
    return path


def mended(path: Path, change: Callable[[bytes], bytes]) -> Path:
    """The same workbook with its first sheet changed, as other programs write it."""
    with zipfile.ZipFile(path) as packed:
        members = {name: packed.read(name) for name in packed.namelist()}
    members["xl/worksheets/sheet1.xml"] = change(members["xl/worksheets/sheet1.xml"])
    with zipfile.ZipFile(path, "w") as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return path


@pytest.mark.parametrize("value", [b"", b"<v></v>", b"<v/>"])
def test_a_formula_that_was_never_computed_is_rejected_not_taken_as_empty(tmp_path: Path, value: bytes) -> None:
    path = mended(
        counted(tmp_path / "f.xlsx", ("A", "L", "2024-01-05", 77)),
        lambda sheet: sheet.replace(b"<v>77</v>", b"<f>7*11</f>" + value),
    )
    assert taken(path) == ([], [(1, ["quantity: structure: a formula without its value"])])


def test_a_formula_of_an_empty_text_is_empty(tmp_path: Path) -> None:
    path = mended(
        counted(tmp_path / "f.xlsx", ("A", "L", "2024-01-05", 77)),
        lambda sheet: sheet.replace(b"><v>77</v>", b' t="str"><f>""</f><v></v>'),
    )
    assert taken(path) == ([], [(1, ["quantity: missing: empty"])])


@pytest.mark.parametrize("number", [b"1_0", b"abc", b"NaN", b"INF"])
def test_a_cell_that_holds_no_number_rejects_its_row_only(tmp_path: Path, number: bytes) -> None:
    path = mended(
        counted(tmp_path / "f.xlsx", ("A", "L", "2024-01-05", 77)),
        lambda sheet: sheet.replace(b"<v>77</v>", b"<v>" + number + b"</v>"),
    )
    assert taken(path) == ([], [(1, [f"quantity: structure: {number.decode()}"])])


def test_a_text_that_the_workbook_does_not_have_holds_it(tmp_path: Path) -> None:
    for place in (b"99", b"-1"):
        path = mended(
            counted(tmp_path / "f.xlsx"),
            lambda sheet, place=place: sheet.replace(b"<v>4</v>", b"<v>" + place + b"</v>"),
        )
        assert "end" in held(path)


def test_a_hidden_first_sheet_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "f.xlsx"
    with xlsxwriter.Workbook(path) as book:
        old, new = book.add_worksheet("old"), book.add_worksheet("new")
        for sheet in (old, new):
            sheet.write_row(0, 0, COUNTS.split(","))
        old.hide()
        new.activate()
    assert held(path) == "The first sheet, old, is hidden; move the sheet to be read to the front."


def test_only_the_first_of_merged_cells_has_the_value(tmp_path: Path) -> None:
    path = tmp_path / "f.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, COUNTS.split(","))
        sheet.merge_range(1, 0, 2, 0, "A")
        for row in (1, 2):
            sheet.write_row(row, 1, ["L", "2024-01-05", row])
    accepted, rejected = taken(path)
    assert accepted == [("A", "L", date(2024, 1, 5), 1, 1)]
    assert rejected == [(2, ["sku: missing: empty"])]


def test_days_are_counted_from_1904_where_the_workbook_says_so(tmp_path: Path) -> None:
    path = tmp_path / "f.xlsx"
    with xlsxwriter.Workbook(path, {"date_1904": True}) as book:
        sheet, day = book.add_worksheet(), book.add_format({"num_format": "dd/mm/yy"})
        sheet.write_row(0, 0, COUNTS.split(","))
        sheet.write_row(1, 0, ["A", "L", None, 1])
        sheet.write_datetime(1, 2, datetime.fromisoformat("2024-01-05"), day)
    assert taken(path)[0] == [("A", "L", date(2024, 1, 5), 1, 1)]


def test_a_bare_number_is_no_day(tmp_path: Path) -> None:
    assert taken(counted(tmp_path / "f.xlsx", ("A", "L", 45296, 1))) == ([], [(1, ["counted_on: format: 45296"])])
