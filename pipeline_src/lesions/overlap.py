# SPDX-License-Identifier: MIT-0
"""What the test images of two models have in common: the same images of the same lesions, and enough of them.

Sharing too little is no small flaw: a test set from which the champion's hard images went flatters the challenger.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from pipeline_src import contract
from pipeline_src.lesions.champion import REMEDY, Answer, shown
from pipeline_src.lesions.error import BadInputError
from pipeline_src.lesions.holdout import HoldoutImage

MISSING: Final = 0.05  # of the champion's test images; what a corrected archive may lack without a word
CLASS_MISSING: Final = 0.20  # of those of one class, as a rare one weighs as much as nevi in balanced accuracy
ONE_IMAGE: Final = 1  # of a class; a lone image is more than a fifth where there are four, and says nothing yet


def missing(images: Iterable[HoldoutImage], answers: Mapping[str, Answer]) -> list[Answer]:
    """Return the champion's answers to test images of its own that are not among `images`."""
    ours = {image.image_id for image in images}
    return [answer for name, answer in answers.items() if answer.split == contract.TEST and name not in ours]


def refuse_missing(gone: list[Answer], answers: Mapping[str, Answer]) -> None:
    """Refuse a test set that lacks too many of the champion's test images, or too many of one class.

    Raises:
        BadInputError: that is so.
    """
    asked = Counter(answer.label for answer in answers.values() if answer.split == contract.TEST)
    lost = Counter(answer.label for answer in gone)
    few = len(gone) <= MISSING * asked.total()
    if few and all(count <= max(ONE_IMAGE, CLASS_MISSING * asked[label]) for label, count in lost.items()):
        return
    # A class of which a lone image is gone is the worst only where no other lost more.
    worst = max(lost, key=lambda label: (lost[label] > ONE_IMAGE, lost[label] / asked[label], label))
    raise BadInputError(
        f"{len(gone)} of the champion's {asked.total()} test images are missing from this model's test images, worst "
        f"of {worst}: {lost[worst]} of {asked[worst]}. Leaving hard images out flatters the challenger, so that at "
        f"most {MISSING:.0%} of all and {CLASS_MISSING:.0%} of a class may be missing. Train on the same archive, with "
        "the same TestFraction, or without a comparison (--no-champion; in the local run --champion none)."
    )


def refuse_differences(images: tuple[HoldoutImage, ...], answers: list[Answer]) -> None:
    """Refuse an image of which the two datasets do not say the same.

    Raises:
        BadInputError: there is one.
    """
    remedy = {
        "split": "The champion may have learned from it. Evaluate the champion's model again on this dataset.",
        "label": "Evaluate the champion's model again on this dataset.",
        "lesion_id": "Evaluate the champion's model again on this dataset.",
    }
    for name, way_out in remedy.items():
        pairs = zip(images, answers, strict=True)
        said = [(image.image_id, getattr(image, name), getattr(answer, name)) for image, answer in pairs]
        other = [each for each in said if each[1] != each[2]]
        if other:
            image_id, ours, theirs = other[0]
            raise BadInputError(
                f"test image {shown(image_id)}: its {name} is {shown(ours)} here and {shown(theirs)} for the champion; "
                f"{len(other)} of {len(images)} shared images differ so. {way_out}"
            )


def refuse_gaps(images: tuple[HoldoutImage, ...]) -> None:
    """Refuse shared images that lack a class.

    Raises:
        BadInputError: they do, or there are none.
    """
    if not images:
        raise BadInputError(f"not one test image is shared with the champion. {REMEDY}")
    known = {image.label for image in images}
    missing = [label for label in contract.CLASS_LABELS if label not in known]
    if missing:
        raise BadInputError(
            f"none of the {len(images)} shared test images is {missing[0]} ({len(missing)} of "
            f"{len(contract.CLASS_LABELS)} classes lack one), so that no balanced accuracy can be compared. {REMEDY}"
        )
