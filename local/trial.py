# SPDX-License-Identifier: MIT-0
"""One job of a tuning: what it tries, how it ends, and what its log reports of the objective."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from local.document import Object

# How the built-in algorithm's log reports the metrics that a tuning may ask for.
# Source: MetricDefinitions in DescribeTrainingJob's answer for such a job; from memory, not looked up on the service.
METRICS: Final = {
    "validation:accuracy": re.compile(r"Epoch\S* Validation-accuracy=(\S+)"),
    "train:accuracy": re.compile(r"Epoch\S* Train-accuracy=(\S+)"),
}


@dataclass(frozen=True)
class Trial:
    """One job.

    Attributes:
        name: Of the training job.
        arn: Its ARN.
        values: What it tries, by hyperparameter.
        started: When, in ISO 8601.
        ended: When.
        objective: The value that its log reported last; None where it reported none.
        uri: Its model; None where it left none.
        reason: Why it failed; empty where it did not.
        code: The exit code that its failure would give the command.
    """

    name: str
    arn: str
    values: Mapping[str, str]
    started: str
    ended: str = ""
    objective: float | None = None
    uri: str | None = None
    reason: str = ""
    code: int = 0

    @property
    def counts(self) -> bool:
        """Whether it may be the best."""
        return not self.reason and self.objective is not None

    @property
    def told(self) -> str:
        """How it ended, for reading."""
        tried = ", ".join(f"{name} {rounded(value)}" for name, value in self.values.items())
        if self.reason:
            return f"failed ({tried}): {self.reason}"
        return f"{'no objective' if self.objective is None else f'{self.objective:.4f}'} ({tried})"

    def summary(self, objective: Object) -> Object:
        """Return it as the service does in a HyperParameterTrainingJobSummary.

        Args:
            objective: HyperParameterTuningJobObjective of the request.
        """
        told = {
            "TrainingJobName": self.name,
            "TrainingJobArn": self.arn,
            "TrainingStartTime": self.started,
            "TrainingEndTime": self.ended,
            "TrainingJobStatus": "Failed" if self.reason else "Completed",
            "TunedHyperParameters": dict(self.values),
            "ObjectiveStatus": "Succeeded" if self.counts else "Failed",
        }
        if self.counts:
            told["FinalHyperParameterTuningJobObjectiveMetric"] = objective | {"Value": self.objective}
        return told | ({"FailureReason": self.reason} if self.reason else {})


class Log:
    """Reads a job's log as it is written.

    Args:
        metric: Name of the metric, one of `METRICS`.
        line: Gets each line as well.
    """

    def __init__(self, metric: str, line: Callable[[str], None]) -> None:
        self._pattern, self._line = METRICS[metric], line
        self.value: float | None = None

    def __call__(self, line: str) -> None:
        """Take one line; the last value counts."""
        for found in self._pattern.findall(line):
            self.value = _number(found)
        self._line(line)


def ranked(trials: Sequence[Trial], *, maximize: bool) -> list[Trial]:
    """Return `trials`, the best first; of equal ones the first, and last those that cannot be the best."""
    sign = -1 if maximize else 1
    return sorted(trials, key=lambda each: (not each.counts, sign * (each.objective or 0.0)))


def rounded(value: str) -> str:
    """Return a hyperparameter with as many digits as one reads."""
    number = _number(value)
    return value if number is None or value.isdigit() else f"{number:.3g}"


def _number(text: str) -> float | None:
    """Return the finite number that `text` is, or None: a loss that went to infinity leaves no objective."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if abs(number) < float("inf") else None
