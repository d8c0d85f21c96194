# SPDX-License-Identifier: MIT-0
"""The result of a monitor run: its status, exit message, JSON files and CloudWatch metrics.

The container of a monitoring schedule writes metrics as JSON Lines to a folder, from which Model Monitor publishes
them. For a plain processing job nothing publishes that folder; its log can contain them in the embedded metric format,
which CloudWatch Logs extracts. Neither needs network access.

Sources: SageMaker Developer Guide, "CloudWatch metrics for bring your own containers", for the folder and the fields
(it does not name the file); "CloudWatch metrics" of the built-in container, for the names; CloudWatch User Guide,
"Specification: Embedded metric format".
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final, NamedTuple

import numpy as np

from pipeline_src.drift import (
    drift_baseline,
    ground_truth,
    image_features,
    monitor_wording,
    window_history,
)
from pipeline_src.drift.capture_window import CaptureWindow, MeasuredImage
from pipeline_src.drift.drift_baseline import DriftBaseline
from pipeline_src.drift.drift_tests import DriftCheck
from pipeline_src.drift.ground_truth import ProductionMetrics
from pipeline_src.drift.image_features import FeatureTable
from pipeline_src.drift.job_environment import MonitorSettings
from pipeline_src.drift.lasting_shift import LastingShift

# Start of the exit message, as in Model Monitor's own container. The service recognizes executions with violations by
# it [not documented; seen in published containers].
COMPLETED_MESSAGE: Final = "Completed"
VIOLATED_MESSAGE: Final = "CompletedWithViolations"
STATUS_EMPTY: Final = "empty"
STATUS_TOO_FEW: Final = "too few"
STATUS_COMPARED: Final = "compared"

CHECK_TITLES: Final = {
    **image_features.FEATURE_TITLES,
    drift_baseline.CLASS_MIX: "how often each class is the most probable one",
    drift_baseline.REPEATED_IMAGES: "requests with an image that was sent before",
    drift_baseline.UNREADABLE_REQUESTS: "captured requests that cannot be used",
}
# Documented kinds of violation; the built-in monitor has six.
_KINDS: Final = {drift_baseline.UNREADABLE_REQUESTS: "completeness_check"}
_DRIFT: Final = "baseline_drift_check"
_NAMED: Final = 4  # features in the message

Json = dict[str, object]


@dataclass(frozen=True)
class MonitorResult:
    """The result of one run.

    Attributes:
        assignment: the settings of the run.
        window: the captured requests of the period.
        images: the distinct images that were compared: of the window, or of earlier ones too if it has too few.
        known: the baseline.
        checks: of the features that could be compared.
        lasting: changes over several windows.
        truth: metrics by the confirmed labels, or None without labels.
    """

    assignment: MonitorSettings
    window: CaptureWindow
    images: Sequence[MeasuredImage]
    known: DriftBaseline
    checks: list[DriftCheck]
    lasting: list[LastingShift]
    truth: ProductionMetrics | None

    @property
    def violations(self) -> list[DriftCheck | LastingShift]:
        """The violated checks, and the changes that have lasted."""
        return [*(each for each in self.checks if each.violated), *(each for each in self.lasting if each.violated)]

    @property
    def notices(self) -> list[DriftCheck]:
        """Differences that are large enough to be shown and no violation."""
        return [each for each in self.checks if each.notice and each.striking]

    @property
    def table(self) -> FeatureTable:
        """Features of the compared images (n, `image_features.FEATURE_COLUMNS`)."""
        rows = [each.row for each in self.images]
        return np.array(rows, np.float32).reshape(-1, image_features.FEATURE_COLUMNS)

    @property
    def earlier(self) -> int:
        """The number of compared images that are from earlier windows."""
        return len(self.images) - len(self.window.sample)

    @property
    def status(self) -> str:
        """`STATUS_COMPARED`, `STATUS_EMPTY` or `STATUS_TOO_FEW`."""
        if not self.window.requests and not self.window.rejections.total:
            return STATUS_EMPTY
        least = self.known.constraints.least
        return STATUS_COMPARED if min(len(self.images), self.known.images) >= least else STATUS_TOO_FEW

    @property
    def statement(self) -> str:
        """How many of the confirmed melanomas the model found; empty without labels."""
        return monitor_wording.melanoma_statement(self.truth, self.known.constraints.approved_sensitivity)

    @property
    def message(self) -> str:
        """The exit message, at most 1024 bytes."""
        if self.violations:
            names = [each.name for each in self.violations]
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            found = f"{len(names)} violation{'' if len(names) == 1 else 's'}"
            return f"{VIOLATED_MESSAGE}: {found} in {self._sent}: {', '.join(names[:_NAMED])}{more}."
        if self.status == STATUS_EMPTY:
            return f"{COMPLETED_MESSAGE}: no request was captured {self.assignment.period}."
        if self.status == STATUS_TOO_FEW:
            return f"{COMPLETED_MESSAGE}: too few images to compare: {self.lack}."
        return f"{COMPLETED_MESSAGE}: no violation in {self._sent}."

    @property
    def lack(self) -> str:
        """The reason for `STATUS_TOO_FEW`."""
        least = self.known.constraints.least
        if self.known.images < least:
            return f"the baseline has {self.known.images:,}; {least:,} are needed"
        if self.earlier:
            days = window_history.HISTORY_DAYS
            return f"{len(self.images):,} distinct ones in the last {days} days; {least:,} are needed"
        return f"{len(self.images):,} distinct ones in {self._sent}; {least:,} are needed"

    @property
    def _sent(self) -> str:
        requests = f"{self.window.requests + self.window.rejections.total:,} requests"
        return f"{requests} and {self.earlier:,} earlier images" if self.earlier else requests


def violations_json(outcome: MonitorResult) -> Json:
    """Return constraint_violations.json.

    Source: SageMaker Developer Guide, "Schema for violations (constraint_violations.json file)".
    """
    return {
        "violations": [
            {
                "feature_name": each.name,
                "constraint_check_type": _KINDS.get(each.name, _DRIFT),
                "description": monitor_wording.check_sentence(each),
            }
            for each in outcome.violations
        ]
    }


def window_statistics_json(outcome: MonitorResult) -> Json:
    """Return statistics.json of the window, over its sample of distinct images."""
    window = outcome.window
    monitor = {
        "requests": window.requests,
        "unreadable": window.rejections.total,
        "different_images": len(window.sample),
        "kept_share": window.sample.share,
    }
    return drift_baseline.statistics_json(window.sample.table(), window.rejections.total, monitor, whole=False)


def monitor_summary_json(outcome: MonitorResult) -> Json:
    """Return monitor.json, which has all content of the report."""
    window, period = outcome.window, outcome.assignment.period
    start, end = (None if time is None else time.isoformat() for time in period)
    return {
        "schema": 1,
        "status": outcome.status,
        "message": outcome.message,
        "statement": outcome.statement,
        "violations": [each.name for each in outcome.violations],
        "sentences": [monitor_wording.check_sentence(each) for each in outcome.violations],
        "notices": [monitor_wording.check_sentence(each) for each in outcome.notices],
        "endpoint": outcome.assignment.endpoint,
        "schedule": outcome.assignment.schedule,
        "start_time": start,
        "end_time": end,
        "last_request": window.last.isoformat() if window.last else None,
        "requests": window.requests,
        "outside_the_period": window.outside,
        "different_images": len(window.sample),
        "kept_share": window.sample.share,
        "unreadable": window.rejections.as_json(),
        "compared_images": len(outcome.images),
        "baseline": {
            "images": outcome.known.images,
            "effective_images": outcome.known.effective,
            "accepted": outcome.known.accepted,
        },
        "checks": [
            asdict(each)
            | {
                "significant": each.significant,
                "violated": each.violated,
                "sentence": monitor_wording.check_sentence(each),
            }
            for each in outcome.checks
        ],
        "lasting": [asdict(each) | {"violated": each.violated} for each in outcome.lasting],
        "truth": None
        if outcome.truth is None
        else asdict(outcome.truth) | {"problems": ground_truth.summarize_problems(outcome.truth.problems)},
    }


def log_lines(outcome: MonitorResult) -> Iterator[str]:
    """Yield the lines for the job's log."""
    window = outcome.window
    yield f"{window.requests:,} requests {outcome.assignment.period}; {window.outside:,} outside the period."
    for reason, count in sorted(window.rejections.counts.items()):
        place, what = window.rejections.examples[reason][0]
        yield f"Not used: {count:,} x {reason}, first {place}: {what}"
    if outcome.statement:
        yield outcome.statement
    if outcome.known.accepted is not None:
        yield outcome.known.accepted
    yield from (monitor_wording.check_sentence(each) for each in (*outcome.violations, *outcome.notices))
    yield outcome.message


