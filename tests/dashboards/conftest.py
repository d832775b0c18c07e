"""Publications to look at."""

from pathlib import Path

import pytest

from tests.dashboards.sample_publication import AS_OF, publication, publish


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with two nights of a believable shop, its texts meant to do harm."""
    root = tmp_path_factory.mktemp("shop")
    (root / "orderhouse.toml").write_text(
        '[business]\nreporting_currency = "EUR"\ntime_zone = "Europe/Berlin"\n', encoding="utf-8"
    )
    for number, back in ((1, 1), (2, 0)):
        tables = publication(orders=1500, days=90, back=back)
        publish(root, tables, AS_OF if not back else tables["orders"]["as_of"][0], number)
    return root
