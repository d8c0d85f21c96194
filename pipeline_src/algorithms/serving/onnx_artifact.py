# SPDX-License-Identifier: MIT-0
"""The artifact of an algorithm that writes ONNX: a folder with ``model.onnx`` and ``model.json``.

``model.json`` is the manifest: what the model is, and the SHA-256 of ``model.onnx``. The same fields, without the
digest, are metadata properties of the ONNX file, so that the file alone still says what it is. `read_model` refuses a
folder in which the two disagree. Neither file holds anything executable.

Input of the model: ``pixels``, uint8 (images, image_size, image_size, 3), blue, green, red, as
`image_codec.decode_square` returns them. Output: ``probabilities``, float32 (images, classes), in the order of the
manifest's labels; each row sums to one. A second output may follow: ``class_maps``, float32 (images, classes, height,
width), what each place of the image adds to the logit of each class; the mean of a map over its places, plus the
class's bias, is the logit. Standard library only.

Sources: onnx.proto, messages ModelProto (field 14, metadata_props) and StringStringEntryProto; Protocol Buffers,
"Encoding": messages that are written one after the other are merged, and elements of a repeated field are appended.
"""

import hashlib
import importlib.metadata
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pipeline_src import contract
from pipeline_src.runtime.errors import BadInputError

MODEL_FILE: Final = "model.onnx"
MANIFEST_FILE: Final = "model.json"
INPUT_NAME: Final = "pixels"
OUTPUT_NAME: Final = "probabilities"
CLASS_MAPS_NAME: Final = "class_maps"
# How the bytes of an image become pixels: `image_codec.decode_square`. Another number when it returns other pixels,
# so that no model is served with pixels that it was not trained on.
DECODING: Final = "bgr-square-1"
# Sides in pixels that Preprocess accepts.
IMAGE_SIZES: Final = range(8, 2049)
_FORMAT: Final = 1
_METADATA_FIELD: Final = 14  # of ModelProto: metadata_props
_TRAIN_AGAIN: Final = "Train the model again."
_TAKE_WHOLE: Final = f"Take the whole {contract.MODEL_ARTIFACT_FILE} that Train wrote."


@dataclass(frozen=True, kw_only=True)
class ModelManifest:
    """What a model is.

    Attributes:
        algorithm: name of the algorithm's folder, for example ``linear_probe``.
        labels: the classes, in the order of the output's columns.
        image_size: side of the input in pixels.
        decoding: how its pixels were made: `DECODING` of the code that trained it.
        versions: version of each package that influenced it, by name.
        weights: where pretrained weights come from, for example their package, digest and licence; may be empty.
    """

    algorithm: str
    labels: tuple[str, ...]
    image_size: int
    decoding: str
    versions: Mapping[str, str]
    weights: Mapping[str, str]


def current_manifest(
    *, algorithm: str, image_size: int, packages: Iterable[str], weights: Mapping[str, str]
) -> ModelManifest:
    """Return the manifest of a model that this version of the code trained.

    Args:
        algorithm: As in `ModelManifest`.
        image_size: Likewise.
        packages: Packages whose version can change the artifact; the installed ones are recorded.
        weights: As in `ModelManifest`.
    """
    return ModelManifest(
        algorithm=algorithm,
        labels=contract.CLASS_LABELS,
        image_size=image_size,
        decoding=DECODING,
        versions={name: importlib.metadata.version(name) for name in packages},
        weights=weights,
    )


