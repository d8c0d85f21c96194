# SPDX-License-Identifier: MIT-0
"""Arguments of a job, which are parameters of the pipeline: a wrong one is the user's to mend.

How a job ends: its message where SageMaker looks for it, and its exit code.

Error tree of the jobs: `lesions.error.BadInputError` (the user can mend it) ends with exit code 2 and its
own message; everything else is a defect and ends with exit code 1 and a traceback in the log.
"""

import argparse
import contextlib
import sys
import traceback
from collections.abc import Callable
from typing import Final, NoReturn

from pipeline_src import contract
from pipeline_src.runtime.errors import BadInputError


class JobArgumentParser(argparse.ArgumentParser):
    """An argument parser that raises BadInputError, so that the reason reaches the execution's failure reason."""

    def error(self, message: str) -> NoReturn:
        """Raise `message` instead of leaving the process."""
        raise BadInputError(f"arguments: {message}. Correct the pipeline's parameter.")


def non_negative_fraction(text: str) -> float:
    """Return `text` as a number from 0 to 1; NaN is none."""
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not from 0 to 1")
    return value


def positive_fraction(text: str) -> float:
    """Return `text` as a number above 0, at most 1."""
    value = non_negative_fraction(text)
    if not value:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return value


def whole_number(text: str) -> int:
    """Return `text` as a whole number from 0."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is below 0")
    return value


def name_value_pair(text: str) -> tuple[str, str]:
    """Return the name and the value of ``NAME=VALUE``."""
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is no NAME=VALUE")
    return name, value


_LIMIT: Final = 1024  # bytes


def run_job(job: Callable[[], None]) -> int:
    """Run `job` and return its exit code, leaving the reason of a failure where SageMaker reads it.

    Training reads ``/opt/ml/output/failure``, Processing ``/opt/ml/output/message`` (DescribeProcessingJob's
    ExitMessage): both are written, at most 1024 bytes.
    """
    try:
        job()
    except BadInputError as error:
        return _fail(str(error), contract.EXIT_BAD_INPUT)
    except OSError as error:
        if error.errno in contract.DISK_FULL:
            place = error.filename or contract.ml_root()
            return _fail(f"{place}: the disk is full. Free some space or give the job a larger volume.", 2)
        traceback.print_exc()
        return _fail(f"{type(error).__name__}: {error}", contract.EXIT_FAILED)
    except Exception as error:  # noqa: BLE001  the last frame of a job: whatever it was, SageMaker must learn of it
        traceback.print_exc()
        return _fail(f"{type(error).__name__}: {error}", contract.EXIT_FAILED)
    return contract.EXIT_OK


def write_exit_message(message: str, *names: str) -> None:
    """Leave `message` in the files `names` below /opt/ml/output, as much of it as the service keeps."""
    folder = contract.ml_root() / "output"
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text(message.encode()[:_LIMIT].decode(errors="ignore"), encoding="utf-8")


def _fail(message: str, code: int) -> int:
    print(message, file=sys.stderr, flush=True)
    # Where not even this can be written, the log has the message and the exit code still tells.
    with contextlib.suppress(OSError):
        write_exit_message(message, "failure", "message")
    return code
