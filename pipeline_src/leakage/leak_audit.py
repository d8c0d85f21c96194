# SPDX-License-Identifier: MIT-0
"""The leak audit: duplicate pairs across splits, and the training images left out because of them.

Two images in different splits are duplicates if they look the same (`near_duplicates`), if their bytes are equal, or if
one is an official test image whose lesion id the dataset has too. Additional validation images are also compared with
those of the base. A duplicate proves that two lesion ids are one lesion (`lesion_identity`), so every training image of
that lesion leaks the held-out one, not only the duplicate.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final, NamedTuple

from pipeline_src import contract
from pipeline_src.dataset import dataset_plan, perceptual_hash
from pipeline_src.dataset.archive_pass import ArchivePass
from pipeline_src.dataset.dataset_plan import DatasetPlan
from pipeline_src.leakage import lesion_identity, near_duplicates
from pipeline_src.leakage.audit_summary import DuplicatePair
from pipeline_src.leakage.lesion_identity import LabelContradiction, LabelContradictions, LesionImages
from pipeline_src.leakage.near_duplicates import ImagePair
from pipeline_src.runtime.errors import BadInputError


class FoundDuplicates(NamedTuple):
    """Duplicate pairs with their hash distances, those with equal bytes, all splits, and contradicting labels."""

    distances: Mapping[ImagePair, int]
    exact: set[ImagePair]
    splits: Mapping[int, str]
    contradictions: LabelContradictions


def find_duplicate_pairs(
    archive_pass: ArchivePass, equal: Sequence[Sequence[int]], workers: int, *, move: bool
) -> FoundDuplicates:
    """Return the duplicate pairs of all images of `archive_pass`.

    Args:
        archive_pass: the finished pass.
        equal: groups of images with equal bytes.
        workers: number of threads.
        move: whether to move additional validation images of a lesion of the base to train.

    Raises:
        BadInputError: images with equal bytes have two labels.
    """
    plan, splits = (
        archive_pass.plan,
        {number: archive_pass.plan.splits[number] for number in sorted(archive_pass.outcomes)},
    )
    lesion_identity.refuse_label_contradictions(plan, equal)
    places = splits | {
        number: near_duplicates.ADDED_VALIDATION for number in splits if _is_added_validation(plan, number)
    }
    exact = {pair for group in equal for pair in _pairs_across_splits(group, places)}
    found = _all_duplicate_pairs(archive_pass, places, exact, workers)
    labels = [row.label for row in plan.rows]
    alike = near_duplicates.find_look_alikes_with_other_label(archive_pass.views, splits, labels, workers)
    contradictions = lesion_identity.find_label_contradictions(plan, {*found, *alike})
    if move:
        moved = lesion_identity.misplaced_validation_images(
            plan, lesion_identity.lesions_of_images(plan, splits, [*found, *equal])
        )
        archive_pass.move_to_train(moved)
        splits |= dict.fromkeys(moved, contract.TRAIN)
    across = {pair: distance for pair, distance in found.items() if splits[pair.first] != splits[pair.second]}
    return FoundDuplicates(across, exact, splits, contradictions)


def _is_added_validation(plan: DatasetPlan, number: int) -> bool:
    return plan.splits[number] == contract.VALIDATION and lesion_identity.is_additional_image(plan, number)


def _all_duplicate_pairs(
    archive_pass: ArchivePass, splits: Mapping[int, str], exact: set[ImagePair], workers: int
) -> dict[ImagePair, int]:
    """Return all duplicate pairs with the distance of their hashes, 0 for the pairs `exact`, whose bytes are equal."""
    found = near_duplicates.find_near_duplicates(archive_pass.views, splits, workers)
    more = [pair for pair in (*exact, *_pairs_sharing_lesion(archive_pass.plan, splits)) if pair not in found]
    return found | near_duplicates.hash_distances(archive_pass.views, more) | dict.fromkeys(exact, 0)


def _pairs_across_splits(group: Sequence[int], splits: Mapping[int, str]) -> list[ImagePair]:
    """Return the pairs of a group in different splits; `near_duplicates.ADDED_VALIDATION` counts as a split."""
    ranked = [(near_duplicates.SPLIT_RANKS[splits[number]], number) for number in group]
    return [ImagePair(mine, other) for high, mine in ranked for low, other in ranked if high > low]


def _pairs_sharing_lesion(plan: DatasetPlan, splits: Mapping[int, str]) -> list[ImagePair]:
    """Return the pairs of an official image and an image of the dataset that share a lesion id."""
    groups: dict[str, list[int]] = defaultdict(list)
    for number in splits:
        groups[plan.rows[number].lesion_id].append(number)
    pairs = (pair for group in groups.values() for pair in _pairs_across_splits(group, splits))
    return [pair for pair in pairs if splits[pair.first] == contract.OFFICIAL]


_EXAMPLES: Final = 50
_NAMED: Final = 5
_TESTS: Final = (contract.TEST, contract.OFFICIAL)


@dataclass(frozen=True, kw_only=True)
class LeakAudit:
    """Result of the audit.

    Attributes:
        policy: one of `dataset_plan.DUPLICATE_POLICIES`.
        compared: number of compared images.
        twins: all duplicate pairs, those of test images first, then by distance.
        dropped: ids, by number, of the training images left out because they show the lesion of a held-out image.
        dropped_for_official: number of dropped images that show the lesion of an official image.
        leaked: number of test images whose lesion is still trained on.
        leaked_official: number of official test images whose lesion is still trained on.
        validated: number of test images whose lesion a validation image shows too.
        lesions: number of lesions that are still in more than one split; a lesion may have several ids.
        equal: groups of ids of images with equal bytes but different lesions, in any split.
        contradictions: additional images that look like an image of the base with another label.
        base_contradictions: other images that look the same and have two labels.
    """

    policy: str
    compared: int
    twins: Sequence[DuplicatePair]
    dropped: Mapping[int, str]
    dropped_for_official: int
    leaked: int
    leaked_official: int
    validated: int
    lesions: int
    equal: Sequence[Sequence[str]]
    contradictions: Sequence[LabelContradiction] = ()
    base_contradictions: Sequence[LabelContradiction] = ()

    def as_json(self) -> dict[str, object]:
        """Return the audit's entry in the dataset card."""
        return {
            "policy": self.policy,
            "distance": perceptual_hash.SIMILARITY_BOUNDS.distance,
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
            "contradictions_in_base": {
                "count": len(self.base_contradictions),
                "examples": [each._asdict() for each in self.base_contradictions[:_EXAMPLES]],
            },
        }

    def warnings(self) -> list[str]:
        """Return the warnings that apply to every figure computed from this dataset."""
        kept = sum(contract.TRAIN not in each.splits for each in self.twins)
        counts = [
            (len(self.dropped), "training images show the lesion of a held-out image and were left out of training."),
            (self.leaked, "test images show a lesion that the model is trained on."),
            (self.leaked_official, "official test images show a lesion that the model is trained on."),
            (kept, "pairs of held-out images in different splits show one lesion."),
            (self.lesions, "lesions are in more than one split."),
            (len(self.contradictions), "additional images look like an image of the base with another label."),
        ]
        lines = [f"{count} {text}" for count, text in counts if count]
        if self.base_contradictions:
            named = ", ".join(str(each) for each in self.base_contradictions[:_NAMED])
            more = ", ..." if len(self.base_contradictions) > _NAMED else ""
            lines.append(
                f"{len(self.base_contradictions)} pairs of images look the same and have two labels: {named}{more}."
            )
        return lines


