# SPDX-License-Identifier: MIT-0
"""Finds near-duplicates: images in different splits that look the same.

Every held-out image, in all its orientations, is compared with every image of a split that is nearer to training.
Beside the views this takes less than 1 KB per held-out image and a few megabytes per worker.
"""

import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from pipeline_src import contract
from pipeline_src.dataset import perceptual_hash
from pipeline_src.runtime import worker_threads

ADDED_VALIDATION: Final = (
    "added validation"  # validation images of the additional archive, compared as a split of their own
)
# Distance of a split from training. The farther image of a pair comes first.
SPLIT_RANKS: Final = {
    contract.TRAIN: 0,
    ADDED_VALIDATION: 1,
    contract.VALIDATION: 2,
    contract.TEST: 3,
    contract.OFFICIAL: 4,
}
_BLOCK: Final = 64  # images that a worker compares at once
_TILE: Final = 8192  # oriented held-out images that it compares them with at once: 2 MB of products

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]
Numbers = NDArray[np.intp]


class ImagePair(NamedTuple):
    """Numbers of two images, the one farther from training first."""

    first: int
    second: int


def find_near_duplicates(
    views: Bytes,
    splits: Mapping[int, str],
    workers: int,
    bounds: perceptual_hash.SimilarityBounds = perceptual_hash.SIMILARITY_BOUNDS,
) -> dict[ImagePair, int]:
    """Return the pairs of images that look the same in different splits, with the distance of their hashes in bits.

    Args:
        views: views of all images by number (n, `perceptual_hash.VIEW_SIDE`, `perceptual_hash.VIEW_SIDE`).
        splits: split by number, of the images to compare.
        workers: number of threads, which does not affect the result.
        bounds: similarity from which on two views count as one image.
    """
    numbers = np.array(sorted(splits), np.intp)
    search = _DuplicateSearch(
        views, numbers, np.array([SPLIT_RANKS[splits[number]] for number in numbers], np.intp), bounds
    )
    if not search.held_out.size:
        return {}
    # Every worker multiplies matrices of its own; threads of the BLAS would only get in their way.
    with threadpool_limits(limits=1, user_api="blas"):
        worker_threads.process_in_threads(iter(range(0, len(search.held_out), _BLOCK)), search.hash_held_out, workers)
        worker_threads.process_in_threads(iter(range(0, len(numbers), _BLOCK)), search.compare, workers)
    return dict(sorted(search.found.items()))


def find_look_alikes_with_other_label(
    views: Bytes,
    splits: Mapping[int, str],
    labels: Sequence[str],
    workers: int,
    bounds: perceptual_hash.SimilarityBounds = perceptual_hash.SIMILARITY_BOUNDS,
) -> list[ImagePair]:
    """Return the pairs of images that look the same in one split and have two labels, in the order of their numbers.

    Each image is compared in one orientation, that of `perceptual_hash.canonical_orientations`, which is an eighth of
    the work. A copy whose halves are about equally bright may get another orientation and is then not found.

    Args:
        views: views of all images by number.
        splits: split by number, of the images to compare.
        labels: label of each image, by number.
        workers: number of threads, which does not affect the result.
        bounds: similarity from which on two views count as one image.
    """
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for number, split in splits.items():
        groups[split, labels[number]].append(number)
    numbers = np.arange(len(views))
    orientations = perceptual_hash.canonical_orientations(views)
    turned = perceptual_hash.orient_images(views.reshape(len(views), -1), numbers, orientations).reshape(views.shape)
    found: list[ImagePair] = []

    def compare(task: tuple[list[int], list[int]]) -> None:
        some, others = (np.array(sorted(each), np.intp) for each in task)
        for start in range(0, len(some), _BLOCK):
            found.extend(_look_alikes(turned, some[start : start + _BLOCK], others, bounds))

    tasks = [
        (some, others)
        for (split, label), some in sorted(groups.items())
        for (other_split, other_label), others in sorted(groups.items())
        if split == other_split and label < other_label
    ]
    with threadpool_limits(limits=1, user_api="blas"):
        worker_threads.process_in_threads(iter(tasks), compare, workers)
    return sorted(found)


def _look_alikes(
    views: Bytes, some: Numbers, others: Numbers, bounds: perceptual_hash.SimilarityBounds
) -> Iterator[ImagePair]:
    """Yield the pairs of an image of `some` and one of `others` that look the same as they are oriented in `views`."""
    motifs: perceptual_hash.ViewMotifs | None = None
    signs, outlines = perceptual_hash.hash_signs(views[some]), perceptual_hash.view_outlines(views[some])
    for start in range(0, len(others), _TILE):
        tile = others[start : start + _TILE]
        agreement = signs @ perceptual_hash.hash_signs(views[tile]).T
        rows, columns = np.nonzero(agreement >= perceptual_hash.HASH_BITS - 2 * bounds.distance)
        if not rows.size:
            continue
        alike = np.einsum("np,np->n", outlines[rows], perceptual_hash.view_outlines(views[tile[columns]]))
        rows, columns = rows[alike >= bounds.outline], columns[alike >= bounds.outline]
        motifs = motifs or perceptual_hash.ViewMotifs(views[some])
        for row in np.unique(rows):
            chosen = tile[columns[rows == row]]
            explained = motifs.explain(int(row), views[chosen].reshape(len(chosen), -1))
            for other in chosen[explained >= bounds.explained]:
                yield ImagePair(int(some[row]), int(other))


