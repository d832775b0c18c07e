"""Parquet: typed columns, read as the texts they have in a CSV file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.feeds import limits
from pipelines.feeds.records import NUMBER, Held, Opened, Records, held_if_damaged, named, no_texts, numbers_from
from pipelines.feeds.streams import kind
from pipelines.feeds.typed import texts


def opened(path: Path) -> Opened:
    """A Parquet file, its schema read."""
    import pyarrow.parquet as pq

    with path.open("rb") as file:
        head = file.read(64)
    if not head.startswith(b"PAR1"):
        raise Held(f"The file is named .parquet but its content is {kind(head)}; deliver it again.")
    with held_if_damaged():
        table = pq.ParquetFile(path)
        names = named(table.schema_arrow.names)
    return Opened(names, _blocks(table, names))


def _blocks(table: Any, names: tuple[str, ...]) -> Iterator[Records]:
    number = 1
    try:
        with held_if_damaged():
            for batch in table.iter_batches(batch_size=limits.ROWS):
                columns = [
                    texts(column).alias(name)
                    for name, column in zip(names, batch.columns, strict=True)
                    if name != NUMBER
                ]
                yield Records(pl.DataFrame([*columns, numbers_from(number, batch.num_rows)]), is_typed=True)
                number += batch.num_rows
        if number == 1:
            yield Records(no_texts(names), is_typed=True)
    finally:
        table.close()
