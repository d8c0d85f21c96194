# SPDX-License-Identifier: MIT-0
"""A folder like /opt/ml, with channels of plain colors that any network tells apart, and one model trained on them."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import cv2
import mxnet as mx
import numpy as np
import pytest

from local.builtin_stand_in.__main__ import main

SIDE = 12
COLORS = ((200, 30, 30), (30, 200, 30), (30, 30, 200), (200, 200, 30), (30, 200, 200), (200, 30, 200), (110, 110, 110))
SETTINGS = {
    "num_classes": "7",
    "num_training_samples": "42",
    "num_layers": "20",
    "image_shape": f"3,{SIDE},{SIDE}",
    "epochs": "8",
    "mini_batch_size": "14",
    "learning_rate": "0.01",
    "lr_scheduler_step": "6",
}


def colored(label: int, seed: int, side: int = SIDE) -> np.ndarray[Any, Any]:
    """Return a noisy square of the class's color, red first."""
    noise = np.random.default_rng(seed).integers(-25, 26, (side, side, 3))
    return np.asarray((np.array(COLORS[label]) + noise).clip(0, 255), np.uint8)


def jpeg(pixels: np.ndarray[Any, Any], quality: int = 95) -> bytes:
    return cv2.imencode(".jpg", pixels[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def write_records(path: Path, records: Iterable[tuple[float, bytes]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = mx.recordio.MXRecordIO(str(path), "w")
    for number, (label, data) in enumerate(records):
        writer.write(mx.recordio.pack(mx.recordio.IRHeader(0, label, number, 0), data))
    writer.close()


def fill(root: Path, **settings: str) -> Path:
    """Make `root` a folder like /opt/ml with both channels and the hyperparameters, and return it."""
    for name, count, start in (("train", 42, 0), ("validation", 14, 1000)):
        records = [(float(k % 7), jpeg(colored(k % 7, start + k))) for k in range(count)]
        write_records(root / "input" / "data" / name / f"{name}.rec", records)
    configure(root, SETTINGS | settings)
    return root


def configure(root: Path, settings: dict[str, Any]) -> None:
    folder = root / "input" / "config"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "hyperparameters.json").write_text(json.dumps(settings))


def weights(root: Path) -> dict[str, np.ndarray[Any, Any]]:
    """Return the arrays of the model that a training left in `root`, by name."""
    (path,) = (root / "model").glob("*.params")
    return {name: array.asnumpy() for name, array in mx.nd.load(str(path)).items()}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ML_ROOT", str(tmp_path))
    return fill(tmp_path)


@pytest.fixture
def train(root: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Return a function that trains in `root` with some settings changed: exit code, stdout, stderr."""

    def run(**settings: str | None) -> tuple[int, str, str]:
        changed = SETTINGS | settings
        configure(root, {name: value for name, value in changed.items() if value is not None})
        code = main(["train"])
        return code, *capsys.readouterr()

    return run


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the /opt/ml of one finished training job; not to be changed."""
    root = fill(tmp_path_factory.mktemp("trained"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ML_ROOT", str(root))
        assert main(["train"]) == 0
    return root
