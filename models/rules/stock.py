"""Stock: a ledger of all that moved, and what follows from it: positions, value at cost, age, history.

Every rule works on any set of SKUs and gives the same rows for them as on all. Value at cost is quantity x unit cost with
all four places of the cost, never rounded to cents: so the parts of a stock add up to the stock. Only where a cost is in
another currency is the value rounded, to four places, half away from zero. Zero units are worth 0 at any cost.
"""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import polars as pl

from models.rules import money
from models.rules.calendar import business_date
from models.tables.base import polars_schema
from models.tables.stock import AGE_BUCKETS, StockAgeing, StockHistory, StockLedger, StockPosition

PLACE = ["sku", "location_id"]
BEGINNING = date(1970, 1, 1)
"""The first business date that any contract lets in: what holds from here holds always."""
BUCKETS_END = (30, 60, 90, 180, 365)
"""The last day of age of each bucket but the open one."""
"""No stock is worth this much; beyond it a value counts as unknown, since sums of it might not fit."""


class Known(NamedTuple):
    """Rows whose product and location have arrived, and those that wait for one of them."""

    known: pl.DataFrame
    unknown: pl.DataFrame


def known(rows: pl.DataFrame, skus: pl.DataFrame, locations: pl.DataFrame) -> Known:
    """Part the rows that name a product and a location we know from those that have to wait.

    Args:
        rows: sku, location_id and more: movements, counts, shipped effects.
        skus: sku of every product delivered so far.
        locations: location_id of every location delivered so far; none at all: the shop keeps no list, any is known.

    Returns:
        known: the rows as they came. unknown: the others with `waits_for`, such as `product A-100`; the product is
        asked for first. Together they hold every row.
    """
    has_product = pl.col("sku").is_in(skus["sku"].unique().to_list())
    has_location = pl.col("location_id").is_not_null()
    if locations.height:
        has_location &= pl.col("location_id").is_in(locations["location_id"].unique().to_list())
    is_known = (has_product & has_location).fill_null(False)
    waits_for = (
        pl.when(~has_product.fill_null(False))
        .then(pl.format("product {}", pl.col("sku").fill_null("?")))
        .otherwise(pl.format("location {}", pl.col("location_id").fill_null("?")))
    )
    return Known(rows.filter(is_known), rows.filter(~is_known).with_columns(waits_for=waits_for))


