# SPDX-License-Identifier: MIT-0
"""What happens to the steps of a pipeline, in words."""

import re
from collections.abc import Iterator
from typing import Final

from review.definition import Definition, Step
from review.difference import Difference, differences
from review.markdown import changed, code
from review.note import Note
from review.protection import is_turned_off
from review.tuning import job, switched

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


def steps(old: Definition, new: Definition) -> list[tuple[str, list[Note]]]:
    """Return the changed steps, each with what happens to it, in the order of the new definition; removed ones last."""
    removed = [name for name in old.steps if name not in new.steps]
    every = [(name, _changes(old.steps.get(name), new.steps[name])) for name in new.steps]
    every += [(name, [Note("this step is removed", needs_attention=True)]) for name in removed]
    return [(name, notes) for name, notes in every if notes]


def _changes(old: Step | None, new: Step) -> list[Note]:
    if old is None:
        place = f" in {code(new.branch)}" if new.branch else ""
        waits = f"; it waits for {_names(new.waits_for)}" if new.waits_for else ""
        return [Note(f"this step is new{place}, of type {code(new.body.get('Type', ''))}{waits}")]
    before, after, told = old.body, new.body, switched(old.body, new.body)
    if told:
        # The isolation of a training, and that of a tuning's trainings, stand in different places.
        before, after = job(before), job(after)
    became = [Note(told)] if told else []
    return [*_moves(old, new), *became, *_waits(old, new), *map(_spoken, differences(before, after))]


def _moves(old: Step, new: Step) -> Iterator[Note]:
    if old.branch != new.branch:
        before, after = (code(each) if each else "the top" for each in (old.branch, new.branch))
        yield Note(f"moved from {before} to {after}", needs_attention=True)


def _waits(old: Step, new: Step) -> Iterator[Note]:
    if more := new.waits_for - old.waits_for:
        yield Note(f"now waits for {_names(more)}")
    if fewer := old.waits_for - new.waits_for:
        yield Note(f"no longer waits for {_names(fewer)}")


def _names(names: frozenset[str]) -> str:
    return ", ".join(code(name) for name in sorted(names))


def _spoken(difference: Difference) -> Note:
    kind, name = _kind(difference.path)
    title = f"{kind} {code(name)}" if name else kind
    if difference.is_content:
        return Note(f"{title}: new content (code changed)")
    return Note(f"{title}: {changed(difference)}", needs_attention=kind == "condition" or is_turned_off(difference))


def _kind(path: str) -> tuple[str, str]:
    for pattern, kind in _KINDS:
        if found := re.search(pattern, path):
            return kind, (found.group(1) or "").strip(".") if found.re.groups else ""
    return "setting", path
