# SPDX-License-Identifier: MIT-0
"""Runs one command for the engine and ends it when the engine ends, for whatever reason.

Started by path, with the standard library alone: ``python -I -S process_guard.py <engine's process id> <command> ...``.
The kernel sends this process SIGTERM when the engine is gone, even after kill -9. On SIGTERM the command's process
group gets SIGTERM and, after `GRACE_SECONDS`, SIGKILL. Exits with the command's exit code, or with 128 plus the number
of the signal that ended it.
"""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType

GRACE_SECONDS = 5.0
_PR_SET_PDEATHSIG = 1


def _die_with_parent(number: int) -> None:
    with suppress(OSError, AttributeError):  # Not Linux: then only an orderly end stops the job.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)


def _signal_group(child: "subprocess.Popen[bytes]", number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)


def run_guarded_command(parent: int, command: Sequence[str]) -> int:
    """Run `command` for the process `parent` and return its exit code."""
    stopping = []
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda _number, _frame: stopping.append(True))
    _die_with_parent(signal.SIGTERM)
    if os.getppid() != parent:
        return 128 + signal.SIGTERM
    try:
        # This process has one thread, so preexec_fn is safe here.
        child = subprocess.Popen(command, start_new_session=True, preexec_fn=lambda: _die_with_parent(signal.SIGKILL))  # noqa: PLW1509
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr)  # noqa: T201  stderr is the job's log
        return 127
    try:
        return _wait(child, stopping)
    finally:
        _signal_group(child, signal.SIGKILL)  # What the command itself left behind.


def _wait(child: "subprocess.Popen[bytes]", stopping: Sequence[bool]) -> int:
    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise InterruptedError

    try:
        signal.signal(signal.SIGTERM, interrupt)
        if stopping:
            interrupt(signal.SIGTERM, None)
        code = child.wait()
    except InterruptedError:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        _signal_group(child, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            child.wait(GRACE_SECONDS)
        _signal_group(child, signal.SIGKILL)
        code = child.wait()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(run_guarded_command(int(sys.argv[1]), sys.argv[2:]))
