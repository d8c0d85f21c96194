# SPDX-License-Identifier: MIT-0
"""What is captured, where it lies, and what happens when it cannot be written."""

import base64
import errno
import json
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from local.aws import data_capture
from local.aws.data_capture import CapturedBody, CapturedExchange, CaptureRecorder, CaptureStatus
from local.aws.s3_store import S3Store

AT = datetime(2026, 11, 25, 13, 59, 59, 250_000, UTC)
PICTURE = b"\xff\xd8\x00picture"


def exchange(at: datetime = AT, name: str = "case-7") -> CapturedExchange:
    return CapturedExchange(
        CapturedBody("application/x-image", PICTURE), CapturedBody("application/json", b"[0.25, 0.75]"), at, name
    )


def captured(root: Path, endpoint: str = "here") -> dict[str, list[Any]]:
    """Return the lines of each captured file, by its name below the variant."""
    folder = S3Store(root).path(data_capture.capture_uri(endpoint))
    return {
        path.relative_to(folder).as_posix(): [json.loads(line) for line in path.read_bytes().splitlines()]
        for path in sorted(folder.rglob("*.jsonl"))
    }


@dataclass(frozen=True)
class Disk(S3Store):
    """A disk that is full until `free` is set, and does not move until `fast` is."""

    free: threading.Event = field(default_factory=threading.Event)
    fast: threading.Event = field(default_factory=threading.Event)

    def write(self, content: bytes, uri: str) -> None:
        if not self.free.is_set():
            raise OSError(errno.ENOSPC, "No space left on device", str(self.path(uri)))
        self.fast.wait(5)
        super().write(content, uri)


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(tmp_path)


def test_a_line_has_the_fields_of_data_capture_the_picture_in_base64_and_the_answer_as_it_is() -> None:
    line = exchange().line("event")
    assert line.endswith(b"}\n")
    assert json.loads(line) == {
        "captureData": {
            "endpointInput": {
                "observedContentType": "application/x-image",
                "mode": "INPUT",
                "data": base64.b64encode(PICTURE).decode(),
                "encoding": "BASE64",
            },
            "endpointOutput": {
                "observedContentType": "application/json",
                "mode": "OUTPUT",
                "data": "[0.25, 0.75]",
                "encoding": "JSON",
            },
        },
        "eventMetadata": {"eventId": "event", "inferenceId": "case-7", "inferenceTime": "2026-11-25T13:59:59Z"},
        "eventVersion": "0",
    }
    assert "inferenceId" not in json.loads(exchange(name="").line("event"))["eventMetadata"]


def test_files_lie_by_hour_and_the_same_exchanges_give_the_same_bytes(tmp_path: Path) -> None:
    both = [exchange(), exchange(), exchange(AT.replace(hour=14))]
    for root in ("a", "b"):
        assert data_capture.write_captured_files(both, "here", S3Store(tmp_path / root)) == 3
    found = captured(tmp_path / "a")
    assert [name.rpartition("/")[0] for name in found] == ["2026/11/25/13", "2026/11/25/14"]
    assert next(iter(found)).startswith("2026/11/25/13/59-59-250-")
    assert (tmp_path / "a/local-runs/capture/local/here/AllTraffic/2026/11/25/13").is_dir()
    assert found == captured(tmp_path / "b")
    events = [line["eventMetadata"]["eventId"] for lines in found.values() for line in lines]
    assert len(set(events)) == 3


def test_whoever_leaves_the_recorder_finds_everything_written(tmp_path: Path) -> None:
    with CaptureRecorder("here", S3Store(tmp_path), pytest.fail) as recorder:
        for number in range(50):
            recorder.keep(exchange(name=str(number)))
    names = [line["eventMetadata"]["inferenceId"] for lines in captured(tmp_path).values() for line in lines]
    assert names == [str(number) for number in range(50)]
    assert (recorder.kept, recorder.lost) == (50, 0)


def test_nobody_waits_for_a_slow_disk(disk: Disk, tmp_path: Path) -> None:
    disk.free.set()
    with CaptureRecorder("here", disk, pytest.fail, linger=0.01) as recorder:
        for _ in range(20):
            recorder.keep(exchange())
        assert recorder.kept == 0  # The disk has not moved, and still all were taken.
        disk.fast.set()
    assert sum(map(len, captured(tmp_path).values())) == 20


def test_who_asks_how_it_stands_is_answered_when_all_so_far_is_written_however_long_it_would_linger(
    tmp_path: Path,
) -> None:
    with CaptureRecorder("here", S3Store(tmp_path), pytest.fail, linger=3600) as recorder:
        assert recorder.settle() == CaptureStatus("here", 0, 0, 0)
        for number in (3, 5):
            for _ in range(number - recorder.kept):
                recorder.keep(exchange())
            assert recorder.settle() == CaptureStatus("here", number, 0, 0)
            assert sum(map(len, captured(tmp_path).values())) == number


def test_who_asks_is_not_kept_waiting_for_ever_and_told_what_is_still_missing(disk: Disk) -> None:
    disk.free.set()
    with CaptureRecorder("here", disk, pytest.fail, linger=3600) as recorder:
        recorder.keep(exchange())
        assert recorder.settle(0.05) == CaptureStatus("here", 0, 0, 1)
        disk.fast.set()
        assert recorder.settle() == CaptureStatus("here", 1, 0, 0)


def test_what_a_full_disk_took_nothing_of_is_told_as_lost_not_awaited(disk: Disk) -> None:
    with CaptureRecorder("here", disk, lambda _: None, linger=3600) as recorder:
        recorder.keep(exchange())
        assert recorder.settle() == CaptureStatus("here", 0, 1, 0)


def test_a_full_disk_is_reported_once_counted_and_goes_on_when_there_is_room_again(disk: Disk, tmp_path: Path) -> None:
    reports: list[str] = []
    full = threading.Semaphore(0)
    disk.fast.set()

    class Watched(CaptureRecorder):
        def _write(self, batch: list[CapturedExchange]) -> None:
            super()._write(batch)
            full.release()

    with Watched("here", disk, reports.append, linger=0.01) as recorder:
        for _ in range(2):
            recorder.keep(exchange())
            assert full.acquire(timeout=5)
        disk.free.set()
        recorder.keep(exchange())
    assert (recorder.kept, recorder.lost) == (1, 2)
    assert sum(map(len, captured(tmp_path).values())) == 1
    (report,) = reports
    assert "the disk is full" in report
    assert "requests are answered but not captured" in report


def test_what_waits_is_bounded_and_what_is_more_is_counted_as_lost(disk: Disk) -> None:
    recorder = CaptureRecorder("here", disk, pytest.fail, limit=3 * exchange().size)
    for _ in range(5):
        recorder.keep(exchange())
    assert recorder.lost == 2
