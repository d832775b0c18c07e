"""The figures of billing that the certificate of a night compares, each counted over all rows."""

from datetime import date

from models.rules.certificate import Compared
from pipelines.warehouse.store import Warehouse

SIGN = "CASE WHEN credits_invoice_number IS NULL THEN 1 ELSE -1 END"


def compared(warehouse: Warehouse, as_of: date, *, acts: bool) -> list[Compared]:
    """Numbers have no gap, documents are the sums of their lines, nothing is billed twice, and money is somewhere once.

    Args:
        warehouse: after the stage of billing.
        as_of: the night.
        acts: False for a missed night, which leaves what has to be credited to the one that acts.
    """
    one = warehouse.value
    warehouse.run(
        f"""CREATE OR REPLACE TEMP TABLE lines_doubted AS
            SELECT order_id, line_no, times, b.invoiced, b.credited, l.invoiced AS shown, l.credited AS shown_credited,
                   quantity - cancelled - returned AS owed
            FROM (SELECT order_id, order_line_no AS line_no, sum(quantity) FILTER ({SIGN} = 1) AS invoiced,
                         coalesce(sum(quantity) FILTER ({SIGN} = -1), 0) AS credited, count(*) AS times
                  FROM core.invoice_lines WHERE order_line_no IS NOT NULL GROUP BY ALL) b
            FULL JOIN core.order_lines l USING (order_id, line_no)
            WHERE l.invoiced <> coalesce(b.invoiced, 0) OR l.credited <> coalesce(b.credited, 0)
            OR b.invoiced - b.credited NOT BETWEEN 0 AND coalesce(quantity - cancelled - returned, 0) OR times > 1"""
    )
    return [
        Compared(
            "numbers_have_no_gap",
            0,
            one(
                """SELECT coalesce(sum(last - first + 1 - documents), 0)::BIGINT + count(*) FILTER (numbers <> documents)
                   FROM (SELECT max(sequence) AS last, min(sequence) AS first, count(*) AS documents,
                                count(DISTINCT sequence) AS numbers
                         FROM core.invoices GROUP BY series)"""
            ),
            "Numbers of a series that are missing or given twice.",
        ),
        Compared(
            "dates_follow_numbers",
            0,
            one(
                """SELECT count(*) FROM (SELECT issued_on < lag(issued_on) OVER (PARTITION BY series ORDER BY sequence) AS back
                                         FROM core.invoices) WHERE back"""
            ),
            "Documents dated before the one with the number before.",
        ),
        Compared(
            "documents_are_chained",
            0,
            one(
                """SELECT count(*) - count(DISTINCT (kind, previous_hash)) + (
                       SELECT count(*) FROM core.invoices a
                       ANTI JOIN core.invoices b ON a.kind = b.kind AND a.previous_hash = b.content_hash
                       WHERE a.previous_hash <> repeat('0', 64))
                   FROM core.invoices"""
            ),
            "Documents that are bound to none of their kind, or to one that another is bound to.",
        ),
        Compared(
            "documents_are_the_sums_of_their_lines",
            0,
            one(
                """SELECT count(*) FROM core.invoices i FULL JOIN (
                       SELECT invoice_number, sum(net_amount) AS net, sum(tax_amount) AS tax
                       FROM core.invoice_lines GROUP BY ALL) l USING (invoice_number)
                   WHERE i.net_amount IS DISTINCT FROM l.net OR i.tax_amount IS DISTINCT FROM l.tax
                   OR gross_amount IS DISTINCT FROM i.net_amount + i.tax_amount"""
            ),
            "Invoices and credit notes whose amounts are not those of their lines.",
        ),
        Compared(
            "nothing_is_billed_twice",
            0,
            one(
                """SELECT count(*) - count(DISTINCT (order_id, order_line_no, credits_invoice_number IS NULL, event, revision))
                   FROM core.invoice_lines WHERE order_line_no IS NULL
                   OR (order_id, order_line_no) IN (SELECT (order_id, line_no) FROM lines_doubted WHERE times > 1)"""
            ),
            "Lines of documents for an order line, event and revision that another line is for.",
        ),
        Compared(
            "lines_show_what_is_billed",
            0,
            one(
                """SELECT count(*) FROM lines_doubted
                   WHERE shown <> coalesce(invoiced, 0) OR shown_credited <> coalesce(credited, 0)"""
            ),
            "Order lines whose invoiced and credited units are not those of the documents.",
        ),
        Compared(
            "no_more_stands_than_is_owed",
            0,
            one(
                f"""SELECT count(*) FROM lines_doubted
                    WHERE invoiced < credited OR {acts} AND invoiced - credited > coalesce(owed, 0)"""
            ),
            "Order lines of which more stands on invoices than was ordered and neither cancelled nor returned.",
        ),
        Compared(
            "every_unit_is_billed_or_accounted_for",
            0,
            one("SELECT count(*) FROM core.billing_gaps WHERE as_of = ?", [as_of]),
            "Order lines looked at tonight whose units or money are not invoiced, to come, cancelled or returned.",
        ),
        Compared(
            "payments_are_applied_or_on_account",
            0,
            one(
                """SELECT count(*) FROM (
                       SELECT currency, sum(amount) AS paid FROM paid WHERE NOT is_voided GROUP BY ALL) p
                   FULL JOIN (SELECT currency, sum(amount) AS used FROM (
                       SELECT currency, amount FROM core.payments_applied
                       UNION ALL SELECT currency, amount FROM core.payments_on_account) GROUP BY ALL) u USING (currency)
                   WHERE coalesce(paid, 0) <> coalesce(used, 0)"""
            ),
            "Currencies in which what is applied and on account is not what was paid.",
        ),
        Compared(
            "invoices_are_paid_at_most_in_full",
            0,
            one(
                f"""SELECT count(*) FROM (
                        SELECT invoice_number, sum(amount) AS open FROM (
                            SELECT coalesce(credits_invoice_number, invoice_number) AS invoice_number,
                                   {SIGN} * gross_amount AS amount FROM core.invoices
                            UNION ALL SELECT invoice_number, -amount FROM core.payments_applied)
                        GROUP BY ALL) b
                    FULL JOIN (SELECT invoice_number, open_amount FROM core.receivables WHERE as_of = DATE '{as_of}') r
                    USING (invoice_number)
                    WHERE open < 0 OR coalesce(open, 0) <> coalesce(open_amount, 0)"""
            ),
            "Invoices paid beyond what is owed, or whose open amount is not invoiced less credited less paid.",
        ),
        Compared(
            "books_balance",
            0,
            one(
                """SELECT count(*) FROM (SELECT document_id, currency FROM core.journal_entries
                                         GROUP BY ALL HAVING sum(debit_amount) <> sum(credit_amount))"""
            ),
            "Documents whose debit is not their credit.",
        ),
        Compared(
            "books_agree_with_receivables",
            0,
            one(
                f"""SELECT count(*) FROM (
                        SELECT currency, sum(debit_amount - credit_amount) AS booked FROM core.journal_entries
                        WHERE entry = 'receivable' GROUP BY ALL) b
                    FULL JOIN (SELECT currency, sum(open_amount) AS open FROM core.receivables
                               WHERE as_of = DATE '{as_of}' GROUP BY ALL) r USING (currency)
                    FULL JOIN (SELECT currency, outstanding_amount FROM marts.daily_billing
                               WHERE day = DATE '{as_of}') d USING (currency)
                    WHERE coalesce(booked, 0) <> coalesce(open, 0)
                    OR coalesce(open, 0) <> coalesce(outstanding_amount, 0)"""
            ),
            "Currencies in which the books, the open invoices and the daily figures differ.",
        ),
    ]
