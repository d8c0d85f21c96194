# SPDX-License-Identifier: MIT-0
"""Tests whether a window differs from the baseline: one check for each feature, with its effect size.

The effect triggers, not the p-value. A feature is violated if at least half of the images lie beyond the 1 % most
extreme images of the baseline on one side: where the model was hardly tested. Narrower distributions, another class
mix and one session's light seldom reach that, whatever their p-value; smaller shifts that last are found over several
days (`lasting_shift`). The difference must also be significant after adjustment for all checks of the window (Holm).

Images of one lesion, patient or session are correlated and carry less information than independent ones. The variance
of a share is therefore computed over clusters: the sessions that the caller names (`captured_requests`), or else ten
blocks of consecutive requests. The ratio to the variance of independent images is the design effect, and the number of
images over it the effective sample size. Identical images count once, and have a check of their own.

Checks of the file (size in pixels, bytes) are notices and no violations: the model sees resized pixels. So is the class
mix against the dataset, which no practice shares. It is checked once a baseline of production has been accepted.

Sources: Kish, "Survey Sampling" (1965), for the design effect; Liang and Zeger, "Longitudinal data analysis using
generalized linear models" (1986), for the variance over clusters; Schmeiser, "Batch size effects in the analysis of
simulation output" (1982), for ten blocks; Rao and Scott, "On chi-squared tests for multiway contingency tables" (1984),
for counts at their effective size; Cochran (1954) for pooling classes of which fewer than five are expected; Cliff,
"Dominance statistics" (1993); Holm (1979).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from pipeline_src import contract
from pipeline_src.drift import drift_baseline, image_features
from pipeline_src.drift.capture_window import CaptureWindow, MeasuredImage
from pipeline_src.drift.drift_baseline import DriftBaseline
from pipeline_src.drift.image_features import FeatureTable

BEYOND_RANGE: Final = "share beyond the tested range"
CHI_SQUARE: Final = "chi-square"
BINOMIAL: Final = "binomial"
_POOLED: Final = 5.0  # least expected count of a class in the smaller sample; rarer classes are pooled

TAIL: Final = 0.01  # of the baseline, on each side, is hardly tested
BLOCKS: Final = 10  # of consecutive requests, where no sessions are named
LEAST_SESSIONS: Final = 10

Clusters = NDArray[np.intp]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class DriftCheck:
    """The comparison of one feature of a window with the baseline.

    Attributes:
        name: of the feature.
        test: name of the test.
        effect: effect size from 0 to 1: the share of the images beyond the tested range, the total variation of the
            class mix, or the share of repeated or unreadable requests.
        threshold: least effect that matters.
        p_value: of this test.
        level: significance level.
        baseline: median of the baseline, or the expected share.
        window: likewise of the window.
        adjusted: the p-value adjusted for all checks of the window.
        direction: Cliff's delta, -1 (all lower than in the baseline) to 1; None for unordered features.
        note: details.
        design_effect: variance of the effect over that of independent images.
        notice: True if the check is shown only, and never violated.
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
    design_effect: float = 1.0
    notice: bool = False

    @property
    def significant(self) -> bool:
        """True if the adjusted p-value is below the level."""
        return self.adjusted < self.level

    @property
    def violated(self) -> bool:
        """True if the difference is significant and large enough to matter, and the check no notice."""
        return not self.notice and self.striking

    @property
    def striking(self) -> bool:
        """True if the difference is significant and large enough to matter."""
        return self.significant and self.effect >= self.threshold


def run_drift_checks(window: CaptureWindow, images: Sequence[MeasuredImage], known: DriftBaseline) -> list[DriftCheck]:
    """Return the checks that are not turned off, in the order of `drift_baseline.CHECK_NAMES`.

    Checks of images are left out if there are fewer than `DriftConstraints.least`, here or in the baseline.

    Args:
        window: the requests, for the checks of requests.
        images: the distinct images of the window, or of several, in the order of their requests.
        known: the baseline.
    """
    limits = known.constraints
    made: list[DriftCheck | None] = []
    if len(images) >= limits.least and known.images >= limits.least:
        made += check_images(images, known)
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


def check_images(images: Sequence[MeasuredImage], known: DriftBaseline) -> list[DriftCheck | None]:
    """Return the checks of `images`, which are in the order of their requests; None for checks that are turned off."""
    table, clusters = np.array([each.row for each in images]), image_clusters(images)
    checked = [_check_number(name, table, clusters, known) for name in image_features.FEATURE_NAMES]
    return [*checked, _check_class_mix(table, clusters, known)]


