# SPDX-License-Identifier: MIT-0
"""Decides whether an evaluated model may be registered. Standard library only.

Pure functions over an evaluation report, which is evaluation.json as parsed by `json.load`. `decide_verdict` is total:
it returns a verdict for any input, and a value that it cannot read does not pass. The thresholds and the reasons for
them are in gate_thresholds.py.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Final

from pipeline_src import contract, rejection_advice
from pipeline_src.gate_thresholds import COUNT_THRESHOLDS, THRESHOLD_PARAMETERS, UPPER_THRESHOLDS, GateThresholds

# A mean of ratios can land one rounding error below a floor that it reaches on paper (0.7 as 0.6999999999999999).
# The tolerance is far below the smallest step that a metric over fewer than a million images can make.
ROUNDING: Final = 1e-9

AT_LEAST: Final = "at least"
AT_MOST: Final = "at most"

MET: Final = "met"
MISSED: Final = "missed"
NOT_EVALUABLE: Final = "not evaluable"  # no valid value, which counts as a miss
NO_CHAMPION: Final = "no champion"  # nothing to compare with; passes
NOT_COMPARED: Final = "not compared"  # the comparison was switched off; passes
NOT_ASKED: Final = "not asked for"  # no valid value, and the threshold is 0; passes

# Limits of a model package's metadata. Source: SageMaker API, CustomerMetadataValue; letters of ASCII suffice.
_FORBIDDEN: Final = re.compile(r"[^A-Za-z0-9 _.:/=+@-]")
_METADATA_LENGTH: Final = 256


def replace_forbidden_characters(text: str) -> str:
    """Return `text` with every character that a model package's metadata may not hold replaced by a hyphen."""
    return _FORBIDDEN.sub("-", text)


@dataclass(frozen=True, kw_only=True)
class JudgedValue:
    """A measured value; None where the report has no number in range.

    Attributes:
        got: the value that is compared with the threshold.
        lower: lower end of the 95 % interval of the metric that it was taken from.
        upper: upper end.
        images: the number of images that it was measured on.
        place: the class or subgroup that has the worst value, for requirements on the worst one; else empty.
    """

    got: float | None = None
    lower: float | None = None
    upper: float | None = None
    images: int | None = None
    place: str = ""


@dataclass(frozen=True, kw_only=True)
class GateRequirement(JudgedValue):
    """A requirement with the value that was judged and the verdict on it.

    Attributes:
        name: the field of `GateThresholds`.
        sense: `AT_LEAST` or `AT_MOST`.
        wanted: the value to reach, or not to exceed; None if it is no number, which nothing can meet.
        verdict: `MET`, `MISSED`, `NOT_EVALUABLE`, `NO_CHAMPION`, `NOT_COMPARED` or `NOT_ASKED`.
    """

    name: str
    sense: str
    wanted: float | None
    verdict: str

    @property
    def passed(self) -> bool:
        """True unless it prevents the registration."""
        return self.verdict in {MET, NO_CHAMPION, NOT_COMPARED, NOT_ASKED}

    @property
    def wanted_text(self) -> str:
        """The threshold in words: ``at least 0.7``."""
        return f"{self.sense} {'an invalid value' if self.wanted is None else f'{self.wanted:g}'}"

    @property
    def got_text(self) -> str:
        """The value with four decimals, truncated so that a missed threshold never appears met."""
        if self.got is None:
            return "nothing to compare" if self.verdict in {NO_CHAMPION, NOT_COMPARED} else "no valid figure"
        return _cut_decimals(self.got, up=self.sense == AT_MOST)

    @property
    def interval_text(self) -> str:
        """The interval: ``0.7112 to 0.8443``; empty where there is none."""
        if self.lower is None or self.upper is None:
            return ""
        return f"{_cut_decimals(self.lower, up=False)} to {_cut_decimals(self.upper, up=True)}"

    def sentence(self) -> str:
        """Return the requirement in words, for the failure reason of an execution."""
        place = f" ({self.place})" if self.place else ""
        measured = ", ".join(part for part in (self.interval_text, self._count_text("n ")) if part)
        more = f" [{measured}]" if measured else ""
        return f"{self.name}: wanted {self.wanted_text}, got {self.got_text}{more}{place}"

    def metadata(self) -> str:
        """Return the same, limited to the characters and the length of a model package's metadata."""
        parts = [self.verdict, f"wanted {self.wanted_text}", f"got {self.got_text}"]
        parts += [f"95 percent {self.interval_text}"] if self.interval_text else []
        parts += [part for part in (self._count_text("n "), self.place) if part]
        return replace_forbidden_characters(" / ".join(parts))[:_METADATA_LENGTH]

    def as_json(self) -> dict[str, object]:
        """Return one entry of ``gate.requirements`` in evaluation.json."""
        texts = {"wanted_text": self.wanted_text, "got_text": self.got_text, "interval_text": self.interval_text}
        return asdict(self) | {"passed": self.passed} | texts

    def _count_text(self, lead: str) -> str:
        return "" if self.images is None else f"{lead}{self.images}"


