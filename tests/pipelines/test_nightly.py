"""The nightly run: exactly once, whatever is rerun, late, missed or killed."""

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipelines import intake, lock
from pipelines.inquiries import examined, status
from pipelines.nightly import nightly, replay, session
from pipelines.rebuild import rebuild
from pipelines.stages import STAGES
from pipelines.warehouse import Warehouse
from pipelines.warehouse.publish import publish
from pipelines.workspace import OrderhouseError, Workspace
from tests.shops import (
    BILLED_BY_NIGHT,
    DECIDED_BY_NIGHT,
    assert_same,
    contents,
    day,
    drawn,
    land,
    query,
    shop,
    small_shop,
)

PERIOD = (day("2026-01-01"), day("2026-01-04"))


def test_a_night_run_twice_changes_nothing(tmp_path: Path) -> None:
    found = small_shop(tmp_path / "shop")
    nightly(found, day("2026-01-03"))
    before = contents(found)
    nightly(found, day("2026-01-03"))
    assert_same(before, contents(found))


def test_night_by_night_ends_where_one_night_over_all_ends(tmp_path: Path) -> None:
    at_once, one_by_one = small_shop(tmp_path / "one"), small_shop(tmp_path / "many")
    nightly(at_once, PERIOD[1])
    replay(one_by_one, *PERIOD)
    left, right = contents(at_once), contents(one_by_one)
    for name in ("attention", "certificate", "night_events", "tracking_updates"):
        left.pop(name), right.pop(name)
    assert_same(left, right, DECIDED_BY_NIGHT, BILLED_BY_NIGHT)


def test_what_happens_after_the_day_waits_for_its_own_night(tmp_path: Path) -> None:
    found = small_shop(tmp_path / "shop")
    nightly(found, day("2026-01-01"))
    assert query(found, "SELECT order_id, fulfilment FROM orders ORDER BY 1") == [("o1", "none"), ("o2", "delivered")]
    nightly(found, day("2026-01-02"))
    assert query(found, "SELECT order_id, fulfilment FROM orders WHERE order_id = 'o1'") == [("o1", "shipped")]
    nightly(found, day("2026-01-03"))
    assert query(found, "SELECT order_id, fulfilment FROM orders WHERE order_id = 'o1'") == [("o1", "partly_returned")]


def test_missed_nights_are_closed_in_order_and_customers_are_told_once_in_the_last(tmp_path: Path) -> None:
    found = small_shop(tmp_path / "shop")
    nightly(found, day("2026-01-01"))
    run = nightly(found, day("2026-01-03"))
    assert run.closed == [day("2026-01-02"), day("2026-01-03")]
    told = query(
        found,
        "SELECT step, as_of FROM tracking_updates WHERE order_id = 'o1' AND step IN ('shipped', 'delivered') ORDER BY 1",
    )
    assert told == [("delivered", day("2026-01-03")), ("shipped", day("2026-01-03"))]
    assert len(query(found, "SELECT DISTINCT as_of FROM certificate")) == 3


def test_a_night_out_of_order_is_refused_in_a_sentence(tmp_path: Path) -> None:
    found = small_shop(tmp_path / "shop")
    nightly(found, day("2026-01-03"))
    with pytest.raises(OrderhouseError, match="The night of 2026-01-02 is closed and 2026-01-03 came after it"):
        nightly(found, day("2026-01-02"))
    with pytest.raises(OrderhouseError, match="has not come yet"):
        nightly(found, found.today() + timedelta(days=1))
    with pytest.raises(
        OrderhouseError, match=r"93 nights were missed .*orderhouse replay --from 2026-01-04 --to 2026-04-07"
    ):
        nightly(found, day("2026-04-07"))


