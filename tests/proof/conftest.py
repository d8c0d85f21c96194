# SPDX-License-Identifier: MIT-0
"""Shares what cfn-lint found between the processes of a session."""

from pathlib import Path

import pytest

from tests.proof import lint


@pytest.fixture(scope="session", autouse=True)
def shared_findings(shared: Path) -> None:
    """Keep the findings in a folder of the session: the templates of several files are the same ones."""
    lint.keep_findings(shared / "findings")
