# SPDX-License-Identifier: MIT-0
"""Builds small archives in the Dataverse layout, good ones and hostile ones, and runs the job on them."""

import csv
import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import simplejpeg

from pipeline_src import contract
from pipeline_src.jobs import preprocess
from pipeline_src.runtime import job_exit

REPOSITORY = Path(__file__).parents[2]
COLUMNS = ("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization", "dataset")
PART = "HAM10000_images_part_{}.zip"
METADATA = "HAM10000_metadata"
ZERO_DATE = (1980, 1, 1, 0, 0, 0)


def picture(seed: int, height: int = 45, width: int = 60) -> bytes:
    """Return a JPEG of coarse colored noise."""
    coarse = np.random.default_rng(seed).integers(0, 256, (height // 15, width // 15, 3), dtype=np.uint8)
    pixels = np.ascontiguousarray(coarse.repeat(15, axis=0).repeat(15, axis=1))
    return bytes(simplejpeg.encode_jpeg(pixels, quality=90, colorspace="BGR", colorsubsampling="420"))


def png(pixels: np.ndarray) -> bytes:
    """Return BGR `pixels` as a PNG."""
    return bytes(cv2.imencode(".png", pixels)[1])


def pixels_of(data: bytes) -> np.ndarray:
    """Return the BGR pixels of a JPEG, for example to make a PNG of them."""
    return np.asarray(simplejpeg.decode_jpeg(data, "BGR"))


def file_name(image_id: str, data: bytes) -> str:
    """Return the name that an image has in an archive."""
    return image_id + (".png" if data.startswith(b"\x89PNG") else ".jpg")


def zipped(entries: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip of `entries`."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in entries.items():
            archive.writestr(zipfile.ZipInfo(name, ZERO_DATE), data, method)
    return file.getvalue()


class _Unseekable(io.RawIOBase):
    """A stream that cannot go back, to which zipfile writes sizes behind the data, as Dataverse does."""

    def __init__(self) -> None:
        self.data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self.data += data
        return len(data)


def streamed(entries: dict[str, bytes], method: int, *, wide: bool = False) -> bytes:
    """Return a zip whose entries carry data descriptors, with 64-bit sizes if `wide`."""
    file = _Unseekable()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in entries.items():
            info = zipfile.ZipInfo(name, ZERO_DATE)
            info.compress_type = method
            with archive.open(info, "w", force_zip64=wide) as target:
                target.write(data)
    return bytes(file.data)


@dataclass
class ArchiveBuilder:
    """An archive in the making: table rows, pictures by image id, and how they are packed."""

    rows: list[dict[str, str]]
    pictures: dict[str, bytes]
    metadata_name: str = METADATA
    others: dict[str, bytes] = field(default_factory=dict)
    inner: Callable[[dict[str, bytes]], bytes] = zipped
    method: int = zipfile.ZIP_DEFLATED

    def table(self, delimiter: str = ",") -> bytes:
        """Return the metadata."""
        file = io.StringIO()
        writer = csv.DictWriter(file, COLUMNS, delimiter=delimiter, lineterminator="\n", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(self.rows)
        return file.getvalue().encode()

    def entries(self) -> dict[str, bytes]:
        """Return the entries of the outer zip: two parts, with half of the pictures each, and the table."""
        names = [file_name(image_id, data) for image_id, data in self.pictures.items()]
        half = len(names) // 2
        data = dict(zip(names, self.pictures.values(), strict=True))
        parts = {
            PART.format(number): self.inner({name: data[name] for name in chosen})
            for number, chosen in ((1, names[:half]), (2, names[half:]))
        }
        return {**self.others, **parts, self.metadata_name: self.table()}

    def bytes(self) -> bytes:
        """Return the archive."""
        return zipped(self.entries(), self.method)


def good(lesions: int = 5) -> ArchiveBuilder:
    """Return an archive with `lesions` lesions of each class, the first of which has two images."""
    rows: list[dict[str, str]] = []
    pictures: dict[str, bytes] = {}
    for label in contract.CLASS_LABELS:
        for lesion in range(lesions):
            for _ in range(2 if lesion == 0 else 1):
                image_id = f"ISIC_{len(rows):07d}"
                facts = {"dx_type": "histo", "age": "45.0", "sex": "male", "localization": "back", "dataset": "drawn"}
                rows.append({"lesion_id": f"HAM_{label}_{lesion}", "image_id": image_id, "dx": label, **facts})
                pictures[image_id] = picture(len(rows))
    return ArchiveBuilder(rows, pictures)


def told(card: dict[str, object], archive: str = "archive") -> tuple[str, int]:
    """Return the SHA-256 and the bytes of an archive, as the dataset card has them."""
    found = card[archive]
    assert isinstance(found, dict)
    return found["sha256"], found["bytes"]


@dataclass
class Room:
    """The /opt/ml of one job."""

    root: Path

    def put(self, data: bytes) -> None:
        """Make `data` the input archive."""
        folder = self.root / "processing" / "input" / contract.ARCHIVE_INPUT
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "dataverse_files.zip").write_bytes(data)

    def add(self, data: bytes) -> None:
        """Make `data` the additional archive."""
        folder = self.root / "processing" / "input" / contract.ADDITION_INPUT
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "addition.zip").write_bytes(data)

    def output(self, name: str) -> Path:
        """Return the folder of an output."""
        return self.root / "processing" / "output" / name

    def files(self) -> dict[str, bytes]:
        """Return everything in the output folders, hidden files too, by path."""
        top = self.root / "processing" / "output"
        return {str(p.relative_to(top)): p.read_bytes() for p in sorted(top.rglob("*")) if p.is_file()}

    def card(self) -> dict[str, object]:
        """Return the dataset card."""
        card: dict[str, object] = json.loads((self.output("dataset") / "dataset_card.json").read_bytes())
        return card

    def manifest(self) -> list[dict[str, str]]:
        """Return the rows of the manifest."""
        with (self.output("dataset") / "manifest.csv").open(newline="") as file:
            return list(csv.DictReader(file))

    def reason(self) -> str:
        """Return the reason of a failure, as SageMaker reads it."""
        return (self.root / "output" / "failure").read_text()

    def run(self, *arguments: str) -> int:
        """Run the job in this process, which `ML_ROOT` must point here; return its exit code."""
        return job_exit.run_job(lambda: preprocess.run_preprocessing(preprocess.parse_preprocessing_options(arguments)))

    def start(self, *prefix: str) -> "subprocess.Popen[bytes]":
        """Start the job as a process of its own, its command after `prefix`."""
        return subprocess.Popen(
            [*prefix, sys.executable, "-m", "pipeline_src.jobs.preprocess"],
            cwd=REPOSITORY,
            env={**os.environ, "ML_ROOT": str(self.root)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
