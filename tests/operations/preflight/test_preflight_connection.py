# SPDX-License-Identifier: MIT-0
"""The connection that the settings use is available; one that the deployment makes may wait, and pushes with it."""

import pytest

from operations.preflight import account_checks
from operations.preflight.preflight_check import PreflightVerdict
from operations.preflight.preflight_requirements import ConnectionRequirement
from tests.operations.preflight.sample import ACCOUNT, CONNECTION, look, only
from tests.operations.service import Services
from tests.operations.shell import has_stack, lacks_stack
from tests.operations.state import OUTPUTS

GIVEN = {"connection": ConnectionRequirement(used=True, arn=CONNECTION)}
MADE = {"connection": ConnectionRequirement(used=True, arn="")}
MADE_ARN = OUTPUTS["retraining"]["Connection"]


def found(aws: Services, status: str, arn: str = CONNECTION, service: str = "codeconnections") -> None:
    described = {"ConnectionName": "app", "ConnectionArn": arn, "ProviderType": "GitHub", "OwnerAccountId": ACCOUNT}
    answer = {"Connection": described | {"ConnectionStatus": status}}
    aws.answers(service, "get_connection", answer, ConnectionArn=arn)


def test_where_the_settings_use_none_nothing_is_asked(aws: Services) -> None:
    finding = only(account_checks.check_connection(look(aws)))
    assert (finding.verdict, finding.sentence) == (PreflightVerdict.OK, "the settings use no connection")


def test_one_that_is_available_is_well(aws: Services) -> None:
    found(aws, "AVAILABLE")
    assert only(account_checks.check_connection(look(aws, **GIVEN))).verdict is PreflightVerdict.OK


@pytest.mark.parametrize("status", ["PENDING", "ERROR"])
def test_one_that_the_settings_name_and_that_is_not_available_fails(aws: Services, status: str) -> None:
    found(aws, status)
    finding = only(account_checks.check_connection(look(aws, **GIVEN)))
    assert finding.verdict is PreflightVerdict.FAILED
    assert f"{CONNECTION} is {status}: no push arrives" in finding.sentence
    assert "https://us-east-1.console.aws.amazon.com/codesuite/settings/connections" in finding.remedy


def test_one_that_is_not_there_fails_and_the_settings_are_to_name_another_or_none(aws: Services) -> None:
    aws.refuses("codeconnections", "get_connection", "ResourceNotFoundException")
    finding = only(account_checks.check_connection(look(aws, **GIVEN)))
    assert finding.verdict is PreflightVerdict.FAILED
    assert finding.sentence == f"connection {CONNECTION} does not exist"
    assert "source.connection_arn" in finding.remedy


def test_an_older_one_is_asked_for_by_the_service_s_older_name(aws: Services) -> None:
    arn = CONNECTION.replace("codeconnections", "codestar-connections")
    found(aws, "AVAILABLE", arn, "codestar-connections")
    assert (
        only(account_checks.check_connection(look(aws, connection=ConnectionRequirement(used=True, arn=arn)))).verdict
        is PreflightVerdict.OK
    )


def test_before_the_first_deployment_there_is_none_to_look_at(aws: Services) -> None:
    lacks_stack(aws, "retraining")
    finding = only(account_checks.check_connection(look(aws, **MADE)))
    assert finding.verdict is PreflightVerdict.OK
    assert finding.sentence.startswith("make deploy creates one")


def test_one_that_the_deployment_made_and_nobody_completed_only_warns(aws: Services) -> None:
    """A deployment goes on without it."""
    has_stack(aws, "retraining")
    found(aws, "PENDING", MADE_ARN)
    finding = only(account_checks.check_connection(look(aws, **MADE)))
    assert finding.verdict is PreflightVerdict.WARNING
    assert "Update pending connection" in finding.remedy
