"""What a planner is told of a proposal: every figure, and the numbers it comes from."""

import json
import re
from datetime import date, timedelta
from math import ceil, sqrt
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner, Result

from models.rules.explained_reorder import FLAGS, Facts, ahead, derivation, figure
from pipelines.cli import main
from pipelines.explain import explained
from pipelines.nightly import nightly
from pipelines.workspace import Workspace
from tests.builders import frame
from tests.dashboards.sample_publication import publish
from tests.shops import land, shop

LAST = date(2026, 3, 31)


def typed(root: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["--workspace", str(root), "explain", *words])


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A shop that sells two apples a day in Leeds and one in York, with one purchase on its way and one order waiting."""
    found = shop(tmp_path_factory.mktemp("explained") / "shop")
    days = [LAST - timedelta(days=ago) for ago in range(60, 0, -1)]
    land(
        found,
        "products",
        "products.csv",
        "sku | name | unit_price | unit_cost | currency | supplier_id | pack_size | min_order_quantity | is_stocked",
        "A-100 | Apple | 9.00 | 4.00 | GBP | S | 12 | 24 | true",
        "B-200 | Bear | 9.00 | 4.00 | GBP | | 12 | 24 | true",
        "GIFT | Gift card | 9.00 | | GBP | | | | false",
        "IDLE | Never sold | 9.00 | 1.00 | GBP | S | | | true",
    )
    land(found, "suppliers", "s.csv", "supplier_id | name | lead_time_days | order_weekdays", "S | Nordlicht | 10 |")
    land(
        found,
        "customers",
        "c.csv",
        "customer_id | name | street | city | postcode | country",
        "c1 | Zoe | High St 1 | Leeds | LS1 | GB",
    )
    land(found, "locations", "l.csv", "location_id | name", "LEEDS | Leeds", "YORK | York")
    land(
        found,
        "orders",
        "orders.csv",
        "order_id | channel | customer_id | ordered_at | currency | location_id | requested_on",
        *(
            f"o{place}-{day} | online | c1 | {day}T10:00:00Z | GBP | {place} |"
            for day in days
            for place in ("LEEDS", "YORK")
        ),
        f"wait | online | c1 | {LAST}T10:00:00Z | GBP | LEEDS | 2026-04-03",
    )
    land(
        found,
        "order_lines",
        "lines.csv",
        "order_id | line_no | sku | quantity | unit_price",
        *(f"o{place}-{day} | 1 | A-100 | {n} | 9.00" for day in days for place, n in (("LEEDS", 2), ("YORK", 1))),
        "wait | 1 | A-100 | 5 | 9.00",
    )
    land(
        found,
        "order_events",
        "events.csv",
        "event_id | order_id | line_no | event | occurred_at | quantity | location_id",
        *(
            f"e{place}-{day} | o{place}-{day} | 1 | shipped | {day}T12:00:00Z | {n} | {place}"
            for day in days
            for place, n in (("LEEDS", 2), ("YORK", 1))
        ),
    )
    land(
        found,
        "stock_movements",
        "moves.csv",
        "movement_id | sku | location_id | moved_at | kind | quantity | reference",
        *(
            f"in-{place} | A-100 | {place} | 2026-01-01T08:00:00Z | receipt | {n} |"
            for place, n in (("LEEDS", 140), ("YORK", 500))
        ),
        "in-B | B-200 | LEEDS | 2026-01-01T08:00:00Z | receipt | 7 |",
        *(
            f"out-{place}-{day} | A-100 | {place} | {day}T12:00:00Z | shipment | -{n} | o{place}-{day}"
            for day in days
            for place, n in (("LEEDS", 2), ("YORK", 1))
        ),
    )
    land(
        found,
        "inbound",
        "inbound.csv",
        "purchase_order_id | line_no | supplier_id | sku | location_id | quantity | status | ordered_on | expected_on | received_on",
        "OLD | 1 | S | A-100 | LEEDS | 12 | received | 2026-02-01 | 2026-02-11 | 2026-02-12",
        "NEW | 1 | S | A-100 | LEEDS | 12 | confirmed | 2026-03-28 | 2026-04-07 |",
    )
    assert nightly(found, LAST).is_green
    return found


def plan_of(found: Workspace, location: str = "LEEDS") -> dict[str, Any]:
    [plan] = explained(found, "A-100", location)["plans"]
    return {"told": {each["topic"]: each["sentence"] for each in plan["derivation"]}} | plan


def test_the_sentence_stands_first_and_the_whole_derivation_below_it(published: Workspace) -> None:
    ended = typed(published.root, "A-100", "--location", "LEEDS")
    assert ended.exit_code == 0, ended.output
    lines = ended.output.splitlines()
    assert lines[:3] == ["A-100 Apple, as of 2026-03-31", "", "A-100 at LEEDS"]
    plan = plan_of(published)
    assert "".join(plan["plan"]["sentence"].split()) in "".join(ended.output.split())
    for topic in plan["told"]:
        assert f"\n  {topic}" in ended.output
    assert max(len(line) for line in lines) <= 120


def test_position_promises_and_inbound_are_listed_with_their_days(published: Workspace) -> None:
    told = plan_of(published)["told"]
    assert told["Position"] == "20 on hand at the end of 31 Mar 2026."  # 140 - 60 x 2
    assert told["Promised"].startswith("5 by 3 Apr 2026.")
    assert told["Inbound"].startswith("12 on 7 Apr 2026 by NEW/1 of S.")
    assert told["Lead time"].startswith("10 days stated; measured 11 ± 0 days over 1 receipt of S, 1 late")


def numbers(sentence: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", sentence)]


def test_the_numbers_put_into_each_formula_give_its_result(published: Workspace) -> None:
    plan = plan_of(published)
    told = plan["told"]
    z, rate, span, lump, _, spread, safety = numbers(told["Safety stock"].split(";")[0].split("=", 1)[1])
    assert safety == pytest.approx(z * sqrt(rate * span * lump + rate**2 * spread**2), abs=0.01)
    _, order, rate, _, holding, cost, lot = numbers(told["Economic lot"].split("=", 1)[1])[:7]
    assert lot == pytest.approx(sqrt(2 * order * rate * 365 / (holding * cost)), abs=0.01)
    voices = [term.split(" (")[0].split(" × ") for term in told["Voices"].split(" + ")]
    level = float(told["Voices"].split("= ")[1].split()[0])
    assert level == pytest.approx(sum(float(weight) * float(voice) for weight, voice in voices), abs=0.001)
    hand, promised, inbound, forecast, lowest = numbers(told["Balance"].replace(" - ", " "))[:5]
    assert lowest == pytest.approx(hand - promised + inbound - forecast, abs=0.0001)
    safety_again, cover, _, lot_again, target = numbers(told["Target"])
    assert (safety_again, lot_again) == (safety, lot)
    assert target == pytest.approx(safety + max(cover, lot), abs=0.0001)
    needed = numbers(told["Needed"])[-1]
    assert needed == ceil(target - lowest)
    assert told["Minimum"] == f"The supplier sells at least 24: {max(24, int(needed))}."
    packed = ceil(max(24, needed) / 12) * 12
    assert told["Packs"] == f"Packs of 12, rounded up: {packed}."
    assert told["Quantity"] == f"{packed} at 4 = {packed * 4} GBP from S."


def test_the_days_ahead_add_up_from_today_to_the_last_arrival(published: Workspace) -> None:
    plan = plan_of(published)
    days = plan["days"]
    assert days[0]["day"] == LAST and days[0]["opening"] == 20
    assert days[-1]["day"] == plan["plan"]["last_arrival_on"]
    for day in days:
        moved = day["opening"] - day["promised"] + day["inbound"] - day["forecast"]
        assert day["balance"] == pytest.approx(moved, abs=0.001)
    assert {day["day"]: day["inbound"] for day in days if day["inbound"]} == {date(2026, 4, 7): 12}
    ended = typed(published.root, "A-100", "--location", "LEEDS")
    [table] = re.findall(r"The days ahead.*", ended.output, re.DOTALL)
    assert "first arrival" in table and "lowest" in table and "last arrival" in table
    assert figure(float(plan["plan"]["lowest_balance"])) in table


def test_several_locations_are_told_one_after_the_other(published: Workspace) -> None:
    ended = typed(published.root, "A-100")
    assert ended.output.index("A-100 at LEEDS") < ended.output.index("A-100 at YORK")
    assert "Order none of A-100" in ended.output


def test_the_same_is_told_to_programs(published: Workspace) -> None:
    told = json.loads(typed(published.root, "A-100", "--json").output)
    assert [plan["location_id"] for plan in told["plans"]] == ["LEEDS", "YORK"]
    assert told["as_of"] == "2026-03-31"
    assert {"plan", "proposal", "open_demand", "supplies", "derivation", "days"} <= set(told["plans"][0])


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["A-10"], 1, "No SKU A-10 is known as of 2026-03-31. Did you mean A-100?"),
        (["a-1OO"], 1, "Did you mean A-100?"),
        (["%"], 1, "No SKU % is known as of 2026-03-31.\n"),
        (["A-100", "--location", "HULL"], 1, "A-100 has no plan at HULL as of 2026-03-31; it has one at LEEDS, YORK."),
        (["IDLE", "--location", "HULL"], 1, "No location HULL is known as of 2026-03-31; the shop's are LEEDS, YORK."),
        (["B-200"], 0, "B-200 has no supplier: name one in products or supplier_products."),
        (["GIFT"], 1, "GIFT is a service or the like that is not stocked, so it is not planned."),
        (["IDLE"], 1, "IDLE has neither stock, demand nor open orders as of 2026-03-31, so there is nothing to plan."),
    ],
)
def test_what_has_no_plan_is_said_in_a_sentence(
    published: Workspace, words: list[str], code: int, sentence: str
) -> None:
    ended = typed(published.root, *words)
    assert (ended.exit_code, sentence in ended.output) == (code, True), ended.output


def test_before_the_first_publication_the_sentence_names_the_night(tmp_path: Path) -> None:
    ended = typed(tmp_path, "A")
    assert ended.exit_code == 1 and "Nothing is published in" in ended.output


def test_a_shop_that_tells_nothing_of_its_stock_is_told_what_to_deliver(tmp_path: Path) -> None:
    publish(tmp_path, {"products": pl.DataFrame({"sku": ["A"], "is_stocked": [True]})})
    ended = typed(tmp_path, "A")
    assert ended.exit_code == 1 and "deliver stock_movements or stock_counts" in ended.output


def told_with(found: Workspace, level: dict[str, Any] | None = None, **changed: Any) -> dict[str, str]:
    """The derivation, had the plan had these figures."""
    plan = explained(found, "A-100", "LEEDS")["plans"][0]
    names = Facts.__dataclass_fields__
    facts = Facts(**{name: plan[name] for name in names} | {"plan": plan["plan"] | changed} | (level or {}))
    return dict(derivation(facts))


def test_a_planners_own_figures_are_said_to_be_the_planners(published: Workspace) -> None:
    told = told_with(published, safety_source="minimum_on_hand", safety_stock=40, maximum_on_hand=90, target=90)
    assert told["Safety stock"] == "40 units: the planner's minimum."
    assert told["Target"] == "90 units: the planner's maximum."
    liked = told_with(published, rate_source="like_sku", like_sku="B-200")
    assert "as B-200 sells, by the planner" in liked["Forecast"]
    assert liked["Voices"].endswith("not planned with.")
    only = told_with(published, safety_source="do_not_stock", rate=0)
    assert only["Forecast"] == only["Safety stock"] == "None: only what open orders lack is bought."


def test_every_flag_of_a_plan_is_said_in_words(published: Workspace) -> None:
    told = told_with(published, flags=["no_cost", "new_item", "not_yet_worded"])
    assert told["Note"] == f"{FLAGS['no_cost'].capitalize()}; {FLAGS['new_item']}; not yet worded."


def test_a_proposal_that_waits_is_said_to_wait(published: Workspace) -> None:
    proposal = {"proposal_id": "A-100@LEEDS", "skipped_until": date(2026, 4, 7), "waits_for_budget": True}
    told = told_with(published, level={"proposal": proposal | {"supplier_short_amount": 120}})
    assert told["Proposal"] == (
        "A-100@LEEDS; a planner skipped it until 7 Apr 2026; it waits, the budget is used up by items of higher priority; "
        "all proposals of the supplier together lack 120 to its least amount of an order."
    )


def test_many_days_become_weeks_cut_where_something_happens() -> None:
    start = date(2026, 4, 1)
    days = [start + timedelta(days=number) for number in range(30)]
    projected = pl.DataFrame(
        {
            "day": days,
            "opening": [100.0 - number for number in range(30)],
            "promised": [0] * 30,
            "inbound": [5 if number == 9 else 0 for number in range(30)],
            "forecast": [6.0 if number == 9 else 1.0 for number in range(30)],
            "balance": [99.0 - number for number in range(30)],
        }
    )
    found = ahead(projected, [days[20]])
    expected = frame(
        "first | last | opening | inbound | forecast | balance",
        "0 | 0 | 100 | 0 | 1 | 99",
        "1 | 7 | 99 | 0 | 7 | 92",
        "8 | 9 | 92 | 5 | 7 | 90",
        "10 | 14 | 90 | 0 | 5 | 85",
        "15 | 20 | 85 | 0 | 6 | 79",
        "21 | 21 | 79 | 0 | 1 | 78",
        "22 | 28 | 78 | 0 | 7 | 71",
        "29 | 29 | 71 | 0 | 1 | 70",
    )
    numbered = found.select(
        first=(pl.col("first_day") - start).dt.total_days(),
        last=(pl.col("day") - start).dt.total_days(),
        opening=pl.col("opening").cast(pl.Int64),
        inbound="inbound",
        forecast=pl.col("forecast").cast(pl.Int64),
        balance=pl.col("balance").cast(pl.Int64),
    )
    assert numbered.rows() == expected.rows()
    assert ahead(projected.head(14), []).height == 14
    assert ahead(projected.clear(), []).height == 0
