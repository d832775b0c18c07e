"""Numbers and hashes: no gap, no repeat, and nothing issued can be changed without being noticed."""

import hashlib
from datetime import date

import polars as pl
import pytest

from models.rules import numbering
from tests.billed import NIGHT, Shop, broken, drawn, lines, orders, shown
from tests.builders import frame

NONE_ISSUED = pl.DataFrame(schema={"series": pl.String, "sequence": pl.Int64, "issued_on": pl.Date})
DOCUMENTS = frame(
    "document | kind | order_id | customer_id | currency | credits_invoice_number",
    "order O9 | invoice | O9 | K1 | EUR | ",
    "order O10 | invoice | O10 | K1 | EUR | ",
    "customer M1 EUR | invoice |  | M1 | EUR | ",
    "credit INV-2026-000000001 | credit_note | O1 | K1 | EUR | INV-2026-000000001",
)


def last(*rows: str) -> pl.DataFrame:
    return frame("series | sequence | issued_on", *rows, schema={"issued_on": pl.Date})


def shop() -> Shop:
    """Three invoices and a credit note over two nights."""
    found = Shop()
    asked = orders("order_id", "O1", "O2")
    header = "order_id | line_no | quantity | unit_price | cancelled"
    found.night(asked, lines(header, "O1 | 1 | 2 | 1.00 | 0", "O2 | 1 | 2 | 1.00 | 0"))
    more = orders("order_id", "O1", "O2", "O3")
    sold = lines(header, "O1 | 1 | 2 | 1.00 | 1", "O2 | 1 | 2 | 1.00 | 0", "O3 | 1 | 1 | 7.00 | 0")
    found.night(more, sold, issued_on=date(2026, 11, 25))
    return found


def test_numbers_follow_the_order_and_go_on_where_the_series_ended() -> None:
    given = numbering.numbered(DOCUMENTS, last("INV-2026 | 41 | 2026-11-23"), NIGHT)
    header = "document | invoice_number"
    assert shown(given, header) == drawn(
        header,
        "credit INV-2026-000000001 | CRN-2026-000000001",
        "order O10 | INV-2026-000000042",
        "order O9 | INV-2026-000000043",
        "customer M1 EUR | INV-2026-000000044",
    )


def test_a_series_begins_anew_each_year_with_the_first_number() -> None:
    given = numbering.numbered(
        DOCUMENTS.head(1),
        last("INV-2026 | 41 | 2026-12-31"),
        date(2027, 1, 1),
        invoice_series="R",
        first_number=0,
        width=3,
    )
    assert shown(given, "series | sequence | invoice_number") == [("R-2027", "0", "R-2027-000")]


def test_invoices_and_credit_notes_may_share_one_series() -> None:
    given = numbering.numbered(DOCUMENTS, NONE_ISSUED, NIGHT, invoice_series="R", credit_series="R")
    assert sorted(given["sequence"].to_list()) == [1, 2, 3, 4]


def test_no_number_is_given_for_a_day_before_the_last_one() -> None:
    assert numbering.numbered(DOCUMENTS, last(f"INV-2026 | 1 | {NIGHT}"), NIGHT).height == 4
    with pytest.raises(ValueError, match="later than 2026-11-24"):
        numbering.numbered(DOCUMENTS, last("INV-2026 | 1 | 2026-11-25"), NIGHT)


def test_the_hash_is_what_its_recipe_says() -> None:
    issued = Shop().night(
        orders("order_id", "O1"), lines("order_id | line_no | sku | quantity | unit_price", "O1 | 1 | a\\b | 1 | 2.5")
    )
    record = (
        "INV-2026-000000001\tinvoice\tINV-2026\t1\t2026-11-24\tO1\tK1\tEUR\t2.5000\t0.4800\t2.9800\t2026-12-24\t\t\t"
        "Ann\tRoad 1\tBonn\t53111\tDE\t\n"
    )
    line = (
        "1\tO1\t1\ta\\\\b\ta\\\\b\t1\t2.5000\t0.0000\tSTD\tDE\t0.1900000000\tS\t\t2.5000\t0.4800\tfalse\tconfirmation"
        "\t0\t1\t0.0000\t\t\n"
    )
    expected = hashlib.sha256(("0" * 64 + "\n" + record + line).encode()).hexdigest()
    assert issued.invoices["content_hash"].to_list() == [expected]


