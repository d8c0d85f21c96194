# SPDX-License-Identifier: MIT-0
"""RecordIO files are checked before MXNet reads them."""

import re
import struct
from pathlib import Path

import pytest

from local.builtin_stand_in import recordio_channel
from local.builtin_stand_in.errors import ChannelError
from tests.stand_in.conftest import colored, jpeg, write_records

PICTURE = jpeg(colored(0, 0))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "train.rec"


def refusal(path: Path, num_classes: int = 7) -> str:
    with pytest.raises(ChannelError, match=re.escape(str(path))) as caught:
        recordio_channel.read_record_labels(path, num_classes)
    return str(caught.value)


def test_labels_come_in_file_order(path: Path) -> None:
    write_records(path, [(3.0, PICTURE), (0.0, PICTURE), (6.0, PICTURE)])
    assert recordio_channel.read_record_labels(path, 7) == [3, 0, 6]


def test_a_record_that_holds_the_magic_word_is_one_record(path: Path) -> None:
    """MXNet's writer cuts such a record into parts; a reader that counted parts would see several."""
    magic = struct.pack("<I", recordio_channel.RECORDIO_MAGIC)
    data = PICTURE + b"\0" * (-len(PICTURE) % 4) + magic + b"tail" + magic
    write_records(path, [(1.0, data), (2.0, PICTURE)])
    assert path.read_bytes().count(magic) > 2
    assert recordio_channel.read_record_labels(path, 7) == [1, 2]


def test_a_label_given_as_a_list_of_one_is_read(path: Path) -> None:
    header = struct.pack("<IfQQ", 1, 0.0, 0, 0) + struct.pack("<f", 5.0)
    payload = header + PICTURE
    payload += b"\0" * (-len(payload) % 4)
    length = len(header) + len(PICTURE)
    path.write_bytes(struct.pack("<II", recordio_channel.RECORDIO_MAGIC, length) + payload)
    assert recordio_channel.read_record_labels(path, 7) == [5]


@pytest.mark.parametrize("label", [7.0, -1.0, 2.5])
def test_a_label_that_is_no_class_is_refused_with_its_record(path: Path, label: float) -> None:
    write_records(path, [(0.0, PICTURE), (label, PICTURE)])
    assert f"record 1 has the label {label:g}, but num_classes is 7" in refusal(path)


def test_a_number_of_classes_below_the_labels_is_refused(path: Path) -> None:
    write_records(path, [(6.0, PICTURE)])
    assert "num_classes is 2" in refusal(path, num_classes=2)


def test_a_truncated_file_is_refused(path: Path) -> None:
    write_records(path, [(0.0, PICTURE), (1.0, PICTURE)])
    path.write_bytes(path.read_bytes()[:-40])
    assert "ends within record 1" in refusal(path)


def test_a_file_that_ends_within_a_frame_is_refused(path: Path) -> None:
    write_records(path, [(0.0, PICTURE)])
    path.write_bytes(path.read_bytes() + struct.pack("<I", recordio_channel.RECORDIO_MAGIC))
    assert "ends within record 1" in refusal(path)


def test_garbage_between_records_is_refused_with_its_position(path: Path) -> None:
    write_records(path, [(0.0, PICTURE)])
    size = path.stat().st_size
    path.write_bytes(path.read_bytes() + b"garbage garbage.")
    assert f"no record begins at byte {size}, after 1 records" in refusal(path)


def test_a_record_without_a_jpeg_is_refused(path: Path) -> None:
    write_records(path, [(0.0, b"\x89PNG\r\n\x1a\n........")])
    assert "record 0 holds no JPEG image" in refusal(path)
