# SPDX-License-Identifier: MIT-0
"""`make destroy` on the emulator: the command's own code and order, with the CDK's command line behind it.

What the emulator does not know is played: SageMaker, CodePipeline and Application Auto Scaling answer that nothing of
theirs is there. So endpoints, executions and the registry's versions are left to tests/operations.
"""

import functools
import io
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from rich.console import Console

from operations.account.deployment_account import Account
from operations.destroy import destroy_command
from operations.preflight import preflight_requirements
from tests.emulator.command import CommandLine
from tests.emulator.conftest import Cloud
from tests.emulator.memory import remembering
from tests.operations import cloud as played
from tests.operations.answers import services
from tests.operations.state import State
from tests.proof.sample import HERE, Place

_PLAYED: Final = ("application-autoscaling", "codepipeline", "sagemaker")


@dataclass
class Teardown:
    """One `make destroy`.

    Attributes:
        cloud: What is deployed.
        places: Where each stack is, by its id in the application.
        settings: Settings that the deployment was made with, by their context keys.
        order: The stacks that the command line was told to delete, command by command.
    """

    cloud: Cloud
    places: Mapping[str, Place]
    settings: Mapping[str, str] = field(default_factory=dict)
    order: list[list[str]] = field(default_factory=list)

    def run(self, *, data: bool, **profiles: Place) -> str:
        """Delete the deployment and return what the command says; `profiles` are by stage."""
        named = {stage: f"{place.account}/{place.region}" for stage, place in profiles.items()}
        account = Account("skin-lesion", self._clients(HERE), lambda _: None, named, self._connect)
        console = Console(record=True, width=200, file=io.StringIO())
        context = tuple(f"{key}={value}" for key, value in self.settings.items())
        destroy_command.destroy_deployment(
            account,
            console,
            cdk=self._cdk,
            context=context,
            data=data,
            ask=None,
            planned=lambda: preflight_requirements.planned_remote_stages(
                preflight_requirements.read_requirements(context), account.name
            ),
        )
        return console.export_text()

    def _connect(self, profile: str, region: str) -> Any:
        return self._clients(Place(profile.partition("/")[0] or HERE.account, region))

    def _clients(self, place: Place) -> Any:
        nothing = played.Cloud(services, _nothing(), place.region)

        def client(service: str) -> Any:
            if service in _PLAYED:
                return nothing.client(service)
            made = self.cloud.emulator.client(service, place)
            return remembering(made) if service == "cloudformation" else made

        return functools.cache(client)

    def _cdk(self, arguments: Sequence[str]) -> int:
        """Run the command line as the root of each account; on AWS it goes there by its own roles."""
        ids = [word for word in arguments[1:] if word[0].isupper()]
        self.order.append(ids)
        for place, there in itertools.groupby(ids, self.places.__getitem__):
            command = CommandLine(self.cloud.emulator, self.cloud.cdk.home, place)
            command("destroy", *there, "--exclusively", "--force", assembly=self.cloud.assembly)
        return 0


def _nothing() -> State:
    """Return the state of services in which nothing of a deployment is."""
    empty: dict[str, str] = {}
    sets = ("endpoints", "targets", "others", "models", "configurations", "images", "packages", "kept")
    maps = ("deliveries", "pushes", "machines", "executions", "jobs", "stacks")
    parts: dict[str, Any] = {**{name: set() for name in sets}, **{name: dict(empty) for name in maps}}
    return State(**parts, champion="", objects={})
