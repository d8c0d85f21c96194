# SPDX-License-Identifier: MIT-0
"""What a deployment demands of its account, region and machine, as JSON, for those who may not import these stacks.

``python -m stacks.costs.deployment_requirements [--context KEY=VALUE ...]`` prints it; `operations preflight` reads
it and checks the account. A test compares it with the templates, so that nothing is deployed that is not demanded here.
Instances are counted as Service Quotas counts them: those that run at the same time in one account and region.

The document: account and region (empty: those of the credentials); bootstrap (parameter that holds the version,
least version, bucket); buckets (names in the templates that others may have taken); algorithm (its name) and
algorithm_regions (those that have its images; empty: all); types (resource types that some region lacks: what is made
of each, whether it is left out there, the regions, the remedy) and unpublished (regions of which nobody knows that);
connection (whether one is used, ARN of an
existing one); builds (the quota of CodeBuild, how many builds have to run at a time, how many may, the setting; none
where no push is built); instances (what SageMaker counts them as, type or
empty for all types together, how many are needed, how many at most, whose they are, the setting); cost (dollars of a
month, more with all that autoscaling may add, of a retraining, what is not counted, whose prices); budget (dollars);
elsewhere (each other account and region in which something is deployed: the stages that are there, if any, buckets,
types and instances as above); tuning_jobs (0: none).
"""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from aws_cdk import DefaultStackSynthesizer

from stacks.costs import cost_estimate
from stacks.monitoring.drift_detection import is_production_monitored
from stacks.retraining.codebuild_projects import BUILDS_QUOTA
from stacks.settings import aws_prices, region_support, stage_placement
from stacks.settings.aws_prices import count_parallel_jobs
from stacks.settings.deployment_settings import (
    AwsEnvironment,
    EndpointSettings,
    Settings,
    SourceSettings,
    TrainingSettings,
)
from stacks.settings.settings_context import (
    BOOTSTRAP_QUALIFIER_KEY,
    SettingError,
    project_context,
    settings_from_context,
    toolkit_stack_name,
)
from stacks.settings.settings_validation import algorithm_regions, validate_settings

ENDPOINT_USAGE: Final = "endpoint"
WARM_POOL_USAGE: Final = "training warm pool"


@dataclass(frozen=True, kw_only=True)
class InstanceDemand:
    """Instances that run at the same time.

    Attributes:
        usage: What the service counts them as, in the words of Service Quotas.
        type: Their type; empty: whatever their type.
        needed: So many, or something fails.
        most: So many that autoscaling may come to.
        used_by: Steps, jobs or stages.
        setting: Where the type is chosen.
    """

    usage: str
    type: str
    needed: int
    most: int
    used_by: str
    setting: str


def list_instance_demands(settings: Settings) -> list[InstanceDemand]:
    """Return those of build's account and region: each usage and type, and each usage whatever the type."""
    return [*_job_demands(settings), *endpoint_instance_demands(settings, stage_placement.home_stages(settings))]


def _job_demands(settings: Settings) -> Iterator[InstanceDemand]:
    """Yield those of the jobs: the steps of a retraining one after the other, and what may run at any time beside."""
    steps, beside = _step_demands(settings), _monitor_demands(settings)
    jobs = [*steps, *beside]
    for usage, kind in sorted({(job.usage, kind) for job in jobs for kind in (job.type, "")}):
        same = [job for job in jobs if job.usage == usage and kind in ("", job.type)]
        hosts = max((job.needed for job in same if job in steps), default=0)
        hosts += sum(job.needed for job in same if job in beside)
        yield InstanceDemand(
            usage=usage,
            type=kind,
            needed=hosts,
            most=hosts,
            used_by=", ".join(job.used_by for job in same),
            setting=", ".join(job.setting for job in same),
        )


