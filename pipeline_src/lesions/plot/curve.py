# SPDX-License-Identifier: MIT-0
"""Curves of the seven classes, each against the rest: ROC, and precision against recall."""

import numpy as np
from sklearn import metrics as sklearn_metrics

from pipeline_src import contract
from pipeline_src.lesions import metrics
from pipeline_src.lesions.figures import Figures
from pipeline_src.lesions.page.wording import figure
from pipeline_src.lesions.plot import canvas
from pipeline_src.lesions.plot.canvas import Plot
from pipeline_src.lesions.prediction import Predictions


def roc(test: Predictions, figures: Figures) -> Plot:
    """Draw each class's ROC curve, and the melanoma operating point on its own."""
    drawing = canvas.figure(5.2)
    axes = canvas.axes_of(drawing)
    axes.plot([0, 1], [0, 1], color=canvas.GREY, linewidth=0.8, linestyle=(0, (2, 4)), label="guessing 0.500")
    for position, label in enumerate(contract.CLASS_LABELS):
        curve, area = metrics.roc(test, position), figures.per_class[label].auc
        if curve is not None:
            colour, style, width = canvas.CURVES[position]
            rates = curve.false_positive_rate, curve.true_positive_rate
            axes.plot(*rates, color=colour, linestyle=style, linewidth=width, label=f"{label} {figure(area.value)}")
    sensitivity, specificity = figures.melanoma_sensitivity.value, figures.melanoma_specificity.value
    if sensitivity is not None and specificity is not None:
        (spot,) = axes.plot([1 - specificity], [sensitivity], "o", markersize=11, zorder=5)
        spot.set(label="melanoma\noperating point", markerfacecolor="white", markeredgewidth=2.2)
        spot.set_markeredgecolor(canvas.VERMILION)
    axes.set(xlabel="1 - specificity", ylabel="sensitivity", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    axes.legend(loc="lower right", fontsize=9, title="area under the curve", title_fontsize=9)
    areas = ", ".join(f"{label} {figure(each.auc.value)}" for label, each in figures.per_class.items())
    alt = f"ROC curves of the seven classes on the test images. Areas under the curve: {areas}."
    return Plot("roc.png", "ROC curves, each class against the rest", alt, canvas.png(drawing))


def precision_recall(test: Predictions, figures: Figures) -> Plot:
    """Draw each class's precision (PPV) at every recall (sensitivity), in the steps that average precision sums."""
    drawing = canvas.figure(5.2)
    axes = canvas.axes_of(drawing)
    for position, label in enumerate(contract.CLASS_LABELS):
        positive = test.truth == position
        if positive.any():
            colour, style, width = canvas.CURVES[position]
            precision, recall, _ = sklearn_metrics.precision_recall_curve(positive, test.probabilities[:, position])
            kept = np.append(np.diff(recall) != 0, True)  # of equal recalls the one that counts
            (line,) = axes.step(
                recall[kept], precision[kept], where="post", color=colour, linestyle=style, linewidth=width
            )
            line.set_label(f"{label} {figure(figures.per_class[label].average_precision.value)}")
    axes.set(xlabel="sensitivity (recall)", ylabel="PPV (precision)", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.set_aspect("equal")
    if np.size(test.truth):
        axes.legend(loc="lower left", fontsize=9, title="average precision", title_fontsize=9)
    areas = ", ".join(f"{label} {figure(each.average_precision.value)}" for label, each in figures.per_class.items())
    alt = f"Precision against recall of the seven classes on the test images. Average precision: {areas}."
    return Plot(
        "precision_recall.png", "Precision against recall, each class against the rest", alt, canvas.png(drawing)
    )
