# SPDX-License-Identifier: MIT-0
"""The local runner's home folder, and S3 as a folder tree in it.

The object ``s3://<bucket>/<key>`` is the file ``<root>/<bucket>/<key>``. Objects are hard links where the file system
supports them, else copies. They are created under a temporary name and renamed, and never modified in place.
"""

import hashlib
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from local.errors import StepError, UsageError
from local.json_files import TEMPORARY_PREFIX, write_file_atomically


@dataclass(frozen=True)
class LocalHome:
    """The folder of all runs, buckets and model packages, ``.local`` by default."""

    root: Path

    @property
    def s3(self) -> Path:
        """Buckets: ``s3/<bucket>/<key>``."""
        return self.root / "s3"

    @property
    def runs(self) -> Path:
        """Executions: ``runs/<id>/execution.json`` and a folder for each step; ``runs/latest`` links to the newest."""
        return self.root / "runs"

    @property
    def registry(self) -> Path:
        """Model packages: ``registry/<group>/<version>.json``."""
        return self.root / "registry"


_CHUNK: Final = 4 << 20  # bytes


def s3_uri_problem(uri: str) -> str:
    """Return why `uri` names no object or prefix of the store, with the remedy; empty if it does."""
    scheme, _, rest = uri.partition("://")
    parts = PurePosixPath(rest).parts
    if scheme != "s3" or not parts or ".." in parts or rest.startswith("/"):
        return "is not an S3 URI. Use s3://<bucket>/<key>."
    return ""


@dataclass(frozen=True)
class S3Store:
    """All buckets, as folders below `root`."""

    root: Path

    def path(self, uri: str) -> Path:
        """Return the file or folder of `uri`.

        Raises:
            StepError: `uri` is not an S3 URI, or leads out of the tree.
        """
        if problem := s3_uri_problem(uri):
            raise StepError(f"{uri!r} {problem}", code=2)
        return self.root.joinpath(*PurePosixPath(uri.partition("://")[2]).parts)

    def objects(self, uri: str) -> list[tuple[str, Path]]:
        """Return name and file of the object `uri`, or of all objects below the prefix `uri`, sorted by name.

        Raises:
            StepError: There is no object.
        """
        path = self.path(uri)
        if path.is_file():
            return [(path.name, path)]
        found = sorted((file.relative_to(path).as_posix(), file) for file in files_below(path))
        if not found:
            raise StepError(f"{uri}: no such object ({path}). Create it, or use another URI.", code=2)
        return found

    def put(self, source: Path, uri: str) -> None:
        """Store the file `source` as the object `uri`."""
        link_or_copy_file(source, self.path(uri))

    def write(self, content: bytes, uri: str, *, durable: bool = False) -> None:
        """Store `content` as the object `uri`; `durable`: it is on the disk on return."""
        write_file_atomically(self.path(uri), content, durable=durable)

    def put_folder(self, folder: Path, uri: str) -> None:
        """Store every file below `folder` as an object below the prefix `uri`."""
        for file in files_below(folder):
            link_or_copy_file(file, self.path(uri) / file.relative_to(folder))

    def fetch(self, uri: str, folder: Path) -> None:
        """Copy or link the object `uri`, or all objects below that prefix, into `folder`, which is created."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, file in self.objects(uri):
            link_or_copy_file(file, folder / name)

    def size(self, uri: str) -> tuple[int, int]:
        """Return the number and the total bytes of the objects of `uri`; (0, 0) where there are none."""
        path = self.path(uri)
        sizes = [file.stat().st_size for file in ([path] if path.is_file() else files_below(path))]
        return len(sizes), sum(sizes)


def files_below(folder: Path) -> Iterator[Path]:
    """Yield the regular files below `folder`, sorted by name, without temporary ones."""
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if path.is_file() and not path.name.startswith(TEMPORARY_PREFIX):
            yield path


def link_or_copy_file(source: Path, target: Path) -> None:
    """Make `target` a hard link to `source`, else a copy."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(TEMPORARY_PREFIX + secrets.token_hex(8))
    try:
        try:
            os.link(source.resolve(), temporary)
        except OSError:  # Another file system, or one without hard links.
            shutil.copyfile(source, temporary)
        temporary.replace(target)
    finally:
        # Renaming a link onto another link of the same file does nothing, so the temporary name may still exist.
        temporary.unlink(missing_ok=True)


def sha256_of_file(path: Path, *, progress: Callable[[int, int], None] | None = None) -> str:
    """Return the SHA-256 of the file, in hexadecimal.

    Args:
        path: The file.
        progress: Called with the bytes done and the total bytes.

    Raises:
        UsageError: The file changed while it was read.
    """
    before = path.stat()
    digest = hashlib.sha256()
    done = 0
    with path.open("rb") as file:
        # Stop at the initial size: a file that grows as fast as it is read would never end.
        while done <= before.st_size and (chunk := file.read(_CHUNK)):
            digest.update(chunk)
            done += len(chunk)
            if progress:
                progress(done, before.st_size)
    after = path.stat()
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise UsageError(f"{path}: the file changed while it was read. Wait until it is complete, then run again.")
    return digest.hexdigest()
