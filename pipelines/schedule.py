"""When nights run: every night at half past two in the business time zone, and, where wanted, when files land."""

import hashlib
from collections.abc import Iterable
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg

from pipelines import intake, lock
from pipelines.nightly import yesterday
from pipelines.orchestrated import JOB, bury
from pipelines.workspace import Workspace

AT_NIGHT = "30 2 * * *"
LOOK_EVERY_SECONDS = 60


def closed(workspace: Workspace) -> list[date]:
    """Every business date that was closed, as the journal tells it."""
    return sorted(date.fromisoformat(entry.parent.name) for entry in workspace.journal.glob("*/night.json"))


def nights(workspace: Workspace, named: date | None = None) -> dg.DailyPartitionsDefinition:
    """Every business date that can have a night: from the first one closed up to today in the business time zone.

    Before the first it is the date named, else the day the shop goes live here, else yesterday.
    """
    business, latest = workspace.settings.business, yesterday(workspace)
    first = [*closed(workspace), named or min(business.goes_live_on or latest, latest)][0]
    return dg.DailyPartitionsDefinition(start_date=str(first), timezone=business.time_zone, end_offset=1)


def date_to_close(workspace: Workspace, named: date) -> date:
    """The date named, or the last closed one where that came later: it may run again, an earlier one may not."""
    return max([named, *closed(workspace)[-1:]])


def every_night(workspace: Workspace) -> dg.ScheduleDefinition:
    """Close yesterday, every night; after days switched off one run closes them all."""
    zone = workspace.settings.business.time_zone

    @dg.schedule(
        name="every_night",
        job_name=JOB,
        cron_schedule=AT_NIGHT,
        execution_timezone=zone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Closes yesterday at 02:30, {zone}.",
    )
    def launched(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        with suppress(lock.Locked):
            bury(context.instance, workspace)
        today = context.scheduled_execution_time.astimezone(ZoneInfo(zone)).date()
        return dg.RunRequest(partition_key=str(date_to_close(workspace, today - timedelta(days=1))))

    return launched


def landed_files(workspace: Workspace) -> dg.SensorDefinition:
    """Run the last night again when files have landed, once for each new state of landing.

    It closes yesterday, or runs today again where a person has closed today already. Off until somebody turns it on:
    most shops want one run a night, and figures that stay the same during the day.
    """

    @dg.sensor(
        name="landed_files",
        job_name=JOB,
        minimum_interval_seconds=LOOK_EVERY_SECONDS,
        default_status=dg.DefaultSensorStatus.STOPPED,
        description="Runs the last night again when complete files lie in landing.",
    )
    def launched(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        files = [path for _, path in intake.landed(workspace)]
        if not files:
            return dg.SkipReason("Nothing has landed.")
        try:
            bury(context.instance, workspace)
            with lock.held(workspace):
                pass
        except lock.Locked as locked:
            return dg.SkipReason(str(locked))
        night = date_to_close(workspace, yesterday(workspace))
        return dg.RunRequest(run_key=f"{night}-{state(files)}", partition_key=str(night))

    return launched


def state(files: Iterable[Path]) -> str:
    """A fingerprint of files by place, size and time of change."""
    seen = sorted((path.parent.name, path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files)
    return hashlib.sha256(repr(seen).encode()).hexdigest()[:16]
