# SPDX-License-Identifier: MIT-0
"""Whatever AWS or the SDK answers, a command ends with one sentence, a remedy and the right exit code."""

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
    ReadTimeoutError,
    UnauthorizedSSOTokenError,
    WaiterError,
)
from botocore.parsers import ResponseParserError
from click.testing import CliRunner

from operations.__main__ import main
from operations.account.aws_errors import explain_aws_error
from operations.account.deployment_account import account_of_environment
from operations.functions.errors import AccountError
from tests.operations.service import Services
from tests.operations.shell import account, has_stack, lacks_stack, run


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "Because."}}, "DescribeStacks")


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (NoCredentialsError(), 2, "Unable to locate credentials. Sign in"),
        (ProfileNotFound(profile="x"), 2, "(x) could not be found. AWS_PROFILE chooses the profile"),
        (NoRegionError(), 2, "Set AWS_REGION"),
        (UnauthorizedSSOTokenError(), 2, "run aws sso login again"),
        (refused("ExpiredToken"), 2, "DescribeStacks: ExpiredToken: the credentials have expired. Sign in again"),
        (refused("InvalidClientTokenId"), 2, "AWS does not know these credentials"),
        (refused("AccessDenied"), 2, "Because. Use credentials with this permission"),
        (refused("AccessDeniedException"), 2, "Use credentials with this permission"),
        (refused("403"), 2, "Use credentials with this permission"),
        (refused("ThrottlingException"), 1, "DescribeStacks: ThrottlingException: Because."),
        (EndpointConnectionError(endpoint_url="https://x"), 1, "Check the network and the region"),
        (ReadTimeoutError(endpoint_url="https://x"), 1, "Check the network and the region"),
        (ResponseParserError("Unable to parse response"), 1, "Is there a proxy or a login page in between?"),
        (WaiterError("Deleted", "Max attempts exceeded", {}), 1, "Run the command again"),
    ],
)
def test_each_has_its_exit_code_and_its_remedy(
    error: BotoCoreError | ClientError | ResponseParserError, code: int, said: str
) -> None:
    told = explain_aws_error(error)
    assert (told.exit_code, said in str(told)) == (code, True), str(told)


def test_without_a_deployment_a_command_says_how_to_deploy(aws: Services) -> None:
    lacks_stack(aws, "retraining")
    result = run(aws, "retrain")
    assert result.exit_code == 2
    assert "stack 'skin-lesion-retraining' in us-east-1: not found. Deploy first: make deploy." in result.stderr


def test_a_stack_without_the_output_is_named_with_those_that_it_has(aws: Services) -> None:
    has_stack(aws, "storage", "CREATE_IN_PROGRESS")
    with pytest.raises(AccountError, match=r"no output 'Nothing' \(found: Champion, .*status CREATE_IN_PROGRESS\)"):
        account(aws).output("storage", "Nothing")


def test_a_refusal_ends_a_command_without_a_traceback(aws: Services) -> None:
    aws.refuses("cloudformation", "describe_stacks", "AccessDenied", "User is not authorized")
    result = run(aws, "retrain")
    assert result.exit_code == 2
    assert result.stderr == (
        "error: DescribeStacks: AccessDenied: User is not authorized. Use credentials with this permission "
        "(AWS_PROFILE chooses the profile), or have it allowed.\n"
    )


def test_without_any_region_the_command_says_which_variable_to_set() -> None:
    result = CliRunner().invoke(main, ["next"])
    assert (result.exit_code, "Set AWS_REGION" in result.stderr) == (2, True)


def test_aws_region_chooses_the_region(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK alone would not read it, and the CDK does."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    chosen = main.make_context("operations", ["next"]).params["region"]
    assert account_of_environment("skin-lesion", chosen).region == "eu-central-1"
