"""A delivered value is a value of its column, to the letter of the contract, or its row is rejected with the reason."""

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.rules.intake import NO_VALUE, UNDECODABLE, Parsed, parsed
from models.tables.base import TableClass, own_columns, polars_schema, validated
from models.tables.feeds import (
    Customer,
    DeliveredOrder,
    ExchangeRate,
    Inbound,
    Location,
    OrderEvent,
    Payment,
    Product,
    StockCount,
    StockMovement,
    Supplier,
)

BERLIN = "Europe/Berlin"
GOOD: dict[TableClass, dict[str, str]] = {
    StockCount: {"sku": "A", "location_id": "L", "counted_on": "2024-01-05", "quantity": "1"},
    StockMovement: {
        "movement_id": "M",
        "sku": "A",
        "location_id": "L",
        "moved_at": "2024-01-05T10:00:00Z",
        "kind": "receipt",
        "quantity": "1",
    },
    OrderEvent: {"event_id": "E", "order_id": "O", "event": "shipped", "occurred_at": "2024-01-05T10:00:00Z"},
    Product: {"sku": "A", "name": "Apple", "unit_price": "1.5"},
    Supplier: {"supplier_id": "S", "name": "Smith", "lead_time_days": "3"},
    Location: {"location_id": "L", "name": "Main"},
    Customer: {"customer_id": "C"},
    DeliveredOrder: {"order_id": "O", "channel": "online", "ordered_at": "2024-01-05T10:00:00Z", "currency": "EUR"},
    ExchangeRate: {"currency": "USD", "quoted_on": "2024-01-05", "rate": "0.92"},
    Payment: {
        "payment_id": "P",
        "order_id": "O",
        "amount": "10.00",
        "currency": "EUR",
        "received_on": "2024-01-05",
    },
    Inbound: {
        "purchase_order_id": "PO",
        "line_no": "1",
        "supplier_id": "S",
        "sku": "A",
        "location_id": "L",
        "quantity": "1",
        "ordered_on": "2024-01-05",
        "expected_on": "2024-01-09",
        "status": "ordered",
    },
}


def read(feed: TableClass, column: str, *values: str | None, zone: str = BERLIN, **others: str | None) -> Parsed:
    """Rows of the feed that are good but for one column."""
    rows = [GOOD[feed] | others | {column: value} for value in values]
    schema = dict.fromkeys([*GOOD[feed], *others, column], pl.String)
    texts = pl.DataFrame(rows, schema=schema).with_columns(record_number=pl.int_range(1, len(rows) + 1, dtype=pl.Int64))
    found = parsed(texts, feed, zone)
    assert found.accepted.height + found.rejected.height == len(rows)
    return found


def outcomes(feed: TableClass, column: str, *values: str | None, **others: Any) -> list[Any]:
    """What each value became: the typed value, or the reasons as text."""
    found = read(feed, column, *values, **others)
    became: dict[int, Any] = dict(found.accepted.select("record_number", column).iter_rows())
    became |= {number: "; ".join(reasons) for number, reasons in found.rejected.iter_rows()}
    return [became[number] for number in range(1, len(values) + 1)]


def test_whole_numbers_are_ascii_digits_and_nothing_else() -> None:
    odd = ["1_000", "1e5", " 5", "5 ", "+5", "5.0", "1,234", "٣", "５", "0x1", "--1", "-", "NaN", "inf"]
    assert outcomes(StockMovement, "quantity", "-7", "007", "1" + "0" * 9, "-1000000000") == [-7, 7, 10**9, -(10**9)]
    assert outcomes(StockMovement, "quantity", *odd) == [f"quantity: format: {text}" for text in odd]


