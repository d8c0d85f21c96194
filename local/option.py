# SPDX-License-Identifier: MIT-0
"""The options that `run` and `demo` share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from local.champion import AUTO
from local.container import DEFAULT_IMAGE
from local.error import UsageError
from local.scale import SCALES
from pipeline_src.pipeline import Tuning

MOST: Final = 50  # jobs of a tuning, as in stacks/settings.py
PARALLEL: Final = 2
_Command = TypeVar("_Command", bound=Callable[..., Any])


def running(command: _Command) -> _Command:
    """Add the options that `run` and `demo` share."""
    for option in (
        click.option("--quiet", "-q", is_flag=True, help="Show nothing but the summary."),
        click.option("--no-cache", is_flag=True, help="Reuse no earlier result."),
        click.option("--until", metavar="STEP", help="Stop after this step."),
        click.option("--image", default=DEFAULT_IMAGE, show_default=True, help="For podman or docker."),
        click.option(
            "--runner", type=click.Choice(["process", "podman", "docker"]), default="process", show_default=True
        ),
        click.option("--scale", type=click.Choice(list(SCALES)), default="laptop", show_default=True),
        click.option(
            "--champion",
            metavar="auto|none|ID",
            default=AUTO,
            show_default=True,
            help="Compare with the model approved last, with none, or with that of a run.",
        ),
        click.option(
            "--add",
            "addition",
            metavar="FILE.zip",
            type=click.Path(path_type=Path),
            help="An additional archive, as `export` makes it.",
        ),
        click.option("--parallel", type=int, metavar="P", help=f"Of --tune: jobs at once.  [default: {PARALLEL}]"),
        click.option(
            "--tune",
            type=click.IntRange(2, MOST),
            metavar="N",
            help="Train N times, with drawn hyperparameters.",
        ),
        click.option("--parameter", "-p", "parameters", multiple=True, metavar="NAME=VALUE", help="May be repeated."),
    ):
        command = option(command)
    return command


def tuned(jobs: int | None, parallel: int | None, definition: Path | None) -> Tuning | None:
    """Return what ``--tune`` and ``--parallel`` ask for, None for a single training.

    Raises:
        UsageError: They contradict, or ``--definition`` says already what Train is.
    """
    if jobs is None:
        if parallel is not None:
            raise UsageError(f"--parallel {parallel}: there is one training alone. Give --tune N with it.")
        return None
    if definition is not None:
        raise UsageError(f"--tune {jobs}: --definition says already what Train is. Give one of them.")
    at_once = min(PARALLEL, jobs) if parallel is None else parallel
    if not 1 <= at_once <= jobs:
        raise UsageError(f"--parallel {at_once}: there are {jobs} jobs. Give 1 to {jobs}.")
    return Tuning(jobs=jobs, parallel=at_once)
