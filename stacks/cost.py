# SPDX-License-Identifier: MIT-0
"""What a deployment costs: a month in which nothing happens, and one retraining. Pure functions over Settings.

``python -m stacks.cost [--context KEY=VALUE ...]`` prints it. The prices stand in price.py; the minutes are
assumptions about the real archive, which nobody has measured on the service.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from stacks import place, price
from stacks.consistency import checked
from stacks.monitor import monitoring
from stacks.override import SettingError, context_of_project, settings_from
from stacks.settings import Endpoint, Settings, Training
from stacks.tuning import at_once, jobs

HOURS: Final = 730  # in a month
# Alarms over the functions, the state machine and the queues; over an endpoint; and those that its autoscaling makes.
OWN_ALARMS: Final = 10
TALLY_ALARMS: Final = 1  # where requests are captured
PUBLISH_ALARMS: Final = 1  # where a stage is elsewhere
REPLICA_ALARMS: Final = 1  # for each stage whose captured requests are replicated
REPLICA_METRICS: Final = 4  # that S3 sends of a rule, taken as sent always; at the price of our own
MONITOR_ALARMS: Final = 3  # where those of production are compared
ENDPOINT_ALARMS: Final = 5  # three over all that it answers, two that undo an update
SCALING_ALARMS: Final = 2
# What an instance of these families is given where its configuration asks for nothing else.
VOLUME_GB: Final = 30
# The archive is 2.8 GB, and a retraining leaves about 2 GB.
STORED_GB: Final = 10
# Minutes that each job is paid for: the real archive, one instance each, with the fetching of image and data.
MINUTES: Final = {"Preprocess": 6, "Train": 65, "Score": 12, "Evaluate": 5}
WAITED_MINUTES: Final = 15  # until jobs have started, which cost nothing but the waiting
MONITOR_MINUTES: Final = 8  # a run over some thousand pictures, with the fetching of image and data
# What operations.judge publishes of each run: requests, whether they were compared, violations, and each feature's
# distance; a test counts them. What labels say is sent with labels only, and not counted.
MONITOR_METRICS: Final = 20
BUILD_MINUTES: Final = 20
LOOKS_A_MINUTE: Final = 3  # state transitions: wait, look, decide

_UNKNOWN: Final = "not in price.py, so not counted"


@dataclass(frozen=True)
class Line:
    """One thing that costs.

    Attributes:
        what: It, with the assumption.
        dollars: What it costs; None where its price is not known.
    """

    what: str
    dollars: float | None


def month(settings: Settings) -> list[Line]:
    """Return what a month costs in which the endpoints wait and nothing is trained."""
    stages = {"staging": settings.staging, "production": settings.production}
    scaled = sum(1 for each in stages.values() if each.scales)
    own = OWN_ALARMS + (TALLY_ALARMS if any(each.capture_percent for each in stages.values()) else 0)
    own += MONITOR_ALARMS if monitoring(settings) else 0
    replicas = sum(1 for stage in place.apart(settings) if stages[stage].capture_percent)
    own += (PUBLISH_ALARMS if place.apart(settings) else 0) + REPLICA_ALARMS * replicas
    metrics = REPLICA_METRICS * replicas
    alarms = own + ENDPOINT_ALARMS * len(stages) + SCALING_ALARMS * scaled
    # A stage that is elsewhere has a key and a page of its own there, and another region a key for what it is handed.
    pages = 1 + len(place.apart(settings))
    keys = pages + len(place.relays(settings))
    return [
        *(line for stage, endpoint in stages.items() for line in _endpoint(stage, endpoint)),
        *_monitor(settings),
        *([Line(f"{metrics} metrics of replication", metrics * price.METRIC_MONTH)] if metrics else ()),
        Line(f"{keys} key{'s' * (keys > 1)}", keys * price.KEY_MONTH),
        Line(f"{alarms} alarms", alarms * price.ALARM_MONTH),
        Line(f"{pages} dashboard{'s' * (pages > 1)}", pages * price.DASHBOARD_MONTH),
        Line(f"{STORED_GB} GB stored", STORED_GB * price.STORED_GB_MONTH),
    ]


def retraining(settings: Settings) -> list[Line]:
    """Return what one retraining costs, without the push that may have started it."""
    chosen = settings.training
    hosts = {
        "Preprocess": (chosen.preprocess_instance, 1),
        "Train": (chosen.train_instance, chosen.train_instances * jobs(chosen)),
        "Score": (chosen.score_instance, chosen.score_instances),
        "Evaluate": (chosen.evaluate_instance, 1),
    }
    lines = []
    for step, (kind, count) in hosts.items():
        spot = step == "Train" and chosen.spot
        dollars = _instances(kind, count, MINUTES[step] / 60)
        cheaper = dollars * price.SPOT_SHARE if spot and dollars is not None else dollars
        lines.append(Line(f"{step}: {count} {kind}, {MINUTES[step]} min{', spot' if spot else ''}", cheaper))
    if chosen.keep_warm_seconds:
        kind, count, minutes = chosen.train_instance, chosen.train_instances, chosen.keep_warm_seconds / 60
        lines.append(Line(f"Train: {count} {kind} kept, {minutes:.0f} min", _instances(kind, count, minutes / 60)))
    transitions = LOOKS_A_MINUTE * _duration(chosen)
    return [*lines, Line(f"{transitions} state transitions", transitions * price.STATE_TRANSITION)]


def push(settings: Settings) -> list[Line]:
    """Return what a push costs besides the retraining: the build, and the pipeline's minutes while it waits."""
    waited = _duration(settings.training)
    return [
        Line(f"build, {BUILD_MINUTES} min", BUILD_MINUTES * price.BUILD_MINUTE),
        Line(f"its pipeline, {BUILD_MINUTES} min", BUILD_MINUTES * price.ACTION_MINUTE),
        Line(f"its pipeline, {waited} min more if it retrains", waited * price.ACTION_MINUTE),
    ]