def test_a_late_file_changes_its_own_day_and_yesterdays_publication_stays(tmp_path: Path) -> None:
    found = small_shop(tmp_path / "shop")
    nightly(found, day("2026-01-03"))
    yesterday = found.pointer()
    land(
        found,
        "orders",
        "late.csv",
        "order_id | channel | customer_id | ordered_at | currency",
        "o9 | online | c1 | 2026-01-01T09:00:00Z | GBP",
    )
    land(found, "order_lines", "late.csv", "order_id | line_no | sku | quantity | unit_price", "o9 | 1 | A | 10 | 1.25")
    nightly(found, day("2026-01-04"))
    figures = "SELECT sum(orders)::INT, sum(gross_amount)::DOUBLE FROM daily_orders WHERE day = '2026-01-01'"
    assert query(found, figures) == [(3, 40.09)]
    assert yesterday is not None
    assert [kept.as_of for kept in found.publications()] == [day("2026-01-04"), day("2026-01-03")]
    assert yesterday.file.exists()


def test_an_unknown_sku_holds_the_order_until_the_product_arrives(tmp_path: Path) -> None:
    found = small_shop(tmp_path / "shop")
    nightly(found, day("2026-01-02"))
    assert query(found, "SELECT status FROM orders WHERE order_id = 'o4'") == [("on_hold",)]
    land(found, "products", "more.csv", "sku | name | unit_price", "X | Xylophone | 5.00")
    land(found, "customers", "more.csv", "customer_id", "c9")
    nightly(found, day("2026-01-03"))
    assert query(found, "SELECT status, confirmed_at::DATE FROM orders WHERE order_id = 'o4'") == [
        ("confirmed", day("2026-01-03"))
    ]
    findings = query(
        found, "SELECT gate, is_open, as_of, closed_on FROM order_findings WHERE order_id = 'o4' ORDER BY 1"
    )
    assert findings == [
        ("unknown_customer", False, day("2026-01-02"), day("2026-01-03")),
        ("unknown_sku", False, day("2026-01-02"), day("2026-01-03")),
    ]
    before = contents(found)
    nightly(found, day("2026-01-03"))
    assert_same(before, contents(found))


def test_a_person_releases_a_held_order_by_a_decision(tmp_path: Path) -> None:
    found = small_shop(tmp_path / "shop")
    nightly(found, day("2026-01-02"))
    land(
        found,
        "decisions",
        "d.csv",
        "decision_id | subject | subject_id | action | decided_by | decided_at",
        "d1 | hold | o4 | release | ann | 2026-01-03T08:00:00Z",
    )
    nightly(found, day("2026-01-03"))
    events = query(found, "SELECT event FROM order_timeline WHERE order_id = 'o4' ORDER BY occurred_at, event_id")
    assert events == [("held",), ("released",), ("confirmed",)]
    assert query(found, "SELECT status FROM orders WHERE order_id = 'o4'") == [("confirmed",)]


def test_a_voided_event_stays_visible_and_counts_nowhere(tmp_path: Path) -> None:
    found = small_shop(tmp_path / "shop")
    nightly(found, day("2026-01-03"))
    land(
        found,
        "decisions",
        "d.csv",
        "decision_id | subject | subject_id | action | decided_by | decided_at",
        "d1 | event | e3 | void | ann | 2026-01-04T08:00:00Z",
    )
    nightly(found, day("2026-01-04"))
    assert query(found, "SELECT is_accepted, reason FROM order_timeline WHERE event_id = 'e3'") == [(False, "voided")]
    assert query(found, "SELECT sum(returned)::INT FROM order_lines") == [(0,)]
    assert query(found, "SELECT sum(returned_units)::INT FROM daily_orders") == [(0,)]


def test_a_retracted_file_voids_its_facts(tmp_path: Path) -> None:
    found = small_shop(tmp_path / "shop")
    nightly(found, day("2026-01-03"))
    land(
        found,
        "decisions",
        "d.csv",
        "decision_id | subject | subject_id | action | decided_by | decided_at",
        "d1 | file | order_events.csv | retract | ann | 2026-01-04T08:00:00Z",
    )
    run = nightly(found, day("2026-01-04"))
    assert run.is_green
    assert query(found, "SELECT count(*) FROM order_timeline WHERE source = 'feed' AND is_accepted") == [(0,)]
    assert query(found, "SELECT fulfilment FROM orders WHERE order_id = 'o1'") == [("none",)]


