# SPDX-License-Identifier: MIT-0
"""Computes the backbone's features of the images of a channel, each distinct image once a view.

The channel is read twice: `training_channel.scan_channel` finds the distinct images and checks all records before
anything is computed; `FeatureExtractor.extract` reads and decodes only the images that the cache does not have.

Each thread runs the network on one image at a time, in one session that uses one thread a call: a vector's bytes depend
neither on the images computed with it nor on the number of threads.

Memory: one image a thread; 4 bytes x views x features for each distinct image, 8 KB at two views of 1,024 features.
"""

import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline_src.algorithms import training_channel
from pipeline_src.algorithms.linear_probe.feature_cache import FeatureCache, FeatureKey
from pipeline_src.algorithms.training_channel import Channel, ChannelImage
from pipeline_src.dataset import image_codec
from pipeline_src.runtime import worker_threads
from pipeline_src.runtime.errors import BadInputError

VIEWS: Final = 8
_PROGRESS_LINES: Final = 100  # in all, but at most one per `_PROGRESS_STEP` vectors
_PROGRESS_STEP: Final = 50

Progress = Callable[[int, int], None]


def choose_views(digest: bytes, count: int) -> list[int]:
    """Return the numbers of `count` views of the image `digest`, without repetition.

    View 0, the image itself, is the first. The others come in an order that depends on the image, so that few views an
    image still show the head every flip and turn. With a larger `count`, views are only added.
    """
    others = sorted(range(1, VIEWS), key=lambda view: hashlib.sha256(digest + bytes([view])).digest())
    return [0, *others[: count - 1]]


def view_of(pixels: image_codec.Pixels, view: int) -> image_codec.Pixels:
    """Return a flip or a quarter turn of `pixels`, (side, side, 3): `view` modulo 4 turns, mirrored from 4 on."""
    turned = np.rot90(pixels, view % 4)
    return np.ascontiguousarray(turned[:, ::-1] if view >= 4 else turned)


class _Task(NamedTuple):
    """An image of the file at `path`, and the views that are to be computed."""

    path: Path
    image: ChannelImage
    views: Sequence[int]


class FeatureExtractor:
    """Computes the features of the images of several channels.

    Args:
        session: a session of the backbone: ``pixels`` in, ``features`` out.
        cache: where known features are taken from, and new ones are put.
        image_side: side of the images in pixels.
        progress: called with the number of finished and of all vectors that have to be computed.
    """

    def __init__(
        self,
        session: Any,  # noqa: ANN401  onnxruntime has no type information
        cache: FeatureCache,
        *,
        image_side: int,
        progress: Progress,
    ) -> None:
        self._session = session
        self._cache = cache
        self._image_side = image_side
        self._progress = progress
        self._lock = threading.Lock()
        self._rows: dict[FeatureKey, list[NDArray[np.float32]]] = {}  # where each vector goes
        self._missing: dict[FeatureKey, None] = {}
        self._done = self._total = 0

    def extract(self, channels: Sequence[tuple[Channel, int]], workers: int) -> list[NDArray[np.float32]]:
        """Return the features of the images of `channels`, each with its number of views an image.

        Returns:
            For each channel, float32 (images, views, features); the views of an image as `choose_views` has them.

        Raises:
            BadInputError: an image cannot be decoded, or its features are not finite.
            OSError: for example the disk of the cache is full.
        """
        length = self._cache.length
        results = [np.empty((len(channel.images), views, length), np.float32) for channel, views in channels]
        for (channel, views), result in zip(channels, results, strict=True):
            for image, vectors in zip(channel.images, result, strict=True):
                for view, vector in zip(choose_views(image.digest, views), vectors, strict=True):
                    self._rows.setdefault(FeatureKey(image.digest, view), []).append(vector)
        self._missing = dict.fromkeys(self._rows)
        for key, vector in self._cache.read_features():
            if key in self._missing:
                del self._missing[key]
                self._fill(key, vector)
        self._total = len(self._missing)
        known = len(self._rows) - self._total
        print(
            f"features: {len(self._rows)} image views, {known} from checkpoints, {self._total} to compute", flush=True
        )
        try:
            worker_threads.process_in_threads(self._tasks(channels), self._compute, workers)
        finally:
            self._cache.flush()
        return results

    def _tasks(self, channels: Sequence[tuple[Channel, int]]) -> Iterator[_Task]:
        for channel, count in channels:
            for image in channel.images:
                views = [
                    view
                    for view in choose_views(image.digest, count)
                    if self._missing.pop(FeatureKey(image.digest, view), self) is None
                ]
                if views:
                    yield _Task(channel.path, image, views)

    def _compute(self, task: _Task) -> None:
        pixels = training_channel.read_pixels(task.path, task.image, self._image_side)
        for view in task.views:
            (features,) = self._session.run(None, {"pixels": view_of(pixels, view)[np.newaxis]})
            vector = features[0]
            if not np.isfinite(vector).all():
                raise BadInputError(
                    f"{task.path}: image {task.image.number}: the backbone's features are not finite (NaN or infinity):"
                    " its weights are damaged. Build the image again, or set the environment up again."
                )
            key = FeatureKey(task.image.digest, view)
            self._fill(key, vector)
            self._cache.add(key, vector)
        with self._lock:
            before, self._done = self._done, self._done + len(task.views)
            step = max(_PROGRESS_STEP, self._total // _PROGRESS_LINES)
            if self._done == self._total or before // step != self._done // step:
                self._progress(self._done, self._total)

    def _fill(self, key: FeatureKey, vector: NDArray[np.float32]) -> None:
        for row in self._rows[key]:
            row[:] = vector
