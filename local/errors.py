# SPDX-License-Identifier: MIT-0
"""The exceptions of the local runner.

LocalError                  every message names place, value, cause and remedy; `exit_code` is the command's
├── UsageError              an argument or an input is wrong: exit code 2, nothing was started
│   └── DefinitionError     the pipeline definition has something that the engine does not support
├── StepError               a step failed: exit code 1, or 2 where its input is bad
│   └── ServiceFaultError   a fault that the service would report and a retry policy can cover
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
    """A failure whose message is complete for the user."""

    exit_code: int = 1


class UsageError(LocalError):
    """An argument or an input is wrong."""

    exit_code = 2


class DefinitionError(UsageError):
    """The pipeline definition has something that the engine does not support."""


class StepError(LocalError):
    """A step failed.

    Attributes:
        exit_code: Exit code of the command: 2 if the user's data or a full disk is the cause, else 1.
    """

    def __init__(self, message: str, *, code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = code


class ServiceFaultError(StepError):
    """A failure that the service would report and that a step's retry policies may cover.

    Runners raise it; those of this machine never do.

    Attributes:
        exception: Its name in retry policies, such as SageMaker.CAPACITY_ERROR.
    """

    def __init__(self, exception: str, message: str) -> None:
        super().__init__(f"{exception}: {message}")
        self.exception = exception


class StoppedError(LocalError):
    """The user stopped the execution."""

    exit_code = 130


def suggest_known_names(value: str, names: Iterable[str]) -> str:
    """Return the end of a message, with the closest and all known names.

    Example:
        For "Epoch" and ["Epochs", "ImageSize"]: ``Did you mean 'Epochs'? Known: Epochs, ImageSize.``
    """
    known = sorted(names)
    close = difflib.get_close_matches(value, known, n=1)
    guess = f"Did you mean {close[0]!r}? " if close else ""
    return f"{guess}Known: {', '.join(known) or 'none'}."


def is_environment_error(error: OSError) -> bool:
    """Return whether the cause is the disk or the user's choice of a path, not a defect of this program."""
    return error.errno in (*contract.DISK_FULL, *_NOT_A_FOLDER, *_NOT_PERMITTED, errno.ENAMETOOLONG)


def describe_os_error(error: OSError, place: Path) -> str:
    """Return the message for `error`: its file or else `place`, the cause and the remedy."""
    where = error.filename2 or error.filename or place
    if error.errno in contract.DISK_FULL:
        return f"{where}: the disk is full. Free some space and run again: finished steps are reused."
    if error.errno in _NOT_A_FOLDER:
        return f"{where}: expected a directory, found a file. Use another path, or move the file away."
    cause = error.strerror or str(error)
    if error.errno in _NOT_PERMITTED:
        return f"{where}: {cause}. Use a writable path, or change its permissions."
    return f"{where}: {cause}. Check that the path is writable, or use another."