def test_whole_numbers_have_limits() -> None:
    far = ["1000000001", "-1000000001", "9" * 30]
    assert outcomes(StockMovement, "quantity", *far, "0", "-0") == [f"quantity: range: {x}" for x in [*far, "0", "-0"]]
    assert outcomes(StockMovement, "quantity", "0" * 40 + "5") == [5]
    assert outcomes(StockCount, "quantity", "0", "-1") == [0, "quantity: range: -1"]
    expected = [1, 5, "priority: range: 0", "priority: range: 6", None]
    assert outcomes(Customer, "priority", "1", "5", "0", "6", "") == expected


def test_money_has_at_most_four_places_and_is_below_ten_to_the_fourteen() -> None:
    good = ["0", "19.99", "1.2345", "99999999999999.9999", "0" * 30 + "1.5"]
    expected = [Decimal(x) for x in ["0", "19.99", "1.2345", "99999999999999.9999", "1.5"]]
    assert outcomes(Product, "unit_price", *good) == expected
    odd = ["19,99", "1.23456", "1.", ".5", "1e308", "NaN", "inf", "$5", "1 000"]
    assert outcomes(Product, "unit_price", *odd) == [f"unit_price: format: {text}" for text in odd]
    far = ["100000000000000", "9" * 400, "-0.0001"]
    assert [each.startswith("unit_price: range: ") for each in outcomes(Product, "unit_price", *far)] == [True] * 3
    assert outcomes(Payment, "amount", "-5", "0.00") == [Decimal(-5), "amount: range: 0.00"]


def test_other_decimals_have_at_most_ten_places() -> None:
    assert outcomes(ExchangeRate, "rate", "0.0000000001", "149.5") == [Decimal("0.0000000001"), Decimal("149.5")]
    expected = ["rate: format: 0.00000000001", "rate: range: 0", "rate: range: -1"]
    assert outcomes(ExchangeRate, "rate", "0.00000000001", "0", "-1") == expected


def test_days_exist_and_lie_between_1970_and_2199() -> None:
    assert outcomes(StockCount, "counted_on", "2024-02-29", "1970-01-01", "2199-12-31") == [
        date(2024, 2, 29),
        date(1970, 1, 1),
        date(2199, 12, 31),
    ]
    odd = [
        "2023-02-29",
        "2024-1-1",
        "20240101",
        "2024-13-01",
        "2024-00-10",
        "01.02.2024",
        "2024-01-01T00:00",
        "２024-01-01",
    ]
    assert outcomes(StockCount, "counted_on", *odd) == [f"counted_on: format: {text}" for text in odd]
    far = ["0000-01-01", "0001-01-01", "1969-12-31", "2200-01-01", "9999-12-31"]
    assert outcomes(StockCount, "counted_on", *far) == [f"counted_on: range: {text}" for text in far]


def test_moments_are_stored_as_utc_however_they_are_written() -> None:
    written = [
        "2024-07-01T10:00:00Z",
        "2024-07-01 10:00:00",
        "2024-07-01T10:00",
        "2024-07-01T10:00+05:30",
        "2024-07-01T10:00:00.5-02:00",
        "2024-07-01T10:00:00.123456789Z",
        "2150-07-01T10:00:00",
    ]
    expected = [
        datetime(2024, 7, 1, 10, tzinfo=UTC),
        datetime(2024, 7, 1, 8, tzinfo=UTC),
        datetime(2024, 7, 1, 8, tzinfo=UTC),
        datetime(2024, 7, 1, 4, 30, tzinfo=UTC),
        datetime(2024, 7, 1, 12, 0, 0, 500000, tzinfo=UTC),
        datetime(2024, 7, 1, 10, 0, 0, 123456, tzinfo=UTC),
        datetime(2150, 7, 1, 8, tzinfo=UTC),
    ]
    assert outcomes(OrderEvent, "occurred_at", *written) == expected
    assert [outcomes(OrderEvent, "occurred_at", one)[0] for one in written] == expected


