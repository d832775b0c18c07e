"""A night run for show: what it would bill, beside recent nights, and what it would leave out and why.

It runs on a copy of the warehouse that is thrown away: nothing is numbered, stored or sent, and what landed stays.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from models.rules import billing_figures, money
from models.tables.billing import BillingException
from pipelines import intake, lock
from pipelines.nightly import dates_due, yesterday
from pipelines.stages import STAGES, Night
from pipelines.warehouse import Warehouse, billing
from pipelines.warehouse.store import FILE_NAME
from pipelines.workspace import Workspace

SHOWN = 20
"""So many orders left out are told one by one."""


@dataclass(frozen=True)
class DryRun:
    """What a night would bill; amounts include tax."""

    as_of: date
    documents: list[dict[str, Any]]
    left_out: list[dict[str, Any]]

    def lines(self) -> Iterator[str]:
        """As an operator reads it."""
        yield f"Dry run of {self.as_of}: nothing was numbered, stored or sent."
        if not any(row["documents"] for row in self.documents):
            yield "Nothing would be billed or credited."
        for row in self.documents:
            form = f",.{money.places(row['currency'])}f"
            usual = "no other night in four weeks"
            if row["nights"]:
                usual = (
                    f"usually {row['usual_documents']:,} of {row['usual_amount']:{form}}, between {row['least_amount']:{form}} "
                    f"and {row['most_amount']:{form}} in {row['nights']} night{'s' * (row['nights'] != 1)}"
                )
            name = row["kind"].replace("_", " ") + "s"
            yield f"{name:<13} {row['currency']} {row['documents']:>7,} of {row['amount']:>15{form}}   {usual}"
        yield f"{len(self.left_out):,} orders would be left out." if self.left_out else "No order would be left out."
        yield from (f"  {row['order_id']}: {row['sentence']}" for row in self.left_out[:SHOWN])
        if len(self.left_out) > SHOWN:
            yield f"  and {len(self.left_out) - SHOWN:,} more"


def dry_run(workspace: Workspace, as_of: date | None = None, say: Callable[[str], None] = lambda _: None) -> DryRun:
    """Run a night up to its billing on a copy of the warehouse.

    Args:
        workspace: the workspace.
        as_of: the business date; none = yesterday.
        say: is told of progress.

    Raises:
        OrderhouseError: the date is refused, or another run holds the workspace.
    """
    day = as_of or yesterday(workspace)
    workspace.warehouse.mkdir(parents=True, exist_ok=True)
    with lock.held(workspace), tempfile.TemporaryDirectory(prefix="dry-run-", dir=workspace.warehouse) as folder:
        for file in workspace.warehouse.glob(f"{FILE_NAME}*"):
            shutil.copyfile(file, Path(folder) / file.name)
        with Warehouse(Path(folder)) as warehouse:
            before = billing.last_documents(warehouse)
            *missed, tonight = dates_due(warehouse, workspace, day)
            with warehouse.transaction():
                intake.take_in(warehouse, workspace, day, say)
            for date_missed in missed:
                _run(warehouse, Night(warehouse, workspace, date_missed, acts=False), list(STAGES), say)
            upto = list(STAGES)[: list(STAGES).index("billing") + 1]
            _run(warehouse, Night(warehouse, workspace, tonight), upto, say)
            left_out = warehouse.table(BillingException, "as_of = ?", [tonight]).sort("order_id", "reason")
            return DryRun(tonight, _compared(warehouse, before, tonight), left_out.to_dicts())


def _run(warehouse: Warehouse, night: Night, stages: list[str], say: Callable[[str], None]) -> None:
    for name in stages:
        with warehouse.stage(night.as_of, name):
            rows = STAGES[name](night)
        say(f"dry run: {name} {night.as_of} rows={rows}")


def _compared(warehouse: Warehouse, before: pl.DataFrame, as_of: date) -> list[dict[str, Any]]:
    """What would be issued beside recent nights; what this night issued already, when it ran before, is no part of it."""
    with warehouse.given(issued_before=before):
        fresh = billing.issued_by_day(
            warehouse,
            "issued_on = ? AND sequence > coalesce((SELECT sequence FROM issued_before b WHERE b.series = i.series), -1)",
            as_of,
        )
    known = billing.issued_by_day(warehouse, "issued_on < ?", as_of)
    return billing_figures.compared(pl.concat([known, fresh]), as_of).to_dicts()
