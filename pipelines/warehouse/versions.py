"""Accepted rows of feeds: which say something new, which are versions, and which of them counts on a day."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

import polars as pl

from models.rules.calendar import business_date
from models.tables import FEEDS
from models.tables.base import declaration, own_columns, polars_schema
from pipelines.warehouse.store import Warehouse

ORDER = "file_sequence, record_number"
"""The order of files and records."""
ASIDE = "repeated"
"""`feeds.repeated_<feed>` keeps the rows set aside: they count when the file of the first one is taken back."""
NOT_COUNTED = "SELECT file_id FROM core.retractions WHERE is_retracted"
"""The files that are taken back, as last settled."""


class Settled(NamedTuple):
    """The new rows that were set aside, since they repeat or contradict a row that counts."""

    repeated: pl.DataFrame
    contradicting: pl.DataFrame


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
    warehouse.add_gathered(f"feeds.{feed}")
    warehouse.run(f"DELETE FROM feeds.{feed} WHERE file_sequence = ?", [sequence])


def settle(warehouse: Warehouse, feed: str, first_sequence: int) -> Settled:
    """Set aside the new rows that say nothing new, and the ones that contradict a ledger.

    A row is judged against the earlier rows, in the order of files and records, of files that stand and of its own file.
    Equal to one of them it is a duplicate. In a ledger the first row of a key counts, an equal one is a duplicate, any
    other contradicts it; elsewhere other content is a version and counts.

    Gathered rows are judged before they are added: a table from which rows that the same transaction added are deleted is
    written all over again at the commit.

    Args:
        warehouse: inside a transaction.
        feed: the feed's name.
        first_sequence: rows of files from here on are new.

    Returns:
        Repeated: file_id, record_number. Contradicting: these and the reason; ordered.
    """
    key, place = _key(feed), f"feeds.{feed}"
    new, awaiting = f"file_sequence >= {first_sequence}", warehouse.awaiting(place)
    warehouse.run(
        f"""
        CREATE OR REPLACE TEMP TABLE doubted AS
        WITH new_keys AS (
            SELECT {key}, count(*) AS times
            FROM (SELECT {key} FROM {place} WHERE {new} UNION ALL SELECT {key} FROM ({awaiting})) GROUP BY ALL
        )
        SELECT {key} FROM new_keys WHERE times > 1
        UNION
        SELECT {key} FROM {place} SEMI JOIN new_keys USING ({key}) WHERE NOT {new}
        """
    )
    warehouse.run(
        f"CREATE OR REPLACE TEMP TABLE doubtful AS SELECT * FROM ({awaiting}) SEMI JOIN doubted USING ({key})"
    )
    warehouse.add_gathered(place, f"ANTI JOIN doubted USING ({key})")
    if not warehouse.value("SELECT count(*) FROM doubted"):
        nothing = pl.DataFrame(schema={"file_id": pl.String, "record_number": pl.Int64})
        return Settled(nothing, nothing)
    aside = f"feeds.{ASIDE}_{feed}"
    _judge(warehouse, feed, "doubtful")
    _move(warehouse, place, aside, f"NOT is_outside AND verdict <> 'counts' AND {new}")
    _move(warehouse, "doubtful", aside, "is_outside AND verdict <> 'counts'")
    _move(warehouse, "doubtful", place, "is_outside AND verdict = 'counts'")
    warehouse.run("DROP TABLE doubtful")
    _note_revised(warehouse, feed)
    return Settled(
        warehouse.frame(f"SELECT file_id, record_number FROM verdicts WHERE verdict = 'repeats' AND {new}"),
        warehouse.frame(f"SELECT {_told(feed)} FROM verdicts WHERE verdict = 'contradicts' AND {new} ORDER BY ALL"),
    )


def settle_again(warehouse: Warehouse, feed: str, upset: str, *, all_aside: bool = False) -> pl.DataFrame:
    """Judge anew the rows whose keys some files have, when these are taken back or not any more.

    All is then as if the files taken back had never come, but that their own rows stay visible.

    Args:
        warehouse: inside a transaction.
        feed: the feed's name.
        upset: a query of the files.
        all_aside: the keys of all rows set aside are judged too, since rows of other keys are no more.

    Returns:
        Every row of these keys, ordered: file_id, record_number, file_sequence, conflict (how the reason begins if it
        contradicts another), reason (none if it does not).
    """
    key, place, aside = _key(feed), f"feeds.{feed}", f"feeds.{ASIDE}_{feed}"
    theirs = f"WHERE file_id IN ({upset})"
    warehouse.run(
        f"""CREATE OR REPLACE TEMP TABLE doubted AS
            SELECT DISTINCT {key} FROM (SELECT {key} FROM {place} {theirs}
                                        UNION ALL SELECT {key} FROM {aside} {"" if all_aside else theirs})"""
    )
    _judge(warehouse, feed, aside)
    _move(warehouse, place, aside, "NOT is_outside AND verdict <> 'counts'")
    _move(warehouse, aside, place, "is_outside AND verdict = 'counts'")
    _note_revised(warehouse, feed)
    return warehouse.frame(f"SELECT {_told(feed)} FROM verdicts ORDER BY ALL")


def _key(feed: str) -> str:
    return ", ".join(f'"{part}"' for part in declaration(FEEDS[feed]).key)


def _judge(warehouse: Warehouse, feed: str, outside: str) -> None:
    """Leave the temporary table `verdicts`: of each doubted row whether it counts, repeats or contradicts, and the first one.

    Args:
        warehouse: has the temporary table `doubted` of keys.
        feed: the feed's name.
        outside: the table of more rows than those in the feed's own: not added yet, or set aside.
    """
    table = FEEDS[feed]
    key = _key(feed)
    own = ", ".join(f'"{column.name}"' for column in own_columns(table))
    alike = key if declaration(table).is_ledger else own
    warehouse.run(
        f"""CREATE OR REPLACE TEMP TABLE in_order AS
            SELECT {own}, file_id, record_number, file_sequence, row, is_outside
            FROM (SELECT *, rowid AS row, false AS is_outside FROM feeds.{feed} SEMI JOIN doubted USING ({key})
                  UNION ALL BY NAME
                  SELECT *, rowid AS row, true AS is_outside FROM {outside} SEMI JOIN doubted USING ({key}))
            ORDER BY {ORDER}, is_outside, {own}"""
    )
    warehouse.run(
        f"""
        CREATE OR REPLACE TEMP TABLE verdicts AS
        WITH ranked AS (
            SELECT {key}, file_id, record_number, file_sequence, row, is_outside, rowid AS nth,
                   min(rowid) OVER (PARTITION BY {own}) AS content,
                   least(min(rowid) FILTER (file_id NOT IN ({NOT_COUNTED})) OVER (PARTITION BY {alike}),
                         min(rowid) OVER (PARTITION BY {alike}, file_id)) AS first
            FROM in_order
        )
        SELECT r.*, f.file_id AS first_file_id, f.record_number AS first_record,
               CASE WHEN r.nth = r.first THEN 'counts' WHEN r.content = f.content THEN 'repeats' ELSE 'contradicts' END
               AS verdict
        FROM ranked r JOIN (SELECT nth, content, file_id, record_number FROM ranked) f ON f.nth = r.first
        """
    )
    warehouse.run("DROP TABLE in_order")


def _move(warehouse: Warehouse, source: str, target: str, which: str) -> None:
    rows = f"WHERE rowid IN (SELECT row FROM verdicts WHERE {which})"
    warehouse.run(f"INSERT INTO {target} BY NAME SELECT * FROM {source} {rows}")
    warehouse.run(f"DELETE FROM {source} {rows}")


def _note_revised(warehouse: Warehouse, feed: str) -> None:
    key = _key(feed)
    warehouse.run(
        f"""INSERT INTO feeds.revised_{feed}
            SELECT {key} FROM verdicts WHERE verdict = 'counts' GROUP BY ALL HAVING count(*) > 1
            EXCEPT SELECT {key} FROM feeds.revised_{feed}"""
    )


def _told(feed: str) -> str:
    """The columns in which a row that contradicts another is told of."""
    column, key = declaration(FEEDS[feed]).key[0], f"concat_ws('/', {_key(feed)})"
    return f"""file_id, record_number, file_sequence,
               '{column}: key_conflict: ' || {key} || ' was used before with other content, by record ' AS conflict,
               CASE WHEN verdict = 'contradicts' THEN conflict || first_record || ' of file ' || first_file_id[:12] END AS reason"""


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
