"""The pages without a browser: what they say for which data."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from streamlit.testing.v1 import AppTest

from pipelines.workspace import PROJECT
from tests.dashboards.sample_publication import AS_OF, publication, publish

PAGES = ("overview", "trends", "lifecycle", "intake")
GOODS = ("stock", "reorder", "turnover")
"""Pages that show something only where stock is told of; see test_goods_pages."""


def opened(monkeypatch: pytest.MonkeyPatch, workspace: Path, page: str, **query: str) -> AppTest:
    """A page of the dashboards of a workspace, as opened by its address."""
    monkeypatch.setenv("ORDERHOUSE_WORKSPACE", str(workspace))
    app = AppTest.from_file(str(PROJECT / "dashboards" / "app.py"), default_timeout=60)
    for name, value in query.items():
        app.query_params[name] = value
    app.switch_page(f"app_pages/{page}.py")
    app.run()
    assert not app.exception, app.exception[0].message
    return app


def texts(app: AppTest) -> str:
    """All that stands on the page as HTML of our own making."""
    return "\n".join(element.proto.body for element in app.get("html"))


def strings(value: Any) -> Iterator[str]:
    """Every text inside a chart."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from strings(part)


def figures(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


@pytest.mark.parametrize("page", PAGES)
def test_every_page_says_as_of_when_and_shows_its_figures(
    monkeypatch: pytest.MonkeyPatch, shop: Path, page: str
) -> None:
    app = opened(monkeypatch, shop, page)
    assert "as of <b>Tue 24 Nov 2026</b>" in texts(app)
    assert len(app.metric) >= 5
    assert app.get("plotly_chart")


@pytest.mark.parametrize("page", PAGES)
def test_texts_from_data_are_escaped(monkeypatch: pytest.MonkeyPatch, shop: Path, page: str) -> None:
    app = opened(monkeypatch, shop, page)
    assert "<script>" not in texts(app)
    assert "<img" not in texts(app)
    markdown = " ".join(element.value for element in [*app.markdown, *app.caption, *app.error, *app.info])
    assert "example.invalid" not in markdown
    for chart in app.get("plotly_chart"):
        drawn = [text for text in strings(json.loads(chart.proto.spec)) if "script" in text or "img" in text]
        assert not [text for text in drawn if "<script" in text or "<img" in text]


@pytest.mark.parametrize("page", (*PAGES, *GOODS))
def test_without_a_publication_the_command_to_run_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, page: str
) -> None:
    app = opened(monkeypatch, tmp_path, page)
    assert "Nothing is published yet" in texts(app)
    assert "orderhouse nightly" in app.code[0].value


def test_a_mistake_in_the_settings_is_told_in_its_own_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "orderhouse.toml").write_text("[business]\ntime_zone = 'Mars/Olympus'\n")
    assert "is no IANA time zone" in texts(opened(monkeypatch, tmp_path, "overview"))


def test_an_earlier_night_is_shown_when_the_address_names_it(monkeypatch: pytest.MonkeyPatch, shop: Path) -> None:
    app = opened(monkeypatch, shop, "overview", as_of="2026-11-23")
    assert "as of <b>Mon 23 Nov 2026</b>" in texts(app)
    assert "No earlier publication is kept to compare with" in texts(app)


def test_filters_in_the_address_narrow_the_figures(monkeypatch: pytest.MonkeyPatch, shop: Path) -> None:
    everything = figures(opened(monkeypatch, shop, "trends"))
    store = figures(opened(monkeypatch, shop, "trends", channel="store"))
    week = figures(opened(monkeypatch, shop, "trends", period="7 days"))
    assert 0 < int(store["Orders"]) < int(everything["Orders"])
    assert 0 < int(week["Orders"]) < int(everything["Orders"])


def test_a_filter_that_finds_nothing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    publish(tmp_path, publication(orders=40, days=90))
    app = opened(monkeypatch, tmp_path, "trends", category="Office", country="IT", channel="agent", period="7 days")
    assert "No sales for" in texts(app)
    assert "category Office" in texts(app)


def test_a_red_certificate_says_not_to_rely_on_today(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    publish(tmp_path, publication(orders=40, days=20, is_green=False))
    assert "Do not rely on today" in texts(opened(monkeypatch, tmp_path, "overview"))


def test_a_late_fact_is_told_with_its_day_and_amount(monkeypatch: pytest.MonkeyPatch, shop: Path) -> None:
    assert "Facts that came late changed earlier net sales by" in texts(opened(monkeypatch, shop, "overview"))


def test_one_order_tells_its_story(monkeypatch: pytest.MonkeyPatch, shop: Path) -> None:
    with duckdb.connect(str(next(shop.glob("published/*-2.duckdb"))), read_only=True) as connection:
        [(order_id,)] = connection.sql(
            "SELECT order_id FROM order_timeline WHERE NOT is_accepted ORDER BY 1 LIMIT 1"
        ).fetchall()
    app = opened(monkeypatch, shop, "lifecycle", order=order_id)
    assert f"Order {order_id}: " in texts(app)
    told = next(table.value["what"].to_list() for table in app.dataframe if "what" in table.value.columns)
    assert "Shipped was refused: nothing was left to do it with. It changed nothing." in told
    assert "Confirmed by the night." in told


def test_an_unknown_order_is_said_to_be_unknown(monkeypatch: pytest.MonkeyPatch, shop: Path) -> None:
    assert "No order &lt;b&gt;4711 is known" in texts(opened(monkeypatch, shop, "lifecycle", order="<b>4711"))


def test_a_publication_with_empty_tables_breaks_no_page(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    publish(tmp_path, {})
    for page in (*PAGES, *GOODS):
        assert "as of" in texts(opened(monkeypatch, tmp_path, page))


def test_when_retention_removes_the_file_the_pointer_is_read_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tables = publication(orders=40, days=20)
    old = publish(tmp_path, tables, number=1)
    app = opened(monkeypatch, tmp_path, "overview")
    old.unlink()
    publish(tmp_path, tables, number=2)
    app.run()
    assert not app.exception
    assert "Publication 2" in texts(app)


def test_a_pointer_to_a_missing_file_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "published").mkdir()
    pointer = {"file": f"orderhouse-{AS_OF}-9.duckdb", "as_of": AS_OF.isoformat(), "publication": 9}
    (tmp_path / "published" / "current.json").write_text(json.dumps(pointer))
    assert "no longer kept" in texts(opened(monkeypatch, tmp_path, "overview"))
