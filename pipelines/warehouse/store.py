"""The one file that the nights write: opened by one process, changed one stage at a time.

Every stage is one transaction together with its marker, so that a kill at any moment leaves whole stages only. Tables are
made from their declarations; how a stage writes follows from the kind of the table.
"""

import contextlib
import itertools
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from models.tables import CATALOG
from models.tables.base import Declaration, TableClass, declaration, polars_schema
from pipelines.workspace import OrderhouseError

SCHEMA_VERSION = 1
FILE_NAME = "orderhouse.duckdb"
GATHERED_FROM = 10_000
"""Frames from so many rows on are worth a file of their own."""
WRITTEN_BEHIND = 5
"""So many frames at most wait to be written while the next ones are computed."""
STORED_WITH_FEEDS = {"file_sequence": "BIGINT", "arrives_on": "DATE", "revised_on": "DATE"}
"""What is kept beside every accepted row: the order its file was taken in, and the business dates it takes effect."""


def sql_type(dtype: Any) -> str:
    """The DuckDB type that stores a Polars type."""
    match dtype:
        case pl.Decimal():
            return f"DECIMAL({dtype.precision},{dtype.scale})"
        case pl.Datetime():
            return "TIMESTAMP WITH TIME ZONE"
        case pl.List():
            return f"{sql_type(dtype.inner)}[]"
    return {pl.String: "VARCHAR", pl.Int64: "BIGINT", pl.Date: "DATE", pl.Boolean: "BOOLEAN"}[dtype.base_type()]