def judge_requirement(name: str, sense: str, wanted: float | None, value: JudgedValue) -> GateRequirement:
    """Return the requirement `name` judged on `value`; a value within `ROUNDING` of `wanted` meets it."""
    if wanted is None or value.got is None:
        verdict = NOT_EVALUABLE
    elif value.got >= wanted - ROUNDING if sense == AT_LEAST else value.got <= wanted + ROUNDING:
        verdict = MET
    else:
        verdict = MISSED
    return GateRequirement(name=name, sense=sense, wanted=wanted, verdict=verdict, **vars(value))


def excuse_requirement(name: str, sense: str, wanted: float | None, why: str) -> GateRequirement:
    """Return the requirement `name` as not applicable: `why` is `NO_CHAMPION`, `NOT_COMPARED` or `NOT_ASKED`."""
    return GateRequirement(name=name, sense=sense, wanted=wanted, verdict=NOT_EVALUABLE if wanted is None else why)


def _cut_decimals(value: float, *, up: bool) -> str:
    if isinstance(value, int):
        return str(value)
    scaled = math.ceil((value - ROUNDING) * 10_000) if up else math.floor((value + ROUNDING) * 10_000)
    return f"{scaled / 10_000:g}"


REASON_LENGTH: Final = 1024  # characters; a safe length for an execution's failure reason
_SUBGROUP: Final = "subgroup_balanced_accuracy"
_EXCUSES: Final = {"absent": NO_CHAMPION, "waived": NOT_COMPARED}
_CHAMPION: Final = {
    "champion_balanced_accuracy_loss": "balanced_accuracy",
    "champion_melanoma_area_loss": "melanoma_auc_above_80",
}


@dataclass(frozen=True)
class GateVerdict:
    """The verdict (`contract.VERDICT_PASS` or `contract.VERDICT_REJECT`), its reason, and every requirement."""

    verdict: str
    reason: str
    requirements: tuple[GateRequirement, ...]

    @property
    def advice(self) -> tuple[str, ...]:
        """What would help against a rejection, one sentence for each cause; empty for a pass."""
        return rejection_advice.advise_on_rejection(each for each in self.requirements if not each.passed)

    def as_json(self) -> dict[str, object]:
        """Return the value of `gate` in evaluation.json."""
        return {
            "verdict": self.verdict,
            "reason": self.reason,
            "advice": list(self.advice),
            "requirements": [requirement.as_json() for requirement in self.requirements],
            "metadata": {requirement.name: requirement.metadata() for requirement in self.requirements},
        }


def decide_verdict(report: object, floors: GateThresholds) -> GateVerdict:
    """Judge `report` by `floors`.

    Args:
        report: the parsed evaluation; anything else is judged too, and rejected.
        floors: what to reach. A value that is no number is never met.

    Returns:
        The verdict. Its reason names each missed requirement with wanted and got (each met one for a pass), as many as
        `REASON_LENGTH` has room for, and then what would help.
    """
    requirements = tuple(_judge_threshold(report, name, getattr(floors, name)) for name in THRESHOLD_PARAMETERS)
    missed = [requirement for requirement in requirements if not requirement.passed]
    verdict = contract.VERDICT_REJECT if missed else contract.VERDICT_PASS
    lead = "Rejected. " if missed else "Passed. "
    reason = _join_sentences(lead, [each.sentence() for each in missed or requirements])
    return GateVerdict(verdict, _add_advice(reason, rejection_advice.advise_on_rejection(missed)), requirements)


def _join_sentences(lead: str, sentences: list[str]) -> str:
    """Return `lead` and as many `sentences` as fit into `REASON_LENGTH`, with the number of those left out."""
    kept = len(sentences)
    while True:
        left_out = f"; {len(sentences) - kept} more in report.html" if kept < len(sentences) else ""
        reason = lead + "; ".join(sentences[:kept]) + left_out
        if len(reason) <= REASON_LENGTH or not kept:
            return reason
        kept -= 1


def _add_advice(reason: str, advice: tuple[str, ...]) -> str:
    """Return `reason` with the first sentences of `advice` for which `REASON_LENGTH` has room."""
    lead = f". {contract.ADVICE_LEAD}"
    for sentence in advice:
        longer = f"{reason}{lead}{sentence}"
        if len(longer) > REASON_LENGTH:
            break
        reason, lead = longer, " "
    return reason


