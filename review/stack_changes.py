# SPDX-License-Identifier: MIT-0
"""Compares two cloud assemblies stack by stack, and decides which changes need attention."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from review import app_versions, pipeline_diff, renamed_resources, risk, template_diff
from review.app_versions import Stack
from review.guardrails import difference_losses
from review.markdown import ReviewNote, alarming_notes, code_span, old_and_new
from review.permissions import Broadening, find_broadenings
from review.pipeline_diff import PipelineChange
from review.renamed_resources import References, Templates
from review.resource_guardrails import loss_text, resource_losses
from review.risk import DESTROYED, LEFT, ORPHANED
from review.template_diff import ABSENT, ChangedResource, TemplateComparison, TemplatePair, with_construct_paths


@dataclasses.dataclass(frozen=True)
class StackChange:
    """The changes of one stack.

    Attributes:
        name: Path of its construct.
        is_left_behind: Whether the new app does not contain it any more, so that it stays in the account as it is.
        comparison: Comparison of its templates.
        names: Construct paths by logical id.
        notes: Notes on the stack as a whole.
        pipelines: Its changed pipelines.
        losses: Guardrails that go or loosen in resources that stay: logical id, path of the property, note.
    """

    name: str
    is_left_behind: bool
    comparison: TemplateComparison
    names: Mapping[str, str]
    notes: tuple[ReviewNote, ...]
    pipelines: tuple[PipelineChange, ...]
    losses: tuple[tuple[str, str, ReviewNote], ...] = ()

    @property
    def resources(self) -> list[ChangedResource]:
        """Return the changed resources, without those of which only metadata changes."""
        return list(filter(risk.is_shown, self.comparison.resources))

    @property
    def broadenings(self) -> list[Broadening]:
        """Return the broadened permissions, without denials on resources that are removed themselves."""
        if self.is_left_behind:
            return []
        every = find_broadenings(self.comparison.old_statements, self.comparison.new_statements)
        removed = {each.id for each in self.comparison.resources if risk.change_verb(each) in {DESTROYED, LEFT}}
        return [each for each in every if not (each.is_lost_denial and each.concerns_only(removed))]

    @property
    def weakened(self) -> list[ReviewNote]:
        """Return a note on each protection or guardrail that is lost or loosened."""
        lost = [
            (resource, each.path, f"{code_span(each.path)} {old_and_new(each)}")
            for resource in self.resources
            for each in risk.weakened_protections(resource)
        ]
        # What the rules on guardrails say of the same property says more.
        told = [(id_, path) for id_, path, _ in self.losses]
        lost = [(resource, path, text) for resource, path, text in lost if not _is_told(resource.id, path, told)]
        approvals = [(resource, risk.dropped_approvals(resource)) for resource in self.resources]
        lost += [(resource, "", f"manual approvals removed: {count}") for resource, count in approvals if count]
        notes = [
            ReviewNote(f"{code_span(risk.construct_path(resource))}: {text}", needs_attention=True)
            for resource, _, text in lost
        ]
        return [*notes, *(note for _, _, note in self.losses), *self._weakened_sections]

    @property
    def _weakened_sections(self) -> list[ReviewNote]:
        """Return a note on each parameter that admits more, and on each condition that decides otherwise."""
        notes = []
        for kind, name, differences in self.comparison.sections:
            for difference in differences:
                texts = (
                    [loss_text(each) for each in difference_losses("parameter", difference)]
                    if kind == "parameter"
                    else []
                )
                if kind == "condition" and ABSENT not in (difference.old, difference.new):
                    texts = [f"{old_and_new(difference)} (decides which resources there are)"]
                title = f"{code_span(self.name)}: {kind} {code_span(name)}"
                notes += [ReviewNote(f"{title}: {text}", needs_attention=True) for text in texts]
        return [] if self.is_left_behind else notes

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


def _is_told(id_: str, path: str, told: Sequence[tuple[str, str]]) -> bool:
    """Return whether the same property, a part of it or the whole of it is told of already."""
    return any(id_ == other and name and (path.startswith(name) or name.startswith(path)) for other, name in told)


def stack_changes(old: Path | None, new: Path) -> list[StackChange]:
    """Return the changed stacks of two cloud assemblies, by name.

    Args:
        old: Folder of the base's assembly; None if the base has no app.
        new: Folder of the branch's assembly.

    Raises:
        ComparisonError: One of them cannot be read.
    """
    sides = [app_versions.read_stacks(folder) if folder else {} for folder in (old, new)]
    olds, news = (
        {name: pipeline_diff.read_template(stack.template) for name, stack in stacks.items()} for stacks in sides
    )
    names = sorted(olds.keys() | news.keys())
    pairs = [
        TemplatePair(name, *(stacks[name].template if name in stacks else None for stacks in sides)) for name in names
    ]
    compared = template_diff.compare_templates(pairs)
    context = _Context(olds, news)
    every = [_stack_change(one, context, *(stacks.get(one.stack) for stacks in sides)) for one in compared]
    return [each for each in every if each.is_changed]


class _Context:
    """What a stack's change refers to in other stacks.

    Attributes:
        olds: Old templates by stack.
        news: New templates by stack.
        names: Construct paths by ``stack/logical id``.
        types: Types of the new resources, likewise.
        export_notes: Notes on exports by stack.
    """

    def __init__(self, olds: Templates, news: Templates) -> None:
        self.olds, self.news = olds, news
        self.names = {
            f"{stack}/{id_}": f"{stack}/{name}"
            for templates in (olds, news)
            for stack, template in templates.items()
            for id_, name in _construct_names(stack, template).items()
        }
        self.types = {
            f"{stack}/{id_}": resource.get("Type", "")
            for stack, template in news.items()
            for id_, resource in template.get("Resources", {}).items()
        }
        self.export_notes = renamed_resources.export_notes(olds, news)
        self._exports = (renamed_resources.read_exports(olds), renamed_resources.read_exports(news))
        self._renames = {
            f"{stack}/{old}": f"{stack}/{new}"
            for stack in olds.keys() & news.keys()
            for old, new in renamed_resources.find_renames(olds[stack], news[stack]).items()
        }

    def references(self, stack: str) -> tuple[References, References]:
        """Return what the references of the old and of the new template of a stack stand for."""
        return References(stack, self._exports[0], self._renames), References(stack, self._exports[1], {})

    def new_id(self, stack: str, old_id: str) -> str:
        """Return the id of a resource in the new template."""
        return self._renames.get(f"{stack}/{old_id}", f"{stack}/{old_id}").removeprefix(f"{stack}/")


def _stack_change(
    comparison: TemplateComparison, context: _Context, old: Stack | None, new: Stack | None
) -> StackChange:
    stack = comparison.stack
    templates = (context.olds.get(stack, {}), context.news.get(stack, {}))
    names = context.names | _construct_names(stack, templates[0]) | _construct_names(stack, templates[1])
    left = new is None and not (old and old.is_nested)
    resources = tuple(_with_successor(each, context, stack, names) for each in comparison.resources)
    if left:
        resources = tuple(dataclasses.replace(each, impact=ORPHANED, is_kept=True) for each in resources)
    before, after = context.references(stack)
    had = {tuple(map(before.normalized_text, row)) for row in comparison.dropped_policies}
    comparison = dataclasses.replace(
        comparison,
        resources=resources,
        old_statements=tuple(map(before.normalized_statement, comparison.old_statements)),
        new_statements=tuple(map(after.normalized_statement, comparison.new_statements)),
        policies=tuple(row for row in comparison.policies if tuple(map(after.normalized_text, row)) not in had),
    )
    notes = [*_stack_notes(old, new)]
    if exported := context.export_notes.get(stack):
        notes.append(dataclasses.replace(exported, text=with_construct_paths(exported.text, names)))
    pipelines = tuple(_pipeline_changes(context, stack, names))
    losses = () if left else tuple(_losses(context, stack, names))
    return StackChange(stack, left, comparison, names, tuple(notes), pipelines, losses)


def _losses(context: _Context, stack: str, names: Mapping[str, str]) -> Iterator[tuple[str, str, ReviewNote]]:
    """Yield the guardrails that go or loosen in resources that stay, and what is added to delete data."""
    olds, news = (templates.get(stack, {}).get("Resources", {}) for templates in (context.olds, context.news))
    before, after = context.references(stack)
    type_of = context.types | {id_: each.get("Type", "") for id_, each in news.items()}
    for id_, resource in olds.items():
        new = news.get(context.new_id(stack, id_), {})
        if new.get("Type") != resource.get("Type"):
            continue
        was, now = before.normalized_value(resource), after.normalized_value(new)
        if was != now:
            title = code_span(_construct_path(id_, new))
            for loss in resource_losses(was, now, type_of):
                text = with_construct_paths(loss_text(loss), names)
                yield context.new_id(stack, id_), loss.path, ReviewNote(f"{title}: {text}", needs_attention=True)
    for id_ in news.keys() - olds.keys():
        if olds and risk.is_eraser(news[id_]["Type"]):
            text = (
                f"{code_span(f'{stack}/{names.get(id_, id_)}')}: deletes what it belongs to together with its content"
            )
            yield id_, "", ReviewNote(text, needs_attention=True)


def _with_successor(
    resource: ChangedResource, context: _Context, stack: str, names: Mapping[str, str]
) -> ChangedResource:
    id_ = context.new_id(stack, resource.id)
    return resource if id_ == resource.id else dataclasses.replace(resource, renamed=f"{stack}/{names.get(id_, id_)}")


def _construct_names(stack: str, template: Mapping[str, Any]) -> dict[str, str]:
    paths = {id_: each.get("Metadata", {}).get("aws:cdk:path") for id_, each in template.get("Resources", {}).items()}
    return {id_: path.removeprefix(f"{stack}/").removesuffix("/Resource") for id_, path in paths.items() if path}


def _construct_path(id_: str, resource: Mapping[str, Any]) -> str:
    return str(resource.get("Metadata", {}).get("aws:cdk:path") or id_).removesuffix("/Resource")


def _pipeline_changes(context: _Context, stack: str, names: Mapping[str, str]) -> Iterator[PipelineChange]:
    olds, news = (
        pipeline_diff.pipeline_definitions(
            {"Resources": references.renamed_value(_pipelines(templates.get(stack, {})))}
        )
        for references, templates in zip(context.references(stack), (context.olds, context.news), strict=True)
    )
    olds = {context.new_id(stack, id_): each for id_, each in olds.items()}
    for id_ in sorted(olds.keys() | news.keys()):
        change = pipeline_diff.compare_pipelines(f"{stack}/{names.get(id_, id_)}", olds.get(id_), news.get(id_))
        if change.notes:
            yield change.with_texts(lambda text: with_construct_paths(text, names))


def _pipelines(template: Mapping[str, Any]) -> dict[str, Any]:
    resources = template.get("Resources", {})
    return {id_: each for id_, each in resources.items() if each.get("Type") == risk.PIPELINE_TYPE}


def _stack_notes(old: Stack | None, new: Stack | None) -> Iterator[ReviewNote]:
    if new is None and old and old.is_nested:
        yield ReviewNote("nested stack removed: it is destroyed with what it does not retain", needs_attention=True)
        return
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
