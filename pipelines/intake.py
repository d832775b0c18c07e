"""Taking in what landed: every file is archived before it is parsed, counted record by record, and never lost.

A run takes in all of landing, ordered by file name, then by content. A file leaves landing after the commit that took
it in; a kill before leaves it there, and it is taken in again with the same result.
"""

import errno
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import polars as pl

from models.rules.intake import parsed
from models.tables import FEEDS
from models.tables.base import polars_schema
from models.tables.intake import FeedFile, RejectedRow
from pipelines import feeds, sources
from pipelines.warehouse import Warehouse, versions
from pipelines.warehouse.publish import write_whole
from pipelines.workspace import Workspace

Say = Callable[[str], None]
RECENT_SECONDS = 30
LOOK_SECONDS = 0.5
DELIVERIES = "deliveries.ndjson"
DUPLICATE = "the same bytes were taken in before under another name"
RETRACTED = (
    "the same bytes were taken in before and a decision retracted them; "
    "they count again when the file of that decision is retracted"
)
TOGETHER = 250_000
"""So many records are parsed and stored together."""
REJECTED = pl.Schema(dict(feeds.REJECTED))  # type: ignore[arg-type]


class _Progress:
    """Tells about files being read, once a second at most."""

    def __init__(self, say: Say, files: int) -> None:
        self.say, self.files, self.read, self.told_at = say, files, 0, time.monotonic()

    def one_more(self, delivery: "Delivery") -> None:
        """A file is about to be read."""
        self.read += 1
        if time.monotonic() - self.told_at >= 1 or self.read == self.files:
            self.told_at = time.monotonic()
            self.say(f"reading file {self.read:,} of {self.files:,}: {delivery.feed}/{delivery.name}")


@dataclass
class Delivery:
    """One file on its way in, and what became of its records."""

    feed: str
    name: str
    file_id: str
    landed: Path | None
    sequence: int = 0
    status: str = "loaded"
    reason: str | None = None
    rows_in: int = 0
    rejects: list[pl.DataFrame] = field(default_factory=list)
    duplicates: set[int] = field(default_factory=set)
    is_retry: bool = False
    seen: tuple[int, ...] = ()

    def reject(self, rows: pl.DataFrame) -> None:
        """Note rejected records: record_number, raw, reasons, values; a record may be noted again for other reasons."""
        if rows.height:
            self.rejects.append(rows.select(REJECTED.names()).cast(REJECTED))

    @property
    def rejected(self) -> pl.DataFrame:
        """Its rejected records, each once with all its reasons, in the order of the file."""
        if not self.rejects:
            return pl.DataFrame(schema=REJECTED)
        noted = pl.concat(self.rejects)
        if noted["record_number"].is_duplicated().any():
            noted = noted.group_by("record_number", maintain_order=True).agg(
                pl.col("raw").first(),
                pl.col("reasons").explode().unique(maintain_order=True),
                pl.col("values").first(),
            )
        return noted.sort("record_number")

    def row(self, as_of: date) -> dict[str, object]:
        """Its FeedFile row."""
        rejected = self.rejected["record_number"]
        duplicates = len(self.duplicates.difference(rejected.to_list())) if self.duplicates else 0
        return {
            "file_id": self.file_id,
            "feed": self.feed,
            "name": self.name,
            "status": self.status,
            "reason": self.reason,
            "rows_in": self.rows_in,
            "accepted": self.rows_in - len(rejected) - duplicates,
            "rejected": len(rejected),
            "duplicates": duplicates,
            "as_of": as_of,
            "file_sequence": self.sequence,
        }

    def hold(self, reason: str) -> None:
        """Nothing of it counts; it is tried again every night."""
        self.status, self.reason, self.rows_in = "held", reason, 0
        self.rejects.clear()
        self.duplicates.clear()


