# SPDX-License-Identifier: MIT-0
"""Puts together what differs between two cloud assemblies, and says whether somebody should look at it."""

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from review import pipeline_diff, risk, synth, template_diff
from review.markdown import ReviewNote, alarming_notes, code_span, old_and_new
from review.permissions import Broadening, find_broadenings
from review.pipeline_diff import PipelineChange
from review.risk import DESTROYED, LEFT, dropped_approvals, weakened_protections
from review.synth import Stack
from review.template_diff import ChangedResource, TemplateComparison, TemplatePair


@dataclasses.dataclass(frozen=True)
class StackChange:
    """What happens to one stack.

    Attributes:
        name: Path of its construct.
        is_gone: Whether the new app has it no longer.
        comparison: Of its templates.
        names: Paths of its constructs by logical id.
        notes: About the stack as a whole.
        pipelines: Those of its pipelines that change.
    """

    name: str
    is_gone: bool
    comparison: TemplateComparison
    names: Mapping[str, str]
    notes: tuple[ReviewNote, ...]
    pipelines: tuple[PipelineChange, ...]

    @property
    def resources(self) -> list[ChangedResource]:
        """Return the changed resources that are worth a line."""
        return list(filter(risk.is_shown, self.comparison.resources))

    @property
    def broadenings(self) -> list[Broadening]:
        """Return what is newly allowed; what was denied on a resource that goes is no loss."""
        every = find_broadenings(self.comparison.old_statements, self.comparison.new_statements)
        gone = {each.id for each in self.comparison.resources if risk.change_verb(each) in {DESTROYED, LEFT}}
        return [each for each in every if not (each.is_lost_denial and each.concerns_only(gone))]

    @property
    def weakened(self) -> list[ReviewNote]:
        """Return the protections that are taken away."""
        lost = [(each, one) for each in self.resources for one in weakened_protections(each)]
        notes = [
            f"{code_span(risk.construct_path(each))}: {code_span(one.path)} {old_and_new(one)}" for each, one in lost
        ]
        fewer = [(each, dropped_approvals(each)) for each in self.resources]
        notes += [
            f"{code_span(risk.construct_path(each))}: manual approvals removed: {count}"
            for each, count in fewer
            if count
        ]
        return [ReviewNote(text, needs_attention=True) for text in notes]

    @property
    def broader(self) -> int:
        """Return how many permissions broaden: statements, managed policies, network rules."""
        return len(self.broadenings) + len(self.comparison.policies) + len(self.comparison.rules)

    @property
    def is_changed(self) -> bool:
        """Return whether there is anything to tell."""
        return any((self.notes, self.resources, self.pipelines, self.comparison.sections, self.broader))

    @property
    def needs_attention(self) -> bool:
        """Return whether anything is destructive, broadening or weaker than before."""
        alarms = (
            *alarming_notes(self.notes),
            *self.weakened,
            *(each for one in self.pipelines for each in one.attention),
        )
        return bool(alarms or self.broader or any(map(risk.is_destructive, self.resources)))


def stack_changes(old: Path | None, new: Path) -> list[StackChange]:
    """Compare the cloud assemblies in two folders: the changed stacks by name.

    Args:
        old: None if the base has no app.
        new: Of the branch.

    Raises:
        ComparisonError: One of them cannot be read.
    """
    olds, news = synth.read_stacks(old) if old else {}, synth.read_stacks(new)
    names = sorted(olds.keys() | news.keys())
    sides = [(olds.get(name), news.get(name)) for name in names]
    pairs = [TemplatePair(name, *map(_template, side)) for name, side in zip(names, sides, strict=True)]
    every = [_stack(one, *side) for one, side in zip(template_diff.compare_templates(pairs), sides, strict=True)]
    return [each for each in every if each.is_changed]


def _stack(compared: TemplateComparison, old: Stack | None, new: Stack | None) -> StackChange:
    templates = [pipeline_diff.read_template(each.template) if each else {} for each in (old, new)]
    names = _names(compared.stack, templates[0]) | _names(compared.stack, templates[1])
    return StackChange(
        compared.stack,
        new is None,
        compared,
        names,
        tuple(_notes(old, new)),
        tuple(_pipelines(compared.stack, names, *templates)),
    )


def _template(stack: Stack | None) -> Path | None:
    return stack.template if stack else None


def _names(stack: str, template: Mapping[str, Any]) -> dict[str, str]:
    paths = {id_: each.get("Metadata", {}).get("aws:cdk:path") for id_, each in template.get("Resources", {}).items()}
    return {id_: path.removeprefix(f"{stack}/").removesuffix("/Resource") for id_, path in paths.items() if path}


def _pipelines(stack: str, names: Mapping[str, str], old: Any, new: Any) -> Iterator[PipelineChange]:  # noqa: ANN401  templates
    olds, news = pipeline_diff.pipeline_definitions(old), pipeline_diff.pipeline_definitions(new)
    for id_ in sorted(olds.keys() | news.keys()):
        change = pipeline_diff.compare_pipelines(f"{stack}/{names.get(id_, id_)}", olds.get(id_), news.get(id_))
        if change.notes:
            yield change


def _notes(old: Stack | None, new: Stack | None) -> Iterator[ReviewNote]:
    if new is None:
        yield ReviewNote(
            "the app has it no longer: `cdk deploy` leaves it in the account, somebody must delete it",
            needs_attention=True,
        )
        return
    if old is None:
        yield ReviewNote("new stack")
        return
    if old.physical_name != new.physical_name:
        moved = f"CloudFormation's name {code_span(old.physical_name)} → {code_span(new.physical_name)}"
        yield ReviewNote(f"{moved}: a new stack beside the old one", needs_attention=True)
    if old.environment != new.environment:
        moved = f"environment {code_span(old.environment)} → {code_span(new.environment)}"
        yield ReviewNote(f"{moved}: a new stack beside the old one", needs_attention=True)
    if old.protected and not new.protected:
        yield ReviewNote("its protection against deletion is turned off", needs_attention=True)
