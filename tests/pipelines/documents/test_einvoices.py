"""E-invoices: what was billed, to the cent, in a form that official validators accept, or a sentence that says why not."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from random import Random
from typing import Any

import polars as pl
import pytest
from lxml import etree

from models.rules import billing_tax
from models.tables.feeds import Customer
from models.tables.rules import TaxRate
from pipelines.documents import einvoices
from pipelines.documents.billed import Billed
from pipelines.workspace import Company, OrderhouseError
from tests.billed import NIGHT, TAX_RATES, Shop, lines, orders, whole_customers
from tests.builders import frame
from tests.realdata import FOLDER

OFFICIAL = FOLDER / "formats" / "en16931"
COMPANY = Company(
    name="Haus & Hof", street="Road 1", city="Leipzig", postcode="04347", country="DE", tax_id="DE123456788",
    iban="DE02 1203 0000 0000 2020 51",
)  # fmt: skip
SVRL = "{http://purl.oclc.org/dsdl/svrl}"
CBC = "{urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2}"
LINE = "order_id | line_no | sku | quantity | unit_price | discount_amount | tax_code"


Judge = Callable[[list[einvoices.EInvoice]], list[tuple[str, str, str]]]


@pytest.fixture(scope="module")
def failed_asserts() -> Iterator[Judge]:
    """What the official schematron finds wrong, fatal or not: syntax, rule, words."""
    if not OFFICIAL.is_dir():
        pytest.skip(f"the official EN 16931 rules are not in {OFFICIAL}")
    saxon = pytest.importorskip("saxonche")
    with saxon.PySaxonProcessor(license=False) as processor:
        compiler = processor.new_xslt30_processor()
        sheets = {
            syntax: compiler.compile_stylesheet(stylesheet_file=str(next((OFFICIAL / syntax / "xslt").glob("*.xslt"))))
            for syntax in ("ubl", "cii")
        }

        def judged(made: list[einvoices.EInvoice]) -> list[tuple[str, str, str]]:
            found = []
            for each in made:
                for syntax, sheet in sheets.items():
                    node = processor.parse_xml(xml_text=getattr(each, syntax).decode())
                    report = etree.fromstring(sheet.transform_to_string(xdm_node=node).encode())
                    found += [
                        (syntax, failed.get("id", ""), "".join(failed.itertext()).strip())
                        for failed in report.iter(f"{SVRL}failed-assert")
                    ]
            return found

        yield judged


def documents(shop: Shop) -> list[Billed]:
    """Everything a shop issued, in the order of numbers."""
    shop_lines = shop.invoice_lines.sort("invoice_number", "line_no")
    taxes = billing_tax.breakdown(shop_lines)
    return [
        Billed(
            head,
            shop_lines.filter(invoice_number=head["invoice_number"]).to_dicts(),
            taxes.filter(invoice_number=head["invoice_number"]).to_dicts(),
        )
        for head in shop.invoices.sort("kind", "sequence", descending=[True, False]).to_dicts()
    ]


def billed(asked: pl.DataFrame, sold: pl.DataFrame, shop: Shop | None = None, **changed: Any) -> Billed:
    """The one document of a night."""
    found = shop or Shop()
    issued = found.night(asked, sold, **changed).invoices
    [document] = [each for each in documents(found) if each.head["invoice_number"] == issued["invoice_number"][-1]]
    return document


def told(content: bytes, *names: str) -> list[list[str]]:
    """What elements of a UBL document say, in their order."""
    root = etree.fromstring(content)
    return [[element.text or "" for element in root.iter(f"{CBC}{name}")] for name in names]


def test_three_rates_and_a_discount_are_told_line_by_line_and_rate_by_rate() -> None:
    document = billed(
        orders("order_id | shipping_amount", "O1 | 4.90"),
        lines(LINE, "O1 | 1 | A | 3 | 2.50 | 0.75 | ", "O1 | 2 | B | 1 | 9.99 | | ", "O1 | 3 | C | 2 | 1.00 | | "),
    )
    made = einvoices.made(document, COMPANY)
    # standard 6.75 + 4.90 = 11.65 -> 2.2135; reduced 9.99 -> 0.6993; zero 2.00; lines 6.75, 9.99, 2.00, 4.90
    prices, quantities, percents, taxable = told(
        made.ubl, "PriceAmount", "InvoicedQuantity", "Percent", "TaxableAmount"
    )
    assert prices == ["2.50", "9.99", "1.00", "4.90"]
    assert quantities == ["3", "1", "2", "1"]
    assert percents[:3] == ["7", "19", "0"]
    assert taxable == ["9.99", "11.65", "2.00"]
    assert told(made.ubl, "TaxExclusiveAmount", "TaxInclusiveAmount", "PayableAmount") == [
        ["23.64"],
        ["26.55"],
        ["26.55"],
    ]
    assert told(made.ubl, "ID")[0][0] == "INV-2026-000000001"
    assert b">380<" in made.ubl
    assert b">380<" in made.cii


def test_prices_that_include_tax_are_told_without_it_for_all_units_together() -> None:
    document = billed(orders("order_id | prices_include_tax", "O1 | true"), lines(LINE, "O1 | 1 | A | 3 | 9.99 | | "))
    made = einvoices.made(document, COMPANY)
    # 29.97 with 19 % is 25.18 without
    assert told(made.ubl, "PriceAmount", "BaseQuantity", "LineExtensionAmount", "TaxAmount") == [
        ["25.18"], ["3"], ["25.18", "25.18"], ["4.79", "4.79"],
    ]  # fmt: skip


def test_a_credit_note_names_its_invoice_and_tells_what_is_taken_back() -> None:
    shop = Shop()
    asked = orders("order_id", "O1")
    header = "order_id | line_no | quantity | unit_price | discount_amount | cancelled"
    shop.night(asked, lines(header, "O1 | 1 | 3 | 10.00 | 1.00 | 0"))
    first = billed(asked, lines(header, "O1 | 1 | 3 | 10.00 | 1.00 | 1"), shop)
    second = billed(asked, lines(header, "O1 | 1 | 3 | 10.00 | 1.00 | 2"), shop, issued_on=date(2026, 11, 25))
    # 29.00 in three parts: 9.67 and 9.66, the last 9.67
    for document, net in ((first, "9.67"), (second, "9.66")):
        made = einvoices.made(document, COMPANY)
        assert etree.fromstring(made.ubl).tag.endswith("CreditNote")
        assert told(made.ubl, "TaxExclusiveAmount") == [[net]]
        assert b"INV-2026-000000001" in made.ubl
        assert b">381<" in made.cii


def test_yen_have_no_places_and_dinars_with_a_third_place_are_no_e_invoice() -> None:
    yen = billed(orders("order_id | currency | country", "O1 | JPY | JP"), lines(LINE, "O1 | 1 | A | 3 | 333 | | "))
    assert told(einvoices.made(yen, COMPANY).ubl, "PayableAmount") == [["1099.00"]]
    dinar = orders("order_id | currency | country", "O1 | KWD | KW")
    with pytest.raises(OrderhouseError, match="has more than two places, which KWD has and EN 16931 does not know"):
        einvoices.made(billed(dinar, lines(LINE, "O1 | 1 | A | 1 | 1.235 | | ")), COMPANY)


RATES = pl.concat(
    [
        TAX_RATES,
        frame(
            "tax_code | country | valid_from | rate_percent | category | exemption_reason",
            "EXEMPT | DE | | 0 | E | books for schools",
            "REVERSE | DE | | 0 | AE | ",
            "INTRA | DE | | 0 | K | ",
            "NONE | DE | | 0 | O | ",
            "ODD | DE | | 5 | Z | ",
            schema=TaxRate,
        ),
    ]
)
BUSINESS = whole_customers(
    frame(
        "customer_id | name | street | city | postcode | country | tax_id",
        "K1 | Ann Ltd | Road 1 | Wien | 1010 | AT | ATU12345678",
        schema=Customer,
    )
)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("EXEMPT", "books for schools"),
        ("EXPORT", "export"),
        ("REVERSE", "Reverse charge"),
        ("INTRA", "Intra-community supply"),
        ("NONE", "Not subject to VAT"),
    ],
)
def test_why_no_tax_is_due_is_told(code: str, reason: str, failed_asserts: Judge) -> None:
    shop = Shop(tax_rates=RATES, customers=BUSINESS)
    document = billed(orders("order_id", "O1"), lines(LINE, f"O1 | 1 | A | 1 | 10 | | {code}"), shop)
    made = einvoices.made(document, COMPANY)
    assert told(made.ubl, "TaxExemptionReason") == [[reason]]
    assert failed_asserts([made]) == []


@pytest.mark.parametrize(
    ("code", "company", "sentence"),
    [
        ("STD", COMPANY.model_copy(update={"tax_id": None}), "the company has no tax_id; set it in"),
        ("STD", COMPANY.model_copy(update={"country": None}), "the company has no country; set it in"),
        ("STD", COMPANY.model_copy(update={"country": "UK"}), "country UK is no code of ISO 3166, such as DE or GB"),
        ("EXPORT", COMPANY.model_copy(update={"tax_id": "12/345"}), "does not begin with a country"),
        ("REVERSE", COMPANY, "needs the VAT number of the customer"),
        ("ODD", COMPANY, "tax category Z does not go with a rate of 5 percent; mend tax_rates.csv"),
    ],
)
def test_what_is_missing_for_an_e_invoice_is_said_in_a_sentence(code: str, company: Company, sentence: str) -> None:
    document = billed(orders("order_id", "O1"), lines(LINE, f"O1 | 1 | A | 1 | 10 | | {code}"), Shop(tax_rates=RATES))
    with pytest.raises(OrderhouseError, match=sentence) as raised:
        einvoices.made(document, company)
    assert str(raised.value).startswith("INV-2026-000000001 has no e-invoice: ")


def test_a_buyer_in_northern_ireland_has_a_vat_number_too(failed_asserts: Judge) -> None:
    customers = BUSINESS.with_columns(tax_id=pl.lit("XI123456789"), country=pl.lit("GB"))
    shop = Shop(tax_rates=RATES, customers=customers)
    made = einvoices.made(billed(orders("order_id", "O1"), lines(LINE, "O1 | 1 | A | 1 | 10 | | INTRA"), shop), COMPANY)
    assert b"XI123456789" in made.ubl
    assert failed_asserts([made]) == []


def test_a_buyer_of_whom_only_the_order_is_known_has_an_e_invoice_all_the_same(failed_asserts: Judge) -> None:
    nobody = orders("order_id | customer_id", "O1 | ").with_columns(customer_id=pl.lit(None, pl.String))
    made = einvoices.made(billed(nobody, lines(LINE, "O1 | 1 | A | 1 | 10 | | ")), COMPANY)
    assert b"Customer" in made.ubl
    assert failed_asserts([made]) == []


def test_markup_and_control_characters_in_names_are_text(failed_asserts: Judge) -> None:
    document = billed(orders("order_id", "O1"), lines(LINE, "O1 | 1 | A | 1 | 10 | | "))
    document.lines[0]["description"] = "<b>&amp;\x00\x0b" + "x" * 200
    document.head["buyer_name"] = "\ufffe\u202e]]>"
    made = einvoices.made(document, COMPANY)
    assert told(made.ubl, "Name")[0][-1].startswith("<b>&amp;")
    assert failed_asserts([made]) == []


def test_the_same_document_gives_the_same_bytes() -> None:
    document = billed(orders("order_id", "O1"), lines(LINE, "O1 | 1 | A | 1 | 10 | | "))
    assert einvoices.made(document, COMPANY) == einvoices.made(document, COMPANY)


def test_two_hundred_documents_of_every_kind_pass_the_official_rules(failed_asserts: Judge) -> None:
    made = []
    for seed in range(25):
        for document in documents(drawn_shop(Random(seed))):
            try:
                made.append(einvoices.made(document, COMPANY))
            except OrderhouseError as error:
                assert document.head["currency"] != "EUR"
                assert "more than two places" in str(error) or "rounded line by line" in str(error)
    assert len(made) >= 200
    assert failed_asserts(made) == []


def drawn_shop(chance: Random) -> Shop:
    """Ten orders with whatever they may have, billed and then partly cancelled and returned over two nights."""
    currency, country = chance.choice([("EUR", "DE"), ("EUR", "DE"), ("EUR", "GB"), ("JPY", "JP"), ("KWD", "KW")])
    codes = ["STD", "RED", "ZERO", "EXPORT", "EXEMPT", "REVERSE", "INTRA"] if country == "DE" else ["STD"]
    shop = Shop(tax_rates=RATES, customers=BUSINESS)
    rounding = chance.choice(["per_rate", "per_line"])
    asked = orders(
        "order_id | currency | country | shipping_amount | prices_include_tax",
        *(f"O{n} | {currency} | {country} | {chance.choice(['', '4.90', '7'])} | {chance.choice(['true', 'false'])}" for n in range(10)),
    )  # fmt: skip
    rows: list[list[Any]] = []
    for number in range(10):
        for line_no in range(1, chance.randint(2, 5)):
            quantity = chance.randint(1, 12)
            price = Decimal(chance.randint(1, 40_000)).scaleb(-chance.choice([2, 2, 2, 3]))
            discount = chance.choice(["", "", f"{min(price, Decimal(5)) / 3:.2f}"])
            rows.append([f"O{number}", line_no, "A", quantity, price, discount, chance.choice(codes), 0, 0])
    header = f"{LINE} | cancelled | returned"
    for night in range(3):
        sold = lines(header, *(" | ".join(str(cell) for cell in row) for row in rows))
        shop.night(asked, sold, issued_on=date(2026, 11, 24 + night), tax_rounding=rounding)
        for row in rows:
            open_units = row[3] - row[7] - row[8]
            if open_units and chance.random() < 0.3:
                row[chance.choice([7, 8])] += chance.randint(1, open_units)
    return shop


def test_the_official_rules_do_find_what_is_wrong(failed_asserts: Judge) -> None:
    document = billed(orders("order_id", "O1"), lines(LINE, "O1 | 1 | A | 1 | 10 | | "))
    good = einvoices.made(document, COMPANY)
    bad = replace(good, ubl=good.ubl.replace(b">11.90<", b">12.90<"), cii=good.cii.replace(b">11.90<", b">12.90<"))
    assert {syntax for syntax, _, _ in failed_asserts([bad])} == {"ubl", "cii"}


def test_ten_thousand_lines_are_one_e_invoice() -> None:
    sold = lines(LINE, *(f"O1 | {number} | A | 1 | 0.99 | | " for number in range(1, 10_001)))
    made = einvoices.made(billed(orders("order_id", "O1"), sold), COMPANY)
    # 9,900.00 and 19 % of it
    assert told(made.ubl, "PayableAmount") == [["11781.00"]]
    assert NIGHT.isoformat().encode() in made.ubl
