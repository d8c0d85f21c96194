# SPDX-License-Identifier: MIT-0
"""Executes a Tuning step: several training jobs in parallel, of which the best counts.

Hyperparameters are drawn at random, and the same for the same seed. The service draws other values for that seed
because its generator differs; the distributions are as documented (Developer Guide, "Define Hyperparameter Ranges").
Each job has its own folder below the step's, ``Train/001`` and so on, with logs and /opt/ml. A failed job does not end
the others; the step fails only if all jobs fail.
Source: SageMaker API Reference, CreateHyperParameterTuningJob and DescribeHyperParameterTuningJob.
"""

import dataclasses
import math
import os
import random
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from local.aws.pipeline_executions import utc_timestamp
from local.errors import StepError, StoppedError
from local.json_files import JsonObject
from local.steps import training_step
from local.steps.step_context import StepContext, StepResult
from pipeline_src import contract
from pipeline_src.algorithms.algorithm_table import ALGORITHMS

HyperparameterValues = dict[str, str]

_RANGE_KINDS: Final = ("IntegerParameterRanges", "ContinuousParameterRanges", "CategoricalParameterRanges")


def tuned_hyperparameter_names(config: JsonObject) -> list[str]:
    """Return the names of the hyperparameters that a HyperParameterTuningJobConfig searches over."""
    return [str(each.get("Name")) for _, each in _parameter_ranges(config)]


def draw_hyperparameters(config: JsonObject) -> list[HyperparameterValues]:
    """Return the hyperparameters of each job; with more jobs, the first ones stay the same.

    Args:
        config: HyperParameterTuningJobConfig of the request.

    Raises:
        StepError: A range is not valid.
    """
    generator = random.Random(config.get("RandomSeed", 0))
    wanted = _parameter_ranges(config)
    jobs = config["ResourceLimits"]["MaxNumberOfTrainingJobs"]
    return [{each["Name"]: _draw_value(kind, each, generator) for kind, each in wanted} for _ in range(jobs)]


def _parameter_ranges(config: JsonObject) -> list[tuple[str, JsonObject]]:
    given = config.get("ParameterRanges", {})
    return [(kind, each) for kind in _RANGE_KINDS for each in given.get(kind, [])]


def _draw_value(kind: str, given: JsonObject, generator: random.Random) -> str:
    if kind == "CategoricalParameterRanges":
        return str(generator.choice(given["Values"]))
    low, high = _range_ends(given)
    draw = _DISTRIBUTIONS[given.get("ScalingType", "Linear")]
    if kind == "ContinuousParameterRanges":
        return repr(min(max(draw(low, high, generator), low), high))
    # Extended by a half on both sides, so that the ends are as likely as the numbers between.
    drawn = round(draw(max(low - 0.5, min(low, 0.5)), high + 0.5, generator))
    return str(int(min(max(drawn, low), high)))


def _range_ends(given: JsonObject) -> tuple[float, float]:
    scaling = given.get("ScalingType", "Linear")
    try:
        low, high = float(given["MinValue"]), float(given["MaxValue"])
    except ValueError as error:
        raise StepError(f"range of {given['Name']!r}: {error}. Give numbers as strings.", code=2) from error
    allowed = {"Logarithmic": low > 0, "ReverseLogarithmic": low >= 0 and high < 1}.get(scaling, True)
    if not (low <= high and allowed and math.isfinite(high - low)):
        ends = f"{given['MinValue']} to {given['MaxValue']}"
        raise StepError(
            f"range of {given['Name']!r}: {ends}, {scaling}. MinValue must not exceed MaxValue; Logarithmic needs "
            "values above 0, ReverseLogarithmic values from 0 to below 1.",
            code=2,
        )
    return low, high


def _draw_logarithmic(low: float, high: float, generator: random.Random) -> float:
    return math.exp(generator.uniform(math.log(low), math.log(high)))


_DISTRIBUTIONS: Final[Mapping[str, Callable[[float, float, random.Random], float]]] = {
    "Linear": lambda low, high, generator: generator.uniform(low, high),
    "Logarithmic": _draw_logarithmic,
    "ReverseLogarithmic": lambda low, high, generator: 1 - _draw_logarithmic(1 - high, 1 - low, generator),
}


