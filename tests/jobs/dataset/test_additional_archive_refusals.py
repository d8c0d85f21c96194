# SPDX-License-Identifier: MIT-0
"""An additional archive that would blur what a model is tested on is refused, naming both places; nothing is left."""

import zipfile
from collections.abc import Callable

import pytest

from pipeline_src import contract
from tests.jobs import archives

FIRST = "archive 'dataverse_files.zip': HAM10000_metadata"
SECOND = "additional archive 'addition.zip'"
ANEW = "Export it again from the same captures and labels"


def addition(**changed: str) -> archives.ArchiveBuilder:
    """Return an additional archive of two images, the first with `changed` fields."""
    facts = {"dx_type": "confirmed", "age": "", "sex": "unknown", "localization": "unknown", "dataset": "production"}
    ids = [f"PROD_{number:016x}" for number in range(2)]
    rows = [{"lesion_id": name, "image_id": name, "dx": "mel", **facts} for name in ids]
    rows[0] |= changed
    return archives.ArchiveBuilder(rows, {row["image_id"]: archives.picture(700 + at) for at, row in enumerate(rows)})


def without_a_picture(made: archives.ArchiveBuilder) -> bytes:
    made.pictures.pop(made.rows[1]["image_id"])
    return made.bytes()


def with_a_wrong_checksum(made: archives.ArchiveBuilder) -> bytes:
    """As one is whose bytes were changed within the inner zip, before it was zipped again."""
    pictures = list(made.pictures.values())

    def spoilt(entries: dict[str, bytes]) -> bytes:
        packed = archives.zipped(entries, zipfile.ZIP_STORED)
        return packed.replace(pictures[0], pictures[0][:-2] + b"??")

    made.inner = spoilt
    return made.bytes()


def with_a_broken_picture(made: archives.ArchiveBuilder) -> bytes:
    made.pictures[made.rows[1]["image_id"]] = b"\xff\xd8 no picture"
    return made.bytes()


@pytest.mark.parametrize(
    ("make", "reasons"),
    [
        (lambda: addition(image_id="ISIC_0000003").bytes(), [SECOND, "image_id ISIC_0000003: 1 in all", FIRST]),
        (lambda: addition(lesion_id="HAM_nv_0").bytes(), [SECOND, "lesion_id HAM_nv_0: 1 in all", FIRST]),
        (lambda: archives.good().bytes(), [SECOND, f"{6 * len(contract.CLASS_LABELS)} in all: already in", FIRST]),
        (lambda: b"no zip", [SECOND, "not a zip file", "as it was exported"]),
        (lambda: addition().bytes()[:-40], [SECOND, "cut short or damaged", ANEW]),
        (lambda: archives.zipped({"readme.txt": b"x"}), [SECOND, "HAM10000_metadata: must appear once", "exported"]),
        (
            lambda: without_a_picture(addition()),
            [SECOND, "1 images missing (PROD_0000000000000001)", "as it was exported"],
        ),
        (lambda: with_a_wrong_checksum(addition()), [SECOND, "_1.zip", "damaged: its checksum is wrong", ANEW]),
        (lambda: with_a_broken_picture(addition()), [SECOND, "PROD_0000000000000001.jpg"]),
        (lambda: addition(dx="seborrhea").bytes(), [SECOND, "line 2", "not one of the diagnoses mel, nv"]),
    ],
)
def test_what_is_wrong_with_it_is_said_and_the_outputs_stay_empty(
    room: archives.Room, make: Callable[[], bytes], reasons: list[str]
) -> None:
    room.put(archives.good().bytes())
    room.add(make())
    assert room.run() == contract.EXIT_BAD_INPUT
    assert all(reason in room.reason() for reason in reasons), room.reason()
    assert "ownload" not in room.reason()
    assert room.files() == {}


def test_an_additional_archive_in_the_place_of_the_first_is_refused(room: archives.Room) -> None:
    room.put(addition().bytes())
    assert room.run() == contract.EXIT_BAD_INPUT
    assert f"{FIRST}: 2 of 2 images are from production: this is an additional archive" in room.reason()


def test_two_archives_in_one_channel_are_refused(room: archives.Room) -> None:
    room.put(archives.good().bytes())
    room.add(addition().bytes())
    folder = room.root / "processing/input" / contract.ADDITION_INPUT
    (folder / "second.zip").write_bytes(addition().bytes())
    assert room.run() == contract.EXIT_BAD_INPUT
    assert "2 files: must hold the archive alone. Name one object as AdditionalArchive." in room.reason()


def test_a_picture_that_only_the_other_archive_names_is_in_no_table(room: archives.Room) -> None:
    """So a stray copy in the wrong zip cannot stand for the original."""
    made = addition()
    made.pictures["ISIC_0000003"] = archives.picture(1)
    room.put(archives.good().bytes())
    room.add(made.bytes())
    assert room.run() == 0
    assert room.card()["images_without_metadata"] == {"count": 1, "examples": ["ISIC_0000003"]}
