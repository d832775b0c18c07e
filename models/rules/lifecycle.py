"""Lifecycle: where every order is, folded from what was told about it, in whole numbers.

The state of an order is a fold over its events in the order (occurred_at, rank of the kind, event_id). Administrative
events are judged by the table of transitions, physical ones are facts that are refused only where their quantity is
impossible. Two paths give the same answer: `folded` takes in the first events of all orders at once, then the second
ones, and so on; `folded_one_by_one` tells one order its events one after the other and is the one to read first.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from models.tables.feeds import EVENTS
from models.tables.lifecycle import ANOMALIES, FULFILMENT, REFUSALS, STATUSES

PHYSICAL = ("allocated", "picked", "packed", "shipped", "delivered", "returned")
"""What carries a number of units."""
FACTS = ("picked", "packed", "shipped", "in_transit", "delivered", "returned")
"""Goods that moved: one of them refused stops an order until a person decides. A promise of stock (`allocated`) is none."""
ADMINISTRATIVE = ("confirmed", "held", "released", "rejected", "closed")
"""Judged by the table of transitions alone; `cancelled` is judged by its quantity too."""
EFFECTS = ("cancelled", "shipped", "delivered", "returned")
"""The events whose units per line are kept."""
VOIDED = "voided"
LONG = 64
FEW = 100
"""The few orders with the most events are folded event by event where they have more than `LONG`: a step of all orders
at once costs as much as a hundred events one by one."""

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int8]


class Folded(NamedTuple):
    """What the events made of the orders."""

    orders: pl.DataFrame
    """order_id, status, fulfilment, confirmed_at, shipped_at, delivered_at, cancelled_at, has_refused_fact."""
    lines: pl.DataFrame
    """order_id, line_no, cancelled, allocated, picked, packed, shipped, delivered, returned."""
    timeline: pl.DataFrame
    """TimelineEntry rows, every event given, in the order of the fold."""
    effects: pl.DataFrame
    """order_id, line_no, event_id, event, occurred_at, quantity: the units an accepted event told of a line."""


def folded(orders: pl.DataFrame, lines: pl.DataFrame, events: pl.DataFrame, transitions: pl.DataFrame) -> Folded:
    """Say where every order is, what each of its lines went through, and which events could not be true.

    Every order is folded for itself, so orders may be given in parts and give the same rows. A wholly cancelled order
    is dated by the event that cancelled its last unit, `shipped_at` and `delivered_at` by the event that brought the
    last unit, once nothing is left to ship or to deliver. Lines whose order is not given are left out.

    Args:
        orders: order_id, ordered_at; one row per order.
        lines: order_id, line_no, quantity (ordered); one row per line.
        events: event_id, order_id, line_no (null: the whole order), event, occurred_at, quantity (null: all that is
            left), reason, location_id, carrier, tracking_no, source (feed / night), is_voided; one row per event_id. A
            voided event is refused as `voided`. Events whose order is not given are left out.
        transitions: Transition rows; a next_status of null goes back to where the order stood before it was held.

    Returns:
        Folded, each part in a total order.

    Source: the fold of ERPNext `status_updater` and Saleor `order` (numbers per line, states derived from them).
    """
    sheet = _sheet(orders, lines, events)
    outcome = _Outcome.of(sheet)
    told = np.diff(sheet.first_event)
    is_long = told > max(LONG, np.sort(np.pad(told, (FEW, 0)))[-FEW])
    _walk(sheet, outcome, transitions, ~is_long)
    _tell(sheet, outcome, transitions, np.flatnonzero(is_long))
    return _frames(sheet, outcome)


def folded_one_by_one(
    orders: pl.DataFrame, lines: pl.DataFrame, events: pl.DataFrame, transitions: pl.DataFrame
) -> Folded:
    """The same as `folded`, told event by event: slower, and easy to follow."""
    sheet = _sheet(orders, lines, events)
    outcome = _Outcome.of(sheet)
    _tell(sheet, outcome, transitions, np.arange(len(sheet.orders)))
    return _frames(sheet, outcome)


def let_go(folded: Folded, decisions: pl.DataFrame) -> pl.DataFrame:
    """Let orders go on of which a person saw the refused facts; one that happened after the decision blocks them anew.

    Args:
        folded: what the events made of the orders.
        decisions: subject_id (an order or an event), decided_at of the decisions `ship_anyway` in effect.

    Returns:
        The orders of `folded` with `has_refused_fact` as these decisions leave it.
    """
    if decisions.is_empty():
        return folded.orders
    seen = decisions.group_by("subject_id").agg(seen_at=pl.col("decided_at").max())
    blocking = (
        folded.timeline.filter(~pl.col("is_accepted") & (pl.col("reason") != VOIDED) & pl.col("event").is_in(FACTS))
        .join(seen.select("subject_id"), left_on="event_id", right_on="subject_id", how="anti")
        .join(seen, left_on="order_id", right_on="subject_id", how="left", validate="m:1")
        .filter(pl.col("seen_at").is_null() | (pl.col("occurred_at") > pl.col("seen_at")))
    )
    return folded.orders.with_columns(
        has_refused_fact=pl.col("order_id").is_in(blocking["order_id"].unique().to_list())
    )


# --- One order, event by event


@dataclass(slots=True)
class _Line:
    """The whole numbers of one line."""

    ordered: int
    cancelled: int = 0
    told: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PHYSICAL, 0))

    @property
    def delivered(self) -> int:
        """What came back must have arrived."""
        return max(self.told["delivered"], self.told["returned"])

    @property
    def shipped(self) -> int:
        """What arrived must have left."""
        return max(self.told["shipped"], self.delivered)

    @property
    def limit(self) -> int:
        """No fact can be told of more than this."""
        return self.ordered - self.cancelled


@dataclass(slots=True)
class _Order:
    """One order that is told its events in the order of the fold."""

    lines: dict[int, _Line]
    transitions: dict[tuple[str, str], str | None]
    status: str = "received"
    was_confirmed: bool = False
    is_held_by_feed: bool = False

    @property
    def is_cancelled(self) -> bool:
        """Every line is wholly cancelled."""
        return all(line.limit == 0 for line in self.lines.values())

    def tell(
        self, event: str, line_no: int | None, quantity: int | None, source: str
    ) -> tuple[str | None, dict[int, int]]:
        """Take one event in: why it is refused, if it is, else the units it told of each line."""
        if line_no is not None and line_no not in self.lines:
            return "unknown_line", {}
        if event in ADMINISTRATIVE:
            return self._decided(event, source), {}
        if event == "cancelled":
            return self._cancelled(line_no, quantity)
        if event in {*PHYSICAL, "in_transit"} and self.status == "rejected":
            return "order_rejected", {}
        if event in PHYSICAL:
            return self._happened(event, line_no, quantity)
        return None, {}

    def _decided(self, event: str, source: str) -> str | None:
        if (self.status, event) not in self.transitions:
            return "not_allowed_from_state"
        before = "confirmed" if self.was_confirmed else "received"
        self.status = self.transitions[self.status, event] or before
        self.was_confirmed |= event == "confirmed"
        if event == "held":
            self.is_held_by_feed = source == "feed"
        return None

    def _cancelled(self, line_no: int | None, quantity: int | None) -> tuple[str | None, dict[int, int]]:
        if (self.status, "cancelled") not in self.transitions:
            return "not_allowed_from_state", {}
        refusal: str | None = None
        units: dict[int, int] = {}
        if self.lines or quantity is not None:
            room = {no: line.limit - line.shipped for no, line in self.asked(line_no).items()}
            refusal, units = self._possible(room, room, line_no, quantity)
        if refusal:
            return refusal, {}
        for no, count in units.items():
            self.lines[no].cancelled += count
        if self.is_cancelled:
            self.status = self.transitions[self.status, "cancelled"] or "cancelled"
        return None, units

    def _happened(self, event: str, line_no: int | None, quantity: int | None) -> tuple[str | None, dict[int, int]]:
        asked = self.asked(line_no)
        room = {no: line.limit - line.told[event] for no, line in asked.items()}
        refusal, units = self._possible(room, self._left(event, asked), line_no, quantity)
        for no, count in units.items():
            self.lines[no].told[event] += count
        return refusal, units

    def asked(self, line_no: int | None) -> dict[int, _Line]:
        """The lines an event speaks of."""
        return self.lines if line_no is None else {line_no: self.lines[line_no]}

    @staticmethod
    def _left(event: str, asked: dict[int, _Line]) -> dict[int, int]:
        """What "all that is left" means: of what went before where that was told, else of the order."""
        was_delivered = event == "returned" and any(line.told["delivered"] for line in asked.values())
        was_shipped = event in {"delivered", "returned"} and any(line.told["shipped"] for line in asked.values())
        left = {}
        for no, line in asked.items():
            base = line.delivered if was_delivered else line.shipped if was_shipped else line.limit
            left[no] = max(base - line.told[event], 0)
        return left

    def _possible(
        self, room: dict[int, int], left: dict[int, int], line_no: int | None, quantity: int | None
    ) -> tuple[str | None, dict[int, int]]:
        if quantity is not None and line_no is None and len(self.lines) > 1:
            return "quantity_without_line", {}
        units = left if quantity is None else dict.fromkeys(left, quantity)
        if sum(units.values()) == 0:
            return "nothing_left", {}
        if quantity is not None and any(quantity > most for most in room.values()):
            return "more_than_possible", {}
        return None, units


# --- The sheet both paths work on: plain arrays, orders and lines by their place, events in the order of the fold

_EVENT = {event: code for code, event in enumerate(EVENTS)}
_STATUS = {status: code for code, status in enumerate(STATUSES)}
_REASON = {reason: code for code, reason in enumerate(REFUSALS)}
_ACCEPTED = -1
_OPEN = -1  # a quantity that is not given
_NOBODY = -1  # no line, no event
_LISTED_BACK = len(STATUSES)
_REFUSED = -1


def _are(*events: str) -> Flags:
    """Of each code of an event, whether it is one of these."""
    return np.isin(np.array(EVENTS), events)


_IS_OF_GOODS = _are(*PHYSICAL, "in_transit")
_IS_FACT = _are(*FACTS)
_IS_COUNTED = _are(*PHYSICAL, "cancelled")
_IS_ADMINISTRATIVE = _are(*ADMINISTRATIVE)
_IS_INFORMATION = _are("placed", "delivery_failed", "note")


@dataclass(frozen=True)
class _Sheet:
    """Orders by order_id, lines by (order, line_no), events by the order of the fold; numbers are places in these."""

    orders: pl.DataFrame
    lines: pl.DataFrame
    events: pl.DataFrame
    first_line: Ints  # of each order, and the number of lines at the end
    first_event: Ints  # of each order, and the number of events at the end
    ordered: Ints  # of each line
    order: Ints  # of each event
    code: Codes
    line: Ints  # of each event, _NOBODY = the whole order
    is_unknown_line: Flags
    quantity: Ints
    is_feed: Flags
    is_voided: Flags
    first_target: Ints  # of each event, and the number of targets at the end; a target is a line an event speaks of
    target_line: Ints


@dataclass(frozen=True)
class _Outcome:
    """What a path finds out: per event, per target, per order and per line."""

    reason: Codes
    is_on_hold: Flags  # shipped while the feed had it on hold
    units: Ints
    status: Codes
    confirmed_by: Ints
    shipped_by: Ints
    delivered_by: Ints
    cancelled_by: Ints
    cancelled: Ints
    told: dict[str, Ints]

    @classmethod
    def of(cls, sheet: _Sheet) -> "_Outcome":
        """Nothing has happened yet; what can be seen without looking at the order is already refused."""
        reason = np.full(len(sheet.code), _ACCEPTED, dtype=np.int8)
        reason[sheet.is_unknown_line] = _REASON["unknown_line"]
        reason[sheet.is_voided] = _REASON[VOIDED]

        def nobody() -> Ints:
            return np.full(len(sheet.orders), _NOBODY, dtype=np.int64)

        def none() -> Ints:
            return np.zeros(len(sheet.lines), dtype=np.int64)

        return cls(
            reason=reason,
            is_on_hold=np.zeros(len(sheet.code), dtype=bool),
            units=np.zeros(len(sheet.target_line), dtype=np.int64),
            status=np.full(len(sheet.orders), _STATUS["received"], dtype=np.int8),
            confirmed_by=nobody(),
            shipped_by=nobody(),
            delivered_by=nobody(),
            cancelled_by=nobody(),
            cancelled=none(),
            told={kind: none() for kind in PHYSICAL},
        )


def _starts(places: Ints, count: int) -> Ints:
    """Where the rows of each of `count` places begin among sorted rows, and where the last ones end."""
    return np.concatenate([[0], np.cumsum(np.bincount(places, minlength=count))]).astype(np.int64)


def _expanded(first: Ints, counts: Ints) -> Ints:
    """The places first, first + 1, … (counts of them), of all rows one after the other."""
    ends = np.cumsum(counts)
    return np.arange(ends[-1] if len(ends) else 0) + np.repeat(first - (ends - counts), counts)


def _sums(values: Ints, first: Ints) -> Ints:
    """Sums of consecutive parts, an empty part being 0."""
    running = np.concatenate([[0], np.cumsum(values)])
    return running[first[1:]] - running[first[:-1]]


def _is_first(places: Ints) -> Flags:
    """Which of some sorted places is the first of its value."""
    return np.concatenate([[True], places[1:] != places[:-1]])[: len(places)]


def _sheet(orders: pl.DataFrame, lines: pl.DataFrame, events: pl.DataFrame) -> _Sheet:
    orders = orders.select("order_id", "ordered_at").sort("order_id").with_columns(order=pl.int_range(pl.len()))
    places = orders.select("order_id", "order")
    lines = (
        lines.select("order_id", "line_no", "quantity")
        .join(places, on="order_id", validate="m:1")
        .sort("order", "line_no")
    )
    events = (
        events.with_columns(code=pl.col("event").cast(pl.Enum(EVENTS)).to_physical().cast(pl.Int8))
        .join(places, on="order_id", validate="m:1")
        .sort("order", "occurred_at", "code", "event_id")
    )
    order = events["order"].to_numpy()
    code = events["code"].to_numpy()
    quantity = events["quantity"].fill_null(_OPEN).to_numpy()
    is_voided = events["is_voided"].fill_null(False).to_numpy()
    first_line = _starts(lines["order"].to_numpy(), len(orders))
    line, is_unknown_line = _lines_of_events(events, lines)

    line_counts = np.diff(first_line)[order]
    only_one = (line == _NOBODY) & (line_counts == 1) & ~is_unknown_line
    line[only_one] = first_line[order[only_one]]
    targets = np.where(line != _NOBODY, 1, np.where(quantity == _OPEN, line_counts, 0))
    targets[~_IS_COUNTED[code] | is_voided | is_unknown_line] = 0
    first_target = np.concatenate([[0], np.cumsum(targets)])
    return _Sheet(
        orders=orders,
        lines=lines,
        events=events,
        first_line=first_line,
        first_event=_starts(order, len(orders)),
        ordered=lines["quantity"].to_numpy(),
        order=order,
        code=code,
        line=line,
        is_unknown_line=is_unknown_line,
        quantity=quantity,
        is_feed=(events["source"] == "feed").to_numpy(),
        is_voided=is_voided,
        first_target=first_target,
        target_line=_expanded(np.where(line != _NOBODY, line, first_line[order]), targets),
    )


def _lines_of_events(events: pl.DataFrame, lines: pl.DataFrame) -> tuple[Ints, Flags]:
    """The place of the line each event names, and whether it names one that its order does not have."""
    place = np.full(len(events), _NOBODY, dtype=np.int64)
    is_unknown = np.zeros(len(events), dtype=bool)
    naming = np.flatnonzero(events["line_no"].is_not_null().to_numpy())
    named = (
        events.select("order", "line_no")[naming]
        .join(
            lines.select("order", "line_no", place=pl.int_range(pl.len())),
            on=["order", "line_no"],
            how="left",
            maintain_order="left",
            validate="m:1",
        )["place"]
        .fill_null(_NOBODY)
        .to_numpy()
    )
    place[naming] = named
    is_unknown[naming] = named == _NOBODY
    return place, is_unknown


# --- All orders at once: first their first events, then their second ones, …


def _steps(sheet: _Sheet, outcome: _Outcome, is_walked: Flags) -> Iterator[Ints]:
    """The events by their position in their order: no order twice in one step, information left out."""
    walked = np.flatnonzero(is_walked[sheet.order] & (outcome.reason == _ACCEPTED) & ~_IS_INFORMATION[sheet.code])
    if not len(walked):
        return
    first = _starts(sheet.order[walked], len(sheet.orders))
    position = np.arange(len(walked)) - first[sheet.order[walked]]
    by_position = walked[np.argsort(position.astype(np.min_scalar_type(position.max())), kind="stable")]
    ends = np.cumsum(np.bincount(position))
    yield from np.split(by_position, ends[:-1])


class _Walk:
    """The state of all orders while they are walked together."""

    def __init__(self, sheet: _Sheet, outcome: _Outcome, transitions: pl.DataFrame) -> None:
        count = len(sheet.orders)
        self.sheet, self.outcome = sheet, outcome
        self.next_status = np.full((len(STATUSES), len(EVENTS)), _REFUSED, dtype=np.int8)
        for (status, event), after in _listed(transitions).items():
            self.next_status[_STATUS[status], _EVENT[event]] = _LISTED_BACK if after is None else _STATUS[after]
        self.was_confirmed = np.zeros(count, dtype=bool)
        self.is_held_by_feed = np.zeros(count, dtype=bool)
        self.has_told = {kind: np.zeros(count, dtype=bool) for kind in ("shipped", "delivered")}
        self.shipped = np.zeros(len(sheet.lines), dtype=np.int64)
        self.delivered = np.zeros(len(sheet.lines), dtype=np.int64)
        self.limit = sheet.ordered.copy()
        self.uncancelled = _sums(sheet.ordered, sheet.first_line)

    def step(self, events: Ints) -> None:
        """Take in one event of each of some orders."""
        code = self.sheet.code[events]
        order = self.sheet.order[events]
        status = self.outcome.status[order]
        self._decided(events[_IS_ADMINISTRATIVE[code]])
        is_rejected = status == _STATUS["rejected"]
        self.outcome.reason[events[_IS_OF_GOODS[code] & is_rejected]] = _REASON["order_rejected"]
        for kind in PHYSICAL:
            self._happened(kind, events[(code == _EVENT[kind]) & ~is_rejected])
        cancelling = code == _EVENT["cancelled"]
        is_listed = self.next_status[status, _EVENT["cancelled"]] != _REFUSED
        self.outcome.reason[events[cancelling & ~is_listed]] = _REASON["not_allowed_from_state"]
        self._cancelled(events[cancelling & is_listed])

    def _decided(self, events: Ints) -> None:
        order, code = self.sheet.order[events], self.sheet.code[events]
        after = self.next_status[self.outcome.status[order], code]
        self.outcome.reason[events[after == _REFUSED]] = _REASON["not_allowed_from_state"]
        taken = after != _REFUSED
        events, order, code, after = events[taken], order[taken], code[taken], after[taken]
        before = np.where(self.was_confirmed[order], _STATUS["confirmed"], _STATUS["received"])
        self.outcome.status[order] = np.where(after == _LISTED_BACK, before, after)
        confirmed = code == _EVENT["confirmed"]
        first = confirmed & ~self.was_confirmed[order]
        self.outcome.confirmed_by[order[first]] = events[first]
        self.was_confirmed[order[confirmed]] = True
        held = code == _EVENT["held"]
        self.is_held_by_feed[order[held]] = self.sheet.is_feed[events[held]]

    def _countable(self, events: Ints) -> Iterator[Ints]:
        """Those that speak of one line, then those that speak of several; who speaks of none is refused."""
        counts = self.sheet.first_target[events + 1] - self.sheet.first_target[events]
        nowhere = events[counts == 0]
        several = np.diff(self.sheet.first_line)[self.sheet.order[nowhere]] > 1
        self.outcome.reason[nowhere[several]] = _REASON["quantity_without_line"]
        self.outcome.reason[nowhere[~several]] = _REASON["nothing_left"]
        yield events[counts == 1]
        yield events[counts > 1]

    def _targets(self, events: Ints) -> tuple[Ints, Ints, Ints]:
        """The targets of events, how many each has, and where each one's begin."""
        first = self.sheet.first_target[events]
        counts = self.sheet.first_target[events + 1] - first
        if len(events) == 0 or counts[0] == 1:
            return first, counts, np.arange(len(events))
        return _expanded(first, counts), counts, np.cumsum(counts) - counts

    def _units(self, events: Ints, room: Ints, left: Ints, starts: Ints) -> tuple[Ints, Ints]:
        """The units told of each target, zero where the event is refused, and their sum per event."""
        if not len(events):
            return left, left
        if len(left) > len(events):  # several lines are spoken of without a number only
            total = np.add.reduceat(left, starts)
            units = left
        else:
            asked = self.sheet.quantity[events]
            units = np.where(asked == _OPEN, left, asked)
            is_too_many = (asked != _OPEN) & (asked > room)
            self.outcome.reason[events[is_too_many]] = _REASON["more_than_possible"]
            total = units
            units = np.where(is_too_many, 0, units)
        self.outcome.reason[events[total == 0]] = _REASON["nothing_left"]
        return units, total

    def _left(self, kind: str, events: Ints, line: Ints, counts: Ints) -> Ints:
        told = self.outcome.told
        left = self.limit[line]
        if kind in {"delivered", "returned"}:
            base = {"shipped": self.shipped, "delivered": self.delivered}
            for before in ("shipped", "delivered") if kind == "returned" else ("shipped",):
                if len(line) > len(events):
                    was_told = np.repeat(self.has_told[before][self.sheet.order[events]], counts)
                else:
                    was_told = told[before][line] > 0
                left = np.where(was_told, base[before][line], left)
        return np.maximum(left - told[kind][line], 0)

    def _happened(self, kind: str, events: Ints) -> None:
        told = self.outcome.told[kind]
        for some in self._countable(events):
            if not len(some):
                continue
            at, counts, starts = self._targets(some)
            line = self.sheet.target_line[at]
            left = self._left(kind, some, line, counts)
            units, _ = self._units(some, self.limit[line] - told[line], left, starts)
            self.outcome.units[at] = units
            told[line] += units
            if kind in {"shipped", "delivered", "returned"}:
                self._grown(kind, some, line, counts)
        if kind in self.has_told:
            accepted = events[self.outcome.reason[events] == _ACCEPTED]
            self.has_told[kind][self.sheet.order[accepted]] = True
            if kind == "shipped":
                order = self.sheet.order[accepted]
                on_hold = self.outcome.status[order] == _STATUS["on_hold"]
                self.outcome.is_on_hold[accepted] = on_hold & self.is_held_by_feed[order]

    def _grown(self, kind: str, events: Ints, line: Ints, counts: Ints) -> None:
        """What came back was delivered, what was delivered was shipped; the event that brought the last unit counts."""
        told = self.outcome.told[kind][line]
        implied = [(self.shipped, self.outcome.shipped_by)]
        if kind != "shipped":
            implied.append((self.delivered, self.outcome.delivered_by))
        for number, by in implied:
            more = told > number[line]
            number[line[more]] = told[more]
            bringing = np.repeat(events, counts)[more]
            by[self.sheet.order[bringing]] = bringing

    def _cancelled(self, events: Ints) -> None:
        order = self.sheet.order[events]
        is_empty = np.diff(self.sheet.first_line)[order] == 0
        at_once = events[is_empty & (self.sheet.quantity[events] == _OPEN)]
        self._ended(at_once)
        for some in self._countable(np.setdiff1d(events, at_once, assume_unique=True)):
            if not len(some):
                continue
            at, _, starts = self._targets(some)
            line = self.sheet.target_line[at]
            room = self.limit[line] - self.shipped[line]
            units, total = self._units(some, room, room, starts)
            self.outcome.units[at] = units
            self.outcome.cancelled[line] += units
            self.limit[line] -= units
            is_accepted = self.outcome.reason[some] == _ACCEPTED
            accepted = some[is_accepted]
            order = self.sheet.order[accepted]
            self.uncancelled[order] -= total[is_accepted]
            self._ended(accepted[self.uncancelled[order] == 0])

    def _ended(self, events: Ints) -> None:
        order = self.sheet.order[events]
        after = self.next_status[self.outcome.status[order], _EVENT["cancelled"]]
        self.outcome.status[order] = np.where(after == _LISTED_BACK, _STATUS["cancelled"], after)
        self.outcome.cancelled_by[order] = events


