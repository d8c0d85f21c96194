# SPDX-License-Identifier: MIT-0
"""Figures do not depend on order or names, never punish a better answer, and their intervals hold the truth."""

from dataclasses import fields, replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline_src import contract
from pipeline_src.evaluation import classification_metrics, confidence_intervals
from pipeline_src.evaluation.classification_metrics import MetricEstimates
from pipeline_src.evaluation.model_predictions import HoldoutImage, Predictions
from tests.class_table import for_every_class
from tests.jobs.evaluation import cohort

LABELS = contract.CLASS_LABELS
SMALL = for_every_class({"mel": 32, "nv": 35, "bcc": 6, "akiec": 3, "bkl": 4, "df": 2, "vasc": 1}, 2)
NAMES = ("sensitivity", "specificity", "ppv", "npv", "auc", "auc_above_80", "average_precision")
SEEDS = st.integers(0, 2**32 - 1)
SKILLS = st.sampled_from([0.0, 1.0, 3.0, 6.0])


def measured(table: Predictions) -> MetricEstimates:
    return classification_metrics.estimate_metrics(table, 0.3, confidence_intervals.draw_resamples(table.images, 100))


@settings(max_examples=15)
@given(SEEDS, SKILLS)
def test_the_order_of_the_images_never_matters(seed: int, skill: float) -> None:
    table = cohort.predictions(SMALL, skill, seed)
    order = np.random.default_rng(seed).permutation(len(table.images))
    assert measured(cohort.rows(table, order)) == measured(table)


@settings(max_examples=15)
@given(SEEDS, st.permutations(range(len(LABELS))))
def test_classes_that_change_names_change_their_figures_with_them(seed: int, places: list[int]) -> None:
    table = cohort.predictions(SMALL, 2.0, seed)
    renamed = {LABELS[place]: label for place, label in zip(places, LABELS, strict=True)}
    images = tuple(replace(image, label=renamed[image.label]) for image in table.images)
    before, after = measured(table), measured(Predictions(images, table.probabilities[:, places]))
    assert {renamed[label]: each for label, each in before.per_class.items()} == after.per_class
    assert before.accuracy == after.accuracy
    for name in ("value", "lower", "upper"):
        assert abs(getattr(before.balanced_accuracy, name) - getattr(after.balanced_accuracy, name)) < 1e-12


def corrected(table: Predictions, row: int) -> Predictions:
    """Return the table with the probabilities of the true and the most probable class of the image swapped."""
    probabilities = table.probabilities.copy()
    pair = [table.truth[row], table.predicted[row]]
    probabilities[row, pair] = probabilities[row, pair[::-1]]
    return Predictions(table.images, probabilities)


def never_lower(before: MetricEstimates, after: MetricEstimates) -> None:
    """Assert that no figure that the gate looks at is lower, nor any of its bounds."""
    overall = [field.name for field in fields(MetricEstimates) if field.name != "per_class"]
    pairs = [(getattr(before, name), getattr(after, name)) for name in overall]
    for label, each in before.per_class.items():
        pairs += [
            (getattr(each, name), getattr(after.per_class[label], name)) for name in ("sensitivity", "specificity")
        ]
    for worse, better in pairs:
        assert all(getattr(better, name) >= getattr(worse, name) for name in ("value", "lower", "upper"))


@settings(max_examples=15)
@given(SEEDS, SKILLS, st.integers(0))
def test_a_corrected_mistake_never_lowers_a_figure_or_its_bounds(seed: int, skill: float, pick: int) -> None:
    table = cohort.predictions(SMALL, skill, seed)
    wrong = np.flatnonzero(table.truth != table.predicted)
    if wrong.size:
        never_lower(measured(table), measured(corrected(table, int(wrong[pick % wrong.size]))))


def test_no_mistake_on_the_way_to_a_perfect_model_lowers_anything_when_corrected() -> None:
    """So crosses every switch from one kind of interval to another, where a bound could jump."""
    table = cohort.predictions(SMALL, 2.5, 1)
    before, steps = measured(table), 0
    while (wrong := np.flatnonzero(table.truth != table.predicted)).size:
        table, steps = corrected(table, int(wrong[steps % wrong.size])), steps + 1
        after = measured(table)
        never_lower(before, after)
        before = after
    assert steps > 20
    assert classification_metrics.balanced_accuracy_score(table) == 1
    assert before.balanced_accuracy.lower < 1  # type: ignore[operator]


def study(seed: int) -> tuple[tuple[HoldoutImage, ...], np.ndarray, np.ndarray]:
    """Return images, their classes (N, 3), and which are right: sensitivities 0.8, 0.7 and 0.9, alike by lesion."""
    random = np.random.default_rng(seed)
    images = cohort.images({"mel": 60, "nv": 35, "bcc": 9}, seed)
    truth = np.array([[image.label == label for label in ("mel", "nv", "bcc")] for image in images])
    sensitivity = dict(zip(("mel", "nv", "bcc"), (0.8, 0.7, 0.9), strict=True))
    skills: dict[str, float] = {}
    for image in images:
        share = sensitivity[image.label]
        skills.setdefault(image.lesion_id, random.beta(share / 4, (1 - share) / 4))
    return images, truth, random.random(len(images)) < [skills[image.lesion_id] for image in images]


def test_of_a_hundred_intervals_about_95_hold_the_truth() -> None:
    """True sensitivities are known here; two images of a lesion are right together more often than by chance."""
    held = {"60 lesions": 0, "35 lesions": 0, "9 lesions": 0, "mean": 0, "images taken for independent": 0}
    studies = 250
    for seed in range(studies):
        images, truth, right = study(seed)
        resamples = confidence_intervals.draw_resamples(images, 200)
        hits = truth & right[:, np.newaxis]
        shares = confidence_intervals.estimate_proportions(hits, truth, resamples, images)
        found = dict(
            zip(
                held,
                (*shares, confidence_intervals.estimate_mean_proportion(hits, truth, resamples, images)),
                strict=False,
            )
        )
        for (name, each), true in zip(found.items(), (0.8, 0.7, 0.9, 0.8), strict=True):
            held[name] += each.lower <= true <= each.upper  # type: ignore[operator]
        lower, upper = confidence_intervals.clopper_pearson_interval(
            float(right[truth[:, 0]].mean()), int(truth[:, 0].sum())
        )
        held["images taken for independent"] += lower <= 0.8 <= upper
    coverage = {name: number / studies for name, number in held.items()}
    assert 0.90 < coverage["60 lesions"] < 0.98, coverage
    assert 0.88 < coverage["35 lesions"] < 0.98, coverage
    assert coverage["9 lesions"] > 0.94, coverage
    assert coverage["mean"] > 0.92, coverage
    assert coverage["images taken for independent"] < coverage["60 lesions"] - 0.03, coverage
