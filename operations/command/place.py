# SPDX-License-Identifier: MIT-0
"""Which credentials lead to a stage: our own, or those of a profile that the user names for it.

A stage in another account is reached by a profile of that account; one in another region of our own account by our own
credentials. What a profile leads to is asked of STS, so that nothing is done to the wrong account.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from operations.command.account import Account
from operations.command.stage import Stage
from operations.error import AccountError


@dataclass(frozen=True)
class Located:
    """A stage, and the account and region where it is, as a command sees them."""

    stage: Stage
    account: Account

    def named(self, thing: str) -> str:
        """Return `thing`, with where it is if that is elsewhere."""
        return f"{thing} ({self.stage.place})" if self.stage.elsewhere else thing


def located(account: Account, stages: Iterable[Stage]) -> Iterator[Located]:
    """Yield each stage with where it is.

    Raises:
        AccountError: None of the credentials at hand is of the stage's account.
    """
    for one in stages:
        yield Located(one, of(account, one))


def of(account: Account, stage: Stage) -> Account:
    """Return the account and region of a stage.

    Raises:
        AccountError: None of the credentials at hand is of the stage's account.
    """
    return at(account, stage.title, stage.account, stage.region) if stage.elsewhere else account


def at(account: Account, title: str, number: str, region: str) -> Account:
    """Return account `number` in `region`, where the stage `title` is.

    Raises:
        AccountError: None of the credentials at hand is of that account.
    """
    stage = title.lower()
    named = account.profiles.get(stage, "")
    # What leads to the other stage may lead to this one too: both may share an account.
    tried = [named] if named else [*account.profiles.values(), ""]
    for profile in tried:
        there = replace(account, client=account.connect(profile, region))
        if identity(there) == number:
            return there
    known = f"profile {named!r} is of another account" if named else "these credentials are of another"
    raise AccountError(
        f"stage {stage}: is in account {number}, {region}; {known}. Name a profile of that account, as "
        f"{stage.upper()}_PROFILE=NAME behind the make command, or as --{stage}-profile NAME before the command of "
        "python -m operations."
    )


def identity(account: Account) -> str:
    """Return the id of the account that the credentials are of."""
    return str(account.caller()["Account"])


def distinct(found: Iterable[Located]) -> list[Located]:
    """Return one of those that are elsewhere for each account and region: both stages may share one."""
    return list({(one.stage.account, one.stage.region): one for one in found if one.stage.elsewhere}.values())
