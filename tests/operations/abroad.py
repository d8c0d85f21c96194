# SPDX-License-Identifier: MIT-0
"""Three places with one deployment in them: the build, production in another account, and the relay of its region.

It refuses what would get stuck besides: a site whose role still has an endpoint stack to delete, a stack whose bucket
holds objects, a storage stack into which a site still replicates.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from operations.account.deployment_account import Account
from tests.operations.answers import services
from tests.operations.cloud import Cloud
from tests.operations.state import ACCOUNT, NAME, OUTPUTS, State

THERE: Final = "222222222222"
REGION: Final = "eu-west-1"
PROFILE: Final = "the-hospital"
PRODUCTION: Final = f"{NAME}-production"
SITE: Final = f"{NAME}-production-site"
RELAY: Final = f"{NAME}-relay-eu-west-1"
PLACE: Final = {"ProductionAccount": THERE, "ProductionRegion": REGION}
_STACKS: Final = {"ProductionSite": SITE, "Relay-eu-west-1": RELAY}


class World:
    """The three of them.

    Attributes:
        home: The build's account and region.
        there: Production's.
        relay: The build's account in production's region.
        log: Each change in any of them, in order.
    """

    def __init__(self) -> None:
        self.home = Cloud(services, _home())
        self.there = Cloud(services, _there(), REGION)
        self.relay = Cloud(services, _relay(), REGION)
        self.log = self.there.log = self.relay.log = self.home.log

    def crash(self, number: int) -> None:
        """Have the user press Ctrl-C after that change; 0 for never."""
        self.home.crash = self.there.crash = self.relay.crash = number

    def account(self, **profiles: str) -> Account:
        """Return the build's account as a command sees it, with profiles by stage."""
        return replace(self.home.account(), profiles=profiles, connect=self.connect)

    def connect(self, profile: str, region: str) -> Any:
        """Stand in for `account.connected`."""
        assert region == REGION
        return {"": self.relay.client, PROFILE: self.there.client}[profile]

    def cdk(self, arguments: Sequence[str]) -> int:
        """Stand in for the CDK's command line, which goes by its own roles to wherever a stack is."""
        ids = [word for word in arguments[1:] if word[0].isupper()]
        self.home._changed(f"cdk {arguments[0]} {' '.join(ids)}")
        return max(self._destroy(one) for one in ids)

    def _destroy(self, one: str) -> int:
        if one == "Storage" and SITE in self.there.state.stacks:
            return 1
        if one not in _STACKS:
            return self.home.state.destroy(one.lower())
        state = self.there.state if one == "ProductionSite" else self.relay.state
        if any(state.objects.values()) or PRODUCTION in state.stacks:
            return 1
        state.stacks.pop(_STACKS[one], None)
        state.deleted.add(_STACKS[one])
        return 0


def _home() -> State:
    state = State()
    state.outputs["deployment"] = {**OUTPUTS["deployment"], **PLACE}
    del state.stacks[PRODUCTION]
    state.endpoints.discard(PRODUCTION)
    state.targets = {target for target in state.targets if PRODUCTION not in target}
    return state


def _there() -> State:
    return State(
        stacks={PRODUCTION: "UPDATE_COMPLETE", SITE: "UPDATE_COMPLETE"},
        endpoints={PRODUCTION},
        targets={f"endpoint/{PRODUCTION}/variant/All"},
        objects={"site": 3},
        kept={"site", "site-key"},
        account=THERE,
        role=SITE,
    )


def _relay() -> State:
    nothing: set[str] = set()
    return State(
        stacks={RELAY: "UPDATE_COMPLETE"},
        endpoints=nothing,
        targets=nothing,
        objects={"relay": 2},
        kept={"relay", "relay-key"},
        account=ACCOUNT,
    )
