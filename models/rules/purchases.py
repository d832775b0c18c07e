"""Purchases: what planners decide becomes orders to suppliers, and each unit on its way counts once."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import polars as pl

from models.tables.base import polars_schema
from models.tables.reorder import PurchaseOrderLine, RefusedDecision, Supply

ITEM = ["sku", "location_id"]
LINE = ["purchase_order_id", "line_no"]
PROPOSED = ["proposal_id", "proposed_on"]
UNCONFIRMED_DAYS = 7
OVERDUE_DAYS = 30
AUTO = "auto"


@dataclass(frozen=True)
class Purchases:
    """What is ordered, and the decisions that order nothing."""

    lines: pl.DataFrame
    refused: pl.DataFrame


def supplies(inbound: pl.DataFrame, ordered: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """List what is on its way, each unit once.

    A line we sent counts until the supplier's own line has its number or refers to it, then only that counts. A
    received line closes what is left of it; before that, what has not arrived yet stays open, and what is dated as
    received later than the night is expected whole. Overdue counts today;
    what is overdue for more than 30 days, and what nobody confirmed for 7, is no longer relied on. Lines that
    tonight's own proposals became count from tomorrow on, so that a night run again proposes the same.

    Args:
        inbound: Inbound rows.
        ordered: PurchaseOrderLine rows sent so far.
        as_of: the night.

    Returns:
        Supply rows, ordered by their key; every open line, counted or not.
    """
    is_future = (pl.col("received_on") > as_of).fill_null(False) & (pl.col("status") != "cancelled")
    their = inbound.filter(pl.col("ordered_on") <= as_of).with_columns(
        left=pl.when(is_future)
        .then("quantity")
        .when(pl.col("status").is_in(["ordered", "confirmed"]))
        .then(pl.col("quantity") - pl.col("received_quantity").fill_null(0))
        .otherwise(0)
    )
    answered = pl.concat(
        [their.select(answers=pl.format("{}/{}", *LINE)), their.select(answers="reference").drop_nulls()]
    ).unique()
    ours = (
        ordered.filter((pl.col("ordered_on") <= as_of) & (pl.col("proposed_on") < as_of))
        .with_columns(answers=pl.format("{}/{}", *LINE), left="quantity")
        .join(answered, on="answers", how="anti")
    )
    columns = [*LINE, "supplier_id", *ITEM, "left", "ordered_on", "expected_on"]
    overdue = (pl.lit(as_of) - pl.col("expected_on")).dt.total_days()
    age = (pl.lit(as_of) - pl.col("ordered_on")).dt.total_days()
    schema = polars_schema(Supply)
    return (
        pl.concat(
            [
                their.select(columns).with_columns(is_ours=pl.lit(False)),
                ours.select(columns).with_columns(is_ours=pl.lit(True)),
            ]
        )
        .filter(pl.col("left") > 0)
        .with_columns(
            quantity="left",
            due_on=pl.max_horizontal("expected_on", pl.lit(as_of)),
            chase=pl.when(overdue > OVERDUE_DAYS)
            .then(pl.lit("long_overdue"))
            .when(pl.col("is_ours") & (age >= UNCONFIRMED_DAYS))
            .then(pl.lit("unconfirmed"))
            .when(overdue > 0)
            .then(pl.lit("overdue")),
        )
        .with_columns(is_counted=~pl.col("chase").is_in(["long_overdue", "unconfirmed"]).fill_null(False))
        .select(schema.names())
        .cast(schema)
        .sort(LINE)
    )


def judged(proposed: pl.DataFrame, decisions: pl.DataFrame) -> pl.DataFrame:
    """Find the proposal each decision is about: the last one published before it was decided.

    Args:
        proposed: ReorderProposal rows with `published_at`; those without are not published yet.
        decisions: Decision rows; those on reorder count.

    Returns:
        The decisions on reorder, ordered by decided_at and decision_id, with proposal_id, decided (their own
        quantity) and the columns of the proposal (`proposed_on` is its night; none: there was no proposal).
    """
    about = (
        decisions.filter(pl.col("subject") == "reorder")
        .select("decision_id", "action", "decided_by", "decided_at", proposal_id="subject_id", decided="quantity")
        .sort("decided_at", "decision_id")
    )
    published = (
        proposed.filter(pl.col("published_at").is_not_null()).rename({"as_of": "proposed_on"}).sort("published_at")
    )
    return about.join_asof(
        published,
        left_on="decided_at",
        right_on="published_at",
        by="proposal_id",
        allow_exact_matches=False,
        check_sortedness=False,
    ).sort("decided_at", "decision_id")


def skips(proposed: pl.DataFrame, decisions: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Say what planners do not want for now: a skip holds until the supplier's next review, or until it is approved.

    Args:
        proposed: ReorderProposal rows of earlier nights with `published_at`.
        decisions: Decision rows up to tonight.
        as_of: the night.

    Returns:
        proposal_id, skipped_until; ordered by the first.
    """
    return (
        judged(proposed, decisions)
        .filter(pl.col("action").is_in(["skip", "approve"]) & pl.col("proposed_on").is_not_null())
        .unique("proposal_id", keep="last", maintain_order=True)
        .filter((pl.col("action") == "skip") & (pl.col("next_review_on") > as_of))
        .select("proposal_id", skipped_until="next_review_on")
        .sort("proposal_id")
    )


