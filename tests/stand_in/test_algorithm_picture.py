# SPDX-License-Identifier: MIT-0
"""Serving feeds the network what training fed it."""

import struct
import zlib
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import simplejpeg

from local.builtin_stand_in import inference_server, recordio_channel
from pipeline_src.algorithms.serving.inference_requests import RequestError
from pipeline_src.dataset import image_codec as preprocess
from tests.stand_in.conftest import jpeg, write_records

SHAPE = (3, 28, 28)
Pixels = np.ndarray[Any, Any]


def frame(height: int, width: int) -> Pixels:
    """Return a smooth picture whose red, green and blue differ everywhere."""
    rows, columns = np.mgrid[0:height, 0:width]
    red = 40 + 150 * rows / height
    green = 60 + 60 * np.sin(columns / width * 6)
    blue = 220 - 180 * columns / width
    return np.dstack([red, green, blue]).astype(np.uint8)


def through_training(tmp_path: Path, data: bytes) -> Pixels:
    path = tmp_path / "train.rec"
    write_records(path, [(0.0, data)])
    records = recordio_channel.Channel("train", path, (0,))
    (batch,) = recordio_channel.read_batches(records, batch_size=1, image_shape=SHAPE, augmentation=None, seed=None)
    return np.asarray(batch.data.asnumpy())


def png(pixels: Pixels) -> bytes:
    return cv2.imencode(".png", pixels)[1].tobytes()


def refusal(data: bytes) -> str:
    with pytest.raises(RequestError) as caught:
        inference_server.decode_image_tensor(data, SHAPE)
    assert caught.value.status == HTTPStatus.BAD_REQUEST
    return str(caught.value)


@pytest.mark.parametrize("encode", [jpeg, lambda pixels: png(pixels[:, :, ::-1])], ids=["jpeg", "png"])
def test_a_picture_of_the_right_size_is_the_same_in_serving_as_in_training(
    tmp_path: Path, encode: Callable[[Pixels], bytes]
) -> None:
    """Decoders round differently by a step or two; a swapped channel would differ by dozens."""
    data = encode(frame(28, 28))
    served, trained = inference_server.decode_image_tensor(data, SHAPE), through_training(tmp_path, data)
    assert served.shape == trained.shape == (1, *SHAPE)
    assert served.dtype == trained.dtype == np.float32
    assert np.abs(served - trained).max() <= 3
    assert np.abs(served - trained[:, ::-1]).max() > 50


def test_a_whole_frame_is_the_same_in_serving_as_after_preprocess_and_training(tmp_path: Path) -> None:
    """What is left is the record's own JPEG compression."""
    data = jpeg(frame(450, 600))
    served = inference_server.decode_image_tensor(data, SHAPE)
    trained = through_training(tmp_path, preprocess.encode_jpeg(preprocess.decode_square(data, "picture", SHAPE[1])))
    assert np.abs(served - trained).mean() < 2
    assert np.abs(served - trained).max() < 12


def test_a_png_is_the_same_in_serving_as_after_preprocess() -> None:
    data = png(frame(450, 600))
    served = inference_server.decode_image_tensor(data, SHAPE)
    prepared = preprocess.decode_square(data, "picture", SHAPE[1])
    assert (served == prepared[:, :, ::-1].transpose(2, 0, 1)).all()


def test_red_comes_first() -> None:
    data = png(np.full((28, 28, 3), (10, 20, 200), np.uint8))  # OpenCV's order: blue, green, red
    assert inference_server.decode_image_tensor(data, SHAPE)[0, :, 0, 0].tolist() == [200, 20, 10]


def test_the_whole_frame_is_taken_whatever_its_aspect() -> None:
    pixels = np.zeros((100, 400, 3), np.uint8)
    pixels[:, 200:] = 255
    square = inference_server.decode_image_tensor(png(pixels), SHAPE)[0, 0]
    assert square[:, :14].max() == 0
    assert square[:, 14:].min() == 255


def test_a_small_picture_is_enlarged() -> None:
    assert inference_server.decode_image_tensor(jpeg(frame(9, 5)), SHAPE).shape == (1, *SHAPE)


def test_a_picture_of_one_channel_is_served() -> None:
    square = inference_server.decode_image_tensor(
        cv2.imencode(".jpg", np.full((40, 40), 90, np.uint8))[1].tobytes(), SHAPE
    )
    assert np.abs(square - 90).max() <= 2


@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_an_orientation_tag_changes_nothing_as_preprocess_drops_it(kind: str) -> None:
    tiff = b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, 6, 0, 0)
    if kind == "jpeg":
        data, segment, at = jpeg(frame(40, 60)), b"Exif\0\0" + tiff, 2
        tag = b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment
    else:
        data, chunk, at = png(frame(40, 60)), b"eXIf" + tiff, 33
        tag = struct.pack(">I", len(tiff)) + chunk + struct.pack(">I", zlib.crc32(chunk))
    tagged = data[:at] + tag + data[at:]
    assert (
        inference_server.decode_image_tensor(tagged, SHAPE) == inference_server.decode_image_tensor(data, SHAPE)
    ).all()


def test_extra_bytes_that_harm_nothing_are_read_over() -> None:
    data = jpeg(frame(40, 60))
    extra = data[:-2] + b"left over by the camera's own software" + data[-2:]
    with pytest.raises(ValueError, match="extraneous bytes"):
        simplejpeg.decode_jpeg(extra)
    assert (
        inference_server.decode_image_tensor(extra, SHAPE) == inference_server.decode_image_tensor(data, SHAPE)
    ).all()


def test_what_is_no_picture_is_refused_with_the_reason() -> None:
    assert "empty" in refusal(b"")
    assert "neither a JPEG nor a PNG" in refusal(b"GIF89a")
    assert "JPEG cannot be decoded" in refusal(b"\xff\xd8\xff\xe0 nothing")
    assert "PNG cannot be decoded" in refusal(b"\x89PNG\r\n\x1a\n")


def test_a_truncated_picture_is_refused() -> None:
    pixels = frame(300, 300)
    assert "JPEG cannot be decoded" in refusal(jpeg(pixels)[:-900])
    data = png(pixels)
    assert "PNG cannot be decoded" in refusal(data[:60])


def test_a_decode_bomb_is_refused_by_its_header() -> None:
    data = bytearray(png(frame(20, 20)))
    data[16:24] = struct.pack(">II", 60000, 60000)
    assert "60000x60000 pixels" in refusal(bytes(data))
    header = bytearray(jpeg(frame(20, 20)))
    start = header.index(b"\xff\xc0")
    header[start + 5 : start + 9] = struct.pack(">HH", 60000, 60000)
    assert "60000x60000 pixels" in refusal(bytes(header))
