"""What lies in landing."""

import os
from collections.abc import Sequence
from pathlib import Path

UNFINISHED = (".tmp", ".part", ".crdownload")


def candidates(folder: Path) -> list[Path]:
    """The files in a landing folder that claim to be complete, by name; of a folder closed to this user none."""
    if not folder.is_dir() or not os.access(folder, os.R_OK | os.X_OK):
        return []
    found = (path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    return sorted((path for path in found if not path.name.lower().endswith(UNFINISHED)), key=lambda path: path.name)


def look(paths: Sequence[Path]) -> dict[Path, tuple[int, int]]:
    """Size and time of change of each file that is still there; equal in two looks, the file is complete."""
    seen = {}
    for path in paths:
        try:
            stat = path.stat()
        except FileNotFoundError:
            continue
        seen[path] = (stat.st_size, stat.st_mtime_ns)
    return seen
