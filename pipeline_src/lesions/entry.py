# SPDX-License-Identifier: MIT-0
"""An entry of a zip: what is refused by its header alone, and how its bytes are unpacked and checked."""

import re
import zipfile
from typing import Final, NamedTuple

import deflate

from pipeline_src.lesions.error import BadInputError
from pipeline_src.lesions.source import Source

SIZE_LIMIT: Final = 64 << 20  # bytes; a picture of HAM10000 has 0.3 MB
RATIO_LIMIT: Final = 100  # JPEG does not shrink, and a table by ten; deflate can reach 1032 on zeros
_ENCRYPTED: Final = 0x2041  # flags: encrypted, strongly encrypted, masked header
_OUTSIDE: Final = re.compile(r"/|[A-Za-z]:|(.*/)?\.\.(/|$)|.*[\\\x00-\x1f]", re.DOTALL)


class Entry(NamedTuple):
    """One entry as it lies in the zip: `packed` bytes that must inflate to `size` bytes with checksum `crc`."""

    place: Source
    name: str
    method: int
    crc: int
    size: int
    packed: bytes


def unpack(entry: Entry) -> bytes | bytearray:
    """Return the bytes of `entry`, inflated and compared with their declared size and checksum.

    Raises:
        BadInputError: they differ.
    """
    try:
        stored = entry.method == zipfile.ZIP_STORED
        data = entry.packed if stored else deflate.deflate_decompress(entry.packed, entry.size)
    except deflate.DeflateError:
        data = b""
    if len(data) != entry.size:
        raise BadInputError(
            f"{entry.place}: damaged: it does not hold the {entry.size} bytes that it declares. {entry.place.again}"
        )
    if deflate.crc32(data) != entry.crc:
        raise BadInputError(f"{entry.place}: damaged: its checksum is wrong. {entry.place.again}")
    return data


def check_name(name: str, place: Source) -> None:
    """Refuse an entry's `name` that points outside the folder into which someone may unpack the archive.

    Raises:
        BadInputError: it is absolute, goes up, or holds a backslash or a control character.
    """
    if _OUTSIDE.match(name):
        raise BadInputError(f"{place}: entry {name!r}: its name escapes the archive. Get the archive from its source.")


def check_packing(flags: int, method: int, place: Source) -> None:
    """Refuse an entry that is encrypted, or packed in a way that Dataverse does not use.

    Raises:
        BadInputError: naming what it is.
    """
    if flags & _ENCRYPTED:
        raise BadInputError(f"{place}: encrypted. Pack the archive without a password.")
    if method not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise BadInputError(f"{place}: compression method {method}: only stored and deflated are read. Pack it anew.")


def check_ratio(packed: int, size: int, place: Source) -> None:
    """Refuse an entry that declares far more bytes than pictures or tables can inflate to.

    Raises:
        BadInputError: naming both sizes.
    """
    if size > RATIO_LIMIT * max(packed, 1 << 12):
        raise BadInputError(f"{place}: {size} bytes out of {packed}: a zip bomb. Get the archive from its source.")
