# SPDX-License-Identifier: MIT-0
"""Suppressions of cdk-nag findings of remote stages; empty if both stages are at home.

Most resources of a remote stage correspond to one at home, whose suppressions and reasons are copied from
nag_suppressions.py and wildcard_suppressions.py.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from stacks.constructs.artifact_access import delivery_artifact_prefix
from stacks.nag.nag_suppressions import (
    NAG_SUPPRESSIONS,
    OWN_REGION_AND_ACCOUNT,
    RUNS_BUCKET_ARN,
    NagSuppression,
    nist_and_hipaa_ids,
    role_policy_paths,
    wildcard_finding_ids,
)
from stacks.nag.wildcard_suppressions import WILDCARD_SUPPRESSIONS
from stacks.settings import stage_placement
from stacks.settings.deployment_settings import AwsEnvironment, Settings

_STAGE_BUCKET_ARN: Final = "<Bucket83908E77.Arn>"
_REPLICATION_IDS: Final = nist_and_hipaa_ids("S3BucketReplicationEnabled")
_KEY_REASON: Final = (
    "The id of a key is random, and the stack that makes it may come later. Conditions limit this to calls of S3 for "
    "one bucket, which is named, or to a question about the key of one alias; the key's own policy names this role."
)
_CAPTURE_NAMES_REASON: Final = (
    "SageMaker names captured requests by the minute, below the prefix of the stage, which is given."
)
_ARTIFACT_KEYS_REASON: Final = (
    "CodePipeline chooses the keys of artifacts and begins them with the first twenty letters of the pipeline's name; "
    "other pipelines' artifacts begin differently."
)


def suppressions_of_remote_stages(settings: Settings) -> tuple[NagSuppression, ...]:
    """Return the findings that stay in the stacks of stages that are elsewhere, and in what serves them at home."""
    apart = stage_placement.remote_stages(settings)
    if not apart:
        return ()
    sites = (found for stage, where in apart.items() for found in _remote_stage(settings, stage, where))
    relays = (
        found for region in stage_placement.remote_regions(settings) for found in _remote_region(settings, region)
    )
    return (*_publish_function(settings), *_build_account(settings), *sites, *relays)


def _publish_function(settings: Settings) -> Iterator[NagSuppression]:
    (publish,), (smoke,) = role_policy_paths("Deployment/PublishRole"), role_policy_paths("Deployment/SmokeRole")
    yield from _copy_suppressions("Deployment/Smoke/Resource", "Deployment/Publish/Resource")
    yield from _copy_suppressions(smoke, publish, without="/runs/")
    yield NagSuppression(
        "Which run made a model is known only when its package is delivered; the file's name is given.",
        wildcard_finding_ids(f"{RUNS_BUCKET_ARN}/runs/*/model.tar.gz"),
        (publish,),
    )
    for stage, where in stage_placement.remote_stages(settings).items():
        yield NagSuppression(
            "The registry gives the number of a version when it is registered, and a model is put under that number.",
            wildcard_finding_ids(_object_arns(stage_placement.stage_bucket_name(settings, stage), "models/*")),
            (publish,),
        )
        yield NagSuppression(_KEY_REASON, wildcard_finding_ids(_key_arns(where)), (publish,))


def _build_account(settings: Settings) -> Iterator[NagSuppression]:
    """Yield what stays of the buckets that build's account has besides, and of those who use them."""
    yield from _copy_suppressions("Storage/Artifacts/Resource", "Storage/Deliveries/Resource")
    artifacts = stage_placement.artifacts_bucket_name(settings, settings.build.region)
    fetched = wildcard_finding_ids(_object_arns(artifacts, f"{delivery_artifact_prefix(settings)}*"))
    yield NagSuppression(_ARTIFACT_KEYS_REASON, fetched, role_policy_paths("Deployment/Delivery/Role"))
    yield NagSuppression(
        "It holds replicas and what is captured at home, for the days that a setting says; what is lost of it is seen "
        "again in the next days' requests.",
        _REPLICATION_IDS,
        ("Storage/Captures/Resource",),
    )
    captures = stage_placement.captures_bucket_name(settings)
    yield NagSuppression(
        _CAPTURE_NAMES_REASON,
        wildcard_finding_ids(_object_arns(captures, "capture/*")),
        role_policy_paths("Monitoring/Tally/FunctionRole"),
    )
    readers = role_policy_paths("Monitoring/Monitor/Role", "Monitoring/ExportRole")
    yield NagSuppression(
        _CAPTURE_NAMES_REASON, wildcard_finding_ids(_object_arns(captures, "capture/production/*")), readers
    )


def _remote_stage(settings: Settings, stage: str, where: AwsEnvironment) -> Iterator[NagSuppression]:
    site = f"{stage.capitalize()}Site"
    yield from _copy_suppressions("Storage/AccessLogs/Resource", f"{site}/AccessLogs/Resource")
    if getattr(settings, stage).capture_percent:
        yield from _replication_role(settings, stage)
    else:
        yield NagSuppression(
            "It holds copies of models, each of which is copied again from its run, and no captured request.",
            _REPLICATION_IDS,
            (f"{site}/Bucket/Resource",),
        )
    (home,), (deployer,) = (
        role_policy_paths(f"Deployment/{stage.capitalize()}Deployer"),
        role_policy_paths(f"{site}/Deployer"),
    )
    yield from _copy_suppressions(home, deployer, without="model-package")
    yield from _delivery_action_role(settings, stage, where)
    yield from _endpoint_access_role(stage)
    yield from _inline_policy(*role_policy_paths(f"{site}/Images"))
    yield from _serving_role(stage)


