"""Invoices and credit notes as customers get them: PDF, e-invoice, index; the same bytes whenever they are made."""

import csv
import json
import re
from io import BytesIO
from pathlib import Path

import facturx
import numpy as np
import polars as pl
import pypdf
import pytest
import typst
import zxingcpp
from click.testing import CliRunner, Result
from PIL import Image

from models.tables.feeds import Customer
from pipelines.cli import main
from pipelines.documents import invoices
from pipelines.workspace import OrderhouseError, Workspace
from tests.billed import NIGHT, Shop, lines, orders, whole_customers
from tests.builders import frame
from tests.dashboards.sample_publication import publish

SETTINGS = """
[company]
name = "Haus & Hof *Versand* GmbH"
street = "Torgauer Straße 233"
city = "Leipzig"
postcode = "04347"
country = "DE"
{more}
"""
TAXED = 'tax_id = "DE123456788"\niban = "DE02120300000000202051"'
LINE = "order_id | line_no | sku | quantity | unit_price | discount_amount"


def issued(root: Path, shop: Shop, more: str = TAXED) -> Workspace:
    """A workspace whose newest night published what a shop issued."""
    root.mkdir(exist_ok=True)
    (root / "orderhouse.toml").write_text(SETTINGS.format(more=more), encoding="utf-8")
    publish(root, {"invoices": shop.invoices, "invoice_lines": shop.invoice_lines}, NIGHT)
    return Workspace(root)


def shop_of(asked: pl.DataFrame, *sold: str, customers: pl.DataFrame | None = None) -> Shop:
    shop = Shop() if customers is None else Shop(customers=customers)
    shop.night(asked, lines(LINE, *sold))
    return shop


def text_of(file: Path) -> str:
    """What the PDF says, without breaks."""
    pages = pypdf.PdfReader(BytesIO(file.read_bytes())).pages
    return re.sub(r"\s+", " ", " ".join(page.extract_text() for page in pages).replace("\u200b", ""))


def typed(workspace: Workspace, *words: str) -> Result:
    return CliRunner().invoke(main, ["--workspace", str(workspace.root), "documents", "invoices", *words])


def test_an_invoice_says_who_what_how_much_which_tax_and_when_to_pay(tmp_path: Path) -> None:
    shop = shop_of(
        orders("order_id | shipping_amount", "O1 | 4.90"),
        "O1 | 1 | A | 3 | 1250.50 | 0.75",
        "O1 | 2 | B | 1 | 9.99 | ",
        "O1 | 3 | C | 2 | 1.00 | ",
    )
    [made] = invoices.written(issued(tmp_path, shop)).made
    said = text_of(made.pdf)
    # 3,751.50 - 0.75 + 4.90 = 3,755.65, 19 % is 713.5735; 9.99 at 7 % is 0.6993; 2.00 at 0
    for words in (
        "Haus & Hof *Versand* GmbH", "Torgauer Straße 233", "Tax id DE123456788", "Ann", "53111 Bonn", "Germany",
        "Invoice INV-2026-000000001", "Invoice date 24 November 2026", "Due 24 December 2026", "Order O1",
        "1 A Apple 3 1,250.50 0.75 19 % 3,750.75", "2 B Book 1 9.99 7 % 9.99", "4 Shipping 1 4.90 19 % 4.90",
        "Net 3,767.64", "0 % tax on 2.00 0.00", "7 % tax on 9.99 0.70", "19 % tax on 3,755.65 713.57", "Total EUR 4,481.91",
        "Please pay 4,481.91 EUR to DE02 1203 0000 0000 2020 51 by 24 December 2026, stating INV-2026-000000001.",
        "Page 1 of 1",
    ):  # fmt: skip
        assert words in said, words


def test_a_credit_note_names_its_invoice_and_has_nothing_to_scan(tmp_path: Path) -> None:
    shop, asked = Shop(), orders("order_id", "O1")
    header = "order_id | line_no | quantity | unit_price | cancelled"
    shop.night(asked, lines(header, "O1 | 1 | 3 | 10.00 | 0"))
    shop.night(asked, lines(header, "O1 | 1 | 3 | 10.00 | 2"))
    made = {each.invoice_number: each for each in invoices.written(issued(tmp_path, shop)).made}
    said = text_of(made["CRN-2026-000000001"].pdf)
    assert "Credit note CRN-2026-000000001" in said
    assert "Corrects invoice INV-2026-000000001" in said
    assert "This credit note of 23.80 EUR is set against invoice INV-2026-000000001" in said
    assert "Scan to pay" not in said
    assert "Scan to pay" in text_of(made["INV-2026-000000001"].pdf)


