# SPDX-License-Identifier: MIT-0
"""Archives as people have them, one row a case: how it is made, and what both doors must say.

A case without `words` is accepted; with `note`, a warning of the dataset card holds that text. A refusal holds all of
`words`. `early` is False if only the images show it, which the upload does not read.
"""

import zipfile
from collections.abc import Callable, Iterator
from typing import NamedTuple

from benchmarks import jpeg_pictures
from pipeline_src import contract
from tests.jobs import archives

STORED = zipfile.ZIP_STORED
TABLE, PART_1, PART_2, PART_3 = archives.METADATA, *(archives.PART.format(number) for number in (1, 2, 3))


class Case(NamedTuple):
    """One row of the table."""

    name: str
    make: Callable[[], bytes]
    words: tuple[str, ...] = ()
    note: str = ""
    early: bool = True


def entries(change: Callable[[dict[str, bytes]], dict[str, bytes]]) -> Callable[[], bytes]:
    """Return a maker of the good archive after `change` of its members."""
    return lambda: archives.zipped(change(archives.good().entries()))


def with_table(content: Callable[[bytes], bytes], name: str = TABLE) -> Callable[[], bytes]:
    """Return a maker of the good archive with another table."""
    return entries(lambda made: {PART_1: made[PART_1], PART_2: made[PART_2], name: content(made[TABLE])})


def replaced(old: str, new: str, count: int = -1) -> Callable[[], bytes]:
    """Return a maker of the good archive after a replacement in its table."""
    return with_table(lambda table: table.replace(old.encode(), new.encode(), count))


def with_picture(data: bytes, name: str = "ISIC_0000003") -> Callable[[], bytes]:
    """Return a maker of the good archive with another picture."""

    def make() -> bytes:
        archive = archives.good()
        archive.pictures[name] = data
        return archive.bytes()

    return make


def with_inner(inner: Callable[[dict[str, bytes]], bytes], method: int = STORED) -> Callable[[], bytes]:
    """Return a maker of the good archive whose parts `inner` packs."""

    def make() -> bytes:
        archive = archives.good()
        archive.inner, archive.method = inner, method
        return archive.bytes()

    return make


def _loose(made: dict[str, bytes], folder: str) -> dict[str, bytes]:
    pictures = archives.good().pictures
    return {TABLE: made[TABLE]} | {f"{folder}{name}.jpg": data for name, data in pictures.items()}


def below(folder: str) -> Callable[[], bytes]:
    """Return a maker of the good archive with its members below `folder`."""
    return _renamed(lambda name: folder + name)


def loose(folder: str) -> Callable[[], bytes]:
    """Return a maker of the good archive with loose images below `folder`."""
    return entries(lambda made: _loose(made, folder))


def beside(name: str, content: bytes = b"x") -> Callable[[], bytes]:
    """Return a maker of the good archive with one more member."""
    return entries(lambda made: {**made, name: content})


def delimited(delimiter: str, first: str = "") -> Callable[[], bytes]:
    """Return a maker of the good archive whose table has another delimiter, and `first` before its header."""
    return with_table(lambda table: first.encode() + table.replace(b",", delimiter.encode()))


def _images_below(folder: str) -> Callable[[], bytes]:
    return with_inner(lambda made: archives.zipped({folder + name: data for name, data in made.items()}))


def _streamed(method: int, *, wide: bool) -> Callable[[], bytes]:
    return with_inner(lambda made: archives.streamed(made, method, wide=wide))


def _of_columns(kept: tuple[str, ...]) -> Callable[[], bytes]:
    return with_table(lambda table: _columns(table, kept))


def _shortened(share: float) -> Callable[[], bytes]:
    return lambda: _cut(archives.good().bytes(), share)


def _renamed(change: Callable[[str], str]) -> Callable[[], bytes]:
    return entries(lambda made: {change(name): data for name, data in made.items()})


def _utf16(table: bytes) -> bytes:
    return table.decode().encode("utf-16")


