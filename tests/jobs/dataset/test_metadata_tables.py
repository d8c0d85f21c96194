# SPDX-License-Identifier: MIT-0
"""The metadata table is read in every form in which Dataverse hands it out, and refused by line otherwise."""

import pytest

from pipeline_src import contract
from pipeline_src.dataset import metadata_tables
from pipeline_src.runtime.errors import BadInputError
from tests.jobs import archives

HEADER = "lesion_id,image_id,dx,dx_type,age,sex,localization"
ROW = "HAM_1,ISIC_1,mel,histo,45.0,male,back"


@pytest.mark.parametrize("name", ["HAM10000_metadata", "HAM10000_metadata.csv", "HAM10000_metadata.tab"])
def test_the_table_is_found_with_and_without_a_suffix(room: archives.Room, done: archives.Room, name: str) -> None:
    archive = archives.good()
    archive.metadata_name = name
    entries = archive.entries()
    entries[name] = archive.table("\t" if name.endswith(".tab") else ",")
    room.put(archives.zipped(entries))
    assert room.run() == 0
    assert room.manifest() == done.manifest()


@pytest.mark.parametrize(
    "text",
    [
        f"{HEADER}\n{ROW}\n",
        f"\ufeff{HEADER}\r\n{ROW}\r\n",
        f"{HEADER}\n{ROW}\n".replace(",", "\t"),
        '"lesion_id"\t"image_id"\t"dx"\t"dx_type"\t"age"\t"sex"\t"localization"\n"HAM_1"\t"ISIC_1"\t"mel"\t"histo"\t45.0\t"male"\t"back"\n',
        "dx,age,image_id,sex,lesion_id,localization,dx_type\nmel, 45.0 ,ISIC_1,male,HAM_1,back,histo\n\n",
    ],
    ids=["plain", "with a byte-order mark", "tabs", "quoted", "in another order"],
)
def test_every_form_of_the_table_gives_the_same_row(text: str) -> None:
    row = metadata_tables.ImageMetadata("ISIC_1", "HAM_1", "mel", "not stated", "male", "45.0", "back", "histo")
    assert metadata_tables.read_metadata("table", text.encode()) == [row]
    assert row.aged


def test_rows_come_sorted_by_image_id() -> None:
    rows = "".join(f"HAM_{number},ISIC_{number},nv,histo,,male,back\n" for number in (3, 1, 2))
    parsed = metadata_tables.read_metadata("table", f"{HEADER}\n{rows}".encode())
    assert [row.image_id for row in parsed] == ["ISIC_1", "ISIC_2", "ISIC_3"]


@pytest.mark.parametrize("age", ["", "unknown", "nan"])
def test_an_age_that_is_no_number_is_a_missing_one(age: str) -> None:
    assert not metadata_tables.read_metadata("table", f"{HEADER}\n{ROW.replace('45.0', age)}\n".encode())[0].aged


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ("table: empty",)),
        (" \n\n", ("table: empty",)),
        (f"{HEADER}\n", ("table: has a header and no image",)),
        (f"{HEADER.replace('lesion_id', 'lesion')}\n{ROW}\n", ("no column 'lesion_id'", "found: lesion, image_id")),
        ("a;b;c\n1;2;3\n", ("no column", "found: a;b;c")),
        (f"{HEADER},dx\n{ROW},nv\n", ("names a column twice",)),
        (f"{HEADER}\n{ROW}\n{ROW}\n", ("line 3", "image_id 'ISIC_1'", "appears twice")),
        (f"{HEADER}\n{ROW}\nHAM_1,ISIC_2,nv,histo,,,\n", ("line 3", "lesion 'HAM_1'", "is nv here but mel above")),
        (
            f"{HEADER}\n{ROW.replace('mel', 'melanoma')}\n",
            ("line 2", "dx 'melanoma'", "not one of the diagnoses mel"),
        ),
        (f"{HEADER}\n\n{ROW},more\n", ("line 3", "8 fields", "header has 7")),
        (f"{HEADER}\n{ROW.replace('ISIC_1', '../x')}\n", ("line 2", "image_id '../x'")),
        (f"{HEADER}\n{ROW.replace('ISIC_1', '')}\n", ("line 2", "image_id ''")),
        (f"{HEADER}\n{ROW.replace('HAM_1', 'a b')}\n", ("line 2", "lesion_id 'a b'")),
        (f'{HEADER}\n"{ROW}\n', ("not a readable table",)),
    ],
)
def test_a_wrong_table_is_refused_with_its_place(text: str, words: tuple[str, ...]) -> None:
    with pytest.raises(BadInputError) as caught:
        metadata_tables.read_metadata("table", text.encode())
    for word in words:
        assert word in str(caught.value)


def test_a_table_that_is_not_text_is_refused() -> None:
    with pytest.raises(BadInputError, match="table: byte 4: not UTF-8"):
        metadata_tables.read_metadata("table", b"dx,a\xff\xfe")


@pytest.mark.parametrize("names", [[], ["HAM10000_metadata.csv", "HAM10000_metadata.tab"]], ids=["none", "two"])
def test_the_table_must_be_there_once(room: archives.Room, names: list[str]) -> None:
    archive = archives.good()
    entries = archive.entries()
    table = entries.pop(archives.METADATA)
    room.put(archives.zipped({**entries, **dict.fromkeys(names, table)}))
    assert room.run() == 2
    assert "HAM10000_metadata: must appear once" in room.reason()
    assert ", ".join(names) or "none" in room.reason()
    assert room.files() == {}


@pytest.mark.parametrize(
    "table", ["", "a,b\n1,2\n", f"{HEADER}\n{ROW}\n{ROW}\n", f"{HEADER}\n{ROW.replace('mel', 'x')}\n"]
)
def test_a_wrong_table_ends_the_job_with_its_message_and_no_output(room: archives.Room, table: str) -> None:
    room.put(archives.zipped({**archives.good().entries(), archives.METADATA: table.encode()}))
    assert room.run() == contract.EXIT_BAD_INPUT
    assert archives.METADATA in room.reason()
    assert "Traceback" not in room.reason()
    assert room.files() == {}
