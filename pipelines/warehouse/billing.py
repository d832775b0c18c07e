"""What the night reads about billing: orders to look at, documents that bill them, and the accounts that payments touch."""

from collections.abc import Collection
from datetime import date

import polars as pl

from models.tables.base import polars_schema
from models.tables.billing import Invoice, InvoiceLine, PaymentApplied, Receivable, Reminder
from models.tables.feeds import Payment
from models.tables.lifecycle import Order, OrderLine
from pipelines.warehouse import nights
from pipelines.warehouse.store import Warehouse

COVERS = """(SELECT order_id, invoice_number FROM core.invoices WHERE kind = 'invoice' AND order_id IS NOT NULL
             UNION ALL
             SELECT DISTINCT order_id, invoice_number FROM core.invoice_lines
             SEMI JOIN (SELECT invoice_number FROM core.invoices WHERE kind = 'invoice' AND order_id IS NULL)
             USING (invoice_number))"""
"""Which invoices bill which order; one that bills several orders names none itself."""
DUE = {"orders": "order_id", "invoices": "invoice_number", "payments": "payment_id"}
"""The temporary tables `due_<name>` of what is settled together tonight, with their column."""
LINKS = {
    "invoices": """
        SELECT invoice_number FROM covers SEMI JOIN due_orders USING (order_id)
        UNION SELECT invoice_number FROM core.payments_applied SEMI JOIN due_payments USING (payment_id)
        UNION SELECT known_invoice FROM paid SEMI JOIN due_payments USING (payment_id) WHERE known_invoice IS NOT NULL""",
    "payments": """
        SELECT payment_id FROM paid SEMI JOIN due_orders USING (order_id)
        UNION SELECT payment_id FROM paid SEMI JOIN due_invoices ON known_invoice = due_invoices.invoice_number
        UNION SELECT payment_id FROM core.payments_applied SEMI JOIN due_invoices USING (invoice_number)
        UNION SELECT payment_id FROM paid SEMI JOIN (
            SELECT order_id FROM paid SEMI JOIN due_payments USING (payment_id)) USING (order_id)
        UNION SELECT payment_id FROM paid SEMI JOIN (
            SELECT invoice_number FROM paid SEMI JOIN due_payments USING (payment_id) WHERE known_invoice IS NULL)
            USING (invoice_number)""",
    "orders": """
        SELECT order_id FROM covers SEMI JOIN due_invoices USING (invoice_number)
        UNION SELECT order_id FROM core.orders SEMI JOIN (
            SELECT order_id FROM paid SEMI JOIN due_payments USING (payment_id)) USING (order_id)""",
}
"""What is settled with what is found already: they share an invoice, a payment or an order."""
NARROW = (
    "invoice_number", "kind", "sequence", "issued_on", "order_id", "customer_id", "currency", "gross_amount", "due_on",
    "credits_invoice_number",
)  # fmt: skip
"""What settling needs of a document."""
EXPECTED = {
    Order: ("order_id", "customer_id", "currency", "channel", "status", "is_history"),
    OrderLine: (
        "order_id", "quantity", "unit_price", "discount_amount", "cancelled", "shipped", "delivered", "returned", "invoiced",
        "credited",
    ),
}  # fmt: skip
"""What is needed of orders and lines to know what is still to be billed."""


def acted_before(warehouse: Warehouse, as_of: date) -> date | None:
    """The last night before that acted outward."""
    found: date | None = warehouse.value("SELECT max(as_of) FROM core.nights WHERE acts AND as_of < ?", [as_of])
    return found


def refused_on(warehouse: Warehouse, night: date | None) -> tuple[str, ...]:
    """The orders that could not be billed in a night; ordered."""
    refused = warehouse.frame(
        "SELECT DISTINCT order_id FROM core.billing_exceptions WHERE as_of = ? ORDER BY ALL", [night]
    )
    return tuple(refused["order_id"])