def test_a_local_time_that_the_clock_jumps_over_is_rejected_and_of_two_the_earlier_counts() -> None:
    assert outcomes(OrderEvent, "occurred_at", "2024-03-31T02:30:00", "2024-10-27T02:30:00", "2150-03-29T02:30:00") == [
        "occurred_at: nonexistent_time: 2024-03-31T02:30:00",
        datetime(2024, 10, 27, 0, 30, tzinfo=UTC),
        "occurred_at: nonexistent_time: 2150-03-29T02:30:00",
    ]


def test_moments_written_otherwise_are_rejected() -> None:
    odd = [
        "2024-01-01",
        "2024-01-01T24:00:00",
        "2024-01-01T10:60",
        "2024-01-01T23:59:60",
        "2024-01-01T10",
        "2024-02-30T10:00",
        "2024-01-01t10:00",
        "2024-01-01T10:00z",
        "2024-01-01T10:00+0100",
        "2024-01-01T10:00+24:00",
        "2024-01-01T10:00:00.",
        "2024-01-01T10:00:00.1234567890",
        "2024-01-01T10:00.5",
        "1704103200",
        " 2024-01-01T10:00",
    ]
    assert outcomes(OrderEvent, "occurred_at", *odd) == [f"occurred_at: format: {text}" for text in odd]
    far = ["0000-01-01T00:00:00Z", "1969-12-31T23:59:59", "2200-01-01T00:00", "9999-12-31T23:59:59+01:00"]
    assert outcomes(OrderEvent, "occurred_at", *far) == [f"occurred_at: range: {text}" for text in far]


def test_an_id_is_printable_and_short() -> None:
    good = ["A", "Å b", "x" * 64, "é" * 64, "a;b#1", "日本"]
    assert outcomes(StockCount, "sku", *good) == good
    odd = [" A", "A ", "a\u00a0", "a\u200bb", "a\u2028b"]
    assert [each.split(": ")[1] for each in outcomes(StockCount, "sku", *odd)] == ["format"] * len(odd)
    assert [each.split(": ")[1] for each in outcomes(StockCount, "sku", "x" * 65, "é" * 65)] == ["too_long"] * 2
    assert outcomes(StockCount, "sku", None, "", "  ") == [
        "sku: missing: empty",
        "sku: missing: empty",
        "sku: missing: only blanks",
    ]


def test_a_text_keeps_its_blanks_and_lines_but_no_control_characters() -> None:
    good = [" a ", "line\nbreak\tand\r\n", "x" * 2000, "é" * 2000, "1,234", "\ufffd"]
    assert outcomes(Product, "name", *good) == good
    assert outcomes(Product, "category", "  ") == ["  "]
    assert outcomes(Product, "name", "   ", "a\0b", "a\x1b", f"a{chr(UNDECODABLE + 0xE9)}", "a\x85") == [
        "name: missing: only blanks",
        r"name: encoding: a\x00b",
        r"name: encoding: a\x1b",
        r"name: encoding: a\xe9",
        r"name: encoding: a\x85",
    ]
    assert outcomes(Product, "name", "x" * 2001) == [f"name: too_long: {'x' * 80}…"]
    assert outcomes(Product, "name", f"{NO_VALUE}[1]") == ["name: structure: [1]"]


def test_codes_and_words_are_of_their_lists() -> None:
    assert outcomes(Product, "currency", "EUR", "eur", "ZZZ") == [
        "EUR",
        "currency: not_allowed: eur",
        "currency: not_allowed: ZZZ",
    ]
    assert outcomes(DeliveredOrder, "currency", "ZZZ", "eur") == ["ZZZ", "currency: format: eur"]
    assert outcomes(Supplier, "country", "DE", "UK") == ["DE", "country: not_allowed: UK"]
    assert outcomes(OrderEvent, "event", "delivered", "Delivered") == ["delivered", "event: not_allowed: Delivered"]
    assert outcomes(Product, "is_active", "true", "false", "TRUE", "1", None) == [
        True,
        False,
        "is_active: format: TRUE",
        "is_active: format: 1",
        None,
    ]
    assert outcomes(Location, "cutoff_time", "00:00", "23:59", "24:00", "9:00") == [
        "00:00",
        "23:59",
        "cutoff_time: format: 24:00",
        "cutoff_time: format: 9:00",
    ]
    assert outcomes(Supplier, "order_weekdays", "Mon", "Mon,Thu", "Mon, Thu", "mon") == [
        "Mon",
        "Mon,Thu",
        "order_weekdays: format: Mon, Thu",
        "order_weekdays: format: mon",
    ]


