"""A delivered file gives the same rows whatever its format, and says of every other record what is wrong."""

import gzip
import json
from datetime import UTC, datetime, time
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from models.tables.feeds import Customer, DeliveredOrderLine, Location, OrderEvent, StockCount
from pipelines import feeds
from tests.delivered import COUNTS, dropped, taken


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
