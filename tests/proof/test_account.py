# SPDX-License-Identifier: MIT-0
"""A deployment that spans accounts passes every checker, and mistakes in what crosses between them are noticed."""

from typing import Final

import pytest

from tests.assembly import CONNECTED, Assembled, templates_in
from tests.proof.account import deployment
from tests.proof.check import CHECKERS
from tests.proof.crossing import TABLE, crossings
from tests.proof.intrinsic import Documents, resources
from tests.proof.kept import REVIEWED, REVIEWED_APART, kept
from tests.proof.mistake import crossing, wiring
from tests.proof.mutation import Mistake, mistaken
from tests.proof.sample import HERE, PRODUCTION, WITHOUT_VPC

_BUILD: Final = {"build.account": HERE.account, "build.region": HERE.region}
# Other ways to be elsewhere: another region of build's own account, and both stages in one other place.
OTHERS: Final = {
    "region": {"production_environment.account": HERE.account, "production_environment.region": PRODUCTION[1]},
    "one for both": {
        f"{stage}_environment.{part}": value
        for stage in ("staging", "production")
        for part, value in zip(("account", "region"), PRODUCTION, strict=True)
    },
}
# Those of one account are linted in test_template.py; these are in none, or are other ones here.
_LINTED: Final = ("Deployment", "ProductionSite", "Relay-eu-central-1", "Storage")
_MISTAKES: Final = (*crossing.MISTAKES, *wiring.MISTAKES)


@pytest.mark.parametrize("checker", [each for each in CHECKERS if each != "lint"])
def test_nothing_is_wrong_with_the_templates(checker: str, documents_apart: Documents) -> None:
    assert list(CHECKERS[checker](documents_apart)) == []


@pytest.mark.parametrize("context", OTHERS.values(), ids=OTHERS)
def test_nothing_is_wrong_between_other_places(context: dict[str, str], assembled: Assembled) -> None:
    documents = templates_in(assembled({**CONNECTED, **WITHOUT_VPC, **_BUILD, **context}))
    assert [each for name in ("access", "account", "replica", "wiring") for each in CHECKERS[name](documents)] == []


@pytest.mark.parametrize("name", _LINTED)
def test_cloudformation_takes_the_templates(name: str, documents_apart: Documents) -> None:
    assert list(CHECKERS["lint"]({name: documents_apart[name]})) == []


def test_every_row_of_the_table_is_of_this_deployment(documents_apart: Documents) -> None:
    """So no row sleeps: each is a request of one stage at least."""
    asked = {each.action for each in crossings(deployment(resources(documents_apart)))}
    assert asked == {action for _, _, action, _, _ in TABLE}


def test_what_holds_data_or_was_confirmed_keeps_its_id(documents_apart: Documents) -> None:
    assert kept(documents_apart) == REVIEWED | REVIEWED_APART


@pytest.fixture(scope="module")
def said(documents_apart: Documents) -> dict[str, set[str]]:
    """What each checker says of the templates without a mistake."""
    return {name: set(CHECKERS[name](documents_apart)) for name in {each.checker for each in _MISTAKES}}


@pytest.mark.parametrize("mistake", _MISTAKES, ids=lambda mistake: f"{mistake.checker}: {mistake.name}")
def test_a_mistake_is_noticed(mistake: Mistake, documents_apart: Documents, said: dict[str, set[str]]) -> None:
    new = set(CHECKERS[mistake.checker](mistaken(documents_apart, mistake))) - said[mistake.checker]
    assert any(mistake.says in each for each in new), new
