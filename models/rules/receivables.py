"""Receivables: which payment pays which invoice, what is open, owed back, reminded, and lent to each customer.

What was applied is never changed: later changes are entries of their own, negative where money is taken off an invoice
again. Money that pays nothing stays on account, so that payments are always what is applied and what is on account.
"""

from datetime import date

import polars as pl

from models.rules import money
from models.tables.base import polars_schema
from models.tables.billing import (
    CustomerExposure,
    PaymentApplied,
    PaymentOnAccount,
    Receivable,
    RefundDue,
    Reminder,
)

PAIR = ["payment_id", "invoice_number"]
FIRST = ["received_on", "payment_id"]
LAST = 2**62
LEVEL_OF_BUCKET = ((0, "not_due"), (30, "1-30"), (60, "31-60"), (90, "61-90"))


def covers(invoice_lines: pl.DataFrame) -> pl.DataFrame:
    """Say which invoices bill which order.

    Args:
        invoice_lines: InvoiceLine rows.

    Returns:
        order_id, invoice_number of invoices, not of credit notes; ordered by both.
    """
    pair = ["order_id", "invoice_number"]
    return invoice_lines.filter(pl.col("credits_invoice_number").is_null()).select(pair).unique().sort(pair)


def balances(invoices: pl.DataFrame, applied: pl.DataFrame) -> pl.DataFrame:
    """Say of each invoice what was billed, credited and paid.

    Args:
        invoices: Invoice rows, an invoice together with its credit notes.
        applied: PaymentApplied rows of these invoices.

    Returns:
        invoice_number, order_id, customer_id, currency, issued_on, sequence, due_on, gross_amount, credited_amount,
        paid_amount, open_amount (negative: more was paid than is owed); ordered by number.
    """
    is_invoice = pl.col("kind") == "invoice"
    credits = (
        invoices.filter(~is_invoice)
        .group_by(invoice_number="credits_invoice_number")
        .agg(credited_amount=pl.col("gross_amount").sum())
    )
    paid = applied.group_by("invoice_number").agg(paid_amount=pl.col("amount").sum())
    return (
        invoices.filter(is_invoice)
        .select(
            "invoice_number", "order_id", "customer_id", "currency", "issued_on", "sequence", "due_on", "gross_amount"
        )
        .join(credits, on="invoice_number", how="left", validate="1:1")
        .join(paid, on="invoice_number", how="left", validate="1:1")
        .with_columns(pl.col("credited_amount", "paid_amount").fill_null(0))
        .with_columns(open_amount=pl.col("gross_amount") - pl.col("credited_amount") - pl.col("paid_amount"))
        .sort("invoice_number")
    )


def applied(
    invoices: pl.DataFrame, covers: pl.DataFrame, payments: pl.DataFrame, before: pl.DataFrame, applied_on: date
) -> pl.DataFrame:
    """Let payments meet their invoices, and take them off again where that no longer holds.

    In this order: a voided payment leaves its invoices, and so does one that came again for another order or in
    another currency; where credit notes make an invoice overpaid, its newest payments give the surplus back to their
    account, and where less is left on an invoice than was paid back, the newest payments back leave it; money paid back
    takes from what is on account for the same order or invoice, the oldest first; what is left
    pays the invoice it names, then the open invoices of its order, the oldest first; and what was paid back beyond the
    account reopens the invoice it names, else the newest paid one. A payment in another currency than the invoice's pays
    nothing of it. The same night run again adds nothing.

    Args:
        invoices: Invoice rows, an invoice together with its credit notes.
        covers: order_id, invoice_number: which invoices bill which order.
        payments: payment_id, invoice_number, order_id, amount, currency, received_on, is_voided of all payments that
            took effect and name these invoices or orders, or none that is known.
        before: PaymentApplied rows so far.
        applied_on: the night.

    Returns:
        New PaymentApplied rows, ordered by their key.
    """
    held = before.group_by(PAIR).agg(amount=pl.col("amount").sum()).filter(pl.col("amount") != 0)
    targets = _targets(payments, invoices, covers)
    changes = [held.join(targets, on=PAIR, how="anti").with_columns(amount=-pl.col("amount"))]
    held = held.join(targets, on=PAIR, how="semi")
    changes.append(_given_back(held, balances(invoices, held), payments))
    held, accounts = _net([held, changes[-1]]), _accounts(payments, invoices)
    changes.append(_closed_again(held, balances(invoices, held), payments))
    held = _net([held, changes[-1]])
    newest_first = targets.with_columns(
        place=pl.when(pl.col("place") == 0).then("place").otherwise(LAST - pl.col("place"))
    )
    reopened = True
    while reopened:
        left = _left(payments, held, accounts)
        rooms = balances(invoices, held).select("invoice_number", room="open_amount")
        met = _matched(left.select(*FIRST, left="available"), targets, rooms)
        held = _net([held, met])
        rooms = balances(invoices, held).select("invoice_number", room="paid_amount")
        back = _matched(left.select(*FIRST, left="beyond"), newest_first, rooms).with_columns(amount=-pl.col("amount"))
        held, reopened = _net([held, back]), not back.is_empty()
        changes += [met, back]
    schema = polars_schema(PaymentApplied)
    return (
        _net(changes)
        .join(before.group_by(PAIR).agg(entries=pl.len().cast(pl.Int64)), on=PAIR, how="left", validate="1:1")
        .join(invoices.select("invoice_number", "currency"), on="invoice_number", validate="m:1")
        .with_columns(entry_no=pl.col("entries").fill_null(0) + 1, applied_on=pl.lit(applied_on))
        .select(schema.names())
        .cast(schema)
        .sort(*PAIR, "entry_no")
    )