def find_orders(
    warehouse: Warehouse,
    as_of: date,
    *,
    withdrawn: Collection[str],
    monthly_customers: Collection[str],
    consolidates: bool,
    bucket_size: int,
) -> range:
    """Find the orders whose billing is looked at, in buckets; left is the temporary table `billed_orders` (order_id, bucket).

    Touched orders, those that could not be billed the last time, those on withdrawn invoices, those with lines that are
    no more, and when months are billed all of their customers' that are not billed to the end. Orders that share an
    invoice, or may tonight, are in one bucket, the last: documents of several orders are numbered after all others.
    """
    theirs = pl.DataFrame({"customer_id": list(monthly_customers)}, schema={"customer_id": pl.String})
    withdrawn_numbers = pl.DataFrame({"invoice_number": list(withdrawn)}, schema={"invoice_number": pl.String})
    asked = [
        "SELECT order_id FROM touched",
        f"""SELECT order_id FROM core.billing_exceptions
            WHERE as_of = (SELECT max(as_of) FROM core.billing_exceptions WHERE as_of < DATE '{as_of}')""",
    ]
    if withdrawn:
        asked.append("SELECT order_id FROM core.invoice_lines SEMI JOIN withdrawn USING (invoice_number)")
    if warehouse.filled("core.retractions"):
        asked.append(
            """SELECT i.order_id FROM core.invoice_lines i
               ANTI JOIN core.order_lines l ON l.order_id = i.order_id AND l.line_no = i.order_line_no
               WHERE i.order_line_no IS NOT NULL"""
        )
    if consolidates:
        asked.append(
            """SELECT order_id FROM core.order_lines SEMI JOIN (
                   SELECT order_id FROM core.orders SEMI JOIN monthly_customers USING (customer_id)) USING (order_id)
               WHERE quantity - cancelled - returned <> invoiced - credited"""
        )
    with warehouse.given(monthly_customers=theirs, withdrawn=withdrawn_numbers):
        warehouse.run(f"CREATE OR REPLACE TEMP TABLE to_bill AS {' UNION '.join(asked)}")
        warehouse.run(
            f"""
            CREATE OR REPLACE TEMP TABLE billed_orders AS
            WITH known AS (
                SELECT order_id, order_id IN (SELECT order_id FROM core.orders SEMI JOIN monthly_customers USING (customer_id))
                    OR order_id IN (
                        SELECT order_id FROM core.invoice_lines
                        SEMI JOIN (SELECT invoice_number FROM core.invoices WHERE order_id IS NULL) USING (invoice_number))
                    AS is_shared
                FROM to_bill
                SEMI JOIN (SELECT order_id FROM core.orders UNION ALL SELECT order_id FROM core.invoice_lines) USING (order_id)
            )
            SELECT order_id, dense_rank() OVER (ORDER BY is_shared, nth // {bucket_size}) - 1 AS bucket
            FROM (SELECT *, CASE WHEN is_shared THEN 0 ELSE row_number() OVER (
                      PARTITION BY is_shared ORDER BY order_id) - 1 END AS nth FROM known)
            """
        )
    return range(int(warehouse.value("SELECT coalesce(max(bucket) + 1, 0) FROM billed_orders")))


def issued_before(warehouse: Warehouse, as_of: date, numbers: Collection[str]) -> list[str]:
    """Which of these numbers are invoices of earlier nights; ordered."""
    with warehouse.given(asked=pl.DataFrame({"invoice_number": list(numbers)}, schema={"invoice_number": pl.String})):
        return warehouse.frame(
            """SELECT invoice_number FROM core.invoices SEMI JOIN asked USING (invoice_number)
               WHERE kind = 'invoice' AND issued_on < ? ORDER BY ALL""",
            [as_of],
        )["invoice_number"].to_list()


