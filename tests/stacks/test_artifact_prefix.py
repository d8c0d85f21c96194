# SPDX-License-Identifier: MIT-0
"""The artifacts of two pipelines lie below two prefixes, whatever the deployment is called."""

from typing import Any

import pytest

from stacks.constructs.artifact_access import artifact_prefix, codepipeline_name
from stacks.settings.deployment_settings import Settings
from tests.stacks.synthesis import deployed

PURPOSES = ("delivery", "source")
LENGTHS = range(1, 21)


def test_the_pipelines_are_those_whose_prefixes_are_compared_here(documents: dict[str, Any]) -> None:
    found = [
        each.properties["Name"]
        for stack in ("Deployment", "Retraining")
        for each in deployed(documents, stack, "AWS::CodePipeline::Pipeline")
    ]
    assert found == [codepipeline_name(Settings(), purpose) for purpose in PURPOSES]


@pytest.mark.parametrize("length", LENGTHS)
def test_no_pipeline_may_touch_the_artifacts_of_another(length: int) -> None:
    """CodePipeline begins a key with 20 letters of the pipeline's name, and a role may touch what begins so."""
    settings = Settings(name="a" * length)
    delivery, source = (artifact_prefix(codepipeline_name(settings, purpose)) for purpose in PURPOSES)
    assert not delivery.startswith(source)
    assert not source.startswith(delivery)


@pytest.mark.parametrize("length", LENGTHS[:18])
def test_a_name_that_leaves_room_for_what_differs_keeps_its_pipelines(length: int) -> None:
    """Another name would replace a pipeline that is deployed, and lose what it knows of earlier deliveries."""
    name = "a" * length
    assert [codepipeline_name(Settings(name=name), each) for each in PURPOSES] == [f"{name}-delivery", f"{name}-source"]
