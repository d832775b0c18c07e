"""Where are the orders, how long have they been there, and which ones need a push?"""

from typing import Any

import polars as pl
import streamlit as st

from dashboards import charts, layout, queries, wording
from dashboards.queries import Scope, lifecycle
from dashboards.wording import count, money, whole

AGES = ("0–1", "2–3", "4–7", "8–14", "15+")


def figures(scope: Scope) -> None:
    """Open, late, held."""
    counts = lifecycle.open_counts(scope)
    usual = lifecycle.usual_days(scope)
    with layout.figures(5):
        layout.figure(
            "Open orders",
            whole(counts["open"]),
            note="not delivered, not ended",
            help="Received, on hold, to ship or on the way.",
        )
        late = counts["late"]
        layout.figure(
            "Late",
            whole(late) if counts["promised"] else "–",
            note=wording.rate(late, counts["promised"]) + " of promised" if counts["promised"] else "no promises known",
            help="Open, and the promised day is over.",
        )
        layout.figure(
            "On hold",
            whole(counts["on_hold"]),
            note=f"{wording.rate(counts['on_hold'], counts['open'])} of open",
            help="A gate or a person holds them.",
        )
        age = counts["middle_age"]
        layout.figure(
            "Middle age",
            f"{age:.0f} {'day' if age == 1 else 'days'}" if age is not None else "–",
            note="half are younger",
            help="Median days since the order was placed, open orders.",
        )
        days = usual["to_ship"]
        layout.figure(
            "Usually shipped in",
            f"{days:.0f} {'day' if days == 1 else 'days'}" if days is not None else "–",
            note="95 % of 120 days",
            help="Orders of the last 120 days, store sales apart; slower ones count as slow to ship.",
        )


def where(scope: Scope) -> None:
    """Open orders by stage and age."""
    in_order = lifecycle.open_stages(scope)
    stages = lifecycle.stages(scope).filter(pl.col("stage").is_in(in_order))
    is_waiting = (pl.col("stage") != "in_transit") & pl.col("age").is_in(["8–14", "15+"])
    waiting = int(stages.filter(is_waiting)["orders"].sum())
    title = (
        f"{count(waiting, 'order has', 'orders have')} waited over a week to ship"
        if waiting
        else "No order has waited over a week to ship"
    )
    layout.chart(
        charts.stage_ages(stages, in_order, AGES) if stages.height else None,
        title,
        key="where",
        note=f"open orders as of {wording.day(scope.as_of)}, whenever placed",
        empty="No order is open.",
    )


def reached(scope: Scope) -> None:
    """How many of the orders placed in the period reached each step."""
    found = lifecycle.funnel(scope)
    steps = [
        (label, found[name])
        for label, name in (
            ("Placed", "placed"),
            ("Confirmed", "confirmed"),
            ("Shipped", "shipped"),
            ("Delivered", "delivered"),
        )
    ]
    lost = [
        f"{whole(found[name])} {words}"
        for name, words in (
            ("cancelled", "cancelled"),
            ("rejected", "rejected"),
            ("on_hold", "on hold"),
            ("returned", "returned"),
        )
        if found[name]
    ]
    title = f"{wording.rate(found['delivered'], found['placed'])} of the orders are delivered" + (
        f"; {wording.listed(lost)}" if lost else ""
    )
    layout.chart(
        charts.funnel(steps) if found["placed"] else None,
        title,
        key="funnel",
        note=f"orders placed {wording.span(scope.start, scope.end)}, shares of those placed",
        empty=f"No order was placed for {layout.opened().said}.",
    )