METRICS_FILE: Final = "metrics.jsonl"


class MetricDatum(NamedTuple):
    """One metric: a value, or count, sum, minimum and maximum of many values."""

    name: str
    value: float
    many: tuple[float, float, float, float] | None = None


def monitor_metrics(outcome: MonitorResult) -> Iterator[MetricDatum]:
    """Yield the metrics of `outcome`, without undefined ones, which would be misread as 0."""
    window, table = outcome.window, outcome.window.sample.table().astype(np.float64)
    yield MetricDatum("requests", window.requests)
    yield MetricDatum("unreadable_requests", window.rejections.total)
    yield MetricDatum("violations", len(outcome.violations))
    for at, name in enumerate(image_features.FEATURE_NAMES if len(table) else ()):
        column = np.sort(table[:, at])
        many = (float(len(column)), float(column.sum()), float(column[0]), float(column[-1]))
        yield MetricDatum(f"feature_data_{name}", float(column.mean()), many)
    for each in outcome.checks:
        yield MetricDatum(f"feature_baseline_drift_{each.name}", each.effect)
    for name in ("balanced_accuracy", "melanoma_sensitivity") if outcome.truth else ():
        value = getattr(outcome.truth, name).value
        if value is not None:
            yield MetricDatum(name, value)


def published_metrics_text(outcome: MonitorResult) -> str:
    """Return the JSON Lines that a monitoring schedule publishes; empty without a timestamp."""
    time = _end_of_window(outcome)
    return (
        "".join(json.dumps(_published_line(each, outcome, time)) + "\n" for each in monitor_metrics(outcome))
        if time
        else ""
    )


