# SPDX-License-Identifier: MIT-0
"""What all tests share: their isolation from the machine, and the assemblies that are synthesized once a session."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests import isolation


def pytest_configure() -> None:
    """Isolate every process of the suite before it imports a test."""
    isolation.isolate()


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the assembly with everything switched on: source connected, schedule, notification."""
    # The jobs' environment, which has no CDK, loads this file too.
    from tests.assembly import CONNECTED, synthesized

    return synthesized(tmp_path_factory.mktemp("assembly"), CONNECTED)


@pytest.fixture(scope="session")
def documents(assembly: Path) -> dict[str, dict[str, Any]]:
    """Every template of the assembly, parsed."""
    from tests.assembly import templates_in

    return templates_in(assembly)


@pytest.fixture(scope="session")
def templates(documents: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Every template of the assembly, for aws_cdk.assertions."""
    from aws_cdk.assertions import Template

    return {name: Template.from_json(document) for name, document in documents.items()}


@pytest.fixture(scope="session")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the assembly of a deployment that spans three accounts and two regions, everything switched on."""
    from tests.assembly import CONNECTED, synthesized
    from tests.proof.sample import ACCOUNTS

    return synthesized(tmp_path_factory.mktemp("apart"), CONNECTED | ACCOUNTS)


@pytest.fixture(scope="session")
def documents_apart(apart: Path) -> dict[str, dict[str, Any]]:
    """Every template of that assembly, parsed."""
    from tests.assembly import templates_in

    return templates_in(apart)
