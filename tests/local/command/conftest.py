# SPDX-License-Identifier: MIT-0
"""The command line in a home of each test's own."""

from pathlib import Path

import pytest

from tests.local.command.small import Shell


@pytest.fixture
def shell(home: Path) -> Shell:
    """Run command lines."""
    return Shell(home)
