# SPDX-License-Identifier: MIT-0
"""Whether the CDK's bootstrap of another account lets the build's account deploy into it.

Its stack says so in a parameter. Source: CDK Developer Guide, "Customize AWS CDK bootstrapping" (--trust,
--cloudformation-execution-policies).
"""

from collections.abc import Iterator
from typing import Final

from botocore.exceptions import ClientError

from operations.command import refusal
from operations.command.preflight.finding import Finding, Look, Verdict

PERMISSIONS: Final = ("cloudformation:DescribeStacks",)
_REMEDY: Final = "make bootstrap, with the profile of that account: it prints the command"


def state(look: Look) -> Iterator[Finding]:
    """Yield whether the account of `look` trusts that of the build; nothing where it is the same."""
    build = look.demand.account
    if look.identity == build:
        return
    parameters = _parameters(look)
    if parameters is None:
        missing = f"no stack {look.demand.bootstrap.stack} in {look.account.region}"
        sentence = f"account {look.identity} has {missing} that would say whom it trusts"
        remedy = f"{_REMEDY}; was it bootstrapped under another name, look whether that trusts {build}"
        yield Finding(Verdict.UNKNOWN, sentence, remedy)
    elif build not in parameters.get("TrustedAccounts", "").split(","):
        sentence = f"the CDK's bootstrap of account {look.identity} in {look.account.region} does not trust {build}"
        yield Finding(Verdict.FAILED, f"{sentence}, so that nothing can be deployed there", _REMEDY)
    elif not parameters.get("CloudFormationExecutionPolicies"):
        sentence = f"the CDK's bootstrap of account {look.identity} trusts {build}, and gives CloudFormation no policy"
        yield Finding(Verdict.FAILED, sentence, _REMEDY)
    else:
        yield Finding(Verdict.OK, f"the bootstrap of account {look.identity} trusts {build}")


def _parameters(look: Look) -> dict[str, str] | None:
    try:
        found = look.account.client("cloudformation").describe_stacks(StackName=look.demand.bootstrap.stack)["Stacks"][
            0
        ]
    except ClientError as error:
        if refusal.is_missing(error):
            return None
        raise
    return {each["ParameterKey"]: each.get("ParameterValue", "") for each in found.get("Parameters", [])}
