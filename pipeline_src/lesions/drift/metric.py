# SPDX-License-Identifier: MIT-0
"""The figures of a run as CloudWatch metrics: a file that Model Monitor publishes, or lines in the log.

A container of a monitoring schedule leaves JSON Lines in a folder. Of a plain processing job nobody publishes them; its
log can carry them in the embedded metric format, which CloudWatch Logs extracts. Neither needs a network.

Sources: SageMaker Developer Guide, "CloudWatch metrics for bring your own containers", for the folder and the fields;
"CloudWatch metrics" of the built-in container, for the names; CloudWatch User Guide, "Specification: Embedded metric
format". The guide names the folder but no file in it.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Final, NamedTuple

import numpy as np

from pipeline_src.lesions.drift import feature
from pipeline_src.lesions.drift.outcome import Outcome

FILE: Final = "metrics.jsonl"

Json = dict[str, object]


class Figure(NamedTuple):
    """One metric: a value, or the number, sum, minimum and maximum of many."""

    name: str
    value: float
    many: tuple[float, float, float, float] | None = None


def figures(outcome: Outcome) -> Iterator[Figure]:
    """Yield every metric of `outcome`; what is not defined is left out, as a 0 would be read as a figure."""
    window, table = outcome.window, outcome.window.sample.table().astype(np.float64)
    yield Figure("requests", window.requests)
    yield Figure("unreadable_requests", window.rejections.total)
    yield Figure("violations", len(outcome.violations))
    for at, name in enumerate(feature.NUMBERS if len(table) else ()):
        column = np.sort(table[:, at])
        many = (float(len(column)), float(column.sum()), float(column[0]), float(column[-1]))
        yield Figure(f"feature_data_{name}", float(column.mean()), many)
    for each in outcome.checks:
        yield Figure(f"feature_baseline_drift_{each.name}", each.effect)
    for name in ("balanced_accuracy", "melanoma_sensitivity") if outcome.truth else ():
        value = getattr(outcome.truth, name).value
        if value is not None:
            yield Figure(name, value)


def published(outcome: Outcome) -> str:
    """Return the JSON Lines that a monitoring schedule publishes; empty if there is no time to give them."""
    time = _time(outcome)
    return "".join(json.dumps(_line(each, outcome, time)) + "\n" for each in figures(outcome)) if time else ""


def embedded(outcome: Outcome) -> str:
    """Return one line in the embedded metric format; empty if there is no time to give it, or no namespace."""
    time, namespace = _time(outcome), outcome.assignment.namespace
    if time is None or not namespace:
        return ""
    named = {each.name: each.value for each in figures(outcome)}
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


def _line(each: Figure, outcome: Outcome, time: datetime) -> Json:
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


def _time(outcome: Outcome) -> datetime | None:
    """Return the end of the window: a job asks no clock."""
    return outcome.assignment.period.end or outcome.window.last
