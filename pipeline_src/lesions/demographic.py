# SPDX-License-Identifier: MIT-0
"""The groups that an image is in by what is known of its patient, its site, its confirmation and its source."""

from collections.abc import Iterable
from typing import Final

from pipeline_src.lesions.holdout import HoldoutImage

UNKNOWN: Final = "unknown"
AGE: Final = "age"
ATTRIBUTES: Final = ("sex", AGE, "localization", "dx_type", "source")
# Ages from which a band starts, in years; HAM10000 gives them in steps of five.
_BANDS: Final = ((75, "75 and over"), (60, "60 to 74"), (45, "45 to 59"), (30, "30 to 44"), (0, "0 to 29"))


def group(image: HoldoutImage, attribute: str) -> str:
    """Return the group of `image` by one of `ATTRIBUTES`; `UNKNOWN` where the table has no value."""
    return age_band(image) if attribute == AGE else _named(getattr(image, attribute))


def age_band(image: HoldoutImage) -> str:
    """Return the age band of the patient.

    Age 0 of a patient of unknown sex is no age: it is what the dataset has where nothing is known of the patient.
    """
    try:
        age = float(image.age)
    except ValueError:
        return UNKNOWN
    if not 0 <= age < float("inf") or (age == 0 and _named(image.sex) == UNKNOWN):
        return UNKNOWN
    return next(name for start, name in _BANDS if age >= start)


def ordered(groups: Iterable[str]) -> list[str]:
    """Return each of `groups` once: by name, which for age bands is by age, and `UNKNOWN` last."""
    return sorted(set(groups), key=lambda name: (name == UNKNOWN, name))


def _named(value: str) -> str:
    return value.strip().lower() or UNKNOWN
