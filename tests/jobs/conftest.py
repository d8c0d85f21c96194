# SPDX-License-Identifier: MIT-0
"""Fixtures of the jobs' tests."""

from pathlib import Path

import pytest

from tests.jobs import archives


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> archives.Room:
    """Return an /opt/ml with no input yet."""
    monkeypatch.setenv("ML_ROOT", str(tmp_path))
    return archives.Room(tmp_path)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> archives.Room:
    """Return an /opt/ml after a run on a good archive with 224 pixels; for reading only."""
    room = archives.Room(tmp_path_factory.mktemp("done"))
    room.put(archives.good().bytes())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ML_ROOT", str(room.root))
        assert room.run() == 0
    return room