def in_utc(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with its moments in UTC under that name."""
    moments = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.Datetime)]
    return frame.with_columns(pl.col(name).dt.convert_time_zone("UTC") for name in moments) if moments else frame


def place(table: TableClass | Declaration) -> str:
    """Where a table lies: `schema.name`."""
    declared = table if isinstance(table, Declaration) else declaration(table)
    return f"{declared.schema}.{declared.name}"


class Warehouse:
    """The open warehouse file of one workspace.

    A second thread may read what the first will need next: every statement has the connection for itself.
    """

    def __init__(self, folder: Path, *, memory: str = "600MB") -> None:
        """Open or create the file.

        Raises:
            OrderhouseError: a newer program wrote it.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.path, self.spill = folder / FILE_NAME, folder / "spill"
        self._gathered: dict[str, list[str]] | None = None
        self._numbers = itertools.count()
        self._alone = threading.RLock()
        self._behind: deque[Future[Any]] = deque()
        self._writer: ThreadPoolExecutor | None = None
        try:
            self.connection = duckdb.connect(self.path)
        except duckdb.Error as error:
            raise OrderhouseError(
                f"{self.path} cannot be opened ({str(error).splitlines()[0]}); "
                "make it anew from archive and journal by `orderhouse rebuild`."
            ) from error
        self.run("SET TimeZone = 'UTC'")
        self.run(f"SET memory_limit = '{memory}'")
        self.run(f"SET temp_directory = '{self.spill}'")
        self.run("SET checkpoint_threshold = '256MB'")
        self.run("SET enable_progress_bar = false")
        self._create()

    def close(self) -> None:
        """Close the file; what is committed stays."""
        with self._alone:
            self.connection.close()

    def __enter__(self) -> "Warehouse":
        """The warehouse itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def run(self, sql: str, params: Any = None) -> None:
        """Carry out a statement that returns nothing."""
        with self._alone:
            self.connection.execute(sql, params)

    def changed(self, sql: str, params: Any = None) -> int:
        """Carry out a statement; returns how many rows it added, changed or deleted."""
        with self._alone:
            [(rows,)] = self.connection.execute(sql, params).fetchall()
        return int(rows)

    def frame(self, sql: str, params: Any = None) -> pl.DataFrame:
        """The rows of a query."""
        with self._alone:
            rows = self.connection.sql(sql, params=params).pl()
        return in_utc(rows)

    def value(self, sql: str, params: Any = None) -> Any:
        """The first value of a query, or none."""
        with self._alone:
            rows = self.connection.execute(sql, params).fetchall()
        return rows[0][0] if rows else None

    def table(
        self, table: TableClass, where: str = "true", params: Any = None, *, columns: Sequence[str] = ()
    ) -> pl.DataFrame:
        """The rows of a table, with its declared types: the columns named, else all."""
        schema = polars_schema(table)
        wanted = pl.Schema({name: schema[name] for name in columns or schema})
        names = ", ".join(f'"{name}"' for name in wanted)
        return self.frame(f"SELECT {names} FROM {place(table)} WHERE {where}", params).cast(wanted)

    def write(self, table: TableClass, file: Path, where: str = "true") -> None:
        """Write rows of a table, ordered by its key, into a Parquet file, with little memory however many they are."""
        names = ", ".join(f'"{name}"' for name in polars_schema(table).names())
        key = ", ".join(f'"{part}"' for part in declaration(table).key)
        target = str(file).replace("'", "''")
        self.run(
            f"COPY (SELECT {names} FROM {place(table)} WHERE {where} ORDER BY {key}) TO '{target}' (FORMAT parquet)"
        )

    @contextlib.contextmanager
    def given(self, **frames: pl.DataFrame) -> Iterator[None]:
        """Frames that queries may name meanwhile."""
        with self._alone:
            for name, frame in frames.items():
                self.connection.register(name, frame)
        try:
            yield
        finally:
            with self._alone:
                for name in frames:
                    self.connection.unregister(name)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing."""
        self.run("BEGIN")
        try:
            yield
        except BaseException:
            with contextlib.suppress(duckdb.Error):
                self.run("ROLLBACK")
            raise
        self.run("COMMIT")

    @contextlib.contextmanager
    def stage(self, as_of: date, name: str) -> Iterator[None]:
        """One stage of a night: all it writes, and its marker."""
        with self.transaction():
            yield
            self.run("INSERT OR REPLACE INTO core.stage_markers VALUES (?, ?)", [as_of, name])

    def append(self, table: TableClass, frame: pl.DataFrame) -> int:
        """Add rows to a table; returns how many."""
        self.insert(place(table), frame.select(polars_schema(table).names()))
        return frame.height

    def insert(self, target: str, frame: pl.DataFrame) -> None:
        """Add rows to `schema.name` by the names of their columns."""
        if self._gathered is not None and (frame.height >= GATHERED_FROM or self._gathered.get(target)):
            self._gather(target, frame)
        elif frame.height:
            with self._alone, self.given(inserted=frame):
                self.run(f"INSERT INTO {target} BY NAME SELECT * FROM inserted")

    @contextlib.contextmanager
    def gathered(self) -> Iterator[None]:
        """Gather the large frames that are added meanwhile, and what follows them, in files; add them to their tables at the end.

        One insert per table keeps the memory of a transaction small and uses every core. Files are written while the next
        frames are computed. Tables do not show the rows before the end.
        """
        self.spill.mkdir(parents=True, exist_ok=True)
        self._gathered = {}
        try:
            with ThreadPoolExecutor(1) as self._writer:
                yield
                for target in self._gathered:
                    self.add_gathered(target)
        finally:
            self._gathered, self._writer = None, None
            self._behind.clear()
            for file in self.spill.glob("gathered-*.parquet"):
                file.unlink()

    def _gather(self, target: str, frame: pl.DataFrame) -> None:
        assert self._gathered is not None
        assert self._writer is not None
        file = str(self.spill / f"gathered-{next(self._numbers)}.parquet")
        if len(self._behind) >= WRITTEN_BEHIND:
            self._behind.popleft().result()
        self._behind.append(self._writer.submit(frame.write_parquet, file, compression="lz4", statistics=False))
        self._gathered.setdefault(target, []).append(file)

    def awaiting(self, target: str) -> str:
        """A query of the rows that are gathered for a table and not added yet."""
        while self._behind:
            self._behind.popleft().result()
        files = (self._gathered or {}).get(target)
        if not files:
            return f"FROM {target} WHERE false"
        listed = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
        return f"FROM read_parquet([{listed}])"

    def add_gathered(self, target: str, but: str = "") -> None:
        """Add to a table what is gathered for it so far, but those rows that a join leaves out."""
        if self._gathered and self._gathered.get(target):
            rows = self.awaiting(target)
            with self._alone:
                # tables have no order, and to keep one takes all but one core
                self.run("SET preserve_insertion_order = false")
                try:
                    self.run(f"INSERT INTO {target} BY NAME SELECT * FROM ({rows}) {but}")
                finally:
                    with contextlib.suppress(duckdb.Error):
                        self.run("SET preserve_insertion_order = true")
            self._gathered[target] = []

    def append_new(self, table: TableClass, frame: pl.DataFrame) -> int:
        """Add to a ledger the rows whose key it has not; returns how many."""
        key = list(declaration(table).key)
        with self.given(offered=frame.select(key)):
            known = self.frame(f"SELECT DISTINCT o.* FROM offered o SEMI JOIN {place(table)} USING ({', '.join(key)})")
        return self.append(table, frame.join(known, on=key, how="anti") if known.height else frame)

    def replace(self, table: TableClass, frame: pl.DataFrame, where: str, params: Any = None) -> int:
        """Put rows in the place of those that `where` names; returns how many are new."""
        self.run(f"DELETE FROM {place(table)} WHERE {where}", params)
        return self.append(table, frame)

    def _create(self) -> None:
        self.run("CREATE SCHEMA IF NOT EXISTS feeds")
        self.run("CREATE SCHEMA IF NOT EXISTS core")
        self.run("CREATE SCHEMA IF NOT EXISTS marts")
        self.run("CREATE TABLE IF NOT EXISTS core.meta (name VARCHAR PRIMARY KEY, value VARCHAR)")
        written = int(self.value("SELECT value FROM core.meta WHERE name = 'schema_version'") or SCHEMA_VERSION)
        if written > SCHEMA_VERSION:
            raise OrderhouseError(
                f"{self.path} was written by a newer Orderhouse (schema {written}, this one knows {SCHEMA_VERSION}); "
                "install that version or name another workspace."
            )
        with self.transaction():
            self.run("INSERT OR REPLACE INTO core.meta VALUES ('schema_version', ?)", [str(SCHEMA_VERSION)])
            self.run(
                "CREATE TABLE IF NOT EXISTS core.stage_markers (as_of DATE, stage VARCHAR, PRIMARY KEY (as_of, stage))"
            )
            self.run(
                """CREATE TABLE IF NOT EXISTS core.nights (
                as_of DATE PRIMARY KEY, file_sequence BIGINT, rules VARCHAR, acts BOOLEAN)"""
            )
            self.run("CREATE TABLE IF NOT EXISTS core.unpublished_orders (order_id VARCHAR)")
            self.run("CREATE TABLE IF NOT EXISTS core.unpublished_nights (as_of DATE PRIMARY KEY)")
            self.run("CREATE TABLE IF NOT EXISTS core.unwritten_nights (as_of DATE PRIMARY KEY)")
            self.run(
                """CREATE TABLE IF NOT EXISTS core.retractions (
                file_id VARCHAR PRIMARY KEY, is_retracted BOOLEAN, changed_on DATE)"""
            )
            self.run("CREATE TABLE IF NOT EXISTS core.parts (file_sequence BIGINT, record_number BIGINT)")
            self.run("CREATE TABLE IF NOT EXISTS core.changed_stock (sku VARCHAR, from_day DATE)")
            self.run(
                "CREATE TABLE IF NOT EXISTS core.publications (as_of DATE PRIMARY KEY, published_at TIMESTAMP WITH TIME ZONE)"
            )
            found: dict[str, dict[str, str]] = {}
            for name, column, type_ in self.connection.sql(
                "SELECT schema_name || '.' || table_name, column_name, data_type FROM duckdb_columns()"
            ).fetchall():
                found.setdefault(name, {})[column] = type_
            for table in CATALOG:
                self._fit(table, found)

    def _fit(self, table: TableClass, known: dict[str, dict[str, str]]) -> None:
        """Make a table, or fit one that an older program made to its declaration.

        What a night can compute again is made anew, and the next night judges every order; what was delivered, decided
        or issued is carried over, with empty new columns.

        Args:
            table: the table as declared.
            known: the columns of every table of the file, with their types.
        """
        declared, schema = declaration(table), polars_schema(table)
        columns = {name: sql_type(dtype) for name, dtype in schema.items()}
        if declared.kind == "feed":
            columns |= STORED_WITH_FEEDS
            beside = {"revised": {part: columns[part] for part in declared.key}, "repeated": columns}
            for what, theirs in beside.items():
                if f"feeds.{what}_{declared.name}" not in known:
                    listed = ", ".join(f'"{name}" {type_}' for name, type_ in theirs.items())
                    self.run(f"CREATE TABLE feeds.{what}_{declared.name} ({listed})")
        found = known.get(place(table), {})
        if found == columns:
            return
        if found and (declared.kind != "state" or declared.is_kept):
            if any(columns.get(name) != type_ for name, type_ in found.items()):
                raise OrderhouseError(
                    f"{place(table)} in {self.path} has another shape than this program knows; run `orderhouse rebuild`."
                )
            for name in columns.keys() - found.keys():
                self.run(f'ALTER TABLE {place(table)} ADD COLUMN "{name}" {columns[name]}')
                if declared.kind == "feed":
                    self.run(
                        f'ALTER TABLE feeds.repeated_{declared.name} ADD COLUMN IF NOT EXISTS "{name}" {columns[name]}'
                    )
        else:
            listed = ", ".join(f'"{name}" {type_}' for name, type_ in columns.items())
            self.run(f"CREATE OR REPLACE TABLE {place(table)} ({listed})")
        self.run("UPDATE core.nights SET rules = NULL")

    def meta(self, name: str, value: str) -> str:
        """What is remembered under a name; the given value from now on where nothing was."""
        known = self.value("SELECT value FROM core.meta WHERE name = ?", [name])
        if known is None:
            self.run("INSERT INTO core.meta VALUES (?, ?)", [name, value])
            return value
        return str(known)

    def count(self, table: TableClass) -> int:
        """How many rows a table has."""
        return int(self.value(f"SELECT count(*) FROM {place(table)}"))

    def filled(self, *places: str) -> set[str]:
        """Which of these tables, named or as queries in parentheses, have rows."""
        asked = " UNION ALL ".join(f"(SELECT {nth} AS nth FROM {place} LIMIT 1)" for nth, place in enumerate(places))
        return {places[nth] for nth in self.frame(asked)["nth"]}
