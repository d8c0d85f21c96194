# SPDX-License-Identifier: MIT-0
"""Tests whether a window differs from the baseline: one test for each feature, with its effect size.

A difference is a violation only if it is significant after adjustment for all checks of the window (Holm), so that a
window like the baseline seldom raises an alarm, and large enough to matter, so that a window of a hundred thousand
images raises none for a negligible difference.

Images of one lesion or patient are correlated and carry less information than independent ones. The number of lesions
in a window is unknown. It is assumed to repeat lesions as the baseline does, and both are counted at their effective
sample size. Identical images count once, and have a check of their own.

Sources: Kolmogorov and Smirnov's two-sample test, with scipy's distribution; Rao and Scott, "On chi-squared tests for
multiway contingency tables" (1984), for counts at their effective size; Cochran (1954) for pooling classes of which
fewer than five are expected; Cliff, "Dominance statistics" (1993); Holm (1979).
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from pipeline_src import contract
from pipeline_src.drift import drift_baseline, image_features
from pipeline_src.drift.capture_window import CaptureWindow
from pipeline_src.drift.drift_baseline import DriftBaseline
from pipeline_src.drift.image_features import FeatureTable

KOLMOGOROV_SMIRNOV: Final = "Kolmogorov-Smirnov"
CHI_SQUARE: Final = "chi-square"
BINOMIAL: Final = "binomial"
_POOLED: Final = 5.0  # least expected count of a class in the smaller sample; rarer classes are pooled

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class DriftCheck:
    """The comparison of one feature of a window with the baseline.

    Attributes:
        name: of the feature.
        test: name of the test.
        effect: effect size from 0 to 1: the distance of two distributions, or the share of repeated or unreadable
            requests.
        threshold: least effect that matters.
        p_value: of this test.
        level: significance level.
        baseline: median of the baseline, or the expected share.
        window: likewise of the window.
        adjusted: the p-value adjusted for all checks of the window.
        direction: Cliff's delta, -1 (all lower than in the baseline) to 1; None for unordered features.
        note: details.
    """

    name: str
    test: str
    effect: float
    threshold: float
    p_value: float
    level: float
    baseline: float
    window: float
    adjusted: float = 1.0
    direction: float | None = None
    note: str = ""

    @property
    def significant(self) -> bool:
        """True if the adjusted p-value is below the level."""
        return self.adjusted < self.level

    @property
    def violated(self) -> bool:
        """True if the difference is significant and large enough to matter."""
        return self.significant and self.effect >= self.threshold


def run_drift_checks(window: CaptureWindow, known: DriftBaseline) -> list[DriftCheck]:
    """Return the checks that are not turned off, in the order of `drift_baseline.CHECK_NAMES`.

    Checks of images are left out if the window or the baseline has fewer than `DriftConstraints.least`.
    """
    table, limits = window.sample.table(), known.constraints
    made: list[DriftCheck | None] = []
    if len(table) >= limits.least and known.images >= limits.least:
        made += [_check_number(name, table, known) for name in image_features.FEATURE_NAMES]
        made.append(_check_class_mix(table, known))
    if window.requests + window.rejections.total >= limits.least:
        made += [_check_repeated(window, known), _check_unreadable(window, known)]
    return _adjust_checks([check for check in made if check is not None])


def holm_adjusted_p_values(p_values: Floats) -> Floats:
    """Return `p_values` (k,) adjusted for the probability of any false rejection (Holm).

    The adjustment holds for dependent tests, such as those of brightness and contrast.
    """
    order = np.argsort(p_values, kind="stable")
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(p_values[order] * np.arange(len(p_values), 0, -1)))
    return adjusted


def _adjust_checks(checks: list[DriftCheck]) -> list[DriftCheck]:
    adjusted = holm_adjusted_p_values(np.array([check.p_value for check in checks]))
    return [replace(check, adjusted=float(value)) for check, value in zip(checks, adjusted, strict=True)]


def _check_number(name: str, table: FeatureTable, known: DriftBaseline) -> DriftCheck | None:
    threshold = known.constraints.thresholds.get(name)
    if threshold is None:
        return None
    before, now = known.values[name], np.sort(table[:, image_features.FEATURE_NAMES.index(name)].astype(np.float64))
    distance = _distance(before, now)
    size = known.effective * len(now) / (known.images + len(now))  # both samples at the baseline's effective share
    return DriftCheck(
        *(name, KOLMOGOROV_SMIRNOV, distance, threshold),
        p_value=float(stats.kstwo.sf(distance, max(1, round(size)))),
        level=known.constraints.level,
        baseline=float(np.median(before)),
        window=float(np.median(now)),
        direction=_cliff(before, now),
    )


def _distance(before: Floats, now: Floats) -> float:
    """Return the largest distance of the two distribution functions; both are sorted."""
    places = np.concatenate([before, now])
    shares = [np.searchsorted(each, places, "right") / len(each) for each in (before, now)]
    return float(np.abs(shares[0] - shares[1]).max())


def _cliff(before: Floats, now: Floats) -> float:
    """Return Cliff's delta of `now` against `before`; both are sorted."""
    below, up_to = np.searchsorted(before, now, "left"), np.searchsorted(before, now, "right")
    return float((below + up_to).mean() / len(before) - 1)


