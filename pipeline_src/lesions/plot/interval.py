# SPDX-License-Identifier: MIT-0
"""Forest plots of figures: of the classes, of the subgroups, and of what changed against the champion."""

from collections.abc import Iterable, Mapping
from typing import Final

from pipeline_src import contract
from pipeline_src.lesions import comparison
from pipeline_src.lesions.comparison import Comparison
from pipeline_src.lesions.figures import Figures
from pipeline_src.lesions.page import wording
from pipeline_src.lesions.plot import canvas, forest
from pipeline_src.lesions.plot.canvas import Plot
from pipeline_src.lesions.plot.forest import Line
from pipeline_src.lesions.subgroup import Subgroup

SHARES: Final = (-0.02, 1.02)  # the axis of a share, with room for the marker at its ends


def classes(figures: Figures) -> Plot:
    """Draw the sensitivity of each class."""
    lines = [
        Line(f"{label}\nn={each.test_images}", each.sensitivity, striking=label == contract.MELANOMA)
        for label, each in figures.per_class.items()
    ]
    drawing = canvas.figure(forest.height(lines))
    axes = canvas.axes_of(drawing)
    forest.draw(axes, lines, forest.short)
    axes.set(xlim=SHARES)
    axes.set_xlabel("sensitivity, with 95 % interval; n images", fontsize=9)
    said = ", ".join(f"{label} {wording.figure(each.sensitivity.value)}" for label, each in figures.per_class.items())
    alt = f"Sensitivity of each class with its interval: {said}."
    return Plot("per_class.png", "Sensitivity by class", alt, canvas.png(drawing))


def subgroups(groups: Iterable[Subgroup], overall: float | None) -> Plot | None:
    """Draw the balanced accuracy of the subgroups that can be judged; None if none can."""
    judged = [group for group in groups if group.evaluable]
    if not judged:
        return None
    lines = [
        Line(f"{group.attribute}: {group.group}\nn={group.images}", group.balanced_accuracy, striking=group.weak)
        for group in judged
    ]
    drawing = canvas.figure(forest.height(lines))
    axes = canvas.axes_of(drawing)
    if overall is not None:
        axes.axvline(overall, color=canvas.GREY, linewidth=1.2, linestyle=(0, (4, 3)))
    forest.draw(axes, lines, forest.short)
    axes.set(xlim=SHARES)
    axes.set_xlabel("balanced accuracy, with 95 % interval; dashed: all test images", fontsize=9)
    weak = ", ".join(f"{group.attribute} {group.group}" for group in judged if group.weak)
    alt = (
        f"Balanced accuracy of {len(judged)} subgroups beside that of all test images, {wording.figure(overall)}."
        f" {f'Weak: {weak}' if weak else 'None is weak'}."
    )
    return Plot("subgroups.png", "Balanced accuracy by subgroup", alt, canvas.png(drawing))


def champion(compared: Comparison, margins: Mapping[str, float | None]) -> Plot | None:
    """Draw the differences from the champion; None where there is none.

    Args:
        compared: what came of the comparison.
        margins: the loss that the gate allows, by the name of the figure.
    """
    known = compared.pairs
    if compared.status != comparison.COMPARED or not known:
        return None
    lines = [
        Line(f"{name.replace('_', chr(10))}", pair.difference, striking=(pair.difference.upper or 0.0) < 0)
        for name, pair in known.items()
    ]
    drawing = canvas.figure(forest.height(lines) + 0.35)
    axes = canvas.axes_of(drawing)
    axes.axvline(0, color=canvas.GREY, linewidth=1.2)
    forest.draw(axes, lines, forest.short_signed)
    for row, name in enumerate(known):
        margin = margins.get(name)
        if margin is not None:
            axes.plot([-margin, -margin], [row - 0.35, row + 0.35], color=canvas.INK, linewidth=1.6, linestyle=":")
    axes.margins(x=0.1)
    axes.locator_params(axis="x", nbins=5)
    axes.set_xlabel("this model less the champion; dotted: the loss that is allowed", fontsize=9)
    said = ", ".join(f"{name.replace('_', ' ')} {wording.full_signed(pair.difference)}" for name, pair in known.items())
    alt = f"Differences from the champion with their intervals: {said}."
    return Plot("champion.png", "Differences from the champion", alt, canvas.png(drawing))
