"""The nightly run: take in what landed, close every business date that is due, prove it, publish it.

Nights are driven by business dates, never by the clock of the machine: the caller names the date.
"""

import json
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Protocol

from models.tables.rules import RULE_TABLES
from pipelines import intake, journal, lock
from pipelines.intake import Delivery
from pipelines.stages import STAGES, Night
from pipelines.warehouse import Warehouse, nights, reorder
from pipelines.warehouse.publish import publish
from pipelines.workspace import OrderhouseError, Publication, Workspace

FIRST_DAY = date(1970, 1, 1)
"""No feed names an earlier date."""
LAST_STAGE = list(STAGES)[-1]
MOST_MISSED = 92
"""So many missed dates are closed in one run; more must be asked for by `replay`."""

MOST_WRITTEN = 500
"""So many documents are written at the end of a night; of more, a command writes the files."""

WHOLE = "A night runs as a whole, from intake to publication; launch the job `nightly`."


class Written(Protocol):
    """Files that were made, and their folder."""

    @property
    def made(self) -> Sequence[object]:
        """What was made."""

    @property
    def folder(self) -> Path:
        """Where it lies."""


def _silent(_: str) -> None:
    """Nobody listens."""


@dataclass(frozen=True)
class StageDone:
    """A committed stage."""

    as_of: date
    stage: str
    rows: int
    seconds: float

    def __str__(self) -> str:
        """As a line of the log."""
        return f"stage {self.stage} {self.as_of} rows={self.rows} seconds={self.seconds:.2f}"


@dataclass
class Run:
    """What a run did."""

    as_of: date
    closed: list[date] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    stages: list[StageDone] = field(default_factory=list)
    broken_proofs: list[str] = field(default_factory=list)
    publication: Publication | None = None

    @property
    def is_green(self) -> bool:
        """True when every proof of the last night holds."""
        return not self.broken_proofs

    def told(self) -> dict[str, object]:
        """As programs read it."""
        return {
            "as_of": str(self.as_of),
            "closed": [str(day) for day in self.closed],
            "is_green": self.is_green,
            "broken_proofs": self.broken_proofs,
            "files": len([delivery for delivery in self.deliveries if delivery.status != "known"]),
            "publication": self.publication.number if self.publication else None,
            "file": self.publication.file.name if self.publication else None,
        }


def yesterday(workspace: Workspace) -> date:
    """The business date that a run closes when none is named."""
    return workspace.today() - timedelta(days=1)


def dates_due(warehouse: Warehouse, workspace: Workspace, as_of: date) -> list[date]:
    """The business dates that a run for `as_of` closes: the missed ones and itself.

    Raises:
        OrderhouseError: a date before any feed, in the future or before the last closed night; too many missed dates.
    """
    if as_of < FIRST_DAY:
        raise OrderhouseError(f"{as_of} is before {FIRST_DAY}, the first date that a feed may name; name a later one.")
    if as_of > workspace.today():
        raise OrderhouseError(f"{as_of} has not come yet; the latest night that can be closed is {workspace.today()}.")
    last = nights.last_night(warehouse)
    if last is None or as_of == last:
        return [as_of]
    if as_of < last:
        raise OrderhouseError(
            f"The night of {as_of} is closed and {last} came after it; run {last} again or a later one."
        )
    missed = [last + timedelta(days=number) for number in range(1, (as_of - last).days + 1)]
    if len(missed) - 1 > MOST_MISSED:
        raise OrderhouseError(
            f"{len(missed) - 1} nights were missed since {last}, more than {MOST_MISSED}; close them with "
            f"`orderhouse replay --from {missed[0]} --to {as_of}`."
        )
    return missed


