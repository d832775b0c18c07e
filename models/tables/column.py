"""What a column may hold: each function declares one column of a table, with its description, unit and limits."""

from typing import Any

import pandera.polars as pa


def _declared(
    type_: str,
    description: str,
    *,
    optional: bool = False,
    unit: str | None = None,
    personal: bool = False,
    choices: tuple[str, ...] | None = None,
    minimum: int | None = None,
    maximum: int | None = None,
    default: Any = None,
    nonzero: bool = False,
) -> Any:
    return pa.Field(
        nullable=optional,
        description=description,
        isin=list(choices) if choices else None,
        ge=minimum,
        le=maximum,
        ne=0 if nonzero else None,
        metadata={
            "type": type_,
            "unit": unit,
            "is_personal": personal,
            "choices": choices,
            "minimum": minimum,
            "maximum": maximum,
            "default": default,
            "is_nonzero": nonzero,
        },
    )


def identifier(description: str, *, optional: bool = False) -> Any:
    """A text of 1 to 64 printable characters without leading or trailing space."""
    return _declared("id", description, optional=optional)


def text(description: str, *, optional: bool = False, personal: bool = False) -> Any:
    """A text of at most 2,000 characters."""
    return _declared("text", description, optional=optional, personal=personal)


def texts(description: str) -> Any:
    """A list of texts."""
    return _declared("list of text", description)


def choice(description: str, choices: tuple[str, ...], *, optional: bool = False, default: str | None = None) -> Any:
    """One of a few words."""
    return _declared("choice", description, optional=optional, choices=choices, default=default)


def currency(description: str, *, optional: bool = False, is_listed: bool = True) -> Any:
    """A currency code of ISO 4217; `is_listed=False` asks for three capitals only."""
    return _declared("currency" if is_listed else "currency-like", description, optional=optional)


def country(description: str, *, optional: bool = False) -> Any:
    """A country code of ISO 3166-1 alpha-2."""
    return _declared("country", description, optional=optional)


def money(
    description: str,
    *,
    optional: bool = False,
    minimum: int | None = None,
    nonzero: bool = False,
    unit: str = "currency",
) -> Any:
    """An amount of at most four places, below 10^14."""
    return _declared("money", description, optional=optional, minimum=minimum, nonzero=nonzero, unit=unit)


def decimal(
    description: str,
    *,
    unit: str,
    optional: bool = False,
    minimum: int | None = None,
    maximum: int | None = None,
    positive: bool = False,
) -> Any:
    """An exact number of at most ten places; `positive` asks for more than zero."""
    return _declared(
        "decimal",
        description,
        optional=optional,
        minimum=0 if positive else minimum,
        maximum=maximum,
        unit=unit,
        nonzero=positive,
    )


def quantity(
    description: str,
    *,
    unit: str = "units",
    optional: bool = False,
    minimum: int | None = None,
    maximum: int | None = None,
    default: int | None = None,
    nonzero: bool = False,
) -> Any:
    """A whole number of at most 10^9 either way."""
    return _declared(
        "qty",
        description,
        optional=optional,
        minimum=minimum,
        maximum=maximum,
        default=default,
        unit=unit,
        nonzero=nonzero,
    )


def flag(description: str, *, optional: bool = False, default: bool | None = None) -> Any:
    """True or false."""
    return _declared("boolean", description, optional=optional, default=default)


def day(description: str, *, optional: bool = False) -> Any:
    """A business date between 1970-01-01 and 2199-12-31."""
    return _declared("date", description, optional=optional)


def moment(description: str, *, optional: bool = False) -> Any:
    """A moment, in UTC."""
    return _declared("timestamp", description, optional=optional)


def clock(description: str, *, optional: bool = False) -> Any:
    """A time of day, `HH:MM`."""
    return _declared("time", description, optional=optional)


def weekdays(description: str, *, optional: bool = False) -> Any:
    """Days of the week, such as `Mon,Thu`."""
    return _declared("weekdays", description, optional=optional)
