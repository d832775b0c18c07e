"""Where every order is: each rule of the lifecycle once, and both paths always the same."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from models.rules.lifecycle import (
    EFFECTS,
    FACTS,
    LONG,
    Folded,
    broken_numbers,
    folded,
    folded_one_by_one,
    let_go,
    unexplained,
)
from models.tables.base import polars_schema, validated
from models.tables.feeds import EVENTS
from models.tables.lifecycle import ANOMALIES, TimelineEntry
from models.tables.rules import Transition
from tests.builders import frame

TRANSITIONS = pl.read_csv(Path(__file__).parents[3] / "data/rules/lifecycle.csv")
ORDERED_AT = datetime(2024, 5, 1, 8, tzinfo=UTC)
EVENT_TYPES: dict[str, Any] = {
    **dict.fromkeys(("event_id", "order_id", "event", "reason", "location_id", "carrier", "tracking_no"), pl.String),
    "line_no": pl.Int64,
    "occurred_at": pl.Datetime("us", "UTC"),
    "quantity": pl.Int64,
    "source": pl.String,
    "is_voided": pl.Boolean,
}


def orders(*order_ids: str) -> pl.DataFrame:
    """Orders, all placed at the same moment."""
    return pl.DataFrame(
        [(order_id, ORDERED_AT) for order_id in order_ids],
        schema={"order_id": pl.String, "ordered_at": pl.Datetime("us", "UTC")},
        orient="row",
    )


def order_lines(*quantities: int, order_id: str = "A") -> pl.DataFrame:
    """Lines 1, 2, … of an order."""
    return pl.DataFrame(
        [(order_id, number, quantity) for number, quantity in enumerate(quantities, 1)],
        schema={"order_id": pl.String, "line_no": pl.Int64, "quantity": pl.Int64},
        orient="row",
    )


def told(*rows: str, order_id: str = "A") -> pl.DataFrame:
    """Events an hour apart, the first one an hour after the order: `event`, `event line`, `event line quantity`.

    A `-` stands for no line. Added words: `@-2` the hours after the order, `night` the source, `void` a voided event.
    """
    events = []
    for place, row in enumerate(rows, 1):
        words = row.split()
        hours = next((int(word[1:]) for word in words if word.startswith("@")), place)
        numbers = [word for word in words[1:] if word == "-" or word.isdecimal()]
        line_no, quantity = [None if word == "-" else int(word) for word in [*numbers, "-", "-"][:2]]
        events.append(
            {
                "event_id": f"{order_id}{place:03d}",
                "order_id": order_id,
                "line_no": line_no,
                "event": words[0],
                "occurred_at": ORDERED_AT + timedelta(hours=hours),
                "quantity": quantity,
                "source": "night" if "night" in words else "feed",
                "is_voided": "void" in words,
            }
        )
    return pl.DataFrame(events, schema=EVENT_TYPES)


def fold(orders: pl.DataFrame, lines: pl.DataFrame, events: pl.DataFrame) -> Folded:
    """The fold by both paths, which must agree."""
    at_once = folded(orders, lines, events, TRANSITIONS)
    for part, reference in zip(at_once, folded_one_by_one(orders, lines, events, TRANSITIONS), strict=True):
        assert_frame_equal(part, reference)
    return at_once


def of(*events: str, lines: tuple[int, ...] = (5,)) -> Folded:
    """The fold of one order A with lines of these quantities."""
    return fold(orders("A"), order_lines(*lines), told(*events))


def order(result: Folded) -> dict[str, object]:
    """The one order."""
    return result.orders.row(0, named=True)


def line(result: Folded, number: int = 1) -> dict[str, int]:
    """The numbers of a line that are not zero."""
    row = result.lines.row(by_predicate=pl.col("line_no") == number, named=True)
    return {name: value for name, value in row.items() if name not in {"order_id", "line_no"} and value}


def refusals(result: Folded) -> list[str | None]:
    """Why each event was refused, none = accepted."""
    return [
        reason if not accepted else None for accepted, reason in result.timeline.select("is_accepted", "reason").rows()
    ]


def anomalies(result: Folded) -> list[str | None]:
    """What is strange about each event."""
    return result.timeline["anomaly"].to_list()


def hours(moment: object) -> float | None:
    """Hours after the order was placed."""
    return (moment - ORDERED_AT) / timedelta(hours=1) if isinstance(moment, datetime) else None


# --- Status


@pytest.mark.parametrize(
    ("events", "status"),
    [
        ((), "received"),
        (("placed",), "received"),
        (("confirmed",), "confirmed"),
        (("confirmed", "confirmed"), "confirmed"),
        (("held",), "on_hold"),
        (("held", "released"), "received"),
        (("confirmed", "held"), "on_hold"),
        (("confirmed", "held", "released"), "confirmed"),
        (("rejected",), "rejected"),
        (("held", "rejected"), "rejected"),
        (("cancelled",), "cancelled"),
        (("held", "cancelled"), "cancelled"),
        (("confirmed", "cancelled"), "cancelled"),
        (("confirmed", "closed"), "closed"),
        (("delivered", "delivery_failed", "note", "in_transit"), "received"),
    ],
)
def test_administrative_events_move_the_status(events: tuple[str, ...], status: str) -> None:
    result = of(*events)
    assert order(result)["status"] == status
    assert refusals(result) == [None] * len(events)


@pytest.mark.parametrize(
    "events",
    [
        ("released",),
        ("closed",),
        ("held", "confirmed"),
        ("held", "held"),
        ("held", "closed"),
        ("confirmed", "released"),
        ("confirmed", "rejected"),
        *(
            (last, event)
            for last in ("rejected", "cancelled")
            for event in ("confirmed", "held", "released", "rejected")
        ),
        *((last, event) for last in ("rejected", "cancelled") for event in ("cancelled", "closed")),
        *(
            ("confirmed", "closed", event)
            for event in ("confirmed", "held", "released", "rejected", "cancelled", "closed")
        ),
    ],
)
def test_what_the_table_does_not_list_is_refused_and_changes_nothing(events: tuple[str, ...]) -> None:
    result, before = of(*events), of(*events[:-1])
    assert refusals(result) == [None] * (len(events) - 1) + ["not_allowed_from_state"]
    assert_frame_equal(result.orders, before.orders)
    assert order(result)["has_refused_fact"] is False


def test_the_table_of_transitions_is_one_of_the_rule_tables() -> None:
    validated(Transition, TRANSITIONS.cast(polars_schema(Transition)))


def test_an_order_is_confirmed_when_it_was_confirmed_first() -> None:
    assert hours(order(of("confirmed", "held", "released", "confirmed"))["confirmed_at"]) == 1
    assert order(of("held", "confirmed"))["confirmed_at"] is None


def test_a_whole_order_event_that_names_an_unknown_line_is_refused() -> None:
    result = of("confirmed 9", "note 9", "shipped 9", "in_transit 9", "cancelled 9")
    assert refusals(result) == ["unknown_line"] * 5
    assert order(result)["status"] == "received"
    assert order(result)["has_refused_fact"] is True


def test_an_administrative_event_that_names_a_line_means_the_order() -> None:
    assert order(of("confirmed 2", lines=(1, 1)))["status"] == "confirmed"


# --- Order of events


def test_at_equal_time_events_rank_as_the_contract_lists_them() -> None:
    result = of("cancelled 1 2 @1", "shipped 1 4 @1", "confirmed @1")
    assert result.timeline["event"].to_list() == ["confirmed", "shipped", "cancelled"]
    assert refusals(result) == [None, None, "more_than_possible"]


def test_at_equal_time_and_kind_the_event_id_decides() -> None:
    result = fold(orders("A"), order_lines(5), told("shipped 1 4 @1", "shipped 1 3 @1").reverse())
    assert result.timeline["event_id"].to_list() == ["A001", "A002"]
    assert refusals(result) == [None, "more_than_possible"]


def test_a_voided_event_stays_visible_and_counts_nowhere() -> None:
    result = of("confirmed", "shipped void", "shipped 1 2")
    assert refusals(result) == [None, "voided", None]
    assert line(result) == {"shipped": 2}
    assert order(result)["has_refused_fact"] is False
    assert result.effects["event_id"].to_list() == ["A003"]


# --- Facts and their numbers


def test_missing_steps_before_a_fact_are_allowed() -> None:
    result = of("shipped")
    assert line(result) == {"shipped": 5}
    assert order(result)["fulfilment"] == "shipped"
    assert order(result)["status"] == "received"


def test_a_returned_unit_is_counted_as_delivered_and_shipped_too() -> None:
    result = of("confirmed", "returned 1 2")
    assert line(result) == {"shipped": 2, "delivered": 2, "returned": 2}
    assert order(result)["fulfilment"] == "partly_returned"


def test_a_delivered_unit_is_counted_as_shipped_too() -> None:
    assert line(of("delivered 1 3")) == {"shipped": 3, "delivered": 3}


def test_a_late_shipped_is_absorbed_by_what_delivered_implied() -> None:
    result = of("delivered 1 3", "shipped 1 3", "shipped 1 2")
    assert refusals(result) == [None, None, None]
    assert line(result) == {"shipped": 5, "delivered": 3}


def test_a_late_open_shipped_after_delivered_is_absorbed() -> None:
    result = of("delivered", "shipped")
    assert refusals(result) == [None, None]
    assert line(result) == {"shipped": 5, "delivered": 5}


def test_a_late_delivered_is_absorbed_by_what_returned_implied() -> None:
    result = of("shipped", "returned 1 2", "delivered")
    assert refusals(result) == [None, None, None]
    assert line(result) == {"shipped": 5, "delivered": 5, "returned": 2}


def test_partial_shipments_add_up() -> None:
    result = of("shipped 1 2", "shipped 1 1", "shipped 1")
    assert result.effects["quantity"].to_list() == [2, 1, 2]
    assert line(result) == {"shipped": 5}


def test_an_open_event_of_the_whole_order_takes_what_is_left_of_every_line() -> None:
    result = of("shipped 1 2", "shipped", lines=(5, 3))
    assert result.effects.select("event_id", "line_no", "quantity").rows() == [
        ("A001", 1, 2),
        ("A002", 1, 3),
        ("A002", 2, 3),
    ]


def test_more_than_ordered_is_refused_whole_never_clipped() -> None:
    result = of("shipped 1 3", "shipped 1 3")
    assert refusals(result) == [None, "more_than_possible"]
    assert line(result) == {"shipped": 3}
    assert order(result)["has_refused_fact"] is True


def test_exactly_what_is_left_is_accepted() -> None:
    assert refusals(of("shipped 1 3", "shipped 1 2")) == [None, None]


@pytest.mark.parametrize("fact", ["allocated", "picked", "packed", "shipped", "delivered", "returned"])
def test_every_fact_has_its_own_limit(fact: str) -> None:
    assert refusals(of(f"{fact} 1 6")) == ["more_than_possible"]
    assert refusals(of(f"{fact} 1 5", f"{fact} 1 1")) == [None, "more_than_possible"]
    assert refusals(of(fact, fact)) == [None, "nothing_left"]


@pytest.mark.parametrize("fact", ["allocated", *FACTS])
def test_goods_that_moved_impossibly_stop_their_order_and_a_promise_of_stock_does_not(fact: str) -> None:
    too_much = "in_transit" if fact == "in_transit" else f"{fact} 1 6"
    refused = of("rejected", too_much) if fact == "in_transit" else of(too_much)
    assert refusals(refused)[-1] is not None
    assert refused.orders["has_refused_fact"].to_list() == [fact in FACTS]


def test_an_open_delivered_means_what_was_shipped() -> None:
    result = of("shipped 1 2", "delivered")
    assert line(result) == {"shipped": 2, "delivered": 2}
    assert refusals(of("shipped 1 2", "delivered", "delivered")) == [None, None, "nothing_left"]


def test_an_open_delivered_of_the_order_leaves_out_lines_that_were_not_shipped() -> None:
    result = of("shipped 1", "delivered", lines=(5, 3))
    assert line(result, 1) == {"shipped": 5, "delivered": 5}
    assert line(result, 2) == {}


def test_an_open_delivered_of_a_line_that_was_not_shipped_means_the_line() -> None:
    result = of("shipped 1", "delivered 2", lines=(5, 3))
    assert line(result, 2) == {"shipped": 3, "delivered": 3}


def test_an_open_delivered_without_any_shipment_means_all() -> None:
    assert line(of("delivered 1 1", "delivered")) == {"shipped": 5, "delivered": 5}


def test_an_open_returned_means_what_was_delivered_else_shipped_else_all() -> None:
    assert line(of("shipped 1 4", "delivered 1 3", "returned")) == {"shipped": 4, "delivered": 3, "returned": 3}
    assert line(of("shipped 1 4", "returned")) == {"shipped": 4, "delivered": 4, "returned": 4}
    assert line(of("returned")) == {"shipped": 5, "delivered": 5, "returned": 5}


def test_a_quantity_without_a_line_is_for_the_only_line() -> None:
    assert line(of("shipped - 2")) == {"shipped": 2}
    assert refusals(of("shipped - 6")) == ["more_than_possible"]


@pytest.mark.parametrize(
    ("subject", "hour", "blocks"),
    [("A", 1, True), ("A", 2, False), ("A001", 2, True), ("A002", 2, True), ("B", 9, True)],
)
def test_a_decision_lets_an_order_go_on_from_the_facts_it_knew_of(subject: str, hour: int, blocks: bool) -> None:
    result = of("shipped 1 9", "shipped 1 8", "shipped 1 5")
    decisions = pl.DataFrame({"subject_id": [subject], "decided_at": [ORDERED_AT + timedelta(hours=hour)]})
    assert let_go(result, decisions)["has_refused_fact"].to_list() == [blocks]
    assert let_go(result, decisions.clear())["has_refused_fact"].to_list() == [True]
    both = pl.DataFrame({"subject_id": ["A001", "A002"], "decided_at": [ORDERED_AT] * 2})
    assert let_go(result, both)["has_refused_fact"].to_list() == [False]


@pytest.mark.parametrize("fact", ["shipped", "cancelled"])
def test_a_quantity_without_a_line_on_several_lines_is_refused(fact: str) -> None:
    assert refusals(of(f"{fact} - 2", lines=(5, 3))) == ["quantity_without_line"]


def test_a_fact_of_an_order_without_lines_is_refused() -> None:
    result = of("shipped", "shipped - 2", "cancelled - 2", "in_transit", lines=())
    assert refusals(result) == ["nothing_left", "nothing_left", "nothing_left", None]


def test_facts_of_a_rejected_order_are_refused_and_information_is_not() -> None:
    result = of("rejected", "shipped", "in_transit", "packed 1 99", "note", "delivery_failed")
    assert refusals(result) == [None, "order_rejected", "order_rejected", "order_rejected", None, None]
    assert order(result)["has_refused_fact"] is True
    assert line(result) == {}


@pytest.mark.parametrize("before", [("held",), ("confirmed", "closed")])
def test_facts_of_an_order_on_hold_or_closed_are_accepted(before: tuple[str, ...]) -> None:
    result = of(*before, "shipped")
    assert refusals(result)[-1] is None
    assert line(result) == {"shipped": 5}


def test_what_is_picked_counts_as_allocated() -> None:
    assert line(of("allocated 1 1", "picked 1 3", "packed 1 2")) == {"allocated": 3, "picked": 3, "packed": 2}


def test_a_line_added_later_is_still_to_be_shipped() -> None:
    events = told("confirmed", "shipped @2 1", "shipped @2 2")
    before, after = (fold(orders("A"), order_lines(*lines), events) for lines in ((5,), (5, 3)))
    assert refusals(before) == [None, None, "unknown_line"]
    assert refusals(after) == [None, None, None]
    shipped_once = told("confirmed", "shipped 1")
    assert order(fold(orders("A"), order_lines(5), shipped_once))["fulfilment"] == "shipped"
    assert order(fold(orders("A"), order_lines(5, 3), shipped_once))["fulfilment"] == "partly_shipped"


# --- Cancelled


def test_cancelled_for_the_whole_order_cancels_what_is_not_shipped() -> None:
    result = of("confirmed", "shipped 1 2", "cancelled", lines=(5, 3))
    assert line(result, 1) == {"cancelled": 3, "shipped": 2}
    assert line(result, 2) == {"cancelled": 3}
    assert order(result)["status"] == "confirmed"
    assert order(result)["cancelled_at"] is None
    assert order(result)["fulfilment"] == "shipped"
    assert hours(order(result)["shipped_at"]) == 2


def test_an_order_is_cancelled_with_its_last_unit() -> None:
    result = of("confirmed", "cancelled 1", "cancelled 2 2", "cancelled 2 1", lines=(5, 3))
    assert order(result)["status"] == "cancelled"
    assert hours(order(result)["cancelled_at"]) == 4
    assert order(of("confirmed", "cancelled 1", "cancelled 2 2", lines=(5, 3)))["status"] == "confirmed"


def test_more_cannot_be_cancelled_than_is_not_shipped() -> None:
    assert refusals(of("shipped 1 2", "cancelled 1 4")) == [None, "more_than_possible"]
    assert refusals(of("shipped 1 2", "cancelled 1 3")) == [None, None]
    assert refusals(of("delivered 1 2", "cancelled 1 4")) == [None, "more_than_possible"]
    assert refusals(of("shipped", "cancelled")) == [None, "nothing_left"]


def test_what_is_cancelled_cannot_be_shipped() -> None:
    result = of("cancelled 1 2", "shipped 1 4", "shipped 1 3")
    assert refusals(result) == [None, "more_than_possible", None]
    assert refusals(of("cancelled", "shipped")) == [None, "nothing_left"]


def test_a_refused_cancellation_is_no_refused_fact() -> None:
    assert order(of("shipped", "cancelled"))["has_refused_fact"] is False


def test_an_order_without_lines_is_cancelled_at_once() -> None:
    result = of("cancelled", "cancelled", lines=())
    assert refusals(result) == [None, "not_allowed_from_state"]
    assert order(result)["status"] == "cancelled"
    assert hours(order(result)["cancelled_at"]) == 1


# --- Fulfilment and moments


@pytest.mark.parametrize(
    ("events", "fulfilment"),
    [
        ((), "none"),
        (("confirmed",), "none"),
        (("allocated 1 1",), "allocated"),
        (("picked 1 1",), "allocated"),
        (("packed 1 1",), "allocated"),
        (("shipped 1",), "partly_shipped"),
        (("shipped",), "shipped"),
        (("shipped", "delivered 1 4"), "partly_delivered"),
        (("delivered",), "delivered"),
        (("delivered", "returned 2 1"), "partly_returned"),
        (("returned",), "returned"),
        (("shipped 1", "cancelled 2"), "shipped"),
        (("cancelled",), "none"),
        (("picked 1 1", "cancelled"), "allocated"),
    ],
)
def test_the_fulfilment_axis_names_the_furthest_of_all_lines(events: tuple[str, ...], fulfilment: str) -> None:
    assert order(of(*events, lines=(5, 3)))["fulfilment"] == fulfilment


def test_an_order_is_shipped_at_its_last_shipment_once_all_is_shipped() -> None:
    assert order(of("shipped 1 2"))["shipped_at"] is None
    assert hours(order(of("shipped 1 2", "shipped 1 3", "delivered"))["shipped_at"]) == 2
    assert hours(order(of("shipped 1 2", "shipped 1 3", "delivered"))["delivered_at"]) == 3
    assert hours(order(of("shipped 1 2", "delivered 1 5", "shipped"))["shipped_at"]) == 2


def test_what_came_back_was_shipped_and_delivered_by_then() -> None:
    assert hours(order(of("returned 1 5"))["shipped_at"]) == 1
    assert hours(order(of("shipped", "returned 1 5"))["delivered_at"]) == 2
    assert order(of("shipped", "returned 1 4"))["delivered_at"] is None


# --- Anomalies


@pytest.mark.parametrize(
    ("events", "strange"),
    [
        (("confirmed", "shipped", "delivered", "returned"), {}),
        (("shipped", "confirmed"), {0: "shipped_before_confirmed"}),
        (("shipped", "delivered", "confirmed"), {0: "shipped_before_confirmed", 1: "delivered_before_confirmed"}),
        (("confirmed", "delivered", "shipped"), {1: "delivered_before_shipped"}),
        (("note @-1", "note @-1"), {0: "event_before_ordered"}),
        (("note @0",), {}),
        (("delivered 1 1", "delivered 1 1"), {0: "delivered_without_shipped"}),
        (("shipped", "returned 1 1", "returned 1 1"), {1: "returned_without_delivered"}),
        (("held", "shipped 1 1", "shipped 1 1"), {1: "shipped_on_hold"}),
        (("held", "released", "shipped"), {}),
        (("shipped 1 1", "delivered 1 1", "shipped 1 1"), {}),
    ],
)
def test_strange_orders_of_facts_are_accepted_and_flagged_once(
    events: tuple[str, ...], strange: dict[int, str]
) -> None:
    result = of(*events)
    assert refusals(result) == [None] * len(events)
    assert anomalies(result) == [strange.get(place) for place in range(len(events))]


def test_every_anomaly_is_shown_somewhere_here() -> None:
    cases = test_strange_orders_of_facts_are_accepted_and_flagged_once.pytestmark[0].args[1]  # type: ignore[attr-defined]
    assert {kind for _, strange in cases for kind in strange.values()} == set(ANOMALIES)


def test_anomalies_compare_the_feeds_events_only() -> None:
    assert anomalies(of("shipped", "confirmed night")) == [None, None]
    assert anomalies(of("note night @-1")) == [None]


def test_a_gates_hold_never_makes_an_anomaly() -> None:
    assert anomalies(of("held night", "shipped")) == [None, None]
    assert anomalies(of("held", "released", "held night", "shipped")) == [None] * 4


def test_anomalies_compare_accepted_events_only() -> None:
    assert anomalies(of("shipped 1 9", "confirmed")) == [None, None]
    assert anomalies(of("shipped void", "confirmed")) == [None, None]


def test_a_second_anomaly_shows_on_the_next_event_that_shows_it() -> None:
    assert anomalies(of("shipped 1 1 @-2", "shipped 1 1 @-1", "confirmed")) == [
        "shipped_before_confirmed",
        "event_before_ordered",
        None,
    ]


# --- The frames


def test_nothing_in_nothing_out() -> None:
    result = fold(orders(), order_lines(), told())
    assert [len(part) for part in result] == [0, 0, 0, 0]
    validated(TimelineEntry, result.timeline)


def test_the_timeline_keeps_the_words_of_accepted_events_and_says_why_others_were_refused() -> None:
    events = frame(
        "event_id | line_no | event | occurred_at | quantity | reason | location_id | carrier | tracking_no |is_voided",
        "1 |  | shipped | 2024-05-02T10:00:00 | 2 | in a hurry | WH | DHL | JD1 | false",
        "2 |  | shipped | 2024-05-02T11:00:00 | 9 | in a hurry | WH | DHL | JD2 | false",
        schema=EVENT_TYPES,
    ).with_columns(order_id=pl.lit("A"), source=pl.lit("feed"))
    timeline = fold(orders("A"), order_lines(5), events).timeline
    expected = frame(
        "event_id | quantity | is_accepted | reason | location_id | carrier | tracking_no | source",
        "1 | 2 | true | in a hurry | WH | DHL | JD1 | feed",
        "2 | 9 | false | more_than_possible | WH | DHL | JD2 | feed",
        schema={"event_id": pl.String, "is_accepted": pl.Boolean},
    )
    assert_frame_equal(timeline.select(expected.columns), expected)
    validated(TimelineEntry, timeline)


def test_effects_are_the_units_accepted_events_told_of_each_line() -> None:
    result = of(
        "confirmed", "packed", "shipped 1 2", "cancelled", "delivered", "returned 1 9", "returned", lines=(5, 3)
    )
    assert result.effects.select("event", "line_no", "quantity").rows() == [
        ("shipped", 1, 2),
        ("cancelled", 1, 3),
        ("cancelled", 2, 3),
        ("delivered", 1, 2),
        ("returned", 1, 2),
    ]


def test_orders_are_kept_apart_and_sorted() -> None:
    lines = pl.concat([order_lines(5, order_id="B"), order_lines(3, order_id="A")])
    events = pl.concat([told("shipped", order_id="B"), told("confirmed", order_id="A")])
    result = fold(orders("B", "A", "C"), lines, events)
    assert result.orders.select("order_id", "status", "fulfilment").rows() == [
        ("A", "confirmed", "none"),
        ("B", "received", "shipped"),
        ("C", "received", "none"),
    ]


def test_an_order_with_very_many_events_is_folded_the_same() -> None:
    single = ["shipped 1 1", "delivered 1 1", "returned 1 1"] * LONG
    events = told("confirmed", *single, "shipped 1 1", "note")
    result = fold(
        orders("A", "B"),
        pl.concat([order_lines(LONG), order_lines(2, order_id="B")]),
        pl.concat([events, told("shipped", order_id="B")]),
    )
    assert refusals(result)[-3:] == ["more_than_possible", None, None]
    assert line(Folded(*(part.filter(pl.col("order_id") == "A") for part in result))) == {
        "shipped": LONG,
        "delivered": LONG,
        "returned": LONG,
    }
    assert result.orders["fulfilment"].to_list() == ["returned", "shipped"]


# --- Invariants


@pytest.mark.parametrize(
    ("numbers", "broken"),
    [
        ("5 | 2 | 3 | 3 | 3 | 3 | 3 | 3", None),
        ("5 | 6 | 0 | 0 | 0 | 0 | 0 | 0", "cancelled <= ordered"),
        ("5 | -1 | 0 | 0 | 0 | 0 | 0 | 0", "0 <= cancelled"),
        ("5 | 2 | 0 | 0 | 0 | 4 | 0 | 0", "shipped <= ordered - cancelled"),
        ("5 | 0 | 0 | 0 | 0 | 1 | 2 | 0", "delivered <= shipped"),
        ("5 | 0 | 0 | 0 | 0 | 2 | 1 | 2", "returned <= delivered"),
        ("5 | 0 | 0 | 0 | 0 | 2 | 1 | -1", "0 <= returned"),
        ("5 | 0 | 1 | 2 | 0 | 0 | 0 | 0", "0 <= picked <= allocated"),
        ("5 | 0 | 6 | 0 | 0 | 0 | 0 | 0", "allocated <= ordered"),
        ("5 | 0 | 0 | 0 | 6 | 0 | 0 | 0", "0 <= packed <= ordered"),
    ],
)
def test_numbers_that_cannot_be_are_found(numbers: str, broken: str | None) -> None:
    header = "order_id | line_no | quantity | cancelled | allocated | picked | packed | shipped | delivered | returned"
    found = broken_numbers(frame(header, f"A | 1 | {numbers}"))
    assert found["broken"].to_list() == ([] if broken is None else [broken])


def test_units_that_no_event_told_are_found() -> None:
    result = of("delivered", "returned 1 2")
    assert unexplained(result.lines, result.effects).is_empty()
    found = unexplained(result.lines.with_columns(returned=3), result.effects)
    assert found.rows() == [("A", 1, "returned", 3, 2)]


# --- Any order, any events


@st.composite
def shops(draw: st.DrawFn) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """A few orders with a few lines and any events, possible or not."""
    order_ids = [f"O{number}" for number in range(draw(st.integers(1, 4)))]
    lines = [
        (order_id, line_no, draw(st.integers(1, 4)))
        for order_id in order_ids
        for line_no in draw(st.sets(st.integers(1, 4), max_size=3))
    ]
    kinds = st.sampled_from(
        (*EVENTS, "confirmed", "shipped", "shipped", "delivered", "delivered", "returned", "cancelled")
    )
    event = st.tuples(
        st.sampled_from(order_ids),
        st.none() | st.integers(0, 4),
        kinds,
        st.integers(-1, 8),
        st.none() | st.integers(1, 4),
        st.sampled_from(("feed", "feed", "night")),
        st.sampled_from((False, False, False, False, True)),
    )
    events = [
        {
            "event_id": f"E{number}",
            "order_id": order_id,
            "line_no": line_no,
            "event": kind,
            "occurred_at": ORDERED_AT + timedelta(hours=hour),
            "quantity": quantity,
            "source": source,
            "is_voided": is_voided,
        }
        for number, (order_id, line_no, kind, hour, quantity, source, is_voided) in enumerate(
            draw(st.lists(event, max_size=30))
        )
    ]
    schema = {"order_id": pl.String, "line_no": pl.Int64, "quantity": pl.Int64}
    return orders(*order_ids), pl.DataFrame(lines, schema, orient="row"), pl.DataFrame(events, EVENT_TYPES)


Shop = tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]


def oracle_of_anomalies(timeline: pl.DataFrame) -> dict[str, set[str]]:
    """Of each order the anomalies that need no knowledge of holds, said once more in plain words."""
    kinds: dict[str, set[str]] = {}
    entries = timeline.filter(pl.col("is_accepted") & (pl.col("source") == "feed"))
    for order_id, entry in entries.partition_by("order_id", as_dict=True, maintain_order=True).items():
        events = entry["event"].to_list()
        first = {event: events.index(event) for event in set(events)}
        found = set()
        for fact, other in (("shipped", "confirmed"), ("delivered", "confirmed"), ("delivered", "shipped")):
            if fact in first and first[fact] < first.get(other, -1):
                found.add(f"{fact}_before_{other}")
        for fact, other in (("delivered", "shipped"), ("returned", "delivered")):
            if fact in first and other not in first:
                found.add(f"{fact}_without_{other}")
        if entry["occurred_at"].min() < ORDERED_AT:  # type: ignore[operator]
            found.add("event_before_ordered")
        kinds[str(order_id[0])] = found
    return kinds


@settings(max_examples=250, deadline=None)
@given(shops())
def test_both_paths_give_the_same_rows_and_possible_numbers(shop: Shop) -> None:
    given_orders, lines, events = shop
    result = fold(given_orders, lines, events)
    assert len(result.orders) == len(given_orders)
    assert len(result.lines) == len(lines)
    assert sorted(result.timeline["event_id"]) == sorted(events["event_id"])
    with_ordered = lines.join(result.lines, on=["order_id", "line_no"], validate="1:1")
    assert broken_numbers(with_ordered).is_empty()
    assert unexplained(result.lines, result.effects).is_empty()
    assert set(result.effects["event"]) <= set(EFFECTS)
    whole = with_ordered.group_by("order_id").agg(whole=(pl.col("cancelled") == pl.col("quantity")).all())
    states = result.orders.join(whole, on="order_id")
    assert states.filter((pl.col("status") == "cancelled") != pl.col("whole")).is_empty()


@settings(max_examples=60, deadline=None)
@given(shops())
def test_each_anomaly_is_shown_once_per_order_on_an_accepted_event_of_the_feed(shop: Shop) -> None:
    timeline = fold(*shop).timeline
    shown = timeline.filter(pl.col("anomaly").is_not_null())
    assert shown["is_accepted"].all()
    assert (shown["source"] == "feed").all()
    assert not shown.select("order_id", "anomaly").is_duplicated().any()
    possible = oracle_of_anomalies(timeline)
    for order_id, anomaly in shown.select("order_id", "anomaly").rows():
        assert anomaly in possible[order_id] | {"shipped_on_hold"}
    strange = {order_id for order_id, kinds in possible.items() if kinds}
    assert strange <= set(shown["order_id"])


@settings(max_examples=60, deadline=None)
@given(shops(), st.integers(0, 1000))
def test_the_order_in_which_rows_arrive_does_not_matter(shop: Shop, seed: int) -> None:
    rows, lines, events = (part.sample(fraction=1, shuffle=True, seed=seed) for part in shop)
    for part, same in zip(folded(rows, lines, events, TRANSITIONS), folded(*shop, TRANSITIONS), strict=True):
        assert_frame_equal(part, same)


@settings(max_examples=60, deadline=None)
@given(shops())
def test_orders_folded_in_parts_give_the_rows_of_the_whole(shop: Shop) -> None:
    whole = folded(*shop, TRANSITIONS)
    parts = []
    for order_id in sorted(shop[0]["order_id"]):
        one, lines, events = (part.filter(pl.col("order_id") == order_id) for part in shop)
        parts.append(folded(one, lines, events, TRANSITIONS))
    for name in Folded._fields:
        assert_frame_equal(pl.concat([getattr(part, name) for part in parts]), getattr(whole, name))


@settings(max_examples=60, deadline=None)
@given(shops(), st.integers(0, 30))
def test_late_events_over_several_nights_end_where_one_night_over_all_does(shop: Shop, known: int) -> None:
    given_orders, lines, events = shop
    first_night = folded(given_orders, lines, events.head(known), TRANSITIONS).timeline
    told_then = events.filter(pl.col("event_id").is_in(first_night["event_id"].implode()))
    second_night = pl.concat([events.tail(max(len(events) - known, 0)), told_then])
    for part, same in zip(folded(given_orders, lines, second_night, TRANSITIONS), fold(*shop), strict=True):
        assert_frame_equal(part, same)
