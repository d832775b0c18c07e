"""The dashboards as a visitor sees them."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from pipelines.workspace import Workspace
from tests.dashboards.billing_shop import billed, billing_shop
from tests.dashboards.buying_shop import buying_shop, run
from tests.dashboards.served import ARGUMENTS, CHROMIUM, server
from tests.shops import query

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
GOODS = {
    "stock": ["value", "ageing", "by_location", "by_category", "by_abc"],
    "reorder": ["line"],
    "turnover": ["trend", "by_group"],
}
BILLING = ["flow", "outstanding", "ageing"]
WHOLE_NUMBER = re.compile(r"^[0-9,]+$")


@pytest.fixture(scope="module")
def address(shop: Path) -> Iterator[str]:
    with server(shop) as found:
        yield found


@pytest.fixture(scope="module")
def buying(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A shop that buys, after the night of yesterday: what is decided now belongs to the night of today."""
    found = Workspace(tmp_path_factory.mktemp("buying") / "shop")
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    return run(buying_shop(found.root, yesterday), yesterday)


@pytest.fixture(scope="module")
def buying_address(buying: Workspace) -> Iterator[str]:
    with server(buying.root) as found:
        yield found


@pytest.fixture(scope="module")
def billing_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    found = billed(billing_shop(tmp_path_factory.mktemp("billing") / "shop"))
    with server(found.root) as address:
        yield address


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


@pytest.mark.parametrize("name", GOODS)
def test_a_page_of_goods_shows_its_charts_and_asks_nobody_else(
    page: "sync_api.Page", buying_address: str, name: str
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(urlsplit(request.url).netloc))
    page.goto(f"{buying_address}/{name}")
    for chart in GOODS[name]:
        page.locator(f".st-key-card_{chart} .js-plotly-plot .main-svg").first.wait_for()
    assert page.get_by_test_id("stException").count() == 0
    assert {host for host in asked if host} == {urlsplit(buying_address).netloc}
    assert page.locator('[data-testid="stMain"] a[href*="example.invalid"]').count() == 0


def test_a_supplier_gets_the_lines_as_a_sheet(page: "sync_api.Page", buying_address: str) -> None:
    page.goto(f"{buying_address}/reorder?supplier=Orchard+%26+Sons+·+s1")
    found = page.locator(".st-key-downloads_supplier")
    contents: dict[str, bytes] = {}
    for label in ("CSV", "XLSX"):
        with page.expect_download(timeout=60_000) as download:
            found.get_by_role("button", name=label).click()
        assert download.value.suggested_filename.startswith("order_Orchard___Sons_")
        contents[label] = Path(download.value.path()).read_bytes()
    header, line = contents["CSV"].decode("utf-8-sig").splitlines()
    assert header.startswith("Supplier,Your number,Our number,Name")
    assert line.startswith("Orchard & Sons,'=1+1,A-100,")
    assert contents["XLSX"][:2] == b"PK"


def test_what_a_planner_changes_and_approves_is_in_the_next_nights_purchase_order(
    page: "sync_api.Page", buying: Workspace, buying_address: str
) -> None:
    page.goto(f"{buying_address}/reorder")
    page.locator(".st-key-card_line .main-svg").first.wait_for()
    page.get_by_label("Supplier", exact=False).first.click()
    page.get_by_role("option", name="Nordlicht").click()
    page.wait_for_url("**supplier=Nordlicht**")
    card = page.locator(".st-key-card_line")
    sync_api.expect(card.locator("h3").first).to_have_text("B-200: Bear")
    quantity = card.get_by_test_id("stNumberInput").locator("input")
    quantity.fill("47")
    quantity.press("Enter")
    page.get_by_label("Your name").fill("Ann Planner")
    page.get_by_label("Your name").press("Enter")
    approve = card.get_by_role("button", name="Approve 47")
    sync_api.expect(approve).to_be_enabled()
    approve.dblclick()
    page.get_by_text("B-200 is approved: the next night orders it.").wait_for()
    page.locator(".st-key-downloads_pending").get_by_text("1 row").wait_for()
    assert len(list((buying.landing / "decisions").iterdir())) == 1

    run(buying, datetime.now(UTC).date())

    bought = "SELECT supplier_id, sku, location_id, quantity, approved_by FROM purchase_orders"
    assert query(buying, bought) == [("s2", "B-200", "V", 47, "Ann Planner")]
    page.goto(f"{buying_address}/reorder")
    sent = page.locator(".st-key-downloads_sent")
    sent.get_by_text("1 row").wait_for()
    with page.expect_download(timeout=60_000) as download:
        sent.get_by_role("button", name="CSV").click()
    [line] = Path(download.value.path()).read_text(encoding="utf-8-sig").splitlines()[1:]
    assert line.startswith("PO-")
    assert ",B-200,Bear,V,47," in line
    page.get_by_text("Nothing waits: no line has been decided on since the night.").wait_for()


