# SPDX-License-Identifier: MIT-0
"""Which images decide what: each kind of images is answered otherwise, and only what is of them changes."""

import functools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pipeline_src import contract
from pipeline_src.evaluation import model_measurement
from pipeline_src.evaluation.model_measurement import EvaluationInputs, ModelMeasurement
from pipeline_src.evaluation.model_predictions import HoldoutImage, Predictions
from tests.jobs.evaluation import case

KINDS = {
    "base": (contract.VALIDATION, contract.BASE_ORIGIN),
    "added": (contract.VALIDATION, contract.ADDITION_ORIGIN),
    "test": (contract.TEST, contract.BASE_ORIGIN),
    "official": (contract.OFFICIAL, contract.BASE_ORIGIN),
}


def images(kind: str) -> list[HoldoutImage]:
    """Return images of all classes that are of one kind."""
    split, archive = KINDS[kind]
    return [
        replace(
            image,
            image_id=f"{kind}_{image.image_id}",
            lesion_id=f"{kind}_{image.lesion_id}",
            split=split,
            archive=archive,
        )
        for image in case.images()
        if image.split == contract.TEST
    ]


@functools.cache
def measured(other: str = "") -> ModelMeasurement:
    """Return the measurement of a model that answers the images of kind `other` as a worse model would."""
    listed = [image for kind in KINDS for image in images(kind)]
    answers = case.probabilities(listed, skill=3)
    worse = case.probabilities(listed, skill=1, seed=8)
    rows = [
        worse[image.image_id] if image.image_id.startswith(f"{other}_") else answers[image.image_id] for image in listed
    ]
    subject = EvaluationInputs(
        images=listed,
        predictions=Predictions(tuple(listed), np.array(rows)),
        card=case.card(listed),
        champion=None,
        champion_package=contract.NO_PACKAGE,
        provenance={},
        training=None,
    )
    return model_measurement.measure_model(subject, 0.9)


def figures(found: ModelMeasurement) -> dict[str, Any]:
    """Return what is measured, each part by what it is of; threshold and temperature apart from what uses them."""
    return {
        "threshold": found.melanoma,
        "temperature": found.calibration.temperature,
        "calibration": found.calibration.served,
        "figures": found.figures.balanced_accuracy,
        "classes": found.figures.per_class,
        "official": found.official_figures and found.official_figures.balanced_accuracy,
        "subgroups": found.subgroups,
        "production": found.production and found.production.temperature,
        "test": found.test.probabilities.tolist(),
        "validation": found.validation.probabilities.tolist(),
    }


@pytest.mark.parametrize(
    ("other", "changed"),
    {
        "base": {"threshold", "temperature", "validation"},
        "added": {"production", "validation"},
        "test": {"calibration", "figures", "classes", "subgroups", "test"},
        "official": {"official"},
    }.items(),
)
def test_other_answers_for_one_kind_of_images_change_what_is_measured_on_them(other: str, changed: set[str]) -> None:
    """Above all: neither threshold nor temperature follows test images, and no figure follows validation images."""
    before, after = figures(measured()), figures(measured(other))
    assert {name for name, value in before.items() if after[name] != value} == changed
