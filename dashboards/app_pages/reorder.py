"""What should be bought today, from whom and why, and what has been decided?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import streamlit as st

from dashboards import filters, layout, queries, wording
from dashboards.charts import goods
from dashboards.queries import Scope, reorder
from dashboards.wording import count, money, plain, whole
from models.rules import explained_reorder
from pipelines.workspace import Decision, OrderhouseError, decision_id, find

TO_DECIDE = "to decide"
UNNAMED = "Enter your name above the proposals to decide."
TOLD, WRONG, PLANNER = "reorder_told", "reorder_wrong", "planner"
Row = Mapping[str, Any]
TITLES = {
    "status": ("Status", "Decided lines wait for the next night, which orders what is approved."),
    "to_order": ("To order", "The quantity proposed, or the one a planner entered."),
    "supplier_name": ("Supplier", "Who it is bought from."),
    "supplier_id": ("Supplier ID", "Its number in the feeds."),
    "order_on": ("Order day", "The day it can be ordered: tonight's, or the supplier's next order day."),
    "order_by": ("Order by", "The last day on which ordering is still in time."),
    "location_id": ("Location", "Where it shall arrive."),
    "name": ("Name", "The product's name."),
    "abc": ("ABC", "The class planned with."),
    "amount_r": ("Amount", "Quantity to order x cost, in the reporting currency."),
    "notes": ("Note", "What a planner should know of it."),
    "lines": ("Lines", "Lines proposed."),
    "open": ("To decide", "Lines that nobody has decided on."),
    "minimum": ("Minimum", "The least amount of an order, in the supplier's currency."),
    "short": ("Missing", "What all proposals of the supplier lack to its minimum, in its currency."),
    "days_late": ("Days late", "Days since the day it was expected."),
    "chase": ("Why", "Why the supplier should be asked."),
    "is_counted": ("Relied on", "Whether it still counts as supply."),
    "decided_by": ("By", "Who decided."),
    "decided_at": ("At", "When, in UTC."),
    "action": ("Decision", "What was decided."),
    "approved_by": ("Approved by", "Who approved it; auto = by its amount."),
}


@dataclass(frozen=True)
class Known:
    """What has been decided and waits for the next night: the last decision on each proposal, and all of them."""

    last: dict[str, Decision]
    every: list[Decision]
    is_newest: bool


def known(scope: Scope) -> Known:
    """Decisions still in landing, and those that were taken in but that no publication knows yet."""
    workspace = find()
    newest = workspace.pointer()
    is_newest = newest is not None and str(newest.file) == scope.file
    if not is_newest:
        return Known({}, [], is_newest)
    published = set(reorder.decisions(scope)["decision_id"])
    waiting = [
        found
        for found in workspace.decided(scope.as_of)
        if found.subject == "reorder" and found.decision_id not in published
    ]
    return Known({found.subject_id: found for found in waiting}, waiting, is_newest)


def said(decided: Decision) -> str:
    """A decision in a few words."""
    quantity = whole(decided.quantity) if decided.quantity is not None else "as proposed"
    return {
        "approve": f"approved: {quantity}",
        "change": f"changed to {quantity}, not approved",
        "skip": f"skipped: {decided.reason or 'no reason given'}",
    }.get(decided.action, decided.action)


def standing(proposals: pl.DataFrame, decided: Known) -> pl.DataFrame:
    """The proposals with where they stand, the quantity to order and its amount; suppliers by urgency."""
    schema: dict[str, Any] = {"proposal_id": pl.String, "said": pl.String, "decided": pl.Int64}
    last = [(subject, said(found), found.quantity) for subject, found in decided.last.items()]
    notes = pl.col("flags").list.join(", ").str.replace_all("_", " ", literal=True)
    status = (
        pl.when(pl.col("purchase_order_id").is_not_null())
        .then(pl.format("ordered: {}", pl.col("purchase_order_id").fill_null("")))
        .when(pl.col("said").is_not_null())
        .then("said")
        .when(pl.col("skipped_until").is_not_null())
        .then(pl.format("skipped until {}", pl.col("skipped_until").dt.strftime("%a %-d %b").fill_null("")))
        .when("waits_for_budget")
        .then(pl.lit("waits for the budget"))
        .otherwise(pl.lit(TO_DECIDE))
    )
    amount = (pl.col("to_order").cast(pl.Decimal(38, 4)) * pl.col("amount_r") / pl.col("quantity")).round(2)
    return (
        proposals.join(
            pl.DataFrame(last, schema=schema, orient="row"), on="proposal_id", how="left", maintain_order="left"
        )
        .with_columns(status=status, to_order=pl.coalesce("decided", "quantity"), notes=notes)
        .with_columns(
            amount_r=pl.when(pl.col("to_order") == pl.col("quantity")).then("amount_r").otherwise(amount),
            urgent_on=pl.col("order_by").min().over("supplier_id"),
        )
        .sort("urgent_on", "supplier_name", "supplier_id", "order_by", maintain_order=True)
        .drop("urgent_on", "said", "decided")
    )


# Deciding


def decide(scope: Scope, rows: Sequence[Row], action: str, by: str, decided: Known, **more: Any) -> None:
    """Write what the planner decided as one feed file; the same click on the same sight is one decision."""
    now = datetime.now(UTC)
    reason = (more.get("reason") or "").strip() or None
    made = []
    for row in rows:
        subject, quantity = row["proposal_id"], more.get("quantity", row["to_order"]) if action != "skip" else None
        before = decided.last.get(subject)
        seen = (scope.as_of, subject, action, quantity, reason, before.decision_id if before else "")
        made.append(Decision(decision_id("reorder", *seen), "reorder", subject, action, quantity, by, now, reason))
    try:
        file = find().decide(made, since=scope.as_of)
    except OrderhouseError as error:
        st.session_state[WRONG] = str(error)
        return
    what = rows[0]["sku"] if len(rows) == 1 else count(len(rows), "line")
    does = {
        "approve": "is approved: the next night orders it."
        if len(rows) == 1
        else "are approved: the next night orders them.",
        "skip": "is skipped until the supplier's next order day."
        if len(rows) == 1
        else "are skipped until the next order day.",
        "change": "has a new quantity, which still waits for an approval.",
    }[action]
    st.session_state[TOLD] = f"{what} {does}" if file is not None else f"{what}: decided already."


def told() -> None:
    """What became of the last click."""
    for name, look in ((TOLD, "told"), (WRONG, "wrong")):
        text = st.session_state.pop(name, None)
        if text:
            st.html(f'<div class="oh-banner {look}" role="status">{plain(text)}</div>')


def planner() -> str:
    """Who decides: who is logged in, else who says so, once for all pages and lines."""
    user = st.user.to_dict() if st.user else {}
    if user.get("is_logged_in"):
        return str(user.get("email") or user.get("name") or user.get("sub"))
    name = st.text_input(
        "Your name",
        value=st.session_state.get(PLANNER, ""),
        key="your_name",
        max_chars=100,
        placeholder="stands beside your decisions",
        width=250,
    )
    st.session_state[PLANNER] = name.strip()
    return name.strip()


def panel(scope: Scope, row: Row, decided: Known, name: str) -> int:
    """Decide on one line; the quantity that stands in the field."""
    subject = row["proposal_id"]
    last = decided.last.get(subject)
    quantity = int(
        st.number_input(
            "Quantity",
            min_value=1,
            max_value=1_000_000_000,
            value=row["to_order"],
            step=row["pack_size"],
            key=f"quantity_{scope.as_of}_{subject}_{last.decision_id if last else ''}",
            help="What is ordered when you approve. A change alone orders nothing, and holds until the next night proposes anew.",
            disabled=not decided.is_newest or row["purchase_order_id"] is not None,
        )
        or row["to_order"]
    )
    told_of = [f"{row['quantity']:,} proposed"] if quantity != row["quantity"] else []
    if row["pack_size"] > 1:
        packs, loose = divmod(quantity, row["pack_size"])
        told_of.append(
            f"{count(packs, 'pack')} of {whole(row['pack_size'])}" + (f" and {whole(loose)} loose" if loose else "")
        )
    if quantity < row["minimum_order_quantity"]:
        told_of.append(f"the supplier sells at least {whole(row['minimum_order_quantity'])}")
    cost = row["unit_cost"]
    told_of.append(money(cost * quantity, row["currency"] or "") if cost is not None else "cost unknown")
    layout.note("; ".join(told_of))
    if not decided.is_newest:
        layout.note("This is an earlier night: decisions are taken on the newest one.")
        return quantity
    if row["purchase_order_id"]:
        layout.note(f"It is ordered already, as {row['purchase_order_id']}.")
        return quantity
    if not name:
        layout.note(UNNAMED)
    is_same = last is not None and last.action == "approve" and last.quantity == quantity
    st.button(
        f"Approve {whole(quantity)}",
        key=f"approve_{subject}",
        type="primary",
        width="stretch",
        disabled=not name or is_same,
        on_click=decide,
        args=(scope, [row], "approve", name, decided),
        kwargs={"quantity": quantity},
    )
    st.button(
        "Only change the quantity",
        key=f"change_{subject}",
        width="stretch",
        disabled=not name or quantity == row["to_order"],
        help="Notes the quantity; somebody still has to approve it.",
        on_click=decide,
        args=(scope, [row], "change", name, decided),
        kwargs={"quantity": quantity},
    )
    skip(scope, [row], name, decided, key=subject)
    if last is not None:
        layout.note(
            f"{wording.words(said(last))}, by {last.decided_by}; waits for the next night. The last decision counts."
        )
    return quantity


def skip(scope: Scope, rows: Sequence[Row], name: str, decided: Known, *, key: str, width: Any = "stretch") -> None:
    """Skip lines, with a reason."""
    lines = "Skip" if len(rows) == 1 else f"Skip {whole(len(rows))} lines"
    with st.popover(f"{lines} …", width=width, key=f"skipping_{key}"):
        reason = st.text_input("Reason", key=f"reason_{key}", max_chars=500, placeholder="why it is not bought now")
        st.button(
            lines,
            key=f"skip_{key}",
            width="stretch",
            disabled=not name or not reason.strip(),
            help=None if name and reason.strip() else "It takes your name, and a reason.",
            on_click=decide,
            args=(scope, rows, "skip", name, decided),
            kwargs={"reason": reason},
        )


def bulk(scope: Scope, rows: Sequence[Row], decided: Known, name: str, words: str, *, key: str) -> None:
    """Decide on several lines at once, in the quantities shown."""
    open_rows = [row for row in rows if row["status"] == TO_DECIDE or "not approved" in row["status"]]
    amounts = [row["amount_r"] for row in open_rows if row["amount_r"] is not None]
    unknown = len(open_rows) - len(amounts)
    suppliers = len({row["supplier_id"] for row in open_rows})
    layout.note(
        f"{words}: {count(len(open_rows), 'line')} to decide from {count(suppliers, 'supplier')}, "
        f"{money(sum(amounts, Decimal(0)), layout.opened().currency)}"
        + (f" and {count(unknown, 'line')} of unknown cost" if unknown else "")
        + "."
    )
    if len(open_rows) < len(rows):
        layout.note(
            f"{count(len(rows) - len(open_rows), 'line is', 'lines are')} decided, skipped, ordered or waiting for the budget."
        )
    if not open_rows:
        return
    if not name:
        layout.note(UNNAMED)
    with st.container(horizontal=True, gap="small"):
        st.button(
            f"Approve {count(len(open_rows), 'line')}",
            key=f"approve_all_{key}",
            type="primary",
            disabled=not name,
            on_click=decide,
            args=(scope, open_rows, "approve", name, decided),
        )
        skip(scope, open_rows, name, decided, key=key, width="content")


# What is shown


def figures(scope: Scope, lines: pl.DataFrame, decided: Known, currency: str) -> None:
    """What there is to decide, how urgent it is, and what waits."""
    open_lines = lines.filter(pl.col("status") == TO_DECIDE)
    soon = open_lines.filter(pl.col("order_by") <= scope.as_of + timedelta(days=1))
    approved = [found for found in decided.last.values() if found.action == "approve"]
    short = lines.filter(pl.col("supplier_short_amount") > 0)["supplier_id"].n_unique()
    chase = reorder.counts(scope)["chase"]
    shown = (
        (
            "To decide",
            whole(open_lines.height),
            money(open_lines["amount_r"].sum(), currency),
            "Proposed lines nobody has decided on.",
        ),
        (
            "Urgent",
            whole(soon.height),
            "to order by tomorrow",
            "Ordered later, they fall below their safety stock before they arrive.",
        ),
        (
            "Approved",
            whole(len(approved)),
            "waiting for the night",
            "Decisions that the next night turns into purchase orders.",
        ),
        (
            "Below minimum",
            whole(short),
            "suppliers",
            "All proposals of the supplier together are below the least amount of an order.",
        ),
        ("To chase", whole(chase), "late or unconfirmed", "Purchases that the supplier should be asked about."),
    )
    with layout.figures(5):
        for label, value, note, help_text in shown:
            layout.figure(label, value, note=note, help=help_text)


def suppliers(scope: Scope, lines: pl.DataFrame, currency: str) -> pl.DataFrame:
    """What is proposed from each supplier, against its least amount; the lines of the one chosen, else all."""
    found = (
        lines.group_by("supplier_id", maintain_order=True)
        .agg(
            pl.col("supplier_name").first(),
            lines=pl.len().cast(pl.Int64),
            open=(pl.col("status") == TO_DECIDE).sum().cast(pl.Int64),
            amount_r=pl.col("amount_r").sum(),
            minimum=pl.col("min_order_amount").first(),
            short=pl.col("supplier_short_amount").first(),
            supplier_currency=pl.col("supplier_currency").first(),
            order_on=pl.col("order_on").min(),
            order_by=pl.col("order_by").min(),
        )
        .select("supplier_name", "supplier_id", pl.exclude("supplier_name", "supplier_id"))
    )
    below = found.filter(pl.col("short") > 0).height
    layout.heading(
        "By supplier",
        f"{count(found.height, 'supplier')}, the most urgent first"
        + (f"; {count(below, 'one is', 'are')} below the least amount of an order" if below else "")
        + ". Choose one to see its lines only, and to decide on all of them at once.",
    )
    chosen = layout.table(
        found,
        key="suppliers",
        choose=True,
        of=filters.digest(scope),
        tables=("reorder_proposals",),
        titles=TITLES
        | {
            "amount_r": (f"Amount ({currency})", "Of the lines shown."),
            "supplier_currency": ("Currency", "The supplier's."),
        },
        height=None if found.height < 8 else 300,
        file="reorder_by_supplier",
    )
    return lines if chosen is None else lines.filter(pl.col("supplier_id") == found["supplier_id"][chosen])


def workbench(scope: Scope, lines: pl.DataFrame, decided: Known, currency: str) -> None:
    """The proposals, and deciding on them."""
    layout.heading(
        "Proposals",
        "Tick a line to see why it is proposed and to decide on it; tick several to decide on them together.",
    )
    told()
    one = lines["supplier_id"].n_unique() == 1
    name = ""
    if decided.is_newest:
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="who"):
            name = planner()
            if one and lines.height > 1:
                supplier = lines["supplier_name"][0] or lines["supplier_id"][0]
                words = f"Approve all {whole(lines.height)} shown of {wording.literal(supplier)} …"
                with st.popover(words, key="all_shown"):
                    bulk(scope, lines.to_dicts(), decided, name, "All shown", key="shown")
    shown = lines.select(
        "status", "sku", "name", "supplier_name", "location_id", "abc", "to_order", "amount_r", "order_by", "needed_on",
        "on_hand", "promised", "inbound", "lowest_balance", "safety_stock", "notes", "sentence",
    )  # fmt: skip
    chosen = layout.chosen_rows(
        shown.head(queries.ROWS_SHOWN),
        key="proposals",
        mode="multi-row",
        tables=("reorder_proposals", "products"),
        titles=TITLES | {"amount_r": (f"Amount ({currency})", TITLES["amount_r"][1])},
        whole=lambda: lines,
        total=lines.height,
        height=400 if lines.height > 9 else None,
        file="reorder_proposals",
        of=f"{filters.digest(scope)}_{wording.file_name(lines['supplier_id'][0]) if one else ''}",
    )
    export(scope, lines)
    if len(chosen) > 1:
        with st.container(border=True, key="card_chosen"):
            bulk(scope, [lines.row(row, named=True) for row in chosen], decided, name, "Ticked", key="chosen")
        return
    line(scope, lines.row(chosen[0] if chosen else 0, named=True), decided, name, is_ticked=bool(chosen))


def export(scope: Scope, lines: pl.DataFrame) -> None:
    """The lines shown as a supplier reads them, without those that are skipped."""
    titles = {
        "supplier_name": "Supplier",
        "supplier_sku": "Your number",
        "sku": "Our number",
        "name": "Name",
        "barcode": "Barcode",
        "to_order": "Quantity",
        "unit_cost": "Unit cost",
        "cost": "Amount",
        "currency": "Currency",
        "location_name": "Deliver to",
        "first_arrival_on": "Wanted by",
    }

    def made() -> pl.DataFrame:
        bought = lines.filter(~pl.col("status").str.starts_with("skipped"))
        return bought.with_columns(
            cost=(pl.col("unit_cost") * pl.col("to_order")).round(2),
            location_name=pl.coalesce("location_name", "location_id"),
        ).select(list(titles))

    named = (
        lines["supplier_name"][0] or lines["supplier_id"][0] if lines["supplier_id"].n_unique() == 1 else "suppliers"
    )
    stem = f"order_{wording.file_name(named)}_{scope.as_of}"
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="downloads_supplier"):
        st.html(
            '<span class="oh-quiet">For the supplier: the lines shown, in the quantities to order, skipped ones apart</span>'
        )
        layout.download("CSV", lambda: layout.as_csv(made().rename(titles)), f"{stem}.csv", "text/csv", "csv_supplier")
        layout.download(
            "XLSX",
            lambda: layout.as_xlsx(made(), "Order", titles),
            f"{stem}.xlsx",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            "xlsx_supplier",
        )


def line(scope: Scope, row: Row, decided: Known, name: str, *, is_ticked: bool) -> None:
    """One proposal: why, how its balance develops, and what to do with it."""
    facts = reorder.facts(scope, row["proposal_id"])
    plan = facts.plan
    with st.container(border=True, key="card_line"):
        place = row["location_name"] or row["location_id"]
        st.html(
            f'<div class="oh-title"><h3>{plain(row["sku"])}: {plain(row["name"] or "no name known")}</h3>'
            f"<p>{plain(place)}{'' if is_ticked else ' · the first line, until you tick another'}</p></div>"
            f'<p class="oh-plan">{plain(row["sentence"])}</p>'
        )
        left, right = st.columns([7, 3], gap="large")
        with right:
            quantity = panel(scope, row, decided, name)
        with left:
            ahead = reorder.days_ahead(scope, row["proposal_id"])
            st.plotly_chart(
                goods.days_ahead(
                    ahead["day"].to_list(),
                    ahead["balance"].to_list(),
                    ahead["inbound"].to_list(),
                    goods.Plan(
                        float(plan["safety_stock"]),
                        plan["order_on"],
                        plan["first_arrival_on"],
                        plan["last_arrival_on"],
                        plan["lowest_on"],
                        quantity,
                    ),
                ),
                theme=None,
                key="ahead",
                alt=f"Projected balance of {row['sku']}",
                config={"displayModeBar": False},
            )
            layout.note(
                "Units at the end of each day: on hand, less what is promised and expected to be asked for, plus what is due in "
                "(triangles). The lowest balance in the grey band decides: between the arrival of an order made now, and of one "
                "made at the next order day."
            )
        derivation = explained_reorder.derivation(facts)
        with st.expander("How the quantity comes about, step by step", key="derivation"):
            layout.definitions({found.topic: found.sentence for found in derivation})
        with st.expander("The days ahead in numbers", key="days", on_change="rerun") as opened:
            if opened.open:
                marked = [plan[name] for name in ("first_arrival_on", "needed_on", "lowest_on", "last_arrival_on")]
                told_days = explained_reorder.ahead(ahead, [day for day in marked if day is not None])
                layout.table(
                    told_days.rename({"day": "last_day"}),
                    key="ahead_days",
                    titles={
                        "first_day": ("From", "First day of the row."),
                        "last_day": ("To", "Last day of the row."),
                        "opening": ("Opening", "Balance before the first day."),
                        "promised": ("Promised", "Open orders due."),
                        "inbound": ("Due in", "Purchases due."),
                        "forecast": ("Forecast", "Expected beyond open orders."),
                        "balance": ("Balance", "At the end of the last day, if nothing is bought."),
                    },
                    whole=lambda: ahead,
                    file=f"days_ahead_{wording.file_name(row['proposal_id'])}",
                )


def pending(decided: Known) -> None:
    """What was decided and waits for the next night."""
    layout.heading(
        "Decided, waiting for the night", "The next night takes these in; of several on one line the last counts."
    )
    rows = [
        {
            "proposal_id": found.subject_id,
            "action": {"approve": "Approved", "skip": "Skipped", "change": "Changed"}.get(found.action, found.action),
            "quantity": found.quantity,
            "decided_by": found.decided_by,
            "decided_at": found.decided_at,
            "reason": found.reason,
        }
        for found in reversed(decided.every)
    ]
    schema: dict[str, Any] = {
        "proposal_id": pl.String,
        "action": pl.String,
        "quantity": pl.Int64,
        "decided_by": pl.String,
        "decided_at": pl.Datetime("us", "UTC"),
        "reason": pl.String,
    }
    layout.table(
        pl.DataFrame(rows, schema=schema),
        key="pending",
        tables=("reorder_proposals",),
        titles=TITLES,
        empty="Nothing waits: no line has been decided on since the night."
        if decided.is_newest
        else "This is an earlier night; choose the newest on the left to see what waits.",
        height=None if len(rows) < 8 else 300,
        file="decisions",
    )


def rest(scope: Scope, filtered_by: str) -> None:
    """What was sent, what to chase, what had no effect, what could not be planned."""
    tall = 330
    every = reorder.counts(scope)
    sent = reorder.purchase_orders(scope)
    layout.heading("Purchase orders sent", "A sent order is never changed; the newest first.")
    layout.table(
        sent.head(queries.ROWS_SHOWN),
        key="sent",
        tables=("purchase_orders", "products"),
        titles=TITLES | {"amount": ("Amount", "Quantity x cost, in the currency of the row.")},
        whole=lambda: sent,
        total=sent.height,
        empty=f"No purchase order for {filtered_by}." if every["orders"] else "No purchase order has been sent yet.",
        height=tall if sent.height > 8 else None,
        file="purchase_orders",
    )
    chase = reorder.to_chase(scope)
    layout.heading("To chase", "Ask the supplier: late, no longer relied on, or never confirmed.")
    layout.table(
        chase.with_columns(pl.col("chase").replace(wording.CHASES)).head(queries.ROWS_SHOWN),
        key="chase",
        tables=("supplies", "products", "suppliers"),
        titles=TITLES,
        whole=lambda: chase,
        total=chase.height,
        empty=f"Nothing is late or unconfirmed for {filtered_by}."
        if every["chase"]
        else "Nothing is late or unconfirmed.",
        height=tall if chase.height > 8 else None,
        file="purchases_to_chase",
    )
    left, right = st.columns(2, gap="medium")
    with left:
        refused = reorder.refused(scope)
        layout.heading("Decisions without effect", "Approvals of the last days that ordered nothing.")
        layout.table(
            refused,
            key="refused",
            tables=("refused_decisions", "decisions"),
            titles=TITLES,
            empty="Every approval ordered what it should.",
            height=tall if refused.height > 8 else None,
        )
    with right:
        exceptions = reorder.exceptions(scope)
        layout.heading("Could not be planned", "Until what is missing is delivered.")
        layout.table(
            exceptions,
            key="exceptions",
            tables=("reorder_exceptions",),
            titles=TITLES,
            empty="Everything in stock or in demand could be planned.",
            height=tall if exceptions.height > 8 else None,
        )


def nothing_proposed(scope: Scope, filtered_by: str, counts: Mapping[str, Any], next_on: date | None) -> None:
    """Say why no line is shown."""
    if counts["proposals"]:
        layout.nothing(
            f"None of the {count(counts['proposals'], 'proposal')} fits {filtered_by}.", "Take a filter away."
        )
    elif counts["plans"]:
        layout.nothing(
            f"Nothing has to be bought: all {count(counts['plans'], 'item')} planned stay above their safety stock.",
            f"What is on its way is due from {wording.day(next_on)} on." if next_on else "",
        )
    else:
        layout.nothing(
            f"Nothing is planned as of {wording.day(scope.as_of)}: no stock is known.",
            "Deliver stock_movements or stock_counts, products and suppliers; the next night proposes what to buy.",
        )


def page() -> None:
    """The planner's workbench."""
    at = layout.opened()
    scope = at.scope
    decided = known(scope)
    lines = standing(reorder.proposals(scope), decided)
    if lines.height:
        figures(scope, lines, decided, at.currency)
        workbench(scope, suppliers(scope, lines, at.currency), decided, at.currency)
    else:
        told()
        nothing_proposed(scope, at.said, reorder.counts(scope), reorder.next_due(scope))
    pending(decided)
    rest(scope, at.said)


page()
