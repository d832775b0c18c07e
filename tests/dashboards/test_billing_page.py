"""Billing without a browser, on a shop whose figures are known by hand; see billing_shop."""

import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from dashboards import wording
from models.tables.billing import DailyBilling
from models.tables.certificate import AttentionItem
from tests.builders import frame
from tests.dashboards.billing_shop import FIRST, billed, billing_shop
from tests.dashboards.sample_publication import AS_OF, publish
from tests.dashboards.test_goods_pages import rows
from tests.dashboards.test_pages import figures, opened, texts

N = "\u202f"
FIRST_INVOICE = "INV-2026-000000001"


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shop after its nights."""
    return billed(billing_shop(tmp_path_factory.mktemp("billing") / "shop")).root


def billing(monkeypatch: pytest.MonkeyPatch, workspace: Path, **query: str) -> AppTest:
    return opened(monkeypatch, workspace, "billing", **query)


# The figures


def test_the_page_says_as_of_when_and_shows_its_figures(monkeypatch: pytest.MonkeyPatch, night: Path) -> None:
    app = billing(monkeypatch, night)
    assert "as of <b>Tue 10 Mar 2026</b>" in texts(app)
    # by hand: 23.80 + 60.00 GBP x 1.20 + 11.90 invoiced; 23.80 - 11.90 + 20.00 GBP x 1.20 collected;
    # 40.00 GBP x 1.20 overdue and 11.90 not due are open
    assert figures(app) == {
        "Invoiced": f"107.70{N}EUR",
        "Collected": f"35.90{N}EUR",
        "Outstanding": f"59.90{N}EUR",
        "Overdue": f"80{N}%",
        "Days sales outstanding": "–",
    }
    assert "known, and in no amount in EUR: 119.00\u202fCHF invoiced (119.00\u202fCHF open)" in texts(app)


def test_one_currency_is_shown_as_it_is(monkeypatch: pytest.MonkeyPatch, night: Path) -> None:
    app = billing(monkeypatch, night, amounts="GBP")
    shown = figures(app)
    assert (shown["Invoiced"], shown["Outstanding"], shown["Overdue"]) == (f"60.00{N}GBP", f"40.00{N}GBP", f"100{N}%")
    assert rows(app, "name", "open_amount", "reminders", "is_over") == [("Bob", 40.0, 1, True)]
    assert "Nothing is owed back." in texts(app)


def test_the_night_is_compared_with_recent_nights_by_kind_and_currency(
    monkeypatch: pytest.MonkeyPatch, night: Path
) -> None:
    app = billing(monkeypatch, night)
    assert "1 invoice and 1 credit note were issued on Tue 10 Mar" in texts(app)
    assert rows(app, "kind", "currency", "documents", "amount", "word") == [
        ("Invoice", "CHF", 0, 0.0, "none tonight; 1 of 28 nights issued some"),
        ("Invoice", "EUR", 1, 11.9, "only 1 night to compare with"),
        ("Invoice", "GBP", 0, 0.0, "none tonight; 1 of 28 nights issued some"),
        ("Credit note", "EUR", 1, 11.9, "the first in 28 nights"),
    ]


@pytest.mark.parametrize(
    ("amount", "word"),
    [("21.00", "more than on any night that did"), ("20.00", "as usual"), ("9.00", "less than on any")],
)
def test_a_night_beyond_all_recent_ones_is_called_unusual(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, amount: str, word: str
) -> None:
    header = "day | currency | invoices | credit_notes | invoiced_amount | credited_amount | collected_amount | outstanding_amount"
    days = [*((f"2026-11-{day}", f"{day}.00") for day in range(10, 21)), (AS_OF.isoformat(), amount)]
    drawn = [f"{day} | EUR | 1 | 0 | {value} | 0 | 0 | 0" for day, value in days]
    amounts = ("invoiced_amount", "credited_amount", "collected_amount", "outstanding_amount")
    daily = frame(header, *drawn, schema=DailyBilling).with_columns(pl.col(name).alias(f"{name}_r") for name in amounts)
    publish(tmp_path, {"daily_billing": daily})
    app = billing(monkeypatch, tmp_path)
    [(said,)] = rows(app, "word")
    assert str(said).startswith(word)
    assert ("Look at it before it is sent" in texts(app)) == (word != "as usual")


def test_what_could_not_be_billed_says_what_to_do_and_leads_to_its_order(
    monkeypatch: pytest.MonkeyPatch, night: Path
) -> None:
    app = billing(monkeypatch, night)
    assert "Tax rate unknown: 1 order" in texts(app)
    assert "o4: There is no rate for tax code STD in US; add it to tax_rates.csv." in texts(app)
    assert 'href="lifecycle?order=o4"' in texts(app)


def test_what_is_owed_back_and_on_account_says_why(monkeypatch: pytest.MonkeyPatch, night: Path) -> None:
    app = billing(monkeypatch, night)
    # 30.00 came for 23.80, of which 11.90 were credited
    assert rows(app, "payment_id", "amount", "since", "why") == [
        ("p1", 18.1, date(2026, 3, 5), "a part of its order was credited")
    ]
    assert rows(app, "payment_id", "why", "amount", "invoice_number") == [
        ("p3", "Order unknown", 5.0, None),
        ("p4", "Not billed yet", 7.0, None),
    ]
    assert "ask its sender for it" in texts(app)
    assert "But 1 waits for an order that could not be billed: see above." in texts(app)


def test_debit_is_credit_in_every_currency(monkeypatch: pytest.MonkeyPatch, night: Path) -> None:
    app = billing(monkeypatch, night, journal_nights="last night")
    # the invoice, the credit note, and what it takes off the payment: 3 x 11.90
    assert f"Debit 35.70{N}EUR = credit 35.70{N}EUR." in texts(app)
    assert "GBP = credit" not in texts(app)
    assert f"Debit 100.00{N}GBP = credit 100.00{N}GBP." in texts(
        billing(monkeypatch, night, journal_nights="every night")
    )


@pytest.mark.parametrize(
    ("kind", "subject", "page", "link"),
    [
        ("late_order", "O-1", "lifecycle", "lifecycle?order=O-1"),
        ("orders_rejected", "unknown_sku", "lifecycle", "lifecycle"),
        ("vain_decision", "d1", "lifecycle", "lifecycle"),
        ("oversold", "A@W", "stock", "stock?sku=A"),
    ],
)
def test_a_thing_to_do_leads_to_its_subject_where_its_page_knows_such(
    kind: str, subject: str, page: str, link: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    todo = frame(
        "as_of | item_id | role | kind | subject_id | amount | first_seen_on | sentence | page",
        f"{AS_OF} | {kind}:{subject} | operator | {kind} | {subject} | | {AS_OF} | Look at it. | {page}",
        schema=AttentionItem,
    )
    publish(tmp_path, {"attention": todo})
    told = texts(opened(monkeypatch, tmp_path, "overview"))
    assert f'href="{link}"' in told


def test_a_thing_for_billing_to_do_leads_to_its_invoice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    todo = frame(
        "as_of | item_id | role | kind | subject_id | amount | first_seen_on | sentence | page",
        f"{AS_OF} | debt_to_collect:I-1 | billing | debt_to_collect | I-1 | 9.50 | {AS_OF} | Invoice I-1 is overdue. | billing",
        schema=AttentionItem,
    )
    publish(tmp_path, {"attention": todo})
    assert 'href="billing?invoice=I-1"' in texts(opened(monkeypatch, tmp_path, "overview"))


@pytest.mark.parametrize(
    ("amount", "currency", "said"),
    [("12345.60", "EUR", "12,345.60"), ("-5", "JPY", "−5"), ("1.2345", "KWD", "1.234"), (None, "EUR", "–")],
)
def test_an_amount_that_is_booked_is_said_to_its_last_place(amount: str | None, currency: str, said: str) -> None:
    found = wording.exact(Decimal(amount) if amount else None, currency)
    assert found == (f"{said}{N}{currency}" if amount else said)


# One document


def test_an_invoice_is_found_by_its_number_with_all_that_happened_to_it(
    monkeypatch: pytest.MonkeyPatch, night: Path
) -> None:
    app = billing(monkeypatch, night, invoice=FIRST_INVOICE.lower())
    said = texts(app)
    assert f"Invoice {FIRST_INVOICE}: nothing open" in said
    assert f"23.80{N}EUR billed − 11.90{N}EUR credited − 11.90{N}EUR paid = 0.00{N}EUR open" in said
    assert rows(app, "applied_on", "payment_id", "amount") == [
        (date(2026, 3, 5), "p1", 23.8),
        (date(2026, 3, 10), "p1", -11.9),
    ]
    assert rows(app, "tax_category", "tax_rate", "net_amount", "tax_amount") == [("Standard rate", 19.0, 20.0, 3.8)]
    assert "billing?invoice=CRN-2026-000000001" in said
    assert "No reminder was sent." in said


def test_an_order_shows_its_invoice_and_one_that_is_not_billed_says_why(
    monkeypatch: pytest.MonkeyPatch, night: Path
) -> None:
    assert f"40.00{N}GBP open, due Mon 2 Mar 2026" in texts(billing(monkeypatch, night, invoice="o2"))
    assert "Order o4 is not billed. There is no rate" in texts(billing(monkeypatch, night, invoice="o4"))
    assert "No invoice, credit note or order &lt;b&gt; is known" in texts(billing(monkeypatch, night, invoice="<b>"))


def test_the_pdf_is_offered_where_it_is_and_the_command_named_where_it_is_not(
    monkeypatch: pytest.MonkeyPatch, night: Path, tmp_path: Path
) -> None:
    found = Path(shutil.copytree(night, tmp_path / "shop", symlinks=True, ignore=shutil.ignore_patterns("documents")))
    app = billing(monkeypatch, found, invoice=FIRST_INVOICE)
    command = f"orderhouse documents invoices --invoice {FIRST_INVOICE}"
    assert command in [code.value for code in app.code]
    folder = found / "documents" / "invoices" / "2026-03-02"
    folder.mkdir(parents=True)
    for name in (f"{FIRST_INVOICE}.xml", f"{FIRST_INVOICE}.pdf", f"{FIRST_INVOICE}0.pdf"):
        (folder / name).write_bytes(b"made by the night")
    app = billing(monkeypatch, found, invoice=FIRST_INVOICE)
    assert command not in [code.value for code in app.code]
    offered = [button.proto.label for button in app.get("download_button") if FIRST_INVOICE in button.proto.label]
    assert offered == [f"{FIRST_INVOICE}.pdf", f"{FIRST_INVOICE}.xml"]


def test_texts_from_data_are_escaped(monkeypatch: pytest.MonkeyPatch, night: Path) -> None:
    app = billing(monkeypatch, night, invoice=FIRST_INVOICE)
    assert "Buyer: Ann **bold**" in texts(app)
    assert "<img" not in texts(app)
    assert "example.invalid" not in " ".join(element.value for element in [*app.markdown, *app.caption])


# Where there is nothing


def test_without_a_publication_the_command_to_run_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert "Nothing is published yet" in texts(billing(monkeypatch, tmp_path))


def test_where_nothing_is_billed_the_page_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    publish(tmp_path, {})
    said = texts(billing(monkeypatch, tmp_path))
    assert "Nothing has been billed up to Tue 24 Nov 2026." in said
    assert "Every order that is due for billing is billed." in said
    assert "Nothing is owed back." in said


def test_a_shop_that_goes_live_later_is_told_when(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "orderhouse.toml").write_text("[business]\ngoes_live_on = 2027-01-01\n", encoding="utf-8")
    publish(tmp_path, {})
    said = texts(billing(monkeypatch, tmp_path))
    assert "Nothing is billed yet: the shop goes live on Fri 1 Jan 2027." in said


def test_a_shop_that_tells_no_payments_reads_that_everything_counts_as_open(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = billed(billing_shop(tmp_path / "shop", are_payments_told=False), FIRST)
    app = billing(monkeypatch, found.root, period="13 weeks", invoice="o2")
    assert "No payment has ever been told" in texts(app)
    assert figures(app)["Collected"] == "–"
    assert "Nothing has been paid of it." in texts(app)
    # 23.80 + 60.00 GBP x 1.20, due on the day itself
    assert figures(app)["Outstanding"] == f"95.80{N}EUR"
    assert "Nothing is late" in texts(app)