def audit_leaks(archive_pass: ArchivePass, policy: str, workers: int) -> LeakAudit:
    """Audit all images of the finished `archive_pass`; with the policy "drop", additional images may change split.

    Args:
        archive_pass: the finished pass.
        policy: one of `dataset_plan.DUPLICATE_POLICIES`.
        workers: number of threads.

    Raises:
        BadInputError: a training image duplicates a held-out one and the policy is "fail", or images with equal bytes
            have two labels.
    """
    equal = archive_pass.equal_images()
    seen = find_duplicate_pairs(archive_pass, equal, workers, move=policy == dataset_plan.DROP_DUPLICATES)
    plan, splits, found = archive_pass.plan, seen.splits, seen.distances
    leaks = {pair: distance for pair, distance in found.items() if splits[pair.second] == contract.TRAIN}
    if policy == dataset_plan.FAIL_ON_DUPLICATES and leaks:
        raise BadInputError(_refusal_message(plan, leaks))
    lesions = lesion_identity.lesions_of_images(plan, splits, [*found, *equal])
    affected = [lesion for lesion in lesions if policy == dataset_plan.DROP_DUPLICATES and len(lesion) > 1]
    dropped = {number: plan.rows[number].image_id for lesion in affected for number in lesion.get(contract.TRAIN, ())}
    twins = [
        _duplicate_pair(plan, pair, found[pair], exact=pair in seen.exact, dropped=pair.second in dropped)
        for pair in found
    ]
    kept = [_without_dropped(lesion, dropped) for lesion in lesions]
    return LeakAudit(
        policy=policy,
        compared=len(splits),
        twins=sorted(twins, key=lambda each: (each.splits[0] not in _TESTS, each.distance, each.images)),
        dropped=dropped,
        dropped_for_official=_count_images_seen(affected, contract.TRAIN, contract.OFFICIAL),
        leaked=_count_images_seen(kept, contract.TEST, contract.TRAIN),
        leaked_official=_count_images_seen(kept, contract.OFFICIAL, contract.TRAIN),
        validated=_count_images_seen(kept, contract.TEST, contract.VALIDATION),
        lesions=sum(len(lesion) > 1 for lesion in kept),
        equal=[[plan.rows[number].image_id for number in group] for group in equal],
        contradictions=seen.contradictions.added,
        base_contradictions=seen.contradictions.base,
    )


