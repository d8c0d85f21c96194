# SPDX-License-Identifier: MIT-0
"""Estimates what a deployment costs: an idle month, a retraining and a push. Pure functions of Settings.

``python -m stacks.costs.cost_estimate [--context KEY=VALUE ...]`` prints it. The prices are in
settings/aws_prices.py; the minutes are assumptions about the real archive, which nobody has measured on the service.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pipeline_src.algorithms.algorithm_specification import JOBS_IMAGE
from pipeline_src.algorithms.algorithm_table import find_algorithm
from stacks.container_images import SERVING_IMAGES
from stacks.monitoring.drift_detection import is_production_monitored
from stacks.settings import aws_prices, stage_placement
from stacks.settings.aws_prices import count_parallel_jobs, count_training_jobs
from stacks.settings.deployment_settings import EndpointSettings, Settings, TrainingSettings
from stacks.settings.settings_context import SettingError, project_context, settings_from_context
from stacks.settings.settings_validation import validate_settings

HOURS_PER_MONTH: Final = 730  # in a month
# Alarms over the functions, the state machine and the queues; over an endpoint; and those that its autoscaling makes.
APPLICATION_ALARMS: Final = 10
COUNTER_ALARMS: Final = 1  # where requests are captured
PUBLISH_ALARMS: Final = 1  # where a stage is elsewhere
REPLICATION_ALARMS: Final = 1  # for each stage whose captured requests are replicated
REPLICATION_METRICS: Final = 4  # that S3 sends of a rule, taken as sent always; at the price of our own
MONITOR_ALARMS: Final = 3  # where those of production are compared
ALARMS_PER_ENDPOINT: Final = 5  # three over all that it answers, two that undo an update
ALARMS_PER_SCALED_ENDPOINT: Final = 2
# What an instance of these families is given where its configuration asks for nothing else.
VOLUME_GB: Final = 30
# The archive is 2.8 GB, and a retraining leaves about 2 GB.
STORED_GB: Final = 10
# Minutes that each job is paid for: the real archive, one instance each, with the fetching of image and data.
STEP_MINUTES: Final = {"Preprocess": 6, "Score": 12, "Evaluate": 5}  # Train: see the algorithm's specification
START_WAIT_MINUTES: Final = 15  # until jobs have started, which cost nothing but the waiting
MONITOR_MINUTES: Final = 8  # a run over some thousand pictures, with the fetching of image and data
# What operations.functions.monitoring_runs publishes of each run: requests, whether they were compared, violations,
# and each feature's
# distance; a test counts them. What labels say is sent with labels only, and not counted.
MONITOR_METRICS: Final = 20
BUILD_MINUTES: Final = 20  # of a push that changes no image
BUILD_MINUTES_PER_GB: Final = 2  # of images that are built and pushed, as after a change of the jobs' code
TRANSITIONS_PER_MINUTE: Final = 3  # state transitions: wait, look, decide

_PRICE_UNKNOWN: Final = "not in aws_prices.py, so not counted"


@dataclass(frozen=True)
class CostItem:
    """One thing that costs.

    Attributes:
        what: It, with the assumption.
        dollars: What it costs; None where its price is not known.
    """

    what: str
    dollars: float | None


def estimate_month(settings: Settings) -> list[CostItem]:
    """Return what a month costs in which the endpoints wait and nothing is trained."""
    stages = {"staging": settings.staging, "production": settings.production}
    scaled = sum(1 for each in stages.values() if each.scales)
    own = APPLICATION_ALARMS + (COUNTER_ALARMS if any(each.capture_percent for each in stages.values()) else 0)
    own += MONITOR_ALARMS if is_production_monitored(settings) else 0
    replicas = sum(1 for stage in stage_placement.remote_stages(settings) if stages[stage].capture_percent)
    own += (PUBLISH_ALARMS if stage_placement.remote_stages(settings) else 0) + REPLICATION_ALARMS * replicas
    metrics = REPLICATION_METRICS * replicas
    alarms = own + ALARMS_PER_ENDPOINT * len(stages) + ALARMS_PER_SCALED_ENDPOINT * scaled
    # A stage that is elsewhere has a key and a page of its own there, and another region a key for what it is handed.
    pages = 1 + len(stage_placement.remote_stages(settings))
    keys = pages + len(stage_placement.remote_regions(settings))
    return [
        *(line for stage, endpoint in stages.items() for line in _endpoint_items(stage, endpoint)),
        *_monitor_items(settings),
        *([CostItem(f"{metrics} metrics of replication", metrics * aws_prices.METRIC_MONTH)] if metrics else ()),
        CostItem(f"{keys} key{'s' * (keys > 1)}", keys * aws_prices.KEY_MONTH),
        CostItem(f"{alarms} alarms", alarms * aws_prices.ALARM_MONTH),
        CostItem(f"{pages} dashboard{'s' * (pages > 1)}", pages * aws_prices.DASHBOARD_MONTH),
        CostItem(f"{STORED_GB} GB stored", STORED_GB * aws_prices.STORED_GB_MONTH),
        CostItem(f"{images_gb(settings):.1f} GB of images", images_gb(settings) * aws_prices.IMAGE_GB_MONTH),
    ]


def images_gb(settings: Settings) -> float:
    """Return what the images that the CDK builds take in the registry, in GB: one version of each."""
    chosen = (JOBS_IMAGE, find_algorithm(settings.training.algorithm).training_image, *SERVING_IMAGES)
    return sum(each.stored_gb for each in dict.fromkeys(chosen) if each.is_built)


def estimate_retraining(settings: Settings) -> list[CostItem]:
    """Return what one retraining costs, without the push that may have started it."""
    chosen = settings.training
    hosts = {
        "Preprocess": (chosen.preprocess_instance, 1),
        "Train": (chosen.train_instance_type, chosen.train_instances * count_training_jobs(chosen)),
        "Score": (chosen.score_instance, chosen.score_instances),
        "Evaluate": (chosen.evaluate_instance, 1),
    }
    lines, minutes_of = [], step_minutes(chosen)
    for step, (kind, count) in hosts.items():
        spot = step == "Train" and chosen.spot
        dollars = _instance_dollars(kind, count, minutes_of[step] / 60)
        cheaper = dollars * aws_prices.SPOT_SHARE if spot and dollars is not None else dollars
        lines.append(CostItem(f"{step}: {count} {kind}, {minutes_of[step]} min{', spot' if spot else ''}", cheaper))
    if chosen.keep_warm_seconds:
        kind, count, minutes = chosen.train_instance_type, chosen.train_instances, chosen.keep_warm_seconds / 60
        lines.append(
            CostItem(f"Train: {count} {kind} kept, {minutes:.0f} min", _instance_dollars(kind, count, minutes / 60))
        )
    transitions = TRANSITIONS_PER_MINUTE * _retraining_minutes(chosen)
    return [*lines, CostItem(f"{transitions} state transitions", transitions * aws_prices.STATE_TRANSITION)]


def step_minutes(training: TrainingSettings) -> dict[str, int]:
    """Return the minutes that each job is paid for, by its step."""
    return STEP_MINUTES | {"Train": find_algorithm(training.algorithm).typical_minutes}


def estimate_push(settings: Settings) -> list[CostItem]:
    """Return what a push costs besides the retraining: the build, and the pipeline's minutes while it waits."""
    waited = _retraining_minutes(settings.training)
    build = BUILD_MINUTES + round(BUILD_MINUTES_PER_GB * images_gb(settings))
    return [
        CostItem(f"build, {build} min if it changes an image", build * aws_prices.BUILD_MINUTE),
        CostItem(f"its pipeline, {build} min", build * aws_prices.ACTION_MINUTE),
        CostItem(f"its pipeline, {waited} min more if it retrains", waited * aws_prices.ACTION_MINUTE),
    ]


