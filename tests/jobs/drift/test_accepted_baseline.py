# SPDX-License-Identifier: MIT-0
"""State between runs: earlier windows complete a small one; accepted images replace the test images until undone."""

import json
import os
from datetime import timedelta

import pytest

from pipeline_src import baseline_acceptance, contract
from pipeline_src.drift import window_history
from pipeline_src.drift.capture_window import MeasuredImage, TimePeriod
from tests.jobs.drift import stream
from tests.jobs.drift.stream import Room
from tests.jobs.drift.test_drift_monitor import run, traffic

HISTORY = "/opt/ml/processing/output/history"


@pytest.fixture(scope="module")
def dark(measured: Room, tmp_path_factory: pytest.TempPathFactory) -> list[MeasuredImage]:
    """Darker images, as a run measures them."""
    made = Room(tmp_path_factory.mktemp("dark") / "ml")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ML_ROOT", str(made.root))
        for name, value in {"start_time": "2026-11-25T08:00:00Z", "end_time": "2026-11-25T09:00:00Z"}.items():
            patch.setenv(name, value)
        patch.setenv("baseline_statistics", str(measured.baseline))
        patch.setenv("baseline_constraints", str(measured.baseline))
        patch.setenv("history_output", HISTORY)
        stream.write(made, traffic(shade=0.5))
        assert run() == contract.EXIT_OK
    (path,) = (made.root / "processing/output/history").iterdir()
    assert path.name == "20261125T080000Z.json"
    assert "brightness" in made.document("monitor.json")["violations"]
    end = stream.PERIOD.end
    (past,) = window_history.read_history(path.parent, end)
    assert len(past.images) == stream.COUNT
    return list(past.images)


def windows(images: list[MeasuredImage]) -> bytes:
    """Return the file of a window of the day before that holds `images`."""
    start, end = (time - timedelta(days=1) for time in stream.PERIOD)  # type: ignore[operator]
    file = window_history.history_file(images, TimePeriod(start, end))
    assert file is not None
    return file[1]


def accept(room: Room, name: str, content: bytes) -> None:
    folder = room.root / "processing/input/accepted"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def test_accepted_images_replace_the_test_images_until_that_is_undone(room: Room, dark: list[MeasuredImage]) -> None:
    stream.write(room, traffic(shade=0.5))
    by = {"by": "role/kim", "time": stream.PERIOD.start}
    accepted = baseline_acceptance.acceptance_file([], [json.loads(windows(dark))], reason="our lamp", **by)
    accept(room, accepted.name, accepted.content)
    assert run() == contract.EXIT_OK
    found = room.document("monitor.json")
    assert found["violations"] == []
    statement = (
        "Compared with 120 images of production from 2026-11-24 to 2026-11-24, accepted by role/kim on 2026-11-25"
    )
    assert found["baseline"]["accepted"] == f"{statement}: our lamp"
    assert "our lamp" in (room.output / "monitor.html").read_text()
    by["time"] += timedelta(hours=1)
    undone = baseline_acceptance.undo_file([json.loads(accepted.content)], reason="new lamp", **by)
    accept(room, undone.name, undone.content)
    assert run() == contract.EXIT_OK
    assert "brightness" in room.document("monitor.json")["violations"]


def test_what_is_no_acceptance_is_refused(room: Room) -> None:
    stream.write(room, traffic(3))
    accept(room, "1.json", b'{"action": "accept"}')
    assert run() == contract.EXIT_BAD_INPUT
    assert "not accepted baselines of this monitor" in room.message()


def test_a_small_window_is_compared_together_with_earlier_ones(room: Room, dark: list[MeasuredImage]) -> None:
    stream.write(room, traffic(20))
    folder = room.root / "processing/input/history"
    folder.mkdir(parents=True)
    (folder / "a.json").write_bytes(windows(dark[:60]))
    assert run() == contract.EXIT_OK
    assert room.message() == (
        "Completed: too few images to compare: 80 distinct ones in the last 30 days; 100 are needed."
    )
    (folder / "a.json").write_bytes(windows(dark))
    assert run() == contract.EXIT_OK
    found = room.document("monitor.json")
    assert (found["status"], found["compared_images"], found["different_images"]) == ("compared", 140, 20)
    assert room.message().startswith("CompletedWithViolations")
    assert "20 requests and 120 earlier images" in room.message()
    assert "history_output" not in os.environ
    assert not (room.root / "processing/output/history").exists()
