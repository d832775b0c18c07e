"""Purchases: what planners decide is ordered once, and what is on its way counts once."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from models.rules import purchases
from models.tables.base import empty, polars_schema, validated
from models.tables.feeds import Decision, Inbound
from models.tables.reorder import PurchaseOrderLine, ReorderProposal, Supply
from tests.builders import frame

TONIGHT = date(2026, 11, 24)
NOTHING_SENT = empty(PurchaseOrderLine)
NO_DECISIONS = empty(Decision)


def proposed(*rows: str) -> pl.DataFrame:
    """Proposals published the next morning at six, tonight's (the 24th) not yet."""
    header = "as_of | sku | quantity | supplier_id | currency | amount_r | waits_for_budget | skipped_until"
    schema = polars_schema(ReorderProposal)
    drawn = frame(header, *rows, schema=schema)
    return (
        drawn.with_columns(
            location_id=pl.lit("W"),
            proposal_id=pl.col("sku") + "@W",
            order_on=pl.col("as_of"),
            first_arrival_on=pl.col("as_of") + pl.duration(days=7),
            next_review_on=pl.col("as_of") + pl.duration(days=7),
            published_at=pl.when(pl.col("as_of") < TONIGHT).then(
                pl.col("as_of").cast(pl.Datetime("us")).dt.replace_time_zone("UTC") + pl.duration(hours=30)
            ),
        )
        .with_columns(pl.lit(None).cast(dtype).alias(name) for name, dtype in schema.items() if name not in _FILLED)
        .with_columns(pl.col("waits_for_budget").fill_null(False))
    )


_FILLED = {
    *("as_of", "sku", "quantity", "supplier_id", "currency", "amount_r", "waits_for_budget", "skipped_until"),
    *("location_id", "proposal_id", "order_on", "first_arrival_on", "next_review_on"),
}


def decisions(*rows: str) -> pl.DataFrame:
    schema = polars_schema(Decision)
    drawn = frame("decision_id | subject_id | action | quantity | decided_at", *rows, schema=schema)
    return drawn.with_columns(subject=pl.lit("reorder"), decided_by=pl.lit("Ada"))


def ordered(
    proposals: pl.DataFrame,
    decided: pl.DataFrame = NO_DECISIONS,
    sent: pl.DataFrame = NOTHING_SENT,
    *,
    as_of: date = TONIGHT,
    below: int = 0,
) -> purchases.Purchases:
    found = purchases.purchase_orders(proposals, decided, sent, as_of, auto_approve_below=Decimal(below))
    validated(PurchaseOrderLine, found.lines)
    return found


def shown(found: purchases.Purchases) -> list[tuple[Any, ...]]:
    return found.lines.select("purchase_order_id", "line_no", "sku", "quantity", "approved_by").rows()


LAST_NIGHT = proposed(
    "2026-11-22 | A | 10 | S1 | EUR |  |  | ",
    "2026-11-23 | A | 12 | S1 | EUR |  |  | ",
    "2026-11-23 | B | 6 | S1 | EUR |  |  | ",
    "2026-11-23 | C | 7 | S2 | EUR |  |  | ",
)


def test_an_approval_buys_the_quantity_of_the_last_proposal_published_before_it() -> None:
    before = ordered(LAST_NIGHT, decisions("d1 | A@W | approve |  | 2026-11-24 05:59:00"))
    after = ordered(LAST_NIGHT, decisions("d1 | A@W | approve |  | 2026-11-24 06:01:00"))
    assert shown(before) == [("PO-20261124-S1-1", 1, "A", 10, "Ada")]
    assert shown(after) == [("PO-20261124-S1-1", 1, "A", 12, "Ada")]
    assert after.lines.select("ordered_on", "expected_on", "proposed_on").rows() == [
        (TONIGHT, date(2026, 12, 1), date(2026, 11, 23))
    ]