# The metrics of all algorithms, one of which is the objective, by name.
METRIC_PATTERNS: Final = {
    name: re.compile(pattern) for each in ALGORITHMS.values() for name, pattern in each.metrics.items()
}


@dataclass(frozen=True)
class TuningTrial:
    """One training job of a tuning.

    Attributes:
        name: Name of the training job.
        arn: Its ARN.
        values: Its values by hyperparameter.
        started: Start time in ISO 8601.
        ended: End time in ISO 8601.
        objective: Last value of the objective in its log, None where there is none.
        uri: URI of its model, None where there is none.
        reason: Reason of its failure, empty where it succeeded.
        code: Exit code of the command for its failure.
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
        """Whether the job can be the best one."""
        return not self.reason and self.objective is not None

    @property
    def text(self) -> str:
        """The result of the job for the user."""
        tried = ", ".join(f"{name} {round_hyperparameter(value)}" for name, value in self.values.items())
        if self.reason:
            return f"failed ({tried}): {self.reason}"
        return f"{'no objective' if self.objective is None else f'{self.objective:.4f}'} ({tried})"

    def summary(self, objective: JsonObject) -> JsonObject:
        """Return the job as a HyperParameterTrainingJobSummary.

        Args:
            objective: HyperParameterTuningJobObjective of the request.
        """
        summary = {
            "TrainingJobName": self.name,
            "TrainingJobArn": self.arn,
            "TrainingStartTime": self.started,
            "TrainingEndTime": self.ended,
            "TrainingJobStatus": "Failed" if self.reason else "Completed",
            "TunedHyperParameters": dict(self.values),
            "ObjectiveStatus": "Succeeded" if self.counts else "Failed",
        }
        if self.counts:
            summary["FinalHyperParameterTuningJobObjectiveMetric"] = objective | {"Value": self.objective}
        return summary | ({"FailureReason": self.reason} if self.reason else {})


class ObjectiveLog:
    """Reads the objective from a job's log while it is written.

    Args:
        metric: Name of the metric, one of `METRIC_PATTERNS`.
        line: Also receives each line.
    """

    def __init__(self, metric: str, line: Callable[[str], None]) -> None:
        self._pattern, self._line = METRIC_PATTERNS[metric], line
        self.value: float | None = None

    def __call__(self, line: str) -> None:
        """Read one line; the last value counts."""
        for found in self._pattern.findall(line):
            self.value = _finite_number(found)
        self._line(line)


def rank_trials(trials: Sequence[TuningTrial], *, maximize: bool) -> list[TuningTrial]:
    """Return `trials` sorted, the best first; equal ones keep their order, failed ones come last."""
    sign = -1 if maximize else 1
    return sorted(trials, key=lambda each: (not each.counts, sign * (each.objective or 0.0)))


def round_hyperparameter(value: str) -> str:
    """Return a hyperparameter rounded to three digits for display."""
    number = _finite_number(value)
    return value if number is None or value.isdigit() else f"{number:.3g}"


def _finite_number(text: str) -> float | None:
    """Return `text` as a finite number, or None: a diverged loss is no objective."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if abs(number) < float("inf") else None


class JobsProgress:
    """Sums the progress of several jobs.

    Args:
        jobs: Number of jobs. One that has reported nothing counts like the longest one.
        line: Receives the sum as a line of progress.
    """

    def __init__(self, jobs: int, line: Callable[[str], None]) -> None:
        self._jobs, self._line = jobs, line
        self._progress: dict[int, tuple[int, int]] = {}
        self._lock = threading.Lock()

    def take(self, job: int, line: str) -> None:
        """Read a line of job number `job`."""
        if progress := contract.PROGRESS_PATTERN.match(line):
            with self._lock:
                self._progress[job] = int(progress["done"]), int(progress["total"])
                longest = max(total for _, total in self._progress.values())
                done = sum(done for done, _ in self._progress.values())
                total = sum(total for _, total in self._progress.values())
                total += longest * (self._jobs - len(self._progress))
                unit = f"{progress['unit']} of {self._jobs} jobs"
                self._line(contract.progress_line(min(done, total), total, unit))

    def end(self, job: int) -> None:
        """Count job number `job` as complete."""
        with self._lock:
            longest = max((total for _, total in self._progress.values()), default=0)
            self._progress[job] = longest, longest


