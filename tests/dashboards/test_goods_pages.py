"""Stock, turnover and the planner's workbench without a browser, on a shop whose figures are known by hand."""

import csv
import shutil
from datetime import UTC, datetime, timedelta
from math import isnan
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pipelines.workspace import Workspace
from tests.dashboards.buying_shop import LAST, buying_shop, run
from tests.dashboards.sample_publication import publish
from tests.dashboards.test_pages import figures, opened, texts

PAGES = ("stock", "reorder", "turnover")


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shop after its night."""
    return run(buying_shop(tmp_path_factory.mktemp("buying") / "shop")).root


@pytest.fixture
def buying(night: Path, tmp_path: Path) -> Path:
    """The same, to be decided in."""
    return Path(shutil.copytree(night, tmp_path / "shop", symlinks=True))


def rows(app: AppTest, *columns: str) -> list[tuple[object, ...]]:
    """The rows of the table that has these columns."""
    found = next(table.value for table in app.dataframe if set(columns) <= set(table.value.columns))
    return list(zip(*([_told(value) for value in found[column].to_list()] for column in columns), strict=True))


def _told(value: object) -> object:
    if isinstance(value, datetime):
        return value.date()
    return None if isinstance(value, float) and isnan(value) else value


def decisions(workspace: Path) -> list[dict[str, str]]:
    """What stands in the decision files in landing."""
    files = sorted((workspace / "landing" / "decisions").glob("*"))
    return [row for file in files for row in csv.DictReader(file.read_text(encoding="utf-8").splitlines())]


def as_ann(app: AppTest) -> AppTest:
    app.text_input(key="your_name").set_value("Ann").run()
    return app


@pytest.mark.parametrize("page", PAGES)
def test_every_page_says_as_of_when_and_shows_its_figures(
    monkeypatch: pytest.MonkeyPatch, night: Path, page: str
) -> None:
    app = opened(monkeypatch, night, page)
    assert "as of <b>Mon 2 Mar 2026</b>" in texts(app)
    assert len(app.metric) == 5
    assert app.get("plotly_chart")
    assert "<img" not in texts(app)
    assert "example.invalid" not in " ".join(element.value for element in [*app.markdown, *app.caption])


@pytest.mark.parametrize(
    ("page", "sentence"),
    [
        ("stock", "No stock is known"),
        ("reorder", "Nothing is planned as of Tue 24 Nov 2026: no stock is known."),
        ("turnover", "No stock is known as of Tue 24 Nov 2026, so nothing can turn over."),
    ],
)
def test_a_shop_that_tells_nothing_of_its_stock_is_told_what_to_deliver(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, page: str, sentence: str
) -> None:
    publish(tmp_path, {})
    assert sentence in texts(opened(monkeypatch, tmp_path, page))


@pytest.mark.parametrize(
    ("page", "sentence"),
    [
        ("stock", "No position for SKU nowhere."),
        ("reorder", "None of the 3 proposals fits SKU nowhere."),
        ("turnover", "Nothing was in stock for SKU nowhere"),
    ],
)
def test_a_search_that_finds_nothing_is_named(
    monkeypatch: pytest.MonkeyPatch, night: Path, page: str, sentence: str
) -> None:
    assert sentence in texts(opened(monkeypatch, night, page, sku="nowhere"))


# Stock


def test_stock_is_valued_and_what_has_no_cost_is_counted_apart(monkeypatch: pytest.MonkeyPatch, night: Path) -> None:
    app = opened(monkeypatch, night, "stock")
    # by hand: 10 x 2 + 5 x 9 + 4 x 5 - 3 x 3 = 76; C has no cost
    shown = figures(app)
    assert shown["Stock at cost"] == "76\u202fGBP"
    assert shown["Units on hand"] == "49"
    assert shown["Oversold"] == "1"
    assert rows(app, "sku", "on_hand", "value")[0] == ("B-200", 5, 45.0)
    assert rows(app, "sku", "since") == [("O-500", LAST - timedelta(days=60))]


def test_stock_that_was_not_sold_for_half_a_year_is_dead(monkeypatch: pytest.MonkeyPatch, night: Path) -> None:
    app = opened(monkeypatch, night, "stock")
    assert rows(app, "sku", "on_hand", "first_day") == [("D-400", 4, LAST - timedelta(days=200))]
    assert "1 position with 20.00\u202fGBP at cost." in texts(app)


def test_the_balance_of_one_sku_is_shown_with_its_counts(monkeypatch: pytest.MonkeyPatch, night: Path) -> None:
    app = opened(monkeypatch, night, "stock", sku="a-100")
    assert "A-100: Apple **red**" in texts(app)
    drawn = next(chart.proto.spec for chart in app.get("plotly_chart") if "counted, Warehouse" in chart.proto.spec)
    assert '"shape":"hv"' in drawn
    assert rows(app, "movement_id", "kind")[-1] == ("r1", "Received")


def test_filters_narrow_the_stock(monkeypatch: pytest.MonkeyPatch, night: Path) -> None:
    assert figures(opened(monkeypatch, night, "stock", location="Annex · V"))["Stock at cost"] == "36\u202fGBP"
    assert figures(opened(monkeypatch, night, "stock", category="Fruit"))["Stock at cost"] == "20\u202fGBP"


# Turnover


def test_turnover_is_a_sum_over_a_sum_and_never_a_mean_of_ratios(monkeypatch: pytest.MonkeyPatch, night: Path) -> None:
    app = opened(monkeypatch, night, "turnover", turnover_of="Feb 2026")
    # by hand: cost of goods sold 56 x 2 + 28 x 9 = 364; averages 82 + 184.50 + 20 - 9 = 277.50; earned
    # 56 x 2 + 28 x 11 = 420; C has no cost
    assert figures(app) == {
        "Turnover": "1.31\u202f×",
        "Days of inventory": "21 days",
        "GMROI": "1.51",
        "Sell-through": "66\u202f%",
        "Stock-out days": "28",
    }
    assert "Of 5 positions (a SKU at a location) 1 has an unknown cost or exchange rate and is in no amount" in texts(
        app
    )


def test_the_definition_of_the_metric_is_one_click_away(monkeypatch: pytest.MonkeyPatch, night: Path) -> None:
    app = opened(monkeypatch, night, "turnover", turnover_of="Feb 2026", turnover_figure="Days of inventory")
    assert "Days of the period / turnover" in texts(app)
    assert "28 days × 277.50\u202fGBP / 364.00\u202fGBP = 21 days" in texts(app)


def test_a_year_that_began_before_the_first_movement_says_so(monkeypatch: pytest.MonkeyPatch, night: Path) -> None:
    app = opened(monkeypatch, night, "turnover", turnover_of="last 365 days")
    assert "Stock is known since Thu 14 Aug 2025: the 164 days before count with no stock" in texts(app)


# Reorder


def test_proposals_stand_by_supplier_against_its_minimum(monkeypatch: pytest.MonkeyPatch, night: Path) -> None:
    app = opened(monkeypatch, night, "reorder")
    assert figures(app)["To decide"] == "3"
    assert rows(app, "supplier_id", "lines", "amount_r", "minimum", "short") == [
        ("s2", 2, 360.0, None, None),
        ("s1", 1, 168.0, 1000.0, 832.0),
    ]
    assert rows(app, "chase", "purchase_order_id", "days_late") == [("Late, still relied on", "P1", 3)]


def test_a_line_explains_itself(monkeypatch: pytest.MonkeyPatch, night: Path) -> None:
    app = opened(monkeypatch, night, "reorder", sku="B-200")
    assert "Order 39 of B-200 from Nordlicht by Monday" in texts(app)
    assert "<dt>Safety stock</dt>" in texts(app)
    assert app.get("plotly_chart")


def test_an_approval_is_one_feed_file_with_the_quantity_the_planner_entered(
    monkeypatch: pytest.MonkeyPatch, buying: Path
) -> None:
    app = as_ann(opened(monkeypatch, buying, "reorder", sku="B-200"))
    app.number_input[0].set_value(48).run()
    app.button(key="approve_B-200@V").click().run()
    [row] = decisions(buying)
    assert (row["subject"], row["subject_id"], row["action"], row["quantity"], row["decided_by"]) == (
        "reorder",
        "B-200@V",
        "approve",
        "48",
        "Ann",
    )
    age = datetime.now(UTC) - datetime.fromisoformat(row["decided_at"])
    assert timedelta(0) <= age < timedelta(minutes=5)
    assert [file.name[0] for file in (buying / "landing" / "decisions").iterdir()] == ["r"]
    assert "B-200 is approved: the next night orders it." in texts(app)
    assert rows(app, "status", "to_order") == [("approved: 48", 48)]
    assert rows(app, "proposal_id", "action", "quantity", "decided_by") == [("B-200@V", "Approved", 48, "Ann")]


def test_two_visitors_who_approve_the_same_decide_once(monkeypatch: pytest.MonkeyPatch, buying: Path) -> None:
    one, other = (as_ann(opened(monkeypatch, buying, "reorder", sku="B-200")) for _ in range(2))
    one.button(key="approve_B-200@V").click().run()
    other.button(key="approve_B-200@V").click().run()
    assert len(decisions(buying)) == 1
    assert "B-200: decided already." in texts(other)


def test_a_second_thought_is_another_decision_and_the_last_one_counts(
    monkeypatch: pytest.MonkeyPatch, buying: Path
) -> None:
    app = as_ann(opened(monkeypatch, buying, "reorder", sku="B-200"))
    app.button(key="approve_B-200@V").click().run()
    app.text_input(key="reason_B-200@V").set_value("the fair is over").run()
    app.button(key="skip_B-200@V").click().run()
    assert rows(app, "status") == [("skipped: the fair is over",)]
    app.button(key="approve_B-200@V").click().run()
    assert rows(app, "status", "to_order") == [("approved: 39", 39)]
    assert sorted(row["action"] for row in decisions(buying)) == ["approve", "approve", "skip"]
    assert len({row["decision_id"] for row in decisions(buying)}) == 3


def test_a_skip_takes_a_reason(monkeypatch: pytest.MonkeyPatch, buying: Path) -> None:
    app = as_ann(opened(monkeypatch, buying, "reorder", sku="B-200"))
    assert app.button(key="skip_B-200@V").disabled
    app.text_input(key="reason_B-200@V").set_value("too dear").run()
    assert not app.button(key="skip_B-200@V").disabled


def test_nobody_decides_without_a_name(monkeypatch: pytest.MonkeyPatch, buying: Path) -> None:
    app = opened(monkeypatch, buying, "reorder", sku="B-200")
    assert app.button(key="approve_B-200@V").disabled
    assert app.button(key="change_B-200@V").disabled


def test_all_lines_of_a_supplier_are_approved_at_once_as_one_file(
    monkeypatch: pytest.MonkeyPatch, buying: Path
) -> None:
    app = as_ann(opened(monkeypatch, buying, "reorder", supplier="Nordlicht · s2"))
    app.button(key="approve_all_shown").click().run()
    assert [(row["subject_id"], row["quantity"]) for row in decisions(buying)] == [("B-200@V", "39"), ("O-500@V", "3")]
    assert len(list((buying / "landing" / "decisions").iterdir())) == 1
    assert [status for (status,) in rows(app, "status")] == ["approved: 39", "approved: 3"]


def test_a_decision_taken_in_by_a_night_that_is_not_published_still_waits(
    monkeypatch: pytest.MonkeyPatch, buying: Path
) -> None:
    app = as_ann(opened(monkeypatch, buying, "reorder", sku="B-200"))
    app.button(key="approve_B-200@V").click().run()
    # decided now, so it is no fact of the night of 2 March, which takes the file in and is published again
    run(Workspace(buying), LAST)
    assert not list((buying / "landing" / "decisions").iterdir())
    app = opened(monkeypatch, buying, "reorder", sku="B-200")
    assert rows(app, "status") == [("approved: 39",)]


def test_on_an_earlier_night_nothing_can_be_decided(monkeypatch: pytest.MonkeyPatch, buying: Path) -> None:
    run(Workspace(buying), LAST + timedelta(days=1))
    app = opened(monkeypatch, buying, "reorder", as_of=LAST.isoformat(), sku="B-200")
    assert "This is an earlier night" in texts(app)
    assert not [button for button in app.button if "approve" in (button.key or "")]


def test_a_landing_that_cannot_be_written_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch, buying: Path) -> None:
    app = as_ann(opened(monkeypatch, buying, "reorder", sku="B-200"))
    shutil.rmtree(buying / "landing")
    (buying / "landing").write_text("no folder")
    app.button(key="approve_B-200@V").click().run()
    assert not app.exception
    assert "The decision was not saved" in texts(app)