def _listed(transitions: pl.DataFrame) -> dict[tuple[str, str], str | None]:
    rows = transitions.select("status", "event", "next_status").iter_rows()
    return {(status, event): after or None for status, event, after in rows}


def _walk(sheet: _Sheet, outcome: _Outcome, transitions: pl.DataFrame, is_walked: Flags) -> None:
    walk = _Walk(sheet, outcome, transitions)
    for events in _steps(sheet, outcome, is_walked):
        walk.step(events)


def _tell(sheet: _Sheet, outcome: _Outcome, transitions: pl.DataFrame, places: Ints) -> None:
    """Tell each of these orders its events one after the other."""
    listed = _listed(transitions)
    for place in places.tolist():
        lines = slice(int(sheet.first_line[place]), int(sheet.first_line[place + 1]))
        numbers = sheet.lines["line_no"][lines].to_list()
        order = _Order(dict(zip(numbers, map(_Line, sheet.ordered[lines].tolist()), strict=True)), listed)
        events = slice(int(sheet.first_event[place]), int(sheet.first_event[place + 1]))
        told = sheet.events[events].select("event", "line_no", "quantity", "source", "is_voided")
        for number, (event, line_no, quantity, source, is_voided) in enumerate(told.iter_rows(), events.start):
            if is_voided:
                continue
            asked = list(order.asked(line_no).values()) if line_no is None or line_no in order.lines else []
            before = [(line.shipped, line.delivered) for line in asked]
            status, was_confirmed = order.status, order.was_confirmed
            refusal, units = order.tell(event, line_no, quantity, source)
            outcome.reason[number] = _ACCEPTED if refusal is None else _REASON[refusal]
            if refusal is not None:
                continue
            first = sheet.first_target[number]
            outcome.units[first : first + len(units)] = list(units.values())
            outcome.is_on_hold[number] = event == "shipped" and status == "on_hold" and order.is_held_by_feed
            if order.was_confirmed and not was_confirmed:
                outcome.confirmed_by[place] = number
            if any(line.shipped > shipped for line, (shipped, _) in zip(asked, before, strict=True)):
                outcome.shipped_by[place] = number
            if any(line.delivered > delivered for line, (_, delivered) in zip(asked, before, strict=True)):
                outcome.delivered_by[place] = number
            if event == "cancelled" and order.is_cancelled:
                outcome.cancelled_by[place] = number
        outcome.status[place] = _STATUS[order.status]
        outcome.cancelled[lines] = [line.cancelled for line in order.lines.values()]
        for kind in PHYSICAL:
            outcome.told[kind][lines] = [line.told[kind] for line in order.lines.values()]


