"""The sample's stock, day by day: what leaves, what is bought and received, what stores are sent, what is counted.

The one part of the sample with a memory: it starts on the first day of the whole sample and walks every day from there.
"""

from datetime import date, timedelta

import numpy as np
import polars as pl

from pipelines.sample.clock import DAY, Calendar, busy
from pipelines.sample.rows import AGAIN, LOCATION_IDS
from pipelines.sample.shop import LINES_PER_ORDER, UNITS_PER_LINE, Shop
from pipelines.sample.values import Floats, Ints, compact, counted, dated, keyed, padded, priced, stamped, text

WAREHOUSE, STORES = 0, (2, 3)
SHARES = (0.60, 0.20, 0.124, 0.076)
"""Share of all units that leave from each location."""
STORE_WEEKDAYS = {2: 1, 3: 3}
"""The day of the week on which the first warehouse sends goods to each store."""
BULK = 6.0
"""Variance of what is sold against its mean: some orders take many units at once."""
WEEKS = (1, 2, 4, 6)
"""Weeks between two purchases of a SKU, from fast movers to slow ones."""
KINDS = ("transfer", "adjustment", "write_off", "receipt")
TRANSFER, ADJUSTMENT, WRITE_OFF, RECEIPT = range(4)
Columns = dict[str, Ints]


