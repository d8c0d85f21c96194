# SPDX-License-Identifier: MIT-0
"""Measures the coverage of the intervals and the pass rates of the gate: ``make bench-statistics``.

Simulated models (simulated_models.py) answer the images of HAM10000's lesions, split with the shipped key; the shipped
code computes the metrics, the intervals and the verdict. Two tables:

- Coverage: how many of the 95 % intervals contain the true value, and their mean width, for three qualities and two
  test fractions. The true value is that of a large sample of the same model with the same class shares; sensitivity and
  specificity at the operating point are those at the threshold of the simulated validation images.
- Pass rates (gate_passes.py): how often each requirement of the default gate, and the whole gate, lets a challenger
  pass whose true balanced accuracy differs from the champion's by a given amount; and how often a model that is worse
  for women is noticed.

Simulated answers show whether the statistics hold what they promise. They say nothing about real models or skin.
Everything is seeded, and the result does not depend on the number of processes. The intervals use `RESAMPLES` resamples
instead of 2,000, for speed.
"""

import argparse
import json
import multiprocessing
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks import gate_passes, simulated_models
from pipeline_src import contract
from pipeline_src.evaluation import (
    classification_metrics,
    clinical_measures,
    confidence_intervals,
    operating_point,
    probability_calibration,
)
from pipeline_src.evaluation.confidence_intervals import Estimate
from pipeline_src.evaluation.model_predictions import Predictions

QUALITIES: Final = (0.75, 0.80, 0.85)  # true balanced accuracies
SPLITS: Final = ("test 0.20", "test 0.15")
SHOWN_CLASSES: Final = ("mel", "bkl", "df")  # of many, of some and of few lesions
OUT: Final = Path(__file__).parent / "out"

Hits = dict[str, tuple[bool, float]]  # by metric: whether its interval contains the true value, and its width


