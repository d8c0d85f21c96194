# SPDX-License-Identifier: MIT-0
"""The instances that run at the same time in one account and region, as Service Quotas counts them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from stacks.monitoring.drift_detection import is_production_monitored
from stacks.settings import stage_placement
from stacks.settings.aws_prices import count_parallel_jobs
from stacks.settings.deployment_settings import EndpointSettings, Settings, TrainingSettings

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
