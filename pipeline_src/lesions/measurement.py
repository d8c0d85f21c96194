# SPDX-License-Identifier: MIT-0
"""Everything that is measured of one model. Each field is a function of the predictions and lives in its own module."""

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline_src import contract
from pipeline_src.lesions import calibration, comparison, figures, leakage, operating_point, resampling, subgroup
from pipeline_src.lesions.calibration import Calibration
from pipeline_src.lesions.comparison import Comparison
from pipeline_src.lesions.figures import Figures
from pipeline_src.lesions.leakage import Leakage
from pipeline_src.lesions.operating_point import OperatingPoint
from pipeline_src.lesions.prediction import Predictions
from pipeline_src.lesions.subgroup import Subgroup
from pipeline_src.lesions.subject import Subject


@dataclass(frozen=True, kw_only=True)
class Measurement:
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
    figures: Figures
    official_figures: Figures | None
    melanoma: OperatingPoint
    calibration: Calibration
    subgroups: tuple[Subgroup, ...]
    leakage: Leakage
    comparison: Comparison
    provenance: Mapping[str, str]


def measure(subject: Subject, target_sensitivity: float) -> Measurement:
    """Measure `subject` with a melanoma threshold that aims at `target_sensitivity`.

    Raises:
        BadInputError: the dataset card cannot be read.
    """
    validation, test = subject.predictions.of(contract.VALIDATION), subject.predictions.of(contract.TEST)
    official = subject.predictions.of(contract.OFFICIAL)
    melanoma = operating_point.choose(validation, target_sensitivity)
    resamples = resampling.draw(test.images)
    return Measurement(
        validation=validation,
        test=test,
        official=official if official.images else None,
        card=subject.card,
        figures=figures.measure(test, melanoma.threshold, resamples),
        official_figures=_official(official, melanoma.threshold),
        melanoma=melanoma,
        calibration=calibration.measure(validation, test, resamples),
        subgroups=subgroup.measure(test, resamples),
        leakage=leakage.read(subject.card),
        comparison=comparison.compare(test, melanoma.threshold, subject.champion, subject.champion_package),
        provenance=subject.provenance,
    )


def _official(official: Predictions, threshold: float | None) -> Figures | None:
    return figures.measure(official, threshold, resampling.draw(official.images)) if official.images else None
