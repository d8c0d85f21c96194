# SPDX-License-Identifier: MIT-0
"""The pictures that may be exported, each once, however often it was sent.

A picture is known by the SHA-256 of its bytes, of which its image id has the first 64 bits. Its bytes wait on the disk;
memory holds some hundred bytes a picture.
"""

import threading
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from pipeline_src.lesions.spill import Place, Spill

PREFIX: Final = "PROD_"
_DIGITS: Final = 16


@dataclass
class Pictured:
    """One picture.

    Attributes:
        place: where its bytes wait.
        names: the ids by which it was asked for.
        label: that of the earlier archive, empty if it was not in it.
    """

    place: Place
    names: set[str] = field(default_factory=set)
    label: str = ""


class Pool:
    """The pictures; any thread may add to it.

    Attributes:
        pictures: by image id.
    """

    def __init__(self, spill: Spill) -> None:
        self.pictures: dict[str, Pictured] = {}
        self._spill = spill
        self._lock = threading.Lock()

    def add(self, data: bytes | bytearray, *, names: set[str] | None = None, label: str = "") -> None:
        """Add the picture `data`, or what is new about it."""
        name = image_id(data)
        with self._lock:
            if name not in self.pictures:
                self.pictures[name] = Pictured(self._spill.add(bytes(data)))
            self.pictures[name].names |= names or set()
            self.pictures[name].label = label or self.pictures[name].label

    def content(self, name: str) -> bytes:
        """Return the bytes of the picture with this image id."""
        return self._spill.read(self.pictures[name].place)


def image_id(data: bytes | bytearray) -> str:
    """Return the image id, and the lesion id, of the picture `data`."""
    return PREFIX + sha256(data).hexdigest()[:_DIGITS]
