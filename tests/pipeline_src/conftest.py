# SPDX-License-Identifier: MIT-0
"""The definition, rendered once a session: the SDK takes seconds to import."""

import dataclasses
import functools
import json
from typing import Any

import pytest

from pipeline_src.algorithms.algorithm_specification import AlgorithmSpecification
from pipeline_src.algorithms.algorithm_table import ALGORITHMS, DEFAULT_ALGORITHM
from pipeline_src.definition.pipeline import definition_json
from pipeline_src.definition.pipeline_deployment import TuningSettings, offline_deployment

TUNING = TuningSettings(jobs=8, parallel=2)


@functools.cache
def rendered_for(
    algorithm: str, *, spot: bool = False, tuning: TuningSettings | None = None, warm_start: bool = False
) -> str:
    """Return the definition of the sample deployment of `algorithm`, as text."""
    deployment = offline_deployment(algorithm)
    return definition_json(dataclasses.replace(deployment, spot=spot, tuning=tuning, warm_start=warm_start))


@pytest.fixture(params=ALGORITHMS.values(), ids=lambda each: each.name)
def algorithm(request: pytest.FixtureRequest) -> AlgorithmSpecification:
    """Every algorithm, one after the other."""
    return request.param


@pytest.fixture(scope="session")
def rendered() -> str:
    """The definition of the sample deployment of the default algorithm, as text."""
    return rendered_for(DEFAULT_ALGORITHM)


@pytest.fixture(scope="session")
def rendered_with_tuning() -> str:
    """The same with a tuning of eight jobs, two at once."""
    return rendered_for(DEFAULT_ALGORITHM, tuning=TUNING)


@pytest.fixture
def document(rendered: str) -> dict[str, Any]:
    """The definition, the test's own to change."""
    return json.loads(rendered)


@pytest.fixture
def steps(document: dict[str, Any]) -> dict[str, Any]:
    """Every step of `document` by name."""
    from tests.pipeline_src.definition import walk

    return {step["Name"]: step for step in walk.steps(document)}


@pytest.fixture
def arguments(steps: dict[str, Any]) -> dict[str, Any]:
    """The arguments of every step of `document` by the step's name."""
    return {name: step["Arguments"] for name, step in steps.items()}


@pytest.fixture
def spot_arguments(algorithm: AlgorithmSpecification) -> dict[str, Any]:
    """The arguments of Train with spot capacity, for each algorithm."""
    steps = json.loads(rendered_for(algorithm.name, spot=True))["Steps"]
    return next(each for each in steps if each["Name"] == "Train")["Arguments"]
