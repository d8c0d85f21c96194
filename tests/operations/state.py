# SPDX-License-Identifier: MIT-0
"""What is in the account of cloud.py, and what CloudFormation would do to it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from pipeline_src.algorithms.algorithm_table import DEFAULT_ALGORITHM

Asked: TypeAlias = dict[str, Any]
Handler: TypeAlias = Callable[[Asked], Any]

ACCOUNT: Final = "111111111111"
REGION: Final = "us-east-1"
NAME: Final = "skin-lesion"
ENDPOINTS: Final = ("skin-lesion-production", "skin-lesion-staging")
TAG: Final = "4" * 64
OLD_TAG: Final = "3" * 64
SHARED_TAG: Final = "2" * 64
REPOSITORY: Final = f"cdk-hnb659fds-container-assets-{ACCOUNT}-{REGION}"
MONDAY: Final = datetime(2026, 11, 23, 9, tzinfo=UTC)

OUTPUTS: Final = {
    "storage": {
        "RawBucket": "raw",
        "RunsBucket": "runs",
        "KeyArn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/k",
        "ModelPackageGroup": NAME,
        "Champion": "/skin-lesion/champion",
        "Topic": f"arn:aws:sns:{REGION}:{ACCOUNT}:topic",
    },
    "training": {
        "Pipeline": NAME,
        "Image": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/jobs:{TAG}",
        "Algorithm": DEFAULT_ALGORITHM,
    },
    "retraining": {
        "StateMachine": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:retraining",
        "SourcePipeline": "source",
        "Connection": f"arn:aws:codeconnections:{REGION}:{ACCOUNT}:connection/1",
    },
    "deployment": {
        "Delivery": "delivery",
        "StagingStack": "skin-lesion-staging",
        "ProductionStack": "skin-lesion-production",
        "StagingEndpoint": "skin-lesion-staging",
        "ProductionEndpoint": "skin-lesion-production",
    },
    "monitoring": {
        "ExportRole": f"arn:aws:iam::{ACCOUNT}:role/export",
        "ExportInstance": "ml.m5.large",
    },
}


def arn(stack: str) -> str:
    """Return a stack's id."""
    return f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{stack}/1"


@dataclass
class State:
    """All that is there."""

    stacks: dict[str, str] = field(
        default_factory=lambda: (
            {f"{NAME}-{part}": "UPDATE_COMPLETE" for part in OUTPUTS} | dict.fromkeys(ENDPOINTS, "UPDATE_COMPLETE")
        )
    )
    deleted: set[str] = field(default_factory=set)
    endpoints: set[str] = field(default_factory=lambda: set(ENDPOINTS))
    targets: set[str] = field(default_factory=lambda: {f"endpoint/{name}/variant/All" for name in ENDPOINTS})
    others: set[str] = field(default_factory=lambda: {"endpoint/other/variant/All"})
    models: set[str] = field(default_factory=lambda: {"model-1", "model-2"})
    configurations: set[str] = field(default_factory=lambda: {"config-1"})
    images: set[str] = field(default_factory=lambda: {TAG, OLD_TAG, SHARED_TAG})
    packages: set[str] = field(default_factory=lambda: {"1", "2"})
    objects: dict[str, int] = field(default_factory=lambda: {"raw": 1, "runs": 2, "logs": 3})
    kept: set[str] = field(default_factory=lambda: {"raw", "runs", "logs", "key", "group"})
    deliveries: dict[str, str] = field(default_factory=lambda: {"d-1": "InProgress", "d-0": "Succeeded"})
    pushes: dict[str, str] = field(default_factory=lambda: {"p-1": "InProgress"})
    machines: dict[str, str] = field(default_factory=lambda: {"m-1": "RUNNING"})
    executions: dict[str, str] = field(default_factory=lambda: {"e-1": "Executing", "e-0": "Succeeded"})
    jobs: dict[str, str] = field(
        default_factory=lambda: {
            f"{NAME}-monitor-20261124": "InProgress",
            f"{NAME}-monitor-labels-20261125T102030": "Stopping",
            f"{NAME}-export-20261125t102030": "InProgress",
            f"{NAME}-monitor-20261123": "Completed",
            f"other-{NAME}-monitor-20261124": "InProgress",
        }
    )
    uploads: dict[str, set[str]] = field(default_factory=dict)
    champion: str = "model-package/2"
    stuck: str = ""
    account: str = ACCOUNT
    outputs: dict[str, dict[str, str]] = field(default_factory=lambda: dict(OUTPUTS))
    role: str = f"{NAME}-deployment"  # the stack whose role deletes endpoint stacks

    def pass_time(self) -> None:
        """Let end what is on its way to its end."""
        for name, status in self.stacks.items():
            if status.endswith("_IN_PROGRESS"):
                self.stacks[name] = "UPDATE_ROLLBACK_COMPLETE"
        for running in (self.deliveries, self.pushes, self.executions, self.jobs):
            running.update({key: "Stopped" for key, status in running.items() if status == "Stopping"})

    def delete_endpoint_stack(self, name: str) -> None:
        """Delete one, and what is in it but for a scaling target: the stack does not know of that."""
        if name == self.stuck:
            self.stacks[name] = "DELETE_FAILED"
            return
        self.stacks.pop(name, None)
        self.deleted.add(name)
        self.endpoints.discard(name)

    def destroy(self, part: str) -> int:
        """Delete an application's stack as ``cdk destroy`` does, and return its exit code."""
        needed = {
            "deployment": [name for name in ENDPOINTS if name in self.stacks],
            "retraining": [key for key, status in self.machines.items() if status == "RUNNING"]
            + [key for key, status in self.pushes.items() if status != "Stopped"],  # an abandoned build goes on
            "training": [key for key, status in self.executions.items() if status in ("Executing", "Stopping")]
            + [other for other in ("retraining", "deployment") if f"{NAME}-{other}" in self.stacks],
            "storage": [*self.packages] + (["training"] if f"{NAME}-training" in self.stacks else []),
            "monitoring": [],
        }
        if needed[part] or f"{NAME}-{part}" == self.stuck:
            return 1
        self.stacks.pop(f"{NAME}-{part}", None)
        self.deleted.add(f"{NAME}-{part}")
        return 0
