# SPDX-License-Identifier: MIT-0
"""Resources as the application's templates hold them, each with its guardrails, and edits of them by path."""

import copy
import json
from typing import Any, Final

from tests.review.template import Template, allow, policy, resource


class _Removed:
    def __repr__(self) -> str:
        return "removed"  # in the ids of tests, which must be the same in every process


REMOVED: Final = _Removed()
HASH: Final = "0123456789abcdef" * 4
TOPIC: Final = {"Ref": "Topic"}
QUEUE: Final = {"Fn::GetAtt": ["Queue", "Arn"]}


def action(name: str, category: str, order: int, **configuration: Any) -> dict[str, Any]:
    return {
        "Name": name,
        "ActionTypeId": {"Category": category, "Provider": category},
        "Configuration": configuration,
        "RunOrder": order,
    }


MACHINE: Final = {
    "StartAt": "Start",
    "TimeoutSeconds": 86400,
    "States": {
        "Start": {
            "Type": "Task",
            "Resource": "start",
            "TimeoutSeconds": 60,
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Failed"}],
            "Next": "Wait",
        },
        "Wait": {"Type": "Wait", "Seconds": 60, "Next": "Outcome"},
        "Outcome": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.status", "StringEquals": "Succeeded", "Next": "Succeeded"}],
            "Default": "Failed",
        },
        "Succeeded": {"Type": "Succeed"},
        "Failed": {"Type": "Fail", "Error": "RetrainingFailed"},
    },
}
BUILD: Final = {"version": "0.2", "phases": {"build": {"commands": ["make check test deploy-ci", "echo done"]}}}
TIDY: Final = {"Id": "Tidy", "NoncurrentVersionExpiration": {"NoncurrentDays": 30}, "Status": "Enabled"}
KEEP_TEN: Final = {
    "rulePriority": 1,
    "selection": {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 10},
    "action": {"type": "expire"},
}
PATTERN: Final = {
    "source": ["aws.sagemaker"],
    "detail": {"ModelPackageGroupName": ["skin-lesion"], "ModelApprovalStatus": ["Approved", "Rejected"]},
}


def step(name: str, kind: str, **given: Any) -> dict[str, Any]:
    return {"Name": name, "Type": kind, **given}


