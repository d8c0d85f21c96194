# SPDX-License-Identifier: MIT-0
"""The test images of ISIC 2018 Task 3 are a second test set where the archive holds them whole."""

import json
from typing import Any

import pytest

from pipeline_src import contract
from pipeline_src.dataset import metadata_tables
from pipeline_src.evaluation import model_predictions
from pipeline_src.runtime.errors import BadInputError
from tests.class_table import for_every_class, scores
from tests.jobs import archives

IMAGES, TRUTH = "ISIC2018_Task3_Test_Images.zip", "ISIC2018_Task3_Test_GroundTruth.csv"
HEADER = "lesion_id,image_id,dx,dx_type,age,sex,localization,dataset"
ONE_HOT = ",".join(("image", *contract.CLASS_LABELS)).upper().replace("IMAGE", "image")
LABELS = ("nv", "mel", "nv")
IDS = tuple(f"ISIC_{35000 + number:07d}" for number in range(len(LABELS)))


def _truth(lesion: str = "HAMTEST_{}") -> bytes:
    rows = [f"{lesion.format(n)},{IDS[n]},{label},histo,30.0,female,face,vidir" for n, label in enumerate(LABELS)]
    return "\n".join([HEADER, *rows, ""]).encode()


def _one_hot() -> bytes:
    rows = [
        ",".join([IDS[n], *("1.0" if name == label else "0.0" for name in contract.CLASS_LABELS)])
        for n, label in enumerate(LABELS)
    ]
    return "\n".join([ONE_HOT, *rows, ""]).encode()


def _row(*values: float) -> str:
    return ",".join(map(str, scores(*values)))


def _pictures() -> dict[str, bytes]:
    return {image_id: archives.picture(500 + number) for number, image_id in enumerate(IDS)}


def _archive(truth: bytes | None = None, folder: str = "ISIC2018_Task3_Test_Images/") -> archives.ArchiveBuilder:
    """Return a good archive with the official test set, its pictures below `folder`."""
    archive = archives.good()
    pictures = {f"{folder}{image_id}.jpg": data for image_id, data in _pictures().items()}
    images = archives.zipped({f"{folder}LICENSE.txt": b"CC-BY-NC", **pictures})
    archive.others = {IMAGES: images, TRUTH: _truth() if truth is None else truth}
    return archive


def _card(room: archives.Room) -> dict[str, Any]:
    return json.loads(json.dumps(room.card()))


@pytest.mark.parametrize("folder", ["", "ISIC2018_Task3_Test_Images/"])
def test_its_images_are_held_out_and_listed_and_counted_apart(
    room: archives.Room, done: archives.Room, folder: str
) -> None:
    room.put(_archive(folder=folder).bytes())
    assert room.run() == 0
    rows = {row["image_id"]: row for row in room.manifest()}
    listed = [(rows[each]["lesion_id"], rows[each]["label"], rows[each]["sex"], rows[each]["source"]) for each in IDS]
    assert listed == [(f"HAMTEST_{number}", label, "female", "vidir") for number, label in enumerate(LABELS)]
    assert {(rows[each]["split"], rows[each]["repeats"]) for each in IDS} == {("official", "0")}
    assert {each: (room.output("holdout") / f"{each}.jpg").read_bytes() for each in IDS} == _pictures()
    card, before = _card(room), _card(done)
    assert card["official"] == {
        "images": 3,
        "by_class": for_every_class({"mel": 1, "nv": 2}, 0),
    }
    assert before["official"] is None
    for key in ("images", "lesions", "training_records", "sources", "images_without_metadata"):
        assert card[key] == before[key]
    assert card["leakage"]["compared"] == before["leakage"]["compared"] + 3
    records = ("train/train.rec", "validation/validation.rec", "dataset/train.idx")
    assert all(room.files()[name] == done.files()[name] for name in records)
    assert (
        next(
            image
            for image in model_predictions.read_manifest_images(room.output("dataset"))
            if image.split == "official"
        ).sex
        == "female"
    )


def test_the_form_of_the_challenge_is_read_too_and_each_image_is_a_lesion(room: archives.Room) -> None:
    room.put(_archive(_one_hot()).bytes())
    assert room.run() == 0
    rows = {row["image_id"]: row for row in room.manifest()}
    assert [(rows[each]["lesion_id"], rows[each]["label"], rows[each]["sex"]) for each in IDS] == [
        (image_id, label, "") for image_id, label in zip(IDS, LABELS, strict=True)
    ]


def test_an_image_without_a_lesion_id_is_a_lesion_of_its_own() -> None:
    assert [row.lesion_id for row in metadata_tables.read_official_metadata("x", _truth(lesion=""))] == list(IDS)


@pytest.mark.parametrize(("kept", "said"), [(IMAGES, "without its ground truth"), (TRUTH, "without its images")])
def test_half_of_it_is_left_out_with_a_warning(room: archives.Room, kept: str, said: str) -> None:
    archive = _archive()
    archive.others = {kept: archive.others[kept]}
    room.put(archive.bytes())
    assert room.run() == 0
    assert _card(room)["official"] is None
    assert f"{kept} is in the archive {said}, so the official test set is not used." in _card(room)["warnings"]
    assert not any(row["split"] == "official" for row in room.manifest())


def test_a_file_that_is_there_twice_is_refused(room: archives.Room) -> None:
    archive = _archive()
    archive.others[f"again/{TRUTH}"] = archive.others[TRUTH]
    room.put(archive.bytes())
    assert room.run() == contract.EXIT_BAD_INPUT
    assert f"{TRUTH}, again/{TRUTH}: must appear once" in room.reason()


