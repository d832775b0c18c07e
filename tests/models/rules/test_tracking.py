"""What a customer is told: each step once, at its moment."""

from datetime import date

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from models.rules.tracking import updates, where
from models.tables.base import validated
from models.tables.lifecycle import TrackingUpdate
from tests.builders import frame

AS_OF = date(2024, 5, 9)
MOMENT = pl.Datetime("us", "UTC")
HEADER = "event_id | event | occurred_at | carrier | tracking_no | is_accepted"


def an_order(status: str = "confirmed") -> pl.DataFrame:
    return frame("order_id | ordered_at | status", f"A | 2024-05-01T08:00:00 | {status}", schema={"ordered_at": MOMENT})


def numbers(shipped: int = 0, delivered: int = 0, returned: int = 0, cancelled: int = 0) -> pl.DataFrame:
    return frame(
        "order_id | line_no | quantity | cancelled | shipped | delivered | returned",
        f"A | 1 | 5 | {cancelled} | {shipped} | {delivered} | {returned}",
    )


def events(*rows: str) -> pl.DataFrame:
    schema = {
        "event_id": pl.String,
        "event": pl.String,
        "occurred_at": MOMENT,
        "carrier": pl.String,
        "tracking_no": pl.String,
        "is_accepted": pl.Boolean,
    }
    return frame(HEADER, *rows, schema=schema).with_columns(order_id=pl.lit("A"))


def steps(orders: pl.DataFrame, timeline: pl.DataFrame, lines: pl.DataFrame) -> list[tuple[str, str, str]]:
    """Parcel, step and moment of each update."""
    told = updates(orders, timeline, lines, AS_OF)
    validated(TrackingUpdate, told)
    return told.select("parcel_id", "step", pl.col("occurred_at").dt.strftime("%m-%d %H:%M")).rows()


def test_an_order_is_received_when_it_was_placed() -> None:
    assert steps(an_order("received"), events(), numbers()) == [("A", "received", "05-01 08:00")]


def test_each_step_is_told_once_at_its_first_moment() -> None:
    timeline = events(
        "2 | shipped | 2024-05-03T08:00:00 | DHL | | true",
        "3 | shipped | 2024-05-02T08:00:00 | UPS | | true",
        "1 | confirmed | 2024-05-01T09:00:00 | | | true",
        "4 | confirmed | 2024-05-01T10:00:00 | | | true",
    )
    expected = frame(
        "order_id | parcel_id | step | occurred_at | carrier | tracking_no | promised_on | as_of",
        "A | A | received | 2024-05-01T08:00:00 | | | | 2024-05-09",
        "A | A | confirmed | 2024-05-01T09:00:00 | | | | 2024-05-09",
        "A | A | shipped | 2024-05-02T08:00:00 | UPS | | | 2024-05-09",
        schema=TrackingUpdate,
    )
    assert_frame_equal(updates(an_order(), timeline, numbers(shipped=2), AS_OF), expected)


def test_each_parcel_has_its_own_steps_under_the_carriers_number() -> None:
    timeline = events(
        "1 | packed | 2024-05-02T07:00:00 | | | true",
        "2 | shipped | 2024-05-02T08:00:00 | DHL | JD1 | true",
        "3 | shipped | 2024-05-02T08:00:00 | DHL | JD2 | true",
        "4 | in_transit | 2024-05-03T08:00:00 | DHL | JD2 | true",
        "5 | delivery_failed | 2024-05-03T12:00:00 | DHL | JD2 | true",
        "6 | delivered | 2024-05-03T08:00:00 | DHL | JD1 | true",
    )
    assert steps(an_order(), timeline, numbers(shipped=2, delivered=1)) == [
        ("A", "received", "05-01 08:00"),
        ("A", "packed", "05-02 07:00"),
        ("JD1", "shipped", "05-02 08:00"),
        ("JD2", "shipped", "05-02 08:00"),
        ("JD2", "in_transit", "05-03 08:00"),
        ("JD1", "delivered", "05-03 08:00"),
        ("JD2", "delivery_failed", "05-03 12:00"),
    ]