def within(bucket: int) -> str:
    """The condition that narrows rows with an order_id to one bucket; the bounds let a scan pass over what lies outside."""
    theirs = f"FROM billed_orders WHERE bucket = {bucket}"
    return f"""order_id BETWEEN (SELECT min(order_id) {theirs}) AND (SELECT max(order_id) {theirs})
               AND order_id IN (SELECT order_id {theirs})"""


def invoices_of(warehouse: Warehouse, invoice_lines: pl.DataFrame) -> pl.DataFrame:
    """The documents that lines stand on: Invoice rows."""
    with warehouse.given(numbers=invoice_lines.select("invoice_number").unique()):
        return warehouse.table(Invoice, "invoice_number IN (FROM numbers)")


def last_documents(warehouse: Warehouse) -> pl.DataFrame:
    """The last document of each series: series, sequence, issued_on."""
    return warehouse.frame(
        "SELECT series, max(sequence) AS sequence, max(issued_on) AS issued_on FROM core.invoices GROUP BY ALL"
    )


def tips(warehouse: Warehouse) -> pl.DataFrame:
    """The end of each chain, the last of a series to which no other document is bound; with how many there are.

    Returns:
        kind, documents, invoice_number, content_hash; ordered.
    """
    return warehouse.frame(
        """SELECT kind, documents, invoice_number, content_hash
           FROM (SELECT kind, arg_max(invoice_number, sequence) AS invoice_number, arg_max(content_hash, sequence) AS content_hash
                 FROM core.invoices GROUP BY kind, series)
           ANTI JOIN (SELECT kind, previous_hash AS content_hash FROM core.invoices) USING (kind, content_hash)
           JOIN (SELECT kind, count(*) AS documents FROM core.invoices GROUP BY ALL) USING (kind)
           ORDER BY kind, invoice_number"""
    )


def note_billed(warehouse: Warehouse, units: pl.DataFrame, axes: pl.DataFrame) -> None:
    """Put what is on invoices beside lines and orders, where it is not there yet.

    Args:
        warehouse: inside a transaction.
        units: order_id, line_no, invoiced, credited.
        axes: order_id, billing.
    """
    with warehouse.given(units=units, axes=axes):
        warehouse.run(
            """UPDATE core.order_lines AS l SET invoiced = u.invoiced, credited = u.credited
               FROM units u WHERE l.order_id = u.order_id AND l.line_no = u.line_no
               AND (l.invoiced <> u.invoiced OR l.credited <> u.credited)"""
        )
        warehouse.run("CREATE OR REPLACE TEMP TABLE axes_now AS FROM axes")
    _update_orders(warehouse, "billing")


def note_paid(warehouse: Warehouse, axes: pl.DataFrame) -> None:
    """Put how far orders are paid beside those that are settled tonight: order_id, payment; without a row: none."""
    with warehouse.given(axes=axes):
        warehouse.run(
            """CREATE OR REPLACE TEMP TABLE axes_now AS
               SELECT order_id, coalesce(payment, 'none') AS payment FROM due_orders LEFT JOIN axes USING (order_id)"""
        )
    _update_orders(warehouse, "payment")


def _update_orders(warehouse: Warehouse, axis: str) -> None:
    """Set one axis of the orders in `axes_now` that differ, and remember these for the next publication.

    The night they name stays: it is that of their events, and a rerun of this one shall not fold them anew.
    """
    changed = f"FROM axes_now a WHERE o.order_id = a.order_id AND o.{axis} <> a.{axis}"
    warehouse.run(
        f"""INSERT INTO core.unpublished_orders
            SELECT o.order_id FROM core.orders o JOIN axes_now a ON o.order_id = a.order_id AND o.{axis} <> a.{axis}"""
    )
    warehouse.run(f"UPDATE core.orders AS o SET {axis} = a.{axis} {changed}")


