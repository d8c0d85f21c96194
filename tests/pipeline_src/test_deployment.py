# SPDX-License-Identifier: MIT-0
"""A deployment's values reach the definition, all of them, each in its own place."""

import contextlib
import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline_src.algorithms.algorithm_specification import AlgorithmSpecification
from pipeline_src.algorithms.algorithm_table import ALGORITHMS
from pipeline_src.definition.pipeline_deployment import (
    OFFLINE_DEPLOYMENT,
    PipelineDeployment,
    TuningSettings,
    fill_placeholders,
    offline_deployment,
    placeholder_deployment,
)

OTHERS = ("region", "algorithm", "spot", "tags", "defaults", "tuning", "keep_warm_seconds", "network", "warm_start")
FIELDS = [field.name for field in dataclasses.fields(PipelineDeployment) if field.name not in OTHERS]


def text_over(deployment: PipelineDeployment) -> str:
    """Return a JSON text that holds each value of a deployment once, some within longer ones."""
    plain = placeholder_deployment(deployment)
    return json.dumps({"fields": {name: f"<{getattr(plain, name)}>" for name in FIELDS}, "tags": dict(plain.tags)})


@given(
    st.lists(st.text(), min_size=len(FIELDS), max_size=len(FIELDS)), st.dictionaries(st.text(), st.text(), max_size=12)
)
def test_any_values_whatever_come_out_where_they_belong(values: list[str], tags: dict[str, str]) -> None:
    """Quotes, tokens, one value inside another, even the stand-ins themselves."""
    deployment = dataclasses.replace(OFFLINE_DEPLOYMENT, **dict(zip(FIELDS, values, strict=True)), tags=tags)
    result = json.loads(fill_placeholders(text_over(deployment), deployment))
    assert result == {"fields": {name: f"<{value}>" for name, value in zip(FIELDS, values, strict=True)}, "tags": tags}


@pytest.mark.parametrize("field", FIELDS)
def test_a_value_that_the_definition_does_not_use_is_an_error(field: str) -> None:
    text = text_over(OFFLINE_DEPLOYMENT).replace(getattr(placeholder_deployment(OFFLINE_DEPLOYMENT), field), "")
    with pytest.raises(RuntimeError, match=f"stand-in-{field.replace('_', '-')}.*not used"):
        fill_placeholders(text, OFFLINE_DEPLOYMENT)


def test_a_stand_in_that_the_sdk_reshaped_is_an_error() -> None:
    text = json.dumps([text_over(OFFLINE_DEPLOYMENT), "stand-in-role"])
    with pytest.raises(RuntimeError, match="stand-in-role"):
        fill_placeholders(text, OFFLINE_DEPLOYMENT)


def test_the_longest_stand_in_is_replaced_first() -> None:
    """The group's name must not be filled into another value that begins like it."""
    longer = dataclasses.replace(
        OFFLINE_DEPLOYMENT, raw_bucket="raw", tags={str(number): f"tag {number}" for number in range(50)}
    )
    assert json.loads(fill_placeholders(text_over(longer), longer))["tags"] == dict(longer.tags)


@pytest.mark.parametrize(("jobs", "parallel"), [(1, 1), (4, 0), (4, 5)])
def test_a_tuning_has_several_jobs_of_which_some_run_at_once(jobs: int, parallel: int) -> None:
    with pytest.raises(ValueError, match=f"{parallel} of {jobs} jobs"):
        TuningSettings(jobs=jobs, parallel=parallel)


@pytest.mark.parametrize("algorithm", ALGORITHMS.values(), ids=lambda each: each.name)
def test_a_tuning_on_spot_capacity_is_refused_where_its_jobs_would_resume_from_one_another(
    algorithm: AlgorithmSpecification,
) -> None:
    refused = pytest.raises(ValueError, match="share their checkpoints")
    with refused if algorithm.checkpoints == "training" else contextlib.nullcontext():
        dataclasses.replace(offline_deployment(algorithm.name), spot=True, tuning=TuningSettings(jobs=2))


def test_an_unknown_algorithm_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ValueError, match=r"'linear_prob': unknown.*perhaps linear_probe"):
        offline_deployment("linear_prob")


@pytest.mark.parametrize("other", [{"spot": True}, {"tuning": TuningSettings(jobs=2)}])
def test_instances_are_not_kept_where_the_service_keeps_none(other: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no warm pool there"):
        dataclasses.replace(OFFLINE_DEPLOYMENT, keep_warm_seconds=600, **other)
