# SPDX-License-Identifier: MIT-0
"""Finds what watches, limits, asks, undoes or keeps less in a resource that stays.

The rules are a table: a pattern of the path of a property, how its old and new value are judged, what the reader is
told. The first rule that matches decides, except those on what is removed as a whole. What needs more than one property
(an alarm, an event pattern, the stages of a delivery, a lifecycle) is judged in resource_guardrails.py.
Source of properties and defaults: CloudFormation template reference.
"""

import dataclasses
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from review.template_diff import ABSENT, Difference, json_differences

Judge = Callable[[Any, Any], bool]
_OFF: Final = frozenset({"false", "disabled", "suspended", "none", "off", "null", "passthrough", "0", ""})
SOONER: Final = "deleted sooner"
_KEEPS, _UNDOES, _WATCHES = "keeps less", "undoes less", "watches less"
_LIMITS, _PROTECTS, _OTHERWISE = "limits less", "protects less", "watches something else"


@dataclasses.dataclass(frozen=True)
class Loss:
    """A guardrail that goes or loosens.

    Attributes:
        path: Path of the property, or another name that is given once in a resource.
        what: The difference, or Markdown that says it.
        effect: What it means, in a few words; empty where `what` says it.
    """

    path: str
    what: Difference | str
    effect: str = ""

    @classmethod
    def of(cls, difference: Difference, effect: str) -> "Loss":
        """Return the loss that a difference is."""
        return cls(difference.path, difference, effect)


def as_number(value: Any, absent: float = math.nan) -> float:  # noqa: ANN401  any JSON
    """Return a number or a text of one; not a number for anything else."""
    if value is ABSENT:
        return absent
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


def _lower(absent: float = math.nan) -> Judge:
    """Less is worse; values that are no numbers are worse if they differ. A negative number stands for no limit."""

    def judge(old: Any, new: Any) -> bool:  # noqa: ANN401  any JSON
        before, after = (
            math.inf if number < 0 else number for number in (as_number(old, absent), as_number(new, absent))
        )
        return math.isnan(before) or math.isnan(after) or after < before

    return judge


def _lower_scalar(old: Any, new: Any) -> bool:  # noqa: ANN401  any JSON
    return not any(isinstance(each, list | dict) for each in (old, new)) and _lower()(old, new)


def _higher(absent: float = math.nan, factor: float = 1) -> Judge:
    """More than `factor` times as much is worse."""

    def judge(old: Any, new: Any) -> bool:  # noqa: ANN401  any JSON
        before, after = as_number(old, absent), as_number(new, absent)
        return math.isnan(before) or math.isnan(after) or after > before * factor

    return judge


def _ranked(*ranks: str, absent: int) -> Judge:
    """A later rank is worse; each rank is a pattern, and what none of them matches counts as the last."""

    def rank(value: Any) -> int:  # noqa: ANN401  any JSON
        if value is ABSENT:
            return absent
        found = (at for at, each in enumerate(ranks) if re.fullmatch(each, str(value), re.IGNORECASE))
        return next(found, len(ranks))

    return lambda old, new: rank(new) > rank(old)


def _removed(old: Any, new: Any) -> bool:  # noqa: ANN401  any JSON
    return old not in (ABSENT, "", [], {}) and new in (ABSENT, "", [], {})


def _gone(old: Any, new: Any) -> bool:  # noqa: ANN401  any JSON
    """Something else in its place does not make up for it."""
    return old not in (ABSENT, "", [], {}) and old != new and not (isinstance(new, list | dict) and new)


def _changed(old: Any, new: Any) -> bool:  # noqa: ANN401  any JSON
    return bool(old != new)


def _replaced(old: Any, new: Any) -> bool:  # noqa: ANN401  any JSON
    """Changed or removed, but not new: what is new comes with something that is judged itself."""
    return old is not ABSENT and old != new


def _off(*, default: bool) -> Judge:
    """Switched off; `default` is what an absent value stands for."""

    def is_on(value: Any) -> bool:  # noqa: ANN401  any JSON
        return default if value is ABSENT else _is_on(value)

    return lambda old, new: is_on(old) and not is_on(new)