def _judge_threshold(report: object, name: str, floor: object) -> GateRequirement:
    sense = AT_MOST if name in UPPER_THRESHOLDS else AT_LEAST
    wanted = _count(floor) if name in COUNT_THRESHOLDS else _fraction(floor)
    excuse = _EXCUSES.get(str(_value_at(report, "champion", "status")), "") if name in _CHAMPION else ""
    if excuse:
        return excuse_requirement(name, sense, wanted, excuse)
    if name == _SUBGROUP and wanted == 0 and not _subgroups(report):
        return excuse_requirement(name, sense, wanted, NOT_ASKED)
    return judge_requirement(name, sense, wanted, _read_value(report, name))


def _read_value(report: object, name: str) -> JudgedValue:
    """Return the value in `report` that the requirement `name` is judged on."""
    if name in _CHAMPION:
        return _loss(_value_at(report, "champion", _CHAMPION[name], "difference"))
    return _READERS[name](report)


def _estimate(*keys: str, judge: str = "value") -> Callable[[object], JudgedValue]:
    """Return a reader of the estimate at `keys`; `judge` is its field that is compared with the threshold."""

    def read(report: object) -> JudgedValue:
        estimate = _value_at(report, *keys)
        lower, upper = _fraction(_value_at(estimate, "lower")), _fraction(_value_at(estimate, "upper"))
        got = _fraction(_value_at(estimate, judge))
        return JudgedValue(got=got, lower=lower, upper=upper, images=_count(_value_at(estimate, "images")))

    return read


def _worst_class(report: object) -> JudgedValue:
    figures = {label: _estimate("per_class", label, "sensitivity")(report) for label in contract.CLASS_LABELS}
    worst, figure = min(figures.items(), key=lambda item: -1.0 if item[1].got is None else item[1].got)
    return JudgedValue(got=figure.got, lower=figure.lower, upper=figure.upper, images=figure.images, place=worst)


def _thinnest_class(report: object) -> JudgedValue:
    counts = {label: _count(_value_at(report, "per_class", label, "test_images")) for label in contract.CLASS_LABELS}
    thinnest = min(counts, key=lambda label: _rank(counts[label]))
    return JudgedValue(got=counts[thinnest], place=thinnest)


def _rank(value: float | None) -> float:
    return -1.0 if value is None else value


def _subgroups(report: object) -> list[object]:
    """Return the subgroups, without those that are marked as not evaluable."""
    found = _value_at(report, "subgroups")
    return [each for each in found if _value_at(each, "evaluable") is not False] if isinstance(found, list) else []


def _worst_subgroup(report: object) -> JudgedValue:
    """Return the evaluable subgroup with the lowest ceiling, without a value if there is none or it cannot be read.

    The ceiling is the upper bound of a simultaneous interval. The group's own interval is narrower and is not shown.
    """
    groups = _subgroups(report)
    ceilings = [_fraction(_value_at(each, "ceiling")) for each in groups]
    if not groups:
        return JudgedValue()
    worst = min(range(len(groups)), key=lambda number: _rank(ceilings[number]))
    images = _estimate("balanced_accuracy")(groups[worst]).images
    names = [_value_at(groups[worst], key) for key in ("attribute", "group")]
    place = ": ".join(str(name)[:40] for name in names)
    return JudgedValue(got=ceilings[worst], images=images, place=place)


def _leaked(report: object) -> JudgedValue:
    return JudgedValue(got=_count(_value_at(report, "leakage", "leaked")))


def _loss(difference: object) -> JudgedValue:
    """Return the largest loss within the interval of `difference` (challenger minus champion)."""
    lower, upper = _fraction(_value_at(difference, "lower"), -1), _fraction(_value_at(difference, "upper"), -1)
    images = _count(_value_at(difference, "images"))
    if lower is None or upper is None:
        return JudgedValue(images=images)
    return JudgedValue(got=-lower, lower=-upper, upper=-lower, images=images)


_READERS: Final[Mapping[str, Callable[[object], JudgedValue]]] = {
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


def _value_at(report: object, *keys: str) -> object:
    for key in keys:
        report = report.get(key) if isinstance(report, dict) else None
    return report


def _fraction(value: object, least: int = 0) -> float | None:
    """Return `value` if it is a number from `least` to 1, with rounding at the ends; NaN and booleans are not."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if least - ROUNDING * abs(least) <= value <= 1 + ROUNDING else None


def _count(value: object) -> int | None:
    """Return `value` if it is a whole number of images; an upper bound keeps absurd numbers out of the reason."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value < 10**12 else None
