"""The closed loop: the reorder rules buy for a real shop day by day, against plain min/max and against the textbook.

Each policy opens with 30 days' demand in stock and meets the real demand of 60 days; what is not on hand is lost, and
seen by all of them as asked for. An order of the evening arrives after 7 days, give or take 2, drawn once for all
policies. Each has a knob that buys a higher share of units served with more stock, so that they are compared at an
equal share. Constants of the rules were tuned on one half of the SKUs; both halves are reported, and several stretches
of 60 days are added up, since one alone is a matter of luck.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from statistics import NormalDist
from zlib import crc32

import numpy as np
import numpy.typing as npt
import polars as pl

from models.rules import demand, purchases, reorder
from models.tables.base import TableClass, empty, polars_schema
from models.tables.demand import DemandDay
from models.tables.feeds import Decision, Inbound, Product, Supplier, SupplierProduct
from models.tables.reorder import OpenDemand, PurchaseOrderLine, ReorderPolicy

DAYS = 60
OPENING_DAYS = 30
LEAD_DAYS, LEAD_SPREAD = 7, 2
ORDER_LINE_COST, HOLDING_RATE = 2.0, 0.25
SEED = 7
SKUS = 1250
"""At most so many of each half; 200 alone are a matter of luck: a few giant orders decide about their share served."""
WARM_DAYS = 10
"""A SKU takes part when it was asked for on so many days before the start."""
LEVELS = {"A": 0.98, "B": 0.95, "C": 0.90}
"""Service levels of the policies that suit any shop; the knob moves all three by as many standard deviations."""
DEFAULT_KNOBS = (-2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0)
MIN_MAX_KNOBS = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 12.0, 15.0, 20.0)
TEXTBOOK_KNOBS = (-1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 7.0, 8.0)
FILLS = (0.92, 0.94, 0.95, 0.96, 0.97, 0.98, 0.99)

Units = npt.NDArray[np.int64]
Figures = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Shop:
    """What a shop sold of some SKUs, what they cost, and when the test begins."""

    days: pl.DataFrame
    costs: pl.DataFrame
    start: date

    @property
    def skus(self) -> list[str]:
        """The SKUs, in order."""
        return list(self.costs["sku"])

    def asked(self, before: int = 0) -> Units:
        """Units asked for by day and SKU: the days of the test, and so many before it."""
        first = self.start - timedelta(days=before)
        place = {sku: number for number, sku in enumerate(self.skus)}
        found = np.zeros((before + DAYS, len(place)), dtype=np.int64)
        within = self.days.filter(pl.col("day").is_between(first, self.start + timedelta(days=DAYS - 1)))
        for sku, day, quantity in within.select("sku", "day", "quantity").rows():
            found[(day - first).days, place[sku]] = quantity
        return found

    def opening(self) -> Units:
        """30 days' demand of each SKU, as it was asked for since its first sale."""
        history = self.asked(365)[:365]
        return np.maximum(np.rint(_rates(history) * OPENING_DAYS), 1).astype(np.int64)

    def leads(self) -> Units:
        """Days that an order of each day and SKU takes."""
        drawn = np.random.default_rng(SEED).normal(LEAD_DAYS, LEAD_SPREAD, (DAYS, len(self.skus)))
        return np.maximum(np.rint(drawn), 1).astype(np.int64)


def _rates(history: Units) -> Figures:
    """Units a day of each SKU, since its first sale."""
    since = history.shape[0] - (history > 0).argmax(axis=0)
    return np.asarray(history.sum(axis=0) / since)


@dataclass(frozen=True)
class Outcome:
    """What a policy came to at one turn of its knob, over 60 days."""

    knob: float
    asked: int
    served: int
    stock_value: float
    order_lines: int
    short_amount: float

    @property
    def fill(self) -> float:
        """Share of units served."""
        return self.served / self.asked

    @property
    def total_cost(self) -> float:
        """Holding, order lines and lost margin."""
        held = self.stock_value * HOLDING_RATE * DAYS / 365
        return held + self.order_lines * ORDER_LINE_COST + self.short_amount

    def __add__(self, other: "Outcome") -> "Outcome":
        """Both stretches together."""
        return Outcome(
            self.knob,
            self.asked + other.asked,
            self.served + other.served,
            self.stock_value + other.stock_value,
            self.order_lines + other.order_lines,
            self.short_amount + other.short_amount,
        )


