# SPDX-License-Identifier: MIT-0
"""Fixtures of the monitor's tests."""

import shutil
from pathlib import Path

import pytest

from tests.jobs.drift import stream


@pytest.fixture(scope="session")
def measured(tmp_path_factory: pytest.TempPathFactory) -> stream.Room:
    """Return a job's folders with a baseline, which nobody changes."""
    made = stream.Room(tmp_path_factory.mktemp("measured") / "ml")
    stream.write_baseline(made)
    return made


@pytest.fixture
def room(measured: stream.Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> stream.Room:
    """Return a job's folders with a baseline and nothing captured."""
    made = stream.Room(tmp_path / "ml")
    shutil.copytree(measured.baseline, made.baseline)
    monkeypatch.setenv("ML_ROOT", str(made.root))
    for name, value in {"start_time": "2026-11-25T08: 00: 00Z", "end_time": "2026-11-25T09: 00: 00Z"}.items():
        monkeypatch.setenv(name, value)
    return made
