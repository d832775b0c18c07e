"""Sources: somebody else's files become feeds, record by record, whatever the batch they come in."""

import csv
import gzip
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.rules.intake import parsed
from models.tables import FEEDS
from pipelines import sources
from pipelines.sources import Mapped, SourceFile
from pipelines.workspace import PROJECT, OrderhouseError

ONLINE_RETAIL = PROJECT / "data" / "sources" / "online_retail"
ORACLE = PROJECT / "data" / "sources" / "oracle_customer_orders"
LINE = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
SEVERAL = 8


def delivered(folder: Path, *texts: tuple[str, str]) -> list[SourceFile]:
    """Files of name and content, taken in in this order; the name is the file_id too."""
    files = []
    for sequence, (name, text) in enumerate(texts, 1):
        (folder / name).write_text(text, encoding="utf-8")
        files.append(SourceFile(folder / name, name, name, sequence, True))
    return files


def day(name: str, *lines: str) -> tuple[str, str]:
    """A file of the web shop as drawn: invoice | product | quantity | time | price | customer."""
    rows = []
    for line in lines:
        invoice, sku, quantity, time, price, customer = (cell.strip() for cell in line.split("|"))
        moment = time if len(time) > 5 else f"2011-05-01 {time}:00"
        rows.append(f"{invoice},{sku},ABOUT {sku},{quantity},{moment},{price},{customer},France")
    return name, "\n".join([LINE, *rows]) + "\n"


def retail(folder: Path, *texts: tuple[str, str]) -> Mapped:
    """What the web shop's files give."""
    return sources.mapped(ONLINE_RETAIL, delivered(folder, *texts), "UTC")


def given_to(mapped: Mapped, feed: str, columns: str) -> pl.DataFrame:
    """Some columns of the rows given to a feed, as the feed reads them."""
    accepted = parsed(mapped.rows[feed], FEEDS[feed], mapped.time_zone).accepted
    return accepted.select(name.strip() for name in columns.split("|"))


def rejections(mapped: Mapped) -> list[tuple[str, int, list[str]]]:
    """File, record and reasons of every rejected record."""
    return [
        (file_id, row["record_number"], row["reasons"])
        for file_id, rows in mapped.broken.items()
        for row in rows.iter_rows(named=True)
    ]


# An order, its lines, and what is known with it


def test_an_invoice_is_an_order_that_was_shipped_at_its_earliest_moment(tmp_path: Path) -> None:
    found = retail(tmp_path, day("a.csv", "1 | A | 2 | 10:01 | 2.50 | 17850.0", "1 | B | 1 | 10:00 | 0.0 | 17850.0"))
    assert found.rows["orders"].drop("file_id", "record_number").rows(named=True) == [
        {
            "order_id": "1",
            "channel": "online",
            "customer_id": "17850",
            "ordered_at": "2011-05-01 10:00:00",
            "currency": "GBP",
            "ship_country": "FR",
        }
    ]
    lines = given_to(found, "order_lines", "order_id | line_no | sku | quantity")
    assert lines.rows() == [("1", 1, "A", 2), ("1", 2, "B", 1)]
    assert [(row["event"], row["line_no"], row["quantity"]) for row in found.rows["order_events"].rows(named=True)] == [
        ("shipped", None, None)
    ]


def test_the_shop_s_clock_is_the_one_of_london(tmp_path: Path) -> None:
    found = retail(tmp_path, day("a.csv", "1 | A | 2 | 10:00 | 2.50 | 7.0"))
    assert given_to(found, "orders", "ordered_at").item().isoformat() == "2011-05-01T09:00:00+00:00"


def test_an_order_of_nobody_is_an_order(tmp_path: Path) -> None:
    found = retail(tmp_path, day("a.csv", "1 | A | 2 | 10:00 | 2.50 | "))
    assert given_to(found, "orders", "customer_id").rows() == [(None,)]
    assert found.rows["customers"].is_empty()


def test_products_that_differ_in_case_only_are_two_products(tmp_path: Path) -> None:
    found = retail(tmp_path, day("a.csv", "1 | 85123a | 1 | 10:00 | 1.0 | 7.0", "1 | 85123A | 1 | 10:00 | 2.0 | 7.0"))
    assert set(found.rows["products"]["sku"]) == {"85123a", "85123A"}