def test_lines_that_come_a_night_late_lift_the_rejection_of_their_order(tmp_path: Path) -> None:
    found = small_shop(tmp_path / "shop")
    land(
        found,
        "orders",
        "o5.csv",
        "order_id | channel | customer_id | ordered_at | currency",
        "o5 | online | c1 | 2026-01-02T10:00:00Z | GBP",
    )
    nightly(found, day("2026-01-02"))
    assert query(found, "SELECT status FROM orders WHERE order_id = 'o5'") == [("rejected",)]
    land(found, "order_lines", "o5.csv", "order_id | line_no | sku | quantity | unit_price", "o5 | 1 | A | 1 | 1.25")
    nightly(found, day("2026-01-03"))
    assert query(found, "SELECT status FROM orders WHERE order_id = 'o5'") == [("confirmed",)]


def test_nothing_is_published_when_a_proof_is_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = small_shop(tmp_path / "shop")
    nightly(found, day("2026-01-02"))

    def shortened(night: object) -> int:
        written = STAGES["trends"](night)  # type: ignore[arg-type]
        night.warehouse.run("DELETE FROM marts.daily_sales WHERE units > 0")  # type: ignore[attr-defined]
        return written

    monkeypatch.setattr("pipelines.nightly.STAGES", {**STAGES, "trends": shortened})
    run = nightly(found, day("2026-01-03"))
    assert not run.is_green
    assert [proof.split(":")[0] for proof in run.broken_proofs] == ["daily_sales_are_the_sum_of_sales"]
    assert run.publication is None
    pointer = found.pointer()
    assert pointer is not None
    assert pointer.as_of == day("2026-01-02")
    assert "A later run of 2026-01-03 is not published" in status(found)["sentence"]
    [red] = [told.sentence for told in examined(found) if "is red" in told.sentence and told.is_problem]
    assert "The night of 2026-01-03 is red" in red and "daily_sales_are_the_sum_of_sales: expected" in red
    monkeypatch.undo()
    assert nightly(found, day("2026-01-03")).is_green
    assert "is not published" not in status(found)["sentence"]


def test_a_second_run_at_the_same_time_ends_with_a_sentence_and_changes_nothing(tmp_path: Path) -> None:
    found = small_shop(tmp_path / "shop")
    nightly(found, day("2026-01-02"))
    before = contents(found)
    with (
        lock.held(found),
        pytest.raises(lock.Locked, match=r"Another run is at work in .*, process \d+ on .* since .*; wait"),
    ):
        nightly(found, day("2026-01-03"))
    assert_same(before, contents(found))


def test_archive_and_journal_give_the_same_warehouse_again(tmp_path: Path) -> None:
    found = small_shop(tmp_path / "shop")
    nightly(found, day("2026-01-02"))
    land(found, "products", "more.csv", "sku | name | unit_price", "X | Xylophone | 5.00")
    land(found, "customers", "more.csv", "customer_id", "c9")
    nightly(found, day("2026-01-03"))
    nightly(found, day("2026-01-03"))
    nightly(found, day("2026-01-05"))
    before = contents(found)
    rebuild(found, lambda _: None)
    assert_same(before, contents(found))


def test_a_time_zone_changed_later_is_refused_with_what_to_do(tmp_path: Path) -> None:
    found = small_shop(tmp_path / "shop")
    nightly(found, day("2026-01-02"))
    (found.root / "orderhouse.toml").write_text('[business]\ntime_zone = "Asia/Tokyo"\n', encoding="utf-8")
    with pytest.raises(OrderhouseError, match="was Europe/London and is Asia/Tokyo now"):
        nightly(Workspace(found.root), day("2026-01-03"))


