# SPDX-License-Identifier: MIT-0
"""SageMaker's pipeline expressions as text, so that a step's values read as what they mean.

Source: "Amazon SageMaker Model Building Pipelines: pipeline definition JSON schema", the functions Get, Std:Join and
Std:JsonGet.

Finds the SageMaker pipelines in a template, and takes their definitions apart into parameters and steps.

A training that becomes a tuning, or the other way round: the same job, one or many times.

Source: SageMaker API Reference, CreateTrainingJob and CreateHyperParameterTuningJob.

The gate's floors and ceilings: the pipeline's parameters whose names begin with ``Gate``.

A model must reach each floor and must not exceed any ceiling. So a lowered floor and a raised ceiling let worse models
through, and need attention.

What happens to the steps of a pipeline, in words.

What happens to a SageMaker pipeline, by meaning: floors, parameters, steps.
"""

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from review.errors import ComparisonError
from review.intrinsics import resolve_intrinsics
from review.markdown import ReviewNote, alarming_notes, code_span, count_of, old_and_new
from review.risk import PIPELINE_TYPE, is_turned_off
from review.template_diff import ABSENT, Difference, json_differences

_STEP: Final = re.compile(r"Steps\.([A-Za-z0-9_-]+)")


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


def steps_referred_to(value: Any) -> set[str]:  # noqa: ANN401  any JSON
    """Return the names of the steps that a readable value refers to."""
    if isinstance(value, str):
        return {name for part in re.findall(r"{[^}]*}", value) for name in _STEP.findall(part)}
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {name for child in children for name in steps_referred_to(child)}


def reads_parameter(value: Any, name: str) -> bool:  # noqa: ANN401  any JSON
    """Return whether a readable value refers to the pipeline's parameter `name`."""
    if isinstance(value, str):
        return f"{{Parameters.{name}}}" in value
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(reads_parameter(child, name) for child in children)


_BRANCHES: Final = {"IfSteps": "if", "ElseSteps": "else"}
_ELSEWHERE: Final = ("Parameters", "Steps", "Version")


@dataclasses.dataclass(frozen=True)
class PipelineStep:
    """One step.

    Attributes:
        name: Its name.
        branch: Where it stands, such as ``Gate (if)``; empty at the top.
        body: All of it but its name, its branches and its dependencies, readable.
        waits_for: The steps whose results it reads, and those that it names in DependsOn.
    """

    name: str
    branch: str
    body: Mapping[str, Any]
    waits_for: frozenset[str]


@dataclasses.dataclass(frozen=True)
class PipelineDefinition:
    """A pipeline's definition.

    Attributes:
        parameters: By name, each with its Type, DefaultValue and so on.
        steps: By name, the branches' steps included, in the order of the definition.
        others: What else it holds.
        text: The whole as it stands in the template, where it is no JSON; the other attributes are then empty.
    """

    parameters: Mapping[str, Mapping[str, Any]]
    steps: Mapping[str, PipelineStep]
    others: Mapping[str, Any]
    text: str = ""

    def readers(self, parameter: str) -> list[str]:
        """Return the names of the steps that read a parameter."""
        return [name for name, step in self.steps.items() if reads_parameter(step.body, parameter)]


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
    """Return the definitions in a template by the logical ids of their pipelines."""
    resources = template.get("Resources", {})
    return {id_: _definition(each) for id_, each in sorted(resources.items()) if each.get("Type") == PIPELINE_TYPE}


def _definition(resource: Mapping[str, Any]) -> PipelineDefinition:
    whole = resolve_intrinsics(resource.get("Properties", {}).get("PipelineDefinition", {}))
    document = whole.get("PipelineDefinitionBody") if isinstance(whole, dict) else whole
    if not isinstance(document, dict) or "Steps" not in document:
        return PipelineDefinition({}, {}, {}, text=json.dumps(whole, sort_keys=True))
    document = readable_expression(document)
    return PipelineDefinition(
        {each["Name"]: each for each in document.get("Parameters", [])},
        {step.name: step for step in _steps(document["Steps"], "")},
        {key: each for key, each in document.items() if key not in _ELSEWHERE},
    )


