# SPDX-License-Identifier: MIT-0
"""The archive of a model is read by exact names and within bounds, and one that cannot be read says why."""

import gzip
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from pipeline_src.algorithms import model_archive, training_history
from pipeline_src.algorithms.serving import onnx_artifact
from pipeline_src.runtime.errors import BadInputError
from tests.jobs.algorithms.tiny_model import MANIFEST, onnx_bytes

EPOCH: dict[str, Any] = {
    "epoch": 1,
    "learning_rate": 0.001,
    "training_loss": 1.2,
    "validation_loss": 1.1,
    "validation_balanced_accuracy": 0.61,
    "validation_balanced_accuracy_low": 0.5,
    "validation_balanced_accuracy_high": 0.7,
}
HISTORY: dict[str, Any] = {"format": 1, "selected_epoch": 2, "epochs": [EPOCH, EPOCH | {"epoch": 2}]}


@pytest.fixture
def files(tmp_path: Path) -> dict[str, bytes]:
    """Return the files of an ONNX model."""
    onnx_artifact.write_model(tmp_path / "model", onnx_bytes(), MANIFEST)
    return {path.name: path.read_bytes() for path in sorted((tmp_path / "model").iterdir())}


def _packed(path: Path, *entries: tuple[str, bytes], kind: bytes = tarfile.REGTYPE) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in entries:
            entry = tarfile.TarInfo(name)
            entry.size, entry.type, entry.linkname = len(content), kind, "/etc/passwd"
            archive.addfile(entry, io.BytesIO(content))
    return path


def test_an_archive_has_the_model_the_manifest_and_the_history(tmp_path: Path, files: dict[str, bytes]) -> None:
    """Tar prints names with a leading ``./`` where a folder was packed."""
    history = ("training_history.json", json.dumps(HISTORY).encode())
    entries = ((f"./{name}", content) for name, content in files.items())
    found = model_archive.read_model_archive(_packed(tmp_path / "model.tar.gz", *entries, history))
    assert found.model == (files["model.onnx"], MANIFEST)
    assert found.history is not None
    assert (found.history.selected.epoch, len(found.history.epochs)) == (2, 2)


def test_an_archive_of_another_kind_of_model_has_neither_and_nothing_of_it_is_written(
    tmp_path: Path, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    entries = (("../outside", b"x"), ("model-0012.params", b"x"), ("sub/model.onnx", b"x"), ("/model.json", b"x"))
    path = _packed(tmp_path / "model.tar.gz", *entries, ("model.json", files["model.json"]))
    before = sorted(tmp_path.parent.rglob("*"))
    assert model_archive.read_model_archive(path) == (None, None)
    assert sorted(tmp_path.parent.rglob("*")) == before


def test_a_damaged_or_oversized_archive_is_refused_with_its_place_and_a_remedy(
    tmp_path: Path, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.tar.gz"

    def refusal() -> str:
        with pytest.raises(BadInputError) as caught:
            model_archive.read_model_archive(path)
        assert str(caught.value).startswith(str(path))
        return str(caught.value).removeprefix(str(path))

    remedy = "Give the model.tar.gz that Train wrote."
    assert refusal() == f": not found. {remedy}"
    whole = _packed(path, *files.items()).read_bytes()
    for damaged in (b"", b"no archive", whole[: len(whole) // 2], whole[:-200] + bytes(200), gzip.compress(b"x" * 600)):
        path.write_bytes(damaged)
        assert refusal().startswith(": not a readable model archive (")
    _packed(path, ("model.onnx", b"other"), ("model.json", files["model.json"]))
    assert refusal().startswith("/model.onnx: SHA-256 ")
    _packed(path, *files.items(), ("./model.onnx", b"x"))
    assert refusal() == f": entry './model.onnx' is there twice. {remedy}"
    _packed(path, ("model.onnx", b""), kind=tarfile.SYMTYPE)
    assert refusal() == f": entry 'model.onnx' is no plain file. {remedy}"
    monkeypatch.setitem(model_archive.SIZE_LIMITS, "model.onnx", 100)  # type: ignore[arg-type]
    _packed(path, *files.items())
    size = len(files["model.onnx"])
    assert refusal() == f": entry 'model.onnx' has {size} bytes: at most 100 are read. {remedy}"
    monkeypatch.setattr(model_archive, "UNPACKED_LIMIT", 10_000)
    _packed(path, ("other", bytes(100_000)))
    assert refusal() == f": it unpacks to more than 10000 bytes. {remedy}"


@pytest.mark.parametrize(
    ("changed", "cause"),
    [
        (HISTORY | {"format": 2}, "format 2: this version reads format 1"),
        (HISTORY | {"epochs": []}, "0 epochs: must be 1 to 10000"),
        (HISTORY | {"selected_epoch": 3}, "selected_epoch 3: there is no such epoch"),
        (HISTORY | {"epochs": [EPOCH, EPOCH]}, "the numbers of the epochs do not ascend"),
        (
            HISTORY | {"epochs": [EPOCH | {"training_loss": float("nan")}]},
            "epoch 1: training_loss nan: must be",
        ),
        (HISTORY | {"epochs": [EPOCH | {"epoch": 1.5}]}, "epoch 1.5: epoch 1.5: must be a finite"),
        (HISTORY | {"epochs": [{"epoch": 1}]}, "no 'learning_rate'"),
        ([], "list indices must be integers"),
    ],
)
def test_a_history_that_cannot_be_read_says_why(changed: object, cause: str) -> None:
    with pytest.raises(BadInputError, match=rf"^training_history\.json: {cause}.*Train the model again\.$"):
        training_history.parse_training_history(json.dumps(changed).encode())


def test_an_interval_may_be_unknown() -> None:
    epoch = EPOCH | {"validation_balanced_accuracy_low": None, "validation_balanced_accuracy_high": None}
    content = {"format": 1, "selected_epoch": 1, "epochs": [epoch]}
    parsed = training_history.parse_training_history(json.dumps(content).encode())
    assert parsed.selected.validation_balanced_accuracy_low is None