def find_due(warehouse: Warehouse, as_of: date, since: nights.Since, *, everything: bool) -> None:
    """Find what is settled together tonight: temporary tables `due_orders`, `due_invoices` and `due_payments`.

    It starts from the orders looked at, from what this night has issued and applied already (it may be running again), and
    from payments that came, were voided, or wait for their invoice or order, and takes in whatever they share an order, an
    invoice or a payment with, until nothing is added. `paid` is left too: all payments that took effect, once each, with
    the invoice that they name, if it is known.
    """
    _find_payments(warehouse, as_of)
    warehouse.run(f"CREATE OR REPLACE TEMP TABLE covers AS {COVERS}")
    all_of = {"orders": "core.orders", "invoices": "core.invoices WHERE kind = 'invoice'", "payments": "paid"}
    seeds = {
        "orders": "billed_orders",
        "invoices": f"""(SELECT coalesce(credits_invoice_number, invoice_number) AS invoice_number FROM core.invoices
                         WHERE issued_on = DATE '{as_of}')""",
        "payments": f"""paid WHERE payment_id IN ({_changed_payments(since)}
                        UNION ALL SELECT payment_id FROM core.payments_applied WHERE applied_on = DATE '{as_of}')""",
    }
    for name, column in DUE.items():
        source = all_of[name] if everything else seeds[name]
        warehouse.run(f"CREATE OR REPLACE TEMP TABLE due_{name} AS SELECT DISTINCT {column} FROM {source}")
    is_growing = not everything
    while is_growing:
        is_growing = False
        for name, query in LINKS.items():
            column = DUE[name]
            added = warehouse.changed(
                f"INSERT INTO due_{name} SELECT {column} FROM ({query}) AS found({column}) ANTI JOIN due_{name} USING ({column})"
            )
            is_growing = is_growing or bool(added)


def _changed_payments(since: nights.Since) -> str:
    """A query of the payments that came or were retracted since, that a person decided on, or whose invoice or order is
    still unknown."""
    fresh = f"({since.came} OR file_id IN (FROM changed_files))"
    every = "(SELECT * FROM feeds.payments UNION ALL BY NAME SELECT * FROM feeds.repeated_payments)"
    return f"""SELECT payment_id FROM {every} WHERE {fresh}
               UNION ALL SELECT subject_id FROM feeds.decisions WHERE subject = 'payment' AND {fresh}
               UNION ALL SELECT payment_id FROM core.payments_on_account WHERE reason IN ('unknown_invoice', 'unknown_order')"""


def _find_payments(warehouse: Warehouse, as_of: date) -> None:
    """Leave the temporary table `paid`; a payment that a retracted file and another one tell counts as the other says."""
    told = f"(FROM feeds.payments WHERE arrives_on <= DATE '{as_of}')"
    warehouse.run(
        f"""
        CREATE OR REPLACE TEMP TABLE paid AS
        WITH hidden AS (
            SELECT payment_id, file_id FROM {told}
            SEMI JOIN (SELECT payment_id FROM {told} WHERE file_id IN (FROM retracted_files)) USING (payment_id)
            QUALIFY row_number() OVER (PARTITION BY payment_id
                ORDER BY file_id IN (FROM retracted_files), file_sequence, record_number) > 1
        )
        SELECT payment_id, p.invoice_number, p.order_id, amount, p.currency, received_on,
               file_id IN (FROM retracted_files) OR payment_id IN ({nights.voided("payment")}) AS is_voided,
               coalesce(i.credits_invoice_number, i.invoice_number) AS known_invoice
        FROM {told} p
        ANTI JOIN hidden h ON h.payment_id = p.payment_id AND h.file_id = p.file_id
        LEFT JOIN core.invoices i ON i.invoice_number = p.invoice_number
        """
    )


def due_documents(warehouse: Warehouse) -> pl.DataFrame:
    """The invoices that are settled tonight, with their credit notes: the NARROW columns of Invoice rows."""
    theirs = "coalesce(credits_invoice_number, invoice_number) IN (SELECT invoice_number FROM due_invoices)"
    return warehouse.table(Invoice, theirs, columns=NARROW)


