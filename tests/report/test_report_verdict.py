# SPDX-License-Identifier: MIT-0
"""Each planted problem decides as it should, and is seen without scrolling, on a desk and on a phone."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.report.browser import DESKTOP, PHONE, opened

# Page: the verdict, and the lead and the requirement of what is planted there.
PLANTED = {
    "clean": ("PASS", "Checked, no problem found.", ""),
    "weak_subgroup": ("REJECTED", "Weak subgroup.", "Subgroup balanced accuracy"),
    "leak": ("REJECTED", "Leak in the training images.", "Leaked test images"),
    "overconfident": ("REJECTED", "Overconfident.", "Overconfidence"),
    "worse_challenger": ("REJECTED", "Worse than the champion in balanced accuracy", "Loss of balanced accuracy"),
}


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("name", PLANTED)
def test_verdict_and_finding_stand_on_the_first_screen(
    browser: Browser, pages: Path, name: str, viewport: dict[str, int]
) -> None:
    verdict, lead, _ = PLANTED[name]
    with opened(browser, pages / f"{name}.html", viewport) as look:
        assert look.page.locator("#verdict h2").inner_text() == verdict
        notices = look.page.locator(".notices li")
        assert lead in notices.first.inner_text()
        assert "Research use only; not a medical device." in look.page.locator("header .use").inner_text()
        assert look.box("header .use")["y"] < look.box("#verdict")["y"]
        assert look.bottom(".notices li:last-child") <= viewport["height"]


@pytest.mark.parametrize("name", PLANTED)
def test_the_requirements_begin_on_the_first_screen_of_a_desk(browser: Browser, pages: Path, name: str) -> None:
    with opened(browser, pages / f"{name}.html", DESKTOP) as look:
        assert look.bottom("#requirements tbody tr:nth-child(2)") <= DESKTOP["height"]


@pytest.mark.parametrize("name", PLANTED)
def test_a_rejection_says_on_the_first_screen_of_a_desk_what_would_help(
    browser: Browser, pages: Path, name: str
) -> None:
    verdict, *_ = PLANTED[name]
    with opened(browser, pages / f"{name}.html", DESKTOP) as look:
        advice = look.page.locator(".advice li")
        assert advice.count() == (verdict == "REJECTED")
        if verdict == "REJECTED":
            assert look.bottom(".advice li:last-child") <= DESKTOP["height"]


@pytest.mark.parametrize("name", PLANTED)
def test_what_is_planted_is_the_first_that_is_missed_and_nothing_else_is(
    browser: Browser, pages: Path, name: str
) -> None:
    _, _, title = PLANTED[name]
    with opened(browser, pages / f"{name}.html", DESKTOP) as look:
        missed = look.page.locator("#requirements tr.missed th").all_inner_texts()
    assert [text.split("\n")[0] for text in missed][:1] == ([title] if title else [])
    assert len(missed) == {"clean": 0, "worse_challenger": 2}.get(name, 1)


@pytest.mark.parametrize("name", PLANTED)
def test_a_page_is_small_enough_to_be_sent(pages: Path, name: str) -> None:
    assert (pages / f"{name}.html").stat().st_size < 1_500_000