def test_a_part_of_the_numbers_can_be_chained_after_the_part_before() -> None:
    asked = orders("order_id", "O1", "O2", "O3")
    sold = lines("order_id | line_no | quantity | unit_price", *(f"O{order} | 1 | 1 | 1" for order in (1, 2, 3)))
    drafts = Shop().drafts(asked, sold)
    numbers = numbering.numbered(drafts.documents, NONE_ISSUED, NIGHT)
    whole = numbering.chained(numbers, drafts.documents, drafts.lines, {})
    parts, hashes = [], dict[str, str]()
    for part in (numbers.head(2), numbers.tail(1)):
        parts.append(numbering.chained(part, drafts.documents, drafts.lines, hashes))
        hashes = dict(numbering.tips(parts[-1].invoices).select("kind", "content_hash").rows())
    assert pl.concat([part.invoices for part in parts]).equals(whole.invoices)
    assert pl.concat([part.invoice_lines for part in parts]).equals(whole.invoice_lines)


def test_what_was_issued_holds() -> None:
    found = shop()
    assert broken(found.invoices, found.invoice_lines).is_empty()
    assert numbering.gaps(found.invoices).is_empty()
    assert numbering.wrong_totals(found.invoices, found.invoice_lines).is_empty()
    assert numbering.billed_twice(found.invoice_lines).is_empty()
    header = "kind | documents | invoice_number"
    assert shown(numbering.tips(found.invoices), header) == drawn(
        header, "credit_note | 1 | CRN-2026-000000001", "invoice | 3 | INV-2026-000000003"
    )


def test_the_chain_goes_on_over_the_years() -> None:
    found = shop()
    asked, sold = orders("order_id", "O7"), lines("order_id | line_no | quantity | unit_price", "O7 | 1 | 1 | 1")
    issued = found.night(asked, sold, issued_on=date(2027, 1, 1))
    assert issued.invoices["invoice_number"].to_list() == ["INV-2027-000000001"]
    assert issued.invoices["previous_hash"].to_list() != [numbering.NO_HASH]
    assert broken(found.invoices, found.invoice_lines).is_empty()
    without_first_year = found.invoices.filter(pl.col("series") != "INV-2026")
    kept = found.invoice_lines.join(without_first_year, on="invoice_number", how="semi")
    assert shown(broken(without_first_year, kept), "invoice_number | reason") == [("INV-2027-000000001", "cut")]


@pytest.mark.parametrize("column", ["buyer_name", "due_on", "gross_amount", "order_id"])
def test_a_changed_document_is_found(column: str) -> None:
    found = shop()
    value = {"buyer_name": "Eve", "due_on": NIGHT, "gross_amount": 1, "order_id": "O2"}[column]
    is_first = pl.col("invoice_number") == "INV-2026-000000001"
    changed = found.invoices.with_columns(
        pl.when(is_first).then(pl.lit(value).cast(found.invoices.schema[column])).otherwise(column).alias(column)
    )
    found_broken = broken(changed, found.invoice_lines)
    assert shown(found_broken, "invoice_number | reason") == [("INV-2026-000000001", "changed")]


def test_a_changed_or_missing_line_is_found() -> None:
    found = shop()
    is_third = pl.col("invoice_number") == "INV-2026-000000003"
    more = found.invoice_lines.with_columns(quantity=pl.when(is_third).then(2).otherwise("quantity").cast(pl.Int64))
    assert shown(broken(found.invoices, more), "invoice_number") == [("INV-2026-000000003",)]
    fewer = found.invoice_lines.filter(~is_third)
    assert shown(broken(found.invoices, fewer), "invoice_number") == [("INV-2026-000000003",)]
    assert shown(numbering.wrong_totals(found.invoices, fewer), "invoice_number") == [("INV-2026-000000003",)]


