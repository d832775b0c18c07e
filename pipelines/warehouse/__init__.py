"""All DuckDB: the warehouse file, its stages and what is published from it."""

from pipelines.warehouse.store import Warehouse

__all__ = ["Warehouse"]
