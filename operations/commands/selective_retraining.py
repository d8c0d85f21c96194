# SPDX-License-Identifier: MIT-0
"""Runs the SageMaker pipeline again from one step, with what was before it taken from an earlier execution.

It starts the pipeline itself, with the credentials of the person, and not the state machine of retraining: that one
starts a whole training, once for each model. So a failure is told to the person who waits, and not by e-mail.
Parameters have the values of the earlier execution, the champion included.
Source: SageMaker Developer Guide, "Selective execution of pipeline steps"; API Reference, SelectiveExecutionConfig,
which takes the steps to run, at most 50, and an execution that has ended as Succeeded or Failed.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from operations.account.deployment_account import Account
from operations.functions.aws_clients import Client
from operations.functions.errors import UsageError

Json: TypeAlias = dict[str, Any]

_ENDED_STATUSES: Final = ("Succeeded", "Failed")
_OPEN_STATUSES: Final = ("Executing", "Stopping")
_BRANCHES: Final = ("IfSteps", "ElseSteps")
_REFERENCE: Final = re.compile(r'"Get": "Steps\.([^."]+)')
_MAXIMUM_STEPS: Final = 50
_LOOKED_AT: Final = 20  # executions, newest first
_NAME_LENGTH: Final = 82


@dataclass(frozen=True)
class SelectiveStart:
    """An execution that was started.

    Attributes:
        execution: ARN of the pipeline execution.
        message: What it runs and takes, in a sentence.
    """

    execution: str
    message: str


def start_from_step(account: Account, first: str, source: str = "") -> SelectiveStart:
    """Start the pipeline from the step `first`.

    Args:
        account: The account of the build.
        first: Name of the step; it runs, and so does all that depends on it.
        source: Id or ARN of the earlier execution; empty: the newest one that has what is needed.

    Raises:
        UsageError: There is no such step, or no execution that has what is needed.
    """
    sagemaker = account.client("sagemaker")
    pipeline = sagemaker.describe_pipeline(PipelineName=account.output("training", "Pipeline"))
    definition: Json = json.loads(pipeline["PipelineDefinition"])
    needs = step_needs(definition)
    if first not in needs:
        raise UsageError(f"--from {first!r}: the pipeline has no such step. Known: {', '.join(needs)}.")
    selected = steps_from(needs, first)
    if len(selected) > _MAXIMUM_STEPS:
        raise UsageError(
            f"--from {first}: {len(selected)} steps; the service takes {_MAXIMUM_STEPS}. Use a later step."
        )
    before = steps_before(needs, selected)
    newest = _newest_executions(sagemaker, pipeline["PipelineName"])
    execution = _find_source(sagemaker, pipeline, newest, before=before, first=first, given=source)
    declared = {each["Name"] for each in definition.get("Parameters", [])}
    run = execution.rpartition("/")[2]
    name = f"from-{first}-{run}".replace("_", "-")[:_NAME_LENGTH]
    if running := _find_running(newest, name):
        return SelectiveStart(running, f"{running.rpartition('/')[2]} runs the same steps. Joined it.")
    answer = sagemaker.start_pipeline_execution(
        PipelineName=pipeline["PipelineName"],
        PipelineExecutionDisplayName=name,
        PipelineParameters=[each for each in _parameters(sagemaker, execution) if each["Name"] in declared],
        SelectiveExecutionConfig={
            "SourcePipelineExecutionArn": execution,
            "SelectedSteps": [{"StepName": name} for name in selected],
        },
    )
    taken = f"{', '.join(before)} taken from execution {run}" if before else "nothing taken"
    return SelectiveStart(str(answer["PipelineExecutionArn"]), f"Started {', '.join(selected)}; {taken}.")


def step_needs(definition: Json) -> dict[str, set[str]]:
    """Return the names of the steps that each step of a pipeline definition needs, by its name, in order."""
    return dict(_walk(definition["Steps"], set()))


def _walk(bodies: list[Json], around: set[str]) -> Iterator[tuple[str, set[str]]]:
    for body in bodies:
        own = {key: value for key, value in body["Arguments"].items() if key not in _BRANCHES}
        yield body["Name"], {*_REFERENCE.findall(json.dumps(own)), *body.get("DependsOn", []), *around}
        if body["Type"] == "Condition":
            for branch in _BRANCHES:
                yield from _walk(body["Arguments"].get(branch, []), {body["Name"]})


def steps_from(needs: Mapping[str, set[str]], first: str) -> list[str]:
    """Return the step `first` and all that need it, directly or not, in order."""
    found = {first}
    while more := {name for name, each in needs.items() if name not in found and each & found}:
        found |= more
    return [name for name in needs if name in found]


def steps_before(needs: Mapping[str, set[str]], selected: list[str]) -> list[str]:
    """Return the steps that the `selected` ones need, directly or not, and that are not among them, in order."""
    found = set(selected)
    while more := {each for name in found for each in needs[name]} - found:
        found |= more
    return [name for name in needs if name in found and name not in selected]


def _find_source(  # noqa: PLR0913  what is known, what is needed and what was asked for
    sagemaker: Client, pipeline: Json, listed: list[Json], *, before: list[str], first: str, given: str
) -> str:
    """Return the ARN of the execution to take the steps `before` from."""
    if given:
        arn = given if given.startswith("arn:") else f"{pipeline['PipelineArn']}/execution/{given}"
        status = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)["PipelineExecutionStatus"]
        missing = _missing_steps(sagemaker, arn, before)
        if status not in _ENDED_STATUSES or missing:
            problem = f"{', '.join(missing)} did not succeed in it" if missing else f"it is {status}"
            raise UsageError(f"--of {given}: {problem}. Give one that has what {first} needs, or an earlier step.")
        return arn
    for each in listed:
        arn = str(each["PipelineExecutionArn"])
        if each["PipelineExecutionStatus"] in _ENDED_STATUSES and not _missing_steps(sagemaker, arn, before):
            return arn
    raise UsageError(
        f"--from {first}: none of the newest {len(listed)} executions has ended with {', '.join(before) or 'anything'} "
        "succeeded. Run from an earlier step, or all: make retrain."
    )


def _find_running(listed: list[Json], name: str) -> str:
    """Return the ARN of the execution of that display name that runs; empty if none does."""
    return next(
        (
            str(each["PipelineExecutionArn"])
            for each in listed
            if each.get("PipelineExecutionDisplayName") == name and each["PipelineExecutionStatus"] in _OPEN_STATUSES
        ),
        "",
    )


def _newest_executions(sagemaker: Client, pipeline: str) -> list[Json]:
    pages = sagemaker.get_paginator("list_pipeline_executions").paginate(
        PipelineName=pipeline,
        SortBy="CreationTime",
        SortOrder="Descending",
        PaginationConfig={"MaxItems": _LOOKED_AT, "PageSize": _LOOKED_AT},
    )
    return [each for page in pages for each in page["PipelineExecutionSummaries"]]


def _missing_steps(sagemaker: Client, execution: str, wanted: list[str]) -> list[str]:
    pages = sagemaker.get_paginator("list_pipeline_execution_steps").paginate(PipelineExecutionArn=execution)
    succeeded = {
        each["StepName"]
        for page in pages
        for each in page["PipelineExecutionSteps"]
        if each["StepStatus"] == "Succeeded"
    }
    return [name for name in wanted if name not in succeeded]


def _parameters(sagemaker: Client, execution: str) -> list[dict[str, str]]:
    pages = sagemaker.get_paginator("list_pipeline_parameters_for_execution").paginate(PipelineExecutionArn=execution)
    return [each for page in pages for each in page["PipelineParameters"]]