# --- The frames of both paths


def _frames(sheet: _Sheet, outcome: _Outcome) -> Folded:
    told = outcome.told
    delivered = np.maximum(told["delivered"], told["returned"])
    lines = sheet.lines.select("order_id", "line_no").with_columns(
        cancelled=outcome.cancelled,
        allocated=np.maximum(told["allocated"], told["picked"]),
        picked=told["picked"],
        packed=told["packed"],
        shipped=np.maximum(told["shipped"], delivered),
        delivered=delivered,
        returned=told["returned"],
    )
    is_accepted = outcome.reason == _ACCEPTED
    is_refused_fact = ~is_accepted & ~sheet.is_voided & _IS_FACT[sheet.code]
    status = outcome.status
    total, sums = _totals(sheet, lines)
    is_shipped = (sums["shipped"] >= total) & (total > 0)
    is_delivered = (sums["delivered"] >= total) & (total > 0)
    orders = sheet.orders.select("order_id").with_columns(
        status=pl.Series(STATUSES).gather(status),
        fulfilment=_fulfilment(total, sums),
        confirmed_at=_moments(sheet, outcome.confirmed_by),
        shipped_at=_moments(sheet, np.where(is_shipped, outcome.shipped_by, _NOBODY)),
        delivered_at=_moments(sheet, np.where(is_delivered, outcome.delivered_by, _NOBODY)),
        cancelled_at=_moments(sheet, outcome.cancelled_by),
        has_refused_fact=np.bincount(sheet.order[is_refused_fact], minlength=len(sheet.orders)) > 0,
    )
    refusal = pl.Series(REFUSALS).gather(pl.Series(np.where(is_accepted, 0, outcome.reason)))
    timeline = sheet.events.select(
        "order_id",
        "line_no",
        "event_id",
        "occurred_at",
        "event",
        "quantity",
        is_accepted=pl.Series(is_accepted),
        reason=pl.when(pl.Series(is_accepted)).then(pl.col("reason")).otherwise(refusal),
        anomaly=_anomalies(sheet, outcome),
        source="source",
        location_id="location_id",
        carrier="carrier",
        tracking_no="tracking_no",
    )
    return Folded(orders, lines, timeline, _effects(sheet, outcome))