class Session:
    """One run that holds the workspace: the open warehouse and what was done so far."""

    def __init__(self, workspace: Workspace, warehouse: Warehouse, as_of: date, say: Callable[[str], None]) -> None:
        """A run for `as_of`; `say` is told every line of progress."""
        self.workspace, self.warehouse, self.say = workspace, warehouse, say
        self.run = Run(as_of)
        self._tonight: Night | None = None
        self._acted: set[date] = set()
        business = workspace.settings.business
        for name, value, why in (
            ("time_zone", business.time_zone, "days would be cut anew"),
            ("reporting_currency", business.reporting_currency, "figures of earlier nights are in the other one"),
        ):
            known = warehouse.meta(name, value)
            if known != value:
                raise OrderhouseError(
                    f"Setting business.{name} was {known} and is {value} now; {why}: set it back, or run "
                    "`orderhouse rebuild` to recompute every night."
                )

    @property
    def tonight(self) -> Night:
        """The night that this run is about, once it has begun.

        Raises:
            OrderhouseError: a part of the night was asked for without its beginning.
        """
        if self._tonight is None:
            raise OrderhouseError(WHOLE)
        return self._tonight

    def begin(self) -> None:
        """Take in what landed and close the missed dates; what remains to be done is tonight.

        Raises:
            OrderhouseError: the date is refused; nothing was taken in.
        """
        *missed, tonight = dates_due(self.warehouse, self.workspace, self.run.as_of)
        for file in self.workspace.strange_rule_files(RULE_TABLES):
            self.say(f"left aside: nothing goes by {file}, which is no rule table; `orderhouse doctor` names them")
        self.take_in()
        for day in missed:
            self.whole_night(self.night(day, acts=False))
        self._tonight = self.night(tonight, acts=True)

    def finish(self, *, writes_documents: bool = True) -> None:
        """Publish what is closed, if it is green, and tell the operator how it went.

        Args:
            writes_documents: False leaves the files of what was sent out to the commands that make them.

        Raises:
            OrderhouseError: no night was closed.
        """
        if not self.run.closed:
            raise OrderhouseError(WHOLE)
        self.publish()
        if writes_documents:
            self.write_documents()
        if self.run.publication is not None:
            self.warehouse.run("DELETE FROM core.unwritten_nights")
        self.notify()

    @contextmanager
    def _stage(self, as_of: date, name: str) -> Iterator[list[int]]:
        started = time.perf_counter()
        rows: list[int] = []
        with self.warehouse.stage(as_of, name):
            yield rows
        self._note(StageDone(as_of, name, sum(rows), time.perf_counter() - started))

    def _note(self, done: StageDone) -> None:
        self.run.stages.append(done)
        line = {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "as_of": str(done.as_of),
            "stage": done.stage,
            "rows": done.rows,
            "seconds": round(done.seconds, 3),
        }
        with (self.workspace.warehouse / "runs.ndjson").open("a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")
        self.say(str(done))

    def take_in(self, only: set[int] | None = None) -> None:
        """Take in what landed; a rebuild names the files it wants from the archive instead."""
        as_of = self.run.as_of
        with self._stage(as_of, "intake") as rows:
            deliveries = intake.take_in(self.warehouse, self.workspace, as_of, self.say, only)
            rows.append(sum(delivery.rows_in for delivery in deliveries))
        if only is None:
            intake.clear(self.warehouse, self.workspace, deliveries, self.say)
        self.run.deliveries += deliveries

    def night(self, as_of: date, *, acts: bool) -> Night:
        """Begin a night."""
        return Night(self.warehouse, self.workspace, as_of, acts=acts)

    def stage(self, night: Night, name: str) -> int:
        """Run and commit one stage of a night, the last with its journal; returns the rows it wrote."""
        with self._stage(night.as_of, name) as rows:
            rows.append(STAGES[name](night))
            if name == LAST_STAGE:
                journal.write(self.warehouse, self.workspace, night.as_of, acts=night.acts)
        return rows[0]

    def close(self, night: Night) -> None:
        """Note a night whose stages are all committed."""
        self.run.closed.append(night.as_of)
        if night.acts:
            self._acted.add(night.as_of)
        self.run.broken_proofs = nights.broken_proofs(self.warehouse, night.as_of)

    def whole_night(self, night: Night) -> None:
        """All stages of one business date."""
        for name in STAGES:
            self.stage(night, name)
        self.close(night)

    def publish(self) -> None:
        """Publish the last closed night if it is green."""
        if not self.run.is_green or not self.run.closed:
            return
        started = time.perf_counter()
        as_of, now = self.run.closed[-1], datetime.now(UTC).isoformat(timespec="seconds")
        self.run.publication = publish(
            self.warehouse, self.workspace, as_of, lambda file: journal.note_issued(self.workspace, file)
        )
        journal.note_published(self.workspace, as_of, now)
        reorder.note_published(self.warehouse, as_of, now)
        self._note(StageDone(self.run.closed[-1], "publish", 0, time.perf_counter() - started))

    def write_documents(self) -> None:
        """Write the files of what was sent out since this was done last; they can be made again at any time.

        Of a replay those of its last night only: it acts as if each of its nights had been there already.
        """
        if self.run.publication is None:
            return
        last = self.run.closed[-1]
        noted = self.warehouse.frame("FROM core.unwritten_nights ORDER BY ALL")["as_of"].to_list()
        for as_of in noted:
            if as_of == last or as_of not in self._acted:
                self._write_night(as_of)

    def _write_night(self, as_of: date) -> None:
        if self.warehouse.value("SELECT count(*) FROM core.purchase_orders WHERE ordered_on = ?", [as_of]):
            from pipelines.documents import purchase_orders

            self._write("purchase orders", lambda: purchase_orders.written(self.workspace, as_of))
        issued = int(self.warehouse.value("SELECT count(*) FROM core.invoices WHERE issued_on = ?", [as_of]))
        if issued > MOST_WRITTEN:
            self.say(
                f"{issued:,} documents issued; `orderhouse documents invoices --night {as_of}` writes their files."
            )
        elif issued:
            from pipelines.documents import invoices

            self._write("invoices and credit notes", lambda: invoices.written(self.workspace, as_of))

    def _write(self, what: str, write: Callable[[], "Written"]) -> None:
        try:
            written = write()
            self.say(f"{len(written.made)} {what} written to {written.folder}")
        except Exception as error:  # the night is done and published; its files can be made again at any time
            self.say(f"The files of the {what} were not written ({error}); `orderhouse documents` makes them again.")

    def notify(self) -> None:
        """Run the operator's command with the result on its standard input."""
        command = self.workspace.settings.notify.command
        if command:
            done = subprocess.run(command, shell=True, input=json.dumps(self.run.told()), text=True, check=False)
            if done.returncode:
                self.say(f"the notify command ended with {done.returncode}")


