# SPDX-License-Identifier: MIT-0
"""A file that is hashed while it is read."""

import hashlib
import os
from pathlib import Path
from typing import Final

CHUNK: Final = 1 << 18  # bytes: what stays in a core's cache


class Tape:
    """The bytes of a file, by offset.

    Reading on, or over a gap, hashes what is passed, so that the SHA-256 costs no second reading.
    """

    def __init__(self, path: Path, *, hashed: bool) -> None:
        self._file = path.open("rb")
        self.size = os.fstat(self._file.fileno()).st_size
        self._digest = hashlib.sha256()
        self._passed = 0 if hashed else self.size

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def read(self, size: int, offset: int) -> bytes:
        """Return `size` bytes from `offset`; fewer only at the end of the file."""
        self._pass(offset)
        data = os.pread(self._file.fileno(), size, offset)
        if offset == self._passed:
            self._digest.update(data)
            self._passed += len(data)
        return data

    def sha256(self) -> str:
        """Return the SHA-256 of the whole file in hexadecimal."""
        self._pass(self.size)
        return self._digest.hexdigest()

    def _pass(self, offset: int) -> None:
        """Hash what lies between the bytes read and `offset`."""
        while self._passed < offset:
            data = os.pread(self._file.fileno(), min(CHUNK, offset - self._passed), self._passed)
            if not data:
                return
            self._digest.update(data)
            self._passed += len(data)
