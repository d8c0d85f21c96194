# SPDX-License-Identifier: MIT-0
"""Without a browser nothing is skipped: whoever asked for the look is told how to get one."""

import pytest

from tests.report import browser


def test_a_missing_browser_is_an_error_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHROMIUM", "/nowhere/chromium")
    with pytest.raises(browser.NoBrowserError, match="apt-get install chromium"):
        browser.executable()


def test_the_named_browser_is_the_one_that_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHROMIUM", "/bin/sh")
    assert browser.executable() == "/bin/sh"
