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


def test_the_two_tables_of_isic_give_the_same_row() -> None:
    names = [label.upper() for label in contract.CLASS_LABELS]
    diagnoses = f"image,{','.join(names)}\nISIC_1,{','.join('1.0' if name == 'MEL' else '0' for name in names)}\n"
    header = "image,age_approx,anatom_site_general,lesion_id,sex,diagnosis_confirm_type"
    lesions = f"{header}\nISIC_1.jpg,45.0,back,HAM_1,male,histo\n"
    row = metadata_tables.ImageMetadata("ISIC_1", "HAM_1", "mel", "not stated", "male", "45.0", "back", "histo")
    assert metadata_tables.read_isic_metadata(("d", diagnoses.encode()), ("l", lesions.encode())) == [row]


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


AS_PEOPLE_SAVE_IT = {
    "semicolons, as a spreadsheet with a decimal comma saves it": f"{HEADER}\n{ROW}\n".replace(",", ";").encode(),
    "a line that names the separator": f"sep=;\r\n{HEADER}\r\n{ROW}\r\n".replace(",", ";").encode(),
    "a line that names a comma": f"sep=,\n{HEADER}\n{ROW}\n".encode(),
    "row numbers of pandas": f",{HEADER}\n0,{ROW}\n".encode(),
    "row numbers saved twice": f"Unnamed: 0.1,Unnamed: 0,{HEADER}\n0,0,{ROW}\n".replace("0.1", "1").encode(),
    "empty columns at the end": f"{HEADER},,\n{ROW},,\n".encode(),
    "blanks after commas": f"{HEADER}\n{ROW}\n".replace(",", ", ").encode(),
    "quoted after blanks": b'"lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization"\n'
    b'"HAM_1", "ISIC_1", "mel", "histo", "45.0", "male", "back"\n',
    "upper-case column names": f"{HEADER.upper()}\n{ROW}\n".encode(),
    "column names as titles": f"{HEADER.title()}\n{ROW}\n".encode(),
    "UTF-16, little-endian": f"\ufeff{HEADER}\n{ROW}\n".encode("utf-16-le"),
    "UTF-16, big-endian": f"\ufeff{HEADER}\n{ROW}\n".encode("utf-16-be"),
    "UTF-16 with tabs": f"\ufeff{HEADER}\r\n{ROW}\r\n".replace(",", "\t").encode("utf-16-le"),
    "line ends of old Macs": f"{HEADER}\r{ROW}\r".encode(),
    "upper-case diagnosis": f"{HEADER}\n{ROW.replace('mel', 'MEL')}\n".encode(),
    "full name of the diagnosis": f"{HEADER}\n{ROW.replace('mel', 'Melanoma')}\n".encode(),
    "suffix behind the image id": f"{HEADER}\n{ROW.replace('ISIC_1', 'ISIC_1.JPG')}\n".encode(),
    "sex as a letter": f"{HEADER}\n{ROW.replace('male', 'M')}\n".encode(),
    "sex with a capital": f"{HEADER}\n{ROW.replace('male', 'Male')}\n".encode(),
    "a line break within a quoted value": f'{HEADER}\n{ROW[:-4]}" back\r"\n'.encode(),
    "a no-break space behind a value": f"{HEADER}\n{ROW}\u00a0\n".encode(),
}


@pytest.mark.parametrize("content", AS_PEOPLE_SAVE_IT.values(), ids=AS_PEOPLE_SAVE_IT.keys())
def test_a_table_that_people_have_saved_again_gives_the_same_row(content: bytes) -> None:
    row = metadata_tables.ImageMetadata("ISIC_1", "HAM_1", "mel", "not stated", "male", "45.0", "back", "histo")
    assert metadata_tables.read_metadata("table", content) == [row]


@pytest.mark.parametrize("label", contract.CLASS_LABELS)
def test_the_clinical_name_of_a_class_is_its_label(label: str) -> None:
    text = f"lesion_id,image_id,dx\nHAM_1,ISIC_1,{contract.CLASS_TITLES[label].upper()}\n"
    assert [row.label for row in metadata_tables.read_metadata("table", text.encode())] == [label]


def test_age_sex_site_and_confirmation_may_be_missing() -> None:
    row = metadata_tables.ImageMetadata("ISIC_1", "HAM_1", "mel", "not stated")
    assert metadata_tables.read_metadata("table", b"lesion_id,image_id,dx\nHAM_1,ISIC_1,mel\n") == [row]


@pytest.mark.parametrize(
    "marker", ["nan", "NaN", "NA", "N/A", "None", "null", "unknown", "BCN_nan", "HAM_None", "", "-", "?", "<NA>"]
)
def test_a_marker_of_a_missing_value_is_no_lesion(marker: str) -> None:
    """Otherwise all images with the marker would be one lesion, in one split."""
    text = f"{HEADER}\n{ROW}\n{ROW.replace('ISIC_1', 'ISIC_2').replace('HAM_1', marker)}\n"
    with pytest.raises(BadInputError) as caught:
        metadata_tables.read_metadata("table", text.encode())
    said = f"table: line 3: lesion_id {marker!r}: is missing, so images of one lesion might be in several splits."
    assert str(caught.value).startswith(said)
    assert "Write the id of its lesion" in str(caught.value)