@pytest.mark.parametrize(
    ("currency", "country", "price", "total"),
    [("JPY", "JP", "333", "Total JPY 366"), ("KWD", "KW", "1.235", "Total KWD 1.297")],
)
def test_amounts_have_the_places_of_their_currency(
    currency: str, country: str, price: str, total: str, tmp_path: Path
) -> None:
    asked = orders("order_id | currency | country", f"O1 | {currency} | {country}")
    [made] = invoices.written(issued(tmp_path, shop_of(asked, f"O1 | 1 | A | 1 | {price} | "))).made
    assert total in text_of(made.pdf)


def test_prices_with_tax_are_said_to_be_so(tmp_path: Path) -> None:
    asked = orders("order_id | prices_include_tax", "O1 | true")
    [made] = invoices.written(issued(tmp_path, shop_of(asked, "O1 | 1 | A | 3 | 9.99 | "))).made
    said = text_of(made.pdf)
    assert "Price with tax" in said
    assert "Prices and discounts include tax; the net amounts are without it." in said
    assert "Net 25.18 19 % tax on 25.18 4.79 Total EUR 29.97" in said


def test_where_only_some_orders_have_prices_with_tax_each_line_says_which(tmp_path: Path) -> None:
    shop = Shop()
    asked = orders("order_id | customer_id | prices_include_tax", "O1 | M1 | true", "O2 | M1 | false")
    sold = lines(LINE, "O1 | 1 | A | 1 | 11.90 | ", "O2 | 1 | A | 1 | 10.00 | ")
    shop.night(asked, sold, consolidated_customers=("M1",), month_ends_on=NIGHT)
    [made] = invoices.written(issued(tmp_path, shop)).made
    said = text_of(made.pdf)
    # 11.90 holds 1.90 of tax, so both lines are 10.00 net
    assert "1 O1 A Apple 1 11.90 yes 19 % 10.00 2 O2 A Apple 1 10.00 no 19 % 10.00" in said
    assert "Prices and discounts include tax where the line says so; the net amounts are without it." in said
    assert "Prices and discounts include tax;" not in said


@pytest.mark.parametrize("name", ["Haus & Hof *Versand* GmbH", "Öl & Söhne GmbH", "Żółć Łódź"])
def test_the_code_to_scan_pays_the_total_to_our_account(name: str, tmp_path: Path) -> None:
    workspace = issued(tmp_path, shop_of(orders("order_id", "O1"), "O1 | 1 | A | 3 | 10.00 | "))
    settings = SETTINGS.format(more=TAXED).replace("Haus & Hof *Versand* GmbH", name)
    (tmp_path / "orderhouse.toml").write_text(settings, encoding="utf-8")
    workspace = Workspace(tmp_path)
    found = invoices.written(workspace)
    with invoices.published(workspace) as opened:
        [document] = invoices.billed(opened, [found.made[0].invoice_number])
    picture = invoices.letter(workspace, document).picture
    frame_only = "#set page(width: 60mm, height: 60mm)\n#image(bytes(sys.inputs.code), width: 40mm)"
    (tmp_path / "code.typ").write_text(frame_only, encoding="utf-8")
    png = typst.compile(tmp_path / "code.typ", format="png", ppi=200, sys_inputs={"code": picture})
    assert isinstance(png, bytes)
    [code] = zxingcpp.read_barcodes(np.asarray(Image.open(BytesIO(png)).convert("L")))
    # 1 says UTF-8, and so it is; no mark of the encoding comes before it
    assert code.symbology_identifier == "]Q1"
    assert code.bytes.decode("utf-8").split("\n") == [
        "BCD", "002", "1", "SCT", "", name, "DE02120300000000202051", "EUR35.70", "", "",
        "INV-2026-000000001",
    ]  # fmt: skip


