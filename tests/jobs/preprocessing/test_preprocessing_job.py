# SPDX-License-Identifier: MIT-0
"""The job lays down exactly what the contract names, says how far it is, and says in the end what it made."""

import hashlib
import json
from pathlib import Path

import pytest

from pipeline_src import contract
from pipeline_src.dataset import dataset_plan
from pipeline_src.dataset.lesion_split import SplitFractions
from pipeline_src.preprocessing import dataset_builder
from tests.jobs import archives


def test_the_outputs_are_what_the_contract_names_and_nothing_else(done: archives.Room) -> None:
    held_out = {f"holdout/{row['image_id']}.jpg" for row in done.manifest() if row["split"] != "train"}
    wanted = {"train/train.rec", "validation/validation.rec", "dataset/manifest.csv", "dataset/dataset_card.json"}
    assert set(done.files()) == wanted | held_out | {"dataset/train.idx", "dataset/validation.idx"}


def test_a_channel_is_one_recordio_file_whatever_the_cluster_is_said_to_be(
    room: archives.Room, done: archives.Room
) -> None:
    room.put(archives.good().bytes())
    (room.root / "config").mkdir()
    cluster = {"current_host": "algo-2", "hosts": ["algo-1", "algo-2", "algo-3"]}
    (room.root / "config/resourceconfig.json").write_text(json.dumps(cluster))
    assert room.run() == 0
    assert room.files() == done.files()


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_any_number_of_workers_writes_the_same_bytes(tmp_path: Path, done: archives.Room, workers: int) -> None:
    room = archives.Room(tmp_path)
    room.put(archives.good().bytes())
    options = dataset_plan.PreprocessingOptions(
        image_size=224,
        fractions=SplitFractions(0.15, 0.20),
        balance="repeat",
        repeat_cap=10,
        allowed_missing=0,
        near_duplicates="drop",
    )
    task = dataset_builder.PreprocessingTask(
        archive=tmp_path / "processing/input/archive/dataverse_files.zip",
        outputs={name: room.output(name) for name in dataset_builder.DATASET_OUTPUTS},
        options=options,
        workers=workers,
    )
    dataset_builder.build_dataset(task, lambda _done, _total, _unit: None)
    assert room.files() == done.files()


def test_holdout_pictures_are_the_original_bytes(done: archives.Room) -> None:
    pictures = archives.good().pictures
    for path in done.output("holdout").iterdir():
        assert path.read_bytes() == pictures[path.stem]


def test_the_manifest_lists_every_image_with_its_hash(done: archives.Room) -> None:
    archive, rows = archives.good(), done.manifest()
    assert tuple(rows[0]) == contract.MANIFEST_COLUMNS
    columns = ("lesion_id", "dx", "sex", "age", "localization", "dx_type", "dataset")
    listed = ("lesion_id", "label", "sex", "age", "localization", "dx_type", "source")
    facts = {row["image_id"]: [row[name] for name in columns] for row in archive.rows}
    assert {row["image_id"]: [row[name] for name in listed] for row in rows} == facts
    for row in rows:
        data = archive.pictures[row["image_id"]]
        assert (row["sha256"], int(row["bytes"])) == (hashlib.sha256(data).hexdigest(), len(data))
        assert int(row["repeats"]) == {"train": int(row["repeats"]) or 1, "validation": 1, "test": 0}[row["split"]]


def test_all_images_of_a_lesion_share_its_split(done: archives.Room) -> None:
    splits: dict[str, set[str]] = {}
    for row in done.manifest():
        splits.setdefault(row["lesion_id"], set()).add(row["split"])
    assert all(len(found) == 1 for found in splits.values())


def test_the_card_counts_what_the_manifest_lists(done: archives.Room) -> None:
    card, rows = json.loads(json.dumps(done.card())), done.manifest()
    archive = archives.good().bytes()
    assert archives.told(card) == (hashlib.sha256(archive).hexdigest(), len(archive))
    assert card["images"]["total"] == len(rows)
    for label in contract.CLASS_LABELS:
        for split in contract.SPLITS:
            chosen = [row for row in rows if (row["label"], row["split"]) == (label, split)]
            assert card["images"]["by_class_and_split"][label][split] == len(chosen)
            assert card["lesions"]["by_class_and_split"][label][split] == len({row["lesion_id"] for row in chosen})
        assert card["images"]["by_class"][label] == sum(row["label"] == label for row in rows)
    for split in contract.SPLITS:
        assert card["images"]["by_split"][split] == sum(row["split"] == split for row in rows)
    records = sum(int(row["repeats"]) for row in rows if row["split"] == "train")
    assert card["training_records"]["total"] == sum(card["training_records"]["by_class"].values()) == records
    assert card["hyperparameters"] == {
        "num_classes": str(len(contract.CLASS_LABELS)),
        "num_training_samples": str(records),
    }
    assert (card["schema"], card["image_size"], card["sources"]) == (1, 224, {"drawn": len(rows)})


