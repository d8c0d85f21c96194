# SPDX-License-Identifier: MIT-0
"""Finds shifts of a feature that are too small for one window but last over several.

The images of each window get normal scores by their ranks in the baseline: 0 is its middle, 1 one standard deviation
above. The mean scores of consecutive windows, each over its standard error, add up in two cumulative sums, one for each
direction, which forget differences below half a standard error. The standard error of a window is the larger of two:
that of its images, over clusters, and that of windows, from the mean difference of consecutive ones, which a lasting
shift hardly changes. One session's light each day so counts once a day. A shift is violated if the sum exceeds its
limit and the mean score since its start is at least three quarters of a standard deviation.

Only features of the picture are checked: those of the answer follow the class mix, which no practice shares with the
dataset.

Sources: Page, "Continuous inspection schemes" (1954), for the sums; Siegmund, "Sequential Analysis" (1985), for the
limit: 10 standard errors are exceeded by chance once in 70,000 windows with independent normal means; Montgomery,
"Introduction to Statistical Quality Control" (2012), for the moving range; van der Waerden (1952) for the scores.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from pipeline_src.drift import drift_tests, image_features
from pipeline_src.drift.capture_window import MeasuredImage
from pipeline_src.drift.drift_baseline import DriftBaseline

LASTING_FEATURES: Final = tuple(
    name for name in image_features.IMAGE_FEATURES if name not in image_features.FILE_FEATURES
)
LEAST_WINDOWS: Final = 8  # for the moving range
LEAST_SHIFT: Final = 0.75  # standard deviations of the baseline
_LEAST_IMAGES: Final = 20  # of a window; smaller ones are joined with the next
_ALLOWANCE: Final = 0.5  # standard errors
LIMIT: Final = 10.0  # standard errors
_MEAN_RANGE: Final = 1.128  # mean difference of two normal values, in standard deviations
_FARTHEST: Final = 2.5  # standard deviations; scores beyond are cut off

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LastingShift:
    """The change of one feature over several windows.

    Attributes:
        feature: its name.
        shift: mean score since the cumulative sum was 0 last, in standard deviations of the baseline.
        statistic: the larger cumulative sum, in standard errors.
        windows: number of windows since then, joined ones counted once.
        images: their number of images.
    """

    feature: str
    shift: float
    statistic: float
    windows: int
    images: int

    @property
    def name(self) -> str:
        """Name in the list of violations."""
        return f"lasting_{self.feature}"

    @property
    def violated(self) -> bool:
        """True if the shift has lasted and is large enough to matter."""
        return self.statistic >= LIMIT and abs(self.shift) >= LEAST_SHIFT


def find_lasting_shifts(windows: Sequence[Sequence[MeasuredImage]], known: DriftBaseline) -> list[LastingShift]:
    """Return the change of each of `LASTING_FEATURES` at the end of `windows`; none for fewer than `LEAST_WINDOWS`.

    Args:
        windows: the images of consecutive windows, oldest first.
        known: the baseline; checks that it turns off are left out.
    """
    joined = list(_joined(windows))
    if len(joined) < LEAST_WINDOWS or known.images < known.constraints.least:
        return []
    least = known.images / known.effective
    tables = [(np.array([each.row for each in images]), drift_tests.image_clusters(images)) for images in joined]
    found = []
    for name in LASTING_FEATURES:
        if known.constraints.thresholds.get(name) is None:
            continue
        at, before = image_features.FEATURE_NAMES.index(name), known.values[name]
        means, errors = np.zeros(len(joined)), np.zeros(len(joined))
        for number, (table, clusters) in enumerate(tables):
            scores = normal_scores(before, table[:, at].astype(np.float64))
            means[number] = scores.mean()
            errors[number] = max(drift_tests.clustered_variance(scores, clusters), least / len(scores)) ** 0.5
        found.append(_cumulated(name, means, errors, [len(images) for images in joined]))
    return found


def normal_scores(before: Floats, now: Floats) -> Floats:
    """Return the normal scores (n,) of the values `now` by their ranks in `before`, which is sorted."""
    ranks = (np.searchsorted(before, now, "left") + np.searchsorted(before, now, "right")) / 2
    scores = stats.norm.ppf((ranks + 0.5) / (len(before) + 1))
    return np.asarray(np.clip(scores, -_FARTHEST, _FARTHEST))


def _joined(windows: Sequence[Sequence[MeasuredImage]]) -> Iterator[list[MeasuredImage]]:
    """Yield `windows`, small ones joined with the next; too few images at the end are left for the next run."""
    images: list[MeasuredImage] = []
    for each in windows:
        images += each
        if len(images) >= _LEAST_IMAGES:
            yield images
            images = []


def _cumulated(name: str, means: Floats, errors: Floats, images: Sequence[int]) -> LastingShift:
    moving_range = float(np.abs(np.diff(means)).mean()) / _MEAN_RANGE
    steps = means / np.maximum(errors, moving_range)
    best = LastingShift(name, 0.0, 0.0, 0, 0)
    for sign in (1, -1):
        total, start = 0.0, 0
        for number, step in enumerate(sign * steps):
            total = max(0.0, total + step - _ALLOWANCE)
            if not total:
                start = number + 1
        if total > best.statistic:
            run = slice(start, None)
            shift = float(np.average(means[run], weights=np.array(images)[run]))
            best = LastingShift(name, shift, total, len(means) - start, sum(images[run]))
    return best