class _Loader:
    """Parses blocks of one feed together, however small their files, while the next ones are being read."""

    def __init__(self, warehouse: Warehouse, feed: str, time_zone: str, worker: Executor) -> None:
        self.warehouse, self.feed, self.time_zone, self.worker = warehouse, feed, time_zone, worker
        self.waiting: list[tuple[Delivery, feeds.Records]] = []
        self.storing: Future[None] | None = None

    def take(self, delivery: Delivery, block: feeds.Records) -> None:
        """A block of a file."""
        delivery.rows_in += block.texts.height + block.broken.height
        if block.extra:
            delivery.reason = f"columns loaded nowhere: {', '.join(block.extra)}"
        self.waiting.append((delivery, block))
        if sum(each.texts.height for _, each in self.waiting) >= TOGETHER:
            self.store()

    def drop(self, delivery: Delivery) -> None:
        """The file cannot be read to its end: nothing of it counts."""
        self.waiting = [(each, block) for each, block in self.waiting if each is not delivery]
        self.finish()
        versions.unload(self.warehouse, self.feed, delivery.sequence)

    def store(self) -> None:
        """Parse and store what waits, beside the reading of what follows; one batch at a time."""
        self.finish()
        self.storing = self.worker.submit(self._store, self.waiting)
        self.waiting = []

    def finish(self) -> None:
        """Wait until all that was given to be stored is."""
        if self.storing is not None:
            self.storing.result()

    def _store(self, waiting: list[tuple[Delivery, feeds.Records]]) -> None:
        if not waiting:
            return
        by_id = {each.file_id: each for each, _ in waiting}
        sequences = {file_id: each.sequence for file_id, each in by_id.items()}
        blocks = [(each.file_id, block) for each, block in waiting]
        accepted, rejected = feeds.taken(blocks, FEEDS[self.feed], self.time_zone)
        versions.load(self.warehouse, self.feed, accepted, sequences, self.time_zone)
        for (file_id,), rows in rejected.group_by("file_id", maintain_order=True):
            by_id[str(file_id)].reject(rows)


def unknown_folders(workspace: Workspace) -> list[str]:
    """Folders in landing that are neither a feed nor a source: nothing in them is taken in."""
    if not workspace.landing.is_dir():
        return []
    known = {*FEEDS, *workspace.source_folders()}
    return sorted(folder.name for folder in workspace.landing.iterdir() if folder.is_dir() and folder.name not in known)


def unreadable_folders(workspace: Workspace) -> list[str]:
    """Folders in landing whose files this user may not see, by name."""
    if not workspace.landing.is_dir():
        return []
    found = (folder for folder in workspace.landing.iterdir() if folder.is_dir())
    return sorted(folder.name for folder in found if not os.access(folder, os.R_OK | os.X_OK))


def landed(workspace: Workspace) -> list[tuple[str, Path]]:
    """Every complete file in landing with its feed or source: one whose size or mtime still changes is left alone."""
    found = [
        (name, path)
        for name in [*FEEDS, *workspace.source_folders()]
        for path in feeds.candidates(workspace.landing / name)
    ]
    first = feeds.look([path for _, path in found])
    if any(time.time() - seen[1] / 1e9 < RECENT_SECONDS for seen in first.values()):
        time.sleep(LOOK_SECONDS)
    second = feeds.look([path for _, path in found])
    return [(name, path) for name, path in found if path in first and second.get(path) == first[path]]


