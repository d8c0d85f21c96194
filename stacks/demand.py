# SPDX-License-Identifier: MIT-0
"""What a deployment demands of its account, region and machine, as JSON, for those who may not import these stacks.

``python -m stacks.demand [--context KEY=VALUE ...]`` prints it; `operations preflight` reads it and goes and looks. A
test compares it with the templates, so that nothing is deployed that is not demanded here.

The document: account and region (empty: those of the credentials); bootstrap (parameter that holds the version,
least version, bucket); buckets (names in the templates that others may have taken); regions of the built-in
algorithm; connection (whether one is used, ARN of an existing one); instances (what SageMaker counts them as, type or
empty for all types together, how many are needed, how many at most, whose they are, the setting); cost (dollars of a
month, more with all that autoscaling may add, of a retraining, what is not counted, whose prices); budget (dollars);
elsewhere (each other account and region in which something is deployed: the stages that are there, if any, buckets
and instances as above); tuning_jobs (0: none).
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from stacks import cost, place, price
from stacks.algorithm import REGISTRIES
from stacks.consistency import checked
from stacks.instance import endpoints, instances
from stacks.override import SettingError, settings_from
from stacks.settings import Environment, Settings, Source

# Of the CDK's default synthesizer: where it looks the version up, and the least that its templates need.
_QUALIFIER: Final = "hnb659fds"
BOOTSTRAP: Final = {
    "parameter": f"/cdk-bootstrap/{_QUALIFIER}/version",
    "version": 6,
    "bucket": f"cdk-{_QUALIFIER}-assets-${{AWS::AccountId}}-${{AWS::Region}}",
}
# With all stages at home CloudFormation makes the names of all buckets, so that nobody can have taken one.
BUCKETS: Final[tuple[str, ...]] = ()


def demand(settings: Settings) -> dict[str, Any]:
    """Return what a deployment with `settings` demands; the module says what is what."""
    return {
        "account": settings.build.account,
        "region": settings.build.region,
        "bootstrap": BOOTSTRAP,
        "buckets": _buckets(settings, settings.build),
        "algorithm_regions": sorted(REGISTRIES),
        "connection": {"used": _connected(settings.source), "arn": settings.source.connection_arn},
        "instances": [asdict(each) for each in instances(settings)],
        "cost": _cost(settings),
        "budget": settings.budget.monthly_usd,
        "elsewhere": [_elsewhere(settings, where) for where in place.places(settings)],
        "tuning_jobs": settings.training.tuning_jobs,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the demand of the settings that the command line gives."""
    parser = argparse.ArgumentParser(prog="python -m stacks.demand", description=__doc__)
    parser.add_argument("--context", "-c", action="append", default=[], metavar="KEY=VALUE", help="as for cdk deploy")
    given = (pair.partition("=") for pair in parser.parse_args(arguments).context)
    try:
        settings = checked(settings_from({key: value for key, _, value in given}))
    except SettingError as error:
        parser.error(str(error))
    sys.stdout.write(json.dumps(demand(settings), indent=2) + "\n")


def _elsewhere(settings: Settings, where: Environment) -> dict[str, Any]:
    stages = [stage for stage, there in place.apart(settings).items() if there == where]
    found = [asdict(each) for each in endpoints(settings, stages)]
    return {**asdict(where), "stages": stages, "buckets": _buckets(settings, where), "instances": found}


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
    return source.kind == "codeconnections" and bool(source.repository)


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
