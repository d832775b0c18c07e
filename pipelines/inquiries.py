"""What an operator and a support agent ask: is last night done, what is wrong here, where is an order."""

import json
import os
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pipelines.warehouse.read import published
from pipelines.workspace import OrderhouseError, Settings, Workspace

STALE_HOURS = 24
LEAST_FREE_GB = 2
ENVIRONMENT = "ORDERHOUSE_"
OTHER_VARIABLES = ("ORDERHOUSE_WORKSPACE", "ORDERHOUSE_REALDATA")
"""Variables that are no settings."""


@dataclass(frozen=True)
class Finding:
    """Something `doctor` looked at."""

    topic: str
    sentence: str
    is_problem: bool = False


def status(workspace: Workspace) -> dict[str, Any]:
    """What is published, of which night, and whether a later night should be there by now.

    Returns:
        as_of, publication, file, is_late, due, last_stage, sentence.
    """
    due = workspace.today() - timedelta(days=1)
    pointer = workspace.pointer()
    last_stage = _last_stage(workspace)
    if pointer is None:
        told = f"Nothing is published in {workspace.root} yet; run `orderhouse nightly`."
        return {
            "as_of": None,
            "publication": None,
            "file": None,
            "is_late": True,
            "due": due,
            "last_stage": last_stage,
            "sentence": told,
        }
    is_late = pointer.as_of < due
    nights = (due - pointer.as_of).days
    told = f"The night of {pointer.as_of} is green and published (publication {pointer.number})."
    if is_late:
        told += f" It is {nights} night{'s' if nights > 1 else ''} late: {due} is due; run `orderhouse nightly`."
    if last_stage is not None and last_stage["stage"] == "certificate" and last_stage["as_of"] >= str(pointer.as_of):
        told += (
            f" A later run of {last_stage['as_of']} is not published: see `orderhouse doctor`, "
            f"and run `orderhouse nightly --as-of {last_stage['as_of']}` again."
        )
    return {
        "as_of": pointer.as_of,
        "publication": pointer.number,
        "file": pointer.file.name,
        "is_late": is_late,
        "due": due,
        "last_stage": last_stage,
        "sentence": told,
    }


def _last_stage(workspace: Workspace) -> dict[str, Any] | None:
    log = workspace.warehouse / "runs.ndjson"
    if not log.exists():
        return None
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 4096))
        lines = file.read().decode(errors="replace").splitlines()
    for line in reversed(lines):
        with suppress(ValueError):  # a line that was being written when the run was killed
            found: dict[str, Any] = json.loads(line)
            return found
    return None


def examined(workspace: Workspace) -> Iterator[Finding]:
    """Look at everything that can be wrong with a workspace, and say what to do about it."""
    yield Finding("workspace", str(workspace.root))
    try:
        settings = workspace.settings
    except OrderhouseError as error:
        yield Finding("settings", str(error), True)
        return
    yield from _settings_in_force(workspace, settings)
    yield from _rule_tables(workspace)
    yield from _billing(workspace)
    yield from _landing(workspace)
    yield from _store(workspace)
    found = status(workspace)
    yield Finding("publication", found["sentence"], found["is_late"])
    yield from _published_state(workspace)
    free = shutil.disk_usage(workspace.root).free / 2**30
    if free < LEAST_FREE_GB:
        yield Finding("disk", f"Only {free:.1f} GB are free; make room before the next night.", True)
    else:
        yield Finding("disk", f"{free:.0f} GB are free.")


def _settings_in_force(workspace: Workspace, settings: Settings) -> Iterator[Finding]:
    """Every setting and where it comes from."""
    environment = {known.upper() for known in os.environ}
    known = {
        f"{ENVIRONMENT}{section}__{key}".upper() for section, keys in settings.model_dump().items() for key in keys
    }
    for name in sorted(found for found in environment if found.startswith(ENVIRONMENT)):
        if name not in known and name not in OTHER_VARIABLES:
            yield Finding(
                "settings", f"{name} is no setting, so nothing goes by it; mend its name or take it out.", True
            )
    for section, values in settings.model_dump().items():
        for key, value in values.items():
            name = f"{ENVIRONMENT}{section}__{key}".upper()
            origin = "default"
            if name in environment:
                origin = f"environment {name}"
            elif key in workspace.file_settings.get(section, {}):
                origin = workspace.settings_file.name
            shown = "none" if value is None else "(set, not shown)" if section == "auth" else value
            yield Finding("settings", f"[{section}] {key} = {shown} ({origin})")


