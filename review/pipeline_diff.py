# SPDX-License-Identifier: MIT-0
"""Compares definitions of SageMaker pipelines by meaning: gate thresholds, parameters and steps.

Pipeline expressions are shown as readable text. A step that changes between a training and a tuning is compared job by
job.
Sources: "Amazon SageMaker Model Building Pipelines: pipeline definition JSON schema" (functions Get, Std:Join and
Std:JsonGet); SageMaker API Reference, CreateTrainingJob and CreateHyperParameterTuningJob.
"""

import dataclasses
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from review.errors import ComparisonError
from review.guardrails import difference_losses
from review.markdown import ReviewNote, alarming_notes, code_span, count_of, old_and_new
from review.risk import PIPELINE_TYPE, is_turned_off
from review.template_diff import ABSENT, Difference, json_differences, resolve_intrinsics

_STEP_REFERENCE: Final = re.compile(r"Steps\.([A-Za-z0-9_-]+)")
_BRANCHES: Final = {"IfSteps": "if", "ElseSteps": "else"}
_OWN_ATTRIBUTES: Final = ("Parameters", "Steps", "Version")


def readable_expression(value: Any) -> Any:  # noqa: ANN401  any JSON
    """Return `value` with text in place of its expressions, such as ``{Parameters.Epochs}``."""
    if isinstance(value, list):
        return [readable_expression(each) for each in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"Get"}:
        return "{" + str(value["Get"]) + "}"
    if value.keys() == {"Std:Join"}:
        join = value["Std:Join"]
        return str(join.get("On", "")).join(str(readable_expression(each)) for each in join.get("Values", []))
    if value.keys() == {"Std:JsonGet"}:
        got = value["Std:JsonGet"]
        return f"{readable_expression(got.get('PropertyFile'))}#{readable_expression(got.get('Path'))}"
    return {key: readable_expression(each) for key, each in value.items()}


def _texts(value: Any) -> Iterator[str]:  # noqa: ANN401  any JSON
    if isinstance(value, str):
        yield value
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for child in children:
        yield from _texts(child)


@dataclasses.dataclass(frozen=True)
class PipelineStep:
    """A step of a pipeline.

    Attributes:
        name: Name of the step.
        branch: The branch it belongs to, for example ``Gate (if)``; empty at the top level.
        body: Everything except name, branches and dependencies, with readable expressions.
        waits_for: The steps that it refers to and those in its DependsOn.
    """

    name: str
    branch: str
    body: Mapping[str, Any]
    waits_for: frozenset[str]


@dataclasses.dataclass(frozen=True)
class PipelineDefinition:
    """The definition of a pipeline.

    Attributes:
        parameters: Parameters by name, each with its Type, DefaultValue and so on.
        steps: Steps by name, including those of branches, in the order of the definition.
        others: The other top-level keys.
        text: The definition as text if it is not JSON; the other attributes are then empty.
    """

    parameters: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)
    steps: Mapping[str, PipelineStep] = dataclasses.field(default_factory=dict)
    others: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    text: str = ""

    def readers(self, parameter: str) -> list[str]:
        """Return the names of the steps that read a parameter."""
        expression = f"{{Parameters.{parameter}}}"
        return [name for name, step in self.steps.items() if any(expression in text for text in _texts(step.body))]


def read_template(path: Path) -> dict[str, Any]:
    """Return a template.

    Raises:
        ComparisonError: It cannot be read.
    """
    try:
        template: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ComparisonError(f"{path.name}: {type(error).__name__}. Let app.py end with app.synth().") from error
    return template


def pipeline_definitions(template: Mapping[str, Any]) -> dict[str, PipelineDefinition]:
    """Return the pipeline definitions of a template by logical id."""
    resources = template.get("Resources", {})
    return {
        id_: _parse_definition(each) for id_, each in sorted(resources.items()) if each.get("Type") == PIPELINE_TYPE
    }


def _parse_definition(resource: Mapping[str, Any]) -> PipelineDefinition:
    whole = resolve_intrinsics(resource.get("Properties", {}).get("PipelineDefinition", {}))
    document = whole.get("PipelineDefinitionBody") if isinstance(whole, dict) else whole
    if not isinstance(document, dict) or "Steps" not in document:
        return PipelineDefinition(text=json.dumps(whole, sort_keys=True))
    document = readable_expression(document)
    return PipelineDefinition(
        {each["Name"]: each for each in document.get("Parameters", [])},
        {step.name: step for step in _parse_steps(document["Steps"], "")},
        {key: each for key, each in document.items() if key not in _OWN_ATTRIBUTES},
    )


