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
REACHABLE = "a[href], summary, .scroll:not(details:not([open]) .scroll)"
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
    assert look.page.evaluate("document.images.length") >= 12
    sizes = look.page.evaluate("[...document.querySelectorAll('svg')].map(each => each.getBoundingClientRect().height)")
    assert len(sizes) >= 6
    assert min(sizes) > 60


def test_title_heading_and_the_line_below_name_the_page(look: Look) -> None:
    assert look.page.title() == "Rejected: evaluation a1b2c3d4e5f6 of the skin-lesion classifier"
    assert look.page.locator("h1").all_inner_texts() == ["Evaluation a1b2c3d4e5f6 of the skin-lesion classifier"]
    said = " ".join(look.page.locator(".identity").inner_text().split())
    for part in (
        "started 2026-11-30 21:03 UTC",
        "gate profile default",
        "algorithm linear_probe",
        f"archive {'ab' * 6}",
    ):
        assert part in said


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


def test_the_charts_follow_the_scheme(browser: Browser, path: Path) -> None:
    ink = "[...document.querySelectorAll('svg text')].map(each => getComputedStyle(each).fill)"
    found = []
    for scheme in ("light", "dark"):
        with opened(browser, path, DESKTOP, color_scheme=scheme) as look:
            found.append(set(look.page.evaluate(ink)))
    light, dark = found
    assert light
    assert not light & dark - {"rgb(255, 255, 255)"}, "text on a strong colour alone is the same"


@pytest.mark.parametrize("width", [360, 390, 820, 1280])
def test_no_table_needs_to_be_scrolled(browser: Browser, path: Path, width: int) -> None:
    wide = "[...document.querySelectorAll('.scroll')].filter(each => each.scrollWidth > each.clientWidth)"
    with opened(browser, path, {"width": width, "height": 844}) as look:
        assert look.page.evaluate(f"{wide}.map(each => each.getAttribute('aria-label'))") == []


def test_each_requirement_has_its_measured_value_inside_the_viewport_of_a_phone(browser: Browser, path: Path) -> None:
    with opened(browser, path, PHONE) as look:
        boxes = look.page.evaluate("""() => [...document.querySelectorAll("#requirements tbody tr")].map(row =>
          [row, row.querySelector(".measured")].map(each => each.getBoundingClientRect()).map(box =>
            [box.left, box.right, box.width]))""")
        labels = look.page.evaluate("""getComputedStyle(
          document.querySelector("#requirements .measured"), "::before").content""")
    assert len(boxes) >= 11
    for row, measured in boxes:
        assert 0 <= row[0] <= measured[0] < measured[1] <= row[1] <= PHONE["width"]
        assert measured[2] > 30
    assert labels == '"Measured"'


def test_what_is_folded_opens_with_the_keyboard_and_on_paper(browser: Browser, pages: Path) -> None:
    with opened(browser, pages / "leak.html", DESKTOP) as look:
        folded = look.page.locator("#requirements details")
        shown = """details => details.querySelector("li").checkVisibility({contentVisibilityAuto: true})"""
        assert not folded.evaluate(shown)
        look.page.emulate_media(media="print")
        assert folded.evaluate(shown)
        look.page.emulate_media(media="screen")
        folded.locator("summary").focus()
        look.page.keyboard.press("Enter")
        assert folded.evaluate(shown)


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
    with opened(browser, path, NARROW, bypass_csp=True) as look:
        # No table of ours is too wide, but one with longer words would be.
        look.page.add_style_tag(content="#requirements table { width: 60rem }")
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
