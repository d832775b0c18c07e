"""What needs a person: one sentence each, the most money first, long lists closed by one summary."""

from datetime import date

import polars as pl

from models.rules import attention
from models.tables.billing import PaymentOnAccount, Receivable, RefundDue, Reminder, ReminderLevel
from models.tables.intake import FeedFile, WaitingRow
from tests.billed import whole
from tests.builders import frame

NIGHT = date(2026, 1, 5)
SEEN = {"item_id": pl.String, "first_seen_on": pl.Date}
MONEY = {"amount": pl.Decimal(38, 4), "promised_on": pl.Date}
NOTHING_BEFORE = frame("item_id | first_seen_on", schema=SEEN)


def told(*found: pl.DataFrame, before: pl.DataFrame = NOTHING_BEFORE) -> list[tuple[object, ...]]:
    return attention.attention(list(found), before, NIGHT).select("item_id", "sentence", "first_seen_on").rows()


def test_a_held_file_says_why() -> None:
    files = frame(
        "file_id | feed | name | status | reason | rows_in | accepted | rejected | duplicates | as_of | file_sequence",
        "f1 | orders | a.xlsx | held | it is no workbook | 0 | 0 | 0 | 0 | 2026-01-03 | 1",
        "f2 | orders | b.csv | loaded | | 1 | 1 | 0 | 0 | 2026-01-03 | 2",
        schema=FeedFile,
    )
    assert told(attention.held_files(files)) == [
        ("held_file:orders/a.xlsx", "File orders/a.xlsx is held: it is no workbook", date(2026, 1, 3))
    ]


def test_a_retraction_that_does_not_say_which_file_is_asked_about() -> None:
    unclear = frame(
        "decision_id | subject_id | decided_on | files",
        "d1 | a.csv | 2026-01-04 | 2",
        "d2 | b.csv | 2026-01-04 | 0",
        schema={"decided_on": pl.Date},
    )
    assert [sentence for _, sentence, _ in told(attention.unclear_retractions(unclear))] == [
        "Nothing is retracted by decision d1: 2 files are named a.csv; decide again with the file_id of the one.",
        "Nothing is retracted by decision d2: no file named b.csv was taken in; decide again with its right name or file_id.",
    ]


def test_what_waits_since_tonight_only_is_no_work_yet() -> None:
    waiting = frame(
        "feed | key | waits_for | file_id | record_number | since",
        "payments | p1 | order o1 | f | 1 | 2026-01-04",
        "order_lines | o2/1 | order o2 | f | 1 | 2026-01-05",
        schema=WaitingRow,
    )
    assert [item for item, *_ in told(attention.waiting_records(waiting, NIGHT))] == ["waiting_records:payments"]


def test_an_order_is_late_the_day_after_its_promise_until_it_has_arrived() -> None:
    orders = frame(
        "order_id | promised_on | fulfilment | amount",
        "due | 2026-01-05 | none | 1",
        "late | 2026-01-04 | shipped | 2",
        "there | 2026-01-04 | delivered | 3",
        schema=MONEY,
    )
    assert told(attention.late_orders(orders, NIGHT)) == [
        (
            "late_order:late",
            "Order late was promised for 2026-01-04 and is shipped: tell the customer and find out why.",
            date(2026, 1, 5),
        )
    ]


def test_what_was_seen_before_keeps_its_first_day() -> None:
    refused = frame("order_id | event | reason | amount", "o1 | shipped | nothing_left | 5", schema=MONEY)
    before = frame("item_id | first_seen_on", "refused_fact:o1 | 2026-01-02", schema=SEEN)
    assert [first for *_, first in told(attention.refused_facts(refused), before=before)] == [date(2026, 1, 2)]
    assert [first for *_, first in told(attention.refused_facts(refused))] == [NIGHT]


def test_a_long_list_shows_the_largest_amounts_and_sums_up_the_rest() -> None:
    orders = pl.DataFrame({"order_id": [f"o{n:03}" for n in range(103)], "amount": range(103)}).cast(
        {"amount": pl.Decimal(38, 4)}
    )
    findings = frame("order_id | facts | as_of", schema={"order_id": pl.String, "facts": pl.String, "as_of": pl.Date})
    rows = attention.attention([attention.orders_on_hold(orders, findings)], NOTHING_BEFORE, NIGHT)
    assert rows.height == attention.SHOWN + 1
    rest = rows.filter(pl.col("subject_id") == "more")
    assert rest.select(pl.col("amount").cast(pl.Int64), "sentence").row(0) == (
        0 + 1 + 2,
        "3 more of the kind: order on hold.",
    )
    assert "o002" not in rows["subject_id"].to_list()


