# SPDX-License-Identifier: MIT-0
"""Every access that goes to a stage that is elsewhere, or comes from it: the whole list, which a reviewer keeps.

Nothing of it is read from stacks/. tests/proof/account.py compares it with the policies of both sides: each row is
allowed, nothing else is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tests.proof.simulation import Request

# Whose role, its purpose (the end of its name), the action, what on, and for which stages the row counts.
# On a role: whose, and its purpose. On an object: its bucket and its key. On a key: the bucket whose key it is; S3 asks
# for it in the role's name, so the request tells of S3 in that region and of that bucket (bucket keys are on). Who only
# asks about a key does so by itself, and such a request tells of the key's alias.
Row = tuple[str, str, str, str, str]
TABLE: Final[tuple[Row, ...]] = (
    # The delivery deploys the endpoint as a role of the stage's account, which reads the templates that it is handed.
    ("build", "delivery", "sts:AssumeRole", "stage deliver", "all"),
    ("stage", "deliver", "s3:GetObject", "artifacts {name}-delivery/Templates/1.zip", "all"),
    ("stage", "deliver", "s3:GetObjectVersion", "artifacts {name}-delivery/Templates/1.zip", "all"),
    ("stage", "deliver", "kms:Decrypt", "artifacts", "all"),
    ("stage", "deliver", "kms:DescribeKey", "artifacts", "all"),
    ("stage", "deliver", "s3:GetBucketAcl", "artifacts", "all"),
    ("stage", "deliver", "s3:GetBucketLocation", "artifacts", "all"),
    ("stage", "deliver", "s3:GetBucketVersioning", "artifacts", "all"),
    ("stage", "deliver", "s3:ListBucket", "artifacts", "all"),
    # The model is copied to where the endpoint is; the key's Decrypt is for a copy in parts.
    ("build", "publish", "s3:PutObject", "site models/7/model.tar.gz", "all"),
    ("build", "publish", "kms:GenerateDataKey", "site", "all"),
    ("build", "publish", "kms:Decrypt", "site", "all"),
    # The same function looks up the image that `cdk deploy` pushed there, as a role that may do nothing else.
    ("build", "publish", "sts:AssumeRole", "stage images", "all"),
    # Smoke test and promotion ask the endpoint as a role of its account.
    ("build", "smoke", "sts:AssumeRole", "stage access", "all"),
    ("build", "promote", "sts:AssumeRole", "stage access", "production"),
    # S3 brings captured requests to the build account, where monitor and tally read them.
    ("stage", "replicate", "s3:ReplicateObject", "captures capture/{stage}/AllTraffic/2026/1.jsonl", "captures"),
    ("stage", "replicate", "s3:GetBucketVersioning", "captures", "captures"),
    ("stage", "replicate", "kms:Encrypt", "captures", "captures"),
    ("stage", "replicate", "kms:Decrypt", "captures", "captures"),
    # A push deploys the stage's stacks with the roles that `cdk bootstrap --trust` made there.
    ("build", "PushBuildRole", "sts:AssumeRole", "bootstrap deploy", "all"),
    ("build", "PushBuildRole", "sts:AssumeRole", "bootstrap file-publishing", "all"),
    ("build", "PushBuildRole", "sts:AssumeRole", "bootstrap image-publishing", "all"),
    ("build", "PushBuildRole", "sts:AssumeRole", "bootstrap lookup", "all"),
)


@dataclass(frozen=True)
class Stage:
    """A stage that is elsewhere.

    Attributes:
        name: Such as staging.
        account: Where it is.
        region: Where it is.
        captures: Whether its requests are captured.
    """

    name: str
    account: str
    region: str
    captures: bool


@dataclass(frozen=True)
class Deployment:
    """What the rows of the table are about.

    Attributes:
        name: Begins the names of everything.
        account: Of build.
        region: Of build.
        stages: Those that are elsewhere.
        keys: ARN of the key of a bucket, by the bucket's ARN.
        push: Name of the role of the build that a push starts, to which CloudFormation gives one; else empty.
    """

    name: str
    account: str
    region: str
    stages: tuple[Stage, ...]
    keys: dict[str, str]
    push: str


def crossings(deployment: Deployment) -> list[Request]:
    """Return the accesses that the table expects, as requests."""
    return [each for stage in deployment.stages for each in _of_stage(deployment, stage)]


def buckets(deployment: Deployment, stage: Stage) -> dict[str, tuple[str, str, str]]:
    """Return the ARN, the account and the region of each bucket that is used across, by its short name."""
    name, build = f"arn:aws:s3:::{deployment.name}", (deployment.account, deployment.region)
    site, relay = (stage.account, stage.region), (deployment.account, stage.region)
    placed = {"site": (stage.name, site), "artifacts": ("artifacts", relay), "captures": ("captures", build)}
    return {short: ("-".join((name, word, *where)), *where) for short, (word, where) in placed.items()}


def _of_stage(deployment: Deployment, stage: Stage) -> Iterator[Request]:
    for whose, purpose, action, on, counts in TABLE:
        pushes = purpose != "PushBuildRole" or deployment.push
        if pushes and counts in ("all", stage.name, "captures" if stage.captures else ""):
            yield _request(deployment, stage, _role(deployment, stage, whose, purpose), action, on)


def _role(deployment: Deployment, stage: Stage, whose: str, purpose: str) -> str:
    if purpose == "PushBuildRole":
        return f"arn:aws:iam::{deployment.account}:role/{deployment.push}"
    if whose == "bootstrap":
        return f"arn:aws:iam::{stage.account}:role/cdk-hnb659fds-{purpose}-role-{stage.account}-{stage.region}"
    account, middle = (deployment.account, "") if whose == "build" else (stage.account, f"-{stage.name}")
    return f"arn:aws:iam::{account}:role/{deployment.name}{middle}-{purpose}"


def _request(deployment: Deployment, stage: Stage, role: str, action: str, on: str) -> Request:
    word, _, rest = on.format(name=deployment.name, stage=stage.name).partition(" ")
    if action == "sts:AssumeRole":
        return Request(role, action, _role(deployment, stage, word, rest), stage.account)
    bucket, account, region = buckets(deployment, stage)[word]
    if action.startswith("s3:"):
        return Request(role, action, f"{bucket}/{rest}" if rest else bucket, account)
    by_s3 = {"kms:ViaService": f"s3.{region}.amazonaws.com", "kms:EncryptionContext:aws:s3:arn": bucket}
    context = {"kms:ResourceAliases": f"alias/{deployment.name}"} if action == "kms:DescribeKey" else by_s3
    return Request(role, action, deployment.keys.get(bucket, "no key"), account, context)
