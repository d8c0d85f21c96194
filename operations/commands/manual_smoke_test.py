# SPDX-License-Identifier: MIT-0
"""The smoke test by hand: the delivery's own test, with a table of what was answered to each golden image."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from botocore.exceptions import ClientError
from rich.console import Console
from rich.table import Table

from operations.account import aws_errors, deployment_account
from operations.account.deployment_account import Account
from operations.functions import endpoint_answers, model_package
from operations.functions import smoke_test as smoking
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
    """A target that keeps what it answered, so that a failed test can be shown too."""

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
        account: Where.
        name: The endpoint's.
        arn: The package's; empty for the one that the endpoint serves.
        console: What the table is printed on.

    Raises:
        SmokeError: It does not answer as the model was evaluated.
        UsageError: There is no such package, or the endpoint does not say which it serves.
        AccountError: The endpoint is in an account to which no credentials lead.
    """
    s3 = account.client("s3")
    there, served = _locate_endpoint(account, name, arn)
    if not served:
        raise UsageError(
            f"endpoint {name!r}: does not say which model package it serves. Name it: "
            f'make smoke ENDPOINT={name} ARGS="--package ARN"'
        )
    found = model_package.describe_model_package(account.client("sagemaker"), served)
    target = SageMakerEndpoint(name, there.client("sagemaker-runtime"))
    _run_and_print(S3Folder(s3, found.evaluation), S3Folder(s3, found.holdout), target, console)


def _locate_endpoint(account: Account, name: str, arn: str) -> tuple[Account, str]:
    """Return where the endpoint is, and the ARN of the package that it serves, unless that is given.

    Raises:
        AccountError: It is in an account to which no credentials lead.
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
        elsewhere = next((one for one in stages if one.elsewhere and one.endpoint == name), None)
        if elsewhere is None:
            raise
    there = deployment_account.account_of_stage(account, elsewhere)
    return there, arn or model_package.tagged_package_arn(there.client("sagemaker"), name)


def smoke_test_url(address: str, evaluation: Path, holdout: Path, console: Console) -> None:
    """Test a server against a run's folders on this machine; no account is needed.

    Raises:
        SmokeError: It does not answer as the model was evaluated.
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
        agreement = smoking.run_smoke_test(evaluation, holdout, recorded)
    console.print(f"{target.place}: passed: {agreement}", markup=False, soft_wrap=True)


@contextmanager
def _print_answers(
    images: Sequence[GoldenImage], answers: Sequence[EndpointAnswer], console: Console
) -> Iterator[None]:
    """Print, however the `with` block ends, what was answered within it."""
    try:
        yield
    finally:
        table = Table("image", "label", "scored highest", "difference", box=None, pad_edge=False)
        for image, answered in zip(images, answers, strict=False):  # a failed test may have ended before the last
            table.add_row(image.image_id, image.label, *_answer_cells(image, answered))
        console.print(table)


def _answer_cells(image: GoldenImage, answered: EndpointAnswer) -> tuple[str, str]:
    """Return the label that scored highest, and by how much the scores differ at most, or that they can't be read."""
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
