# SPDX-License-Identifier: MIT-0
"""How alike two pictures look, by small grey views of them.

A view's perceptual hash finds candidates. Many dermatoscopic pictures are a dark blob in the middle, so a second look
decides: how much of one view the other explains when it is moved, zoomed and turned a little. Each picture is looked
at in eight orientations, so a flip or a quarter turn hides nothing. Where the bounds come from: docs/decisions, 0013.
Source of the hash: Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions" (2010), section 3.2.1,
as OpenCV's img_hash computes it.
"""

from typing import Final, NamedTuple, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

VIEW_SIDE: Final = 32  # pixels of a view
HASH_BITS: Final = 64
ORIENTATIONS: Final = 8
_COARSE: Final = 8
OUTLINE_SIZE: Final = _COARSE**2  # pixels
_SOFTNESS: Final = 0.8  # standard deviation of the blur in pixels: an edge half a pixel away still overlaps
_FLAT: Final = 1.0  # grey levels; a view that varies less shows nothing to compare

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]
Numbers = NDArray[np.intp]
T = TypeVar("T", bound=np.generic)


class SimilarityBounds(NamedTuple):
    """What two views of one picture keep.

    Attributes:
        distance: bits by which their hashes differ at the most.
        outline: correlation of their outlines at the least.
        explained: share of the variance of one that the other explains at the least.
    """

    distance: int = 14
    outline: float = 0.9
    explained: float = 0.97


SIMILARITY_BOUNDS: Final = SimilarityBounds()


def grey_view(pixels: Bytes) -> Bytes:
    """Return the view (`SIDE`, `SIDE`) of a picture: BGR (height, width, 3), or grey (height, width, 1)."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY) if pixels.shape[2] > 1 else pixels
    small = cv2.resize(grey, (VIEW_SIDE, VIEW_SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(small, (0, 0), _SOFTNESS), np.uint8)


def orient_views(views: Bytes) -> Bytes:
    """Return all orientations of each of `views` (n, `SIDE`, `SIDE`): (n * `ORIENTATIONS`, `SIDE`, `SIDE`)."""
    return views.reshape(-1, VIEW_SIDE * VIEW_SIDE)[:, _ORDERS[VIEW_SIDE * VIEW_SIDE]].reshape(-1, VIEW_SIDE, VIEW_SIDE)


def hash_signs(views: Bytes) -> Floats:
    """Return the hash of each of `views` (n, `SIDE`, `SIDE`) as +1 and -1 (n, `BITS`).

    The product of two of them is then `BITS` less twice their distance in bits, exactly.
    """
    packed = np.array([cv2.img_hash.pHash(each)[0] for each in views], np.uint8).reshape(-1, HASH_BITS // 8)
    return np.unpackbits(packed, axis=1).astype(np.float32) * 2 - 1


def view_outlines(views: Bytes) -> Floats:
    """Return `views` (n, `SIDE`, `SIDE`) at a quarter of the side: (n, `OUTLINE_SIZE`), each of mean 0 and length 1."""
    step = VIEW_SIDE // _COARSE
    return _unit(views.reshape(-1, _COARSE, step, _COARSE, step).mean(axis=(2, 4), dtype=np.float32))


def turn_pictures(pictures: NDArray[T], numbers: Numbers, orientations: Numbers) -> NDArray[T]:
    """Return those of the flat square `pictures` (n, pixels) with these `numbers`, each in the orientation beside it.

    Orientations are numbered as `oriented` lists them.
    """
    pixels = pictures.shape[1]
    turned: NDArray[T] = np.take(pictures.ravel(), _ORDERS[pixels][orientations] + numbers[:, None] * pixels)
    return turned


class ViewMotifs:
    """Views with all that each becomes when it is moved, zoomed, turned or skewed a little, to first order."""

    def __init__(self, views: Bytes) -> None:
        pictures = views.astype(np.float32)
        down, right = np.gradient(pictures, axis=(1, 2))
        slopes = (down, right, _ACROSS * right, _DOWN * down, _DOWN * right, _ACROSS * down)
        self._terms = _unit(np.stack([pictures, *slopes], axis=1)).reshape(len(views), -1, VIEW_SIDE * VIEW_SIDE)
        overlap = (self._terms @ self._terms.transpose(0, 2, 1)).astype(np.float64)
        self._inverse = np.linalg.inv(overlap + np.eye(overlap.shape[1]) * 1e-6)  # the terms of a flat view are zero

    def explain(self, motif: int, others: Bytes) -> Floats:
        """Return which share of the variance of each of `others` (n, pixels) motif number `motif` explains: (n).

        A flat view explains nothing, and nothing explains it.
        """
        pictures = _unit(others.astype(np.float32).reshape(-1, VIEW_SIDE, VIEW_SIDE))
        fits = pictures @ self._terms[motif].T
        share: Floats = ((fits @ self._inverse[motif]) * fits).sum(axis=1).astype(np.float32)
        return share


def _unit(pictures: Floats) -> Floats:
    """Return `pictures` (..., height, width) flat, with mean 0 and length 1; flat ones are 0 throughout."""
    flat = pictures.reshape(-1, pictures.shape[-2] * pictures.shape[-1])
    flat = flat - flat.mean(axis=1, keepdims=True)
    length = np.sqrt(np.einsum("np,np->n", flat, flat))[:, None]
    shown = length > _FLAT * np.sqrt(flat.shape[1])
    unit: Floats = np.divide(flat, length, out=np.zeros_like(flat), where=shown)
    return unit


def _orders(side: int) -> Numbers:
    """Return where each pixel of an oriented square comes from, for every orientation."""
    pixels = np.arange(side * side).reshape(side, side)
    return np.array([np.rot90(face, turns).ravel() for face in (pixels, pixels[:, ::-1]) for turns in range(4)])


_ORDERS: Final = {side * side: _orders(side) for side in (VIEW_SIDE, _COARSE)}
_DOWN, _ACROSS = np.mgrid[-1 : 1 : VIEW_SIDE * 1j, -1 : 1 : VIEW_SIDE * 1j].astype(np.float32)
