"""The gates: what they find, what follows, and that an order past them is never held."""

from datetime import UTC, date, datetime

import polars as pl
import pytest

from models.rules.entry import Entered, entered, findings, severities
from models.tables.base import empty
from models.tables.entry import OrderFinding
from models.tables.rules import Channel, Gate
from tests.builders import frame

NIGHT = date(2026, 1, 5)
END = datetime(2026, 1, 5, 23, 59, 59, 999999, tzinfo=UTC)
GATES = frame(
    "gate | severity | limit | valid_from",
    "no_lines | reject | | ",
    "unknown_currency | reject | | ",
    "unknown_sku | hold | | ",
    "unknown_customer | hold | | ",
    schema=Gate,
)
CHANNELS = frame(
    "channel | handed_over_at_sale | gates | billing | prices_include_tax",
    "online | false | all | on_confirmation | ",
    "store | true | warn | none | ",
    "agent | false | all | on_confirmation | ",
    schema=Channel,
)
SKUS, CUSTOMERS = frame("sku", "A"), frame("customer_id", "c1")


def found(orders: pl.DataFrame, lines: pl.DataFrame) -> list[tuple[object, ...]]:
    rows = findings(orders, lines, SKUS, CUSTOMERS, GATES, CHANNELS, NIGHT)
    return rows.select("order_id", "line_no", "gate", "severity").rows()


def test_each_gate_finds_what_it_is_for() -> None:
    orders = frame(
        "order_id | channel | customer_id | currency",
        "fine | online | c1 | EUR",
        "empty | online | c1 | EUR",
        "odd | online | c1 | XQX",
        "who | agent | c2 | EUR",
        "nobody | online | | EUR",
        "what | online | c1 | EUR",
    )
    lines = frame(
        "order_id | line_no | sku",
        "fine | 1 | A",
        "odd | 1 | A",
        "who | 1 | A",
        "nobody | 1 | A",
        "what | 1 | A",
        "what | 2 | Z",
    )
    assert found(orders, lines) == [
        ("empty", None, "no_lines", "reject"),
        ("nobody", None, "unknown_customer", "hold"),
        ("odd", None, "unknown_currency", "reject"),
        ("what", 2, "unknown_sku", "hold"),
        ("who", None, "unknown_customer", "hold"),
    ]


def test_findings_of_a_store_sale_only_warn_and_it_needs_no_customer() -> None:
    orders = frame("order_id | channel | customer_id | currency", "s1 | store | | EUR", "s2 | store | c9 | EUR")
    lines = frame("order_id | line_no | sku", "s1 | 1 | Z", "s2 | 1 | A")
    assert found(orders, lines) == [("s1", 1, "unknown_sku", "warn"), ("s2", None, "unknown_customer", "warn")]


def test_of_several_rows_of_a_gate_the_one_that_began_last_holds() -> None:
    gates = frame(
        "gate | severity | limit | valid_from",
        "g | hold | | ",
        "g | warn | | 2026-01-05",
        "g | off | | 2026-01-06",
        schema=Gate,
    )
    assert severities(gates, date(2026, 1, 4))["severity"].to_list() == ["hold"]
    assert severities(gates, date(2026, 1, 5))["severity"].to_list() == ["warn"]
    assert severities(gates, date(2026, 1, 6)).is_empty()


def judged(*rows: str, is_ended: bool = False) -> pl.DataFrame:
    drawn = frame(
        "order_id | ordered_at | is_past_gates | is_confirmed_by_feed | is_released",
        *rows,
        schema={
            "order_id": pl.String,
            "ordered_at": pl.Datetime("us", "UTC"),
            "is_past_gates": pl.Boolean,
            "is_confirmed_by_feed": pl.Boolean,
            "is_released": pl.Boolean,
        },
    )
    return drawn.with_columns(is_ended=pl.lit(is_ended))


def finding(*rows: str) -> pl.DataFrame:
    return frame(
        "order_id | line_no | gate | severity | facts | is_open | as_of | closed_on", *rows, schema=OrderFinding
    )


def events(outcome: Entered) -> list[tuple[object, ...]]:
    return outcome.events.select("event_id", pl.col("occurred_at").dt.to_string("%m-%d %H:%M"), "reason").rows()


PLAIN = "o1 | 2026-01-05T10:00:00 | false | false | false"
HELD = "o1 | | unknown_sku | hold | X is unknown | true | 2026-01-05 | "
HELD_BEFORE = "o1 | | unknown_sku | hold | X is unknown | true | 2026-01-03 | "
NONE = empty(OrderFinding)


