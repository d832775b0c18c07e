"""How numbers, days, names and changes are said, the same on every page. What comes from data is never read as markup."""

import html
import string
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

import pycountry

from models.rules.money import places as places_of

Number = int | float | Decimal
NARROW = "\u202f"
"""A narrow space that never breaks."""

STAGES = {
    "received": "Received",
    "on_hold": "On hold",
    "confirmed": "To ship",
    "allocated": "To ship, stock set aside",
    "partly_shipped": "Partly shipped",
    "in_transit": "On the way",
    "delivered": "Delivered",
    "returned": "Returned",
    "cancelled": "Cancelled",
    "rejected": "Rejected",
    "closed": "Closed",
}
EVENTS = {
    "placed": "Placed",
    "confirmed": "Confirmed",
    "held": "Put on hold",
    "released": "Released",
    "rejected": "Rejected",
    "allocated": "Stock set aside",
    "picked": "Picked",
    "packed": "Packed",
    "shipped": "Shipped",
    "in_transit": "On the way",
    "delivered": "Delivered",
    "delivery_failed": "Delivery failed",
    "returned": "Returned",
    "cancelled": "Cancelled",
    "closed": "Closed",
    "note": "Note",
}
REFUSALS = {
    "not_allowed_from_state": "the order was in no state that allows it",
    "order_rejected": "the order is rejected",
    "more_than_possible": "more than was left",
    "nothing_left": "nothing was left to do it with",
    "quantity_without_line": "a quantity, but not of which line",
    "unknown_line": "the order has no such line",
}
ANOMALIES = {
    "shipped_before_confirmed": "shipped before it was confirmed",
    "delivered_before_confirmed": "delivered before it was confirmed",
    "delivered_before_shipped": "delivered before it was shipped",
    "event_before_ordered": "dated before the order itself",
    "delivered_without_shipped": "delivered, but no shipment was told",
    "returned_without_delivered": "returned, but no delivery was told",
    "shipped_on_hold": "shipped while on hold",
}
MOVEMENTS = {
    "receipt": "Received",
    "shipment": "Shipped",
    "return": "Returned",
    "adjustment": "Adjusted",
    "transfer": "Transferred",
    "write_off": "Written off",
    "count_adjustment": "Corrected by a count",
}
CHASES = {
    "overdue": "Late, still relied on",
    "long_overdue": "Late, no longer relied on",
    "unconfirmed": "Never confirmed, no longer relied on",
}
NOBODY = "nobody known"
DOCUMENTS = {"invoice": "Invoice", "credit_note": "Credit note"}
NOT_BILLED = {
    "unknown_tax_country": "Tax country unknown",
    "unknown_tax_rate": "Tax rate unknown",
    "negative_total": "Total below zero",
    "amount_too_large": "Amount too large",
    "refused_fact": "Refused event",
    "on_hold": "On hold",
}
OWED_SINCE = {"not_due": "not due", "1-30": "1–30", "31-60": "31–60", "61-90": "61–90", "91+": "91 +"}
ON_ACCOUNT = {
    "overpaid": "Paid more than was billed",
    "not_billed_yet": "Not billed yet",
    "billed_elsewhere": "Billed elsewhere",
    "other_currency": "Another currency",
    "unknown_invoice": "Invoice unknown",
    "unknown_order": "Order unknown",
    "paid_back_too_much": "Paid back too much",
}
ON_ACCOUNT_TODO = {
    "overpaid": "Pay it back: it is owed to the customer.",
    "not_billed_yet": "Nothing to do: the invoice of its order takes it.",
    "billed_elsewhere": "Its order is not billed here: settle it where it is billed.",
    "other_currency": "It cannot pay an invoice in another currency: exchange it, or pay it back.",
    "unknown_invoice": "It names no invoice or order that is known: ask the payer, and correct it in the feed payments.",
    "unknown_order": "The order it names has not arrived: ask its sender for it, or correct the payment.",
    "paid_back_too_much": "More was paid back than had been paid: claim it back, or correct the payment.",
}
ENTRIES = {
    "receivable": "Receivables",
    "revenue": "Revenue",
    "shipping": "Shipping",
    "tax": "Tax",
    "bank": "Bank",
    "on_account": "On account",
}
TAX_CATEGORIES = {
    "S": "Standard rate",
    "Z": "Zero rate",
    "E": "Exempt",
    "AE": "Reverse charge",
    "K": "Within the EU, to a business",
    "G": "Export",
    "O": "Not subject to tax",
}
CHANNELS = {"online": "online", "store": "in the stores", "agent": "through agents"}
"""How a change is said to have come about."""
ROLES = {"operator": "Operator", "billing": "Billing", "planner": "Planner", "support": "Support"}
REASONS = {
    "missing": "required, but empty",
    "format": "not in the agreed form",
    "range": "outside what is possible",
    "not_allowed": "not one of the agreed words",
    "key_conflict": "key already used with other content",
    "nonexistent_time": "a time that the clock change skips",
    "too_long": "too long",
    "encoding": "unreadable characters",
    "structure": "the record itself is broken",
}


def plain(text: object) -> str:
    """A text from data, such that a browser shows it as it is."""
    return html.escape(str(text)).replace("$", "&#36;")


def drawn(text: object) -> str:
    """A text from data, such that a chart shows it as it is; a chart knows no entity for quotes."""
    return html.escape(str(text), quote=False).replace("$", "&#36;")


def literal(text: str) -> str:
    """A text from data where only Markdown is possible, as in a button: it is shown as it is."""
    return "".join(f"\\{letter}" if letter in string.punctuation else letter for letter in text)


