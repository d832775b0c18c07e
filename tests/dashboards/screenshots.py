"""Pictures of every page in both themes, wide and narrow.

By hand: `python -m tests.dashboards.screenshots WORKSPACE FOLDER [PAGE?QUERY ...]`
"""

import sys
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.dashboards.served import ARGUMENTS, CHROMIUM, server

PAGES = ("overview", "trends", "lifecycle", "stock", "reorder", "turnover", "billing", "intake")
SIZES = {"": (1440, 1000), "_narrow": (480, 1000)}


def settled(page: Page) -> None:
    """Wait until the page has run to its end and its charts are drawn."""
    page.locator(".oh-head").wait_for()
    page.wait_for_timeout(300)
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for(timeout=60_000)
    page.wait_for_timeout(700)


def main(workspace: Path, folder: Path, wanted: list[str]) -> None:
    """Take the pictures, the whole page each."""
    folder.mkdir(parents=True, exist_ok=True)
    with server(workspace) as address, sync_playwright() as player:
        browser = player.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for theme in ("light", "dark"):
            for suffix, (width, height) in SIZES.items():
                if suffix and theme == "dark":
                    continue
                page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=theme)  # type: ignore[arg-type]
                for name in wanted or PAGES:
                    page.set_viewport_size({"width": width, "height": height})
                    begun = time.monotonic()
                    page.goto(f"{address}/{name}")
                    settled(page)
                    took = time.monotonic() - begun
                    tall = int(page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight"))
                    page.set_viewport_size({"width": width, "height": max(height, tall + 20)})
                    page.wait_for_timeout(900)
                    file = folder / f"{name.split('?')[0]}_{theme}{suffix}.png"
                    page.screenshot(path=file)
                    print(f"{file}  {took:.1f} s  {tall} px")
                page.close()
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]), sys.argv[3:])
