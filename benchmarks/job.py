# SPDX-License-Identifier: MIT-0
"""Runs Preprocess repeatedly, each time in a new folder; nothing is deleted before `Bench` is closed.

ext4 does not reuse the inode of a deleted file for minutes, and skips all such inodes whenever a file is created.
Deleting the images of one round would cost the next one up to two seconds, which a job on a new volume does not spend.
The files of a round are therefore truncated, which frees disk space and page cache, and removed at the end.
"""

import os
import shutil
import sys
from hashlib import file_digest, sha256
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from benchmarks import measure
from pipeline_src import contract

JOB: Final = "pipeline_src.jobs.preprocess"
UNAUDITED: Final = "benchmarks.unaudited"
_WRITTEN: Final = {
    *(contract.MANIFEST_FILE, contract.DATASET_CARD_FILE),
    *("train.idx", "validation.idx", "train.rec", "validation.rec"),
}


class Bench:
    """Context manager that runs the job in `folder` and removes the folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._runs = 0

    def __enter__(self) -> Self:
        """Start with an empty folder."""
        shutil.rmtree(self._folder, ignore_errors=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the folder."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def run(self, archive: Path, cores: frozenset[int], module: str = JOB) -> measure.Usage:
        """Run the job, or the one in `module`, on `archive` with one worker for each of `cores`.

        Raises:
            SystemExit: The job left files other than its outputs.
        """
        root, usage = self._run(archive, cores, module)
        _empty(root)
        return usage

    def digest(self, archive: Path, cores: frozenset[int]) -> str:
        """Run the job and return the SHA-256 over names and bytes of its outputs."""
        root, _ = self._run(archive, cores, JOB)
        total = sha256()
        for file in _outputs(root):
            with file.open("rb") as opened:
                total.update(f"{file.relative_to(root)} {file_digest(opened, 'sha256').hexdigest()}\n".encode())
        _empty(root)
        return total.hexdigest()

    def _run(self, archive: Path, cores: frozenset[int], module: str) -> tuple[Path, measure.Usage]:
        self._runs += 1
        root = self._folder / str(self._runs)
        (root / "tmp").mkdir(parents=True)
        inputs = root / "processing" / "input" / contract.ARCHIVE_INPUT
        inputs.mkdir(parents=True)
        os.link(archive, inputs / archive.name)
        command = (sys.executable, "-m", module)
        usage = measure.run(command, {"ML_ROOT": str(root), "TMPDIR": str(root / "tmp")}, cores)
        unexpected = [file for file in root.rglob("*") if file.is_file() and not _expected(file)]
        if unexpected:
            raise SystemExit(f"left on disk: {unexpected[:5]}")
        return root, usage


def _expected(file: Path) -> bool:
    return file.name in _WRITTEN or file.parent.name in {contract.HOLDOUT_OUTPUT, contract.ARCHIVE_INPUT}


def _outputs(root: Path) -> list[Path]:
    return sorted(path for path in (root / "processing" / "output").rglob("*") if path.is_file())


def _empty(root: Path) -> None:
    for file in _outputs(root):
        os.truncate(file, 0)
