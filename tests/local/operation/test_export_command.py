# SPDX-License-Identifier: MIT-0
"""Exporting captured images with confirmed labels: the inputs of the job, and the errors of the command."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from local.aws import data_capture
from local.aws.pipeline_executions import ExecutionRecord
from local.aws.s3_store import LocalHome, S3Store
from local.cli.pipeline_commands import main
from local.endpoint import capture_export
from local.endpoint.traffic_client import simulate_traffic
from local.errors import StepError, UsageError
from local.runners.job_runner import Job
from tests.local.fake import FakeRunner
from tests.local.operation import registered
from tests.local.operation.server import SCORES
from tests.local.operation.test_traffic import PICTURES

NOW = datetime(2026, 11, 25, 15, 0, 0, tzinfo=UTC)
NAME = f"{'a' * 64}.zip"


class Exporter:
    """The job: keeps what it was given, and leaves an archive."""

    def __init__(self) -> None:
        self.found: dict[str, list[str]] = {}
        self.command: tuple[str, ...] = ()
        self.runner = FakeRunner({capture_export.EXPORT_STEP: self})

    def __call__(self, job: Job) -> int:
        inputs = job.root / "processing/input"
        files = sorted(path.relative_to(inputs) for path in inputs.rglob("*") if path.is_file())
        for path in files:
            self.found.setdefault(path.parts[0], []).append((inputs / path).read_text())
        self.command = job.command
        (job.root / "processing/output/addition" / NAME).write_bytes(b"archive")
        (job.root / "processing/output/export/export.json").write_text(json.dumps({"archive": {"name": NAME}}))
        return 0


@pytest.fixture
def place(home: Path) -> LocalHome:
    return LocalHome(home)


@pytest.fixture
def record(place: LocalHome) -> ExecutionRecord:
    """A run of whose model four requests were captured."""
    made = registered.run(place, "a" * 12)
    simulate_traffic(
        PICTURES, lambda _: SCORES, NOW, data_capture.endpoint_name_of_run(made.execution_id), S3Store(place.s3)
    )
    return made


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    path = tmp_path / "mine.csv"
    path.write_text("id,label\np-0,nv\n")
    return path


def take(record: ExecutionRecord, place: LocalHome, job: Exporter, **given: Path) -> capture_export.ExportResult:
    return capture_export.export_captured_images(capture_export.ExportRequest(NOW, **given), record, place, job.runner)


def test_the_job_gets_captures_and_labels_and_the_archive_lies_under_its_hash(
    record: ExecutionRecord, place: LocalHome, labels: Path
) -> None:
    job = Exporter()
    made = take(record, place, job, labels=labels)
    assert job.command == ("python", "-m", "pipeline_src.jobs.export")
    assert job.found["labels"] == ["id,label\np-0,nv\n"]
    assert "".join(job.found["capture"]).count("\n") == len(PICTURES)
    assert "addition" not in job.found
    assert made.archive == place.s3 / "local-raw/additions" / NAME
    assert made.archive.read_bytes() == b"archive"


def test_an_earlier_archive_reaches_the_job(
    record: ExecutionRecord, place: LocalHome, labels: Path, tmp_path: Path
) -> None:
    earlier = tmp_path / "earlier.zip"
    earlier.write_bytes(b"PK\x05\x06" + bytes(18))
    job = Exporter()
    take(record, place, job, labels=labels, earlier=earlier)
    assert job.found["addition"] == [earlier.read_text()]


def test_without_a_table_those_that_the_monitor_was_given_count(record: ExecutionRecord, place: LocalHome) -> None:
    endpoint = data_capture.endpoint_name_of_run(record.execution_id)
    S3Store(place.s3).write(b"id,label\np-1,mel\n", f"s3://local-runs/monitor/{endpoint}/1/labels/labels.csv")
    job = Exporter()
    take(record, place, job)
    assert job.found["labels"] == ["id,label\np-1,mel\n"]


def test_what_is_missing_is_said_before_anything_runs(
    record: ExecutionRecord, place: LocalHome, tmp_path: Path
) -> None:
    job = Exporter()
    with pytest.raises(UsageError, match=r"no labels\. Give --labels FILE"):
        take(record, place, job)
    with pytest.raises(UsageError, match=r"no such file\. Give a CSV table"):
        take(record, place, job, labels=tmp_path / "none.csv")
    with pytest.raises(UsageError, match=r"nothing was captured\. Serve the run"):
        take(registered.run(place, "b" * 12), place, job)
    assert job.runner.ran == []


def test_where_the_job_found_nothing_to_export_its_message_and_code_are_the_commands(
    record: ExecutionRecord, place: LocalHome, labels: Path
) -> None:
    def refuse(job: Job) -> int:
        (job.root / "output/message").write_text("export: no picture with one label.")
        return 2

    job = Exporter()
    job.runner = FakeRunner({capture_export.EXPORT_STEP: refuse})
    with pytest.raises(StepError, match="no picture with one label") as caught:
        take(record, place, job, labels=labels)
    assert caught.value.exit_code == 2
    assert not (place.s3 / "local-raw/additions").exists()


def test_a_file_that_is_no_archive_is_exit_code_2(record: ExecutionRecord, place: LocalHome, labels: Path) -> None:
    options = ["--labels", str(labels), "--add", str(labels)]
    result = CliRunner().invoke(main, ["--home", str(place.root), "export", record.execution_id, *options])
    assert result.exit_code == 2
    assert "earlier additional archive" in result.stderr
    assert "not a ZIP file" in result.stderr
    assert "or export without it" in result.stderr