def hash_distances(views: Bytes, pairs: Sequence[ImagePair]) -> dict[ImagePair, int]:
    """Return the smallest distance of the hashes of each of `pairs` over all orientations."""
    return {pair: _distance(views, pair) for pair in pairs}


def _distance(views: Bytes, pair: ImagePair) -> int:
    signs = perceptual_hash.hash_signs(perceptual_hash.orient_views(views[[pair.first]]))
    return _bits((signs @ perceptual_hash.hash_signs(views[[pair.second]]).T).max())


def _bits(agreement: np.float32) -> int:
    return (perceptual_hash.HASH_BITS - int(agreement)) // 2


class _DuplicateSearch:
    """The held-out images in every orientation, against blocks of all images."""

    def __init__(
        self, views: Bytes, numbers: Numbers, ranks: Numbers, bounds: perceptual_hash.SimilarityBounds
    ) -> None:
        self.found: dict[ImagePair, int] = {}
        self.held_out = numbers[ranks > 0]
        self._views, self._flat = views, views.reshape(len(views), -1)
        self._numbers, self._ranks, self._bounds = numbers, ranks, bounds
        self._held_out_ranks = ranks[ranks > 0]
        count = len(self.held_out)
        self._signs = np.zeros((count * perceptual_hash.ORIENTATIONS, perceptual_hash.HASH_BITS), np.int8)
        self._outlines = np.zeros((count, perceptual_hash.OUTLINE_SIZE), np.float32)
        self._lock = threading.Lock()

    def hash_held_out(self, start: int) -> None:
        """Hash the block of held-out images from `start`."""
        block = slice(start, start + _BLOCK)
        all_ways = slice(start * perceptual_hash.ORIENTATIONS, (start + _BLOCK) * perceptual_hash.ORIENTATIONS)
        seen = self._views[self.held_out[block]]
        self._signs[all_ways] = perceptual_hash.hash_signs(perceptual_hash.orient_views(seen)).astype(np.int8)
        self._outlines[block] = perceptual_hash.view_outlines(seen)

    def compare(self, start: int) -> None:
        """Compare the block of images from `start` with all held-out ones that are farther from training."""
        seen = self._views[self._numbers[start : start + _BLOCK]]
        signs, outlines = perceptual_hash.hash_signs(seen), perceptual_hash.view_outlines(seen)
        tiles = [self._plausible(start, signs, outlines, tile) for tile in range(0, len(self._signs), _TILE)]
        columns, rows, agreement = (np.concatenate(parts) for parts in zip(*tiles, strict=True))
        motifs = perceptual_hash.ViewMotifs(seen)
        for column in np.unique(columns):
            chosen = columns == column
            images, orientations = np.divmod(rows[chosen], perceptual_hash.ORIENTATIONS)
            turned = perceptual_hash.orient_images(self._flat, self.held_out[images], orientations)
            same = motifs.explain(column, turned) >= self._bounds.explained
            self._keep(int(self._numbers[start + column]), self.held_out[images[same]], agreement[chosen][same])

    def _plausible(self, start: int, signs: Floats, outlines: Floats, tile: int) -> tuple[Numbers, Numbers, Floats]:
        """Compare a block with a tile of the oriented held-out images by the hash and outline bounds.

        Args:
            start: start of the block.
            signs: hashes of the block, as signs.
            outlines: outlines of the block's views.
            tile: start of the tile in the oriented held-out images.

        Returns:
            The positions in the block and in the oriented held-out images, and the products of the signs.
        """
        agreement = signs @ self._signs[tile : tile + _TILE].T.astype(np.float32)
        near = np.flatnonzero(agreement >= perceptual_hash.HASH_BITS - 2 * self._bounds.distance)
        columns, rows = np.divmod(near, agreement.shape[1])
        images, orientations = np.divmod(rows + tile, perceptual_hash.ORIENTATIONS)
        farther = self._held_out_ranks[images] > self._ranks[start + columns]
        columns, images, orientations = columns[farther], images[farther], orientations[farther]
        others = perceptual_hash.orient_images(self._outlines, images, orientations)
        alike = np.einsum("np,np->n", outlines[columns], others) >= self._bounds.outline
        found = images[alike] * perceptual_hash.ORIENTATIONS + orientations[alike]
        return columns[alike], found, agreement.ravel()[near[farther][alike]]

    def _keep(self, other: int, images: Numbers, agreement: Floats) -> None:
        for image, agreed in zip(images, agreement, strict=True):
            pair, distance = ImagePair(int(image), other), _bits(agreed)
            with self._lock:
                self.found[pair] = min(distance, self.found.get(pair, distance))
