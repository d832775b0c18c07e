"""The demo: a sample shop night by night, which another day goes on where it was left, and nobody's own data."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from pipelines import demo
from pipelines.nightly import nightly
from pipelines.workspace import OrderhouseError, Workspace
from tests.shops import day, query, small_shop

LAST = date(2026, 3, 10)


def shown(found: Workspace, monkeypatch: pytest.MonkeyPatch, last: date) -> list[str]:
    """What the demo says on the day after `last`, with two nights of their own."""
    said: list[str] = []
    monkeypatch.setattr(demo, "yesterday", lambda _: last)
    monkeypatch.setattr(demo, "SEPARATE_NIGHTS", 2)
    demo.demo(found, days=30, orders_per_day=3, skus=6, seed=1, say=said.append)
    return said


def test_a_demo_goes_on_another_day_where_it_was_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = Workspace(tmp_path)
    said = shown(found, monkeypatch, LAST)
    assert "One night over all of them, as of 2026-03-08" in said
    assert [line.split(":")[0] for line in said if line.startswith("night ")] == [
        "night 2026-03-09",
        "night 2026-03-10",
    ]
    assert {"\nLoaded", "Rejected, by reason", "Decided"} <= set(said)
    orders = query(found, "SELECT order_id FROM orders WHERE ordered_on <= '2026-03-10' ORDER BY ALL")
    assert orders

    again = shown(found, monkeypatch, LAST)
    assert "The sample shop is there up to 2026-03-10 already; nothing to add." in again
    assert query(found, "SELECT count(*) FROM (SELECT DISTINCT as_of FROM certificate)") == [(3,)]

    later = shown(found, monkeypatch, LAST + timedelta(days=1))
    assert [line.split(":")[0] for line in later if line.startswith("night ")] == ["night 2026-03-11"]
    assert query(found, "SELECT order_id FROM orders WHERE ordered_on <= '2026-03-10' ORDER BY ALL") == orders
    assert query(found, "SELECT count(*) FROM feed_files WHERE status = 'held'") == [(0,)]
    assert query(found, "SELECT bool_and(is_green), max(as_of)::TEXT FROM certificate") == [(True, "2026-03-11")]


def test_a_demo_leaves_a_workspace_with_own_data_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = small_shop(tmp_path)
    nightly(found, day("2026-01-03"))
    with pytest.raises(OrderhouseError, match="holds your own data; name an empty folder with --workspace"):
        shown(found, monkeypatch, LAST)