def _parse_steps(elements: list[dict[str, Any]], branch: str) -> Iterator[PipelineStep]:
    for element in elements:
        name, arguments = element["Name"], element.get("Arguments", {})
        own = {key: each for key, each in arguments.items() if key not in _BRANCHES}
        body = {key: each for key, each in element.items() if key not in {"Name", "Arguments", "DependsOn"}} | own
        expressions = [part for text in _texts(body) for part in re.findall(r"{[^}]*}", text)]
        referred = {step for part in expressions for step in _STEP_REFERENCE.findall(part)}
        yield PipelineStep(name, branch, body, frozenset({*referred, *element.get("DependsOn", [])}))
        for key, word in _BRANCHES.items():
            yield from _parse_steps(arguments.get(key, []), f"{name} ({word})")


_TUNING: Final = "Tuning"
_JOB: Final = "TrainingJobDefinition"
_CONFIG: Final = "HyperParameterTuningJobConfig"
_STATIC: Final = "StaticHyperParameters"

StepBody = Mapping[str, Any]


def training_tuning_switch(old: StepBody, new: StepBody) -> str:
    """Return a description of a training that becomes a tuning, or the reverse; empty if neither is the case."""
    if {old.get("Type"), new.get("Type")} != {"Training", _TUNING}:
        return ""
    if old["Type"] == _TUNING:
        return f"a single training replaces a tuning of {_tuning_size(old)}"
    return f"becomes a tuning of {_tuning_size(new)} over {', '.join(_tuning_ranges(new[_CONFIG]))}"


def training_job_arguments(body: StepBody) -> StepBody:
    """Return the body of a tuning as that of one of its trainings; any other body unchanged."""
    if body.get("Type") != _TUNING:
        return body
    job = {key: each for key, each in body[_JOB].items() if key != _STATIC}
    rest = {key: each for key, each in body.items() if key not in {_JOB, _CONFIG}}
    return rest | job | {"Type": "Training", "HyperParameters": body[_JOB].get(_STATIC, {})}


def _tuning_size(body: StepBody) -> str:
    limits = body.get(_CONFIG, {}).get("ResourceLimits", {})
    jobs, parallel = limits.get("MaxNumberOfTrainingJobs", 1), limits.get("MaxParallelTrainingJobs", 1)
    return f"{count_of(int(jobs), 'job')}, {parallel} at once"


def _tuning_ranges(config: StepBody) -> Iterator[str]:
    for ranges in config.get("ParameterRanges", {}).values():
        for each in ranges:
            values = "/".join(each["Values"]) if "Values" in each else f"{each['MinValue']} to {each['MaxValue']}"
            yield f"{code_span(each['Name'])} {values}"


_GATE_PREFIX: Final = "Gate"
# Thresholds that a model must not exceed. The definition does not say so; a test compares them with the gate.
CEILINGS: Final = frozenset(
    {
        "GateOverconfidence",
        "GateLeakedTestImages",
        "GateChampionBalancedAccuracyLoss",
        "GateChampionMelanomaAreaLoss",
    }
)


def is_gate_threshold(name: str) -> bool:
    """Return whether the parameter is a threshold of the gate."""
    return name.startswith(_GATE_PREFIX)


def gate_threshold_changes(old: PipelineDefinition, new: PipelineDefinition) -> list[ReviewNote]:
    """Return the changes of gate thresholds; those that admit worse models need attention.

    These are lowered floors, raised ceilings, and thresholds that are removed or that no step reads any more.
    """
    names = sorted(filter(is_gate_threshold, old.parameters.keys() | new.parameters.keys()))
    values = [
        (name, *(each.parameters.get(name, {}).get("DefaultValue", ABSENT) for each in (old, new))) for name in names
    ]
    unread = [name for name in names if name in new.parameters and old.readers(name) and not new.readers(name)]
    return [_threshold_note(*each) for each in values if each[1] != each[2]] + [
        ReviewNote(f"{code_span(name)}: no step reads it any more", needs_attention=True) for name in unread
    ]


