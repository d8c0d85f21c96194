# SPDX-License-Identifier: MIT-0
"""A home of each test's own."""

from pathlib import Path

import pytest


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A `.local` that holds nothing yet."""
    return tmp_path / "home"