def _moments(sheet: _Sheet, events: Ints) -> pl.Series:
    places = pl.Series(events, dtype=pl.Int64).replace(_NOBODY, None)
    return sheet.events["occurred_at"].gather(places)


def _totals(sheet: _Sheet, lines: pl.DataFrame) -> tuple[Ints, dict[str, Ints]]:
    """Of each order, what of it counts (ordered − cancelled), and the sums of its lines' numbers."""
    sums = {kind: _sums(lines[kind].to_numpy(), sheet.first_line) for kind in PHYSICAL}
    return _sums(sheet.ordered - lines["cancelled"].to_numpy(), sheet.first_line), sums


def _fulfilment(total: Ints, sums: dict[str, Ints]) -> pl.Series:
    """How far the goods of each order are, the worst first."""
    axis = np.select(
        [
            (sums["returned"] > 0) & (sums["returned"] >= total),
            sums["returned"] > 0,
            (sums["delivered"] > 0) & (sums["delivered"] >= total),
            sums["delivered"] > 0,
            (sums["shipped"] > 0) & (sums["shipped"] >= total),
            sums["shipped"] > 0,
            sums["allocated"] + sums["packed"] > 0,
        ],
        [FULFILMENT.index(name) for name in reversed(FULFILMENT[1:])],
        FULFILMENT.index("none"),
    )
    return pl.Series(FULFILMENT).gather(axis)


