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


@pytest.fixture(scope="session")
def realdata() -> Path:
    """The folder of real data: ORDERHOUSE_REALDATA, else `../shared/realdata` beside the project."""
    named = os.environ.get("ORDERHOUSE_REALDATA")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "realdata"
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder} is no folder; name one in ORDERHOUSE_REALDATA")
    return folder
