"""The journal: what each night took in, by which settings and rules, and what it issued.

Archive and journal together give the warehouse again, row by row; what was issued is read back, never decided anew.
"""

import json
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import polars as pl

from models.tables.base import TableClass, declaration, empty
from models.tables.rules import RULE_TABLES
from pipelines import intake
from pipelines.warehouse import Warehouse, billing
from pipelines.warehouse.issued import ISSUED
from pipelines.warehouse.publish import write_whole
from pipelines.workspace import Publication, Settings, Workspace

NIGHT = "night.json"
PUBLISHED = "published_at"
PUBLISHED_ISSUED = "issued.json"


@dataclass(frozen=True)
class Entry:
    """One night as the journal tells it; `newest_file` is the number of the last file that it had seen."""

    as_of: date
    acts: bool
    newest_file: int
    folder: Path
    settings: dict[str, Any]

    def issued(self) -> dict[TableClass, pl.DataFrame]:
        """The rows the night issued; of a table that it did not know yet, none."""
        files = {table: self.folder / f"{declaration(table).name}.parquet" for table in ISSUED}
        return {table: pl.read_parquet(file) if file.exists() else empty(table) for table, file in files.items()}

    def published_at(self) -> str | None:
        """When the night was published first."""
        file = self.folder / PUBLISHED
        return file.read_text(encoding="utf-8").strip() if file.exists() else None

    def workspace(self, root: Path) -> Workspace:
        """The workspace with the settings and rule tables of that night."""
        then = Workspace(root, rules=self.folder / "rules")
        then.__dict__["settings"] = Settings.model_validate(self.settings)
        return then


def write(warehouse: Warehouse, workspace: Workspace, as_of: date, *, acts: bool) -> None:
    """Write down a closed night; the same night again writes the same."""
    folder = workspace.journal / str(as_of)
    (folder / "rules").mkdir(parents=True, exist_ok=True)
    for name in RULE_TABLES:
        file = workspace.rule_file(name)
        if file.exists():
            write_whole(folder / "rules" / f"{name}.csv", file.read_text(encoding="utf-8"))
    for table, of_night in ISSUED.items():
        draft = folder / f".{declaration(table).name}.parquet"
        warehouse.write(table, draft, of_night.format(nights=f"DATE '{as_of}'"))
        draft.replace(folder / f"{declaration(table).name}.parquet")
    before = warehouse.value("SELECT max(file_sequence) FROM core.nights WHERE as_of < ?", [as_of]) or 0
    newest = warehouse.value("SELECT file_sequence FROM core.nights WHERE as_of = ?", [as_of])
    files = warehouse.frame(
        "SELECT DISTINCT file_id FROM core.feed_files WHERE file_sequence > ? AND file_sequence <= ? ORDER BY file_id",
        [before, newest],
    )
    night = {
        "as_of": str(as_of),
        "acts": acts,
        "version": version("orderhouse"),
        "files": files["file_id"].to_list(),
        "newest_file": newest,
        "issued": billing.tips(warehouse).to_dicts(),
        "settings": workspace.settings.model_dump(mode="json"),
    }
    write_whole(folder / NIGHT, json.dumps(night, indent=1) + "\n")


def note_issued(workspace: Workspace, publication: Publication) -> None:
    """Write down what was issued up to a publication, before anything points to it: the night may run again, and be red."""
    folder = workspace.journal / str(publication.as_of)
    night = json.loads((folder / NIGHT).read_text(encoding="utf-8"))
    known = _read(folder / PUBLISHED_ISSUED) or {}
    write_whole(folder / PUBLISHED_ISSUED, json.dumps(known | {str(publication.number): night["issued"]}) + "\n")


def fingerprints(workspace: Workspace, as_of: str) -> dict[int, list[dict[str, Any]]]:
    """What was issued up to the end of a night, as noted by each of its publications, by their number.

    A list per publication of kind, documents, invoice_number, content_hash; where no publication noted it, what the night
    did has the number 0; nothing where the night left none.
    """
    folder = workspace.journal / as_of
    noted = _read(folder / PUBLISHED_ISSUED)
    if noted is not None:
        return {int(number): issued for number, issued in noted.items()}
    issued = (_read(folder / NIGHT) or {}).get("issued")
    return {} if issued is None else {0: issued}


def _read(file: Path) -> dict[str, Any] | None:
    if not file.exists():
        return None
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def note_published(workspace: Workspace, as_of: date, moment: str) -> None:
    """Write down when a night was published first."""
    file = workspace.journal / str(as_of) / PUBLISHED
    if not file.exists():
        write_whole(file, moment + "\n")


def foreign(warehouse: Warehouse, workspace: Workspace) -> str | None:
    """Why a warehouse is not the one that journal and archive tell of, in a sentence; none where it is.

    A night that died at its end may be in the journal already: it has begun in the warehouse too.
    """
    begun = warehouse.frame(
        "SELECT as_of FROM core.nights UNION SELECT as_of FROM core.stage_markers WHERE stage <> 'intake'"
    )
    unknown = sorted(
        {file.parent.name for file in workspace.journal.glob(f"*/{NIGHT}")} - {str(day) for day in begun["as_of"]}
    )
    files = {delivery.file_id for _, _, delivery in intake.listed(workspace)}
    missing = files - set(warehouse.frame("SELECT DISTINCT file_id FROM core.feed_files")["file_id"])
    if not unknown and not missing:
        return None
    what = f"the night of {unknown[-1]}" if unknown else f"{len(missing)} files taken in"
    return (
        f"{warehouse.path} is new or older than {workspace.journal if unknown else workspace.archive}, which tells of {what} "
        "that it does not know; run `orderhouse rebuild` to make it again from them, or move both away to begin anew."
    )


def entries(workspace: Workspace) -> list[Entry]:
    """Every night of the journal, in order."""
    found = []
    for file in sorted(workspace.journal.glob(f"*/{NIGHT}")):
        night = json.loads(file.read_text(encoding="utf-8"))
        found.append(
            Entry(
                date.fromisoformat(night["as_of"]), night["acts"], night["newest_file"], file.parent, night["settings"]
            )
        )
    return found
