"""The nightly billing run: every unit billed once, numbers without a gap, every payment somewhere, nothing issued changed."""

import shutil
import signal
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from pipelines.nightly import nightly, replay
from pipelines.rebuild import rebuild
from pipelines.stages import STAGES, Night
from pipelines.workspace import Workspace
from tests.shops import assert_same, contents, day, land, query, shop

SETTINGS = """
[business]
time_zone = "Europe/Berlin"
goes_live_on = 2026-03-01
[company]
name = "Haus & Hof"
country = "DE"
[billing]
{billing}
"""
FIRST, SECOND, THIRD, FOURTH = (day("2026-03-02") + timedelta(days=number) for number in range(4))
ORDERS = "order_id | channel | customer_id | ordered_at | currency | shipping_amount"
LINES = "order_id | line_no | sku | quantity | unit_price | discount_amount"
EVENTS = "event_id | order_id | line_no | event | occurred_at | quantity"
PAYMENTS = "payment_id | invoice_number | order_id | amount | currency | received_on"
DECIDED = "decision_id | subject | subject_id | action | decided_by | decided_at | reason"
DOCUMENTS = """SELECT invoice_number, issued_on, order_id, net_amount::VARCHAR, tax_amount::VARCHAR, gross_amount::VARCHAR
               FROM invoices ORDER BY kind DESC, invoice_number"""
ISSUED = ("invoices", "invoice_lines", "payments_applied", "reminders", "journal_entries")


def settled(billing: str = "") -> str:
    return SETTINGS.format(billing=billing)


def lands(found: Workspace, feed: str, name: str, header: str, *rows: str) -> None:
    """A file that is complete at once."""
    land(found, feed, name, header, *rows)


def billing_shop(root: Path, billing: str = "") -> Workspace:
    """Two orders of the first day: one of four apples at 2.50 with a discount and shipping, one of two books."""
    found = shop(root, settled(billing))
    (found.root / "rules").mkdir()
    (found.root / "rules" / "tax_rates.csv").write_text(
        "tax_code,country,valid_from,rate_percent,category,exemption_reason\n"
        "STD,DE,,19,S,\nRED,DE,,7,S,\nSTD,JP,,10,S,\nSTD,KW,,5,S,\n",
        encoding="utf-8",
    )
    lands(
        found, "products", "p.csv", "sku | name | unit_price | tax_code", "A | Apple | 2.50 | ", "B | Book | 9.99 | RED"
    )
    lands(
        found,
        "customers",
        "c.csv",
        "customer_id | name | street | city | postcode | country | payment_terms_days",
        "k1 | Ann | Road 1 | Bonn | 53111 | DE | 14",
        "k2 | Bob | Way 2 | Kiel | 24103 | DE |",
    )
    lands(
        found,
        "orders",
        "o1.csv",
        ORDERS,
        "o1 | online | k1 | 2026-03-02T09:00:00Z | EUR | 4.90",
        "o2 | online | k2 | 2026-03-02T10:00:00Z | EUR |",
    )
    lands(found, "order_lines", "l1.csv", LINES, "o1 | 1 | A | 4 | 2.50 | 1.00", "o2 | 1 | B | 2 | 9.99 |")
    return found


def green(found: Workspace, *nights: date) -> None:
    for night in nights:
        run = nightly(found, night)
        assert run.is_green, run.broken_proofs


def test_a_confirmed_order_is_billed_that_night_and_never_again(tmp_path: Path) -> None:
    found = billing_shop(tmp_path / "shop")
    green(found, FIRST)
    # o1: 10.00 - 1.00 + 4.90 = 13.90, 19 % = 2.641; o2: 19.98, 7 % = 1.3986
    expected = [
        ("INV-2026-000000001", FIRST, "o1", "13.9000", "2.6400", "16.5400"),
        ("INV-2026-000000002", FIRST, "o2", "19.9800", "1.4000", "21.3800"),
    ]
    assert query(found, DOCUMENTS) == expected
    before = contents(found)
    green(found, FIRST)
    assert_same(before, contents(found))
    green(found, SECOND)
    assert query(found, DOCUMENTS) == expected
    assert query(found, "SELECT order_id, billing, payment FROM orders ORDER BY ALL") == [
        ("o1", "invoiced", "none"),
        ("o2", "invoiced", "none"),
    ]
    assert query(found, "SELECT order_id, invoiced, credited FROM order_lines ORDER BY ALL") == [
        ("o1", 4, 0),
        ("o2", 2, 0),
    ]


