# SPDX-License-Identifier: MIT-0
"""The worst mistakes are the surest wrong answers, each with its picture where there is one."""

from pathlib import Path

import cv2
import numpy as np

from pipeline_src import contract
from pipeline_src.report import report_pictures
from tests.jobs.evaluation import case


def test_the_worst_mistakes_are_the_surest_wrong_answers_on_test_images(room: case.Room) -> None:
    test = case.predictions().of("test")
    worst = report_pictures.worst_mistakes(test, room.holdout, 5)
    wrong = {
        image.image_id: probability
        for image, probability, right in zip(
            test.images, test.probabilities.max(axis=1), test.truth == test.predicted, strict=True
        )
        if not right
    }
    assert [mistake.probability for mistake in worst] == sorted(wrong.values(), reverse=True)[:5]
    assert all(wrong[mistake.image_id] == mistake.probability for mistake in worst)
    assert all(mistake.label != mistake.predicted for mistake in worst)
    assert report_pictures.worst_mistakes(test, room.holdout, 1000)[-1].probability == min(wrong.values())


def test_a_thumbnail_is_the_picture_made_small(room: case.Room) -> None:
    small = report_pictures.jpeg_thumbnail(room.holdout / "ISIC_nv_test_004.jpg")
    assert small is not None
    pixels = cv2.imdecode(np.frombuffer(small, np.uint8), cv2.IMREAD_COLOR)
    assert pixels.shape == (180, 240, 3)
    original = cv2.imdecode(np.frombuffer(case.picture("ISIC_nv_test_004"), np.uint8), cv2.IMREAD_COLOR)
    assert np.abs(pixels[90, 120].astype(int) - original[45, 60]).max() < 8


def test_a_held_out_png_has_a_thumbnail_too(tmp_path: Path) -> None:
    pixels = cv2.imdecode(np.frombuffer(case.picture("ISIC_nv_test_004"), np.uint8), cv2.IMREAD_COLOR)
    path = tmp_path / contract.held_out_file("ISIC_1")
    path.write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
    small = report_pictures.jpeg_thumbnail(path)
    assert small is not None
    assert cv2.imdecode(np.frombuffer(small, np.uint8), cv2.IMREAD_COLOR).shape == (180, 240, 3)


def test_a_picture_that_cannot_be_shown_is_none(tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8 no picture")
    assert report_pictures.jpeg_thumbnail(tmp_path / "broken.jpg") is None
    assert report_pictures.jpeg_thumbnail(tmp_path / "absent.jpg") is None