@contextmanager
def session(workspace: Workspace, as_of: date, say: Callable[[str], None] = _silent) -> Iterator[Session]:
    """Hold the workspace and open its warehouse for one run."""
    with lock.held(workspace), Warehouse(workspace.warehouse) as warehouse:
        if (told := journal.foreign(warehouse, workspace)) is not None:
            raise OrderhouseError(told)
        yield Session(workspace, warehouse, as_of, say)


def nightly(
    workspace: Workspace,
    as_of: date | None = None,
    say: Callable[[str], None] = _silent,
    *,
    writes_documents: bool = True,
) -> Run:
    """Close every business date due up to `as_of` (default: yesterday) and publish the last.

    The first run of a workspace is one night over all its history. Later runs close missed dates first, and act
    outward once, in the last. Without `writes_documents` the files of what was sent out are left to the commands that
    make them.

    Raises:
        OrderhouseError: the date is refused, or another run holds the workspace.
    """
    with session(workspace, as_of or yesterday(workspace), say) as run:
        run.begin()
        run.whole_night(run.tonight)
        run.finish(writes_documents=writes_documents)
        return run.run


def replay(workspace: Workspace, first: date, last: date, say: Callable[[str], None] = _silent) -> Run:
    """Close many business dates one by one, each acting as if it were its own night, and publish the last.

    Raises:
        OrderhouseError: the dates do not follow the last closed night, or another run holds the workspace.
    """
    if first > last:
        raise OrderhouseError(f"The replay would end on {last}, before it begins on {first}; exchange the dates.")
    with session(workspace, last, say) as run:
        if last > workspace.today():
            raise OrderhouseError(f"{last} has not come yet; replay up to {workspace.today()} at most.")
        closed = nights.last_night(run.warehouse)
        if closed is not None and not closed <= first <= closed + timedelta(days=1):
            raise OrderhouseError(
                f"The last closed night is {closed}; a replay goes on from there: --from {closed + timedelta(days=1)}."
            )
        run.take_in()
        for number in range((last - first).days + 1):
            run.whole_night(run.night(first + timedelta(days=number), acts=True))
        run.finish()
        return run.run
