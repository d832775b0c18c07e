"""How many invoices a core sets a second, as PDF with its e-invoice, and how many all cores together."""

import shutil
import sys
import time
from pathlib import Path

from pipelines.documents import invoices
from pipelines.warehouse.read import published
from pipelines.workspace import Workspace


def one_core(workspace: Workspace, numbers: list[str]) -> float:
    """Documents a second, one after the other in this process."""
    desk = invoices.Desk(workspace, workspace.documents / "bench")
    desk.made(numbers[:5])
    started = time.perf_counter()
    desk.made(numbers)
    return len(numbers) / (time.perf_counter() - started)


def all_cores(workspace: Workspace, numbers: list[str]) -> float:
    """Documents a second over all cores, their start included."""
    started = time.perf_counter()
    count = len(list(invoices.all_made(workspace, workspace.documents / "bench", numbers, lambda _: None)))
    return count / (time.perf_counter() - started)


if __name__ == "__main__":
    shop, count = Workspace(Path(sys.argv[1])), int(sys.argv[2])
    with published(shop) as opened:
        numbers = [
            row["invoice_number"]
            for row in opened.rows("SELECT invoice_number FROM invoices ORDER BY 1 LIMIT ?", [count])
        ]
    print(f"{len(numbers):,} invoices: {one_core(shop, numbers[: count // 4]):.1f} a second on one core, ", end="")
    print(f"{all_cores(shop, numbers):.1f} on all")
    shutil.rmtree(shop.documents / "bench", ignore_errors=True)
