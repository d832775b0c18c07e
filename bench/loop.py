"""The closed loop: the reorder rules buy for a real shop day by day, against plain min/max and against the textbook.

Each policy starts with 30 days' demand in stock and meets the real demand of 60 days; what is not on hand is lost.
Orders arrive after 7 days, give or take 2, the same for every policy. A policy sees what was asked for up to its
night. Its knob is turned to draw a curve, so that policies are compared at an equal share of units served.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from statistics import NormalDist

import numpy as np
import polars as pl

from models.rules import demand, purchases, reorder
from models.tables.base import empty, polars_schema
from models.tables.demand import DemandDay
from models.tables.feeds import Decision, Inbound, Product, Supplier, SupplierProduct
from models.tables.reorder import PurchaseOrderLine, ReorderPolicy, ReorderProposal

DAYS = 60
OPENING_DAYS = 30
LEAD_DAYS, LEAD_SPREAD = 7, 2
ORDER_LINE_COST, HOLDING_RATE = 2.0, 0.25
SEED = 7
LEVELS = {"A": 0.98, "B": 0.95, "C": 0.90}
"""Service levels of the policies that suit any shop; the knob moves all three by as many standard deviations."""
WARM_DAYS = 10
"""A SKU takes part when it was asked for on so many days before the start."""

Array = np.ndarray


@dataclass(frozen=True)
class Shop:
    """What a shop sold of some SKUs, and what they cost."""

    name: str
    days: pl.DataFrame
    costs: pl.DataFrame
    start: date

    @property
    def skus(self) -> list[str]:
        """The SKUs, in order."""
        return list(self.costs["sku"])

    def asked(self) -> Array:
        """Units asked for by day of the test and SKU."""
        return self.matrix(self.start, self.start + timedelta(days=DAYS - 1))

    def matrix(self, first: date, last: date) -> Array:
        """Units asked for by day and SKU."""
        place = {sku: number for number, sku in enumerate(self.skus)}
        found = np.zeros(((last - first).days + 1, len(place)), dtype=np.int64)
        for sku, day, quantity in self.days.filter(pl.col("day").is_between(first, last)).select(
            "sku", "day", "quantity"
        ).rows():
            found[(day - first).days, place[sku]] = quantity
        return found

    def opening(self) -> Array:
        """30 days' demand of each SKU, as it was asked for before the start."""
        since = self.days.filter(pl.col("day") < self.start).group_by("sku").agg(
            rate=pl.col("quantity").sum() / ((pl.lit(self.start) - pl.col("day").min()).dt.total_days())
        )
        rate = self.costs.join(since, on="sku", how="left", maintain_order="left")["rate"].to_numpy()
        return np.maximum(np.rint(rate * OPENING_DAYS), 1).astype(np.int64)

    def leads(self) -> Array:
        """Days that an order of each day and SKU takes."""
        drawn = np.random.default_rng(SEED).normal(LEAD_DAYS, LEAD_SPREAD, (DAYS + 1, len(self.skus)))
        return np.maximum(np.rint(drawn), 1).astype(np.int64)


@dataclass(frozen=True)
class Outcome:
    """What a policy came to at one turn of its knob."""

    knob: float
    fill: float
    stock_value: float
    order_lines: int
    short_amount: float

    @property
    def total_cost(self) -> float:
        """Holding, order lines and lost margin of the days tested."""
        return (
            self.stock_value * HOLDING_RATE * DAYS / 365 + self.order_lines * ORDER_LINE_COST + self.short_amount
        )


