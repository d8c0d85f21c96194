# SPDX-License-Identifier: MIT-0
"""The promotion rule: whether an evaluated model may be registered.

Pure functions over an evaluation report (`evaluation.json` as parsed by `json.load`); standard library only.
`decide` is total: whatever it is given, it answers, and what it cannot read does not pass. What is asked for, and why,
stands in floor.py.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from pipeline_src import contract
from pipeline_src.floor import CEILINGS, COUNTS, FLOOR_PARAMETERS, PROFILES, Floors
from pipeline_src.requirement import (
    AT_LEAST,
    AT_MOST,
    NO_CHAMPION,
    NOT_ASKED,
    NOT_COMPARED,
    ROUNDING,
    Figure,
    Requirement,
    excused,
    judged,
)

__all__ = ["CEILINGS", "COUNTS", "FLOOR_PARAMETERS", "PROFILES", "Floors", "Requirement", "Verdict", "decide"]

REASON_LENGTH: Final = 1024  # characters; what a failed execution's reason may safely hold
_SUBGROUP: Final = "subgroup_balanced_accuracy"
_EXCUSES: Final = {"absent": NO_CHAMPION, "waived": NOT_COMPARED}
_CHAMPION: Final = {
    "champion_balanced_accuracy_loss": "balanced_accuracy",
    "champion_melanoma_sensitivity_loss": "melanoma_sensitivity",
    "champion_melanoma_specificity_loss": "melanoma_specificity",
}


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
            "requirements": [requirement.as_json() for requirement in self.requirements],
            "metadata": {requirement.name: requirement.metadata() for requirement in self.requirements},
        }


def decide(report: object, floors: Floors) -> Verdict:
    """Judge `report` by `floors`.

    Args:
        report: the parsed evaluation; anything else is judged too, and rejected.
        floors: what to reach. A value that is no number is never met.

    Returns:
        The verdict. Its reason names each missed requirement with wanted and got (each met one for a pass), as many as
        `REASON_LENGTH` has room for.
    """
    requirements = tuple(_judged(report, name, getattr(floors, name)) for name in FLOOR_PARAMETERS)
    missed = [requirement for requirement in requirements if not requirement.passed]
    verdict = contract.VERDICT_REJECT if missed else contract.VERDICT_PASS
    lead = "Rejected. " if missed else "Passed. "
    return Verdict(verdict, _joined(lead, [each.sentence() for each in missed or requirements]), requirements)


def _joined(lead: str, sentences: list[str]) -> str:
    """Return `sentences` after `lead`; those for which there is no room are counted."""
    kept = len(sentences)
    while True:
        left_out = f"; {len(sentences) - kept} more in report.html" if kept < len(sentences) else ""
        reason = lead + "; ".join(sentences[:kept]) + left_out
        if len(reason) <= REASON_LENGTH or not kept:
            return reason
        kept -= 1


def _judged(report: object, name: str, floor: object) -> Requirement:
    sense = AT_MOST if name in CEILINGS else AT_LEAST
    wanted = _count(floor) if name in COUNTS else _fraction(floor)
    excuse = _EXCUSES.get(str(_at(report, "champion", "status")), "") if name in _CHAMPION else ""
    if excuse:
        return excused(name, sense, wanted, excuse)
    if name == _SUBGROUP and wanted == 0 and not _subgroups(report):
        return excused(name, sense, wanted, NOT_ASKED)
    return judged(name, sense, wanted, _figure(report, name))


def _figure(report: object, name: str) -> Figure:
    """Return what `report` says of the requirement `name`."""
    if name in _CHAMPION:
        return _loss(_at(report, "champion", _CHAMPION[name], "difference"))
    return _READERS[name](report)


def _estimate(*keys: str, judge: str = "value") -> Callable[[object], Figure]:
    """Return a reader of the estimate that stands at `keys`, of which `judge` is what is judged."""

    def read(report: object) -> Figure:
        estimate = _at(report, *keys)
        lower, upper = _fraction(_at(estimate, "lower")), _fraction(_at(estimate, "upper"))
        got = _fraction(_at(estimate, judge))
        return Figure(got=got, lower=lower, upper=upper, images=_count(_at(estimate, "images")))

    return read


def _worst_class(report: object) -> Figure:
    figures = {label: _estimate("per_class", label, "sensitivity")(report) for label in contract.CLASS_LABELS}
    worst, figure = min(figures.items(), key=lambda item: -1.0 if item[1].got is None else item[1].got)
    return Figure(got=figure.got, lower=figure.lower, upper=figure.upper, images=figure.images, place=worst)


def _thinnest_class(report: object) -> Figure:
    counts = {label: _count(_at(report, "per_class", label, "test_images")) for label in contract.CLASS_LABELS}
    thinnest = min(counts, key=lambda label: _rank(counts[label]))
    return Figure(got=counts[thinnest], place=thinnest)


def _rank(value: float | None) -> float:
    return -1.0 if value is None else value


def _subgroups(report: object) -> list[object]:
    """Return the subgroups but those that say of themselves that they cannot be evaluated."""
    found = _at(report, "subgroups")
    return [each for each in found if _at(each, "evaluable") is not False] if isinstance(found, list) else []


def _worst_subgroup(report: object) -> Figure:
    """Return the evaluable subgroup with the lowest ceiling; none, or one that cannot be read, has no figure.

    The ceiling is an end of a simultaneous interval, so that the group's own, narrower one is none of it.
    """
    groups = _subgroups(report)
    ceilings = [_fraction(_at(each, "ceiling")) for each in groups]
    if not groups:
        return Figure()
    worst = min(range(len(groups)), key=lambda number: _rank(ceilings[number]))
    images = _estimate("balanced_accuracy")(groups[worst]).images
    names = [_at(groups[worst], key) for key in ("attribute", "group")]
    place = ": ".join(str(name)[:40] for name in names)
    return Figure(got=ceilings[worst], images=images, place=place)


def _leaked(report: object) -> Figure:
    return Figure(got=_count(_at(report, "leakage", "leaked")))


def _loss(difference: object) -> Figure:
    """Return the largest loss that the interval of `difference` (challenger less champion) leaves possible."""
    lower, upper = _fraction(_at(difference, "lower"), -1), _fraction(_at(difference, "upper"), -1)
    images = _count(_at(difference, "images"))
    if lower is None or upper is None:
        return Figure(images=images)
    return Figure(got=-lower, lower=-upper, upper=-lower, images=images)


_READERS: Final[Mapping[str, Callable[[object], Figure]]] = {
    "balanced_accuracy": _estimate("balanced_accuracy"),
    "balanced_accuracy_lower": _estimate("balanced_accuracy", judge="lower"),
    "melanoma_sensitivity": _estimate("melanoma", "sensitivity"),
    "melanoma_sensitivity_lower": _estimate("melanoma", "sensitivity", judge="lower"),
    "melanoma_specificity": _estimate("melanoma", "specificity"),
    "malignant_sensitivity": _estimate("malignant_sensitivity"),
    "class_sensitivity": _worst_class,
    "test_images": _thinnest_class,
    _SUBGROUP: _worst_subgroup,
    "overconfidence": _estimate("calibration", "served", "overconfidence"),
    "leaked_test_images": _leaked,
}


def _at(report: object, *keys: str) -> object:
    for key in keys:
        report = report.get(key) if isinstance(report, dict) else None
    return report


def _fraction(value: object, least: int = 0) -> float | None:
    """Return `value` if it is a number from `least` to 1 (NaN and True are not), allowing for rounding at the ends."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if least - ROUNDING * abs(least) <= value <= 1 + ROUNDING else None


def _count(value: object) -> int | None:
    """Return `value` if it is a whole number of images; a bound keeps absurd ones out of the reason."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value < 10**12 else None