def durations(scope: Scope) -> None:
    """How long each step takes."""
    labels = {
        "confirmed": "Placed → confirmed",
        "shipped": "Placed → shipped",
        "delivered": "Shipped → delivered",
        "door_to_door": "Placed → delivered",
    }
    steps = lifecycle.step_days(scope).filter(pl.col("orders") > 0)
    rows = [(labels[row["step"]], row["half"], row["most"], row["orders"]) for row in steps.iter_rows(named=True)]
    whole_way = next((row for row in rows if row[0] == labels["door_to_door"]), None)
    title = (
        f"Half of the orders arrive within {whole_way[1]:.0f} days, nine of ten within {whole_way[2]:.0f}"
        if whole_way
        else "How long the steps take"
    )
    layout.chart(
        charts.ranges(rows) if rows else None,
        title,
        key="durations",
        note="days; large dot: half of the orders, small dot: nine of ten, of those that made it",
        empty="No order of the period has made a step yet.",
    )


def troubles(scope: Scope) -> str | None:
    """Late and slow orders; the one chosen, if any."""
    orders = lifecycle.open_orders(scope)
    late = orders["days_late"].count()
    more = " or more" if orders.height >= queries.ROWS_SHOWN else ""
    layout.heading(
        "Orders that need a push",
        f"{count(orders.height, 'order')}{more}: {whole(late)} late, the others held, slower than 95 % of recent "
        "orders or with a refused fact. Choose a row to see its story.",
    )
    shown = orders.with_columns(pl.col("stage").replace(wording.STAGES))
    titles = {
        "stage": ("Stage", "Where the order is."),
        "trouble": (
            "Trouble",
            "Late: the promised day is over. Slow: longer than 95 % of recent orders. Held: over a day.",
        ),
        "days_late": ("Days late", "Days since the promised day."),
        "age_days": ("Age (days)", "Days since it was placed."),
        "goods_amount": ("Goods", "Quantity x price over its lines, in the currency of the row."),
    }
    row = layout.table(
        shown,
        key="troubles",
        tables=("orders",),
        titles=titles,
        choose=True,
        empty="No order is late, slow or stuck.",
        total=None if orders.height < queries.ROWS_SHOWN else orders.height,
        whole=lambda: lifecycle.open_orders(scope, limit=queries.ROWS_DOWNLOADED),
        file="orders_that_need_a_push",
    )
    return orders["order_id"][row] if row is not None else None


def standing(scope: Scope) -> None:
    """What the gates found and still stands."""
    gates = lifecycle.findings_by_gate(scope)
    layout.heading("What the gates found", "Findings that stand stop or warn about an order until somebody acts.")
    if gates.is_empty():
        layout.nothing("No gate found anything.")
        return
    open_gates = gates.filter(pl.col("open") > 0)
    left, right = st.columns([2, 3], gap="medium")
    with left:
        names = [f"{wording.words(row['gate'])} ({row['severity']})" for row in open_gates.iter_rows(named=True)]
        title = (
            f"{names[0].split(' (')[0]} stands most often: {count(open_gates['open'][0], 'finding')}"
            if names
            else "No finding stands"
        )
        layout.chart(
            charts.ranked(names, open_gates["open"].to_list(), None, "findings") if names else None,
            title,
            key="gates",
            note="standing findings by gate",
            empty="All findings are gone.",
        )
    with right:
        titles = {
            "goods_amount": ("Goods", "Of the order, in the currency of the row."),
            "as_of": ("Since", "The night that found it first."),
        }
        found = lifecycle.findings(scope)
        layout.table(
            found.head(queries.ROWS_SHOWN),
            key="findings",
            tables=("order_findings", "orders"),
            titles=titles,
            whole=lambda: found,
            total=found.height,
            empty="No finding stands.",
            height=330,
        )


