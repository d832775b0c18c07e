"""The sample shop: the same twice, continued without a seam, clean where it means to be, and believable."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from models.rules import lifecycle
from models.tables import FEEDS
from pipelines import feeds, sample
from pipelines.stages import rule_table
from pipelines.workspace import OrderhouseError, Workspace

FIRST = date(2026, 9, 25)
LAST = date(2026, 11, 3)
SHOP = {"orders_per_day": 40.0, "skus": 60, "seed": 7}
Rows = Callable[[str], pl.DataFrame]


def files(*landings: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for root in landings for path in root.rglob("*.csv")}


def taken(landing: Path, feed: str) -> tuple[pl.DataFrame, int]:
    """The accepted rows of a feed, of each key the newest, with the day of their file; and how many were rejected."""
    accepted, rejected = [], 0
    for path in sorted((landing / feed).glob("*.csv")):
        for block in feeds.read(path, path.name, FEEDS[feed], "Europe/Berlin"):
            told_on = date.fromisoformat(path.stem.removeprefix(f"{feed}-"))
            accepted.append(block.accepted.with_columns(told_on=pl.lit(told_on)))
            rejected += len(block.rejected)
    return pl.concat(accepted), rejected


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dirty") / "landing"
    sample.write(folder, first=FIRST, last=LAST, **SHOP)
    return folder


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Rows:
    folder = tmp_path_factory.mktemp("clean")
    sample.write(folder, first=FIRST, last=LAST, dirt=0, **SHOP)
    found = {feed: taken(folder, feed) for feed in sample.FEEDS_TOLD}
    assert {feed: rejected for feed, (_, rejected) in found.items() if rejected} == {}
    return lambda feed: found[feed][0]


def test_the_same_seed_gives_the_same_files_and_another_seed_another_shop(landing: Path, tmp_path: Path) -> None:
    sample.write(tmp_path / "again", first=FIRST, last=LAST, **SHOP)
    sample.write(tmp_path / "other", first=FIRST, last=LAST, **(SHOP | {"seed": 8}))
    assert files(tmp_path / "again") == files(landing)
    assert files(tmp_path / "other") != files(landing)


@pytest.mark.parametrize("seam", [FIRST, date(2026, 10, 24), LAST - timedelta(days=1)])
def test_two_stretches_written_one_after_the_other_are_the_files_of_both_at_once(
    landing: Path, tmp_path: Path, seam: date
) -> None:
    sample.write(tmp_path / "a", first=FIRST, last=seam, **SHOP)
    sample.write(tmp_path / "b", first=seam + timedelta(days=1), last=LAST, history_from=FIRST, **SHOP)
    assert files(tmp_path / "a", tmp_path / "b") == files(landing)


def test_history_older_than_any_open_order_is_not_needed_to_go_on(tmp_path: Path) -> None:
    shop = {"orders_per_day": 4.0, "skus": 20, "seed": 5}
    end = FIRST + timedelta(days=130)
    sample.write(tmp_path / "all", first=FIRST, last=end, **shop)
    sample.write(tmp_path / "last", first=end - timedelta(days=2), last=end, history_from=FIRST, **shop)
    all_at_once = files(tmp_path / "all")
    assert {name: all_at_once[name] for name in files(tmp_path / "last")} == files(tmp_path / "last")


def test_asking_for_some_feeds_gives_the_same_files_of_them(landing: Path, tmp_path: Path) -> None:
    asked = ("order_events", "stock_counts", "customers")
    written = sample.write(tmp_path, first=FIRST, last=LAST, feeds=asked, **SHOP)
    assert files(tmp_path) == {name: data for name, data in files(landing).items() if name.split("/")[0] in asked}
    assert set(written.rows) == set(asked)


def test_the_orders_of_a_day_are_the_same_whenever_the_sample_began(clean: Rows, tmp_path: Path) -> None:
    begun_later = LAST - timedelta(days=3)
    sample.write(tmp_path, first=begun_later, last=LAST, dirt=0, feeds=("orders", "order_lines"), **SHOP)
    for feed in ("orders", "order_lines"):
        later, _ = taken(tmp_path, feed)
        day = pl.col("order_id").str.slice(2, 8) >= f"{begun_later:%Y%m%d}"
        expected = clean(feed).filter(day).drop("record_number")
        assert later.drop("record_number").sort(pl.all()).equals(expected.sort(pl.all()))


def test_ids_carry_their_day_and_are_used_once(clean: Rows) -> None:
    orders = clean("orders").unique("order_id")
    day = orders["ordered_at"].dt.convert_time_zone("Europe/Berlin").dt.strftime("%Y%m%d")
    assert (orders["order_id"].str.slice(2, 8) == day).all()
    assert orders.filter(pl.col("order_id") == "O-20261103-0001").height == 1
    for feed, key in (("order_events", "event_id"), ("stock_movements", "movement_id"), ("payments", "payment_id")):
        told = clean(feed).drop("told_on", "record_number")
        assert told.unique().height == told[key].n_unique()


def test_a_sample_is_about_as_large_as_asked_for(clean: Rows) -> None:
    orders = clean("orders")["order_id"].n_unique()
    days = (LAST - FIRST).days + 1
    assert orders == pytest.approx(40 * days, rel=0.15)
    assert clean("order_lines").unique(["order_id", "line_no"]).height / orders == pytest.approx(3, rel=0.1)
    # Of the last days' orders the later events are not told yet; a longer sample comes to 8.7.
    assert clean("order_events")["event_id"].n_unique() / orders == pytest.approx(8, rel=0.1)
    assert clean("products")["sku"].n_unique() == 60


def test_about_two_of_a_hundred_rows_are_broken_and_most_come_again_whole(landing: Path) -> None:
    for feed in ("orders", "order_lines", "order_events", "stock_movements", "payments"):
        accepted, rejected = taken(landing, feed)
        assert 0.01 < rejected / (len(accepted) + rejected) < 0.035, feed
    orders = taken(landing, "orders")[0]["order_id"].n_unique()
    ordered = taken(landing, "order_lines")[0]["order_id"].n_unique()
    assert 0.98 < orders / ordered <= 1


def test_nothing_is_told_before_it_happened_and_some_of_it_days_later(clean: Rows) -> None:
    moments = {"orders": "ordered_at", "order_events": "occurred_at", "stock_movements": "moved_at"}
    moments |= {"payments": "received_on", "support_cases": "opened_at", "stock_counts": "counted_on"}
    for feed, moment in moments.items():
        rows, happened = clean(feed), pl.col(moment)
        if rows.schema[moment] != pl.Date:
            happened = happened.dt.convert_time_zone("Europe/Berlin").dt.date()
        waited = rows.select((pl.col("told_on") - happened).dt.total_days()).to_series()
        assert waited.min() == 0, feed
    late = clean("order_events").with_columns(on=pl.col("occurred_at").dt.convert_time_zone("Europe/Berlin").dt.date())
    assert late.filter(pl.col("told_on") - pl.col("on") >= timedelta(days=3)).height > 0


def test_without_dirt_everything_refers_to_something_known(clean: Rows) -> None:
    orders, lines = clean("orders"), clean("order_lines")
    known = {
        "order_id": orders["order_id"],
        "sku": clean("products")["sku"],
        "customer_id": clean("customers")["customer_id"],
        "location_id": clean("locations")["location_id"],
        "supplier_id": clean("suppliers")["supplier_id"],
    }
    for feed in sample.FEEDS_TOLD:
        rows = clean(feed)
        if feed == "order_lines":
            # An order may come a day after its lines.
            rows = rows.filter(pl.col("order_id").str.slice(2, 8) < f"{LAST:%Y%m%d}")
        for column in set(known).intersection(rows.columns):
            told = rows[column].drop_nulls()
            if column == "order_id" and feed != "order_lines":
                told = told.filter(told.str.slice(2, 8) < f"{LAST:%Y%m%d}")
            assert set(told) <= set(known[column]), f"{feed}.{column}"
    assert set(lines["order_id"]) >= set(orders["order_id"])


def test_without_dirt_no_event_is_impossible(clean: Rows, tmp_path: Path) -> None:
    orders = clean("orders").unique("order_id", keep="last", maintain_order=True)
    lines = clean("order_lines").unique(["order_id", "line_no"], keep="last", maintain_order=True)
    events = clean("order_events").unique("event_id", keep="first", maintain_order=True)
    told = events.with_columns(source=pl.lit("feed"), is_voided=pl.lit(False))
    folded = lifecycle.folded(orders, lines, told, rule_table(Workspace(tmp_path), "lifecycle"))
    assert folded.timeline.filter(~pl.col("is_accepted")).is_empty()
    assert set(folded.orders["fulfilment"]) >= {"none", "delivered", "partly_returned", "partly_shipped"}
    assert set(folded.orders["status"]) >= {"received", "confirmed", "cancelled"}


def test_dirt_makes_a_few_impossible_events(landing: Path, tmp_path: Path) -> None:
    orders = taken(landing, "orders")[0].unique("order_id", keep="last", maintain_order=True)
    lines = taken(landing, "order_lines")[0].unique(["order_id", "line_no"], keep="last", maintain_order=True)
    events = taken(landing, "order_events")[0].unique("event_id", keep="first", maintain_order=True)
    told = events.with_columns(source=pl.lit("feed"), is_voided=pl.lit(False))
    timeline = lifecycle.folded(orders, lines, told, rule_table(Workspace(tmp_path), "lifecycle")).timeline
    refused = timeline.filter(~pl.col("is_accepted"))
    assert 0 < refused.height / timeline.height < 0.01
    assert "shipped" in refused.filter(reason="nothing_left")["event"].to_list()


def test_the_week_has_its_shape_and_the_channels_their_share(clean: Rows) -> None:
    orders = (
        clean("orders")
        .unique("order_id")
        .with_columns(weekday=pl.col("ordered_at").dt.convert_time_zone("Europe/Berlin").dt.weekday())
    )
    shares = dict(orders["channel"].value_counts(normalize=True).iter_rows())
    assert shares == pytest.approx({"online": 0.7, "store": 0.2, "agent": 0.1}, abs=0.05)
    assert orders.filter(channel="store", weekday=7).is_empty()
    assert set(orders.filter(channel="agent")["weekday"]) == {1, 2, 3, 4, 5}


def test_christmas_is_busier_than_february(tmp_path: Path) -> None:
    def orders(first: date) -> int:
        written = sample.write(tmp_path, first=first, last=first + timedelta(days=13), feeds=("orders",), **SHOP)
        return written.rows["orders"]

    assert orders(date(2026, 12, 5)) > 1.3 * orders(date(2026, 2, 2))


def test_a_few_products_make_most_of_the_lines_and_many_are_slow(tmp_path: Path) -> None:
    sample.write(tmp_path, first=FIRST, last=LAST, dirt=0, feeds=("order_lines",), **(SHOP | {"skus": 300}))
    lines = taken(tmp_path, "order_lines")[0].group_by("sku").len().sort("len", descending=True)["len"]
    assert lines.head(60).sum() / lines.sum() > 0.5
    assert lines[150:].sum() / lines.sum() < 0.22


def test_some_orders_are_cancelled_come_in_parts_are_tried_twice_or_come_back(tmp_path: Path) -> None:
    days = {"first": LAST - timedelta(days=69), "last": LAST, "feeds": ("order_events",), "dirt": 0}
    sample.write(tmp_path, **days, **(SHOP | {"orders_per_day": 100.0}))
    events = taken(tmp_path, "order_events")[0]
    events = events.filter(pl.col("order_id").str.slice(2, 8) < f"{LAST - timedelta(days=44):%Y%m%d}")
    orders = events["order_id"].n_unique()

    def share(told: pl.DataFrame) -> float:
        return told["order_id"].n_unique() / orders

    parcels = events.filter(event="shipped").group_by("order_id").agg(pl.col("tracking_no").n_unique())
    assert share(events.filter(event="cancelled")) == pytest.approx(0.035, abs=0.02)
    assert share(parcels.filter(pl.col("tracking_no") > 1)) == pytest.approx(0.08, abs=0.03)
    assert share(events.filter(event="delivery_failed")) == pytest.approx(0.02, abs=0.015)
    assert share(events.filter(event="returned")) == pytest.approx(0.055, abs=0.025)
    assert share(events.filter(event="held")) == pytest.approx(0.015, abs=0.012)
    assert share(events.filter(event="released")) == share(events.filter(event="held"))
    assert 1 - events["event_id"].n_unique() / len(events) == pytest.approx(0.005, abs=0.002)


def test_stock_fits_what_is_sold_and_seldom_falls_below_nothing(clean: Rows) -> None:
    counts = clean("stock_counts").select("sku", "location_id", "quantity", on="counted_on", is_count=pl.lit(1))
    moved = clean("stock_movements").select(
        "sku", "location_id", "quantity", on=pl.col("moved_at").dt.convert_time_zone("Europe/Berlin").dt.date(),
        is_count=pl.lit(0, pl.Int32),
    )  # fmt: skip
    # A count starts the balance of its SKU and place anew; movements come before the count of their day.
    ledger = pl.concat([counts, moved], how="vertical_relaxed").sort("sku", "location_id", "on", "is_count")
    place = ["sku", "location_id"]
    ledger = ledger.with_columns(since=pl.col("is_count").cum_sum().over(place))
    ledger = ledger.with_columns(balance=pl.col("quantity").cum_sum().over([*place, "since"]))
    end_of_day = ledger.group_by(*place, "on", maintain_order=True).last()
    assert ledger["since"].min() == 1
    assert (end_of_day["balance"] < 0).mean() < 0.06
    before = ledger.with_columns(before=pl.col("balance").shift(1).over(place)).filter(is_count=1).drop_nulls("before")
    assert (before["quantity"] == before["before"]).mean() > 0.9


def test_transfers_balance_and_receipts_name_their_purchase(clean: Rows) -> None:
    moved = clean("stock_movements")
    transfers = moved.filter(kind="transfer").group_by("reference", "sku").agg(pl.col("quantity").sum(), rows=pl.len())
    assert set(transfers["quantity"]) == {0}
    assert set(transfers["rows"]) == {2}
    received = (
        clean("inbound")
        .filter(status="received")
        .group_by(reference="purchase_order_id", sku="sku", location_id="location_id")
    )
    booked = moved.filter(kind="receipt").select("reference", "sku", "location_id", "quantity")
    both = booked.join(received.agg(pl.col("received_quantity").last()), on=["reference", "sku", "location_id"])
    assert len(both) == len(booked) > 0
    assert (both["quantity"] == both["received_quantity"]).all()


def test_a_card_pays_what_the_order_comes_to(clean: Rows) -> None:
    orders = clean("orders").filter(channel="online").unique("order_id")
    lines = clean("order_lines").sort("told_on").unique(["order_id", "line_no"], keep="first")
    due = lines.group_by("order_id").agg(
        goods=(pl.col("quantity") * pl.col("unit_price") - pl.col("discount_amount").fill_null(0)).sum()
    )
    paid = (
        clean("payments")
        .filter(pl.col("amount") > 0, method="card")
        .join(orders, on="order_id")
        .join(due, on="order_id")
    )
    assert (paid["amount"] == paid["goods"] + paid["shipping_amount"]).mean() > 0.97


def test_no_order_is_placed_in_the_hour_that_clocks_skip_and_the_day_still_ends_at_midnight(tmp_path: Path) -> None:
    spring, autumn = date(2026, 3, 29), date(2026, 10, 25)
    shop = {"orders_per_day": 2000.0, "skus": 5, "seed": 1, "feeds": ("orders",), "dirt": 0.0}
    for day in (spring, autumn):
        sample.write(tmp_path, first=day, last=day, **shop)
        ordered = pl.read_csv(tmp_path / "orders" / f"orders-{day}.csv", infer_schema=False)["ordered_at"]
        berlin = [datetime.fromisoformat(moment).astimezone(ZoneInfo("Europe/Berlin")) for moment in ordered]
        assert {moment.date() for moment in berlin} == {day}
    assert {moment.hour for moment in berlin} == set(range(24))


@pytest.mark.parametrize(("orders_per_day", "skus", "days"), [(0.2, 1, 4), (3, 2, 30), (300, 3, 2), (5, 400, 1)])
def test_any_size_makes_a_sample(tmp_path: Path, orders_per_day: float, skus: int, days: int) -> None:
    written = sample.write(
        tmp_path, first=LAST - timedelta(days=days - 1), last=LAST, orders_per_day=orders_per_day, skus=skus, seed=0
    )
    assert written.rows["products"] >= skus
    assert written.files == len(files(tmp_path))
    assert not list(tmp_path.rglob("*.tmp"))


def test_the_sample_brings_settings_and_rule_tables_and_leaves_those_there_are(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "zones.csv").write_text("zone,country,postcode_from,postcode_to\nMINE,DE,,\n")
    written = sample.settle(tmp_path, FIRST)
    assert [path.name for path in written] == ["orderhouse.toml", "tax_rates.csv", "carrier_services.csv"]
    assert "MINE" in (tmp_path / "rules" / "zones.csv").read_text()
    business = Workspace(tmp_path).settings.business
    assert (business.time_zone, business.reporting_currency, business.goes_live_on) == ("Europe/Berlin", "EUR", FIRST)
    assert business.default_location == "WH-LEIPZIG"
    assert {"DE", "AT", "CH", "GB"} <= set(rule_table(Workspace(tmp_path), "tax_rates")["country"])
    assert sample.settle(tmp_path, LAST) == []


def test_zones_and_services_serve_every_country_of_the_sample(clean: Rows, tmp_path: Path) -> None:
    sample.settle(tmp_path, FIRST)
    zones = pl.read_csv(tmp_path / "rules" / "zones.csv", infer_schema=False)
    services = pl.read_csv(tmp_path / "rules" / "carrier_services.csv", infer_schema=False)
    assert set(clean("orders")["ship_country"].drop_nulls()) <= set(zones["country"])
    for level in ("standard", "express"):
        assert set(zones["zone"]) <= set(services.filter(service_level=level)["zone"])


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"last": FIRST - timedelta(days=1)}, "ask for at least one day"),
        ({"history_from": LAST}, "begin there or later"),
        ({"skus": 0}, "give larger numbers"),
        ({"orders_per_day": 0.0}, "give larger numbers"),
        ({"dirt": 0.9}, "between 0 and 0.5"),
        ({"feeds": ("weather",)}, "no feed weather"),
    ],
)
def test_what_makes_no_sample_is_refused_in_a_sentence(tmp_path: Path, asked: dict[str, object], sentence: str) -> None:
    with pytest.raises(OrderhouseError, match=sentence):
        sample.write(tmp_path, **({"first": FIRST, "last": LAST} | SHOP | asked))  # type: ignore[arg-type]
