# SPDX-License-Identifier: MIT-0
"""What a deployment demands of its account, region and machine, as JSON, for those who may not import these stacks.

``python -m stacks.demand [--context KEY=VALUE ...]`` prints it; `operations preflight` reads it and goes and looks. A
test compares it with the templates, so that nothing is deployed that is not demanded here.

The document: account and region (empty: those of the credentials); bootstrap (parameter that holds the version,
least version, bucket); buckets (names in the templates that others may have taken); regions of the built-in
algorithm; connection (whether one is used, ARN of an existing one); instances (what SageMaker counts them as, type or
empty for all types together, how many are needed, how many at most, whose they are, the setting); cost (dollars of a
month, more with all that autoscaling may add, of a retraining, what is not counted, whose prices); budget (dollars).
"""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from stacks import cost, price
from stacks.algorithm import REGISTRIES
from stacks.consistency import checked
from stacks.monitor import monitoring
from stacks.override import SettingError, settings_from
from stacks.settings import Endpoint, Settings, Source

# Of the CDK's default synthesizer: where it looks the version up, and the least that its templates need.
_QUALIFIER: Final = "hnb659fds"
BOOTSTRAP: Final = {
    "parameter": f"/cdk-bootstrap/{_QUALIFIER}/version",
    "version": 6,
    "bucket": f"cdk-{_QUALIFIER}-assets-${{AWS::AccountId}}-${{AWS::Region}}",
}
# CloudFormation makes the names of all buckets, so that nobody can have taken one.
BUCKETS: Final[tuple[str, ...]] = ()
ENDPOINT: Final = "endpoint"


@dataclass(frozen=True, kw_only=True)
class Instances:
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


def demand(settings: Settings) -> dict[str, Any]:
    """Return what a deployment with `settings` demands; the module says what is what."""
    return {
        "account": settings.build.account,
        "region": settings.build.region,
        "bootstrap": BOOTSTRAP,
        "buckets": BUCKETS,
        "algorithm_regions": sorted(REGISTRIES),
        "connection": {"used": _connected(settings.source), "arn": settings.source.connection_arn},
        "instances": [asdict(each) for each in instances(settings)],
        "cost": _cost(settings),
        "budget": settings.budget.monthly_usd,
    }


def instances(settings: Settings) -> list[Instances]:
    """Return the instances of each usage and type, and of each usage whatever the type."""
    return [*_jobs(settings), *_endpoints(settings)]


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


def _connected(source: Source) -> bool:
    return source.kind == "codeconnections" and bool(source.repository)


def _jobs(settings: Settings) -> Iterator[Instances]:
    """Yield those of the jobs: the steps of a retraining one after the other, and what may run at any time beside."""
    steps, beside = _steps(settings), _beside(settings)
    jobs = [*steps, *beside]
    for usage, kind in sorted({(job.usage, kind) for job in jobs for kind in (job.type, "")}):
        same = [job for job in jobs if job.usage == usage and kind in ("", job.type)]
        hosts = max((job.needed for job in same if job in steps), default=0)
        hosts += sum(job.needed for job in same if job in beside)
        yield Instances(
            usage=usage,
            type=kind,
            needed=hosts,
            most=hosts,
            used_by=", ".join(job.used_by for job in same),
            setting=", ".join(job.setting for job in same),
        )


def _steps(settings: Settings) -> list[Instances]:
    chosen = settings.training
    train = "spot training job" if chosen.spot else "training job"
    return [
        _job("processing job", "Preprocess", chosen.preprocess_instance, chosen.preprocess_instances),
        _job(train, "Train", chosen.train_instance, chosen.train_instances),
        _job("transform job", "Score", chosen.score_instance, chosen.score_instances),
        _job("processing job", "Evaluate", chosen.evaluate_instance, 1),
    ]


def _beside(settings: Settings) -> list[Instances]:
    if not monitoring(settings):
        return []
    return [_job("processing job", "monitor", settings.monitor.instance, 1, setting="monitor.instance")]


def _job(usage: str, name: str, kind: str, hosts: int, setting: str = "") -> Instances:
    chosen = setting or f"training.{name.lower()}_instance"
    return Instances(usage=usage, type=kind, needed=hosts, most=hosts, used_by=name, setting=chosen)


def _endpoints(settings: Settings) -> Iterator[Instances]:
    """Yield those of the endpoints: all that stand, and once more the largest one that is taken over.

    A new model is given a fleet of its own before the old one is let go, and the delivery pipeline takes over one
    endpoint at a time. Source: SageMaker Developer Guide, "Blue/Green Deployments".
    """
    stages = {"staging": settings.staging, "production": settings.production}
    for kind in (*sorted({each.instance for each in stages.values()}), ""):
        same = {stage: each for stage, each in stages.items() if kind in ("", each.instance)}
        yield Instances(
            usage=ENDPOINT,
            type=kind,
            needed=_taken_over(same.values(), "minimum"),
            most=_taken_over(same.values(), "maximum"),
            used_by=", ".join(same),
            setting=", ".join(f"{stage}.instance" for stage in same),
        )


def _taken_over(endpoints: Iterable[Endpoint], size: str) -> int:
    sizes = [int(getattr(each, size)) for each in endpoints]
    return sum(sizes) + max(sizes)


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