def test_a_cancellation_before_the_invoice_is_not_billed_and_one_after_it_is_credited_the_same_night(
    tmp_path: Path,
) -> None:
    found = billing_shop(tmp_path / "shop")
    lands(found, "order_events", "e1.csv", EVENTS, "e1 | o2 | | cancelled | 2026-03-02T12:00:00Z |")
    green(found, FIRST)
    assert query(found, DOCUMENTS) == [("INV-2026-000000001", FIRST, "o1", "13.9000", "2.6400", "16.5400")]
    lands(found, "order_events", "e2.csv", EVENTS, "e2 | o1 | 1 | cancelled | 2026-03-03T12:00:00Z | 1")
    green(found, SECOND)
    # a quarter of 10.00 - 1.00; of the lines' share of tax (9.00 -> 1.71) a quarter is 0.4275
    assert query(found, "SELECT invoice_number, credits_invoice_number, net_amount::VARCHAR, tax_amount::VARCHAR "
                        "FROM invoices WHERE kind = 'credit_note'") == [
        ("CRN-2026-000000001", "INV-2026-000000001", "2.2500", "0.4300"),
    ]  # fmt: skip
    assert query(found, "SELECT order_id, billing FROM orders ORDER BY 1") == [
        ("o1", "partly_credited"),
        ("o2", "none"),
    ]


def test_a_return_told_late_is_credited_in_the_night_it_is_told(tmp_path: Path) -> None:
    found = billing_shop(tmp_path / "shop")
    lands(found, "order_events", "e1.csv", EVENTS, "e1 | o2 | | delivered | 2026-03-02T12:00:00Z |")
    green(found, FIRST, SECOND, THIRD)
    lands(found, "order_events", "e2.csv", EVENTS, "e2 | o2 | 1 | returned | 2026-03-03T12:00:00Z | 1")
    green(found, FOURTH)
    credited = "SELECT invoice_number, issued_on, gross_amount::VARCHAR FROM invoices WHERE kind = 'credit_note'"
    assert query(found, credited) == [("CRN-2026-000000001", FOURTH, "10.6900")]


def test_what_cannot_be_billed_is_listed_each_night_until_it_can(tmp_path: Path) -> None:
    found = billing_shop(tmp_path / "shop")
    lands(
        found,
        "orders",
        "o3.csv",
        ORDERS.replace("shipping_amount", "ship_country"),
        "o3 | online | k1 | 2026-03-02T09:00:00Z | EUR | FR",
    )
    lands(found, "order_lines", "l3.csv", LINES, "o3 | 1 | A | 1 | 2.50 |")
    green(found, FIRST, SECOND)
    listed = "SELECT as_of, order_id, reason, sentence FROM billing_exceptions ORDER BY ALL"
    told = "There is no rate for tax code STD in FR; add it to tax_rates.csv."
    assert query(found, listed) == [
        (FIRST, "o3", "unknown_tax_rate", told),
        (SECOND, "o3", "unknown_tax_rate", told),
    ]
    assert len(query(found, DOCUMENTS)) == 2
    assert query(found, "SELECT sentence FROM attention WHERE kind = 'not_billed' AND role = 'billing'")
    with (found.root / "rules" / "tax_rates.csv").open("a", encoding="utf-8") as rates:
        rates.write("STD,FR,,20,S,\n")
    green(found, THIRD)
    assert query(found, DOCUMENTS)[2] == ("INV-2026-000000003", THIRD, "o3", "2.5000", "0.5000", "3.0000")
    assert query(found, f"SELECT * FROM billing_exceptions WHERE as_of = DATE '{THIRD}'") == []


