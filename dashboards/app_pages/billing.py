"""What was billed, what is owed and by whom, and what is on our side to do?"""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import streamlit as st

from dashboards import charts, document, filters, layout, queries, wording
from dashboards.charts import billing as drawn
from dashboards.queries import Grain, Scope, billing
from dashboards.wording import count, exact, money, plain, whole
from models.rules.billing_figures import RECENT_NIGHTS, SALES_DAYS
from models.tables.billing import BUCKETS
from pipelines.workspace import find

FEW_NIGHTS = 7
"""With fewer nights than these to compare with, nothing is called unusual."""
MOST_NIGHTS = 21
"""Of the recent nights, so many with documents make a night without any unusual."""
LISTED = 6
SHEET_ROWS = 20_000
"""So many rows are made into a sheet on a click: more take too long."""
FILE_ROWS = 300_000
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
TITLES = {
    "kind": ("Document", "Invoice or credit note."),
    "documents": ("Tonight", "Documents issued this night."),
    "usual_documents": ("Usually", f"The middle of the {RECENT_NIGHTS} nights before, of those that issued some."),
    "amount": ("Amount", "With tax, in the currency of the row."),
    "usual_amount": ("Usual amount", f"The middle of the {RECENT_NIGHTS} nights before, of those that issued some."),
    "least_amount": ("Least", "The least amount of such a night."),
    "most_amount": ("Most", "The largest amount of such a night."),
    "nights": ("Nights", f"How many of the {RECENT_NIGHTS} nights before issued some."),
    "word": ("What to think of it", f"Unusual is what lies beyond all of them, {FEW_NIGHTS} nights at least."),
    "since": ("Since", "The first night on record that it was so."),
    "reason": ("Reason", "Why."),
    "goods_amount": ("Goods", "Of the order, in the currency of the row."),
    "name": ("Customer", "The customer's name."),
    "buyer_name": ("Customer", "As the document has it."),
    "customer_id": ("Customer ID", "The customer's number."),
    "days_overdue": ("Oldest (days)", "Days since its oldest open invoice was to be paid; 0 = not due yet."),
    "invoices": ("Invoices", "Open invoices."),
    "reminders": ("Reminders", "Reminders sent for the invoices that are open."),
    "reminded_on": ("Last reminded", "The night of the last of them."),
    "credit_limit": ("Credit limit", "As the customer's feed has it: the most that may be open at once."),
    "is_over": ("Over limit", "The exposure is more than the limit; said where all of it is in one currency."),
    "why": ("Why", "What became of its order."),
    "to_do": ("What to do", "Who has to do what."),
    "method": ("Paid by", "Card, transfer, cash."),
    "received_on": ("Received", "The day the payment was booked."),
    "open_amount": ("Open", "What is still to be paid."),
    "credits_invoice_number": ("Corrects", "The invoice a credit note corrects."),
    "entry": ("Entries", "What is booked on it."),
    "entries": ("Rows", "Entries of these nights."),
    "balance": ("Debit less credit", "Below zero: more credit than debit."),
    "debit_amount": ("Debit", "In the currency of the row."),
    "credit_amount": ("Credit", "In the currency of the row."),
    "is_stuck": ("Order stuck", "Its order could not be billed; see above what to do."),
}
Row = Mapping[str, Any]


def sums(rows: pl.DataFrame, amount: str = "amount") -> str:
    """Amounts of several currencies as words, one beside the other and never added."""
    found = (
        rows.drop_nulls([amount, "currency"])
        .group_by("currency")
        .agg(pl.col(amount).sum())
        .sort(pl.col(amount).abs(), "currency", descending=True)
    )
    return wording.listed(money(value, currency) for currency, value in found.iter_rows())


def short(amount: Decimal, unit: str) -> str:
    """An amount for a headline: a large one rounded."""
    return wording.compact(amount, unit) if abs(amount) >= 10_000 else money(amount, unit)


# The night