def test_a_document_taken_out_of_the_middle_is_found_as_a_gap_and_a_cut() -> None:
    found = shop()
    left = found.invoices.filter(pl.col("invoice_number") != "INV-2026-000000002")
    kept = found.invoice_lines.join(left, on="invoice_number", how="semi")
    assert shown(broken(left, kept), "invoice_number | reason") == [("INV-2026-000000003", "cut")]
    header = "series | documents | first | last | reason"
    assert shown(numbering.gaps(left), header) == drawn(header, "INV-2026 | 2 | 1 | 3 | gap")


def test_a_tail_cut_off_shows_against_the_tips_kept_elsewhere() -> None:
    found = shop()
    left = found.invoices.filter(pl.col("invoice_number") != "INV-2026-000000003")
    kept = found.invoice_lines.join(left, on="invoice_number", how="semi")
    assert broken(left, kept).is_empty()
    assert not numbering.tips(left).equals(numbering.tips(found.invoices))


def test_a_repeated_number_and_a_date_that_goes_back_are_found() -> None:
    issued = shop().invoices
    twice = pl.concat([issued, issued.filter(pl.col("invoice_number") == "INV-2026-000000002")])
    assert shown(numbering.gaps(twice), "series | reason") == [("INV-2026", "repeat")]
    is_third = pl.col("sequence") == 3
    back = issued.with_columns(issued_on=pl.when(is_third).then(date(2026, 1, 1)).otherwise("issued_on"))
    assert shown(numbering.gaps(back), "series | reason") == [("INV-2026", "date_goes_back")]


def test_an_order_line_billed_twice_is_found() -> None:
    found = shop().invoice_lines
    again = found.head(1).with_columns(invoice_number=pl.lit("INV-2026-000000009"))
    header = "order_id | order_line_no | event | revision"
    assert shown(numbering.billed_twice(pl.concat([found, again])), header) == drawn(
        header, "O1 | 1 | confirmation | 0"
    )


def test_tax_that_is_not_that_of_its_rate_is_found_and_a_coin_for_each_line_is_not() -> None:
    types = {"tax_rate": pl.Decimal(24, 10), "net_amount": pl.Decimal(18, 4), "tax_amount": pl.Decimal(18, 4)}
    told = frame(
        "invoice_number | tax_category | tax_rate | net_amount | tax_amount",
        "I1 | S | 0.19 | 10.00 | 1.90",
        "I2 | S | 0.19 | 1.00 | 0.20",
        "I2 | S | 0.19 | 1.00 | 0.20",
        "I3 | S | 0.19 | 1.00 | 0.21",
        "I4 | Z | 0 | 1.00 | 0.02",
        "I5 | S | 0.10 | 999 | 101",
        schema=types,
    )
    currencies = frame("invoice_number | currency", "I1 | EUR", "I2 | EUR", "I3 | EUR", "I4 | EUR", "I5 | JPY")
    # 2.00 at 19 % is 0.38: two coins for two lines; 1.00 is 0.19: two coins for one line; 999 yen are 99.9
    assert shown(numbering.wrong_tax(told, currencies), "invoice_number") == [("I3",), ("I4",), ("I5",)]


def test_more_credited_than_a_line_holds_or_of_no_line_is_found() -> None:
    types = {"net_amount": pl.Decimal(18, 4), "tax_amount": pl.Decimal(18, 4)}
    told = frame(
        "invoice_number | line_no | quantity | net_amount | tax_amount | credits_invoice_number | credits_line_no",
        "I1 | 1 | 2 | 10.00 | 1.90 | | ",
        "I1 | 2 | 2 | 10.00 | 1.90 | | ",
        "C1 | 1 | 1 | 5.00 | 0.95 | I1 | 1",
        "C2 | 1 | 1 | 5.00 | 0.95 | I1 | 1",
        "C3 | 1 | 1 | 5.00 | 1.91 | I1 | 2",
        "C4 | 1 | 1 | 5.00 | 0.95 | I9 | 1",
        schema=types,
    )
    place = "invoice_number | line_no"
    assert shown(numbering.credited_too_much(told), place) == drawn(place, "I1 | 2", "I9 | 1")
