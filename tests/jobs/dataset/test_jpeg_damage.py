# SPDX-License-Identifier: MIT-0
"""A JPEG whose scan is damaged is refused or named; a sound one is accepted with its pixels, whatever its form."""

import random
from collections.abc import Callable

import numpy as np
import pytest
import simplejpeg

from benchmarks import jpeg_pictures, scan_damage
from pipeline_src.dataset import damage_signs, image_codec
from pipeline_src.runtime.errors import BadInputError
from tests.jobs import archives

SIDE = 224


def _decoded(data: bytes) -> tuple[np.ndarray, list[str]]:
    remarks = image_codec.ImageRemarks()
    return image_codec.decode_square(data, "x.jpg", SIDE, remarks), remarks.all()


@pytest.mark.parametrize("encode", jpeg_pictures.SOUND.values(), ids=jpeg_pictures.SOUND.keys())
def test_a_sound_jpeg_is_accepted_without_a_remark(encode: Callable[[np.ndarray], bytes]) -> None:
    for seed in range(3):
        data = encode(jpeg_pictures.photograph(seed))
        pixels, remarks = _decoded(data)
        right = simplejpeg.decode_jpeg(data, "BGR", min_height=SIDE, min_width=SIDE, strict=False)
        assert set(remarks) <= {image_codec.ROTATED}
        assert jpeg_pictures.wrong_share(pixels, _decoded(jpeg_pictures.plain(right))[0]) < 0.01


@pytest.mark.parametrize("damage", jpeg_pictures.DAMAGE.values(), ids=jpeg_pictures.DAMAGE.keys())
def test_a_damaged_scan_is_refused_or_named_unless_it_is_harmless(
    damage: Callable[[bytes, random.Random], bytes],
) -> None:
    """The pixels are compared: none is accepted without a remark although a hundredth of it is wrong."""
    chance = random.Random(11)
    for seed in range(15):
        data = jpeg_pictures.plain(jpeg_pictures.photograph(seed))
        assert scan_damage.judge_damage(data, damage(data, chance)) != "accepted silently"


def _shifted(shape: tuple[int, int], row: int, column: int, step: tuple[int, int, int]) -> np.ndarray:
    """Return pixels whose color steps where a decoder that is wrong from a coding unit on would let it."""
    height, width = shape
    grain = np.random.default_rng(3).normal(0, 6, (height, width, 1))
    pixels = 120 + np.linspace(0, 60, height)[:, None, None] + grain + np.zeros(3)
    pixels[row : row + 8, column:] += step
    pixels[row + 8 :] += step
    return np.asarray(pixels, np.uint8)


@pytest.mark.parametrize(
    ("row", "column", "step", "seen"),
    [
        (96, 0, (12, 12, 12), True),
        (96, 150, (12, 12, 12), True),  # each half of the step is in another edge
        (96, 280, (-12, -12, -12), True),
        (208, 200, (-12, -12, -12), True),
        (216, 200, (-12, -12, -12), False),  # the last row of units has no lower edge
        (96, 150, (10, 0, 0), True),  # in blue alone
        (96, 150, (2, 2, 2), False),
        (99, 150, (12, 12, 12), False),  # within a row of units, where pictures have edges of their own
    ],
)
def test_a_step_between_rows_of_units_is_a_sign_of_damage_unless_the_picture_has_others(
    *, row: int, column: int, step: tuple[int, int, int], seen: bool
) -> None:
    pixels = _shifted((225, 300), row, column, step)
    assert damage_signs.has_shifted_rows(pixels, 8) == seen
    striped = pixels.copy()
    striped[20:200:18] = 255  # the picture's own edges, within units too
    assert not damage_signs.has_shifted_rows(striped, 8)


@pytest.mark.parametrize(("shape", "subsampling"), [((300, 260), "444"), ((900, 1200), "420"), ((1800, 1800), "444")])
def test_a_step_is_seen_at_any_size(shape: tuple[int, int], subsampling: str) -> None:
    """Records are made of an eighth of a large picture, in which a row of blocks is a row of pixels."""
    within = {"420": 8, "444": 4}[subsampling]
    for row, named in ((shape[0] // 32 * 16, [image_codec.SHIFTED_ROWS]), (shape[0] // 32 * 16 + within, [])):
        data = jpeg_pictures.plain(_shifted(shape, row, 0, (20, 20, 20)), subsampling)
        remarks = image_codec.ImageRemarks()
        image_codec.verify_image(data, "x.jpg", remarks)
        assert [remarks.all(), _decoded(data)[1]] == [named, named]


def test_zero_bytes_are_a_sign_among_the_compressed_pixels_alone() -> None:
    data = jpeg_pictures.plain(jpeg_pictures.photograph(1))
    scan = data.index(b"\xff\xda") + 5000
    assert damage_signs.has_hole(data[:scan] + bytes(24) + data[scan + 24 :])
    assert not damage_signs.has_hole(data[:scan] + bytes(23) + b"\1" + data[scan + 24 :])
    assert not damage_signs.has_hole(jpeg_pictures.with_segment(data, 0xE2, bytes(300)) + bytes(300))


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
