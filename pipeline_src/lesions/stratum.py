# SPDX-License-Identifier: MIT-0
"""How much is right of each class of a set of images, and on average, as draws from which intervals are taken."""

from dataclasses import dataclass

import numpy as np

from pipeline_src import contract
from pipeline_src.lesions import estimate, melding, metrics
from pipeline_src.lesions.estimate import BOOTSTRAP, TAIL, Draws, Estimate, Mask
from pipeline_src.lesions.prediction import Predictions
from pipeline_src.lesions.resampling import Resamples


@dataclass(frozen=True)
class Strata:
    """K classes of a set of images, by themselves and on average.

    Attributes:
        classes: their labels.
        columns: (N, K), whether an image is in the set and of the class.
        shares: (K,), the share of the class that is right.
        lower: (B, K), draws of that share for its lower end; see `melding.draws`.
        upper: (B, K), likewise for its upper end.
    """

    classes: tuple[str, ...]
    columns: Mask
    shares: Draws
    lower: Draws
    upper: Draws

    @property
    def rows(self) -> Mask:
        """(N,), the images of any of the classes."""
        rows: Mask = self.columns.any(axis=1)
        return rows

    @property
    def value(self) -> float:
        """The mean share of the classes."""
        return float(self.shares.mean())

    @property
    def low(self) -> Draws:
        """(B,), draws of `value` for its lower end."""
        means: Draws = self.lower.mean(axis=1)
        return means

    @property
    def high(self) -> Draws:
        """(B,), draws of `value` for its upper end."""
        means: Draws = self.upper.mean(axis=1)
        return means

    def of(self, labels: tuple[str, ...]) -> "Strata":
        """Return the same of `labels` alone."""
        kept = [self.classes.index(label) for label in labels]
        return Strata(labels, self.columns[:, kept], self.shares[kept], self.lower[:, kept], self.upper[:, kept])


def measure(test: Predictions, rows: Mask, labels: tuple[str, ...], resamples: Resamples) -> Strata:
    """Measure the classes `labels`, each of which has an image among the images `rows` (N,) of `test`."""
    positions = [contract.CLASS_LABELS.index(label) for label in labels]
    columns = metrics.one_hot(test.truth)[:, positions] & rows[:, np.newaxis]
    hits = columns & (test.truth == test.predicted)[:, np.newaxis]
    return Strata(
        labels, columns, estimate.shares(hits, columns), *melding.draws(hits, columns, resamples, test.images)
    )


def estimated(test: Predictions, rows: Mask, value: float, low: Draws, high: Draws) -> Estimate:
    """Return `value`, measured on the images `rows` (N,), with the interval that its draws (B,) give."""
    ends = float(np.quantile(low, TAIL)), float(np.quantile(high, 1 - TAIL))
    return Estimate(value, *ends, int(np.count_nonzero(rows)), estimate.count_lesions(test.images, rows), BOOTSTRAP)
