# SPDX-License-Identifier: MIT-0
"""Measures the similarity of two images by small grey views of them.

The perceptual hash of a view finds candidates. Many dermatoscopic images are a dark blob in the middle, so a second
measure decides: how much of one view's variance the other explains when it is shifted, zoomed and rotated slightly.
Each image is compared in eight orientations, so flips and quarter turns are found. Source of the bounds:
docs/decisions/0013.
Source of the hash: Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions" (2010), section 3.2.1,
as OpenCV's img_hash computes it.
"""

from typing import Final, NamedTuple, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

VIEW_SIDE: Final = 32  # pixels of a view
ORIENTATIONS: Final = 8
_COARSE: Final = 8
OUTLINE_SIZE: Final = _COARSE**2  # pixels
_SOFTNESS: Final = 0.8  # standard deviation of the blur in pixels: an edge half a pixel away still overlaps
_BLACK, _WHITE = 24, 231  # grey levels; a row at the edge that is darker or brighter throughout is a bar
_FLAT: Final = 1.0  # grey levels; a view that varies less shows nothing to compare

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]
Hashes = NDArray[np.uint64]
Numbers = NDArray[np.intp]
T = TypeVar("T", bound=np.generic)


class SimilarityBounds(NamedTuple):
    """Bounds within which two views count as views of one image.

    Attributes:
        distance: maximum number of different bits of their hashes.
        outline: minimum correlation of their outlines.
        explained: minimum share of the variance of one that the other explains.
    """

    distance: int = 14
    outline: float = 0.9
    explained: float = 0.97


SIMILARITY_BOUNDS: Final = SimilarityBounds()


