"""The dashboards as a visitor sees them."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.dashboards.served import ARGUMENTS, CHROMIUM, server

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine; on Debian: apt-get install chromium"),
]
sync_api = pytest.importorskip("playwright.sync_api")
CHARTS = {
    "overview": ["sales"],
    "trends": ["over_time", "by_channel", "by_category", "by_country", "why"],
    "lifecycle": ["where", "funnel", "durations", "gates"],
    "intake": ["calendar", "reasons", "columns"],
}


WHOLE_NUMBER = re.compile(r"^[0-9,]+$")


@pytest.fixture(scope="module")
def address(shop: Path) -> Iterator[str]:
    with server(shop) as found:
        yield found


@pytest.fixture(scope="module")
def visitor() -> Iterator["sync_api.BrowserContext"]:
    with sync_api.sync_playwright() as player:
        browser = player.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser.new_context(viewport={"width": 1440, "height": 1000}, accept_downloads=True)
        browser.close()


@pytest.fixture
def page(visitor: "sync_api.BrowserContext") -> Iterator["sync_api.Page"]:
    found = visitor.new_page()
    found.set_default_timeout(60_000)
    sync_api.expect.set_options(timeout=30_000)
    yield found
    found.close()


@pytest.mark.parametrize("name", CHARTS)
def test_a_page_shows_its_charts_and_asks_nobody_else(page: "sync_api.Page", address: str, name: str) -> None:
    asked: list[str] = []
    dialogs: list[str] = []
    page.on("request", lambda request: asked.append(urlsplit(request.url).netloc))
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.goto(f"{address}/{name}")
    for chart in CHARTS[name]:
        page.locator(f".st-key-card_{chart} .js-plotly-plot .main-svg").first.wait_for()
    assert page.locator(".oh-asof").inner_text() == "as of Tue 24 Nov 2026"
    assert page.get_by_test_id("stException").count() == 0
    assert {host for host in asked if host} == {urlsplit(address).netloc}
    assert not dialogs
    assert page.locator('[data-testid="stMain"] a[href*="example.invalid"]').count() == 0
    assert page.locator('[data-testid="stMain"] img').count() == 0


def test_the_first_address_opens_the_overview_and_keeps_what_was_asked(page: "sync_api.Page", address: str) -> None:
    page.goto(f"{address}/?channel=store")
    page.locator(".st-key-card_sales .main-svg").first.wait_for()
    page.wait_for_url("**/overview?*")
    assert parse_qs(urlsplit(page.url).query) == {"channel": ["store"]}


def test_a_filter_narrows_the_page_stays_in_the_address_and_on_the_next_page(
    page: "sync_api.Page", address: str
) -> None:
    page.goto(f"{address}/trends")
    for chart in CHARTS["trends"]:
        page.locator(f".st-key-card_{chart} .js-plotly-plot .main-svg").first.wait_for()
    label = page.get_by_text("Orders", exact=True)
    orders = page.get_by_test_id("stMetric").filter(has=label).get_by_test_id("stMetricValue").first
    sync_api.expect(orders).to_have_text(WHOLE_NUMBER)
    everything = int(orders.inner_text().replace(",", ""))
    page.get_by_label("Channel", exact=False).first.click()
    page.get_by_role("option", name="store").click()
    page.wait_for_url("**channel=store**")
    sync_api.expect(orders).not_to_have_text(f"{everything:,}")
    sync_api.expect(orders).to_have_text(WHOLE_NUMBER)
    assert 0 < int(orders.inner_text().replace(",", "")) < everything
    page.get_by_test_id("stSidebarNav").get_by_text("Lifecycle").click()
    page.locator(".st-key-card_funnel .main-svg").first.wait_for()
    page.wait_for_url("**/lifecycle?channel=store")
    page.get_by_test_id("stSidebarNav").get_by_text("Intake").click()
    page.locator(".st-key-card_calendar .main-svg").first.wait_for()
    page.wait_for_url("**/intake?channel=store")


def test_an_earlier_night_can_be_chosen(page: "sync_api.Page", address: str) -> None:
    page.goto(f"{address}/overview")
    page.locator(".st-key-card_sales .main-svg").first.wait_for()
    page.get_by_test_id("stSidebar").get_by_test_id("stSelectbox").locator("input").click()
    page.get_by_role("option", name="2026-11-23").click()
    sync_api.expect(page.locator(".oh-asof")).to_have_text("as of Mon 23 Nov 2026")
    page.wait_for_url("**as_of=2026-11-23**")


def test_a_table_is_downloaded_as_csv_and_parquet(page: "sync_api.Page", address: str) -> None:
    page.goto(f"{address}/intake")
    found = page.locator(".st-key-downloads_rejected")
    found.scroll_into_view_if_needed()
    contents: dict[str, bytes] = {}
    for label in ("CSV", "Parquet"):
        with page.expect_download(timeout=60_000) as download:
            found.get_by_role("button", name=label).click()
        assert download.value.suggested_filename == f"rejected_rows_2026-11-24.{label.lower()}"
        contents[label] = Path(download.value.path()).read_bytes()
    assert contents["CSV"].decode("utf-8-sig").startswith("as_of,feed,name,record_number,reasons,raw,values,file_id")
    assert b",'=1+0" in contents["CSV"] or b",\"'=1+0" in contents["CSV"]
    assert contents["Parquet"][:4] == b"PAR1"


def test_a_thing_to_do_leads_to_its_order(page: "sync_api.Page", address: str) -> None:
    page.goto(f"{address}/overview")
    link = page.locator('a.oh-todo[href*="order="]').first
    link.wait_for()
    page.goto(f"{address}/{link.get_attribute('href')}")
    page.locator(".st-key-card_order .oh-title").first.wait_for()
    assert page.locator(".st-key-card_order h3").first.inner_text().startswith("Order ")
