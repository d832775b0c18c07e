"""What is delivered is read to the last byte: no record is lost, and no value changes on the way."""

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.tables.feeds import Customer, DeliveredOrderLine, Location, OrderEvent, StockCount
from pipelines import feeds

FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
COUNTS = "sku,location_id,counted_on,quantity"


def dropped(folder: Path, name: str, content: bytes | str) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def texts(path: Path) -> list[list[str | None]]:
    """The readable records, each as number and values."""
    blocks = [block.texts for block in feeds.records(path, path.name)]
    return [[row[-1], *row[:-1]] for block in blocks for row in block.rows()]


def broken(path: Path) -> list[tuple[int, str, list[str]]]:
    return [row for block in feeds.records(path, path.name) for row in block.broken.rows()]


def taken(path: Path, feed: Any = StockCount, zone: str = "Europe/Berlin") -> tuple[list[tuple], list[tuple]]:
    """Accepted rows, and record number and reasons of the rejected."""
    blocks = list(feeds.read(path, path.name, feed, zone))
    accepted = [row for block in blocks for row in block.accepted.rows()]
    return accepted, [(row[0], row[2]) for block in blocks for row in block.rejected.rows()]


def held(path: Path, feed: Any = StockCount) -> str:
    with pytest.raises(feeds.Held) as error:
        list(feeds.read(path, path.name, feed, "UTC"))
    return str(error.value)


# CSV


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False])
def test_every_line_end_gives_the_same_records(tmp_path: Path, end: str, last: bool) -> None:
    lines = ["a,b", "1,x", "", "2,", ",y"]
    path = dropped(tmp_path, "f.csv", end.join(lines) + (end if last else ""))
    assert texts(path) == [[1, "1", "x"], [2, "2", None], [3, None, "y"]]


def test_mixed_line_ends_each_end_a_record(tmp_path: Path) -> None:
    path = dropped(tmp_path, "f.csv", "a,b\r\n1,x\r2,y\n3,z")
    assert texts(path) == [[1, "1", "x"], [2, "2", "y"], [3, "3", "z"]]


def test_a_quoted_value_keeps_commas_quotes_and_line_ends(tmp_path: Path) -> None:
    path = dropped(tmp_path, "f.csv", 'a,b\n1,"x, ""y""\r\nz"\n"2",""\n3, blank \n')
    assert texts(path) == [[1, "1", 'x, "y"\r\nz'], [2, "2", None], [3, "3", " blank "]]


def test_a_quote_within_an_unquoted_value_is_a_quote(tmp_path: Path) -> None:
    path = dropped(tmp_path, "f.csv", 'a,b\n5" pipe,x\n2,y\n')
    assert texts(path) == [[1, '5" pipe', "x"], [2, "2", "y"]]


def test_ragged_rows_are_broken_one_by_one_and_keep_their_number(tmp_path: Path) -> None:
    path = dropped(tmp_path, "f.csv", "a,b\n1,x\n2\n3,z,z\n4,y\n,\n")
    assert texts(path) == [[1, "1", "x"], [4, "4", "y"], [5, None, None]]
    assert broken(path) == [
        (2, "2", ["record: structure: 1 field where the header has 2"]),
        (3, "3,z,z", ["record: structure: 3 fields where the header has 2"]),
    ]


def test_a_row_too_short_and_one_too_long_do_not_make_up_for_each_other(tmp_path: Path) -> None:
    path = dropped(tmp_path, "f.csv", "a,b,c\n1,x\n2,y,z,z\n3,y,z\n")
    assert texts(path) == [[3, "3", "y", "z"]]
    assert [number for number, *_ in broken(path)] == [1, 2]


def test_an_unclosed_quote_runs_to_the_end_as_one_record(tmp_path: Path) -> None:
    path = dropped(tmp_path, "f.csv", 'a,b\n1,x\n2,"y\n3,z\n')
    assert texts(path) == [[1, "1", "x"]]
    assert broken(path) == [(2, '2,"y\n3,z\n', ["record: structure: a quote is opened and never closed"])]


