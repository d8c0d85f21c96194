# SPDX-License-Identifier: MIT-0
"""Finds near-duplicates: images in different splits that look the same.

Every held-out image, in all its orientations, is compared with every image of a split that is nearer to training.
Beside the views this takes less than 1 KB per image and a few megabytes per worker.
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
_TILE: Final = 8192  # images, or oriented held-out ones, that it compares them with at once: 4 MB of differing bits

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]
Hashes = NDArray[np.uint64]
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
    search = _LookAlikeSearch(views, bounds)
    found: list[ImagePair] = []

    def compare(task: tuple[list[int], list[int]]) -> None:
        some, others = (np.array(sorted(each), np.intp) for each in task)
        for start in range(0, len(some), _BLOCK):
            found.extend(search.pairs(some[start : start + _BLOCK], others))

    tasks = [
        (some, others)
        for (split, label), some in sorted(groups.items())
        for (other_split, other_label), others in sorted(groups.items())
        if split == other_split and label < other_label
    ]
    with threadpool_limits(limits=1, user_api="blas"):
        worker_threads.process_in_threads(iter(range(0, len(views), _BLOCK)), search.hash_views, workers)
        worker_threads.process_in_threads(iter(tasks), compare, workers)
    return sorted(found)


class _LookAlikeSearch:
    """All images, each in its canonical orientation."""

    def __init__(self, views: Bytes, bounds: perceptual_hash.SimilarityBounds) -> None:
        self._views, self._bounds = views, bounds
        self._orientations = np.zeros(len(views), np.intp)
        self._hashes = np.zeros(len(views), np.uint64)
        self._outlines = np.zeros((len(views), perceptual_hash.OUTLINE_SIZE), np.float32)

    def hash_views(self, start: int) -> None:
        """Orient and hash the block of images from `start`."""
        block = np.arange(start, min(start + _BLOCK, len(self._views)))
        self._orientations[block] = perceptual_hash.canonical_orientations(self._views[block])
        turned = self._turned(block)
        self._hashes[block] = perceptual_hash.view_hashes(turned)
        self._outlines[block] = perceptual_hash.view_outlines(turned)

    def _turned(self, numbers: Numbers) -> Bytes:
        flat = self._views.reshape(len(self._views), -1)
        turned = perceptual_hash.orient_images(flat, numbers, self._orientations[numbers])
        return turned.reshape(-1, *self._views.shape[1:])

    def pairs(self, some: Numbers, others: Numbers) -> Iterator[ImagePair]:
        """Yield the pairs of an image of `some` and one of `others` that look the same."""
        motifs: perceptual_hash.ViewMotifs | None = None
        for start in range(0, len(others), _TILE):
            tile = others[start : start + _TILE]
            rows, columns, _ = _near_hashes(self._hashes[some], self._hashes[tile], self._bounds)
            alike = np.einsum("np,np->n", self._outlines[some[rows]], self._outlines[tile[columns]])
            rows, columns = rows[alike >= self._bounds.outline], columns[alike >= self._bounds.outline]
            if not rows.size:
                continue
            motifs = motifs or perceptual_hash.ViewMotifs(self._turned(some))
            for row in np.unique(rows):
                chosen = tile[columns[rows == row]]
                explained = motifs.explain(int(row), self._turned(chosen).reshape(len(chosen), -1))
                for other in chosen[explained >= self._bounds.explained]:
                    yield ImagePair(int(some[row]), int(other))


def _near_hashes(
    some: Hashes, others: Hashes, bounds: perceptual_hash.SimilarityBounds
) -> tuple[Numbers, Numbers, Bytes]:
    """Return the positions of near hashes in `some` and in `others`, and their distances in bits."""
    distances = np.bitwise_count(some[:, None] ^ others)
    near = np.flatnonzero(distances <= bounds.distance)
    rows, columns = np.divmod(near, len(others))
    return rows, columns, distances.ravel()[near]


def hash_distances(views: Bytes, pairs: Sequence[ImagePair]) -> dict[ImagePair, int]:
    """Return the smallest distance of the hashes of each of `pairs` over all orientations."""
    return {pair: _distance(views, pair) for pair in pairs}


def _distance(views: Bytes, pair: ImagePair) -> int:
    hashes = perceptual_hash.view_hashes(perceptual_hash.orient_views(views[[pair.first]]))
    return int(np.bitwise_count(hashes ^ perceptual_hash.view_hashes(views[[pair.second]])).min())


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
        self._hashes = np.zeros(count * perceptual_hash.ORIENTATIONS, np.uint64)
        self._outlines = np.zeros((count, perceptual_hash.OUTLINE_SIZE), np.float32)
        self._lock = threading.Lock()

    def hash_held_out(self, start: int) -> None:
        """Hash the block of held-out images from `start`."""
        block = slice(start, start + _BLOCK)
        all_ways = slice(start * perceptual_hash.ORIENTATIONS, (start + _BLOCK) * perceptual_hash.ORIENTATIONS)
        seen = self._views[self.held_out[block]]
        self._hashes[all_ways] = perceptual_hash.view_hashes(perceptual_hash.orient_views(seen))
        self._outlines[block] = perceptual_hash.view_outlines(seen)

    def compare(self, start: int) -> None:
        """Compare the block of images from `start` with all held-out ones that are farther from training."""
        seen = self._views[self._numbers[start : start + _BLOCK]]
        hashes, outlines = perceptual_hash.view_hashes(seen), perceptual_hash.view_outlines(seen)
        tiles = [self._plausible(start, hashes, outlines, tile) for tile in range(0, len(self._hashes), _TILE)]
        columns, rows, distances = (np.concatenate(parts) for parts in zip(*tiles, strict=True))
        if not columns.size:
            return
        motifs = perceptual_hash.ViewMotifs(seen)
        for column in np.unique(columns):
            chosen = columns == column
            images, orientations = np.divmod(rows[chosen], perceptual_hash.ORIENTATIONS)
            turned = perceptual_hash.orient_images(self._flat, self.held_out[images], orientations)
            same = motifs.explain(column, turned) >= self._bounds.explained
            self._keep(int(self._numbers[start + column]), self.held_out[images[same]], distances[chosen][same])

    def _plausible(self, start: int, hashes: Hashes, outlines: Floats, tile: int) -> tuple[Numbers, Numbers, Bytes]:
        """Compare a block with a tile of the oriented held-out images by the hash and outline bounds.

        Args:
            start: start of the block.
            hashes: hashes of the block's views.
            outlines: outlines of the block's views.
            tile: start of the tile in the oriented held-out images.

        Returns:
            The positions in the block and in the oriented held-out images, and the distances of the hashes in bits.
        """
        columns, rows, distances = _near_hashes(hashes, self._hashes[tile : tile + _TILE], self._bounds)
        images, orientations = np.divmod(rows + tile, perceptual_hash.ORIENTATIONS)
        farther = self._held_out_ranks[images] > self._ranks[start + columns]
        columns, images, orientations = columns[farther], images[farther], orientations[farther]
        others = perceptual_hash.orient_images(self._outlines, images, orientations)
        alike = np.einsum("np,np->n", outlines[columns], others) >= self._bounds.outline
        found = images[alike] * perceptual_hash.ORIENTATIONS + orientations[alike]
        return columns[alike], found, distances[farther][alike]

    def _keep(self, other: int, images: Numbers, distances: Bytes) -> None:
        for image, bits in zip(images, distances, strict=True):
            pair, distance = ImagePair(int(image), other), int(bits)
            with self._lock:
                self.found[pair] = min(distance, self.found.get(pair, distance))
