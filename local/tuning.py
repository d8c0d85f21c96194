# SPDX-License-Identifier: MIT-0
"""A Tuning step: several trainings of the built-in algorithm's stand-in at once, of which the best counts.

Each job has a folder of its own below the step's, ``Train/001`` and so on, with logs and /opt/ml. A job that fails
does not end the others; only if all do, the step fails.
Source: SageMaker API Reference, CreateHyperParameterTuningJob and DescribeHyperParameterTuningJob.
"""

import dataclasses
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from local import search, training
from local.document import Object
from local.error import StepError, StoppedError
from local.execution import now
from local.search import Values
from local.share import Share
from local.step import Context, Result
from local.trial import Log, Trial, ranked

# What a training job is told otherwise than a tuning tells it.
_STATIC: Final = "StaticHyperParameters"


def execute(arguments: Object, context: Context) -> Result:
    """Train with each set of hyperparameters, and return what the service describes of the tuning.

    Raises:
        StepError: No job left a model and reported the objective.
        StoppedError: It was stopped.
    """
    config = arguments["HyperParameterTuningJobConfig"]
    trials = _run(arguments, search.configurations(config), context)
    if context.stop.is_set():
        raise StoppedError("stopped")
    objective = config["HyperParameterTuningJobObjective"]
    order = ranked(trials, maximize=objective["Type"] == "Maximize")
    if not order[0].counts:
        reasons = "; ".join(f"{each.name}: {each.reason or 'its log reports no objective'}" for each in trials)
        raise StepError(f"all {len(trials)} jobs failed. {reasons}", code=min(each.code or 1 for each in trials))
    return _result(arguments, order, context)


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _run(arguments: Object, tried: list[Values], context: Context) -> list[Trial]:
    """Train with each of `tried`, as many at once as asked for and as there are cores."""
    limit = arguments["HyperParameterTuningJobConfig"]["ResourceLimits"]["MaxParallelTrainingJobs"]
    at_once = max(1, min(limit, len(tried), cores()))
    share = Share(len(tried), context.line)
    # Jobs that each took all cores would only wait for one another.
    environment = {"OMP_NUM_THREADS": str(max(1, cores() // at_once))}

    def one(number: int) -> Trial:
        name = f"{number + 1:03d}"
        child = dataclasses.replace(
            context,
            step=f"{context.step}-{name}",
            folder=context.folder / name,
            line=lambda line: share.take(number, line),
        )
        trial = _train(arguments, tried[number], child, environment)
        share.end(number)
        if not context.stop.is_set():
            context.say(f"job {number + 1} of {len(tried)}: {trial.told}")
        return trial

    with ThreadPoolExecutor(at_once, thread_name_prefix=context.step) as pool:
        return list(pool.map(one, range(len(tried))))


def _train(arguments: Object, values: Values, context: Context, environment: dict[str, str]) -> Trial:
    objective = arguments["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]
    log = Log(objective["MetricName"], context.line)
    job = _job(arguments["TrainingJobDefinition"], values, environment)
    trial = Trial(context.job_name, context.identity.arn("training-job", context.job_name), values, now())
    if context.stop.is_set():
        return dataclasses.replace(trial, ended=now(), reason="stopped")
    try:
        context.folder.mkdir(parents=True, exist_ok=True)
        result = training.execute(job, dataclasses.replace(context, line=log))
    except StoppedError:
        return dataclasses.replace(trial, ended=now(), reason="stopped")
    except StepError as error:
        return dataclasses.replace(trial, ended=now(), reason=str(error), code=error.exit_code)
    return dataclasses.replace(trial, ended=now(), objective=log.value, uri=result.outputs["model"])


def _job(definition: Object, values: Values, environment: dict[str, str]) -> Object:
    """Return one job of the tuning in the words of CreateTrainingJob."""
    own = {name: value for name, value in definition.items() if name != _STATIC}
    return own | {
        "HyperParameters": definition.get(_STATIC, {}) | values,
        "Environment": environment | definition.get("Environment", {}),
    }


def _result(arguments: Object, order: list[Trial], context: Context) -> Result:
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
    return Result(arguments | described, {"TuningJob": {"Arn": arn}}, {"model": str(order[0].uri)})
