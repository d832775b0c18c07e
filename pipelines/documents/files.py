"""Where files for people lie, under names that any file system takes."""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.workspace import OrderhouseError


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A draft to write to, which takes the place of the file once it is complete: readers see the old one or the new.

    Raises:
        OrderhouseError: the folder or the file cannot be written.
    """
    draft = path.with_name(f".{path.name}.draft")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield draft
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise OrderhouseError(
            f"{path} cannot be written ({reason}); name another place, or make room there."
        ) from error


def name_of(document_id: str) -> str:
    """The name of a document's files: its id, and where a file system would not take that, what is left and a mark."""
    plain = re.sub(r"[^A-Za-z0-9_.-]", "_", document_id).lstrip(".")
    if plain == document_id:
        return plain
    return f"{plain[:80]}-{hashlib.sha256(document_id.encode()).hexdigest()[:8]}"
