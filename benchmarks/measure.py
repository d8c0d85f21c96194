# SPDX-License-Identifier: MIT-0
"""Measures wall time, CPU time and peak memory of a command, including its child processes."""

import contextlib
import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

_PERIOD: Final = 0.02  # seconds between two samples of the memory
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


class Usage(NamedTuple):
    """Wall and CPU time in seconds (all processes), and peak memory in bytes.

    Memory is the sampled sum of the resident sets of all processes; shared pages count for each process, so it is an
    upper estimate.
    """

    wall: float
    cpu: float
    memory: int


def cores(wanted: int) -> frozenset[int]:
    """Return `wanted` of the cores that this process may use.

    Raises:
        SystemExit: Fewer are allowed.
    """
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < wanted:
        raise SystemExit(f"cores: {len(allowed)} allowed: the benchmark needs {wanted}. Allow more.")
    return frozenset(allowed[:wanted])


def run(command: Sequence[str], environment: Mapping[str, str], allowed: frozenset[int]) -> Usage:
    """Run `command` on the cores `allowed`, child processes included, and return its usage.

    Raises:
        subprocess.CalledProcessError: The command failed; its output is in the exception.
    """
    started = time.perf_counter()
    with _started(command, environment, allowed) as process:
        peak = _Peak(process.pid)
        with peak:
            output = process.stdout.read() if process.stdout else b""
            _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, output)
    return Usage(wall, used.ru_utime + used.ru_stime, peak.bytes)


def _started(
    command: Sequence[str], environment: Mapping[str, str], allowed: frozenset[int]
) -> "subprocess.Popen[bytes]":
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, allowed)  # inherited by the child, which so never runs on other cores
    try:
        return subprocess.Popen(
            command, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
    finally:
        os.sched_setaffinity(0, before)


class _Peak:
    def __init__(self, pid: int) -> None:
        self.bytes = 0
        self._pid = pid
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._ended.wait(_PERIOD):
            self.bytes = max(self.bytes, sum(_resident(pid) for pid in _tree(self._pid)))


def _tree(pid: int) -> list[int]:
    """Return `pid` and all its descendants."""
    found = [pid]
    with contextlib.suppress(OSError):  # the process has ended
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                found += [process for child in task.read_text().split() for process in _tree(int(child))]
    return found


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError):  # the process has ended
        return 0
