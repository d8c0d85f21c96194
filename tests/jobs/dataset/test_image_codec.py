# SPDX-License-Identifier: MIT-0
"""Every picture is decoded, held-out ones too, and what is none is refused by name before it costs memory."""

import json
import random
import struct
from collections.abc import Callable

import cv2
import numpy as np
import pytest
import simplejpeg

from benchmarks import jpeg_pictures
from pipeline_src import contract
from pipeline_src.dataset import image_codec
from pipeline_src.runtime.errors import BadInputError
from tests.jobs import archives


def _jpeg(channels: int, colorspace: str, subsampling: str) -> bytes:
    pixels = np.full((45, 60, channels), 90, np.uint8)
    return bytes(simplejpeg.encode_jpeg(pixels, colorspace=colorspace, colorsubsampling=subsampling))


def _declaring(frame: bytes) -> bytes:
    """Return a JPEG whose frame header begins with `frame`: bits, height and width."""
    data = archives.picture(1)
    at = data.index(b"\xff\xc0") + 4
    return data[:at] + frame + data[at + len(frame) :]


def _png_header(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBB", 13, b"IHDR", width, height, 8, 2)


def _cut(data: bytes) -> bytes:
    return data[: len(data) * 2 // 3]


BAD = {
    "zero bytes": (b"", "zero bytes"),
    "truncated": (_cut(archives.picture(1, 450, 600)), "truncated"),
    "truncated in its header": (archives.picture(1)[:30], "truncated before its first pixel"),
    "text": (b"not found", "neither JPEG nor PNG but an unknown format"),
    "page": (b"\n<!DOCTYPE html><html>not found</html>", "neither JPEG nor PNG but a web page"),
    "HEIC": (b"\0\0\0\x18ftypheic\0\0\0\0", "neither JPEG nor PNG but a HEIC"),
    "AVIF": (b"\0\0\0\x1cftypavif\0\0\0\0", "neither JPEG nor PNG but an AVIF"),
    "JPEG 2000": (b"\0\0\0\x0cjP  \r\n\x87\n", "neither JPEG nor PNG but a JPEG 2000"),
    "Git LFS": (b"version https://git-lfs.github.com/spec/v1\n", "neither JPEG nor PNG but a pointer of Git LFS"),
    "TIFF": (b"II*\0\x08\0\0\0", "neither JPEG nor PNG but a TIFF"),
    "BMP": (b"BM\x36\0", "neither JPEG nor PNG but a BMP"),
    "WebP": (b"RIFF\0\0\0\0WEBPVP8 ", "neither JPEG nor PNG but a WebP"),
    "GIF": (b"GIF89a", "neither JPEG nor PNG but a GIF"),
    "PNG cut in its header": (archives.png(np.zeros((45, 60, 3), np.uint8))[:25], "truncated before its first pixel"),
    "truncated PNG": (_cut(archives.png(archives.pixels_of(archives.picture(1)))), "truncated"),
    "too large PNG": (_png_header(8001, 8001), "8001x8001 pixels"),
    "grayscale": (_jpeg(1, "GRAY", "Gray"), "grayscale"),
    "CMYK": (_jpeg(4, "CMYK", "444"), "CMYK"),
    "12-bit": (_declaring(b"\x0c"), "12 bits a channel"),
    "too wide": (_declaring(struct.pack(">BHH", 8, 8, 16385)), "16385x8 pixels"),
    "too large": (_declaring(struct.pack(">BHH", 8, 8001, 8001)), "8001x8001 pixels"),
    "without height": (_declaring(struct.pack(">BHH", 8, 0, 60)), "60x0 pixels"),
}


@pytest.mark.parametrize(("data", "cause"), BAD.values(), ids=BAD.keys())
@pytest.mark.parametrize(
    "use", [image_codec.verify_image, lambda data, place: image_codec.decode_square(data, place, 32)]
)
def test_a_bad_picture_is_refused(use: Callable[[bytes, str], object], data: bytes, cause: str) -> None:
    with pytest.raises(BadInputError) as caught:
        use(data, "x.jpg")
    assert str(caught.value).startswith(f"x.jpg: {cause}")
    assert str(caught.value).endswith("Replace the image by the original.")


def test_pixels_that_were_overwritten_are_refused() -> None:
    data = bytearray(archives.picture(1, 450, 600))
    middle = len(data) // 2
    data[middle : middle + 400] = b"\xff\xd9" * 200
    with pytest.raises(BadInputError, match=r"x\.jpg: (truncated|damaged)"):
        image_codec.verify_image(bytes(data), "x.jpg")


def test_whatever_is_damaged_a_picture_is_taken_or_refused_and_never_crashes_the_job() -> None:
    data, chance, refused = archives.picture(1), random.Random(1), 0
    for _ in range(2000):
        damaged = bytearray(data)
        for _ in range(chance.choice((1, 1, 2, 5))):
            damaged[chance.randrange(2, len(data) - 2)] = chance.randrange(256)
        try:
            image_codec.decode_square(bytes(damaged), "x.jpg", 32)
        except BadInputError:
            refused += 1
    assert 0 < refused < 2000


@pytest.mark.parametrize("stray", [b"\x01\x02\x03", bytes(9)])
def test_bytes_between_the_last_pixel_and_the_end_are_harmless(stray: bytes) -> None:
    """The server takes such pictures too, and what is scored must be what can be prepared."""
    data = archives.picture(1)
    strayed = data[:-2] + stray + data[-2:]
    image_codec.verify_image(strayed, "x.jpg")
    assert (image_codec.decode_square(strayed, "x.jpg", 32) == image_codec.decode_square(data, "x.jpg", 32)).all()


@pytest.mark.parametrize("shape", [(45, 60), (15, 15), (450, 600), (1500, 60)])
def test_any_shape_becomes_the_square(shape: tuple[int, int]) -> None:
    pixels = simplejpeg.decode_jpeg(
        image_codec.encode_jpeg(image_codec.decode_square(archives.picture(1, *shape), "x.jpg", 32)), "BGR"
    )
    assert pixels.shape == (32, 32, 3)


def test_the_square_is_near_what_an_exact_resize_gives() -> None:
    coarse = np.random.default_rng(3).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    smooth = cv2.resize(coarse, (600, 450), interpolation=cv2.INTER_CUBIC)
    data = bytes(simplejpeg.encode_jpeg(smooth, quality=95, colorspace="BGR", colorsubsampling="444"))
    exact = cv2.resize(smooth, (224, 224), interpolation=cv2.INTER_AREA)
    ours = simplejpeg.decode_jpeg(image_codec.encode_jpeg(image_codec.decode_square(data, "x.jpg", 224)), "BGR")
    assert np.abs(ours.astype(int) - exact).mean() < 1.5


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_a_bad_picture_in_any_split_stops_the_job(room: archives.Room, done: archives.Room, split: str) -> None:
    image_id = next(row["image_id"] for row in done.manifest() if row["split"] == split)
    archive = archives.good()
    archive.pictures[image_id] = _cut(archives.picture(1, 450, 600))
    room.put(archive.bytes())
    assert room.run() == 2
    assert f"{image_id}.jpg: truncated" in room.reason()
    assert room.files() == {}


def test_of_several_bad_pictures_the_first_is_named(room: archives.Room) -> None:
    archive = archives.good()
    for image_id in list(archive.pictures)[5:]:
        archive.pictures[image_id] = b""
    room.put(archive.bytes())
    assert room.run() == 2
    assert f"{list(archive.pictures)[5]}.jpg: zero bytes" in room.reason()


def test_the_pictures_of_a_missing_part_are_missed_and_the_parts_that_are_there_named(room: archives.Room) -> None:
    entries = archives.good().entries()
    del entries[archives.PART.format(2)]
    room.put(archives.zipped(entries))
    assert room.run() == 2
    assert f"{3 * len(contract.CLASS_LABELS)} images missing" in room.reason()
    assert "its inner zips are HAM10000_images_part_1.zip." in room.reason()
    assert room.files() == {}


def test_missing_pictures_are_refused_unless_allowed(room: archives.Room, done: archives.Room) -> None:
    archive = archives.good()
    spare = [row["image_id"] for row in done.manifest() if (row["label"], row["split"]) == ("nv", "train")][:2]
    for image_id in spare:
        del archive.pictures[image_id]
    room.put(archive.bytes())
    assert room.run("--allowed-missing-images", "1") == 2
    assert f"2 images missing ({', '.join(spare)}), 1 allowed" in room.reason()
    assert room.files() == {}
    assert room.run("--allowed-missing-images", "2") == 0
    assert room.card()["metadata_without_image"] == spare
    assert not {row["image_id"] for row in room.manifest()} & set(spare)


def _of(pixels: np.ndarray) -> bytes:
    return image_codec.encode_jpeg(np.ascontiguousarray(pixels, np.uint8))


def _blurred(seed: int) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(60, 200, (7, 9, 3), dtype=np.uint8)
    return cv2.resize(coarse, (300, 225), interpolation=cv2.INTER_CUBIC)


_PHOTOGRAPH = _of(jpeg_pictures.photograph(1))
_STEPPED = jpeg_pictures.photograph(2) // 2
_STEPPED[224:] += 90
REMARKED = {
    "orientation": jpeg_pictures.with_segment(_PHOTOGRAPH, 0xE1, jpeg_pictures.exif_block(6)),
    "smaller_than_records": archives.picture(3, 210, 300),
    "elongated": archives.picture(4, 225, 915),
    "flat": _of(np.full((300, 300, 3), 120)),
    "black": _of(np.full((300, 300, 3), 3)),
    "shifted_rows": _of(_STEPPED),
}


def test_odd_pictures_are_counted_in_the_card_with_ids(room: archives.Room) -> None:
    """The others have 225 pixels in height, so that none is smaller than the records. Two are shifted, one the last."""
    archive = archives.good()
    names = list(archive.pictures)
    archive.pictures = {name: _of(_blurred(n)) for n, name in enumerate(names)}
    odd = {remark: [name] for remark, name in zip(REMARKED, names, strict=False)}
    odd["shifted_rows"].append(names[-1])
    archive.pictures |= {named[0]: REMARKED[remark] for remark, named in odd.items()}
    archive.pictures[names[-1]] = _of(_STEPPED[:, ::-1])
    room.put(archive.bytes())
    assert room.run() == 0
    found = json.loads(json.dumps(room.card()["image_remarks"]))
    assert {kind: each["examples"] for kind, each in found.items() if each["count"]} == odd
    warnings = json.loads(json.dumps(room.card()["warnings"]))
    for remark, named in odd.items():
        assert f"{len(named)} {image_codec.REMARK_TEXTS[remark]} ({', '.join(named)})" in warnings


@pytest.mark.parametrize("order", ["II", "MM"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_orientation_is_read_and_does_not_change_the_pixels(order: str, orientation: int) -> None:
    plain = archives.picture(1)
    turned = jpeg_pictures.with_segment(plain, 0xE1, jpeg_pictures.exif_block(orientation, order))
    assert image_codec.check_image(turned, "x.jpg").orientation == orientation
    assert (image_codec.decode_square(turned, "x.jpg", 32) == image_codec.decode_square(plain, "x.jpg", 32)).all()
