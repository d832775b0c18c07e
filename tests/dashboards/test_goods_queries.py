"""What is asked about goods, on tables drawn here; the expected figures are by hand."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from dashboards.queries import Scope, choices, reorder, stock, turnover
from models.tables.feeds import ExchangeRate
from models.tables.reorder import PurchaseOrderLine, ReorderProposal
from models.tables.stock import StockAgeing, StockHistory, StockLedger, StockPosition
from models.tables.turnover import InventoryTurnover
from tests.builders import frame
from tests.dashboards.sample_publication import AS_OF, publish

NIGHT = AS_OF.isoformat()


@pytest.fixture(scope="module")
def scope(tmp_path_factory: pytest.TempPathFactory) -> Scope:
    """Four SKUs at two locations; S4 has no known cost."""
    tables = {
        "products": frame(
            "sku | name | category", "S1 | Spoon | Kitchen", "S2 | Sun hat | Garden", "S3 | Sieve | Kitchen"
        ),
        "locations": frame("location_id | name | priority", "L2 | Annex | 2", "L1 | Main | 1"),
        "demand_classes": frame("sku | abc", "S1 | A", "S2 | C", "S3 | B"),
        "demand_levels": frame("sku | location_id | level", "S1 | L1 | 2", "S2 | L1 | 0.01", "S3 | L2 | 1"),
        "stock_positions": frame(
            "as_of | sku | location_id | on_hand | inbound | value",
            f"{NIGHT} | S1 | L1 | 10 | 0 | 100.00",
            f"{NIGHT} | S1 | L2 | 5 | 0 | 50.00",
            f"{NIGHT} | S2 | L1 | 4 | 0 | 80.00",
            f"{NIGHT} | S3 | L2 | -2 | 6 | -8.00",
            f"{NIGHT} | S4 | L1 | 7 | 0 |",
            "2026-11-23 | S1 | L1 | 99 | 0 | 990.00",
            schema=StockPosition,
        ),
        "stock_history": frame(
            "sku | location_id | day | on_hand | unit_cost | currency | value",
            "S1 | L1 | 2026-03-01 | 20 | 10 | EUR | 200.00",
            "S1 | L1 | 2026-11-20 | 10 | 10 | EUR | 100.00",
            "S1 | L2 | 2026-11-22 | 5 | 10 | EUR | 50.00",
            "S2 | L1 | 2026-01-10 | 4 | 20 | EUR | 80.00",
            "S3 | L2 | 2026-11-21 | 3 | 4 | EUR | 12.00",
            "S3 | L2 | 2026-11-23 | -1 | 4 | EUR | -4.00",
            "S3 | L2 | 2026-11-24 | -2 | 4 | EUR | -8.00",
            "S4 | L1 | 2026-11-23 | 7 | | |",
            schema=StockHistory,
        ),
        "stock_ledger": frame(
            "sku | location_id | moved_on | kind | quantity | movement_id",
            "S1 | L1 | 2026-11-20 | shipment | -10 | m1",
            "S2 | L1 | 2026-01-20 | shipment | -1 | m2",
            schema=StockLedger,
        ),
        "stock_ageing": frame(
            "as_of | sku | bucket | quantity | value",
            f"{NIGHT} | S1 | 0-30 | 15 | 150.00",
            f"{NIGHT} | S2 | 181-365 | 4 | 80.00",
            f"{NIGHT} | S4 | 0-30 | 7 |",
            schema=StockAgeing,
        ),
        "inventory_turnover": frame(
            "period | sku | location_id | cogs_amount | average_inventory_amount | turnover | net_sales_amount | gmroi"
            " | sold | stock_out_days",
            "2026-11 | S1 | L1 | 100.00 | 50.00 | 2 | 175.00 | 1.5 | 10 | 0",
            "2026-11 | S1 | L2 | 0.00 | 50.00 | 0 | 25.00 | 0.5 | 0 | 0",
            "2026-11 | S2 | L1 | 10.00 | 100.00 | 0.1 | 30.00 | 0.2 | 1 | 0",
            "2026-11 | S3 | L2 | 8.00 | -1.00 | | 12.00 | | 5 | 2",
            "2026-11 | S4 | L1 | | | | | | 3 | 0",
            schema=InventoryTurnover,
        ),
    }
    file = publish(tmp_path_factory.mktemp("goods"), tables)
    return Scope(str(file), "Europe/Berlin", AS_OF, AS_OF, AS_OF)


def test_stock_is_summed_over_the_night_only_and_unknown_value_is_counted(scope: Scope) -> None:
    found = stock.summary(scope)
    # 100 + 50 + 80 - 8; units above zero 10 + 5 + 4 + 7; with demand: S1 5 days, S2 400, S3 none left
    assert found["value"] == Decimal("222.00")
    assert (found["units"], found["unknown"], found["oversold_units"]) == (26, 1, 2)
    assert (found["wanted"], found["out_of_stock"], found["nothing_coming"]) == (3, 1, 0)
    assert found["cover_days"] == pytest.approx(5)


@pytest.mark.parametrize(
    ("chosen", "value"),
    [
        ({"locations": ("L2",)}, "42.00"),
        ({"categories": ("Kitchen",)}, "142.00"),
        ({"classes": ("(unknown)",)}, "0.00"),
        ({"wanted": "s1"}, "150.00"),
        ({"wanted": "SUN"}, "80.00"),
        ({"wanted": "%"}, "0.00"),
    ],
)
def test_every_filter_narrows_the_stock(scope: Scope, chosen: dict[str, object], value: str) -> None:
    assert stock.summary(replace(scope, **chosen))["value"] == Decimal(value)  # type: ignore[arg-type]


def test_the_value_of_a_day_is_at_the_exchange_rate_of_that_day(tmp_path: Path) -> None:
    tables = {
        "stock_positions": frame(
            "as_of | sku | location_id | on_hand | allocated | value",
            f"{NIGHT} | D | L | 100 | 0 | 200.00",
            f"{NIGHT} | E | L | 1 | 0 | 5.00",
            schema=StockPosition,
        ),
        "stock_history": frame(
            "sku | location_id | day | on_hand | unit_cost | currency | value",
            "D | L | 2026-11-01 | 100 | 4 | USD |",
            "E | L | 2026-11-02 | 1 | 5 | EUR | 5.00",
            schema=StockHistory,
        ),
        "exchange_rates": frame(
            "currency | quoted_on | rate", "USD | 2026-11-03 | 1.0", "USD | 2026-11-05 | 0.5", schema=ExchangeRate
        ),
    }
    found = Scope(str(publish(tmp_path, tables)), "Europe/Berlin", AS_OF, AS_OF, AS_OF)
    days = dict(stock.value_by_day(found, "EUR").iter_rows())
    told = [days[date(2026, 11, on)] for on in (1, 2, 3, 5)]
    assert told == [Decimal(0), Decimal(5), Decimal(405), Decimal(205)]


def test_the_value_of_a_day_is_what_the_last_change_before_it_left(scope: Scope) -> None:
    days = dict(stock.value_by_day(scope, "EUR").iter_rows())
    assert days[date(2026, 1, 10)] == Decimal("80.00")
    assert days[date(2026, 11, 19)] == Decimal("280.00")
    assert days[date(2026, 11, 20)] == Decimal("180.00")
    assert days[AS_OF] == Decimal("222.00")


def test_dead_is_unsold_for_180_days_and_slow_lasts_longer_than_that(scope: Scope) -> None:
    assert stock.slow(scope, "dead").select("sku", "days_since").rows() == [("S2", 308)]
    assert stock.slow(scope, "slow").height == 0


def test_oversold_since_the_first_day_below_zero(scope: Scope) -> None:
    assert stock.oversold(scope).select("sku", "on_hand", "inbound", "since").rows() == [
        ("S3", -2, 6, date(2026, 11, 23))
    ]


def test_age_is_over_all_locations(scope: Scope) -> None:
    assert stock.ageing(replace(scope, locations=("L2",))).select("bucket", "quantity", "value", "unknown").rows() == [
        ("0-30", 22, Decimal("150.00"), 7),
        ("181-365", 4, Decimal("80.00"), 0),
    ]


def test_turnover_of_a_group_is_its_cost_of_goods_by_its_average_inventory(scope: Scope) -> None:
    november = turnover.Period("2026-11", date(2026, 11, 1), AS_OF)
    rows = {row["name"]: row for row in turnover.by(scope, november, "category").rows(named=True)}
    # Kitchen: (100 + 0 + 8) / (50 + 50 - 1); the mean of its ratios would be 1
    assert rows["Kitchen"]["turnover"] == pytest.approx(108 / 99)
    assert rows["Kitchen"]["inventory_days"] == pytest.approx(24 * 99 / 108)
    # net sales less cost of goods, by the same inventory
    assert rows["Kitchen"]["gmroi"] == pytest.approx((75 + 25 + 4) / (50 + 50 - 1))
    # 15 sold; 10 + 5 left, what is oversold is none
    assert rows["Kitchen"]["sell_through_rate"] == pytest.approx(15 / 30)
    # S1 24 and 3 days, S3 4 days since its first movement
    assert rows["Kitchen"]["stock_out_rate"] == pytest.approx(2 / 31)
    assert (rows["(unknown)"]["unknown"], rows["(unknown)"]["unknown_sold"], rows["(unknown)"]["turnover"]) == (
        1,
        3,
        None,
    )


def test_a_sku_is_summed_over_its_locations(scope: Scope) -> None:
    november = turnover.Period("2026-11", date(2026, 11, 1), AS_OF)
    spoon = next(row for row in turnover.by_sku(scope, november).rows(named=True) if row["sku"] == "S1")
    assert (spoon["cogs_amount"], spoon["average_inventory_amount"]) == (Decimal("100.00"), Decimal("100.00"))
    assert spoon["turnover"] == pytest.approx(1)
    annex = turnover.by_sku(replace(scope, locations=("L2",)), november)
    assert annex.filter(annex["sku"] == "S1")["turnover"].to_list() == [0.0]


def test_nothing_chosen_has_no_turnover(scope: Scope) -> None:
    november = turnover.Period("2026-11", date(2026, 11, 1), AS_OF)
    assert turnover.whole(replace(scope, wanted="nowhere"), november) is None


def test_filters_offer_locations_by_priority_and_classes_by_rank(scope: Scope) -> None:
    assert choices(scope, "location") == ["L1", "L2"]
    assert choices(scope, "abc") == ["A", "B", "C", "(unknown)"]
    assert choices(scope, "category") == ["Garden", "Kitchen"]


def test_only_proposals_of_the_night_that_are_due_are_shown(tmp_path: Path) -> None:
    rows = frame(
        "as_of | proposal_id | sku | location_id | supplier_id | order_by | quantity | abc",
        f"{NIGHT} | S1@L1 | S1 | L1 | X | 2026-11-25 | 6 | A",
        f"{NIGHT} | S2@L1 | S2 | L1 | Y | 2026-12-24 | 4 | B",
        "2026-11-23 | S1@L1 | S1 | L1 | X | 2026-11-25 | 5 | A",
        schema=ReorderProposal,
    )
    sent = frame(
        "proposal_id | proposed_on | purchase_order_id",
        f"S2@L1 | {NIGHT} | PO-1",
        "S1@L1 | 2026-11-23 | PO-0",
        schema=PurchaseOrderLine,
    )
    file = publish(tmp_path, {"reorder_proposals": rows, "purchase_orders": sent})
    scope = Scope(str(file), "Europe/Berlin", AS_OF, AS_OF, AS_OF)
    found = reorder.proposals(scope).select("proposal_id", "quantity", "purchase_order_id").rows()
    assert sorted(found) == [("S1@L1", 6, None), ("S2@L1", 4, "PO-1")]
    soon = replace(scope, order_by=date(2026, 11, 25))
    assert reorder.proposals(soon)["proposal_id"].to_list() == ["S1@L1"]
    assert reorder.proposals(replace(scope, suppliers=("Y",)))["proposal_id"].to_list() == ["S2@L1"]
