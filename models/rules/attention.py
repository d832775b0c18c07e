"""What needs a person this morning: each thing to do is one sentence, with the money at stake."""

from collections.abc import Sequence
from datetime import date

import polars as pl

from models.rules import money
from models.tables.base import empty, polars_schema
from models.tables.certificate import AttentionItem

SHOWN = 100
"""Of each kind so many are listed one by one, the largest amounts first; the rest is one item."""
SUMMED_UP = "^([0-9]+) more of the kind"
"""How the sentence of that one item begins: it stands for so many things to do, every other for one."""


def _items(
    rows: pl.DataFrame,
    kind: str,
    role: str,
    page: str,
    subject: str,
    sentence: pl.Expr,
    *,
    amount: pl.Expr | None = None,
    due_on: pl.Expr | None = None,
    seen_on: pl.Expr | None = None,
) -> pl.DataFrame:
    """One thing to do per row; `subject` is the column of what it is about."""
    return rows.select(
        item_id=pl.format(f"{kind}:{{}}", subject),
        role=pl.lit(role),
        kind=pl.lit(kind),
        subject_id=pl.col(subject),
        amount=(pl.lit(None) if amount is None else amount).cast(pl.Decimal(38, 4)),
        due_on=(pl.lit(None) if due_on is None else due_on).cast(pl.Date),
        seen_on=(pl.lit(None) if seen_on is None else seen_on).cast(pl.Date),
        sentence=sentence,
        page=pl.lit(page),
    )


def _some(number: str, one: str) -> pl.Expr:
    """So many of something in words."""
    return pl.format("{} {}", number, _verb(number, one, f"{one}s"))


def _verb(number: str, one: str, many: str) -> pl.Expr:
    """The form of a word that goes with a number."""
    return pl.when(pl.col(number) == 1).then(pl.lit(one)).otherwise(pl.lit(many))


def held_files(files: pl.DataFrame, given_up: Sequence[str] = ()) -> pl.DataFrame:
    """Ask for a better file for each one that could not be taken in.

    One of the same name that was taken in later settles it, and so does a decision that retracts it.

    Args:
        files: FeedFile rows.
        given_up: file_id or name of files that a decision retracted.
    """
    newest = (
        files.filter(pl.col("status") == "loaded").group_by("feed", "name").agg(loaded=pl.col("file_sequence").max())
    )
    held = (
        files.filter(pl.col("status") == "held")
        .join(newest, on=["feed", "name"], how="left", validate="m:1", maintain_order="left")
        .filter((pl.col("loaded") < pl.col("file_sequence")).fill_null(True))
        .filter(~pl.col("file_id").is_in(given_up) & ~pl.col("name").is_in(given_up))
        .with_columns(place=pl.format("{}/{}", "feed", "name"))
    )
    told = pl.format("File {} is held: {}", "place", pl.col("reason").fill_null("it cannot be read"))
    return _items(held, "held_file", "operator", "intake", "place", told, seen_on=pl.col("as_of"))


def rejected_records(rejects: pl.DataFrame) -> pl.DataFrame:
    """Ask to repair what was rejected and not sent again, one item per feed.

    Args:
        rejects: feed, file_id, records, seen_on of rejected records that nobody has settled.
    """
    by_feed = rejects.group_by("feed").agg(
        pl.col("records").sum(), files=pl.col("file_id").n_unique(), seen_on=pl.col("seen_on").min()
    )
    told = pl.format(
        "{} of {} in {} {} rejected: download with every reason, repair and send again.",
        _some("records", "record"),
        "feed",
        _some("files", "file"),
        _verb("records", "was", "were"),
    )
    return _items(by_feed, "rejected_records", "operator", "intake", "feed", told, seen_on=pl.col("seen_on"))


def unclear_retractions(unclear: pl.DataFrame) -> pl.DataFrame:
    """Ask which file was meant where a decision to take one back names several, or none.

    Args:
        unclear: decision_id, subject_id, decided_on, files (how many it may mean) of `retraction.retracted`.
    """
    several = pl.format(
        "Nothing is retracted by decision {}: {} files are named {}; decide again with the file_id of the one.",
        "decision_id",
        "files",
        "subject_id",
    )
    none = pl.format(
        "Nothing is retracted by decision {}: no file named {} was taken in; decide again with its right name or file_id.",
        "decision_id",
        "subject_id",
    )
    told = pl.when(pl.col("files") > 0).then(several).otherwise(none)
    return _items(
        unclear, "unclear_retraction", "operator", "intake", "decision_id", told, seen_on=pl.col("decided_on")
    )


