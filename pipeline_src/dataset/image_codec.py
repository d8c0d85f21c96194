# SPDX-License-Identifier: MIT-0
"""Checks images before decoding them, and resizes them to the square that the algorithm expects.

JPEG and PNG are read; the first bytes decide, not the file name. Pixels are BGR in memory from decoder to encoder, as
OpenCV and MXNet hold them. An EXIF orientation is ignored in both formats.

Preprocess, the export, training and the model server decode with the functions below, so an image that one of them
accepts is accepted by all, with the same pixels. What is accepted but may be wrong gets a remark.
"""

import re
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from pipeline_src.dataset import damage_signs, jpeg_markers, perceptual_hash
from pipeline_src.runtime.errors import BadInputError

SIDE_LIMIT: Final = 16384  # pixels
AREA_LIMIT: Final = 64_000_000  # pixels
JPEG_QUALITY: Final = 95  # of 100: what im2rec uses
_JPEG: Final = jpeg_markers.START_OF_IMAGE
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_SUFFIXES: Final = {_JPEG: ".jpg", _PNG: ".png"}
_OTHER_FORMATS: Final = {
    b"GIF8": "a GIF",
    b"II*\x00": "a TIFF",
    b"MM\x00*": "a TIFF",
    b"BM": "a BMP",
    b"RIFF": "a WebP",
    b"\x00\x00\x00\x0cjP  ": "a JPEG 2000",
    b"\xff\x4f\xff\x51": "a JPEG 2000",
    b"version https://git-lfs": "a pointer of Git LFS (fetch the files with git lfs pull)",
    b"%PDF": "a PDF",
    b"PK\x03\x04": "a ZIP file",
}
_BRANDS: Final = {b"avif": "an AVIF", b"avis": "an AVIF", b"heic": "a HEIC", b"heix": "a HEIC", b"mif1": "a HEIC"}
_PAGE: Final = re.compile(rb"\s*<(!doctype|html|\?xml|head|body|svg)", re.IGNORECASE)
_REPAIR_LIMIT: Final = 32  # places with stray bytes in one image: a progressive JPEG has ten scans
_JPEG_CHANNELS: Final = {1: "grayscale", 4: "CMYK"}
_PNG_HEADER: Final = struct.Struct(">8s4x4sIIBB")  # signature, chunk type, width, height, bits, color type
_PNG_RGB: Final = 2
_PNG_COLOR_TYPES: Final = {
    0: "grayscale",
    _PNG_RGB: "RGB",
    3: "palette",
    4: "grayscale with alpha",
    6: "RGB with alpha",
}
_REPLACE: Final = "Replace the image by the original."
_SAVE_AGAIN: Final = "Save the image again as an ordinary JPEG."

cv2.setNumThreads(1)  # one worker a core already; threads of OpenCV's own would only get in their way

Buffer = bytes | bytearray
Pixels = NDArray[np.uint8]


# Remarks on images that are accepted although something about them may be wrong; the dataset card names them.
STRAY_BYTES: Final = "stray_bytes"
SHIFTED_ROWS: Final = "shifted_rows"
HOLE: Final = "run_of_zero_bytes"
ROTATED: Final = "orientation"
SMALL: Final = "smaller_than_records"
ELONGATED: Final = "elongated"
FLAT: Final = "flat"
BLACK: Final = "black"

_HALF: Final = 4  # eighths of the size from which on steps are told from an image's own edges
_LONGEST: Final = 4  # longer side by shorter side
_FLAT_RANGE: Final = 8  # grey levels between the darkest and the brightest pixel of the view
_BLACKEST: Final = 16  # grey level of the brightest pixel of the view

# What the warnings say about a kind, behind the number of images.
REMARK_TEXTS: Final = {
    STRAY_BYTES: "images have stray bytes among their compressed pixels, which damage can leave; they were decoded"
    " without these bytes. Look at them.",
    SHIFTED_ROWS: "images change color along a whole row of compressed blocks, as they do below a damaged place. Sound"
    " images with an edge there are named too. Look at them.",
    HOLE: "images have a run of zero bytes among their compressed pixels, as a hole in a file leaves it. Look at them.",
    ROTATED: "images have an EXIF orientation, which is ignored everywhere: their pixels are used as stored.",
    SMALL: "images have a side below the image size and were enlarged.",
    ELONGATED: "images are more elongated than 4:1 and were stretched to a square.",
    FLAT: "images are almost of one grey level.",
    BLACK: "images are almost black.",
}