def _columns(table: bytes, kept: tuple[str, ...]) -> bytes:
    lines = [line.split(",") for line in table.decode().splitlines()]
    places = [lines[0].index(name) for name in kept]
    return "".join(",".join(line[place] for place in places) + "\n" for line in lines).encode()


def layout_cases() -> Iterator[Case]:
    yield Case("as Dataverse ships it", entries(dict))
    for folder in ("dataverse_files/", "a/b/", "./", "ham\\", "HAM 10000/", "\u30c7\u30fc\u30bf/"):
        yield Case(f"below {folder!r}", below(folder))
    for folder in ("", "HAM10000_images_part_1/", "images\\", "HAM10000/images/"):
        yield Case(f"loose images in {folder!r}", loose(folder))
    for suffix in (".csv", ".tab", ".tsv", ".txt"):
        yield Case(f"table named {suffix}", with_table(bytes, TABLE + suffix))
    for name in (
        "HAM10000_segmentations.zip",
        "hmnist_28_28_RGB.csv",
        "README.md",
        "../x",
        "C:\\x",
        "__MACOSX/._x.zip",
    ):
        yield Case(f"beside {name}", beside(name))
    yield Case(
        "one part only", entries(lambda m: {TABLE: m[TABLE], PART_1: m[PART_1]}), ("images missing",), early=False
    )
    yield Case("no part", entries(lambda made: {TABLE: made[TABLE]}), ("inner zip missing", "holds HAM10000_metadata"))
    yield Case("no table", entries(lambda made: {PART_1: made[PART_1]}), ("must appear once", f"holds {PART_1}"))
    yield Case("empty zip", lambda: archives.zipped({}), ("must appear once", "archive is empty"))
    for left_out in (PART_2, TABLE):
        said = f"{PART_1} (application/zip) 7 bytes.\n{left_out} (x) skipped because the total size ...\n".encode()
        words = ("MANIFEST.TXT", f"left out {left_out}", "one by one", "zip -0")
        yield Case(f"Dataverse left {left_out} out", beside("MANIFEST.TXT", said), words)
    said = b"masks.zip (application/zip) skipped because the total size ...\n"
    yield Case("Dataverse left masks out", entries(lambda made: {**made, "MANIFEST.TXT": said}))
    yield Case("the table twice, equal", entries(lambda made: {**made, f"{TABLE}.csv": made[TABLE]}))
    yield Case(
        "the table twice, different",
        entries(lambda made: {**made, f"{TABLE}.csv": made[TABLE].replace(b"HAM_nv_1", b"HAM_nv_9")}),
        ("must appear once", f"{TABLE}, {TABLE}.csv"),
    )
    for name in (f"../{PART_3}", f"/{PART_3}", f"..\\{PART_3}"):
        yield Case(f"escape {name}", beside(name, archives.zipped({})), ("escapes",))


_DIAGNOSES, _LESIONS = "ISIC2018_Task3_Training_GroundTruth.csv", "ISIC2018_Task3_Training_LesionGroupings.csv"
_DIAGNOSIS_COLUMNS = ("image", *(label.upper() for label in contract.CLASS_LABELS))


def _isic(
    change: Callable[[dict[str, bytes]], dict[str, bytes]] = dict, columns: tuple[str, ...] = _DIAGNOSIS_COLUMNS
) -> Callable[[], bytes]:
    """Return a maker of the good archive with the two tables of ISIC 2018 instead of its own."""

    def changed(made: dict[str, bytes]) -> dict[str, bytes]:
        rows = archives.good().rows
        diagnoses = [
            [each["image_id"], *("1.0" if each["dx"].upper() == name else "0.0" for name in _DIAGNOSIS_COLUMNS[1:])]
            for each in rows
        ]
        lesions = [[each["image_id"], each["lesion_id"], "histopathology"] for each in rows]
        parts = {name: data for name, data in made.items() if name != TABLE}
        header = ["image", "lesion_id", "diagnosis_confirm_type"]
        return change(
            {
                **parts,
                _DIAGNOSES: _comma_separated([[*columns], *diagnoses]),
                _LESIONS: _comma_separated([header, *lesions]),
            }
        )

    return entries(changed)


