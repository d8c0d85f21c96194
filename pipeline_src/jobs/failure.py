# SPDX-License-Identifier: MIT-0
"""How a job ends: its message where SageMaker looks for it, and its exit code.

Error tree of the jobs: `lesions.error.BadInputError` (the user can mend it) ends with exit code 2 and its
own message; everything else is a defect and ends with exit code 1 and a traceback in the log.
"""

import contextlib
import sys
import traceback
from collections.abc import Callable
from typing import Final

from pipeline_src import contract
from pipeline_src.lesions.error import BadInputError

_LIMIT: Final = 1024  # bytes


def run(job: Callable[[], None]) -> int:
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


def leave(message: str, *names: str) -> None:
    """Leave `message` in the files `names` below /opt/ml/output, as much of it as the service keeps."""
    folder = contract.ml_root() / "output"
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text(message.encode()[:_LIMIT].decode(errors="ignore"), encoding="utf-8")


def _fail(message: str, code: int) -> int:
    print(message, file=sys.stderr, flush=True)
    # Where not even this can be written, the log has the message and the exit code still tells.
    with contextlib.suppress(OSError):
        leave(message, "failure", "message")
    return code
