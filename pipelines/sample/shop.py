"""The sample shop itself: range, suppliers, places, people and calendar, all functions of seed, sizes and day."""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

import numpy as np
import polars as pl

from pipelines.sample import words
from pipelines.sample.values import (
    MASK,
    Flags,
    Floats,
    Ints,
    chosen,
    compact,
    counted,
    dated,
    draws,
    keyed,
    padded,
    priced,
    text,
)

STORY_DAYS = 45
"""Nothing that happens to an order is told later than this many days after it was placed."""
ONLINE, STORE, AGENT = range(3)
CHANNELS = ("online", "store", "agent")
CHANNEL_SHARES = (0.70, 0.20, 0.10)
CHANNEL_WEEKDAYS = (
    (1.15, 1.03, 0.98, 0.96, 0.88, 0.87, 1.13),
    (0.85, 0.90, 0.95, 1.05, 1.35, 1.90, 0.0),
    (1.45, 1.45, 1.40, 1.40, 1.30, 0.0, 0.0),
)
"""How busy each channel is from Monday to Sunday; a closed day is 0."""
LEAST_STAY, RETURN_WINDOW = 1, 270
"""A customer comes back between so many days after the first order."""
BUSINESS_SHARE = 0.12
CURRENCIES = ("EUR", "CHF", "GBP")
CURRENCY_OF = {"CH": 1, "GB": 2}
PRICE_FACTORS = (1.0, 1.02, 0.88)
QUOTES = {"CHF": 1.06, "GBP": 1.15}
LINES_PER_ORDER, UNITS_PER_LINE = 3.0, 2.35


