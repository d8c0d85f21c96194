# SPDX-License-Identifier: MIT-0
"""Region and credentials are there, those of the settings, and the region has the algorithm."""

import os
from dataclasses import replace
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import InvalidRegionError, NoRegionError

from operations.account.deployment_account import account_of_environment
from operations.preflight import account_checks, preflight_run
from operations.preflight.preflight_check import PreflightVerdict
from operations.preflight.preflight_requirements import RemoteRequirements, ResourceTypeRequirement
from tests.operations.preflight.sample import ACCOUNT, CALLER, DEMAND, demanding, only
from tests.operations.service import Services
from tests.operations.shell import account

ROLE = f"arn:aws:iam::{ACCOUNT}:role/x"


def test_a_region_that_is_chosen_is_well_where_the_settings_name_none_or_the_same(aws: Services) -> None:
    for named in ("", "us-east-1"):
        finding = only([account_checks.check_region(account(aws), demanding(region=named))])
        assert (finding.verdict, finding.sentence) == (PreflightVerdict.OK, "us-east-1")


def test_another_region_than_that_of_the_settings_fails_because_the_other_commands_look_there(aws: Services) -> None:
    finding = only([account_checks.check_region(account(aws), demanding(region="eu-west-1"))])
    assert (finding.verdict, finding.remedy) == (PreflightVerdict.FAILED, "export AWS_REGION=eu-west-1")
    assert "us-east-1 is chosen, but build.region is eu-west-1" in finding.sentence


@pytest.mark.parametrize(("named", "remedy"), [("", "us-east-1"), ("eu-west-1", "eu-west-1")])
@pytest.mark.parametrize("error", [NoRegionError(), InvalidRegionError(region_name="not a region")])
def test_without_a_region_the_remedy_chooses_one(error: Exception, named: str, remedy: str) -> None:
    def client(_name: str) -> object:
        raise error

    finding = only([account_checks.check_region(account(client), demanding(region=named))])
    assert (finding.verdict, finding.remedy) == (PreflightVerdict.UNKNOWN, f"export AWS_REGION={remedy}")


def test_what_boto3_raises_without_a_region_is_one_of_these() -> None:
    assert account_checks.check_region(account(boto3.Session().client), DEMAND).sentence == "no region is chosen"
    invalid = boto3.Session(region_name="us east").client
    assert account_checks.check_region(account(invalid), DEMAND).verdict is PreflightVerdict.UNKNOWN


