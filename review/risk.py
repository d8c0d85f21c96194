# SPDX-License-Identifier: MIT-0
"""What happens to resources: how it is called, and what of it somebody should look at before it is merged.

Which changes of resources that stay take a protection away: encryption, versioning, retention, an approval.
"""

import json
import re
from typing import Any, Final

from review.template_diff import ABSENT, ChangedProperty, ChangedResource, Difference, json_differences

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
PIPELINE_TYPE: Final = "AWS::SageMaker::Pipeline"
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


def change_verb(resource: ChangedResource) -> str:
    """Return what happens to it, as one of VERBS."""
    return _VERBS[resource.impact]


def construct_path(resource: ChangedResource) -> str:
    """Return the path of its construct, without the child that every construct calls its one resource by."""
    return resource.path.removesuffix("/Resource") or resource.id


def is_stateful(resource: ChangedResource) -> bool:
    """Return whether it holds what cannot be made again."""
    return resource.type in _STATEFUL


def is_shown(resource: ChangedResource) -> bool:
    """Return whether anything but metadata changes."""
    touched = resource.properties or change_verb(resource) in {ADDED, DESTROYED, LEFT, REPLACED, MAYBE_REPLACED}
    return resource.type != _NOTE and bool(touched)


def is_at_risk(resource: ChangedResource) -> bool:
    """Return whether state may be lost, or lost sight of."""
    return is_stateful(resource) and change_verb(resource) in {DESTROYED, LEFT, REPLACED, MAYBE_REPLACED}


def is_destructive(resource: ChangedResource) -> bool:
    """Return whether it ends something that works or holds anything."""
    return is_at_risk(resource) or (change_verb(resource) in {DESTROYED, LEFT} and resource.type not in _PASSING)


def replacement_causes(resource: ChangedResource) -> list[Difference]:
    """Return what replaces it, with the names of the properties."""
    return [each for one in resource.properties if one.impact.endswith("REPLACE") for each in named_differences(one)]


def named_differences(changed: ChangedProperty) -> list[Difference]:
    """Return the property's differences, each with its whole path."""
    return [Difference(_path(changed.name, each.path), each.old, each.new) for each in changed.differences]


def shown_differences(resource: ChangedResource) -> list[Difference]:
    """Return its differences, but those of assets' hashes and of a pipeline's definition, which is shown by itself."""
    every = [
        each for one in resource.properties if not _is_definition(resource, one) for each in named_differences(one)
    ]
    return [each for each in every if not each.is_content]


def omitted_differences(resource: ChangedResource) -> list[str]:
    """Return in words what `lines` leaves out."""
    said = (
        ["definition: see the pipeline above"]
        if any(_is_definition(resource, one) for one in resource.properties)
        else []
    )
    others = [each for one in resource.properties if not _is_definition(resource, one) for each in one.differences]
    return [*said, "code changed"] if any(each.is_content for each in others) else said


def _is_definition(resource: ChangedResource, changed: ChangedProperty) -> bool:
    return resource.type == PIPELINE_TYPE and changed.name == _DEFINITION


def _path(name_: str, rest: str) -> str:
    return name_ + (rest if not rest or rest.startswith(("[", " ")) else f".{rest}")


_PROTECTING: Final = re.compile(
    r"kms|encrypt|(block|ignore|restrict)public|publicaccessblock|isolation|versioning|permissionsboundary"
    r"|enablekeyrotation|terminationprotection|deletionprotection|autorollback|logging",
    re.IGNORECASE,
)
# Permissions are judged by permission.py, whatever they are called.
_POLICY: Final = re.compile(r"^(\w*Policy\w*|Policies)(?=[.\[])")
_OFF: Final = frozenset({"false", "disabled", "suspended", "none", "null", ""})
_POLICIES: Final = ("DeletionPolicy", "UpdateReplacePolicy")
_KEPT: Final = ("Retain", "Snapshot")
_APPROVAL: Final = '"Category": "Approval"'


def weakened_protections(resource: ChangedResource) -> list[Difference]:
    """Return the differences of a resource that stays which turn a protection off."""
    if change_verb(resource) in {ADDED, DESTROYED, LEFT}:
        return []
    return [each for each in shown_differences(resource) if is_turned_off(each) or _is_unkept(resource, each)]


def is_turned_off(difference: Difference) -> bool:
    """Return whether something whose name speaks of protection ends, or is weaker: encryption with a key of ours."""
    if _POLICY.match(difference.path):
        return False
    if not _PROTECTING.search(difference.path):
        return difference.new is ABSENT and any(map(is_turned_off, _parts(difference)))
    old, new = _word(difference.old), _word(difference.new)
    return old not in _OFF and (new in _OFF or (old.startswith("aws:kms") and not new.startswith("aws:kms")))


def dropped_approvals(resource: ChangedResource) -> int:
    """Return how many manual approvals a delivery pipeline has fewer than before."""
    if resource.type != "AWS::CodePipeline::Pipeline":
        return 0
    every = [each for one in resource.properties for each in named_differences(one)]
    return max(0, sum(_count(each.old) - _count(each.new) for each in every))


def _parts(difference: Difference) -> list[Difference]:
    """Return what goes with a value that goes as a whole: isolation may be part of it."""
    old = difference.old
    return json_differences(old, type(old)(), difference.path) if isinstance(old, dict | list) else []


def _is_unkept(resource: ChangedResource, difference: Difference) -> bool:
    was_kept = _word(difference.old).title().startswith(_KEPT)
    is_kept = _word(difference.new).title().startswith(_KEPT)
    return is_stateful(resource) and difference.path in _POLICIES and was_kept and not is_kept


def _word(value: Any) -> str:  # noqa: ANN401  any JSON
    return "" if value is ABSENT else str(value).lower()


def _count(value: Any) -> int:  # noqa: ANN401  any JSON
    return 0 if value is ABSENT else json.dumps(value).count(_APPROVAL)
