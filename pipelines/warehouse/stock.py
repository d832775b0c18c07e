"""What the night reads about goods: which SKUs something happened to, and their rows as of the end of its day."""

from datetime import date

import polars as pl

from models.tables import FEEDS
from models.tables.base import polars_schema
from models.tables.feeds import Product, StockCount, StockMovement
from models.tables.stock import StockLedger
from pipelines.warehouse import nights
from pipelines.warehouse.nights import Since
from pipelines.warehouse.store import Warehouse
from pipelines.warehouse.versions import current

ALWAYS = "DATE '1970-01-01'"
"""The first business date that any contract lets in."""
NOWHERE = "main"
"""The location of a shop that names none."""
UNDONE = "subject = 'movement' AND action = 'void'"


def location_names(warehouse: Warehouse) -> list[str]:
    """Every location ever delivered."""
    return warehouse.frame("SELECT DISTINCT location_id FROM feeds.locations ORDER BY ALL")["location_id"].to_list()


def first_location(warehouse: Warehouse) -> str:
    """The location that serves first; without a list of locations the one of most movements and counts."""
    listed = warehouse.value(
        """SELECT location_id FROM (
               FROM feeds.locations QUALIFY row_number() OVER (
                   PARTITION BY location_id ORDER BY updated_at DESC NULLS LAST, file_sequence DESC, record_number DESC) = 1)
           WHERE coalesce(is_shippable, true) ORDER BY priority NULLS LAST, location_id LIMIT 1"""
    )
    busiest = """SELECT location_id FROM (SELECT location_id FROM feeds.stock_movements UNION ALL
                 SELECT location_id FROM feeds.stock_counts) GROUP BY ALL ORDER BY count(*) DESC, location_id LIMIT 1"""
    return str(listed or warehouse.value(busiest) or NOWHERE)


def find_touched(
    warehouse: Warehouse, as_of: date, since: Since, *, everything: bool, from_events: bool, bucket_size: int
) -> range:
    """Find the SKUs whose stock tonight may change, and from which day on; returns the buckets they are in.

    Those with movements, counts, costs or exchange rates that came, took effect, were voided or retracted since the night
    before; all of them where `everything` is asked for, or where files were retracted or locations are new. Left is the
    temporary table `touched_stock` (sku, from_day, bucket); they stay noted until `demand` has seen them.
    """
    before, tonight = nights.day_of(since.before), nights.day_of(as_of)
    fresh = f"""(file_sequence > {since.seen} OR arrives_on > {before} AND arrives_on <= {tonight})"""
    fresh_version = f"{fresh[:-1]} OR revised_on > {before} AND revised_on <= {tonight})"
    whole = (
        everything
        or since.before is None
        or warehouse.value("SELECT count(*) FROM changed_files")
        or warehouse.value(
            f"""SELECT count(*) FROM feeds.locations WHERE {fresh_version} AND location_id NOT IN (
                SELECT location_id FROM feeds.locations WHERE NOT {fresh_version})"""
        )
    )
    firsts = """SELECT sku, arrives_on AS day FROM feeds.stock_movements UNION ALL SELECT sku, counted_on FROM feeds.stock_counts
                UNION ALL SELECT sku, moved_on FROM core.stock_ledger"""
    shipped = """SELECT sku, CAST(min(occurred_at) AS DATE) - 1 AS day FROM core.order_timeline
                  SEMI JOIN touched USING (order_id) JOIN core.order_lines USING (order_id) GROUP BY sku
                  UNION ALL SELECT sku, moved_on FROM core.stock_ledger
                  WHERE is_derived AND reference IN (SELECT order_id FROM touched)"""
    firsts = f"{firsts} UNION ALL {shipped}" if from_events else firsts
    found = f"SELECT sku, {ALWAYS} AS from_day FROM ({firsts})"
    if not whole:
        found = f"""
            SELECT sku, arrives_on AS from_day FROM feeds.stock_movements WHERE {fresh}
            UNION ALL SELECT sku, counted_on FROM feeds.stock_counts WHERE {fresh}
            UNION ALL SELECT sku, arrives_on FROM feeds.stock_movements WHERE movement_id IN (
                SELECT subject_id FROM feeds.decisions WHERE {UNDONE} AND {fresh_version})
            UNION ALL SELECT sku, CASE WHEN bool_or(NOT {fresh_version})
                                       THEN min(coalesce(revised_on, {tonight})) FILTER ({fresh_version}) ELSE {ALWAYS} END
                FROM feeds.products WHERE sku IN (SELECT sku FROM feeds.products WHERE {fresh_version}) GROUP BY ALL
            UNION ALL SELECT sku, quoted_on FROM core.stock_history h JOIN feeds.exchange_rates r
                ON h.currency = r.currency AND h.day >= r.quoted_on WHERE {fresh}
            {f"UNION ALL {shipped}" if from_events else ""}"""
    warehouse.run(
        f"""CREATE OR REPLACE TEMP TABLE touched_stock AS
            SELECT sku, greatest(from_day, first_day) AS from_day, (row_number() OVER (ORDER BY sku) - 1) // {bucket_size} AS bucket
            FROM (SELECT sku, min(from_day) AS from_day FROM ({found}) GROUP BY sku)
            JOIN (SELECT sku, min(day) AS first_day FROM ({firsts}) GROUP BY sku) USING (sku)"""
    )
    warehouse.run("INSERT INTO core.changed_stock SELECT sku, from_day FROM touched_stock")
    return range(int(warehouse.value("SELECT coalesce(max(bucket) + 1, 0) FROM touched_stock")))


