# SPDX-License-Identifier: MIT-0
"""Compares the scenarios once for all tests."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from review import stack_changes
from review.stack_changes import StackChange
from tests.review.scenario import NEW, OLD
from tests.review.template import assembly


@pytest.fixture(scope="session")
def changes(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, StackChange]:
    """What happens in each scenario, by its name; a scenario without a change is missing."""
    folder: Path = tmp_path_factory.mktemp("assemblies")
    old = assembly(folder / "old", OLD, Renamed={"stackName": "before", "terminationProtection": True})
    new = assembly(folder / "new", NEW, Renamed={"stackName": "after"})
    return {each.name: each for each in stack_changes.stack_changes(old, new)}
