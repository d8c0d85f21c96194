# SPDX-License-Identifier: MIT-0
"""A JPEG whose scan is damaged is refused or named; a sound one is accepted with its pixels, whatever its form."""

import random
from collections.abc import Callable

import numpy as np
import pytest
import simplejpeg

from pipeline_src.dataset import image_codec
from pipeline_src.runtime.errors import BadInputError
from tests.jobs import archives, jpeg_pictures

SIDE = 224


def _decoded(data: bytes) -> tuple[np.ndarray, list[str]]:
    remarks: list[str] = []
    return image_codec.decode_square(data, "x.jpg", SIDE, remarks), remarks


def _warns(data: bytes) -> bool:
    try:
        simplejpeg.decode_jpeg(data, "BGR", strict=True)
    except ValueError:
        return True
    return False


@pytest.mark.parametrize("encode", jpeg_pictures.SOUND.values(), ids=jpeg_pictures.SOUND.keys())
def test_a_sound_jpeg_is_accepted_without_a_remark(encode: Callable[[np.ndarray], bytes]) -> None:
    for seed in range(3):
        data = encode(jpeg_pictures.photograph(seed))
        pixels, remarks = _decoded(data)
        right = simplejpeg.decode_jpeg(data, "BGR", min_height=SIDE, min_width=SIDE, strict=False)
        assert image_codec.STRAY_BYTES not in remarks
        assert jpeg_pictures.wrong_share(pixels, _decoded(jpeg_pictures.plain(right))[0]) < 0.01


@pytest.mark.parametrize("damage", jpeg_pictures.DAMAGE.values(), ids=jpeg_pictures.DAMAGE.keys())
def test_a_scan_of_which_the_decoder_warns_is_refused_or_named(
    damage: Callable[[bytes, random.Random], bytes],
) -> None:
    """The pixels are compared: none is accepted without a remark although a hundredth of it is wrong."""
    chance, warned = random.Random(11), 0
    for seed in range(40):
        data = jpeg_pictures.plain(jpeg_pictures.photograph(seed))
        damaged = damage(data, chance)
        if not _warns(damaged):
            continue
        warned += 1
        try:
            pixels, remarks = _decoded(damaged)
        except BadInputError:
            continue
        assert remarks or jpeg_pictures.wrong_share(pixels, _decoded(data)[0]) <= 0.01
    assert warned


def test_many_bytes_that_a_scan_does_not_need_are_damage() -> None:
    data = jpeg_pictures.stray_at_end(archives.picture(1), bytes(range(1, 60)))
    with pytest.raises(
        BadInputError, match=r"x\.jpg: damaged: .* extraneous bytes .*Replace the image by the original\."
    ):
        _decoded(data)


@pytest.mark.parametrize("stray", [bytes(range(1, 6)), bytes(15), b"\x5a" * 18])
def test_a_few_stray_bytes_behind_a_scan_are_removed_and_named(stray: bytes) -> None:
    """Of these bytes the decoder has read some ahead of the last pixel, and does not count them."""
    data = archives.picture(1)
    pixels, remarks = _decoded(jpeg_pictures.stray_at_end(data, stray))
    assert (pixels == _decoded(data)[0]).all()
    assert image_codec.STRAY_BYTES in remarks


def test_stray_bytes_between_two_scans_are_removed_and_named() -> None:
    data = jpeg_pictures.SOUND["progressive"](jpeg_pictures.photograph(1))
    at = [place for place in range(len(data)) if data[place : place + 2] == b"\xff\xda"][3]
    strayed = data[:at] + bytes(3) + data[at:]
    pixels, remarks = _decoded(jpeg_pictures.stray_at_end(strayed, bytes(9)))
    assert (pixels == _decoded(data)[0]).all()
    assert image_codec.STRAY_BYTES in remarks


def test_stray_bytes_before_a_header_segment_are_taken_as_every_decoder_takes_them() -> None:
    data = archives.picture(1)
    pixels, remarks = _decoded(jpeg_pictures.stray_in_header(data))
    assert (pixels == _decoded(data)[0]).all()
    assert image_codec.STRAY_BYTES in remarks


def test_a_sampling_that_is_not_read_is_named_and_not_called_damage() -> None:
    data = bytearray(archives.picture(1, 450, 600))
    data[data.index(b"\xff\xc0") + 11] = 0x31
    with pytest.raises(BadInputError) as caught:
        _decoded(bytes(data))
    said = "x.jpg: a JPEG with the sampling factors 3x1, 1x1, 1x1: not supported. Save the image again"
    assert str(caught.value).startswith(said)


def test_the_card_names_the_pictures_with_remarks(room: archives.Room) -> None:
    archive = archives.good()
    chosen = list(archive.pictures)[::9]
    for image_id in chosen:
        archive.pictures[image_id] = jpeg_pictures.stray_at_end(archive.pictures[image_id], bytes(9))
    room.put(archive.bytes())
    assert room.run() == 0
    remarks = room.card()["image_remarks"]
    assert isinstance(remarks, dict)
    assert remarks[image_codec.STRAY_BYTES] == {"count": len(chosen), "examples": chosen}
    warnings = room.card()["warnings"]
    assert isinstance(warnings, list)
    assert any(line.startswith(f"{len(chosen)} images have stray bytes") and chosen[0] in line for line in warnings)
