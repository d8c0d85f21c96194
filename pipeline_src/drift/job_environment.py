# SPDX-License-Identifier: MIT-0
"""Reads the settings of a monitor run from the environment that SageMaker Model Monitor sets for custom containers.

A plain processing job or a local process sets the same variables. All except the times have a default below
/opt/ml/processing, so a job with the inputs `CAPTURE_INPUT`, `BASELINE_INPUT` and `LABELS_INPUT` needs none.

Source: SageMaker Developer Guide, "Container contract inputs". The guide does not say whether the variable of a
baseline is the file or its folder, so both are accepted. `labels_source`, `embedded_metrics` and `history_output` are
additions of this project.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from pipeline_src.drift import captured_requests
from pipeline_src.drift.capture_window import TimePeriod
from pipeline_src.runtime.errors import BadInputError

CAPTURE_INPUT: Final = "capture"  # inputs below /opt/ml/processing/input
BASELINE_INPUT: Final = "baseline"
LABELS_INPUT: Final = "labels"
HISTORY_INPUT: Final = "history"
ACCEPTED_INPUT: Final = "accepted"
MONITOR_OUTPUT: Final = "monitor"  # output below /opt/ml/processing/output
_HOME: Final = Path("/opt/ml")
_ENABLED: Final = "Enabled"


@dataclass(frozen=True)
class MonitorSettings:
    """Settings of one run of the monitor.

    Attributes:
        source: folder of the capture files.
        statistics: file or folder of the baseline's statistics.
        constraints: likewise of its constraints.
        labels: folder of the tables of confirmed labels; it may be missing.
        history: folder of the measured images of earlier windows; it may be missing.
        accepted: folder of accepted baselines; it may be missing.
        output: folder of the reports.
        history_output: folder of the measured images of this window; None for a run that is no part of the history.
        metrics: folder of the metrics that the service publishes; None to publish none.
        namespace: of metrics in the log, for a job that is not started by a schedule; empty for none.
        period: the period to read.
        endpoint: name of the endpoint.
        schedule: name of the monitoring schedule.
    """

    source: Path
    statistics: Path
    constraints: Path
    labels: Path
    history: Path
    accepted: Path
    output: Path
    history_output: Path | None
    metrics: Path | None
    namespace: str
    period: TimePeriod
    endpoint: str
    schedule: str


def read_monitor_settings(environment: Mapping[str, str], root: Path) -> MonitorSettings:
    """Read the settings.

    Args:
        environment: environment variables.
        root: the folder that replaces /opt/ml in all paths.

    Raises:
        BadInputError: a time is invalid, or the period ends before it starts.
    """
    inputs, outputs = root / "processing" / "input", root / "processing" / "output"

    def path(name: str, default: Path) -> Path:
        given = Path(environment.get(name) or default)
        return root / given.relative_to(_HOME) if given.is_relative_to(_HOME) else given

    publish = environment.get("publish_cloudwatch_metrics") == _ENABLED
    return MonitorSettings(
        source=path("dataset_source", inputs / CAPTURE_INPUT),
        statistics=path("baseline_statistics", inputs / BASELINE_INPUT),
        constraints=path("baseline_constraints", inputs / BASELINE_INPUT),
        labels=path("labels_source", inputs / LABELS_INPUT),
        history=inputs / HISTORY_INPUT,
        accepted=inputs / ACCEPTED_INPUT,
        output=path("output_path", outputs / MONITOR_OUTPUT),
        history_output=path("history_output", outputs) if environment.get("history_output") else None,
        metrics=root / "output" / "metrics" / "cloudwatch" if publish else None,
        namespace=environment.get("embedded_metrics", ""),
        period=_period(environment),
        endpoint=environment.get("sagemaker_endpoint_name") or "unknown",
        schedule=environment.get("sagemaker_monitoring_schedule_name") or "unknown",
    )


def _period(environment: Mapping[str, str]) -> TimePeriod:
    start, end = _time(environment, "start_time"), _time(environment, "end_time")
    if start is not None and end is not None and end <= start:
        raise BadInputError(f"end_time: {end}: not after start_time, {start}. Correct the period.")
    return TimePeriod(start, end)


def _time(environment: Mapping[str, str], name: str) -> datetime | None:
    text = environment.get(name)
    if not text:
        return None
    try:
        return captured_requests.parse_time(text)
    except ValueError:
        raise BadInputError(f"{name}: {text!r}: not a valid time. Use the form 2026-11-25T08:00:00Z.") from None
