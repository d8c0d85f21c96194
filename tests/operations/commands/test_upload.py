# SPDX-License-Identifier: MIT-0
"""`upload`: the bytes arrive whole under their hash, a broken-off upload goes on, and it ends as the newest archive."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws
from rich.console import Console

from operations.commands import multipart_upload
from operations.commands import multipart_upload as archives
from operations.commands.multipart_upload import HashedArchive, upload_archive
from operations.functions.errors import OperationError, StoppedError, UsageError
from tests.operations.commands.store import MIB, RAW, Store, archive


@pytest.fixture
def store() -> Iterator[Store]:
    with mock_aws():
        yield Store()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """20 MiB and a little: three parts."""
    return archive(tmp_path / "dataverse_files.zip")


@pytest.fixture
def console() -> Console:
    return Console(record=True, width=200)


def key(path: Path) -> str:
    return f"archives/{hashlib.sha256(path.read_bytes()).hexdigest()}.zip"


def hashed(path: Path) -> HashedArchive:
    return archives.hash_archive(path)


def stop_after(parts: int) -> Any:
    """Return a progress function that presses Ctrl-C after so many parts."""
    done: list[int] = []

    def advance(size: int) -> None:
        done.append(size)
        if len(done) == parts:
            raise KeyboardInterrupt

    return advance


def test_the_bytes_arrive_whole_under_their_hash(store: Store, path: Path, console: Console) -> None:
    assert upload_archive(store.client, RAW, path, console).endswith(": uploaded.")
    assert store.body(key(path)) == path.read_bytes()
    assert sorted(store.sent) == [1, 2, 3]
    assert not store.uploads()


def test_stopped_after_two_parts_it_sends_only_the_rest(store: Store, path: Path, console: Console) -> None:
    with pytest.raises(StoppedError, match=r"2 of 3 parts are kept in the bucket\. The same command sends the rest"):
        multipart_upload.send_missing_parts(
            multipart_upload.resume_or_begin_upload(store.client, RAW, hashed(path)), stop_after(2), threads=1
        )
    before = store.sent.copy()
    upload_archive(store.client, RAW, path, console)
    kept = len(store.client.list_object_versions(Bucket=RAW)["Versions"])
    assert kept == 1
    assert sorted(store.sent) == [1, 2, 3], f"{before} were sent before"
    assert store.body(key(path)) == path.read_bytes()
    assert "parts are in the bucket" in console.export_text()


def test_a_part_that_is_another_ones_is_sent_again(store: Store, path: Path, console: Console) -> None:
    """Its size is right and its ETag says nothing: its SHA-256 tells."""
    sending = multipart_upload.resume_or_begin_upload(store.client, RAW, hashed(path))
    wrong = b"x" * (8 * MIB)
    checksum = archives.hash_archive(_written(path.with_name("wrong"), wrong)).parts[0].checksum
    store.client.upload_part(**sending.place, PartNumber=2, Body=wrong, ChecksumSHA256=checksum)
    upload_archive(store.client, RAW, path, console)
    assert sorted(store.sent) == [1, 2, 2, 3]
    assert store.body(key(path)) == path.read_bytes()


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_a_file_that_changes_on_its_way_does_not_arrive(store: Store, path: Path) -> None:
    sending = multipart_upload.resume_or_begin_upload(store.client, RAW, hashed(path))
    with path.open("r+b") as file:
        file.seek(9 * MIB)
        file.write(b"changed")
    with pytest.raises(OperationError, match=r"BadDigest.*parts are kept"):
        multipart_upload.send_missing_parts(sending, lambda _: None)
    assert store.keys() == []


def test_there_already_nothing_is_sent(store: Store, path: Path, console: Console) -> None:
    upload_archive(store.client, RAW, path, console)
    assert "already uploaded, and the newest archive: nothing to do" in upload_archive(store.client, RAW, path, console)
    assert len(store.sent) == 3
    assert not store.copied


def test_an_older_archive_becomes_the_newest_again(store: Store, path: Path, console: Console) -> None:
    other = archive(path.with_name("other.zip"), size=MIB, seed=8)
    upload_archive(store.client, RAW, path, console)
    upload_archive(store.client, RAW, other, console)
    assert "newest archive again" in upload_archive(store.client, RAW, path, console)
    assert store.copied == [key(path)]
    assert "nothing to do" in upload_archive(store.client, RAW, path, console)


def test_one_that_was_begun_before_another_ends_as_the_newest_too(store: Store, path: Path, console: Console) -> None:
    multipart_upload.resume_or_begin_upload(store.client, RAW, hashed(path))
    upload_archive(store.client, RAW, archive(path.with_name("other.zip"), size=MIB, seed=8), console)
    assert "uploaded, and made the newest archive" in upload_archive(store.client, RAW, path, console)
    assert store.copied == [key(path)]
    assert "nothing to do" in upload_archive(store.client, RAW, path, console)


def test_over_5_gib_an_old_one_is_trained_on_by_its_name(store: Store, path: Path, console: Console) -> None:
    upload_archive(store.client, RAW, path, console)
    upload_archive(store.client, RAW, archive(path.with_name("other.zip"), size=MIB, seed=8), console)
    from operations.commands import multipart_upload as module

    with pytest.raises(UsageError, match=rf"more than 5 GiB .*make retrain ARGS='--archive {key(path)}'"):
        module._make_newest(store.client, RAW, HashedArchive(path, 5 * 1024**3 + 1, key(path)[9:-4], ()))


def test_completed_by_another_process_it_is_done(store: Store, path: Path) -> None:
    one = multipart_upload.resume_or_begin_upload(store.client, RAW, hashed(path))
    two = multipart_upload.resume_or_begin_upload(store.client, RAW, hashed(path))
    assert one.upload == two.upload
    multipart_upload.send_missing_parts(one, lambda _: None)
    two.there = one.there
    multipart_upload.send_missing_parts(two, lambda _: None)
    assert store.body(key(path)) == path.read_bytes()


def test_an_upload_that_is_gone_and_left_nothing_is_an_error(store: Store, path: Path) -> None:
    sending = multipart_upload.resume_or_begin_upload(store.client, RAW, hashed(path))
    store.client.abort_multipart_upload(**sending.place)
    sending.there = {part.number: "etag" for part in sending.archive.parts}
    with pytest.raises(OperationError, match="NoSuchUpload"):
        multipart_upload.send_missing_parts(sending, lambda _: None)


@pytest.mark.parametrize("size", [1, 8 * MIB, 80_000 * MIB, 80_001 * MIB, 5 * 1024 * 1024 * MIB])
def test_parts_are_never_too_many_nor_too_small_for_s3(size: int) -> None:
    step = archives.choose_part_bytes(size)
    assert step >= 5 * MIB
    assert -(-size // step) <= 10_000
