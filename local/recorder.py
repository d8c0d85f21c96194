# SPDX-License-Identifier: MIT-0
"""Keeps what is captured in a thread of its own, so that no client waits for a disk."""

import json
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Final, Self

from local.capture import Exchange, write
from local.error import told
from local.store import Store

LINGER: Final = 1.0  # seconds
WAITING_LIMIT: Final = 256 << 20  # bytes of requests and answers
SETTLE_SECONDS: Final = 20.0


@dataclass(frozen=True)
class Settled:
    """How it stands with what was answered so far.

    Attributes:
        endpoint: whose captures they are.
        kept: exchanges that lie in the store.
        lost: exchanges that never will.
        waiting: exchanges that were still not written when the time was up.
    """

    endpoint: str
    kept: int
    lost: int
    waiting: int

    def text(self) -> str:
        """Return it as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, text: bytes) -> Self:
        """Return what `text` says.

        Raises:
            ValueError: it is not from here.
        """
        try:
            return cls(**json.loads(text))
        except TypeError as error:
            raise ValueError(str(error)) from error


class Recorder:
    """Keeps exchanges; a context manager.

    Leaving it writes what still waits. A disk that takes nothing is reported, and serving goes on.

    Args:
        endpoint: whose exchanges they are.
        store: receives the files.
        report: is told what goes wrong.
        linger: seconds that exchanges wait for others to share a file with.
        limit: bytes that may wait; what comes beyond is lost.
    """

    def __init__(
        self,
        endpoint: str,
        store: Store,
        report: Callable[[str], None],
        *,
        linger: float = LINGER,
        limit: int = WAITING_LIMIT,
    ) -> None:
        self.kept = 0
        self.lost = 0
        self._endpoint, self._store, self._report = endpoint, store, report
        self._linger, self._limit = linger, limit
        self._changed = threading.Condition()
        self._waiting: list[Exchange] = []
        self._bytes = 0
        self._taken = self._done = 0  # exchanges ever: put into `_waiting`; written or lost
        self._closed = False
        self._hurried = False
        self._failing = False
        self._thread = threading.Thread(target=self._run, name="capture", daemon=True)

    def __enter__(self) -> Self:
        """Start the thread."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Write what still waits, then stop the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def keep(self, exchange: Exchange) -> None:
        """Keep `exchange`; returns at once."""
        with self._changed:
            if self._bytes + exchange.size > self._limit:
                self.lost += 1
                return
            self._waiting.append(exchange)
            self._bytes += exchange.size
            self._taken += 1
            self._changed.notify_all()

    def settle(self, limit: float = SETTLE_SECONDS) -> Settled:
        """Write at once what waits, and return how it stands when all that was kept so far is written.

        Args:
            limit: seconds after which it is told as it then stands.
        """
        with self._changed:
            goal, self._hurried = self._taken, True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._done >= goal, limit)
            return Settled(self._endpoint, self.kept, self.lost, max(goal - self._done, 0))

    def _run(self) -> None:
        while batch := self._next():
            self._write(batch)

    def _next(self) -> list[Exchange]:
        """Return what waits, at most `linger` seconds old; nothing once it is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            self._changed.wait_for(lambda: self._closed or self._hurried, self._linger)
            batch, self._waiting, self._bytes, self._hurried = self._waiting, [], 0, False
        return batch

    def _write(self, batch: list[Exchange]) -> None:
        try:
            written = write(batch, self._endpoint, self._store)
            self._failing = False
        except OSError as error:
            written = 0
            if not self._failing:  # Once, not for each second that the disk stays full.
                self._report(f"{told(error, self._store.root)} Until then, requests are answered but not captured.")
            self._failing = True
        with self._changed:
            self.kept += written
            self.lost += len(batch) - written
            self._done += len(batch)
            self._changed.notify_all()
