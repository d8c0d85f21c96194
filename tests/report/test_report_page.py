# SPDX-License-Identifier: MIT-0
"""The report in a real browser: it is quiet and whole, and can be read by eye, by keyboard and on paper."""

import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from tests.report.browser import DESKTOP, NARROW, PHONE, Look, opened

# The page with every section but the official test set, and with leaks shown.
PAGES = ("worse_challenger", "leak")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
REACHABLE = "a[href], .scroll"
# What the focus is on: its position among all that should be reachable, and whether an outline shows it.
FOCUS = f"""() => {{
  const here = document.activeElement, style = getComputedStyle(here), box = here.getBoundingClientRect();
  return [[...document.querySelectorAll("{REACHABLE}")].indexOf(here),
    style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth];
}}"""


@pytest.fixture(scope="module", params=PAGES)
def path(request: pytest.FixtureRequest, pages: Path) -> Path:
    return pages / f"{request.param}.html"


@pytest.fixture
def look(browser: Browser, path: Path) -> Iterator[Look]:
    with opened(browser, path, DESKTOP) as look:
        yield look


def test_the_page_is_quiet_and_asks_for_nothing_but_itself(look: Look, path: Path) -> None:
    assert look.said == []
    assert [url for url in look.asked if not url.startswith("data:")] == [path.as_uri()]


def test_every_picture_is_shown(look: Look) -> None:
    broken = "[...document.images].filter(image => !(image.complete && image.naturalWidth)).length"
    assert look.page.evaluate(broken) == 0
    assert look.page.evaluate("document.images.length") > 15


def test_title_and_heading_name_the_page(look: Look) -> None:
    assert look.page.title() == "Rejected: evaluation of the skin-lesion classifier"
    assert look.page.locator("h1").all_inner_texts() == ["Skin-lesion classifier: evaluation"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_nothing_to_mend_contrast_included(
    browser: Browser, path: Path, viewport: dict[str, int], scheme: str
) -> None:
    # The page forbids scripts, so the browser must be told to let that of axe in.
    with opened(browser, path, viewport, color_scheme=scheme, bypass_csp=True) as look:
        options: dict[str, Any] = {"runOnly": TAGS, "resultTypes": ["violations", "passes"]}
        found = Axe().run(look.page, options=options)
    assert "color-contrast" in {rule["id"] for rule in found.response["passes"]}
    assert found.violations_count == 0, found.generate_report()


def test_the_dark_scheme_is_dark(browser: Browser, path: Path) -> None:
    colours = set()
    for scheme in ("light", "dark"):
        with opened(browser, path, DESKTOP, color_scheme=scheme) as look:
            colours.add(look.page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(colours) == 2


def test_nothing_is_wider_than_a_narrow_phone_but_what_scrolls_by_itself(browser: Browser, path: Path) -> None:
    with opened(browser, path, NARROW, is_mobile=True, device_scale_factor=2) as look:
        assert look.page.evaluate("document.documentElement.scrollWidth") == NARROW["width"]
        wide = """() => [...document.querySelectorAll("body *")].filter(each =>
          !each.closest(".scroll") && !each.matches(".skip") && each.getBoundingClientRect().right > innerWidth + 1
        ).map(each => each.outerHTML.slice(0, 80))"""
        assert look.page.evaluate(wide) == []


def test_tab_reaches_every_link_and_table_in_order_with_visible_focus(look: Look) -> None:
    number = look.page.locator(REACHABLE).count()
    reached, outlined, shown = [], [], []
    for _ in range(number):
        look.page.keyboard.press("Tab")
        position, outline, visible = look.page.evaluate(FOCUS)
        reached.append(position)
        outlined.append(outline)
        shown.append(visible)
    assert reached == list(range(number))
    assert all(outlined)
    assert all(shown)


def test_the_keyboard_scrolls_a_table_that_is_too_wide(browser: Browser, path: Path) -> None:
    with opened(browser, path, NARROW) as look:
        table = look.page.locator("#requirements .scroll")
        table.focus()
        look.page.keyboard.press("ArrowRight")
        # Scrolling is animated; Playwright's own waiting evaluates text inside the page, which its policy forbids.
        ended = time.monotonic() + 10
        while not table.evaluate("table => table.scrollLeft > 0"):
            assert time.monotonic() < ended, "the table does not scroll"
            look.page.wait_for_timeout(50)


def test_links_lead_to_what_they_name(look: Look) -> None:
    links = look.page.locator(".contents a")
    for position in range(links.count()):
        links.nth(position).click()
        target = look.page.evaluate("location.hash")
        assert look.page.locator(target).count() == 1
        assert 0 <= look.box(target)["y"] < DESKTOP["height"]


def test_headings_are_in_order(look: Look) -> None:
    levels = look.page.evaluate("[...document.querySelectorAll('h1, h2, h3, h4')].map(each => +each.tagName[1])")
    assert levels[0] == 1
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels))


def test_it_prints_without_what_paper_does_not_need(look: Look) -> None:
    look.page.set_viewport_size({"width": 718, "height": 1000})  # A4 less its margins
    look.page.emulate_media(media="print")
    assert not look.page.locator(".contents").is_visible()
    assert look.page.locator("#verdict h2").is_visible()
    assert look.page.evaluate("document.documentElement.scrollWidth") <= 718
    printed = look.page.pdf(format="A4")
    assert printed.startswith(b"%PDF")
    assert printed.count(b"/Type /Page\n") > 4
