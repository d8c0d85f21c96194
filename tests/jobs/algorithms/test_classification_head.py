# SPDX-License-Identifier: MIT-0
"""The head is scikit-learn's class-balanced logistic regression, chosen without looking at a lesion twice."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.preprocessing import StandardScaler

from pipeline_src import contract
from pipeline_src.algorithms import trained_model
from pipeline_src.algorithms.linear_probe import classification_head
from pipeline_src.algorithms.linear_probe.classification_head import FOLDS, FittedHead, TrainingFeatures
from pipeline_src.runtime.errors import BadInputError

CLASSES = len(contract.CLASS_LABELS)
IMAGES, VIEWS, LENGTH = 210, 2, 24


def _labels() -> NDArray[np.int64]:
    """Return labels of which the first class has most."""
    return np.minimum(np.arange(IMAGES) % (2 * CLASSES), CLASSES - 1).astype(np.int64)[::-1].copy()


def _lesions() -> list[int]:
    """Return lesions of two images of the same class each."""
    seen: dict[int, int] = {}
    found = []
    for label in _labels().tolist():
        seen[label] = seen.get(label, 0) + 1
        found.append(1000 * label + (seen[label] - 1) // 2)
    return found


def _features(noise: float = 1.2) -> NDArray[np.float32]:
    generator = np.random.default_rng(3)
    centres = generator.normal(size=(CLASSES, LENGTH))
    lesion = {each: generator.normal(size=LENGTH) for each in sorted(set(_lesions()))}
    own = centres[_labels()] + noise * np.array([lesion[each] for each in _lesions()])
    found = own[:, np.newaxis] + generator.normal(size=(IMAGES, VIEWS, LENGTH))
    return (5 + 3 * found).astype(np.float32)


def _fit(*, strength: float | None = None, seed: int = 0, workers: int = 2, noise: float = 1.2) -> FittedHead:
    training = TrainingFeatures(features=_features(noise), labels=_labels(), lesions=_lesions())
    return classification_head.fit_head(training, strength=strength, seed=seed, workers=workers)


@pytest.mark.parametrize("strength", [0.003, 0.1])
def test_probabilities_equal_those_of_scikit_learn(strength: float) -> None:
    head = _fit(strength=strength)
    rows = _features().reshape(-1, LENGTH).astype(np.float64)
    reference = LogisticRegression(C=strength, tol=1e-8, max_iter=5000)
    weights = classification_head.class_weights(_labels(), CLASSES).repeat(VIEWS) / VIEWS
    scaler = StandardScaler().fit(rows, sample_weight=weights)
    reference.fit(scaler.transform(rows), _labels().repeat(VIEWS), sample_weight=weights)
    wanted = reference.predict_proba(scaler.transform(rows))
    found = classification_head.head_probabilities(rows.astype(np.float32), head.weights, head.bias)
    assert np.abs(found - wanted).max() < 2e-3


def test_out_of_fold_scores_equal_those_of_scikit_learn_on_the_other_folds() -> None:
    head = _fit(strength=0.01)
    rows = _features().astype(np.float64)
    weights = classification_head.class_weights(_labels(), CLASSES)
    scaler = StandardScaler().fit(rows.reshape(-1, LENGTH), sample_weight=weights.repeat(VIEWS))
    rows = scaler.transform(rows.reshape(-1, LENGTH)).reshape(rows.shape)
    for fold in range(FOLDS):
        seen = head.folds != fold
        reference = LogisticRegression(C=0.01, tol=1e-8, max_iter=5000).fit(
            rows[seen].reshape(-1, LENGTH), _labels()[seen].repeat(VIEWS), weights[seen].repeat(VIEWS) / VIEWS
        )
        assert np.abs(reference.predict_proba(rows[~seen, 0]) - head.out_of_fold[~seen]).max() < 2e-3


def test_fewer_images_than_features_give_the_head_of_scikit_learn_too() -> None:
    features = np.random.default_rng(1).normal(size=(3 * CLASSES, 1, 90)).astype(np.float32)
    labels = np.arange(3 * CLASSES) % CLASSES
    rows = StandardScaler().fit_transform(features[:, 0].astype(np.float64))
    training = TrainingFeatures(features=features.copy(), labels=labels, lesions=list(range(len(labels))))
    head = classification_head.fit_head(training, strength=0.05, seed=0, workers=1)
    wanted = LogisticRegression(C=0.05, tol=1e-8, max_iter=5000).fit(rows, labels).predict_proba(rows)
    found = classification_head.head_probabilities(features[:, 0], head.weights, head.bias)
    assert np.abs(found - wanted).max() < 2e-3


def test_classes_weigh_the_same_however_many_images_they_have() -> None:
    weights = classification_head.class_weights(_labels(), CLASSES)
    sums = np.bincount(_labels(), weights)
    assert sums == pytest.approx([IMAGES / CLASSES] * CLASSES)


def test_the_strength_with_the_least_out_of_fold_loss_is_chosen() -> None:
    head = _fit()
    losses = {score.strength: score.log_loss for score in head.scores}
    assert head.strength == min(losses, key=lambda each: losses[each])
    assert classification_head.STRENGTHS[0] < head.strength < classification_head.STRENGTHS[-1]


def test_the_reported_score_is_that_of_the_kept_scores() -> None:
    head = _fit()
    (chosen,) = (score for score in head.scores if score.strength == head.strength)
    probabilities = head.out_of_fold.astype(np.float64)
    assert chosen.balanced_accuracy == pytest.approx(
        balanced_accuracy_score(_labels(), probabilities.argmax(axis=1)), abs=1e-12
    )
    assert chosen.log_loss == pytest.approx(trained_model.balanced_log_loss(probabilities, _labels()), rel=1e-5)


def test_noisy_classes_get_a_stronger_penalty() -> None:
    assert _fit(noise=4).strength < _fit(noise=0.1).strength


def test_no_bit_depends_on_the_number_of_threads() -> None:
    found = [_fit(workers=workers) for workers in (1, 2, 5, 2)]
    assert len({each.weights.tobytes() + each.bias.tobytes() + each.out_of_fold.tobytes() for each in found}) == 1


def test_the_seed_deals_the_lesions_to_other_folds() -> None:
    labels, lesions = _labels().tolist(), _lesions()
    first, again, other = (classification_head.assign_folds(labels, lesions, seed) for seed in (0, 0, 1))
    assert (first == again).all()
    assert (first != other).any()


def test_a_lesion_is_in_one_fold_and_each_fold_has_every_class() -> None:
    labels, lesions = _labels(), _lesions()
    folds = classification_head.assign_folds(labels.tolist(), lesions, 0)
    assert all(len({folds[n] for n in range(IMAGES) if lesions[n] == lesion}) == 1 for lesion in set(lesions))
    counts = np.array([np.bincount(labels[folds == fold], minlength=CLASSES) for fold in range(FOLDS)])
    assert counts.min() >= 1
    assert (counts.max(axis=0) - counts.min(axis=0)).max() <= 3  # a lesion of two images, and an odd image


def test_with_two_lesions_a_class_is_in_the_training_part_of_every_fold() -> None:
    labels = [label for label in range(CLASSES) for _ in range(2)]
    folds = classification_head.assign_folds(labels, list(range(len(labels))), 0)
    assert all(
        {labels[n] for n in range(len(labels)) if folds[n] != fold} == set(range(CLASSES)) for fold in range(FOLDS)
    )


def test_a_class_with_one_lesion_is_trained_on_in_every_fold_and_named() -> None:
    labels = [*range(CLASSES), *range(CLASSES), 2]
    lesions = [*range(CLASSES), *range(100, 100 + CLASSES), 2]
    lesions[CLASSES + 2] = 2
    folds = classification_head.assign_folds(labels, lesions, 0)
    assert {int(folds[n]) for n in range(len(labels)) if labels[n] == 2} == {classification_head.NO_FOLD}
    assert classification_head.single_lesion_classes(labels, folds) == [contract.CLASS_LABELS[2]]


def test_without_a_class_of_two_lesions_there_is_nothing_to_cross_validate() -> None:
    with pytest.raises(BadInputError, match="no class has images of two lesions"):
        classification_head.assign_folds(list(range(CLASSES)), list(range(CLASSES)), 0)


def test_a_class_of_one_lesion_has_no_part_in_the_choice_of_the_strength() -> None:
    labels, lesions = _labels(), _lesions()
    kept = [n for n in range(IMAGES) if labels[n] != 2 or lesions[n] == lesions[int(np.argmax(labels == 2))]]
    training = TrainingFeatures(features=_features()[kept], labels=labels[kept], lesions=[lesions[n] for n in kept])
    head = classification_head.fit_head(training, strength=1e-2, seed=0, workers=1)
    scored = head.folds != classification_head.NO_FOLD
    expected = trained_model.balanced_log_loss(head.out_of_fold[scored].astype(float), labels[kept][scored])
    assert set(np.asarray(labels)[kept][~scored]) == {2}
    assert head.scores[0].log_loss == pytest.approx(expected, rel=1e-4)


def test_a_class_without_an_image_is_refused_by_name() -> None:
    labels = [*range(1, CLASSES), *range(1, CLASSES)]
    with pytest.raises(BadInputError, match=f"class '{contract.CLASS_LABELS[0]}': no image"):
        classification_head.assign_folds(labels, list(range(len(labels))), 0)


def test_a_feature_that_is_constant_in_training_has_no_say() -> None:
    features = _features()
    features[:, :, 4] = 6.0
    training = TrainingFeatures(features=features, labels=_labels(), lesions=_lesions())
    head = classification_head.fit_head(training, strength=0.1, seed=0, workers=1)
    assert np.abs(head.weights[4]).max() < 1e-6
    assert np.isfinite(head.weights).all()


def test_a_feature_that_is_nearly_constant_in_training_gets_no_large_weight() -> None:
    """It tells the classes apart there; an unusual image could have any value."""
    features = _features()
    features[:, :, 4] = 6 + 1e-4 * _labels()[:, np.newaxis]
    training = TrainingFeatures(features=features, labels=_labels(), lesions=_lesions())
    head = classification_head.fit_head(training, strength=0.1, seed=0, workers=1)
    assert np.abs(head.weights[4]).max() < 10


def test_balanced_accuracy_leaves_out_classes_without_an_image() -> None:
    probabilities = np.eye(CLASSES)[[0, 0, 1, 2]]
    assert trained_model.balanced_accuracy(probabilities, np.array([0, 0, 1, 1])) == 0.75
