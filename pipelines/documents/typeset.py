"""Letters as PDF: a frame set by typst, into which everything comes as text and nothing is read as markup.

A purchase order and an invoice are the same letter with other words in it: sender, receiver, facts, a table over as
many pages as it takes, totals, notes. The same letter gives the same bytes: fonts are those that come with typst and
those of the workspace's folder `fonts`, never the machine's, and the day is the document's.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from json import dumps
from pathlib import Path
from typing import Any, Final

import typst

from pipelines.documents.wording import country, legible
from pipelines.workspace import OrderhouseError, Workspace

FRAME = Path(__file__).with_name("letter.typ")
STANDARD: Final = "a-3b"
"""PDF/A for archives; it also refuses a letter that no font can show, which is how such are found."""
UNSHOWN = re.compile(r'the text `"((?:[^"\\]|\\.)*)"` could not be displayed')
BOX = "□"
"""Stands for a letter that no font has."""
LOGO_BYTES = 2_000_000


@dataclass(frozen=True)
class Party:
    """Who writes, or is written to: a name, and lines below it."""

    name: str
    lines: Sequence[str] = ()


@dataclass(frozen=True)
class Column:
    """A column of a letter's table: its share of the free width, or 0: as wide as its figures, which stand on the right."""

    title: str
    share: float = 0


@dataclass(frozen=True)
class Total:
    """A line below the table."""

    label: str
    amount: str
    is_sum: bool = True


@dataclass(frozen=True)
class Letter:
    """Everything that a letter says, as text."""

    title: str
    number: str
    day: date
    sender: Party
    receiver: Party
    facts: Sequence[tuple[str, str]]
    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]
    totals: Sequence[Total] = ()
    notes: Sequence[str] = ()
    picture: str = ""
    """An SVG beside the notes, such as a code to scan, and what stands below it."""
    caption: str = ""
    attached: str = ""
    """The document as XML, which the PDF carries as `factur-x.xml`."""


@dataclass(frozen=True)
class Typeset:
    """A letter as PDF, and the letters of the alphabet in it that no font could show."""

    pdf: bytes
    unshown: str


class Press:
    """Sets one letter after the other; the fonts are read once."""

    def __init__(self, workspace: Workspace) -> None:
        """Lay out the fonts and the logo.

        Raises:
            OrderhouseError: the logo of the settings cannot be used.
        """
        own = workspace.root / "fonts"
        fonts = typst.Fonts(include_system_fonts=False, font_paths=[own] if own.is_dir() else [])
        bundled = {font.family for font in typst.Fonts(include_system_fonts=False).fonts()}
        self.own_fonts = sorted({font.family for font in fonts.fonts()} - bundled)
        self.compiler = typst.Compiler(input=FRAME, root=FRAME.parent, font_paths=fonts, ignore_system_fonts=True)
        self.logo = _logo(workspace)

    def letter(self, letter: Letter) -> Typeset:
        """Set a letter; what no font can show becomes a box, and is named.

        Raises:
            OrderhouseError: the logo is no picture.
        """
        told = _legible(asdict(replace(letter, columns=(), picture="", attached=""))) | {
            "columns": [{"title": each.title, "share": each.share} for each in letter.columns],
            "day": None,
            "picture": letter.picture,
            "attached": letter.attached,
            "logo": list(self.logo),
            "fonts": self.own_fonts,
        }
        moment = datetime(letter.day.year, letter.day.month, letter.day.day, tzinfo=UTC)
        unshown: set[str] = set()
        while True:
            inputs = {"letter": dumps(told, ensure_ascii=False)}
            try:
                pdf = self.compiler.compile(format="pdf", sys_inputs=inputs, pdf_standards=[STANDARD], timestamp=moment)
            except typst.TypstError as error:
                more = _unshown(f"{error.message}\n{error.diagnostic}") - unshown
                if not more:
                    if self.logo and "image" in error.diagnostic:
                        raise OrderhouseError(
                            f"The logo of the settings cannot be shown ({error.message}); give a PNG, JPEG or SVG."
                        ) from error
                    raise
                unshown |= more
                told = _boxed(told, more) | {"picture": letter.picture, "attached": letter.attached}
            else:
                assert isinstance(pdf, bytes)
                return Typeset(pdf, "".join(sorted(unshown)))


def sender(workspace: Workspace) -> Party:
    """We, as the settings have us."""
    company = workspace.settings.company
    town = " ".join(part for part in (company.postcode, company.city) if part)
    tax = f"Tax id {company.tax_id}" if company.tax_id else None
    lines = (company.street, town, country(company.country), company.email, tax)
    return Party(company.name, [line for line in lines if line])


def _legible(value: Any) -> Any:
    return _each_text(value, legible)


def _boxed(value: Any, unshown: set[str]) -> Any:
    def shown(text: str) -> str:
        return "".join(
            letter if letter not in unshown else "" if unicodedata.category(letter)[0] in "MC" else BOX
            for letter in text
        )

    return _each_text(value, shown)


def _each_text(value: Any, change: Any) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {name: _each_text(each, change) for name, each in value.items()}
    if isinstance(value, list | tuple) and not all(isinstance(each, int) for each in value):
        return [_each_text(each, change) for each in value]
    return value


def _unshown(diagnostic: str) -> set[str]:
    """The letters that typst says it has no font for; it writes them as Rust does."""
    found = "".join(UNSHOWN.findall(diagnostic))
    plain = re.sub(r"\\u\{([0-9a-f]+)\}", lambda match: chr(int(match[1], 16)), found)
    return {letter for letter in re.sub(r"\\(.)", r"\1", plain) if ord(letter) > 0x7E}


def _logo(workspace: Workspace) -> bytes:
    named = workspace.settings.company.logo
    if not named:
        return b""
    file = workspace.root / named
    try:
        content = file.read_bytes()
    except OSError as error:
        raise OrderhouseError(f"The logo {file} of the settings cannot be read; mend [company] logo.") from error
    if len(content) > LOGO_BYTES:
        raise OrderhouseError(f"The logo {file} has {len(content):,} bytes; give one below {LOGO_BYTES:,}.")
    return content
