# SPDX-License-Identifier: MIT-0
"""The requirements of a deployment, read from the JSON of `python -m stacks.costs.deployment_requirements`.

The settings belong to `stacks`, which `operations` may not import: so another process reads them, as it does for
``cdk destroy``.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from operations.account.deployment_account import STAGE_TITLES, DeliveryStage
from operations.functions.errors import OperationError, UsageError

_PROJECT_FOLDER: Final = Path(__file__).parents[2]
_REQUIREMENTS_MODULE: Final = "stacks.costs.deployment_requirements"
_USAGE_EXIT_CODE: Final = 2  # argparse's exit code


@dataclass(frozen=True)
class BootstrapRequirement:
    """Where the CDK's bootstrap notes its version, the least version, and the name of its bucket.

    `qualifier` is in the names of all that it makes; `stack` is the name of its stack.
    """

    parameter: str
    version: int
    bucket: str
    qualifier: str = "hnb659fds"
    stack: str = "CDKToolkit"


@dataclass(frozen=True)
class ConnectionRequirement:
    """Whether pushes come over a connection, and the ARN of one that exists already."""

    used: bool
    arn: str


@dataclass(frozen=True)
class ResourceTypeRequirement:
    """A resource type that is needed: what is made of it, whether it is left out in the regions without it."""

    type: str
    used_by: str
    optional: bool
    without: Sequence[str]
    remedy: str


@dataclass(frozen=True)
class BuildRequirement:
    """Builds of CodeBuild that run at the same time: the quota that counts them, how many are needed, how many come."""

    quota: str
    needed: int
    most: int
    setting: str


@dataclass(frozen=True)
class InstanceRequirement:
    """Instances that run at the same time: how many are needed, and how many autoscaling may come to."""

    usage: str
    type: str
    needed: int
    most: int
    used_by: str
    setting: str


@dataclass(frozen=True)
class EstimatedCost:
    """US dollars: of a month, more with all instances that autoscaling may add, of a retraining."""

    month: float
    scaled: float
    retraining: float
    uncounted: Sequence[str]
    source: str


@dataclass(frozen=True)
class RemoteRequirements:
    """Another account or region in which something is deployed.

    Attributes:
        account: Its id.
        region: The region.
        stages: Names of the stages that are there; none where deliveries only pass by.
        buckets: Names of buckets that its templates give.
        instances: What it needs of SageMaker there.
        types: Resource types that it needs there and some region lacks.
    """

    account: str
    region: str
    stages: Sequence[str]
    buckets: Sequence[str]
    instances: Sequence[InstanceRequirement]
    types: Sequence[ResourceTypeRequirement] = ()


@dataclass(frozen=True)
class DeploymentRequirements:
    """All that a deployment needs.

    Attributes:
        account: Account that the settings name; empty: that of the credentials.
        region: Region that the settings name; empty: that of the credentials.
        bootstrap: What it needs of the CDK's bootstrap.
        buckets: Names of buckets that its templates give.
        algorithm_regions: Regions that have the built-in algorithm.
        connection: What it needs of a connection.
        instances: What it needs of SageMaker.
        cost: What it costs.
        budget: US dollars a month; 0: none is set.
        elsewhere: The same of each other account and region.
        types: Resource types that it needs and some region lacks.
        unpublished: Regions of which nobody knows that.
        builds: What pushes need of CodeBuild; None where none is built.
        tuning_jobs: Trainings of a tuning; 0: it does not tune.
    """

    account: str
    region: str
    bootstrap: BootstrapRequirement
    buckets: Sequence[str]
    algorithm_regions: Sequence[str]
    connection: ConnectionRequirement
    instances: Sequence[InstanceRequirement]
    cost: EstimatedCost
    budget: int
    elsewhere: Sequence[RemoteRequirements] = ()
    types: Sequence[ResourceTypeRequirement] = ()
    unpublished: Sequence[str] = ()
    builds: BuildRequirement | None = None
    tuning_jobs: int = 0


def read_requirements(context: Sequence[str], root: Path = _PROJECT_FOLDER) -> DeploymentRequirements:
    """Return what a deployment needs whose settings are those of the project, with what `context` says otherwise.

    Args:
        context: ``KEY=VALUE`` each, as for ``cdk deploy``.
        root: The project's folder.

    Raises:
        UsageError: A setting cannot be; the message is that of the settings.
        OperationError: The settings could not be read at all.
    """
    options = [word for pair in context for word in ("--context", pair)]
    command = [sys.executable, "-m", _REQUIREMENTS_MODULE, *options]
    told = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if told.returncode == _USAGE_EXIT_CODE:
        raise UsageError(f"settings: {told.stderr.partition('error: ')[2].strip()}")
    if told.returncode:
        last = (told.stderr.strip().splitlines() or ["it says nothing"])[-1]
        raise OperationError(
            f"python -m {_REQUIREMENTS_MODULE}: exit code {told.returncode}: {last} It needs Node.js "
            "22 or 24, on which the "
            "CDK's Python bindings run, and the application's environment (make synth sets it up)."
        )
    return parse_requirements(told.stdout)


def parse_requirements(text: str) -> DeploymentRequirements:
    """Return the document as what it means."""
    found = json.loads(text)
    parts = {
        "bootstrap": BootstrapRequirement(**found["bootstrap"]),
        "connection": ConnectionRequirement(**found["connection"]),
        "cost": EstimatedCost(**found["cost"]),
        "builds": BuildRequirement(**found["builds"]) if found["builds"] else None,
        "elsewhere": [RemoteRequirements(**each | _parse_place(each)) for each in found["elsewhere"]],
    }
    return DeploymentRequirements(**found | parts | _parse_place(found))


def planned_remote_stages(demand: DeploymentRequirements, name: str) -> list[DeliveryStage]:
    """Return the stages of deployment `name` that the settings put elsewhere, production first."""
    found = {stage: where for where in demand.elsewhere for stage in where.stages}
    return [
        DeliveryStage(f"{name}-{stage}", f"{name}-{stage}", title, found[stage].account, found[stage].region)
        for title in STAGE_TITLES
        if (stage := title.lower()) in found
    ]


def _parse_place(found: dict[str, Any]) -> dict[str, Any]:
    return {
        "instances": [InstanceRequirement(**each) for each in found["instances"]],
        "types": [ResourceTypeRequirement(**each) for each in found["types"]],
    }
