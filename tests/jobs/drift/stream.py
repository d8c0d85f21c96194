# SPDX-License-Identifier: MIT-0
"""Captured traffic without an endpoint: pictures, answers and lines by formula, and the folders of one job."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from pipeline_src import contract
from pipeline_src.drift import drift_baseline
from pipeline_src.drift.capture_window import TimePeriod
from pipeline_src.drift.captured_requests import parse_time
from pipeline_src.evaluation.model_predictions import HoldoutImage, Predictions

HOUR = "2026-11-25T08"
PERIOD = TimePeriod(parse_time(f"{HOUR}:00:00Z"), parse_time("2026-11-25T09:00:00Z"))
COUNT = 120  # held-out images, and requests of a window


@dataclass(frozen=True)
class Room:
    """The folders of one Monitor job, below the folder that stands for /opt/ml."""

    root: Path

    @property
    def capture(self) -> Path:
        return self.root / "processing/input/capture"

    @property
    def baseline(self) -> Path:
        return self.root / "processing/input/baseline"

    @property
    def labels(self) -> Path:
        return self.root / "processing/input/labels"

    @property
    def output(self) -> Path:
        return self.root / "processing/output/monitor"

    def message(self) -> str:
        return (self.root / "output" / "message").read_text()

    def document(self, name: str) -> dict:
        return json.loads((self.output / name).read_bytes())


def picture(seed: int, shade: float = 1.0) -> bytes:
    """Return a small JPEG with a blob; `shade` darkens it."""
    random = np.random.default_rng(seed)
    pixels = np.clip(random.normal((150, 165, 205), 12, (45, 60, 3)), 0, 255).astype(np.uint8)
    cv2.circle(pixels, (30, 22), int(random.integers(6, 14)), random.integers(60, 120, 3).tolist(), -1)
    bright = np.clip(pixels * shade * random.normal(1, 0.05), 0, 255).astype(np.uint8)
    return cv2.imencode(".jpg", bright)[1].tobytes()


def answer(seed: int, label: str | None = None) -> list[float]:
    """Return a softmax over noise that favours `label`, or mostly nevi."""
    random = np.random.default_rng([1, seed])
    logits = random.normal(size=len(contract.CLASS_LABELS))
    logits[contract.CLASS_LABELS.index(label or ("nv" if random.random() < 0.7 else "mel"))] += 4
    powers = np.exp(logits)
    return (powers / powers.sum()).tolist()


def captured(number: int, **changed: object) -> dict:
    """Return what is captured of request `number`."""
    asked = {
        "observedContentType": "application/x-image",
        "mode": "INPUT",
        "data": base64.b64encode(changed.pop("picture", None) or picture(1000 + number)).decode(),
        "encoding": "BASE64",
    }
    answered = {
        "observedContentType": "application/json",
        "mode": "OUTPUT",
        "data": json.dumps(changed.pop("answer", None) or answer(1000 + number)),
        "encoding": "JSON",
    }
    metadata = {
        "eventId": f"event-{number}",
        "inferenceId": f"ISIC_{number:07d}",
        "inferenceTime": changed.pop("time", None) or f"{HOUR}:{number % 60:02d}:00Z",
    }
    whole = {"captureData": {"endpointInput": asked, "endpointOutput": answered}, "eventMetadata": metadata}
    return whole | {"eventVersion": "0"}


def write(room: Room, requests: Sequence[object], name: str = "a.jsonl") -> Path:
    """Write `requests`, a captured request or a raw line each, where SageMaker would."""
    path = room.capture / "skin/AllTraffic/2026/11/25/08" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [each if isinstance(each, bytes) else json.dumps(each).encode() for each in requests]
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


def predictions(count: int = COUNT) -> Predictions:
    """Return held-out images, a lesion each, and their answers."""
    images = tuple(HoldoutImage(f"I{n:04d}", f"L{n:04d}", "nv", ("test", "validation")[n % 2]) for n in range(count))
    return Predictions(images, np.array([answer(n) for n in range(count)]).reshape(-1, len(contract.CLASS_LABELS)))


def write_baseline(room: Room, count: int = COUNT, threshold: float | None = 0.5) -> None:
    """Write the baseline as Evaluate leaves it."""
    pictures = room.root / "holdout"
    pictures.mkdir(parents=True, exist_ok=True)
    room.baseline.mkdir(parents=True, exist_ok=True)
    held_out = predictions(count)
    for number, image in enumerate(held_out.images):
        (pictures / f"{image.image_id}.jpg").write_bytes(picture(number))
    for name, content in drift_baseline.baseline_files(held_out, pictures, threshold).items():
        (room.baseline / name).write_bytes(content)
