# SPDX-License-Identifier: MIT-0
"""From an encoded picture to what the network takes, as its training records were made.

Training records are whole frames stretched to a square, so serving stretches whole frames too; it decodes a JPEG at
the smallest eighth of its size that is not below the square and scales the rest linearly, like the Preprocess step.
The channels are red, green, blue, as MXNet's record reader hands them to training.
"""

import struct
from http import HTTPStatus
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg

from local.algorithm.error import RequestError

AREA_LIMIT: Final = 64_000_000  # pixels: more would be a decode bomb; the declared size is checked before decoding
_JPEG: Final = b"\xff\xd8"
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_PNG_SIZE: Final = struct.Struct(">II")

cv2.setNumThreads(1)  # the server decodes several pictures at once already


def tensor(data: bytes, image_shape: tuple[int, int, int]) -> npt.NDArray[np.float32]:
    """Return the picture as the network takes it.

    Args:
        data: A JPEG or PNG file.
        image_shape: Channels, height and width to make of it.

    Returns:
        Pixels from 0 to 255 in red, green, blue order with the shape (1, 3, height, width).

    Raises:
        RequestError: It is empty, neither JPEG nor PNG, too large or cannot be decoded.
    """
    _, height, width = image_shape
    if not data:
        raise _bad("the body is empty. Send the bytes of a JPEG or PNG file.")
    if data.startswith(_JPEG):
        pixels, scaling = _jpeg(data, height, width), cv2.INTER_LINEAR
    elif data.startswith(_PNG):
        pixels, scaling = _png(data), cv2.INTER_AREA
    else:
        raise _bad("the body is neither a JPEG nor a PNG. Send the bytes of such a file.")
    square = cv2.resize(pixels, (width, height), interpolation=scaling)
    return np.ascontiguousarray(square.transpose(2, 0, 1)[None], dtype=np.float32)


def _jpeg(data: bytes, height: int, width: int) -> npt.NDArray[np.uint8]:
    try:
        rows, columns, _, _ = simplejpeg.decode_jpeg_header(data, strict=False)
        _check_area(rows, columns)
        try:
            return _decoded(data, height, width, strict=True)
        except ValueError as error:
            if "extraneous bytes" not in str(error) or not data.endswith(b"\xff\xd9"):
                raise
            return _decoded(data, height, width, strict=False)  # harmless, and common among old cameras
    except (ValueError, KeyError) as error:  # simplejpeg looks up a sampling that a damaged header does not have
        cause = str(error).strip() if isinstance(error, ValueError) else "its header is damaged"
        raise _bad(f"the JPEG cannot be decoded ({cause}). Send an undamaged one.") from error


def _decoded(data: bytes, height: int, width: int, *, strict: bool) -> npt.NDArray[np.uint8]:
    pixels: npt.NDArray[np.uint8] = simplejpeg.decode_jpeg(
        data, "RGB", min_height=height, min_width=width, strict=strict
    )
    return pixels


def _png(data: bytes) -> Any:  # noqa: ANN401  OpenCV's own array type
    if len(data) < 24:
        raise _bad("the PNG cannot be decoded (it ends within its header). Send an undamaged one.")
    _check_area(*_PNG_SIZE.unpack_from(data, 16))
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        pixels = None
    if pixels is None:
        raise _bad("the PNG cannot be decoded. Send an undamaged one.")
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)


def _check_area(rows: int, columns: int) -> None:
    if not 0 < rows * columns <= AREA_LIMIT:
        raise _bad(f"the picture declares {columns}x{rows} pixels; at most {AREA_LIMIT} are taken. Send a smaller one.")


def _bad(message: str) -> RequestError:
    return RequestError(HTTPStatus.BAD_REQUEST, message)