def printable(name: str) -> str:
    """A file name as text; bytes that are no UTF-8 are written out."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def archive_path(workspace: Workspace, file_id: str) -> Path:
    """Where the bytes of a file lie in the archive."""
    return workspace.archive / file_id[:2] / file_id


def state_of(path: Path) -> tuple[int, ...]:
    """What changes with the file or its content: a file delivered under the same name meanwhile has another."""
    found = path.stat()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def archived(workspace: Workspace, path: Path) -> str:
    """Keep the bytes of a landed file for ever; returns their sha256."""
    drafts = workspace.archive / "drafts"
    drafts.mkdir(parents=True, exist_ok=True)
    draft = drafts / str(os.getpid())
    digest = hashlib.sha256()
    with path.open("rb") as source, draft.open("wb") as copy:
        while block := source.read(1 << 20):
            digest.update(block)
            copy.write(block)
    kept = archive_path(workspace, digest.hexdigest())
    if kept.exists():
        draft.unlink()
    else:
        kept.parent.mkdir(exist_ok=True)
        draft.rename(kept)
    return digest.hexdigest()


def take_in(
    warehouse: Warehouse, workspace: Workspace, as_of: date, say: Say, only: set[int] | None = None
) -> list[Delivery]:
    """Take in everything that landed, and try the held files again.

    Args:
        warehouse: inside the transaction of the stage.
        workspace: whose landing it is.
        as_of: the night that takes it in.
        say: told about progress.
        only: the files to take from the archive instead of landing, by the order in which they were taken in; a rebuild
            names them.

    Returns:
        What was delivered; `clear` removes it from landing after the commit.
    """
    for unknown in unknown_folders(workspace) if only is None else ():
        say(f"left in landing: {unknown}/ is neither a feed nor a source; `orderhouse feeds` names the feeds")
    for closed in unreadable_folders(workspace) if only is None else ():
        say(f"left in landing: {closed}/ cannot be read; mend its permissions")
    deliveries = _deliveries(warehouse, workspace, say, only)
    os.sync()
    fresh = [delivery for delivery in deliveries if delivery.status == "loaded"]
    first = int(warehouse.value("SELECT coalesce(max(file_sequence), 0) FROM core.feed_files")) + 1
    unnumbered = (each for each in deliveries if each.status != "known" and not each.sequence)
    for sequence, delivery in enumerate(unnumbered, max([first - 1, *(only or ())]) + 1):
        delivery.sequence = sequence
    touched: dict[str, list[Delivery]] = {}
    from_sources: list[tuple[list[Delivery], sources.Mapped]] = []
    tell = _Progress(say, len(fresh))
    with warehouse.gathered():
        for feed in FEEDS:
            batch = [delivery for delivery in fresh if delivery.feed == feed]
            if batch:
                _load(warehouse, workspace, feed, batch, tell)
                touched[feed] = batch
        for source, folder in workspace.source_folders().items():
            batch = _first_of_each([delivery for delivery in fresh if delivery.feed == source])
            if batch:
                say(f"reading {len(batch)} files of source {source}")
                mapped = load_source(warehouse, workspace, folder, batch)
                from_sources.append((batch, mapped))
                for feed in mapped.rows:
                    touched.setdefault(feed, []).extend(batch)
        for feed, batch in touched.items():
            _settle(warehouse, workspace, feed, batch, first)
    for batch, mapped in from_sources:
        _count_source(warehouse, batch, mapped, first)
    _record(warehouse, [delivery for delivery in deliveries if delivery.status != "known"], as_of)
    return deliveries


def clear(warehouse: Warehouse, workspace: Workspace, deliveries: list[Delivery], say: Say) -> None:
    """After the commit: list the new files in the archive, and take them out of landing; one that stays is passed over."""
    file = workspace.archive / DELIVERIES
    rows = warehouse.frame(
        "SELECT file_id AS sha256, feed, name, as_of AS night, file_sequence AS taken_in FROM core.feed_files ORDER BY file_sequence"
    )
    lines = "".join(json.dumps(row, default=str) + "\n" for row in rows.iter_rows(named=True))
    if not file.exists() or file.read_text(encoding="utf-8") != lines:
        write_whole(file, lines)
    for delivery in deliveries:
        if delivery.landed is not None:
            try:
                if state_of(delivery.landed) != delivery.seen:
                    say(
                        f"left in landing: {delivery.feed}/{delivery.name} is another by now; the next night takes that in"
                    )
                    continue
                delivery.landed.unlink(missing_ok=True)
            except FileNotFoundError:
                continue
            except OSError as error:
                say(
                    f"left in landing: {delivery.feed}/{delivery.name} was taken in and cannot be removed ({error.strerror}); "
                    "let this user write to its folder"
                )


def _deliveries(warehouse: Warehouse, workspace: Workspace, say: Say, only: set[int] | None) -> list[Delivery]:
    known = warehouse.table(FeedFile).sort("file_sequence")
    by_name = {(row["feed"], row["name"], row["file_id"]): row["status"] for row in known.iter_rows(named=True)}
    by_content = {
        (row["feed"], row["file_id"]) for row in known.filter(pl.col("status") == "loaded").iter_rows(named=True)
    }
    found: list[Delivery] = []
    if only is None:
        found = list(_landed_deliveries(workspace, say))
        found.sort(key=lambda delivery: (delivery.name, delivery.file_id, delivery.feed))
    else:
        found = list(_archived_deliveries(workspace, only))
    held = [
        Delivery(row["feed"], row["name"], row["file_id"], None, is_retry=True)
        for row in known.filter(pl.col("status") == "held").iter_rows(named=True)
    ]
    not_counted = set(warehouse.frame(versions.NOT_COUNTED)["file_id"])
    for delivery in [*held, *found]:
        names = (delivery.feed, delivery.name, delivery.file_id)
        if not delivery.is_retry and delivery.file_id in not_counted and only is None:
            say(f"{delivery.feed}/{delivery.name} counts no more: {RETRACTED}")
        if not delivery.is_retry and names in by_name:
            delivery.status = "known"
        elif (delivery.feed, delivery.file_id) in by_content:
            delivery.status = "duplicate"
            delivery.reason = RETRACTED if delivery.file_id in not_counted else DUPLICATE
        else:
            by_name[names] = "loaded"
    return [*held, *found]


def _landed_deliveries(workspace: Workspace, say: Say) -> Iterator[Delivery]:
    """Every complete file, archived; one that cannot be read stays where it is and stops no other."""
    for feed, path in landed(workspace):
        try:
            seen = state_of(path)
            yield Delivery(feed, printable(path.name), archived(workspace, path), path, seen=seen)
        except OSError as error:
            if error.errno == errno.ENOSPC or str(error.filename or "").startswith(str(workspace.archive)):
                raise
            say(
                f"left in landing: {feed}/{printable(path.name)} cannot be read ({error.strerror}); mend its permissions"
            )


def listed(workspace: Workspace) -> list[tuple[int, date, Delivery]]:
    """Every file of the archive in the order taken in: its number in it, the night that took it in, and the delivery."""
    file = workspace.archive / DELIVERIES
    rows = map(json.loads, file.read_text(encoding="utf-8").splitlines() if file.exists() else ())
    return [
        (row["taken_in"], date.fromisoformat(row["night"]), Delivery(row["feed"], row["name"], row["sha256"], None))
        for row in rows
    ]


def _archived_deliveries(workspace: Workspace, only: set[int]) -> Iterator[Delivery]:
    for number, _, delivery in listed(workspace):
        if number in only:
            delivery.sequence = number
            yield delivery


def _load(warehouse: Warehouse, workspace: Workspace, feed: str, deliveries: list[Delivery], tell: _Progress) -> None:
    """Read the files of one feed in their order."""
    done: set[str] = set()
    with ThreadPoolExecutor(1) as worker:
        loader = _Loader(warehouse, feed, workspace.settings.business.time_zone, worker)
        for delivery in deliveries:
            tell.one_more(delivery)
            if delivery.file_id in done:
                delivery.status, delivery.reason = "duplicate", DUPLICATE
                continue
            try:
                for block in feeds.fitting(archive_path(workspace, delivery.file_id), delivery.name, FEEDS[feed]):
                    loader.take(delivery, block)
            except feeds.Held as held:
                loader.drop(delivery)
                delivery.hold(str(held))
            else:
                done.add(delivery.file_id)
        loader.store()
        loader.finish()


def _first_of_each(deliveries: list[Delivery]) -> list[Delivery]:
    """One delivery of each content; the others are duplicates."""
    first: dict[str, Delivery] = {}
    for delivery in deliveries:
        if first.setdefault(delivery.file_id, delivery) is not delivery:
            delivery.status, delivery.reason = "duplicate", DUPLICATE
    return list(first.values())


def load_source(warehouse: Warehouse, workspace: Workspace, folder: Path, batch: list[Delivery]) -> sources.Mapped:
    """Store what the files of a source give to feeds; of the files before them they see those that are not retracted."""
    zone = workspace.settings.business.time_zone
    earlier = warehouse.frame(
        f"""SELECT file_id, name, file_sequence FROM core.feed_files WHERE feed = ? AND status = 'loaded'
            AND file_sequence < ? AND file_id NOT IN ({versions.NOT_COUNTED}) ORDER BY file_sequence""",
        [folder.name, min(each.sequence for each in batch)],
    )
    files = [
        sources.SourceFile(
            archive_path(workspace, row["file_id"]), row["name"], row["file_id"], row["file_sequence"], False
        )
        for row in earlier.iter_rows(named=True)
    ]
    files += [
        sources.SourceFile(archive_path(workspace, each.file_id), each.name, each.file_id, each.sequence, True)
        for each in batch
    ]
    mapped = sources.mapped(folder, files, zone)
    by_id = {each.file_id: each for each in batch}
    for file_id, reason in mapped.held.items():
        by_id[file_id].hold(reason)
    for file_id, rows_in in mapped.rows_in.items():
        if by_id[file_id].status == "loaded":
            by_id[file_id].rows_in = rows_in
    for file_id, broken in mapped.broken.items():
        if by_id[file_id].status == "loaded":
            by_id[file_id].reject(broken)
    for feed, texts in mapped.rows.items():
        outcome = parsed(texts, FEEDS[feed], mapped.time_zone)
        for (file_id,), rows in outcome.rejected.group_by("file_id", maintain_order=True):
            numbers = rows["record_number"].to_list()
            raw = mapped.raw(str(file_id), numbers)
            by_id[str(file_id)].reject(rows.join(raw, on="record_number", how="left", validate="m:1"))
        for (file_id,), rows in outcome.accepted.group_by("file_id", maintain_order=True):
            versions.load(warehouse, feed, rows, {str(file_id): by_id[str(file_id)].sequence}, zone)
    for file_id, records in mapped.parts.items():
        sequence = pl.lit(by_id[file_id].sequence, pl.Int64)
        parts = pl.DataFrame({"record_number": sorted(records)}, schema={"record_number": pl.Int64})
        warehouse.insert("core.parts", parts.with_columns(file_sequence=sequence))
    return mapped


def _count_source(warehouse: Warehouse, batch: list[Delivery], mapped: sources.Mapped, first: int) -> None:
    """A source's record is a duplicate when nothing it gave, to any feed, was new, and it is no new part of a row."""
    alive = " UNION ".join(
        f"SELECT file_id, record_number FROM feeds.{feed} WHERE file_sequence >= {first}" for feed in mapped.rows
    )
    said = (
        warehouse.frame(alive)
        if mapped.rows
        else pl.DataFrame(schema={"file_id": pl.String, "record_number": pl.Int64})
    )
    new = {str(file_id): set(rows["record_number"].to_list()) for (file_id,), rows in said.group_by("file_id")}
    for each in batch:
        if each.status == "loaded":
            told = new.get(each.file_id, set()) | mapped.parts.get(each.file_id, frozenset())
            each.duplicates = set(range(1, each.rows_in + 1)) - told