def total_dollars(lines: Sequence[CostItem]) -> float:
    """Return the sum of those whose price is known."""
    return sum(line.dollars for line in lines if line.dollars is not None)


def estimate_lines(settings: Settings) -> Iterator[str]:
    """Yield the estimate, a line at a time."""
    yield f"List prices of {aws_prices.PRICES_REGION} as of {aws_prices.PRICES_AS_OF}, {aws_prices.PRICES_SOURCE}."
    yield from _table_lines("A month in which nothing happens", estimate_month(settings))
    yield f"  {_autoscaling_line(settings)}"
    yield from _table_lines("A retraining (minutes assumed, not measured)", estimate_retraining(settings))
    yield from _minutes_lines(settings.training)
    yield from _table_lines("A push besides", estimate_push(settings))
    yield "Not counted: requests and what is captured of them, logs, messages, free tiers, taxes."
    yield from _budget_lines(settings)


def _minutes_lines(training: TrainingSettings) -> Iterator[str]:
    """Yield what is assumed where Train has other instances than those that its minutes are known for."""
    usual = find_algorithm(training.algorithm).default_instance
    if (training.train_instances, training.train_instance_type) != (1, usual):
        yield f"  Train's minutes are those of 1 {usual}: a faster type or more instances take fewer."


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the estimate for the settings that the command line gives."""
    parser = argparse.ArgumentParser(prog="python -m stacks.costs.cost_estimate", description=__doc__)
    parser.add_argument("--context", "-c", action="append", default=[], metavar="KEY=VALUE", help="as for cdk deploy")
    context = project_context(parser.parse_args(arguments).context)
    try:
        settings = validate_settings(settings_from_context(context))
    except SettingError as error:
        parser.error(str(error))
    sys.stdout.write("\n".join((*estimate_lines(settings), "")))


def _endpoint_items(stage: str, endpoint: EndpointSettings) -> Iterator[CostItem]:
    kind, count = endpoint.instance, endpoint.minimum
    yield CostItem(f"{stage}: {count} {kind}, always", _instance_dollars(kind, count, HOURS_PER_MONTH))
    volumes = count * VOLUME_GB * aws_prices.INSTANCE_VOLUME_GB_MONTH
    yield CostItem(f"{stage}: {count} volume{'s' * (count > 1)} of {VOLUME_GB} GB", volumes)


def _monitor_items(settings: Settings) -> Iterator[CostItem]:
    if is_production_monitored(settings):
        chosen = settings.monitor
        runs = HOURS_PER_MONTH / {"day": 24, "hour": 1}[chosen.every]
        what = f"monitor: a job each {chosen.every}, {MONITOR_MINUTES} min of {chosen.instance}"
        yield CostItem(what, _instance_dollars(chosen.instance, 1, runs * MONITOR_MINUTES / 60))
        # A metric is paid for the hours in which something is sent.
        dollars = MONITOR_METRICS * aws_prices.METRIC_MONTH * runs / HOURS_PER_MONTH
        yield CostItem(f"{MONITOR_METRICS} metrics of the monitor, {runs:.0f} of {HOURS_PER_MONTH} hours", dollars)


def _instance_dollars(kind: str, count: int, hours: float) -> float | None:
    hourly = aws_prices.INSTANCE_HOUR.get(kind)
    return None if hourly is None else hourly * count * hours


def _retraining_minutes(training: TrainingSettings) -> int:
    """Return the minutes of a retraining; the jobs of a tuning go in rounds."""
    rounds = -(-count_training_jobs(training) // count_parallel_jobs(training))
    minutes = step_minutes(training)
    return sum(minutes.values()) + START_WAIT_MINUTES + (rounds - 1) * minutes["Train"]


def _autoscaling_line(settings: Settings) -> str:
    """Return what autoscaling can make of a month."""
    stages = (settings.staging, settings.production)
    more = [_instance_dollars(each.instance, each.maximum - each.minimum, HOURS_PER_MONTH) for each in stages]
    most = sum(each for each in more if each is not None)
    return f"with all instances that autoscaling may add, the whole month: ${most:.2f} more"


def _table_lines(title: str, lines: Sequence[CostItem]) -> Iterator[str]:
    at_least = any(line.dollars is None for line in lines)
    yield f"{title}: {'at least' if at_least else 'about'} ${total_dollars(lines):.2f}"
    for line in lines:
        yield f"  {line.what:<52}{_PRICE_UNKNOWN if line.dollars is None else f'${line.dollars:.2f}'.rjust(9)}"


def _budget_lines(settings: Settings) -> Iterator[str]:
    budget, idle = settings.budget.monthly_usd, total_dollars(estimate_month(settings))
    if not budget:
        yield "No budget is set (budget.monthly_usd), so nothing warns of a bill."
        return
    if budget < idle:
        yield f"The budget of ${budget} is below what an idle month costs: it will warn every month."
    yield (
        f"The budget of ${budget} counts nothing until the tag `project` is activated as a cost allocation tag "
        "(Billing console, once for an account)."
    )


if __name__ == "__main__":
    main()
