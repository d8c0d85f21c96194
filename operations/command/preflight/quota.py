# SPDX-License-Identifier: MIT-0
"""The quotas of SageMaker for the instances and of CodeBuild for the builds that a deployment needs.

Those of GPU types and of builds are 0 in many new accounts.

Service Quotas lists the values that apply to the account, but for some quotas only AWS's defaults. Quotas of instances
and builds are found by their names, because their codes follow no rule. Sources: Service Quotas API Reference; the
names as ResourceLimitExceeded and the console spell them; CodeBuild User Guide, "Quotas for AWS CodeBuild".
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from operations.command.preflight.demand import Builds, Instances
from operations.command.preflight.finding import Finding, Look, Verdict

Quota: TypeAlias = dict[str, Any]

PERMISSIONS: Final = ("servicequotas:ListServiceQuotas", "servicequotas:ListAWSDefaultServiceQuotas")
_SERVICE: Final = "sagemaker"
_BUILDS: Final = "codebuild"
_APPLIED: Final = "list_service_quotas"
_DEFAULT: Final = "list_aws_default_service_quotas"
# Quotas of all types together; no such one is known for spot capacity.
_TOGETHER: Final = {
    "processing job": "Number of instances across all processing jobs",
    "training job": "Number of instances across all training jobs",
    "transform job": "Number of instances across all transform jobs",
    "endpoint": "Number of instances across active endpoints",
}


def enough(look: Look) -> Iterator[Finding]:
    """Yield how it stands with the quota of each usage and type, with those of all types together, with builds."""
    yield from _instances(look)
    if look.demand.builds:
        yield _builds(look, look.demand.builds)


def _builds(look: Look, builds: Builds) -> Finding:
    """Return whether a push is ever built: CodeBuild refuses to queue more than five times the quota."""
    names = {builds.quota}
    found = _listed(look, _APPLIED, names, _BUILDS) or _listed(look, _DEFAULT, names, _BUILDS)
    if not found:
        return Finding(
            Verdict.WARNING,
            f"Service Quotas knows no {builds.quota!r} in {look.account.region}",
            f"Look for it: {look.account.page('servicequotas/home/services/codebuild/quotas')}",
        )
    quota = found[builds.quota]
    value = math.floor(quota["Value"])
    sentence = f"{builds.quota}: {value}, a push needs {builds.needed}"
    if value < builds.needed:
        remedy = _request(look, quota, builds.needed, _BUILDS, f"leave {builds.setting} empty: no push is built then")
        return Finding(Verdict.FAILED, f"{sentence}, so that its build is refused", remedy)
    if value < builds.most:
        remedy = _request(look, quota, builds.most, _BUILDS, "let reviews wait")
        return Finding(Verdict.WARNING, f"{sentence}; a review of a pull request waits meanwhile", remedy)
    return Finding(Verdict.OK, sentence)


def _instances(look: Look) -> Iterator[Finding]:
    wanted = {name: each for each in look.demand.instances if (name := _named(each))}
    found = _listed(look, _APPLIED, set(wanted))
    if missing := wanted.keys() - found.keys():
        found |= _listed(look, _DEFAULT, set(missing))
    for name, instances in wanted.items():
        if name in found:
            yield _judged(look, instances, found[name])
        elif instances.type:
            yield _unknown(look, instances, name)


def _named(instances: Instances) -> str:
    """Return the name of the quota; empty where there is none."""
    return f"{instances.type} for {instances.usage} usage" if instances.type else _TOGETHER.get(instances.usage, "")


def _listed(look: Look, operation: str, names: set[str], service: str = _SERVICE) -> dict[str, Quota]:
    """Return those of `names` that `operation` lists with a value; asks for no more pages than it takes."""
    found: dict[str, Quota] = {}
    if not names:
        return found
    pages = look.account.client("service-quotas").get_paginator(operation)
    for page in pages.paginate(ServiceCode=service, PaginationConfig={"PageSize": 100}):
        found |= {each["QuotaName"]: each for each in page["Quotas"] if each["QuotaName"] in names and "Value" in each}
        if found.keys() == names:
            break
    return found


def _judged(look: Look, instances: Instances, quota: Quota) -> Finding:
    value = math.floor(quota["Value"])
    sentence = f"{quota['QuotaName']}: {value}, needs {instances.needed} ({instances.used_by})"
    if value < instances.needed:
        return Finding(Verdict.FAILED, sentence, _raised(look, instances, quota, instances.needed))
    if value < instances.most:
        sentence += f"; autoscaling may want {instances.most}"
        return Finding(Verdict.WARNING, sentence, _raised(look, instances, quota, instances.most))
    return Finding(Verdict.OK, sentence)


def _raised(look: Look, instances: Instances, quota: Mapping[str, Any], value: int) -> str:
    other = f"choose another type ({instances.setting})" if instances.type else "let fewer run at a time"
    return _request(look, quota, value, _SERVICE, other)


def _request(look: Look, quota: Mapping[str, Any], value: int, service: str, other: str) -> str:
    """Return the command that asks for a higher quota, and what else helps."""
    if not quota.get("Adjustable", True):
        return f"It cannot be raised: {other}."
    return (
        f"aws service-quotas request-service-quota-increase --region {look.account.region} --service-code {service} "
        f"--quota-code {quota['QuotaCode']} --desired-value {value} (AWS may take days); or {other}"
    )


def _unknown(look: Look, instances: Instances, name: str) -> Finding:
    return Finding(
        Verdict.WARNING,
        f"Service Quotas knows no {name!r} in {look.account.region}: it may not have the type",
        f"Look for it: {look.account.page('servicequotas/home/services/sagemaker/quotas')}; or choose another type "
        f"({instances.setting}).",
    )
