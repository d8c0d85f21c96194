# SPDX-License-Identifier: MIT-0
"""Merges lesion ids that denote one lesion, and finds additional images with the wrong split or label.

Duplicate images show one lesion, whatever ids the tables give it, and so do all other images of these ids.

An additional image of a lesion of the base belongs to train, not to the split of its own id, which is derived from its
bytes. Otherwise a copy of a test image might help to choose the threshold, a copy of a validation image would count
twice, and a copy of a training image, held out for validation, would remove a lesion of the base from training.

If two images have equal bytes but two labels, one label is wrong and only a person can decide which: the archive is
refused, wherever the two are. If they only look the same, the audit itself may be wrong: they are reported.
"""

import itertools
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
    """Ids and labels of two images, one of the base first."""

    images: tuple[str, str]
    labels: tuple[str, str]

    def __str__(self) -> str:
        """Return both ids with their labels."""
        return " and ".join(f"{image_id} ({label})" for image_id, label in zip(self.images, self.labels, strict=True))


class LabelContradictions(NamedTuple):
    """The contradictions of an additional image with one of the base, and all others, each sorted by image ids."""

    added: list[LabelContradiction]
    base: list[LabelContradiction]


def find_label_contradictions(plan: DatasetPlan, same: Iterable[Sequence[int]]) -> LabelContradictions:
    """Return the contradictions within groups of duplicate images."""
    pairs = {pair for group in same for pair in _contradicting_pairs(plan, group)}
    found = LabelContradictions([], [])
    for numbers in pairs:
        first, second = (plan.rows[number] for number in numbers)
        mixed = len({is_additional_image(plan, number) for number in numbers}) > 1
        (found.added if mixed else found.base).append(
            LabelContradiction((first.image_id, second.image_id), (first.label, second.label))
        )
    return LabelContradictions(sorted(found.added), sorted(found.base))


def refuse_label_contradictions(plan: DatasetPlan, duplicates: Iterable[Sequence[int]]) -> None:
    """Refuse contradicting labels within groups of images with equal bytes.

    Raises:
        BadInputError: there are such labels.
    """
    found = find_label_contradictions(plan, duplicates)
    if found.added:
        named = ", ".join(
            f"{each.images[1]} is {each.labels[1]}, and {each.images[0]} of the base {each.labels[0]}"
            for each in found.added[:_NAMED]
        )
        raise BadInputError(
            f"additional archive: equal bytes with two labels: {named}{_more(found.added)}. Decide which label is"
            " correct, then correct the confirmed label and export again, or correct the base's table."
        )
    if found.base:
        named = ", ".join(str(each) for each in found.base[:_NAMED])
        raise BadInputError(
            f"archive: equal bytes with two labels: {named}{_more(found.base)}. Decide which label is correct, and"
            " remove the other row from the table, or correct its label and give both rows one lesion_id."
        )


def _more(found: Sequence[LabelContradiction]) -> str:
    return f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""


def _contradicting_pairs(plan: DatasetPlan, group: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the pairs of images, by number, whose labels differ: one of the base first, then in the order of ids."""

    def order(number: int) -> tuple[bool, str]:
        return is_additional_image(plan, number), plan.rows[number].image_id

    for one, other in itertools.combinations(sorted(group, key=order), 2):
        if plan.rows[one].label != plan.rows[other].label:
            yield one, other
