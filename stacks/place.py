# SPDX-License-Identifier: MIT-0
"""Where a stage is, and what things are called once one is elsewhere: in another account, another region or both.

Two accounts that let each other in have to name each other, and neither may wait for what the other makes. So whatever
is used across has a name that follows from the settings alone. Pure functions over Settings; with both stages at home
no name given here is used, and CloudFormation makes up all of them.
"""

from typing import Final

from stacks.settings import Environment, Settings

STAGES: Final = ("staging", "production")
# The only stage whose stack the delivery may delete, when it has failed for good, and make anew: what serves people is
# never deleted by a machine; a person looks at it.
REPLACED: Final = "staging"


def remote(settings: Settings, stage: str) -> Environment | None:
    """Return where `stage` is if it is elsewhere; None if it is at home, in the account and region of build."""
    given: Environment = getattr(settings, f"{stage}_environment")
    return given if given.account and given != settings.build else None


def apart(settings: Settings) -> dict[str, Environment]:
    """Return the stages that are elsewhere, each with where it is."""
    found = {stage: remote(settings, stage) for stage in STAGES}
    return {stage: where for stage, where in found.items() if where}


def at_home(settings: Settings) -> tuple[str, ...]:
    """Return the stages that are not elsewhere."""
    return tuple(stage for stage in STAGES if not remote(settings, stage))


def relays(settings: Settings) -> tuple[str, ...]:
    """Return the regions besides build's in which a stage is: each needs artifacts of the delivery in it."""
    return tuple(sorted({where.region for where in apart(settings).values()} - {settings.build.region}))


def places(settings: Settings) -> list[Environment]:
    """Return the accounts and regions besides build's in which there are stacks."""
    regions = [Environment(account=settings.build.account, region=region) for region in relays(settings)]
    return list(dict.fromkeys([*apart(settings).values(), *regions]))


def bills(settings: Settings, stage: str) -> bool:
    """Return whether the stack of a stage that is elsewhere looks after the bill: one for each account but build's."""
    found = apart(settings)
    account = found[stage].account
    first = next(each for each, where in found.items() if where.account == account)
    return stage == first and account != settings.build.account


def site_bucket(settings: Settings, stage: str) -> str:
    """Return the name of the bucket of models and captured requests of a stage that is elsewhere."""
    return _bucket(settings, stage, getattr(settings, f"{stage}_environment"))


def artifacts_bucket(settings: Settings, region: str) -> str:
    """Return the name of the bucket in build's account that CodePipeline uses for actions in `region`."""
    return _bucket(settings, "artifacts", Environment(account=settings.build.account, region=region))


def captures_bucket(settings: Settings) -> str:
    """Return the name of the bucket in which the captured requests of all stages come together."""
    return _bucket(settings, "captures", settings.build)


def alias(settings: Settings, stage: str = "") -> str:
    """Return the alias of the key in a region of build's account or, with a stage, of that stage's key."""
    return f"alias/{_named(settings, stage)}"


def topic(settings: Settings, stage: str) -> str:
    """Return the name of the topic of a stage that is elsewhere."""
    return _named(settings, stage)


def role(settings: Settings, purpose: str, stage: str = "") -> str:
    """Return the name of a role of build's account (delivery, publish, smoke, promote) or of a stage's.

    Those of a stage: deliver, deployer, model, access, replicate.
    """
    return _named(settings, stage, purpose)


def _named(settings: Settings, *parts: str) -> str:
    return "-".join(part for part in (settings.name, *parts) if part)


def _bucket(settings: Settings, purpose: str, where: Environment) -> str:
    return _named(settings, purpose, where.account, where.region)
