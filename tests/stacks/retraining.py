# SPDX-License-Identifier: MIT-0
"""What the tests of a retraining read: its stack with settings of a test's choice, and its parts by what they are."""

import functools
import json
import tempfile
from pathlib import Path
from typing import Any

from aws_cdk import App

from stacks.retraining.retraining_stack import RetrainingStack
from stacks.settings.deployment_settings import Settings
from stacks.settings.settings_context import settings_from_context
from stacks.settings.settings_validation import validate_settings
from stacks.storage.storage_stack import StorageStack
from stacks.training.training_stack import TrainingStack
from tests.assembly import FLAGS, templates_in
from tests.proof.intrinsic import Resource, resources
from tests.proof.sample import ACCOUNT, REGION

Document = dict[str, Any]
REPOSITORY = "someone/skin-lesion-mlops"
CONNECTION = f"arn:aws:codestar-connections:{REGION}:{ACCOUNT}:connection/abc"
_DAILY = {"retraining.schedule": "rate(1 day)"}
# The settings of each variant, by what it is called.
VARIANTS: dict[str, dict[str, str]] = {
    "codeconnections": {"source.repository": REPOSITORY, **_DAILY},
    "codecommit": {"source.kind": "codecommit", "source.repository": "lesions", **_DAILY},
    "s3": {"source.kind": "s3", **_DAILY},
    "none": {},
    "by hand": {"retraining.on_new_data": "false"},
    "given connection": {"source.repository": REPOSITORY, "source.connection_arn": CONNECTION},
    "quoted": {
        "source.repository": REPOSITORY,
        "retraining.schedule": "cron(0 3 1 * ? *)",
        "production.maximum": "6",
    },
}


@functools.cache
def _synthesized() -> dict[str, Document]:
    """Return the templates of one storage and training stack and of a retraining stack of each variant."""
    with tempfile.TemporaryDirectory() as folder:
        app = App(context=FLAGS, outdir=folder, analytics_reporting=False)
        storage = StorageStack(app, "Storage", settings=Settings())
        training = TrainingStack(app, "Training", settings=Settings(), storage=storage)
        for name, context in VARIANTS.items():
            settings = validate_settings(settings_from_context(context))
            RetrainingStack(app, name.replace(" ", "-"), settings=settings, storage=storage, training=training)
        app.synth()
        return templates_in(Path(folder))


def documents_of(variant: str) -> dict[str, Document]:
    """Return the templates of the three stacks that a retraining of that variant consists of."""
    found = _synthesized()
    return {"Storage": found["Storage"], "Training": found["Training"], "Retraining": found[variant.replace(" ", "-")]}


def parts(documents: dict[str, Document], kind: str) -> list[Resource]:
    """Return the retraining stack's resources of that type, with samples for what is known only in the account."""
    return [each for each in resources(documents) if each.stack == "Retraining" and each.kind == kind]


def part(documents: dict[str, Document], kind: str, begins: str = "") -> dict[str, Any]:
    """Return the properties of the one resource of that type whose id begins so."""
    (found,) = [each for each in parts(documents, kind) if each.id.startswith(begins)]
    return found.properties


def bucket(documents: dict[str, Document], begins: str) -> str:
    """Return the name of the bucket of the storage stack whose id begins so."""
    (found,) = [each for each in resources(documents) if each.kind == "AWS::S3::Bucket" and each.id.startswith(begins)]
    return f"sample-{found.id.lower()}"


def allowed(documents: dict[str, Document], role: str) -> dict[str, set[str]]:
    """Return the resources by action of what the role whose id begins so may do."""
    found: dict[str, set[str]] = {}
    for each in parts(documents, "AWS::IAM::Policy"):
        for statement in each.properties["PolicyDocument"]["Statement"] if each.id.startswith(role) else ():
            for action in _list(statement["Action"]):
                found.setdefault(action, set()).update(_list(statement["Resource"]))
    return found


def actions(documents: dict[str, Document]) -> dict[str, dict[str, Any]]:
    """Return the actions of the push pipeline by their names, in order."""
    pipeline = part(documents, "AWS::CodePipeline::Pipeline")
    return {action["Name"]: action for stage in pipeline["Stages"] for action in stage["Actions"]}


def commands(documents: dict[str, Document], project: str) -> list[str]:
    """Return the commands of the build phase of the project whose id begins so."""
    found: list[str] = specification(documents, project)["phases"]["build"]["commands"]
    return found


def specification(documents: dict[str, Document], project: str) -> dict[str, Any]:
    """Return the build specification of the project whose id begins so."""
    found: dict[str, Any] = json.loads(part(documents, "AWS::CodeBuild::Project", project)["Source"]["BuildSpec"])
    return found


def _list(given: Any) -> list[str]:
    return [given] if isinstance(given, str) else given
