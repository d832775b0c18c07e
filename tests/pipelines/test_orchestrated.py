"""The night as a run of Dagster: the same tables, the same refusals, and a history of every night."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from click.testing import CliRunner

from models.tables.certificate import Proof
from models.tables.intake import FeedFile
from pipelines import lock, orchestrated
from pipelines.assets import key
from pipelines.checks import PROOFS
from pipelines.cli import main
from pipelines.definitions import definitions
from pipelines.nightly import nightly, yesterday
from pipelines.schedule import date_to_close, every_night, landed_files, nights
from pipelines.warehouse import Warehouse
from pipelines.workspace import OrderhouseError, Workspace
from tests.shops import assert_same, contents, day, land, shop, small_shop

FIRST, LAST = day("2026-01-01"), day("2026-01-03")


def landed(workspace: Workspace) -> Workspace:
    """The workspace, its files landed complete since long."""
    for file in workspace.landing.glob("*/*"):
        os.utime(file, (0, 0))
    return workspace


def late(workspace: Workspace) -> Workspace:
    """The workspace with one more file in landing: a payment."""
    header = "payment_id | order_id | amount | currency | received_on"
    land(workspace, "payments", "late.csv", header, "p1 | o1 | 5.00 | GBP | 2026-01-02")
    return landed(workspace)


@contextmanager
def history(workspace: Workspace) -> Iterator[dg.DagsterInstance]:
    """What Dagster remembers."""
    with dg.DagsterInstance.from_config(str(workspace.root / "dagster")) as instance:
        yield instance


def statuses(workspace: Workspace) -> list[tuple[str, str]]:
    """Partition and status of every run, the oldest first."""
    with history(workspace) as instance:
        return [(run.tags["dagster/partition"], run.status.value) for run in reversed(instance.get_runs())]


def launched(workspace: Workspace, *tables: dg.AssetKey) -> None:
    """Launch the job as a person does on Dagster's page: it finds the workspace by itself."""
    job = definitions(workspace).resolve_job_def("nightly")
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    job.execute_in_process(partition_key=str(LAST), asset_selection=list(tables) or None, run_config=quiet)


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, list[str]]:
    """A shop whose first and third night ran through Dagster, and what they said."""
    workspace, said = landed(small_shop(tmp_path_factory.mktemp("closed") / "shop")), list[str]()
    assert orchestrated.nightly(workspace, FIRST, said.append).is_green
    assert orchestrated.nightly(late(workspace), LAST, said.append).is_green
    return workspace, said


