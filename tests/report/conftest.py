# SPDX-License-Identifier: MIT-0
"""One browser for the session, and the pages that it looks at, made by the Evaluate job in the jobs' environment."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.report import browser as browsing

ROOT = Path(__file__).parent.parent.parent
JOBS = ROOT / ".venv/jobs/bin/python"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with browsing.started() as browser:
        yield browser


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the pages, NAME.html for each planted case."""
    folder = tmp_path_factory.mktemp("pages")
    command = [str(JOBS), "-m", "tests.report.page", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder
