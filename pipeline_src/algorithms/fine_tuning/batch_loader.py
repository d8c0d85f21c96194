# SPDX-License-Identifier: MIT-0
"""Reads, decodes and changes the images of an epoch in threads, ahead of the training.

Every image of an epoch depends on the seed, the epoch and its own number alone, so that the number of threads,
processes and hosts changes nothing, and a resumed training sees what an uninterrupted one does. Reading, decoding and
OpenCV release the GIL; threads need no shared memory, which containers have little of.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline_src.algorithms import training_channel
from pipeline_src.algorithms.fine_tuning.image_augmentation import augment_image
from pipeline_src.algorithms.training_channel import Channel

_AHEAD: Final = 2  # groups that are ready or in work, a thread


class ImageGroup(NamedTuple):
    """Images that pass the network together.

    Attributes:
        pixels: uint8 (images, side, side, 3), BGR.
        labels: int64 (images,), the classes' positions.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]


def epoch_order(labels: NDArray[np.int64], group: int, groups: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """Return the positions of an epoch's images, (steps, groups, group), in a random order.

    An epoch takes about as many images as there are. The share of a class is that of the square root of its number of
    images, so that a rare class is seen often enough to be learned in few epochs, and a frequent one in turns. Source:
    Kang et al., "Decoupling Representation and Classifier for Long-Tailed Recognition", ICLR 2020, arXiv:1910.09217.

    Args:
        labels: The classes' positions, (images,).
        group: Images of a group.
        groups: Groups of a step.
        seed: Seed of the training.
        epoch: Number of the epoch.
    """
    generator = np.random.default_rng((seed, epoch))
    steps = -(-len(labels) // (group * groups))
    size = steps * groups * group
    taken = []
    for label, share in enumerate(sampled_shares(labels)):
        members = generator.permutation(np.flatnonzero(labels == label))
        taken.append(np.resize(members, round(size * share)))
    order = generator.permutation(np.concatenate(taken))
    # Rounding leaves a few too many or too few.
    return np.resize(order, size).reshape(steps, groups, group)


def sampled_shares(labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the share of each class, 0 to the largest in `labels`, among the images of an epoch."""
    roots = np.sqrt(np.bincount(labels))
    shares: NDArray[np.float64] = roots / roots.sum()
    return shares


class BatchLoader:
    """Loads groups of images of one channel.

    Args:
        channel: Where the images are.
        image_side: Their side in pixels.
        threads: Number of threads.
    """

    def __init__(self, channel: Channel, image_side: int, threads: int) -> None:
        self._channel = channel
        self._image_side = image_side
        self._threads = threads

    def load(self, groups: Sequence[NDArray[np.int64]], augmentation: tuple[int, int] | None) -> Iterator[ImageGroup]:
        """Yield the images at the positions in each of `groups`.

        Args:
            groups: Positions of images in the channel.
            augmentation: Seed and epoch of random changes; None: the images as they are.

        Raises:
            BadInputError: An image cannot be decoded.
        """
        waiting = iter(groups)
        pending: deque[Future[ImageGroup]] = deque()
        with ThreadPoolExecutor(self._threads, "loader") as pool:
            try:
                for positions in waiting:
                    pending.append(pool.submit(self._load, positions, augmentation))
                    if len(pending) > _AHEAD * self._threads:
                        yield pending.popleft().result()
                while pending:
                    yield pending.popleft().result()
            finally:
                for each in pending:
                    each.cancel()

    def _load(self, positions: NDArray[np.int64], augmentation: tuple[int, int] | None) -> ImageGroup:
        images = [self._channel.images[position] for position in positions]
        pixels = np.empty((len(images), self._image_side, self._image_side, 3), np.uint8)
        for target, image, position in zip(pixels, images, positions.tolist(), strict=True):
            decoded = training_channel.read_pixels(self._channel.path, image, self._image_side)
            if augmentation:
                decoded = augment_image(decoded, np.random.default_rng((*augmentation, position)))
            target[:] = decoded
        return ImageGroup(pixels, np.array([image.label for image in images], np.int64))
