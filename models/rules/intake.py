"""What a delivered record must look like to be let in: every value is matched, converted and checked for its range.

Two ways lead to the same answer. A cheap look converts a whole block and finds the few rows that may be wrong; an exact
look at those few decides, and says why. Nothing is repaired: a text is a value of its column, or the row is rejected.
"""

import re
import unicodedata
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import polars as pl
import pycountry

from models.tables.base import PROVENANCE, Column, TableClass, declaration, own_columns, polars_schema

UNDECODABLE = 0x10FF00
"""A byte that is no UTF-8 travels as the character at this place plus the byte, so that no text can hide or lose it."""
NO_VALUE = "\U0010ff00"
"""Stands before what is told of a list, an object, bytes or a formula error, where a single value should be."""
REJECT_REASON = "reject_reason"
"""The column in which a source says, in its own words, why it rejects a row."""

LONGEST_ID = 64
LONGEST_TEXT = 2_000
LARGEST_QUANTITY = 10**9
SHOWN = 80
_ROW = "row of the block"

_BROKEN = r"[\x00-\x08\x0B\x0C\x0E-\x1F\x7F-\x{9F}\x{10FF00}-\x{10FFFF}]"
_INVISIBLE = r"[\p{C}\p{Z}--\x20]"
_ID = r"^(?:[^\p{C}\p{Z}]|[^\p{C}\p{Z}](?:[^\p{C}\p{Z}]| )*[^\p{C}\p{Z}])$"
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_OFFSET = rf"[+-]{_CLOCK}"
_ASKED = 100
_MOMENT = rf"^([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}})([T ])({_CLOCK})(?::([0-5][0-9])(?:\.([0-9]{{1,9}}))?)?(Z|{_OFFSET})?$"
_WEEKDAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_PATTERNS = {
    "qty": r"^-?[0-9]+$",
    "money": r"^-?[0-9]+(?:\.[0-9]{1,4})?$",
    "decimal": r"^-?[0-9]+(?:\.[0-9]{1,10})?$",
    "boolean": r"^(?:true|false)$",
    "currency-like": r"^[A-Z]{3}$",
    "time": rf"^{_CLOCK}$",
    "weekdays": rf"^{_WEEKDAY}(?:,{_WEEKDAY})*$",
    "date": _DAY,
    "timestamp": _MOMENT,
    "id": _ID,
}
_SURE = _PATTERNS | {
    "qty": r"^-?[0-9]{1,18}$",
    "money": r"^-?[0-9]{1,14}(?:\.[0-9]{1,4})?$",
    "decimal": r"^-?[0-9]{1,14}(?:\.[0-9]{1,10})?$",
}
_NUMBERS: dict[str, pl.DataType] = {"qty": pl.Int64(), "money": pl.Decimal(18, 4), "decimal": pl.Decimal(24, 10)}
_MOMENT_TYPE = pl.Datetime("us", "UTC")
_ZONE_TABLE_ENDS = 2100
"""From this year on the compiled time zones know no summer time; the standard library's do."""


class Parsed(NamedTuple):
    """Every row of a block, on one side or the other."""

    accepted: pl.DataFrame
    rejected: pl.DataFrame


class _Look(NamedTuple):
    """How one column is read: its value, and whether it may be wrong (seen on the text and the value beside it)."""

    value: pl.Expr
    is_suspect: pl.Expr


@cache
def currencies() -> tuple[str, ...]:
    """The currency codes of ISO 4217."""
    return tuple(sorted(currency.alpha_3 for currency in pycountry.currencies))


@cache
def countries() -> tuple[str, ...]:
    """The country codes of ISO 3166-1 alpha-2."""
    return tuple(sorted(country.alpha_2 for country in pycountry.countries))