def _net(changes: list[pl.DataFrame]) -> pl.DataFrame:
    """What changes come to per payment and invoice."""
    both = pl.concat([change.select(*PAIR, "amount") for change in changes])
    return both.group_by(PAIR).agg(pl.col("amount").sum()).filter(pl.col("amount") != 0)


def _given_back(held: pl.DataFrame, balances: pl.DataFrame, payments: pl.DataFrame) -> pl.DataFrame:
    """Take the surplus of overpaid invoices off their newest payments."""
    surplus = -pl.col("open_amount")
    before = pl.col("amount").cum_sum().over("invoice_number") - pl.col("amount")
    return (
        held.filter(pl.col("amount") > 0)
        .join(balances.filter(pl.col("open_amount") < 0), on="invoice_number", validate="m:1")
        .join(payments.select(*FIRST), on="payment_id", validate="m:1")
        .sort("invoice_number", *FIRST, descending=[False, True, True])
        .with_columns(amount=-pl.min_horizontal(pl.col("amount"), surplus - before).clip(0))
        .filter(pl.col("amount") != 0)
        .select(*PAIR, "amount")
    )


def _closed_again(held: pl.DataFrame, balances: pl.DataFrame, payments: pl.DataFrame) -> pl.DataFrame:
    """Take off invoices what payments back reopened of them beyond what is paid of them still, the newest first."""
    reopened = -pl.col("amount")
    before = reopened.cum_sum().over("invoice_number") - reopened
    return (
        held.filter(pl.col("amount") < 0)
        .join(balances.filter(pl.col("paid_amount") < 0), on="invoice_number", validate="m:1")
        .join(payments.select(*FIRST), on="payment_id", validate="m:1")
        .sort("invoice_number", *FIRST, descending=[False, True, True])
        .with_columns(amount=pl.min_horizontal(reopened, -pl.col("paid_amount") - before).clip(0))
        .filter(pl.col("amount") != 0)
        .select(*PAIR, "amount")
    )


def _resolved(payments: pl.DataFrame, invoices: pl.DataFrame) -> pl.DataFrame:
    """Say which known invoice each payment names, that of a credit note being the one it corrects."""
    named = invoices.select(
        "invoice_number",
        known_invoice=pl.coalesce("credits_invoice_number", "invoice_number"),
        invoice_order_id="order_id",
        invoice_currency="currency",
    )
    return payments.join(named, on="invoice_number", how="left", validate="m:1")


def _accounts(payments: pl.DataFrame, invoices: pl.DataFrame) -> pl.DataFrame:
    """Payments that share one account: of one order, else of one invoice, known or not; and one currency."""
    return _resolved(payments, invoices).select(
        "payment_id",
        account=pl.when(pl.col("order_id").is_not_null() | pl.col("invoice_order_id").is_not_null())
        .then(pl.format("order {}", pl.coalesce("order_id", "invoice_order_id")))
        .otherwise(pl.format("invoice {}", pl.coalesce("known_invoice", "invoice_number").fill_null(""))),
    )


