"""Delivered files for tests: what is read from them, what is rejected, what holds them."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from models.tables.feeds import StockCount
from pipelines import feeds

FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
COUNTS = "sku,location_id,counted_on,quantity"
"""The header of a feed of four required columns."""


def dropped(folder: Path, name: str, content: bytes | str) -> Path:
    """A file with this content."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def texts(path: Path) -> list[list[str | None]]:
    """The readable records, each as number and values."""
    blocks = [block.texts for block in feeds.records(path, path.name)]
    return [[row[-1], *row[:-1]] for block in blocks for row in block.rows()]


def broken(path: Path) -> list[tuple[int, str, list[str]]]:
    """The records that cannot be read: number, raw text, reasons."""
    return [row for block in feeds.records(path, path.name) for row in block.broken.rows()]


def taken(path: Path, feed: Any = StockCount, zone: str = "Europe/Berlin") -> tuple[list[tuple], list[tuple]]:
    """Accepted rows, and record number and reasons of the rejected."""
    blocks = list(feeds.read(path, path.name, feed, zone))
    accepted = [row for block in blocks for row in block.accepted.rows()]
    return accepted, [(row[0], row[2]) for block in blocks for row in block.rejected.rows()]


def held(path: Path, feed: Any = StockCount) -> str:
    """The sentence that holds the file."""
    with pytest.raises(feeds.Held) as error:
        list(feeds.read(path, path.name, feed, "UTC"))
    return str(error.value)