def judged(row: Row) -> tuple[bool, str]:
    """Whether a night is unusual beside those before, and in a few words why or why not."""
    nights, recent = row["nights"], f"of {RECENT_NIGHTS} nights"
    if not row["documents"]:
        return nights >= MOST_NIGHTS, f"none tonight; {whole(nights)} {recent} issued some"
    if not nights:
        return False, f"the first in {RECENT_NIGHTS} nights"
    if nights < FEW_NIGHTS:
        return False, f"only {count(nights, 'night')} to compare with"
    if row["amount"] > row["most_amount"]:
        return True, f"more than on any {recent}" if nights == RECENT_NIGHTS else "more than on any night that did"
    if row["amount"] < row["least_amount"]:
        return True, f"less than on any {recent}" if nights == RECENT_NIGHTS else "less than on any night that did"
    return False, "as usual"


def night(scope: Scope) -> None:
    """Last night's billing against recent nights."""
    found = billing.tonight(scope)
    judgements = [judged(row) for row in found.iter_rows(named=True)]
    shown = found.with_columns(
        pl.col("kind").replace(wording.DOCUMENTS), word=pl.Series([word for _, word in judgements], dtype=pl.String)
    )
    issued = {kind: int(found.filter(pl.col("kind") == kind)["documents"].sum()) for kind in ("invoice", "credit_note")}
    strange = [
        f"{wording.DOCUMENTS[row['kind']].lower()}s in {row['currency']}: {word}"
        for row, (is_unusual, word) in zip(found.iter_rows(named=True), judgements, strict=True)
        if is_unusual
    ]
    said = (
        f"{count(issued['invoice'], 'invoice')} and {count(issued['credit_note'], 'credit note')}"
        if any(issued.values())
        else "No document"
    )
    were = "was" if not any(issued.values()) else "were"
    layout.heading(
        f"{said} {were} issued on {wording.day(scope.as_of, year=False)}",
        f"Beside the {RECENT_NIGHTS} nights before; with tax, each currency by itself.",
    )
    if strange:
        st.html(
            f'<div class="oh-banner wrong" role="status">Look at it before it is sent: {plain("; ".join(strange))}.</div>'
        )
    layout.table(
        shown.select(
            "kind", "currency", "documents", "amount", "word", "usual_documents", "usual_amount", "least_amount",
            "most_amount", "nights",
        ),
        key="tonight",
        tables=("invoices",),
        titles=TITLES,
        empty=f"Nothing was issued this night, nor in the {RECENT_NIGHTS} before.",
        file="billing_of_the_night",
    )  # fmt: skip


def figures(
    scope: Scope, days: pl.DataFrame, open_now: pl.DataFrame, only: str | None, unit: str, *, is_paid: bool
) -> None:
    """Invoiced, collected, outstanding, overdue, and for how many days of sales customers owe."""
    now, before = (_within(days, side) for side in (scope, scope.before()))
    is_known = days["day"].min() is not None and days["day"].min() <= scope.before().start  # type: ignore[operator]
    against = f"vs {count(scope.days, 'day')} before"

    def change(name: str) -> float | None:
        return wording.change_rate(_sum(now, name), _sum(before, name)) if is_known else None

    outstanding, overdue = _sum(open_now), _sum(open_now.filter(pl.col("bucket") != "not_due"))
    invoices = int(open_now["invoices"].sum())
    of_sales = billing.sales_days(scope, only)["sales_days"].to_list()
    sales_days = of_sales[-1] if of_sales else None
    earlier = of_sales[-1 - 28] if len(of_sales) > 28 else None
    span = wording.span(scope.start, scope.end)
    shown: tuple[dict[str, Any], ...] = (
        {
            "label": "Invoiced",
            "value": short(_sum(now, "invoiced_amount"), unit),
            "change": change("invoiced_amount"),
            "against": against,
            "note": "in the period",
            "more_is_good": None,
            "below": f"{short(_sum(now, 'credited_amount'), unit)} credited",
            "help": f"{span}, with tax, at each day's exchange rate. Credit notes are not taken off.",
        },
        {
            "label": "Collected",
            "value": short(_sum(now, "collected_amount"), unit) if is_paid else "–",
            "change": change("collected_amount") if is_paid else None,
            "against": against,
            "note": "in the period" if is_paid else "no payment was told",
            "help": f"{span}: what payments paid of invoices, less what was taken off invoices again.",
        },
        {
            "label": "Outstanding",
            "value": short(outstanding, unit),
            "note": f"{count(invoices, 'open invoice')}",
            "help": f"Open as of {wording.day(scope.as_of)}, at the exchange rate of that day.",
        },
        {
            "label": "Overdue",
            "value": wording.rate(overdue, outstanding) if outstanding else "–",
            "note": f"{short(overdue, unit)} of what is open",
            "help": "The share of what is open that was to be paid before this night.",
        },
        {
            "label": "Days sales outstanding",
            "value": f"{sales_days:,.1f}" if sales_days is not None else "–",
            "note": f"{earlier:,.1f} four weeks before"
            if earlier is not None
            else f"known from {SALES_DAYS} days on"
            if sales_days is None
            else f"of {SALES_DAYS} days of sales",
            "help": f"What is open, in days of the last {SALES_DAYS} days' invoices less credit notes.",
        },
    )
    with layout.figures(5):
        for figure in shown:
            layout.figure(**figure)


