# SPDX-License-Identifier: MIT-0
"""By which operations CloudFormation creates a resource of each type, and what the API calls differently.

Source: the type's page in the CloudFormation Template Reference beside the operation's page in the API Reference.
A type that is not here is a problem, so that a new kind of resource is not passed over.
"""

from dataclasses import dataclass
from typing import Any, Final

from tests.proof import bucket, parameter
from tests.proof.intrinsic import Resource

# CloudFormation's own, and functions that stand for a resource: there is no API to ask.
NOT_REPLAYED: Final = ("Custom::", "AWS::CDK::", "AWS::CloudFormation::")


@dataclass(frozen=True)
class Request:
    """One request.

    Attributes:
        service: Name of botocore's model.
        operation: Name of the operation.
        parameters: Its parameters, names of members in any case.
    """

    service: str
    operation: str
    parameters: dict[str, Any]


def requests(resource: Resource) -> list[Request]:
    """Return the requests that create `resource`; its type must be in OPERATIONS."""
    made = (Request(service, name, each(resource)) for service, name, each in OPERATIONS[resource.kind])
    return [request for request in made if request.parameters]


Operation = tuple[str, str, parameter.Parameters]
OPERATIONS: Final[dict[str, list[Operation]]] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": [
        ("application-autoscaling", "RegisterScalableTarget", parameter.plain("ScheduledActions"))
    ],
    "AWS::ApplicationAutoScaling::ScalingPolicy": [("application-autoscaling", "PutScalingPolicy", parameter.scaling)],
    "AWS::Budgets::Budget": [("budgets", "CreateBudget", parameter.budget)],
    "AWS::CloudWatch::Alarm": [("cloudwatch", "PutMetricAlarm", parameter.named("AlarmName", parameter.plain()))],
    "AWS::CloudWatch::CompositeAlarm": [
        ("cloudwatch", "PutCompositeAlarm", parameter.named("AlarmName", parameter.plain()))
    ],
    "AWS::CloudWatch::Dashboard": [("cloudwatch", "PutDashboard", parameter.named("DashboardName", parameter.plain()))],
    "AWS::CodeBuild::Project": [
        (
            "codebuild",
            "CreateProject",
            parameter.named("Name", parameter.plain("Triggers", "Visibility", "ResourceAccessRole")),
        )
    ],
    "AWS::CodeConnections::Connection": [("codeconnections", "CreateConnection", parameter.plain())],
    "AWS::CodePipeline::Pipeline": [("codepipeline", "CreatePipeline", parameter.delivery)],
    "AWS::CodeStarConnections::Connection": [("codestar-connections", "CreateConnection", parameter.plain())],
    "AWS::Events::Rule": [
        ("events", "PutRule", parameter.named("Name", parameter.plain("Targets"))),
        ("events", "PutTargets", parameter.rule_targets),
    ],
    "AWS::IAM::ManagedPolicy": [
        ("iam", "CreatePolicy", parameter.named("PolicyName", parameter.plain("Roles", "Users", "Groups")))
    ],
    "AWS::IAM::Policy": [("iam", "PutRolePolicy", parameter.role_policies)],
    "AWS::IAM::Role": [("iam", "CreateRole", parameter.role)],
    "AWS::KMS::Alias": [("kms", "CreateAlias", parameter.plain())],
    "AWS::KMS::Key": [("kms", "CreateKey", parameter.key), ("kms", "ScheduleKeyDeletion", parameter.key_deletion)],
    "AWS::Lambda::EventInvokeConfig": [("lambda", "PutFunctionEventInvokeConfig", parameter.plain())],
    "AWS::Lambda::Function": [("lambda", "CreateFunction", parameter.named("FunctionName", parameter.plain()))],
    "AWS::Lambda::Permission": [("lambda", "AddPermission", parameter.permission)],
    "AWS::Logs::LogGroup": [
        (
            "logs",
            "CreateLogGroup",
            parameter.named("LogGroupName", parameter.plain("RetentionInDays", "DataProtectionPolicy")),
        ),
        (
            "logs",
            "PutRetentionPolicy",
            parameter.named("LogGroupName", parameter.only("LogGroupName", "RetentionInDays")),
        ),
    ],
    "AWS::S3::Bucket": [("s3", name, parameter.bucket_setting(name)) for name in bucket.SETTINGS],
    "AWS::S3::BucketPolicy": [
        ("s3", "PutBucketPolicy", parameter.only("Bucket", "PolicyDocument", PolicyDocument="Policy"))
    ],
    "AWS::SNS::Subscription": [("sns", "Subscribe", parameter.only("TopicArn", "Protocol", "Endpoint"))],
    "AWS::SNS::Topic": [("sns", "CreateTopic", parameter.topic)],
    "AWS::SNS::TopicPolicy": [("sns", "SetTopicAttributes", parameter.topic_policy)],
    "AWS::SQS::Queue": [("sqs", "CreateQueue", parameter.queue)],
    "AWS::SQS::QueuePolicy": [("sqs", "SetQueueAttributes", parameter.queue_policy)],
    "AWS::SSM::Parameter": [("ssm", "PutParameter", parameter.named("Name", parameter.plain()))],
    "AWS::SageMaker::Endpoint": [("sagemaker", "CreateEndpoint", parameter.endpoint)],
    "AWS::SageMaker::EndpointConfig": [
        ("sagemaker", "CreateEndpointConfig", parameter.named("EndpointConfigName", parameter.plain())),
    ],
    "AWS::SageMaker::Model": [("sagemaker", "CreateModel", parameter.named("ModelName", parameter.plain()))],
    "AWS::SageMaker::ModelPackageGroup": [("sagemaker", "CreateModelPackageGroup", parameter.plain())],
    "AWS::SageMaker::Pipeline": [("sagemaker", "CreatePipeline", parameter.sagemaker_pipeline)],
    "AWS::Scheduler::Schedule": [("scheduler", "CreateSchedule", parameter.named("Name", parameter.plain()))],
    "AWS::StepFunctions::StateMachine": [("stepfunctions", "CreateStateMachine", parameter.machine)],
}
