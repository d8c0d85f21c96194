# SPDX-License-Identifier: MIT-0
"""The CDK application: reads Settings from the context and creates the stacks."""

import os
import sys
from collections.abc import Callable, Iterator
from typing import Any, Final

from aws_cdk import App, Environment, Stack

from stacks.constructs.vpc_network import configure_resources
from stacks.delivery.deployment_stack import DeploymentStack
from stacks.delivery.remote_region_stack import RemoteRegionStack
from stacks.endpoint.endpoint_stack import EndpointStage
from stacks.monitoring.monitoring_stack import MonitoringStack
from stacks.nag.nag_suppressions import NAG_SUPPRESSIONS, suppress_findings
from stacks.nag.remote_stage_suppressions import suppressions_of_remote_stages
from stacks.nag.wildcard_suppressions import WILDCARD_SUPPRESSIONS
from stacks.remote_stage.remote_stage_stack import RemoteStageStack
from stacks.retraining.retraining_stack import RetrainingStack
from stacks.settings import stage_placement
from stacks.settings.deployment_settings import AwsEnvironment, Settings
from stacks.settings.settings_context import SettingError, settings_from_context
from stacks.settings.settings_validation import validate_settings
from stacks.storage.storage_stack import StorageStack
from stacks.training.training_stack import TrainingStack

# The environment variable in which the CDK's command line passes the region of the credentials.
REGION: Final = "CDK_DEFAULT_REGION"


def build(app: App, settings: Settings, region: str = "") -> None:
    """Put all stacks of `settings` into `app`.

    Args:
        app: The application.
        settings: The settings.
        region: Region of the credentials, used in warnings only; no template depends on it.
    """

    def options(part: str, description: str, where: AwsEnvironment = settings.build) -> dict[str, Any]:
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
    configure_resources(app, settings)
    suppress_findings(
        app, settings, (*NAG_SUPPRESSIONS, *WILDCARD_SUPPRESSIONS, *suppressions_of_remote_stages(settings))
    )


def around(
    app: App, settings: Settings, storage: StorageStack, options: Callable[[str, str, AwsEnvironment], dict[str, Any]]
) -> Iterator[Stack]:
    """Yield the stacks that a delivery needs in other accounts and regions; none if both stages are at home."""
    for stage, where in stage_placement.remote_stages(settings).items():
        named = options(f"{stage}-site", f"what the endpoint of {stage} needs", where)
        site = RemoteStageStack(app, f"{stage.capitalize()}Site", stage=stage, where=where, **named)
        # S3 refuses a replication rule whose target bucket does not exist.
        site.add_stack_dependency(storage)
        yield site
    for region in stage_placement.remote_regions(settings):
        where = AwsEnvironment(account=settings.build.account, region=region)
        named = options(f"relay-{region}", "the delivery's artifacts of a region", where)
        yield RemoteRegionStack(app, f"Relay-{region}", region=region, **named)


def main() -> None:
    """Synthesize the application of the context."""
    app = App()
    try:
        region = os.environ.get(REGION, "")
        settings = validate_settings(settings_from_context(app.node.get_all_context()), region)
    except SettingError as error:
        sys.exit(f"{error}\nAll settings, with what they cost: stacks/settings/deployment_settings.py")
    build(app, settings, region)
    app.synth()


if __name__ == "__main__":
    main()