@dataclass
class ImageRemarks:
    """Remarks on one image, of which one is found out later.

    Attributes:
        names: the remarks that are known, keys of `REMARK_TEXTS`.
        shifted: says whether `SHIFTED_ROWS` is one too; None if that is not asked. Asking for several images in a row
            takes a third of the time, because the code for it stays in the processor's caches.
        held: bytes that `shifted` needs.
    """

    names: list[str] = field(default_factory=list)
    shifted: Callable[[], bool] | None = None
    held: int = 0

    def all(self) -> list[str]:
        """Return all remarks."""
        return [*self.names, *([SHIFTED_ROWS] if self.shifted and self.shifted() else [])]


def shape_remarks(height: int, width: int, side: int) -> list[str]:
    """Return the remarks on the size of an image of `height` by `width` pixels that is resized to `side` pixels."""
    shorter, longer = sorted((height, width))
    return [*([SMALL] if shorter < side else []), *([ELONGATED] if longer > _LONGEST * shorter else [])]


def view_remarks(darkest: int, brightest: int) -> list[str]:
    """Return the remark on an image whose small grey view has pixels from `darkest` to `brightest`."""
    if brightest < _BLACKEST:
        return [BLACK]
    return [FLAT] if brightest - darkest < _FLAT_RANGE else []


_NAMED: Final = 5  # ids in a warning


def remark_warnings(remarked: Mapping[str, Sequence[str]]) -> list[str]:
    """Return a warning for each kind of remark; `remarked` has the image ids by remark."""
    lines = []
    for remark, text in REMARK_TEXTS.items():
        if image_ids := sorted(remarked.get(remark, ())):
            more = f" and {len(image_ids) - _NAMED} more" if len(image_ids) > _NAMED else ""
            lines.append(f"{len(image_ids)} {text} ({', '.join(image_ids[:_NAMED])}{more})")
    return lines


class ImageHeader(NamedTuple):
    """Header of an image.

    Attributes:
        bits: bits per channel.
        height: pixels.
        width: pixels.
        channels: number of channels.
        orientation: EXIF orientation.
        unit: height of a coding unit of a JPEG in pixels, 0 for a PNG.
    """

    bits: int
    height: int
    width: int
    channels: int
    orientation: int = jpeg_markers.UPRIGHT
    unit: int = 0


def check_image(data: Buffer, place: str) -> ImageHeader:
    """Refuse anything but an 8-bit three-channel JPEG or PNG of acceptable size, without decoding it.

    Raises:
        BadInputError: naming what it is instead.
    """
    if not data:
        raise BadInputError(f"{place}: zero bytes. {_REPLACE}")
    header = _read_png_header(data, place) if _is_png(data) else _read_jpeg_header(data, place)
    if header.bits != 8:
        raise BadInputError(f"{place}: {header.bits} bits a channel: must be 8. {_REPLACE}")
    if header.channels != 3:
        kind = _JPEG_CHANNELS.get(header.channels, f"{header.channels} channels")
        raise BadInputError(f"{place}: {kind}: must be a color image of three channels. {_REPLACE}")
    if not (0 < header.height <= SIDE_LIMIT and 0 < header.width <= SIDE_LIMIT) or (
        header.height * header.width > AREA_LIMIT
    ):
        raise BadInputError(
            f"{place}: {header.width}x{header.height} pixels: must be from 1 to {SIDE_LIMIT} a side and"
            f" {AREA_LIMIT} in all. {_REPLACE}"
        )
    return header


def verify_image(data: Buffer, place: str, remarks: ImageRemarks | None = None, side: int = 0) -> Pixels:
    """Decode the image `data` completely, to prove that it can be decoded.

    Args:
        data: the image file.
        place: its place, for messages.
        remarks: receives the remarks on the image.
        side: pixels a side to which it is resized later, for the remark on small images.

    Returns:
        It at the smallest eighth of its size that a view can be made of, BGR (height, width, 3).

    Raises:
        BadInputError: it cannot be decoded.
    """
    header = check_image(data, place)
    _remark_file(data, header, remarks, side)
    pixels = _decode(data, place, perceptual_hash.VIEW_SIDE, remarks)
    _remark_shift(data, header, pixels, remarks)
    return pixels


