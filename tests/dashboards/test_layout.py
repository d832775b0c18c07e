import io
import re
import tomllib
import zipfile
from pathlib import Path

import polars as pl
import pytest

from dashboards import charts, layout, wording
from models.tables import CATALOG
from models.tables.base import columns, declaration


@pytest.mark.parametrize("text", ["=1+1", "+49 30", "-3", "@SUM(A1)", "\tx", "\rx", "＝1"])
def test_a_text_that_a_spreadsheet_takes_for_a_formula_is_marked_in_csv(text: str) -> None:
    read = pl.read_csv(io.BytesIO(layout.as_csv(pl.DataFrame({"note": [text]}))), infer_schema=False, eol_char="\n")
    assert read["note"].to_list() == [f"'{text}"]


def test_numbers_dates_and_ordinary_texts_stay_as_they_are_in_csv() -> None:
    frame = pl.DataFrame({"amount": [-3.5], "note": ["Grüße, Köln"], "reasons": [["a: b", "c"]]})
    assert layout.as_csv(frame).decode("utf-8-sig") == 'amount,note,reasons\n-3.5,"Grüße, Köln",a: b; c\n'


def test_parquet_keeps_the_values_exactly() -> None:
    frame = pl.DataFrame({"note": ["=1+1"], "amount": ["1.5"]}).with_columns(pl.col("amount").cast(pl.Decimal(18, 2)))
    assert pl.read_parquet(io.BytesIO(layout.as_parquet(frame))).equals(frame)


def test_a_sheet_keeps_texts_as_texts_and_formats_numbers() -> None:
    frame = pl.DataFrame({"note": ["=1+1"], "units": [1200], "cost": ["1.5"]}).with_columns(
        pl.col("cost").cast(pl.Decimal(18, 4))
    )
    for rows in (frame, frame.clear()):
        made = layout.as_xlsx(rows, "Order", {"note": "Note", "units": "Units", "cost": "Cost"})
        book = zipfile.ZipFile(io.BytesIO(made))
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        assert "<f>" not in sheet
        assert 'state="frozen"' in sheet
    styles = zipfile.ZipFile(io.BytesIO(layout.as_xlsx(frame, "Order", {"units": "Units", "cost": "Cost"})))
    assert {"#,##0", "#,##0.00##"} <= set(re.findall('formatCode="([^"]+)"', styles.read("xl/styles.xml").decode()))


def rejects(values: list[str | None], raw: list[str], reasons: list[list[str]]) -> pl.DataFrame:
    ids = {"file_id": ["f"] * len(raw), "record_number": list(range(1, len(raw) + 1))}
    return pl.DataFrame(ids | {"values": values, "raw": raw, "reasons": reasons})


def test_rejected_records_come_back_in_the_columns_of_their_feed_with_the_reasons() -> None:
    given = rejects(
        ['{"sku": "A", "quantity": "1,5"}', None],
        ["A,1,5", '"broken'],
        [["quantity: format: 1,5"], ["record: structure: x"]],
    )
    found = layout.in_feed_shape(given, "order_lines")
    assert found.columns[:4] == ["order_id", "line_no", "sku", "quantity"]
    assert found.select("sku", "quantity", "reject_id", "reject_reasons", "reject_raw").rows() == [
        ("A", "1,5", "f:1", "quantity: format: 1,5", None),
        (None, None, "f:2", "record: structure: x", '"broken'),
    ]


def test_rejected_records_of_a_source_keep_the_columns_of_the_source() -> None:
    given = rejects(['{"InvoiceNo": "5"}'], ["5"], [["x: missing: empty"]])
    assert layout.in_feed_shape(given, "online_retail").columns == [
        "InvoiceNo",
        "reject_id",
        "reject_reasons",
        "reject_raw",
    ]


def test_columns_are_named_and_explained_by_their_declaration() -> None:
    made = layout.column_config(
        pl.Schema({"net_amount": pl.Decimal(18, 2), "day": pl.Date()}), ("daily_orders",), "EUR", {}
    )
    assert (made["net_amount"]["label"], made["net_amount"]["help"]) == (
        "Net (EUR)",
        "Gross less discounts, cancelled and returned.",
    )
    assert made["day"]["help"] == "Business date."


def test_amounts_in_dinars_are_shown_to_their_last_place() -> None:
    rows = {"paid": ["11.1380", "5.0000"], "owed": ["11.1400", None], "units": [1, 2]}
    frame = pl.DataFrame(rows).with_columns(pl.col("paid", "owed").cast(pl.Decimal(18, 4)))
    assert layout.finer(frame) == {"paid"}
    assert layout.finer(frame.clear()) == set()
    made = layout.column_config(frame.schema, (), "EUR", {}, layout.finer(frame))
    assert [made[name]["type_config"]["format"] for name in ("paid", "owed")] == ["%,.3f", "%,.2f"]


def test_markup_in_data_is_shown_and_not_followed() -> None:
    assert wording.plain("<b>x</b> & $y$") == "&lt;b&gt;x&lt;/b&gt; &amp; &#36;y&#36;"


def test_theme_and_charts_have_the_same_colours() -> None:
    theme = tomllib.loads((Path(layout.__file__).parent / ".streamlit" / "config.toml").read_text())["theme"]
    for name, palette in (("light", charts.LIGHT), ("dark", charts.DARK)):
        assert theme[name]["chartCategoricalColors"] == list(palette.series)
        assert (theme[name]["textColor"], theme[name]["backgroundColor"]) == (palette.text, palette.surface)


def _luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("palette", [charts.LIGHT, charts.DARK], ids=["light", "dark"])
def test_words_and_lines_stand_out_from_the_ground(palette: charts.Palette) -> None:
    # WCAG 2.2: 4.5 to 1 for text, 3 to 1 for graphics
    def contrast(colour: str) -> float:
        high, low = sorted((_luminance(colour), _luminance(palette.surface)), reverse=True)
        return (high + 0.05) / (low + 0.05)

    assert all(contrast(colour) >= 4.5 for colour in (palette.text, palette.muted))
    assert all(contrast(colour) >= 3 for colour in (palette.good, palette.bad, palette.series[0]))
    assert all(contrast(colour) >= 2.5 for colour in palette.series)


def test_every_event_anomaly_and_refusal_has_words() -> None:
    declared = {declaration(cls).name: {column.name: column for column in columns(cls)} for cls in CATALOG}
    assert set(declared["order_timeline"]["event"].choices or ()) <= set(wording.EVENTS)
    assert set(declared["order_timeline"]["anomaly"].choices or ()) <= set(wording.ANOMALIES)
    assert set(declared["attention"]["role"].choices or ()) <= set(wording.ROLES)


def test_the_server_is_for_this_machine_only_and_tells_visitors_and_others_nothing() -> None:
    config = tomllib.loads((Path(layout.__file__).parent / ".streamlit" / "config.toml").read_text())
    assert config["server"]["address"] == "127.0.0.1"
    assert config["server"]["maxUploadSize"] <= 10
    assert config["client"]["showErrorDetails"] == "none"
    assert config["browser"]["gatherUsageStats"] is False
