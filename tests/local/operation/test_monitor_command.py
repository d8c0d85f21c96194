# SPDX-License-Identifier: MIT-0
"""Running the monitor over captured requests: the inputs of the job, and the result of the command."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from local.aws import data_capture
from local.aws.pipeline_executions import ExecutionRecord
from local.aws.s3_store import LocalHome, S3Store
from local.cli import endpoint_commands
from local.endpoint import monitoring_job
from local.endpoint.traffic_client import simulate_traffic
from local.errors import StepError, UsageError
from local.runners.job_runner import Job
from tests.local.fake import FakeRunner
from tests.local.operation import registered
from tests.local.operation.server import SCORES
from tests.local.operation.test_traffic import PICTURES

AT = datetime(2026, 11, 25, 13, 59, 58, tzinfo=UTC)
NOW = datetime(2026, 11, 25, 15, 0, 0, 500_000, UTC)
FIGURE = {"value": 0.5, "lower": 0.4, "upper": 0.6, "images": 20}


class Monitor:
    """The job: keeps what it was given, and leaves `summary`."""

    def __init__(self, summary: dict[str, Any], measured: str = "measured.json") -> None:
        nothing = {"violations": [], "sentences": [], "notices": [], "baseline": {"accepted": None}, "truth": None}
        self.summary = {"status": "compared", "message": "done", **nothing} | summary
        self.measured, self.images = measured, 100
        self.job: Job | None = None
        self.runner = FakeRunner({monitoring_job.MONITOR_STEP: self})

    def __call__(self, job: Job) -> int:
        self.job = job
        output = self.path("output_path")
        (output / "monitor.json").write_text(json.dumps(self.summary))
        (output / "monitor.html").write_text("report")
        rows = [[f"{number:016x}"] for number in range(self.images)]
        (self.path("history_output") / self.measured).write_text(json.dumps({"images": rows}))
        return 0

    @property
    def root(self) -> Path:
        assert self.job
        return self.job.root

    def path(self, variable: str) -> Path:
        """Return what a path in the job's environment is on this machine."""
        assert self.job
        return self.job.root / Path(self.job.environment[variable]).relative_to("/opt/ml")


@pytest.fixture
def place(home: Path) -> LocalHome:
    return LocalHome(home)


@pytest.fixture
def record(place: LocalHome) -> ExecutionRecord:
    """A run of whose model four requests were captured, two in one hour and two in the next."""
    made = registered.run(place, "a" * 12)
    simulate_traffic(
        PICTURES, lambda _: SCORES, AT, data_capture.endpoint_name_of_run(made.execution_id), S3Store(place.s3)
    )
    return made


def look(
    job: Monitor, record: ExecutionRecord, place: LocalHome, since: datetime | None = None, **more: Any
) -> monitoring_job.MonitoringResult:
    return monitoring_job.run_monitoring_job(
        monitoring_job.MonitoringRequest(since, NOW, **more), record, place, job.runner
    )


def test_the_job_finds_captured_lines_baseline_and_times_where_the_service_puts_them(
    record: ExecutionRecord, place: LocalHome
) -> None:
    job = Monitor({})
    finding = look(job, record, place)
    assert job.job
    names = [path.relative_to(job.path("dataset_source")) for path in job.path("dataset_source").rglob("*.jsonl")]
    hours = sorted(name.parent.as_posix() for name in names)
    assert hours == [f"skin-lesion-{'a' * 12}/AllTraffic/2026/11/25/{hour}" for hour in (13, 14)]
    assert job.path("baseline_statistics").name == "statistics.json"
    assert job.path("baseline_constraints").read_text() == "{}"
    environment = job.job.environment
    assert (environment["start_time"], environment["end_time"]) == ("2026-11-25T13:00:00Z", "2026-11-25T15:00:01Z")
    assert environment["sagemaker_endpoint_name"] == f"skin-lesion-{'a' * 12}"
    assert job.job.command == ("python", "-m", "pipeline_src.jobs.monitor")
    assert finding.report.read_text() == "report"
    assert finding.report.is_relative_to(place.s3 / "local-runs/monitor")


def test_since_leaves_earlier_hours_where_they_are(record: ExecutionRecord, place: LocalHome) -> None:
    job = Monitor({})
    look(job, record, place, AT + timedelta(seconds=3))
    assert job.job
    assert [path.parent.name for path in job.path("dataset_source").rglob("*.jsonl")] == ["14"]
    assert job.job.environment["start_time"] == "2026-11-25T14:00:01Z"


def test_labels_reach_the_job_and_what_they_say_is_told(
    record: ExecutionRecord, place: LocalHome, tmp_path: Path
) -> None:
    truth = {"balanced_accuracy": FIGURE, "melanoma_sensitivity": FIGURE | {"value": None}}
    job = Monitor({"truth": truth | {"reasons": {"melanoma_sensitivity": "too few labels"}}})
    (tmp_path / "mine.csv").write_text("id,label\np-0,nv\n")
    finding = look(job, record, place, labels=tmp_path / "mine.csv")
    assert next(job.path("labels_source").glob("*.csv")).read_text() == "id,label\np-0,nv\n"
    assert finding.truth == [
        ("balanced accuracy", "0.500 (0.400 to 0.600, 20 images)"),
        ("melanoma sensitivity", "too few labels"),
    ]


