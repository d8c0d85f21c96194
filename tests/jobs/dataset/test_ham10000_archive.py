# SPDX-License-Identifier: MIT-0
"""Archives are read however they are packed."""

import hashlib
import zipfile
from collections.abc import Callable

import pytest

from tests.jobs import archives

STORED, DEFLATED = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED


def _in_folder(entries: dict[str, bytes]) -> bytes:
    forks = {"__MACOSX/pictures/._ISIC_0000000.jpg": b"fork", "pictures/": b"", "pictures/notes.txt": b"none"}
    return archives.zipped({**forks, **{f"pictures/{name}": data for name, data in entries.items()}})


def _wide(entries: dict[str, bytes]) -> bytes:
    return archives.streamed(entries, DEFLATED, wide=True)


@pytest.mark.parametrize(
    ("inner", "method"),
    [
        (lambda entries: archives.zipped(entries, STORED), STORED),
        (lambda entries: archives.zipped(entries, STORED), DEFLATED),
        (archives.zipped, STORED),
        (lambda entries: archives.streamed(entries, DEFLATED), DEFLATED),
        (lambda entries: archives.streamed(entries, STORED), STORED),
        (_wide, DEFLATED),
        (_in_folder, DEFLATED),
    ],
    ids=[
        "stored in stored",
        "stored in deflated",
        "deflated in stored",
        "streamed",
        "streamed, stored",
        "zip64",
        "folders",
    ],
)
def test_the_same_pictures_give_the_same_dataset_however_they_are_packed(
    room: archives.Room, done: archives.Room, inner: Callable[[dict[str, bytes]], bytes], method: int
) -> None:
    archive = archives.good()
    archive.inner, archive.method = inner, method
    data = archive.bytes()
    room.put(data)
    assert room.run() == 0
    assert archives.told(room.card()) == (hashlib.sha256(data).hexdigest(), len(data))
    assert room.card()["images_without_metadata"] == {"count": 0, "examples": []}
    packed, plain = room.files(), done.files()
    assert packed.pop("dataset/dataset_card.json") != plain.pop("dataset/dataset_card.json")  # the archive's hash
    assert packed == plain


def test_entries_that_are_not_the_dataset_are_passed_over(room: archives.Room) -> None:
    archive = archives.good()
    strange = archives.zipped({"ISIC_0000000.jpg": b"mask", "ISIC_7777777.jpg": archives.picture(1)})
    archive.others = {
        "HAM10000_segmentations_lesion_tschandl.zip": strange,
        "ISIC2018_Task3_Test_NatureMedicine_AI_Interaction_Benefit.csv": b"image,dx\n",
        "__MACOSX/._HAM10000_images_part_1.zip": b"fork",
    }
    data = archive.bytes()
    room.put(data)
    assert room.run() == 0
    assert archives.told(room.card()) == (hashlib.sha256(data).hexdigest(), len(data))
    assert room.card()["images_without_metadata"] == {"count": 0, "examples": []}


def test_everything_may_lie_below_a_folder(room: archives.Room) -> None:
    entries = {f"dataverse_files/{name}": data for name, data in archives.good().entries().items()}
    room.put(archives.zipped(entries))
    assert room.run() == 0


@pytest.mark.parametrize("mark", [b"PK\x07\x08", b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"])
def test_a_picture_that_holds_a_zip_mark_is_read_whole(room: archives.Room, mark: bytes) -> None:
    """A streamed entry's end is searched for, so a mark within it must not be taken for it."""
    archive = archives.good()
    comment = b"\xff\xfe" + (2 + 30).to_bytes(2, "big") + mark * 3 + bytes(30 - 3 * len(mark))
    archive.pictures = {name: data[:2] + comment + data[2:] for name, data in archive.pictures.items()}
    archive.inner = lambda entries: archives.streamed(entries, STORED)
    room.put(archive.bytes())
    assert room.run() == 0
    for path in room.output("holdout").iterdir():
        assert path.read_bytes() == archive.pictures[path.stem]


def test_kaggles_copy_is_read(room: archives.Room, done: archives.Room) -> None:
    """It has loose images, each twice below two spellings of a folder, and tables of pixels beside them."""
    archive = archives.good()
    entries = {f"{archives.METADATA}.csv": archive.table(), "hmnist_28_28_RGB.csv": b"pixel0000,label\n1,2\n"}
    for number, (image_id, data) in enumerate(archive.pictures.items()):
        for spelling in ("HAM10000_images_part_{}", "ham10000_images_part_{}"):
            entries[f"{spelling.format(1 + number % 2)}/{image_id}.jpg"] = data
    room.put(archives.zipped(entries))
    assert room.run() == 0
    packed, plain = room.files(), done.files()
    assert packed.pop("dataset/dataset_card.json") != plain.pop("dataset/dataset_card.json")  # the archive's hash
    # Records are written in the order of the manifest, so their indices are equal even if the archive's order is not.
    assert packed == plain


@pytest.mark.parametrize("case", [str.upper, str.lower])
def test_ids_may_have_another_case_in_the_table_than_in_the_archive(
    room: archives.Room, done: archives.Room, case: Callable[[str], str]
) -> None:
    archive = archives.good()
    archive.inner = lambda entries: archives.zipped({case(name): data for name, data in entries.items()})
    room.put(archive.bytes())
    assert room.run() == 0
    assert room.manifest() == done.manifest()


def test_what_dataverse_says_it_left_out_is_said_with_a_remedy_that_works(room: archives.Room) -> None:
    entries = archives.good().entries()
    del entries[archives.PART.format(2)]
    skipped = (
        b"HAM10000_images_part_1.zip (application/zip) 1234 bytes.\n"
        b"HAM10000_images_part_2.zip (application/zip) skipped because the total size of the download bundle exceeded"
        b" the limit of 2147483648 bytes.\n"
    )
    room.put(archives.zipped({**entries, "MANIFEST.TXT": skipped}))
    assert room.run() == 2
    assert room.reason() == (
        "archive 'dataverse_files.zip': MANIFEST.TXT: says that Dataverse left out HAM10000_images_part_2.zip: the"
        " download was over its limit. Download the files of the dataset one by one, and pack them without compression:"
        " zip -0 dataverse_files.zip HAM10000_* ISIC2018_*."
    )
