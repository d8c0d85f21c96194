# SPDX-License-Identifier: MIT-0
"""S3 as a folder tree, and storing an archive."""

import tempfile
import zipfile
from pathlib import Path

import pytest
from rich.console import Console

from local.aws import archive_upload
from local.aws.s3_store import S3Store, files_below, link_or_copy_file, sha256_of_file
from local.cli import run_inputs
from local.errors import StepError, UsageError
from pipeline_src import contract


@pytest.fixture
def store(tmp_path: Path) -> S3Store:
    return S3Store(tmp_path / "s3")


@pytest.fixture
def zipped(tmp_path: Path) -> Path:
    path = tmp_path / "archive.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a", "1")
    return path


def test_an_object_is_a_file_below_its_bucket(store: S3Store, zipped: Path) -> None:
    store.put(zipped, "s3://bucket/deep/key.zip")
    assert (store.root / "bucket/deep/key.zip").read_bytes() == zipped.read_bytes()
    assert store.objects("s3://bucket/deep") == [("key.zip", store.root / "bucket/deep/key.zip")]
    assert store.size("s3://bucket/deep") == (1, zipped.stat().st_size)
    assert store.size("s3://bucket/other") == (0, 0)


@pytest.mark.parametrize(
    "uri", ["", "bucket/key", "http://bucket/key", "s3://", "s3://b/../../etc/passwd", "s3:///etc"]
)
def test_what_is_no_s3_uri_reaches_no_file(store: S3Store, uri: str) -> None:
    with pytest.raises(StepError, match="is not an S3 URI"):
        store.path(uri)


def test_a_file_of_another_file_system_is_copied(tmp_path: Path, zipped: Path) -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        assert Path(folder).stat().st_dev != tmp_path.stat().st_dev
        link_or_copy_file(zipped, Path(folder) / "copy/file")
        assert (Path(folder) / "copy/file").read_bytes() == zipped.read_bytes()


def test_placing_a_file_twice_leaves_nothing_beside_it(tmp_path: Path, zipped: Path) -> None:
    link_or_copy_file(zipped, tmp_path / "there/file")
    link_or_copy_file(zipped, tmp_path / "there/file")
    assert [path.name for path in (tmp_path / "there").iterdir()] == ["file"]


def test_an_object_that_was_being_made_when_the_process_was_killed_is_no_object(tmp_path: Path) -> None:
    (tmp_path / ".aside-0123").write_text("half")
    (tmp_path / "whole").write_text("whole")
    assert [path.name for path in files_below(tmp_path)] == ["whole"]


def test_the_archives_key_carries_its_hash_and_its_bytes_are_not_copied(store: S3Store, zipped: Path) -> None:
    seen: list[tuple[int, int]] = []
    uri = archive_upload.store_archive(
        zipped, "raw/archives/", store, progress=lambda done, total: seen.append((done, total))
    )
    assert uri == f"s3://raw/archives/{sha256_of_file(zipped)}.zip"
    assert store.path(uri).samefile(zipped)
    assert seen[-1] == (zipped.stat().st_size, zipped.stat().st_size)