def _steps(elements: list[dict[str, Any]], branch: str) -> Iterator[PipelineStep]:
    for element in elements:
        name, arguments = element["Name"], element.get("Arguments", {})
        own = {key: each for key, each in arguments.items() if key not in _BRANCHES}
        body = {key: each for key, each in element.items() if key not in {"Name", "Arguments", "DependsOn"}} | own
        yield PipelineStep(name, branch, body, frozenset({*steps_referred_to(body), *element.get("DependsOn", [])}))
        for key, word in _BRANCHES.items():
            yield from _steps(arguments.get(key, []), f"{name} ({word})")


_TUNING: Final = "Tuning"
_JOB: Final = "TrainingJobDefinition"
_CONFIG: Final = "HyperParameterTuningJobConfig"
_STATIC: Final = "StaticHyperParameters"

Body = Mapping[str, Any]


def training_tuning_switch(old: Body, new: Body) -> str:
    """Return in words that a training becomes a tuning or the other way round; empty where neither does."""
    kinds = {old.get("Type"), new.get("Type")}
    if kinds != {"Training", _TUNING}:
        return ""
    if old["Type"] == _TUNING:
        return f"one training takes the place of a tuning of {_size(old)}"
    tried = ", ".join(_ranges(new[_CONFIG]))
    return f"becomes a tuning of {_size(new)}, which looks for {tried}"


def training_job_arguments(body: Body) -> Body:
    """Return a tuning in the words of one of its trainings, without what makes it a tuning; anything else as it is."""
    if body.get("Type") != _TUNING:
        return body
    told = {key: each for key, each in body[_JOB].items() if key != _STATIC}
    rest = {key: each for key, each in body.items() if key not in {_JOB, _CONFIG}}
    return rest | told | {"Type": "Training", "HyperParameters": body[_JOB].get(_STATIC, {})}


def _size(body: Body) -> str:
    limits = body.get(_CONFIG, {}).get("ResourceLimits", {})
    jobs, at_once = limits.get("MaxNumberOfTrainingJobs", 1), limits.get("MaxParallelTrainingJobs", 1)
    return f"{count_of(int(jobs), 'job')}, {at_once} at once"


def _ranges(config: Body) -> Iterator[str]:
    for ranges in config.get("ParameterRanges", {}).values():
        for each in ranges:
            within = "/".join(each["Values"]) if "Values" in each else f"{each['MinValue']} to {each['MaxValue']}"
            yield f"{code_span(each['Name'])} {within}"


_PREFIX: Final = "Gate"
# A definition does not say which way a requirement goes; a test compares this with the gate itself.
CEILINGS: Final = frozenset(
    {
        "GateOverconfidence",
        "GateLeakedTestImages",
        "GateChampionBalancedAccuracyLoss",
        "GateChampionMelanomaSensitivityLoss",
        "GateChampionMelanomaSpecificityLoss",
    }
)


def is_gate_threshold(name: str) -> bool:
    """Return whether the parameter is a floor or a ceiling of the gate."""
    return name.startswith(_PREFIX)


def gate_threshold_changes(old: PipelineDefinition, new: PipelineDefinition) -> list[ReviewNote]:
    """Return what happens to floors and ceilings: those loosened, dropped or no longer read need attention."""
    names = sorted(filter(is_gate_threshold, old.parameters.keys() | new.parameters.keys()))
    values = [(name, _default(old, name), _default(new, name)) for name in names]
    return [_moved(*each) for each in values if each[1] != each[2]] + _unread(old, new)


def _default(definition: PipelineDefinition, name: str) -> Any:  # noqa: ANN401  any JSON
    return definition.parameters.get(name, {}).get("DefaultValue", ABSENT)


