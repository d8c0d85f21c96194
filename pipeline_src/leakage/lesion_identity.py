# SPDX-License-Identifier: MIT-0
"""Merges lesion ids that denote one lesion, and finds additional images with the wrong split or label.

Duplicate images show one lesion, whatever ids the tables give it, and so do all other images of these ids.

An additional image of a lesion of the base belongs to train, not to the split of its own id, which is derived from its
bytes. Otherwise a copy of a test image might help to choose the threshold, a copy of a validation image would count
twice, and a copy of a training image, held out for validation, would remove a lesion of the base from training.

If an additional image and one of the base have equal bytes but two labels, one label is wrong and only a person can
decide which: the archive is refused. If they only look the same, the audit itself may be wrong: they are reported.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from pipeline_src import contract
from pipeline_src.dataset.dataset_plan import DatasetPlan
from pipeline_src.runtime.errors import BadInputError

LesionImages = Mapping[str, Sequence[int]]


def lesions_of_images(plan: DatasetPlan, numbers: Iterable[int], same: Iterable[Iterable[int]]) -> list[LesionImages]:
    """Return the lesions of the images `numbers`, each as image numbers by split.

    Args:
        plan: lesion id and split of each image.
        numbers: the images to include.
        same: groups of images, each of which shows one lesion.
    """
    names = _merge_lesion_ids([plan.rows[number].lesion_id for number in group] for group in same)
    found: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for number in numbers:
        lesion = plan.rows[number].lesion_id
        found[names.get(lesion, lesion)][plan.splits[number]].append(number)
    return [dict(by_split) for by_split in found.values()]


def _merge_lesion_ids(groups: Iterable[Sequence[str]]) -> dict[str, str]:
    """Return the smallest id of the connected component of each id in `groups`."""
    parents: dict[str, str] = {}

    def root(name: str) -> str:
        while parents.setdefault(name, name) != name:
            name = parents[name]
        return name

    for group in groups:
        roots = {root(name) for name in group}
        parents.update(dict.fromkeys(roots, min(roots)))
    return {name: root(name) for name in list(parents)}


def misplaced_validation_images(plan: DatasetPlan, lesions: Iterable[LesionImages]) -> frozenset[int]:
    """Return the additional validation images, by number, of lesions that the base shows too: they belong to train.

    Those of a lesion that a held-out image of the base shows are then left out of training like every duplicate.
    """
    return frozenset(
        number
        for lesion in lesions
        if not all(is_additional_image(plan, each) for numbers in lesion.values() for each in numbers)
        for number in lesion.get(contract.VALIDATION, ())
        if is_additional_image(plan, number)
    )


def is_additional_image(plan: DatasetPlan, number: int) -> bool:
    """Return whether image `number` is from the additional archive."""
    return plan.origins[number] == contract.ADDITION_ORIGIN


_NAMED: Final = 5


class LabelContradiction(NamedTuple):
    """Ids and labels of two images, the one of the base first."""

    images: tuple[str, str]
    labels: tuple[str, str]


def find_label_contradictions(plan: DatasetPlan, same: Iterable[Sequence[int]]) -> list[LabelContradiction]:
    """Return the contradictions within groups of duplicate images, sorted by image ids."""
    pairs = {pair for group in same for pair in _contradicting_pairs(plan, group)}
    return sorted(
        LabelContradiction((first.image_id, second.image_id), (first.label, second.label))
        for first, second in ((plan.rows[base], plan.rows[added]) for base, added in pairs)
    )


def refuse_label_contradictions(plan: DatasetPlan, duplicates: Iterable[Sequence[int]]) -> None:
    """Refuse contradicting labels within groups of images with equal bytes.

    Raises:
        BadInputError: there are such labels.
    """
    found = find_label_contradictions(plan, duplicates)
    if found:
        named = ", ".join(
            f"{each.images[1]} is {each.labels[1]}, and {each.images[0]} of the base {each.labels[0]}"
            for each in found[:_NAMED]
        )
        more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        raise BadInputError(
            f"additional archive: equal bytes with two labels: {named}{more}. Decide which label is correct, then"
            " correct the confirmed label and export again, or correct the base's table."
        )


def _contradicting_pairs(plan: DatasetPlan, group: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the pairs of a base image and an additional image, by number, whose labels differ."""
    added = [number for number in group if is_additional_image(plan, number)]
    base = [number for number in group if not is_additional_image(plan, number)]
    yield from ((one, other) for one in base for other in added if plan.rows[one].label != plan.rows[other].label)
