# SPDX-License-Identifier: MIT-0
"""Runs the smoke test: compares the answers to the golden images with the evaluation of the model.

A delivery, the command for an endpoint and the command for a local server all use it.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from operations.functions import endpoint_answers
from operations.functions.aws_clients import CONNECT_SECONDS, MAX_ATTEMPTS, READ_SECONDS, Client
from operations.functions.endpoint_answers import (
    SCORE_TOLERANCE,
    EvaluationFolder,
    GoldenImage,
    InferenceTarget,
    S3Folder,
)
from operations.functions.errors import SmokeTestError
from operations.functions.model_package import ModelPackage
from pipeline_src import contract

# The longest time to read and send an image: a function with that much time left can still report.
_SECONDS_PER_IMAGE: Final = 2 * (CONNECT_SECONDS + READ_SECONDS) * MAX_ATTEMPTS + 10


@dataclass(frozen=True)
class SmokeTestResult:
    """A passed test.

    Attributes:
        place: The endpoint or server.
        images: The images that were sent.
        largest: Largest difference of a score from the evaluation.
    """

    place: str
    images: tuple[GoldenImage, ...]
    largest: float

    def __str__(self) -> str:
        """Return the result in one line."""
        labels = ", ".join(image.label for image in self.images)
        plural = "" if len(self.images) == 1 else "s"
        return (
            f"{len(self.images)} golden image{plural} ({labels}): the scores differ from the evaluation by "
            f"{self.largest:.1e} at most (allowed: {SCORE_TOLERANCE:.0e})"
        )


def run_package_smoke_test(
    found: ModelPackage, target: InferenceTarget, *, s3: Client, left: Callable[[], float] = lambda: math.inf
) -> SmokeTestResult:
    """Test an endpoint that serves a model package; see `run_smoke_test`.

    Args:
        found: The package, whose evaluation has the golden images.
        target: The endpoint.
        s3: Client that reads them.
        left: Returns the seconds until the time limit.
    """
    return run_smoke_test(S3Folder(s3, found.evaluation), S3Folder(s3, found.holdout), target, left=left)


def run_smoke_test(
    evaluation: EvaluationFolder,
    holdout: EvaluationFolder,
    target: InferenceTarget,
    *,
    left: Callable[[], float] = lambda: math.inf,
) -> SmokeTestResult:
    """Send the golden images and compare the answers.

    Args:
        evaluation: Folder of predictions.csv.
        holdout: Folder of the images, named by `contract.held_out_file`.
        target: The endpoint or server.
        left: Returns the seconds until the time limit.

    Raises:
        SmokeTestError: An answer is invalid or missing, or an image or the table is missing.
        ClientError: A service refused.
    """
    table = evaluation.read(contract.PREDICTIONS_FILE)
    images = endpoint_answers.choose_golden_images(table, evaluation.place(contract.PREDICTIONS_FILE))
    pairs = [(image, _answered_scores(image, holdout, target, left)) for image in images]
    return SmokeTestResult(target.place, tuple(images), endpoint_answers.check_agreement(pairs, target.place))


def _answered_scores(
    image: GoldenImage, holdout: EvaluationFolder, target: InferenceTarget, left: Callable[[], float]
) -> tuple[float, ...]:
    place = f"{target.place}, image {image.image_id} ({image.label})"
    if left() < _SECONDS_PER_IMAGE:
        raise SmokeTestError(f"{place}: no time left: the answers are too slow. Check the latency of the endpoint.")
    return endpoint_answers.read_probabilities(
        target.answer(holdout.read(contract.held_out_file(image.image_id))), place
    )
