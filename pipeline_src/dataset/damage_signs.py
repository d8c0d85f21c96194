# SPDX-License-Identifier: MIT-0
"""Finds signs of damage among the compressed pixels of a JPEG that its decoder did not notice.

A JPEG stores the mean of each block as the difference from the block before. Where damaged bits decode as others, every
later block is shifted by one color, to the end of the picture or to the next restart marker. What shows is a step along
the upper edge of a row of coding units, right of the damage, and along its lower edge, left of the damage. A hole in a
file leaves a run of zero bytes, which compressed pixels hardly contain.

A sound picture may have either by chance, so these are signs and no proof. `make bench-damage` counts both errors.
Source of the format: ITU-T T.81, sections F.1.1.5 (differences), A.2.3 (coding units) and E.1.4 (restart intervals).
"""

from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline_src.dataset import jpeg_markers

_STRIPS: Final = 40  # of columns, about; their means are compared
_CUT: Final = 8  # strips between two places where the damage may begin
# Grey levels that a mean of each color may be wrong by: differences of colors are compressed more coarsely.
_NOISE: Final = np.array([0.6, 1.0, 1.0], np.float32)
_STRENGTH: Final = 3.5  # of a step, in standard errors
_RANK: Final = 6  # edges that one damaged place may show in; the next strongest one is the picture's own
_CONTRAST_TO_NEXT: Final = 1.8
_CONTRAST: Final = 1.5  # to the strongest step within the units of the same picture
_HOLE: Final = bytes(24)
# From BGR to brightness and the differences of blue and of red from green, in which a shift in color stands out.
_COLORS: Final = np.array([[0.114, 0.587, 0.299], [1, -1, 0], [0, -1, 1]], np.float32)

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]


class _Layout(NamedTuple):
    """Where steps are looked for in pictures of one width.

    Attributes:
        strips: number of strips.
        colors: from the twofold steps of a strip's pixels to the mean step in each color (3, pixels).
        sides: the strips right and left of each place where the damage may begin (strips, 2 * places), 1 or 0.
        noise: squared error of a sum over all strips, by color (3, 1, 1).
    """

    strips: int
    colors: Floats
    sides: Floats
    noise: Floats


def has_hole(data: bytes | bytearray) -> bool:
    """Return whether the compressed pixels of the JPEG `data` hold a run of zero bytes."""
    # Every second word: a run of 24 bytes covers one of them. That takes a third of the time of a search for the run.
    if np.frombuffer(data, np.uint64, len(data) // 8)[::2].min():
        return False
    scan = next((each.end for each in jpeg_markers.jpeg_segments(data) if each.marker == jpeg_markers.START_OF_SCAN), 0)
    return data.find(_HOLE, scan) >= 0 and any(
        segment.behind_scan and data.find(_HOLE, segment.after, segment.offset) >= 0
        for segment in jpeg_markers.jpeg_segments(data)
    )


def has_steps(pixels: Pixels, unit: int) -> bool:
    """Return whether an image's colors step where rows of coding units meet, far more in a few places than elsewhere.

    Args:
        pixels: BGR (height, width, 3).
        unit: height of a coding unit in pixels.
    """
    return any(_outstanding(_steps(pixels, unit, 0)))


def has_shifted_rows(pixels: Pixels, unit: int) -> bool:
    """Return whether an image has steps, and steps far more where rows of coding units meet than within these rows.

    Args:
        pixels: BGR (height, width, 3).
        unit: height of a coding unit in pixels, at least 4: a smaller one has no row that its edges do not touch.
    """
    strongest = _outstanding(_steps(pixels, unit, 0))
    if not any(strongest):
        return False
    # A step between two units touches the rows beside it too: the middle is compared, and the quarters if far enough.
    places = {unit // 2} if unit < 8 else {unit // 4, unit // 2, unit // 2 + unit // 4}
    usual = np.max([_steps(pixels, unit, place).max(axis=1) for place in sorted(places)], axis=0)
    return bool((strongest > _CONTRAST**2 * usual).any())


def _outstanding(steps: Floats) -> list[float]:
    """Return the strongest of the squared `steps` (3, rows) of each color if it stands out, else 0."""
    if steps.shape[1] <= _RANK:
        return []
    ordered = [sorted(color) for color in steps.tolist()]  # faster than NumPy for so few
    return [
        color[-1] if color[-1] > max(_STRENGTH**2, _CONTRAST_TO_NEXT**2 * color[-1 - _RANK]) else 0 for color in ordered
    ]


@lru_cache(maxsize=256)
def _layout(width: int) -> _Layout:
    wide = max(1, round(width / _STRIPS))
    strips = width // wide
    left = (np.arange(strips)[:, None] < np.arange(0, strips, _CUT)).astype(np.float32)
    return _Layout(
        strips,
        np.tile(_COLORS / (2 * wide), wide),
        np.concatenate([1 - left, left], axis=1),
        (_NOISE[:, None, None] * strips) ** 2,
    )


def _steps(pixels: Pixels, unit: int, place: int) -> Floats:
    """Return the squared strength in standard errors of the strongest step of each row of units, by color: (3, rows).

    Args:
        pixels: BGR (height, width, 3).
        unit: height of a coding unit in pixels.
        place: rows of pixels between the edges of units and the steps that are measured.
    """
    strips, colors, sides, noise = _layout(pixels.shape[1])
    first = max(unit + place, 2)
    edges = -(-(len(pixels) - 1 - first) // unit)
    if edges < 2:
        return np.zeros((3, 1), np.float32)
    flat = pixels.reshape(len(pixels), -1)[:, : strips * colors.shape[1]]
    above, upper, lower, below = (flat[first + row :: unit][:edges] for row in (-2, -1, 0, 1))
    # A step is that between the middle rows of four, less the mean slope beside it. It is taken twofold, in integers.
    twofold = np.subtract(lower, upper, dtype=np.int16)
    twofold *= 3
    twofold += above
    twofold -= below
    means = (colors @ twofold.astype(np.float32).reshape(edges * strips, -1).T).reshape(3 * edges, strips)
    totals = _sums(means, sides)
    totals *= totals
    means *= means
    errors = _sums(means, sides)
    errors -= totals / strips
    errors += noise
    totals /= errors
    strengths: Floats = totals.max(axis=2)
    return strengths


def _sums(values: Floats, sides: Floats) -> Floats:
    """Return the sums of `values` (3 * edges, strips) along the edges of each row of units: (3, edges - 1, places).

    They are taken along the upper edge right of each place, and along the lower edge left of it.
    """
    sums = (values @ sides).reshape(3, -1, sides.shape[1])
    places = sides.shape[1] // 2
    both: Floats = sums[:, :-1, :places] + sums[:, 1:, places:]
    return both
