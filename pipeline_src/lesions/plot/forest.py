# SPDX-License-Identifier: MIT-0
"""Forest plots: one line a figure, its point, its 95 % interval, and both in numbers beside it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from matplotlib.axes import Axes

from pipeline_src.lesions.estimate import Estimate
from pipeline_src.lesions.page import wording
from pipeline_src.lesions.plot import canvas

LINE_HEIGHT: Final = 0.36  # inches
FRAME_HEIGHT: Final = 0.75  # inches: the axis and its label


@dataclass(frozen=True)
class Line:
    """One line of the plot; `striking` gives it another colour and marker."""

    name: str
    estimate: Estimate
    striking: bool = False


def height(lines: Sequence[Line]) -> float:
    """Return the inches that so many lines need."""
    return FRAME_HEIGHT + LINE_HEIGHT * max(1, len(lines))


def draw(axes: Axes, lines: Sequence[Line], words: Callable[[Estimate], str]) -> None:
    """Draw `lines` from top to bottom; what has no value is said to have none.

    Args:
        axes: where.
        lines: what.
        words: the text beside a line.
    """
    rows = np.arange(len(lines))
    for striking, colour, marker in ((False, canvas.BLUE, "o"), (True, canvas.VERMILION, "D")):
        chosen = [(row, line.estimate) for row, line in enumerate(lines) if line.striking is striking]
        points = [(row, each.value) for row, each in chosen if each.value is not None]
        bars = [(row, each.lower, each.upper) for row, each in chosen if each.lower is not None]
        if bars:
            where, lower, upper = zip(*bars, strict=True)
            axes.hlines(where, lower, upper, color=colour, linewidth=2.2)
        if points:
            where, values = zip(*points, strict=True)
            axes.plot(values, where, marker, color=colour, markersize=6.5, linestyle="none")
    for row, line in enumerate(lines):
        text, colour = words(line.estimate), canvas.GREY if line.estimate.value is None else canvas.INK
        axes.text(1.02, row, text, transform=axes.get_yaxis_transform(), va="center", fontsize=9, color=colour)
    axes.set_yticks(rows, [line.name for line in lines], fontsize=9)
    axes.tick_params(axis="x", labelsize=9)
    axes.set_ylim(len(lines) - 0.4, -0.6)
    axes.grid(axis="y", visible=False)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)


def short(measured: Estimate, form: str = ".2f") -> str:
    """Return a figure with its interval in two decimals, for the room beside a line."""
    if measured.value is None:
        return wording.NOT_DEFINED
    if measured.lower is None or measured.upper is None:
        return _real(f"{measured.value:{form}}")
    return _real(f"{measured.value:{form}} ({measured.lower:{form}} to {measured.upper:{form}})")


def short_signed(measured: Estimate) -> str:
    """Return a difference likewise, with its sign."""
    return short(measured, "+.2f")


def _real(text: str) -> str:
    return text.replace("-", "\u2212")
