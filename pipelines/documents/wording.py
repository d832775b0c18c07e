"""How amounts, days, countries and texts stand on a document."""

import unicodedata
from datetime import date
from decimal import Decimal
from functools import cache

from models.rules import money

_DIRECTIONS = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
"""Marks that turn the direction of what follows: they have no shape, and can make a text read as another."""


def places(currency: str | None) -> int:
    """The places of a currency; two where it is unknown."""
    return money.places(currency or "")


def needed_places(amount: Decimal, currency: str | None) -> int:
    """The places an amount is written with: its currency's, and more where it has more."""
    exponent = amount.normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    return max(places(currency), -exponent)


def spelled(amount: Decimal | None, currency: str | None) -> str:
    """An amount as a person reads it: 1,234.50; nothing where it is unknown."""
    return "" if amount is None else f"{amount:,.{needed_places(amount, currency)}f}"


def dated(day: date) -> str:
    """A day as letters have it: 31 October 2026."""
    return f"{day.day} {day:%B %Y}"


@cache
def country(code: str | None) -> str:
    """The name of a country by its code; a code nobody knows stays itself."""
    import pycountry

    found = pycountry.countries.get(alpha_2=code) if code else None
    return str(getattr(found, "common_name", found.name)) if found else code or ""


def legible(text: str) -> str:
    """A text without what has no shape: control characters become spaces, marks of direction go."""
    kinds = [(letter, unicodedata.category(letter)) for letter in text if letter not in _DIRECTIONS]
    return "".join(" " if kind in ("Cc", "Zl", "Zp") else letter for letter, kind in kinds if kind != "Cs").strip()


def printable(text: str) -> str:
    """A text as a sheet can hold it: what XML has no place for becomes the mark of the unreadable."""
    return "".join(letter if _is_xml(ord(letter)) else "\N{REPLACEMENT CHARACTER}" for letter in text)


def _is_xml(point: int) -> bool:
    return point in (0x9, 0xA, 0xD) or 0x20 <= point <= 0xD7FF or 0xE000 <= point <= 0xFFFD or point >= 0x10000
