"""Makes docs/report.png anew: the head of the demo report and its matrix, as the README shows it.

    python -m docs.report_picture [--chromium /usr/bin/chromium]

In: reports/demo/index.html. Out: docs/report.png, 1280 wide at two pixels a dot.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

REPOSITORY = Path(__file__).resolve().parents[1]
PAGE, PICTURE = REPOSITORY / "reports/demo/index.html", REPOSITORY / "docs/report.png"
WIDTH, HEIGHT = 1280, 1090
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]


def main() -> None:
    """Open the page, wait for its charts, keep the first screen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chromium", default=shutil.which("chromium"))
    chromium = parser.parse_args().chromium
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        page = browser.new_page(
            viewport={"width": WIDTH, "height": HEIGHT}, device_scale_factor=2, color_scheme="light"
        )
        page.goto(PAGE.as_uri())
        page.locator(".chart[data-kind='atlas'] svg.marks").wait_for()
        page.screenshot(path=PICTURE)
        browser.close()


if __name__ == "__main__":
    main()