def test_an_order_with_a_refused_fact_is_billed_once_a_person_lets_it_go_on(tmp_path: Path) -> None:
    found = billing_shop(tmp_path / "shop")
    lands(found, "order_events", "e1.csv", EVENTS, "e1 | o1 | 1 | shipped | 2026-03-02T12:00:00Z | 9")
    green(found, FIRST)
    waits = "SELECT order_id, reason FROM billing_exceptions WHERE as_of = (SELECT max(as_of) FROM certificate)"
    asked = (
        "SELECT subject_id FROM attention WHERE kind = 'refused_fact' AND as_of = (SELECT max(as_of) FROM certificate)"
    )
    assert (query(found, waits), query(found, asked)) == ([("o1", "refused_fact")], [("o1",)])
    lands(found, "decisions", "d.csv", DECIDED, "d1 | order | o1 | ship_anyway | Ann | 2026-03-03T08:00:00Z | recount")
    green(found, SECOND)
    assert (query(found, waits), query(found, asked)) == ([], [])
    assert query(found, "SELECT order_id, issued_on FROM invoices ORDER BY ALL") == [("o1", SECOND), ("o2", FIRST)]
    assert query(found, "SELECT event_id, is_accepted FROM order_timeline WHERE event = 'shipped'") == [("e1", False)]
    lands(found, "order_events", "e2.csv", EVENTS, "e2 | o1 | 1 | returned | 2026-03-04T12:00:00Z | 9")
    green(found, THIRD)
    assert query(found, asked) == [("o1",)]


def test_decisions_about_nothing_are_told_of_for_some_days_or_until_there_is_such_a_thing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = billing_shop(tmp_path / "shop")
    lands(
        found,
        "decisions",
        "d.csv",
        DECIDED,
        "d1 | order | o77 | release | Ann | 2026-03-02T08:00:00Z |",
        "d2 | order | o2 | void | Ann | 2026-03-02T08:00:00Z |",
        "d3 | payment | p9 | void | Ann | 2026-03-02T08:00:00Z |",
        "d4 | invoice | o1 | credit | Ann | 2026-03-02T08:00:00Z |",
        "d5 | order | o2 | approve | Ann | 2026-03-02T08:00:00Z |",
    )
    green(found, FIRST)
    asked = (
        "SELECT sentence FROM attention WHERE kind = 'vain_decision' AND as_of = (SELECT max(as_of) FROM certificate)"
    )
    assert [sentence for (sentence,) in query(found, f"{asked} ORDER BY ALL")] == [
        "Decision d1 has no effect: no order o77 is known; decide again with its right id.",
        "Decision d2 has no effect: `void` cannot be decided about order o2.",
        "Decision d3 has no effect: no payment p9 is known; decide again with its right id.",
        "Decision d4 has no effect: no invoice o1 is known; decide again with its right id.",
    ]
    lands(found, "payments", "p.csv", PAYMENTS, "p9 | | o1 | 5.00 | EUR | 2026-03-03")
    lands(found, "order_events", "e.csv", EVENTS, "e1 | o1 | 1 | cancelled | 2026-03-03T12:00:00Z | 1")
    lands(
        found,
        "decisions",
        "d2.csv",
        DECIDED,
        "d6 | invoice | CRN-2026-000000001 | credit | Ann | 2026-03-03T08:00:00Z |",
    )
    green(found, SECOND)
    told = [sentence for (sentence,) in query(found, f"{asked} ORDER BY ALL")]
    assert len(told) == 4
    assert (
        told[-1] == "Decision d6 has no effect: no invoice CRN-2026-000000001 is known; decide again with its right id."
    )
    assert query(found, "SELECT count(*) FROM invoices WHERE kind = 'credit_note'") == [(1,)]
    monkeypatch.setattr("pipelines.warehouse.morning.TOLD_DAYS", 1)
    green(found, THIRD)
    assert query(found, asked) == []


