# SPDX-License-Identifier: MIT-0
"""docs/operations.md says what to do for each alarm, each stage and each function that the templates have."""

import re
from collections.abc import Iterator
from typing import Any

from tests.stacks.conftest import ROOT

PAGE = (ROOT / "docs/operations.md").read_text()


def _resources(documents: dict[str, Any], kind: str) -> Iterator[dict[str, Any]]:
    for document in documents.values():
        yield from (each["Properties"] for each in document["Resources"].values() if each["Type"] == kind)


def _ending(name: str | dict[str, Any]) -> str:
    """Return the last word of an alarm's name, which CloudFormation may have to join."""
    text: str = name if isinstance(name, str) else name["Fn::Join"][1][-1]
    return text.rpartition("-")[2]


def test_each_alarm_has_its_line(documents_apart: dict[str, Any]) -> None:
    """Also those that are there only where a stage is elsewhere."""
    alarms = list(_resources(documents_apart, "AWS::CloudWatch::Alarm"))
    names = {_ending(each["AlarmName"]) for each in alarms}
    assert len(names) > 10
    assert {name for name in names if not re.search(rf"^\| .*\b{name}\b", PAGE, re.MULTILINE)} == set()
    assert all(
        name in str(each["AlarmDescription"]) for name in names for each in alarms if _ending(each["AlarmName"]) == name
    )


def test_each_stage_of_both_pipelines_has_its_line(documents: dict[str, Any]) -> None:
    pipelines = list(_resources(documents, "AWS::CodePipeline::Pipeline"))
    assert len(pipelines) == 2
    stages = {stage["Name"] for pipeline in pipelines for stage in pipeline["Stages"]}
    assert {name for name in stages if not re.search(rf"^\| {name}\b", PAGE, re.MULTILINE)} == set()
