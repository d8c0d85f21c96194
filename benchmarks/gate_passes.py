# SPDX-License-Identifier: MIT-0
"""Simulates retrainings and counts how often the default gate lets a challenger pass, for the statistics benchmark.

A retraining has a champion of true balanced accuracy `CHAMPION` and a challenger that differs from it by a given
amount. Each chooses its melanoma threshold on its own answers to the validation images. The gate before issue 18 is
counted beside the present one, on the same answers: target sensitivity 0.85, specificity 0.60, and losses of 0.10 of
sensitivity and of specificity at the operating points in place of the loss of area.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from functools import cache
from typing import Final

import numpy as np

from benchmarks import simulated_models
from benchmarks.simulated_models import SHARED
from pipeline_src import contract, gate
from pipeline_src.evaluation import (
    champion_comparison,
    classification_metrics,
    confidence_intervals,
    operating_point,
    probability_calibration,
    subgroup_metrics,
)
from pipeline_src.evaluation.champion_comparison import PairedPredictions
from pipeline_src.evaluation.confidence_intervals import Estimate, Resamples
from pipeline_src.evaluation.model_predictions import Predictions
from pipeline_src.gate_thresholds import THRESHOLD_PROFILES

RESAMPLES: Final = 500
CHAMPION: Final = 0.80
CHALLENGERS: Final = (-0.10, -0.05, 0.0, 0.02)  # true balanced accuracy minus the champion's
DEFICITS: Final = (0.0, 0.10, 0.15, 0.20, 0.30)  # of women
TARGET: Final = 0.90  # default of MelanomaTargetSensitivity
_TEST: Final = "test 0.20"
_MELANOMA: Final = ("melanoma_sensitivity", "melanoma_sensitivity_lower", "melanoma_specificity")
_BEFORE_TARGET: Final = 0.85
_BEFORE_SPECIFICITY: Final = 0.60
_BEFORE_LOSS: Final = 0.10

Passes = Mapping[str, bool]


@cache
def resamples_of_split(split: str) -> Resamples:
    """Return the resamples of a simulated split, which depend on its lesions alone."""
    return confidence_intervals.draw_resamples(simulated_models.images_of_split(split).images, RESAMPLES)


def judge_retraining(difference: float, number: int) -> Passes:
    """Simulate one retraining with a challenger that is better by `difference`; return what passes."""
    random = np.random.default_rng([CHALLENGERS.index(difference), number])
    skills = simulated_skill(CHAMPION), simulated_skill(CHAMPION + difference)
    champion, challenger = zip(*(answer_twice(split, skills, random) for split in ("validation", _TEST)), strict=True)
    present, before = (_paired([*champion], [*challenger], target) for target in (TARGET, _BEFORE_TARGET))
    verdict = gate.decide_verdict(gate_document(*present), THRESHOLD_PROFILES["default"])
    passes = {each.name: each.passed for each in verdict.requirements}
    former = _former_requirements(*before)
    shared = [passed for name, passed in passes.items() if name not in {*_MELANOMA, "champion_melanoma_area_loss"}]
    whole = {"WHOLE GATE": all(passes.values()), "WHOLE GATE before": all([*shared, *former.values()])}
    return {**passes, **former, **whole}


def judge_women(deficit: float, number: int) -> Passes:
    """Simulate a model that is worse for women by `deficit` in balanced accuracy; return what is noticed."""
    random = np.random.default_rng([round(100 * deficit), number, 3])
    part = simulated_models.images_of_split(_TEST)
    skill = np.where(part.women, simulated_skill(CHAMPION - deficit), simulated_skill(CHAMPION))
    test = Predictions(part.images, simulated_models.answer_images(part.truth, part.noise(random), skill))
    groups = {each.group: each for each in subgroup_metrics.measure_subgroups(test, resamples_of_split(_TEST))}
    women = groups["female"]
    floor = THRESHOLD_PROFILES["default"].subgroup_balanced_accuracy
    return {
        "flagged as weak": women.weak,
        "difference below -0.10": _at_least(-0.10, women.difference.value or 0.0),
        "rejected by the gate": women.ceiling is not None and women.ceiling < floor,
        "men flagged as weak": groups["male"].weak,
    }


def pass_rates(found: Iterable[Passes]) -> dict[str, float]:
    """Return the share of the retrainings that pass, by requirement."""
    listed = list(found)
    return {name: float(np.mean([each[name] for each in listed])) for name in listed[0]}


@cache
def simulated_skill(balanced_accuracy: float) -> float:
    """Return `skill_of_balanced_accuracy`, computed once."""
    return simulated_models.skill_of_balanced_accuracy(balanced_accuracy)


def answer_twice(
    split: str, skills: tuple[float, float], random: np.random.Generator
) -> tuple[Predictions, Predictions]:
    """Return the answers of two models to the images of `split`; they share a part of their noise."""
    part = simulated_models.images_of_split(split)
    common = part.noise(random)
    first, second = (
        Predictions(
            part.images,
            simulated_models.answer_images(
                part.truth, np.sqrt(SHARED) * common + np.sqrt(1 - SHARED) * part.noise(random), skill
            ),
        )
        for skill in skills
    )
    return first, second


def gate_document(paired: PairedPredictions, threshold: float) -> dict[str, object]:
    """Return the part of evaluation.json that the gate reads."""
    test, resamples = paired.challenger, paired.resamples
    truth, melanoma, suspected = (
        classification_metrics.one_hot_labels(test.truth),
        test.is_melanoma,
        test.melanoma >= threshold,
    )
    called = classification_metrics.one_hot_labels(test.predicted)
    sensitivities = confidence_intervals.estimate_proportions(called, truth, resamples, test.images)
    malignant, sensitivity, specificity = (
        asdict(confidence_intervals.estimate_proportion(hits, counted, resamples, test.images))
        for hits, counted in (
            (
                classification_metrics.malignant_mask(test.predicted),
                classification_metrics.malignant_mask(test.truth),
            ),
            (suspected, melanoma),
            (~suspected, ~melanoma),
        )
    )
    balanced = champion_comparison.compare_balanced_accuracy(paired, same=False)
    area = champion_comparison.compare_melanoma_area(paired, same=False)
    reliability = probability_calibration.measure_reliability(test, resamples)
    return {
        "balanced_accuracy": asdict(balanced.challenger),
        "malignant_sensitivity": malignant,
        "per_class": {
            label: {"sensitivity": asdict(each), "test_images": each.images}
            for label, each in zip(contract.CLASS_LABELS, sensitivities, strict=True)
        },
        "melanoma": {"sensitivity": sensitivity, "specificity": specificity},
        "calibration": {"served": {"overconfidence": asdict(reliability.overconfidence)}},
        "subgroups": [asdict(each) for each in subgroup_metrics.measure_subgroups(test, resamples)],
        "leakage": {"leaked": 0},
        "champion": {
            "status": champion_comparison.CHAMPION_COMPARED,
            "balanced_accuracy": asdict(balanced),
            "melanoma_auc_above_80": asdict(area),
        },
    }


def _paired(
    champion: list[Predictions], challenger: list[Predictions], target: float
) -> tuple[PairedPredictions, float]:
    """Return the pair on the test images, and the challenger's threshold; each model is validation, then test."""
    before, after = (operating_point.melanoma_threshold(each[0], target) for each in (champion, challenger))
    if before is None or after is None:
        raise ValueError("the simulated validation images have no melanoma")
    calls = champion[1].melanoma >= before, challenger[1].melanoma >= after
    return PairedPredictions(champion[1], challenger[1], *calls, resamples_of_split(_TEST)), after


def _former_requirements(paired: PairedPredictions, threshold: float) -> Passes:
    """Return the melanoma requirements before issue 18."""
    test, melanoma = paired.challenger, paired.challenger.is_melanoma
    suspected = test.melanoma >= threshold
    found = confidence_intervals.estimate_proportion(suspected, melanoma, paired.resamples, test.images)
    sensitivity = champion_comparison.compare_melanoma_sensitivity(paired, same=False).difference
    specificity = champion_comparison.compare_melanoma_specificity(paired, same=False).difference
    floors = THRESHOLD_PROFILES["default"]
    return {
        "before: melanoma_sensitivity": _at_least(found.value, floors.melanoma_sensitivity),
        "before: melanoma_sensitivity_lower": _at_least(found.lower, floors.melanoma_sensitivity_lower),
        "before: melanoma_specificity": float((~suspected)[~melanoma].mean()) >= _BEFORE_SPECIFICITY,
        "before: sensitivity loss": _small_loss(sensitivity),
        "before: specificity loss": _small_loss(specificity),
    }


def _at_least(value: float | None, floor: float) -> bool:
    return value is not None and value >= floor


def _small_loss(difference: Estimate) -> bool:
    return _at_least(difference.lower, -_BEFORE_LOSS)
