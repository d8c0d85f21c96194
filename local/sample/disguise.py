# SPDX-License-Identifier: MIT-0
"""What happens to a picture on its way into a collection that holds it already: it is saved anew, turned or cropped."""

import io
from collections.abc import Callable
from typing import Final

from PIL import Image

_CROP: Final = 0.02  # of each side


def _cropped(image: Image.Image) -> Image.Image:
    return image.crop((round(image.width * _CROP), round(image.height * _CROP), image.width, image.height))


EDITS: Final[tuple[Callable[[Image.Image], Image.Image], ...]] = (
    lambda image: image,  # saved anew, no more
    lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    lambda image: image.transpose(Image.Transpose.ROTATE_90),
    _cropped,
)


def disguised(picture: bytes, edit: int) -> bytes:
    """Return the JPEG `picture` after edit number `edit`, counted round `EDITS`, saved anew with its notices."""
    image = Image.open(io.BytesIO(picture))
    file = io.BytesIO()
    notices = {"exif": image.getexif(), "comment": image.info["comment"]}
    EDITS[edit % len(EDITS)](image).save(file, "JPEG", quality=85, **notices)
    return file.getvalue()
