# SPDX-License-Identifier: MIT-0
"""Broken and hostile archives are refused with place, cause and remedy, and nothing is left in the outputs."""

import io
import struct
import zipfile
from collections.abc import Callable

import pytest

from pipeline_src.dataset import archive_directory, zip_entries
from tests.jobs import archives

STORED, DEFLATED = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED


def _wide(entries: dict[str, bytes]) -> bytes:
    return archives.streamed(entries, DEFLATED, wide=True)


def _refused(room: archives.Room, data: bytes, *words: str) -> None:
    room.put(data)
    assert room.run() == 2
    reason = room.reason()
    for word in words:
        assert word in reason
    assert reason.endswith(".")
    assert "Traceback" not in reason
    assert room.files() == {}


def _patched(data: bytes, mark: bytes, offset: int, new: bytes) -> bytes:
    """Return `data` with `new` written at `offset` behind each `mark`."""
    changed, at = bytearray(data), data.find(mark)
    while at >= 0:
        changed[at + offset : at + offset + len(new)] = new
        at = data.find(mark, at + 1)
    return bytes(changed)


def _with_part(part: bytes) -> bytes:
    return archives.zipped({**archives.good().entries(), archives.PART.format(1): part}, STORED)


def test_a_file_that_is_no_zip_is_refused(room: archives.Room) -> None:
    _refused(room, b"%PDF-1.7 ...", "dataverse_files.zip", "not a zip file", "Harvard Dataverse")


def test_an_empty_file_is_refused(room: archives.Room) -> None:
    _refused(room, b"", "not a zip file (0 bytes)")


@pytest.mark.parametrize("share", [0.3, 0.9, 0.999])
def test_a_truncated_archive_is_refused(room: archives.Room, share: float) -> None:
    data = archives.good().bytes()
    _refused(room, data[: int(len(data) * share)], "cut short", "Download the archive again")


@pytest.mark.parametrize("share", [0.2, 0.7, 0.97, 0.999])
@pytest.mark.parametrize("inner", [archives.zipped, _wide], ids=["plain", "streamed"])
def test_a_truncated_inner_zip_is_refused(
    room: archives.Room, share: float, inner: Callable[[dict[str, bytes]], bytes]
) -> None:
    part = inner({f"{name}.jpg": data for name, data in archives.good().pictures.items()})
    _refused(room, _with_part(part[: int(len(part) * share)]), "HAM10000_images_part_1.zip", "cut short")


def test_an_inner_zip_without_its_last_record_is_refused(room: archives.Room) -> None:
    part = archives.zipped({f"{name}.jpg": data for name, data in archives.good().pictures.items()})
    _refused(room, _with_part(part[:-22]), "HAM10000_images_part_1.zip", "cut short")


def test_an_inner_zip_that_is_none_is_refused(room: archives.Room) -> None:
    _refused(room, _with_part(b"<html>not found</html>"), "HAM10000_images_part_1.zip", "not a zip file")


def test_an_archive_without_pictures_is_refused_with_what_it_holds(room: archives.Room) -> None:
    data = archives.zipped({"notes.txt": b"none", archives.METADATA: archives.good().table()})
    _refused(room, data, "part_1.zip", "inner zip missing", "(the archive holds notes.txt, HAM10000_metadata)")


def test_a_flipped_bit_in_a_picture_is_refused(room: archives.Room) -> None:
    part = bytearray(archives.zipped({f"{name}.jpg": data for name, data in archives.good().pictures.items()}, STORED))
    part[400] ^= 4
    _refused(room, _with_part(bytes(part)), "ISIC_0000000.jpg", "checksum")