def test_an_approval_buys_its_own_quantity_else_the_one_last_changed() -> None:
    own = decisions("d1 | A@W | change | 20 | 2026-11-24 08:00:00", "d2 | A@W | approve | 30 | 2026-11-24 09:00:00")
    changed = decisions("d1 | A@W | change | 20 | 2026-11-24 08:00:00", "d2 | A@W | approve |  | 2026-11-24 09:00:00")
    assert [row[3] for row in shown(ordered(LAST_NIGHT, own)) + shown(ordered(LAST_NIGHT, changed))] == [30, 20]
    assert shown(ordered(LAST_NIGHT, own.head(1))) == []


def test_a_supplier_gets_one_order_a_night_and_another_one_later_that_day() -> None:
    first = decisions(
        "d1 | A@W | approve |  | 2026-11-24 09:00:00",
        "d2 | B@W | approve |  | 2026-11-24 09:00:00",
        "d3 | C@W | approve |  | 2026-11-24 09:00:00",
    )
    sent = ordered(LAST_NIGHT, first.head(2)).lines
    assert [row[:3] for row in shown(ordered(LAST_NIGHT, first))] == [
        ("PO-20261124-S1-1", 1, "A"),
        ("PO-20261124-S1-1", 2, "B"),
        ("PO-20261124-S2-1", 1, "C"),
    ]
    tonight = proposed("2026-11-24 | E | 3 | S1 | EUR | 5 |  | ")
    assert shown(ordered(tonight, sent=sent, below=10)) == [("PO-20261124-S1-2", 1, "E", 3, "auto")]


def test_two_currencies_of_one_supplier_are_two_orders() -> None:
    mixed = proposed("2026-11-23 | A | 1 | S1 | EUR |  |  | ", "2026-11-23 | B | 1 | S1 | USD |  |  | ")
    decided = decisions("d1 | A@W | approve |  | 2026-11-24 09:00:00", "d2 | B@W | approve |  | 2026-11-24 09:00:00")
    assert [row[0] for row in shown(ordered(mixed, decided))] == ["PO-20261124-S1-1", "PO-20261124-S1-2"]


def test_run_twice_orders_once_and_a_second_approval_of_the_same_proposal_orders_nothing() -> None:
    decided = decisions("d1 | A@W | approve |  | 2026-11-24 09:00:00")
    sent = ordered(LAST_NIGHT, decided).lines
    again = ordered(LAST_NIGHT, decided, sent)
    assert (shown(again), again.refused.rows()) == ([], [])
    second = ordered(LAST_NIGHT, decisions("d2 | A@W | approve |  | 2026-11-24 10:00:00"), sent)
    assert (shown(second), second.refused.rows()) == ([], [("d2", "A@W", "already_ordered")])


def test_of_several_decisions_on_a_proposal_the_last_counts() -> None:
    twice = decisions("d1 | A@W | approve | 5 | 2026-11-24 09:00:00", "d2 | A@W | approve | 6 | 2026-11-24 10:00:00")
    found = ordered(LAST_NIGHT, twice)
    assert ([row[3] for row in shown(found)], found.refused.rows()) == ([6], [("d1", "A@W", "superseded")])
    skipped = decisions("d1 | A@W | approve | 5 | 2026-11-24 09:00:00", "d2 | A@W | skip |  | 2026-11-24 10:00:00")
    assert shown(ordered(LAST_NIGHT, skipped)) == []


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("d1 | X@W | approve |  | 2026-11-24 09:00:00", "no_proposal"),
        ("d1 | A@W | approve |  | 2026-11-20 09:00:00", "no_proposal"),
        ("d1 | A@W | approve | 0 | 2026-11-24 09:00:00", "no_quantity"),
    ],
)
def test_an_approval_that_orders_nothing_says_why(row: str, reason: str) -> None:
    found = ordered(LAST_NIGHT, decisions(row))
    assert (shown(found), found.refused["reason"].to_list()) == ([], [reason])


