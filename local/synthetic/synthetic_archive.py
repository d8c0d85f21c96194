# SPDX-License-Identifier: MIT-0
"""Writes a synthetic archive in the layout of HAM10000's ``dataverse_files.zip``.

Source of the layout and the counts: Tschandl, Rosendahl, Kittler, "The HAM10000 dataset", Scientific Data 5,
180161 (2018), and the download itself. None of its data is used: `synthetic_cohort` generates the table,
`lesion_drawing` the images.
"""

import contextlib
import io
import os
import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final, Self
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import numpy as np
from PIL import Image

from local.synthetic import lesion_drawing, synthetic_cohort
from local.synthetic.synthetic_cohort import PlannedImage

_CROPPED_SHARE: Final = 0.02  # of each side


def _crop_image(image: Image.Image) -> Image.Image:
    return image.crop(
        (round(image.width * _CROPPED_SHARE), round(image.height * _CROPPED_SHARE), image.width, image.height)
    )


# The edits that a copy of an image may have undergone before it was added to a collection again.
COPY_EDITS: Final[tuple[Callable[[Image.Image], Image.Image], ...]] = (
    lambda image: image,  # saved again, not edited
    lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    lambda image: image.transpose(Image.Transpose.ROTATE_90),
    _crop_image,
)


def edit_image_copy(content: bytes, edit: int) -> bytes:
    """Return a JPEG after edit number `edit` modulo their number, with its EXIF data and comment."""
    image = Image.open(io.BytesIO(content))
    file = io.BytesIO()
    metadata = {"exif": image.getexif(), "comment": image.info["comment"]}
    COPY_EDITS[edit % len(COPY_EDITS)](image).save(file, "JPEG", quality=85, **metadata)
    return file.getvalue()


IMAGE_PARTS: Final = ("HAM10000_images_part_1.zip", "HAM10000_images_part_2.zip")
METADATA_FILE: Final = "HAM10000_metadata"
OFFICIAL_IMAGES: Final = "ISIC2018_Task3_Test_Images.zip"
OFFICIAL_TRUTH: Final = "ISIC2018_Task3_Test_GroundTruth.csv"
_ARCHIVE_MODE: Final = 0o644  # a temporary file is readable by its owner only
_IMAGES_AHEAD: Final = 16  # images drawn and waiting to be written: about 4 MB

ProgressCallback = Callable[[int, int], None]


def write_synthetic_archive(  # noqa: PLR0913  one parameter for each option
    path: Path,
    *,
    images: int = 700,
    seed: int = 7,
    progress: ProgressCallback | None = None,
    workers: int = 2,
    official: int = 0,
    twins: int = 0,
) -> None:
    """Write a synthetic archive of `images` images to `path`.

    Classes and lesions are in the proportions of HAM10000, with at least `synthetic_cohort.MINIMUM_PER_CLASS` images of
    each class. The same seed gives the same bytes with the same versions of numpy and Pillow, whatever `workers` is.

    Args:
        path: The archive, which is written atomically, even where two processes write it at once.
        images: Number of images, at least `MINIMUM_PER_CLASS` of each class; about 240 KB each.
        seed: Seed of the images and the table, from 0.
        progress: Called as ``progress(done, total)`` after each image.
        workers: Number of drawing threads; drawing and encoding release the interpreter lock.
        official: Number of images of the ISIC 2018 Task 3 test set, which recent editions contain; 0 for none.
        twins: Number of copies of images to add (in turn saved again, flipped, rotated or cropped), each under its
            own lesion id. About half of them are in another split than their originals.

    Raises:
        ValueError: A number is too small.
        OSError: `path` cannot be written.
    """
    _check_numbers(images, seed, official, twins)
    planned, table = synthetic_cohort.plan_images(images, seed, twins)
    tests, truth = synthetic_cohort.plan_official_images(official, seed, planned)
    packer = _ImagePacker(seed, len(planned) + len(tests), progress or (lambda _done, _total: None), workers)
    with _temporary_archive(path) as temporary, ZipFile(temporary, "w", ZIP_DEFLATED, compresslevel=0) as outer, packer:
        # The first part of the original has the lower half of the image ids.
        middle = len(planned) // 2
        for part, half in zip(IMAGE_PARTS, (planned[:middle], planned[middle:]), strict=True):
            packer.write(outer, part, half)
        outer.writestr(ZipInfo(METADATA_FILE), table, ZIP_DEFLATED, 6)
        if tests:
            packer.write(outer, OFFICIAL_IMAGES, tests, folder=f"{OFFICIAL_IMAGES.removesuffix('.zip')}/")
            outer.writestr(ZipInfo(OFFICIAL_TRUTH), truth, ZIP_DEFLATED, 6)


@contextlib.contextmanager
def _temporary_archive(path: Path) -> Iterator[Path]:
    """Yield a temporary file, which is renamed to `path` at the end, and removed after an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(_ARCHIVE_MODE)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _check_numbers(images: int, seed: int, official: int, twins: int) -> None:
    least = synthetic_cohort.MINIMUM_PER_CLASS * len(synthetic_cohort.CLASS_IMAGES)
    if images < least:
        raise ValueError(
            f"images {images}: every class needs {synthetic_cohort.MINIMUM_PER_CLASS} images. Use {least} or more."
        )
    if seed < 0:
        raise ValueError(f"seed {seed}: a seed must be 0 or more.")
    if min(official, twins) < 0:
        raise ValueError(f"official {official}, twins {twins}: neither can be below 0.")


class _ImagePacker:
    """Draws images in threads and packs them in order; a context manager."""

    def __init__(self, seed: int, total: int, progress: ProgressCallback, workers: int) -> None:
        self._seed, self._total, self._progress = seed, total, progress
        self._renderer, self._done = lesion_drawing.LesionRenderer(seed), 0
        self._pool = ThreadPoolExecutor(workers)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()

    def write(self, outer: ZipFile, name: str, planned: list[PlannedImage], folder: str = "") -> None:
        """Write the inner ZIP file `name` with the images `planned`, below `folder`."""
        with tempfile.TemporaryFile(dir=Path(outer.filename or ".").parent) as file:
            with ZipFile(file, "w", ZIP_DEFLATED, compresslevel=1) as inner:
                for image, content in self._draw(planned):
                    inner.writestr(ZipInfo(f"{folder}{image.image_id}.jpg"), content, ZIP_DEFLATED, 1)
                    self._done += 1
                    self._progress(self._done, self._total)
            size = file.seek(0, io.SEEK_END)
            file.seek(0)
            with outer.open(name, "w", force_zip64=size >= 1 << 31) as target:
                shutil.copyfileobj(file, target, 1 << 20)

    def _draw(self, planned: list[PlannedImage]) -> Iterator[tuple[PlannedImage, bytes]]:
        """Yield the images in order, at most `_IMAGES_AHEAD` of them drawn and waiting."""
        waiting: deque[tuple[PlannedImage, Future[bytes]]] = deque()
        for image in planned:
            waiting.append((image, self._pool.submit(self._draw_image, image)))
            if len(waiting) > _IMAGES_AHEAD:
                first, future = waiting.popleft()
                yield first, future.result()
        for first, future in waiting:
            yield first, future.result()

    def _draw_image(self, image: PlannedImage) -> bytes:
        lesion = lesion_drawing.random_lesion(image.label, np.random.default_rng([self._seed, 2, image.lesion]))
        content = self._renderer.picture(lesion, np.random.default_rng([self._seed, 3, image.number]))
        return content if image.edit is None else edit_image_copy(content, image.edit)
