# SPDX-License-Identifier: MIT-0
"""Prices in US dollars, on demand, us-east-1, and the upper bound of a tuning's cost.

List prices as of November 2026, from public pages where they could be confirmed and from memory elsewhere; they are not
looked up live. Check what you rely on. No free tier is counted. The cost of a tuning is a bound, not an estimate: each
job is assumed to take its maximum time.
"""

from typing import Final

from pipeline_src.algorithms.algorithm_table import find_algorithm
from stacks.settings.deployment_settings import TrainingSettings

PRICES_AS_OF: Final = "November 2026"
PRICES_SOURCE: Final = "from public pages where they could be confirmed and from memory elsewhere; not looked up live"
PRICES_REGION: Final = "us-east-1"

# An hour of an instance, for whatever SageMaker uses it.
INSTANCE_HOUR: Final = {
    "ml.c5.large": 0.102,
    "ml.c5.xlarge": 0.204,
    "ml.c5.2xlarge": 0.408,
    "ml.c5.4xlarge": 0.816,
    "ml.m5.large": 0.115,
    "ml.m5.xlarge": 0.23,
    "ml.m5.2xlarge": 0.461,
    "ml.m5.4xlarge": 0.922,
    "ml.g4dn.xlarge": 0.7364,
    "ml.g5.xlarge": 1.408,
}
# Managed spot training: the least that is paid of the price above.
SPOT_SHARE: Final = 0.3
INSTANCE_VOLUME_GB_MONTH: Final = 0.14
BUILD_MINUTE: Final = 0.01  # general1.medium on Linux
ACTION_MINUTE: Final = 0.002  # CodePipeline V2; a manual approval costs nothing
STATE_TRANSITION: Final = 0.000025
KEY_MONTH: Final = 1.0
ALARM_MONTH: Final = 0.10
METRIC_MONTH: Final = 0.30  # of our own; paid for the hours in which it is sent
DASHBOARD_MONTH: Final = 3.0
STORED_GB_MONTH: Final = 0.023
IMAGE_GB_MONTH: Final = 0.10  # in the registry of container images


# The service's default quota of training jobs that one tuning runs at the same time.
MAXIMUM_PARALLEL_JOBS: Final = 10


def count_training_jobs(training: TrainingSettings) -> int:
    """Return how many trainings there are."""
    return training.tuning_jobs or 1


def count_parallel_jobs(training: TrainingSettings) -> int:
    """Return how many trainings run at the same time."""
    return training.tuning_parallel if training.tuning_jobs else 1


def maximum_tuning_cost(training: TrainingSettings) -> float | None:
    """Return what a tuning costs in dollars if each job takes the longest; None where the price is not known."""
    hourly, hours = INSTANCE_HOUR.get(training.train_instance_type), find_algorithm(training.algorithm).maximum_hours
    return None if hourly is None else hourly * training.train_instances * hours * training.tuning_jobs
