# SPDX-License-Identifier: MIT-0
"""The baseline's files hold what a window is compared with, and are refused if they are not that."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline_src import contract
from pipeline_src.drift import capture_window, drift_baseline, drift_tests, image_features
from pipeline_src.drift.drift_baseline import DriftConstraints
from pipeline_src.evaluation.model_predictions import Predictions
from pipeline_src.runtime.errors import BadInputError
from tests.jobs.drift import stream


def test_the_same_pictures_as_in_the_baseline_differ_in_nothing(measured: stream.Room, room: stream.Room) -> None:
    """Every feature survives the way through the file exactly: one that moved a little would tie with none."""
    held_out = stream.predictions()
    pictures = [(measured.root / "holdout" / f"{each.image_id}.jpg").read_bytes() for each in held_out.images]
    answers = held_out.probabilities.tolist()
    sent = [stream.captured(n, picture=data, answer=answers[n]) for n, data in enumerate(pictures)]
    stream.write(room, sent)
    window = capture_window.read_capture_window(room.capture, stream.PERIOD)
    known = drift_baseline.read_baseline(room.baseline, room.baseline)
    made = drift_tests.run_drift_checks(window, window.sample.images(), known)
    assert [each.direction for each in made] == [0] * len(image_features.FEATURE_NAMES) + [None] * 3
    assert all(each.effect <= 2 * drift_tests.TAIL for each in made)


def test_the_same_images_give_the_same_bytes(measured: stream.Room) -> None:
    pictures = measured.root / "holdout"
    again = drift_baseline.baseline_files(stream.predictions(), pictures, 0.5)
    assert again == {name: (measured.baseline / name).read_bytes() for name in again}


def test_a_picture_that_is_missing_or_damaged_is_counted_as_missing(measured: stream.Room, tmp_path: Path) -> None:
    for path in sorted((measured.root / "holdout").iterdir())[2:]:
        (tmp_path / path.name).write_bytes(path.read_bytes() if path.stem != "I0005" else b"?")
    content = json.loads(drift_baseline.baseline_files(stream.predictions(), tmp_path)[drift_baseline.STATISTICS_FILE])
    assert content["dataset"]["item_count"] == stream.COUNT - 3
    assert content["features"][0]["numerical_statistics"]["common"] == {
        "num_present": stream.COUNT - 3,
        "num_missing": 3,
    }


def test_official_images_have_no_say(measured: stream.Room) -> None:
    held_out = stream.predictions()
    extra = replace(held_out.images[0], image_id="Z", split=contract.OFFICIAL)
    more = Predictions((*held_out.images, extra), np.vstack([held_out.probabilities, held_out.probabilities[:1]]))
    assert (
        drift_baseline.baseline_files(more, measured.root / "holdout")[drift_baseline.STATISTICS_FILE].count(
            b'"num_missing":0'
        )
        == 15
    )


def test_images_of_one_lesion_count_less(measured: stream.Room) -> None:
    held_out = stream.predictions()
    twice = tuple(replace(each, lesion_id=f"L{n // 2}") for n, each in enumerate(held_out.images))
    found = drift_baseline.baseline_files(Predictions(twice, held_out.probabilities), measured.root / "holdout")
    assert json.loads(found[drift_baseline.STATISTICS_FILE])["monitor"]["effective_count"] == stream.COUNT / 2


def test_without_any_image_there_is_a_baseline_that_says_so(tmp_path: Path) -> None:
    for name, content in drift_baseline.baseline_files(stream.predictions(0), tmp_path).items():
        (tmp_path / name).write_bytes(content)
    assert drift_baseline.read_baseline(tmp_path, tmp_path).images == 0


def test_constraints_survive_their_file_and_a_disabled_check_is_off(room: stream.Room) -> None:
    wanted = DriftConstraints(melanoma_threshold=0.5)
    assert drift_baseline.read_baseline(room.baseline, room.baseline).constraints == wanted
    path = room.baseline / drift_baseline.CONSTRAINTS_FILE
    content = json.loads(path.read_bytes())
    content["features"][0]["monitoringConfigOverrides"]["evaluate_constraints"] = "Disabled"
    path.write_text(json.dumps(content))
    thresholds = drift_baseline.read_baseline(
        room.baseline / drift_baseline.STATISTICS_FILE, path
    ).constraints.thresholds
    assert thresholds["width"] is None
    assert thresholds["height"] is not None


def test_thresholds_of_an_earlier_version_become_the_present_ones_and_checks_that_are_off_stay_off() -> None:
    written = drift_baseline.constraints_json(DriftConstraints(thresholds={"blur": 0.15, "redness": None}))
    del written["monitor"]["effects"]  # type: ignore[attr-defined]
    thresholds = drift_baseline.parse_constraints(written).thresholds
    assert (thresholds["blur"], thresholds["redness"]) == (DriftConstraints().thresholds["blur"], None)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (drift_baseline.STATISTICS_FILE, None, "not found. Without a baseline nothing can be compared"),
        (drift_baseline.CONSTRAINTS_FILE, None, "not found"),
        (drift_baseline.STATISTICS_FILE, "{", "not JSON"),
        (drift_baseline.STATISTICS_FILE, "[]", "not a JSON object"),
        (drift_baseline.STATISTICS_FILE, '{"features": []}', "not a baseline of this monitor"),
        (drift_baseline.CONSTRAINTS_FILE, '{"monitor": {}, "features": []}', "not a constraints file of this monitor"),
        (
            drift_baseline.CONSTRAINTS_FILE,
            '{"monitor": {}, "features": [{"name": "hue", "monitoringConfigOverrides": {}}]}',
            "hue",
        ),
    ],
)
def test_what_is_no_baseline_is_refused_by_name(room: stream.Room, name: str, text: str | None, message: str) -> None:
    path = room.baseline / name
    path.unlink() if text is None else path.write_text(text)
    with pytest.raises(BadInputError, match=message) as error:
        drift_baseline.read_baseline(room.baseline, room.baseline)
    assert name in str(error.value)


def test_features_of_different_numbers_of_images_are_refused(room: stream.Room) -> None:
    path = room.baseline / drift_baseline.STATISTICS_FILE
    content = json.loads(path.read_bytes())
    content["features"][0]["numerical_statistics"]["distribution"]["kll"]["sketch"]["data"][0].pop()
    path.write_text(json.dumps(content))
    with pytest.raises(BadInputError, match="features hold different numbers of images"):
        drift_baseline.read_baseline(room.baseline, room.baseline)
