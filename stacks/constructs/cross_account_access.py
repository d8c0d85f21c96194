# SPDX-License-Identifier: MIT-0
"""IAM statements for cross-account and cross-region access, used on both sides.

KMS, S3 and IAM refuse a policy that names a role that does not exist yet, and one of the two sides is always deployed
first. So the principal is the other account as a whole, with the condition that the caller is the role of a given name.
Of another account's key only account and region are known, as its id is random: a role may use any key there that
admits it, through S3, for one bucket, and describe the key of a given alias. Access is as narrow as the narrower side.

Sources: IAM User Guide, "Cross-account policy evaluation logic" and "AWS global condition context keys"
(aws:PrincipalArn); KMS Developer Guide, "AWS KMS condition keys" (kms:ViaService, kms:EncryptionContext, and
kms:ResourceAliases, which a key policy cannot use) and "Use aliases to control access to KMS keys" (its example names
keys of two accounts, but no use across them, so that only DescribeKey relies on it here); S3 User Guide, "Reducing the
cost of SSE-KMS with Amazon S3 Bucket Keys" (the context is the bucket's ARN).
"""

from collections.abc import Sequence
from typing import Any

from aws_cdk import Aws, aws_iam, aws_kms, aws_s3

from stacks.constructs.iam_statements import PolicyConditions, grant_actions
from stacks.settings.deployment_settings import AwsEnvironment


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