BASE: Final[Template] = {
    "Bucket": resource(
        "AWS::S3::Bucket",
        "Bucket",
        LifecycleConfiguration={
            "Rules": [
                TIDY,
                {"Id": "Capture", "Prefix": "capture/", "ExpirationInDays": 30, "Status": "Enabled"},
                {"Id": "Resting", "Prefix": "runs/", "ExpirationInDays": 30, "Status": "Disabled"},
            ]
        },
        VersioningConfiguration={"Status": "Enabled"},
        NotificationConfiguration={"EventBridgeConfiguration": {"EventBridgeEnabled": True}},
        ReplicationConfiguration={"Rules": [{"Id": "Copy", "Status": "Enabled"}]},
        ObjectLockConfiguration={"Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 30}}},
        Tags=[{"Key": "project", "Value": "a"}],
    ),
    "Log": resource("AWS::Logs::LogGroup", "Log", RetentionInDays=365),
    "Endless": resource("AWS::Logs::LogGroup", "Endless", LogGroupName="endless"),
    "Key": resource("AWS::KMS::Key", "Key", PendingWindowInDays=30, EnableKeyRotation=True, RotationPeriodInDays=180),
    "Queue": resource("AWS::SQS::Queue", "Queue", MessageRetentionPeriod=1209600, RedrivePolicy={"maxReceiveCount": 3}),
    "Topic": resource("AWS::SNS::Topic", "Topic", DisplayName="Topic"),
    "Images": resource(
        "AWS::ECR::Repository",
        "Images",
        LifecyclePolicy={"LifecyclePolicyText": json.dumps({"rules": [KEEP_TEN]})},
        ImageTagMutability="IMMUTABLE",
        ImageScanningConfiguration={"ScanOnPush": True},
    ),
    "Table": resource(
        "AWS::DynamoDB::Table",
        "Table",
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": 35},
        DeletionProtectionEnabled=True,
        TableName="records",
    ),
    "Database": resource("AWS::RDS::DBInstance", "Database", BackupRetentionPeriod=14, DeletionProtection=True),
    "Files": resource("AWS::EFS::FileSystem", "Files", BackupPolicy={"Status": "ENABLED"}),
    "Stream": resource("AWS::Kinesis::Stream", "Stream", RetentionPeriodHours=168),
    "Archive": resource("AWS::Events::Archive", "Archive", SourceArn="bus"),
    "Metrics": resource(
        "AWS::Timestream::Table", "Metrics", RetentionProperties={"MagneticStoreRetentionPeriodInDays": "90"}
    ),
    "Alarm": resource(
        "AWS::CloudWatch::Alarm",
        "Alarm",
        AlarmActions=[TOPIC, "arn:second"],
        AlarmDescription="It fails.",
        ComparisonOperator="GreaterThanThreshold",
        DatapointsToAlarm=2,
        Dimensions=[{"Name": "EndpointName", "Value": "production"}],
        EvaluationPeriods=3,
        MetricName="Errors",
        Namespace="AWS/SageMaker",
        Period=60,
        Statistic="Average",
        Threshold=0.01,
        TreatMissingData="breaching",
    ),
    "Low": resource(
        "AWS::CloudWatch::Alarm",
        "Low",
        ComparisonOperator="LessThanThreshold",
        EvaluationPeriods=1,
        MetricName="Requests",
        Period=300,
        Statistic="Sum",
        Threshold=10,
    ),
    "Rule": resource(
        "AWS::Events::Rule",
        "Rule",
        EventPattern=PATTERN,
        State="ENABLED",
        Targets=[
            {"Id": "Target0", "Arn": {"Fn::GetAtt": ["Function", "Arn"]}, "DeadLetterConfig": {"Arn": QUEUE}},
            {"Id": "Target1", "Arn": TOPIC},
        ],
    ),
    "Teller": resource("AWS::Events::Rule", "Teller", EventPattern=PATTERN, Targets=[{"Id": "Target0", "Arn": TOPIC}]),
    "Daily": resource(
        "AWS::Events::Rule", "Daily", ScheduleExpression="rate(1 day)", Targets=[{"Id": "Target0", "Arn": TOPIC}]
    ),
    "Nightly": resource("AWS::Scheduler::Schedule", "Nightly", ScheduleExpression="cron(0 3 * * ? *)"),
    "Function": resource(
        "AWS::Lambda::Function",
        "Function",
        Code={"S3Bucket": "assets", "S3Key": f"{HASH}.zip"},
        DeadLetterConfig={"TargetArn": QUEUE},
        Description="Does it.",
        Environment={"Variables": {"LOG_LEVEL": "INFO", "COLOR": "red"}},
        LoggingConfig={"LogGroup": "log", "ApplicationLogLevel": "INFO"},
        MemorySize=256,
        ReservedConcurrentExecutions=2,
        Timeout=60,
        TracingConfig={"Mode": "Active"},
    ),
    "Invocation": resource(
        "AWS::Lambda::EventInvokeConfig",
        "Invocation",
        DestinationConfig={"OnFailure": {"Destination": QUEUE}},
        MaximumRetryAttempts=2,
    ),
    "Delivery": resource(
        "AWS::CodePipeline::Pipeline",
        "Delivery",
        ExecutionMode="QUEUED",
        Stages=[
            {"Name": "Source", "Actions": [action("Templates", "Source", 1)]},
            {
                "Name": "Staging",
                "Actions": [
                    action("Deploy", "Deploy", 1, StackName="staging", ActionMode="CREATE_UPDATE"),
                    action("SmokeTest", "Invoke", 2, FunctionName="smoke", UserParameters='{"endpoint":"staging"}'),
                ],
                "OnFailure": {"Result": "ROLLBACK"},
            },
            {
                "Name": "Approval",
                "Actions": [
                    action("Approve", "Approval", 1, NotificationArn=TOPIC, CustomData="a", ExternalEntityLink="report")
                ],
            },
            {
                "Name": "Production",
                "Actions": [
                    action("Deploy", "Deploy", 1, StackName="production", ActionMode="CREATE_UPDATE"),
                    action("SmokeTest", "Invoke", 2, FunctionName="smoke", UserParameters='{"endpoint":"staging"}'),
                ],
                "OnFailure": {"Result": "ROLLBACK"},
            },
        ],
    ),
    "Endpoint": resource(
        "AWS::SageMaker::Endpoint",
        "Endpoint",
        EndpointConfigName="configuration",
        DeploymentConfig={
            "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "errors"}, {"AlarmName": "latency"}]},
            "BlueGreenUpdatePolicy": {
                "TerminationWaitInSeconds": 300,
                "TrafficRoutingConfiguration": {
                    "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 10},
                    "Type": "CANARY",
                    "WaitIntervalInSeconds": 600,
                },
            },
        },
    ),
    "Config": resource(
        "AWS::SageMaker::EndpointConfig",
        "Config",
        DataCaptureConfig={"EnableCapture": True, "InitialSamplingPercentage": 10},
        ProductionVariants=[{"VariantName": "All", "InstanceType": "ml.c5.large", "InitialInstanceCount": 2}],
    ),
    "Scaling": resource("AWS::ApplicationAutoScaling::ScalableTarget", "Scaling", MaxCapacity=4, MinCapacity=2),
    "Machine": resource(
        "AWS::StepFunctions::StateMachine",
        "Machine",
        DefinitionString=json.dumps(MACHINE),
        LoggingConfiguration={"Level": "ALL", "IncludeExecutionData": True, "Destinations": [{"Arn": "log"}]},
        TracingConfiguration={"Enabled": True},
    ),
    "Build": resource(
        "AWS::CodeBuild::Project",
        "Build",
        Source={"BuildSpec": json.dumps(BUILD)},
        TimeoutInMinutes=60,
        ConcurrentBuildLimit=1,
        Environment={"PrivilegedMode": False},
        LogsConfig={"CloudWatchLogs": {"Status": "ENABLED"}},
    ),
    "Board": resource(
        "AWS::CloudWatch::Dashboard",
        "Board",
        DashboardBody=json.dumps(
            {
                "widgets": [
                    {
                        "type": "metric",
                        "properties": {
                            "title": "Endpoint",
                            "metrics": [["AWS/SageMaker", "Errors", {"label": "a"}], ["AWS/SageMaker", "Latency"]],
                        },
                    },
                    {"type": "alarm", "properties": {"alarms": ["arn:alarm"]}},
                ]
            }
        ),
    ),
    "Monitor": resource(
        "AWS::SageMaker::MonitoringSchedule",
        "Monitor",
        MonitoringScheduleConfig={"ScheduleConfig": {"ScheduleExpression": "cron(0 * ? * * *)"}},
    ),
    "Budget": resource(
        "AWS::Budgets::Budget",
        "Budget",
        Budget={"BudgetLimit": {"Amount": 400, "Unit": "USD"}},
        NotificationsWithSubscribers=[
            {"Notification": {"Threshold": 80, "NotificationType": "ACTUAL"}, "Subscribers": [{"Address": "a"}]},
            {"Notification": {"Threshold": 100, "NotificationType": "FORECASTED"}, "Subscribers": [{"Address": "a"}]},
        ],
    ),
    "Role": resource("AWS::IAM::Role", "Role", PermissionsBoundary="boundary", Description="Does it."),
    "Policy": policy(allow("s3:GetObject", f"arn:aws:s3:::assets/{HASH}.json")),
    "Subscription": resource("AWS::SNS::Subscription", "Subscription", Endpoint="a@example.org", TopicArn=TOPIC),
    "Pipeline": resource(
        "AWS::SageMaker::Pipeline",
        "Pipeline",
        ParallelismConfiguration={"MaxParallelExecutionSteps": 2},
        PipelineDefinition={
            "PipelineDefinitionBody": json.dumps(
                {
                    "Version": "2020-12-01",
                    "Parameters": [{"Name": "Epochs", "Type": "Integer", "DefaultValue": 5}],
                    "Steps": [
                        step("Train", "Training", Arguments={"StoppingCondition": {"MaxRuntimeInSeconds": 3600}}),
                        step("Reject", "Fail", Arguments={"ErrorMessage": "no"}),
                    ],
                }
            )
        },
    ),
}
_DOCUMENTS: Final = ("DefinitionString", "BuildSpec", "LifecyclePolicyText", "PipelineDefinitionBody", "DashboardBody")


def edited(place: str, value: Any) -> tuple[Template, Template]:
    """The old and the new template, where the value at `place`, such as ``Alarm/Threshold``, is another one.

    Elements of lists are named by number; JSON documents in texts are edited too. REMOVED removes.
    """
    id_, *keys = place.split("/")
    old, new = {id_: BASE[id_]}, {id_: copy.deepcopy(BASE[id_])}
    attributes = keys[0] in {"DeletionPolicy", "Type", "Condition"}
    _edit(new[id_] if attributes else new[id_]["Properties"], keys, value)
    return _with_targets(old, new)


def _with_targets(old: Template, new: Template) -> tuple[Template, Template]:
    """Both with the resources that they refer to, so that their types are known."""
    around = {id_: BASE[id_] for id_ in ("Topic", "Queue", "Function")}
    return around | old, around | new


def _edit(whole: Any, keys: list[str], value: Any) -> None:
    key, *rest = keys
    at: Any = int(key) if isinstance(whole, list) else key
    if rest and key in _DOCUMENTS and isinstance(whole[key], str):
        document = json.loads(whole[key])
        _edit(document, rest, value)
        whole[key] = json.dumps(document)
    elif rest:
        _edit(whole[at], rest, value)
    elif value is REMOVED:
        del whole[at]
    elif isinstance(whole, list) and at == len(whole):
        whole.append(value)
    else:
        whole[at] = value
