# SPDX-License-Identifier: MIT-0
"""Sound JPEGs of real size in many forms, and damage to their compressed pixels."""

import random
from collections.abc import Callable

import cv2
import numpy as np
import simplejpeg

from pipeline_src.dataset import jpeg_markers

SIZE = (450, 600)  # height and width of HAM10000's images


def photograph(seed: int) -> np.ndarray:
    """Return BGR pixels (450, 600, 3): a smooth scene, with texture and a dark spot, as a photograph compresses."""
    chance = np.random.default_rng(seed)
    height, width = SIZE
    scene = cv2.resize(
        chance.integers(90, 230, (5, 7, 3), dtype=np.uint8), (width, height), interpolation=cv2.INTER_CUBIC
    )
    texture = cv2.GaussianBlur(chance.normal(0, 12, (height, width)).astype(np.float32), (0, 0), 1.2)
    y, x = np.mgrid[:height, :width]
    spot = 90 / (1 + np.exp((np.hypot(y - 225, x - 300) - chance.integers(60, 150)) / 6))
    return np.asarray(np.clip(scene + texture[..., None] * 2 - spot[..., None], 0, 255), np.uint8)


def plain(pixels: np.ndarray, subsampling: str = "420") -> bytes:
    """Return a baseline JPEG of quality 90."""
    return bytes(simplejpeg.encode_jpeg(pixels, quality=90, colorspace="BGR", colorsubsampling=subsampling))


def _written(pixels: np.ndarray, *options: int) -> bytes:
    return bytes(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 90, *options])[1])


def with_segment(data: bytes, marker: int, content: bytes) -> bytes:
    """Return the JPEG `data` with one more segment at its beginning."""
    return data[:2] + bytes((0xFF, marker)) + (len(content) + 2).to_bytes(2, "big") + content + data[2:]


def exif_block(orientation: int, order: str = "II") -> bytes:
    """Return the content of an EXIF segment that states an orientation."""
    little = order == "II"

    def number(value: int, size: int) -> bytes:
        return value.to_bytes(size, "little" if little else "big")

    entry = number(0x0112, 2) + number(3, 2) + number(1, 4) + number(orientation, 2) + bytes(2)
    return b"Exif\0\0" + order.encode() + number(42, 2) + number(8, 4) + number(1, 2) + entry + bytes(4)


# Forms of sound JPEGs; each has the pixels that any decoder gives, and none may be refused.
SOUND: dict[str, Callable[[np.ndarray], bytes]] = {
    "baseline 4:2:0": plain,
    "baseline 4:2:2": lambda pixels: plain(pixels, "422"),
    "baseline 4:4:4": lambda pixels: plain(pixels, "444"),
    "baseline 4:4:0": lambda pixels: plain(pixels, "440"),
    "baseline 4:1:1": lambda pixels: plain(pixels, "411"),
    "progressive": lambda pixels: _written(pixels, cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    "optimised": lambda pixels: _written(pixels, cv2.IMWRITE_JPEG_OPTIMIZE, 1),
    "restart markers": lambda pixels: _written(pixels, cv2.IMWRITE_JPEG_RST_INTERVAL, 8),
    "ICC profile": lambda pixels: with_segment(plain(pixels), 0xE2, b"ICC_PROFILE\0\1\1" + bytes(3000)),
    "EXIF": lambda pixels: with_segment(plain(pixels), 0xE1, exif_block(6)),
    "two pictures in one file": lambda pixels: plain(pixels) + plain(pixels[::4, ::4].copy()),
    "bytes behind its end": lambda pixels: plain(pixels) + b"made by a camera\0" * 9,
    "fill bytes before a marker": lambda pixels: plain(pixels).replace(b"\xff\xdb", b"\xff\xff\xff\xdb", 1),
}


def stray_in_header(data: bytes, stray: bytes = b"\0\7stray") -> bytes:
    """Return `data` with bytes before a header segment that belong to none."""
    at = data.index(b"\xff\xdb")
    return data[:at] + stray + data[at:]


def stray_at_end(data: bytes, stray: bytes) -> bytes:
    """Return `data` with bytes between the last pixel and the end of the image."""
    at = data.rindex(b"\xff\xd9")
    return data[:at] + stray + data[at:]


def _scan(data: bytes) -> tuple[int, int]:
    """Return where the bits of the first scan begin and end."""
    behind = next(each for each in jpeg_markers.jpeg_segments(data) if each.behind_scan)
    return behind.after, behind.offset


def _overwritten(data: bytes, at: int, new: bytes) -> bytes:
    return data[:at] + new + data[at + len(new) :]


def _flipped(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(*_scan(data))
    return _overwritten(data, at, bytes((data[at] ^ 1 << chance.randrange(8),)))


def _zeroed(data: bytes, chance: random.Random, size: int) -> bytes:
    start, end = _scan(data)
    return _overwritten(data, chance.randrange(start, end - size), bytes(size))


def _shortened(data: bytes, chance: random.Random, size: int) -> bytes:
    start, end = _scan(data)
    at = chance.randrange(start, end - size)
    return data[:at] + data[at + size :]


DAMAGE: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "a bit flipped": _flipped,
    "64 bytes zeroed": lambda data, chance: _zeroed(data, chance, 64),
    "512 bytes zeroed": lambda data, chance: _zeroed(data, chance, 512),
    "a byte lost": lambda data, chance: _shortened(data, chance, 1),
    "512 bytes lost": lambda data, chance: _shortened(data, chance, 512),
}


def wrong_share(pixels: np.ndarray, right: np.ndarray) -> float:
    """Return the share of the pixels of which a channel is more than 8 grey levels wrong."""
    return float((np.abs(pixels.astype(int) - right).max(axis=2) > 8).mean())