def parsed(texts: pl.DataFrame, feed: TableClass, time_zone: str) -> Parsed:
    """Let in the rows that keep the contract, and say of every other what is wrong with it.

    Args:
        texts: Text columns by header name, `record_number`, and where known `file_id` and `reject_reason` (which
            rejects the row as it stands). A column the feed has and the texts lack is empty; one the feed lacks is
            ignored.
        feed: The feed the texts were delivered to.
        time_zone: IANA name of the business time zone, for moments without an offset.

    Returns:
        accepted: the feed's columns, typed, in their order. rejected: file_id and record_number as given, and
        `reasons`, each `column: code: what was found`. Both keep the order of the texts; together they hold every row.

    Source: the feed contract (FEEDS.md), section Delivery.
    """
    columns = own_columns(feed)
    carried = [name for name in PROVENANCE if name in texts.columns]
    reasons = [REJECT_REASON] if REJECT_REASON in texts.columns else []
    rows = texts.select(
        *carried,
        *reasons,
        *(_text(texts, column.name) for column in columns),
    ).with_row_index(_ROW)
    looks = {column.name: _look(column, rows[column.name], time_zone) for column in columns}
    values = rows.with_columns(look.value.alias(_beside(name)) for name, look in looks.items()).select(
        _beside(name) for name in looks
    )
    doubts = [
        *(look.is_suspect for look in looks.values()),
        *(pl.col(name).is_not_null() for name in reasons),
        *(is_broken for _, is_broken, _ in _together(feed)),
    ]
    places = [str(place) for place in range(len(doubts))]
    each = rows.hstack(values).with_columns(doubt.alias(place) for place, doubt in zip(places, doubts, strict=True))
    suspects = each.select(pl.any_horizontal(places).alias("suspect")).to_series().fill_null(False)
    numbered = [_ROW, *carried]
    clean = rows.select(numbered).hstack(values.select(pl.col(_beside(name)).alias(name) for name in looks))
    if not suspects.any():
        return Parsed(_in_order([clean], feed), _rejections(rows.clear(), feed, carried, reasons))
    doubted = rows.filter(suspects)
    moments = [column.name for column in columns if column.type == "timestamp"]
    read = doubted.select(_moments(doubted[name], time_zone).alias(_beside(name)) for name in moments)
    codes = doubted.hstack(read).select(_fault(column).alias(_beside(column.name)) for column in columns)
    is_refused = pl.any_horizontal(
        *(pl.col(name).is_not_null() for name in [*codes.columns, *reasons]),
        *(is_broken for _, is_broken, _ in _together(feed)),
    )
    refused = doubted.hstack(codes).select(is_refused.alias("refused")).to_series().fill_null(False)
    exact = (
        doubted.hstack(read)
        .filter(~refused)
        .select(*numbered, *(_exact(column).alias(column.name) for column in columns))
    )
    return Parsed(
        _in_order([clean.filter(~suspects), exact], feed),
        _rejections(doubted.hstack(codes).filter(refused), feed, carried, reasons),
    )


def _beside(name: str) -> str:
    """What was found out about a column stands beside it under this name, which no column of a feed can have."""
    return f"{name} read"


def _text(texts: pl.DataFrame, name: str) -> pl.Expr:
    """A column as text with empty as missing; all missing where it was not delivered."""
    if name not in texts.columns or texts[name].null_count() == texts.height:
        return pl.lit(None, pl.String).alias(name)
    return pl.when(pl.col(name) != "").then(pl.col(name)).alias(name)


def _in_order(parts: list[pl.DataFrame], feed: TableClass) -> pl.DataFrame:
    names = [name for name in polars_schema(feed).names() if name in parts[0].columns]
    parts = [part.select(_ROW, *names) for part in parts if part.height] or [parts[0].select(_ROW, *names)]
    whole = parts[0] if len(parts) == 1 else pl.concat(parts).sort(_ROW)
    return whole.drop(_ROW)


# The cheap look


