# SPDX-License-Identifier: MIT-0
"""A tuning in place of one training: whether it is wanted, and what it costs at most. Pure functions over settings.

The most is a bound, not an estimate: each job takes as long as it may. Prices stand in price.py, with their source.
"""

from typing import Final

from stacks import price
from stacks.settings import Training

# After so many the service ends a job; a test compares it with the pipeline's definition.
HOURS_AT_MOST: Final = 6
# The service's default quota of training jobs that one tuning runs at the same time.
PARALLEL_AT_MOST: Final = 10


def jobs(training: Training) -> int:
    """Return how many trainings there are."""
    return training.tuning_jobs or 1


def at_once(training: Training) -> int:
    """Return how many trainings run at the same time."""
    return training.tuning_parallel if training.tuning_jobs else 1


def at_most(training: Training) -> float | None:
    """Return what a tuning costs in dollars if each job takes the longest; None where the price is not known."""
    hourly = price.INSTANCE_HOUR.get(training.train_instance)
    return None if hourly is None else hourly * training.train_instances * HOURS_AT_MOST * training.tuning_jobs
