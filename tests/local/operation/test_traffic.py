# SPDX-License-Identifier: MIT-0
"""Sending images to a server, and writing captured files without one."""

import socket
import threading
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from local.aws.data_capture import INFERENCE_ID_HEADER, CaptureStatus
from local.aws.s3_store import S3Store
from local.endpoint import capture_job, traffic_client
from local.endpoint.traffic_client import LabelledImage
from local.errors import StepError, UsageError
from tests.local.operation.server import SCORES, answering
from tests.local.operation.test_capture import captured

PICTURES = [
    LabelledImage(f"p-{number}", ("nv", "mel")[number % 2], b"\xff\xd8" + bytes([number])) for number in range(4)
]
AT = datetime(2026, 11, 25, 13, 59, 58, tzinfo=UTC)


def test_pictures_arrive_in_order_under_their_names_and_the_answers_are_counted(tmp_path: Path) -> None:
    seen: list[int] = []
    bad = LabelledImage("bad", "nv", b"no picture")
    with answering() as server:
        outcome = traffic_client.send_images([*PICTURES, bad], server.server_port, seen.append)
    assert [(headers[INFERENCE_ID_HEADER], headers["Content-Type"]) for headers, _ in server.asked] == [
        (name, "application/x-image") for name in ("p-0", "p-1", "p-2", "p-3", "bad")
    ]
    assert [body for _, body in server.asked] == [each.content for each in [*PICTURES, bad]]
    assert (outcome.answered, outcome.answers["nv"], outcome.correct) == (4, 4, 2)
    assert outcome.confidence == pytest.approx(4 * max(SCORES))
    assert outcome.refused == {"400: no picture": 1}
    assert seen == [1, 2, 3, 4, 5]
    traffic_client.write_label_table(outcome, tmp_path / "labels.csv", AT)
    assert (tmp_path / "labels.csv").read_text().splitlines()[:3] == [
        "id,label,date",
        "p-0,nv,2026-11-25",
        "p-1,mel,2026-11-25",
    ]


def test_where_no_server_answers_it_says_how_to_start_one() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        port = probe.getsockname()[1]
    with pytest.raises(UsageError, match=rf"serve --capture --port {port}"):
        traffic_client.send_images(PICTURES, port, lambda _: None)


@pytest.mark.parametrize(("lost", "code"), [(0, 0), (1, 1)])
def test_a_request_that_the_server_failed_to_capture_is_exit_code_1(lost: int, code: int) -> None:
    capture = CaptureStatus("run", 4 - lost, lost)
    with answering() as server:
        server.said = capture.text().encode()
        outcome = traffic_client.send_images(PICTURES, server.server_port, lambda _: None)
    assert (outcome.capture, outcome.exit_code) == (capture, code)


@pytest.mark.parametrize("said", [None, b"<html>", b'{"status": "another server"}', b"[]"])
def test_a_server_that_captures_nothing_loses_nothing(said: bytes | None) -> None:
    with answering() as server:
        server.said = said
        outcome = traffic_client.send_images(PICTURES, server.server_port, lambda _: None)
    assert (outcome.capture, outcome.exit_code) == (None, 0)


def test_a_table_that_is_none_of_labels_is_refused_under_its_own_path_and_not_stored(tmp_path: Path) -> None:
    table, store = tmp_path / "typed.csv", S3Store(tmp_path / "s3")
    table.write_text("id,label\na,melanom\n")
    with pytest.raises(UsageError, match=r"typed\.csv': line 2: label 'melanom', did you mean 'mel'"):
        capture_job.store_label_table(table, "s3://bucket/labels", store)
    assert not (tmp_path / "s3").exists()


def _hang_up(listening: socket.socket) -> None:
    listening.accept()[0].close()


def test_a_server_that_goes_away_is_named_with_the_picture_at_which_it_did() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as deaf:
        hanging_up = threading.Thread(target=_hang_up, args=(deaf,))
        hanging_up.start()
        with pytest.raises(StepError, match="the server went away at p-0"):
            traffic_client.send_images(PICTURES, deaf.getsockname()[1], lambda _: None)
        hanging_up.join()


def test_what_is_simulated_reads_like_what_is_captured_one_request_a_second(tmp_path: Path) -> None:
    written = traffic_client.simulate_traffic(PICTURES, lambda _: SCORES, AT, "here", S3Store(tmp_path))
    found = captured(tmp_path)
    assert written == 4
    assert [name.rpartition("/")[0] for name in found] == ["2026/11/25/13", "2026/11/25/14"]
    lines = [line for lines in found.values() for line in lines]
    assert [line["eventMetadata"]["inferenceId"] for line in lines] == ["p-0", "p-1", "p-2", "p-3"]
    assert lines[3]["eventMetadata"]["inferenceTime"] == "2026-11-25T14:00:01Z"
    assert lines[0]["captureData"]["endpointOutput"]["data"] == str(list(SCORES))
