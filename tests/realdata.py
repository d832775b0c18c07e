"""Workspaces over the real data, and two of them compared table by table.

Real data lies in ORDERHOUSE_REALDATA, else in `../shared/realdata` beside the project.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path

import duckdb
import pycountry

from models.tables import CATALOG
from models.tables.base import TableClass, declaration
from pipelines.nightly import nightly, replay
from pipelines.warehouse.store import FILE_NAME, place
from pipelines.workspace import PROJECT, SETTINGS_FILE, Workspace
from tests.shops import BILLED_BY_NIGHT, DECIDED_BY_NIGHT

_named = os.environ.get("ORDERHOUSE_REALDATA")
FOLDER = Path(_named) if _named else Path(__file__).resolve().parents[2] / "shared" / "realdata"
REALDATA: Path | None = FOLDER if FOLDER.is_dir() else None
"""The folder of real data, or none."""

Hashes = dict[str, tuple[int, int]]
"""By table: its rows, and the sum of their hashes, whatever their order."""


def online_retail(root: Path, upto: date | None = None) -> Workspace:
    """The web shop with its daily files in landing, those after `upto` left out."""
    files = sorted((FOLDER / "online_retail" / "by-day").glob("*.csv"))
    kept = [file for file in files if upto is None or date.fromisoformat(file.stem) <= upto]
    return _landed(root, "online_retail", kept, "Europe/London", "GBP", date(2010, 12, 1))


def oracle(root: Path) -> Workspace:
    """The clothes shop with a file per table in landing."""
    files = sorted((FOLDER / "oracle_customer_orders" / "csv").glob("*.csv"))
    return _landed(root, "oracle_customer_orders", files, "UTC", "USD", date(2021, 2, 4))


def _landed(root: Path, source: str, files: Iterable[Path], zone: str, currency: str, goes_live_on: date) -> Workspace:
    landing = root / "landing" / source
    landing.mkdir(parents=True)
    for file in files:
        shutil.copy2(file, landing / file.name)
    (root / SETTINGS_FILE).write_text(
        f'[business]\ntime_zone = "{zone}"\nreporting_currency = "{currency}"\ngoes_live_on = {goes_live_on}\n',
        encoding="utf-8",
    )
    return Workspace(root)


def taxed(found: Workspace) -> Workspace:
    """The workspace as a shop of Britain that bills every channel, at 20 percent everywhere."""
    with found.settings_file.open("a", encoding="utf-8") as settings:
        settings.write('[company]\ncountry = "GB"\n')
    (found.root / "rules").mkdir()
    rates = "".join(f"STD,{country.alpha_2},,20\n" for country in pycountry.countries)
    (found.root / "rules" / "tax_rates.csv").write_text(f"tax_code,country,valid_from,rate_percent\n{rates}", "utf-8")
    channels = (PROJECT / "data" / "rules" / "channels.csv").read_text(encoding="utf-8").replace(",none,", ",,")
    (found.root / "rules" / "channels.csv").write_text(channels, encoding="utf-8")
    return Workspace(found.root)


def compared_night_by_night(work: Path, first: date, last: date) -> tuple[float, float]:
    """Close the web shop's dates in one night, and night by night in another workspace, and compare every table.

    Nothing is held or told late in this data, so that the tables differ in nothing but the nights that they name.

    Returns:
        The seconds of the one night, and of the nights one by one.
    """
    shutil.rmtree(work, ignore_errors=True)
    at_once, one_by_one = online_retail(work / "at_once"), online_retail(work / "one_by_one")
    one, many = _seconds(lambda: nightly(at_once, last)), _seconds(lambda: replay(one_by_one, first, last))
    assert_same_warehouses(at_once, one_by_one, last)
    return one, many


def _seconds(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def assert_same_warehouses(one: Workspace, other: Workspace, last: date, but: tuple[str, ...] = ()) -> None:
    """Both have the same rows in every table of the warehouse, but for the nights they name; tables in `but` apart.

    Of tables with a slice per night only that of `last` is compared: only that night is in both.
    """
    with duckdb.connect() as both:
        both.execute(f"ATTACH '{one.warehouse / FILE_NAME}' AS one (READ_ONLY)")
        both.execute(f"ATTACH '{other.warehouse / FILE_NAME}' AS other (READ_ONLY)")
        for table in CATALOG:
            name = place(table)
            if name in but or declaration(table).name in BILLED_BY_NIGHT:
                continue
            rows = f"SELECT * EXCLUDE ({', '.join(_nights(both, table))}) FROM {{}}.{name}"
            if not _nights(both, table):
                rows = f"SELECT * FROM {{}}.{name}"
            if declaration(table).kind == "night":
                rows += f" WHERE as_of = DATE '{last}'"
            here, there = rows.format("one"), rows.format("other")
            lost = both.sql(f"({here}) EXCEPT ALL ({there})").fetchall()
            gained = both.sql(f"({there}) EXCEPT ALL ({here})").fetchall()
            assert not lost and not gained, f"{name}: {len(lost)} rows such as {lost[:1]} became {gained[:1]}"


def _nights(both: duckdb.DuckDBPyConnection, table: TableClass) -> list[str]:
    names = both.sql(f"FROM one.{place(table)} LIMIT 0").columns
    return [name for name in names if name in DECIDED_BY_NIGHT]


def hashes(file: Path) -> Hashes:
    """The content of every table of a DuckDB file, as hashes; which publication was the last is no content."""
    with duckdb.connect(file, read_only=True) as opened:
        opened.execute("SET TimeZone = 'UTC'")
        tables = opened.sql(
            """SELECT schema_name || '."' || table_name || '"' FROM duckdb_tables()
               WHERE NOT internal AND table_name <> 'meta' ORDER BY ALL"""
        ).fetchall()
        return {
            name: opened.sql(f"SELECT count(*), coalesce(sum(hash(t)), 0) FROM {name} t").fetchall()[0]
            for (name,) in tables
        }
