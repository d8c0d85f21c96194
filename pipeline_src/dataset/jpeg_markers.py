# SPDX-License-Identifier: MIT-0
"""Reads the marker segments of a JPEG, and removes bytes that stand between them and belong to none.

A decoder skips such stray bytes with a warning. In a header they are harmless. Before the marker behind a scan they are
the end of the scan's own bits if the scan is damaged: a decoder that lost its place needs fewer bits than there are.
Harmless ones are one or two, or padding of one value, so number and value decide; the dataset card names what is
accepted.
Source: ITU-T T.81, annex B; for the orientation, EXIF 2.32 (CIPA DC-008), section 4.6.
"""

import re
import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

Buffer = bytes | bytearray

START_OF_IMAGE: Final = b"\xff\xd8"
STRAY_LIMIT: Final = 2  # bytes of any value behind a scan; damage of photographs rarely leaves so few
PADDING_LIMIT: Final = 16  # bytes of one value behind a scan, which no damaged scan ends with
UPRIGHT: Final = 1  # EXIF orientation of pixels that are stored as they are shown
_FRAME_MARKERS: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # markers that begin a frame header
DCT_PROCESSES: Final = frozenset((0xC0, 0xC1, 0xC2, 0xC9, 0xCA))  # baseline, extended, progressive; Huffman, arithmetic
_BARE_MARKERS: Final = frozenset(range(0xD0, 0xD9)) | {0x01}  # markers without a length
START_OF_SCAN: Final = 0xDA
_END_OF_IMAGE: Final = 0xD9
_EXIF_SEGMENT: Final = 0xE1
_MARKER: Final = re.compile(rb"\xff[^\x00\xff]")
_MARKER_BEHIND_SCAN: Final = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")  # restart markers are inside of a scan
_STRAY_WARNING: Final = re.compile(r"(\d+) extraneous bytes before marker 0x([0-9a-f]{2})")
_ORIENTATION_TAG: Final = 0x0112


class JpegSegment(NamedTuple):
    """One segment: its marker, the offset of the marker, and where its content begins and ends; offsets in bytes.

    Attributes:
        marker: second byte of the marker.
        offset: offset of the marker.
        start: offset of the content.
        end: offset behind the content.
        after: offset behind the segment before. Stray bytes are between it and `offset`.
        behind_scan: True if a scan is before it, whose bits are then between `after` and `offset`.
    """

    marker: int
    offset: int
    start: int
    end: int
    after: int
    behind_scan: bool


class JpegFrame(NamedTuple):
    """The frame header: marker of the coding process, bits, height, width, and sampling factors by component."""

    process: int
    bits: int
    height: int
    width: int
    sampling: tuple[str, ...]

    @property
    def unit(self) -> int:
        """Height of a coding unit in pixels: of a row of blocks of the component that is sampled least."""
        return 8 * max([1, *(int(each.partition("x")[2]) for each in self.sampling)])


def jpeg_segments(data: Buffer) -> Iterator[JpegSegment]:
    """Yield the segments of the JPEG `data` behind its first marker, up to the end of the image or of the bytes."""
    at, behind_scan = len(START_OF_IMAGE), False
    while found := (_MARKER_BEHIND_SCAN if behind_scan else _MARKER).search(data, at):
        offset, marker = found.start(), data[found.start() + 1]
        bare = marker in _BARE_MARKERS or marker == _END_OF_IMAGE
        start = offset + (2 if bare else 4)
        end = start if bare else start + max(0, int.from_bytes(data[offset + 2 : offset + 4], "big") - 2)
        yield JpegSegment(marker, offset, start, end, at, behind_scan)
        if marker == _END_OF_IMAGE:
            return
        at, behind_scan = end, marker == START_OF_SCAN


def read_frame(data: Buffer) -> tuple[JpegFrame | None, int]:
    """Return the frame header of the JPEG `data`, or None if it ends before, and its EXIF orientation, from 1 to 8."""
    orientation = UPRIGHT
    for segment in jpeg_segments(data):
        if segment.marker == _EXIF_SEGMENT and data[segment.start : segment.start + 6] == b"Exif\0\0":
            orientation = read_orientation(data[segment.start + 6 : segment.end])
        if segment.marker in _FRAME_MARKERS:
            content = bytes(data[segment.start : segment.end])
            if len(content) < 6:
                return None, orientation
            bits, height, width, count = struct.unpack_from(">BHHB", content)
            factors = content[7 : 6 + 3 * count : 3].ljust(count, b"\0")
            return JpegFrame(
                segment.marker, bits, height, width, tuple(f"{each >> 4}x{each & 15}" for each in factors)
            ), orientation
        if segment.marker == START_OF_SCAN:
            break
    return None, orientation


def read_orientation(exif: Buffer) -> int:
    """Return the orientation in the EXIF block `exif`, from 1 to 8; 1 (`UPRIGHT`) if it has none or cannot be read."""
    order = {b"II": "<", b"MM": ">"}.get(bytes(exif[:2]))
    if order is None or len(exif) < 8:
        return UPRIGHT
    (at,) = struct.unpack_from(f"{order}4xI", exif)
    if at + 2 > len(exif):
        return UPRIGHT
    (entries,) = struct.unpack_from(f"{order}H", exif, at)
    for place in range(at + 2, min(at + 2 + 12 * entries, len(exif) - 11), 12):
        tag, value = struct.unpack_from(f"{order}H6xH", exif, place)
        if tag == _ORIENTATION_TAG:
            return value if UPRIGHT < value <= 8 else UPRIGHT
    return UPRIGHT


def without_header_strays(data: Buffer) -> bytes | None:
    """Return the JPEG `data` without stray bytes in front of a header segment, or None if it has none.

    Bytes of value 0xFF are not stray: a marker may begin with any number of them.
    """
    kept, at = [], 0
    for segment in jpeg_segments(data):
        if not segment.behind_scan and bytes(data[segment.after : segment.offset]).strip(b"\xff"):
            kept.append(bytes(data[at : segment.after]))
            at = segment.offset
    return b"".join([*kept, bytes(data[at:])]) if kept else None


def without_scan_strays(data: Buffer, warning: str) -> Iterator[bytes]:
    """Yield the JPEG `data` without the stray bytes that a decoder's `warning` counts, once for each possible place.

    Nothing is yielded if the warning is another one, if they are more than `STRAY_LIMIT` (more than `PADDING_LIMIT` if
    all have one value), or if they are before a restart marker, where no encoder leaves any.
    """
    told = _STRAY_WARNING.search(warning)
    if told is None or int(told[1]) > PADDING_LIMIT:
        return
    count, marker = int(told[1]), int(told[2], 16)
    for segment in jpeg_segments(data):
        if segment.behind_scan and segment.marker == marker:
            stray = bytes(data[segment.offset - count : segment.offset])
            if count <= STRAY_LIMIT or len(set(stray)) == 1:
                yield bytes(data[: segment.offset - count]) + bytes(data[segment.offset :])
