# SPDX-License-Identifier: MIT-0
"""Bootstraps the accounts and regions of a deployment for the CDK.

An account other than that of the build is bootstrapped only with a profile that the user names for it, or by its own
administrator. Its bootstrap has to trust the account of the build.
Source: CDK Developer Guide, "Customize AWS CDK bootstrapping" (--trust, --cloudformation-execution-policies).
"""

import shlex
from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Console

from operations.account import deployment_account
from operations.account.cloudformation_stacks import CdkCommand
from operations.account.deployment_account import Account
from operations.account.terminal_output import print_line
from operations.functions.errors import OperationError
from operations.preflight.preflight_requirements import BootstrapRequirement, DeploymentRequirements, RemoteRequirements

_POLICIES_OPTION: Final = "--cloudformation-execution-policies"
_PARTITION_PREFIXES: Final = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}


def bootstrap_accounts(  # noqa: PLR0913  one parameter for each thing that the command line decides
    account: Account,
    requirements: DeploymentRequirements,
    console: Console,
    *,
    cdk: CdkCommand,
    context: Sequence[str],
    options: Sequence[str],
) -> None:
    """Bootstrap the account of the build and those with a profile, and print the commands for the others.

    Args:
        account: The account of the build, with the profiles of other accounts.
        requirements: Requirements of the deployment, which name the accounts and regions.
        console: Where to print.
        cdk: Runs the CDK's command line.
        context: ``KEY=VALUE`` each, as for ``cdk deploy``.
        options: More options for it.

    Raises:
        OperationError: The command line failed; it has printed the reason.
        AccountError: A profile belongs to another account: nothing was bootstrapped.
    """
    settings = [word for pair in context for word in ("--context", pair)]
    if not requirements.elsewhere:
        # Without an account in the settings the command line uses that of the credentials.
        _run_cdk_bootstrap(cdk, ["bootstrap", *settings, *options])
        return
    ours = [where for where in requirements.elsewhere if where.account == requirements.account]
    others = [(where, _verified_profile(account, where)) for where in requirements.elsewhere if where not in ours]
    for environment in (
        _environment_url(requirements),
        *map(_environment_url, ours),
    ):
        _run_cdk_bootstrap(cdk, ["bootstrap", environment, *settings, *options])
    for where, profile in others:
        words = [
            "bootstrap",
            _environment_url(where),
            *_trust_options(requirements, where, options),
            *options,
        ]
        if profile:
            print_line(console, f"Account {where.account}, {where.region}, with profile {profile}:")
            _run_cdk_bootstrap(cdk, [*words, *settings, "--profile", profile])
        else:
            _print_command(where, words, console)


def _trust_options(
    requirements: DeploymentRequirements, where: RemoteRequirements, options: Sequence[str]
) -> Iterator[str]:
    yield from ("--trust", requirements.account)
    # The cdk.json of the other administrator may not contain these.
    if requirements.bootstrap.qualifier != BootstrapRequirement.qualifier:
        yield from ("--qualifier", requirements.bootstrap.qualifier)
    if requirements.bootstrap.stack != BootstrapRequirement.stack:
        yield from ("--toolkit-stack-name", requirements.bootstrap.stack)
    if not any(word.startswith(_POLICIES_OPTION) for word in options):
        starts = (partition for start, partition in _PARTITION_PREFIXES.items() if where.region.startswith(start))
        yield from (_POLICIES_OPTION, f"arn:{next(starts, 'aws')}:iam::aws:policy/AdministratorAccess")


def _environment_url(where: DeploymentRequirements | RemoteRequirements) -> str:
    return f"aws://{where.account}/{where.region}"


def _verified_profile(account: Account, where: RemoteRequirements) -> str:
    """Return the profile that the user named for a stage there, after checking its account; else empty."""
    for stage in where.stages:
        if stage in account.profiles:
            deployment_account.find_stage_account(account, stage, where.account, where.region)
            return account.profiles[stage]
    return ""


def _print_command(where: RemoteRequirements, words: Sequence[str], console: Console) -> None:
    stage = where.stages[0]
    print_line(
        console,
        f"Account {where.account}, {where.region} ({' and '.join(where.stages)}) was not bootstrapped. To do that,",
    )
    print_line(console, f"  have its administrator run, in this folder: npx {shlex.join(['cdk', *words])}")
    print_line(console, f"  or name a profile of it: make bootstrap {stage.upper()}_PROFILE=NAME")
    print_line(console, "Whoever can deploy from the account of the build can then do there what these policies allow.")


def _run_cdk_bootstrap(cdk: CdkCommand, words: Sequence[str]) -> None:
    status = cdk(words)
    if status:
        raise OperationError(
            f"cdk {shlex.join(words)}: exit code {status}; the reason is printed above. Fix it and rerun."
        )
