# SPDX-License-Identifier: MIT-0
"""The promotion rule: whether an evaluated model may be registered.

Pure functions over an evaluation report (`evaluation.json` as parsed by `json.load`); standard library only.
`decide` is total: whatever it is given, it answers, and what it cannot read does not pass.

Where the floors of `default` come from (HAM10000 has 10,015 images; a fifth of its lesions is the test split):

- Balanced accuracy 0.70. Always answering "nv" reaches 0.143 (one class of seven) while its plain accuracy is
  0.669, which is why no plain accuracy is asked for. Published ResNet-18 figures on lesion-disjoint splits lie
  at 0.60 to 0.78, the best entry of ISIC 2018 Task 3 at 0.885 (https://challenge.isic-archive.com/leaderboards/2018/):
  0.70 asks for the better half of what this network can do.
- Melanoma sensitivity 0.80 at the operating point that is chosen on validation images for 0.85: five points of room
  for chance. With about 165 validation and 220 test melanomas the two shares differ with a standard deviation of
  0.037 (binomial), so that one honest model in eleven is still sent back; a lower floor would let worse ones through.
- Class sensitivity 0.40: no diagnosis may be given up for the others' sake. The rarest has about 23 test images, a
  standard error of 0.10 at 0.40; a floor much higher would be decided by luck.
- Test images 10 in every class: below that a class's sensitivity moves by more than 0.1 with one image, and
  its floor says nothing. An archive of 700 images (about 8 dermatofibromas) can therefore never pass.

`demo` asks only that the loop learned: with 140 test images a guesser's balanced accuracy is 0.14 with a standard
deviation of about 0.06, so 0.50 lies almost six deviations away, and "nv" for everything stays at 0.143.
"""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Final

from pipeline_src import contract

# A mean of seven ratios can land one rounding error below a floor that it reaches on paper (0.7 as 0.6999999999999999).
# The tolerance is far below the smallest step that a metric over fewer than a million images can make.
ROUNDING: Final = 1e-9
REASON_LENGTH: Final = 1024  # characters; what a failed execution's reason may safely hold


@dataclass(frozen=True)
class Floors:
    """What a model must reach on the test split; exactly at a floor passes.

    All are fractions from 0 to 1 but `test_images`, which is a count.

    Attributes:
        balanced_accuracy: mean sensitivity of the seven classes, each image going to its most probable class.
        melanoma_sensitivity: share of the melanomas found at the operating point chosen on validation images.
        class_sensitivity: sensitivity of the worst class.
        test_images: number of test images of the class that has fewest.
    """

    balanced_accuracy: float
    melanoma_sensitivity: float
    class_sensitivity: float
    test_images: int


# Names under which the pipeline takes the floors as parameters.
FLOOR_PARAMETERS: Final = {
    "balanced_accuracy": "GateBalancedAccuracy",
    "melanoma_sensitivity": "GateMelanomaSensitivity",
    "class_sensitivity": "GateClassSensitivity",
    "test_images": "GateTestImages",
}

# `default` asks for evidence and for a model worth a clinician's study; `demo` only that the loop learned.
PROFILES: Final = {
    "default": Floors(balanced_accuracy=0.70, melanoma_sensitivity=0.80, class_sensitivity=0.40, test_images=10),
    "demo": Floors(balanced_accuracy=0.50, melanoma_sensitivity=0.50, class_sensitivity=0.0, test_images=1),
}


@dataclass(frozen=True)
class Requirement:
    """One line of the verdict.

    Attributes:
        name: the field of `Floors`.
        wanted: the floor; None if it is no number, which nothing can reach.
        got: what the model reached; None if the report does not say, or says no number in range.
        passed: whether it did.
        place: the class label that decided, for the requirements that look at the worst class; else empty.
    """

    name: str
    wanted: float | None
    got: float | None
    passed: bool
    place: str = ""

    @property
    def got_text(self) -> str:
        """What the model reached, cut, not rounded, after four decimals: a miss never reads as the floor it missed."""
        if self.got is None:
            return "no valid figure"
        return (
            str(self.got) if isinstance(self.got, int) else f"{math.floor((self.got + ROUNDING) * 10_000) / 10_000:g}"
        )

    def sentence(self) -> str:
        """Return the requirement with wanted and got in words."""
        wanted = "an invalid floor" if self.wanted is None else str(self.wanted)
        place = f" ({self.place})" if self.place else ""
        return f"{self.name}: wanted at least {wanted}, got {self.got_text}{place}"


@dataclass(frozen=True)
class Verdict:
    """`contract.VERDICT_PASS` or `contract.VERDICT_REJECT`, the reason in words, and every requirement."""

    verdict: str
    reason: str
    requirements: tuple[Requirement, ...]

    def as_json(self) -> dict[str, object]:
        """Return the value of `gate` in evaluation.json."""
        return {
            "verdict": self.verdict,
            "reason": self.reason,
            "requirements": [asdict(requirement) for requirement in self.requirements],
        }


def decide(report: object, floors: Floors) -> Verdict:
    """Judge `report` by `floors`.

    Args:
        report: the parsed evaluation; anything else is judged too, and rejected.
        floors: what to reach. A floor that is no number is never reached.

    Returns:
        The verdict. Its reason names each missed requirement with wanted and got (each met one for a pass); numbers
        are bounded in length, so that it stays below `REASON_LENGTH`.
    """
    requirements = _requirements(report, floors)
    missed = [requirement for requirement in requirements if not requirement.passed]
    verdict = contract.VERDICT_REJECT if missed else contract.VERDICT_PASS
    lead = "Rejected" if missed else "Passed"
    reason = f"{lead}. " + "; ".join(requirement.sentence() for requirement in missed or requirements)
    return Verdict(verdict, reason, requirements)


def _requirements(report: object, floors: Floors) -> tuple[Requirement, ...]:
    sensitivity, weakest = _worst(report, "sensitivity", _fraction)
    images, thinnest = _worst(report, "test_images", _count)
    balanced, melanoma = _at(report, "balanced_accuracy"), _at(report, "melanoma", "sensitivity")
    return (
        _requirement("balanced_accuracy", _fraction(floors.balanced_accuracy), _fraction(balanced)),
        _requirement("melanoma_sensitivity", _fraction(floors.melanoma_sensitivity), _fraction(melanoma)),
        _requirement("class_sensitivity", _fraction(floors.class_sensitivity), sensitivity, weakest),
        _requirement("test_images", _count(floors.test_images), images, thinnest),
    )


def _requirement(name: str, wanted: float | None, got: float | None, place: str = "") -> Requirement:
    passed = wanted is not None and got is not None and got >= wanted - ROUNDING
    return Requirement(name, wanted, got, passed, place)


def _worst(report: object, key: str, number: Callable[[object], float | None]) -> tuple[float | None, str]:
    """Return the lowest figure `key` of all classes and its class; (None, class) if any class has none."""
    figures = [(number(_at(report, "per_class", label, key)), label) for label in contract.CLASS_LABELS]
    return min(figures, key=lambda figure: -1.0 if figure[0] is None else figure[0])


def _at(report: object, *keys: str) -> object:
    for key in keys:
        report = report.get(key) if isinstance(report, dict) else None
    return report


def _fraction(value: object) -> float | None:
    """Return `value` if it is a number from 0 to 1 (NaN and True are not), allowing for rounding at 1."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if 0 <= value <= 1 + ROUNDING else None


def _count(value: object) -> int | None:
    """Return `value` if it is a whole number of images; a bound keeps absurd ones out of the reason."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value < 10**12 else None
