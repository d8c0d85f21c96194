# SPDX-License-Identifier: MIT-0
"""Run the Preprocess job on three archives, for the tests that read its records with MXNet.

The job and MXNet need different numpy releases, so the tests start this module with the jobs' interpreter:
``.venv/jobs/bin/python -m tests.stand_in.preprocessed FOLDER`` makes one /opt/ml below FOLDER for each archive.
"""

import os
import sys
from pathlib import Path

import numpy as np
import simplejpeg

from tests.jobs import archives


def skewed() -> archives.ArchiveBuilder:
    """Return an archive with four times as many nevi as images of any other class."""
    archive = archives.good()
    for number in range(1000, 1024):
        row = {**archive.rows[0], "lesion_id": f"HAM_nv_{number}", "image_id": f"ISIC_{number:07d}", "dx": "nv"}
        archive.rows.append(row)
        archive.pictures[row["image_id"]] = archives.picture(number)
    return archive


def striped() -> archives.ArchiveBuilder:
    """Return an archive whose images are a red, a green and a blue bar."""
    bars = np.zeros((90, 120, 3), np.uint8)
    bars[:, :40, 0], bars[:, 40:80, 1], bars[:, 80:, 2] = 255, 255, 255  # RGB
    archive = archives.good()
    for number, name in enumerate(archive.pictures):
        bars[-8:, -8:] = 4 * number  # equal bytes with two labels would be refused
        archive.pictures[name] = bytes(
            simplejpeg.encode_jpeg(bars, quality=95, colorspace="RGB", colorsubsampling="444")
        )
    return archive


def write_outputs(folder: Path) -> None:
    """Run the job on each archive in a folder of its own."""
    stripes = ("--image-size", "96", "--near-duplicates", "report")
    for name, archive, arguments in (
        ("good", archives.good(), ()),
        ("skewed", skewed(), ()),
        ("striped", striped(), stripes),
    ):
        room = archives.Room(folder / name)
        room.put(archive.bytes())
        os.environ["ML_ROOT"] = str(room.root)
        if room.run(*arguments):
            sys.exit(f"{name}: {room.reason()}")


if __name__ == "__main__":
    write_outputs(Path(sys.argv[1]))