def _comma_separated(rows: list[list[str]]) -> bytes:
    return "".join(",".join(row) + "\n" for row in rows).encode()


def isic_cases() -> Iterator[Case]:
    yield Case("ISIC 2018's tables", _isic())
    yield Case(
        "ISIC 2019's names", _isic(_as_of_2019, tuple(each.replace("AKIEC", "AK") for each in _DIAGNOSIS_COLUMNS))
    )
    yield Case("ISIC's tables beside HAM10000_metadata", beside(_DIAGNOSES))
    yield Case(
        "ISIC's images",
        _isic(
            lambda made: {
                name.replace("HAM10000_images_part_1", "ISIC2018_Task3_Training_Input"): data
                for name, data in made.items()
            }
        ),
    )
    lacking = (f"{_DIAGNOSES}: one table of diagnoses", "_LesionGroupings", "Add the one that is missing")
    yield Case("ISIC without lesions", _isic(lambda made: _less(made, _LESIONS)), lacking)
    yield Case(
        "ISIC without diagnoses", _isic(lambda made: _less(made, _DIAGNOSES)), ("HAM10000_metadata: must appear once",)
    )
    twice = (f"{_DIAGNOSES}, copy/{_DIAGNOSES}, {_LESIONS}", "remove the others")
    yield Case("ISIC's diagnoses twice", _isic(lambda made: {**made, f"copy/{_DIAGNOSES}": made[_DIAGNOSES]}), twice)
    unknown = (f"{_DIAGNOSES}: line 3: image 'ISIC_0000001': is not in", _LESIONS, "its lesion is not known")
    yield Case("ISIC's lesion not stated", _isic(_changed(_LESIONS, b"ISIC_0000001", b"ISIC_9")), unknown)
    missing = (f"{_DIAGNOSES}: line 2: lesion_id ''", "is missing")
    yield Case("ISIC's lesion empty", _isic(_changed(_LESIONS, b"HAM_mel_0", b"")), missing)
    twice = (f"{_LESIONS}: line 3: image 'ISIC_0000000': appears twice",)
    yield Case("ISIC's lesion twice", _isic(_changed(_LESIONS, b"ISIC_0000001", b"ISIC_0000000")), twice)
    none = (f"{_DIAGNOSES}: line 2: 0.0, 0.0", "must be 1 for one class", "if its class is none of these")
    yield Case(
        "ISIC's diagnosis of no class", _isic(_changed(_DIAGNOSES, b"ISIC_0000000,1.0", b"ISIC_0000000,0.0")), none
    )
    yield Case("ISIC without a class", _isic(columns=(*_DIAGNOSIS_COLUMNS[:-1], "SCC")), ("has no column 'vasc'",))


def _as_of_2019(made: dict[str, bytes]) -> dict[str, bytes]:
    names = {_DIAGNOSES: "ISIC_2019_Training_GroundTruth.csv", _LESIONS: "ISIC_2019_Training_Metadata.csv"}
    return {names.get(name, name): data for name, data in made.items()}


def _less(made: dict[str, bytes], name: str) -> dict[str, bytes]:
    return {other: data for other, data in made.items() if other != name}


def _changed(name: str, old: bytes, new: bytes) -> Callable[[dict[str, bytes]], dict[str, bytes]]:
    return lambda made: {**made, name: made[name].replace(old, new, 1)}