def test_a_stored_link_to_an_archive_that_was_written_over_is_made_anew(
    store: S3Store, zipped: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.zip"
    copy.write_bytes(zipped.read_bytes())
    uri = archive_upload.store_archive(zipped, "raw/archives/", store)
    zipped.write_bytes(b"other bytes, same file")
    assert archive_upload.store_archive(copy, "raw/archives/", store) == uri
    assert store.path(uri).read_bytes() == copy.read_bytes()


def test_an_archive_that_grows_while_it_is_read_is_refused(zipped: Path) -> None:
    def grow(_done: int, _total: int) -> None:
        with zipped.open("ab") as file:
            file.write(b"more")

    with pytest.raises(UsageError, match="the file changed while it was read"):
        sha256_of_file(zipped, progress=grow)


def test_an_archive_that_is_replaced_while_it_is_hashed_is_not_stored_under_that_hash(
    store: S3Store, zipped: Path, tmp_path: Path
) -> None:
    original = sha256_of_file(zipped)

    def replace(_done: int, _total: int) -> None:
        other = tmp_path / "other.zip"
        other.write_bytes(b"other bytes")
        other.replace(zipped)

    # The open file is still the original one, so that its hash is that of the original.
    with pytest.raises(UsageError, match=r"the file (was replaced|changed) while it was read"):
        archive_upload.store_archive(zipped, "raw/archives/", store, progress=replace)
    assert not store.path(f"s3://raw/archives/{original}.zip").exists()


def test_an_archive_that_is_replaced_after_it_was_hashed_is_not_stored_under_that_hash(
    zipped: Path, tmp_path: Path
) -> None:
    class Replaced(S3Store):
        """A store before which somebody replaces the file."""

        def put(self, source: Path, uri: str) -> None:
            source.unlink()
            source.write_bytes(b"other bytes")
            super().put(source, uri)

    store, original = Replaced(tmp_path / "s3"), sha256_of_file(zipped)
    with pytest.raises(UsageError, match="the file was replaced while it was read"):
        archive_upload.store_archive(zipped, "raw/archives/", store)
    assert not store.path(f"s3://raw/archives/{original}.zip").exists()


def test_what_is_no_zip_file_is_refused_with_cause_and_remedy(tmp_path: Path, zipped: Path) -> None:
    whole = zipped.read_bytes()
    (tmp_path / "text.zip").write_text("no zip")
    (tmp_path / "cut.zip").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "empty.zip").write_bytes(b"")
    for name in ("text.zip", "cut.zip", "empty.zip"):
        with pytest.raises(UsageError, match=rf"{name}.*not a ZIP file, or truncated.*Download it again"):
            archive_upload.check_zip_archive(tmp_path / name)
    with pytest.raises(UsageError, match="is a directory"):
        archive_upload.check_zip_archive(tmp_path)
    with pytest.raises(UsageError, match="no such file"):
        archive_upload.check_zip_archive(tmp_path / "missing.zip")
    archive_upload.check_zip_archive(zipped)
    (tmp_path / "ISIC2018_Task3_Training_GroundTruth.csv").write_text("image,MEL")
    archive_upload.check_zip_archive(tmp_path)


def test_an_object_is_written_anew_and_never_in_place(tmp_path: Path) -> None:
    store = S3Store(tmp_path)
    store.write(b"old", "s3://bucket/a/key")
    store.fetch("s3://bucket/a/key", tmp_path / "job")
    store.write(b"new", "s3://bucket/a/key")
    assert (tmp_path / "job/key").read_bytes() == b"old"
    assert store.objects("s3://bucket/a") == [("key", tmp_path / "bucket/a/key")]
    assert (tmp_path / "bucket/a/key").read_bytes() == b"new"
    assert len(list((tmp_path / "bucket/a").iterdir())) == 1


def test_a_folder_of_the_datasets_files_is_taken_and_equal_files_give_equal_bytes(tmp_path: Path) -> None:
    packed = []
    for name in ("one", "two"):
        folder = tmp_path / name / "dataverse_files"
        (folder / "HAM10000_images_part_1").mkdir(parents=True)
        (folder / "HAM10000_images_part_1" / "ISIC_1.jpg").write_bytes(b"image")
        (folder / "HAM10000_metadata.csv").write_bytes(b"lesion_id,image_id,dx\n")
        archive_upload.check_zip_archive(folder)
        archive_upload.pack_folder(folder, tmp_path / f"{name}.zip")
        packed.append((tmp_path / f"{name}.zip").read_bytes())
    assert packed[0] == packed[1]
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        assert archive.namelist() == ["HAM10000_images_part_1/ISIC_1.jpg", "HAM10000_metadata.csv"]
        assert archive.read("HAM10000_images_part_1/ISIC_1.jpg") == b"image"


def test_a_folder_is_stored_as_the_archive_of_a_run(tmp_path: Path) -> None:
    folder, store = tmp_path / "dataverse_files", S3Store(tmp_path / "s3")
    folder.mkdir()
    (folder / "HAM10000_metadata").write_bytes(b"lesion_id,image_id,dx\n")
    values = {contract.INPUT_ARCHIVE_PARAMETER: "s3://bucket/none"}
    uris = [
        run_inputs.inputs_from_options(folder, None).values(values, store, Console(), quiet=True)[
            contract.INPUT_ARCHIVE_PARAMETER
        ]
        for _ in range(2)
    ]
    assert uris[0] == uris[1]
    assert [path.name for path in (tmp_path / "s3").rglob("*") if path.is_file()] == [str(uris[0]).rpartition("/")[2]]
