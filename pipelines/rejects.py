"""Rejected records: listed, written as a file to repair, and sent again. Nothing is edited in the warehouse."""

import csv
import getpass
import hashlib
import io
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from models.tables import FEEDS
from models.tables.base import own_columns
from pipelines.warehouse.publish import write_whole
from pipelines.warehouse.read import published
from pipelines.workspace import OrderhouseError, Workspace, neutral, restored

REJECT_ID, REASONS, RAW = "reject_id", "reject_reasons", "reject_raw"
"""The columns beside the feed's own in a download; an upload may leave them."""
LONGEST_FIELD = 2**24
"""The raw text of a rejected record may be as long as a file with one unclosed quote."""


@dataclass(frozen=True)
class Landed:
    """A file of repaired records in landing."""

    file: Path
    rows: int


def listed(workspace: Workspace, feed: str | None, file: str | None) -> list[dict[str, Any]]:
    """Rejected records as of the newest publication that nobody has settled, in the order of files and records.

    Args:
        workspace: the workspace.
        feed: only this feed or source.
        file: only files whose id begins so, or of this name.

    Raises:
        OrderhouseError: no feed or source has this name.
    """
    known = (*FEEDS, *workspace.source_folders())
    if feed is not None and feed not in known:
        raise OrderhouseError(f"{feed} is neither a feed nor a source; there are {', '.join(known)}.")
    with published(workspace) as found:
        return found.rows(
            """
            SELECT r.feed, f.name, r.file_id, r.record_number, r.raw, r.reasons, r.values, r.as_of
            FROM rejected_rows r
            JOIN (SELECT file_id, feed, min(name) AS name FROM feed_files WHERE status = 'loaded' GROUP BY ALL) f
                USING (file_id, feed)
            WHERE ($feed IS NULL OR r.feed = $feed) AND ($file IS NULL OR starts_with(r.file_id, $file) OR f.name = $file)
            AND r.file_id || ':' || r.record_number NOT IN (SELECT subject_id FROM decisions WHERE subject = 'reject')
            ORDER BY r.feed, f.name, r.file_id, r.record_number
            """,
            {"feed": feed, "file": file},
        )


def downloaded(workspace: Workspace, feed: str, file: str | None, out: Path) -> int:
    """Write rejected records of a feed as CSV in its own shape, with id, reasons and raw text beside; returns how many.

    Raises:
        OrderhouseError: nothing of the feed was rejected.
    """
    rows = listed(workspace, feed, file)
    if not rows:
        raise OrderhouseError(f"Nothing of {feed} was rejected; `orderhouse reject list` shows what was.")
    values = [json.loads(row["values"]) if row["values"] else {} for row in rows]
    names = list(dict.fromkeys(name for each in values for name in each))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*names, REJECT_ID, REASONS, RAW])
    for row, each in zip(rows, values, strict=True):
        own = [neutral(each.get(name) or "") for name in names]
        is_broken = not row["values"]
        reasons = "; ".join(row["reasons"])
        writer.writerow(
            [*own, f"{row['file_id']}:{row['record_number']}", reasons, neutral(row["raw"]) if is_broken else ""]
        )
    write_whole(out, text.getvalue())
    return len(rows)


def resubmitted(workspace: Workspace, feed: str, file: Path, by: str | None) -> Landed:
    """Land repaired records as a new file of their feed, and a decision on each record they repair.

    The same file again lands under the same name with the same decisions, so that sending twice sends once.

    Raises:
        OrderhouseError: the file is no CSV with a header, or has no records.
    """
    if feed not in FEEDS:
        raise OrderhouseError(
            f"{feed} is no feed ({', '.join(FEEDS)}); records of a source are repaired in the system that sent them, "
            "which then sends their file again."
        )
    csv.field_size_limit(LONGEST_FIELD)
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            rows = list(csv.DictReader(opened, strict=True))
    except (csv.Error, UnicodeDecodeError) as error:
        raise OrderhouseError(f"{file} is no CSV in UTF-8 ({error}); save it as such and try again.") from error
    if not rows:
        raise OrderhouseError(f"{file} has no records; download them with `orderhouse reject download`.")
    if any(None in row or None in row.values() for row in rows):
        raise OrderhouseError(f"{file} has rows with more or fewer values than its header; mend them and try again.")
    names = [name for name in rows[0] if name not in (REJECT_ID, REASONS, RAW)]
    if not names:
        raise OrderhouseError(
            f"{file} has none of the columns of {feed}; `orderhouse feeds {feed} --template` names them."
        )
    own = {column.name: column.is_required for column in own_columns(FEEDS[feed])}
    strange = [name for name in names if name not in own] + [
        name for name, needed in own.items() if needed and name not in names
    ]
    if strange:
        raise OrderhouseError(
            f"{file} is no file of {feed} ({', '.join(strange)}); `orderhouse feeds {feed} --template` names its columns."
        )
    content = _csv(names, [[restored(row[name]) for name in names] for row in rows])
    digest = hashlib.sha256(content.encode()).hexdigest()[:16]
    now = datetime.now(UTC).isoformat(timespec="seconds")
    decided_by = by or getpass.getuser()
    decisions = [
        [
            f"resubmit-{digest}-{number}",
            "reject",
            row[REJECT_ID],
            "resubmit",
            decided_by,
            now,
            f"repaired in {file.name}",
        ]
        for number, row in enumerate(rows, 1)
        if row.get(REJECT_ID)
    ]
    target = workspace.landing / feed / f"resubmitted-{digest}.csv"
    decided = workspace.landing / "decisions" / f"resubmitted-{digest}.csv"
    if decisions and not decided.exists():
        header = ["decision_id", "subject", "subject_id", "action", "decided_by", "decided_at", "reason"]
        write_whole(decided, _csv(header, decisions))
    write_whole(target, content)
    return Landed(target, len(rows))


def _csv(header: list[str], rows: list[list[str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()