def _step_demands(settings: Settings) -> list[InstanceDemand]:
    chosen = settings.training
    train = "spot training job" if chosen.spot else "training job"
    return [
        _demand_of_job("processing job", "Preprocess", chosen.preprocess_instance, 1),
        _demand_of_job(
            train, "Train", chosen.train_instance_type, chosen.train_instances * count_parallel_jobs(chosen)
        ),
        *([_warm_pool_demand(chosen)] if chosen.keep_warm_seconds else []),
        _demand_of_job("transform job", "Score", chosen.score_instance, chosen.score_instances),
        _demand_of_job("processing job", "Evaluate", chosen.evaluate_instance, 1),
    ]


def _warm_pool_demand(chosen: TrainingSettings) -> InstanceDemand:
    return _demand_of_job(WARM_POOL_USAGE, "Train", chosen.train_instance_type, chosen.train_instances)


def _monitor_demands(settings: Settings) -> list[InstanceDemand]:
    if not is_production_monitored(settings):
        return []
    return [_demand_of_job("processing job", "monitor", settings.monitor.instance, 1, setting="monitor.instance")]


def _demand_of_job(usage: str, name: str, kind: str, hosts: int, setting: str = "") -> InstanceDemand:
    chosen = setting or f"training.{name.lower()}_instance"
    return InstanceDemand(usage=usage, type=kind, needed=hosts, most=hosts, used_by=name, setting=chosen)


def endpoint_instance_demands(settings: Settings, there: Sequence[str]) -> Iterator[InstanceDemand]:
    """Yield those of the endpoints of the stages `there`: all, and once more the largest one that is taken over.

    A new model is given a fleet of its own before the old one is let go, and the delivery pipeline takes over one
    endpoint at a time. Source: SageMaker Developer Guide, "Blue/Green Deployments".
    """
    stages: dict[str, EndpointSettings] = {stage: getattr(settings, stage) for stage in there}
    for kind in (*sorted({each.instance for each in stages.values()}), *([""] if stages else [])):
        same = {stage: each for stage, each in stages.items() if kind in ("", each.instance)}
        yield InstanceDemand(
            usage=ENDPOINT_USAGE,
            type=kind,
            needed=_count_during_update(same.values(), "minimum"),
            most=_count_during_update(same.values(), "maximum"),
            used_by=", ".join(same),
            setting=", ".join(f"{stage}.instance" for stage in same),
        )


def _count_during_update(endpoints: Iterable[EndpointSettings], size: str) -> int:
    sizes = [int(getattr(each, size)) for each in endpoints]
    return sum(sizes) + max(sizes)


# The least version of the CDK's bootstrap that the templates of its default synthesizer need.
_BOOTSTRAP_VERSION: Final = 6
# With all stages at home CloudFormation makes the names of all buckets, so that nobody can have taken one.
NAMED_BUCKETS: Final[tuple[str, ...]] = ()


