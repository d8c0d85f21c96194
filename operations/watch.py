# SPDX-License-Identifier: MIT-0
"""What the functions around the monitor's job are told; see payload.py."""

from dataclasses import dataclass
from typing import Final

# What a run of the monitor looks at: the last whole day or hour in UTC, or all that is kept, once labels have arrived.
DAY: Final = "day"
HOUR: Final = "hour"
LABELS: Final = "labels"
WINDOWS: Final = (DAY, HOUR, LABELS)


@dataclass(frozen=True)
class Monitor:
    """Compare what production was asked with the evaluation of its model.

    Attributes:
        name: Of the deployment, with which the job's name begins.
        window: What is looked at, one of `WINDOWS`.
        time: When that was asked for, such as 2026-11-25T01:00:00Z.
        endpoint: Name of the production endpoint.
        capture: S3 URI of the folder below which its requests are captured by year, month, day and hour.
        labels: S3 URI of the folder of confirmed labels.
        reports: S3 URI of the folder that receives the report, in a folder of the job's name.
        champion: Name of the SSM parameter that names the package in production.
        image: URI of the job's image.
        role: ARN of the job's role.
        key: ARN of the key of its volume and its report.
        instance: Its type.
        minutes: How long it may take.
    """

    name: str
    window: str
    time: str
    endpoint: str
    capture: str
    labels: str
    reports: str
    champion: str
    image: str
    role: str
    key: str
    instance: str
    minutes: str


@dataclass(frozen=True)
class Judge:
    """Tell what a run of the monitor has found.

    Attributes:
        job: Name of the job, which has completed.
        reports: S3 URI of the folder of the reports.
        namespace: CloudWatch namespace of the figures.
        topic: ARN of the SNS topic to tell.
        machine: ARN of the state machine to start on a violation, or empty.
    """

    job: str
    reports: str
    namespace: str
    topic: str
    machine: str
