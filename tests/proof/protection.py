# SPDX-License-Identifier: MIT-0
"""What protects the data and the service: encryption, versions, logs, retention, isolation, rollback.

One function for each type of resource; a type without one is judged by the other checkers alone.
"""

from collections.abc import Callable, Iterator
from typing import Final

from tests.proof.intrinsic import Documents, Resource, resources
from tests.proof.serving import SERVING

# What holds data, or what people have confirmed: kept when its stack goes.
STATEFUL: Final = (
    "AWS::KMS::Key",
    "AWS::S3::Bucket",
    "AWS::SageMaker::ModelPackageGroup",
)
_BLOCKED: Final = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
Rule = Callable[[Resource, list[Resource]], Iterator[str]]


def problems(documents: Documents) -> Iterator[str]:
    """Yield what is left unprotected in `documents`."""
    deployed = resources(documents)
    for resource in deployed:
        if resource.kind in _RULES:
            yield from (f"{resource.place}: {problem}" for problem in _RULES[resource.kind](resource, deployed))
        if resource.kind in STATEFUL:
            yield from (f"{resource.place}: {problem}" for problem in _kept(resource))


def _kept(resource: Resource) -> Iterator[str]:
    # What was made by the very operation that fails holds nothing yet.
    enough = {"DeletionPolicy": ("Retain", "RetainExceptOnCreate"), "UpdateReplacePolicy": ("Retain",)}
    for policy, kept in enough.items():
        if resource.rest.get(policy) not in kept:
            yield f"{policy} is {resource.rest.get(policy)}, so that what it holds goes with the stack"


def _bucket(resource: Resource, deployed: list[Resource]) -> Iterator[str]:
    given = resource.properties
    name = str(resource.arn).rpartition(":")[2]
    is_log = any(_logs_to(each) == name for each in deployed)
    rules = given.get("BucketEncryption", {}).get("ServerSideEncryptionConfiguration", [{}])
    method = rules[0].get("ServerSideEncryptionByDefault", {})
    if method.get("SSEAlgorithm") != ("AES256" if is_log else "aws:kms"):
        yield f"encryption {method.get('SSEAlgorithm')}"
    if not is_log and "KMSMasterKeyID" not in method:
        yield "encrypted with AWS's key, not with the customer's"
    if given.get("VersioningConfiguration", {}).get("Status") != "Enabled":
        yield "no versions"
    blocked = given.get("PublicAccessBlockConfiguration", {})
    yield from (f"{each} is off" for each in _BLOCKED if blocked.get(each) is not True)
    if not is_log and _logs_to(resource) is None:
        yield "no access log"
    if not given.get("LifecycleConfiguration", {}).get("Rules"):
        yield "no lifecycle rule, so that versions pile up"
    if not any(_denies_plain(each, name) for each in deployed):
        yield "no policy that denies access without TLS"


def _logs_to(resource: Resource) -> str | None:
    logging = resource.properties.get("LoggingConfiguration", {}) if resource.kind == "AWS::S3::Bucket" else {}
    found = logging.get("DestinationBucketName") if isinstance(logging, dict) else None
    return found if isinstance(found, str) else None


def _denies_plain(resource: Resource, name: str) -> bool:
    given = resource.properties
    if resource.kind != "AWS::S3::BucketPolicy" or given.get("Bucket") != name:
        return False
    return any(
        each["Effect"] == "Deny" and each.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport") == "false"
        for each in given["PolicyDocument"]["Statement"]
    )


def _key(resource: Resource, _: list[Resource]) -> Iterator[str]:
    if resource.properties.get("EnableKeyRotation") is not True:
        yield "the key is not rotated"
    if resource.properties.get("PendingWindowInDays", 30) < 30:
        yield "a deletion of the key cannot be taken back for thirty days"


def _topic(resource: Resource, deployed: list[Resource]) -> Iterator[str]:
    if "KmsMasterKeyId" not in resource.properties:
        yield "messages are not encrypted"
    policies = (each for each in deployed if each.kind == "AWS::SNS::TopicPolicy")
    texts = (str(each.properties) for each in policies if resource.arn in each.properties["Topics"])
    if not any("aws:SecureTransport" in text for text in texts):
        yield "no policy that denies publishing without TLS"


def _queue(resource: Resource, _: list[Resource]) -> Iterator[str]:
    if not {"KmsMasterKeyId", "SqsManagedSseEnabled"} & resource.properties.keys():
        yield "messages are not encrypted"


def _log(resource: Resource, _: list[Resource]) -> Iterator[str]:
    if "KmsKeyId" not in resource.properties:
        yield "the log is not encrypted with the customer's key"
    if "RetentionInDays" not in resource.properties:
        yield "the log is kept for ever"


def _function(resource: Resource, _: list[Resource]) -> Iterator[str]:
    if "LogGroup" not in resource.properties.get("LoggingConfig", {}):
        yield "it writes to a log group of nobody, unencrypted and kept for ever"
    if resource.properties.get("Timeout", 3) < 10:
        yield "its time-out is shorter than a retried call"


def _project(resource: Resource, _: list[Resource]) -> Iterator[str]:
    given = resource.properties
    if given.get("EncryptionKey", "alias/aws/s3").endswith("alias/aws/s3"):
        yield "its output is encrypted with AWS's key"
    if "CloudWatchLogs" not in given.get("LogsConfig", {}):
        yield "it writes to a log group of nobody, unencrypted and kept for ever"
    if "TimeoutInMinutes" not in given:
        yield "no time-out of its own"
    for variable in given["Environment"].get("EnvironmentVariables", []):
        plain = variable.get("Type", "PLAINTEXT") == "PLAINTEXT"
        if plain and any(word in variable["Name"].upper() for word in ("SECRET", "TOKEN", "PASSWORD")):
            yield f"{variable['Name']} stands in plain text"


def _delivery(resource: Resource, _: list[Resource]) -> Iterator[str]:
    given = resource.properties
    stores = [each["ArtifactStore"] for each in given.get("ArtifactStores", [])] or [given.get("ArtifactStore", {})]
    if any("EncryptionKey" not in each for each in stores):
        yield "artifacts are encrypted with AWS's key"
    if resource.properties.get("PipelineType") != "V2":
        yield "PipelineType is not V2"


def _machine(resource: Resource, _: list[Resource]) -> Iterator[str]:
    if resource.properties.get("LoggingConfiguration", {}).get("Level") not in ("ALL", "ERROR"):
        yield "executions leave no log"


def _alarm(resource: Resource, _: list[Resource]) -> Iterator[str]:
    if resource.properties.get("ActionsEnabled") is False:
        yield "its actions are off"
    if "TreatMissingData" not in resource.properties:
        yield "it does not say what missing data means"


def _budget(resource: Resource, _: list[Resource]) -> Iterator[str]:
    if not resource.properties.get("NotificationsWithSubscribers"):
        yield "nobody is told"


_RULES: Final[dict[str, Rule]] = {
    "AWS::Budgets::Budget": _budget,
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::CodeBuild::Project": _project,
    "AWS::CodePipeline::Pipeline": _delivery,
    "AWS::KMS::Key": _key,
    "AWS::Lambda::Function": _function,
    "AWS::Logs::LogGroup": _log,
    "AWS::S3::Bucket": _bucket,
    "AWS::SNS::Topic": _topic,
    "AWS::SQS::Queue": _queue,
    "AWS::StepFunctions::StateMachine": _machine,
    **SERVING,
}
