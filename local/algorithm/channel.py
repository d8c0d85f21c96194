# SPDX-License-Identifier: MIT-0
"""A channel: the RecordIO file of one folder, and the batches that MXNet reads from it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import mxnet as mx
import numpy as np

from local.algorithm import record
from local.algorithm.error import ChannelError
from pipeline_src import contract

_DECODING_THREADS: Final = 2  # fixed, because each thread draws augmentations of its own: same seed, same pictures
_CROP: Final = {"rand_crop": True, "rand_mirror": True}
_COLOR: Final = {"random_h": 36, "random_s": 50, "random_l": 50}
_TRANSFORM: Final = {"max_rotate_angle": 10, "max_shear_ratio": 0.1, "max_aspect_ratio": 0.25, "fill_value": 127}
# What the Developer Guide says of each type, in the words of MXNet's ImageRecordIter.
AUGMENTATIONS: Final[dict[str | None, dict[str, Any]]] = {
    None: {},
    "crop": _CROP,
    "crop_color": _CROP | _COLOR,
    "crop_color_transform": _CROP | _COLOR | _TRANSFORM,
}


@dataclass(frozen=True)
class Channel:
    """The checked records of one channel."""

    name: str
    file: Path
    labels: tuple[int, ...]

    def __len__(self) -> int:
        """Return how many records there are."""
        return len(self.labels)


def find(name: str, num_classes: int) -> Channel:
    """Return the channel `name` below the folder that SageMaker calls ``/opt/ml/input/data``.

    AWS documents one RecordIO file in a channel and does not say what becomes of others, so several are refused.
    Source: Developer Guide, "Image Classification - MXNet", "Input/Output Interface".

    Raises:
        ChannelError: The channel has no RecordIO file, several or no record, or its records cannot be trained on.
    """
    folder = contract.ml_root() / "input" / "data" / name
    files = sorted(folder.glob(f"*{contract.RECORDS_SUFFIX}"))
    if len(files) != 1:
        found = ", ".join(file.name for file in files) or "none"
        raise ChannelError(
            f"channel '{name}': {folder}: must hold one {contract.RECORDS_SUFFIX} file (found: {found})."
            f" Give the training job an input '{name}' with one RecordIO file."
        )
    labels = tuple(record.labels(files[0], num_classes))
    if not labels:
        raise ChannelError(f"channel '{name}': {files[0]}: no record. Give it at least one picture.")
    return Channel(name, files[0], labels)


@dataclass(frozen=True)
class Batch:
    """Some pictures and their labels."""

    data: Any
    """Float32 pixels from 0 to 255, red, green, blue: (batch, 3, height, width)."""
    label: Any
    """Class positions as float32: (batch,)."""
    filled: int
    """How many of them are in place of missing ones, at the end."""


def batches(
    channel: Channel, *, batch_size: int, image_shape: tuple[int, int, int], augmentation: str | None, seed: int | None
) -> Iterator[Batch]:
    """Yield the channel's pictures once, the last batch filled up with its first pictures.

    Args:
        channel: What to read.
        batch_size: Pictures in a batch.
        image_shape: Channels, height and width of a picture; records of another size are scaled or cropped.
        augmentation: A key of `AUGMENTATIONS`.
        seed: Decides the order and the augmentations; None reads in order of the file.

    Raises:
        ChannelError: A picture cannot be decoded.
    """
    order = {} if seed is None else {"shuffle": True, "seed": seed, "seed_aug": seed}
    read = min(batch_size, len(channel))  # the reader fills a batch up with its first pictures, but only once over
    try:
        for batch in mx.io.ImageRecordIter(
            path_imgrec=str(channel.file),
            data_shape=image_shape,
            batch_size=read,
            preprocess_threads=_DECODING_THREADS,
            verbose=False,
            **order,
            **AUGMENTATIONS[augmentation],
        ):
            # The reader hands out pinned memory, which a compiled network refuses to mix with its own.
            data, label = (array.as_in_context(mx.cpu()) for array in (batch.data[0], batch.label[0]))
            if read < batch_size:
                again = mx.nd.arange(batch_size) % read
                data, label = data.take(again), label.take(again)
            yield Batch(data, label, batch.pad + batch_size - read)
    except mx.MXNetError as error:
        cause = str(error).strip().splitlines()[-1]
        raise ChannelError(
            f"channel '{channel.name}': a picture cannot be decoded ({cause})."
            " Write the channel again: run the Preprocess step once more."
        ) from error


def class_counts(channel: Channel, num_classes: int) -> list[int]:
    """Return how many records each class has."""
    return [int(count) for count in np.bincount(channel.labels, minlength=num_classes)]
