# SPDX-License-Identifier: MIT-0
"""What may change between the pictures that a model was tested on and those that production sends.

Each shift works on the bytes of a picture (JPEG in, JPEG out) and is the same for the same bytes. `MIX` alone leaves
pictures as they are and changes which are sent.
"""

import io
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

NONE: Final = "none"
MIX: Final = "mix"
_QUALITY: Final = 98  # of the synthetic pictures; a camera's own is about that
_CAST: Final = (1.12, 1.0, 0.82)  # red, green, blue: a warm lamp
_BLUR: Final = 3.0  # pixels: out of focus
_DARK: Final = 0.55  # of the light
_OTHER_SIZE: Final = (1024, 768)  # pixels: another dataset's, as ISIC's other archives hold
_OTHER_QUALITY: Final = 75

Shift = Callable[[Image.Image, float], Image.Image]


def shifted(picture: bytes, shift: str, strength: float = 1.0) -> bytes:
    """Return the JPEG `picture` as it looks after `shift`; what is written in it beside the pixels stays.

    Args:
        picture: JPEG bytes.
        shift: one of `SHIFTS`.
        strength: how much of it: 0 is none, 1 all.
    """
    change = _CHANGES.get(shift)
    if change is None or strength == 0:
        return picture
    with Image.open(io.BytesIO(picture)) as opened:
        changed = change(opened.convert("RGB"), strength)
        kept = {name: opened.info[name] for name in ("exif", "comment") if name in opened.info}
    file = io.BytesIO()
    changed.save(file, "JPEG", quality=_OTHER_QUALITY if shift == _OTHER else _QUALITY, **kept)
    return file.getvalue()


def _colour(image: Image.Image, strength: float) -> Image.Image:
    return _scaled(image, tuple(1 + (factor - 1) * strength for factor in _CAST))


def _dark(image: Image.Image, strength: float) -> Image.Image:
    return _scaled(image, (1 + (_DARK - 1) * strength,) * 3)


def _scaled(image: Image.Image, factors: tuple[float, ...]) -> Image.Image:
    pixels = np.asarray(image, np.float32) * np.array(factors, np.float32)
    return Image.fromarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8))


def _blur(image: Image.Image, strength: float) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(_BLUR * strength))


def _other(image: Image.Image, strength: float) -> Image.Image:
    """Return the picture as another device takes it: more pixels, and a round black frame as wide as `strength`."""
    width, height = _OTHER_SIZE
    seen = Image.new("L", _OTHER_SIZE)
    reach = (np.hypot(width, height) * (1 - strength) + 0.98 * height * strength) / 2
    ends = (width / 2 - reach, height / 2 - reach, width / 2 + reach, height / 2 + reach)
    ImageDraw.Draw(seen).ellipse(ends, fill=255)
    larger = image.resize(_OTHER_SIZE, Image.Resampling.BICUBIC)
    return Image.composite(larger, Image.new("RGB", _OTHER_SIZE), seen)


_OTHER: Final = "other"
_CHANGES: Final[Mapping[str, Shift]] = {"colour": _colour, "blur": _blur, "dark": _dark, _OTHER: _other}
SHIFTS: Final = {
    NONE: "pictures as the model was tested on",
    "colour": "a warm cast",
    "blur": "out of focus",
    "dark": "about half of the light",
    MIX: "every class as often as every other",
    _OTHER: "another device: more pixels, stronger compression, a round black frame",
}
