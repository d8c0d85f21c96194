# SPDX-License-Identifier: MIT-0
"""What all tests share: their isolation from the machine, and the assemblies that are synthesized once a session."""

import functools
import os
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests import isolation


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the option of `make test-fine-tuning`."""
    parser.addoption("--algorithm", help="train with this algorithm alone in the contract of algorithms")


def pytest_configure() -> None:
    """Isolate every process of the suite before it imports a test."""
    isolation.isolate()
    if find_spec("hypothesis"):
        import hypothesis

        # A slow machine fails no test, and each run tries the same examples.
        hypothesis.settings.register_profile("suite", deadline=None, derandomize=True)
        hypothesis.settings.load_profile("suite")
    if find_spec("botocore"):  # the jobs' environment, which loads this file too, has neither it nor the CDK
        from tests.aws_models import share_models

        share_models()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Have the tests of one file run in one process, see tests/distribution.py."""
    from tests.distribution import file_scheduling

    return file_scheduling(config, log) if config.getoption("dist") == "loadfile" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest."""
    from tests.distribution import longest_first

    items[:] = longest_first(items)


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of this session, the same one in all its processes."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def assembled(shared: Path) -> Callable[[Mapping[str, Any]], Path]:
    """Return the assembly with a context; for reading only, as each is synthesized once a session."""
    from tests.assembly import shared_assembly

    return functools.partial(shared_assembly, shared / "assemblies")


@pytest.fixture(scope="session")
def assembly(assembled: Callable[[Mapping[str, Any]], Path]) -> Path:
    """Folder of the assembly with everything switched on: source connected, schedule, notification."""
    from tests.assembly import CONNECTED

    return assembled(CONNECTED)


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
def apart(assembled: Callable[[Mapping[str, Any]], Path]) -> Path:
    """Folder of the assembly of a deployment that spans three accounts and two regions, everything switched on."""
    from tests.assembly import CONNECTED
    from tests.proof.sample import ACCOUNTS

    return assembled(CONNECTED | ACCOUNTS)


@pytest.fixture(scope="session")
def documents_apart(apart: Path) -> dict[str, dict[str, Any]]:
    """Every template of that assembly, parsed."""
    from tests.assembly import templates_in

    return templates_in(apart)