def file_name(text: str) -> str:
    """A text as part of a file's name."""
    return "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in text)


def shortened(text: str, length: int = 28) -> str:
    """A long name cut to its beginning; the whole belongs into the hover."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def words(name: str) -> str:
    """A code as words: `unknown_sku` is "Unknown sku"."""
    return name.replace("_", " ").strip().capitalize().replace("sku", "SKU").replace("Sku", "SKU")


def whole(number: Number | None) -> str:
    """A whole number with thousands separators."""
    return "–" if number is None else f"{round(number):,}".replace("-", "−")


def money(amount: Number | None, currency: str) -> str:
    """An amount with its currency; cents only where they matter."""
    if amount is None:
        return "–"
    places = 0 if abs(float(amount)) >= 1000 else places_of(currency)
    return f"{amount:,.{places}f}{NARROW}{currency}".replace("-", "−")


def exact(amount: Decimal | None, currency: str) -> str:
    """An amount to its last place, where it has to be checked or booked."""
    if amount is None:
        return "–"
    places = places_of(currency)
    return f"{amount:,.{places}f}{NARROW}{currency}".replace("-", "−")


def compact(amount: Number, unit: str = "") -> str:
    """An amount for a tight place: 12.3k, 4.56M."""
    value = float(amount)
    shown = f"{value:,.0f}"
    for limit, divisor, letter, places in ((1e9, 1e9, "bn", 2), (1e6, 1e6, "M", 2), (1e4, 1e3, "k", 1)):
        if abs(value) >= limit:
            divided = value / divisor
            shown = f"{divided:,.{1 if abs(divided) >= 100 else places}f}{letter}"
            break
    return f"{shown}{NARROW + unit if unit else ''}".replace("-", "−")


def signed(amount: Number, unit: str = "") -> str:
    """A difference with its sign."""
    text = compact(amount, unit).lstrip("−")
    return f"+{text}" if amount > 0 else f"−{text}" if amount < 0 else f"±{text}"


def rate(part: Number, of: Number) -> str:
    """A share in percent; a small one with a decimal, and never 100 % or 0 % where something is missing or there."""
    if not of:
        return "–"
    percent = float(part) / float(of) * 100
    if 0 < percent < 0.1:
        return f"under 0.1{NARROW}%"
    if 99.95 <= percent < 100:
        return f"over 99.9{NARROW}%"
    return f"{percent:.{1 if percent < 10 or (percent > 99 and part != of) else 0}f}{NARROW}%"


def change_rate(now: Number, before: Number) -> float | None:
    """The change as a share of before; none where there was nothing to change."""
    return (float(now) - float(before)) / abs(float(before)) if before else None


def percent(change: float) -> str:
    """A change in percent with its sign."""
    shown = f"{abs(change) * 100:,.{1 if abs(change) < 0.0995 else 0}f}"
    sign = "" if not float(shown.replace(",", "")) else "+" if change > 0 else "−"
    return f"{sign}{shown}{NARROW}%"


def versus(change: float | None, what: str) -> str:
    """A second comparison, in a few words."""
    return f"{percent(change)} vs {what}" if change is not None else f"{what}: not known"


def moved(now: Number, before: Number) -> str:
    """A change as a verb: "rose 8 %", "fell 12 %", "stayed level"."""
    change = change_rate(now, before)
    if change is None:
        return "started from nothing" if now else "stayed at nothing"
    if abs(change) < 0.005:
        return "stayed level"
    return f"{'rose' if change > 0 else 'fell'} {abs(change) * 100:,.0f}{NARROW}%"


def share_words(changes: Sequence[tuple[str, Number]]) -> str:
    """Who moved a sum: ", all of it online", ", most of it in Kitchen", or nothing to say.

    Args:
        changes: what each one adds to the change of the sum.
    """
    total = sum(float(change) for _, change in changes)
    if not total or len(changes) < 2:
        return ""
    name, largest = max(changes, key=lambda item: float(item[1]) / total)
    part = float(largest) / total
    how = "all of it" if part >= 0.9 else "most of it" if part >= 0.55 else ""
    return f", {how} {name}" if how else ""


def day(when: date | None, *, year: bool = True) -> str:
    """A business date: "Tue 24 Nov 2026"."""
    return "–" if when is None else f"{when:%a} {when.day} {when:%b}" + (f" {when:%Y}" if year else "")


def span(start: date, end: date) -> str:
    """A period: "28 Oct – 24 Nov 2026"."""
    if start == end:
        return day(start)
    first = f"{start.day} {start:%b}" + (f" {start:%Y}" if start.year != end.year else "")
    return f"{first} – {end.day} {end:%b %Y}"


def count(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun: "1 order", "2 orders"."""
    return f"{whole(number)} {one if number == 1 else many or one + 's'}"


def listed(parts: Iterable[str]) -> str:
    """Parts of a sentence: "a, b and c"."""
    found = list(parts)
    return f"{', '.join(found[:-1])} and {found[-1]}" if len(found) > 1 else "".join(found)


def ago(days: int) -> str:
    """How long before the day looked at: "that day", "the day before", "4 days before"."""
    return "that day" if days <= 0 else "the day before" if days == 1 else f"{days} days before"


def country(code: str) -> str:
    """A country's name in everyday English; what is no code stays as it is."""
    found = pycountry.countries.get(alpha_2=code) if len(code) == 2 else None
    return str(getattr(found, "common_name", found.name)) if found else code


def name(dimension: str, value: str) -> str:
    """A channel, category or country as it is shown."""
    if value == "(unknown)":
        return "Unknown"
    return country(value) if dimension == "country" else value.capitalize() if dimension == "channel" else value