def _within(days: pl.DataFrame, scope: Scope) -> pl.DataFrame:
    return days.filter(pl.col("day").is_between(scope.start, scope.end))


def _sum(rows: pl.DataFrame, amount: str = "open_amount") -> Decimal:
    return sum(rows[amount], Decimal(0))


def apart(scope: Scope, currency: str) -> None:
    """Say what is in no amount in the reporting currency."""
    found = billing.without_rate(scope)
    if found.height:
        told = wording.listed(
            f"{money(row['invoiced_amount'], row['currency'])} invoiced ({money(row['outstanding_amount'], row['currency'])} open)"
            for row in found.iter_rows(named=True)
        )
        layout.note(
            f"Apart, since no exchange rate is known, and in no amount in {currency}: {told}. Deliver exchange_rates, "
            "or choose the currency above."
        )


# What could not be billed


def exceptions(scope: Scope, currency: str) -> None:
    """Orders that should be billed and could not be, and what to do."""
    found = billing.exceptions(scope, currency)
    layout.heading(
        "Could not be billed",
        f"{count(found['order_id'].n_unique(), 'order')}{_worth(found)}; each is billed by the night after its cause is gone."
        if found.height
        else "",
    )
    if found.is_empty():
        layout.nothing("Every order that is due for billing is billed.")
        return
    by_reason = found.group_by("reason").len("orders").sort("orders", "reason", descending=[True, False])
    names = [wording.NOT_BILLED.get(reason, wording.words(reason)) for reason in by_reason["reason"]]
    first = f"{names[0]}: {count(by_reason['orders'][0], 'order')}"
    spot = st.container()
    if len(names) > 1:
        left, spot = st.columns([2, 3], gap="medium")
        with left:
            layout.chart(
                charts.ranked(names, by_reason["orders"].to_list(), None, "orders"),
                first,
                key="reasons",
                note="orders not billed, by reason",
            )
    with spot, st.container(border=True, height="stretch", key="card_exceptions"):
        summary = "the most money first" if len(names) > 1 else first
        layout.todo("What to do", summary, [_todo(scope, row) for row in found.head(LISTED).iter_rows(named=True)])
    with st.expander(f"All {count(found.height, 'exception')}", key="all_exceptions", on_change="rerun") as all_:
        if all_.open:
            layout.table(
                found.with_columns(pl.col("reason").replace(wording.NOT_BILLED)).head(queries.ROWS_SHOWN),
                key="exceptions",
                tables=("billing_exceptions", "orders"),
                titles=TITLES,
                whole=lambda: found,
                total=found.height,
                height=None if found.height < 8 else 330,
                file="billing_exceptions",
            )


def _worth(found: pl.DataFrame) -> str:
    said = sums(found.unique("order_id"), "goods_amount")
    return f", goods worth {said}" if said else ""


