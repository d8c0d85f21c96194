# SPDX-License-Identifier: MIT-0
"""Checks credentials, region, bucket names, bootstrap and repository connection of an account.

Sources: AWS STS API Reference, GetCallerIdentity ("No permissions are required"); Amazon S3 API Reference, HeadBucket
and ListBuckets; CDK Developer Guide, "AWS CDK bootstrapping", "Troubleshoot AWS CDK bootstrapping issues" and
"Customize AWS CDK bootstrapping" (--trust, --cloudformation-execution-policies); Developer Tools console User Guide,
"Global resources in AWS CodeConnections".
"""

from collections.abc import Iterator, Sequence
from enum import Enum, auto
from typing import Final

from botocore.exceptions import ClientError, InvalidRegionError, NoRegionError, ProfileNotFound

from operations.account import aws_errors
from operations.account.deployment_account import Account
from operations.functions.aws_clients import Client
from operations.preflight.preflight_check import (
    CheckContext,
    PreflightFinding,
    PreflightVerdict,
    failed,
    ok,
    unknown,
    warning,
)
from operations.preflight.preflight_requirements import DeploymentRequirements, ResourceTypeRequirement

_UNKNOWN_CREDENTIALS_CODES: Final = ("InvalidClientTokenId", "UnrecognizedClientException")
_REGION_HINT: Final = (
    " Or the account has not enabled the region (console: Account, AWS Regions), which looks the same."
)
BUCKET_PERMISSIONS: Final = ("s3:ListBucket", "s3:ListAllMyBuckets")
_FREE_CODES: Final = ("404", "NoSuchBucket")
_OTHER_REGION_CODE: Final = "301"  # it exists, in another region
BOOTSTRAP_PERMISSIONS: Final = ("ssm:GetParameter", *BUCKET_PERMISSIONS)
_BOOTSTRAP_REMEDY: Final = "make bootstrap, as an administrator"
TRUST_PERMISSIONS: Final = ("cloudformation:DescribeStacks",)
_TRUST_REMEDY: Final = "make bootstrap, with the profile of that account: it prints the command"
CONNECTION_PERMISSIONS: Final = ("cloudformation:DescribeStacks", "codeconnections:GetConnection")
_AVAILABLE_STATUS: Final = "AVAILABLE"


def check_credentials(account: Account, requirements: DeploymentRequirements) -> tuple[PreflightFinding, str]:
    """Return the finding, and the id of the account; empty unless these credentials can be used."""
    try:
        caller = account.caller()
    except aws_errors.AWS_ERRORS as error:
        is_unknown = isinstance(error, ClientError) and aws_errors.has_error_code(error, *_UNKNOWN_CREDENTIALS_CODES)
        remedy = str(aws_errors.explain_aws_error(error)) + (_REGION_HINT if is_unknown else "")
        return unknown("AWS did not identify the credentials", remedy), ""
    identity = str(caller["Account"])
    if requirements.account not in ("", identity):
        sentence = f"they belong to account {identity} ({caller['Arn']}), but build.account is {requirements.account}"
        remedy = f"Sign in to {requirements.account} (AWS_PROFILE chooses the profile), or change build.account."
        return failed(sentence, remedy), ""
    return ok(f"account {identity}, as {caller['Arn']}"), identity


def check_region(account: Account, requirements: DeploymentRequirements) -> PreflightFinding:
    """Return whether a region is chosen and is that of the settings; only then can the account be checked."""
    wanted = requirements.region or "us-east-1"
    try:
        region = account.region
    except NoRegionError:
        return unknown("no region is chosen", f"export AWS_REGION={wanted}")
    except InvalidRegionError as error:
        return unknown(str(error), f"export AWS_REGION={wanted}")
    except ProfileNotFound as error:
        # The profile names the region too; the machine is checked all the same.
        return unknown(
            "the profile of the credentials does not exist",
            str(aws_errors.explain_aws_error(error)),
        )
    except aws_errors.AWS_ERRORS as error:
        # The SDK makes no client, which names the region, if it cannot fetch the credentials that it has found.
        return unknown("the credentials cannot be fetched", str(aws_errors.explain_aws_error(error)))
    if requirements.region not in ("", region):
        sentence = (
            f"{region} is chosen, but build.region is {requirements.region}: commands would not find the deployment"
        )
        return failed(sentence, f"export AWS_REGION={requirements.region}")
    return ok(region)


def check_algorithm_region(region: str, requirements: DeploymentRequirements) -> PreflightFinding:
    """Return whether the images of the training algorithm can be had in `region`."""
    algorithm = requirements.algorithm
    if not requirements.algorithm_regions:
        return ok(f"{algorithm}: cdk deploy builds its images, for any region")
    if region in requirements.algorithm_regions:
        return ok(f"{algorithm}: AWS has its image in {region}")
    return failed(
        f"{algorithm}: AWS has no image of it in {region}, or that is not a region: no training",
        f"Choose another region with AWS_REGION: {', '.join(requirements.algorithm_regions)}; or an algorithm whose "
        "images cdk deploy builds (training.algorithm). If AWS has added the image since, put the registry's account "
        f"into pipeline_src/algorithms/{algorithm}/.",
    )