def _on(old: Any, new: Any) -> bool:  # noqa: ANN401  any JSON
    return _is_on(new) and not _is_on(old)


def _all_at_once(old: Any, new: Any) -> bool:  # noqa: ANN401  any JSON
    return "AllAtOnce" in str(new) and "AllAtOnce" not in str(old)


def _never(_old: Any, _new: Any) -> bool:  # noqa: ANN401  any JSON
    return False


def _is_on(value: Any) -> bool:  # noqa: ANN401  any JSON
    return value is not ABSENT and str(value).lower() not in _OFF


def _names(names: str) -> str:
    """Return the pattern of properties of these names, of their elements and of their direct children."""
    return rf"(?:^|\.)(?:{'|'.join(names.split())})(?:\[[^\]]*\])?(?:\.\w+)?(?:\[[^\]]*\])?$"


def _leaf(names: str) -> str:
    return rf"(?:^|\.)(?:{'|'.join(names.split())})$"


@dataclasses.dataclass(frozen=True)
class _Rule:
    """A row of the table.

    Attributes:
        pattern: Regular expression, searched in the path of a property.
        judge: Whether the new value is worse than the old one.
        effect: What the reader is told.
        types: Regular expression of the resource types; empty for all.
    """

    pattern: str
    judge: Judge
    effect: str = ""
    types: str = ""


