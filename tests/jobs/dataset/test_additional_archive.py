# SPDX-License-Identifier: MIT-0
"""An additional archive adds to what a model learns from, and changes nothing of what it is tested on."""

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline_src import contract
from pipeline_src.dataset import dataset_plan, lesion_split
from pipeline_src.dataset.archive_collection import ArchiveCollection
from pipeline_src.dataset.lesion_split import SplitFractions
from pipeline_src.feedback import archive_writer, captured_images
from pipeline_src.runtime.temporary_files import RecordSpool
from tests.jobs import archives

COUNT = 12
PICTURES = {archives.picture(900 + number): contract.CLASS_LABELS[number % 7] for number in range(COUNT)}
IDS = {captured_images.image_id_of_bytes(data): data for data in PICTURES}


@pytest.fixture(scope="module")
def addition(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return exported(tmp_path_factory, PICTURES)


def exported(folders: pytest.TempPathFactory, pictures: dict[bytes, str]) -> bytes:
    """Return the additional archive of `pictures`, each with its class, as the export writes it."""
    folder = folders.mktemp("exported")
    with RecordSpool(folder) as spill:
        found = captured_images.ImagePool(spill)
        for data in pictures:
            found.add(data)
        labels = {captured_images.image_id_of_bytes(data): label for data, label in pictures.items()}
        return archive_writer.write_additional_archive(folder, labels, found).read_bytes()


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, addition: bytes) -> archives.Room:
    """Return an /opt/ml after a run on the good archive and an additional one; for reading only."""
    room = archives.Room(tmp_path_factory.mktemp("both"))
    room.put(archives.good().bytes())
    room.add(addition)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ML_ROOT", str(room.root))
        assert room.run() == 0
    return room


def of(room: archives.Room, archive: str) -> dict[str, dict[str, str]]:
    """Return the rows of the manifest that are of one archive, without how often they are recorded."""
    rows = [row for row in room.manifest() if row["archive"] == archive]
    return {row["image_id"]: {name: value for name, value in row.items() if name != "repeats"} for row in rows}


def held_out(room: archives.Room, place: str) -> dict[str, bytes]:
    names = [row["image_id"] for row in room.manifest() if row["split"] == place]
    return {name: (room.output("holdout") / f"{name}.jpg").read_bytes() for name in names}


def card(room: archives.Room) -> dict[str, Any]:
    return json.loads(json.dumps(room.card()))


def test_every_image_of_the_base_is_where_it_is_without_it(done: archives.Room, both: archives.Room) -> None:
    assert of(both, "base") == of(done, "base")
    assert held_out(both, "test") == held_out(done, "test")


def test_its_images_are_trained_on_or_choose_the_threshold_and_none_is_tested_on(both: archives.Room) -> None:
    added = of(both, "addition")
    assert {name: row["label"] for name, row in added.items()} == {name: PICTURES[IDS[name]] for name in IDS}
    assert {row["split"] for row in added.values()} == {"train", "validation"}
    assert {row["source"] for row in added.values()} == {"production"}
    validated = {name: IDS[name] for name, row in added.items() if row["split"] == "validation"}
    assert validated.items() <= held_out(both, "validation").items()


def test_the_card_names_both_archives_with_hash_and_counts(
    done: archives.Room, both: archives.Room, addition: bytes
) -> None:
    found, without = card(both), card(done)
    assert found["archive"] == without["archive"]
    assert archives.told(found, "addition") == (hashlib.sha256(addition).hexdigest(), len(addition))
    assert (found["addition"]["images"], found["addition"]["lesions"]) == (COUNT, COUNT)
    assert found["archive"]["images"] + COUNT == found["images"]["total"]
    assert found["addition"]["images_by_split"]["test"] == 0
    assert found["sources"] == without["sources"] | {"production": COUNT}
    assert found["ages_missing"] == without["ages_missing"] + COUNT
    assert without["addition"] == {
        "sha256": "none",
        "bytes": 0,
        "images": 0,
        "lesions": 0,
        "images_by_split": {"train": 0, "validation": 0, "test": 0},
    }


