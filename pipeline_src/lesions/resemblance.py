# SPDX-License-Identifier: MIT-0
"""Which images in different splits are twins, once additional ones lie where they belong.

Two images are twins if they look the same (see `twin`), if their bytes are equal, or if the official test set shows a
lesion that the dataset shows too. Additional validation images are compared with those of the base, too.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pipeline_src import contract
from pipeline_src.lesions import contradiction, identity, placement, twin
from pipeline_src.lesions.contradiction import Contradiction
from pipeline_src.lesions.plan import Plan
from pipeline_src.lesions.sweep import Sweep
from pipeline_src.lesions.twin import Pair


class Resemblance(NamedTuple):
    """The twins by the distance of their hashes, and those with equal bytes; the splits; the contradictions."""

    distances: Mapping[Pair, int]
    exact: set[Pair]
    splits: Mapping[int, str]
    contradictions: Sequence[Contradiction]


def find(sweep: Sweep, duplicates: Sequence[Sequence[int]], workers: int, *, placed: bool) -> Resemblance:
    """Return the twins of all images that `sweep` saw.

    Args:
        sweep: after its pass.
        duplicates: groups of images with equal bytes, as the sweep tells them.
        workers: how many threads share the work.
        placed: whether additional images are placed anew (see `placement`).

    Raises:
        BadInputError: equal bytes have two labels (see `contradiction`).
    """
    plan, splits = sweep.plan, {number: sweep.plan.splits[number] for number in sorted(sweep.outcomes)}
    contradiction.refuse(plan, duplicates)
    places = splits | {number: twin.ADDED for number in splits if _is_added_validation(plan, number)}
    exact = {pair for group in duplicates for pair in _across(group, places)}
    found = _pairs(sweep, places, exact, workers)
    contradictions = contradiction.find(plan, found)
    if placed:
        moved = placement.misplaced(plan, identity.lesions(plan, splits, [*found, *duplicates]))
        sweep.train(moved)
        splits |= dict.fromkeys(moved, contract.TRAIN)
    across = {pair: distance for pair, distance in found.items() if splits[pair.first] != splits[pair.second]}
    return Resemblance(across, exact, splits, contradictions)


def _is_added_validation(plan: Plan, number: int) -> bool:
    return plan.splits[number] == contract.VALIDATION and placement.is_added(plan, number)


def _pairs(sweep: Sweep, splits: Mapping[int, str], exact: set[Pair], workers: int) -> dict[Pair, int]:
    """Return all twins with the distance of their hashes; 0 of those with equal bytes, which `exact` are."""
    found = twin.near(sweep.views, splits, workers)
    more = [pair for pair in (*exact, *_shared(sweep.plan, splits)) if pair not in found]
    return found | twin.distances(sweep.views, more) | dict.fromkeys(exact, 0)


def _across(group: Sequence[int], splits: Mapping[int, str]) -> list[Pair]:
    """Return the pairs of a group that lie in different splits, of which `twin.ADDED` may be one."""
    ranked = [(twin.RANKS[splits[number]], number) for number in group]
    return [Pair(mine, other) for high, mine in ranked for low, other in ranked if high > low]


def _shared(plan: Plan, splits: Mapping[int, str]) -> list[Pair]:
    """Return the pairs of an official image and one of the dataset that show the same lesion."""
    groups: dict[str, list[int]] = defaultdict(list)
    for number in splits:
        groups[plan.rows[number].lesion_id].append(number)
    pairs = (pair for group in groups.values() for pair in _across(group, splits))
    return [pair for pair in pairs if splits[pair.first] == contract.OFFICIAL]
