# SPDX-License-Identifier: MIT-0
"""Labelled pictures of production become an archive in the dataset's own layout: the same input, the same bytes."""

import hashlib
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline_src import contract
from tests.jobs.drift import stream
from tests.jobs.feedback import export_desk
from tests.jobs.feedback.export_desk import Desk, name_of

LABELS = {name_of(0): "mel", name_of(1): "nv", "event-2": "bcc"}


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have it be another time of day after the next call of `time.tzset`."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        yield
    time.tzset()


def filled(desk: Desk) -> Desk:
    desk.capture(*(stream.captured(number) for number in range(6)))
    desk.label(LABELS)
    return desk


def test_what_was_confirmed_is_exported_by_the_hash_of_its_bytes_and_nothing_else(desk: Desk) -> None:
    assert filled(desk).run() == 0
    rows, pictures = export_desk.unpacked(desk.archive())
    wanted = {stream.picture(1000 + number): label for number, label in enumerate(("mel", "nv", "bcc"))}
    ids = {f"PROD_{hashlib.sha256(data).hexdigest()[:16]}": (data, label) for data, label in wanted.items()}
    assert {row.image_id: row.label for row in rows} == {name: label for name, (_, label) in ids.items()}
    assert pictures == {f"{name}.jpg": data for name, (data, _) in ids.items()}
    assert all(row.lesion_id == row.image_id for row in rows)
    known = {(row.source, row.dx_type, row.sex, row.age, row.localization, row.aged) for row in rows}
    assert known == {("production", "confirmed", "unknown", "", "unknown", False)}


def test_the_archive_is_named_by_its_hash_and_told_of(desk: Desk) -> None:
    assert filled(desk).run() == 0
    (name,) = desk.archives()
    assert name == f"{hashlib.sha256(desk.archive()).hexdigest()}.zip"
    told = desk.told()
    assert told["archive"] == {"name": name, "sha256": name[:-4], "bytes": len(desk.archive())}
    assert (told["captured"], told["labelled"], told["earlier"]) == (6, 3, 0)
    assert told["exported"]["images"] == told["exported"]["new"] == 3
    assert {label: count for label, count in told["exported"]["by_class"].items() if count} == {
        "mel": 1,
        "nv": 1,
        "bcc": 1,
    }
    assert desk.message().startswith(f"Exported 3 images (mel 1, nv 1, bcc 1), 3 of them new, as {name}.")


@pytest.mark.usefixtures("elsewhere")
def test_the_same_captures_and_labels_give_the_same_bytes_in_any_order_at_any_time(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert filled(desk).run() == 0
    again = Desk(tmp_path / "again")
    monkeypatch.setenv("ML_ROOT", str(again.root))
    time.tzset()
    for number in reversed(range(6)):
        again.capture(stream.captured(number), stream.captured(number), name=f"{number}.jsonl")
    again.label(dict(reversed(LABELS.items())))
    assert again.run() == 0
    assert again.archives() == desk.archives()


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        (None, "no table of labels"),
        ({}, "no usable label in any table"),
        (
            {"somebody": "mel"},
            r"exactly one label \(6 requests captured, 0 of them labelled; no captured request has this id",
        ),
        ({name_of(0): "melanoma"}, "no usable label in any table"),
    ],
)
def test_where_nothing_is_labelled_the_job_says_so_and_leaves_no_archive(
    desk: Desk, labels: dict[str, str] | None, reason: str
) -> None:
    desk.capture(*(stream.captured(number) for number in range(6)))
    if labels is not None:
        desk.label(labels)
    assert desk.run() == contract.EXIT_BAD_INPUT
    assert desk.archives() == {}
    assert re.search(reason, desk.message())
    assert "Nothing was exported" in desk.message()


def test_without_any_capture_there_is_nothing_to_export(desk: Desk) -> None:
    desk.label(LABELS)
    assert desk.run() == contract.EXIT_BAD_INPUT
    assert "0 requests captured" in desk.message()


def test_lines_and_pictures_that_cannot_be_read_are_counted_and_lose_nothing_else(desk: Desk) -> None:
    broken = stream.captured(1, picture=stream.picture(1001)[:200])
    desk.capture(stream.captured(0), b"{", broken, stream.captured(2))
    desk.label(LABELS)
    assert desk.run() == 0
    left = desk.told()["left_out"]
    assert desk.told()["exported"]["images"] == 2
    assert left["malformed line"]["count"] == left["image cannot be decoded"]["count"] == 1
    assert left["image cannot be decoded"]["first"][0].startswith("skin/AllTraffic/2026/11/25/08/a.jsonl: line 3")


def test_labels_without_a_captured_request_are_named_without_speaking_of_a_window(desk: Desk) -> None:
    desk.capture(stream.captured(0))
    desk.label({name_of(0): "nv", "somebody": "mel"})
    assert desk.run() == 0
    assert desk.told()["left_out"] == {"no captured request has this id": {"count": 1, "first": ["somebody"]}}


def test_pictures_nobody_confirmed_are_not_even_decoded(desk: Desk) -> None:
    desk.capture(stream.captured(0), stream.captured(7, picture=b"no picture"))
    desk.label({name_of(0): "nv"})
    assert desk.run() == 0
    assert desk.told()["left_out"] == {}
