"""Orders told as feed rows: what each channel, warehouse, carrier, bank and support desk hands over, and on which day.

Every frame holds texts as they stand in a file, `_on`, the ordinal of the day on whose file the row stands, and `_key`,
by which rows of a file are ordered and which decides their luck: the day the row belongs to and its number on that day.
"""

from collections.abc import Callable

import numpy as np
import polars as pl

from pipelines.sample import words
from pipelines.sample.clock import DAY, Calendar
from pipelines.sample.orders import NEVER, Draft
from pipelines.sample.shop import AGENT, CHANNELS, CURRENCIES, ONLINE, STORE, STORY_DAYS, Shop
from pipelines.sample.values import (
    EPOCH,
    Flags,
    Floats,
    Ints,
    chosen,
    compact,
    counted,
    dated,
    keyed,
    padded,
    priced,
    stamped,
    text,
)

SERVICES = ("standard", "express", "same_day")
EVENTS = (
    "placed", "confirmed", "held", "released", "allocated", "picked", "packed", "shipped", "in_transit", "delivered",
    "delivery_failed", "returned", "cancelled", "note",
)  # fmt: skip
KIND = {event: number for number, event in enumerate(EVENTS)}
LOCATION_IDS = [location[0] for location in words.LOCATIONS]
ACTORS = ("shop", "wms", "carrier", "till", "desk")
REASONS = {
    "cancelled": words.CANCEL_REASONS,
    "returned": words.RETURN_REASONS,
    "held": words.HOLD_REASONS,
    "delivery_failed": ("nobody at home", "address not found", "refused"),
    "note": ("customer called", "VIP, wrap nicely"),
}
AGAIN = 1 << 31
"""Added to the key of a row that is told again."""


def order_ids(shop: Shop, told: Draft) -> pl.Series:
    """The identifiers of orders: the day and their number on it."""
    return "O-" + compact(told.on) + "-" + padded(told.number, shop.order_width)


