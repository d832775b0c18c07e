"""The arithmetic of the trends page that is no rule: weeks, months, and which of them are whole."""

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from tests.dashboards.test_pages import figures, opened


def test_weeks_add_up_to_the_period_and_name_the_ones_that_are_cut(monkeypatch: pytest.MonkeyPatch, shop: Path) -> None:
    app = opened(monkeypatch, shop, "trends", period="4 weeks", grain="week")
    table = next(found.value for found in app.dataframe if "returned_units" in found.value.columns)
    assert table["orders"].sum() == int(figures(app)["Orders"])
    # by hand: 28 Oct to 24 Nov 2026 touch the weeks from Mon 26 Oct to Mon 23 Nov
    assert [day.date() if hasattr(day, "date") else day for day in table["day"].to_list()] == [
        date(2026, 11, 23) - timedelta(weeks=back) for back in range(5)
    ]


def test_the_split_of_a_change_adds_up_to_the_change_of_the_figures(
    monkeypatch: pytest.MonkeyPatch, shop: Path
) -> None:
    app = opened(monkeypatch, shop, "trends", period="4 weeks")
    movers = next(found.value for found in app.dataframe if "mix" in found.value.columns)
    parts = pl.DataFrame({name: movers[name].to_list() for name in ("volume", "mix", "price", "cancelled", "returned")})
    assert abs(parts.sum_horizontal().sum() - sum(movers["change_amount"].to_list())) < 0.005