def _without_dropped(lesion: LesionImages, dropped: Mapping[int, str]) -> LesionImages:
    """Return the images of a lesion, by split, that are not `dropped`."""
    kept = {split: [number for number in numbers if number not in dropped] for split, numbers in lesion.items()}
    return {split: numbers for split, numbers in kept.items() if numbers}


def _count_images_seen(lesions: Sequence[LesionImages], split: str, other: str) -> int:
    """Return how many images of `split` show a lesion that `other` shows too."""
    return sum(len(lesion.get(split, ())) for lesion in lesions if other in lesion)


def _duplicate_pair(plan: DatasetPlan, pair: ImagePair, distance: int, *, exact: bool, dropped: bool) -> DuplicatePair:
    first, second = (plan.rows[number] for number in pair)
    return DuplicatePair(
        images=(first.image_id, second.image_id),
        splits=(plan.splits[pair.first], plan.splits[pair.second]),
        labels=(first.label, second.label),
        distance=distance,
        exact=exact,
        dropped=dropped,
    )


def _refusal_message(plan: DatasetPlan, leaks: Mapping[ImagePair, int]) -> str:
    named = [
        f"{plan.rows[pair.second].image_id} looks like {plan.rows[pair.first].image_id} ({plan.splits[pair.first]})"
        for pair in sorted(leaks, key=lambda pair: (leaks[pair], pair))[:_NAMED]
    ]
    more = f" and {len(leaks) - _NAMED} more" if len(leaks) > _NAMED else ""
    return (
        f"training images that look the same as held-out ones: {', '.join(named)}{more}. Remove one of each pair from"
        " the archive and its table, or give both the same lesion_id; or set NearDuplicates to drop."
    )
