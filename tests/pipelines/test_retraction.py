"""A retracted file counts nowhere, the corrected one counts in its place, and nothing that was set aside for it is lost."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pytest

from pipelines.intake import RETRACTED
from pipelines.nightly import nightly, replay
from pipelines.rebuild import rebuild
from pipelines.stages import STAGES
from pipelines.warehouse import Warehouse
from pipelines.workspace import Workspace
from tests.shops import (
    BILLED_BY_NIGHT,
    DECIDED_BY_NIGHT,
    SETTINGS,
    assert_same,
    contents,
    day,
    drawn,
    land,
    query,
    shop,
    small_shop,
)

EVENTS = "event_id | order_id | line_no | event | occurred_at | quantity"
DECISIONS = "decision_id | subject | subject_id | action | decided_by | decided_at"
FAULTY = (
    EVENTS,
    "e1 | o1 | | shipped | 2026-01-01T12:00:00Z |",
    "e2 | o1 | | cancelled | 2026-01-01T13:00:00Z |",
    "e3 | o1 | | note | 2026-01-01T14:00:00Z |",
)
CORRECTED = (
    EVENTS,
    "e1 | o1 | | shipped | 2026-01-01T12:00:00Z |",
    "e2 | o2 | | cancelled | 2026-01-01T13:00:00Z |",
)
FAULTY_ID = hashlib.sha256(drawn(*FAULTY).encode()).hexdigest()


@pytest.fixture
def two_orders(tmp_path: Path) -> Workspace:
    """A shop with two orders of its first day."""
    return opened(tmp_path / "shop")


def opened(root: Path) -> Workspace:
    found = shop(root, SETTINGS)
    lands(found, "products", "p.csv", "sku | name | unit_price", "A | Apple | 2")
    lands(found, "customers", "c.csv", "customer_id | country", "c1 | GB")
    header = "order_id | channel | customer_id | ordered_at | currency"
    orders = [f"o{number} | online | c1 | 2026-01-01T10:00:00Z | GBP" for number in (1, 2)]
    lands(found, "orders", "o.csv", header, *orders)
    lines = [f"o{number} | 1 | A | 3 | 2" for number in (1, 2)]
    lands(found, "order_lines", "l.csv", "order_id | line_no | sku | quantity | unit_price", *lines)
    return found


def lands(found: Workspace, feed: str, name: str, *lines: str) -> None:
    """Drop a file, long ago: nobody need look twice whether it still grows."""
    land(found, feed, name, *lines)


def faulty(found: Workspace) -> None:
    lands(found, "order_events", "events.csv", *FAULTY)


def corrected(found: Workspace) -> None:
    lands(found, "order_events", "events.csv", *CORRECTED)


def by_name(found: Workspace) -> None:
    lands(found, "decisions", "d.csv", DECISIONS, "d1 | file | events.csv | retract | ann | 2026-01-02T08:00:00Z")


def by_id(found: Workspace) -> None:
    lands(found, "decisions", "d.csv", DECISIONS, f"d1 | file | {FAULTY_ID} | retract | ann | 2026-01-02T08:00:00Z")


def files(found: Workspace) -> list[tuple[object, ...]]:
    """Records in, accepted, rejected, duplicate of each file of events."""
    return query(
        found,
        """SELECT rows_in::INT, accepted::INT, rejected::INT, duplicates::INT FROM feed_files
           WHERE feed = 'order_events' ORDER BY file_sequence""",
    )


def timeline(found: Workspace) -> list[tuple[object, ...]]:
    return query(
        found, "SELECT event_id, order_id, is_accepted FROM order_timeline WHERE source = 'feed' ORDER BY event_id"
    )


ARRIVALS = {
    "retracted, then corrected": ([faulty], [by_id], [corrected]),
    "corrected, then retracted": ([faulty], [corrected], [by_id]),
    "by name, both together": ([faulty], [by_name, corrected]),
    "by name, corrected first": ([faulty], [corrected], [by_name]),
    "by name before it came": ([by_name], [faulty], [corrected]),
    "by name in the night it came": ([faulty, by_name], [corrected]),
}


@pytest.mark.parametrize("arrivals", ARRIVALS.values(), ids=ARRIVALS.keys())
def test_a_corrected_file_counts_whenever_the_retraction_comes(
    two_orders: Workspace, arrivals: Sequence[Sequence[object]]
) -> None:
    for number, landing in enumerate(arrivals, 1):
        for drop in landing:
            drop(two_orders)  # type: ignore[operator]
        assert nightly(two_orders, day(f"2026-01-0{number}")).is_green
    assert timeline(two_orders) == [("e1", "o1", True), ("e2", "o2", True), ("e3", "o1", False)]
    assert files(two_orders) == [(3, 3, 0, 0), (2, 2, 0, 0)]
    assert query(two_orders, "SELECT count(*) FROM rejected_rows") == [(0,)]
    assert query(two_orders, "SELECT order_id, status, fulfilment FROM orders ORDER BY order_id") == [
        ("o1", "confirmed", "shipped"),
        ("o2", "cancelled", "none"),
    ]


def test_the_same_bytes_sent_again_after_their_retraction_are_told_to_count_no_more(two_orders: Workspace) -> None:
    faulty(two_orders)
    nightly(two_orders, day("2026-01-01"))
    by_id(two_orders)
    nightly(two_orders, day("2026-01-02"))
    said: list[str] = []
    faulty(two_orders)
    lands(two_orders, "order_events", "again.csv", *FAULTY)
    assert nightly(two_orders, day("2026-01-03"), said.append).is_green
    assert [line.split(" counts")[0] for line in said if RETRACTED in line] == [
        "order_events/again.csv",
        "order_events/events.csv",
    ]
    assert query(two_orders, "SELECT status, reason FROM feed_files WHERE name = 'again.csv'") == [
        ("duplicate", RETRACTED)
    ]


def test_until_the_day_of_the_retraction_the_first_file_counts(two_orders: Workspace) -> None:
    faulty(two_orders)
    nightly(two_orders, day("2026-01-01"))
    corrected(two_orders)
    by_id(two_orders)
    nightly(two_orders, day("2026-01-01"))
    assert files(two_orders) == [(3, 3, 0, 0), (2, 0, 1, 1)]
    assert query(two_orders, "SELECT len(reasons), reasons[1][:27] FROM rejected_rows") == [
        (1, "event_id: key_conflict: e2 ")
    ]
    nightly(two_orders, day("2026-01-02"))
    assert files(two_orders) == [(3, 3, 0, 0), (2, 2, 0, 0)]


def test_what_contradicts_another_file_once_the_first_is_retracted_says_which(two_orders: Workspace) -> None:
    faulty(two_orders)
    nightly(two_orders, day("2026-01-01"))
    lands(two_orders, "order_events", "two.csv", EVENTS, "e2 | o2 | | note | 2026-01-01T13:00:00Z |")
    lands(two_orders, "order_events", "zwei.csv", *FAULTY[:3])
    nightly(two_orders, day("2026-01-01"))
    assert files(two_orders) == [(3, 3, 0, 0), (1, 0, 1, 0), (2, 0, 0, 2)]
    by_id(two_orders)
    assert nightly(two_orders, day("2026-01-02")).is_green
    assert files(two_orders) == [(3, 3, 0, 0), (1, 1, 0, 0), (2, 1, 1, 0)]
    other = hashlib.sha256(drawn(EVENTS, "e2 | o2 | | note | 2026-01-01T13:00:00Z |").encode()).hexdigest()
    assert query(two_orders, "SELECT record_number, raw, reasons FROM rejected_rows") == [
        (
            2,
            "e2,o1,,cancelled,2026-01-01T13:00:00Z,",
            [f"event_id: key_conflict: e2 was used before with other content, by record 1 of file {other[:12]}"],
        )
    ]


def test_a_corrected_price_list_counts_where_it_says_the_same(two_orders: Workspace) -> None:
    nightly(two_orders, day("2026-01-01"))
    lands(two_orders, "products", "list.csv", "sku | name | unit_price", "A | Apple | 2", "B | Bear | 3")
    nightly(two_orders, day("2026-01-01"))
    decision = "d1 | file | p.csv | retract | ann | 2026-01-02T08:00:00Z"
    lands(two_orders, "decisions", "d.csv", DECISIONS, decision)
    assert nightly(two_orders, day("2026-01-02")).is_green
    assert query(two_orders, "SELECT sku, name FROM products ORDER BY sku") == [("A", "Apple"), ("B", "Bear")]
    assert query(two_orders, "SELECT name, duplicates::INT FROM feed_files WHERE feed = 'products'") == [
        ("p.csv", 0),
        ("list.csv", 0),
    ]


def test_a_retraction_that_is_taken_back_leaves_everything_as_it_was(two_orders: Workspace) -> None:
    faulty(two_orders)
    nightly(two_orders, day("2026-01-01"))
    corrected(two_orders)
    nightly(two_orders, day("2026-01-02"))
    before = contents(two_orders)
    by_id(two_orders)
    nightly(two_orders, day("2026-01-03"))
    assert timeline(two_orders)[1] == ("e2", "o2", True)
    lands(two_orders, "decisions", "e.csv", DECISIONS, "d2 | file | d.csv | retract | ann | 2026-01-04T08:00:00Z")
    assert nightly(two_orders, day("2026-01-04")).is_green
    assert files(two_orders) == [(3, 3, 0, 0), (2, 0, 1, 1)]
    after = contents(two_orders)
    for name in ("orders", "order_lines", "order_timeline", "rejected_rows", "order_events_feed", "line_effects"):
        assert_same({name: before[name]}, {name: after[name]}, DECIDED_BY_NIGHT)


def test_a_retraction_taken_back_in_the_same_night_leaves_an_order_where_it_was(two_orders: Workspace) -> None:
    nightly(two_orders, day("2026-01-01"))
    lands(two_orders, "decisions", "d.csv", DECISIONS, "d1 | file | o.csv | retract | ann | 2026-01-02T08:00:00Z")
    assert nightly(two_orders, day("2026-01-02")).is_green
    assert query(two_orders, "SELECT count(*) FROM orders") == [(0,)]
    lands(two_orders, "decisions", "e.csv", DECISIONS, "d2 | file | d.csv | retract | ann | 2026-01-02T09:00:00Z")
    assert nightly(two_orders, day("2026-01-02")).is_green
    assert query(two_orders, "SELECT order_id, status FROM orders ORDER BY order_id") == [
        ("o1", "confirmed"),
        ("o2", "confirmed"),
    ]


def test_a_name_that_two_files_have_retracts_none_and_a_person_is_asked(two_orders: Workspace) -> None:
    faulty(two_orders)
    nightly(two_orders, day("2026-01-01"))
    corrected(two_orders)
    nightly(two_orders, day("2026-01-02"))
    decision = "d1 | file | events.csv | retract | ann | 2026-01-03T08:00:00Z"
    lands(two_orders, "decisions", "d.csv", DECISIONS, decision)
    nightly(two_orders, day("2026-01-03"))
    assert files(two_orders) == [(3, 3, 0, 0), (2, 0, 1, 1)]
    sentences = "SELECT sentence FROM attention WHERE kind = 'unclear_retraction' AND as_of = '{}'"
    assert query(two_orders, sentences.format("2026-01-03")) == [
        (
            "Nothing is retracted by decision d1: 2 files are named events.csv; decide again with the file_id of the one.",
        )
    ]
    decision = f"d2 | file | {FAULTY_ID} | retract | ann | 2026-01-04T08:00:00Z"
    lands(two_orders, "decisions", "e.csv", DECISIONS, decision)
    nightly(two_orders, day("2026-01-04"))
    assert files(two_orders) == [(3, 3, 0, 0), (2, 2, 0, 0)]
    assert query(two_orders, sentences.format("2026-01-04")) == []


def all_of_it(found: Workspace) -> None:
    """The faulty file in one run, the corrected one and the retraction in the next."""
    faulty(found)
    nightly(found, day("2026-01-01"))
    lands(found, "order_events", "right.csv", *CORRECTED)
    by_name(found)


def test_a_kill_between_settling_and_the_night_changes_nothing(
    two_orders: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed = opened(tmp_path / "undisturbed")
    for found in (undisturbed, two_orders):
        all_of_it(found)
    nightly(undisturbed, day("2026-01-02"))

    def killed(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("pipelines.nightly.STAGES", {**STAGES, "entry": killed})
    with pytest.raises(KeyboardInterrupt):
        nightly(two_orders, day("2026-01-02"))
    monkeypatch.undo()
    with Warehouse(two_orders.warehouse) as warehouse:
        assert warehouse.value("SELECT count(*) FROM core.retractions") == 1
    nightly(two_orders, day("2026-01-02"))
    assert_same(contents(undisturbed), contents(two_orders))


def test_night_by_night_and_in_one_run_the_corrected_file_counts_the_same(
    two_orders: Workspace, tmp_path: Path
) -> None:
    at_once = opened(tmp_path / "at_once")
    all_of_it(two_orders)
    for number in (2, 3):
        assert nightly(two_orders, day(f"2026-01-0{number}")).is_green
    all_of_it(at_once)
    assert replay(at_once, day("2026-01-01"), day("2026-01-03")).is_green
    one, other = contents(two_orders), contents(at_once)
    for name in ("attention", "certificate"):  # of the first night, which knew of another file
        del one[name], other[name]
    assert_same(one, other, DECIDED_BY_NIGHT, BILLED_BY_NIGHT)


def test_archive_and_journal_give_a_corrected_file_again(two_orders: Workspace) -> None:
    all_of_it(two_orders)
    nightly(two_orders, day("2026-01-01"))
    nightly(two_orders, day("2026-01-03"))
    before = contents(two_orders)
    rebuild(two_orders, lambda _: None)
    assert_same(before, contents(two_orders))


def retail_day(found: Workspace, name: str, *lines: str) -> None:
    """Drop a file of the web shop as drawn: invoice | product | quantity | description."""
    header = "InvoiceNo | StockCode | Quantity | Description | InvoiceDate | UnitPrice | CustomerID | Country"
    rows = [f"{line} | 2026-01-01 10:00:00 | 2.50 | 17850.0 | France" for line in lines]
    lands(found, "online_retail", name, header, *rows)


@pytest.mark.parametrize("is_first", [True, False], ids=["corrected first", "together"])
def test_a_corrected_file_of_a_source_is_mapped_as_if_the_first_had_never_come(tmp_path: Path, is_first: bool) -> None:
    found = shop(tmp_path / "shop", SETTINGS)
    retail_day(found, "a.csv", "1 | A | 2 | APPLE", "1 | B | 1 | BEAR", "2 | A | 5 | APPLE")
    nightly(found, day("2026-01-01"))
    retail_day(found, "b.csv", "1 | A | 2 | APPLE", "1 | B | 7 | BEAR", "3 | C | | CAR")
    if is_first:
        nightly(found, day("2026-01-02"))
        assert query(found, "SELECT order_id, line_no, sku, quantity::INT FROM order_lines ORDER BY ALL") == [
            ("1", 1, "A", 2),
            ("1", 2, "B", 1),
            ("1", 3, "B", 7),
            ("2", 1, "A", 5),
        ]
    decision = "d1 | file | a.csv | retract | ann | 2026-01-02T08:00:00Z"
    lands(found, "decisions", "d.csv", DECISIONS, decision)
    assert nightly(found, day("2026-01-03")).is_green
    assert query(found, "SELECT order_id, line_no, sku, quantity::INT FROM order_lines ORDER BY ALL") == [
        ("1", 1, "A", 2),
        ("1", 2, "B", 7),
    ]
    assert query(found, "SELECT order_id, status, fulfilment FROM orders") == [("1", "confirmed", "shipped")]
    assert query(found, "SELECT name, accepted::INT, rejected::INT, duplicates::INT FROM feed_files ORDER BY name") == [
        ("a.csv", 3, 0, 0),
        ("b.csv", 2, 1, 0),
        ("d.csv", 1, 0, 0),
    ]
    before = contents(found)
    assert nightly(found, day("2026-01-03")).is_green
    assert_same(before, contents(found))


@pytest.mark.parametrize("stage", ["stock", "trends", "demand"])
def test_a_night_that_retracts_orders_and_dies_ends_the_same(
    stage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, broken = (small_shop(tmp_path / name) for name in ("whole", "broken"))
    for found in (whole, broken):
        nightly(found, day("2026-01-02"))
        land(found, "decisions", "d.csv", DECISIONS, "d1 | file | orders-1.csv | retract | ann | 2026-01-03T08:00:00Z")
    assert nightly(whole, day("2026-01-03")).is_green

    def dies(*_: object) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("pipelines.nightly.STAGES", {**STAGES, stage: dies})
        nightly(broken, day("2026-01-03"))
    assert nightly(broken, day("2026-01-03")).is_green
    assert_same(contents(whole), contents(broken))
