# SPDX-License-Identifier: MIT-0
"""Runs again from one step, with the results of the steps before it taken from an earlier execution.

The step and all that depend on it run. What they need from other steps must have succeeded in the earlier execution,
and its outputs must still exist. Values of pipeline parameters are those of the earlier execution unless given.
Source: SageMaker Developer Guide, "Selective execution of pipeline steps"; API Reference, SelectiveExecutionConfig.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from local.aws.pipeline_executions import ExecutionRecord
from local.aws.s3_store import S3Store
from local.engine.pipeline_definition import PipelineDefinition, PipelineStep
from local.errors import UsageError, suggest_known_names
from local.json_files import Json, JsonObject


@dataclass(frozen=True)
class StartingPoint:
    """The step to run from, and the execution that has the results of those before it."""

    step: str
    source: ExecutionRecord


@dataclass(frozen=True)
class StepSelection:
    """The names of the steps to run, and the entries of those that are taken from another execution, by name."""

    run: frozenset[str]
    taken: Mapping[str, JsonObject]


def select_steps(
    definition: PipelineDefinition, until: str | None, start: StartingPoint | None, store: S3Store
) -> StepSelection:
    """Return what an execution runs and takes.

    Args:
        definition: The definition.
        until: Last step to run, None for all.
        start: Where to begin, None for the beginning.
        store: Must still hold the outputs of what is taken, with their sizes unchanged.

    Raises:
        UsageError: A step does not exist, or the earlier execution lacks what is needed.
    """
    wanted = definition.selection(until)
    if start is None:
        return StepSelection(wanted, {})
    if start.step not in definition.steps:
        known = suggest_known_names(start.step, definition.steps)
        raise UsageError(f"--from {start.step!r}: the pipeline has no such step. {known}")
    run = definition.steps_from(start.step) & wanted
    if not run:
        raise UsageError(f"--from {start.step} --until {until}: {until} does not need {start.step}. Exchange them.")
    needed = frozenset[str]().union(*(definition.selection(name) for name in run)) - run
    taken = {name: _entry_of(definition.steps[name], start, store) for name in definition.steps if name in needed}
    _check_branch(definition.steps[start.step], definition, start, taken)
    return StepSelection(run, taken)


def execution_config(selection: StepSelection, start: StartingPoint) -> JsonObject:
    """Return the SelectiveExecutionConfig of the execution, as DescribePipelineExecution has it."""
    return {
        "SourcePipelineExecutionArn": start.source.data["PipelineExecutionArn"],
        "SelectedSteps": [{"StepName": name} for name in sorted(selection.run)],
    }


def source_parameter_values(source: ExecutionRecord, declared: set[str]) -> dict[str, Json]:
    """Return the values that the declared parameters had in the execution `source`."""
    return {each["Name"]: each["Value"] for each in source.data["PipelineParameters"] if each["Name"] in declared}


def taken_entry(entry: JsonObject, start: StartingPoint, now: str) -> JsonObject:
    """Return the entry of a step that is taken, for the record of the new execution."""
    kept = {key: value for key, value in entry.items() if key not in {"CacheHitResult", "AttemptCount"}}
    source = {"SourcePipelineExecutionArn": start.source.data["PipelineExecutionArn"]}
    return kept | {"StartTime": now, "EndTime": now, "Seconds": 0.0, "SelectiveExecutionResult": source}


def entry_properties(entry: JsonObject) -> JsonObject:
    """Return the properties that later steps refer to; of a condition, its outcome."""
    properties: JsonObject = entry.get("Properties") or dict(entry.get("Metadata", {}).get("Condition", {}))
    return properties


def _entry_of(step: PipelineStep, start: StartingPoint, store: S3Store) -> JsonObject:
    entry = start.source.step(step.name)
    run = start.source.execution_id
    place = f"--from {start.step} --of {run}: step {step.name!r}"
    remedy = "Run from an earlier step, or of another run."
    if entry is None or entry["StepStatus"] != "Succeeded":
        status = "did not run" if entry is None else f"is {entry['StepStatus']}"
        raise UsageError(f"{place}: it {status} there, and {start.step} needs it. {remedy}")
    if entry["StepType"] != step.kind:
        raise UsageError(f"{place}: it is a {entry['StepType']} step there, and a {step.kind} step here. {remedy}")
    for uri, size in entry.get("OutputSizes", {}).items():
        if list(store.size(uri)) != size:
            raise UsageError(f"{place}: its output {uri} is no longer as it was ({store.path(uri)}). {remedy}")
    return entry


def _check_branch(
    step: PipelineStep, definition: PipelineDefinition, start: StartingPoint, taken: Mapping[str, JsonObject]
) -> None:
    """Reject a step in a branch that the conditions around it did not take."""
    while step.parent is not None:
        outcome = entry_properties(taken[step.parent]).get("Outcome")
        if step.branch != ("IfSteps" if outcome == "True" else "ElseSteps"):
            raise UsageError(
                f"--from {start.step} --of {start.source.execution_id}: the condition {step.parent!r} was {outcome} "
                f"there, so that {start.step} does not run. Run from {step.parent}."
            )
        step = definition.steps[step.parent]
