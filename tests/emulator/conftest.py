# SPDX-License-Identifier: MIT-0
"""An emulator with the supported part of the stacks deployed to it; skipped as a whole where it is not installed."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.emulator import server
from tests.emulator.command import CommandLine
from tests.emulator.server import Emulator
from tests.emulator.supported import supported
from tests.proof.sample import HERE, PRODUCTION, STAGING, Place

# Where the stacks of a deployment that spans accounts lie, in the order in which they can be made.
_RELAY: Final = Place(HERE.account, PRODUCTION[1])
PLACES: Final = {
    "Storage": HERE,
    "Relay-eu-central-1": _RELAY,
    "StagingSite": Place(*STAGING),
    "ProductionSite": Place(*PRODUCTION),
    "Training": HERE,
    "Retraining": HERE,
    "Deployment": HERE,
    "Monitoring": HERE,
}


@dataclass(frozen=True)
class Cloud:
    """What is deployed.

    Attributes:
        emulator: Where.
        cdk: By what.
        assembly: From what.
        left_out: What is not, as "stack/id type".
    """

    emulator: Emulator
    cdk: CommandLine
    assembly: Path
    left_out: list[str]

    def resources(self, stack: str) -> dict[str, str]:
        """Return the physical id of each resource of the stack skin-lesion-`stack` by its logical id."""
        client = self.emulator.client("cloudformation")
        answer: dict[str, Any] = client.describe_stack_resources(StackName=f"skin-lesion-{stack}")
        return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in answer["StackResources"]}

    def one(self, stack: str, name: str) -> str:
        """Return the physical id of the resource whose logical id is `name`, with the CDK's hash or without."""
        found = self.resources(stack)
        (physical,) = (each for id_, each in found.items() if re.fullmatch(rf"{name}([0-9A-F]{{8}})?", id_))
        return physical


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    if not server.PYTHON.exists():
        pytest.skip("No emulator is installed. Start these tests by: make test-emulator")
    with server.running(tmp_path_factory.mktemp("emulator")) as emulator:
        yield emulator


@pytest.fixture(scope="session")
def cloud(emulator: Emulator, assembly: Path, tmp_path_factory: pytest.TempPathFactory) -> Cloud:
    folder = tmp_path_factory.mktemp("cloud")
    part, left_out = supported(assembly, folder / "assembly")
    cdk = CommandLine(emulator, folder)
    cdk.bootstrap()
    cdk.deploy(part)
    return Cloud(emulator, cdk, part, left_out)


@pytest.fixture(scope="session")
def apart_cloud(apart: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A deployment that spans three accounts, in an emulator of its own."""
    if not server.PYTHON.exists():
        pytest.skip("No emulator is installed. Start these tests by: make test-emulator")
    folder = tmp_path_factory.mktemp("apart-cloud")
    part, left_out = supported(apart, folder / "assembly")
    with server.running(folder) as emulator:
        for place in dict.fromkeys(PLACES.values()):
            CommandLine(emulator, folder, place).bootstrap()
        for stack, place in PLACES.items():
            CommandLine(emulator, folder, place).deploy(part, stack)
        yield Cloud(emulator, CommandLine(emulator, folder), part, left_out)
