"""The least a night can cost: the same files into one DuckDB file, folded and added up in bare SQL, nothing checked."""

import sys
from pathlib import Path

import duckdb

READ = """CREATE TABLE {feed} AS SELECT * FROM read_csv('{folder}/{feed}/*.csv', all_varchar = true, header = true,
          delim = ',', quote = '"', escape = '"', union_by_name = true)"""
TYPED = {
    "lines": """CREATE TABLE lines AS SELECT order_id, try_cast(line_no AS BIGINT) AS line_no, sku,
        try_cast(quantity AS BIGINT) AS quantity, try_cast(unit_price AS DECIMAL(18, 4)) AS unit_price,
        coalesce(try_cast(discount_amount AS DECIMAL(18, 4)), 0) AS discount_amount FROM order_lines""",
    "events": """CREATE TABLE events AS SELECT event_id, order_id, try_cast(line_no AS BIGINT) AS line_no, event,
        try_cast(occurred_at AS TIMESTAMPTZ) AS occurred_at, try_cast(quantity AS BIGINT) AS quantity FROM order_events""",
}
FOLD = """CREATE TABLE line_numbers AS
    SELECT l.order_id, l.line_no, l.quantity,
           least(sum(CASE event WHEN 'shipped' THEN coalesce(e.quantity, l.quantity) END), l.quantity) AS shipped,
           least(sum(CASE event WHEN 'delivered' THEN coalesce(e.quantity, l.quantity) END), l.quantity) AS delivered,
           least(sum(CASE event WHEN 'returned' THEN coalesce(e.quantity, l.quantity) END), l.quantity) AS returned,
           least(sum(CASE event WHEN 'cancelled' THEN coalesce(e.quantity, l.quantity) END), l.quantity) AS cancelled
    FROM lines l LEFT JOIN events e ON e.order_id = l.order_id AND (e.line_no IS NULL OR e.line_no = l.line_no)
    GROUP BY l.order_id, l.line_no, l.quantity"""
STATUS = """CREATE TABLE statuses AS
    SELECT order_id, arg_max(event, occurred_at) AS last_event, min(occurred_at) AS first_at FROM events GROUP BY ALL"""
DAILY = """CREATE TABLE daily AS
    SELECT CAST(try_cast(o.ordered_at AS TIMESTAMPTZ) AS DATE) AS day, o.channel, count(DISTINCT o.order_id) AS orders,
           sum(n.quantity) AS units, sum(l.quantity * l.unit_price) AS gross_amount,
           sum((n.cancelled + n.returned) * l.unit_price) AS undone_amount
    FROM orders o JOIN lines l USING (order_id) JOIN line_numbers n USING (order_id, line_no) GROUP BY ALL"""


def main(landing: Path, file: Path) -> None:
    """Read, fold, add up, checkpoint."""
    file.unlink(missing_ok=True)
    with duckdb.connect(file) as found:
        for feed in ("products", "customers", "orders", "order_lines", "order_events"):
            found.execute(READ.format(feed=feed, folder=landing))
        for statement in (*TYPED.values(), FOLD, STATUS, DAILY):
            found.execute(statement)
        found.execute("CHECKPOINT")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