def test_billing_shows_its_charts_and_a_currency_narrows_it(page: "sync_api.Page", billing_address: str) -> None:
    asked: list[str] = []
    dialogs: list[str] = []
    page.on("request", lambda request: asked.append(urlsplit(request.url).netloc))
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.goto(f"{billing_address}/billing?invoice=o1")
    for chart in BILLING:
        page.locator(f".st-key-card_{chart} .js-plotly-plot .main-svg").first.wait_for()
    label = page.get_by_text("Outstanding", exact=True)
    outstanding = page.get_by_test_id("stMetric").filter(has=label).get_by_test_id("stMetricValue").first
    sync_api.expect(outstanding).to_have_text("59.90\u202fEUR")
    page.get_by_role("radio", name="GBP").click()
    page.wait_for_url("**amounts=GBP**")
    sync_api.expect(outstanding).to_have_text("40.00\u202fGBP")
    page.get_by_text("It takes 90 days of invoices").wait_for()
    assert page.get_by_test_id("stException").count() == 0
    assert {host for host in asked if host} == {urlsplit(billing_address).netloc}
    assert not dialogs
    assert page.locator('[data-testid="stMain"] a[href*="example.invalid"]').count() == 0


def test_a_bookkeeper_gets_the_journal_and_a_customers_invoice(page: "sync_api.Page", billing_address: str) -> None:
    page.goto(f"{billing_address}/billing?invoice=INV-2026-000000001&journal_nights=last+night")
    found = page.locator(".st-key-downloads_journal")
    found.scroll_into_view_if_needed()
    contents: dict[str, bytes] = {}
    for label in ("CSV", "Parquet", "XLSX"):
        with page.expect_download(timeout=60_000) as download:
            found.get_by_role("button", name=label).click()
        assert download.value.suggested_filename == f"journal_entries_2026-03-10.{label.lower()}"
        contents[label] = Path(download.value.path()).read_bytes()
    header, *entries = contents["CSV"].decode("utf-8-sig").splitlines()
    assert header.startswith("document_id,entry_no,source,booked_on,entry,account,")
    # an invoice and a credit note of three entries each, and two for what is taken off the payment
    assert len(entries) == 8
    assert contents["Parquet"][:4] == b"PAR1"
    assert contents["XLSX"][:2] == b"PK"
    with page.expect_download(timeout=60_000) as download:
        page.get_by_role("button", name="INV-2026-000000001.pdf").click()
    assert Path(download.value.path()).read_bytes().startswith(b"%PDF-1.7")


def test_a_document_that_is_chosen_stands_beside_the_one_looked_up(page: "sync_api.Page", billing_address: str) -> None:
    page.goto(f"{billing_address}/billing?invoice=o2")
    looked_up = page.locator(".st-key-card_document_found h3").first
    sync_api.expect(looked_up).to_contain_text("Invoice INV-2026-000000002: 40.00")
    table = page.locator('[class*="st-key-table_documents"]').first
    table.locator("canvas").first.wait_for()
    table.scroll_into_view_if_needed()
    table.click(position={"x": 18, "y": 54})  # the box of the first row
    chosen = page.locator(".st-key-card_document_chosen h3").first
    sync_api.expect(chosen).to_contain_text("Invoice INV-2026-000000004: 11.90")
    sync_api.expect(looked_up).to_contain_text("Invoice INV-2026-000000002: 40.00")
    assert page.get_by_test_id("stException").count() == 0