def _delivery_action_role(settings: Settings, stage: str, where: AwsEnvironment) -> Iterator[NagSuppression]:
    (deliver,) = role_policy_paths(f"{stage.capitalize()}Site/Deliver")
    yield from _inline_policy(deliver)
    yield from _artifact_reader(settings, where.region, deliver)
    yield NagSuppression(
        "CloudFormation adds a random id to a stack's ARN; its name is given.",
        wildcard_finding_ids(f"arn:<AWS::Partition>:cloudformation:{OWN_REGION_AND_ACCOUNT}:stack/{{name}}-{stage}/*"),
        (deliver,),
    )


def _endpoint_access_role(stage: str) -> Iterator[NagSuppression]:
    (promote,), (access,) = (
        role_policy_paths("Deployment/PromoteRole"),
        role_policy_paths(f"{stage.capitalize()}Site/Access"),
    )
    if stage == stage_placement.STAGES[-1]:
        yield from _copy_suppressions(promote, access, without="[Resource::*]")
    else:
        yield from _inline_policy(access)


def _serving_role(stage: str) -> Iterator[NagSuppression]:
    (home,), (serving,) = (
        role_policy_paths("Deployment/Serving/Role"),
        role_policy_paths(f"{stage.capitalize()}Site/Serving/Role"),
    )
    yield from _inline_policy(serving)
    yield from _copy_suppressions(home, serving, only="[Resource::*]")
    yield NagSuppression(
        "The number of a model's version is known only when it is delivered; SageMaker names captures and streams by "
        "the minute and the host, below the endpoint's own prefix; alarms are looked up by the endpoint's name.",
        wildcard_finding_ids(
            f"{_STAGE_BUCKET_ARN}/models/*/model.tar.gz",
            f"{_STAGE_BUCKET_ARN}/capture/{stage}/*",
            f"arn:<AWS::Partition>:logs:{OWN_REGION_AND_ACCOUNT}:log-group:/aws/sagemaker/Endpoints/{{name}}-{stage}*",
            f"arn:<AWS::Partition>:cloudwatch:{OWN_REGION_AND_ACCOUNT}:alarm:{{name}}-{stage}-*",
        ),
        (serving,),
    )


def _replication_role(settings: Settings, stage: str) -> Iterator[NagSuppression]:
    (replica,) = role_policy_paths(f"{stage.capitalize()}Site/Replica")
    yield from _inline_policy(replica)
    captured = (
        f"{_STAGE_BUCKET_ARN}/capture/{stage}/*",
        _object_arns(stage_placement.captures_bucket_name(settings), f"capture/{stage}/*"),
    )
    yield NagSuppression(_CAPTURE_NAMES_REASON, wildcard_finding_ids(*captured), (replica,))
    yield NagSuppression(_KEY_REASON, wildcard_finding_ids(_key_arns(settings.build)), (replica,))


def _remote_region(settings: Settings, region: str) -> Iterator[NagSuppression]:
    for part in ("AccessLogs", "Artifacts"):
        yield from _copy_suppressions(f"Storage/{part}/Resource", f"Relay-{region}/{part}/Resource")
    yield from _artifact_reader(settings, region, *role_policy_paths("Deployment/Delivery/Role"))


def _artifact_reader(settings: Settings, region: str, at: str) -> Iterator[NagSuppression]:
    """Yield what stays of a role that takes the delivery's artifacts in `region`."""
    bucket = stage_placement.artifacts_bucket_name(settings, region)
    yield NagSuppression(
        _ARTIFACT_KEYS_REASON,
        wildcard_finding_ids(_object_arns(bucket, f"{delivery_artifact_prefix(settings)}*")),
        (at,),
    )
    yield NagSuppression(
        _KEY_REASON,
        wildcard_finding_ids(_key_arns(AwsEnvironment(account=settings.build.account, region=region))),
        (at,),
    )


def _inline_policy(at: str) -> Iterator[NagSuppression]:
    return _copy_suppressions("Training/JobRole/DefaultPolicy/Resource", at, only="IAMNoInlinePolicy")


def _copy_suppressions(home: str, at: str, *, only: str = "", without: str = "\n") -> Iterator[NagSuppression]:
    """Yield for `at` what stays at `home`: of findings with `only` in their ids, those without `without`."""
    for each in (*NAG_SUPPRESSIONS, *WILDCARD_SUPPRESSIONS):
        kept = tuple(id_ for id_ in each.findings if only in id_ and without not in id_)
        if home in each.at and kept:
            yield replace(each, findings=kept, at=(at,))


def _key_arns(where: AwsEnvironment) -> str:
    return f"arn:<AWS::Partition>:kms:{where.region}:{where.account}:key/*"


def _object_arns(bucket: str, keys: str) -> str:
    return f"arn:<AWS::Partition>:s3:::{bucket}/{keys}"
