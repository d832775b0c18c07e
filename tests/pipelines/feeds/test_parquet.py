"""Parquet: typed values read as the texts they have in a CSV file."""

from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from models.tables.feeds import Location, StockCount
from pipelines import feeds
from tests.delivered import dropped, held, taken, texts


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


@pytest.mark.parametrize(
    "skus",
    [
        pa.array(["A"], pa.large_string()),
        pa.array(["A"], pa.string_view()),
        pa.array(["A"]).dictionary_encode(),
    ],
)
def test_text_is_text_however_it_is_laid_out(tmp_path: Path, skus: pa.Array) -> None:
    path = tmp_path / "f.parquet"
    pq.write_table(pa.table({"sku": skus}), path)
    assert texts(path) == [[1, "A"]]


def test_a_uuid_and_a_json_document_are_texts(tmp_path: Path) -> None:
    path = tmp_path / "f.parquet"
    id_ = UUID(int=5)
    columns = {
        "id": pa.array([id_.bytes, None], pa.uuid()),
        "told": pa.ExtensionArray.from_storage(pa.json_(), pa.array(['{"a":1}', None])),
    }
    pq.write_table(pa.table(columns), path)
    assert texts(path) == [[1, str(id_), '{"a":1}'], [2, None, None]]


@pytest.mark.parametrize("unit", ["us", "ns"])
def test_a_time_beyond_the_day_is_rejected_not_lost(tmp_path: Path, unit: str) -> None:
    path = tmp_path / "f.parquet"
    day = 86_400 * 10 ** {"us": 6, "ns": 9}[unit]
    clocks = pa.array([day - 60 * day // 86_400, day], pa.int64()).cast(pa.time64(unit))
    pq.write_table(pa.table({"location_id": ["L", "M"], "name": ["L", "M"], "cutoff_time": clocks}), path)
    accepted, rejected = taken(path, Location)
    assert "23:59" in accepted[0]
    assert rejected == [(2, [f"cutoff_time: format: {day}"])]


def test_whole_numbers_of_every_width_are_read(tmp_path: Path) -> None:
    path = tmp_path / "f.parquet"
    columns = {
        "tiny": pa.array([-7], pa.int8()),
        "huge": pa.array([2**64 - 1], pa.uint64()),
        "half": pa.array([7.0], pa.float16()),
        "decimal": pa.array([Decimal(10) ** 60], pa.decimal256(70, 0)),
        "scaled": pa.array([Decimal("7.00")], pa.decimal256(70, 2)),
        "none": pa.nulls(1),
    }
    pq.write_table(pa.table(columns), path)
    assert texts(path) == [[1, "-7", str(2**64 - 1), "7", "1" + "0" * 60, "7", None]]


def test_a_rejected_value_that_is_no_single_value_is_shown_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "f.parquet"
    columns = {"sku": [["A"]], "location_id": ["L"], "counted_on": [date(2024, 1, 5)], "quantity": [1]}
    pq.write_table(pa.table(columns), path)
    (block,) = feeds.read(path, path.name, StockCount, "UTC")
    assert block.rejected["raw"].to_list() == [
        r'{"sku":"[\"A\"]","location_id":"L","counted_on":"2024-01-05","quantity":"1"}'
    ]


@pytest.mark.parametrize(
    ("table", "what"),
    [
        (pa.Table.from_arrays([pa.array(["A"]), pa.array(["B"])], ["sku", "sku"]), "sku twice"),
        (pa.table({}), "required columns"),
        (pa.table({"sku": ["A"]}), "location_id"),
    ],
)
def test_a_table_that_cannot_be_the_feed_is_held(tmp_path: Path, table: pa.Table, what: str) -> None:
    path = tmp_path / "f.parquet"
    pq.write_table(table, path)
    assert what in held(path)
