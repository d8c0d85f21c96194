# SPDX-License-Identifier: MIT-0
"""Records equal, byte for byte, those of MXNet's own writer, and its readers accept them."""

import csv
import itertools
import os
import subprocess
from pathlib import Path

import mxnet as mx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline_src import contract
from pipeline_src.dataset import recordio_format

ROOT = Path(__file__).parent.parent.parent
JOBS_PYTHON = ROOT / ".venv/jobs/bin/python"
PIECES = st.one_of(
    st.just(recordio_format.MAGIC), st.binary(max_size=9), st.sampled_from([recordio_format.MAGIC[:3], b"\0", b""])
)


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the outputs of Preprocess for three archives: good, skewed, striped."""
    folder = tmp_path_factory.mktemp("preprocessed")
    # In an environment of its own: this one's variables for numerical libraries stay, those of Python do not.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    command = [str(JOBS_PYTHON), "-m", "tests.stand_in.preprocessed", str(folder)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def _output(outputs: Path, archive: str, name: str) -> Path:
    return outputs / archive / "processing/output" / name


def _manifest(outputs: Path, archive: str) -> list[dict[str, str]]:
    with (_output(outputs, archive, "dataset") / "manifest.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def _by_mxnet(path: Path, payloads: list[bytes]) -> bytes:
    writer = mx.recordio.MXRecordIO(str(path), "w")
    for payload in payloads:
        writer.write(payload)
    writer.close()
    return path.read_bytes()


@given(st.lists(PIECES, max_size=12).map(b"".join))
def test_a_record_is_what_mxnet_writes_even_around_its_magic_word(
    tmp_path_factory: pytest.TempPathFactory, payload: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "one.rec"
    assert recordio_format.encode_record(payload) == _by_mxnet(path, [payload])


def test_an_image_record_is_what_mxnet_packs(tmp_path: Path) -> None:
    lesion = recordio_format.lesion_number("HAM_0000118")
    packed = mx.recordio.pack(mx.recordio.IRHeader(0, 5.0, 10_014, lesion), b"picture")
    assert recordio_format.encode_image_record(5, 10_014, b"picture", lesion) == _by_mxnet(
        tmp_path / "one.rec", [packed]
    )


def _records(outputs: Path, archive: str, name: str) -> list[tuple[mx.recordio.IRHeader, bytes]]:
    """Return header and picture of every record, read by index in the order of the index."""
    index, records = (
        _output(outputs, archive, "dataset") / f"{name}.idx",
        _output(outputs, archive, name) / f"{name}.rec",
    )
    reader = mx.recordio.MXIndexedRecordIO(str(index), str(records), "r")
    return [mx.recordio.unpack(reader.read_idx(key)) for key in reader.keys]


def _in_order(outputs: Path, archive: str, name: str) -> list[bytes]:
    reader = mx.recordio.MXRecordIO(str(_output(outputs, archive, name) / f"{name}.rec"), "r")
    return list(iter(reader.read, None))


@pytest.mark.parametrize("name", ["train", "validation"])
def test_index_and_file_order_give_the_same_records(outputs: Path, name: str) -> None:
    packed = [mx.recordio.unpack(record) for record in _in_order(outputs, "good", name)]
    assert [(header.id, data) for header, data in packed] == [
        (header.id, data) for header, data in _records(outputs, "good", name)
    ]


@pytest.mark.parametrize("name", ["train", "validation"])
def test_records_carry_label_number_and_lesion_of_their_image_as_often_as_the_manifest_says(
    outputs: Path, name: str
) -> None:
    rows = _manifest(outputs, "good")
    wanted = [
        (number, contract.CLASS_LABELS.index(row["label"]), recordio_format.lesion_number(row["lesion_id"]))
        for number, row in enumerate(rows)
        if row["split"] == name
        for _ in range(int(row["repeats"]))
    ]
    found = [(header.id, header.label, header.id2) for header, _ in _records(outputs, "good", name)]
    assert sorted(found) == wanted
    assert all(header.flag == 0 for header, _ in _records(outputs, "good", name))


def test_repeated_records_are_equal_bytes_at_offsets_of_their_own(outputs: Path) -> None:
    lines = (_output(outputs, "skewed", "dataset") / "train.idx").read_text().splitlines()
    keys, offsets = zip(*(line.split("\t") for line in lines), strict=True)
    assert list(keys) == [str(number) for number in range(len(lines))]
    assert len(set(offsets)) == len(offsets)
    records = _in_order(outputs, "skewed", "train")
    images = {row["image_id"] for row in _manifest(outputs, "skewed") if row["split"] == "train"}
    assert len(set(records)) == len(images) < len(records)


def test_records_come_shuffled_over_classes_and_repeats(outputs: Path) -> None:
    labels = [header.label for header, _ in _records(outputs, "skewed", "train")]
    changes = sum(a != b for a, b in itertools.pairwise(labels))
    assert changes > len(labels) / 2


def test_image_record_iter_reads_them_shuffled(outputs: Path) -> None:
    wanted = len(_in_order(outputs, "good", "train"))
    batches = mx.io.ImageRecordIter(
        path_imgrec=str(_output(outputs, "good", "train") / "train.rec"),
        path_imgidx=str(_output(outputs, "good", "dataset") / "train.idx"),
        data_shape=(3, 224, 224),
        batch_size=1,
        shuffle=True,
        preprocess_threads=1,
        verbose=False,
    )
    labels = [float(batch.label[0].asscalar()) for batch in batches]
    assert sorted(labels) == sorted(header.label for header, _ in _records(outputs, "good", "train"))
    assert wanted == len(labels)


def test_no_color_channel_is_swapped(outputs: Path) -> None:
    """A red, a green and a blue bar, decoded by MXNet (BGR, as OpenCV), are where and what they were."""
    for name in ("train", "validation"):
        for record in _in_order(outputs, "striped", name):
            _, pixels = mx.recordio.unpack_img(record)
            assert pixels.shape == (96, 96, 3)
            for column, blue_green_red in ((16, (0, 0, 255)), (48, (0, 255, 0)), (80, (255, 0, 0))):
                assert np.abs(pixels[48, column].astype(int) - blue_green_red).max() < 12
