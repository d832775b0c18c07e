"""Bookkeeping: what was issued and paid, on its accounts, debit = credit."""

import polars as pl

from models.rules import bookkeeping, money
from models.tables.base import empty, validated
from models.tables.billing import Account, Invoice, InvoiceLine, JournalEntry, PaymentApplied
from tests.billed import NIGHT, Shop, drawn, lines, orders, shown
from tests.builders import frame

ACCOUNTS = frame(
    "entry | tax_code | country | account",
    "receivable | | | 1400",
    "revenue | | | 8000",
    "revenue | STD | | 8400",
    "revenue | STD | GB | 8338",
    "shipping | | | 8500",
    "tax | STD | DE | 1776",
    "bank | | | 1200",
    "on_account | | | 1718",
    schema=Account,
)
PAID = "payment_id | customer_id | amount | currency | received_on | is_voided"
PAID_TYPES = {
    "payment_id": pl.String, "customer_id": pl.String, "currency": pl.String, "amount": pl.Decimal(18, 4),
    "received_on": pl.Date, "is_voided": pl.Boolean,
}  # fmt: skip
NO_PAYMENTS = frame(PAID, schema=PAID_TYPES)
BOOKED = "payment_id | currency | amount | changes"
NOTHING_BOOKED = frame(
    BOOKED, schema={"payment_id": pl.String, "currency": pl.String, "amount": money.SUM, "changes": pl.Int64}
)
HEADER = "document_id | entry_no | entry | tax_code | account | debit_amount | credit_amount"


def booked(
    shop: Shop, payments: pl.DataFrame = NO_PAYMENTS, applied: pl.DataFrame = bookkeeping.NOT_APPLIED
) -> pl.DataFrame:
    told = bookkeeping.changed(payments, NOTHING_BOOKED, NIGHT)
    found = bookkeeping.journal_entries(
        shop.invoices, shop.invoice_lines, told, applied, bookkeeping.NONE_HANDED_OVER, ACCOUNTS, NIGHT
    )
    assert bookkeeping.unbalanced(found).is_empty()
    return validated(JournalEntry, found)


def test_an_invoice_debits_the_customer_and_a_credit_note_the_other_way_round() -> None:
    shop, asked = Shop(), orders("order_id | shipping_amount", "O1 | 4.90")
    header = "order_id | line_no | sku | quantity | unit_price | cancelled"
    shop.night(asked, lines(header, "O1 | 1 | A | 2 | 10.00 | 0", "O1 | 2 | C | 1 | 1.00 | 0"))
    shop.night(asked, lines(header, "O1 | 1 | A | 2 | 10.00 | 1", "O1 | 2 | C | 1 | 1.00 | 0"))
    assert shown(booked(shop), HEADER) == drawn(
        HEADER,
        "CRN-2026-000000001 | 1 | receivable |  | 1400 | 0 | 11.9",
        "CRN-2026-000000001 | 2 | revenue | STD | 8400 | 10 | 0",
        "CRN-2026-000000001 | 3 | tax | STD | 1776 | 1.9 | 0",
        "INV-2026-000000001 | 1 | receivable |  | 1400 | 30.63 | 0",
        "INV-2026-000000001 | 2 | revenue | STD | 8400 | 0 | 20",
        "INV-2026-000000001 | 3 | revenue | ZERO | 8000 | 0 | 1",
        "INV-2026-000000001 | 4 | shipping | STD | 8500 | 0 | 4.9",
        "INV-2026-000000001 | 5 | tax | STD | 1776 | 0 | 4.73",
    )


def test_the_fullest_row_that_fits_gives_the_account_and_without_one_there_is_none() -> None:
    shop = Shop()
    shop.night(
        orders("order_id | country", "O1 | GB"), lines("order_id | line_no | quantity | unit_price", "O1 | 1 | 1 | 1")
    )
    header = "entry | country | account"
    assert shown(booked(shop), header) == drawn(header, "receivable |  | 1400", "revenue | GB | 8338", "tax | GB | ")


