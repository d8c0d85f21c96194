# SPDX-License-Identifier: MIT-0
"""The instances that run at the same time in one account and region, as Service Quotas counts them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from stacks import place
from stacks.monitor import monitoring
from stacks.settings import Endpoint, Settings, Training
from stacks.tuning import at_once

ENDPOINT: Final = "endpoint"
WARM_POOL: Final = "training warm pool"


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


def instances(settings: Settings) -> list[Instances]:
    """Return those of build's account and region: each usage and type, and each usage whatever the type."""
    return [*_jobs(settings), *endpoints(settings, place.at_home(settings))]


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
        _job("processing job", "Preprocess", chosen.preprocess_instance, 1),
        _job(train, "Train", chosen.train_instance, chosen.train_instances * at_once(chosen)),
        *([_warm_pool(chosen)] if chosen.keep_warm_seconds else []),
        _job("transform job", "Score", chosen.score_instance, chosen.score_instances),
        _job("processing job", "Evaluate", chosen.evaluate_instance, 1),
    ]


def _warm_pool(chosen: Training) -> Instances:
    return _job(WARM_POOL, "Train", chosen.train_instance, chosen.train_instances)


def _beside(settings: Settings) -> list[Instances]:
    if not monitoring(settings):
        return []
    return [_job("processing job", "monitor", settings.monitor.instance, 1, setting="monitor.instance")]


def _job(usage: str, name: str, kind: str, hosts: int, setting: str = "") -> Instances:
    chosen = setting or f"training.{name.lower()}_instance"
    return Instances(usage=usage, type=kind, needed=hosts, most=hosts, used_by=name, setting=chosen)


def endpoints(settings: Settings, there: Sequence[str]) -> Iterator[Instances]:
    """Yield those of the endpoints of the stages `there`: all, and once more the largest one that is taken over.

    A new model is given a fleet of its own before the old one is let go, and the delivery pipeline takes over one
    endpoint at a time. Source: SageMaker Developer Guide, "Blue/Green Deployments".
    """
    stages: dict[str, Endpoint] = {stage: getattr(settings, stage) for stage in there}
    for kind in (*sorted({each.instance for each in stages.values()}), *([""] if stages else [])):
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
