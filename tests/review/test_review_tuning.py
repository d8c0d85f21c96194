# SPDX-License-Identifier: MIT-0
"""A switch between training and tuning is one note, and lost protections are still reported."""

import copy
from typing import Any

import pytest

from review.pipeline_diff import PipelineChange, compare_pipelines
from tests.review.test_review_pipeline import DOCUMENT, defined

Document = dict[str, Any]
RANGE = {"Name": "learning_rate", "MinValue": "0.001", "MaxValue": "0.1", "ScalingType": "Logarithmic"}
CONFIG = {
    "ResourceLimits": {"MaxNumberOfTrainingJobs": 8, "MaxParallelTrainingJobs": 2},
    "ParameterRanges": {
        "ContinuousParameterRanges": [RANGE],
        "CategoricalParameterRanges": [{"Name": "optimizer", "Values": ["sgd", "nag"]}],
    },
}


@pytest.fixture
def tuned() -> Document:
    """The document with a tuning in place of its training."""
    document = copy.deepcopy(DOCUMENT)
    train = document["Steps"][1]
    job = train["Arguments"]
    job["StaticHyperParameters"] = job.pop("HyperParameters")
    train |= {
        "Type": "Tuning",
        "Arguments": {"HyperParameterTuningJobConfig": CONFIG, "TrainingJobDefinition": job},
    }
    return document


def notes(old: Document, new: Document) -> PipelineChange:
    return compare_pipelines("Training/Pipeline", defined(old), defined(new))


def test_a_training_that_becomes_a_tuning_is_one_note(tuned: Document) -> None:
    (note,) = notes(DOCUMENT, tuned).notes
    assert note.text == (
        "`Train`: becomes a tuning of 8 jobs, 2 at once over `learning_rate` 0.001 to 0.1, `optimizer` sgd/nag"
    )
    assert not note.needs_attention


def test_a_tuning_that_becomes_a_training_is_one_note(tuned: Document) -> None:
    (note,) = notes(tuned, DOCUMENT).notes
    assert note.text == "`Train`: a single training replaces a tuning of 8 jobs, 2 at once"


def test_isolation_that_is_lost_in_the_switch_needs_attention(tuned: Document) -> None:
    del tuned["Steps"][1]["Arguments"]["TrainingJobDefinition"]["EnableNetworkIsolation"]
    (note,) = notes(DOCUMENT, tuned).attention
    assert "network isolation: `true` is removed" in note.text


def test_differences_between_two_tunings_are_reported(tuned: Document) -> None:
    more = copy.deepcopy(tuned)
    limits = more["Steps"][1]["Arguments"]["HyperParameterTuningJobConfig"]["ResourceLimits"]
    limits["MaxNumberOfTrainingJobs"] = 12
    (note,) = notes(tuned, more).notes
    assert note.text.endswith("MaxNumberOfTrainingJobs`: `8` → `12`")
