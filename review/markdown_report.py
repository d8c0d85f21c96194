# SPDX-License-Identifier: MIT-0
"""Renders the review as one Markdown document: what needs attention on top, collapsed details of each stack below.

The same two sides give the same bytes: the text contains no time and no path of the machine, and its order is fixed.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from review import risk
from review.app_versions import BaseCommit
from review.markdown import (
    ReviewNote,
    alarming_notes,
    bullet_list,
    code_span,
    count_of,
    folded_block,
    markdown_table,
    old_and_new,
)
from review.permissions import Broadening, Statement, changed_statements
from review.pipeline_diff import PipelineChange
from review.risk import ADDED, change_verb
from review.stack_changes import StackChange
from review.template_diff import LOGICAL_ID, ChangedResource, with_construct_paths

_BROADENING_COLUMNS: Final = ("stack", "who", "change", "actions", "on", "if")
_STATEMENT_COLUMNS: Final = ("", "who", "effect", "actions", "on", "if")
_MAXIMUM_VALUES: Final = 8  # of a cell
_MAXIMUM_DIFFERENCES: Final = 12  # of a resource
# The first line of every document. The workflow that posts it finds its own earlier comment by this line.
MARKER: Final = "<!-- review of infrastructure and pipeline -->"
# GitHub refuses a comment of more than 65,536 characters, and a text has at most as many characters as bytes.
MAXIMUM_BYTES: Final = 65_000
_FENCE: Final = "~~~~~~"


def broadened_permissions(changes: Iterable[StackChange]) -> str:
    """Return the section on broadened permissions.

    Permissions of new roles and resources are collapsed, because they broaden nothing that exists.
    """
    every = [(change, each) for change in changes for each in change.broadenings]
    widened = [_broadening_row(*each) for each in every if not _concerns_only_new(*each)]
    widened += [row for change in changes for row in _policy_and_rule_rows(change)]
    tables = [markdown_table(_BROADENING_COLUMNS, widened)] if widened else []
    if new := [_broadening_row(*each) for each in every if _concerns_only_new(*each)]:
        title = "permissions of new roles and resources"
        tables.append(folded_block(title, str(len(new)), markdown_table(_BROADENING_COLUMNS, new)))
    return "\n\n".join(["### Permissions that broaden", *tables]) if tables else ""


def _broadening_row(change: StackChange, broadening: Broadening) -> tuple[str, ...]:
    word = "no longer denied" if broadening.is_lost_denial else "allowed"
    return (code_span(change.name), *_statement_cells(change, broadening.statement, word))


def _statement_cells(change: StackChange, statement: Statement, word: str) -> tuple[str, ...]:
    if statement.unread:
        return ("", word, _named_span(change, statement.unread), "", "")

    def listed(name: str, values: Sequence[str]) -> str:
        prefix = "all but " if name in statement.inverted else ""
        more = f" and {len(values) - _MAXIMUM_VALUES} more" if len(values) > _MAXIMUM_VALUES else ""
        return prefix + ", ".join(_named_span(change, each) for each in values[:_MAXIMUM_VALUES]) + more

    condition = _named_span(change, statement.condition) if statement.condition else ""
    actions, resources = listed("actions", statement.actions), listed("resources", statement.resources)
    return (listed("principals", statement.principals), word, actions, resources, condition)


def _named_span(change: StackChange, text: str) -> str:
    return code_span(with_construct_paths(text, change.names))


def _policy_and_rule_rows(change: StackChange) -> list[tuple[str, ...]]:
    stack = code_span(change.name)
    policies: list[tuple[str, ...]] = [
        (stack, _named_span(change, who), "managed policy", code_span(what), "", "")
        for who, what in change.comparison.policies
    ]
    rules: list[tuple[str, ...]] = [
        (stack, _named_span(change, peer), "network rule", code_span(protocol), _named_span(change, group), "")
        for group, protocol, peer in change.comparison.rules
    ]
    return policies + rules


def _concerns_only_new(change: StackChange, broadening: Broadening) -> bool:
    """Return whether all of its principals, or all of its resources, are added by this change."""
    added = {each.id for each in change.comparison.resources if change_verb(each) == ADDED}
    statement = broadening.statement
    return any(
        bool(values) and all((found := LOGICAL_ID.search(each)) and found.group(1) in added for each in values)
        for values in (statement.principals, statement.resources)
    )


def stack_details(change: StackChange) -> str:
    """Return the collapsed block of one stack."""
    parts = [_resource_table(change), _permission_table(change), _section_table(change)]
    verbs = Counter(map(risk.change_verb, change.resources))
    counts = ", ".join(f"{verbs[verb]} {verb}" for verb in risk.VERBS if verbs[verb]) or "no resource"
    return folded_block(change.name, counts, "\n\n".join(part for part in parts if part) or "Nothing but the above.")


def _resource_table(change: StackChange) -> str:
    verb = risk.change_verb
    rows = [
        (verb(each), code_span(risk.construct_path(each)), code_span(each.type), _difference_lines(change, each))
        for each in sorted(change.resources, key=lambda each: risk.VERBS.index(verb(each)))
    ]
    return markdown_table(("", "resource", "type", "difference"), rows) if rows else ""


def _difference_lines(change: StackChange, resource: ChangedResource) -> str:
    lines = [
        f"{code_span(each.path)}: {with_construct_paths(old_and_new(each), change.names)}"
        for each in risk.shown_differences(resource)
    ]
    more = [f"and {len(lines) - _MAXIMUM_DIFFERENCES} more"] if len(lines) > _MAXIMUM_DIFFERENCES else []
    return "<br>".join([*lines[:_MAXIMUM_DIFFERENCES], *more, *risk.omitted_differences(resource)])


def _permission_table(change: StackChange) -> str:
    """Return the table of added and removed statements, without those that the section above shows in full."""
    added, removed = changed_statements(change.comparison.old_statements, change.comparison.new_statements)
    shown_above = {each.statement for each in change.broadenings}
    statements = [("added", each) for each in added if each not in shown_above]
    statements += [("removed", each) for each in removed]
    rows: list[tuple[str, ...]] = [(word, *_statement_cells(change, each, each.effect)) for word, each in statements]
    rows += [
        ("removed", code_span(who), "managed policy", code_span(what), "", "")
        for who, what in change.comparison.dropped_policies
    ]
    return markdown_table(_STATEMENT_COLUMNS, rows) if rows else ""


def _section_table(change: StackChange) -> str:
    rows = [
        (
            kind,
            code_span(name) + (f" {code_span(each.path)}" if each.path else ""),
            with_construct_paths(old_and_new(each), change.names),
        )
        for kind, name, differences in change.comparison.sections
        for each in differences
        if not each.is_content
    ]
    return markdown_table(("", "name", "difference"), rows) if rows else ""


def review_document(
    point: BaseCommit,
    changes: Sequence[StackChange],
    remarks: Iterable[str],
    *,
    code: Sequence[ReviewNote] = (),
    longest: int = MAXIMUM_BYTES,
) -> str:
    """Return the Markdown.

    Args:
        point: The commit that the branch was compared with.
        changes: The changed stacks.
        remarks: Remarks on the comparison itself, and the line on costs.
        code: Notes on changed code that decides what may pass.
        longest: Maximum length of the text in bytes.
    """
    quoted = [f"> [!NOTE]\n> {remark}" for remark in remarks]
    if not changes:
        unchanged = f"Neither the infrastructure nor the pipeline changes, compared with {code_span(point.label)}."
        return "\n\n".join(each for each in [f"{MARKER}\n{unchanged}", *quoted, _attention([], code)] if each) + "\n"
    sections = [
        _verdict(point, changes, code),
        *quoted,
        _at_risk(changes),
        _attention(changes, code),
        broadened_permissions(changes),
    ]
    sections += [_pipeline_section(each) for change in changes for each in change.pipelines]
    return _fit([each for each in sections if each], [stack_details(each) for each in changes], longest)


def failure_document(error: str, *, longest: int = MAXIMUM_BYTES) -> str:
    """Return the Markdown for a failed comparison.

    Args:
        error: The message.
        longest: Maximum length of the text in bytes.
    """
    head = f"{MARKER}\n## Infrastructure and pipeline: could not be compared\n\n{_FENCE}text\n"
    end = f"\n{_FENCE}\n"
    message = "\n".join(line.replace(_FENCE, "") for line in error.splitlines())
    return f"{head}{_truncate(message, longest - len((head + end).encode()))}{end}"


def _verdict(point: BaseCommit, changes: Sequence[StackChange], code: Sequence[ReviewNote]) -> str:
    bad = bool(code) or any(each.needs_attention for each in changes)
    title = "needs attention" if bad else "nothing destructive, nothing broadened"
    verbs = Counter(risk.change_verb(each) for change in changes for each in change.resources)
    counts = [f"{count_of(verbs[verb], 'resource')} {verb}" for verb in risk.VERBS if verbs[verb]]
    broader = sum(change.broader for change in changes)
    counts += [f"{count_of(broader, 'permission')} broader"] if broader else []
    notes = sum(len(each.notes) for change in changes for each in change.pipelines)
    counts += [f"{count_of(notes, 'change')} of the pipeline"] if notes else []
    summary = f"{count_of(len(changes), 'stack')} changed, compared with {code_span(point.label)}"
    return f"{MARKER}\n## Infrastructure and pipeline: {title}\n\n{summary}: {', '.join(counts) or 'no resource'}."


def _at_risk(changes: Sequence[StackChange]) -> str:
    lines = [_loss_sentence(change, each) for change in changes for each in change.resources if risk.is_at_risk(each)]
    if not lines:
        return ""
    warning = "> [!WARNING]\n> Data, subscriptions, records or a live endpoint are destroyed, replaced or left behind:"
    return "\n".join([warning, ">", *(f"> - {line}" for line in lines)])


def _loss_sentence(change: StackChange, resource: ChangedResource) -> str:
    path, verb = f"{code_span(risk.construct_path(resource))} ({resource.old_type})", risk.change_verb(resource)
    if change.is_left_behind:
        return f"{path}: **left behind** with its stack; its content stays in the account until that is deleted"
    causes = "; ".join(f"{code_span(each.path)} {old_and_new(each)}" for each in risk.replacement_causes(resource))
    if risk.has_new_type(resource):
        causes = f"its type becomes {code_span(resource.type)}"
    because = f" because {causes}" if causes else ""
    successor = f", {code_span(resource.renamed)} takes its place" if resource.renamed else ""
    kept = "its content stays in the account, but is no longer managed by this application"
    return f"{path}: **{verb}**{because}{successor}; {kept if resource.is_kept else 'its content is lost'}"


def _attention(changes: Sequence[StackChange], code: Sequence[ReviewNote]) -> str:
    removed = [
        ReviewNote(f"{code_span(risk.construct_path(each))} ({each.old_type}): {risk.change_verb(each)}")
        for change in changes
        # The note on a stack that is left behind covers what it consists of.
        if not change.is_left_behind
        for each in change.resources
        if risk.is_destructive(each) and not risk.is_at_risk(each)
    ]
    of_stacks = [
        ReviewNote(f"{code_span(change.name)}: {each.text}")
        for change in changes
        for each in alarming_notes(change.notes)
    ]
    weakened = [each for change in changes for each in change.weakened]
    pipelines = [each for change in changes for one in change.pipelines for each in one.attention]
    notes = [*code, *of_stacks, *weakened, *pipelines, *removed]
    return "### Needs attention\n\n" + bullet_list(each.text for each in notes) if notes else ""


def _pipeline_section(change: PipelineChange) -> str:
    """Return the section of one pipeline; notes that need attention are repeated here in context."""
    steps = [ReviewNote(f"{code_span(step)}: {each.text}") for step, notes in change.steps for each in notes]
    parts = {"": change.whole, "Gate thresholds": change.thresholds, "Parameters": change.parameters, "Steps": steps}
    lists = [
        (f"#### {title}\n\n" if title else "") + bullet_list(each.text for each in notes)
        for title, notes in parts.items()
        if notes
    ]
    return "\n\n".join([f"### Pipeline {code_span(change.name)}", *lists])


def _fit(sections: Sequence[str], folded: Sequence[str], longest: int) -> str:
    """Join everything; if it is too long, omit the last details first, then the last lines."""
    for kept in range(len(folded), -1, -1):
        omitted = len(folded) - kept
        remark = [f"Details of {count_of(omitted, 'more stack')} omitted: the comment would be too long."]
        text = "\n\n".join([*sections, "### Stacks", *folded[:kept], *(remark if omitted else [])]) + "\n"
        if len(text.encode()) <= longest:
            return text
    end = "\n\nThe rest is omitted: the comment would be too long. See the templates that `make synth` writes.\n"
    return _truncate(text, longest - len(end.encode())).rpartition("\n")[0] + end


def _truncate(text: str, room: int) -> str:
    """Return the beginning of `text` that fits into `room` bytes, without splitting a character."""
    return text.encode()[:room].decode(errors="ignore")
