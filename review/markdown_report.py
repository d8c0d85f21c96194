# SPDX-License-Identifier: MIT-0
"""The permissions that a change broadens, as tables.

The details of one stack: a table of its resources, its permissions as they stand, and the rest of its template.

The review as one Markdown document: what needs attention on top, details folded below.

The same two sides give the same bytes: nothing here has a clock, a path of the machine, or an order of its own.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from review import risk
from review.git_checkout import BaseCommit
from review.intrinsics import shorten_intrinsics
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
from review.permissions import Broadening, Statement
from review.permissions import changed_statements as statement_changes
from review.pipeline_diff import PipelineChange
from review.risk import ADDED, change_verb
from review.stack_changes import StackChange
from review.template_diff import ChangedResource

_LOGICAL_ID: Final = re.compile(r"\$\{(\w+)(?=[.}])")
_HEADER: Final = ("stack", "who", "what is new", "actions", "on", "if")
_MOST: Final = 8
_NEW: Final = "permissions that come with new roles and resources"


def broadened_permissions(changes: Iterable[StackChange]) -> str:
    """Return the section; what new roles and resources come with is folded, as it widens nothing that exists."""
    every = [(change, each) for change in changes for each in change.broadenings]
    widened = [_row(*each) for each in every if not _is_of_new(*each)]
    fresh = [_row(*each) for each in every if _is_of_new(*each)]
    widened += [row for change in changes for row in _others(change)]
    tables = [markdown_table(_HEADER, widened)] if widened else []
    tables += [folded_block(_NEW, str(len(fresh)), markdown_table(_HEADER, fresh))] if fresh else []
    return "\n\n".join(["### Permissions that broaden", *tables]) if tables else ""


def statement_rows(change: StackChange, these: Sequence[Statement], word: str) -> list[tuple[str, ...]]:
    """Return rows for statements as they stand in the template."""
    return [(word, *_cells(change, each, each.effect)) for each in these]


def with_construct_paths(text: str, names: Mapping[str, str]) -> str:
    """Return `text` with the constructs' paths in place of logical ids."""
    return _LOGICAL_ID.sub(lambda found: "${" + names.get(found.group(1), found.group(1)), shorten_intrinsics(text))


def _row(change: StackChange, broadening: Broadening) -> tuple[str, ...]:
    word = "no longer denied" if broadening.is_lost_denial else "allowed"
    return (code_span(change.name), *_cells(change, broadening.statement, word))


def _cells(change: StackChange, statement: Statement, word: str) -> tuple[str, ...]:
    if statement.unread:
        return ("", word, code_span(with_construct_paths(statement.unread, change.names)), "", "")
    who, actions, resources = (
        _listed(values, change.names, "all but " if name in statement.inverted else "")
        for name, values in (
            ("principals", statement.principals),
            ("actions", statement.actions),
            ("resources", statement.resources),
        )
    )
    condition = code_span(with_construct_paths(statement.condition, change.names)) if statement.condition else ""
    return (who, word, actions, resources, condition)


def _listed(values: Sequence[str], names: Mapping[str, str], prefix: str) -> str:
    more = f" and {len(values) - _MOST} more" if len(values) > _MOST else ""
    return prefix + ", ".join(code_span(with_construct_paths(each, names)) for each in values[:_MOST]) + more


def _others(change: StackChange) -> list[tuple[str, ...]]:
    names, stack = change.names, code_span(change.name)
    policies: list[tuple[str, ...]] = [
        (stack, code_span(with_construct_paths(who, names)), "managed policy", code_span(what), "", "")
        for who, what in change.comparison.policies
    ]
    rules: list[tuple[str, ...]] = [
        (
            stack,
            code_span(with_construct_paths(peer, names)),
            "network rule",
            code_span(protocol),
            code_span(with_construct_paths(group, names)),
            "",
        )
        for group, protocol, peer in change.comparison.rules
    ]
    return policies + rules


def _is_of_new(change: StackChange, broadening: Broadening) -> bool:
    """Return whether it speaks of nobody, or of nothing, that existed before."""
    added = {each.id for each in change.comparison.resources if change_verb(each) == ADDED}
    statement = broadening.statement
    return any(
        bool(values) and all((found := _LOGICAL_ID.search(each)) and found.group(1) in added for each in values)
        for values in (statement.principals, statement.resources)
    )