def write_model(folder: Path, model: bytes, manifest: ModelManifest) -> None:
    """Write ``model.onnx`` and ``model.json`` into `folder`, which is made if it is missing.

    The same arguments give the same bytes.

    Args:
        folder: Where to write.
        model: A serialized ONNX model without metadata properties, with input and output as the module says.
        manifest: What it is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    data = model + _metadata_properties(manifest)
    content = {
        "format": _FORMAT,
        **_fields(manifest),
        "model": {"file": MODEL_FILE, "sha256": hashlib.sha256(data).hexdigest()},
    }
    (folder / MODEL_FILE).write_bytes(data)
    (folder / MANIFEST_FILE).write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def read_model(folder: Path) -> tuple[bytes, ModelManifest]:
    """Return the ONNX model and the manifest of an artifact that this version of the code can serve.

    Raises:
        BadInputError: A file is missing, is not what the manifest says, or the model has other classes, another order
            of the classes or another decoding than this version.
    """
    path = folder / MANIFEST_FILE
    content = _read_json(path)
    manifest = _parse_manifest(path, content)
    _check_fits_code(path, manifest)
    data = _read_file(folder / MODEL_FILE)
    digest, expected = hashlib.sha256(data).hexdigest(), content["model"]["sha256"]
    if digest != expected:
        raise BadInputError(
            f"{folder / MODEL_FILE}: SHA-256 {digest} is not {expected}, which {MANIFEST_FILE} states: one of the two"
            f" files was replaced or damaged. {_TAKE_WHOLE}"
        )
    if not data.endswith(_metadata_properties(manifest)):
        raise BadInputError(
            f"{path}: differs from the metadata of {MODEL_FILE}: it was changed after training. {_TAKE_WHOLE}"
        )
    return data, manifest


def _fields(manifest: ModelManifest) -> dict[str, Any]:
    return {
        "algorithm": manifest.algorithm,
        "labels": list(manifest.labels),
        "image_size": manifest.image_size,
        "decoding": manifest.decoding,
        "versions": dict(manifest.versions),
        "weights": dict(manifest.weights),
    }


def _read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        cause = "missing" if isinstance(error, FileNotFoundError) else error.strerror
        raise BadInputError(f"{path}: {cause}. {_TAKE_WHOLE}") from error


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(_read_file(path))
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"{path}: not JSON ({error}). {_TAKE_WHOLE}") from error
    if not isinstance(content, dict):
        raise BadInputError(f"{path}: {type(content).__name__}: must be an object. {_TAKE_WHOLE}")
    if content.get("format") != _FORMAT:
        raise BadInputError(
            f"{path}: format {content.get('format')!r}: this version reads format {_FORMAT}. Serve the model with the"
            " version that trained it, or train it again."
        )
    return content


def _parse_manifest(path: Path, content: Mapping[str, Any]) -> ModelManifest:
    """Return the manifest in `content`, whose digest is checked for its presence as well."""

    def field(name: str, fits: bool, expected: str) -> Any:  # noqa: ANN401, FBT001  any JSON value
        if not fits:
            raise BadInputError(f"{path}: {name}: {content.get(name)!r}: must be {expected}. {_TAKE_WHOLE}")
        return content[name]

    def text(name: str) -> str:
        value = content.get(name)
        return str(field(name, isinstance(value, str) and value != "", "a text"))

    def texts(name: str) -> dict[str, str]:
        value = content.get(name)
        fits = isinstance(value, dict) and all(isinstance(each, str) for each in value.values())
        return dict(field(name, fits, "an object of texts"))

    labels, size, model = content.get("labels"), content.get("image_size"), content.get("model")
    field("labels", isinstance(labels, list) and all(isinstance(each, str) for each in labels), "a list of texts")
    field("image_size", type(size) is int and size in IMAGE_SIZES, f"from {IMAGE_SIZES[0]} to {IMAGE_SIZES[-1]}")
    field("model", isinstance(model, dict) and isinstance(model.get("sha256"), str), "an object with a sha256")
    return ModelManifest(
        algorithm=text("algorithm"),
        labels=tuple(content["labels"]),
        image_size=content["image_size"],
        decoding=text("decoding"),
        versions=texts("versions"),
        weights=texts("weights"),
    )


def _check_fits_code(path: Path, manifest: ModelManifest) -> None:
    if manifest.labels != contract.CLASS_LABELS:
        raise BadInputError(
            f"{path}: labels {', '.join(manifest.labels) or 'none'}: this version answers in the order"
            f" {', '.join(contract.CLASS_LABELS)}. {_TRAIN_AGAIN}"
        )
    if manifest.decoding != DECODING:
        raise BadInputError(
            f"{path}: decoding {manifest.decoding!r}: this version decodes images as {DECODING!r}, so the model would"
            f" see other pixels than in training. {_TRAIN_AGAIN}"
        )


def _metadata_properties(manifest: ModelManifest) -> bytes:
    """Return the fields of `manifest` as serialized metadata properties, to be appended to a serialized model."""
    entries = (
        _length_delimited(1, name) + _length_delimited(2, value if isinstance(value, str) else _compact_json(value))
        for name, value in sorted(_fields(manifest).items())
    )
    return b"".join(_length_delimited(_METADATA_FIELD, entry) for entry in entries)


def _compact_json(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _length_delimited(field: int, value: str | bytes) -> bytes:
    """Return a protobuf field of wire type 2."""
    data = value.encode() if isinstance(value, str) else value
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def _varint(number: int) -> bytes:
    parts = bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*parts, number])
