"""The nightly reorder run: stock that adds up, proposals once, approvals that become orders, and what is missing said."""

import hashlib
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from pipelines.inquiries import examined
from pipelines.nightly import nightly
from pipelines.rebuild import rebuild
from pipelines.stages import STAGES, Night
from pipelines.workspace import PROJECT, OrderhouseError, Workspace
from tests.shops import assert_same, contents, day, land, query, shop

SETTINGS = """
[business]
time_zone = "Europe/London"
reporting_currency = "GBP"
default_location = "W"
goes_live_on = 2026-01-01
[stock]
{stock}
[reorder]
{reorder}
"""
MONDAY, TUESDAY, WEDNESDAY = day("2026-03-02"), day("2026-03-03"), day("2026-03-04")
DECIDED = "decision_id | subject | subject_id | action | quantity | decided_by | decided_at | reason"


def settled(stock: str = "", reorder: str = "") -> str:
    return SETTINGS.format(stock=stock, reorder=reorder)


def selling_shop(root: Path, settings: str = "") -> Workspace:
    """Sixty days of two apples a day sold and sent, ten left; a maker that takes three days and packs six."""
    found = shop(root, settings or settled())
    land(
        found,
        "products",
        "products.csv",
        "sku | name | unit_price | unit_cost | supplier_id | pack_size",
        "A | Apple | 2.00 | 1.00 | s1 | 6",
        "B | Bear | 20.00 | 9.00 | s1 | 1",
    )
    land(found, "suppliers", "suppliers.csv", "supplier_id | name | lead_time_days", "s1 | Orchard | 3")
    land(found, "locations", "locations.csv", "location_id | name", "W | Warehouse", "V | Other warehouse")
    land(found, "customers", "customers.csv", "customer_id | country", "c1 | GB")
    days = [MONDAY - timedelta(days=number) for number in range(60)]
    header = "order_id | channel | customer_id | ordered_at | currency"
    land(found, "orders", "orders.csv", header, *(f"o{on} | online | c1 | {on}T10:00:00Z | GBP" for on in days))
    header = "order_id | line_no | sku | quantity | unit_price"
    land(found, "order_lines", "order_lines.csv", header, *(f"o{on} | 1 | A | 2 | 2.00" for on in days))
    header = "event_id | order_id | event | occurred_at | location_id"
    land(found, "order_events", "events.csv", header, *(f"e{on} | o{on} | shipped | {on}T15:00:00Z | W" for on in days))
    header = "movement_id | sku | location_id | moved_at | kind | quantity | reference"
    sent = [f"m{on} | A | W | {on}T15:00:00Z | shipment | -2 | o{on}" for on in days]
    land(found, "stock_movements", "moves.csv", header, "m0 | A | W | 2025-12-20T09:00:00Z | receipt | 130 |", *sent)
    return found


def decide(found: Workspace, *rows: str, name: str = "decisions.csv") -> None:
    land(found, "decisions", name, DECIDED, *rows)


def ordered(found: Workspace) -> list[tuple[object, ...]]:
    return query(found, "SELECT sku, quantity, ordered_on, approved_by, proposed_on FROM purchase_orders ORDER BY ALL")


def proposed(found: Workspace) -> list[tuple[object, ...]]:
    return query(
        found,
        "SELECT proposal_id, quantity FROM reorder_proposals WHERE as_of = (SELECT max(as_of) FROM certificate)",
    )


def test_a_proposal_says_what_to_buy_from_whom_until_when_and_why(tmp_path: Path) -> None:
    found = selling_shop(tmp_path / "shop")
    assert nightly(found, MONDAY).is_green
    [(supplier, sku, quantity, on_hand, pack, sentence)] = query(
        found, "SELECT supplier_id, sku, quantity, on_hand, pack_size, sentence FROM reorder_proposals"
    )
    assert (supplier, sku, on_hand, pack) == ("s1", "A", 10, 6)
    assert isinstance(quantity, int)
    assert quantity > 0
    assert quantity % 6 == 0
    assert str(sentence).startswith(f"Order {quantity} of A from Orchard by ")
    assert "10 on hand" in str(sentence)