_DAY: Final = 86_400
_LEVELS: Final = ("all|trace|debug|info|notice", "warn|warning", "error", "fatal|critical")
_ALARM: Final = "Threshold|ComparisonOperator|EvaluationPeriods|DatapointsToAlarm|Period|TreatMissingData"
RULES: Final = (
    # Judged elsewhere: permissions, lifecycles, alarms, stages, event patterns. Or without meaning for a guardrail.
    _Rule(
        r"^(?:Resource)?Tags\b|^Tagging\b|(?:^|\.)Description$|^Metadata\b|^Comment$|^CacheConfig\b|^PipelineDefinition\b",
        _never,
    ),
    _Rule(r"^(?:\w*PolicyDocument|KeyPolicy|Policies|ResourcePolicy|RepositoryPolicyText|AccessPolicies)\b", _never),
    _Rule(r"^Lifecycle(?:Configuration|Policy|PolicyText)\b", _never),
    _Rule(r"^(?:EventPattern|ScheduleExpression)\b|^Stages\[[^\]]*\](?:\.Actions\[[^\]]*\])?$", _never),
    _Rule(rf"^(?:{_ALARM})$", _never, types="Alarm$"),
    _Rule(r"BucketKeyEnabled$|ExecuteCommand|AccelerationStatus$", _never),
    # Keeps: retention, backups, windows of deletion.
    _Rule(_leaf("RetentionInDays"), _lower(math.inf), SOONER),
    _Rule(_leaf("RetentionDays"), lambda old, new: _lower(math.inf)(old or -1, new or -1), SOONER, "Archive$"),
    _Rule(_leaf("MessageRetentionPeriod"), _lower(4 * _DAY), SOONER, "SQS"),
    _Rule(_leaf("PendingWindowInDays RecoveryWindowInDays"), _lower(30), SOONER),
    _Rule(_leaf("RecoveryPeriodInDays"), _lower(35), SOONER),
    _Rule(_leaf("BackupRetentionPeriod AutomatedSnapshotRetentionPeriod"), _lower(1), SOONER),
    _Rule(_leaf("SnapshotRetentionLimit AutomaticBackupRetentionDays MinRetentionDays"), _lower(0), SOONER),
    _Rule(_leaf(r"DataRetentionInHours DefaultRetention\.Days DefaultRetention\.Years"), _lower(0), SOONER),
    _Rule(_leaf("RetentionPeriodHours"), _lower(24), SOONER),
    _Rule(_leaf(r"DeleteAfterDays ManualSnapshotRetentionPeriod TtlDuration\.Value"), _lower(math.inf), SOONER),
    _Rule(r"RetainRule\.(?:Count|Interval)$", _lower(), SOONER),
    _Rule(_leaf(r"\w*Retention(?!Policy|Mode|Type)\w*"), _lower_scalar, SOONER),
    _Rule(_leaf(r"TimeToLiveSpecification\.Enabled"), _on, SOONER),
    _Rule(_leaf(r"TimeToLiveSpecification\.AttributeName"), lambda _, new: new is not ABSENT, SOONER),
    _Rule(_names("ObjectLockConfiguration LockConfiguration BackupPolicy BackupPlanRule"), _removed, _KEEPS),
    _Rule(_names("ReplicationConfiguration Replicas"), _removed, _KEEPS),
    _Rule(_leaf("EmptyOnDelete DeleteAutomatedBackups EnableForceDelete"), _on, _KEEPS),
    # Undoes: rollbacks, canaries, what becomes of a failure.
    _Rule(r"OnFailure\.Result$", _ranked("rollback", "fail", "retry", absent=1), _UNDOES),
    _Rule(r"TrafficRoutingConfiguration\.Type$", _ranked("canary|linear", absent=1), _UNDOES),
    _Rule(_leaf("DeploymentConfigName"), _all_at_once, _UNDOES),
    _Rule(r"(?:CanarySize|LinearStepSize|MaximumBatchSize)\.Value$", _higher(math.inf), _UNDOES),
    _Rule(r"(?:CanarySize|LinearStepSize|MaximumBatchSize)\.Type$", lambda old, _: old is not ABSENT, _UNDOES),
    _Rule(_leaf(r"WaitIntervalInSeconds TerminationWait\w* BakeTimeInMinutes"), _lower(0), _UNDOES),
    _Rule(_leaf("RetainDeploymentConfig"), _off(default=False), _UNDOES),
    _Rule(_names("Alarms AlarmIdentifiers"), _gone, _UNDOES),
    _Rule(_names(r"Auto\w*Rollback\w* RollbackConfiguration AlarmConfiguration"), _removed, _UNDOES),
    _Rule(r"\.(?:Catch|Retry)\[\d+\]\.ErrorEquals", _gone, _UNDOES),
    _Rule(_names("Conditions"), _removed, _UNDOES, "CodePipeline"),
    _Rule(_names("OnFailure OnSuccess BeforeEntry Catch Retry RetryPolicies"), _removed, _UNDOES),
    _Rule(_names(r"Deployment(?:Config|Configuration|Preference|CircuitBreaker)"), _removed, _UNDOES),
    _Rule(_names("TrafficRoutingConfiguration BlueGreenUpdatePolicy RollingUpdatePolicy"), _removed, _UNDOES),
    _Rule(_names("UpdatePolicy CreationPolicy"), _removed, _UNDOES),
    _Rule(_leaf("ActionMode"), _ranked(r"create_update|change_set_\w+", "replace_on_failure", absent=0), _UNDOES),
    _Rule(_leaf("DisableRollback"), _on, _UNDOES),
    # Watches and tells: alarms, dead letters, logs, traces, captures, notifications.
    _Rule(r"Notification\.Threshold$", _higher(math.inf), _WATCHES, "Budget"),
    _Rule(
        r"^Budget\.(?:CostFilters|FilterExpression|TimeUnit)\b", lambda _, new: new is not ABSENT, _OTHERWISE, "Budget"
    ),
    _Rule(r"^LoggingConfiguration\.Level$", _ranked(*_LEVELS, absent=len(_LEVELS)), _WATCHES, "StateMachine$"),
    _Rule(r"(?i)log_?level$|LoggingConfiguration\.Level$|logginglevel$", _ranked(*_LEVELS, absent=0), _WATCHES),
    _Rule(_leaf(r"IncludeExecutionData ScanOnPush Is\w*Trail IsLogging"), _off(default=False), _WATCHES),
    _Rule(_leaf(r"\w*Validation \w*Insights\w*"), _off(default=False), _WATCHES),
    _Rule(_leaf(r"Tracing\w*\.Mode TracingConfig"), _ranked("active", absent=1), _WATCHES),
    _Rule(_names("AlarmActions OKActions InsufficientDataActions Subscribers"), _gone, _WATCHES),
    _Rule(_names(r"DeadLetter\w* RedrivePolicy DestinationConfig OnFailureDestination"), _removed, _WATCHES),
    _Rule(_names(r"Notification\w* \w*Notifications TopicConfigurations EventBridgeConfiguration"), _removed, _WATCHES),
    _Rule(_names("DataCaptureConfig CaptureOptions InventoryConfigurations MetricsConfigurations"), _removed, _WATCHES),
    _Rule(_names(r"Logging\w* \w*Logs?Config\w* AccessLogSettings? LogPublishingOptions"), _removed, _WATCHES),
    _Rule(_names(r"Destinations EnableCloudwatchLogsExports \w*EventSelectors HealthCheck\w*"), _removed, _WATCHES),
    _Rule(_names(r"Tracing\w*"), _removed, _WATCHES),
    _Rule(r"^Targets\[[^\]]*\]$", _removed, _WATCHES, "Events::Rule$"),
    _Rule(_leaf("InitialSamplingPercentage FixedRate SamplingRate"), _lower(0), _WATCHES),
    _Rule(r"^(?:AlarmRule|FilterPattern|MetricTransformations)\b|^Metrics\b.*Expression$", _changed, _OTHERWISE),
    _Rule(r"^(?:FilterPolicy\w*|FilterCriteria)\b", lambda _, new: new is not ABSENT, _OTHERWISE),
    _Rule(_names("ActionsSuppressor"), lambda old, _: old is ABSENT, _WATCHES),
    # Limits: concurrency, time, capacity, money. More than twice as much is a limit that hardly limits any more.
    _Rule(_leaf("ReservedConcurrentExecutions"), lambda old, new: new == 0 or _higher(math.inf)(old, new), _LIMITS),
    # Zero stands for no limit.
    _Rule(_leaf("MaxConcurrency"), lambda old, new: _higher(math.inf)(old or math.inf, new or math.inf), _LIMITS),
    _Rule(_leaf("MaximumConcurrency"), _higher(math.inf), _LIMITS),
    _Rule(_leaf("ConcurrentBuildLimit MaxParallelExecutionSteps"), _higher(math.inf), _LIMITS),
    _Rule(_leaf("Timeout"), _higher(3, factor=2), _LIMITS, "Lambda"),
    _Rule(_leaf("TimeoutInMinutes"), _higher(60, factor=2), _LIMITS, "CodeBuild"),
    _Rule(_leaf("QueuedTimeoutInMinutes"), _higher(480, factor=2), _LIMITS, "CodeBuild"),
    _Rule(_leaf("MaxRuntimeInSeconds"), _higher(_DAY, factor=2), _LIMITS),
    _Rule(_leaf(r"TimeoutSeconds HeartbeatSeconds \w+TimeoutInSeconds"), _higher(math.inf, factor=2), _LIMITS),
    _Rule(_leaf("MaxCapacity MaxInstanceCount MaximumInstanceCount MaxSize"), _higher(math.inf, factor=2), _LIMITS),
    _Rule(_leaf(r"BudgetLimit\.Amount BurstLimit RateLimit Quota\.Limit"), _higher(math.inf), _LIMITS),
    _Rule(_leaf("MaxSessionDuration"), _higher(3600), _LIMITS),
    _Rule(_leaf("RotationPeriodInDays AutomaticallyAfterDays"), _higher(math.inf), _LIMITS),
    _Rule(_names(r"StoppingCondition ParallelismConfiguration ScalingConfig Throttl\w*"), _removed, _LIMITS),
    _Rule(_leaf("ExecutionMode"), _ranked("superseded|queued", absent=0), _LIMITS, "CodePipeline"),
    _Rule(r"^(?:AllowedValues|EnumValues)$", _removed, _LIMITS),
    _Rule(r"^(?:AllowedValues|EnumValues)\[\d+\]$", lambda _, new: new is not ABSENT, _LIMITS),
    _Rule(_leaf("AllowedPattern"), _gone, _LIMITS),
    # Asks.
    _Rule(r"\.Choices\b|\.States\..+\.(?:Default|Type)$", _replaced, "decides otherwise"),
    _Rule(_leaf("ExternalEntityLink"), _removed, "asks less"),
    _Rule(_leaf(r"Mfa\w*"), _off(default=False), "asks less"),
    # Protects.
    _Rule(
        _names(r"PermissionsBoundary WebACL\w* FilterGroups Filters VpcConfig SecurityGroupIds"), _removed, _PROTECTS
    ),
    _Rule(_leaf("ImageTagMutability"), _ranked("immutable", "immutable_with_exclusion", absent=2), _PROTECTS),
    _Rule(_leaf("ObjectOwnership"), _ranked("bucketownerenforced", absent=0), _PROTECTS),
    _Rule(_leaf("AccessControl"), _ranked(r"private|bucketowner\w+", "logdeliverywrite", absent=0), _PROTECTS),
    _Rule(_leaf("HttpTokens"), _ranked("required", absent=1), _PROTECTS),
    _Rule(_leaf("AuthType AuthorizationType"), lambda _, new: new == "NONE", _PROTECTS),
    _Rule(_leaf("PrivilegedMode EncryptionDisabled PubliclyAccessible MapPublicIpOnLaunch"), _on, _PROTECTS),
    _Rule(_leaf(r"AssignPublicIp RootAccess DirectInternetAccess InsecureSsl Bypass\w*"), _on, _PROTECTS),
    _Rule(_leaf(r"DisableApi\w* DisableExecuteApiEndpoint NoEcho"), _off(default=False), _PROTECTS),
    # Switches of any name.
    _Rule(_leaf("ActionsEnabled State"), _off(default=True), _WATCHES),
    _Rule(_leaf("Enabled"), _off(default=True), _WATCHES, "EventSourceMapping|KMS"),
    _Rule(_leaf("Webhook PollForSourceChanges"), _off(default=False), "switched off"),
    _Rule(r"\.ScheduleExpression$", _replaced, "runs otherwise"),
    _Rule(_leaf(r"Disable\w*"), _on, "switched off"),
    _Rule(_leaf(r"Enable\w* \w*Enabled \w*Status \w*Protection"), _off(default=False), "switched off"),
)


