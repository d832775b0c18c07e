"""The nightly run as a run of Dagster's job, in this process, so that every night is in Dagster's history.

Dagster is imported when a run has the workspace, not before: a refused run ends at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines import lock
from pipelines.workspace import OrderhouseError, Workspace

if TYPE_CHECKING:
    import dagster as dg

    from pipelines.nightly import Run

JOB = "nightly"
TAGS = {"launched_by": "orderhouse nightly", ".dagster/repository": "__repository__@orderhouse"}
"""Who launched a run, and where Dagster's pages look for the runs of the job: as `workspace.yaml` names it."""
SETTINGS = """\
# Dagster's settings for this workspace. Written once; yours to change.
telemetry:
  enabled: false

# One process writes a workspace at a time, so runs wait for each other; a lock refuses whoever does not.
concurrency:
  runs:
    max_concurrent_runs: 1

# A run that hangs is ended after six hours. A run whose process is gone is buried by the next one.
run_monitoring:
  enabled: true
  start_timeout_seconds: 300
  max_runtime_seconds: 21600

# The history is SQLite beside this file. What a run says is in its log; no files for output streams.
compute_logs:
  module: dagster._core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager

retention:
  schedule:
    purge_after_days: 90
  sensor:
    purge_after_days:
      skipped: 1
      success: 90
      failure: 30
"""


def home(workspace: Workspace) -> Path:
    """Dagster's folder in a workspace, with its settings."""
    folder = workspace.root / "dagster"
    folder.mkdir(exist_ok=True)
    settings = folder / "dagster.yaml"
    if not settings.exists():
        settings.write_text(SETTINGS, encoding="utf-8")
    return folder


def ready(workspace: Workspace) -> Path:
    """Dagster's folder, ready to be served: its history opens, and runs whose process died block nobody.

    Raises:
        OrderhouseError: the history cannot be used.
    """
    with _history(workspace) as instance, suppress(lock.Locked):
        bury(instance, workspace)
    return home(workspace)


def nightly(workspace: Workspace, as_of: date | None = None, say: Callable[[str], None] = print) -> Run:
    """Run the night as Dagster's job: the same stages, tables and result as `pipelines.nightly.nightly`.

    Raises:
        OrderhouseError: the date is refused, another run holds the workspace, or Dagster's history cannot be used.
        KeyboardInterrupt: a person ended it; what is committed stays.
    """
    from pipelines.nightly import dates_due, session, yesterday

    with session(workspace, as_of or yesterday(workspace), say) as held:
        dates_due(held.warehouse, workspace, held.run.as_of)
        with _history(workspace) as instance:
            import dagster as dg

            from pipelines.definitions import definitions

            bury(instance, workspace, is_held=True)
            job = definitions(workspace, held.run.as_of).resolve_job_def(JOB)
            try:
                job.execute_in_process(
                    instance=instance,
                    partition_key=str(held.run.as_of),
                    resources={"session": held},
                    run_config={"loggers": {"file": {"config": {"path": str(home(workspace) / "warnings.log")}}}},
                    tags=TAGS,
                )
            except dg.Failure:
                if held.run.is_green:
                    raise
            except dg.DagsterExecutionInterruptedError:
                raise KeyboardInterrupt from None
        return held.run


@contextmanager
def _history(workspace: Workspace) -> Iterator[dg.DagsterInstance]:
    """Dagster's history of a workspace, open.

    Raises:
        OrderhouseError: it cannot be read or written.
    """
    import dagster as dg
    from sqlalchemy.exc import SQLAlchemyError
    from yaml import YAMLError

    folder = home(workspace)
    try:
        with dg.DagsterInstance.from_config(str(folder)) as instance:
            yield instance
    except (SQLAlchemyError, dg.DagsterInvalidConfigError, YAMLError) as error:
        if "disk is full" in str(error) or "No space left on device" in str(error):
            raise OrderhouseError(
                "The disk is full; make room and give the command again: what was committed stays."
            ) from error
        raise OrderhouseError(
            f"Dagster cannot use its history or settings in {folder} ({str(error).splitlines()[0]}); move that folder "
            "away and run again: a new history begins, and the nights themselves are not in it."
        ) from error


def bury(instance: dg.DagsterInstance, workspace: Workspace, *, is_held: bool = False, but: str | None = None) -> None:
    """Mark the runs as failed whose process died: whoever is said to run and does not hold the workspace.

    Args:
        instance: Dagster's history.
        workspace: the workspace of those runs.
        is_held: the caller holds the workspace.
        but: the caller's own run.

    Raises:
        Locked: one of them is alive.
    """
    import dagster as dg

    at_work = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING])
    if not any(run.run_id != but for run in instance.get_runs(at_work)):
        return
    with nullcontext() if is_held else lock.held(workspace):
        for run in instance.get_runs(at_work):
            if run.run_id != but:
                instance.report_run_failed(
                    run, "Its process is gone; what it committed stays, and a later run goes on."
                )
