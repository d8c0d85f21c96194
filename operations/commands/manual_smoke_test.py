# SPDX-License-Identifier: MIT-0
"""Runs the smoke test of a delivery from the command line, and prints a table of the answers."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from botocore.exceptions import ClientError
from rich.console import Console
from rich.table import Table

from operations.account import aws_errors, deployment_account
from operations.account.deployment_account import Account
from operations.functions import endpoint_answers, model_package, smoke_test
from operations.functions.endpoint_answers import (
    EndpointAnswer,
    EvaluationFolder,
    GoldenImage,
    InferenceTarget,
    LocalFolder,
    S3Folder,
    SageMakerEndpoint,
    ServerUrl,
)
from operations.functions.errors import SmokeTestError, UsageError
from pipeline_src import contract


@dataclass
class _RecordingTarget:
    """A target that records its answers, so that those of a failed test can be printed."""

    target: InferenceTarget
    answers: list[EndpointAnswer] = field(default_factory=list)

    @property
    def place(self) -> str:
        return self.target.place

    def answer(self, image: bytes) -> EndpointAnswer:
        self.answers.append(self.target.answer(image))
        return self.answers[-1]


def smoke_test_endpoint(account: Account, name: str, arn: str, console: Console) -> None:
    """Test an endpoint against the evaluation of a model package.

    Args:
        account: The account of the build.
        name: Name of the endpoint.
        arn: ARN of the package; empty for the one that the endpoint serves.
        console: Where to print the table.

    Raises:
        SmokeTestError: It does not answer as the model was evaluated.
        UsageError: There is no such package, or the service does not name the one that the endpoint serves.
        AccountError: The endpoint is in an account that no credentials are given for.
    """
    s3 = account.client("s3")
    there, served = _locate_endpoint(account, name, arn)
    if not served:
        raise UsageError(
            f'endpoint {name!r}: its model package is unknown. Name it: make smoke ENDPOINT={name} ARGS="--package ARN"'
        )
    found = model_package.describe_model_package(account.client("sagemaker"), served)
    target = SageMakerEndpoint(name, there.client("sagemaker-runtime"))
    _run_and_print(S3Folder(s3, found.evaluation), S3Folder(s3, found.holdout), target, console)


def _locate_endpoint(account: Account, name: str, arn: str) -> tuple[Account, str]:
    """Return the account and region of the endpoint, and `arn` or the ARN of the package that it serves.

    Raises:
        AccountError: It is in an account that no credentials are given for.
    """
    try:
        sagemaker = account.client("sagemaker")
        if arn:
            sagemaker.describe_endpoint(EndpointName=name)
        return account, arn or model_package.served_package_arn(sagemaker, name)
    except ClientError as error:
        stages = (
            deployment_account.stages_of_outputs(account.outputs("deployment"))
            if aws_errors.is_not_found(error)
            else ()
        )
        remote = next((one for one in stages if one.is_remote and one.endpoint == name), None)
        if remote is None:
            raise
    there = deployment_account.account_of_stage(account, remote)
    return there, arn or model_package.tagged_package_arn(there.client("sagemaker"), name)


def smoke_test_url(address: str, evaluation: Path, holdout: Path, console: Console) -> None:
    """Test a server against the folders of a local run.

    Raises:
        SmokeTestError: It does not answer as the model was evaluated.
    """
    _run_and_print(LocalFolder(evaluation), LocalFolder(holdout), ServerUrl(address), console)


def _run_and_print(
    evaluation: EvaluationFolder, holdout: EvaluationFolder, target: InferenceTarget, console: Console
) -> None:
    images = endpoint_answers.choose_golden_images(
        evaluation.read(contract.PREDICTIONS_FILE), evaluation.place(contract.PREDICTIONS_FILE)
    )
    recorded = _RecordingTarget(target)
    with _print_answers(images, recorded.answers, console):
        agreement = smoke_test.run_smoke_test(evaluation, holdout, recorded)
    console.print(f"{target.place}: passed: {agreement}", markup=False, soft_wrap=True)


@contextmanager
def _print_answers(
    images: Sequence[GoldenImage], answers: Sequence[EndpointAnswer], console: Console
) -> Iterator[None]:
    """Print the answers that the `with` block has recorded, also after an error."""
    try:
        yield
    finally:
        table = Table("image", "label", "predicted", "difference", box=None, pad_edge=False)
        for image, answered in zip(images, answers, strict=False):  # a failed test has fewer answers
            table.add_row(image.image_id, image.label, *_answer_cells(image, answered))
        console.print(table)


def _answer_cells(image: GoldenImage, answered: EndpointAnswer) -> tuple[str, str]:
    """Return the predicted class and the largest difference of a score, or that the answer cannot be read."""
    try:
        scores = endpoint_answers.read_probabilities(answered, image.image_id)
    except SmokeTestError:
        return "no answer", "-"
    largest = max(abs(got - wanted) for got, wanted in zip(scores, image.scores, strict=True))
    highest = contract.CLASS_LABELS[scores.index(max(scores))]
    return (
        f"{highest} {max(scores):.4f}",
        f"{largest:.1e}{'' if largest <= endpoint_answers.SCORE_TOLERANCE else ' too much'}",
    )
