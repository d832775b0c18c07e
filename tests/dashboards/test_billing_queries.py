"""What is asked about billing, on tables drawn here; the expected figures are by hand."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import polars as pl
import pytest

from dashboards.queries import Scope, billing
from models.rules import billing_figures
from models.tables.billing import (
    BillingException,
    CustomerExposure,
    DailyBilling,
    Invoice,
    InvoiceLine,
    JournalEntry,
    PaymentApplied,
    Receivable,
    Reminder,
)
from tests.builders import frame
from tests.dashboards.sample_publication import AS_OF, publish

NIGHT = AS_OF.isoformat()
ACCOUNTS = (
    "document_id | entry_no | source | booked_on | entry | account | as_of | currency | debit_amount | credit_amount"
)


@pytest.fixture(scope="module")
def scope(tmp_path_factory: pytest.TempPathFactory) -> Scope:
    """Debts in three currencies: a pound is 1.20 EUR, of a krona no rate is known."""
    tables = {
        "exchange_rates": frame(
            "currency | quoted_on | rate",
            "GBP | 2026-11-01 | 1.10",
            "GBP | 2026-11-20 | 1.20",
            "GBP | 2026-11-30 | 9.00",
            schema={"quoted_on": pl.Date, "rate": pl.Decimal(24, 10)},
        ),
        "customers": frame("customer_id | name | credit_limit", "K1 | Ann | 100", "K2 | Bob | 30", "K3 | Cy | "),
        "daily_billing": frame(
            "day | currency | invoices | credit_notes | invoiced_amount | credited_amount | collected_amount | outstanding_amount"
            " | invoiced_amount_r | credited_amount_r | collected_amount_r | outstanding_amount_r",
            "2026-11-22 | EUR | 1 | 0 | 90.00 | 0 | 0 | 90.00 | 90.00 | 0 | 0 | 90.00",
            "2026-11-23 | EUR | 0 | 1 | 0 | 40.00 | 10.00 | 40.00 | 0 | 40.00 | 10.00 | 40.00",
            f"{NIGHT} | EUR | 2 | 0 | 60.00 | 0 | 20.00 | 80.00 | 60.00 | 0 | 20.00 | 80.00",
            f"{NIGHT} | GBP | 1 | 0 | 50.00 | 0 | 0 | 50.00 | 60.00 | 0 | 0 | 60.00",
            f"{NIGHT} | SEK | 1 | 0 | 700.00 | 0 | 0 | 700.00 | | | |",
            schema=DailyBilling,
        ),
        "invoices": frame(
            "invoice_number | kind | series | sequence | issued_on | order_id | customer_id | currency | gross_amount | due_on"
            " | credits_invoice_number | buyer_name",
            "I-1 | invoice | I | 1 | 2026-11-22 | o1 | K1 | EUR | 90.00 | 2026-11-22 | | Ann",
            f"I-2 | invoice | I | 2 | {NIGHT} | o1 | K1 | EUR | 60.00 | {NIGHT} | | Ann",
            "C-1 | credit_note | C | 1 | 2026-11-23 | o1 | K1 | EUR | 40.00 | 2026-11-23 | I-1 | Ann",
            f"I-3 | invoice | I | 3 | {NIGHT} | o3 | | GBP | 50.00 | {NIGHT} | | Walk-in",
            schema=Invoice,
        ),
        "invoice_lines": frame(
            "invoice_number | line_no | order_id | tax_category | tax_rate | net_amount | tax_amount",
            "I-1 | 1 | o1 | S | 0.19 | 50.00 | 9.50",
            "I-1 | 2 | o1 | S | 0.07 | 10.00 | 0.70",
            "I-1 | 3 | o1 | S | 0.19 | 16.64 | 3.16",
            "I-2 | 1 | o1 | S | 0.19 | 50.42 | 9.58",
            "I-2 | 2 | I-3 | S | 0.19 | 0 | 0",
            "C-1 | 1 | o1 | S | 0.19 | 33.61 | 6.39",
            "I-3 | 1 | o3 | S | 0.20 | 41.67 | 8.33",
            schema=InvoiceLine,
        ),
        "payments_applied": frame(
            "payment_id | invoice_number | entry_no | amount | currency | applied_on",
            "p1 | I-1 | 1 | 40.00 | EUR | 2026-11-22",
            "p1 | I-1 | 2 | -10.00 | EUR | 2026-11-23",
            schema=PaymentApplied,
        ),
        "receivables": frame(
            "as_of | invoice_number | customer_id | currency | open_amount | due_on | days_overdue | bucket",
            f"{NIGHT} | I-1 | K1 | EUR | 20.00 | 2026-11-22 | 2 | 1-30",
            f"{NIGHT} | I-2 | K1 | EUR | 60.00 | {NIGHT} | 0 | not_due",
            f"{NIGHT} | I-3 | | GBP | 50.00 | 2026-08-01 | 115 | 91+",
            f"{NIGHT} | I-4 | K2 | GBP | 40.00 | {NIGHT} | 0 | not_due",
            f"{NIGHT} | I-5 | K3 | SEK | 700.00 | {NIGHT} | 0 | not_due",
            "2026-11-23 | I-9 | K3 | EUR | 999.00 | 2026-11-23 | 0 | not_due",
            schema=Receivable,
        ),
        "reminders": frame(
            "invoice_number | level | as_of | currency | open_amount | days_overdue",
            "I-3 | 1 | 2026-08-08 | GBP | 50.00 | 7",
            "I-3 | 2 | 2026-08-22 | GBP | 50.00 | 21",
            schema=Reminder,
        ),
        "customer_exposure": frame(
            "customer_id | currency | receivable_amount | uninvoiced_amount | exposure_amount",
            "K1 | EUR | 80.00 | 15.00 | 95.00",
            "K2 | GBP | 40.00 | 0 | 40.00",
            schema=CustomerExposure,
        ),
        "billing_exceptions": frame(
            "as_of | order_id | reason | sentence",
            "2026-11-20 | o7 | on_hold | Release it.",
            f"{NIGHT} | o7 | on_hold | Release it.",
            f"{NIGHT} | o8 | unknown_tax_rate | Add the rate.",
            "2026-11-23 | o9 | on_hold | Gone by now.",
            schema=BillingException,
        ),
        "orders": frame(
            "order_id | goods_amount | currency | status | is_history",
            "o7 | 10.00 | GBP | on_hold | false",
            "o8 | 11.00 | EUR | confirmed | false",
            schema={"is_history": pl.Boolean},
        ),
        "journal_entries": frame(
            ACCOUNTS,
            "I-1 | 1 | invoice | 2026-11-22 | receivable | 1200 | 2026-11-22 | EUR | 90.00 | 0",
            "I-1 | 2 | invoice | 2026-11-22 | revenue | 4000 | 2026-11-22 | EUR | 0 | 90.00",
            f"I-3 | 1 | invoice | {NIGHT} | receivable | 1200 | {NIGHT} | GBP | 50.00 | 0",
            f"I-3 | 2 | invoice | {NIGHT} | revenue | | {NIGHT} | GBP | 0 | 50.00",
            schema=JournalEntry,
        ),
    }
    file = publish(tmp_path_factory.mktemp("billing"), tables)
    return Scope(file=str(file), time_zone="UTC", as_of=AS_OF, start=date(2026, 11, 22), end=AS_OF)


def decimals(found: pl.DataFrame, column: str) -> list[str | None]:
    return [None if value is None else f"{value:.2f}" for value in found[column]]


def test_amounts_of_several_currencies_are_only_added_in_the_reporting_currency(scope: Scope) -> None:
    everything, pounds = billing.days(scope, None), billing.days(scope, "GBP")
    # by hand on the last day: 60.00 EUR + 50.00 GBP at 1.20; the 700.00 SEK have no rate
    assert decimals(everything, "invoiced_amount") == ["90.00", "0.00", "120.00"]
    assert decimals(everything, "outstanding_amount") == ["90.00", "40.00", "140.00"]
    assert decimals(pounds, "invoiced_amount") == ["50.00"]


def test_what_has_no_exchange_rate_is_said_apart(scope: Scope) -> None:
    [row] = billing.without_rate(scope).to_dicts()
    assert (row["currency"], row["invoiced_amount"], row["outstanding_amount"]) == ("SEK", Decimal(700), Decimal(700))


def test_a_night_is_set_beside_the_nights_that_issued_something_of_its_kind_and_currency(scope: Scope) -> None:
    found = billing.tonight(scope).select("kind", "currency", "documents", "nights", "usual_documents").rows()
    assert found == [
        ("invoice", "EUR", 2, 1, 1),
        ("invoice", "GBP", 1, 0, None),
        ("invoice", "SEK", 1, 0, None),
        ("credit_note", "EUR", 0, 1, 1),
    ]


def test_amounts_are_converted_at_the_last_rate_quoted_up_to_the_night(scope: Scope) -> None:
    ageing = billing.shown(scope, billing.ageing(scope), None, "EUR", "open_amount")
    found = dict(ageing.filter(pl.col("currency") == "GBP").select("bucket", "open_amount").iter_rows())
    assert found == {"not_due": Decimal("48.00"), "91+": Decimal("60.00")}
    assert ageing.filter(pl.col("currency") == "SEK")["open_amount"].to_list() == [None]


def test_debtors_are_listed_by_what_is_overdue_with_their_limit_and_reminders(scope: Scope) -> None:
    found = billing.debtors(scope, None, "EUR")
    told = found.select("customer_id", "name", "days_overdue", "invoices", "reminders", "is_over").rows()
    assert told == [
        ("", "Walk-in", 115, 1, 2, False),
        ("K1", "Ann", 2, 2, 0, False),
        ("K2", "Bob", 0, 1, 0, True),
    ]
    assert decimals(found, "overdue_amount") == ["60.00", "20.00", "0.00"]
    assert decimals(found, "exposure_amount") == [None, "95.00", "48.00"]
    kronor = billing.debtors(scope, "SEK", "EUR")
    assert kronor.select("customer_id", "open_amount").rows() == [("K3", Decimal(700))]


def test_orders_that_could_not_be_billed_say_since_when_the_most_money_first(scope: Scope) -> None:
    found = billing.exceptions(scope, "EUR").select("order_id", "reason", "since").rows()
    # 10.00 GBP are 12.00 EUR, more than 11.00 EUR
    assert found == [("o7", "on_hold", date(2026, 11, 20)), ("o8", "unknown_tax_rate", AS_OF)]


def test_a_document_is_found_by_its_number_or_its_order(scope: Scope) -> None:
    assert billing.found(scope, "i-3") == ["I-3"]
    assert billing.found(scope, "O1") == ["I-1", "I-2", "C-1"]
    assert billing.found(scope, "nothing") == []
    assert billing.together(scope, "C-1")["invoice_number"].to_list() == ["I-1", "C-1"]


def test_the_balance_of_an_invoice_adds_up(scope: Scope) -> None:
    found = billing.balance(billing.together(scope, "I-1"), billing.applied(scope, "I-1"))
    # 90.00 - 40.00 credited - (40.00 - 10.00) paid
    assert [found[name] for name in ("credited_amount", "paid_amount", "open_amount")] == [40, 30, 20]


def test_the_tax_table_adds_lines_of_one_rate(scope: Scope) -> None:
    found = billing.tax(billing.lines(scope, "I-1"))
    assert decimals(found, "tax_rate") == ["0.07", "0.19"]
    assert decimals(found, "net_amount") == ["10.00", "66.64"]
    assert decimals(found, "tax_amount") == ["0.70", "12.66"]


def test_the_journal_is_summed_by_account_of_the_chosen_nights(scope: Scope) -> None:
    accounts, entries = billing.booked(scope, None, None)
    assert entries == 4
    assert accounts.select("currency", "account", "entry").rows() == [
        ("EUR", "1200", "receivable"),
        ("EUR", "4000", "revenue"),
        ("GBP", None, "revenue"),
        ("GBP", "1200", "receivable"),
    ]
    assert decimals(accounts, "balance") == ["90.00", "-90.00", "-50.00", "50.00"]
    assert billing.booked(scope, AS_OF, AS_OF)[1] == 2
    assert billing.journal(scope, AS_OF, AS_OF)["document_id"].to_list() == ["I-3", "I-3"]


def test_the_documents_of_a_period_say_what_is_open_of_each_invoice(scope: Scope) -> None:
    last = replace(scope, start=AS_OF)
    found = billing.documents(last, None)
    assert found.select("invoice_number", "open_amount").rows() == [("I-3", Decimal(50)), ("I-2", Decimal(60))]
    assert billing.issued(last, "EUR") == 1


def test_days_sales_outstanding_is_known_from_ninety_days_on() -> None:
    days = pl.DataFrame({"day": [AS_OF - timedelta(days=back) for back in range(90, -1, -1)]}).with_columns(
        pl.lit(Decimal(value)).cast(pl.Decimal(38, 4)).alias(name)
        for name, value in zip(billing.AMOUNTS, ("10.00", "1.00", "0.00", "90.00"), strict=True)
    )
    # 90.00 open x 90 days / (90 x 9.00) = 10 days
    found = billing_figures.days_sales_outstanding(days)
    assert found["sales_days"].to_list() == [None] * 89 + [10.0, 10.0]