def _settle(warehouse: Warehouse, workspace: Workspace, feed: str, batch: list[Delivery], first: int) -> None:
    """Count what said nothing new, and reject what contradicts a ledger."""
    settled = versions.settle(warehouse, feed, first)
    by_id = {each.file_id: each for each in batch if each.status == "loaded"}
    for (file_id,), rows in settled.repeated.group_by("file_id"):
        if by_id[str(file_id)].feed == feed:
            by_id[str(file_id)].duplicates.update(rows["record_number"].to_list())
    for (file_id,), rows in settled.contradicting.group_by("file_id", maintain_order=True):
        each = by_id[str(file_id)]
        raw = feeds.raw(archive_path(workspace, each.file_id), each.name, rows["record_number"].to_list())
        reasons = rows.select("record_number", reasons=pl.concat_list("reason"))
        each.reject(reasons.join(raw, on="record_number", how="left", validate="m:1"))


def _record(warehouse: Warehouse, deliveries: list[Delivery], as_of: date) -> None:
    """Write one FeedFile row per file, and its rejected records."""
    retried = [delivery.file_id for delivery in deliveries if delivery.is_retry]
    still_held = {delivery.file_id for delivery in deliveries if delivery.is_retry and delivery.status == "held"}
    schema = polars_schema(FeedFile)
    fresh = [delivery for delivery in deliveries if not (delivery.is_retry and delivery.file_id in still_held)]
    if set(retried) - still_held:
        warehouse.run(
            "DELETE FROM core.feed_files WHERE status = 'held' AND file_id IN (SELECT unnest(CAST(? AS VARCHAR[])))",
            [sorted(set(retried) - still_held)],
        )
    warehouse.append(FeedFile, pl.DataFrame([delivery.row(as_of) for delivery in fresh], schema=schema, orient="row"))
    keep_rejected(warehouse, [(each, as_of) for each in fresh])


def keep_rejected(warehouse: Warehouse, deliveries: list[tuple[Delivery, date]]) -> None:
    """Keep the rejected records of files, with the night that took each in."""
    rejected = [
        each.rejected.with_columns(file_id=pl.lit(each.file_id), feed=pl.lit(each.feed), as_of=pl.lit(as_of))
        for each, as_of in deliveries
        if each.rejects
    ]
    if rejected:
        warehouse.append(RejectedRow, pl.concat(rejected))
