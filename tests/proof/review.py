# SPDX-License-Identifier: MIT-0
"""What a reviewer has allowed in the policies, each with the reason: the exceptions of iam.py."""

from typing import Final

# Actions that know no resource, or none before it exists (Service Authorization Reference).
NO_RESOURCE: Final = {
    "application-autoscaling:DescribeScalableTargets": "knows no resource; reads alone",
    "application-autoscaling:DescribeScalingPolicies": "knows no resource; reads alone",
    "application-autoscaling:DescribeScheduledActions": "knows no resource; reads alone",
    "cloudwatch:PutMetricData": "knows no resource; allowed for named namespaces only, which iam.py checks",
    "codepipeline:PutJobFailureResult": "knows no resource; a job is known to the function that was given its id",
    "codepipeline:PutJobSuccessResult": "knows no resource; a job is known to the function that was given its id",
    "ec2:DescribeDhcpOptions": "knows no resource; reads alone",
    "ec2:DescribeNetworkInterfaces": "knows no resource; reads alone",
    "ec2:DescribeSecurityGroups": "knows no resource; reads alone",
    "ec2:DescribeSubnets": "knows no resource; reads alone",
    "ec2:DescribeVpcs": "knows no resource; reads alone",
    "ecr:GetAuthorizationToken": "knows no resource; a token alone opens no repository",
    "lambda:ListFunctions": "knows no resource; CodePipeline's documented policy of a Lambda action asks for it",
    "logs:CreateLogDelivery": "log delivery of a state machine knows no resource",
    "logs:DeleteLogDelivery": "log delivery of a state machine knows no resource",
    "logs:DescribeLogGroups": "log delivery of a state machine knows no resource",
    "logs:DescribeResourcePolicies": "log delivery of a state machine knows no resource",
    "logs:GetLogDelivery": "log delivery of a state machine knows no resource",
    "logs:ListLogDeliveries": "log delivery of a state machine knows no resource",
    "logs:PutResourcePolicy": "log delivery of a state machine knows no resource",
    "logs:UpdateLogDelivery": "log delivery of a state machine knows no resource",
    "xray:GetSamplingRules": "knows no resource",
    "xray:GetSamplingTargets": "knows no resource",
    "xray:PutTelemetryRecords": "knows no resource; writes traces and reads none",
    "xray:PutTraceSegments": "knows no resource; writes traces and reads none",
}
# Families of one operation each.
WILD_ACTIONS: Final = {
    "kms:GenerateDataKey*": "with and without the plain text: whoever may use the key may use both",
    "kms:ReEncrypt*": "from and to: one operation in two halves",
}
# What nobody here may do: it would administer what protects the rest, or widen its own permissions.
ADMINISTRATION: Final = frozenset(
    {
        "iam:AddUserToGroup",
        "iam:AttachRolePolicy",
        "iam:AttachUserPolicy",
        "iam:CreateAccessKey",
        "iam:CreatePolicy",
        "iam:CreatePolicyVersion",
        "iam:CreateRole",
        "iam:CreateUser",
        "iam:DeleteRolePolicy",
        "iam:DeleteRolePermissionsBoundary",
        "iam:PutRolePolicy",
        "iam:UpdateAssumeRolePolicy",
        "kms:DisableKey",
        "kms:DisableKeyRotation",
        "kms:PutKeyPolicy",
        "kms:RevokeGrant",
        "kms:ScheduleKeyDeletion",
        "lambda:UpdateFunctionCode",
        "s3:BypassGovernanceRetention",
        "s3:DeleteBucket",
        "s3:DeleteBucketPolicy",
        "s3:DeleteObject",
        "s3:DeleteObjectVersion",
        "s3:PutBucketPolicy",
        "s3:PutBucketPublicAccessBlock",
        "s3:PutEncryptionConfiguration",
        "s3:PutLifecycleConfiguration",
        "sagemaker:DeleteModelPackage",
        "sagemaker:DeleteModelPackageGroup",
        "sns:DeleteTopic",
    }
)
# Services whose calls as a role carry no source, so that their trust policies can name none.
NO_SOURCE: Final = {
    "cloudformation.amazonaws.com": "the documented trust policy names no source; iam:PassRole does not cross accounts",
    "codepipeline.amazonaws.com": "the documented trust policy names no source; iam:PassRole does not cross accounts",
    "lambda.amazonaws.com": "the documented trust policy names no source; iam:PassRole does not cross accounts",
    "s3.amazonaws.com": "that of replication names no source; iam:PassRole, which sets it up, does not cross accounts",
}
# Actions on every resource of a kind, where the service knows nothing narrower.
WHOLE_KIND: Final = {
    "ec2:CreateNetworkInterface": "an interface is named when it is created; subnets and security groups are given",
    "ec2:CreateNetworkInterfacePermission": "an interface's name is random; a condition gives the subnets",
    "ec2:DeleteNetworkInterfacePermission": "an interface's name is random; the documented policy has no condition",
    "ec2:DeleteNetworkInterface": "an interface's name is random; a condition gives the subnets",
    "application-autoscaling": "a scalable target's ARN is a random id; the service namespace narrows it",
    "cloudwatch:DeleteAlarms": "Application Auto Scaling tries it without a name before it takes a scaling target",
    "cloudwatch:DescribeAlarms": "reading alarms; the service looks them up all together",
    "cloudwatch:PutMetricAlarm": "Application Auto Scaling tries it without a name before it takes a scaling target",
}
# Findings of parliament that are no mistakes: a part of the finding, and why.
NO_MISTAKE: Final = {
    "RESOURCE_STAR": "iam.py judges every `*` itself, against NO_RESOURCE; in a key's policy it means that key",
    "Unknown condition kms:EncryptionContext:aws:logs:arn for action kms:DescribeKey": "the statement that CloudWatch "
    "Logs documents; DescribeKey carries no context, so that this part of it never allows anything",
    "ArnLike requires a value of type Arn but given String": "an encryption context is text that holds an ARN here, "
    "and CloudWatch Logs documents the comparison as ArnLike",
    "s3:TlsVersion": "parliament's numbers have no fraction and its list of where the key applies is older; the "
    "statement is the CDK's own, which denies old TLS",
    "'action': 'codestar-connections:UseConnection'": "the service's old prefix beside its new one, which the ARN has: "
    "the service may ask for either",
    "'action': 'states:DescribeExecution'": "parliament knows the ARNs of express executions alone",
    "Unknown action sagemaker:AccessModelPackage": "newer than parliament's list, in the IAM reference",
    "'action': 'sagemaker:CreateModel', 'required_format': 'arn:*:sagemaker:*:*:model/*'": "a model that is made of a "
    "package is asked for on the package too, by SageMaker's guide to deploying a model version",
    "Unknown condition kms:ResourceAliases for action kms:DescribeKey": "newer than parliament's list; the IAM "
    "reference has it for each action on a key",
    "Unknown action UseConnection": "newer than parliament's list: codeconnections, in the IAM reference since 2024",
}
