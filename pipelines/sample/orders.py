"""The orders of sample days and what becomes of them, as plain numbers.

Times are seconds of local time from the first midnight of the calendar, amounts are cents; people, products and places
are numbers of the shop.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from pipelines.sample import words
from pipelines.sample.clock import DAY, Calendar, busy, is_holiday
from pipelines.sample.shop import (
    AGENT,
    CHANNEL_SHARES,
    CHANNEL_WEEKDAYS,
    CURRENCY_OF,
    LEAST_STAY,
    ONLINE,
    PRICE_FACTORS,
    RETURN_WINDOW,
    STORE,
    STORY_DAYS,
    Shop,
)
from pipelines.sample.values import Flags, Floats, Ints, chosen

HOURS_ONLINE = (3, 1.5, 0.8, 0.5, 0.5, 1, 2, 4, 5, 6, 6.5, 6.5, 7, 6, 5.5, 5.5, 6, 6.5, 7.5, 9, 10.5, 10, 7.5, 5)
NEVER = 10**9
"""A moment or day that does not come."""
BUSY_STALLS, STALLED, SPLIT, CANCELLED, LINE_CANCELLED, HELD = 0.012, 0.008, 0.085, 0.027, 0.018, 0.022
FAILED, RETURNED, LOST = 0.03, 0.062, 0.003


@dataclass(frozen=True)
class Draft:
    """The orders of a day, or of some.

    Arrays of the first group have one value per order, of the second one per line, of the third one per piece (what one
    parcel takes of one line), of the fourth one per return of a line.
    """

    on: Ints  # the day, as its ordinal
    number: Ints  # of the order on its day, from 1
    channel: Ints
    ordered: Ints
    customer: Ints  # -1 = none, -2 = one that nobody knows
    country: Ints
    currency: Ints  # place in CURRENCIES; 3 = one that nobody knows
    service: Ints
    place: Ints  # the location that serves the order
    is_odd: Flags  # a gate will hold it: nothing happens to it
    confirmed: Ints
    held: Ints
    cancelled: Ints
    failed: Ints
    picked: Ints  # of the first parcel, then of the second
    picked_again: Ints
    shipped: Ints
    shipped_again: Ints
    delivered: Ints
    delivered_again: Ints
    is_split: Flags

    order: Ints
    line: Ints
    sku: Ints  # -1 = one that nobody knows
    quantity: Ints
    price: Ints
    discount: Ints
    line_cancelled: Ints

    piece_line: Ints
    piece_parcel: Ints
    piece_quantity: Ints

    return_line: Ints
    return_quantity: Ints
    returned: Ints

    @property
    def orders(self) -> int:
        """How many there are."""
        return len(self.channel)


def merged(drafts: list[Draft]) -> Draft:
    """The orders of some days, in the order given, as one."""
    orders = np.cumsum([0, *(one.orders for one in drafts[:-1])])
    lines = np.cumsum([0, *(len(one.order) for one in drafts[:-1])])
    counted_from = {"order": orders, "piece_line": lines, "return_line": lines}
    columns = {}
    for name in Draft.__dataclass_fields__:
        parts = [getattr(one, name) for one in drafts]
        if name in counted_from:
            parts = [part + start for part, start in zip(parts, counted_from[name], strict=True)]
        columns[name] = np.concatenate(parts)
    return Draft(**columns)


def draft(shop: Shop, calendar: Calendar, day: date, dirt: float) -> Draft:
    """The orders of a day of the calendar."""
    rng = shop.chance(day, 10)
    channel, ordered = _arrivals(shop, calendar, day, rng)
    count = len(channel)
    customer = _customers(shop, day, channel, rng)
    country = np.where(customer >= 0, shop.country(np.maximum(customer, 0)), 0)
    luck = rng.random((14, count))
    store_place = np.where(luck[0] < 0.62, 2, 3)
    western = np.isin(country, [words.COUNTRIES.index(code) for code in ("NL", "FR", "GB", "BE")])
    place = np.where(channel == STORE, store_place, np.where(luck[0] < np.where(western, 0.85, 0.12), 1, 0))
    country = np.where(channel == STORE, np.where(store_place == 2, 0, 1), country)
    currency = np.array([CURRENCY_OF.get(code, 0) for code in words.COUNTRIES])[country]
    currency = np.where(channel == STORE, 0, currency)
    odd = luck[1] / max(dirt, 1e-9)
    is_remote = channel != STORE
    customer = np.where(is_remote & (odd < 0.12), -2, np.where(is_remote & (odd >= 0.12) & (odd < 0.20), -1, customer))
    currency = np.where(is_remote & (odd >= 0.20) & (odd < 0.27), 3, currency)
    service = np.where(
        channel == ONLINE,
        chosen(luck[2], (0.875, 0.105, 0.02)),
        np.where(channel == AGENT, (luck[2] < 0.06).astype(np.int64), 0),
    )
    lines = _lines(shop, day, channel, currency, rng)
    unknown = is_remote & (odd >= 0.27) & (odd < 0.37)
    lines["sku"] = np.where(unknown[lines["order"]] & (lines["line"] == 1), -1, lines["sku"])
    is_odd = is_remote & (odd < 0.37)
    times = _times(calendar, day, channel, ordered, country, service, lines["order"], lines["quantity"], is_odd, luck)
    line_luck = rng.random((6, len(lines["order"])))
    order = lines["order"]
    several = np.bincount(order, minlength=count)[order] > 1
    line_cancel = (
        (line_luck[0] < LINE_CANCELLED / 2) & several & (lines["line"] > 1) & (times["confirmed"] < NEVER)[order]
    )
    line_cancel &= (channel[order] != STORE) & (times["cancelled"][order] == NEVER)
    line_cancelled = np.where(line_cancel, times["confirmed"][order] + 120, NEVER)
    pieces = _pieces(lines, times, line_cancel, line_luck)
    returns = _returns(calendar, (day - calendar.first).days + STORY_DAYS - 5, lines, pieces, times, line_luck, luck)
    return Draft(
        on=np.full(count, day.toordinal()),
        number=np.arange(1, count + 1),
        channel=channel,
        ordered=ordered,
        customer=customer,
        country=country,
        currency=currency,
        service=service,
        place=place,
        is_odd=is_odd,
        **times,
        **lines,
        line_cancelled=line_cancelled,
        piece_line=pieces[0],
        piece_parcel=pieces[1],
        piece_quantity=pieces[2],
        return_line=returns[0],
        return_quantity=returns[1],
        returned=returns[2],
    )


def _arrivals(shop: Shop, calendar: Calendar, day: date, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Channel and time of the day's orders, in the order of time."""
    level = busy(day)
    channels, times = [], []
    for channel, share in enumerate(CHANNEL_SHARES):
        swing = level if channel == ONLINE else 1 + 0.6 * (level - 1)
        open_today = channel == ONLINE or not is_holiday(day)
        expected = shop.orders_per_day * share * CHANNEL_WEEKDAYS[channel][day.weekday()] * swing * open_today
        count = int(rng.poisson(expected * rng.lognormal(0, 0.05))) if expected else 0
        if channel == ONLINE:
            hours = chosen(rng.random(count), HOURS_ONLINE)
            time = hours * 3600 + rng.integers(0, 3600, count)
        elif channel == STORE:
            time = 34_200 + (rng.beta(1.7, 1.4, count) * 35_400).astype(np.int64)
        else:
            time = 28_800 + (rng.beta(1.6, 1.8, count) * 34_000).astype(np.int64)
        channels.append(np.full(count, channel))
        times.append(time)
    midnight = (day - calendar.first).days * DAY
    sold_by, moment = np.concatenate(channels), calendar.local(midnight + np.concatenate(times))
    by_time = np.lexsort((sold_by, moment))
    return sold_by[by_time], moment[by_time]


