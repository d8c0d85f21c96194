# SPDX-License-Identifier: MIT-0
"""Region and credentials are there, those of the settings, and the region has the built-in algorithm."""

import boto3
import pytest
from botocore.exceptions import InvalidRegionError, NoRegionError

from operations.command.preflight import identity, region
from operations.command.preflight.finding import Verdict
from tests.operations.command.preflight.sample import ACCOUNT, CALLER, DEMAND, demanding, only
from tests.operations.command.shell import account
from tests.operations.service import Services


def test_a_region_that_is_chosen_is_well_where_the_settings_name_none_or_the_same(aws: Services) -> None:
    for named in ("", "us-east-1"):
        finding = only([region.chosen(account(aws), demanding(region=named))])
        assert (finding.verdict, finding.sentence) == (Verdict.OK, "us-east-1")


def test_another_region_than_that_of_the_settings_fails_because_the_other_commands_look_there(aws: Services) -> None:
    finding = only([region.chosen(account(aws), demanding(region="eu-west-1"))])
    assert (finding.verdict, finding.remedy) == (Verdict.FAILED, "export AWS_REGION=eu-west-1")
    assert "us-east-1 is chosen, but build.region is eu-west-1" in finding.sentence


@pytest.mark.parametrize(("named", "remedy"), [("", "us-east-1"), ("eu-west-1", "eu-west-1")])
@pytest.mark.parametrize("error", [NoRegionError(), InvalidRegionError(region_name="not a region")])
def test_without_a_region_the_remedy_chooses_one(error: Exception, named: str, remedy: str) -> None:
    def client(_name: str) -> object:
        raise error

    finding = only([region.chosen(account(client), demanding(region=named))])
    assert (finding.verdict, finding.remedy) == (Verdict.UNKNOWN, f"export AWS_REGION={remedy}")


def test_what_boto3_raises_without_a_region_is_one_of_these() -> None:
    assert region.chosen(account(boto3.Session().client), DEMAND).sentence == "no region is chosen"
    invalid = boto3.Session(region_name="us east").client
    assert region.chosen(account(invalid), DEMAND).verdict is Verdict.UNKNOWN


def test_the_algorithm_is_in_some_regions_and_not_in_others() -> None:
    assert only([region.algorithm("eu-west-1", DEMAND)]).verdict is Verdict.OK
    finding = only([region.algorithm("mx-central-1", DEMAND)])
    assert finding.verdict is Verdict.FAILED
    assert "mx-central-1 has no built-in image-classification algorithm" in finding.sentence
    assert finding.remedy.startswith("Choose another with AWS_REGION: eu-west-1, us-east-1. ")


@pytest.mark.parametrize("named", ["", ACCOUNT])
def test_credentials_are_well_where_the_settings_name_no_account_or_the_same(aws: Services, named: str) -> None:
    aws.answers("sts", "get_caller_identity", CALLER)
    finding, identified = identity.held(account(aws), demanding(account=named))
    assert (only([finding]).verdict, identified) == (Verdict.OK, ACCOUNT)
    assert finding.sentence == f"account {ACCOUNT}, as arn:aws:sts::{ACCOUNT}:assumed-role/Admin/me"


def test_credentials_of_another_account_than_that_of_the_settings_fail(aws: Services) -> None:
    aws.answers("sts", "get_caller_identity", CALLER)
    finding, identified = identity.held(account(aws), demanding(account="222222222222"))
    assert (only([finding]).verdict, identified) == (Verdict.FAILED, "")
    assert "are those of account 111111111111" in finding.sentence
    assert finding.sentence.endswith("but build.account is 222222222222")
    assert finding.remedy.startswith("Sign in to 222222222222 (AWS_PROFILE chooses the profile)")


@pytest.mark.parametrize(
    ("code", "remedy", "enabled"),
    [
        ("ExpiredToken", "have expired. Sign in again, for example with aws sso login.", False),
        ("InvalidClientTokenId", "AWS does not know these credentials: sign in again", True),
        ("Throttling", "run the command again", False),
    ],
)
def test_whatever_sts_refuses_is_told_with_its_remedy(aws: Services, code: str, remedy: str, *, enabled: bool) -> None:
    """A region that an account has not enabled knows none of its credentials."""
    aws.refuses("sts", "get_caller_identity", code)
    finding, identified = identity.held(account(aws), DEMAND)
    assert (finding.verdict, identified) == (Verdict.UNKNOWN, "")
    assert remedy in finding.remedy
    assert ("has not enabled the region" in finding.remedy) is enabled
