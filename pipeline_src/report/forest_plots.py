# SPDX-License-Identifier: MIT-0
"""Draws forest plots of classes, subgroups and champion differences: points, 95 % intervals, and both as text."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from matplotlib.axes import Axes

from pipeline_src import contract
from pipeline_src.evaluation import champion_comparison
from pipeline_src.evaluation.champion_comparison import ChampionComparison
from pipeline_src.evaluation.classification_metrics import MetricEstimates
from pipeline_src.evaluation.confidence_intervals import Estimate
from pipeline_src.evaluation.subgroup_metrics import Subgroup
from pipeline_src.report import inline_svg, report_plots, report_wording
from pipeline_src.report.report_plots import ReportPlot

LINE_HEIGHT: Final = 0.36  # inches
FRAME_HEIGHT: Final = 0.75  # inches: the axis and its label


@dataclass(frozen=True)
class ForestLine:
    """One line of the plot; `striking` highlights it by colour and marker."""

    name: str
    estimate: Estimate
    striking: bool = False


def forest_height(lines: Sequence[ForestLine]) -> float:
    """Return the height of a figure with `lines`, in inches."""
    return FRAME_HEIGHT + LINE_HEIGHT * max(1, len(lines))


def draw_forest(axes: Axes, lines: Sequence[ForestLine], words: Callable[[Estimate], str]) -> None:
    """Draw `lines` from top to bottom.

    Args:
        axes: the axes to draw on.
        lines: the estimates; one without a value has only its text.
        words: returns the text beside a line.
    """
    rows = np.arange(len(lines))
    for striking, colour, marker in ((False, report_plots.BLUE, "o"), (True, report_plots.VERMILION, "D")):
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
        # The interval below the value, or the text would be too wide for its size on a phone.
        text, colour = (
            words(line.estimate).replace(" (", "\n("),
            inline_svg.GREY if line.estimate.value is None else inline_svg.INK,
        )
        axes.text(1.02, row, text, transform=axes.get_yaxis_transform(), va="center", fontsize=9, color=colour)
    axes.set_yticks(rows, [line.name for line in lines], fontsize=9)
    axes.tick_params(axis="x", labelsize=9)
    axes.set_ylim(len(lines) - 0.4, -0.6)
    axes.grid(axis="y", visible=False)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)


SHARE_AXIS: Final = (-0.02, 1.02)  # limits of the axis of a share, with space for markers at its ends


def plot_class_sensitivity(figures: MetricEstimates) -> ReportPlot:
    """Draw the sensitivity of each class by the most probable class."""
    lines = [
        ForestLine(f"{label}\nn={each.test_images}", each.sensitivity, striking=label == contract.MELANOMA)
        for label, each in figures.per_class.items()
    ]
    drawing = report_plots.new_figure(forest_height(lines))
    axes = report_plots.grid_axes(drawing)
    draw_forest(axes, lines, report_wording.format_value_with_interval)
    axes.set(xlim=SHARE_AXIS)
    axes.set_xlabel("top-class sensitivity, with 95 % interval; n images", fontsize=9)
    said = ", ".join(
        f"{label} {report_wording.format_value(each.sensitivity.value)}" for label, each in figures.per_class.items()
    )
    alt = f"Top-class sensitivity of each class with its interval: {said}."
    return report_plots.finish_plot(drawing, "per_class.png", "Top-class sensitivity", alt)


def plot_subgroups(groups: Iterable[Subgroup], overall: float | None) -> ReportPlot | None:
    """Draw the balanced accuracy of the evaluable subgroups; None if there is none."""
    judged = [group for group in groups if group.evaluable]
    if not judged:
        return None
    lines = [
        ForestLine(f"{group.attribute}: {group.group}\nn={group.images}", group.balanced_accuracy, striking=group.weak)
        for group in judged
    ]
    drawing = report_plots.new_figure(forest_height(lines))
    axes = report_plots.grid_axes(drawing)
    if overall is not None:
        axes.axvline(overall, color=inline_svg.GREY, linewidth=1.2, linestyle=(0, (4, 3)))
    draw_forest(axes, lines, report_wording.format_value_with_interval)
    axes.set(xlim=SHARE_AXIS)
    axes.set_xlabel("balanced accuracy, with 95 % interval; dashed: all test images", fontsize=9)
    weak = ", ".join(f"{group.attribute} {group.group}" for group in judged if group.weak)
    alt = (
        f"Balanced accuracy of {len(judged)} subgroups beside that of all test images, "
        f"{report_wording.format_value(overall)}."
        f" {f'Weak: {weak}' if weak else 'None is weak'}."
    )
    return report_plots.finish_plot(drawing, "subgroups.png", "Balanced accuracy by subgroup", alt)


def plot_champion_differences(compared: ChampionComparison, margins: Mapping[str, float | None]) -> ReportPlot | None:
    """Draw the differences from the champion; None if the models were not compared.

    Args:
        compared: the result of the comparison.
        margins: the loss that the gate allows, by metric.
    """
    known = compared.pairs
    if compared.status != champion_comparison.CHAMPION_COMPARED or not known:
        return None
    lines = [
        ForestLine(f"{name.replace('_', chr(10))}", pair.difference, striking=(pair.difference.upper or 0.0) < 0)
        for name, pair in known.items()
    ]
    drawing = report_plots.new_figure(forest_height(lines) + 0.35)
    axes = report_plots.grid_axes(drawing)
    axes.axvline(0, color=inline_svg.GREY, linewidth=1.2)
    draw_forest(axes, lines, report_wording.format_difference_with_interval)
    for row, name in enumerate(known):
        margin = margins.get(name)
        if margin is not None:
            axes.plot([-margin, -margin], [row - 0.35, row + 0.35], color=inline_svg.INK, linewidth=1.6, linestyle=":")
    axes.margins(x=0.1)
    axes.locator_params(axis="x", nbins=5)
    axes.set_xlabel("this model minus the champion; dotted: allowed loss", fontsize=9)
    said = ", ".join(
        f"{name.replace('_', ' ')} {report_wording.format_difference_with_interval(pair.difference)}"
        for name, pair in known.items()
    )
    alt = f"Differences from the champion with their intervals: {said}."
    return report_plots.finish_plot(drawing, "champion.png", "Differences from the champion", alt)
