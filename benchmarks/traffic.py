# SPDX-License-Identifier: MIT-0
"""Draws baselines and windows from one pool of measured images; no lesion is in both."""

from collections.abc import Mapping
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks import shift
from benchmarks.shift import Names
from pipeline_src.drift import image_features
from pipeline_src.drift.capture_window import CaptureWindow
from pipeline_src.drift.drift_baseline import DriftBaseline, DriftConstraints
from pipeline_src.drift.image_features import FeatureTable

MIX: Final = "class mix: melanoma x3"
PART: Final = "colour cast, 1 of 2 cameras"
REPEATS: Final = "one image in 10 repeated"
KINDS: Final = (*shift.EDITS, PART, MIX, REPEATS)
BASELINES: Final = 20
_HELD_OUT: Final = 0.35  # of the lesions: validation and test together, as the pipeline splits
_MELANOMA_WEIGHT: Final = 3

Rows = NDArray[np.intp]
Random = np.random.Generator


class Traffic:
    """The pool: feature tables by kind of shift (n, `FEATURE_COLUMNS`), and lesion and class of each image (n,)."""

    def __init__(self, tables: Mapping[str, FeatureTable], lesions: Names, labels: Names) -> None:
        self._tables = tables
        self._labels = labels
        _, self._lesion = np.unique(lesions, return_inverse=True)
        self._held_out = cache(self._drawn)

    def pair(self, kind: str, size: int, number: int, random: Random) -> tuple[DriftBaseline, CaptureWindow]:
        """Return baseline `number`, and a window of `kind` with `size` requests."""
        held_out = self._held_out(number)
        known = self._baseline(held_out)
        left = np.flatnonzero(~np.isin(self._lesion, held_out))
        return known, self._window(kind, self._chosen(kind, left, size, random), random)

    def _drawn(self, number: int) -> NDArray[np.int64]:
        lesions = np.random.default_rng([9, number]).permutation(int(self._lesion.max()) + 1)
        return lesions[: round(_HELD_OUT * len(lesions))]

    def _baseline(self, held_out: NDArray[np.int64]) -> DriftBaseline:
        rows = np.isin(self._lesion, held_out)
        table, sizes = self._tables[shift.CLEAN][rows], np.bincount(self._lesion[rows])
        values = {
            name: np.sort(table[:, at].astype(np.float64)) for at, name in enumerate(image_features.FEATURE_NAMES)
        }
        effective = float(sizes.sum() ** 2 / (sizes**2).sum())
        return DriftBaseline(
            values, image_features.count_predicted_classes(table), len(table), effective, DriftConstraints()
        )

    def _chosen(self, kind: str, left: Rows, size: int, random: Random) -> Rows:
        """Return `size` of the images `left`, lesion by lesion.

        For another class mix they are drawn image by image with replacement, because there are too few melanomas.
        """
        if kind == MIX:
            weights = np.where(self._labels[left] == "mel", _MELANOMA_WEIGHT, 1.0)
            return random.choice(left, size, p=weights / weights.sum())
        rank = random.permutation(int(self._lesion.max()) + 1)
        ranked: Rows = left[np.argsort(rank[self._lesion[left]], kind="stable")]
        if len(ranked) < size:
            raise SystemExit(f"images: {len(ranked)} left for a window of {size}. Draw more with --images.")
        return ranked[:size]

    def _window(self, kind: str, chosen: Rows, random: Random) -> CaptureWindow:
        window = CaptureWindow(requests=len(chosen))
        shifted = self._tables["colour cast" if kind == PART else kind if kind in shift.EDITS else shift.CLEAN]
        for number, row in enumerate(chosen):
            # All images of a lesion come from one camera.
            other = kind == PART and self._lesion[row] % 2 == 0
            window.sample.add(number, (self._tables[shift.CLEAN] if other else shifted)[row])
        if kind == REPEATS:
            for number in random.choice(len(chosen), len(chosen) // 10, replace=False):
                window.sample.add(int(number), shifted[chosen[number]])
        return window
