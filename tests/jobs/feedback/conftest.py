# SPDX-License-Identifier: MIT-0
"""Fixtures of the export's tests."""

from pathlib import Path

import pytest

from tests.jobs.feedback.export_desk import Desk


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Return a job's folders with nothing in them."""
    monkeypatch.setenv("ML_ROOT", str(tmp_path))
    return Desk(tmp_path)
