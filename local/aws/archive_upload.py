# SPDX-License-Identifier: MIT-0
"""The archive that a run starts from: checked, hashed and put into the store under its hash.

Its key carries its SHA-256, so that step caching, which looks at URIs alone, is right by construction.
"""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from local.aws.s3_store import S3Store, sha256_of_file
from local.errors import UsageError


class ArchiveKind(NamedTuple):
    """A kind of archive.

    Attributes:
        name: what messages call it.
        maker: the command that makes one.
        again: what to do where it is damaged.
    """

    name: str
    maker: str
    again: str


BASE_ARCHIVE: Final = ArchiveKind("archive", "sample", "Download it again, complete.")
ADDITIONAL_ARCHIVE: Final = ArchiveKind(
    "additional archive", "export", "Export it anew, from the same captures and labels."
)
EARLIER_ARCHIVE: Final = ArchiveKind(
    "earlier additional archive", "export", "Give it as it was exported, or export without it."
)


def check_zip_archive(path: Path, kind: ArchiveKind = BASE_ARCHIVE) -> None:
    """Refuse what is no zip file.

    Args:
        path: Of the file.
        kind: What messages call it, and how it is had.

    Raises:
        UsageError: The path is missing, no file, not readable or no zip file.
    """
    if not path.exists():
        raise UsageError(
            f"{kind.name} {str(path)!r}: no such file. Check the path, or make one: python -m local {kind.maker}."
        )
    if not path.is_file():
        raise UsageError(f"{kind.name} {str(path)!r}: it is a folder. Name the zip file itself, not what was unpacked.")
    try:
        is_zip = zipfile.is_zipfile(path)
        with path.open("rb") as file:
            file.read(1)
    except OSError as error:
        raise UsageError(f"{kind.name} {str(path)!r}: {error.strerror}. Make it readable.") from error
    if not is_zip:
        raise UsageError(
            f"{kind.name} {str(path)!r}: no zip file, or a truncated one ({path.stat().st_size:,} bytes). {kind.again}"
        )


def store_archive(
    path: Path, below: str, target: S3Store, *, progress: Callable[[int, int], None] | None = None
) -> str:
    """Put the archive into the store and return its S3 URI.

    Args:
        path: A checked archive.
        below: Bucket and prefix that receive ``<sha256>.zip``.
        target: The store.
        progress: Called with bytes hashed and bytes in all.
    """
    digest = sha256_of_file(path, progress=progress)
    uri = f"s3://{below}{digest}.zip"
    stored = target.path(uri)
    # A stored link to a file that was since written to in place would no longer hold what its name says.
    if not (stored.is_file() and (stored.samefile(path) or sha256_of_file(stored) == digest)):
        target.put(path, uri)
    return uri
