"""Reorder at scale: from stored demand and stock to stored proposals, against the least SQL that names a reorder point.

`python -m bench.reorder fill FOLDER SKUS SHARE` writes a shop whose SKUs each have demand on about SHARE of 365 days;
`baseline FOLDER` and `night FOLDER` are then measured in processes of their own.
"""

import sys
import time
from datetime import date, timedelta
from pathlib import Path

from pipelines.stages import Night
from pipelines.stages.demand import measured
from pipelines.stages.reorder import proposed
from pipelines.warehouse import Warehouse
from pipelines.workspace import Workspace

AS_OF = date(2026, 9, 30)
FIRST = AS_OF - timedelta(days=364)
MEMORY = "1GB"
BASELINE = """
    CREATE OR REPLACE TABLE reorder_points AS
    SELECT sku, location_id, mean, sd, mean * 7 + 1.65 * sd * sqrt(7) AS reorder_point, on_hand,
           greatest(0, ceil(mean * 14 + 1.65 * sd * sqrt(7) - on_hand)) AS quantity
    FROM (SELECT sku, location_id, sum(quantity) / 365 AS mean,
                 sqrt((sum(quantity * quantity) - sum(quantity) * sum(quantity) / 365) / 364) AS sd
          FROM marts.demand_daily GROUP BY ALL)
    JOIN core.stock_positions USING (sku, location_id)
"""


def fill(folder: Path, skus: int, share: float) -> None:
    """Write products, suppliers, a year of demand, and tonight's stock, straight into the tables."""
    with Warehouse(folder / "warehouse", memory=MEMORY) as warehouse:
        run = warehouse.run
        run(
            """INSERT INTO core.feed_files BY NAME SELECT 'f1' AS file_id, 'products' AS feed, 'f.csv' AS name,
               'loaded' AS status, 0 AS rows_in, 0 AS accepted, 0 AS rejected, 0 AS duplicates,
               CAST(? AS DATE) AS as_of, 1 AS file_sequence""",
            [AS_OF],
        )
        run(
            """INSERT INTO feeds.suppliers BY NAME SELECT 's' || i AS supplier_id, 'Supplier ' || i AS name,
               5 + i % 20 AS lead_time_days, 'f1' AS file_id, i AS record_number, 1 AS file_sequence FROM range(200) t(i)"""
        )
        run(
            f"""INSERT INTO feeds.products BY NAME SELECT 'A' || lpad(i::VARCHAR, 8, '0') AS sku, 'Article ' || i AS name,
               'c' || i % 40 AS category, 2 + i % 90 AS unit_price, 1 + i % 45 AS unit_cost, 's' || i % 200 AS supplier_id,
               1 + i % 12 AS pack_size, 'f1' AS file_id, i AS record_number, 1 AS file_sequence FROM range({skus}) t(i)"""
        )
        run(
            f"""INSERT INTO marts.demand_daily SELECT DATE '{FIRST}' + d::INT, 'A' || lpad(i::VARCHAR, 8, '0'), 'W',
               1 + (hash(i, d, 1) % (1 + i % 9))::BIGINT, false
               FROM range({skus}) s(i), range(365) t(d) WHERE hash(i, d) % 10000 < {share} * 10000 * (0.2 + 1.6 * (i % 97) / 97)"""
        )
        run(
            f"""INSERT INTO core.stock_positions BY NAME SELECT DATE '{AS_OF}' AS as_of, 'A' || lpad(i::VARCHAR, 8, '0') AS sku,
               'W' AS location_id, (hash(i) % 60)::BIGINT AS on_hand, 0 AS allocated, on_hand AS available, 0 AS inbound
               FROM range({skus}) t(i)"""
        )
        run(
            "INSERT INTO core.stock_ledger BY NAME SELECT sku, location_id, DATE '2025-01-01' AS moved_on, 'receipt' AS kind,"
            " on_hand + 1 AS quantity, 'm' || sku AS movement_id, false AS is_derived FROM core.stock_positions"
        )
        run(
            "INSERT INTO core.stock_history BY NAME SELECT sku, location_id, DATE '2025-01-01' AS day, on_hand FROM core.stock_positions"
        )
        run("CHECKPOINT")
        rows = warehouse.value("SELECT count(*) FROM marts.demand_daily")
        print(f"{skus:,} SKUs, {rows:,} rows of demand")


def baseline(folder: Path) -> None:
    """Only mean, standard deviation and reorder point, in SQL."""
    with Warehouse(folder / "warehouse", memory=MEMORY) as warehouse:
        warehouse.run(BASELINE)
        warehouse.run("CHECKPOINT")
        print(warehouse.value("SELECT count(*) FROM reorder_points WHERE quantity > 0"), "to order")
        warehouse.run("DROP TABLE reorder_points")


def night(folder: Path) -> None:
    """What the night does: measure demand, plan every SKU, propose, and store it all."""
    with Warehouse(folder / "warehouse", memory=MEMORY) as warehouse:
        tonight = Night(warehouse, Workspace(folder), AS_OF)
        for name, work in (("demand", measured), ("reorder", proposed)):
            started = time.perf_counter()
            with warehouse.transaction():
                rows = work(tonight)
            print(f"stage {name} {AS_OF} rows={rows} seconds={time.perf_counter() - started:.2f}")
        print(warehouse.value("SELECT count(*) FROM marts.reorder_proposals"), "proposals")


if __name__ == "__main__":
    what, root = sys.argv[1], Path(sys.argv[2])
    if what == "fill":
        fill(root, int(sys.argv[3]), float(sys.argv[4]))
    else:
        {"baseline": baseline, "night": night}[what](root)
