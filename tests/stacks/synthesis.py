# SPDX-License-Identifier: MIT-0
"""What the tests of a delivery read: the endpoint templates, one of other settings, and a stack with samples put in."""

import dataclasses
import json
from typing import Any

from aws_cdk import App

from stacks.endpoint.endpoint_stack import EndpointStage
from stacks.settings.deployment_settings import Settings
from stacks.settings.settings_context import settings_from_context
from stacks.settings.settings_validation import validate_settings
from stacks.storage.storage_stack import StorageStack
from tests.assembly import FLAGS
from tests.proof.intrinsic import Resource, resources

Document = dict[str, Any]


def endpoint_of(documents: dict[str, Document], stage: str) -> Document:
    """Return the endpoint template of `stage` in an assembly."""
    (found,) = [each for name, each in documents.items() if name.startswith(f"Endpoints{stage.capitalize()}")]
    return found


def endpoint_with(stage: str, **changes: Any) -> Document:
    """Return the endpoint template of `stage` with those settings of the endpoint changed."""
    settings = Settings()
    changed = dataclasses.replace(getattr(settings, stage), **changes)
    app = App(context=FLAGS, analytics_reporting=False)
    made = EndpointStage(app, "Endpoints", settings=dataclasses.replace(settings, **{stage: changed}))
    document: Document = made.synth().get_stack_by_name(f"skin-lesion-{stage}").template
    return document


def storage_with(context: dict[str, Any]) -> Document:
    """Return the storage template with settings of a context, synthesized without the other stacks."""
    app = App(context=FLAGS, analytics_reporting=False)
    StorageStack(app, "Storage", settings=validate_settings(settings_from_context(context)))
    document: Document = app.synth().stacks[0].template
    return document


def only(document: Document, kind: str) -> dict[str, Any]:
    """Return the properties of the one resource of that type, intrinsics as they stand."""
    (found,) = [each for each in document["Resources"].values() if each["Type"] == kind]
    properties: dict[str, Any] = found["Properties"]
    return properties


def deployed(documents: dict[str, Document], stack: str, kind: str) -> list[Resource]:
    """Return the resources of that type in `stack`, with a sample in place of what is known only in the account."""
    return [each for each in resources(documents) if each.stack == stack and each.kind == kind]


def graphs(documents: dict[str, Document]) -> list[dict[str, Any]]:
    """Return the dashboard's widgets, in order."""
    (dashboard,) = deployed(documents, "Monitoring", "AWS::CloudWatch::Dashboard")
    widgets: list[dict[str, Any]] = json.loads(dashboard.properties["DashboardBody"])["widgets"]
    return widgets


def stages_of(documents: dict[str, Document]) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the delivery pipeline's actions, in order, by the names of their stages and their own."""
    (pipeline,) = deployed(documents, "Deployment", "AWS::CodePipeline::Pipeline")
    return {
        stage["Name"]: {action["Name"]: action for action in stage["Actions"]}
        for stage in pipeline.properties["Stages"]
    }


def user_parameters(action: dict[str, Any]) -> dict[str, str]:
    """Return what an action hands its function."""
    given: dict[str, str] = json.loads(action["Configuration"]["UserParameters"])
    return given