def decode_square(data: Buffer, place: str, side: int, remarks: ImageRemarks | None = None) -> Pixels:
    """Return the image `data` stretched to `side` pixels a side, BGR (`side`, `side`, 3).

    It is decoded at the smallest eighth of its size that is not below `side`. Of a JPEG that costs least and smooths;
    a PNG is decoded in full and reduced to the same size, so that both formats give nearly the same pixels.

    Args:
        data: the image file.
        place: its place, for messages.
        side: pixels.
        remarks: receives the remarks on the image.

    Raises:
        BadInputError: it cannot be decoded.
    """
    header = check_image(data, place)
    _remark_file(data, header, remarks, side)
    pixels = _decode(data, place, side, remarks)
    _remark_shift(data, header, pixels, remarks)
    return np.asarray(cv2.resize(pixels, (side, side), interpolation=cv2.INTER_LINEAR), np.uint8)


def _remark_file(data: Buffer, header: ImageHeader, remarks: ImageRemarks | None, side: int) -> None:
    """Add the remarks on an image's orientation, its size and a hole in its file."""
    if remarks is None:
        return
    if header.orientation != jpeg_markers.UPRIGHT:
        remarks.names.append(ROTATED)
    remarks.names += shape_remarks(header.height, header.width, side)
    if header.unit and damage_signs.has_hole(data):
        remarks.names.append(HOLE)


def _remark_shift(data: Buffer, header: ImageHeader, pixels: Pixels, remarks: ImageRemarks | None) -> None:
    """Add the question whether the rows of a JPEG are shifted; `pixels` is it decoded.

    If less than half of the size is decoded, steps in it are judged in a second decoding at half of the size.
    """
    if remarks is None or not header.unit or {STRAY_BYTES, HOLE} & set(remarks.names):
        return
    eighths = 8 * len(pixels) // header.height
    unit = header.unit * eighths // 8
    remarks.held = pixels.nbytes
    if eighths < _HALF:
        remarks.held += len(data)
        remarks.shifted = lambda: damage_signs.has_steps(pixels, unit) and _is_shifted_at_half(data, header)
    else:
        remarks.shifted = lambda: damage_signs.has_shifted_rows(pixels, unit)