def _threshold_note(name: str, old: Any, new: Any) -> ReviewNote:  # noqa: ANN401  any JSON
    title, kind = code_span(name), "ceiling" if name in CEILINGS else "floor"
    if old is ABSENT:
        return ReviewNote(f"{title}: new {kind}, {code_span(new)}")
    if new is ABSENT:
        return ReviewNote(f"{title}: the {kind} is removed; it was {code_span(old)}", needs_attention=True)
    if not all(isinstance(each, int | float) and not isinstance(each, bool) for each in (old, new)):
        return ReviewNote(f"{title}: {code_span(old)} → {code_span(new)}", needs_attention=True)
    word = "lowered" if new < old else "raised"
    loosened = new > old if name in CEILINGS else new < old
    return ReviewNote(
        f"{title}: the {kind} is {word} from {code_span(old)} to {code_span(new)}", needs_attention=loosened
    )


# The first matching pattern applies; its group, if any, is the name of the setting.
_SETTING_KINDS: Final = (
    (r"^HyperParameters\.(.+)$", "hyperparameter"),
    (r"(?:^|\.)InstanceType$", "instance type"),
    (r"(?:^|\.)InstanceCount$", "instance count"),
    (r"(?:^|\.)VolumeSizeInGB$", "volume in GB"),
    (r"(?:^|\.)(?:ImageUri|TrainingImage|Image)$", "image"),
    (r"^CacheConfig(?:\.(.+))?$", "caching"),
    (r"EnableNetworkIsolation$", "network isolation"),
    (r"EnableInterContainerTrafficEncryption$", "encryption between containers"),
    (r"Kms\w*$", "encryption key"),
    (r"^(?:Conditions)(.*)$", "condition"),
    (r"^((?:ProcessingInputs|InputDataConfig|TransformInput).*)$", "input"),
    (r"^((?:ProcessingOutputConfig|OutputDataConfig|TransformOutput).*)$", "output"),
    (r"^(.+)$", "setting"),
)


_APPROVED: Final = "Approved"


def step_changes(old: PipelineDefinition, new: PipelineDefinition) -> list[tuple[str, list[ReviewNote]]]:
    """Return the changed steps with their notes, in the order of the new definition; removed steps come last."""
    removed = [name for name in old.steps if name not in new.steps]
    every = [(name, _step_notes(old.steps.get(name), new.steps[name])) for name in new.steps]
    every += [(name, [ReviewNote("this step is removed", needs_attention=True)]) for name in removed]
    return [(name, notes) for name, notes in every if notes]


def _step_notes(old: PipelineStep | None, new: PipelineStep) -> list[ReviewNote]:
    if old is None:
        place = f" in {code_span(new.branch)}" if new.branch else ""
        waits = f"; it waits for {_names(new.waits_for)}" if new.waits_for else ""
        return [ReviewNote(f"this step is new{place}, of type {code_span(new.body.get('Type', ''))}{waits}")]
    notes = []
    if old.branch != new.branch:
        before, after = (code_span(each) if each else "the top" for each in (old.branch, new.branch))
        notes.append(ReviewNote(f"moved from {before} to {after}", needs_attention=True))
    old_body, new_body = old.body, new.body
    if switch := training_tuning_switch(old_body, new_body):
        notes.append(ReviewNote(switch))
        # Isolation and the like stand in different places of a training and of a tuning.
        old_body, new_body = training_job_arguments(old_body), training_job_arguments(new_body)
    if more := new.waits_for - old.waits_for:
        notes.append(ReviewNote(f"now waits for {_names(more)}"))
    if fewer := old.waits_for - new.waits_for:
        notes.append(ReviewNote(f"no longer waits for {_names(fewer)}"))
    return [*notes, *map(_setting_note, json_differences(old_body, new_body))]


def _names(names: frozenset[str]) -> str:
    return ", ".join(code_span(name) for name in sorted(names))


def _setting_note(difference: Difference) -> ReviewNote:
    matches = ((re.search(pattern, difference.path), kind) for pattern, kind in _SETTING_KINDS)
    found, kind = next((found, kind) for found, kind in matches if found)
    name = (found.group(1) or "").strip(".") if found.re.groups else ""
    title = f"{kind} {code_span(name)}" if name else kind
    if difference.is_content:
        return ReviewNote(f"{title}: new content (code changed)")
    return ReviewNote(
        f"{title}: {old_and_new(difference)}",
        needs_attention=kind == "condition"
        or difference.new == _APPROVED
        or is_turned_off(difference)
        or any(difference_losses("step", difference)),
    )


