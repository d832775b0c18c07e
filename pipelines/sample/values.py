"""Chance, and how numbers are written as texts of a feed: amounts, dates, moments, identifiers."""

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.floating]
Flags = NDArray[np.bool_]
EPOCH = date(1970, 1, 1).toordinal()
MASK = (1 << 64) - 1


def draws(seed: int, keys: Ints, use: int) -> Floats:
    """A number of [0, 1) for every key, the same whenever it is asked for (splitmix64 of seed, use and key)."""
    with np.errstate(over="ignore"):
        start = _mixed(_mixed(np.array([seed & MASK], np.uint64)) + np.uint64(use))
        return (_mixed(keys.astype(np.uint64) + start) >> np.uint64(11)).astype(np.float64) / float(1 << 53)


def _mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    mixed = numbers * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def chosen(shares: Floats, weights: tuple[float, ...] | Floats) -> Ints:
    """Which of the weighted choices each number of [0, 1) falls on."""
    limits = np.cumsum(weights)
    return np.minimum(np.searchsorted(limits, shares * limits[-1], side="right"), len(weights) - 1).astype(np.int64)


def text(values: Sequence[str], places: Ints) -> pl.Series:
    """The word at each place."""
    return pl.Series(values, dtype=pl.String).gather(places)


def stamped(seconds: Ints, ending: str = "Z") -> pl.Series:
    """Timestamps as texts."""
    return pl.from_epoch(pl.Series(seconds), time_unit="s").dt.strftime(f"%Y-%m-%dT%H:%M:%S{ending}")


def dated(ordinals: Ints, pattern: str = "%Y-%m-%d") -> pl.Series:
    """Dates as texts, by their ordinal numbers; 0 = none."""
    days = pl.Series(ordinals - EPOCH, dtype=pl.Int32).cast(pl.Date).dt.strftime(pattern)
    return days.set(pl.Series(ordinals <= 0), None)


def compact(ordinals: Ints) -> pl.Series:
    """Dates as they stand in identifiers."""
    return dated(ordinals, "%Y%m%d")


def keyed(on: Ints, number: Ints) -> Ints:
    """A key of a row: the day it belongs to and its number on that day."""
    return on << 32 | number


def counted(on: Ints) -> Ints:
    """The number of each row on its day, from 1; the days ascend."""
    return np.arange(len(on)) - np.searchsorted(on, on) + 1


def priced(cents: Ints) -> pl.Series:
    """Amounts of whole cents as texts with two places."""
    amounts = pl.DataFrame({"sign": np.where(cents < 0, "-", ""), "cents": np.abs(cents)})
    return amounts.select(
        pl.concat_str("sign", pl.col("cents") // 100, pl.lit("."), (pl.col("cents") % 100).cast(pl.String).str.zfill(2))
    ).to_series()


def padded(numbers: Ints, width: int) -> pl.Series:
    """Numbers as texts of at least so many digits."""
    return pl.Series(numbers).cast(pl.String).str.zfill(width)