def test_decisions_on_other_things_order_nothing() -> None:
    other = decisions("d1 | A@W | approve |  | 2026-11-24 09:00:00").with_columns(subject=pl.lit("hold"))
    assert shown(ordered(LAST_NIGHT, other)) == []


def test_what_costs_less_than_the_limit_is_ordered_by_itself() -> None:
    tonight = proposed(
        "2026-11-24 | A | 1 | S1 | EUR | 99.99 |  | ",
        "2026-11-24 | B | 1 | S1 | EUR | 100 |  | ",
        "2026-11-24 | C | 1 | S1 | EUR |  |  | ",
        "2026-11-24 | D | 1 | S1 | EUR | 1 | true | ",
        "2026-11-24 | E | 1 | S1 | EUR | 1 |  | 2026-12-01",
    )
    assert [row[2] for row in shown(ordered(tonight, below=100))] == ["A"]
    assert shown(ordered(tonight)) == []
    sent = ordered(tonight, below=100).lines
    assert shown(ordered(tonight, sent=sent, below=100)) == []


def test_a_late_approval_expects_the_goods_a_lead_time_after_the_order() -> None:
    old = proposed("2026-11-20 | A | 10 | S1 | EUR |  |  | ")
    found = ordered(old, decisions("d1 | A@W | approve |  | 2026-11-24 09:00:00"))
    assert found.lines["expected_on"].to_list() == [date(2026, 12, 1)]


def test_a_skip_holds_until_the_suppliers_next_review_or_an_approval() -> None:
    skip = decisions("d1 | A@W | skip |  | 2026-11-24 09:00:00")
    assert purchases.skips(LAST_NIGHT, skip, TONIGHT).rows() == [("A@W", date(2026, 11, 30))]
    assert purchases.skips(LAST_NIGHT, skip, date(2026, 11, 29)).height == 1
    assert purchases.skips(LAST_NIGHT, skip, date(2026, 11, 30)).is_empty()
    approved = pl.concat([skip, decisions("d2 | A@W | approve |  | 2026-11-24 10:00:00")])
    assert purchases.skips(LAST_NIGHT, approved, TONIGHT).is_empty()


# --- What is on its way


def inbound(*rows: str) -> pl.DataFrame:
    header = (
        "purchase_order_id | line_no | quantity | received_quantity | ordered_on | expected_on | status | reference"
    )
    schema = polars_schema(Inbound)
    place = {"sku": "A", "location_id": "W", "supplier_id": "S1"}
    drawn = frame(header, *rows, schema=schema).with_columns(pl.lit(value).alias(name) for name, value in place.items())
    return drawn.with_columns(received_on=pl.lit(None, pl.Date))


def sent(*rows: str) -> pl.DataFrame:
    header = "purchase_order_id | line_no | quantity | ordered_on | expected_on | proposed_on"
    schema = polars_schema(PurchaseOrderLine)
    place = {"sku": "A", "location_id": "W", "supplier_id": "S1"}
    return frame(header, *rows, schema=schema).with_columns(pl.lit(value).alias(name) for name, value in place.items())


def supplies(theirs: pl.DataFrame, ours: pl.DataFrame = NOTHING_SENT) -> list[tuple[Any, ...]]:
    found = validated(Supply, purchases.supplies(theirs, ours, TONIGHT))
    columns = ("purchase_order_id", "quantity", pl.col("due_on").cast(pl.String).str.slice(5), "is_counted", "chase")
    return found.select(columns).rows()


NONE_INBOUND = empty(Inbound)


def test_what_will_be_received_later_than_tonight_is_still_expected_whole() -> None:
    theirs = inbound("p1 | 1 | 12 | 12 | 2026-11-01 | 2026-12-01 | received | ")
    received = theirs.with_columns(received_on=pl.lit(TONIGHT) + timedelta(days=1))
    assert supplies(received) == [("p1", 12, "12-01", True, None)]
    assert supplies(theirs.with_columns(received_on=pl.lit(TONIGHT))) == []


