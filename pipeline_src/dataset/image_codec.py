# SPDX-License-Identifier: MIT-0
"""Pictures: checked before they are decoded, then made the square that the algorithm wants.

Every channel stays where it is: pictures are BGR in memory from decoder to encoder, as OpenCV and MXNet hold them.
"""

import struct
from typing import Final, NamedTuple

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from pipeline_src.dataset import perceptual_hash
from pipeline_src.runtime.errors import BadInputError

SIDE_LIMIT: Final = 16384  # pixels
AREA_LIMIT: Final = 64_000_000  # pixels
JPEG_QUALITY: Final = 95  # of 100: what im2rec uses
_JPEG: Final = b"\xff\xd8"
_SUFFIXES: Final = {_JPEG: ".jpg"}
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # markers that begin a frame header
_BARE: Final = frozenset(range(0xD0, 0xD9)) | {0x01}  # markers without a length
_KINDS: Final = {
    b"\x89PNG": "a PNG",
    b"GIF8": "a GIF",
    b"II*\x00": "a TIFF",
    b"MM\x00*": "a TIFF",
    b"BM": "a BMP",
    b"RIFF": "a WebP",
}
_END: Final = b"\xff\xd9"
_COMPONENTS: Final = {1: "grayscale", 4: "CMYK"}
_AGAIN: Final = "Replace the picture by the original."

cv2.setNumThreads(1)  # one worker a core already; threads of OpenCV's own would only get in their way

Buffer = bytes | bytearray
Pixels = NDArray[np.uint8]


class ImageHeader(NamedTuple):
    """Header of an image: bits a channel, height and width in pixels, number of channels."""

    bits: int
    height: int
    width: int
    channels: int


def check_image(data: Buffer, place: str) -> ImageHeader:
    """Refuse what is no 8-bit three-channel JPEG of sensible size, without decoding it.

    Raises:
        BadInputError: naming what it is instead.
    """
    frame = _read_frame(data, place)
    if frame.bits != 8:
        raise BadInputError(f"{place}: {frame.bits} bits a channel: must be 8. {_AGAIN}")
    if frame.channels != 3:
        kind = _COMPONENTS.get(frame.channels, f"{frame.channels} channels")
        raise BadInputError(f"{place}: {kind}: must be a color picture of three channels. {_AGAIN}")
    if not (0 < frame.height <= SIDE_LIMIT and 0 < frame.width <= SIDE_LIMIT) or (
        frame.height * frame.width > AREA_LIMIT
    ):
        raise BadInputError(
            f"{place}: {frame.width}x{frame.height} pixels: must be from 1 to {SIDE_LIMIT} a side and"
            f" {AREA_LIMIT} in all. {_AGAIN}"
        )
    return frame


def verify_image(data: Buffer, place: str) -> Pixels:
    """Decode a picture to know that it can be: all of its codes, but no more pixels or colors than must be.

    Returns:
        It at the smallest eighth of its size that a view can be made of, grey (height, width, 1).

    Raises:
        BadInputError: it cannot.
    """
    check_image(data, place)
    return _decode(data, place, perceptual_hash.VIEW_SIDE, "GRAY")


def decode_square(data: Buffer, place: str, side: int) -> Pixels:
    """Return the JPEG `data` stretched to `side` pixels a side, BGR (`side`, `side`, 3).

    It is decoded at the smallest eighth of its size that is not below `side`, which costs the least and smooths.

    Raises:
        BadInputError: it cannot be decoded.
    """
    check_image(data, place)
    pixels = cv2.resize(_decode(data, place, side, "BGR"), (side, side), interpolation=cv2.INTER_LINEAR)
    return np.asarray(pixels, np.uint8)


def encode_jpeg(pixels: Pixels) -> bytes:
    """Return BGR `pixels` as a JPEG."""
    return bytes(simplejpeg.encode_jpeg(pixels, quality=JPEG_QUALITY, colorspace="BGR", colorsubsampling="420"))


def file_suffix(data: Buffer) -> str:
    """Return the suffix of an archive's file that holds the image `data`."""
    return next(suffix for signature, suffix in _SUFFIXES.items() if data.startswith(signature))


def _decode(data: Buffer, place: str, side: int, colors: str) -> Pixels:
    """Return the pixels, (height, width, channels) uint8 with `colors` in that order, at least `side` a side."""
    try:
        return _tolerant(data, side, colors)
    except ValueError as error:
        message = str(error).strip().rstrip(".")
        cause = "truncated" if "remature end" in message else f"damaged: {message}"
        raise BadInputError(f"{place}: {cause}. {_AGAIN}") from error


def _tolerant(data: Buffer, side: int, colors: str) -> Pixels:
    try:
        return _pixels(data, side, colors, strict=True)
    except ValueError as error:
        if "extraneous bytes" not in str(error) or bytes(data[-2:]) != _END:
            raise
        return _pixels(data, side, colors, strict=False)  # stray bytes before a marker: common, and harmless


def _pixels(data: Buffer, side: int, colors: str, *, strict: bool) -> Pixels:
    pixels: Pixels = simplejpeg.decode_jpeg(data, colors, min_height=side, min_width=side, strict=strict)
    return pixels


def _read_frame(data: Buffer, place: str) -> ImageHeader:
    """Return the frame header of a JPEG. Source: ITU-T T.81, annex B."""
    if not data:
        raise BadInputError(f"{place}: zero bytes. {_AGAIN}")
    if data[:2] != _JPEG:
        raise BadInputError(f"{place}: not a JPEG but {_format_of_bytes(data)}. {_AGAIN}")
    at, end = 2, len(data)
    while at + 4 <= end and data[at] == 0xFF:
        marker = data[at + 1]
        if marker in _FRAMES and at + 10 <= end:
            return ImageHeader(*struct.unpack_from(">BHHB", data, at + 4))
        if marker == 0xFF or marker in _BARE:
            at += 1 if marker == 0xFF else 2
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    raise BadInputError(f"{place}: truncated before its first pixel. {_AGAIN}")


def _format_of_bytes(data: Buffer) -> str:
    if data[:4] == b"\x89PNG" and len(data) > 24:
        return f"a PNG of {data[24]} bits a channel"
    return next((kind for magic, kind in _KINDS.items() if data.startswith(magic)), "no picture that is known")
