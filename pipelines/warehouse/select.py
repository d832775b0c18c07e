"""SQL over frames, in a DuckDB of its own that can reach neither files nor the network."""

from collections.abc import Mapping, Sequence

import duckdb
import polars as pl

from pipelines.workspace import OrderhouseError

_MOMENT = "TIMESTAMP WITH TIME ZONE"
_ANSWER = "the answer"


def select(
    views: Mapping[str, pl.DataFrame], steps: Sequence[tuple[str, str]], statements: Sequence[tuple[str, str]]
) -> dict[str, pl.DataFrame]:
    """Ask several questions of the same frames.

    Every value of an answer is text: moments with their zone are written in UTC, everything else as DuckDB writes it.

    Args:
        views: the frames by the name that SQL knows them by.
        steps: name and SELECT of what several questions share, each becomes a table that later ones may name.
        statements: name and SELECT of each question.

    Returns:
        The answer of each statement under its name; an Int64 stays one.

    Raises:
        OrderhouseError: a SELECT that DuckDB refuses; it names the statement.
    """
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'; SET enable_external_access = false; SET lock_configuration = true")
        for name, frame in views.items():
            # A table of its own, not the frame: scans of registered frames with a filter have given wrong rows.
            connection.register("given", frame)
            connection.execute(f'CREATE TABLE "{name}" AS SELECT * FROM given')
            connection.unregister("given")
        for name, sql in steps:
            _keep(connection, name, name, sql)
        answers = {}
        for name, sql in statements:
            _keep(connection, name, _ANSWER, sql)
            answers[name] = _texts(connection, _ANSWER)
            connection.execute(f'DROP TABLE "{_ANSWER}"')
        return answers


def _keep(connection: duckdb.DuckDBPyConnection, name: str, table: str, sql: str) -> None:
    try:
        connection.execute(f'CREATE TABLE "{table}" AS\n{sql}\n')
    except duckdb.Error as error:
        said = str(error).split("\n\n")[0].replace("\n", " ").rstrip(".")
        raise OrderhouseError(f"the SELECT {name} cannot be run: {said}; mend it there.") from error


def _texts(connection: duckdb.DuckDBPyConnection, table: str) -> pl.DataFrame:
    described = connection.sql(f'SELECT * FROM "{table}" LIMIT 0')
    columns = []
    for name, kind in zip(described.columns, described.types, strict=True):
        quoted = '"' + name.replace('"', '""') + '"'
        if str(kind) == _MOMENT:
            columns.append(f"strftime({quoted}, '%Y-%m-%dT%H:%M:%S.%fZ') AS {quoted}")
        else:
            columns.append(quoted if str(kind) == "BIGINT" else f"CAST({quoted} AS VARCHAR) AS {quoted}")
    return connection.sql(f'SELECT {", ".join(columns)} FROM "{table}"').pl()
