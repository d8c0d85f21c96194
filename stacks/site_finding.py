# SPDX-License-Identifier: MIT-0
"""What stays of cdk-nag's findings where a stage is elsewhere; nothing of it is there where both stages are at home.

Most of what an endpoint needs elsewhere stands at home otherwise, and its findings stay for the reasons that finding.py
and wildcard.py give there.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from stacks import place
from stacks.acknowledgment import Acknowledged, both
from stacks.artifact import delivered
from stacks.finding import FINDINGS
from stacks.finding_id import OWN, RUNS, on, policy
from stacks.settings import Environment, Settings
from stacks.wildcard import WILDCARDS

_BUCKET: Final = "<Bucket83908E77.Arn>"
_REPLICATED: Final = both("S3BucketReplicationEnabled")
_KEY: Final = (
    "The id of a key is random, and the stack that makes it may come later. Conditions limit this to calls of S3 for "
    "one bucket, which is named, or to a question about the key of one alias; the key's own policy names this role."
)
_MINUTES: Final = "SageMaker names captured requests by the minute, below the prefix of the stage, which is given."
_ARTIFACTS: Final = (
    "CodePipeline chooses the keys of artifacts and begins them with the first twenty letters of the pipeline's name; "
    "other pipelines' artifacts begin differently."
)


def site_findings(settings: Settings) -> tuple[Acknowledged, ...]:
    """Return the findings that stay in the stacks of stages that are elsewhere, and in what serves them at home."""
    apart = place.apart(settings)
    if not apart:
        return ()
    sites = (found for stage, where in apart.items() for found in _site(settings, stage, where))
    relays = (found for region in place.relays(settings) for found in _relay(settings, region))
    return (*_publish(settings), *_home(settings), *sites, *relays)


def _publish(settings: Settings) -> Iterator[Acknowledged]:
    (publish,), (smoke,) = policy("Deployment/PublishRole"), policy("Deployment/SmokeRole")
    yield from _as_at("Deployment/Smoke/Resource", "Deployment/Publish/Resource")
    yield from _as_at(smoke, publish, without="/runs/")
    yield Acknowledged(
        "Which run made a model is known only when its package is delivered; the file's name is given.",
        on(f"{RUNS}/runs/*/model.tar.gz"),
        (publish,),
    )
    for stage, where in place.apart(settings).items():
        yield Acknowledged(
            "The registry gives the number of a version when it is registered, and a model is put under that number.",
            on(_s3(place.site_bucket(settings, stage), "models/*")),
            (publish,),
        )
        yield Acknowledged(_KEY, on(_keys(where)), (publish,))


def _home(settings: Settings) -> Iterator[Acknowledged]:
    """Yield what stays of the buckets that build's account has besides, and of those who use them."""
    yield from _as_at("Storage/Artifacts/Resource", "Storage/Deliveries/Resource")
    artifacts = place.artifacts_bucket(settings, settings.build.region)
    fetched = on(_s3(artifacts, f"{delivered(settings)}*"))
    yield Acknowledged(_ARTIFACTS, fetched, policy("Deployment/Delivery/Role"))
    yield Acknowledged(
        "It holds replicas and what is captured at home, for the days that a setting says; what is lost of it is seen "
        "again in the next days' requests.",
        _REPLICATED,
        ("Storage/Captures/Resource",),
    )
    captures = place.captures_bucket(settings)
    yield Acknowledged(_MINUTES, on(_s3(captures, "capture/*")), policy("Monitoring/Tally/FunctionRole"))
    readers = policy("Monitoring/Monitor/Role", "Monitoring/ExportRole")
    yield Acknowledged(_MINUTES, on(_s3(captures, "capture/production/*")), readers)


def _site(settings: Settings, stage: str, where: Environment) -> Iterator[Acknowledged]:
    site = f"{stage.capitalize()}Site"
    yield from _as_at("Storage/AccessLogs/Resource", f"{site}/AccessLogs/Resource")
    if getattr(settings, stage).capture_percent:
        yield from _replica(settings, stage)
    else:
        yield Acknowledged(
            "It holds copies of models, each of which is copied again from its run, and no captured request.",
            _REPLICATED,
            (f"{site}/Bucket/Resource",),
        )
    (home,), (deployer,) = policy(f"Deployment/{stage.capitalize()}Deployer"), policy(f"{site}/Deployer")
    yield from _as_at(home, deployer, without="model-package")
    yield from _deliver(settings, stage, where)
    yield from _access(stage)
    yield from _serving(stage)


