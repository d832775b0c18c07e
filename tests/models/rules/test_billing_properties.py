"""Billing over many nights, whatever happens: every unit and every coin is somewhere, once, and nothing issued changes."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from models.rules import (
    billing_coverage,
    billing_policies,
    billing_tax,
    billing_units,
    bookkeeping,
    numbering,
    receivables,
)
from models.tables.base import empty, polars_schema
from models.tables.billing import Account, Invoice, InvoiceLine, PaymentApplied
from models.tables.lifecycle import Order, OrderLine
from tests.billed import CHANNELS, NIGHT, ORDER, Shop, broken, whole

QUICK = settings(max_examples=12, deadline=None)
COUNTS = ("cancelled", "shipped", "delivered", "returned")
PLACES = {"EUR": 2, "JPY": 0, "KWD": 3}
COUNTRY = {"EUR": "DE", "JPY": "JP", "KWD": "KW"}
POLICIES: dict[str, Any] = {"consolidated_customers": ("M1",), "country": "DE"}


@st.composite
def told_orders(draw: st.DrawFn, number: int) -> dict[str, Any]:
    """One order as it was placed."""
    currency = draw(st.sampled_from(sorted(PLACES)))
    prices = st.decimals(0, 50, places=draw(st.sampled_from((PLACES[currency], 4))))
    return {
        "order_id": f"O{number}",
        "channel": draw(st.sampled_from(("online", "agent"))),
        "customer_id": draw(st.sampled_from(("K1", "M1", None))),
        "currency": currency,
        "country": draw(st.sampled_from((COUNTRY[currency], "GB", "FR"))),
        "prices_include_tax": draw(st.booleans()),
        "shipping_amount": draw(st.sampled_from((None, Decimal("4.9")))),
        "lines": [
            {
                "line_no": line_no,
                "sku": draw(st.sampled_from("ABC")),
                "quantity": draw(st.integers(1, 7)),
                "unit_price": draw(prices),
                "discount_amount": draw(st.one_of(st.none(), st.decimals(0, 3, places=2))),
            }
            for line_no in range(1, draw(st.integers(1, 3)) + 1)
        ],
    }


@st.composite
def later(draw: st.DrawFn, line: dict[str, Any], before: dict[str, int]) -> dict[str, int]:
    """What has happened to a line by the next night: now and then a fact is voided and a count goes back."""
    if draw(st.integers(0, 5)) == 0:
        before = dict.fromkeys(COUNTS, 0)
    cancelled = draw(st.integers(before["cancelled"], max(before["cancelled"], line["quantity"] - before["shipped"])))
    shipped = draw(st.integers(before["shipped"], line["quantity"] - cancelled))
    delivered = draw(st.integers(before["delivered"], shipped))
    return {
        "cancelled": cancelled,
        "shipped": shipped,
        "delivered": delivered,
        "returned": draw(st.integers(before["returned"], delivered)),
    }


@st.composite
def revised(draw: st.DrawFn, order: dict[str, Any]) -> dict[str, Any]:
    """The terms of an order by a night: now and then one of them is another."""

    def now(term: str, *others: Any) -> Any:
        return draw(st.sampled_from((order[term],) * 6 + others))

    country = now("country", "GB", "DE")
    return {
        "currency": now("currency", "EUR", "JPY"),
        "customer_id": order["customer_id"] if order["customer_id"] == "M1" else now("customer_id", "K1", "K2"),
        "prices_include_tax": now("prices_include_tax", True, False),
        "country": country,
        "ship_country": country if draw(st.booleans()) else None,
    }


@st.composite
def shops(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[list[dict[str, Any]]]]:
    """Orders, and per night what is known of them: state, and counts per line."""
    told = [draw(told_orders(number)) for number in range(1, draw(st.integers(1, 4)) + 1)]
    counts = {
        (order["order_id"], line["line_no"]): dict.fromkeys(COUNTS, 0) for order in told for line in order["lines"]
    }
    nights = []
    for _ in range(3):
        known = []
        for order in told:
            for line in order["lines"]:
                key = (order["order_id"], line["line_no"])
                counts[key] = draw(later(line, counts[key]))
            status = draw(st.sampled_from(("confirmed", "confirmed", "confirmed", "on_hold", "rejected", "received")))
            known.append({
                "status": status,
                "has_refused_fact": draw(st.integers(0, 7)) == 0,
                **draw(revised(order)),
                "counts": {line["line_no"]: counts[order["order_id"], line["line_no"]] for line in order["lines"]},
            })  # fmt: skip
        nights.append(known)
    return told, nights


def frames(told: list[dict[str, Any]], known: list[dict[str, Any]]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Order and OrderLine rows of a night."""
    heads = [
        {
            **{name: value for name, value in order.items() if name != "lines"},
            **{name: value for name, value in now.items() if name != "counts"},
        }
        for order, now in zip(told, known, strict=True)
    ]
    rows = [
        {"order_id": order["order_id"], **line, **now["counts"][line["line_no"]]}
        for order, now in zip(told, known, strict=True)
        for line in order["lines"]
    ]
    return _frame(Order, heads, ORDER), _frame(OrderLine, rows, {})


