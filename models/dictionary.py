"""The dictionary of every table and column, made from their declarations.

`python -m models.dictionary` writes data/DICTIONARY.md; with `--check` it says whether the file is current.
"""

import sys
from pathlib import Path

from models.tables import CATALOG
from models.tables.base import Column, TableClass, columns, declaration
from models.tables.rules import RULE_TABLES

FILE = Path(__file__).resolve().parent.parent / "data" / "DICTIONARY.md"
KINDS = {
    "feed": "feed: every accepted version is kept; current ones are published",
    "state": "state: one row per key as of the last night",
    "night": "night: a slice per business date",
    "ledger": "ledger: append-only",
}
HEAD = """# Dictionary

Made from `models/tables` by `make dictionary`; a test fails when it is stale. Moments are UTC, dates are business dates,
amounts are exact decimals. Columns marked *personal* hold personal data.
"""


def dictionary() -> str:
    """Every table and column as Markdown."""
    parts = [HEAD, "## Tables in process order\n", *(_summary(table) for table in CATALOG), ""]
    parts += [_section(table) for table in CATALOG]
    parts.append("# Rule tables\n\nFiles `rules/<name>.csv` of the workspace, else of the project.\n")
    parts += [_section(table) for table in RULE_TABLES.values()]
    return "\n".join(parts).rstrip() + "\n"


def _summary(table: TableClass) -> str:
    declared = declaration(table)
    return f"- `{declared.schema}.{declared.name}`: {_described(table)}"


def _described(table: TableClass) -> str:
    return " ".join((table.__doc__ or "").split())


def _section(table: TableClass) -> str:
    declared = declaration(table)
    head = [
        f"## {declared.name}" + ("" if declared.schema != "feeds" else " (feed)"),
        "",
        _described(table),
        "",
        f"{KINDS[declared.kind]}. Key: {', '.join(f'`{part}`' for part in declared.key)}."
        + ("" if declared.is_published else " Not published."),
        "",
        "| column | type | | unit | what it is |",
        "|---|---|---|---|---|",
    ]
    return "\n".join([*head, *(_row(column) for column in columns(table)), ""])


def _row(column: Column) -> str:
    marks = ["required"] if column.is_required else []
    marks += ["personal"] if column.is_personal else []
    told = column.description
    if column.choices:
        told += f" One of: {', '.join(column.choices)}."
    if column.default is not None:
        told += f" Default: {str(column.default).lower() if isinstance(column.default, bool) else column.default}."
    return f"| `{column.name}` | {column.type} | {', '.join(marks)} | {column.unit or ''} | {told.replace('|', '/')} |"


def main(arguments: list[str]) -> int:
    """Write the dictionary, or with `--check` only say whether it is current."""
    current = FILE.read_text(encoding="utf-8") if FILE.exists() else ""
    if arguments == ["--check"]:
        if current != dictionary():
            print(f"{FILE.name} is stale; run `make dictionary` and commit it.")
            return 1
        return 0
    FILE.write_text(dictionary(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
