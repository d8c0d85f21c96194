# SPDX-License-Identifier: MIT-0
"""Runs the pinned CDK command line."""

import functools
import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeAlias

from operations.functions.errors import OperationError

CdkCommand: TypeAlias = Callable[[Sequence[str]], int]

_PROJECT_FOLDER: Final = Path(__file__).parents[2]


def cdk_in_region(region: str, root: Path = _PROJECT_FOLDER) -> CdkCommand:
    """Return a function that runs ``cdk`` with arguments in the project's folder and returns its exit code.

    Args:
        region: Region of the stacks whose settings name none; empty to let the command line choose it.
        root: The project's folder.
    """
    return functools.partial(_run_cdk, region, root)


def _run_cdk(region: str, root: Path, arguments: Sequence[str]) -> int:
    command = root / "node_modules" / ".bin" / "cdk"
    if not command.exists():
        raise OperationError(f"{command}: not found. Install Node.js 22 or 24, then run npm ci.")
    environment = {**os.environ, **({"AWS_REGION": region} if region else {})}
    return subprocess.run([command, *arguments], cwd=root, env=environment, check=False).returncode


def cdk_destroy(cdk: CdkCommand, stacks: Sequence[str], context: Sequence[str]) -> None:
    """Delete stacks and no others; the CDK orders them by their dependencies.

    Args:
        cdk: Runs the command line.
        stacks: Ids in the application, for example ``["Monitoring", "Training"]``.
        context: ``KEY=VALUE`` each, as the deployment was given them.

    Raises:
        OperationError: The command line failed; it has printed the reason.
    """
    settings = [word for pair in context for word in ("--context", pair)]
    status = cdk(["destroy", *stacks, "--exclusively", "--force", *settings])
    if status:
        raise OperationError(
            f"cdk destroy {' '.join(stacks)}: exit code {status}; the reason is printed above. Fix it and run the "
            "command again: it continues from here."
        )
