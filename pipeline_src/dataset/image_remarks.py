# SPDX-License-Identifier: MIT-0
"""Remarks on images that are accepted although something about them may be wrong; the dataset card names them.

A remark is a word for its kind. The card has for each kind the number of images and the ids of the first ones.
"""

from collections.abc import Mapping, Sequence
from typing import Final

STRAY_BYTES: Final = "stray_bytes"

# What the warnings say about a kind, behind the number of images.
REMARK_TEXTS: Final = {
    STRAY_BYTES: "images have stray bytes among their compressed pixels, which damage can leave; they were decoded"
    " without these bytes. Look at them.",
}
_NAMED: Final = 5  # ids in a warning


def remark_warnings(remarked: Mapping[str, Sequence[str]]) -> list[str]:
    """Return a warning for each kind of remark; `remarked` has the image ids by remark."""
    lines = []
    for remark, text in REMARK_TEXTS.items():
        if image_ids := sorted(remarked.get(remark, ())):
            more = f" and {len(image_ids) - _NAMED} more" if len(image_ids) > _NAMED else ""
            lines.append(f"{len(image_ids)} {text} ({', '.join(image_ids[:_NAMED])}{more})")
    return lines