def due_covers(warehouse: Warehouse) -> pl.DataFrame:
    """Which of these invoices bill which order: order_id, invoice_number; ordered."""
    return warehouse.frame("FROM covers SEMI JOIN due_invoices USING (invoice_number) ORDER BY ALL")


def due_payments(warehouse: Warehouse) -> pl.DataFrame:
    """The payments that are settled tonight: payment_id, invoice_number, order_id, amount, currency, received_on,
    is_voided, customer_id of the order that they or the invoice they name are for, else of that invoice; ordered.

    What is paid for one order is on one account, so it belongs to one customer.
    """
    schema = polars_schema(Payment)
    names = ("payment_id", "invoice_number", "order_id", "amount", "currency", "received_on")
    return warehouse.frame(
        """SELECT payment_id, p.invoice_number, p.order_id, amount, p.currency, received_on, is_voided,
                  CASE WHEN coalesce(p.order_id, i.order_id) IS NULL THEN i.customer_id
                       ELSE coalesce(o.customer_id, max(i.customer_id) OVER (PARTITION BY coalesce(p.order_id, i.order_id)))
                       END AS customer_id
           FROM (FROM paid SEMI JOIN due_payments USING (payment_id)) p
           LEFT JOIN core.invoices i ON i.invoice_number = p.known_invoice
           LEFT JOIN core.orders o ON o.order_id = coalesce(p.order_id, i.order_id)
           ORDER BY payment_id"""
    ).cast({name: schema[name] for name in names})


def due_applied(warehouse: Warehouse) -> pl.DataFrame:
    """What was applied so far of these payments and invoices: PaymentApplied rows."""
    return warehouse.table(
        PaymentApplied,
        """payment_id IN (SELECT payment_id FROM due_payments)
           OR invoice_number IN (SELECT invoice_number FROM due_invoices)""",
    )