def _look(column: Column, texts: pl.Series, time_zone: str) -> _Look:
    """The cheap look at one column: right wherever it is not suspect."""
    text, value = pl.col(column.name), pl.col(_beside(column.name))
    if texts.null_count() == texts.len():
        return _Look(pl.lit(None, _dtype(column)), pl.lit(column.is_required))
    match column.type:
        case "id":
            look = _Look(text, text.str.contains(r"[^!-~]") | (text.str.len_bytes() > LONGEST_ID))
        case "text":
            doubt = rf"^\s|{_BROKEN}" if column.is_required else _BROKEN
            look = _Look(text, text.str.contains(doubt) | (text.str.len_bytes() > LONGEST_TEXT))
        case "choice" | "currency" | "country":
            look = _Look(text, ~text.is_in(_allowed(column)))
        case "qty" | "money" | "decimal":
            number = text.cast(_NUMBERS[column.type], strict=False)
            look = _Look(number, ~text.str.contains(_SURE[column.type]) | value.is_null() | ~_in_range(column, value))
        case "date":
            day = text.str.to_date("%Y-%m-%d", strict=False)
            look = _Look(day, ~text.str.contains(_DAY) | value.is_null() | ~_in_years(text))
        case "timestamp":
            look = _uniform(column, texts, time_zone)
        case "boolean":
            look = _Look(text == "true", ~text.is_in(["true", "false"]))
        case _:
            look = _Look(text, ~text.str.contains(_PATTERNS[column.type]))
    return _Look(look.value, pl.when(text.is_null()).then(column.is_required).otherwise(look.is_suspect))


def _dtype(column: Column) -> pl.DataType:
    others = {"date": pl.Date(), "timestamp": _MOMENT_TYPE, "boolean": pl.Boolean()}
    return (_NUMBERS | others).get(column.type, pl.String())


def _allowed(column: Column) -> list[str]:
    return list({"currency": currencies, "country": countries}.get(column.type, lambda: column.choices or ())())


def _in_range(column: Column, value: pl.Expr) -> pl.Expr:
    inside = value.is_between(-LARGEST_QUANTITY, LARGEST_QUANTITY) if column.type == "qty" else pl.lit(True)
    if column.minimum is not None:
        inside &= value >= column.minimum
    if column.maximum is not None:
        inside &= value <= column.maximum
    return inside & (value != 0) if column.is_nonzero else inside


def _in_years(text: pl.Expr) -> pl.Expr:
    """Written in a year from 1970 to 2199."""
    return text.str.slice(0, 4).is_between(pl.lit("1970"), pl.lit("2199"))


def _uniform(column: Column, texts: pl.Series, time_zone: str) -> _Look:
    """Moments written as most of some are, taken from all over; any other is left to the exact look."""
    text, present = pl.col(column.name), texts.drop_nulls()
    seen = [
        found
        for found in (re.match(_MOMENT, each) for each in present.gather_every(max(1, present.len() // _ASKED)))
        if found
    ]
    if not seen:
        return _Look(pl.lit(None, _dtype(column)), pl.lit(True))
    written_so = [
        (between, bool(second), bool(fraction), zone)
        for _, between, _, second, fraction, zone in map(re.Match.groups, seen)
    ]
    between, second, fraction, zone = Counter(written_so).most_common(1)[0][0]
    pattern, shape = rf"^(?:19[7-9]|20[0-9])[0-9]-[0-9]{{2}}-[0-9]{{2}}{between}{_CLOCK}", f"%Y-%m-%d{between}%H:%M"
    if second:
        pattern, shape = f"{pattern}:[0-5][0-9]", f"{shape}:%S"
    if fraction:
        pattern, shape = rf"{pattern}\.[0-9]{{1,6}}", f"{shape}%.f"
    pattern, shape = f"{pattern}{re.escape(zone or '')}$", f"{shape}{zone or ''}"
    written = text.str.to_datetime(shape, time_unit="us", strict=False)
    if zone is None and time_zone != "UTC":
        local = written.dt.replace_time_zone(time_zone, ambiguous="earliest", non_existent="null")
        moment = local.dt.convert_time_zone("UTC")
    else:
        moment = (written - _offset(zone)).dt.replace_time_zone("UTC")
    return _Look(moment, ~text.str.contains(pattern) | pl.col(_beside(column.name)).is_null())


def _offset(zone: str | None) -> timedelta:
    if zone is None or zone == "Z":
        return timedelta()
    behind = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6]))
    return -behind if zone[0] == "-" else behind


