# SPDX-License-Identifier: MIT-0
"""Checks and applies the retry policies of a step.

Source: SageMaker Developer Guide, "Retry Policy for Pipeline Steps"; for Model and RegisterModel steps the SageMaker
SDK, which rejects job policies for them.
"""

from collections import Counter
from collections.abc import Callable
from typing import Final

from local.engine.pipeline_definition import PipelineStep
from local.errors import DefinitionError, ServiceFaultError, suggest_known_names
from local.json_files import JsonObject

_REQUEST_ERRORS: Final = ("Step.SERVICE_FAULT", "Step.THROTTLING")
_START_ERRORS: Final = (*_REQUEST_ERRORS, "SageMaker.CAPACITY_ERROR", "SageMaker.RESOURCE_LIMIT")
_JOB_ERRORS: Final = (*_START_ERRORS, "SageMaker.JOB_INTERNAL_ERROR")
_EXCEPTIONS_BY_STEP_TYPE: Final = {
    "Processing": _JOB_ERRORS,
    "Training": _JOB_ERRORS,
    "Transform": _JOB_ERRORS,
    "Tuning": _START_ERRORS,  # a tuning job retries its training jobs itself
    "Model": _REQUEST_ERRORS,
    "RegisterModel": _REQUEST_ERRORS,
}
_FIELDS: Final = {"ExceptionType", "IntervalSeconds", "BackoffRate", "MaxAttempts"}
_MAXIMUM: Final = {"IntervalSeconds": 43_200, "MaxAttempts": 20}
_DEFAULT_ATTEMPTS: Final = 5


def check_retry_policies(step: PipelineStep) -> None:
    """Check the retry policies of `step`.

    Raises:
        DefinitionError: The service would reject or never apply a policy, or its limit is a time in minutes.
    """
    place = f"step {step.name!r}"
    for policy in step.body.get("RetryPolicies", []):
        if step.kind not in _EXCEPTIONS_BY_STEP_TYPE:
            raise DefinitionError(f"{place}: a {step.kind} step takes no RetryPolicies. Remove them.")
        for key in policy:
            if key not in _FIELDS:
                raise DefinitionError(f"{place}: cannot retry by {key!r}. {suggest_known_names(key, _FIELDS)}")
        for exception in policy.get("ExceptionType", []):
            if exception not in _EXCEPTIONS_BY_STEP_TYPE[step.kind]:
                known = suggest_known_names(exception, _EXCEPTIONS_BY_STEP_TYPE[step.kind])
                raise DefinitionError(f"{place}: a {step.kind} step cannot retry on {exception!r}. {known}")
        for key, maximum in _MAXIMUM.items():
            if not 0 <= policy.get(key, 0) <= maximum:
                raise DefinitionError(f"{place}: {key} {policy[key]}: the service takes 0 to {maximum}.")


def run_with_retries(
    step: PipelineStep, attempt: Callable[[], JsonObject], wait: Callable[[float, str], None]
) -> JsonObject:
    """Return the result of `attempt`, retried after service faults according to the policies of `step`.

    Args:
        step: The step.
        attempt: Runs the step once.
        wait: Called with the seconds to wait and the reason.

    Raises:
        ServiceFaultError: No policy covers the fault, or its attempts are used up.
    """
    used: Counter[int] = Counter()
    while True:
        try:
            return attempt() | {"AttemptCount": used.total() + 1}
        except ServiceFaultError as fault:
            # The first policy that covers the exception applies; without one there is no retry.
            policies = enumerate(step.body.get("RetryPolicies", []))
            covering = ((number, policy) for number, policy in policies if fault.exception in policy["ExceptionType"])
            number, policy = next(covering, (-1, {"MaxAttempts": 0}))
            if used[number] >= policy.get("MaxAttempts", _DEFAULT_ATTEMPTS):
                raise
            seconds = policy.get("IntervalSeconds", 1) * policy.get("BackoffRate", 2.0) ** used[number]
            used[number] += 1
            wait(seconds, f"{fault} Retrying in {seconds:g} s.")
