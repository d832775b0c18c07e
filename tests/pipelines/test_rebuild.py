"""Archive and journal give the warehouse again, row by row, whichever runs made it."""

import shutil
from pathlib import Path

import pytest

from pipelines import intake
from pipelines.inquiries import examined
from pipelines.nightly import nightly
from pipelines.rebuild import rebuild
from pipelines.stages import STAGES
from pipelines.warehouse.store import FILE_NAME
from pipelines.workspace import OrderhouseError, Workspace
from tests.shops import assert_same, contents, day, land, query, small_shop


@pytest.fixture
def busy(tmp_path: Path) -> Workspace:
    """A shop after its first night, with files in landing of every fate."""
    found = small_shop(tmp_path / "shop")
    nightly(found, day("2026-01-01"))
    orders = "order_id | channel | customer_id | ordered_at | currency"
    land(found, "orders", "more.csv", orders, "o5 | online | c1 | 2026-01-03T10:00:00Z | GBP", "o6 | nobody | | | ")
    lines = "order_id | line_no | sku | quantity | unit_price"
    land(
        found,
        "order_lines",
        "more.csv",
        lines,
        "o5 | 1 | A | 2 | 1.25",
        "o7 | 1 | A | 1 | 1.25",
        "o3 | 1 | B | 3 | 18.00",
    )
    customers = ("customer_id | name | country", "c1 | Zoe | GB", "c2 | Ann | FR")
    land(found, "customers", "copy.csv", *customers)
    (found.landing / "products").mkdir(exist_ok=True)
    (found.landing / "products" / "broken.xlsx").write_text("no workbook", encoding="utf-8")
    return found


def rebuilt(found: Workspace) -> None:
    before, published = contents(found), query(found, "FROM feed_files ORDER BY ALL")
    rebuild(found, lambda _: None)
    assert_same(before, contents(found))
    assert query(found, "FROM feed_files ORDER BY ALL") == published


def test_a_run_that_closed_several_dates_is_rebuilt_as_of_the_nights_it_named(busy: Workspace) -> None:
    nightly(busy, day("2026-01-04"))
    products = "sku | name | unit_price | category"
    land(busy, "products", "x.csv", products, "X | Xylophone | 5.00 | toys")
    land(busy, "customers", "c9.csv", "customer_id", "c9")
    nightly(busy, day("2026-01-04"))
    land(busy, "products", "copy.csv", products, "X | Xylophone | 5.00 | toys")
    nightly(busy, day("2026-01-06"))
    assert query(
        busy, "SELECT status, as_of::TEXT FROM feed_files WHERE as_of > '2026-01-01' ORDER BY file_sequence"
    ) == [
        ("held", "2026-01-04"),
        ("duplicate", "2026-01-04"),
        ("loaded", "2026-01-04"),
        ("loaded", "2026-01-04"),
        ("loaded", "2026-01-04"),
        ("loaded", "2026-01-04"),
        ("duplicate", "2026-01-06"),
    ]
    assert query(busy, "SELECT key, since::TEXT FROM waiting_rows") == [("o7/1", "2026-01-04")]
    assert query(busy, "SELECT as_of::TEXT FROM rejected_rows") == [("2026-01-04",)]
    rebuilt(busy)
    rebuilt(busy)