def execute_tuning_step(arguments: JsonObject, context: StepContext) -> StepResult:
    """Train with each set of hyperparameters and return the description of the tuning.

    Raises:
        StepError: No job both wrote a model and reported the objective.
        StoppedError: It was stopped.
    """
    config = arguments["HyperParameterTuningJobConfig"]
    trials = _run_trials(arguments, draw_hyperparameters(config), context)
    if context.stop.is_set():
        raise StoppedError("stopped")
    objective = config["HyperParameterTuningJobObjective"]
    order = rank_trials(trials, maximize=objective["Type"] == "Maximize")
    if not order[0].counts:
        reasons = "; ".join(f"{each.name}: {each.reason or 'no objective in its log'}" for each in trials)
        raise StepError(f"all {len(trials)} jobs failed. {reasons}", code=min(each.code or 1 for each in trials))
    return _tuning_result(arguments, order, context)


def count_usable_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _run_trials(arguments: JsonObject, tried: list[HyperparameterValues], context: StepContext) -> list[TuningTrial]:
    """Train with each of `tried`, at most as many at once as there are cores."""
    limit = arguments["HyperParameterTuningJobConfig"]["ResourceLimits"]["MaxParallelTrainingJobs"]
    at_once = max(1, min(limit, len(tried), count_usable_cores()))
    progress = JobsProgress(len(tried), context.line)
    # The jobs share the cores; with all cores each, they would slow each other down.
    environment = {"OMP_NUM_THREADS": str(max(1, count_usable_cores() // at_once))}

    def one(number: int) -> TuningTrial:
        name = f"{number + 1:03d}"
        child = dataclasses.replace(
            context,
            step=f"{context.step}-{name}",
            folder=context.folder / name,
            line=lambda line: progress.take(number, line),
        )
        trial = _run_trial(arguments, tried[number], child, environment)
        progress.end(number)
        if not context.stop.is_set():
            context.say(f"job {number + 1} of {len(tried)}: {trial.text}")
        return trial

    with ThreadPoolExecutor(at_once, thread_name_prefix=context.step) as pool:
        return list(pool.map(one, range(len(tried))))


def _run_trial(
    arguments: JsonObject, values: HyperparameterValues, context: StepContext, environment: dict[str, str]
) -> TuningTrial:
    objective = arguments["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]
    log = ObjectiveLog(objective["MetricName"], context.line)
    definition = dict(arguments["TrainingJobDefinition"])
    definition["HyperParameters"] = definition.pop("StaticHyperParameters", {}) | values
    definition["Environment"] = environment | definition.get("Environment", {})
    trial = TuningTrial(
        context.job_name, context.identity.arn("training-job", context.job_name), values, utc_timestamp()
    )
    if context.stop.is_set():
        return dataclasses.replace(trial, ended=utc_timestamp(), reason="stopped")
    try:
        context.folder.mkdir(parents=True, exist_ok=True)
        result = training_step.execute_training_step(definition, dataclasses.replace(context, line=log))
    except StoppedError:
        return dataclasses.replace(trial, ended=utc_timestamp(), reason="stopped")
    except StepError as error:
        return dataclasses.replace(trial, ended=utc_timestamp(), reason=str(error), code=error.exit_code)
    return dataclasses.replace(trial, ended=utc_timestamp(), objective=log.value, uri=result.outputs["model"])


def _tuning_result(arguments: JsonObject, order: list[TuningTrial], context: StepContext) -> StepResult:
    objective = arguments["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]
    summaries = [each.summary(objective) for each in order]
    failed = sum(1 for each in order if each.reason)
    arn = context.identity.arn("hyper-parameter-tuning-job", context.job_name)
    described = {
        "HyperParameterTuningJobName": context.job_name,
        "HyperParameterTuningJobArn": arn,
        "HyperParameterTuningJobStatus": "Completed",
        "TrainingJobStatusCounters": {
            "Completed": len(order) - failed,
            "InProgress": 0,
            "RetryableError": 0,
            "NonRetryableError": failed,
            "Stopped": 0,
        },
        "ObjectiveStatusCounters": {
            "Succeeded": sum(1 for each in order if each.counts),
            "Pending": 0,
            "Failed": sum(1 for each in order if not each.counts),
        },
        "BestTrainingJob": summaries[0],
        "TrainingJobSummaries": summaries,
    }
    return StepResult(arguments | described, {"TuningJob": {"Arn": arn}}, {"model": str(order[0].uri)})
