# SPDX-License-Identifier: MIT-0
"""Mistakes in the monitor: a job that can read nothing, a rule that hears everything, a window that is never judged."""

from typing import Final

from tests.proof.mutation import GONE, Change, Mistake, prop, remove, statement, word

_JOB: Final = "Monitoring IAM::Policy MonitorRoleDefaultPolicy"
_START: Final = "Monitoring IAM::Policy MonitorStartRole"
_JUDGE: Final = "Monitoring IAM::Policy MonitorJudgeRole"
_TRUST: Final = "Monitoring IAM::Role MonitorRole"
_ARN: Final = "arn:aws:{}:eu-west-1:111122223333:{}"
_COMPLETED: Final = "Monitoring Events::Rule MonitorCompleted"


def _open(key: str) -> Change:
    return statement(_TRUST, "sts:AssumeRole", key, GONE, "AssumeRolePolicyDocument")


MISTAKES: Final = (
    Mistake(
        "monitor's job that reads another stage's captures",
        "access",
        "its job needs s3:GetObject",
        word(_JOB, "/capture/production/*", "/capture/staging/*"),
    ),
    Mistake(
        "monitor's job that reads no baseline",
        "access",
        "its job needs s3:GetObject",
        word(_JOB, "evaluation/monitor_*", "evaluated/monitor_*"),
    ),
    Mistake(
        "monitor's job that reads no earlier window",
        "access",
        "its job needs s3:GetObject",
        word(_JOB, "/monitor/history/*", "/monitor/past/*"),
    ),
    Mistake(
        "monitor that cannot look for accepted baselines",
        "access",
        "monitor needs s3:ListBucket",
        word(_START, "monitor-baselines/*", "monitor-reviews/*"),
    ),
    Mistake(
        "monitor's job that may write no report",
        "access",
        "its job needs s3:PutObject",
        word(_JOB, "/monitor/*", "/monitors/*"),
    ),
    Mistake(
        "monitor's job that writes metrics into every namespace",
        "iam",
        "into every namespace",
        statement(_JOB, "cloudwatch:PutMetricData", "Condition", GONE),
    ),
    Mistake("monitor's job whose role any account may have assumed", "iam", "for any account", _open("Condition")),
    Mistake(
        "monitor that starts any processing job",
        "iam",
        "on every arn",
        statement(_START, "sagemaker:CreateProcessingJob", "Resource", _ARN.format("sagemaker", "processing-job/*")),
    ),
    Mistake(
        "monitor that starts jobs of another name",
        "access",
        "monitor needs sagemaker:CreateProcessingJob",
        word(_START, "processing-job/skin-lesion-monitor-", "processing-job/skin-lesion-watch-"),
    ),
    Mistake(
        "monitor that hands its job's role to any service",
        "iam",
        "PassRole to any service",
        statement(_START, "iam:PassRole", "Condition", GONE),
    ),
    Mistake(
        "monitor that hands over any role",
        "iam",
        "PassRole of more than one role",
        statement(_START, "iam:PassRole", "Resource", "arn:aws:iam::111122223333:role/*"),
    ),
    Mistake(
        "judge that reads reports where none lie",
        "access",
        "judge needs s3:GetObject",
        word(_JUDGE, "/monitor/skin-lesion-monitor-*", "/monitor/skin-lesion-watch-*"),
    ),
    Mistake(
        "judge that may tell nobody",
        "access",
        "judge needs sns:Publish",
        statement(_JUDGE, "sns:Publish", "Resource", _ARN.format("sns", "another")),
    ),
    Mistake(
        "end of jobs that every service's events are",
        "event",
        "does not say source and detail-type",
        prop(_COMPLETED, "EventPattern/detail-type", GONE),
    ),
    Mistake(
        "schedule that may not call its function",
        "event",
        "no permission for this rule",
        remove("Monitoring Lambda::Permission MonitorScheduleAllow"),
    ),
    Mistake(
        "drift that rings for ever",
        "protection",
        "what missing data means",
        prop("Monitoring CloudWatch::Alarm AlarmsDrift", "TreatMissingData", GONE),
    ),
    Mistake(
        "drift that is looked for over two seconds",
        "request",
        "Period",
        prop("Monitoring CloudWatch::Alarm AlarmsDrift", "Period", 0),
    ),
)