def test_the_pdf_carries_its_e_invoice_and_says_so(tmp_path: Path) -> None:
    [made] = invoices.written(issued(tmp_path, shop_of(orders("order_id", "O1"), "O1 | 1 | A | 3 | 10.00 | "))).made
    content = made.pdf.read_bytes()
    name, xml = facturx.get_facturx_xml_from_pdf(content, check_xsd=True, check_schematron=False)
    assert name == "factur-x.xml"
    assert xml == made.pdf.with_name("INV-2026-000000001.cii.xml").read_bytes()
    reader = pypdf.PdfReader(BytesIO(content))
    told = reader.trailer["/Root"]["/Metadata"].get_data().decode()
    assert "<fx:ConformanceLevel" in told
    assert ">EN 16931</fx:ConformanceLevel>" in told
    assert "<pdfaid:part>3</pdfaid:part><pdfaid:conformance>B</pdfaid:conformance>" in told
    attached = reader.trailer["/Root"]["/AF"][0].get_object()
    assert attached["/AFRelationship"] == "/Alternative"


def test_without_what_an_e_invoice_needs_the_pdf_is_made_and_the_index_says_why(tmp_path: Path) -> None:
    workspace = issued(tmp_path, shop_of(orders("order_id", "O1"), "O1 | 1 | A | 3 | 10.00 | "), more="")
    done = typed(workspace)
    assert done.exit_code == 0
    assert "INV-2026-000000001 has no e-invoice: the company has no tax_id; set it in [company]." in done.stderr
    folder = workspace.documents / "invoices" / str(NIGHT)
    assert sorted(file.name for file in folder.iterdir()) == ["INV-2026-000000001.pdf", "index.csv"]
    [row] = list(csv.DictReader((folder / "index.csv").open(encoding="utf-8-sig")))
    assert row["note"] == "INV-2026-000000001 has no e-invoice: the company has no tax_id; set it in [company]."
    assert (row["gross_amount"], row["currency"], row["ubl"]) == ("35.70", "EUR", "")


def test_an_e_invoice_that_is_no_longer_possible_does_not_stay_beside_its_document(tmp_path: Path) -> None:
    shop = shop_of(orders("order_id", "O1"), "O1 | 1 | A | 3 | 10.00 | ")
    folder = invoices.written(issued(tmp_path, shop)).folder
    assert len(list(folder.glob("*.xml"))) == 2
    invoices.written(issued(tmp_path, shop, more=""))
    assert list(folder.glob("*.xml")) == []


def test_completing_the_metadata_leaves_every_other_part_of_the_pdf_where_the_file_says_it_is(tmp_path: Path) -> None:
    workspace = issued(tmp_path, shop_of(orders("order_id", "O1"), "O1 | 1 | A | 3 | 10.00 | "))
    content = invoices.written(workspace).made[0].pdf.read_bytes()
    table = int(re.findall(rb"startxref\n(\d+)\n%%EOF$", content)[0])
    assert content[table:].startswith(b"xref\n")
    places = [int(place) for place in re.findall(rb"(\d{10}) 00000 n", content[table:])]
    assert len(places) > 50
    for number, place in enumerate(places, start=1):
        assert content[place:].startswith(b"%d 0 obj" % number)
    reader = pypdf.PdfReader(BytesIO(content), strict=True)
    assert reader.trailer["/Root"]["/Metadata"].get_data().endswith(b'<?xpacket end="r"?>')


def test_markup_control_characters_and_very_long_names_are_shown_as_they_are(tmp_path: Path) -> None:
    name = "#panic() $x^2$ *bold* @ref <script>alert(1)</script> " + "W" * 150
    customers = whole_customers(
        frame(
            "customer_id | name | street | city | postcode | country",
            "K1 | x | Road 1 | Bonn | 53111 | DE",
            schema=Customer,
        )
    ).with_columns(name=pl.lit(name), street=pl.lit("a\x00b\x1b[31m\u202eevil"))
    [made] = invoices.written(
        issued(tmp_path, shop_of(orders("order_id", "O1"), "O1 | 1 | A | 1 | 10.00 | ", customers=customers))
    ).made
    said = text_of(made.pdf)
    assert name.replace(" ", "") in said.replace(" ", "")
    assert "a b [31mevil" in said
    assert made.has_einvoice


def test_a_document_that_cannot_be_made_stops_no_other_and_says_so(tmp_path: Path) -> None:
    shop = shop_of(orders("order_id", "O1", "O2"), "O1 | 1 | A | 1 | 1 | ", "O2 | 1 | A | 1 | 2 | ")
    shop.invoice_lines = shop.invoice_lines.filter(pl.col("order_id") != "O1")
    found = invoices.written(issued(tmp_path, shop))
    assert [made.pdf.exists() for made in found.made] == [False, True]
    first, second = list(csv.DictReader((found.folder / "index.csv").open(encoding="utf-8-sig")))
    assert first["note"].startswith("INV-2026-000000001 was not made (")
    assert (first["pdf"], second["pdf"], second["note"]) == ("", "INV-2026-000000002.pdf", "")


