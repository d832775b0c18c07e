"""A believable published file without a pipeline: enough of everything that the pages show, and texts meant to do harm.

By hand: `python -m tests.dashboards.sample_publication WORKSPACE [ORDERS [DAYS]]` fills a workspace with publications.
"""

import json
import sys
from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import polars as pl

from models.tables import CATALOG
from models.tables.base import declaration, empty, polars_schema

AS_OF = date(2026, 11, 24)
CATEGORIES = (
    "Kitchen",
    "Garden & outdoor",
    "Bücher, Hörbücher und sämtliche Zeitschriften für Kinder und Jugendliche ab sechs Jahren",
    "Lighting",
    "Toys",
    "<script>alert('x')</script>",
    "[Textiles](http://example.invalid/x)",
    "Office",
    None,
)
COUNTRIES = ("DE", "GB", "FR", "NL", "AT", "SE", "IT", None)
HARMFUL = "Grüße **fett** [link](http://example.invalid) <img src=x onerror=alert(1)> $x^2$ :red[x]"
TABLES = {
    declaration(table).name: table
    for table in CATALOG
    if declaration(table).is_published
    and (declaration(table).name not in ("orders", "order_lines") or declaration(table).kind == "state")
}


def publish(root: Path, tables: dict[str, pl.DataFrame], as_of: date = AS_OF, number: int = 1) -> Path:
    """Write these tables, the others empty, as the newest publication of a workspace."""
    folder = root / "published"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"orderhouse-{as_of}-{number}.duckdb"
    file.unlink(missing_ok=True)
    with duckdb.connect(file) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for name, table in TABLES.items():
            frame = tables.get(name, empty(table))
            schema = polars_schema(table)
            missing = [
                pl.lit(None, kind).alias(column) for column, kind in schema.items() if column not in frame.columns
            ]
            shaped = frame.with_columns(missing).select(schema.names()).cast(dict(schema))
            connection.register("shaped", shaped.to_arrow())
            connection.execute(f'CREATE TABLE "{name}" AS SELECT * FROM shaped')
            connection.unregister("shaped")
    pointer = {"file": file.name, "as_of": as_of.isoformat(), "publication": number}
    (folder / "current.json").write_text(json.dumps(pointer), encoding="utf-8")
    return file


