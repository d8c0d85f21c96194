# SPDX-License-Identifier: MIT-0
"""The CDK application: reads the context once, makes Settings of it, and wires the stacks."""

import sys
from typing import Any

from aws_cdk import App, Environment, Tags

from stacks.acknowledgment import acknowledge
from stacks.consistency import checked
from stacks.deployment import DeploymentStack
from stacks.finding import FINDINGS
from stacks.monitoring import MonitoringStack
from stacks.override import SettingError, settings_from
from stacks.retraining import RetrainingStack
from stacks.settings import Settings
from stacks.stage import EndpointStage
from stacks.storage import StorageStack
from stacks.training import TrainingStack
from stacks.wildcard import WILDCARDS


def build(app: App, settings: Settings) -> None:
    """Put all stacks of `settings` into `app`."""
    env = Environment(account=settings.build.account, region=settings.build.region) if settings.build.account else None

    def options(part: str, description: str) -> dict[str, Any]:
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
    known |= {"retraining": retraining, "deployment": deployment}
    MonitoringStack(app, "Monitoring", **known, **options("monitoring", "notices, alarms, dashboard, budget"))
    Tags.of(app).add("project", settings.name)
    acknowledge(app, settings, (*FINDINGS, *WILDCARDS))


def main() -> None:
    """Synthesize what the context describes."""
    app = App()
    try:
        settings = checked(settings_from(app.node.get_all_context()))
    except SettingError as error:
        sys.exit(f"{error}\nAll settings, with what they cost: stacks/settings.py")
    build(app, settings)
    app.synth()


if __name__ == "__main__":
    main()
