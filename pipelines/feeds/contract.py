"""What a feed asks of the columns of a file."""

import difflib
from collections.abc import Sequence

import polars as pl

from models.rules import intake
from models.tables.base import TableClass, own_columns
from pipelines.feeds.records import Held


def template(feed: TableClass) -> str:
    """The header line of a feed's CSV file."""
    return ",".join(column.name for column in own_columns(feed))


def contract(feed: TableClass) -> list[tuple[str, str, str, str]]:
    """Column, type with its limits, `*` where required, and description, for every column of a feed."""
    lines = []
    for column in own_columns(feed):
        limits = [
            " / ".join(column.choices or ()),
            f">= {column.minimum}" if column.minimum is not None else "",
            f"<= {column.maximum}" if column.maximum is not None else "",
            "not 0" if column.is_nonzero else "",
        ]
        kind = " ".join([column.type, *(limit for limit in limits if limit)])
        lines.append((column.name, kind, "*" if column.is_required else "", column.description))
    return lines


def require(names: Sequence[str], feed: TableClass) -> None:
    """See that a file has every column that the feed requires.

    Raises:
        Held: one is missing; the sentence says which, and what it may be called in the file.
    """
    own = [column.name for column in own_columns(feed)]
    missing = [column.name for column in own_columns(feed) if column.is_required and column.name not in names]
    if not missing:
        return
    extra = {name.strip().lower(): name for name in names if name not in own}
    told = []
    for name in missing:
        near = difflib.get_close_matches(name, extra, n=1)
        told.append(f"{name} (is it '{intake.visible(extra[near[0]])}'?)" if near else name)
    is_one = len(missing) == 1
    what = f"The required column{'' if is_one else 's'} {', '.join(told)} {'is' if is_one else 'are'} missing"
    raise Held(f"{what}{_hint(names, missing)}; deliver the file with {'it' if is_one else 'them'}.")


def _hint(names: Sequence[str], missing: Sequence[str]) -> str:
    """Why so much may be missing."""
    if names and names[0].lower().startswith("sep="):
        return "; the first line, sep=, is no header row, leave it out"
    for mark in ";\t|":
        parts = {part.strip(' "') for name in names if mark in name for part in name.split(mark)}
        if not parts.isdisjoint(missing):
            return f"; the values are separated by {mark!r}, not by commas"
    return ""


def fitted(feed: TableClass, names: Sequence[str]) -> list[pl.Expr]:
    """A day at midnight is a day, a time of whole minutes a clock time: some formats have no other way to say it."""
    midnight, minute = r"^([0-9]{4}-[0-9]{2}-[0-9]{2})T00:00:00(?:\.0+)?$", r"^([0-9]{2}:[0-9]{2}):00(?:\.0+)?$"
    patterns = {"date": midnight, "time": minute}
    return [
        pl.col(column.name).str.replace(patterns[column.type], "${1}")
        for column in own_columns(feed)
        if column.type in patterns and column.name in names
    ]
