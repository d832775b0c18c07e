"""Random orders, events, payments and decisions over random nights: billing holds in every one of them."""

from datetime import date, timedelta
from pathlib import Path
from random import Random

import polars as pl
import pytest

from pipelines import verify
from pipelines.nightly import nightly
from pipelines.rebuild import rebuild
from pipelines.workspace import Workspace
from tests.pipelines.test_billing_nights import DECIDED, EVENTS, FIRST, LINES, ORDERS, PAYMENTS, billing_shop, lands
from tests.shops import assert_same, contents, in_buckets

NIGHTS = [FIRST + timedelta(days=number) for number in range(6)]
LEDGERS = ("invoices", "invoice_lines", "payments_applied", "reminders", "journal_entries")
SETTINGS = (
    "",
    'policy = "on_shipment"',
    'policy = "on_delivery"\ntax_rounding = "per_line"',
    'prices_include_tax = true\nconsolidated_customers = ["k2"]',
)


def at(chance: Random, day: date) -> str:
    return f"{day}T{chance.randint(7, 21):02}:{chance.randint(0, 59):02}:00Z"


def deliver(found: Workspace, chance: Random, night: date, known: list[str]) -> None:
    """The files of a day: new orders, revisions, events of any earlier order, payments for orders and invoices, decisions."""
    number = len(known)
    fresh = [f"r{number + each}" for each in range(chance.randint(0, 4))]
    known += fresh
    placed = [
        f"{order} | online | {chance.choice(['k1', 'k2'])} | {at(chance, night)} | EUR | {chance.choice(['', '4.90'])}"
        for order in fresh
    ]
    sold = [
        f"{order} | {line} | {chance.choice('AB')} | {chance.randint(1, 6)} | {chance.randint(1, 5000) / 100} | "
        f"{chance.choice(['', '0.33'])}"
        for order in [*fresh, *chance.sample(known, min(1, len(known)))]
        for line in range(1, chance.randint(2, 4))
    ]
    events = [
        f"e{night}-{each} | {chance.choice(known)} | {chance.choice(['', '1', '2'])} | "
        f"{chance.choice(['shipped', 'delivered', 'returned', 'cancelled', 'held', 'released'])} | "
        f"{at(chance, night - timedelta(days=chance.choice([0, 0, 1, 3])))} | {chance.choice(['', '1', '2'])}"
        for each in range(chance.randint(0, 6) if known else 0)
    ]
    paid = [
        f"p{night}-{each} | {chance.choice(['', f'INV-2026-{chance.randint(1, 20):09}'])} | {chance.choice(known)} | "
        f"{chance.choice([-5, 5, 20, 33.33, 100])} | {chance.choice(['EUR', 'EUR', 'EUR', 'USD'])} | {night}"
        for each in range(chance.randint(0, 4) if known else 0)
    ]
    decided = []
    if chance.random() < 0.3:
        decided.append(f"d{night}-1 | payment | p{night - timedelta(days=1)}-0 | void | Ann | {at(chance, night)} |")
    if chance.random() < 0.3:
        decided.append(
            f"d{night}-2 | invoice | INV-2026-{chance.randint(1, 9):09} | credit | Ann | {at(chance, night)} |"
        )
    if chance.random() < 0.2:
        name = chance.choice(["order_lines", "orders", "payments", "order_events"])
        decided.append(
            f"d{night}-3 | file | {name}-{night - timedelta(days=2)}.csv | retract | Ann | {at(chance, night)} |"
        )
    for feed, header, rows in (
        ("orders", ORDERS, placed),
        ("order_lines", LINES, sold),
        ("order_events", EVENTS, events),
        ("payments", PAYMENTS, paid),
        ("decisions", DECIDED, decided),
    ):
        if rows:
            lands(found, feed, f"{feed}-{night}.csv", header, *rows)


def assert_something_happened(tables: dict[str, pl.DataFrame]) -> None:
    """Orders were billed and credited, and payments came and went: a property that nothing is put to holds always."""
    assert set(tables["invoices"]["kind"]) == {"invoice", "credit_note"}
    assert set(tables["payments_applied"]["amount"].sign().cast(int)) == {1, -1}


def assert_books_agree_by_customer(tables: dict[str, pl.DataFrame], night: date) -> None:
    """What each customer owes, and what is on account for him, is the same by the books."""
    key = ["customer_id", "currency"]
    debit = pl.col("debit_amount") - pl.col("credit_amount")
    for entry, shown, sign in (
        ("receivable", tables["receivables"].filter(pl.col("as_of") == night).rename({"open_amount": "amount"}), 1),
        ("on_account", tables["payments_on_account"], -1),
    ):
        booked = (
            tables["journal_entries"].filter(pl.col("entry") == entry).group_by(key).agg(booked=(debit * sign).sum())
        )
        told = shown.group_by(key).agg(pl.col("amount").sum())
        both = booked.join(told, on=key, how="full", coalesce=True, nulls_equal=True).with_columns(
            pl.col("booked", "amount").fill_null(0)
        )
        assert both.filter(pl.col("booked") != pl.col("amount")).is_empty(), (night, entry, both)


@pytest.mark.parametrize("seed", range(4))
def test_whatever_comes_every_night_is_green_nothing_issued_changes_and_a_rebuild_is_the_same(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if seed % 2:
        in_buckets(monkeypatch, 2)
    chance, known = Random(seed), list[str]()
    found = billing_shop(tmp_path / "shop", SETTINGS[seed % len(SETTINGS)])
    issued: dict[str, pl.DataFrame] = {}
    for night in NIGHTS:
        deliver(found, chance, night, known)
        if night != NIGHTS[-1] and chance.random() < 0.2:
            continue
        run = nightly(found, night)
        assert run.is_green, run.broken_proofs
        tables = contents(found)
        for name, before in issued.items():
            lost = before.join(tables[name], on=before.columns, how="anti", nulls_equal=True)
            assert lost.is_empty(), f"{name} changed in the night of {night}: {lost}"
        issued = {name: tables[name] for name in LEDGERS}
        assert_books_agree_by_customer(tables, night)
    assert verify.invoices(found).holds
    if seed == 0:
        assert_something_happened(tables)
    nightly(found, NIGHTS[-1])
    assert_same(tables, contents(found))
    assert rebuild(found, lambda _: None).is_green
    assert_same(tables, contents(found))