def main() -> None:
    """Measure, print, and write the figures to ``benchmarks/out/statistics.json``."""
    parser = argparse.ArgumentParser(prog="benchmarks.statistics_coverage", description=__doc__)
    parser.add_argument("--simulations", type=int, default=300, help="simulated test sets of each quality and split")
    parser.add_argument("--retrainings", type=int, default=400, help="simulated retrainings of each challenger")
    parser.add_argument("--processes", type=int, default=2, help="processes")
    given = parser.parse_args()
    results: dict[str, object] = {}
    with multiprocessing.get_context("spawn").Pool(given.processes) as pool:
        for split in SPLITS:
            for quality in QUALITIES:
                found = pool.map(partial(measure_coverage, split, quality), range(given.simulations), chunksize=10)
                table = summarize_coverage(found)
                results[f"coverage, {split}, {quality}"] = table
                print(f"\nCoverage, {split}, balanced accuracy {quality} ({given.simulations} simulations)")
                for name, (share, width) in table.items():
                    print(f"  {name:44}{share:7.3f}   width {width:.3f}")
        for difference in gate_passes.CHALLENGERS:
            passed = pool.map(partial(gate_passes.judge_retraining, difference), range(given.retrainings), chunksize=10)
            rates = gate_passes.pass_rates(passed)
            results[f"pass rates, {difference:+.2f}"] = rates
            print(f"\nPass rates of a challenger {difference:+.2f} ({given.retrainings} retrainings)")
            for name, rate in rates.items():
                print(f"  {name:44}{rate:7.3f}")
        for deficit in gate_passes.DEFICITS:
            noticed = pool.map(partial(gate_passes.judge_women, deficit), range(given.retrainings), chunksize=10)
            rates = gate_passes.pass_rates(noticed)
            results[f"women worse by {deficit:.2f}"] = rates
            print(f"\nA model that is worse by {deficit:.2f} for women ({given.retrainings} models)")
            for name, rate in rates.items():
                print(f"  {name:44}{rate:7.3f}")
    OUT.mkdir(exist_ok=True)
    (OUT / "statistics.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


def measure_coverage(split: str, quality: float, number: int) -> Hits:
    """Simulate one evaluation and return whether each interval contains the true value."""
    skill, reference = _reference(split, quality)
    random = np.random.default_rng([SPLITS.index(split), QUALITIES.index(quality), number])
    validation, test = (
        Predictions(part.images, simulated_models.answer_images(part.truth, part.noise(random), skill))
        for part in map(simulated_models.images_of_split, ("validation", split))
    )
    threshold = operating_point.melanoma_threshold(validation, gate_passes.TARGET)
    if threshold is None:
        raise ValueError("the simulated validation images have no melanoma")
    resamples = gate_passes.resamples_of_split(split)
    figures = classification_metrics.estimate_metrics(test, threshold, resamples)
    reliability = probability_calibration.measure_reliability(test, resamples)
    clinical = clinical_measures.measure_threshold(test, threshold, resamples)
    melanoma = probability_calibration.measure_melanoma(test)
    estimates = {
        "balanced accuracy": figures.balanced_accuracy,
        "accuracy": figures.accuracy,
        "malignant sensitivity": figures.malignant_sensitivity,
        "malignant specificity": figures.malignant_specificity,
        "melanoma sensitivity at the operating point": figures.melanoma_sensitivity,
        "melanoma specificity at the operating point": figures.melanoma_specificity,
        "PPV at the operating point": clinical.ppv,
        "NPV at the operating point": clinical.npv,
        "false alarms per melanoma": clinical.false_alarms_per_melanoma,
        **{f"PPV at {each.prevalence:.0%}": each.ppv for each in clinical.at_prevalence},
        **{f"NPV at {each.prevalence:.0%}": each.npv for each in clinical.at_prevalence},
        "calibration slope, melanoma": melanoma.slope,
        "calibration intercept, melanoma": melanoma.intercept,
        **{
            f"observed to expected {label}": each.ratio
            for label, each in probability_calibration.measure_classes(test, resamples).items()
            if label in SHOWN_CLASSES
        },
        "overconfidence": reliability.overconfidence,
        "Brier score": reliability.brier,
        **{
            f"{name} {label}": getattr(figures.per_class[label], name)
            for label in SHOWN_CLASSES
            for name in (*classification_metrics.RATE_NAMES, *classification_metrics.RANKING_NAMES)
        },
    }
    true = {**_true_values(split, quality), **_values_at_threshold(reference, threshold)}
    return {name: _held(each, true[name]) for name, each in estimates.items() if each.lower is not None}


def _values_at_threshold(reference: Predictions, threshold: float) -> Mapping[str, float]:
    """Return the true values at `threshold`."""
    suspected, melanoma = reference.melanoma >= threshold, reference.is_melanoma
    sensitivity, specificity = np.array([suspected[melanoma].mean()]), np.array([1 - suspected[~melanoma].mean()])
    ppv = float(melanoma[suspected].mean())
    values = {
        "melanoma sensitivity at the operating point": float(sensitivity[0]),
        "melanoma specificity at the operating point": float(specificity[0]),
        "PPV at the operating point": ppv,
        "NPV at the operating point": float(1 - melanoma[~suspected].mean()),
        "false alarms per melanoma": (1 - ppv) / ppv,
    }
    for prevalence in clinical_measures.PREVALENCES:
        positive, negative = clinical_measures.predictive_values(sensitivity, specificity, prevalence)
        values |= {f"PPV at {prevalence:.0%}": float(positive[0]), f"NPV at {prevalence:.0%}": float(negative[0])}
    return values


def summarize_coverage(found: Iterable[Hits]) -> dict[str, tuple[float, float]]:
    """Return for each metric the share of the intervals that contain the true value, and their mean width."""
    gathered: dict[str, list[tuple[bool, float]]] = defaultdict(list)
    for each in found:
        for name, pair in each.items():
            gathered[name].append(pair)
    return {
        name: (float(np.mean([held for held, _ in pairs])), float(np.mean([width for _, width in pairs])))
        for name, pairs in gathered.items()
    }


def _held(found: Estimate, true: float) -> tuple[bool, float]:
    if found.lower is None or found.upper is None:
        raise ValueError("an estimate without an interval has no coverage")
    return found.lower <= true <= found.upper, found.upper - found.lower


@cache
def _reference(split: str, quality: float) -> tuple[float, Predictions]:
    skill = simulated_models.skill_of_balanced_accuracy(quality)
    return skill, simulated_models.reference_predictions(split, skill)


@cache
def _true_values(split: str, quality: float) -> Mapping[str, float]:
    _, reference = _reference(split, quality)
    once = confidence_intervals.Resamples(np.ones((1, len(reference.images)), dtype=np.float32))
    reliability = probability_calibration.measure_reliability(reference, once)
    per_class = classification_metrics.point_metrics_per_class(reference)
    melanoma = probability_calibration.measure_melanoma(reference)
    values = {
        "balanced accuracy": classification_metrics.balanced_accuracy_score(reference),
        "accuracy": classification_metrics.accuracy_score(reference),
        "malignant sensitivity": classification_metrics.malignant_sensitivity_score(reference),
        "malignant specificity": classification_metrics.malignant_specificity_score(reference),
        "calibration slope, melanoma": melanoma.slope.value,
        "calibration intercept, melanoma": melanoma.intercept.value,
        **{
            f"observed to expected {label}": each.ratio.value
            for label, each in probability_calibration.measure_classes(reference, once).items()
        },
        "calibration error": reliability.error.value,
        "overconfidence": reliability.overconfidence.value,
        "Brier score": reliability.brier.value,
        **{
            f"{name} {label}": getattr(per_class[label], name)
            for label in contract.CLASS_LABELS
            for name in (*classification_metrics.RATE_NAMES, *classification_metrics.RANKING_NAMES)
        },
    }
    return {name: value for name, value in values.items() if value is not None}


if __name__ == "__main__":
    main()