def _deliver(settings: Settings, stage: str, where: Environment) -> Iterator[Acknowledged]:
    (deliver,) = policy(f"{stage.capitalize()}Site/Deliver")
    yield from _inline(deliver)
    yield from _fetched(settings, where.region, deliver)
    yield Acknowledged(
        "CloudFormation adds a random id to a stack's ARN; its name is given.",
        on(f"arn:<AWS::Partition>:cloudformation:{OWN}:stack/{{name}}-{stage}/*"),
        (deliver,),
    )


def _access(stage: str) -> Iterator[Acknowledged]:
    (promote,), (access,) = policy("Deployment/PromoteRole"), policy(f"{stage.capitalize()}Site/Access")
    if stage == place.STAGES[-1]:
        yield from _as_at(promote, access, without="[Resource::*]")
    else:
        yield from _inline(access)


def _serving(stage: str) -> Iterator[Acknowledged]:
    (home,), (serving,) = policy("Deployment/Serving/Role"), policy(f"{stage.capitalize()}Site/Serving/Role")
    yield from _inline(serving)
    yield from _as_at(home, serving, only="[Resource::*]")
    yield Acknowledged(
        "The number of a model's version is known only when it is delivered; SageMaker names captures and streams by "
        "the minute and the host, below the endpoint's own prefix; alarms are looked up by the endpoint's name.",
        on(
            f"{_BUCKET}/models/*/model.tar.gz",
            f"{_BUCKET}/capture/{stage}/*",
            f"arn:<AWS::Partition>:logs:{OWN}:log-group:/aws/sagemaker/Endpoints/{{name}}-{stage}*",
            f"arn:<AWS::Partition>:cloudwatch:{OWN}:alarm:{{name}}-{stage}-*",
        ),
        (serving,),
    )


def _replica(settings: Settings, stage: str) -> Iterator[Acknowledged]:
    (replica,) = policy(f"{stage.capitalize()}Site/Replica")
    yield from _inline(replica)
    captured = (f"{_BUCKET}/capture/{stage}/*", _s3(place.captures_bucket(settings), f"capture/{stage}/*"))
    yield Acknowledged(_MINUTES, on(*captured), (replica,))
    yield Acknowledged(_KEY, on(_keys(settings.build)), (replica,))


def _relay(settings: Settings, region: str) -> Iterator[Acknowledged]:
    for part in ("AccessLogs", "Artifacts"):
        yield from _as_at(f"Storage/{part}/Resource", f"Relay-{region}/{part}/Resource")
    yield from _fetched(settings, region, *policy("Deployment/Delivery/Role"))


def _fetched(settings: Settings, region: str, at: str) -> Iterator[Acknowledged]:
    """Yield what stays of a role that takes the delivery's artifacts in `region`."""
    bucket = place.artifacts_bucket(settings, region)
    yield Acknowledged(_ARTIFACTS, on(_s3(bucket, f"{delivered(settings)}*")), (at,))
    yield Acknowledged(_KEY, on(_keys(Environment(account=settings.build.account, region=region))), (at,))


def _inline(at: str) -> Iterator[Acknowledged]:
    return _as_at("Training/JobRole/DefaultPolicy/Resource", at, only="IAMNoInlinePolicy")


def _as_at(home: str, at: str, *, only: str = "", without: str = "\n") -> Iterator[Acknowledged]:
    """Yield for `at` what stays at `home`: of findings with `only` in their ids, those without `without`."""
    for each in (*FINDINGS, *WILDCARDS):
        kept = tuple(id_ for id_ in each.findings if only in id_ and without not in id_)
        if home in each.at and kept:
            yield replace(each, findings=kept, at=(at,))


def _keys(where: Environment) -> str:
    return f"arn:<AWS::Partition>:kms:{where.region}:{where.account}:key/*"


def _s3(bucket: str, keys: str) -> str:
    return f"arn:<AWS::Partition>:s3:::{bucket}/{keys}"