_MOST_ROWS = 12
_STATEMENTS = ("", "who", "effect", "actions", "on", "if")


def stack_details(change: StackChange) -> str:
    """Return a stack's block, which opens on a click."""
    parts = [_resources(change), _permissions(change), _rest(change)]
    return folded_block(
        change.name, _counts(change), "\n\n".join(part for part in parts if part) or "Nothing but the above."
    )


def _counts(change: StackChange) -> str:
    verbs = Counter(map(risk.change_verb, change.resources))
    return ", ".join(f"{verbs[verb]} {verb}" for verb in risk.VERBS if verbs[verb]) or "no resource"


def _resources(change: StackChange) -> str:
    order = sorted(change.resources, key=lambda each: risk.VERBS.index(risk.change_verb(each)))
    rows = [
        (risk.change_verb(each), code_span(risk.construct_path(each)), code_span(each.type), _what(change, each))
        for each in order
    ]
    return markdown_table(("", "resource", "type", "what"), rows) if rows else ""


def _what(change: StackChange, one: ChangedResource) -> str:
    told = [f"{code_span(each.path)}: {_named(change, old_and_new(each))}" for each in risk.shown_differences(one)]
    more = [f"and {len(told) - _MOST_ROWS} more"] if len(told) > _MOST_ROWS else []
    return "<br>".join([*told[:_MOST_ROWS], *more, *risk.omitted_differences(one)])


def _named(change: StackChange, text: str) -> str:
    return with_construct_paths(text, change.names)


def _permissions(change: StackChange) -> str:
    """Return the statements that come and go, but those that stand above as they are."""
    come, go = statement_changes(change.comparison.old_statements, change.comparison.new_statements)
    told = {each.statement for each in change.broadenings}
    rows = [
        *statement_rows(change, [each for each in come if each not in told], "comes"),
        *statement_rows(change, go, "goes"),
    ]
    rows += [
        ("goes", code_span(who), "managed policy", code_span(what), "", "")
        for who, what in change.comparison.dropped_policies
    ]
    return markdown_table(_STATEMENTS, rows) if rows else ""


def _rest(change: StackChange) -> str:
    rows = [
        (kind, code_span(name) + (f" {code_span(each.path)}" if each.path else ""), _named(change, old_and_new(each)))
        for kind, name, differences in change.comparison.sections
        for each in differences
        if not each.is_content
    ]
    return markdown_table(("", "name", "what"), rows) if rows else ""


# Whoever posts the text, at GitHub or at CodeCommit, finds its own earlier comment by this first line.
MARKER: Final = "<!-- review of infrastructure and pipeline -->"
# GitHub refuses a comment of more than 65,536 characters. Bytes are never fewer than characters, however counted.
LONGEST: Final = 65_000
_FENCE: Final = "~~~~~~"


def review_document(
    point: BaseCommit, changes: Sequence[StackChange], remarks: Iterable[str], *, longest: int = LONGEST
) -> str:
    """Return the Markdown.

    Args:
        point: What the branch was compared with.
        changes: The changed stacks.
        remarks: What a reader must know of the comparison itself.
        longest: Of the text, in bytes.
    """
    said = [f"> [!NOTE]\n> {remark}" for remark in remarks]
    if not changes:
        unchanged = f"Neither the infrastructure nor the pipeline changes, compared with {code_span(point.label)}."
        return "\n\n".join([f"{MARKER}\n{unchanged}", *said]) + "\n"
    sections = [_verdict(point, changes), *said, _at_risk(changes), _attention(changes), broadened_permissions(changes)]
    sections += [_pipeline(each) for change in changes for each in change.pipelines]
    return _fitted([each for each in sections if each], [stack_details(each) for each in changes], longest)


def failure_document(error: str, *, longest: int = LONGEST) -> str:
    """Return the Markdown that says why nothing could be compared.

    Args:
        error: The message.
        longest: Of the text, in bytes.
    """
    head = f"{MARKER}\n## Infrastructure and pipeline: could not be compared\n\n{_FENCE}text\n"
    end = f"\n{_FENCE}\n"
    told = "\n".join(line.replace(_FENCE, "") for line in error.splitlines())
    return f"{head}{_shortened(told, longest - len((head + end).encode()))}{end}"