class StockRoom:
    """What every location holds, has coming and has promised, in units of each SKU."""

    def __init__(self, shop: Shop, calendar: Calendar, first: date) -> None:
        """Stock the locations for the first day."""
        self.shop, self.calendar = shop, calendar
        units = shop.popularity * shop.orders_per_day * LINES_PER_ORDER * UNITS_PER_LINE
        self.rates: Floats = np.array(SHARES)[:, None] * units * shop.is_stocked
        self.rates[WAREHOUSE] += self.rates[list(STORES)].sum(axis=0)
        self.is_bought = shop.is_stocked & (shop.popularity > 0)
        self.weeks = np.array(WEEKS)[np.digitize(-units, (-3.0, -0.6, -0.12))]
        luck = shop.chance(first, 30).random((len(LOCATION_IDS), shop.skus))
        held = np.where(self.is_bought, self._level(first) * (0.55 + 0.45 * luck), (5 + 60 * luck**2) * shop.is_stocked)
        self.on_hand: Ints = held.astype(np.int64)
        self.coming = np.zeros_like(self.on_hand)
        self.leaving = np.zeros_like(self.on_hand)
        self.later: dict[int, list[tuple[Ints, Ints, Ints, bool]]] = {}
        self.moved: list[Columns] = []
        self.bought: list[Columns] = []
        self.counted: list[Columns] = []
        self._count(first - timedelta(days=1), first, self.on_hand)

    def walk(self, day: date, moves: Columns) -> None:
        """One day: goods leave and arrive, stores and suppliers are sent orders, some stock is corrected or counted.

        `moves` is what the orders of the day will move, and when.
        """
        self._remember(moves)
        rng = self.shop.chance(day, 31)
        for place, sku, quantity, is_receipt in self.later.pop((day - self.calendar.first).days, []):
            np.add.at(self.on_hand, (place, sku), quantity)
            np.add.at(self.coming if is_receipt else self.leaving, (place, sku), -quantity if is_receipt else quantity)
        level = self._level(day)
        self._supply_stores(day, level)
        self._correct(day, rng)
        self._buy(day, level, rng)
        if (day + timedelta(days=1)).day == 1:
            slip = np.where(rng.random(self.on_hand.shape) < 0.03, rng.integers(-2, 3, self.on_hand.shape), 0)
            self.on_hand = np.maximum(self.on_hand + slip, 0) * self.shop.is_stocked
            self._count(day, day, self.on_hand)

    def told(self) -> dict[str, pl.DataFrame]:
        """The rows of what happened since they were told last."""
        told = {}
        for feed, happened, tell in (
            ("stock_movements", self.moved, self._movement_rows),
            ("inbound", self.bought, self._inbound_rows),
            ("stock_counts", self.counted, self._count_rows),
        ):
            if happened:
                told[feed] = tell({name: np.concatenate([part[name] for part in happened]) for name in happened[0]})
                happened.clear()
        return told

    def _level(self, day: date) -> Floats:
        """Units to hold and have coming together: sales until the purchase after next arrives, and a buffer."""
        lead = self.shop.lead_days[self.shop.supplier]
        cover = np.stack([lead + 7 * self.weeks] * 2 + [np.full(self.shop.skus, 9)] * 2)
        ahead = day + timedelta(days=21)
        season = self.shop.demand(ahead) / np.maximum(self.shop.popularity, 1e-12)
        expected = self.rates * season * cover * np.maximum(busy(day), busy(ahead))
        return np.ceil(expected + 2.0 * np.sqrt(expected * BULK))

    def _remember(self, moves: Columns) -> None:
        np.add.at(self.leaving, (moves["place"], moves["sku"]), -moves["quantity"])
        days = moves["moment"] // DAY
        for day in np.unique(days).tolist():
            which = days == day
            self.later.setdefault(day, []).append(
                (moves["place"][which], moves["sku"][which], moves["quantity"][which], False)
            )

    def _supply_stores(self, day: date, level: Floats) -> None:
        if not self.calendar.works[(day - self.calendar.first).days]:
            return
        for store in STORES:
            if STORE_WEEKDAYS[store] != day.weekday():
                continue
            short = np.maximum(level[store] - self.on_hand[store], 0).astype(np.int64) * self.is_bought
            sent = np.minimum(short, np.maximum(self.on_hand[WAREHOUSE] - self.leaving[WAREHOUSE], 0))
            sku = np.flatnonzero(sent)
            self.on_hand[WAREHOUSE] -= sent
            self.on_hand[store] += sent
            for place, sign, hour in ((WAREHOUSE, -1, 6), (store, 1, 15)):
                self._move(day, TRANSFER, np.full(len(sku), place), sku, sign * sent[sku], hour * 3600, reference=store)

    def _correct(self, day: date, rng: np.random.Generator) -> None:
        works = self.calendar.works[(day - self.calendar.first).days]
        count = int(rng.poisson(self.shop.skus * 0.003)) if works else 0
        sku, place = rng.integers(0, self.shop.skus, count), rng.integers(0, len(LOCATION_IDS), count)
        held = np.maximum(self.on_hand[place, sku], 0)
        is_loss = rng.random(count) < 0.6
        change = np.where(is_loss, -np.minimum(rng.integers(1, 4, count), held), rng.integers(1, 3, count))
        kind = np.where(is_loss & (rng.random(count) < 0.7), WRITE_OFF, ADJUSTMENT)
        moment = 36_000 + rng.integers(0, 20_000, count)
        # One correction of a SKU and place a day, so that no two of them lose the same unit.
        _, first_ones = np.unique(place * self.shop.skus + sku, return_index=True)
        which = first_ones[(held > 0)[first_ones] & (change != 0)[first_ones]]
        np.add.at(self.on_hand, (place[which], sku[which]), change[which])
        self._move(day, kind[which], place[which], sku[which], change[which], moment[which])

    def _buy(self, day: date, level: Floats, rng: np.random.Generator) -> None:
        """Orders to the suppliers whose weekday it is, filling up to the level in whole packs."""
        shop, today = self.shop, (day - self.calendar.first).days
        is_due = (shop.order_weekday[shop.supplier] == day.weekday()) & self.is_bought
        is_due &= (day.toordinal() // 7 + np.arange(shop.skus)) % self.weeks == 0
        if not is_due.any() or not self.calendar.works[today]:
            return
        short = (level - self.on_hand - self.coming + self.leaving)[:2] * is_due
        packs = -(-np.where(short > 0.25 * level[:2], short, 0).astype(np.int64) // shop.pack)
        place, sku = np.nonzero(packs > 0)
        supplier = shop.supplier[sku]
        by_order = np.lexsort((sku, place, supplier))
        place, sku, supplier = place[by_order], sku[by_order], supplier[by_order]
        quantity = packs[place, sku] * shop.pack[sku]
        size, keys = len(sku), supplier * 10 + place
        starts, order = np.unique(keys, return_index=True, return_inverse=True)[1:]
        lead = shop.lead_days[supplier]
        expected = self.calendar.next_working[today + lead]
        # All lines of an order come on one day, but for a few that follow.
        luck, order_luck = rng.random((3, size)), rng.random((2, len(starts)))[:, order]
        late = lead * shop.lateness[supplier] * 2 * order_luck[0] ** 1.5 - 1.2 * (order_luck[1] < 0.35)
        late = np.round(late + 12 * (order_luck[1] > 0.97)).astype(np.int64)
        received = self.calendar.next_working[np.maximum(expected + late, today + 1)]
        received = self.calendar.next_working[received + np.where(luck[0] < 0.03, 4, 0)]
        arrived = np.maximum(quantity - np.where(luck[1] < 0.02, quantity // 10 + 1, 0), 0)
        is_cancelled = luck[2] < 0.006
        comes = ~is_cancelled & (arrived > 0)
        np.add.at(self.coming, (place[comes], sku[comes]), arrived[comes])
        for when in np.unique(received[comes]).tolist():
            which = comes & (received == when)
            self.later.setdefault(when, []).append((place[which], sku[which], arrived[which], True))
        cost = shop.prices(day)[1][sku]
        clock = 30_000 + order * 700 % 20_000
        self.bought.append(
            {
                "on": np.full(size, day.toordinal()),
                "order": order + 1,
                "line": np.arange(size) - starts[order] + 1,
                "supplier": supplier,
                "place": place,
                "sku": sku,
                "quantity": quantity,
                "cost": cost,
                "expected": expected,
                "moved_to": np.where(luck[1] > 0.9, self.calendar.next_working[expected + 2], expected),
                "is_confirmed": ((lead > 1) & (is_cancelled | (luck[0] < 0.8))).astype(np.int64),
                "is_cancelled": is_cancelled.astype(np.int64),
                "received": received,
                "clock": clock,
                "arrived": arrived,
            }
        )
        self._move(
            day,
            RECEIPT,
            place[comes],
            sku[comes],
            arrived[comes],
            clock[comes],
            moved_on=received[comes],
            cost=cost[comes],
            reference=order[comes] + 1,
        )

    def _move(
        self,
        day: date,
        kind: Ints | int,
        place: Ints,
        sku: Ints,
        quantity: Ints,
        clock: Ints | int,
        *,
        moved_on: Ints | None = None,
        cost: Ints | int = -1,
        reference: Ints | int = 0,
    ) -> None:
        today = (day - self.calendar.first).days
        columns = {
            "on": day.toordinal(),
            "kind": kind,
            "place": place,
            "sku": sku,
            "quantity": quantity,
            "moment": (today if moved_on is None else moved_on) * DAY + clock,
            "cost": cost,
            "reference": reference,
        }
        self.moved.append(
            {name: np.broadcast_to(np.asarray(value, np.int64), (len(sku),)) for name, value in columns.items()}
        )

    def _count(self, day: date, on: date, quantity: Ints) -> None:
        place, sku = np.nonzero(np.broadcast_to(self.shop.is_stocked, quantity.shape))
        counted_on, told_on = (np.full(len(sku), when.toordinal()) for when in (day, on))
        counts = {"counted_on": counted_on, "on": told_on, "place": place, "sku": sku, "quantity": quantity[place, sku]}
        self.counted.append(counts)

    def _movement_rows(self, moved: Columns) -> pl.DataFrame:
        number, day = counted(moved["on"]), compact(moved["on"])
        kind = moved["kind"]
        transfer = "TR-" + day + "-" + text(LOCATION_IDS, np.where(kind == TRANSFER, moved["reference"], 0))
        purchase = "B-" + day + "-" + padded(moved["reference"], 3)
        reference = pl.select(
            pl.when(pl.Series(kind == TRANSFER))
            .then(transfer)
            .when(pl.Series(kind == RECEIPT))
            .then(purchase)
            .when(pl.Series(kind == WRITE_OFF))
            .then(pl.lit("broken"))
        ).to_series()
        return pl.DataFrame(
            {
                "movement_id": "M-" + day + "-W" + padded(number, 5),
                "sku": text(self.shop.sku, moved["sku"]),
                "location_id": text(LOCATION_IDS, moved["place"]),
                "moved_at": stamped(self.calendar.utc(moved["moment"])),
                "kind": text(KINDS, kind),
                "quantity": pl.Series(moved["quantity"]).cast(pl.String),
                "unit_cost": priced(moved["cost"]).set(pl.Series(moved["cost"] < 0), None),
                "reference": reference,
                "_on": self.calendar.first.toordinal() + moved["moment"] // DAY,
                "_key": keyed(moved["on"], number + (1 << 29)),
            }
        )

    def _inbound_rows(self, bought: Columns) -> pl.DataFrame:
        """A row when a line is ordered, one when it is confirmed or cancelled, one when it is received."""
        first, on, size = self.calendar.first.toordinal(), bought["on"], len(bought["on"])
        nothing, key = pl.Series([None] * size, dtype=pl.String), keyed(on, counted(on))
        is_cancelled, is_confirmed = bought["is_cancelled"] > 0, bought["is_confirmed"] > 0
        ordered = pl.DataFrame(
            {
                "purchase_order_id": "B-" + compact(on) + "-" + padded(bought["order"], 3),
                "line_no": pl.Series(bought["line"]).cast(pl.String),
                "supplier_id": text(self.shop.supplier_ids, bought["supplier"]),
                "sku": text(self.shop.sku, bought["sku"]),
                "location_id": text(LOCATION_IDS, bought["place"]),
                "quantity": pl.Series(bought["quantity"]).cast(pl.String),
                "unit_cost": priced(bought["cost"]),
                "ordered_on": dated(on),
                "expected_on": dated(first + bought["expected"]),
                "received_on": nothing,
                "status": text(("ordered",), np.zeros_like(on)),
                "received_quantity": nothing,
                "updated_at": stamped(self.calendar.utc((on - first) * DAY + 58_000)),
                "_on": on,
                "_key": key,
            }
        )
        answered = self.calendar.next_working[on - first + 1]
        confirmed = ordered.with_columns(
            status=text(("confirmed", "cancelled"), bought["is_cancelled"]),
            expected_on=dated(first + bought["moved_to"]),
            updated_at=stamped(self.calendar.utc(answered * DAY + 40_000)),
            _on=pl.Series(first + answered),
            _key=pl.Series(key + AGAIN // 2),
        ).filter(pl.Series(is_confirmed & (is_cancelled | (answered < bought["received"]))))
        last_word = np.where(is_confirmed, bought["moved_to"], bought["expected"])
        received = ordered.with_columns(
            status=pl.lit("received"),
            expected_on=dated(first + last_word),
            received_on=dated(first + bought["received"]),
            received_quantity=pl.Series(bought["arrived"]).cast(pl.String),
            updated_at=stamped(self.calendar.utc(bought["received"] * DAY + bought["clock"])),
            _on=pl.Series(first + bought["received"]),
            _key=pl.Series(key + AGAIN),
        ).filter(pl.Series(~is_cancelled))
        return pl.concat([ordered, confirmed, received])

    def _count_rows(self, counts: Columns) -> pl.DataFrame:
        return pl.DataFrame(
            {
                "sku": text(self.shop.sku, counts["sku"]),
                "location_id": text(LOCATION_IDS, counts["place"]),
                "counted_on": dated(counts["counted_on"]),
                "quantity": pl.Series(np.maximum(counts["quantity"], 0)).cast(pl.String),
                "_on": counts["on"],
                "_key": keyed(counts["on"], counted(counts["on"])),
            }
        )