def due_orders(warehouse: Warehouse) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The orders that payments of tonight name, and their lines: the EXPECTED columns of Order and OrderLine rows."""
    return _expected(warehouse, "order_id IN (SELECT order_id FROM paid SEMI JOIN due_payments USING (payment_id))")


def _expected(warehouse: Warehouse, theirs: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    orders, lines = (warehouse.table(table, theirs, columns=columns) for table, columns in EXPECTED.items())
    return orders, lines


def days_due(warehouse: Warehouse, as_of: date) -> pl.DataFrame:
    """The days on which what was open the night before was to be paid: due_on."""
    before = nights.last_night(warehouse, as_of)
    return warehouse.frame("SELECT DISTINCT due_on FROM core.receivables WHERE as_of = ?", [before])


def keep_open(warehouse: Warehouse, as_of: date, ages: pl.DataFrame) -> int:
    """Write down again what was open the night before and is not settled tonight, only older; returns how many invoices.

    Args:
        warehouse: inside a transaction, after `find_due`.
        as_of: the night.
        ages: due_on, days_overdue, bucket of every day on which one was to be paid.
    """
    aged = ("days_overdue", "bucket")
    columns = ", ".join(
        f"{'a' if name in aged else 'r'}.{name}" for name in polars_schema(Receivable) if name != "as_of"
    )
    with warehouse.given(ages=ages):
        return warehouse.changed(
            f"""INSERT INTO core.receivables BY NAME
                SELECT DATE '{as_of}' AS as_of, {columns} FROM core.receivables r JOIN ages a USING (due_on)
                WHERE as_of = ? AND invoice_number NOT IN (SELECT invoice_number FROM due_invoices)""",
            [nights.last_night(warehouse, as_of)],
        )


def owed_by_customer(warehouse: Warehouse, as_of: date) -> pl.DataFrame:
    """What each known customer owes tonight: customer_id, currency, open_amount."""
    return warehouse.frame(
        """SELECT customer_id, currency, CAST(sum(open_amount) AS DECIMAL(38, 4)) AS open_amount
           FROM core.receivables WHERE as_of = ? AND customer_id IS NOT NULL GROUP BY ALL""",
        [as_of],
    )


def reminded(warehouse: Warehouse, as_of: date) -> pl.DataFrame:
    """The reminders of invoices that are open tonight: Reminder rows."""
    return warehouse.table(
        Reminder, "invoice_number IN (SELECT invoice_number FROM core.receivables WHERE as_of = ?)", [as_of]
    )


def covers_of(warehouse: Warehouse, invoices: pl.DataFrame) -> pl.DataFrame:
    """Which orders some invoices bill: order_id, invoice_number; ordered."""
    with warehouse.given(asked=invoices.select("invoice_number")):
        return warehouse.frame("FROM covers SEMI JOIN asked USING (invoice_number) ORDER BY ALL")


def booked(warehouse: Warehouse) -> pl.DataFrame:
    """What the bank was debited for the payments settled tonight: payment_id, currency, amount, changes (of the payment
    that were booked)."""
    return warehouse.frame(
        """SELECT payment_id, currency,
                  CAST(coalesce(sum(debit_amount - credit_amount) FILTER (entry = 'bank'), 0) AS DECIMAL(38, 4)) AS amount,
                  count(DISTINCT document_id) AS changes
           FROM core.journal_entries SEMI JOIN due_payments USING (payment_id)
           WHERE source = 'payment' GROUP BY ALL ORDER BY ALL"""
    )


def booked_on_account(warehouse: Warehouse) -> pl.DataFrame:
    """What stands on account of the payments settled tonight, by the books: payment_id, currency, customer_id, amount."""
    return warehouse.frame(
        """SELECT payment_id, currency, customer_id, CAST(sum(credit_amount - debit_amount) AS DECIMAL(38, 4)) AS amount
           FROM core.journal_entries SEMI JOIN due_payments USING (payment_id)
           WHERE entry = 'on_account' GROUP BY ALL ORDER BY ALL"""
    )


def payment_documents(warehouse: Warehouse) -> pl.DataFrame:
    """The documents that booked the payments settled tonight, once each: payment_id."""
    return warehouse.frame(
        """SELECT payment_id FROM (SELECT DISTINCT payment_id, document_id FROM core.journal_entries
           SEMI JOIN due_payments USING (payment_id) WHERE source = 'payment')"""
    )


def not_billed_yet(warehouse: Warehouse) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Open orders that are not billed to the end, and their lines: the EXPECTED columns of Order and OrderLine rows."""
    return _expected(
        warehouse,
        """order_id IN (SELECT order_id FROM core.orders WHERE NOT is_history AND customer_id IS NOT NULL
           AND status NOT IN ('rejected', 'cancelled') AND billing NOT IN ('invoiced', 'credited'))""",
    )


def issued_by_day(warehouse: Warehouse, where: str = "true", *values: object) -> pl.DataFrame:
    """Documents, `i`, added up: day, currency, kind, documents, amount (tax included)."""
    return warehouse.frame(
        f"""SELECT issued_on AS day, currency, kind, count(*) AS documents,
                  CAST(sum(gross_amount) AS DECIMAL(38, 4)) AS amount
            FROM core.invoices i WHERE {where} GROUP BY ALL ORDER BY ALL""",
        list(values),
    )


def collected_by_day(warehouse: Warehouse) -> pl.DataFrame:
    """What payments paid of invoices, added up: day, currency, amount."""
    return warehouse.frame(
        """SELECT applied_on AS day, currency, CAST(sum(amount) AS DECIMAL(38, 4)) AS amount
           FROM core.payments_applied GROUP BY ALL ORDER BY ALL"""
    )


def lines_of(warehouse: Warehouse, bucket: int) -> pl.DataFrame:
    """All that is on documents of one bucket of orders: InvoiceLine rows."""
    return warehouse.table(InvoiceLine, within(bucket))
