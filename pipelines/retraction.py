"""Files taken back: their rows count no more, and those they had kept from counting do, as if they had never come."""

from datetime import date

import polars as pl

from models.tables import FEEDS
from models.tables.base import declaration, polars_schema
from models.tables.intake import RejectedRow
from pipelines import feeds
from pipelines.intake import Delivery, archive_path, keep_rejected, load_source
from pipelines.warehouse import Warehouse, versions
from pipelines.workspace import Workspace

RECORD = ["file_id", "feed", "record_number"]


def settle_again(warehouse: Warehouse, workspace: Workspace, as_of: date) -> None:
    """Settle anew what retractions upset: the rows that repeat or contradict a row of a file that was taken back.

    Nothing is done where neither the retracted files nor the files taken in are others than when this was done last.

    Args:
        warehouse: after `nights.find_retracted` of the night, outside a transaction.
        workspace: whose archive keeps the files.
        as_of: the night.
    """
    newest = warehouse.value("SELECT max(file_sequence)::VARCHAR FROM core.feed_files")
    changed = f"""SELECT file_id FROM ((FROM retracted_files EXCEPT ({versions.NOT_COUNTED}))
                                       UNION (({versions.NOT_COUNTED}) EXCEPT FROM retracted_files))"""
    if not warehouse.value(f"SELECT count(*) FROM ({changed})") and (
        not warehouse.value(f"SELECT count(*) FROM ({versions.NOT_COUNTED})")
        or warehouse.value("SELECT value FROM core.meta WHERE name = 'settled_up_to'") == newest
    ):
        return
    with warehouse.transaction():
        warehouse.run(f"CREATE OR REPLACE TEMP TABLE flipped AS {changed}")
        warehouse.run(
            f"""INSERT OR REPLACE INTO core.retractions
                SELECT file_id, file_id IN (FROM retracted_files), DATE '{as_of}' FROM flipped"""
        )
        again = _map_again(warehouse, workspace, as_of)
        upset = f"SELECT file_id FROM core.retractions WHERE is_retracted OR changed_on = DATE '{as_of}'"
        judged = {feed: versions.settle_again(warehouse, feed, upset, all_aside=bool(again)) for feed in FEEDS}
        for feed, rows in judged.items():
            if declaration(FEEDS[feed]).is_ledger:
                _reject_again(warehouse, workspace, rows)
        counted = pl.DataFrame({"file_sequence": again}, schema={"file_sequence": pl.Int64})
        _count_again(
            warehouse, pl.concat([counted, *(rows.select("file_sequence") for rows in judged.values())]).unique()
        )
        warehouse.run("INSERT OR REPLACE INTO core.meta VALUES ('settled_up_to', ?)", [newest])


def _map_again(warehouse: Warehouse, workspace: Workspace, as_of: date) -> list[int]:
    """Map the files of sources anew that saw a file whose retraction changed; every order is judged again then.

    Returns:
        Their numbers in the order taken in.
    """
    again: list[int] = []
    for source, folder in workspace.source_folders().items():
        files = warehouse.frame(
            f"""SELECT file_id, name, as_of, file_sequence FROM core.feed_files
                WHERE feed = ? AND status = 'loaded' AND file_id NOT IN ({versions.NOT_COUNTED}) AND file_sequence >= (
                    SELECT min(file_sequence) FROM core.feed_files WHERE feed = ? AND file_id IN (FROM flipped))
                ORDER BY file_sequence""",
            [source, source],
        )
        if files.is_empty():
            continue
        with warehouse.given(files=files):
            for feed in FEEDS:
                for place in (f"feeds.{feed}", f"feeds.{versions.ASIDE}_{feed}"):
                    warehouse.run(f"DELETE FROM {place} WHERE file_sequence IN (SELECT file_sequence FROM files)")
            warehouse.run("DELETE FROM core.parts WHERE file_sequence IN (SELECT file_sequence FROM files)")
            warehouse.run(
                "DELETE FROM core.rejected_rows WHERE feed = ? AND file_id IN (SELECT file_id FROM files)", [source]
            )
            warehouse.run(f"INSERT OR REPLACE INTO core.retractions SELECT file_id, false, DATE '{as_of}' FROM files")
        batch = [
            (Delivery(source, row["name"], row["file_id"], None, sequence=row["file_sequence"]), row["as_of"])
            for row in files.iter_rows(named=True)
        ]
        load_source(warehouse, workspace, folder, [each for each, _ in batch])
        keep_rejected(warehouse, batch)
        again += files["file_sequence"].to_list()
    if again:
        warehouse.run("UPDATE core.nights SET rules = NULL WHERE as_of < ?", [as_of])
    return again


