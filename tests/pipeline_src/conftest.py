# SPDX-License-Identifier: MIT-0
"""The definition, rendered once a session: the SDK takes seconds to import."""

import copy
import dataclasses
import json
from typing import Any

import pytest

from pipeline_src.definition.pipeline import definition_json
from pipeline_src.definition.pipeline_deployment import OFFLINE_DEPLOYMENT, TuningSettings


@pytest.fixture(scope="session")
def rendered() -> str:
    """The definition of the sample deployment, as text."""
    return definition_json(OFFLINE_DEPLOYMENT)


@pytest.fixture(scope="session")
def rendered_with_spot() -> str:
    """The same with spot capacity."""
    return definition_json(dataclasses.replace(OFFLINE_DEPLOYMENT, spot=True))


@pytest.fixture(scope="session")
def rendered_with_tuning() -> str:
    """The same with a tuning of eight jobs, two at once."""
    return definition_json(dataclasses.replace(OFFLINE_DEPLOYMENT, tuning=TuningSettings(jobs=8, parallel=2)))


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
def spot_arguments(rendered_with_spot: str) -> dict[str, Any]:
    """The arguments of Train with spot capacity."""
    return copy.deepcopy(next(s for s in json.loads(rendered_with_spot)["Steps"] if s["Name"] == "Train")["Arguments"])
