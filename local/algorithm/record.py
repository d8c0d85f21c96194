# SPDX-License-Identifier: MIT-0
"""RecordIO files, checked before MXNet reads them.

MXNet's reader answers a damaged file with a C++ assertion, or reads on at the next magic word; this one names the
file, the record and the remedy.

Format (dmlc-core ``recordio.h``; MXNet ``image_recordio.h``): a record is the magic word, a word with 3 flag bits
and 29 length bits, and the payload padded to 4 bytes. The payload of an image record begins with a header of
24 bytes (label count, label, id, id); the encoded picture follows it. All numbers are little-endian.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from local.algorithm.error import ChannelError

MAGIC: Final = 0xCED7230A
_FRAME: Final = struct.Struct("<II")
_HEADER: Final = struct.Struct("<IfQQ")
_WHOLE, _FIRST = 0, 1  # flags of a record that holds the header; 2 and 3 continue one that was cut at a magic word
_PICTURES: Final = (b"\xff\xd8\xff", b"\x89PNG")
_REMEDY: Final = "Write the channel again: run the Preprocess step once more."


def labels(path: Path, num_classes: int) -> list[int]:
    """Return the label of each record of `path`, in file order.

    Raises:
        ChannelError: The file is damaged, a record holds no JPEG or PNG, or a label is no class.
    """
    found = []
    for number, (label, picture) in enumerate(_records(path)):
        if not picture.startswith(_PICTURES):
            raise ChannelError(f"{path}: record {number} holds neither a JPEG nor a PNG picture. {_REMEDY}")
        if label != int(label) or not 0 <= label < num_classes:
            raise ChannelError(
                f"{path}: record {number} has the label {label:g}, but num_classes is {num_classes}, so that labels"
                f" run from 0 to {num_classes - 1}. Correct num_classes or the labels."
            )
        found.append(int(label))
    return found


def _records(path: Path) -> Iterator[tuple[float, bytes]]:
    size = path.stat().st_size
    with path.open("rb") as stream:
        number = 0
        while stream.tell() < size:
            flag, head = _part(stream, size, path, number)
            if flag in (_WHOLE, _FIRST):
                if len(head) < _HEADER.size:
                    raise ChannelError(f"{path}: record {number} is too short for its header. {_REMEDY}")
                count, label, _, _ = _HEADER.unpack_from(head)
                if count > 1:
                    raise ChannelError(f"{path}: record {number} has {count} labels instead of one. {_REMEDY}")
                if count == 1:
                    (label,) = struct.unpack_from("<f", head, _HEADER.size)
                yield label, head[_HEADER.size + 4 * count :]
                number += 1


def _part(stream: BinaryIO, size: int, path: Path, number: int) -> tuple[int, bytes]:
    """Return the flag and the first bytes of the part at the stream's position, and move past it."""
    start = stream.tell()
    frame = stream.read(_FRAME.size)
    if len(frame) == _FRAME.size:
        magic, word = _FRAME.unpack(frame)
        length = word & ((1 << 29) - 1)
        end = start + _FRAME.size + (length + 3) // 4 * 4
        if magic == MAGIC and end <= size:
            head = stream.read(min(length, _HEADER.size + 8))
            stream.seek(end)
            return word >> 29, head
        if magic != MAGIC:
            raise ChannelError(f"{path}: no record begins at byte {start}, after {number} records. {_REMEDY}")
    raise ChannelError(f"{path}: the file ends within record {number}, at byte {size}. {_REMEDY}")
