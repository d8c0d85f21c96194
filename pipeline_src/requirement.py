# SPDX-License-Identifier: MIT-0
"""One line of the gate's table, and its words for the failure message, the model package and evaluation.json.

Standard library only.
"""

import math
import re
from dataclasses import asdict, dataclass
from typing import Final

# A mean of seven ratios can land one rounding error below a floor that it reaches on paper (0.7 as 0.6999999999999999).
# The tolerance is far below the smallest step that a metric over fewer than a million images can make.
ROUNDING: Final = 1e-9

AT_LEAST: Final = "at least"
AT_MOST: Final = "at most"

MET: Final = "met"
MISSED: Final = "missed"
NOT_EVALUABLE: Final = "not evaluable"  # there is no valid figure, which counts as a miss
NO_CHAMPION: Final = "no champion"  # there is nothing to compare with, which is no fault of the model's
NOT_COMPARED: Final = "not compared"  # somebody switched the comparison off
NOT_ASKED: Final = "not asked for"  # there is no valid figure, and the floor is 0

# What a model package's metadata may hold. Source: SageMaker API, CustomerMetadataValue; letters of ASCII suffice.
_FORBIDDEN: Final = re.compile(r"[^A-Za-z0-9 _.:/=+@-]")
_METADATA_LENGTH: Final = 256


def plain(text: str) -> str:
    """Return `text` in the characters that a model package's metadata may hold; others become hyphens."""
    return _FORBIDDEN.sub("-", text)


@dataclass(frozen=True, kw_only=True)
class Figure:
    """What a model reached: None where the report does not say, or says no number in range.

    Attributes:
        got: the figure that is judged.
        lower: lower end of the 95 % interval of what it was taken from.
        upper: upper end.
        images: how many images it was measured on.
        place: the class or subgroup that decided, where the worst one does; else empty.
    """

    got: float | None = None
    lower: float | None = None
    upper: float | None = None
    images: int | None = None
    place: str = ""


@dataclass(frozen=True, kw_only=True)
class Requirement(Figure):
    """A requirement, what it was held against and what came of it.

    Attributes:
        name: the field of `floor.Floors`.
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
        """Whether it does not stand in the way."""
        return self.verdict in {MET, NO_CHAMPION, NOT_COMPARED, NOT_ASKED}

    @property
    def wanted_text(self) -> str:
        """What was wanted: ``at least 0.7``."""
        return f"{self.sense} {'an invalid value' if self.wanted is None else f'{self.wanted:g}'}"

    @property
    def got_text(self) -> str:
        """What the model reached, cut towards a miss after four decimals, so that none reads as the value it missed."""
        if self.got is None:
            return "nothing to compare" if self.verdict in {NO_CHAMPION, NOT_COMPARED} else "no valid figure"
        return _cut(self.got, up=self.sense == AT_MOST)

    @property
    def interval_text(self) -> str:
        """The interval: ``0.7112 to 0.8443``; empty where there is none."""
        if self.lower is None or self.upper is None:
            return ""
        return f"{_cut(self.lower, up=False)} to {_cut(self.upper, up=True)}"

    def sentence(self) -> str:
        """Return the requirement in words, for a failed execution's reason."""
        place = f" ({self.place})" if self.place else ""
        measured = ", ".join(part for part in (self.interval_text, self._count_text("n ")) if part)
        more = f" [{measured}]" if measured else ""
        return f"{self.name}: wanted {self.wanted_text}, got {self.got_text}{more}{place}"

    def metadata(self) -> str:
        """Return the same in the characters and the length that a model package's metadata may hold."""
        parts = [self.verdict, f"wanted {self.wanted_text}", f"got {self.got_text}"]
        parts += [f"95 percent {self.interval_text}"] if self.interval_text else []
        parts += [part for part in (self._count_text("n "), self.place) if part]
        return plain(" / ".join(parts))[:_METADATA_LENGTH]

    def as_json(self) -> dict[str, object]:
        """Return one entry of ``gate.requirements`` in evaluation.json."""
        texts = {"wanted_text": self.wanted_text, "got_text": self.got_text, "interval_text": self.interval_text}
        return asdict(self) | {"passed": self.passed} | texts

    def _count_text(self, lead: str) -> str:
        return "" if self.images is None else f"{lead}{self.images}"


def judged(name: str, sense: str, wanted: float | None, figure: Figure) -> Requirement:
    """Return the requirement `name` as `figure` meets it; within `ROUNDING` of `wanted` is met."""
    return _requirement(name, sense, wanted, figure, _verdict(sense, wanted, figure.got))


def excused(name: str, sense: str, wanted: float | None, why: str) -> Requirement:
    """Return the requirement `name` without a figure, which is in order: `why` is one of the last three verdicts."""
    return _requirement(name, sense, wanted, Figure(), NOT_EVALUABLE if wanted is None else why)


def _requirement(name: str, sense: str, wanted: float | None, figure: Figure, verdict: str) -> Requirement:
    return Requirement(
        name=name,
        sense=sense,
        wanted=wanted,
        verdict=verdict,
        got=figure.got,
        lower=figure.lower,
        upper=figure.upper,
        images=figure.images,
        place=figure.place,
    )


def _verdict(sense: str, wanted: float | None, got: float | None) -> str:
    if wanted is None or got is None:
        return NOT_EVALUABLE
    kept = got >= wanted - ROUNDING if sense == AT_LEAST else got <= wanted + ROUNDING
    return MET if kept else MISSED


def _cut(value: float, *, up: bool) -> str:
    if isinstance(value, int):
        return str(value)
    scaled = math.ceil((value - ROUNDING) * 10_000) if up else math.floor((value + ROUNDING) * 10_000)
    return f"{scaled / 10_000:g}"
