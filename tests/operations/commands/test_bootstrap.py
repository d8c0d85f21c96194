# SPDX-License-Identifier: MIT-0
"""`bootstrap` prepares what is ours, and another account only with a profile that was named for it."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from rich.console import Console

from operations.account.deployment_account import Account
from operations.commands import cdk_bootstrap
from operations.functions.errors import AccountError, OperationError
from operations.preflight.preflight_requirements import DeploymentRequirements, RemoteRequirements
from tests.operations import elsewhere
from tests.operations.abroad import PROFILE, REGION, THERE
from tests.operations.elsewhere import There
from tests.operations.preflight.sample import ACCOUNT, DEMAND
from tests.operations.service import Services

APART = replace(
    DEMAND,
    account=ACCOUNT,
    region="us-east-1",
    elsewhere=(
        RemoteRequirements(THERE, REGION, ("production",), (), ()),
        RemoteRequirements(ACCOUNT, REGION, (), (), ()),
    ),
)
TRUST = ["--trust", ACCOUNT, "--cloudformation-execution-policies", "arn:aws:iam::aws:policy/AdministratorAccess"]
SETTINGS = ["--context", "name=skin-lesion"]
OURS = [
    ["bootstrap", f"aws://{ACCOUNT}/us-east-1", *SETTINGS],
    ["bootstrap", f"aws://{ACCOUNT}/{REGION}", *SETTINGS],
]


@pytest.fixture
def there() -> Iterator[There]:
    yield from elsewhere.there()


def prepared(
    aws: Services, there: There, demand: DeploymentRequirements = APART, *options: str, status: int = 0, **profiles: str
) -> tuple[list[list[str]], str]:
    """Run it; return how the CDK's command line was called, and what was said."""
    called: list[list[str]] = []

    def cdk(words: Sequence[str]) -> int:
        called.append(list(words))
        return status

    console = Console(record=True, width=400, file=io.StringIO())
    account = Account(
        "skin-lesion", aws, profiles=profiles, connect=lambda profile, region: there.connect({"is": profile}, region)
    )
    cdk_bootstrap.bootstrap_accounts(account, demand, console, cdk=cdk, context=["name=skin-lesion"], options=options)
    return called, console.export_text()


def test_with_all_stages_at_home_the_command_line_finds_the_account_itself(aws: Services, there: There) -> None:
    called, said = prepared(aws, there, DEMAND, "--toolkit-stack-name", "X")
    assert called == [["bootstrap", *SETTINGS, "--toolkit-stack-name", "X"]]
    assert said == ""


def test_another_bootstrap_is_named_to_the_other_account_s_administrator(aws: Services, there: There) -> None:
    custom = replace(APART.bootstrap, qualifier="custom1", stack="Ours")
    _, said = prepared(aws, there, replace(APART, bootstrap=custom))
    assert f"--trust {ACCOUNT} --qualifier custom1 --toolkit-stack-name Ours " in said


def test_another_account_is_left_alone_and_its_command_is_printed(aws: Services, there: There) -> None:
    called, said = prepared(aws, there)
    assert called == OURS
    assert f"npx cdk bootstrap aws://{THERE}/{REGION} {' '.join(TRUST)}\n" in said
    assert "make bootstrap PRODUCTION_PROFILE=NAME" in said


def test_with_a_profile_another_account_is_prepared_so_that_it_trusts_the_build(aws: Services, there: There) -> None:
    there.services.answers("sts", "get_caller_identity", {"Account": THERE})
    called, _ = prepared(aws, there, production=PROFILE)
    profiled = ["bootstrap", f"aws://{THERE}/{REGION}", *TRUST, *SETTINGS, "--profile", PROFILE]
    assert called == [*OURS, profiled]


def test_a_profile_of_another_account_is_refused_before_anything_is_prepared(aws: Services, there: There) -> None:
    there.services.answers("sts", "get_caller_identity", {"Account": "333333333333"})
    with pytest.raises(AccountError, match="profile 'the-hospital' is of another account"):
        prepared(aws, there, production=PROFILE)


def test_narrower_policies_that_the_user_names_stand_alone(aws: Services, there: There) -> None:
    _, said = prepared(aws, there, APART, "--cloudformation-execution-policies", "arn:aws:iam::aws:policy/Mine")
    assert "policy/Mine" in said
    assert "AdministratorAccess" not in said


def test_policies_are_those_of_the_region_s_partition(aws: Services, there: There) -> None:
    china = replace(APART, elsewhere=(RemoteRequirements(THERE, "cn-north-1", ("staging",), (), ()),))
    assert "arn:aws-cn:iam::aws:policy/AdministratorAccess" in prepared(aws, there, china)[1]


def test_a_failure_of_the_command_line_ends_it(aws: Services, there: There) -> None:
    with pytest.raises(OperationError, match=rf"cdk bootstrap aws://{ACCOUNT}/us-east-1 .*: exit code 1"):
        prepared(aws, there, status=1)
