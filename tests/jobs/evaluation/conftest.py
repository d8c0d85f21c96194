# SPDX-License-Identifier: MIT-0
"""Fixtures of the evaluation's tests."""

from pathlib import Path

import hypothesis
import pytest

from tests.jobs.evaluation import case

# No test may depend on the machine's speed.
hypothesis.settings.register_profile("evaluation")
hypothesis.settings.load_profile("evaluation")


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> case.Room:
    """Return the folders of a job whose model has learned something."""
    made = case.Room(tmp_path / "ml")
    listed = case.images()
    case.write(made, listed, case.probabilities(listed, skill=2.5))
    monkeypatch.setenv("ML_ROOT", str(made.root))
    return made