def test_an_approval_orders_once_and_what_is_ordered_is_proposed_no_more(tmp_path: Path) -> None:
    found = selling_shop(tmp_path / "shop")
    nightly(found, MONDAY)
    [(proposal, quantity)] = proposed(found)
    decide(found, f"d1 | reorder | {proposal} | approve | | Ann | 2026-03-03T08:00:00Z |")
    assert nightly(found, TUESDAY).is_green
    assert ordered(found) == [("A", quantity, TUESDAY, "Ann", MONDAY)]
    assert proposed(found) == []
    written = {file.suffix for file in (found.documents / "purchase_orders" / str(TUESDAY)).iterdir()}
    assert {".pdf", ".xlsx", ".csv"} <= written
    before = contents(found)
    nightly(found, TUESDAY)
    assert_same(before, contents(found))
    nightly(found, WEDNESDAY)
    assert len(ordered(found)) == 1
    assert query(found, "SELECT sku, quantity, is_counted FROM supplies") == [("A", quantity, True)]


def test_an_approval_with_its_own_quantity_buys_that(tmp_path: Path) -> None:
    found = selling_shop(tmp_path / "shop")
    nightly(found, MONDAY)
    decide(found, "d1 | reorder | A@W | approve | 100 | Ann | 2026-03-03T08:00:00Z | fair")
    nightly(found, TUESDAY)
    assert ordered(found) == [("A", 100, TUESDAY, "Ann", MONDAY)]


def test_a_changed_quantity_is_bought_once_it_is_approved(tmp_path: Path) -> None:
    found = selling_shop(tmp_path / "shop")
    nightly(found, MONDAY)
    decide(found, "d1 | reorder | A@W | change | 48 | Ann | 2026-03-03T08:00:00Z |", name="d1.csv")
    decide(found, "d2 | reorder | A@W | approve | | Bob | 2026-03-03T08:05:00Z |", name="d2.csv")
    nightly(found, TUESDAY)
    assert ordered(found) == [("A", 48, TUESDAY, "Bob", MONDAY)]


def test_a_skip_holds_until_the_next_review(tmp_path: Path) -> None:
    found = selling_shop(tmp_path / "shop", settled(reorder="auto_approve_below = 1000"))
    decide(found, "d1 | reorder | A@W | skip | | Ann | 2026-03-03T08:00:00Z | on holiday")
    nightly(found, MONDAY)
    assert [row[3] for row in ordered(found)] == ["auto"]
    land(
        found,
        "inbound",
        "lost.csv",
        "purchase_order_id | line_no | supplier_id | sku | location_id | quantity | ordered_on | expected_on | status | reference",
        f"X1 | 1 | s1 | A | W | 6 | 2026-03-03 | 2026-03-06 | cancelled | {query(found, 'FROM purchase_orders')[0][6]}/1",
    )
    nightly(found, TUESDAY)
    assert query(found, f"SELECT skipped_until FROM reorder_proposals WHERE as_of = DATE '{TUESDAY}'") == [
        (day("2026-03-09"),)
    ]
    assert len(ordered(found)) == 1


def test_small_amounts_are_ordered_without_asking(tmp_path: Path) -> None:
    found = selling_shop(tmp_path / "shop", settled(reorder="auto_approve_below = 1000"))
    nightly(found, MONDAY)
    [(_, quantity)] = proposed(found)
    assert ordered(found) == [("A", quantity, MONDAY, "auto", MONDAY)]
    before = contents(found)
    nightly(found, MONDAY)
    assert_same(before, contents(found))
    nightly(found, TUESDAY)
    assert proposed(found) == []
    assert len(ordered(found)) == 1


def test_an_approval_of_nothing_on_show_is_told_to_the_planner(tmp_path: Path) -> None:
    found = selling_shop(tmp_path / "shop")
    decide(found, "d1 | reorder | B@W | approve | 5 | Ann | 2026-03-02T08:00:00Z |")
    nightly(found, MONDAY)
    assert ordered(found) == []
    assert query(found, "SELECT decision_id, reason FROM refused_decisions") == [("d1", "no_proposal")]
    assert query(found, "SELECT role FROM attention WHERE kind = 'refused_decision'") == [("planner",)]


def test_after_missed_nights_an_approval_orders_once_in_the_night_that_acts(tmp_path: Path) -> None:
    found = selling_shop(tmp_path / "shop", settled(reorder="auto_approve_below = 1"))
    nightly(found, MONDAY)
    [(_, quantity)] = proposed(found)
    decide(found, "d1 | reorder | A@W | approve | | Ann | 2026-03-03T08:00:00Z |")
    run = nightly(found, day("2026-03-05"))
    assert len(run.closed) == 3
    assert ordered(found) == [("A", quantity, day("2026-03-05"), "Ann", MONDAY)]