# Ways in which credentials are found and cannot be fetched: the config file, and variables.
WAYS = {
    "process fails": ("credential_process = /bin/false", {}),
    "process is not there": ("credential_process = /nonexistent/program", {}),
    "process says no JSON": ("credential_process = /bin/echo hello", {}),
    "process says a list": ("credential_process = /bin/echo []", {}),
    "container's endpoint is closed": ("", {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9/x"}),
    "container's host is not allowed": ("", {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://192.0.2.1/x"}),
    "container's token file is missing": (
        "",
        {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9/x",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/nonexistent",
        },
    ),
    "web identity's file is missing": ("", {"AWS_WEB_IDENTITY_TOKEN_FILE": "/nonexistent", "AWS_ROLE_ARN": ROLE}),
    "sign-in is not there": (
        "sso_start_url = https://x.awsapps.com/start\nsso_region = us-east-1\nsso_account_id = 1\nsso_role_name = x",
        {},
    ),
    "role cannot be assumed": (
        f"role_arn = {ROLE}\nsource_profile = other\n[profile other]\naws_access_key_id = a\naws_secret_access_key = b",
        {"AWS_ENDPOINT_URL_STS": "http://127.0.0.1:9"},
    ),
    "role has no source": (f"role_arn = {ROLE}", {}),
    "file is broken": ("[", {}),
}


@pytest.mark.parametrize(("config", "variables"), WAYS.values(), ids=WAYS)
def test_credentials_that_cannot_be_fetched_are_told_and_the_rest_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: str, variables: dict[str, str]
) -> None:
    """With the SDK's own providers, both at home and where a stage is elsewhere."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    (tmp_path / "config").write_text(f"[default]\n{config}\n")
    files = {"AWS_CONFIG_FILE": str(tmp_path / "config"), "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent"}
    more = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_MAX_ATTEMPTS": "1", "HOME": str(tmp_path)}
    for name, value in (files | more | variables).items():
        monkeypatch.setenv(name, value)
    there = RemoteRequirements("2" * 12, "eu-west-1", ("production",), (), ())
    outcome = preflight_run.run_preflight(
        account_of_environment("skin-lesion", "us-east-1"), demanding(elsewhere=(there,)), {"PATH": str(tmp_path)}
    )
    told = [finding for finding in outcome.findings if finding.verdict is PreflightVerdict.UNKNOWN]
    assert len(told) == 2
    assert all(finding.remedy for finding in told)
    assert set(outcome.found) >= {"builder", "budget", "region", "algorithm (production)", "credentials (production)"}
    assert {"bootstrap", "quota", "bootstrap (production)"} <= set(outcome.unchecked)


TYPE = ResourceTypeRequirement("AWS::A::B", "the thing", optional=False, without=("eu-west-1",), remedy="Go.")


def test_a_resource_type_that_the_region_lacks_fails_or_is_left_out() -> None:
    assert only(account_checks.check_resource_types("us-east-1", [TYPE], DEMAND)).verdict is PreflightVerdict.OK
    finding = only(account_checks.check_resource_types("eu-west-1", [TYPE], DEMAND))
    assert (finding.verdict, finding.remedy) == (PreflightVerdict.FAILED, "Go.")
    assert finding.sentence == "CloudFormation has no AWS::A::B in eu-west-1: the thing cannot be created"
    finding = only(account_checks.check_resource_types("eu-west-1", [replace(TYPE, optional=True)], DEMAND))
    assert finding.verdict is PreflightVerdict.WARNING
    assert finding.sentence.endswith("the thing is left out")


def test_of_a_region_without_a_published_list_nobody_can_tell() -> None:
    finding = only(account_checks.check_resource_types("me-south-1", [TYPE], demanding(unpublished=("me-south-1",))))
    assert finding.verdict is PreflightVerdict.UNKNOWN


def test_the_region_of_the_credentials_counts_where_the_settings_name_none(aws: Services) -> None:
    aws.answers("sts", "get_caller_identity", CALLER | {"Account": "9" * 12})
    given = demanding(account=ACCOUNT, types=(replace(TYPE, without=("us-east-1",)),))
    assert (
        preflight_run.run_preflight(account(aws), given, {"PATH": ""}).found["resource types"][0].verdict
        is PreflightVerdict.FAILED
    )


def test_the_algorithm_is_in_some_regions_and_not_in_others() -> None:
    assert only([account_checks.check_algorithm_region("eu-west-1", DEMAND)]).verdict is PreflightVerdict.OK
    finding = only([account_checks.check_algorithm_region("mx-central-1", DEMAND)])
    assert finding.verdict is PreflightVerdict.FAILED
    assert "bought: AWS has no image of it in mx-central-1" in finding.sentence
    assert finding.remedy.startswith("Choose another region with AWS_REGION: eu-west-1, us-east-1; or an algorithm ")


def test_an_algorithm_whose_images_are_built_is_in_every_region() -> None:
    built = demanding(algorithm="built", algorithm_regions=())
    finding = only([account_checks.check_algorithm_region("mx-central-1", built)])
    assert (finding.verdict, finding.sentence) == (
        PreflightVerdict.OK,
        "built: cdk deploy builds its images, for any region",
    )


@pytest.mark.parametrize("named", ["", ACCOUNT])
def test_credentials_are_well_where_the_settings_name_no_account_or_the_same(aws: Services, named: str) -> None:
    aws.answers("sts", "get_caller_identity", CALLER)
    finding, identified = account_checks.check_credentials(account(aws), demanding(account=named))
    assert (only([finding]).verdict, identified) == (PreflightVerdict.OK, ACCOUNT)
    assert finding.sentence == f"account {ACCOUNT}, as arn:aws:sts::{ACCOUNT}:assumed-role/Admin/me"


def test_credentials_of_another_account_than_that_of_the_settings_fail(aws: Services) -> None:
    aws.answers("sts", "get_caller_identity", CALLER)
    finding, identified = account_checks.check_credentials(account(aws), demanding(account="222222222222"))
    assert (only([finding]).verdict, identified) == (PreflightVerdict.FAILED, "")
    assert "belong to account 111111111111" in finding.sentence
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
    finding, identified = account_checks.check_credentials(account(aws), DEMAND)
    assert (finding.verdict, identified) == (PreflightVerdict.UNKNOWN, "")
    assert remedy in finding.remedy
    assert ("has not enabled the region" in finding.remedy) is enabled
