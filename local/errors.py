# SPDX-License-Identifier: MIT-0
"""What can go wrong in the local runner, as one tree.

LocalError                  every message says place, value, cause and remedy; `exit_code` is the command's
├── UsageError              what was typed or handed in is wrong: exit code 2, nothing was started
│   └── DefinitionError     the pipeline definition holds something that the engine does not know
├── StepError               a step failed: exit code 1, or 2 where the job says that its input is bad
│   └── ServiceFaultError   the service would have reported it, so that a retry policy may answer it
└── StoppedError            the user stopped the execution: exit code 130
"""

import difflib
import errno
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from pipeline_src import contract

_NOT_A_FOLDER: Final = (errno.ENOTDIR, errno.EEXIST)
_NOT_PERMITTED: Final = (errno.EACCES, errno.EPERM, errno.EROFS)


class LocalError(Exception):
    """A failure whose text is all that the user needs to read."""

    exit_code: int = 1


class UsageError(LocalError):
    """What was typed or handed in is wrong."""

    exit_code = 2


class DefinitionError(UsageError):
    """The pipeline definition holds something that this engine does not know."""


class StepError(LocalError):
    """A step failed.

    Attributes:
        exit_code: Exit code of the command: 2 where the user's data or a full disk is the cause, else 1.
    """

    def __init__(self, message: str, *, code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = code


class ServiceFaultError(StepError):
    """A failure that the service would report, which a step's retry policies may answer.

    A runner raises it; those of this machine never do.

    Attributes:
        exception: What a retry policy calls it, such as SageMaker.CAPACITY_ERROR.
    """

    def __init__(self, exception: str, message: str) -> None:
        super().__init__(f"{exception}: {message}")
        self.exception = exception


class StoppedError(LocalError):
    """The user stopped the execution."""

    exit_code = 130


def suggest_known_names(value: str, names: Iterable[str]) -> str:
    """Return the end of a message that names what would have been right, the closest first.

    Example:
        ``allowed("Epoch", ["Epochs", "ImageSize"])`` is ``Did you mean 'Epochs'? Known: Epochs, ImageSize.``
    """
    known = sorted(names)
    close = difflib.get_close_matches(value, known, n=1)
    guess = f"Did you mean {close[0]!r}? " if close else ""
    return f"{guess}Known: {', '.join(known) or 'none'}."


def is_environment_error(error: OSError) -> bool:
    """Return whether the disk or the place that the user chose is the cause, not a defect of this program."""
    return error.errno in (*contract.DISK_FULL, *_NOT_A_FOLDER, *_NOT_PERMITTED)


def describe_os_error(error: OSError, place: Path) -> str:
    """Return what a user reads of `error`: its file, or else `place`, the cause, and the remedy."""
    where = error.filename2 or error.filename or place
    if error.errno in contract.DISK_FULL:
        return f"{where}: the disk is full. Free some space and run again: finished steps are reused."
    if error.errno in _NOT_A_FOLDER:
        return f"{where}: a file lies where a folder is needed. Name another place, or move that file away."
    cause = error.strerror or str(error)
    if error.errno in _NOT_PERMITTED:
        return f"{where}: {cause}. Name a place where you may write, or allow it there."
    return f"{where}: {cause}. See to it that the place can be used, or name another."