def grey_view(pixels: Bytes) -> Bytes:
    """Return the view (`VIEW_SIDE`, `VIEW_SIDE`) of an image: BGR (height, width, 3), or grey (height, width, 1).

    Black and white bars at its edges, such as those of a letterbox, do not belong to it.
    """
    grey = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY) if pixels.shape[2] > 1 else pixels[..., 0]
    shown = _without_bars(_without_bars(np.asarray(grey, np.uint8)).T).T
    small = cv2.resize(shown, (VIEW_SIDE, VIEW_SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(small, (0, 0), _SOFTNESS), np.uint8)


def _without_bars(grey: Bytes) -> Bytes:
    """Return the image (height, width) without the black or white rows at its edges, at most a third on each side."""
    height = len(grey)
    if _shown(grey[[0, -1]]).all():  # most images have no bars, and this takes a tenth of the time
        return grey
    shown = np.flatnonzero(_shown(grey))
    if not shown.size:
        return grey
    return grey[min(int(shown[0]), height // 3) : max(int(shown[-1]) + 1, height - height // 3)]


def _shown(rows: Bytes) -> NDArray[np.bool_]:
    """Return for each of the `rows` (n, width) whether it is neither a black nor a white bar."""
    shown: NDArray[np.bool_] = (rows.max(axis=1) > _BLACK) & (rows.min(axis=1) < _WHITE)
    return shown


def orient_views(views: Bytes) -> Bytes:
    """Return all orientations of each of `views` (n, height, width): (n * `ORIENTATIONS`, height, width)."""
    return views.reshape(-1, VIEW_SIDE * VIEW_SIDE)[:, _ORDERS[VIEW_SIDE * VIEW_SIDE]].reshape(-1, VIEW_SIDE, VIEW_SIDE)


def view_hashes(views: Bytes) -> Hashes:
    """Return the hash of each of `views` (n, `VIEW_SIDE`, `VIEW_SIDE`), 64 bits as one number: (n)."""
    packed = np.array([cv2.img_hash.pHash(each)[0] for each in views], np.uint8)
    return packed.reshape(-1, np.uint64().itemsize).view(np.uint64).ravel()


def view_outlines(views: Bytes) -> Floats:
    """Return `views` (n, height, width) at a quarter of the side: (n, `OUTLINE_SIZE`), of mean 0 and length 1."""
    step = VIEW_SIDE // _COARSE
    return _unit(views.reshape(-1, _COARSE, step, _COARSE, step).mean(axis=(2, 4), dtype=np.float32))


def orient_images(images: NDArray[T], numbers: Numbers, orientations: Numbers) -> NDArray[T]:
    """Return the flat square `images` (n, pixels) with these `numbers`, each in the corresponding orientation.

    Orientations are numbered in the order of `orient_views`.
    """
    pixels = images.shape[1]
    turned: NDArray[T] = np.take(images.ravel(), _ORDERS[pixels][orientations] + numbers[:, None] * pixels)
    return turned


def canonical_orientations(views: Bytes) -> Numbers:
    """Return the orientation of each of `views` (n, height, width) in which all its orientations coincide: (n).

    It is the one in which the upper half is brighter than the lower one, the left half brighter than the right one, and
    the difference of the upper and the lower half the larger one. Orientations are numbered as in `orient_views`.
    """
    half = VIEW_SIDE // 2
    quarters = views.reshape(-1, 2, half, 2, half).sum(axis=(2, 4), dtype=np.int64).reshape(-1, 4)
    turned = quarters[:, _ORDERS[4]]
    down = turned[..., 0] + turned[..., 1] - turned[..., 2] - turned[..., 3]
    right = turned[..., 0] - turned[..., 1] + turned[..., 2] - turned[..., 3]
    return np.asarray((2 * down + right).argmax(axis=1), np.intp)


class ViewMotifs:
    """Views with the first-order terms of a small shift, zoom, rotation and skew of each."""

    def __init__(self, views: Bytes) -> None:
        images = views.astype(np.float32)
        down, right = np.gradient(images, axis=(1, 2))
        slopes = (down, right, _ACROSS * right, _DOWN * down, _DOWN * right, _ACROSS * down)
        self._terms = _unit(np.stack([images, *slopes], axis=1)).reshape(len(views), -1, VIEW_SIDE * VIEW_SIDE)
        overlap = (self._terms @ self._terms.transpose(0, 2, 1)).astype(np.float64)
        self._inverse = np.linalg.inv(overlap + np.eye(overlap.shape[1]) * 1e-6)  # the terms of a flat view are zero

    def explain(self, motif: int, others: Bytes) -> Floats:
        """Return the share of the variance of each of `others` (n, pixels) that motif number `motif` explains: (n).

        It is 0 if either view is flat.
        """
        images = _unit(others.astype(np.float32).reshape(-1, VIEW_SIDE, VIEW_SIDE))
        fits = images @ self._terms[motif].T
        share: Floats = ((fits @ self._inverse[motif]) * fits).sum(axis=1).astype(np.float32)
        return share


def _unit(images: Floats) -> Floats:
    """Return `images` (..., height, width) as vectors of mean 0 and length 1; uniform ones become 0."""
    flat = images.reshape(-1, images.shape[-2] * images.shape[-1])
    flat = flat - flat.mean(axis=1, keepdims=True)
    length = np.sqrt(np.einsum("np,np->n", flat, flat))[:, None]
    shown = length > _FLAT * np.sqrt(flat.shape[1])
    unit: Floats = np.divide(flat, length, out=np.zeros_like(flat), where=shown)
    return unit


def _orders(side: int) -> Numbers:
    """Return the source index of each pixel of an oriented square, for every orientation."""
    pixels = np.arange(side * side).reshape(side, side)
    return np.array([np.rot90(face, turns).ravel() for face in (pixels, pixels[:, ::-1]) for turns in range(4)])


_ORDERS: Final = {side * side: _orders(side) for side in (VIEW_SIDE, _COARSE, 2)}
_DOWN, _ACROSS = np.mgrid[-1 : 1 : VIEW_SIDE * 1j, -1 : 1 : VIEW_SIDE * 1j].astype(np.float32)