def test_the_object_that_says_there_is_none_changes_nothing(room: archives.Room, done: archives.Room) -> None:
    room.put(archives.good().bytes())
    room.add(contract.ABSENT_OBJECT.encode())
    assert room.run() == 0
    assert room.files() == done.files()


def test_a_picture_of_production_that_is_a_test_picture_leaves_training(
    room: archives.Room, tmp_path_factory: pytest.TempPathFactory, done: archives.Room
) -> None:
    fractions, labels = SplitFractions(0.15, 0.20), {row["image_id"]: row["label"] for row in done.manifest()}
    tested = held_out(done, "test").items()
    trained = {
        data: labels[at]
        for at, data in tested
        if lesion_split.split_of_additional_lesion(captured_images.image_id_of_bytes(data), fractions) == "train"
    }
    room.put(archives.good().bytes())
    room.add(exported(tmp_path_factory, trained | PICTURES))
    assert room.run() == 0
    assert {captured_images.image_id_of_bytes(data) for data in trained} == {*card(room)["leakage"]["dropped"]}
    assert len(trained) > 1
    repeats = {row["image_id"]: row["repeats"] for row in room.manifest()}
    assert {repeats[captured_images.image_id_of_bytes(data)] for data in trained} == {"0"}


@given(st.integers(0, 10**12).map(lambda number: f"PROD_{number:016x}"), st.floats(0.01, 0.4), st.floats(0.01, 0.5))
def test_no_lesion_of_it_is_ever_tested_on_and_more_validation_takes_from_training_alone(
    lesion: str, validation: float, test: float
) -> None:
    placed = lesion_split.split_of_additional_lesion(lesion, SplitFractions(validation, test))
    assert placed in {contract.TRAIN, contract.VALIDATION}
    if placed == contract.VALIDATION:
        assert (
            lesion_split.split_of_additional_lesion(lesion, SplitFractions(validation + 0.05, test))
            == contract.VALIDATION
        )


def test_many_lesions_of_it_are_shared_out_as_those_of_the_base_are() -> None:
    placed = [
        lesion_split.split_of_additional_lesion(f"PROD_{number:016x}", SplitFractions(0.15, 0.20))
        for number in range(8000)
    ]
    assert placed.count(contract.VALIDATION) / 8000 == pytest.approx(0.15 / 0.80, abs=0.015)


class Table:
    """Stands for an archive of which only the table is read."""

    lacks_official = None

    def __init__(self, rows: dict[str, str]) -> None:
        lines = [f"{lesion},{lesion}_1,{label},histo,30,male,back" for lesion, label in rows.items()]
        self._content = "\n".join(["lesion_id,image_id,dx,dx_type,age,sex,localization", *lines]).encode()

    def metadata(self) -> tuple[str, bytes]:
        return "table", self._content

    def isic_tables(self) -> None:
        return None

    def official(self) -> None:
        return None


LABELS = st.sampled_from(contract.CLASS_LABELS)
BASE = {f"HAM_{label}_{number}": label for label in contract.CLASS_LABELS for number in range(3)}


@settings(max_examples=40)
@given(
    st.dictionaries(st.integers(0, 10**6).map("HAM_{}".format), LABELS, max_size=30),
    st.dictionaries(st.integers(0, 10**6).map("PROD_{}".format), LABELS, min_size=1, max_size=30),
)
def test_whatever_is_added_every_base_lesion_keeps_its_split(base: dict[str, str], added: dict[str, str]) -> None:
    """Those of thin classes too, which the hash alone does not place, and which more base lesions might move."""
    fractions = dataset_plan.PreprocessingOptions(
        image_size=32,
        fractions=SplitFractions(0.15, 0.20),
        balance="none",
        repeat_cap=1,
        allowed_missing=0,
        near_duplicates="drop",
    )
    first: Any = Table(BASE | base)
    more: Any = Table(added)
    alone = dataset_plan.plan_dataset(ArchiveCollection(first), fractions)
    both = dataset_plan.plan_dataset(ArchiveCollection(first, more), fractions)
    count = len(alone.rows)
    assert (both.rows[:count], both.splits[:count]) == (alone.rows, alone.splits)
    assert set(both.splits[count:]) <= {"train", "validation"}