def test_nothing_to_do_is_an_empty_list() -> None:
    assert told() == []


def test_an_order_that_cannot_be_billed_says_every_reason_and_a_refused_event_is_asked_about_elsewhere() -> None:
    exceptions = frame(
        "order_id | reason | sentence | amount",
        "o1 | unknown_tax_rate | There is no rate. | 10",
        "o1 | on_hold | It is on hold. | 10",
        "o2 | refused_fact | An event was refused. | 5",
        schema={"amount": pl.Decimal(38, 4)},
    )
    assert told(attention.orders_not_billed(exceptions)) == [
        ("not_billed:o1", "Order o1 is not billed. It is on hold. There is no rate.", NIGHT)
    ]


def test_money_owed_back_is_named_with_its_payment_order_and_customer() -> None:
    refunds = frame(
        "payment_id | order_id | customer_id | currency | amount | since",
        "p1 | o1 | k1 | KWD | 1.235 | 2026-01-02",
        "p2 | | | JPY | 500 | 2026-01-05",
        "p3 | | | EUR | 0.0001 | 2026-01-05",
        "p4 | | | EUR | -7.5 | 2026-01-05",
        schema=RefundDue,
    ).with_columns(amount_r=pl.lit(None, pl.Decimal(18, 4)))
    assert told(attention.refunds_to_pay(refunds)) == [
        ("refund_due:p1", "1.235 KWD of payment p1 for order o1 is owed back to k1: pay it back.", date(2026, 1, 2)),
        ("refund_due:p2", "500 JPY of payment p2 is owed back to the customer: pay it back.", NIGHT),
        ("refund_due:p3", "0.0001 EUR of payment p3 is owed back to the customer: pay it back.", NIGHT),
        ("refund_due:p4", "-7.50 EUR of payment p4 is owed back to the customer: pay it back.", NIGHT),
    ]


def test_a_payment_that_nobody_can_place_is_asked_about_and_one_whose_invoice_is_to_come_is_not() -> None:
    rows = frame(
        "payment_id | currency | amount | received_on | reason",
        "p1 | EUR | 5 | 2026-01-04 | unknown_invoice",
        "p2 | EUR | 5 | 2026-01-04 | not_billed_yet",
        "p3 | EUR | -3 | 2026-01-03 | paid_back_too_much",
        schema=PaymentOnAccount,
    )
    rows = whole(rows, PaymentOnAccount, {}).with_columns(amount_r=pl.col("amount"))
    assert told(attention.payments_to_place(rows)) == [
        (
            "payment_to_place:p1",
            "Payment p1 of 5.00 EUR pays nothing: it names no invoice that is known; ask the payer.",
            date(2026, 1, 4),
        ),
        (
            "payment_to_place:p3",
            "Payment p3 of -3.00 EUR pays nothing: more was paid back than had been paid; claim it back.",
            date(2026, 1, 3),
        ),
    ]


def test_a_debt_is_to_be_collected_from_the_night_after_its_last_reminder() -> None:
    levels = frame("level | overdue_days", "1 | 7", "2 | 21", schema=ReminderLevel)
    rows = frame(
        "as_of | invoice_number | customer_id | currency | open_amount | due_on | days_overdue | bucket",
        "2026-01-05 | I1 | k1 | EUR | 10 | 2025-12-10 | 26 | 1-30",
        "2026-01-05 | I2 | k1 | EUR | 10 | 2025-12-15 | 21 | 1-30",
        "2026-01-05 | I3 | k1 | EUR | 10 | 2025-12-20 | 16 | 1-30",
        schema=Receivable,
    )
    rows = whole(rows, Receivable, {}).with_columns(amount_r=pl.col("open_amount"))
    sent = whole(
        frame("invoice_number | level | as_of", "I1 | 2 | 2026-01-01", "I2 | 2 | 2026-01-05", "I3 | 1 | 2026-01-01", schema=Reminder),
        Reminder,
        {},
    )  # fmt: skip
    sentence = "Invoice I1 of k1 is 26 days overdue and its last reminder went out on 2026-01-01: collect it."
    assert told(attention.debts_to_collect(rows, sent, levels)) == [("debt_to_collect:I1", sentence, NIGHT)]
    assert told(attention.debts_to_collect(rows, sent, levels.clear())) == []
