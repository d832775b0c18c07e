"""Receivables: every payment pays its invoice, waits on account or is owed back; nothing is lost."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

import polars as pl
import pytest

from models.rules import receivables
from models.tables.base import empty, validated
from models.tables.billing import (
    Invoice,
    PaymentApplied,
    PaymentOnAccount,
    Receivable,
    RefundDue,
    Reminder,
    ReminderLevel,
)
from models.tables.feeds import SupportCase
from tests.billed import CHANNELS, CUSTOMERS, NIGHT, drawn, lines, orders, shown, whole, whole_customers
from tests.builders import frame

PAID = "payment_id | invoice_number | order_id | amount | currency | received_on"
APPLIED = "payment_id | invoice_number | entry_no | amount"
KEPT = "payment_id | amount | reason"
OPEN = "invoice_number | open_amount"
COVERS = frame("order_id | invoice_number", "O1 | I1", "O1 | I2", "O1 | I5", "O2 | I3", "O3 | M1", "O4 | M1")
INVOICES = (
    "I1 | invoice | 1 | 2026-11-01 | O1 | EUR | 100 | 2026-11-08 | ",
    "I2 | invoice | 2 | 2026-11-10 | O1 | EUR | 50 | 2026-11-17 | ",
    "I3 | invoice | 3 | 2026-11-10 | O2 | USD | 70 | 2026-11-24 | ",
    "M1 | invoice | 4 | 2026-11-20 | | EUR | 30 | 2026-12-20 | ",
)
ORDERS = frame(
    "order_id | customer_id | currency | expects",
    "O1 | K1 | EUR | nothing",
    "O2 | K2 | USD | nothing",
    "O3 | M1 | EUR | nothing",
    "O4 | M1 | EUR | nothing",
    "O5 | K1 | EUR | later",
    "O6 | K1 | EUR | elsewhere",
)


def invoices(*rows: str) -> pl.DataFrame:
    """Invoice rows as drawn, of K1."""
    header = "invoice_number | kind | sequence | issued_on | order_id | currency | gross_amount | due_on | credits_invoice_number"
    return whole(frame(header, *rows, schema=Invoice), Invoice, {"customer_id": "K1"})


def payments(*rows: str, voided: str = "") -> pl.DataFrame:
    """Payments that took effect."""
    types = {
        "payment_id": pl.String,
        "invoice_number": pl.String,
        "order_id": pl.String,
        "currency": pl.String,
        "amount": pl.Decimal(18, 4),
        "received_on": pl.Date,
    }
    return frame(PAID, *rows, schema=types).with_columns(
        is_voided=pl.col("payment_id") == voided, customer_id=pl.lit("K1")
    )


@dataclass
class Ledger:
    """Invoices, and what was applied over the nights."""

    invoices: pl.DataFrame = field(default_factory=lambda: invoices(*INVOICES))
    applied: pl.DataFrame = field(default_factory=lambda: empty(PaymentApplied))

    def night(self, paid: pl.DataFrame, *more: str, as_of: date = NIGHT) -> list[tuple[Any, ...]]:
        """Apply payments after further documents came; what changed."""
        self.invoices = pl.concat([self.invoices, invoices(*more)]) if more else self.invoices
        new = validated(PaymentApplied, receivables.applied(self.invoices, COVERS, paid, self.applied, as_of))
        self.applied = pl.concat([self.applied, new])
        kept = receivables.on_account(self.invoices, paid, self.applied, ORDERS)
        assert receivables.unexplained(paid, self.applied, validated(PaymentOnAccount, kept)).is_empty()
        assert receivables.applied(self.invoices, COVERS, paid, self.applied, as_of).is_empty(), "a night run again"
        return shown(new, APPLIED)

    def open(self, as_of: date = NIGHT) -> list[tuple[Any, ...]]:
        """Open invoices."""
        return shown(validated(Receivable, receivables.receivables(self.invoices, self.applied, as_of)), OPEN)

    def kept(self, paid: pl.DataFrame) -> list[tuple[Any, ...]]:
        """What is on account, and why."""
        return shown(receivables.on_account(self.invoices, paid, self.applied, ORDERS), KEPT)


def test_a_payment_pays_the_invoice_it_names() -> None:
    ledger = Ledger()
    assert ledger.night(payments("p1 | I2 | | 50 | EUR | 2026-11-20")) == drawn(APPLIED, "p1 | I2 | 1 | 50")
    assert ledger.open() == drawn(OPEN, "I1 | 100", "I3 | 70", "M1 | 30")


def test_a_payment_by_order_pays_its_oldest_open_invoices_first() -> None:
    ledger = Ledger()
    paid = payments("p1 | | O1 | 120 | EUR | 2026-11-20")
    assert ledger.night(paid) == drawn(APPLIED, "p1 | I1 | 1 | 100", "p1 | I2 | 1 | 20")
    assert ledger.open() == drawn(OPEN, "I2 | 30", "I3 | 70", "M1 | 30")


def test_a_payment_that_names_both_pays_its_invoice_before_the_orders_others() -> None:
    paid = payments("p1 | I2 | O1 | 120 | EUR | 2026-11-20")
    assert Ledger().night(paid) == drawn(APPLIED, "p1 | I1 | 1 | 70", "p1 | I2 | 1 | 50")


def test_underpaid_stays_open_and_overpaid_is_on_account_and_owed_back() -> None:
    ledger = Ledger()
    paid = payments("p1 | I3 | | 69.99 | USD | 2026-11-20", "p2 | M1 | | 40 | EUR | 2026-11-20")
    ledger.night(paid)
    assert ledger.open() == drawn(OPEN, "I1 | 100", "I2 | 50", "I3 | 0.01")
    assert ledger.kept(paid) == drawn(KEPT, "p2 | 10 | overpaid")


def test_what_is_paid_twice_is_owed_back_once() -> None:
    ledger = Ledger()
    paid = payments("p2 | I3 | | 70 | USD | 2026-11-21", "p1 | I3 | | 70 | USD | 2026-11-20")
    assert ledger.night(paid) == drawn(APPLIED, "p1 | I3 | 1 | 70")
    assert ledger.kept(paid) == drawn(KEPT, "p2 | 70 | overpaid")


def test_what_an_invoice_is_overpaid_by_pays_the_others_of_its_order_first() -> None:
    ledger = Ledger()
    paid = payments("p2 | I1 | | 100 | EUR | 2026-11-21", "p1 | I1 | | 100 | EUR | 2026-11-20")
    assert ledger.night(paid) == drawn(APPLIED, "p1 | I1 | 1 | 100", "p2 | I2 | 1 | 50")
    assert ledger.kept(paid) == drawn(KEPT, "p2 | 50 | overpaid")


def test_who_paid_an_invoice_is_not_asked_for_the_one_that_corrects_it() -> None:
    ledger = Ledger()
    paid = payments("p0 | I2 | | 50 | EUR | 2026-11-19", "p1 | I1 | | 100 | EUR | 2026-11-20")
    ledger.night(paid)
    credit = "C1 | credit_note | 1 | 2026-11-24 | O1 | EUR | 100 | 2026-11-24 | I1"
    anew = "I5 | invoice | 5 | 2026-11-24 | O1 | EUR | 120 | 2026-12-01 | "
    assert ledger.night(paid, credit, anew) == drawn(APPLIED, "p1 | I1 | 2 | -100", "p1 | I5 | 1 | 100")
    assert ledger.open() == drawn(OPEN, "I3 | 70", "I5 | 20", "M1 | 30")
    assert ledger.kept(paid) == []


def test_money_before_the_invoice_waits_and_pays_it_when_it_comes() -> None:
    ledger = Ledger(invoices=empty(Invoice))
    paid = payments("p1 | | O1 | 120 | EUR | 2026-11-01")
    assert ledger.night(paid) == []
    assert ledger.night(paid, *INVOICES[:1]) == drawn(APPLIED, "p1 | I1 | 1 | 100")
    assert ledger.night(paid, *INVOICES[1:2]) == drawn(APPLIED, "p1 | I2 | 1 | 20")


@pytest.mark.parametrize(
    ("payment", "reason"),
    [
        ("p1 | X9 | | 5 | EUR | 2026-11-20", "unknown_invoice"),
        ("p1 | | X9 | 5 | EUR | 2026-11-20", "unknown_order"),
        ("p1 | I1 | | 5 | USD | 2026-11-20", "other_currency"),
        ("p1 | | O1 | 5 | USD | 2026-11-20", "other_currency"),
        ("p1 | | O5 | 5 | EUR | 2026-11-20", "not_billed_yet"),
        ("p1 | | O6 | 5 | EUR | 2026-11-20", "billed_elsewhere"),
        ("p1 | | O5 | -5 | EUR | 2026-11-20", "paid_back_too_much"),
    ],
)
def test_money_that_pays_nothing_is_kept_with_its_reason(payment: str, reason: str) -> None:
    ledger, paid = Ledger(), payments(payment)
    assert ledger.night(paid) == []
    assert [row[2] for row in ledger.kept(paid)] == [reason]
    owed = receivables.refunds_due(
        receivables.on_account(ledger.invoices, paid, ledger.applied, ORDERS), empty(RefundDue), NIGHT
    )
    assert owed.is_empty()


def test_a_credit_note_lowers_what_is_open() -> None:
    ledger = Ledger()
    assert ledger.night(payments(), "C1 | credit_note | 1 | 2026-11-24 | O1 | EUR | 30 | 2026-11-24 | I1") == []
    assert ledger.open() == drawn(OPEN, "I1 | 70", "I2 | 50", "I3 | 70", "M1 | 30")


def test_a_credit_note_on_a_paid_invoice_gives_the_newest_payment_back() -> None:
    ledger = Ledger()
    paid = payments(
        "p0 | I2 | | 50 | EUR | 2026-11-19", "p1 | I1 | | 60 | EUR | 2026-11-20", "p2 | I1 | | 40 | EUR | 2026-11-21"
    )
    ledger.night(paid)
    credit = "C1 | credit_note | 1 | 2026-11-24 | O1 | EUR | 50 | 2026-11-24 | I1"
    assert ledger.night(paid, credit) == drawn(APPLIED, "p1 | I1 | 2 | -10", "p2 | I1 | 2 | -40")
    assert ledger.kept(paid) == drawn(KEPT, "p1 | 10 | overpaid", "p2 | 40 | overpaid")


def test_what_a_credit_note_gives_back_pays_the_orders_next_open_invoice() -> None:
    ledger = Ledger()
    paid = payments("p1 | | O1 | 100 | EUR | 2026-11-20")
    ledger.night(paid)
    credit = "C1 | credit_note | 1 | 2026-11-24 | O1 | EUR | 80 | 2026-11-24 | I1"
    assert ledger.night(paid, credit) == drawn(APPLIED, "p1 | I1 | 2 | -80", "p1 | I2 | 1 | 50")
    assert ledger.kept(paid) == drawn(KEPT, "p1 | 30 | overpaid")


def test_money_back_takes_from_the_account_first_and_then_reopens() -> None:
    ledger = Ledger()
    paid = payments("p1 | I1 | | 110 | EUR | 2026-11-20", "p2 | I1 | | -10 | EUR | 2026-11-22")
    assert ledger.night(paid) == drawn(APPLIED, "p1 | I1 | 1 | 100")
    assert ledger.kept(paid) == []
    more = payments(
        "p1 | I1 | | 110 | EUR | 2026-11-20",
        "p2 | I1 | | -10 | EUR | 2026-11-22",
        "p3 | I1 | | -25 | EUR | 2026-11-24",
    )
    assert ledger.night(more) == drawn(APPLIED, "p3 | I1 | 1 | -25")
    assert ledger.open()[0] == ("I1", "25")


def test_a_refund_that_names_the_credit_note_settles_what_was_owed() -> None:
    ledger = Ledger()
    ledger.night(payments("p1 | I1 | | 100 | EUR | 2026-11-20"))
    paid = payments("p1 | I1 | | 100 | EUR | 2026-11-20", "p2 | C1 | | -50 | EUR | 2026-11-24")
    ledger.night(paid, "C1 | credit_note | 1 | 2026-11-24 | O1 | EUR | 50 | 2026-11-24 | I1")
    assert ledger.kept(paid) == []
    assert ledger.open()[0] == ("I2", "50")


def test_money_paid_back_before_its_credit_note_reopens_only_until_it_comes() -> None:
    ledger = Ledger()
    paid = payments("p1 | I1 | | 100 | EUR | 2026-11-20", "p2 | I1 | | -50 | EUR | 2026-11-23")
    ledger.night(paid)
    assert ledger.open()[0] == ("I1", "50")
    assert ledger.night(paid, "C1 | credit_note | 1 | 2026-11-24 | O1 | EUR | 50 | 2026-11-24 | I1") == []
    assert ledger.open()[0] == ("I2", "50")
    assert ledger.kept(paid) == []


def test_a_refund_that_names_the_credit_note_of_a_monthly_invoice_is_taken_from_what_was_paid_for_it() -> None:
    ledger = Ledger()
    paid = payments("p1 | M1 | | 30 | EUR | 2026-11-20", "p2 | C1 | | -10 | EUR | 2026-11-24")
    ledger.night(paid, "C1 | credit_note | 1 | 2026-11-24 | | EUR | 10 | 2026-11-24 | M1")
    assert ledger.applied["amount"].sum() == 20
    assert ledger.kept(paid) == []


def test_money_back_by_order_beyond_its_account_reopens_the_newest_paid_invoice() -> None:
    ledger = Ledger()
    paid = payments("p1 | | O1 | 150 | EUR | 2026-11-20", "p2 | | O1 | -60 | EUR | 2026-11-24")
    assert ledger.night(payments("p1 | | O1 | 150 | EUR | 2026-11-20")) == drawn(
        APPLIED, "p1 | I1 | 1 | 100", "p1 | I2 | 1 | 50"
    )
    assert ledger.night(paid) == drawn(APPLIED, "p2 | I1 | 1 | -10", "p2 | I2 | 1 | -50")


def test_what_one_order_takes_back_of_a_monthly_invoice_the_surplus_of_another_pays() -> None:
    paid = payments("p1 | | O3 | 50 | EUR | 2026-11-20", "p2 | | O4 | -10 | EUR | 2026-11-20")
    ledger = Ledger()
    assert ledger.night(paid) == drawn(APPLIED, "p1 | M1 | 1 | 40", "p2 | M1 | 1 | -10")
    assert ledger.kept(paid) == drawn(KEPT, "p1 | 10 | overpaid")


def test_a_voided_payment_leaves_its_invoice_open() -> None:
    ledger, row = Ledger(), "p1 | I1 | | 100 | EUR | 2026-11-20"
    ledger.night(payments(row))
    assert ledger.night(payments(row, voided="p1")) == drawn(APPLIED, "p1 | I1 | 2 | -100")
    assert ledger.open()[0] == ("I1", "100")
    assert ledger.kept(payments(row, voided="p1")) == []


def test_orders_on_one_monthly_invoice_pay_it_together_and_no_more_than_it_is() -> None:
    ledger = Ledger()
    paid = payments("p1 | | O3 | 20 | EUR | 2026-11-21", "p2 | | O4 | 20 | EUR | 2026-11-22")
    assert ledger.night(paid) == drawn(APPLIED, "p1 | M1 | 1 | 20", "p2 | M1 | 1 | 10")
    assert ledger.kept(paid) == drawn(KEPT, "p2 | 10 | overpaid")


def test_payments_of_one_night_come_to_the_same_whatever_their_order() -> None:
    rows = [
        "p1 | | O1 | 30 | EUR | 2026-11-20",
        "p2 | I2 | | 70 | EUR | 2026-11-20",
        "p3 | | O1 | 90 | EUR | 2026-11-19",
        "p4 | | O3 | 9 | EUR | 2026-11-19",
    ]
    assert Ledger().night(payments(*rows)) == Ledger().night(payments(*reversed(rows)))


@pytest.mark.parametrize(
    ("as_of", "days", "bucket"),
    [
        (date(2026, 11, 7), 0, "not_due"),
        (date(2026, 11, 8), 0, "not_due"),
        (date(2026, 11, 9), 1, "1-30"),
        (date(2026, 12, 8), 30, "1-30"),
        (date(2026, 12, 9), 31, "31-60"),
        (date(2027, 1, 8), 61, "61-90"),
        (date(2027, 2, 7), 91, "91+"),
    ],
)
def test_receivables_age_from_the_day_after_they_were_due(as_of: date, days: int, bucket: str) -> None:
    found = receivables.receivables(invoices(INVOICES[0]), empty(PaymentApplied), as_of)
    assert shown(found, "days_overdue | bucket") == [(str(days), bucket)]


def test_money_is_owed_since_the_night_it_was_first_seen() -> None:
    ledger, paid = Ledger(), payments("p1 | I1 | | 180 | EUR | 2026-11-20")
    ledger.night(paid)
    kept = receivables.on_account(ledger.invoices, paid, ledger.applied, ORDERS)
    first = validated(RefundDue, receivables.refunds_due(kept, empty(RefundDue), NIGHT))
    header = "payment_id | order_id | customer_id | amount | since"
    assert shown(first, header) == drawn(header, "p1 | O1 | K1 | 30 | 2026-11-24")
    assert receivables.refunds_due(kept, first, date(2026, 11, 30)).equals(first)


def test_the_payment_of_an_order_is_told_in_one_word() -> None:
    ledger = Ledger()
    paid = payments(
        "p1 | | O1 | 120 | EUR | 2026-11-20",
        "p2 | | O2 | 71 | USD | 2026-11-20",
        "p3 | | O3 | 30 | EUR | 2026-11-20",
        "p4 | | O5 | 1 | EUR | 2026-11-20",
    )
    ledger.night(
        paid,
        "I9 | invoice | 9 | 2026-11-24 | O9 | EUR | 5 | 2026-11-24 | ",
        "C9 | credit_note | 9 | 2026-11-24 | O9 | EUR | 5 | 2026-11-24 | I9",
    )
    covers = pl.concat([COVERS, frame("order_id | invoice_number", "O9 | I9")])
    kept = receivables.on_account(ledger.invoices, paid, ledger.applied, ORDERS)
    found = receivables.payment_axis(ledger.invoices, covers, ledger.applied, kept)
    header = "order_id | payment"
    assert shown(found, header) == drawn(
        header, "O1 | partly_paid", "O2 | overpaid", "O3 | paid", "O4 | paid", "O5 | overpaid", "O9 | none"
    )


LEVELS = frame("level | overdue_days | fee", "1 | 7 | ", "2 | 21 | 5", "3 | 35 | 10", schema=ReminderLevel)
NOBODY = pl.DataFrame(schema={"invoice_number": pl.String})


def test_reminders_go_level_by_level_one_per_night_and_each_once() -> None:
    sent, told = empty(Reminder), []
    for as_of in (date(2026, 11, day) for day in (14, 15, 15, 16, 29, 30)):
        owed = receivables.receivables(invoices(INVOICES[0]), empty(PaymentApplied), as_of)
        new = validated(Reminder, receivables.reminders(owed, LEVELS, sent, NOBODY))
        sent = pl.concat([sent, new])
        told += shown(new, "level | as_of | fee")
    # due on the 8th: 7 days on the 15th, 21 on the 29th
    assert told == [("1", "2026-11-15", ""), ("2", "2026-11-29", "5")]


def test_a_long_overdue_invoice_still_gets_the_first_reminder_first() -> None:
    sent = empty(Reminder)
    for as_of in (date(2027, 3, 1), date(2027, 3, 1), date(2027, 3, 2)):
        owed = receivables.receivables(invoices(INVOICES[0]), empty(PaymentApplied), as_of)
        sent = pl.concat([sent, receivables.reminders(owed, LEVELS, sent, NOBODY)])
    assert shown(sent, "level | as_of") == [("1", "2027-03-01"), ("2", "2027-03-02")]


def test_a_block_of_the_customer_or_a_dispute_of_an_order_stops_reminders() -> None:
    owed = receivables.receivables(invoices(*INVOICES), empty(PaymentApplied), date(2027, 3, 1))
    cases = whole(
        frame("case_id | order_id | topic", "c1 | O4 | dispute", "c2 | O1 | delivery", "c3 | | dispute"),
        SupportCase,
        {},
    )
    nobody = whole_customers(CUSTOMERS)
    stopped = receivables.blocked(owed, COVERS, nobody, cases)
    assert shown(stopped, "invoice_number") == [("M1",)]
    assert "M1" not in receivables.reminders(owed, LEVELS, empty(Reminder), stopped)["invoice_number"]
    spared = nobody.with_columns(reminders_blocked=pl.col("customer_id") == "K1")
    assert receivables.blocked(owed, COVERS, spared, cases.clear()).height == 4


def test_a_customers_exposure_is_what_is_open_and_what_is_not_billed_yet() -> None:
    asked = orders(
        "order_id | channel | status | is_history | currency",
        "O1 | online | confirmed | false | EUR",
        "O2 | online | received | false | USD",
        "O3 | online | rejected | false | EUR",
        "O4 | online | confirmed | true | EUR",
        "O5 | store | confirmed | false | EUR",
    )
    header = "order_id | line_no | quantity | unit_price | discount_amount | cancelled | invoiced | credited"
    sold = lines(
        header, "O1 | 1 | 6 | 10 | 3 | 1 | 3 | 1", *(f"O{order} | 1 | 1 | 5 | | 0 | 0 | 0" for order in (2, 3, 4, 5))
    )
    owed = receivables.receivables(invoices(INVOICES[0]), empty(PaymentApplied), NIGHT)
    found = receivables.exposure(owed, asked, sold, CHANNELS)
    header = "customer_id | currency | receivable_amount | uninvoiced_amount | exposure_amount"
    # 6 - 1 - (3 - 1) = 3 units: 30 less half of the discount
    assert shown(found, header) == drawn(header, "K1 | EUR | 100 | 28.5 | 128.5", "K1 | USD | 0 | 5 | 5")


@pytest.mark.parametrize(
    ("status", "channel", "counts", "expects"),
    [
        ("confirmed", "online", "0 | 0 | 0", "later"),
        ("confirmed", "online", "0 | 2 | 0", "nothing"),
        ("confirmed", "online", "0 | 2 | 1", "later"),
        ("cancelled", "online", "2 | 0 | 0", "nothing"),
        ("rejected", "online", "0 | 0 | 0", "nothing"),
        ("closed", "online", "0 | 0 | 0", "later"),
        ("closed", "agent", "0 | 1 | 0", "nothing"),
        ("closed", "agent", "0 | 0 | 0", "later"),
        ("received", "online", "0 | 0 | 0", "later"),
        ("confirmed", "store", "0 | 0 | 0", "elsewhere"),
        ("confirmed", "store", "0 | 2 | 0", "nothing"),
    ],
)
def test_an_order_expects_an_invoice_while_units_are_not_billed(
    status: str, channel: str, counts: str, expects: str
) -> None:
    asked = orders("order_id | status | channel", f"O1 | {status} | {channel}")
    sold = lines(
        "order_id | line_no | quantity | unit_price | shipped | cancelled | invoiced | credited",
        f"O1 | 1 | 2 | 1 | 1 | {counts}",
    )
    assert shown(receivables.expectations(asked, sold, CHANNELS), "expects") == [(expects,)]


def test_an_order_whose_lines_have_not_come_expects_its_invoice_still() -> None:
    asked = orders("order_id | status", "O1 | rejected")
    assert shown(receivables.expectations(asked, lines("order_id | line_no"), CHANNELS), "expects") == [("later",)]


def test_what_was_paid_back_of_a_payment_that_proves_void_reopens_no_invoice_twice() -> None:
    ledger = Ledger()
    first = ("p1 | I2 | | 50 | EUR | 2026-11-20",)
    back = (*first, "r1 | I2 | | -50 | EUR | 2026-11-21")
    ledger.night(payments(*first))
    ledger.night(payments(*back))
    assert ledger.night(payments(*back, voided="p1")) == drawn(APPLIED, "p1 | I2 | 2 | -50", "r1 | I2 | 2 | 50")
    assert ("I2", "50") in ledger.open()
    assert ledger.kept(payments(*back, voided="p1")) == drawn(KEPT, "r1 | -50 | paid_back_too_much")
