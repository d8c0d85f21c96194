# SPDX-License-Identifier: MIT-0
"""Bootstrap over lesions: how often each image is in each of many test sets that could as well have been drawn.

Images of one lesion look alike, so that a second one tells less than a second lesion would: whole lesions are drawn,
with replacement, and a lesion's images come with it as often as it does. Draws are stratified by class (as many
lesions of each class as there are), so that no resample lacks a class. A stratum's draws depend on its lesions' ids
alone: neither the order of the images nor the name of a class, nor any other class, changes them.

Source: Field and Welsh, Bootstrapping clustered data, J. R. Stat. Soc. B 69 (2007), the cluster bootstrap.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from pipeline_src.lesions.holdout import HoldoutImage

RESAMPLES: Final = 2000
_CHUNK: Final = 128  # resamples that are drawn at once: 10,000 lesions then take 10 MB beside the weights

Weights = npt.NDArray[np.float32]
Codes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Resamples:
    """Resampled test sets, as multiplicities.

    Attributes:
        weights: (B, N), how often image i is in resample b; whole numbers, of which float32 adds up 16 million exactly.
    """

    weights: Weights

    def of(self, rows: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> "Resamples":
        """Return the same resamples, seen by the images at `rows` alone."""
        return Resamples(np.ascontiguousarray(self.weights[:, rows]))


def draw(images: Sequence[HoldoutImage], count: int = RESAMPLES) -> Resamples:
    """Draw `count` resamples of `images`; the same images, in any order, always give the same ones."""
    weights = np.zeros((count, len(images)), dtype=np.float32)
    for columns, codes, source in _strata(images):
        for start in range(0, count, _CHUNK):
            rows = weights[start : start + _CHUNK]
            rows[:, columns] = _multiplicity(source, len(rows), int(codes.max()) + 1)[:, codes]
    return Resamples(weights)


def generator(lesions: Iterable[str], purpose: str) -> np.random.Generator:
    """Return a source of random numbers that depends on the set of `lesions` and on `purpose` alone."""
    text = "\n".join(sorted(set(lesions)))
    digest = hashlib.blake2b(text.encode(), digest_size=16, person=purpose.encode()).digest()
    return np.random.default_rng(int.from_bytes(digest, "big"))


def _strata(images: Sequence[HoldoutImage]) -> Iterator[tuple[Codes, Codes, np.random.Generator]]:
    """Yield for each class the columns of its images, the numbers of their lesions, and the source of its draws."""
    by_label: dict[str, list[int]] = defaultdict(list)
    for column, image in enumerate(images):
        by_label[image.label].append(column)
    for columns in by_label.values():
        lesions, codes = np.unique([images[column].lesion_id for column in columns], return_inverse=True)
        yield np.array(columns), codes, generator(lesions.tolist(), "draws")


def _multiplicity(source: np.random.Generator, rows: int, lesions: int) -> npt.NDArray[np.int64]:
    """Return (rows, lesions): how often each lesion comes in as many draws as there are lesions, a row a resample."""
    drawn = source.integers(lesions, size=(rows, lesions), dtype=np.int32) + lesions * np.arange(rows)[:, np.newaxis]
    return np.bincount(drawn.ravel(), minlength=rows * lesions).reshape(rows, lesions)
