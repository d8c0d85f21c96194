# SPDX-License-Identifier: MIT-0
"""Retry policies: the failures of AWS after which each kind of step is tried again, and how often.

Standard library only; pipeline.py converts them to the SDK's policies. A job's own failure is final: the same data
fails again. The number of attempts is bounded, so that a step ends at the latest after `longest_wait` plus the time
of its jobs. Source: SageMaker Developer Guide, "Retry Policy for Pipeline Steps".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class RetryPolicy:
    """One policy.

    Attributes:
        exceptions: What the service calls the failures that it answers.
        seconds: Wait before the first attempt more.
        attempts: The most attempts more.
        backoff: Factor by which the wait grows with each.
    """

    exceptions: tuple[str, ...]
    seconds: int
    attempts: int
    backoff: float = 2.0

    @property
    def longest_wait(self) -> float:
        """Seconds that all its waits take together."""
        return sum(self.seconds * self.backoff**number for number in range(self.attempts))


# A request that a service throttled or failed to answer: ten minutes outlast a burst of other requests. Pipelines
# tries these again by itself, within bounds that are not documented.
REQUEST: Final = RetryPolicy(("Step.SERVICE_FAULT", "Step.THROTTLING"), seconds=10, attempts=6)
# The quota is used up, as by another execution. Half an hour: a quota of 0 is to be told the same hour.
QUOTA: Final = RetryPolicy(("SageMaker.RESOURCE_LIMIT",), seconds=60, attempts=5)
# EC2 has no such instance now. An hour; who waits longer chooses another type.
CAPACITY: Final = RetryPolicy(("SageMaker.CAPACITY_ERROR",), seconds=120, attempts=5)
# The service lost the job. Each attempt costs a job, so there are two.
LOST_JOB: Final = RetryPolicy(("SageMaker.JOB_INTERNAL_ERROR",), seconds=60, attempts=2)

_JOB: Final = (REQUEST, QUOTA, CAPACITY, LOST_JOB)
# Condition and Fail take no policy. A Model and a RegisterModel step start no job. A tuning's jobs are tried again by
# the tuning itself, as LOST_JOB says, and no policy of the step's does it.
RETRY_POLICIES: Final[Mapping[str, tuple[RetryPolicy, ...]]] = {
    "Processing": _JOB,
    "Training": _JOB,
    "Transform": _JOB,
    "Tuning": (REQUEST, QUOTA, CAPACITY),
    "Model": (REQUEST,),
    "RegisterModel": (REQUEST,),
}