def _left(payments: pl.DataFrame, held: pl.DataFrame, accounts: pl.DataFrame) -> pl.DataFrame:
    """What is left of each payment: `left` not applied, of that `available` after what was paid back from its account,
    and `beyond` what of a payment back its account did not hold."""
    used = held.group_by("payment_id").agg(used=pl.col("amount").sum())
    account = ["account", "currency"]
    left = (
        payments.join(used, on="payment_id", how="left", validate="1:1")
        .join(accounts, on="payment_id", validate="1:1")
        .with_columns(
            left=pl.when("is_voided").then(0).otherwise("amount").cast(money.SUM) - pl.col("used").fill_null(0)
        )
        .sort(*account, *FIRST)
        .with_columns(received=pl.col("left").clip(0), paid_back=(-pl.col("left")).clip(0))
    )
    received, paid_back = pl.col("received"), pl.col("paid_back")
    before = received.cum_sum().over(account) - received
    taken = pl.min_horizontal(received, paid_back.sum().over(account) - before).clip(0)
    covered = received.sum().over(account) - (paid_back.cum_sum().over(account) - paid_back)
    beyond = paid_back - pl.min_horizontal(paid_back, covered).clip(0)
    return left.with_columns(available=received - taken, beyond=beyond)


def _targets(payments: pl.DataFrame, invoices: pl.DataFrame, covers: pl.DataFrame) -> pl.DataFrame:
    """Which invoices each payment may meet, in the order of `place`: 0 the one it names, then those of its order by age.

    A payment that names no order, but an invoice of one, is of that order: an invoice that was corrected is credited and
    billed anew under another number, and whoever paid the first shall not be asked for the second.
    """
    aged = (
        invoices.filter(pl.col("kind") == "invoice")
        .sort("issued_on", "sequence", "invoice_number")
        .select("invoice_number", "currency", place=pl.int_range(1, pl.len() + 1))
    )
    resolved = _resolved(payments, invoices).filter(~pl.col("is_voided"))
    named = resolved.select("payment_id", "currency", invoice_number="known_invoice").drop_nulls()
    of_order = resolved.select("payment_id", "currency", order_id=pl.coalesce("order_id", "invoice_order_id")).join(
        covers.select("order_id", "invoice_number"), on="order_id"
    )
    of_order = of_order.join(named, on=PAIR, how="anti").select(named.columns)
    both = pl.concat([named.with_columns(is_named=pl.lit(True)), of_order.with_columns(is_named=pl.lit(False))])
    return both.join(aged, on=["invoice_number", "currency"], validate="m:1").select(
        *PAIR, place=pl.when("is_named").then(0).otherwise("place")
    )


def _matched(sources: pl.DataFrame, targets: pl.DataFrame, rooms: pl.DataFrame) -> pl.DataFrame:
    """Put what is `left` of payments where their invoices have `room`, each time into the first place that still has any.

    Of several payments for one invoice the oldest comes first. Each round fills an invoice or uses a payment up.
    """
    found = [pl.DataFrame(schema={"payment_id": pl.String, "invoice_number": pl.String, "amount": money.SUM})]
    before = pl.col("left").cum_sum().over("invoice_number") - pl.col("left")
    while True:
        sources, rooms = sources.filter(pl.col("left") > 0), rooms.filter(pl.col("room") > 0)
        met = (
            targets.join(sources, on="payment_id", validate="m:1")
            .join(rooms, on="invoice_number", validate="m:1")
            .sort("payment_id", "place")
            .unique("payment_id", keep="first", maintain_order=True)
            .sort("invoice_number", *FIRST)
            .with_columns(amount=pl.min_horizontal(pl.col("left"), pl.col("room") - before).clip(0))
            .filter(pl.col("amount") > 0)
            .select(*PAIR, "amount")
        )
        if met.is_empty():
            return pl.concat(found)
        found.append(met)
        spent = met.group_by("payment_id").agg(spent=pl.col("amount").sum())
        filled = met.group_by("invoice_number").agg(filled=pl.col("amount").sum())
        sources = sources.join(spent, on="payment_id", how="left", validate="1:1").select(
            *FIRST, left=pl.col("left") - pl.col("spent").fill_null(0)
        )
        rooms = rooms.join(filled, on="invoice_number", how="left", validate="1:1").select(
            "invoice_number", room=pl.col("room") - pl.col("filled").fill_null(0)
        )