def _rule_tables(workspace: Workspace) -> Iterator[Finding]:
    from models.tables.rules import RULE_TABLES
    from pipelines.stages import rule_table

    for file in workspace.strange_rule_files(RULE_TABLES):
        told = f"Nothing goes by {file}, which is no rule table; they are {', '.join(RULE_TABLES)}, each with .csv."
        yield Finding("rules", told, True)
    for name in RULE_TABLES:
        try:
            rows = rule_table(workspace, name).height
        except OrderhouseError as error:
            yield Finding("rules", str(error), True)
        else:
            yield Finding("rules", f"{name}: {rows} rows from {workspace.rule_file(name)}")


def _billing(workspace: Workspace) -> Iterator[Finding]:
    """What keeps orders from being billed, and customers that are billed by the month and are none."""
    from pipelines.stages import rule_table

    try:
        channels, rates = (rule_table(workspace, name) for name in ("channels", "tax_rates"))
    except OrderhouseError:
        return  # said above
    billed = channels.filter(channels["billing"].fill_null("") != "none")["channel"].to_list()
    if billed and rates.is_empty():
        yield Finding(
            "billing",
            f"There are no tax rates, so no order of {', '.join(billed)} can be billed: write {workspace.rule_file('tax_rates')} "
            "with tax_code,country,valid_from,rate_percent, such as STD,DE,,19; or, where another system bills, "
            "give these channels `none` in channels.csv.",
            True,
        )
    monthly = workspace.settings.billing.consolidated_customers
    if monthly and workspace.pointer() is not None:
        with published(workspace) as found:
            known = {row["customer_id"] for row in found.rows("SELECT customer_id FROM customers")}
        for customer in sorted(set(monthly) - known):
            yield Finding(
                "billing",
                f"[billing] consolidated_customers names {customer}, which is no customer; mend it in "
                f"{workspace.settings_file.name} or deliver the customer.",
                True,
            )


def _landing(workspace: Workspace) -> Iterator[Finding]:
    from pipelines.intake import landed, unknown_folders, unreadable_folders

    if not workspace.landing.is_dir():
        yield Finding("landing", f"{workspace.landing} is not there; create it and drop files in <feed>/.", True)
        return
    for folder in unknown_folders(workspace):
        yield Finding(
            "landing",
            f"landing/{folder} is neither a feed nor a source, so nothing in it is taken in; `orderhouse feeds` names the feeds.",
            True,
        )
    for folder in unreadable_folders(workspace):
        yield Finding("landing", f"landing/{folder} cannot be read by this user; mend its permissions.", True)
    loose = [path.name for path in workspace.landing.iterdir() if path.is_file() and not path.name.startswith(".")]
    for name in sorted(loose):
        yield Finding(
            "landing", f"landing/{name} lies beside the feeds' folders; move it into the folder of its feed.", True
        )
    complete = {path for _, path in landed(workspace)}
    for path in sorted(workspace.landing.glob("*/*")):
        if not path.exists():
            yield Finding("landing", f"{path} is a link to nothing; remove it.", True)
            continue
        age = (time.time() - path.stat().st_mtime) / 3600
        if path.is_dir():
            yield Finding("landing", f"{path} is a folder, so nothing in it is taken in; move its files up.", True)
        if path.is_file() and path not in complete and age > STALE_HOURS:
            yield Finding("landing", f"{path} has been incomplete for {age:.0f} hours; finish it or remove it.", True)
    yield Finding("landing", f"{len(complete)} files wait for the next night.")


def _store(workspace: Workspace) -> Iterator[Finding]:
    from pipelines import journal, lock
    from pipelines.intake import archive_path
    from pipelines.warehouse import Warehouse, nights

    try:
        with lock.held(workspace), Warehouse(workspace.warehouse) as warehouse:
            last = nights.last_night(warehouse)
            begun = warehouse.value("SELECT max(as_of) FROM core.stage_markers WHERE stage <> 'intake'")
            files = warehouse.frame("SELECT DISTINCT file_id, name FROM core.feed_files ORDER BY ALL")
            zone = warehouse.value("SELECT value FROM core.meta WHERE name = 'time_zone'")
            red = nights.broken_proofs(warehouse, last) if last else []
            foreign = journal.foreign(warehouse, workspace)
    except OrderhouseError as error:
        yield Finding("warehouse", str(error), not isinstance(error, lock.Locked))
        return
    if foreign is not None:
        yield Finding("warehouse", foreign, True)
    if begun is not None and (last is None or begun > last):
        yield Finding(
            "warehouse", f"The night of {begun} was begun and not ended; run `orderhouse nightly` to go on.", True
        )
    if red:
        yield Finding(
            "warehouse", f"The night of {last} is red, so it is not published: {'; '.join(red)}. Run it again.", True
        )
    missing = [
        row["name"] for row in files.iter_rows(named=True) if not archive_path(workspace, row["file_id"]).exists()
    ]
    for name in missing[:5]:
        yield Finding("archive", f"The bytes of {name} are missing from the archive; restore them from a backup.", True)
    if zone and zone != workspace.settings.business.time_zone:
        told = f"The time zone was {zone} and is {workspace.settings.business.time_zone}; set it back or rebuild."
        yield Finding("warehouse", told, True)
    yield Finding("warehouse", f"{len(files)} files taken in; last closed night: {last or 'none'}.")