def _frame(table: Any, rows: list[dict[str, Any]], defaults: dict[str, Any]) -> pl.DataFrame:
    schema = polars_schema(table)
    return whole(pl.DataFrame(rows, schema={name: schema[name] for name in rows[0]}), table, defaults)


def parts_of(asked: pl.DataFrame) -> list[list[str]]:
    """Orders that must be billed together: each by itself, but those of the monthly customer."""
    monthly = pl.col("customer_id").eq_missing("M1")
    together = asked.filter(monthly)["order_id"].to_list()
    alone = [[order_id] for order_id in asked.filter(~monthly)["order_id"]]
    return [*alone, together] if together else alone


@QUICK
@given(shop_of=shops(), rounding=st.sampled_from(("per_rate", "per_line")))
def test_whatever_happens_every_unit_and_every_coin_is_somewhere_once(
    shop_of: tuple[list[dict[str, Any]], list[list[dict[str, Any]]]], rounding: str
) -> None:
    told, nights = shop_of
    shop = Shop()
    for number, known in enumerate(nights):
        asked, sold = frames(told, known)
        night: dict[str, Any] = {
            "issued_on": NIGHT + timedelta(days=number),
            "tax_rounding": rounding,
            "month_ends_on": NIGHT if number == 1 else None,
            **POLICIES,
        }
        issued_before = shop.invoices
        shop.night(asked, sold, **night)
        assert shop.invoices.head(issued_before.height).equals(issued_before)
        assert shop.night(asked, sold, **night).invoices.is_empty(), "the same night run again"
        policies = billing_policies.Policies(**night)
        covered = billing_coverage.coverage(
            billing_units.positions(asked, sold, shop.invoice_lines, shop.invoices, CHANNELS, policies)
        )
        assert (covered["gap"] == 0).all()
        # a credit note shares its invoice line: at most one coin of goods and one of discount per unit credited
        coin = pl.col("currency").replace_strict({code: 10.0**-places for code, places in PLACES.items()})
        assert covered.select(
            (pl.col("gap_amount").abs().cast(float) <= 2 * coin * pl.col("credited") + 1e-9).all()
        ).item()
    assert numbering.gaps(shop.invoices).is_empty()
    assert broken(shop.invoices, shop.invoice_lines).is_empty()
    assert numbering.wrong_totals(shop.invoices, shop.invoice_lines).is_empty()
    assert numbering.billed_twice(shop.invoice_lines).is_empty()
    assert_lines_make_sense(shop)
    if rounding == "per_rate":
        assert_tax_is_that_of_the_rate(shop)


def assert_lines_make_sense(shop: Shop) -> None:
    """Quantity x price less discount is the net amount, or net and tax where prices include it; credits stay within
    their invoice and, once all is credited, come to it."""
    for line in shop.invoice_lines.join(
        shop.invoices.select("invoice_number", "currency"), on="invoice_number"
    ).to_dicts():
        priced = line["net_amount"] + (line["tax_amount"] if line["prices_include_tax"] else 0)
        exact = line["quantity"] * line["unit_price"] - line["discount_amount"]
        assert abs(priced - exact) <= Decimal(1).scaleb(-PLACES[line["currency"]])
    stands = billing_units.standing(shop.invoice_lines, shop.invoices)
    assert (stands["left"] >= 0).all()
    undone = stands.filter(pl.col("left") == 0)
    assert (undone["goods_left"] == 0).all() and (undone["discount_left"] == 0).all()


def assert_tax_is_that_of_the_rate(shop: Shop) -> None:
    """Rate x sum of the nets, rounded once; where prices include tax, what is paid is what was asked."""
    invoices = shop.invoices.filter(pl.col("kind") == "invoice").select("invoice_number", "currency")
    of_net = shop.invoice_lines.filter(~pl.col("prices_include_tax").any().over("invoice_number"))
    for row in billing_tax.breakdown(of_net).join(invoices, on="invoice_number").to_dicts():
        exact = row["net_amount"] * row["tax_rate"]
        assert abs(row["tax_amount"] - exact) <= Decimal(1).scaleb(-PLACES[row["currency"]]) / 2


@QUICK
@given(shop_of=shops())
def test_parts_of_an_order_set_are_billed_as_the_whole(
    shop_of: tuple[list[dict[str, Any]], list[list[dict[str, Any]]]],
) -> None:
    told, nights = shop_of
    shop = Shop()
    for number, known in enumerate(nights[:2]):
        asked, sold = frames(told, known)
        night: dict[str, Any] = {"month_ends_on": NIGHT if number == 1 else None, **POLICIES}
        at_once = shop.drafts(asked, sold, **night)
        by_parts = []
        for part in parts_of(asked):
            within = pl.col("order_id").is_in(part)
            reduced = Shop(
                invoices=shop.invoices.join(shop.invoice_lines.filter(within), on="invoice_number", how="semi"),
                invoice_lines=shop.invoice_lines.filter(within),
            )
            by_parts.append(reduced.drafts(asked.filter(within), sold.filter(within), **night))
        for name, key in (
            ("documents", ["document"]),
            ("lines", ["document", "line_no"]),
            ("exceptions", ["order_id", "reason"]),
        ):
            joined = pl.concat([getattr(part, name) for part in by_parts]).sort(key)
            assert joined.equals(getattr(at_once, name).sort(key))
        shop.night(asked.sample(fraction=1, shuffle=True), sold.sample(fraction=1, shuffle=True), **night)


