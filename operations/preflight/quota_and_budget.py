# SPDX-License-Identifier: MIT-0
"""The quotas of SageMaker for the instances and of CodeBuild for the builds that a deployment needs.

Those of GPU types and of builds are 0 in many new accounts.

Service Quotas lists the values that apply to the account, but for some quotas only AWS's defaults. Quotas of instances
and builds are found by their names, because their codes follow no rule. Sources: Service Quotas API Reference; the
names as ResourceLimitExceeded and the console spell them; CodeBuild User Guide, "Quotas for AWS CodeBuild".

The estimated cost of a month against the budget of the settings; nothing is asked of AWS for it.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from operations.preflight.preflight_check import CheckContext, PreflightFinding, PreflightVerdict
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


def check_quotas(look: CheckContext) -> Iterator[PreflightFinding]:
    """Yield how it stands with the quota of each usage and type, with those of all types together, with builds."""
    yield from _instance_quota_findings(look)
    if look.demand.builds:
        yield _build_quota_finding(look, look.demand.builds)


def _build_quota_finding(look: CheckContext, builds: BuildRequirement) -> PreflightFinding:
    """Return whether a push is ever built: CodeBuild refuses to queue more than five times the quota."""
    names = {builds.quota}
    found = _list_quotas(look, _APPLIED_OPERATION, names, _CODEBUILD) or _list_quotas(
        look, _DEFAULT_OPERATION, names, _CODEBUILD
    )
    if not found:
        return PreflightFinding(
            PreflightVerdict.WARNING,
            f"Service Quotas knows no {builds.quota!r} in {look.account.region}",
            f"Look for it: {look.account.page('servicequotas/home/services/codebuild/quotas')}",
        )
    quota = found[builds.quota]
    value = math.floor(quota["Value"])
    sentence = f"{builds.quota}: {value}, a push needs {builds.needed}"
    if value < builds.needed:
        remedy = _increase_command(
            look, quota, builds.needed, _CODEBUILD, f"leave {builds.setting} empty: no push is built then"
        )
        return PreflightFinding(PreflightVerdict.FAILED, f"{sentence}, so that its build is refused", remedy)
    if value < builds.most:
        remedy = _increase_command(look, quota, builds.most, _CODEBUILD, "let reviews wait")
        return PreflightFinding(
            PreflightVerdict.WARNING, f"{sentence}; a review of a pull request waits meanwhile", remedy
        )
    return PreflightFinding(PreflightVerdict.OK, sentence)


def _instance_quota_findings(look: CheckContext) -> Iterator[PreflightFinding]:
    wanted = {name: each for each in look.demand.instances if (name := _quota_name(each))}
    found = _list_quotas(look, _APPLIED_OPERATION, set(wanted))
    if missing := wanted.keys() - found.keys():
        found |= _list_quotas(look, _DEFAULT_OPERATION, set(missing))
    for name, instances in wanted.items():
        if name in found:
            yield _quota_finding(look, instances, found[name])
        elif instances.type:
            yield _unknown_quota_finding(look, instances, name)


def _quota_name(instances: InstanceRequirement) -> str:
    """Return the name of the quota; empty where there is none."""
    return (
        f"{instances.type} for {instances.usage} usage"
        if instances.type
        else _QUOTAS_OF_ALL_TYPES.get(instances.usage, "")
    )


def _list_quotas(
    look: CheckContext, operation: str, names: set[str], service: str = _SAGEMAKER
) -> dict[str, ServiceQuota]:
    """Return those of `names` that `operation` lists with a value; asks for no more pages than it takes."""
    found: dict[str, ServiceQuota] = {}
    if not names:
        return found
    pages = look.account.client("service-quotas").get_paginator(operation)
    for page in pages.paginate(ServiceCode=service, PaginationConfig={"PageSize": 100}):
        found |= {each["QuotaName"]: each for each in page["Quotas"] if each["QuotaName"] in names and "Value" in each}
        if found.keys() == names:
            break
    return found


def _quota_finding(look: CheckContext, instances: InstanceRequirement, quota: ServiceQuota) -> PreflightFinding:
    value = math.floor(quota["Value"])
    sentence = f"{quota['QuotaName']}: {value}, needs {instances.needed} ({instances.used_by})"
    if value < instances.needed:
        return PreflightFinding(
            PreflightVerdict.FAILED, sentence, _increase_remedy(look, instances, quota, instances.needed)
        )
    if value < instances.most:
        sentence += f"; autoscaling may want {instances.most}"
        return PreflightFinding(
            PreflightVerdict.WARNING, sentence, _increase_remedy(look, instances, quota, instances.most)
        )
    return PreflightFinding(PreflightVerdict.OK, sentence)


def _increase_remedy(look: CheckContext, instances: InstanceRequirement, quota: Mapping[str, Any], value: int) -> str:
    other = f"choose another type ({instances.setting})" if instances.type else "let fewer run at a time"
    return _increase_command(look, quota, value, _SAGEMAKER, other)


def _increase_command(look: CheckContext, quota: Mapping[str, Any], value: int, service: str, other: str) -> str:
    """Return the command that asks for a higher quota, and what else helps."""
    if not quota.get("Adjustable", True):
        return f"It cannot be raised: {other}."
    return (
        f"aws service-quotas request-service-quota-increase --region {look.account.region} --service-code {service} "
        f"--quota-code {quota['QuotaCode']} --desired-value {value} (AWS may take days); or {other}"
    )


def _unknown_quota_finding(look: CheckContext, instances: InstanceRequirement, name: str) -> PreflightFinding:
    return PreflightFinding(
        PreflightVerdict.WARNING,
        f"Service Quotas knows no {name!r} in {look.account.region}: it may not have the type",
        f"Look for it: {look.account.page('servicequotas/home/services/sagemaker/quotas')}; or choose another type "
        f"({instances.setting}).",
    )


_ITEMIZE_HINT: Final = "make cost itemizes it"


def check_budget(demand: DeploymentRequirements) -> Iterator[PreflightFinding]:
    """Yield how the estimate stands to the budget, then what the estimate does not know."""
    cost, budget = demand.cost, demand.budget
    told = f"a month in which nothing happens: {cost.month:.2f} $; a retraining: {cost.retraining:.2f} $"
    if not budget:
        remedy = f"Set budget.monthly_usd to what you are ready to spend; {_ITEMIZE_HINT}."
        yield PreflightFinding(
            PreflightVerdict.WARNING, f"{told}; no budget is set, so nothing warns of a bill", remedy
        )
    elif cost.month > budget:
        remedy = f"Raise budget.monthly_usd, or choose fewer or smaller instances; {_ITEMIZE_HINT}."
        yield PreflightFinding(PreflightVerdict.FAILED, f"{told}; the budget is {budget} $", remedy)
    elif cost.month + cost.scaled > budget:
        remedy = f"Lower production.maximum or staging.maximum, or raise budget.monthly_usd; {_ITEMIZE_HINT}."
        sentence = f"{told}; with all that autoscaling may add {cost.scaled:.2f} $ more; the budget is {budget} $"
        yield PreflightFinding(PreflightVerdict.WARNING, sentence, remedy)
    else:
        yield PreflightFinding(PreflightVerdict.OK, f"{told}; the budget is {budget} $ ({cost.source})")
    if cost.uncounted:
        remedy = "Add the price to stacks/settings/aws_prices.py, or look it up before you deploy."
        yield PreflightFinding(
            PreflightVerdict.WARNING, f"not counted, for want of a price: {'; '.join(cost.uncounted)}", remedy
        )
