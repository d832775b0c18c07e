"""What Dagster loads: the process, its checks, the job `nightly`, when it runs, and the workspace it holds."""

import logging
from collections.abc import Iterator
from datetime import date

import dagster as dg

from pipelines import assets, checks, schedule
from pipelines import nightly as nights
from pipelines.orchestrated import JOB, bury
from pipelines.workspace import Workspace, find

LONGEST_SECONDS = 6 * 60 * 60


@dg.resource(description="The workspace, held for the whole run by one process, with its open warehouse.")
def session(context: dg.InitResourceContext) -> Iterator[nights.Session]:
    """Hold the workspace for the run that a person, the schedule or the sensor has launched."""
    workspace, run = find(), context.run
    named = run.tags.get("dagster/partition") if run else None
    as_of = date.fromisoformat(named) if named else nights.yesterday(workspace)
    say = context.log.info if context.log else print
    with nights.session(workspace, as_of, say) as held:
        if context.instance and run:
            bury(context.instance, workspace, is_held=True, but=run.run_id)
        yield held


@dg.logger(config_schema={"path": str}, description="Warnings and errors, in a file.")
def file(context: dg.InitLoggerContext) -> logging.Logger:
    """Keep the console for what the night says; warnings and errors go to a file."""
    logger = logging.Logger("orderhouse", logging.WARNING)
    handler = logging.FileHandler(context.logger_config["path"], encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger.addHandler(handler)
    return logger


def definitions(workspace: Workspace, as_of: date | None = None) -> dg.Definitions:
    """Everything Dagster knows of a workspace; `as_of` is the night that shall run, where it is known already."""
    dates = schedule.nights(workspace, as_of)
    job = dg.define_asset_job(
        JOB,
        description="The nightly run, from landed files to a published result.",
        executor_def=dg.in_process_executor,
        tags={"dagster/max_runtime": str(LONGEST_SECONDS)},
    )
    return dg.Definitions(
        assets=assets.process(dates),
        asset_checks=[checks.proofs()],
        jobs=[job],
        schedules=[schedule.every_night(workspace)],
        sensors=[schedule.landed_files(workspace)],
        resources={"session": session},
        executor=dg.in_process_executor,
        loggers={"file": file, "console": dg.colored_console_logger},
    )


@dg.definitions
def defs() -> dg.Definitions:
    """The definitions of the workspace that the environment names."""
    return definitions(find())