def test_a_product_has_the_price_of_its_first_sale_at_a_price(tmp_path: Path) -> None:
    found = retail(
        tmp_path,
        day("a.csv", "1 | A | 1 | 10:00 | 0.0 | 7.0"),
        day("b.csv", "2 | A | 1 | 11:00 | 2.50 | 7.0"),
        day("c.csv", "3 | A | 1 | 12:00 | 9.99 | 7.0"),
    )
    assert found.rows["products"].select("file_id", "unit_price").rows() == [("a.csv", "0.0"), ("b.csv", "2.50")]


def test_the_shop_s_words_for_countries_are_codes(tmp_path: Path) -> None:
    words = ["EIRE", "RSA", "Channel Islands", "European Community", "Unspecified", "Atlantis"]
    rows = [f"{number},A,X,1,2011-05-01 10:00:00,1,,{word}" for number, word in enumerate(words)]
    found = retail(tmp_path, ("a.csv", "\n".join([LINE, *rows])))
    assert found.rows["orders"]["ship_country"].to_list() == ["IE", "ZA", "JE", None, None, "Atlantis"]
    unknown = parsed(found.rows["orders"], FEEDS["orders"], "UTC").rejected
    assert unknown["reasons"].to_list() == [["ship_country: not_allowed: Atlantis"]]


# Cancellations


def returned(mapped: Mapped) -> list[tuple[str, str, str]]:
    """Order, line and quantity of every return."""
    events = mapped.rows["order_events"].filter(event="returned")
    return events.select("order_id", "line_no", "quantity").rows()


def test_a_cancellation_gives_back_the_latest_earlier_line_with_enough_left(tmp_path: Path) -> None:
    found = retail(
        tmp_path,
        day(
            "a.csv",
            "1 | A | 9 | 10:00 | 1.0 | 7.0",
            "2 | A | 5 | 11:00 | 1.0 | 7.0",
            "3 | A | 2 | 12:00 | 1.0 | 7.0",
            "4 | A | 9 | 12:30 | 1.0 | 8.0",
            "C5 | A | -4 | 13:00 | 1.0 | 7.0",
            "C6 | A | -2 | 14:00 | 1.0 | 7.0",
            "C7 | A | -2 | 15:00 | 1.0 | 7.0",
        ),
    )
    # By hand: 4 of order 2 (order 3 has 2), 2 of order 3, then order 2 has 1 left, so 2 of order 1.
    assert returned(found) == [("2", "1", "4"), ("3", "1", "2"), ("1", "1", "2")]


def test_a_cancellation_of_an_earlier_file_goes_first(tmp_path: Path) -> None:
    found = retail(
        tmp_path,
        day("a.csv", "1 | A | 2 | 10:00 | 1.0 | 7.0", "C2 | A | -2 | 12:00 | 1.0 | 7.0"),
        day("b.csv", "C1 | A | -2 | 11:00 | 1.0 | 7.0"),
    )
    assert [(file, record) for file, record, _ in rejections(found)] == [("b.csv", 1)]


@pytest.mark.parametrize(("at", "is_met"), [("10:00", False), ("10:01", True), ("09:59", False)])
def test_only_an_earlier_sale_can_be_cancelled(tmp_path: Path, at: str, is_met: bool) -> None:
    found = retail(tmp_path, day("a.csv", "1 | A | 1 | 10:00 | 1.0 | 7.0", f"C2 | A | -1 | {at} | 1.0 | 7.0"))
    assert bool(returned(found)) == is_met


@pytest.mark.parametrize(("quantity", "is_met"), [("-3", True), ("-4", False)])
def test_no_more_is_returned_than_was_sold(tmp_path: Path, quantity: str, is_met: bool) -> None:
    found = retail(tmp_path, day("a.csv", "1 | A | 3 | 10:00 | 1.0 | 7.0", f"C2 | A | {quantity} | 11:00 | 1.0 | 7.0"))
    assert bool(returned(found)) == is_met


