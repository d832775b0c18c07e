from datetime import date
from decimal import Decimal

import pytest

from dashboards import wording

N = wording.NARROW


@pytest.mark.parametrize(
    ("now", "before", "said"),
    [
        (108, 100, f"rose 8{N}%"),
        (Decimal(92), Decimal(100), f"fell 8{N}%"),
        (100, 100, "stayed level"),
        (5, 0, "started from nothing"),
        (0, 0, "stayed at nothing"),
        (-50, -100, f"rose 50{N}%"),
    ],
)
def test_a_change_is_said_in_words(now: int, before: int, said: str) -> None:
    assert wording.moved(now, before) == said


@pytest.mark.parametrize(
    ("part", "of", "said"),
    [
        (1, 2, f"50{N}%"),
        (1, 30, f"3.3{N}%"),
        (9999, 10000, f"over 99.9{N}%"),
        (1, 100_000, f"under 0.1{N}%"),
        (0, 5, f"0.0{N}%"),
        (5, 5, f"100{N}%"),
        (1, 0, "–"),
    ],
)
def test_a_share_is_never_rounded_to_all_or_nothing(part: int, of: int, said: str) -> None:
    assert wording.rate(part, of) == said


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        (999, "999"),
        (12_345, "12.3k"),
        (123_456, "123.5k"),
        (1_234_567, "1.23M"),
        (-12_345, "−12.3k"),
        (Decimal("2500000000"), "2.50bn"),
    ],
)
def test_large_amounts_are_short(amount: int, said: str) -> None:
    assert wording.compact(amount) == said


def test_who_moved_a_sum_is_named_only_when_it_did_most_of_it() -> None:
    assert wording.share_words([("online", -95), ("in the stores", -5)]) == ", all of it online"
    assert wording.share_words([("online", 60), ("in the stores", 40)]) == ", most of it online"
    assert wording.share_words([("online", 50), ("in the stores", 50)]) == ""
    assert wording.share_words([("online", 10)]) == ""


def test_days_and_spans_are_unmistakable() -> None:
    assert wording.day(date(2026, 11, 24)) == "Tue 24 Nov 2026"
    assert wording.span(date(2025, 12, 1), date(2026, 1, 2)) == "1 Dec 2025 – 2 Jan 2026"
