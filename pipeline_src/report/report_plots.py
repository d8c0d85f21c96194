# SPDX-License-Identifier: MIT-0
"""Draws the report's plots of one model: confusion matrix, ROC and precision-recall curves, reliability diagram.

A plot is SVG inside the report, and a PNG file beside it. The same metrics give the same bytes. A figure is five inches
wide, so that text of 8 to 11 points keeps that size on a phone.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from sklearn import metrics as sklearn_metrics

from pipeline_src import contract
from pipeline_src.class_labels import CLASSES, DiagnosisClass
from pipeline_src.evaluation import classification_metrics
from pipeline_src.evaluation.classification_metrics import MetricEstimates
from pipeline_src.evaluation.clinical_measures import NetBenefit
from pipeline_src.evaluation.model_predictions import Predictions
from pipeline_src.evaluation.probability_calibration import Calibration, MelanomaCalibration, Reliability
from pipeline_src.report.inline_svg import GREY, INK, ON_STRONG, PALE, figure_svg
from pipeline_src.report.report_wording import format_value

DOTS_PER_INCH: Final = 200
WIDTH: Final = 5.0  # inches
BLUE: Final = "#0072B2"
VERMILION: Final = "#D55E00"
GREEN: Final = "#009E73"
# Up to this share the ink of both schemes has a contrast of at least 4.5 with the cell's blue.
_STRONG_SHARE: Final = 0.85
NAMED_LEVELS: Final = (5, 10, 20, 50)  # threshold probabilities, in percent, in the words of the decision curve
# With fewer images, one image moves a bin's accuracy by more than 0.2.
LEAST_BIN_IMAGES: Final = 5


@dataclass(frozen=True)
class ReportPlot:
    """A plot of the report.

    Attributes:
        name: file name.
        title: heading.
        alt: text alternative of its content.
        png: content of the file.
        svg: the same plot as an element of the report.
    """

    name: str
    title: str
    alt: str
    png: bytes
    svg: str


def new_figure(height: float) -> Figure:
    """Return an empty figure of `height` inches outside of matplotlib's global state."""
    drawing = Figure(figsize=(WIDTH, height), dpi=DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(drawing)
    return drawing


def grid_axes(drawing: Figure) -> Axes:
    """Return the only axes of `drawing`, with a pale grid."""
    axes = drawing.add_subplot()
    style_axes(axes)
    return axes


def style_axes(axes: Axes) -> None:
    """Add a pale grid behind the content of `axes`, and remove the top and right spines."""
    axes.grid(visible=True, color=PALE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def figure_png(drawing: Figure) -> bytes:
    """Return the figure as PNG without matplotlib's version in its metadata."""
    data = io.BytesIO()
    drawing.savefig(data, format="png", metadata={"Software": None})
    return data.getvalue()


def finish_plot(drawing: Figure, name: str, title: str, alt: str) -> ReportPlot:
    """Return the plot of `drawing` in both formats; the other arguments are fields of `ReportPlot`."""
    return ReportPlot(name, title, alt, figure_png(drawing), figure_svg(drawing, name.removesuffix(".png"), alt))


def plot_confusion_matrix(predictions: Predictions, name: str, images: str) -> ReportPlot:
    """Draw the confusion matrix: colour is the share of the true class, text the share and the count.

    Args:
        predictions: predictions for the images.
        name: file name.
        images: the noun for the images, for example "test images".
    """
    counts = classification_metrics.confusion_matrix(predictions)
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros(counts.shape), where=totals > 0)
    drawing = new_figure(4.9)
    axes = grid_axes(drawing)
    axes.set(xlim=(-0.5, len(counts) - 0.5), ylim=(len(counts) - 0.5, -0.5), aspect="equal")
    for row, column in np.ndindex(counts.shape):
        number, share = counts[row, column], shares[row, column]
        axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, color=BLUE, alpha=float(share), linewidth=0))
        text = f"{share:.0%}\n{number}" if number else "·"
        colour = ON_STRONG if share > _STRONG_SHARE else INK
        axes.text(column, row, text, ha="center", va="center", fontsize=9, color=colour)
    names = [f"{label}\nn={total}" for label, total in zip(contract.CLASS_LABELS, totals[:, 0], strict=True)]
    axes.set_xticks(range(len(names)), contract.CLASS_LABELS, fontsize=9)
    axes.set_yticks(range(len(names)), names, fontsize=9)
    axes.set(xlabel="predicted", ylabel="true")
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    return finish_plot(drawing, name, f"Confusion matrix, {images}", _confusion_alt_text(counts, images))