def _is_shifted_at_half(data: Buffer, header: ImageHeader) -> bool:
    """Return whether the rows of a JPEG are shifted, of which at most three eighths of the size have been decoded."""
    pixels = _decode(data, "", -(-min(header.height, header.width) * _HALF // 8), None)
    return damage_signs.has_shifted_rows(pixels, header.unit * _HALF // 8)


def encode_jpeg(pixels: Pixels) -> bytes:
    """Return BGR `pixels` as a JPEG."""
    return bytes(simplejpeg.encode_jpeg(pixels, quality=JPEG_QUALITY, colorspace="BGR", colorsubsampling="420"))


def file_suffix(data: Buffer) -> str:
    """Return the suffix of an archive's file that holds the JPEG or PNG `data`."""
    return next(suffix for signature, suffix in _SUFFIXES.items() if data.startswith(signature))


def _is_png(data: Buffer) -> bool:
    return data.startswith(_PNG)


def _decode(data: Buffer, place: str, side: int, remarks: ImageRemarks | None) -> Pixels:
    if _is_png(data):
        return _decode_png(data, place, side)
    return _decode_jpeg(data, place, side, [] if remarks is None else remarks.names)


def _decode_png(data: Buffer, place: str, side: int) -> Pixels:
    """Return the pixels, BGR, at the smallest eighth of the size that is at least `side` a side, or in full size."""
    try:
        flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        pixels = None
    if pixels is None:
        cause = "damaged" if b"IEND" in data[-12:] else "truncated"
        raise BadInputError(f"{place}: {cause}: the PNG cannot be decoded. {_REPLACE}")
    height, width = pixels.shape[:2]
    for eighths in range(1, 8):
        reduced = (-(-width * eighths // 8), -(-height * eighths // 8))  # rounded up, as libjpeg does
        if min(reduced) >= side:
            return np.asarray(cv2.resize(pixels, reduced, interpolation=cv2.INTER_AREA), np.uint8)
    return np.asarray(pixels, np.uint8)


def _decode_jpeg(data: Buffer, place: str, side: int, remarks: list[str]) -> Pixels:
    """Return the pixels, BGR, at the smallest eighth of the size that is at least `side` a side, or in full size.

    A warning of the decoder counts as an error. Only a few stray bytes are removed, and what is left must be decoded
    without a warning.
    """

    def decode(content: Buffer) -> Pixels:
        pixels: Pixels = simplejpeg.decode_jpeg(content, "BGR", min_height=side, min_width=side, strict=True)
        return pixels

    try:
        return decode(data)
    except ValueError as error:
        first = error
    pixels = _decode_without_strays(data, str(first), decode)
    if pixels is None:
        raise _undecodable_jpeg(data, place, str(first).strip().rstrip(".")) from first
    remarks.append(STRAY_BYTES)
    return pixels


def _decode_without_strays(data: Buffer, warning: str, decode: Callable[[Buffer], Pixels]) -> Pixels | None:
    """Return the pixels of `data` without the stray bytes of which the decoder warns, or None if they are too many."""
    waiting: list[tuple[Buffer, str]] = [(data, warning)]
    for content, told in waiting:  # grows in the loop: behind one scan's stray bytes there may be another's
        cleaned = jpeg_markers.without_header_strays(content)
        for repaired in [cleaned] if cleaned else jpeg_markers.without_scan_strays(content, told):
            try:
                return decode(repaired)
            except ValueError as error:
                if str(error) != told and len(waiting) < _REPAIR_LIMIT:
                    waiting.append((repaired, str(error)))
    return None


def _undecodable_jpeg(data: Buffer, place: str, message: str) -> BadInputError:
    """Return the error for a JPEG of which the decoder says `message`."""
    frame = jpeg_markers.read_frame(data)[0]
    if "remature end" in message:
        return BadInputError(f"{place}: truncated. {_REPLACE}")
    if message.startswith("Corrupt"):
        return BadInputError(f"{place}: damaged: {message}. {_REPLACE}")
    if "subsampling" in message and frame is not None:
        sampling = ", ".join(frame.sampling)
        return BadInputError(f"{place}: a JPEG with the sampling factors {sampling}: not supported. {_SAVE_AGAIN}")
    if frame is not None and frame.process not in jpeg_markers.DCT_PROCESSES:
        return BadInputError(f"{place}: a lossless or hierarchical JPEG: not supported. {_SAVE_AGAIN}")
    return BadInputError(f"{place}: the JPEG cannot be decoded: {message}. {_REPLACE}")


def _read_jpeg_header(data: Buffer, place: str) -> ImageHeader:
    """Return the frame header of a JPEG."""
    if not data.startswith(_JPEG):
        raise BadInputError(f"{place}: neither JPEG nor PNG but {_other_format(data)}. {_REPLACE}")
    frame, orientation = jpeg_markers.read_frame(data)
    if frame is None:
        raise BadInputError(f"{place}: truncated before its first pixel. {_REPLACE}")
    return ImageHeader(frame.bits, frame.height, frame.width, len(frame.sampling), orientation, frame.unit)


def _other_format(data: Buffer) -> str:
    """Return the name of the format of `data`, which is neither JPEG nor PNG."""
    if data[4:8] == b"ftyp":  # ISO base media file format
        return _BRANDS.get(bytes(data[8:12]), "a film or an image in a film's container")
    if _PAGE.match(data):
        return "a web page"
    return next((kind for magic, kind in _OTHER_FORMATS.items() if data.startswith(magic)), "an unknown format")


def _read_png_header(data: Buffer, place: str) -> ImageHeader:
    """Return the header of a PNG. Source: W3C, Portable Network Graphics, section 11.2.1.

    Every other color type and depth is refused rather than converted: how alpha is blended and 16 bits are reduced
    differs between decoders, so training and the endpoint could see different pixels.
    """
    if len(data) < _PNG_HEADER.size or data[12:16] != b"IHDR":
        raise BadInputError(f"{place}: truncated before its first pixel. {_REPLACE}")
    _, _, width, height, bits, color_type = _PNG_HEADER.unpack_from(data)
    if (bits, color_type) != (8, _PNG_RGB):
        kind = _PNG_COLOR_TYPES.get(color_type, f"color type {color_type}")
        raise BadInputError(
            f"{place}: a PNG of {bits} bits a channel, {kind}: must be 8-bit RGB without alpha. Convert the image."
        )
    return ImageHeader(bits, height, width, 3, _png_orientation(data))


def _png_orientation(data: Buffer) -> int:
    """Return the orientation in the chunk eXIf before the pixels. Source: W3C, PNG (Third Edition), 11.3.4.2."""
    at = 8
    while at + 8 <= len(data) and data[at + 4 : at + 8] != b"IDAT":
        length = int.from_bytes(data[at : at + 4], "big")
        if data[at + 4 : at + 8] == b"eXIf":
            return jpeg_markers.read_orientation(data[at + 8 : at + 8 + length])
        at += 12 + length
    return jpeg_markers.UPRIGHT
