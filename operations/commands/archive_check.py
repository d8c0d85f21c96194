# SPDX-License-Identifier: MIT-0
"""Checks and hashes an archive before its upload, so that Preprocess does not refuse it an hour later."""

import base64
import hashlib
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from operations.functions.errors import UsageError
from pipeline_src import contract

_MIB: Final = 1 << 20
_MIN_PART_BYTES: Final = 8 * _MIB  # S3 allows 5 MiB or more; a lost part is sent again in seconds
_MAX_PARTS: Final = 10_000  # S3's limit
_DOWNLOAD_REMEDY: Final = (
    'Download HAM10000 (doi 10.7910/DVN/DBW86T) from Harvard Dataverse as "Original Format Zip" and do not unpack it.'
)

ByteCallback: TypeAlias = Callable[[int], None]


@dataclass(frozen=True)
class ArchivePart:
    """One part of a multipart upload.

    Attributes:
        number: Number, from 1.
        offset: Offset in the file, in bytes.
        size: Size in bytes.
        checksum: SHA-256 in base64, as S3 expects it.
    """

    number: int
    offset: int
    size: int
    checksum: str


@dataclass(frozen=True)
class HashedArchive:
    """A checked and hashed archive.

    Attributes:
        path: Path of the file.
        size: Size in bytes.
        sha256: SHA-256 of the file, in hexadecimal.
        parts: Parts of the upload.
    """

    path: Path
    size: int
    sha256: str
    parts: tuple[ArchivePart, ...]

    @property
    def key(self) -> str:
        """Its key in the bucket."""
        return f"{contract.ARCHIVES_PREFIX}{self.sha256}.zip"


def check_archive(path: Path) -> None:
    """Check that a file is an archive of the dataset.

    Raises:
        UsageError: It does not exist, is not a complete ZIP file, or lacks the metadata or the images.
    """
    place = f"archive {str(path)!r}"
    if not path.exists():
        raise UsageError(f"{place}: no such file. Check the path.")
    if not path.is_file():
        raise UsageError(f"{place}: is a directory. Name the ZIP file.")
    names = [name.rpartition("/")[2] for name in _read_entry_names(path, place)]
    tables = sum(1 for name in names if contract.ARCHIVE_METADATA.fullmatch(name))
    if tables != 1:
        raise UsageError(
            f"{place}: expected one HAM10000_metadata, with or without .csv or .tab (found: "
            f"{tables}). {_DOWNLOAD_REMEDY}"
        )
    if not any(contract.ARCHIVE_PART.fullmatch(name) for name in names):
        loose = sum(1 for name in names if name.lower().endswith(contract.ARCHIVE_IMAGE_SUFFIXES))
        beside = f" ({loose} images outside of one)" if loose else ""
        raise UsageError(
            f"{place}: no inner ZIP file of images, such as HAM10000_images_part_1.zip{beside}. {_DOWNLOAD_REMEDY}"
        )


def _read_entry_names(path: Path, place: str) -> list[str]:
    try:
        with zipfile.ZipFile(path) as opened:
            return opened.namelist()
    except (zipfile.BadZipFile, ValueError, EOFError, NotImplementedError) as error:
        raise UsageError(
            f"{place}: not a ZIP file, or truncated ({path.stat().st_size:,} bytes: {error}). "
            f"Was the download interrupted? {_DOWNLOAD_REMEDY}"
        ) from error


def hash_archive(path: Path, progress: ByteCallback = lambda _bytes: None) -> HashedArchive:
    """Return the archive with the hashes of the file and of its parts.

    Args:
        path: A checked archive.
        progress: Called with the number of bytes after each part.

    Raises:
        UsageError: The file became shorter during reading.
    """
    size = path.stat().st_size
    step = choose_part_bytes(size)
    whole, parts = hashlib.sha256(), []
    with path.open("rb") as file:
        for number, offset in enumerate(range(0, size, step), 1):
            data = file.read(min(step, size - offset))
            whole.update(data)
            parts.append(
                ArchivePart(number, offset, len(data), base64.b64encode(hashlib.sha256(data).digest()).decode())
            )
            progress(len(data))
    if sum(part.size for part in parts) != size:
        raise UsageError(f"archive {str(path)!r}: the file changed during reading. Wait until it is complete.")
    return HashedArchive(path, size, whole.hexdigest(), tuple(parts))


def choose_part_bytes(size: int) -> int:
    """Return the size of the parts for an archive of `size` bytes: 8 MiB, or more if that would be too many parts."""
    fewest = -(-size // _MAX_PARTS)
    return max(_MIN_PART_BYTES, -(-fewest // _MIB) * _MIB)


def read_archive_part(archive: HashedArchive, part: ArchivePart) -> bytes:
    """Return the bytes of a part; S3 compares them with its checksum."""
    with archive.path.open("rb") as file:
        file.seek(part.offset)
        return file.read(part.size)
