# SPDX-License-Identifier: MIT-0
"""The review as one Markdown document: what needs attention on top, details folded below.

The same two sides give the same bytes: nothing here has a clock, a path of the machine, or an order of its own.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from review import resource
from review.checkout import Point
from review.comparison import Resource
from review.grant import grants
from review.markdown import bullets, changed, code, counted
from review.note import Note, alarming
from review.pipeline import PipelineChange
from review.report import StackChange
from review.table import details

# Whoever posts the text, at GitHub or at CodeCommit, finds its own earlier comment by this first line.
MARKER: Final = "<!-- review of infrastructure and pipeline -->"
# GitHub refuses a comment of more than 65,536 characters. Bytes are never fewer than characters, however counted.
LONGEST: Final = 65_000
_FENCE: Final = "~~~~~~"


def document(point: Point, changes: Sequence[StackChange], remarks: Iterable[str], *, longest: int = LONGEST) -> str:
    """Return the Markdown.

    Args:
        point: What the branch was compared with.
        changes: The changed stacks.
        remarks: What a reader must know of the comparison itself.
        longest: Of the text, in bytes.
    """
    said = [f"> [!NOTE]\n> {remark}" for remark in remarks]
    if not changes:
        unchanged = f"Neither the infrastructure nor the pipeline changes, compared with {code(point.label)}."
        return "\n\n".join([f"{MARKER}\n{unchanged}", *said]) + "\n"
    sections = [_verdict(point, changes), *said, _at_risk(changes), _attention(changes), grants(changes)]
    sections += [_pipeline(each) for change in changes for each in change.pipelines]
    return _fitted([each for each in sections if each], [details(each) for each in changes], longest)


def failure(error: str, *, longest: int = LONGEST) -> str:
    """Return the Markdown that says why nothing could be compared.

    Args:
        error: The message.
        longest: Of the text, in bytes.
    """
    head = f"{MARKER}\n## Infrastructure and pipeline: could not be compared\n\n{_FENCE}text\n"
    end = f"\n{_FENCE}\n"
    told = "\n".join(line.replace(_FENCE, "") for line in error.splitlines())
    return f"{head}{_shortened(told, longest - len((head + end).encode()))}{end}"


def _verdict(point: Point, changes: Sequence[StackChange]) -> str:
    bad = any(each.needs_attention for each in changes)
    title = "needs attention" if bad else "nothing destructive, nothing broadened"
    verbs = Counter(resource.verb(each) for change in changes for each in change.resources)
    counts = [f"{counted(verbs[verb], 'resource')} {verb}" for verb in resource.VERBS if verbs[verb]]
    broader = sum(change.broader for change in changes)
    counts += [f"{counted(broader, 'permission')} broader"] if broader else []
    notes = sum(len(each.notes) for change in changes for each in change.pipelines)
    counts += [f"{counted(notes, 'change')} of the pipeline"] if notes else []
    told = f"{counted(len(changes), 'stack')} changed, compared with {code(point.label)}"
    return f"{MARKER}\n## Infrastructure and pipeline: {title}\n\n{told}: {', '.join(counts) or 'no resource'}."


def _at_risk(changes: Sequence[StackChange]) -> str:
    lines = [_loss(change, each) for change in changes for each in change.resources if resource.is_at_risk(each)]
    if not lines:
        return ""
    warning = "> [!WARNING]\n> Data, subscriptions, records or a live endpoint are destroyed, replaced or left behind:"
    return "\n".join([warning, ">", *(f"> - {line}" for line in lines)])


def _loss(change: StackChange, one: Resource) -> str:
    word = "left behind with its stack" if change.is_gone else resource.verb(one)
    why = "; ".join(f"{code(each.path)} {changed(each)}" for each in resource.causes(one))
    fate = (
        "what it holds stays in the account, but nothing here manages it any more"
        if one.is_kept
        else "what it holds is lost"
    )
    return f"{code(resource.name(one))} ({one.type}): **{word}**{f' because {why}' if why else ''}; {fate}"


def _attention(changes: Sequence[StackChange]) -> str:
    ends = [
        Note(f"{code(resource.name(each))} ({each.type}): {resource.verb(each)}")
        for change in changes
        for each in change.resources
        if resource.is_destructive(each) and not resource.is_at_risk(each)
    ]
    whole = [Note(f"{code(change.name)}: {each.text}") for change in changes for each in alarming(change.notes)]
    weaker = [each for change in changes for each in change.weakened]
    pipelines = [each for change in changes for one in change.pipelines for each in one.attention]
    notes = [*whole, *weaker, *pipelines, *ends]
    return "### Needs attention\n\n" + bullets(each.text for each in notes) if notes else ""


def _pipeline(change: PipelineChange) -> str:
    """Return the pipeline's section; what needs attention stands here once more, in its place."""
    steps = [Note(f"{code(step)}: {each.text}") for step, notes in change.steps for each in notes]
    parts = {"": change.whole, "Gate floors": change.floors, "Parameters": change.parameters, "Steps": steps}
    told = [
        (f"#### {title}\n\n" if title else "") + bullets(each.text for each in notes)
        for title, notes in parts.items()
        if notes
    ]
    return "\n\n".join([f"### Pipeline {code(change.name)}", *told])


def _fitted(sections: Sequence[str], folded: Sequence[str], longest: int) -> str:
    """Join all, leaving out the last details, then the last lines, that a comment has no room for."""
    title = ["### Stacks"]
    for kept in range(len(folded), -1, -1):
        left = len(folded) - kept
        cut = (
            [f"The details of {counted(left, 'more stack')} are left out: a comment has no room for them."]
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
