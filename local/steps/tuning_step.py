# SPDX-License-Identifier: MIT-0
"""Draws the hyperparameters of a tuning's jobs, at random from the ranges and for the same seed the same.

The service draws other values for that seed: its generator is its own. The spread is as documented: Developer Guide,
"Define Hyperparameter Ranges".

One job of a tuning: what it tries, how it ends, and what its log reports of the objective.

How far several jobs of one step are together, as one line of progress.

A Tuning step: several trainings of the built-in algorithm's stand-in at once, of which the best counts.

Each job has a folder of its own below the step's, ``Train/001`` and so on, with logs and /opt/ml. A job that fails
does not end the others; only if all do, the step fails.
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

HyperparameterValues = dict[str, str]

_RANGE_KINDS: Final = ("IntegerParameterRanges", "ContinuousParameterRanges", "CategoricalParameterRanges")


def tuned_hyperparameter_names(config: JsonObject) -> list[str]:
    """Return the hyperparameters that a HyperParameterTuningJobConfig looks for."""
    return [str(each.get("Name")) for _, each in _parameter_ranges(config)]


def draw_hyperparameters(config: JsonObject) -> list[HyperparameterValues]:
    """Return the hyperparameters of each job; more jobs begin with those of fewer.

    Args:
        config: HyperParameterTuningJobConfig of the request.

    Raises:
        StepError: A range is none.
    """
    # For the spread, not for secrets.
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
    spread = _SPREADS[given.get("ScalingType", "Linear")]
    if kind == "ContinuousParameterRanges":
        return repr(min(max(spread(low, high, generator), low), high))
    # Half a step more on either side, so that the ends are as likely as the numbers between.
    drawn = round(spread(max(low - 0.5, min(low, 0.5)), high + 0.5, generator))
    return str(int(min(max(drawn, low), high)))


def _range_ends(given: JsonObject) -> tuple[float, float]:
    scaling = given.get("ScalingType", "Linear")
    try:
        low, high = float(given["MinValue"]), float(given["MaxValue"])
    except ValueError as error:
        raise StepError(f"range of {given['Name']!r}: {error}. Give numbers as text.", code=2) from error
    allowed = {"Logarithmic": low > 0, "ReverseLogarithmic": low >= 0 and high < 1}.get(scaling, True)
    if not (low <= high and allowed):
        ends = f"{given['MinValue']} to {given['MaxValue']}"
        raise StepError(
            f"range of {given['Name']!r}: {ends}, {scaling}. Give the less first; above 0 for Logarithmic, from 0 to "
            "below 1 for ReverseLogarithmic.",
            code=2,
        )
    return low, high


def _linear(low: float, high: float, generator: random.Random) -> float:
    return generator.uniform(low, high)


def _logarithmic(low: float, high: float, generator: random.Random) -> float:
    return math.exp(generator.uniform(math.log(low), math.log(high)))


def _reverse_logarithmic(low: float, high: float, generator: random.Random) -> float:
    return 1 - _logarithmic(1 - high, 1 - low, generator)


_SPREADS: Final[Mapping[str, Callable[[float, float, random.Random], float]]] = {
    "Linear": _linear,
    "Logarithmic": _logarithmic,
    "ReverseLogarithmic": _reverse_logarithmic,
}


# How the built-in algorithm's log reports the metrics that a tuning may ask for.
# Source: MetricDefinitions in DescribeTrainingJob's answer for such a job; from memory, not looked up on the service.
METRIC_PATTERNS: Final = {
    "validation:accuracy": re.compile(r"Epoch\S* Validation-accuracy=(\S+)"),
    "train:accuracy": re.compile(r"Epoch\S* Train-accuracy=(\S+)"),
}


@dataclass(frozen=True)
class TuningTrial:
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
        tried = ", ".join(f"{name} {round_hyperparameter(value)}" for name, value in self.values.items())
        if self.reason:
            return f"failed ({tried}): {self.reason}"
        return f"{'no objective' if self.objective is None else f'{self.objective:.4f}'} ({tried})"

    def summary(self, objective: JsonObject) -> JsonObject:
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


class ObjectiveLog:
    """Reads a job's log as it is written.

    Args:
        metric: Name of the metric, one of `METRICS`.
        line: Gets each line as well.
    """

    def __init__(self, metric: str, line: Callable[[str], None]) -> None:
        self._pattern, self._line = METRIC_PATTERNS[metric], line
        self.value: float | None = None

    def __call__(self, line: str) -> None:
        """Take one line; the last value counts."""
        for found in self._pattern.findall(line):
            self.value = _finite_number(found)
        self._line(line)


def rank_trials(trials: Sequence[TuningTrial], *, maximize: bool) -> list[TuningTrial]:
    """Return `trials`, the best first; of equal ones the first, and last those that cannot be the best."""
    sign = -1 if maximize else 1
    return sorted(trials, key=lambda each: (not each.counts, sign * (each.objective or 0.0)))


def round_hyperparameter(value: str) -> str:
    """Return a hyperparameter with as many digits as one reads."""
    number = _finite_number(value)
    return value if number is None or value.isdigit() else f"{number:.3g}"


def _finite_number(text: str) -> float | None:
    """Return the finite number that `text` is, or None: a loss that went to infinity leaves no objective."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if abs(number) < float("inf") else None