def _published_state(workspace: Workspace) -> Iterator[Finding]:
    from pipelines import rejects

    if workspace.pointer() is None:
        return
    with published(workspace) as found:
        now = found.rows("SELECT max(as_of) AS now FROM certificate")[0]
        for row in found.rows(
            "SELECT sentence FROM attention WHERE kind = 'held_file' AND as_of = $now ORDER BY ALL", now
        ):
            yield Finding("intake", row["sentence"], True)
    for feed, records in sorted(Counter(row["feed"] for row in rejects.listed(workspace, None, None)).items()):
        yield Finding("intake", f"{records} records of {feed} were rejected; see `orderhouse reject list`.")


def tracked(workspace: Workspace, order_id: str) -> dict[str, Any]:
    """Where an order is: its state, its lines and numbers, and what happened to it, in plain words.

    Raises:
        OrderhouseError: no such order is published.
    """
    zone = ZoneInfo(workspace.settings.business.time_zone)
    with published(workspace) as found:
        orders = found.rows("SELECT * FROM orders WHERE order_id = ?", [order_id])
        if not orders:
            near = found.rows(
                "SELECT order_id FROM orders WHERE order_id ILIKE '%' || ? || '%' ORDER BY order_id LIMIT 3", [order_id]
            )
            hint = f" Did you mean {', '.join(row['order_id'] for row in near)}?" if near else ""
            raise OrderhouseError(f"No order {order_id} is known as of {_as_of(workspace)}.{hint}")
        lines = found.rows("SELECT * FROM order_lines WHERE order_id = ? ORDER BY line_no", [order_id])
        timeline = found.rows(
            "SELECT * FROM order_timeline WHERE order_id = ? ORDER BY occurred_at, event_id", [order_id]
        )
        updates = found.rows("SELECT * FROM tracking_updates WHERE order_id = ? ORDER BY occurred_at, step", [order_id])
        findings = found.rows("SELECT * FROM order_findings WHERE order_id = ? ORDER BY is_open DESC, gate", [order_id])
    order = orders[0]

    def local(moment: datetime) -> str:
        return f"{moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(zone):%a %d %b %Y %H:%M}"

    text = [
        f"Order {order_id}, {order['channel']}, placed {local(order['ordered_at'])}, as of {_as_of(workspace)}",
        (
            f"  status {_words(order['status'])} · goods {_words(order['fulfilment'])} · billing {_words(order['billing'])} · "
            f"payment {_words(order['payment'])} · {order['goods_amount'] - order['discount_amount']:,.2f} {order['currency']}"
        ),
    ]
    if order["promised_on"]:
        text.append(f"  promised for {order['promised_on']:%a %d %b %Y}")
    text += [f"  against it: {finding['facts']}" for finding in findings if finding["is_open"]]
    text.append("Lines")
    for line in lines:
        numbers = ", ".join(
            f"{line[name]} {name}"
            for name in ("cancelled", "picked", "packed", "shipped", "delivered", "returned")
            if line[name]
        )
        text.append(
            f"  {line['line_no']:>3}  {line['quantity']:>5} x {line['sku']}: {numbers or 'nothing happened yet'}"
        )
    text.append("What happened")
    for entry in timeline:
        words = _words(entry["event"]) + (f" {entry['quantity']}" if entry["quantity"] else "")
        words += f" of line {entry['line_no']}" if entry["line_no"] else ""
        words += f" by {entry['carrier']} {entry['tracking_no'] or ''}".rstrip() if entry["carrier"] else ""
        words += f" — refused: {_words(entry['reason'])}" if not entry["is_accepted"] else ""
        words += f" — strange: {_words(entry['anomaly'])}" if entry["anomaly"] else ""
        text.append(f"  {local(entry['occurred_at'])}  {words}")
    return {
        "order": order,
        "lines": lines,
        "timeline": timeline,
        "tracking_updates": updates,
        "findings": findings,
        "text": "\n".join(text),
    }


def _as_of(workspace: Workspace) -> str:
    pointer = workspace.pointer()
    return str(pointer.as_of) if pointer else "no night"


def _words(code: str) -> str:
    return code.replace("_", " ")