def table_cases() -> Iterator[Case]:
    for delimiter in (";", "\t"):
        yield Case(f"delimiter {delimiter!r}", delimited(delimiter))
        yield Case(f"named delimiter {delimiter!r}", delimited(delimiter, f"sep={delimiter}\n"))
    yield Case("UTF-16", with_table(_utf16))
    yield Case("byte-order mark", with_table(lambda table: b"\xef\xbb\xbf" + table))
    yield Case("Windows line ends", with_table(lambda table: table.replace(b"\n", b"\r\n")))
    yield Case("old Macs' line ends", with_table(lambda table: table.replace(b"\n", b"\r")))
    yield Case("row numbers", with_table(lambda t: b"," + t.strip().replace(b"\n", b"\n0,") + b"\n"))
    yield Case("empty columns", with_table(lambda table: table.replace(b"\n", b",,\n")))
    yield Case("blanks", with_table(lambda table: table.replace(b",", b" , ")))
    yield Case("blank lines", with_table(lambda table: table.replace(b"\n", b"\n\n")))
    yield Case("upper-case header", with_table(lambda t: t.partition(b"\n")[0].upper() + b"\n" + t.partition(b"\n")[2]))
    for kept in (("image_id", "lesion_id", "dx"), ("dx", "image_id", "lesion_id", "sex")):
        yield Case(f"columns {kept}", _of_columns(kept))
    for label in contract.CLASS_LABELS:
        yield Case(f"upper-case {label}", replaced(f",{label},", f",{label.upper()},"))
        yield Case(f"clinical name of {label}", replaced(f",{label},", f',"{contract.CLASS_TITLES[label]}",'))
    yield Case("suffix behind ids", with_table(lambda table: table.replace(b",ISIC_0000003,", b",ISIC_0000003.jpg,")))
    yield Case("ids in lower case", replaced("ISIC_", "isic_"))
    for sex in ("Male", "M", "MALE", "NaN", "unknown"):
        yield Case(f"sex {sex}", replaced(",male,", f",{sex},"))
    for age in ('"45,0"', "85+", "-5", "999", "inf"):
        yield Case(f"age {age}", replaced(",45.0,", f",{age},", 1), note="1 ages are no number")
    for age in ("", "unknown", "nan"):
        yield Case(f"age {age!r}", replaced(",45.0,", f",{age},", 1))
    yield Case("a carriage return in a cell", replaced(",back,", ',"lower\rback",', 1))
    for marker in ("nan", "NA", "None", "null", "unknown", "BCN_nan", ""):
        said = ("line 2: lesion_id", repr(marker), "is missing", "Write the id")
        yield Case(f"lesion {marker!r}", replaced("HAM_mel_0", marker, 1), said)
    differs = ("lesion_id 'ham_mel_0'", "in upper and lower case alone")
    yield Case("ids that differ in case", replaced("HAM_mel_0,ISIC_0000001", "ham_mel_0,ISIC_0000001"), differs)
    twice = ("line 3", "image_id 'ISIC_0000000'", "appears twice")
    yield Case("an image twice", replaced("ISIC_0000001", "ISIC_0000000"), twice)
    two = ("lesion 'HAM_mel_1'", "is nv here but mel above")
    yield Case("a lesion of two classes", replaced("HAM_nv_1", "HAM_mel_1"), two)
    yield Case("an unknown diagnosis", replaced(",nv,", ",wart,", 1), ("dx 'wart'", "not one of the diagnoses"))
    yield Case("no column dx", replaced(",dx,", ",diagnosis,", 1), ("has no column 'dx'", "found: lesion_id, image_id"))
    yield Case("no class df", with_table(_without(b",df,")), ("class df: 0 lesions", "need one each"))
    yield Case("header only", with_table(lambda table: table.partition(b"\n")[0] + b"\n"), ("a header and no image",))
    yield Case("empty", with_table(lambda _table: b""), ("empty", "Restore the original table"))
    yield Case("not text", with_table(lambda _table: b"lesion_id\xff\xfe"), ("byte 9: not UTF-8",))
    yield Case("a bad id", replaced("ISIC_0000001", "../x"), ("line 3: image_id '../x'", "Rename it"))
    own = (" images are from production", "AdditionalArchive")
    yield Case("an additional archive", replaced(",drawn", ",production"), own)


def _without(mark: bytes) -> Callable[[bytes], bytes]:
    return lambda table: b"".join(line for line in table.splitlines(keepends=True) if mark not in line)


