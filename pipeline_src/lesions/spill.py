# SPDX-License-Identifier: MIT-0
"""Where records wait, in the order in which they come, until their final order is known."""

import itertools
import os
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

_BATCH: Final = 1 << 18  # bytes: what stays in a core's cache


class Place(NamedTuple):
    """Where a record lies in a `Spill`, in bytes."""

    offset: int
    length: int


class Spill:
    """The waiting records; a context manager.

    Its file has no name, so it is gone with the process, however that ends.
    """

    def __init__(self, folder: Path) -> None:
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115  closed by __exit__
        self._lock = threading.Lock()
        self._size = 0

    def __enter__(self) -> Self:
        """Return the spill itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the room back."""
        self._file.close()

    def add(self, record: bytes) -> Place:
        """Keep `record`; threads may call this at once."""
        with self._lock:
            offset = self._size
            self._size += len(record)
        _write(self._file.fileno(), record, offset)
        return Place(offset, len(record))

    def read(self, place: Place) -> bytes:
        """Return the record at `place`."""
        return self._read([place])

    def copy(self, path: Path, places: Sequence[Place]) -> None:
        """Write the records at `places` into a new file, in that order and as often as they come.

        One thread does it: the kernel lets one at a time write to a file, and several only wait for each other.

        Raises:
            OSError: for example a full disk.
        """
        with path.open("wb", buffering=0) as file:
            for offset, batch in _batches(places):
                _write(file.fileno(), self._read(batch), offset)

    def _read(self, places: Sequence[Place]) -> bytes:
        source = self._file.fileno()
        return b"".join([os.pread(source, place.length, place.offset) for place in places])


def _batches(places: Sequence[Place]) -> Iterator[tuple[int, Sequence[Place]]]:
    """Yield the offset in the new file and the places of about `_BATCH` bytes at a time."""
    ends = itertools.accumulate(place.length for place in places)
    first = offset = 0
    for last, end in enumerate(ends, start=1):
        if end - offset >= _BATCH or last == len(places):
            yield offset, places[first:last]
            first, offset = last, end


def _write(file: int, data: bytes, offset: int) -> None:
    rest = memoryview(data)
    while rest:
        written = os.pwrite(file, rest, offset)
        offset, rest = offset + written, rest[written:]
