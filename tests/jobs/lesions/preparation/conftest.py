# SPDX-License-Identifier: MIT-0
"""Fixtures of the preprocessing's tests."""

from pathlib import Path

import hypothesis
import pytest

from tests.jobs.lesions.preparation import crate

# No test may depend on the machine's speed, and each run tries the same examples.
hypothesis.settings.register_profile("preparation", deadline=None, derandomize=True)
hypothesis.settings.load_profile("preparation")


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> crate.Room:
    """Return an /opt/ml with no input yet."""
    monkeypatch.setenv("ML_ROOT", str(tmp_path))
    return crate.Room(tmp_path)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> crate.Room:
    """Return an /opt/ml after a run on a good archive with 224 pixels; for reading only."""
    room = crate.Room(tmp_path_factory.mktemp("done"))
    room.put(crate.good().bytes())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ML_ROOT", str(room.root))
        assert room.run() == 0
    return room
