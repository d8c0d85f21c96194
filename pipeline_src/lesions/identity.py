# SPDX-License-Identifier: MIT-0
"""Which lesion ids stand for one lesion, and in which splits that lesion's images lie.

Two images that look the same show one lesion, whatever their tables call it; so do all other images of the two ids.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from pipeline_src.lesions.plan import Plan

Lesion = Mapping[str, Sequence[int]]


def lesions(plan: Plan, numbers: Iterable[int], same: Iterable[Iterable[int]]) -> list[Lesion]:
    """Return the lesions that the images `numbers` show, each as its images by split.

    Args:
        plan: names the images' lesions and splits.
        numbers: the images that count.
        same: groups of images that show one lesion each.
    """
    names = _merged([plan.rows[number].lesion_id for number in group] for group in same)
    found: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for number in numbers:
        lesion = plan.rows[number].lesion_id
        found[names.get(lesion, lesion)][plan.splits[number]].append(number)
    return [dict(by_split) for by_split in found.values()]


def _merged(groups: Iterable[Sequence[str]]) -> dict[str, str]:
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