def test_payments_meet_their_invoice_or_wait_and_money_owed_back_is_listed(tmp_path: Path) -> None:
    found = billing_shop(tmp_path / "shop")
    lands(
        found,
        "payments",
        "p1.csv",
        PAYMENTS,
        "p1 | | o1 | 20.00 | EUR | 2026-03-02",
        "p2 | INV-2026-000000002 | | 10.00 | EUR | 2026-03-02",
        "p3 | | o9 | 5.00 | EUR | 2026-03-02",
        "p4 | INV-2026-000000002 | | 11.38 | USD | 2026-03-02",
        "p5 | INV-2026-000000009 | | 1.00 | EUR | 2026-03-02",
    )
    green(found, FIRST)
    assert query(found, "SELECT payment_id, invoice_number, amount::VARCHAR FROM payments_applied ORDER BY ALL") == [
        ("p1", "INV-2026-000000001", "16.5400"),
        ("p2", "INV-2026-000000002", "10.0000"),
    ]
    assert query(found, "SELECT payment_id, amount::VARCHAR, reason FROM payments_on_account ORDER BY ALL") == [
        ("p1", "3.4600", "overpaid"),
        ("p3", "5.0000", "unknown_order"),
        ("p4", "11.3800", "other_currency"),
        ("p5", "1.0000", "unknown_invoice"),
    ]
    assert query(found, "SELECT key, waits_for FROM waiting_rows ORDER BY ALL") == [
        ("p3", "order o9"),
        ("p5", "invoice INV-2026-000000009"),
    ]
    assert query(found, "SELECT payment_id, amount::VARCHAR, since FROM refunds_due") == [("p1", "3.4600", FIRST)]
    assert query(found, "SELECT order_id, payment FROM orders ORDER BY 1") == [
        ("o1", "overpaid"),
        ("o2", "partly_paid"),
    ]
    assert query(found, "SELECT invoice_number, open_amount::VARCHAR, days_overdue, bucket FROM receivables") == [
        ("INV-2026-000000002", "11.3800", 0, "not_due")
    ]
    lands(found, "payments", "p2.csv", PAYMENTS, "p6 | | o1 | -3.46 | EUR | 2026-03-03")
    green(found, SECOND)
    assert query(found, "SELECT * FROM refunds_due") == []
    assert query(found, "SELECT order_id, payment FROM orders WHERE order_id = 'o1'") == [("o1", "paid")]
    overdue = f"SELECT days_overdue, bucket FROM receivables WHERE as_of = DATE '{SECOND}'"
    assert query(found, overdue) == [(1, "1-30")]


def test_a_voided_payment_reopens_its_invoice_and_is_booked_back(tmp_path: Path) -> None:
    found = billing_shop(tmp_path / "shop")
    lands(found, "payments", "p1.csv", PAYMENTS, "p1 | | o1 | 16.54 | EUR | 2026-03-02")
    green(found, FIRST)
    lands(found, "decisions", "d1.csv", DECIDED, "d1 | payment | p1 | void | Ann | 2026-03-03T08:00:00Z | bounced")
    green(found, SECOND)
    assert query(found, "SELECT amount::VARCHAR, applied_on FROM payments_applied ORDER BY entry_no") == [
        ("16.5400", FIRST),
        ("-16.5400", SECOND),
    ]
    assert query(
        found, f"SELECT open_amount::VARCHAR FROM receivables WHERE as_of = DATE '{SECOND}' AND order_id = 'o1'"
    ) == [("16.5400",)]
    bank = """SELECT document_id, booked_on, debit_amount::VARCHAR, credit_amount::VARCHAR FROM journal_entries
              WHERE entry = 'bank' ORDER BY 1"""
    assert query(found, bank) == [("p1#1", FIRST, "16.5400", "0.0000"), ("p1#2", SECOND, "0.0000", "16.5400")]


def test_a_retracted_file_of_payments_is_undone_and_its_correction_counts(tmp_path: Path) -> None:
    found = billing_shop(tmp_path / "shop")
    lands(
        found,
        "payments",
        "wrong.csv",
        PAYMENTS,
        "p1 | | o1 | 16.54 | USD | 2026-03-02",
        "p2 | | o2 | 21.38 | EUR | 2026-03-02",
    )
    green(found, FIRST)
    lands(found, "decisions", "d.csv", DECIDED, "d1 | file | wrong.csv | retract | Ann | 2026-03-03T08:00:00Z |")
    lands(
        found,
        "payments",
        "right.csv",
        PAYMENTS,
        "p1 | | o1 | 16.54 | EUR | 2026-03-02",
        "p2 | | o1 | 21.38 | EUR | 2026-03-02",
    )
    green(found, SECOND)
    paid = "SELECT payment_id, invoice_number, sum(amount)::VARCHAR FROM payments_applied GROUP BY ALL HAVING sum(amount) <> 0"
    assert query(found, paid) == [("p1", "INV-2026-000000001", "16.5400")]
    assert query(found, "SELECT payment_id, amount::VARCHAR, reason FROM payments_on_account") == [
        ("p2", "21.3800", "overpaid")
    ]