def test_what_cannot_be_a_sale_or_meets_none_is_rejected_with_its_reason(tmp_path: Path) -> None:
    found = retail(
        tmp_path,
        day(
            "a.csv",
            "1 | A | 3 | 10:00 | 1.0 | 7.0",
            "C2 | A | -4 | 11:00 | 1.0 | 7.0",
            "C2 | B | -1 | 11:00 | 1.0 | 7.0",
            "C3 | A | -1 | 11:00 | 1.0 | ",
            "4 | A | -5 | 11:00 | 0.0 | ",
            "A5 | B | 1 | 11:00 | -11062.06 | ",
            "6 | A | 1.5 | 1 May 2011 | 1,50 | 7.0".replace("1,50", "free"),
            " | A | 0 | 11:00 |  | 7.0",
        ),
    )
    assert rejections(found) == [
        ("a.csv", 2, ["Quantity: range: no earlier line of A of customer 7 has 4 left to return"]),
        ("a.csv", 3, ["StockCode: not_allowed: customer 7 bought no B before"]),
        ("a.csv", 4, ["CustomerID: missing: a cancellation of nobody meets no sale"]),
        ("a.csv", 5, ["Quantity: range: -5 on an invoice that is no cancellation"]),
        ("a.csv", 6, ["UnitPrice: range: -11062.06 is below zero, which no price is"]),
        ("a.csv", 7, ["Quantity: format: 1.5", "UnitPrice: format: free", "InvoiceDate: format: 1 May 2011"]),
        (
            "a.csv",
            8,
            [
                "InvoiceNo: missing: a line of no invoice",
                "Quantity: range: 0",
                "UnitPrice: missing: no price, not even 0",
            ],
        ),
    ]
    assert found.rows["order_lines"].height == 1
    assert found.broken["a.csv"]["raw"][3] == "4,A,ABOUT A,-5,2011-05-01 11:00:00,0.0,,France"


# The same again


def test_equal_lines_of_one_file_are_lines_of_their_own(tmp_path: Path) -> None:
    found = retail(tmp_path, day("a.csv", *["1 | A | 2 | 10:00 | 2.50 | 7.0"] * 3))
    assert given_to(found, "order_lines", "line_no")["line_no"].to_list() == [1, 2, 3]


def test_a_corrected_file_adds_only_what_is_new_in_it(tmp_path: Path) -> None:
    before = ["1 | A | 2 | 10:00 | 2.50 | 7.0", "1 | A | 2 | 10:00 | 2.50 | 7.0", "C2 | A | -2 | 11:00 | 2.50 | 7.0"]
    found = retail(tmp_path, day("a.csv", *before), day("b.csv", *before, "1 | B | 1 | 10:00 | 1.0 | 7.0"))
    assert found.rows["order_lines"].select("file_id", "record_number", "line_no").rows() == [
        ("a.csv", 1, "1"),
        ("a.csv", 2, "2"),
        ("b.csv", 4, "3"),
    ]
    assert returned(found) == [("1", "2", "2")]
    assert not found.broken


def test_a_repaired_line_joins_its_order(tmp_path: Path) -> None:
    found = retail(
        tmp_path,
        day("a.csv", "1 | A | 2 | 10:00 | 2.50 | 7.0", "1 | B | two | 10:00 | 2.50 | 7.0"),
        day("b.csv", "1 | B | 2 | 10:00 | 2.50 | 7.0"),
    )
    assert [(file, record) for file, record, _ in rejections(found)] == [("a.csv", 2)]
    assert found.rows["order_lines"].select("file_id", "line_no").rows() == [("a.csv", "1"), ("b.csv", "3")]
    assert given_to(found, "orders", "order_id").n_unique() == 1
    assert found.rows["order_events"]["event_id"].to_list() == ["1/shipped"]


def test_a_cancellation_that_came_before_its_sale_meets_it_when_it_is_delivered_again(tmp_path: Path) -> None:
    cancelled, sold = "C2 | A | -2 | 11:00 | 2.50 | 7.0", "1 | A | 2 | 10:00 | 2.50 | 7.0"
    found = retail(tmp_path, day("a.csv", cancelled), day("b.csv", sold), day("c.csv", cancelled))
    assert [(file, record) for file, record, _ in rejections(found)] == [("a.csv", 1)]
    assert found.rows["order_events"].select("file_id", "event_id").rows() == [
        ("b.csv", "1/shipped"),
        ("c.csv", "C2/1"),
    ]


# Batches


def in_batches(folder: Path, files: Sequence[SourceFile], *sizes: int) -> Iterator[Mapped]:
    """What a source gives when its files come some at a time."""
    first = 0
    for size in sizes:
        known = [SourceFile(file.path, file.name, file.file_id, file.sequence, False) for file in files[:first]]
        yield sources.mapped(folder, [*known, *files[first : first + size]], "UTC")
        first += size
    assert first == len(files)