def _anomalies(sheet: _Sheet, outcome: _Outcome) -> pl.Series:
    """What is strange about an event, each kind once per order, on the first event that shows it and no other kind yet.

    Only accepted events of the feed are compared with one another.
    """
    count = len(sheet.code)
    order, code = sheet.order, sheet.code
    is_told = sheet.is_feed & (outcome.reason == _ACCEPTED)
    occurred_at = sheet.events["occurred_at"].to_physical().to_numpy()
    ordered_at = sheet.orders["ordered_at"].to_physical().to_numpy()

    events = {kind: np.flatnonzero(is_told & (code == _EVENT[kind])) for kind in ("confirmed", *EFFECTS)}
    first = {}
    for kind, rows in events.items():
        once = rows[_is_first(order[rows])]
        first[kind] = np.full(len(sheet.orders), count)
        first[kind][order[once]] = once

    def before(kind: str, other: str) -> Ints:
        rows = events[kind]
        then = first[other][order[rows]]
        return rows[(then < count) & (rows < then)]

    def without(kind: str, other: str) -> Ints:
        rows = events[kind]
        return rows[first[other][order[rows]] == count]

    shown = {
        "shipped_before_confirmed": before("shipped", "confirmed"),
        "delivered_before_confirmed": before("delivered", "confirmed"),
        "delivered_before_shipped": before("delivered", "shipped"),
        "event_before_ordered": np.flatnonzero(is_told & (occurred_at < ordered_at[order])),
        "delivered_without_shipped": without("delivered", "shipped"),
        "returned_without_delivered": without("returned", "delivered"),
        "shipped_on_hold": np.flatnonzero(is_told & outcome.is_on_hold),
    }
    kinds = np.full(count, _NOBODY, dtype=np.int8)
    for place, anomaly in enumerate(ANOMALIES):
        rows = shown[anomaly]
        rows = rows[kinds[rows] == _NOBODY]
        kinds[rows[_is_first(order[rows])]] = place
    return pl.Series(ANOMALIES).gather(pl.Series(kinds, dtype=pl.Int64).replace(_NOBODY, None))


