"""Pictures of a running demo, to look at: every page of a person's menu and one chart, wide and narrow, light and dark.

python -m tests.browser.screenshots http://127.0.0.1:8000 coder PASSWORD pictures/
"""

import argparse
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.browser.conftest import CHROMIUM, DESK, FLAGS

SIZES = {"wide": DESK, "narrow": {"width": 390, "height": 844}}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("address")
    arguments.add_argument("user")
    arguments.add_argument("password")
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--chart", help="number of the chart to open; without it, the first one that is held")
    given = arguments.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        for size, viewport in SIZES.items():
            for colours in ("light", "dark"):
                page = browser.new_context(viewport=viewport, color_scheme=colours).new_page()
                page.goto(f"{given.address}/log-in/")
                picture(page, given.folder / f"log-in-{size}-{colours}.png")
                page.get_by_label("User name").fill(given.user)
                page.get_by_label("Password").fill(given.password)
                page.get_by_role("button", name="Log in").click()
                page.wait_for_url(lambda url: "/log-in/" not in url)
                for address in addresses(page, given.chart):
                    page.goto(address)
                    name = "-".join(part for part in address.removeprefix(given.address).split("/") if part)
                    picture(page, given.folder / f"{name}-{size}-{colours}.png")
        browser.close()


def addresses(page: Page, chart: str | None) -> list[str]:
    menu = page.locator(".top nav a").evaluate_all("links => links.map((link) => link.href)")
    if chart:
        return [*menu, "/".join([*page.url.split("/")[:3], "charts", chart, ""])]
    held = page.locator("a.row-link").evaluate_all("links => links.slice(0, 1).map((link) => link.href)")
    return [*menu, *held]


def picture(page: Page, path: Path) -> None:
    page.wait_for_load_state("networkidle")
    page.screenshot(path=path)
    print(path)


if __name__ == "__main__":
    main()