def everything(parts: Sequence[Mapped]) -> dict[str, list[dict[str, object]]]:
    """Every row and every rejected record of several batches."""
    found: dict[str, list[dict[str, object]]] = defaultdict(list)
    for part in parts:
        for feed, rows in part.rows.items():
            found[feed] += rows.to_dicts()
        for file_id, rows in part.broken.items():
            found["rejected"] += [{"file_id": file_id, **row} for row in rows.to_dicts()]
        found["rows_in"] += [{"file_id": file_id, "rows_in": rows_in} for file_id, rows_in in part.rows_in.items()]
    return {name: rows for name, rows in found.items() if rows}


def is_accounted_for(mapped: Mapped) -> bool:
    """Every record gave a row or is rejected."""
    given_by = {key for rows in mapped.rows.values() for key in rows.select("file_id", "record_number").rows()}
    rejected = {(file_id, number) for file_id, rows in mapped.broken.items() for number in rows["record_number"]}
    records = {(file_id, number) for file_id, count in mapped.rows_in.items() for number in range(1, count + 1)}
    return given_by | rejected == records


LINES = st.builds(
    lambda is_cancelled, invoice, sku, quantity, minute, price, customer: (
        f"{'C' if is_cancelled else ''}{invoice} | {sku} | {-quantity if is_cancelled else quantity} | 10:0{minute}"
        f" | {price} | {customer}"
    ),
    st.booleans(),
    st.integers(1, 3),
    st.sampled_from("AB"),
    st.sampled_from([1, 2, 3, -1]),
    st.integers(0, 4),
    st.sampled_from(["0.0", "1.5", "x"]),
    st.sampled_from(["7.0", "8.0", ""]),
)