def test_a_rebuild_reads_back_what_was_ordered(tmp_path: Path) -> None:
    found = selling_shop(tmp_path / "shop", settled(reorder="auto_approve_below = 1000"))
    nightly(found, MONDAY)
    decide(found, "d1 | reorder | A@W | approve | 12 | Ann | 2026-03-03T08:00:00Z |")
    nightly(found, TUESDAY)
    before = contents(found)
    (found.root / "orderhouse.toml").write_text(settled(), encoding="utf-8")
    rebuild(found, print)
    assert_same(before, contents(found))


@pytest.mark.parametrize("stage", ["stock", "demand", "reorder", "turnover"])
def test_a_stage_that_dies_leaves_nothing_behind_and_the_next_run_ends_the_same(
    stage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, broken = (
        selling_shop(tmp_path / name, settled("shipments_from_events = true", "auto_approve_below = 1000"))
        for name in ("whole", "broken")
    )
    for found in (whole, broken):
        nightly(found, MONDAY)
        land(found, "stock_counts", "count.csv", "sku | location_id | counted_on | quantity", "A | W | 2026-02-20 | 31")
        decide(found, "d1 | reorder | A@W | approve | 12 | Ann | 2026-03-03T08:00:00Z |")
    nightly(whole, TUESDAY)

    work = STAGES[stage]

    def dies(night: Night) -> int:
        work(night)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setitem(STAGES, stage, dies)
        nightly(broken, TUESDAY)
    assert nightly(broken, TUESDAY).is_green
    assert_same(contents(whole), contents(broken))


def test_the_files_of_a_night_that_died_are_written_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = selling_shop(tmp_path / "shop")
    nightly(found, MONDAY)
    [(proposal, _)] = proposed(found)
    decide(found, f"d1 | reorder | {proposal} | approve | | Ann | 2026-03-03T08:00:00Z |")

    def dies(_: Night) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setitem(STAGES, "turnover", dies)
        nightly(found, TUESDAY)
    assert nightly(found, WEDNESDAY).is_green
    assert [on for _, _, on, _, _ in ordered(found)] == [TUESDAY]
    folder = found.documents / "purchase_orders"
    assert [night.name for night in folder.iterdir()] == [str(TUESDAY)]
    for file in (folder / str(TUESDAY)).iterdir():
        file.unlink()
    assert nightly(found, WEDNESDAY).is_green
    assert not list((folder / str(TUESDAY)).iterdir()), "what was written once is left to the commands"


def test_what_is_sent_is_taken_out_once_whether_the_warehouse_or_the_order_tells(tmp_path: Path) -> None:
    told, untold = (selling_shop(tmp_path / name, settled("shipments_from_events = true")) for name in ("a", "b"))
    land(
        untold,
        "stock_movements",
        "moves.csv",
        "movement_id | sku | location_id | moved_at | kind | quantity | reference",
        "m0 | A | W | 2025-12-20T09:00:00Z | receipt | 130 |",
    )
    for found in (told, untold):
        nightly(found, MONDAY)
        assert query(found, "SELECT location_id, on_hand, value::INT FROM stock_positions WHERE sku = 'A'") == [
            ("W", 10, 10)
        ]
    assert query(told, "SELECT count(*) FROM stock_ledger WHERE is_derived") == [(0,)]
    assert query(untold, "SELECT count(*) FROM stock_ledger WHERE is_derived") == [(60,)]


def test_what_the_warehouse_took_out_for_an_order_is_waited_for_no_more(tmp_path: Path) -> None:
    found = selling_shop(tmp_path / "shop")
    header = "order_id | channel | customer_id | ordered_at | currency"
    land(found, "orders", "open.csv", header, "z1 | online | c1 | 2026-03-01T10:00:00Z | GBP")
    header = "order_id | line_no | sku | quantity | unit_price"
    land(found, "order_lines", "open.csv", header, "z1 | 1 | A | 3 | 2", "z1 | 2 | A | 4 | 2", "z1 | 3 | B | 2 | 20")
    header = "movement_id | sku | location_id | moved_at | kind | quantity | reference"
    land(found, "stock_movements", "out.csv", header, "x1 | A | W | 2026-03-02T09:00:00Z | shipment | -5 | z1")
    nightly(found, MONDAY)
    assert query(found, "SELECT sku, quantity FROM open_demand ORDER BY ALL") == [("A", 2), ("B", 2)]


def test_what_was_handed_over_the_counter_leaves_the_stock_of_its_shop(tmp_path: Path) -> None:
    found = selling_shop(tmp_path / "shop", settled("shipments_from_events = true"))
    header = "order_id | channel | customer_id | ordered_at | currency | location_id"
    land(found, "orders", "counter.csv", header, "k1 | store | | 2026-03-02T11:00:00Z | GBP | V")
    land(found, "order_lines", "counter.csv", "order_id | line_no | sku | quantity | unit_price", "k1 | 1 | B | 3 | 20")
    nightly(found, MONDAY)
    assert query(found, "SELECT location_id, on_hand FROM stock_positions WHERE sku = 'B'") == [("V", -3)]
    assert query(found, "SELECT subject_id FROM attention WHERE kind = 'oversold'") == [("B@V",)]
    assert query(found, "SELECT quantity, location_id FROM demand_daily WHERE sku = 'B' AND quantity > 0") == [(3, "V")]


def test_what_nobody_knows_waits_and_counts_once_it_is_known(tmp_path: Path) -> None:
    found = selling_shop(tmp_path / "shop")
    header = "movement_id | sku | location_id | moved_at | kind | quantity"
    land(found, "stock_movements", "odd.csv", header, "x1 | NEW | W | 2026-03-01T09:00:00Z | receipt | 5")
    land(
        found,
        "stock_counts",
        "odd.csv",
        "sku | location_id | counted_on | quantity",
        "A | NOWHERE | 2026-03-01 | 4",
    )
    assert nightly(found, MONDAY).is_green
    assert query(found, "SELECT feed, waits_for FROM waiting_rows ORDER BY ALL") == [
        ("stock_counts", "location NOWHERE"),
        ("stock_movements", "product NEW"),
    ]
    land(found, "products", "new.csv", "sku | name | unit_price", "NEW | New | 1")
    land(found, "locations", "new.csv", "location_id | name", "NOWHERE | Found")
    assert nightly(found, TUESDAY).is_green
    assert query(found, "SELECT count(*) FROM waiting_rows") == [(0,)]
    assert query(
        found,
        f"SELECT sku, location_id, on_hand FROM stock_positions WHERE as_of = DATE '{TUESDAY}' ORDER BY ALL",
    ) == [("A", "NOWHERE", 4), ("A", "W", 10), ("NEW", "W", 5)]


def test_a_purchase_line_corrected_to_a_known_product_waits_no_more(tmp_path: Path) -> None:
    found = selling_shop(tmp_path / "shop")
    header = "purchase_order_id | line_no | supplier_id | sku | location_id | quantity | ordered_on | expected_on | status | updated_at"
    told = "P1 | 1 | s1 | {} | W | 5 | 2026-03-01 | 2026-03-05 | ordered | {}T08:00:00Z"
    land(found, "inbound", "typo.csv", header, told.format("AA", "2026-03-01"))
    assert nightly(found, MONDAY).is_green
    assert query(found, "SELECT feed, waits_for FROM waiting_rows") == [("inbound", "product AA")]
    land(found, "inbound", "mended.csv", header, told.format("A", "2026-03-02"))
    assert nightly(found, TUESDAY).is_green
    assert query(found, "SELECT count(*) FROM waiting_rows") == [(0,)]


def test_a_rate_that_comes_late_changes_what_steady_stock_turned_over(tmp_path: Path) -> None:
    one, many = (selling_shop(tmp_path / name) for name in ("one", "many"))
    header = "currency | quoted_on | rate"
    for found in (one, many):
        land(
            found, "products", "dollar.csv", "sku | name | unit_price | unit_cost | currency", "D | Doll | 9 | 4 | USD"
        )
        movement = "movement_id | sku | location_id | moved_at | kind | quantity"
        land(found, "stock_movements", "d.csv", movement, "d1 | D | W | 2026-02-01T09:00:00Z | receipt | 100")
        land(found, "exchange_rates", "first.csv", header, "USD | 2026-02-01 | 1.0")
    nightly(many, MONDAY)
    for found in (one, many):
        land(found, "exchange_rates", "late.csv", header, "USD | 2026-02-11 | 2.0")
    nightly(many, TUESDAY)
    nightly(one, TUESDAY)
    told = "SELECT period, average_inventory_amount FROM inventory_turnover WHERE sku = 'D' ORDER BY period"
    assert query(many, told) == query(one, told)


def test_movements_at_a_place_that_no_list_has_wait_from_the_first_list_on(tmp_path: Path) -> None:
    found = selling_shop(tmp_path / "shop")
    (found.landing / "locations" / "locations.csv").rename(tmp_path / "locations.csv")
    header = "movement_id | sku | location_id | moved_at | kind | quantity"
    land(found, "stock_movements", "x.csv", header, "x1 | A | X | 2026-03-01T09:00:00Z | receipt | 5")
    assert nightly(found, MONDAY).is_green
    assert query(found, "SELECT count(*) FROM waiting_rows") == [(0,)]
    (tmp_path / "locations.csv").rename(found.landing / "locations" / "locations.csv")
    assert nightly(found, TUESDAY).is_green
    assert query(found, "SELECT key, waits_for FROM waiting_rows") == [("x1", "location X")]


def test_odd_terms_are_rejected_with_a_reason_or_said_and_the_rest_goes_on(tmp_path: Path) -> None:
    found = selling_shop(tmp_path / "shop")
    land(found, "suppliers", "odd.csv", "supplier_id | name | lead_time_days", "s2 | Slow | -3", "s3 | Swift | 2")
    land(
        found,
        "products",
        "odd.csv",
        "sku | name | unit_price | unit_cost | currency | supplier_id | pack_size",
        "P0 | Pack of none | 1 | 1 | GBP | s1 | 0",
        "NC | Without cost | 1 | | GBP | s1 | 1",
        "NS | Without supplier | 1 | 1 | GBP | | 1",
        "US | Unknown supplier | 1 | 1 | GBP | s9 | 1",
        "2C | Two currencies | 1 | 1 | EUR | s4 | 1",
    )
    land(found, "suppliers", "usd.csv", "supplier_id | name | lead_time_days | currency", "s4 | Yank | 2 | USD")
    header = "order_id | channel | customer_id | ordered_at | currency"
    land(found, "orders", "more.csv", header, "z1 | online | c1 | 2026-03-01T10:00:00Z | GBP")
    land(
        found,
        "order_lines",
        "more.csv",
        "order_id | line_no | sku | quantity | unit_price",
        *(f"z1 | {number} | {sku} | 5 | 1" for number, sku in enumerate(("NC", "NS", "US", "2C"), 1)),
    )
    assert nightly(found, MONDAY).is_green
    reasons = {
        (str(feed), str(reasons[0]).split(":")[0])
        for feed, reasons in query(found, "SELECT feed, reasons FROM rejected_rows")
    }
    assert reasons == {("suppliers", "lead_time_days"), ("products", "pack_size")}
    assert query(found, "SELECT sku, reason FROM reorder_exceptions ORDER BY ALL") == [
        ("NS", "no_supplier"),
        ("US", "unknown_supplier"),
    ]
    flags = dict(query(found, "SELECT sku, array_to_string(flags, ',') FROM reorder_plans WHERE sku IN ('NC', '2C')"))
    assert "currenc" in str(flags["2C"])
    assert "cost" in str(flags["NC"])
    assert query(found, "SELECT amount FROM reorder_proposals WHERE sku = 'NC'") == [(None,)]


def test_goods_received_on_a_purchase_that_is_not_open_are_told(tmp_path: Path) -> None:
    found = selling_shop(tmp_path / "shop")
    land(
        found,
        "inbound",
        "inbound.csv",
        "purchase_order_id | line_no | supplier_id | sku | location_id | quantity | ordered_on | expected_on | status | received_quantity",
        "P1 | 1 | s1 | A | W | 12 | 2026-02-20 | 2026-02-25 | cancelled | 7",
    )
    nightly(found, MONDAY)
    assert query(found, "SELECT subject_id, role FROM attention WHERE kind = 'received_on_closed'") == [
        ("P1/1", "planner")
    ]


def test_a_shop_that_tells_nothing_of_its_stock_is_proposed_nothing(tmp_path: Path) -> None:
    found = selling_shop(tmp_path / "shop")
    shutil.rmtree(found.landing / "stock_movements")
    assert nightly(found, MONDAY).is_green
    assert query(found, "SELECT count(*) FROM reorder_plans") == [(0,)]
    assert query(found, "SELECT count(*) FROM reorder_exceptions") == [(0,)]
    assert query(found, "SELECT sum(quantity)::INT FROM demand_daily") == [(120,)]


EXPECTED = "feed,weekdays,valid_from\nstock_movements,,\n"


def test_a_missing_stock_file_orders_nothing_until_a_person_says_so(tmp_path: Path) -> None:
    found = selling_shop(tmp_path / "shop", settled(reorder="auto_approve_below = 1000"))
    (found.root / "rules").mkdir()
    (found.root / "rules" / "feeds_expected.csv").write_text(EXPECTED, encoding="utf-8")
    moves = (found.landing / "stock_movements" / "moves.csv").read_text(encoding="utf-8")
    land(found, "stock_counts", "count.csv", "sku | location_id | counted_on | quantity", "A | W | 2026-03-01 | 1")
    shutil.rmtree(found.landing / "stock_movements")
    assert nightly(found, MONDAY).is_green
    assert len(proposed(found)) == 1
    assert ordered(found) == []
    assert query(found, "SELECT subject_id FROM attention WHERE kind = 'missing_feed'") == [("stock_movements",)]
    decide(found, "d1 | stage | reorder | approve | | Ann | 2026-03-02T20:00:00Z | counted by hand")
    nightly(found, MONDAY)
    assert [row[3] for row in ordered(found)] == ["auto"]
    (found.landing / "stock_movements").mkdir()
    (found.landing / "stock_movements" / "moves.csv").write_text(moves, encoding="utf-8")
    nightly(found, TUESDAY)
    assert query(found, f"SELECT count(*) FROM attention WHERE kind = 'missing_feed' AND as_of = DATE '{TUESDAY}'") == [
        (0,)
    ]


def test_a_default_location_that_nobody_delivered_is_refused(tmp_path: Path) -> None:
    found = selling_shop(tmp_path / "shop", settled().replace('"W"', '"NOPE"'))
    with pytest.raises(OrderhouseError, match="default_location is 'NOPE', which is none of the locations delivered"):
        nightly(found, MONDAY)


def test_another_reporting_currency_is_refused_and_a_rebuild_computes_every_night_in_it(tmp_path: Path) -> None:
    found = selling_shop(tmp_path / "shop")
    nightly(found, MONDAY)
    assert query(found, "SELECT sum(value)::INT FROM stock_positions") == [(10,)]
    (found.root / "orderhouse.toml").write_text(settled().replace('"GBP"', '"EUR"'), encoding="utf-8")
    changed = Workspace(found.root)
    with pytest.raises(OrderhouseError, match="reporting_currency was GBP and is EUR now"):
        nightly(changed, TUESDAY)
    rebuild(changed, print)
    assert query(changed, "SELECT DISTINCT currency FROM stock_positions WHERE sku = 'A'") == [("EUR",)]
    assert nightly(changed, TUESDAY).is_green


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("sku,serviceLevel\nA,0.98\n", "serviceLevel is no column of it"),
        ("sku,service_level\nA,98\n", "service_level"),
        ("sku,minimum_on_hand\nA,many\n", "minimum_on_hand"),
        ("sku,minimum_on_hand,maximum_on_hand\nB,5,5\nA,9,5\n", "row 2: minimum_on_hand 9 is above maximum_on_hand 5"),
    ],
)
def test_a_rule_table_that_cannot_be_meant_is_refused(table: str, said: str, tmp_path: Path) -> None:
    found = selling_shop(tmp_path / "shop")
    (found.root / "rules").mkdir()
    (found.root / "rules" / "reorder_policies.csv").write_text(table, encoding="utf-8")
    with pytest.raises(OrderhouseError, match=said):
        nightly(found, MONDAY)


