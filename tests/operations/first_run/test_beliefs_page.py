# SPDX-License-Identifier: MIT-0
"""docs/beliefs.md is the table of beliefs, and the table names what exists."""

import re
from pathlib import Path

import pytest

from operations.first_run import aws_beliefs
from operations.first_run.aws_beliefs import BELIEFS, Occasion
from tests.operations.first_run.first_run_account import ALGORITHM, Records, services

ROOT = Path(__file__).parent.parent.parent.parent


def test_the_page_is_current() -> None:
    assert (ROOT / aws_beliefs.PAGE).read_text() == aws_beliefs.render_beliefs_page(), (
        "python -m operations.first_run.aws_beliefs > docs/beliefs.md"
    )


def test_each_belief_has_an_id_of_its_own_and_no_empty_cell() -> None:
    assert len({belief.id for belief in BELIEFS}) == len(BELIEFS)
    assert all(cell for each in BELIEFS for cell in (each.text, each.source, each.sign, each.fallback))


def test_every_file_and_decision_that_the_page_names_exists() -> None:
    page = aws_beliefs.render_beliefs_page()
    paths = set(re.findall(r"`((?:stacks|pipeline_src|local|operations)/[\w/]+\.py)`", page))
    links = {f"docs/{link}" for link in re.findall(r"\]\(([\w/-]+\.md)", page)}
    assert len(paths) > 5
    assert len(links) > 5
    assert [path for path in paths | links if not (ROOT / path).exists()] == []


def test_every_action_that_a_first_run_asks_for_is_in_the_list_of_permissions() -> None:
    """The fake account refuses operations without a handler, so its handlers are all that is asked."""
    page = (ROOT / "docs/permissions.md").read_text()
    row = next(line for line in page.splitlines() if line.startswith("| `make first-run` |"))
    listed = set(re.findall(r"\b[A-Z][A-Za-z]+\b", row))
    asked = {operation.split()[1] for operation in services(Records())}
    always = {"DescribeStacks", "GetCallerIdentity"}  # the first of all verbs, the second needs no permission
    assert {name.replace("ListObjectsV2", "ListBucket") for name in asked} - always == listed - {"A"}


@pytest.mark.parametrize(
    ("tuning", "elsewhere", "more"),
    [(False, False, ()), (True, False, (Occasion.TUNING,)), (False, True, (Occasion.ELSEWHERE,))],
)
def test_what_a_first_run_settles_depends_on_the_settings(
    *, tuning: bool, elsewhere: bool, more: tuple[Occasion, ...]
) -> None:
    settled = aws_beliefs.settled_beliefs(ALGORITHM, tuning=tuning, elsewhere=elsewhere)
    found = {belief.occasion for belief in settled}
    assert found == {Occasion.FIRST_RUN, *more}


def test_preflight_counts_them_in_one_line() -> None:
    line = aws_beliefs.announce_beliefs(ALGORITHM, tuning=True, elsewhere=True)
    count = sum(
        belief.occasion is not Occasion.LATER and (belief.applies is None or belief.applies(ALGORITHM))
        for belief in BELIEFS
    )
    assert line == (
        f"A first run settles {count} of {len(BELIEFS)} beliefs about AWS that no one has seen hold: docs/beliefs.md"
    )
