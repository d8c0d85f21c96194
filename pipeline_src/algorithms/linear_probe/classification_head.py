# SPDX-License-Identifier: MIT-0
"""Fits the head: class-balanced multinomial logistic regression, its strength chosen by cross-validation.

The objective is that of scikit-learn's ``LogisticRegression`` with an L2 penalty: C times the sum of the images'
weighted log losses, plus half of the squared weights. Two things make the whole path of strengths take seconds, where
scikit-learn's solver takes minutes. The folds of the cross-validation and the head itself are fitted together, by one
call of L-BFGS on the sum of their objectives, because a product of the features with the weights of six heads costs
little more than with those of one. And the features are rotated to their principal axes, where the curvature of the
objective is nearly diagonal and is scaled away, which saves nine of ten steps.
`tests/jobs/algorithms/test_classification_head.py` compares the result with scikit-learn's.

Chosen is the strength C with the least out-of-fold log loss, averaged within each class and then over the classes.
Balanced accuracy, which the gate judges, changes in steps of one image of a rare class, so that its maximum is often
an accident. The log loss also keeps the probabilities usable, from which the operating point is set. A rule of one
standard error in favour of a stronger penalty is not applied: the log loss punishes confident errors, so its minimum
lies at a stronger penalty than that of the error rate already.

The folds hold lesions, not images: two photographs of a lesion are nearly copies. Each class's lesions are dealt to the
folds in turn, so that with two lesions or more a class is in the training part of every fold. A class of one lesion is
in the training part of all folds and held out in none: it has no part in the choice of the strength.

Results do not depend on the number of threads: rows are summed in blocks of a fixed size, in their order, and BLAS uses
one thread a call.

Sources: Hastie, Tibshirani, Friedman, "The Elements of Statistical Learning", 2nd edition, sections 4.4 and 7.10; Liu,
Nocedal, "On the limited memory BFGS method for large scale optimization", 1989.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
import scipy.optimize
import threadpoolctl
from numpy.typing import NDArray

from pipeline_src import contract
from pipeline_src.algorithms import trained_model, training_channel
from pipeline_src.runtime.errors import BadInputError

FOLDS: Final = 5
NO_FOLD: Final = -1  # of a lesion that is held out in no fold
# Strengths that are tried, from the strongest penalty: about half a decade apart.
STRENGTHS: Final = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0, 3.0, 10.0)
_BLOCK_ROWS: Final = 1024  # a block of features stays in a processor's cache from the first product to the second
_PATH_TOLERANCE, _FINAL_TOLERANCE = 1e-3, 1e-4  # of the largest derivative of the mean loss
_ITERATIONS: Final = 500
_DEVIATION_FLOOR: Final = 0.01  # of the mean deviation
_SMALLEST_VARIANCE: Final = 1e-10  # of the largest: below is rounding
_TYPICAL_CURVATURE: Final = 0.1  # of a class's log loss: its probability times the others'

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class TrainingFeatures:
    """What a head is fitted to.

    Attributes:
        features: float32 (images, views, features); overwritten by `fit_head`. View 0 is the image itself.
        labels: the classes' positions, (images,).
        lesions: a number for each lesion, (images,).
    """

    features: Floats
    labels: Integers
    lesions: Sequence[int]


@dataclass(frozen=True, kw_only=True)
class StrengthScore:
    """Out-of-fold results of one strength: class-averaged log loss, and balanced accuracy."""

    strength: float
    log_loss: float
    balanced_accuracy: float


@dataclass(frozen=True, kw_only=True)
class FittedHead:
    """A head, and what is known of it.

    Attributes:
        weights: float32 (features, classes), for features as the backbone returns them.
        bias: float32 (classes,).
        strength: inverse strength C of the penalty.
        scores: out-of-fold results of the strengths that were tried.
        folds: the fold in which each image was held out, (images,); `NO_FOLD` for the image of a class of one lesion.
        out_of_fold: float32 (images, classes): probabilities of each image by the head of the other folds; with
            `NO_FOLD`, by the head that saw it.
    """

    weights: Floats
    bias: Floats
    strength: float
    scores: Sequence[StrengthScore]
    folds: Integers
    out_of_fold: Floats


def assign_folds(labels: Sequence[int], lesions: Sequence[int], seed: int) -> Integers:
    """Return the fold of each image, the same for all images of a lesion; `NO_FOLD` for a class's only lesion.

    A class's lesions, in an order that depends on `seed`, are dealt to the folds in turn; the first fold of the next
    class follows the last one of this class.

    Raises:
        BadInputError: a class has no image, or no class has more than one lesion.
    """
    found: dict[int, Counter[int]] = defaultdict(Counter)
    for label, lesion in zip(labels, lesions, strict=True):
        found[lesion][label] += 1
    by_class: dict[int, list[int]] = {label: [] for label in range(len(contract.CLASS_LABELS))}
    for lesion, counts in found.items():
        by_class[min(counts, key=lambda label: (-counts[label], label))].append(lesion)
    _check_classes(labels, by_class)
    dealt: list[int] = []
    for members in by_class.values():
        if len(members) > 1:
            dealt += sorted(members, key=lambda each: _fold_order(each, seed))
    fold_of = {lesion: position % FOLDS for position, lesion in enumerate(dealt)}
    return np.array([fold_of.get(lesion, NO_FOLD) for lesion in lesions], np.int64)


def single_lesion_classes(labels: Sequence[int], folds: Integers) -> list[str]:
    """Return the classes that are held out in no fold, because their images show one lesion."""
    scored = {label for label, fold in zip(labels, folds.tolist(), strict=True) if fold != NO_FOLD}
    return [name for label, name in enumerate(contract.CLASS_LABELS) if label not in scored]


def _check_classes(labels: Sequence[int], by_class: Mapping[int, Sequence[int]]) -> None:
    training_channel.check_every_class(labels)
    if all(len(members) < 2 for members in by_class.values()):
        raise BadInputError(
            f"channel {contract.TRAIN!r}: no class has images of two lesions: cross-validation by lesions needs them."
            " Add images of other lesions."
        )


def _fold_order(lesion: int, seed: int) -> bytes:
    return hashlib.sha256(f"folds {seed} {lesion}".encode()).digest()


def class_weights(labels: Integers, classes: int) -> Doubles:
    """Return the weight of each image, (images,), so that all classes weigh the same and the sum is their number."""
    counts = np.bincount(labels, minlength=classes)
    return (len(labels) / classes / np.maximum(counts, 1))[labels]


def fit_head(
    training: TrainingFeatures,
    *,
    strength: float | None,
    seed: int,
    workers: int,
    tried: Callable[[StrengthScore], None] = lambda _: None,
) -> FittedHead:
    """Fit a head to the features of the training images.

    Memory: the features of `training`, in place, and about 10 MB.

    Args:
        training: features, labels and lesions.
        strength: inverse strength C of the penalty; None to choose it among `STRENGTHS`.
        seed: seed of the folds.
        workers: number of threads; the result does not depend on it.
        tried: called with the score of each strength as soon as it is known.

    Raises:
        BadInputError: as `assign_folds`.
    """
    labels, classes = training.labels, len(contract.CLASS_LABELS)
    images, views, length = training.features.shape
    folds = assign_folds(labels.tolist(), training.lesions, seed)
    rows = training.features.reshape(images * views, length)
    with threadpoolctl.threadpool_limits(1), ThreadPoolExecutor(workers) as pool:
        row_weights = class_weights(labels, classes).repeat(views)
        mean, deviation = _standardise(rows, row_weights, pool)
        rows, axes, variances = _rotate_to_principal_axes(rows, row_weights, pool)
        # Column b of the weights: head b. Those of the folds do not see their fold, and the last one sees everything.
        seen = np.column_stack([*(folds != fold for fold in range(FOLDS)), np.ones(images, bool)]).repeat(views, axis=0)
        path = _StrengthPath(rows, np.repeat(labels, views), row_weights[:, np.newaxis] / views * seen, variances, pool)
        first_views = rows[::views]
        scores: list[StrengthScore] = []
        best: tuple[StrengthScore, Doubles] | None = None
        for each_strength in STRENGTHS if strength is None else (strength,):
            heads = path.fit(each_strength, _PATH_TOLERANCE)
            score = _score(each_strength, _out_of_fold(first_views, heads, folds), labels, folds)
            scores.append(score)
            tried(score)
            if best is None or score.log_loss < best[0].log_loss:
                best = score, heads
            else:
                break  # along the path the loss falls and then rises
        assert best is not None  # noqa: S101  the loop ran at least once
        heads = path.fit(best[0].strength, _FINAL_TOLERANCE, start=best[1])
        out_of_fold = _out_of_fold(first_views, heads, folds)
        chosen = _score(best[0].strength, out_of_fold, labels, folds)
    weights = heads[-1, :, :-1] @ axes.T / deviation
    return FittedHead(
        weights=np.ascontiguousarray(weights.T, np.float32),
        bias=(heads[-1, :, -1] - weights @ mean).astype(np.float32),
        strength=chosen.strength,
        scores=[chosen if score is best[0] else score for score in scores],
        folds=folds,
        out_of_fold=out_of_fold.astype(np.float32),
    )


def _standardise(rows: Floats, weights: Doubles, pool: ThreadPoolExecutor) -> tuple[Doubles, Doubles]:
    """Standardise each column in place; return its mean and the deviation that it was divided by.

    Each row counts with its weight, so that the largest class does not decide alone. A deviation far below the others'
    is raised, so that a feature that is nearly constant in training cannot decide what an unusual image is.
    """
    blocks = _blocks(len(rows))
    shares = weights / weights.sum()
    mean = sum(pool.map(lambda block: shares[block] @ rows[block], blocks))
    squares = sum(pool.map(lambda block: shares[block] @ np.square(rows[block] - mean), blocks))
    deviation = np.sqrt(squares)
    deviation = np.maximum(deviation, _DEVIATION_FLOOR * deviation.mean() or 1.0)

    def apply(block: slice) -> None:
        rows[block] = (rows[block] - mean) / deviation

    list(pool.map(apply, blocks))
    return np.asarray(mean, np.float64), np.asarray(deviation, np.float64)


def _rotate_to_principal_axes(
    rows: Floats, weights: Doubles, pool: ThreadPoolExecutor
) -> tuple[Floats, Doubles, Doubles]:
    """Rotate standardised rows to their principal axes.

    With an L2 penalty the best weights lie in the space that the rows span, and a rotation changes no length, so the
    head is the same. Axes without variance are left out: few images are fitted with few numbers.

    Returns:
        The coordinates, float32 (rows, axes), in the memory of `rows` if there are as many axes as features; the axes,
        (features, axes); and the variance along each, (axes,).

    Source: "The Elements of Statistical Learning", section 18.3.5.
    """
    blocks = _blocks(len(rows))
    shares = (weights / weights.sum()).astype(np.float32)
    if len(rows) < rows.shape[1]:
        scaled = rows.T.astype(np.float64) * np.sqrt(weights / weights.sum())
        axes, deviations, _ = np.linalg.svd(scaled, full_matrices=False)
        variances = np.square(deviations)
    else:
        covariance = np.zeros((rows.shape[1], rows.shape[1]))
        for part in pool.map(lambda block: (rows[block] * shares[block, np.newaxis]).T @ rows[block], blocks):
            covariance += part
        variances, axes = np.linalg.eigh(covariance)
    kept = variances > _SMALLEST_VARIANCE * variances.max()
    axes, variances = axes[:, kept], variances[kept]
    narrow = axes.astype(np.float32)
    result = rows if kept.all() and len(kept) == rows.shape[1] else np.empty((len(rows), len(variances)), np.float32)

    def rotate(block: slice) -> None:
        result[block] = rows[block] @ narrow

    list(pool.map(rotate, blocks))
    return result, axes, variances


def _blocks(rows: int) -> list[slice]:
    return [slice(start, start + _BLOCK_ROWS) for start in range(0, rows, _BLOCK_ROWS)]


class _StrengthPath:
    """Fits several heads to the same features for one strength after another, each from where the last one ended.

    Args:
        rows: features along their principal axes, float32 (rows, axes).
        labels: (rows,).
        row_weights: weight of each row for each head, (rows, heads).
        variances: variance along each axis, (axes,).
        pool: the threads.
    """

    def __init__(
        self,
        rows: Floats,
        labels: Integers,
        row_weights: Doubles,
        variances: Doubles,
        pool: ThreadPoolExecutor,
    ) -> None:
        self._rows, self._labels = rows, labels
        self._shape = (
            row_weights.shape[1],
            len(contract.CLASS_LABELS),
            rows.shape[1] + 1,
        )  # of the heads; the last column is the bias
        self._total = float(row_weights[:, -1].sum())
        self._row_weights = (row_weights / self._total).astype(np.float32)
        self._variances = np.append(variances, 1.0)  # that of the bias: its feature is 1
        self._pool = pool
        self._heads = np.zeros(self._shape)

    def fit(self, strength: float, tolerance: float, start: Doubles | None = None) -> Doubles:
        """Return the heads, (heads, classes, features + 1), that minimise the mean loss plus the penalty."""
        penalty = 1 / (strength * self._total)
        # The curvature along an axis grows with its variance, over many orders of magnitude. L-BFGS sees variables in
        # which it is about equal: it takes a tenth of the steps.
        scale = np.sqrt(_TYPICAL_CURVATURE * self._variances + penalty)
        found = scipy.optimize.minimize(
            lambda flat: self._scaled_objective(flat, scale, penalty),
            ((self._heads if start is None else start) * scale).ravel(),
            jac=True,
            method="L-BFGS-B",
            options={"gtol": tolerance, "ftol": 0, "maxiter": _ITERATIONS, "maxcor": 10},
        )
        self._heads = found.x.reshape(self._shape) / scale
        return self._heads

    def _scaled_objective(self, flat: Doubles, scale: Doubles, penalty: float) -> tuple[float, Doubles]:
        loss, gradient = self._objective(flat.reshape(self._shape) / scale, penalty)
        return loss, (gradient / scale).ravel()

    def _objective(self, heads: Doubles, penalty: float) -> tuple[float, Doubles]:
        narrow = heads.astype(np.float32)
        weights, bias = narrow[:, :, :-1].reshape(-1, self._shape[2] - 1), narrow[:, :, -1].ravel()
        starts = range(0, len(self._rows), _BLOCK_ROWS)
        gradient = np.zeros(self._shape)
        loss = 0.0
        blocks = self._pool.map if len(starts) > 1 else map
        for block_loss, block_weights, block_bias in blocks(lambda at: self._block(at, weights, bias), starts):
            loss += block_loss
            gradient[:, :, :-1] += block_weights.reshape(*self._shape[:2], -1)
            gradient[:, :, -1] += block_bias
        free = heads[:, :, :-1]
        gradient[:, :, :-1] += penalty * free
        return loss + penalty / 2 * float(np.vdot(free, free)), gradient

    def _block(self, start: int, weights: Floats, bias: Floats) -> tuple[float, Floats, Doubles]:
        """Return the loss of a block of rows, and its derivatives by weights and bias."""
        stop = start + _BLOCK_ROWS
        rows, labels, row_weights = self._rows[start:stop], self._labels[start:stop], self._row_weights[start:stop]
        heads, classes, _ = self._shape
        scores = (rows @ weights.T + bias).reshape(len(rows), heads, classes)
        scores -= scores.max(axis=2, keepdims=True)
        positions = np.arange(len(rows))
        own = scores[positions, :, labels]
        np.exp(scores, out=scores)
        sums = scores.sum(axis=2)
        loss = float(np.vdot(np.log(sums) - own, row_weights))
        scores /= sums[:, :, np.newaxis]
        scores[positions, :, labels] -= 1
        scores *= row_weights[:, :, np.newaxis]
        flat = scores.reshape(len(rows), heads * classes)
        return loss, np.asarray(flat.T @ rows, np.float32), scores.sum(axis=0, dtype=np.float64)


def head_probabilities(features: Floats, weights: Floats, bias: Floats) -> Doubles:
    """Return the probabilities, (images, classes), of a head: softmax of `features` (images, features) @ weights."""
    scores = features @ weights + bias.astype(np.float64)
    scores = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(scores / scores.sum(axis=1, keepdims=True))


def _out_of_fold(first_views: Floats, heads: Doubles, folds: Integers) -> Doubles:
    """Return the probabilities of each image, view 0, by the head of its fold, (images, classes)."""
    result = np.empty((len(folds), heads.shape[1]))
    for fold in (*range(FOLDS), NO_FOLD):  # the last head, which saw everything, answers for `NO_FOLD`
        held_out = folds == fold
        head = heads[fold].astype(np.float32)
        result[held_out] = head_probabilities(first_views[held_out], head[:, :-1].T, head[:, -1])
    return result


def _score(strength: float, probabilities: Doubles, labels: Integers, folds: Integers) -> StrengthScore:
    probabilities, labels = probabilities[folds != NO_FOLD], labels[folds != NO_FOLD]
    return StrengthScore(
        strength=strength,
        log_loss=trained_model.balanced_log_loss(probabilities, labels),
        balanced_accuracy=trained_model.balanced_accuracy(probabilities, labels),
    )
