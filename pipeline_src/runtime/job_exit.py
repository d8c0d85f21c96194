# SPDX-License-Identifier: MIT-0
"""Reports how a job ended: exit code, and message where SageMaker reads it.

A `BadInputError`, which the user can fix, ends a job with exit code 2 and the error's message, as does a full disk. Any
other error is a defect: exit code 1, and a traceback in the log.
"""

import contextlib
import sys
import traceback
from collections.abc import Callable
from typing import Final

from pipeline_src import contract
from pipeline_src.runtime.errors import BadInputError

_MESSAGE_LIMIT: Final = 1024  # bytes


def run_job(job: Callable[[], None]) -> int:
    """Run `job` and return its exit code; write the reason of a failure where SageMaker reads it.

    Training reads ``/opt/ml/output/failure`` and Processing ``/opt/ml/output/message`` (ExitMessage of
    DescribeProcessingJob). Both are written, with at most 1024 bytes.
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
    except Exception as error:  # noqa: BLE001  last frame of the job: SageMaker must learn of any error
        traceback.print_exc()
        return _fail(f"{type(error).__name__}: {error}", contract.EXIT_FAILED)
    return contract.EXIT_OK


def write_exit_message(message: str, *names: str) -> None:
    """Write `message`, cut to what the service keeps, into the files `names` below /opt/ml/output."""
    folder = contract.ml_root() / "output"
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text(message.encode()[:_MESSAGE_LIMIT].decode(errors="ignore"), encoding="utf-8")


def _fail(message: str, code: int) -> int:
    print(message, file=sys.stderr, flush=True)  # noqa: T201  a job's log
    # If even this cannot be written, the log has the message and the exit code still shows the failure.
    with contextlib.suppress(OSError):
        write_exit_message(message, "failure", "message")
    return code
