"""Numbers and hashes of issued documents: given last, without a gap, each bound to the one before.

The recipe of `content_hash`, so that anybody can check it from the published tables alone:

1. A value as text: a day `YYYY-MM-DD`; a whole number in digits; an amount with four decimals (`-12.5000`), a rate with
   ten; true and false in these words; nothing where there is none. In texts `\\` is written `\\\\`, a tab `\\t`, a line
   feed `\\n`.
2. A record: the values of one row with a tab between them: of a document all columns of `invoices` but content_hash
   and previous_hash, of its lines all columns of `invoice_lines` but invoice_number, in the order they are declared.
3. The content: the record of the document and those of its lines by line_no, each ended by a line feed.
4. content_hash: SHA-256 in lower-case hexadecimal over previous_hash, a line feed and the content, as UTF-8.
5. previous_hash: the content_hash of the document of its kind before it in its series; of the first one of a series
   that of the last document of its kind; 64 zeros where there is none.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import reduce

import polars as pl

from models.rules import money
from models.tables.base import Column, TableClass, columns, polars_schema
from models.tables.billing import Invoice, InvoiceLine

NO_HASH = "0" * 64
HASHES = ("content_hash", "previous_hash")
ESCAPED = (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"))


@dataclass(frozen=True)
class Issued:
    """Documents as they are stored, once."""

    invoices: pl.DataFrame
    invoice_lines: pl.DataFrame


@dataclass
class Ends:
    """Where numbers and chains go on.

    `documents` holds series, sequence, issued_on of the last document of each series; `hashes` the content_hash of the
    last document of each kind.
    """

    documents: pl.DataFrame
    hashes: dict[str, str]

    def move(self, issued: pl.DataFrame) -> None:
        """Go on after documents that were issued: Invoice rows, ordered by kind and number."""
        fresh = issued.group_by("series", maintain_order=True).agg(pl.col("sequence", "issued_on").last())
        kept = self.documents.join(fresh, on="series", how="anti")
        self.documents = pl.concat([kept, fresh.select(kept.columns).cast(kept.schema)])
        last = issued.group_by("kind", maintain_order=True).agg(pl.col("content_hash").last())
        self.hashes |= dict(last.iter_rows())


def numbered(
    documents: pl.DataFrame,
    last: pl.DataFrame,
    issued_on: date,
    *,
    invoice_series: str = "INV",
    credit_series: str = "CRN",
    first_number: int = 1,
    width: int = 9,
) -> pl.DataFrame:
    """Give each document its number: the next of its series, in the order of orders, customers and currencies.

    Args:
        documents: document, kind, order_id, customer_id, currency, credits_invoice_number of all tonight's drafts.
        last: series, sequence, issued_on of the last document of each series.
        issued_on: the date of the documents; a series begins anew each year.
        invoice_series: what numbers of invoices begin with.
        credit_series: what numbers of credit notes begin with.
        first_number: of a new series.
        width: digits of the number.

    Returns:
        document, kind, series, sequence, invoice_number; ordered by kind and sequence. One that was given by the same
        rows before is given again.

    Raises:
        ValueError: a series holds a later date already.
    """
    stem = pl.when(pl.col("kind") == "invoice").then(pl.lit(invoice_series)).otherwise(pl.lit(credit_series))
    ordered = (
        documents.select(
            "document",
            "kind",
            "order_id",
            "customer_id",
            "currency",
            "credits_invoice_number",
            series=pl.format("{}-{}", stem, pl.lit(f"{issued_on:%Y}")),
        )
        .join(last, on="series", how="left", validate="m:1")
        .sort("kind", "order_id", "customer_id", "currency", "credits_invoice_number", nulls_last=True)
    )
    if ordered.select((pl.col("issued_on") > issued_on).any()).item():
        raise ValueError(
            f"A series holds documents later than {issued_on}; no number can be given for that day any more."
        )
    sequence = pl.col("sequence").fill_null(first_number - 1) + pl.int_range(1, pl.len() + 1).over("series")
    return ordered.with_columns(sequence=sequence).select(
        "document",
        "kind",
        "series",
        "sequence",
        invoice_number=pl.format("{}-{}", "series", pl.col("sequence").cast(pl.String).str.zfill(width)),
    )


def chained(numbers: pl.DataFrame, documents: pl.DataFrame, lines: pl.DataFrame, last_hashes: dict[str, str]) -> Issued:
    """Bind each document to the one before it, by the recipe above.

    Args:
        numbers: rows of `numbered`, in their order; a part of them may be chained after the part before.
        documents: their drafts.
        lines: the lines of these drafts.
        last_hashes: the content_hash of the last document issued, by kind; a kind without one begins with zeros.

    Returns:
        Invoice and InvoiceLine rows, ordered by kind and number.
    """
    heads = numbers.join(documents.drop("kind"), on="document", validate="1:1", maintain_order="left")
    told = (
        lines.join(numbers.select("document", "invoice_number").with_row_index("row"), on="document", validate="m:1")
        .sort("row", "line_no")
        .select(polars_schema(InvoiceLine).names())
    )
    previous, hashes, last = [], [], dict(last_hashes)
    for kind, content in zip(heads["kind"].to_list(), _contents(heads, told), strict=True):
        before = last.get(kind, NO_HASH)
        last[kind] = _hash(before, content)
        previous.append(before)
        hashes.append(last[kind])
    invoices = heads.with_columns(
        content_hash=pl.Series(hashes, dtype=pl.String), previous_hash=pl.Series(previous, dtype=pl.String)
    )
    return Issued(invoices.select(polars_schema(Invoice).names()), told)


def _hash(previous: str, content: bytes) -> str:
    return hashlib.sha256(previous.encode() + b"\n" + content).hexdigest()


def _contents(invoices: pl.DataFrame, lines: pl.DataFrame) -> Iterator[bytes]:
    """The content of each document, in the order of `invoices`; the lines are ordered like them, then by line_no."""
    heads = invoices.select("invoice_number", record=_record(Invoice, invoices, HASHES))
    records = lines.select("invoice_number", record=_record(InvoiceLine, lines, ("invoice_number",)))
    sizes = records.group_by("invoice_number").agg(size=pl.col("record").str.len_bytes().sum())
    heads = heads.join(sizes, on="invoice_number", how="left", validate="1:1", maintain_order="left")
    text = memoryview("".join(records["record"].to_list()).encode())
    at = 0
    for head, size in zip(heads["record"].to_list(), heads["size"].fill_null(0).to_list(), strict=True):
        yield head.encode() + text[at : at + size]
        at += size


def _record(table: TableClass, rows: pl.DataFrame, left_out: tuple[str, ...]) -> pl.Expr:
    """One row as text, ended by a line feed."""
    kept = [column for column in columns(table) if column.name not in left_out]
    values = [_value(column, rows[column.name]) for column in kept]
    return pl.concat_str(*values[:-1], values[-1] + "\n", separator="\t")


def _value(column: Column, values: pl.Series) -> pl.Expr:
    text = pl.col(column.name).cast(pl.String)
    if column.type in ("id", "text") and values.str.contains(r"[\\\t\n]").any():
        text = reduce(lambda done, pair: done.str.replace_all(*pair, literal=True), ESCAPED, text)
    return text if column.is_required else text.fill_null("")


def gaps(invoices: pl.DataFrame) -> pl.DataFrame:
    """Find series whose numbers are not one after the other, or whose dates go back.

    Args:
        invoices: Invoice rows.

    Returns:
        series, documents, first, last, reason (repeat / gap / date_goes_back), ordered by series; empty where all is well.
    """
    return (
        invoices.sort("series", "sequence")
        .group_by("series", maintain_order=True)
        .agg(
            documents=pl.len().cast(pl.Int64),
            first=pl.col("sequence").min(),
            last=pl.col("sequence").max(),
            has_repeat=pl.col("sequence").is_duplicated().any(),
            goes_back=(pl.col("issued_on").diff() < pl.duration(days=0)).any(),
        )
        .select(
            "series",
            "documents",
            "first",
            "last",
            reason=pl.when("has_repeat")
            .then(pl.lit("repeat"))
            .when(pl.col("last") - pl.col("first") + 1 != pl.col("documents"))
            .then(pl.lit("gap"))
            .when("goes_back")
            .then(pl.lit("date_goes_back")),
        )
        .filter(pl.col("reason").is_not_null())
    )


def changed(invoices: pl.DataFrame, invoice_lines: pl.DataFrame) -> pl.DataFrame:
    """Find documents whose content is not that of their hash.

    Args:
        invoices: Invoice rows, any part of all.
        invoice_lines: all their InvoiceLine rows.

    Returns:
        invoice_number, reason `changed`; ordered by kind, series and number.
    """
    heads = invoices.sort("kind", "series", "sequence")
    told = (
        invoice_lines.join(heads.select("invoice_number").with_row_index("row"), on="invoice_number", validate="m:1")
        .sort("row", "line_no")
        .drop("row")
    )
    hashes = [
        _hash(previous, content)
        for previous, content in zip(heads["previous_hash"], _contents(heads, told), strict=True)
    ]
    return heads.filter(pl.col("content_hash") != pl.Series(hashes, dtype=pl.String)).select(
        "invoice_number", reason=pl.lit("changed")
    )


def cut(invoices: pl.DataFrame) -> pl.DataFrame:
    """Find documents that are bound to none of their kind, or to one that another is bound to: one is missing, or was put in.

    Args:
        invoices: invoice_number, kind, series, sequence, content_hash, previous_hash of all documents.

    Returns:
        invoice_number, reason `cut`; ordered by kind, series and number. What is cut off at the end shows only against
        `tips` kept elsewhere.
    """
    heads = invoices.sort("kind", "series", "sequence")
    known = heads.select("kind", previous_hash="content_hash").unique().with_columns(is_known=True)
    is_first = pl.int_range(pl.len()).over("kind", "previous_hash") == 0
    follows = (pl.col("previous_hash") == NO_HASH) | pl.col("is_known").fill_null(False)
    return (
        heads.join(known, on=["kind", "previous_hash"], how="left", validate="m:1", maintain_order="left")
        .filter(~(is_first & follows))
        .select("invoice_number", reason=pl.lit("cut"))
    )


def tips(invoices: pl.DataFrame) -> pl.DataFrame:
    """The end of each chain: what is kept elsewhere, so that documents cut off at the end are missed.

    Args:
        invoices: kind, invoice_number, content_hash, previous_hash of all documents.

    Returns:
        kind, documents, invoice_number and content_hash of the one that no other follows; ordered by kind.
    """
    followed = invoices.select("kind", content_hash="previous_hash")
    counted = invoices.group_by("kind").agg(documents=pl.len().cast(pl.Int64))
    return (
        invoices.join(followed, on=["kind", "content_hash"], how="anti")
        .join(counted, on="kind", validate="m:1")
        .select("kind", "documents", "invoice_number", "content_hash")
        .sort("kind", "invoice_number")
    )


def wrong_totals(invoices: pl.DataFrame, invoice_lines: pl.DataFrame) -> pl.DataFrame:
    """Find documents whose amounts are not the sums of their lines.

    Args:
        invoices: Invoice rows.
        invoice_lines: all their InvoiceLine rows.

    Returns:
        invoice_number, net_amount, tax_amount, gross_amount as stated, net_of_lines, tax_of_lines; ordered by number.
    """
    sums = invoice_lines.group_by("invoice_number").agg(
        net_of_lines=pl.col("net_amount").cast(money.SUM).sum(), tax_of_lines=pl.col("tax_amount").cast(money.SUM).sum()
    )
    is_right = (
        pl.col("net_amount").eq_missing(pl.col("net_of_lines"))
        & pl.col("tax_amount").eq_missing(pl.col("tax_of_lines"))
        & (pl.col("net_amount") + pl.col("tax_amount") == pl.col("gross_amount"))
    )
    return (
        invoices.select("invoice_number", "net_amount", "tax_amount", "gross_amount")
        .join(sums, on="invoice_number", how="full", coalesce=True, validate="1:1")
        .filter(~is_right.fill_null(False))
        .sort("invoice_number")
    )


def wrong_tax(invoice_lines: pl.DataFrame, currencies: pl.DataFrame) -> pl.DataFrame:
    """Find documents whose tax is not that of their rates.

    Each category and rate of a document may be off by the smallest coin for each of its lines: tax rounded line by line,
    and parts of a line credited one after the other, come to no more.

    Args:
        invoice_lines: InvoiceLine rows of whole documents.
        currencies: invoice_number, currency.

    Returns:
        invoice_number, tax_category, tax_rate, net_amount, tax_amount; ordered by the first three.
    """
    key = ["invoice_number", "tax_category", "tax_rate"]
    exact = pl.col("net_amount").cast(money.EXACT) * pl.col("tax_rate").cast(money.EXACT)
    return (
        invoice_lines.group_by(key)
        .agg(pl.col("net_amount", "tax_amount").cast(money.SUM).sum(), lines=pl.len())
        .join(currencies, on="invoice_number", validate="m:1")
        .filter(
            (exact - pl.col("tax_amount")).abs()
            > money.coin(pl.col("currency")) * pl.col("lines").cast(pl.Decimal(38, 0))
        )
        .select(*key, "net_amount", "tax_amount")
        .sort(key)
    )


def credited_too_much(invoice_lines: pl.DataFrame) -> pl.DataFrame:
    """Find lines of invoices of which credit notes take back more than they hold, or credit notes of no line.

    Args:
        invoice_lines: InvoiceLine rows of whole orders.

    Returns:
        invoice_number, line_no of the invoice that is named; ordered.
    """
    amounts = ["quantity", "net_amount", "tax_amount"]
    place = ["invoice_number", "line_no"]
    is_credit = pl.col("credits_invoice_number").is_not_null()
    credits = (
        invoice_lines.filter(is_credit)
        .group_by(invoice_number="credits_invoice_number", line_no="credits_line_no")
        .agg(pl.col(name).cast(money.SUM).sum().alias(f"{name}_back") for name in amounts)
    )
    over = pl.any_horizontal(pl.col(f"{name}_back") > pl.col(name) for name in amounts)
    return (
        credits.join(invoice_lines.filter(~is_credit).select(*place, *amounts), on=place, how="left", validate="1:1")
        .filter(over.fill_null(True))
        .select(place)
        .sort(place)
    )


def billed_twice(invoice_lines: pl.DataFrame) -> pl.DataFrame:
    """Find order lines that two lines of invoices or credit notes hold for the same event and revision.

    Args:
        invoice_lines: InvoiceLine rows.

    Returns:
        order_id, order_line_no (none: shipping), event, revision, invoice_numbers; empty where all is well.
    """
    key = ["order_id", "order_line_no", "event", "revision"]
    return (
        invoice_lines.group_by(key)
        .agg(times=pl.len(), invoice_numbers=pl.col("invoice_number").sort())
        .filter(pl.col("times") > 1)
        .drop("times")
        .sort(key)
    )