def test_an_order_whose_file_is_retracted_after_its_invoice_is_credited(tmp_path: Path) -> None:
    found = billing_shop(tmp_path / "shop")
    lands(found, "orders", "o3.csv", ORDERS, "o3 | online | k1 | 2026-03-02T09:00:00Z | EUR | 3.00")
    lands(found, "order_lines", "l3.csv", LINES, "o3 | 1 | A | 1 | 2.50 |")
    green(found, FIRST)
    lands(found, "decisions", "d.csv", DECIDED, "d1 | file | o3.csv | retract | Ann | 2026-03-03T08:00:00Z |")
    green(found, SECOND)
    credited = "SELECT credits_invoice_number, order_id, gross_amount::VARCHAR FROM invoices WHERE kind = 'credit_note'"
    # 2.50 + 3.00 = 5.50, 19 % = 1.045
    assert query(found, credited) == [("INV-2026-000000003", "o3", "6.5500")]
    green(found, THIRD)
    assert len(query(found, credited)) == 1


def test_a_line_whose_file_is_retracted_after_its_invoice_is_credited(tmp_path: Path) -> None:
    found = billing_shop(tmp_path / "shop")
    lands(found, "order_lines", "l2.csv", LINES, "o1 | 2 | B | 1 | 9.99 |")
    green(found, FIRST)
    lands(found, "decisions", "d.csv", DECIDED, "d1 | file | l2.csv | retract | Ann | 2026-03-03T08:00:00Z |")
    green(found, SECOND)
    credited = "SELECT order_line_no, quantity, net_amount::VARCHAR FROM invoice_lines WHERE credits_invoice_number IS NOT NULL"
    assert query(found, credited) == [(2, 1, "9.9900")]


def test_who_paid_an_invoice_whose_price_is_corrected_owes_the_difference_only(tmp_path: Path) -> None:
    found = billing_shop(tmp_path / "shop")
    green(found, FIRST)
    lands(
        found,
        "payments",
        "pay.csv",
        PAYMENTS,
        "p1 | INV-2026-000000001 | | 16.54 | EUR | 2026-03-03",
        "p2 | INV-2026-000000002 | | 21.38 | EUR | 2026-03-03",
    )
    green(found, SECOND)
    assert query(found, "SELECT count(*) FROM receivables WHERE as_of = '2026-03-03'") == [(0,)]
    revised = f"{LINES} | updated_at"
    lands(
        found,
        "order_lines",
        "l2.csv",
        revised,
        "o1 | 1 | A | 4 | 3.00 | 1.00 | 2026-03-04T08:00:00Z",
        "o2 | 1 | B | 2 | 9.00 | | 2026-03-04T08:00:00Z",
    )
    green(found, THIRD)
    # o1: 4 x 0.50 dearer, and 19 %: 2.38; o2: 2 x 0.99 cheaper, and 7 %: 2.12
    assert query(found, "SELECT order_id, open_amount::VARCHAR FROM receivables WHERE as_of = '2026-03-04'") == [
        ("o1", "2.3800")
    ]
    assert query(found, "SELECT payment_id, order_id, amount::VARCHAR FROM refunds_due") == [("p2", "o2", "2.1200")]
    assert query(found, "SELECT order_id, payment FROM orders ORDER BY ALL") == [
        ("o1", "partly_paid"),
        ("o2", "overpaid"),
    ]


def test_a_withdrawn_invoice_is_credited_and_billed_anew_as_things_stand(tmp_path: Path) -> None:
    found = billing_shop(tmp_path / "shop")
    green(found, FIRST)
    lands(
        found,
        "customers",
        "c2.csv",
        "customer_id | name | street | city | postcode | country",
        "k2 | Bob Ltd | Way 3 | Kiel | 24103 | DE",
    )
    lands(
        found,
        "decisions",
        "d.csv",
        DECIDED,
        "d1 | invoice | INV-2026-000000002 | credit | Ann | 2026-03-03T08:00:00Z | name",
    )
    green(found, SECOND, THIRD)
    documents = "SELECT invoice_number, buyer_name, gross_amount::VARCHAR FROM invoices WHERE order_id = 'o2' ORDER BY kind DESC, 1"
    assert query(found, documents) == [
        ("INV-2026-000000002", "Bob", "21.3800"),
        ("INV-2026-000000003", "Bob Ltd", "21.3800"),
        ("CRN-2026-000000001", "Bob", "21.3800"),
    ]


