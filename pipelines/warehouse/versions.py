"""Accepted rows of feeds: which say something new, which are versions, and which of them counts on a day."""

from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl

from models.rules.calendar import business_date
from models.tables import FEEDS
from models.tables.base import declaration, own_columns, polars_schema
from pipelines.warehouse.store import Warehouse


def load(warehouse: Warehouse, feed: str, accepted: pl.DataFrame, sequences: Mapping[str, int], time_zone: str) -> None:
    """Store accepted rows, whatever is known of their keys already; `settle` sorts that out.

    Args:
        warehouse: inside a transaction.
        feed: the feed's name.
        accepted: its own columns, file_id and record_number.
        sequences: the order in which each file was taken in, by file_id.
        time_zone: the business time zone.
    """
    table = FEEDS[feed]
    schema = polars_schema(table)
    arrives_by = declaration(table).arrives_by

    def day_of(name: str | None) -> pl.Expr:
        if name is None or name not in schema:
            return pl.lit(None, pl.Date)
        return pl.col(name) if schema[name] == pl.Date else business_date(pl.col(name), time_zone)

    stored = accepted.select(
        *schema.names(),
        file_sequence=pl.col("file_id").replace_strict(sequences, return_dtype=pl.Int64),
        arrives_on=day_of(arrives_by),
        revised_on=day_of("updated_at"),
    )
    warehouse.insert(f"feeds.{feed}", stored)


def unload(warehouse: Warehouse, feed: str, sequence: int) -> None:
    """Take back the rows of a file that turned out to be unreadable."""
    warehouse.add_gathered()
    warehouse.run(f"DELETE FROM feeds.{feed} WHERE file_sequence = ?", [sequence])


def settle(warehouse: Warehouse, feed: str, first_sequence: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Drop the rows that say nothing new, and the ones that contradict a ledger.

    A row equal to an earlier one of its key, in the order of files and records, is a duplicate. Other content under the
    key of a ledger is a conflict; elsewhere it is a version and stays.

    Args:
        warehouse: inside a transaction.
        feed: the feed's name.
        first_sequence: rows of files from here on are new.

    Returns:
        Duplicates (file_id, record_number) and conflicts (file_id, record_number, key, first_file_id, first_record).
    """
    table = FEEDS[feed]
    key = ", ".join(f'"{part}"' for part in declaration(table).key)
    own = ", ".join(f'"{column.name}"' for column in own_columns(table))
    place = f"feeds.{feed}"
    new = f"file_sequence >= {first_sequence}"
    warehouse.run(
        f"""
        CREATE OR REPLACE TEMP TABLE repeated AS
        WITH new_keys AS (SELECT {key}, count(*) AS times FROM {place} WHERE {new} GROUP BY ALL)
        SELECT {key} FROM new_keys WHERE times > 1
        UNION
        SELECT {key} FROM new_keys SEMI JOIN (SELECT {key} FROM {place} WHERE NOT {new}) USING ({key})
        """
    )
    if not warehouse.value("SELECT count(*) FROM repeated"):
        nothing = pl.DataFrame(schema={"file_id": pl.String, "record_number": pl.Int64})
        return nothing, nothing
    order = "file_sequence, record_number"
    warehouse.run(
        f"""
        CREATE OR REPLACE TEMP TABLE ranked AS
        SELECT rowid AS row, {key}, file_id, record_number, file_sequence,
               row_number() OVER (PARTITION BY {own} ORDER BY {order}, rowid) AS nth
        FROM {place} SEMI JOIN repeated USING ({key})
        """
    )
    duplicates = warehouse.frame(f"SELECT file_id, record_number FROM ranked WHERE nth > 1 AND {new}")
    warehouse.run(f"DELETE FROM {place} WHERE rowid IN (SELECT row FROM ranked WHERE nth > 1 AND {new})")
    warehouse.run("DELETE FROM ranked WHERE nth > 1")
    conflicts = pl.DataFrame(schema={"file_id": pl.String, "record_number": pl.Int64})
    if declaration(table).is_ledger:
        warehouse.run(
            f"""
            CREATE OR REPLACE TEMP TABLE conflicting AS
            SELECT *, first_value(file_id) OVER earlier AS first_file_id,
                   first_value(record_number) OVER earlier AS first_record
            FROM ranked
            WINDOW earlier AS (PARTITION BY {key} ORDER BY {order}, row)
            QUALIFY row_number() OVER earlier > 1
            """
        )
        conflicts = warehouse.frame(
            f"""SELECT file_id, record_number, concat_ws('/', {key}) AS key, first_file_id, first_record
                FROM conflicting WHERE {new} ORDER BY ALL"""
        )
        warehouse.run(f"DELETE FROM {place} WHERE rowid IN (SELECT row FROM conflicting WHERE {new})")
    else:
        warehouse.run(
            f"""INSERT INTO feeds.revised_{feed}
                SELECT {key} FROM ranked GROUP BY ALL HAVING count(*) > 1
                EXCEPT SELECT {key} FROM feeds.revised_{feed}"""
        )
    return duplicates, conflicts


def current(
    feed: str, as_of: date, columns: Sequence[str] = (), within: str = "", retracted: str = "retracted_files"
) -> str:
    """A query of the rows of a feed that count at the end of a day: of every key the last version in effect.

    Rows of retracted files do not count. Order lines are asked for without a day of their own: they take effect with
    their order.

    Args:
        feed: the feed's name.
        as_of: the day.
        columns: the columns wanted, all without.
        within: a join that narrows the rows, such as `SEMI JOIN touched USING (order_id)`.
        retracted: the table of retracted files.
    """
    table = FEEDS[feed]
    key = ", ".join(f'"{part}"' for part in declaration(table).key)
    wanted = ", ".join(f'"{name}"' for name in columns or polars_schema(table).names())
    day = f"DATE '{as_of}'"
    stays = f"file_id NOT IN (FROM {retracted})"
    first = f"coalesce(arrives_on, {day}) <= {day}"
    rows = f"(FROM feeds.{feed} {within})"
    if declaration(table).is_ledger:
        return f"SELECT {wanted} FROM {rows} WHERE {first} AND {stays}"
    by_version = "updated_at NULLS FIRST, " if "updated_at" in polars_schema(table) else ""
    return f"""
        SELECT {wanted} FROM {rows} ANTI JOIN feeds.revised_{feed} USING ({key}) WHERE {first} AND {stays}
        UNION ALL
        SELECT {wanted} FROM (
            SELECT *, row_number() OVER (PARTITION BY {key} ORDER BY {by_version} file_sequence, record_number) AS version
            FROM {rows} SEMI JOIN feeds.revised_{feed} USING ({key}) WHERE {stays}
        )
        WHERE {first} AND (version = 1 OR coalesce(revised_on, {day}) <= {day})
        QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY version DESC) = 1
    """
