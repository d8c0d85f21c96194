# SPDX-License-Identifier: MIT-0
"""Threads share out work, and stop as one."""

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from pipeline_src.runtime import worker_threads


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_every_item_is_worked_on_once(workers: int) -> None:
    done: list[int] = []
    worker_threads.process_in_threads(iter(range(1000)), done.append, workers)
    assert sorted(done) == list(range(1000))


@pytest.mark.parametrize("workers", [1, 3])
def test_the_error_of_the_earliest_item_is_the_one_that_is_raised(workers: int) -> None:
    def work(number: int) -> None:
        if number >= 7:
            raise ValueError(str(number))

    with pytest.raises(ValueError, match=r"^7$"):
        worker_threads.process_in_threads(iter(range(50)), work, workers)


def test_an_error_of_the_items_themselves_stops_the_work() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("cut short")

    done: list[int] = []
    with pytest.raises(ValueError, match="cut short"):
        worker_threads.process_in_threads(items(), done.append, 2)
    assert done == [1]


def test_the_earliest_error_is_raised_even_if_it_comes_last() -> None:
    later = threading.Event()

    def work(number: int) -> None:
        if number == 0:
            later.wait()
        later.set()
        raise ValueError(str(number))

    with pytest.raises(ValueError, match=r"^0$"):
        worker_threads.process_in_threads(iter(range(50)), work, 2)


@pytest.mark.parametrize("at", [0, 1000])
def test_an_interrupt_stops_the_workers(at: int) -> None:
    """At the first item, when some of them have not begun, and later."""
    done: list[int] = []

    def work(number: int) -> None:
        if number == at:
            os.kill(os.getpid(), signal.SIGINT)
        done.append(number)

    with pytest.raises(KeyboardInterrupt):
        worker_threads.process_in_threads(iter(range(1_000_000)), work, 2)
    ended = len(done)
    assert at in done
    for thread in threading.enumerate():
        if thread.name.startswith("worker"):
            thread.join()
    assert ended == len(done) < 1_000_000