def _verdict(point: BaseCommit, changes: Sequence[StackChange]) -> str:
    bad = any(each.needs_attention for each in changes)
    title = "needs attention" if bad else "nothing destructive, nothing broadened"
    verbs = Counter(risk.change_verb(each) for change in changes for each in change.resources)
    counts = [f"{count_of(verbs[verb], 'resource')} {verb}" for verb in risk.VERBS if verbs[verb]]
    broader = sum(change.broader for change in changes)
    counts += [f"{count_of(broader, 'permission')} broader"] if broader else []
    notes = sum(len(each.notes) for change in changes for each in change.pipelines)
    counts += [f"{count_of(notes, 'change')} of the pipeline"] if notes else []
    told = f"{count_of(len(changes), 'stack')} changed, compared with {code_span(point.label)}"
    return f"{MARKER}\n## Infrastructure and pipeline: {title}\n\n{told}: {', '.join(counts) or 'no resource'}."


def _at_risk(changes: Sequence[StackChange]) -> str:
    lines = [_loss(change, each) for change in changes for each in change.resources if risk.is_at_risk(each)]
    if not lines:
        return ""
    warning = "> [!WARNING]\n> Data, subscriptions, records or a live endpoint are destroyed, replaced or left behind:"
    return "\n".join([warning, ">", *(f"> - {line}" for line in lines)])


def _loss(change: StackChange, one: ChangedResource) -> str:
    word = "left behind with its stack" if change.is_gone else risk.change_verb(one)
    why = "; ".join(f"{code_span(each.path)} {old_and_new(each)}" for each in risk.replacement_causes(one))
    fate = (
        "what it holds stays in the account, but nothing here manages it any more"
        if one.is_kept
        else "what it holds is lost"
    )
    return f"{code_span(risk.construct_path(one))} ({one.type}): **{word}**{f' because {why}' if why else ''}; {fate}"


def _attention(changes: Sequence[StackChange]) -> str:
    ends = [
        ReviewNote(f"{code_span(risk.construct_path(each))} ({each.type}): {risk.change_verb(each)}")
        for change in changes
        for each in change.resources
        if risk.is_destructive(each) and not risk.is_at_risk(each)
    ]
    whole = [
        ReviewNote(f"{code_span(change.name)}: {each.text}")
        for change in changes
        for each in alarming_notes(change.notes)
    ]
    weaker = [each for change in changes for each in change.weakened]
    pipelines = [each for change in changes for one in change.pipelines for each in one.attention]
    notes = [*whole, *weaker, *pipelines, *ends]
    return "### Needs attention\n\n" + bullet_list(each.text for each in notes) if notes else ""


def _pipeline(change: PipelineChange) -> str:
    """Return the pipeline's section; what needs attention stands here once more, in its place."""
    steps = [ReviewNote(f"{code_span(step)}: {each.text}") for step, notes in change.steps for each in notes]
    parts = {"": change.whole, "Gate floors": change.floors, "Parameters": change.parameters, "Steps": steps}
    told = [
        (f"#### {title}\n\n" if title else "") + bullet_list(each.text for each in notes)
        for title, notes in parts.items()
        if notes
    ]
    return "\n\n".join([f"### Pipeline {code_span(change.name)}", *told])


def _fitted(sections: Sequence[str], folded: Sequence[str], longest: int) -> str:
    """Join all, leaving out the last details, then the last lines, that a comment has no room for."""
    title = ["### Stacks"]
    for kept in range(len(folded), -1, -1):
        left = len(folded) - kept
        cut = (
            [f"The details of {count_of(left, 'more stack')} are left out: a comment has no room for them."]
            if left
            else []
        )
        text = "\n\n".join([*sections, *title, *folded[:kept], *cut]) + "\n"
        if len(text.encode()) <= longest:
            return text
    return _cut(text, longest)


def _cut(text: str, longest: int) -> str:
    end = "\n\nThe rest is left out: a comment has no room for it. Look at what `make synth` writes.\n"
    return _shortened(text, longest - len(end.encode())).rpartition("\n")[0] + end


def _shortened(text: str, room: int) -> str:
    """Return as much of `text` as `room` bytes hold, with no character broken."""
    return text.encode()[:room].decode(errors="ignore")
