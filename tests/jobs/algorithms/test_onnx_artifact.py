# SPDX-License-Identifier: MIT-0
"""The artifact of an ONNX model says what it is, and one that does not fit is refused with the reason."""

import dataclasses
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any

import cv2
import numpy as np
import onnx
import pytest

from pipeline_src import contract
from pipeline_src.algorithms.serving.onnx_artifact import read_model, write_model
from pipeline_src.dataset import image_codec
from pipeline_src.runtime.errors import BadInputError
from tests.jobs.algorithms.tiny_model import MANIFEST, onnx_bytes

Content = dict[str, Any]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_model(tmp_path / "model", onnx_bytes(), MANIFEST)
    return tmp_path / "model"


def refusal(folder: Path) -> str:
    with pytest.raises(BadInputError) as caught:
        read_model(folder)
    return str(caught.value)


def change(folder: Path, edit: Callable[[Content], None]) -> None:
    path = folder / "model.json"
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))


def test_what_is_written_is_read_again(folder: Path) -> None:
    data, manifest = read_model(folder)
    assert data == (folder / "model.onnx").read_bytes()
    assert manifest == MANIFEST


def test_an_artifact_holds_the_model_and_its_manifest_and_nothing_else(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == {"model.onnx", "model.json"}
    assert not any(path.stat().st_mode & 0o111 for path in folder.iterdir())


def test_the_same_model_gives_the_same_bytes_whatever_the_order_of_its_versions(folder: Path, tmp_path: Path) -> None:
    backwards = MappingProxyType(dict(reversed(MANIFEST.versions.items())))
    write_model(tmp_path / "again", onnx_bytes(), dataclasses.replace(MANIFEST, versions=backwards))
    for path in folder.iterdir():
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes()


def test_the_onnx_file_alone_says_what_it_is_and_is_still_a_valid_model(folder: Path) -> None:
    model = onnx.load(folder / "model.onnx")
    onnx.checker.check_model(model, full_check=True)
    said = {each.key: each.value for each in model.metadata_props}
    assert said["algorithm"] == MANIFEST.algorithm
    assert json.loads(said["labels"]) == list(contract.CLASS_LABELS)
    assert said["image_size"] == "32"
    assert said["decoding"] == MANIFEST.decoding
    assert json.loads(said["versions"]) == MANIFEST.versions
    assert json.loads(said["weights"]) == MANIFEST.weights
    assert model.graph == onnx.load_from_string(onnx_bytes()).graph


def test_a_replaced_onnx_file_is_refused_with_both_digests(folder: Path) -> None:
    expected = hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest()
    (folder / "model.onnx").write_bytes(onnx_bytes(last="LogSoftmax"))
    found = hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest()
    message = refusal(folder)
    assert f"model.onnx: SHA-256 {found} is not {expected}" in message
    assert "Take the whole model.tar.gz that Train wrote." in message


def test_a_truncated_onnx_file_is_refused(folder: Path) -> None:
    (folder / "model.onnx").write_bytes((folder / "model.onnx").read_bytes()[:-1])
    assert "replaced or damaged" in refusal(folder)


@pytest.mark.parametrize("field", ["image_size", "algorithm", "versions", "weights"])
def test_a_manifest_that_was_changed_is_refused(folder: Path, field: str) -> None:
    changed = {"image_size": 64, "algorithm": "another", "versions": {"numpy": "1.0"}, "weights": {}}[field]
    change(folder, lambda content: content.update({field: changed}))
    assert "model.json: differs from the metadata of model.onnx" in refusal(folder)


@pytest.mark.parametrize(
    "labels", [contract.CLASS_LABELS[::-1], contract.CLASS_LABELS[:-1], (), (*contract.CLASS_LABELS, "other")]
)
def test_a_model_with_other_labels_or_another_order_of_them_is_refused(tmp_path: Path, labels: tuple[str, ...]) -> None:
    write_model(tmp_path, onnx_bytes(classes=max(1, len(labels))), dataclasses.replace(MANIFEST, labels=labels))
    message = refusal(tmp_path)
    assert f"model.json: labels {', '.join(labels) or 'none'}: " in message
    assert f"the order {', '.join(contract.CLASS_LABELS)}. Train the model again." in message


def test_a_model_that_was_trained_on_other_pixels_is_refused(tmp_path: Path) -> None:
    write_model(tmp_path, onnx_bytes(), dataclasses.replace(MANIFEST, decoding="rgb-center-crop-1"))
    message = refusal(tmp_path)
    assert "model.json: decoding 'rgb-center-crop-1': this version decodes images as 'bgr-square-1'" in message
    assert message.endswith("Train the model again.")


@pytest.mark.parametrize("name", ["model.json", "model.onnx"])
def test_a_missing_file_is_refused_by_name(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert f"{name}: missing." in refusal(folder)


@pytest.mark.parametrize("text", [b"", b"{", b"\xff\xfe", b"[" * 100_000])
def test_a_manifest_that_is_no_json_is_refused(folder: Path, text: bytes) -> None:
    (folder / "model.json").write_bytes(text)
    assert "model.json: not JSON" in refusal(folder)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("algorithm", ""),
        ("algorithm", 1),
        ("labels", "mel"),
        ("labels", [1]),
        ("image_size", "32"),
        ("image_size", True),
        ("image_size", 7),
        ("image_size", 2049),
        ("decoding", None),
        ("versions", {"numpy": 2}),
        ("weights", []),
        ("model", {}),
        ("model", "model.onnx"),
    ],
)
def test_a_field_of_another_kind_is_refused_by_its_name(folder: Path, field: str, value: object) -> None:
    change(folder, lambda content: content.update({field: value}))
    assert f"model.json: {field}: {value!r}: must be " in refusal(folder)


@pytest.mark.parametrize("field", ["algorithm", "labels", "image_size", "decoding", "versions", "weights", "model"])
def test_a_field_that_is_missing_is_refused_by_its_name(folder: Path, field: str) -> None:
    change(folder, lambda content: content.pop(field) and None)
    assert f"model.json: {field}: None: must be " in refusal(folder)


def test_another_format_is_refused(folder: Path) -> None:
    change(folder, lambda content: content.update(format=2))
    assert "model.json: format 2: this version reads format 1." in refusal(folder)
    (folder / "model.json").write_text("[1]")
    assert "model.json: list: must be an object." in refusal(folder)


def test_the_name_of_the_decoding_belongs_to_the_pixels_that_it_gives() -> None:
    """Where this fails after a change of the decoding, give `DECODING` another number: older models need the older."""
    rows, columns = np.mgrid[0:60, 0:80]
    picture = np.dstack([rows * 4, columns * 3, 255 - rows * 2]).astype(np.uint8)
    png = cv2.imencode(".png", picture)[1].tobytes()
    pixels = [image_codec.decode_square(data, "picture", 56) for data in (png, image_codec.encode_jpeg(picture))]
    assert MANIFEST.decoding == "bgr-square-1"
    digests = [hashlib.sha256(each.tobytes()).hexdigest() for each in pixels]
    assert [digest[:16] for digest in digests] == [
        "048fa6ff901200e1",
        "afb553bd1309302d",
    ]
