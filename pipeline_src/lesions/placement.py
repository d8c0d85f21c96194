# SPDX-License-Identifier: MIT-0
"""Where an additional image lies whose lesion the base shows too: where the base has it, not where its own id puts it.

Its id is made of its bytes and says nothing of the lesion. By it a copy of a test image might choose the threshold, and
a copy of a training image, as a validation image, would take a lesion of the base out of training.
"""

from collections.abc import Iterable
from typing import Final

from pipeline_src import contract
from pipeline_src.lesions.identity import Lesion
from pipeline_src.lesions.plan import Plan

_TESTS: Final = {contract.TEST, contract.OFFICIAL}


def misplaced(plan: Plan, lesions: Iterable[Lesion]) -> frozenset[int]:
    """Return the additional validation images, by number, that belong to train.

    Those of a lesion that a test image shows are among them: from train they are left out, as every copy of one is.
    """
    return frozenset(number for lesion in lesions for number in _misplaced(plan, lesion))


def _misplaced(plan: Plan, lesion: Lesion) -> list[int]:
    base = {split for split, numbers in lesion.items() if not all(_added(plan, number) for number in numbers)}
    if not base or (contract.VALIDATION in base and not base & _TESTS):
        return []
    return [number for number in lesion.get(contract.VALIDATION, ()) if _added(plan, number)]


def _added(plan: Plan, number: int) -> bool:
    return plan.origins[number] == contract.ADDITION
