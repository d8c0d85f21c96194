# SPDX-License-Identifier: MIT-0
"""The monitor's page in a real browser: its first statement is on the first screen, and it reads on a phone."""

from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from tests.report.browser import DESKTOP, PHONE, opened
from tests.report.test_report_page import TAGS

STATEMENT = "Of 46 confirmed melanomas the model found 70 % (56 to 83 %); at approval 100 % (68 to 100 %)."


@pytest.fixture
def path(pages: Path) -> Path:
    return pages / "monitor.html"


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_melanomas_that_were_found_come_first_then_each_violation_as_a_sentence(
    browser: Browser, path: Path, viewport: dict[str, int]
) -> None:
    with opened(browser, path, viewport) as look:
        statement = look.page.locator(".statement")
        assert statement.inner_text() == STATEMENT
        assert look.bottom(".statement") < look.box("#verdict h2")["y"] < viewport["height"]
        problems = look.page.locator(".notices .problem").all_inner_texts()
    assert any("Brightness is lower: median " in text for text in problems)


@pytest.mark.parametrize("width", [360, 390, 820, 1280])
def test_nothing_needs_to_be_scrolled_sideways(browser: Browser, path: Path, width: int) -> None:
    wide = "[...document.querySelectorAll('.scroll')].filter(each => each.scrollWidth > each.clientWidth)"
    with opened(browser, path, {"width": width, "height": 844}) as look:
        assert look.page.evaluate(f"{wide}.map(each => each.getAttribute('aria-label'))") == []
        assert look.page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(browser: Browser, path: Path, scheme: str) -> None:
    with opened(browser, path, PHONE, color_scheme=scheme, bypass_csp=True) as look:
        options: dict[str, Any] = {"runOnly": TAGS, "resultTypes": ["violations", "passes"]}
        found = Axe().run(look.page, options=options)
    assert found.violations_count == 0, found.generate_report()


def test_links_lead_to_sections_that_are_there(browser: Browser, path: Path) -> None:
    with opened(browser, path, DESKTOP) as look:
        for address in look.page.locator(".contents a").evaluate_all("links => links.map(each => each.hash)"):
            assert look.page.locator(address).count() == 1
