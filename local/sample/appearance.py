# SPDX-License-Identifier: MIT-0
"""What the lesions of each class look like.

A lesion is an outline, two colours, blobs and a network of lines, all varied around its class's `Style`. The
classes overlap on purpose: each lesion leans a little, and now and then far, towards a class that doctors confuse
with its own. Colours are sRGB from 0 to 255, lengths are fractions of the picture's height.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Colour = tuple[float, float, float]
FIELD: Final = 256  # side of the periodic field that all irregular things are read from


@dataclass(frozen=True)
class Style:
    """How the lesions of one class look, before the lesion's own variation."""

    base: Colour
    second: Colour
    variegation: float  # how much of `second` shows
    radius: float
    elongation: float
    irregularity: float  # of the outline, as a fraction of the radius
    softness: float  # width of the border, as a fraction of the radius
    blob: Colour
    blobs: float
    blob_size: float
    blob_spread: float  # 0: all in the middle; 1: up to the border
    blob_strength: float  # 1: opaque
    network: float  # contrast of the pigment network
    lean: float  # how much of its looks a lesion takes from a class it is confused with, on average


STYLES: Final = {
    "nv": Style(
        base=(146, 98, 76), second=(112, 74, 60), variegation=0.4,
        radius=0.18, elongation=1.15, irregularity=0.04, softness=0.18,
        blob=(90, 60, 50), blobs=3, blob_size=0.02, blob_spread=0.7, blob_strength=0.5,
        network=0.25, lean=0.11,
    ),
    "mel": Style(
        base=(104, 72, 64), second=(58, 46, 56), variegation=0.9,
        radius=0.3, elongation=1.25, irregularity=0.13, softness=0.14,
        blob=(112, 118, 140), blobs=3, blob_size=0.07, blob_spread=0.6, blob_strength=0.6,
        network=0.25, lean=0.13,
    ),
    "bkl": Style(
        base=(178, 134, 92), second=(132, 98, 70), variegation=0.5,
        radius=0.3, elongation=1.4, irregularity=0.07, softness=0.05,
        blob=(86, 62, 48), blobs=14, blob_size=0.02, blob_spread=0.9, blob_strength=0.7,
        network=0.0, lean=0.1,
    ),
    "bcc": Style(
        base=(206, 142, 138), second=(186, 112, 112), variegation=0.4,
        radius=0.26, elongation=1.2, irregularity=0.09, softness=0.2,
        blob=(92, 92, 122), blobs=7, blob_size=0.036, blob_spread=0.8, blob_strength=0.7,
        network=0.0, lean=0.13,
    ),
    "akiec": Style(
        base=(198, 116, 100), second=(178, 92, 82), variegation=0.6,
        radius=0.32, elongation=1.2, irregularity=0.11, softness=0.34,
        blob=(236, 222, 186), blobs=12, blob_size=0.03, blob_spread=0.9, blob_strength=0.6,
        network=0.0, lean=0.12,
    ),
    "vasc": Style(
        base=(172, 44, 66), second=(118, 30, 74), variegation=0.6,
        radius=0.21, elongation=1.15, irregularity=0.08, softness=0.07,
        blob=(96, 28, 56), blobs=7, blob_size=0.045, blob_spread=0.8, blob_strength=0.7,
        network=0.0, lean=0.05,
    ),
    "df": Style(
        base=(178, 108, 102), second=(150, 90, 86), variegation=0.4,
        radius=0.25, elongation=1.1, irregularity=0.04, softness=0.2,
        blob=(240, 216, 206), blobs=1, blob_size=0.14, blob_spread=0.1, blob_strength=0.9,
        network=0.12, lean=0.05,
    ),
}  # fmt: skip
LOOK_ALIKES: Final = {
    "nv": ("mel", "df"),
    "mel": ("nv", "bkl"),
    "bkl": ("nv", "mel", "akiec"),
    "bcc": ("akiec", "bkl"),
    "akiec": ("bkl", "bcc"),
    "vasc": ("bcc",),
    "df": ("nv", "bcc"),
}


@dataclass(frozen=True)
class Lesion:
    """One lesion, the same in all its pictures."""

    style: Style
    outline: NDArray[np.float32]  # radius by angle in 360 steps
    turn: float  # of its long axis, in radians
    blobs: tuple[tuple[float, float, float], ...]  # x and y from the middle, and size
    offset: tuple[int, int]  # where in the field its pattern starts


def lesion(label: str, rng: np.random.Generator) -> Lesion:
    """Return a new lesion of class `label`, its variation drawn from `rng`."""
    own = STYLES[label]
    other = STYLES[LOOK_ALIKES[label][rng.integers(len(LOOK_ALIKES[label]))]]
    style = _varied(_mixed(own, other, float(rng.beta(1, 1 / own.lean - 1))), rng)
    angles = np.linspace(0, 2 * np.pi, 360, endpoint=False)
    outline = np.ones(360)
    for waves in range(2, 8):
        size = style.irregularity * rng.normal() / np.sqrt(waves - 1)
        outline += size * np.cos(waves * angles + rng.uniform(0, 2 * np.pi))
    reach = style.radius * style.blob_spread
    blobs = tuple(_blob(style, reach, rng) for _ in range(round(style.blobs * rng.uniform(0.7, 1.3))))
    offset = (int(rng.integers(FIELD)), int(rng.integers(FIELD)))
    outline = style.radius * np.clip(outline, 0.4, 1.8)
    return Lesion(style, outline.astype(np.float32), float(rng.uniform(0, np.pi)), blobs, offset)


def _mixed(own: Style, other: Style, share: float) -> Style:
    """Return `own` with `share` of every number taken from `other`."""
    mixed: dict[str, Any] = {}
    for name, mine in vars(own).items():
        theirs = getattr(other, name)
        if isinstance(mine, tuple):
            mixed[name] = tuple((1 - share) * a + share * b for a, b in zip(mine, theirs, strict=True))
        else:
            mixed[name] = (1 - share) * mine + share * theirs
    return Style(**mixed)


def _blob(style: Style, reach: float, rng: np.random.Generator) -> tuple[float, float, float]:
    away, angle = reach * np.sqrt(rng.uniform()), rng.uniform(0, 2 * np.pi)
    return float(away * np.cos(angle)), float(away * np.sin(angle)), style.blob_size * rng.uniform(0.7, 1.3)


def _varied(style: Style, rng: np.random.Generator) -> Style:
    values: dict[str, Any] = dict(vars(style))
    shade = rng.normal(1, 0.07)
    tint = rng.normal(1, 0.025, 3)
    for name in ("base", "second", "blob"):
        values[name] = tuple(float(value) for value in np.array(values[name]) * shade * tint)
    for name in ("radius", "softness", "irregularity", "variegation", "blob_size"):
        values[name] *= float(np.exp(rng.normal(0, 0.15)))
    values["elongation"] *= float(np.exp(rng.normal(0, 0.08)))
    return Style(**values)
