"""Reports as files: what a planner opens in a spreadsheet, and another program reads."""

import csv
import json
import zipfile
from datetime import date
from decimal import Decimal
from pathlib import Path

import fastexcel
import polars as pl
import pytest
from click.testing import CliRunner, Result

from models.tables.base import columns, polars_schema
from models.tables.demand import DemandClass
from models.tables.feeds import Product, Supplier
from models.tables.reorder import PurchaseOrderLine, ReorderProposal
from models.tables.stock import StockAgeing, StockPosition
from models.tables.turnover import InventoryTurnover
from pipelines import documents
from pipelines.cli import main
from pipelines.documents import reports, tables
from pipelines.workspace import FORMULA, neutral
from tests.builders import frame
from tests.dashboards.sample_publication import publish

AS_OF = date(2026, 11, 24)
HOSTILE = {
    "=": "=cmd|' /C calc'!A1",
    "+": "+1",
    "-": "-2+3",
    "@": "@SUM(A1)",
    "control": "bell\x07 and \x1b escape",
    "long": "Ü" * 200,
    "scripts": "中文 مرحبا 🎉 'quoted' \"twice\", comma",
}


def typed(shop: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["--workspace", str(shop), *words])


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("shop")
    names = pl.DataFrame({"sku": list(HOSTILE), "name": list(HOSTILE.values())})
    products = names.with_columns(category=pl.lit("Toys"))
    positions = frame(
        "as_of | sku | location_id | on_hand | unit_cost | currency | value",
        "2026-11-24 | = | W | 1234567 | 2.5 | EUR | 3086417.50",
        "2026-11-24 | + | W | -3 | 1500 | JPY | -27.00",
        "2026-11-24 | - | W | 4 | 1.2345 | KWD | 12.00",
        "2026-11-24 | @ | W | 0 | | |",
        "2026-11-23 | = | W | 7 | 2.5 | EUR | 17.50",
        schema=StockPosition,
    )
    ageing = frame("as_of | sku | bucket | quantity | value", "2026-11-24 | + | 31-60 | 5 | 9.99", schema=StockAgeing)
    turnover = frame(
        "period | sku | location_id | cogs_amount | turnover | sell_through_rate | sold",
        "2026-10 | - | W | 123456789012345678.1234 | 4.5 | 0.25 | 10",
        "last_365_days | - | W | 1.00 | | | 0",
        schema=InventoryTurnover,
    )
    ordered = frame(
        "purchase_order_id | line_no | supplier_id | sku | location_id | quantity | unit_cost | currency | ordered_on",
        "PO-1 | 1 | S | = | W | 3 | 0.335 | EUR | 2026-11-20",
        "PO-1 | 2 | S | + | W | 3 | 0.5 | JPY | 2026-11-20",
        "PO-1 | 3 | S | - | W | 3 | | EUR | 2026-11-20",
        schema=PurchaseOrderLine,
    )
    publish(
        root,
        {
            "products": products,
            "suppliers": frame("supplier_id | name", "S | @home", schema={"name": pl.String}),
            "demand_classes": frame("sku | abc", "- | A", schema=DemandClass),
            "stock_positions": positions,
            "stock_ageing": ageing,
            "inventory_turnover": turnover,
            "purchase_orders": ordered,
        },
        AS_OF,
    )
    return root


def sheet(file: Path, number: int = 0) -> pl.DataFrame:
    read = fastexcel.read_excel(file).load_sheet(number, dtypes="string" if number else None)
    return read.to_polars()


def test_every_report_of_the_command_line_is_declared_with_every_column_described() -> None:
    assert tuple(reports.REPORTS) == documents.REPORTS
    assert set(tables.WRITERS) == set(documents.FORMATS)
    for report in reports.REPORTS.values():
        own = {column.name for column in columns(report.table)}
        assert own <= set(report.columns)
        assert all(column.description for column in report.columns.values())


@pytest.mark.parametrize("form", documents.FORMATS)
@pytest.mark.parametrize(
    ("report", "rows"), [("stock", 4), ("reorder", 0), ("purchase_orders", 3), ("turnover", 2), ("ageing", 1)]
)
def test_each_report_says_its_file_its_rows_and_its_night(shop: Path, report: str, rows: int, form: str) -> None:
    ended = typed(shop, "export", report, "--format", form, "--json")
    assert ended.exit_code == 0, ended.output
    told = json.loads(ended.output)
    file = shop / "exports" / f"{report}-2026-11-24.{form}"
    assert (told["file"], told["rows"], told["as_of"]) == (str(file), rows, "2026-11-24")
    read = {"csv": pl.read_csv, "parquet": pl.read_parquet, "xlsx": sheet}[form](file)  # type: ignore[operator]
    assert read.height == rows
    assert read.columns == list(reports.REPORTS[report].columns)