PAYMENT: dict[str, Any] = {
    "payment_id": pl.String,
    "invoice_number": pl.String,
    "order_id": pl.String,
    "amount": pl.Decimal(18, 4),
    "currency": pl.String,
    "received_on": pl.Date,
    "is_voided": pl.Boolean,
}


@st.composite
def paid(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Payments by invoice or order, known and not, in and back, some voided on the second night."""
    rows = []
    for number in range(draw(st.integers(0, 8))):
        by_invoice = draw(st.booleans())
        rows.append({
            "payment_id": f"p{number}",
            "invoice_number": draw(st.sampled_from(("I1", "I2", "I3", "M1", "C1", "X"))) if by_invoice else None,
            "order_id": None if by_invoice else draw(st.sampled_from(("O1", "O2", "O3", "O4", "X"))),
            "amount": Decimal(draw(st.sampled_from((10, 30, 50, 100, 130, -10, -40, -100)))),
            "currency": draw(st.sampled_from(("EUR", "EUR", "EUR", "USD"))),
            "received_on": date(2026, 11, draw(st.integers(1, 24))),
            "is_voided": draw(st.integers(0, 9)) == 0,
        })  # fmt: skip
    return rows


OPEN_INVOICES = [
    ("I1", "O1", 100, None),
    ("I2", "O1", 50, None),
    ("I3", "O2", 70, None),
    ("M1", None, 80, None),
    ("C1", "O1", 60, "I1"),
    ("C2", None, 20, "M1"),
]
COVERS = pl.DataFrame({"order_id": ["O1", "O1", "O2", "O3", "O4"], "invoice_number": ["I1", "I2", "I3", "M1", "M1"]})
NO_ORDERS = pl.DataFrame(
    schema={"order_id": pl.String, "customer_id": pl.String, "currency": pl.String, "expects": pl.String}
)


def issued(count: int) -> pl.DataFrame:
    """The first so many documents."""
    rows = [
        {
            "invoice_number": number,
            "kind": "invoice" if credits is None else "credit_note",
            "sequence": place,
            "issued_on": NIGHT,
            "due_on": NIGHT,
            "order_id": order_id,
            "currency": "EUR",
            "gross_amount": Decimal(amount),
            "credits_invoice_number": credits,
        }
        for place, (number, order_id, amount, credits) in enumerate(OPEN_INVOICES[:count])
    ]
    return _frame(Invoice, rows, {}) if rows else empty(Invoice)


@QUICK
@given(rows=paid(), seen=st.integers(0, 8), count=st.integers(0, 6))
def test_whatever_is_paid_it_is_applied_or_on_account_and_no_invoice_is_paid_too_much(
    rows: list[dict[str, Any]], seen: int, count: int
) -> None:
    applied = empty(PaymentApplied)
    for payments, documents, as_of in (
        ([{**row, "is_voided": False} for row in rows[:seen]], count, NIGHT),
        (rows, len(OPEN_INVOICES), NIGHT + timedelta(days=1)),
    ):
        told, known = pl.DataFrame(payments, schema=PAYMENT), issued(documents)
        new = receivables.applied(known, COVERS, told, applied, as_of)
        shuffled = receivables.applied(known, COVERS, told.reverse(), applied, as_of)
        assert new.equals(shuffled)
        applied = pl.concat([applied, new])
        assert receivables.applied(known, COVERS, told, applied, as_of).is_empty(), "the same night run again"
        told = told.with_columns(customer_id=pl.lit(None, pl.String))
        kept = receivables.on_account(known, told, applied, NO_ORDERS)
        assert receivables.unexplained(told, applied, kept).is_empty()
        balances = receivables.balances(known, applied)
        assert balances.filter((pl.col("open_amount") < 0) | (pl.col("paid_amount") < 0)).is_empty()
        assert applied.select(pl.struct("payment_id", "invoice_number", "entry_no").is_unique().all()).item()
        both = applied.with_columns(customer_id=pl.lit(None, pl.String), debtor_id=pl.lit(None, pl.String))
        booked = bookkeeping.journal_entries(
            known.clear(),
            empty(InvoiceLine),
            bookkeeping.changed(
                told,
                bookkeeping.NOTHING.select("payment_id", "currency", "amount", changes="change_no"),
                NIGHT,
            ),
            both,
            bookkeeping.NONE_HANDED_OVER,
            empty(Account),
            NIGHT,
        )
        assert bookkeeping.unbalanced(booked).is_empty()