@dataclasses.dataclass(frozen=True)
class PipelineChange:
    """The changes of one pipeline.

    Attributes:
        name: Path of its construct.
        whole: Notes on the pipeline as a whole.
        thresholds: Notes on thresholds of the gate.
        parameters: Notes on the other parameters.
        steps: Notes on each step.
    """

    name: str
    whole: tuple[ReviewNote, ...] = ()
    thresholds: tuple[ReviewNote, ...] = ()
    parameters: tuple[ReviewNote, ...] = ()
    steps: tuple[tuple[str, tuple[ReviewNote, ...]], ...] = ()

    @property
    def notes(self) -> list[ReviewNote]:
        """Return all notes; those on a step begin with its name."""
        of_steps = [
            ReviewNote(f"{code_span(step)}: {each.text}", each.needs_attention)
            for step, notes in self.steps
            for each in notes
        ]
        return [*self.whole, *self.thresholds, *self.parameters, *of_steps]

    def with_texts(self, change: Callable[[str], str]) -> "PipelineChange":
        """Return the same with each text changed."""

        def every(notes: tuple[ReviewNote, ...]) -> tuple[ReviewNote, ...]:
            return tuple(dataclasses.replace(each, text=change(each.text)) for each in notes)

        steps = tuple((step, every(notes)) for step, notes in self.steps)
        return PipelineChange(self.name, every(self.whole), every(self.thresholds), every(self.parameters), steps)

    @property
    def attention(self) -> list[ReviewNote]:
        """Return the notes that need attention."""
        return alarming_notes(self.notes)


def compare_pipelines(name: str, old: PipelineDefinition | None, new: PipelineDefinition | None) -> PipelineChange:
    """Return the changes of the pipeline `name`; None if it does not exist on that side."""
    if new is None:
        return PipelineChange(name, (ReviewNote("the pipeline is removed", needs_attention=True),))
    known = old or PipelineDefinition()
    if new.text or known.text:
        # For example a definition in a bucket.
        text = (
            "the definition cannot be read from the template and is not compared: "
            f"{old_and_new(Difference('', known.text, new.text))}"
        )
        return PipelineChange(name, () if known == new else (ReviewNote(text, needs_attention=True),))
    if old is None:
        names = ", ".join(code_span(step) for step in new.steps)
        counts = f"{count_of(len(new.steps), 'step')} ({names}) and {count_of(len(new.parameters), 'parameter')}"
        return PipelineChange(name, (ReviewNote(f"new, with {counts}"),), tuple(gate_threshold_changes(known, new)))
    parameters = sorted(old.parameters.keys() | new.parameters.keys())
    return PipelineChange(
        name,
        tuple(
            ReviewNote(f"{code_span(each.path)}: {old_and_new(each)}")
            for each in json_differences(old.others, new.others)
        ),
        tuple(gate_threshold_changes(old, new)),
        tuple(note for each in parameters for note in _parameter_notes(each, old, new)),
        tuple((step, tuple(notes)) for step, notes in step_changes(old, new)),
    )


def _parameter_notes(name: str, old: PipelineDefinition, new: PipelineDefinition) -> list[ReviewNote]:
    """Return the notes on one parameter, without those of `gate_threshold_changes`."""
    before, after = old.parameters.get(name), new.parameters.get(name)
    threshold = is_gate_threshold(name)
    if after is None:
        return [] if threshold else [ReviewNote(f"{code_span(name)} is removed")]
    if before is None:
        default = code_span(after.get("DefaultValue"))
        return [] if threshold else [ReviewNote(f"{code_span(name)} is new, by default {default}")]
    return [
        _parameter_note(name, each, new)
        for each in json_differences(before, after)
        if not (threshold and each.path == "DefaultValue")
    ]


def _parameter_note(name: str, difference: Difference, new: PipelineDefinition) -> ReviewNote:
    attribute = "default" if difference.path == "DefaultValue" else code_span(difference.path)
    readers = ", ".join(code_span(each) for each in new.readers(name))
    text = f"{code_span(name)}: {attribute} {old_and_new(difference)}" + (f"; read by {readers}" if readers else "")
    # A model package that is registered as approved is delivered without anybody having looked at it.
    approves = attribute == "default" and difference.new == _APPROVED
    return ReviewNote(text, needs_attention=approves or any(difference_losses("parameter", difference)))