def test_amounts_without_a_rate_are_in_no_sum(tmp_path: Path) -> None:
    found = shop(tmp_path / "shop")
    land(found, "products", "p.csv", "sku | name | unit_price", "A | Apple | 1.25")
    header = "order_id | channel | ordered_at | currency"
    land(
        found,
        "orders",
        "o.csv",
        header,
        "o1 | store | 2026-01-01T10:00:00Z | USD",
        "o2 | store | 2026-01-02T10:00:00Z | USD",
    )
    land(
        found,
        "order_lines",
        "l.csv",
        "order_id | line_no | sku | quantity | unit_price",
        "o1 | 1 | A | 2 | 1.00",
        "o2 | 1 | A | 2 | 1.00",
    )
    land(found, "exchange_rates", "r.csv", "currency | quoted_on | rate", "USD | 2026-01-02 | 0.75")
    nightly(found, day("2026-01-02"))
    assert query(found, "SELECT day::TEXT, gross_amount::DOUBLE FROM daily_orders ORDER BY 1") == [
        ("2026-01-01", 0.0),
        ("2026-01-02", 1.5),
    ]
    land(found, "exchange_rates", "r2.csv", "currency | quoted_on | rate", "USD | 2026-01-01 | 0.5")
    nightly(found, day("2026-01-02"))
    assert query(found, "SELECT day::TEXT, gross_amount::DOUBLE FROM daily_orders ORDER BY 1") == [
        ("2026-01-01", 1.0),
        ("2026-01-02", 1.5),
    ]


