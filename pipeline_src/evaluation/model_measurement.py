# SPDX-License-Identifier: MIT-0
"""Reads the inputs of an evaluation and measures one model.

Each field of the measurement is computed from the predictions by a module of its own.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pipeline_src import contract
from pipeline_src.algorithms.algorithm_table import ALGORITHMS
from pipeline_src.algorithms.training_history import TrainingHistory
from pipeline_src.evaluation import (
    champion_comparison,
    champion_predictions,
    classification_metrics,
    clinical_measures,
    confidence_intervals,
    model_predictions,
    operating_point,
    probability_calibration,
    study_population,
    subgroup_metrics,
)
from pipeline_src.evaluation.champion_comparison import ChampionComparison
from pipeline_src.evaluation.champion_predictions import ChampionPredictions
from pipeline_src.evaluation.classification_metrics import MetricEstimates
from pipeline_src.evaluation.clinical_measures import ClinicalMeasures
from pipeline_src.evaluation.model_predictions import HoldoutImage, Predictions
from pipeline_src.evaluation.operating_point import OperatingPoint, ProductionValidation
from pipeline_src.evaluation.probability_calibration import Calibration
from pipeline_src.evaluation.study_population import StudyPopulation
from pipeline_src.evaluation.subgroup_metrics import Subgroup
from pipeline_src.leakage import audit_summary
from pipeline_src.leakage.audit_summary import LeakageSummary
from pipeline_src.runtime.errors import BadInputError


class NotedValues(NamedTuple):
    """Values that the job only records: the ARN of the champion's model package, and parameters by name."""

    champion_package: str = contract.NO_PACKAGE
    values: Mapping[str, str] = {}


@dataclass(frozen=True, kw_only=True)
class EvaluationInputs:
    """The inputs of an evaluation.

    Attributes:
        images: all images of the manifest, those of the training split too.
        predictions: of validation, test and official images.
        card: the dataset card that Preprocess wrote.
        champion: the predictions of the model in production, or None.
        champion_package: the ARN of its model package, or `contract.NO_PACKAGE`.
        provenance: origin of the model by name: commit, image, parameters.
        training: the history of its training; None for an algorithm without epochs.
    """

    images: Sequence[HoldoutImage]
    predictions: Predictions
    card: dict[str, object]
    champion: ChampionPredictions | None
    champion_package: str
    provenance: Mapping[str, str]
    training: TrainingHistory | None


def read_evaluation_inputs(
    inputs: Path, noted: NotedValues, training: TrainingHistory | None, progress: Callable[[int, int], None]
) -> EvaluationInputs:
    """Read the folders below `inputs`, one for each input channel; `progress` is called with the scores read.

    Args:
        inputs: the folder of the channels.
        noted: values to record.
        training: the history of the model's training, if it has one.
        progress: called with the number of scores that are read, and of all.

    Raises:
        BadInputError: a file is missing or cannot be read.
    """
    dataset = inputs / contract.DATASET_OUTPUT
    listed, card = model_predictions.read_manifest_images(dataset), read_dataset_card(dataset)
    images = model_predictions.held_out_images(listed)
    answers = model_predictions.read_scores(
        inputs / contract.SCORES_INPUT, (image.image_id for image in images), progress
    )
    return EvaluationInputs(
        images=listed,
        predictions=model_predictions.join_predictions(images, answers),
        card=card,
        champion=champion_predictions.read_champion_predictions(inputs / contract.CHAMPION_INPUT),
        champion_package=noted.champion_package,
        provenance=_provenance(noted, card),
        training=training,
    )


def read_dataset_card(folder: Path) -> dict[str, object]:
    """Read the dataset card in `folder`.

    Raises:
        BadInputError: it is missing or not a JSON object.
    """
    path = folder / contract.DATASET_CARD_FILE
    try:
        card = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise BadInputError(f"{path}: not found. Give the evaluation the dataset output of Preprocess.") from None
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"{path}: not JSON: {error}. Run Preprocess again.") from None
    if not isinstance(card, dict):
        raise BadInputError(f"{path}: not a JSON object. Run Preprocess again.")
    return card