def test_what_columns_must_say_together() -> None:
    assert outcomes(Inbound, "received_on", None, "2024-01-09", status="received") == [
        "received_on: missing: empty, and status is received",
        date(2024, 1, 9),
    ]
    assert outcomes(Inbound, "received_on", None, status="ordered") == [None]
    expected = ["invoice_number: missing: empty, and order_id too", "I"]
    assert outcomes(Payment, "invoice_number", None, "I", order_id=None) == expected
    assert outcomes(Payment, "invoice_number", None, order_id="O") == [None]


def test_a_row_tells_every_reason_in_the_order_of_the_columns() -> None:
    found = read(StockCount, "sku", "", location_id=" L", counted_on="2024-02-30", quantity="-1")
    assert found.rejected["reasons"].to_list() == [
        ["sku: missing: empty", "location_id: format:  L", "counted_on: format: 2024-02-30", "quantity: range: -1"]
    ]


def test_missing_columns_are_empty_extra_ones_ignored_and_the_file_carried_along() -> None:
    texts = pl.DataFrame(
        {"customer_id": ["C", "D"], "colour": ["red", "x"], "file_id": ["f", "f"], "record_number": [3, 4]},
        schema_overrides={"record_number": pl.Int64},
    )
    found = parsed(texts, Customer, "UTC")
    assert found.accepted.schema == polars_schema(Customer)
    assert found.accepted.select("customer_id", "name", "file_id", "record_number").rows() == [
        ("C", None, "f", 3),
        ("D", None, "f", 4),
    ]
    assert found.rejected.columns == ["file_id", "record_number", "reasons"]


def test_a_reason_of_the_source_rejects_the_row() -> None:
    texts = pl.DataFrame(
        {
            "customer_id": ["C", "D", " E"],
            "reject_reason": [None, "customer_id: not_allowed: a till", "row: range: 1"],
            "record_number": [1, 2, 3],
        }
    )
    found = parsed(texts, Customer, "UTC")
    assert found.accepted["customer_id"].to_list() == ["C"]
    assert found.rejected.rows() == [
        (2, ["customer_id: not_allowed: a till"]),
        (3, ["row: range: 1", "customer_id: format:  E"]),
    ]


@pytest.mark.parametrize("feed", list(GOOD))
def test_accepted_rows_satisfy_their_table_and_none_is_as_good_as_none(feed: TableClass) -> None:
    texts = pl.DataFrame([GOOD[feed] | {"file_id": "f"}]).with_columns(record_number=pl.lit(1, pl.Int64))
    assert validated(feed, parsed(texts, feed, BERLIN).accepted).height == 1
    nothing = parsed(texts.clear(), feed, BERLIN)
    assert (nothing.accepted.schema, nothing.accepted.height) == (polars_schema(feed), 0)
    assert nothing.rejected.height == 0
    empty = parsed(pl.DataFrame({"record_number": [1, 2]}), feed, BERLIN)
    assert empty.rejected["record_number"].to_list() == [1, 2]


# Any text at all