def test_the_card_tells_what_is_odd(room: archives.Room, done: archives.Room) -> None:
    archive = archives.good()
    twin, other = "ISIC_0000000", archive.rows[2]["image_id"]  # another lesion with the same label
    archive.pictures[other] = archive.pictures[twin]
    archive.pictures |= {"ISIC_9999999": archives.picture(99), "ISIC_0000001": archive.pictures[twin]}
    archive.rows[3]["age"] = ""
    room.put(archive.bytes())
    assert room.run() == 0
    card = room.card()
    assert card["duplicates_across_lesions"] == [sorted([twin, "ISIC_0000001", other])]
    assert card["images_without_metadata"] == {"count": 1, "examples": ["ISIC_9999999"]}
    assert card["ages_missing"] == 1
    assert done.card()["duplicates_across_lesions"] == []
    assert done.card()["ages_missing"] == 0


def test_equal_pictures_of_one_lesion_are_no_finding(room: archives.Room) -> None:
    archive = archives.good()
    archive.pictures["ISIC_0000001"] = archive.pictures["ISIC_0000000"]
    assert archive.rows[0]["lesion_id"] == archive.rows[1]["lesion_id"]
    room.put(archive.bytes())
    assert room.run() == 0
    assert room.card()["duplicates_across_lesions"] == []


def test_equal_pictures_in_two_splits_are_a_warning(room: archives.Room, done: archives.Room) -> None:
    archive, rows = archives.good(), done.manifest()
    one, two = (next(row["image_id"] for row in rows if row["split"] == split) for split in ("train", "test"))
    archive.pictures[one] = archive.pictures[two]
    room.put(archive.bytes())
    assert room.run() == 0
    assert room.card()["warnings"][0].startswith("1 training images show the lesion of a held-out")  # type: ignore[index]


def test_progress_reaches_the_end_and_the_summary_is_a_table(
    room: archives.Room, capsys: pytest.CaptureFixture[str]
) -> None:
    room.put(archives.good(lesions=20).bytes())
    assert room.run() == 0
    images = str(21 * len(contract.CLASS_LABELS))
    lines = capsys.readouterr().out.splitlines()
    told = [found for line in lines if (found := contract.PROGRESS_PATTERN.match(line))]
    assert [(found["done"], found["total"], found["unit"]) for found in told] == [
        *((str(done), images, "images") for done in range(50, int(images), 50)),
        (images, images, "images"),
    ]
    table = [line.split() for line in lines[len(told) :]]
    assert table[0] == ["class", "images", *contract.SPLITS, "lesions", "training", "records"]
    assert [row[0] for row in table[1 : len(contract.CLASS_LABELS) + 2]] == [*contract.CLASS_LABELS, "all"]
    assert table[len(contract.CLASS_LABELS) + 1][1] == images


def test_thin_classes_are_warned_of_in_card_and_log(room: archives.Room, capsys: pytest.CaptureFixture[str]) -> None:
    room.put(archives.good().bytes())
    assert room.run() == 0
    warnings = room.card()["warnings"]
    assert isinstance(warnings, list)
    thin = [warning for warning in warnings if "is thin" in warning]
    assert len(thin) == len(contract.CLASS_LABELS)
    out = capsys.readouterr().out
    assert all(f"warning: {warning}" in out for warning in warnings)


def test_a_second_run_gives_the_same_bytes_and_leaves_nothing_of_the_first(room: archives.Room) -> None:
    room.put(archives.good().bytes())
    assert room.run() == 0
    first = room.files()
    (room.output("holdout") / "ISIC_old.jpg").write_bytes(b"of an earlier run")
    assert room.run() == 0
    assert room.files() == first


def test_without_balance_every_training_image_has_one_record(room: archives.Room) -> None:
    room.put(archives.good().bytes())
    assert room.run("--class-balance", "none") == 0
    assert {row["repeats"] for row in room.manifest() if row["split"] == "train"} == {"1"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--class-balance", "twice"), "class balance 'twice'"),
        (("--repeat-cap", "0"), "repeat cap 0"),
        (("--image-size", "4"), "image size 4"),
        (("--image-size", "large"), "--image-size"),
        (("--allowed-missing-images", "-1"), "allowed missing images -1"),
        (("--near-duplicates", "keep"), "near duplicates 'keep'"),
        (("--epochs", "3"), "--epochs"),
    ],
)
def test_a_wrong_parameter_is_refused_by_name(room: archives.Room, arguments: tuple[str, ...], words: str) -> None:
    room.put(archives.good().bytes())
    assert room.run(*arguments) == 2
    assert words in room.reason()
    assert "Correct" in room.reason()
    assert room.files() == {}


@pytest.mark.parametrize("count", [0, 2])
def test_the_input_folder_must_hold_one_file(room: archives.Room, count: int) -> None:
    folder = room.root / "processing/input/archive"
    folder.mkdir(parents=True)
    for number in range(count):
        (folder / f"{number}.zip").write_bytes(b"")
    assert room.run() == 2
    assert f"{count} files" in room.reason()