def test_a_channel_that_says_nothing_of_billing_goes_by_the_setting(tmp_path: Path) -> None:
    found = billing_shop(tmp_path / "shop", 'policy = "on_shipment"')
    green(found, FIRST)
    assert query(found, DOCUMENTS) == []
    lands(found, "order_events", "e.csv", EVENTS, "e1 | o1 | 1 | shipped | 2026-03-03T08:00:00Z | 3")
    green(found, SECOND)
    # 7.50 less 3/4 of the discount, and the shipping: 11.65
    assert query(found, DOCUMENTS) == [("INV-2026-000000001", SECOND, "o1", "11.6500", "2.2100", "13.8600")]
    assert query(found, "SELECT billing FROM orders WHERE order_id = 'o1'") == [("partly_invoiced",)]


def test_the_files_of_a_night_are_left_to_the_command_where_that_is_asked(tmp_path: Path) -> None:
    found = billing_shop(tmp_path / "shop")
    assert nightly(found, FIRST, writes_documents=False).is_green
    assert query(found, "SELECT count(*) FROM invoices") == [(2,)]
    assert not found.documents.exists()
    assert nightly(found, FIRST).is_green
    assert len(list((found.documents / "invoices" / str(FIRST)).glob("*.pdf"))) == 2


def test_a_monthly_customer_gets_one_invoice_at_the_end_of_the_month(tmp_path: Path) -> None:
    found = billing_shop(tmp_path / "shop", 'consolidated_customers = ["k1"]')
    lands(found, "orders", "o3.csv", ORDERS, "o3 | online | k1 | 2026-03-30T09:00:00Z | EUR |")
    lands(found, "order_lines", "l3.csv", LINES, "o3 | 1 | A | 2 | 2.50 |")
    green(found, day("2026-03-29"))
    assert query(found, "SELECT order_id FROM invoices") == [("o2",)]
    green(found, day("2026-03-31"))
    monthly = "SELECT invoice_number, issued_on, order_id, customer_id, gross_amount::VARCHAR FROM invoices WHERE customer_id = 'k1'"
    # 9.00 + 4.90 + 5.00 = 18.90, 19 % = 3.591
    assert query(found, monthly) == [("INV-2026-000000002", day("2026-03-31"), None, "k1", "22.4900")]
    lands(found, "order_events", "e.csv", EVENTS, "e1 | o3 | 1 | cancelled | 2026-04-01T08:00:00Z | 1")
    green(found, day("2026-04-01"))
    credited = "SELECT credits_invoice_number, order_id, net_amount::VARCHAR FROM invoices WHERE kind = 'credit_note'"
    assert query(found, credited) == [("INV-2026-000000002", None, "2.5000")]


def test_the_night_that_bills_a_month_run_again_changes_nothing_and_the_next_is_green(tmp_path: Path) -> None:
    found = billing_shop(tmp_path / "shop", 'consolidated_customers = ["k2"]')
    green(found, FIRST, day("2026-03-31"))
    assert query(found, "SELECT count(*) FROM invoices WHERE order_id IS NULL") == [(1,)]
    before = contents(found)
    green(found, day("2026-03-31"))
    assert_same(before, contents(found))
    green(found, day("2026-04-01"))
    assert query(found, "SELECT count(*) FROM receivables WHERE as_of = '2026-04-01'") == [(2,)]


def test_missed_nights_bill_nothing_and_the_last_bills_it_all_dated_by_it(tmp_path: Path) -> None:
    found = billing_shop(tmp_path / "shop")
    (found.landing / "orders" / "o1.csv").rename(found.root / "o1.csv")
    green(found, FIRST - timedelta(days=1))
    (found.root / "o1.csv").rename(found.landing / "orders" / "o1.csv")
    lands(found, "payments", "p.csv", PAYMENTS, "p1 | | o1 | 16.54 | EUR | 2026-03-02")
    green(found, THIRD)
    assert query(found, "SELECT invoice_number, issued_on FROM invoices ORDER BY 1") == [
        ("INV-2026-000000001", THIRD),
        ("INV-2026-000000002", THIRD),
    ]
    assert query(found, "SELECT applied_on FROM payments_applied") == [(THIRD,)]


