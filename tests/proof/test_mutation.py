# SPDX-License-Identifier: MIT-0
"""Each realistic mistake is noticed by the checker that is meant to, and by it for the reason that is meant."""

from collections.abc import Iterator

import pytest

from tests.proof.check import CHECKERS
from tests.proof.intrinsic import Documents
from tests.proof.mistake import (
    champion,
    crossing,
    delivery,
    export,
    monitor,
    performed,
    policy,
    serving,
    storage,
    wiring,
)
from tests.proof.mutation import Mistake, mistaken

_KINDS = (storage, policy, delivery, serving, champion, monitor, export, performed)
MISTAKES = tuple(each for kind in _KINDS for each in kind.MISTAKES)


def noticed(mistake: Mistake, documents: Documents) -> Iterator[str]:
    """Yield what the checker says of the mistaken templates and not of the right ones."""
    before = set(CHECKERS[mistake.checker](documents))
    yield from (each for each in CHECKERS[mistake.checker](mistaken(documents, mistake)) if each not in before)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: f"{mistake.checker}: {mistake.name}")
def test_a_mistake_is_noticed(mistake: Mistake, documents: Documents) -> None:
    said = list(noticed(mistake, documents))
    assert any(mistake.says in each for each in said), said


def test_there_are_mistakes_for_every_checker() -> None:
    """Those in what crosses between accounts are made in test_account.py."""
    every = (*MISTAKES, *crossing.MISTAKES, *wiring.MISTAKES)
    assert {mistake.checker for mistake in every} == set(CHECKERS)
    assert len({mistake.name for mistake in every}) == len(every) >= 190
