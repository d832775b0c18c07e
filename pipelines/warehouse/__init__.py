"""All DuckDB: the warehouse file, its stages and what is published from it."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelines.warehouse.store import Warehouse

__all__ = ["Warehouse"]


def __getattr__(name: str) -> Any:
    """The warehouse is imported when it is asked for: a command that only reads a published file starts at once."""
    if name == "Warehouse":
        from pipelines.warehouse.store import Warehouse

        return Warehouse
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
