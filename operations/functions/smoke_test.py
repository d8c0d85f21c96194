# SPDX-License-Identifier: MIT-0
"""The smoke test: does what serves answer the golden images as the evaluation has them?

The same test for an endpoint in a delivery, an endpoint by hand and a server on this machine.
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

# An image is read and sent, which takes no longer than this; so a function with as much time left still gets to report.
_SECONDS_PER_IMAGE: Final = 2 * (CONNECT_SECONDS + READ_SECONDS) * MAX_ATTEMPTS + 10


@dataclass(frozen=True)
class SmokeTestResult:
    """A passed test.

    Attributes:
        place: Who answered.
        images: The images that were sent.
        largest: By how much a score differed from the evaluation at most.
    """

    place: str
    images: tuple[GoldenImage, ...]
    largest: float

    def __str__(self) -> str:
        """The outcome in one line."""
        labels = ", ".join(image.label for image in self.images)
        plural = "" if len(self.images) == 1 else "s"
        return (
            f"{len(self.images)} golden image{plural} ({labels}): the scores differ from the evaluation by "
            f"{self.largest:.1e} at most (allowed: {SCORE_TOLERANCE:.0e})"
        )


def run_package_smoke_test(
    found: ModelPackage, target: InferenceTarget, *, s3: Client, left: Callable[[], float] = lambda: math.inf
) -> SmokeTestResult:
    """Test what serves a model package; see `run`.

    Args:
        found: The package, whose evaluation holds the golden images.
        target: What serves it.
        s3: Client that reads them.
        left: Returns the seconds that are left for the test.
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
        evaluation: Holds predictions.csv.
        holdout: Holds the images, named as `contract.held_out_file` says.
        target: What is asked.
        left: Returns the seconds that are left for the test.

    Raises:
        SmokeError: An answer breaks a rule, there is none, or an image or the table is missing.
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
        raise SmokeTestError(
            f"{place}: no time is left for it: the answers are too slow. Look at the endpoint's latency."
        )
    data = holdout.read(contract.held_out_file(image.image_id))
    return endpoint_answers.read_probabilities(target.answer(data), place)
