"""The process as Dagster shows it: a step for every stage of a night, an asset for every table that it makes.

A step wraps its stage; what it reads and writes is said above it, and the graph follows from that.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import dagster as dg

from models.tables import FEEDS
from models.tables.base import Column, TableClass, columns, declaration
from models.tables.billing import (
    BillingException,
    BillingGap,
    CustomerExposure,
    DailyBilling,
    Invoice,
    InvoiceLine,
    JournalEntry,
    PaymentApplied,
    PaymentOnAccount,
    Receivable,
    RefundDue,
    Reminder,
)
from models.tables.certificate import AttentionItem, Proof
from models.tables.demand import DemandClass, DemandDay, DemandLevel, DemandWeekday, SupplierLeadTime
from models.tables.entry import NightEvent, OrderFinding
from models.tables.feeds import (
    Customer,
    Decision,
    DeliveredOrder,
    DeliveredOrderLine,
    ExchangeRate,
    Inbound,
    Location,
    OrderEvent,
    Payment,
    Product,
    StockCount,
    StockMovement,
    Supplier,
    SupplierProduct,
    SupportCase,
)
from models.tables.intake import FeedFile, RejectedRow, WaitingRow
from models.tables.lifecycle import LineEffect, Order, OrderLine, TimelineEntry, TrackingUpdate
from models.tables.reorder import (
    OpenDemand,
    PurchaseOrderLine,
    RefusedDecision,
    ReorderException,
    ReorderPlan,
    ReorderProposal,
    Supply,
)
from models.tables.stock import StockAgeing, StockHistory, StockLedger, StockPosition
from models.tables.trends import DailyOrders, DailySales, SalesEntry
from models.tables.turnover import InventoryTurnover
from pipelines.nightly import Run, Session


@dataclass(frozen=True)
class Step:
    """A stage of the night with the tables it reads and writes."""

    runs: Callable[[Session], None]
    reads: tuple[TableClass, ...]
    writes: tuple[TableClass, ...]

    @property
    def name(self) -> str:
        """The word of the stage."""
        return self.runs.__name__

    @property
    def does(self) -> str:
        """What happens in it, in a sentence."""
        return self.runs.__doc__ or ""


STEPS: list[Step] = []
"""The steps of a night in order."""


def _step(
    *, reads: Iterable[TableClass] = (), writes: Iterable[TableClass]
) -> Callable[[Callable[[Session], None]], Step]:
    def add(runs: Callable[[Session], None]) -> Step:
        STEPS.append(Step(runs, tuple(reads), tuple(writes)))
        return STEPS[-1]

    return add


@_step(writes=(*FEEDS.values(), FeedFile, RejectedRow))
def intake(run: Session) -> None:
    """Take in everything that landed, then close the business dates that were missed."""
    run.begin()


@_step(
    reads=(DeliveredOrder, DeliveredOrderLine, OrderEvent, Decision, Product, Customer),
    writes=(OrderFinding, NightEvent),
)
def entry(run: Session) -> None:
    """Pass every order that is not confirmed yet through the gates."""
    run.stage(run.tonight, "entry")


@_step(
    reads=(DeliveredOrder, DeliveredOrderLine, OrderEvent, Decision, Payment, Customer, OrderFinding, NightEvent),
    writes=(Order, OrderLine, TimelineEntry, LineEffect, TrackingUpdate),
)
def lifecycle(run: Session) -> None:
    """Fold the events of every order into its status, its numbers and its timeline."""
    run.stage(run.tonight, "lifecycle")


@_step(
    reads=(
        StockMovement,
        StockCount,
        Inbound,
        Product,
        Location,
        ExchangeRate,
        Decision,
        Order,
        OrderLine,
        TimelineEntry,
        LineEffect,
    ),
    writes=(StockLedger, StockPosition, StockHistory, StockAgeing),
)
def stock(run: Session) -> None:
    """Write down what moved, and say what is on hand, what it is worth and how long it has been lying."""
    run.stage(run.tonight, "stock")


@_step(
    reads=(Order, OrderLine, Product, Customer, Payment, SupportCase, ExchangeRate, Decision),
    writes=(
        Invoice,
        InvoiceLine,
        BillingException,
        BillingGap,
        PaymentApplied,
        PaymentOnAccount,
        Receivable,
        RefundDue,
        Reminder,
        CustomerExposure,
        JournalEntry,
        DailyBilling,
    ),
)
def billing(run: Session) -> None:
    """Invoice and credit what is due, let payments meet it, remind of what is overdue, and book it all."""
    run.stage(run.tonight, "billing")


@_step(
    reads=(Order, OrderLine, LineEffect, Product, ExchangeRate),
    writes=(SalesEntry, DailyOrders, DailySales),
)
def trends(run: Session) -> None:
    """Book the sales and add up the days they fall on."""
    run.stage(run.tonight, "trends")


@_step(
    reads=(Order, OrderLine, TimelineEntry, LineEffect, SalesEntry, StockHistory, Inbound, Supplier, SupplierProduct),
    writes=(DemandDay, DemandClass, DemandLevel, DemandWeekday, SupplierLeadTime),
)
def demand(run: Session) -> None:
    """Count what was asked for, say how it sells and what to expect, and how long suppliers take."""
    run.stage(run.tonight, "demand")


@_step(
    reads=(
        StockPosition,
        StockLedger,
        DemandDay,
        DemandClass,
        DemandLevel,
        DemandWeekday,
        SupplierLeadTime,
        Order,
        OrderLine,
        Inbound,
        Product,
        Supplier,
        SupplierProduct,
        ExchangeRate,
        Decision,
    ),
    writes=(OpenDemand, Supply, ReorderPlan, ReorderProposal, ReorderException, PurchaseOrderLine, RefusedDecision),
)
def reorder(run: Session) -> None:
    """Order what was approved, plan every SKU, and propose what should be bought."""
    run.stage(run.tonight, "reorder")


@_step(
    reads=(StockHistory, StockLedger, Product, ExchangeRate, Order, TimelineEntry, SalesEntry),
    writes=(InventoryTurnover,),
)
def turnover(run: Session) -> None:
    """Set what was sold against the stock that was kept for it, period by period."""
    run.stage(run.tonight, "turnover")


@_step(
    reads=(
        FeedFile,
        RejectedRow,
        OrderFinding,
        Order,
        OrderLine,
        TimelineEntry,
        SalesEntry,
        DailyOrders,
        DailySales,
        StockLedger,
        StockPosition,
        StockHistory,
        StockAgeing,
        Invoice,
        InvoiceLine,
        BillingException,
        BillingGap,
        PaymentApplied,
        PaymentOnAccount,
        Receivable,
        RefundDue,
        Reminder,
        JournalEntry,
        DailyBilling,
        DemandDay,
        Supply,
        ReorderPlan,
        ReorderProposal,
        ReorderException,
        PurchaseOrderLine,
        RefusedDecision,
        InventoryTurnover,
    ),
    writes=(WaitingRow, AttentionItem, Proof),
)
def certificate(run: Session) -> None:
    """List what waits and what needs a person, prove the night, and write it down in the journal."""
    run.stage(run.tonight, "certificate")
    run.close(run.tonight)


def key(table: TableClass) -> dg.AssetKey:
    """The name of a table's asset: where it lies, and what it is called."""
    return dg.AssetKey([declaration(table).schema, declaration(table).name])