Curve = list[Outcome]


class Shelf:
    """Stock of every SKU at every turn of a knob."""

    def __init__(self, shop: Shop, turns: int) -> None:
        """Open with 30 days' demand."""
        self.asked, self.leads = shop.asked(), shop.leads()
        self.cost = shop.costs["unit_cost"].cast(pl.Float64).to_numpy()
        self.on_hand = np.tile(shop.opening(), (turns, 1))
        self.coming = np.zeros((DAYS + int(self.leads.max()) + 1, *self.on_hand.shape), dtype=np.int64)
        self.served = np.zeros(self.on_hand.shape, dtype=np.int64)
        self.value, self.lines = np.zeros(turns), np.zeros(turns, dtype=np.int64)

    def day(self, number: int) -> None:
        """Take in what arrives, serve what is asked for as far as it goes, and value what is left."""
        self.on_hand = self.on_hand + self.coming[number]
        sold = np.minimum(self.on_hand, self.asked[number])
        self.on_hand = self.on_hand - sold
        self.served += sold
        self.value += (self.on_hand * self.cost).sum(axis=1) / DAYS

    def order(self, number: int, wanted: npt.NDArray[np.number]) -> None:
        """Buy whole units on the evening of a day."""
        quantities = np.maximum(np.ceil(wanted), 0).astype(np.int64)
        self.lines += (quantities > 0).sum(axis=1)
        turns, skus = np.nonzero(quantities)
        np.add.at(self.coming, (number + self.leads[number, skus], turns, skus), quantities[turns, skus])

    def position(self, number: int) -> Units:
        """On hand and on the way."""
        return np.asarray(self.on_hand + self.coming[number + 1 :].sum(axis=0))

    def curve(self, knobs: Sequence[float]) -> Curve:
        """What each turn of the knob came to; a unit short loses its margin, as much as its cost."""
        asked = self.asked.sum(axis=0)
        short = ((asked - self.served) * self.cost).sum(axis=1)
        return [
            Outcome(knob, int(asked.sum()), int(served), float(value), int(lines), float(lost))
            for knob, served, value, lines, lost in zip(
                knobs, self.served.sum(axis=1), self.value, self.lines, short, strict=True
            )
        ]


def min_max(shop: Shop) -> Curve:
    """Below the average lead-time demand, fill up to twice that; the knob multiplies both."""
    history = shop.asked(365)
    shelf, factor = Shelf(shop, len(MIN_MAX_KNOBS)), np.array(MIN_MAX_KNOBS)[:, None]
    for number in range(DAYS):
        shelf.day(number)
        least = factor * _rates(history[: 366 + number]) * LEAD_DAYS
        position = shelf.position(number)
        shelf.order(number, np.where(position < least, 2 * least - position, 0))
    return shelf.curve(MIN_MAX_KNOBS)


def textbook(shop: Shop) -> Curve:
    """Moving average of 56 days, normal safety stock with the knob as its factor, economic lot."""
    history = shop.asked(56)
    shelf, factor = Shelf(shop, len(TEXTBOOK_KNOBS)), np.array(TEXTBOOK_KNOBS)[:, None]
    for number in range(DAYS):
        shelf.day(number)
        window = history[number + 1 : number + 57]
        rate, spread = window.mean(axis=0), window.std(axis=0, ddof=1)
        safety = factor * np.sqrt(LEAD_DAYS * spread**2 + rate**2 * LEAD_SPREAD**2)
        point = rate * LEAD_DAYS + safety
        lot = np.sqrt(2 * ORDER_LINE_COST * rate * 365 / (HOLDING_RATE * shelf.cost))
        position = shelf.position(number)
        shelf.order(number, np.where((position < point) & (rate > 0), point + lot - position, 0))
    return shelf.curve(TEXTBOOK_KNOBS)


def default(shop: Shop) -> Curve:
    """The rules of the night, every proposal approved at once."""
    return _Nights(shop).curve()


