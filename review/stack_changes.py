# SPDX-License-Identifier: MIT-0
"""Compares two cloud assemblies stack by stack, and decides which changes need attention."""

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from review import app_versions, pipeline_diff, risk, template_diff
from review.app_versions import Stack
from review.markdown import ReviewNote, alarming_notes, code_span, old_and_new
from review.permissions import Broadening, find_broadenings
from review.pipeline_diff import PipelineChange
from review.risk import DESTROYED, LEFT
from review.template_diff import ChangedResource, TemplateComparison, TemplatePair


@dataclasses.dataclass(frozen=True)
class StackChange:
    """The changes of one stack.

    Attributes:
        name: Path of its construct.
        is_gone: Whether the new app does not contain it any more.
        comparison: Comparison of its templates.
        names: Construct paths by logical id.
        notes: Notes on the stack as a whole.
        pipelines: Its changed pipelines.
    """

    name: str
    is_gone: bool
    comparison: TemplateComparison
    names: Mapping[str, str]
    notes: tuple[ReviewNote, ...]
    pipelines: tuple[PipelineChange, ...]

    @property
    def resources(self) -> list[ChangedResource]:
        """Return the changed resources, without those of which only metadata changes."""
        return list(filter(risk.is_shown, self.comparison.resources))

    @property
    def broadenings(self) -> list[Broadening]:
        """Return the broadened permissions, without denials on resources that are removed themselves."""
        every = find_broadenings(self.comparison.old_statements, self.comparison.new_statements)
        removed = {each.id for each in self.comparison.resources if risk.change_verb(each) in {DESTROYED, LEFT}}
        return [each for each in every if not (each.is_lost_denial and each.concerns_only(removed))]

    @property
    def weakened(self) -> list[ReviewNote]:
        """Return a note on each protection that is lost."""
        lost = [
            (resource, f"{code_span(each.path)} {old_and_new(each)}")
            for resource in self.resources
            for each in risk.weakened_protections(resource)
        ]
        approvals = [(resource, risk.dropped_approvals(resource)) for resource in self.resources]
        lost += [(resource, f"manual approvals removed: {count}") for resource, count in approvals if count]
        return [
            ReviewNote(f"{code_span(risk.construct_path(resource))}: {text}", needs_attention=True)
            for resource, text in lost
        ]

    @property
    def broader(self) -> int:
        """Return the number of broadened permissions: statements, managed policies and network rules."""
        return len(self.broadenings) + len(self.comparison.policies) + len(self.comparison.rules)

    @property
    def is_changed(self) -> bool:
        """Return whether anything is reported for the stack."""
        return any((self.notes, self.resources, self.pipelines, self.comparison.sections, self.broader))

    @property
    def needs_attention(self) -> bool:
        """Return whether anything is destructive, broadened or weakened."""
        notes = [
            *alarming_notes(self.notes),
            *self.weakened,
            *(each for one in self.pipelines for each in one.attention),
        ]
        return bool(notes or self.broader or any(map(risk.is_destructive, self.resources)))


def stack_changes(old: Path | None, new: Path) -> list[StackChange]:
    """Return the changed stacks of two cloud assemblies, by name.

    Args:
        old: Folder of the base's assembly; None if the base has no app.
        new: Folder of the branch's assembly.

    Raises:
        ComparisonError: One of them cannot be read.
    """
    olds, news = app_versions.read_stacks(old) if old else {}, app_versions.read_stacks(new)
    names = sorted(olds.keys() | news.keys())
    sides = [(olds.get(name), news.get(name)) for name in names]
    pairs = [
        TemplatePair(name, old.template if old else None, new.template if new else None)
        for name, (old, new) in zip(names, sides, strict=True)
    ]
    every = [_stack_change(one, *side) for one, side in zip(template_diff.compare_templates(pairs), sides, strict=True)]
    return [each for each in every if each.is_changed]


def _stack_change(comparison: TemplateComparison, old: Stack | None, new: Stack | None) -> StackChange:
    templates = [pipeline_diff.read_template(each.template) if each else {} for each in (old, new)]
    stack = comparison.stack
    names = _construct_names(stack, templates[0]) | _construct_names(stack, templates[1])
    pipelines = tuple(_pipeline_changes(stack, names, *templates))
    return StackChange(stack, new is None, comparison, names, tuple(_stack_notes(old, new)), pipelines)


def _construct_names(stack: str, template: Mapping[str, Any]) -> dict[str, str]:
    paths = {id_: each.get("Metadata", {}).get("aws:cdk:path") for id_, each in template.get("Resources", {}).items()}
    return {id_: path.removeprefix(f"{stack}/").removesuffix("/Resource") for id_, path in paths.items() if path}


def _pipeline_changes(stack: str, names: Mapping[str, str], old: Any, new: Any) -> Iterator[PipelineChange]:  # noqa: ANN401  templates
    olds, news = pipeline_diff.pipeline_definitions(old), pipeline_diff.pipeline_definitions(new)
    for id_ in sorted(olds.keys() | news.keys()):
        change = pipeline_diff.compare_pipelines(f"{stack}/{names.get(id_, id_)}", olds.get(id_), news.get(id_))
        if change.notes:
            yield change


def _stack_notes(old: Stack | None, new: Stack | None) -> Iterator[ReviewNote]:
    if new is None:
        yield ReviewNote(
            "removed from the app: `cdk deploy` leaves it in the account, and it has to be deleted by hand",
            needs_attention=True,
        )
        return
    if old is None:
        yield ReviewNote("new stack")
        return
    if old.physical_name != new.physical_name:
        moved = f"stack name {code_span(old.physical_name)} → {code_span(new.physical_name)}"
        yield ReviewNote(f"{moved}: creates a new stack beside the old one", needs_attention=True)
    if old.environment != new.environment:
        moved = f"environment {code_span(old.environment)} → {code_span(new.environment)}"
        yield ReviewNote(f"{moved}: creates a new stack beside the old one", needs_attention=True)
    if old.protected and not new.protected:
        yield ReviewNote("termination protection is turned off", needs_attention=True)