class Shelf:
    """Stock of every SKU at every turn of a knob, served first in full, then as far as it goes."""

    def __init__(self, shop: Shop, knobs: int) -> None:
        """Open with 30 days' demand."""
        self.asked, self.leads = shop.asked(), shop.leads()
        self.cost = shop.costs["unit_cost"].cast(pl.Float64).to_numpy()
        self.on_hand = np.tile(shop.opening(), (knobs, 1))
        self.coming = np.zeros((DAYS + 60, *self.on_hand.shape), dtype=np.int64)
        self.served = np.zeros(self.on_hand.shape, dtype=np.int64)
        self.value, self.lines = np.zeros(knobs), np.zeros(knobs, dtype=np.int64)

    def day(self, number: int) -> None:
        """Take in what arrives, serve what is asked for, and value what is left."""
        self.on_hand = self.on_hand + self.coming[number]
        sold = np.minimum(self.on_hand, self.asked[number])
        self.on_hand = self.on_hand - sold
        self.served += sold
        self.value += (self.on_hand * self.cost).sum(axis=1) / DAYS

    def order(self, number: int, quantities: Array) -> None:
        """Buy on the evening of a day."""
        self.lines += (quantities > 0).sum(axis=1)
        knobs, skus = np.nonzero(quantities)
        np.add.at(self.coming, (number + self.leads[number, skus], knobs, skus), quantities[knobs, skus])

    def position(self, number: int) -> Array:
        """On hand and on the way."""
        return np.asarray(self.on_hand + self.coming[number + 1 :].sum(axis=0))

    def outcomes(self, knobs: list[float]) -> list[Outcome]:
        """What each turn of the knob came to; a unit short loses the margin, which is as much as its cost."""
        asked = self.asked.sum(axis=0)
        short = ((asked - self.served) * self.cost).sum(axis=1)
        fills = self.served.sum(axis=1) / asked.sum()
        return [
            Outcome(knob, float(fills[place]), float(self.value[place]), int(self.lines[place]), float(short[place]))
            for place, knob in enumerate(knobs)
        ]


def min_max(shop: Shop, knobs: list[float]) -> list[Outcome]:
    """Below the average lead-time demand, fill up to twice that; the knob multiplies both."""
    history = shop.matrix(shop.start - timedelta(days=365), shop.start + timedelta(days=DAYS - 1))
    begun = np.maximum((history != 0).argmax(axis=0), 0)
    shelf, factor = Shelf(shop, len(knobs)), np.array(knobs)[:, None]
    for number in range(DAYS):
        shelf.day(number)
        upto = 365 + number + 1
        rate = history[:upto].sum(axis=0) / (upto - begun)
        least = factor * rate * LEAD_DAYS
        position = shelf.position(number)
        shelf.order(number, np.where(position < least, np.ceil(2 * least - position), 0).astype(np.int64))
    return shelf.outcomes(knobs)


def textbook(shop: Shop, knobs: list[float]) -> list[Outcome]:
    """Moving average of 56 days, normal safety stock with the knob as its factor, economic lot."""
    history = shop.matrix(shop.start - timedelta(days=56), shop.start + timedelta(days=DAYS - 1))
    shelf, factor = Shelf(shop, len(knobs)), np.array(knobs)[:, None]
    for number in range(DAYS):
        shelf.day(number)
        window = history[number + 1 : number + 57]
        rate, spread = window.mean(axis=0), window.std(axis=0, ddof=1)
        safety = factor * np.sqrt(LEAD_DAYS * spread**2 + rate**2 * LEAD_SPREAD**2)
        point = rate * LEAD_DAYS + safety
        lot = np.sqrt(2 * ORDER_LINE_COST * rate * 365 / (HOLDING_RATE * shelf.cost))
        position = shelf.position(number)
        wanted = np.where((position < point) & (rate > 0), np.ceil(point + lot - position), 0)
        shelf.order(number, np.maximum(wanted, 0).astype(np.int64))
    return shelf.outcomes(knobs)


