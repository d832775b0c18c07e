"""The figures of billing: days that add up, sales that stay open, and a night beside those before it."""

from datetime import date, timedelta

import polars as pl

from models.rules import billing_figures, money, stock
from models.tables.base import validated
from models.tables.billing import DailyBilling
from models.tables.feeds import ExchangeRate
from tests.billed import NIGHT, drawn, shown
from tests.builders import frame

ISSUED = "day | currency | kind | documents | amount"
ISSUED_TYPES = {
    "day": pl.Date, "currency": pl.String, "kind": pl.String, "documents": pl.Int64, "amount": money.SUM,
}  # fmt: skip
COLLECTED = "day | currency | amount"
COLLECTED_TYPES = {"day": pl.Date, "currency": pl.String, "amount": money.SUM}
RATES = stock.rates(
    frame("currency | quoted_on | rate", "USD | 2026-11-22 | 0.5", "USD | 2026-11-24 | 0.8", schema=ExchangeRate), "EUR"
)


def test_what_is_open_is_what_was_open_plus_invoiced_less_credited_and_collected() -> None:
    issued = frame(
        ISSUED,
        "2026-11-21 | USD | invoice | 2 | 100",
        "2026-11-23 | USD | credit_note | 1 | 30",
        "2026-11-24 | EUR | invoice | 1 | 7.50",
        schema=ISSUED_TYPES,
    )
    collected = frame(COLLECTED, "2026-11-22 | USD | 50", "2026-11-24 | USD | -10", schema=COLLECTED_TYPES)
    found = validated(DailyBilling, billing_figures.daily_billing(issued, collected, RATES, "EUR", NIGHT))
    header = (
        "day | currency | invoices | credit_notes | invoiced_amount | credited_amount | collected_amount | "
        "outstanding_amount | outstanding_amount_r"
    )
    # the first rate of the dollar is of the 22nd: before it nothing is known in euro
    assert shown(found, header) == drawn(
        header,
        "2026-11-21 | USD | 2 | 0 | 100 | 0 | 0 | 100 | ",
        "2026-11-22 | USD | 0 | 0 | 0 | 0 | 50 | 50 | 25",
        "2026-11-23 | USD | 0 | 1 | 0 | 30 | 0 | 20 | 10",
        "2026-11-24 | EUR | 1 | 0 | 7.5 | 0 | 0 | 7.5 | 7.5",
        "2026-11-24 | USD | 0 | 0 | 0 | 0 | -10 | 30 | 24",
    )


def test_without_any_document_there_is_no_day() -> None:
    issued, collected = frame(ISSUED, schema=ISSUED_TYPES), frame(COLLECTED, schema=COLLECTED_TYPES)
    assert validated(DailyBilling, billing_figures.daily_billing(issued, collected, RATES, "EUR", NIGHT)).is_empty()


def test_days_sales_outstanding_is_what_is_open_in_days_of_the_last_ninety_days_sales() -> None:
    days = pl.DataFrame(
        {
            "day": [NIGHT + timedelta(days=number) for number in range(92)],
            "invoiced_amount": [10] * 90 + [0, 100],
            "credited_amount": [1] * 92,
            "outstanding_amount": [90] * 92,
        },
        schema_overrides={
            "invoiced_amount": money.SUM, "credited_amount": money.SUM, "outstanding_amount": money.SUM,
        },
    )  # fmt: skip
    found = billing_figures.days_sales_outstanding(days)["sales_days"].to_list()
    # 90 days of 10 - 1 are 810: 90 of them are 10 days; without one 10 it is 800: 10.1 days; with the 100 it is 890: 9.1
    assert found[:89] == [None] * 89
    assert found[89:] == [10.0, 10.1, 9.1]


def test_a_night_is_set_beside_the_nights_of_the_four_weeks_before() -> None:
    before = [date(2026, 10, 26), date(2026, 10, 27), date(2026, 11, 1), date(2026, 11, 23)]
    rows = [f"{day} | EUR | invoice | {number + 1} | {100 * (number + 1)}" for number, day in enumerate(before)]
    issued = frame(
        ISSUED,
        *rows,
        f"{NIGHT} | EUR | invoice | 9 | 950",
        f"{NIGHT} | USD | credit_note | 1 | 5",
        "2026-11-20 | GBP | invoice | 2 | 20",
        "2026-11-25 | EUR | invoice | 7 | 70",
        schema=ISSUED_TYPES,
    )
    header = (
        "kind | currency | documents | amount | nights | usual_documents | usual_amount | least_amount | most_amount"
    )
    # the night of 26 October is 29 days before
    assert shown(billing_figures.compared(issued, NIGHT), header) == drawn(
        header,
        "invoice | EUR | 9 | 950 | 3 | 3 | 300 | 200 | 400",
        "invoice | GBP | 0 | 0 | 1 | 2 | 20 | 20 | 20",
        "credit_note | USD | 1 | 5 | 0 |  |  |  | ",
    )
