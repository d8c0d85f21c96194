# SPDX-License-Identifier: MIT-0
"""What happens to a SageMaker pipeline, by meaning: floors, parameters, steps."""

import dataclasses

from review.definition import Definition
from review.difference import Difference, differences
from review.floor import floors, is_floor
from review.markdown import changed, code, counted
from review.note import Note, alarming
from review.step import steps

_EMPTY = Definition({}, {}, {})


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
    whole: tuple[Note, ...] = ()
    floors: tuple[Note, ...] = ()
    parameters: tuple[Note, ...] = ()
    steps: tuple[tuple[str, tuple[Note, ...]], ...] = ()

    @property
    def notes(self) -> list[Note]:
        """Return all notes; those about a step begin with its name."""
        told = [
            Note(f"{code(step)}: {each.text}", each.needs_attention) for step, notes in self.steps for each in notes
        ]
        return [*self.whole, *self.floors, *self.parameters, *told]

    @property
    def attention(self) -> list[Note]:
        """Return the notes that need attention."""
        return alarming(self.notes)


def compare(name: str, old: Definition | None, new: Definition | None) -> PipelineChange:
    """Return what happens to the pipeline `name`; None where a side lacks it."""
    if new is None:
        return PipelineChange(name, (Note("the pipeline is removed", needs_attention=True),))
    if new.text or (old and old.text):
        return PipelineChange(name, _as_text(old or _EMPTY, new))
    if old is None:
        return PipelineChange(name, (_introduced(new),), tuple(floors(_EMPTY, new)))
    return PipelineChange(
        name,
        tuple(Note(f"{code(each.path)}: {changed(each)}") for each in differences(old.others, new.others)),
        tuple(floors(old, new)),
        tuple(_parameters(old, new)),
        tuple((step, tuple(notes)) for step, notes in steps(old, new)),
    )


def _introduced(new: Definition) -> Note:
    names = ", ".join(code(name) for name in new.steps)
    return Note(
        f"new, with {counted(len(new.steps), 'step')} ({names}) and {counted(len(new.parameters), 'parameter')}"
    )


def _as_text(old: Definition, new: Definition) -> tuple[Note, ...]:
    """Compare what is no JSON, such as a definition that lies in a bucket."""
    if old == new:
        return ()
    said = changed(Difference("", old.text, new.text))
    return (
        Note(f"the definition cannot be read from the template, so it is not compared: {said}", needs_attention=True),
    )


def _parameters(old: Definition, new: Definition) -> list[Note]:
    names = sorted(old.parameters.keys() | new.parameters.keys())
    return [note for name in names for note in _parameter(name, old, new)]


def _parameter(name: str, old: Definition, new: Definition) -> list[Note]:
    before, after = old.parameters.get(name), new.parameters.get(name)
    if after is None:
        return [] if is_floor(name) else [Note(f"{code(name)} is removed")]
    if before is None:
        return [] if is_floor(name) else [Note(f"{code(name)} is new, by default {code(after.get('DefaultValue'))}")]
    every = [each for each in differences(before, after) if not (is_floor(name) and each.path == "DefaultValue")]
    return [_redefined(name, each, new) for each in every]


def _redefined(name: str, difference: Difference, new: Definition) -> Note:
    what = "default" if difference.path == "DefaultValue" else code(difference.path)
    readers = ", ".join(code(each) for each in new.readers(name))
    told = f"{code(name)}: {what} {changed(difference)}" + (f"; read by {readers}" if readers else "")
    # A model package that is approved as it is registered goes out without anybody's having looked at it.
    return Note(told, needs_attention=what == "default" and difference.new == "Approved")
