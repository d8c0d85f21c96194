# SPDX-License-Identifier: MIT-0
"""Classifies changes of resources: what happens to each, whether state is at risk, whether a protection is lost.

Protections are encryption, isolation, versioning, retention, logging and manual approvals.
"""

import json
import re
from typing import Any, Final

from review.template_diff import ABSENT, ChangedProperty, ChangedResource, Difference, json_differences

# Resources with state that cannot be recreated: data, confirmed subscriptions, records, keys, users, a live service.
# An entry that ends in a colon stands for all types of the service but those of _STATELESS.
_STATEFUL: Final = (
    "AWS::ACMPCA::CertificateAuthority",
    "AWS::AmazonMQ::Broker",
    "AWS::Athena::WorkGroup",
    "AWS::Backup::BackupVault",
    "AWS::Bedrock::KnowledgeBase",
    "AWS::Cassandra::",
    "AWS::CloudTrail::EventDataStore",
    "AWS::CodeArtifact::",
    "AWS::CodeCommit::Repository",
    "AWS::CodeConnections::Connection",
    "AWS::CodeStarConnections::Connection",
    "AWS::Cognito::IdentityPool",
    "AWS::Cognito::UserPool",
    "AWS::DocDB::DBCluster",
    "AWS::DocDBElastic::Cluster",
    "AWS::DynamoDB::",
    "AWS::EC2::Instance",
    "AWS::EC2::Volume",
    "AWS::ECR::",
    "AWS::EFS::FileSystem",
    "AWS::ElastiCache::",
    "AWS::Elasticsearch::Domain",
    "AWS::Events::Archive",
    "AWS::FSx::",
    "AWS::Glue::Database",
    "AWS::Glue::Table",
    "AWS::IoTAnalytics::",
    "AWS::KMS::Key",
    "AWS::KMS::ReplicaKey",
    "AWS::Kinesis::Stream",
    "AWS::KinesisVideo::Stream",
    "AWS::Lightsail::",
    "AWS::Logs::LogGroup",
    "AWS::MSK::",
    "AWS::MemoryDB::Cluster",
    "AWS::Neptune::DBCluster",
    "AWS::NeptuneGraph::Graph",
    "AWS::OpenSearchServerless::Collection",
    "AWS::OpenSearchService::Domain",
    "AWS::QLDB::Ledger",
    "AWS::RDS::DBCluster",
    "AWS::RDS::DBInstance",
    "AWS::RDS::GlobalCluster",
    "AWS::Redshift::Cluster",
    "AWS::RedshiftServerless::Namespace",
    "AWS::S3::Bucket",
    "AWS::S3Express::DirectoryBucket",
    "AWS::S3ObjectLambda::",
    "AWS::S3Tables::",
    "AWS::S3Vectors::",
    "AWS::SDB::Domain",
    "AWS::SNS::Subscription",
    "AWS::SNS::Topic",
    "AWS::SQS::Queue",
    "AWS::SSM::Parameter",
    "AWS::SageMaker::Domain",
    "AWS::SageMaker::Endpoint",
    "AWS::SageMaker::FeatureGroup",
    "AWS::SageMaker::ModelPackage",
    "AWS::SageMaker::ModelPackageGroup",
    "AWS::SageMaker::NotebookInstance",
    "AWS::SageMaker::Space",
    "AWS::SecretsManager::Secret",
    "AWS::Timestream::",
)
# Types of these services without state end so.
_STATELESS: Final = re.compile(
    r"(Policy|Grant|Attachment|Group|Config|Association|Lifecycle\w*|Target|Client|Subnet\w*)$"
)
# Removing one of these ends a grant or the record of a deployment, not something that works or has content.
_HARMLESS: Final = frozenset({"AWS::IAM::Policy", "AWS::Lambda::Permission", "AWS::Lambda::Version"})
# The CDK's record of the constructs that a stack uses.
_CDK_METADATA: Final = "AWS::CDK::Metadata"
PIPELINE_TYPE: Final = "AWS::SageMaker::Pipeline"
_DEFINITION: Final = "PipelineDefinition"

ADDED, CHANGED, REPLACED, DESTROYED, LEFT = "added", "changed", "replaced", "destroyed", "left behind"
MAYBE_REPLACED: Final = "perhaps replaced"
ORPHANED: Final = "WILL_ORPHAN"  # the impact of what leaves its stack and stays in the account
_VERBS: Final = {
    "WILL_CREATE": ADDED,
    "WILL_IMPORT": ADDED,
    "WILL_UPDATE": CHANGED,
    "WILL_REPLACE": REPLACED,
    "MAY_REPLACE": MAYBE_REPLACED,
    "WILL_DESTROY": DESTROYED,
    ORPHANED: LEFT,
}
VERBS: Final = (DESTROYED, LEFT, REPLACED, MAYBE_REPLACED, CHANGED, ADDED)


def change_verb(resource: ChangedResource) -> str:
    """Return what happens to the resource, one of VERBS."""
    return DESTROYED if has_new_type(resource) else _VERBS[resource.impact]


def is_eraser(kind: str) -> bool:
    """Return whether resources of a type empty what they belong to, so that it can be deleted with its content."""
    return re.match(r"Custom::\w*AutoDelete", kind) is not None


def has_new_type(resource: ChangedResource) -> bool:
    """Return whether another resource takes over its logical id, so that it is destroyed although the id stays."""
    return resource.type != resource.old_type


def construct_path(resource: ChangedResource) -> str:
    """Return the path of its construct, without the ``Resource`` that the CDK appends for the resource itself."""
    return resource.path.removesuffix("/Resource") or resource.id


def is_stateful(resource: ChangedResource) -> bool:
    """Return whether it had state that cannot be recreated."""
    return is_stateful_type(resource.old_type)