def test_an_iban_whose_check_digits_do_not_fit_is_refused(tmp_path: Path) -> None:
    workspace = issued(
        tmp_path, shop_of(orders("order_id", "O1"), "O1 | 1 | A | 1 | 1 | "), 'iban = "DE03120300000000202051"'
    )
    with pytest.raises(OrderhouseError, match=r"company\.iban: 'DE03120300000000202051' is no IBAN"):
        _ = workspace.settings


def test_ten_thousand_lines_go_over_as_many_pages_as_it_takes(tmp_path: Path) -> None:
    sold = [f"O1 | {number} | A | 1 | 0.99 | " for number in range(1, 10_001)]
    [made] = invoices.written(issued(tmp_path, shop_of(orders("order_id", "O1"), *sold))).made
    pages = pypdf.PdfReader(BytesIO(made.pdf.read_bytes())).pages
    assert len(pages) > 150
    last = pages[len(pages) - 1].extract_text()
    assert "Total EUR" in last
    assert "11,781.00" in last
    assert f"Page {len(pages)} of {len(pages)}" in last
    assert "Description" in pages[77].extract_text(), "the head of the table is on every page"


def test_made_again_the_files_are_the_same_byte_for_byte(tmp_path: Path) -> None:
    workspace = issued(
        tmp_path, shop_of(orders("order_id", "O1", "O2"), "O1 | 1 | A | 1 | 1 | ", "O2 | 1 | A | 1 | 2 | ")
    )
    folder = invoices.written(workspace).folder
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    assert len(before) == 7
    for file in folder.iterdir():
        file.unlink()
    invoices.written(workspace)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


def test_many_documents_are_made_side_by_side_as_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = range(100, 160)
    shop = shop_of(orders("order_id", *(f"O{n}" for n in numbers)), *(f"O{n} | 1 | A | {n} | 1 | " for n in numbers))
    workspace, told = issued(tmp_path, shop), list[str]()
    with monkeypatch.context() as patch:
        patch.setattr(invoices, "AT_ONE_DESK", 0)
        found = invoices.written(workspace, say=told.append)
    assert told[-1] == "60 of 60 documents made"
    index = list(csv.DictReader((found.folder / "index.csv").open(encoding="utf-8-sig")))
    # 100 + … + 159 = 7,770 and 19 %, each rounded by itself
    assert len(index) == 60
    assert sum(round(float(row["gross_amount"]) * 100) for row in index) == sum(round(n * 119) for n in numbers)
    side_by_side = {file.name: file.read_bytes() for file in found.folder.iterdir()}
    invoices.written(workspace)
    assert {file.name: file.read_bytes() for file in found.folder.iterdir()} == side_by_side


def test_one_document_is_made_on_demand_and_an_unknown_one_is_refused_with_a_hint(tmp_path: Path) -> None:
    workspace = issued(
        tmp_path, shop_of(orders("order_id", "O1", "O2"), "O1 | 1 | A | 1 | 1 | ", "O2 | 1 | A | 1 | 2 | ")
    )
    done = typed(workspace, "--invoice", "INV-2026-000000002", "--json")
    assert [made["invoice_number"] for made in json.loads(done.stdout)["made"]] == ["INV-2026-000000002"]
    assert not (workspace.documents / "invoices" / str(NIGHT) / "index.csv").exists()
    done = typed(workspace, "--invoice", "INV-2026-00000000")
    assert done.exit_code == 1
    assert "was issued up to 2026-11-24. Did you mean INV-2026-000000002, INV-2026-000000001?" in done.stderr
    done = typed(workspace, "--invoice", "INV-2026-000000002", "--night", "2026-11-23")
    assert "INV-2026-000000002 was issued on 2026-11-24, not on 2026-11-23; leave --night away." in done.stderr


def test_a_night_without_documents_says_when_the_last_ones_were_issued(tmp_path: Path) -> None:
    workspace = issued(tmp_path, shop_of(orders("order_id", "O1"), "O1 | 1 | A | 1 | 1 | "))
    assert typed(workspace, "--night", "2026-11-25").stdout == (
        "No invoice was issued on 2026-11-25; the last before were of 2026-11-24: name them with --night.\n"
    )
    with pytest.raises(OrderhouseError, match="Nothing is published"):
        invoices.written(Workspace(tmp_path / "empty"))
