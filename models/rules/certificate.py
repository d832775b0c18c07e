"""The proof of a night: equalities that must hold over all rows, whatever came in."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import polars as pl

from models.tables.base import polars_schema
from models.tables.certificate import Proof


class Compared(NamedTuple):
    """Two figures that must agree, and what they are."""

    proof: str
    expected: object
    found: object
    details: str


def certificate(as_of: date, compared: Sequence[Compared]) -> pl.DataFrame:
    """Write down what was compared, green where both figures agree.

    Returns:
        Proof rows in the order given.
    """
    return pl.DataFrame(
        [
            {
                "as_of": as_of,
                "proof": each.proof,
                "expected": str(each.expected),
                "found": str(each.found),
                "is_green": each.expected == each.found,
                "details": each.details,
            }
            for each in compared
        ],
        schema=polars_schema(Proof),
        orient="row",
    )
