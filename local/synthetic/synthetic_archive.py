# SPDX-License-Identifier: MIT-0
"""What happens to a picture on its way into a collection that holds it already: it is saved anew, turned or cropped.

Makes a synthetic archive in the layout of HAM10000's ``dataverse_files.zip``.

Source of the layout and the counts: Tschandl, Rosendahl, Kittler, "The HAM10000 dataset", Scientific Data 5,
180161 (2018), and the download itself. Nothing of it is used: `cohort` invents the table, `appearance` and `drawing`
the pictures.
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
from typing import IO, Final, Self
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import numpy as np
from PIL import Image

from local.synthetic import lesion_drawing, synthetic_cohort

_CROPPED_SHARE: Final = 0.02  # of each side


def _crop_image(image: Image.Image) -> Image.Image:
    return image.crop(
        (round(image.width * _CROPPED_SHARE), round(image.height * _CROPPED_SHARE), image.width, image.height)
    )


COPY_EDITS: Final[tuple[Callable[[Image.Image], Image.Image], ...]] = (
    lambda image: image,  # saved anew, no more
    lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    lambda image: image.transpose(Image.Transpose.ROTATE_90),
    _crop_image,
)


def edit_image_copy(picture: bytes, edit: int) -> bytes:
    """Return the JPEG `picture` after edit number `edit`, counted round `EDITS`, saved anew with its notices."""
    image = Image.open(io.BytesIO(picture))
    file = io.BytesIO()
    notices = {"exif": image.getexif(), "comment": image.info["comment"]}
    COPY_EDITS[edit % len(COPY_EDITS)](image).save(file, "JPEG", quality=85, **notices)
    return file.getvalue()


IMAGE_PARTS: Final = ("HAM10000_images_part_1.zip", "HAM10000_images_part_2.zip")
METADATA_FILE: Final = "HAM10000_metadata"
OFFICIAL_IMAGES: Final = "ISIC2018_Task3_Test_Images.zip"
OFFICIAL_TRUTH: Final = "ISIC2018_Task3_Test_GroundTruth.csv"
_ARCHIVE_MODE: Final = 0o644  # a temporary file is its owner's alone
_IMAGES_AHEAD: Final = 16  # pictures that may wait for being written: about 4 MB

ProgressCallback = Callable[[int, int], None]


def write_synthetic_archive(  # noqa: PLR0913  each is one wish of whoever orders an archive, by keyword
    path: Path,
    *,
    images: int = 700,
    seed: int = 7,
    progress: ProgressCallback | None = None,
    workers: int = 2,
    official: int = 0,
    twins: int = 0,
) -> None:
    """Write a synthetic archive of `images` pictures to `path`.

    Classes and lesions are in the proportions of HAM10000; `cohort.FLOOR` keeps the rare classes of small archives
    alive. The same seed gives the same bytes with the same versions of numpy and Pillow, whatever `workers` is.

    Args:
        path: where the archive goes; it is whole or not there, even where two processes write it at once.
        images: how many pictures, at least `MINIMUM_PER_CLASS` for each class; about 240 KB each.
        seed: what the pictures and the table are drawn from, from 0.
        progress: called as ``progress(done, total)`` after each picture.
        workers: how many threads draw; drawing and encoding release the interpreter.
        official: how many pictures the test set of ISIC 2018 Task 3 has that recent editions hold too; 0 for none.
        twins: how many copies of pictures are added (saved anew, flipped, turned or cropped in turn), each under a
            lesion id of its own. About half of them come to lie in another split than their originals.

    Raises:
        ValueError: a number is too small.
        OSError: `path` cannot be written.
    """
    _check_numbers(images, seed, official, twins)
    shots, table = synthetic_cohort.plan_images(images, seed, twins)
    tests, truth = synthetic_cohort.plan_official_images(official, seed, shots)
    painter = _ImagePacker(seed, len(shots) + len(tests), progress or (lambda _done, _total: None), workers)
    with _temporary_archive(path) as aside, ZipFile(aside, "w", ZIP_DEFLATED, compresslevel=0) as outer, painter:
        for part, half in zip(IMAGE_PARTS, _halves(shots), strict=True):
            painter.write(outer, part, half)
        outer.writestr(ZipInfo(METADATA_FILE), table, ZIP_DEFLATED, 6)
        if tests:
            painter.write(outer, OFFICIAL_IMAGES, tests, folder=f"{OFFICIAL_IMAGES.removesuffix('.zip')}/")
            outer.writestr(ZipInfo(OFFICIAL_TRUTH), truth, ZIP_DEFLATED, 6)


def _halves(
    shots: list[synthetic_cohort.PlannedImage],
) -> tuple[list[synthetic_cohort.PlannedImage], list[synthetic_cohort.PlannedImage]]:
    """Return the lower and the upper half of the image ids, of which the original's two parts consist."""
    return shots[: len(shots) // 2], shots[len(shots) // 2 :]


@contextlib.contextmanager
def _temporary_archive(path: Path) -> Iterator[Path]:
    """Yield a file to write, which takes the place of `path` on leaving; on an error it is removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    os.close(handle)
    aside = Path(name)
    try:
        yield aside
        aside.chmod(_ARCHIVE_MODE)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def _check_numbers(images: int, seed: int, official: int, twins: int) -> None:
    least = synthetic_cohort.MINIMUM_PER_CLASS * len(synthetic_cohort.CLASS_IMAGES)
    if images < least:
        raise ValueError(
            f"images {images}: every class needs {synthetic_cohort.MINIMUM_PER_CLASS} images. Ask for {least} or more."
        )
    if seed < 0:
        raise ValueError(f"seed {seed}: a seed is 0 or more. Give another.")
    if min(official, twins) < 0:
        raise ValueError(f"official {official}, twins {twins}: neither can be below 0. Give others.")


class _ImagePacker:
    """Draws pictures in its threads and packs them in their order; a context manager."""

    def __init__(self, seed: int, total: int, progress: ProgressCallback, workers: int) -> None:
        self._seed, self._total, self._progress = seed, total, progress
        self._studio, self._done = lesion_drawing.LesionRenderer(seed), 0
        self._pool = ThreadPoolExecutor(workers)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()

    def write(self, outer: ZipFile, name: str, shots: list[synthetic_cohort.PlannedImage], folder: str = "") -> None:
        """Write the inner zip `name` with the pictures of `shots`, below `folder`."""
        with tempfile.TemporaryFile(dir=Path(outer.filename or ".").parent) as file:
            with ZipFile(file, "w", ZIP_DEFLATED, compresslevel=1) as inner:
                for shot, picture in self._pictures(shots):
                    inner.writestr(ZipInfo(f"{folder}{shot.image_id}.jpg"), picture, ZIP_DEFLATED, 1)
                    self._done += 1
                    self._progress(self._done, self._total)
            _copy_into_zip(file, outer, name)

    def _pictures(
        self, shots: list[synthetic_cohort.PlannedImage]
    ) -> Iterator[tuple[synthetic_cohort.PlannedImage, bytes]]:
        """Yield the pictures of `shots` in their order, at most `_AHEAD` of them drawn and waiting."""
        waiting: deque[tuple[synthetic_cohort.PlannedImage, Future[bytes]]] = deque()
        for shot in shots:
            waiting.append((shot, self._pool.submit(self._picture, shot)))
            if len(waiting) > _IMAGES_AHEAD:
                first, future = waiting.popleft()
                yield first, future.result()
        for first, future in waiting:
            yield first, future.result()

    def _picture(self, shot: synthetic_cohort.PlannedImage) -> bytes:
        subject = lesion_drawing.random_lesion(shot.label, np.random.default_rng([self._seed, 2, shot.lesion]))
        picture = self._studio.picture(subject, np.random.default_rng([self._seed, 3, shot.number]))
        return picture if shot.edit is None else edit_image_copy(picture, shot.edit)


def _copy_into_zip(file: IO[bytes], outer: ZipFile, name: str) -> None:
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    with outer.open(name, "w", force_zip64=size >= 1 << 31) as target:
        shutil.copyfileobj(file, target, 1 << 20)