@pytest.mark.parametrize("lesion", ["HAM_nano", "Nancy_1", "NAM_0001", "unknown_17"])
def test_an_id_that_only_resembles_a_marker_is_an_id(lesion: str) -> None:
    text = f"{HEADER}\n{ROW.replace('HAM_1', lesion)}\n"
    assert metadata_tables.read_metadata("table", text.encode())[0].lesion_id == lesion


@pytest.mark.parametrize(("name", "other"), [("ISIC_1", "isic_1"), ("HAM_1", "ham_1")])
def test_ids_that_differ_in_case_alone_are_refused(name: str, other: str) -> None:
    second = "HAM_1,ISIC_2,mel,histo,45.0,male,back" if name == "HAM_1" else "HAM_2,ISIC_1,mel,histo,45.0,male,back"
    with pytest.raises(BadInputError) as caught:
        metadata_tables.read_metadata("table", f"{HEADER}\n{ROW}\n{second.replace(name, other)}\n".encode())
    assert (
        f"line 3: {'lesion_id' if name == 'HAM_1' else 'image_id'} {other!r}: differs from {name!r} above in upper"
        in (str(caught.value))
    )


@pytest.mark.parametrize("age", ["10,0", "85+", "-5", "999", "inf", "forty", "1e9"])
def test_an_age_that_cannot_be_read_is_counted_with_its_value_and_place(age: str) -> None:
    rows = metadata_tables.read_metadata(
        "table", f"{HEADER}\n{ROW.replace('45.0', chr(34) + age + chr(34))}\n".encode()
    )
    assert (rows[0].age, rows[0].aged) == ("", False)
    said = f"1 ages are no number from 0 to 120 and count as not stated (first: {age!r} of ISIC_1)."
    assert metadata_tables.metadata_remarks(rows) == [said]


def _grouped(images: int, lesions: int) -> list[metadata_tables.ImageMetadata]:
    return [
        metadata_tables.ImageMetadata(f"ISIC_{number}", f"HAM_{number % lesions}", "nv", "drawn")
        for number in range(images)
    ]


@pytest.mark.parametrize(
    ("images", "lesions", "said"),
    [(200, 200, "no two of 200 images"), (300, 2, "lesion 'HAM_0' has 150 of 300 images"), (300, 150, "")],
)
def test_a_column_that_groups_nothing_or_nearly_everything_is_warned_of(images: int, lesions: int, said: str) -> None:
    found = metadata_tables.metadata_remarks(_grouped(images, lesions))
    assert [line.startswith(said) for line in found] == ([True] if said else [])


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
        ("a;b;c\n1;2;3\n", ("no column", "found: a, b, c")),
        (f"{HEADER},dx\n{ROW},nv\n", ("names a column twice",)),
        (f"{HEADER}\n{ROW}\n{ROW}\n", ("line 3", "image_id 'ISIC_1'", "appears twice")),
        (f"{HEADER}\n{ROW}\nHAM_1,ISIC_2,nv,histo,,,\n", ("line 3", "lesion 'HAM_1'", "is nv here but mel above")),
        (
            f"{HEADER}\n{ROW.replace('mel', 'seborrhea')}\n",
            ("line 2", "dx 'seborrhea'", "not one of the diagnoses mel"),
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
    tables = [entries.pop(archives.METADATA), archive.table("\t").replace(b"HAM_nv_1", b"HAM_nv_7")]
    room.put(archives.zipped({**entries, **dict(zip(names, tables, strict=False))}))
    assert room.run() == 2
    assert "HAM10000_metadata: must appear once" in room.reason()
    assert ", ".join(names) or "none" in room.reason()
    assert room.files() == {}


def test_the_same_table_in_two_forms_with_equal_rows_is_one(room: archives.Room, done: archives.Room) -> None:
    archive = archives.good()
    entries = archive.entries()
    del entries[archives.METADATA]
    forms = {f"{archives.METADATA}.csv": archive.table(), f"{archives.METADATA}.tab": archive.table("\t")}
    room.put(archives.zipped({**entries, **forms}))
    assert room.run() == 0
    assert room.manifest() == done.manifest()


@pytest.mark.parametrize(
    "table", ["", "a,b\n1,2\n", f"{HEADER}\n{ROW}\n{ROW}\n", f"{HEADER}\n{ROW.replace('mel', 'x')}\n"]
)
def test_a_wrong_table_ends_the_job_with_its_message_and_no_output(room: archives.Room, table: str) -> None:
    room.put(archives.zipped({**archives.good().entries(), archives.METADATA: table.encode()}))
    assert room.run() == contract.EXIT_BAD_INPUT
    assert archives.METADATA in room.reason()
    assert "Traceback" not in room.reason()
    assert room.files() == {}