def test_an_order_with_nothing_against_it_is_confirmed_as_of_its_placing() -> None:
    outcome = entered(judged(PLAIN), NONE, NONE, NIGHT, END, auto_confirm=True)
    assert events(outcome) == [("o1:confirmed", "01-05 10:00", None)]


def test_without_automatic_confirmation_nothing_is_decided() -> None:
    assert events(entered(judged(PLAIN), NONE, NONE, NIGHT, END, auto_confirm=False)) == []


def test_a_warning_lets_it_through() -> None:
    warned = finding(HELD.replace("hold", "warn"))
    outcome = entered(judged(PLAIN), warned, NONE, NIGHT, END, auto_confirm=True)
    assert events(outcome) == [("o1:confirmed", "01-05 10:00", None)]
    assert outcome.findings["is_open"].to_list() == [True]


def test_a_finding_holds_the_order_from_its_placing_on() -> None:
    outcome = entered(judged(PLAIN), finding(HELD), NONE, NIGHT, END, auto_confirm=True)
    assert events(outcome) == [("o1:held", "01-05 10:00", "unknown_sku")]


def test_when_the_last_finding_is_gone_it_is_released_and_confirmed_at_the_end_of_that_night() -> None:
    outcome = entered(judged(PLAIN), NONE, finding(HELD_BEFORE), NIGHT, END, auto_confirm=True)
    assert [event for event, *_ in events(outcome)] == ["o1:confirmed", "o1:held", "o1:released"]
    assert events(outcome)[0] == ("o1:confirmed", "01-05 23:59", None)
    assert outcome.findings.select("is_open", "as_of", "closed_on").rows() == [(False, date(2026, 1, 3), NIGHT)]


def test_a_release_waives_a_hold() -> None:
    released = PLAIN.removesuffix("false") + "true"
    outcome = entered(judged(released), finding(HELD), NONE, NIGHT, END, auto_confirm=True)
    assert [event for event, *_ in events(outcome)] == ["o1:confirmed", "o1:held"]
    assert outcome.findings["is_open"].to_list() == [False]


@pytest.mark.parametrize("severity", ["hold", "reject"])
def test_an_order_that_ended_while_it_was_held_is_not_confirmed_when_the_finding_is_gone(severity: str) -> None:
    before = finding(HELD_BEFORE.replace("hold", severity))
    outcome = entered(judged(PLAIN, is_ended=True), NONE, before, NIGHT, END, auto_confirm=True)
    assert "o1:confirmed" not in outcome.events["event_id"]
    assert "o1:released" not in outcome.events["event_id"]
    assert outcome.findings.select("is_open", "closed_on").rows() == [(False, NIGHT)]


def test_an_order_that_ended_is_not_confirmed_by_a_release() -> None:
    released = PLAIN.removesuffix("false") + "true"
    outcome = entered(judged(released, is_ended=True), finding(HELD), NONE, NIGHT, END, auto_confirm=True)
    assert [event for event, *_ in events(outcome)] == ["o1:held"]


def test_an_order_that_nothing_held_was_confirmed_before_it_ended() -> None:
    outcome = entered(judged(PLAIN, is_ended=True), NONE, NONE, NIGHT, END, auto_confirm=True)
    assert events(outcome) == [("o1:confirmed", "01-05 10:00", None)]


def test_a_release_does_not_lift_a_rejection() -> None:
    released = PLAIN.removesuffix("false") + "true"
    outcome = entered(judged(released), finding(HELD.replace("hold", "reject")), NONE, NIGHT, END, auto_confirm=True)
    assert [event for event, *_ in events(outcome)] == ["o1:rejected"]


@pytest.mark.parametrize(("is_told", "expected"), [("true", []), ("false", [("o1:confirmed", "01-05 10:00", None)])])
def test_an_order_past_the_gates_is_held_by_nothing(is_told: str, expected: list[object]) -> None:
    past = f"o1 | 2026-01-05T10:00:00 | true | {is_told} | false"
    outcome = entered(judged(past), finding(HELD), finding(HELD_BEFORE), NIGHT, END, auto_confirm=True)
    assert events(outcome) == expected
    assert outcome.findings.select("is_open", "as_of").rows() == [(True, date(2026, 1, 3))]


def test_nothing_in_nothing_out() -> None:
    outcome = entered(judged(), NONE, NONE, NIGHT, END, auto_confirm=True)
    assert outcome.events.is_empty()
    assert outcome.findings.is_empty()