def _todo(scope: Scope, row: Row) -> layout.Todo:
    # of older nights only the last of each month may be kept
    or_earlier = " or earlier" if row["since"] < scope.as_of - timedelta(days=28) else ""
    return layout.Todo(
        f"{row['order_id']}: {row['sentence']}",
        money(row["goods_amount"], row["currency"]) if row["goods_amount"] is not None else "",
        f"since {wording.day(row['since'], year=False)}{or_earlier}",
        filters.link("lifecycle", order=row["order_id"]),
    )


# Over time


def grained(days: pl.DataFrame, grain: Grain) -> pl.DataFrame:
    """Daily amounts by week, from Monday, or as they are."""
    if grain == "day":
        return days
    amounts = pl.col("invoiced_amount", "credited_amount", "collected_amount").sum()
    return (
        days.group_by(pl.col("day").dt.truncate("1w" if grain == "week" else "1mo"))
        .agg(amounts, pl.col("outstanding_amount").last())
        .sort("day")
    )


def over_time(scope: Scope, days: pl.DataFrame, unit: str, *, is_paid: bool) -> None:
    """What was invoiced, collected and open, day by day or week by week."""
    grain: Grain = "day" if scope.days <= 35 else "week" if scope.days <= 400 else "month"
    of_period = _within(days, scope)
    steps = grained(of_period, grain)
    invoiced, credited, collected = (
        _sum(of_period, f"{name}_amount") for name in ("invoiced", "credited", "collected")
    )
    span = wording.span(of_period["day"][0], of_period["day"][-1]) if of_period.height else ""
    lines = [charts.Line("invoiced", steps["invoiced_amount"].to_list())]
    if is_paid:
        lines.append(charts.Line("collected", steps["collected_amount"].to_list()))
    hollow = (
        grain != "day" and steps.height > 0 and steps["day"][0] != of_period["day"][0],
        grain != "day" and scope.end + timedelta(days=1) != _next(scope.end, grain),
    )
    layout.heading("Invoiced, collected, outstanding")
    grid = st.grid(2, min_column_width=420)
    with grid.cell():
        share = wording.rate(collected, invoiced - credited) if invoiced > credited else ""
        layout.chart(
            charts.over_time(
                steps["day"].to_list(),
                lines,
                unit,
                hover={"day": "%a %-d %b %Y", "week": "week of %-d %b %Y", "month": "%B %Y"}[grain],
                hollow=hollow,
            )
            if steps.height
            else None,
            f"Collected {share} of what was invoiced less credited" if share and is_paid else "Invoiced",
            key="flow",
            note=f"{unit} per {grain}, {span}" + ("; hollow: in part within the period" if any(hollow) else ""),
            empty=f"Nothing was billed for {layout.opened().said}.",
        )
    with grid.cell():
        values = of_period["outstanding_amount"].to_list()
        moved = wording.moved(values[-1], values[0]) if len(values) > 1 else ""
        layout.chart(
            charts.over_time(of_period["day"].to_list(), [charts.Line("outstanding", values)], unit)
            if values
            else None,
            f"Outstanding {moved} to {money(values[-1], unit)}" if moved else "Outstanding",
            key="outstanding",
            note=f"{unit} open at the end of each day, {span}",
            empty=f"Nothing was open for {layout.opened().said}.",
        )
    with st.expander(f"These figures by {grain}", key="all_days", on_change="rerun") as every:
        if every.open:
            layout.table(
                steps.sort("day", descending=True),
                key="days",
                titles={name: (label.format(unit), text) for name, (label, text) in DAYS.items()},
                height=330 if steps.height > 8 else None,
                file=f"billing_by_{grain}",
            )


DAYS = {
    "day": ("From", "The day, or the first one of the week or month."),
    "invoices": ("Invoices", "Invoices issued."),
    "credit_notes": ("Credit notes", "Credit notes issued."),
    "invoiced_amount": ("Invoiced ({})", "With tax."),
    "credited_amount": ("Credited ({})", "With tax."),
    "collected_amount": ("Collected ({})", "What payments paid of invoices, less what was taken off again."),
    "outstanding_amount": ("Outstanding ({})", "Open when it ended."),
}


