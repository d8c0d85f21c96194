# SPDX-License-Identifier: MIT-0
"""Principals, IAM statements and the ARNs that they name, in one account and across accounts and regions.

The grants of the CDK library allow more than needed (``s3:List*``, ``kms:ReEncrypt*``).

Statements for cross-account and cross-region access are used on both sides. KMS, S3 and IAM refuse a policy that names
a role that does not exist yet, and one of the two sides is always deployed first. So the principal is the other account
as a whole, with the condition that the caller is the role of a given name. Of another account's key only account and
region are known, as its id is random: a role may use any key there that admits it, through S3, for one bucket, and
describe the key of a given alias. Access is as narrow as the narrower side.

Sources: Service Authorization Reference; SageMaker Developer Guide, "How to use SageMaker AI execution roles"; IAM User
Guide, "Cross-account policy evaluation logic" and "AWS global condition context keys" (aws:PrincipalArn); KMS Developer
Guide, "AWS KMS condition keys" (kms:ViaService, kms:EncryptionContext, and kms:ResourceAliases, which a key policy
cannot use) and "Use aliases to control access to KMS keys" (its example names keys of two accounts, but no use across
them, so that only DescribeKey relies on it here); S3 User Guide, "Reducing the cost of SSE-KMS with Amazon S3 Bucket
Keys" (the context is the bucket's ARN).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from aws_cdk import Aws, aws_iam, aws_kms, aws_s3
from constructs import Construct

from stacks.settings.deployment_settings import AwsEnvironment

_KEY_ACTIONS: Final = ("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey")
_LOG_ACTIONS: Final = ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents")
_PULL_ACTIONS: Final = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")

PolicyConditions = Mapping[str, Mapping[str, Any]]


def service_principal(service: str) -> aws_iam.ServicePrincipal:
    """Return `service`, such as sagemaker, as a principal that acts for this account only.

    CodeBuild, EventBridge and SageMaker document that condition for roles ("Cross-service confused deputy prevention").
    """
    own = {"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}}
    return aws_iam.ServicePrincipal(f"{service}.amazonaws.com", conditions=own)


def create_event_role(scope: Construct, description: str) -> aws_iam.Role:
    """Return the role of event rules, to which each target adds its permissions.

    The library's own role could be assumed on behalf of any account.
    """
    return aws_iam.Role(scope, "EventRole", assumed_by=service_principal("events"), description=description)


def resource_arn(service: str, resource: str) -> str:
    """Return the ARN of `resource` ("kind/name") of `service` in the account and region of the stack that uses it.

    CloudFormation fills both in, whether the settings say them or not, so that policies and the suppressions in
    nag/wildcard_suppressions.py read the same everywhere.
    """
    return f"arn:{Aws.PARTITION}:{service}:{Aws.REGION}:{Aws.ACCOUNT_ID}:{resource}"


def service_actions(service: str, *verbs: str) -> list[str]:
    """Return the actions `verbs` of `service`, as policies name them."""
    return [f"{service}:{verb}" for verb in verbs]


def grant_actions(
    role: aws_iam.IGrantable, *actions: str, on: Sequence[str], where: PolicyConditions | None = None
) -> None:
    """Let `role` do `actions` on the resources `on`, where the conditions `where` hold."""
    statement = aws_iam.PolicyStatement(actions=list(actions), resources=list(on), conditions=where)
    role.grant_principal.add_to_principal_policy(statement)


def grant_pass_role(role: aws_iam.IGrantable, passed_arn: str, service: str) -> None:
    """Let `role` hand the role `passed_arn` to `service`, such as sagemaker, and to no other."""
    only = {"StringEquals": {"iam:PassedToService": f"{service}.amazonaws.com"}}
    grant_actions(role, "iam:PassRole", on=[passed_arn], where=only)


def grant_list_prefix(role: aws_iam.IGrantable, bucket_arn: str, *prefixes: str) -> None:
    """Let `role` list what lies below `prefixes` of the bucket."""
    grant_object_lookup(role, bucket_arn, *(f"{prefix}*" for prefix in prefixes))


def grant_object_lookup(role: aws_iam.IGrantable, bucket_arn: str, *keys: str) -> None:
    """Let `role` see whether objects with these keys are in the bucket, `*` standing for any letters: not read them.

    It may ask for the bucket's region too: SageMaker's documented execution roles do, and clients use it to find the
    bucket's endpoint.
    """
    grant_actions(role, "s3:ListBucket", on=[bucket_arn], where={"StringLike": {"s3:prefix": list(keys)}})
    grant_actions(role, "s3:GetBucketLocation", on=[bucket_arn])


def grant_read_object(role: aws_iam.IGrantable, bucket_arn: str, key: str) -> None:
    """Let `role` list and read the object `key` of the bucket."""
    grant_actions(role, "s3:GetObject", on=[f"{bucket_arn}/{key}"])
    grant_list_prefix(role, bucket_arn, key)


def grant_read_prefix(role: aws_iam.IGrantable, bucket_arn: str, *prefixes: str) -> None:
    """Let `role` list and read what lies below `prefixes` of the bucket."""
    grant_actions(role, "s3:GetObject", on=_object_arns(bucket_arn, prefixes))
    grant_list_prefix(role, bucket_arn, *prefixes)


def grant_write_prefix(role: aws_iam.IGrantable, bucket_arn: str, *prefixes: str) -> None:
    """Let `role` write below `prefixes` of the bucket, large objects in parts; it can delete none."""
    grant_actions(role, "s3:AbortMultipartUpload", "s3:PutObject", on=_object_arns(bucket_arn, prefixes))


def grant_key_use(role: aws_iam.IGrantable, key_arn: str) -> None:
    """Let `role` read and write under the key, and have volumes encrypted with it."""
    grant_actions(role, *_KEY_ACTIONS, on=[key_arn])
    grant_volume_encryption(role, key_arn)


def grant_volume_encryption(role: aws_iam.IGrantable, key_arn: str) -> None:
    """Let `role` have volumes encrypted with the key.

    A volume is attached by way of a grant on the key. SageMaker makes it with the permissions of the job's or the
    endpoint's role, and with those of whoever asks for it only if the role does not have it [?].
    """
    grant_actions(role, "kms:CreateGrant", on=[key_arn], where={"Bool": {"kms:GrantIsForAWSResource": "true"}})


def grant_write_logs(role: aws_iam.IGrantable, *groups: str) -> None:
    """Let `role` write logs below /aws/sagemaker/<group> and metrics of SageMaker's namespaces."""
    prefix = f"arn:{Aws.PARTITION}:logs:{Aws.REGION}:{Aws.ACCOUNT_ID}:log-group:/aws/sagemaker"
    grant_actions(role, *_LOG_ACTIONS, on=[f"{prefix}/{group}*" for group in groups])
    own = {"StringLike": {"cloudwatch:namespace": "/aws/sagemaker/*"}}
    grant_actions(role, "cloudwatch:PutMetricData", on=["*"], where=own)


