"""Files in somebody else's shape, mapped to feeds by SQL that lies beside their description.

A source is a folder: `source.toml` says which file feeds which view, with which columns, and in which time zone its
clock runs; `<feed>.sql` is a SELECT that gives rows of that feed; `_<step>.sql` is a SELECT that several of them share.
Every view has its columns as text, and file_id, file_name, record_number, file_sequence (the order taken in) and
is_new. All files of a batch are mapped at once, so a SELECT must let a file see only files with a file_sequence up to
its own: then a batch gives what one file after the other would. A row with a `reject_reason` rejects its record, for
that reason and no other; several reasons stand on a line each.

A record that gives no row is a duplicate, but for those of `parts`: views whose records say something only together
with those of another file (the lines of an order whose header comes in a file of its own, the names of categories).
They are accepted as they come, and the row is given by the file that completes it; only what an earlier record of the
view says word for word is a duplicate.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from zoneinfo import available_timezones

import polars as pl
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from models.rules.intake import REJECT_REASON
from models.tables import FEEDS
from models.tables.base import PROVENANCE, TableClass, declaration, own_columns
from pipelines import feeds
from pipelines.warehouse.select import select
from pipelines.workspace import OrderhouseError

DESCRIPTION = "source.toml"
REJECTED = pl.Schema(
    [("record_number", pl.Int64()), ("raw", pl.String()), ("reasons", pl.List(pl.String)), ("values", pl.String())]
)
_RAW = pl.Schema({"record_number": pl.Int64, "raw": pl.String, "values": pl.String})
_PROVIDED = pl.Schema(
    {
        "file_id": pl.String,
        "file_name": pl.String,
        "record_number": pl.Int64,
        "file_sequence": pl.Int64,
        "is_new": pl.Boolean,
    }
)


@dataclass(frozen=True)
class SourceFile:
    """One file of a source: its archived bytes, the name it came under, and the order it was taken in."""

    path: Path
    name: str
    file_id: str
    sequence: int
    is_new: bool


class Description(BaseModel):
    """What `source.toml` says."""

    model_config = ConfigDict(extra="forbid")

    title: str
    time_zone: str | None = None
    """The clock of the source; none = the business time zone."""
    steps: list[str] = []
    """The shared SELECTs in the order they build on each other; each becomes a table of its name."""
    parts: list[str] = []
    """The views whose records may give no row of their own."""
    files: dict[str, str]
    """Per view: the names of its files; the first pattern that fits decides."""
    columns: dict[str, list[str]]
    """Per view: the columns its files must have; any others are left aside."""

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str | None) -> str | None:
        if value is not None and value not in available_timezones():
            raise ValueError(f"{value!r} is no IANA time zone, such as 'Europe/London'")
        return value


@dataclass(frozen=True)
class Mapped:
    """What the new files of a source gave."""

    rows: dict[str, pl.DataFrame]
    """Per feed: text columns of the feed, file_id and record_number; in the order of files and records."""
    rows_in: dict[str, int]
    """Per file that was read: its own records, broken ones included."""
    broken: dict[str, pl.DataFrame]
    """Per file with records that are broken or that a SELECT rejects: record_number, raw, reasons, values."""
    held: dict[str, str]
    """Per file that could not be taken: why."""
    parts: dict[str, frozenset[int]]
    """Per new file of a part: its records that say something new, whether they gave a row or not."""
    time_zone: str
    """The clock of the source: moments without an offset are in this zone."""
    files: Mapping[str, SourceFile]

    def raw(self, file_id: str, record_numbers: Sequence[int]) -> pl.DataFrame:
        """Records as they were delivered, and their values as JSON: record_number, raw, values."""
        return _raw(self.files[file_id], record_numbers)


def mapped(folder: Path, files: Sequence[SourceFile], time_zone: str) -> Mapped:
    """Map the new files of a source to rows of feeds.

    Args:
        folder: the source.
        files: its files taken in so far and the new ones, in any order.
        time_zone: the business time zone, for a source that names none.

    Raises:
        OrderhouseError: the folder does not describe a source, a SELECT cannot be run or gives no row of its feed, or a
            file taken in earlier can no longer be read. What is wrong with a new file holds that file only.
    """
    said = described(folder)
    read = _read(folder.name, said, files)
    by_id = {file.file_id: file for file in files}
    new = [by_id[file_id] for file_id in read.rows_in]
    rows, refused = _selected(folder, said, read.views, new) if new else ({}, {})
    broken = dict(read.broken)
    for file_id, reasons in refused.items():
        raw = _raw(by_id[file_id], reasons["record_number"].to_list())
        told = raw.join(reasons, on="record_number", validate="1:1").select(REJECTED.names())
        broken[file_id] = pl.concat([broken[file_id], told]).sort("record_number")
    broken = {file_id: rejected for file_id, rejected in broken.items() if rejected.height}
    return Mapped(rows, read.rows_in, broken, read.held, _parts(said, read.views), said.time_zone or time_zone, by_id)


def proof(folder: Path, files: Sequence[SourceFile], name: str) -> pl.DataFrame:
    """The answer of a SELECT that lies in `_<name>.sql` beside the steps and is none: figures about the files, as text.

    Raises:
        OrderhouseError: as `mapped`.
    """
    said = described(folder)
    views = _read(folder.name, said, files).views
    return _asked(folder, said, views, {name: _statement(folder / f"_{name}.sql")})[name]


def described(folder: Path) -> Description:
    """What a source says of itself.

    Raises:
        OrderhouseError: there is no source.toml, or it is not in its shape.
    """
    place = folder / DESCRIPTION
    try:
        said = Description(**tomllib.loads(place.read_text(encoding="utf-8-sig")))
    except FileNotFoundError as error:
        raise OrderhouseError(
            f"Source {folder.name} has no {DESCRIPTION}; say in {place} which file feeds which view."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise OrderhouseError(f"{place} is no valid TOML ({error}); mend that line.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise OrderhouseError(f"{place}: {where}: {first['msg']}; mend it there.") from error
    if said.files.keys() != said.columns.keys():
        odd = sorted(said.files.keys() ^ said.columns.keys())
        raise OrderhouseError(
            f"{place}: view {odd[0]} needs both its [files] pattern and its [columns]; add the other."
        )
    for part in said.parts:
        if part not in said.files:
            raise OrderhouseError(
                f"{place}: parts names {part}, which is no view; name one of {', '.join(said.files)}."
            )
    return said


@dataclass(frozen=True)
class _Read:
    views: dict[str, pl.DataFrame]
    rows_in: dict[str, int]
    broken: dict[str, pl.DataFrame]
    held: dict[str, str]


def _read(source: str, said: Description, files: Sequence[SourceFile]) -> _Read:
    """The views over all files, and what is to be said of each new one."""
    blocks = {view: [_empty(columns)] for view, columns in said.columns.items()}
    rows_in: dict[str, int] = {}
    broken: dict[str, pl.DataFrame] = {}
    held: dict[str, str] = {}
    for file in sorted(files, key=lambda file: file.sequence):
        try:
            view, texts, bad = _records(source, said, file)
        except feeds.Held as reason:
            if not file.is_new:
                raise OrderhouseError(
                    f"File {file.name} of source {source} was taken in but can no longer be read ({reason}); "
                    f"restore {file.path} from a backup."
                ) from reason
            held[file.file_id] = str(reason)
            continue
        blocks[view].append(texts)
        if file.is_new:
            rows_in[file.file_id] = texts.height + bad.height
            broken[file.file_id] = bad
    return _Read({view: pl.concat(parts) for view, parts in blocks.items()}, rows_in, broken, held)


def _records(source: str, said: Description, file: SourceFile) -> tuple[str, pl.DataFrame, pl.DataFrame]:
    """The view a file feeds, its records as that view has them, and its broken ones."""
    view = next((view for view, pattern in said.files.items() if fnmatch(file.name.lower(), pattern.lower())), None)
    if view is None:
        raise feeds.Held(
            f"Source {source} takes files named {', '.join(said.files.values())}, not {file.name}; "
            f"deliver it under such a name."
        )
    columns = said.columns[view]
    texts, bad = [_empty(columns).select(*columns, "record_number")], [pl.DataFrame(schema=REJECTED)]
    for block in feeds.records(file.path, file.name):
        missing = [column for column in columns if column not in block.texts.columns]
        if missing and file.is_new:
            raise feeds.Held(f"Required columns are missing: {', '.join(missing)}; deliver the file with them.")
        absent = [pl.lit(None, pl.String).alias(column) for column in missing]
        texts.append(block.texts.with_columns(absent).select(texts[0].columns))
        bad.append(block.broken.with_columns(pl.lit(None, pl.String).alias("values")).select(REJECTED.names()))
    rows = pl.concat(texts).with_columns(
        *(pl.when(pl.col(column) != "").then(pl.col(column)).alias(column) for column in columns),
        file_id=pl.lit(file.file_id),
        file_name=pl.lit(file.name),
        file_sequence=pl.lit(file.sequence, pl.Int64),
        is_new=pl.lit(file.is_new),
    )
    return view, rows.select(_empty(columns).columns), pl.concat(bad)


def _parts(said: Description, views: Mapping[str, pl.DataFrame]) -> dict[str, frozenset[int]]:
    """Per new file of a part, the records that no earlier record of the view equals."""
    found = {}
    for view in said.parts:
        told = views[view].filter(pl.struct(said.columns[view]).is_first_distinct()).filter("is_new")
        for (file_id,), rows in told.group_by("file_id"):
            found[str(file_id)] = frozenset(rows["record_number"].to_list())
    return found


def _empty(columns: Sequence[str]) -> pl.DataFrame:
    return pl.DataFrame(schema=pl.Schema({**dict.fromkeys(columns, pl.String()), **_PROVIDED}))


def _raw(file: SourceFile, record_numbers: Sequence[int]) -> pl.DataFrame:
    parts = []
    for block in feeds.records(file.path, file.name):
        asked = block.texts.filter(pl.col("record_number").is_in(list(record_numbers)))["record_number"]
        if asked.len():
            numbers = asked.to_list()
            parts.append({"record_number": numbers, "raw": block.raw(numbers), "values": block.values(numbers)})
    return pl.concat(pl.DataFrame(part, schema=_RAW) for part in [{}, *parts])


def _asked(
    folder: Path, said: Description, views: Mapping[str, pl.DataFrame], questions: Mapping[str, str]
) -> dict[str, pl.DataFrame]:
    steps = [(step, _statement(folder / f"_{step}.sql")) for step in said.steps]
    try:
        return select(views, steps, list(questions.items()))
    except OrderhouseError as error:
        raise OrderhouseError(f"Source {folder.name}: {error}") from error


def _selected(
    folder: Path, said: Description, views: Mapping[str, pl.DataFrame], new: Sequence[SourceFile]
) -> tuple[dict[str, pl.DataFrame], dict[str, pl.DataFrame]]:
    """The rows of every feed that come from new files, and per file what the SELECTs reject: record_number, reasons."""
    questions = dict(_questions(folder))
    answers = _asked(folder, said, views, questions)
    order = pl.DataFrame(
        {"file_id": [file.file_id for file in new], "file_sequence": [file.sequence for file in new]},
        schema={"file_id": pl.String, "file_sequence": pl.Int64},
    )
    origins = pl.concat(view.select(PROVENANCE) for view in views.values())
    rows = {feed: _checked(folder.name, FEEDS[feed], answers[feed], origins, order) for feed in questions}
    is_rejected = pl.col(REJECT_REASON).is_not_null()
    reasons = pl.concat(found.filter(is_rejected).select(*PROVENANCE, REJECT_REASON) for found in rows.values())
    refused = (
        reasons.with_columns(pl.col(REJECT_REASON).str.split("\n"))
        .explode(REJECT_REASON)
        .group_by(PROVENANCE, maintain_order=True)
        .agg(reasons=pl.col(REJECT_REASON).unique(maintain_order=True))
    )
    return (
        {feed: found.filter(~is_rejected).drop(REJECT_REASON) for feed, found in rows.items()},
        {str(file_id): part.drop("file_id") for (file_id,), part in refused.group_by("file_id", maintain_order=True)},
    )


def _questions(folder: Path) -> Iterator[tuple[str, str]]:
    for place in sorted(folder.glob("[!_]*.sql")):
        if place.stem not in FEEDS:
            raise OrderhouseError(f"{place} is named after no feed; rename it to one of {', '.join(FEEDS)}.")
        yield place.stem, _statement(place)


def _statement(place: Path) -> str:
    try:
        return place.read_text(encoding="utf-8").rstrip().rstrip(";")
    except FileNotFoundError as error:
        raise OrderhouseError(f"{place} is missing; write it, or take the step out of {DESCRIPTION}.") from error


def _checked(
    source: str, feed: TableClass, answer: pl.DataFrame, origins: pl.DataFrame, new: pl.DataFrame
) -> pl.DataFrame:
    """The rows of new files, in the order of files and records, if the SELECT gave rows of its feed."""
    name = declaration(feed).name
    known = [column.name for column in own_columns(feed)]
    required = [column.name for column in own_columns(feed) if column.is_required]
    for missing in [column for column in (*PROVENANCE, *required) if column not in answer.columns]:
        raise OrderhouseError(f"Source {source}: the SELECT {name} gives no column {missing}; add it.")
    for odd in [column for column in answer.columns if column not in {*known, *PROVENANCE, REJECT_REASON}]:
        raise OrderhouseError(f"Source {source}: the SELECT {name} gives a column {odd} that the feed does not have.")
    if REJECT_REASON not in answer.columns:
        answer = answer.with_columns(pl.lit(None, pl.String).alias(REJECT_REASON))
    answer = answer.with_columns(pl.col("record_number").cast(pl.Int64, strict=False))
    nowhere = answer.join(origins, on=list(PROVENANCE), how="anti")
    if nowhere.height:
        raise OrderhouseError(
            f"Source {source}: the SELECT {name} gives {nowhere.height:,} rows that come from no record; "
            f"pass on file_id and record_number as they are."
        )
    texts = [column for column in known if column in answer.columns]
    return (
        answer.join(new, on="file_id", how="inner", validate="m:1")
        .sort("file_sequence", "record_number", *texts)
        .select(*(pl.col(column).cast(pl.String) for column in texts), *PROVENANCE, pl.col(REJECT_REASON))
    )