@settings(max_examples=10, deadline=None)
@given(days=st.lists(st.lists(LINES, min_size=1, max_size=8), min_size=3, max_size=3))
def test_a_batch_gives_what_one_file_after_the_other_gives(days: list[list[str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        files = delivered(Path(folder), *(day(f"{number}.csv", *lines) for number, lines in enumerate(days)))
        at_once = everything(list(in_batches(ONLINE_RETAIL, files, 3)))
        assert at_once == everything(list(in_batches(ONLINE_RETAIL, files, 1, 1, 1)))


# The real web shop


@pytest.fixture(scope="module")
def retail_files(realdata: Path) -> list[SourceFile]:
    paths = sorted((realdata / "online_retail" / "by-day").glob("*.csv"))
    return [SourceFile(path, path.name, path.name, sequence, True) for sequence, path in enumerate(paths, 1)]


@pytest.fixture(scope="module")
def retail_mapped(retail_files: list[SourceFile]) -> Mapped:
    return sources.mapped(ONLINE_RETAIL, retail_files, "UTC")


def test_the_web_shop_s_219_files_give_these_figures(retail_mapped: Mapped) -> None:
    found = retail_mapped
    # Counted with a plain loop over the files too, see the tests below.
    assert (len(found.rows_in), sum(found.rows_in.values()), found.held) == (219, 320_705, {})
    assert {feed: rows.height for feed, rows in found.rows.items()} == {
        "customers": 3_317,
        "order_events": 12_978 + 4_455,
        "order_lines": 313_931,
        "orders": 12_978,
        "products": 3_685,
    }
    assert found.rows["products"]["sku"].n_unique() == 3_645
    assert Counter(reasons[0].rsplit(":", 1)[0] for _, _, reasons in rejections(found)) == {
        "CustomerID: missing": 282,
        "Quantity: range": 925 + 58,
        "StockCode: not_allowed": 1_052,
        "UnitPrice: range": 2,
    }
    assert is_accounted_for(found)


def test_the_web_shop_s_rows_keep_the_contract(retail_mapped: Mapped) -> None:
    for feed, rows in retail_mapped.rows.items():
        assert parsed(rows, FEEDS[feed], retail_mapped.time_zone).rejected.is_empty(), feed


def test_the_web_shop_s_lines_reconcile_with_gross_sales_to_the_penny(
    retail_files: list[SourceFile], retail_mapped: Mapped
) -> None:
    terms = sources.proof(ONLINE_RETAIL, retail_files, "reconciliation")
    amounts = {term: Decimal(amount) for term, _, amount in terms.rows()}
    assert [(lines, Decimal(amount)) for _, lines, amount in terms.rows()] == [
        (313_931, Decimal("6304826.06")),
        (2, Decimal("0.002")),
        (4_455, Decimal("-249598.69")),
        (210, Decimal("42207.77")),
        (1_392, Decimal("-313379.64")),
        (2, Decimal("-22124.12")),
        (925, Decimal("0")),
        (320_705, Decimal("5761931.382")),
    ]
    total = amounts.pop("all lines of the files")
    assert sum(amounts.values()) == total
    # The rows that were given say the same as the files.
    lines = given_to(retail_mapped, "order_lines", "order_id | line_no | quantity | unit_price")
    gross = lines.select((pl.col("unit_price") * pl.col("quantity")).round(2, mode="half_away_from_zero").sum()).item()
    back = (
        given_to(retail_mapped, "order_events", "order_id | line_no | event | quantity")
        .filter(event="returned")
        .join(lines, on=["order_id", "line_no"], validate="m:1")
        .select((pl.col("unit_price") * pl.col("quantity")).sum())
        .item()
    )
    assert (gross, back) == (Decimal("6304826.06"), Decimal("249598.69"))


def test_a_plain_loop_over_the_web_shop_s_lines_finds_the_same_returns(
    retail_files: list[SourceFile], retail_mapped: Mapped
) -> None:
    sold: dict[tuple[str, str], list[list[object]]] = defaultdict(list)
    cancellations = []
    place: Counter[str] = Counter()
    for file in retail_files:
        with file.path.open(encoding="utf-8", newline="") as lines:
            for number, line in enumerate(csv.DictReader(lines), 1):
                invoice, moment = line["InvoiceNo"], line["InvoiceDate"]
                place[invoice] += 1
                buyer, quantity = (line["CustomerID"], line["StockCode"]), int(line["Quantity"])
                if invoice.startswith("C"):
                    cancellations.append((moment, invoice, number, buyer, -quantity))
                elif quantity > 0 and float(line["UnitPrice"]) >= 0:
                    sold[buyer].append([moment, invoice, place[invoice], quantity])
    expected = []
    for moment, invoice, number, buyer, quantity in sorted(cancellations):
        enough = [sale for sale in sold[buyer] if buyer[0] and sale[0] < moment and sale[3] >= quantity]  # type: ignore[operator]
        if enough:
            sale = max(enough)
            sale[3] -= quantity  # type: ignore[operator]
            expected.append((sale[1], str(sale[2]), str(quantity), f"cancelled by {invoice}", number))
    events = retail_mapped.rows["order_events"].filter(event="returned")
    found = events.select("order_id", "line_no", "quantity", "reason", "record_number").rows()
    assert sorted(found) == sorted(expected)


def test_the_web_shop_s_files_give_the_same_in_any_batches(retail_files: list[SourceFile]) -> None:
    files = retail_files[:SEVERAL]
    at_once = everything(list(in_batches(ONLINE_RETAIL, files, SEVERAL)))
    assert at_once == everything(list(in_batches(ONLINE_RETAIL, files, 3, 1, 4)))
    assert at_once == everything(list(in_batches(ONLINE_RETAIL, files, *[1] * SEVERAL)))


# Oracle's sample shop

ORACLE_FILES = {
    "order_items": "order_id,line_item_id,product_id,unit_price,quantity,shipment_id\n"
    "1,1,33,37,4,\n2,1,11,30.69,2,71\n2,2,12,10,1,71\n3,1,11,30,1,72\n4,1,11,30,1,73\n5,1,11,30,1,74\n",
    "orders": "order_id,order_tms,customer_id,store_id,order_status\n"
    "1,2021-02-04 13:20:22.245676,3,2,REFUNDED\n2,2021-02-08 20:58:10,45,1,COMPLETE\n"
    "3,2021-02-08 21:00:00,46,1,REFUNDED\n"
    "4,2021-02-08 21:00:00,46,1,CANCELLED\n5,2021-02-08 21:00:00,46,1,LOST\n",
    "shipments": "shipment_id,store_id,customer_id,delivery_address,shipment_status\n"
    '71,1,45,"Jobstown, NJ 08041 USA",IN-TRANSIT\n72,1,46,"Fonda, NY 12068 USA",DELIVERED\n'
    "73,1,46,Moon,CREATED\n74,1,46,Moon,SUNK\n75,1,46,Moon,CREATED\n",
}


def oracle(folder: Path, **files: str) -> Mapped:
    """What Oracle's files give, in the order of their names."""
    return sources.mapped(ORACLE, delivered(folder, *((f"{name}.csv", files[name]) for name in sorted(files))), "CET")


def test_a_shipment_is_told_per_order_line_at_the_time_of_the_order(tmp_path: Path) -> None:
    found = oracle(tmp_path, **ORACLE_FILES)
    assert found.rows["order_events"].select("event_id", "event", "quantity", "occurred_at").rows() == [
        ("1/delivered", "delivered", None, "2021-02-04 13:20:22.245676"),
        ("1/returned", "returned", None, "2021-02-04 13:20:22.245676"),
        ("1/shipped", "shipped", None, "2021-02-04 13:20:22.245676"),
        ("3/returned", "returned", None, "2021-02-08 21:00:00"),
        ("4/cancelled", "cancelled", None, "2021-02-08 21:00:00"),
        ("2/1/in_transit", "in_transit", "2", "2021-02-08 20:58:10"),
        ("2/1/shipped", "shipped", "2", "2021-02-08 20:58:10"),
        ("2/2/in_transit", "in_transit", "1", "2021-02-08 20:58:10"),
        ("2/2/shipped", "shipped", "1", "2021-02-08 20:58:10"),
        ("3/1/delivered", "delivered", "1", "2021-02-08 21:00:00"),
        ("3/1/shipped", "shipped", "1", "2021-02-08 21:00:00"),
        ("4/1/packed", "packed", "1", "2021-02-08 21:00:00"),
    ]
    assert rejections(found) == [
        ("orders.csv", 5, ["order_status: not_allowed: LOST"]),
        ("shipments.csv", 4, ["shipment_status: not_allowed: SUNK"]),
        ("shipments.csv", 5, ["shipment_id: not_allowed: no order item is in shipment 75"]),
    ]


def test_an_order_goes_where_its_shipment_goes(tmp_path: Path) -> None:
    found = oracle(tmp_path, **ORACLE_FILES)
    places = found.rows["orders"].filter(order_id="2").select("file_id", "ship_city", "ship_postcode", "ship_country")
    assert places.rows() == [
        ("orders.csv", None, None, None),
        ("shipments.csv", "Jobstown", "08041", "US"),
    ]


@pytest.fixture(scope="module")
def oracle_files(realdata: Path) -> list[SourceFile]:
    paths = sorted((realdata / "oracle_customer_orders" / "csv").glob("*.csv"))
    return [SourceFile(path, path.name, path.name, sequence, True) for sequence, path in enumerate(paths, 1)]


def test_oracle_s_files_give_these_figures(oracle_files: list[SourceFile]) -> None:
    found = sources.mapped(ORACLE, oracle_files, "CET")
    assert {file: found.rows_in[file] for file in ("orders.csv", "order_items.csv", "shipments.csv")} == {
        "orders.csv": 1_950,
        "order_items.csv": 3_914,
        "shipments.csv": 1_892,
    }
    assert {feed: rows.height for feed, rows in found.rows.items() if feed not in {"orders", "order_events"}} == {
        "customers": 392,
        "locations": 23,
        "order_lines": 3_914,
        "products": 46,
        "stock_counts": 566,
    }
    assert (
        found.rows["orders"].filter(file_id="orders.csv").height == found.rows["orders"]["order_id"].n_unique() == 1_950
    )
    # By the plain counts of the source: 2,556 lines delivered, 78 in transit, 40 shipped, 2 only made up; 35 orders
    # cancelled, 23 refunded, 9 of these sold in a store.
    assert Counter(found.rows["order_events"]["event"]) == {
        "shipped": 2_556 + 78 + 40 + 9,
        "delivered": 2_556 + 9,
        "in_transit": 78,
        "packed": 2,
        "cancelled": 35,
        "returned": 23,
    }
    assert Counter(reason for _, _, reasons in rejections(found) for reason in reasons) == {
        f"shipment_id: not_allowed: no order item is in shipment {shipment}": 1
        for shipment in (1848, 2021, 2022, 2023, 2024, 2025, 2026)
    }
    assert is_accounted_for(found)
    for feed, rows in found.rows.items():
        assert parsed(rows, FEEDS[feed], found.time_zone).rejected.is_empty(), feed


def test_a_plain_count_of_oracle_s_files_finds_the_same_units_and_money(oracle_files: list[SourceFile]) -> None:
    tables = {}
    for file in oracle_files:
        with file.path.open(encoding="utf-8", newline="") as lines:
            tables[file.path.stem] = list(csv.DictReader(lines))
    status = {row["shipment_id"]: row["shipment_status"] for row in tables["shipments"]}
    expected: Counter[str] = Counter()
    for item in tables["order_items"]:
        expected[status.get(item["shipment_id"], "none")] += int(item["quantity"])
    found = sources.mapped(ORACLE, oracle_files, "UTC")
    events = found.rows["order_events"].filter(pl.col("line_no").is_not_null())
    units = dict(events.group_by("event").agg(pl.col("quantity").cast(pl.Int64).sum()).iter_rows())
    assert units == {
        "shipped": expected["SHIPPED"] + expected["IN-TRANSIT"] + expected["DELIVERED"],
        "in_transit": expected["IN-TRANSIT"],
        "delivered": expected["DELIVERED"],
        "packed": expected["CREATED"],
    }
    given_lines = found.rows["order_lines"].rows(named=True)
    assert sum(int(line["quantity"]) * Decimal(line["unit_price"]) for line in given_lines) == Decimal("308598.53")


def test_oracle_s_files_give_the_same_in_any_batches(oracle_files: list[SourceFile]) -> None:
    at_once = everything(list(in_batches(ORACLE, oracle_files, 7)))
    assert at_once == everything(list(in_batches(ORACLE, oracle_files, 1, 1, 1, 1, 1, 1, 1)))


# What a source is made of


Maker = Callable[..., tuple[Path, list[SourceFile]]]


@pytest.fixture
def made(tmp_path: Path) -> Maker:
    """A source of one view `goods` with columns id and price, its statements, and its files."""

    def make(statements: dict[str, str], *texts: tuple[str, str], steps: str = "[]") -> tuple[Path, list[SourceFile]]:
        folder = tmp_path / "corner_shop"
        folder.mkdir()
        (folder / "source.toml").write_text(
            f'title = "Corner shop"\nsteps = {steps}\n[files]\ngoods = "goods*"\n[columns]\ngoods = ["id", "price"]\n',
            encoding="utf-8",
        )
        for name, statement in statements.items():
            (folder / f"{name}.sql").write_text(statement, encoding="utf-8")
        return folder, delivered(tmp_path, *texts)

    return make


PRODUCTS = "SELECT file_id, record_number, id AS sku, id AS name, price AS unit_price FROM goods"
GOODS = ("goods.csv", "id,price,remark\nA,1.50,\nB,,soon\n")


def test_a_select_gives_rows_of_its_feed_and_other_columns_are_left_aside(made: Maker) -> None:
    folder, files = made({"products": PRODUCTS + ";\n-- the end"}, GOODS)
    assert sources.mapped(folder, files, "CET").rows["products"].rows() == [
        ("A", "A", "1.50", "goods.csv", 1),
        ("B", "B", None, "goods.csv", 2),
    ]
    assert sources.mapped(folder, files, "CET").time_zone == "CET"


def test_a_moment_with_its_zone_is_passed_on_in_utc(made: Maker) -> None:
    statement = PRODUCTS.replace("FROM", ", TIMESTAMPTZ '2026-01-01 00:00:00+01' AS updated_at FROM")
    folder, files = made({"products": statement}, GOODS)
    assert set(sources.mapped(folder, files, "UTC").rows["products"]["updated_at"]) == {"2025-12-31T23:00:00.000000Z"}


def test_a_bad_file_is_held_and_stops_no_other(made: Maker) -> None:
    folder, files = made(
        {"products": PRODUCTS},
        GOODS,
        ("prices.csv", "id,price\nA,1\n"),
        ("goods-2.csv", "id,cost\nA,1\n"),
        ("goods-3.csv.gz", "no gzip"),
    )
    found = sources.mapped(folder, files, "UTC")
    assert found.rows["products"].height == 2
    assert found.rows_in == {"goods.csv": 2}
    assert found.held["prices.csv"] == (
        "Source corner_shop takes files named goods*, not prices.csv; deliver it under such a name."
    )
    assert found.held["goods-2.csv"] == "Required columns are missing: price; deliver the file with them."
    assert found.held.keys() == {"prices.csv", "goods-2.csv", "goods-3.csv.gz"}


def test_a_broken_record_is_counted_and_rejected_beside_the_others(made: Maker) -> None:
    folder, files = made({"products": PRODUCTS}, ("goods.csv", "id,price\nA,1\nB,2,3\nC,4\n"))
    found = sources.mapped(folder, files, "UTC")
    assert found.rows_in == {"goods.csv": 3}
    assert found.rows["products"].select("sku", "record_number").rows() == [("A", 1), ("C", 3)]
    assert found.broken["goods.csv"].select("record_number", "raw").rows() == [(2, "B,2,3")]


def test_files_of_any_format_feed_the_same_view(made: Maker, tmp_path: Path) -> None:
    folder, files = made({"products": PRODUCTS}, GOODS, ("goods-2.ndjson", '{"id": "C", "price": "2"}\n'))
    (tmp_path / "goods-3.csv.gz").write_bytes(gzip.compress(b"price,id\n3,D\n"))
    pl.DataFrame({"id": ["E"], "price": [4]}).write_parquet(tmp_path / "goods-4.parquet")
    more = [
        SourceFile(tmp_path / name, name, name, sequence, True)
        for sequence, name in enumerate(["goods-3.csv.gz", "goods-4.parquet"], 3)
    ]
    found = sources.mapped(folder, [*files, *more], "UTC").rows["products"]
    assert found.select("sku", "unit_price").rows() == [("A", "1.50"), ("B", None), ("C", "2"), ("D", "3"), ("E", "4")]


def test_steps_are_shared_and_seen_by_later_ones(made: Maker) -> None:
    folder, files = made(
        {
            "products": PRODUCTS.replace("goods", "priced"),
            "_all": "FROM goods",
            "_priced": 'FROM "all" WHERE price IS NOT NULL',
        },
        GOODS,
        steps='["all", "priced"]',
    )
    assert sources.mapped(folder, files, "UTC").rows["products"]["sku"].to_list() == ["A"]


def test_a_source_without_new_files_gives_nothing(made: Maker) -> None:
    folder, files = made({"products": PRODUCTS}, GOODS)
    known = [SourceFile(file.path, file.name, file.file_id, file.sequence, False) for file in files]
    found = sources.mapped(folder, known, "UTC")
    assert (found.rows, found.rows_in, found.broken, found.held) == ({}, {}, {}, {})


@pytest.mark.parametrize(
    ("statements", "steps", "told"),
    [
        (
            {"products": "SELECT nothing FROM goods"},
            "[]",
            "Source corner_shop: the SELECT products cannot be run: .*nothing",
        ),
        ({"products": "DROP TABLE goods"}, "[]", "the SELECT products cannot be run"),
        (
            {"products": "SELECT * FROM read_csv('/etc/passwd')"},
            "[]",
            "the SELECT products cannot be run: Permission Error",
        ),
        ({"products": PRODUCTS.replace("id AS sku, ", "")}, "[]", "the SELECT products gives no column sku; add it"),
        ({"products": PRODUCTS.replace("id AS name", "id AS title, id AS name")}, "[]", "gives a column title that"),
        ({"products": PRODUCTS.replace("file_id", "'x' AS file_id")}, "[]", "gives 2 rows that come from no record"),
        ({"gadgets": PRODUCTS}, "[]", "gadgets.sql is named after no feed; rename it to one of products, "),
        ({"products": PRODUCTS}, '["more"]', "_more.sql is missing; write it, or take the step out of source.toml"),
    ],
)
def test_a_source_that_cannot_work_says_what_to_mend(
    made: Maker, statements: dict[str, str], steps: str, told: str
) -> None:
    folder, files = made(statements, GOODS, steps=steps)
    with pytest.raises(OrderhouseError, match=told) as error:
        sources.mapped(folder, files, "UTC")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "Source corner_shop has no source.toml; say in .* which file feeds which view"),
        ("title =", "source.toml is no valid TOML .*; mend that line"),
        ('title = "x"\n[files]\na = "*"\n', "columns: Field required; mend it there"),
        (
            'title = "x"\n[files]\na = "*"\n[columns]\nb = ["c"]\n',
            "view a needs both its .files. pattern and its .columns.; add the other",
        ),
        ('title = "x"\ntime_zone = "Mars"\n[files]\n[columns]\n', "'Mars' is no IANA time zone"),
    ],
)
def test_a_folder_that_does_not_describe_a_source_says_what_to_mend(
    tmp_path: Path, text: str | None, told: str
) -> None:
    folder = tmp_path / "corner_shop"
    folder.mkdir()
    if text is not None:
        (folder / "source.toml").write_text(text, encoding="utf-8")
    with pytest.raises(OrderhouseError, match=told):
        sources.mapped(folder, [], "UTC")