@pytest.mark.parametrize("form", documents.FORMATS)
def test_the_same_publication_gives_the_same_bytes(shop: Path, tmp_path: Path, form: str) -> None:
    files = [tmp_path / f"{number}.{form}" for number in (1, 2)]
    for file in files:
        assert typed(shop, "export", "stock", "--out", str(file)).exit_code == 0
    assert files[0].read_bytes() == files[1].read_bytes()


def test_the_newest_night_is_shown_with_the_names_of_things(shop: Path, tmp_path: Path) -> None:
    typed(shop, "export", "stock", "--out", str(tmp_path / "stock.parquet"))
    found = pl.read_parquet(tmp_path / "stock.parquet")
    assert found["as_of"].unique().to_list() == [AS_OF]
    assert dict(found.select("sku", "product_name").rows())["="] == HOSTILE["="]
    assert found["category"].to_list() == ["Toys"] * 4
    typed(shop, "export", "turnover", "--out", str(tmp_path / "turnover.parquet"))
    assert pl.read_parquet(tmp_path / "turnover.parquet")["abc"].to_list() == ["A", "A"]


def test_parquet_keeps_types_exactly_and_says_of_which_night_it_is(shop: Path, tmp_path: Path) -> None:
    typed(shop, "export", "turnover", "--out", str(tmp_path / "t.parquet"))
    found = pl.read_parquet(tmp_path / "t.parquet")
    own = polars_schema(InventoryTurnover)
    assert {name: found.schema[name] for name in own} == own
    assert found["cogs_amount"][0] == Decimal("123456789012345678.1234")
    assert pl.read_parquet_metadata(tmp_path / "t.parquet")["As of"] == "2026-11-24"


def test_no_text_of_a_csv_starts_a_formula_and_no_figure_is_touched(shop: Path, tmp_path: Path) -> None:
    typed(shop, "export", "stock", "--out", str(tmp_path / "s.csv"))
    with (tmp_path / "s.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    by_sku = {row["sku"]: row for row in rows}
    assert by_sku["'="]["product_name"] == "'=cmd|' /C calc'!A1"
    assert by_sku["'@"]["product_name"] == "'@SUM(A1)"
    assert (by_sku["'+"]["on_hand"], by_sku["'+"]["value"]) == ("-3", "-27.00")
    assert by_sku["'-"]["unit_cost"] == "1.2345"
    assert by_sku["'@"]["value"] == ""


def test_a_text_is_neutralised_as_everywhere_else(tmp_path: Path) -> None:
    texts = [sign + "x" for sign in FORMULA] + ["plain", "'=x", "", "1=1"]
    tables.write_csv(pl.DataFrame({"text": texts, "list": [[text, "b"] for text in texts]}), tmp_path / "x.csv")
    with (tmp_path / "x.csv").open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    assert [row["text"] for row in found] == [neutral(text) for text in texts]
    assert [row["list"] for row in found] == [neutral(f"{text}; b") for text in texts]


def test_a_spreadsheet_is_ready_to_read(shop: Path, tmp_path: Path) -> None:
    typed(shop, "export", "stock", "--out", str(tmp_path / "s.xlsx"))
    with zipfile.ZipFile(tmp_path / "s.xlsx") as book:
        first = book.read("xl/worksheets/sheet1.xml").decode()
        styles = book.read("xl/styles.xml").decode()
    assert 'state="frozen"' in first and 'ySplit="1"' in first
    assert '<autoFilter ref="A1:L5"/>' in first
    assert "<f>" not in first
    for code in ("yyyy-mm-dd", "#,##0.0000"):
        assert f'formatCode="{code}"' in styles
    assert '<cols><col min="1" max="1"' in first and 'max="12" width="' in first
    found = sheet(tmp_path / "s.xlsx")
    named = dict(found.select("sku", "product_name").rows())
    assert named["="] == "=cmd|' /C calc'!A1"
    assert found["on_hand"].to_list() == [-3, 4, 1234567, 0]
    assert found["as_of"].cast(pl.Date).unique().to_list() == [AS_OF]


def test_the_last_sheet_explains_report_night_rows_and_every_column(shop: Path, tmp_path: Path) -> None:
    typed(shop, "export", "purchase_orders", "--out", str(tmp_path / "p.xlsx"))
    assert fastexcel.read_excel(tmp_path / "p.xlsx").sheet_names == ["Purchase orders", "About"]
    about = fastexcel.read_excel(tmp_path / "p.xlsx").load_sheet(1, header_row=None, dtypes="string").to_polars()
    told = {row[0]: row[1:] for row in about.rows() if row[0]}
    assert told["As of"][0] == "2026-11-24"
    assert told["Rows"][0] == "3"
    assert told["quantity"][:2] == ("How many.", "units")
    assert told["approved_by"][2] == "yes"
    assert set(reports.REPORTS["purchase_orders"].columns) <= set(told)


def test_line_amounts_are_rounded_to_the_places_of_their_currency(shop: Path, tmp_path: Path) -> None:
    typed(shop, "export", "purchase_orders", "--out", str(tmp_path / "p.parquet"))
    found = pl.read_parquet(tmp_path / "p.parquet")
    assert found["amount"].to_list() == [Decimal("1.01"), Decimal(2), None]  # 1.005 and 1.5, half away from zero
    assert found["supplier_name"].to_list() == ["@home"] * 3


def test_a_figure_of_more_digits_than_a_spreadsheet_keeps_is_a_text(shop: Path, tmp_path: Path) -> None:
    typed(shop, "export", "turnover", "--out", str(tmp_path / "t.xlsx"))
    assert sheet(tmp_path / "t.xlsx")["cogs_amount"][0] == "123,456,789,012,345,678.1234"


def test_a_text_that_no_sheet_can_hold_is_cut_and_marked(tmp_path: Path) -> None:
    described = {"name": tables.declared(Product, "name")}
    rows = pl.DataFrame({"name": ["a\x00b\x07c", "x" * 40_000]})
    table = tables.Described(rows, described, AS_OF, [("Report", "Names")], "EUR")
    tables.as_xlsx(table, tmp_path / "n.xlsx")
    found = sheet(tmp_path / "n.xlsx")["name"].to_list()
    assert found == ["a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}c", "x" * 32_767]
    with zipfile.ZipFile(tmp_path / "n.xlsx") as book:
        assert "2026-11-24T00:00:00Z" in book.read("docProps/core.xml").decode()


def test_more_rows_than_a_sheet_holds_are_refused_in_a_sentence(tmp_path: Path) -> None:
    described = {"supplier_id": tables.declared(Supplier, "supplier_id")}
    rows = pl.DataFrame({"supplier_id": ["S"]}).select(pl.col("supplier_id").repeat_by(1_048_576).explode())
    table = tables.Described(rows, described, AS_OF, [("Report", "Many")], "EUR")
    with pytest.raises(tables.OrderhouseError, match="more than a sheet holds"):
        tables.as_xlsx(table, tmp_path / "many.xlsx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["export", "sales"], 2, "'sales' is not one of 'stock', 'reorder', 'purchase_orders', 'turnover', 'invoices'"),
        (["export", "stock", "--format", "pdf"], 2, "'pdf' is not one of 'csv', 'xlsx', 'parquet'"),
        (["export", "stock", "--format", "csv", "--out", "x.xlsx"], 2, "x.xlsx does not end in .csv"),
        (["export", "stock", "--out", "x.pdf"], 2, "x.pdf ends in none of csv, xlsx, parquet."),
        (["export", "stock", "--out", "/dev/null/x.csv"], 1, "/dev/null/x.csv cannot be written"),
    ],
)
def test_what_cannot_be_exported_is_said_in_a_sentence(shop: Path, words: list[str], code: int, sentence: str) -> None:
    ended = typed(shop, *words)
    assert (ended.exit_code, sentence in ended.output) == (code, True), ended.output
    assert "Traceback" not in ended.output


