"""Publication: small steps give the same rows as whole files; old ones go, the newest of each day stay."""

from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from pipelines.nightly import nightly
from pipelines.warehouse import publish
from pipelines.workspace import Workspace
from tests.shops import day, land, query, small_shop


def published(workspace: Workspace) -> dict[str, list[tuple[object, ...]]]:
    pointer = workspace.pointer()
    assert pointer is not None
    with duckdb.connect(pointer.file, read_only=True) as found:
        names = [row[0] for row in found.sql("SELECT table_name FROM duckdb_tables() ORDER BY 1").fetchall()]
        return {name: found.sql(f'SELECT * FROM "{name}" ORDER BY ALL').fetchall() for name in names}


def busy_nights(workspace: Workspace) -> None:
    """Five nights with new, late, revised and voided rows."""
    header = "order_id | channel | customer_id | ordered_at | currency"
    lines = "order_id | line_no | sku | quantity | unit_price"
    nightly(workspace, day("2026-01-02"))
    land(
        workspace,
        "orders",
        "n1.csv",
        header,
        "n1 | store | | 2026-01-03T10:00:00Z | GBP",
        "n2 | store | | 2026-01-05T10:00:00Z | GBP",
    )
    land(workspace, "order_lines", "n1.csv", lines, "n1 | 1 | A | 1 | 1", "n2 | 1 | B | 1 | 1")
    land(
        workspace,
        "products",
        "n1.csv",
        "sku | name | unit_price | category | updated_at",
        "A | Apple | 2 | veg | 2026-01-04T00:00:00Z",
    )
    nightly(workspace, day("2026-01-03"))
    land(workspace, "customers", "n2.csv", "customer_id | name | country", "c2 | Ann | DE", "c9 | New | GB")
    land(
        workspace,
        "decisions",
        "n2.csv",
        "decision_id | subject | subject_id | action | decided_by | decided_at",
        "d1 | event | e3 | void | ann | 2026-01-04T08:00:00Z",
    )
    nightly(workspace, day("2026-01-04"))
    nightly(workspace, day("2026-01-06"))
    land(
        workspace,
        "decisions",
        "n3.csv",
        "decision_id | subject | subject_id | action | decided_by | decided_at",
        "d2 | file | n1.csv | retract | ann | 2026-01-07T08:00:00Z",
    )
    nightly(workspace, day("2026-01-07"))


def test_small_steps_publish_the_same_rows_as_whole_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, steps = small_shop(tmp_path / "whole"), small_shop(tmp_path / "steps")
    monkeypatch.setattr(publish, "_is_small_step", lambda *_: False)
    busy_nights(whole)
    monkeypatch.undo()
    monkeypatch.setattr(publish, "WHOLE_BELOW", 0)
    monkeypatch.setattr(publish, "SMALL_STEP", 1)
    busy_nights(steps)
    assert published(whole) == published(steps)


def test_a_reader_of_an_older_duckdb_finds_every_published_table_once(tmp_path: Path) -> None:
    found = small_shop(tmp_path / "shop")
    nightly(found, day("2026-01-03"))
    names = [name for (name,) in query(found, "SELECT table_name FROM duckdb_tables() ORDER BY 1")]
    assert len(names) == len(set(names))
    wanted = {"orders", "order_lines", "order_events", "daily_orders", "daily_sales", "certificate", "attention"}
    assert wanted <= set(names)
    assert not {"night_events", "line_effects"} & set(names)
    assert query(found, "SELECT DISTINCT schema_name FROM duckdb_tables()") == [("main",)]


def test_the_newest_publication_of_each_kept_day_stays_and_the_rest_goes(tmp_path: Path) -> None:
    found = small_shop(tmp_path / "shop")
    (found.root / "orderhouse.toml").write_text(
        '[business]\ntime_zone = "Europe/London"\n[publish]\nkeep = 2\n', encoding="utf-8"
    )
    found = Workspace(found.root)
    for number in range(5):
        nightly(found, day("2026-01-02") + timedelta(days=number))
    nightly(found, day("2026-01-06"))
    assert [(kept.as_of, kept.number) for kept in found.publications()] == [
        (day("2026-01-06"), 6),
        (day("2026-01-05"), 4),
    ]
    assert len(list(found.published.glob("orderhouse-*.duckdb"))) == 3
    assert (found.published / "current.duckdb").resolve() == found.publications()[0].file.resolve()
