# SPDX-License-Identifier: MIT-0
"""docs/alarms.md has a section for each alarm, docs/troubleshooting.md a line for each stage of the pipelines."""

import re
from collections.abc import Iterator
from typing import Any

from tests.assembly import ROOT

ALARMS = (ROOT / "docs/alarms.md").read_text()
STAGES = (ROOT / "docs/troubleshooting.md").read_text()


def _resources(documents: dict[str, Any], kind: str) -> Iterator[dict[str, Any]]:
    for document in documents.values():
        yield from (each["Properties"] for each in document["Resources"].values() if each["Type"] == kind)


def _ending(name: str | dict[str, Any]) -> str:
    """Return the last word of an alarm's name, which CloudFormation may have to join."""
    text: str = name if isinstance(name, str) else name["Fn::Join"][1][-1]
    return text.rpartition("-")[2]


def test_each_alarm_has_its_section_and_links_to_it(documents_apart: dict[str, Any]) -> None:
    """Also those that are there only where a stage is elsewhere."""
    alarms = list(_resources(documents_apart, "AWS::CloudWatch::Alarm"))
    names = {_ending(each["AlarmName"]) for each in alarms}
    assert len(names) > 10
    assert {name for name in names if not re.search(rf"^## {name}$", ALARMS, re.MULTILINE)} == set()
    for alarm in alarms:
        assert f"docs/alarms.md#{_ending(alarm['AlarmName']).lower()}" in str(alarm["AlarmDescription"])


def test_the_page_of_alarms_has_no_section_of_an_alarm_that_is_gone(documents_apart: dict[str, Any]) -> None:
    names = {_ending(each["AlarmName"]) for each in _resources(documents_apart, "AWS::CloudWatch::Alarm")}
    sections = set(re.findall(r"^## ([A-Z][a-z]+[A-Z]\w+|[A-Z][a-z]+)$", ALARMS, re.MULTILINE))
    assert sections - names == {"MonitorFailed"}  # a message about a job's end, not an alarm


def test_each_stage_of_both_pipelines_has_its_line(documents: dict[str, Any]) -> None:
    pipelines = list(_resources(documents, "AWS::CodePipeline::Pipeline"))
    assert len(pipelines) == 2
    stages = {stage["Name"] for pipeline in pipelines for stage in pipeline["Stages"]}
    assert {name for name in stages if not re.search(rf"^\| {name}\b", STAGES, re.MULTILINE)} == set()
