# SPDX-License-Identifier: MIT-0
"""Leaks: what a model could know of held-out images, and what becomes of the training images that would tell it.

Two images in different splits are twins if they look the same (see `twin`), if their bytes are equal, or if the
official test set shows a lesion that the dataset shows too. A twin proves that two lesion ids are one lesion (see
`identity`), so that every training image of that lesion would tell, not the twin alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from pipeline_src import contract
from pipeline_src.lesions import identity, likeness, option, resemblance
from pipeline_src.lesions.contradiction import Contradiction
from pipeline_src.lesions.error import BadInputError
from pipeline_src.lesions.identity import Lesion
from pipeline_src.lesions.leakage import Twin
from pipeline_src.lesions.plan import Plan
from pipeline_src.lesions.sweep import Sweep
from pipeline_src.lesions.twin import Pair

_EXAMPLES: Final = 50
_NAMED: Final = 5
_TESTS: Final = (contract.TEST, contract.OFFICIAL)


@dataclass(frozen=True, kw_only=True)
class Audit:
    """What was found.

    Attributes:
        policy: one of `option.POLICIES`.
        compared: how many images were compared.
        twins: all pairs, those of test images first, then by distance.
        dropped: ids of the training images that are left out, by number: all that show the lesion of a held-out image.
        dropped_for_official: how many of them show the lesion of an official image.
        leaked: images of the split test whose lesion is trained on all the same.
        leaked_official: likewise of the official test set.
        validated: images of the split test whose lesion a validation image shows too.
        lesions: lesions that still lie in more than one split, however many ids each has.
        equal: groups of ids of images with equal bytes but different lesions, whatever their splits.
        contradictions: additional images that look like one of the base with another label.
    """

    policy: str
    compared: int
    twins: Sequence[Twin]
    dropped: Mapping[int, str]
    dropped_for_official: int
    leaked: int
    leaked_official: int
    validated: int
    lesions: int
    equal: Sequence[Sequence[str]]
    contradictions: Sequence[Contradiction] = ()

    def as_json(self) -> dict[str, object]:
        """Return what the dataset card says of it."""
        return {
            "policy": self.policy,
            "distance": likeness.BOUNDS.distance,
            "compared": self.compared,
            "pairs": len(self.twins),
            "dropped": sorted(self.dropped.values()),
            "dropped_for_official_images": self.dropped_for_official,
            "leaked_test_images": self.leaked,
            "leaked_official_images": self.leaked_official,
            "test_images_in_validation": self.validated,
            "lesions_across_splits": self.lesions,
            "twins": [asdict(each) for each in self.twins[:_EXAMPLES]],
            "contradictions": {
                "count": len(self.contradictions),
                "examples": [each._asdict() for each in self.contradictions[:_EXAMPLES]],
            },
        }

    def warnings(self) -> list[str]:
        """Return what of it a reader of any figure should know."""
        kept = sum(contract.TRAIN not in each.splits for each in self.twins)
        told = [
            (len(self.dropped), "training images show the lesion of a held-out image and were left out of training."),
            (self.leaked, "test images show a lesion that the model is trained on."),
            (self.leaked_official, "official test images show a lesion that the model is trained on."),
            (kept, "pairs of held-out images in different splits show one lesion."),
            (self.lesions, "lesions lie in more than one split."),
            (len(self.contradictions), "additional images look like one of the base that has another label."),
        ]
        return [f"{count} {text}" for count, text in told if count]


def find(sweep: Sweep, duplicates: Sequence[Sequence[int]], policy: str, workers: int) -> Audit:
    """Return the audit of all images that `sweep` saw, some of which it may place anew (see `placement`).

    Args:
        sweep: after its pass.
        duplicates: groups of images with equal bytes, as the sweep tells them.
        policy: one of `option.POLICIES`.
        workers: how many threads share the work.

    Raises:
        BadInputError: a training image is a held-out one's twin, and the policy is `option.FAIL`; or equal bytes have
            two labels (see `contradiction`).
    """
    seen = resemblance.find(sweep, duplicates, workers, placed=policy == option.DROP)
    plan, splits, found = sweep.plan, seen.splits, seen.distances
    leaks = {pair: distance for pair, distance in found.items() if splits[pair.second] == contract.TRAIN}
    if policy == option.FAIL and leaks:
        raise BadInputError(_refusal(plan, leaks))
    lesions = identity.lesions(plan, splits, [*found, *duplicates])
    told = [lesion for lesion in lesions if policy == option.DROP and len(lesion) > 1]
    dropped = {number: plan.rows[number].image_id for lesion in told for number in lesion.get(contract.TRAIN, ())}
    twins = [_twin(plan, pair, found[pair], exact=pair in seen.exact, dropped=pair.second in dropped) for pair in found]
    kept = [_without(lesion, dropped) for lesion in lesions]
    return Audit(
        policy=policy,
        compared=len(splits),
        twins=sorted(twins, key=lambda each: (each.splits[0] not in _TESTS, each.distance, each.images)),
        dropped=dropped,
        dropped_for_official=_seen(told, contract.TRAIN, contract.OFFICIAL),
        leaked=_seen(kept, contract.TEST, contract.TRAIN),
        leaked_official=_seen(kept, contract.OFFICIAL, contract.TRAIN),
        validated=_seen(kept, contract.TEST, contract.VALIDATION),
        lesions=sum(len(lesion) > 1 for lesion in kept),
        equal=[[plan.rows[number].image_id for number in group] for group in duplicates],
        contradictions=seen.contradictions,
    )


def _without(lesion: Lesion, dropped: Mapping[int, str]) -> Lesion:
    """Return the images of a lesion, by split, that are not `dropped`."""
    kept = {split: [number for number in numbers if number not in dropped] for split, numbers in lesion.items()}
    return {split: numbers for split, numbers in kept.items() if numbers}


def _seen(lesions: Sequence[Lesion], split: str, other: str) -> int:
    """Return how many images of `split` show a lesion of which `other` has an image too."""
    return sum(len(lesion.get(split, ())) for lesion in lesions if other in lesion)


def _twin(plan: Plan, pair: Pair, distance: int, *, exact: bool, dropped: bool) -> Twin:
    first, second = (plan.rows[number] for number in pair)
    return Twin(
        images=(first.image_id, second.image_id),
        splits=(plan.splits[pair.first], plan.splits[pair.second]),
        labels=(first.label, second.label),
        distance=distance,
        exact=exact,
        dropped=dropped,
    )


def _refusal(plan: Plan, leaks: Mapping[Pair, int]) -> str:
    named = [
        f"{plan.rows[pair.second].image_id} looks like {plan.rows[pair.first].image_id} ({plan.splits[pair.first]})"
        for pair in sorted(leaks, key=lambda pair: (leaks[pair], pair))[:_NAMED]
    ]
    more = f" and {len(leaks) - _NAMED} more" if len(leaks) > _NAMED else ""
    return (
        f"training images that look the same as held-out ones: {', '.join(named)}{more}. Remove one of each pair from"
        " the archive and its table, or give both the same lesion_id; or set NearDuplicates to drop."
    )