def total(lines: Sequence[Line]) -> float:
    """Return the sum of those whose price is known."""
    return sum(line.dollars for line in lines if line.dollars is not None)


def text(settings: Settings) -> Iterator[str]:
    """Yield the estimate, a line at a time."""
    yield f"List prices of {price.REGION} as of {price.AS_OF}, {price.SOURCE}."
    yield from _table("A month in which nothing happens", month(settings))
    yield f"  {_most(settings)}"
    yield from _table("A retraining (minutes assumed, not measured)", retraining(settings))
    yield from _table("A push besides", push(settings))
    yield "Not counted: requests and what is captured of them, logs, messages, free tiers, taxes."
    yield from _budget(settings)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the estimate for the settings that the command line gives."""
    parser = argparse.ArgumentParser(prog="python -m stacks.cost", description=__doc__)
    parser.add_argument("--context", "-c", action="append", default=[], metavar="KEY=VALUE", help="as for cdk deploy")
    context = context_of_project(parser.parse_args(arguments).context)
    try:
        settings = checked(settings_from(context))
    except SettingError as error:
        parser.error(str(error))
    sys.stdout.write("\n".join((*text(settings), "")))


def _endpoint(stage: str, endpoint: Endpoint) -> Iterator[Line]:
    kind, count = endpoint.instance, endpoint.minimum
    yield Line(f"{stage}: {count} {kind}, always", _instances(kind, count, HOURS))
    volumes = count * VOLUME_GB * price.INSTANCE_VOLUME_GB_MONTH
    yield Line(f"{stage}: {count} volume{'s' * (count > 1)} of {VOLUME_GB} GB", volumes)


def _monitor(settings: Settings) -> Iterator[Line]:
    if monitoring(settings):
        chosen = settings.monitor
        runs = HOURS / {"day": 24, "hour": 1}[chosen.every]
        what = f"monitor: a job each {chosen.every}, {MONITOR_MINUTES} min of {chosen.instance}"
        yield Line(what, _instances(chosen.instance, 1, runs * MONITOR_MINUTES / 60))
        # A metric is paid for the hours in which something is sent.
        dollars = MONITOR_METRICS * price.METRIC_MONTH * runs / HOURS
        yield Line(f"{MONITOR_METRICS} metrics of the monitor, {runs:.0f} of {HOURS} hours", dollars)


def _instances(kind: str, count: int, hours: float) -> float | None:
    hourly = price.INSTANCE_HOUR.get(kind)
    return None if hourly is None else hourly * count * hours


def _duration(training: Training) -> int:
    """Return the minutes of a retraining; the jobs of a tuning go in rounds."""
    rounds = -(-jobs(training) // at_once(training))
    return sum(MINUTES.values()) + WAITED_MINUTES + (rounds - 1) * MINUTES["Train"]


def _most(settings: Settings) -> str:
    """Return what autoscaling can make of a month."""
    stages = (settings.staging, settings.production)
    more = [_instances(each.instance, each.maximum - each.minimum, HOURS) for each in stages]
    most = sum(each for each in more if each is not None)
    return f"with all instances that autoscaling may add, the whole month: {most:.2f} $ more"


def _table(title: str, lines: Sequence[Line]) -> Iterator[str]:
    at_least = any(line.dollars is None for line in lines)
    yield f"{title}: {'at least' if at_least else 'about'} {total(lines):.2f} $"
    for line in lines:
        yield f"  {line.what:<52}{_UNKNOWN if line.dollars is None else f'{line.dollars:8.2f} $'}"


def _budget(settings: Settings) -> Iterator[str]:
    budget, idle = settings.budget.monthly_usd, total(month(settings))
    if not budget:
        yield "No budget is set (budget.monthly_usd), so nothing warns of a bill."
        return
    if budget < idle:
        yield f"The budget of {budget} $ is below what an idle month costs: it will warn every month."
    yield (
        f"The budget of {budget} $ counts nothing until the tag `project` is activated as a cost allocation tag "
        "(Billing console, once for an account)."
    )


if __name__ == "__main__":
    main()
