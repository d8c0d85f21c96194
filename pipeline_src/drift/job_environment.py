# SPDX-License-Identifier: MIT-0
"""What the job is to do: the environment that SageMaker Model Monitor gives to a container of one's own.

Whoever starts a plain processing job or a local process instead sets the same variables; all but the time have a
default below /opt/ml/processing, so that a job with the inputs `CAPTURE`, `BASELINE` and `LABELS` needs none.

Source: SageMaker Developer Guide, "Container contract inputs". Where the guide does not say whether the variable of a
baseline names the file or its folder, either is taken. The labels and `embedded_metrics` are ours.
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
MONITOR_OUTPUT: Final = "monitor"  # output below /opt/ml/processing/output
_HOME: Final = Path("/opt/ml")
_ENABLED: Final = "Enabled"


@dataclass(frozen=True)
class MonitorSettings:
    """One run of the monitor.

    Attributes:
        source: folder of the captured files.
        statistics: the baseline's, a file or its folder.
        constraints: likewise.
        labels: folder of the tables of confirmed labels; it may be missing.
        output: folder of the reports.
        metrics: folder of the metrics that the platform publishes; None if it is not to.
        namespace: of metrics in the log, for a job that no schedule started; empty for none.
        period: which requests count.
        endpoint: its name.
        schedule: likewise.
    """

    source: Path
    statistics: Path
    constraints: Path
    labels: Path
    output: Path
    metrics: Path | None
    namespace: str
    period: TimePeriod
    endpoint: str
    schedule: str


def read_monitor_settings(environment: Mapping[str, str], root: Path) -> MonitorSettings:
    """Return the assignment.

    Args:
        environment: of the process.
        root: the folder that is /opt/ml here; paths below /opt/ml are taken to be below it.

    Raises:
        BadInputError: a time cannot be read, or the period ends before it starts.
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
        output=path("output_path", outputs / MONITOR_OUTPUT),
        metrics=root / "output" / "metrics" / "cloudwatch" if publish else None,
        namespace=environment.get("embedded_metrics", ""),
        period=_period(environment),
        endpoint=environment.get("sagemaker_endpoint_name") or "unknown",
        schedule=environment.get("sagemaker_monitoring_schedule_name") or "unknown",
    )


def _period(environment: Mapping[str, str]) -> TimePeriod:
    start, end = _time(environment, "start_time"), _time(environment, "end_time")
    if start is not None and end is not None and end <= start:
        raise BadInputError(f"end_time: {end}: is not after start_time, {start}. Correct the period.")
    return TimePeriod(start, end)


def _time(environment: Mapping[str, str], name: str) -> datetime | None:
    text = environment.get(name)
    if not text:
        return None
    try:
        return captured_requests.parse_time(text)
    except ValueError:
        raise BadInputError(f"{name}: {text!r}: is no time. Write it as 2026-11-25T08:00:00Z.") from None
