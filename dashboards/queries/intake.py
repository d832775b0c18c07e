"""What came in, and what became of it."""

from datetime import date
from typing import Any

import polars as pl

from dashboards.queries import ROWS_DOWNLOADED, ROWS_SHOWN, Scope, period, read


def first_file(scope: Scope) -> date | None:
    """The first night that took a file in."""
    found: date | None = read(scope, "SELECT min(as_of) AS day FROM feed_files")["day"][0]
    return found


def intake_counts(scope: Scope) -> dict[str, Any]:
    """Files and records of the period, by what became of them."""
    return read(
        scope,
        """
        SELECT count(*) AS files, coalesce(sum(rows_in), 0)::BIGINT AS rows_in, coalesce(sum(accepted), 0)::BIGINT AS accepted,
               coalesce(sum(rejected), 0)::BIGINT AS rejected, coalesce(sum(duplicates), 0)::BIGINT AS duplicates,
               count(*) FILTER (status = 'held') AS held, count(*) FILTER (status = 'duplicate') AS duplicate_files,
               (SELECT count(*) FROM waiting_rows) AS waiting
        FROM feed_files WHERE as_of BETWEEN $start AND $end
        """,
        **period(scope),
    ).row(0, named=True)


def feeds_arrived(scope: Scope) -> pl.DataFrame:
    """Each feed: when it came last, what came that day, and on how many of the last 28 days it came."""
    return read(
        scope,
        """
        SELECT feed, max(as_of) FILTER (status = 'loaded') AS last_on,
               count(*) FILTER (as_of = $as_of AND status = 'loaded') AS files,
               coalesce(sum(rows_in) FILTER (as_of = $as_of), 0)::BIGINT AS rows_in,
               coalesce(sum(rejected) FILTER (as_of = $as_of), 0)::BIGINT AS rejected,
               count(*) FILTER (status = 'held') AS held,
               count(DISTINCT as_of) FILTER (status = 'loaded' AND as_of > $as_of - 28) AS days_of_28,
               count(DISTINCT as_of) FILTER (status = 'loaded' AND as_of > $as_of - 28 AND as_of < $as_of
                                             AND dayofweek(as_of) = dayofweek($as_of)) AS same_weekdays
        FROM feed_files WHERE as_of <= $as_of GROUP BY feed ORDER BY feed
        """,
        as_of=scope.as_of,
    )


def taken_in(scope: Scope) -> dict[str, Any]:
    """What the last night took in: files, records, rejects, duplicates, held files."""
    return read(
        scope,
        """
        SELECT count(*) FILTER (status = 'loaded') AS files, coalesce(sum(rows_in), 0)::BIGINT AS rows_in,
               coalesce(sum(accepted), 0)::BIGINT AS accepted, coalesce(sum(rejected), 0)::BIGINT AS rejected,
               coalesce(sum(duplicates), 0)::BIGINT AS duplicates, count(*) FILTER (status = 'held') AS held
        FROM feed_files WHERE as_of = $as_of
        """,
        as_of=scope.as_of,
    ).row(0, named=True)


def arrivals(scope: Scope) -> pl.DataFrame:
    """Records taken in by feed and night."""
    return read(
        scope,
        """
        SELECT feed, as_of AS day, count(*) FILTER (status = 'loaded') AS files, sum(rows_in)::BIGINT AS rows_in,
               sum(rejected)::BIGINT AS rejected, count(*) FILTER (status = 'held') AS held
        FROM feed_files WHERE as_of BETWEEN $start AND $end GROUP BY 1, 2 ORDER BY 1, 2
        """,
        **period(scope),
    )


def rejects_by_reason(scope: Scope, feeds: tuple[str, ...] = ()) -> pl.DataFrame:
    """Rejected records by night and reason code; a record with two reasons counts under both."""
    chosen = "AND list_contains($feeds, feed)" if feeds else ""
    return read(
        scope,
        f"""
        SELECT as_of AS day, feed, trim(split_part(reason, ':', 2)) AS code, trim(split_part(reason, ':', 1)) AS column_name,
               count(*) AS records
        FROM (SELECT as_of, feed, unnest(reasons) AS reason FROM rejected_rows WHERE as_of BETWEEN $start AND $end {chosen})
        GROUP BY ALL ORDER BY 1, 5 DESC, 2, 3, 4
        """,
        **period(scope),
        feeds=feeds,
    )


def rejected(scope: Scope, feeds: tuple[str, ...] = (), *, limit: int = ROWS_SHOWN) -> pl.DataFrame:
    """Rejected records of the period with their reasons, the newest first."""
    chosen = "AND list_contains($feeds, r.feed)" if feeds else ""
    return read(
        scope,
        f"""
        SELECT r.as_of AS as_of, r.feed AS feed, file.name AS name, record_number, reasons, raw, "values", r.file_id AS file_id
        FROM rejected_rows AS r
        LEFT JOIN (SELECT file_id, min(name) AS name FROM feed_files GROUP BY ALL) AS file ON file.file_id = r.file_id
        WHERE r.as_of BETWEEN $start AND $end {chosen}
        ORDER BY r.as_of DESC, r.feed, file.name, record_number LIMIT {limit}
        """,
        **period(scope),
        feeds=feeds,
    )


def rejected_count(scope: Scope, feeds: tuple[str, ...] = ()) -> int:
    """How many records of the period were rejected."""
    chosen = "AND list_contains($feeds, feed)" if feeds else ""
    sql = f"SELECT count(*) AS records FROM rejected_rows WHERE as_of BETWEEN $start AND $end {chosen}"
    return int(read(scope, sql, **period(scope), feeds=feeds)["records"][0])


def files(scope: Scope, *, limit: int = ROWS_SHOWN) -> pl.DataFrame:
    """Delivered files of the period, the newest first."""
    return read(
        scope,
        f"""
        SELECT as_of, feed, name, status, rows_in, accepted, rejected, duplicates, reason, file_id
        FROM feed_files WHERE as_of BETWEEN $start AND $end ORDER BY file_sequence DESC, name LIMIT {limit}
        """,
        **period(scope),
    )


def held_files(scope: Scope) -> pl.DataFrame:
    """Files that could not be read and are tried again every night."""
    return read(
        scope, "SELECT as_of, feed, name, reason FROM feed_files WHERE status = 'held' ORDER BY as_of DESC, name"
    )


def waiting(scope: Scope) -> pl.DataFrame:
    """Accepted records that wait for something, the oldest first."""
    return read(
        scope,
        'SELECT feed, "key", waits_for, since, $as_of - since AS days_waiting FROM waiting_rows'
        f' ORDER BY since, feed, "key" LIMIT {ROWS_DOWNLOADED}',
        as_of=scope.as_of,
    )
