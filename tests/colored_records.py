# SPDX-License-Identifier: MIT-0
"""Channels of plainly colored squares, one color a class, which any algorithm tells apart.

``python -m tests.colored_records FOLDER``, in the jobs' environment, writes train.rec, validation.rec and one JPEG for
each class, named by its label.
"""

import sys
from pathlib import Path

import numpy as np

from pipeline_src import contract
from pipeline_src.dataset import image_codec, recordio_format

SIDE = 32
PER_CLASS = {"train": 6, "validation": 2}


def square(label: int, number: int) -> bytes:
    """Return a JPEG of a noisy square of the class's color."""
    code = 8 * label % 27  # three levels of three channels, far apart for the first classes
    color = np.array([40 + 85 * (code // place % 3) for place in (9, 3, 1)])
    noise = np.random.default_rng(1000 + number).integers(-20, 21, (SIDE, SIDE, 3))
    return image_codec.encode_jpeg(np.ascontiguousarray((color + noise).clip(0, 255).astype(np.uint8)))


def channels(without: int | None = None) -> dict[str, bytes]:
    """Return the content of each channel's file, of all classes but the one at the position `without`."""
    number, files = 0, {}
    for channel, count in PER_CLASS.items():
        records = []
        for each in range(count * len(contract.CLASS_LABELS)):
            label, number = each % len(contract.CLASS_LABELS), number + 1
            lesion = recordio_format.lesion_number(f"lesion {number}")
            if label != without:
                records.append(recordio_format.encode_image_record(label, number, square(label, number), lesion))
        files[channel] = b"".join(records)
    return files


def main(folder: Path) -> None:
    """Write the files into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for channel, content in channels().items():
        (folder / f"{channel}.rec").write_bytes(content)
    for label, name in enumerate(contract.CLASS_LABELS):
        (folder / f"{name}.jpg").write_bytes(square(label, 10_000 + label))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