def check_resource_types(
    region: str, types: Sequence[ResourceTypeRequirement], requirements: DeploymentRequirements
) -> Iterator[PreflightFinding]:
    """Yield the resource types that CloudFormation lacks in `region`, or that it has all."""
    if region in requirements.unpublished:
        sentence = f"AWS publishes no list of the resource types that CloudFormation has in {region}"
        yield unknown(sentence, f"aws cloudformation list-types --visibility PUBLIC --region {region}")
        return
    missing = [each for each in types if region in each.without]
    for each in missing:
        sentence = f"CloudFormation has no {each.type} in {region}: {each.used_by}"
        if each.optional:
            yield warning(f"{sentence} is left out", each.remedy)
        else:
            yield failed(f"{sentence} cannot be created", each.remedy)
    if not missing:
        yield ok(f"CloudFormation has all resource types that are deployed in {region}")


class BucketOwner(Enum):
    """The owner of a bucket name; the names of all accounts are one name space."""

    NOBODY = auto()
    OURS = auto()
    OTHERS = auto()


def check_bucket_names(context: CheckContext) -> Iterator[PreflightFinding]:
    """Yield whether each bucket name in the templates is free or ours."""
    for pattern in context.requirements.buckets:
        name = resolve_bucket_name(pattern, context)
        holder = find_bucket_owner(context.account.client("s3"), name, context.identity)
        if holder is BucketOwner.OTHERS:
            remedy = "Another account owns it: change it in stacks/, or change the setting `name`."
            yield failed(f"{name} is taken", remedy)
        else:
            yield ok(f"{name} is {'free' if holder is BucketOwner.NOBODY else 'ours'}")
    if not context.requirements.buckets:
        yield ok("CloudFormation generates the names of all buckets")


def resolve_bucket_name(pattern: str, context: CheckContext) -> str:
    """Return `pattern` with account and region filled in, as CloudFormation's Fn::Sub does."""
    return pattern.replace("${AWS::AccountId}", context.identity).replace("${AWS::Region}", context.account.region)


def find_bucket_owner(s3: Client, name: str, identity: str) -> BucketOwner:
    """Return who owns the bucket `name`, as seen by account `identity`.

    S3 answers 403 both for the bucket of another account and for one of ours that these credentials may not list; the
    list of our buckets tells them apart.

    Raises:
        ClientError: S3 refused to tell, mostly for want of a permission.
    """
    try:
        s3.head_bucket(Bucket=name, ExpectedBucketOwner=identity)
    except ClientError as error:
        if aws_errors.has_error_code(error, *_FREE_CODES):
            return BucketOwner.NOBODY
        if aws_errors.is_access_denied(error) or aws_errors.has_error_code(error, _OTHER_REGION_CODE):
            return _owner_by_listing(s3, name)
        raise
    return BucketOwner.OURS


def _owner_by_listing(s3: Client, name: str) -> BucketOwner:
    pages = s3.get_paginator("list_buckets").paginate(Prefix=name)
    ours = {bucket["Name"] for page in pages for bucket in page.get("Buckets", [])}
    return BucketOwner.OURS if name in ours else BucketOwner.OTHERS


def check_bootstrap(context: CheckContext) -> Iterator[PreflightFinding]:
    """Yield the findings about the version of the CDK's bootstrap and about its bucket.

    The stack keeps its bucket when it is deleted, and the next bootstrap then fails because the name is taken.
    """
    version = _bootstrap_version(context)
    yield _bootstrap_version_finding(version, context)
    name = resolve_bucket_name(context.requirements.bootstrap.bucket, context)
    holder = find_bucket_owner(context.account.client("s3"), name, context.identity)
    yield from _bootstrap_bucket_findings(
        name, holder, context.requirements.bootstrap.stack, bootstrapped=version is not None
    )


def _bootstrap_version(context: CheckContext) -> str | None:
    """Return the version of the bootstrap stack, or None where there is none."""
    try:
        found = context.account.client("ssm").get_parameter(Name=context.requirements.bootstrap.parameter)
    except ClientError as error:
        if aws_errors.is_not_found(error):
            return None
        raise
    return str(found["Parameter"]["Value"])


def _bootstrap_version_finding(version: str | None, context: CheckContext) -> PreflightFinding:
    least, place = context.requirements.bootstrap.version, f"account {context.identity} in {context.account.region}"
    if version is None:
        return failed(f"the CDK has not been bootstrapped in {place}", _BOOTSTRAP_REMEDY)
    if not version.isdecimal() or int(version) < least:
        sentence = f"the CDK's bootstrap has version {version}; the templates need {least} or later"
        return failed(sentence, _BOOTSTRAP_REMEDY)
    return ok(f"version {version}; the templates need {least}")


