"""Typed values as the texts they have in a CSV file: every digit, no exponent, ISO 8601."""

import json
from decimal import Decimal
from typing import Any

import polars as pl

from models.rules import intake
from pipelines.feeds.streams import decoded

_DAYS = (-719_162, 2_932_896)
"""The first day of the year 1 and the last of 9999, counted from 1970."""
_PER_DAY = {"days": 1, "s": 86_400, "ms": 86_400 * 10**3, "us": 86_400 * 10**6, "ns": 86_400 * 10**9}


def texts(column: Any) -> pl.Series:
    """An Arrow array as text; what is no single value is marked as such."""
    import pyarrow as pa

    kind, types = column.type, pa.types
    if types.is_dictionary(kind):
        return texts(column.dictionary_decode())
    if isinstance(kind, pa.UuidType):
        return pl.Series([None if one is None else str(one) for one in column.to_pylist()], dtype=pl.String)
    if isinstance(kind, pa.BaseExtensionType):
        return texts(column.storage)
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return _strings(column)
    if types.is_boolean(kind) or types.is_integer(kind):
        return pl.Series(column).cast(pl.String)
    if types.is_floating(kind):
        return _floats(pl.Series(column.cast(pa.float32()) if types.is_float16(kind) else column))
    if types.is_decimal(kind):
        return _decimals(column)
    if types.is_date32(kind):
        return _calendar(pl.Series(column.cast(pa.int32())).cast(pl.Int64), "days", "%Y-%m-%d")
    if types.is_date64(kind):
        return _calendar(pl.Series(column.cast(pa.int64())) // _PER_DAY["ms"], "days", "%Y-%m-%d")
    if types.is_timestamp(kind):
        shape = "%Y-%m-%dT%H:%M:%S%.f" + "Z" * bool(kind.tz)
        return _calendar(pl.Series(column.cast(pa.int64())), kind.unit, shape)
    if types.is_time(kind):
        return _clocks(column)
    told = [None if one is None else intake.NO_VALUE + _told(one) for one in column.to_pylist()]
    return pl.Series(told, dtype=pl.String)


def positional(number: str) -> str:
    """A number without an exponent, and without a point where it is whole."""
    text = format(Decimal(number), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _told(value: Any) -> str:
    if isinstance(value, bytes):
        return repr(value)
    return json.dumps(value, ensure_ascii=False, default=str)


def _strings(column: Any) -> pl.Series:
    """Text, empty as missing, bytes that are no UTF-8 marked."""
    import pyarrow as pa

    try:
        column.validate(full=True)
        found = pl.Series("text", column, pl.String)
    except pa.ArrowInvalid:
        data = column.cast(pa.large_binary()).to_pylist()
        found = pl.Series("text", [None if one is None else decoded(one) for one in data], pl.String)
    return found.to_frame().select(pl.when(pl.col("text") != "").then("text")).to_series()


def _decimals(column: Any) -> pl.Series:
    """Decimals without the zeros that only fill up their scale."""
    import pyarrow as pa

    if pa.types.is_decimal128(column.type) and column.type.scale >= 0:
        found = pl.Series(column).cast(pl.String)
    else:
        found = pl.Series([None if one is None else format(one, "f") for one in column.to_pylist()], dtype=pl.String)
    return found.str.replace(r"^(-?[0-9]+)\.0+$", "${1}").str.replace(r"(\.[0-9]*[1-9])0+$", "${1}")


def _calendar(counted: pl.Series, unit: str, shape: str) -> pl.Series:
    """Days or moments counted from 1970 as text; those beyond the calendar as the bare number."""
    count = pl.col("count")
    first, end = (day * _PER_DAY[unit] for day in (_DAYS[0], _DAYS[1] + 1))
    inside = pl.when(count.is_between(first, end - 1)).then(count)
    match unit:
        case "days":
            moment = inside.cast(pl.Int32).cast(pl.Date)
        case "s":
            moment = (inside * 1000).cast(pl.Datetime("ms"))
        case "ms" | "us" | "ns":
            moment = inside.cast(pl.Datetime(unit))
    rows = counted.alias("count").to_frame()
    return rows.select(pl.coalesce(moment.dt.to_string(shape), count.cast(pl.String))).to_series()


def _clocks(column: Any) -> pl.Series:
    """Times of day; those beyond the day as the bare number."""
    import pyarrow as pa

    per_day, count = _PER_DAY[column.type.unit], pl.col("count")
    inside = pl.when(count.is_between(0, per_day - 1)).then(count)
    text = (inside * (_PER_DAY["ns"] // per_day)).cast(pl.Time).dt.to_string("%H:%M:%S%.f")
    counted = column.cast(pa.int32() if column.type.bit_width == 32 else pa.int64())
    rows = pl.Series("count", counted).cast(pl.Int64).to_frame()
    return rows.select(pl.coalesce(text, count.cast(pl.String))).to_series()


def _floats(numbers: pl.Series) -> pl.Series:
    """The shortest text of each float, whole ones without a point."""
    number = pl.col("number")
    whole = (number.round(0) == number) & (number.abs() < 2**53)
    rows = numbers.alias("number").to_frame()
    found = rows.select(
        pl.when(whole)
        .then(pl.when(whole).then(number).cast(pl.Int64).cast(pl.String))
        .otherwise(number.cast(pl.String))
    ).to_series()
    odd = found.str.contains(r"[0-9]e|\.0$").fill_null(False).arg_true()
    return found.scatter(odd, [positional(text) for text in found.gather(odd)]) if odd.len() else found
