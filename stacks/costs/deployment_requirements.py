# SPDX-License-Identifier: MIT-0
"""What a deployment demands of its account, region and machine, as JSON, for those who may not import these stacks.

``python -m stacks.costs.deployment_requirements [--context KEY=VALUE ...]`` prints it; `operations preflight` reads
it and goes and looks. A
test compares it with the templates, so that nothing is deployed that is not demanded here.

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
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from aws_cdk import DefaultStackSynthesizer

from stacks.costs import cost_estimate
from stacks.costs.instance_quotas import endpoint_instance_demands, list_instance_demands
from stacks.retraining.codebuild_projects import BUILDS_QUOTA
from stacks.settings import aws_prices, region_support, stage_placement
from stacks.settings.deployment_settings import AwsEnvironment, Settings, SourceSettings
from stacks.settings.settings_context import (
    BOOTSTRAP_QUALIFIER_KEY,
    SettingError,
    project_context,
    settings_from_context,
    toolkit_stack_name,
)
from stacks.settings.settings_validation import algorithm_regions, validate_settings

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