class Ours:
    """The rules of the night, at every turn of the knob at once: each turn is a location of its own."""

    def __init__(self, shop: Shop, knobs: list[float]) -> None:
        """Open the shop."""
        self.shop, self.knobs = shop, knobs
        self.places = [f"K{number:02}" for number in range(len(knobs))]
        self.shelf = Shelf(shop, len(knobs))
        self.products = shop.costs.select(
            "sku",
            category=pl.lit(None, pl.String),
            unit_cost=pl.col("unit_cost").cast(polars_schema(Product)["unit_cost"]),
            currency=pl.lit("EUR"),
            supplier_id=pl.lit("S"),
            pack_size=pl.lit(1, pl.Int64),
            min_order_quantity=pl.lit(0, pl.Int64),
            is_stocked=pl.lit(True),
            is_active=pl.lit(True),
        )
        self.suppliers = _row(Supplier, supplier_id="S", name="Supplier", lead_time_days=LEAD_DAYS, currency="EUR")
        self.policies = pl.concat(
            _row(ReorderPolicy, abc=abc, location_id=place, service_level=_moved(level, knob))
            for place, knob in zip(self.places, knobs, strict=True)
            for abc, level in LEVELS.items()
        )
        self.ordered, self.inbound = empty(PurchaseOrderLine), empty(Inbound)

    def outcomes(self) -> list[Outcome]:
        """Live through the days."""
        for number in range(DAYS):
            self.shelf.day(number)
            self._night(number)
        return self.shelf.outcomes(self.knobs)

    def expected(self, as_of: date) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
        """Levels, classes and weekdays as of a night."""
        days = self.shop.days.filter(pl.col("day") <= as_of)
        starts = days.select("sku", "location_id", first_on="day").clear()
        sold = demand.shop_days(days, starts, as_of)
        season, growth = demand.seasons(sold), demand.growths(sold, as_of)
        found = demand.measured(days, starts, season, growth, as_of)
        revenue = (
            days.filter(pl.col("day") > as_of - timedelta(days=365))
            .join(self.shop.costs, on="sku")
            .group_by("sku")
            .agg(amount=(pl.col("quantity") * pl.col("unit_cost") * 2).sum())
        )
        return demand.levels(found, demand.norms(found)), demand.classes(days, starts, revenue, as_of), season

    def _night(self, number: int) -> None:
        as_of = self.shop.start + timedelta(days=number)
        levels, classes, season = self.expected(as_of)
        locations = pl.DataFrame({"location_id": self.places})
        everywhere = levels.drop("location_id").join(locations, how="cross").select(levels.columns)
        arrived = self.ordered.filter(pl.col("expected_on") <= as_of) if False else self.inbound.filter(
            pl.col("received_on") <= as_of
        )
        skus = self.shop.skus
        positions = pl.DataFrame(
            {
                "sku": np.tile(skus, len(self.places)),
                "location_id": np.repeat(self.places, len(skus)),
                "on_hand": self.shelf.on_hand.ravel(),
            }
        )
        planned = reorder.plans(
            positions,
            everywhere,
            classes,
            pl.DataFrame(schema={"sku": pl.String, "location_id": pl.String, "due_on": pl.Date, "quantity": pl.Int64}),
            purchases.supplies(arrived, self.ordered, as_of),
            self.products,
            self.suppliers,
            empty(SupplierProduct),
            demand.lead_times(arrived, self.suppliers),
            self.policies,
            pl.DataFrame({"currency": ["EUR"], "rate": [Decimal(1)]}),
            season,
            as_of,
            costs=reorder.Costs(),
            policy_version="loop",
        ).plans
        no_skips = pl.DataFrame(schema={"proposal_id": pl.String, "skipped_until": pl.Date})
        proposed = reorder.proposals(planned, self.suppliers, no_skips).with_columns(
            published_at=pl.lit(None, pl.Datetime("us", "UTC"))
        )
        bought = purchases.purchase_orders(
            proposed, empty(Decision), self.ordered, as_of, auto_approve_below=Decimal(10) ** 12
        ).lines
        self._sent(number, as_of, bought)

    def _sent(self, number: int, as_of: date, bought: pl.DataFrame) -> None:
        """Order, and know already when each line will be received."""
        place = {sku: at for at, sku in enumerate(self.shop.skus)}
        where = {name: at for at, name in enumerate(self.places)}
        quantities = np.zeros(self.shelf.on_hand.shape, dtype=np.int64)
        for sku, location, quantity in bought.select("sku", "location_id", "quantity").rows():
            quantities[where[location], place[sku]] += quantity
        self.shelf.order(number, quantities)
        leads = dict(zip(self.shop.skus, self.shelf.leads[number], strict=True))
        self.ordered = pl.concat([self.ordered, bought])
        received = bought.with_columns(
            status=pl.lit("received"),
            received_quantity="quantity",
            received_on=pl.lit(as_of) + pl.duration(days=pl.col("sku").replace_strict(leads, return_dtype=pl.Int64)),
        )
        self.inbound = pl.concat([self.inbound, _filled(Inbound, received)])


