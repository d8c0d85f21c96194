# SPDX-License-Identifier: MIT-0
"""Each seeded loss of data or of a guardrail is named, and harmless edits of the same resources are not."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from review import stack_changes
from review.app_versions import BaseCommit
from review.markdown_report import review_document
from review.stack_changes import StackChange
from tests.review.guarded_template import HASH, KEEP_TEN, MACHINE, REMOVED, TOPIC, action, edited
from tests.review.template import assembly

POINT: Final = BaseCommit("0" * 40, "main")
CALLED: Final = "Delivery/Stages/1/Actions"
CANARY: Final = "Endpoint/DeploymentConfig/BlueGreenUpdatePolicy/TrafficRoutingConfiguration"
ROLLED: Final = "Endpoint/DeploymentConfig/AutoRollbackConfiguration"
STATES: Final = "Machine/DefinitionString/States"
RULES: Final = "Bucket/LifecycleConfiguration/Rules"
PATTERN: Final = "Rule/EventPattern/detail"
STEP: Final = "Pipeline/PipelineDefinition/PipelineDefinitionBody"
SOONER: Final = "(deleted sooner)"

# (what is edited, its new value, what the review says of it)
LOSSES: Final[list[tuple[str, Any, str]]] = [
    # 1. Data that is deleted sooner.
    (f"{RULES}/1/ExpirationInDays", 7, f"`30` → `7` {SOONER}"),
    (f"{RULES}/3", {"Id": "All", "ExpirationInDays": 90, "Status": "Enabled"}, f"`ExpirationInDays` now `90` {SOONER}"),
    (f"{RULES}/1/Prefix", "", f"`ExpirationInDays` now `30` {SOONER}"),
    (f"{RULES}/2/Status", "Enabled", f'`ExpirationInDays` of `{{"Prefix": "runs/"}}` now `30` {SOONER}'),
    (f"{RULES}/0/NoncurrentVersionExpiration/NoncurrentDays", 1, f"`NoncurrentDays` `30` → `1` {SOONER}"),
    (f"{RULES}/3", {"ExpirationDate": "2030-01-01", "Status": "Enabled"}, "`ExpirationDate 2030-01-01`"),
    ("Bucket/VersioningConfiguration/Status", "Suspended", "`Enabled` → `Suspended`"),
    ("Bucket/VersioningConfiguration", REMOVED, "`VersioningConfiguration.Status` `Enabled` is removed"),
    ("Bucket/ReplicationConfiguration", REMOVED, "`ReplicationConfiguration`"),
    ("Bucket/ReplicationConfiguration/Rules/0/Status", "Disabled", "`Enabled` → `Disabled`"),
    ("Bucket/ObjectLockConfiguration/Rule/DefaultRetention/Days", 1, f"`30` → `1` {SOONER}"),
    ("Bucket/ObjectLockConfiguration", REMOVED, "`ObjectLockConfiguration`"),
    ("Log/RetentionInDays", 7, f"`365` → `7` {SOONER}"),
    ("Endless/RetentionInDays", 30, f"`RetentionInDays` now `30` {SOONER}"),
    ("Archive/RetentionDays", 30, f"`RetentionDays` now `30` {SOONER}"),
    ("Key/PendingWindowInDays", 7, f"`30` → `7` {SOONER}"),
    ("Queue/MessageRetentionPeriod", 3600, f"`1209600` → `3600` {SOONER}"),
    ("Queue/MessageRetentionPeriod", REMOVED, f"`1209600` is removed {SOONER}"),
    ("Images/LifecyclePolicy/LifecyclePolicyText/rules/0/selection/countNumber", 2, f"`10` → `2` {SOONER}"),
    (
        "Images/LifecyclePolicy/LifecyclePolicyText/rules/1",
        KEEP_TEN | {"selection": {"tagStatus": "any", "countType": "sinceImagePushed", "countNumber": 30}},
        f"`sinceImagePushed` now `30` {SOONER}",
    ),
    ("Table/PointInTimeRecoverySpecification/PointInTimeRecoveryEnabled", False, "`true` → `false`"),
    ("Table/PointInTimeRecoverySpecification", REMOVED, "`PointInTimeRecoverySpecification"),
    ("Table/PointInTimeRecoverySpecification/RecoveryPeriodInDays", 1, f"`35` → `1` {SOONER}"),
    ("Table/TimeToLiveSpecification", {"Enabled": True, "AttributeName": "until"}, SOONER),
    ("Table/DeletionProtectionEnabled", False, "`true` → `false`"),
    ("Database/BackupRetentionPeriod", 0, f"`14` → `0` {SOONER}"),
    ("Database/DeletionProtection", REMOVED, "`true` is removed"),
    ("Database/DeletionPolicy", "Delete", "`DeletionPolicy` now `Delete`"),
    ("Files/BackupPolicy/Status", "DISABLED", "`ENABLED` → `DISABLED`"),
    ("Stream/RetentionPeriodHours", 24, f"`168` → `24` {SOONER}"),
    ("Metrics/RetentionProperties/MagneticStoreRetentionPeriodInDays", "7", f"`90` → `7` {SOONER}"),
    # 2. What watches.
    ("Alarm/AlarmActions/1", REMOVED, "`arn:second` is removed (watches less)"),
    ("Alarm/AlarmActions", REMOVED, "`AlarmActions`"),
    ("Alarm/AlarmActions/1", "arn:other", "`arn:second` → `arn:other`"),
    ("Alarm/ActionsEnabled", False, "`ActionsEnabled` now `false`"),
    ("Alarm/Threshold", 0.05, "`0.01` → `0.05` (alarms later or less)"),
    ("Low/Threshold", 1, "`10` → `1` (alarms later or less)"),
    ("Alarm/ComparisonOperator", "LessThanThreshold", "`GreaterThanThreshold` → `LessThanThreshold`"),
    ("Alarm/EvaluationPeriods", 2, "`2 of 3` → `2 of 2`"),
    ("Alarm/DatapointsToAlarm", 3, "`2 of 3` → `3 of 3`"),
    ("Low/EvaluationPeriods", 5, "`1 of 1` → `5 of 5`"),
    ("Alarm/Period", 3600, "`60` → `3600`"),
    ("Alarm/TreatMissingData", "notBreaching", "`breaching` → `notBreaching`"),
    ("Alarm/TreatMissingData", REMOVED, "`breaching` is removed"),
    ("Alarm/Statistic", "Minimum", "`Average` → `Minimum`"),
    ("Alarm/MetricName", "Warnings", "`Errors` → `Warnings`"),
    ("Alarm/Dimensions/0/Value", "staging", "`production` → `staging`"),
    ("Alarm/Condition", "Sometimes", "`Condition` now `Sometimes`"),
    (f"{PATTERN}/ModelApprovalStatus", REMOVED, "(more events match)"),
    (f"{PATTERN}/ModelApprovalStatus/1", REMOVED, "(watches less)"),
    (f"{PATTERN}/ModelApprovalStatus/2", "PendingManualApproval", "(more events match)"),
    (f"{PATTERN}/ModelPackageVersion", [1], "(watches less)"),
    ("Rule/State", "DISABLED", "`ENABLED` → `DISABLED`"),
    ("Teller/State", "DISABLED", "`State` now `DISABLED`"),
    ("Rule/Targets/1", REMOVED, "is removed (watches less)"),
    ("Rule/Targets/0/DeadLetterConfig", REMOVED, "DeadLetterConfig`"),
    ("Daily/ScheduleExpression", "rate(7 days)", "`rate(1 day)` → `rate(7 days)` (runs less often)"),
    ("Nightly/ScheduleExpression", "cron(0 3 ? * MON *)", "(runs less often)"),
    ("Nightly/State", "DISABLED", "`State` now `DISABLED`"),
    ("Function/DeadLetterConfig", REMOVED, "`DeadLetterConfig`"),
    ("Function/TracingConfig/Mode", "PassThrough", "`Active` → `PassThrough`"),
    ("Function/TracingConfig", REMOVED, "`TracingConfig.Mode` `Active` is removed"),
    ("Function/LoggingConfig/ApplicationLogLevel", "FATAL", "`INFO` → `FATAL`"),
    ("Function/Environment/Variables/LOG_LEVEL", "ERROR", "`INFO` → `ERROR`"),
    ("Invocation/DestinationConfig", REMOVED, "`DestinationConfig`"),
    ("Queue/RedrivePolicy", REMOVED, "`RedrivePolicy`"),
    ("Config/DataCaptureConfig/EnableCapture", False, "`true` → `false`"),
    ("Config/DataCaptureConfig/InitialSamplingPercentage", 1, "`10` → `1`"),
    ("Machine/LoggingConfiguration/Level", "OFF", "`ALL` → `OFF`"),
    ("Machine/LoggingConfiguration/IncludeExecutionData", False, "`true` → `false`"),
    ("Machine/TracingConfiguration/Enabled", False, "`true` → `false`"),
    ("Bucket/NotificationConfiguration", REMOVED, "`NotificationConfiguration`"),
    ("Images/ImageScanningConfiguration/ScanOnPush", False, "`true` → `false`"),
    ("Build/LogsConfig/CloudWatchLogs/Status", "DISABLED", "`ENABLED` → `DISABLED`"),
    ("Budget/NotificationsWithSubscribers/1", REMOVED, "is removed (watches less)"),
    ("Budget/NotificationsWithSubscribers/0/Notification/Threshold", 99, "`80` → `99`"),
    ("Budget/NotificationsWithSubscribers", REMOVED, "`NotificationsWithSubscribers`"),
    ("Subscription/FilterPolicy", {"only": ["this"]}, "(watches something else)"),
    ("Board/DashboardBody/widgets/0/properties/metrics/1", REMOVED, "no longer shows `AWS/SageMaker Latency`"),
    ("Board/DashboardBody/widgets/1", REMOVED, "no longer shows `arn:alarm`"),
    ("Monitor/MonitoringScheduleConfig/ScheduleConfig/ScheduleExpression", "cron(0 0 1 * ? *)", "(runs otherwise)"),
    # What limits.
    ("Function/ReservedConcurrentExecutions", 0, "`2` → `0` (limits less)"),
    ("Function/ReservedConcurrentExecutions", REMOVED, "`2` is removed (limits less)"),
    ("Function/ReservedConcurrentExecutions", 100, "`2` → `100` (limits less)"),
    ("Function/Timeout", 900, "`60` → `900` (limits less)"),
    ("Machine/DefinitionString/TimeoutSeconds", REMOVED, "`86400` is removed (limits less)"),
    (f"{STATES}/Start/TimeoutSeconds", REMOVED, "`60` is removed (limits less)"),
    ("Build/ConcurrentBuildLimit", REMOVED, "`1` is removed (limits less)"),
    ("Build/TimeoutInMinutes", 480, "`60` → `480` (limits less)"),
    ("Build/Environment/PrivilegedMode", True, "`false` → `true`"),
    ("Scaling/MaxCapacity", 40, "`4` → `40` (limits less)"),
    ("Budget/Budget/BudgetLimit/Amount", 4000, "`400` → `4000` (limits less)"),
    ("Role/PermissionsBoundary", REMOVED, "`PermissionsBoundary`"),
    ("Images/ImageTagMutability", "MUTABLE", "`IMMUTABLE` → `MUTABLE`"),
    ("Key/EnableKeyRotation", False, "`true` → `false`"),
    ("Key/RotationPeriodInDays", 2560, "`180` → `2560`"),
    ("Delivery/ExecutionMode", "PARALLEL", "`QUEUED` → `PARALLEL`"),
    ("Pipeline/ParallelismConfiguration", REMOVED, "`ParallelismConfiguration`"),
    (f"{STEP}/Steps/0/Arguments/StoppingCondition", REMOVED, "StoppingCondition"),
    # What asks and checks.
    (f"{CALLED}/1", REMOVED, "action `Staging/SmokeTest` (Invoke) is removed"),
    ("Delivery/Stages/3/Actions/1", REMOVED, "action `Production/SmokeTest` (Invoke) is removed"),
    ("Delivery/Stages/2", REMOVED, "manual approvals removed: 1"),
    ("Delivery/Stages/2/Actions/0/Configuration/NotificationArn", REMOVED, "NotificationArn`"),
    (f"{CALLED}/1/Configuration/FunctionName", "nothing", "`smoke` → `nothing` (checks something else)"),
    (f"{CALLED}/1/Configuration/UserParameters", "{}", "(checks something else)"),
    ("Delivery/Stages/2/Actions/0/Configuration/ExternalEntityLink", REMOVED, "(asks less)"),
    (f"{STATES}/Failed/Type", "Succeed", "`Fail` → `Succeed`"),
    (f"{STATES}/Start/Catch/0/ErrorEquals/0", "Lambda.Timeout", "ErrorEquals"),
    ("Machine/LoggingConfiguration/Level", REMOVED, "`ALL` is removed"),
    ("Budget/Budget/CostFilters", {"Service": ["one"]}, "CostFilters"),
    (f"{CALLED}/1/RunOrder", 1, "`Staging/SmokeTest` (Invoke) no longer comes after `Staging/Deploy`"),
    (f"{STATES}/Outcome/Choices/0", REMOVED, "(decides otherwise)"),
    (f"{STATES}/Wait/Next", "Succeeded", "state `Outcome` (Choice) is removed or no longer reached"),
    (f"{STATES}/Outcome/Default", "Succeeded", "`Failed` → `Succeeded`"),
    ("Build/Source/BuildSpec/phases/build/commands/0", "make deploy-ci", "no longer runs `check`, `test`"),
    (f"{STEP}/Steps/1", REMOVED, "`Reject`: this step is removed"),
    # What undoes.
    ("Delivery/Stages/1/OnFailure", REMOVED, "OnFailure`"),
    ("Delivery/Stages/3/OnFailure/Result", "RETRY", "`ROLLBACK` → `RETRY`"),
    (f"{CANARY}/Type", "ALL_AT_ONCE", "`CANARY` → `ALL_AT_ONCE`"),
    (f"{CANARY}/CanarySize/Value", 50, "`10` → `50`"),
    (f"{CANARY}/WaitIntervalInSeconds", 0, "`600` → `0`"),
    ("Endpoint/DeploymentConfig", REMOVED, "`DeploymentConfig`"),
    (f"{ROLLED}/Alarms/1", REMOVED, "is removed (undoes less)"),
    (ROLLED, REMOVED, "AutoRollbackConfiguration`"),
    (f"{STATES}/Start/Catch", REMOVED, "Catch`"),
    # 4. Another resource under the same id.
    ("Table/Type", "AWS::SSM::Parameter", "**destroyed** because its type becomes `AWS::SSM::Parameter`"),
    ("Alarm/Type", "AWS::CloudWatch::Dashboard", "(AWS::CloudWatch::Alarm): destroyed"),
]

# (what is edited, its new value): none of it needs attention.
HARMLESS: Final[list[tuple[str, Any]]] = [
    (f"{RULES}/1/ExpirationInDays", 90),
    (f"{RULES}/1", REMOVED),
    (f"{RULES}/1/Id", "Renamed"),
    (f"{RULES}/0/NoncurrentVersionExpiration/NoncurrentDays", 60),
    ("Bucket/Tags/0/Value", "b"),
    ("Log/RetentionInDays", 400),
    ("Log/RetentionInDays", REMOVED),
    ("Endless/Tags", [{"Key": "a", "Value": "b"}]),
    ("Key/Description", "Another."),
    ("Queue/MessageRetentionPeriod", 1209601),
    ("Queue/VisibilityTimeout", 60),
    ("Topic/DisplayName", "Other"),
    ("Images/LifecyclePolicy/LifecyclePolicyText/rules/0/selection/countNumber", 20),
    ("Alarm/AlarmDescription", "It fails. See the guide."),
    ("Alarm/AlarmActions", ["arn:second", TOPIC]),
    ("Alarm/AlarmActions/2", "arn:third"),
    ("Alarm/Threshold", 0.005),
    ("Alarm/DatapointsToAlarm", 1),
    ("Alarm/Statistic", "Maximum"),
    ("Low/TreatMissingData", "breaching"),
    (f"{PATTERN}/ModelApprovalStatus", ["Rejected", "Approved"]),
    ("Rule/Description", "Another."),
    ("Rule/Targets/1/InputPath", "$.detail"),
    ("Teller/EventPattern/detail/ModelApprovalStatus/2", "PendingManualApproval"),
    ("Nightly/ScheduleExpression", "cron(30 4 * * ? *)"),
    ("Daily/ScheduleExpression", "rate(12 hours)"),
    ("Function/Code/S3Key", f"{HASH[::-1]}.zip"),
    ("Function/MemorySize", 512),
    ("Function/Timeout", 90),
    ("Function/Environment/Variables/COLOR", "blue"),
    ("Policy/PolicyDocument/Statement/0/Resource", f"arn:aws:s3:::assets/{HASH[::-1]}.json"),
    ("Config/ProductionVariants/0/InstanceType", "ml.c5.xlarge"),
    ("Config/DataCaptureConfig/InitialSamplingPercentage", 20),
    ("Scaling/MaxCapacity", 6),
    (f"{CALLED}/1/Configuration/UserParameters", '{"endpoint":"staging","a":1}'),
    ("Delivery/Stages/2/Actions/0/Configuration/CustomData", "b"),
    ("Delivery/Stages/1/Actions/2", action("Note", "Invoke", 3, FunctionName="note")),
    (f"{CANARY}/WaitIntervalInSeconds", 900),
    (f"{STATES}/Start/Comment", "Starts it."),
    (
        "Machine/DefinitionString",
        json.dumps(MACHINE).replace("Succeeded", "Done").replace('"Done", "N', '"Succeeded", "N'),
    ),
    ("Board/DashboardBody/widgets/0/properties/title", "Other"),
    (f"{STATES}/Wait/Seconds", 30),
    ("Build/Source/BuildSpec/phases/build/commands/1", "echo finished"),
    ("Build/Source/BuildSpec/phases/build/commands/2", "make check-templates"),
    ("Budget/Budget/BudgetLimit/Amount", 300),
    ("Role/Description", "Another."),
    (f"{STEP}/Parameters/0/DefaultValue", 6),
]
TEMPLATES: Final = [*(edited(*each[:2]) for each in LOSSES), *(edited(*each) for each in HARMLESS)]


def _names(prefix: str, count: int) -> list[str]:
    return [f"{prefix}{number:03d}" for number in range(count)]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, StackChange]:
    names = [*_names("Loss", len(LOSSES)), *_names("Harmless", len(HARMLESS))]
    folder: Path = tmp_path_factory.mktemp("seeded")
    sides = zip(*TEMPLATES, strict=True)
    old, new = (
        assembly(folder / word, dict(zip(names, side, strict=True)))
        for word, side in zip(("old", "new"), sides, strict=True)
    )
    return {each.name: each for each in stack_changes.stack_changes(old, new)}


def told(change: StackChange) -> str:
    """What stands above the details."""
    return review_document(POINT, [change], []).partition("### Stacks")[0]


@pytest.mark.parametrize("number", range(len(LOSSES)), ids=[f"{place}-{value}"[:80] for place, value, _ in LOSSES])
def test_a_seeded_loss_is_named(found: Mapping[str, StackChange], number: int) -> None:
    change = found[f"Loss{number:03d}"]
    assert change.needs_attention
    assert LOSSES[number][2] in told(change)
    assert told(change).count("\n- ") <= 2


@pytest.mark.parametrize("number", range(len(HARMLESS)), ids=[f"{place}-{value}"[:80] for place, value in HARMLESS])
def test_a_harmless_edit_needs_no_attention(found: Mapping[str, StackChange], number: int) -> None:
    change = found[f"Harmless{number:03d}"]
    assert not change.needs_attention, told(change)
