# SPDX-License-Identifier: MIT-0
"""A deployment's demand, and a look at the account of service.py."""

import dataclasses
import io
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from operations.preflight import preflight_run
from operations.preflight.preflight_check import CheckContext, PreflightFinding, PreflightVerdict
from operations.preflight.preflight_requirements import (
    BootstrapRequirement,
    ConnectionRequirement,
    DeploymentRequirements,
    EstimatedCost,
    InstanceRequirement,
)
from operations.preflight.preflight_run import PreflightResult
from tests.operations.service import Services
from tests.operations.shell import account

ACCOUNT: Final = "111111111111"
CALLER: Final = {"Account": ACCOUNT, "UserId": "AROA:me", "Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/Admin/me"}
BUCKET: Final = f"cdk-hnb659fds-assets-{ACCOUNT}-us-east-1"
PARAMETER: Final = "/cdk-bootstrap/hnb659fds/version"
CONNECTION: Final = f"arn:aws:codeconnections:us-east-1:{ACCOUNT}:connection/1"
TRAIN: Final = InstanceRequirement("training job", "ml.g4dn.xlarge", 1, 1, "Train", "training.train_instance")
SERVE: Final = InstanceRequirement("endpoint", "ml.c5.large", 5, 9, "staging, production", "staging.instance")
# What a builder does that is well.
READY: Final = f"echo '{json.dumps({'Architecture': 'x86_64'})}'"
DEMAND: Final = DeploymentRequirements(
    account="",
    region="",
    bootstrap=BootstrapRequirement(PARAMETER, 6, "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}"),
    buckets=(),
    algorithm="bought",
    algorithm_regions=("eu-west-1", "us-east-1"),
    connection=ConnectionRequirement(used=False, arn=""),
    instances=(TRAIN,),
    cost=EstimatedCost(242.11, 148.92, 0.88, (), "list prices of somewhere"),
    budget=400,
)


def demanding(**changes: Any) -> DeploymentRequirements:
    """The sample with something else demanded."""
    return dataclasses.replace(DEMAND, **changes)


def look(client: Callable[[str], Any], **changes: Any) -> CheckContext:
    """What a check is given."""
    return CheckContext(account(client), demanding(**changes), ACCOUNT)


def only(findings: Iterable[PreflightFinding]) -> PreflightFinding:
    """The one finding that there is; whatever is not well has a remedy."""
    (finding,) = findings
    assert finding.verdict is PreflightVerdict.OK or finding.remedy
    return finding


def quotas(aws: Services, operation: str, *pages: Mapping[str, float], service: str = "sagemaker", **more: Any) -> None:
    """Have quotas listed by name, a page at a time."""
    for number, page in enumerate(pages):
        listed = [
            {"ServiceCode": service, "QuotaCode": f"L-{name[:8].replace('.', '')}", "QuotaName": name}
            | {
                "Value": value,
                "Unit": "None",
                "Adjustable": True,
                "GlobalQuota": False,
                "QuotaAppliedAtLevel": "ACCOUNT",
            }
            | more
            for name, value in page.items()
        ]
        token = {"NextToken": f"page{number + 1}"} if number + 1 < len(pages) else {}
        asked = {"NextToken": f"page{number}"} if number else {}
        aws.answers(
            "service-quotas", operation, {"Quotas": listed} | token, ServiceCode=service, MaxResults=100, **asked
        )


def bootstrapped(aws: Services, version: str = "30") -> None:
    """Have the bootstrap's version told."""
    parameter = {"Name": PARAMETER, "Type": "String", "Value": version, "Version": 1}
    aws.answers("ssm", "get_parameter", {"Parameter": parameter}, Name=PARAMETER)


def ours(aws: Services, name: str = BUCKET) -> None:
    """Have a bucket be ours."""
    aws.answers("s3", "head_bucket", {"BucketRegion": "us-east-1"}, Bucket=name, ExpectedBucketOwner=ACCOUNT)


def builder(folder: Path, said: str, name: str = "docker") -> dict[str, str]:
    """Put a tool into `folder` that does as the shell script `said`, and return the environment that finds it."""
    tool = folder / name
    tool.write_text(f"#!/bin/sh\n{said}\n", encoding="utf-8")
    tool.chmod(0o755)
    return {"PATH": str(folder)}


def told(outcome: PreflightResult, *, terminal: bool = False) -> str:
    """What is printed of it."""
    written = io.StringIO()
    preflight_run.print_preflight_result(
        outcome, Console(file=written, force_terminal=terminal, color_system=None, width=100)
    )
    return written.getvalue()
