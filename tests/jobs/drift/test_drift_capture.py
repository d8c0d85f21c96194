# SPDX-License-Identifier: MIT-0
"""Captured lines: what can be used is read, what cannot is counted with its place, and nothing ends the job."""

import base64
import json
import tracemalloc
from pathlib import Path

import pytest

from pipeline_src.drift import capture_window, captured_requests
from pipeline_src.drift.capture_window import CaptureWindow, TimePeriod
from pipeline_src.drift.captured_requests import CaptureError, RejectedLines
from tests.class_table import scores
from tests.jobs.drift import stream

ANSWER = scores(0.1, 0.4, 0.1, 0.1, 0.1, 0.1, 0.1)


def changed(number: int, part: str, **fields: object) -> dict:
    """Return a captured request with other fields in one of its parts; None takes a field away."""
    whole = stream.captured(number)
    target = whole["eventMetadata"] if part == "eventMetadata" else whole["captureData"][part]
    target.update(fields)
    for name in [name for name, value in fields.items() if value is None]:
        del target[name]
    return whole


def without(number: int, part: str) -> dict:
    whole = stream.captured(number)
    del whole["captureData"][part]
    return whole


BROKEN = {
    "not JSON": (b"{", captured_requests.MALFORMED),
    "nested too deep": (b"[" * 100_000, captured_requests.MALFORMED),
    "another object": ({"captureData": 3}, captured_requests.MALFORMED),
    "no time": (changed(0, "eventMetadata", inferenceTime=None), captured_requests.NO_TIME),
    "a wrong time": (changed(0, "eventMetadata", inferenceTime="yesterday"), captured_requests.NO_TIME),
    "no input": (without(0, "endpointInput"), captured_requests.NO_INPUT),
    "no output": (without(0, "endpointOutput"), captured_requests.NO_OUTPUT),
    "an unknown encoding": (changed(0, "endpointInput", encoding="ROT13"), captured_requests.UNKNOWN_ENCODING),
    "no encoding": (changed(0, "endpointOutput", encoding=None), captured_requests.UNKNOWN_ENCODING),
    "damaged base 64": (changed(0, "endpointInput", data="%%%"), captured_requests.NOT_BASE64),
    "data that is no text": (changed(0, "endpointInput", data=3), captured_requests.MALFORMED),
    "a table instead of an image": (
        changed(0, "endpointInput", encoding="CSV", data="1,2"),
        captured_requests.NOT_AN_IMAGE,
    ),
    "an error instead of scores": (
        changed(0, "endpointOutput", data='{"error": 1}'),
        captured_requests.UNREADABLE_SCORES,
    ),
    "six scores": (changed(0, "endpointOutput", data="[0.5,0.1,0.1,0.1,0.1,0.1]"), captured_requests.UNREADABLE_SCORES),
    "an image cut short": (stream.captured(0, picture=stream.picture(0)[:300]), captured_requests.UNDECODABLE_IMAGE),
    "a PNG": (stream.captured(0, picture=b"\x89PNG\r\n\x1a\n" + b"0" * 40), captured_requests.UNDECODABLE_IMAGE),
    "an empty body": (changed(0, "endpointInput", data=""), captured_requests.UNDECODABLE_IMAGE),
}


def read(room: stream.Room, workers: int = 1, period: TimePeriod = stream.PERIOD) -> CaptureWindow:
    return capture_window.read_capture_window(room.capture, period, workers=workers)


@pytest.mark.parametrize("what", BROKEN)
def test_a_line_that_cannot_be_used_is_counted_by_its_reason_and_place(room: stream.Room, what: str) -> None:
    line, reason = BROKEN[what]
    stream.write(room, [stream.captured(1), line, stream.captured(2)])
    found = read(room)
    assert found.requests == 2
    assert found.rejections.counts == {reason: 1}
    assert str(found.rejections.examples[reason][0][0]) == "skin/AllTraffic/2026/11/25/08/a.jsonl: line 2"


def test_every_line_is_used_or_counted(room: stream.Room) -> None:
    lines = [line for line, _ in BROKEN.values()]
    early = stream.captured(7, time="2026-11-25T07:59:59Z")
    stream.write(room, [*lines, stream.captured(1), early, *lines])
    found = read(room, workers=2)
    assert found.requests + found.outside + found.rejections.total == 2 * len(lines) + 2
    assert (found.requests, found.outside) == (1, 1)


def test_the_first_places_of_a_reason_are_named_whatever_the_number_of_threads(room: stream.Room) -> None:
    stream.write(room, [b"{"] * 40)
    one, four = read(room, workers=1).rejections, read(room, workers=4).rejections
    assert one.examples == four.examples
    assert [place.line for place, _ in four.examples[captured_requests.MALFORMED]] == [1, 2, 3]


def test_the_places_that_are_named_are_the_first_in_the_files_whoever_came_first() -> None:
    found = RejectedLines()
    for line in (9, 2, 7, 1, 4):
        found.add(captured_requests.LinePosition("a", line), CaptureError(captured_requests.MALFORMED, "?"))
    assert [place.line for place, _ in found.examples[captured_requests.MALFORMED]] == [1, 2, 4]


def test_the_period_holds_its_start_and_not_its_end(room: stream.Room) -> None:
    times = ("2026-11-25T07:59:59Z", "2026-11-25T08:00:00Z", "2026-11-25T08:59:59.999Z", "2026-11-25T09:00:00+00:00")
    stream.write(room, [stream.captured(n, time=time) for n, time in enumerate(times)])
    found = read(room)
    assert (found.requests, found.outside) == (2, 2)


@pytest.mark.parametrize(
    ("encoding", "data"),
    [
        ("JSON", json.dumps(ANSWER)),
        ("JSON", {"prediction": ANSWER}),
        ("CSV", json.dumps(ANSWER)[1:-1] + "\n"),
        ("BASE64", base64.b64encode(json.dumps(ANSWER).encode()).decode()),
    ],
)
def test_an_answer_is_read_in_every_encoding_that_capture_has(encoding: str, data: object) -> None:
    line = changed(0, "endpointOutput", encoding=encoding, data=data)
    place = captured_requests.LinePosition("a", 1)
    asked = captured_requests.parse_event(captured_requests.CaptureLine(place, json.dumps(line).encode()))
    assert captured_requests.probabilities_of_event(asked, place) == tuple(ANSWER)


def test_a_line_longer_than_the_limit_is_counted_and_the_next_one_is_read(
    room: stream.Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(captured_requests, "LINE_LIMIT", 20_000)
    stream.write(room, [b"x" * 50_000, stream.captured(1), b"y" * 20_000])
    found = read(room)
    assert found.requests == 1
    assert found.rejections.counts == {captured_requests.TOO_LONG: 2}
    assert [place.line for place, _ in found.rejections.examples[captured_requests.TOO_LONG]] == [1, 3]


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert list(captured_requests.read_capture_lines(tmp_path / "none")) == []


def test_memory_does_not_grow_with_the_requests(room: stream.Room) -> None:
    """Ten times the requests are read in the same memory: lines are taken one at a time."""
    peaks, one = [], stream.captured(0)
    for count in (200, 2000):
        stream.write(room, [one] * count)
        tracemalloc.start()
        assert (
            sum(
                len(captured_requests.image_of_event(captured_requests.parse_event(line))) > 0
                for line in captured_requests.read_capture_lines(room.capture)
            )
            == count
        )
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]