def _moved(name: str, old: Any, new: Any) -> ReviewNote:  # noqa: ANN401  any JSON
    kind = "ceiling" if name in CEILINGS else "floor"
    if old is ABSENT:
        return ReviewNote(f"{code_span(name)}: new {kind}, {code_span(new)}")
    if new is ABSENT:
        return ReviewNote(f"{code_span(name)}: the {kind} is gone; it was {code_span(old)}", needs_attention=True)
    if not (_is_number(old) and _is_number(new)):
        return ReviewNote(f"{code_span(name)}: {code_span(old)} → {code_span(new)}", needs_attention=True)
    word = "lowered" if new < old else "raised"
    loosened = new > old if name in CEILINGS else new < old
    return ReviewNote(
        f"{code_span(name)}: the {kind} is {word} from {code_span(old)} to {code_span(new)}", needs_attention=loosened
    )


def _is_number(value: Any) -> bool:  # noqa: ANN401  any JSON
    return isinstance(value, int | float) and not isinstance(value, bool)


def _unread(old: PipelineDefinition, new: PipelineDefinition) -> list[ReviewNote]:
    names = [name for name in sorted(new.parameters) if is_gate_threshold(name) and not new.readers(name)]
    return [
        ReviewNote(f"{code_span(name)}: no step reads it any more", needs_attention=True)
        for name in names
        if old.readers(name)
    ]