def test_a_night_through_dagster_gives_the_same_tables_as_without(
    closed: tuple[Workspace, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, by_hand = landed(small_shop(tmp_path / "plain")), landed(small_shop(tmp_path / "by-hand"))
    for workspace in (plain, by_hand):
        nightly(workspace, FIRST)
        late(workspace)
    nightly(plain, LAST)
    monkeypatch.setenv("ORDERHOUSE_WORKSPACE", str(by_hand.root))
    launched(by_hand)

    expected = contents(plain)
    assert expected["payments_feed"].height == 1
    assert_same(expected, contents(closed[0]))
    assert_same(expected, contents(by_hand))
    pointers = [workspace.pointer() for workspace in (plain, closed[0], by_hand)]
    assert [(found.as_of, found.number) for found in pointers if found] == [(LAST, 2)] * 3


def test_missed_dates_are_closed_first_and_every_stage_is_told_as_it_is_committed(
    closed: tuple[Workspace, list[str]],
) -> None:
    told = [" ".join(line.split()[:3]) for line in closed[1] if line.startswith("stage")]
    night = ["entry", "lifecycle", "stock", "billing", "trends", "demand", "reorder", "turnover", "certificate"]
    assert told == [
        "stage intake 2026-01-01",
        *(f"stage {stage} 2026-01-01" for stage in night),
        "stage publish 2026-01-01",
        "stage intake 2026-01-03",
        *(f"stage {stage} 2026-01-02" for stage in night),
        *(f"stage {stage} 2026-01-03" for stage in night),
        "stage publish 2026-01-03",
    ]


def test_every_night_is_in_dagsters_history_with_its_checks(closed: tuple[Workspace, list[str]]) -> None:
    assert statuses(closed[0]) == [("2026-01-01", "SUCCESS"), ("2026-01-03", "SUCCESS")]
    with history(closed[0]) as instance:
        latest = instance.get_runs(limit=1)[0].run_id
        checks: Any = instance.all_logs(latest, dg.DagsterEventType.ASSET_CHECK_EVALUATION)
        found = {entry.dagster_event.event_specific_data.check_name for entry in checks}
        rows = instance.get_latest_materialization_event(key(FeedFile))
    assert found == set(PROOFS)
    assert rows is not None and rows.asset_materialization is not None
    assert rows.asset_materialization.metadata["dagster/row_count"].value == 7  # files


def test_every_proof_of_the_certificate_is_a_check(closed: tuple[Workspace, list[str]]) -> None:
    with Warehouse(closed[0].warehouse) as warehouse:
        proofs = warehouse.table(Proof, "as_of = ?", [LAST])["proof"].to_list()
    assert sorted(proofs) == sorted(PROOFS)


def test_a_night_out_of_order_is_refused_in_a_sentence_before_anything_is_taken_in(tmp_path: Path) -> None:
    workspace = landed(small_shop(tmp_path / "shop"))
    nightly(workspace, FIRST)
    late(workspace)
    ended = CliRunner().invoke(main, ["-w", str(workspace.root), "nightly", "--as-of", "2025-12-31"])
    assert ended.exit_code == 1
    assert ended.stderr == (
        "Error: The night of 2025-12-31 is closed and 2026-01-01 came after it; run 2026-01-01 again or a later one.\n"
    )
    assert (workspace.landing / "payments" / "late.csv").exists()
    assert not (workspace.root / "dagster").exists()


def test_a_red_certificate_publishes_nothing_and_ends_with_3(tmp_path: Path) -> None:
    workspace = landed(small_shop(tmp_path / "shop"))
    nightly(workspace, FIRST)
    with Warehouse(workspace.warehouse) as warehouse:  # somebody edits the warehouse: an accepted row disappears
        warehouse.run("DELETE FROM feeds.products WHERE sku = 'B'")
    ended = CliRunner().invoke(main, ["-w", str(workspace.root), "nightly", "--as-of", "2026-01-02"])
    assert ended.exit_code == 3
    assert "broken: accepted_rows_are_stored: expected 17, found 16" in ended.stderr
    pointer = workspace.pointer()
    assert pointer is not None and (pointer.as_of, pointer.number) == (FIRST, 1)
    assert statuses(workspace) == [("2026-01-02", "FAILURE")]
    with history(workspace) as instance:
        entries = instance.all_logs(instance.get_runs()[0].run_id)
    events = [entry.dagster_event for entry in entries if entry.dagster_event]
    evaluations: list[Any] = [
        each.event_specific_data for each in events if each.event_type_value == "ASSET_CHECK_EVALUATION"
    ]
    assert [each.check_name for each in evaluations if not each.passed] == ["accepted_rows_are_stored"]
    assert [each.step_key for each in events if each.is_step_failure] == ["publication"]


def test_a_second_run_ends_with_4_before_dagster_starts(tmp_path: Path) -> None:
    workspace = small_shop(tmp_path / "shop")
    with lock.held(workspace):
        ended = CliRunner().invoke(main, ["-w", str(workspace.root), "nightly", "--as-of", str(FIRST)])
    assert ended.exit_code == 4
    assert f"Another run is at work in {workspace.root}" in ended.stderr
    assert not (workspace.root / "dagster").exists()


def test_a_run_that_was_killed_is_buried_by_the_next(tmp_path: Path) -> None:
    workspace = landed(small_shop(tmp_path / "shop"))
    kept = workspace.settings_file.read_text(encoding="utf-8")
    workspace.settings_file.write_text(f'{kept}[notify]\ncommand = "kill -9 $PPID"\n', encoding="utf-8")
    command = [sys.executable, "-m", "pipelines.cli", "-w", str(workspace.root), "nightly", "--as-of", str(FIRST)]
    assert subprocess.run(command, check=False, capture_output=True).returncode == -9
    assert statuses(workspace) == [("2026-01-01", "STARTED")]
    workspace.settings_file.write_text(kept, encoding="utf-8")
    orchestrated.nightly(Workspace(workspace.root), FIRST, lambda _: None)
    assert statuses(workspace) == [("2026-01-01", "FAILURE"), ("2026-01-01", "SUCCESS")]


def test_a_part_of_a_night_cannot_be_launched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = landed(small_shop(tmp_path / "shop"))
    nightly(workspace, FIRST)
    monkeypatch.setenv("ORDERHOUSE_WORKSPACE", str(workspace.root))
    with pytest.raises(OrderhouseError, match="A night runs as a whole"):
        launched(workspace, dg.AssetKey("publication"))
    pointer = workspace.pointer()
    assert pointer is not None and pointer.number == 1


def test_a_broken_history_is_one_sentence(tmp_path: Path) -> None:
    workspace = shop(tmp_path / "shop")
    (orchestrated.home(workspace) / "dagster.yaml").write_text("no_such_setting: 1\n", encoding="utf-8")
    with pytest.raises(
        OrderhouseError, match=r"Dagster cannot use its history or settings in .*; move that folder away"
    ):
        orchestrated.nightly(workspace, FIRST, lambda _: None)
    assert workspace.pointer() is None


def test_settings_that_a_person_changed_stay(tmp_path: Path) -> None:
    workspace = shop(tmp_path / "shop")
    settings = orchestrated.home(workspace) / "dagster.yaml"
    assert "enabled: false" in settings.read_text(encoding="utf-8")
    settings.write_text("telemetry: {enabled: false}\n", encoding="utf-8")
    orchestrated.home(workspace)
    assert settings.read_text(encoding="utf-8") == "telemetry: {enabled: false}\n"


def test_the_schedule_closes_yesterday_of_the_business_time_zone(tmp_path: Path) -> None:
    workspace = shop(tmp_path / "shop", '[business]\ntime_zone = "Asia/Tokyo"\n')
    schedule = every_night(workspace)
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("30 2 * * *", "Asia/Tokyo")
    half_past_two_on_monday_in_tokyo = datetime(2024, 3, 10, 17, 30, tzinfo=UTC)
    orchestrated.home(workspace)
    with history(workspace) as instance:
        asked: Any = schedule(
            dg.build_schedule_context(instance, scheduled_execution_time=half_past_two_on_monday_in_tokyo)
        )
    assert asked.partition_key == "2024-03-10"


def test_a_date_that_a_person_closed_early_runs_again(closed: tuple[Workspace, list[str]]) -> None:
    assert date_to_close(closed[0], day("2026-01-02")) == LAST
    assert date_to_close(closed[0], day("2026-01-04")) == day("2026-01-04")


def test_business_dates_begin_with_the_first_night(closed: tuple[Workspace, list[str]], tmp_path: Path) -> None:
    assert nights(closed[0]).get_first_partition_key() == "2026-01-01"
    unborn = shop(tmp_path / "shop", '[business]\ngoes_live_on = "2023-01-01"\n')
    assert nights(unborn).get_first_partition_key() == "2023-01-01"
    assert nights(unborn).get_last_partition_key() == str(unborn.today())


def test_landed_files_launch_one_run_for_each_state_of_landing(tmp_path: Path) -> None:
    workspace = shop(tmp_path / "shop")
    sensor = landed_files(workspace)
    with dg.DagsterInstance.ephemeral() as instance:

        def look() -> Any:
            return sensor(dg.build_sensor_context(instance))

        assert isinstance(look(), dg.SkipReason)
        late(workspace)
        first, again = look(), look()
        assert first.partition_key == str(yesterday(workspace))
        assert first.run_key == again.run_key
        land(workspace, "products", "more.csv", "sku | name | unit_price", "C | Cat | 3.00")
        landed(workspace)
        assert look().run_key != first.run_key
        with lock.held(workspace):
            assert "Another run is at work" in look().skip_message
