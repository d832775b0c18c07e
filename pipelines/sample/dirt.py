"""Mistakes as partners make them: a few rows of every feed break the contract; most are sent again, repaired."""

from collections.abc import Callable

import numpy as np
import polars as pl

from pipelines.sample.values import draws

FIRST_USE = 400
REPAIRED = 1 << 28
SOMETIMES_LOST = {"orders", "order_lines", "order_events", "stock_movements", "payments", "support_cases"}
Mistake = tuple[str, Callable[[str], str | None]]


def _nothing(value: str) -> None:
    return None


def _comma(value: str) -> str:
    return value.replace(".", ",")


def _negative(value: str) -> str:
    return f"-{value}"


def _words(value: str) -> Callable[[str], str]:
    return lambda _: value


def _german(value: str) -> str:
    return ".".join(reversed(value[:10].split("-")))


MISTAKES: dict[str, tuple[Mistake, ...]] = {
    "products": (("unit_price", _comma), ("name", _nothing), ("pack_size", _words("0"))),
    "customers": (
        ("country", _words("XX")),
        ("priority", _words("9")),
        ("segment", _words("B2B")),
        ("customer_id", _nothing),
    ),
    "orders": (
        ("ordered_at", _german),
        ("ordered_at", _words("2026-13-45T10:00:00Z")),
        ("currency", _words("eur")),
        ("channel", _words("web")),
        ("shipping_amount", _words("4,95")),
        ("requested_on", _words("31.12.2026")),
        ("service_level", _words("overnight")),
        ("channel", _nothing),
    ),
    "order_lines": (
        ("unit_price", _comma),
        ("unit_price", _words("€ 19.99")),
        ("quantity", _words("0")),
        ("quantity", _negative),
        ("quantity", _words("1.5")),
        ("sku", _nothing),
        ("unit_price", _nothing),
        ("discount_amount", _words("-1.00")),
    ),
    "order_events": (
        ("event", _words("dispatched")),
        ("event", _words("Shipped")),
        ("occurred_at", _german),
        ("occurred_at", _nothing),
        ("occurred_at", _words("0000-00-00 00:00:00")),
        ("order_id", _nothing),
        ("quantity", _words("0")),
    ),
    "stock_movements": (("quantity", _words("0")), ("kind", _words("sale")), ("sku", _nothing), ("moved_at", _german)),
    "stock_counts": (("quantity", _negative), ("quantity", _words("n/a"))),
    "inbound": (("expected_on", _words("KW 47")), ("status", _words("shipped")), ("quantity", _nothing)),
    "payments": (
        ("amount", _comma),
        ("currency", _words("EURO")),
        ("received_on", _german),
        ("amount", _words("0.00")),
    ),
    "support_cases": (("topic", _nothing), ("status", _words("done")), ("priority", _words("asap"))),
}


def dirtied(feed: str, rows: pl.DataFrame, share: float, seed: int) -> pl.DataFrame:
    """The rows with about a `share` of them broken; most broken rows come again, whole, on the next day.

    Of what the shop cannot do without (products, counts and the like) every broken row does.
    """
    if feed not in MISTAKES:
        return rows
    keys, uses = rows["_key"].to_numpy(), FIRST_USE + 4 * list(MISTAKES).index(feed)
    is_broken = draws(seed, keys, uses) < share
    if not is_broken.any():
        return rows
    mistakes, broken = MISTAKES[feed], keys[is_broken]
    good = rows.filter(pl.Series(is_broken))
    bad = good.to_dicts()
    which = (draws(seed, broken, uses + 1) * len(mistakes)).astype(np.int64)
    for row, mistake in zip(bad, which.tolist(), strict=True):
        column, broken_value = mistakes[mistake]
        row[column] = broken_value(row[column] or "1")
    is_repaired = draws(seed, broken, uses + 2) < (0.8 if feed in SOMETIMES_LOST else 1)
    again = good.filter(pl.Series(is_repaired)).with_columns(pl.col("_on") + 1, pl.col("_key") + REPAIRED)
    return pl.concat([rows.filter(pl.Series(~is_broken)), pl.DataFrame(bad, schema=rows.schema), again])