def test_a_stray_quote_costs_its_line_only(tmp_path: Path) -> None:
    path = dropped(tmp_path, "f.csv", 'a,b\n1,"x\n2,y\n3,"z"\n')
    assert texts(path) == [[2, "2", "y"], [3, "3", "z"]]
    assert broken(path) == [(1, '1,"x', ["record: structure: text follows a closing quote"])]


def test_text_after_a_quoted_value_of_several_lines_breaks_that_record_only(tmp_path: Path) -> None:
    path = dropped(tmp_path, "f.csv", 'a,b\n"1\n1","x"y\n2,y\n')
    assert texts(path) == [[2, "2", "y"]]
    assert broken(path) == [(1, '"1\n1","x"y', ["record: structure: text follows a closing quote"])]


def test_a_byte_order_mark_is_no_part_of_the_header(tmp_path: Path) -> None:
    assert texts(dropped(tmp_path, "f.csv", b"\xef\xbb\xbfa,b\n1,x\n")) == [[1, "1", "x"]]


def test_bytes_that_are_no_utf8_and_nul_are_rejected_and_shown(tmp_path: Path) -> None:
    path = dropped(
        tmp_path,
        "f.csv",
        f"{COUNTS}\n".encode() + b"caf\xe9,L,2024-01-01,1\nA\0,L,2024-01-01,1\nB\xc3\xa9,L,2024-01-01,1\n",
    )
    accepted, rejected = taken(path)
    assert [row[0] for row in accepted] == ["Bé"]
    assert rejected == [(1, [r"sku: encoding: caf\xe9"]), (2, [r"sku: encoding: A\x00"])]
    blocks = list(feeds.read(path, path.name, StockCount, "UTC"))
    assert blocks[0].rejected["raw"].to_list() == [r"caf\xe9,L,2024-01-01,1", "A\0,L,2024-01-01,1"]


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (COUNTS.encode("utf-16"), "UTF-16"),
        (COUNTS.encode("utf-16-le"), "UTF-16"),
        (gzip.compress(COUNTS.encode()), "gzip"),
        (b"PK\x03\x04rest", "zip"),
        (b"PAR1rest", "Parquet"),
        (b"sku,location_id,counted_on\n", "quantity"),
        (b"SKU,location_id,counted_on,quantity\n", "is it 'SKU'"),
        (b"sku,sku,location_id,counted_on,quantity\n", "sku twice"),
        (b"sku;location_id;counted_on;quantity\n", "';'"),
        (b'"sku,location_id\n', "header"),
    ],
)
def test_a_file_that_cannot_be_a_feeds_csv_is_held_with_a_sentence(tmp_path: Path, content: bytes, what: str) -> None:
    assert what in held(dropped(tmp_path, "f.csv", content))


def test_a_header_alone_is_a_file_without_records(tmp_path: Path) -> None:
    path = dropped(tmp_path, "f.csv", COUNTS)
    assert taken(path) == ([], [])


def test_extra_columns_are_named_and_loaded_nowhere(tmp_path: Path) -> None:
    path = dropped(tmp_path, "f.csv", f"record_number,{COUNTS},colour,\n9,A,L,2024-01-01,1,red,\n")
    (block,) = feeds.read(path, path.name, StockCount, "UTC")
    assert block.extra == ("record_number", "colour", "column 7")
    assert block.accepted.rows() == [("A", "L", date(2024, 1, 1), 1, 1)]