def publication(
    orders: int = 26_000, days: int = 430, as_of: date = AS_OF, *, back: int = 0, seed: int = 7, is_green: bool = True
) -> dict[str, pl.DataFrame]:
    """The tables of a shop that sold `orders` orders in `days` days up to `as_of`, as they were `back` nights before."""
    rng = np.random.default_rng(seed)
    calendar = np.array([as_of - timedelta(days=days - 1 - ago) for ago in range(days)])
    weekday = np.array([0.9, 0.95, 1.0, 1.05, 1.2, 1.35, 0.8])[[day.weekday() for day in calendar]]
    season = 1 + 0.25 * np.sin((np.array([day.timetuple().tm_yday for day in calendar]) - 240) / 365 * 2 * np.pi)
    weight = weekday * season * np.linspace(0.85, 1.15, days)
    ago = np.sort(rng.choice(days, orders, p=weight / weight.sum()))
    second = rng.integers(6 * 3600, 22 * 3600, orders)
    channel = rng.choice(["online", "store", "agent"], orders, p=[0.62, 0.28, 0.10])
    country = rng.choice(np.array(COUNTRIES, dtype=object), orders, p=[0.38, 0.16, 0.12, 0.10, 0.09, 0.07, 0.05, 0.03])
    currency = np.where(country == "GB", "GBP", np.where(country == "SE", "SEK", "EUR"))
    currency = np.where(rng.random(orders) < 0.004, "XOF", currency)
    day = calendar[ago]
    midnight = np.array(day, dtype="datetime64[s]")
    ordered_at = midnight + second.astype("timedelta64[s]")
    age = (days - 1 - ago - back) + rng.random(orders)
    steps = np.cumsum(rng.gamma(1.6, [[0.2], [0.7], [1.1]], (3, orders)), axis=0)
    steps[:, channel == "store"] = 0.01
    is_stuck = (rng.random(orders) < 0.006) & (age < 60)
    is_held = (rng.random(orders) < np.where(age < 4, 0.05, 0.0004)) & (channel != "store")
    is_rejected = rng.random(orders) < 0.003
    is_cancelled = (rng.random(orders) < 0.03) & ~is_rejected & ~is_held
    is_confirmed = (age >= 0.3) & ~is_held & ~is_rejected
    is_active = is_confirmed & ~is_cancelled
    is_shipped = is_active & (age > steps[1]) & ~is_stuck
    is_delivered = is_shipped & (age > steps[2]) & (rng.random(orders) > 0.004)
    is_returned = is_delivered & (rng.random(orders) < 0.05) & (age > 20) & (channel != "store")
    fulfilment = np.select(
        [is_returned, is_delivered, is_shipped, is_active & (rng.random(orders) < 0.4)],
        ["returned", "delivered", "shipped", "allocated"],
        "none",
    )
    status = np.select(
        [is_rejected, is_held, is_cancelled, is_delivered & (age > 30), is_confirmed],
        ["rejected", "on_hold", "cancelled", "closed", "confirmed"],
        "received",
    )
    order_id = np.array([f"{channel[i][0].upper()}-{day[i]:%y%m%d}-{i:07d}" for i in range(orders)])
    if orders > 20:
        order_id[-3] = '=HYPERLINK("http://example.invalid")'

    def at(fraction: np.ndarray) -> np.ndarray:
        return ordered_at + (fraction * 86400).astype("timedelta64[s]")

    base = pl.DataFrame(
        {
            "order_id": order_id,
            "channel": channel,
            "country": pl.Series(list(country), dtype=pl.String),
            "currency": currency,
            "ordered_on": pl.Series(list(day), dtype=pl.Date),
            "ordered_at": pl.Series(ordered_at.astype("datetime64[us]")).dt.replace_time_zone("UTC"),
            "status": status,
            "fulfilment": fulfilment,
            "packed_at": pl.Series(at(steps[0]).astype("datetime64[us]")).dt.replace_time_zone("UTC"),
            "shipped_at": pl.Series(at(steps[1]).astype("datetime64[us]")).dt.replace_time_zone("UTC"),
            "delivered_at": pl.Series(at(steps[2]).astype("datetime64[us]")).dt.replace_time_zone("UTC"),
            "is_confirmed": is_confirmed,
            "is_shipped": is_shipped,
            "is_delivered": is_delivered,
            "is_returned": is_returned,
            "is_cancelled": is_cancelled,
            "customer_id": np.char.add("C-", rng.integers(1, max(orders // 3, 2), orders).astype(str)),
            "lines": rng.choice([1, 2, 3, 4], orders, p=[0.4, 0.3, 0.2, 0.1]),
            "has_refused_fact": rng.random(orders) < 0.002,
        }
    )
    as_of -= timedelta(days=back)
    base = base.filter(pl.col("ordered_on") <= as_of)
    skus = 300
    product_price = np.round(rng.gamma(2, 12, skus) + 2, 2)
    product_category = rng.choice(
        np.array(CATEGORIES, dtype=object), skus, p=[0.2, 0.16, 0.14, 0.12, 0.12, 0.09, 0.08, 0.06, 0.03]
    )
    products = pl.DataFrame(
        {
            "sku": [f"SKU-{i:05d}" for i in range(skus)],
            "name": [f"{product_category[i] or 'Unsorted'} no. {i}" if i % 7 else HARMFUL for i in range(skus)],
            "category": pl.Series(list(product_category), dtype=pl.String),
            "unit_price": product_price,
            "currency": "EUR",
            "file_id": "f",
            "record_number": range(1, skus + 1),
        }
    )
    lines = base.with_columns(line_no=pl.int_ranges(1, pl.col("lines") + 1)).explode("line_no").drop("lines")
    pick = np.minimum((np.random.default_rng(seed + 1).pareto(1.2, lines.height) * 12).astype(int), skus - 1)
    quantity = np.random.default_rng(seed + 2).choice([1, 2, 3, 6, 12], lines.height, p=[0.6, 0.2, 0.1, 0.06, 0.04])
    drift = 1 + 0.04 * (lines["ordered_on"].to_numpy() > np.datetime64(as_of - timedelta(days=40)))
    price = np.round(product_price[pick] * drift, 2)
    rate = pl.col("currency").replace_strict(
        {"EUR": 1.0, "GBP": 1.17, "SEK": 0.089, "XOF": None}, return_dtype=pl.Float64
    )
    discount = np.where(
        np.random.default_rng(seed + 3).random(lines.height) < 0.15, np.round(price * quantity * 0.1, 2), 0
    )
    lines = lines.with_columns(
        sku=pl.Series(products["sku"].to_numpy()[pick]),
        category=pl.Series(list(product_category[pick]), dtype=pl.String),
        units=pl.Series(quantity),
        price=pl.Series(price),
        discount=pl.Series(discount),
    ).with_columns(gross=(pl.col("units") * pl.col("price")).round(2), rate=rate)
    sold = lines.filter(pl.col("status") != "rejected")
    undone = {"cancelled": sold.filter("is_cancelled"), "returned": sold.filter("is_returned")}
    late = {
        kind: np.random.default_rng(seed + 4).integers(*((0, 3) if kind == "cancelled" else (6, 19)), part.height)
        for kind, part in undone.items()
    }
    entries = pl.concat(
        [sold.with_columns(day="ordered_on", kind=pl.lit("ordered"))]
        + [
            part.with_columns(
                day=(pl.col("ordered_on") + pl.duration(days=pl.Series(late[kind]))).clip(None, as_of),
                kind=pl.lit(kind),
            )
            for kind, part in undone.items()
        ]
    ).with_columns(
        gross_amount="gross",
        discount_amount="discount",
        gross_amount_r=(pl.col("gross") * pl.col("rate")).round(2),
        discount_amount_r=(pl.col("discount") * pl.col("rate")).round(2),
    )
    money = lines.group_by("order_id").agg(
        goods_amount=pl.col("gross").sum().round(2), discount_amount=pl.col("discount").sum().round(2)
    )
    whole = base.join(money, on="order_id", maintain_order="left").with_columns(
        promised_on=pl.col("ordered_on").dt.offset_by("5d")
    )
    table_orders = whole.with_columns(
        service_level=pl.lit("standard"),
        billing=pl.lit("none"),
        payment=pl.lit("none"),
        is_history=False,
        confirmed_at=pl.when("is_confirmed").then("ordered_at"),
        shipping_amount=pl.lit(4.9),
        shipped_on=pl.when("is_shipped").then(pl.col("shipped_at").dt.date()),
        delivered_on=pl.when("is_delivered").then(pl.col("delivered_at").dt.date()),
        first_promised_on="promised_on",
        ship_country="country",
        ship_name=pl.lit(HARMFUL),
        file_id=pl.lit("f"),
        record_number=1,
        as_of=pl.lit(as_of),
    )
    active = pl.col("units") * pl.col("is_shipped").cast(pl.Int64)
    table_lines = lines.with_columns(
        quantity="units",
        unit_price="price",
        discount_amount="discount",
        cancelled=pl.col("units") * pl.col("is_cancelled").cast(pl.Int64),
        allocated=active,
        picked=active,
        packed=active,
        shipped=active,
        delivered=pl.col("units") * pl.col("is_delivered").cast(pl.Int64),
        returned=pl.col("units") * pl.col("is_returned").cast(pl.Int64),
        invoiced=0,
        credited=0,
        file_id=pl.lit("f"),
        record_number=1,
        as_of=pl.lit(as_of),
    )

    def events(part: pl.DataFrame, event: str, moment: str, source: str = "feed", **more: object) -> pl.DataFrame:
        return part.select(
            "order_id",
            line_no=pl.lit(None, pl.Int64),
            event_id=pl.concat_str("order_id", pl.lit(f":{event}:{len(more)}")),
            occurred_at=pl.col(moment),
            event=pl.lit(event),
            quantity=pl.lit(None, pl.Int64),
            is_accepted=pl.lit(more.get("is_accepted", True)),
            reason=pl.lit(more.get("reason"), pl.String),
            anomaly=pl.lit(more.get("anomaly"), pl.String),
            source=pl.lit(source),
            location_id=pl.lit("W1"),
            carrier=pl.lit("DHL" if event in ("shipped", "delivered") else None, pl.String),
            tracking_no=pl.lit("00340434161094015902" if event in ("shipped", "delivered") else None, pl.String),
        )

    some = base.filter("is_delivered").gather_every(97)
    timeline = pl.concat(
        [
            events(base, "placed", "ordered_at"),
            events(base.filter("is_confirmed"), "confirmed", "ordered_at", "night"),
            events(base.filter(pl.col("status") == "on_hold"), "held", "ordered_at", "night", reason="credit_exceeded"),
            events(base.filter("is_cancelled"), "cancelled", "packed_at", reason=HARMFUL),
            events(base.filter("is_shipped"), "packed", "packed_at"),
            events(base.filter("is_shipped"), "shipped", "shipped_at"),
            events(base.filter("is_delivered"), "delivered", "delivered_at"),
            events(base.filter("is_returned"), "returned", "delivered_at"),
            events(some, "shipped", "delivered_at", is_accepted=False, reason="nothing_left"),
            events(some.gather_every(3), "note", "delivered_at", reason=HARMFUL),
            events(
                some.gather_every(5),
                "in_transit",
                "packed_at",
                anomaly="shipped_before_confirmed",
                reason=None,
                is_accepted=True,
            ),
        ]
    )
    held = whole.filter(pl.col("status") == "on_hold")
    gates = ["unknown_customer", "credit_exceeded", "address_incomplete", "price_deviates"]
    findings = held.select(
        "order_id",
        line_no=pl.lit(None, pl.Int64),
        gate=pl.Series([gates[i % 4] for i in range(held.height)], dtype=pl.String),
        severity=pl.lit("hold"),
        facts=pl.lit(f"The customer's open balance is 1,240.00 EUR of 1,000.00 EUR. {HARMFUL}"),
        is_open=True,
        as_of=(pl.col("ordered_on")),
        closed_on=pl.lit(None, pl.Date),
    )
    nights = [as_of - timedelta(days=ago) for ago in range(min(35, days))]
    attention = pl.concat(
        [
            held.head(60).select(
                as_of=pl.lit(as_of),
                item_id=pl.concat_str(pl.lit("held:"), "order_id"),
                role=pl.lit("operator"),
                kind=pl.lit("order_on_hold"),
                subject_id="order_id",
                amount="goods_amount",
                due_on=pl.lit(None, pl.Date),
                first_seen_on="ordered_on",
                sentence=pl.format(
                    "Order {} is on hold: its customer is not known. Add the customer or release it. " + HARMFUL,
                    "order_id",
                ),
                page=pl.lit("lifecycle"),
            ),
            whole.filter((pl.col("status") == "confirmed") & pl.col("fulfilment").is_in(["none", "allocated"]))
            .tail(25)
            .select(
                as_of=pl.lit(as_of),
                item_id=pl.concat_str(pl.lit("late:"), "order_id"),
                role=pl.lit("support"),
                kind=pl.lit("late_order"),
                subject_id="order_id",
                amount="goods_amount",
                due_on="promised_on",
                first_seen_on="ordered_on",
                sentence=pl.format("Order {} was promised and has not left the house; tell the customer.", "order_id"),
                page=pl.lit("lifecycle"),
            ),
            pl.DataFrame(
                {
                    "as_of": [as_of, as_of],
                    "item_id": ["file:1", "rejects:1"],
                    "role": ["operator", "operator"],
                    "kind": ["file_held", "rows_rejected"],
                    "subject_id": ["products_2026-11-24.csv", "orders"],
                    "amount": [None, 1840.5],
                    "due_on": [None, None],
                    "first_seen_on": [as_of, as_of],
                    "sentence": [
                        "File products_2026-11-24.csv is held: the column unit_price is missing. Ask the shop for a new file.",
                        "31 records of orders were rejected; download, repair and resubmit them.",
                    ],
                    "page": ["intake", "intake"],
                },
                schema_overrides={"due_on": pl.Date},
            ),
        ],
        how="vertical_relaxed",
    )
    proofs = [
        "rows_in_equal_rows_out",
        "every_order_has_one_status",
        "units_per_line_add_up",
        "sales_entries_match_lines",
        "daily_orders_match_entries",
        "every_row_satisfies_its_table",
    ]
    certificate = pl.DataFrame(
        [
            {
                "as_of": night,
                "proof": proof,
                "expected": str(base.height),
                "found": str(base.height - (night == as_of and not is_green and index == 2)),
                "is_green": not (night == as_of and not is_green and index == 2),
                "details": None if index else "All files of the night.",
            }
            for night in nights
            for index, proof in enumerate(proofs)
        ],
        schema_overrides={"details": pl.String},
    )
    feeds = (
        "products",
        "customers",
        "orders",
        "order_lines",
        "order_events",
        "stock_movements",
        "payments",
        "support_cases",
    )
    files, rejects = [], []
    reasons = [
        "quantity: format: '1,5'",
        "ordered_at: missing: ''",
        "currency: not_allowed: 'EURO'",
        "unit_price: range: '-3'",
        "event_id: key_conflict: used before",
        "country: not_allowed: 'UK'",
    ]
    for night_number, night in enumerate(reversed(nights)):
        for feed_number, feed in enumerate(feeds):
            if feed == "support_cases" and night > as_of - timedelta(days=3):
                continue
            file_id = f"{night:%Y%m%d}{feed_number:02d}" + "a" * 54
            bad = int(rng.poisson(1.4 if feed in ("orders", "order_lines", "order_events") else 0.2))
            rows = int(rng.integers(60, 400))
            twice = int(rng.poisson(0.6))
            files.append(
                (
                    file_id,
                    feed,
                    f"{feed}_{night}.csv",
                    "loaded",
                    "Column colour is not in the contract." if night_number % 9 == 4 and feed == "products" else None,
                    rows + bad + twice,
                    rows,
                    bad,
                    twice,
                    night,
                    len(files) + 1,
                )
            )
            for record in range(bad):
                values = {"order_id": f"=1+{record}", "quantity": "1,5", "note": HARMFUL}
                rejects.append(
                    (
                        file_id,
                        feed,
                        record + 1,
                        ",".join(values.values()),
                        list({reasons[int(rng.integers(6))] for _ in range(1 + int(rng.random() < 0.2))}),
                        json.dumps(values),
                        night,
                    )
                )
    files.append(
        (
            "b" * 64,
            "products",
            f"products_{as_of}_" + "sehr_langer_dateiname_" * 5 + ".csv",
            "held",
            "The required column unit_price is missing; send the file again with it.",
            0,
            0,
            0,
            0,
            as_of,
            len(files) + 1,
        )
    )
    files.append(
        (
            files[0][0],
            "orders",
            "orders_copy <b>of</b> monday.csv",
            "duplicate",
            None,
            0,
            0,
            0,
            0,
            as_of,
            len(files) + 1,
        )
    )
    names = [
        "file_id",
        "feed",
        "name",
        "status",
        "reason",
        "rows_in",
        "accepted",
        "rejected",
        "duplicates",
        "as_of",
        "file_sequence",
    ]
    waiting = base.tail(12).select(
        feed=pl.lit("order_events"),
        key=pl.concat_str(pl.lit("E-"), pl.int_range(pl.len())),
        waits_for=pl.format("order {}", "order_id"),
        file_id=pl.lit("f"),
        record_number=pl.int_range(1, pl.len() + 1),
        since="ordered_on",
    )
    tables = {
        "products": products,
        "orders": table_orders,
        "order_lines": table_lines,
        "order_timeline": timeline,
        "order_findings": findings,
        "sales_entries": entries,
        "attention": attention,
        "certificate": certificate,
        "feed_files": pl.DataFrame(files, schema=names, orient="row"),
        "rejected_rows": pl.DataFrame(
            rejects,
            schema=["file_id", "feed", "record_number", "raw", "reasons", "values", "as_of"],
            orient="row",
            schema_overrides={"reasons": pl.List(pl.String)},
        )
        if rejects
        else empty(TABLES["rejected_rows"]),
        "waiting_rows": waiting,
        "tracking_updates": base.filter("is_shipped").select(
            "order_id",
            parcel_id="order_id",
            step=pl.lit("shipped"),
            occurred_at="shipped_at",
            carrier=pl.lit("DHL"),
            tracking_no=pl.lit(None, pl.String),
            promised_on=pl.lit(None, pl.Date),
            as_of=pl.col("shipped_at").dt.date(),
        ),
    }
    return tables | daily(entries, days - back, as_of)


def daily(entries: pl.DataFrame, days: int, as_of: date) -> dict[str, pl.DataFrame]:
    """The daily tables of these entries, with a row of zeros for every channel and day."""
    kind = pl.col("kind")
    gross, discount = pl.col("gross_amount_r").cast(pl.Float64), pl.col("discount_amount_r").cast(pl.Float64)

    def total(value: pl.Expr, which: str) -> pl.Expr:
        return value.filter(kind == which).sum().fill_null(0)

    figures = {
        "units": total(pl.col("units"), "ordered"),
        "gross_amount": total(gross, "ordered").round(2),
        "discount_amount": total(discount, "ordered").round(2),
        "cancelled_amount": total(gross - discount, "cancelled").round(2),
        "returned_units": total(pl.col("units"), "returned"),
        "returned_amount": total(gross - discount, "returned").round(2),
    }
    net = pl.col("gross_amount") - pl.col("discount_amount") - pl.col("cancelled_amount") - pl.col("returned_amount")
    orders = pl.col("order_id").filter(kind == "ordered").n_unique()
    sales = entries.group_by("day", "channel", "country", "category").agg(**figures).with_columns(net_amount=net)
    headers = entries.group_by("day", "channel", "country").agg(orders=orders, **figures).with_columns(net_amount=net)
    calendar = pl.DataFrame({"day": [as_of - timedelta(days=back) for back in range(days)]})
    grid = calendar.join(entries.select("channel").unique(), how="cross").join(
        headers, on=["day", "channel"], how="anti"
    )
    zeros = dict.fromkeys(("orders", *figures, "net_amount"), 0)
    filled = grid.with_columns(
        country=pl.lit(None, pl.String), **{name: pl.lit(value) for name, value in zeros.items()}
    )
    return {
        "daily_orders": pl.concat([headers, filled], how="diagonal_relaxed").sort("day", "channel", "country"),
        "daily_sales": pl.concat([sales, filled.drop("orders")], how="diagonal_relaxed").sort(
            "day", "channel", "country", "category"
        ),
    }


def main(root: Path, orders: int = 26_000, days: int = 430, nights: int = 3) -> None:
    """Fill a workspace with the publications of a few nights."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "orderhouse.toml").write_text(
        '[business]\nreporting_currency = "EUR"\ntime_zone = "Europe/Berlin"\n', encoding="utf-8"
    )
    for back in reversed(range(nights)):
        as_of = AS_OF - timedelta(days=back)
        print(publish(root, publication(orders, days, back=back), as_of, nights - back))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *(int(argument) for argument in sys.argv[2:]))
