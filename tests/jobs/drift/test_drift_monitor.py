# SPDX-License-Identifier: MIT-0
"""The Monitor job keeps Model Monitor's contract: each outcome has its exit code, its message and its files."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest

from pipeline_src import contract
from pipeline_src.drift import drift_baseline, job_environment, monitor_results
from pipeline_src.jobs import monitor
from pipeline_src.jobs import monitor as drift
from pipeline_src.runtime import job_exit
from tests.jobs.drift import stream
from tests.jobs.drift.stream import Room

FILES = {"statistics.json", "constraint_violations.json", "monitor.json", "monitor.html"}


def run() -> int:
    return job_exit.run_job(monitor.run_monitor)


def traffic(count: int = stream.COUNT, shade: float = 1.0) -> list[dict]:
    return [
        stream.captured(number, picture=stream.picture(1000 + number, shade), answer=stream.answer(1000 + number))
        for number in range(count)
    ]


@pytest.fixture(scope="module")
def shifted(measured: Room, tmp_path_factory: pytest.TempPathFactory) -> tuple[Room, str]:
    """Return the folders of a job that found darker pictures, three broken lines and late labels, and its log."""
    made = Room(tmp_path_factory.mktemp("shifted") / "ml")
    shutil.copytree(measured.baseline, made.baseline)
    broken = stream.captured(500, picture=b"no picture")
    stream.write(made, [*traffic(shade=0.7), b"{", broken, broken])
    made.labels.mkdir(parents=True)
    rows = [f"ISIC_{number:07d},nv" for number in range(30)]
    (made.labels / "a.csv").write_text("\n".join(["image_id,label", *rows, "nobody,mel"]) + "\n")
    environment = {
        "ML_ROOT": str(made.root),
        "end_time": "2026-11-25T09: 00: 00Z",
        "publish_cloudwatch_metrics": "Enabled",
        "sagemaker_endpoint_name": "skin",
        "embedded_metrics": "SkinLesions",
    }
    command = [sys.executable, "-m", "pipeline_src.jobs.monitor"]
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=True)
    return made, done.stdout


def test_a_window_like_the_baseline_completes_without_a_violation(room: Room) -> None:
    stream.write(room, traffic())
    assert run() == contract.EXIT_OK
    assert room.message() == "Completed: no violation in 120 requests."
    assert {path.name for path in room.output.iterdir()} == FILES
    assert room.document("constraint_violations.json") == {"violations": []}
    assert room.document("monitor.json")["status"] == "compared"
    assert not (room.root / "output/metrics").exists(), "nobody asked for metrics"


def test_a_shifted_window_completes_with_violations_in_the_documented_schema(shifted: tuple[Room, str]) -> None:
    room, _ = shifted
    assert re.fullmatch(r"CompletedWithViolations: \d+ violations in 123 requests: .*brightness.*\.", room.message())
    found = room.document("constraint_violations.json")["violations"]
    assert "brightness" in {each["feature_name"] for each in found}
    for each in found:
        assert set(each) == {"feature_name", "constraint_check_type", "description"}
        assert each["constraint_check_type"] == "baseline_drift_check"
    assert "VIOLATED" in (room.output / "monitor.html").read_text()


def test_statistics_are_in_the_documented_schema(shifted: tuple[Room, str]) -> None:
    content = shifted[0].document("statistics.json")
    assert (content["version"], content["dataset"]) == (0, {"item_count": stream.COUNT})
    brightness = next(each for each in content["features"] if each["name"] == "brightness")
    numbers = brightness["numerical_statistics"]
    assert set(numbers) == {"common", "mean", "sum", "std_dev", "min", "max", "distribution"}
    assert sum(bucket["count"] for bucket in numbers["distribution"]["kll"]["buckets"]) == stream.COUNT
    classes = content["features"][-1]["string_statistics"]["distribution"]["categorical"]["buckets"]
    assert [bucket["value"] for bucket in classes] == list(contract.CLASS_LABELS)


def test_lines_that_cannot_be_used_are_counted_in_every_output(shifted: tuple[Room, str]) -> None:
    room, log = shifted
    found = room.document("monitor.json")
    assert found["requests"] == stream.COUNT
    assert {reason: each["lines"] for reason, each in found["unreadable"].items()} == {
        "malformed line": 1,
        "image cannot be decoded": 2,
    }
    assert "a.jsonl: line 121" in (room.output / "monitor.html").read_text()
    assert "Not used: 1 x malformed line, first skin/AllTraffic/2026/11/25/08/a.jsonl: line 121" in log


def test_metrics_are_left_where_the_platform_publishes_them(shifted: tuple[Room, str]) -> None:
    text = (shifted[0].root / "output/metrics/cloudwatch/metrics.jsonl").read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    named = {line["MetricName"] for line in lines}
    assert {"requests", "violations", "feature_data_blur", "feature_baseline_drift_blur"} <= named
    for line in lines:
        assert line["Timestamp"] == "2026-11-25T09:00:00Z"
        assert line["Dimensions"][0] == {"Name": "Endpoint", "Value": "skin"}
        assert ("Value" in line) != ("StatisticValues" in line)


def test_metrics_are_in_the_log_if_a_namespace_is_given(shifted: tuple[Room, str]) -> None:
    (line,) = [line for line in shifted[1].splitlines() if "_aws" in line]
    content = json.loads(line)
    (directive,) = content["_aws"]["CloudWatchMetrics"]
    assert content["violations"] > 0
    assert {each["Name"] for each in directive["Metrics"]} <= content.keys()


def test_labels_are_joined_with_what_was_captured(shifted: tuple[Room, str]) -> None:
    room, _ = shifted
    found = room.document("monitor.json")["truth"]
    assert found["labelled"]["nv"] == 30
    assert found["problems"] == {"id was not captured in this window": {"rows": 1, "first": ["nobody"]}}
    assert found["reasons"]["melanoma_sensitivity"] == "too few labels: 0 of 10 melanomas"
    assert "too few labels" in (room.output / "monitor.html").read_text()


def test_an_empty_window_completes_and_says_so(room: Room) -> None:
    assert run() == contract.EXIT_OK
    assert room.message() == (
        "Completed: no request was captured from 2026-11-25 08:00:00 UTC to 2026-11-25 09:00:00 UTC."
    )
    assert {path.name for path in room.output.iterdir()} == FILES
    assert room.document("statistics.json")["dataset"] == {"item_count": 0}
    assert "NO REQUESTS" in (room.output / "monitor.html").read_text()


def test_too_few_images_give_no_figure_and_no_alarm(room: Room) -> None:
    stream.write(room, traffic(40, 0.7))
    assert run() == contract.EXIT_OK
    assert room.message() == ("Completed: too few images to compare: 40 distinct ones in 40 requests; 100 are needed.")
    assert room.document("monitor.json")["checks"] == []
    assert "TOO FEW IMAGES" in (room.output / "monitor.html").read_text()


def test_a_missing_baseline_fails_with_the_users_exit_code_and_a_remedy(room: Room) -> None:
    (room.baseline / drift_baseline.STATISTICS_FILE).unlink()
    stream.write(room, traffic(3))
    assert run() == contract.EXIT_BAD_INPUT
    assert "monitor_statistics.json: not found" in room.message()
    assert "the model package names it" in room.message()
    assert not room.output.exists()


def test_a_window_of_nothing_but_broken_lines_is_a_violation(room: Room) -> None:
    stream.write(room, [b"{"] * 200)
    assert run() == contract.EXIT_OK
    assert room.message() == "CompletedWithViolations: 1 violation in 200 requests: unreadable_requests."
    (found,) = room.document("constraint_violations.json")["violations"]
    assert found["constraint_check_type"] == "completeness_check"


def test_what_is_found_depends_neither_on_the_order_of_the_lines_nor_on_the_threads(room: Room) -> None:
    lines = traffic()
    found = []
    for order, workers in ((lines, 1), (lines[::-1], 4)):
        stream.write(room, order)
        made = drift.compare_with_baseline(job_environment.read_monitor_settings(os.environ, room.root), workers)
        found.append(
            [
                monitor_results.monitor_summary_json(made),
                monitor_results.window_statistics_json(made),
                monitor_results.published_metrics_text(made),
            ]
        )
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("start_time", "soon", "start_time: 'soon': not a valid time"),
        ("end_time", "2026-11-25T07:00:00Z", "not after start_time"),
    ],
)
def test_a_wrong_period_is_the_users_to_mend(
    room: Room, monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    monkeypatch.setenv(name, value)
    assert run() == contract.EXIT_BAD_INPUT
    assert message in room.message()


def test_the_paths_are_those_of_the_environment(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies below /opt/ml is found below the folder that stands for it; a baseline may be named by its file."""
    stream.write(room, traffic(3))
    room.capture.rename(room.root / "processing/endpointdata")
    monkeypatch.setenv("dataset_source", "/opt/ml/processing/endpointdata")
    monkeypatch.setenv("output_path", "/opt/ml/processing/resultdata")
    for name in ("statistics", "constraints"):
        monkeypatch.setenv(f"baseline_{name}", f"/opt/ml/processing/input/baseline/monitor_{name}.json")
    assert run() == contract.EXIT_OK
    found = json.loads((room.root / "processing/resultdata/monitor.json").read_bytes())
    assert found["requests"] == 3