WRITTEN = st.one_of(
    st.text(st.sampled_from("0123456789-+.eE_, T:Z٣\0"), max_size=12),
    st.from_regex(r"-?[0-9]{1,20}(\.[0-9]{1,12})?", fullmatch=True),
    st.from_regex(r"(19|20|21|00|99)[0-9]{2}-[01][0-9]-[0-3][0-9]", fullmatch=True),
    st.from_regex(
        r"(1970|2024|2099|21[05]0)-(03|06|10)-(2[0-9]|3[01])[T ]0[0-3]:[0-5][0-9]"
        r"(:[0-5][0-9](\.[0-9]{1,10})?)?(Z|[+-]0[0-9]:[034]0)?",
        fullmatch=True,
    ),
    st.none(),
)


def whole(text: str) -> int | None:
    value = int(text) if re.fullmatch(r"-?[0-9]+", text) else 0
    return value if value and abs(value) <= 10**9 else None


def money(text: str) -> Decimal | None:
    value = Decimal(text) if re.fullmatch(r"-?[0-9]+(\.[0-9]{1,4})?", text) else Decimal(-1)
    return value if 0 <= value < 10**14 else None


def day(text: str) -> date | None:
    try:
        value = date.fromisoformat(text) if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text) else None
    except ValueError:
        return None
    return value if value and 1970 <= value.year <= 2199 else None


def moment(text: str) -> datetime | None:
    found = re.fullmatch(
        r"([0-9-]{10})[T ]([0-9]{2}:[0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?(Z|[+-][0-9]{2}:[0-9]{2})?", text
    )
    if found is None or day(found[1]) is None:
        return None
    try:
        local = datetime.fromisoformat(f"{found[1]}T{found[2]}:{found[3] or '00'}")
    except ValueError:
        return None
    local += timedelta(microseconds=int((found[4] or "").ljust(6, "0")[:6]))
    if found[5]:
        return datetime.fromisoformat(f"{local.isoformat()}{found[5].replace('Z', '+00:00')}").astimezone(UTC)
    value = local.replace(tzinfo=ZoneInfo(BERLIN)).astimezone(UTC)
    return value if value.astimezone(ZoneInfo(BERLIN)).replace(tzinfo=None) == local else None


ORACLES = {
    (StockMovement, "quantity"): whole,
    (Product, "unit_price"): money,
    (StockCount, "counted_on"): day,
    (OrderEvent, "occurred_at"): moment,
}


@pytest.mark.parametrize(("feed", "column"), list(ORACLES))
@settings(max_examples=100, deadline=None)
@given(texts=st.lists(WRITTEN, min_size=1, max_size=12))
def test_a_block_reads_like_a_plain_program_reads_each_text(
    feed: TableClass, column: str, texts: list[str | None]
) -> None:
    found = read(feed, column, *texts)
    expected = {number: ORACLES[feed, column](text or "") for number, text in enumerate(texts, start=1)}
    accepted = dict(found.accepted.select("record_number", column).iter_rows())
    assert accepted == {number: value for number, value in expected.items() if value is not None}
    assert found.accepted["record_number"].is_sorted()
    assert found.rejected["record_number"].to_list() == [number for number in expected if expected[number] is None]


@settings(max_examples=100, deadline=None)
@given(rows=st.lists(st.tuples(*[st.one_of(st.none(), st.text(max_size=6))] * 4), min_size=1, max_size=6))
def test_any_texts_are_accepted_or_rejected_with_a_reason(rows: list[tuple[str | None, ...]]) -> None:
    names = [column.name for column in own_columns(StockCount)]
    texts = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row").with_row_index("record_number", 1)
    found = parsed(texts.cast({"record_number": pl.Int64}), StockCount, "UTC")
    numbers = [*found.accepted["record_number"], *found.rejected["record_number"]]
    assert sorted(numbers) == list(range(1, len(rows) + 1))
    codes = r"(sku|location_id|counted_on|quantity): (missing|format|range|encoding): (?s:.+)"
    assert all(
        reasons and all(re.fullmatch(codes, reason) for reason in reasons)
        for reasons in found.rejected["reasons"].to_list()
    )
