# SPDX-License-Identifier: MIT-0
"""Which lesion ids stand for one lesion, and in which splits that lesion's images lie.

Two images that look the same show one lesion, whatever their tables call it; so do all other images of the two ids.

Where an additional image lies whose lesion the base shows too: in train, not where its own id puts it.

Its id is made of its bytes and says nothing of the lesion. By it a copy of a test image might choose the threshold, a
copy of a validation image would count there twice, and a copy of a training image, as a validation image, would take a
lesion of the base out of training.

Contradictions: an additional image and one of the base that are one picture, or look the same, with two labels.

Of equal bytes one label is wrong, and nobody but a person can say which: they are refused. Of images that only look
the same the audit may be wrong instead: they are told.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from pipeline_src import contract
from pipeline_src.dataset.dataset_plan import DatasetPlan
from pipeline_src.runtime.errors import BadInputError

LesionImages = Mapping[str, Sequence[int]]


def lesions_of_images(plan: DatasetPlan, numbers: Iterable[int], same: Iterable[Iterable[int]]) -> list[LesionImages]:
    """Return the lesions that the images `numbers` show, each as its images by split.

    Args:
        plan: names the images' lesions and splits.
        numbers: the images that count.
        same: groups of images that show one lesion each.
    """
    names = _merge_lesion_ids([plan.rows[number].lesion_id for number in group] for group in same)
    found: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for number in numbers:
        lesion = plan.rows[number].lesion_id
        found[names.get(lesion, lesion)][plan.splits[number]].append(number)
    return [dict(by_split) for by_split in found.values()]


def _merge_lesion_ids(groups: Iterable[Sequence[str]]) -> dict[str, str]:
    """Return the least id that each id of a group is one with, be it by way of other groups."""
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
    """Return the additional validation images, by number, that belong to train.

    Those of a lesion that a held-out image of the base shows are left out there, as every copy of one is.
    """
    return frozenset(number for lesion in lesions for number in _misplaced_images_of_lesion(plan, lesion))


def _misplaced_images_of_lesion(plan: DatasetPlan, lesion: LesionImages) -> list[int]:
    if all(is_additional_image(plan, number) for numbers in lesion.values() for number in numbers):
        return []
    return [number for number in lesion.get(contract.VALIDATION, ()) if is_additional_image(plan, number)]


def is_additional_image(plan: DatasetPlan, number: int) -> bool:
    """Return whether image `number` is of the additional archive."""
    return plan.origins[number] == contract.ADDITION_ORIGIN


_NAMED: Final = 5


class LabelContradiction(NamedTuple):
    """Ids and labels of two images, the one of the base first."""

    images: tuple[str, str]
    labels: tuple[str, str]


def find_label_contradictions(plan: DatasetPlan, same: Iterable[Sequence[int]]) -> list[LabelContradiction]:
    """Return the contradictions among groups of images that are `same`, by their ids."""
    pairs = {pair for group in same for pair in _contradicting_pairs(plan, group)}
    return sorted(
        LabelContradiction((first.image_id, second.image_id), (first.label, second.label))
        for first, second in ((plan.rows[base], plan.rows[added]) for base, added in pairs)
    )


def refuse_label_contradictions(plan: DatasetPlan, duplicates: Iterable[Sequence[int]]) -> None:
    """Refuse groups of images with equal bytes among which there are contradictions.

    Raises:
        BadInputError: there are.
    """
    found = find_label_contradictions(plan, duplicates)
    if found:
        named = ", ".join(
            f"{each.images[1]} is {each.labels[1]}, and {each.images[0]} of the base {each.labels[0]}"
            for each in found[:_NAMED]
        )
        more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        raise BadInputError(
            f"additional archive: equal bytes with two labels: {named}{more}. Find out which label is right: correct"
            " that of the picture and export anew, or correct the base's table."
        )


def _contradicting_pairs(plan: DatasetPlan, group: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the pairs of one of the base and an additional one, by number, whose labels differ."""
    added = [number for number in group if plan.origins[number] == contract.ADDITION_ORIGIN]
    base = [number for number in group if plan.origins[number] != contract.ADDITION_ORIGIN]
    yield from ((one, other) for one in base for other in added if plan.rows[one].label != plan.rows[other].label)
