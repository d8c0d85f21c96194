# SPDX-License-Identifier: MIT-0
"""Remarks on images that are accepted although something about them may be wrong; the dataset card names them.

A remark is a word for its kind. The card has for each kind the number of images and the ids of the first ones.
"""

from collections.abc import Mapping, Sequence
from typing import Final

STRAY_BYTES: Final = "stray_bytes"
ROTATED: Final = "orientation"
SMALL: Final = "smaller_than_records"
ELONGATED: Final = "elongated"
FLAT: Final = "flat"
BLACK: Final = "black"

_LONGEST: Final = 4  # longer side by shorter side
_FLAT_RANGE: Final = 8  # grey levels between the darkest and the brightest pixel of the view
_BLACKEST: Final = 16  # grey level of the brightest pixel of the view

# What the warnings say about a kind, behind the number of images.
REMARK_TEXTS: Final = {
    STRAY_BYTES: "images have stray bytes among their compressed pixels, which damage can leave; they were decoded"
    " without these bytes. Look at them.",
    ROTATED: "images have an EXIF orientation, which is ignored everywhere: their pixels are used as stored.",
    SMALL: "images have a side below the image size and were enlarged.",
    ELONGATED: "images are more elongated than 4:1 and were stretched to a square.",
    FLAT: "images are almost of one grey level.",
    BLACK: "images are almost black.",
}


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