def _next(day: date, grain: Grain) -> date:
    """The first day of the week or month after this day's."""
    if grain == "week":
        return day + timedelta(days=7 - day.weekday())
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


# Who owes


def owed(
    scope: Scope, days: pl.DataFrame, every: pl.DataFrame, open_now: pl.DataFrame, only: str | None, unit: str
) -> None:
    """How old what is owed is, and for how many days of sales."""
    layout.heading("Owed to us", f"Open invoices as of {wording.day(scope.as_of)}.")
    by_bucket = {
        bucket: (_sum(open_now.filter(pl.col("bucket") == bucket)), open_now.filter(pl.col("bucket") == bucket))
        for bucket in BUCKETS
    }
    values = [total for total, _ in by_bucket.values()]
    unknown = sorted(set(every["currency"]) - set(open_now["currency"])) if only is None else []
    old = sum(values[3:], Decimal(0))
    title = (
        f"{wording.rate(old, sum(values))} is over 60 days late: {money(old, unit)}"
        if old
        else f"{wording.rate(sum(values[1:]), sum(values))} is late, nothing over 60 days"
        if any(values[1:])
        else "Nothing is late"
    )
    grid = st.grid(2, min_column_width=420)
    with grid.cell():
        layout.chart(
            drawn.owed_by_age(
                [wording.OWED_SINCE[bucket] for bucket in BUCKETS],
                values,
                [int(rows["invoices"].sum()) for _, rows in by_bucket.values()],
                unit,
            )
            if any(values)
            else None,
            title,
            key="ageing",
            note=f"{unit}, by days since it was to be paid"
            + (f"; {wording.listed(unknown)} apart, of no known exchange rate" if unknown else ""),
            empty="No invoice is open.",
        )
    with grid.cell():
        known = billing.sales_days(scope, only).drop_nulls("sales_days")
        found = _within(known, scope)
        first = days["day"][0] + timedelta(days=SALES_DAYS - 1) if days.height else None
        now = found["sales_days"][-1] if found.height else None
        layout.chart(
            charts.over_time(
                found["day"].to_list(), [charts.Line("days", found["sales_days"].to_list())], "days", decimals=1
            )
            if found.height
            else None,
            f"Customers owe {now:,.1f} days of sales" if now is not None else "Days sales outstanding",
            key="sales_days",
            note=f"what is open, in days of the last {SALES_DAYS} days' invoices less credit notes",
            empty=f"It takes {SALES_DAYS} days of invoices: known from {wording.day(first)} on."
            if first and first > scope.as_of
            else "Not known for this period.",
        )
    if only is None and every["currency"].n_unique() > 1:
        by_currency(every)


def by_currency(every: pl.DataFrame) -> None:
    """What is owed by age, each currency by itself."""
    wide = every.pivot("bucket", index="currency", values="open_amount", aggregate_function="sum")
    buckets = [bucket for bucket in BUCKETS if bucket in wide.columns]
    shown = wide.with_columns(total=pl.sum_horizontal(pl.col(buckets).fill_null(0))).select(
        "currency", *buckets, "total"
    )
    layout.table(
        shown.sort("currency"),
        key="ageing_by_currency",
        titles={bucket: (wording.OWED_SINCE[bucket], "Days since it was to be paid.") for bucket in buckets}
        | {"total": ("Open", "All ages."), "currency": ("Currency", "Of the amounts of the row.")},
        file="open_by_currency_and_age",
    )