@pytest.mark.parametrize(
    "marker", ["reading 3", "stage intake", "stage entry", "stage lifecycle", "stage trends", "stage certificate"]
)
def test_a_kill_at_any_stage_then_a_rerun_gives_the_same_tables(tmp_path: Path, marker: str) -> None:
    undisturbed, killed = small_shop(tmp_path / "calm"), small_shop(tmp_path / "killed")
    nightly(undisturbed, day("2026-01-03"))
    program = (
        "import sys, time; from datetime import date; from pathlib import Path\n"
        "from pipelines.nightly import nightly; from pipelines.workspace import Workspace\n"
        "def say(line):\n"
        "    print(line, flush=True)\n"
        f"    if line.startswith({marker!r}): time.sleep(60)\n"
        f"nightly(Workspace(Path({str(killed.root)!r})), date(2026, 1, 3), say)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(marker):
            break
    time.sleep(0.1)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    nightly(killed, day("2026-01-03"))
    assert_same(contents(undisturbed), contents(killed))
    assert not any(killed.landing.glob("*/*.csv"))


def test_readers_never_fail_and_never_see_two_versions_mixed(tmp_path: Path) -> None:
    found = small_shop(tmp_path / "shop")
    with found.settings_file.open("a", encoding="utf-8") as settings:
        settings.write("[publish]\nkeep = 3\n")
    found = Workspace(found.root)
    nightly(found, day("2026-01-02"))
    stop, report = tmp_path / "stop", tmp_path / "report"
    program = (
        "import sys, time; from pathlib import Path\n"
        "from pipelines.warehouse.read import published; from pipelines.workspace import Workspace\n"
        f"stop, reads, mixed = Path({str(stop)!r}), 0, 0\n"
        f"shop = Workspace(Path({str(found.root)!r}))\n"
        "while not stop.exists():\n"
        "    with published(shop) as open:\n"
        "        seen = {open.rows(f'SELECT max(as_of) AS d FROM {t}')[0]['d'] for t in ('certificate', 'attention')}\n"
        "        lines = open.rows('SELECT sum(quantity)::INT AS n FROM order_lines')[0]['n']\n"
        "        sold = open.rows(\"SELECT sum(units)::INT AS n FROM sales_entries WHERE kind = 'ordered'\")[0]['n']\n"
        "    reads += 1; mixed += len(seen) != 1 or lines != sold; time.sleep(0.02)\n"
        f"Path({str(report)!r}).write_text(f'{{reads}} {{mixed}}')\n"
    )
    reader = subprocess.Popen([sys.executable, "-c", program])
    header = "order_id | channel | ordered_at | currency"
    for number in range(7):
        on = day("2026-01-03") + timedelta(days=number)
        land(found, "orders", f"{number}.csv", header, f"n{number} | store | {on}T10:00:00Z | GBP")
        land(
            found,
            "order_lines",
            f"{number}.csv",
            "order_id | line_no | sku | quantity | unit_price",
            f"n{number} | 1 | A | 1 | 1",
        )
        nightly(found, on)
        with session(found, on) as again:
            again.night(on, acts=True)
            for _ in range(2):
                publication = publish(again.warehouse, found, on)
    assert publication.number == 22
    stop.touch()
    assert reader.wait(timeout=30) == 0
    reads, mixed = map(int, report.read_text().split())
    assert reads > 20
    assert mixed == 0
    assert len(found.publications()) == found.settings.publish.keep == 3


def test_files_in_are_accepted_rejected_or_duplicate_and_leave_landing(tmp_path: Path) -> None:
    found = small_shop(tmp_path / "shop")
    land(
        found,
        "orders",
        "dirty.csv",
        "order_id | channel | ordered_at | currency",
        "d1 | online | 2026-01-01 | GBP",
        "o2 | moon | 2026-01-01T09:00:00Z | GBP",
    )
    again = (found.landing / "orders" / "orders-1.csv").read_bytes()
    (found.landing / "orders" / "orders-1-again.csv").write_bytes(again)
    (found.landing / "orders" / "half.csv.part").write_bytes(again)
    (found.landing / "orders" / "wrong.xlsx").write_bytes(b"no workbook")
    nightly(found, day("2026-01-03"))
    files = query(
        found,
        "SELECT name, status, rows_in, accepted, rejected, duplicates FROM feed_files WHERE feed = 'orders' ORDER BY 1",
    )
    assert files == [
        ("dirty.csv", "loaded", 2, 0, 2, 0),
        ("orders-1-again.csv", "loaded", 2, 2, 0, 0),
        ("orders-1.csv", "duplicate", 0, 0, 0, 0),
        ("orders-2.csv", "loaded", 2, 2, 0, 0),
        ("wrong.xlsx", "held", 0, 0, 0, 0),
    ]
    assert [path.name for path in sorted(found.landing.glob("*/*"))] == ["half.csv.part"]
    before = contents(found)
    nightly(found, day("2026-01-03"))
    assert_same(before, contents(found))


def test_what_is_sent_again_with_one_change_is_one_version_and_the_rest_duplicates(tmp_path: Path) -> None:
    found = small_shop(tmp_path / "shop")
    nightly(found, day("2026-01-02"))
    land(
        found,
        "products",
        "again.csv",
        "sku | name | unit_price | category",
        "A | Apple | 1.50 | fruit",
        "B | Bear | 19.99 | toys",
    )
    nightly(found, day("2026-01-03"))
    assert query(found, "SELECT accepted, duplicates FROM feed_files WHERE name = 'again.csv'") == [(1, 1)]
    assert query(found, "SELECT unit_price::DOUBLE FROM products WHERE sku = 'A'") == [(1.5,)]
    land(found, "products", "old.csv", "sku | name | unit_price | category", "A | Apple | 1.25 | fruit")
    nightly(found, day("2026-01-04"))
    assert query(found, "SELECT unit_price::DOUBLE FROM products WHERE sku = 'A'") == [(1.5,)]


def test_an_empty_workspace_has_a_green_night_too(tmp_path: Path) -> None:
    found = shop(tmp_path / "shop")
    run = nightly(found, day("2026-01-03"))
    assert run.is_green
    assert run.publication is not None
    assert query(found, "SELECT count(*) FROM orders") == [(0,)]


def test_everything_written_satisfies_its_table(tmp_path: Path) -> None:
    found = small_shop(tmp_path / "shop")
    nightly(found, day("2026-01-03"))
    orders = contents(found)["orders"]
    assert orders.filter(pl.col("status").is_null()).is_empty()


def test_a_file_name_that_is_no_text_is_written_out(tmp_path: Path) -> None:
    found = small_shop(tmp_path / "shop")
    odd = os.fsencode(found.landing / "orders") + b"/caf\xe9.csv"
    Path(os.fsdecode(odd)).write_text("order_id,channel,ordered_at,currency\nodd,store,2026-01-01T08:00:00Z,GBP\n")
    nightly(found, day("2026-01-03"))
    assert query(found, "SELECT status, accepted FROM feed_files WHERE name = 'caf\\xe9.csv'") == [("loaded", 1)]


def test_amounts_beyond_all_money_stop_nothing_and_are_in_no_sum(tmp_path: Path) -> None:
    found = small_shop(tmp_path / "shop")
    header = "order_id | channel | ordered_at | currency"
    land(
        found,
        "orders",
        "big.csv",
        header,
        *(f"b{n} | store | 2026-01-01T08:00:00Z | {c}" for n, c in enumerate(["GBP", "GBP", "USD"])),
    )
    lines = [
        "b0 | 1 | A | 1000000000 | 99999999999999.9999",
        "b1 | 1 | A | 1 | 90000000000000",
        "b1 | 2 | A | 1 | 90000000000000",
        "b2 | 1 | A | 1 | 90000000000000",
    ]
    land(found, "order_lines", "big.csv", "order_id | line_no | sku | quantity | unit_price", *lines)
    land(found, "exchange_rates", "big.csv", "currency | quoted_on | rate", "USD | 2026-01-01 | 99999999999999")
    paid = [f"p{n} | b1 | 99999999999999 | GBP | 2026-01-01" for n in range(2)]
    land(found, "payments", "big.csv", "payment_id | order_id | amount | currency | received_on", *paid)
    assert nightly(found, day("2026-01-03")).is_green
    goods = query(found, "SELECT order_id, goods_amount::TEXT, payment FROM orders WHERE order_id LIKE 'b%' ORDER BY 1")
    assert goods == [
        ("b0", "99999999999999999900000.0000", "none"),
        ("b1", "180000000000000.0000", "overpaid"),
        ("b2", "90000000000000.0000", "none"),
    ]
    assert query(found, "SELECT sum(gross_amount)::TEXT FROM daily_orders WHERE day = '2026-01-01'") == [
        ("180000000000027.5900",)
    ]
    assert len(query(found, "SELECT * FROM attention WHERE kind = 'missing_rate'")) == 2


def test_a_file_that_is_another_when_it_is_cleared_stays_for_the_next_night(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = small_shop(tmp_path / "shop")
    header, row = (
        "order_id | channel | customer_id | ordered_at | currency",
        "{} | online | c1 | 2026-01-02T10:00:00Z | GBP",
    )
    daily = land(found, "orders", "daily.csv", header, row.format("old"))
    slow = land(found, "orders", "slow.csv", header, row.format("slow"))
    load = intake._load

    def meanwhile(warehouse: Warehouse, workspace: Workspace, feed: str, *given: Any) -> None:
        if feed == "orders":
            arrived = daily.with_name(".arriving")
            arrived.write_text(drawn(header, row.format("new")), encoding="utf-8")
            arrived.replace(daily)
            with slow.open("a", encoding="utf-8") as file:
                file.write(drawn(row.format("late")))
        load(warehouse, workspace, feed, *given)

    told: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr(intake, "_load", meanwhile)
        assert nightly(found, day("2026-01-02"), told.append).is_green
    assert sum("is another by now" in line for line in told) == 2
    for file in (daily, slow):
        os.utime(file, (0, 0))
    assert nightly(found, day("2026-01-03")).is_green
    assert {order for (order,) in query(found, "SELECT order_id FROM orders")} >= {"old", "new", "slow", "late"}
    assert not list(daily.parent.iterdir())


def test_the_first_promise_of_an_order_is_kept_beside_the_one_of_now(tmp_path: Path) -> None:
    one, many = (small_shop(tmp_path / name) for name in ("one", "many"))
    header = "order_id | channel | customer_id | ordered_at | currency | promised_on | updated_at"
    row = "p1 | online | c1 | 2026-01-02T10:00:00Z | GBP | {} | 2026-01-0{}T12:00:00Z"
    for number, promised in enumerate(("", "2026-01-05", "2026-01-25", "2026-01-15"), 2):
        for found in (one, many):
            land(found, "orders", f"p{number}.csv", header, row.format(promised, number))
        assert nightly(many, day(f"2026-01-0{number}")).is_green
    assert nightly(one, day("2026-01-05")).is_green
    told = "SELECT first_promised_on, promised_on FROM orders WHERE order_id = 'p1'"
    assert query(many, told) == query(one, told) == [(day("2026-01-05"), day("2026-01-15"))]