def purchase_orders(
    proposed: pl.DataFrame,
    decisions: pl.DataFrame,
    ordered: pl.DataFrame,
    as_of: date,
    *,
    auto_approve_below: Decimal = Decimal(0),
) -> Purchases:
    """Order what was approved, and by itself what costs less than a planner wants to be asked for.

    An approval buys the quantity it names, else the one last changed for the same proposal, else the proposed one;
    once per proposal and night. Of several decisions on one proposal the last counts. A change alone buys nothing. By
    itself is bought what tonight proposes (no `published_at`), in full, when its amount in the reporting currency is
    known and below the limit, nobody skipped it, and the budget holds. Approvals come first in a night and are supply
    already when it proposes; so this is asked twice, once with the decisions and what was published, once with
    tonight's proposals.

    Args:
        proposed: ReorderProposal rows with `published_at`.
        decisions: Decision rows in effect tonight.
        ordered: PurchaseOrderLine rows sent so far; what they hold is not ordered again.
        as_of: the night, and the day of the orders.
        auto_approve_below: amounts below this need nobody.

    Returns:
        lines: new PurchaseOrderLine rows, ordered by their key. A supplier gets one order per currency and night, and
            another one where it has got one of this day already.
        refused: decision_id, proposal_id, reason (no_proposal / superseded / already_ordered / no_quantity).
    """
    about = judged(proposed, decisions)
    changed = pl.when(pl.col("action") == "change").then("decided")
    last = pl.col("decision_id").last().over(PROPOSED)
    sent = ordered.select(*PROPOSED, is_sent=pl.lit(True)).unique()
    approved = (
        about.with_columns(changed=changed.forward_fill().over(PROPOSED))
        .filter(pl.col("action").is_in(["approve", "skip"]))
        .with_columns(is_last=pl.col("decision_id") == last)
        .filter(pl.col("action") == "approve")
        .join(ordered.select("decision_id").drop_nulls(), on="decision_id", how="anti", maintain_order="left")
        .join(sent, on=PROPOSED, how="left", validate="m:1", maintain_order="left")
        .with_columns(quantity=pl.coalesce("decided", "changed", "quantity"), approved_by="decided_by")
        .with_columns(
            reason=pl.when(pl.col("proposed_on").is_null())
            .then(pl.lit("no_proposal"))
            .when(~pl.col("is_last"))
            .then(pl.lit("superseded"))
            .when(pl.col("is_sent"))
            .then(pl.lit("already_ordered"))
            .when(pl.col("quantity") <= 0)
            .then(pl.lit("no_quantity"))
        )
    )
    by_itself = (
        proposed.filter(pl.col("published_at").is_null() & (pl.col("as_of") == as_of))
        .filter(pl.col("amount_r") < pl.lit(auto_approve_below, pl.Decimal(38, 4)))
        .filter(pl.col("skipped_until").is_null() & ~pl.col("waits_for_budget"))
        .rename({"as_of": "proposed_on"})
        .join(sent, on=PROPOSED, how="anti")
        .with_columns(approved_by=pl.lit(AUTO), decision_id=pl.lit(None, pl.String))
    )
    columns = [
        "supplier_id",
        *ITEM,
        "quantity",
        "unit_cost",
        "currency",
        "approved_by",
        "decision_id",
        *PROPOSED,
        "order_on",
        "first_arrival_on",
    ]
    bought = pl.concat([approved.filter(pl.col("reason").is_null()).select(columns), by_itself.select(columns)])
    refused = approved.filter(pl.col("reason").is_not_null())
    return Purchases(
        _numbered(bought, ordered, as_of), refused.select("decision_id", "proposal_id", "reason").sort("decision_id")
    )


