"""A table as a file: CSV that is safe to open, a spreadsheet that is ready to read, Parquet with its types."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from models.tables.base import Column, TableClass, columns
from pipelines.documents.files import whole
from pipelines.documents.wording import needed_places, printable
from pipelines.warehouse.read import Published
from pipelines.workspace import FORMULA, OrderhouseError

MOST_ROWS = 1_048_575
"""What a sheet holds below its header."""
MOST_DIGITS = 15
"""A spreadsheet rounds figures of more."""
LONGEST_CELL = 32_767
WIDTHS = (8, 60)
LAST_SHEET = "About"


class Described:
    """A frame, what each of its columns means, and what a reader should know of the whole."""

    def __init__(
        self,
        frame: pl.DataFrame,
        columns: Mapping[str, Column],
        on: date,
        facts: Sequence[tuple[str, str | int]],
        reporting_currency: str,
    ) -> None:
        """Take them as they are; `on` is the day the files are dated with."""
        self.frame, self.columns, self.on, self.facts = frame.select(*columns), columns, on, facts
        self.reporting_currency = reporting_currency


def declared(table: TableClass, name: str) -> Column:
    """A column as its table declares it."""
    return next(column for column in columns(table) if column.name == name)


def found(published: Published, sql: str, params: Any = None) -> pl.DataFrame:
    """The rows of a query over a published file.

    Raises:
        OrderhouseError: the file was published by another version of the program.
    """
    try:
        return published.connection.sql(sql, params=params).pl()
    except (duckdb.BinderException, duckdb.CatalogException) as error:
        raise OrderhouseError(
            "What is published was written by another version of the program; run `orderhouse nightly` to publish it again."
        ) from error


def as_csv(table: Described, file: Path) -> None:
    """Write CSV, as `write_csv` does."""
    write_csv(table.frame, file)


def write_csv(frame: pl.DataFrame, file: Path) -> None:
    """Write CSV in UTF-8: no text starts a formula, lists are texts, figures have no zeros that say nothing."""
    with whole(file) as draft:
        frame.with_columns(_flat(name, kind) for name, kind in frame.schema.items()).write_csv(draft)


def _flat(name: str, kind: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if isinstance(kind, pl.Decimal):
        return column.cast(pl.String).str.replace(r"(\.\d\d\d*?)0+$", "$1")
    text = column.list.join("; ") if isinstance(kind, pl.List) else column
    if kind != pl.String and not isinstance(kind, pl.List):
        return column
    is_formula = pl.any_horizontal(text.str.starts_with(sign) for sign in FORMULA)
    return pl.when(is_formula).then(pl.concat_str(pl.lit("'"), text)).otherwise(text).alias(name)


def as_parquet(table: Described, file: Path) -> None:
    """Write Parquet: every value as it is, and the facts beside."""
    facts = {label: str(said) for label, said in table.facts}
    with whole(file) as draft:
        table.frame.write_parquet(draft, metadata=facts)


def as_xlsx(table: Described, file: Path) -> None:
    """Write a spreadsheet: a sheet of rows, ready to filter, and a last one that explains them.

    Raises:
        OrderhouseError: more rows than a sheet holds.
    """
    import xlsxwriter

    if table.frame.height > MOST_ROWS:
        raise OrderhouseError(
            f"{table.frame.height:,} rows are more than a sheet holds ({MOST_ROWS:,}); take csv or parquet."
        )
    moment = datetime(table.on.year, table.on.month, table.on.day, tzinfo=UTC).replace(tzinfo=None)
    with whole(file) as draft:
        book = xlsxwriter.Workbook(draft, {"constant_memory": True})
        book.set_properties({"title": str(table.facts[0][1]), "created": moment})
        _rows(book, table)
        _about(book, table)
        try:
            book.close()
        except xlsxwriter.exceptions.FileCreateError as error:
            raise OSError(str(error)) from error


def _rows(book: Any, table: Described) -> None:
    """The sheet of rows."""
    names = list(table.columns)
    sheet = book.add_worksheet(str(table.facts[0][1])[:31])
    head = book.add_format({"bold": True, "bottom": 1, "bg_color": "#E8EDF2", "text_wrap": True, "valign": "top"})
    last = max(table.frame.height, 1)
    sheet.freeze_panes(1, 0)
    sheet.repeat_rows(0)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.ignore_errors({"number_stored_as_text": f"A1:{_letters(len(names))}{last + 1}"})
    for place, name in enumerate(names):
        sheet.set_column(place, place, _width(table, name))
        sheet.write_string(0, place, name, head)
    sheet.autofilter(0, 0, last, len(names) - 1)
    formats: dict[str, Any] = {}

    def formatted(code: str) -> Any:
        if code not in formats:
            formats[code] = book.add_format({"num_format": code})
        return formats[code]

    pens = [_pen(sheet, formatted, table, name) for name in names]
    for number, row in enumerate(table.frame.iter_rows(), 1):
        for place, (pen, value) in enumerate(zip(pens, row, strict=True)):
            if value is not None:
                pen(number, place, value, row)


Pen = Callable[[int, int, Any, tuple[Any, ...]], None]


def _pen(sheet: Any, formatted: Callable[[str], Any], table: Described, name: str) -> Pen:
    """How the values of a column are written."""
    column = table.columns[name]
    kind = table.frame.schema[name]
    currency_at = table.frame.columns.index("currency") if "currency" in table.frame.columns else None

    def write_text(row: int, place: int, value: Any, _: tuple[Any, ...]) -> None:
        said = "; ".join(value) if isinstance(value, list) else str(value)
        sheet.write_string(row, place, printable(said)[:LONGEST_CELL])

    def write_figure(row: int, place: int, value: Any, cells: tuple[Any, ...]) -> None:
        if isinstance(value, Decimal) and len(value.normalize().as_tuple().digits) > MOST_DIGITS:
            sheet.write_string(row, place, f"{value:,f}")
            return
        if column.type == "money":
            own = cells[currency_at] if column.unit == "currency" and currency_at is not None else None
            code = _money_code(value, own or table.reporting_currency)
        else:
            code = _code(column)
        sheet.write_number(row, place, value, formatted(code))

    def write_day(row: int, place: int, value: Any, _: tuple[Any, ...]) -> None:
        sheet.write_datetime(row, place, value, formatted("yyyy-mm-dd"))

    def write_flag(row: int, place: int, value: Any, _: tuple[Any, ...]) -> None:
        sheet.write_boolean(row, place, value)

    if kind.is_numeric():
        return write_figure
    if kind == pl.Date:
        return write_day
    return write_flag if kind == pl.Boolean else write_text


def _money_code(value: Decimal, currency: str) -> str:
    wanted = needed_places(value, currency)
    return "#,##0" + ("." + "0" * wanted if wanted else "")


def _code(column: Column) -> str:
    """The number format of a figure that is no money, by its type and unit."""
    if column.type == "qty":
        return "0" if column.unit == "number" else "#,##0"
    if column.unit in ("share", "share a year"):
        return "0.0%"
    return "#,##0.0" if column.unit == "days" else "#,##0.00"


def _width(table: Described, name: str) -> int:
    least, most = WIDTHS
    column = table.frame[name]
    if isinstance(column.dtype, pl.List):
        column = column.list.join("; ")
    lengths = column.cast(pl.String).str.len_chars()
    longest = lengths.max() if len(lengths) else 0
    assert longest is None or isinstance(longest, int)
    if column.dtype.is_decimal():
        longest = min(longest or 0, 14)
    return min(max(least, len(name) + 3, (longest or 0) + 2), most)


def _about(book: Any, table: Described) -> None:
    """The sheet that explains the other."""
    sheet = book.add_worksheet(LAST_SHEET)
    strong = book.add_format({"bold": True, "valign": "top"})
    wrapped = book.add_format({"text_wrap": True, "valign": "top"})
    number = book.add_format({"num_format": "#,##0", "align": "left"})
    for place, width in enumerate((24, 80, 20, 16)):
        sheet.set_column(place, place, width)
    row = 0
    for label, said in table.facts:
        sheet.write_string(row, 0, label, strong)
        if isinstance(said, int):
            sheet.write_number(row, 1, said, number)
        else:
            sheet.write_string(row, 1, printable(said), wrapped)
        row += 1
    row += 1
    for place, title in enumerate(("Column", "What it says", "Unit", "Personal data")):
        sheet.write_string(row, place, title, strong)
    for name, column in table.columns.items():
        row += 1
        unit = {"reporting currency": table.reporting_currency, "currency": "see currency"}.get(
            column.unit or "", column.unit or ""
        )
        sheet.write_string(row, 0, name, strong)
        sheet.write_string(row, 1, column.description, wrapped)
        sheet.write_string(row, 2, unit, wrapped)
        sheet.write_string(row, 3, "yes" if column.is_personal else "", wrapped)


def _letters(place: int) -> str:
    """The name of a sheet's column, counted from 1."""
    name = ""
    while place:
        place, rest = divmod(place - 1, 26)
        name = chr(65 + rest) + name
    return name


WRITERS: dict[str, Callable[[Described, Path], None]] = {"csv": as_csv, "xlsx": as_xlsx, "parquet": as_parquet}
"""How a table is written in each format."""
