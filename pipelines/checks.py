"""The certificate as Dagster shows it: every proof of a night is a check on the table it is about."""

from collections.abc import Iterator

import dagster as dg

from models.tables.base import TableClass
from models.tables.billing import BillingGap, Invoice, InvoiceLine, JournalEntry, PaymentApplied, Receivable
from models.tables.certificate import Proof
from models.tables.demand import DemandDay
from models.tables.intake import FeedFile, RejectedRow
from models.tables.lifecycle import Order, OrderLine, TimelineEntry
from models.tables.reorder import PurchaseOrderLine, ReorderPlan
from models.tables.stock import StockAgeing, StockHistory, StockLedger, StockPosition
from models.tables.trends import DailyOrders, DailySales, SalesEntry
from pipelines.assets import key
from pipelines.nightly import Session

PROOFS: dict[str, TableClass] = {
    "files_add_up": FeedFile,
    "accepted_rows_are_stored": FeedFile,
    "rejected_rows_are_kept": RejectedRow,
    "nothing_is_set_aside_in_vain": RejectedRow,
    "every_order_is_in_one_status": Order,
    "no_order_twice": Order,
    "every_line_has_its_numbers": OrderLine,
    "numbers_are_possible": OrderLine,
    "every_event_is_on_a_timeline": TimelineEntry,
    "units_ordered_are_sold": SalesEntry,
    "units_undone_are_booked": SalesEntry,
    "daily_orders_are_the_sum_of_sales": DailyOrders,
    "daily_sales_are_the_sum_of_sales": DailySales,
    "orders_are_counted_once": DailyOrders,
    "every_movement_counts_once": StockLedger,
    "counts_are_met": StockHistory,
    "movements_add_up_to_positions": StockPosition,
    "history_ends_at_the_positions": StockHistory,
    "ages_add_up_to_the_stock": StockAgeing,
    "numbers_have_no_gap": Invoice,
    "dates_follow_numbers": Invoice,
    "documents_are_chained": Invoice,
    "documents_are_the_sums_of_their_lines": InvoiceLine,
    "nothing_is_billed_twice": InvoiceLine,
    "lines_show_what_is_billed": InvoiceLine,
    "no_more_stands_than_is_owed": InvoiceLine,
    "every_unit_is_billed_or_accounted_for": BillingGap,
    "payments_are_applied_or_on_account": PaymentApplied,
    "invoices_are_paid_at_most_in_full": Receivable,
    "books_balance": JournalEntry,
    "books_agree_with_receivables": JournalEntry,
    "demand_is_what_was_ordered": DemandDay,
    "every_proposal_follows_from_its_row": ReorderPlan,
    "nothing_is_ordered_twice": PurchaseOrderLine,
}
"""Every proof of the certificate with the table it is about."""


def proofs() -> dg.AssetChecksDefinition:
    """The checks of a night, answered from its certificate before anything is published."""

    @dg.multi_asset_check(
        name="proofs",
        specs=[
            dg.AssetCheckSpec(
                proof,
                asset=key(table),
                description=proof.replace("_", " ").capitalize(),
                additional_deps=[key(Proof)],
            )
            for proof, table in PROOFS.items()
        ],
        op_tags={"dagster/priority": "1"},
    )
    def checked(session: dg.ResourceParam[Session]) -> Iterator[dg.AssetCheckResult]:
        tonight = session.warehouse.table(Proof, "as_of = ?", [session.tonight.as_of])
        for row in tonight.filter(tonight["proof"].is_in(list(PROOFS))).iter_rows(named=True):
            yield dg.AssetCheckResult(
                passed=row["is_green"],
                asset_key=key(PROOFS[row["proof"]]),
                check_name=row["proof"],
                severity=dg.AssetCheckSeverity.ERROR,
                description=row["details"],
                metadata={"expected": row["expected"], "found": row["found"]},
            )

    return checked
