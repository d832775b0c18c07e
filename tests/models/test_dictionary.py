"""The dictionary says what the declarations say, and every declaration says enough."""

from models.dictionary import FILE, dictionary
from models.tables import CATALOG, FEEDS
from models.tables.base import columns, declaration, polars_schema
from models.tables.rules import RULE_TABLES


def test_the_dictionary_is_current() -> None:
    assert FILE.read_text(encoding="utf-8") == dictionary(), "run `make dictionary` and commit it"


def test_every_table_says_what_a_row_is_and_every_column_what_it_holds() -> None:
    for table in (*CATALOG, *RULE_TABLES.values()):
        assert "One row per" in (table.__doc__ or ""), table
        for column in columns(table):
            assert column.description.endswith("."), (table, column.name)
            if column.type in ("qty", "money", "decimal"):
                assert column.unit, (table, column.name)


def test_keys_are_columns_and_feeds_end_with_where_a_row_came_from() -> None:
    for table in (*CATALOG, *RULE_TABLES.values()):
        assert set(declaration(table).key) <= set(polars_schema(table).names()), table
    for feed in FEEDS.values():
        assert polars_schema(feed).names()[-2:] == ["file_id", "record_number"]


def test_names_and_addresses_are_marked_as_personal() -> None:
    personal = {
        (declaration(table).name, column.name) for table in CATALOG for column in columns(table) if column.is_personal
    }
    assert {
        ("customers", "email"),
        ("customers", "name"),
        ("orders", "ship_street"),
        ("decisions", "decided_by"),
    } <= personal