def receivables(invoices: pl.DataFrame, applied: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """List what is open tonight, and for how long it has been due.

    Args:
        invoices: Invoice rows, an invoice together with its credit notes.
        applied: all PaymentApplied rows of these invoices, tonight's among them.
        as_of: the night.

    Returns:
        Receivable rows, ordered by their key.
    """
    schema = polars_schema(Receivable)
    is_open = balances(invoices, applied).filter(pl.col("open_amount") > 0)
    return (
        aged(is_open, as_of)
        .select(pl.lit(as_of).alias("as_of"), *(name for name in schema.names() if name != "as_of"))
        .cast(schema)
        .sort("as_of", "invoice_number")
    )


def aged(debts: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Say for how long debts have been due tonight.

    Args:
        debts: due_on, and what else is told of them.
        as_of: the night.

    Returns:
        The same rows with days_overdue and bucket.
    """
    bucket = pl.lit("91+")
    for limit, name in reversed(LEVEL_OF_BUCKET):
        bucket = pl.when(pl.col("days_overdue") <= limit).then(pl.lit(name)).otherwise(bucket)
    overdue = (pl.lit(as_of) - pl.col("due_on")).dt.total_days().clip(0)
    return debts.with_columns(days_overdue=overdue).with_columns(bucket=bucket)


def on_account(
    invoices: pl.DataFrame, payments: pl.DataFrame, applied: pl.DataFrame, orders: pl.DataFrame
) -> pl.DataFrame:
    """List what of payments pays no invoice, and why; with what is applied it comes to all that was paid.

    Args:
        invoices: Invoice rows that payments name, and their credit notes.
        payments: as `applied` takes them, with customer_id of whose each is.
        applied: all PaymentApplied rows of these payments, tonight's among them.
        orders: order_id, currency, expects (rows of `expectations`) of the orders that payments name.

    Returns:
        PaymentOnAccount rows, ordered by their key.
    """
    left = _left(payments, applied, _accounts(payments, invoices)).with_columns(
        amount=pl.col("available") - pl.col("beyond")
    )
    known = orders.select("order_id", "expects", order_currency="currency")
    is_other = pl.col("currency") != pl.coalesce("invoice_currency", "order_currency")
    schema = polars_schema(PaymentOnAccount)
    return (
        _resolved(left.filter(pl.col("amount") != 0), invoices)
        .join(known, on="order_id", how="left", validate="m:1")
        .with_columns(
            reason=pl.when(pl.col("amount") < 0)
            .then(pl.lit("paid_back_too_much"))
            .when(pl.coalesce("known_invoice", "order_id").is_null())
            .then(pl.lit("unknown_invoice"))
            .when(pl.coalesce("known_invoice", "expects").is_null())
            .then(pl.lit("unknown_order"))
            .when(is_other)
            .then(pl.lit("other_currency"))
            .when(pl.col("expects") == "later")
            .then(pl.lit("not_billed_yet"))
            .when(pl.col("expects") == "elsewhere")
            .then(pl.lit("billed_elsewhere"))
            .otherwise(pl.lit("overpaid")),
            order_id=pl.coalesce("order_id", "invoice_order_id"),
        )
        .select(schema.names())
        .cast(schema)
        .sort("payment_id")
    )


def expectations(orders: pl.DataFrame, lines: pl.DataFrame, channels: pl.DataFrame) -> pl.DataFrame:
    """Say of each order whether an invoice is still to come, so that money for it is not owed back.

    Args:
        orders: Order rows.
        lines: OrderLine rows of these orders, with tonight's invoiced and credited.
        channels: Channel rows.

    Returns:
        order_id, customer_id, currency, expects: later (units are not billed yet, or its lines have not come), elsewhere
        (history, or the channel bills for itself), nothing (what did not leave of a closed order, where the channel
        bills what left, will not be billed); ordered by order.
    """
    will_be = (
        pl.when((pl.col("status") == "closed") & (pl.col("billing_policy") == "on_shipment"))
        .then("shipped")
        .when((pl.col("status") == "closed") & (pl.col("billing_policy") == "on_delivery"))
        .then("delivered")
        .otherwise(pl.col("quantity") - pl.col("cancelled"))
    )
    to_come = will_be - pl.col("returned") - pl.col("invoiced") + pl.col("credited")
    policies = channels.select("channel", billing_policy="billing")
    counted = (
        lines.join(orders.select("order_id", "status", "channel"), on="order_id", validate="m:1")
        .join(policies, on="channel", how="left", validate="m:1")
        .group_by("order_id")
        .agg(to_come=to_come.clip(0).sum(), was_billed=(pl.col("invoiced") > 0).any())
    )
    silent = channels.filter(pl.col("billing") == "none")["channel"].to_list()
    is_awaited = (
        pl.when(pl.col("status") == "rejected").then(pl.col("to_come").is_null()).otherwise(pl.col("to_come") > 0)
    )
    is_elsewhere = pl.col("is_history") | (pl.col("channel").is_in(silent) & ~pl.col("was_billed").fill_null(False))
    return (
        orders.join(counted, on="order_id", how="left", validate="1:1")
        .select(
            "order_id",
            "customer_id",
            "currency",
            expects=pl.when(is_elsewhere)
            .then(pl.lit("elsewhere"))
            .when(is_awaited)
            .then(pl.lit("later"))
            .otherwise(pl.lit("nothing")),
        )
        .sort("order_id")
    )


def payment_axis(
    invoices: pl.DataFrame, covers: pl.DataFrame, applied: pl.DataFrame, on_account: pl.DataFrame
) -> pl.DataFrame:
    """Say how far each order is paid, against the invoices that bill it.

    `overpaid`: something is on account for it in its own currency, be it before any invoice; `paid`: nothing is open of
    its invoices; an order all of which was credited before it was paid is `none`. Orders on one monthly invoice are
    paid together.

    Args:
        invoices: Invoice rows, an invoice together with its credit notes.
        covers: order_id, invoice_number: which invoices bill which order.
        applied: all PaymentApplied rows of these invoices.
        on_account: PaymentOnAccount rows of tonight.

    Returns:
        order_id, payment of orders that were billed or paid for; ordered by order.
    """
    billed = (
        covers.join(balances(invoices, applied), on="invoice_number", validate="m:1")
        .group_by("order_id")
        .agg(pl.col("gross_amount", "paid_amount", "open_amount").sum())
    )
    spare = (
        on_account.filter(pl.col("order_id").is_not_null() & (pl.col("reason") != "other_currency"))
        .group_by("order_id")
        .agg(spare=pl.col("amount").sum())
    )
    is_settled = (pl.col("open_amount") == 0) & ((pl.col("paid_amount") > 0) | (pl.col("gross_amount") == 0))
    return (
        billed.join(spare, on="order_id", how="full", coalesce=True, validate="1:1")
        .select(
            "order_id",
            payment=pl.when(pl.col("spare") > 0)
            .then(pl.lit("overpaid"))
            .when(is_settled)
            .then(pl.lit("paid"))
            .when(pl.col("paid_amount") > 0)
            .then(pl.lit("partly_paid"))
            .otherwise(pl.lit("none")),
        )
        .sort("order_id")
    )


def refunds_due(on_account: pl.DataFrame, before: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """List money that is owed back: paid for what is billed in full already, or will not be billed.

    Args:
        on_account: PaymentOnAccount rows of tonight.
        before: RefundDue rows of the night before, which say since when.
        as_of: the night.

    Returns:
        RefundDue rows, ordered by their key.
    """
    schema = polars_schema(RefundDue)
    return (
        on_account.filter(pl.col("reason") == "overpaid")
        .join(before.select("payment_id", "since"), on="payment_id", how="left", validate="1:1")
        .with_columns(since=pl.col("since").fill_null(as_of))
        .select(schema.names())
        .cast(schema)
        .sort("payment_id")
    )


def blocked(
    receivables: pl.DataFrame, covers: pl.DataFrame, customers: pl.DataFrame, cases: pl.DataFrame
) -> pl.DataFrame:
    """Find open invoices that are not to be reminded of: their customer is spared, or one of their orders is in dispute.

    Args:
        receivables: Receivable rows of tonight.
        covers: order_id, invoice_number: which invoices bill which order.
        customers: Customer rows as of the night.
        cases: SupportCase rows open tonight.

    Returns:
        invoice_number; ordered.
    """
    spared = receivables.join(
        customers.filter(pl.col("reminders_blocked").fill_null(False)).select("customer_id"),
        on="customer_id",
        how="semi",
    ).select("invoice_number")
    disputed = (
        cases.filter(pl.col("topic") == "dispute")
        .select("order_id")
        .drop_nulls()
        .unique()
        .join(covers, on="order_id")
        .select("invoice_number")
    )
    return pl.concat([spared, disputed]).unique().sort("invoice_number")


def reminders(
    receivables: pl.DataFrame, levels: pl.DataFrame, sent: pl.DataFrame, blocked: pl.DataFrame
) -> pl.DataFrame:
    """Remind of overdue invoices: level by level, one per night, each level of an invoice once.

    Args:
        receivables: Receivable rows of tonight.
        levels: ReminderLevel rows.
        sent: Reminder rows so far.
        blocked: rows of `blocked`.

    Returns:
        Reminder rows of tonight that are not sent yet, ordered by their key.
    """
    schema = polars_schema(Reminder)
    reached = sent.group_by("invoice_number").agg(reached=pl.col("level").max(), reminded_on=pl.col("as_of").max())
    waiting = (
        receivables.join(blocked, on="invoice_number", how="anti")
        .join(reached, on="invoice_number", how="left", validate="1:1")
        .filter(pl.col("reminded_on").is_null() | (pl.col("reminded_on") < pl.col("as_of")))
        .with_columns(reached=pl.col("reached").fill_null(0))
    )
    return (
        waiting.join(levels, how="cross")
        .filter(pl.col("level") > pl.col("reached"))
        .sort("invoice_number", "level")
        .unique("invoice_number", keep="first", maintain_order=True)
        .filter(pl.col("days_overdue") >= pl.col("overdue_days"))
        .select(schema.names())
        .cast(schema)
        .sort("invoice_number", "level")
    )


def exposure(
    receivables: pl.DataFrame, orders: pl.DataFrame, lines: pl.DataFrame, channels: pl.DataFrame
) -> pl.DataFrame:
    """Add up what each customer owes and will owe: open invoices, and open orders that are not billed yet.

    Units not billed count at the order's price less their share of the discount, with tax only where prices include it.
    Rejected and cancelled orders, history and channels that bill for themselves count nothing.

    Args:
        receivables: customer_id, currency, open_amount: Receivable rows of tonight, added up or not.
        orders: Order rows.
        lines: OrderLine rows of these orders.
        channels: Channel rows.

    Returns:
        CustomerExposure rows, ordered by their key.
    """
    key = ["customer_id", "currency"]
    expected = expectations(orders, lines, channels).filter(pl.col("expects") == "later").drop("expects")
    units = pl.col("quantity") - pl.col("cancelled") - pl.col("returned") - pl.col("invoiced") + pl.col("credited")
    currency = pl.col("currency")
    whole_discount = money.rounded(pl.col("discount_amount").fill_null(0), currency)
    discount = money.share(whole_discount, pl.col("units"), pl.col("quantity"), currency)
    uninvoiced = (
        lines.join(expected, on="order_id", validate="m:1")
        .with_columns(units=units.clip(0))
        .with_columns(amount=money.times(pl.col("units"), pl.col("unit_price"), currency) - discount)
        .group_by(key)
        .agg(uninvoiced_amount=pl.col("amount").sum())
    )
    owed = receivables.group_by(key).agg(receivable_amount=pl.col("open_amount").sum())
    amounts = ["receivable_amount", "uninvoiced_amount"]
    return (
        owed.join(uninvoiced, on=key, how="full", coalesce=True, validate="1:1")
        .filter(pl.col("customer_id").is_not_null())
        .with_columns(pl.col(amounts).fill_null(0))
        .with_columns(exposure_amount=pl.sum_horizontal(amounts))
        .select(polars_schema(CustomerExposure).names())
        .cast(polars_schema(CustomerExposure))
        .sort(key)
    )


def unexplained(payments: pl.DataFrame, applied: pl.DataFrame, on_account: pl.DataFrame) -> pl.DataFrame:
    """Find currencies in which what is applied and on account is not what was paid.

    Args:
        payments: as `applied` takes them.
        applied: all PaymentApplied rows.
        on_account: PaymentOnAccount rows.

    Returns:
        currency, paid_amount, applied_amount, on_account_amount; empty where all is well.
    """
    paid = (
        payments.filter(~pl.col("is_voided"))
        .group_by("currency")
        .agg(paid_amount=pl.col("amount").cast(money.SUM).sum())
    )
    used = applied.group_by("currency").agg(applied_amount=pl.col("amount").sum())
    kept = on_account.group_by("currency").agg(on_account_amount=pl.col("amount").sum())
    amounts = ["paid_amount", "applied_amount", "on_account_amount"]
    return (
        paid.join(used, on="currency", how="full", coalesce=True)
        .join(kept, on="currency", how="full", coalesce=True)
        .with_columns(pl.col(amounts).fill_null(0))
        .filter(pl.col("paid_amount") != pl.col("applied_amount") + pl.col("on_account_amount"))
        .sort("currency")
    )