def container_cases() -> Iterator[Case]:
    yield Case("stored in stored", with_inner(lambda made: archives.zipped(made, STORED)))
    yield Case("deflated in deflated", with_inner(archives.zipped, zipfile.ZIP_DEFLATED))
    for wide in (False, True):
        for method in (STORED, zipfile.ZIP_DEFLATED):
            yield Case(f"streamed, zip64 {wide}, method {method}", _streamed(method, wide=wide))
    for folder in ("pictures/", "a\\b\\", "\u753b\u50cf/"):
        yield Case(f"images below {folder!r}", _images_below(folder))
    yield Case("no zip", lambda: b"%PDF-1.7", ("not a zip file (8 bytes)", "Harvard Dataverse"))
    yield Case("empty file", lambda: b"", ("not a zip file (0 bytes)",))
    for share in (0.3, 0.9, 0.999):
        yield Case(f"cut at {share}", _shortened(share), ("cut short",))
    yield Case("a part that is a page", entries(lambda m: {**m, PART_1: b"<html>"}), ("not a zip file",), early=False)
    lzma = entries(lambda made: made)
    yield Case("LZMA", lambda: archives.zipped(archives.good().entries(), zipfile.ZIP_LZMA), ("compression method 14",))
    yield Case("a bomb", entries(lambda made: {**made, PART_3: bytes(30_000_000)}), ("zip bomb",))
    yield Case("again as it is", lzma)


def _cut(data: bytes, share: float) -> bytes:
    return data[: int(len(data) * share)]


def picture_cases() -> Iterator[Case]:
    photograph = jpeg_pictures.photograph(5)
    for form, encode in jpeg_pictures.SOUND.items():
        yield Case(f"JPEG: {form}", with_picture(encode(photograph)))
    yield Case("PNG", with_picture(archives.png(photograph)))
    stray = "1 images have stray bytes"
    yield Case("stray padding", with_picture(jpeg_pictures.stray_at_end(archives.picture(9), bytes(9))), note=stray)
    yield Case("stray in the header", with_picture(jpeg_pictures.stray_in_header(archives.picture(9))), note=stray)
    turned = jpeg_pictures.with_segment(archives.picture(9), 0xE1, jpeg_pictures.exif_block(6))
    yield Case("EXIF orientation", with_picture(turned), note="1 images have an EXIF orientation")
    yield Case("elongated", with_picture(archives.picture(9, 60, 300)), note="1 images are more elongated")
    long = jpeg_pictures.stray_at_end(archives.picture(9), bytes(range(1, 80)))
    bad = {
        "bytes that no scan needs": (long, "damaged"),
        "zero bytes": (b"", "zero bytes"),
        "cut": (_cut(archives.picture(1, 450, 600), 0.6), "truncated"),
        "GIF": (b"GIF89a", "a GIF"),
        "HEIC": (b"\0\0\0\x18ftypheic", "a HEIC"),
        "AVIF": (b"\0\0\0\x18ftypavif", "an AVIF"),
        "JPEG 2000": (b"\0\0\0\x0cjP  ", "a JPEG 2000"),
        "page": (b"<html>", "a web page"),
        "Git LFS": (b"version https://git-lfs.github.com/spec/v1", "a pointer of Git LFS"),
    }
    for name, (data, cause) in bad.items():
        yield Case(f"picture: {name}", with_picture(data), ("ISIC_0000003.jpg", cause, "Replace"), early=False)
    copy = archives.good().pictures["ISIC_0000000"]
    two = ("equal bytes with two labels: ISIC_0000000 (mel) and ISIC_0000030 (df)", "Decide which label")
    yield Case("one picture, two diagnoses", with_picture(copy, "ISIC_0000030"), two, early=False)
    alike = "look the same and have two labels: ISIC_0000000 (mel) and ISIC_0000030 (df)"
    yield Case("look-alikes, two diagnoses", with_picture(copy + b"x", "ISIC_0000030"), note=alike)


CASES = [*layout_cases(), *isic_cases(), *table_cases(), *container_cases(), *picture_cases()]