def embedded_metrics_line(outcome: MonitorResult) -> str:
    """Return one line in the embedded metric format; empty without a timestamp or a namespace."""
    time, namespace = _end_of_window(outcome), outcome.assignment.namespace
    if time is None or not namespace:
        return ""
    named = {each.name: each.value for each in monitor_metrics(outcome)}
    directive = {
        "Namespace": namespace,
        "Dimensions": [["Endpoint"]],
        "Metrics": [{"Name": name} for name in named],
    }
    milliseconds = int(time.timestamp() * 1000)
    return json.dumps(
        {
            "_aws": {"Timestamp": milliseconds, "CloudWatchMetrics": [directive]},
            "Endpoint": outcome.assignment.endpoint,
            **named,
        }
    )


def _published_line(each: MetricDatum, outcome: MonitorResult, time: datetime) -> Json:
    names = ("SampleCount", "Sum", "Minimum", "Maximum")
    value: Json = {"Value": float(each.value)}
    if each.many:
        value = {"StatisticValues": dict(zip(names, each.many, strict=True))}
    return {
        "MetricName": each.name,
        "Timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "Dimensions": [
            {"Name": "Endpoint", "Value": outcome.assignment.endpoint},
            {"Name": "MonitoringSchedule", "Value": outcome.assignment.schedule},
        ],
        **value,
    }


def _end_of_window(outcome: MonitorResult) -> datetime | None:
    """Return the end of the window, the timestamp of its metrics; a job does not read a clock."""
    return outcome.assignment.period.end or outcome.window.last