def test_a_flipped_bit_in_a_deflated_outer_entry_is_refused(room: archives.Room) -> None:
    data = bytearray(archives.good().bytes())
    data[len(data) // 3] ^= 4
    room.put(bytes(data))
    assert room.run() == 2
    assert "damaged" in room.reason()
    assert room.files() == {}


def test_a_flipped_bit_that_only_the_outer_checksum_tells_is_refused(room: archives.Room) -> None:
    """The date of the inner zip's first entry: nothing inside depends on it."""
    data = bytearray(archives.zipped(archives.good().entries(), STORED))
    data[data.index(b"PK\x03\x04", 4) + 10] ^= 4
    _refused(room, bytes(data), "HAM10000_images_part_1.zip", "differs from what the ZIP declares")


def test_an_outer_entry_that_ends_behind_the_file_is_refused(room: archives.Room) -> None:
    sizes = struct.pack("<II", 1 << 30, 1 << 30)
    data = archives.zipped(archives.good().entries(), STORED)
    at = data.rindex(b"PK\x01\x02", 0, data.rindex(b"PK\x01\x02")) + 20  # the second part's line in the directory
    _refused(room, data[:at] + sizes + data[at + 8 :], "HAM10000_images_part_2.zip", "the file ends within it")


def test_an_outer_entry_that_begins_elsewhere_than_the_directory_says_is_refused(room: archives.Room) -> None:
    data = archives.good().bytes()
    begin = zipfile.ZipFile(io.BytesIO(data)).getinfo(archives.PART.format(1)).header_offset
    _refused(room, data[:begin] + b"nope" + data[begin + 4 :], f"no entry begins at byte {begin}")


def test_a_table_and_a_loose_image_over_their_limits_are_refused(
    room: archives.Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = archives.good()
    loose = {f"HAM10000_images_part_1/{name}.jpg": data for name, data in archive.pictures.items()}
    with monkeypatch.context() as patch:
        patch.setattr(zip_entries, "ENTRY_SIZE_LIMIT", 100)
        _refused(room, archives.zipped({archives.METADATA: archive.table(), **loose}), "over the limit of 100. Leave")
    monkeypatch.setattr(archive_directory, "METADATA_LIMIT", 100)
    _refused(room, archive.bytes(), archives.METADATA, "over the limit of 100")


def test_an_inner_directory_that_lists_something_else_is_refused(room: archives.Room) -> None:
    entries = {f"{name}.jpg": data for name, data in archives.good().pictures.items()}
    part = _patched(archives.zipped(entries, STORED), b"PK\x01\x02", 46, b"ISIC_9")
    _refused(room, _with_part(part), "directory does not list what it holds")


ESCAPES = ["../{}", "/etc/{}", "..\\{}", "C:\\x\\{}", "a/../../{}", "a\n/{}"]


@pytest.mark.parametrize("name", ESCAPES)
@pytest.mark.parametrize("member", [archives.PART.format(3), archives.METADATA, "evil.jpg"])
def test_names_of_members_that_are_read_and_escape_are_refused(room: archives.Room, name: str, member: str) -> None:
    archive = archives.good()
    if member == "evil.jpg":
        archive.inner = lambda entries: archives.zipped({name.format(member): b"x", **entries})
    else:
        if member == archives.METADATA:
            archive.metadata_name = name.format(member)
        archive.others = {name.format(member): archives.zipped({})} if member != archives.METADATA else {}
    _refused(room, archive.bytes(), member, "escapes")


@pytest.mark.parametrize("name", ["../notes.txt", "C:\\x\\notes.txt", "a/../../masks.zip", "\u30bd\u30bd.txt"])
def test_members_that_are_not_read_are_not_judged(room: archives.Room, done: archives.Room, name: str) -> None:
    archive = archives.good()
    archive.others = {name: b"x"}
    archive.inner = lambda entries: archives.zipped({"../notes.txt": b"x", **entries})
    room.put(archive.bytes())
    assert room.run() == 0
    assert room.manifest() == done.manifest()


@pytest.mark.parametrize("where", ["outer", "inner"])
def test_a_backslash_counts_as_a_slash_as_powershell_5_writes_it(
    room: archives.Room, done: archives.Room, where: str
) -> None:
    archive = archives.good()
    if where == "inner":
        archive.inner = lambda entries: archives.zipped({f"pictures\\{name}": data for name, data in entries.items()})
    entries = archive.entries()
    room.put(archives.zipped({f"ham\\{name}" if where == "outer" else name: data for name, data in entries.items()}))
    assert room.run() == 0
    assert room.manifest() == done.manifest()


@pytest.mark.parametrize("where", ["outer", "inner"])
def test_encrypted_entries_are_refused(room: archives.Room, where: str) -> None:
    def locked(data: bytes) -> bytes:
        return _patched(_patched(data, b"PK\x03\x04", 6, b"\x01"), b"PK\x01\x02", 8, b"\x01")

    archive = archives.good()
    if where == "inner":
        archive.inner = lambda entries: locked(archives.zipped(entries))
        archive.method = STORED
    data = archive.bytes()
    _refused(room, locked(archives.zipped(archive.entries())) if where == "outer" else data, "encrypted", "password")


def test_another_compression_method_is_refused(room: archives.Room) -> None:
    archive = archives.good()
    archive.inner = lambda entries: archives.zipped(entries, zipfile.ZIP_LZMA)
    _refused(room, archive.bytes(), "compression method 14", "Create it again")


def test_an_inner_entry_that_declares_too_much_is_refused(room: archives.Room) -> None:
    archive = archives.good()
    archive.pictures["ISIC_0000001"] = bytes(30_000_000)
    _refused(room, archive.bytes(), "ISIC_0000001.jpg", "30000000 bytes", "zip bomb")


def test_an_outer_entry_that_declares_too_much_is_refused(room: archives.Room) -> None:
    _refused(
        room,
        archives.zipped({**archives.good().entries(), archives.PART.format(3): bytes(30_000_000)}),
        "part_3.zip",
        "zip bomb",
    )


def test_an_entry_over_the_size_limit_is_refused(room: archives.Room) -> None:
    entries = {f"{name}.jpg": data for name, data in archives.good().pictures.items()}
    part = _patched(archives.zipped(entries, STORED), b"PK\x03\x04", 18, struct.pack("<II", 1 << 27, 1 << 27))
    _refused(room, _with_part(part), "over the limit")


@pytest.mark.parametrize("where", ["outer", "inner", "stored"])
def test_an_entry_that_holds_more_than_it_declares_is_refused(room: archives.Room, where: str) -> None:
    def lying(data: bytes) -> bytes:
        size = struct.pack("<I", 100_000)
        return _patched(_patched(data, b"PK\x03\x04", 22, size), b"PK\x01\x02", 24, size)

    zeros = bytes(800_000)
    if where == "outer":
        part = archives.zipped({"ISIC_0000000.jpg": zeros}, STORED)
        lie = lying(archives.zipped({archives.PART.format(1): part}))
        _refused(room, _joined(lie, {archives.METADATA: archives.good().table()}), "declares")
    else:
        method = STORED if where == "stored" else DEFLATED
        part = lying(archives.zipped({"ISIC_0000000.jpg": zeros}, method))
        _refused(room, _with_part(part), "ISIC_0000000.jpg", "is not the declared")


def _joined(data: bytes, entries: dict[str, bytes]) -> bytes:
    """Return the zip `data` with `entries` added."""
    file = io.BytesIO(data)
    with zipfile.ZipFile(file, "a") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return file.getvalue()


def test_an_image_that_is_there_twice_with_other_bytes_is_refused(room: archives.Room) -> None:
    archive = archives.good()
    again = archives.zipped({"again/ISIC_0000003.jpg": archive.pictures["ISIC_0000004"]})
    data = archives.zipped({**archive.entries(), archives.PART.format(3): again})
    _refused(room, data, "ISIC_0000003", "appears twice, with other bytes")


def test_equal_bytes_under_two_names_count_once(room: archives.Room, done: archives.Room) -> None:
    archive = archives.good()
    again = archives.zipped({"again/ISIC_0000003.JPG": archive.pictures["ISIC_0000003"]})
    room.put(archives.zipped({**archive.entries(), archives.PART.format(3): again}))
    assert room.run() == 0
    assert room.manifest() == done.manifest()
