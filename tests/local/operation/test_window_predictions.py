# SPDX-License-Identifier: MIT-0
"""The images of production on which runs are compared: none that a run has learned from."""

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from local.aws.pipeline_executions import ExecutionIdentity, ExecutionRecord
from local.aws.s3_store import LocalHome
from local.endpoint import image_prediction, window_predictions
from local.endpoint.image_prediction import ImagePrediction
from local.endpoint.window_predictions import RunAnswers, WindowPredictions
from local.errors import UsageError
from local.runners.process_runner import ProcessRunner
from pipeline_src import contract

IMAGES = {name: f"image {name}".encode() for name in ("A", "B", "C")}
SCORES = tuple([0.4] + [0.1] * (len(contract.CLASS_LABELS) - 1))


def digest(name: str) -> str:
    return hashlib.sha256(IMAGES[name]).hexdigest()


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """An additional archive as `export` writes it."""
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as part:
        for name, data in IMAGES.items():
            part.writestr(f"{name}.jpg", data)
    path = tmp_path / "addition.zip"
    with zipfile.ZipFile(path, "w") as outer:
        outer.writestr(contract.ADDITION_IMAGES, inner.getvalue())
        rows = "".join(f"L{name},{name},mel\n" for name in IMAGES)
        outer.writestr(contract.ADDITION_TABLE, f"lesion_id,image_id,dx\n{rows}")
    return path


def evaluated(home: LocalHome, run: str, **splits: str) -> ExecutionRecord:
    """Return a run whose dataset had the images of `splits`."""
    record = ExecutionRecord.create(home.runs, ExecutionIdentity(run, "test"), {}, {})
    folder = record.path.parent / "dataset"
    folder.mkdir()
    with (folder / contract.MANIFEST_FILE).open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("sha256", "split"))
        table.writerows((digest(name), split) for name, split in splits.items())
    record.start(contract.PREPROCESS_STEP, "Processing")
    record.finish(contract.PREPROCESS_STEP, "Succeeded", Outputs={contract.DATASET_OUTPUT: str(folder)})
    return record


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The images that the models were asked about; each answers melanoma, 0.4."""
    found: list[bytes] = []

    def answer(_record: Any, _home: Any, _runner: Any, images: Sequence[Path]) -> Iterator[ImagePrediction]:
        for image in images:
            found.append(image.read_bytes())
            yield ImagePrediction(image, SCORES, 0.3)

    monkeypatch.setattr(image_prediction, "predict_images", answer)
    return found


def write(archive: Path, home: LocalHome, *records: ExecutionRecord) -> WindowPredictions:
    folder = home.root / "window"
    return window_predictions.write_window_predictions(archive, records, home, ProcessRunner(), folder)


@pytest.mark.parametrize("split", [contract.TRAIN, contract.VALIDATION])
def test_an_image_that_one_run_learned_from_is_left_out_for_all(
    archive: Path, tmp_path: Path, asked: list[bytes], split: str
) -> None:
    home = LocalHome(tmp_path / "home")
    first, second = evaluated(home, "first", A=contract.TEST), evaluated(home, "second", B=split)
    found = write(archive, home, first, second, first)
    assert (found.used, found.left_out) == (2, 1)
    assert asked == [IMAGES["A"], IMAGES["C"]] * 3
    assert len(set(found.folders)) == 3
    assert found.answers[1] == RunAnswers("second", correct=2, melanomas_found=2, melanomas=2)
    for folder in found.folders:
        rows = list(csv.DictReader((folder / contract.PREDICTIONS_FILE).open()))
        assert [row["image_id"] for row in rows] == ["A", "C"]
        assert rows[0] | {"lesion_id": "LA", "label": "mel", "predicted": "mel", "split": "test"} == rows[0]
        assert rows[0]["melanoma_at_threshold"] == "1"
        evaluation = json.loads((folder / contract.EVALUATION_FILE).read_text())
        assert evaluation["melanoma"]["threshold"] == 0.3


def test_an_archive_that_was_trained_on_whole_is_refused(archive: Path, tmp_path: Path, asked: list[bytes]) -> None:
    home = LocalHome(tmp_path / "home")
    record = evaluated(home, "first", **dict.fromkeys(IMAGES, contract.TRAIN))
    with pytest.raises(UsageError, match="all 3 images were learned from by these runs"):
        write(archive, home, record)
    assert not asked


def test_another_file_is_refused_with_the_remedy(tmp_path: Path, asked: list[bytes]) -> None:
    home, other = LocalHome(tmp_path / "home"), tmp_path / "other.zip"
    with zipfile.ZipFile(other, "w") as written:
        written.writestr("a.txt", "text")
    with pytest.raises(UsageError, match=r"other\.zip: no archive that `export` wrote .* Name the path"):
        write(other, home, evaluated(home, "first"))
    assert not asked


def test_a_run_without_a_manifest_is_refused(archive: Path, tmp_path: Path, asked: list[bytes]) -> None:
    home = LocalHome(tmp_path / "home")
    record = ExecutionRecord.create(home.runs, ExecutionIdentity("bare", "test"), {}, {})
    with pytest.raises(UsageError, match="run bare: the manifest of its dataset cannot be read"):
        write(archive, home, record)
    assert not asked
