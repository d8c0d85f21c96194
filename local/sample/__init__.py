# SPDX-License-Identifier: MIT-0
"""Makes a synthetic archive in the layout of HAM10000's ``dataverse_files.zip``.

Source of the layout and the counts: Tschandl, Rosendahl, Kittler, "The HAM10000 dataset", Scientific Data 5,
180161 (2018), and the download itself. Nothing of it is used: `cohort` invents the table, `appearance` and `drawing`
the pictures.
"""

import io
import os
import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import IO, Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import numpy as np

from local.sample import appearance, cohort, drawing

PARTS: Final = ("HAM10000_images_part_1.zip", "HAM10000_images_part_2.zip")
METADATA: Final = "HAM10000_metadata"
_MODE: Final = 0o644  # a temporary file is its owner's alone
_AHEAD: Final = 16  # pictures that may wait for being written: about 4 MB

Progress = Callable[[int, int], None]


def write_archive(
    path: Path, *, images: int = 700, seed: int = 7, progress: Progress | None = None, workers: int = 2
) -> None:
    """Write a synthetic archive of `images` pictures to `path`.

    Classes and lesions are in the proportions of HAM10000, but no class has fewer than three images, nor fewer than
    six lesions where it has as many images: small archives hold a little more of the rare classes than the real one.
    The same seed gives the same bytes with the same versions of numpy and Pillow, whatever the number of `workers`
    (threads: drawing and encoding release the interpreter).

    Args:
        path: where the archive goes; written aside and renamed, so that it is whole or not there, even where
            two processes write it at once.
        images: how many pictures, at least 21; about 240 KB each.
        seed: what the pictures and the table are drawn from, from 0.
        progress: called as ``progress(done, total)`` after each picture.
        workers: how many threads draw.

    Raises:
        ValueError: `images` or `seed` is too small.
        OSError: `path` cannot be written.
    """
    least = cohort.FLOOR * len(cohort.REAL_IMAGES)
    if images < least:
        raise ValueError(f"images {images}: every class needs {cohort.FLOOR} images. Ask for {least} or more.")
    if seed < 0:
        raise ValueError(f"seed {seed}: a seed is 0 or more. Give another.")
    shots, table = cohort.plan(images, seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    os.close(handle)
    aside = Path(name)
    try:
        with ZipFile(aside, "w", ZIP_DEFLATED, compresslevel=0) as outer:
            _write_parts(outer, shots, seed=seed, progress=progress or (lambda _done, _total: None), workers=workers)
            outer.writestr(ZipInfo(METADATA), table, ZIP_DEFLATED, 6)
        aside.chmod(_MODE)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def _write_parts(outer: ZipFile, shots: list[cohort.Shot], *, seed: int, progress: Progress, workers: int) -> None:
    """Write both inner zips: as in the original, the first holds the lower half of the image ids."""
    folder = Path(outer.filename or ".").parent
    halves = (shots[: len(shots) // 2], shots[len(shots) // 2 :])
    studio, done = drawing.Studio(seed), 0
    with ThreadPoolExecutor(workers) as pool:
        for part, half in zip(PARTS, halves, strict=True):
            with tempfile.TemporaryFile(dir=folder) as file:
                with ZipFile(file, "w", ZIP_DEFLATED, compresslevel=1) as inner:
                    for shot, picture in _pictures(pool, studio, half, seed):
                        inner.writestr(ZipInfo(f"{shot.image_id}.jpg"), picture, ZIP_DEFLATED, 1)
                        done += 1
                        progress(done, len(shots))
                _copy(file, outer, part)


def _pictures(
    pool: ThreadPoolExecutor, studio: drawing.Studio, shots: list[cohort.Shot], seed: int
) -> Iterator[tuple[cohort.Shot, bytes]]:
    """Yield the pictures of `shots` in their order, at most `_AHEAD` of them drawn and waiting."""
    waiting: deque[tuple[cohort.Shot, Future[bytes]]] = deque()
    for shot in shots:
        waiting.append((shot, pool.submit(_picture, studio, shot, seed)))
        if len(waiting) > _AHEAD:
            first, future = waiting.popleft()
            yield first, future.result()
    for first, future in waiting:
        yield first, future.result()


def _picture(studio: drawing.Studio, shot: cohort.Shot, seed: int) -> bytes:
    subject = appearance.lesion(shot.label, np.random.default_rng([seed, 2, shot.lesion]))
    return studio.picture(subject, np.random.default_rng([seed, 3, shot.number]))


def _copy(file: IO[bytes], outer: ZipFile, name: str) -> None:
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    with outer.open(name, "w", force_zip64=size >= 1 << 31) as target:
        shutil.copyfileobj(file, target, 1 << 20)
