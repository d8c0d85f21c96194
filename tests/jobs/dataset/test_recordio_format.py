# SPDX-License-Identifier: MIT-0
"""The reader returns what was written, and names the byte at which a file is damaged."""

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline_src.dataset import recordio_format
from pipeline_src.dataset.recordio_format import MAGIC
from pipeline_src.runtime.errors import BadInputError

PIECES = st.lists(st.one_of(st.just(MAGIC), st.binary(max_size=9), st.just(MAGIC[:3])), max_size=12).map(b"".join)


@given(st.lists(PIECES, min_size=1, max_size=4))
def test_what_was_written_is_read_even_around_the_magic_word(
    tmp_path_factory: pytest.TempPathFactory, images: list[bytes]
) -> None:
    path = tmp_path_factory.getbasetemp() / "some.rec"
    path.write_bytes(
        b"".join(recordio_format.encode_image_record(5, 7 + n, image, 2**64 - 1) for n, image in enumerate(images))
    )
    found = list(recordio_format.read_image_records(path))
    assert [(each.label, each.number, each.lesion, each.image) for each in found] == [
        (5, 7 + n, 2**64 - 1, image) for n, image in enumerate(images)
    ]
    assert [recordio_format.read_image_record_at(path, each.offset) for each in found] == found


def _records(count: int) -> list[bytes]:
    return [recordio_format.encode_image_record(0, number, b"twelve bytes") for number in range(count)]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data[:46] + b"x" + data[47:], "record 1: damaged: no record begins at byte 44"),
        (lambda data: data[:-5], "record 2: truncated: the file ends within it, at byte 127"),
        (lambda data: data[:91], "record 2: truncated: the file ends within it, at byte 91"),
        (lambda data: data[:40] + data[44:], "record 1: damaged: no record begins at byte 44"),
        (lambda data: data + MAGIC + struct.pack("<I", 4) + b"tiny", "record 3: 4 bytes: too short for the header"),
        (lambda data: data[:8] + b"\2" + data[9:], "record 0: a list of 2 labels: must be"),
        (lambda data: data[:12] + struct.pack("<f", 0.5) + data[16:], "record 0: label 0.5: must be"),
        (lambda data: data[:12] + struct.pack("<f", float("nan")) + data[16:], "record 0: label nan: must be"),
        (lambda data: data[:7] + b"\x20" + data[8:], "record 0: damaged: no part begins at byte 44"),
    ],
)
def test_a_damaged_file_is_refused_with_record_byte_and_remedy(tmp_path: Path, damage: object, message: str) -> None:
    path = tmp_path / "train.rec"
    path.write_bytes(damage(b"".join(_records(3))))  # type: ignore[operator]
    with pytest.raises(BadInputError, match=message) as caught:
        list(recordio_format.read_image_records(path))
    assert str(caught.value).startswith(f"{path}: ")
    assert str(caught.value).endswith("Write the channel again: run the Preprocess step once more.")


def test_records_before_the_damage_are_yielded_first(tmp_path: Path) -> None:
    """A stream: nothing is read ahead."""
    path = tmp_path / "train.rec"
    path.write_bytes(b"".join(_records(2))[:-1])
    records = recordio_format.read_image_records(path)
    assert next(records).number == 0
    with pytest.raises(BadInputError):
        next(records)
