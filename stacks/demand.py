# SPDX-License-Identifier: MIT-0
"""What a deployment demands of its account, region and machine, as JSON, for those who may not import these stacks.

``python -m stacks.demand [--context KEY=VALUE ...]`` prints it; `operations preflight` reads it and goes and looks. A
test compares it with the templates, so that nothing is deployed that is not demanded here.

The document: account and region (empty: those of the credentials); bootstrap (parameter that holds the version,
least version, bucket); buckets (names in the templates that others may have taken); regions of the built-in
algorithm; types (resource types that some region lacks: what is made of each, whether it is left out there, the
regions, the remedy) and unpublished (regions of which nobody knows that); connection (whether one is used, ARN of an
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

from stacks import cost, place, price, region_support
from stacks.algorithm import REGISTRIES
from stacks.build import BUILDS_QUOTA
from stacks.consistency import checked
from stacks.instance import endpoints, instances
from stacks.override import BOOTSTRAP_QUALIFIER, SettingError, context_of_project, settings_from, toolkit_stack
from stacks.settings import Environment, Settings, Source

# The least version of the CDK's bootstrap that the templates of its default synthesizer need.
_VERSION: Final = 6
# With all stages at home CloudFormation makes the names of all buckets, so that nobody can have taken one.
BUCKETS: Final[tuple[str, ...]] = ()


def demand(settings: Settings, context: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return what a deployment with `settings` demands; the module says what is what.

    Args:
        settings: What was chosen.
        context: The CDK's, which may name another bootstrap.
    """
    return {
        "account": settings.build.account,
        "region": settings.build.region,
        "bootstrap": bootstrap(context or {}),
        "buckets": _buckets(settings, settings.build),
        "algorithm_regions": sorted(REGISTRIES),
        "types": _types(settings, settings.build),
        "unpublished": region_support.UNPUBLISHED,
        "builds": _builds(settings.source),
        "connection": {"used": _connected(settings.source), "arn": settings.source.connection_arn},
        "instances": [asdict(each) for each in instances(settings)],
        "cost": _cost(settings),
        "budget": settings.budget.monthly_usd,
        "elsewhere": [_elsewhere(settings, where) for where in place.places(settings)],
        "tuning_jobs": settings.training.tuning_jobs,
    }


def bootstrap(context: Mapping[str, Any]) -> dict[str, Any]:
    """Return where the CDK's bootstrap keeps what the templates need, by the qualifier of the synthesizer."""
    qualifier = str(context.get(BOOTSTRAP_QUALIFIER) or DefaultStackSynthesizer.DEFAULT_QUALIFIER)
    return {
        "qualifier": qualifier,
        "parameter": f"/cdk-bootstrap/{qualifier}/version",
        "version": _VERSION,
        "bucket": f"cdk-{qualifier}-assets-${{AWS::AccountId}}-${{AWS::Region}}",
        "stack": toolkit_stack(),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the demand of the settings that the command line gives."""
    parser = argparse.ArgumentParser(prog="python -m stacks.demand", description=__doc__)
    parser.add_argument("--context", "-c", action="append", default=[], metavar="KEY=VALUE", help="as for cdk deploy")
    context = context_of_project(parser.parse_args(arguments).context)
    try:
        settings = checked(settings_from(context))
    except SettingError as error:
        parser.error(str(error))
    sys.stdout.write(json.dumps(demand(settings, context), indent=2) + "\n")


def _elsewhere(settings: Settings, where: Environment) -> dict[str, Any]:
    stages = [stage for stage, there in place.apart(settings).items() if there == where]
    found = [asdict(each) for each in endpoints(settings, stages)]
    types = _types(settings, where)
    return {**asdict(where), "stages": stages, "buckets": _buckets(settings, where), "types": types, "instances": found}


def _types(settings: Settings, where: Environment) -> list[dict[str, Any]]:
    found = region_support.needs(settings, where)
    return [{**asdict(each), "without": region_support.WITHOUT[each.type], "remedy": each.remedy} for each in found]


def _builds(source: Source) -> dict[str, Any] | None:
    """Return what pushes need of CodeBuild; pull requests are reviewed for CodeCommit alone."""
    if not region_support.pushes(source):
        return None
    most = 2 if source.kind == "codecommit" else 1
    return {"quota": BUILDS_QUOTA, "needed": 1, "most": most, "setting": "source.repository"}


def _buckets(settings: Settings, where: Environment) -> list[str]:
    """Return the names of buckets in an account and region that the templates give, because another side names them."""
    apart = place.apart(settings)
    if not apart:
        return list(BUCKETS)
    names = [place.site_bucket(settings, stage) for stage, there in apart.items() if there == where]
    if where.account == settings.build.account and where.region in (settings.build.region, *place.relays(settings)):
        names.append(place.artifacts_bucket(settings, where.region))
    return [*names, *([place.captures_bucket(settings)] if where == settings.build else [])]


def _connected(source: Source) -> bool:
    return source.kind == "codeconnections" and region_support.pushes(source)


def _cost(settings: Settings) -> dict[str, Any]:
    month, retraining = cost.month(settings), cost.retraining(settings)
    stages = (settings.staging, settings.production)
    more = ((each.maximum - each.minimum) * price.INSTANCE_HOUR.get(each.instance, 0.0) * cost.HOURS for each in stages)
    return {
        "month": round(cost.total(month), 2),
        "scaled": round(sum(more), 2),
        "retraining": round(cost.total(retraining), 2),
        "uncounted": [line.what for line in (*month, *retraining) if line.dollars is None],
        "source": f"list prices of {price.REGION} as of {price.AS_OF}, not looked up live",
    }


if __name__ == "__main__":
    main()