def _effects(sheet: _Sheet, outcome: _Outcome) -> pl.DataFrame:
    counts = np.diff(sheet.first_target)
    is_kept = np.repeat(_are(*EFFECTS)[sheet.code] & (outcome.reason == _ACCEPTED), counts) & (outcome.units > 0)
    kept = np.flatnonzero(is_kept)
    event = np.repeat(np.arange(len(counts)), counts)[kept]
    return sheet.events.select("order_id", "event_id", "event", "occurred_at")[event].select(
        "order_id",
        sheet.lines["line_no"].gather(sheet.target_line[kept]),
        "event_id",
        "event",
        "occurred_at",
        quantity=pl.Series(outcome.units[kept]),
    )


# --- What must hold


def broken_numbers(lines: pl.DataFrame) -> pl.DataFrame:
    """The lines whose numbers cannot be: more came back than arrived, more arrived than left, more left than was due.

    Args:
        lines: order_id, line_no, quantity (ordered) and the numbers of `Folded.lines`.

    Returns:
        The lines that break a rule, and in `broken` the first rule they break; empty when all is well.
    """
    rules = {
        "0 <= cancelled": pl.col("cancelled") >= 0,
        "cancelled <= ordered": pl.col("cancelled") <= pl.col("quantity"),
        "0 <= returned": pl.col("returned") >= 0,
        "returned <= delivered": pl.col("returned") <= pl.col("delivered"),
        "delivered <= shipped": pl.col("delivered") <= pl.col("shipped"),
        "shipped <= ordered - cancelled": pl.col("shipped") <= pl.col("quantity") - pl.col("cancelled"),
        "0 <= packed <= ordered": pl.col("packed").is_between(0, pl.col("quantity")),
        "0 <= picked <= allocated": pl.col("picked").is_between(0, pl.col("allocated")),
        "allocated <= ordered": pl.col("allocated") <= pl.col("quantity"),
    }
    broken = pl.coalesce(*(pl.when(~holds.fill_null(False)).then(pl.lit(words)) for words, holds in rules.items()))
    return lines.with_columns(broken=broken).filter(pl.col("broken").is_not_null()).sort("order_id", "line_no")


def unexplained(lines: pl.DataFrame, effects: pl.DataFrame) -> pl.DataFrame:
    """The lines whose cancelled or returned units are not the sum of the events that told them.

    Args:
        lines: order_id, line_no, cancelled, returned.
        effects: rows of `Folded.effects`.

    Returns:
        order_id, line_no, event, quantity (of the line), told (by events); empty when all is well.
    """
    key = ["order_id", "line_no", "event"]
    kinds = ["cancelled", "returned"]
    told = effects.filter(pl.col("event").is_in(kinds)).group_by(key).agg(told=pl.col("quantity").sum())
    return (
        lines.unpivot(kinds, index=["order_id", "line_no"], variable_name="event", value_name="quantity")
        .join(told, on=key, how="full", coalesce=True, validate="1:1")
        .with_columns(pl.col("quantity", "told").fill_null(0))
        .filter(pl.col("quantity") != pl.col("told"))
        .sort(key)
    )