def test_a_truncated_or_foreign_gzip_is_held(tmp_path: Path) -> None:
    whole = gzip.compress("\n".join([COUNTS, *(f"A{i},L,2024-01-01,{i}" for i in range(5000))]).encode())
    assert len(taken(dropped(tmp_path, "f.csv.gz", whole))[0]) == 5000
    assert "end" in held(dropped(tmp_path, "f.csv.gz", whole[: len(whole) // 2]))
    assert "end" in held(dropped(tmp_path, "f.csv.gz", whole[:-1]))
    assert "gzip" in held(dropped(tmp_path, "f.csv.gz", COUNTS))


def test_a_gzip_bomb_is_held_while_it_is_unpacked(tmp_path: Path) -> None:
    pack = gzip.compress(bytes(1 << 20))
    path = dropped(tmp_path, "f.csv.gz", gzip.compress(f"{COUNTS}\n".encode()) + pack * 2000)
    assert "bomb" in held(path)


def test_another_ending_is_held(tmp_path: Path) -> None:
    assert ".ndjson" in held(dropped(tmp_path, "f.txt", COUNTS))


def test_a_line_without_end_is_one_broken_record(tmp_path: Path) -> None:
    with small_blocks():
        path = dropped(
            tmp_path, "f.csv", "a,b\n1,x\n2," + "y" * 5000 + "\n3,z\n" + '4,"' + "w\n" * 3000 + '"\n5,"v\n6,u\n'
        )
        assert texts(path) == [[1, "1", "x"], [3, "3", "z"]]
        assert [number for number, *_ in broken(path)] == [2, 4, 5]


# Any CSV at all


@contextmanager
def small_blocks(size: int = 64) -> Iterator[None]:
    """Blocks of a few bytes, so that records lie across them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feeds, "BLOCK", size)
        patch.setattr(feeds, "LONGEST_RECORD", size * 16)
        yield


@contextmanager
def record_by_record() -> Iterator[None]:
    """Nothing is read in bulk."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feeds._Csv, "_plain", lambda _, body: None)
        patch.setattr(feeds._Csv, "_sure", lambda _, body, starts: starts < 0)
        yield


CELL = st.text(st.sampled_from('a1 é\t"",,\n\r;\U0001f600'), max_size=8)


@FUZZ
@given(
    st.lists(st.lists(CELL, min_size=3, max_size=3), max_size=12), st.sampled_from(["\n", "\r\n", "\r"]), st.booleans()
)
def test_whatever_a_csv_writer_writes_is_read_back(
    tmp_path: Path, rows: list[list[str]], end: str, everything: bool
) -> None:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator=end, quoting=csv.QUOTE_ALL if everything else csv.QUOTE_MINIMAL)
    writer.writerows([["a", "b", "c"], *rows])
    path = dropped(tmp_path, "f.csv", out.getvalue())
    if not everything and end != "\r\n":
        return  # the writer leaves the other line end unquoted, where it ends a record
    expected = [[number, *(cell or None for cell in row)] for number, row in enumerate(rows, start=1)]
    assert texts(path) == expected
    assert broken(path) == []
    with small_blocks():
        assert texts(path) == expected


LINES = st.lists(st.text(st.sampled_from('ab,,,"\n\r\0é'), max_size=20), max_size=8)


@FUZZ
@given(LINES, st.sampled_from(["\n", "\r\n", "\r"]))
def test_the_quick_way_and_the_exact_way_read_the_same(tmp_path: Path, lines: list[str], end: str) -> None:
    path = dropped(tmp_path, "f.csv", end.join(["a,b,c", *lines]))
    quick = (texts(path), broken(path))
    with record_by_record():
        assert (texts(path), broken(path)) == quick
    with small_blocks(32):
        assert [(number, reasons) for number, _, reasons in broken(path)] == [(n, r) for n, _, r in quick[1]]
        assert texts(path) == quick[0]


@FUZZ
@given(st.binary(max_size=200), st.sampled_from([".csv", ".ndjson", ".csv.gz", ".parquet", ".xlsx"]), st.booleans())
def test_no_bytes_crash_the_reading_and_no_record_is_lost(tmp_path: Path, data: bytes, ending: str, led: bool) -> None:
    head = {".csv": b"sku,b\n", ".ndjson": b'{"sku":1}\n', ".parquet": b"PAR1", ".xlsx": b"PK\x03\x04"}.get(ending, b"")
    path = dropped(tmp_path, f"f{ending}", (head if led else b"") + data)
    try:
        blocks = list(feeds.records(path, path.name))
    except feeds.Held:
        return
    numbers = [number for block in blocks for number in (*block.texts["record_number"], *block.broken["record_number"])]
    assert sorted(numbers) == list(range(1, len(numbers) + 1))
    for block in blocks:
        assert len(block.raw(block.texts["record_number"].to_list())) == block.texts.height


@FUZZ
@given(LINES)
def test_the_raw_records_hold_every_character_but_line_ends(tmp_path: Path, lines: list[str]) -> None:
    body = "\n".join(lines)
    path = dropped(tmp_path, "f.csv", "a,b,c\n" + body)
    blocks = list(feeds.records(path, path.name))
    told: dict[int, str] = {number: raw for block in blocks for number, raw, _ in block.broken.rows()}
    for block in blocks:
        numbers = block.texts["record_number"].to_list()
        told |= dict(zip(numbers, block.raw(numbers), strict=True))
    assert without_ends("".join(told[number] for number in sorted(told))) == without_ends(body)


def without_ends(text: str) -> str:
    return text.replace("\r", "").replace("\n", "")


@FUZZ
@given(st.lists(st.tuples(st.text(max_size=8), st.text(max_size=8)), max_size=5))
def test_the_values_of_a_record_are_json_of_what_stands_there(tmp_path: Path, rows: list[tuple[str, str]]) -> None:
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows([("a", 'b "'), *rows])
    path = dropped(tmp_path, "f.csv", out.getvalue())
    told = [
        each for block in feeds.records(path, path.name) for each in block.values(list(block.texts["record_number"]))
    ]
    assert [json.loads(each) for each in told] == [{"a": a or None, 'b "': b or None} for a, b in rows]


# NDJSON


def test_json_numbers_keep_their_digits_and_empty_is_missing(tmp_path: Path) -> None:
    path = dropped(tmp_path, "f.ndjson", '{"a":1.50,"b":"x"}\r\n\n{"b":"","a":true,"c":12345678901234567890}\n')
    first = [[1, "1.50", "x", None], [2, "true", None, "12345678901234567890"]]
    assert texts(path) == first


def test_each_bad_json_line_is_one_broken_record(tmp_path: Path) -> None:
    lines = ['{"a":1}', "{", "[1]", '{"a":1,"a":2}', "5", "[" * 100_000, '{"a":2} x', '{"a":3}']
    path = dropped(tmp_path, "f.ndjson", "\n".join(lines))
    assert texts(path) == [[1, "1"], [8, "3"]]
    assert [number for number, *_ in broken(path)] == [2, 3, 4, 5, 6, 7]
    assert broken(path)[2][2] == ["record: structure: the key a stands there twice"]


def test_json_values_that_are_no_single_value_are_rejected(tmp_path: Path) -> None:
    good = {"sku": "A", "location_id": "L", "counted_on": "2024-01-01", "quantity": 1}
    bad: Sequence[dict[str, Any]] = [
        {"quantity": [1]},
        {"sku": {"x": 1}},
        {"quantity": float("nan")},
        {"sku": "\ud800"},
        {"more": [1]},
    ]
    path = dropped(tmp_path, "f.ndjson", "\n".join(json.dumps(good | each) for each in bad))
    accepted, rejected = taken(path)
    assert [row[-1] for row in accepted] == [5]
    assert rejected == [
        (1, ['quantity: structure: ["1"]']),
        (2, ['sku: structure: {"x": "1"}']),
        (3, ["quantity: format: NaN"]),
        (4, [r"sku: encoding: \xed"]),
    ]


def test_a_column_that_no_json_record_has_holds_the_file(tmp_path: Path) -> None:
    assert "counted_on" in held(dropped(tmp_path, "f.ndjson", '{"sku":"A","location_id":"L","quantity":1}\n'))


# Parquet


def test_typed_values_of_parquet_read_as_their_texts(tmp_path: Path) -> None:
    path = tmp_path / "f.parquet"
    columns = {
        "whole_float": pa.array([5.0, -0.0, 1e17], pa.float64()),
        "float": pa.array([19.99, 1e-7, float("nan")]),
        "single": pa.array([0.1, 1.5, float("inf")], pa.float32()),
        "decimal": pa.array([Decimal("1.5000"), Decimal("20.0000"), Decimal("-0.0001")]),
        "day": pa.array([date(2024, 1, 5), date(9999, 12, 31), None]),
        "plain": pa.array(
            [datetime.fromisoformat("2024-01-05"), datetime.fromisoformat("2024-01-05T01:02:03.000400"), None],
            pa.timestamp("us"),
        ),
        "zoned": pa.array([1_720_130_400_000] * 3, pa.timestamp("ms", "Europe/Berlin")),
        "clock": pa.array([time(8, 30), time(8, 30, 1), None]),
        "flag": pa.array([True, False, None]),
        "word": pa.array(["x", "", None]).dictionary_encode(),
        "record_number": pa.array([7, 8, 9]),
    }
    pq.write_table(pa.table(columns), path)
    assert texts(path) == [
        [
            1,
            "5",
            "19.99",
            "0.1",
            "1.5",
            "2024-01-05",
            "2024-01-05T00:00:00",
            "2024-07-04T22:00:00Z",
            "08:30:00",
            "true",
            "x",
        ],
        [
            2,
            "0",
            "0.0000001",
            "1.5",
            "20",
            "9999-12-31",
            "2024-01-05T01:02:03.000400",
            "2024-07-04T22:00:00Z",
            "08:30:01",
            "false",
            None,
        ],
        [3, "100000000000000000", "NaN", "inf", "-0.0001", None, None, "2024-07-04T22:00:00Z", None, None, None],
    ]


def test_parquet_beyond_the_calendar_nested_or_binary_is_rejected_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "f.parquet"
    columns = {
        "sku": pa.array([b"A", None, b"B"], pa.binary()),
        "location_id": pa.array([["L"], None, []]),
        "counted_on": pa.array([2**31 - 1, -(2**31), 0], pa.int32()).cast(pa.date32()),
        "quantity": pa.array([2**63 - 1, 1, 2], pa.int64()),
    }
    pq.write_table(pa.table(columns), path)
    accepted, rejected = taken(path)
    assert accepted == []
    assert rejected[0] == (
        1,
        [
            "sku: structure: b'A'",
            'location_id: structure: ["L"]',
            "counted_on: format: 2147483647",
            "quantity: range: 9223372036854775807",
        ],
    )
    assert [number for number, _ in rejected] == [1, 2, 3]


def test_parquet_days_and_whole_floats_fit_their_columns(tmp_path: Path) -> None:
    path = tmp_path / "f.parquet"
    columns = {
        "sku": ["A", "B"],
        "location_id": ["L", "L"],
        "counted_on": pa.array(
            [datetime.fromisoformat("2024-01-05"), datetime.fromisoformat("2024-01-05T01:00:00")], pa.timestamp("ns")
        ),
        "quantity": [3.0, 3.5],
    }
    pq.write_table(pa.table(columns), path)
    accepted, rejected = taken(path)
    assert accepted == [("A", "L", date(2024, 1, 5), 3, 1)]
    assert rejected == [(2, ["counted_on: format: 2024-01-05T01:00:00", "quantity: format: 3.5"])]


def test_a_damaged_parquet_is_held(tmp_path: Path) -> None:
    path = tmp_path / "f.parquet"
    pq.write_table(pa.table({"sku": [f"A{i}" for i in range(1000)]}), path)
    whole = path.read_bytes()
    assert "end" in held(dropped(tmp_path, "f.parquet", whole[:-200]))
    assert held(dropped(tmp_path, "f.parquet", whole[:20] + b"\xff" * 300 + whole[320:]))
    assert "empty" in held(dropped(tmp_path, "f.parquet", b""))


# XLSX


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


# Rejections, the landing folder, the contract


def test_a_rejected_row_keeps_its_line_and_its_values_by_column(tmp_path: Path) -> None:
    path = dropped(
        tmp_path, "f.csv", f'note,{COUNTS}\nx,A,L,2024-01-01,1\n,A,L,2024-01-01,1_000\n"y",B,,2024-01-01,2\n'
    )
    (block,) = feeds.read(path, path.name, StockCount, "UTC")
    assert block.rejected.rows() == [
        (
            2,
            ",A,L,2024-01-01,1_000",
            ["quantity: format: 1_000"],
            '{"note":null,"sku":"A","location_id":"L","counted_on":"2024-01-01","quantity":"1_000"}',
        ),
        (
            3,
            '"y",B,,2024-01-01,2',
            ["location_id: missing: empty"],
            '{"note":"y","sku":"B","location_id":null,"counted_on":"2024-01-01","quantity":"2"}',
        ),
    ]


def test_the_same_rows_come_out_of_every_format(tmp_path: Path) -> None:
    rows = [
        {"event_id": f"E{i}", "order_id": "O", "event": "shipped", "occurred_at": "2024-07-01T10:00", "quantity": i}
        for i in (1, 2, 3)
    ]
    header = list(rows[0])
    dropped(tmp_path, "f.csv", "\n".join([",".join(header), *(",".join(map(str, row.values())) for row in rows)]))
    dropped(tmp_path, "f.csv.gz", gzip.compress((tmp_path / "f.csv").read_bytes()))
    dropped(tmp_path, "f.ndjson", "\n".join(map(json.dumps, rows)))
    pl.DataFrame(rows).write_parquet(tmp_path / "f.parquet")
    pl.DataFrame(rows).write_excel(tmp_path / "f.xlsx")
    found = [taken(tmp_path / f"f{ending}", OrderEvent) for ending in feeds.FORMATS]
    assert found[0][0][0][4] == datetime(2024, 7, 1, 8, tzinfo=UTC)
    assert all(each == found[0] for each in found)


def test_a_clock_time_of_a_typed_format_fits(tmp_path: Path) -> None:
    path = tmp_path / "f.parquet"
    pq.write_table(pa.table({"location_id": ["L"], "name": ["L"], "cutoff_time": pa.array([time(14, 0)])}), path)
    (block,) = feeds.read(path, path.name, Location, "UTC")
    assert block.accepted["cutoff_time"].to_list() == ["14:00"]


def test_unfinished_names_are_left_alone(tmp_path: Path) -> None:
    for name in (".hidden.csv", "a.csv.tmp", "b.csv.part", "c.crdownload", "e.csv", "d.csv"):
        dropped(tmp_path, name, "x")
    (tmp_path / "folder").mkdir()
    found = feeds.candidates(tmp_path)
    assert [path.name for path in found] == ["d.csv", "e.csv"]
    assert feeds.look([*found, tmp_path / "gone"]) == {path: (1, path.stat().st_mtime_ns) for path in found}
    assert feeds.candidates(tmp_path / "nowhere") == []


def test_the_template_is_the_header_and_the_contract_has_a_line_per_column() -> None:
    assert feeds.template(StockCount) == COUNTS
    assert feeds.contract(StockCount)[3] == ("quantity", "qty >= 0", "*", "How many there were.")
    assert [line[0] for line in feeds.contract(Customer)][:2] == ["customer_id", "name"]
    assert feeds.contract(DeliveredOrderLine)[0][2] == "*"
