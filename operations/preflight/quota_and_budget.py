# SPDX-License-Identifier: MIT-0
"""Compares quotas with what the deployment needs, and its estimated cost with the budget of the settings.

The quotas of GPU types and of builds are 0 in many new accounts. Service Quotas lists the values that apply to the
account, but for some quotas only AWS's defaults. Quotas of instances and builds are found by their names, because their
codes follow no rule. Sources: Service Quotas API Reference; the names as ResourceLimitExceeded and the console spell
them; CodeBuild User Guide, "Quotas for AWS CodeBuild".
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from operations.preflight.preflight_check import CheckContext, PreflightFinding, failed, ok, warning
from operations.preflight.preflight_requirements import BuildRequirement, DeploymentRequirements, InstanceRequirement

ServiceQuota: TypeAlias = dict[str, Any]

QUOTA_PERMISSIONS: Final = ("servicequotas:ListServiceQuotas", "servicequotas:ListAWSDefaultServiceQuotas")
_SAGEMAKER: Final = "sagemaker"
_CODEBUILD: Final = "codebuild"
_APPLIED_OPERATION: Final = "list_service_quotas"
_DEFAULT_OPERATION: Final = "list_aws_default_service_quotas"
# Quotas of all types together; no such one is known for spot capacity.
_QUOTAS_OF_ALL_TYPES: Final = {
    "processing job": "Number of instances across all processing jobs",
    "training job": "Number of instances across all training jobs",
    "transform job": "Number of instances across all transform jobs",
    "endpoint": "Number of instances across active endpoints",
}
_ITEMIZE_HINT: Final = "make cost itemizes it"


def check_quotas(context: CheckContext) -> Iterator[PreflightFinding]:
    """Yield a finding for the quota of each usage and instance type, of all types together, and of builds."""
    yield from _instance_quota_findings(context)
    if context.requirements.builds:
        yield _build_quota_finding(context, context.requirements.builds)


def _build_quota_finding(context: CheckContext, builds: BuildRequirement) -> PreflightFinding:
    """Return whether a push can be built: CodeBuild refuses to queue more than five times the quota."""
    names = {builds.quota}
    found = _list_quotas(context, _APPLIED_OPERATION, names, _CODEBUILD) or _list_quotas(
        context, _DEFAULT_OPERATION, names, _CODEBUILD
    )
    if not found:
        return warning(
            f"Service Quotas has no {builds.quota!r} in {context.account.region}",
            f"Look for it: {context.account.page('servicequotas/home/services/codebuild/quotas')}",
        )
    quota = found[builds.quota]
    value = math.floor(quota["Value"])
    sentence = f"{builds.quota}: {value}, a push needs {builds.needed}"
    if value < builds.needed:
        remedy = _increase_command(
            context, quota, builds.needed, _CODEBUILD, f"leave {builds.setting} empty, so that no push is built"
        )
        return failed(f"{sentence}: its build is refused", remedy)
    if value < builds.most:
        remedy = _increase_command(context, quota, builds.most, _CODEBUILD, "let reviews wait")
        return warning(f"{sentence}; a review of a pull request waits until the build has ended", remedy)
    return ok(sentence)


def _instance_quota_findings(context: CheckContext) -> Iterator[PreflightFinding]:
    wanted = {name: each for each in context.requirements.instances if (name := _quota_name(each))}
    found = _list_quotas(context, _APPLIED_OPERATION, set(wanted))
    if missing := wanted.keys() - found.keys():
        found |= _list_quotas(context, _DEFAULT_OPERATION, set(missing))
    for name, instances in wanted.items():
        if name in found:
            yield _quota_finding(context, instances, found[name])
        elif instances.type:
            yield _unknown_quota_finding(context, instances, name)


def _quota_name(instances: InstanceRequirement) -> str:
    """Return the name of the quota; empty where there is none."""
    return (
        f"{instances.type} for {instances.usage} usage"
        if instances.type
        else _QUOTAS_OF_ALL_TYPES.get(instances.usage, "")
    )


def _list_quotas(
    context: CheckContext, operation: str, names: set[str], service: str = _SAGEMAKER
) -> dict[str, ServiceQuota]:
    """Return those of `names` that `operation` lists with a value; stops at the page that completes them."""
    found: dict[str, ServiceQuota] = {}
    if not names:
        return found
    pages = context.account.client("service-quotas").get_paginator(operation)
    for page in pages.paginate(ServiceCode=service, PaginationConfig={"PageSize": 100}):
        found |= {each["QuotaName"]: each for each in page["Quotas"] if each["QuotaName"] in names and "Value" in each}
        if found.keys() == names:
            break
    return found


def _quota_finding(context: CheckContext, instances: InstanceRequirement, quota: ServiceQuota) -> PreflightFinding:
    value = math.floor(quota["Value"])
    sentence = f"{quota['QuotaName']}: {value}, needs {instances.needed} ({instances.used_by})"
    if value < instances.needed:
        return failed(sentence, _increase_remedy(context, instances, quota, instances.needed))
    if value < instances.most:
        sentence += f"; autoscaling may use {instances.most}"
        return warning(sentence, _increase_remedy(context, instances, quota, instances.most))
    return ok(sentence)


def _increase_remedy(
    context: CheckContext, instances: InstanceRequirement, quota: Mapping[str, Any], value: int
) -> str:
    other = f"choose another type ({instances.setting})" if instances.type else "let fewer run at a time"
    return _increase_command(context, quota, value, _SAGEMAKER, other)


def _increase_command(context: CheckContext, quota: Mapping[str, Any], value: int, service: str, other: str) -> str:
    """Return the command that requests a higher quota, and the alternative."""
    if not quota.get("Adjustable", True):
        return f"It is not adjustable: {other}."
    return (
        f"aws service-quotas request-service-quota-increase --region {context.account.region} --service-code {service} "
        f"--quota-code {quota['QuotaCode']} --desired-value {value} (AWS may take days); or {other}"
    )


def _unknown_quota_finding(context: CheckContext, instances: InstanceRequirement, name: str) -> PreflightFinding:
    return warning(
        f"Service Quotas has no {name!r} in {context.account.region}: the type may not be available there",
        f"Look for it: {context.account.page('servicequotas/home/services/sagemaker/quotas')}; or choose another type "
        f"({instances.setting}).",
    )


def check_budget(requirements: DeploymentRequirements) -> Iterator[PreflightFinding]:
    """Yield whether the estimate is within the budget, and what the estimate leaves out."""
    cost, budget = requirements.cost, requirements.budget
    told = f"an idle month: ${cost.month:.2f}; a retraining: ${cost.retraining:.2f}"
    if not budget:
        remedy = f"Set budget.monthly_usd; {_ITEMIZE_HINT}."
        yield warning(f"{told}; no budget is set, so no alert is sent", remedy)
    elif cost.month > budget:
        remedy = f"Raise budget.monthly_usd, or choose fewer or smaller instances; {_ITEMIZE_HINT}."
        yield failed(f"{told}; the budget is ${budget}", remedy)
    elif cost.month + cost.scaled > budget:
        remedy = f"Lower production.maximum or staging.maximum, or raise budget.monthly_usd; {_ITEMIZE_HINT}."
        sentence = f"{told}; all instances of autoscaling add ${cost.scaled:.2f}; the budget is ${budget}"
        yield warning(sentence, remedy)
    else:
        yield ok(f"{told}; the budget is ${budget} ({cost.source})")
    if cost.uncounted:
        remedy = "Add the price to stacks/settings/aws_prices.py, or look it up before deploying."
        yield warning(f"not in the estimate, because the price is unknown: {'; '.join(cost.uncounted)}", remedy)
