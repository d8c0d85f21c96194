# SPDX-License-Identifier: MIT-0
"""What an endpoint's template has to be handed by whoever deploys it: name, pattern, and what it is, in words."""

from pipeline_src import contract
from stacks.place import remote
from stacks.settings import Settings


def handed(settings: Settings, stage: str) -> dict[str, tuple[str, str]]:
    """Return the parameters of the template of `stage` by their names, each with its pattern and what it must be."""
    elsewhere = remote(settings, stage) is not None
    aws, account = "arn:aws[a-z-]*", "[0-9]{12}"
    package = f"{aws}:sagemaker:[a-z0-9-]+:{account}:model-package/{settings.name}/[0-9]+"
    # The key of another account is known by its alias only.
    key = f"{aws}:kms:[a-z0-9-]+:{account}:{'alias' if elsewhere else 'key'}/.+"
    rules = {
        "ModelPackageArn": (package, f"the ARN of a version in the model package group {settings.name}"),
        "ModelRoleArn": (f"{aws}:iam::{account}:role/.+", "the ARN of the role that the model runs as"),
        "KeyArn": (key, "the ARN of the key of volumes and captured requests"),
        "TopicArn": (f"{aws}:sns:[a-z0-9-]+:{account}:.+", "the ARN of the topic that alarms tell"),
    }
    if elsewhere:
        rules["ModelDataUrl"] = (f"s3://.+/{contract.MODELS_PREFIX}.+", "the S3 URI of the package's model")
    if getattr(settings, stage).capture_percent:
        rules["RunsBucket"] = ("[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "the name of the bucket of captured requests")
    return rules
