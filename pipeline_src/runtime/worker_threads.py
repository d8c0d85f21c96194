# SPDX-License-Identifier: MIT-0
"""Threads that share out work.

Inflating, hashing, decoding, resizing and encoding all release the interpreter, so threads use every core at the
memory of one process; whoever is free takes the next item, so nothing is queued.
"""

import ctypes
import os
import threading
from collections.abc import Callable, Iterator
from typing import Final, Generic, TypeVar

T = TypeVar("T")
_KEPT: Final = 8 << 20  # bytes a thread; more than it needs for one picture
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h


def available_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))


def keep_freed_memory() -> None:
    """Have the C library keep freed memory for the next picture.

    Otherwise it gives it back to the kernel and takes it anew, about a hundred pages a picture. Where there is no
    glibc, nothing changes.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        mallopt(_M_TRIM_THRESHOLD, _KEPT)
        mallopt(_M_MMAP_THRESHOLD, _KEPT)


def process_in_threads(items: Iterator[T], work: Callable[[T], None], workers: int) -> None:
    """Call `work` on every item, in `workers` threads; `items` is advanced by one thread at a time.

    Raises:
        Exception: of `items` or `work`. Items are taken in order and what was taken is finished, so with several
            errors it is always that of the earliest item, whatever the number of workers.
    """
    keep_freed_memory()
    crew = _ThreadCrew(items, work)
    try:
        for number in range(workers):
            threading.Thread(target=crew.run, name=f"worker {number}").start()
        crew.wait(workers)
    finally:
        crew.stop()  # an interrupt reaches this thread alone
    if crew.errors:
        raise crew.errors[min(crew.errors)]


class _ThreadCrew(Generic[T]):
    """Counts its threads itself: an interrupted Thread.join takes a running thread for an ended one (bpo-45274)."""

    def __init__(self, items: Iterator[T], work: Callable[[T], None]) -> None:
        self.errors: dict[int, Exception] = {}
        self._items = items
        self._work = work
        self._lock = threading.Lock()
        self._taken = 0
        self._stopped = False
        self._begun = self._ended = 0
        self._changed = threading.Condition()

    def wait(self, workers: int) -> None:
        """Return when as many threads have ended."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended == workers)

    def stop(self) -> None:
        """Return when every thread that has begun has ended; one that begins later does nothing."""
        with self._changed:
            self._stopped = True
            self._changed.wait_for(lambda: self._ended == self._begun)

    def run(self) -> None:
        with self._changed:
            self._begun += 1
        try:
            while not self._stopped and self._one():
                pass
        finally:
            with self._changed:
                self._ended += 1
                self._changed.notify_all()

    def _one(self) -> bool:
        """Do the next item; return False when there is none."""
        number = -1
        try:
            with self._lock:
                number = self._taken
                self._taken += 1
                item = next(self._items)
            self._work(item)
        except StopIteration:
            return False
        except Exception as error:  # noqa: BLE001  it is raised again where the work was asked for
            self.errors[number] = error
            self._stopped = True
        return True
