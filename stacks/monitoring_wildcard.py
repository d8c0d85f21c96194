# SPDX-License-Identifier: MIT-0
"""Every `*` in a policy of a role that watches production, as wildcard.py has them of all the others."""

from typing import Final

from stacks.acknowledgment import Acknowledged
from stacks.finding_id import OWN, RAW, RUNS, SAGEMAKER, on, policy

_NO_RESOURCE: Final = on("*")
MONITORING: Final = (
    Acknowledged(
        "PutMetricData knows no resource; a condition limits it to this application's namespace. SageMaker names "
        "captures by the minute, below the prefix of the stage.",
        (*_NO_RESOURCE, *on(f"{RUNS}/capture/*")),
        policy("Monitoring/Tally/FunctionRole"),
    ),
    Acknowledged(
        "SageMaker names captures and log streams by the minute and the host; a table of labels is named by its hash, "
        "a report by the window that was looked at, and which run made what is live is known when the job starts.",
        on(
            f"{RUNS}/capture/production/*",
            f"{RUNS}/runs/*/evaluate/evaluation/monitor_*",
            f"{RAW}/labels/*",
            f"{RUNS}/monitor/*",
            f"arn:<AWS::Partition>:logs:{OWN}:log-group:/aws/sagemaker/ProcessingJobs*",
        ),
        policy("Monitoring/Monitor/Role"),
    ),
    Acknowledged(
        "SageMaker names captures and log streams by the minute and the host; tables of labels and additional archives "
        "are named by their hashes. GetAuthorizationToken and PutMetricData know no resource.",
        on(
            "*",
            f"{RUNS}/capture/production/*",
            f"{RAW}/labels/*",
            f"{RAW}/additions/*",
            f"arn:<AWS::Partition>:logs:{OWN}:log-group:/aws/sagemaker/ProcessingJobs*",
        ),
        policy("Monitoring/ExportRole"),
    ),
    Acknowledged(
        "A job is named by the window that it looks at; names of the pipeline's jobs begin with pipelines-.",
        on(f"{SAGEMAKER}:processing-job/{{name}}-monitor-*"),
        policy("Monitoring/Monitor/StartRole"),
    ),
    Acknowledged(
        "A report lies in a folder that is called as its job, which is named by the window that it looked at. "
        "PutMetricData knows no resource; a condition limits it to this application's namespace.",
        (*on(f"{RUNS}/monitor/{{name}}-monitor-*/monitor.json"), *_NO_RESOURCE),
        policy("Monitoring/Monitor/JudgeRole"),
    ),
)
