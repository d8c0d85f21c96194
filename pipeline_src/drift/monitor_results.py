# SPDX-License-Identifier: MIT-0
"""What came of a run of the monitor: its status, the message that the job leaves, and what is written of it.

The figures of a run as CloudWatch metrics: a file that Model Monitor publishes, or lines in the log.

A container of a monitoring schedule leaves JSON Lines in a folder. Of a plain processing job nobody publishes them; its
log can carry them in the embedded metric format, which CloudWatch Logs extracts. Neither needs a network.

Sources: SageMaker Developer Guide, "CloudWatch metrics for bring your own containers", for the folder and the fields;
"CloudWatch metrics" of the built-in container, for the names; CloudWatch User Guide, "Specification: Embedded metric
format". The guide names the folder but no file in it.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final, NamedTuple

import numpy as np

from pipeline_src.drift import drift_baseline, drift_tests, ground_truth, image_features
from pipeline_src.drift.capture_window import CaptureWindow
from pipeline_src.drift.drift_baseline import DriftBaseline
from pipeline_src.drift.drift_tests import DriftCheck
from pipeline_src.drift.ground_truth import ProductionMetrics
from pipeline_src.drift.job_environment import MonitorSettings

# What an exit message begins with, as Model Monitor's own container words it; the service tells executions with
# violations from others by it [not documented; seen in published containers].
COMPLETED_MESSAGE: Final = "Completed"
VIOLATED_MESSAGE: Final = "CompletedWithViolations"
STATUS_EMPTY: Final = "empty"
STATUS_TOO_FEW: Final = "too few"
STATUS_COMPARED: Final = "compared"

CHECK_TITLES: Final = {
    **image_features.FEATURE_TITLES,
    drift_baseline.CLASS_MIX: "how often each class is the most probable one",
    drift_baseline.REPEATED_IMAGES: "requests that send a picture anew",
    drift_baseline.UNREADABLE_REQUESTS: "captured requests that cannot be used",
}
# The documented kinds of violation, of which the built-in monitor has six.
_KINDS: Final = {drift_baseline.UNREADABLE_REQUESTS: "completeness_check"}
_DRIFT: Final = "baseline_drift_check"
_NAMED: Final = 4  # features in the message

Json = dict[str, object]


@dataclass(frozen=True)
class MonitorResult:
    """One run.

    Attributes:
        assignment: what was asked.
        window: what production sent.
        known: the baseline.
        checks: of everything that could be compared.
        truth: by the labels; None if none were given.
    """

    assignment: MonitorSettings
    window: CaptureWindow
    known: DriftBaseline
    checks: list[DriftCheck]
    truth: ProductionMetrics | None

    @property
    def violations(self) -> list[DriftCheck]:
        """The checks that are violated."""
        return [each for each in self.checks if each.violated]

    @property
    def status(self) -> str:
        """Whether the pictures were `COMPARED`, or why not: `EMPTY`, `TOO_FEW`."""
        if not self.window.requests and not self.window.rejections.total:
            return STATUS_EMPTY
        least = self.known.constraints.least
        return STATUS_COMPARED if min(len(self.window.sample), self.known.images) >= least else STATUS_TOO_FEW

    @property
    def message(self) -> str:
        """The exit message, at most 1024 bytes."""
        if self.violations:
            names = [each.name for each in self.violations]
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            return (
                f"{VIOLATED_MESSAGE}: {_count_violations(len(names))} in {self._sent}: "
                f"{', '.join(names[:_NAMED])}{more}."
            )
        if self.status == STATUS_EMPTY:
            return f"{COMPLETED_MESSAGE}: no request was captured {self.assignment.period}."
        if self.status == STATUS_TOO_FEW:
            return f"{COMPLETED_MESSAGE}: too few images to compare: {self.lack}."
        return f"{COMPLETED_MESSAGE}: no violation in {self._sent}."

    @property
    def lack(self) -> str:
        """What there is too little of."""
        least = self.known.constraints.least
        if self.known.images < least:
            return f"the baseline holds {self.known.images:,}, and {least:,} are needed"
        return f"{len(self.window.sample):,} different ones in {self._sent}, and {least:,} are needed"

    @property
    def _sent(self) -> str:
        return f"{self.window.requests + self.window.rejections.total:,} requests"


def violations_json(outcome: MonitorResult) -> Json:
    """Return constraint_violations.json.

    Source: SageMaker Developer Guide, "Schema for violations (constraint_violations.json file)".
    """
    return {
        "violations": [
            {
                "feature_name": each.name,
                "constraint_check_type": _KINDS.get(each.name, _DRIFT),
                "description": describe_check(each),
            }
            for each in outcome.violations
        ]
    }


def window_statistics_json(outcome: MonitorResult) -> Json:
    """Return statistics.json of the window: of the different pictures that were kept."""
    window = outcome.window
    monitor = {
        "requests": window.requests,
        "unreadable": window.rejections.total,
        "different_images": len(window.sample),
        "kept_share": window.sample.share,
    }
    return drift_baseline.statistics_json(window.sample.table(), window.rejections.total, monitor, whole=False)


def monitor_summary_json(outcome: MonitorResult) -> Json:
    """Return monitor.json: all that is said on the page."""
    window, period = outcome.window, outcome.assignment.period
    start, end = (None if time is None else time.isoformat() for time in period)
    return {
        "schema": 1,
        "status": outcome.status,
        "message": outcome.message,
        "violations": [each.name for each in outcome.violations],
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
        "baseline": {"images": outcome.known.images, "effective_images": outcome.known.effective},
        "checks": [
            asdict(each) | {"significant": each.significant, "violated": each.violated} for each in outcome.checks
        ],
        "truth": None if outcome.truth is None else _truth_json(outcome.truth),
    }


def describe_check(each: DriftCheck) -> str:
    """Return a check in a sentence."""
    sides = f"{each.baseline:.4g} in the baseline, {each.window:.4g} in the window"
    note = f" ({each.note})" if each.note else ""
    what = {
        drift_tests.KOLMOGOROV_SMIRNOV: f"distance of the distributions {each.effect:.3f} (medians: {sides})",
        drift_tests.CHI_SQUARE: f"total variation {each.effect:.3f} ({each.note})",
        drift_tests.BINOMIAL: f"share {each.effect:.3f}, expected {each.baseline:.3f}{note}",
    }[each.test]
    return (
        f"{CHECK_TITLES[each.name]}: {what}, from {each.threshold:g} on a violation; {each.test} "
        f"test, p {each.adjusted:.2g} "
        f"with all checks of the window, below {each.level:g}"
    )


def _truth_json(found: ProductionMetrics) -> Json:
    return {**asdict(found), "problems": ground_truth.summarize_problems(found.problems)}


def _count_violations(number: int) -> str:
    return f"{number} violation{'' if number == 1 else 's'}"


def log_lines(outcome: MonitorResult) -> Iterator[str]:
    """Yield what the job's log says."""
    window = outcome.window
    yield f"{window.requests:,} requests {outcome.assignment.period}, {window.outside:,} of other times left out."
    for reason, count in sorted(window.rejections.counts.items()):
        place, what = window.rejections.examples[reason][0]
        yield f"Not used: {count:,} x {reason}, first {place}: {what}"
    yield outcome.message


METRICS_FILE: Final = "metrics.jsonl"

MetricJson = dict[str, object]


class MetricDatum(NamedTuple):
    """One metric: a value, or the number, sum, minimum and maximum of many."""

    name: str
    value: float
    many: tuple[float, float, float, float] | None = None


def monitor_metrics(outcome: MonitorResult) -> Iterator[MetricDatum]:
    """Yield every metric of `outcome`; what is not defined is left out, as a 0 would be read as a figure."""
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
    """Return the JSON Lines that a monitoring schedule publishes; empty if there is no time to give them."""
    time = _end_of_window(outcome)
    return (
        "".join(json.dumps(_published_line(each, outcome, time)) + "\n" for each in monitor_metrics(outcome))
        if time
        else ""
    )


def embedded_metrics_line(outcome: MonitorResult) -> str:
    """Return one line in the embedded metric format; empty if there is no time to give it, or no namespace."""
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


def _published_line(each: MetricDatum, outcome: MonitorResult, time: datetime) -> MetricJson:
    names = ("SampleCount", "Sum", "Minimum", "Maximum")
    value: MetricJson = {"Value": float(each.value)}
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
    """Return the end of the window: a job asks no clock."""
    return outcome.assignment.period.end or outcome.window.last
