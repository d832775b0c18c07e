"""Publication: a new immutable file per version, a pointer to it, and a link for other tools.

Readers open a published file and never meet the writer. The file is complete before its name exists, the pointer is
swapped in one step, and the last versions stay for readers that have just read the pointer.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from models.tables import CATALOG
from models.tables.base import TableClass, declaration, polars_schema
from pipelines.warehouse.issued import ISSUED
from pipelines.warehouse.store import Warehouse, place
from pipelines.warehouse.versions import current
from pipelines.workspace import OrderhouseError, Publication, Workspace

STORAGE_VERSION = "v1.0.0"
"""Files in this storage version open in every DuckDB since 1.0."""
FEEDS_COMPLETED = ("feeds.orders", "feeds.order_lines")
"""Feeds that are published once, with what the nights decided beside."""
WHOLE_BELOW = 50_000
"""Tables of fewer rows are written whole: that is as quick."""
SMALL_STEP = 20
"""A publication is a small step when at most one order in so many changed."""
WHOLE_EVERY = 14
"""Every so many publications one is written whole, so that replaced rows do not pile up in the file."""
UNPUBLISHED = "SELECT as_of FROM core.unpublished_nights"
"""The nights that ran since the last publication."""
WAY = 2
"""Another way of making steps has the next number: a step of one is never put on a file of the other."""
BY_ORDER = ("order_timeline", "tracking_updates")
"""Tables that are replaced order by order, whatever their key and kind."""
GRACE = 3
"""So many of the newest files stay whatever the settings say, for readers on their way."""


def publish(
    warehouse: Warehouse, workspace: Workspace, as_of: date, before: Callable[[Publication], None] = lambda _: None
) -> Publication:
    """Write everything people look at into a new file and point to it.

    A night on top of a large history starts from a copy of the file before and replaces what changed since; the first
    publication, every so many, and any that is not a small step are written whole. Both have the same rows.

    Args:
        warehouse: the open warehouse.
        workspace: the workspace.
        as_of: the night.
        before: is told of the file before anything points to it.

    Returns:
        The new publication.
    """
    workspace.published.mkdir(parents=True, exist_ok=True)
    if not os.access(workspace.published, os.W_OK | os.X_OK):
        raise OrderhouseError(
            f"{workspace.published} cannot be written to; mend its permissions and run the night again."
        )
    last = _last(workspace)
    number = 1 + max((found.number for found in _all_files(workspace)), default=0)
    publication = Publication(workspace.published / f"orderhouse-{as_of}-{number}.duckdb", as_of, number)
    draft = workspace.published / ".draft.duckdb"
    for leftover in workspace.published.glob(".draft.duckdb*"):
        leftover.unlink()
    nights = workspace.settings.publish.nights
    step = last if last is not None and _is_small_step(warehouse, last, as_of, number, nights) else None
    if step is not None:
        shutil.copyfile(workspace.published / step["file"], draft)
    warehouse.run(f"ATTACH '{draft}' AS draft (STORAGE_VERSION '{STORAGE_VERSION}')")
    try:
        with warehouse.transaction():
            for table in CATALOG:
                if declaration(table).is_published and place(table) not in FEEDS_COMPLETED:
                    _write(warehouse, workspace, table, as_of, step)
    finally:
        warehouse.run("DETACH draft")
    draft.rename(publication.file)
    before(publication)
    _point(workspace, publication)
    note = {
        "file": publication.file.name,
        "as_of": str(as_of),
        "file_sequence": int(warehouse.value("SELECT coalesce(max(file_sequence), 0) FROM core.feed_files")),
        "retracted": _retracted(warehouse),
        "tables": _fingerprint(),
        "nights": workspace.settings.publish.nights,
    }
    write_whole(_note(workspace), json.dumps(note) + "\n")
    warehouse.run("DELETE FROM core.unpublished_orders")
    warehouse.run("DELETE FROM core.unpublished_nights")
    _retire(workspace)
    return publication


def _note(workspace: Workspace) -> Path:
    """What the last publication had seen; beside the warehouse, whose tables a publication does not change."""
    return workspace.warehouse / "published.json"


def _last(workspace: Workspace) -> dict[str, Any] | None:
    """What is noted of the last publication, if its file is still there and is the one pointed to."""
    pointer = workspace.pointer()
    if pointer is None or not pointer.file.exists() or not _note(workspace).exists():
        return None
    found: dict[str, Any] = json.loads(_note(workspace).read_text(encoding="utf-8"))
    return found if pointer.file.name == found["file"] else None


def _is_small_step(warehouse: Warehouse, before: dict[str, Any], as_of: date, number: int, nights: int) -> bool:
    changed = int(warehouse.value("SELECT count(DISTINCT order_id) FROM core.unpublished_orders"))
    orders = int(warehouse.value("SELECT count(*) FROM core.orders"))
    return (
        number % WHOLE_EVERY != 0
        and date.fromisoformat(before["as_of"]) <= as_of
        and before["tables"] == _fingerprint()
        and before.get("nights") == nights
        and before["retracted"] == _retracted(warehouse)
        and changed * SMALL_STEP <= orders
    )


def _retracted(warehouse: Warehouse) -> list[str]:
    """The files that do not count tonight: a decision on one may be dated after the night that knew it first."""
    return warehouse.frame("SELECT file_id FROM retracted_files ORDER BY file_id")["file_id"].to_list()


def _fingerprint() -> str:
    """Changes with any table, column or type that is published, and with the way steps are made."""
    told = [(place(table), str(polars_schema(table))) for table in CATALOG if declaration(table).is_published]
    return hashlib.sha256(repr((WAY, told)).encode()).hexdigest()


def _write(
    warehouse: Warehouse, workspace: Workspace, table: TableClass, as_of: date, step: dict[str, Any] | None
) -> None:
    """Write one table of the draft: whole, or its changed rows in the place of what they were."""
    declared = declaration(table)
    target = f'draft.main."{declared.name}"'
    grows = declared.kind == "ledger" and declared.name not in BY_ORDER
    by_order = (declared.kind == "state" and "order_id" in declared.key) or declared.name in BY_ORDER
    is_patched = declared.kind in ("feed", "night") or by_order or grows
    if step is None or not is_patched or int(warehouse.value(f"SELECT count(*) FROM {place(table)}")) < WHOLE_BELOW:
        warehouse.run(f"CREATE OR REPLACE TABLE {target} AS {_published_rows(workspace, table, as_of)}")
        return
    names = ", ".join(f'"{name}"' for name in polars_schema(table).names())
    if by_order:
        changed = "SELECT DISTINCT order_id FROM core.unpublished_orders"
        warehouse.run(f"DELETE FROM {target} WHERE order_id IN ({changed})")
        warehouse.run(f"INSERT INTO {target} SELECT {names} FROM {place(table)} WHERE order_id IN ({changed})")
        return
    key = ", ".join(f'"{part}"' for part in declared.key)
    if declared.kind == "night":
        changed, shown = f"as_of IN ({UNPUBLISHED})", _shown_nights(workspace, as_of)
        warehouse.run(f"DELETE FROM {target} WHERE {changed} OR NOT ({shown})")
        warehouse.run(f"INSERT INTO {target} SELECT {names} FROM {place(table)} WHERE {changed} AND {shown}")
        return
    if table in ISSUED:
        new = ISSUED[table].format(nights=UNPUBLISHED)
        warehouse.run(f"DELETE FROM {target} WHERE {new}")
        warehouse.run(f"INSERT INTO {target} SELECT {names} FROM {place(table)} WHERE {new}")
        return
    if grows:
        warehouse.run(
            f"INSERT INTO {target} SELECT {names} FROM {place(table)} ANTI JOIN {target} AS published USING ({key})"
        )
        return
    since = f"DATE '{step['as_of']}'"
    fresh = f"""(SELECT DISTINCT {key} FROM feeds.{declared.name} WHERE file_sequence > {step["file_sequence"]}
                 OR arrives_on > {since} OR revised_on > {since})"""
    warehouse.run(f"DELETE FROM {target} WHERE ({key}) IN {fresh}")
    warehouse.run(f"INSERT INTO {target} {current(declared.name, as_of, within=f'SEMI JOIN {fresh} USING ({key})')}")


def _published_rows(workspace: Workspace, table: TableClass, as_of: date) -> str:
    declared = declaration(table)
    names = ", ".join(f'"{name}"' for name in polars_schema(table).names())
    if declared.kind == "feed":
        return current(declared.name, as_of)
    if declared.kind == "night":
        return f"SELECT {names} FROM {place(table)} WHERE {_shown_nights(workspace, as_of)}"
    return f"SELECT {names} FROM {place(table)}"


def _shown_nights(workspace: Workspace, as_of: date) -> str:
    """The nights of which slices are published: the last ones, and ends of months."""
    first = as_of - timedelta(days=workspace.settings.publish.nights - 1)
    return f"as_of <= DATE '{as_of}' AND (as_of >= DATE '{first}' OR as_of = last_day(as_of))"


def _point(workspace: Workspace, publication: Publication) -> None:
    """Swap the pointer, then the link, each in one step."""
    pointer = {"file": publication.file.name, "as_of": str(publication.as_of), "publication": publication.number}
    write_whole(workspace.published / "current.json", json.dumps(pointer) + "\n")
    link = workspace.published / ".current.link"
    link.unlink(missing_ok=True)
    link.symlink_to(publication.file.name)
    link.replace(workspace.published / "current.duckdb")


def write_whole(path: Path, text: str) -> None:
    """Write a file so that readers see the old one or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.draft")
    with draft.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _all_files(workspace: Workspace) -> list[Publication]:
    found = []
    for file in workspace.published.glob("orderhouse-*.duckdb"):
        _, *day, number = file.stem.split("-")
        found.append(Publication(file, date.fromisoformat("-".join(day)), int(number)))
    return sorted(found, key=lambda publication: publication.number, reverse=True)


def _retire(workspace: Workspace) -> None:
    """Remove what is neither among the kept business dates nor among the newest files."""
    kept = {publication.file for publication in workspace.publications()[: workspace.settings.publish.keep]}
    kept |= {publication.file for publication in _all_files(workspace)[:GRACE]}
    for publication in _all_files(workspace):
        if publication.file not in kept:
            publication.file.unlink(missing_ok=True)