class _Nights:
    """The rules of the night at every turn of the knob: each turn is a location of its own."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.places = [f"K{number}" for number in range(len(DEFAULT_KNOBS))]
        self.shelf = Shelf(shop, len(self.places))
        self.products = _filled(
            Product,
            shop.costs.with_columns(
                currency=pl.lit("EUR"),
                supplier_id=pl.lit("S"),
                pack_size=1,
                min_order_quantity=0,
                is_stocked=True,
                is_active=True,
            ),
        )
        self.suppliers = _row(Supplier, supplier_id="S", name="Supplier", lead_time_days=LEAD_DAYS, currency="EUR")
        self.policies = pl.concat(
            _row(ReorderPolicy, abc=abc, location_id=place, service_level=_moved(level, knob))
            for place, knob in zip(self.places, DEFAULT_KNOBS, strict=True)
            for abc, level in LEVELS.items()
        )
        self.ordered, self.inbound = empty(PurchaseOrderLine), empty(Inbound)

    def curve(self) -> Curve:
        """Live through the days."""
        for number in range(DAYS):
            self.shelf.day(number)
            self._night(number, self.shop.start + timedelta(days=number))
        return self.shelf.curve(DEFAULT_KNOBS)

    def _night(self, number: int, as_of: date) -> None:
        levels, classes, season = expected(self.shop, as_of)
        everywhere = levels.drop("location_id").join(pl.DataFrame({"location_id": self.places}), how="cross")
        inbound = self._told(as_of)
        positions = pl.DataFrame(
            {
                "sku": np.tile(self.shop.skus, len(self.places)),
                "location_id": np.repeat(self.places, len(self.shop.skus)),
                "on_hand": self.shelf.on_hand.ravel(),
            }
        )
        planned = reorder.plans(
            positions,
            everywhere,
            classes,
            empty(OpenDemand),
            purchases.supplies(inbound, self.ordered, as_of),
            self.products,
            self.suppliers,
            empty(SupplierProduct),
            demand.lead_times(inbound, self.suppliers),
            self.policies,
            pl.DataFrame({"currency": ["EUR"], "rate": [Decimal(1)]}),
            season,
            as_of,
            costs=reorder.Costs(Decimal(str(ORDER_LINE_COST)), Decimal(str(HOLDING_RATE))),
            policy_version="loop",
        ).plans
        no_skips = pl.DataFrame(schema={"proposal_id": pl.String, "skipped_until": pl.Date})
        proposed = reorder.proposals(planned, self.suppliers, no_skips)
        tonight = proposed.with_columns(published_at=pl.lit(None, pl.Datetime("us", "UTC")))
        no_decisions = empty(Decision)
        limit = Decimal(10) ** 12
        bought = purchases.purchase_orders(tonight, no_decisions, self.ordered, as_of, auto_approve_below=limit)
        self._sent(number, as_of, bought.lines)

    def _told(self, as_of: date) -> pl.DataFrame:
        """What the supplier has told so far: it confirms each line, and tells when it has come."""
        has_come = pl.col("received_on") <= as_of
        return self.inbound.with_columns(
            status=pl.when(has_come).then(pl.lit("received")).otherwise(pl.lit("confirmed")),
            received_on=pl.when(has_come).then("received_on"),
            received_quantity=pl.when(has_come).then("quantity"),
        )

    def _sent(self, number: int, as_of: date, bought: pl.DataFrame) -> None:
        """Order, and note the day on which each line will come."""
        skus = {sku: place for place, sku in enumerate(self.shop.skus)}
        turns = {name: place for place, name in enumerate(self.places)}
        quantities = np.zeros(self.shelf.on_hand.shape, dtype=np.int64)
        for sku, location, quantity in bought.select("sku", "location_id", "quantity").rows():
            quantities[turns[location], skus[sku]] += quantity
        self.shelf.order(number, quantities)
        leads = dict(zip(self.shop.skus, self.shelf.leads[number].tolist(), strict=True))
        comes_in = pl.duration(days=pl.col("sku").replace_strict(leads, return_dtype=pl.Int64))
        self.ordered = pl.concat([self.ordered, bought])
        self.inbound = pl.concat(
            [self.inbound, _filled(Inbound, bought.with_columns(received_on=pl.lit(as_of) + comes_in))]
        )


def expected(shop: Shop, as_of: date) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Levels, classes and weekdays as of a night."""
    days = shop.days.filter(pl.col("day") <= as_of)
    starts = days.select("sku", "location_id", first_on="day").clear()
    sold = demand.shop_days(days, starts, as_of)
    season, growth = demand.seasons(sold), demand.growths(sold, as_of)
    found = demand.measured(days, starts, season, growth, as_of)
    revenue = (
        days.filter(pl.col("day") > as_of - timedelta(days=365))
        .join(shop.costs, on="sku", validate="m:1")
        .group_by("sku")
        .agg(amount=(pl.col("quantity") * pl.col("unit_cost") * 2).sum())
    )
    return demand.levels(found, demand.norms(found)), demand.classes(days, starts, revenue, as_of), season


