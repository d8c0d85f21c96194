# SPDX-License-Identifier: MIT-0
"""The smoke test by hand: the delivery's own test, with a table of what was answered to each golden image."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from botocore.exceptions import ClientError
from rich.console import Console
from rich.table import Table

from operations import answer, golden, package
from operations import smoke as smoking
from operations.answer import Answer
from operations.command import place, refusal, stage
from operations.command.account import Account
from operations.error import SmokeError, UsageError
from operations.golden import Folder, Golden, LocalFolder, S3Folder
from operations.target import Endpoint, Target, Url
from pipeline_src import contract


@dataclass
class _Recorded:
    """A target that keeps what it answered, so that a failed test can be shown too."""

    target: Target
    answers: list[Answer] = field(default_factory=list)

    @property
    def place(self) -> str:
        return self.target.place

    def answer(self, image: bytes) -> Answer:
        self.answers.append(self.target.answer(image))
        return self.answers[-1]


def endpoint(account: Account, name: str, arn: str, console: Console) -> None:
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
    there, served = _reached(account, name, arn)
    if not served:
        raise UsageError(
            f"endpoint {name!r}: does not say which model package it serves. Name it: "
            f'make smoke ENDPOINT={name} ARGS="--package ARN"'
        )
    found = package.described(account.client("sagemaker"), served)
    target = Endpoint(name, there.client("sagemaker-runtime"))
    _run(S3Folder(s3, found.evaluation), S3Folder(s3, found.holdout), target, console)


def _reached(account: Account, name: str, arn: str) -> tuple[Account, str]:
    """Return where the endpoint is, and the ARN of the package that it serves, unless that is given.

    Raises:
        AccountError: It is in an account to which no credentials lead.
    """
    try:
        sagemaker = account.client("sagemaker")
        if arn:
            sagemaker.describe_endpoint(EndpointName=name)
        return account, arn or package.served(sagemaker, name)
    except ClientError as error:
        stages = stage.stages(account.outputs("deployment")) if refusal.is_missing(error) else ()
        elsewhere = next((one for one in stages if one.elsewhere and one.endpoint == name), None)
        if elsewhere is None:
            raise
    there = place.of(account, elsewhere)
    return there, arn or package.tagged(there.client("sagemaker"), name)


def url(address: str, evaluation: Path, holdout: Path, console: Console) -> None:
    """Test a server against a run's folders on this machine; no account is needed.

    Raises:
        SmokeError: It does not answer as the model was evaluated.
    """
    _run(LocalFolder(evaluation), LocalFolder(holdout), Url(address), console)


def _run(evaluation: Folder, holdout: Folder, target: Target, console: Console) -> None:
    images = golden.chosen(evaluation.read(contract.PREDICTIONS), evaluation.place(contract.PREDICTIONS))
    recorded = _Recorded(target)
    with _shown(images, recorded.answers, console):
        agreement = smoking.run(evaluation, holdout, recorded)
    console.print(f"{target.place}: passed: {agreement}", markup=False, soft_wrap=True)


@contextmanager
def _shown(images: Sequence[Golden], answers: Sequence[Answer], console: Console) -> Iterator[None]:
    """Print, however the `with` block ends, what was answered within it."""
    try:
        yield
    finally:
        table = Table("image", "label", "scored highest", "difference", box=None, pad_edge=False)
        for image, answered in zip(images, answers, strict=False):  # a failed test may have ended before the last
            table.add_row(image.image_id, image.label, *_told(image, answered))
        console.print(table)


def _told(image: Golden, answered: Answer) -> tuple[str, str]:
    """Return the label that scored highest, and by how much the scores differ at most, or that they can't be read."""
    try:
        scores = answer.read(answered, image.image_id)
    except SmokeError:
        return "no answer", "-"
    largest = max(abs(got - wanted) for got, wanted in zip(scores, image.scores, strict=True))
    highest = contract.CLASS_LABELS[scores.index(max(scores))]
    return f"{highest} {max(scores):.4f}", f"{largest:.1e}{'' if largest <= answer.TOLERANCE else ' too much'}"
