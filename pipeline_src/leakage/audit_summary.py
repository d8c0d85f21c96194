# SPDX-License-Identifier: MIT-0
"""Reads the leak audit from the dataset card, and describes it for the report and the model card."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from pipeline_src import contract
from pipeline_src.dataset import dataset_plan
from pipeline_src.runtime.errors import BadInputError


@dataclass(frozen=True)
class DuplicatePair:
    """Two images in different splits that show one lesion: they look the same, or share bytes or an official lesion id.

    Attributes:
        images: both image ids, the image farther from training first (test before validation before train).
        splits: their splits.
        labels: their classes.
        distance: distance of their perceptual hashes in bits; arbitrary for a pair that only shares its lesion id.
        exact: True if their bytes are equal.
        dropped: True if the second, a training image, was left out of training.
    """

    images: tuple[str, str]
    splits: tuple[str, str]
    labels: tuple[str, str]
    distance: int
    exact: bool
    dropped: bool


@dataclass(frozen=True)
class LeakageSummary:
    """The leak audit. Counts are None if the card has no audit.

    Attributes:
        policy: one of `dataset_plan.DUPLICATE_POLICIES`; empty without an audit.
        distance: maximum hash distance in bits of candidate pairs (see `near_duplicates`).
        twins: duplicate pairs across splits, the worst first, as many as the card has.
        pairs: number of pairs in all.
        dropped: number of training images left out because they show the lesion of a held-out image.
        leaked: number of test images whose lesion was trained on nevertheless.
        audited: True if the card has an audit; older cards have none.
        leaked_official: as `leaked`, for the official test set, to which no gate requirement applies.
        dropped_for_official: number of `dropped` images that show the lesion of an official image.
        validated: number of test images whose lesion a validation image shows too.
        lesions_across_splits: number of lesions that are still in more than one split.
    """

    policy: str
    distance: int
    twins: tuple[DuplicatePair, ...]
    pairs: int
    dropped: int
    leaked: int | None
    audited: bool
    leaked_official: int | None
    dropped_for_official: int | None
    validated: int | None
    lesions_across_splits: int | None


UNAUDITED_LEAKAGE: Final = LeakageSummary(
    policy="",
    distance=0,
    twins=(),
    pairs=0,
    dropped=0,
    leaked=None,
    audited=False,
    leaked_official=None,
    dropped_for_official=None,
    validated=None,
    lesions_across_splits=None,
)


def read_leakage_summary(card: Mapping[str, object]) -> LeakageSummary:
    """Read the audit in the dataset `card`.

    Raises:
        BadInputError: the audit cannot be read; names the place.
    """
    if "leakage" not in card:
        return UNAUDITED_LEAKAGE
    audit = _CardObject(card["leakage"], "leakage")
    return LeakageSummary(
        policy=_check_word(audit.fields.get("policy"), dataset_plan.DUPLICATE_POLICIES, "leakage.policy"),
        distance=audit.count("distance"),
        twins=tuple(_read_duplicate_pair(each, f"leakage.twins[{at}]") for at, each in enumerate(audit.items("twins"))),
        pairs=audit.count("pairs"),
        dropped=len(audit.items("dropped")),
        leaked=audit.count("leaked_test_images"),
        audited=True,
        leaked_official=audit.count("leaked_official_images"),
        dropped_for_official=audit.count("dropped_for_official_images"),
        validated=audit.count("test_images_in_validation"),
        lesions_across_splits=audit.count("lesions_across_splits"),
    )


def _read_duplicate_pair(value: object, place: str) -> DuplicatePair:
    pair = _CardObject(value, place)
    return DuplicatePair(
        images=pair.two_words("images"),
        splits=pair.two_words("splits", contract.IMAGE_PLACES),
        labels=pair.two_words("labels", contract.CLASS_LABELS),
        distance=pair.count("distance"),
        exact=pair.flag("exact"),
        dropped=pair.flag("dropped"),
    )


class _CardObject:
    """A JSON object of the card; its methods return checked fields, and name the place of a wrong one."""

    def __init__(self, value: object, place: str) -> None:
        if not isinstance(value, dict):
            raise _card_error(place, value, "no object")
        self.fields: dict[str, object] = value
        self._place = place

    def count(self, key: str) -> int:
        value = self.fields.get(key)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise _card_error(f"{self._place}.{key}", value, "no count")
        return value

    def flag(self, key: str) -> bool:
        value = self.fields.get(key)
        if not isinstance(value, bool):
            raise _card_error(f"{self._place}.{key}", value, "neither true nor false")
        return value

    def items(self, key: str) -> list[object]:
        value = self.fields.get(key)
        if not isinstance(value, list):
            raise _card_error(f"{self._place}.{key}", value, "no list")
        return value

    def two_words(self, key: str, known: Collection[str] = ()) -> tuple[str, str]:
        values, place = self.items(key), f"{self._place}.{key}"
        if len(values) != 2:
            raise _card_error(place, values, "no list of two")
        return _check_word(values[0], known, f"{place}[0]"), _check_word(values[1], known, f"{place}[1]")


def _check_word(value: object, known: Collection[str], place: str) -> str:
    """Return `value`, which must be one of `known`; without `known`, any text."""
    if not isinstance(value, str) or not value or (known and value not in known):
        raise _card_error(place, value, f"none of {', '.join(known)}" if known else "no text")
    return value


def _card_error(place: str, value: object, what: str) -> BadInputError:
    shown = repr(value)
    short = shown if len(shown) <= 60 else f"{shown[:60]}…"
    return BadInputError(f"{contract.DATASET_CARD_FILE}: {place}: {short}: is {what}. Run Preprocess again.")


def describe_leaking_pairs(found: LeakageSummary) -> str:
    """Return a description of the search, the pairs found, and their treatment."""
    if not found.audited:
        return "No audit: the dataset card has none, so look-alikes across splits were not searched for."
    leaked = found.leaked or 0
    return (
        f"{_count_noun(found.pairs, 'pair')} of images in different splits {_agree(found.pairs, 'shows', 'show')} one"
        f" lesion: equal bytes; or perceptual hashes at most {found.distance} bits apart and a second measure that"
        " confirms one image; or a lesion id that the dataset and the official test set share."
        f" {_count_noun(found.dropped, 'training image')} of lesions that a held-out image shows"
        f" {_agree(found.dropped, 'was', 'were')} left out. {_count_noun(leaked, 'test image')}"
        f" {_agree(leaked, 'shows', 'show')} a lesion that was trained on nevertheless. Policy: {found.policy}."
        f" {UNDETECTABLE}"
    )


# Measured on synthetic images: docs/decisions/0013-twins-leave-training.md.
UNDETECTABLE: Final = (
    "Not found by this search: crops or shifts of more than about 3 % of a side, centre squares, strong changes of "
    "shading or of local contrast, rotations by other than about quarter turns or a few degrees, and other photographs "
    "of the same lesion or of the same patient."
)


def describe_split_consistency(found: LeakageSummary) -> str:
    """Return a statement on lesions whose images are in more than one split."""
    if found.lesions_across_splits is None:
        return "Split by lesion id. Not checked: whether two ids denote one lesion."
    if found.lesions_across_splits:
        across = _count_noun(found.lesions_across_splits, "lesion")
        return f"Split by lesion id, but the audit found {across} in more than one split."
    return "All images of a lesion that are used are in one split, as far as the audit can tell."


def describe_operating_point_leaks(found: LeakageSummary) -> str:
    """Return a statement on test images that influenced the operating point."""
    if not found.validated:
        return "Test images were not used to choose it."
    return (
        f"Test images were not used to choose it, but {_count_noun(found.validated, 'test image')} "
        f"{_agree(found.validated, 'shows', 'show')} a lesion that a validation image shows too."
    )


def describe_official_test_leaks(found: LeakageSummary) -> str:
    """Return a statement on lesions that the official test set shares with training."""
    said = ["None is a training image, none was used to choose the threshold, and no gate requirement applies to them."]
    if found.dropped_for_official:
        dropped = _count_noun(found.dropped_for_official, "training image")
        shows = _agree(found.dropped_for_official, "shows", "show")
        was = _agree(found.dropped_for_official, "was", "were")
        said.append(f"{dropped} that {shows} one of their lesions {was} left out of training.")
    if found.leaked_official is None:
        said.append("Not checked: whether training images show one of their lesions.")
    elif found.leaked_official:
        shown = _agree(found.leaked_official, "image of them shows", "images of them show")
        said.append(f"{found.leaked_official:,} {shown} a lesion that was trained on: these figures are optimistic.")
    else:
        said.append("None shows a lesion that was trained on, as far as the audit can tell.")
    return " ".join(said)


def _count_noun(number: int, noun: str) -> str:
    return f"{number:,} {_agree(number, noun, noun + 's')}"


def _agree(number: int, one: str, many: str) -> str:
    return one if number == 1 else many