def _moved(level: float, knob: float) -> Decimal:
    return Decimal(f"{NormalDist().cdf(NormalDist().inv_cdf(level) + knob):.6f}")


def _filled(table: TableClass, drawn: pl.DataFrame) -> pl.DataFrame:
    schema = polars_schema(table)
    others = {name: pl.lit(None, dtype) for name, dtype in schema.items() if name not in drawn.columns}
    return drawn.with_columns(**others).select(schema.names()).cast(schema)


def _row(table: TableClass, **cells: object) -> pl.DataFrame:
    return _filled(table, pl.DataFrame([cells]))


# --- Shops


def online_retail(folder: Path) -> pl.DataFrame:
    """The web shop: sku, day, quantity, price of each sale; one cancelled in full on its day was none."""
    files = sorted(folder.glob("by-day/*.csv"))
    lines = (
        pl.concat(pl.read_csv(file, infer_schema=False) for file in files)
        .select(
            sku="StockCode",
            day=pl.col("InvoiceDate").str.slice(0, 10).str.to_date(),
            customer="CustomerID",
            is_undone=pl.col("InvoiceNo").str.starts_with("C"),
            quantity=pl.col("Quantity").cast(pl.Int64),
            price=pl.col("UnitPrice").cast(pl.Float64),
        )
        .filter(pl.col("sku").str.contains(r"^\d{5}"))
    )
    key = ["sku", "day", "customer", "quantity"]
    undone = lines.filter("is_undone").select("sku", "day", "customer", quantity=-pl.col("quantity"))
    sales = lines.filter(~pl.col("is_undone") & (pl.col("quantity") > 0) & (pl.col("price") > 0))
    return sales.join(undone, on=key, how="anti").select("sku", "day", "quantity", "price")


def adventureworks(folder: Path) -> pl.DataFrame:
    """The bicycle works: sku, day, quantity, price of each sale in its ledger."""
    files = sorted(folder.glob("Production.TransactionLedger.parquet"))
    return (
        pl.concat(pl.read_parquet(file) for file in files)
        .filter(pl.col("TransactionType") == "S")
        .select(
            sku=pl.col("ProductID").cast(pl.String),
            day=pl.col("TransactionDate").cast(pl.Date),
            quantity=pl.col("Quantity").cast(pl.Int64),
            price=pl.col("ActualCost").cast(pl.Float64),
        )
    )


def shop(sales: pl.DataFrame, start: date, half: int) -> Shop:
    """Of one half of the SKUs, some that were asked for often enough before the start; cost half the median price."""
    known = (
        sales.filter(pl.col("day") < start)
        .group_by("sku")
        .agg(sold_days=pl.col("day").n_unique(), unit_cost=pl.col("price").median() / 2)
        .filter((pl.col("sold_days") >= WARM_DAYS) & (pl.col("unit_cost") > 0))
        .with_columns(drawn=pl.col("sku").map_elements(lambda sku: crc32(f"{SEED}/{sku}".encode()), pl.Int64))
        .filter(pl.col("drawn") % 2 == half)
        .sort("drawn")
        .head(SKUS)
    )
    schema = polars_schema(DemandDay)
    days = (
        sales.join(known, on="sku", how="semi")
        .group_by("day", "sku")
        .agg(pl.col("quantity").sum())
        .with_columns(location_id=pl.lit("W"), is_out_of_stock=pl.lit(False))
        .select(schema.names())
        .cast(schema)
        .sort("sku", "day")
    )
    unit_cost = pl.col("unit_cost").round(4).cast(pl.Decimal(18, 4))
    return Shop(days, known.select("sku", unit_cost).sort("sku"), start)


