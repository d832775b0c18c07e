"""CSV is read to the last byte: no record is lost, and no value changes on the way."""

import csv
import gzip
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.tables.feeds import StockCount
from pipelines import feeds
from pipelines.feeds import delimited, limits
from tests.delivered import COUNTS, FUZZ, broken, dropped, held, taken, texts


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
        (gzip.compress(COUNTS.encode(), mtime=0), "gzip"),
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
    pack = gzip.compress(bytes(1 << 20), mtime=0)
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
        patch.setattr(limits, "BLOCK", size)
        patch.setattr(limits, "LONGEST_RECORD", size * 16)
        yield


@contextmanager
def record_by_record() -> Iterator[None]:
    """Nothing is read in bulk."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited.Delimited, "plain", lambda _, body: None)
        patch.setattr(delimited.Delimited, "sure", lambda _, body, starts: starts < 0)
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


LINES = st.lists(st.text(st.sampled_from('ab,,,"\n\r\0é\ufeff'), max_size=20), max_size=8)


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


# What partners send


def test_a_byte_order_mark_before_a_value_belongs_to_the_value(tmp_path: Path) -> None:
    path = dropped(tmp_path, "f.csv", f"{COUNTS}\n\ufeffA,L,2024-01-01,1\nB,L,2024-01-01,1\n")
    accepted, rejected = taken(path)
    assert [row[0] for row in accepted] == ["B"]
    assert rejected == [(1, [r"sku: format: \ufeffA"])]


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ('"sku";"location_id";"counted_on";"quantity"\n', "separated by ';'"),
        ('"sku"\t"location_id"\n', r"separated by '\t'"),
        ("sku;location_id;counted_on;quantity, in units\n", "separated by ';'"),
        ("sku|location_id|counted_on|quantity\n", "separated by '|'"),
        (f"sep=,\n{COUNTS}\n", "the first line, sep=, is no header row"),
        (f"\ufeffsep=;\r\n{COUNTS.replace(',', ';')}\n", "the first line, sep=, is no header row"),
        (COUNTS.replace(",", " , "), "sku (is it 'sku '?), location_id (is it ' location_id '?)"),
        (f"\ufeff\ufeff{COUNTS}\n", r"sku (is it '\ufeffsku'?)"),
        ('"sku"x,location_id\n', "text follows a closing quote"),
        ('"sku\nA,L\n', "a quote is opened and never closed"),
        ("sku,sku," + "x" * 200 + "," + "x" * 200, f"sku, {'x' * 80}… twice"),
    ],
)
def test_a_header_in_another_shape_is_held_and_says_which(tmp_path: Path, content: str, what: str) -> None:
    assert what in held(dropped(tmp_path, "f.csv", content))


def test_one_or_several_missing_columns_are_told_as_such(tmp_path: Path) -> None:
    one, several = "sku,location_id,counted_on", "sku,location_id"
    assert held(dropped(tmp_path, "f.csv", one)) == (
        "The required column quantity is missing; deliver the file with it."
    )
    assert held(dropped(tmp_path, "f.csv", several)) == (
        "The required columns counted_on, quantity are missing; deliver the file with them."
    )


def test_columns_loaded_nowhere_are_told_briefly_and_visibly(tmp_path: Path) -> None:
    odd = ["x" * 3000, "no\0te", "caf\u200be", *(f"c{place}" for place in range(30))]
    path = dropped(tmp_path, "f.csv", ",".join([COUNTS, *odd]) + "\n")
    (block,) = feeds.read(path, path.name, StockCount, "UTC")
    assert block.extra[:4] == ("x" * 80 + "…", r"no\x00te", r"caf\u200be", "c0")
    assert block.extra[19:] == ("c16", "13 more")


def test_a_file_of_a_column_called_record_number_keeps_its_records(tmp_path: Path) -> None:
    assert texts(dropped(tmp_path, "f.csv", "record_number\n7\n7\n")) == [[1], [2]]


@pytest.mark.parametrize("id_", ["A" * 64, "a  b", "\U0001f600", "אבג", "-", "NULL", "=1+1", 'a"b'])
def test_an_id_of_printable_characters_is_taken_as_it_is(tmp_path: Path, id_: str) -> None:
    accepted, rejected = taken(dropped(tmp_path, "f.csv", f"{COUNTS}\n{id_},L,2024-01-01,1\n"))
    assert ([row[0] for row in accepted], rejected) == ([id_], [])


@pytest.mark.parametrize(
    ("id_", "reason"),
    [
        ("A" * 65, f"too_long: {'A' * 65}"),
        ("a\u200bb", r"format: a\u200bb"),
        ("\u202eabc", r"format: \u202eabc"),
        ("a\u00a0", r"format: a\xa0"),
        ("a\u3000b", r"format: a\u3000b"),
        (" a", "format:  a"),
        ("a\tb", r"format: a\tb"),
        ("a\u2028b", r"format: a\u2028b"),
        ("\x0ca", r"encoding: \x0ca"),
    ],
)
def test_an_id_with_what_cannot_be_seen_is_rejected_and_shown(tmp_path: Path, id_: str, reason: str) -> None:
    _, rejected = taken(dropped(tmp_path, "f.csv", f"{COUNTS}\n{id_},L,2024-01-01,1\n"))
    assert rejected == [(1, [f"sku: {reason}"])]
