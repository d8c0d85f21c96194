# SPDX-License-Identifier: MIT-0
"""Output folders that are filled completely or left empty, and a temporary file of records.

Files are written into a hidden folder inside each output folder, because each may be a mount of its own, across which
files cannot be renamed. They are moved into place once all are complete. The folders belong to the job: files that an
earlier, killed run left there are removed first.
"""

import contextlib
import itertools
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

_PARTIAL_FOLDER: Final = ".partial"


@contextlib.contextmanager
def atomic_folders(folders: Mapping[str, Path]) -> Iterator[dict[str, Path]]:
    """Yield a hidden folder to write into for each of `folders`; on exit, move its content into place.

    The last of `folders` is filled last. On any error, including an interrupt, all are left empty.

    Raises:
        OSError: a folder cannot be written.
    """
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
        _clear_folder(folder)
    try:
        asides = {name: folder / _PARTIAL_FOLDER for name, folder in folders.items()}
        for path in asides.values():
            path.mkdir()
        yield asides
        for name, folder in folders.items():
            for path in sorted(asides[name].iterdir()):
                path.replace(folder / path.name)
            asides[name].rmdir()
    except BaseException:
        for folder in folders.values():
            _clear_folder(folder)
        raise


def _clear_folder(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


_BATCH: Final = 1 << 18  # bytes: fits a core's cache


class RecordLocation(NamedTuple):
    """Offset and length of a record in a `RecordSpool`, in bytes."""

    offset: int
    length: int


class RecordSpool:
    """A temporary file of records, in the order in which they are added; a context manager.

    The file has no name, so it disappears with the process, however that ends.
    """

    def __init__(self, folder: Path) -> None:
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115  closed by __exit__
        self._lock = threading.Lock()
        self._size = 0

    def __enter__(self) -> Self:
        """Return the spool itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close and thereby delete the file."""
        self._file.close()

    def add(self, record: bytes) -> RecordLocation:
        """Append `record`; several threads may call this at once."""
        with self._lock:
            offset = self._size
            self._size += len(record)
        _write_at(self._file.fileno(), record, offset)
        return RecordLocation(offset, len(record))

    def read(self, place: RecordLocation) -> bytes:
        """Return the record at `place`."""
        return self._read([place])

    def copy(self, path: Path, places: Sequence[RecordLocation]) -> None:
        """Write the records at `places` into a new file, in that order, with repetitions.

        One thread does it: the kernel lets only one thread at a time write to a file.

        Raises:
            OSError: for example the disk is full.
        """
        with path.open("wb", buffering=0) as file:
            for offset, batch in _batches(places):
                _write_at(file.fileno(), self._read(batch), offset)

    def _read(self, places: Sequence[RecordLocation]) -> bytes:
        source = self._file.fileno()
        return b"".join([os.pread(source, place.length, place.offset) for place in places])


def _batches(places: Sequence[RecordLocation]) -> Iterator[tuple[int, Sequence[RecordLocation]]]:
    """Yield the offset in the new file, and the places, of batches of about `_BATCH` bytes."""
    ends = itertools.accumulate(place.length for place in places)
    first = offset = 0
    for last, end in enumerate(ends, start=1):
        if end - offset >= _BATCH or last == len(places):
            yield offset, places[first:last]
            first, offset = last, end


def _write_at(file: int, data: bytes, offset: int) -> None:
    rest = memoryview(data)
    while rest:
        written = os.pwrite(file, rest, offset)
        offset, rest = offset + written, rest[written:]
