# SPDX-License-Identifier: MIT-0
"""Measures the monitor job on many captured requests: ``python -m benchmarks.volume FOLDER COUNT``.

The job runs in its own process, so that its peak memory can be measured. The images are small and differ only in a
JPEG comment, so that the monitor treats them as different and decodes them quickly.
"""

import base64
import json
import shutil
import sys
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from benchmarks import measure
from pipeline_src.drift import drift_baseline
from pipeline_src.evaluation.model_predictions import HoldoutImage, Predictions

_HELD_OUT: Final = 200
_ANSWER: Final = json.dumps([0.1, 0.7, 0.05, 0.05, 0.04, 0.03, 0.03])


def measured(folder: Path, count: int) -> measure.Usage:
    """Return time and memory of the monitor for `count` captured requests; `folder` is created and removed."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        _write(folder / "processing" / "input", count)
        used = measure.run(
            [sys.executable, "-m", "pipeline_src.jobs.monitor"], {"ML_ROOT": str(folder)}, measure.cores(2)
        )
        found = json.loads((folder / "processing" / "output" / "monitor" / "monitor.json").read_bytes())
        if found["requests"] != count:
            raise SystemExit(f"requests: {found['requests']} of {count} were read.")
        return used
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write(inputs: Path, count: int) -> None:
    hour = inputs / "capture" / "bench" / "AllTraffic" / "2026" / "11" / "25" / "08"
    hour.mkdir(parents=True)
    start, rest = _image_parts()
    for part in range(0, count, 10_000):
        lines = "".join(_line(start, rest, number) for number in range(part, min(part + 10_000, count)))
        (hour / f"{part:09d}.jsonl").write_text(lines, encoding="ascii")
    holdout = inputs / "holdout"
    holdout.mkdir()
    images = tuple(HoldoutImage(f"I{n:04d}", f"L{n:04d}", "nv", "test") for n in range(_HELD_OUT))
    for image in images:
        (holdout / f"{image.image_id}.jpg").write_bytes(start + rest)
    answers = np.tile(np.array(json.loads(_ANSWER)), (_HELD_OUT, 1))
    (inputs / "baseline").mkdir()
    for name, content in drift_baseline.baseline_files(Predictions(images, answers), holdout).items():
        (inputs / "baseline" / name).write_bytes(content)


def _image_parts() -> tuple[bytes, bytes]:
    """Return a small JPEG in two parts; a comment may be inserted between them."""
    pixels = np.random.default_rng(3).integers(90, 200, (48, 64, 3)).astype(np.uint8)
    data = cv2.imencode(".jpg", pixels)[1].tobytes()
    return data[:2], data[2:]


def _line(start: bytes, rest: bytes, number: int) -> str:
    comment = b"\xff\xfe\x00\x0a" + f"{number:08d}".encode()
    asked = {
        "observedContentType": "application/x-image",
        "mode": "INPUT",
        "data": base64.b64encode(start + comment + rest).decode(),
        "encoding": "BASE64",
    }
    answered = {"observedContentType": "application/json", "mode": "OUTPUT", "data": _ANSWER, "encoding": "JSON"}
    metadata = {"eventId": f"event-{number}", "inferenceTime": "2026-11-25T08:15:00Z"}
    captured = {"captureData": {"endpointInput": asked, "endpointOutput": answered}, "eventMetadata": metadata}
    return json.dumps(captured | {"eventVersion": "0"}) + "\n"


if __name__ == "__main__":
    usage = measured(Path(sys.argv[1]), int(sys.argv[2]))
    print(f"{usage.memory / 1e6:.0f} MB peak, {usage.wall:.0f} s, {usage.cpu:.0f} s CPU")
