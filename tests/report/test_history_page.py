# SPDX-License-Identifier: MIT-0
"""The page of all runs in a real browser, without scripts: charts, table, both colour schemes, a phone."""

from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from tests.report.browser import DESKTOP, PHONE, opened
from tests.report.test_report_page import TAGS


@pytest.fixture
def path(pages: Path) -> Path:
    return pages / "history.html"


@pytest.mark.parametrize("width", [360, 390, 820, 1280])
def test_nothing_needs_to_be_scrolled_sideways_and_no_metric_is_cut(browser: Browser, path: Path, width: int) -> None:
    wide = "[...document.querySelectorAll('.scroll')].filter(each => each.scrollWidth > each.clientWidth).length"
    outside = (
        "[...document.querySelectorAll('td')].filter(each => each.getBoundingClientRect().right > innerWidth).length"
    )
    with opened(browser, path, {"width": width, "height": 844}) as look:
        assert look.page.evaluate(wide) == 0
        assert look.page.evaluate(outside) == 0
        assert look.page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_it_reads_without_scripts_and_its_first_chart_is_on_the_first_screen(
    browser: Browser, path: Path, viewport: dict[str, int]
) -> None:
    with opened(browser, path, viewport, java_script_enabled=False) as look:
        chart = look.page.locator("svg").first
        box = chart.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] < viewport["height"]
        assert "The champion, run000000006: 0.760." in str(chart.get_attribute("aria-label"))
        assert chart.locator("g").count() == 6  # runs that passed or were rejected
        assert look.page.locator("tbody tr").count() == 18
        assert look.page.locator("tbody tr").first.locator("th").inner_text().startswith("run000000017")
        assert look.asked == [path.as_uri()]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_nothing(browser: Browser, path: Path, scheme: str, viewport: dict[str, int]) -> None:
    with opened(browser, path, viewport, color_scheme=scheme, bypass_csp=True) as look:
        options: dict[str, Any] = {"runOnly": TAGS, "resultTypes": ["violations", "passes"]}
        found = Axe().run(look.page, options=options)
    assert found.violations_count == 0, found.generate_report()
