# SPDX-License-Identifier: MIT-0
"""Where an additional image lies whose lesion the base shows too: in train, not where its own id puts it.

Its id is made of its bytes and says nothing of the lesion. By it a copy of a test image might choose the threshold, a
copy of a validation image would count there twice, and a copy of a training image, as a validation image, would take a
lesion of the base out of training.
"""

from collections.abc import Iterable

from pipeline_src import contract
from pipeline_src.lesions.identity import Lesion
from pipeline_src.lesions.plan import Plan


def misplaced(plan: Plan, lesions: Iterable[Lesion]) -> frozenset[int]:
    """Return the additional validation images, by number, that belong to train.

    Those of a lesion that a held-out image of the base shows are left out there, as every copy of one is.
    """
    return frozenset(number for lesion in lesions for number in _misplaced(plan, lesion))


def _misplaced(plan: Plan, lesion: Lesion) -> list[int]:
    if all(is_added(plan, number) for numbers in lesion.values() for number in numbers):
        return []
    return [number for number in lesion.get(contract.VALIDATION, ()) if is_added(plan, number)]


def is_added(plan: Plan, number: int) -> bool:
    """Return whether image `number` is of the additional archive."""
    return plan.origins[number] == contract.ADDITION
