# SPDX-License-Identifier: MIT-0
"""Draws the curves of a training over its epochs: losses, balanced accuracy with its interval, and learning rate."""

import numpy as np
from matplotlib.ticker import MaxNLocator

from pipeline_src.algorithms.training_history import TrainingHistory
from pipeline_src.report import report_plots
from pipeline_src.report.inline_svg import GREY
from pipeline_src.report.report_plots import BLUE, GREEN, VERMILION, ReportPlot
from pipeline_src.report.report_wording import format_value


def plot_training_curves(history: TrainingHistory | None) -> ReportPlot | None:
    """Draw the curves one above the other, and mark the epoch whose weights the model has; None without a history."""
    if history is None:
        return None
    epochs = [each.epoch for each in history.epochs]
    drawing = report_plots.new_figure(6.6)
    loss, accuracy, rate = drawing.subplots(3, 1, sharex=True, height_ratios=(3, 3, 1.4))
    marker = "." if len(epochs) > 1 else "o"
    loss.plot(epochs, [each.training_loss for each in history.epochs], marker=marker, color=BLUE, label="training")
    validation = [each.validation_loss for each in history.epochs]
    loss.plot(epochs, validation, marker=marker, linestyle="--", color=VERMILION, label="validation")
    loss.set(ylabel="loss")
    measured = [each.validation_balanced_accuracy for each in history.epochs]
    accuracy.plot(epochs, measured, marker=marker, color=GREEN, label="validation")
    low, high = (
        np.array([np.nan if end is None else end for end in ends])
        for ends in zip(
            *(
                (each.validation_balanced_accuracy_low, each.validation_balanced_accuracy_high)
                for each in history.epochs
            ),
            strict=True,
        )
    )
    if not np.isnan(low + high).all():
        accuracy.fill_between(epochs, low, high, color=GREEN, alpha=0.2, linewidth=0, label="95 % interval")
    accuracy.set(ylabel="balanced accuracy", ylim=(-0.02, 1.02))
    rate.plot(epochs, [each.learning_rate for each in history.epochs], marker=marker, color=GREY)
    rate.set(ylabel="learning rate", xlabel="epoch")
    rate.set_ylim(bottom=0)
    rate.xaxis.set_major_locator(MaxNLocator(integer=True))
    for axes in (loss, accuracy, rate):
        report_plots.style_axes(axes)
        axes.axvline(history.selected_epoch, color=GREY, linewidth=1.2, linestyle=(0, (2, 3)), label="selected epoch")
    for axes, corner in ((loss, "upper right"), (accuracy, "lower right")):
        axes.legend(loc=corner, fontsize=9)
    selected = history.selected
    alt = (
        f"Loss, balanced accuracy and learning rate over {len(epochs)} epochs. Epoch {selected.epoch} was selected:"
        f" validation loss {format_value(selected.validation_loss)},"
        f" balanced accuracy {format_value(selected.validation_balanced_accuracy)}."
    )
    return report_plots.finish_plot(drawing, "training.png", "Training curves", alt)