@pytest.mark.parametrize(
    ("status", "names", "code"), [("compared", [], 0), ("compared", ["blur"], 1), ("empty", [], 2)]
)
def test_the_exit_code_tells_violations_from_none_and_from_nothing_to_compare(
    record: ExecutionRecord, place: LocalHome, status: str, names: list[str], code: int
) -> None:
    finding = look(Monitor({"status": status, "violations": names}), record, place)
    assert finding.exit_code == code
    assert finding.violations == names


def test_where_nothing_was_captured_it_says_how_to(record: ExecutionRecord, place: LocalHome) -> None:
    with pytest.raises(UsageError, match=r"for it since 2026-11-25T15:00:00Z\. Serve it: .* serve a+ --capture"):
        look(Monitor({}), record, place, NOW)
    other = registered.run(place, "b" * 12)
    with pytest.raises(UsageError, match=r"no requests have been captured for it\."):
        look(Monitor({}), other, place)


def test_a_model_package_without_a_baseline_is_refused(place: LocalHome) -> None:
    bare = registered.run(place, "c" * 12, baseline=False)
    simulate_traffic(
        PICTURES, lambda _: SCORES, AT, data_capture.endpoint_name_of_run(bare.execution_id), S3Store(place.s3)
    )
    with pytest.raises(UsageError, match="it has no baseline"):
        look(Monitor({}), bare, place)


def test_a_job_that_says_bad_input_ends_with_its_message_and_code(record: ExecutionRecord, place: LocalHome) -> None:
    def fail(job: Job) -> int:
        (job.root / "output/message").write_text("monitor_statistics.json: is not JSON.")
        return 2

    job = Monitor({})
    job.runner = FakeRunner({monitoring_job.MONITOR_STEP: fail})
    with pytest.raises(StepError, match="is not JSON") as caught:
        look(job, record, place)
    assert caught.value.exit_code == 2


def test_times_are_told_as_ago_or_in_iso_8601() -> None:
    assert monitoring_job.parse_since_option("90m", NOW) == NOW - timedelta(minutes=90)
    assert monitoring_job.parse_since_option("1.5h", NOW) == NOW - timedelta(hours=1.5)
    assert monitoring_job.parse_since_option("2026-11-25T14:00:00+01:00", NOW) == datetime(2026, 11, 25, 13, tzinfo=UTC)
    for wrong in ("yesterday", "5", "9999999999999d"):
        with pytest.raises(UsageError, match=f"--since {wrong}: not a valid time"):
            monitoring_job.parse_since_option(wrong, NOW)


def test_the_terminal_says_the_statement_first_and_each_violation_as_a_sentence(
    record: ExecutionRecord, place: LocalHome, capsys: pytest.CaptureFixture[str]
) -> None:
    said = {
        "violations": ["blur"],
        "sentences": ["Blur is lower."],
        "notices": ["Width differs."],
        "baseline": {"accepted": "Compared with production."},
        "statement": "Of 46 confirmed melanomas the model found 70 %.",
    }
    endpoint_commands._print_monitoring_result(look(Monitor(said), record, place), Console())
    assert capsys.readouterr().out.splitlines()[:4] == [
        "Of 46 confirmed melanomas the model found 70 %.",
        "violated: Blur is lower.",
        "note: Width differs.",
        "note: Compared with production.",
    ]


def test_measured_images_of_earlier_periods_reach_the_next_run(record: ExecutionRecord, place: LocalHome) -> None:
    """A run over all captures, or for labels, covers other periods and leaves nothing for the next."""
    found = []
    for name, since in (("first", AT), ("whole", None), ("second", AT)):
        job = Monitor({}, measured=name)
        look(job, record, place, since)
        found.append(sorted(path.name for path in (job.root / "processing/input/history").glob("*")))
    assert found == [[], ["first"], ["first"]]


def accepted(job: Monitor) -> list[str]:
    """Return the actions of the accepted baselines that the job was given."""
    folder = job.root / "processing/input/accepted"
    return [json.loads(path.read_bytes())["action"] for path in sorted(folder.glob("*"))]


def test_accepted_images_reach_later_runs_until_they_are_undone(record: ExecutionRecord, place: LocalHome) -> None:
    """Acceptance and undoing typed again, because the run after them failed, are not stored twice."""
    found, said = [], []
    for option in 2 * [{"accept": "our lamp"}] + [{}] + 2 * [{"undo": "new lamp"}]:
        job = Monitor({})
        request = monitoring_job.MonitoringRequest(AT, NOW + timedelta(hours=len(found)), **option)
        said += monitoring_job.run_monitoring_job(request, record, place, job.runner).decisions
        found.append(accepted(job))
    assert found == [[], ["accept"], ["accept"], ["accept", "undo"], ["accept", "undo"]]
    assert [each.split(" at ")[0] for each in said[1:]] == [
        "baseline: accepted already",
        "baseline: undone. The baseline is the model's test images again.",
        "baseline: undone already",
    ]
    with pytest.raises(UsageError, match="--undo: no accepted baseline counts"):
        look(Monitor({}), record, place, AT, undo="once more")


def test_too_few_images_are_not_accepted(record: ExecutionRecord, place: LocalHome) -> None:
    job = Monitor({})
    job.images = 99
    with pytest.raises(UsageError, match=r"--accept: 99 different images .* 100 are needed"):
        look(job, record, place, AT, accept="our lamp")