def test_a_payment_goes_to_the_customers_account_and_from_there_to_what_he_owes() -> None:
    paid = frame(
        PAID,
        "p1 | K1 | 30 | EUR | 2026-11-20 | false",
        "p2 | K1 | -5 | EUR | 2026-11-21 | false",
        schema=PAID_TYPES,
    )
    applied = frame(
        "payment_id | invoice_number | entry_no | amount | currency | applied_on",
        "p1 | I1 | 1 | 20 | EUR | 2026-11-24",
        schema=PaymentApplied,
    ).with_columns(customer_id=pl.lit("K1"), debtor_id=pl.lit("K2"))
    told = bookkeeping.changed(paid, NOTHING_BOOKED, NIGHT)
    found = bookkeeping.journal_entries(
        empty(Invoice), empty(InvoiceLine), told, applied, bookkeeping.NONE_HANDED_OVER, ACCOUNTS, NIGHT
    )
    header = "document_id | source | booked_on | entry | customer_id | debit_amount | credit_amount"
    assert shown(validated(JournalEntry, found), header) == drawn(
        header,
        "p1#1 | payment | 2026-11-20 | bank | K1 | 30 | 0",
        "p1#1 | payment | 2026-11-20 | on_account | K1 | 0 | 30",
        "p1>I1#1 | application | 2026-11-24 | receivable | K2 | 0 | 20",
        "p1>I1#1 | application | 2026-11-24 | on_account | K1 | 20 | 0",
        "p2#1 | payment | 2026-11-21 | bank | K1 | 0 | 5",
        "p2#1 | payment | 2026-11-21 | on_account | K1 | 5 | 0",
    )


def test_what_stands_on_the_account_of_another_goes_to_whose_payment_it_proves_to_be() -> None:
    accounts = frame(
        "payment_id | currency | customer_id | amount",
        "p1 | EUR |  | 50",
        "p1 | EUR | K1 | -12",
        "p2 | EUR | K1 | 7",
        "p3 | EUR |  | 0",
        schema={"payment_id": pl.String, "currency": pl.String, "customer_id": pl.String, "amount": money.SUM},
    )
    owners = frame("payment_id | customer_id", "p1 | K1", "p2 | K1", "p3 | K2")
    documents = frame("payment_id", "p1", "p1", "p2")
    moved = bookkeeping.handed_over(accounts, owners, documents)
    found = bookkeeping.journal_entries(
        empty(Invoice), empty(InvoiceLine), bookkeeping.NOTHING, bookkeeping.NOT_APPLIED, moved, ACCOUNTS, NIGHT
    )
    header = "document_id | booked_on | entry | customer_id | debit_amount | credit_amount"
    assert shown(validated(JournalEntry, found), header) == drawn(
        header,
        "p1#3 | 2026-11-24 | on_account |  | 50 | 0",
        "p1#3 | 2026-11-24 | on_account | K1 | 0 | 50",
    )


def test_a_payment_that_is_voided_or_comes_again_corrected_is_booked_as_a_change_of_its_own() -> None:
    paid = frame(
        PAID,
        "p1 | K1 | 30 | EUR | 2026-11-20 | true",
        "p2 | K1 | 40 | EUR | 2026-11-20 | false",
        "p3 | K1 | 50 | USD | 2026-11-20 | false",
        "p4 | K1 | 60 | EUR | 2026-11-20 | false",
        "p5 | K1 | 70 | EUR | 2026-11-20 | true",
        schema=PAID_TYPES,
    )
    booked_before = frame(
        BOOKED,
        "p1 | EUR | 30 | 1",
        "p2 | EUR | 45 | 1",
        "p3 | EUR | 50 | 1",
        "p4 | EUR | 60 | 3",
        schema=dict(NOTHING_BOOKED.schema),
    )
    header = "payment_id | currency | amount | booked_on | change_no"
    assert shown(bookkeeping.changed(paid, booked_before, NIGHT), header) == drawn(
        header,
        "p1 | EUR | -30 | 2026-11-24 | 2",
        "p2 | EUR | -5 | 2026-11-24 | 2",
        "p3 | EUR | -50 | 2026-11-24 | 2",
        "p3 | USD | 50 | 2026-11-24 | 3",
    )


def test_a_document_that_does_not_balance_is_found() -> None:
    shop = Shop()
    shop.night(orders("order_id", "O1"), lines("order_id | line_no | quantity | unit_price", "O1 | 1 | 1 | 1"))
    entries = booked(shop)
    assert shown(bookkeeping.unbalanced(entries.tail(2)), "document_id") == [("INV-2026-000000001",)]