def waiting_records(waiting: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Ask after what records have been waiting for since an earlier night, one item per feed.

    Args:
        waiting: WaitingRow rows.
        as_of: the night.
    """
    by_feed = (
        waiting.filter(pl.col("since") < as_of)
        .group_by("feed")
        .agg(records=pl.len(), seen_on=pl.col("since").min(), example=pl.col("waits_for").sort().first())
    )
    told = pl.format(
        "{} of {} {} for something that has not arrived, such as {}: ask its sender for it.",
        _some("records", "record"),
        "feed",
        _verb("records", "waits", "wait"),
        "example",
    )
    return _items(by_feed, "waiting_records", "operator", "intake", "feed", told, seen_on=pl.col("seen_on"))


def orders_on_hold(orders: pl.DataFrame, findings: pl.DataFrame) -> pl.DataFrame:
    """Say of each order on hold what stands against it.

    Args:
        orders: order_id, amount (reporting currency) of orders on hold.
        findings: open OrderFinding rows that hold.
    """
    causes = findings.group_by("order_id").agg(
        facts=pl.col("facts").sort().unique(maintain_order=True).str.join(" "), seen_on=pl.col("as_of").min()
    )
    held = orders.join(causes, on="order_id", how="left", validate="1:1")
    facts = pl.col("facts").fill_null("Its channel holds it.")
    told = pl.format("Order {} is on hold. {} Mend that, release it or cancel it.", "order_id", facts)
    amount, seen_on = pl.col("amount"), pl.col("seen_on")
    return _items(held, "order_on_hold", "operator", "lifecycle", "order_id", told, amount=amount, seen_on=seen_on)


def refused_facts(refused: pl.DataFrame) -> pl.DataFrame:
    """Ask what really happened to each order of which a physical event was refused.

    Args:
        refused: order_id, event, reason, amount of the first refused event of each such order.
    """
    told = pl.format(
        "Order {}: its event {} was refused ({}); nothing more is shipped or billed until a decision voids it or says ship_anyway.",
        "order_id",
        "event",
        pl.col("reason").str.replace_all("_", " "),
    )
    return _items(refused, "refused_fact", "support", "lifecycle", "order_id", told, amount=pl.col("amount"))


def late_orders(orders: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Name each order whose promised day has passed and that has not arrived.

    Args:
        orders: order_id, promised_on, fulfilment, amount of open orders.
        as_of: the night.
    """
    promised = pl.col("promised_on")
    on_its_way = pl.col("fulfilment").is_in(["none", "allocated", "partly_shipped", "shipped", "partly_delivered"])
    state = pl.col("fulfilment").replace({"none": "not shipped", "allocated": "not shipped"}).str.replace_all("_", " ")
    told = pl.format(
        "Order {} was promised for {} and is {}: tell the customer and find out why.", "order_id", promised, state
    )
    return _items(
        orders.filter((promised < as_of) & on_its_way),
        "late_order",
        "support",
        "lifecycle",
        "order_id",
        told,
        amount=pl.col("amount"),
        due_on=promised,
        seen_on=promised + pl.duration(days=1),
    )


def missing_rates(without: pl.DataFrame) -> pl.DataFrame:
    """Ask for the exchange or tax rates without which amounts are left out of every sum.

    Args:
        without: currency, lines of sales without an amount in the reporting currency.
    """
    told = pl.format(
        "{} sold in {} {} in no total, since no exchange rate or tax rate is known for the day: send it.",
        _some("lines", "line"),
        "currency",
        _verb("lines", "is", "are"),
    )
    return _items(without, "missing_rate", "operator", "trends", "currency", told)


def orders_rejected(rejected: pl.DataFrame) -> pl.DataFrame:
    """Tell of orders that a gate rejected, one item per gate: they come back when what is missing comes.

    Args:
        rejected: gate, orders, amount, seen_on of orders that open findings reject.
    """
    told = pl.format(
        "{} {} rejected by gate {}: deliver what is missing or mend it, and every order is judged again.",
        _some("orders", "order"),
        _verb("orders", "is", "are"),
        "gate",
    )
    return _items(
        rejected,
        "orders_rejected",
        "operator",
        "lifecycle",
        "gate",
        told,
        amount=pl.col("amount"),
        seen_on=pl.col("seen_on"),
    )


def missing_feeds(feeds: Sequence[str], as_of: date) -> pl.DataFrame:
    """Ask for the files that were expected and did not come.

    Args:
        feeds: the feeds.
        as_of: the night.
    """
    rows = pl.DataFrame({"feed": list(feeds)}, schema={"feed": pl.String})
    told = pl.format(
        "No file of {} came, which is expected; until it comes nothing is ordered, unless a decision `stage` `reorder` approves it.",
        "feed",
    )
    return _items(rows, "missing_feed", "operator", "intake", "feed", told, due_on=pl.lit(as_of))


def oversold(positions: pl.DataFrame) -> pl.DataFrame:
    """Ask for a count, or for goods, where more left than was there.

    Args:
        positions: sku, location_id, on_hand, value of positions below 0.
    """
    rows = positions.with_columns(place=pl.format("{}@{}", "sku", "location_id"), short=-pl.col("on_hand"))
    told = pl.format(
        "{} is oversold by {} at {}: count it, or deliver the missing receipt.", "sku", "short", "location_id"
    )
    return _items(rows, "oversold", "operator", "stock", "place", told, amount=-pl.col("value"))


def purchases_to_decide(proposals: pl.DataFrame) -> pl.DataFrame:
    """Ask to decide on what is proposed, one item per supplier; due on the first day on which ordering is still in time.

    Args:
        proposals: supplier_id, amount_r, order_by of tonight's proposals that nobody skipped or sent.
    """
    rows = proposals.group_by("supplier_id").agg(
        pl.len().alias("lines"), pl.col("amount_r").sum(), pl.col("order_by").min()
    )
    told = pl.format("Decide on {} from {}.", _some("lines", "proposed purchase"), "supplier_id")
    return _items(
        rows,
        "purchase",
        "planner",
        "reorder",
        "supplier_id",
        told,
        amount=pl.col("amount_r"),
        due_on=pl.col("order_by"),
    )


def purchases_to_chase(supplies: pl.DataFrame) -> pl.DataFrame:
    """Ask suppliers for what is overdue or was never confirmed.

    Args:
        supplies: Supply rows.
    """
    rows = supplies.filter(pl.col("chase").is_not_null()).with_columns(
        line=pl.format("{}/{}", "purchase_order_id", "line_no"),
        what=pl.col("chase").replace_strict(
            {
                "overdue": "was expected on {} and has not come",
                "long_overdue": "was expected on {} and is no longer relied on",
                "unconfirmed": "expected on {} was not confirmed and is no longer relied on",
            },
            return_dtype=pl.String,
        ),
    )
    what = pl.col("what").str.replace("{}", pl.col("expected_on").dt.to_string(), literal=True)
    told = pl.format("Ask {} for {} of {}: {} {}.", "supplier_id", "quantity", "sku", "line", what)
    return _items(rows, "chase_purchase", "planner", "reorder", "line", told, due_on=pl.col("expected_on"))


def received_on_closed(inbound: pl.DataFrame) -> pl.DataFrame:
    """Ask about goods that came in on a purchase that was cancelled.

    Args:
        inbound: Inbound rows in force.
    """
    rows = inbound.filter((pl.col("status") == "cancelled") & (pl.col("received_quantity") > 0)).with_columns(
        line=pl.format("{}/{}", "purchase_order_id", "line_no")
    )
    told = pl.format(
        "{} of {} came in on purchase {} of {}, which is cancelled: ask the supplier, or correct its status.",
        "received_quantity",
        "sku",
        "line",
        "supplier_id",
    )
    return _items(rows, "received_on_closed", "planner", "reorder", "line", told)


def unplannable(exceptions: pl.DataFrame) -> pl.DataFrame:
    """Ask for what is missing to plan an item.

    Args:
        exceptions: ReorderException rows of tonight.
    """
    rows = exceptions.with_columns(place=pl.format("{}@{}", "sku", "location_id"))
    return _items(rows, "not_planned", "planner", "reorder", "place", pl.col("sentence"))


def decisions_without_effect(refused: pl.DataFrame) -> pl.DataFrame:
    """Tell a planner of approvals that ordered nothing.

    Args:
        refused: RefusedDecision rows of tonight.
    """
    return _items(refused, "refused_decision", "planner", "reorder", "decision_id", pl.col("sentence"))


ACTIONS = {
    "order": ("release", "reject", "cancel", "approve", "ship_anyway"),
    "hold": ("release", "reject", "cancel", "approve"),
    "event": ("void", "ship_anyway"),
    "movement": ("void",),
    "payment": ("void",),
    "invoice": ("credit", "void"),
}
"""What may be decided about which subjects; of the others their own stages tell."""


def decisions_about_nothing(decisions: pl.DataFrame) -> pl.DataFrame:
    """Tell of decisions about what nobody knows, or that mean nothing for what they are about.

    Args:
        decisions: decision_id, subject, subject_id, action, is_known (whether there is such a subject), decided_on of the
            last days.
    """
    meant = pl.concat_str("subject", pl.lit("/"), "action").is_in(
        [f"{subject}/{action}" for subject, actions in ACTIONS.items() for action in actions]
    )
    about = pl.col("subject").replace("hold", "order")
    strange = pl.format(
        "Decision {} has no effect: `{}` cannot be decided about {} {}.",
        "decision_id",
        "action",
        about,
        "subject_id",
    )
    unknown = pl.format(
        "Decision {} has no effect: no {} {} is known; decide again with its right id.",
        "decision_id",
        about,
        "subject_id",
    )
    rows = decisions.filter(~meant | ~pl.col("is_known")).sort("decision_id")
    told = pl.when(meant).then(unknown).otherwise(strange)
    return _items(rows, "vain_decision", "operator", "lifecycle", "decision_id", told, seen_on=pl.col("decided_on"))


def half_transfers(transfers: pl.DataFrame) -> pl.DataFrame:
    """Ask for the other side of a transfer.

    Args:
        transfers: rows of `stock.unbalanced_transfers`.
    """
    rows = transfers.with_columns(
        subject=pl.concat_str("sku", pl.lit("/"), pl.coalesce("reference", pl.col("moved_on").dt.to_string()))
    )
    told = pl.format(
        "Transfer {} since {}: {} went out and {} came in; deliver the missing side when it arrives.",
        "subject",
        pl.col("moved_on").dt.to_string(),
        "quantity_out",
        "quantity_in",
    )
    return _items(rows, "half_transfer", "operator", "stock", "subject", told, seen_on=pl.col("moved_on"))


def orders_not_billed(exceptions: pl.DataFrame) -> pl.DataFrame:
    """Say of each order that could not be billed why not and what to do; a refused event is asked about elsewhere.

    Args:
        exceptions: order_id, reason, sentence, amount (reporting currency) of tonight's billing exceptions.
    """
    rows = (
        exceptions.filter(pl.col("reason") != "refused_fact")
        .sort("order_id", "reason")
        .group_by("order_id", maintain_order=True)
        .agg(pl.col("sentence").str.join(" "), pl.col("amount").first())
    )
    told = pl.format("Order {} is not billed. {}", "order_id", "sentence")
    return _items(rows, "not_billed", "billing", "billing", "order_id", told, amount=pl.col("amount"))


def refunds_to_pay(refunds: pl.DataFrame) -> pl.DataFrame:
    """Name each payment with money owed back.

    Args:
        refunds: RefundDue rows with amount_r in the reporting currency.
    """
    of = pl.when(pl.col("order_id").is_not_null()).then(pl.format(" for order {}", "order_id")).otherwise(pl.lit(""))
    told = pl.format(
        "{} {} of payment {}{} is owed back to {}: pay it back.",
        money.written(pl.col("amount"), pl.col("currency")),
        "currency",
        "payment_id",
        of,
        pl.coalesce("customer_id", pl.lit("the customer")),
    )
    seen_on = pl.col("since")
    return _items(
        refunds, "refund_due", "billing", "billing", "payment_id", told, amount=pl.col("amount_r"), seen_on=seen_on
    )


def payments_to_place(on_account: pl.DataFrame) -> pl.DataFrame:
    """Ask whose money it is that names an unknown invoice or order, or came in another currency.

    Args:
        on_account: PaymentOnAccount rows with amount_r in the reporting currency.
    """
    asks = {
        "unknown_invoice": "it names no invoice that is known; ask the payer",
        "unknown_order": "the order it names has not arrived; ask its sender",
        "other_currency": "its invoice is in another currency; exchange it or pay it back",
        "paid_back_too_much": "more was paid back than had been paid; claim it back",
    }
    rows = on_account.filter(pl.col("reason").is_in(list(asks)))
    told = pl.format(
        "Payment {} of {} {} pays nothing: {}.",
        "payment_id",
        money.written(pl.col("amount"), pl.col("currency")),
        "currency",
        pl.col("reason").replace_strict(asks, return_dtype=pl.String),
    )
    amount, seen_on = pl.col("amount_r").abs(), pl.col("received_on")
    return _items(rows, "payment_to_place", "billing", "billing", "payment_id", told, amount=amount, seen_on=seen_on)


def debts_to_collect(receivables: pl.DataFrame, reminders: pl.DataFrame, levels: pl.DataFrame) -> pl.DataFrame:
    """Name each open invoice of which the last reminder has been sent in vain.

    Args:
        receivables: Receivable rows of tonight with amount_r in the reporting currency.
        reminders: Reminder rows.
        levels: ReminderLevel rows.
    """
    last = levels.select(pl.col("level").max()).item()
    if last is None:
        return _items(receivables.clear(), "debt_to_collect", "billing", "billing", "invoice_number", pl.lit(""))
    sent = reminders.filter(pl.col("level") >= last).select("invoice_number", reminded_on="as_of")
    rows = receivables.join(sent.unique("invoice_number"), on="invoice_number", validate="1:1").filter(
        pl.col("as_of") > pl.col("reminded_on")
    )
    told = pl.format(
        "Invoice {} of {} is {} days overdue and its last reminder went out on {}: collect it.",
        "invoice_number",
        pl.coalesce("customer_id", pl.lit("an unknown customer")),
        "days_overdue",
        "reminded_on",
    )
    return _items(
        rows,
        "debt_to_collect",
        "billing",
        "billing",
        "invoice_number",
        told,
        amount=pl.col("amount_r"),
        due_on=pl.col("due_on"),
    )


def attention(found: list[pl.DataFrame], before: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Put together what needs a person tonight, most money first within its kind; long kinds end in one summary.

    Args:
        found: rows of the rules above.
        before: item_id, first_seen_on of the night before.
        as_of: the night.

    Returns:
        AttentionItem rows of this night, ordered by item_id.
    """
    rows = [frame for frame in found if frame.height]
    if not rows:
        return empty(AttentionItem)
    everything = pl.concat(rows, how="vertical_relaxed").sort(
        "kind", "amount", "item_id", descending=[False, True, False], nulls_last=True
    )
    ranked = everything.with_columns(rank=pl.int_range(pl.len()).over("kind"), of=pl.len().over("kind"))
    listed = ranked.filter(pl.col("rank") < SHOWN)
    more = (
        ranked.filter(pl.col("rank") >= SHOWN)
        .group_by("kind")
        .agg(
            pl.col("role", "page", "of").first(),
            amount=pl.col("amount").sum(),
            due_on=pl.col("due_on").min(),
            seen_on=pl.col("seen_on").min(),
        )
        .with_columns(
            item_id=pl.format("{}:more", "kind"),
            subject_id=pl.lit("more"),
            sentence=pl.format(
                "{} more of the kind: {}.", pl.col("of") - SHOWN, pl.col("kind").str.replace_all("_", " ")
            ),
        )
    )
    return (
        pl.concat([listed, more], how="diagonal_relaxed")
        .join(before, on="item_id", how="left", validate="1:1")
        .with_columns(as_of=pl.lit(as_of), first_seen_on=pl.coalesce("first_seen_on", "seen_on", pl.lit(as_of)))
        .select(polars_schema(AttentionItem).names())
        .cast(polars_schema(AttentionItem))
        .sort("item_id")
    )