def debtors(scope: Scope, only: str | None, unit: str, currency: str) -> None:
    """Who owes the most, and the open invoices of the one chosen."""
    found = billing.debtors(scope, only, currency)
    overdue = found.filter(pl.col("overdue_amount") > 0)
    layout.heading("Who owes it", _concentration(found, overdue))
    row = layout.table(
        found.head(queries.ROWS_SHOWN),
        key="debtors",
        choose=True,
        titles=TITLES
        | {
            "open_amount": (f"Open ({unit})", "What the customer has still to pay."),
            "overdue_amount": (f"Overdue ({unit})", "Of that, what was to be paid before this night."),
            "exposure_amount": (f"Exposure ({unit})", "Open invoices, and open orders that are not billed yet."),
        },
        whole=lambda: found,
        total=found.height,
        height=360 if found.height > 9 else None,
        empty="Nobody owes anything.",
        of=f"{filters.digest(scope)}{only or ''}",
    )
    if row is not None:
        customer, name = found["customer_id"][row], found["name"][row]
        with st.container(border=True, key="card_debtor"):
            st.html(f'<div class="oh-title"><h3>{plain(name or customer or wording.NOBODY)}: open invoices</h3></div>')
            layout.table(
                billing.open_invoices(scope, customer, only),
                key="open_invoices",
                tables=("receivables",),
                titles=TITLES | {"days_overdue": ("Days overdue", "0 = not due yet.")},
                file=f"open_invoices_{wording.file_name(customer or wording.NOBODY)}",
            )


def _concentration(found: pl.DataFrame, overdue: pl.DataFrame) -> str:
    """How many owe, and how much of what is late a few of them owe."""
    if found.is_empty():
        return ""
    said = f"{count(found.height, 'customer')}, "
    if overdue.is_empty():
        return said + "none of them late."
    said += f"{whole(overdue.height)} of them late; "
    if overdue.height > 10:
        share = wording.rate(_sum(overdue.head(10), "overdue_amount"), _sum(overdue, "overdue_amount"))
        said += f"ten owe {share} of what is overdue; "
    return said + "the most money overdue first. Choose one to see the open invoices."


# Money that waits


def owed_back(scope: Scope, only: str | None) -> None:
    """What is owed back to customers."""
    found = _of(billing.owed_back(scope), only)
    layout.heading(
        "Owed back to customers",
        f"{count(found.height, 'payment')}, {sums(found)}; pay it back, and tell it in the feed payments as a negative amount."
        if found.height
        else "",
    )
    shown = found.with_columns(
        why=pl.Series([_why(row) for row in found.iter_rows(named=True)], dtype=pl.String),
        days=(pl.lit(scope.as_of) - pl.col("since")).dt.total_days(),
    ).select(
        "name",
        "customer_id",
        "amount",
        "currency",
        "since",
        "days",
        "why",
        "order_id",
        "payment_id",
        "method",
        "received_on",
    )
    layout.table(
        shown.head(queries.ROWS_SHOWN),
        key="owed_back",
        tables=("refunds_due",),
        titles=TITLES
        | {
            "since": ("Since", "The night since which it is owed."),
            "days": ("Days", "Days since then."),
            "amount": ("Owed back", "In the currency of the row."),
        },
        whole=lambda: shown,
        total=shown.height,
        height=330 if shown.height > 8 else None,
        empty="Nothing is owed back.",
        file="refunds_due",
    )


def _of(rows: pl.DataFrame, only: str | None) -> pl.DataFrame:
    return rows.filter(pl.col("currency") == only) if only is not None else rows


def _why(row: Row) -> str:
    if row["status"] in ("cancelled", "rejected"):
        return f"its order was {row['status']}"
    if row["billing"] == "credited":
        return "its order was credited in full"
    if row["billing"] == "partly_credited":
        return "a part of its order was credited"
    return "more was paid than was billed"


def on_account(scope: Scope, only: str | None) -> None:
    """What pays nothing yet, why, and what to do."""
    found = _of(billing.on_account(scope), only)
    layout.heading(
        "On account",
        f"{count(found.height, 'payment')} that pay no invoice, {sums(found)}; what is owed back is listed above."
        if found.height
        else "",
    )
    if found.is_empty():
        layout.nothing("Every payment pays an invoice or is owed back.")
        return
    parts = {
        wording.ON_ACCOUNT.get(reason, wording.words(reason)): f"{count(rows.height, 'payment')}, {sums(rows)}. "
        + wording.ON_ACCOUNT_TODO.get(reason, "")
        + _stuck(rows.filter("is_stuck").height)
        for (reason,), rows in sorted(found.group_by("reason"), key=lambda part: (-part[1].height, str(part[0])))
    }
    with st.container(border=True, key="card_on_account"):
        layout.definitions(parts)
    shown = found.with_columns(pl.col("reason").replace(wording.ON_ACCOUNT)).rename({"reason": "why"})
    layout.table(
        shown.head(queries.ROWS_SHOWN),
        key="on_account",
        tables=("payments_on_account",),
        titles=TITLES
        | {
            "why": ("Why", "Why it pays nothing."),
            "amount": ("On account", "In the currency of the row; below zero: more paid back than paid."),
        },
        whole=lambda: found,
        total=found.height,
        height=330 if found.height > 8 else None,
        file="payments_on_account",
    )