def story(scope: Scope, order_id: str) -> None:
    """One order: where it stands, its lines, and what happened to it in words."""
    order = lifecycle.order(scope, order_id)
    if order is None:
        layout.nothing(
            f"No order {order_id} is known as of {wording.day(scope.as_of)}.",
            "Look for a typing error, or choose a newer night.",
        )
        return
    with st.container(border=True, key="card_order"):
        stage = wording.STAGES.get(order["stage"], order["stage"])
        st.html(f'<div class="oh-title"><h3>Order {wording.plain(order_id)}: {wording.plain(stage.lower())}</h3></div>')
        layout.facts(
            {
                "Placed": wording.day(order["ordered_on"]),
                "Channel": wording.name("channel", order["channel"]),
                "Country": wording.country(order["country"]) if order["country"] else "unknown",
                "Status": wording.words(order["status"]),
                "Goods are": wording.words(order["fulfilment"]),
                "Promised": wording.day(order["promised_on"] or order["first_promised_on"]),
                "Shipped": wording.day(order["shipped_on"]),
                "Delivered": wording.day(order["delivered_on"]),
                "Goods": money(order["goods_amount"], order["currency"]),
                "Discount": money(order["discount_amount"], order["currency"]),
            }
        )
        if order["has_refused_fact"]:
            layout.note(
                "A physical fact was refused: nothing more is done for this order until a decision voids it or says ship_anyway."
            )
        events = lifecycle.order_timeline(scope, order_id)
        told = [in_words(row) for row in events.iter_rows(named=True)]
        if events["occurred_at"].n_unique() > 1:
            names = [wording.EVENTS.get(event, event) for event in events["event"].to_list()]
            st.plotly_chart(
                charts.story(events["occurred_at"].to_list(), names, [kind for kind, _ in told]),
                theme=None,
                key="story",
                alt=f"What happened to order {order_id}",
                config={"displayModeBar": False},
            )
        shown = events.select(
            "occurred_at",
            pl.Series("what", [text for _, text in told], dtype=pl.String),
            "line_no",
            "quantity",
            pl.col("source").replace({"feed": "told", "night": "the night"}),
            "carrier",
            "tracking_no",
        )
        layout.table(
            shown,
            key="timeline",
            tables=("order_timeline",),
            titles={"what": ("What happened", "The event, and whether it counted.")},
            empty="Nothing was told about it yet.",
            whole=lambda: events,
            file=f"order_timeline_{wording.file_name(order_id)}",
        )
        st.html('<div class="oh-title"><h3>Lines</h3></div>')
        layout.table(
            lifecycle.order_lines(scope, order_id),
            key="lines",
            tables=("order_lines", "products"),
            empty="The order has no lines yet.",
            file=f"order_lines_{wording.file_name(order_id)}",
        )
        found = lifecycle.order_findings(scope, order_id)
        if found.height:
            st.html('<div class="oh-title"><h3>What the gates found</h3></div>')
            layout.table(
                found,
                key="order_findings",
                tables=("order_findings",),
                file=f"order_findings_{wording.file_name(order_id)}",
            )


def in_words(event: dict[str, Any]) -> tuple[str, str]:
    """An event of a timeline as its kind (told, decided, strange, refused) and a sentence."""
    name = wording.EVENTS.get(event["event"], event["event"])
    if not event["is_accepted"]:
        why = wording.REFUSALS.get(event["reason"] or "", event["reason"] or "no reason given")
        return "refused", f"{name} was refused: {why}. It changed nothing."
    if event["anomaly"]:
        return "strange", f"{name}, but {wording.ANOMALIES.get(event['anomaly'], event['anomaly'])}."
    if event["source"] == "night":
        return "decided", f"{name} by the night" + (
            f": {wording.words(event['reason']).lower()}." if event["reason"] else "."
        )
    return "told", f"{name}: {event['reason']}" if event["reason"] else f"{name}."


def page() -> None:
    """Lifecycle of orders."""
    at = layout.opened()
    scope = at.scope
    with st.container(key="find_order"):
        wanted = st.text_input(
            "Order",
            key="order",
            bind="query-params",
            placeholder="Order number",
            help="Shows everything about one order.",
            max_chars=64,
            width=320,
        )
    spot = st.container()
    figures(scope)
    left, right = st.columns(2, gap="medium")
    with left:
        where(scope)
    with right:
        reached(scope)
    durations(scope)
    chosen = troubles(scope)
    if chosen:
        story(scope, chosen)
    standing(scope)
    if wanted and not chosen:
        with spot:
            story(scope, wanted.strip())


page()