# --- What is printed

STARTS = {
    "online_retail": (date(2011, 3, 10), date(2011, 5, 8), date(2011, 7, 3)),
    "adventureworks": (
        date(2012, 11, 2),
        date(2013, 5, 3),
        date(2013, 7, 3),
        date(2013, 9, 2),
        date(2013, 11, 2),
    ),
}
READ: dict[str, Callable[[Path], pl.DataFrame]] = {"online_retail": online_retail, "adventureworks": adventureworks}


def added(curves: Sequence[Curve]) -> Curve:
    """Several stretches as one, turn by turn."""
    total = curves[0]
    for curve in curves[1:]:
        total = [one + other for one, other in zip(total, curve, strict=True)]
    return total


def needed(curve: Curve, fill: float) -> float | None:
    """The least stock value that serves a share of units, between the turns of the knob; none beyond them."""
    points = sorted((each.fill, each.stock_value) for each in curve)
    fills, values = (np.array(column) for column in zip(*points, strict=True))
    if not fills[0] <= fill <= fills[-1]:
        return None
    least = np.minimum.accumulate(values[::-1])[::-1]
    return float(np.interp(fill, fills, least))


def compared(folder: Path) -> None:
    """Print the curves of the SKUs that were not tuned on, and for both halves the ratios at an equal share served."""
    for name, read in READ.items():
        if not (folder / name).is_dir():
            print(f"{name} is not here: set ORDERHOUSE_REALDATA to the folder of real data")
            continue
        sales, starts = read(folder / name), STARTS[name]
        print(f"\nclosed loop, {name}: {len(starts)} x {DAYS} days from {', '.join(str(start) for start in starts)}")
        for half, said in ((0, "tuned on"), (1, "not tuned on")):
            shops = [shop(sales, start, half) for start in starts]
            curves = {
                policy.__name__: added([policy(each) for each in shops]) for policy in (default, min_max, textbook)
            }
            print(f"  {sum(len(each.skus) for each in shops) // len(shops)} SKUs {said}")
            if half:
                _print_curves(curves)
            _print_ratios(curves)


def _print_curves(curves: dict[str, Curve]) -> None:
    print("    policy      knob   units served   stock value   order lines   margin lost   total cost")
    for policy, curve in curves.items():
        for each in curve:
            print(
                f"    {policy:<10}{each.knob:>6.1f}{each.fill:>15.4f}{each.stock_value:>14,.0f}{each.order_lines:>14,}"
                f"{each.short_amount:>14,.0f}{each.total_cost:>13,.0f}"
            )


def _print_ratios(curves: dict[str, Curve]) -> None:
    """Stock value of the default over that of the others; the first column is what it serves when left alone."""
    left_alone = next(each.fill for each in curves["default"] if each.knob == 0)
    fills = (left_alone, *FILLS)
    print("    at units served of       " + "".join(f"{fill:>8.3f}" for fill in fills))
    mine = [needed(curves["default"], fill) for fill in fills]
    for other in ("min_max", "textbook"):
        theirs = [needed(curves[other], fill) for fill in fills]
        ratios = [ours / least if ours and least else None for ours, least in zip(mine, theirs, strict=True)]
        told = "".join("       -" if ratio is None else f"{ratio:>8.2f}" for ratio in ratios)
        print(f"    stock over {other:<14}" + told)
    costs = ", ".join(f"{policy} {min(each.total_cost for each in curve):,.0f}" for policy, curve in curves.items())
    alone = next(each.total_cost for each in curves["default"] if each.knob == 0)
    print(f"    lowest total cost: {costs}; default left alone {alone:,.0f}")