def _confusion_alt_text(counts: npt.NDArray[np.int64], images: str) -> str:
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    row, column = np.unravel_index(np.argmax(wrong), wrong.shape)
    labels = contract.CLASS_LABELS
    alt = f"Confusion matrix of {counts.sum()} {images}; {np.trace(counts)} are correct."
    if wrong.any():
        alt += f" The most common error: {wrong[row, column]} of {labels[row]} predicted as {labels[column]}."
    return alt


def _line_style(drawn: DiagnosisClass) -> dict[str, Any]:
    return {"color": drawn.colour, "linestyle": drawn.line, "linewidth": drawn.line_width}


def plot_roc_curves(test: Predictions, figures: MetricEstimates) -> ReportPlot:
    """Draw the ROC curve of each class, and the melanoma operating point."""
    drawing = new_figure(5.2)
    axes = grid_axes(drawing)
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=(0, (2, 4)), label="chance 0.500")
    for position, each in enumerate(CLASSES):
        curve, area = classification_metrics.roc_curve(test, position), figures.per_class[each.label].auc
        if curve is not None:
            (line,) = axes.plot(curve.false_positive_rate, curve.true_positive_rate, **_line_style(each))
            line.set_label(f"{each.label} {format_value(area.value)}")
    sensitivity, specificity = figures.melanoma_sensitivity.value, figures.melanoma_specificity.value
    if sensitivity is not None and specificity is not None:
        (spot,) = axes.plot([1 - specificity], [sensitivity], "o", markersize=11, zorder=5)
        spot.set(label="melanoma\nthreshold", markerfacecolor="white", markeredgewidth=2.2)
        spot.set_markeredgecolor(VERMILION)
    axes.set(xlabel="1 - specificity", ylabel="sensitivity", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    axes.legend(loc="lower right", fontsize=9, title="area under the curve", title_fontsize=9)
    areas = ", ".join(f"{label} {format_value(found.auc.value)}" for label, found in figures.per_class.items())
    alt = f"ROC curves of the {len(CLASSES)} classes on the test images. Areas under the curve: {areas}."
    return finish_plot(drawing, "roc.png", "ROC curves, each class against the rest", alt)


def plot_precision_recall(test: Predictions, figures: MetricEstimates) -> ReportPlot:
    """Draw the precision-recall curve of each class, in the steps that average precision sums."""
    drawing = new_figure(5.2)
    axes = grid_axes(drawing)
    for position, each in enumerate(CLASSES):
        positive = test.truth == position
        if positive.any():
            precision, recall, _ = sklearn_metrics.precision_recall_curve(positive, test.probabilities[:, position])
            kept = np.append(np.diff(recall) != 0, True)  # of equal recalls the one used by average precision
            (line,) = axes.step(recall[kept], precision[kept], where="post", **_line_style(each))
            line.set_label(f"{each.label} {format_value(figures.per_class[each.label].average_precision.value)}")
    axes.set(xlabel="sensitivity (recall)", ylabel="PPV (precision)", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.set_aspect("equal")
    if np.size(test.truth):
        axes.legend(loc="lower left", fontsize=9, title="average precision", title_fontsize=9)
    areas = ", ".join(
        f"{label} {format_value(found.average_precision.value)}" for label, found in figures.per_class.items()
    )
    alt = f"Precision against recall of the {len(CLASSES)} classes on the test images. Average precision: {areas}."
    return finish_plot(drawing, "precision_recall.png", "Precision against recall, each class against the rest", alt)


def plot_decision_curve(curve: Sequence[NetBenefit]) -> ReportPlot | None:
    """Draw the net benefit of the model, of referring all and of referring nobody; None without images."""
    if not curve:
        return None
    drawing = new_figure(3.6)
    axes = grid_axes(drawing)
    levels, model = [each.threshold_probability for each in curve], [each.model for each in curve]
    top = max(*model, curve[0].refer_all, 0.0)
    axes.plot(levels, [each.refer_all for each in curve], color=VERMILION, linestyle="--", label="refer all")
    axes.axhline(0, color=GREY, linewidth=1.2, linestyle=(0, (4, 3)), label="refer nobody")
    axes.plot(levels, model, color=BLUE, linewidth=2.2, label="this model")
    axes.set(xlabel="threshold probability", ylabel="net benefit", ylim=(-0.3 * top - 0.01, 1.1 * top + 0.01))
    axes.legend(loc="upper right", fontsize=9)
    shown = ", ".join(
        f"{format_value(each.model)} at {each.threshold_probability:.0%}"
        for each in curve
        if round(100 * each.threshold_probability) in NAMED_LEVELS
    )
    return finish_plot(
        drawing, "decision_curve.png", "Decision curve for melanoma", f"Net benefit of the model: {shown}."
    )


def plot_melanoma_calibration(found: MelanomaCalibration) -> ReportPlot | None:
    """Draw the share of melanomas by the mean melanoma probability; None without images."""
    if not found.curve:
        return None
    drawing = new_figure(4.4)
    axes = grid_axes(drawing)
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1.0, linestyle=(0, (2, 4)), label="ideal")
    axes.plot([each.expected for each in found.curve], [each.observed for each in found.curve], "o-", color=BLUE)
    axes.set(xlabel="mean melanoma probability", ylabel="share of melanomas", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    shown = ", ".join(f"{format_value(each.observed)} at {format_value(each.expected)}" for each in found.curve)
    alt = f"Share of melanomas at the mean melanoma probability, in tenths of the test images: {shown}."
    return finish_plot(drawing, "melanoma_calibration.png", "Calibration of the melanoma probability", alt)


def plot_reliability(calibration: Calibration) -> ReportPlot:
    """Draw accuracy by confidence above a histogram of the confidences, as served and at the temperature."""
    drawing = new_figure(5.4)
    upper, lower = drawing.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    for axes in (upper, lower):
        style_axes(axes)
    upper.plot([0, 1], [0, 1], color=GREY, linewidth=1.0, linestyle=(0, (2, 4)), label="ideal")
    if calibration.tempered is not None and calibration.temperature is not None:
        label = f"at temperature {format_value(calibration.temperature)}"
        _plot_reliability_curve(upper, calibration.tempered, label, GREEN, ("s", "--"))
    _plot_overconfidence(upper, calibration.served)
    _plot_reliability_curve(upper, calibration.served, "as served", BLUE, ("o", "-"))
    upper.set(ylabel="accuracy", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    upper.legend(loc="upper left", fontsize=9)
    bins = calibration.served.bins
    edges = [each.lower for each in bins]
    lower.bar(
        edges,
        [each.images for each in bins],
        [each.upper - each.lower for each in bins],
        align="edge",
        color=BLUE,
        edgecolor="white",
    )
    lower.set(xlabel="confidence: probability of the predicted class", ylabel="images")
    return finish_plot(drawing, "reliability.png", "Reliability diagram", _reliability_alt_text(calibration))


def drawn_bins(measured: Reliability) -> list[tuple[float, float, int]]:
    """Return confidence, accuracy and number of images of the bins with at least `LEAST_BIN_IMAGES` images."""
    return [
        (each.confidence, each.accuracy, each.images)
        for each in measured.bins
        if each.images >= LEAST_BIN_IMAGES and each.confidence is not None and each.accuracy is not None
    ]


def _plot_reliability_curve(axes: Axes, measured: Reliability, label: str, colour: str, style: tuple[str, str]) -> None:
    """Draw the bins as markers whose area grows with the number of images; `style` is their marker and the line."""
    known, (marker, line) = drawn_bins(measured), style
    if not known:
        return
    confidence, accuracy, images = (list(each) for each in zip(*known, strict=True))
    most = max(images)
    axes.plot(confidence, accuracy, line, color=colour, linewidth=1.4)
    areas = [20 + 90 * number / most for number in images]
    axes.scatter(confidence, accuracy, s=areas, marker=marker, color=colour, label=label, zorder=3)


def _plot_overconfidence(axes: Axes, measured: Reliability) -> None:
    """Mark the excess of confidence over accuracy in each bin."""
    over = [(sure, right, sure) for sure, right, _ in drawn_bins(measured) if sure > right]
    if over:
        axes.vlines(*zip(*over, strict=True), color=VERMILION, linewidth=5, alpha=0.35, label="overconfident by")


def _reliability_alt_text(calibration: Calibration) -> str:
    served = calibration.served
    alt = (
        f"Accuracy by confidence. Expected calibration error {format_value(served.error.value)},"
        f" overconfidence {format_value(served.overconfidence.value)} as served."
    )
    if calibration.tempered is not None and calibration.temperature is not None:
        error = format_value(calibration.tempered.error.value)
        alt += f" At temperature {format_value(calibration.temperature)}: {error}."
    return alt