class JobsProgress:
    """What several jobs report, summed.

    Args:
        jobs: How many there are. Those that report nothing yet count as long as the longest.
        line: Gets the sum as a line of progress.
    """

    def __init__(self, jobs: int, line: Callable[[str], None]) -> None:
        self._jobs, self._line = jobs, line
        self._far: dict[int, tuple[int, int]] = {}
        self._lock = threading.Lock()

    def take(self, job: int, line: str) -> None:
        """Take a line of job number `job`."""
        if progress := contract.PROGRESS_PATTERN.match(line):
            with self._lock:
                self._far[job] = int(progress["done"]), int(progress["total"])
                self._tell(progress["unit"])

    def end(self, job: int) -> None:
        """Note that job number `job` ended, however far it came."""
        with self._lock:
            longest = max((total for _, total in self._far.values()), default=0)
            self._far[job] = longest, longest

    def _tell(self, unit: str) -> None:
        longest = max(total for _, total in self._far.values())
        done = sum(done for done, _ in self._far.values())
        total = sum(total for _, total in self._far.values()) + longest * (self._jobs - len(self._far))
        self._line(contract.progress_line(min(done, total), total, f"{unit} of {self._jobs} jobs"))


# What a training job is told otherwise than a tuning tells it.
_STATIC: Final = "StaticHyperParameters"


def execute_tuning_step(arguments: JsonObject, context: StepContext) -> StepResult:
    """Train with each set of hyperparameters, and return what the service describes of the tuning.

    Raises:
        StepError: No job left a model and reported the objective.
        StoppedError: It was stopped.
    """
    config = arguments["HyperParameterTuningJobConfig"]
    trials = _run_trials(arguments, draw_hyperparameters(config), context)
    if context.stop.is_set():
        raise StoppedError("stopped")
    objective = config["HyperParameterTuningJobObjective"]
    order = rank_trials(trials, maximize=objective["Type"] == "Maximize")
    if not order[0].counts:
        reasons = "; ".join(f"{each.name}: {each.reason or 'its log reports no objective'}" for each in trials)
        raise StepError(f"all {len(trials)} jobs failed. {reasons}", code=min(each.code or 1 for each in trials))
    return _tuning_result(arguments, order, context)


def count_usable_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _run_trials(arguments: JsonObject, tried: list[HyperparameterValues], context: StepContext) -> list[TuningTrial]:
    """Train with each of `tried`, as many at once as asked for and as there are cores."""
    limit = arguments["HyperParameterTuningJobConfig"]["ResourceLimits"]["MaxParallelTrainingJobs"]
    at_once = max(1, min(limit, len(tried), count_usable_cores()))
    share = JobsProgress(len(tried), context.line)
    # Jobs that each took all cores would only wait for one another.
    environment = {"OMP_NUM_THREADS": str(max(1, count_usable_cores() // at_once))}

    def one(number: int) -> TuningTrial:
        name = f"{number + 1:03d}"
        child = dataclasses.replace(
            context,
            step=f"{context.step}-{name}",
            folder=context.folder / name,
            line=lambda line: share.take(number, line),
        )
        trial = _run_trial(arguments, tried[number], child, environment)
        share.end(number)
        if not context.stop.is_set():
            context.say(f"job {number + 1} of {len(tried)}: {trial.told}")
        return trial

    with ThreadPoolExecutor(at_once, thread_name_prefix=context.step) as pool:
        return list(pool.map(one, range(len(tried))))


def _run_trial(
    arguments: JsonObject, values: HyperparameterValues, context: StepContext, environment: dict[str, str]
) -> TuningTrial:
    objective = arguments["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]
    log = ObjectiveLog(objective["MetricName"], context.line)
    job = _training_job_arguments(arguments["TrainingJobDefinition"], values, environment)
    trial = TuningTrial(
        context.job_name, context.identity.arn("training-job", context.job_name), values, utc_timestamp()
    )
    if context.stop.is_set():
        return dataclasses.replace(trial, ended=utc_timestamp(), reason="stopped")
    try:
        context.folder.mkdir(parents=True, exist_ok=True)
        result = training_step.execute_training_step(job, dataclasses.replace(context, line=log))
    except StoppedError:
        return dataclasses.replace(trial, ended=utc_timestamp(), reason="stopped")
    except StepError as error:
        return dataclasses.replace(trial, ended=utc_timestamp(), reason=str(error), code=error.exit_code)
    return dataclasses.replace(trial, ended=utc_timestamp(), objective=log.value, uri=result.outputs["model"])


def _training_job_arguments(
    definition: JsonObject, values: HyperparameterValues, environment: dict[str, str]
) -> JsonObject:
    """Return one job of the tuning in the words of CreateTrainingJob."""
    own = {name: value for name, value in definition.items() if name != _STATIC}
    return own | {
        "HyperParameters": definition.get(_STATIC, {}) | values,
        "Environment": environment | definition.get("Environment", {}),
    }


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
