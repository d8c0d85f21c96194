# SPDX-License-Identifier: MIT-0
"""Whether the CDK's bootstrap of another account lets the build's account deploy into it.

Its stack says so in a parameter. Source: CDK Developer Guide, "Customize AWS CDK bootstrapping" (--trust,
--cloudformation-execution-policies).

Looks into each other account and region, with whatever credentials lead there, as the runner does into the first.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final, TypeAlias

from botocore.exceptions import ClientError

from operations.account import aws_errors, deployment_account
from operations.account.deployment_account import Account
from operations.functions.errors import AccountError
from operations.preflight import account_checks, quota_and_budget
from operations.preflight.preflight_check import (
    CheckContext,
    PreflightCheck,
    PreflightFinding,
    PreflightVerdict,
    run_check,
)
from operations.preflight.preflight_requirements import DeploymentRequirements, RemoteRequirements

TRUST_PERMISSIONS: Final = ("cloudformation:DescribeStacks",)
_TRUST_REMEDY: Final = "make bootstrap, with the profile of that account: it prints the command"


def check_trust(look: CheckContext) -> Iterator[PreflightFinding]:
    """Yield whether the account of `look` trusts that of the build; nothing where it is the same."""
    build = look.demand.account
    if look.identity == build:
        return
    parameters = _bootstrap_parameters(look)
    if parameters is None:
        missing = f"no stack {look.demand.bootstrap.stack} in {look.account.region}"
        sentence = f"account {look.identity} has {missing} that would say whom it trusts"
        remedy = f"{_TRUST_REMEDY}; was it bootstrapped under another name, look whether that trusts {build}"
        yield PreflightFinding(PreflightVerdict.UNKNOWN, sentence, remedy)
    elif build not in parameters.get("TrustedAccounts", "").split(","):
        sentence = f"the CDK's bootstrap of account {look.identity} in {look.account.region} does not trust {build}"
        yield PreflightFinding(
            PreflightVerdict.FAILED, f"{sentence}, so that nothing can be deployed there", _TRUST_REMEDY
        )
    elif not parameters.get("CloudFormationExecutionPolicies"):
        sentence = f"the CDK's bootstrap of account {look.identity} trusts {build}, and gives CloudFormation no policy"
        yield PreflightFinding(PreflightVerdict.FAILED, sentence, _TRUST_REMEDY)
    else:
        yield PreflightFinding(PreflightVerdict.OK, f"the bootstrap of account {look.identity} trusts {build}")


def _bootstrap_parameters(look: CheckContext) -> dict[str, str] | None:
    try:
        found = look.account.client("cloudformation").describe_stacks(StackName=look.demand.bootstrap.stack)["Stacks"][
            0
        ]
    except ClientError as error:
        if aws_errors.is_not_found(error):
            return None
        raise
    return {each["ParameterKey"]: each.get("ParameterValue", "") for each in found.get("Parameters", [])}


FindingsByCheck: TypeAlias = dict[str, list[PreflightFinding]]

_BOOTSTRAP_CHECK: Final = PreflightCheck(
    "bootstrap", account_checks.BOOTSTRAP_PERMISSIONS, account_checks.check_bootstrap
)
_TRUST_CHECK: Final = PreflightCheck("trust", TRUST_PERMISSIONS, check_trust)
_QUOTA_CHECK: Final = PreflightCheck("quota", quota_and_budget.QUOTA_PERMISSIONS, quota_and_budget.check_quotas)
_BUCKETS_CHECK: Final = PreflightCheck(
    "bucket names", account_checks.BUCKET_PERMISSIONS, account_checks.check_bucket_names
)


def check_remote_place(
    account: Account, demand: DeploymentRequirements, where: RemoteRequirements
) -> tuple[FindingsByCheck, Sequence[str]]:
    """Return what the checks find there, by name, and the names of those that nobody could begin."""
    label = " and ".join(where.stages) or f"deliveries to {where.region}"
    checks = list(_remote_checks(demand, where))
    found: FindingsByCheck = {}
    if where.stages:
        found[f"algorithm ({label})"] = [account_checks.check_algorithm_region(where.region, demand)]
        found[f"resource types ({label})"] = list(
            account_checks.check_resource_types(where.region, where.types, demand)
        )
    try:
        there = _reach_account(account, where)
    except (AccountError, *aws_errors.AWS_ERRORS) as error:
        told = str(error) if isinstance(error, AccountError) else _explain_refusal(error, where)
        sentence = f"no credentials lead to account {where.account}, {where.region}"
        found[f"credentials ({label})"] = [PreflightFinding(PreflightVerdict.UNKNOWN, sentence, told)]
        return found, [f"{check.name} ({label})" for check in checks]
    look = CheckContext(
        there, replace(demand, buckets=where.buckets, instances=where.instances, builds=None), where.account
    )
    found[f"credentials ({label})"] = [
        PreflightFinding(PreflightVerdict.OK, f"account {where.account}, {where.region}")
    ]
    return found | {f"{check.name} ({label})": list(run_check(check, look)) for check in checks}, []


def _remote_checks(demand: DeploymentRequirements, where: RemoteRequirements) -> Iterator[PreflightCheck]:
    yield _BOOTSTRAP_CHECK
    if where.account != demand.account:
        yield _TRUST_CHECK
    if where.instances:
        yield _QUOTA_CHECK
    yield _BUCKETS_CHECK


def _explain_refusal(error: aws_errors.AwsError, where: RemoteRequirements) -> str:
    named = f" {where.stages[0].upper()}_PROFILE=NAME names a profile that leads there." if where.stages else ""
    return f"{aws_errors.explain_aws_error(error)}{named}"


def _reach_account(account: Account, where: RemoteRequirements) -> Account:
    """Return that account and region.

    Raises:
        AccountError: None of the credentials at hand is of that account.
    """
    if where.stages:
        return deployment_account.find_stage_account(account, where.stages[0], where.account, where.region)
    there = replace(account, client=account.connect("", where.region))
    if deployment_account.caller_account_id(there) != where.account:
        raise AccountError(f"Sign in to {where.account}, the account of build (AWS_PROFILE chooses the profile).")
    return there