def test_what_was_refused_is_not_told() -> None:
    timeline = events("1 | shipped | 2024-05-02T08:00:00 | | | false")
    assert steps(an_order(), timeline, numbers()) == [("A", "received", "05-01 08:00")]


def test_what_is_no_step_is_not_told() -> None:
    timeline = events(
        *(
            f"{event} | {event} | 2024-05-02T08:00:00 | | | true"
            for event in ("placed", "released", "rejected", "allocated", "picked", "closed", "note")
        )
    )
    assert steps(an_order(), timeline, numbers()) == [("A", "received", "05-01 08:00")]


def test_a_rejected_order_was_never_confirmed_to_the_customer() -> None:
    timeline = events(
        "1 | confirmed | 2024-05-01T09:00:00 | | | true",
        "2 | held | 2024-05-01T10:00:00 | | | true",
        "3 | rejected | 2024-05-01T11:00:00 | | | true",
    )
    assert steps(an_order("rejected"), timeline, numbers())[1:] == [("A", "on_hold", "05-01 10:00")]


def test_an_order_is_told_as_cancelled_with_its_last_unit() -> None:
    timeline = events(
        "1 | cancelled | 2024-05-02T08:00:00 | | | true",
        "2 | cancelled | 2024-05-03T08:00:00 | | | true",
    )
    assert steps(an_order("confirmed"), timeline, numbers(cancelled=4))[1:] == []
    assert steps(an_order("cancelled"), timeline, numbers(cancelled=5))[1:] == [("A", "cancelled", "05-03 08:00")]


def test_an_order_without_lines_can_be_cancelled() -> None:
    timeline = events("1 | cancelled | 2024-05-02T08:00:00 | | | true")
    assert steps(an_order("cancelled"), timeline, numbers().clear())[1:] == [("A", "cancelled", "05-02 08:00")]


def test_an_order_is_told_as_returned_when_all_that_was_shipped_came_back() -> None:
    timeline = events(
        "1 | returned | 2024-05-05T08:00:00 | DHL | R1 | true",
        "2 | returned | 2024-05-06T08:00:00 | DHL | R2 | true",
    )
    assert steps(an_order(), timeline, numbers(shipped=3, delivered=3, returned=2))[1:] == []
    assert steps(an_order(), timeline, numbers(shipped=3, delivered=3, returned=3))[1:] == [
        ("A", "returned", "05-06 08:00")
    ]


def test_no_orders_no_updates() -> None:
    assert steps(an_order().clear(), events(), numbers().clear()) == []


@pytest.mark.parametrize(
    ("status", "lines", "sentence"),
    [
        ("received", numbers(), "Received, not yet confirmed; of 5 units: 5 still to be shipped."),
        ("on_hold", numbers(), "On hold; of 5 units: 5 still to be shipped."),
        (
            "confirmed",
            numbers(shipped=3, delivered=2, returned=1, cancelled=1),
            "Confirmed; of 5 units: 1 returned, 1 delivered, 1 on the way, 1 still to be shipped, 1 cancelled.",
        ),
        ("closed", numbers(shipped=5, delivered=5), "Closed; of 5 units: 5 delivered."),
        ("confirmed", numbers().clear(), "Confirmed."),
        ("rejected", numbers(), "The order was not accepted."),
        ("cancelled", numbers(cancelled=5), "The order was cancelled."),
    ],
)
def test_where_is_my_order_is_answered_in_one_sentence(status: str, lines: pl.DataFrame, sentence: str) -> None:
    assert where(an_order(status), events(), lines).now == sentence


def test_where_is_my_order_lists_the_steps_in_plain_words() -> None:
    timeline = events(
        "1 | confirmed | 2024-05-01T09:00:00 | | | true",
        "2 | in_transit | 2024-05-03T08:00:00 | DHL | JD1 | true",
    )
    told = where(an_order(), timeline, numbers()).steps.select("step", "words", "carrier", "tracking_no")
    assert told.rows() == [
        ("received", "Order received", None, None),
        ("confirmed", "Order confirmed", None, None),
        ("in_transit", "Out for delivery", "DHL", "JD1"),
    ]
