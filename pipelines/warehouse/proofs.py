"""The figures that the certificate of a night compares, each counted over all rows."""

from datetime import date

from models.rules.certificate import Compared
from models.tables import FEEDS
from models.tables.base import declaration
from pipelines.warehouse import billing_proofs, supply_proofs
from pipelines.warehouse.store import Warehouse
from pipelines.warehouse.versions import current

NUMBERS_BROKEN = """NOT (0 <= returned AND returned <= delivered AND delivered <= shipped
                         AND shipped <= quantity - cancelled AND 0 <= cancelled AND cancelled <= quantity
                         AND 0 <= packed AND packed <= quantity
                         AND 0 <= picked AND picked <= allocated AND allocated <= quantity)"""
NOT_REJECTED = "ANTI JOIN (SELECT order_id FROM core.orders WHERE status = 'rejected') USING (order_id)"
"""The join that leaves out rows of rejected orders."""


def compared(warehouse: Warehouse, as_of: date, *, acts: bool = True) -> list[Compared]:
    """What came in equals what is kept; every order is in one status; figures are the sums of their parts.

    Args:
        warehouse: after `nights.prepare` of this night.
        as_of: the night.
        acts: False for a missed night.
    """
    one = warehouse.value
    feeds = ", ".join(f"'{feed}'" for feed in FEEDS)
    stored = " + ".join(
        f"""(SELECT count(*) FROM feeds.{feed} WHERE file_id IN (SELECT file_id FROM core.feed_files WHERE feed = '{feed}'))"""
        for feed in FEEDS
    )
    orders = f"({current('orders', as_of, ['order_id'])})"
    lines = f"({current('order_lines', as_of, ['order_id', 'line_no'])})"
    events = f"(FROM feeds.order_events ANTI JOIN hidden_events USING (event_id, file_id) WHERE arrives_on <= DATE '{as_of}')"
    later = f"""(SELECT order_id FROM feeds.orders ANTI JOIN core.orders USING (order_id)
                 WHERE arrives_on > DATE '{as_of}' AND file_id NOT IN (FROM retracted_files))"""
    elsewhere = f"""(FROM {events} WHERE order_id IN {later}
                     OR file_id IN (FROM retracted_files) AND order_id NOT IN (SELECT order_id FROM core.orders))"""
    has_elsewhere = bool(warehouse.filled(later, "retracted_files"))
    sold = "(SELECT * FROM core.sales_entries WHERE gross_amount_r IS NOT NULL)"
    net = f"""(SELECT coalesce(sum(CASE kind WHEN 'ordered' THEN 1 ELSE -1 END * (gross_amount_r - discount_amount_r)), 0)
              FROM {sold})"""
    set_aside = warehouse.filled(*(f"feeds.repeated_{feed}" for feed in FEEDS))
    in_vain = " + ".join(
        ["0", *(f"({_set_aside_in_vain(feed)})" for feed in FEEDS if f"feeds.repeated_{feed}" in set_aside)]
    )
    return [
        Compared(
            "files_add_up",
            0,
            one("SELECT count(*) FROM core.feed_files WHERE rows_in <> accepted + rejected + duplicates"),
            "Files whose records in are not accepted + rejected + duplicates.",
        ),
        Compared(
            "accepted_rows_are_stored",
            one(f"SELECT coalesce(sum(accepted), 0)::BIGINT FROM core.feed_files WHERE feed IN ({feeds})"),
            one(f"SELECT {stored}"),
            "Records accepted of feed files, against rows stored from them.",
        ),
        Compared(
            "rejected_rows_are_kept",
            one("SELECT coalesce(sum(rejected), 0)::BIGINT FROM core.feed_files"),
            one("SELECT count(*) FROM core.rejected_rows"),
            "Records rejected, against rejected records kept.",
        ),
        Compared(
            "nothing_is_set_aside_in_vain",
            0,
            one(f"SELECT {in_vain}"),
            "Records that repeat or contradict one that counts no more, since its file was retracted.",
        ),
        Compared(
            "every_order_is_in_one_status",
            one(f"SELECT count(*) FROM {orders}"),
            one("SELECT count(DISTINCT order_id) FROM core.orders WHERE status IS NOT NULL"),
            "Orders accepted up to this day, against orders with a status.",
        ),
        Compared(
            "no_order_twice",
            0,
            one("SELECT count(*) - count(DISTINCT order_id) FROM core.orders"),
            "Orders that are there more than once.",
        ),
        Compared(
            "every_line_has_its_numbers",
            one(f"SELECT count(*) FROM {lines}"),
            one(f"""SELECT (SELECT count(*) FROM core.order_lines)
                         + (SELECT count(*) FROM core.waiting_rows WHERE feed = 'order_lines')
                         + {f"(SELECT count(*) FROM {lines} WHERE order_id IN {later})" if has_elsewhere else 0}"""),
            "Lines accepted, against lines with numbers, lines that wait for their order and lines of orders that come later.",
        ),
        Compared(
            "numbers_are_possible",
            0,
            one(f"SELECT count(*) FROM core.order_lines WHERE {NUMBERS_BROKEN}"),
            "Lines where not 0 <= returned <= delivered <= shipped <= ordered - cancelled, or picked, packed or allocated is off.",
        ),
        Compared(
            "every_event_is_on_a_timeline",
            one(f"SELECT count(*) FROM {events}"),
            one(f"""SELECT (SELECT count(*) FROM core.order_timeline WHERE source = 'feed')
                         + (SELECT count(*) FROM core.waiting_rows WHERE feed = 'order_events')
                         + {f"(SELECT count(*) FROM {elsewhere})" if has_elsewhere else 0}"""),
            "Events told, against events on timelines, that wait for their order, or of orders that come later or were retracted.",
        ),
        Compared(
            "units_ordered_are_sold",
            one(f"SELECT coalesce(sum(quantity), 0)::BIGINT FROM core.order_lines {NOT_REJECTED}"),
            one("SELECT coalesce(sum(units), 0)::BIGINT FROM core.sales_entries WHERE kind = 'ordered'"),
            "Units of lines of orders not rejected, against units in sales.",
        ),
        Compared(
            "units_undone_are_booked",
            one(f"SELECT coalesce(sum(cancelled + returned), 0)::BIGINT FROM core.order_lines {NOT_REJECTED}"),
            one("SELECT coalesce(sum(units), 0)::BIGINT FROM core.sales_entries WHERE kind <> 'ordered'"),
            "Units cancelled and returned on lines, against units undone in sales.",
        ),
        Compared(
            "daily_orders_are_the_sum_of_sales",
            one(f"SELECT {net}"),
            one("SELECT coalesce(sum(net_amount), 0) FROM marts.daily_orders"),
            "Net sales of all entries, against daily_orders.",
        ),
        Compared(
            "daily_sales_are_the_sum_of_sales",
            one(f"SELECT {net}"),
            one("SELECT coalesce(sum(net_amount), 0) FROM marts.daily_sales"),
            "Net sales of all entries, against daily_sales.",
        ),
        Compared(
            "orders_are_counted_once",
            one("SELECT count(*) FROM core.orders WHERE status <> 'rejected'"),
            one("SELECT coalesce(sum(orders), 0)::BIGINT FROM marts.daily_orders"),
            "Orders not rejected, against orders in daily_orders.",
        ),
        *supply_proofs.compared(warehouse, as_of),
        *billing_proofs.compared(warehouse, as_of, acts=acts),
    ]


def _set_aside_in_vain(feed: str) -> str:
    """A query of how many rows were set aside although no earlier row of their key, of a file that stands, counts."""
    key = ", ".join(f'"{part}"' for part in declaration(FEEDS[feed]).key)
    firsts = f"""SELECT {key}, min(file_sequence) AS first FROM feeds.{feed} SEMI JOIN feeds.repeated_{feed} USING ({key})
                 WHERE file_id NOT IN (FROM retracted_files) GROUP BY ALL"""
    return f"""SELECT count(*) FROM feeds.repeated_{feed} r LEFT JOIN ({firsts}) f USING ({key})
               WHERE r.file_id NOT IN (FROM retracted_files) AND coalesce(f.first > r.file_sequence, true)"""