def _check_class_mix(table: FeatureTable, known: DriftBaseline) -> DriftCheck | None:
    threshold = known.constraints.thresholds.get(drift_baseline.CLASS_MIX)
    if threshold is None:
        return None
    counts = np.array([known.mix, image_features.count_predicted_classes(table)], np.float64)
    shares = counts / counts.sum(axis=1, keepdims=True)
    gained = shares[1] - shares[0]
    most = int(np.argmax(np.abs(gained)))
    label = contract.CLASS_LABELS[most]
    return DriftCheck(
        *(drift_baseline.CLASS_MIX, CHI_SQUARE, float(np.abs(gained).sum() / 2), threshold),
        p_value=_homogeneity(counts * known.effective / known.images),
        level=known.constraints.level,
        baseline=float(shares[0, most]),
        window=float(shares[1, most]),
        note=f"{label} {shares[0, most]:.0%} of the baseline, {shares[1, most]:.0%} of the window",
    )


def _homogeneity(counts: Floats) -> float:
    """Return the p-value of the chi-square test that both rows of `counts` (2, classes) have the same mix."""
    expected = counts.sum(axis=0) * counts.sum(axis=1, keepdims=True).min() / counts.sum()
    rare = expected.ravel() < _POOLED
    pooled = np.column_stack([counts[:, ~rare], counts[:, rare].sum(axis=1)])
    used = pooled[:, pooled.sum(axis=0) > 0]
    return float(stats.chi2_contingency(used, correction=False).pvalue) if used.shape[1] > 1 else 1.0


def _check_repeated(window: CaptureWindow, known: DriftBaseline) -> DriftCheck | None:
    """Check the share of repeated images among the sampled requests."""
    total, different = window.sample.requests, len(window.sample)
    most = window.sample.most()
    note = f"one image was sent {most:,} times" if most > 1 else ""
    return _check_share(drift_baseline.REPEATED_IMAGES, total - different, total, known, note)


def _check_unreadable(window: CaptureWindow, known: DriftBaseline) -> DriftCheck | None:
    counts = window.rejections.counts
    note = ", ".join(f"{reason} {count:,}" for reason, count in sorted(counts.items(), key=lambda each: -each[1])[:3])
    rejected = window.rejections.total
    return _check_share(drift_baseline.UNREADABLE_REQUESTS, rejected, window.requests + rejected, known, note)


def _check_share(name: str, hits: int, total: int, known: DriftBaseline, note: str) -> DriftCheck | None:
    """Check with the exact binomial test that `hits` are at most the expected share of `total`."""
    threshold, expected = known.constraints.thresholds.get(name), known.constraints.expected[name]
    if threshold is None or not total:
        return None
    chance = float(stats.binom.sf(hits - 1, total, expected))
    share = hits / total
    return DriftCheck(name, BINOMIAL, share, threshold, chance, known.constraints.level, expected, share, note=note)
