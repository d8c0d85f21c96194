# SPDX-License-Identifier: MIT-0
"""The retry policies of a step: which ones the service takes, and trying again as they say.

Source: SageMaker Developer Guide, "Retry Policy for Pipeline Steps"; of Model and RegisterModel steps the SDK, which
refuses policies of jobs for them.
"""

from collections import Counter
from collections.abc import Callable
from typing import Final

from local.engine.pipeline_definition import PipelineStep
from local.errors import DefinitionError, ServiceFaultError, suggest_known_names
from local.json_files import JsonObject

_REQUESTS: Final = ("Step.SERVICE_FAULT", "Step.THROTTLING")
_STARTED: Final = (*_REQUESTS, "SageMaker.CAPACITY_ERROR", "SageMaker.RESOURCE_LIMIT")
_ANSWERED: Final = {
    "Processing": (*_STARTED, "SageMaker.JOB_INTERNAL_ERROR"),
    "Training": (*_STARTED, "SageMaker.JOB_INTERNAL_ERROR"),
    "Transform": (*_STARTED, "SageMaker.JOB_INTERNAL_ERROR"),
    # A tuning tries its jobs again by itself.
    "Tuning": _STARTED,
    "Model": _REQUESTS,
    "RegisterModel": _REQUESTS,
}
_FIELDS: Final = {"ExceptionType", "IntervalSeconds", "BackoffRate", "MaxAttempts"}
_MOST: Final = {"IntervalSeconds": 43_200, "MaxAttempts": 20}
_ATTEMPTS: Final = 5  # where a policy names no bound


def check_retry_policies(step: PipelineStep) -> None:
    """Refuse a policy that the service would refuse or never apply, and a bound in minutes.

    Raises:
        DefinitionError: There is one.
    """
    place = f"step {step.name!r}"
    for policy in step.body.get("RetryPolicies", []):
        if step.kind not in _ANSWERED:
            raise DefinitionError(f"{place}: a {step.kind} step takes no RetryPolicies. Drop them.")
        for key in policy:
            if key not in _FIELDS:
                raise DefinitionError(f"{place}: cannot retry by {key!r}. {suggest_known_names(key, _FIELDS)}")
        for exception in policy.get("ExceptionType", []):
            if exception not in _ANSWERED[step.kind]:
                known = suggest_known_names(exception, _ANSWERED[step.kind])
                raise DefinitionError(f"{place}: a {step.kind} step cannot retry on {exception!r}. {known}")
        for key, most in _MOST.items():
            if not 0 <= policy.get(key, 0) <= most:
                raise DefinitionError(f"{place}: {key} {policy[key]}: the service takes 0 to {most}.")


def run_with_retries(
    step: PipelineStep, attempt: Callable[[], JsonObject], wait: Callable[[float, str], None]
) -> JsonObject:
    """Return what `attempt` returns, made again after faults of the service as often as the policies of `step` say.

    Args:
        step: The step.
        attempt: Carries it out once.
        wait: Waits some seconds, and says why.

    Raises:
        ServiceFaultError: No policy answers the fault, or its attempts are used up.
    """
    used: Counter[int] = Counter()
    while True:
        try:
            return attempt() | {"AttemptCount": used.total() + 1}
        except ServiceFaultError as fault:
            number, policy = _answering(step, fault.exception)
            if used[number] >= policy.get("MaxAttempts", _ATTEMPTS):
                raise
            seconds = policy.get("IntervalSeconds", 1) * policy.get("BackoffRate", 2.0) ** used[number]
            used[number] += 1
            wait(seconds, f"{fault} Tried again in {seconds:g} s.")


def _answering(step: PipelineStep, exception: str) -> tuple[int, JsonObject]:
    """Return the policy that answers `exception`, with its number; one of no attempts where there is none."""
    policies = enumerate(step.body.get("RetryPolicies", []))
    found = ((number, policy) for number, policy in policies if exception in policy["ExceptionType"])
    return next(found, (-1, {"MaxAttempts": 0}))