def orders(shop: Shop, calendar: Calendar, told: Draft) -> pl.DataFrame:
    """Order rows; some come a day late, some are revised the day after."""
    key = keyed(told.on, told.number)
    luck = shop.luck(key, 300, 12)
    is_store, is_agent = told.channel == STORE, told.channel == AGENT
    # A gift goes to somebody else; somebody unknown has an address too.
    stand_in = (told.on - 1) * shop.new_customers + told.number % shop.new_customers
    stand_in = np.where(told.customer >= 0, told.customer, stand_in)
    is_gift = (luck[0] < 0.06) & ~is_agent
    people = shop.people(np.where(is_gift, stand_in - shop.new_customers, stand_in), told.on)
    country = np.where(is_gift, shop.country(stand_in - shop.new_customers), told.country)
    has_address = ~is_store & (luck[1] >= 0.04)
    address = {f"ship_{part}": _where(has_address, people[part]) for part in ("name", "street", "city", "postcode")}
    # The till knows local time only, agents add its offset to UTC, the web shop tells UTC.
    place = told.on - calendar.first.toordinal()
    local = told.ordered + (calendar.first.toordinal() - EPOCH) * DAY
    zone = np.where(is_store, 0, np.where(is_agent, 2 + calendar.offset_day[place] // 3600, 1))
    ordered_at = stamped(np.where(is_store | is_agent, local, calendar.utc(told.ordered)), "")
    wished = np.where(luck[2] < np.where(is_agent, 0.35, 0.04), told.on + 5 + (luck[3] * 14).astype(np.int64), 0)
    usual = np.where(told.service > 0, 2, 4) + np.array([words.TRANSIT_DAYS[code] for code in words.COUNTRIES])[country]
    arrival = calendar.next_carrier[place + usual] + calendar.first.toordinal()
    promised = np.where((luck[4] < np.where(is_agent, 0.2, 0.3)) & ~is_store, arrival, 0)
    goods = np.bincount(told.order, weights=told.quantity * told.price - told.discount, minlength=told.orders)
    is_whole = ~is_store & (luck[6] < np.where(is_agent, 0.2, 0.03))
    note = (luck[11] * len(words.NOTES)).astype(np.int64)
    frame = pl.DataFrame(
        {
            "order_id": order_ids(shop, told),
            "channel": text(CHANNELS, told.channel),
            "customer_id": _customer_ids(shop, told),
            "ordered_at": ordered_at + text(("", "Z", "+00:00", "+01:00", "+02:00"), zone),
            "currency": text((*CURRENCIES, "XBT"), told.currency),
            "service_level": _where(~is_store, text(SERVICES, told.service)),
            "requested_on": _where(~is_store, dated(wished)),
            "promised_on": dated(promised),
            "location_id": _where(is_store | (luck[5] < 0.03), text(LOCATION_IDS, told.place)),
            "ship_policy": _where(is_whole, text(("complete", "line"), (luck[7] < 0.3).astype(np.int64))),
            "prices_include_tax": text(("true", "false"), is_agent.astype(np.int64)),
            **address,
            "ship_country": _where(has_address, text(words.COUNTRIES, country)),
            "agent_id": _where(is_agent, "A-" + padded(1 + (luck[7] ** 1.5 * 12).astype(np.int64), 2)),
            "shipping_amount": _where(~is_store, priced(postage(told, goods))),
            "note": _where(~is_store & (luck[8] < 0.04), text(words.NOTES, note)),
            "updated_at": _nothing(told.orders),
            "_on": told.on + (luck[9] < 0.004),
            "_key": key,
        }
    )
    revised = np.flatnonzero((luck[10] < 0.02) & ~is_store)
    moment = told.ordered[revised] + 1200
    again = frame[revised].with_columns(
        note=text(words.NOTES, note[revised]),
        requested_on=dated(told.on[revised] + 4 + (luck[3][revised] * 9).astype(np.int64)),
        updated_at=stamped(calendar.utc(moment)),
        _on=pl.Series(calendar.first.toordinal() + moment // DAY + 1),
        _key=pl.col("_key") + AGAIN,
    )
    return pl.concat([frame, again])


def postage(told: Draft, goods: Ints | Floats) -> Ints:
    """What the customer pays for shipping, in cents, by service, channel and amount of goods."""
    standard = np.where(goods >= 4900, 0, 495)
    online = np.where(told.service == 0, standard, np.where(told.service == 1, 995, 1295))
    agent = np.where(goods >= 25_000, 0, 1500)
    return np.where(told.channel == STORE, 0, np.where(told.channel == AGENT, agent, online)).astype(np.int64)


def order_lines(shop: Shop, calendar: Calendar, told: Draft) -> pl.DataFrame:
    """Order line rows; a few get a discount the day after."""
    on = told.on[told.order]
    key = keyed(on, counted(on))
    luck = shop.luck(key, 320, 2)
    tax_code = text(("STD", "RED"), shop.has_reduced_tax[told.sku].astype(np.int64))
    frame = pl.DataFrame(
        {
            "order_id": order_ids(shop, told).gather(told.order),
            "line_no": pl.Series(told.line).cast(pl.String),
            "sku": _skus(shop, told),
            "quantity": pl.Series(told.quantity).cast(pl.String),
            "unit_price": priced(told.price),
            "discount_amount": _where(told.discount > 0, priced(told.discount)),
            "tax_code": _where((luck[0] < 0.1) & (told.sku >= 0), tax_code),
            "updated_at": _nothing(len(on)),
            "_on": on,
            "_key": key,
        }
    )
    revised = np.flatnonzero((luck[1] < 0.003) & (told.discount == 0) & (told.channel == ONLINE)[told.order])
    moment = told.ordered[told.order[revised]] + 1200
    again = frame[revised].with_columns(
        discount_amount=priced((told.quantity * told.price)[revised] // 10),
        updated_at=stamped(calendar.utc(moment)),
        _on=pl.Series(calendar.first.toordinal() + moment // DAY + 1),
        _key=pl.col("_key") + AGAIN,
    )
    return pl.concat([frame, again])


class _Told:
    """Events collected kind by kind."""

    def __init__(self) -> None:
        self.parts: list[dict[str, Ints]] = []

    def add(
        self,
        event: str,
        order: Ints,
        moment: Ints,
        *,
        line: Ints | int = 0,
        quantity: Ints | int = 0,
        parcel: Ints | int = 0,
    ) -> None:
        """Events of one kind; line, quantity and parcel 0 are not said. Moments that never come are left out."""
        size = len(order)
        part = {"kind": np.full(size, KIND[event]), "order": order, "moment": moment}
        for name, value in {"line": line, "quantity": quantity, "parcel": parcel}.items():
            part[name] = np.broadcast_to(np.asarray(value, dtype=np.int64), (size,))
        comes = moment < NEVER
        self.parts.append({name: value[comes] for name, value in part.items()})

    def columns(self, on: Ints) -> dict[str, Ints]:
        """All of them, by the day of their order, then by time."""
        joined = {name: np.concatenate([part[name] for part in self.parts]) for name in self.parts[0]}
        by_time = np.lexsort((joined["line"], joined["order"], joined["kind"], joined["moment"], on[joined["order"]]))
        return {name: values[by_time] for name, values in joined.items()}


def _events(told: Draft, luck: Floats, dirt: float) -> dict[str, Ints]:
    found, everyone = _Told(), np.arange(told.orders)
    is_remote, is_whole, goes = told.channel != STORE, ~told.is_split, told.shipped < NEVER
    is_confirmed_late = (luck[0] < 0.003) & goes
    is_silent = (luck[0] > 0.96) & (told.held == NEVER)
    found.add("placed", everyone[is_remote], told.ordered[is_remote])
    confirmed = np.where(is_confirmed_late & is_remote, told.shipped + 1200, told.confirmed)
    found.add("confirmed", everyone, np.where(is_silent, NEVER, confirmed))
    found.add("held", everyone, told.held)
    resumed = np.minimum(np.minimum(told.picked, told.cancelled) - 300, told.held + DAY)
    found.add("released", everyone, np.where(told.held < NEVER, np.maximum(resumed, told.held + 60), NEVER))
    agent = told.channel == AGENT
    found.add("allocated", everyone[agent], np.where(goes, told.confirmed + 1800, NEVER)[agent])
    found.add("cancelled", everyone, told.cancelled)
    cancelled = np.flatnonzero(told.line_cancelled < NEVER)
    found.add("cancelled", told.order[cancelled], told.line_cancelled[cancelled], line=told.line[cancelled])

    order, line, parcel = told.order[told.piece_line], told.line[told.piece_line], told.piece_parcel
    is_second, pieces = parcel == 2, is_remote[order]
    walk = (np.minimum(line, 12) - 1) * 75
    picked = np.where(is_second, told.picked_again[order], told.picked[order]) + walk
    shipped = np.where(is_second, told.shipped_again[order], told.shipped[order])
    delivered = np.where(is_second, told.delivered_again[order], told.delivered[order])
    hub = 14_400 + (luck[1] * 18_000).astype(np.int64)

    def per_piece(event: str, moments: Ints, which: Flags) -> None:
        of_piece = {"line": line[which], "quantity": told.piece_quantity[which], "parcel": parcel[which]}
        found.add(event, order[which], moments[which], **of_piece)

    per_piece("picked", picked, pieces)
    split = pieces & told.is_split[order]
    per_piece("packed", np.where(shipped < NEVER, np.maximum(picked + 300, shipped - 2400), NEVER), split)
    per_piece("shipped", shipped, split)
    per_piece("in_transit", np.where(shipped < NEVER, shipped + hub[order], NEVER), split)
    per_piece("delivered", delivered, split)
    remote = everyone[is_remote & is_whole]
    out = told.shipped[remote]
    found.add("packed", remote, np.where(out < NEVER, np.maximum(told.picked[remote] + 900, out - 2400), NEVER))
    found.add("shipped", remote, out, parcel=1)
    found.add("in_transit", remote, np.where(out < NEVER, out + hub[remote], NEVER), parcel=1)
    depot = np.minimum(told.delivered, told.failed)[remote]
    depot = np.where(depot < NEVER, depot // DAY * DAY + 18_000 + (luck[2][remote] * 9000).astype(np.int64), NEVER)
    found.add("in_transit", remote, np.where(luck[3][remote] < 0.8, depot, NEVER), parcel=1)
    found.add("delivery_failed", remote, told.failed[remote], parcel=1)
    found.add("delivered", remote, told.delivered[remote], parcel=1)
    store = everyone[~is_remote]
    found.add("shipped", store, told.shipped[store])
    found.add("delivered", store, told.delivered[store])
    back = told.return_line
    found.add("returned", told.order[back], told.returned, line=told.line[back], quantity=told.return_quantity)
    noted = everyone[is_remote & (luck[4] < 0.03)]
    found.add("note", noted, told.ordered[noted] + 5400)
    # What cannot be: shipped twice, cancelled when it is gone, more delivered than there was.
    wrong, gone = luck[5] / max(dirt, 1e-9), is_remote & is_whole & goes
    twice = everyone[gone & (wrong < 0.10)]
    found.add("shipped", twice, told.shipped[twice] + 3600, parcel=1)
    too_late = everyone[gone & (wrong >= 0.10) & (wrong < 0.14)]
    found.add("cancelled", too_late, told.shipped[too_late] + 7200)
    too_many = everyone[gone & (wrong >= 0.14) & (wrong < 0.17)]
    found.add("delivered", too_many, told.delivered[too_many], line=1, quantity=400, parcel=1)
    return found.columns(told.on)


def order_events(shop: Shop, calendar: Calendar, told: Draft, dirt: float) -> pl.DataFrame:
    """Event rows: most on the day they happen, some days later, some twice."""
    events = _events(told, shop.luck(keyed(told.on, told.number), 340, 6), dirt)
    kind, order, parcel = events["kind"], events["order"], events["parcel"]
    on = told.on[order]
    number = counted(on)
    key = keyed(on, number)
    luck = shop.luck(key, 350, 4)
    by_carrier = parcel > 0
    late = np.where(luck[0] < 0.02, 1 + (luck[1] ** 2 * 5).astype(np.int64), 0)
    carrier = chosen(told.number * 0.6180339887 % 1, tuple(share for _, _, share in words.CARRIERS))
    day = compact(told.on)
    parcels = text([start for _, start, _ in words.CARRIERS], carrier) + day + padded(told.number, shop.order_width)
    in_house = _is(kind, "allocated", "picked", "packed", "shipped", "returned") | (
        _is(kind, "delivered") & ~by_carrier
    )
    is_on_its_way = by_carrier & ~_is(kind, "picked", "packed")
    frame = pl.DataFrame(
        {
            "event_id": "E-" + day.gather(order) + "-" + padded(number, 6),
            "order_id": order_ids(shop, told).gather(order),
            "line_no": _number(events["line"]),
            "event": text(EVENTS, kind),
            "occurred_at": stamped(calendar.utc(events["moment"])),
            "quantity": _number(events["quantity"]),
            "location_id": _where(in_house, text(LOCATION_IDS, told.place[order])),
            "carrier": _where(is_on_its_way, text([name for name, _, _ in words.CARRIERS], carrier[order])),
            "tracking_no": _where(is_on_its_way, parcels.gather(order) + pl.Series(parcel).cast(pl.String)),
            "reason": _reasons(kind, luck[2]),
            "actor": _actors(kind, is_on_its_way, luck[3]),
            "_on": calendar.first.toordinal() + events["moment"] // DAY + late,
            "_key": key,
        }
    )
    twice = np.flatnonzero(luck[1] < 0.005)
    again = frame[twice].with_columns(
        _on=pl.col("_on") + pl.Series((luck[2][twice] < 0.5).astype(np.int64)), _key=pl.col("_key") + AGAIN
    )
    return pl.concat([frame, again])


def _reasons(kind: Ints, luck: Floats) -> pl.Series:
    values, place = [""], np.zeros(len(kind), dtype=np.int64)
    for event, reasons in REASONS.items():
        place = np.where(kind == KIND[event], len(values) + (luck * len(reasons)).astype(np.int64), place)
        values += reasons
    return _where(place > 0, text(values, place))


def _actors(kind: Ints, by_carrier: Flags, luck: Floats) -> pl.Series:
    place = np.where(_is(kind, "allocated", "packed", "shipped"), 1, 0)
    place = np.where(by_carrier & (kind != KIND["shipped"]), 2, place)
    place = np.where(_is(kind, "shipped", "delivered") & ~by_carrier, 3, place)
    place = np.where(_is(kind, "held", "released", "note"), 4, place)
    picker = len(ACTORS) + (luck * len(words.PICKERS)).astype(np.int64)
    return text([*ACTORS, *words.PICKERS], np.where(_is(kind, "picked", "returned"), picker, place))


def movements(shop: Shop, told: Draft) -> dict[str, Ints]:
    """What the orders move: sku, place, signed quantity, moment and order; by the day of the order, then by time."""
    order = told.order[told.piece_line]
    moment = np.where(told.piece_parcel == 2, told.shipped_again[order], told.shipped[order])
    back = told.order[told.return_line]
    moved = {
        "sku": np.concatenate([told.sku[told.piece_line], told.sku[told.return_line]]),
        "place": np.concatenate([told.place[order], told.place[back]]),
        "quantity": np.concatenate([-told.piece_quantity, told.return_quantity]),
        "moment": np.concatenate([moment, told.returned]),
        "order": np.concatenate([order, back]),
    }
    counts = (moved["sku"] >= 0) & shop.is_stocked[moved["sku"]]
    moved = {name: values[counts] for name, values in moved.items()}
    by_day = np.lexsort((moved["sku"], moved["order"], moved["moment"], told.on[moved["order"]]))
    return {name: values[by_day] for name, values in moved.items()}


def stock_movements(shop: Shop, calendar: Calendar, told: Draft) -> pl.DataFrame:
    """Movement rows of shipments and returns, with the order as reference."""
    moved = movements(shop, told)
    on = told.on[moved["order"]]
    number = counted(on)
    key = keyed(on, number)
    return pl.DataFrame(
        {
            "movement_id": "M-" + compact(on) + "-" + padded(number, 6),
            "sku": text(shop.sku, moved["sku"]),
            "location_id": text(LOCATION_IDS, moved["place"]),
            "moved_at": stamped(calendar.utc(moved["moment"])),
            "kind": text(("shipment", "return"), (moved["quantity"] > 0).astype(np.int64)),
            "quantity": pl.Series(moved["quantity"]).cast(pl.String),
            "unit_cost": _nothing(len(on)),
            "reference": order_ids(shop, told).gather(moved["order"]),
            "_on": calendar.first.toordinal() + moved["moment"] // DAY + (shop.luck(key, 370, 1)[0] < 0.01),
            "_key": key,
        }
    )


def payments(shop: Shop, calendar: Calendar, told: Draft) -> pl.DataFrame:
    """Payment rows: cards at once, transfers when they are due or later, money back after cancellations and returns."""
    count, today = told.orders, told.on - calendar.first.toordinal()
    luck = shop.luck(keyed(told.on, told.number), 380, 5)
    is_agent, is_gone = told.channel == AGENT, told.cancelled < NEVER
    net = told.quantity * told.price - told.discount
    is_reduced = shop.has_reduced_tax[told.sku]
    nets = [np.bincount(told.order, weights=net * part, minlength=count) for part in (~is_reduced, is_reduced)]
    standard, reduced = (amount.astype(np.int64) for amount in nets)
    shipping = postage(told, standard + reduced)
    rates = np.array([[round(rate * 10) for rate in words.TAX_PERCENT[code]] for code in words.COUNTRIES])[told.country]
    tax = ((standard + shipping) * rates[:, 0] + 500) // 1000 + (reduced * rates[:, 1] + 500) // 1000
    due = standard + reduced + shipping + np.where(is_agent, tax, 0)
    pays_later = is_agent | (luck[0] < 0.14)
    wait = np.where(is_agent, 6 + (luck[1] * 34).astype(np.int64), 3 + (luck[1] ** 1.5 * 24).astype(np.int64))
    is_booked_later = pays_later | (luck[1] < 0.25)
    day = np.where(is_booked_later, calendar.next_working[today + np.where(pays_later, wait, 1)], today)
    pays = (told.channel != STORE) & (due > 0) & (told.currency < len(CURRENCIES)) & (day < today + STORY_DAYS)
    pays &= ~(pays_later & ((luck[2] < 0.03) | is_gone | told.is_odd))
    amount = np.where(luck[3] < 0.006, due - np.minimum(due // 10, 500), np.where(luck[3] > 0.996, due + 100, due))
    payers, refunded = np.flatnonzero(pays), np.flatnonzero(pays & is_gone)
    refund_day = np.maximum(calendar.next_working[np.where(is_gone, told.cancelled // DAY + 2, 0)], day)
    share = (net // np.maximum(told.quantity, 1))[told.return_line] * told.return_quantity
    order_back = told.order[told.return_line]
    day_back = calendar.next_working[told.returned // DAY + 3]
    back = np.flatnonzero(pays[order_back] & (share > 0) & (day_back > day[order_back]))
    order = np.concatenate([payers, refunded, order_back[back]])
    cents = np.concatenate([amount[payers], -amount[refunded], -share[back]])
    on = np.concatenate([day[payers], refund_day[refunded], day_back[back]])
    by_day = np.lexsort((cents, on, order))
    order, cents, on = order[by_day], cents[by_day], on[by_day] + calendar.first.toordinal()
    number = counted(told.on[order])
    method = np.where(pays_later, 2, np.where(luck[4] < 0.65, 0, 1))
    return pl.DataFrame(
        {
            "payment_id": "P-" + compact(told.on[order]) + "-" + padded(number, 5),
            "order_id": order_ids(shop, told).gather(order),
            "amount": priced(cents),
            "currency": text(CURRENCIES, told.currency[order]),
            "received_on": dated(on),
            "method": text(("card", "paypal", "transfer"), method[order]),
            "_on": on,
            "_key": keyed(told.on[order], number),
        }
    )


def support_cases(shop: Shop, calendar: Calendar, told: Draft) -> pl.DataFrame:
    """Case rows: opened when something went wrong or was unclear, and again when they were closed."""
    luck = shop.luck(keyed(told.on, told.number), 390, 6)
    is_late = (told.picked < NEVER) & ((told.failed < NEVER) | (told.picked - told.ordered > 8 * DAY))
    is_back = np.zeros(told.orders, dtype=bool)
    is_back[told.order[told.return_line]] = True
    trouble = np.where(is_late, 0.3, np.where(is_back, 0.15, np.where(told.channel == STORE, 0.004, 0.014)))
    which = np.flatnonzero(luck[0] < trouble)
    luck, is_late, is_back = luck[:, which], is_late[which], is_back[which]
    pair = (luck[1] * 2).astype(np.int64)
    anything = (luck[1] * len(words.CASES)).astype(np.int64)
    case = np.where(is_late, pair, np.where(is_back, 2 + pair, anything))
    opened = told.ordered[which] + ((2 + luck[2] * np.where(is_late, 5, 9)) * DAY).astype(np.int64)
    opened = opened // DAY * DAY + 28_800 + (luck[3] * 36_000).astype(np.int64)
    closed = opened + (3600 + luck[4] ** 2 * 9 * DAY).astype(np.int64)
    stays_open = luck[5] < 0.06
    number = counted(told.on[which])
    frame = pl.DataFrame(
        {
            "case_id": "K-" + compact(told.on[which]) + "-" + padded(number, 4),
            "order_id": _where(luck[5] < 0.93, order_ids(shop, told).gather(which)),
            "customer_id": _customer_ids(shop, told).gather(which),
            "opened_at": stamped(calendar.utc(opened)),
            "closed_at": _nothing(len(which)),
            "topic": text([topic for topic, _ in words.CASES], case),
            "priority": text(("low", "normal", "high", "urgent"), (luck[3] * 2.3 + is_late).astype(np.int64)),
            "status": text(("open",), np.zeros_like(which)),
            "subject": text([subject for _, subject in words.CASES], case),
            "updated_at": stamped(calendar.utc(opened)),
            "_on": calendar.first.toordinal() + opened // DAY,
            "_key": keyed(told.on[which], number),
        }
    )
    moment = stamped(calendar.utc(closed))
    over = frame.with_columns(
        closed_at=moment,
        updated_at=moment,
        status=pl.lit("closed"),
        _on=pl.Series(calendar.first.toordinal() + closed // DAY),
        _key=pl.col("_key") + AGAIN,
    ).filter(pl.Series(~stays_open))
    return pl.concat([frame, over])


def _customer_ids(shop: Shop, told: Draft) -> pl.Series:
    is_known = told.customer >= 0
    ids = _where(is_known, shop.customer_ids(np.where(is_known, told.customer, told.on * shop.new_customers)))
    return ids.zip_with(pl.Series(told.customer != -2), "C-GUEST-" + compact(told.on))


def _skus(shop: Shop, told: Draft) -> pl.Series:
    strange = "NEW-" + compact(told.on).gather(told.order)
    return text(shop.sku, np.maximum(told.sku, 0)).zip_with(pl.Series(told.sku >= 0), strange)


def _is(kind: Ints, *events: str) -> Flags:
    return np.isin(kind, [KIND[event] for event in events])


def _number(values: Ints) -> pl.Series:
    return _where(values > 0, pl.Series(values).cast(pl.String))


def _nothing(size: int) -> pl.Series:
    return pl.Series([None] * size, dtype=pl.String)


def _where(kept: Flags, values: pl.Series) -> pl.Series:
    return values.set(pl.Series(~kept), None)


TELLERS: dict[str, Callable[[Shop, Calendar, Draft], pl.DataFrame]] = {
    "orders": orders,
    "order_lines": order_lines,
    "stock_movements": stock_movements,
    "payments": payments,
    "support_cases": support_cases,
}
"""The feeds that are told of orders and nothing else; events tell of dirt, too."""
