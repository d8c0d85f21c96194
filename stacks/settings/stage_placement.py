# SPDX-License-Identifier: MIT-0
"""Where the stages are, and the names that are used across accounts and regions if a stage is remote.

A remote stage is in another account or region than build. Two accounts whose policies name each other cannot wait for
resources of the other, so everything that is used across has a name that follows from the settings. Pure functions of
Settings. With both stages at home none of these names is used, and CloudFormation generates all names.
"""

from typing import Final

from stacks.settings.deployment_settings import AwsEnvironment, Settings

STAGES: Final = ("staging", "production")
# The only stage whose stack the delivery may delete and create again after a final failure. The production endpoint is
# never deleted automatically.
REPLACEABLE_STAGE: Final = "staging"


def remote_environment(settings: Settings, stage: str) -> AwsEnvironment | None:
    """Return the account and region of `stage` if it is remote; None if they are those of build."""
    given: AwsEnvironment = getattr(settings, f"{stage}_environment")
    return given if given.account and given != settings.build else None


def remote_stages(settings: Settings) -> dict[str, AwsEnvironment]:
    """Return the remote stages, each with its account and region."""
    found = {stage: remote_environment(settings, stage) for stage in STAGES}
    return {stage: where for stage, where in found.items() if where}


def home_stages(settings: Settings) -> tuple[str, ...]:
    """Return the stages that are not remote."""
    return tuple(stage for stage in STAGES if not remote_environment(settings, stage))


def remote_regions(settings: Settings) -> tuple[str, ...]:
    """Return the regions of remote stages other than build's: each needs a bucket of delivery artifacts."""
    return tuple(sorted({where.region for where in remote_stages(settings).values()} - {settings.build.region}))


def remote_environments(settings: Settings) -> list[AwsEnvironment]:
    """Return the accounts and regions besides build's in which there are stacks."""
    regions = [AwsEnvironment(account=settings.build.account, region=region) for region in remote_regions(settings)]
    return list(dict.fromkeys([*remote_stages(settings).values(), *regions]))


def has_own_budget(settings: Settings, stage: str) -> bool:
    """Return whether the stack of a remote stage has a budget: one in each account other than build's."""
    found = remote_stages(settings)
    account = found[stage].account
    first = next(each for each, where in found.items() if where.account == account)
    return stage == first and account != settings.build.account


def stage_bucket_name(settings: Settings, stage: str) -> str:
    """Return the name of a remote stage's bucket of models and captured requests."""
    return _bucket_name(settings, stage, getattr(settings, f"{stage}_environment"))


def artifacts_bucket_name(settings: Settings, region: str) -> str:
    """Return the name of the bucket in build's account that CodePipeline uses for actions in `region`."""
    return _bucket_name(settings, "artifacts", AwsEnvironment(account=settings.build.account, region=region))


def captures_bucket_name(settings: Settings) -> str:
    """Return the name of the bucket that receives the captured requests of all stages."""
    return _bucket_name(settings, "captures", settings.build)


def key_alias(settings: Settings, stage: str = "") -> str:
    """Return the alias of the key in a region of build's account or, with a stage, of that stage's key."""
    return f"alias/{_join_name(settings, stage)}"


def topic_name(settings: Settings, stage: str) -> str:
    """Return the name of a remote stage's topic."""
    return _join_name(settings, stage)


def role_name(settings: Settings, purpose: str, stage: str = "") -> str:
    """Return the name of a role of build's account (delivery, publish, smoke, promote) or of a stage's.

    Those of a stage: deliver, deployer, model, access, images, replicate.
    """
    return _join_name(settings, stage, purpose)


def _join_name(settings: Settings, *parts: str) -> str:
    return "-".join(part for part in (settings.name, *parts) if part)


def _bucket_name(settings: Settings, purpose: str, where: AwsEnvironment) -> str:
    return _join_name(settings, purpose, where.account, where.region)
