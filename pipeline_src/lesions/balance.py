# SPDX-License-Identifier: MIT-0
"""Class balance: how often each training image is recorded.

The algorithm weights no class when an image has one label, and it augments what it reads, so a rare class is
balanced by reading its images more often, each time augmented anew.
"""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Final

NONE: Final = "none"
REPEAT: Final = "repeat"
MODES: Final = (NONE, REPEAT)
_ORDER_KEY: Final = b"skin-lesion-mlops order 1"


def repeats(images: Mapping[str, int], mode: str, cap: int) -> dict[str, int]:
    """Return how often each class's images are recorded so that it comes near the largest class, at most `cap` times.

    Args:
        images: training images by class.
        mode: `NONE` or `REPEAT`.
        cap: the most records of one image; more would teach the pictures instead of the class.
    """
    largest = max(images.values(), default=0)
    if mode == NONE:
        return dict.fromkeys(images, 1)
    return {label: min(cap, max(1, (2 * largest + n) // (2 * n) if n else 1)) for label, n in images.items()}


def shuffled(times: Mapping[int, int], names: Mapping[int, str] | list[str]) -> list[int]:
    """Return each image's number `times` over, in an order that is random, but the same for the same names.

    Pipe mode reads in file order, so this order is what training sees. It is a keyed hash's: a part of the images
    comes in the order that it has among all.
    """
    return [number for _, number in sorted(_keys(times, names))]


def _keys(times: Mapping[int, int], names: Mapping[int, str] | list[str]) -> Iterator[tuple[bytes, int]]:
    for number, count in times.items():
        for copy in range(count):
            text = f"{names[number]}/{copy}".encode()
            yield hashlib.blake2b(text, digest_size=8, key=_ORDER_KEY).digest(), number