def ledger(
    movements: pl.DataFrame,
    counts: pl.DataFrame,
    as_of: date,
    time_zone: str,
    shipped: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Write down every movement up to the end of the day, and what counts and shipped events imply.

    What is dated later waits. A position is 0 before its first row. A count is the end of its day: where it differs from
    the sum so far, the difference is posted on that day, and made anew every night, since an earlier movement may arrive
    late; a count that agrees posts nothing.

    Args:
        movements: StockMovement rows in force: products and locations known, voided ones left out.
        counts: StockCount rows in force, one per SKU, location and day.
        as_of: the business date.
        time_zone: the business time zone.
        shipped: where shipments are taken from events (`shipments_from_events`), see `shipments`; else none.

    Returns:
        StockLedger rows, ordered by sku, location_id, moved_on and movement_id, a count's adjustment last in its day.
    """
    schema = polars_schema(StockLedger)
    moved = movements.with_columns(moved_on=business_date(pl.col("moved_at"), time_zone)).filter(
        pl.col("moved_on") <= as_of
    )
    told = moved.with_columns(is_derived=pl.lit(False)).select(schema.names()).cast(schema)
    if shipped is not None:
        told = pl.concat([told, shipments(shipped, told, as_of, time_zone)])
    adjusted = _count_adjustments(told, counts.filter(pl.col("counted_on") <= as_of))
    return pl.concat([told, adjusted]).sort(
        *PLACE, "moved_on", pl.col("kind") == "count_adjustment", "movement_id", "is_derived"
    )


def shipments(shipped: pl.DataFrame, movements: pl.DataFrame, as_of: date, time_zone: str) -> pl.DataFrame:
    """Take out of stock what orders say was shipped, where the warehouse told no shipment itself.

    Never both: where a shipment movement refers to the order and is of the same SKU, nothing is derived for the two,
    however many units each side names.

    Args:
        shipped: order_id, line_no, sku, location_id, occurred_at, quantity of accepted shipped units.
        movements: sku, kind, reference of the movements up to the day.
        as_of: the business date; what was shipped later waits.
        time_zone: the business time zone.

    Returns:
        StockLedger rows of kind shipment, one per order line, location and day, with the order as reference.
    """
    schema = polars_schema(StockLedger)
    told = movements.filter(pl.col("kind") == "shipment").select("sku", order_id="reference")
    return (
        shipped.with_columns(moved_on=business_date(pl.col("occurred_at"), time_zone))
        .filter(pl.col("moved_on") <= as_of)
        .join(told, on=["order_id", "sku"], how="anti")
        .group_by("order_id", "line_no", *PLACE, "moved_on")
        .agg(quantity=-pl.col("quantity").sum())
        .filter(pl.col("quantity") != 0)
        .with_columns(
            kind=pl.lit("shipment"),
            unit_cost=None,
            reference="order_id",
            movement_id=pl.format("shipped:{}/{}@{}:{}", "order_id", "line_no", "location_id", "moved_on"),
            is_derived=pl.lit(True),
        )
        .select(schema.names())
        .cast(schema)
        .sort(*PLACE, "moved_on", "movement_id")
    )


def _count_adjustments(moved: pl.DataFrame, counts: pl.DataFrame) -> pl.DataFrame:
    """What each count differs by from the movements up to its day and the adjustments of earlier counts."""
    schema = polars_schema(StockLedger)
    days = moved.join(counts, on=PLACE, how="semi").group_by(*PLACE, "moved_on").agg(pl.col("quantity").sum())
    # An earlier count has already moved the position by what it differed by, so that only the change of it is posted.
    counted = counts.select(*PLACE, moved_on="counted_on", counted="quantity")
    return (
        days.join(counted, on=[*PLACE, "moved_on"], how="full", coalesce=True, validate="1:1")
        .sort(*PLACE, "moved_on")
        .with_columns(upto=pl.col("quantity").fill_null(0).cum_sum().over(PLACE))
        .filter(pl.col("counted").is_not_null())
        .with_columns(difference=pl.col("counted") - pl.col("upto"))
        .with_columns(quantity=pl.col("difference") - pl.col("difference").shift(1).over(PLACE).fill_null(0))
        .filter(pl.col("quantity") != 0)
        .with_columns(
            kind=pl.lit("count_adjustment"),
            unit_cost=None,
            reference=None,
            movement_id=pl.format("count:{}@{}:{}", "sku", "location_id", "moved_on"),
            is_derived=pl.lit(True),
        )
        .select(schema.names())
        .cast(schema)
    )


def unbalanced_transfers(ledger: pl.DataFrame) -> pl.DataFrame:
    """Name the transfers of which less came in than went out, or more; goods on the way are among them until they arrive.

    Sides belong together by SKU and reference; without a reference, by SKU and day.

    Args:
        ledger: StockLedger rows.

    Returns:
        sku, reference, moved_on (of its first side), quantity_in, quantity_out, movement_ids, ordered by the first three.
    """
    quantity = pl.col("quantity")
    return (
        ledger.filter(pl.col("kind") == "transfer")
        .with_columns(day=pl.when(pl.col("reference").is_null()).then("moved_on"))
        .group_by("sku", "reference", "day")
        .agg(
            pl.col("moved_on").min(),
            quantity_in=quantity.filter(quantity > 0).sum(),
            quantity_out=-quantity.filter(quantity < 0).sum(),
            movement_ids=pl.col("movement_id").sort(),
        )
        .filter(pl.col("quantity_in") != pl.col("quantity_out"))
        .drop("day")
        .sort("sku", "reference", "moved_on", nulls_last=False)
    )


def dated(products: pl.DataFrame, names: Sequence[str], as_of: date, time_zone: str) -> pl.DataFrame:
    """Say from which day on which terms of a SKU hold: those of the product version valid at the end of the day.

    Args:
        products: every accepted version: sku, the terms, updated_at, taken_in_on and version, as `unit_costs` takes them.
        names: the terms.
        as_of: the business date; versions written later wait.
        time_zone: the business time zone.

    Returns:
        sku, valid_from and the terms, ordered by the first two, one row per change; the first version of a SKU holds from
        1970-01-01, also for the days before it was written.
    """
    later = pl.col("valid_from").reverse().cum_min().reverse().shift(-1).over("sku")
    is_same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift(1).over("sku")) for name in names)
    is_first = pl.int_range(pl.len()).over("sku") == 0
    return (
        products.select(
            "sku",
            "version",
            *names,
            valid_from=pl.coalesce(business_date(pl.col("updated_at"), time_zone), "taken_in_on", pl.lit(BEGINNING)),
        )
        .filter(pl.col("valid_from") <= as_of)
        .sort("sku", "version")
        .filter((pl.col("valid_from") < later).fill_null(True))
        .filter(is_first | ~is_same)
        .with_columns(valid_from=pl.when(is_first).then(pl.lit(BEGINNING)).otherwise("valid_from"))
        .select("sku", "valid_from", *names)
    )


def unit_costs(products: pl.DataFrame, as_of: date, time_zone: str, reporting_currency: str) -> pl.DataFrame:
    """Say from which day on which cost of a SKU holds: the product version valid at the end of the day.

    Args:
        products: every accepted version: sku, unit_cost, currency (none: the reporting currency), updated_at,
            taken_in_on (the night that took it in; holds where updated_at is empty), version (a number that grows in the
            order in which versions supersede each other).
        as_of: the business date; versions written later wait.
        time_zone: the business time zone.
        reporting_currency: the currency of reports.

    Returns:
        sku, valid_from, unit_cost, currency, ordered by the first two, one row per change; the first version of a SKU
        holds from 1970-01-01, also for the days before it was written.
    """
    costs = products.with_columns(
        unit_cost=pl.col("unit_cost").cast(money.STORED), currency=pl.col("currency").fill_null(reporting_currency)
    )
    return dated(costs, ("unit_cost", "currency"), as_of, time_zone)


def rates(exchange_rates: pl.DataFrame, reporting_currency: str) -> pl.DataFrame:
    """Say from which day on which exchange rate of a currency holds; 1 for the reporting currency, always.

    Args:
        exchange_rates: ExchangeRate rows as of the night, one per currency and day.
        reporting_currency: the currency of reports.

    Returns:
        currency, valid_from, rate, ordered by the first two; a day before a currency's first row has no rate.
    """
    itself = pl.DataFrame({"currency": [reporting_currency], "valid_from": [BEGINNING], "rate": [1]})
    schema = pl.Schema({"currency": pl.String(), "valid_from": pl.Date(), "rate": money.EXACT})
    quoted = exchange_rates.filter(pl.col("currency") != reporting_currency)
    return pl.concat(
        [quoted.select("currency", valid_from="quoted_on", rate="rate").cast(schema), itself.cast(schema)]
    ).sort("currency", "valid_from")


def costed(rows: pl.DataFrame, day: str, costs: pl.DataFrame) -> pl.DataFrame:
    """Put the unit cost that held on the day beside each row, and its currency; none where the product has none."""
    if not rows.height or not costs.height:
        return rows.with_columns(unit_cost=pl.lit(None, costs.schema["unit_cost"]), currency=pl.lit(None, pl.String))
    return (
        rows.sort(day)
        .join_asof(costs.sort("valid_from"), left_on=day, right_on="valid_from", by="sku", check_sortedness=False)
        .drop("valid_from")
    )


def local_value(quantity: str) -> pl.Expr:
    """Units at cost in the cost's own currency, exact; zero units are worth 0, whatever they cost."""
    units = pl.col(quantity)
    is_money = (units.cast(pl.Float64) * pl.col("unit_cost").cast(pl.Float64)).abs() < money.LARGEST_VALUE
    worth = units.cast(pl.Decimal(38, 0)) * pl.when(is_money).then(pl.col("unit_cost")).cast(money.SUM)
    return pl.when(units == 0).then(pl.lit(0).cast(money.SUM)).otherwise(worth)


def valued(rows: pl.DataFrame, day: str, quantity: str, rates: pl.DataFrame) -> pl.DataFrame:
    """Put beside each row what its units are worth in the reporting currency, as `value`.

    Args:
        rows: the quantity, unit_cost and currency, and the day whose exchange rate counts, else the last earlier one.
        day: name of the column of the day.
        quantity: name of the column of the quantity.
        rates: see `rates`.

    Returns:
        The rows with `value`, in no certain order; none where cost or rate is unknown.
    """
    if not rows.height:
        return rows.with_columns(value=pl.lit(None, money.SUM))
    return (
        rows.sort(day)
        .join_asof(rates.sort("valid_from"), left_on=day, right_on="valid_from", by="currency", check_sortedness=False)
        .with_columns(value=local_value(quantity))
        .with_columns(
            value=pl.when(pl.col("value") == 0).then("value").otherwise(money.at_rate(pl.col("value"), pl.col("rate")))
        )
        .drop("valid_from", "rate")
    )


def open_inbound(inbound: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Say how many units of each purchase are still to come.

    Received closes a line, however few came, unless it is dated later than the day: then it is still expected whole.
    Before that, ordered less received so far is open; more than ordered leaves nothing open. Cancelled is closed.

    Args:
        inbound: Inbound rows in force; those ordered later than the day are left out.
        as_of: the business date.

    Returns:
        The Inbound rows with open_quantity above 0, ordered by purchase_order_id and line_no.
    """
    is_future = (pl.col("received_on") > as_of).fill_null(False)
    is_closed = (pl.col("status") == "cancelled") | (pl.col("status") == "received") & ~is_future
    received = pl.when(is_future).then(0).otherwise(pl.col("received_quantity").fill_null(0))
    return (
        inbound.filter((pl.col("ordered_on") <= as_of) & ~is_closed)
        .with_columns(open_quantity=pl.col("quantity") - received)
        .filter(pl.col("open_quantity") > 0)
        .sort("purchase_order_id", "line_no")
    )


def positions(
    ledger: pl.DataFrame,
    as_of: date,
    costs: pl.DataFrame,
    rates: pl.DataFrame,
    inbound: pl.DataFrame | None = None,
    allocated: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Say what is on hand, promised, free and under way of each SKU at each location, and what it is worth at cost.

    A negative position (oversold) is shown as it is, and so is its value.

    Args:
        ledger: StockLedger rows; those after the day are left out.
        as_of: the business date.
        costs: see `unit_costs`.
        rates: see `rates`.
        inbound: Inbound rows in force; a SKU and location with open units has a row, also with nothing on hand.
        allocated: sku, location_id, quantity of units given to orders; likewise.

    Returns:
        StockPosition rows, ordered by sku and location_id.
    """
    schema = polars_schema(StockPosition)
    parts = [ledger.filter(pl.col("moved_on") <= as_of).select(*PLACE, on_hand="quantity")]
    if inbound is not None:
        parts.append(open_inbound(inbound, as_of).select(*PLACE, inbound="open_quantity"))
    if allocated is not None:
        parts.append(allocated.select(*PLACE, allocated="quantity"))
    held = (
        pl.concat(parts, how="diagonal")
        .with_columns(pl.lit(0, pl.Int64).alias(name) for name in ("inbound", "allocated") if not _has(parts, name))
        .group_by(PLACE)
        .agg(pl.col("on_hand", "allocated", "inbound").sum())
        .with_columns(as_of=pl.lit(as_of), available=pl.col("on_hand") - pl.col("allocated"))
    )
    return (
        valued(costed(held, "as_of", costs), "as_of", "on_hand", rates).select(schema.names()).cast(schema).sort(PLACE)
    )


def _has(frames: list[pl.DataFrame], column: str) -> bool:
    return any(column in frame.columns for frame in frames)


def ageing(ledger: pl.DataFrame, as_of: date, costs: pl.DataFrame, rates: pl.DataFrame) -> pl.DataFrame:
    """Say how long what is left of each SKU has been lying, first in, first out.

    Over all locations, transfers aside, so that goods on the way between two of them are counted too. Any positive
    movement opens a layer on its day; what goes out eats the oldest, and what it does not find, the next that comes in.
    What is left of a layer therefore depends on what came in before it and on all that went out, not on when.

    Args:
        ledger: StockLedger rows; those after the day are left out.
        as_of: the business date.
        costs: see `unit_costs`.
        rates: see `rates`.

    Returns:
        StockAgeing rows with units left, ordered by sku and age; a SKU with nothing left has none.
    """
    schema = polars_schema(StockAgeing)
    quantity = pl.col("quantity")
    moved = ledger.filter((pl.col("moved_on") <= as_of) & (pl.col("kind") != "transfer"))
    gone = moved.filter(quantity < 0).group_by("sku").agg(gone=-quantity.sum())
    age = (pl.lit(as_of) - pl.col("moved_on")).dt.total_days()
    bucket = age.cut(list(BUCKETS_END), labels=list(AGE_BUCKETS)).cast(pl.String)
    left = (
        moved.filter(quantity > 0)
        .group_by("sku", "moved_on")
        .agg(quantity.sum())
        .sort("sku", "moved_on")
        .join(gone, on="sku", how="left", validate="m:1", maintain_order="left")
        .with_columns(beyond=quantity.cum_sum().over("sku") - pl.col("gone").fill_null(0))
        .with_columns(quantity=pl.min_horizontal(quantity, pl.col("beyond")))
        .filter(quantity > 0)
        .group_by("sku", bucket=bucket)
        .agg(quantity.sum())
        .with_columns(as_of=pl.lit(as_of))
    )
    return (
        valued(costed(left, "as_of", costs), "as_of", "quantity", rates)
        .select(schema.names())
        .cast(schema)
        .sort("sku", pl.col("bucket").replace_strict(AGE_BUCKETS, range(len(AGE_BUCKETS)), return_dtype=pl.Int8))
    )


def history(ledger: pl.DataFrame, as_of: date, costs: pl.DataFrame, rates: pl.DataFrame) -> pl.DataFrame:
    """Keep of each SKU and location only the days on which its closing stock, or the cost of it, became another.

    A row holds until the next one. The first is the day of the first movement, whatever it closed at. A new exchange rate
    alone makes no row: the value is at the rate of the row's own day.

    Args:
        ledger: StockLedger rows; those after the day are left out.
        as_of: the business date.
        costs: see `unit_costs`.
        rates: see `rates`.

    Returns:
        StockHistory rows, ordered by their key.
    """
    schema = polars_schema(StockHistory)
    moved = (
        ledger.filter(pl.col("moved_on") <= as_of)
        .group_by(*PLACE, day="moved_on")
        .agg(pl.col("quantity").sum())
        .with_columns(is_new_cost=pl.lit(False))
    )
    since = moved.group_by(PLACE).agg(first=pl.col("day").min())
    recosted = (
        costs.filter((pl.col("valid_from") > BEGINNING) & (pl.col("valid_from") <= as_of))
        .join(since, on="sku")
        .filter(pl.col("valid_from") > pl.col("first"))
        .select(*PLACE, day="valid_from", quantity=pl.lit(0, pl.Int64), is_new_cost=pl.lit(True))
    )
    on_hand = pl.col("on_hand")
    is_another = (on_hand != on_hand.shift(1).over(PLACE)).fill_null(True)
    closed = (
        pl.concat([moved, recosted])
        .group_by(*PLACE, "day")
        .agg(pl.col("quantity").sum(), pl.col("is_new_cost").any())
        .sort(*PLACE, "day")
        .with_columns(on_hand=pl.col("quantity").cum_sum().over(PLACE))
        .filter(is_another | (pl.col("is_new_cost") & (on_hand != 0)))
    )
    return (
        valued(costed(closed, "day", costs), "day", "on_hand", rates)
        .select(schema.names())
        .cast(schema)
        .sort(*PLACE, "day")
    )


def broken_balances(opening: pl.DataFrame, moved: pl.DataFrame, closing: pl.DataFrame) -> pl.DataFrame:
    """Name every SKU and location where opening + in - out is not closing.

    Args:
        opening: sku, location_id, on_hand before the first of the movements; a missing one is 0.
        moved: StockLedger rows between the two.
        closing: sku, location_id, on_hand after the last of them; a missing one is 0.

    Returns:
        sku, location_id, opening, quantity_in, quantity_out, closing of each violation; none: the books balance.
    """
    quantity = pl.col("quantity")
    figures = ["opening", "quantity_in", "quantity_out", "closing"]
    return (
        pl.concat(
            [
                opening.select(*PLACE, opening="on_hand"),
                moved.filter(quantity > 0).select(*PLACE, quantity_in="quantity"),
                moved.filter(quantity < 0).select(*PLACE, quantity_out=-quantity),
                closing.select(*PLACE, closing="on_hand"),
            ],
            how="diagonal",
        )
        .group_by(PLACE)
        .agg(pl.col(figures).sum())
        .filter(pl.col("opening") + pl.col("quantity_in") - pl.col("quantity_out") != pl.col("closing"))
        .sort(PLACE)
    )


def missed_counts(ledger: pl.DataFrame, counts: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Name every count that the ledger does not close at on its day.

    Args:
        ledger: StockLedger rows.
        counts: StockCount rows in force; those after the day are left out.
        as_of: the business date.

    Returns:
        sku, location_id, counted_on, counted, on_hand of each violation; none: every count is met.
    """
    closed = (
        ledger.group_by(*PLACE, "moved_on")
        .agg(pl.col("quantity").sum())
        .sort("moved_on", *PLACE)
        .with_columns(on_hand=pl.col("quantity").cum_sum().over(PLACE))
    )
    return (
        counts.filter(pl.col("counted_on") <= as_of)
        .select(*PLACE, "counted_on", counted="quantity")
        .sort("counted_on")
        .join_asof(
            closed.select(*PLACE, "moved_on", "on_hand"),
            left_on="counted_on",
            right_on="moved_on",
            by=PLACE,
            check_sortedness=False,
        )
        .with_columns(pl.col("on_hand").fill_null(0))
        .filter(pl.col("counted") != pl.col("on_hand"))
        .select(*PLACE, "counted_on", "counted", "on_hand")
        .sort(*PLACE, "counted_on")
    )
