# SPDX-License-Identifier: MIT-0
"""Whose credentials they are. STS answers that to everyone, whatever they are allowed.

Source: AWS STS API Reference, GetCallerIdentity ("No permissions are required").

The region: whether one is chosen, whether it is that of the settings, and whether it has what is deployed.

The names of buckets, which are one name space for all accounts: free, ours, or somebody else's.

S3 says 403 both of a bucket of others and of one of ours that these credentials may not list; whether it is ours, the
list of our buckets tells. Source: Amazon S3 API Reference, HeadBucket and ListBuckets.

The CDK's bootstrap, which an account needs once in each region: its version, and the bucket that goes with it.

Its stack keeps its bucket when it is deleted, and the next bootstrap then fails because the name is taken. Source: CDK
Developer Guide, "AWS CDK bootstrapping" and "Troubleshoot AWS CDK bootstrapping issues".

The connection to the repository: somebody has to complete it once in the console, or no push arrives.

A connection is known in every region, whatever region its ARN names. The service was renamed, and an ARN says by which
of its names it is asked. Source: Developer Tools console User Guide, "Global resources in AWS CodeConnections".
"""

from collections.abc import Iterator, Sequence
from enum import Enum, auto
from typing import Any, Final

from botocore.exceptions import ClientError, InvalidRegionError, NoRegionError, ProfileNotFound

from operations.account import aws_errors
from operations.account.aws_errors import AWS_ERRORS, explain_aws_error, has_error_code
from operations.account.deployment_account import Account
from operations.functions.aws_clients import Client
from operations.preflight.preflight_check import CheckContext, PreflightFinding, PreflightVerdict
from operations.preflight.preflight_requirements import DeploymentRequirements, ResourceTypeRequirement

_UNKNOWN_CREDENTIALS_CODES: Final = ("InvalidClientTokenId", "UnrecognizedClientException")
_REGION_HINT: Final = (
    " Or the account has not enabled the region (console: Account, AWS Regions), which looks the same."
)


def check_credentials(account: Account, demand: DeploymentRequirements) -> tuple[PreflightFinding, str]:
    """Return how it stands with the credentials, and the account's id; empty unless AWS can be asked with them."""
    try:
        caller = account.caller()
    except AWS_ERRORS as error:
        unknown = isinstance(error, ClientError) and has_error_code(error, *_UNKNOWN_CREDENTIALS_CODES)
        remedy = str(explain_aws_error(error)) + (_REGION_HINT if unknown else "")
        return PreflightFinding(PreflightVerdict.UNKNOWN, "AWS did not say whose credentials these are", remedy), ""
    return _check_account(caller, demand)


def _check_account(caller: dict[str, Any], demand: DeploymentRequirements) -> tuple[PreflightFinding, str]:
    identity = str(caller["Account"])
    if demand.account not in ("", identity):
        sentence = f"they are those of account {identity} ({caller['Arn']}), but build.account is {demand.account}"
        remedy = f"Sign in to {demand.account} (AWS_PROFILE chooses the profile), or change build.account."
        return PreflightFinding(PreflightVerdict.FAILED, sentence, remedy), ""
    return PreflightFinding(PreflightVerdict.OK, f"account {identity}, as {caller['Arn']}"), identity


def check_region(account: Account, demand: DeploymentRequirements) -> PreflightFinding:
    """Return how it stands with the region; unless that is ok, nothing of AWS can be asked there."""
    wanted = demand.region or "us-east-1"
    try:
        region = account.region
    except NoRegionError:
        return PreflightFinding(PreflightVerdict.UNKNOWN, "no region is chosen", f"export AWS_REGION={wanted}")
    except InvalidRegionError as error:
        return PreflightFinding(PreflightVerdict.UNKNOWN, str(error), f"export AWS_REGION={wanted}")
    except ProfileNotFound as error:
        # Without its profile nobody knows the region either; what this machine has is looked at all the same.
        return PreflightFinding(
            PreflightVerdict.UNKNOWN,
            "the profile of the credentials is not known",
            str(aws_errors.explain_aws_error(error)),
        )
    except aws_errors.AWS_ERRORS as error:
        # The SDK makes no client, and so names no region, without the credentials that it has found.
        return PreflightFinding(
            PreflightVerdict.UNKNOWN, "the credentials cannot be fetched", str(aws_errors.explain_aws_error(error))
        )
    if demand.region not in ("", region):
        sentence = f"{region} is chosen, but build.region is {demand.region}: make next and others would not find it"
        return PreflightFinding(PreflightVerdict.FAILED, sentence, f"export AWS_REGION={demand.region}")
    return PreflightFinding(PreflightVerdict.OK, region)


