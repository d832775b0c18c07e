"""What many tests are given."""

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

IN_MEMORY, ROOM = Path("/dev/shm"), 8 * 2**30
"""Nights write much: where memory serves as a disk and has so much room, the shops of tests lie there."""
if os.access(IN_MEMORY, os.W_OK) and shutil.disk_usage(IN_MEMORY).free > ROOM:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(IN_MEMORY))


LONGEST = (
    "test_supply_properties", "test_night_properties", "test_billing_random_nights", "test_real_nights", "test_adventureworks",
    "test_billing_nights", "test_supply_nights", "test_retraction", "test_demo", "test_browser", "test_orchestrated",
)  # fmt: skip
"""The files whose tests take longest: they come first, so that at the end no worker waits for another."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files; each keeps its own order."""
    place = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path.stem, len(LONGEST)))


@pytest.fixture(scope="session")
def realdata() -> Path:
    """The folder of real data: ORDERHOUSE_REALDATA, else `../shared/realdata` beside the project."""
    named = os.environ.get("ORDERHOUSE_REALDATA")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "realdata"
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder} is no folder; name one in ORDERHOUSE_REALDATA")
    return folder
