"""`make bench`: the night over a large sample, the night on top of it, and the real shop night by night.

Each figure is measured in its own process by the operating system's accounting; ratios are to the baseline of the same
run. Nothing here is a test: machines differ.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

WORK = Path(__file__).resolve().parent / "work"
LAST = date(2026, 9, 30)
FEEDS = ("products", "customers", "orders", "order_lines", "order_events")
DAYS = 100


@dataclass(frozen=True)
class Cost:
    """What a process took."""

    wall: float
    cpu: float
    peak_gb: float
    said: str

    def __str__(self) -> str:
        """As a row."""
        return f"{self.wall:>8.1f} s wall {self.cpu:>8.1f} s cpu {self.peak_gb:>6.2f} GB peak"


def measured(*command: str) -> Cost:
    """Run a Python module as a process of its own."""
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    said = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} ended with {status}:\n{said}")
    return Cost(time.perf_counter() - started, used.ru_utime + used.ru_stime, used.ru_maxrss / 2**20, said)


def sampled(orders: int, first: date, last: date, landing: Path, history_from: date | None = None) -> None:
    """Write the sample once; later runs find it."""
    from pipelines import sample

    done = landing.with_suffix(".done")
    if done.exists():
        return
    shutil.rmtree(landing, ignore_errors=True)
    sample.write(
        landing,
        first=first,
        last=last,
        history_from=history_from,
        orders_per_day=orders / DAYS,
        skus=2000,
        seed=1,
        feeds=FEEDS,
        progress=print,
    )
    done.touch()


def linked(source: Path, target: Path) -> None:
    """The same files under another folder, without copying them."""
    shutil.copytree(source, target, copy_function=os.link, dirs_exist_ok=True)


def large_night(orders: int) -> None:
    """A night over a large history, against the least it can cost; then a night over 200 new orders on top."""
    from pipelines import sample as samples

    first = LAST - timedelta(days=DAYS - 1)
    history, more = WORK / f"sample-{orders}", WORK / f"more-{orders}"
    print(f"Sample of {orders:,} orders over {DAYS} days")
    sampled(orders, first, LAST, history)
    files = [file for feed in FEEDS for file in (history / feed).glob("*.csv")]
    size = sum(file.stat().st_size for file in files)
    print(f"{size / 1e6:,.0f} MB of CSV in {len(files)} files")

    baseline = measured("-m", "bench.baseline", str(history), str(WORK / "baseline.duckdb"))
    print(f"baseline, bare SQL                {baseline}")
    shop = WORK / "shop"
    shutil.rmtree(shop, ignore_errors=True)
    shop.mkdir(parents=True)
    samples.settle(shop, first)
    linked(history, shop / "landing")
    night = measured("-m", "bench.night", str(shop), str(LAST))
    print(f"night, intake to trends           {night}")
    stages = _stages(night.said)
    for name, seconds in stages.items():
        print(f"    {name:<14} {seconds:>8.1f} s")
    upto = sum(seconds for name, seconds in stages.items() if name in ("intake", "entry", "lifecycle", "trends"))
    print(
        f"ratio to the baseline: {upto / baseline.wall:.2f} (intake to trends), {night.wall / baseline.wall:.2f} (all)"
    )

    tomorrow = LAST + timedelta(days=1)
    _new_orders(shop / "landing", tomorrow, 200)
    again = measured("-m", "bench.night", str(shop), str(tomorrow))
    stages = _stages(again.said)
    print(f"night over 200 new orders         {again}")
    for name, seconds in stages.items():
        print(f"    {name:<14} {seconds:>8.1f} s")
    committed = sum(seconds for name, seconds in stages.items() if name != "publish")
    print(f"    up to the commit {committed:.1f} s, with publication {sum(stages.values()):.1f} s")
    shutil.rmtree(more, ignore_errors=True)


def _new_orders(landing: Path, on: date, count: int) -> None:
    """Orders of one more day over known products and customers, each confirmed and shipped."""
    tables: dict[str, list[str]] = {
        "orders": ["order_id,channel,customer_id,ordered_at,currency"],
        "order_lines": ["order_id,line_no,sku,quantity,unit_price"],
        "order_events": ["event_id,order_id,event,occurred_at"],
    }
    for number in range(count):
        order = f"N-{on:%Y%m%d}-{number:04}"
        at = f"{on}T{8 + number % 10:02}:{number % 60:02}:00Z"
        tables["orders"].append(f"{order},store,,{at},EUR")
        tables["order_lines"] += [f"{order},{line},S-{line:05},1,9.99" for line in (1, 2, 3)]
        tables["order_events"].append(f"E-{order},{order},delivered,{at}")
    for feed, lines in tables.items():
        (landing / feed).mkdir(parents=True, exist_ok=True)
        (landing / feed / f"new-{on}.csv").write_text("\n".join(lines) + "\n")


def _stages(said: str) -> dict[str, float]:
    return {
        line.split()[1]: float(line.rsplit("seconds=", 1)[1]) for line in said.splitlines() if line.startswith("stage ")
    }


def real_shop() -> None:
    """online_retail in one night and night by night over all its dates: the time, and that the tables are the same."""
    from tests.realdata import REALDATA, compared_night_by_night

    if REALDATA is None:
        print("online_retail is not here: set ORDERHOUSE_REALDATA to its folder")
        return
    started = time.perf_counter()
    one, many = compared_night_by_night(WORK / "real", date(2010, 12, 1), date(2011, 8, 31))
    print(f"online_retail: one night {one:.1f} s, 274 nights one by one {many:.1f} s, the same tables")
    print(f"    in {time.perf_counter() - started:.0f} s with the comparison")


def closed_loop() -> None:
    """The reorder rules against min/max and the textbook, on the real demand of two shops."""
    from bench import loop
    from tests.realdata import FOLDER

    loop.compared(FOLDER)


REORDERS = ((100_000, 0.2), (100_000, 1.0), (1_000_000, 0.05))
"""SKUs, and on which share of 365 days each has demand."""


def reorders() -> None:
    """From stored demand and stock to stored proposals, against SQL that only names a reorder point."""
    for skus, share in REORDERS:
        shop = WORK / f"reorder-{skus}-{share}"
        shutil.rmtree(shop, ignore_errors=True)
        shop.mkdir(parents=True)
        (shop / "orderhouse.toml").write_text("", encoding="utf-8")
        print(measured("-m", "bench.reorder", "fill", str(shop), str(skus), str(share)).said.strip())
        baseline = measured("-m", "bench.reorder", "baseline", str(shop))
        print(f"baseline, bare SQL                {baseline}")
        night = measured("-m", "bench.reorder", "night", str(shop))
        print(f"demand and reorder                {night}")
        for name, seconds in _stages(night.said).items():
            print(f"    {name:<14} {seconds:>8.1f} s")
        print(f"    {night.said.strip().splitlines()[-1]}; ratio to the baseline: {night.wall / baseline.wall:.2f}")
        shutil.rmtree(shop)


def billing(orders: int) -> None:
    """A shop's confirmed orders billed at once, against SQL that joins, multiplies and sums; then documents a second."""
    shop, work = WORK / "shop", WORK / "billing"
    if not (shop / "published").exists():
        large_night(orders)
    measured("-m", "bench.billing", "prepare", str(shop), str(work))
    baseline = _seconds(measured("-m", "bench.billing", "baseline", str(work)))
    night = measured("-m", "bench.billing", "night", str(work))
    print(f"baseline, bare SQL                {baseline:>8.1f} s")
    print(f"billing, its process              {night}")
    for line in night.said.strip().splitlines():
        print(f"    {line}")
    print(f"ratio to the baseline: {_seconds(night) / baseline:.1f}")
    print(f"storing the same rows, bare SQL   {_seconds(measured('-m', 'bench.billing', 'stored', str(work))):>8.1f} s")
    print(measured("-m", "bench.documents", str(shop), "1000").said.strip())
    shutil.rmtree(work)


def _seconds(cost: Cost) -> float:
    return float(cost.said.split("seconds=")[1].split()[0])


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=1_000_000)
    parser.add_argument("--only", choices=("large", "real", "loop", "reorder", "billing"))
    asked = parser.parse_args()
    parts: dict[str, Callable[[], None]] = {
        "large": lambda: large_night(asked.orders),
        "real": real_shop,
        "reorder": reorders,
        "loop": closed_loop,
        "billing": lambda: billing(asked.orders),
    }
    WORK.mkdir(exist_ok=True)
    for name, part in parts.items():
        if asked.only in (None, name):
            part()


if __name__ == "__main__":
    main()