@pytest.mark.parametrize(
    ("name", "table", "said"),
    [
        ("gates", "gate,severity,limit,valid_from\nunknown_sk,hold,,\n", "gate: not_allowed: unknown_sk"),
        ("feeds_expected", "feed,weekdays,valid_from\norderz,,\n", "orderz is neither a feed nor a source"),
        (
            "tax_rates",
            "tax_code,country,valid_from,rate_percent\nSTD,GB,,20\nSTD,GB,,19\n",
            "has two rows of tax_code STD, country GB; keep",
        ),
        (
            "tax_rates",
            "tax_code,country,valid_from,rate_percent,category\nSTD,GB,,20,S\nRED,GB,,7,Z\n",
            "row 2: category Z is for what is not taxed",
        ),
    ],
)
def test_a_rule_about_what_there_is_not_is_refused(name: str, table: str, said: str, tmp_path: Path) -> None:
    found = selling_shop(tmp_path / "shop")
    (found.root / "rules").mkdir()
    (found.root / "rules" / f"{name}.csv").write_text(table, encoding="utf-8")
    with pytest.raises(OrderhouseError, match=said):
        nightly(found, MONDAY)
    assert said in " ".join(told.sentence for told in examined(found) if told.is_problem)


@pytest.mark.parametrize("setting", ["history_days = 0", "order_line_cost = -1", "budget = -3", "holding_rate = 0"])
def test_a_setting_out_of_its_range_is_refused_by_its_name(setting: str, tmp_path: Path) -> None:
    with pytest.raises(OrderhouseError, match=f"Setting reorder.{setting.split(maxsplit=1)[0]}"):
        nightly(selling_shop(tmp_path / "shop", settled(reorder=setting)), MONDAY)


