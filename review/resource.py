# SPDX-License-Identifier: MIT-0
"""What happens to resources: how it is called, and what of it somebody should look at before it is merged."""

from typing import Final

from review.comparison import Property, Resource
from review.difference import Difference

# Resources that hold what cannot be made again: data, confirmed subscriptions, records, a key, a live service.
_STATEFUL: Final = frozenset(
    {
        "AWS::CodeCommit::Repository",
        "AWS::CodeConnections::Connection",
        "AWS::CodeStarConnections::Connection",
        "AWS::DynamoDB::GlobalTable",
        "AWS::DynamoDB::Table",
        "AWS::ECR::Repository",
        "AWS::EFS::FileSystem",
        "AWS::KMS::Key",
        "AWS::Logs::LogGroup",
        "AWS::RDS::DBCluster",
        "AWS::RDS::DBInstance",
        "AWS::S3::Bucket",
        "AWS::SNS::Subscription",
        "AWS::SNS::Topic",
        "AWS::SQS::Queue",
        "AWS::SSM::Parameter",
        "AWS::SageMaker::Endpoint",
        "AWS::SageMaker::ModelPackageGroup",
        "AWS::SecretsManager::Secret",
    }
)
# What ends with these is a grant, or a record of a deployment; nothing that works or holds anything.
_PASSING: Final = frozenset({"AWS::IAM::Policy", "AWS::Lambda::Permission", "AWS::Lambda::Version"})
# The CDK's own note on which constructs a stack uses.
_NOTE: Final = "AWS::CDK::Metadata"
PIPELINE: Final = "AWS::SageMaker::Pipeline"
_DEFINITION: Final = "PipelineDefinition"

ADDED, CHANGED, REPLACED, DESTROYED, LEFT = "added", "changed", "replaced", "destroyed", "left behind"
MAYBE_REPLACED: Final = "perhaps replaced"
_VERBS: Final = {
    "WILL_CREATE": ADDED,
    "WILL_IMPORT": ADDED,
    "WILL_UPDATE": CHANGED,
    "WILL_REPLACE": REPLACED,
    "MAY_REPLACE": MAYBE_REPLACED,
    "WILL_DESTROY": DESTROYED,
    "WILL_ORPHAN": LEFT,
}
VERBS: Final = (DESTROYED, LEFT, REPLACED, MAYBE_REPLACED, CHANGED, ADDED)


def verb(resource: Resource) -> str:
    """Return what happens to it, as one of VERBS."""
    return _VERBS[resource.impact]


def name(resource: Resource) -> str:
    """Return the path of its construct, without the child that every construct calls its one resource by."""
    return resource.path.removesuffix("/Resource") or resource.id


def is_stateful(resource: Resource) -> bool:
    """Return whether it holds what cannot be made again."""
    return resource.type in _STATEFUL


def is_shown(resource: Resource) -> bool:
    """Return whether anything but metadata changes."""
    touched = resource.properties or verb(resource) in {ADDED, DESTROYED, LEFT, REPLACED, MAYBE_REPLACED}
    return resource.type != _NOTE and bool(touched)


def is_at_risk(resource: Resource) -> bool:
    """Return whether state may be lost, or lost sight of."""
    return is_stateful(resource) and verb(resource) in {DESTROYED, LEFT, REPLACED, MAYBE_REPLACED}


def is_destructive(resource: Resource) -> bool:
    """Return whether it ends something that works or holds anything."""
    return is_at_risk(resource) or (verb(resource) in {DESTROYED, LEFT} and resource.type not in _PASSING)


def causes(resource: Resource) -> list[Difference]:
    """Return what replaces it, with the names of the properties."""
    return [each for one in resource.properties if one.impact.endswith("REPLACE") for each in named(one)]


def named(changed: Property) -> list[Difference]:
    """Return the property's differences, each with its whole path."""
    return [Difference(_path(changed.name, each.path), each.old, each.new) for each in changed.differences]


def lines(resource: Resource) -> list[Difference]:
    """Return its differences, but those of assets' hashes and of a pipeline's definition, which is shown by itself."""
    every = [each for one in resource.properties if not _is_definition(resource, one) for each in named(one)]
    return [each for each in every if not each.is_content]


def remarks(resource: Resource) -> list[str]:
    """Return in words what `lines` leaves out."""
    said = (
        ["definition: see the pipeline above"]
        if any(_is_definition(resource, one) for one in resource.properties)
        else []
    )
    others = [each for one in resource.properties if not _is_definition(resource, one) for each in one.differences]
    return [*said, "code changed"] if any(each.is_content for each in others) else said


def _is_definition(resource: Resource, changed: Property) -> bool:
    return resource.type == PIPELINE and changed.name == _DEFINITION


def _path(name_: str, rest: str) -> str:
    return name_ + (rest if not rest or rest.startswith(("[", " ")) else f".{rest}")