def check_algorithm_region(region: str, demand: DeploymentRequirements) -> PreflightFinding:
    """Return whether AWS keeps the image of the built-in algorithm in `region`."""
    if region in demand.algorithm_regions:
        return PreflightFinding(PreflightVerdict.OK, f"the built-in image-classification algorithm is in {region}")
    return PreflightFinding(
        PreflightVerdict.FAILED,
        f"{region} has no built-in image-classification algorithm (or it is no region), so that nothing can be trained",
        f"Choose another with AWS_REGION: {', '.join(demand.algorithm_regions)}. If AWS has added it there since, put "
        "the registry's account into stacks/builtin_algorithm_image.py.",
    )


def check_resource_types(
    region: str, types: Sequence[ResourceTypeRequirement], demand: DeploymentRequirements
) -> Iterator[PreflightFinding]:
    """Yield each resource type that CloudFormation does not have in `region`, or that all are there."""
    if region in demand.unpublished:
        sentence = f"no list is published of the resource types that CloudFormation has in {region}"
        yield PreflightFinding(
            PreflightVerdict.UNKNOWN, sentence, f"aws cloudformation list-types --visibility PUBLIC --region {region}"
        )
        return
    missing = [each for each in types if region in each.without]
    for each in missing:
        sentence = f"CloudFormation has no {each.type} in {region}, so that {each.used_by}"
        if each.optional:
            yield PreflightFinding(PreflightVerdict.WARNING, f"{sentence} is left out", each.remedy)
        else:
            yield PreflightFinding(PreflightVerdict.FAILED, f"{sentence} cannot be made", each.remedy)
    if not missing:
        yield PreflightFinding(PreflightVerdict.OK, f"CloudFormation has all that is deployed in {region}")


BUCKET_PERMISSIONS: Final = ("s3:ListBucket", "s3:ListAllMyBuckets")
_FREE_CODES: Final = ("404", "NoSuchBucket")
_OTHER_REGION_CODE: Final = "301"  # it exists, in another region


class BucketOwner(Enum):
    """Whose a name is."""

    NOBODY = auto()
    WE = auto()
    OTHERS = auto()


def check_bucket_names(look: CheckContext) -> Iterator[PreflightFinding]:
    """Yield how it stands with each name that the templates give."""
    for pattern in look.demand.buckets:
        name = resolve_bucket_name(pattern, look)
        holder = find_bucket_owner(look.account.client("s3"), name, look.identity)
        if holder is BucketOwner.OTHERS:
            remedy = "Another account holds it: change it in stacks/, or change the setting `name`."
            yield PreflightFinding(PreflightVerdict.FAILED, f"{name} is taken", remedy)
        else:
            yield PreflightFinding(
                PreflightVerdict.OK, f"{name} is {'free' if holder is BucketOwner.NOBODY else 'ours'}"
            )
    if not look.demand.buckets:
        yield PreflightFinding(
            PreflightVerdict.OK, "CloudFormation makes up the names of all buckets, so that none can be taken"
        )


def resolve_bucket_name(pattern: str, look: CheckContext) -> str:
    """Return the name that `pattern` gives in this account and region, as CloudFormation's Fn::Sub does."""
    return pattern.replace("${AWS::AccountId}", look.identity).replace("${AWS::Region}", look.account.region)


def find_bucket_owner(s3: Client, name: str, identity: str) -> BucketOwner:
    """Return whose the bucket `name` is, seen from account `identity`.

    Raises:
        ClientError: It cannot be told; for want of permission, mostly.
    """
    try:
        s3.head_bucket(Bucket=name, ExpectedBucketOwner=identity)
    except ClientError as error:
        if aws_errors.has_error_code(error, *_FREE_CODES):
            return BucketOwner.NOBODY
        if aws_errors.is_access_denied(error) or aws_errors.has_error_code(error, _OTHER_REGION_CODE):
            return _owner_by_listing(s3, name)
        raise
    return BucketOwner.WE


def _owner_by_listing(s3: Client, name: str) -> BucketOwner:
    pages = s3.get_paginator("list_buckets").paginate(Prefix=name)
    ours = {bucket["Name"] for page in pages for bucket in page.get("Buckets", [])}
    return BucketOwner.WE if name in ours else BucketOwner.OTHERS


BOOTSTRAP_PERMISSIONS: Final = ("ssm:GetParameter", *BUCKET_PERMISSIONS)
_BOOTSTRAP_REMEDY: Final = "make bootstrap, as an administrator"