def _moved(level: float, knob: float) -> Decimal:
    return Decimal(f"{NormalDist().cdf(NormalDist().inv_cdf(level) + knob):.6f}")


def _filled(table: type, drawn: pl.DataFrame) -> pl.DataFrame:
    schema = polars_schema(table)
    return drawn.with_columns(
        pl.lit(None).cast(dtype).alias(name) for name, dtype in schema.items() if name not in drawn.columns
    ).select(pl.col(name).cast(dtype) for name, dtype in schema.items())


def _row(table: type, **cells: object) -> pl.DataFrame:
    return _filled(table, pl.DataFrame([cells]))


def online_retail(folder: Path) -> pl.DataFrame:
    """The web shop: sku, day, quantity, price of each sale; one cancelled in full on its day was none."""
    lines = pl.concat(
        pl.read_csv(file, infer_schema=False, columns=list(range(7))) for file in sorted(folder.glob("by-day/*.csv"))
    ).select(
        sku="StockCode",
        day=pl.col("InvoiceDate").str.slice(0, 10).str.to_date(),
        customer="CustomerID",
        invoice="InvoiceNo",
        quantity=pl.col("Quantity").cast(pl.Int64),
        price=pl.col("UnitPrice").cast(pl.Float64),
    ).filter(pl.col("sku").str.contains(r"^\d{5}"))
    undone = lines.filter(pl.col("invoice").str.starts_with("C")).select(
        "sku", "day", "customer", quantity=-pl.col("quantity")
    ).unique()
    sales = lines.filter(~pl.col("invoice").str.starts_with("C") & (pl.col("quantity") > 0) & (pl.col("price") > 0))
    return sales.join(undone, on=["sku", "day", "customer", "quantity"], how="anti").select(
        "sku", "day", "quantity", "price"
    )


def adventureworks(folder: Path) -> pl.DataFrame:
    """The bicycle works: sku, day, quantity, price of each sale of the ledger."""
    return pl.concat(
        pl.read_parquet(file) for file in sorted(folder.glob("Production.Transaction*.parquet"))
    ).filter(pl.col("TransactionType") == "S").select(
        sku=pl.col("ProductID").cast(pl.String),
        day=pl.col("TransactionDate").cast(pl.Date),
        quantity=pl.col("Quantity").cast(pl.Int64),
        price=pl.col("ActualCost").cast(pl.Float64),
    )


def halves(name: str, sales: pl.DataFrame, start: date, size: int = 200) -> list[Shop]:
    """Two shops of other SKUs each: one to tune on, one to report on."""
    before = sales.filter(pl.col("day") < start).group_by("sku").agg(
        sold_days=pl.col("day").n_unique(), unit_cost=pl.col("price").median() / 2
    )
    known = before.filter((pl.col("sold_days") >= WARM_DAYS) & (pl.col("unit_cost") > 0)).sort("sku")
    known = known.with_columns(pl.col("unit_cost").round(4).cast(pl.Decimal(18, 4)))
    drawn = known.sample(min(2 * size, known.height // 2 * 2), shuffle=True, seed=SEED)
    shops = []
    for half in (drawn[: drawn.height // 2], drawn[drawn.height // 2 :]):
        days = (
            sales.join(half, on="sku", how="semi")
            .group_by("day", "sku")
            .agg(pl.col("quantity").sum())
            .with_columns(location_id=pl.lit("W"), is_out_of_stock=pl.lit(False))
            .select(polars_schema(DemandDay).names())
            .cast(polars_schema(DemandDay))
            .sort("sku", "day")
        )
        shops.append(Shop(name, days, half.select("sku", "unit_cost").sort("sku"), start))
    return shops