# The exact look


def _exact(column: Column) -> pl.Expr:
    """The value of a text that keeps the contract, however it is written."""
    text = pl.col(column.name)
    if column.type == "timestamp":
        return pl.col(_beside(column.name)).struct.field("moment")
    if column.type in _NUMBERS:
        return text.str.replace(r"^(-?)0+([0-9])", "${1}${2}").cast(_NUMBERS[column.type], strict=False)
    match column.type:
        case "date":
            return text.str.to_date("%Y-%m-%d", strict=False)
        case "boolean":
            return text == "true"
        case _:
            return text


def _fault(column: Column) -> pl.Expr:
    """The code of what is wrong with a text, none where it keeps the contract."""
    text, value = pl.col(column.name), _exact(column)
    longest = LONGEST_ID if column.type == "id" else LONGEST_TEXT
    checks = [
        (text.str.starts_with(NO_VALUE), "structure"),
        (text.str.contains(_BROKEN), "encoding"),
        (pl.lit(column.is_required) & (text.str.strip_chars() == ""), "missing"),
    ]
    if column.type in ("id", "text"):
        checks.append((text.str.len_chars() > longest, "too_long"))
    if column.type in _PATTERNS:
        checks.append((~text.str.contains(_PATTERNS[column.type]), "format"))
    match column.type:
        case "choice" | "currency" | "country":
            checks.append((~text.is_in(_allowed(column)), "not_allowed"))
        case "qty" | "money" | "decimal":
            checks.append((value.is_null() | ~_in_range(column, value), "range"))
        case "date":
            checks += [(value.is_null(), "format"), (~_in_years(text), "range")]
        case "timestamp":
            local = pl.col(_beside(column.name)).struct.field("local")
            checks += [(local.is_null(), "format"), (~_in_years(text), "range"), (value.is_null(), "nonexistent_time")]
    fault = pl.lit(None, pl.String)
    for is_broken, code in reversed(checks):
        fault = pl.when(is_broken).then(pl.lit(code)).otherwise(fault)
    return pl.when(text.is_null()).then(pl.lit("missing" if column.is_required else None, pl.String)).otherwise(fault)


def _moments(texts: pl.Series, time_zone: str) -> pl.Expr:
    """What each text says (`local`, without a zone) and the moment it is; none where it is no moment."""
    name = texts.name
    parts = texts.to_frame().select(pl.col(name).str.extract_groups(_MOMENT).alias("part")).to_series()
    day, _, clock, second, fraction, zone = (pl.col(str(number)) for number in range(1, 7))
    micros = fraction.str.pad_end(6, "0").str.slice(0, 6).cast(pl.Int64).fill_null(0)
    written = (day + "T" + clock + ":" + second.fill_null("00")).str.to_datetime(
        "%Y-%m-%dT%H:%M:%S", time_unit="us", strict=False
    )
    local = written + pl.duration(microseconds=micros, time_unit="us")
    minutes = zone.str.slice(1, 2).cast(pl.Int64, strict=False) * 60 + zone.str.slice(4, 2).cast(pl.Int64, strict=False)
    behind = pl.when(zone.str.starts_with("-")).then(-minutes).otherwise(minutes).fill_null(0)
    rows = parts.struct.unnest().select(local.alias("local"), behind.alias("behind"), zone.alias("zone"))
    known = pl.when(pl.col("local").dt.year().is_between(1970, _ZONE_TABLE_ENDS - 1)).then(pl.col("local"))
    here = known.dt.replace_time_zone(time_zone, ambiguous="earliest", non_existent="null").dt.convert_time_zone("UTC")
    there = (pl.col("local") - pl.duration(minutes=pl.col("behind"))).dt.replace_time_zone("UTC")
    rows = rows.with_columns(moment=pl.when(pl.col("zone").is_null()).then(here).otherwise(there).cast(_MOMENT_TYPE))
    is_late = pl.col("zone").is_null() & pl.col("local").dt.year().is_between(_ZONE_TABLE_ENDS, 2199)
    late = rows.select(is_late.fill_null(False)).to_series().arg_true()
    if late.len():
        far = pl.Series([_far(found, time_zone) for found in rows["local"].gather(late)], dtype=_MOMENT_TYPE)
        rows = rows.with_columns(rows["moment"].scatter(late, far))
    return pl.lit(rows.select(pl.struct("local", "moment")).to_series())