def image_clusters(images: Sequence[MeasuredImage]) -> Clusters:
    """Return the cluster of each image: its session if every image has one, or else its block of requests."""
    names, clusters = np.unique([each.sent.session for each in images], return_inverse=True)
    if len(names) >= LEAST_SESSIONS and names[0]:
        return clusters
    return np.arange(len(images)) * BLOCKS // len(images)


def clustered_variance(values: Floats, clusters: Clusters) -> float:
    """Return the variance of the mean of `values` (n,) over `clusters` (n,), which are independent of each other."""
    sums = np.bincount(clusters, values - values.mean())
    return float(len(sums) / (len(sums) - 1) * (sums**2).sum() / len(values) ** 2)


def _check_number(name: str, table: FeatureTable, clusters: Clusters, known: DriftBaseline) -> DriftCheck | None:
    threshold = known.constraints.thresholds.get(name)
    if threshold is None:
        return None
    before, now = known.values[name], table[:, image_features.FEATURE_NAMES.index(name)].astype(np.float64)
    lower, upper = np.quantile(before, (TAIL, 1 - TAIL))
    beyond = max(now < lower, now > upper, key=np.count_nonzero).astype(np.float64)
    p_value, design_effect = _share_p_value(beyond, clusters, known.images / known.effective)
    return DriftCheck(
        *(name, BEYOND_RANGE, float(beyond.mean()), threshold),
        p_value=p_value,
        level=known.constraints.level,
        baseline=float(np.median(before)),
        window=float(np.median(now)),
        direction=_cliff(before, now),
        design_effect=design_effect,
        notice=name in image_features.FILE_FEATURES,
    )


def _share_p_value(beyond: Floats, clusters: Clusters, least: float) -> tuple[float, float]:
    """Return the p-value of the t test that a share is above `TAIL`, on either side, and its design effect.

    Args:
        beyond: 1 for images beyond the range, otherwise 0 (n,).
        clusters: of each image (n,).
        least: least design effect, that of the baseline.
    """
    share, independent = float(beyond.mean()), TAIL * (1 - TAIL) / len(beyond)
    variance = max(clustered_variance(beyond, clusters), least * independent)
    score = (share - TAIL) / variance**0.5
    spread = max(share * (1 - share) / len(beyond), independent)
    return float(min(1.0, 2 * stats.t.sf(score, int(clusters.max())))), variance / spread


def _cliff(before: Floats, now: Floats) -> float:
    """Return Cliff's delta of `now` against `before`, which is sorted."""
    below, up_to = np.searchsorted(before, now, "left"), np.searchsorted(before, now, "right")
    return float((below + up_to).mean() / len(before) - 1)


def _check_class_mix(table: FeatureTable, clusters: Clusters, known: DriftBaseline) -> DriftCheck | None:
    threshold = known.constraints.thresholds.get(drift_baseline.CLASS_MIX)
    if threshold is None:
        return None
    counts = np.array([known.mix, image_features.count_predicted_classes(table)], np.float64)
    shares = counts / counts.sum(axis=1, keepdims=True)
    design_effect = max(known.images / known.effective, mix_design_effect(table, clusters))
    effective = counts / [[known.images / known.effective], [design_effect]]
    gained = shares[1] - shares[0]
    most = int(np.argmax(np.abs(gained)))
    label = contract.CLASS_LABELS[most]
    return DriftCheck(
        *(drift_baseline.CLASS_MIX, CHI_SQUARE, float(np.abs(gained).sum() / 2), threshold),
        p_value=_homogeneity(effective),
        level=known.constraints.level,
        baseline=float(shares[0, most]),
        window=float(shares[1, most]),
        note=f"{label} {shares[0, most]:.0%} of the baseline, {shares[1, most]:.0%} of the window",
        design_effect=design_effect,
        notice=known.accepted is None,
    )


def mix_design_effect(table: FeatureTable, clusters: Clusters) -> float:
    """Return the mean design effect of the classes' shares, weighted by their variances."""
    classes = np.eye(len(contract.CLASS_LABELS))[image_features.predicted_classes(table)]
    variances = sum(clustered_variance(each, clusters) for each in classes.T)
    shares = classes.mean(axis=0)
    independent = float((shares * (1 - shares)).sum()) / len(classes)
    return variances / independent if independent else 1.0


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