def test_a_held_file_is_settled_by_a_good_one_of_its_name_or_a_decision(tmp_path: Path) -> None:
    found = selling_shop(tmp_path / "shop")
    for name in ("bad.csv", "readme.csv"):
        (found.landing / "stock_counts").mkdir(exist_ok=True)
        (found.landing / "stock_counts" / name).write_text("what;is;this\n1;2;3\n", encoding="utf-8")
    nightly(found, MONDAY)
    assert query(found, "SELECT subject_id FROM attention WHERE kind = 'held_file' ORDER BY ALL") == [
        ("stock_counts/bad.csv",),
        ("stock_counts/readme.csv",),
    ]
    land(found, "stock_counts", "bad.csv", "sku | location_id | counted_on | quantity", "A | W | 2026-03-02 | 9")
    (found.landing / "stock_counts" / "notes.csv").write_text("nothing\n;\n", encoding="utf-8")
    by_id = hashlib.sha256(b"nothing\n;\n").hexdigest()
    decide(
        found,
        "d1 | file | readme.csv | retract | | Ann | 2026-03-03T08:00:00Z |",
        f"d2 | file | {by_id} | retract | | Ann | 2026-03-03T08:00:00Z |",
    )
    nightly(found, TUESDAY)
    settled_now = (
        f"SELECT subject_id FROM attention WHERE kind IN ('held_file', 'unclear_retraction') AND as_of = '{TUESDAY}'"
    )
    assert query(found, settled_now) == []
    assert query(found, "SELECT name, status FROM feed_files WHERE feed = 'stock_counts' AND name = 'notes.csv'") == [
        ("notes.csv", "held")
    ]
    assert [told for told in examined(found) if told.topic == "intake"] == []


