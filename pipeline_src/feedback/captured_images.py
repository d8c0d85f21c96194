# SPDX-License-Identifier: MIT-0
"""Collects the labelled images of captured requests, each once however often it was sent.

An image is identified by the SHA-256 of its bytes, whose first 64 bits make its image id. Its bytes are kept on disk;
memory holds some hundred bytes per image.
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
    """One image.

    Attributes:
        place: location of its bytes.
        names: the ids of the requests that sent it.
        label: its label in the earlier archive, empty if it was not there.
    """

    place: RecordLocation
    names: set[str] = field(default_factory=set)
    label: str = ""


class ImagePool:
    """All collected images; any thread may add to it.

    Attributes:
        images: the images by image id.
    """

    def __init__(self, records: RecordSpool) -> None:
        self.images: dict[str, PooledImage] = {}
        self._records = records
        self._lock = threading.Lock()

    def add(self, data: bytes | bytearray, *, names: set[str] | None = None, label: str = "") -> None:
        """Add the image `data`, or new ids and a new label of a known one."""
        name = image_id_of_bytes(data)
        with self._lock:
            if name not in self.images:
                self.images[name] = PooledImage(self._records.add(bytes(data)))
            self.images[name].names |= names or set()
            self.images[name].label = label or self.images[name].label

    def content(self, name: str) -> bytes:
        """Return the bytes of the image with the id `name`."""
        return self._records.read(self.images[name].place)


def image_id_of_bytes(data: bytes | bytearray) -> str:
    """Return the image id of `data`, which is its lesion id too."""
    return IMAGE_ID_PREFIX + sha256(data).hexdigest()[:_DIGITS]


@dataclass
class CapturedImages:
    """Counts of the captured requests.

    Attributes:
        captured: number of requests that could be read.
        labelled: number of them with a label.
        seen: ids of the labelled requests.
        rejections: lines that could not be used.
    """

    captured: int = 0
    labelled: int = 0
    seen: set[str] = field(default_factory=set)
    rejections: RejectedLines = field(default_factory=RejectedLines)


def collect_labelled_images(folder: Path, labelled: Container[str], pool: ImagePool, workers: int) -> CapturedImages:
    """Add the images of all labelled requests below `folder` to `pool`.

    Args:
        folder: folder of the captured files; it may be missing.
        labelled: the event and inference ids that have a label.
        pool: receives the images.
        workers: number of threads that decode them.
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
        """Read one line, or count why it cannot be read."""
        try:
            event = captured_requests.parse_event(line)
            names = {name for name in (event.event_id, event.inference_id) if name and name in self._labelled}
            if names:
                self._pool.add(_verified_image(captured_requests.image_of_event(event), str(line.place)), names=names)
        except CaptureError as error:
            self.found.rejections.add(line.place, error)
        else:
            with self._lock:
                self.found.captured += 1
                self.found.labelled += bool(names)
                self.found.seen |= names


def _verified_image(data: bytes, place: str) -> bytes:
    """Return `data` if Preprocess accepts it."""
    try:
        image_codec.verify_image(data, place)
    except BadInputError as error:
        raise CaptureError(captured_requests.UNDECODABLE_IMAGE, str(error)) from None
    return data