def property_losses(kind: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Loss]:
    """Return the losses that the table finds between two resources' properties of the type `kind`."""
    found = [each for each in json_differences(_ordered(old), _ordered(new)) if not each.path.endswith(" (order)")]
    return [loss for each in found for loss in difference_losses(kind, each)]


def difference_losses(kind: str, difference: Difference) -> Iterator[Loss]:
    """Yield what is lost by one difference; a value that comes or goes as a whole is judged part by part."""
    for rule in RULES:
        if re.search(rule.pattern, difference.path) and re.search(rule.types, kind):
            if rule.judge is _never:
                return
            if rule.judge(difference.old, difference.new):
                yield Loss.of(difference, rule.effect)
                return
            # A rule on what goes as a whole says nothing of its parts.
            if rule.judge not in (_removed, _gone):
                break
    for part in _parts(difference):
        yield from difference_losses(kind, part)


def _parts(difference: Difference) -> Iterator[Difference]:
    old, new = difference.old, difference.new
    whole = old if new is ABSENT else new if old is ABSENT else None
    if not isinstance(whole, dict | list):
        return
    empty = type(whole)()
    for each in json_differences(empty if old is ABSENT else old, empty if new is ABSENT else new):
        separator = "" if each.path.startswith("[") else "."
        yield Difference(f"{difference.path}{separator}{each.path}", each.old, each.new)


def _ordered(value: Any) -> Any:  # noqa: ANN401  any JSON
    """Return `value` with the elements of its lists in a fixed order, for which no rule asks."""
    if isinstance(value, dict):
        return {key: _ordered(each) for key, each in value.items()}
    if isinstance(value, list):
        return sorted((_ordered(each) for each in value), key=lambda each: json.dumps(each, sort_keys=True))
    return value
