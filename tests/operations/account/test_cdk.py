# SPDX-License-Identifier: MIT-0
"""The CDK's command line is the pinned one, in the project's folder and in the deployment's region."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from operations.account import cloudformation_stacks
from operations.functions.errors import OperationError

SCRIPT = """#!/bin/sh
echo "$PWD $AWS_REGION $*" > said
exit 3
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder in which a CDK is installed that notes how it is called."""
    command = tmp_path / "node_modules" / ".bin" / "cdk"
    command.parent.mkdir(parents=True)
    command.write_text(SCRIPT, encoding="utf-8")
    command.chmod(0o755)
    return tmp_path


def test_it_is_called_in_the_projects_folder_and_its_exit_code_is_told(root: Path) -> None:
    assert cloudformation_stacks.cdk_in_region("eu-west-1", root)(["destroy", "Training"]) == 3
    said = (root / "said").read_text(encoding="utf-8")
    assert said == f"{root} eu-west-1 destroy Training\n"


def test_where_it_is_not_installed_nothing_is_fetched(root: Path) -> None:
    (root / "node_modules" / ".bin" / "cdk").unlink()
    with pytest.raises(OperationError, match=r"node_modules/.bin/cdk: not found\. Install Node.*run npm ci"):
        cloudformation_stacks.cdk_in_region("eu-west-1", root)(["destroy"])
    assert not (root / "said").exists()


def test_only_the_named_stacks_are_destroyed_with_the_settings_of_the_deployment() -> None:
    given: list[str] = []

    def command(words: Sequence[str]) -> int:
        given.extend(words)
        return 0

    cloudformation_stacks.cdk_destroy(command, ["Monitoring", "Training"], ["name=skin-lesion", "a.b=c"])
    options = ["--exclusively", "--force", "--context", "name=skin-lesion", "--context", "a.b=c"]
    assert given == ["destroy", "Monitoring", "Training", *options]


def test_the_command_line_is_looked_for_in_the_repository_itself() -> None:
    assert (cloudformation_stacks._PROJECT_FOLDER / "cdk.json").is_file()
