# SPDX-License-Identifier: MIT-0
"""What `traffic` sends, and that each shift is what it says."""

import csv
import io
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from local import dispatch, shift
from local.error import UsageError
from local.execution import Identity, Record
from local.sample.drawing import NOTICE
from local.stream import Plan, drawn, held_out
from local.traffic import Picture
from pipeline_src import contract


@pytest.fixture(scope="module")
def clean() -> list[Picture]:
    return list(drawn(Plan(4)))


def pixels(picture: Picture) -> Any:
    return np.asarray(Image.open(io.BytesIO(picture.content)).convert("RGB"), np.float32)


def detail(picture: Picture) -> float:
    return float(np.abs(np.diff(pixels(picture), axis=1)).mean())


def test_the_same_seed_draws_the_same_pictures_and_another_one_others(clean: list[Picture]) -> None:
    assert list(drawn(Plan(4))) == clean
    assert [each.name for each in clean] == [f"none-1-{number:06d}" for number in range(4)]
    contents = {each.content for each in [*clean, *drawn(Plan(4, seed=2))]}
    assert len(contents) == 8


def test_a_shift_of_no_strength_leaves_the_bytes_alone(clean: list[Picture]) -> None:
    for name in shift.SHIFTS:
        assert [shift.shifted(each.content, name, 0) for each in clean] == [each.content for each in clean]
    for name in (shift.NONE, shift.MIX):
        assert shift.shifted(clean[0].content, name) == clean[0].content


def test_each_shift_changes_what_it_says(clean: list[Picture]) -> None:
    found = {name: next(iter(drawn(Plan(1, name)))) for name in ("colour", "blur", "dark", "other")}
    before = pixels(clean[0])
    red, _, blue = (pixels(found["colour"]) - before).mean((0, 1))
    assert red > 10 > -10 > blue
    assert detail(found["blur"]) < detail(clean[0]) / 4
    assert pixels(found["dark"]).mean() < 0.6 * before.mean()
    other = pixels(found["other"])
    assert other.shape == (768, 1024, 3)
    assert other[:60, :60].max() < 30
    half = next(iter(drawn(Plan(1, "dark", strength=0.5))))
    assert pixels(found["dark"]).mean() < pixels(half).mean() < before.mean()


def test_a_shifted_picture_still_says_that_it_is_of_no_patient(clean: list[Picture]) -> None:
    for name in shift.SHIFTS:
        assert NOTICE.encode() in shift.shifted(clean[0].content, name)


def test_the_mix_makes_every_class_as_likely_and_half_a_mix_half_of_the_way() -> None:
    counts = {"nv": 90, "mel": 10}
    assert Plan(1).odds(counts) == {"nv": 0.9, "mel": 0.1}
    assert Plan(1, "mix").odds(counts) == {"nv": 0.5, "mel": 0.5}
    assert Plan(1, "mix", strength=0.5).odds(counts) == pytest.approx({"nv": 0.7, "mel": 0.3})


def test_the_command_line_knows_every_shift() -> None:
    assert set(dispatch.SHIFTS) == set(shift.SHIFTS)


@pytest.fixture
def record(tmp_path: Path, clean: list[Picture]) -> Record:
    """A run that held out 40 pictures, 36 of them of nevi."""
    identity = Identity("abcdefghijkl", "test")
    made = Record.create(tmp_path / "runs", identity, {}, {})
    folder = tmp_path / "held"
    folder.mkdir()
    with (folder / contract.PREDICTIONS).open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(contract.PREDICTION_COLUMNS)
        for number in range(40):
            label = "mel" if number >= 36 else "nv"
            table.writerow([f"I{number}", f"L{number}", "test", label, "nv", *([0.1] * 7), "0"])
            (folder / f"I{number}.jpg").write_bytes(clean[0].content + bytes([number]))
    for step, output in (
        (contract.EVALUATE, contract.EVALUATION_OUTPUT),
        (contract.PREPROCESS, contract.HOLDOUT_OUTPUT),
    ):
        made.start(step, "Processing")
        made.finish(step, "Succeeded", Outputs={output: str(folder)})
    return made


def test_held_out_pictures_come_at_most_once_each_by_their_ids_and_in_the_mix_asked_for(record: Record) -> None:
    sent = list(held_out(Plan(40), record))
    assert len({each.content for each in sent}) == 40
    assert {each.name for each in sent} == {f"none-1-I{number}" for number in range(40)}
    mixed = Counter(each.label for each in held_out(Plan(8, "mix"), record))
    assert mixed["mel"] >= 2
    assert list(held_out(Plan(8, "mix"), record)) == list(held_out(Plan(8, "mix"), record))


def test_more_than_were_held_out_is_refused(record: Record) -> None:
    with pytest.raises(UsageError, match=r"held out 40\. Ask for 40 or fewer"):
        list(held_out(Plan(41), record))


def test_a_run_without_predictions_is_refused(record: Record, tmp_path: Path) -> None:
    (tmp_path / "held" / contract.PREDICTIONS).unlink()
    with pytest.raises(UsageError, match="abcdefghijkl: its predictions cannot be read"):
        list(held_out(Plan(1), record))
