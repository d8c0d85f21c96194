# SPDX-License-Identifier: MIT-0
"""Archives of any size within seconds: pictures of one small synthetic archive, each repeated with bytes of its own.

Every repeated picture carries its number in a JPEG comment, so no two have equal bytes, while the work of inflating
and decoding each is that of the picture drawn. The comment is put before the deflated picture as a stored block, so
nothing is deflated twice.
"""

import csv
import io
import random
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final, NamedTuple
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import deflate

# Images and lesions by class: Tschandl et al., Scientific Data 5, 180161.
_IMAGES: Final = {"nv": 6705, "mel": 1113, "bkl": 1099, "bcc": 514, "akiec": 327, "vasc": 142, "df": 115}
_IMAGES_A_LESION: Final = 1.34
_COLUMNS: Final = ("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization", "dataset")
_LOCAL: Final = struct.Struct("<4sHHHIIIIHH")
_DIRECTORY: Final = struct.Struct("<4sHHHHIIIIHHHHHII")
_END: Final = struct.Struct("<4sHHHHIIH")
_DATE: Final = 33 << 16  # 1980-01-01, midnight


class Drawn(NamedTuple):
    """One drawn picture without its first two bytes, and the same deflated."""

    plain: bytes
    packed: bytes


def drawn(path: Path) -> list[Drawn]:
    """Return the pictures of the synthetic archive at `path`."""
    pictures = []
    with ZipFile(path) as outer:
        for name in outer.namelist():
            if name.endswith(".zip"):
                with ZipFile(io.BytesIO(outer.read(name))) as inner:
                    bodies = (inner.read(entry)[2:] for entry in inner.namelist())
                    pictures += [Drawn(body, bytes(_deflated(body))) for body in bodies]
    return pictures


def write(path: Path, pictures: list[Drawn], images: int) -> None:
    """Write an archive of `images` pictures to `path`, half of them in each part as in the original."""
    aside = path.with_suffix(".part")
    image_ids = [f"ISIC_{24306 + number:07d}" for number in range(images)]
    with ZipFile(aside, "w", ZIP_DEFLATED, compresslevel=0) as outer:
        for part, start, end in ((1, 0, images // 2), (2, images // 2, images)):
            with outer.open(f"HAM10000_images_part_{part}.zip", "w", force_zip64=True) as file:
                numbers = range(start, end)
                _write_part(file, ((image_ids[n], pictures[n % len(pictures)], n) for n in numbers))
        outer.writestr(ZipInfo("HAM10000_metadata"), _table(image_ids), ZIP_DEFLATED, 6)
    aside.replace(path)


def _deflated(body: bytes) -> bytes:
    packer = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


def _write_part(file: IO[bytes], pictures: Iterator[tuple[str, Drawn, int]]) -> None:
    directory, offset, count = [], 0, 0
    for image_id, picture, number in pictures:
        comment = b"\xff\xd8\xff\xfe" + struct.pack(">HQ", 10, number)
        block = struct.pack("<BHH", 0, len(comment), 0xFFFF - len(comment)) + comment
        name = f"{image_id}.jpg".encode()
        crc = deflate.crc32(picture.plain, deflate.crc32(comment))
        sizes = (crc, len(block) + len(picture.packed), len(comment) + len(picture.plain))
        header = _LOCAL.pack(b"PK\x03\x04", 20, 0, 8, _DATE, *sizes, len(name), 0)
        file.writelines((header, name, block, picture.packed))
        directory += [
            _DIRECTORY.pack(b"PK\x01\x02", 20, 20, 0, 8, _DATE, *sizes, len(name), 0, 0, 0, 0, 0, offset),
            name,
        ]
        offset += len(header) + len(name) + sizes[1]
        count += 1
    listing = b"".join(directory)
    file.write(listing + _END.pack(b"PK\x05\x06", 0, 0, count, count, len(listing), offset, 0))


def _table(image_ids: list[str]) -> bytes:
    """Return the metadata: classes in the real proportions, scattered over the ids by a fixed shuffle."""
    shuffled = random.Random(1).sample(image_ids, len(image_ids))
    file = io.StringIO()
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(_COLUMNS)
    total, done, bound = sum(_IMAGES.values()), 0, 0
    for label, images in _IMAGES.items():
        bound += images
        end = len(image_ids) * bound // total
        for number in range(done, end):
            lesion = f"{label.upper()}_{int((number - done) / _IMAGES_A_LESION):07d}"
            rows.writerow((lesion, shuffled[number], label, "histo", "50.0", "female", "back", "synthetic"))
        done = end
    return file.getvalue().encode()