def _stuck(payments: int) -> str:
    if not payments:
        return ""
    return f" But {count(payments, 'waits', 'wait')} for an order that could not be billed: see above."


# Documents


def documents(scope: Scope, only: str | None) -> str | None:
    """The documents of the period; the number of the one chosen, if any."""
    total = billing.issued(scope, only)
    found = billing.documents(scope, only)
    layout.heading(
        "Invoices and credit notes",
        f"Issued {wording.span(scope.start, scope.end)}, the newest first. Choose a row to see its lines, tax, payments and files.",
    )
    row = layout.table(
        found.with_columns(pl.col("kind").replace(wording.DOCUMENTS)),
        key="documents",
        tables=("invoices",),
        titles=TITLES,
        choose=True,
        whole=lambda: billing.documents(scope, only, limit=queries.ROWS_DOWNLOADED),
        total=total,
        height=None if found.height < 9 else 360,
        empty=f"Nothing was issued for {layout.opened().said}.",
        file="invoices",
        of=f"{filters.digest(scope)}{only or ''}",
    )
    return found["invoice_number"][row] if row is not None else None


# Bookkeeping


def journal(scope: Scope) -> None:
    """Entries for bookkeeping, of chosen nights, by account, with their files."""
    layout.heading(
        "For bookkeeping", "Journal entries by the night that booked them; entries once booked are never changed."
    )
    spans: dict[str, tuple[date | None, date | None]] = {
        "the period above": (scope.start, scope.end),
        "last night": (scope.as_of, scope.as_of),
        "every night": (None, None),
    }
    chosen = st.segmented_control(
        "Nights", list(spans), default="the period above", key="journal_nights", bind="query-params", required=True
    )
    first, last = spans[chosen or "the period above"]
    accounts, entries = billing.booked(scope, first, last)
    if accounts.is_empty():
        layout.nothing(
            f"Nothing was booked on {wording.day(first)}."
            if first == last and first
            else "Nothing was booked in these nights."
        )
        return
    layout.sentences(
        [_equal(currency, rows) for (currency,), rows in accounts.group_by("currency", maintain_order=True)]
    )
    unknown = int(accounts.filter(pl.col("account").is_null())["entries"].sum())
    if unknown:
        layout.note(
            f"{count(unknown, 'entry has', 'entries have')} no account: no row of accounts.csv fits. Add one; nights from then on use it."
        )
    named = pl.col("entry").str.split(", ").list.eval(pl.element().replace(wording.ENTRIES)).list.join(", ")
    layout.table(
        accounts.with_columns(named),
        key="accounts",
        tables=("journal_entries",),
        titles=TITLES,
        height=330 if accounts.height > 8 else None,
        file="accounts",
    )
    nights = f"{first}_{last}" if first and last and first != last else str(first or scope.as_of)
    stem = f"journal_entries_{nights if first else f'until_{nights}'}"
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="downloads_journal"):
        st.html(f'<span class="oh-quiet">{count(entries, "entry", "entries")} of the journal, every column</span>')
        if entries <= FILE_ROWS:
            layout.download(
                "CSV",
                lambda: layout.as_csv(billing.journal(scope, first, last)),
                f"{stem}.csv",
                "text/csv",
                "csv_journal",
            )
            layout.download(
                "Parquet",
                lambda: layout.as_parquet(billing.journal(scope, first, last)),
                f"{stem}.parquet",
                "application/vnd.apache.parquet",
                "parquet_journal",
            )
        if entries <= SHEET_ROWS:
            layout.download("XLSX", lambda: _sheet(scope, first, last), f"{stem}.xlsx", XLSX, "xlsx_journal")
    if entries > SHEET_ROWS:
        what, form = ("sheet", "xlsx") if entries <= FILE_ROWS else ("file", "csv")
        layout.note(f"Too many for a {what} on a click: choose fewer nights, or let this write them all:")
        st.code(f"orderhouse export journal_entries --format {form}", language=None)


