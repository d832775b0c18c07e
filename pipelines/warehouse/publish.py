"""Publication: a new immutable file per version, a pointer to it, and a link for other tools.

Readers open a published file and never meet the writer. The file is complete before its name exists, the pointer is
swapped in one step, and the last versions stay for readers that have just read the pointer.
"""

import contextlib
import json
import os
from datetime import date, timedelta
from pathlib import Path

from models.tables import CATALOG
from models.tables.base import declaration, polars_schema
from pipelines.warehouse.store import Warehouse, place
from pipelines.warehouse.versions import current
from pipelines.workspace import Publication, Workspace

STORAGE_VERSION = "v1.0.0"
"""Files in this storage version open in every DuckDB since 1.0."""
GRACE = 3
"""So many of the newest files stay whatever the settings say, for readers on their way."""


def publish(warehouse: Warehouse, workspace: Workspace, as_of: date) -> Publication:
    """Write everything people look at into a new file and point to it.

    Returns:
        The new publication.
    """
    workspace.published.mkdir(parents=True, exist_ok=True)
    number = 1 + max((found.number for found in _all_files(workspace)), default=0)
    publication = Publication(workspace.published / f"orderhouse-{as_of}-{number}.duckdb", as_of, number)
    draft = workspace.published / ".draft.duckdb"
    for leftover in workspace.published.glob(".draft.duckdb*"):
        leftover.unlink()
    warehouse.run(f"ATTACH '{draft}' AS draft (STORAGE_VERSION '{STORAGE_VERSION}')")
    try:
        warehouse.run("BEGIN")
        for table in CATALOG:
            declared = declaration(table)
            feed_replaced = declared.kind == "feed" and declared.name in ("orders", "order_lines")
            if declared.is_published and not feed_replaced:
                warehouse.run(
                    f'CREATE TABLE draft.main."{declared.name}" AS {_published_rows(workspace, table, as_of)}'
                )
        warehouse.run("COMMIT")
    finally:
        with contextlib.suppress(Exception):
            warehouse.run("ROLLBACK")
        warehouse.run("DETACH draft")
    with draft.open("rb+") as file:
        os.fsync(file.fileno())
    draft.rename(publication.file)
    _point(workspace, publication)
    _retire(workspace)
    return publication


def _published_rows(workspace: Workspace, table: type, as_of: date) -> str:
    declared = declaration(table)
    names = ", ".join(f'"{name}"' for name in polars_schema(table).names())
    if declared.kind == "feed":
        return current(declared.name, as_of)
    if declared.kind == "night":
        first = as_of - timedelta(days=workspace.settings.publish.nights - 1)
        return f"""SELECT {names} FROM {place(table)}
                   WHERE as_of <= DATE '{as_of}' AND (as_of >= DATE '{first}' OR as_of = last_day(as_of))"""
    return f"SELECT {names} FROM {place(table)}"


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
