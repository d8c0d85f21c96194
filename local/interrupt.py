# SPDX-License-Identifier: MIT-0
"""Ctrl-C and SIGTERM: what runs is stopped in order, instead of dying of them."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def stopping(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` on Ctrl-C and on SIGTERM for the ``with`` block, instead of dying of them.

    One that the parent has switched off, as a shell does for what runs in the background, stays switched off.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # Python hands signals to the main thread alone.
        return
    heard = [each for each in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(each) is not signal.SIG_IGN]
    before = {number: signal.signal(number, lambda *_: stop()) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