def grant_pull_image(role: aws_iam.IGrantable, *repository_arns: str) -> None:
    """Let `role` pull images from the repositories."""
    grant_actions(role, *_PULL_ACTIONS, on=repository_arns)
    grant_actions(role, "ecr:GetAuthorizationToken", on=["*"])


def _object_arns(bucket_arn: str, prefixes: Sequence[str]) -> list[str]:
    return [f"{bucket_arn}/{prefix}*" for prefix in prefixes]


def remote_role_arn(where: AwsEnvironment, name: str) -> str:
    """Return the ARN of the role `name` in the account of `where`."""
    return f"arn:{Aws.PARTITION}:iam::{where.account}:role/{name}"


def remote_resource_arn(where: AwsEnvironment, service: str, resource: str) -> str:
    """Return the ARN of `resource` ("kind/name") of `service` in the account and region of `where`."""
    return f"arn:{Aws.PARTITION}:{service}:{where.region}:{where.account}:{resource}"


def arn_of_bucket(name: str) -> str:
    """Return the ARN of the bucket `name`."""
    return f"arn:{Aws.PARTITION}:s3:::{name}"


def named_roles_principal(where: AwsEnvironment, *roles: str) -> aws_iam.IPrincipal:
    """Return exactly the roles of these names in the account of `where`, whether they are there yet or not."""
    named = [remote_role_arn(where, name) for name in roles]
    only = {"ArnEquals": {"aws:PrincipalArn": named}}
    return aws_iam.AccountPrincipal(where.account).with_conditions(only)


def grant_remote_key_use(role: aws_iam.IGrantable, where: AwsEnvironment, bucket: str, *verbs: str) -> None:
    """Let `role` use the key of the bucket `bucket`, which is in `where`: this side of it."""
    grant_actions(
        role,
        *_kms_actions(verbs),
        on=[remote_resource_arn(where, "kms", "key/*")],
        where=_via_s3_conditions(where, bucket),
    )


def grant_describe_remote_key(role: aws_iam.IGrantable, where: AwsEnvironment, alias: str) -> None:
    """Let `role` ask about the key in `where` that `alias` leads to: this side of it."""
    named = {"ForAnyValue:StringEquals": {"kms:ResourceAliases": alias}}
    grant_actions(role, "kms:DescribeKey", on=[remote_resource_arn(where, "kms", "key/*")], where=named)


def add_describe_key_statement(key: aws_kms.Key, by: aws_iam.IPrincipal) -> None:
    """Let `by` ask about `key`: the key's side of it."""
    key.add_to_resource_policy(aws_iam.PolicyStatement(actions=["kms:DescribeKey"], principals=[by], resources=["*"]))


def add_use_key_statement(
    key: aws_kms.Key, by: aws_iam.IPrincipal, where: AwsEnvironment, bucket: str, *verbs: str
) -> None:
    """Let `by` use `key` of the bucket `bucket`, both of which are in `where`: the key's side of it."""
    key.add_to_resource_policy(
        aws_iam.PolicyStatement(
            actions=_kms_actions(verbs), principals=[by], resources=["*"], conditions=_via_s3_conditions(where, bucket)
        )
    )


def add_bucket_statement(bucket: aws_s3.Bucket, by: aws_iam.IPrincipal, actions: Sequence[str], *keys: str) -> None:
    """Let `by` do `actions` on the bucket or, where `keys` are given, on its objects of these keys."""
    on = [bucket.arn_for_objects(key) for key in keys] or [bucket.bucket_arn]
    bucket.add_to_resource_policy(aws_iam.PolicyStatement(actions=list(actions), principals=[by], resources=on))


def _kms_actions(verbs: Sequence[str]) -> list[Any]:
    return [f"kms:{verb}" for verb in verbs]


def _via_s3_conditions(where: AwsEnvironment, bucket: str) -> PolicyConditions:
    only = {
        "kms:ViaService": f"s3.{where.region}.amazonaws.com",
        "kms:EncryptionContext:aws:s3:arn": arn_of_bucket(bucket),
    }
    return {"StringEquals": only}