def process(nights: dg.PartitionsDefinition[str]) -> list[dg.AssetsDefinition]:
    """Every asset of the nightly process, in order: those of the stages, then the publication."""
    return [*(_tables(step, nights) for step in STEPS), _publication(nights)]


def _tables(step: Step, nights: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    @dg.multi_asset(
        name=step.name,
        description=step.does,
        specs=[_spec(table, step) for table in step.writes],
        partitions_def=nights,
        op_tags={"dagster/priority": str(-STEPS.index(step))},
    )
    def stage(session: dg.ResourceParam[Session]) -> Iterator[dg.MaterializeResult]:
        started = time.perf_counter()
        step.runs(session)
        seconds = round(time.perf_counter() - started, 3)
        for table in step.writes:
            yield dg.MaterializeResult(
                asset_key=key(table),
                metadata={"dagster/row_count": session.warehouse.count(table), "seconds": seconds},
            )

    return stage


def _spec(table: TableClass, step: Step) -> dg.AssetSpec:
    declared = declaration(table)
    return dg.AssetSpec(
        key(table),
        description=table.__doc__,
        group_name=step.name,
        deps=[key(read) for read in step.reads],
        kinds={"duckdb", declared.kind},
        metadata={
            "dagster/column_schema": dg.TableSchema(columns=[_column(column) for column in columns(table)]),
            "key": ", ".join(declared.key),
        },
    )


def _column(column: Column) -> dg.TableColumn:
    unit = f" ({column.unit})" if column.unit else ""
    return dg.TableColumn(
        column.name,
        column.type,
        description=f"{column.description}{unit}",
        constraints=dg.TableColumnConstraints(nullable=not column.is_required),
        tags={"personal": ""} if column.is_personal else None,
    )


def _publication(nights: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    @dg.asset(
        key=["publication"],
        group_name="publication",
        deps=[key(table) for table in certificate.writes],
        partitions_def=nights,
        kinds={"duckdb"},
    )
    def publication(session: dg.ResourceParam[Session]) -> dg.MaterializeResult:
        """What people look at: a new file of the published tables and the pointer to it, of green nights only."""
        session.finish()
        return _published(session.run)

    return publication


def _published(run: Run) -> dg.MaterializeResult:
    """The publication of a green night as Dagster shows it.

    Raises:
        dagster.Failure: the night is red.
    """
    if run.publication is None:
        raise dg.Failure(
            f"The certificate of {run.as_of} is red ({'; '.join(run.broken_proofs)}), so nothing was published and the "
            "last good night stays on show; `orderhouse doctor` says what to look at.",
            allow_retries=False,
        )
    return dg.MaterializeResult(
        metadata={"file": dg.MetadataValue.path(run.publication.file), "number": run.publication.number}
    )