def _numbered(bought: pl.DataFrame, ordered: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Put what is bought into orders: `PO-<day>-<supplier>-<which of that day>`."""
    stem = pl.format(f"PO-{as_of:%Y%m%d}-{{}}-", pl.col("supplier_id").str.slice(0, 40))
    before = (
        ordered.filter(pl.col("ordered_on") == as_of)
        .group_by(stem=stem)
        .agg(orders=pl.col("purchase_order_id").n_unique().cast(pl.Int64))
    )
    orders = (
        bought.select("supplier_id", "currency", stem=stem)
        .unique()
        .sort("supplier_id", "currency")
        .join(before, on="stem", how="left", validate="m:1", maintain_order="left")
        .with_columns(number=pl.int_range(1, pl.len() + 1).over("stem") + pl.col("orders").fill_null(0))
        .select("supplier_id", "currency", purchase_order_id=pl.format("{}{}", "stem", "number"))
    )
    lead = pl.col("first_arrival_on") - pl.col("order_on")
    schema = polars_schema(PurchaseOrderLine)
    return (
        bought.join(orders, on=["supplier_id", "currency"], nulls_equal=True, validate="m:1")
        .sort("purchase_order_id", *ITEM, "proposed_on")
        .with_columns(
            line_no=pl.int_range(1, pl.len() + 1).over("purchase_order_id"),
            ordered_on=pl.lit(as_of),
            expected_on=pl.max_horizontal("order_on", pl.lit(as_of)) + lead,
        )
        .select(schema.names())
        .cast(schema)
        .sort(LINE)
    )


def refusals(refused: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Say of approvals that ordered nothing what a planner can do.

    Args:
        refused: decision_id, proposal_id, reason.
        as_of: the night.

    Returns:
        RefusedDecision rows, ordered by decision.
    """
    told = {
        "no_proposal": "{} was not proposed before it was approved, so nothing was ordered; approve a proposal that is on show.",
        "superseded": "A later decision on {} counts instead of this approval.",
        "already_ordered": "{} was ordered already for this proposal; a new need is proposed anew.",
        "no_quantity": "{} was approved with a quantity of 0, so nothing was ordered; skip it, or name a quantity.",
    }
    schema = polars_schema(RefusedDecision)
    sentence = pl.col("reason").replace_strict(told, return_dtype=pl.String)
    return (
        refused.with_columns(
            as_of=pl.lit(as_of), sentence=sentence.str.replace("{}", pl.col("proposal_id"), literal=True)
        )
        .select(schema.names())
        .cast(schema)
        .sort("decision_id")
    )