def days_revalued(since: Since) -> str:
    """A query of the days from which on exchange rates that came since hold for stock, be it ever so steady."""
    return f"""SELECT quoted_on FROM feeds.exchange_rates
               WHERE {since.came} AND currency IN (SELECT currency FROM core.stock_history)"""


def within(bucket: int) -> str:
    """The condition that narrows rows with a SKU to one bucket of touched SKUs."""
    return f"WHERE sku IN (SELECT sku FROM touched_stock WHERE bucket = {bucket})"


def movements(warehouse: Warehouse, as_of: date, bucket: int) -> pl.DataFrame:
    """The movements in force of a bucket; those that a person declared void are left out."""
    return warehouse.frame(
        f"""SELECT * FROM ({current("stock_movements", as_of, within=within(bucket))})
            WHERE movement_id NOT IN ({nights.voided("movement")})"""
    ).cast(polars_schema(StockMovement))


def counts(warehouse: Warehouse, as_of: date, bucket: int) -> pl.DataFrame:
    """The counts in force of a bucket."""
    return warehouse.frame(current("stock_counts", as_of, within=within(bucket))).cast(polars_schema(StockCount))


def shipped(warehouse: Warehouse, bucket: int, default_location: str) -> pl.DataFrame:
    """What orders say was shipped of a bucket, event by event.

    What was delivered without having been shipped first was shipped then.

    Returns:
        order_id, line_no, sku, location_id, occurred_at, quantity.
    """
    return warehouse.frame(
        f"""
        WITH lines AS (SELECT order_id, line_no, sku, shipped FROM core.order_lines {within(bucket)} AND shipped > 0),
        told AS (
            SELECT e.order_id, e.line_no, e.event, e.occurred_at, e.quantity,
                   coalesce(t.location_id, o.location_id, ?) AS location_id
            FROM core.line_effects e JOIN core.order_timeline t USING (event_id)
            JOIN core.orders o ON o.order_id = e.order_id
            SEMI JOIN lines l ON l.order_id = e.order_id AND l.line_no = e.line_no
            WHERE e.event IN ('shipped', 'delivered')
        ),
        implied AS (
            SELECT order_id, line_no, shipped - coalesce(units, 0) AS quantity FROM lines
            LEFT JOIN (SELECT order_id, line_no, sum(quantity) AS units FROM told WHERE event = 'shipped' GROUP BY ALL)
            USING (order_id, line_no)
        )
        SELECT order_id, line_no, sku, location_id, occurred_at, CAST(quantity AS BIGINT) AS quantity
        FROM (
            SELECT order_id, line_no, location_id, occurred_at, quantity FROM told WHERE event = 'shipped'
            UNION ALL
            SELECT i.order_id, i.line_no, d.location_id, d.occurred_at, i.quantity FROM implied i
            JOIN (SELECT * FROM told WHERE event = 'delivered'
                  QUALIFY row_number() OVER (PARTITION BY order_id, line_no ORDER BY occurred_at, location_id) = 1) d
            USING (order_id, line_no) WHERE i.quantity > 0
        ) JOIN lines USING (order_id, line_no) ORDER BY ALL
        """,
        [default_location],
    )