def _customers(shop: Shop, day: date, channel: Ints, rng: np.random.Generator) -> Ints:
    """Who orders: those new today once each, then those who come back; businesses through agents."""
    count, each, businesses = len(channel), shop.new_customers, shop.new_businesses
    consumers = each - businesses
    back = np.minimum(LEAST_STAY + rng.exponential(75, count).astype(np.int64), RETURN_WINDOW)
    luck = rng.random((2, count))
    slot = np.where(
        channel == AGENT,
        (businesses * luck[0] ** 2).astype(np.int64),
        businesses + (consumers * luck[0] ** 2.2).astype(np.int64),
    )
    customer = (day.toordinal() - back) * each + np.minimum(slot, each - 1)
    customer[(channel == STORE) & (luck[1] > 0.35)] = -1
    online = np.flatnonzero(channel == ONLINE)
    first_time = rng.permutation(online)[:consumers]
    customer[first_time] = day.toordinal() * each + businesses + np.arange(len(first_time))
    return customer


def _lines(shop: Shop, day: date, channel: Ints, currency: Ints, rng: np.random.Generator) -> dict[str, Any]:
    """What is ordered: one line per order and SKU, with its price and discount."""
    number = chosen(rng.random(len(channel)), (0.20, 0.21, 0.20, 0.17, 0.13, 0.09)) + 1
    order = np.repeat(np.arange(len(channel)), number)
    sku = chosen(rng.random(len(order)), shop.demand(day))
    kept = np.unique(order * shop.skus + sku)
    order, sku = kept // shop.skus, kept % shop.skus
    by_luck = np.lexsort((rng.random(len(order)), order))
    order, sku = order[by_luck], sku[by_luck]
    starts = np.searchsorted(order, np.arange(len(channel)))
    line = np.arange(len(order)) - starts[order] + 1
    luck = rng.random((4, len(order)))
    by_agent = channel[order] == AGENT
    price = shop.prices(day)[0][sku]
    cheap = price < 1500
    quantity = chosen(luck[0], (0.66, 0.21, 0.06, 0.04, 0.01, 0.02)) + 1
    quantity = np.where(cheap & (luck[1] < 0.15), quantity * 2, quantity)
    bulk = np.where(price < 5000, 2 + (luck[1] ** 2 * 22).astype(np.int64), 1 + (luck[1] ** 2 * 7).astype(np.int64))
    quantity = np.where(by_agent, bulk, quantity)
    quantity = np.where(luck[2] < 0.0002, quantity * 30, quantity)
    factor = np.array([*PRICE_FACTORS, 1.0])[currency[order]]
    price = np.where(factor == 1, price, np.round(price * factor / 5).astype(np.int64) * 5)
    sale = (day.month == 11 and day.day >= 22) or (day.month == 1 and day.day > 2) or (day.month == 7 and day.day > 20)
    is_reduced = luck[3] < np.where(by_agent, 0.4, 0.32 if sale else 0.10)
    percent = np.array([5, 10, 15, 20, 30])[chosen(luck[2], (0.3, 0.35, 0.15, 0.15, 0.05))]
    discount = np.where(is_reduced, np.round(quantity * price * percent / 100), 0).astype(np.int64)
    return {"order": order, "line": line, "sku": sku, "quantity": quantity, "price": price, "discount": discount}


