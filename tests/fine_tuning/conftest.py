# SPDX-License-Identifier: MIT-0
"""Fixtures of the tests of `fine_tuning`."""

import pytest

from tests.fine_tuning.training_case import TrainingRoom


@pytest.fixture
def training_room(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> TrainingRoom:
    """Return an /opt/ml with the channels of colored squares and good hyperparameters."""
    room = TrainingRoom(tmp_path_factory.mktemp("ml"))
    monkeypatch.setenv("ML_ROOT", str(room.root))
    room.prepare()
    return room
