"""Certificate: what waits, what needs a person, and the proof of the night."""

import polars as pl

from models.rules import attention, certificate, money, stock
from models.tables.billing import PaymentOnAccount, Receivable, RefundDue, Reminder
from models.tables.certificate import AttentionItem, Proof
from models.tables.intake import FeedFile, WaitingRow
from models.tables.reorder import RefusedDecision, ReorderException, Supply
from models.tables.stock import StockLedger, StockPosition
from pipelines.stages.night import Night
from pipelines.warehouse import morning, nights, proofs


def proven(night: Night) -> int:
    """List what waits and what needs a person, and prove the night."""
    warehouse, tonight = night.warehouse, f"as_of = DATE '{night.as_of}'"
    waits = morning.waiting(warehouse, night.as_of, night.since)
    written = night.put(WaitingRow, waits, "true")
    files = warehouse.table(FeedFile)
    found = [
        attention.held_files(files, morning.given_up(warehouse)),
        attention.missing_feeds(night.missing_feeds, night.as_of),
        attention.orders_rejected(morning.orders_rejected(warehouse, night.rates_tonight)),
        attention.rejected_records(morning.open_rejects(warehouse)),
        attention.unclear_retractions(morning.unclear_retractions(warehouse)),
        attention.waiting_records(waits, night.as_of),
        attention.orders_on_hold(morning.orders_on_hold(warehouse), morning.open_holds(warehouse)),
        attention.refused_facts(morning.refused_facts(warehouse)),
        attention.late_orders(morning.open_promises(warehouse), night.as_of),
        attention.missing_rates(morning.without_rate(warehouse)),
        attention.oversold(warehouse.table(StockPosition, f"{tonight} AND on_hand < 0")),
        attention.half_transfers(stock.unbalanced_transfers(warehouse.table(StockLedger, "kind = 'transfer'"))),
        attention.purchases_to_decide(morning.open_proposals(warehouse, night.as_of)),
        attention.purchases_to_chase(warehouse.table(Supply)),
        attention.received_on_closed(night.rows("inbound")),
        attention.unplannable(warehouse.table(ReorderException, tonight)),
        attention.decisions_without_effect(warehouse.table(RefusedDecision, tonight)),
        attention.decisions_about_nothing(morning.recent_decisions(warehouse, night.as_of)),
    ]
    found += _billing(night)
    before = nights.last_night(warehouse, night.as_of)
    known = warehouse.table(AttentionItem, "as_of = ?", [before]).select("item_id", "first_seen_on")
    written += night.put(AttentionItem, attention.attention(found, known, night.as_of), tonight)
    proof = certificate.certificate(night.as_of, proofs.compared(warehouse, night.as_of, acts=night.acts))
    written += night.put(Proof, proof, tonight)
    nights.close(warehouse, night.as_of, night.fingerprint, acts=night.acts)
    return written


def _billing(night: Night) -> list[pl.DataFrame]:
    """What billing leaves for people, with amounts in the reporting currency at tonight's rates."""
    warehouse = night.warehouse
    rates = night.rates_tonight

    def reported(rows: pl.DataFrame, amount: str) -> pl.DataFrame:
        currency = night.settings.business.reporting_currency
        return rows.join(rates, on="currency", how="left", validate="m:1").with_columns(
            amount_r=money.converted(pl.col(amount), pl.col("rate"), currency)
        )

    reminded = "invoice_number IN (SELECT invoice_number FROM core.reminders)"
    overdue = warehouse.table(Receivable, f"as_of = ? AND {reminded}", [night.as_of])
    return [
        attention.orders_not_billed(morning.orders_not_billed(warehouse, night.as_of)),
        attention.refunds_to_pay(reported(warehouse.table(RefundDue), "amount")),
        attention.payments_to_place(reported(warehouse.table(PaymentOnAccount), "amount")),
        attention.debts_to_collect(
            reported(overdue, "open_amount"), warehouse.table(Reminder), night.rules["reminder_levels"]
        ),
    ]
