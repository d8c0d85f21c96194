# SPDX-License-Identifier: MIT-0
"""Contradictions: an additional image and one of the base that are one picture, or look the same, with two labels.

Of equal bytes one label is wrong, and nobody but a person can say which: they are refused. Of images that only look
the same the audit may be wrong instead: they are told.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from pipeline_src import contract
from pipeline_src.lesions.error import BadInputError
from pipeline_src.lesions.plan import Plan

_NAMED: Final = 5


class Contradiction(NamedTuple):
    """Ids and labels of two images, the one of the base first."""

    images: tuple[str, str]
    labels: tuple[str, str]


def find(plan: Plan, same: Iterable[Sequence[int]]) -> list[Contradiction]:
    """Return the contradictions among groups of images that are `same`, by their ids."""
    pairs = {pair for group in same for pair in _pairs(plan, group)}
    return sorted(
        Contradiction((first.image_id, second.image_id), (first.label, second.label))
        for first, second in ((plan.rows[base], plan.rows[added]) for base, added in pairs)
    )


def refuse(plan: Plan, duplicates: Iterable[Sequence[int]]) -> None:
    """Refuse groups of images with equal bytes among which there are contradictions.

    Raises:
        BadInputError: there are.
    """
    found = find(plan, duplicates)
    if found:
        named = ", ".join(
            f"{each.images[1]} is {each.labels[1]}, and {each.images[0]} of the base {each.labels[0]}"
            for each in found[:_NAMED]
        )
        more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        raise BadInputError(
            f"additional archive: equal bytes with two labels: {named}{more}. Find out which label is right: correct"
            " that of the picture and export anew, or correct the base's table."
        )


def _pairs(plan: Plan, group: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the pairs of one of the base and an additional one, by number, whose labels differ."""
    added = [number for number in group if plan.origins[number] == contract.ADDITION]
    base = [number for number in group if plan.origins[number] != contract.ADDITION]
    yield from ((one, other) for one in base for other in added if plan.rows[one].label != plan.rows[other].label)
