"""Purchase orders as suppliers get them."""

import csv
import json
import re
from datetime import date
from decimal import Decimal
from io import BytesIO
from pathlib import Path

import fastexcel
import polars as pl
import pypdf
import pytest
from click.testing import CliRunner, Result

from models.tables.feeds import Location, Supplier, SupplierProduct
from models.tables.reorder import PurchaseOrderLine
from pipelines.cli import main
from pipelines.documents.files import name_of
from tests.builders import frame
from tests.dashboards.sample_publication import publish

AS_OF = date(2026, 11, 24)
SETTINGS = """
[company]
name = "Haus & Hof *Versand* GmbH"
street = "Torgauer Straße 233"
city = "Leipzig"
postcode = "04347"
country = "DE"
tax_id = "DE123456788"
"""
LINES = "purchase_order_id | line_no | supplier_id | sku | location_id | quantity | unit_cost | currency | ordered_on | expected_on"
SUPPLIERS = frame(
    "supplier_id | name | email | country",
    "S | Nordlicht A/S | orders@nordlicht.example | DK",
    "T | Tōkyō Trading | | JP",
    schema=Supplier,
)
LOCATIONS = frame(
    "location_id | name | postcode | country",
    "W | Zentrallager | D-04356 | DE",
    "V | Magazijn | 5928 SC | NL",
    schema=Location,
)


def ordered(root: Path, *lines: str, names: dict[str, str] | None = None, terms: tuple[str, ...] = ()) -> Path:
    """A workspace whose newest night sent these lines."""
    (root / "orderhouse.toml").write_text(SETTINGS, encoding="utf-8")
    drawn = frame(LINES, *lines, schema=PurchaseOrderLine)
    products = pl.DataFrame({"sku": drawn["sku"].unique(maintain_order=True)}).with_columns(
        name=pl.col("sku").replace(names or {}), supplier_id=pl.lit("S"), supplier_sku=pl.format("N-{}", "sku")
    )
    own = frame("supplier_id | sku | supplier_sku", *terms, schema=SupplierProduct) if terms else None
    published = {"purchase_orders": drawn, "products": products, "suppliers": SUPPLIERS, "locations": LOCATIONS}
    publish(root, published | ({} if own is None else {"supplier_products": own}), AS_OF)
    return root


def typed(root: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["--workspace", str(root), "documents", "purchase-orders", *words])


def folder(root: Path, day: str = "2026-11-24") -> Path:
    return root / "documents" / "purchase_orders" / day


def pages(file: Path) -> list[str]:
    """The text of each page, as it is copied."""
    return [page.extract_text() for page in pypdf.PdfReader(BytesIO(file.read_bytes())).pages]


def flat(text: str) -> str:
    """A text without its breaks, also those inside of words that are wider than their place."""
    return re.sub(r"[\s\u200b]+", "", text)


def test_an_order_is_made_as_pdf_spreadsheet_and_csv_with_an_index(tmp_path: Path) -> None:
    root = ordered(
        tmp_path,
        "PO-1 | 1 | S | A | W | 48 | 3.10 | EUR | 2026-11-24 | 2026-12-03",
        "PO-1 | 2 | S | B | W | 1200 | 0.0125 | EUR | 2026-11-24 | 2026-12-03",
        names={"A": "Apple", "B": "Bear"},
    )
    ended = typed(root)
    assert ended.output == f"1 purchase order of 2026-11-24 in {folder(root)}\n"
    assert sorted(file.name for file in folder(root).iterdir()) == ["PO-1.csv", "PO-1.pdf", "PO-1.xlsx", "index.csv"]
    [page] = pages(folder(root) / "PO-1.pdf")
    assert "\u200b" not in page
    for said in (
        "Haus & Hof *Versand* GmbH", "Torgauer Straße 233", "04347 Leipzig", "Germany", "DE123456788",
        "Nordlicht A/S", "Denmark", "orders@nordlicht.example", "Purchase order PO-1", "24 November 2026",
        "3 December 2026", "Zentrallager, D-04356, Germany", "N-A", "Apple", "48", "3.10", "148.80", "1,200", "0.0125",
        "15.00", "Total EUR", "163.80", "Page 1 of 1",
    ):  # fmt: skip
        assert flat(said) in flat(page), said
    with (folder(root) / "PO-1.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    assert [(line["supplier_sku"], line["quantity"], line["unit_cost"], line["amount"]) for line in lines] == [
        ("N-A", "48", "3.10", "148.80"),
        ("N-B", "1200", "0.0125", "15.00"),
    ]
    book = fastexcel.read_excel(folder(root) / "PO-1.xlsx")
    assert book.sheet_names == ["Purchase order", "About"]
    assert book.load_sheet(0).to_polars()["amount"].to_list() == [148.8, 15.0]
    about = dict(book.load_sheet(1, header_row=None, dtypes="string").to_polars().select(pl.nth(0, 1)).rows())
    assert (about["Total"], about["To"], about["Lines"]) == ("163.80 EUR", "Nordlicht A/S", "2")
    with (folder(root) / "index.csv").open(encoding="utf-8", newline="") as file:
        [row] = csv.DictReader(file)
    assert (row["purchase_order_id"], row["lines"], row["units"], row["total_amount"], row["pdf"]) == (
        "PO-1", "2", "1248", "163.80", "PO-1.pdf",
    )  # fmt: skip


