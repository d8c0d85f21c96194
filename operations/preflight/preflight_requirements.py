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
    """What the CDK's bootstrap has to provide.

    Attributes:
        parameter: Name of the SSM parameter of its version.
        version: The lowest version that the templates accept.
        bucket: Name pattern of its bucket.
        qualifier: Part of the names of its resources.
        stack: Name of its stack.
    """

    parameter: str
    version: int
    bucket: str
    qualifier: str = "hnb659fds"
    stack: str = "CDKToolkit"


@dataclass(frozen=True)
class ConnectionRequirement:
    """Whether pushes need a connection, and the ARN of an existing one, or empty."""

    used: bool
    arn: str


@dataclass(frozen=True)
class ResourceTypeRequirement:
    """A resource type, what uses it, and whether the stacks leave it out in the regions `without` it."""

    type: str
    used_by: str
    optional: bool
    without: Sequence[str]
    remedy: str


@dataclass(frozen=True)
class BuildRequirement:
    """Concurrent builds of CodeBuild: the quota, the number `needed` for a push, and the `most` that may run."""

    quota: str
    needed: int
    most: int
    setting: str


@dataclass(frozen=True)
class InstanceRequirement:
    """Concurrent instances of a usage and type: the number `needed`, and the `most` with autoscaling."""

    usage: str
    type: str
    needed: int
    most: int
    used_by: str
    setting: str


@dataclass(frozen=True)
class EstimatedCost:
    """Estimate in US dollars: a month, the instances that autoscaling may add to it, and a retraining."""

    month: float
    scaled: float
    retraining: float
    uncounted: Sequence[str]
    source: str


@dataclass(frozen=True)
class RemoteRequirements:
    """Requirements in another account or region.

    Attributes:
        account: Its id.
        region: The region.
        stages: Names of the stages that are there; none if it only has a bucket for deliveries.
        buckets: Bucket names in its templates.
        instances: SageMaker instances that run there.
        types: Resource types that are deployed there and that some region lacks.
    """

    account: str
    region: str
    stages: Sequence[str]
    buckets: Sequence[str]
    instances: Sequence[InstanceRequirement]
    types: Sequence[ResourceTypeRequirement] = ()


@dataclass(frozen=True)
class DeploymentRequirements:
    """Requirements of a deployment.

    Attributes:
        account: Account that the settings name; empty: that of the credentials.
        region: Region that the settings name; empty: that of the credentials.
        bootstrap: Requirements on the CDK's bootstrap.
        buckets: Bucket names in its templates.
        algorithm: Name of the training algorithm.
        algorithm_regions: Regions that have its images; none: every region, because `cdk deploy` builds them.
        connection: Requirements on the connection to the repository.
        instances: SageMaker instances.
        cost: Estimated cost.
        budget: US dollars a month; 0 for no budget.
        elsewhere: Requirements in other accounts and regions.
        types: Resource types that some region lacks.
        unpublished: Regions whose resource types AWS does not publish.
        builds: Builds of CodeBuild; None if pushes are not built.
        tuning_jobs: Number of trainings in a tuning; 0 for no tuning.
    """

    account: str
    region: str
    bootstrap: BootstrapRequirement
    buckets: Sequence[str]
    algorithm: str
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
    """Return the requirements for the settings of the project, changed by `context`.

    Args:
        context: ``KEY=VALUE`` each, as for ``cdk deploy``.
        root: The project's folder.

    Raises:
        UsageError: A setting is invalid; the message is that of the settings.
        OperationError: The settings could not be read.
    """
    options = [word for pair in context for word in ("--context", pair)]
    command = [sys.executable, "-m", _REQUIREMENTS_MODULE, *options]
    told = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if told.returncode == _USAGE_EXIT_CODE:
        raise UsageError(f"settings: {told.stderr.partition('error: ')[2].strip()}")
    if told.returncode:
        last = (told.stderr.strip().splitlines() or ["no output"])[-1]
        raise OperationError(
            f"python -m {_REQUIREMENTS_MODULE}: exit code {told.returncode}: {last} It needs Node.js "
            "22 or 24 for the CDK's Python bindings, and the application's environment (make synth sets it up)."
        )
    return parse_requirements(told.stdout)


def parse_requirements(text: str) -> DeploymentRequirements:
    """Return the requirements in the JSON document `text`."""
    found = json.loads(text)
    parts = {
        "bootstrap": BootstrapRequirement(**found["bootstrap"]),
        "connection": ConnectionRequirement(**found["connection"]),
        "cost": EstimatedCost(**found["cost"]),
        "builds": BuildRequirement(**found["builds"]) if found["builds"] else None,
        "elsewhere": [RemoteRequirements(**each | _parse_place(each)) for each in found["elsewhere"]],
    }
    return DeploymentRequirements(**found | parts | _parse_place(found))


def planned_remote_stages(requirements: DeploymentRequirements, name: str) -> list[DeliveryStage]:
    """Return the stages of deployment `name` that the settings put elsewhere, production first."""
    found = {stage: where for where in requirements.elsewhere for stage in where.stages}
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
