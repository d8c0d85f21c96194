# SPDX-License-Identifier: MIT-0
"""Prepares accounts and regions for the CDK: ours as ever, others only with a profile that the user names for them.

Another account is bootstrapped by its own administrator, and so that it lets the build's account deploy into it.
Source: CDK Developer Guide, "Customize AWS CDK bootstrapping" (--trust, --cloudformation-execution-policies).
"""

import shlex
from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Console

from operations.account import deployment_account
from operations.account.cdk_cli import CdkCommand
from operations.account.deployment_account import Account
from operations.account.terminal_output import print_line
from operations.functions.errors import OperationError
from operations.preflight.preflight_requirements import BootstrapRequirement, DeploymentRequirements, RemoteRequirements

_POLICIES_OPTION: Final = "--cloudformation-execution-policies"
_PARTITION_PREFIXES: Final = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}


def bootstrap_accounts(  # noqa: PLR0913  one parameter for each thing that the command line decides
    account: Account,
    demand: DeploymentRequirements,
    console: Console,
    *,
    cdk: CdkCommand,
    context: Sequence[str],
    options: Sequence[str],
) -> None:
    """Bootstrap what our credentials and the given profiles lead to, and print the commands for the rest.

    Args:
        account: That of the build, with the profiles that lead elsewhere.
        demand: What the deployment needs, which says where that is.
        console: What is said on.
        cdk: Runs the CDK's command line.
        context: ``KEY=VALUE`` each, as for ``cdk deploy``.
        options: More options for it.

    Raises:
        OperationError: The command line failed; it has said why.
        AccountError: A profile is not of the account that it was named for: nothing was prepared.
    """
    settings = [word for pair in context for word in ("--context", pair)]
    if not demand.elsewhere:
        # Without an account in the settings it is that of the credentials, which the command line finds by itself.
        _run_cdk_bootstrap(cdk, ["bootstrap", *settings, *options])
        return
    ours = [where for where in demand.elsewhere if where.account == demand.account]
    others = [(where, _verified_profile(account, where)) for where in demand.elsewhere if where not in ours]
    for environment in (
        _environment_url(demand.account, demand.region),
        *(_environment_url(*_account_and_region(each)) for each in ours),
    ):
        _run_cdk_bootstrap(cdk, ["bootstrap", environment, *settings, *options])
    for where, profile in others:
        words = [
            "bootstrap",
            _environment_url(*_account_and_region(where)),
            *_trust_options(demand, where, options),
            *options,
        ]
        if profile:
            print_line(console, f"Account {where.account}, {where.region}, with profile {profile}:")
            _run_cdk_bootstrap(cdk, [*words, *settings, "--profile", profile])
        else:
            _print_command(where, words, console)


def _trust_options(demand: DeploymentRequirements, where: RemoteRequirements, options: Sequence[str]) -> Iterator[str]:
    yield from ("--trust", demand.account)
    # Their administrator's copy of cdk.json may know nothing of either.
    if demand.bootstrap.qualifier != BootstrapRequirement.qualifier:
        yield from ("--qualifier", demand.bootstrap.qualifier)
    if demand.bootstrap.stack != BootstrapRequirement.stack:
        yield from ("--toolkit-stack-name", demand.bootstrap.stack)
    if not any(word.startswith(_POLICIES_OPTION) for word in options):
        starts = (partition for start, partition in _PARTITION_PREFIXES.items() if where.region.startswith(start))
        yield from (_POLICIES_OPTION, f"arn:{next(starts, 'aws')}:iam::aws:policy/AdministratorAccess")


def _account_and_region(where: RemoteRequirements) -> tuple[str, str]:
    return where.account, where.region


def _environment_url(account: str, region: str) -> str:
    return f"aws://{account}/{region}"


def _verified_profile(account: Account, where: RemoteRequirements) -> str:
    """Return the profile that the user named for a stage that is there, once it is seen to lead there; else empty."""
    for stage in where.stages:
        if stage in account.profiles:
            deployment_account.find_stage_account(account, stage, where.account, where.region)
            return account.profiles[stage]
    return ""


def _print_command(where: RemoteRequirements, words: Sequence[str], console: Console) -> None:
    stage = where.stages[0]
    print_line(
        console,
        f"Account {where.account}, {where.region} ({' and '.join(where.stages)}) was left alone. To prepare it,",
    )
    print_line(console, f"  have its administrator run, in this folder: npx {shlex.join(['cdk', *words])}")
    print_line(console, f"  or name a profile of it: make bootstrap {stage.upper()}_PROFILE=NAME")
    print_line(
        console, "From then on, whoever may deploy from the build's account may do there what those policies allow."
    )


def _run_cdk_bootstrap(cdk: CdkCommand, words: Sequence[str]) -> None:
    status = cdk(words)
    if status:
        raise OperationError(
            f"cdk {shlex.join(words)}: exit code {status}; the reason stands above. Mend it, run it again."
        )