def _far(local: datetime, time_zone: str) -> datetime | None:
    """The moment of a local time far ahead, the earlier one of two; none where the clock jumps over it."""
    zone = ZoneInfo(time_zone)
    moment = local.replace(tzinfo=zone).astimezone(UTC)
    return moment if moment.astimezone(zone).replace(tzinfo=None) == local else None


# What the columns of a row must say together


def _together(feed: TableClass) -> list[tuple[str, pl.Expr, str]]:
    """The truths across columns: the column to name, where it is broken, what was found."""
    rules: dict[str, list[tuple[str, pl.Expr, str]]] = {
        "inbound": [
            (
                "received_on",
                pl.col("received_on").is_null() & (pl.col("status") == "received").fill_null(False),
                "empty, and status is received",
            )
        ],
        "payments": [
            (
                "invoice_number",
                pl.col("invoice_number").is_null() & pl.col("order_id").is_null(),
                "empty, and order_id too",
            )
        ],
    }
    return rules.get(declaration(feed).name, [])


# What is said of a rejected row


def _rejections(rows: pl.DataFrame, feed: TableClass, carried: list[str], reasons: list[str]) -> pl.DataFrame:
    """The reasons of rows whose fault codes stand beside their texts."""
    if rows.is_empty():
        return rows.select(*carried, pl.lit(None, pl.List(pl.String)).alias("reasons"))
    faulty = [column.name for column in own_columns(feed) if rows[_beside(column.name)].null_count() < rows.height]
    told = rows.select(
        *reasons,
        *(
            pl.format("{}: {}: {}", pl.lit(name), pl.col(_beside(name)), pl.lit(shown(rows[name]))).alias(name)
            for name in faulty
        ),
        *(
            pl.when(is_broken).then(pl.lit(f"{name}: missing: {found}")).alias(_beside(name))
            for name, is_broken, found in _together(feed)
        ),
    )
    return rows.select(carried).hstack(told.select(pl.concat_list(pl.all()).list.drop_nulls().alias("reasons")))


def shown(texts: pl.Series) -> pl.Series:
    """Values as a reason shows them: shortened, on one line, nothing invisible in them."""
    text = pl.col("text")
    rows = (
        texts.alias("text")
        .to_frame()
        .select(
            text,
            text.str.slice(0, SHOWN).alias("short"),
            pl.when(text.str.len_chars() > SHOWN).then(pl.lit("…")).otherwise(pl.lit("")).alias("cut"),
        )
    )
    odd = rows["short"].str.contains(_INVISIBLE).fill_null(False).arg_true()
    if odd.len():
        rows = rows.with_columns(rows["short"].scatter(odd, [visible(found) for found in rows["short"].gather(odd)]))
    empty = pl.when(text.is_null()).then(pl.lit("empty")).when(text.str.strip_chars() == "").then(pl.lit("only blanks"))
    return rows.select(empty.otherwise(pl.col("short") + pl.col("cut"))).to_series()


def visible(text: str) -> str:
    """The text with all that cannot be seen, and undecodable bytes, written out, such as `\\x00` or `\\u200b`."""
    return re.sub("[^ -~]", _written_out, text)


def _written_out(found: re.Match[str]) -> str:
    character = found.group()
    if character == NO_VALUE:
        return ""
    if ord(character) >= UNDECODABLE:
        return f"\\x{ord(character) - UNDECODABLE:02x}"
    is_seen = unicodedata.category(character)[0] not in "CZ"
    return character if is_seen else character.encode("unicode_escape").decode()
