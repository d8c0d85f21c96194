# SPDX-License-Identifier: MIT-0
"""Makes a synthetic archive in the layout of HAM10000's ``dataverse_files.zip``.

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

from local.sample import appearance, cohort, disguise, drawing

PARTS: Final = ("HAM10000_images_part_1.zip", "HAM10000_images_part_2.zip")
METADATA: Final = "HAM10000_metadata"
OFFICIAL_IMAGES: Final = "ISIC2018_Task3_Test_Images.zip"
OFFICIAL_TRUTH: Final = "ISIC2018_Task3_Test_GroundTruth.csv"
_MODE: Final = 0o644  # a temporary file is its owner's alone
_AHEAD: Final = 16  # pictures that may wait for being written: about 4 MB

Progress = Callable[[int, int], None]


def write_archive(  # noqa: PLR0913  each is one wish of whoever orders an archive, by keyword
    path: Path,
    *,
    images: int = 700,
    seed: int = 7,
    progress: Progress | None = None,
    workers: int = 2,
    official: int = 0,
    twins: int = 0,
) -> None:
    """Write a synthetic archive of `images` pictures to `path`.

    Classes and lesions are in the proportions of HAM10000; `cohort.FLOOR` keeps the rare classes of small archives
    alive. The same seed gives the same bytes with the same versions of numpy and Pillow, whatever `workers` is.

    Args:
        path: where the archive goes; it is whole or not there, even where two processes write it at once.
        images: how many pictures, at least 21; about 240 KB each.
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
    _check(images, seed, official, twins)
    shots, table = cohort.plan(images, seed, twins)
    tests, truth = cohort.plan_official(official, seed, shots)
    painter = _Painter(seed, len(shots) + len(tests), progress or (lambda _done, _total: None), workers)
    with _aside(path) as aside, ZipFile(aside, "w", ZIP_DEFLATED, compresslevel=0) as outer, painter:
        for part, half in zip(PARTS, _halves(shots), strict=True):
            painter.write(outer, part, half)
        outer.writestr(ZipInfo(METADATA), table, ZIP_DEFLATED, 6)
        if tests:
            painter.write(outer, OFFICIAL_IMAGES, tests, folder=f"{OFFICIAL_IMAGES.removesuffix('.zip')}/")
            outer.writestr(ZipInfo(OFFICIAL_TRUTH), truth, ZIP_DEFLATED, 6)


def _halves(shots: list[cohort.Shot]) -> tuple[list[cohort.Shot], list[cohort.Shot]]:
    """Return the lower and the upper half of the image ids, of which the original's two parts consist."""
    return shots[: len(shots) // 2], shots[len(shots) // 2 :]


@contextlib.contextmanager
def _aside(path: Path) -> Iterator[Path]:
    """Yield a file to write, which takes the place of `path` on leaving; on an error it is removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    os.close(handle)
    aside = Path(name)
    try:
        yield aside
        aside.chmod(_MODE)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def _check(images: int, seed: int, official: int, twins: int) -> None:
    least = cohort.FLOOR * len(cohort.REAL_IMAGES)
    if images < least:
        raise ValueError(f"images {images}: every class needs {cohort.FLOOR} images. Ask for {least} or more.")
    if seed < 0:
        raise ValueError(f"seed {seed}: a seed is 0 or more. Give another.")
    if min(official, twins) < 0:
        raise ValueError(f"official {official}, twins {twins}: neither can be below 0. Give others.")


class _Painter:
    """Draws pictures in its threads and packs them in their order; a context manager."""

    def __init__(self, seed: int, total: int, progress: Progress, workers: int) -> None:
        self._seed, self._total, self._progress = seed, total, progress
        self._studio, self._done = drawing.Studio(seed), 0
        self._pool = ThreadPoolExecutor(workers)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()

    def write(self, outer: ZipFile, name: str, shots: list[cohort.Shot], folder: str = "") -> None:
        """Write the inner zip `name` with the pictures of `shots`, below `folder`."""
        with tempfile.TemporaryFile(dir=Path(outer.filename or ".").parent) as file:
            with ZipFile(file, "w", ZIP_DEFLATED, compresslevel=1) as inner:
                for shot, picture in self._pictures(shots):
                    inner.writestr(ZipInfo(f"{folder}{shot.image_id}.jpg"), picture, ZIP_DEFLATED, 1)
                    self._done += 1
                    self._progress(self._done, self._total)
            _copy(file, outer, name)

    def _pictures(self, shots: list[cohort.Shot]) -> Iterator[tuple[cohort.Shot, bytes]]:
        """Yield the pictures of `shots` in their order, at most `_AHEAD` of them drawn and waiting."""
        waiting: deque[tuple[cohort.Shot, Future[bytes]]] = deque()
        for shot in shots:
            waiting.append((shot, self._pool.submit(self._picture, shot)))
            if len(waiting) > _AHEAD:
                first, future = waiting.popleft()
                yield first, future.result()
        for first, future in waiting:
            yield first, future.result()

    def _picture(self, shot: cohort.Shot) -> bytes:
        subject = appearance.lesion(shot.label, np.random.default_rng([self._seed, 2, shot.lesion]))
        picture = self._studio.picture(subject, np.random.default_rng([self._seed, 3, shot.number]))
        return picture if shot.edit is None else disguise.disguised(picture, shot.edit)


def _copy(file: IO[bytes], outer: ZipFile, name: str) -> None:
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    with outer.open(name, "w", force_zip64=size >= 1 << 31) as target:
        shutil.copyfileobj(file, target, 1 << 20)
