# SPDX-License-Identifier: MIT-0
"""Several hosts make together what one makes alone; so do several workers on one host."""

import hashlib
import json
from pathlib import Path

import mxnet as mx
import numpy as np
import pytest
import simplejpeg

from pipeline_src.lesions import dataset, option, share, split
from tests.jobs.lesions.preparation import crate

HOSTS = ("algo-1", "algo-2", "algo-3")


# A test image and its copy in training, which the third and the second host do; the first does another image of the
# lesion of the copy.
TEST, COPY, SIBLING = "ISIC_0000029", "ISIC_0000025", "ISIC_0000024"


def _archive() -> crate.Crate:
    """Return an archive with duplicates across lesions, equal and similar ones, whose images different hosts do."""
    archive = crate.good()
    pixels = simplejpeg.decode_jpeg(archive.pictures[TEST], "BGR")
    turned = np.ascontiguousarray(np.rot90(pixels))
    archive.pictures[COPY] = bytes(simplejpeg.encode_jpeg(turned, quality=80, colorspace="BGR"))
    archive.pictures["ISIC_0000007"] = archive.pictures["ISIC_0000001"]
    archive.pictures["ISIC_0000011"] = archive.pictures["ISIC_0000002"]
    return archive


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> crate.Room:
    room = crate.Room(tmp_path_factory.mktemp("one"))
    room.put(_archive().bytes())
    with room.start() as process:
        assert process.wait() == 0
    return room


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> list[crate.Room]:
    """Return the rooms of three hosts that ran at once as processes of their own."""
    rooms = [crate.Room(tmp_path_factory.mktemp(host)) for host in HOSTS]
    for room, host in zip(rooms, HOSTS, strict=True):
        room.put(_archive().bytes())
        (room.root / "config").mkdir()
        config = {"current_host": host, "hosts": list(reversed(HOSTS))}
        (room.root / "config/resourceconfig.json").write_text(json.dumps(config))
    processes = [room.start() for room in rooms]
    assert [process.wait() for process in processes] == [0, 0, 0]
    return rooms


def _records(path: Path) -> list[bytes]:
    return list(iter(mx.recordio.MXRecordIO(str(path), "r").read, None))


@pytest.mark.parametrize("name", ["train", "validation"])
def test_the_records_of_all_hosts_are_those_of_one(one: crate.Room, three: list[crate.Room], name: str) -> None:
    files = [room.output(name) / f"{name}-{number:05d}-of-00003.rec" for number, room in enumerate(three, start=1)]
    together = [record for file in files for record in _records(file)]
    assert sorted(together) == sorted(_records(one.output(name) / f"{name}.rec"))
    assert all(len(_records(file)) > 0 for file in files)


def test_every_shard_has_an_index_that_mxnet_reads(three: list[crate.Room]) -> None:
    for number, room in enumerate(three, start=1):
        stem = f"train-{number:05d}-of-00003"
        index, records = room.output("dataset") / f"{stem}.idx", room.output("train") / f"{stem}.rec"
        reader = mx.recordio.MXIndexedRecordIO(str(index), str(records), "r")
        assert [reader.read_idx(key) for key in reader.keys] == _records(records)


def test_the_manifests_of_all_hosts_are_that_of_one(one: crate.Room, three: list[crate.Room]) -> None:
    lines = [
        line
        for number, room in enumerate(three, start=1)
        for line in (room.output("dataset") / f"manifest-{number:05d}-of-00003.csv").read_text().splitlines()[1:]
    ]
    assert sorted(lines) == (one.output("dataset") / "manifest.csv").read_text().splitlines()[1:]


def test_the_holdouts_of_all_hosts_are_that_of_one(one: crate.Room, three: list[crate.Room]) -> None:
    together = [(p.name, p.read_bytes()) for room in three for p in room.output("holdout").iterdir()]
    assert sorted(together) == sorted((p.name, p.read_bytes()) for p in one.output("holdout").iterdir())


def test_the_first_host_alone_writes_the_card_and_it_is_that_of_one(one: crate.Room, three: list[crate.Room]) -> None:
    assert three[0].card() == one.card()
    assert one.card()["duplicates_across_lesions"] == [
        ["ISIC_0000001", "ISIC_0000007"],
        ["ISIC_0000002", "ISIC_0000011"],
    ]
    leakage = one.card()["leakage"]
    assert isinstance(leakage, dict)
    assert [TEST, COPY] in [each["images"] for each in leakage["twins"]]
    assert {SIBLING, COPY} <= set(leakage["dropped"])
    for room in three[1:]:
        assert not (room.output("dataset") / "dataset_card.json").exists()


def test_a_host_that_is_not_among_the_hosts_is_refused(room: crate.Room) -> None:
    room.put(crate.good().bytes())
    (room.root / "config").mkdir()
    (room.root / "config/resourceconfig.json").write_text('{"current_host": "algo-9", "hosts": ["algo-1"]}')
    assert room.run() == 2
    assert "resourceconfig.json: does not name this host" in room.reason()


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_any_number_of_workers_writes_the_same_bytes(tmp_path: Path, done: crate.Room, workers: int) -> None:
    room = crate.Room(tmp_path)
    room.put(crate.good().bytes())
    options = option.Options(
        image_size=224,
        fractions=split.Fractions(0.15, 0.20),
        balance="repeat",
        repeat_cap=10,
        allowed_missing=0,
        near_duplicates="drop",
    )
    task = dataset.Task(
        archive=tmp_path / "processing/input/archive/dataverse_files.zip",
        outputs={name: room.output(name) for name in dataset.OUTPUTS},
        options=options,
        share=share.Share(),
        workers=workers,
    )
    dataset.build(task, lambda _done, _total, _unit: None)
    assert _digest(room) == _digest(done)


def _digest(room: crate.Room) -> str:
    total = hashlib.sha256()
    for name, data in room.files().items():
        total.update(f"{name} {hashlib.sha256(data).hexdigest()}\n".encode())
    return total.hexdigest()
