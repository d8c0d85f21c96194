# SPDX-License-Identifier: MIT-0
"""A warm start begins with no model that has learned from an image that is held out now."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline_src import contract
from pipeline_src.preprocessing import starting_manifest
from pipeline_src.preprocessing.starting_manifest import ManifestImage
from pipeline_src.runtime.errors import BadInputError
from tests.jobs import archives

MODEL = "s3://runs/runs/0a1b/train/model/job/output/model.tar.gz"
Rows = list[dict[str, str]]


def write(folder: Path, rows: Rows) -> Path:
    """Write `rows` as the manifest of the model to start from."""
    path = folder / contract.MANIFEST_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, contract.MANIFEST_COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return path


def images(rows: Rows) -> list[ManifestImage]:
    return [ManifestImage(row["image_id"], row["sha256"], row["split"], row["repeats"] != "0") for row in rows]


def of_split(rows: Rows, split: str) -> Rows:
    return [row for row in rows if row["split"] == split]


def grow(room: archives.Room, *, before: int, after: int) -> tuple[Rows, int]:
    """Run the job with `before` lesions a class, and then, starting from that model, with `after`.

    Returns:
        The first manifest, and the exit code of the second run.
    """
    grown = archives.good(after)
    rows = [row for row in grown.rows if int(row["lesion_id"].rpartition("_")[2]) < before]
    room.put(archives.ArchiveBuilder(rows, {row["image_id"]: grown.pictures[row["image_id"]] for row in rows}).bytes())
    assert room.run("--image-size", "16") == 0, room.reason()
    earlier = room.manifest()
    room.put(grown.bytes())
    write(room.root / "processing/input/starting", earlier)
    return earlier, room.run("--starting-model", MODEL, "--image-size", "16")


def test_an_archive_that_grew_is_a_start_and_each_lesion_keeps_its_split(
    room: archives.Room, capsys: pytest.CaptureFixture[str]
) -> None:
    earlier, code = grow(room, before=30, after=40)
    assert code == 0, room.reason()
    learned = len(of_split(earlier, contract.TRAIN))
    assert (
        f"Warm start: all {learned} images that the earlier model learned from are in train." in capsys.readouterr()[0]
    )
    parameters = room.card()["parameters"]
    assert isinstance(parameters, dict)
    assert parameters["StartingModel"] == MODEL
    before = {row["lesion_id"]: row["split"] for row in earlier}
    after = {row["lesion_id"]: row["split"] for row in room.manifest()}
    assert len(after) > len(before)
    assert before.items() <= after.items()


def test_a_lesion_of_a_thin_class_that_moves_out_of_train_is_found(room: archives.Room) -> None:
    """The hash alone leaves a split of such a class empty; which lesion fills it may change as the class grows."""
    _, code = grow(room, before=3, after=5)
    assert code == contract.EXIT_BAD_INPUT
    assert "are not in the training split now (" in room.reason()


def test_another_fraction_of_test_lesions_is_refused_before_anything_is_written(
    room: archives.Room, done: archives.Room
) -> None:
    room.put(archives.good().bytes())
    write(room.root / "processing/input/starting", done.manifest())
    assert room.run("--starting-model", MODEL, "--test-fraction", "0.5") == contract.EXIT_BAD_INPUT
    assert "that the model to start from has learned from" in room.reason()
    assert "not in the training split now" in room.reason()
    assert "Train once without warm start" in room.reason()
    assert room.files() == {}


def held_out(rows: Rows) -> Rows:
    return [{**rows[0], "split": "test"}, *rows[1:]]


def validated(rows: Rows) -> Rows:
    return [{**rows[0], "split": "validation"}, *rows[1:]]


def left_out(rows: Rows) -> Rows:
    return [{**rows[0], "repeats": "0"}, *rows[1:]]


def gone(rows: Rows) -> Rows:
    return rows[1:]


@pytest.mark.parametrize(
    ("change", "where"),
    [(held_out, "1 test"), (validated, "1 validation"), (left_out, "1 left out"), (gone, "1 in no")],
)
def test_one_image_that_is_not_trained_on_now_is_enough(
    tmp_path: Path, done: archives.Room, change: Callable[[Rows], Rows], where: str
) -> None:
    trained = of_split(done.manifest(), contract.TRAIN)
    path = write(tmp_path, trained)
    with pytest.raises(BadInputError, match=rf"{len(trained)} images .* learned from, 1 are not .*\({where}.* first: "):
        starting_manifest.check_starting_manifest(path, images(change(trained)))


def test_what_the_earlier_model_left_out_and_what_it_was_tested_on_may_be_anywhere(
    tmp_path: Path, done: archives.Room
) -> None:
    rows = done.manifest()
    trained, others = of_split(rows, contract.TRAIN), of_split(rows, contract.TEST)
    path = write(tmp_path, [*left_out(trained), *others])
    present = images([*gone(trained), *({**each, "split": "train", "repeats": "1"} for each in others)])
    assert starting_manifest.check_starting_manifest(path, present) == len(trained) - 1


@pytest.mark.parametrize("place", [contract.TEST, contract.OFFICIAL])
def test_an_image_that_chose_its_epoch_may_not_be_in_a_test_set_now(
    tmp_path: Path, done: archives.Room, place: str
) -> None:
    chosen = of_split(done.manifest(), contract.VALIDATION)
    path = write(tmp_path, chosen)
    assert starting_manifest.check_starting_manifest(path, images(gone(chosen))) == 0
    with pytest.raises(BadInputError, match=rf"images that chose the epoch .*, 1 are in a test set now \(1 {place}"):
        starting_manifest.check_starting_manifest(path, images([{**chosen[0], "split": place}, *chosen[1:]]))


@pytest.mark.parametrize("content", [b"image_id,split\n", b"\xff\xfe", b'image_id,split,sha256,repeats\n"a'])
def test_a_file_that_is_no_manifest_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "manifest.csv"
    path.write_bytes(content)
    with pytest.raises(BadInputError, match=r"manifest\.csv: .*Give the manifest of the model's dataset\."):
        starting_manifest.check_starting_manifest(path, [])


ABSENT = "s3://assets/0a1b.json"


@pytest.mark.parametrize(
    ("content", "model", "found"),
    [
        (None, "", "none"),
        (contract.ABSENT_OBJECT, ABSENT, "none"),
        ("image_id", MODEL, "manifest.csv"),
        (contract.ABSENT_OBJECT, MODEL, "refused"),
        (None, MODEL, "refused"),
        ("image_id", ABSENT, "refused"),
        ("image_id", "", "refused"),
    ],
)
def test_a_model_and_its_manifest_come_together_or_not_at_all(
    tmp_path: Path, content: str | None, model: str, found: str
) -> None:
    if content is not None:
        folder = tmp_path / contract.STARTING_INPUT
        folder.mkdir()
        (folder / "manifest.csv").write_text(content)
    if found == "refused":
        with pytest.raises(
            BadInputError, match="Give StartingModel and StartingManifest of the same model, or neither"
        ):
            starting_manifest.find_starting_manifest(tmp_path, model)
    else:
        path = starting_manifest.find_starting_manifest(tmp_path, model)
        assert (path.name if path else "none") == found