def collect_requirements(settings: Settings, context: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return what a deployment with `settings` demands; the module says what is what.

    Args:
        settings: What was chosen.
        context: The CDK's, which may name another bootstrap.
    """
    return {
        "account": settings.build.account,
        "region": settings.build.region,
        "bootstrap": bootstrap_requirements(context or {}),
        "buckets": _required_bucket_names(settings, settings.build),
        "algorithm": settings.training.algorithm,
        "algorithm_regions": sorted(algorithm_regions(settings) or ()),
        "types": _resource_types(settings, settings.build),
        "unpublished": region_support.UNPUBLISHED_REGIONS,
        "builds": _build_requirements(settings.source),
        "connection": {"used": _uses_connection(settings.source), "arn": settings.source.connection_arn},
        "instances": [asdict(each) for each in list_instance_demands(settings)],
        "cost": _cost_summary(settings),
        "budget": settings.budget.monthly_usd,
        "elsewhere": [_remote_requirements(settings, where) for where in stage_placement.remote_environments(settings)],
        "tuning_jobs": settings.training.tuning_jobs,
    }


def bootstrap_requirements(context: Mapping[str, Any]) -> dict[str, Any]:
    """Return where the CDK's bootstrap keeps what the templates need, by the qualifier of the synthesizer."""
    qualifier = str(context.get(BOOTSTRAP_QUALIFIER_KEY) or DefaultStackSynthesizer.DEFAULT_QUALIFIER)
    return {
        "qualifier": qualifier,
        "parameter": f"/cdk-bootstrap/{qualifier}/version",
        "version": _BOOTSTRAP_VERSION,
        "bucket": f"cdk-{qualifier}-assets-${{AWS::AccountId}}-${{AWS::Region}}",
        "stack": toolkit_stack_name(),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the demand of the settings that the command line gives."""
    parser = argparse.ArgumentParser(prog="python -m stacks.costs.deployment_requirements", description=__doc__)
    parser.add_argument("--context", "-c", action="append", default=[], metavar="KEY=VALUE", help="as for cdk deploy")
    context = project_context(parser.parse_args(arguments).context)
    try:
        settings = validate_settings(settings_from_context(context))
    except SettingError as error:
        parser.error(str(error))
    sys.stdout.write(json.dumps(collect_requirements(settings, context), indent=2) + "\n")


def _remote_requirements(settings: Settings, where: AwsEnvironment) -> dict[str, Any]:
    stages = [stage for stage, there in stage_placement.remote_stages(settings).items() if there == where]
    found = [asdict(each) for each in endpoint_instance_demands(settings, stages)]
    types = _resource_types(settings, where)
    return {
        **asdict(where),
        "stages": stages,
        "buckets": _required_bucket_names(settings, where),
        "types": types,
        "instances": found,
    }


def _resource_types(settings: Settings, where: AwsEnvironment) -> list[dict[str, Any]]:
    found = region_support.required_resource_types(settings, where)
    return [
        {**asdict(each), "without": region_support.REGIONS_WITHOUT_TYPE[each.type], "remedy": each.remedy}
        for each in found
    ]


def _build_requirements(source: SourceSettings) -> dict[str, Any] | None:
    """Return what pushes need of CodeBuild; pull requests are reviewed for CodeCommit alone."""
    if not region_support.has_push_source(source):
        return None
    most = 2 if source.kind == "codecommit" else 1
    return {"quota": BUILDS_QUOTA, "needed": 1, "most": most, "setting": "source.repository"}


def _required_bucket_names(settings: Settings, where: AwsEnvironment) -> list[str]:
    """Return the names of buckets in an account and region that the templates give, because another side names them."""
    apart = stage_placement.remote_stages(settings)
    if not apart:
        return list(NAMED_BUCKETS)
    names = [stage_placement.stage_bucket_name(settings, stage) for stage, there in apart.items() if there == where]
    if where.account == settings.build.account and where.region in (
        settings.build.region,
        *stage_placement.remote_regions(settings),
    ):
        names.append(stage_placement.artifacts_bucket_name(settings, where.region))
    return [*names, *([stage_placement.captures_bucket_name(settings)] if where == settings.build else [])]


def _uses_connection(source: SourceSettings) -> bool:
    return source.kind == "codeconnections" and region_support.has_push_source(source)


def _cost_summary(settings: Settings) -> dict[str, Any]:
    month, retraining = cost_estimate.estimate_month(settings), cost_estimate.estimate_retraining(settings)
    stages = (settings.staging, settings.production)
    more = (
        (each.maximum - each.minimum) * aws_prices.INSTANCE_HOUR.get(each.instance, 0.0) * cost_estimate.HOURS_PER_MONTH
        for each in stages
    )
    return {
        "month": round(cost_estimate.total_dollars(month), 2),
        "scaled": round(sum(more), 2),
        "retraining": round(cost_estimate.total_dollars(retraining), 2),
        "uncounted": [line.what for line in (*month, *retraining) if line.dollars is None],
        "source": f"list prices of {aws_prices.PRICES_REGION} as of {aws_prices.PRICES_AS_OF}, not looked up live",
    }


if __name__ == "__main__":
    main()
