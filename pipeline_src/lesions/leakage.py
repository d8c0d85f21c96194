# SPDX-License-Identifier: MIT-0
"""What Preprocess found of images that lie in two splits at once, as the dataset card tells it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from pipeline_src import contract
from pipeline_src.lesions import option
from pipeline_src.lesions.error import BadInputError


@dataclass(frozen=True)
class Twin:
    """Two images in different splits that show one lesion: as they look, by their bytes, or by an official image's id.

    Attributes:
        images: both image ids; the one further from training first (test before validation before train).
        splits: their splits.
        labels: their classes.
        distance: of their perceptual hashes in bits, for a pair that is one by its lesion id alone any number; 0 may
            mean equal bytes, see `exact`.
        exact: whether their bytes are equal.
        dropped: whether the second, a training image, was left out of training.
    """

    images: tuple[str, str]
    splits: tuple[str, str]
    labels: tuple[str, str]
    distance: int
    exact: bool
    dropped: bool


@dataclass(frozen=True)
class Leakage:
    """The audit of the split.

    Attributes:
        policy: what was asked for: "report", "drop" or "fail"; empty without an audit.
        distance: pictures whose hashes are at most this many bits apart are looked at again (see `twin`).
        twins: pairs across splits, the worst first, as many as the card has.
        pairs: how many there are in all.
        dropped: training images that were left out, as they show the lesion of a held-out one.
        leaked: images of the split test whose lesion was trained on all the same; None without an audit.
        audited: whether the card has an audit at all; an older one has none.
        leaked_official: as `leaked`, of the official test set, which no requirement is about.
        dropped_for_official: how many of `dropped` show the lesion of an official image; None without an audit.
        validated: images of the split test whose lesion a validation image shows too; None without an audit.
        lesions_across_splits: lesions that still lie in more than one split; None without an audit.
    """

    policy: str
    distance: int
    twins: tuple[Twin, ...]
    pairs: int
    dropped: int
    leaked: int | None
    audited: bool
    leaked_official: int | None
    dropped_for_official: int | None
    validated: int | None
    lesions_across_splits: int | None


UNAUDITED: Final = Leakage(
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


def read(card: Mapping[str, object]) -> Leakage:
    """Read the audit in the dataset `card`.

    Raises:
        BadInputError: it is there but cannot be read; names the place.
    """
    if "leakage" not in card:
        return UNAUDITED
    place = "leakage"
    audit = _object(card["leakage"], place)
    twins = _list(audit, "twins", place)
    return Leakage(
        policy=_word(audit.get("policy"), option.POLICIES, f"{place}.policy"),
        distance=_count(audit, "distance", place),
        twins=tuple(_twin(twin, f"{place}.twins[{number}]") for number, twin in enumerate(twins)),
        pairs=_count(audit, "pairs", place),
        dropped=len(_list(audit, "dropped", place)),
        leaked=_count(audit, "leaked_test_images", place),
        audited=True,
        leaked_official=_count(audit, "leaked_official_images", place),
        dropped_for_official=_count(audit, "dropped_for_official_images", place),
        validated=_count(audit, "test_images_in_validation", place),
        lesions_across_splits=_count(audit, "lesions_across_splits", place),
    )


def _twin(value: object, place: str) -> Twin:
    twin = _object(value, place)
    first, second = _two(twin, "images", place)
    splits, labels = _two(twin, "splits", place), _two(twin, "labels", place)
    return Twin(
        images=(_text(first, f"{place}.images[0]"), _text(second, f"{place}.images[1]")),
        splits=(
            _word(splits[0], contract.PLACES, f"{place}.splits[0]"),
            _word(splits[1], contract.PLACES, f"{place}.splits[1]"),
        ),
        labels=(_label(labels[0], f"{place}.labels[0]"), _label(labels[1], f"{place}.labels[1]")),
        distance=_count(twin, "distance", place),
        exact=_truth(twin, "exact", place),
        dropped=_truth(twin, "dropped", place),
    )


def _label(value: object, place: str) -> str:
    return _word(value, contract.CLASS_LABELS, place)


def _object(value: object, place: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise _error(place, value, "no object")
    return value


def _list(found: Mapping[str, object], key: str, place: str) -> list[object]:
    value = found.get(key)
    if not isinstance(value, list):
        raise _error(f"{place}.{key}", value, "no list")
    return value


def _two(found: Mapping[str, object], key: str, place: str) -> list[object]:
    values = _list(found, key, place)
    if len(values) != 2:
        raise _error(f"{place}.{key}", values, "no list of two")
    return values


def _count(found: Mapping[str, object], key: str, place: str) -> int:
    value = found.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise _error(f"{place}.{key}", value, "no count")
    return value


def _truth(found: Mapping[str, object], key: str, place: str) -> bool:
    value = found.get(key)
    if not isinstance(value, bool):
        raise _error(f"{place}.{key}", value, "neither true nor false")
    return value


def _text(value: object, place: str) -> str:
    if not isinstance(value, str) or not value:
        raise _error(place, value, "no text")
    return value


def _word(value: object, known: Collection[str], place: str) -> str:
    if not isinstance(value, str) or value not in known:
        raise _error(place, value, f"none of {', '.join(known)}")
    return value


def _error(place: str, value: object, what: str) -> BadInputError:
    shown = repr(value)
    short = shown if len(shown) <= 60 else f"{shown[:60]}…"
    return BadInputError(f"{contract.DATASET_CARD}: {place}: {short}: is {what}. Run Preprocess again.")
