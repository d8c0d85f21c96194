# SPDX-License-Identifier: MIT-0
"""What Preprocess accepts, the model server scores; what it refuses, the server refuses with the same cause."""

import random

import cv2
import numpy as np
import pytest

from benchmarks import jpeg_pictures
from pipeline_src.algorithms.serving.image_predictor import ImagePredictor
from pipeline_src.dataset import image_codec
from pipeline_src.runtime.errors import BadInputError
from tests.jobs import archives
from tests.jobs.algorithms.tiny_model import MANIFEST, onnx_bytes

PHOTOGRAPH = jpeg_pictures.photograph(3)
PLAIN = jpeg_pictures.plain(PHOTOGRAPH)


def _sampled(factors: int) -> bytes:
    """Return `PLAIN` with other sampling factors of its first component in the header."""
    at = PLAIN.index(b"\xff\xc0") + 11
    return PLAIN[:at] + bytes((factors,)) + PLAIN[at + 1 :]


PICTURES = {
    **{form: encode(PHOTOGRAPH) for form, encode in jpeg_pictures.SOUND.items()},
    **{f"damage: {name}": damage(PLAIN, random.Random(4)) for name, damage in jpeg_pictures.DAMAGE.items()},
    **{f"sampling {each:02x}": _sampled(each) for each in (0x11, 0x12, 0x14, 0x21, 0x22, 0x31, 0x41, 0x44)},
    "stray bytes at the end": jpeg_pictures.stray_at_end(PLAIN, bytes(9)),
    "stray bytes in the header": jpeg_pictures.stray_in_header(PLAIN),
    "PNG": archives.png(PHOTOGRAPH),
    "PNG with alpha": bytes(cv2.imencode(".png", cv2.cvtColor(PHOTOGRAPH, cv2.COLOR_BGR2BGRA))[1]),
    "PNG of 16 bits": bytes(cv2.imencode(".png", PHOTOGRAPH.astype(np.uint16) << 8)[1]),
    "PNG, cut": archives.png(PHOTOGRAPH)[:9000],
    "JPEG, cut": PLAIN[:9000],
    "no picture": b"<html>",
    "nothing": b"",
}


@pytest.fixture(scope="module")
def predictor() -> ImagePredictor:
    return ImagePredictor(onnx_bytes(), MANIFEST)


def _verdict(use: object, *arguments: object) -> str:
    """Return why a picture is refused, without its place, or nothing."""
    assert callable(use)
    try:
        use(*arguments)
    except BadInputError as error:
        return str(error).partition(": ")[2]
    return ""


@pytest.mark.parametrize("name", PICTURES)
def test_preprocess_the_held_out_check_and_the_server_agree(predictor: ImagePredictor, name: str) -> None:
    data = PICTURES[name]
    accepted = _verdict(image_codec.decode_square, data, "x.jpg", 224)
    assert _verdict(image_codec.verify_image, data, "x.jpg") == accepted
    assert _verdict(predictor.predict, data) == accepted