def _reject_again(warehouse: Warehouse, workspace: Workspace, judged: pl.DataFrame) -> None:
    """Reject the records that contradict another now, and no longer those that only did before."""
    if judged.is_empty():
        return
    files = _files(warehouse, judged.select("file_sequence").unique())
    rows = judged.join(files.select("file_sequence", "feed", "name", "as_of"), on="file_sequence", validate="m:1")
    with warehouse.given(records=rows.select(RECORD).unique()):
        known = warehouse.frame(f"SELECT * FROM core.rejected_rows SEMI JOIN records USING ({', '.join(RECORD)})")
    told = known.select(*RECORD, "reasons").explode("reasons")
    lifted = told.join(rows, on=RECORD).filter(pl.col("reasons").str.starts_with(pl.col("conflict")))
    reasons = (
        pl.concat(
            [
                told.join(lifted, on=[*RECORD, "reasons"], how="anti", maintain_order="left"),
                rows.filter(pl.col("reason").is_not_null()).select(*RECORD, reasons="reason"),
            ]
        )
        .group_by(RECORD, maintain_order=True)
        .agg(pl.col("reasons").unique(maintain_order=True))
    )
    again = reasons.join(known.drop("reasons"), on=RECORD, how="left", validate="1:1")
    new = again.filter(pl.col("raw").is_null()).select(*RECORD, "reasons")
    raw = [again.filter(pl.col("raw").is_not_null())]
    for (file_id, name), records in new.join(
        files.select("file_id", "feed", "name", "as_of"), on=["file_id", "feed"], validate="m:1"
    ).group_by("file_id", "name"):
        found = feeds.raw(archive_path(workspace, str(file_id)), str(name), records["record_number"].to_list())
        raw.append(
            records.select(*RECORD, "reasons", "as_of").join(found, on="record_number", how="left", validate="m:1")
        )
    with warehouse.given(records=rows.select(RECORD).unique()):
        gone = f"({', '.join(RECORD)}) IN (SELECT ({', '.join(RECORD)}) FROM records)"
        whole = (
            pl.concat(raw, how="diagonal").select(polars_schema(RejectedRow).names()).cast(polars_schema(RejectedRow))
        )
        warehouse.replace(RejectedRow, whole.sort(RECORD), gone)


def _files(warehouse: Warehouse, sequences: pl.DataFrame) -> pl.DataFrame:
    with warehouse.given(sequences=sequences):
        return warehouse.frame("SELECT * FROM core.feed_files SEMI JOIN sequences USING (file_sequence)")


def _count_again(warehouse: Warehouse, sequences: pl.DataFrame) -> None:
    """Count the records of files anew: accepted is what a row is stored of, or what is a part of one, and not rejected."""
    stored = " UNION ".join(
        f"SELECT file_sequence, record_number FROM feeds.{feed} SEMI JOIN sequences USING (file_sequence)"
        for feed in FEEDS
    )
    stored += " UNION FROM core.parts SEMI JOIN sequences USING (file_sequence)"
    with warehouse.given(sequences=sequences):
        warehouse.run(
            f"""
            UPDATE core.feed_files AS f
            SET rejected = n.rejected, accepted = n.accepted, duplicates = f.rows_in - n.rejected - n.accepted
            FROM (
                SELECT file_sequence, count(*) FILTER (is_rejected) AS rejected, count(*) FILTER (NOT is_rejected AND is_stored)
                       AS accepted
                FROM (
                    SELECT file_sequence, record_number, bool_or(is_rejected) AS is_rejected, bool_or(is_stored) AS is_stored
                    FROM (
                        SELECT file_sequence, NULL AS record_number, false AS is_rejected, false AS is_stored FROM sequences
                        UNION ALL SELECT file_sequence, record_number, false, true FROM ({stored})
                        UNION ALL SELECT file_sequence, record_number, true, false FROM core.rejected_rows
                            JOIN (SELECT file_id, feed, file_sequence FROM core.feed_files SEMI JOIN sequences USING (file_sequence))
                            USING (file_id, feed)
                    ) GROUP BY ALL
                ) GROUP BY ALL
            ) n
            WHERE n.file_sequence = f.file_sequence
            """
        )
