"""Looking at a published file: read-only, locked, and light enough for a command that answers at once."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from pipelines.workspace import OrderhouseError, Workspace


class Published:
    """An open published file."""

    def __init__(self, file: Path) -> None:
        """Open it; nothing but the file itself can be reached."""
        self.connection = duckdb.connect(file, read_only=True)
        for setting in ("TimeZone = 'UTC'", "enable_external_access = false", "lock_configuration = true"):
            self.connection.execute(f"SET {setting}")

    def rows(self, sql: str, params: Any = None) -> list[dict[str, Any]]:
        """The rows of a query as dictionaries."""
        found = self.connection.sql(sql, params=params)
        names = found.columns
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


@contextmanager
def published(workspace: Workspace) -> Iterator[Published]:
    """The newest publication, open for reading.

    Raises:
        OrderhouseError: nothing is published yet, or the file is gone.
    """
    for attempt in range(3):
        pointer = workspace.pointer()
        if pointer is None:
            raise OrderhouseError(f"Nothing is published in {workspace.root} yet; run `orderhouse nightly` first.")
        try:
            opened = Published(pointer.file)
        except duckdb.IOException as error:
            if attempt == 2:
                raise OrderhouseError(
                    f"{pointer.file} cannot be read; run `orderhouse nightly` to publish it again."
                ) from error
            continue
        try:
            yield opened
        finally:
            opened.connection.close()
        return


def as_json(value: Any) -> str:
    """Rows as JSON for programs; moments, dates and amounts as text."""
    return json.dumps(value, default=str, indent=1, ensure_ascii=False)