def test_what_has_not_arrived_is_on_its_way_and_a_received_line_closes_the_rest() -> None:
    assert supplies(
        inbound(
            "P1 | 1 | 10 |  | 2026-11-20 | 2026-12-01 | ordered | ",
            "P2 | 1 | 10 | 4 | 2026-11-20 | 2026-12-01 | confirmed | ",
            "P3 | 1 | 10 | 4 | 2026-11-20 | 2026-12-01 | received | ",
            "P4 | 1 | 10 |  | 2026-11-20 | 2026-12-01 | cancelled | ",
            "P5 | 1 | 10 |  | 2026-11-25 | 2026-12-01 | ordered | ",
        )
    ) == [("P1", 10, "12-01", True, None), ("P2", 6, "12-01", True, None)]


@pytest.mark.parametrize(
    ("expected_on", "shown_as"),
    [
        ("2026-11-24", ("11-24", True, None)),
        ("2026-11-23", ("11-24", True, "overdue")),
        ("2026-10-25", ("11-24", True, "overdue")),
        ("2026-10-24", ("11-24", False, "long_overdue")),
    ],
)
def test_overdue_counts_today_for_thirty_days(expected_on: str, shown_as: tuple[Any, ...]) -> None:
    assert supplies(inbound(f"P1 | 1 | 10 |  | 2026-10-01 | {expected_on} | confirmed | ")) == [("P1", 10, *shown_as)]


def test_a_line_we_sent_counts_until_the_supplier_answers_it_by_number_or_reference() -> None:
    ours = sent("PO-1 | 1 | 10 | 2026-11-20 | 2026-12-01 | 2026-11-19")
    assert supplies(NONE_INBOUND, ours) == [("PO-1", 10, "12-01", True, None)]
    by_number = inbound("PO-1 | 1 | 8 |  | 2026-11-21 | 2026-12-03 | confirmed | ")
    by_reference = inbound("X7 | 3 | 8 |  | 2026-11-21 | 2026-12-03 | confirmed | PO-1/1")
    other_line = inbound("X7 | 3 | 8 |  | 2026-11-21 | 2026-12-03 | confirmed | PO-1/2")
    cancelled = inbound("PO-1 | 1 | 10 |  | 2026-11-21 | 2026-12-03 | cancelled | ")
    assert supplies(by_number, ours) == [("PO-1", 8, "12-03", True, None)]
    assert supplies(by_reference, ours) == [("X7", 8, "12-03", True, None)]
    assert len(supplies(other_line, ours)) == 2
    assert supplies(cancelled, ours) == []


@pytest.mark.parametrize(("ordered_on", "is_counted"), [("2026-11-18", True), ("2026-11-17", False)])
def test_a_line_nobody_confirmed_for_seven_days_is_no_longer_relied_on(ordered_on: str, is_counted: bool) -> None:
    ours = sent(f"PO-1 | 1 | 10 | {ordered_on} | 2026-12-01 | 2026-11-10")
    assert supplies(NONE_INBOUND, ours) == [("PO-1", 10, "12-01", is_counted, None if is_counted else "unconfirmed")]


def test_what_tonight_ordered_by_itself_counts_from_tomorrow_so_that_the_night_can_run_again() -> None:
    ours = sent(
        "PO-1 | 1 | 10 | 2026-11-24 | 2026-12-01 | 2026-11-24", "PO-2 | 1 | 5 | 2026-11-24 | 2026-12-01 | 2026-11-23"
    )
    assert supplies(NONE_INBOUND, ours) == [("PO-2", 5, "12-01", True, None)]


def test_the_moment_of_a_decision_is_compared_in_utc() -> None:
    at = datetime(2026, 11, 24, 6, tzinfo=UTC)
    exactly = decisions("d1 | A@W | approve |  | 2026-11-24 06:00:00")
    assert exactly["decided_at"].to_list() == [at]
    assert [row[3] for row in shown(ordered(LAST_NIGHT, exactly))] == [10]  # not published before it
