"""A night of odd files: each is loaded, held with a sentence, or rejected row by row, and the night is whole."""

from pathlib import Path

from pipelines.nightly import nightly
from tests.delivered import COUNTS
from tests.shops import day, query, small_shop

IDS = (
    "A" * 64,
    "\U0001f600",
    "אבג",
    "a  b",
    "=1+1",
    "../../etc",
    "..",
    "<b>x</b>",
    "'; DROP TABLE x;--",
    "NULL",
    "e\u0301",
)
FILES = {
    "bom.csv": f"{COUNTS}\n\ufeffA,L,2026-01-02,1\n",
    "cut.ndjson": '{"sku":"A","location_id":"L","counted_on":"2026-01-02","quantity":3,"":1}\n{"sku":"\\ud800"',
    "document.ndjson": '[{"sku":"A"}]',
    "empty.csv": "",
    "header.csv": "sku,sku",
    "nothing.ndjson": "\n",
    "nul\t;\U0001f600.csv": f"{COUNTS},n\0x\nB,L\0,2026-01-02,1,\0\n",
    "other.csv": f"sep=;\n{COUNTS.replace(',', ';')}\n",
    "wrong.ndjson": f"{COUNTS}\nA,L,2026-01-02,1\n",
    "wrong.xlsx": f"{COUNTS}\nA,L,2026-01-02,2\n",
}


def test_a_night_takes_odd_ids_through_all_stages_and_odd_files_stop_nothing(tmp_path: Path) -> None:
    shop = small_shop(tmp_path)
    tables = {
        "products": ("sku,name,unit_price", "{0},{0},1.5"),
        "customers": ("customer_id,name,country", "{0},{0},GB"),
        "orders": ("order_id,channel,customer_id,ordered_at,currency", "{0},online,{0},2026-01-02T10:00:00Z,GBP"),
        "order_lines": ("order_id,line_no,sku,quantity,unit_price", "{0},1,{0},1,1.5"),
        "order_events": ("event_id,order_id,event,occurred_at", "{0},{0},shipped,2026-01-02T12:00:00Z"),
        "stock_counts": (COUNTS, "{0},{0},2026-01-02,1000000000"),
    }
    for feed, (header, row) in tables.items():
        (shop.landing / feed).mkdir(exist_ok=True)
        lines = [header, *(row.format(id_) for id_ in IDS)]
        (shop.landing / feed / "odd.csv").write_text("\n".join(lines), encoding="utf-8")
    for name, content in FILES.items():
        (shop.landing / "stock_counts" / name).write_bytes(content.encode())
    assert nightly(shop, day("2026-01-03")).broken_proofs == []
    files = query(
        shop, "SELECT name, status, accepted, rejected FROM feed_files WHERE feed = 'stock_counts' ORDER BY name"
    )
    assert files == [
        ("bom.csv", "loaded", 0, 1),
        ("cut.ndjson", "loaded", 1, 1),
        ("document.ndjson", "held", 0, 0),
        ("empty.csv", "held", 0, 0),
        ("header.csv", "held", 0, 0),
        ("nothing.ndjson", "loaded", 0, 0),
        ("nul\t;\U0001f600.csv", "loaded", 0, 1),
        ("odd.csv", "loaded", len(IDS), 0),
        ("other.csv", "held", 0, 0),
        ("wrong.ndjson", "held", 0, 0),
        ("wrong.xlsx", "held", 0, 0),
    ]
    assert query(shop, "SELECT count(*) FROM feed_files WHERE rows_in <> accepted + rejected + duplicates") == [(0,)]
    assert query(shop, "SELECT count(*) FROM feed_files WHERE status = 'held' AND reason NOT LIKE '%; %.'") == [(0,)]
    known = query(shop, "SELECT order_id FROM orders WHERE order_id NOT LIKE 'o_' ORDER BY order_id")
    assert {row[0] for row in known} == set(IDS)
