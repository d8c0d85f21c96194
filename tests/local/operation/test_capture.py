# SPDX-License-Identifier: MIT-0
"""The captured files, and a recorder whose disk is full."""

import base64
import errno
import json
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
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
    """A disk that is full while `free` is not set."""

    free: threading.Event = field(default_factory=threading.Event)

    def write(self, content: bytes, uri: str, *, durable: bool = False) -> None:
        if not self.free.is_set():
            raise OSError(errno.ENOSPC, "No space left on device", str(self.path(uri)))
        super().write(content, uri, durable=durable)


@dataclass(frozen=True)
class Gate(S3Store):
    """A disk that writes nothing before `opened` is set, and notes what it was asked to write."""

    opened: threading.Event = field(default_factory=threading.Event)
    begun: threading.Event = field(default_factory=threading.Event)
    durable: list[bool] = field(default_factory=list)

    def write(self, content: bytes, uri: str, *, durable: bool = False) -> None:
        self.begun.set()
        self.opened.wait()
        self.durable.append(durable)
        super().write(content, uri, durable=durable)


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


def test_each_exchange_is_a_file_when_the_recorder_says_so(tmp_path: Path) -> None:
    with CaptureRecorder("here", S3Store(tmp_path), pytest.fail) as recorder:
        for number in range(5):
            assert recorder.record(exchange(AT + timedelta(microseconds=number), name=str(number))).result()
            assert len(captured(tmp_path)) == number + 1
            assert recorder.status == CaptureStatus("here", number + 1, 0)
    names = [line["eventMetadata"]["inferenceId"] for (line,) in captured(tmp_path).values()]
    assert sorted(names) == ["0", "1", "2", "3", "4"]


def test_exchanges_that_arrive_during_a_write_are_one_durable_file(tmp_path: Path) -> None:
    gate = Gate(tmp_path)
    with CaptureRecorder("here", gate, pytest.fail) as recorder:
        first = recorder.record(exchange())
        gate.begun.wait()
        others = [recorder.record(exchange()) for _ in range(5)]
        assert not any(each.done() for each in (first, *others))
        assert recorder.status.kept == 0
        gate.opened.set()
        assert all(each.result() for each in (first, *others))
    assert sorted(map(len, captured(tmp_path).values())) == [1, 5]
    assert gate.durable == [True, True]


def test_exchanges_of_the_same_moment_are_all_kept_even_where_the_clock_is_set_back(tmp_path: Path) -> None:
    with CaptureRecorder("here", S3Store(tmp_path), pytest.fail) as recorder:
        for at in (AT, AT, AT - timedelta(seconds=1), AT):
            recorder.record(exchange(at)).result()
    assert len(captured(tmp_path)) == 4


def test_a_group_is_written_by_the_hour_so_that_it_is_kept_or_lost_as_a_whole(tmp_path: Path) -> None:
    gate = Gate(tmp_path)
    with CaptureRecorder("here", gate, pytest.fail) as recorder:
        recorder.record(exchange())
        gate.begun.wait()
        later = [recorder.record(exchange(AT + timedelta(seconds=number))) for number in range(3)]
        gate.opened.set()
        assert all(each.result() for each in later)
    assert len(gate.durable) == 3


def test_a_closed_recorder_has_written_everything_and_takes_nothing_more(tmp_path: Path) -> None:
    recorder = CaptureRecorder("here", S3Store(tmp_path), pytest.fail)
    waiting = [recorder.record(exchange()) for _ in range(20)]
    recorder.close()
    assert all(each.done() for each in waiting)
    assert sum(map(len, captured(tmp_path).values())) == 20
    with pytest.raises(RuntimeError, match="closed"):
        recorder.record(exchange())


def test_a_full_disk_is_reported_once_counted_and_goes_on_when_there_is_room_again(tmp_path: Path) -> None:
    reports: list[str] = []
    disk = Disk(tmp_path)
    recorder = CaptureRecorder("here", disk, reports.append)
    for _ in range(2):
        assert not recorder.record(exchange()).result()
    disk.free.set()
    assert recorder.record(exchange()).result()
    assert recorder.status == CaptureStatus("here", 1, 2)
    assert sum(map(len, captured(tmp_path).values())) == 1
    (report,) = reports
    assert "the disk is full" in report
    assert "requests are answered but not captured" in report
    disk.free.clear()
    recorder.record(exchange()).result()
    recorder.close()
    assert len(reports) == 2