def test_before_the_first_publication_the_sentence_names_the_night(tmp_path: Path) -> None:
    ended = typed(tmp_path, "export", "stock")
    assert ended.exit_code == 1
    assert "Nothing is published in" in ended.output and "`orderhouse nightly`" in ended.output


def test_a_folder_gets_a_file_of_the_usual_name(shop: Path, tmp_path: Path) -> None:
    ended = typed(shop, "export", "ageing", "--format", "xlsx", "--out", str(tmp_path / "new folder"))
    assert ended.output == (f"ageing as of 2026-11-24: 1 row in {tmp_path / 'new folder' / 'ageing-2026-11-24.xlsx'}\n")


def test_a_proposal_is_exported_with_its_whole_derivation(tmp_path: Path) -> None:
    proposals = frame(
        "as_of | proposal_id | sku | supplier_id | quantity | steps | flags",
        "2026-11-24 | A@W | A | S | 24 | |",
    ).with_columns(
        as_of=pl.lit(AS_OF),
        steps=pl.lit(["needed: 20", "packs of 12, up: 24"]),
        flags=pl.lit([], pl.List(pl.String)),
    )
    publish(tmp_path, {"reorder_proposals": proposals}, AS_OF)
    typed(tmp_path, "export", "reorder", "--out", str(tmp_path / "r.parquet"))
    found = pl.read_parquet(tmp_path / "r.parquet")
    assert set(polars_schema(ReorderProposal)) <= set(found.columns)
    assert found["steps"].to_list() == [["needed: 20", "packs of 12, up: 24"]]
    typed(tmp_path, "export", "reorder", "--out", str(tmp_path / "r.csv"))
    assert "needed: 20; packs of 12, up: 24" in (tmp_path / "r.csv").read_text(encoding="utf-8")