def test_made_again_every_file_is_the_same_to_the_byte(tmp_path: Path) -> None:
    line = "PO-1 | 1 | S | A | W | 48 | 3.10 | EUR | 2026-11-24 | 2026-12-03"
    roots = [tmp_path / "one", tmp_path / "two"]
    for root in roots:
        root.mkdir()
        typed(ordered(root, line))
    files = [{file.name: file.read_bytes() for file in folder(root).iterdir()} for root in roots]
    assert files[0] == files[1]
    typed(roots[0])
    assert {file.name: file.read_bytes() for file in folder(roots[0]).iterdir()} == files[0]


@pytest.mark.parametrize(
    ("currency", "cost", "quantity", "amount", "total"),
    [
        ("JPY", "500.5", 3, "1,502", "3,004"),  # 1501.5 yen a line, half away from zero
        ("KWD", "0.3335", 3, "1.001", "2.002"),  # 1.0005 dinars a line
        ("EUR", "0.335", 3, "1.01", "2.02"),  # 1.005 euros, which a float would round down
        ("EUR", "99999999999.9999", 1_000, "99,999,999,999,999.90", "199,999,999,999,999.80"),
    ],
)
def test_totals_are_exact_in_the_places_of_their_currency(
    tmp_path: Path, currency: str, cost: str, quantity: int, amount: str, total: str
) -> None:
    root = ordered(
        tmp_path,
        f"PO-1 | 1 | S | A | W | {quantity} | {cost} | {currency} | 2026-11-24 | 2026-12-03",
        f"PO-1 | 2 | S | B | W | {quantity} | {cost} | {currency} | 2026-11-24 | 2026-12-03",
    )
    typed(root)
    words = " ".join(pages(folder(root) / "PO-1.pdf")).split()
    assert words.count(amount) == 2
    assert words[words.index("Total") + 1 : words.index("Total") + 3] == [currency, total]
    with (folder(root) / "index.csv").open(encoding="utf-8", newline="") as file:
        assert Decimal(next(csv.DictReader(file))["total_amount"]) == Decimal(total.replace(",", ""))


def test_three_hundred_lines_go_over_pages_under_a_repeated_header(tmp_path: Path) -> None:
    lines = [
        f"PO-1 | {number} | S | SKU-{number:04} | W | {number} | 1.00 | EUR | 2026-11-24 | 2026-12-03"
        for number in range(1, 301)
    ]
    root = ordered(tmp_path, *lines)
    typed(root)
    found = pages(folder(root) / "PO-1.pdf")
    assert 5 < len(found) < 15
    for number, page in enumerate(found, 1):
        assert f"Page {number} of {len(found)}" in page
        assert "Purchase order PO-1" in page
        assert "Unit cost" in page
    listed = re.findall(r"(?<!N-)SKU-(\d{4})", " ".join(found))
    assert sorted({int(number) for number in listed}) == list(range(1, 301))
    assert "45,150.00" in found[-1]  # 300 x 301 / 2


HOSTILE = {
    "A": "=cmd|' /C calc'!A1",
    "B": "#[x] $a^2$ *b* _c_ `d` \\ @e <f> // g -- h ~ i [j] {k} #panic() /* l */",
    "C": "tab\tline\nbreak bell\x07 escape\x1b zero\x00 reversed\u202e end",
    "D": "W" * 200,
    "E": "Ελληνικά Кириллица עברית Łódź ẞ",
}


