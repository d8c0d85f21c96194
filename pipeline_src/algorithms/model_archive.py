# SPDX-License-Identifier: MIT-0
"""Reads from a model's archive what others use of it: the ONNX model, and the history of its training.

An archive of another kind of model has neither. Files are taken by their exact names and nothing else is unpacked, so
that no name in the archive becomes a path; sizes are bounded as packed and as unpacked.
"""

import gzip
import posixpath
import tarfile
import tempfile
import zlib
from pathlib import Path
from typing import Any, Final, NamedTuple

from pipeline_src import contract
from pipeline_src.algorithms import training_history
from pipeline_src.algorithms.serving import onnx_artifact
from pipeline_src.algorithms.serving.onnx_artifact import ModelManifest
from pipeline_src.algorithms.training_history import TrainingHistory
from pipeline_src.runtime.errors import BadInputError

# Bytes of each file that is read; EfficientNet-Lite2 takes 25 MB.
SIZE_LIMITS: Final = {
    onnx_artifact.MODEL_FILE: 256 << 20,
    onnx_artifact.MANIFEST_FILE: 1 << 20,
    contract.TRAINING_HISTORY_FILE: 4 << 20,
}
UNPACKED_LIMIT: Final = 1 << 30  # bytes of a whole archive, other files included
_REMEDY: Final = f"Give the {contract.MODEL_ARTIFACT_FILE} that Train wrote."


class ModelArchive(NamedTuple):
    """The content of an archive: model and manifest of an ONNX model, and the history of its training; each or None."""

    model: tuple[bytes, ModelManifest] | None
    history: TrainingHistory | None


def read_model_archive(path: Path) -> ModelArchive:
    """Read the archive at `path`.

    Raises:
        BadInputError: it is missing, damaged or too large, its model does not fit its manifest or this code, or its
            history cannot be read.
    """
    try:
        found = _read_files(path)
    except FileNotFoundError:
        raise BadInputError(f"{path}: not found. {_REMEDY}") from None
    except (tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise BadInputError(f"{path}: not a readable model archive ({error}). {_REMEDY}") from error
    history = found.get(contract.TRAINING_HISTORY_FILE)
    return ModelArchive(
        _read_onnx_model(path, found), None if history is None else training_history.parse_training_history(history)
    )


def _read_files(path: Path) -> dict[str, bytes]:
    """Return the content of the files of `SIZE_LIMITS` that are in the archive, by name."""
    with gzip.open(path) as packed:
        stream: Any = _BoundedReader(packed, path)  # all that is asked of it is to read
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            return _wanted_files(path, archive)


def _wanted_files(path: Path, archive: tarfile.TarFile) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for entry in archive:
        name = posixpath.normpath(entry.name)
        if name not in SIZE_LIMITS:
            continue
        content = archive.extractfile(entry) if entry.isreg() else None
        if content is None or name in found:
            problem = "there twice" if name in found else "no plain file"
            raise BadInputError(f"{path}: entry {entry.name!r} is {problem}. {_REMEDY}")
        if entry.size > SIZE_LIMITS[name]:
            problem = f"has {entry.size} bytes: at most {SIZE_LIMITS[name]} are read"
            raise BadInputError(f"{path}: entry {entry.name!r} {problem}. {_REMEDY}")
        found[name] = content.read()
    return found


def _read_onnx_model(path: Path, found: dict[str, bytes]) -> tuple[bytes, ModelManifest] | None:
    """Return model and manifest as `onnx_artifact.read_model` does; None if the archive does not have both."""
    names = (onnx_artifact.MODEL_FILE, onnx_artifact.MANIFEST_FILE)
    if not found.keys() >= set(names):
        return None
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            (Path(folder) / name).write_bytes(found[name])
        try:
            return onnx_artifact.read_model(Path(folder))
        except BadInputError as error:
            raise BadInputError(str(error).replace(folder, str(path))) from error


class _BoundedReader:
    """The unpacked bytes of `packed`, which end with an error after `UNPACKED_LIMIT`."""

    def __init__(self, packed: gzip.GzipFile, path: Path) -> None:
        self._packed, self._path, self._left = packed, path, UNPACKED_LIMIT

    def read(self, size: int) -> bytes:
        data = self._packed.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise BadInputError(f"{self._path}: it unpacks to more than {UNPACKED_LIMIT} bytes. {_REMEDY}")
        return data
