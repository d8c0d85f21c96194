# SPDX-License-Identifier: MIT-0
"""What roles are let do, a statement at a time, and the ARNs that statements name.

The library's own grants allow more than is needed (``s3:List*``, ``kms:ReEncrypt*``). Sources: Service Authorization
Reference; SageMaker Developer Guide, "How to use SageMaker AI execution roles".
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from aws_cdk import Aws, aws_iam

_KEY_USES: Final = ("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey")
_LOG: Final = ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents")
_PULL: Final = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")

Conditions = Mapping[str, Mapping[str, Any]]


def arn(service: str, resource: str) -> str:
    """Return the ARN of `resource` ("kind/name") of `service` in the account and region of whoever uses it.

    CloudFormation fills both in, whether the settings say them or not, so that policies read the same wherever they
    are, and so does what is said of them in wildcard.py.
    """
    return f"arn:{Aws.PARTITION}:{service}:{Aws.REGION}:{Aws.ACCOUNT_ID}:{resource}"


def of(service: str, *verbs: str) -> list[str]:
    """Return the actions `verbs` of `service`, as policies name them."""
    return [f"{service}:{verb}" for verb in verbs]


def allow(role: aws_iam.IGrantable, *actions: str, on: Sequence[str], where: Conditions | None = None) -> None:
    """Let `role` do `actions` on the resources `on`, where the conditions `where` hold."""
    statement = aws_iam.PolicyStatement(actions=list(actions), resources=list(on), conditions=where)
    role.grant_principal.add_to_principal_policy(statement)


def pass_role(role: aws_iam.IGrantable, passed_arn: str, service: str) -> None:
    """Let `role` hand the role `passed_arn` to `service`, such as sagemaker, and to no other."""
    only = {"StringEquals": {"iam:PassedToService": f"{service}.amazonaws.com"}}
    allow(role, "iam:PassRole", on=[passed_arn], where=only)


def list_prefix(role: aws_iam.IGrantable, bucket_arn: str, *prefixes: str) -> None:
    """Let `role` list what lies below `prefixes` of the bucket."""
    look_up(role, bucket_arn, *(f"{prefix}*" for prefix in prefixes))


def look_up(role: aws_iam.IGrantable, bucket_arn: str, *keys: str) -> None:
    """Let `role` see whether objects with these keys are in the bucket, `*` standing for any letters: not read them.

    It may ask for the bucket's region too: SageMaker's documented execution roles do, and clients use it to find the
    bucket's endpoint.
    """
    allow(role, "s3:ListBucket", on=[bucket_arn], where={"StringLike": {"s3:prefix": list(keys)}})
    allow(role, "s3:GetBucketLocation", on=[bucket_arn])


def read_one(role: aws_iam.IGrantable, bucket_arn: str, key: str) -> None:
    """Let `role` list and read the object `key` of the bucket."""
    allow(role, "s3:GetObject", on=[f"{bucket_arn}/{key}"])
    list_prefix(role, bucket_arn, key)


def read_prefix(role: aws_iam.IGrantable, bucket_arn: str, *prefixes: str) -> None:
    """Let `role` list and read what lies below `prefixes` of the bucket."""
    allow(role, "s3:GetObject", on=_objects(bucket_arn, prefixes))
    list_prefix(role, bucket_arn, *prefixes)


def write_prefix(role: aws_iam.IGrantable, bucket_arn: str, *prefixes: str) -> None:
    """Let `role` write below `prefixes` of the bucket, large objects in parts; it can delete none."""
    allow(role, "s3:AbortMultipartUpload", "s3:PutObject", on=_objects(bucket_arn, prefixes))


def use_key(role: aws_iam.IGrantable, key_arn: str) -> None:
    """Let `role` read and write under the key, and have volumes encrypted with it."""
    allow(role, *_KEY_USES, on=[key_arn])
    attach_volumes(role, key_arn)


def attach_volumes(role: aws_iam.IGrantable, key_arn: str) -> None:
    """Let `role` have volumes encrypted with the key.

    A volume is attached by way of a grant on the key. SageMaker makes it with the permissions of the job's or the
    endpoint's role, and with those of whoever asks for it only if the role does not have it [?].
    """
    allow(role, "kms:CreateGrant", on=[key_arn], where={"Bool": {"kms:GrantIsForAWSResource": "true"}})


def write_logs(role: aws_iam.IGrantable, *groups: str) -> None:
    """Let `role` write logs below /aws/sagemaker/<group> and metrics of SageMaker's namespaces."""
    prefix = f"arn:{Aws.PARTITION}:logs:{Aws.REGION}:{Aws.ACCOUNT_ID}:log-group:/aws/sagemaker"
    allow(role, *_LOG, on=[f"{prefix}/{group}*" for group in groups])
    own = {"StringLike": {"cloudwatch:namespace": "/aws/sagemaker/*"}}
    allow(role, "cloudwatch:PutMetricData", on=["*"], where=own)


def pull(role: aws_iam.IGrantable, *repository_arns: str) -> None:
    """Let `role` pull images from the repositories."""
    allow(role, *_PULL, on=repository_arns)
    allow(role, "ecr:GetAuthorizationToken", on=["*"])


def _objects(bucket_arn: str, prefixes: Sequence[str]) -> list[str]:
    return [f"{bucket_arn}/{prefix}*" for prefix in prefixes]