def _equal(currency: str, accounts: pl.DataFrame) -> str:
    """Debit and credit of a currency, and that they are equal."""
    debit, credit = _sum(accounts, "debit_amount"), _sum(accounts, "credit_amount")
    amounts = [exact(side, currency) for side in (debit, credit)]
    return (
        f"Debit {amounts[0]} = credit {amounts[1]}."
        if debit == credit
        else f"Debit {amounts[0]} is NOT credit {amounts[1]}; do not book it, and run orderhouse doctor."
    )


def _sheet(scope: Scope, first: date | None, last: date | None) -> bytes:
    frame = billing.journal(scope, first, last)
    return layout.as_xlsx(frame, "Journal", {name: wording.words(name) for name in frame.columns})


# The page


def nothing_billed(scope: Scope) -> None:
    """Say why nothing is billed."""
    live = find().settings.business.goes_live_on
    if live is not None and live > scope.as_of:
        layout.nothing(
            f"Nothing is billed yet: the shop goes live on {wording.day(live)}.",
            "Orders placed before that are history and never billed; the night of that day issues the first invoices.",
        )
        return
    layout.nothing(
        f"Nothing has been billed up to {wording.day(scope.as_of)}.",
        "Each night bills the orders that are due by the setting billing.policy, from business.goes_live_on on; channels "
        "that bill for themselves are left out.",
    )


def choices(known: list[str], currency: str) -> tuple[str, str | None]:
    """What document is looked for, and the one currency amounts are looked at in; none = all in the reporting currency."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium", key="choices"):
        wanted = st.text_input(
            "Invoice or order",
            key="invoice",
            bind="query-params",
            placeholder="Number",
            help="Shows everything about one invoice, credit note, or the documents of an order.",
            max_chars=64,
            width=260,
        )
        if not known or known == [currency]:
            return wanted.strip(), None
        every = f"all in {currency}"
        chosen = st.segmented_control(
            "Amounts",
            [every, *known],
            default=every,
            key="amounts",
            bind="query-params",
            required=True,
            help=f"All currencies converted to {currency} at the day's exchange rate, or one currency as it is. The night, what could "
            "not be billed, and the journal always show every currency by itself.",
        )
    return wanted.strip(), chosen if chosen in known else None


def page() -> None:
    """Billing of the night."""
    at = layout.opened()
    scope, currency = at.scope, at.currency
    known = billing.currencies(scope)
    wanted, only = choices(known, currency)
    unit = only or currency
    if wanted:
        document.looked_up(scope, wanted)
    days = billing.days(scope, only)
    if days.is_empty() and only is None:
        nothing_billed(scope)
        exceptions(scope, currency)
        owed_back(scope, only)
        on_account(scope, only)
        return
    is_paid = billing.payments_told(scope) > 0
    every = billing.ageing(scope)
    open_now = billing.shown(scope, every, only, currency, "open_amount").filter(pl.col("open_amount").is_not_null())
    night(scope)
    figures(scope, days, open_now, only, unit, is_paid=is_paid)
    if only is None:
        apart(scope, currency)
    if not is_paid:
        layout.note(
            "No payment has ever been told, so every invoice counts as open: deliver the feed payments to see what is collected."
        )
    exceptions(scope, currency)
    over_time(scope, days, unit, is_paid=is_paid)
    owed(scope, days, every, open_now, only, unit)
    debtors(scope, only, unit, currency)
    owed_back(scope, only)
    on_account(scope, only)
    chosen = documents(scope, only)
    if chosen and chosen != wanted:
        document.story(scope, chosen, "chosen")
    journal(scope)


page()
