# SPDX-License-Identifier: MIT-0
"""The images of `traffic`, and the shifts."""

import csv
import io
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from local.aws.pipeline_executions import ExecutionIdentity, ExecutionRecord
from local.cli import endpoint_commands
from local.endpoint import traffic_images
from local.endpoint.traffic_client import LabelledImage
from local.endpoint.traffic_images import TrafficPlan, draw_images, pick_held_out_images
from local.errors import UsageError
from local.synthetic.lesion_drawing import SYNTHETIC_NOTICE
from pipeline_src import contract
from tests.class_table import scores


@pytest.fixture(scope="module")
def clean() -> list[LabelledImage]:
    return list(draw_images(TrafficPlan(4)))


def pixels(picture: LabelledImage) -> Any:
    return np.asarray(Image.open(io.BytesIO(picture.content)).convert("RGB"), np.float32)


def detail(picture: LabelledImage) -> float:
    return float(np.abs(np.diff(pixels(picture), axis=1)).mean())


def test_the_same_seed_draws_the_same_pictures_and_another_one_others(clean: list[LabelledImage]) -> None:
    assert list(draw_images(TrafficPlan(4))) == clean
    assert [each.name for each in clean] == [f"none-1-{number:06d}" for number in range(4)]
    contents = {each.content for each in [*clean, *draw_images(TrafficPlan(4, seed=2))]}
    assert len(contents) == 8


def test_a_shift_of_no_strength_leaves_the_bytes_alone(clean: list[LabelledImage]) -> None:
    for name in traffic_images.SHIFT_DESCRIPTIONS:
        assert [traffic_images.shift_image(each.content, name, 0) for each in clean] == [each.content for each in clean]
    for name in (traffic_images.NO_SHIFT, traffic_images.CLASS_MIX_SHIFT):
        assert traffic_images.shift_image(clean[0].content, name) == clean[0].content


def test_each_shift_changes_what_it_says(clean: list[LabelledImage]) -> None:
    found = {name: next(iter(draw_images(TrafficPlan(1, name)))) for name in ("colour", "blur", "dark", "other")}
    before = pixels(clean[0])
    red, _, blue = (pixels(found["colour"]) - before).mean((0, 1))
    assert red > 10 > -10 > blue
    assert detail(found["blur"]) < detail(clean[0]) / 4
    assert pixels(found["dark"]).mean() < 0.6 * before.mean()
    other = pixels(found["other"])
    assert other.shape == (768, 1024, 3)
    assert other[:60, :60].max() < 30
    half = next(iter(draw_images(TrafficPlan(1, "dark", strength=0.5))))
    assert pixels(found["dark"]).mean() < pixels(half).mean() < before.mean()


def test_a_shifted_picture_still_says_that_it_is_of_no_patient(clean: list[LabelledImage]) -> None:
    for name in traffic_images.SHIFT_DESCRIPTIONS:
        assert SYNTHETIC_NOTICE.encode() in traffic_images.shift_image(clean[0].content, name)


def test_the_mix_makes_every_class_as_likely_and_half_a_mix_half_of_the_way() -> None:
    counts = {"nv": 90, "mel": 10}
    assert TrafficPlan(1).odds(counts) == {"nv": 0.9, "mel": 0.1}
    assert TrafficPlan(1, "mix").odds(counts) == {"nv": 0.5, "mel": 0.5}
    assert TrafficPlan(1, "mix", strength=0.5).odds(counts) == pytest.approx({"nv": 0.7, "mel": 0.3})


def test_the_command_line_knows_every_shift() -> None:
    assert set(endpoint_commands.SHIFT_NAMES) == set(traffic_images.SHIFT_DESCRIPTIONS)


@pytest.fixture
def record(tmp_path: Path, clean: list[LabelledImage]) -> ExecutionRecord:
    """A run that held out 40 pictures, 36 of them of nevi."""
    identity = ExecutionIdentity("abcdefghijkl", "test")
    made = ExecutionRecord.create(tmp_path / "runs", identity, {}, {})
    folder = tmp_path / "held"
    folder.mkdir()
    with (folder / contract.PREDICTIONS_FILE).open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(contract.PREDICTION_COLUMNS)
        for number in range(40):
            label = "mel" if number >= 36 else "nv"
            table.writerow([f"I{number}", f"L{number}", "test", label, "nv", *scores(0.1, 0.9), "0"])
            (folder / f"I{number}.jpg").write_bytes(clean[0].content + bytes([number]))
    for step, output in (
        (contract.EVALUATE_STEP, contract.EVALUATION_OUTPUT),
        (contract.PREPROCESS_STEP, contract.HOLDOUT_OUTPUT),
    ):
        made.start(step, "Processing")
        made.finish(step, "Succeeded", Outputs={output: str(folder)})
    return made


def test_held_out_pictures_come_at_most_once_each_by_their_ids_and_in_the_mix_asked_for(
    record: ExecutionRecord,
) -> None:
    sent = list(pick_held_out_images(TrafficPlan(40), record))
    assert len({each.content for each in sent}) == 40
    assert {each.name for each in sent} == {f"none-1-I{number}" for number in range(40)}
    mixed = Counter(each.label for each in pick_held_out_images(TrafficPlan(8, "mix"), record))
    assert mixed["mel"] >= 2
    assert list(pick_held_out_images(TrafficPlan(8, "mix"), record)) == list(
        pick_held_out_images(TrafficPlan(8, "mix"), record)
    )


def test_more_than_were_held_out_is_refused(record: ExecutionRecord) -> None:
    with pytest.raises(UsageError, match=r"held out 40 images\. Use 40 or fewer"):
        list(pick_held_out_images(TrafficPlan(41), record))


def test_a_run_without_predictions_is_refused(record: ExecutionRecord, tmp_path: Path) -> None:
    (tmp_path / "held" / contract.PREDICTIONS_FILE).unlink()
    with pytest.raises(UsageError, match="abcdefghijkl: its predictions cannot be read"):
        list(pick_held_out_images(TrafficPlan(1), record))