def test_hostile_names_stand_in_the_letter_as_they_are(tmp_path: Path) -> None:
    lines = [f"PO-1 | {n} | S | {sku} | W | 1 | 1 | EUR | 2026-11-24 | 2026-12-03" for n, sku in enumerate(HOSTILE, 1)]
    root = ordered(tmp_path, *lines, names=HOSTILE)
    ended = typed(root)
    assert ended.exit_code == 0 and "no font has" not in ended.output
    page = flat("".join(pages(folder(root) / "PO-1.pdf")))
    for sku in "ABD":
        assert flat(HOSTILE[sku]) in page, sku
    assert flat("tab line break bell escape zero reversed end") in page
    for word in ("Ελληνικά", "Кириллица", "Łódź"):
        assert word in page
    with (folder(root) / "PO-1.csv").open(encoding="utf-8", newline="") as file:
        assert next(csv.DictReader(file))["name"] == "'=cmd|' /C calc'!A1"


def test_letters_that_no_font_has_become_boxes_and_are_named(tmp_path: Path) -> None:
    root = ordered(
        tmp_path,
        "PO-1 | 1 | S | A | W | 1 | 1 | EUR | 2026-11-24 | 2026-12-03",
        "PO-1 | 2 | S | B | W | 1 | 1 | EUR | 2026-11-24 | 2026-12-03",
        names={"A": "Rice 中文 bowl", "B": "party 🎉 مرحبا"},
    )
    ended = typed(root)
    assert ended.exit_code == 0
    assert "PO-1: no font has 中 文 🎉" in ended.output
    [page] = pages(folder(root) / "PO-1.pdf")
    assert "Rice □□ bowl" in page and "party □" in page
    assert typed(root, "--json").exit_code == 0


def test_several_places_and_days_stand_on_the_lines(tmp_path: Path) -> None:
    root = ordered(
        tmp_path,
        "PO-1 | 1 | S | A | V | 1 | 1 | EUR | 2026-11-24 | 2026-12-03",
        "PO-1 | 2 | S | A | W | 2 | 1 | EUR | 2026-11-24 | 2026-12-05",
    )
    typed(root)
    page = pages(folder(root) / "PO-1.pdf")[0]
    for said in ("V: Magazijn, 5928 SC, Netherlands", "W: Zentrallager", "2026-12-03", "2026-12-05"):
        assert said in page, said


def test_a_line_without_a_cost_is_ordered_and_told_apart_from_the_total(tmp_path: Path) -> None:
    root = ordered(
        tmp_path,
        "PO-1 | 1 | S | A | W | 5 | | EUR | 2026-11-24 | 2026-12-03",
        "PO-1 | 2 | S | B | W | 2 | 1.5 | EUR | 2026-11-24 | 2026-12-03",
        "PO-2 | 1 | X | A | L | 5 | | | 2026-11-24 | 2026-12-03",
    )
    assert typed(root).exit_code == 0
    first, second = (" ".join(pages(folder(root) / f"PO-{number}.pdf")) for number in (1, 2))
    assert "3.00" in first and "1 line has no agreed cost, and no part in the total: please confirm it." in first
    assert "Total" not in second and "1 line has no agreed cost: please confirm it." in second


def test_the_number_of_the_supplier_ordered_from_counts_not_that_of_another(tmp_path: Path) -> None:
    root = ordered(
        tmp_path,
        "PO-1 | 1 | S | A | W | 1 | 1 | EUR | 2026-11-24 | 2026-12-03",
        "PO-2 | 1 | T | A | W | 1 | 1 | EUR | 2026-11-24 | 2026-12-03",
        "PO-2 | 2 | T | B | W | 1 | 1 | EUR | 2026-11-24 | 2026-12-03",
        terms=("T | B | T-77",),
    )
    typed(root)
    numbers = pl.concat(pl.read_csv(folder(root) / f"PO-{n}.csv").select("sku", "supplier_sku") for n in (1, 2))
    assert numbers.rows() == [("A", "N-A"), ("A", None), ("B", "T-77")]


