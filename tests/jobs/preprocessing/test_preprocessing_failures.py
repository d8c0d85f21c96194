# SPDX-License-Identifier: MIT-0
"""Whatever stops the job, no half of an output is left, and the next run starts clean."""

import errno
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from pipeline_src.runtime import temporary_files
from tests.jobs import archives

# Runs its second and further arguments with a small file system mounted at the first; 9 if they leave anything there.
SMALL_DISK = """
mount -t tmpfs -o size={size} tmpfs "$1" || exit 8
folder="$1"; shift
"$@"; code=$?
[ -z "$(ls -A "$folder")" ] || exit 9
exit $code
"""


def _on_small_disk(size: str, folder: Path) -> list[str]:
    unshared = ["unshare", "--user", "--map-root-user", "--mount"]
    return [*unshared, "sh", "-c", SMALL_DISK.format(size=size), "sh", str(folder)]


def _can_mount(folder: Path) -> bool:
    if shutil.which("unshare") is None:
        return False
    command = [*_on_small_disk("64k", folder), "true"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize(("full", "size"), [("train", "300k"), ("holdout", "40k"), ("dataset", "8k")])
def test_a_full_disk_ends_with_its_reason_and_no_output(room: archives.Room, full: str, size: str) -> None:
    folder = room.output(full)
    folder.mkdir(parents=True)
    if not _can_mount(folder):
        pytest.skip("this system lets an ordinary user mount nothing; the other tests of full disks run")
    room.put(archives.good(lesions=40).bytes())
    with room.start(*_on_small_disk(size, folder)) as process:
        assert process.wait() == 2
    assert "the disk is full. Free some space" in room.reason()
    assert room.files() == {}


def test_a_full_disk_while_records_are_written_is_an_error(tmp_path: Path) -> None:
    """/dev/full takes no byte, as a full disk."""
    with temporary_files.RecordSpool(tmp_path) as waiting:
        place = waiting.add(bytes(4096))
        with pytest.raises(OSError, match="No space left") as caught:
            waiting.copy(Path("/dev/full"), [place])
    assert caught.value.errno == errno.ENOSPC


def test_on_any_error_the_folders_are_left_empty(tmp_path: Path) -> None:
    folders = {name: tmp_path / name for name in ("first", "second")}
    with pytest.raises(KeyboardInterrupt), temporary_files.atomic_folders(folders) as asides:  # noqa: PT012  the error comes last
        (asides["first"] / "half").write_bytes(b"x")
        raise KeyboardInterrupt
    assert sorted(tmp_path.rglob("*")) == sorted(folders.values())


def test_an_error_while_moving_into_place_leaves_the_folders_empty(tmp_path: Path) -> None:
    """The second folder vanishes after the first has been filled."""
    folders = {name: tmp_path / name for name in ("first", "second")}
    with pytest.raises(FileNotFoundError), temporary_files.atomic_folders(folders) as asides:  # noqa: PT012  the error comes after
        (asides["first"] / "whole").write_bytes(b"x")
        shutil.rmtree(asides["second"])
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


def test_nothing_is_in_place_before_everything_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    with temporary_files.atomic_folders({"out": folder}) as asides:
        (asides["out"] / "data").write_bytes(b"x")
        assert [path.name for path in folder.iterdir()] == [".partial"]
    assert [path.name for path in folder.iterdir()] == ["data"]


def test_the_spill_file_has_no_name(tmp_path: Path) -> None:
    with temporary_files.RecordSpool(tmp_path) as waiting:
        waiting.add(b"record")
        assert list(tmp_path.iterdir()) == []


def test_a_killed_job_leaves_nothing_in_place_and_the_next_starts_clean(
    room: archives.Room, done: archives.Room
) -> None:
    room.put(archives.good(lesions=60).bytes())
    with room.start() as process:
        while process.poll() is None and not list(room.output("holdout").glob(".partial/*.jpg")):
            pass
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert room.files()  # it was in the middle
    assert all(".partial/" in name for name in room.files())
    room.put(archives.good().bytes())
    assert room.run() == 0
    assert room.files() == done.files()


def test_an_interrupted_job_leaves_nothing(room: archives.Room) -> None:
    room.put(archives.good(lesions=60).bytes())
    with room.start() as process:
        while process.poll() is None and not list(room.output("holdout").glob(".partial/*.jpg")):
            pass
        process.send_signal(signal.SIGINT)
    assert process.returncode != 0
    assert room.files() == {}


def test_bad_input_removes_what_an_earlier_run_left(room: archives.Room) -> None:
    room.put(archives.good().bytes())
    assert room.run() == 0
    room.put(b"no zip")
    assert room.run() == 2
    assert room.files() == {}