def product_versions(warehouse: Warehouse, as_of: date, where: str = "") -> pl.DataFrame:
    """Every version of the products in force up to a day, in the order in which they supersede each other.

    Returns:
        sku, unit_cost, currency, tax_code, updated_at, taken_in_on, version.
    """
    schema = polars_schema(Product)
    names = ("sku", "unit_cost", "currency", "tax_code", "updated_at")
    return warehouse.frame(
        f"""
        SELECT {", ".join(f"p.{name}" for name in names)}, f.as_of AS taken_in_on,
               row_number() OVER (ORDER BY p.updated_at NULLS FIRST, p.file_sequence, p.record_number) AS version
        FROM (FROM feeds.products {where}) p
        JOIN (SELECT file_sequence, as_of FROM core.feed_files) f USING (file_sequence)
        WHERE coalesce(p.arrives_on, {nights.day_of(as_of)}) <= {nights.day_of(as_of)} AND p.file_id NOT IN (FROM retracted_files)
        """
    ).cast({name: schema[name] for name in names})


def totals(warehouse: Warehouse) -> pl.DataFrame:
    """The ledger added up: sku, location_id, moved_on (of the last movement), quantity."""
    return _ledger(
        warehouse,
        """SELECT sku, location_id, max(moved_on) AS moved_on, CAST(sum(quantity) AS BIGINT) AS quantity
           FROM core.stock_ledger GROUP BY ALL""",
    )


def layers(warehouse: Warehouse) -> pl.DataFrame:
    """The ledger as ages need it: what came in by SKU and day, what went out by SKU; transfers aside.

    Returns:
        sku, moved_on, kind, quantity.
    """
    kept = "FROM core.stock_ledger WHERE kind <> 'transfer'"
    return _ledger(
        warehouse,
        f"""SELECT sku, moved_on, 'receipt' AS kind, CAST(sum(quantity) AS BIGINT) AS quantity {kept} AND quantity > 0
            GROUP BY ALL
            UNION ALL
            SELECT sku, max(moved_on), 'shipment', CAST(sum(quantity) AS BIGINT) {kept} AND quantity < 0 GROUP BY ALL""",
    )


def _ledger(warehouse: Warehouse, sql: str) -> pl.DataFrame:
    found = warehouse.frame(sql)
    schema = polars_schema(StockLedger)
    return found.cast({name: schema[name] for name in found.columns})


def allocated(warehouse: Warehouse, default_location: str) -> pl.DataFrame:
    """Units on hand that open orders have been given, as events told: sku, location_id, quantity."""
    return warehouse.frame(
        """SELECT sku, coalesce(location_id, ?) AS location_id,
                   CAST(sum(allocated - shipped) AS BIGINT) AS quantity
            FROM core.order_lines JOIN core.orders USING (order_id)
            WHERE status IN ('received', 'confirmed', 'on_hold') AND allocated > shipped GROUP BY ALL ORDER BY ALL""",
        [default_location],
    )


def inbound(warehouse: Warehouse, as_of: date) -> pl.DataFrame:
    """Purchases in force whose product is known."""
    known = f"SEMI JOIN ({current('products', as_of, ['sku'])}) USING (sku)"
    return warehouse.frame(current("inbound", as_of, within=known)).cast(polars_schema(FEEDS["inbound"]))
