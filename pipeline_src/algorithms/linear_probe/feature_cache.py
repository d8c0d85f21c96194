# SPDX-License-Identifier: MIT-0
"""Keeps computed features in a folder, so that an interrupted or a later training job computes only what is missing.

A feature vector's key is the SHA-256 of the encoded image and the view; the backbone's digest and the image size stand
in the file's header. A file is named after the SHA-256 of its content: ``features-<digest>.bin``. It is complete or
absent, because it is written under another name and then renamed. Several hundred vectors share a file.

Content: one line of JSON (`_Header`), then the keys (33 bytes each), then the vectors (float32, little-endian).

Other files of the folder, and those of another backbone or image size, are left alone.
"""

import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

SHARD_VECTORS: Final = 512
_FILE: Final = re.compile(r"features-([0-9a-f]{64})\.bin")
_FORMAT: Final = 1
_PARTIAL_FILE: Final = "features.partial"  # one name: what a killed job left there is overwritten
_DIGEST_BYTES: Final = 32
_HEADER_LIMIT: Final = 4096  # bytes


class FeatureKey(NamedTuple):
    """SHA-256 of an encoded image, and the number of its view."""

    image: bytes
    view: int


@dataclass(frozen=True, kw_only=True)
class _Header:
    """First line of a file: what its features were computed with, the vectors' length, and their number."""

    format: int
    backbone: str
    image_side: int
    length: int
    count: int


class FeatureCache:
    """The features in one folder that belong to one backbone and one image size.

    Several threads may call `add` at once.

    Attributes:
        length: length of a feature vector.

    Args:
        folder: where the files are; made if it is missing.
        backbone: digest of the backbone.
        image_side: side of the images in pixels.
        length: length of a feature vector.
        notice: receives a line of text for each file that cannot be used.
    """

    def __init__(
        self, folder: Path, *, backbone: str, image_side: int, length: int, notice: Callable[[str], None]
    ) -> None:
        self._folder = folder
        self._empty = _Header(format=_FORMAT, backbone=backbone, image_side=image_side, length=length, count=0)
        self.length = length
        self._notice = notice
        self._lock = threading.Lock()
        self._waiting: list[tuple[FeatureKey, NDArray[np.float32]]] = []

    def read_features(self) -> Iterator[tuple[FeatureKey, NDArray[np.float32]]]:
        """Yield the stored vectors, one file in memory at a time.

        A file that is damaged, or holds a number that is not finite, is removed with a notice: its features are to be
        computed again.

        Raises:
            OSError: the folder cannot be read.
        """
        for path in sorted(self._folder.glob("features-*.bin")):
            name = _FILE.fullmatch(path.name)
            if name and self._is_ours(path):
                content = path.read_bytes()
                vectors = self._parse(content) if hashlib.sha256(content).hexdigest() == name[1] else None
                if vectors is None:
                    self._notice(f"{path}: damaged; removed. Its features are computed again.")
                    path.unlink()
                else:
                    yield from vectors

    def add(self, key: FeatureKey, vector: NDArray[np.float32]) -> None:
        """Keep `vector`; every `SHARD_VECTORS` of them are written to a file.

        Raises:
            OSError: for example the disk is full.
        """
        with self._lock:
            self._waiting.append((key, vector))
            if len(self._waiting) >= SHARD_VECTORS:
                self._write()

    def flush(self) -> None:
        """Write the vectors that are not yet in a file.

        Raises:
            OSError: for example the disk is full.
        """
        with self._lock:
            if self._waiting:
                self._write()

    def _write(self) -> None:
        header = replace(self._empty, count=len(self._waiting))
        content = b"".join(
            [
                json.dumps(asdict(header), sort_keys=True).encode() + b"\n",
                *(key.image + bytes([key.view]) for key, _ in self._waiting),
                *(np.ascontiguousarray(vector, "<f4").tobytes() for _, vector in self._waiting),
            ]
        )
        self._folder.mkdir(parents=True, exist_ok=True)
        partial = self._folder / _PARTIAL_FILE
        partial.write_bytes(content)
        partial.replace(self._folder / f"features-{hashlib.sha256(content).hexdigest()}.bin")
        self._waiting.clear()

    def _is_ours(self, path: Path) -> bool:
        """Return False only for a readable header of another backbone or image size."""
        with path.open("rb") as file:
            header = _parse_header(file.readline(_HEADER_LIMIT))
        return header is None or replace(header, count=0) == self._empty

    def _parse(self, content: bytes) -> Iterator[tuple[FeatureKey, NDArray[np.float32]]] | None:
        """Return the vectors in `content`, whose digest is right; None if one of them cannot be a feature vector."""
        header = _parse_header(content[:_HEADER_LIMIT].partition(b"\n")[0])
        if header is None:
            return None
        start, size = content.index(b"\n") + 1, _DIGEST_BYTES + 1
        values = np.frombuffer(content, "<f4", offset=start + header.count * size) if header.count else np.empty(0)
        if values.size != header.count * self.length or not np.isfinite(values).all():
            return None
        keys = (content[start + n * size : start + (n + 1) * size] for n in range(header.count))
        vectors = values.astype(np.float32, copy=False).reshape(header.count, self.length)
        return ((FeatureKey(key[:-1], key[-1]), vector) for key, vector in zip(keys, vectors, strict=True))


def _parse_header(line: bytes) -> _Header | None:
    try:
        return _Header(**json.loads(line))
    except (ValueError, TypeError, RecursionError):
        return None