def _provenance(noted: NotedValues, card: Mapping[str, object]) -> dict[str, str]:
    """Return the origin of the model: the commit first, then the parameters of the jobs."""
    commit = noted.values.get(contract.SOURCE_COMMIT_PARAMETER, "unknown")
    preprocessing = card.get("parameters")
    told = {str(name): str(value) for name, value in preprocessing.items()} if isinstance(preprocessing, dict) else {}
    return {
        contract.SOURCE_COMMIT_PARAMETER: commit,
        contract.CHAMPION_PACKAGE_PARAMETER: noted.champion_package,
        **told,
        **noted.values,
        **_algorithm_facts(
            noted.values.get(contract.ALGORITHM_FACT, ""),
            noted.values.get(contract.STARTING_PACKAGE_PARAMETER, contract.NO_PACKAGE),
        ),
    }


def _algorithm_facts(name: str, package: str) -> dict[str, str]:
    """Return title and weights of the algorithm `name`, which started from `package`; nothing if it is unknown here."""
    algorithm = ALGORITHMS.get(name)
    if algorithm is None:
        return {}
    weights = algorithm.weights
    if package != contract.NO_PACKAGE:
        weights = (
            f"Trained from {package}, all of whose training images are in the present training split, as Preprocess has"
            f" checked. The first weights: {weights}"
        )
    return {"AlgorithmTitle": algorithm.title, "StartingWeights": weights}


@dataclass(frozen=True, kw_only=True)
class ModelMeasurement:
    """The metrics of one model, measured on the test images; the operating point is chosen on validation images.

    Attributes:
        official: predictions of the test images of ISIC 2018 Task 3; None if the archive has none.
        card: the dataset card that Preprocess wrote.
        figures: metrics on the test images.
        official_figures: metrics on the official test images, at the same operating point.
        melanoma: the operating point, chosen on the validation images of the base archive alone.
        production: the additional validation images at that point; None if there are none.
        clinical: measures of the melanoma threshold on the test images.
        population: flow, demographics and reference standard of the images of all splits.
        provenance: origin of the model by name, in the order of the report.
        training: the history of its training; None for an algorithm without epochs.
    """

    validation: Predictions
    test: Predictions
    official: Predictions | None
    card: dict[str, object]
    figures: MetricEstimates
    official_figures: MetricEstimates | None
    melanoma: OperatingPoint
    production: ProductionValidation | None
    clinical: ClinicalMeasures
    population: StudyPopulation
    calibration: Calibration
    subgroups: tuple[Subgroup, ...]
    leakage: LeakageSummary
    comparison: ChampionComparison
    provenance: Mapping[str, str]
    training: TrainingHistory | None


def measure_model(subject: EvaluationInputs, target_sensitivity: float) -> ModelMeasurement:
    """Measure `subject` with a melanoma threshold chosen for `target_sensitivity`.

    Raises:
        BadInputError: the dataset card cannot be read.
    """
    validation, test = subject.predictions.of(contract.VALIDATION), subject.predictions.of(contract.TEST)
    official = subject.predictions.of(contract.OFFICIAL)
    base, added = operating_point.split_by_archive(validation)
    melanoma = operating_point.choose_operating_point(base, target_sensitivity)
    resamples = confidence_intervals.draw_resamples(test.images)
    return ModelMeasurement(
        validation=validation,
        test=test,
        official=official if official.images else None,
        card=subject.card,
        figures=classification_metrics.estimate_metrics(test, melanoma.threshold, resamples),
        official_figures=classification_metrics.estimate_metrics(
            official, melanoma.threshold, confidence_intervals.draw_resamples(official.images)
        )
        if official.images
        else None,
        melanoma=melanoma,
        production=operating_point.measure_production(
            added, melanoma, probability_calibration.fitted_temperature(added)[0]
        ),
        clinical=clinical_measures.measure_threshold(test, melanoma.threshold, resamples),
        population=study_population.describe_population(subject.images, subject.card),
        calibration=probability_calibration.measure_calibration(base, test, resamples),
        subgroups=subgroup_metrics.measure_subgroups(test, resamples),
        leakage=audit_summary.read_leakage_summary(subject.card),
        comparison=champion_comparison.compare_with_champion(
            test, melanoma.threshold, subject.champion, subject.champion_package
        ),
        provenance=subject.provenance,
        training=subject.training,
    )
