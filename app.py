# SPDX-License-Identifier: MIT-0
"""The CDK application: reads the context once, makes Settings of it, and wires the stacks."""

import os
import sys
from collections.abc import Callable, Iterator
from typing import Any, Final

from aws_cdk import App, Environment, Stack, Tags

from stacks import place
from stacks.acknowledgment import acknowledge
from stacks.consistency import checked
from stacks.deployment import DeploymentStack
from stacks.finding import FINDINGS
from stacks.monitoring import MonitoringStack
from stacks.override import SettingError, settings_from
from stacks.relay import RelayStack
from stacks.retraining import RetrainingStack
from stacks.settings import Environment as Place
from stacks.settings import Settings
from stacks.site import SiteStack
from stacks.site_finding import site_findings
from stacks.stage import EndpointStage
from stacks.storage import StorageStack
from stacks.training import TrainingStack
from stacks.wildcard import WILDCARDS

# How the CDK's command line tells an application the region of the credentials.
REGION: Final = "CDK_DEFAULT_REGION"


def build(app: App, settings: Settings, region: str = "") -> None:
    """Put all stacks of `settings` into `app`.

    Args:
        app: The application.
        settings: What was chosen.
        region: That of the credentials, of which a warning may tell; no template depends on it.
    """

    def options(part: str, description: str, where: Place = settings.build) -> dict[str, Any]:
        env = Environment(account=where.account, region=where.region) if where.account else None
        named = {"stack_name": f"{settings.name}-{part}", "description": f"{settings.name}: {description}"}
        return {"settings": settings, "env": env, **named}

    storage = StorageStack(app, "Storage", **options("storage", "key, buckets, registry, topic"))
    known: dict[str, Any] = {"storage": storage}
    training = TrainingStack(app, "Training", **known, **options("training", "image, pipeline"))
    known |= {"training": training}
    retraining = RetrainingStack(app, "Retraining", **known, **options("retraining", "what starts the pipeline"))
    endpoints = EndpointStage(app, "Endpoints", settings=settings)
    delivery = options("deployment", "approval to production")
    deployment = DeploymentStack(app, "Deployment", storage=storage, endpoints=endpoints, **delivery)
    for stack in around(app, settings, storage, options):
        deployment.add_stack_dependency(stack)
    known |= {"retraining": retraining, "deployment": deployment, "region": region}
    MonitoringStack(app, "Monitoring", **known, **options("monitoring", "notices, alarms, dashboard, budget"))
    Tags.of(app).add("project", settings.name)
    acknowledge(app, settings, (*FINDINGS, *WILDCARDS, *site_findings(settings)))


def around(
    app: App, settings: Settings, storage: StorageStack, options: Callable[[str, str, Place], dict[str, Any]]
) -> Iterator[Stack]:
    """Yield the stacks that a delivery needs in other accounts and regions: none where both stages are at home."""
    for stage, where in place.apart(settings).items():
        named = options(f"{stage}-site", f"what the endpoint of {stage} needs", where)
        site = SiteStack(app, f"{stage.capitalize()}Site", stage=stage, where=where, **named)
        # Replication is refused as long as the bucket that it leads to is not there.
        site.add_stack_dependency(storage)
        yield site
    for region in place.relays(settings):
        where = Place(account=settings.build.account, region=region)
        named = options(f"relay-{region}", "the delivery's artifacts of a region", where)
        yield RelayStack(app, f"Relay-{region}", region=region, **named)


def main() -> None:
    """Synthesize what the context describes."""
    app = App()
    try:
        region = os.environ.get(REGION, "")
        settings = checked(settings_from(app.node.get_all_context()), region)
    except SettingError as error:
        sys.exit(f"{error}\nAll settings, with what they cost: stacks/settings.py")
    build(app, settings, region)
    app.synth()


if __name__ == "__main__":
    main()
