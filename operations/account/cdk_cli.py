# SPDX-License-Identifier: MIT-0
"""Calls the pinned CDK command line, which alone knows how the application's stacks are deleted."""

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
    """Return what runs ``cdk`` with some arguments in the project's folder, and returns its exit code.

    Args:
        region: Where stacks are whose settings name no region; empty: the command line finds that by itself.
        root: The project's folder.
    """
    return functools.partial(_run_cdk, region, root)


def _run_cdk(region: str, root: Path, arguments: Sequence[str]) -> int:
    command = root / "node_modules" / ".bin" / "cdk"
    if not command.exists():
        raise OperationError(f"{command}: not there. Install Node.js 22 or 24, then run npm ci.")
    environment = {**os.environ, **({"AWS_REGION": region} if region else {})}
    return subprocess.run([command, *arguments], cwd=root, env=environment, check=False).returncode


def cdk_destroy(cdk: CdkCommand, parts: Sequence[str], context: Sequence[str]) -> None:
    """Delete the stacks `parts` and no others.

    Args:
        cdk: Runs the command line.
        parts: For example ``["monitoring", "ProductionSite"]``; their ids in the application begin in upper case.
        context: ``KEY=VALUE`` each, as the deployment was given them.

    Raises:
        OperationError: The command line failed; it has said why.
    """
    ids = [part[:1].upper() + part[1:] for part in parts]
    settings = [word for pair in context for word in ("--context", pair)]
    status = cdk(["destroy", *ids, "--exclusively", "--force", *settings])
    if status:
        raise OperationError(
            f"cdk destroy {' '.join(ids)}: exit code {status}; the reason stands above. Mend it, then run the command "
            "again: it goes on from here."
        )