# The first that fits. A pattern's group, if it has one, is what the setting itself is called.
_KINDS: Final = (
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


def step_changes(old: PipelineDefinition, new: PipelineDefinition) -> list[tuple[str, list[ReviewNote]]]:
    """Return the changed steps, each with what happens to it, in the order of the new definition; removed ones last."""
    removed = [name for name in old.steps if name not in new.steps]
    every = [(name, _changes(old.steps.get(name), new.steps[name])) for name in new.steps]
    every += [(name, [ReviewNote("this step is removed", needs_attention=True)]) for name in removed]
    return [(name, notes) for name, notes in every if notes]


def _changes(old: PipelineStep | None, new: PipelineStep) -> list[ReviewNote]:
    if old is None:
        place = f" in {code_span(new.branch)}" if new.branch else ""
        waits = f"; it waits for {_names(new.waits_for)}" if new.waits_for else ""
        return [ReviewNote(f"this step is new{place}, of type {code_span(new.body.get('Type', ''))}{waits}")]
    before, after, told = old.body, new.body, training_tuning_switch(old.body, new.body)
    if told:
        # The isolation of a training, and that of a tuning's trainings, stand in different places.
        before, after = training_job_arguments(before), training_job_arguments(after)
    became = [ReviewNote(told)] if told else []
    return [*_moves(old, new), *became, *_waits(old, new), *map(_spoken, json_differences(before, after))]


def _moves(old: PipelineStep, new: PipelineStep) -> Iterator[ReviewNote]:
    if old.branch != new.branch:
        before, after = (code_span(each) if each else "the top" for each in (old.branch, new.branch))
        yield ReviewNote(f"moved from {before} to {after}", needs_attention=True)


def _waits(old: PipelineStep, new: PipelineStep) -> Iterator[ReviewNote]:
    if more := new.waits_for - old.waits_for:
        yield ReviewNote(f"now waits for {_names(more)}")
    if fewer := old.waits_for - new.waits_for:
        yield ReviewNote(f"no longer waits for {_names(fewer)}")


def _names(names: frozenset[str]) -> str:
    return ", ".join(code_span(name) for name in sorted(names))


def _spoken(difference: Difference) -> ReviewNote:
    kind, name = _kind(difference.path)
    title = f"{kind} {code_span(name)}" if name else kind
    if difference.is_content:
        return ReviewNote(f"{title}: new content (code changed)")
    return ReviewNote(
        f"{title}: {old_and_new(difference)}", needs_attention=kind == "condition" or is_turned_off(difference)
    )


def _kind(path: str) -> tuple[str, str]:
    for pattern, kind in _KINDS:
        if found := re.search(pattern, path):
            return kind, (found.group(1) or "").strip(".") if found.re.groups else ""
    return "setting", path


_EMPTY = PipelineDefinition({}, {}, {})


@dataclasses.dataclass(frozen=True)
class PipelineChange:
    """What happens to one pipeline.

    Attributes:
        name: Path of its construct.
        whole: About the pipeline as a whole.
        floors: About the gate's floors.
        parameters: About the other parameters.
        steps: About each step.
    """

    name: str
    whole: tuple[ReviewNote, ...] = ()
    floors: tuple[ReviewNote, ...] = ()
    parameters: tuple[ReviewNote, ...] = ()
    steps: tuple[tuple[str, tuple[ReviewNote, ...]], ...] = ()

    @property
    def notes(self) -> list[ReviewNote]:
        """Return all notes; those about a step begin with its name."""
        told = [
            ReviewNote(f"{code_span(step)}: {each.text}", each.needs_attention)
            for step, notes in self.steps
            for each in notes
        ]
        return [*self.whole, *self.floors, *self.parameters, *told]

    @property
    def attention(self) -> list[ReviewNote]:
        """Return the notes that need attention."""
        return alarming_notes(self.notes)


def compare_pipelines(name: str, old: PipelineDefinition | None, new: PipelineDefinition | None) -> PipelineChange:
    """Return what happens to the pipeline `name`; None where a side lacks it."""
    if new is None:
        return PipelineChange(name, (ReviewNote("the pipeline is removed", needs_attention=True),))
    if new.text or (old and old.text):
        return PipelineChange(name, _as_text(old or _EMPTY, new))
    if old is None:
        return PipelineChange(name, (_introduced(new),), tuple(gate_threshold_changes(_EMPTY, new)))
    return PipelineChange(
        name,
        tuple(
            ReviewNote(f"{code_span(each.path)}: {old_and_new(each)}")
            for each in json_differences(old.others, new.others)
        ),
        tuple(gate_threshold_changes(old, new)),
        tuple(_parameters(old, new)),
        tuple((step, tuple(notes)) for step, notes in step_changes(old, new)),
    )


def _introduced(new: PipelineDefinition) -> ReviewNote:
    names = ", ".join(code_span(name) for name in new.steps)
    return ReviewNote(
        f"new, with {count_of(len(new.steps), 'step')} ({names}) and {count_of(len(new.parameters), 'parameter')}"
    )


def _as_text(old: PipelineDefinition, new: PipelineDefinition) -> tuple[ReviewNote, ...]:
    """Compare what is no JSON, such as a definition that lies in a bucket."""
    if old == new:
        return ()
    said = old_and_new(Difference("", old.text, new.text))
    return (
        ReviewNote(
            f"the definition cannot be read from the template, so it is not compared: {said}", needs_attention=True
        ),
    )


def _parameters(old: PipelineDefinition, new: PipelineDefinition) -> list[ReviewNote]:
    names = sorted(old.parameters.keys() | new.parameters.keys())
    return [note for name in names for note in _parameter(name, old, new)]


def _parameter(name: str, old: PipelineDefinition, new: PipelineDefinition) -> list[ReviewNote]:
    before, after = old.parameters.get(name), new.parameters.get(name)
    if after is None:
        return [] if is_gate_threshold(name) else [ReviewNote(f"{code_span(name)} is removed")]
    if before is None:
        return (
            []
            if is_gate_threshold(name)
            else [ReviewNote(f"{code_span(name)} is new, by default {code_span(after.get('DefaultValue'))}")]
        )
    every = [
        each
        for each in json_differences(before, after)
        if not (is_gate_threshold(name) and each.path == "DefaultValue")
    ]
    return [_redefined(name, each, new) for each in every]


def _redefined(name: str, difference: Difference, new: PipelineDefinition) -> ReviewNote:
    what = "default" if difference.path == "DefaultValue" else code_span(difference.path)
    readers = ", ".join(code_span(each) for each in new.readers(name))
    told = f"{code_span(name)}: {what} {old_and_new(difference)}" + (f"; read by {readers}" if readers else "")
    # A model package that is approved as it is registered goes out without anybody's having looked at it.
    return ReviewNote(told, needs_attention=what == "default" and difference.new == "Approved")
