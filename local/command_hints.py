# SPDX-License-Identifier: MIT-0
"""The beginning of the commands that messages propose: the name by which this program was started, and its home."""

import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import Final

PROGRAM: Final = "lesions"  # the name in [project.scripts] of pyproject.toml
MODULE_COMMAND: Final = "python -m local"
HOME_OPTION: Final = "home"


def program_command() -> str:
    """Return the beginning of a command of this program that can be pasted into the shell.

    It names the program's path unless the shell finds it, and ``--home`` where the user gave it. LOCAL_HOME is the
    shell's and needs no repetition.
    """
    return " ".join([_program(), *_home_option()])


def _program() -> str:
    started, this = Path(sys.argv[0]), Path(sys.executable)
    if started.name == PROGRAM:
        return PROGRAM if _is_found(PROGRAM, started) else shlex.quote(short_path(started))
    return MODULE_COMMAND if _is_found("python", this) else f"{shlex.quote(short_path(this))} -m local"


def _is_found(name: str, path: Path) -> bool:
    """Return whether the shell runs the file `path` by its `name`."""
    found = Path(shutil.which(name) or "")
    return found.resolve() == path.resolve() and found.parent.resolve() == path.parent.resolve()


def _home_option() -> list[str]:
    # Here, because the store of executions is read in environments without the command line's packages too.
    import click  # noqa: PLC0415
    from click.core import ParameterSource  # noqa: PLC0415

    context = click.get_current_context(silent=True)
    root = context.find_root() if context else None
    if root is None or root.get_parameter_source(HOME_OPTION) is not ParameterSource.COMMANDLINE:
        return []
    return [f"--{HOME_OPTION}", shlex.quote(short_path(root.params[HOME_OPTION]))]


def short_path(path: Path) -> str:
    """Return `path` relative to the current folder where it is below it, else absolute."""
    full = Path(os.path.abspath(path))  # noqa: PTH100  not resolve(), which would replace the names of links
    here = Path.cwd()
    return str(full.relative_to(here)) if full.is_relative_to(here) else str(full)
