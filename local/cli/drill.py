# SPDX-License-Identifier: MIT-0
"""Rehearses a rollback: approve, serve, approve another, serve, approve the first again, and look who answers.

It works on a copy of the registry, so that nobody's decision is changed. Which model answers is told by its answer to
a held-out picture: the one that its own run wrote down, and not that of the other. On AWS the same steps are taken by
the delivery pipeline; what they are there is printed beside each.
"""

import http.client
import json
import shutil
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from local.aws import pipeline_executions
from local.aws.model_registry import APPROVED, REJECTED, ModelRegistry
from local.aws.pipeline_executions import ExecutionRecord
from local.aws.s3_store import LocalHome, S3Store
from local.console.command_frame import program_command, stop_on_signals
from local.console.run_summary import registered_package_arn
from local.endpoint import run_selection
from local.endpoint.model_serving import require_registered_package
from local.endpoint.run_selection import HeldOutImage
from local.errors import LocalError, StepError, UsageError
from local.runners.job_runner import JobRunner
from local.steps.model_server import RunningServer, ServedModel, run_model_server
from pipeline_src import contract

_CLOSE: Final = 1e-5  # of a probability: one machine computes the same to the last bits
_APART: Final = 1e-3  # between the answers of two models, or they cannot be told apart
_WHY: Final = "drill"
ON_AWS: Final = """\
On AWS a status is set with
  aws sagemaker update-model-package --model-package-arn ARN --model-approval-status Approved
and each approval starts the delivery pipeline: staging, smoke test, your approval there, canary in production.
Who answers there: make smoke ENDPOINT=skin-lesion-production. Without staging too: docs/operations.md."""


@dataclass(frozen=True)
class Version:
    """A registered model: its run, its model package, and its answers to the pictures that it was judged by."""

    record: ExecutionRecord
    arn: str
    judged: dict[str, HeldOutImage]

    @property
    def number(self) -> str:
        """The version in its group."""
        return self.arn.rpartition("/")[2]


@dataclass(frozen=True)
class Stop:
    """A step that was taken: what was done, by which version it was answered, and what it is on AWS."""

    what: str
    version: str
    away: float
    on_aws: str


def versions(names: Sequence[str], home: LocalHome) -> tuple[Version, Version]:
    """Return the two versions to go back and forth between: those of the runs `names`, or else the newest two.

    Raises:
        UsageError: there are not two, or their answers are alike.
    """
    if names:
        records = [pipeline_executions.find_execution(home.runs, name) for name in names]
    else:
        records = [each for each in pipeline_executions.load_executions(home.runs) if _is_registered(each, home)][-2:]
    if len(records) != 2:
        demo = f"{program_command()} demo"
        raise UsageError(
            f"drill: {len(records)} registered versions, and two are needed. Make them: {demo}; {demo} -p Epochs=12"
        )
    first, second = (_version(record) for record in records)
    telling(first, second)
    return first, second


def telling(first: Version, second: Version) -> str:
    """Return the id of the picture that both were judged by and answered to most differently.

    Raises:
        UsageError: there is none.
    """
    common = sorted(first.judged.keys() & second.judged.keys())
    if not common:
        raise UsageError(
            f"drill: {first.arn} and {second.arn} were judged by different pictures. Name two of a dataset."
        )
    found = max(common, key=lambda name: away(first.judged[name].scores, second.judged[name].scores))
    if away(first.judged[found].scores, second.judged[found].scores) < _APART:
        again = f"{program_command()} demo -p Epochs=12"
        raise UsageError(f"drill: {first.arn} and {second.arn} answer alike. Register another, for example: {again}")
    return found


def away(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the largest difference of two answers."""
    return max(abs(a - b) for a, b in zip(one, other, strict=True))


def walk(first: Version, second: Version, home: LocalHome, runner: JobRunner) -> Iterator[Stop]:
    """Go from `first` to `second` and back, and yield each step as it is done.

    Raises:
        StepError: not the version that was approved last answered.
        StoppedError: it was stopped.
    """
    runner.check()
    stop = threading.Event()
    with tempfile.TemporaryDirectory(prefix="drill-") as folder, stop_on_signals(stop.set):
        registry = ModelRegistry(Path(folder) / "registry")
        shutil.copytree(home.registry, registry.root)
        for what, version in (("approve", first), ("approve", second), ("roll back: approve again", first)):
            command = _approve(version, registry)
            newest = _newest((first, second), registry)
            with run_model_server(runner, _model(newest, registry, home), Path(folder) / "logs", stop) as endpoint:
                difference = _check(endpoint, version, telling(first, second))
            yield Stop(
                f"{what} version {version.number}, serve what was approved last", version.arn, difference, command
            )


def _is_registered(record: ExecutionRecord, home: LocalHome) -> bool:
    arn = registered_package_arn(record)
    try:
        return (
            arn is not None
            and bool(ModelRegistry(home.registry).describe(arn))
            and bool(run_selection.read_held_out_images(record))
        )
    except LocalError:
        return False


def _version(record: ExecutionRecord) -> Version:
    return Version(
        record,
        require_registered_package(record),
        {each.image_id: each for each in run_selection.read_held_out_images(record)},
    )


def _approve(version: Version, registry: ModelRegistry) -> str:
    """Approve the version, one that is approved already by way of Rejected, and return what that is on AWS."""
    taken = [APPROVED]
    if registry.describe(version.arn)["ModelApprovalStatus"] == APPROVED:
        taken = [REJECTED, APPROVED]
    for status in taken:
        registry.decide(version.arn, status, _WHY)
    return f"set version {version.number} to {' and then to '.join(taken)}"


def _newest(known: Sequence[Version], registry: ModelRegistry) -> Version:
    """Return the version that was approved last."""
    packages = {each.arn: registry.describe(each.arn) for each in known}
    approved = [each for each in known if packages[each.arn]["ModelApprovalStatus"] == APPROVED]
    return max(approved, key=lambda each: str(packages[each.arn].get("LastModifiedTime", "")))


def _model(version: Version, registry: ModelRegistry, home: LocalHome) -> ServedModel:
    container = registry.describe(version.arn)["InferenceSpecification"]["Containers"][0]
    model = ServedModel.of(container, S3Store(home.s3))
    if not model.artifact.is_file():
        raise UsageError(f"{container['ModelDataUrl']}: the model is no longer in {home.s3}. Run the pipeline again.")
    return model


def _check(endpoint: RunningServer, version: Version, image_id: str) -> float:
    """Return how far the answer is from what the version's own run wrote down."""
    picture = version.judged[image_id]
    with closing(http.client.HTTPConnection(endpoint.host, endpoint.port, timeout=60)) as connection:
        headers = {"Content-Type": contract.IMAGE_CONTENT_TYPE}
        connection.request("POST", "/invocations", picture.path.read_bytes(), headers)
        response = connection.getresponse()
        said = response.read()
    answer = json.loads(said) if response.status == http.client.OK else None
    if answer is None or away(answer, picture.scores) > _CLOSE:
        got, wanted = said.decode(errors="replace").strip(), json.dumps(picture.scores)
        raise StepError(
            f"drill: {version.arn} was approved last, but to {image_id} the answer was {got}, not {wanted}. "
            "Look whether its package names the artifact of its own run."
        )
    return away(answer, picture.scores)
