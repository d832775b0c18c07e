"""A shop to look at: sample feeds, one night over their history, then a night for each of the last days.

Only the last night writes the files of its documents; a command makes the others.
"""

import os
import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

from models.rules.attention import SUMMED_UP
from pipelines import sample
from pipelines.nightly import Run, nightly, yesterday
from pipelines.warehouse import Warehouse, nights
from pipelines.warehouse.read import published
from pipelines.workspace import OrderhouseError, Workspace

SEPARATE_NIGHTS = 14


def demo(
    workspace: Workspace, days: int, orders_per_day: float, skus: int, seed: int, say: Callable[[str], None]
) -> Run | None:
    """Fill the workspace with a sample shop up to yesterday; another day it adds the days since.

    Returns:
        The last run; none where nothing was left to do.

    Raises:
        OrderhouseError: the workspace holds somebody's own data.
    """
    last = yesterday(workspace)
    with Warehouse(workspace.warehouse) as warehouse:
        closed = nights.last_night(warehouse)
        is_own = warehouse.meta("is_sample", "yes" if closed is None else "no") == "no"
    if is_own:
        raise OrderhouseError(
            f"{workspace.root} holds your own data; name an empty folder with --workspace for the demo."
        )
    first = last - timedelta(days=days - 1)
    sample.settle(workspace.root, first)
    workspace = Workspace(workspace.root)
    started_on = workspace.settings.business.goes_live_on or first
    later = workspace.root / "sample"

    def write(into: Path, begin: date, end: date) -> None:
        sample.write(
            into,
            first=begin,
            last=end,
            history_from=started_on,
            orders_per_day=orders_per_day,
            skus=skus,
            seed=seed,
        )

    run = None
    if closed is None:
        closed = last - timedelta(days=SEPARATE_NIGHTS)
        say(
            f"Writing sample feeds of {started_on} to {closed}: about {orders_per_day:.0f} orders a day, {skus} products"
        )
        write(workspace.landing, started_on, closed)
        say(f"One night over all of them, as of {closed}")
        run = nightly(workspace, closed, say)
    if closed < last:
        write(later, closed + timedelta(days=1), last)
    for number in range(1, (last - closed).days + 1):
        day = closed + timedelta(days=number)
        for file in later.glob(f"*/*-{day}.csv"):
            (workspace.landing / file.parent.name).mkdir(parents=True, exist_ok=True)
            os.utime(file, (0, 0))  # written whole: the night need not look twice whether it still grows
            file.replace(workspace.landing / file.parent.name / file.name)
        run = nightly(workspace, day, lambda _: None, writes_documents=day == last)
        say(f"night {day}: {sum(each.rows_in for each in run.deliveries):,} rows, {'green' if run.is_green else 'RED'}")
    shutil.rmtree(later, ignore_errors=True)
    if run is None:
        say(f"The sample shop is there up to {closed} already; nothing to add.")
    _tell(workspace, say)
    return run


def _tell(workspace: Workspace, say: Callable[[str], None]) -> None:
    """Say what was loaded, rejected, decided and published, and how to look at it."""
    with published(workspace) as found:
        say("\nLoaded")
        for row in found.rows(
            """SELECT feed, count(*) AS files, sum(rows_in)::BIGINT AS rows_in, sum(accepted)::BIGINT AS accepted,
                      sum(rejected)::BIGINT AS rejected, sum(duplicates)::BIGINT AS duplicates
               FROM feed_files GROUP BY feed ORDER BY feed"""
        ):
            say(
                f"  {row['feed']:<16} {row['rows_in']:>8,} rows in {row['files']:>4} files: {row['accepted']:>8,} accepted, "
                f"{row['rejected']:>5,} rejected, {row['duplicates']:>5,} duplicate"
            )
        say("Rejected, by reason")
        for row in found.rows(
            """SELECT feed, regexp_extract(reason, '^[^:]*: [^:]*') AS why, count(*) AS records
               FROM (SELECT feed, unnest(reasons) AS reason FROM rejected_rows) GROUP BY ALL ORDER BY records DESC LIMIT 12"""
        ):
            say(f"  {row['records']:>6,}  {row['feed']}: {row['why']}")
        say("Decided")
        for row in found.rows("SELECT status, count(*) AS orders FROM orders GROUP BY ALL ORDER BY orders DESC"):
            say(f"  {row['orders']:>6,} orders {row['status'].replace('_', ' ')}")
        for row in found.rows("SELECT count(*) AS told FROM tracking_updates"):
            say(f"  {row['told']:>6,} tracking updates for customers")
        for row in found.rows(
            """SELECT count(*) FILTER (kind = 'invoice') AS invoices, count(*) FILTER (kind = 'credit_note') AS credits
               FROM invoices"""
        ):
            say(f"  {row['invoices']:>6,} invoices and {row['credits']:,} credit notes issued")
        for row in found.rows(
            """SELECT coalesce(sum(outstanding_amount_r), 0) AS outstanding,
                      (SELECT count(*) FROM receivables WHERE as_of = (SELECT max(as_of) FROM certificate)) AS open
               FROM daily_billing WHERE day = (SELECT max(as_of) FROM certificate)"""
        ):
            say(f"  {row['open']:>6,} invoices open, {row['outstanding']:,.2f} in all")
        for row in found.rows(
            """SELECT count(*) AS items, sum(on_hand)::BIGINT AS units, sum(value) AS value FROM stock_positions
               WHERE as_of = (SELECT max(as_of) FROM stock_positions)"""
        ):
            say(f"  {row['items']:>6,} positions of {row['units']:,} units in stock, {row['value']:,.2f} at cost")
        for row in found.rows(
            """SELECT count(*) AS purchases, count(DISTINCT supplier_id) AS suppliers, sum(amount_r) AS amount
               FROM reorder_proposals WHERE as_of = (SELECT max(as_of) FROM certificate)"""
        ):
            say(
                f"  {row['purchases']:>6,} purchases proposed from {row['suppliers']} suppliers, {row['amount'] or 0:,.2f} in all"
            )
        for row in found.rows(
            """SELECT sum(coalesce(TRY_CAST(regexp_extract(sentence, $summed_up, 1) AS BIGINT), 1))::BIGINT
                      AS things, count(DISTINCT kind) AS kinds FROM attention
               WHERE as_of = (SELECT max(as_of) FROM attention)""",
            {"summed_up": SUMMED_UP},
        ):
            say(f"  {row['things']:>6,} things of {row['kinds']} kinds need a person")
    pointer = workspace.pointer()
    if pointer is not None:
        say(
            f"Published\n  {pointer.file}, as of {pointer.as_of}; other tools read {workspace.published / 'current.duckdb'}"
        )
    say(
        "Look at it\n  make dashboard        the dashboards\n  make dagster          the process, its schedule and history"
    )
