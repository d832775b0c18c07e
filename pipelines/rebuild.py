"""A warehouse made anew from archive and journal: the same tables, with what was issued read back."""

import os
import shutil
from collections.abc import Callable
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from pipelines import intake, journal, lock
from pipelines.nightly import Run, Session
from pipelines.stages import STAGES, Night
from pipelines.warehouse import Warehouse, reorder
from pipelines.warehouse.store import FILE_NAME
from pipelines.workspace import OrderhouseError, Workspace


def rebuild(workspace: Workspace, say: Callable[[str], None]) -> Run:
    """Replay every night of the journal into a new warehouse, put it in the old one's place, and publish.

    The old file is kept beside it as `before-rebuild.duckdb`. Files that were taken in after the last night of the journal
    are taken in too, and wait for the next one. Every night is computed in the time zone and reporting currency of now.

    Raises:
        OrderhouseError: there is neither journal nor archive, the journal of a published night is gone, or another run
            holds the workspace.
    """
    nights, files = journal.entries(workspace), intake.listed(workspace)
    if not nights and not files:
        raise OrderhouseError(f"{workspace.journal} tells of no night yet; run `orderhouse nightly` first.")
    if not nights and (pointer := workspace.pointer()) is not None:
        raise OrderhouseError(
            f"{workspace.journal} is empty, and the night of {pointer.as_of} is published: bring the journal back first, "
            "it holds what was issued."
        )
    with lock.held(workspace):
        work = workspace.warehouse / "rebuild"
        shutil.rmtree(work, ignore_errors=True)
        with Warehouse(work) as warehouse:
            seen, done = 0, Run(files[-1][1] if files else nights[-1].as_of)
            for entry in nights:
                then = entry.workspace(workspace.root)
                for name in ("time_zone", "reporting_currency"):
                    setattr(then.settings.business, name, getattr(workspace.settings.business, name))
                seen = _take_in(then, warehouse, seen, entry.newest_file, say)
                run = Session(then, warehouse, entry.as_of, say)
                night = Night(warehouse, then, entry.as_of, acts=entry.acts, issued=entry.issued())
                for name in STAGES:
                    run.stage(night, name)
                run.close(night)
                if (moment := entry.published_at()) is not None:
                    reorder.note_published(warehouse, entry.as_of, moment)
                done = run.run
            if nights:
                last = Session(workspace, warehouse, done.as_of, say)
                last.run = done
                last.publish()
            _take_in(workspace, warehouse, seen, None, say)
            warehouse.run("DELETE FROM core.unwritten_nights")
        old, before = (workspace.warehouse / name for name in (FILE_NAME, "before-rebuild.duckdb"))
        if old.exists():
            _keep(old, before)
        (work / FILE_NAME).replace(old)
        shutil.rmtree(work, ignore_errors=True)
        return done


def _keep(old: Path, before: Path) -> None:
    """Keep the old warehouse under another name too, in the place of the one kept before.

    It stays where it is until the new one takes its place, so that a kill in between leaves one of them there. What it had
    not yet written into itself (its log) goes with it: the new one must not find that.
    """
    log, log_before = Path(f"{old}.wal"), Path(f"{before}.wal")
    for path in (before, log_before):
        path.unlink(missing_ok=True)
    try:
        os.link(old, before)
    except OSError:  # a disk that knows no second name for a file
        old.replace(before)
    if log.exists():
        log.replace(log_before)


def _take_in(
    workspace: Workspace, warehouse: Warehouse, seen: int, newest: int | None, say: Callable[[str], None]
) -> int:
    """Take in the archived files up to a number, or all, each as of the night of the run that took it in first.

    A run that closed several dates took its files in as of the last of them, before it closed the first.
    """
    due = [(number, night) for number, night, _ in intake.listed(workspace) if seen < number <= (newest or number)]
    for night, files in groupby(due, key=itemgetter(1)):
        Session(workspace, warehouse, night, say).take_in({number for number, _ in files})
    return newest or seen
