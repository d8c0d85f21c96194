# SPDX-License-Identifier: MIT-0
"""What is evaluated: a model's predictions, the dataset's card, the champion's predictions, and how it came to be.

Everything that is measured of one model. Each field is a function of the predictions and lives in its own module.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pipeline_src import contract
from pipeline_src.evaluation import (
    champion_comparison,
    classification_metrics,
    confidence_intervals,
    model_predictions,
    operating_point,
    probability_calibration,
    subgroup_metrics,
)
from pipeline_src.evaluation.champion_comparison import ChampionComparison
from pipeline_src.evaluation.champion_predictions import ChampionPredictions
from pipeline_src.evaluation.classification_metrics import MetricEstimates
from pipeline_src.evaluation.model_predictions import Predictions
from pipeline_src.evaluation.operating_point import OperatingPoint
from pipeline_src.evaluation.probability_calibration import Calibration
from pipeline_src.evaluation.subgroup_metrics import Subgroup
from pipeline_src.leakage import audit_summary
from pipeline_src.leakage.audit_summary import LeakageSummary
from pipeline_src.runtime.errors import BadInputError


class NotedValues(NamedTuple):
    """What a job is told only to note it: the ARN of the champion's model package, and values by name."""

    champion_package: str = contract.NO_PACKAGE
    values: Mapping[str, str] = {}


@dataclass(frozen=True, kw_only=True)
class EvaluationInputs:
    """What is measured, and what is known of it.

    Attributes:
        predictions: of validation, test and official images.
        card: the dataset card, as Preprocess wrote it.
        champion: the predictions of the model in production; None where there is none.
        champion_package: the ARN of its model package, or `contract.NO_PACKAGE`.
        provenance: how the model came to be, by name: commit, image, parameters.
    """

    predictions: Predictions
    card: dict[str, object]
    champion: ChampionPredictions | None
    champion_package: str
    provenance: Mapping[str, str]


def read_evaluation_inputs(inputs: Path, noted: NotedValues, progress: Callable[[int, int], None]) -> EvaluationInputs:
    """Read the folders below `inputs`, one for each input channel, telling `progress` how many scores are read.

    Raises:
        BadInputError: something is missing or cannot be read.
    """
    dataset = inputs / contract.DATASET_OUTPUT
    images, card = model_predictions.read_holdout_images(dataset), read_dataset_card(dataset)
    answers = model_predictions.read_scores(
        inputs / contract.SCORES_INPUT, (image.image_id for image in images), progress
    )
    return EvaluationInputs(
        predictions=model_predictions.join_predictions(images, answers),
        card=card,
        champion=champion_comparison.read_champion_predictions(inputs / contract.CHAMPION_INPUT),
        champion_package=noted.champion_package,
        provenance=_provenance(noted, card),
    )


def read_dataset_card(folder: Path) -> dict[str, object]:
    """Read the dataset card in `folder`.

    Raises:
        BadInputError: it is not there or is no JSON object.
    """
    path = folder / contract.DATASET_CARD_FILE
    try:
        card = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise BadInputError(f"{path}: is not there. Give the evaluation the dataset output of Preprocess.") from None
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"{path}: is not JSON: {error}. Run Preprocess again.") from None
    if not isinstance(card, dict):
        raise BadInputError(f"{path}: is no JSON object. Run Preprocess again.")
    return card


def _provenance(noted: NotedValues, card: Mapping[str, object]) -> dict[str, str]:
    """Return what is known of the model's origin: the commit first, then what the jobs were told."""
    commit = noted.values.get(contract.SOURCE_COMMIT_PARAMETER, "unknown")
    preprocessing = card.get("parameters")
    told = {str(name): str(value) for name, value in preprocessing.items()} if isinstance(preprocessing, dict) else {}
    return {
        contract.SOURCE_COMMIT_PARAMETER: commit,
        contract.CHAMPION_PACKAGE_PARAMETER: noted.champion_package,
        **told,
        **noted.values,
    }


@dataclass(frozen=True, kw_only=True)
class ModelMeasurement:
    """One model's figures; all are of the test images, but the operating point is the validation images'.

    Attributes:
        official: predictions of the test images of ISIC 2018 Task 3; None where the archive has none.
        card: the dataset card, as Preprocess wrote it.
        figures: of the test images.
        official_figures: of the official ones, at the same operating point.
        provenance: how the model came to be, by name, in the order to be shown.
    """

    validation: Predictions
    test: Predictions
    official: Predictions | None
    card: dict[str, object]
    figures: MetricEstimates
    official_figures: MetricEstimates | None
    melanoma: OperatingPoint
    calibration: Calibration
    subgroups: tuple[Subgroup, ...]
    leakage: LeakageSummary
    comparison: ChampionComparison
    provenance: Mapping[str, str]


def measure_model(subject: EvaluationInputs, target_sensitivity: float) -> ModelMeasurement:
    """Measure `subject` with a melanoma threshold that aims at `target_sensitivity`.

    Raises:
        BadInputError: the dataset card cannot be read.
    """
    validation, test = subject.predictions.of(contract.VALIDATION), subject.predictions.of(contract.TEST)
    official = subject.predictions.of(contract.OFFICIAL)
    melanoma = operating_point.choose_operating_point(validation, target_sensitivity)
    resamples = confidence_intervals.draw_resamples(test.images)
    return ModelMeasurement(
        validation=validation,
        test=test,
        official=official if official.images else None,
        card=subject.card,
        figures=classification_metrics.estimate_metrics(test, melanoma.threshold, resamples),
        official_figures=_official_metrics(official, melanoma.threshold),
        melanoma=melanoma,
        calibration=probability_calibration.measure_calibration(validation, test, resamples),
        subgroups=subgroup_metrics.measure_subgroups(test, resamples),
        leakage=audit_summary.read_leakage_summary(subject.card),
        comparison=champion_comparison.compare_with_champion(
            test, melanoma.threshold, subject.champion, subject.champion_package
        ),
        provenance=subject.provenance,
    )


def _official_metrics(official: Predictions, threshold: float | None) -> MetricEstimates | None:
    return (
        classification_metrics.estimate_metrics(
            official, threshold, confidence_intervals.draw_resamples(official.images)
        )
        if official.images
        else None
    )