def test_orders_that_a_gate_rejects_are_told_of(tmp_path: Path) -> None:
    found = selling_shop(tmp_path / "shop")
    header = "order_id | channel | customer_id | ordered_at | currency"
    land(found, "orders", "bare.csv", header, "z1 | online | c1 | 2026-03-01T10:00:00Z | GBP")
    nightly(found, MONDAY)
    assert query(found, "SELECT subject_id, sentence FROM attention WHERE kind = 'orders_rejected'") == [
        (
            "no_lines",
            "1 order is rejected by gate no_lines: deliver what is missing or mend it, and every order is judged again.",
        )
    ]


def test_what_rejected_orders_ask_for_is_told_in_money(tmp_path: Path) -> None:
    found = selling_shop(tmp_path / "shop")
    (found.root / "rules").mkdir()
    gates = (PROJECT / "data" / "rules" / "gates.csv").read_text(encoding="utf-8")
    (found.root / "rules" / "gates.csv").write_text(
        gates.replace("unknown_sku,hold", "unknown_sku,reject"), encoding="utf-8"
    )
    header = "order_id | channel | customer_id | ordered_at | currency"
    land(found, "orders", "odd.csv", header, "z1 | online | c1 | 2026-03-01T10:00:00Z | GBP")
    lines = "order_id | line_no | sku | quantity | unit_price | discount_amount"
    land(found, "order_lines", "odd.csv", lines, "z1 | 1 | ZZ | 3 | 10 | 5")
    assert nightly(found, MONDAY).is_green
    told = query(found, "SELECT subject_id, amount::VARCHAR FROM attention WHERE kind = 'orders_rejected'")
    assert told == [("unknown_sku", "25.0000")]