@dataclass(frozen=True)
class Shop:
    """A shop of a size, wholly determined by its seed."""

    seed: int
    orders_per_day: float
    skus: int

    def chance(self, day: date, use: int) -> np.random.Generator:
        """The chance of one use on one day."""
        return np.random.default_rng([self.seed & MASK, day.toordinal(), use])

    def luck(self, keys: Ints, use: int, count: int) -> Floats:
        """So many numbers of [0, 1) for every key, one use after the other."""
        return np.stack([draws(self.seed, keys, use + step) for step in range(count)])

    def _draw(self, use: int) -> Floats:
        return draws(self.seed, np.arange(self.skus), use)

    @cached_property
    def order_width(self) -> int:
        """Digits of the number of an order in its day."""
        return max(4, len(str(int(self.orders_per_day * 4))))

    # The range

    @cached_property
    def category(self) -> Ints:
        """Category of each SKU, as a place in CATEGORIES."""
        return chosen(self._draw(100), (16, 14, 11, 8, 11, 9, 12, 7, 8, 4))

    @cached_property
    def sku(self) -> list[str]:
        """The identifiers of the range."""
        prefixes, width = [entry[0] for entry in words.CATEGORIES.values()], max(4, len(str(self.skus)))
        skus = [f"{prefixes[category]}-{number:0{width}}" for number, category in enumerate(self.category.tolist(), 1)]
        return [sku if kept else f"GIFT-{sku[4:]}" for sku, kept in zip(skus, self.is_stocked.tolist(), strict=True)]

    @cached_property
    def names(self) -> list[str]:
        """What the products are called; every name once."""
        kinds = list(words.CATEGORIES.values())
        picks = [self._draw(use) for use in range(101, 105)]
        names, seen = [], dict[str, int]()
        for number, category in enumerate(self.category.tolist()):
            parts = (words.RANGES, kinds[category][7], kinds[category][6], words.VARIANTS)
            chosen_words = [part[int(pick[number] * len(part))] for part, pick in zip(parts, picks, strict=True)]
            name = f"{chosen_words[0]} {chosen_words[1]} {chosen_words[2]}, {chosen_words[3]}"
            if number % 10:
                name = name.replace(",", "")
            seen[name] = seen.get(name, 0) + 1
            names.append(name if seen[name] == 1 else f"{name} No. {seen[name]}")
        return names

    @cached_property
    def has_reduced_tax(self) -> Flags:
        """Books and food."""
        return np.array([entry[1] for entry in words.CATEGORIES.values()])[self.category] & self.is_stocked

    @cached_property
    def base_price(self) -> Floats:
        """List price about which a SKU's price moves."""
        low = np.array([entry[2] for entry in words.CATEGORIES.values()], dtype=float)[self.category]
        high = np.array([entry[3] for entry in words.CATEGORIES.values()], dtype=float)[self.category]
        return low * (high / low) ** (self._draw(105) ** 1.4)

    @cached_property
    def cost_share(self) -> Floats:
        """Cost as a share of the price."""
        return 0.40 + 0.30 * self._draw(106)

    @cached_property
    def weight(self) -> Floats:
        """Kilograms of one unit."""
        typical = np.array([entry[4] for entry in words.CATEGORIES.values()])[self.category]
        return np.round(typical * (0.3 + 1.9 * self._draw(107) ** 2), 2) + 0.02

    @cached_property
    def is_active(self) -> Flags:
        """A few products are no longer sold; their stock is still there."""
        return self._draw(108) >= 0.025

    @cached_property
    def is_stocked(self) -> Flags:
        """All but the gift card, the last of a range of fifty or more."""
        return (np.arange(self.skus) < self.skus - 1) | (self.skus < 50)

    @cached_property
    def pack(self) -> Ints:
        """Units in a pack of the supplier: cheap goods come in dozens."""
        return np.where(
            self.base_price < 8, 12, np.where(self.base_price < 20, 6, np.where(self.base_price < 40, 2, 1))
        )

    @cached_property
    def popularity(self) -> Floats:
        """Share of all lines that are of each SKU: a few fast movers, a long tail."""
        rank = np.argsort(np.argsort(self._draw(109)))
        # Cheap goods sell more often, and nothing sells ten times as often as the next.
        share = 1.0 / (rank + 6.0) ** 1.05 * np.exp(0.6 * (self._draw(110) - 0.5)) * self.is_active
        share *= np.minimum(self.base_price, 200.0) ** -0.45
        return share / max(float(share.sum()), 1e-12)

    @cached_property
    def peak_month(self) -> Ints:
        """Month in which each SKU sells best; 0 = none."""
        return np.array([entry[5] for entry in words.CATEGORIES.values()])[self.category]

    def demand(self, day: date) -> Floats:
        """Share of a day's lines that are of each SKU, by the season of its category."""
        apart = (self.peak_month - day.month) * (np.pi / 6)
        share = self.popularity * np.where(self.peak_month > 0, 1 + 0.55 * np.cos(apart), 1.0)
        total = float(share.sum())
        return share / total if total else np.full(self.skus, 1 / self.skus)

    @cached_property
    def _price_days(self) -> Ints:
        return 100 + (200 * self._draw(111)).astype(np.int64)

    def price_age(self, day: date) -> Ints:
        """Days since the price of each SKU last changed."""
        return (day.toordinal() + (300 * self._draw(112)).astype(np.int64)) % self._price_days

    def prices(self, day: date) -> tuple[Ints, Ints]:
        """List price and cost of each SKU on a day, in cents of a euro."""
        return self._priced(np.arange(self.skus), day.toordinal() - self.price_age(day))

    def _priced(self, places: Ints, changed: Ints) -> tuple[Ints, Ints]:
        base = self.base_price[places]
        years = (changed - date(2025, 1, 1).toordinal()) / 365
        noise = draws(self.seed, changed * self.skus + places, 113)
        price = np.maximum(base * np.clip(1 + 0.025 * years, 0.5, 2.0) * (0.96 + 0.08 * noise), 0.5)
        step = np.where(price < 10, 10, np.where(price < 100, 100, 500))
        ending = np.where(price < 10, 1, np.where(price < 100, np.where(self._draw(114)[places] < 0.3, 10, 1), 100))
        cents = np.maximum(np.round(price * 100 / step), 1).astype(np.int64) * step - ending
        cost = np.maximum(np.round(base * self.cost_share[places] * (1 + 0.02 * np.clip(years, -9, 9)) * 100), 1)
        cents = np.where(self.is_stocked[places], np.maximum(cents, 9), 5000)
        return cents, np.minimum(cost.astype(np.int64), cents)

    def products(self, days: list[date], begin: date) -> pl.DataFrame:
        """Product rows of some days: the whole range on the first day of all, then those whose price changed."""
        found = [np.arange(self.skus) if day == begin else np.flatnonzero(self.price_age(day) == 0) for day in days]
        on = np.repeat([day.toordinal() for day in days], [len(places) for places in found])
        places = np.concatenate(found)
        shift = (300 * self._draw(112)).astype(np.int64)[places]
        changed = on - (on + shift) % self._price_days[places]
        price, cost = self._priced(places, changed)
        is_known = (self._draw(115) >= 0.02) & self.is_stocked
        is_gift = pl.Series(~self.is_stocked[places])
        return pl.DataFrame(
            {
                "sku": text(self.sku, places),
                "name": text(self.names, places).set(is_gift, "Gift Card 50"),
                "category": text(list(words.CATEGORIES), self.category[places]).set(is_gift, "Gift Cards"),
                "unit_price": priced(price),
                "unit_cost": priced(cost).set(pl.Series(~is_known[places]), None),
                "currency": text(("EUR",), np.zeros_like(places)),
                "tax_code": text(("STD", "RED"), self.has_reduced_tax[places].astype(np.int64)),
                "supplier_id": text(self.supplier_ids, self.supplier[places]),
                "pack_size": pl.Series(self.pack[places]).cast(pl.String),
                "min_order_quantity": pl.Series(self.pack[places]).cast(pl.String),
                "weight_kg": pl.Series(self.weight[places]).round(2).cast(pl.String),
                "barcode": _ean13(401_234_000_000 + places),
                "supplier_sku": "L" + pl.Series(places * 7 + 1003).cast(pl.String),
                "is_stocked": text(("false", "true"), self.is_stocked[places].astype(np.int64)),
                "is_active": text(("false", "true"), self.is_active[places].astype(np.int64)),
                "updated_at": dated(changed) + "T04:00:00Z",
                "_on": on,
                "_key": keyed(on, places),
            }
        )

    # Those we buy from, and where we are

    @cached_property
    def supplier_count(self) -> int:
        """Five for every fifty SKUs, sixty at most."""
        return int(np.clip(-(-self.skus // 10), 1, 60))

    @cached_property
    def supplier(self) -> Ints:
        """Supplier of each SKU; one supplier serves few categories."""
        share = (self.category + self._draw(116) * 2.5) / 12.5
        return np.minimum((share * self.supplier_count).astype(np.int64), self.supplier_count - 1)

    @cached_property
    def supplier_ids(self) -> list[str]:
        """The identifiers of all suppliers."""
        return [f"S-{number:03}" for number in range(1, self.supplier_count + 1)]

    @cached_property
    def lead_days(self) -> Ints:
        """Stated lead time of each supplier."""
        return np.array([words.SUPPLIERS[number % len(words.SUPPLIERS)][2] for number in range(self.supplier_count)])

    @cached_property
    def lateness(self) -> Floats:
        """How late each supplier tends to be, as a share of its lead time."""
        return 0.02 + 0.5 * draws(self.seed, np.arange(self.supplier_count), 117) ** 2

    @cached_property
    def order_weekday(self) -> Ints:
        """The day of the week on which each supplier takes orders."""
        return (draws(self.seed, np.arange(self.supplier_count), 118) * 5).astype(np.int64)

    def suppliers(self, begin: date) -> pl.DataFrame:
        """Supplier rows."""
        weekdays, rows = ("Mon", "Tue", "Wed", "Thu", "Fri"), []
        for number, supplier_id in enumerate(self.supplier_ids):
            name, country, lead = words.SUPPLIERS[number % len(words.SUPPLIERS)]
            branch = number // len(words.SUPPLIERS)
            rows.append(
                {
                    "supplier_id": supplier_id,
                    "name": name if not branch else f"{name}, Werk {branch + 1}",
                    "email": f"orders@supplier-{number + 1}.example",
                    "country": country,
                    "currency": "EUR",
                    "lead_time_days": str(lead),
                    "min_order_amount": "150.00" if number % 3 == 0 else None,
                    "order_weekdays": weekdays[int(self.order_weekday[number])],
                    "updated_at": f"{begin - timedelta(days=90)}T08:00:00Z",
                }
            )
        return _numbered(pl.DataFrame(rows, schema_overrides={"min_order_amount": pl.String}), begin)

    def locations(self, begin: date) -> pl.DataFrame:
        """Location rows."""
        rows = [
            {
                "location_id": location_id,
                "name": name,
                "country": country,
                "postcode": postcode,
                "time_zone": time_zone,
                "priority": str(priority),
                "cutoff_time": cutoff,
                "daily_order_capacity": str(max(5, round(self.orders_per_day * capacity))),
                "handling_days": str(handling),
                "is_shippable": "true",
                "updated_at": f"{begin - timedelta(days=90)}T08:00:00Z",
            }
            for location_id, name, country, postcode, time_zone, priority, cutoff, capacity, handling in words.LOCATIONS
        ]
        return _numbered(pl.DataFrame(rows), begin)

    def rates(self, days: list[date], begin: date) -> pl.DataFrame:
        """Exchange rates of some days; none at the weekend, but for the last one before the first day of all."""
        rows = []
        for day in days:
            quoted = day - timedelta(days=max(day.weekday() - 4, 0))
            if quoted < day != begin:
                continue
            noise = self.chance(quoted, 1).normal(0, 0.0015, len(QUOTES))
            wave = 0.015 * np.sin(quoted.toordinal() / 50 + np.arange(len(QUOTES)) * 2)
            for place, (currency, quote) in enumerate(QUOTES.items()):
                rate = f"{quote * (1 + noise[place] + wave[place]):.5f}"
                key = day.toordinal() << 32 | place
                rows.append(
                    {"currency": currency, "quoted_on": str(quoted), "rate": rate, "_on": day.toordinal(), "_key": key}
                )
        return pl.DataFrame(rows)

    # Those who buy

    @cached_property
    def new_customers(self) -> int:
        """Customers who come for the first time on each day."""
        return max(2, round(self.orders_per_day * 0.34))

    @cached_property
    def new_businesses(self) -> int:
        """How many of them are businesses; they are the first of their day."""
        return max(1, round(self.new_customers * BUSINESS_SHARE))

    def people(self, number: Ints, on: Ints) -> dict[str, pl.Series]:
        """Name and address of customers as they stand on some days; a customer's number counts all who ever came."""
        joined, slot = number // self.new_customers, number % self.new_customers

        def draw(use: int) -> Floats:
            return draws(self.seed, number, use)

        moved_on = self._moved_on(number)
        moved = moved_on <= on
        place = np.where(moved, number + (1 << 60), number)
        country = chosen(draw(202), words.COUNTRY_SHARES)
        where = draws(self.seed, place, 203)
        city, before, digits, after = _towns(country, where)
        code = (draws(self.seed, place, 204) * 10.0**digits).astype(np.int64)
        first = text(words.FIRST_NAMES, _spread(draw(205), len(words.FIRST_NAMES)))
        last = text(words.LAST_NAMES, _spread(draw(206), len(words.LAST_NAMES)))
        trade = text(
            [trade.replace("{}", "\x00") for trade in words.TRADES], (draw(207) * len(words.TRADES)).astype(np.int64)
        )
        is_business = pl.Series(slot < self.new_businesses)
        address = pl.DataFrame(
            {
                "first": first,
                "last": last,
                "trade": trade,
                "is_business": is_business,
                "street": _streets(country, draws(self.seed, place, 208)),
                "house": (draws(self.seed, place, 209) ** 2 * 140).astype(np.int64) + 1,
                "before": before,
                "code": code,
                "digits": digits,
                "after": after,
            }
        ).select(
            name=pl.when("is_business")
            .then(_filled("trade", "last"))
            .otherwise(pl.concat_str("first", pl.lit(" "), "last")),
            street=pl.concat_str("street", pl.lit(" "), "house"),
            postcode=pl.concat_str(
                "before", (pl.lit(1000) + pl.col("code")).cast(pl.String).str.tail(pl.col("digits")), "after"
            ),
        )
        return {
            "customer_id": self.customer_ids(number),
            "first": first,
            "last": last,
            "name": address["name"],
            "street": address["street"],
            "city": city,
            "postcode": address["postcode"],
            "country": text(words.COUNTRIES, country),
            "is_business": is_business,
            "changed_on": pl.Series(np.where(moved, moved_on, joined)),
        }

    def _moved_on(self, number: Ints) -> Ints:
        """The day on which customers move house; most never do."""
        moves = number // self.new_customers + 30 + (draws(self.seed, number, 200) * 240).astype(np.int64)
        return np.where(draws(self.seed, number, 201) < 0.05, moves, date.max.toordinal())

    def country(self, number: Ints) -> Ints:
        """Country of customers, as a place in COUNTRIES."""
        return chosen(draws(self.seed, number, 202), words.COUNTRY_SHARES)

    def customer_ids(self, number: Ints) -> pl.Series:
        """Identifiers of customers: the day they first came, and their number on it."""
        width = max(3, len(str(self.new_customers)))
        joined, slot = number // self.new_customers, number % self.new_customers
        return "C-" + compact(joined) + "-" + padded(slot, width)

    def customers(self, days: list[date], begin: date) -> pl.DataFrame:
        """Customer rows of some days: all who may still come on the first day, then those who are new or moved."""
        low, high, each = days[0].toordinal(), days[-1].toordinal(), self.new_customers
        new = np.arange(low * each, (high + 1) * each)
        older = np.arange((low - RETURN_WINDOW) * each, (high + 1) * each)
        moves = self._moved_on(older)
        moved = (moves >= max(low, begin.toordinal() + 1)) & (moves <= high)
        known = older[: RETURN_WINDOW * each] if days[0] == begin else older[:0]
        number = np.concatenate([known, new, older[moved]])
        on = np.concatenate([np.full(len(known), low), new // each, moves[moved]])
        people = self.people(number, on)
        folded = [_folded(people[part]) for part in ("first", "last")]
        country = self.country(number)
        is_business = people["is_business"]
        terms = np.where(
            is_business, np.array([14, 30, 30, 45])[(draws(self.seed, number, 210) * 4).astype(np.int64)], 0
        )
        phone = (draws(self.seed, number, 211) * 9e6).astype(np.int64) + 1_000_000
        priority = chosen(draws(self.seed, number, 212), (0.02, 0.05, 0.13, 0.10, 0.70)) + 1
        frame = pl.DataFrame(
            {
                **{name: people[name] for name in ("customer_id", "name")},
                "email": folded[0] + "." + folded[1] + pl.Series(number % 9973).cast(pl.String) + "@example.com",
                "phone": text([f"{words.DIALLING[code]} 555 " for code in words.COUNTRIES], country)
                + pl.Series(phone).cast(pl.String),
                "segment": text(("consumer", "business"), is_business.cast(pl.Int64).to_numpy()),
                "priority": pl.Series(priority).cast(pl.String),
                **{name: people[name] for name in ("street", "city", "postcode")},
                "country": people["country"],
                "tax_id": people["country"] + pl.Series(phone * 37 % 1_000_000_000).cast(pl.String).str.zfill(9),
                "payment_terms_days": pl.Series(terms).cast(pl.String),
                "credit_limit": pl.Series(np.where(draws(self.seed, number, 213) < 0.3, 2500, 10_000)).cast(pl.String)
                + ".00",
                "reminders_blocked": text(("false", "true"), (draws(self.seed, number, 214) < 0.01).astype(np.int64)),
                "language": text([words.LANGUAGES[code] for code in words.COUNTRIES], country),
                "updated_at": dated(people["changed_on"].to_numpy()) + "T03:30:00Z",
                "_on": on,
                "_key": keyed(on, number % (1 << 28)),
            }
        )
        for name in ("tax_id", "credit_limit"):
            frame = frame.with_columns(pl.when(is_business).then(name).alias(name))
        return frame.with_columns(phone=pl.when(pl.Series(draws(self.seed, number, 215) < 0.7)).then("phone"))


def _numbered(frame: pl.DataFrame, day: date) -> pl.DataFrame:
    on = np.full(len(frame), day.toordinal())
    return frame.with_columns(_on=pl.Series(on), _key=pl.Series(keyed(on, counted(on))))


def _ean13(numbers: Ints) -> pl.Series:
    digits = np.stack([numbers // 10**power % 10 for power in range(12)])
    check = (-(digits[0::2].sum(axis=0) * 3 + digits[1::2].sum(axis=0))) % 10
    return pl.Series(numbers * 10 + check).cast(pl.String)


def _spread(shares: Floats, length: int) -> Ints:
    """Places in a list of names, the earlier ones more often."""
    return (shares**1.3 * length).astype(np.int64)


def _filled(pattern: str, word: str) -> pl.Expr:
    parts = pl.col(pattern).str.split_exact("\x00", 1)
    return pl.concat_str(parts.struct.field("field_0"), word, parts.struct.field("field_1").fill_null(""))


def _towns(country: Ints, shares: Floats) -> tuple[pl.Series, pl.Series, Ints, pl.Series]:
    towns = [town for code in words.COUNTRIES for town in words.CITIES[code]]
    counts = np.array([len(words.CITIES[code]) for code in words.COUNTRIES])
    starts = np.cumsum(counts) - counts
    place = starts[country] + (shares**1.6 * counts[country]).astype(np.int64)
    digits = np.array([town[2] for town in towns])[place]
    return (
        text([t[0] for t in towns], place),
        text([t[1] for t in towns], place),
        digits,
        text([t[3] for t in towns], place),
    )


def _streets(country: Ints, shares: Floats) -> pl.Series:
    lists = [words.FOREIGN_STREETS.get(code, words.STREETS) for code in words.COUNTRIES]
    counts = np.array([len(streets) for streets in lists])
    starts = np.cumsum(counts) - counts
    return text(
        [street for streets in lists for street in streets],
        starts[country] + (shares * counts[country]).astype(np.int64),
    )


def _folded(names: pl.Series) -> pl.Series:
    """Names as they stand in e-mail addresses."""
    table = dict(zip("äöüßéèëøłşśıóáíñ'  ", ["ae", "oe", "ue", "ss", *"eeeolssioain", "", "", ""], strict=False))
    return names.str.to_lowercase().str.replace_many(list(table), list(table.values()))
