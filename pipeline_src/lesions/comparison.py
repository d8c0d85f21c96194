# SPDX-License-Identifier: MIT-0
"""The model in production, the champion, against this one, the challenger, image by image.

Both are judged on the test images that they share. As the split of a lesion never changes, neither has trained on them;
what contradicts that, or that the two were asked the same, is refused with a reason instead of compared (overlap.py).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from pipeline_src import contract
from pipeline_src.lesions import overlap, pairing, resampling
from pipeline_src.lesions.champion import REMEDY, Champion, read, shown
from pipeline_src.lesions.error import BadInputError
from pipeline_src.lesions.pairing import Pair, Paired
from pipeline_src.lesions.prediction import Predictions

__all__ = ["ABSENT", "COMPARED", "IDENTICAL", "REFUSED", "WAIVED", "Champion", "Comparison", "Pair", "compare", "read"]

ABSENT: Final = "absent"  # there is no champion yet, or none was named
WAIVED: Final = "waived"  # whoever started the run switched the comparison off
COMPARED: Final = "compared"
IDENTICAL: Final = "identical"  # the same test images, and every probability is the same: the same model
REFUSED: Final = "refused"  # the two were not measured on the same things


@dataclass(frozen=True)
class Comparison:
    """What came of the comparison.

    Attributes:
        status: `ABSENT`, `WAIVED`, `COMPARED`, `IDENTICAL` or `REFUSED`.
        package: the champion's model package ARN, `contract.NO_PACKAGE` or `contract.NO_COMPARISON`.
        reason: in a sentence, what the status means here; for `REFUSED` which image, label or column is in the way.
        images: the shared test images.
        left_out: test images of the challenger that the champion was not measured on, for example newly added ones.
        missing: test images of the champion that are not among the challenger's, for example removed ones.
        balanced_accuracy: None unless compared or identical.
        melanoma_sensitivity: each at its own operating point; likewise, and None if the challenger has none.
        melanoma_specificity: share of all other images not called melanoma there; likewise.
        fixed: test images that the champion gets wrong and the challenger right.
        broken: the other way round.
    """

    status: str
    package: str
    reason: str
    images: int = 0
    left_out: int = 0
    missing: int = 0
    balanced_accuracy: Pair | None = None
    melanoma_sensitivity: Pair | None = None
    melanoma_specificity: Pair | None = None
    fixed: int = 0
    broken: int = 0

    @property
    def pairs(self) -> dict[str, Pair]:
        """The compared figures that there are, by their names."""
        compared = {
            "balanced_accuracy": self.balanced_accuracy,
            "melanoma_sensitivity": self.melanoma_sensitivity,
            "melanoma_specificity": self.melanoma_specificity,
        }
        return {name: pair for name, pair in compared.items() if pair is not None}

    @property
    def named(self) -> bool:
        """Whether `package` is a champion's."""
        return self.package not in {contract.NO_PACKAGE, contract.NO_COMPARISON}


def compare(test: Predictions, threshold: float | None, champion: Champion | None, package: str) -> Comparison:
    """Compare the challenger with the champion.

    Args:
        test: the challenger's test images.
        threshold: its melanoma operating point, or None if it has none.
        champion: None if there is none.
        package: the ARN of the champion's model package, `contract.NO_PACKAGE` or `contract.NO_COMPARISON`.
    """
    if champion is None:
        return _without(package)
    try:
        paired = _paired(test, threshold, champion)
    except BadInputError as error:
        return Comparison(REFUSED, package, str(error))
    images = len(paired.challenger.images)
    left_out, missing = len(test.images) - images, len(overlap.missing(test.images, champion.answers))
    equal = np.array_equal(paired.challenger.probabilities, paired.champion.probabilities)
    # Equal answers to a part of the images prove nothing of the others: only the whole test set makes one model.
    same = equal and not left_out and not missing
    fixed, broken = pairing.changed(paired)
    return Comparison(
        status=IDENTICAL if same else COMPARED,
        package=package,
        reason=_reason(images, equal=equal, same=same),
        images=images,
        left_out=left_out,
        missing=missing,
        balanced_accuracy=pairing.balanced_accuracy(paired, same=same),
        melanoma_sensitivity=None if threshold is None else pairing.melanoma_sensitivity(paired, same=same),
        melanoma_specificity=None if threshold is None else pairing.melanoma_specificity(paired, same=same),
        fixed=fixed,
        broken=broken,
    )


def _without(package: str) -> Comparison:
    if package == contract.NO_PACKAGE:
        reason = "No champion was named: this is the first model, or whoever started the run named none."
        return Comparison(ABSENT, package, reason)
    if package == contract.NO_COMPARISON:
        reason = "The comparison with the model in production was switched off by whoever started this run."
        return Comparison(WAIVED, package, reason)
    reason = f"{shown(package)} is named as the champion, but none of its predictions are given. {REMEDY}"
    return Comparison(REFUSED, package, reason)


def _reason(images: int, *, equal: bool, same: bool) -> str:
    if same:
        return f"Every probability of all {images} test images is the champion's: it is the same model."
    paired = f"Paired on the {images} test images that both models were measured on and neither was trained on."
    if equal:
        return f"{paired} The answers on these {images} are the same, but the two test sets are not."
    return paired


def _paired(test: Predictions, threshold: float | None, champion: Champion) -> Paired:
    """Return both models' answers to the shared test images.

    Raises:
        BadInputError: they cannot be compared.
    """
    if champion.refusal:
        raise BadInputError(champion.refusal)
    rows = [row for row, image in enumerate(test.images) if image.image_id in champion.answers]
    images = tuple(test.images[row] for row in rows)
    answers = [champion.answers[image.image_id] for image in images]
    overlap.refuse_differences(images, answers)
    overlap.refuse_gaps(images)
    overlap.refuse_missing(overlap.missing(test.images, champion.answers), champion.answers)
    own = Predictions(images, test.probabilities[rows])
    other = Predictions(images, np.array([answer.probabilities for answer in answers]))
    called = np.zeros(len(images), dtype=np.bool_) if threshold is None else own.melanoma >= threshold
    return Paired(other, own, np.array([answer.melanoma for answer in answers]), called, resampling.draw(images))
