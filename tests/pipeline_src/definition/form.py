# SPDX-License-Identifier: MIT-0
"""The shape of the document: what neither botocore's model nor the graph can tell.

Sources: the SageMaker Python SDK's entities (step, condition and parameter types, cache and property files).
"""

import re
from collections.abc import Iterator
from typing import Any

from tests.pipeline_src.definition import walk

_TOP = {"Version", "Metadata", "Parameters", "Steps"}
_STEP = {"Name", "Type", "Arguments", "DependsOn", "DisplayName", "Description", "RetryPolicies"}
_CACHED = {"Processing", "Training", "Transform", "Tuning"}
STEP_TYPES = _CACHED | {"Model", "RegisterModel", "Condition", "Fail"}
_REQUESTS = {"Step.SERVICE_FAULT", "Step.THROTTLING"}
_STARTED = _REQUESTS | {"SageMaker.CAPACITY_ERROR", "SageMaker.RESOURCE_LIMIT"}
_LOST = "SageMaker.JOB_INTERNAL_ERROR"
# Step type -> the faults after which the service tries such a step again if a policy says so (Developer Guide, "Retry
# Policy for Pipeline Steps"); jobs of a tuning are not, and the SDK refuses policies of jobs where there is no job.
_RETRIED = {kind: _STARTED | {_LOST} for kind in ("Processing", "Training", "Transform")}
_RETRIED |= {"Tuning": _STARTED, "Model": _REQUESTS, "RegisterModel": _REQUESTS}
_COMPARISONS = {"Equals", "GreaterThan", "GreaterThanOrEqualTo", "LessThan", "LessThanOrEqualTo"}
_PARAMETER_TYPES = {"String": str, "Integer": int, "Float": float, "Boolean": bool}
_DURATION = re.compile(r"P(?=.)(\d+Y)?(\d+M)?(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+S)?)?")
_NAME = re.compile(r"[A-Za-z0-9\-_]{1,64}")


def problems(document: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the form of `document`."""
    yield from (f"document: unknown key {key}" for key in sorted(document.keys() - _TOP))
    yield from (f"document: no {key}" for key in sorted(_TOP - document.keys()))
    if document.get("Version") != "2020-12-01":
        yield "document: Version is not 2020-12-01"
    for parameter in document["Parameters"]:
        yield from _parameter(parameter)
    for step in walk.steps(document):
        yield from (f"{step.get('Name')}: {problem}" for problem in _step(step))
        for _, value in walk.places(walk.own_arguments(step)):
            yield from (f"{step.get('Name')}: {problem}" for problem in _function(value))


def _parameter(parameter: dict[str, Any]) -> Iterator[str]:
    name, default = parameter.get("Name"), parameter.get("DefaultValue")
    kind = _PARAMETER_TYPES.get(parameter.get("Type", ""))
    if kind is None:
        yield f"parameter {name}: unknown type {parameter.get('Type')}"
    elif type(default) is not kind:
        yield f"parameter {name}: default {default!r} is no {parameter['Type']}"
    if "EnumValues" in parameter and default not in parameter["EnumValues"]:
        yield f"parameter {name}: default {default!r} is none of its values"


def _step(step: dict[str, Any]) -> Iterator[str]:
    kind = step.get("Type", "")
    if kind not in STEP_TYPES:
        yield f"unknown step type {kind}"
    if not _NAME.fullmatch(step.get("Name", "")):
        yield "its name is none that the service takes"
    known = (
        _STEP | ({"CacheConfig"} if kind in _CACHED else set()) | ({"PropertyFiles"} if kind == "Processing" else set())
    )
    yield from (f"unknown key {key}" for key in sorted(step.keys() - known))
    yield from _retries(step)
    if "CacheConfig" in step:
        yield from _cache(step["CacheConfig"])
    if kind == "Processing":
        yield from _folders(step["Arguments"])
    if kind == "Condition":
        yield from _condition(step["Arguments"])
    if kind == "Fail" and set(step["Arguments"]) != {"ErrorMessage"}:
        yield "a Fail step takes ErrorMessage alone"


def _retries(step: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the retry policies of a step: each fault that its type may answer has one, bounded."""
    policies = step.get("RetryPolicies", [])
    found = sorted(exception for policy in policies for exception in policy.get("ExceptionType", []))
    wanted = sorted(_RETRIED.get(step.get("Type", ""), ()))
    if found != wanted:
        yield f"it is tried again after {found}, not after {wanted}"
    for policy in policies:
        numbers = {key: policy.get(key) for key in ("IntervalSeconds", "BackoffRate", "MaxAttempts")}
        if set(policy) != {"ExceptionType", *numbers}:
            yield f"retry policy of {sorted(policy)}; MaxAttempts bounds it, and ExpireAfterMin then may not"
        elif not (
            1 <= numbers["IntervalSeconds"] <= 43_200
            and 1 <= numbers["BackoffRate"] <= 4
            and 1 <= numbers["MaxAttempts"] <= 20
        ):
            yield f"retry policy with {numbers}"


def _function(value: Any) -> Iterator[str]:
    """Yield what is wrong if `value` is a function: botocore never sees one."""
    name = next((key for key in value if key.startswith("Std:")), None) if isinstance(value, dict) else None
    if name is None:
        return
    given = value[name]
    if len(value) > 1 or name not in ("Std:Join", "Std:JsonGet"):
        yield f"unknown function {sorted(value)}"
    elif name == "Std:JsonGet" and not (
        set(given) == {"PropertyFile", "Path"} and walk.is_function(given["PropertyFile"])
    ):
        yield f"Std:JsonGet of {given}"
    elif name == "Std:Join" and not (
        set(given) == {"On", "Values"} and given["Values"] and all(map(_value, given["Values"]))
    ):
        yield f"Std:Join of {given}"


def _value(value: Any) -> bool:
    return isinstance(value, str) or walk.is_function(value)


def _cache(config: dict[str, Any]) -> Iterator[str]:
    if not isinstance(config.get("Enabled"), bool):
        yield "CacheConfig.Enabled is no boolean"
    if not _DURATION.fullmatch(config.get("ExpireAfter", "")):
        yield f"CacheConfig.ExpireAfter {config.get('ExpireAfter')!r} is no ISO 8601 duration"


def _folders(arguments: dict[str, Any]) -> Iterator[str]:
    inputs = [(each["InputName"], each.get("S3Input", {})) for each in arguments.get("ProcessingInputs", [])]
    outputs = arguments.get("ProcessingOutputConfig", {}).get("Outputs", [])
    for direction, name, place in [
        *(("input", name, place) for name, place in inputs),
        *(("output", each.get("OutputName"), each.get("S3Output", {})) for each in outputs),
    ]:
        # The service's model calls LocalPath optional; the job would find or leave nothing there.
        if place.get("LocalPath") != f"/opt/ml/processing/{direction}/{name}":
            yield f"{direction} {name}: LocalPath {place.get('LocalPath')!r} is not its folder"


def _condition(arguments: dict[str, Any]) -> Iterator[str]:
    if not arguments.get("Conditions"):
        yield "no conditions"
    for condition in arguments.get("Conditions", []):
        if condition.get("Type") not in _COMPARISONS:
            yield f"unknown condition type {condition.get('Type')}"
        if set(condition) != {"Type", "LeftValue", "RightValue"}:
            yield f"condition of {sorted(condition)}"
    for branch in ("IfSteps", "ElseSteps"):
        if not arguments.get(branch):
            yield f"{branch} is empty, so that branch ends as Succeeded and says nothing"
