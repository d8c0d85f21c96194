# SPDX-License-Identifier: MIT-0
"""Shifts of synthetic images, such as a faulty camera or another practice would cause."""

import csv
import io
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final
from zipfile import ZipFile

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from benchmarks import measure
from pipeline_src import contract
from pipeline_src.drift import image_features
from pipeline_src.drift.image_features import FeatureTable
from pipeline_src.runtime import worker_threads

Bytes = NDArray[np.uint8]
Edit = Callable[[Bytes], Bytes]
Names = NDArray[np.str_]

CLEAN: Final = "clean"
_SKILL: Final = 4.0  # added to the logit of the true class by the simulated model
_QUALITY: Final = 90


def _cast(pixels: Bytes, strength: float) -> Bytes:
    """Return the image under a warmer lamp; BGR."""
    return np.asarray(np.clip(pixels * (1 + strength * np.array([-1.0, 0.0, 1.0])), 0, 255), np.uint8)


def _blur(pixels: Bytes, sigma: float) -> Bytes:
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), sigma), np.uint8)


def _dark(pixels: Bytes, gain: float) -> Bytes:
    return np.asarray(pixels * gain, np.uint8)


def _device(pixels: Bytes) -> Bytes:
    """Return the image as of another dermatoscope: black corners, a cooler lamp, a steeper response, another size."""
    height, width = pixels.shape[:2]
    mask = np.zeros((height, width), np.uint8)
    cv2.circle(mask, (width // 2, height // 2), round(0.52 * width), (1,), -1)
    response = 255 * (pixels * np.array([1.1, 1.0, 0.92]) / 255).clip(0, 1) ** 1.25
    seen = np.asarray(response, np.uint8) * mask[:, :, np.newaxis]
    return np.asarray(cv2.resize(seen, (1024, 1024), interpolation=cv2.INTER_CUBIC), np.uint8)


# All images are re-encoded, also clean ones; otherwise the file size alone would reveal the shift.
EDITS: Final[dict[str, Edit]] = {
    CLEAN: lambda pixels: pixels,
    "blur": partial(_blur, sigma=3.0),
    "dark": partial(_dark, gain=0.65),
    "colour cast": partial(_cast, strength=0.15),
    "other device": _device,
    "slight blur": partial(_blur, sigma=1.0),
    "slightly dark": partial(_dark, gain=0.9),
    "slight colour cast": partial(_cast, strength=0.04),
}


def tables(path: Path) -> tuple[dict[str, FeatureTable], Names, Names]:
    """Return the feature table of each kind of shift for the archive at `path`, and lesions and classes (n,)."""
    images, lesions, labels = read(path)
    answers = scores(labels)
    return {kind: _measured(images, answers, edit) for kind, edit in EDITS.items()}, lesions, labels


def read(path: Path) -> tuple[list[bytes], Names, Names]:
    """Return the images, lesions and classes of the archive at `path`."""
    with ZipFile(path) as outer:
        rows = {row["image_id"]: row for row in csv.DictReader(io.StringIO(outer.read("HAM10000_metadata").decode()))}
        images: dict[str, bytes] = {}
        for name in filter(contract.ARCHIVE_PART.fullmatch, outer.namelist()):
            with ZipFile(io.BytesIO(outer.read(name))) as inner:
                images |= {Path(entry).stem: inner.read(entry) for entry in inner.namelist()}
    found = [rows[image_id] for image_id in images]
    return (
        list(images.values()),
        np.array([row["lesion_id"] for row in found]),
        np.array([row["dx"] for row in found]),
    )


def scores(labels: Names) -> NDArray[np.float64]:
    """Return simulated probabilities (n, classes): noise with a higher logit for the true class."""
    random = np.random.default_rng(5)
    logits = random.normal(size=(len(labels), len(contract.CLASS_LABELS)))
    logits[np.arange(len(labels)), [contract.CLASS_LABELS.index(label) for label in labels]] += _SKILL
    powers = np.exp(logits)
    shares: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return shares


def encoded(data: bytes, edit: Edit) -> bytes:
    """Return the JPEG `data` with `edit` applied."""
    pixels = np.ascontiguousarray(edit(simplejpeg.decode_jpeg(data, "BGR")))
    return bytes(simplejpeg.encode_jpeg(pixels, quality=_QUALITY, colorspace="BGR", colorsubsampling="420"))


def _measured(images: list[bytes], answers: NDArray[np.float64], edit: Edit) -> FeatureTable:
    table = np.zeros((len(images), image_features.FEATURE_COLUMNS), np.float32)

    def take(number: int) -> None:
        data = encoded(images[number], edit)
        table[number] = image_features.measure_features(data, answers[number].tolist(), str(number))

    worker_threads.process_in_threads(iter(range(len(images))), take, len(measure.cores(1)))
    return table
