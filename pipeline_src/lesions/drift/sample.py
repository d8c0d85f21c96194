# SPDX-License-Identifier: MIT-0
"""A bounded memory of any number of pictures: which were sent how often, and what was measured on each.

A picture is known by the hash of its bytes. When there are too many, those in the upper half of the hashes are
forgotten, and so on. A hash is as good as a random number, so what is left is a random sample of the different
pictures, each with all of its repeats; it depends on what was sent alone, not on the order or the number of threads.

Source: Gibbons, "Distinct sampling for highly-accurate answers to distinct values queries" (2001).
"""

import hashlib
import threading
from typing import Final

import numpy as np

from pipeline_src.lesions.drift.feature import COLUMNS, Row, Table

LIMIT: Final = 32_768  # different pictures; a row of each is about 200 bytes
_BITS: Final = 64


def digest(data: bytes) -> int:
    """Return the hash by which a picture is known."""
    return int.from_bytes(hashlib.blake2b(data, digest_size=_BITS // 8).digest(), "big")


class Sample:
    """The memory; any thread may add to it."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._level = 0
        self._counts: dict[int, int] = {}
        self._rows: dict[int, bytes] = {}
        self._lock = threading.Lock()

    @property
    def share(self) -> float:
        """Which share of the different pictures is kept."""
        return float(2.0**-self._level)

    @property
    def requests(self) -> int:
        """How often those that are kept were sent."""
        return sum(self._counts.values())

    def __len__(self) -> int:
        """Return how many different pictures are kept."""
        return len(self._counts)

    def wants(self, key: int) -> bool:
        """Tell whether a picture is kept."""
        return key >> (_BITS - self._level) == 0

    def add(self, key: int, row: Row) -> None:
        """Note that the picture `key` was sent once more; `row` (`COLUMNS`,) is what was measured.

        If the same picture got two answers, as of two models, the row that sorts first is kept.
        """
        with self._lock:
            if not self.wants(key):
                return
            self._counts[key] = self._counts.get(key, 0) + 1
            measured = row.astype(np.float32).tobytes()
            self._rows[key] = min(measured, self._rows.get(key, measured))
            while len(self._counts) > self._limit:
                self._level += 1
                for gone in [other for other in self._counts if not self.wants(other)]:
                    del self._counts[gone], self._rows[gone]

    def table(self) -> Table:
        """Return what was measured on each different picture (n, `COLUMNS`), in the order of their hashes."""
        rows = b"".join(self._rows[key] for key in sorted(self._rows))
        return np.frombuffer(rows, np.float32).reshape(-1, COLUMNS)

    def most(self) -> int:
        """Return how often the picture that was sent most often was sent; 0 if there is none."""
        return max(self._counts.values(), default=0)