def _times(
    calendar: Calendar,
    day: date,
    channel: Ints,
    ordered: Ints,
    country: Ints,
    service: Ints,
    line_order: Ints,
    line_quantity: Ints,
    is_odd: Flags,
    luck: Floats,
) -> dict[str, Any]:
    """When each order was confirmed, held, cancelled, picked, shipped and delivered; NEVER where it was not."""
    is_store = channel == STORE
    confirmed = ordered + 60 + (luck[3] ** 3 * 5400).astype(np.int64)
    held = (luck[4] < HELD) & ~is_store & ~is_odd
    released = confirmed + (3600 + luck[5] * 2 * DAY).astype(np.int64)
    start = np.where(held, released, confirmed)
    # Picking begins the same working day for express and some early orders, else the next one, later when it is busy.
    today = (start % DAY < 14 * 3600) & ((service > 0) | (luck[5] < 0.45))
    queue = chosen(luck[6], (0.72, 0.18, 0.07, 0.03)) + (luck[6] > 0.5) * (busy(day) > 1.35)
    stalled = luck[7] < STALLED + BUSY_STALLS * (busy(day) > 1.35)
    queue = np.where(service > 0, 0, queue) + np.where(stalled, 6 + (luck[8] * 14).astype(np.int64), 0)
    first_day = calendar.next_working[start // DAY + np.where(today, 0, 1)]
    pick_day = calendar.next_working[first_day + queue]
    morning = 27_000 + (luck[8] * 6 * 3600).astype(np.int64)
    same_day = pick_day == start // DAY
    picked = pick_day * DAY + np.where(same_day, np.maximum(start % DAY + 900, morning), morning)
    packed_for = 900 + (luck[9] * 5000).astype(np.int64)
    shipped = np.maximum(picked + packed_for + 600, pick_day * DAY + 57_600 + (luck[10] * 9000).astype(np.int64))
    transit = np.array([words.TRANSIT_DAYS[code] for code in words.COUNTRIES])[country]
    transit = np.where(service > 0, 1, transit + (luck[11] > 0.75) + (luck[11] > 0.96) * 3)
    arrival_day = calendar.next_carrier[pick_day + transit]
    failed = np.where(luck[12] < FAILED, arrival_day * DAY + 32_400 + (luck[10] * 30_000).astype(np.int64), NEVER)
    arrival_day = np.where(failed < NEVER, calendar.next_carrier[arrival_day + 1], arrival_day)
    delivered = arrival_day * DAY + 32_400 + (luck[9] * 34_000).astype(np.int64)
    delivered = np.where(luck[12] > 1 - LOST, NEVER, delivered)

    divisible = (np.bincount(line_order, minlength=len(channel)) > 1) | (
        np.bincount(line_order, weights=line_quantity, minlength=len(channel)) > 1
    )
    is_split = divisible & (luck[13] < SPLIT / 0.75) & ~is_store & ~stalled
    again_day = calendar.next_working[pick_day + 1 + (luck[11] * 7).astype(np.int64)]
    picked_again = again_day * DAY + morning
    shipped_again = again_day * DAY + 57_600 + (luck[9] * 9000).astype(np.int64)
    delivered_again = calendar.next_carrier[again_day + transit] * DAY + 32_400 + (luck[10] * 34_000).astype(np.int64)

    cancelled = (luck[13] > 1 - CANCELLED) & ~is_store & ~is_odd
    cancelled_at = np.where(
        cancelled, start + 1800 + (luck[9] * np.maximum(picked - start - 3600, 600)).astype(np.int64), NEVER
    )
    stopped = cancelled | is_odd
    never = np.where(stopped | is_store, NEVER, 0)
    times = {
        "confirmed": np.where(is_odd | is_store, NEVER, confirmed),
        "held": np.where(held, confirmed + 600, NEVER),
        "cancelled": cancelled_at,
        "picked": np.maximum(picked, never),
        "picked_again": np.maximum(picked_again, np.where(is_split, never, NEVER)),
        "shipped": np.where(is_store, ordered, np.maximum(shipped, never)),
        "shipped_again": np.maximum(shipped_again, np.where(is_split, never, NEVER)),
        "failed": np.maximum(failed, np.where(is_split, NEVER, never)),
        "delivered": np.where(is_store, ordered, np.maximum(delivered, never)),
        "delivered_again": np.maximum(delivered_again, np.where(is_split, never, NEVER)),
        "is_split": is_split & ~stopped,
    }
    limit = ((day - calendar.first).days + STORY_DAYS - 5) * DAY
    return {
        name: value if name == "is_split" else np.where(value < limit, value, NEVER) for name, value in times.items()
    }


def _pieces(
    lines: dict[str, Ints], times: dict[str, Ints], line_cancel: Flags, line_luck: Floats
) -> tuple[Ints, Ints, Ints]:
    """What each parcel takes of each line."""
    order, line, quantity = lines["order"], lines["line"], lines["quantity"]
    goes = (times["shipped"][order] < NEVER) & ~line_cancel
    split = times["is_split"][order]
    alone = np.bincount(order, minlength=len(times["shipped"]))[order] == 1
    # Of a split order the first line goes at once, the last one later; a line alone is halved.
    is_last = np.append(order[1:] != order[:-1], True) if len(order) else np.zeros(0, dtype=bool)
    later = split & ~alone & (line > 1) & (is_last | (line_luck[1] < 0.4))
    halves = split & alone & (quantity > 1)
    first = np.where(halves, quantity // 2, np.where(later, 0, quantity)) * goes
    second = (quantity - np.where(halves, quantity // 2, np.where(later, 0, quantity))) * goes
    second = np.where(times["shipped_again"][order] < NEVER, second, 0)
    piece_line = np.concatenate([np.flatnonzero(first), np.flatnonzero(second)])
    parcel = np.repeat([1, 2], [np.count_nonzero(first), np.count_nonzero(second)])
    return piece_line, parcel, np.concatenate([first[first > 0], second[second > 0]])


def _returns(
    calendar: Calendar,
    last: int,
    lines: dict[str, Ints],
    pieces: tuple[Ints, Ints, Ints],
    times: dict[str, Ints],
    line_luck: Floats,
    luck: Floats,
) -> tuple[Ints, Ints, Ints]:
    """Lines that come back some days after all of them had arrived, wholly or in part."""
    order = lines["order"]
    arrived = np.where(times["is_split"], times["delivered_again"], times["delivered"])[order]
    shipped = np.bincount(pieces[0], weights=pieces[2], minlength=len(order)).astype(np.int64)
    back = (luck[3] * 7919 % 1 < RETURNED)[order] & (line_luck[2] < 0.6)
    back &= (arrived < NEVER) & (shipped > 0) & (shipped == lines["quantity"])
    line = np.flatnonzero(back)
    after = arrived[line] // DAY + 3 + (luck[9][order[line]] * 17).astype(np.int64)
    moment = calendar.next_working[after] * DAY + 32_400 + (luck[10][order[line]] * 20_000).astype(np.int64)
    kept = moment < last * DAY
    line, moment = line[kept], moment[kept]
    part = (line_luck[3][line] < 0.35) & (shipped[line] > 1)
    quantity = np.where(part, np.maximum(1, (line_luck[4][line] * shipped[line]).astype(np.int64)), shipped[line])
    return line, quantity, moment