def is_stateful_type(kind: str) -> bool:
    """Return whether resources of a type have state that cannot be recreated."""
    return any(_is_of_type(kind, each) for each in _STATEFUL)


def _is_of_type(kind: str, entry: str) -> bool:
    """Return whether `kind` is the type `entry`, or of the service `entry`, without its settings and groups."""
    return kind == entry or (entry.endswith(":") and kind.startswith(entry) and not _STATELESS.search(kind))


def is_shown(resource: ChangedResource) -> bool:
    """Return whether anything but metadata changes."""
    touched = resource.properties or change_verb(resource) in {ADDED, DESTROYED, LEFT, REPLACED, MAYBE_REPLACED}
    return resource.type != _CDK_METADATA and bool(touched)


def is_at_risk(resource: ChangedResource) -> bool:
    """Return whether state may be lost or left unmanaged."""
    return is_stateful(resource) and change_verb(resource) in {DESTROYED, LEFT, REPLACED, MAYBE_REPLACED}


def is_destructive(resource: ChangedResource) -> bool:
    """Return whether the change removes something that works or has content, and that has no successor."""
    removed = change_verb(resource) in {DESTROYED, LEFT} and not resource.renamed
    return is_at_risk(resource) or (removed and resource.old_type not in _HARMLESS)


def replacement_causes(resource: ChangedResource) -> list[Difference]:
    """Return the differences that cause a replacement."""
    changed = [each for each in resource.properties if each.impact.endswith("REPLACE")]
    return [difference for each in changed for difference in named_differences(each)]


def named_differences(changed: ChangedProperty) -> list[Difference]:
    """Return the differences of the property, with paths that begin with its name."""

    def full_path(rest: str) -> str:
        return changed.name + (rest if not rest or rest.startswith(("[", " ")) else f".{rest}")

    return [Difference(full_path(each.path), each.old, each.new) for each in changed.differences]


def shown_differences(resource: ChangedResource) -> list[Difference]:
    """Return its differences, except asset hashes and pipeline definitions, which have a section of their own."""
    changed = [each for each in resource.properties if not _is_definition(resource, each)]
    return [difference for each in changed for difference in named_differences(each) if not difference.is_content]


def omitted_differences(resource: ChangedResource) -> list[str]:
    """Return remarks on the differences that `shown_differences` omits."""
    definitions = [each for each in resource.properties if _is_definition(resource, each)]
    others = [each for each in resource.properties if each not in definitions]
    remarks = ["definition: see the pipeline above"] if definitions else []
    if any(difference.is_content for each in others for difference in each.differences):
        remarks.append("code changed")
    return remarks


def _is_definition(resource: ChangedResource, changed: ChangedProperty) -> bool:
    return resource.type == PIPELINE_TYPE and changed.name == _DEFINITION


# Names of properties that protect something.
_PROTECTING: Final = re.compile(
    r"kms|encrypt|(block|ignore|restrict)public|publicaccessblock|isolation|versioning|permissionsboundary"
    r"|enablekeyrotation|terminationprotection|deletionprotection|autorollback|logging",
    re.IGNORECASE,
)
# Policies are compared in permissions.py, whatever their statements are called.
_POLICY: Final = re.compile(r"^(\w*Policy\w*|Policies)(?=[.\[])")
_OFF: Final = frozenset({"false", "disabled", "suspended", "none", "null", ""})
_RETENTION_POLICIES: Final = ("DeletionPolicy", "UpdateReplacePolicy")
_RETAINING: Final = ("Retain", "Snapshot")
_APPROVAL_ACTION: Final = '"Category": "Approval"'


def weakened_protections(resource: ChangedResource) -> list[Difference]:
    """Return the differences that turn off a protection of a resource that remains."""
    if change_verb(resource) in {ADDED, DESTROYED, LEFT}:
        return []
    return [each for each in shown_differences(resource) if is_turned_off(each) or _loses_retention(resource, each)]


def is_turned_off(difference: Difference) -> bool:
    """Return whether a protection ends or is weakened, such as encryption with a key of our own.

    If a value is removed as a whole, its parts are checked: isolation may be one of them.
    """
    if _POLICY.match(difference.path):
        return False
    if not _PROTECTING.search(difference.path):
        old = difference.old
        if difference.new is not ABSENT or not isinstance(old, dict | list):
            return False
        return any(map(is_turned_off, json_differences(old, type(old)(), difference.path)))
    old, new = _lower_text(difference.old), _lower_text(difference.new)
    return old not in _OFF and (new in _OFF or (old.startswith("aws:kms") and not new.startswith("aws:kms")))


def dropped_approvals(resource: ChangedResource) -> int:
    """Return by how many the manual approvals of a delivery pipeline decreased."""
    if resource.type != "AWS::CodePipeline::Pipeline":
        return 0
    every = [difference for each in resource.properties for difference in each.differences]
    return max(0, sum(_approval_count(each.old) - _approval_count(each.new) for each in every))


def _loses_retention(resource: ChangedResource, difference: Difference) -> bool:
    # Databases are kept as a snapshot unless something else is said.
    implied = difference.old is ABSENT and re.match("AWS::RDS::DB(Cluster|Instance)$", resource.type) is not None
    was_kept = implied or _lower_text(difference.old).title().startswith(_RETAINING)
    is_kept = _lower_text(difference.new).title().startswith(_RETAINING)
    return is_stateful(resource) and difference.path in _RETENTION_POLICIES and was_kept and not is_kept


def _lower_text(value: Any) -> str:  # noqa: ANN401  any JSON
    return "" if value is ABSENT else str(value).lower()


def _approval_count(value: Any) -> int:  # noqa: ANN401  any JSON
    return 0 if value is ABSENT else json.dumps(value).count(_APPROVAL_ACTION)