def _bootstrap_bucket_findings(
    name: str, holder: BucketOwner, stack: str, *, bootstrapped: bool
) -> Iterator[PreflightFinding]:
    if holder is BucketOwner.OTHERS:
        remedy = (
            "Do not deploy here: that account would get the assets. Choose another AWS_REGION and tell AWS Support."
        )
        yield failed(f"another account owns the bucket of the bootstrap, {name}", remedy)
    elif bootstrapped and holder is BucketOwner.NOBODY:
        remedy = f"Delete the stack {stack} (aws cloudformation delete-stack --stack-name {stack}), then "
        yield failed(f"the bucket of the bootstrap, {name}, does not exist", remedy + _BOOTSTRAP_REMEDY)
    elif not bootstrapped and holder is BucketOwner.OURS:
        remedy = f"If nothing in it is needed: aws s3 rb s3://{name} --force; then {_BOOTSTRAP_REMEDY}"
        yield failed(f"an earlier bootstrap has left its bucket, {name}, which prevents a new one", remedy)
    elif bootstrapped:
        yield ok(f"its bucket {name} is ours")


def check_trust(context: CheckContext) -> Iterator[PreflightFinding]:
    """Yield whether the bootstrap of another account lets the account of the build deploy into it."""
    build = context.requirements.account
    if context.identity == build:
        return
    parameters = _bootstrap_parameters(context)
    if parameters is None:
        missing = f"no stack {context.requirements.bootstrap.stack} in {context.account.region}"
        sentence = f"account {context.identity} has {missing}, which names the accounts that it trusts"
        remedy = f"{_TRUST_REMEDY}; if its stack has another name, check that it trusts {build}"
        yield unknown(sentence, remedy)
    elif build not in parameters.get("TrustedAccounts", "").split(","):
        sentence = (
            f"the CDK's bootstrap of account {context.identity} in {context.account.region} does not trust {build}"
        )
        yield failed(f"{sentence}: nothing can be deployed there", _TRUST_REMEDY)
    elif not parameters.get("CloudFormationExecutionPolicies"):
        sentence = (
            f"the CDK's bootstrap of account {context.identity} trusts {build}, but gives CloudFormation no policy"
        )
        yield failed(sentence, _TRUST_REMEDY)
    else:
        yield ok(f"the bootstrap of account {context.identity} trusts {build}")


def _bootstrap_parameters(context: CheckContext) -> dict[str, str] | None:
    try:
        (found,) = context.account.client("cloudformation").describe_stacks(
            StackName=context.requirements.bootstrap.stack
        )["Stacks"]
    except ClientError as error:
        if aws_errors.is_not_found(error):
            return None
        raise
    return {each["ParameterKey"]: each.get("ParameterValue", "") for each in found.get("Parameters", [])}


def check_connection(context: CheckContext) -> Iterator[PreflightFinding]:
    """Yield whether the connection to the repository is complete, if the settings use one.

    Somebody has to complete it once in the console, or no push arrives. A connection is known in every region. The
    service was renamed; the ARN of a connection says which name to use.
    """
    wanted = context.requirements.connection
    if not wanted.used:
        yield ok("the settings use no connection")
        return
    arn = wanted.arn or context.account.outputs("retraining").get("Connection", "")
    if not arn:
        yield ok("make deploy creates one; make next then says where to complete it")
        return
    yield _connection_finding(context, arn, _connection_status(context, arn), given=bool(wanted.arn))


def _connection_status(context: CheckContext, arn: str) -> str:
    """Return PENDING, AVAILABLE or ERROR; empty where there is no such connection."""
    try:
        found = context.account.client(arn.split(":")[2]).get_connection(ConnectionArn=arn)
    except ClientError as error:
        if aws_errors.is_not_found(error):
            return ""
        raise
    return str(found["Connection"]["ConnectionStatus"])


def _connection_finding(context: CheckContext, arn: str, status: str, *, given: bool) -> PreflightFinding:
    if status == _AVAILABLE_STATUS:
        return ok(f"{arn} is available")
    # The deployment creates its own connection as pending and succeeds without it; only pushes wait.
    verdict = PreflightVerdict.FAILED if given else PreflightVerdict.WARNING
    if not status:
        remedy = "Set source.connection_arn to one of this account, or leave it empty: make deploy creates one."
        return PreflightFinding(verdict, f"connection {arn} does not exist", remedy)
    place = context.account.page("codesuite/settings/connections")
    sentence = f"{arn} is {status}: no push arrives"
    return PreflightFinding(verdict, sentence, f"Complete or fix it ('Update pending connection'): {place}")