def check_bootstrap(look: CheckContext) -> Iterator[PreflightFinding]:
    """Yield how it stands with the bootstrap's version, then with its bucket."""
    version = _bootstrap_version(look)
    yield _bootstrap_version_finding(version, look)
    name = resolve_bucket_name(look.demand.bootstrap.bucket, look)
    holder = find_bucket_owner(look.account.client("s3"), name, look.identity)
    yield from _bootstrap_bucket_findings(name, holder, look.demand.bootstrap.stack, bootstrapped=version is not None)


def _bootstrap_version(look: CheckContext) -> str | None:
    """Return the version of the bootstrap stack, or None where there is none."""
    try:
        found = look.account.client("ssm").get_parameter(Name=look.demand.bootstrap.parameter)
    except ClientError as error:
        if aws_errors.is_not_found(error):
            return None
        raise
    return str(found["Parameter"]["Value"])


def _bootstrap_version_finding(version: str | None, look: CheckContext) -> PreflightFinding:
    least, place = look.demand.bootstrap.version, f"account {look.identity} in {look.account.region}"
    if version is None:
        return PreflightFinding(
            PreflightVerdict.FAILED, f"the CDK has not been bootstrapped in {place}", _BOOTSTRAP_REMEDY
        )
    if not version.isdecimal() or int(version) < least:
        sentence = f"the CDK's bootstrap has version {version}, and the templates need {least} or later"
        return PreflightFinding(PreflightVerdict.FAILED, sentence, _BOOTSTRAP_REMEDY)
    return PreflightFinding(PreflightVerdict.OK, f"version {version}; the templates need {least}")


def _bootstrap_bucket_findings(
    name: str, holder: BucketOwner, stack: str, *, bootstrapped: bool
) -> Iterator[PreflightFinding]:
    if holder is BucketOwner.OTHERS:
        remedy = "Do not deploy here: assets would go to others. Choose another AWS_REGION, and tell AWS Support."
        yield PreflightFinding(
            PreflightVerdict.FAILED, f"another account holds the bucket of the bootstrap, {name}", remedy
        )
    elif bootstrapped and holder is BucketOwner.NOBODY:
        remedy = f"Delete the stack {stack} (aws cloudformation delete-stack --stack-name {stack}), then "
        yield PreflightFinding(
            PreflightVerdict.FAILED, f"the bucket of the bootstrap, {name}, is gone", remedy + _BOOTSTRAP_REMEDY
        )
    elif not bootstrapped and holder is BucketOwner.WE:
        remedy = f"If nothing in it is needed: aws s3 rb s3://{name} --force; then {_BOOTSTRAP_REMEDY}"
        yield PreflightFinding(
            PreflightVerdict.FAILED, f"an earlier bootstrap has left its bucket, {name}, in the way", remedy
        )
    elif bootstrapped:
        yield PreflightFinding(PreflightVerdict.OK, f"its bucket {name} is ours")


CONNECTION_PERMISSIONS: Final = ("cloudformation:DescribeStacks", "codeconnections:GetConnection")
_AVAILABLE_STATUS: Final = "AVAILABLE"


def check_connection(look: CheckContext) -> Iterator[PreflightFinding]:
    """Yield how it stands with the connection, if the settings use one."""
    wanted = look.demand.connection
    if not wanted.used:
        yield PreflightFinding(PreflightVerdict.OK, "the settings use none")
        return
    arn = wanted.arn or look.account.outputs("retraining").get("Connection", "")
    if not arn:
        yield PreflightFinding(PreflightVerdict.OK, "make deploy makes one; make next then says where to complete it")
        return
    yield _connection_finding(look, arn, _connection_status(look, arn), given=bool(wanted.arn))


def _connection_status(look: CheckContext, arn: str) -> str:
    """Return PENDING, AVAILABLE or ERROR; empty where there is no such connection."""
    try:
        found = look.account.client(arn.split(":")[2]).get_connection(ConnectionArn=arn)
    except ClientError as error:
        if aws_errors.is_not_found(error):
            return ""
        raise
    return str(found["Connection"]["ConnectionStatus"])


def _connection_finding(look: CheckContext, arn: str, status: str, *, given: bool) -> PreflightFinding:
    if status == _AVAILABLE_STATUS:
        return PreflightFinding(PreflightVerdict.OK, f"{arn} is available")
    # One of our own is made pending by the deployment itself, which goes on without it; only pushes wait.
    verdict = PreflightVerdict.FAILED if given else PreflightVerdict.WARNING
    if not status:
        remedy = "Set source.connection_arn to one of this account, or leave it empty and deploy: one is made."
        return PreflightFinding(verdict, f"there is no connection {arn}", remedy)
    place = look.account.page("codesuite/settings/connections")
    sentence = f"{arn} is {status}, so that no push arrives"
    return PreflightFinding(verdict, sentence, f"Complete or mend it ('Update pending connection'): {place}")