def test_an_image_of_the_dataset_is_no_official_one(room: archives.Room) -> None:
    room.put(_archive(_truth().replace(IDS[0].encode(), b"ISIC_0000003")).bytes())
    assert room.run() == contract.EXIT_BAD_INPUT
    assert "ISIC_0000003: 1 images are in the dataset's own table too" in room.reason()


def test_missing_images_count_against_those_that_are_allowed(room: archives.Room) -> None:
    archive = _archive()
    archive.others[IMAGES] = archives.zipped({f"{each}.jpg": _pictures()[each] for each in (IDS[0], IDS[2])})
    room.put(archive.bytes())
    assert room.run() == contract.EXIT_BAD_INPUT
    assert f"1 images missing ({IDS[1]}), 0 allowed" in room.reason()
    assert room.run("--allowed-missing-images", "1") == 0
    assert _card(room)["official"]["images"] == 2


def test_images_without_a_row_are_left_out_and_so_are_the_datasets_among_them(room: archives.Room) -> None:
    archive = _archive()
    more = {"ISIC_9999999.jpg": archives.picture(1), "ISIC_0000003.jpg": archives.picture(2)}
    archive.others[IMAGES] = archives.zipped({f"{each}.jpg": data for each, data in _pictures().items()} | more)
    room.put(archive.bytes())
    assert room.run() == 0
    assert _card(room)["images_without_metadata"]["examples"] == ["ISIC_0000003", "ISIC_9999999"]


def test_a_lesion_that_the_dataset_shows_too_leaves_training(room: archives.Room, done: archives.Room) -> None:
    train = next(row for row in done.manifest() if row["split"] == "train" and row["label"] == "nv")
    test = next(row for row in done.manifest() if row["split"] == "test" and row["label"] == "nv")
    truth = (
        _truth().replace(b"HAMTEST_0", train["lesion_id"].encode()).replace(b"HAMTEST_2", test["lesion_id"].encode())
    )
    archive = _archive(truth)
    archive.pictures[test["image_id"]] = _pictures()[IDS[2]]
    room.put(archive.bytes())
    assert room.run() == 0
    leakage = _card(room)["leakage"]
    ids = [row["image_id"] for row in done.manifest() if row["lesion_id"] == train["lesion_id"]]
    assert leakage["dropped"] == ids
    assert leakage["leaked_test_images"] == 0
    assert leakage["lesions_across_splits"] == 1  # the test lesion's: held out in either
    assert {tuple(each["splits"]) for each in leakage["twins"]} == {("official", "train"), ("official", "test")}
    assert [each["images"] for each in leakage["twins"] if each["exact"]] == [[IDS[2], test["image_id"]]]
    model_predictions.read_manifest_images(room.output("dataset"))


def test_an_official_image_that_looks_like_a_training_image_drives_it_out(
    room: archives.Room, done: archives.Room
) -> None:
    archive = _archive()
    train = next(row["image_id"] for row in done.manifest() if row["split"] == "train")
    archive.pictures[train] = _pictures()[IDS[1]]
    room.put(archive.bytes())
    assert room.run() == 0
    assert _card(room)["leakage"]["dropped"] == [train]
    assert _card(room)["leakage"]["twins"][0]["images"] == [IDS[1], train]


@pytest.mark.parametrize(("policy", "dropped", "leaked"), [("drop", 1, 0), ("report", 0, 1)])
def test_official_images_that_are_trained_on_are_counted_apart_from_test_images(
    room: archives.Room, done: archives.Room, policy: str, dropped: int, leaked: int
) -> None:
    archive = _archive()
    train = [row["image_id"] for row in done.manifest() if row["split"] == "train"][-1]
    archive.pictures[train] = _pictures()[IDS[1]] + b"copy"  # equal bytes with two labels would be refused
    room.put(archive.bytes())
    assert room.run("--near-duplicates", policy) == 0
    leakage = _card(room)["leakage"]
    assert leakage["leaked_test_images"] == 0  # which the gate reads
    assert (leakage["leaked_official_images"], leakage["dropped_for_official_images"]) == (leaked, dropped)
    assert any("official test images show a lesion" in each for each in _card(room)["warnings"]) is bool(leaked)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{ONE_HOT}\nISIC_1,{_row(1.0, 1.0)}\n", "line 2: 1.0, 1.0, 0.0"),
        (f"{ONE_HOT}\nISIC_1,{_row()}\n", "must be 1 for one class"),
        (f"{ONE_HOT}\nISIC_1,{_row(1.0, 0.5)}\n", "must be 1 for one class"),
        (f"{ONE_HOT}\nISIC_1,{_row(1.0, 0.5).replace('0.5', 'x')}\n", "must be 1 for one class"),
        ("image,MEL\nISIC_1,1.0\n", "has no column 'nv', 'bcc'"),
        ("image_id,label\nISIC_1,nv\n", "has no column 'dx'"),
        ("image_id,dx\nISIC_1,naevus\n", "line 2: dx 'naevus'"),
        ("image_id,dx\n../x,nv\n", "line 2: image_id '../x'"),
        ("", "x: empty"),
    ],
)
def test_a_wrong_ground_truth_is_refused_with_its_place(text: str, said: str) -> None:
    with pytest.raises(BadInputError, match=said.replace(".", r"\.")):
        metadata_tables.read_official_metadata("x", text.encode())
