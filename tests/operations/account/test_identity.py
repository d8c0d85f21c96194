# SPDX-License-Identifier: MIT-0
"""Credentials and region are checked before anything that takes long."""

import re
from pathlib import Path

import pytest

from tests.operations.service import Services
from tests.operations.shell import run

ROOT = Path(__file__).parents[3]


def test_account_region_and_person_are_printed(aws: Services) -> None:
    caller = {"Account": "111111111111", "Arn": "arn:aws:iam::111111111111:user/me", "UserId": "me"}
    aws.answers("sts", "get_caller_identity", caller)
    done = run(aws, "identity")
    assert (done.exit_code, done.stdout) == (
        0,
        "Account 111111111111, region us-east-1, as arn:aws:iam::111111111111:user/me\n",
    )


def test_credentials_that_are_not_known_are_named_with_what_to_do(aws: Services) -> None:
    aws.refuses("sts", "get_caller_identity", "InvalidClientTokenId", "The token is invalid.")
    done = run(aws, "identity")
    assert (done.exit_code, "sign in again; AWS_PROFILE chooses the profile" in done.stderr) == (2, True)


@pytest.mark.parametrize("verb", ["deploy", "bootstrap"])
def test_make_asks_for_them_first(verb: str) -> None:
    text = (ROOT / "Makefile").read_text()
    assert re.search(rf"^{verb}: credentials ", text, re.MULTILINE)


def test_a_file_that_is_not_there_is_told_before_credentials_are_asked_for(aws: Services) -> None:
    done = run(aws, "labels", "none.csv")  # AWS would refuse any question
    assert (done.exit_code, "labels 'none.csv': no such file" in done.stderr) == (2, True)
