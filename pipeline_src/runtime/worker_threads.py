# SPDX-License-Identifier: MIT-0
"""Processes items in several threads.

Inflating, hashing, decoding, resizing and encoding all release the GIL, so threads use every core with the memory of
one process. A free thread takes the next item, so nothing is queued.
"""

import ctypes
import os
import threading
from collections.abc import Callable, Iterator
from typing import Final, Generic, TypeVar

T = TypeVar("T")
_KEPT: Final = 8 << 20  # bytes per thread; more than one image needs
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h


def available_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0))


def keep_freed_memory() -> None:
    """Make glibc keep freed memory for the next image; without glibc, do nothing.

    Otherwise it returns about a hundred pages per image to the kernel and requests them again.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        mallopt(_M_TRIM_THRESHOLD, _KEPT)
        mallopt(_M_MMAP_THRESHOLD, _KEPT)


def process_in_threads(items: Iterator[T], work: Callable[[T], None], workers: int) -> None:
    """Call `work` on every item, in `workers` threads; `items` is advanced by one thread at a time.

    Raises:
        Exception: raised by `items` or `work`. Items are taken in order and every taken item is finished, so of several
            errors it is always that of the earliest item, whatever the number of workers.
    """
    keep_freed_memory()
    crew = _ThreadCrew(items, work)
    try:
        for number in range(workers):
            threading.Thread(target=crew.run, name=f"worker {number}").start()
        crew.wait(workers)
    finally:
        crew.stop()  # an interrupt reaches only this thread
    if crew.errors:
        raise crew.errors[min(crew.errors)]


class _ThreadCrew(Generic[T]):
    """Counts its own threads: an interrupted Thread.join takes a running thread for an ended one (bpo-45274)."""

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
        """Wait until `workers` threads have ended."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended == workers)

    def stop(self) -> None:
        """Wait until every started thread has ended; a thread that starts later does nothing."""
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
        """Process the next item; return False if there is none."""
        number = -1
        try:
            with self._lock:
                number = self._taken
                self._taken += 1
                item = next(self._items)
            self._work(item)
        except StopIteration:
            return False
        except Exception as error:  # noqa: BLE001  raised again in `process_in_threads`
            self.errors[number] = error
            self._stopped = True
        return True
