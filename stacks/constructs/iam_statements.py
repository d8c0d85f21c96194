# SPDX-License-Identifier: MIT-0
"""Principals, IAM statements and the ARNs that they name.

The grants of the CDK library allow more than needed (``s3:List*``, ``kms:ReEncrypt*``). Sources: Service Authorization
Reference; SageMaker Developer Guide, "How to use SageMaker AI execution roles".
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from aws_cdk import Aws, aws_iam
from constructs import Construct

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
