# SPDX-License-Identifier: MIT-0
# ruff: noqa: ANN401  the SDK has no types
"""Train as a tuning: several trainings with other hyperparameters, of which the best goes on.

Standard library only: plain values, in the words of the SageMaker SDK's classes, which pipeline.py hands them to, and
what is read from the step's properties: the answer of DescribeHyperParameterTuningJob.
Sources: SageMaker Developer Guide, "Perform Automatic Model Tuning" and "Tune an Image Classification Model".
"""

from typing import Any, Final

from pipeline_src import contract, hyperparameter, retry_policies
from pipeline_src.deployment import Tuning

# Random search draws the same values for the same seed, however its jobs are spread over time (docs/decisions/0017).
# The SDK leaves a seed of 0 out.
SEED: Final = 20
# What the SDK's tuner does not hand on from the trainer to the request, or has no word for. A job that the service
# loses is tried again by the tuning, within the limit of the job's time.
ADDED: Final = {
    "EnableNetworkIsolation": True,
    "EnableInterContainerTrafficEncryption": True,
    "RetryStrategy": {"MaximumRetryAttempts": retry_policies.LOST_JOB.attempts},
}


def tuner(given: Tuning) -> dict[str, Any]:
    """Return how hyperparameters are looked for, in the words of the SDK's HyperparameterTuner.

    Jobs are not stopped early: which one is would depend on the order in which they end, and the algorithm itself
    stops when it improves no more.
    """
    return {
        "objective_metric_name": hyperparameter.OBJECTIVE,
        "objective_type": "Maximize",
        "strategy": "Random",
        "random_seed": SEED,
        "max_jobs": given.jobs,
        "max_parallel_jobs": given.parallel,
        "early_stopping_type": "Off",
    }


def artifact(properties: Any) -> list[Any]:
    """Return the parts of the URI of the best job's model.

    Where the jobs wrote is asked of the step: where an earlier execution's result is used again, they wrote below that
    execution's folder.
    """
    output = properties.TrainingJobDefinition.OutputDataConfig.S3OutputPath
    return [output, properties.BestTrainingJob.TrainingJobName, "output", contract.MODEL_ARTIFACT]


def facts(given: Tuning, properties: Any, join: Any) -> dict[str, Any]:
    """Return what the report notes of a tuning: how many of its jobs were completed, and the values that were best."""
    best = properties.BestTrainingJob.TunedHyperParameters
    return {
        "TuningJobs": _completed(given, properties, join),
        **{each.noted: best[each.name] for each in hyperparameter.RANGES},
    }


def metadata(given: Tuning, properties: Any, join: Any) -> dict[str, Any]:
    """Return what the model package says of a tuning: the same."""
    best = properties.BestTrainingJob.TunedHyperParameters
    return {
        "tuning_jobs": _completed(given, properties, join),
        **{f"tuned_{each.name}": best[each.name] for each in hyperparameter.RANGES},
    }


def _completed(given: Tuning, properties: Any, join: Any) -> Any:
    return join(" ", [properties.TrainingJobStatusCounters.Completed, "of", str(given.jobs)])