def test_what_was_ordered_before_the_shop_went_live_is_never_billed(tmp_path: Path) -> None:
    found = billing_shop(tmp_path / "shop")
    lands(found, "orders", "o0.csv", ORDERS, "o0 | online | k1 | 2026-02-27T09:00:00Z | EUR |")
    lands(found, "order_lines", "l0.csv", LINES, "o0 | 1 | A | 2 | 2.50 |")
    lands(found, "payments", "p.csv", PAYMENTS, "p1 | | o0 | 5.95 | EUR | 2026-02-28")
    green(found, FIRST)
    assert query(found, "SELECT order_id FROM invoices ORDER BY 1") == [("o1",), ("o2",)]
    assert query(found, "SELECT payment_id, reason FROM payments_on_account") == [("p1", "billed_elsewhere")]
    assert query(found, "SELECT * FROM journal_entries WHERE payment_id IS NOT NULL") == []


def test_overdue_invoices_are_reminded_of_once_per_level_and_spared_while_disputed(tmp_path: Path) -> None:
    found = billing_shop(tmp_path / "shop")
    lands(
        found,
        "support_cases",
        "s.csv",
        "case_id | order_id | customer_id | opened_at | closed_at | topic | status",
        "s1 | o2 | k2 | 2026-03-03T08:00:00Z | 2026-03-05T08:00:00Z | dispute | closed",
    )
    (found.root / "rules" / "reminder_levels.csv").write_text("level,overdue_days,fee\n1,1,\n2,4,\n3,9,\n", "utf-8")
    lands(found, "customers", "c2.csv", "customer_id | name | country | payment_terms_days", "k1 | Ann | DE | 3")
    green(found, FIRST)
    assert replay(found, SECOND, FIRST + timedelta(days=5)).is_green
    sent = "SELECT invoice_number, level, as_of FROM reminders ORDER BY ALL"
    # o2 is due on its day: level 1 waits from the 3rd for the end of the dispute on the 5th; o1 is due on the 5th
    assert query(found, sent) == [
        ("INV-2026-000000001", 1, day("2026-03-06")),
        ("INV-2026-000000002", 1, day("2026-03-05")),
        ("INV-2026-000000002", 2, day("2026-03-06")),
    ]
    before = contents(found)
    green(found, FIRST + timedelta(days=5))
    assert_same(before, contents(found))


def test_several_currencies_are_billed_to_their_own_places_and_never_added(tmp_path: Path) -> None:
    found = billing_shop(tmp_path / "shop")
    header = "order_id | channel | customer_id | ordered_at | currency | ship_country"
    lands(
        found,
        "orders",
        "o3.csv",
        header,
        "o3 | online | k1 | 2026-03-02T09:00:00Z | JPY | JP",
        "o4 | online | k1 | 2026-03-02T09:00:00Z | KWD | KW",
    )
    lands(found, "order_lines", "l3.csv", LINES, "o3 | 1 | A | 3 | 333 |", "o4 | 1 | A | 1 | 1.2345 |")
    green(found, FIRST)
    totals = (
        "SELECT currency, net_amount::VARCHAR, tax_amount::VARCHAR FROM invoices WHERE currency <> 'EUR' ORDER BY 1"
    )
    # 999 yen, 10 % = 99.9; 1.2345 dinar is 1.235, 5 % = 0.06175
    assert query(found, totals) == [("JPY", "999.0000", "100.0000"), ("KWD", "1.2350", "0.0620")]
    daily = f"SELECT currency, outstanding_amount::VARCHAR FROM daily_billing WHERE day = DATE '{FIRST}' ORDER BY 1"
    assert query(found, daily) == [("EUR", "37.9200"), ("JPY", "1099.0000"), ("KWD", "1.2970")]


def test_a_rebuild_reads_back_what_was_issued_and_recomputes_nothing_of_it(tmp_path: Path) -> None:
    found = billing_shop(tmp_path / "shop")
    lands(found, "payments", "p.csv", PAYMENTS, "p1 | | o1 | 20.00 | EUR | 2026-03-02")
    green(found, FIRST)
    lands(found, "order_events", "e.csv", EVENTS, "e1 | o1 | 1 | cancelled | 2026-03-03T08:00:00Z | 1")
    green(found, SECOND)
    before = contents(found)
    (found.root / "rules" / "tax_rates.csv").write_text(
        "tax_code,country,valid_from,rate_percent,category,exemption_reason\nSTD,DE,,25,S,\n", encoding="utf-8"
    )
    assert rebuild(found, lambda _: None).is_green
    assert_same(before, contents(found))


