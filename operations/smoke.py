# SPDX-License-Identifier: MIT-0
"""The smoke test: does what serves answer the golden images as the evaluation has them?

The same test for an endpoint in a delivery, an endpoint by hand and a server on this machine.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from operations import answer, golden
from operations.answer import TOLERANCE
from operations.client import ATTEMPTS, CONNECT_SECONDS, READ_SECONDS, Client
from operations.error import SmokeError
from operations.golden import Folder, Golden, S3Folder
from operations.package import Package
from operations.target import Target
from pipeline_src import contract

# An image is read and sent, which takes no longer than this; so a function with as much time left still gets to report.
_SECONDS_AN_IMAGE: Final = 2 * (CONNECT_SECONDS + READ_SECONDS) * ATTEMPTS + 10


@dataclass(frozen=True)
class Agreement:
    """A passed test.

    Attributes:
        place: Who answered.
        images: The images that were sent.
        largest: By how much a score differed from the evaluation at most.
    """

    place: str
    images: tuple[Golden, ...]
    largest: float

    def __str__(self) -> str:
        """The outcome in one line."""
        labels = ", ".join(image.label for image in self.images)
        plural = "" if len(self.images) == 1 else "s"
        return (
            f"{len(self.images)} golden image{plural} ({labels}): the scores differ from the evaluation by "
            f"{self.largest:.1e} at most (allowed: {TOLERANCE:.0e})"
        )


def run_package(
    found: Package, target: Target, *, s3: Client, left: Callable[[], float] = lambda: math.inf
) -> Agreement:
    """Test what serves a model package; see `run`.

    Args:
        found: The package, whose evaluation holds the golden images.
        target: What serves it.
        s3: Client that reads them.
        left: Returns the seconds that are left for the test.
    """
    return run(S3Folder(s3, found.evaluation), S3Folder(s3, found.holdout), target, left=left)


def run(
    evaluation: Folder, holdout: Folder, target: Target, *, left: Callable[[], float] = lambda: math.inf
) -> Agreement:
    """Send the golden images and compare the answers.

    Args:
        evaluation: Holds predictions.csv.
        holdout: Holds ``<image_id>.jpg``.
        target: What is asked.
        left: Returns the seconds that are left for the test.

    Raises:
        SmokeError: An answer breaks a rule, there is none, or an image or the table is missing.
        ClientError: A service refused.
    """
    table = evaluation.read(contract.PREDICTIONS)
    images = golden.chosen(table, evaluation.place(contract.PREDICTIONS))
    pairs = [(image, _scores(image, holdout, target, left)) for image in images]
    return Agreement(target.place, tuple(images), answer.agreement(pairs, target.place))


def _scores(image: Golden, holdout: Folder, target: Target, left: Callable[[], float]) -> tuple[float, ...]:
    place = f"{target.place}, image {image.image_id} ({image.label})"
    if left() < _SECONDS_AN_IMAGE:
        raise SmokeError(f"{place}: no time is left for it: the answers are too slow. Look at the endpoint's latency.")
    return answer.read(target.answer(holdout.read(f"{image.image_id}.jpg")), place)
