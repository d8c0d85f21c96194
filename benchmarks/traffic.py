# SPDX-License-Identifier: MIT-0
"""Draws baselines and windows of production from one pool of measured images; no lesion is in both.

Clean traffic has the features of the baseline, but its images are correlated, as in practice: several images show one
lesion, a patient is photographed in a burst, one lamp lights a whole day, or a practice sees other classes. Correlated
features are made from independent ones by a Gaussian copula: the normal scores of an image and of the image that
stands for its lesion, patient or session are added with weights sqrt(1 - r) and sqrt(r), and mapped back to the pool's
values. Each feature keeps its distribution, and two images of a group have the correlation r. Source: Nelsen, "An
Introduction to Copulas" (2006).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from benchmarks import shift
from benchmarks.shift import Names
from pipeline_src.drift import image_features
from pipeline_src.drift.capture_window import CaptureWindow, RequestOrigin
from pipeline_src.drift.drift_baseline import DriftBaseline, DriftConstraints
from pipeline_src.drift.image_features import FeatureTable

BASELINES: Final = 20
REPEATS: Final = "one image in 10 repeated"
_HELD_OUT: Final = 0.35  # of the lesions: validation and test together, as the pipeline splits
_LIGHT: Final = ("brightness", "redness", "yellowness")
_LIGHT_CORRELATION: Final = 0.5  # of the images of one session
_PATIENT_CORRELATION: Final = 0.5
_LESION_CORRELATION: Final = 0.8
_SECONDS: Final = 30.0  # from one image to the next
_SESSION_IMAGES: Final = 20

Rows = NDArray[np.intp]
Floats = NDArray[np.float64]
Random = np.random.Generator


@dataclass(frozen=True)
class Pattern:
    """How the images of a window are correlated.

    Attributes:
        lesion: images of one lesion, one after the other.
        burst: share of the images that show one patient, one after the other.
        light: images under one light; 0 for light that is independent.
        weights: how often a class is drawn, relative to the pool; other classes 1.
        keyed: True if the caller gives a session key.
    """

    lesion: int = 1
    burst: float = 0.0
    light: int = 0
    weights: Mapping[str, float] | None = None
    keyed: bool = False


ORDINARY: Final = "own light each session"  # shifts are correlated like this
_WHOLE_DAY: Final = 1 << 30
_SUN: Final = {"nv": 0.4, "bkl": 2.0, "bcc": 3.0, "akiec": 3.0}
CLEAN_PATTERNS: Final[dict[str, Pattern]] = {
    "independent lesions": Pattern(),
    "five images a lesion": Pattern(lesion=5),
    "a burst of one patient (30 %)": Pattern(burst=0.3),
    "the same, with session keys": Pattern(burst=0.3, keyed=True),
    "one light all day": Pattern(light=_WHOLE_DAY),
    ORDINARY: Pattern(lesion=2, light=_SESSION_IMAGES),
    "own class mix: three times the melanomas": Pattern(weights={"mel": 3.0}),
    "own class mix: sun-damaged skin": Pattern(weights=_SUN),
    "burst, one light, own class mix": Pattern(burst=0.3, light=_WHOLE_DAY, weights=_SUN),
}
SHIFTS: Final = tuple(kind for kind in shift.EDITS if kind != shift.CLEAN)
KINDS: Final = (*CLEAN_PATTERNS, *SHIFTS, REPEATS)


class DrawnImages(NamedTuple):
    """The images of a window in the order of their requests: features (n, `FEATURE_COLUMNS`) and session keys."""

    table: FeatureTable
    sessions: list[str]


class Traffic:
    """The pool: feature tables by kind of shift (n, `FEATURE_COLUMNS`), and lesion and class of each image (n,)."""

    def __init__(self, tables: Mapping[str, FeatureTable], lesions: Names, labels: Names) -> None:
        self._tables = tables
        self._labels = labels
        _, self._lesion = np.unique(lesions, return_inverse=True)
        self._scores = {kind: _normal_scores(table) for kind, table in tables.items()}
        self._sorted = {kind: np.sort(table, axis=0) for kind, table in tables.items()}
        self.baseline = cache(self._baseline)

    def images(self, kind: str, size: int, number: int, random: Random) -> DrawnImages:
        """Return `size` images of `kind`, of lesions that are not in baseline `number`."""
        pattern = CLEAN_PATTERNS.get(kind, CLEAN_PATTERNS[ORDINARY])
        table = kind if kind in shift.EDITS else shift.CLEAN
        pool, known = self._scores[table], self._tables[table]
        left = np.flatnonzero(~np.isin(self._lesion, self._held_out(number)))
        weights = np.array([(pattern.weights or {}).get(str(label), 1.0) for label in self._labels[left]])

        def draw(count: int) -> Rows:
            chosen: Rows = random.choice(left, count, replace=count > len(left) // 2, p=weights / weights.sum())
            return chosen

        own, place = draw(size), np.arange(size)
        answered, scores, sessions = own, pool[own], place // _SESSION_IMAGES
        if pattern.lesion > 1:
            answered = draw(-(-size // pattern.lesion))[place // pattern.lesion]
            scores = _mixed(scores, pool[answered], _LESION_CORRELATION)
        if pattern.burst:
            length = int(pattern.burst * size)
            begin = int(random.integers(0, size - length + 1))
            shown = (place >= begin) & (place < begin + length)
            scores[shown] = _mixed(scores[shown], pool[draw(1)], _PATIENT_CORRELATION)
            sessions = np.where(shown, size, sessions)
        if pattern.light:
            lit = place // pattern.light
            columns = [image_features.FEATURE_NAMES.index(name) for name in _LIGHT]
            lamps = pool[draw(int(lit[-1]) + 1)][lit][:, columns]
            scores[:, columns] = _mixed(scores[:, columns], lamps, _LIGHT_CORRELATION)
        values = _values(scores, self._sorted[table])
        answers = len(image_features.IMAGE_FEATURES)
        values[:, answers:] = known[answered][:, answers:]
        return DrawnImages(values, [f"session-{each}" if pattern.keyed else "" for each in sessions])

    def window(self, kind: str, images: DrawnImages, random: Random) -> CaptureWindow:
        """Return the window that `images` are captured in."""
        window = CaptureWindow(requests=len(images.table))
        for number, row in enumerate(images.table):
            window.sample.add(number, row, RequestOrigin(_SECONDS * number, images.sessions[number]))
        if kind == REPEATS:
            size = len(images.table)
            for number in random.choice(size, size // 10, replace=False):
                window.sample.add(int(number), images.table[number], RequestOrigin(_SECONDS * number, ""))
        return window

    @cache  # noqa: B019  one pool a process
    def _held_out(self, number: int) -> NDArray[np.int64]:
        lesions = np.random.default_rng([9, number]).permutation(int(self._lesion.max()) + 1)
        return lesions[: round(_HELD_OUT * len(lesions))]

    def _baseline(self, number: int) -> DriftBaseline:
        """Return baseline `number`."""
        rows = np.isin(self._lesion, self._held_out(number))
        table, sizes = self._tables[shift.CLEAN][rows], np.bincount(self._lesion[rows])
        values = {
            name: np.sort(table[:, at].astype(np.float64)) for at, name in enumerate(image_features.FEATURE_NAMES)
        }
        effective = float(sizes.sum() ** 2 / (sizes**2).sum())
        return DriftBaseline(
            values, image_features.count_predicted_classes(table), len(table), effective, DriftConstraints()
        )


def _normal_scores(table: FeatureTable) -> Floats:
    """Return the normal scores of each column of `table` (n, columns); tied values get neighbouring scores."""
    ranks = np.argsort(np.argsort(table, axis=0, kind="stable"), axis=0, kind="stable")
    return np.asarray(stats.norm.ppf((ranks + 0.5) / len(table)))


def _mixed(own: Floats, shared: Floats, correlation: float) -> Floats:
    return np.asarray(np.sqrt(1 - correlation) * own + np.sqrt(correlation) * shared)


def _values(scores: Floats, ordered: FeatureTable) -> FeatureTable:
    """Return the values at `scores` in the sorted columns `ordered`: the inverse of `_normal_scores`."""
    places = np.clip((stats.norm.cdf(scores) * len(ordered)).astype(np.intp), 0, len(ordered) - 1)
    return np.take_along_axis(ordered, places, axis=0)