PARTS = (
    "find_orders",
    "tips",
    "note_billed",
    "find_due",
    "due_applied",
    "note_paid",
    "reminded",
    "issued_by_day",
)
KILLED = """
import os, signal, sys
from datetime import date
from pathlib import Path
from pipelines import nightly
from pipelines.warehouse import billing
from pipelines.workspace import Workspace
part = sys.argv[2]
alive = getattr(billing, part)
def dies(*args, **kwargs):
    alive(*args, **kwargs)
    os.kill(os.getpid(), signal.SIGKILL)
setattr(billing, part, dies)
nightly.nightly(Workspace(Path(sys.argv[1])), date.fromisoformat(sys.argv[3]))
"""


LATER = THIRD


def eventful_shop(root: Path) -> Workspace:
    """A shop with a billed night, and everything that billing does waiting for the next."""
    found = billing_shop(root)
    (found.root / "rules" / "reminder_levels.csv").write_text("level,overdue_days,fee\n1,1,\n", encoding="utf-8")
    green(found, FIRST)
    lands(found, "orders", "o3.csv", ORDERS, f"o3 | online | k1 | {LATER}T09:00:00Z | EUR |")
    lands(found, "order_lines", "l3.csv", LINES, "o3 | 1 | A | 2 | 2.50 |")
    lands(found, "order_events", "e.csv", EVENTS, "e1 | o1 | 1 | cancelled | 2026-03-03T08:00:00Z | 1")
    lands(found, "payments", "p.csv", PAYMENTS, "p1 | | o1 | 20.00 | EUR | 2026-03-03")
    return found


@pytest.fixture(scope="module")
def waiting(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The shop before its second night."""
    return eventful_shop(tmp_path_factory.mktemp("waiting") / "shop")


@pytest.fixture(scope="module")
def spared(waiting: Workspace, tmp_path_factory: pytest.TempPathFactory) -> dict[str, pl.DataFrame]:
    """What the second night comes to where nobody kills it."""
    found = Workspace(shutil.copytree(waiting.root, tmp_path_factory.mktemp("spared") / "shop", symlinks=True))
    green(found, LATER)
    return contents(found)


@pytest.mark.parametrize("part", PARTS)
def test_killed_anywhere_in_billing_a_rerun_issues_the_same_numbers(
    part: str, waiting: Workspace, spared: dict[str, pl.DataFrame], tmp_path: Path
) -> None:
    killed = Workspace(shutil.copytree(waiting.root, tmp_path / "shop", symlinks=True))
    command = [sys.executable, "-c", KILLED, str(killed.root), part, str(LATER)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    green(killed, LATER)
    assert_same(contents(killed), spared)


def test_a_stage_that_dies_before_billing_or_after_it_changes_no_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spared = billing_shop(tmp_path / "spared")
    green(spared, FIRST, SECOND)
    for name in ("lifecycle", "billing", "certificate"):
        found = billing_shop(tmp_path / name)

        def dies(_: Night) -> int:
            raise ValueError("power cut")

        with monkeypatch.context() as patched:
            patched.setitem(STAGES, name, dies)
            with pytest.raises(ValueError, match="power cut"):
                nightly(found, FIRST)
        green(found, FIRST, SECOND)
        assert_same(contents(spared), contents(found))


def test_what_is_issued_is_in_the_journal_and_never_changes(tmp_path: Path) -> None:
    found = billing_shop(tmp_path / "shop")
    green(found, FIRST)
    before = contents(found)
    lands(found, "order_lines", "l2.csv", LINES, "o1 | 1 | A | 4 | 2.00 | 1.00", "o2 | 1 | B | 5 | 9.99 |")
    lands(found, "order_events", "e.csv", EVENTS, "e1 | o2 | 1 | cancelled | 2026-03-03T08:00:00Z | 1")
    green(found, SECOND)
    after = contents(found)
    for name in ISSUED:
        kept = before[name].join(after[name], on=before[name].columns, how="anti", nulls_equal=True)
        assert kept.is_empty(), f"{name} changed: {kept}"
    # the price of o1 is another now: credited in full and billed anew; o2 has two more units to bill
    units = "SELECT order_id, invoiced, credited FROM order_lines ORDER BY 1"
    assert query(found, units) == [("o1", 8, 4), ("o2", 4, 0)]
