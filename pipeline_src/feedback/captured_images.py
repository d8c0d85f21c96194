# SPDX-License-Identifier: MIT-0
"""The pictures that may be exported, each once, however often it was sent.

A picture is known by the SHA-256 of its bytes, of which its image id has the first 64 bits. Its bytes wait on the disk;
memory holds some hundred bytes a picture.

The captured requests whose picture somebody has confirmed: one pass over them, a line at a time.
"""

import threading
from collections.abc import Container
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final

from pipeline_src.dataset import image_codec
from pipeline_src.drift import captured_requests
from pipeline_src.drift.captured_requests import CaptureError, CaptureLine, RejectedLines
from pipeline_src.runtime import worker_threads
from pipeline_src.runtime.errors import BadInputError
from pipeline_src.runtime.temporary_files import RecordLocation, RecordSpool

IMAGE_ID_PREFIX: Final = "PROD_"
_DIGITS: Final = 16


@dataclass
class PooledImage:
    """One picture.

    Attributes:
        place: where its bytes wait.
        names: the ids by which it was asked for.
        label: that of the earlier archive, empty if it was not in it.
    """

    place: RecordLocation
    names: set[str] = field(default_factory=set)
    label: str = ""


class ImagePool:
    """The pictures; any thread may add to it.

    Attributes:
        pictures: by image id.
    """

    def __init__(self, spill: RecordSpool) -> None:
        self.pictures: dict[str, PooledImage] = {}
        self._spill = spill
        self._lock = threading.Lock()

    def add(self, data: bytes | bytearray, *, names: set[str] | None = None, label: str = "") -> None:
        """Add the picture `data`, or what is new about it."""
        name = image_id_of_bytes(data)
        with self._lock:
            if name not in self.pictures:
                self.pictures[name] = PooledImage(self._spill.add(bytes(data)))
            self.pictures[name].names |= names or set()
            self.pictures[name].label = label or self.pictures[name].label

    def content(self, name: str) -> bytes:
        """Return the bytes of the picture with this image id."""
        return self._spill.read(self.pictures[name].place)


def image_id_of_bytes(data: bytes | bytearray) -> str:
    """Return the image id, and the lesion id, of the picture `data`."""
    return IMAGE_ID_PREFIX + sha256(data).hexdigest()[:_DIGITS]


@dataclass
class CapturedImages:
    """What the pass met.

    Attributes:
        captured: requests that could be read.
        labelled: those of them whose id has a label.
        seen: the ids of those.
        rejections: lines that could not be used.
    """

    captured: int = 0
    labelled: int = 0
    seen: set[str] = field(default_factory=set)
    rejections: RejectedLines = field(default_factory=RejectedLines)


def collect_labelled_images(folder: Path, labelled: Container[str], pool: ImagePool, workers: int) -> CapturedImages:
    """Put the pictures of all captured requests below `folder` that have a label into `pool`.

    Args:
        folder: of the captured files; it may be missing.
        labelled: the event and inference ids that have a label.
        pool: receives the pictures.
        workers: threads that decode them.
    """
    reader = _CaptureReader(labelled, pool)
    worker_threads.process_in_threads(captured_requests.read_capture_lines(folder), reader.take, workers)
    return reader.found


class _CaptureReader:
    def __init__(self, labelled: Container[str], pool: ImagePool) -> None:
        self.found = CapturedImages()
        self._labelled, self._pool = labelled, pool
        self._lock = threading.Lock()

    def take(self, line: CaptureLine) -> None:
        """Read one line, or count why it cannot be."""
        try:
            asked = captured_requests.parse_event(line)
            names = {name for name in (asked.event_id, asked.inference_id) if name and name in self._labelled}
            if names:
                self._pool.add(_verified_image(captured_requests.image_of_event(asked), str(line.place)), names=names)
        except CaptureError as error:
            self.found.rejections.add(line.place, error)
        else:
            with self._lock:
                self.found.captured += 1
                self.found.labelled += bool(names)
                self.found.seen |= names


def _verified_image(data: bytes, place: str) -> bytes:
    """Return `data` if Preprocess will take it."""
    try:
        image_codec.verify_image(data, place)
    except BadInputError as error:
        raise CaptureError(captured_requests.UNDECODABLE_IMAGE, str(error)) from None
    return data
