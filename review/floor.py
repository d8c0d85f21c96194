# SPDX-License-Identifier: MIT-0
"""The gate's floors and ceilings: the pipeline's parameters whose names begin with ``Gate``.

A model must reach each floor and must not exceed any ceiling. So a lowered floor and a raised ceiling let worse models
through, and need attention.
"""

from typing import Any, Final

from review.definition import Definition
from review.difference import ABSENT
from review.markdown import code
from review.note import Note

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


def is_floor(name: str) -> bool:
    """Return whether the parameter is a floor or a ceiling of the gate."""
    return name.startswith(_PREFIX)


def floors(old: Definition, new: Definition) -> list[Note]:
    """Return what happens to floors and ceilings: those loosened, dropped or no longer read need attention."""
    names = sorted(filter(is_floor, old.parameters.keys() | new.parameters.keys()))
    values = [(name, _default(old, name), _default(new, name)) for name in names]
    return [_moved(*each) for each in values if each[1] != each[2]] + _unread(old, new)


def _default(definition: Definition, name: str) -> Any:  # noqa: ANN401  any JSON
    return definition.parameters.get(name, {}).get("DefaultValue", ABSENT)


def _moved(name: str, old: Any, new: Any) -> Note:  # noqa: ANN401  any JSON
    kind = "ceiling" if name in CEILINGS else "floor"
    if old is ABSENT:
        return Note(f"{code(name)}: new {kind}, {code(new)}")
    if new is ABSENT:
        return Note(f"{code(name)}: the {kind} is gone; it was {code(old)}", needs_attention=True)
    if not (_is_number(old) and _is_number(new)):
        return Note(f"{code(name)}: {code(old)} → {code(new)}", needs_attention=True)
    word = "lowered" if new < old else "raised"
    loosened = new > old if name in CEILINGS else new < old
    return Note(f"{code(name)}: the {kind} is {word} from {code(old)} to {code(new)}", needs_attention=loosened)


def _is_number(value: Any) -> bool:  # noqa: ANN401  any JSON
    return isinstance(value, int | float) and not isinstance(value, bool)


def _unread(old: Definition, new: Definition) -> list[Note]:
    names = [name for name in sorted(new.parameters) if is_floor(name) and not new.readers(name)]
    return [
        Note(f"{code(name)}: no step reads it any more", needs_attention=True) for name in names if old.readers(name)
    ]