def test_only_the_orders_of_the_night_are_made_and_one_can_be_made_alone(tmp_path: Path) -> None:
    root = ordered(
        tmp_path,
        "PO-1 | 1 | S | A | W | 1 | 1 | EUR | 2026-11-20 | 2026-12-03",
        "PO-2 | 1 | S | A | W | 1 | 1 | EUR | 2026-11-24 | 2026-12-03",
        "PO-3 | 1 | S | A | W | 1 | 1 | EUR | 2026-11-24 | 2026-12-03",
    )
    assert typed(root, "--order", "PO-2").exit_code == 0
    assert sorted(file.name for file in folder(root).glob("*.pdf")) == ["PO-2.pdf"]
    assert pl.read_csv(folder(root) / "index.csv")["purchase_order_id"].to_list() == ["PO-2"]
    typed(root)
    assert pl.read_csv(folder(root) / "index.csv")["purchase_order_id"].to_list() == ["PO-2", "PO-3"]
    assert typed(root, "--order", "PO-1").exit_code == 0
    assert typed(root, "--night", "2026-11-20").exit_code == 0
    assert (folder(root, "2026-11-20") / "PO-1.pdf").exists()
    told = json.loads(typed(root, "--night", "2026-11-20", "--json").output)
    assert [made["purchase_order_id"] for made in told["made"]] == ["PO-1"]


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["--order", "PO-"], 1, "No purchase order PO- was sent up to 2026-11-24. Did you mean PO-1?"),
        (["--order", "PO-1", "--night", "2026-11-24"], 1, "PO-1 was sent on 2026-11-20, not on 2026-11-24"),
        ([], 0, "No purchase order was sent on 2026-11-24; the last before were on 2026-11-20"),
        (["--night", "2026-11-01"], 0, "No purchase order was sent on 2026-11-01."),
    ],
)
def test_what_was_not_sent_is_said_in_a_sentence(tmp_path: Path, words: list[str], code: int, sentence: str) -> None:
    root = ordered(tmp_path, "PO-1 | 1 | S | A | W | 1 | 1 | EUR | 2026-11-20 | 2026-12-03")
    ended = typed(root, *words)
    assert (ended.exit_code, sentence in ended.output) == (code, True), ended.output
    assert not (root / "documents").exists()


def test_before_the_first_publication_the_sentence_names_the_night(tmp_path: Path) -> None:
    ended = typed(tmp_path)
    assert ended.exit_code == 1 and "Nothing is published in" in ended.output


@pytest.mark.parametrize("number", ["PO-20261124-../../etc-1", "PO/2", ".hidden", "PO ü", "x" * 64 + "/"])
def test_a_number_never_leads_out_of_its_folder(number: str) -> None:
    name = name_of(number)
    assert re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*", name)
    assert name != name_of(number + "x")


def test_two_numbers_that_differ_in_a_forbidden_letter_keep_their_own_files(tmp_path: Path) -> None:
    root = ordered(
        tmp_path,
        "PO/1 | 1 | S | A | W | 1 | 1 | EUR | 2026-11-24 | 2026-12-03",
        "PO:1 | 1 | S | A | W | 1 | 1 | EUR | 2026-11-24 | 2026-12-03",
        "PO_1 | 1 | S | A | W | 1 | 1 | EUR | 2026-11-24 | 2026-12-03",
    )
    typed(root)
    assert len(list(folder(root).glob("*.pdf"))) == 3


def test_the_logo_stands_in_the_letter_and_a_broken_one_is_said(tmp_path: Path) -> None:
    root = ordered(tmp_path, "PO-1 | 1 | S | A | W | 1 | 1 | EUR | 2026-11-24 | 2026-12-03")
    settings = root / "orderhouse.toml"
    settings.write_text(SETTINGS + 'logo = "logo.svg"\n', encoding="utf-8")
    assert "cannot be read; mend [company] logo" in typed(root).output
    (root / "logo.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>'
    )
    assert typed(root).exit_code == 0
    (root / "logo.svg").write_text("no picture")
    ended = typed(root)
    assert ended.exit_code == 1 and "give a PNG, JPEG or SVG" in ended.output


def test_the_letter_is_an_archive_pdf_dated_by_the_order(tmp_path: Path) -> None:
    root = ordered(tmp_path, "PO-1 | 1 | S | A | W | 1 | 1 | EUR | 2026-11-24 | 2026-12-03")
    typed(root)
    found = pypdf.PdfReader(folder(root) / "PO-1.pdf")
    assert found.metadata is not None
    assert found.metadata.title == "Purchase order PO-1"
    assert found.metadata.author == "Haus & Hof *Versand* GmbH"
    assert str(found.metadata.creation_date_raw).startswith("D:20261124")
    assert b"<pdfaid:part>3</pdfaid:part>" in (folder(root) / "PO-1.pdf").read_bytes()
