"""What many tests are given."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


@pytest.fixture(scope="session")
def realdata() -> Path:
    """The folder of real data: ORDERHOUSE_REALDATA, else `../shared/realdata` beside the project."""
    named = os.environ.get("ORDERHOUSE_REALDATA")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "realdata"
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder} is no folder; name one in ORDERHOUSE_REALDATA")
    return folder
