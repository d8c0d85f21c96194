# SPDX-License-Identifier: MIT-0
"""Lower bound for the time of Preprocess: the same library calls on the same bytes, in two independent processes.

Inflates the outer zip, inflates each entry, decodes, resizes and encodes it. No checksum, hash, check, order, output or
audit. Each process takes one of the two parts, which contain half of the images each. Reads only archives written by
`local.synthetic.synthetic_archive`, not zip files in general.
"""

import itertools
import multiprocessing
import struct
import sys
import zlib
from collections.abc import Iterator
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Final
from zipfile import ZipFile, ZipInfo

import cv2
import deflate
import simplejpeg

from pipeline_src.runtime import worker_threads

_CHUNK: Final = 1 << 18
_SIDE: Final = 224
_HELD: Final = 200  # images a process, more than fit into a cache

cv2.setNumThreads(1)


def main() -> None:
    """Run over ``ARCHIVE IMAGES``; with ``--plain`` over already inflated images, which are then repeated."""
    path, images, plain = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:] == ["--plain"]
    with ZipFile(path) as outer:
        parts = [entry for entry in outer.infolist() if entry.filename.endswith(".zip")]
    worker_threads.keep_freed_memory()  # as in the job
    context = multiprocessing.get_context("fork")  # modules are imported already, so only one start counts
    done = context.Value("q", 0)
    shares = (images // 2, images - images // 2)
    work = _plain if plain else _whole
    workers = [
        context.Process(target=work, args=(path, part, share, done)) for part, share in zip(parts, shares, strict=True)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    sys.exit(done.value != images)


def _whole(path: Path, part: ZipInfo, _: int, done: "Synchronized[int]") -> None:
    count = 0
    for data in _images(path, part):
        _convert(data)
        count += 1
    with done.get_lock():
        done.value += count


def _plain(path: Path, part: ZipInfo, images: int, done: "Synchronized[int]") -> None:
    inflated = list(itertools.islice(_images(path, part), _HELD))
    for number in range(images):
        _convert(inflated[number % len(inflated)])
    with done.get_lock():
        done.value += images


def _convert(data: bytearray) -> bytes:
    pixels = simplejpeg.decode_jpeg(data, "BGR", min_height=_SIDE, min_width=_SIDE)
    small = cv2.resize(pixels, (_SIDE, _SIDE), interpolation=cv2.INTER_LINEAR)
    return bytes(simplejpeg.encode_jpeg(small, quality=95, colorspace="BGR", colorsubsampling="420"))


def _images(path: Path, part: ZipInfo) -> Iterator[bytearray]:
    chunks, held, at = _chunks(path, part), b"", 0
    while True:
        while len(held) - at < 30 or len(held) - at < _length(held, at):
            chunk = next(chunks, None)
            if chunk is None:
                return
            held, at = held[at:] + chunk, 0
        if held[at : at + 4] != b"PK\x03\x04":
            return
        packed, size, name = struct.unpack_from("<IIH", held, at + 18)
        yield deflate.deflate_decompress(held[at + 30 + name : at + 30 + name + packed], size)
        at += 30 + name + packed


def _length(held: bytes, at: int) -> int:
    packed, _, name = struct.unpack_from("<IIH", held, at + 18)
    return int(30 + name + packed) if held[at : at + 4] == b"PK\x03\x04" else 4


def _chunks(path: Path, part: ZipInfo) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(part.header_offset)
        name, extra = struct.unpack("<26xHH", file.read(30))
        file.seek(name + extra, 1)
        left, inflater = part.compress_size, zlib.decompressobj(-zlib.MAX_WBITS)
        while left:
            data = file.read(min(_CHUNK, left))
            left -= len(data)
            yield inflater.decompress(data)


if __name__ == "__main__":
    main()