def test_a_run_killed_between_two_dates_and_gone_on_with_later_is_rebuilt_the_same(
    busy: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("pipelines.nightly.STAGES", {**STAGES, "lifecycle": killed})
    with pytest.raises(KeyboardInterrupt):
        nightly(busy, day("2026-01-03"))
    monkeypatch.undo()
    land(busy, "products", "x.csv", "sku | name | unit_price", "X | Xylophone | 5.00")
    nightly(busy, day("2026-01-05"))
    assert query(busy, "SELECT DISTINCT as_of::TEXT FROM feed_files ORDER BY 1") == [
        ("2026-01-01",),
        ("2026-01-03",),
        ("2026-01-05",),
    ]
    rebuilt(busy)


def test_a_rebuild_loses_no_file_that_was_taken_in_after_the_last_night(
    busy: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("pipelines.nightly.STAGES", {**STAGES, "entry": killed})
    with pytest.raises(KeyboardInterrupt):
        nightly(busy, day("2026-01-03"))
    monkeypatch.undo()
    assert intake.landed(busy) == []
    rebuilt(busy)
    assert nightly(busy, day("2026-01-03")).is_green
    assert query(busy, "SELECT count(*) FROM orders WHERE order_id = 'o5'") == [(1,)]


@pytest.mark.parametrize("what", ["lost", "older", "without its journal"])
def test_a_warehouse_that_is_not_the_one_of_journal_and_archive_is_refused(what: str, busy: Workspace) -> None:
    file = busy.warehouse / FILE_NAME
    older = file.read_bytes()
    assert nightly(busy, day("2026-01-03")).is_green
    before, listed = contents(busy), (busy.archive / intake.DELIVERIES).read_text(encoding="utf-8")
    if what == "without its journal":
        shutil.rmtree(busy.journal)
    file.unlink()
    if what == "older":
        file.write_bytes(older)
    for on in ("2026-01-03", "2026-01-04"):
        with pytest.raises(OrderhouseError, match=r"is new or older than .*run `orderhouse rebuild`"):
            nightly(busy, day(on))
    assert any(told.is_problem and "is new or older" in told.sentence for told in examined(busy))
    assert (busy.archive / intake.DELIVERIES).read_text(encoding="utf-8") == listed
    if what == "without its journal":
        with pytest.raises(OrderhouseError, match="is empty, and the night of 2026-01-03 is published"):
            rebuild(busy, lambda _: None)
        return
    rebuild(busy, lambda _: None)
    assert_same(before, contents(busy))
    assert nightly(busy, day("2026-01-04")).is_green


def test_files_taken_in_before_the_first_night_are_rebuilt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = small_shop(tmp_path / "shop")

    def killed(_: object) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("pipelines.nightly.STAGES", {**STAGES, "entry": killed})
        nightly(found, day("2026-01-02"))
    (found.warehouse / FILE_NAME).unlink()
    with pytest.raises(OrderhouseError, match="which tells of 6 files taken in"):
        nightly(found, day("2026-01-02"))
    rebuild(found, lambda _: None)
    assert nightly(found, day("2026-01-02")).is_green
    assert query(found, "SELECT count(*) FROM orders") == [(4,)]


def test_a_rebuild_that_dies_in_its_last_moment_leaves_the_old_warehouse(
    busy: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert nightly(busy, day("2026-01-03")).is_green
    before = contents(busy)

    def dies(self: Path, target: object) -> Path:
        if self.parent.name == "rebuild":
            raise KeyboardInterrupt
        return plain(self, target)  # type: ignore[arg-type]

    plain = Path.replace
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "replace", dies)
        rebuild(busy, lambda _: None)
    assert_same(before, contents(busy))
    assert nightly(busy, day("2026-01-04")).is_green


def test_what_the_old_warehouse_had_not_written_into_itself_is_kept_with_it(busy: Workspace) -> None:
    file, kept = busy.warehouse / FILE_NAME, busy.warehouse / "before-rebuild.duckdb"
    assert nightly(busy, day("2026-01-03")).is_green
    before = contents(busy)
    Path(f"{kept}.wal").write_bytes(b"of an earlier one")
    Path(f"{file}.wal").write_bytes(b"its own")
    rebuild(busy, lambda _: None)
    assert Path(f"{kept}.wal").read_bytes() == b"its own"
    assert not Path(f"{file}.wal").exists()
    assert_same(before, contents(busy))
    rebuild(busy, lambda _: None)
    assert kept.exists()
    assert not Path(f"{kept}.wal").exists()
