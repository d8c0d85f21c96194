# SPDX-License-Identifier: MIT-0
"""Bytes that come in chunks, taken by count."""

from collections.abc import Iterator

from pipeline_src.lesions.entry import SIZE_LIMIT
from pipeline_src.lesions.error import BadInputError
from pipeline_src.lesions.source import Source


class Stream:
    """A position in bytes that come in chunks; `place` names them in errors."""

    def __init__(self, chunks: Iterator[bytes], place: Source) -> None:
        self._chunks = chunks
        self._place = place
        self._data = b""
        self._at = 0

    def peek(self, size: int, ahead: int = 0) -> bytes:
        """Return up to `size` bytes, `ahead` bytes from here, without moving on; fewer only at the end."""
        if len(self._data) - self._at < ahead + size:
            self._fill(ahead + size)
        return self._data[self._at + ahead : self._at + ahead + size]

    def take(self, size: int) -> bytes:
        """Return `size` bytes and move past them."""
        data = self.peek(size)
        if len(data) < size:
            raise BadInputError(f"{self._place}: cut short: it ends within an entry. {self._place.again}")
        self._at += size
        return data

    def find(self, mark: bytes, start: int) -> int:
        """Return where `mark` lies, at `start` bytes from here or after, or -1 at the end or the limit."""
        while True:
            at = self._data.find(mark, self._at + start)
            if at >= 0:
                return at - self._at
            held = len(self._data) - self._at
            if held > SIZE_LIMIT or not self._fill(held + 1):
                return -1
            start = max(start, held - len(mark) + 1)

    def drain(self) -> None:
        """Read on to the end, so that the source checks its own checksum."""
        for _ in self._chunks:
            pass

    def _fill(self, size: int) -> bool:
        pieces = [self._data[self._at :]]
        held = len(pieces[0])
        while held < size and (chunk := next(self._chunks, None)) is not None:
            pieces.append(chunk)
            held += len(chunk)
        self._data, self._at = b"".join(pieces), 0
        return held >= size
