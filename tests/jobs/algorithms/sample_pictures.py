# SPDX-License-Identifier: MIT-0
"""Pictures in both formats, with and without an EXIF orientation."""

import struct
import zlib
from typing import Any

import cv2
import numpy as np

from pipeline_src.dataset import image_codec

Pixels = np.ndarray[Any, Any]


def colored(number: int, height: int = 45, width: int = 60) -> Pixels:
    """Return a smooth picture, BGR, whose channels differ everywhere; `number` chooses its colors."""
    rows, columns = np.mgrid[0:height, 0:width]
    blue = (40 + 31 * number + 150 * rows / height) % 256
    green = 60 + 60 * np.sin(columns / width * 6 + number)
    red = 220 - 180 * columns / width
    return np.dstack([blue, green, red]).astype(np.uint8)


def jpeg(pixels: Pixels) -> bytes:
    return image_codec.encode_jpeg(pixels)


def png(pixels: Pixels) -> bytes:
    return cv2.imencode(".png", pixels)[1].tobytes()


def turned(data: bytes) -> bytes:
    """Return the JPEG or PNG `data` with an EXIF tag that asks for a quarter turn."""
    tiff = b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, 6, 0, 0)
    if data.startswith(b"\xff\xd8"):
        segment, at = b"Exif\0\0" + tiff, 2
        tag = b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment
    else:
        chunk, at = b"eXIf" + tiff, 33
        tag = struct.pack(">I", len(tiff)) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return data[:at] + tag + data[at:]
