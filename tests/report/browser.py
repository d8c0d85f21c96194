# SPDX-License-Identifier: MIT-0
"""A headless browser, and what a person would notice in it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, Page, sync_playwright

NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
REMEDY: Final = "No Chromium was found. Install one (Debian: apt-get install chromium) or name it: CHROMIUM=/path"
DESKTOP: Final = {"width": 1280, "height": 800}
PHONE: Final = {"width": 390, "height": 844}
NARROW: Final = {"width": 360, "height": 640}


class NoBrowserError(Exception):
    """There is no browser to look with."""


@dataclass
class Look:
    """An open page.

    Attributes:
        page: the page.
        said: what it wrote on the console, and errors of its scripts.
        asked: the addresses that it asked for.
    """

    page: Page
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def box(self, selector: str) -> dict[str, float]:
        """Return the rectangle of the one element that `selector` names, in pixels of the viewport."""
        rectangle: Any = self.page.locator(selector).bounding_box()
        assert rectangle is not None, f"{selector} is not shown"
        return rectangle

    def bottom(self, selector: str) -> float:
        """Return the lower edge of that element."""
        box = self.box(selector)
        return box["y"] + box["height"]


def executable() -> str:
    """Return the path of the browser.

    Raises:
        NoBrowserError: with what to do.
    """
    named = os.environ.get("CHROMIUM")
    found = [path for name in ([named] if named else NAMES) if (path := shutil.which(name))]
    if not found:
        raise NoBrowserError(REMEDY)
    return found[0]


@contextmanager
def started() -> Iterator[Browser]:
    """Start the browser, and end it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable())
        yield browser
        browser.close()


@contextmanager
def opened(browser: Browser, path: Path, viewport: dict[str, int], **options: Any) -> Iterator[Look]:
    """Open the file at `path` in a fresh context; `options` are those of Playwright's `new_context`."""
    context = browser.new_context(viewport=viewport, **options)
    look = Look(context.new_page())
    look.page.on("console", lambda message: look.said.append(message.text))
    look.page.on("pageerror", lambda error: look.said.append(str(error)))
    look.page.on("request", lambda request: look.asked.append(request.url))
    look.page.goto(path.as_uri())
    yield look
    context.close()
