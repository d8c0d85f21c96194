# SPDX-License-Identifier: MIT-0
"""Checks an archive and stores it under its SHA-256.

Step caching compares URIs only, so the key of an archive must depend on its content.
"""

import shlex
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from local.aws.s3_store import S3Store, files_below, sha256_of_file
from local.command_hints import program_command
from local.errors import UsageError
from pipeline_src import contract

_ZERO_DATE: Final = (1980, 1, 1, 0, 0, 0)  # the first that a ZIP can state: the bytes depend on no clock
_COPY_BYTES: Final = 1 << 20


class ArchiveKind(NamedTuple):
    """A kind of archive.

    Attributes:
        name: Its name in messages.
        command: The command that makes one.
        remedy: What to do about a damaged one.
    """

    name: str
    command: str
    remedy: str


BASE_ARCHIVE: Final = ArchiveKind("archive", "sample", "Download it again.")
ADDITIONAL_ARCHIVE: Final = ArchiveKind(
    "additional archive", "export", "Export it again from the same captures and labels."
)
EARLIER_ARCHIVE: Final = ArchiveKind(
    "earlier additional archive", "export", "Use the file as it was exported, or export without it."
)


def check_zip_archive(path: Path, kind: ArchiveKind = BASE_ARCHIVE) -> None:
    """Check that `path` is a ZIP file, or a folder of the files of the dataset.

    Raises:
        UsageError: It does not exist, is neither a file nor such a folder, cannot be read, or is not a ZIP file.
    """
    place = f"{kind.name} {str(path)!r}"
    if not path.exists():
        target = f" {shlex.quote(str(path))}" if kind is BASE_ARCHIVE else ""
        make = f"{program_command()} {kind.command}{target}"
        raise UsageError(f"{place}: no such file. Check the path, or make one: {make}")
    if path.is_dir():
        tables = (contract.ARCHIVE_METADATA, contract.ARCHIVE_DIAGNOSES)
        if not any(table.fullmatch(file.name) for file in files_below(path) for table in tables):
            raise UsageError(
                f"{place}: is a directory without HAM10000_metadata. Use the ZIP file, or the folder of its files."
            )
        return
    if not path.is_file():
        raise UsageError(f"{place}: is neither a file nor a directory. Use the ZIP file.")
    try:
        is_zip = zipfile.is_zipfile(path)
        with path.open("rb") as file:
            file.read(1)
    except OSError as error:
        raise UsageError(f"{place}: {error.strerror}. Make it readable.") from error
    if not is_zip:
        raise UsageError(f"{place}: not a ZIP file, or truncated ({path.stat().st_size:,} bytes). {kind.remedy}")


def pack_folder(folder: Path, target: Path) -> None:
    """Write the files below `folder` into the ZIP file `target`, uncompressed; equal files give equal bytes."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for file in files_below(folder):
            info = zipfile.ZipInfo(file.relative_to(folder).as_posix(), _ZERO_DATE)
            info.file_size = file.stat().st_size  # from which zipfile derives whether zip64 is needed
            with file.open("rb") as source, archive.open(info, "w") as sink:
                shutil.copyfileobj(source, sink, _COPY_BYTES)


def store_archive(
    path: Path, below: str, target: S3Store, *, progress: Callable[[int, int], None] | None = None
) -> str:
    """Store the archive and return its S3 URI.

    What is stored is what was hashed, even where the file is replaced meanwhile.

    Args:
        path: A checked archive.
        below: Bucket and prefix that receive ``<sha256>.zip``.
        target: The store.
        progress: Called with the bytes hashed and the total bytes.

    Raises:
        UsageError: The file changed or was replaced meanwhile.
    """
    digest = sha256_of_file(path, progress=progress)
    uri = f"s3://{below}{digest}.zip"
    stored = target.path(uri)
    # The stored file may be a link to a file that was since modified in place.
    if not (stored.is_file() and (stored.samefile(path) or sha256_of_file(stored) == digest)):
        target.put(path, uri)
        # The path may name another file by now.
        if sha256_of_file(stored) != digest:
            stored.unlink()
            raise UsageError(
                f"{path}: the file was replaced while it was read. Wait until it is complete, then run again."
            )
    return uri
