# SPDX-License-Identifier: MIT-0
"""Checks and applies the retry policies of a step.

Source: SageMaker Developer Guide, "Retry Policy for Pipeline Steps"; for Model and RegisterModel steps the SageMaker
SDK, which rejects job policies for them.
"""

from collections import Counter
from collections.abc import Callable
from typing import Final

from local.engine.json_shapes import NUMBER, TEXTS, JsonShape, WholeNumber
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
_MAXIMUM_RATE: Final = 100  # of the engine, so that the waits stay finite
RETRY_POLICY_SHAPE: Final[dict[str, JsonShape]] = {
    "ExceptionType": TEXTS,
    "IntervalSeconds": WholeNumber(0, 43_200),
    "BackoffRate": NUMBER,
    "MaxAttempts": WholeNumber(0, 20),
}
_LONGEST_WAIT: Final = 7 * 86_400.0  # seconds
_DEFAULT_ATTEMPTS: Final = 5


def check_retry_policies(step: PipelineStep) -> None:
    """Check the retry policies of `step`.

    Raises:
        DefinitionError: The service would reject or never apply a policy.
    """
    place = f"step {step.name!r}"
    for policy in step.body.get("RetryPolicies", []):
        if step.kind not in _EXCEPTIONS_BY_STEP_TYPE:
            raise DefinitionError(f"{place}: a {step.kind} step takes no RetryPolicies. Remove them.")
        for exception in policy.get("ExceptionType", []):
            if exception not in _EXCEPTIONS_BY_STEP_TYPE[step.kind]:
                known = suggest_known_names(exception, _EXCEPTIONS_BY_STEP_TYPE[step.kind])
                raise DefinitionError(f"{place}: a {step.kind} step cannot retry on {exception!r}. {known}")
        rate = policy.get("BackoffRate", 1)
        if not 0 <= rate <= _MAXIMUM_RATE:
            raise DefinitionError(f"{place}: BackoffRate {rate}: the local engine takes 0 to {_MAXIMUM_RATE}.")


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
            covering = (
                (number, policy) for number, policy in policies if fault.exception in policy.get("ExceptionType", ())
            )
            number, policy = next(covering, (-1, {"MaxAttempts": 0}))
            if used[number] >= policy.get("MaxAttempts", _DEFAULT_ATTEMPTS):
                raise
            seconds = policy.get("IntervalSeconds", 1) * policy.get("BackoffRate", 2.0) ** used[number]
            seconds = min(seconds, _LONGEST_WAIT)
            used[number] += 1
            wait(seconds, f"{fault} Retrying in {seconds:g} s.")
