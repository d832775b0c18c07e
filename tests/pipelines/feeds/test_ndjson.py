"""NDJSON: an object per line, whose numbers keep their digits."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from models.tables.feeds import StockCount
from pipelines import feeds
from tests.delivered import COUNTS, broken, dropped, held, taken, texts


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


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ('[{"sku":"A"},\n{"sku":"B"}]', "one JSON document"),
        ('[\n{"sku":"A"},\n{"sku":"B"}\n]', "one JSON document"),
        ('{\n "sku": "A"\n}', "one JSON document"),
        (f"{COUNTS}\nA,L,2024-01-01,1\n", "holds no JSON object"),
        ("<html>", "holds no JSON object"),
    ],
)
def test_a_file_without_an_object_per_line_is_held(tmp_path: Path, content: str, what: str) -> None:
    assert what in held(dropped(tmp_path, "f.ndjson", content))


def test_a_single_object_that_is_cut_off_is_a_broken_record(tmp_path: Path) -> None:
    assert [number for number, *_ in broken(dropped(tmp_path, "f.ndjson", '{"sku":"A","locat'))] == [1]


def test_a_key_without_a_name_is_an_extra_column(tmp_path: Path) -> None:
    good = '{"":1,"column_0":2,"sku":"A","location_id":"L","counted_on":"2024-01-01","quantity":1}'
    path = dropped(tmp_path, "f.ndjson", good)
    (block,) = feeds.read(path, path.name, StockCount, "UTC")
    assert (block.accepted.height, block.extra) == (1, ("no name", "column_0"))


def test_a_byte_order_mark_and_blank_lines_are_no_records(tmp_path: Path) -> None:
    assert texts(dropped(tmp_path, "f.ndjson", '\ufeff{"a":1}\n\n \t\r\n{"a":2}\n')) == [[1, "1"], [2, "2"]]


@pytest.mark.parametrize(("number", "code"), [(str(2**70), "range"), ("1e2", "format"), ("1.0", "format")])
def test_a_json_number_is_read_as_it_is_written(tmp_path: Path, number: str, code: str) -> None:
    line = f'{{"sku":"A","location_id":"L","counted_on":"2024-01-01","quantity":{number}}}'
    assert taken(dropped(tmp_path, "f.ndjson", line))[1] == [(1, [f"quantity: {code}: {number}"])]
